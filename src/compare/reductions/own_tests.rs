//! Errors of a theory carried through reductions: numerical bounds hold for every error within them, Monte Carlo
//! errors are calibrated.

use super::{Cell, Collapse, Crossing, Exponent, Extrapolate, LocalExponent, Of, Own, Reducer};
use super::{Reduced, Reduction, Slope, reduce};
use crate::compare::Blocks;
use crate::instrument::Axis;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;
use rand::RngExt;

const X: [f64; 4] = [1.0, 4.0, 10.0, 20.0];

fn theory(x: f64, values: &[f64], own: Own) -> Cell {
    Cell {
        own,
        ..Cell::new(x, Blocks::fixed(values))
    }
}

fn bounded(bound: &[f64]) -> Own {
    Own {
        bound: bound.to_vec(),
        ..Own::default()
    }
}

/// Curves over seven points of an axis, and no axis.
type Example = (Box<dyn Reduction>, Vec<Axis>, Vec<Vec<f64>>);

fn examples() -> Vec<Example> {
    let axis = Axis::new("p", "1", (0..9).map(|k| 0.4 + 0.025 * k as f64).collect());
    let curve = |x: f64| {
        let u = axis.values.iter().map(|p| (p - 0.5) * x.sqrt());
        u.map(|u| 0.5 + 0.4 * u).collect::<Vec<f64>>()
    };
    let curves: Vec<Vec<f64>> = X.iter().map(|&x| curve(x)).collect();
    let values: Vec<Vec<f64>> = X.iter().map(|x| vec![2.0 / x + 1.0, x.powf(0.5)]).collect();
    vec![
        (Box::new(Extrapolate::default()), vec![], values.clone()),
        (Box::new(Slope {}), vec![], values.clone()),
        (Box::new(Exponent::default()), vec![], values.clone()),
        (Box::new(LocalExponent::default()), vec![], values),
        (
            Box::new(Crossing {
                correction: Some(1.0),
            }),
            vec![axis.clone()],
            curves.clone(),
        ),
        (Box::new(Collapse { degree: 1 }), vec![axis], curves),
    ]
}

fn all(
    reduction: &dyn Reduction,
    cells: &[Cell],
    grid: &[Axis],
) -> Vec<(f64, Option<f64>, Option<f64>)> {
    let parts = reduce(reduction, cells, grid).unwrap();
    let of = |r: &Reduced| -> Vec<(f64, Option<f64>, Option<f64>)> {
        let at = |v: &Option<Vec<f64>>, k: usize| v.as_ref().map(|v| v[k]);
        (0..r.estimate.len())
            .map(|k| (r.estimate[k], at(&r.bound, k), at(&r.theory_stderr, k)))
            .collect()
    };
    parts.iter().flat_map(of).collect()
}

/// Whatever the errors are, within their bounds: every kind stays within the bound that it carries, and the worst
/// case of 200 comes near it.
#[test]
fn bounds_hold_for_every_error_within_them() {
    for (reduction, grid, values) in examples() {
        let size = 1e-4;
        let cells: Vec<Cell> = X
            .iter()
            .zip(&values)
            .map(|(&x, v)| theory(x, v, bounded(&vec![size; v.len()])))
            .collect();
        let exact = all(&*reduction, &cells, &grid);
        let mut worst = vec![0.0f64; exact.len()];
        let mut rng = stream(7, "errors", &[]);
        for _ in 0..200 {
            let moved: Vec<Cell> = cells
                .iter()
                .zip(&values)
                .map(|(c, v)| {
                    // The corners of the box are the worst cases of a linear form.
                    let off = v
                        .iter()
                        .map(|v| v + size * if rng.random::<bool>() { 1.0 } else { -1.0 });
                    theory(c.x, &off.collect::<Vec<_>>(), Own::default())
                })
                .collect();
            let moved = all(&*reduction, &moved, &grid);
            for (k, (m, e)) in moved.iter().zip(&exact).enumerate() {
                worst[k] = worst[k].max((m.0 - e.0).abs());
            }
        }
        for (k, (_, bound, stderr)) in exact.iter().enumerate() {
            let bound = bound.unwrap();
            assert!(
                worst[k] <= 1.02 * bound,
                "{reduction:?}: {} {bound}",
                worst[k]
            );
            // A curve has too many corners for 200 tries to find the worst one.
            let near = if reduction.uses_axis() { 0.3 } else { 0.95 };
            assert!(
                worst[k] > near * bound,
                "{reduction:?}: {} {bound}",
                worst[k]
            );
            assert_eq!(*stderr, None);
        }
    }
}

