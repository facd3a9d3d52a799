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

impl Element {
    /// `<sum_i s_i>`: sites that belong to clusters, of `sites` at occupation `p`; all of them in bond percolation.
    pub fn members(self, sites: usize, p: f64) -> f64 {
        match self {
            Element::Site => sites as f64 * p,
            Element::Bond => sites as f64,
        }
    }
}
