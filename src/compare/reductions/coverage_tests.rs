//! Reductions of synthetic cells with a known answer: exact forms, intervals that cover, deviations and scatter of a
//! law in 1/N.

use super::{Abscissa, Asked, Cell, Exponent, Extrapolate, LocalExponent, Of, Reduced, Reducer};
use super::{REDUCTIONS, Reduction, Slope, primitives, reduce};
use crate::compare::{Blocks, Level};
use crate::error::Result;
use crate::experiment::DrawIndex;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;

/// Cells whose draws share their noise: `value(x) + common_r + own_rx`.
fn cells(x: &[f64], value: impl Fn(f64) -> f64, n: usize, noise: f64, seed: u64) -> Vec<Cell> {
    let z = normal_matrix(&mut stream(seed, "cells", &[]), n, x.len() + 1);
    let cell = |(i, &x): (usize, &f64)| {
        let noise = |r: usize| noise * (z[(r, 0)] + 0.3 * z[(r, i + 1)]);
        let blocks = Blocks {
            values: DMatrix::from_fn(n, 1, |r, _| value(x) + noise(r)),
            level: Level::Replicas,
            datasets: 1,
            draws: n,
        };
        Cell::new(x, blocks)
    };
    x.iter().enumerate().map(cell).collect()
}

const LINE: Extrapolate = Extrapolate { curvature: false };
const PARABOLA: Extrapolate = Extrapolate { curvature: true };
const POWER: Exponent = Exponent { correction: None };

fn one(reduction: &dyn Reduction, cells: &[Cell]) -> Result<Reduced> {
    Ok(reduce(reduction, cells, &[])?.remove(0))
}

fn covers(reduced: &Reduced, k: usize, truth: f64) -> bool {
    let [lower, upper] = reduced.interval.as_ref().unwrap()[k];
    lower <= truth && truth <= upper
}

#[test]
fn exact_forms_are_recovered() {
    let x = [0.4, 0.1, 0.2];
    let at = |f: &dyn Fn(f64) -> f64, r: &dyn Reduction| one(r, &cells(&x, f, 5, 0.0, 1)).unwrap();
    let line = at(&|x| 2.0 - 3.0 * x, &LINE);
    assert!((line.estimate[0] - 2.0).abs() < 1e-12 && line.residual.unwrap()[0] < 1e-14);
    let slope = at(&|x| 2.0 - 3.0 * x, &Slope {});
    assert!((slope.estimate[0] + 3.0).abs() < 1e-12);
    let parabola = at(&|x| 2.0 - 3.0 * x + 7.0 * x * x, &PARABOLA);
    assert!((parabola.estimate[0] - 2.0).abs() < 1e-12);
    let power = at(&|x| 5.0 * x.powf(-1.5), &POWER);
    assert!((power.estimate[0] + 1.5).abs() < 1e-12);
    let corrected = Exponent {
        correction: Some(1.5),
    };
    let x = [8.0f64, 16.0, 32.0, 64.0];
    let law = |x: f64| 3.0 * x.powf(0.7) * (2.0 * x.powf(-1.5)).exp();
    let exponent = one(&corrected, &cells(&x, law, 5, 0.0, 1)).unwrap();
    assert!((exponent.estimate[0] - 0.7).abs() < 1e-12 && exponent.residual.unwrap()[0] < 1e-13);
}

#[test]
fn a_common_fluctuation_moves_the_intercept_and_not_the_slope() {
    // Jointly resampled: the common noise cancels from the slope block by block.
    let x = [1.0, 2.0, 3.0];
    let mut shared = cells(&x, |x| x, 8, 1.0, 2);
    let common = shared[0].blocks.values.clone();
    for cell in &mut shared {
        cell.blocks.values = common.add_scalar(cell.x);
    }
    let slope = one(&Slope {}, &shared).unwrap();
    assert!((slope.estimate[0] - 1.0).abs() < 1e-12 && slope.stderr.unwrap()[0] < 1e-12);
    assert!(one(&LINE, &shared).unwrap().stderr.unwrap()[0] > 0.1);
}

