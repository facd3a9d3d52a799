//! Occupation probability as a key: a number, or the threshold.

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

/// A probability with a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Word {
    /// The threshold.
    Threshold,
}
