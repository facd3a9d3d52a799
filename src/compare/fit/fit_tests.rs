//! Laws of a fit: closed forms and invariances.

use super::*;
use crate::compare::Blocks;
use crate::experiment::DrawIndex;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::student_quantile;
use nalgebra::{DMatrix, DVector};

/// Rows are draws.
pub(super) fn blocks(rows: &DMatrix<f64>) -> Blocks {
    let draws: Vec<_> = rows
        .row_iter()
        .enumerate()
        .map(|(replica, row)| {
            (
                DrawIndex {
                    dataset: 0,
                    replica,
                },
                row.iter().copied().collect(),
            )
        })
        .collect();
    Blocks::from_draws(&draws).unwrap()
}

/// Normal rows about `mean` with standard deviation `size` and correlation `exp(-|i - j|/length)`.
pub(super) fn sampled(seed: u64, n: usize, mean: &[f64], size: f64, length: f64) -> DMatrix<f64> {
    let m = mean.len();
    let covariance = DMatrix::from_fn(m, m, |i, j| {
        size * size * (-(i.abs_diff(j) as f64) / length).exp()
    });
    let lower = covariance.cholesky().unwrap().l();
    let noise = normal_matrix(&mut stream(seed, "fit test", &[]), n, m) * lower.transpose();
    DMatrix::from_fn(n, m, |r, k| mean[k] + noise[(r, k)])
}

pub(super) fn vector(v: &[f64]) -> DVector<f64> {
    DVector::from_column_slice(v)
}

pub(super) fn design() -> DMatrix<f64> {
    DMatrix::from_fn(5, 2, |k, j| if j == 0 { 1.0 } else { (k as f64).sqrt() })
}

pub(super) fn line(design: DMatrix<f64>) -> impl Problem {
    let parameters = vec![
        Parameter::linear("offset", -3.0, 3.0),
        Parameter::linear("slope", -3.0, 4.0),
    ];
    Model::new(parameters, move |x: &[f64]| {
        let mut predicted = Predicted::exact((&design * vector(x)).as_slice().to_vec());
        predicted.bound = vec![0.01, 0.02, 0.0, 0.01, 0.03];
        Ok(predicted)
    })
}

pub(super) fn close(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} {b} differ by {:e}", a - b);
}

/// Estimate, covariance, profile, p-value and shift of a linear theory are generalised least squares in closed form.
#[test]
fn a_linear_theory_is_generalised_least_squares() {
    let f = design();
    let (n, m, p) = (20usize, 5usize, 2usize);
    let truth = &f * vector(&[1.0, -0.5]);
    let rows = sampled(1, n, truth.as_slice(), 0.1, 2.0);
    let settings = Settings {
        reference: Some(vec![1.0, -0.5]),
        ..Settings::default()
    };
    let fit = fit(&line(f.clone()), &blocks(&rows), &settings).unwrap();
    // By hand: S with n - 1, C = S/n, x = (F^T C^-1 F)^-1 F^T C^-1 y.
    let mean = rows.row_mean().transpose();
    let centred = DMatrix::from_fn(n, m, |r, k| rows[(r, k)] - mean[k]);
    let inverse = (centred.transpose() * &centred / ((n - 1) * n) as f64)
        .try_inverse()
        .unwrap();
    let naive = (f.transpose() * &inverse * &f).try_inverse().unwrap();
    let map = &naive * f.transpose() * &inverse;
    let x = &map * &mean;
    let left = &mean - &f * &x;
    let chi2 = left.dot(&(&inverse * &left));
    let q = m - p;
    let scale = 19.0 / 16.0 * (1.0 + chi2 / 19.0);
    let rises = [(1.0 + LEVELS[0]) / 2.0, 0.975]
        .map(|level| scale * student_quantile(level, 16).unwrap().powi(2));
    close(fit.chi2, chi2, 1e-9 * chi2);
    assert_eq!(
        (fit.degrees, fit.shrinkage, fit.points, fit.n),
        (q, 0.0, m, n)
    );
    for j in 0..p {
        let fitted = &fit.parameters[j];
        let sigma = naive[(j, j)].sqrt();
        close(fitted.estimate, x[j], 1e-6 * sigma);
        close(
            fitted.stderr.unwrap(),
            sigma * rises[0].sqrt(),
            1e-6 * sigma,
        );
        for (level, rise) in rises.iter().enumerate() {
            let interval = fitted.profile[level];
            close(fitted.rise[level], *rise, 1e-6);
            close(interval.lower, x[j] - sigma * rise.sqrt(), 1e-4 * sigma);
            close(interval.upper, x[j] + sigma * rise.sqrt(), 1e-4 * sigma);
            assert_eq!(interval.open, [false; 2]);
        }
        for point in &fitted.curve {
            let rise = ((point[0] - x[j]) / sigma).powi(2);
            close(point[1], rise, 1e-6 * (1.0 + rise));
        }
        let bound = [0.01, 0.02, 0.0, 0.01, 0.03];
        let shift: f64 = (0..m).map(|k| map[(j, k)].abs() * bound[k]).sum();
        close(fitted.systematic, shift, 1e-6 * shift);
        // The tail of Student's t at the reference, in normal standard deviations.
        let t = (x[j] - [1.0, -0.5][j]) / (sigma * scale.sqrt());
        let pull = crate::numerics::statistics::normal_equivalent(t, 16).unwrap();
        close(fitted.pull.unwrap(), pull, 1e-4);
        // A bootstrap of normal draws has the interval of the profile, up to its own noise.
        let bootstrap = fitted.bootstrap.unwrap()[0];
        let half = 0.5 * (bootstrap.upper - bootstrap.lower);
        close(
            half,
            sigma * rises[0].sqrt(),
            0.15 * sigma * rises[0].sqrt(),
        );
    }
    close(
        fit.correlation[0][1],
        naive[(0, 1)] / (naive[(0, 0)] * naive[(1, 1)]).sqrt(),
        1e-6,
    );
    close(
        fit.covariance[0][1],
        naive[(0, 1)] * rises[0],
        1e-6 * naive[(0, 0)],
    );
    // A single combination of points: Hotelling is Student.
    let p = hotelling(2.5f64.powi(2), 20, 1).unwrap().unwrap();
    let tail = 2.0 * (1.0 - crate::numerics::statistics::student_cdf(2.5, 19).unwrap());
    close(p, tail, 1e-9);
    close(
        fit.p.unwrap(),
        hotelling(chi2, n, q).unwrap().unwrap(),
        1e-9,
    );
}

