//! Reductions across cells: one swept key is removed by a fit, the same way for measurement and theory.
//!
//! A kind of reduction is one file: its keys, what it refuses, the numbers that it gives with the axes on which they
//! stand, and the function of the cells' means that gives them. Everything else is common and stands in [`Reducer`]:
//! the error by the joint jackknife over the draws that cells share, the values or their deviation from a theory or
//! their scatter as what is reduced, and the errors that a theory's values bring along.

mod abscissa;
mod collapse;
mod crossing;
mod exponent;
mod extrapolate;
mod joint;
mod line;
mod local_exponent;
mod own;
mod reducer;
mod slope;

pub use abscissa::Abscissa;
pub use collapse::Collapse;
pub use crossing::Crossing;
pub use exponent::Exponent;
pub use extrapolate::Extrapolate;
pub use joint::{Cell, Reduced};
pub use local_exponent::LocalExponent;
pub use own::Own;
pub use reducer::{Reducer, lengths, primitives, reduce};
pub use slope::Slope;

use super::draws::Blocks;
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::kind::Kind;
use crate::theory::{Known, Number};
use std::fmt::Debug;

/// What is reduced of an observable.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// Its values.
    #[default]
    Value,
    /// Measurement minus prediction, draw by draw, of each theory that predicts it: how the theory's limit is
    /// approached.
    Deviation,
    /// The standard deviation over all draws: how far one network is from the mean of many.
    Scatter,
}

/// Over what of an observable's grid.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Over {
    /// Point by point.
    #[default]
    Points,
    /// Of a deviation or a scatter: its root mean square over the whole grid, one number.
    Grid,
}

/// One number that a kind of reduction gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Part {
    /// Its name in `tolerances`; empty where a reduction gives one number alone.
    pub name: &'static str,
    /// A former name that specs may still use.
    pub alias: Option<&'static str>,
    /// The number that a theory may know without values; `None` where it depends on the values that are swept over.
    pub asks: Option<Number>,
    /// What a theory says of the same number of its deviation.
    pub deviation: Approach,
}

/// What a theory's limit says of the reduced deviation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    /// The rate at which the limit is approached ([`crate::experiment::Limit::rate`]).
    Rate,
    /// The deviation vanishes in the limit.
    Vanishes,
    /// Nothing.
    Unknown,
}

impl Part {
    /// A single number without a name.
    pub const fn only(asks: Option<Number>, deviation: Approach) -> Part {
        Part {
            name: "",
            alias: None,
            asks,
            deviation,
        }
    }

    /// How it is told from the other numbers in a label: `p_c` for a point of the axis `p`; `None` for a single number.
    pub fn symbol(&self, axis: Option<&str>) -> Option<String> {
        match (self.name, self.asks, axis) {
            ("", ..) => None,
            (_, Some(Number::Crossing), Some(axis)) => Some(format!("{axis}_c")),
            (name, ..) => Some(name.replace('-', " ")),
        }
    }

    /// A number that a theory knows in terms of the key, in terms of the abscissa; `None` where that cannot be said.
    pub fn in_abscissa(&self, known: Known, abscissa: Abscissa) -> Option<Known> {
        match self.asks? {
            Number::Exponent => {
                let value = abscissa.exponent(known.value)?;
                let stretch = abscissa.exponent(1.0)?.abs();
                Some(Known {
                    value,
                    bound: known.bound * stretch,
                })
            }
            Number::Crossing | Number::ScalingExponent | Number::Limit => Some(known),
        }
    }
}

/// What a spec asks of a reduction, for the checks before anything runs.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// The swept key that is removed.
    pub key: &'a str,
    /// Name of the observable.
    pub observable: &'a str,
    /// Function of the key's value.
    pub abscissa: Abscissa,
    /// Value, deviation or scatter.
    pub of: Of,
    /// Abscissas of all cells.
    pub x: &'a [f64],
    /// Grids of the observable in the cells.
    pub grids: &'a [&'a [Axis]],
}

/// Why a reduction cannot be what a spec asks for: the key at fault, the cause and the remedy.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Key of the `[[reduce]]` table.
    pub key: &'static str,
    /// What is wrong with it.
    pub cause: String,
    /// What to write instead.
    pub remedy: String,
}

impl Refusal {
    /// As an `Err`.
    pub fn of<T>(
        key: &'static str,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> std::result::Result<T, Refusal> {
        Err(Refusal {
            key,
            cause: cause.into(),
            remedy: remedy.into(),
        })
    }
}

/// The curves of all cells, as a form is bound to them.
#[derive(Debug, Clone, Copy)]
pub struct Curves<'a> {
    /// Abscissas, ascending.
    pub x: &'a [f64],
    /// Means: point 0 at all cells, point 1 at all cells, ...
    pub means: &'a [f64],
    /// Blocks of the measurement in the same order, also where a theory is reduced: their scatter weighs the points.
    pub scatter: &'a Blocks,
    /// Axes of the observable, the same in all cells.
    pub grid: &'a [Axis],
}

