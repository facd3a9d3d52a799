//! Spearman's rank correlation.

use super::{Null, Prepared, Relation};
use crate::kind::{About, Kind, parse_table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "rank-correlation",
    summary: "Spearman's rank correlation of two quantities, -1 to 1",
    text: "\
  rho = corr(rank x, rank y)        equal values share their mean rank

1 where y rises whenever x rises, -1 where it falls, whatever the form of the curve. Chance gives 0 on average and
1/(n - 1) for the variance over n pairs. The p-value is two-sided: a strong rank correlation of either sign counts.

keys: none
source: C. Spearman, Am. J. Psychol. 15, 72 (1904)",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Relation> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<RankCorrelation>(place, table)?)),
    schema: <RankCorrelation as JsonSchema>::json_schema,
};

/// Correlation of the ranks.
///
/// ```
/// use saddlepoint::compare::relations::{RankCorrelation, Relation};
/// let prepared = RankCorrelation {}.prepare(&[1.0, 2.0, 3.0], &[1.0, 10.0, 100.0])?;
/// assert!((RankCorrelation {}.value(&prepared) - 1.0).abs() < 1e-12);
/// # Ok::<(), String>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RankCorrelation {}

impl Relation for RankCorrelation {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn prepare(&self, x: &[f64], y: &[f64]) -> Result<Prepared, String> {
        let ranked = Prepared::new(super::ranks(x), super::ranks(y));
        super::varied(x, y).map(|()| ranked)
    }

    fn value(&self, of: &Prepared) -> f64 {
        super::correlation(&of.x, &of.y)
    }

    fn extremity(&self, value: f64) -> f64 {
        value.abs()
    }

    fn words(&self) -> &'static str {
        "rank correlation of"
    }

    fn null(&self) -> Null {
        Null::Permuted
    }
}
