//! What the theories of linear networks ask of an experiment before they apply.

use crate::context::Context;
use crate::error::Error;
use crate::experiment::{Experiment, Limit};
use crate::instrument::Declined;
use crate::learner::{BiasView, KernelView, MlpView, Readout};
use crate::mean_field::wide::{Wide, WideLayer};
use crate::task::{Dataset, Modes, Shape};
use crate::theory::{Answer, Asked, Prediction};
use crate::training::{Loss, Training};
use serde_json::{Value as Json, json};

/// What `check` says of a theory that needs whitened inputs.
pub const NOTE: &str = "whether the inputs are white, w X X^T = 1, is decided on the data";

/// Largest `max |w X X^T - 1|` that counts as whitened.
pub const WHITENED: f64 = 1e-8;

/// A deep linear network under plain full-batch descent, with the units in which it follows the standard flow.
///
/// For `f = C W_L ... W_1 x` (`C` the product of the forward multipliers) trained with step `k * learning_rate`, the weights
/// `w_l = C^{1/L} W_l` have the product `f` itself and follow `dw_l/dt = speed * (-dL/dw_l)`, `speed = k C^{2/L}`, in the time
/// `t = learning_rate * step`. Whether the inputs are white only the data tell: [`whitened`].
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
}

fn decline<T>(reason: impl Into<String>) -> Result<T, Declined> {
    Err(Declined(reason.into()))
}

/// A theory that found on the data that it does not apply.
impl From<Declined> for Error {
    fn from(declined: Declined) -> Self {
        Error::Declined { reason: declined.0 }
    }
}

