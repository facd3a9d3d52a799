//! Hurwitz zeta function with its derivatives in the exponent.

/// `B_2k / (2k)!` for k = 1, 2, ...
const BERNOULLI: [f64; 8] = [
    1.0 / 12.0,
    -1.0 / 720.0,
    1.0 / 30_240.0,
    -1.0 / 1_209_600.0,
    1.0 / 47_900_160.0,
    -691.0 / 1_307_674_368_000.0,
    1.0 / 74_724_249_600.0,
    -3617.0 / 10_670_622_842_880_000.0,
];

/// `sum_n ln(n/unit)^k (n/unit)^-s` over `n = from, from + 1, ...`, for k = 0, 1, 2; `s > 1`, `from > 0`, `unit > 0`.
///
/// With `unit = 1`: the Hurwitz zeta function `zeta(s, from)`, minus its first and plus its second derivative in `s`; a larger unit
/// keeps the numbers in range. Direct sum up to `n >= s + 10`, then Euler-Maclaurin with 8 Bernoulli terms, differentiated term by
/// term: relative accuracy about 1e-13 for s <= 50.
///
/// ```
/// use saddlepoint::numerics::zeta::log_moments;
/// let [zeta, minus_slope, curvature] = log_moments(2.0, 1.0, 1.0);
/// assert!((zeta - std::f64::consts::PI.powi(2) / 6.0).abs() < 1e-14);
/// assert!((minus_slope - 0.937548254315844).abs() < 1e-13);
/// assert!((curvature - 1.989280234298901).abs() < 1e-13);
/// ```
pub fn log_moments(s: f64, from: f64, unit: f64) -> [f64; 3] {
    let mut sum = [0.0; 3];
    // A term T with d ln T / ds = slope and d^2 ln T / ds^2 = curvature.
    let mut add = |term: f64, slope: f64, curvature: f64| {
        sum[0] += term;
        sum[1] -= term * slope;
        sum[2] += term * (slope * slope + curvature);
    };
    let mut n = from;
    while n < s + 10.0 {
        let ln = (n / unit).ln();
        add((-s * ln).exp(), -ln, 0.0);
        n += 1.0;
    }
    let ln = (n / unit).ln();
    let last = (-s * ln).exp();
    add(
        n * last / (s - 1.0),
        -ln - 1.0 / (s - 1.0),
        (s - 1.0).powi(-2),
    );
    add(0.5 * last, -ln, 0.0);
    let (mut rising, mut slope, mut curvature) = (last * s / n, -ln + 1.0 / s, -1.0 / (s * s));
    for (k, b) in BERNOULLI.iter().enumerate() {
        add(b * rising, slope, curvature);
        for i in [2 * k + 1, 2 * k + 2] {
            let factor = s + i as f64;
            rising *= factor / n;
            slope += 1.0 / factor;
            curvature -= 1.0 / (factor * factor);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::PI;

    #[test]
    fn zeta_has_its_closed_forms() {
        let zeta = |s: f64| log_moments(s, 1.0, 1.0)[0];
        assert!((zeta(4.0) - PI.powi(4) / 90.0).abs() < 2e-15);
        assert!((zeta(1.5) - 2.612_375_348_685_488).abs() < 5e-15);
        assert!((zeta(1.001) / 1_000.577_288_475_901_5 - 1.0).abs() < 1e-12);
        assert!((zeta(40.0) - 1.0 - 0.5f64.powi(40)).abs() < 1e-15);
        let half = log_moments(3.0, 0.5, 1.0)[0];
        assert!((half - 7.0 * zeta(3.0)).abs() < 1e-14 * half);
    }

    /// Moving the start by one takes one term away, in all three sums; the unit only rescales.
    #[test]
    fn sums_shift_by_one_term() {
        for (s, from) in [
            (1.2, 3.0),
            (2.5, 1.0),
            (2.05, 40.0),
            (7.0, 12.0),
            (50.0, 2.0),
        ] {
            let (a, b) = (log_moments(s, from, from), log_moments(s, from + 1.0, from));
            for k in 0..3 {
                let term = if k == 0 { 1.0 } else { 0.0 };
                assert!(
                    (a[k] - b[k] - term).abs() < 1e-12 * a[k].max(1.0),
                    "{s} {from} {k}"
                );
            }
            let plain = log_moments(s, from, 1.0);
            assert!((plain[0] * from.powf(s) / a[0] - 1.0).abs() < 1e-12);
            let mean = plain[1] / plain[0] - from.ln();
            assert!((mean - a[1] / a[0]).abs() < 1e-11);
        }
    }

    /// The second and third sums are derivatives of the first.
    #[test]
    fn moments_are_derivatives() {
        let h = 1e-5;
        for (s, from) in [(1.5, 1.0), (2.5, 7.0), (5.0, 2.0)] {
            let (low, mid, high) = (
                log_moments(s - h, from, 1.0),
                log_moments(s, from, 1.0),
                log_moments(s + h, from, 1.0),
            );
            for k in 0..2 {
                let slope = (low[k] - high[k]) / (2.0 * h);
                assert!((slope / mid[k + 1] - 1.0).abs() < 1e-8, "{s} {k}");
            }
        }
    }
}
