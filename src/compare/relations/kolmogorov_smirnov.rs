//! Largest distance of two distribution functions.

use super::{Null, Prepared, Relation};
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "kolmogorov-smirnov",
    summary: "the largest distance of the distribution functions of x and y, 0 to 1",
    text: "\
  D = max_t | F_x(t) - F_y(t) |,     F_x(t) = share of the values of x that are at most t

compares the values of x and y as two samples, whatever their order: 0 where they are the same numbers, 1 where
all of one lie above all of the other. Its chance is that of pairs whose members may be exchanged: x_k and y_k
swap places at random.

keys: none
source: N. V. Smirnov, Ann. Math. Stat. 19, 279 (1948)",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Relation> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<KolmogorovSmirnov>(place, table)?)),
    schema: <KolmogorovSmirnov as JsonSchema>::json_schema,
};

/// Largest distance of two distribution functions.
///
/// ```
/// use saddlepoint::compare::relations::{KolmogorovSmirnov, Relation};
/// let prepared = KolmogorovSmirnov {}.prepare(&[1.0, 2.0, 3.0, 4.0], &[3.5, 2.5, 6.0, 5.0])?;
/// assert_eq!(KolmogorovSmirnov {}.value(&prepared), 0.5);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KolmogorovSmirnov {}

impl Relation for KolmogorovSmirnov {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn prepare(&self, x: &[f64], y: &[f64]) -> Result<Prepared, String> {
        Ok(Prepared::new(x.to_vec(), y.to_vec()))
    }

    fn value(&self, of: &Prepared) -> f64 {
        let sorted = |v: &[f64]| {
            let mut v = v.to_vec();
            v.sort_by(f64::total_cmp);
            v
        };
        let (x, y) = (sorted(&of.x), sorted(&of.y));
        let (mut i, mut j, mut largest) = (0, 0, 0.0f64);
        while i < x.len() && j < y.len() {
            // Both functions rise at a value that both samples have.
            let at = x[i].min(y[j]);
            i += x[i..].iter().take_while(|v| **v <= at).count();
            j += y[j..].iter().take_while(|v| **v <= at).count();
            let [of_x, of_y] = [i as f64 / x.len() as f64, j as f64 / y.len() as f64];
            largest = largest.max((of_x - of_y).abs());
        }
        largest
    }

    fn extremity(&self, value: f64) -> f64 {
        value
    }

    fn words(&self) -> &'static str {
        "Kolmogorov-Smirnov distance of"
    }

    fn null(&self) -> Null {
        Null::Swapped
    }
}
