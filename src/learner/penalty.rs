//! Convex functions of one residual that stand in place of half its square.

use super::Real;

/// A convex function `l(r)` of the residual `r = f - y` of one output, `r^2/2` for small `r`.
///
/// * `Quartic(q)`: `r^2/2 + q r^4/4`, `q >= 0`. Under the temperature `T` it is the per-sample loss
///   `r^2/(2 sigma^2) + (g/4) r^4` with `sigma^2 = T` and `g = q/T`.
/// * `Huber(d)`: `r^2/2` up to `|r| = d`, beyond it the tangent `d |r| - d^2/2`.
/// * `LogCosh(d)`: `d^2 ln cosh(r/d)`, a smooth form of the former.
///
/// ```
/// use saddlepoint::learner::Penalty;
/// let (value, slope) = Penalty::Quartic(0.5).at(2.0);
/// assert_eq!((value, slope), (2.0 + 0.5 * 16.0 / 4.0, 2.0 + 0.5 * 8.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Penalty {
    /// `r^2/2 + q r^4/4`
    Quartic(f64),
    /// `r^2/2` within the width, linear beyond it.
    Huber(f64),
    /// `d^2 ln cosh(r/d)`
    LogCosh(f64),
}

impl Penalty {
    /// `l(r)` and `dl/dr`.
    pub fn at<T: Real>(self, r: T) -> (T, T) {
        let half = T::of(0.5);
        match self {
            Penalty::Quartic(q) => {
                let (q, square) = (T::of(q), r * r);
                let quarter = T::of(0.25);
                (
                    half * square + quarter * q * square * square,
                    r + q * square * r,
                )
            }
            Penalty::Huber(d) => {
                let d = T::of(d);
                let size = r.abs();
                if size <= d {
                    (half * r * r, r)
                } else {
                    (d * (size - half * d), if r > T::zero() { d } else { -d })
                }
            }
            Penalty::LogCosh(d) => {
                let d = T::of(d);
                let size = (r / d).abs();
                // e^{-2 size} underflows to 0, where ln cosh is size - ln 2.
                let small = (-(size + size)).exponential();
                let value = size + (T::one() + small).ln() - T::of(std::f64::consts::LN_2);
                let tanh = (T::one() - small) / (T::one() + small);
                (
                    d * d * value,
                    if r > T::zero() { d * tanh } else { -d * tanh },
                )
            }
        }
    }

    /// Sum over all residuals times `weight`; writes the derivatives to `slope`.
    pub(super) fn residual<T: Real>(self, f: &[T], y: &[T], weight: T, slope: &mut [T]) -> T {
        let mut sum = T::zero();
        for ((slope, &f), &y) in slope.iter_mut().zip(f).zip(y) {
            let (value, derivative) = self.at(f - y);
            sum += value;
            *slope = weight * derivative;
        }
        weight * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Penalty; 3] = [
        Penalty::Quartic(0.7),
        Penalty::Huber(0.8),
        Penalty::LogCosh(0.8),
    ];

    /// Slopes are the derivatives of the values, values are even, convex, and `r^2/2` near 0.
    #[test]
    fn penalties_are_convex_and_their_slopes_are_derivatives() {
        for penalty in ALL {
            let mut last = f64::NEG_INFINITY;
            for k in -40..=40 {
                let r = 0.1 * k as f64 + 0.013;
                let (value, slope) = penalty.at(r);
                let h = 1e-5;
                let difference = (penalty.at(r + h).0 - penalty.at(r - h).0) / (2.0 * h);
                assert!(
                    (slope - difference).abs() < 1e-8 * (1.0 + slope.abs()),
                    "{penalty:?} {r}"
                );
                assert!(slope >= last - 1e-15, "{penalty:?} {r}");
                assert!((penalty.at(-r).0 - value).abs() < 1e-14 * (1.0 + value));
                last = slope;
            }
            let (value, _) = penalty.at(1e-3f64);
            assert!((value / 0.5e-6 - 1.0).abs() < 2e-6, "{penalty:?} {value}");
            assert_eq!(penalty.at(0.0).0, 0.0);
        }
    }

    /// Where the constants of the losses stand: `q r^4/4` beside `r^2/2`, the `r^4/(12 d^2)` that ln cosh lacks of it, and the residual
    /// from which Huber's slope is `d`.
    #[test]
    fn constants_have_their_stated_scale() {
        for r in [0.5f64, -2.0, 30.0] {
            let (value, slope) = Penalty::Quartic(0.7).at(r);
            assert!((value - 0.5 * r * r - 0.175 * r.powi(4)).abs() < 1e-12 * value);
            assert!((slope - r - 0.7 * r.powi(3)).abs() < 1e-12 * slope.abs());
        }
        let (value, slope) = Penalty::LogCosh(0.8).at(1e-2f64);
        assert!(((0.5e-4 - value) * 12.0 * 0.64 / 1e-8 - 1.0).abs() < 1e-3);
        assert!(((1e-2 - slope) * 3.0 * 0.64 / 1e-6 - 1.0).abs() < 1e-3);
        let slopes = [0.799, 0.801, 5.0].map(|r| Penalty::Huber(0.8).at(r).1);
        assert_eq!(slopes, [0.799, 0.8, 0.8]);
    }

    #[test]
    fn far_tails_are_finite() {
        let (value, slope) = Penalty::LogCosh(0.5).at(1e6);
        assert!((value - 0.25 * (2e6 - 2f64.ln())).abs() < 1e-9 * value && slope == 0.5);
        let (value, slope) = Penalty::Huber(0.5).at(-1e6);
        assert_eq!((value, slope), (0.5 * (1e6 - 0.25), -0.5));
    }
}
