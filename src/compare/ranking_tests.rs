//! Laws of the ranking: closed forms, calibration, places.

use super::*;
use crate::experiment::DrawIndex;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;

fn blocks(values: &DMatrix<f64>) -> Blocks {
    let rows: Vec<(DrawIndex, Vec<f64>)> = (0..values.nrows())
        .map(|replica| {
            let index = DrawIndex {
                dataset: 0,
                replica,
            };
            (index, values.row(replica).iter().copied().collect())
        })
        .collect();
    Blocks::from_draws(&rows).unwrap()
}

fn exact(values: &[f64]) -> TheoryCurve {
    TheoryCurve::exact(Blocks::fixed(values))
}

const RELATIVE: Tolerance = Tolerance::Relative(0.05);

/// `theta_a - theta_b = |a|^2 - |b|^2 - 2 m.(a - b)` of two predictions without noise, and Student's error of that number.
#[test]
fn the_contrast_of_two_numbers_is_linear_in_the_mean() {
    let m = normal_matrix(&mut stream(1, "ranking", &[]), 7, 3).map(|z| 2.0 + 0.3 * z);
    let (a, b) = ([2.1, 1.9, 2.3], [1.7, 2.0, 2.2]);
    let ranking = Ranking::new(
        &blocks(&m),
        &[&exact(&a), &exact(&b)],
        Tolerance::Absolute(0.1),
    );
    let found = ranking.unwrap().unwrap().contrast(0, 1, 0.025);
    let of_row = |r: usize| -> f64 {
        (0..3)
            .map(|k| a[k] * a[k] - b[k] * b[k] - 2.0 * m[(r, k)] * (a[k] - b[k]))
            .sum::<f64>()
            / 3.0
    };
    let rows: Vec<f64> = (0..7).map(of_row).collect();
    let (mean, stderr) = crate::numerics::statistics::mean_stderr(&rows);
    assert!((found.difference - mean).abs() < 1e-12);
    assert!((found.stderr.unwrap() - stderr.unwrap()).abs() < 1e-12);
}

/// Noise that is far larger than both distances does not hide which of two theories is nearer where they differ in a
/// direction without noise.
#[test]
fn noise_that_both_share_cancels() {
    let noise = normal_matrix(&mut stream(2, "ranking", &[]), 6, 1);
    let m = DMatrix::from_fn(6, 2, |r, k| if k == 0 { 5.0 + noise[r] } else { 1.0 });
    let (near, far) = (exact(&[5.0, 1.0]), exact(&[5.0, 1.1]));
    let ranking = Ranking::new(&blocks(&m), &[&far, &near], RELATIVE)
        .unwrap()
        .unwrap();
    assert_eq!(ranking.order(), [1, 0]);
    assert!(ranking.contrast(1, 0, 0.025).told_apart);
    assert!(ranking.contrast(0, 1, 0.025).difference > 0.0);
    // A numerical bound as large as the difference leaves it open.
    let blurred = TheoryCurve {
        bound: vec![0.0, 0.3],
        ..far
    };
    let ranking = Ranking::new(&blocks(&m), &[&blurred, &near], RELATIVE)
        .unwrap()
        .unwrap();
    assert!(!ranking.contrast(1, 0, 0.025).told_apart);
}

/// Two theories at equal distances on both sides of the truth are called apart in 5 % of the runs, whether they are
/// given the draws or not.
#[test]
fn equal_distances_are_told_apart_as_often_as_stated() {
    for paired in [false, true] {
        let mut apart = 0;
        for seed in 0..1000 {
            let z = normal_matrix(&mut stream(100 + seed, "ranking", &[]), 6, 4);
            let m = z.map(|z| 1.0 + 0.2 * z);
            let side = |sign: f64| {
                let shift = |k: usize| if k < 2 { 0.15 * sign } else { 0.0 };
                let given = |r: usize, k: usize| if paired { 0.1 * z[(r, k)] } else { 0.0 };
                let values = DMatrix::from_fn(if paired { 6 } else { 1 }, 4, |r, k| {
                    1.0 + shift(k) + given(r, k)
                });
                TheoryCurve::exact(match paired {
                    true => blocks(&values),
                    false => Blocks::fixed(values.as_slice()),
                })
            };
            let (a, b) = (side(1.0), side(-1.0));
            let ranking = Ranking::new(&blocks(&m), &[&a, &b], RELATIVE)
                .unwrap()
                .unwrap();
            apart += usize::from(ranking.contrast(0, 1, 0.025).told_apart);
        }
        // 50 +- 7.
        assert!(
            (29..=71).contains(&apart),
            "paired {paired}: {apart} of 1000"
        );
    }
}

