//! What one chain tells about itself: the series of its measured part, the diagnostics formed of them, and the verdict.

use super::chain::Chain;
use crate::error::{Error, Result};
use crate::training::diagnostics::{Certificate, Estimate, Thresholds, estimate, split_rhat};
use serde::{Deserialize, Serialize};

/// Limits for a single chain: many chains are judged one by one, so that rare fluctuations must pass.
const SINGLE_CHAIN: Thresholds = Thresholds {
    rhat: 1.1,
    effective: 100.0,
    virial: 4.5,
    starts: 4.5,
    halving: 4.5,
    scatter: 1e-3,
    acceptance: 0.2,
    rise: 0.02,
};

/// Diagnostics of one chain over its measured part; `V` is the potential.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChainReport {
    /// Split R-hat of `V` (the two halves of the chain).
    pub rhat: f64,
    /// Integrated autocorrelation time of `V`, in units of time (`step` times number of steps); not-a-number where the chain is too short.
    pub autocorrelation_time: f64,
    /// Effective sample size of `V`.
    pub effective: f64,
    /// Virial ratio: mean of `(1/n) sum_j phi_j dV/dphi_j = (1/(n T)) sum_j theta_j dU/dtheta_j`, 1 in equilibrium.
    pub virial: f64,
    /// Step in use at the end, after the halvings of the stiffness guard.
    pub step: f64,
    /// Accepted fraction, of schemes with a Metropolis decision.
    pub acceptance: Option<f64>,
    /// Difference of the mean `V` from a chain that starts at zero weights, in standard errors; with controls.
    pub from_zero: Option<f64>,
    /// Difference of the mean `V` from a chain with half the step in use, in standard errors; with controls.
    pub at_half_step: Option<f64>,
}

/// What is kept of the measured part of one chain: a sample of every step.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    /// `V`
    pub potential: Vec<f64>,
    /// `sum_j phi_j dV/dphi_j`
    pub virial: Vec<f64>,
    /// Relative rise of the temperature by mini-batches.
    pub rise: Vec<f64>,
}

/// Mean `V` of the control chains.
#[derive(Debug, Default)]
pub(super) struct Controls {
    /// From zero weights.
    pub zero: Option<Estimate>,
    /// With half the step.
    pub half: Option<Estimate>,
}

impl Watch {
    /// Mean of `V` with its error.
    pub fn mean_potential(&self) -> Result<Estimate> {
        estimate(&[&self.potential])
    }

    /// What needs an autocorrelation time is not-a-number where the chain is too short for one.
    ///
    /// Errors: a chain of fewer than 4 samples, or with one that is not finite.
    pub fn report(&self, chain: &Chain, nominal: f64, controls: &Controls) -> Result<ChainReport> {
        let potential = self.mean_potential().ok();
        let known = |value: fn(&Estimate) -> f64| potential.as_ref().map_or(f64::NAN, value);
        let parameters = chain.state().position.len() as f64;
        let virial = self.virial.iter().sum::<f64>() / self.virial.len() as f64;
        let z = |other: &Option<Estimate>| Some(potential.as_ref()?.z_between(other.as_ref()?));
        Ok(ChainReport {
            rhat: split_rhat(&[&self.potential])?,
            autocorrelation_time: nominal * known(|p| p.tau),
            effective: known(|p| p.effective),
            virial: virial / parameters,
            step: chain.eta(),
            acceptance: chain.acceptance(),
            from_zero: z(&controls.zero),
            at_half_step: z(&controls.half),
        })
    }

    /// Errors: a temperature that mini-batches raise by more than 2 %.
    pub fn judge_temperature(&self) -> Result<()> {
        let rise = match self.rise.len() {
            0 => return Ok(()),
            n => self.rise.iter().sum::<f64>() / n as f64,
        };
        let limit = SINGLE_CHAIN.rise;
        if rise <= limit {
            return Ok(());
        }
        Err(Error::unconverged(
            "Langevin sampling (sgld)",
            format!(
                "mini-batches raise the temperature by {:.1} % in the noisiest direction (limit {:.0} %)",
                100.0 * rise,
                100.0 * limit
            ),
            format!(
                "lower training.step by the factor {:.0}, or raise training.batch",
                (rise / limit).ceil()
            ),
        ))
    }

    /// Errors: every failed check.
    pub fn judge(&self, chain: &Chain, controls: &Controls) -> Result<()> {
        let limits = SINGLE_CHAIN;
        let mut certificate = Certificate::default();
        let potential = self.mean_potential()?;
        certificate.mixing("the potential", &potential, &limits);
        certificate.identity(
            "the virial identity",
            &estimate(&[&self.virial])?,
            chain.state().position.len() as f64,
            limits.virial,
        );
        if let Some(rate) = chain.acceptance() {
            certificate.at_least("acceptance rate", rate, limits.acceptance);
        }
        for (what, control, limit) in [
            ("a chain from zero weights", &controls.zero, limits.starts),
            ("a chain with half the step", &controls.half, limits.halving),
        ] {
            if let Some(control) = control {
                let name = format!("between the mean potential and that of {what}");
                certificate.agreement(&name, &potential, control, limit);
            }
        }
        certificate.require()
    }
}
