//! Tests of spectra and their tails.

use super::*;

/// Moving modes from the tail into the head changes no sum.
#[test]
fn the_tail_continues_the_head() {
    let law = PowerLaw::new(0.7, 1.3);
    let short = Spectrum::infinite(law, 300).unwrap();
    let long = Spectrum::infinite(law, 50_000).unwrap();
    assert!((short.trace() / long.trace() - 1.0).abs() < 1e-13);
    assert!((short.target_power() / long.target_power() - 1.0).abs() < 1e-13);
    let threshold = 1e-4; // the first ratio is 0.61 at mode 301 for 1e-4
    for (p, q, weighted) in [
        (1, 1, false),
        (1, 2, false),
        (2, 2, false),
        (0, 2, true),
        (1, 3, true),
    ] {
        let threshold = threshold * 1.3;
        let both = [&short, &long].map(|spectrum| {
            let head = spectrum.head_sum(|lam, mult, y2| {
                let z = lam / threshold;
                let weight = if weighted { y2 } else { mult };
                [weight * z.powi(p as i32) * (1.0 + z).powi(-(q as i32))]
            })[0];
            head + spectrum.tail().unwrap().sum(p, q, threshold, weighted)
        });
        assert!((both[0] / both[1] - 1.0).abs() < 1e-12, "{p} {q} {both:?}");
    }
}

#[test]
fn degenerate_levels_are_sums_of_modes() {
    let level = Level {
        eigenvalue: 0.4,
        multiplicity: 3.0,
        target: 0.9,
    };
    let grouped = Spectrum::new(&[Level::single(0.1, 0.2), level]).unwrap();
    let single = [(0.4, 0.9), (0.4, 0.0), (0.1, 0.2), (0.4, 0.0)].map(|(l, t)| Level::single(l, t));
    let single = Spectrum::new(&single).unwrap();
    assert_eq!(grouped.eigenvalues(), [0.4, 0.1]);
    assert_eq!(grouped.rank(), single.rank());
    assert!((grouped.trace() - single.trace()).abs() < 1e-15);
    assert!((grouped.target_power() - single.target_power()).abs() < 1e-15);
}

#[test]
fn blocked_sums_have_no_rounding_to_speak_of() {
    let law = PowerLaw::new(1.0, 1.0);
    let spectrum = Spectrum::infinite(law, 1_000_000).unwrap();
    let exact = std::f64::consts::PI.powi(2) / 6.0;
    assert!((spectrum.trace() - exact).abs() < 4e-16 * exact * 4.0);
}

#[test]
fn bad_spectra_are_refused() {
    let message = |r: Result<Spectrum>| r.unwrap_err().to_string();
    assert!(message(Spectrum::new(&[])).contains("empty"));
    assert!(message(Spectrum::new(&[Level::single(0.0, 1.0)])).contains("empty"));
    assert!(message(Spectrum::new(&[Level::single(-1.0, 1.0)])).contains("level 0"));
    let of = |alpha, beta| Spectrum::infinite(PowerLaw::new(alpha, beta), 100);
    assert!(message(of(0.0, 1.0)).contains("alpha"));
    assert!(message(of(1.0, -0.1)).contains("beta"));
    let finite = Spectrum::power_law(PowerLaw::new(1.0, 1.0), 10).unwrap();
    let high = PowerLaw {
        eigenvalue_scale: 5.0,
        ..PowerLaw::new(1.0, 1.0)
    };
    assert!(message(finite.clone().with_tail(high, 1e-3)).contains("exceeds"));
    assert!(message(finite.with_noise(-1.0)).contains("variance"));
}

#[test]
fn a_power_law_is_recognised() {
    let law = PowerLaw {
        eigenvalue_scale: 0.3,
        ..PowerLaw::new(0.7, 1.4)
    };
    let modes = Spectrum::power_law(law, 300).unwrap();
    let found = modes.as_power_law().unwrap();
    assert!((found.alpha - 0.7).abs() < 1e-13 && (found.beta - 1.4).abs() < 1e-13);
    let mut levels: Vec<Level> = modes.levels().collect();
    levels[40].target *= 1.01;
    assert!(Spectrum::new(&levels).unwrap().as_power_law().is_none());
    let pair = Level {
        eigenvalue: 1.0,
        multiplicity: 2.0,
        target: 1.0,
    };
    assert!(Spectrum::new(&[pair; 3]).unwrap().as_power_law().is_none());
}
