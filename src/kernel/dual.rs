//! Dual activations: covariances of a nonlinearity and of its slope under correlated Gaussian pre-activations.

use super::hermite::{MAX_TERMS, Series};
use super::pair::Pair;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Pointwise nonlinearity `phi` of an infinitely wide layer.
///
/// | name | `phi(z)` | dual activation |
/// |---|---|---|
/// | `linear` | `z` | `F = c` |
/// | `erf` | `erf(z / sqrt 2)`, as in the learners | `F = (2/pi) asin(c / sqrt((1+a)(1+b)))` |
/// | `unscaled-erf` | `erf(z)` | `F = (2/pi) asin(2c / sqrt((1+2a)(1+2b)))` |
/// | `relu` | `max(z, 0)` | `F = sqrt(ab) (sin t + (pi - t) cos t)/(2 pi)`, `cos t = c/sqrt(ab)` |
/// | `gelu` | `z Phi(z)` | `F = c G + H (ab + c^2 (1/(1+a) + 1/(1+b) - 1))` |
/// | `quadratic` | `z^2` | `F = ab + 2c^2` |
/// | `tanh` | `tanh z` | series in `c/sqrt(ab)`, bounded truncation |
/// | `hermite` | `sum_k c_k he_k(z)`, `he_k = He_k/sqrt(k!)` | `F = sum_k c_k(a) c_k(b) (c/sqrt(ab))^k` |
///
/// with `G = 1/4 + asin(c/sqrt((1+a)(1+b)))/(2 pi)` and `H = 1/(2 pi sqrt((1+a)(1+b) - c^2))`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Nonlinearity {
    /// `z`
    Linear,
    /// `erf(z / sqrt 2)`, as in the learners.
    Erf,
    /// `erf(z)`
    UnscaledErf,
    /// `max(z, 0)`
    Relu,
    /// `z Phi(z)` with the standard normal distribution function `Phi`.
    Gelu,
    /// `z^2`
    Quadratic,
    /// `tanh z`; its dual activation is a series with bounded truncation.
    Tanh,
    /// The coefficients `c_0, c_1, ...` at variance 1: a fixed polynomial; `c_k(q)` at other variances follow from it.
    Hermite(Vec<f64>),
}

/// A dual activation and its slope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dual {
    /// `F = E[phi(u) phi(v)]`
    pub value: f64,
    /// `F' = E[phi'(u) phi'(v)] = dF/dc` at fixed `a`, `b`
    pub slope: f64,
    /// Bound of the truncation error of both (tanh); 0 for closed forms, which are good to rounding.
    pub bound: f64,
}

/// Runs `$body` with `$pair` bound to the closed form of a nonlinearity, or `$series` where there is none.
macro_rules! with_pair {
    ($phi:expr, $pair:ident => $body:expr, series => $series:expr) => {
        match $phi {
            $crate::kernel::Nonlinearity::Linear => {
                let $pair = $crate::kernel::pair::Linear;
                $body
            }
            $crate::kernel::Nonlinearity::Erf => {
                let $pair = $crate::kernel::pair::Erf(1.0);
                $body
            }
            $crate::kernel::Nonlinearity::UnscaledErf => {
                let $pair = $crate::kernel::pair::Erf(2.0);
                $body
            }
            $crate::kernel::Nonlinearity::Relu => {
                let $pair = $crate::kernel::pair::Relu;
                $body
            }
            $crate::kernel::Nonlinearity::Gelu => {
                let $pair = $crate::kernel::pair::Gelu;
                $body
            }
            $crate::kernel::Nonlinearity::Quadratic => {
                let $pair = $crate::kernel::pair::Quadratic;
                $body
            }
            $crate::kernel::Nonlinearity::Tanh | $crate::kernel::Nonlinearity::Hermite(_) => {
                $series
            }
        }
    };
}
pub(super) use with_pair;

impl Nonlinearity {
    /// `F(a, b, c)` and `F'` for `(u, v) ~ N(0, [[a, c], [c, b]])`.
    ///
    /// A correlation that rounding has carried past `[-1, 1]` is clamped; a sample of zero norm (`a = 0`) has correlation 0. For ReLU
    /// the angle is taken from the half angle, so that it keeps its digits as `c/sqrt(ab) -> 1`. At `a = b = c` the diagonal forms
    /// are used, which are exact.
    ///
    /// Sources: Cho and Saul 2009 (ReLU); Williams 1997 (erf); Tsuchida et al. 2021, arXiv:2002.08517 (GELU).
    ///
    /// # Errors
    /// Variances that are negative or not finite; `|c| > sqrt(ab)` beyond rounding; wrong Hermite coefficients.
    ///
    /// ```
    /// use saddlepoint::kernel::Nonlinearity;
    /// let dual = Nonlinearity::Relu.dual(1.0, 1.0, 0.0)?;
    /// assert!((dual.value - 0.5 / std::f64::consts::PI).abs() < 1e-15 && dual.slope == 0.25);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn dual(&self, a: f64, b: f64, c: f64) -> Result<Dual> {
        self.check("nonlinearity")?;
        let valid = a >= 0.0 && b >= 0.0 && a.is_finite() && b.is_finite();
        if !valid || c.is_nan() || c.abs() > (a * b).sqrt() * (1.0 + 1e-9) + 1e-300 {
            return Err(Error::input(
                "covariance",
                format!("[[{a}, {c}], [{c}, {b}]] is not a covariance matrix"),
                "give finite variances a, b >= 0 and |c| <= sqrt(a b)",
            ));
        }
        let (value, slope) = with_pair!(self, pair => {
            if a == b && b == c {
                pair.diagonal(a)
            } else {
                pair.value_and_slope(c, pair.factors(a), pair.factors(b))
            }
        }, series => {
            let x = Series::new(self, a, MAX_TERMS);
            return Ok(x.dual(c, &Series::new(self, b, MAX_TERMS)));
        });
        Ok(Dual {
            value,
            slope,
            bound: 0.0,
        })
    }

    /// `E[phi(u)^2]` and `E[phi'(u)^2]` at variance `q`: the dual of a sample with itself.
    pub(super) fn moments(&self, q: f64) -> (f64, f64) {
        with_pair!(self, pair => pair.diagonal(q), series => Series::new(self, q, 1).diagonal())
    }

    pub(super) fn check(&self, place: &str) -> Result<()> {
        if let Nonlinearity::Hermite(c) = self {
            let good = !c.is_empty() && c.len() <= 64 && c.iter().all(|c| c.is_finite());
            if !good {
                return Err(Error::input(
                    place,
                    format!("{} Hermite coefficients, or one is not finite", c.len()),
                    "give between 1 and 64 finite coefficients",
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "dual_tests.rs"]
mod tests;
