//! Instruments: what is measured on a network while it trains.

mod angles;
mod averaged;
mod basis;
mod blocks;
pub mod chain;
mod chain_loss;
mod chosen;
mod cluster_sizes;
mod clusters;
mod conserved;
mod direction;
mod end_to_end;
pub mod features;
mod fisher;
mod foreground;
mod given;
mod half_rise;
mod hidden_weights;
mod kernel_modes;
pub mod layout;
mod loss;
pub mod map;
mod mean_error;
mod mean_outputs;
mod measure;
pub(crate) mod modes;
#[cfg(test)]
mod neuron_tests;
mod neurons;
mod ntk;
pub mod observable;
mod outputs;
mod per_token;
mod population;
mod preactivations;
mod predictor;
mod probe;
mod projections;
mod radii;
mod reading;
mod shapes;
mod sharpness;
mod simulated;
mod size_distribution;
mod spectra;
mod subject;
mod survival;
mod susceptibility_peak;
mod sweeps;
mod tangent;
#[cfg(test)]
mod testing;
mod threshold;
mod unseen;

pub use angles::{ANGLE_CONTRAST, NEURON_ANGLE};
pub use chain_loss::{CHAIN_LOSS, CHAIN_TEST_LOSS, TARGET_OVERLAP};
pub use chosen::Chosen;
pub use cluster_sizes::{CLUSTER_RANK_SIZE, CLUSTER_SIZES};
pub use clusters::{ClusterWeight, InfiniteShare};
pub use conserved::{CONSERVED_DRIFT, CONSERVED_QUANTITY, ConservedDrift, ConservedQuantity};
pub use end_to_end::{INPUT_OUTPUT_MAP, InputOutputMap};
pub use features::{
    CKA, FEATURE_CORRELATION, FEATURE_KERNEL, FEATURE_KERNEL_CHANGE, GRADIENT_KERNEL,
    KERNEL_TARGET_ALIGNMENT, PARTICIPATION_RATIO,
};
pub use fisher::FisherExponent;
pub use foreground::FOREGROUND_NEURONS;
pub use given::Given;
pub use half_rise::{HALF_RISE_TIME, HalfRiseTime};
pub use hidden_weights::{HIDDEN_WEIGHT_COVARIANCE, WEIGHT_NORM_RATIO};
pub use kernel_modes::{KERNEL_MODE_ERROR, KERNEL_MODE_LEARNABILITY, KernelModes};
pub use loss::{TEST_LOSS, TRAIN_LOSS, TestLoss, TrainLoss};
pub use mean_error::{CHAIN_MEAN_LOSS, MEAN_TEST_ERROR};
pub use mean_outputs::OUTPUTS;
pub use measure::{Measured, OnProgress, Progress, measure};
pub use modes::{MODE_STRENGTH, ModeStrength, SINGULAR_ALIGNMENT, SingularAlignment};
pub use neurons::{NEURON_OVERLAP, NEURON_OVERLAP_DENSITY, NEURON_OVERLAP_TAIL};
pub use ntk::{NTK, NTK_CHANGE, Ntk, NtkChange};
pub use observable::{Axis, Observable, Wanted};
pub use outputs::{BIAS, TEST_ERROR, TEST_ERROR_SAMPLING, VARIANCE};
pub use per_token::{PER_TOKEN_LOSS, PerTokenLoss};
pub use population::{
    POPULATION_ERROR, POPULATION_MODE_ERROR, POPULATION_MODE_LEARNABILITY, Population,
};
pub use preactivations::PREACTIVATION_DENSITY;
pub use predictor::{PREDICTOR_MEAN, PREDICTOR_SECOND_MOMENT};
pub use probe::{LATENT_PROBE, LATENT_PROBE_INPUTS};
pub use projections::PROJECTIONS;
pub use radii::Radii;
pub use reading::{Read, Reading, When};
pub use shapes::ShapeMean;
pub use sharpness::{SHARPNESS, Sharpness};
pub use simulated::ReadsSimulation;
pub use size_distribution::{SizeDistribution, SizeScaling};
pub use spectra::{ORDER_PARAMETER, WEIGHT_COVARIANCE, WEIGHT_HISTOGRAM, WEIGHT_SPECTRUM};
pub use subject::Subject;
pub use survival::Grown;
pub use sweeps::Percolation;
pub use threshold::ThresholdEstimate;
pub use unseen::{PartialLoss, TEST_LOSS_SEEN, TEST_LOSS_UNSEEN, UNSEEN_MASS};