/// 95 % of 1000, four standard deviations wide.
#[test]
fn the_intervals_of_lines_and_powers_cover() {
    let x = [0.1, 0.2, 0.4];
    let kinds: [(&dyn Reduction, f64); 2] = [(&LINE, 2.0), (&Slope {}, 3.0)];
    for (reduction, truth) in kinds {
        let covered = (0..1000)
            .filter(|&seed| {
                let cells = cells(&x, |x| 2.0 + 3.0 * x, 8, 0.02, 100 + seed);
                covers(&one(reduction, &cells).unwrap(), 0, truth)
            })
            .count();
        assert!((920..=980).contains(&covered), "{reduction:?}: {covered}");
    }
    let covered = (0..1000)
        .filter(|&seed| {
            let cells = cells(&x, |x| 2.0 * x.powf(-0.7), 8, 0.2, 5000 + seed);
            covers(&one(&POWER, &cells).unwrap(), 0, -0.7)
        })
        .count();
    assert!((920..=980).contains(&covered), "exponent: {covered}");
}

#[test]
fn lack_of_fit_is_uniform_for_a_line_and_small_for_a_parabola() {
    let x = [0.1, 0.2, 0.4];
    let p = |value: &dyn Fn(f64) -> f64, seed| {
        let r = one(&LINE, &cells(&x, value, 8, 0.02, seed)).unwrap();
        r.lack_of_fit.unwrap()[0]
    };
    let line: Vec<f64> = (0..200).map(|s| p(&|x| 2.0 + 3.0 * x, s)).collect();
    assert!(crate::numerics::statistics::kolmogorov_smirnov_uniform(&line).1 > 0.01);
    assert!(p(&|x| 2.0 + 30.0 * x * x, 1) < 1e-4);
    let few = cells(&x, |x| x, 4, 0.02, 1);
    assert_eq!(one(&LINE, &few).unwrap().lack_of_fit, None);
}

/// Five draws of five cells, two for each contrast at most: the test holds its level, for lines and for powers, and sees a curve.
#[test]
fn few_draws_show_a_form_that_does_not_hold() {
    let x = [1.0, 2.0, 3.0, 5.0, 8.0];
    let p = |reduction, value: &dyn Fn(f64) -> f64, seed| {
        let r = one(reduction, &cells(&x, value, 5, 0.02, seed)).unwrap();
        (r.misses(0), r.lack_of_fit.unwrap()[0])
    };
    let below = |reduction, value: &dyn Fn(f64) -> f64| {
        let below = (0..400).filter(|s| p(reduction, value, *s).1 < 0.05);
        below.count()
    };
    // Bonferroni's bound: at most 5 % of 400, and not none.
    assert!((3..=32).contains(&below(&LINE, &|x| 2.0 + 3.0 * x)));
    assert!((3..=32).contains(&below(&POWER, &|x| 2.0 * x.powf(-0.7))));
    assert!(p(&LINE, &|x| x * x, 1).0 && p(&POWER, &|x| 2.0 + x, 1).0);
    assert!(!p(&LINE, &|x| x, 1).0);
    // Draws without scatter, on the line up to rounding.
    let same = cells(&x, |x| 0.1 + x / 3.0, 5, 0.0, 1);
    assert!(!one(&LINE, &same).unwrap().misses(0));
}

#[test]
fn theory_rows_have_no_error_and_unequal_draws_use_the_common_prefix() {
    let mut c = cells(&[1.0, 2.0], |x| x, 8, 0.1, 3);
    c[1] = cells(&[1.0, 2.0], |x| x, 5, 0.1, 3).swap_remove(1);
    let r = one(&LINE, &c).unwrap();
    assert_eq!((r.n, r.notes.len()), (5, 1));
    let theory = c.iter().map(|c| Cell::new(c.x, Blocks::fixed(&[c.x])));
    let theory = one(&LINE, &theory.collect::<Vec<_>>()).unwrap();
    assert_eq!((theory.stderr, theory.interval), (None, None));
    assert_eq!((theory.bound, theory.theory_stderr), (None, None));
}

