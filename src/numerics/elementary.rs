//! Elementary functions without branches, so that a loop over them is vectorised.
//!
//! Plain multiplications and additions, never fused: the bits are the same at every SIMD level.

use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Adding and subtracting this rounds to the nearest integer, which then stands in the low bits.
const ROUND: f64 = 6755399441055744.0; // 1.5 * 2^52
const LN_2_HIGH: f64 = 0.6931471803691238; // the upper 33 bits of ln 2: k * LN_2_HIGH is exact
const LN_2_LOW: f64 = 1.9082149292705877e-10;

/// `x = k ln 2 + r`, `|r| <= (ln 2)/2`; returns `(2^k, r)` for `|x| < 709`.
#[inline(always)]
fn reduce(x: f64) -> (f64, f64) {
    let shifted = x * LOG2_E + ROUND;
    let k = shifted - ROUND;
    let power = f64::from_bits((shifted.to_bits() << 52).wrapping_add(1f64.to_bits()));
    (power, (x - k * LN_2_HIGH) - k * LN_2_LOW)
}

/// `e^r - 1` for `|r| <= (ln 2)/2`: the Taylor series to order 13 (truncation below 1e-17 of the value).
#[inline(always)]
fn expm1_reduced(r: f64) -> f64 {
    const SERIES: [f64; 12] = [
        1.0 / 2.0,
        1.0 / 6.0,
        1.0 / 24.0,
        1.0 / 120.0,
        1.0 / 720.0,
        1.0 / 5040.0,
        1.0 / 40320.0,
        1.0 / 362880.0,
        1.0 / 3628800.0,
        1.0 / 39916800.0,
        1.0 / 479001600.0,
        1.0 / 6227020800.0,
    ];
    r + r * r * polynomial(r, &SERIES)
}

/// Horner's rule, lowest coefficient first.
#[inline(always)]
fn polynomial<const N: usize>(x: f64, coefficients: &[f64; N]) -> f64 {
    let mut sum = coefficients[N - 1];
    for &c in coefficients[..N - 1].iter().rev() {
        sum = sum * x + c;
    }
    sum
}

/// `e^x` to 1e-15 relative; arguments are clamped to `[-708, 709]` (so 0 is never returned), not-a-number is kept.
#[inline(always)]
pub fn exp(x: f64) -> f64 {
    let x = if x < -708.0 { -708.0 } else { x };
    let x = if x > 709.0 { 709.0 } else { x };
    let (power, r) = reduce(x);
    power + power * expm1_reduced(r)
}

/// `tanh x` to 1e-15 relative.
///
/// ```
/// assert!((saddlepoint::numerics::elementary::tanh(0.5) - 0.46211715726001).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let twice = 2.0 * x.abs();
    let twice = if twice > 50.0 { 50.0 } else { twice };
    let (power, r) = reduce(twice);
    let expm1 = power * expm1_reduced(r) + (power - 1.0);
    (expm1 / (expm1 + 2.0)).copysign(x)
}

/// Density of the standard normal at 0, `1/sqrt(2 pi)`.
const NORMAL_PEAK: f64 = 0.3989422804014327;

/// Scalars with elementary functions of their own precision: a loop over `f32` is not slowed down by a detour through `f64`.
pub trait Elementary: Sized {
    /// `e^x`: to 1e-15 relative in `f64`, to 2e-7 in `f32`. Arguments are clamped (to `[-708, 709]` and `[-87, 88]`).
    fn exponential(self) -> Self;

    /// Distribution function and density of the standard normal, with relative accuracy in the left tail: to rounding in `f64`
    /// (not vectorised), to 1e-6 in `f32` for `x > -12`.
    ///
    /// ```
    /// use saddlepoint::numerics::elementary::Elementary;
    /// assert!((1f32.normal().0 - 0.8413447).abs() < 1e-6);
    /// assert!((1f64.normal().0 - 0.841344746068543).abs() < 1e-15);
    /// ```
    fn normal(self) -> (Self, Self);
}

impl Elementary for f64 {
    #[inline(always)]
    fn exponential(self) -> f64 {
        exp(self)
    }

    #[inline(always)]
    fn normal(self) -> (f64, f64) {
        // erfc keeps relative accuracy in the left tail, where 1 + erf would cancel.
        let below = 0.5 * libm::erfc(-self * FRAC_1_SQRT_2);
        (below, NORMAL_PEAK * exp(-0.5 * self * self))
    }
}

