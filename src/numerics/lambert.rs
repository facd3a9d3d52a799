//! Principal branch of the Lambert W function.

use std::f64::consts::E;

/// `W_0(x)`: the solution `w >= -1` of `w exp(w) = x`, for `x >= -1/e`; not-a-number below.
///
/// Halley's iteration from the branch-point series `-1 + s - s^2/3 + 11 s^3/72`, `s = sqrt(2(1 + e x))`, or from `ln(1 + x)`. Relative
/// accuracy 1e-15 away from the branch point; `1 + w` is accurate to `sqrt(machine epsilon)` at it.
/// Source: Corless, Gonnet, Hare, Jeffrey, Knuth, Adv. Comput. Math. 5, 329 (1996).
///
/// ```
/// let omega = saddlepoint::numerics::lambert::w0(1.0);
/// assert!((omega - 0.567143290409783873).abs() < 1e-15);
/// ```
pub fn w0(x: f64) -> f64 {
    let distance = 1.0 + E * x;
    if x.is_nan() || distance < -8.0 * f64::EPSILON {
        return f64::NAN;
    }
    let s = (2.0 * distance.max(0.0)).sqrt();
    if s < 1e-4 {
        return -1.0 + s * (1.0 + s * (-1.0 / 3.0 + s * 11.0 / 72.0));
    }
    if x == f64::INFINITY {
        return x;
    }
    let mut w = if x < 0.5 {
        -1.0 + s * (1.0 + s * (-1.0 / 3.0 + s * 11.0 / 72.0))
    } else {
        let l = x.ln_1p();
        l - l.ln_1p() * l / (1.0 + l)
    };
    for _ in 0..50 {
        let excess = w - x * (-w).exp();
        let step = excess / (w + 1.0 - (w + 2.0) * excess / (2.0 * w + 2.0));
        w -= step;
        if step.abs() <= f64::EPSILON * w.abs() {
            break;
        }
    }
    w
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverts_w_exp_w() {
        for k in -990..4000 {
            let w = f64::from(k) * 1e-3 * if k > 1000 { 100.0 } else { 1.0 };
            let back = w0(w * w.exp());
            // Near the branch point x determines w only to epsilon/(1 + w).
            let allowed = 4.0 * f64::EPSILON * (w.abs() + w.abs() / (1.0 + w));
            assert!((back - w).abs() <= allowed, "{w}: {back}");
        }
    }

    #[test]
    fn ends_of_the_range() {
        assert_eq!(w0(0.0), 0.0);
        assert!((w0(-1.0 / E) + 1.0).abs() < 1e-7);
        assert!(w0(-0.5).is_nan() && w0(f64::NAN).is_nan());
        assert_eq!(w0(f64::INFINITY), f64::INFINITY);
        assert!((w0(1e-300) - 1e-300).abs() < 1e-315);
    }
}
