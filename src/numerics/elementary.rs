//! Elementary functions without branches, so that a loop over them is vectorised.
//!
//! Plain multiplications and additions, never fused: the bits are the same at every SIMD level.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, FRAC_PI_2, LOG2_E, PI, SQRT_2};

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

/// `R(r^2)` of [`tanh`].
const TANH_SERIES: [f64; 6] = [
    2.0,
    0.16666666666666602,
    -0.0027777777777015593,
    6.613756321437934e-05,
    -1.6533902205465252e-06,
    4.1381367970572385e-08,
];

/// `tanh x` to 1e-15 relative.
///
/// With `2|x| = k ln 2 + r` and `R = r (e^r + 1)/(e^r - 1)`, `e^{2|x|} = 2^k (R + r)/(R - r)`: one division in all, and none of
/// nearly equal numbers is subtracted. `R` is the even polynomial of fdlibm's `exp` (Sun Microsystems 1993), true to 2^-59.
///
/// ```
/// assert!((saddlepoint::numerics::elementary::tanh(0.5) - 0.46211715726001).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn tanh(x: f64) -> f64 {
    let twice = 2.0 * x.abs();
    let twice = if twice > 50.0 { 50.0 } else { twice };
    let (power, r) = reduce(twice);
    let even = polynomial(r * r, &TANH_SERIES);
    let (below, above) = (power - 1.0, power + 1.0);
    ((below * even + above * r) / (above * even + below * r)).copysign(x)
}

/// Density of the standard normal at 0, `1/sqrt(2 pi)`.
const NORMAL_PEAK: f64 = 0.3989422804014327;

/// Scalars with elementary functions of their own precision: a loop over `f32` is not slowed down by a detour through `f64`.
pub trait Elementary: Sized {
    /// `e^x`: to 1e-15 relative in `f64`, to 2e-7 in `f32`. Arguments are clamped (to `[-708, 709]` and `[-87, 88]`).
    fn exponential(self) -> Self;

    /// Distribution function and density of the standard normal, with relative accuracy in the left tail: to rounding in `f64`,
    /// to 1e-6 in `f32` for `x > -12`.
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
        let (below, gauss) = normal_cdf(self);
        (below, NORMAL_PEAK * gauss)
    }
}

