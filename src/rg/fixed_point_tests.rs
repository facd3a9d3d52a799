//! Tests of fixed points: reference numbers, closed forms, derivatives by differences, flow lines.

use super::*;
use crate::rg::quartic::flow_line;

#[test]
fn fixed_points_meet_the_reference() {
    for (alpha, mass, vertex, eigenvalues) in [
        (0.5, -0.571428571, 0.367346939, [1.67617498, -4.17617498]),
        (1.0, -0.600000000, 0.480000000, [2.35889894, -6.35889894]),
        (2.0, -0.625000000, 0.703125000, [3.72841615, -10.72841615]),
    ] {
        let law = PowerLaw::new(alpha, alpha);
        let point = interacting(law, 0.0).unwrap();
        assert!(
            (point.couplings.mass - mass).abs() < 6e-10
                && (point.couplings.vertex - vertex).abs() < 6e-10
        );
        let root =
            ((1.0 + 3.0 * alpha).powi(2) + 4.0 * (1.0 + 2.0 * alpha) * (2.0 + 3.0 * alpha)).sqrt();
        for (k, sign) in [(0, 1.0), (1, -1.0)] {
            assert!((point.eigenvalues[k] - eigenvalues[k]).abs() < 6e-9);
            assert!(
                (point.eigenvalues[k] - 0.5 * (-(1.0 + 3.0 * alpha) + sign * root)).abs() < 1e-12
            );
        }
        let free = gaussian(law, 0.0);
        assert!(
            (free.eigenvalues[0] - 1.0 - 2.0 * alpha).abs() < 1e-14
                && (free.eigenvalues[1] - 1.0 - alpha).abs() < 1e-14
        );
    }
    for (alpha, mass, vertex, eigenvalues) in [
        (0.5, -0.44779144, 0.13195421, [1.458197, -3.958197]),
        (1.0, -0.47530492, 0.17164585, [2.021948, -6.021948]),
        (2.0, -0.5, 0.25, [3.152067, -10.152067]),
    ] {
        let point = interacting(PowerLaw::new(alpha, alpha), 1.0).unwrap();
        assert!(
            (point.couplings.mass - mass).abs() < 1e-8
                && (point.couplings.vertex - vertex).abs() < 1e-8,
            "{point:?}"
        );
        assert!(
            (0..2).all(|k| (point.eigenvalues[k] - eigenvalues[k]).abs() < 6e-7),
            "{point:?}"
        );
        assert!(point.residual < 1e-13);
    }
    assert!(interacting(PowerLaw::new(0.0, 1.0), 0.0).is_err());
}

/// Eigenvalues by finite differences of the beta functions: trace and determinant.
#[test]
fn eigenvalues_are_derivatives_of_the_beta_functions() {
    let law = PowerLaw::new(0.8, 0.8);
    let point = interacting(law, 0.6).unwrap();
    let h = 1e-5;
    let at = |dm: f64, du: f64| {
        let mut c = point.couplings;
        c.mass += dm;
        c.vertex += du;
        beta_functions(law, c)
    };
    let (right, left, up, down) = (at(h, 0.0), at(-h, 0.0), at(0.0, h), at(0.0, -h));
    let slope = |a: f64, b: f64| (a - b) / (2.0 * h);
    let jacobian = [
        slope(right.mass, left.mass),
        slope(up.mass, down.mass),
        slope(right.vertex, left.vertex),
        slope(up.vertex, down.vertex),
    ];
    let trace = jacobian[0] + jacobian[3];
    let determinant = jacobian[0] * jacobian[3] - jacobian[1] * jacobian[2];
    let [a, b] = point.eigenvalues;
    assert!((trace - a - b).abs() < 1e-7 && (determinant - a * b).abs() < 1e-6);
}

/// Lines that start close to the point leave it with the relevant eigenvalue, to either phase.
#[test]
fn flow_lines_leave_along_the_relevant_direction() {
    let law = PowerLaw::new(1.0, 1.0);
    let point = interacting(law, 0.0).unwrap();
    let start = |shift: f64| Couplings {
        mass: point.couplings.mass + shift,
        ..point.couplings
    };
    let times: Vec<f64> = (0..=80).map(|i| 0.05 * i as f64).collect();
    let line = flow_line(law, start(1e-7), &times, 1e3).unwrap();
    let distance = |i: usize| (line.couplings[i].mass - point.couplings.mass).abs();
    let growth = (distance(60) / distance(40)).ln();
    assert!((growth - point.eigenvalues[0]).abs() < 1e-3, "{growth}");
    let up = flow_line(law, start(1e-3), &times, 1e3).unwrap();
    assert!(up.couplings.last().unwrap().mass > 0.0);
    let down = flow_line(law, start(-1e-3), &times, 1e3).unwrap();
    assert!(down.left && down.couplings.len() < up.couplings.len());
    assert!(flow_line(law, start(-1.0), &times, 1e3).is_err());
}

/// The separatrix comes from the Gaussian fixed point, and starts on its two sides end in different phases.
#[test]
fn the_separatrix_runs_from_the_gaussian_to_the_interacting_point() {
    for (alpha, target) in [(0.5, 0.0), (1.0, 0.0), (1.0, 1.0)] {
        let law = PowerLaw::new(alpha, alpha);
        let times: Vec<f64> = (0..=400).map(|i| 0.05 * f64::from(i)).collect();
        let [inner, outer] = separatrix(law, target, &times, 3.0).unwrap();
        let last = inner.couplings.last().unwrap();
        assert!(
            !inner.left && last.mass.abs() < 1e-3 && last.vertex.abs() < 1e-3,
            "{last:?}"
        );
        assert!(outer.left, "the other branch comes from large vertices");
        // A point of the line, moved to either side, flows to opposite masses.
        let on = inner.couplings[60];
        for side in [-1.0, 1.0] {
            let start = Couplings {
                mass: on.mass + side * 0.02 * on.mass.abs(),
                ..on
            };
            let line = flow_line(law, start, &times, 1.5).unwrap();
            let end = line.couplings.last().unwrap();
            assert_eq!(
                end.mass > interacting(law, target).unwrap().couplings.mass,
                side > 0.0,
                "{end:?}"
            );
        }
    }
}
