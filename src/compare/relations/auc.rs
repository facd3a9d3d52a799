//! Area under the curve of hits over false alarms.

use super::{Null, Prepared, Relation};
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "auc",
    summary: "how well x tells large y from small ones: the area under the curve of hits over false alarms",
    text: "\
  auc = P(x_i > x_j) + P(x_i = x_j)/2       i among the points with y > above, j among the others

the probability that x puts a point of the first class above one of the second: 1 where a threshold on x separates them,
1/2 where x says nothing, 0 where it orders them the wrong way. The two classes are made of y by the key `above`. The
p-value is two-sided around 1/2.

keys: above
source: J. A. Hanley and B. J. McNeil, Radiology 143, 29 (1982)",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Relation> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Auc>(place, table)?)),
    schema: <Auc as JsonSchema>::json_schema,
};

/// Area under the curve of hits over false alarms.
///
/// ```
/// use saddlepoint::compare::relations::{Auc, Relation};
/// let auc = Auc { above: 0.5 };
/// let prepared = auc.prepare(&[1.0, 3.0, 2.0, 4.0], &[0.0, 0.0, 1.0, 1.0])?;
/// assert_eq!(auc.value(&prepared), 0.75);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Auc {
    /// The points with y above this number are the class that x is to find.
    pub above: f64,
}

impl Relation for Auc {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn prepare(&self, x: &[f64], y: &[f64]) -> Result<Prepared, String> {
        let class: Vec<f64> = y.iter().map(|y| f64::from(*y > self.above)).collect();
        let found = class.iter().filter(|c| **c > 0.0).count();
        if found == 0 || found == y.len() {
            let side = if found == 0 { "no" } else { "every" };
            return Err(format!(
                "{side} value of y lies above {}: there is one class alone",
                self.above
            ));
        }
        Ok(Prepared::new(super::ranks(x), class))
    }

    /// From the ranks of the first class: `U = sum ranks - P (P + 1)/2` counts the pairs in the right order.
    fn value(&self, of: &Prepared) -> f64 {
        let positive: f64 = of.y.iter().sum();
        let negative = of.y.len() as f64 - positive;
        let ranks: f64 = of.x.iter().zip(&of.y).map(|(r, c)| r * c).sum();
        (ranks - positive * (positive + 1.0) / 2.0) / (positive * negative)
    }

    fn extremity(&self, value: f64) -> f64 {
        (value - 0.5).abs()
    }

    fn words(&self) -> &'static str {
        "auc of"
    }

    fn null(&self) -> Null {
        Null::Permuted
    }
}
