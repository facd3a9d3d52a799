//! The limit of an observable: the value of a fitted line at x = 0.

use super::line::Line;
use super::{Approach, Curves, Form, Part, Reduction};
use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use crate::theory::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "extrapolate",
    summary: "the limit: `a` of the straight line `value(x) = a + b x`, the value at x -> 0",
    text: "\
  value(x) = a + b x          reported: a, the limit x -> 0

by ordinary least squares with the same weight for every cell. The abscissa x is made so that the limit lies at 0:
abscissa = \"inverse\" for large keys. Of the deviation from a theory the limit is compared with 0: it holds in the
limit, or it does not. Numbers near 0 need tolerance = { absolute = ... }.

keys: curvature",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Extrapolate>(place, table)?)),
    schema: <Extrapolate as JsonSchema>::json_schema,
};

/// Value at x = 0 of `a + b x`, or of `a + b x + c x^2`.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{Extrapolate, reduce}};
/// let cells = [0.1, 0.2, 0.4].map(|x| Cell::new(x, Blocks::fixed(&[2.0 + 3.0 * x])));
/// let limit = reduce(&Extrapolate::default(), &cells, &[])?;
/// assert!((limit[0].estimate[0] - 2.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Extrapolate {
    /// Whether the quadratic term `c x^2` is fitted too (three cells at least); default: false.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub curvature: bool,
}

const PARTS: &[Part] = &[Part::only(Some(Number::Limit), Approach::Vanishes)];

impl Reduction for Extrapolate {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        let terms = if self.curvature { 3 } else { 2 };
        Ok(Box::new(Line::polynomial(curves.x, 0, terms)?))
    }

    fn words(&self, _: usize) -> (&'static str, &'static str) {
        ("limit of", "")
    }
}
