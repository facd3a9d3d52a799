//! The error bars themselves are tested: p-values are uniform and intervals cover, at fixed seeds.

use super::deviation::Scatter;
use super::{Blocks, Level, p_value};
use crate::experiment::DrawIndex;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::{kolmogorov_smirnov_uniform, student_quantile};
use nalgebra::{DMatrix, DVector};
use std::f64::consts::PI;

const DRAWS: usize = 8;
const POINTS: usize = 40;

/// Square roots of covariances: correlated along the curve, almost one direction, independent.
fn noises() -> Vec<(&'static str, DMatrix<f64>)> {
    let root = |c: DMatrix<f64>| c.cholesky().map(|c| c.l()).unwrap();
    let exponential = |length: f64| {
        DMatrix::from_fn(POINTS, POINTS, |i, j| {
            (-(i as f64 - j as f64).abs() / length).exp()
        })
    };
    let wave = arch();
    let rank_one = &wave * wave.transpose() + 1e-4 * DMatrix::identity(POINTS, POINTS);
    vec![
        ("exponential, length 10", root(exponential(10.0))),
        ("almost rank one", root(rank_one)),
        ("independent", DMatrix::identity(POINTS, POINTS)),
    ]
}

/// One arch of a sine over the curve.
fn arch() -> DVector<f64> {
    DVector::from_fn(POINTS, |k, _| {
        (PI * (k + 1) as f64 / (POINTS + 1) as f64).sin()
    })
}

fn differences(root: &DMatrix<f64>, seed: u64) -> DMatrix<f64> {
    normal_matrix(&mut stream(seed, "calibration", &[]), DRAWS, POINTS) * root.transpose()
}

#[test]
fn p_values_of_a_correct_theory_are_uniform() {
    for (name, root) in noises() {
        let p: Vec<f64> = (0..200)
            .map(|seed| p_value(&differences(&root, seed), &[0.0; POINTS], seed).unwrap())
            .collect();
        let (distance, probability) = kolmogorov_smirnov_uniform(&p);
        assert!(
            probability > 0.01,
            "{name}: D = {distance}, p = {probability}"
        );
    }
}

#[test]
fn intervals_cover_at_every_size_of_the_deviation() {
    let shapes = [
        ("offset", DVector::from_element(POINTS, 1.0)),
        ("arch", arch()),
    ];
    for (name, root) in noises() {
        let noise = (root.norm_squared() / DRAWS as f64).sqrt();
        let samples: Vec<_> = (0..1000).map(|s| differences(&root, 1000 + s)).collect();
        for (shape, direction) in &shapes {
            for size in [0.0, 1.0, 3.0, 30.0] {
                if size == 0.0 && *shape != "offset" {
                    continue;
                }
                let truth = size * noise;
                let shift = direction / direction.norm() * truth;
                let covered = samples
                    .iter()
                    .filter(|z| {
                        let d = DMatrix::from_fn(DRAWS, POINTS, |r, k| z[(r, k)] + shift[k]);
                        let [lower, upper] = Scatter::new(&d, None, None).interval().unwrap();
                        lower <= truth && truth <= upper
                    })
                    .count();
                assert!(
                    (920..=980).contains(&covered),
                    "{name}, {shape}, {size} times the noise: {covered} of 1000"
                );
            }
        }
    }
}

/// Whether Student's 68 % interval of the mean of one point covers `truth`.
fn covers_68(blocks: &Blocks, truth: f64) -> bool {
    let t = student_quantile(0.84, blocks.n() - 1).unwrap();
    (blocks.mean()[0] - truth).abs() <= t * blocks.stderr().unwrap()[0]
}

/// Values `effect of data set + noise of replica` with unit variances.
fn draws(datasets: usize, replicas: usize, seed: u64) -> Vec<(DrawIndex, Vec<f64>)> {
    let effect = normal_matrix(&mut stream(seed, "effect", &[]), datasets, 1);
    let noise = normal_matrix(&mut stream(seed, "noise", &[]), datasets, replicas);
    let value = |dataset: usize, replica: usize| {
        let index = DrawIndex { dataset, replica };
        (index, vec![effect[dataset] + noise[(dataset, replica)]])
    };
    (0..datasets)
        .flat_map(|d| (0..replicas).map(move |r| (d, r)))
        .map(|(d, r)| value(d, r))
        .collect()
}

#[test]
fn a_68_percent_interval_covers_with_the_data_set_fixed() {
    let effect = |seed| normal_matrix(&mut stream(seed, "effect", &[]), 1, 1)[(0, 0)];
    let covered = (0..200)
        .filter(|&s| covers_68(&Blocks::from_draws(&draws(1, 8, s)).unwrap(), effect(s)))
        .count();
    assert!((120..=152).contains(&covered), "{covered} of 200");
}

#[test]
fn a_68_percent_interval_covers_with_the_data_set_drawn_anew_and_only_by_data_sets() {
    let (mut right, mut wrong) = (0, 0);
    for seed in 0..200 {
        let draws = draws(6, 8, seed);
        let blocks = Blocks::from_draws(&draws).unwrap();
        assert_eq!(blocks.level, Level::Datasets);
        right += usize::from(covers_68(&blocks, 0.0));
        // The wrong level: all 48 replicas as if they were independent.
        let flat: Vec<_> = draws
            .into_iter()
            .enumerate()
            .map(|(replica, (_, v))| {
                (
                    DrawIndex {
                        dataset: 0,
                        replica,
                    },
                    v,
                )
            })
            .collect();
        wrong += usize::from(covers_68(&Blocks::from_draws(&flat).unwrap(), 0.0));
    }
    assert!((120..=152).contains(&right), "{right} of 200");
    assert!(wrong < 120, "{wrong} of 200");
}
