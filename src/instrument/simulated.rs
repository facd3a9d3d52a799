//! Instruments that read their numbers off a simulation instead of a network.

use super::observable::Axis;
use crate::error::Result;
use crate::percolation::{Need, Simulated};

/// An instrument of simulations without a learner.
pub trait ReadsSimulation {
    /// What sweeps must keep.
    fn need(&self) -> Need {
        Need::default()
    }
    /// Values on the instrument's grid, which it declines for any other simulation than those it can read.
    fn read(&self, simulated: Simulated<'_>, axes: &[Axis]) -> Result<Vec<f64>>;
}
