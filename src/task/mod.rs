//! Tasks: what is learned (data model and target).

mod dataset;

pub use dataset::{Dataset, Modes, Moments};

use crate::error::Result;
use crate::kind::{About, Kind};
use crate::numerics::random::Stream;
use std::fmt::Debug;

/// Numbers of inputs, outputs and training samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    pub inputs: usize,
    pub outputs: usize,
    pub samples: usize,
}

/// A data model with a target.
pub trait Task: Debug + Send + Sync {
    fn about(&self) -> &'static About;
    /// The task's table with every default filled in; part of the record hash.
    fn resolved(&self) -> serde_json::Value;
    fn shape(&self) -> Shape;
    /// One quenched draw of the data. The same stream gives the same bits.
    fn draw(&self, rng: &mut Stream) -> Result<Dataset>;

    /// View: the population's input-output modes, where the task has them in closed form.
    fn modes(&self) -> Option<Modes> {
        None
    }
    /// True when two draws differ (else `measure.datasets > 1` would repeat one number).
    fn is_random(&self) -> bool {
        true
    }
}

/// All tasks that a spec can name.
pub const TASKS: &[Kind<dyn Task>] = &[];
