//! Tests of the functional flow: the decoupled integral, quadrature, order of elimination, limits, other potentials.

use super::*;
use crate::numerics::quadrature::integrate;
use crate::numerics::random::stream;
use crate::rg::{Huber, Level, PowerLaw, Quartic, Spectrum, modes, quartic_partition};
use rand::seq::SliceRandom;

fn power_law(alpha: f64, beta: f64, count: usize) -> Vec<Mode> {
    modes(&Spectrum::power_law(PowerLaw::new(alpha, beta), count).unwrap()).unwrap()
}

fn flow(modes: &[Mode], mass: f64, vertex: f64) -> FunctionalFlow {
    functional_flow(modes, &Quartic { mass, vertex }, &Settings::default()).unwrap()
}

/// Exact reference numbers after all modes and after the modes above 9 are gone.
#[test]
fn the_flow_meets_the_reference() {
    let modes = power_law(1.0, 1.0, 50);
    for (vertex, end, end_mass, end_vertex, part) in [
        (
            50.0,
            10.19157305,
            36.48614567,
            40.732573,
            [1.896714, 27.24231673, 48.198070],
        ),
        (
            2000.0,
            23.49680062,
            239.84032889,
            1275.530662,
            [7.471450, 186.40491041, 1450.422760],
        ),
    ] {
        let flow = flow(&modes, 20.0, vertex);
        let last = flow.steps[0];
        assert!((last.value - end).abs() < 1e-8, "{flow:?}");
        assert!((last.mass - end_mass).abs() < 2e-7, "{last:?}");
        assert!((last.vertex - end_vertex).abs() < 2e-5, "{last:?}");
        let middle = flow.steps[9];
        assert!((middle.value - part[0]).abs() < 6e-7, "{middle:?}");
        assert!((middle.mass - part[1]).abs() < 2e-8 * part[1], "{middle:?}");
        assert!((middle.vertex - part[2]).abs() < 1e-6, "{middle:?}");
        assert!(flow.grid_error < 1e-8, "{}", flow.grid_error);
        assert!(flow.quadrature_error < 1e-8, "{}", flow.quadrature_error);
    }
}

/// Every step against the decoupled integral over the modes that are gone: value, mass, vertex.
#[test]
fn every_cutoff_is_that_of_the_decoupled_integral() {
    let modes = power_law(0.5, 1.0, 60);
    let bare = Quartic {
        mass: 5.0,
        vertex: 100.0,
    };
    let flow = functional_flow(&modes, &bare, &Settings::default()).unwrap();
    for kept in 0..60 {
        let exact = quartic_partition(&modes[kept..], bare).unwrap();
        let step = flow.steps[kept];
        assert!(
            (step.value + exact.log_partition).abs() < 1e-8,
            "{kept} {step:?}"
        );
        assert!(
            (step.mass / exact.mass - 1.0).abs() < 1e-8,
            "{kept} {step:?}"
        );
        assert!(
            (step.vertex / exact.vertex - 1.0).abs() < 1e-6,
            "{kept} {step:?}"
        );
    }
}

/// Without a vertex the potential stays linear: the mass does not run, the value is the Gaussian one.
#[test]
fn a_gaussian_theory_does_not_run() {
    let modes = power_law(1.0, 0.5, 40);
    let flow = flow(&modes, 7.0, 0.0);
    for step in &flow.steps {
        let gone = modes[step.kept..].iter();
        let expected: f64 = gone
            .map(|m| {
                let q: f64 = 1.0 + 7.0 * m.eigenvalue;
                0.5 * q.ln() + 3.5 * m.coefficient.powi(2) / q
            })
            .sum();
        assert!((step.value - expected).abs() < 1e-11);
        assert!((step.mass - 7.0).abs() < 1e-10 && step.vertex.abs() < 1e-7);
    }
}

/// One mode, and two modes in the plane, by adaptive quadrature of the action itself.
#[test]
fn few_modes_are_plain_integrals() {
    let density = |mode: &Mode, delta: f64| {
        let f = delta + mode.coefficient;
        let lam = mode.eigenvalue;
        (-f * f / (2.0 * lam)).exp() / (2.0 * std::f64::consts::PI * lam).sqrt()
    };
    let modes = [(1.0, 1.0), (0.3, -0.8)].map(|(eigenvalue, coefficient)| Mode {
        eigenvalue,
        coefficient,
    });
    let huber = Huber {
        samples: 40.0,
        ridge: 1.0,
        threshold: 0.5,
        noise: 0.05,
    };
    let quartic = Quartic {
        mass: 2.0,
        vertex: 30.0,
    };
    fn plane(modes: &[Mode], bare: &impl Potential, density: impl Fn(&Mode, f64) -> f64) -> f64 {
        let inner = |x: f64| {
            let term = |d: f64| density(&modes[1], d) * (-bare.jet(x + d * d)[0]).exp();
            integrate(term, -7.0, 7.0, 1e-11, 1e-300).unwrap().value
        };
        let outer = |d: f64| density(&modes[0], d) * inner(d * d);
        -integrate(outer, -9.0, 8.0, 1e-10, 1e-300)
            .unwrap()
            .value
            .ln()
    }
    let found = functional_flow(&modes, &quartic, &Settings::default()).unwrap();
    assert!((found.steps[0].value - plane(&modes, &quartic, density)).abs() < 1e-8);
    let found = functional_flow(&modes, &huber, &Settings::default()).unwrap();
    assert!((found.steps[0].value - plane(&modes, &huber, density)).abs() < 1e-7);
    let line = |d: f64| density(&modes[0], d) * (-quartic.jet(d * d)[0]).exp();
    let line = -integrate(line, -9.0, 8.0, 1e-12, 1e-300)
        .unwrap()
        .value
        .ln();
    let found = functional_flow(&modes[..1], &quartic, &Settings::default()).unwrap();
    assert!((found.steps[0].value - line).abs() < 1e-9);
}

