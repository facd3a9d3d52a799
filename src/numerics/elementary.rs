//! Elementary functions without branches, so that a loop over them is vectorised.
//!
//! Plain multiplications and additions, never fused: the bits are the same at every SIMD level.

use std::f64::consts::{FRAC_PI_2, LOG2_E, PI};

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

/// `asin(x)` for `0 <= x <= 1/2`, as `x + x z p(z)` with `z = x^2`; minimax coefficients of SLEEF (Shibata, Petrogalli 2020).
#[inline(always)]
fn asin_half(x: f64, z: f64) -> f64 {
    const SERIES: [f64; 12] = [
        0.16666666666664975,
        0.07500000000378582,
        0.044642856813771024,
        0.030381959280381322,
        0.022371761819320483,
        0.017359569912236146,
        0.013887151845016092,
        0.012153605255773773,
        0.006606077476277171,
        0.019290454772679107,
        -0.015819182433299966,
        0.031615876506539346,
    ];
    x + x * z * polynomial(z, &SERIES)
}

/// `asin x` for `|x| <= 1`, absolute error below 4e-16; not-a-number outside.
///
/// ```
/// assert!((saddlepoint::numerics::elementary::asin(0.5) - std::f64::consts::FRAC_PI_6).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn asin(x: f64) -> f64 {
    let size = x.abs();
    let outer = size > 0.5;
    let z = if outer { 0.5 - 0.5 * size } else { x * x };
    let root = z.sqrt(); // always, so that no branch stands in the loop
    let half = asin_half(if outer { root } else { size }, z);
    (if outer { FRAC_PI_2 - 2.0 * half } else { half }).copysign(x)
}

/// `acos x` for `|x| <= 1` by the half angle beyond `|x| = 1/2`, so that `acos x ~ sqrt(2 (1 - x))` keeps its digits as
/// `x -> 1`; error below 1e-15, relative for `x > 1/2` and
/// absolute elsewhere; not-a-number outside.
///
/// ```
/// assert!((saddlepoint::numerics::elementary::acos(0.5) - std::f64::consts::FRAC_PI_3).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn acos(x: f64) -> f64 {
    let size = x.abs();
    let outer = size > 0.5;
    let z = if outer { 0.5 - 0.5 * size } else { x * x };
    let root = z.sqrt(); // always, so that no branch stands in the loop
    let half = asin_half(if outer { root } else { size }, z);
    let positive = if outer { 2.0 * half } else { FRAC_PI_2 - half };
    if x < 0.0 { PI - positive } else { positive }
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
    fn inverse_functions_agree_with_the_correctly_rounded_ones() {
        for k in -100_000..=100_000 {
            let x = k as f64 * 1e-5;
            assert!((asin(x) - libm::asin(x)).abs() < 5e-16, "asin {x}");
            assert!((acos(x) - libm::acos(x)).abs() < 1e-15, "acos {x}");
        }
        for k in 3..53 {
            let x = 1.0 - 2f64.powi(-k);
            assert!((acos(x) / libm::acos(x) - 1.0).abs() < 1e-15, "acos {x}");
            assert_eq!(asin(-x), -asin(x));
        }
        assert!(acos(1.0) == 0.0 && acos(-1.0) == PI && asin(f64::NAN).is_nan());
        assert!(acos(1.5).is_nan() && asin(-1.5).is_nan());
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