/// At the ends of the intervals of a bent theory, chi2 minimised over the other parameter by brute force has risen by
/// what the law says; the other parameter follows far from a straight line.
#[test]
fn the_profile_of_a_bent_theory_is_that_of_brute_force() {
    let curve = |x: &[f64]| vec![x[0] + x[1] * x[1], x[1] + 0.5 * x[0] * x[0], x[0] - x[1]];
    let (n, m) = (14, 3);
    let rows = sampled(17, n, &curve(&[0.3, 0.2]), 1.2, 1.0);
    let parameters = vec![
        Parameter::linear("a", -6.0, 6.0),
        Parameter::linear("b", -6.0, 6.0),
    ];
    let model = Model::new(parameters, |x: &[f64]| Ok(Predicted::exact(curve(x))));
    let fit = fit(&model, &blocks(&rows), &Settings::default()).unwrap();
    let mean = rows.row_mean().transpose();
    let centred = DMatrix::from_fn(n, m, |r, k| rows[(r, k)] - mean[k]);
    let inverse = (centred.transpose() * &centred / ((n - 1) * n) as f64)
        .try_inverse()
        .unwrap();
    let chi2 = |x: [f64; 2]| {
        let left = &mean - vector(&curve(&x));
        left.dot(&(&inverse * &left))
    };
    for (j, fitted) in fit.parameters.iter().enumerate() {
        for (level, interval) in fitted.profile.iter().enumerate() {
            for end in [interval.lower, interval.upper] {
                let at = |other: f64| chi2(if j == 0 { [end, other] } else { [other, end] });
                // A grid near the estimate, and a second one, finer, around its lowest point: the same valley.
                let scan = |centre: f64, width: f64| {
                    let places = (-500..=500).map(|k| centre + width * k as f64 / 500.0);
                    places.min_by(|a, b| at(*a).total_cmp(&at(*b))).unwrap()
                };
                let least = at(scan(scan(fit.parameters[1 - j].estimate, 1.0), 0.004));
                close(
                    least - fit.chi2,
                    fitted.rise[level],
                    2e-3 * fitted.rise[level],
                );
            }
        }
    }
}

