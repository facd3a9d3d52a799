//! What the chain of a sampler tells about itself: convergence, equilibrium, agreement with its controls.

use super::subject::{Subject, refused};
use super::{Axis, Cadence, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;
use crate::training::ChainReport;

/// One number of a [`ChainReport`].
pub struct ChainDiagnostic {
    about: &'static About,
    observable: &'static Observable,
    read: fn(&ChainReport) -> Option<f64>,
}

macro_rules! diagnostic {
    (
        $name:literal, $label:literal, $unit:literal, $convention:literal, $text:literal, $undefined:expr, $vanishing:expr,
        $read:expr
    ) => {
        ChainDiagnostic {
            about: &About {
                kind: $name,
                summary: $convention,
                text: concat!(
                    $text,
                    "\nOne number per chain, over its measured part (after the burn-in); V = U/T as in langevin. Needs a sampler."
                ),
                revision: 1,
            },
            observable: &Observable {
                name: $name,
                label: $label,
                unit: $unit,
                convention: $convention,
                undefined: $undefined,
                vanishing: $vanishing,
                ..Observable::PLAIN
            },
            read: $read,
        }
    };
}

pub(super) static RHAT: ChainDiagnostic = diagnostic!(
    "r-hat",
    "split R-hat",
    "1",
    "split R-hat of the potential V: the first and the second half of one chain as two chains",
    "sqrt(((n-1)/n W + B/n)/W) with the mean variance W within the halves of length n and the variance B/n of their means; 1 at
convergence.
source: Gelman et al., Bayesian Data Analysis (2013), section 11.4",
    None,
    None,
    |report| Some(report.rhat)
);

pub(super) static AUTOCORRELATION_TIME: ChainDiagnostic = diagnostic!(
    "autocorrelation-time",
    "autocorrelation time of V",
    "time",
    "integrated autocorrelation time of the potential V, in units of time (training.step times steps)",
    "step * (1 + 2 sum_t rho(t)), cut off at Sokal's window of 5 autocorrelation times; not-a-number where that is beyond half of the chain.
source: Sokal, Monte Carlo Methods in Statistical Mechanics (1997), section 3",
    Some("the chain is too short for its autocorrelation time"),
    None,
    |report| Some(report.autocorrelation_time)
);

pub(super) static EFFECTIVE: ChainDiagnostic = diagnostic!(
    "effective-sample-size",
    "effective samples",
    "1",
    "effective sample size of the potential V: number of steps divided by the autocorrelation time in steps",
    "Number of independent samples that would know the mean of V as well as this chain does; not-a-number where the chain is too short for
its autocorrelation time.",
    Some("the chain is too short for its autocorrelation time"),
    None,
    |report| Some(report.effective)
);

pub(super) static VIRIAL: ChainDiagnostic = diagnostic!(
    "virial-ratio",
    "virial ratio",
    "1",
    "mean over the chain of (1/(n T)) sum_j theta_j dU/dtheta_j with n parameters; 1 in equilibrium",
    "Equipartition: partial integration of exp(-U/T) gives E[theta_j dU/dtheta_j] = T for every parameter, whatever the network. The theory
virial-identity predicts the 1; a step that is too large, or a chain that is not in equilibrium, misses it.",
    None,
    None,
    |report| Some(report.virial)
);

pub(super) static ACCEPTANCE: ChainDiagnostic = diagnostic!(
    "acceptance-rate",
    "acceptance rate",
    "1",
    "accepted fraction of the Metropolis proposals; not-a-number for schemes without them",
    "Of scheme = \"mala\" and \"hmc\".",
    Some("the scheme has no proposals"),
    None,
    |report| report.acceptance
);

pub(super) static STEP: ChainDiagnostic = diagnostic!(
    "langevin-step",
    "step in use",
    "1",
    "step in use at the end of the chain: training.step after the halvings of the stiffness guard",
    "training.step / 2^k after k halvings.",
    None,
    None,
    |report| Some(report.step)
);

pub(super) static START: ChainDiagnostic = diagnostic!(
    "start-difference",
    "difference between starts",
    "standard errors",
    "mean of V minus that of a chain from zero weights, in standard errors, of which one is as good as none; not-a-number without training.controls",
    "Standard normal where both chains have forgotten their starts; the mean of V cannot tell wells of equal depth apart, for which replicas
from different starts are compared.",
    Some("training.controls is not set"),
    Some(1.0),
    |report| report.from_zero
);

pub(super) static HALF_STEP: ChainDiagnostic = diagnostic!(
    "half-step-difference",
    "difference at half the step",
    "standard errors",
    "mean of V minus that of a chain with half the step in use, in standard errors, of which one is as good as none; not-a-number without training.controls",
    "Standard normal where the error of the step is far below the statistical one.",
    Some("training.controls is not set"),
    Some(1.0),
    |report| report.at_half_step
);

impl Instrument for ChainDiagnostic {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        match Subject::of(experiment)?.training.sampling() {
            Some(_) => Ok(Vec::new()),
            None => Err(Declined(
                "needs a sampler (training.kind = \"langevin\")".into(),
            )),
        }
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        _: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        self.axes(experiment)
            .map_err(|declined| refused(self.about.kind, declined))?;
        Ok(Box::new(ChainRecorder {
            read: self.read,
            value: Vec::new(),
        }))
    }
}

