//! What gets occupied: sites or bonds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The elements of a lattice or graph that are occupied with probability `p`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Element {
    /// Sites; clusters are sets of occupied sites joined by bonds between them.
    Site,
    /// Bonds; clusters are sets of all sites joined by occupied bonds.
    Bond,
}