#[test]
fn what_does_not_exist_is_not_a_number_and_bad_coordinates_are_refused() {
    let c = cells(&[1.0, 2.0], |x| -x, 5, 0.0, 4);
    let missing = one(&POWER, &c).unwrap();
    assert!(missing.estimate[0].is_nan() && missing.notes[0].contains("positive values"));
    assert!(one(&LINE, &c[..1]).is_err() && one(&LINE, &[]).is_err());
    assert!(one(&PARABOLA, &c).is_err());
    let equal = [c[0].clone(), c[0].clone()];
    assert!(one(&LINE, &equal).is_err());
}

/// `value = x^2/(1 + x)` has the local exponent 2 far below 1 and 1 far above; windows stand at their centres.
#[test]
fn local_exponents_follow_a_crossover() {
    let x: Vec<f64> = (0..25)
        .map(|k| 1e-3 * 10f64.powf(0.25 * k as f64))
        .collect();
    let law = |x: f64| x * x / (1.0 + x);
    let local = LocalExponent::default();
    let found = one(&local, &cells(&x, law, 5, 0.0, 1)).unwrap();
    let axes = local.axes("task.samples", &x, &[]);
    assert_eq!((axes.len(), axes[0].name.as_str()), (1, "task.samples"));
    let centres = &axes[0].values;
    assert_eq!((centres.len(), found.estimate.len()), (21, 21));
    assert!((centres[0] / 1e-3 - 10f64.sqrt()).abs() < 1e-9);
    for (centre, exponent) in centres.iter().zip(&found.estimate) {
        // d ln value/d ln x = 2 - x/(1 + x), averaged over a decade.
        let exact = 2.0 - centre / (1.0 + centre);
        assert!((exponent - exact).abs() < 0.03, "{centre} {exponent}");
    }
    assert!((found.estimate[0] - 2.0).abs() < 0.01 && (found.estimate[20] - 1.0).abs() < 0.01);
    // Windows of two decades, and of sweeps that leave gaps.
    let wide = LocalExponent { window: 100.0 };
    assert_eq!(wide.axes("k", &x, &[])[0].values.len(), 17);
    let sparse = local.axes("k", &[1.0, 3.0, 20.0, 50.0], &[]);
    assert_eq!(sparse[0].values, [20f64.sqrt(), 150f64.sqrt()]);
}

/// 95 % of 400 in each of five windows, which share cells and draws; four standard deviations wide.
#[test]
fn the_intervals_of_local_exponents_cover() {
    let x: Vec<f64> = (0..9).map(|k| 10f64.powf(0.25 * k as f64)).collect();
    let mut covered = [0; 5];
    for seed in 0..400 {
        let cells = cells(&x, |x| 2.0 * x.powf(-0.5), 10, 0.01, 300 + seed);
        let found = one(&LocalExponent::default(), &cells).unwrap();
        for (k, hits) in covered.iter_mut().enumerate() {
            *hits += usize::from(covers(&found, k, -0.5));
        }
    }
    assert!(
        covered.iter().all(|c| (363..=397).contains(c)),
        "{covered:?}"
    );
}

