//! Tests of the deterministic equivalent: reference numbers, identities, refusals.

use super::*;
use crate::rg::{Level, PowerLaw};

fn power_law(alpha: f64, beta: f64, modes: usize, noise: f64) -> Spectrum {
    let spectrum = Spectrum::power_law(PowerLaw::new(alpha, beta), modes).unwrap();
    spectrum.with_noise(noise).unwrap()
}

#[test]
fn learning_curves_meet_the_reference() {
    for (alpha, beta, modes, ridge, noise, samples, threshold, gamma, error) in [
        (
            1.0, 1.0, 2000, 0.1, 0.0, 20.0, 0.0138815, 0.308305, 0.133058,
        ),
        (
            1.0, 1.0, 2000, 0.1, 0.0, 80.0, 0.00213835, 0.206055, 0.045115,
        ),
        (
            1.0, 1.0, 2000, 0.1, 0.0, 320.0, 0.00040965, 0.119701, 0.017490,
        ),
        (
            1.0,
            1.0,
            2000,
            1e-10,
            0.0,
            80.0,
            0.000368236,
            0.505354,
            0.029459,
        ),
        (
            1.0, 1.0, 2000, 1e-10, 0.0, 320.0, 2.07976e-5, 0.536328, 0.006655,
        ),
        (
            0.5, 0.8, 4000, 1.0, 0.05, 20.0, 0.102453, 0.159364, 0.403653,
        ),
        (
            0.5, 0.8, 4000, 1.0, 0.05, 320.0, 0.00424308, 0.094550, 0.112340,
        ),
    ] {
        let curve = equivalent(&power_law(alpha, beta, modes, noise), samples, ridge).unwrap();
        assert!(
            (curve.threshold / threshold - 1.0).abs() < 4e-6,
            "{curve:?}"
        );
        assert!((curve.gamma - gamma).abs() < 6e-7, "{curve:?}");
        assert!((curve.total_error - error).abs() < 6e-7, "{curve:?}");
        assert!(curve.residual < 1e-14 && curve.iterations < 14, "{curve:?}");
    }
    let curve = equivalent(&power_law(1.0, 1.0, 1000, 0.05), 200.0, 0.3).unwrap();
    assert!((curve.training_error - 0.0611799).abs() < 6e-8);
    assert!((curve.ridge_response() - 0.90208523).abs() < 6e-9);
}

/// The spectrum of the older implementation in `theory`, whose simulation it passed.
#[test]
fn label_noise_enters_as_in_the_older_reference() {
    let of = |noise| equivalent(&power_law(0.5, 1.0, 200, noise), 10.0, 1e-3).unwrap();
    assert!((of(0.0).renormalised_ridge - 0.89828452).abs() < 6e-9);
    assert!((of(0.0).gamma - 0.35223729).abs() < 6e-9);
    assert!((of(0.0).generalization_error - 0.24088016).abs() < 6e-9);
    assert!((of(0.1).generalization_error - 0.29525767).abs() < 6e-9);
    assert!((of(0.1).total_error - of(0.1).generalization_error - 0.1).abs() < 1e-14);
}

#[test]
fn identities_hold() {
    let modes = power_law(0.8, 1.1, 2000, 0.03);
    let mut last = f64::INFINITY;
    for samples in [0.0, 3.0, 120.0, 900.0, 5e4] {
        let curve = equivalent(&modes, samples, 0.2).unwrap();
        let kappa = curve.renormalised_ridge;
        assert!(kappa >= 0.2 && kappa < last);
        last = kappa;
        assert!((curve.posterior_variance - (kappa - 0.2)).abs() < 1e-13);
        assert!((curve.gamma + curve.rigidity - 1.0).abs() < 1e-13);
        let left = curve.learned_modes + 0.2 / curve.threshold;
        assert!((left - samples).abs() <= 1e-13 * samples);
    }
    // A common scale of eigenvalues and ridge is a unit.
    let scaled = PowerLaw {
        eigenvalue_scale: 7.0,
        ..PowerLaw::new(0.8, 1.1)
    };
    let scaled = Spectrum::power_law(scaled, 2000).unwrap();
    let scaled = scaled.with_noise(0.03).unwrap();
    let (a, b) = (
        equivalent(&modes, 120.0, 0.2).unwrap(),
        equivalent(&scaled, 120.0, 1.4).unwrap(),
    );
    assert!((b.renormalised_ridge / a.renormalised_ridge - 7.0).abs() < 1e-12);
    assert!((b.total_error / a.total_error - 1.0).abs() < 1e-12);
}

/// A Bayes-optimal learner (`y_k^2 = lam_k`, noise equal to the ridge) has `E_tot = kappa`; so has the ridgeless one.
#[test]
fn matched_learners_have_the_error_kappa() {
    let modes = power_law(0.7, 0.7, 3000, 0.3);
    let curve = equivalent(&modes, 150.0, 0.3).unwrap();
    assert!((curve.total_error / curve.renormalised_ridge - 1.0).abs() < 1e-12);
    let modes = power_law(0.7, 0.7, 3000, 0.0);
    let curve = equivalent(&modes, 150.0, 0.0).unwrap();
    assert!((curve.generalization_error / curve.renormalised_ridge - 1.0).abs() < 1e-12);
    // The best ridge is the noise: identity of the matched prior.
    let modes = power_law(0.7, 0.7, 3000, 0.02);
    let at = |ridge| equivalent(&modes, 150.0, ridge).unwrap().total_error;
    assert!(at(0.02) < at(0.0205) && at(0.02) < at(0.0195));
}

