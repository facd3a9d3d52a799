//! Dual activations: covariances of a nonlinearity and of its slope under correlated Gaussian pre-activations.

use super::activation::Activation;
use super::angle::{Angle, Gap};
use super::hermite::Series;
use super::mixture::Mixture;
use super::pair::Pair;
use crate::error::{Error, Result};

/// A dual activation and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual {
    /// `F = E[phi(u) phi(v)]`
    pub value: f64,
    /// `F' = E[phi'(u) phi'(v)] = dF/dc` at fixed `a`, `b`
    pub slope: f64,
    /// Bound of the error of both: [`ACCURACY`] of the larger one of `sqrt(F_a F_b)` and `sqrt(F'_a F'_b)`.
    pub bound: f64,
}

/// A dual activation with its derivatives by all three entries of the covariance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DualGradient {
    /// `F = E[phi(u) phi(v)]`
    pub value: f64,
    /// `dF/dc = E[phi'(u) phi'(v)]`
    pub by_covariance: f64,
    /// `dF/da = 1/2 E[phi''(u) phi(v)]` and `dF/db = 1/2 E[phi(u) phi''(v)]`
    pub by_variances: [f64; 2],
}

/// Second moments of a nonlinearity and of its slope at one variance `q`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moments {
    /// `F = E[phi(sqrt(q) z)^2]`, `z` standard normal, to a relative error of [`ACCURACY`].
    pub value: f64,
    /// `F' = E[phi'(sqrt(q) z)^2]`, to a relative error of [`ACCURACY`].
    pub slope: f64,
    /// `dF/dq = E[phi'^2] + E[phi phi'']`
    pub growth: f64,
    /// Bound of the error of `growth`.
    pub growth_bound: f64,
}

/// Error of `F` in units of `sqrt(F_a F_b)`, its values on the diagonal, and of `F'` likewise: checked against
/// `tests/reference/duals.txt` for variances from `1e-3` to `1e7` at all angles. Rounding, and for tanh the quadrature.
pub const ACCURACY: f64 = 4e-13;

/// Runs `$body` with `$pair` bound to the closed form of a nonlinearity, or what stands for the two that have none of
/// one term.
macro_rules! with_pair {
    ($phi:expr, $pair:ident => $body:expr, tanh => $tanh:expr, series => $series:expr) => {
        match $phi {
            $crate::kernel::Activation::Linear => {
                let $pair = $crate::kernel::pair::Linear;
                $body
            }
            $crate::kernel::Activation::Erf => {
                let $pair = $crate::kernel::pair::Erf(1.0);
                $body
            }
            $crate::kernel::Activation::UnscaledErf => {
                let $pair = $crate::kernel::pair::Erf(2.0);
                $body
            }
            $crate::kernel::Activation::Relu => {
                let $pair = $crate::kernel::pair::Relu;
                $body
            }
            $crate::kernel::Activation::Gelu => {
                let $pair = $crate::kernel::pair::Gelu;
                $body
            }
            $crate::kernel::Activation::Quadratic => {
                let $pair = $crate::kernel::pair::Quadratic;
                $body
            }
            $crate::kernel::Activation::Tanh => $tanh,
            $crate::kernel::Activation::Hermite(_) => $series,
        }
    };
}
pub(super) use with_pair;