impl Elementary for f32 {
    #[inline(always)]
    fn exponential(self) -> f32 {
        const ROUND: f32 = 12582912.0; // 1.5 * 2^23
        const LN_2_HIGH: f32 = 0.693359375;
        const LN_2_LOW: f32 = -2.1219444e-4;
        let x = if self < -87.0 { -87.0 } else { self };
        let x = if x > 88.0 { 88.0 } else { x };
        let shifted = x * std::f32::consts::LOG2_E + ROUND;
        let k = shifted - ROUND;
        let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1f32.to_bits()));
        let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
        let series = 1.0 / 2.0
            + r * (1.0 / 6.0
                + r * (1.0 / 24.0 + r * (1.0 / 120.0 + r * (1.0 / 720.0 + r / 5040.0))));
        power + power * (r + r * r * series)
    }

    /// `Phi(-a) = exp(-a^2/2) g(1/(1 + 0.35 a))`, `a >= 0`, with `g` a polynomial fitted to 4e-8 relative.
    #[inline(always)]
    fn normal(self) -> (f32, f32) {
        const G: [f32; 10] = [
            -1.2666732800425962e-06,
            0.1396486610174179,
            0.13961467146873474,
            0.12107592821121216,
            0.10167776048183441,
            -0.015584033913910389,
            0.14971095323562622,
            -0.24834498763084412,
            0.14073607325553894,
            -0.02853376232087612,
        ];
        let a = self.abs();
        let t = 1.0 / (1.0 + 0.35 * a);
        let mut g = G[9];
        for &c in G[..9].iter().rev() {
            g = g * t + c;
        }
        let gauss = (-0.5 * a * a).exponential();
        let tail = gauss * g;
        let below = if self > 0.0 { 1.0 - tail } else { tail };
        (below, NORMAL_PEAK as f32 * gauss)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::LN_2;

    fn grid() -> impl Iterator<Item = f64> {
        let wide = (-60_000..60_000).map(|k| k as f64 * 1.234e-4);
        let small = (-300..20).map(|k| 2f64.powi(k) * 1.1);
        wide.chain(small.clone()).chain(small.map(|x| -x))
    }

    fn worst(f: impl Fn(f64) -> f64, exact: impl Fn(f64) -> f64) -> f64 {
        grid()
            .filter(|&x| exact(x) != 0.0)
            .map(|x| (f(x) / exact(x) - 1.0).abs())
            .fold(0.0, f64::max)
    }

    #[test]
    fn functions_agree_with_the_correctly_rounded_ones() {
        assert!((LN_2_HIGH + LN_2_LOW - LN_2).abs() < 1e-16);
        assert!(
            worst(
                |x| exp(x.clamp(-700.0, 700.0)),
                |x| x.clamp(-700.0, 700.0).exp()
            ) < 1e-15
        );
        assert!(worst(tanh, libm::tanh) < 1e-15);
    }

    #[test]
    fn single_precision_agrees_with_double() {
        for k in -86_999..88_000 {
            let x = k as f32 * 1e-3;
            let exact = (x as f64).exp();
            assert!((x.exponential() as f64 / exact - 1.0).abs() < 2e-7, "{x}");
        }
        for k in -12_000..12_000 {
            let x = k as f32 * 1e-3;
            let ((below, density), (b, d)) = (x.normal(), (x as f64).normal());
            // The rounding of x^2/2 alone is x^2/2 units of rounding.
            let tolerance = 6e-7 + 6e-8 * 0.5 * (x * x) as f64;
            assert!((below as f64 / b - 1.0).abs() < tolerance, "{x}");
            assert!((density as f64 / d - 1.0).abs() < tolerance, "{x}");
        }
        assert!(f32::NAN.exponential().is_nan() && f32::NAN.normal().0.is_nan());
    }

    #[test]
    fn limits_signs_and_nan() {
        assert_eq!(tanh(f64::INFINITY), 1.0);
        assert_eq!(tanh(-1e300), -1.0);
        assert_eq!(tanh(-0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(tanh(-0.7), -tanh(0.7));
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NAN).is_nan() && tanh(f64::NAN).is_nan());
    }
}