struct ChainRecorder {
    read: fn(&ChainReport) -> Option<f64>,
    /// None before the end of the chain.
    value: Vec<f64>,
}

impl Recorder for ChainRecorder {
    fn cadence(&self) -> Cadence {
        Cadence::Chain
    }

    fn record(&mut self, _step: usize, _time: f64, _parameters: &Parameters) -> Result<()> {
        Ok(())
    }

    fn chain(&mut self, report: &ChainReport) {
        self.value = vec![(self.read)(report).unwrap_or(f64::NAN)];
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.value
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Progress, measure};
    use super::*;
    use crate::experiment::{DrawIndex, Draws, Spacing};
    use crate::learner::{Activation, Mlp, Prior};
    use crate::task::LinearTeacher;
    use crate::training::langevin::Langevin;
    use std::sync::Arc;

    const ALL: [&dyn Instrument; 8] = [
        &RHAT,
        &AUTOCORRELATION_TIME,
        &EFFECTIVE,
        &VIRIAL,
        &ACCEPTANCE,
        &STEP,
        &START,
        &HALF_STEP,
    ];

    fn experiment(training: &str, samples: usize) -> Experiment {
        let langevin = Langevin::parse("training", training.parse().unwrap()).unwrap();
        Experiment {
            seed: 3,
            task: Arc::new(LinearTeacher {
                samples,
                noise: 0.3,
                whitened: false,
                ..LinearTeacher::new(vec![1.0], 3, 1)
            }),
            learner: Some(Arc::new(Mlp {
                widths: vec![4],
                activation: Activation::Tanh,
                prior: Some(Prior::default()),
                ..Mlp::default()
            })),
            training: Some(Arc::new(langevin)),
            draws: Draws {
                datasets: 1,
                replicas: 4,
                points: 2,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        }
    }

    fn read(e: &Experiment, replica: usize) -> Vec<f64> {
        let data = e.dataset(0).unwrap();
        let draw = DrawIndex {
            dataset: 0,
            replica,
        };
        let start = e.initial(&data, draw).unwrap().unwrap().into();
        let mut noise = e.training_stream(draw);
        let mut go = |_: Progress| Ok(());
        let found = measure(
            e,
            &Context::default(),
            &ALL,
            &data,
            start,
            &mut noise,
            Some(&mut go),
        )
        .unwrap();
        let asked = e.training.as_ref().unwrap().learning_rate();
        let halved = found.values[5][0] < asked;
        assert_eq!(found.warnings.len(), usize::from(halved));
        found.values.concat()
    }

    /// A chain in equilibrium: R-hat and virial ratio near 1, controls that agree, and `steps = effective * tau`.
    #[test]
    fn a_chain_in_equilibrium_says_so() {
        let text = "step = 0.02\ntemperature = 5.0\nsteps = 24000\nburn_in = 4000\ncontrols = true";
        let e = experiment(text, 8);
        for replica in 0..2 {
            let [rhat, tau, effective, virial, acceptance, step, start, half] =
                read(&e, replica)[..].try_into().unwrap();
            assert!((rhat - 1.0).abs() < 0.02, "{rhat}");
            assert!((effective * tau / 0.02 - 20000.0).abs() < 1e-6);
            // For n = 16 harmonic modes the ratio has the standard deviation sqrt(2/16).
            let error = (2.0f64 / 16.0).sqrt() / effective.sqrt();
            assert!((virial - 1.0).abs() < 4.5 * error, "{virial} {error}");
            assert!(acceptance.is_nan() && step == 0.02);
            assert!(start.abs() < 4.0 && half.abs() < 4.0, "{start} {half}");
            assert!(start != 0.0 && half != 0.0 && start != half);
        }
    }

    /// The guard halves a step that is too large for stiff data, and the instrument shows it.
    #[test]
    fn the_step_in_use_is_the_halved_one() {
        let text =
            "step = 0.2\ntemperature = 0.1\nsteps = 1500\ncertify = false\nscheme = \"mala\"";
        let values = read(&experiment(text, 20), 0);
        let halvings = (0.2 / values[5]).log2();
        assert!(halvings >= 1.0 && halvings.fract() == 0.0, "{halvings}");
        assert!(values[4] > 0.2 && values[4] < 1.0);
        assert!(values[6].is_nan() && values[7].is_nan());
    }

    #[test]
    fn descent_has_no_chain() {
        let mut e = experiment("step = 0.1\ntemperature = 1.0\nsteps = 10", 8);
        e.training = Some(Arc::new(crate::training::GradientDescent::new(0.1, 10)));
        assert!(ALL.iter().all(|i| i.axes(&e).is_err()));
    }
}
