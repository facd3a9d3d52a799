//! What is solved, checked and in whitened coordinates.

use super::frame::Frame;
use crate::dmft::{Optimiser, Problem};
use crate::error::{Error, Result};
use crate::kernel::Activation;

/// What is solved, checked and in whitened coordinates.
#[derive(Debug, Clone)]
pub(super) struct Dynamics {
    pub(super) frame: Frame,
    /// `K^x` of all samples, column by column.
    pub(super) kernel: Vec<f64>,
    pub(super) activation: Activation,
    pub(super) targets: Vec<f64>,
    pub(super) richness: f64,
    pub(super) rate: f64,
    pub(super) steps: usize,
    /// Standard deviations of the entries of `W^0` and of `w` at the start.
    pub(super) deviations: [f64; 2],
    pub(super) optimiser: Optimiser,
}

impl Dynamics {
    /// Checks shapes and ranges.
    ///
    /// # Errors
    /// `Input` naming the field that is wrong.
    pub(super) fn of(problem: &Problem, activation: &Activation) -> Result<Dynamics> {
        let frame = |trained| Frame::of(problem.kernel, trained);
        let kernel = problem.kernel.as_slice().to_vec();
        Dynamics::checked(problem, activation, kernel, frame)
    }

    /// As [`Dynamics::of`], in a frame that is given: for estimates of cost.
    ///
    /// # Errors
    /// `Input` naming the field that is wrong.
    pub(super) fn within(
        problem: &Problem,
        activation: &Activation,
        frame: Frame,
    ) -> Result<Dynamics> {
        Dynamics::checked(problem, activation, Vec::new(), |_| Ok(frame))
    }

    fn checked(
        problem: &Problem,
        activation: &Activation,
        kernel: Vec<f64>,
        frame: impl FnOnce(usize) -> Result<Frame>,
    ) -> Result<Dynamics> {
        activation.check("activation")?;
        let wrong =
            |place: &str, cause: String, remedy: &str| Err(Error::input(place, cause, remedy));
        let trained = problem.targets.len();
        if trained == 0 || !problem.targets.iter().all(|y| y.is_finite()) {
            let cause = format!("{trained} targets, or one that is not finite");
            return wrong(
                "targets",
                cause,
                "give a finite target for every training sample",
            );
        }
        if !(problem.richness > 0.0 && problem.richness.is_finite()) {
            let cause = format!("a richness of {}", problem.richness);
            return wrong(
                "richness",
                cause,
                "choose a finite number above zero, as 1e-3 for the lazy limit",
            );
        }
        if !(problem.rate > 0.0 && problem.rate.is_finite()) {
            let cause = format!("a rate of {}", problem.rate);
            return wrong("rate", cause, "choose a finite learning rate above zero");
        }
        let &[inner, outer] = problem.weight_variances else {
            let cause = format!("{} weight variances", problem.weight_variances.len());
            return wrong(
                "weight_variances",
                cause,
                "give two of them: one hidden layer has two weight matrices",
            );
        };
        if ![inner, outer].iter().all(|v| *v >= 0.0 && v.is_finite()) {
            let cause = format!("variances {inner} and {outer}");
            return wrong(
                "weight_variances",
                cause,
                "choose finite numbers that are not negative",
            );
        }
        let optimiser = problem.optimiser;
        if !(0.0..1.0).contains(&optimiser.momentum) {
            let cause = format!("a momentum of {}", optimiser.momentum);
            return wrong(
                "optimiser.momentum",
                cause,
                "choose a number from 0 to below 1",
            );
        }
        if !(0.0..=1.0).contains(&optimiser.decay) {
            let cause = format!("a decay of {} in one step", optimiser.decay);
            return wrong("optimiser.decay", cause, "choose a number from 0 to 1");
        }
        if !(optimiser.noise >= 0.0 && optimiser.noise.is_finite()) {
            let cause = format!("a noise variance of {}", optimiser.noise);
            return wrong(
                "optimiser.noise",
                cause,
                "choose a finite variance that is not negative",
            );
        }
        if let Some(batches) = &optimiser.batches {
            let good = |batch: &Vec<usize>| {
                let mut sorted = batch.clone();
                sorted.sort_unstable();
                sorted.dedup();
                !batch.is_empty()
                    && sorted.len() == batch.len()
                    && batch.iter().all(|&a| a < trained)
            };
            if batches.len() != problem.steps || !batches.iter().all(good) {
                return wrong(
                    "optimiser.batches",
                    format!(
                        "{} batches for {} steps, or one that is empty, has a sample twice or one that is not trained",
                        batches.len(),
                        problem.steps
                    ),
                    "give one list of different training samples for every step",
                );
            }
        }
        Ok(Dynamics {
            frame: frame(trained)?,
            kernel,
            activation: activation.clone(),
            targets: problem.targets.to_vec(),
            richness: problem.richness,
            rate: problem.rate,
            steps: problem.steps,
            deviations: [inner.sqrt(), outer.sqrt()],
            optimiser: optimiser.clone(),
        })
    }

    /// Columns of the state of a neuron, r + 1.
    pub(super) fn axes(&self) -> usize {
        self.frame.rank + 1
    }

    /// `gamma_0 q (P/B) b_a Delta_a`: what the samples of a step's batch give to the weights.
    pub(super) fn drive(&self, step: usize, outputs: &[f64]) -> Vec<f64> {
        let gain = self.richness * self.rate;
        let mut drive: Vec<f64> = self
            .targets
            .iter()
            .zip(outputs)
            .map(|(target, output)| gain * (target - output))
            .collect();
        if let Some(batches) = &self.optimiser.batches {
            let batch = &batches[step];
            let share = drive.len() as f64 / batch.len() as f64;
            for (sample, drive) in drive.iter_mut().enumerate() {
                *drive *= if batch.contains(&sample) { share } else { 0.0 };
            }
        }
        drive
    }

    /// True for a state that is to be followed with velocities.
    pub(super) fn has_velocity(&self) -> bool {
        self.optimiser.momentum > 0.0
    }
}

/// True for `phi(-h) = -phi(h)`.
pub(super) fn is_odd(activation: &Activation) -> bool {
    match activation {
        Activation::Linear | Activation::Tanh | Activation::Erf | Activation::UnscaledErf => true,
        Activation::Hermite(c) => c.iter().step_by(2).all(|&c| c == 0.0),
        Activation::Relu | Activation::Gelu | Activation::Quadratic => false,
    }
}
