//! The error bars themselves are tested: p-values are uniform and intervals cover, at fixed seeds.

use super::deviation::Scatter;
use super::{Blocks, Level, Sampling, TestSet, TheoryCurve, Tolerance, Verdict, compare, p_value};
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

/// Eight draws and 40 held-out samples crossed: `delta + w_k (a_r + b_j + (ab)_rj)` at the points `k`, the theory at 0.
fn crossed(delta: f64, points: usize, [a, b, ab]: [f64; 3], seed: u64) -> (Blocks, Sampling) {
    const SAMPLES: usize = 40;
    let normal = |purpose, n, m| normal_matrix(&mut stream(seed, purpose, &[]), n, m);
    let of_draw = normal("of draw", DRAWS, 1) * a;
    let of_sample = normal("of sample", SAMPLES, 1) * b;
    let of_both = normal("of both", DRAWS, SAMPLES) * ab;
    let weight = |k: usize| 1.0 - 0.25 * k as f64;
    let loss = |r: usize, j: usize| of_draw[r] + of_sample[j] + of_both[(r, j)];
    let n = SAMPLES as f64;
    let mean = |r: usize| (0..SAMPLES).map(|j| loss(r, j)).sum::<f64>() / n;
    let draws: Vec<_> = (0..DRAWS)
        .map(|dataset| {
            let index = DrawIndex {
                dataset,
                replica: 0,
            };
            let values = (0..points).map(|k| delta + weight(k) * mean(dataset));
            (index, values.collect())
        })
        .collect();
    let shares = DMatrix::from_fn(DRAWS, SAMPLES * points, |r, c| {
        weight(c % points) * (loss(r, c / points) - mean(r)) / n
    });
    let sampling = Sampling {
        samples: SAMPLES,
        blocks: SAMPLES,
        shares,
        population: None,
    };
    (Blocks::from_draws(&draws).unwrap(), sampling)
}

/// Whether the interval of a comparison with 0 covers `delta`, with and without the sampling error of the held-out
/// samples.
fn covers(delta: f64, points: usize, sizes: [f64; 3], seed: u64) -> [bool; 2] {
    let (measured, sampling) = crossed(delta, points, sizes, seed);
    [TestSet::Sampled(sampling), TestSet::Drawn].map(|test_set| {
        let theory = TheoryCurve {
            test_set,
            ..TheoryCurve::exact(Blocks::fixed(&vec![0.0; points]))
        };
        let row = compare(&measured, &theory, Tolerance::Absolute(1.0), seed).unwrap();
        let [lower, upper] = row.interval.unwrap();
        lower <= delta && delta <= upper
    })
}

/// 95 % intervals for the population, whether draws or samples scatter more, one point or several, at 0 and at 10 times
/// the noise. Without the sampling error of the samples they cover seldom.
#[test]
fn intervals_cover_the_population_when_all_draws_share_their_held_out_samples() {
    for sizes in [[0.1, 1.0, 0.7], [0.6, 1.0, 0.0], [0.0, 1.0, 2.0]] {
        let [a, b, ab] = sizes;
        let noise = f64::sqrt((a * a + ab * ab / 40.0) / 8.0 + b * b / 40.0);
        for (points, size) in [(1, 0.0), (1, 3.0), (3, 0.0), (3, 10.0)] {
            let found = (0..400).map(|seed| covers(size * noise, points, sizes, seed));
            let found: Vec<[bool; 2]> = found.collect();
            let covered = |which: usize| found.iter().filter(|c| c[which]).count();
            assert!(
                (368..=394).contains(&covered(0)),
                "{sizes:?}, {points} points, {size} times the noise: {} of 400",
                covered(0)
            );
            assert!(covered(1) + 10 < covered(0), "{} of 400", covered(1));
        }
    }
}

/// The draws help no more where the samples limit the interval: the row asks for samples, and for as many as then
/// decide.
#[test]
fn where_samples_limit_the_interval_samples_are_asked_for() {
    let row = |samples_error: f64| {
        let (measured, sampling) = crossed(0.3, 1, [0.01, samples_error, 0.0], 4);
        let theory = TheoryCurve {
            test_set: TestSet::Sampled(sampling),
            ..TheoryCurve::exact(Blocks::fixed(&[0.0]))
        };
        compare(&measured, &theory, Tolerance::Absolute(0.2), 0).unwrap()
    };
    let wide = row(1.0);
    assert_eq!(wide.verdict, Verdict::Inconclusive { draws_needed: None });
    let advice = wide.notes.iter().find(|n| n.starts_with("needs ~"));
    let advice = advice.unwrap_or_else(|| panic!("{:?}", wide.notes));
    let needed: f64 = advice.split(' ').nth(1).unwrap()[1..].parse().unwrap();
    assert!(
        advice.contains("instead of 40") && needed > 60.0,
        "{advice}"
    );
    // The same samples as if they were as many: their error falls with the root of the number.
    let enough = row((40.0 / needed).sqrt());
    assert_ne!(enough.verdict.name(), "inconclusive", "{advice}");
    assert!(wide.p.is_none() && wide.held_out.unwrap().population);
    let error = wide.held_out.unwrap().error.unwrap();
    assert!((error / 40f64.powf(-0.5) - 1.0).abs() < 0.4, "{error}");
}
