//! What the theories of linear networks ask of an experiment before they apply.

use crate::experiment::{Experiment, Limit};
use crate::instrument::{Declined, Wanted};
use crate::learner::MlpView;
use crate::task::{Dataset, Modes, Shape};
use crate::training::{Loss, Training};

/// Largest `max |w X X^T - 1|` that counts as whitened.
pub const WHITENED: f64 = 1e-8;

/// A deep linear network under plain full-batch descent on whitened inputs, with the units in which it follows the standard flow.
///
/// For `f = C W_L ... W_1 x` (`C` the product of the forward multipliers) trained with step `k * learning_rate`, the weights
/// `w_l = C^{1/L} W_l` have the product `f` itself and follow `dw_l/dt = speed * (-dL/dw_l)`, `speed = k C^{2/L}`, in the time
/// `t = learning_rate * step`.
#[derive(Debug, Clone)]
pub struct LinearNetwork {
    /// Multipliers, learning-rate factor and initial law of the network.
    pub view: MlpView,
    /// Dimensions of the data.
    pub shape: Shape,
    /// Minimised loss with its normalisation.
    pub loss: Loss,
    /// Learning rate of the training, before the factor `k`.
    pub learning_rate: f64,
    /// Trained by the gradient flow itself.
    pub is_flow: bool,
    /// Last time `learning_rate * steps`.
    pub horizon: f64,
    /// First data set of the experiment: shapes, test set and whitening are judged on it.
    pub example: Dataset,
    /// Modes that do not depend on the draw, if the task has them.
    pub modes: Option<Modes>,
}

fn decline<T>(reason: impl Into<String>) -> Result<T, Declined> {
    Err(Declined(reason.into()))
}

/// The experiment's training rule, if it is plain full-batch descent.
pub fn plain_descent(experiment: &Experiment) -> Result<&dyn Training, Declined> {
    let Some(training) = experiment.training.as_deref() else {
        return decline("needs training by gradient descent; the experiment has none");
    };
    match training.is_plain_descent() {
        true => Ok(training),
        false => decline(
            "needs training.kind = \"gradient-descent\" without training.batch, or \"gradient-flow\", on a squared loss",
        ),
    }
}

/// The first data set, as an example of what will be drawn.
pub fn example(experiment: &Experiment) -> Result<Dataset, Declined> {
    experiment.dataset(0).map_err(|e| Declined(e.to_string()))
}

/// Declines unless `w X X^T = 1`.
pub fn whitened(dataset: &Dataset, loss: Loss) -> Result<f64, Declined> {
    let error_with = |loss: Loss| {
        dataset
            .moments(loss.weight(dataset.samples()))
            .whitening_error()
    };
    let error = error_with(loss);
    if error < WHITENED {
        return Ok(error);
    }
    let remedy = match loss {
        Loss::HalfMean if error_with(Loss::HalfSum) < WHITENED => {
            "training.loss = \"half-sum\" makes them so (one-hot items)"
        }
        Loss::HalfSum if error_with(Loss::HalfMean) < WHITENED => {
            "training.loss = \"half-mean\" makes them so"
        }
        _ => "use a task with whitened inputs",
    };
    decline(format!(
        "needs whitened inputs, w X X^T = 1; here max |w X X^T - 1| = {error:.3e} ({remedy})"
    ))
}

impl LinearNetwork {
    /// # Errors
    /// `Declined` without a learner that is a linear multilayer perceptron, without plain full-batch descent, or for inputs that
    /// are not whitened under the loss.
    pub fn of(experiment: &Experiment) -> Result<Self, Declined> {
        let Some(learner) = experiment.learner.as_deref() else {
            return decline("needs a learner; the experiment has none");
        };
        let shape = experiment.task.shape();
        let Some(view) = learner.mlp(shape) else {
            return decline(
                "needs a multilayer perceptron without biases and with a trained read-out (learner.kind = \"mlp\")",
            );
        };
        if !view.linear {
            return decline("needs learner.activation = \"linear\"");
        }
        let training = plain_descent(experiment)?;
        let example = example(experiment)?;
        whitened(&example, training.loss())?;
        let modes = match experiment.task.modes() {
            None if !experiment.task.is_random() => Some(example.modes.clone()),
            modes => modes,
        };
        Ok(LinearNetwork {
            view,
            shape,
            loss: training.loss(),
            learning_rate: training.learning_rate(),
            is_flow: training.is_flow(),
            horizon: training.learning_rate() * training.steps() as f64,
            example,
            modes,
        })
    }

    /// Limits taken by theories of the flow: Euler's method is of first order.
    pub fn limits(&self) -> Vec<Limit> {
        match self.is_flow {
            true => Vec::new(),
            false => vec![Limit::new("training.learning_rate", "0").rate(1.0)],
        }
    }

    /// Number of weight matrices `L`.
    pub fn layers(&self) -> usize {
        self.view.widths.len() - 1
    }

    /// Product `C` of the forward multipliers.
    pub fn multiplier(&self) -> f64 {
        self.view.multipliers.iter().product()
    }

    /// `C^{1/L}`
    pub fn weight_scale(&self) -> f64 {
        self.multiplier().powf(1.0 / self.layers() as f64)
    }

    /// `k C^{2/L}`
    pub fn speed(&self) -> f64 {
        self.view.rate_scale * self.weight_scale().powi(2)
    }

    /// Narrowest layer, inputs and outputs included: the largest rank of the map.
    pub fn rank(&self) -> usize {
        self.view.widths.iter().copied().min().unwrap_or(0)
    }

    /// The modes that a theory without sight of the data may use.
    pub fn population_modes(&self) -> Result<&Modes, Declined> {
        match &self.modes {
            Some(modes) => Ok(modes),
            None => decline("needs a task whose input-output modes are known beforehand"),
        }
    }

    /// True when a linear map fits the example exactly, so that the loss has no floor.
    pub fn noise_free(&self) -> bool {
        let w = self.loss.weight(self.example.samples());
        let moments = self.example.moments(w);
        let floor = super::readout::loss(&moments.yx, (&self.example.x, &self.example.y), w);
        floor <= 1e-12 * moments.yy
    }
}

/// Indices of the wanted observables that `can` predict; declines when there is none.
pub fn covered(
    wanted: &[Wanted],
    can: impl Fn(&str) -> bool,
    why_not: &str,
) -> Result<Vec<usize>, Declined> {
    let covers: Vec<usize> = (0..wanted.len())
        .filter(|&i| can(wanted[i].observable.name))
        .collect();
    match covers.is_empty() {
        true => decline(why_not),
        false => Ok(covers),
    }
}
