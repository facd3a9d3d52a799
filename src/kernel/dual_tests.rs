//! Tests of dual activations and of Hermite coefficients.

use super::super::hermite::coefficients;
use super::*;
use proptest::prelude::*;

fn all() -> Vec<Activation> {
    vec![
        Activation::Linear,
        Activation::Erf,
        Activation::UnscaledErf,
        Activation::Relu,
        Activation::Gelu,
        Activation::Quadratic,
        Activation::Tanh,
        Activation::Hermite(vec![0.3, 1.0, -0.4, 0.2, 0.1]),
    ]
}

fn he(k: usize, z: f64) -> f64 {
    let (mut before, mut now) = (0.0, 1.0);
    for k in 0..k {
        let k = k as f64;
        (before, now) = (now, (z * now - k.sqrt() * before) / (k + 1.0).sqrt());
    }
    now
}

fn phi(kind: &Activation, z: f64) -> f64 {
    match kind {
        Activation::Linear => z,
        Activation::Erf => libm::erf(z / 2f64.sqrt()),
        Activation::UnscaledErf => libm::erf(z),
        Activation::Relu => z.max(0.0),
        Activation::Gelu => 0.5 * z * libm::erfc(-z / 2f64.sqrt()),
        Activation::Quadratic => z * z,
        Activation::Tanh => z.tanh(),
        Activation::Hermite(c) => c.iter().enumerate().map(|(k, c)| c * he(k, z)).sum(),
    }
}

/// `E[phi(u) phi(v)]` by a two-dimensional trapezoid sum.
fn quadrature(kind: &Activation, a: f64, b: f64, r: f64) -> f64 {
    let h = 0.1;
    let mut sum = 0.0;
    for i in -90..=90 {
        for j in -90..=90 {
            let (x, z) = (i as f64 * h, j as f64 * h);
            let weight = (-0.5 * (x * x + z * z)).exp() * h * h / std::f64::consts::TAU;
            let y = r * x + (1.0 - r * r).sqrt() * z;
            sum += weight * phi(kind, a.sqrt() * x) * phi(kind, b.sqrt() * y);
        }
    }
    sum
}

