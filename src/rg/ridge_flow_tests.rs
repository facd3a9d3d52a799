//! Tests of the ridge flow: reference numbers, invariance of what the flow must not change, limits.

use super::*;
use crate::rg::{Level, PowerLaw, equivalent};

fn power_law(alpha: f64, beta: f64, modes: usize) -> Spectrum {
    Spectrum::power_law(PowerLaw::new(alpha, beta), modes).unwrap()
}

#[test]
fn running_ridges_meet_the_reference() {
    for (alpha, samples, ridge, kept, expected) in [
        (1.0, 100.0, 0.1, 1000, [0.10074933, 0.10074953, 0.10074921]),
        (1.0, 100.0, 0.1, 200, [0.10471229, 0.10473755, 0.10469815]),
        (1.0, 100.0, 0.1, 50, [0.11815367, 0.11955136, 0.11764312]),
        (1.0, 100.0, 0.1, 10, [0.14689839, 0.19491637, 0.14336825]),
        (1.0, 100.0, 0.1, 0, [0.16220171, 1.74468410, 0.15756219]),
        (1.0, 100.0, 1.0, 0, [1.16335787, 2.64468410, 1.15951377]),
        (0.5, 200.0, 0.5, 0, [0.85941283, 3.08075455, 0.84243057]),
    ] {
        let modes = power_law(alpha, 1.0, 4000);
        let schemes = [Scheme::Exact, Scheme::TailSum, Scheme::Running];
        for (scheme, expected) in schemes.into_iter().zip(expected) {
            let flow = ridge_flow(&modes, samples, ridge, scheme).unwrap();
            let found = flow.ridges[kept];
            assert!((found - expected).abs() < 6e-9, "{scheme:?} {kept} {found}");
        }
    }
}

#[test]
fn stops_meet_the_reference() {
    for (alpha, samples, ridge, kept, stopped, learned) in [
        (1.0, 100.0, 0.1, 27, 0.136110, 24),
        (1.0, 100.0, 1.0, 9, 1.104916, 9),
        (0.5, 200.0, 0.5, 40, 0.782643, 37),
    ] {
        let modes = power_law(alpha, 1.0, 4000);
        let stop = ridge_flow(&modes, samples, ridge, Scheme::TailSum).unwrap();
        let stop = stop.stop(0.5).unwrap();
        assert!(
            stop.kept == kept && (stop.ridge - stopped).abs() < 6e-7,
            "{stop:?}"
        );
        let threshold = equivalent(&modes, samples, ridge).unwrap().threshold;
        let above = modes.eigenvalues().iter().filter(|&&l| l > threshold);
        assert_eq!(above.count(), learned);
    }
    let modes = power_law(1.0, 1.0, 20);
    let flow = ridge_flow(&modes, 100.0, 0.1, Scheme::TailSum).unwrap();
    assert!(
        flow.stop(0.5)
            .unwrap_err()
            .to_string()
            .contains("truncated inside")
    );
    let flow = ridge_flow(&modes, 1.0, 10.0, Scheme::TailSum).unwrap();
    assert!(flow.stop(0.5).unwrap_err().to_string().contains("no mode"));
}

/// For every cutoff the theory of the kept modes, with the ridge and the noise of the flow, has the same `kappa`, the
/// same total error and the same training error over ridge: nothing but the equations of the equivalent is used.
#[test]
fn kappa_and_error_are_invariant_for_every_cutoff() {
    let modes = power_law(0.8, 1.1, 2000).with_noise(0.03).unwrap();
    let full = equivalent(&modes, 120.0, 0.2).unwrap();
    let flow = ridge_flow(&modes, 120.0, 0.2, Scheme::Exact).unwrap();
    let noise = noise_flow(&modes, &full).unwrap();
    assert!((flow.ridges[0] / full.renormalised_ridge - 1.0).abs() < 1e-12);
    assert!((noise[0] / full.total_error - 1.0).abs() < 1e-12);
    for (kept, ridge, label_noise) in [(100, 0.227573, 0.035271), (5, 0.310453, 0.056850)] {
        assert!((flow.ridges[kept] - ridge).abs() < 6e-7);
        assert!((noise[kept] - label_noise).abs() < 6e-7);
    }
    let naive = |kept: usize| 0.03 + modes.targets()[kept..].iter().sum::<f64>();
    assert!((naive(100) - 0.035492).abs() < 6e-7 && (naive(5) - 0.168732).abs() < 6e-7);
    for (kept, &label_noise) in noise.iter().enumerate().skip(1) {
        let left = modes.kept(kept).with_noise(label_noise).unwrap();
        let part = equivalent(&left, 120.0, flow.ridges[kept]).unwrap();
        assert!(
            (part.renormalised_ridge / full.renormalised_ridge - 1.0).abs() < 1e-12,
            "{kept}"
        );
        assert!(
            (part.total_error / full.total_error - 1.0).abs() < 1e-12,
            "{kept}"
        );
    }
}

