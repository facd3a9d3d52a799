//! Theories of the Bayesian posterior of networks with a Gaussian prior: what they read of an experiment, and what they answer.

mod answers;
mod gate;
pub mod kernel_adaptation;
pub mod kernel_scaling;
pub mod mean_field;
pub mod nngp;

pub use answers::Findings;
pub(super) use answers::{KERNEL_SCALE_MEAN, LOG_EVIDENCE, LOG_PARTITION, places};
pub use gate::Bayesian;