/// The kernel and the ridge of the sum of squares, where a kernel machine is set to its optimum.
pub fn kernel_machine(experiment: &Experiment) -> Result<KernelView, Declined> {
    let Some(kernel) = experiment.learner.as_deref().and_then(|l| l.kernel()) else {
        return decline("needs a kernel machine (learner.kind = \"kernel-ridge\")");
    };
    let training = experiment.training.as_ref();
    match training.is_some_and(|t| t.is_optimum() && t.loss() == Loss::HalfMean) {
        true => Ok(kernel),
        false => decline("needs training.kind = \"closed-form\" with loss = \"half-mean\""),
    }
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

/// Memory of a data set.
pub fn data_bytes(experiment: &Experiment) -> u64 {
    let shape = experiment.task.shape();
    let samples = shape.samples + experiment.task.test_samples();
    8 * ((shape.inputs + shape.outputs) * samples) as u64
}

/// Declines unless `w X X^T = 1`. `key` is the key of the task that makes its inputs white, `otherwise` another way
/// out.
pub fn whitened(
    dataset: &Dataset,
    loss: Loss,
    key: Option<&str>,
    otherwise: Option<&str>,
) -> Result<f64, Declined> {
    let error_with = |loss: Loss| {
        dataset
            .moments(loss.weight(dataset.samples()))
            .whitening_error()
    };
    let error = error_with(loss);
    if error < WHITENED {
        return Ok(error);
    }
    let remedy = match (loss, key) {
        (Loss::HalfMean, _) if error_with(Loss::HalfSum) < WHITENED => {
            "training.loss = \"half-sum\" makes them so (one-hot items)".to_string()
        }
        (Loss::HalfSum, _) if error_with(Loss::HalfMean) < WHITENED => {
            "training.loss = \"half-mean\" makes them so".to_string()
        }
        (Loss::HalfMean, Some(key)) => format!("{key} makes them so"),
        (_, Some(key)) => format!("{key} with training.loss = \"half-mean\" makes them so"),
        (_, None) => "use a task with whitened inputs".to_string(),
    };
    let remedies: Vec<&str> = [remedy.as_str()].into_iter().chain(otherwise).collect();
    decline(format!(
        "needs whitened inputs, w X X^T = 1; here max |w X X^T - 1| = {error:.3e} ({})",
        remedies.join("; ")
    ))
}

impl LinearNetwork {
    /// # Errors
    /// `Declined` without a learner that is a linear multilayer perceptron, or without plain full-batch descent.
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
        if !view.linear {
            return decline("needs learner.activation = \"linear\"");
        }
        let training = plain_descent(experiment)?;
        Ok(LinearNetwork {
            view,
            shape,
            loss: training.loss(),
            learning_rate: training.learning_rate(),
            is_flow: training.is_flow(),
            horizon: training.learning_rate() * training.steps() as f64,
        })
    }

    /// Limits taken by theories of the flow.
    pub fn limits(&self) -> Vec<Limit> {
        match self.is_flow {
            true => Vec::new(),
            false => vec![Limit::zero("training.learning_rate").rate(1.0)],
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
}

/// What a theory of linear networks that sees no draw knows of the data: their modes, which are the same in all draws or
/// known beforehand. The rest it finds on the first data set.
#[derive(Debug, Clone)]
pub struct Ground {
    experiment: Experiment,
    loss: Loss,
    otherwise: Option<&'static str>,
}

/// Modes of the data and whether a linear map fits them.
pub struct Found {
    /// Input-output modes.
    pub modes: Modes,
    /// True when a linear map fits the data exactly, so that the loss has no floor.
    pub noise_free: bool,
}

impl Ground {
    /// Declines a task whose modes differ from draw to draw and are not known beforehand. `otherwise` is a way out of
    /// inputs that are not white, beside the key of the task that makes them so.
    pub fn of(
        experiment: &Experiment,
        loss: Loss,
        otherwise: Option<&'static str>,
    ) -> Result<Self, Declined> {
        let task = &experiment.task;
        if task.is_random() && task.modes().is_none() {
            let key = match task.whitening() {
                Some(key) => format!("{key} makes them so"),
                None => "linear-teacher with task.whitened = true".into(),
            };
            let remedies: Vec<&str> = [key.as_str()].into_iter().chain(otherwise).collect();
            return decline(format!(
                "needs whitened inputs ({}), with modes that are the same in all draws or known beforehand",
                remedies.join("; ")
            ));
        }
        Ok(Ground {
            experiment: experiment.clone(),
            loss,
            otherwise,
        })
    }

    /// What it depends on, for [`super::Solve::inputs`].
    pub fn inputs(&self) -> Json {
        json!([self.experiment.task_json(), self.loss])
    }

    /// Looks at the first data set.
    ///
    /// Errors: `Declined` for inputs that are not white.
    pub fn find(&self, cx: &Context) -> crate::error::Result<Found> {
        let example = cx.dataset(&self.experiment, 0)?;
        let key = self.experiment.task.whitening();
        whitened(&example, self.loss, key, self.otherwise)?;
        let w = self.loss.weight(example.samples());
        let moments = example.moments(w);
        let floor = super::readout::loss(&moments.yx, (&example.x, &example.y), w);
        let modes = self.experiment.task.modes();
        Ok(Found {
            modes: modes.unwrap_or_else(|| example.modes.clone()),
            noise_free: floor <= 1e-12 * moments.yy,
        })
    }
}

impl Found {
    /// Leaves out the training loss where it has a floor that no theory of the modes knows.
    ///
    /// Errors: `Declined` where nothing is left.
    pub fn without_floor(
        &self,
        asked: &[Asked],
        mut prediction: Prediction,
    ) -> crate::error::Result<Prediction> {
        let is_loss = |a: &Answer| asked[a.asked].name() == "train-loss";
        if self.noise_free || !prediction.answers.iter().any(is_loss) {
            return Ok(prediction);
        }
        let why = "train-loss needs targets that a linear map fits: no label noise";
        prediction.answers.retain(|a| !is_loss(a));
        if prediction.answers.is_empty() {
            return Err(Declined(why.into()).into());
        }
        prediction.warnings.push(why.into());
        Ok(prediction)
    }
}

/// The learner as a sequence of wide layers.
///
/// # Errors
/// `Declined` without a multilayer perceptron whose raw weights start independent and normal.
pub fn wide(experiment: &Experiment) -> Result<Wide, Declined> {
    let learner = experiment.learner.as_deref();
    let learner =
        learner.ok_or_else(|| Declined("needs a learner; the experiment has none".into()))?;
    let Some(view) = learner.mlp(experiment.task.shape()) else {
        return decline("needs a multilayer perceptron (learner.kind = \"mlp\")");
    };
    let layers = view.multipliers.len();
    let (Some(deviations), true) = (&view.deviations, view.readout == Readout::Trained) else {
        return decline(
            "needs independent Gaussian weights at the start and a trained read-out (learner.init.kind = \"gaussian\", or learner.prior)",
        );
    };
    let bias_of = |l: usize| match &view.biases {
        None => Ok((0.0, 0.0)),
        Some(BiasView {
            multipliers,
            deviations: Some(deviations),
        }) => Ok((
            multipliers[l].powi(2) * deviations[l].powi(2),
            multipliers[l].powi(2),
        )),
        Some(_) => decline("needs biases with a law of their start"),
    };
    let layer = |l: usize| {
        let tangent = view.multipliers[l].powi(2) * view.widths[l] as f64;
        let (bias, bias_tangent) = bias_of(l)?;
        Ok(WideLayer {
            signal: tangent * deviations[l].powi(2),
            bias,
            tangent,
            bias_tangent,
        })
    };
    Ok(Wide {
        phi: view.activation.clone(),
        layers: (0..layers).map(layer).collect::<Result<_, Declined>>()?,
    })
}
