//! Sizes of a transformer, the numbering of its parameter blocks, and the norms in front of its sublayers.

use super::attention::Heads;
use super::lanes::LANES;
use super::norm::LayerNorm;
use super::{Norm, Position, Predict, Transformer};
use crate::learner::{Activation, Parameters, Real};

/// Sizes and choices.
#[derive(Debug, Clone)]
pub(super) struct Model {
    pub vocabulary: usize,
    pub context: usize,
    pub d: usize,
    pub mlp: usize,
    pub activation: Activation,
    pub heads: Heads,
    pub normed: bool,
    pub positions: bool,
    pub tied: bool,
    /// First position that is read out.
    pub first: usize,
}

impl Model {
    pub fn new(spec: &Transformer) -> Self {
        Model {
            vocabulary: spec.vocabulary,
            context: spec.context,
            d: spec.dimension,
            mlp: spec.mlp_width(),
            activation: spec.activation.clone(),
            heads: spec.attention_heads(),
            normed: spec.norm == Norm::Pre,
            positions: spec.position == Position::Learned,
            tied: spec.tied,
            first: match spec.predict {
                Predict::Last => spec.context - 1,
                Predict::Every => 0,
            },
        }
    }

    pub fn outputs(&self) -> usize {
        self.vocabulary * (self.context - self.first)
    }

    /// Index of the first parameter block of layer `l` (from 0), or of the last norm.
    pub fn layer(&self, l: usize) -> usize {
        let norm = self.norm_blocks();
        let mlp = if self.mlp > 0 { norm + 2 } else { 0 };
        1 + usize::from(self.positions) + l * (norm + 2 + mlp)
    }

    pub fn norm_blocks(&self) -> usize {
        if self.normed { 2 } else { 0 }
    }

    /// Factor on `E^T` as read-out.
    pub fn tie<T: Real>(&self) -> T {
        T::of(1.0 / (self.d as f64).sqrt())
    }

    /// Writes what a sublayer receives to `input`: the norm of the stream with gain and bias from block `block` on, or the stream.
    pub fn normalise<T: Real>(
        &self,
        p: &Parameters<T>,
        block: usize,
        stream: &[T],
        norm: &mut LayerNorm<T>,
        input: &mut Vec<T>,
    ) {
        input.resize(stream.len(), T::zero());
        if self.normed {
            let (gain, bias) = (p.blocks[block].as_slice(), p.blocks[block + 1].as_slice());
            norm.forward(stream, stream.len() / self.d, gain, bias, input);
        } else {
            input.copy_from_slice(stream);
        }
    }

    /// The backward pass of [`Model::normalise`]: adds `slope`, the error of the input, to the error of the stream.
    pub fn denormalise<T: Real>(
        &self,
        p: &Parameters<T>,
        grad: &mut Parameters<T>,
        block: usize,
        slope: &[T],
        norm: &mut LayerNorm<T>,
        error: &mut [T],
    ) {
        if self.normed {
            let (before, after) = grad.blocks.split_at_mut(block + 1);
            let gradients = (before[block].as_mut_slice(), after[0].as_mut_slice());
            norm.backward(slope, p.blocks[block].as_slice(), gradients, error);
        } else {
            for (e, &s) in error.iter_mut().zip(slope) {
                *e += s;
            }
        }
    }
}

/// Scalars of the work space for a group of `samples`.
pub(super) fn work_space(spec: &Transformer, samples: usize) -> usize {
    let model = Model::new(spec);
    let (d, m) = (model.d, model.mlp);
    let rows = samples * model.context;
    let norm = if model.normed { rows * (d + 3) } else { 0 };
    let slopes = if model.activation == Activation::Linear {
        0
    } else {
        m
    };
    let attention = norm + rows * 5 * d + LANES * model.heads.weights(samples);
    let mlp = if m > 0 {
        norm + rows * (d + m + slopes)
    } else {
        0
    };
    let bench = 5 * LANES * model.context * model.heads.width + LANES * model.context.pow(2);
    spec.layers * (attention + mlp)
        + norm
        + rows * (4 * d + m.max(3 * d))
        + 2 * samples * model.outputs()
        + bench
}