/// With the sample covariance as it is, no linear change of the points changes anything.
#[test]
fn a_change_of_the_points_changes_nothing() {
    let f = design();
    let truth = &f * vector(&[0.4, 0.7]);
    let rows = sampled(2, 15, truth.as_slice(), 0.2, 3.0);
    let mixing = DMatrix::from_fn(5, 5, |i, j| {
        if i == j {
            2.0
        } else {
            ((3 * i + j) as f64).sin()
        }
    });
    let one = fit(&line(f.clone()), &blocks(&rows), &Settings::default()).unwrap();
    let two = fit(
        &line(&mixing * f),
        &blocks(&(rows * mixing.transpose())),
        &Settings::default(),
    )
    .unwrap();
    close(one.chi2, two.chi2, 1e-8 * one.chi2);
    close(one.p.unwrap(), two.p.unwrap(), 1e-8);
    for (a, b) in one.parameters.iter().zip(&two.parameters) {
        let sigma = a.stderr.unwrap();
        close(a.estimate, b.estimate, 1e-5 * sigma);
        close(sigma, b.stderr.unwrap(), 1e-5 * sigma);
        close(a.profile[1].upper, b.profile[1].upper, 1e-4 * sigma);
        close(
            a.bootstrap.unwrap()[0].lower,
            b.bootstrap.unwrap()[0].lower,
            1e-5 * sigma,
        );
    }
}

/// A logarithmic parameter has the exponentials of the interval of its logarithm.
#[test]
fn a_logarithmic_parameter_has_the_transformed_interval() {
    let curve = |log: f64| -> Vec<f64> { (1..5).map(|k| log * k as f64).collect() };
    let rows = sampled(3, 12, &curve(-1.5), 0.5, 1.0);
    let log = Model::new(vec![Parameter::log("x", 1e-3, 1e2)], |x: &[f64]| {
        Ok(Predicted::exact(curve(x[0].ln())))
    });
    let bounds = Parameter::linear("ln x", 1e-3f64.ln(), 1e2f64.ln());
    let linear = Model::new(vec![bounds], |x: &[f64]| Ok(Predicted::exact(curve(x[0]))));
    let a = &fit(&log, &blocks(&rows), &Settings::default())
        .unwrap()
        .parameters[0];
    let b = &fit(&linear, &blocks(&rows), &Settings::default())
        .unwrap()
        .parameters[0];
    close(a.estimate, b.estimate.exp(), 1e-6 * a.estimate);
    close(
        a.stderr.unwrap(),
        b.stderr.unwrap() * a.estimate,
        1e-6 * a.estimate,
    );
    for level in 0..2 {
        close(
            a.profile[level].lower,
            b.profile[level].lower.exp(),
            1e-5 * a.estimate,
        );
        close(
            a.profile[level].upper,
            b.profile[level].upper.exp(),
            1e-5 * a.estimate,
        );
        let [one, two] = [a.bootstrap.unwrap()[level], b.bootstrap.unwrap()[level]];
        close(one.upper, two.upper.exp(), 1e-5 * a.estimate);
    }
}

/// Noise that theory and measurement share cancels draw by draw: the error is that of the rest.
#[test]
fn a_conditioned_theory_is_compared_draw_by_draw() {
    let n = 12;
    let shared = normal_matrix(&mut stream(7, "shared", &[]), n, 4);
    let own = sampled(8, n, &[0.0; 4], 0.01, 1.0);
    let slope = |k: usize| 1.0 + k as f64;
    let rows = DMatrix::from_fn(n, 4, |r, k| shared[(r, k)] + 0.7 * slope(k) + own[(r, k)]);
    let parameter = || vec![Parameter::linear("gain", -2.0, 2.0)];
    let given = Model::new(parameter(), |x: &[f64]| {
        let row = |r: usize| (0..4).map(|k| shared[(r, k)] + x[0] * slope(k)).collect();
        Ok(Predicted::per_draw((0..n).map(row).collect()))
    });
    let average = Model::new(parameter(), |x: &[f64]| {
        Ok(Predicted::exact((0..4).map(|k| x[0] * slope(k)).collect()))
    });
    let given = &fit(&given, &blocks(&rows), &Settings::default())
        .unwrap()
        .parameters[0];
    let average = &fit(&average, &blocks(&rows), &Settings::default())
        .unwrap()
        .parameters[0];
    close(given.estimate, 0.7, 4.0 * given.stderr.unwrap());
    assert!(given.stderr.unwrap() < 0.05 * average.stderr.unwrap());
    // The closed form of the error of the rest: sum of slopes^2 over variance/n.
    let ideal = 0.01 / (n as f64 * (0..4).map(|k| slope(k).powi(2)).sum::<f64>()).sqrt();
    assert!((0.4..2.5).contains(&(given.stderr.unwrap() / ideal)));
}