/// The least-squares weights of an intercept are known: the bound is `sum |w_i| b_i`.
#[test]
fn the_bound_of_a_limit_is_that_of_its_weights() {
    let bounds = [0.1, 0.01, 0.3];
    let cells: Vec<Cell> = [1.0, 2.0, 3.0]
        .iter()
        .zip(bounds)
        .map(|(&x, b)| theory(x, &[x], bounded(&[b])))
        .collect();
    let found = all(&Extrapolate::default(), &cells, &[]);
    // Weights of the intercept over x = 1, 2, 3: 4/3, 1/3, -2/3.
    let exact = 4.0 / 3.0 * 0.1 + 0.01 / 3.0 + 2.0 / 3.0 * 0.3;
    assert!((found[0].1.unwrap() - exact).abs() < 1e-12);
    let tight: Vec<Cell> = cells
        .iter()
        .map(|c| theory(c.x, &[c.x], bounded(&[0.0])))
        .collect();
    assert_eq!(all(&Extrapolate::default(), &tight, &[])[0].1, Some(0.0));
    // A bound as large as the value leaves no logarithm.
    let wide: Vec<Cell> = cells
        .iter()
        .map(|c| theory(c.x, &[c.x], bounded(&[c.x])))
        .collect();
    assert_eq!(
        all(&Exponent::default(), &wide, &[])[0].1,
        Some(f64::INFINITY)
    );
}

/// A Monte Carlo theory whose repeats share their streams between cells: the error of a slope or an exponent is the
/// scatter that new streams show, and far below that of independent cells; a standard error alone gives the widest
/// case.
#[test]
fn repeats_are_resampled_jointly() {
    let (n, runs) = (20, 600);
    let draw = |seed: u64| -> Vec<DMatrix<f64>> {
        let z = normal_matrix(&mut stream(seed, "repeats", &[]), n, X.len() + 1);
        let cell = |i: usize, x: f64| {
            DMatrix::from_fn(n, 1, |r, _| {
                10.0 / x * (1.0 + 0.1 * z[(r, 0)] + 0.01 * z[(r, i + 1)])
            })
        };
        X.iter().enumerate().map(|(i, &x)| cell(i, x)).collect()
    };
    let cells = |seed: u64, with_repeats: bool| -> Vec<Cell> {
        let of = |(&x, rows): (&f64, DMatrix<f64>)| {
            let stderr = (rows.column(0).variance() / (n - 1) as f64).sqrt();
            let own = Own {
                bound: vec![0.0],
                stderr: Some(vec![stderr]),
                repeats: with_repeats.then(|| rows.clone()),
            };
            theory(x, &[rows.column(0).mean()], own)
        };
        X.iter().zip(draw(seed)).map(of).collect()
    };
    let reduction = Exponent::default();
    let mut estimates = Vec::new();
    let mut stated = 0.0;
    for seed in 0..runs {
        let (value, _, stderr) = all(&reduction, &cells(seed, true), &[])[0];
        estimates.push(value);
        stated += stderr.unwrap().powi(2) / runs as f64;
    }
    let (_, variance) = crate::numerics::statistics::mean_variance(&estimates);
    // Both variances are known to sqrt(2/599) = 6 %.
    let ratio = stated / variance.unwrap();
    assert!((ratio - 1.0).abs() < 0.2, "{ratio}");
    let alone = all(&reduction, &cells(1, false), &[])[0].2.unwrap();
    assert!(alone > 5.0 * stated.sqrt(), "{alone} {}", stated.sqrt());
    // Without repeats: sum |w_i| s_i/v_i over the cells, with the weights of a slope in ln x.
    let logs = X.map(f64::ln);
    let mean = logs.iter().sum::<f64>() / 4.0;
    let squares: f64 = logs.iter().map(|l| (l - mean).powi(2)).sum();
    let exact: f64 = cells(1, false)
        .iter()
        .zip(logs)
        .map(|(c, l)| {
            let relative = c.own.stderr.as_ref().unwrap()[0] / c.blocks.values[0];
            (l - mean).abs() / squares * relative
        })
        .sum();
    assert!((alone / exact - 1.0).abs() < 1e-3, "{alone} {exact}");
}

/// The deviation from a theory carries the theory's errors too.
#[test]
fn a_deviation_carries_the_errors_of_the_theory() {
    let cell = |x: f64| {
        let own = Own {
            bound: vec![1e-3],
            stderr: Some(vec![2e-3]),
            repeats: None,
        };
        let values = DMatrix::from_fn(8, 1, |r, _| -1.0 / x + 1e-4 * (r as f64 - 3.5));
        let blocks = Blocks {
            values,
            ..Blocks::fixed(&[0.0])
        };
        Cell {
            own,
            ..Cell::new(x, blocks)
        }
    };
    let reduction = Exponent::default();
    let reducer = Reducer {
        of: Of::Deviation,
        ..Reducer::new(&reduction, &[])
    };
    let found = reducer.reduce(&[cell(1.0), cell(10.0)]).unwrap().remove(0);
    assert!((found.estimate[0] + 1.0).abs() < 1e-3);
    // d k = (d v/v at 10 + d v/v at 1)/ln 10.
    let by = |size: f64| (10.0 * size + size) / 10f64.ln();
    assert!((found.bound.unwrap()[0] / by(1e-3) - 1.0).abs() < 0.01);
    assert!((found.theory_stderr.unwrap()[0] / by(2e-3) - 1.0).abs() < 0.01);
}