use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::{About, unknown};
use crate::learner::Parameters;
use crate::numerics::memo::Kept;
use crate::task::Dataset;
use crate::training::ChainReport;
use std::sync::Arc;

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
    /// After the last step of a sampler: [`Recorder::chain`] instead of [`Recorder::record`].
    Chain,
}

/// Defines an observable by how it is read off a network.
pub trait Instrument: Send + Sync {
    /// Name, sources and revision for lists and records.
    fn about(&self) -> &'static About;
    /// The quantity it measures.
    fn observable(&self) -> &'static Observable;
    /// The instrument's own grid for this experiment.
    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined>;
    /// A fresh recorder for one draw.
    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>>;
    /// The instrument as the keys of its table in `measure.observables` set it; most have no keys.
    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        Err(chosen::no_keys(place, self.about().kind, &keys))
    }
    /// All keys with their values; null without keys.
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    /// Blocks of the held-out samples that all data sets share ([`crate::task::HeldOut`]) whose shares in the values
    /// the recorder gives too; 0: none. The shares stand after the values on the grid, block by block: by how much each
    /// value is above what it would be if the block were like all others, `e_b = sum_(j in b) (v_j - mean v)/n` for a
    /// mean over `n` test samples.
    fn held_out_blocks(&self, _experiment: &Experiment) -> usize {
        0
    }
    /// Numbers that one network gives: those on the grid with the shares of held-out blocks, unless
    /// [`Instrument::combine`] makes them of others.
    fn primitives(&self, experiment: &Experiment, axes: &[Axis]) -> usize {
        observable::size(axes) * (1 + self.held_out_blocks(experiment))
    }
    /// The instrument as one that reads simulations without a learner.
    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        None
    }
    /// The instrument as a file that holds what was measured.
    fn given(&self) -> Option<&Given> {
        None
    }
    /// Peak memory of a recorder, beside the numbers on its grid.
    fn bytes(&self, _experiment: &Experiment) -> u64 {
        0
    }
    /// What a recorder leaves in the memo for others, beside data sets.
    fn keeps(&self, _experiment: &Experiment) -> Vec<Kept> {
        Vec::new()
    }
    /// Whether [`Instrument::combine`] needs all networks of a data set at one time.
    fn combines(&self) -> bool {
        false
    }
    /// Forms what the networks of one data set gave (outer index: replica) into an ensemble quantity on the grid of `size` values: one set per
    /// replica, whose mean is the bias-corrected estimate and whose scatter is its error (jackknife pseudo-values). By default the numbers
    /// themselves.
    fn combine(&self, replicas: Vec<Vec<f64>>, _size: usize) -> Vec<Vec<f64>> {
        replicas
    }
}

/// Collects the values of one draw.
pub trait Recorder: Send {
    /// Steps at which [`Recorder::record`] wants to be called; the recorded steps by default.
    fn cadence(&self) -> Cadence {
        Cadence::Recorded
    }
    /// Called with the parameters at `step` (gradient-flow time `time`).
    fn record(&mut self, step: usize, time: f64, parameters: &Parameters) -> Result<()>;
    /// Called after the last step of a sampler with what its chain tells.
    fn chain(&mut self, _report: &ChainReport) {}
    /// The numbers collected so far: with them, and a look at the start, a fresh recorder goes on where this one stands.
    fn collected(&mut self) -> &mut Vec<f64>;
    /// All values on the instrument's grid, row-major; not-a-number where undefined for this draw. Then the shares of
    /// the held-out blocks in them, see [`Instrument::held_out_blocks`].
    fn finish(self: Box<Self>) -> Vec<f64>;
}

