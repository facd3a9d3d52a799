//! Laws of the relations: brute force counts, closed forms, uniform p-values, calibrated errors.

use super::*;
use crate::compare::{Blocks, Level};
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::kolmogorov_smirnov_uniform;

fn normal(seed: u64, purpose: &str, n: usize) -> Vec<f64> {
    let z = normal_matrix(&mut stream(seed, purpose, &[]), n, 1);
    z.iter().copied().collect()
}

fn fixed(v: &[f64]) -> Values {
    Values::exact(Blocks::fixed(v))
}

fn value(relation: &dyn Relation, x: &[f64], y: &[f64]) -> f64 {
    relation.value(&relation.prepare(x, y).unwrap())
}

#[test]
fn monotone_data_have_rank_correlation_one_and_ties_share_ranks() {
    let x = normal(1, "x", 30);
    let y: Vec<f64> = x.iter().map(|v| v.exp()).collect();
    let found = relate(&RankCorrelation {}, &fixed(&x), &fixed(&y), 0).unwrap();
    assert!((found.value - 1.0).abs() < 1e-12);
    assert_eq!(
        (found.p, found.pairs, found.stderr),
        (1.0 / 2000.0, 30, None)
    );
    let falling: Vec<f64> = y.iter().map(|v| -v).collect();
    assert!((value(&RankCorrelation {}, &x, &falling) + 1.0).abs() < 1e-12);
    assert_eq!(ranks(&[2.0, 1.0, 2.0, 5.0]), [2.5, 1.0, 2.5, 4.0]);
    // Without ties: 1 - 6 sum d^2 / (n (n^2 - 1)).
    let y = normal(2, "y", 30);
    let d: f64 = ranks(&x)
        .iter()
        .zip(ranks(&y))
        .map(|(a, b)| (a - b).powi(2))
        .sum();
    let known = 1.0 - 6.0 * d / (30.0 * 899.0);
    assert!((value(&RankCorrelation {}, &x, &y) - known).abs() < 1e-12);
}

/// With nothing between x and y the p-value of every relation is uniform; the null has the mean that chance gives.
#[test]
fn p_values_of_unrelated_data_are_uniform() {
    let n = 20;
    let chance = [0.0, 1.0 / 19.0, 0.5, f64::NAN];
    let kinds: [&dyn Relation; 4] = [
        &RankCorrelation {},
        &R2 {},
        &Auc { above: 0.0 },
        &KolmogorovSmirnov {},
    ];
    for (kind, chance) in kinds.into_iter().zip(chance) {
        let (mut p, mut means) = (Vec::new(), Vec::new());
        for seed in 0..300 {
            let (x, y) = (normal(seed, "x", n), normal(seed, "y", n));
            let found = relate(kind, &fixed(&x), &fixed(&y), seed).unwrap();
            p.push(found.p);
            means.push(found.chance);
        }
        if chance.is_finite() {
            let mean = means.iter().sum::<f64>() / 300.0;
            assert!((mean - chance).abs() < 2e-3, "{kind:?}: {mean}");
            let (distance, uniform) = kolmogorov_smirnov_uniform(&p);
            // An auc takes few values: its p-value stays above the uniform one by up to one step.
            assert!(uniform > 0.01, "{kind:?}: {distance} {uniform}");
        }
        // A test of level 5 % rejects in no more than 5 %, within three standard errors.
        let rejected = p.iter().filter(|p| **p <= 0.05).count();
        assert!(rejected <= 26, "{kind:?}: {rejected} of 300");
        assert!(rejected >= 3, "{kind:?}: {rejected} of 300");
    }
}

#[test]
fn auc_is_the_brute_force_count() {
    for seed in 0..20 {
        // Rounded, so that values are equal now and then.
        let x: Vec<f64> = normal(seed, "x", 25)
            .iter()
            .map(|v| (2.0 * v).round())
            .collect();
        let y = normal(seed, "y", 25);
        let (mut count, mut all) = (0.0, 0.0);
        for i in (0..25).filter(|i| y[*i] > 0.3) {
            for j in (0..25).filter(|j| y[*j] <= 0.3) {
                all += 1.0;
                count += f64::from(x[i] > x[j]) + 0.5 * f64::from(x[i] == x[j]);
            }
        }
        let auc = value(&Auc { above: 0.3 }, &x, &y);
        assert!((auc - count / all).abs() < 1e-12, "{auc} {}", count / all);
    }
    let message = relate(
        &Auc { above: 9.0 },
        &fixed(&[1.0, 2.0, 3.0]),
        &fixed(&[1.0, 2.0, 3.0]),
        0,
    );
    assert!(
        message
            .unwrap_err()
            .to_string()
            .contains("no value of y lies above 9")
    );
}

