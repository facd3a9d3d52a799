//! What the theories of Bayesian networks ask of an experiment before they apply.

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kernel::{Kernel, Network, PerLayer};
use crate::learner::{MlpPriorView, MlpView, Readout};
use crate::mean_field::TwoLayer;
use crate::task::Shape;
use crate::theory::gate::data_bytes;

/// A perceptron with a Gaussian prior whose posterior is sampled.
#[derive(Debug, Clone)]
pub struct Bayesian {
    /// The network.
    pub view: MlpView,
    /// Its prior.
    pub prior: MlpPriorView,
    /// Dimensions of the data.
    pub shape: Shape,
    /// Test samples of every draw.
    pub test_samples: usize,
    /// `T`, before the division by `chi`.
    pub temperature: f64,
    /// The sampler follows the posterior at any step.
    exact: bool,
    bytes: u64,
}

fn decline<T>(reason: &str) -> Result<T, Declined> {
    Err(Declined(reason.into()))
}

impl Bayesian {
    /// # Errors
    /// `Declined` unless a multilayer perceptron with a Gaussian prior meets a sampler.
    pub fn of(experiment: &Experiment) -> Result<Self, Declined> {
        let Some(learner) = experiment.learner.as_deref() else {
            return decline("needs a learner; the experiment has none");
        };
        let shape = experiment.task.shape();
        let Some(view) = learner.mlp(shape) else {
            return decline("needs a multilayer perceptron (learner.kind = \"mlp\")");
        };
        let Some(prior) = view.prior.clone() else {
            return decline("needs a Gaussian prior (learner.prior)");
        };
        let sampling = experiment.training.as_ref().and_then(|t| t.sampling());
        let Some(sampling) = sampling else {
            return decline("needs Bayesian training (training.kind = \"langevin\")");
        };
        if !sampling.has_gaussian_likelihood() {
            return decline("needs a Gaussian likelihood (training.loss = \"half-sum\")");
        }
        if shape.samples == 0 {
            return decline("needs training samples");
        }
        Ok(Bayesian {
            view,
            prior,
            shape,
            test_samples: experiment.task.test_samples(),
            temperature: sampling.temperature,
            exact: sampling.exact,
            bytes: data_bytes(experiment),
        })
    }

    /// Hidden widths.
    pub fn hidden(&self) -> &[usize] {
        &self.view.widths[1..self.view.widths.len() - 1]
    }

    /// `T/chi`, the variance of the likelihood.
    pub fn noise(&self) -> f64 {
        self.temperature / self.prior.chi
    }

    /// The prior covariance of the output at infinite width, `chi` included.
    pub fn kernel(&self) -> Kernel {
        let depth = self.hidden().len();
        let readout = self.prior.readout_variance / self.prior.chi;
        let weights = self.prior.weight_variances.iter().copied();
        let bias = match self.view.biases {
            Some(_) => self.prior.bias_variance,
            None => 0.0,
        };
        Kernel::Nngp(Network {
            nonlinearity: self.view.activation.clone(),
            depth,
            weight_variance: PerLayer::Each(weights.chain([readout]).collect()),
            bias_variance: PerLayer::Same(bias),
        })
    }

    /// # Errors
    /// `Declined` for a read-out that is not trained.
    pub fn trained_readout(&self) -> Result<(), Declined> {
        match self.view.readout {
            Readout::Trained => Ok(()),
            _ => decline("needs a trained read-out (learner.readout = \"trained\")"),
        }
    }

    /// # Errors
    /// `Declined` for biases, a read-out that is not trained, or several outputs.
    pub fn one_output(&self) -> Result<(), Declined> {
        if !self.view.is_plain() {
            return decline(
                "needs a multilayer perceptron without biases and with a trained read-out (learner.kind = \"mlp\", learner.bias = false)",
            );
        }
        match self.shape.outputs {
            1 => Ok(()),
            n => Err(Declined(format!(
                "needs one output; the {n} outputs here share the hidden layers"
            ))),
        }
    }

    /// # Errors
    /// `Declined` unless there is one hidden layer, one output and no bias.
    pub fn two_layer(&self) -> Result<TwoLayer, Declined> {
        self.one_output()?;
        let [width] = self.hidden() else {
            return Err(Declined(format!(
                "needs one hidden layer; there are {}",
                self.hidden().len()
            )));
        };
        Ok(TwoLayer {
            phi: self.view.activation.clone(),
            width: *width as f64,
            weight_variance: self.prior.weight_variances[0],
            readout_variance: self.prior.readout_variance,
            temperature: self.temperature,
            chi: self.prior.chi,
        })
    }

    /// Conditions on the data set and takes the widths to infinity, approached as `width^rate` where that is known.
    pub fn promise(&self, rate: Option<f64>) -> Promise {
        let mut limits = Vec::new();
        if !self.hidden().is_empty() {
            limits.push(Limit {
                rate,
                ..Limit::infinite("learner.widths")
            });
        }
        if !self.exact {
            limits.push(Limit::zero("training.step"));
        }
        let p = (self.shape.samples + self.test_samples) as f64;
        Promise {
            limits,
            bytes: self.bytes + (8.0 * 4.0 * p * p) as u64,
            seconds: 1e-3 + 1e-9 * p * p * (p + self.shape.inputs as f64),
            ..Promise::of(Conditioning::Data)
        }
    }
}
