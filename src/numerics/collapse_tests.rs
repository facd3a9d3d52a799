//! Collapse of synthetic curves: exact recovery, calibrated errors, a spread that tells a wrong law.

use super::collapse::{Collapse, Curve, Parameter, Scales, collapse};
use crate::numerics::random::stream;
use crate::numerics::statistics::student_quantile;
use nalgebra::DMatrix;
use rand_distr::{Distribution, StandardNormal};

const CROSSING: f64 = 0.593;
const EXPONENT: f64 = 0.75;
const GROWTH: f64 = -5.0 / 48.0;

fn common(u: f64) -> f64 {
    0.9 + 0.7 * u - 0.2 * u * u - 0.1 * u.powi(3)
}

/// Three sizes, 9 points each within `|u| < 0.6`, 20 blocks; noise of a curve is partly common to its points.
fn curves(seed: u64, noise: f64) -> Vec<Curve> {
    let mut rng = stream(41, "collapse", &[seed]);
    let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
    [16.0f64, 32.0, 64.0]
        .map(|size| {
            let control: Vec<f64> = (-4..=4)
                .map(|k| CROSSING + 0.15 * f64::from(k) * size.powf(-EXPONENT))
                .collect();
            let mut blocks = DMatrix::zeros(20, 9);
            for r in 0..20 {
                let shared = normal();
                for (k, p) in control.iter().enumerate() {
                    let u = (p - CROSSING) * size.powf(EXPONENT);
                    let z = (shared + normal()) / 2f64.sqrt();
                    blocks[(r, k)] = size.powf(GROWTH) * (common(u) + noise * z);
                }
            }
            Curve {
                size,
                control,
                blocks,
            }
        })
        .to_vec()
}

fn all_free() -> Scales {
    Scales {
        crossing: Parameter::Free(0.6),
        exponent: Parameter::Free(1.0),
        growth: Parameter::Free(0.0),
    }
}

#[test]
fn curves_without_noise_give_their_scales() {
    let found = collapse(&curves(0, 1e-9), &all_free(), 3).unwrap();
    assert!((found.crossing.value - CROSSING).abs() < 1e-8);
    assert!((found.exponent.value - EXPONENT).abs() < 1e-7);
    assert!((found.growth.value - GROWTH).abs() < 1e-8);
    for u in [-0.5, 0.0, 0.4] {
        let sum: f64 = (0..4)
            .map(|j| found.master[j] * (u / found.unit).powi(j as i32))
            .sum();
        assert!((sum - common(u)).abs() < 1e-7);
    }
}

/// Jackknife intervals (Student t, 19 degrees of freedom) of all three numbers hold the truth as often as they should.
#[test]
fn intervals_cover_the_truth() {
    let trials = 200;
    let quantile = student_quantile(0.975, 19).unwrap();
    let truth = [CROSSING, EXPONENT, GROWTH];
    let mut hits = [0; 3];
    for k in 0..trials {
        let Collapse {
            crossing,
            exponent,
            growth,
            ..
        } = collapse(&curves(k, 0.02), &all_free(), 3).unwrap();
        for (j, found) in [crossing, exponent, growth].into_iter().enumerate() {
            hits[j] += usize::from((found.value - truth[j]).abs() < quantile * found.stderr);
        }
    }
    // 95 % of 200, four standard deviations wide.
    assert!(hits.iter().all(|h| (178..=200).contains(h)), "{hits:?}");
}

/// A wrong exponent, held fixed, spreads the curves; the right one does not, and is reported without error.
#[test]
fn the_spread_tells_a_wrong_law() {
    let data = curves(3, 0.02);
    let held = |value: f64| {
        let scales = Scales {
            exponent: Parameter::Fixed(value),
            ..all_free()
        };
        collapse(&data, &scales, 3).unwrap()
    };
    let right = held(EXPONENT);
    assert_eq!(
        (right.exponent.value, right.exponent.stderr),
        (EXPONENT, 0.0)
    );
    assert!(
        right.spread < 3.0 && held(1.3).spread > 10.0 * right.spread,
        "{} {}",
        right.spread,
        held(1.3).spread
    );
}

#[test]
fn impossible_curves_are_refused() {
    let good = curves(1, 0.02);
    assert!(collapse(&[], &all_free(), 3).is_err());
    assert!(collapse(&good[..1], &all_free(), 3).is_err());
    assert!(collapse(&good, &all_free(), 40).is_err());
    let mut uneven = good.clone();
    uneven[1].blocks = uneven[1].blocks.clone().remove_row(0);
    assert!(collapse(&uneven, &all_free(), 3).is_err());
    let mut still = good;
    still[0].blocks.column_mut(4).fill(1.0);
    let error = collapse(&still, &all_free(), 3).unwrap_err().to_string();
    assert!(error.contains("do not fluctuate"));
}