/// Monte Carlo theories of one truth, each with noise of its own that is larger than that of the measurement: told apart in no more
/// than 5 % of the runs, and neither distance is made of this noise.
#[test]
fn noise_of_the_theories_is_no_distance() {
    let (mut apart, mut squares) = (0, 0.0);
    let runs = 600;
    for seed in 0..runs {
        let z = normal_matrix(&mut stream(40_000 + seed, "ranking", &[]), 6, 3);
        let m = blocks(&z.map(|z| 1.0 + 0.05 * z));
        let theory = |k: u64| {
            let noise = normal_matrix(&mut stream(50_000 + seed, "theory", &[k]), 1, 3);
            let values: Vec<f64> = noise.iter().map(|z| 1.0 + 0.1 * z).collect();
            TheoryCurve {
                stderr: Some(vec![0.1; 3]),
                ..exact(&values)
            }
        };
        let (a, b) = (theory(1), theory(2));
        let ranking = Ranking::new(&m, &[&a, &b], Tolerance::Absolute(0.05));
        let ranking = ranking.unwrap().unwrap();
        apart += usize::from(ranking.contrast(0, 1, 0.025).told_apart);
        squares += ranking.places[0].square;
    }
    assert!(apart <= 45, "{apart} of {runs}");
    // Var of |noise|^2 over three points is 6 sigma^4: the mean of 600 scatters by 1e-3.
    assert!((squares / runs as f64).abs() < 4e-3, "{squares}");
}

/// The statistical error of a theory is in the place where its deviation passes the tolerance, too.
#[test]
fn the_error_of_a_theory_widens_the_place_of_its_limit() {
    let z = normal_matrix(&mut stream(9, "limit", &[]), 8, 3);
    let m = blocks(&z.map(|z| 1.0 + 0.01 * z));
    let place = |stderr: f64| {
        let cell = |x: f64| {
            let theory = TheoryCurve {
                stderr: (stderr > 0.0).then(|| vec![stderr; 3]),
                ..exact(&[1.0 + x; 3])
            };
            let ranking = Ranking::new(&m, &[&theory], Tolerance::Absolute(0.2));
            ranking.unwrap().unwrap().excess(0)
        };
        let [lower, upper] = locate([0.15, 0.25], [&cell(0.15), &cell(0.25)], false)
            .unwrap()
            .interval
            .unwrap();
        upper - lower
    };
    // All points of the theory move together by s: so does the place.
    let [exact, noisy] = [place(0.0), place(0.02)];
    let own = 2.0 * student_quantile(0.975, 7).unwrap() * 0.02;
    assert!(
        (noisy / exact.hypot(own) - 1.0).abs() < 0.1,
        "{exact} {noisy} {own}"
    );
}

/// Theories `(x, 1/2)` and `(1/2, 0.9)` beside a mean of `(1/2, 1/2)`: the nearer one changes at x = 0.9, and the interval of the
/// place covers it.
#[test]
fn the_place_of_a_change_is_covered() {
    let (mut found, mut covered) = (0, 0);
    for seed in 0..400 {
        let z = normal_matrix(&mut stream(7000 + seed, "place", &[]), 8, 2);
        let m = blocks(&z.map(|z| 0.5 + 0.1 * z));
        let cell = |x: f64| {
            let (a, b) = (exact(&[x, 0.5]), exact(&[0.5, 0.9]));
            let ranking = Ranking::new(&m, &[&a, &b], Tolerance::Absolute(0.1));
            ranking.unwrap().unwrap().difference(0, 1)
        };
        let place = locate([0.8, 1.0], [&cell(0.8), &cell(1.0)], false);
        if let Some([lower, upper]) = place.and_then(|p| p.interval) {
            found += 1;
            covered += usize::from(lower <= 0.9 && 0.9 <= upper);
        }
    }
    // A place within its scatter of an end is sometimes missed.
    assert!(found > 350, "{found}");
    let share = covered as f64 / f64::from(found);
    assert!((0.91..=0.98).contains(&share), "{covered} of {found}");
}

#[test]
fn places_are_found_in_the_scale_of_the_sweep() {
    let flat = |value: f64| Varied {
        value,
        left_out: Vec::new(),
        level: Level::Replicas,
    };
    let found = locate([1.0, 100.0], [&flat(-1.0), &flat(1.0)], true).unwrap();
    assert!((found.at - 10.0).abs() < 1e-9 && found.interval.is_none());
    let found = locate([1.0, 100.0], [&flat(-1.0), &flat(2.0)], false).unwrap();
    assert!((found.at - 34.0).abs() < 1e-9);
    assert!(locate([1.0, 100.0], [&flat(1.0), &flat(2.0)], false).is_none());
}

/// The error of a place is that of the straight line through two values that vary by themselves: the jackknife of the places that
/// are found without each block.
#[test]
fn both_ends_move_the_place() {
    let end = |value: f64, scatter: &[f64]| Varied {
        value,
        left_out: scatter.iter().map(|s| value + 1e-4 * s).collect(),
        level: Level::Replicas,
    };
    let low = end(-1.0, &[1.0, -2.0, 0.5, 0.5]);
    let high = end(3.0, &[0.3, 0.2, -1.5, 1.0]);
    let found = locate([2.0, 4.0], [&low, &high], false).unwrap();
    assert!((found.at - 2.5).abs() < 1e-12);
    let pairs = low.left_out.iter().zip(&high.left_out);
    let places: Vec<f64> = pairs.map(|(a, b)| 2.0 + 2.0 * a / (a - b)).collect();
    let exact = student_quantile(0.975, 3).unwrap() * jackknife(&places).unwrap();
    let [lower, upper] = found.interval.unwrap();
    assert!(((upper - lower) / (2.0 * exact) - 1.0).abs() < 1e-3);
    // Scatter that reaches beyond the neighbouring cells resolves nothing.
    let noisy = end(-1.0, &[1e4, -2e4, 5e3, 5e3]);
    let found = locate([2.0, 4.0], [&noisy, &high], false).unwrap();
    assert!(found.interval.is_none());
}
