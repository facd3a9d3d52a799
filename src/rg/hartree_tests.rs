//! Tests of the exact quartic partition function and of its saddle point.

use super::*;
use crate::numerics::quadrature::integrate;
use crate::rg::functional::{Settings, functional_flow};
use crate::rg::modes;
use crate::rg::{PowerLaw, QuarticPartition, quartic_partition};

fn power_law(alpha: f64, beta: f64, count: usize) -> Vec<Mode> {
    modes(&Spectrum::power_law(PowerLaw::new(alpha, beta), count).unwrap()).unwrap()
}

fn solve(alpha: f64, count: usize, mass: f64, vertex: f64) -> (Hartree, QuarticPartition) {
    let modes = power_law(alpha, 1.0, count);
    let bare = Quartic { mass, vertex };
    (
        hartree(&modes, bare).unwrap(),
        quartic_partition(&modes, bare).unwrap(),
    )
}

#[test]
fn quartic_theories_meet_the_reference() {
    let (saddle, exact) = solve(1.0, 50, 20.0, 50.0);
    assert!((exact.square - 0.32972291).abs() < 6e-9, "{exact:?}");
    assert!((exact.log_partition + 10.19157305).abs() < 6e-9);
    assert!((saddle.mass - 36.77992033).abs() < 6e-9 && (saddle.square - 0.33559841).abs() < 6e-9);
    assert!((saddle.gaussian_square - 0.462413).abs() < 6e-7);
    assert!(
        (exact.squares[0] - 0.02594162).abs() < 6e-9 && (exact.means[0] + 0.02532882).abs() < 6e-9
    );
    assert!((exact.mass - 36.48614567).abs() < 6e-9 && (exact.vertex - 40.732573).abs() < 6e-7);
    assert!((saddle.vertex - 40.15).abs() < 6e-3);
    let (saddle, exact) = solve(1.0, 50, 20.0, 2000.0);
    assert!((exact.square - 0.10992016).abs() < 6e-9);
    assert!((exact.log_partition + 23.49680062).abs() < 6e-9);
    assert!((saddle.mass - 242.67793375).abs() < 6e-9 && (saddle.square - 0.11133897).abs() < 6e-9);
    assert!(
        (exact.squares[0] - 0.00400198).abs() < 6e-9 && (exact.means[0] + 0.00398666).abs() < 6e-9
    );
    assert!((exact.mass - 239.84032889).abs() < 2e-8 && (exact.vertex - 1275.530662).abs() < 6e-7);
    assert!((saddle.vertex - 1255.6).abs() < 6e-2);
    for (mass, vertex, square, log_partition, hartree_mass) in [
        (5.0, 10.0, 0.93293401, -8.44607585, 14.472626),
        (100.0, 4000.0, 0.14565042, -78.77332135, 684.491993),
    ] {
        let (saddle, exact) = solve(0.5, 200, mass, vertex);
        assert!((exact.square - square).abs() < 6e-9, "{exact:?}");
        assert!(
            (exact.log_partition - log_partition).abs() < 6e-9,
            "{}",
            exact.log_partition
        );
        assert!((saddle.mass - hartree_mass).abs() < 6e-7);
    }
}

/// One mode by quadrature of the action: partition function, mean, square, and fluctuations.
#[test]
fn one_mode_is_a_plain_integral() {
    let (lam, y, mass, vertex) = (0.7, 0.9, 1.5, 12.0);
    let weight = |d: f64| {
        let x = d * d;
        let prior = (d + y) * (d + y) / (2.0 * lam);
        (-prior - 0.5 * mass * x - 0.25 * vertex * x * x).exp()
            / (2.0 * std::f64::consts::PI * lam).sqrt()
    };
    let moment = |n: i32| {
        let f = |d: f64| d.powi(n) * weight(d);
        integrate(f, -6.0, 6.0, 1e-13, 1e-14).unwrap().value
    };
    let z = moment(0);
    let mode = Mode {
        eigenvalue: lam,
        coefficient: y,
    };
    let exact = quartic_partition(&[mode], Quartic { mass, vertex }).unwrap();
    assert!((exact.log_partition - z.ln()).abs() < 1e-11, "{exact:?}");
    assert!((exact.means[0] - moment(1) / z).abs() < 1e-11);
    let square = moment(2) / z;
    let variance = moment(4) / z - square * square;
    assert!((exact.square - square).abs() < 1e-11);
    assert!(
        (exact.square_variance - variance).abs() < 1e-10,
        "{exact:?} {variance}"
    );
    assert!((exact.vertex - (vertex - 0.5 * vertex * vertex * variance)).abs() < 1e-9);
    assert!((exact.mass - (mass + vertex * square)).abs() < 1e-10);
}