impl Elementary for f32 {
    #[inline(always)]
    fn exponential(self) -> f32 {
        const ROUND: f32 = 12582912.0; // 1.5 * 2^23
        const LN_2_HIGH: f32 = 355.0 / 512.0;
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
            -1.2666733e-06,
            0.13964866,
            0.13961467,
            0.12107593,
            0.10167776,
            -0.015584034,
            0.14971095,
            -0.24834499,
            0.14073607,
            -0.028533762,
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

/// `erf(x) / x` on `|x| <= 1` as a polynomial in `x^2` (Chebyshev expansion, truncation below 1e-17).
const ERF_SERIES: [f64; 12] = [
    FRAC_2_SQRT_PI,
    -0.37612638903183543,
    0.1128379167094513,
    -0.026866170643256995,
    0.005223977607269946,
    -0.0008548325982543225,
    0.00012055295112667001,
    -1.4924740785377576e-05,
    1.6447471190594618e-06,
    -1.6208829856810202e-07,
    1.3721520406351094e-08,
    -7.798543850549947e-10,
];

/// `e^{a^2} erfc(a) (a + K)/K` for `0 <= a <= 26.65` as a polynomial in `(a - K)/(a + K)`, even and odd powers (the mapping of Schonfelder 1978; Chebyshev
/// expansion, truncation below 1e-17).
const ERFC_EVEN: [f64; 11] = [
    0.2911794425500771,
    0.19635171339246416,
    0.07441654640916605,
    0.01309834096081641,
    0.0002630235224221671,
    -9.297270625420787e-05,
    9.993253634191512e-06,
    -8.790511043161421e-07,
    7.724977428620001e-08,
    -9.158459983015305e-09,
    1.4025802813509606e-09,
];
const ERFC_ODD: [f64; 11] = [
    -0.25566442044077586,
    -0.13079207765538084,
    -0.03518810698091565,
    -0.003342901345390288,
    0.00021195284368899834,
    2.8249280569117475e-06,
    -2.3737648259773505e-06,
    4.399142673467058e-07,
    -6.75352655596526e-08,
    8.158027456049412e-09,
    -2.9637039872893153e-10,
];
const ERFC_CENTRE: f64 = 3.75;
/// From here on `erfc` is below the smallest normal number, and counts as 0.
const ERFC_END: f64 = 26.54;

/// `e^{-c a^2}` for `c a^2 < 708`, without the rounding of the square: its upper half is exact.
#[inline(always)]
fn gauss(a: f64, c: f64) -> f64 {
    let upper = f64::from_bits(a.to_bits() & !0x7ff_ffff);
    let rest = c * (a - upper) * (a + upper);
    exp(-c * upper * upper) * (1.0 - rest * (1.0 - rest * (0.5 - rest * (1.0 / 6.0))))
}

/// `e^{a^2} erfc(a)` for `0 <= a <= 26.65`.
#[inline(always)]
fn scaled_erfc(a: f64) -> f64 {
    let inverse = 1.0 / (a + ERFC_CENTRE);
    let y = (a - ERFC_CENTRE) * inverse;
    // Even and odd powers apart: a loop over more coefficients is not unrolled, and then nothing is vectorised.
    let series = polynomial(y * y, &ERFC_EVEN) + y * polynomial(y * y, &ERFC_ODD);
    ERFC_CENTRE * inverse * series
}

/// `erf x`, absolute error below 4e-16 (relative below 6e-16 everywhere).
///
/// ```
/// assert!((saddlepoint::numerics::elementary::erf(1.0) - 0.842700792949715).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn erf(x: f64) -> f64 {
    let a = x.abs();
    // erfc(6) < 1e-16
    let b = if a > 6.0 { 6.0 } else { a };
    erf_of(x, gauss(b, 1.0) * scaled_erfc(b))
}

/// `erf x` from `erfc |x|`.
#[inline(always)]
fn erf_of(x: f64, complement: f64) -> f64 {
    let inside = x * polynomial(x * x, &ERF_SERIES);
    let outside = (1.0 - complement).copysign(x);
    if x.abs() < 1.0 { inside } else { outside }
}

/// `(erf(x / sqrt 2), e^{-x^2/2})`: the weight within `x` standard deviations, and the shape of its slope.
#[inline(always)]
pub fn normal_weight(x: f64) -> (f64, f64) {
    let (gauss, scaled) = normal_parts(x);
    (erf_of(x * FRAC_1_SQRT_2, gauss * scaled), gauss)
}

/// Distribution function `Phi(x)` of the standard normal, and `e^{-x^2/2}`.
///
/// Relative error of both below 1e-15, in the left tail too, down to `Phi(-37.5) = 5e-308`; 0 below.
///
/// ```
/// use saddlepoint::numerics::elementary::normal_cdf;
/// assert!((normal_cdf(1.0).0 - 0.841344746068543).abs() < 1e-15);
/// assert!((normal_cdf(-5.0).0 / 2.866515718791939e-7 - 1.0).abs() < 1e-15);
/// ```
#[inline(always)]
pub fn normal_cdf(x: f64) -> (f64, f64) {
    let (gauss, scaled) = normal_parts(x);
    let tail = 0.5 * gauss * scaled;
    (if x > 0.0 { 1.0 - tail } else { tail }, gauss)
}

/// `e^{-x^2/2}` and `e^{x^2/2} erfc(|x| / sqrt 2)`; the first is 0 where the complement underflows.
#[inline(always)]
fn normal_parts(x: f64) -> (f64, f64) {
    const END: f64 = ERFC_END * SQRT_2;
    let a = x.abs();
    let b = if a > END { END } else { a };
    let gauss = gauss(b, 0.5);
    let gauss = if a > END { 0.0 } else { gauss };
    (gauss, scaled_erfc(b * FRAC_1_SQRT_2))
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
    fn error_functions_agree_with_the_correctly_rounded_ones() {
        assert!(worst(erf, libm::erf) < 8e-16);
        assert!(worst(|x| normal_weight(x).0, |x| libm::erf(x * FRAC_1_SQRT_2)) < 8e-16);
        let gap = grid().map(|x| (erf(x) - libm::erf(x)).abs());
        assert!(gap.fold(0.0, f64::max) < 4.5e-16);
        let cdf = |x: f64| 0.5 * libm::erfc(-x * FRAC_1_SQRT_2);
        let gap = grid().map(|x| (normal_cdf(x).0 - cdf(x)).abs());
        assert!(gap.fold(0.0, f64::max) < 4.5e-16);
        // The rounding of x / sqrt 2 alone is a part in x^2 of 1e16 of the reference.
        for x in grid().filter(|x| (-37.5..0.0).contains(x)) {
            let allowed = 1e-15 + 2.3e-16 * x * x;
            assert!((normal_cdf(x).0 / cdf(x) - 1.0).abs() < allowed, "{x}");
            assert!((normal_cdf(x).1 / (-0.5 * x * x).exp() - 1.0).abs() < allowed);
        }
        // To 40 digits: Phi(-10), Phi(-30).
        assert!((normal_cdf(-10.0).0 / 7.619853024160526e-24 - 1.0).abs() < 1e-15);
        assert!((normal_cdf(-30.0).0 / 4.906713927148187e-198 - 1.0).abs() < 1e-15);
    }

    #[test]
    fn error_functions_at_the_ends() {
        for (x, f) in [(f64::INFINITY, 1.0), (0.0, 0.0), (1e300, 1.0), (40.0, 1.0)] {
            assert_eq!((erf(x), erf(-x)), (f, -f));
            assert_eq!((normal_weight(x).0, normal_weight(-x).0), (f, -f));
            let (up, down) = (normal_cdf(x), normal_cdf(-x));
            assert_eq!((up.0, down.0), (0.5 + 0.5 * f, 0.5 - 0.5 * f));
            assert_eq!(up.1, down.1);
        }
        assert_eq!(erf(-0.0).to_bits(), (-0.0f64).to_bits());
        assert_eq!(normal_cdf(0.0), (0.5, 1.0));
        let nan = f64::NAN;
        assert!(erf(nan).is_nan() && normal_cdf(nan).0.is_nan() && normal_weight(nan).0.is_nan());
        assert!(normal_cdf(nan).1.is_nan());
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
