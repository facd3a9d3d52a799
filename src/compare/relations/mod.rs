//! Relations between two quantities, of a theory or measured, each with what chance gives.
//!
//! A kind of relation is one file: its keys, how it prepares the values of a pair of quantities, the number that it
//! makes of them, and how chance is made. Everything else is common and stands in [`relate`]: the standard error by the
//! jackknife over the draws, and the null.
//!
//! ```
//! use saddlepoint::compare::Blocks;
//! use saddlepoint::compare::relations::{RankCorrelation, Values, relate};
//!
//! let x = Values::exact(Blocks::fixed(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]));
//! let y = Values::exact(Blocks::fixed(&[1.0, 4.0, 9.0, 16.0, 25.0, 36.0, 49.0, 64.0]));
//! let found = relate(&RankCorrelation {}, &x, &y, 0)?;
//! assert!((found.value - 1.0).abs() < 1e-12);
//! assert!(found.chance.abs() < 0.05 && found.p < 0.01);
//! # Ok::<(), saddlepoint::Error>(())
//! ```

mod auc;
mod kolmogorov_smirnov;
mod r2;
mod rank_correlation;
mod relate;

pub use auc::Auc;
pub use kolmogorov_smirnov::KolmogorovSmirnov;
pub use r2::R2;
pub use rank_correlation::RankCorrelation;
pub use relate::{Related, SHUFFLES, Values, joined, relate};

use crate::kind::Kind;
use std::fmt::Debug;

/// How chance is made: what is done to the pairs at random.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Null {
    /// The values of y are dealt out anew among the points: x says nothing of y.
    Permuted,
    /// The members of each pair swap places or do not: x and y have the same law.
    Swapped,
}

/// The values of a pair of quantities as a relation uses them, such as their ranks.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// One per point.
    pub x: Vec<f64>,
    /// One per point.
    pub y: Vec<f64>,
}

impl Prepared {
    fn new(x: Vec<f64>, y: Vec<f64>) -> Prepared {
        Prepared { x, y }
    }
}

/// A kind of relation with its own keys.
pub trait Relation: Debug + Send + Sync {
    /// Its own keys with every default filled in.
    fn resolved(&self) -> serde_json::Value;
    /// What it uses of the values: as many as there are, in the same order, so that chance may move them.
    ///
    /// # Errors
    /// Why the relation does not exist for these values.
    fn prepare(&self, x: &[f64], y: &[f64]) -> Result<Prepared, String>;
    /// The relation itself.
    fn value(&self, of: &Prepared) -> f64;
    /// How far a value is from what chance gives, as the p-value counts it.
    fn extremity(&self, value: f64) -> f64;
    /// How chance is made.
    fn null(&self) -> Null;
    /// Words before the two quantities in the default label.
    fn words(&self) -> &'static str;
}

/// All kinds of relations that a spec can name.
pub const RELATIONS: &[Kind<dyn Relation>] = &[
    rank_correlation::KIND,
    r2::KIND,
    auc::KIND,
    kolmogorov_smirnov::KIND,
];

/// Ranks from 1; equal values share the mean of theirs.
fn ranks(v: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..v.len()).collect();
    order.sort_by(|a, b| v[*a].total_cmp(&v[*b]));
    let mut out = vec![0.0; v.len()];
    let mut first = 0;
    for equal in order.chunk_by(|a, b| v[*a] == v[*b]) {
        let mean = first as f64 + (equal.len() as f64 + 1.0) / 2.0;
        equal.iter().for_each(|&k| out[k] = mean);
        first += equal.len();
    }
    out
}

/// A correlation needs values that differ.
fn varied(x: &[f64], y: &[f64]) -> Result<(), String> {
    for (name, v) in [("x", x), ("y", y)] {
        if v.iter().all(|value| *value == v[0]) {
            return Err(format!("all values of {name} are equal"));
        }
    }
    Ok(())
}

/// Pearson's correlation.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let mean = |v: &[f64]| v.iter().sum::<f64>() / v.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        xx += (x - mx).powi(2);
        yy += (y - my).powi(2);
        xy += (x - mx) * (y - my);
    }
    (xy / (xx * yy).sqrt()).clamp(-1.0, 1.0)
}

#[cfg(test)]
#[path = "relation_tests.rs"]
mod tests;
