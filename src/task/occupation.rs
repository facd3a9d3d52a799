//! Occupation probability as a key: a number, or the threshold.

use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Occupation probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a probability, or \"threshold\"")]
pub(super) enum Occupation {
    /// This probability.
    Number(f64),
    /// The threshold.
    Word(Word),
}

impl Default for Occupation {
    fn default() -> Self {
        Occupation::Word(Word::Threshold)
    }
}

impl Occupation {
    /// The number; `threshold` where it is named.
    ///
    /// # Errors
    /// Input error at `p` where the threshold is unknown.
    pub fn value(self, threshold: impl FnOnce() -> Result<f64>) -> Result<f64> {
        match self {
            Occupation::Number(p) => Ok(p),
            Occupation::Word(Word::Threshold) => {
                threshold().map_err(|e| Error::input("p", e.to_string(), "write p = a probability"))
            }
        }
    }
}

/// A probability with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// The threshold.
    Threshold,
}