/// The same for a degenerate spectrum and for an infinite one, whose tail is integrated at once.
#[test]
fn kappa_is_invariant_with_multiplicities_and_tails() {
    let level = |eigenvalue, multiplicity, target| Level {
        eigenvalue,
        multiplicity,
        target,
    };
    let levels = [
        level(1.0, 3.0, 2.0),
        level(0.2, 17.5, 1.0),
        level(0.01, 400.0, 0.5),
    ];
    let degenerate = Spectrum::new(&levels).unwrap().with_noise(0.1).unwrap();
    let infinite = Spectrum::infinite(PowerLaw::new(1.0, 0.7), 4000).unwrap();
    for (modes, samples) in [(degenerate, 30.0), (infinite.clone(), 2.0)] {
        let full = equivalent(&modes, samples, 0.05).unwrap();
        let flow = exact_flow(&modes, &full).unwrap();
        let noise = noise_flow(&modes, &full).unwrap();
        for kept in [1, 2, modes.len() / 2, modes.len()] {
            let kept = kept.max(1);
            let left = modes.kept(kept).with_noise(noise[kept]).unwrap();
            let part = equivalent(&left, samples, flow.ridges[kept]).unwrap();
            assert!((part.renormalised_ridge / full.renormalised_ridge - 1.0).abs() < 1e-12);
            assert!((part.total_error / full.total_error - 1.0).abs() < 1e-12);
        }
    }
    assert!(ridge_flow(&infinite, 2.0, 0.1, Scheme::Running).is_err());
    assert!(ridge_flow(&infinite, 0.0, 0.1, Scheme::TailSum).is_err());
    assert!(ridge_flow(&power_law(1.0, 1.0, 9), 2.0, 0.0, Scheme::Running).is_err());
    assert!(ridge_flow(&power_law(1.0, 1.0, 9), 2.0, 0.0, Scheme::Exact).is_ok());
    assert!(
        ridge_flow(&infinite, 2.0, 0.1, Scheme::TailSum)
            .unwrap()
            .ridges[4000]
            > 0.1
    );
}

/// Where nothing is learned the three schemes are one; each grows when a mode goes.
#[test]
fn schemes_agree_where_nothing_is_learned() {
    let modes = power_law(0.6, 1.0, 300);
    let flows = [Scheme::Exact, Scheme::TailSum, Scheme::Running]
        .map(|scheme| ridge_flow(&modes, 1.0, 1e5, scheme).unwrap());
    for kept in 0..300 {
        let tail = flows[1].ridges[kept] - 1e5;
        for flow in &flows {
            assert!(flow.ridges[kept] > flow.ridges[kept + 1]);
            assert!((flow.ridges[kept] - 1e5 - tail).abs() < 1e-4 * tail);
        }
    }
    let grouped = Level {
        eigenvalue: 0.3,
        multiplicity: 4.0,
        target: 0.0,
    };
    let single = Level {
        multiplicity: 1.0,
        ..grouped
    };
    let one = ridge_flow(
        &Spectrum::new(&[grouped]).unwrap(),
        7.0,
        0.2,
        Scheme::Running,
    )
    .unwrap();
    let four = ridge_flow(
        &Spectrum::new(&[single; 4]).unwrap(),
        7.0,
        0.2,
        Scheme::Running,
    )
    .unwrap();
    assert!((one.ridges[0] - four.ridges[0]).abs() < 1e-15);
}
