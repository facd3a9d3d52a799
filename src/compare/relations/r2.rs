//! Share of the variance that a straight line explains.

use super::{Null, Prepared, Relation};
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "r2",
    summary: "the share of the variance of y that a straight line in x explains, 0 to 1",
    text: "\
  r2 = corr(x, y)^2 = 1 - min_(a, b) sum (y - a - b x)^2 / sum (y - mean y)^2

The line is fitted, so that scale and offset of x do not matter: a theory that is off by a factor still has r2 = 1, and
its deviation says how far off it is. Chance gives 1/(n - 1) on average over n pairs.

keys: none",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Relation> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<R2>(place, table)?)),
    schema: <R2 as JsonSchema>::json_schema,
};

/// Squared correlation: what a straight line explains.
///
/// ```
/// use saddlepoint::compare::relations::{R2, Relation};
/// // y = x + e with sum e = 0 and sum e x = 0: 10 of 14 parts of the variance of y lie on the line.
/// let (x, e) = ([1.0, 2.0, 3.0, 4.0, 5.0], [0.0, 1.0, -2.0, 1.0, 0.0]);
/// let y: Vec<f64> = x.iter().zip(e).map(|(x, e)| x + e * (4.0f64 / 6.0).sqrt()).collect();
/// assert!((R2 {}.value(&R2 {}.prepare(&x, &y)?) - 10.0 / 14.0).abs() < 1e-12);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct R2 {}

impl Relation for R2 {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn prepare(&self, x: &[f64], y: &[f64]) -> Result<Prepared, String> {
        super::varied(x, y).map(|()| Prepared::new(x.to_vec(), y.to_vec()))
    }

    fn value(&self, of: &Prepared) -> f64 {
        super::correlation(&of.x, &of.y).powi(2)
    }

    fn extremity(&self, value: f64) -> f64 {
        value
    }

    fn words(&self) -> &'static str {
        "r2 of"
    }

    fn null(&self) -> Null {
        Null::Permuted
    }
}
