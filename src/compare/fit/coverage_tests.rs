//! Coverage of intervals and uniformity of p-values over synthetic experiments with a known truth.

use super::fit_tests::{blocks, sampled};
use super::*;
use crate::numerics::elementary::normal_cdf;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::kolmogorov_smirnov_uniform;

const REPEATS: u64 = 200;
const TRUTH: [f64; 2] = [1.0, 0.6];

/// What 200 experiments of `n` draws of a decay at `m` times say: coverages of profile and bootstrap at both levels for
/// each parameter, p of uniform p-values, p of uniform tails of the pulls. `error` is that of the theory.
fn coverage(n: usize, m: usize, length: f64, error: f64) -> ([[[f64; 2]; 2]; 2], f64, f64) {
    let curve = |x: &[f64]| -> Vec<f64> {
        (0..m)
            .map(|k| x[0] * (-x[1] * 4.0 * k as f64 / m as f64).exp())
            .collect()
    };
    let parameters = vec![
        Parameter::linear("size", 0.0, 3.0),
        Parameter::log("rate", 0.05, 5.0),
    ];
    let mut covered = [[[0.0; 2]; 2]; 2];
    let (mut tails, mut pulls) = (vec![], vec![]);
    for repeat in 0..REPEATS {
        let rows = sampled(1000 + repeat, n, &curve(&TRUTH), 0.08, length);
        let off = normal_matrix(&mut stream(repeat, "theory", &[]), m, 1) * error;
        let model = Model::new(parameters.clone(), |x: &[f64]| {
            let row = curve(x)
                .iter()
                .zip(off.iter())
                .map(|(y, e)| y + e)
                .collect();
            let stderr = (error > 0.0).then(|| vec![error; m]);
            Ok(Predicted {
                stderr,
                ..Predicted::exact(row)
            })
        });
        let settings = Settings {
            starts: 2,
            reference: Some(TRUTH.to_vec()),
            seed: repeat,
            ..Settings::default()
        };
        let fit = fit(&model, &blocks(&rows), &settings).unwrap();
        tails.push(fit.p.unwrap());
        for (j, fitted) in fit.parameters.iter().enumerate() {
            for (kind, intervals) in [fitted.profile, fitted.bootstrap.unwrap()]
                .iter()
                .enumerate()
            {
                for (level, i) in intervals.iter().enumerate() {
                    let inside = i.lower <= TRUTH[j] && TRUTH[j] <= i.upper;
                    covered[j][kind][level] += f64::from(u8::from(inside)) / REPEATS as f64;
                }
            }
        }
        pulls.push(normal_cdf(fit.parameters[1].pull.unwrap()).0);
    }
    (
        covered,
        kolmogorov_smirnov_uniform(&tails).1,
        kolmogorov_smirnov_uniform(&pulls).1,
    )
}

fn check(n: usize, m: usize, length: f64, error: f64) {
    let (covered, tails, pulls) = coverage(n, m, length, error);
    println!("n {n} m {m}: coverage {covered:?}, p of p-values {tails:.3}, of pulls {pulls:.3}");
    for kinds in covered {
        for [one, two] in kinds {
            assert!((0.60..=0.76).contains(&one), "68 %: {one}");
            assert!((0.90..=0.99).contains(&two), "95 %: {two}");
        }
    }
    assert!(tails > 0.01 && pulls > 0.01, "{tails} {pulls}");
}

/// More draws than points: the sample covariance as it is, laws of Rao and Hotelling.
#[test]
fn intervals_cover_and_p_values_are_uniform_with_more_draws_than_points() {
    check(12, 8, 3.0, 0.0);
}

/// Fewer draws than points: shrunk correlations, errors of held-out draws, sign flips.
#[test]
fn intervals_cover_and_p_values_are_uniform_with_fewer_draws_than_points() {
    check(12, 20, 3.0, 0.0);
}

/// A Monte Carlo theory whose error is that of the measurement: it counts once for all draws.
#[test]
fn intervals_cover_and_p_values_are_uniform_with_a_theory_that_has_an_error() {
    check(12, 8, 3.0, 0.023);
}
