//! Simulations without a learner: what is simulated, and what one draw gave.

use super::trees::{Census, Growth};
use super::{Configurations, Leath, Need, Setting, Survival, Tally};
use crate::error::{Error, Result};

/// What a task simulates.
#[derive(Debug, Clone, Copy)]
pub enum Simulation<'a> {
    /// Sweeps of a lattice or graph.
    Sweeps(&'a Setting),
    /// Clusters of a tree or random graph at one occupation.
    Growth(&'a Growth),
    /// Single clusters on an infinite lattice.
    Leath {
        /// Name of the lattice.
        lattice: &'a str,
        /// What is grown.
        growth: &'a Leath,
    },
}

/// What was simulated in one draw.
#[derive(Debug, Clone, Copy)]
pub enum Simulated<'a> {
    /// Sweeps, and the sums over them.
    Sweeps(&'a Setting, &'a Tally),
    /// Clusters, counted by size.
    Census(&'a Census),
    /// Single clusters, by the sizes they reached.
    Survival(&'a Leath, &'a Survival),
}

impl<'a> Simulated<'a> {
    /// Sweeps of a lattice.
    ///
    /// # Errors
    /// `Bug` at `reader` for another simulation.
    pub fn sweeps(self, reader: &str) -> Result<(&'a Setting, &'a Tally)> {
        match self {
            Simulated::Sweeps(setting, tally) => Ok((setting, tally)),
            _ => Err(Error::bug(reader, "reads sweeps of lattices alone")),
        }
    }
}

impl Simulation<'_> {
    /// Peak memory of one draw, and its seconds on one core; nothing where the setting is wrong.
    pub fn cost(&self, need: &Need) -> Option<(u64, f64)> {
        match self {
            Simulation::Sweeps(setting) => {
                let [_, elements] = setting.counts().ok()?;
                let (_, probed) = Configurations::cost(setting, &need.probes).ok()?;
                let times = u32::from(need.sweeps()) + u32::from(need.by_size);
                let swept = elements as f64 * setting.sweeps as f64 * f64::from(times);
                let bytes = setting.bytes(need).ok()?;
                Some((bytes, swept / SWEEP_RATE + probed))
            }
            Simulation::Growth(growth) => Some((growth.bytes(), growth.seconds())),
            Simulation::Leath { growth, .. } => Some((growth.bytes(), growth.seconds())),
        }
    }
}

/// Elements occupied per second, for estimates.
const SWEEP_RATE: f64 = 1e7;
