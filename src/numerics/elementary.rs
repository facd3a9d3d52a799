//! Elementary functions without branches, so that a loop over them is vectorised.
//!
//! Plain multiplications and additions, never fused: the bits are the same at every SIMD level.

use std::f64::consts::{FRAC_1_SQRT_2, LOG2_E};

/// Adding and subtracting this rounds to the nearest integer, which then stands in the low bits.
const ROUND: f64 = 6755399441055744.0; // 1.5 * 2^52
const LN_2_HIGH: f64 = 0.693147180369123816490; // the upper 33 bits of ln 2: k * LN_2_HIGH is exact
const LN_2_LOW: f64 = 1.90821492927058770002e-10;

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
/// assert_eq!(saddlepoint::numerics::elementary::tanh(1e-9), 1e-9);
/// ```
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let twice = 2.0 * x.abs();
    let twice = if twice > 50.0 { 50.0 } else { twice };
    let (power, r) = reduce(twice);
    let expm1 = power * expm1_reduced(r) + (power - 1.0);
    (expm1 / (expm1 + 2.0)).copysign(x)
}

// Rational approximations of erf and erfc in four intervals, from FreeBSD's s_erf.c:
// Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Permission to use, copy, modify, and distribute this
// software is freely granted, provided that this notice is preserved.
const ERF_1: f64 = 8.45062911510467529297e-1;
const NEAR_0: [f64; 5] = [
    0.12837916709551256,
    -0.3250421072470015,
    -0.02848174957559851,
    -0.005770270296489442,
    -2.3763016656650163e-05,
];
const NEAR_0_BELOW: [f64; 6] = [
    1.0,
    0.39791722395915535,
    0.0650222499887673,
    0.005081306281875766,
    0.00013249473800432164,
    -3.960228278775368e-06,
];
const NEAR_1: [f64; 7] = [
    -0.0023621185607526594,
    0.41485611868374833,
    -0.3722078760357013,
    0.31834661990116175,
    -0.11089469428239668,
    0.035478304325618236,
    -0.002166375594868791,
];
const NEAR_1_BELOW: [f64; 7] = [
    1.0,
    0.10642088040084423,
    0.540397917702171,
    0.07182865441419627,
    0.12617121980876164,
    0.01363708391202905,
    0.011984499846799107,
];
const MIDDLE: [f64; 8] = [
    -0.009864944034847148,
    -0.6938585727071818,
    -10.558626225323291,
    -62.375332450326006,
    -162.39666946257347,
    -184.60509290671104,
    -81.2874355063066,
    -9.814329344169145,
];
const MIDDLE_BELOW: [f64; 9] = [
    1.0,
    19.651271667439257,
    137.65775414351904,
    434.56587747522923,
    645.3872717332679,
    429.00814002756783,
    108.63500554177944,
    6.570249770319282,
    -0.0604244152148581,
];
const FAR: [f64; 7] = [
    -0.0098649429247001,
    -0.799283237680523,
    -17.757954917754752,
    -160.63638485582192,
    -637.5664433683896,
    -1025.0951316110772,
    -483.5191916086514,
];
const FAR_BELOW: [f64; 8] = [
    1.0,
    30.33806074348246,
    325.7925129965739,
    1536.729586084437,
    3199.8582195085955,
    2553.0504064331644,
    474.52854120695537,
    -22.44095244658582,
];

/// `(erf z, erfc z)` for `z >= 0`, each to 1e-14 relative (`erfc` for `z < 6`).
#[inline(always)]
fn erf_pair(z: f64) -> (f64, f64) {
    let near_0 = z < 0.84375;
    let near_1 = z < 1.25;
    let middle = z < 1.0 / 0.35;
    let square = z * z;
    let inverse = 1.0 / square;
    let pick = |a: f64, b: f64, c: f64, d: f64| {
        let tail = if middle { c } else { d };
        let upper = if near_1 { b } else { tail };
        if near_0 { a } else { upper }
    };
    let numerator = pick(
        polynomial(square, &NEAR_0),
        polynomial(z - 1.0, &NEAR_1),
        polynomial(inverse, &MIDDLE),
        polynomial(inverse, &FAR),
    );
    let denominator = pick(
        polynomial(square, &NEAR_0_BELOW),
        polynomial(z - 1.0, &NEAR_1_BELOW),
        polynomial(inverse, &MIDDLE_BELOW),
        polynomial(inverse, &FAR_BELOW),
    );
    let ratio = numerator / denominator;
    let tail = exp(ratio - square - 0.5625) / z;
    let erf = pick(z + z * ratio, ERF_1 + ratio, 1.0 - tail, 1.0 - tail);
    let erfc = pick(1.0 - erf, 1.0 - ERF_1 - ratio, tail, tail);
    (erf, erfc)
}

/// `erf x` to 1e-15 relative.
#[inline(always)]
pub fn erf(x: f64) -> f64 {
    erf_pair(x.abs()).0.copysign(x)
}

/// Distribution function of the standard normal, `erfc(-x / sqrt 2) / 2`, to 1e-14 relative for `x > -8`.
#[inline(always)]
pub fn normal_cdf(x: f64) -> f64 {
    let tail = 0.5 * erf_pair(x.abs() * FRAC_1_SQRT_2).1;
    if x < 0.0 { tail } else { 1.0 - tail }
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
        assert!(worst(erf, libm::erf) < 1e-15);
        let cdf = |x: f64| 0.5 * libm::erfc(-x.max(-8.0) * FRAC_1_SQRT_2);
        assert!(worst(|x| normal_cdf(x.max(-8.0)), cdf) < 2e-14);
    }

    #[test]
    fn limits_signs_and_nan() {
        for f in [tanh, erf] {
            assert_eq!(f(f64::INFINITY), 1.0);
            assert_eq!(f(-1e300), -1.0);
            assert_eq!(f(-0.0).to_bits(), (-0.0f64).to_bits());
            assert_eq!(f(-0.7), -f(0.7));
        }
        assert_eq!(normal_cdf(0.0), 0.5);
        assert_eq!(normal_cdf(f64::INFINITY), 1.0);
        assert!(normal_cdf(f64::NEG_INFINITY) < 1e-300);
        assert!(
            [exp, tanh, erf, normal_cdf]
                .iter()
                .all(|f| f(f64::NAN).is_nan())
        );
    }
}
