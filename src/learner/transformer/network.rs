//! The compiled transformer: forward pass, exact gradient by back-propagation, Jacobian.

use super::Transformer;
use super::attention::Bench;
use super::lanes::{LANES, Lane};
use super::model::Model;
use super::norm::LayerNorm;
use crate::learner::{Activation, Network, Objective, Parameters, Real, jacobian, tokens};
use crate::numerics::linalg::Factor;
use crate::numerics::simd::multiply;
use nalgebra::DMatrix;

/// A [`Transformer`] in the scalar type `T`.
///
/// Samples are worked on in groups whose activations stay in the cache; within a group of `B` samples matrices are
/// `rows x features` with row `position * B + sample`, so that attention, softmax and norms run over neighbouring samples without
/// a sum across lanes. Work space is kept between calls: after the first call [`Network::gradient`] allocates nothing of its own.
///
/// A token outside the vocabulary (which [`Learner::initialize`](crate::learner::Learner::initialize) refuses) gives outputs that
/// are not a number.
#[derive(Debug, Clone)]
pub struct TransformerNetwork<T: Real> {
    model: Model,
    /// Samples per group.
    group: usize,
    tokens: Vec<Option<usize>>,
    /// Residual stream, and the derivative of the loss with respect to it.
    stream: Vec<T>,
    error: Vec<T>,
    layers: Vec<Layer<T>>,
    norm: LayerNorm<T>,
    /// What the read-out receives.
    last: Vec<T>,
    /// Outputs of the group, sample by sample, and their errors.
    outputs: Vec<T>,
    slopes: Vec<T>,
    /// Errors behind the norms, and those of queries, keys and values or of the MLP.
    narrow: Vec<T>,
    wide: Vec<T>,
    bench: Bench<T>,
}

/// What the backward pass of a layer needs; matrices of as many rows as positions and samples.
#[derive(Debug, Clone, Default)]
struct Layer<T> {
    attention_norm: LayerNorm<T>,
    attention_input: Vec<T>,
    qkv: Vec<T>,
    weights: Vec<Lane<T>>,
    heads: Vec<T>,
    mlp_norm: LayerNorm<T>,
    mlp_input: Vec<T>,
    hidden: Vec<T>,
    slope: Vec<T>,
}

/// `y = x W^T`, rows apart.
fn apply<T: Real>(x: &[T], w: &DMatrix<T>, rows: usize, y: &mut Vec<T>) {
    y.resize(rows * w.nrows(), T::zero());
    T::gemm(T::one(), rows_of(x, rows), whole(w).t(), y);
}

/// `x = y W`, into the head of `x`.
fn apply_transposed<T: Real>(y: &[T], w: &DMatrix<T>, rows: usize, x: &mut [T]) {
    let x = &mut x[..rows * w.ncols()];
    T::gemm(T::one(), rows_of(y, rows), whole(w), x);
}

/// `dW += y^T x`
fn add_gradient<T: Real>(y: &[T], x: &[T], rows: usize, w: &mut DMatrix<T>) {
    T::gemm_add(
        T::one(),
        rows_of(y, rows).t(),
        rows_of(x, rows),
        w.as_mut_slice(),
    );
}

fn rows_of<T>(x: &[T], rows: usize) -> Factor<'_, T> {
    Factor::new(x, rows, x.len() / rows)
}

fn whole<T: Real>(w: &DMatrix<T>) -> Factor<'_, T> {
    Factor::new(w.as_slice(), w.nrows(), w.ncols())
}

impl<T: Real> TransformerNetwork<T> {
    pub(super) fn new(spec: &Transformer) -> Self {
        let model = Model::new(spec);
        TransformerNetwork {
            group: spec.group(),
            tokens: vec![],
            stream: vec![],
            error: vec![],
            layers: vec![Layer::default(); spec.layers],
            norm: LayerNorm::default(),
            last: vec![],
            outputs: vec![],
            slopes: vec![],
            narrow: vec![],
            wide: vec![],
            bench: Bench::new(&model.heads),
            model,
        }
    }

