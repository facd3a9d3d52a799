//! Tests of the one-loop flow against the exact one, of its continuum, and of scaling intervals.

use super::*;
use crate::rg::{
    FunctionalFlow, PowerLaw, Spectrum, functional, functional_flow, modes, quartic_partition,
};

fn power_law(alpha: f64, beta: f64, count: usize) -> Vec<Mode> {
    modes(&Spectrum::power_law(PowerLaw::new(alpha, beta), count).unwrap()).unwrap()
}

fn exact(modes: &[Mode], bare: Quartic) -> FunctionalFlow {
    functional_flow(modes, &bare, &functional::Settings::default()).unwrap()
}

#[test]
fn one_loop_couplings_meet_the_reference() {
    let modes = power_law(1.0, 1.0, 50);
    for (vertex, end, part) in [
        (50.0, [36.88247, 38.49618], [27.28159, 48.12360]),
        (2000.0, [237.13740, 1050.10857], [187.67556, 1319.41606]),
    ] {
        let flow = one_loop(&modes, Quartic { mass: 20.0, vertex }).unwrap();
        for (kept, expected) in [(0, end), (9, part)] {
            let Quartic { mass, vertex } = flow.couplings[kept];
            assert!(
                (mass - expected[0]).abs() < 6e-6 && (vertex - expected[1]).abs() < 6e-6,
                "{kept} {mass} {vertex}"
            );
        }
    }
}

/// The mass is right to first order and the vertex to second, at every cutoff, against the functional flow and the
/// decoupled integral.
#[test]
fn one_loop_errors_have_their_order_in_the_vertex() {
    let modes = power_law(1.0, 1.0, 50);
    let errors = |vertex: f64, kept: usize| {
        let bare = Quartic { mass: 20.0, vertex };
        let loops = one_loop(&modes, bare).unwrap().couplings[kept];
        let all = exact(&modes, bare).steps[kept];
        [loops.mass - all.mass, loops.vertex - all.vertex]
    };
    for kept in [0, 3, 9] {
        let (a, b) = (errors(0.5, kept), errors(0.25, kept));
        let orders = [0, 1].map(|k| (a[k] / b[k]).log2());
        assert!(
            (orders[0] - 2.0).abs() < 0.1 && (orders[1] - 3.0).abs() < 0.2,
            "{kept} {orders:?}"
        );
    }
    // The coefficient of w^2 in the mass.
    let coefficient = |vertex: f64| {
        let bare = Quartic { mass: 20.0, vertex };
        let loops = one_loop(&modes, bare).unwrap().couplings[0].mass;
        (loops - quartic_partition(&modes, bare).unwrap().mass) / (vertex * vertex)
    };
    let limit = 2.0 * coefficient(0.05) - coefficient(0.1);
    assert!((limit - 0.0013354).abs() < 6e-7, "{limit}");
}

#[test]
fn one_loop_depends_on_the_order_and_refuses_strong_coupling() {
    let mut modes = power_law(1.0, 1.0, 30);
    let bare = Quartic {
        mass: 15.0,
        vertex: 400.0,
    };
    let natural = one_loop(&modes, bare).unwrap().couplings[0];
    assert!(
        (natural.mass - 87.038).abs() < 6e-4 && (natural.vertex - 223.00).abs() < 6e-3,
        "{natural:?}"
    );
    let weak = Quartic {
        mass: 15.0,
        vertex: 100.0,
    };
    let natural = one_loop(&modes, weak).unwrap().couplings[0];
    modes.reverse();
    let reversed = one_loop(&modes, weak).unwrap().couplings[0];
    assert!(
        (reversed.mass / natural.mass - 1.0).abs() > 0.02,
        "{reversed:?}"
    );
    assert!(one_loop(&modes, bare).is_err());
    let strong = Quartic {
        mass: 0.0,
        vertex: 100.0,
    };
    let refused = one_loop(&power_law(1.0, 1.0, 3), strong)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("w v/2"), "{refused}");
    let well = Quartic {
        mass: -5.0,
        vertex: 0.1,
    };
    assert!(
        one_loop(&modes, well)
            .unwrap_err()
            .to_string()
            .contains("double well")
    );
}

#[test]
fn scaling_intervals_meet_the_reference() {
    let modes = power_law(1.0, 1.0, 400);
    let flow = one_loop(
        &modes,
        Quartic {
            mass: 200.0,
            vertex: 100.0,
        },
    )
    .unwrap();
    let of = |k: usize| {
        let couplings: Vec<f64> = flow.dimensionless.iter().map(|c| c[k]).collect();
        scaling_interval(&couplings, 400, 2).unwrap()
    };
    let (mass, vertex) = (of(0), of(1));
    assert!(
        (vertex.least - 2.98359315).abs() < 6e-9 && vertex.least_at == 12,
        "{vertex:?}"
    );
    assert!((vertex.largest - 2.99999533).abs() < 6e-9);
    assert!((mass.least - 2.00249219).abs() < 6e-9, "{mass:?}");
    assert!(
        (mass.largest - 2.02547393).abs() < 6e-9 && mass.largest_at == 21,
        "{mass:?}"
    );
    assert!(scaling_interval(&[1.0, 2.0], 3, 2).is_err());
    assert_eq!(vertex_exponent(1.0, 0.0), 3.0);
    assert_eq!(vertex_exponent(1.0, 1.0), -1.0);
    let ratio = crossover_vertex(1.0, 1e4, 1.0, 0.3) / crossover_vertex(1.0, 1e2, 1.0, 0.3);
    assert!((ratio - 0.1).abs() < 1e-12);
}

/// The discrete recursion becomes the continuous flow as the number of modes at the compared cutoff grows.
#[test]
fn the_flow_line_is_the_limit_of_the_recursion() {
    // The target must not run, so that all scales start alike.
    let law = PowerLaw::new(0.7, 0.7);
    let error = |scale: usize| {
        let (count, end) = (40 * scale, 10 * scale);
        let modes = power_law(0.7, 0.7, count);
        let lam = modes[count - 1].eigenvalue;
        // Dimensionless couplings of order 1 at the start, whatever the scale; the half shift is part of the map.
        let bare = Quartic {
            mass: 0.1 / lam,
            vertex: 0.2 / (count as f64 * lam * lam),
        };
        let target = modes[count - 1].coefficient.powi(2) / lam;
        let start = Couplings {
            mass: 0.1,
            vertex: 0.2,
            target,
        };
        let time = (count as f64 / end as f64).ln();
        let line = flow_line(law, start, &[time], 1e6).unwrap().couplings[0];
        let found = one_loop(&modes, bare).unwrap().dimensionless[end - 1];
        [
            (found[0] / line.mass - 1.0).abs(),
            (found[1] / line.vertex - 1.0).abs(),
        ]
    };
    let (coarse, fine) = (error(4), error(16));
    for k in 0..2 {
        assert!(
            (coarse[k] / fine[k] - 4.0).abs() < 0.5,
            "{coarse:?} {fine:?}"
        );
        assert!(fine[k] < 0.02, "{fine:?}");
    }
}