/// The exact flow does not care for the order, nor for how the target lies inside a level.
#[test]
fn the_order_of_elimination_is_free() {
    let mut modes = power_law(1.0, 1.0, 30);
    let natural = flow(&modes, 15.0, 400.0).steps[0];
    assert!((natural.value - 13.8708180).abs() < 6e-8);
    modes.shuffle(&mut stream(3, "rg order", &[]));
    let mixed = flow(&modes, 15.0, 400.0).steps[0];
    assert!((mixed.value - natural.value).abs() < 1e-8);
    assert!((mixed.mass / natural.mass - 1.0).abs() < 1e-8);
    assert!((mixed.vertex / natural.vertex - 1.0).abs() < 1e-6);
    let level = Level {
        eigenvalue: 0.4,
        multiplicity: 2.0,
        target: 0.5,
    };
    let rotated = crate::rg::modes(&Spectrum::new(&[level]).unwrap()).unwrap();
    let spread = [0.6, 0.8].map(|part| Mode {
        eigenvalue: 0.4,
        coefficient: part * 0.5f64.sqrt(),
    });
    let (a, b) = (
        flow(&rotated, 3.0, 40.0).steps[0],
        flow(&spread, 3.0, 40.0).steps[0],
    );
    assert!((a.value - b.value).abs() < 1e-9 && (a.mass - b.mass).abs() < 1e-8);
}

/// A mode without a prior variance only shifts `X` by its target.
#[test]
fn dead_modes_shift_the_argument() {
    let dead = Mode {
        eigenvalue: 0.0,
        coefficient: 0.9,
    };
    let found = flow(&[dead], 3.0, 8.0);
    let x = 0.81f64;
    assert!((found.steps[0].value - (1.5 * x + 2.0 * x * x)).abs() < 1e-9);
    assert!((found.steps[0].mass - (3.0 + 8.0 * x)).abs() < 1e-9);
}

/// Huber's loss is between the parabola it starts with and nothing, and softens along the flow where the quartic
/// stiffens.
#[test]
fn robust_losses_soften() {
    let modes = power_law(1.0, 1.0, 30);
    let huber = |threshold| Huber {
        samples: 20.0,
        ridge: 1.0,
        threshold,
        noise: 0.0,
    };
    let wide = functional_flow(&modes, &huber(100.0), &Settings::default()).unwrap();
    let square = flow(&modes, 20.0, 0.0);
    assert!((wide.steps[0].value - square.steps[0].value).abs() < 1e-9);
    let narrow = functional_flow(&modes, &huber(0.5), &Settings::default()).unwrap();
    assert!(narrow.steps[0].value < square.steps[0].value);
    assert!(
        narrow.steps[0].mass < 15.0 && narrow.steps[0].mass > 5.0,
        "{:?}",
        narrow.steps[0]
    );
}

#[test]
fn double_wells_and_bad_input_are_refused() {
    let modes = power_law(1.0, 1.0, 5);
    let run =
        |mass, vertex| functional_flow(&modes, &Quartic { mass, vertex }, &Settings::default());
    let refused = run(-2.0, 10.0).unwrap_err().to_string();
    assert!(refused.contains("double well"), "{refused}");
    assert!(run(1.0, -1.0).is_err());
    let rough = Settings {
        nodes: 20,
        tolerance: 1e-13,
        ..Settings::default()
    };
    let rough = functional_flow(
        &modes,
        &Quartic {
            mass: 0.0,
            vertex: 5e3,
        },
        &rough,
    );
    assert!(rough.unwrap_err().to_string().contains("quadrature error"));
    assert!(
        functional_flow(
            &[],
            &Quartic {
                mass: 0.0,
                vertex: 1.0
            },
            &Settings::default()
        )
        .is_err()
    );
    let fractional = Level {
        eigenvalue: 1.0,
        multiplicity: 1.5,
        target: 0.0,
    };
    assert!(crate::rg::modes(&Spectrum::new(&[fractional]).unwrap()).is_err());
}