    /// Scalars in the work space after the last call.
    pub fn work_space(&self) -> usize {
        let layer = |layer: &Layer<T>| {
            let matrices = [
                &layer.attention_input,
                &layer.qkv,
                &layer.heads,
                &layer.mlp_input,
                &layer.hidden,
                &layer.slope,
            ];
            matrices.iter().map(|m| m.len()).sum::<usize>()
                + LANES * layer.weights.len()
                + layer.attention_norm.len()
                + layer.mlp_norm.len()
        };
        let matrices = [
            &self.stream,
            &self.error,
            &self.last,
            &self.outputs,
            &self.slopes,
            &self.narrow,
            &self.wide,
        ];
        self.layers.iter().map(layer).sum::<usize>()
            + matrices.iter().map(|m| m.len()).sum::<usize>()
            + self.norm.len()
            + self.bench.len()
    }

    /// Outputs of one group of samples, to `self.outputs`.
    fn pass_forward(&mut self, p: &Parameters<T>, x: &[T]) {
        let samples = x.len() / self.model.context;
        self.embed(p, x, samples);
        for l in 0..self.layers.len() {
            self.attend(p, l, samples);
            if self.model.mlp > 0 {
                self.transform(p, l);
            }
        }
        let block = self.model.layer(self.layers.len());
        self.model
            .normalise(p, block, &self.stream, &mut self.norm, &mut self.last);
        self.read_out(p, samples);
    }

    /// `x_t = E[z_t] + P[t]`
    fn embed(&mut self, p: &Parameters<T>, x: &[T], samples: usize) {
        let Model {
            vocabulary,
            context,
            d,
            ..
        } = self.model;
        let rows = samples * context;
        self.tokens.clear();
        for t in 0..context {
            let values = x[t..].iter().step_by(context);
            self.tokens
                .extend(values.map(|&v| tokens::token(v, vocabulary)));
        }
        self.stream.resize(rows * d, T::zero());
        let embedding = p.blocks[0].as_slice();
        for (i, column) in self.stream.chunks_exact_mut(rows).enumerate() {
            for (v, token) in column.iter_mut().zip(&self.tokens) {
                *v = token.map_or(T::of(f64::NAN), |token| embedding[token * d + i]);
            }
            if self.model.positions {
                let position = p.blocks[1].row(i);
                for (group, &shift) in column.chunks_exact_mut(samples).zip(position.iter()) {
                    group.iter_mut().for_each(|v| *v += shift);
                }
            }
        }
    }

    fn attend(&mut self, p: &Parameters<T>, l: usize, samples: usize) {
        let model = &self.model;
        let rows = samples * model.context;
        let block = model.layer(l);
        let layer = &mut self.layers[l];
        model.normalise(
            p,
            block,
            &self.stream,
            &mut layer.attention_norm,
            &mut layer.attention_input,
        );
        let block = block + model.norm_blocks();
        apply(
            &layer.attention_input,
            &p.blocks[block],
            rows,
            &mut layer.qkv,
        );
        layer
            .weights
            .resize(model.heads.weights(samples), [T::zero(); LANES]);
        layer.heads.resize(rows * model.d, T::zero());
        model.heads.forward(
            &layer.qkv,
            samples,
            &mut layer.weights,
            &mut layer.heads,
            &mut self.bench,
        );
        let output = whole(&p.blocks[block + 1]).t();
        T::gemm_add(
            T::one(),
            rows_of(&layer.heads, rows),
            output,
            &mut self.stream,
        );
    }

    fn transform(&mut self, p: &Parameters<T>, l: usize) {
        let model = &self.model;
        let rows = self.stream.len() / model.d;
        let block = model.layer(l) + model.norm_blocks() + 2;
        let layer = &mut self.layers[l];
        model.normalise(
            p,
            block,
            &self.stream,
            &mut layer.mlp_norm,
            &mut layer.mlp_input,
        );
        let block = block + model.norm_blocks();
        apply(&layer.mlp_input, &p.blocks[block], rows, &mut layer.hidden);
        if model.activation != Activation::Linear {
            layer.slope.resize(layer.hidden.len(), T::zero());
            model.activation.apply(&mut layer.hidden, &mut layer.slope);
        }
        let output = whole(&p.blocks[block + 1]).t();
        T::gemm_add(
            T::one(),
            rows_of(&layer.hidden, rows),
            output,
            &mut self.stream,
        );
    }

