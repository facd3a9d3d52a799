//! The exponent of an observable in a swept key.

use super::line::Line;
use super::{Approach, Asked, Curves, Form, Part, Reduction, Refusal, correction, logarithmic};
use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use crate::theory::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "exponent",
    summary: "the exponent: `k` of `value(x) = C x^k`, the slope of ln value in ln x",
    text: "\
  ln value = ln C + k ln x                       reported: k
  ln value = ln C + k ln x + b x^-omega          with correction = omega (three cells at least)

by ordinary least squares with the same weight for every cell; x (not its logarithm) and the values are positive. The
logarithm of a mean is biased by the scatter of the draws: the joint jackknife takes the bias off. A theory that knows
the exponent of the limit is asked for it; any other one is fitted like the measurement.

Of the deviation from a theory (of = \"deviation\") it is the rate at which the theory's limit is approached, compared
with the rate that the theory states. A deviation that is compatible with 0 in a cell, or that changes its sign, has
no exponent. Of the scatter (of = \"scatter\") it says how one network scatters: k = -1/2 where the mean of many is
off by 1/N.

keys: correction",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Exponent>(place, table)?)),
    schema: <Exponent as JsonSchema>::json_schema,
};

/// `k` of `value = C x^k`.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{Exponent, reduce}};
/// let cells = [1.0f64, 2.0, 4.0].map(|x| Cell::new(x, Blocks::fixed(&[5.0 * x.powf(-1.5)])));
/// assert!((reduce(&Exponent::default(), &cells, &[])?[0].estimate[0] + 1.5).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Exponent {
    /// A correction `1 + b x^-omega` to the power law, fitted along; default: none.
    #[serde(default)]
    pub correction: Option<f64>,
}

const PARTS: &[Part] = &[Part::only(Some(Number::Exponent), Approach::Rate)];

impl Reduction for Exponent {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        Ok(Box::new(Line::power(curves.x, self.correction)?))
    }

    fn check(&self, asked: &Asked) -> std::result::Result<(), Refusal> {
        correction(self.correction)?;
        logarithmic(asked)
    }

    fn words(&self, _: usize) -> (&'static str, &'static str) {
        ("exponent of", "")
    }

    fn is_logarithmic(&self) -> bool {
        true
    }
}