#[test]
fn kolmogorov_smirnov_is_the_brute_force_maximum() {
    for seed in 0..20 {
        let round = |v: Vec<f64>| -> Vec<f64> { v.iter().map(|v| (4.0 * v).round()).collect() };
        let x = round(normal(seed, "x", 17));
        let y = round(normal(seed, "y", 17));
        let share = |v: &[f64], t: f64| v.iter().filter(|v| **v <= t).count() as f64 / 17.0;
        let at = x.iter().chain(&y);
        let brute = at
            .map(|t| (share(&x, *t) - share(&y, *t)).abs())
            .fold(0.0, f64::max);
        let found = value(&KolmogorovSmirnov {}, &x, &y);
        assert!((found - brute).abs() < 1e-12, "{found} {brute}");
    }
    let x = normal(1, "x", 40);
    let shifted: Vec<f64> = x.iter().map(|v| v + 5.0).collect();
    let found = relate(&KolmogorovSmirnov {}, &fixed(&x), &fixed(&shifted), 0).unwrap();
    assert!(found.value > 0.95 && found.p == 1.0 / 2000.0);
}

/// y = a + b x + c e with e orthogonal to 1 and x: r2 = b^2 Sxx / (b^2 Sxx + c^2 See).
#[test]
fn r2_is_the_closed_form() {
    let x = [1.0, 2.0, 3.0, 4.0, 5.0];
    let e = [0.0, 1.0, -2.0, 1.0, 0.0];
    for (b, c) in [(2.0, 0.5), (-0.3, 1.0), (1.0, 0.0)] {
        let y: Vec<f64> = (0..5).map(|k| 7.0 + b * x[k] + c * e[k]).collect();
        let known = 10.0 * b * b / (10.0 * b * b + 6.0 * c * c);
        assert!((value(&R2 {}, &x, &y) - known).abs() < 1e-12);
    }
    let constant = relate(&R2 {}, &fixed(&x), &fixed(&[1.0; 5]), 0);
    assert!(
        constant
            .unwrap_err()
            .to_string()
            .contains("all values of y are equal")
    );
}

/// The jackknife over the draws is the scatter of r2 over repeated experiments, within its own noise.
#[test]
fn the_standard_error_is_the_scatter_over_experiments() {
    let truth: Vec<f64> = (0..12).map(|k| k as f64 / 4.0).collect();
    let x = fixed(&truth);
    let (mut values, mut squares) = (Vec::new(), 0.0);
    let repeats = 200;
    for seed in 0..repeats {
        let z = normal_matrix(&mut stream(seed, "noise", &[]), 8, 12);
        let noise = normal(99, "shape", 12);
        let rows = nalgebra::DMatrix::from_fn(8, 12, |r, k| truth[k] + noise[k] + 1.5 * z[(r, k)]);
        let blocks = Blocks {
            level: Level::Replicas,
            ..Blocks::repeated(rows)
        };
        let found = relate(&R2 {}, &x, &Values::exact(blocks), seed).unwrap();
        assert_eq!((found.n, found.level), (8, "replicas"));
        squares += found.stderr.unwrap().powi(2) / repeats as f64;
        values.push(found.value);
    }
    let variance = crate::numerics::statistics::mean_variance(&values)
        .1
        .unwrap();
    let ratio = (squares / variance).sqrt();
    assert!((0.8..1.3).contains(&ratio), "{ratio}");
}

/// Repeats of a Monte Carlo theory give its part of the error; cells are put behind one another block by block.
#[test]
fn repeats_and_cells_enter() {
    let rows = normal_matrix(&mut stream(4, "rows", &[]), 9, 10);
    let rows = nalgebra::DMatrix::from_fn(9, 10, |r, k| k as f64 + rows[(r, k)]);
    let mean = Blocks::repeated(rows.clone()).mean();
    let sampled = Values {
        blocks: Blocks::fixed(&mean),
        repeats: Some(rows.clone()),
    };
    let truth: Vec<f64> = (0..10).map(|k| k as f64).collect();
    let found = relate(&R2 {}, &fixed(&truth), &sampled, 0).unwrap();
    let by_hand = crate::numerics::statistics::jackknife(&rows, |m| vec![value(&R2 {}, &truth, m)]);
    assert_eq!((found.n, found.level), (9, "repeats"));
    assert!((found.stderr.unwrap() - by_hand.stderr.unwrap()[0]).abs() < 1e-12);
    let (both, left) = joined(&[Values::exact(Blocks::repeated(rows)), fixed(&[1.0, 2.0])]);
    let both = both.unwrap().blocks;
    assert_eq!((both.n(), both.points(), left), (9, 12, 0));
    assert_eq!(both.values[(5, 11)], 2.0);
}