/// However strong the vertex: bubbles screen it by a factor of 3 at most, since `w v/2 <= 2 M s_1 < 2` for `m >= 0`.
#[test]
fn strong_vertices_are_resolved() {
    let (saddle, exact) = solve(1.0, 50, 2e4, 1e9);
    assert!(saddle.vertex > 1e9 / 3.0, "{saddle:?}");
    let bare = Quartic {
        mass: 2e4,
        vertex: 1e9,
    };
    // 80 nodes reach 1e-5 here, and say so.
    let loose = Settings {
        tolerance: 1e-4,
        ..Settings::default()
    };
    let flow = functional_flow(&power_law(1.0, 1.0, 50), &bare, &loose).unwrap();
    assert!(flow.quadrature_error > 1e-6);
    let end = flow.steps[0];
    assert!(
        (end.value + exact.log_partition).abs() < flow.quadrature_error,
        "{end:?}"
    );
    assert!(
        (end.mass / exact.mass - 1.0).abs() < flow.quadrature_error,
        "{end:?}"
    );
}

/// Hartree's solution is exact under replication: every mode `n` times, vertex `w/n`.
#[test]
fn replicated_modes_are_a_mean_field() {
    let one = power_law(1.0, 1.0, 10);
    let saddle = hartree(
        &one,
        Quartic {
            mass: 5.0,
            vertex: 20.0,
        },
    )
    .unwrap();
    assert!((saddle.square - 0.42464072).abs() < 6e-9);
    for (copies, expected) in [(1, 0.40475264), (16, 0.42324547), (64, 0.42428963)] {
        let modes: Vec<Mode> = (0..copies).flat_map(|_| one.clone()).collect();
        let bare = Quartic {
            mass: 5.0,
            vertex: 20.0 / copies as f64,
        };
        let exact = quartic_partition(&modes, bare).unwrap().square / copies as f64;
        assert!((exact - expected).abs() < 6e-9, "{copies} {exact}");
        let mean_field = hartree(&modes, bare).unwrap();
        assert!((mean_field.square / copies as f64 - saddle.square).abs() < 1e-11);
    }
}

/// The corrections of the vertex die as `P^{-alpha/(1+alpha)}`: large data sets are Gaussian processes.
#[test]
fn large_data_sets_are_gaussian() {
    let at = |alpha: f64, samples: f64, modes: usize| {
        hartree(
            &power_law(alpha, alpha, modes),
            Quartic::of_loss(samples, 1.0, 0.3, 0.0),
        )
        .unwrap()
    };
    let mut last = None;
    for (samples, change, mass) in [
        (1e2, 0.082057, 0.186402),
        (1e3, 0.030628, 0.063189),
        (1e4, 0.010291, 0.020498),
        (1e5, 0.003321, 0.006537),
    ] {
        let saddle = at(1.0, samples, (40.0 * f64::sqrt(samples)) as usize);
        assert!(
            (saddle.correction().abs() - change).abs() < 2e-6,
            "{samples} {saddle:?}"
        );
        assert!(
            (saddle.mass / samples - 1.0 - mass).abs() < 6e-7,
            "{samples} {saddle:?}"
        );
        last = Some(saddle.correction().abs());
    }
    let exponent = (0.010291 / last.unwrap()).log10();
    assert!((exponent - 0.491).abs() < 1e-3);
    for (samples, change) in [(1e2, 0.08572496), (1e3, 0.03117798)] {
        let count = (40.0 * f64::sqrt(samples)) as usize;
        let bare = Quartic::of_loss(samples, 1.0, 0.3, 0.0);
        let modes = power_law(1.0, 1.0, count);
        let exact = quartic_partition(&modes, bare).unwrap().square;
        let gaussian = hartree(&modes, bare).unwrap().gaussian_square;
        assert!(
            ((1.0 - exact / gaussian) - change).abs() < 2e-6,
            "{samples} {}",
            1.0 - exact / gaussian
        );
    }
}