    /// `U` with its factor.
    fn unembedding<'a>(&self, p: &'a Parameters<T>) -> (T, Factor<'a, T>) {
        if self.model.tied {
            (self.model.tie(), whole(&p.blocks[0]).t())
        } else {
            (T::one(), whole(&p.blocks[p.blocks.len() - 1]))
        }
    }

    /// The rows of position `t` in a `rows x d` matrix.
    fn position<'a>(&self, matrix: &'a [T], t: usize, samples: usize) -> Factor<'a, T> {
        let rows = samples * self.model.context;
        Factor::strided(&matrix[t * samples..], samples, self.model.d, rows)
    }

    fn read_out(&mut self, p: &Parameters<T>, samples: usize) {
        let (width, first) = (self.model.outputs(), self.model.first);
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.resize(samples * width, T::zero());
        let (factor, unembedding) = self.unembedding(p);
        for t in first..self.model.context {
            let to = &mut outputs[(t - first) * self.model.vocabulary..];
            let x = self.position(&self.last, t, samples);
            T::gemm_strided(factor, unembedding, x.t(), to, width);
        }
        self.outputs = outputs;
    }

    /// Adds the gradient of one group to `grad`; `self.slopes` are the errors of its outputs.
    fn pass_backward(&mut self, p: &Parameters<T>, grad: &mut Parameters<T>) {
        let samples = self.slopes.len() / self.model.outputs();
        self.narrow.resize(self.stream.len(), T::zero());
        self.wide.resize(
            samples * self.model.context * self.model.mlp.max(3 * self.model.d),
            T::zero(),
        );
        self.read_out_backward(p, grad, samples);
        self.error.resize(self.stream.len(), T::zero());
        self.error.fill(T::zero());
        let block = self.model.layer(self.layers.len());
        self.model.denormalise(
            p,
            grad,
            block,
            &self.narrow,
            &mut self.norm,
            &mut self.error,
        );
        for l in (0..self.layers.len()).rev() {
            if self.model.mlp > 0 {
                self.transform_backward(p, grad, l);
            }
            self.attend_backward(p, grad, l, samples);
        }
        self.embed_backward(grad, samples);
    }

    fn read_out_backward(&mut self, p: &Parameters<T>, grad: &mut Parameters<T>, samples: usize) {
        let (v, width, first) = (
            self.model.vocabulary,
            self.model.outputs(),
            self.model.first,
        );
        let rows = samples * self.model.context;
        let mut narrow = std::mem::take(&mut self.narrow);
        if first > 0 {
            narrow.fill(T::zero());
        }
        let (factor, unembedding) = self.unembedding(p);
        let block = if self.model.tied {
            0
        } else {
            grad.blocks.len() - 1
        };
        for t in first..self.model.context {
            let error = Factor::strided(&self.slopes[(t - first) * v..], v, samples, width);
            let x = self.position(&self.last, t, samples);
            let gradient = grad.blocks[block].as_mut_slice();
            if self.model.tied {
                T::gemm_add(factor, x.t(), error.t(), gradient);
            } else {
                T::gemm_add(factor, error, x, gradient);
            }
            let to = &mut narrow[t * samples..];
            T::gemm_strided(factor, error.t(), unembedding, to, rows);
        }
        self.narrow = narrow;
    }

    fn transform_backward(&mut self, p: &Parameters<T>, grad: &mut Parameters<T>, l: usize) {
        let model = &self.model;
        let rows = self.stream.len() / model.d;
        let norm = model.layer(l) + model.norm_blocks() + 2;
        let block = norm + model.norm_blocks();
        let layer = &mut self.layers[l];
        add_gradient(
            &self.error,
            &layer.hidden,
            rows,
            &mut grad.blocks[block + 1],
        );
        let wide = &mut self.wide[..rows * model.mlp];
        apply_transposed(&self.error, &p.blocks[block + 1], rows, wide);
        multiply(wide, &layer.slope);
        add_gradient(wide, &layer.mlp_input, rows, &mut grad.blocks[block]);
        apply_transposed(wide, &p.blocks[block], rows, &mut self.narrow);
        model.denormalise(
            p,
            grad,
            norm,
            &self.narrow,
            &mut layer.mlp_norm,
            &mut self.error,
        );
    }

    fn attend_backward(
        &mut self,
        p: &Parameters<T>,
        grad: &mut Parameters<T>,
        l: usize,
        samples: usize,
    ) {
        let model = &self.model;
        let rows = samples * model.context;
        let norm = model.layer(l);
        let block = norm + model.norm_blocks();
        let layer = &mut self.layers[l];
        add_gradient(&self.error, &layer.heads, rows, &mut grad.blocks[block + 1]);
        apply_transposed(&self.error, &p.blocks[block + 1], rows, &mut self.narrow);
        let wide = &mut self.wide[..rows * 3 * model.d];
        model.heads.backward(
            &layer.qkv,
            samples,
            &layer.weights,
            &self.narrow,
            wide,
            &mut self.bench,
        );
        add_gradient(wide, &layer.attention_input, rows, &mut grad.blocks[block]);
        apply_transposed(wide, &p.blocks[block], rows, &mut self.narrow);
        model.denormalise(
            p,
            grad,
            norm,
            &self.narrow,
            &mut layer.attention_norm,
            &mut self.error,
        );
    }

    fn embed_backward(&mut self, grad: &mut Parameters<T>, samples: usize) {
        let Model { context, d, .. } = self.model;
        let rows = samples * context;
        let embedding = grad.blocks[0].as_mut_slice();
        for (i, column) in self.error.chunks_exact(rows).enumerate() {
            for (&error, token) in column.iter().zip(&self.tokens) {
                if let Some(token) = token {
                    embedding[token * d + i] += error;
                }
            }
        }
        if self.model.positions {
            let position = grad.blocks[1].as_mut_slice();
            for (i, column) in self.error.chunks_exact(rows).enumerate() {
                for (t, group) in column.chunks_exact(samples).enumerate() {
                    position[t * d + i] += group.iter().fold(T::zero(), |sum, &e| sum + e);
                }
            }
        }
    }
}

