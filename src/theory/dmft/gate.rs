//! What the dynamical mean-field theory asks of an experiment before it applies.

use crate::dmft::{Decay, Noise, Optimiser};
use crate::experiment::Experiment;
use crate::instrument::Declined;
use crate::kernel::Activation;
use crate::learner::Parametrization;
use crate::theory::Asked;
use crate::training::DescentView;
use serde::Serialize;

/// A perceptron in mean-field parametrisation under descent, in the conventions of [`crate::dmft::Problem`].
#[derive(Debug, Clone, Serialize)]
pub struct Dynamics {
    /// Activation of the hidden layers.
    pub phi: Activation,
    /// `gamma_0`
    pub richness: f64,
    /// `s2_0 .. s2_L` of the raw weights.
    pub weight_variances: Vec<f64>,
    /// `eta`
    pub learning_rate: f64,
    /// Number of steps.
    pub steps: usize,
    /// Whether the loss is a mean over samples; else a sum.
    pub mean_loss: bool,
    /// Share of the velocity that is kept.
    pub momentum: f64,
    /// Decay of the weights in one step.
    pub decay: f64,
    /// Whether it shrinks the weights, and does not enter the velocity.
    pub decoupled: bool,
    /// Variance of the noise in the update of a weight.
    pub noise: f64,
    /// Units of a hidden layer; the theory is their limit.
    #[serde(skip)]
    pub width: usize,
    /// `gamma_0^2 N`, of which the tangent kernel over raw parameters alone depends.
    #[serde(skip)]
    pub rate_scale: f64,
}

fn decline<T>(reason: impl Into<String>) -> Result<T, Declined> {
    Err(Declined(reason.into()))
}

impl Dynamics {
    /// # Errors
    /// `Declined` with the key that would make it apply.
    pub fn of(experiment: &Experiment) -> Result<Self, Declined> {
        let Some(learner) = experiment.learner.as_deref() else {
            return decline("needs a learner; the experiment has none");
        };
        let shape = experiment.task.shape();
        let Some(view) = learner.plain_mlp(shape) else {
            return decline(
                "needs a multilayer perceptron without biases and with a trained read-out (learner.kind = \"mlp\")",
            );
        };
        let richness = match (view.parametrization, view.richness) {
            (Parametrization::MeanField, Some(richness)) => richness,
            _ => return decline("needs learner.parametrization = \"mean-field\""),
        };
        if shape.outputs != 1 {
            return decline(format!("needs one output; there are {}", shape.outputs));
        }
        let hidden = &view.widths[1..view.widths.len() - 1];
        let Some(&width) = hidden.first() else {
            return decline("needs a hidden layer (learner.widths)");
        };
        if hidden.iter().any(|n| *n != width) {
            return decline(format!(
                "needs hidden layers of one width; they are {hidden:?}"
            ));
        }
        let own = Parametrization::MeanField.multipliers(&view.widths, richness);
        let unit = own
            .iter()
            .zip(&view.multipliers)
            .all(|(a, b)| (a - b).abs() <= 1e-12 * a);
        let Some(deviations) = view.deviations.as_ref().filter(|_| unit) else {
            return decline(
                "needs independent Gaussian weights at the start (learner.init.kind = \"gaussian\"; of a prior weight = 1 and readout = 1)",
            );
        };
        if deviations.contains(&0.0) {
            return decline(
                "needs weights of positive variance in every layer (learner.init.scale)",
            );
        }
        let descent = experiment.training.as_ref().and_then(|t| t.descent());
        let Some(descent) = descent else {
            return decline(
                "needs training by gradient descent (training.kind = \"gradient-descent\" or \"sgd\")",
            );
        };
        let decay = steps(&descent)? * descent.learning_rate * view.rate_scale;
        if decay >= 1.0 {
            return decline(format!(
                "the decay of a step, learning_rate gamma_0^2 N weight_decay = {decay:.4}, is not below 1 (lower training.weight_decay)"
            ));
        }
        Ok(Dynamics {
            phi: match view.linear {
                true => Activation::Linear,
                false => view.activation.clone(),
            },
            richness,
            weight_variances: deviations.iter().map(|d| d * d).collect(),
            learning_rate: descent.learning_rate,
            steps: descent.steps,
            mean_loss: descent.loss.weight(2) == 0.5,
            momentum: descent.momentum,
            decay,
            decoupled: descent.decoupled,
            noise: descent.noise,
            width,
            rate_scale: view.rate_scale,
        })
    }

    /// Number of hidden layers.
    pub fn depth(&self) -> usize {
        self.weight_variances.len() - 1
    }

    /// `q`, the rate of a step per sample, for `P` samples.
    pub fn rate(&self, samples: usize) -> f64 {
        match self.mean_loss {
            true => self.learning_rate / samples as f64,
            false => self.learning_rate,
        }
    }

    /// What a step does with the gradient of these batches.
    pub fn optimiser(&self, batches: Option<Vec<Vec<usize>>>) -> Optimiser {
        Optimiser {
            momentum: self.momentum,
            decay: self.decay,
            decay_enters: match self.decoupled {
                true => Decay::Weights,
                false => Decay::Velocity,
            },
            noise: self.noise,
            noise_enters: Noise::Velocity,
            batches,
        }
    }

    /// Full-batch gradient descent and nothing else.
    pub fn is_plain(&self) -> bool {
        self.momentum == 0.0 && self.decay == 0.0 && self.noise == 0.0
    }

    /// Declines a grid of times that are no steps of the training, as this theory assumes it.
    pub fn has_times(&self, asked: &Asked) -> Result<(), Declined> {
        let times = asked.axes().iter().filter(|a| a.name.ends_with("time"));
        let off = times.flat_map(|a| &a.values).find(|&&t| {
            let step = t / self.learning_rate;
            (step - step.round()).abs() > 1e-6 * step.max(1.0) || self.step(t) > self.steps
        });
        match off {
            None => Ok(()),
            Some(t) => decline(format!(
                "the recorded time {t} is no step of the assumed training: {} steps of {}",
                self.steps, self.learning_rate
            )),
        }
    }

    /// The recorded step at a time.
    pub fn step(&self, time: f64) -> usize {
        (time / self.learning_rate).round() as usize
    }
}

/// The weight decay of steps at a constant rate.
fn steps(descent: &DescentView) -> Result<f64, Declined> {
    let [decay] = descent.weight_decay[..] else {
        return decline("needs one training.weight_decay for all layers");
    };
    match descent {
        DescentView { flow: true, .. } => decline(
            "needs steps: their limit learning_rate -> 0 is the flow (training.kind = \"gradient-descent\")",
        ),
        d if !d.loss.is_square() => decline("needs a squared loss (training.loss)"),
        DescentView {
            constant_rate: false,
            ..
        } => decline("needs a constant learning rate (training.schedule)"),
        DescentView { nesterov: true, .. } => {
            decline("needs momentum of the heavy ball (training.nesterov = false)")
        }
        DescentView {
            stop_at_loss: Some(_),
            ..
        } => decline("needs training to its last step (training.stop_at_loss)"),
        _ => Ok(decay),
    }
}
