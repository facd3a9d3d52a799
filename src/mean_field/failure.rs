//! How a saddle-point solver fails: never with a number that is not the solution.

use crate::error::Error;

/// Why a solver of this module has no solution to give.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The partition function of one neuron is infinite: the data pull harder than the prior confines.
    TiltDiverges {
        /// Norm of the discrepancies `t` at which it happened.
        norm: f64,
    },
    /// The iterations ended above the tolerance.
    NotConverged {
        /// Residual that was reached, in the norm of the solver.
        residual: f64,
        /// Iterations done.
        iterations: usize,
    },
    /// A covariance or kernel that must be positive definite is not.
    NotPositiveDefinite {
        /// Its least eigenvalue.
        least: f64,
    },
    /// A weighted sample of neurons that stands on few of them.
    ThinSample {
        /// Effective number of neurons, `1/sum_i w_i^2`.
        effective: f64,
    },
}

impl Failure {
    /// The error of the solver of this name.
    pub fn of(self, solver: &str) -> Error {
        let (cause, remedy) = match self {
            Failure::TiltDiverges { norm } => (
                format!("the law of one neuron cannot be normalised (tilt of norm {norm:.3e})"),
                "raise training.temperature, lower learner.prior.readout, or take an activation that grows more slowly",
            ),
            Failure::NotConverged {
                residual,
                iterations,
            } => (
                format!("residual {residual:.3e} after {iterations} iterations"),
                "take method = \"newton\" (a fixed point needs a smaller share of the new value), or raise training.temperature",
            ),
            Failure::NotPositiveDefinite { least } => (
                format!("the least eigenvalue of a covariance is {least:.3e}, not positive"),
                "raise training.temperature, or lower learner.prior.chi",
            ),
            Failure::ThinSample { effective } => (
                format!(
                    "the weighted sample of neurons has only {effective:.0} effective members, 1000 are needed"
                ),
                "raise `sample` of the entry in proportion, or evaluator = \"quadrature\" for inputs that span at most 3 dimensions",
            ),
        };
        Error::unconverged(solver, cause, remedy)
    }
}