#[test]
fn smooth_duals_equal_the_double_integral() {
    for kind in all() {
        // The kink of ReLU spoils the trapezoid rule: its closed form is tested by Monte Carlo and by its Hermite series.
        if kind == Activation::Relu {
            continue;
        }
        for (a, b, r) in [(1.0, 1.0, 0.3), (0.4, 1.7, -0.8), (1.2, 0.9, 0.95)] {
            let exact = quadrature(&kind, a, b, r);
            let dual = kind.dual(a, b, r * f64::sqrt(a * b)).unwrap();
            let error = (dual.value - exact).abs();
            assert!(error < 1e-11 * (1.0 + exact.abs()), "{kind:?} {error:e}");
            assert!(dual.bound < 1e-11);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn slopes_are_derivatives(a in 0.1..3.0f64, b in 0.1..3.0f64, r in -0.9..0.9f64) {
        for kind in all() {
            let c = r * (a * b).sqrt();
            let h = 2e-3 * (a * b).sqrt();
            let f = |c: f64| kind.dual(a, b, c).unwrap().value;
            let sum = |h: f64| (f(c + h) - f(c - h)) / (2.0 * h);
            // Richardson to sixth order.
            let (one, two, four) = (sum(h), sum(2.0 * h), sum(4.0 * h));
            let (fine, coarse) = ((4.0 * one - two) / 3.0, (4.0 * two - four) / 3.0);
            let difference = (16.0 * fine - coarse) / 15.0;
            let slope = kind.dual(a, b, c).unwrap().slope;
            prop_assert!((difference - slope).abs() < 1e-8 * (1.0 + slope.abs()), "{:?} {} {}", kind, difference, slope);
        }
    }

    #[test]
    fn duals_are_symmetric_and_obey_cauchy_schwarz(a in 0.0..3.0f64, b in 0.0..3.0f64, r in -1.0..1.0f64) {
        for kind in all() {
            let c = r * (a * b).sqrt();
            let (one, two) = (kind.dual(a, b, c).unwrap(), kind.dual(b, a, c).unwrap());
            prop_assert!((one.value - two.value).abs() < 1e-14 * (1.0 + one.value.abs()));
            let limit = (kind.moments(a).0 * kind.moments(b).0).sqrt();
            prop_assert!(one.value.abs() <= limit * (1.0 + 1e-12) + 1e-15, "{:?} {} {}", kind, one.value, limit);
        }
    }
}

#[test]
fn the_diagonal_is_the_limit_of_the_general_formula() {
    for kind in all() {
        for q in [0.3, 1.0, 2.5] {
            let exact = kind.moments(q);
            let near = kind.dual(q, q, q * (1.0 - 1e-12)).unwrap();
            let same = kind.dual(q, q, q).unwrap();
            assert!(
                (near.value - exact.0).abs() < 1e-10 * (1.0 + exact.0),
                "{kind:?}"
            );
            assert!(
                (near.slope - exact.1).abs() < 1e-6 * (1.0 + exact.1),
                "{kind:?}"
            );
            assert!((same.value - exact.0).abs() < 1e-12, "{kind:?}");
        }
    }
    // sqrt(2 (1 - rho)) near rho = 1.
    let near = Activation::Relu
        .dual(1.0, 1.0, 1.0 - 2f64.powi(-40))
        .unwrap();
    let angle = 2f64.powf(-19.5);
    assert!((0.5 - near.slope - angle / std::f64::consts::TAU).abs() < 1e-16);
}

#[test]
fn samples_of_zero_norm_have_no_nan() {
    for kind in all() {
        let at_zero = phi(&kind, 0.0);
        let dual = kind.dual(0.0, 1.3, 0.0).unwrap();
        let mean = coefficients(&kind, 1.3, 1)[0];
        assert!((dual.value - at_zero * mean).abs() < 1e-14, "{kind:?}");
        assert!(dual.slope.is_finite());
        assert!((kind.dual(0.0, 0.0, 0.0).unwrap().value - at_zero * at_zero).abs() < 1e-15);
    }
}

#[test]
fn coefficients_match_the_table_and_sum_to_the_moment() {
    let table = [
        (Activation::UnscaledErf, 0.5, 1, 0.564189584),
        (Activation::UnscaledErf, 0.5, 3, -0.115164716),
        (Activation::UnscaledErf, 0.5, 5, 0.038627420),
        (Activation::UnscaledErf, 1.0, 1, 0.651470016),
        (Activation::UnscaledErf, 1.0, 3, -0.177307680),
        (Activation::UnscaledErf, 1.0, 5, 0.079294405),
        (Activation::Relu, 1.0, 0, 0.398942280),
        (Activation::Relu, 1.0, 1, 0.5),
        (Activation::Relu, 1.0, 2, 0.282094792),
        (Activation::Relu, 1.0, 3, 0.0),
        (Activation::Relu, 1.0, 4, -0.081433752),
    ];
    for (kind, q, k, exact) in table {
        let c = coefficients(&kind, q, 6)[k];
        assert!((c - exact).abs() < 1e-9, "{kind:?} {q} {k} {c}");
    }
    for kind in all() {
        for q in [0.5, 1.0, 2.0] {
            let c = coefficients(&kind, q, 512);
            let sum: f64 = c.iter().map(|c| c * c).sum();
            let exact = kind.moments(q).0;
            // The squares of the ReLU coefficients fall as k^{-5/2}.
            let left = if kind == Activation::Relu {
                1e-5
            } else {
                1e-12
            };
            assert!(
                (sum - exact).abs() < left * exact,
                "{kind:?} {q} {sum} {exact}"
            );
            let r = 0.4;
            let series: f64 = (0..512).map(|k| c[k] * c[k] * f64::powi(r, k as i32)).sum();
            let dual = kind.dual(q, q, r * q).unwrap().value;
            assert!(
                (series - dual).abs() < 1e-12 * (1.0 + dual.abs()),
                "{kind:?}"
            );
        }
    }
}

#[test]
fn wrong_covariances_are_refused() {
    for (a, b, c) in [
        (1.0, 1.0, 1.1),
        (-1.0, 1.0, 0.0),
        (f64::NAN, 1.0, 0.0),
        (1.0, 1.0, f64::NAN),
    ] {
        assert!(Activation::Relu.dual(a, b, c).is_err());
    }
    assert!(Activation::Hermite(vec![]).dual(1.0, 1.0, 0.0).is_err());
}

/// `dF/dq = E[phi^2 (z^2 - 1)]/(2 q)`, an integral by parts that has no derivative in it; the kink of ReLU spoils its
/// trapezoid sum, whose second moment is `q/2` in closed form.
#[test]
fn growths_are_gaussian_integrals() {
    for kind in all() {
        for q in [1e-2, 0.3, 1.0, 2.7, 9.0] {
            let moments = kind.second_moments(q).unwrap();
            let (mut square, mut growth, mut size) = (0.0, 0.0, 0.0);
            for j in -13 * 64..=13 * 64 {
                let z = j as f64 / 64.0;
                let weight = (-0.5 * z * z).exp() / 64.0 / std::f64::consts::TAU.sqrt();
                let term = weight * phi(&kind, q.sqrt() * z).powi(2);
                square += term;
                growth += term * (z * z - 1.0) / (2.0 * q);
                size += term * (z * z + 1.0) / (2.0 * q);
            }
            if kind == Activation::Relu {
                (square, growth) = (0.5 * q, 0.5);
            }
            assert!(
                (moments.value - square).abs() < 1e-12 * square,
                "{kind:?} {q}"
            );
            let error = (moments.growth - growth).abs();
            assert!(
                error < moments.growth_bound + 2e-13 * size,
                "{kind:?} {q} {error:e}"
            );
        }
        assert!(kind.second_moments(0.0).unwrap().growth.is_finite());
        assert!(kind.second_moments(-1.0).is_err());
    }
}

/// By finite differences of the dual itself, in all three entries of the covariance.
#[test]
fn gradient_of_the_dual_is_its_derivative() {
    let h = 1e-5;
    for kind in [
        Activation::Linear,
        Activation::Erf,
        Activation::UnscaledErf,
        Activation::Relu,
        Activation::Quadratic,
    ] {
        for (a, b, c) in [
            (1.0, 1.0, 0.3),
            (0.4, 2.0, -0.7),
            (3.0, 0.2, 0.6),
            (5.0, 7.0, 0.0),
        ] {
            let g = kind.dual_gradient(a, b, c).unwrap();
            let f = |a: f64, b: f64, c: f64| kind.dual(a, b, c).unwrap().value;
            let slopes = [
                (f(a + h, b, c) - f(a - h, b, c)) / (2.0 * h),
                (f(a, b + h, c) - f(a, b - h, c)) / (2.0 * h),
                (f(a, b, c + h) - f(a, b, c - h)) / (2.0 * h),
            ];
            assert!((g.value - f(a, b, c)).abs() < 1e-12);
            for (slope, exact) in
                slopes
                    .iter()
                    .zip([g.by_variances[0], g.by_variances[1], g.by_covariance])
            {
                assert!(
                    (slope - exact).abs() < 3e-8 * (1.0 + exact.abs()),
                    "{kind:?} {a} {b} {c}"
                );
            }
        }
        // On the diagonal all three entries grow together.
        let growth = kind.second_moments(1.3).unwrap().growth;
        let g = kind.dual_gradient(1.3, 1.3, 1.3).unwrap();
        let all = g.by_variances[0] + g.by_variances[1] + g.by_covariance;
        assert!((all - growth).abs() < 1e-12);
        assert!(kind.dual_gradient(0.0, 1.0, 0.0).unwrap().by_variances[0].is_finite());
    }
    assert!(Activation::Tanh.dual_gradient(1.0, 1.0, 0.5).is_err());
    assert!(Activation::Gelu.dual_gradient(1.0, 1.0, 0.5).is_err());
    assert!(Activation::Erf.dual_gradient(1.0, 1.0, 1.5).is_err());
}
