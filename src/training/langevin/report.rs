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

    /// Errors: every failed check of a chain of `steps` steps, `burn_in` of them before the measured part.
    pub fn judge(
        &self,
        chain: &Chain,
        controls: &Controls,
        [steps, burn_in]: [usize; 2],
    ) -> Result<()> {
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
        let remedy = format!(
            "set training.steps = {} (the measured part grows until it holds {} effective samples); training.certify = false takes the \
             samples as they are",
            enough(steps, burn_in, potential.effective / limits.effective),
            limits.effective
        );
        certificate.require().map_err(|e| match e {
            Error::Unconverged { solver, cause, .. } => Error::unconverged(solver, cause, remedy),
            other => other,
        })
    }
}

/// Steps after which the measured part holds the effective samples that are asked for, where it now holds a `share` of them; half as many
/// more where it is another check that failed. In two digits.
fn enough(steps: usize, burn_in: usize, share: f64) -> usize {
    let measured = (steps - burn_in.min(steps)) as f64;
    let factor = match share > 0.0 && share < 1.0 {
        true => 1.25 / share,
        false => 1.5,
    };
    let wanted = burn_in as f64 + measured * factor;
    let unit = 10f64.powi((wanted.log10().floor() as i32 - 1).max(0));
    ((wanted / unit).ceil() * unit) as usize
}

#[cfg(test)]
mod tests {
    use super::enough;

    #[test]
    fn the_remedy_names_steps_that_would_do() {
        assert_eq!(enough(4000, 1000, 0.96), 5000);
        assert_eq!(enough(4000, 1000, 0.1), 39000);
        assert_eq!(enough(4000, 1000, f64::NAN), 5500);
    }
}