/// All instruments that a spec can name in `measure.observables`.
pub const INSTRUMENTS: &[&dyn Instrument] = &[
    &TrainLoss,
    &TestLoss,
    &ModeStrength,
    &SingularAlignment,
    &HalfRiseTime,
    &ConservedQuantity,
    &ConservedDrift,
    &NtkChange::EXACT,
    &Ntk::EXACT,
    &InputOutputMap,
    &features::FEATURE_KERNELS,
    &features::GRADIENT_KERNELS,
    &features::CORRELATION,
    &features::FEATURE_CHANGE,
    &features::TARGET_ALIGNMENT,
    &features::SIMILARITY,
    &features::PARTICIPATION,
    &spectra::SPECTRUM,
    &spectra::COVARIANCE,
    &spectra::HISTOGRAM,
    &spectra::ORDER,
    &outputs::VARIANCES,
    &outputs::BIASES,
    &outputs::ERRORS,
    &outputs::SAMPLING,
    &predictor::MEAN,
    &predictor::SECOND_MOMENT,
    &mean_outputs::MEANS,
    &chain_loss::LOSS,
    &chain_loss::TEST_LOSS,
    &chain_loss::OVERLAP,
    &mean_error::MEAN_LOSS,
    &mean_error::MEAN_ERROR,
    &projections::COEFFICIENTS,
    &neurons::MOMENTS,
    &neurons::DENSITY,
    &neurons::TAIL,
    &angles::DENSITY,
    &angles::CONTRAST,
    &foreground::FOREGROUND,
    &preactivations::DENSITY,
    &hidden_weights::COVARIANCE,
    &hidden_weights::NORM_RATIO,
    &Sharpness,
    &PerTokenLoss,
    &chain::RHAT,
    &chain::AUTOCORRELATION_TIME,
    &chain::EFFECTIVE,
    &chain::VIRIAL,
    &chain::ACCEPTANCE,
    &chain::STEP,
    &chain::START,
    &chain::HALF_STEP,
    &KernelModes::LEARNABILITY,
    &KernelModes::ERROR,
    &Population::ERROR,
    &Population::MODE_ERROR,
    &Population::MODE_LEARNABILITY,
    &unseen::UNSEEN,
    &PartialLoss::SEEN,
    &PartialLoss::UNSEEN,
    &cluster_sizes::SIZES,
    &cluster_sizes::RANKS,
    &probe::PROBE,
    &probe::INPUTS,
    &sweeps::WRAPPING_X,
    &sweeps::WRAPPING_ANY,
    &sweeps::WRAPPING_ALL,
    &sweeps::WRAPPING_ONLY,
    &sweeps::WRAPPING_CROSS,
    &sweeps::WRAPPING_SLOPE,
    &sweeps::SPANNING_X,
    &sweeps::LARGEST,
    &sweeps::MEAN_SIZE,
    &sweeps::SUSCEPTIBILITY,
    &sweeps::CLUSTER_NUMBER,
    &susceptibility_peak::PEAK,
    &threshold::THRESHOLD,
    &survival::SURVIVAL,
    &survival::EXPONENT,
    &survival::THRESHOLD,
    &shapes::HULL,
    &shapes::ACCESSIBLE,
    &shapes::BACKBONE,
    &shapes::BRIDGES,
    &shapes::RED,
    &shapes::CHEMICAL,
    &size_distribution::DISTRIBUTION,
    &size_distribution::SCALING,
    &fisher::FISHER,
    &radii::RADIUS,
    &radii::EXPONENT,
    &clusters::WEIGHTS,
    &InfiniteShare,
];

/// The instrument called `name`, or an input error at `place` that suggests the nearest one.
///
/// ```
/// use saddlepoint::instrument::find;
/// assert_eq!(find("measure.observables[0]", "train-loss").unwrap().observable().unit, "1");
/// assert!(find("measure.observables[0]", "train-los").is_err());
/// ```
pub fn find(place: &str, name: &str) -> Result<&'static dyn Instrument> {
    let kind = |i: &&dyn Instrument| i.about().kind;
    INSTRUMENTS
        .iter()
        .find(|i| kind(i) == name)
        .copied()
        .ok_or_else(|| {
            let names: Vec<&str> = INSTRUMENTS.iter().map(kind).collect();
            unknown(place, name, &names)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_shared_with_the_observable() {
        for (i, a) in INSTRUMENTS.iter().enumerate() {
            assert_eq!(a.about().kind, a.observable().name);
            for b in &INSTRUMENTS[..i] {
                assert_ne!(a.about().kind, b.about().kind);
            }
        }
    }
}
