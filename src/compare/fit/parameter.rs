//! A parameter of a theory: its name, its bounds, and the coordinate in which it is searched.

use crate::error::{Error, Result};

/// The coordinate in which a parameter is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scale {
    /// The parameter itself.
    Linear,
    /// Its logarithm, for positive parameters whose order of magnitude is sought.
    Log,
}

/// A parameter that is to be estimated.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Parameter {
    /// Name in results and messages.
    pub name: String,
    /// Smallest value that may be tried.
    pub lower: f64,
    /// Largest value that may be tried.
    pub upper: f64,
    /// Where the search starts first; without it, in the middle of the bounds.
    pub start: Option<f64>,
    /// Coordinate of the search.
    pub scale: Scale,
}

impl Parameter {
    /// A parameter searched as it is, between two bounds.
    pub fn linear(name: &str, lower: f64, upper: f64) -> Self {
        Parameter {
            name: name.into(),
            lower,
            upper,
            start: None,
            scale: Scale::Linear,
        }
    }

    /// A positive parameter searched in its logarithm.
    pub fn log(name: &str, lower: f64, upper: f64) -> Self {
        Parameter {
            scale: Scale::Log,
            ..Parameter::linear(name, lower, upper)
        }
    }

    /// The same parameter with a value where the search starts first.
    pub fn from(self, start: f64) -> Self {
        Parameter {
            start: Some(start),
            ..self
        }
    }

    /// Value at a place `u` between the bounds, `0 <= u <= 1`.
    ///
    /// ```text
    /// linear:   x = lower + u (upper - lower)
    /// log:      ln x = ln lower + u (ln upper - ln lower)
    /// ```
    ///
    /// The ends give the bounds exactly, and no value lies outside them.
    ///
    /// ```
    /// use saddlepoint::compare::fit::Parameter;
    /// let ridge = Parameter::log("ridge", 1e-4, 1.0);
    /// assert!((ridge.value(0.5) - 1e-2).abs() < 1e-16);
    /// assert_eq!((ridge.value(0.0), ridge.value(1.0)), (1e-4, 1.0));
    /// ```
    pub fn value(&self, u: f64) -> f64 {
        if u <= 0.0 {
            return self.lower;
        }
        if u >= 1.0 {
            return self.upper;
        }
        let x = match self.scale {
            Scale::Linear => self.lower + u * (self.upper - self.lower),
            Scale::Log => self.lower * (u * (self.upper / self.lower).ln()).exp(),
        };
        x.clamp(self.lower, self.upper)
    }

    /// Place of a value between the bounds: the inverse of [`Parameter::value`].
    pub fn place(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Linear => (x - self.lower) / (self.upper - self.lower),
            Scale::Log => (x / self.lower).ln() / (self.upper / self.lower).ln(),
        }
    }

    /// `dx/du` at a value `x`: turns errors of the place into errors of the value.
    pub(super) fn slope(&self, x: f64) -> f64 {
        match self.scale {
            Scale::Linear => self.upper - self.lower,
            Scale::Log => x * (self.upper / self.lower).ln(),
        }
    }

    /// `x` or `ln x`: what a direction in parameter space is made of.
    pub(super) fn coordinate(&self) -> String {
        match self.scale {
            Scale::Linear => self.name.clone(),
            Scale::Log => format!("ln {}", self.name),
        }
    }

    /// Length of the bounds in that coordinate.
    pub(super) fn width(&self) -> f64 {
        match self.scale {
            Scale::Linear => self.upper - self.lower,
            Scale::Log => (self.upper / self.lower).ln(),
        }
    }

    /// Bounds and start; `place` is that of the parameter in messages.
    ///
    /// # Errors
    /// Bounds that are not finite and rising, a logarithm of zero, a start outside.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |cause: String, remedy: &str| Err(Error::input(place, cause, remedy));
        let (lower, upper) = (self.lower, self.upper);
        if !(lower.is_finite() && upper.is_finite() && lower < upper) {
            return wrong(
                format!("the bounds are {lower} and {upper}"),
                "give two finite bounds, the lower one first",
            );
        }
        if self.scale == Scale::Log && lower <= 0.0 {
            return wrong(
                format!("the lower bound {lower} has no logarithm"),
                "give a lower bound above 0, or the linear scale",
            );
        }
        match self.start {
            Some(x) if !(lower <= x && x <= upper) => wrong(
                format!("the start {x} is outside of {lower} to {upper}"),
                "start between the bounds",
            ),
            _ => Ok(()),
        }
    }
}
