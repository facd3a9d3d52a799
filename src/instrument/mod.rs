//! Instruments: what is measured on a network while it trains.

pub mod observable;

pub use observable::{Axis, Observable, Wanted};

use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;

/// Why an instrument or a theory does not apply; a row in the league, never a failure.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Declined(pub String);

/// When a recorder wants to see the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cadence {
    /// At the recorded times.
    Recorded,
    /// After every step (threshold crossings).
    EveryStep,
}

/// Defines an observable by how it is read off a network.
pub trait Instrument: Send + Sync {
    fn about(&self) -> &'static About;
    fn observable(&self) -> &'static Observable;
    /// The instrument's own grid for this experiment.
    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined>;
    /// A fresh recorder for one draw.
    fn recorder(&self, experiment: &Experiment, dataset: &Dataset) -> Result<Box<dyn Recorder>>;
}

/// Collects the values of one draw.
pub trait Recorder: Send {
    fn cadence(&self) -> Cadence {
        Cadence::Recorded
    }
    /// Called with the parameters at `step` (gradient-flow time `time`).
    fn record(&mut self, step: usize, time: f64, parameters: &Parameters) -> Result<()>;
    /// All values on the instrument's grid, row-major; not-a-number where undefined for this draw.
    fn finish(self: Box<Self>) -> Vec<f64>;
}

/// All instruments that a spec can name in `measure.observables`.
pub const INSTRUMENTS: &[&dyn Instrument] = &[];
