//! Bracketed root of a continuous function of one variable (Brent's method).

use crate::error::{Error, Result};

/// A root with its remaining uncertainty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Root {
    /// Best estimate of the root.
    pub x: f64,
    /// Width of the final bracket around `x`.
    pub width: f64,
    /// Evaluations of the function.
    pub evaluations: usize,
}

/// Root of `f` in `[a, b]` to an absolute `tolerance` in `x`; `f(a)` and `f(b)` must differ in sign.
///
/// Bisection safeguarded inverse quadratic interpolation; at least as fast as bisection squared, superlinear on smooth
/// functions. Source: R. P. Brent, Algorithms for Minimization without Derivatives (1973), ch. 4.
///
/// # Errors
/// `Unconverged` when the ends do not bracket a sign change or `f` is not a number.
///
/// ```
/// use saddlepoint::numerics::root::brent;
/// let root = brent(|x| x * x - 2.0, 0.0, 2.0, 1e-14).unwrap();
/// assert!((root.x - 2f64.sqrt()).abs() < 1e-14);
/// ```
pub fn brent(mut f: impl FnMut(f64) -> f64, a: f64, b: f64, tolerance: f64) -> Result<Root> {
    let (mut a, mut b) = (a, b);
    let (mut fa, mut fb) = (f(a), f(b));
    let bracketed = fa == 0.0 || fb == 0.0 || fa.signum() != fb.signum();
    if !bracketed || fa.is_nan() || fb.is_nan() {
        return Err(Error::unconverged(
            "root search",
            format!("no sign change between f({a:e}) = {fa:e} and f({b:e}) = {fb:e}"),
            "widen the bracket",
        ));
    }
    let (mut c, mut fc) = (a, fa);
    let mut d = b - a;
    let mut e = d;
    for evaluations in 2..200 {
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let limit = 2.0 * f64::EPSILON * b.abs() + 0.5 * tolerance;
        let half = 0.5 * (c - b);
        if half.abs() <= limit || fb == 0.0 {
            return Ok(Root {
                x: b,
                width: if fb == 0.0 { 0.0 } else { 2.0 * limit },
                evaluations,
            });
        }
        if e.abs() < limit || fa.abs() <= fb.abs() {
            (d, e) = (half, half);
        } else {
            let ratio = fb / fa;
            let (mut p, mut q) = if a == c {
                (2.0 * half * ratio, 1.0 - ratio)
            } else {
                let (u, v) = (fa / fc, fb / fc);
                (
                    ratio * (2.0 * half * u * (u - v) - (b - a) * (v - 1.0)),
                    (u - 1.0) * (v - 1.0) * (ratio - 1.0),
                )
            };
            if p > 0.0 {
                q = -q;
            } else {
                p = -p;
            }
            if 2.0 * p < (3.0 * half * q - (limit * q).abs()).min((e * q).abs()) {
                (d, e) = (p / q, d);
            } else {
                (d, e) = (half, half);
            }
        }
        (a, fa) = (b, fb);
        b += if d.abs() > limit {
            d
        } else {
            limit.copysign(half)
        };
        fb = f(b);
        if fb.is_nan() {
            break;
        }
        if (fb > 0.0) == (fc > 0.0) {
            (c, fc) = (a, fa);
            d = b - a;
            e = d;
        }
    }
    Err(Error::unconverged(
        "root search",
        format!("stopped at x = {b:e} with f = {fb:e}"),
        "check that the function is finite and continuous",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_closed_form_roots() {
        let root = brent(|x| x.cos() - x, 0.0, 1.0, 1e-15).unwrap();
        assert!((root.x - 0.739_085_133_215_160_6).abs() < 1e-15);
        assert!(root.evaluations < 12);
        let steep = brent(|x: f64| x.powi(9) - 1e-9, -1.0, 4.0, 1e-13).unwrap();
        assert!((steep.x - 0.1).abs() < 1e-13);
        let end = brent(|x| x, 0.0, 1.0, 1e-12).unwrap();
        assert_eq!(end.x, 0.0);
    }

    #[test]
    fn refuses_a_bracket_without_sign_change() {
        assert!(brent(|x| x * x + 1.0, -1.0, 1.0, 1e-12).is_err());
        assert!(brent(|_| f64::NAN, -1.0, 1.0, 1e-12).is_err());
    }
}
