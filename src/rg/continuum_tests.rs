//! Tests of the continuous ridge flow.

use super::*;

#[test]
fn the_flow_meets_the_reference() {
    let law = PowerLaw::new(1.0, 1.0);
    let run = |shift| continuum(law, 4000, 100.0, 0.1, &[10.0, 1.0, 0.5], shift).unwrap();
    let plain = run(Shift::None);
    assert!(
        (plain.learned_modes.unwrap() - 28.007869).abs() < 6e-7,
        "{plain:?}"
    );
    assert!((plain.ridges[1] - 0.15689829).abs() < 6e-9);
    let discrete = plain.ridges[1] / (1.0 - plain.discreteness[1].unwrap());
    assert!((discrete - 0.15600458).abs() < 6e-9, "{discrete}");
    assert!((plain.discreteness[1].unwrap() + 0.00573).abs() < 6e-6);
    let shifted = run(Shift::Half);
    assert!((shifted.ridges[1] - 0.15611772).abs() < 6e-9);
    assert!((shifted.ridges[0] - 0.14341948).abs() < 6e-9);
    assert!((shifted.discreteness[1].unwrap() + 0.0007).abs() < 6e-5);
    assert!(shifted.discreteness[2].is_none());
}

/// Far from the learned modes `sigma_K^2` is the tail integral, `r -> p/alpha`.
#[test]
fn the_tail_dominates_in_the_ultraviolet() {
    let law = PowerLaw::new(0.5, 1.0);
    let flow = continuum(law, 1_000_000, 1e-3, 1e-9, &[1000.0], Shift::Half).unwrap();
    let tail = (1000.5f64.powf(-0.5) - 1_000_000.5f64.powf(-0.5)) / 0.5;
    assert!((flow.ridges[0] / tail - 1.0).abs() < 1e-6, "{flow:?}");
    assert!(flow.learned_modes.is_none());
}

/// The discreteness error of the shifted flow falls with the square of the number of learned modes.
#[test]
fn the_shift_removes_the_first_order() {
    let law = PowerLaw::new(1.0, 1.0);
    let error = |samples: f64, cutoff: f64, shift| {
        let flow = continuum(law, 20_000, samples, 1e-2 * samples, &[cutoff], shift).unwrap();
        flow.discreteness[0].unwrap().abs()
    };
    let ratio = |shift| error(1e2, 20.0, shift) / error(1e2, 80.0, shift);
    assert!(ratio(Shift::Half) > 3.0 * ratio(Shift::None) / 2.0);
    assert!(error(1e2, 20.0, Shift::Half) < 0.1 * error(1e2, 20.0, Shift::None));
}

#[test]
fn bad_questions_are_refused() {
    let law = PowerLaw::new(1.0, 1.0);
    let run = |ridge, cutoffs: &[f64]| continuum(law, 100, 100.0, ridge, cutoffs, Shift::None);
    let refused = run(1e-6, &[1.0]).unwrap_err().to_string();
    assert!(
        refused.contains("truncated inside the learnable region"),
        "{refused}"
    );
    assert!(run(1.0, &[1.0, 2.0]).is_err() && run(1.0, &[200.0]).is_err());
}