/// A kind of reduction with its own keys.
pub trait Reduction: Debug + Send + Sync {
    /// Its own keys with every default filled in.
    fn resolved(&self) -> serde_json::Value;
    /// The numbers that it gives, one after the other.
    fn parts(&self) -> &'static [Part];
    /// Binds it to the coordinates (and, for a fit that starts from a guess, to the means) of one group of cells.
    ///
    /// # Errors
    /// `Input` for too few cells or coordinates that the form does not take; `Unconverged` where a fit has no minimum.
    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>>;

    /// Whether a spec may ask for it.
    ///
    /// # Errors
    /// The key at fault with cause and remedy.
    fn check(&self, _asked: &Asked) -> std::result::Result<(), Refusal> {
        Ok(())
    }
    /// Words before and after the observable in the default label, such as `slope of` and nothing.
    fn words(&self, cells: usize) -> (&'static str, &'static str);
    /// Axes of the result; by default those of the observable, point by point.
    fn axes(&self, _key: &str, _x: &[f64], grid: &[Axis]) -> Vec<Axis> {
        grid.to_vec()
    }
    /// Whether it uses the observable's axis up, so that a result depends on all points of a curve.
    fn uses_axis(&self) -> bool {
        false
    }
    /// Whether it takes logarithms of the values.
    fn is_logarithmic(&self) -> bool {
        false
    }
}

/// A reduction bound to its coordinates: a function of the cells' means.
pub trait Form {
    /// The numbers of all parts, each on the axes of the result, row-major; not-a-number where one does not exist.
    fn value(&self, means: &[f64]) -> Vec<f64>;
    /// Why a number may not exist.
    fn missing(&self) -> &'static str;
    /// Root mean square distance of the means from the fitted form, relative to their size, per value.
    fn residual(&self, _means: &[f64]) -> Option<Vec<f64>> {
        None
    }
    /// Mean squared distance from a common curve in units of the errors.
    fn spread(&self) -> Option<f64> {
        None
    }
    /// p-value per point that the form holds at all cells.
    ///
    /// # Errors
    /// Internal ones alone.
    fn lack_of_fit(&self, _blocks: &Blocks) -> Result<Option<Vec<f64>>> {
        Ok(None)
    }
}

/// All kinds of reductions that a spec can name.
pub const REDUCTIONS: &[Kind<dyn Reduction>] = &[
    extrapolate::KIND,
    slope::KIND,
    exponent::KIND,
    local_exponent::KIND,
    crossing::KIND,
    collapse::KIND,
];

/// At least `needed` cells.
fn at_least(x: &[f64], needed: usize) -> Result<()> {
    match x.len() < needed {
        true => Err(Error::input(
            "reduce",
            format!("{} cells, {needed} needed", x.len()),
            "sweep over more values",
        )),
        false => Ok(()),
    }
}

/// Coordinates of which a power or a logarithm is taken.
fn positive(x: &[f64]) -> Result<()> {
    match x.iter().all(|v| *v > 0.0) {
        true => Ok(()),
        false => Err(Error::input(
            "reduce",
            "coordinates must be positive for a power of them",
            "choose other values in the sweep",
        )),
    }
}

/// Curves over one axis with at least `points` of it.
fn one_axis<'a>(curves: &Curves<'a>, points: usize) -> Result<&'a [f64]> {
    let [axis] = curves.grid else {
        return Err(Error::input(
            "reduce",
            format!("curves over {} axes", curves.grid.len()),
            "reduce an observable with one axis",
        ));
    };
    let grid = &axis.values;
    if grid.len() < points || curves.means.len() != grid.len() * curves.x.len() {
        return Err(Error::input(
            "reduce",
            format!("a grid of {} points", grid.len()),
            format!(
                "give the observable an axis of at least {points} points, the same in all cells"
            ),
        ));
    }
    Ok(grid)
}

/// A reduction of logarithms needs a positive abscissa that is no logarithm itself.
fn logarithmic(asked: &Asked) -> std::result::Result<(), Refusal> {
    if matches!(asked.abscissa, Abscissa::Log | Abscissa::LogInverse) {
        return Refusal::of(
            "abscissa",
            "an exponent takes the logarithms itself",
            "leave the abscissa out, or use \"inverse\"",
        );
    }
    positive_key(asked)
}

fn positive_key(asked: &Asked) -> std::result::Result<(), Refusal> {
    if asked.x.iter().any(|x| *x <= 0.0) {
        return Refusal::of(
            "key",
            format!("{} takes values that have no logarithm", asked.key),
            "sweep over positive numbers",
        );
    }
    Ok(())
}

/// The exponent of a correction is positive.
fn correction(omega: Option<f64>) -> std::result::Result<(), Refusal> {
    match omega {
        Some(omega) if !(omega > 0.0 && omega.is_finite()) => Refusal::of(
            "correction",
            "is not a positive number",
            "give the exponent omega of the correction x^-omega",
        ),
        _ => Ok(()),
    }
}

/// What is read off curves over an axis has no deviation from a theory and no scatter.
fn of_values(asked: &Asked, what: &str) -> std::result::Result<(), Refusal> {
    match asked.of {
        Of::Value => Ok(()),
        _ => Refusal::of(
            "of",
            format!("{what} is read off the curves of the values"),
            "leave of = ... out; a theory's own curves are reduced the same way",
        ),
    }
}

#[cfg(test)]
mod coverage_tests;
#[cfg(test)]
mod own_tests;