/// Weak coupling: `dX/dw = -Cov(X, X^2)/4 = -(k_3 + 2 k_1 k_2)/4` with the cumulants of `X` in the Gaussian theory.
/// Hartree has the second term alone.
#[test]
fn the_first_order_is_that_of_perturbation_theory() {
    let cumulant = |order: i32| -> f64 {
        let term = |m: Mode| {
            let left = 1.0 / (1.0 + 20.0 * m.eigenvalue);
            let (s, mu2) = (m.eigenvalue * left, (m.coefficient * left).powi(2));
            match order {
                1 => s + mu2,
                2 => 2.0 * s * s + 4.0 * s * mu2,
                _ => 8.0 * s * s * s + 24.0 * s * s * mu2,
            }
        };
        power_law(1.0, 1.0, 50).into_iter().map(term).sum()
    };
    let slope = |vertex: f64| {
        let (saddle, exact) = solve(1.0, 50, 20.0, vertex);
        let gaussian = saddle.gaussian_square;
        [exact.square - gaussian, saddle.square - gaussian].map(|d| d / vertex)
    };
    // Richardson: the error of the difference quotient falls with w.
    let (coarse, fine) = (slope(0.02), slope(0.01));
    let mean_field = -0.5 * cumulant(1) * cumulant(2);
    let expected = [mean_field - 0.25 * cumulant(3), mean_field];
    for k in 0..2 {
        let limit = 2.0 * fine[k] - coarse[k];
        assert!(
            (limit / expected[k] - 1.0).abs() < 1e-6,
            "{limit} {}",
            expected[k]
        );
    }
}

/// Hamiltonian Monte Carlo's values are within their errors (brackets) of the estimate: derivation independent of its
/// equations.
#[test]
fn the_curve_of_finite_data_meets_the_reference() {
    let law = PowerLaw::new(1.0, 1.0);
    let modes = Spectrum::power_law(law, 50).unwrap();
    for (samples, ridge, noise, expected, measured, error) in [
        (500.0, 10.0, 0.0, 0.110181, 0.11059, 0.00036),
        (2000.0, 40.0, 0.0, 0.106999, 0.10650, 0.00025),
        (500.0, 10.0, 0.05, 0.096705, 0.09708, 0.00057),
    ] {
        let quartic = 2000.0 / (3.0 * samples);
        let noisy = modes.clone().with_noise(noise).unwrap();
        let curve = quartic_curve(&noisy, samples, ridge, quartic).unwrap();
        assert!((curve.square - expected).abs() < 6e-7, "{curve:?}");
        assert!((curve.square - measured).abs() < 3.0 * error);
    }
    let control = quartic_curve(&modes, 500.0, 10.0, 0.0).unwrap();
    assert!((control.square - 0.287952).abs() < 6e-7, "{control:?}");
    // Many samples at fixed couplings: the equivalent kernel.
    let many = quartic_curve(&modes, 5e7, 1e6, 2000.0 / 1.5e8).unwrap();
    let saddle = hartree(
        &crate::rg::modes(&modes).unwrap(),
        Quartic {
            mass: 50.0,
            vertex: 2000.0,
        },
    )
    .unwrap();
    assert!((many.square / saddle.square - 1.0).abs() < 1e-5);
    let noisy = Quartic::of_loss(500.0, 10.0, 4.0 / 3.0, 0.05);
    assert!((noisy.mass - 150.0).abs() < 1e-12 && (noisy.vertex - 2000.0).abs() < 1e-9);
    let shifted = hartree(&crate::rg::modes(&modes).unwrap(), noisy).unwrap();
    assert!((shifted.square - 0.08978).abs() < 2e-3, "{shifted:?}");
}

#[test]
fn theories_without_a_ground_state_are_refused() {
    let modes = power_law(1.0, 1.0, 5);
    let run = |mass, vertex| hartree(&modes, Quartic { mass, vertex });
    assert!(
        run(1.0, -1.0).is_err()
            && run(-1.5, 1.0)
                .unwrap_err()
                .to_string()
                .contains("double well")
    );
    let spectrum = Spectrum::power_law(PowerLaw::new(1.0, 1.0), 5).unwrap();
    assert!(quartic_curve(&spectrum, 10.0, 0.0, 1.0).is_err());
}
