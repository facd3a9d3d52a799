//! The slope of an observable along a swept key.

use super::line::Line;
use super::{Approach, Curves, Form, Part, Reduction};
use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "slope",
    summary: "the slope: `b` of the straight line `value(x) = a + b x`",
    text: "\
  value(x) = a + b x          reported: b

by ordinary least squares with the same weight for every cell; what moves all cells alike does not move it. A theory's
slope is that of its own values.

keys: none",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Slope>(place, table)?)),
    schema: <Slope as JsonSchema>::json_schema,
};

/// `b` of `a + b x`.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{Slope, reduce}};
/// let cells = [0.1, 0.2, 0.4].map(|x| Cell::new(x, Blocks::fixed(&[2.0 + 3.0 * x])));
/// assert!((reduce(&Slope {}, &cells, &[])?[0].estimate[0] - 3.0).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slope {}

const PARTS: &[Part] = &[Part::only(None, Approach::Unknown)];

impl Reduction for Slope {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        Ok(Box::new(Line::polynomial(curves.x, 1, 2)?))
    }

    fn words(&self, _: usize) -> (&'static str, &'static str) {
        ("slope of", "")
    }
}