/// Derivatives by finite differences: of `kappa` by the ridge (no second formula for gamma), of the error by `P`.
#[test]
fn derivatives_are_those_of_the_solution() {
    let modes = power_law(1.0, 0.6, 1000, 0.05);
    let h = 1e-5f64;
    let at = |ridge: f64, samples: f64| equivalent(&modes, samples, ridge).unwrap();
    let curve = at(0.3, 200.0);
    let ends = [at(0.3 * h.exp(), 200.0), at(0.3 * (-h).exp(), 200.0)];
    let response = (ends[0].renormalised_ridge / ends[1].renormalised_ridge).ln() / (2.0 * h);
    assert!((response - curve.ridge_response()).abs() < 1e-9);
    let ends = [at(0.3, 200.0 * h.exp()), at(0.3, 200.0 * (-h).exp())];
    let slope = (ends[0].generalization_error - ends[1].generalization_error) / (2.0 * h);
    assert!(
        (slope / curve.slope - 1.0).abs() < 1e-8,
        "{slope} {}",
        curve.slope
    );
}

#[test]
fn exponents_of_a_decade_meet_the_reference() {
    let decades = |modes: usize, ridge, start: f64, count: i32| {
        let samples: Vec<f64> = (0..=count).map(|d| start * 10f64.powi(d)).collect();
        let curve = learning_curve(&power_law(1.0, 1.0, modes, 0.0), &samples, ridge).unwrap();
        let pairs = curve.windows(2);
        pairs
            .map(|w| (w[0].generalization_error / w[1].generalization_error).log10())
            .collect::<Vec<_>>()
    };
    for (found, expected) in decades(200_000, 1.0, 10.0, 3)
        .iter()
        .zip([0.6010, 0.5424, 0.5145])
    {
        assert!((found - expected).abs() < 6e-5, "{found} {expected}");
    }
    for (found, expected) in decades(400_000, 0.0, 10.0, 2).iter().zip([0.9620, 0.9969]) {
        assert!((found - expected).abs() < 6e-5, "{found} {expected}");
    }
}

/// A warm start changes effort, not results.
#[test]
fn a_curve_is_its_points() {
    let modes = power_law(1.0, 1.0, 5000, 0.01);
    let samples = [0.0, 10.0, 30.0, 100.0, 4e3, 2.0];
    let curve = learning_curve(&modes, &samples, 0.05).unwrap();
    for (point, &samples) in curve.iter().zip(&samples) {
        let alone = equivalent(&modes, samples, 0.05).unwrap();
        assert!((point.total_error / alone.total_error - 1.0).abs() < 1e-13);
    }
}

/// One level of `D` modes, no ridge: `gamma = P/D`, `E_g = (1 - P/D) y^2 + s^2 (P/D)/(1 - P/D)`.
#[test]
fn one_degenerate_level_has_its_closed_form() {
    let level = Level {
        eigenvalue: 0.3,
        multiplicity: 20.0,
        target: 2.0,
    };
    let modes = Spectrum::new(&[level]).unwrap().with_noise(0.5).unwrap();
    let curve = equivalent(&modes, 5.0, 0.0).unwrap();
    assert!((curve.gamma - 0.25).abs() < 1e-13);
    assert!((curve.generalization_error - (1.5 + 0.5 / 3.0)).abs() < 1e-12);
    assert!((curve.mode_error(0.3) - 0.75).abs() < 1e-13);
    let refused = equivalent(&modes, 25.0, 0.0).unwrap_err().to_string();
    assert!(
        refused.contains("D = 20 modes <= P = 25") && refused.contains("2e0"),
        "{refused}"
    );
    let refused = equivalent(&modes, 20.0, 0.0).unwrap_err().to_string();
    assert!(refused.contains("divergent"));
    assert!(equivalent(&modes, -1.0, 0.0).is_err() && equivalent(&modes, 1.0, f64::NAN).is_err());
}

/// Label noise makes a peak where a degenerate level is filled, and a ridge of the size of the noise removes it.
#[test]
fn noise_peaks_where_a_level_is_filled() {
    let level = |eigenvalue, multiplicity| Level {
        eigenvalue,
        multiplicity,
        target: 1.0,
    };
    let modes = Spectrum::new(&[level(1.0, 40.0), level(1e-5, 4000.0)]).unwrap();
    let modes = modes.with_noise(0.3).unwrap();
    let error = |samples, ridge| {
        let curve = equivalent(&modes, samples, ridge).unwrap();
        curve.generalization_error
    };
    assert!(error(40.0, 1e-3) > 2.0 * error(20.0, 1e-3));
    assert!(error(40.0, 1e-3) > 2.0 * error(120.0, 1e-3));
    let curve: Vec<f64> = (1..30).map(|i| error(5.0 * i as f64, 40.0 * 0.3)).collect();
    assert!(curve.windows(2).all(|w| w[1] < w[0]));
}

#[test]
fn a_heavy_tail_is_refused() {
    let law = PowerLaw::new(0.5, 1.0);
    let modes = Spectrum::infinite(law, 2000).unwrap();
    let refused = equivalent(&modes, 100.0, 0.0).unwrap_err().to_string();
    assert!(refused.contains("holds"), "{refused}");
    let refused = equivalent(&modes, 4000.0, 0.0).unwrap_err().to_string();
    assert!(refused.contains("reach into the tail"), "{refused}");
    let trusted = modes.with_tail(law, 0.2).unwrap();
    let curve = equivalent(&trusted, 100.0, 0.0).unwrap();
    let long = Spectrum::infinite(law, 400_000)
        .unwrap()
        .with_tail(law, 0.2)
        .unwrap();
    let reference = equivalent(&long, 100.0, 0.0).unwrap();
    assert!((curve.total_error / reference.total_error - 1.0).abs() < 1e-12);
    assert!((curve.slope / reference.slope - 1.0).abs() < 1e-11);
}
