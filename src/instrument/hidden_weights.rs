//! Second moments of the weights over neurons and chain, beside their prior: covariance of the first layer, size of
//! every layer.

use super::averaged::{Averaged, Over};
use super::neurons::effective;
use super::spectra::{MAX_COVARIANCE, first_layer, matrices};
use super::subject::{Subject, counting_axis, refused};
use super::{Declined, Observable};
use crate::kind::About;

/// Covariance of the effective weights of the first hidden layer.
pub static HIDDEN_WEIGHT_COVARIANCE: Observable = Observable {
    name: "hidden-weight-covariance",
    label: "covariance of a neuron's weights",
    unit: "1",
    convention: "E[c_1^2 w_i w_i^T] over the hidden units i of the first layer and the recorded steps of the \
                 measured part: effective weights c_1 w_i (first forward multiplier times raw weights), second \
                 moment without subtraction of the mean; prior s_w^2/d on the diagonal",
    ..Observable::PLAIN
};

/// Mean square of the weights of every layer in units of the prior's.
pub static WEIGHT_NORM_RATIO: Observable = Observable {
    name: "weight-norm-ratio",
    label: "⟨|W|²⟩ / prior",
    unit: "1",
    convention: "mean of |W_l|^2 over the recorded steps of the measured part, divided by its mean under the prior \
                 (the initial law, where no prior is stated); the read-out's prior variance is s_a^2/(chi N); biases \
                 left out",
    ..Observable::PLAIN
};

pub(super) static COVARIANCE: Averaged<()> = Averaged {
    about: &About {
        kind: "hidden-weight-covariance",
        summary: "second moments of the first layer's effective weights over its units and the chain",
        text: "\
C_jk = E[c_1^2 w_ij w_ik] on the axes input, input: over the hidden units i of the first layer and the recorded steps
after the burn-in of a sampler (after the last step of a rule that minimises). c_1 w_i are the effective weights, raw
weights times the first forward multiplier of the parametrisation. Under the prior C = (s_w^2/d) 1. Declines above 64
inputs.

weight-covariance is the same sum of the raw weights of one network, before and after training.",
        revision: 1,
    },
    observable: &HIDDEN_WEIGHT_COVARIANCE,
    keys: (),
    parse: None,
    over: |()| Over::Chain,
    axes: |(), subject, _| {
        first_layer(subject)?;
        match subject.shape.inputs {
            n if n > MAX_COVARIANCE => {
                Err(Declined(format!("{n} inputs, more than {MAX_COVARIANCE}")))
            }
            n => Ok(vec![counting_axis("input", n), counting_axis("input", n)]),
        }
    },
    reader: |(), subject, _| {
        let scale = effective(subject).powi(2);
        Ok(Box::new(move |parameters| {
            let w = &parameters.blocks[0];
            let covariance = w.tr_mul(w) * (scale / w.nrows() as f64);
            Ok(covariance.as_slice().to_vec())
        }))
    },
    space: |(), subject| 3 * subject.shape.inputs * subject.shape.inputs,
    ensemble: None,
};

pub(super) static NORM_RATIO: Averaged<()> = Averaged {
    about: &About {
        kind: "weight-norm-ratio",
        summary: "mean square of every layer's weights in units of the prior's",
        text: "\
<|W_l|^2> / E_prior |W_l|^2 on the axis layer (from 1, the read-out last; biases left out): the squared Frobenius norm
of the weight matrix, over the recorded steps after the burn-in of a sampler (after the last step of a rule that
minimises), in units of its mean under the prior. Prior variances of the effective weights: s_w^2/n_(l-1) in the
hidden layers, s_a^2/(chi N) in the read-out; without a prior those of the Gaussian start. 1: the layer did not learn
a scale. In a theory that rescales kernels by a factor per layer it is that factor, to leading order; the mean over a
whole matrix moves by 1/n_(l-1) where one direction of it learns. Declines where weights have neither a prior nor a
Gaussian start.",
        revision: 1,
    },
    observable: &WEIGHT_NORM_RATIO,
    keys: (),
    parse: None,
    over: |()| Over::Chain,
    axes: |(), subject, _| Ok(vec![counting_axis("layer", expected(subject)?.len())]),
    reader: |(), subject, _| {
        let expected = expected(subject).map_err(|d| refused("weight-norm-ratio", d))?;
        Ok(Box::new(move |parameters| {
            let ratio = |(block, square): &(usize, f64)| parameters.blocks[*block].norm_squared() / square;
            Ok(expected.iter().map(ratio).collect())
        }))
    },
    space: |(), _| 0,
    ensemble: None,
};

/// Blocks of the weight matrices and the mean square of their raw entries' sum under the prior, from the first layer.
fn expected(subject: &Subject) -> std::result::Result<Vec<(usize, f64)>, Declined> {
    let none = || Declined("needs a perceptron with a prior or a Gaussian start".into());
    let view = subject.learner.mlp(subject.shape).ok_or_else(none)?;
    let (blocks, _) = matrices(subject)?;
    let shapes = subject.learner.shapes(subject.shape);
    let variances: Vec<f64> = match (&view.prior, &view.deviations) {
        (Some(prior), _) => {
            let readout = prior.readout_variance / prior.chi;
            let of_layers = prior.weight_variances.iter().chain([&readout]);
            let layers = of_layers.zip(&view.widths).zip(&view.multipliers);
            layers.map(|((v, &n), c)| v / (n as f64 * c * c)).collect()
        }
        (None, Some(deviations)) => deviations.iter().map(|d| d * d).collect(),
        (None, None) => return Err(none()),
    };
    let pairs = blocks.into_iter().zip(variances);
    let sums = pairs.map(|(block, v)| (block, v * (shapes[block].0 * shapes[block].1) as f64));
    let sums: Vec<(usize, f64)> = sums.collect();
    match sums.iter().all(|(_, square)| *square > 0.0) && !sums.is_empty() {
        true => Ok(sums),
        false => Err(none()),
    }
}
