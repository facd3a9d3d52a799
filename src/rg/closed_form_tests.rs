//! Tests of the closed forms against the table and against the solver on an infinite spectrum.

use super::*;
use crate::rg::{PowerLaw, Spectrum, equivalent};

#[test]
fn constants_meet_the_reference() {
    for (alpha, packing, half, one) in [
        (0.5, 2.41839915, 3.76090162, 2.92432723),
        (1.0, std::f64::consts::FRAC_PI_2, 4.17624600, 2.46740110),
        (2.0, 1.20919958, 5.75768121, 2.92432723),
    ] {
        assert!((packing_constant(alpha).unwrap() - packing).abs() < 6e-9);
        assert!((ridgeless(alpha, 0.5).unwrap().amplitude - half).abs() < 6e-9);
        assert!((ridgeless(alpha, 1.0).unwrap().amplitude - one).abs() < 6e-9);
    }
    let matched = ridge_dominated(2.0, 2.0).unwrap();
    assert!((matched.exponent - 2.0 / 3.0).abs() < 1e-15);
}

/// `kp = (c_a/(P + 1/2))^a` up to much less than `1/P`.
#[test]
fn the_threshold_of_an_infinite_spectrum_is_that_of_the_closed_form() {
    for (alpha, error) in [(0.5, 1.4e-6), (1.0, 0.0), (2.0, 0.0)] {
        let modes = Spectrum::infinite(PowerLaw::new(alpha, 1.0), 200_000).unwrap();
        let modes = modes.with_tail(PowerLaw::new(alpha, 1.0), 1.0).unwrap();
        let found = equivalent(&modes, 100.0, 0.0).unwrap().threshold;
        let packing = packing_constant(alpha).unwrap();
        let shifted = (packing / 100.5).powf(1.0 + alpha);
        assert!(
            ((shifted / found).ln().abs() - error).abs() < 6e-8,
            "{alpha} {}",
            shifted / found
        );
        let plain = (packing / 100.0).powf(1.0 + alpha);
        assert!((plain / found - 1.0 - 0.005 * (1.0 + alpha)).abs() < 2e-4);
    }
}

/// The amplitudes are limits of the solver, whose tail is exact: below and above saturation, with and without a ridge.
#[test]
fn asymptotes_are_limits_of_the_solver() {
    for (alpha, beta) in [
        (1.0, 0.5),
        (1.0, 1.0),
        (0.5, 0.7),
        (2.0, 3.0),
        (1.0, 2.5),
        (0.5, 4.5),
    ] {
        let law = PowerLaw::new(alpha, beta);
        let modes = Spectrum::infinite(law, 100_000).unwrap();
        let modes = modes.with_tail(law, 1.0).unwrap();
        let error = |samples, ridge| {
            equivalent(&modes, samples, ridge)
                .unwrap()
                .generalization_error
        };
        let asymptote = ridgeless(alpha, beta).unwrap();
        // The leading correction replaces P by P + 1/2.
        for samples in [200.0, 2000.0] {
            let ratio = error(samples, 0.0) / asymptote.at(samples + 0.5);
            let allowed = 30.0 / samples.powf(1f64.min((beta - 2.0 - 2.0 * alpha).abs()));
            assert!(
                (ratio - 1.0).abs() < allowed,
                "{alpha} {beta} {samples} {ratio}"
            );
        }
        // The ridge dominates: kappa is the ridge to 1e-4, gamma is negligible.
        let (ridge, ratio) = (1e5, 1e5);
        let law = ridge_dominated(alpha, beta).unwrap();
        let found = error(ratio * ridge, ridge) / law.at(ratio);
        assert!((found - 1.0).abs() < 0.02, "{alpha} {beta} {found}");
    }
}

#[test]
fn the_crossover_separates_the_two_regimes() {
    let (alpha, ridge): (f64, f64) = (1.0, 1e-2);
    let samples = crossover_samples(alpha, ridge).unwrap();
    let half_learned = samples / packing_constant(alpha).unwrap();
    assert!((half_learned - (samples / ridge).sqrt()).abs() < 1e-9 * half_learned);
    assert!(crossover_samples(alpha, 0.0).is_err() && packing_constant(-0.1).is_err());
    assert!(ridgeless(1.0, 4.0).is_err());
}