impl Activation {
    /// `F(a, b, c)` and `F'` for `(u, v) ~ N(0, [[a, c], [c, b]])`.
    ///
    /// A correlation that rounding has carried past `[-1, 1]` is clamped; a sample of zero norm (`a = 0`) has
    /// correlation 0. The angle is taken from `ab - c^2`, whose products are not rounded, so that nearly parallel pairs
    /// keep their digits.
    ///
    /// Sources: Cho and Saul 2009 (ReLU); Williams 1997 (erf); Tsuchida et al. 2021, arXiv:2002.08517 (GELU).
    ///
    /// # Errors
    /// Variances that are negative or not finite; `|c| > sqrt(ab)` beyond rounding; wrong Hermite coefficients.
    ///
    /// ```
    /// use saddlepoint::kernel::Activation;
    /// let dual = Activation::Relu.dual(1.0, 1.0, 0.0)?;
    /// assert!((dual.value - 0.5 / std::f64::consts::PI).abs() < 1e-15 && dual.slope == 0.25);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn dual(&self, a: f64, b: f64, c: f64) -> Result<Dual> {
        self.check("nonlinearity")?;
        check_covariance(a, b, c)?;
        let angle = Angle::of(a, b, c);
        let ((f_a, slope_a), (f_b, slope_b)) = (self.moments(a), self.moments(b));
        let (value, slope) = match angle == Angle::NONE && a == b {
            true => (f_a, slope_a),
            false => self.at_angle(a, b, angle),
        };
        Ok(Dual {
            value,
            slope,
            bound: ACCURACY * (f_a * f_b).max(slope_a * slope_b).sqrt(),
        })
    }

    /// `F(a, b, c)` and its derivatives by `a`, `b` and `c`, each with the two others fixed.
    ///
    /// With `r = s c/sqrt((1 + s a)(1 + s b))` and `s` = 1 (`erf`) or 2 (`unscaled-erf`), and `cos t = c/sqrt(ab)`:
    ///
    /// ```text
    /// linear: dF/da = 0                               erf:       dF/da = -(s/2) c F'/(1 + s a)
    /// relu:   dF/da = sin t sqrt(b/a)/(4 pi)          quadratic: dF/da = b
    /// ```
    ///
    /// # Errors
    /// As [`Activation::dual`]; an activation other than these, whose `dF/da` has no closed form here.
    ///
    /// ```
    /// use saddlepoint::kernel::Activation;
    /// let gradient = Activation::Quadratic.dual_gradient(2.0, 3.0, 0.5)?; // F = a b + 2 c^2
    /// assert_eq!(gradient.by_variances, [3.0, 2.0]);
    /// assert!((gradient.by_covariance - 2.0).abs() < 1e-15);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn dual_gradient(&self, a: f64, b: f64, c: f64) -> Result<DualGradient> {
        self.check("activation")?;
        check_covariance(a, b, c)?;
        let angle = Angle::of(a, b, c);
        let (value, slope) = self.at_angle(a, b, angle);
        let of = |a: f64, b: f64| {
            with_pair!(self, pair => pair.variance_slope(a, b, angle, slope),
                tanh => None,
                series => None)
        };
        match (of(a, b), of(b, a)) {
            (Some(by_a), Some(by_b)) => Ok(DualGradient {
                value,
                by_covariance: slope,
                by_variances: [by_a, by_b],
            }),
            _ => Err(Error::input(
                "activation",
                "the derivative of its kernel by a variance has no closed form",
                "use linear, erf, unscaled-erf, relu or quadratic",
            )),
        }
    }

    /// `F` and `F'` at variances `a`, `b`, good to rounding at every angle.
    pub(super) fn at_angle(&self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        with_pair!(self, pair => pair.at_angle(a, b, angle),
            tanh => Mixture::new(a).at_angle(&Mixture::new(b), angle),
            series => Series::new(self, a).at_angle(&Series::new(self, b), angle))
    }

    /// The angle between the features of two samples at this angle, whose covariance is `f` and whose second moments
    /// are `moments`.
    pub(super) fn gap(&self, angle: Angle, f: f64, moments: [f64; 2]) -> Gap {
        with_pair!(self, pair => pair.gap(angle, f, moments),
            tanh => Gap::of(f, moments),
            series => Gap::of(f, moments))
    }

    /// `E[phi(u)^2]` and `E[phi'(u)^2]` at variance `q`: the dual of a sample with itself.
    pub(super) fn moments(&self, q: f64) -> (f64, f64) {
        with_pair!(self, pair => pair.diagonal(q),
            tanh => self.at_angle(q, q, Angle::NONE),
            series => Series::new(self, q).diagonal())
    }

    /// Second moments of `phi` and of `phi'` at variance `q`, and the derivative of the former by `q`.
    ///
    /// # Errors
    /// A variance that is negative or not finite; wrong Hermite coefficients.
    ///
    /// ```
    /// use saddlepoint::kernel::Activation;
    /// let moments = Activation::Quadratic.second_moments(2.0)?; // E z^4 = 3 q^2, E (2z)^2 = 4 q
    /// assert_eq!((moments.value, moments.slope, moments.growth), (12.0, 8.0, 12.0));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn second_moments(&self, q: f64) -> Result<Moments> {
        self.check("nonlinearity")?;
        if !(q.is_finite() && q >= 0.0) {
            return Err(Error::input(
                "variance",
                format!("{q} is not a variance"),
                "give a finite number >= 0",
            ));
        }
        let (value, slope) = self.moments(q);
        let (growth, scale) = with_pair!(self, pair => (pair.growth(q), pair.growth(q)),
            tanh => { let growth = Mixture::new(q).growth(); (growth, growth) },
            series => Series::growth(self, q));
        Ok(Moments {
            value,
            slope,
            growth,
            growth_bound: ACCURACY * scale,
        })
    }
}

fn check_covariance(a: f64, b: f64, c: f64) -> Result<()> {
    let valid = a >= 0.0 && b >= 0.0 && a.is_finite() && b.is_finite();
    if !valid || c.is_nan() || c.abs() > (a * b).sqrt() * (1.0 + 1e-9) + 1e-300 {
        return Err(Error::input(
            "covariance",
            format!("[[{a}, {c}], [{c}, {b}]] is not a covariance matrix"),
            "give finite variances a, b >= 0 and |c| <= sqrt(a b)",
        ));
    }
    Ok(())
}

#[cfg(test)]
#[path = "dual_tests.rs"]
mod tests;