/// Less than a decade is refused by the spec's check and by the form.
#[test]
fn a_local_exponent_needs_a_decade() {
    let asked = |x: &'static [f64]| Asked {
        key: "task.samples",
        observable: "test-loss",
        abscissa: Abscissa::Value,
        of: Of::Value,
        x,
        grids: &[],
    };
    let local = LocalExponent::default();
    assert!(local.check(&asked(&[1.0, 5.0, 10.0])).is_ok());
    let refused = local.check(&asked(&[1.0, 5.0, 9.0])).unwrap_err();
    assert!(refused.key == "key" && refused.cause.contains("spans a factor 9"));
    let short = LocalExponent { window: 5.0 };
    assert_eq!(short.check(&asked(&[1.0, 50.0])).unwrap_err().key, "window");
    let inverse = Asked {
        abscissa: Abscissa::Inverse,
        ..asked(&[1.0, 50.0])
    };
    assert_eq!(local.check(&inverse).unwrap_err().key, "abscissa");
    assert!(one(&local, &cells(&[1.0, 5.0, 9.0], |x| x, 5, 0.0, 1)).is_err());
    assert!(one(&short, &cells(&[1.0, 5.0, 90.0], |x| x, 5, 0.0, 1)).is_err());
}

const WIDTHS: [f64; 4] = [32.0, 64.0, 128.0, 256.0];

/// Networks of a law in 1/N: `1 + 4/N + noise z/sqrt(N)`, nearly the same `z` at every width. A theory says 1.
fn networks(n: usize, noise: f64, seed: u64) -> Vec<Vec<(DrawIndex, Vec<f64>)>> {
    let z = normal_matrix(&mut stream(seed, "networks", &[]), n, WIDTHS.len() + 1);
    let network = |(i, width): (usize, &f64)| {
        let draw = |r: usize| {
            let z = 0.95 * z[(r, 0)] + 0.05f64.sqrt() * z[(r, i + 1)];
            let index = DrawIndex {
                dataset: 0,
                replica: r,
            };
            (index, vec![1.0 + 4.0 / width + noise * z / width.sqrt()])
        };
        (0..n).map(draw).collect()
    };
    WIDTHS.iter().enumerate().map(network).collect()
}

/// Measurement minus the prediction 1.
fn off(draws: &[Vec<(DrawIndex, Vec<f64>)>], prediction: f64) -> Vec<Cell> {
    let theory = Blocks::fixed(&[prediction]);
    let cells = WIDTHS.iter().zip(draws).map(|(&x, draws)| {
        let measured = Blocks::from_draws(draws).unwrap();
        Cell::new(x, measured.minus(&theory).unwrap())
    });
    cells.collect()
}

fn exponent_of(of: Of, cells: &[Cell]) -> Result<Reduced> {
    let reducer = Reducer {
        of,
        ..Reducer::new(&POWER, &[])
    };
    Ok(reducer.reduce(cells)?.remove(0))
}

/// The error of the mean falls as 1/N, that of one network as 1/sqrt N; deviations below the theory have the same
/// exponent. Intervals cover in 95 % of 300 repeats, four standard deviations wide.
#[test]
fn the_mean_is_off_by_1_over_n_and_one_network_by_1_over_sqrt_n() {
    let mut covered = [0; 3];
    let mut mean = [0.0; 3];
    let repeats = 300;
    for seed in 0..repeats {
        let draws = networks(100, 0.25, seed);
        let above = exponent_of(Of::Deviation, &off(&draws, 1.0)).unwrap();
        let turned: Vec<Cell> = off(&draws, 1.0)
            .into_iter()
            .map(|mut c| {
                c.blocks.values *= -1.0;
                c
            })
            .collect();
        let below = exponent_of(Of::Deviation, &turned).unwrap();
        let scatter: Vec<Cell> = WIDTHS
            .iter()
            .zip(&draws)
            .map(|(&x, draws)| Cell::new(x, primitives(draws).unwrap()))
            .collect();
        let scatter = exponent_of(Of::Scatter, &scatter).unwrap();
        for (k, (found, truth)) in [(above, -1.0), (below, -1.0), (scatter, -0.5)]
            .iter()
            .enumerate()
        {
            covered[k] += usize::from(covers(found, 0, *truth));
            mean[k] += found.estimate[0] / repeats as f64;
        }
    }
    println!("covered {covered:?} of {repeats}, mean {mean:?}");
    assert!(
        covered.iter().all(|c| (270..=300).contains(c)),
        "{covered:?}"
    );
    assert!(
        (mean[0] + 1.0).abs() < 0.05 && (mean[2] + 0.5).abs() < 0.01,
        "{mean:?}"
    );
}