/// A covariance that the parameters change is taken again at the estimate.
#[test]
fn the_covariance_of_a_conditioned_theory_is_that_at_the_estimate() {
    let n = 12;
    let known = normal_matrix(&mut stream(9, "inputs", &[]), n, 3);
    let own = sampled(10, n, &[0.0; 3], 0.01, 1.0);
    let rows = DMatrix::from_fn(n, 3, |r, k| 0.5 * known[(r, k)] + 0.5 + own[(r, k)]);
    let model = |start: f64| {
        let known = known.clone();
        Model::new(
            vec![Parameter::linear("gain", -3.0, 3.0).from(start)],
            move |x: &[f64]| {
                let row = |r: usize| (0..3).map(|k| x[0] * (known[(r, k)] + 1.0)).collect();
                Ok(Predicted::per_draw((0..n).map(row).collect()))
            },
        )
    };
    let near = fit(&model(0.5), &blocks(&rows), &Settings::default()).unwrap();
    let far = fit(&model(-2.0), &blocks(&rows), &Settings::default()).unwrap();
    let ratio = far.parameters[0].stderr.unwrap() / near.parameters[0].stderr.unwrap();
    assert!((0.8..1.25).contains(&ratio), "{ratio}");
}

/// The statistical error of a theory adds to the covariance.
#[test]
fn the_error_of_a_monte_carlo_theory_widens_the_interval() {
    let rows = sampled(11, 40, &[1.0, 1.0, 1.0], 0.1, 0.1);
    let model = |stderr: f64| {
        Model::new(
            vec![Parameter::linear("level", -3.0, 3.0)],
            move |x: &[f64]| {
                Ok(Predicted {
                    stderr: Some(vec![stderr; 3]),
                    ..Predicted::exact(vec![x[0]; 3])
                })
            },
        )
    };
    let error = |stderr| {
        fit(&model(stderr), &blocks(&rows), &Settings::default())
            .unwrap()
            .parameters[0]
            .clone()
    };
    let wide = error(0.1);
    let expected = ((0.1f64 * 0.1 / 40.0 + 0.1 * 0.1) / 3.0).sqrt();
    close(wide.stderr.unwrap() / expected, 1.0, 0.2);
    let interval = wide.bootstrap.unwrap()[0];
    close(0.5 * (interval.upper - interval.lower) / expected, 1.0, 0.2);
    assert!(error(1e-6).stderr.unwrap() < 0.3 * wide.stderr.unwrap());
}

/// The full bootstrap of a linear theory is the linearised one.
#[test]
fn resamples_of_a_linear_theory_need_no_full_fit() {
    let f = design();
    let truth = &f * vector(&[1.0, -0.5]);
    let rows = blocks(&sampled(15, 10, truth.as_slice(), 0.1, 2.0));
    let settings = Settings {
        resamples: 50,
        ..Settings::default()
    };
    let step = fit(&line(f.clone()), &rows, &settings).unwrap();
    let full = fit(
        &line(f),
        &rows,
        &Settings {
            refit: true,
            ..settings
        },
    )
    .unwrap();
    for (a, b) in step.parameters.iter().zip(&full.parameters) {
        let tolerance = 1e-4 * a.stderr.unwrap();
        close(
            a.bootstrap.unwrap()[0].lower,
            b.bootstrap.unwrap()[0].lower,
            tolerance,
        );
        close(
            a.bootstrap.unwrap()[1].upper,
            b.bootstrap.unwrap()[1].upper,
            tolerance,
        );
    }
}

/// The same bits for every number of threads, with calibration and flips in play.
#[test]
fn a_fit_has_the_same_bits_on_every_run() {
    let curve = |x: &[f64]| -> Vec<f64> {
        (0..14)
            .map(|k| x[0] * (-0.2 * x[1] * k as f64).exp())
            .collect()
    };
    let rows = blocks(&sampled(16, 8, &curve(&[1.0, 1.0]), 0.1, 3.0));
    let parameters = vec![
        Parameter::linear("a", 0.0, 3.0),
        Parameter::log("b", 0.1, 10.0),
    ];
    let model = Model::new(parameters, |x: &[f64]| Ok(Predicted::exact(curve(x))));
    let settings = Settings {
        resamples: 100,
        ..Settings::default()
    };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        pool.install(|| fit(&model, &rows, &settings)).unwrap()
    };
    let [one, two] = [run(1), run(2)];
    assert!(one.shrinkage > 0.0 && one.significance == Significance::SignFlips);
    assert_eq!(one, two);
}
