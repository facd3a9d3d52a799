//! Activations: the pointwise nonlinearity of a network and its slope.

use crate::learner::Real;
use crate::numerics::elementary;
use crate::numerics::simd::sweep;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// Density of the standard normal at 0, `1/sqrt(2 pi)`.
const NORMAL_PEAK: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// Pointwise nonlinearity `phi` of the hidden layers.
///
/// | name | phi(x) | phi'(x) |
/// |---|---|---|
/// | `linear` | `x` | `1` |
/// | `tanh` | `tanh x` | `1 - tanh^2 x` |
/// | `erf` | `erf(x / sqrt 2)` (not `erf(x)`: the arcsine kernels take this one) | `sqrt(2/pi) exp(-x^2/2)` |
/// | `relu` | `max(x, 0)` | `1` for `x > 0`, else `0` (also at 0) |
/// | `gelu` | `x Phi(x)`, `Phi` the normal distribution function (exact, not the tanh form) | `Phi(x) + x Phi'(x)` |
/// | `quadratic` | `x^2` (without a factor 1/2) | `2 x` |
///
/// ```
/// use saddlepoint::learner::Activation;
/// assert!((Activation::Erf.value(1.0f64) - 0.682689492137).abs() < 1e-12); // weight of one standard deviation
/// assert_eq!(Activation::Quadratic.slope(3.0), 6.0);
/// ```
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Activation {
    /// `x`
    #[default]
    Linear,
    /// `tanh x`
    Tanh,
    /// `erf(x / sqrt 2)`
    Erf,
    /// `max(x, 0)`, slope 0 at 0.
    Relu,
    /// `x Phi(x)` with the normal distribution function, exact.
    Gelu,
    /// `x^2`
    Quadratic,
}

impl Activation {
    /// Every activation, in the order of the table above.
    pub const ALL: [Activation; 6] = [
        Activation::Linear,
        Activation::Tanh,
        Activation::Erf,
        Activation::Relu,
        Activation::Gelu,
        Activation::Quadratic,
    ];

    /// `phi(x)`.
    pub fn value<T: Real>(self, x: T) -> T {
        self.value_and_slope(x).0
    }

    /// `phi'(x)`.
    pub fn slope<T: Real>(self, x: T) -> T {
        self.value_and_slope(x).1
    }

    /// Overwrites preactivations by `phi(h)` and writes `phi'(h)` to `slope` (same length; untouched by `linear`).
    pub fn apply<T: Real>(self, h: &mut [T], slope: &mut [T]) {
        // One loop per variant: the branch stands outside, and the loops are vectorised.
        match self {
            Activation::Linear => {}
            Activation::Tanh => sweep(h, slope, tanh),
            Activation::Erf => sweep(h, slope, erf),
            Activation::Relu => sweep(h, slope, relu),
            Activation::Gelu => sweep(h, slope, gelu),
            Activation::Quadratic => sweep(h, slope, quadratic),
        }
    }

    fn value_and_slope<T: Real>(self, x: T) -> (T, T) {
        match self {
            Activation::Linear => (x, T::one()),
            Activation::Tanh => tanh(x),
            Activation::Erf => erf(x),
            Activation::Relu => relu(x),
            Activation::Gelu => gelu(x),
            Activation::Quadratic => quadratic(x),
        }
    }
}

#[inline(always)]
fn tanh<T: Real>(x: T) -> (T, T) {
    let value = elementary::tanh(x.f64());
    (T::of(value), T::of(1.0 - value * value))
}

#[inline(always)]
fn erf<T: Real>(x: T) -> (T, T) {
    let (weight, gauss) = elementary::normal_weight(x.f64());
    (T::of(weight), T::of(2.0 * NORMAL_PEAK * gauss))
}

#[inline(always)]
fn relu<T: Real>(x: T) -> (T, T) {
    let on = if x > T::zero() { T::one() } else { T::zero() };
    // A product, so that not-a-number stays visible.
    (x * on, on)
}

#[inline(always)]
fn gelu<T: Real>(x: T) -> (T, T) {
    let (below, density) = x.normal();
    (x * below, below + x * density)
}

#[inline(always)]
fn quadratic<T: Real>(x: T) -> (T, T) {
    (x * x, x + x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_match_published_digits() {
        // Abramowitz and Stegun, tables 4.15, 7.1 and 26.1.
        assert!((Activation::Tanh.value(1.0f64) - 0.761594155955765).abs() < 1e-15);
        assert!((Activation::Erf.value(2f64.sqrt()) - 0.842700792949715).abs() < 1e-15);
        assert!((Activation::Gelu.value(1.0f64) - 0.841344746068543).abs() < 1e-15);
        assert!(
            (Activation::Gelu.value(-5.0f64) / (-5.0 * 2.866515718791946e-7) - 1.0).abs() < 1e-12
        );
        assert_eq!(Activation::Relu.value(-2.0), 0.0);
        assert_eq!(Activation::Relu.slope(0.0), 0.0);
        assert_eq!(Activation::Quadratic.value(-3.0), 9.0);
    }

    #[test]
    fn slopes_are_the_derivatives() {
        for phi in Activation::ALL {
            for x in [-6.0, -1.3, -0.2, 0.4, 1.0, 3.7] {
                let d = 1e-3;
                let f = |x: f64| phi.value(x);
                let difference =
                    (8.0 * (f(x + d) - f(x - d)) - f(x + 2.0 * d) + f(x - 2.0 * d)) / (12.0 * d);
                assert!((difference - phi.slope(x)).abs() < 1e-10, "{phi:?} at {x}");
            }
        }
    }

    #[test]
    fn sweeps_equal_the_scalar_functions_and_hide_no_nan() {
        for phi in Activation::ALL {
            let x: Vec<f64> = (-20..20).map(|k| 0.37 * k as f64).collect();
            let (mut h, mut slope) = (x.clone(), vec![1.0; x.len()]);
            phi.apply(&mut h, &mut slope);
            for ((&x, &h), &s) in x.iter().zip(&h).zip(&slope) {
                assert_eq!((h, s), (phi.value(x), phi.slope(x)));
                assert!((phi.value(x as f32) as f64 - h).abs() < 1e-5 * h.abs().max(1.0));
            }
            assert!(phi.value(f64::NAN).is_nan(), "{phi:?}");
        }
    }

    #[test]
    fn names_are_kebab_case() {
        let names: Vec<String> = Activation::ALL
            .iter()
            .map(|phi| serde_json::to_string(phi).unwrap())
            .collect();
        assert_eq!(
            names.join(" "),
            r#""linear" "tanh" "erf" "relu" "gelu" "quadratic""#
        );
    }
}