fn clear<T: Real>(grad: &mut Parameters<T>) {
    grad.blocks
        .iter_mut()
        .for_each(|block| block.fill(T::zero()));
}

impl<T: Real> Network<T> for TransformerNetwork<T> {
    fn forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let outputs = self.model.outputs();
        let mut f = DMatrix::zeros(outputs, x.ncols());
        for (x, f) in x
            .as_slice()
            .chunks(self.group * self.model.context)
            .zip(f.as_mut_slice().chunks_mut(self.group * outputs))
        {
            self.pass_forward(p, x);
            f.copy_from_slice(&self.outputs);
        }
        f
    }

    fn gradient(
        &mut self,
        p: &Parameters<T>,
        x: &DMatrix<T>,
        y: &DMatrix<T>,
        objective: Objective,
        grad: &mut Parameters<T>,
    ) -> T {
        clear(grad);
        let mut loss = T::zero();
        for (x, y) in x
            .as_slice()
            .chunks(self.group * self.model.context)
            .zip(y.as_slice().chunks(self.group * self.model.outputs()))
        {
            self.pass_forward(p, x);
            loss += objective.residual(&self.outputs, y, &mut self.slopes);
            self.pass_backward(p, grad);
        }
        loss
    }

    fn jacobian(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let outputs = self.model.outputs();
        jacobian::row_by_row(p, x, outputs, |sample, output, grad| {
            if output == 0 {
                self.pass_forward(p, sample);
            }
            self.slopes.clear();
            self.slopes.resize(outputs, T::zero());
            self.slopes[output] = T::one();
            clear(grad);
            self.pass_backward(p, grad);
        })
    }
}