/// The scatter is that of one network, over data sets and replicas together, without bias: variances 3 between data
/// sets and 1 within.
#[test]
fn the_scatter_is_that_of_one_network() {
    let variance = |seed: u64| {
        let mut rng = stream(seed, "levels", &[]);
        let (a, b) = (normal_matrix(&mut rng, 6, 1), normal_matrix(&mut rng, 6, 2));
        let draws: Vec<(DrawIndex, Vec<f64>)> = (0..12)
            .map(|k| {
                let (dataset, replica) = (k / 2, k % 2);
                let value = 3f64.sqrt() * a[dataset] + b[(dataset, replica)];
                (DrawIndex { dataset, replica }, vec![7.0 + value])
            })
            .collect();
        let blocks = primitives(&draws).unwrap();
        assert_eq!(blocks.level, Level::Datasets);
        blocks.jackknife(|m| vec![m[1] - m[0] * m[0]]).corrected[0]
    };
    let repeats = 4000;
    let mean = (0..repeats).map(variance).sum::<f64>() / f64::from(repeats as u32);
    // Variance of one estimate: 2 (3.5^2/5) and a little of the replicas; five standard errors.
    assert!(
        (mean - 4.0).abs() < 5.0 * (6.0 / repeats as f64).sqrt(),
        "{mean}"
    );
    assert!(
        primitives(&[(
            DrawIndex {
                dataset: 0,
                replica: 0
            },
            vec![1.0]
        )])
        .is_err()
    );
}

#[test]
fn deviations_without_a_logarithm_are_refused_with_the_draws_they_need() {
    // 16 draws: 2/sqrt(256)/4 = 0.03 at the largest width, where the deviation is 4/256 = 0.016.
    let error = exponent_of(Of::Deviation, &off(&networks(16, 2.0, 1), 1.0)).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("compatible with 0") && text.contains("draws"),
        "{text}"
    );
    // Above the theory at one end and below it at the other.
    let turning = cells(&WIDTHS, |x| 1.0 - x / 100.0, 8, 1e-4, 1);
    let text = exponent_of(Of::Deviation, &turning)
        .unwrap_err()
        .to_string();
    assert!(
        text.contains("changes its sign between x = 64 and 128"),
        "{text}"
    );
    // A point that is refused leaves the others.
    let (good, bad) = (cells(&WIDTHS, |x| 1.0 / x, 8, 1e-5, 1), turning);
    let both = good.iter().zip(&bad).map(|(a, b)| {
        let columns = [a, b].map(|c| c.blocks.values.column(0).into_owned());
        let values = DMatrix::from_columns(&columns);
        Cell::new(
            a.x,
            Blocks {
                values,
                ..a.blocks.clone()
            },
        )
    });
    let found = exponent_of(Of::Deviation, &both.collect::<Vec<_>>()).unwrap();
    assert!((found.estimate[0] + 1.0).abs() < 1e-2 && found.estimate[1].is_nan());
    assert!(
        found.notes[0].starts_with("point 1: the deviation changes"),
        "{:?}",
        found.notes
    );
}

/// Every kind explains itself, and parses without keys of its own.
#[test]
fn the_registry_is_complete() {
    for kind in REDUCTIONS {
        assert!(kind.about.summary.len() > 10 && kind.about.text.len() > 80);
        let reduction = (kind.parse)("reduce", toml::Table::new()).unwrap();
        assert!(!reduction.parts().is_empty() && reduction.resolved().is_object());
        assert!(reduction.words(3).0.ends_with("of"), "{}", kind.about.kind);
    }
}
