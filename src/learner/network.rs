//! The compiled multilayer perceptron: forward pass, exact gradient by back-propagation, Jacobian.

use crate::learner::{Activation, Network, Objective, Parameters, Real, single};
use crate::numerics::linalg::Factor;
use crate::numerics::simd;
use nalgebra::DMatrix;

/// Numbers of the widest layer in one block of samples: 32 kB in single precision.
const BLOCK_NUMBERS: usize = 8192;
/// Fewest samples of a block (if there are as many): below, matrix products become inefficient.
const BLOCK_SAMPLES: usize = 64;
/// Weights of a layer beyond which all samples stay together: adding to their gradient block by block would cost more than the cache saves.
const BLOCK_WEIGHTS: usize = 1 << 15;

/// `f(x) = c_L W_L phi(c_{L-1} W_{L-1} ... phi(c_1 W_1 x))` in the scalar type `T`; with biases every layer adds `d_l b_l`, and with a
/// committee read-out `W_L` is not a parameter but the matrix of ones.
///
/// Parameter blocks: the trained weights `W_1, W_2, ...`, then the biases `b_1, ..., b_L` as single columns.
///
/// Matrices hold one sample per column. Work space is kept between calls: after the first call with the largest batch,
/// [`Network::gradient`] allocates nothing of its own. A gradient costs `2 n_l n_{l-1} P` operations per layer for the forward pass,
/// the same for the weights, and the same again (but for the first layer) for the back-propagated errors.
#[derive(Debug, Clone)]
pub struct MlpNetwork<T: Real> {
    /// `[inputs, hidden..., outputs]`
    widths: Vec<usize>,
    activation: Activation,
    multipliers: Vec<T>,
    /// `d_1, ..., d_L`; empty without biases.
    bias_multipliers: Vec<T>,
    /// The read-out that is not trained.
    committee: Option<DMatrix<T>>,
    /// `outputs[l]`: what layer `l + 1` hands on, `phi(h)` in hidden layers and `h` in the last.
    outputs: Vec<Vec<T>>,
    /// `slopes[l]`: `phi'(h)` of hidden layer `l + 1`; empty when linear, and for ReLU, whose outputs show it.
    slopes: Vec<Vec<T>>,
    /// `errors[l]`: back-propagated error at the preactivations of layer `l + 1`.
    errors: Vec<Vec<T>>,
}

impl<T: Real> MlpNetwork<T> {
    /// Network with `widths = [inputs, hidden..., outputs]` and forward multipliers `c_1, ..., c_L`.
    pub fn new(widths: Vec<usize>, activation: Activation, multipliers: &[f64]) -> Self {
        let layers = widths.len() - 1;
        MlpNetwork {
            widths,
            activation,
            multipliers: multipliers.iter().map(|&c| T::of(c)).collect(),
            bias_multipliers: Vec::new(),
            committee: None,
            outputs: vec![Vec::new(); layers],
            slopes: vec![Vec::new(); layers - 1],
            errors: vec![Vec::new(); layers],
        }
    }

    /// Adds trainable biases with forward multipliers `d_1, ..., d_L`.
    pub fn with_biases(mut self, multipliers: &[f64]) -> Self {
        self.bias_multipliers = multipliers.iter().map(|&d| T::of(d)).collect();
        self
    }

    /// Fixes the read-out at `W_L = 1`, a matrix of ones.
    pub fn with_committee(mut self) -> Self {
        let layers = self.layers();
        let ones = DMatrix::from_element(self.widths[layers], self.widths[layers - 1], T::one());
        self.committee = Some(ones);
        self
    }

    fn layers(&self) -> usize {
        self.multipliers.len()
    }

    /// Number of weight matrices among the parameters.
    fn trained(&self) -> usize {
        self.layers() - usize::from(self.committee.is_some())
    }

    /// True where hidden units meet a single output: the way back has loops of its own.
    fn is_single(&self, l: usize) -> bool {
        l > 0 && self.widths[l + 1] == 1
    }

    /// `W_{l+1}`.
    fn weights<'a>(&'a self, p: &'a Parameters<T>, l: usize) -> &'a DMatrix<T> {
        match &self.committee {
            Some(ones) if l == self.layers() - 1 => ones,
            _ => &p.blocks[l],
        }
    }

    fn pass_forward(&mut self, p: &Parameters<T>, x: &[T], samples: usize) {
        for l in 0..self.layers() {
            let mut output = std::mem::take(&mut self.outputs[l]);
            output.resize(self.widths[l + 1] * samples, T::zero());
            let input = Factor::new(self.input(x, l), self.widths[l], samples);
            let weights = factor(self.weights(p, l));
            T::gemm(self.multipliers[l], weights, input, &mut output);
            if let Some(&multiplier) = self.bias_multipliers.get(l) {
                let bias = p.blocks[self.trained() + l].as_slice();
                add_bias(&mut output, bias, multiplier);
            }
            match (self.slopes.get_mut(l), &self.activation) {
                (None, _) | (_, Activation::Linear) => {}
                (_, Activation::Relu) => rectify(&mut output),
                (Some(slope), activation) => {
                    slope.resize(output.len(), T::zero());
                    activation.apply(&mut output, slope);
                }
            }
            self.outputs[l] = output;
        }
    }

    /// The error at the preactivations of layer `l` (`l >= 1`) from that at layer `l + 1`.
    fn pass_backward(&mut self, p: &Parameters<T>, l: usize, samples: usize) {
        let mut below = std::mem::take(&mut self.errors[l - 1]);
        below.resize(self.widths[l] * samples, T::zero());
        let (multiplier, error) = (self.multipliers[l], &self.errors[l]);
        if self.is_single(l) {
            let w = self.weights(p, l).as_slice();
            let (outputs, slopes) = (&self.outputs[l - 1], self.slopes.get(l - 1));
            match (&self.activation, slopes) {
                (Activation::Relu, _) => {
                    single::sloped_outer(multiplier, w, error, outputs, step, &mut below)
                }
                (Activation::Linear, _) | (_, None) => {
                    single::outer(multiplier, w, error, &mut below)
                }
                (_, Some(slopes)) => {
                    single::sloped_outer(multiplier, w, error, slopes, |s| s, &mut below)
                }
            }
        } else {
            let error = Factor::new(error, self.widths[l + 1], samples);
            T::gemm(
                multiplier,
                factor(self.weights(p, l)).t(),
                error,
                &mut below,
            );
            match &self.activation {
                Activation::Linear => {}
                Activation::Relu => mask(&mut below, &self.outputs[l - 1]),
                _ => simd::multiply(&mut below, &self.slopes[l - 1]),
            }
        }
        self.errors[l - 1] = below;
    }

    /// Samples that pass through the network together in [`Network::gradient`]: few enough for the cache, all blocks about equal.
    fn block(&self, samples: usize) -> usize {
        if self.widths.windows(2).any(|w| w[0] * w[1] > BLOCK_WEIGHTS) {
            return samples.max(1);
        }
        let widest = self.widths[1..].iter().copied().max().unwrap_or(1);
        let most = (BLOCK_NUMBERS / widest.max(1)).max(BLOCK_SAMPLES);
        samples.div_ceil(samples.div_ceil(most).max(1)).max(1)
    }

    /// Loss of some samples; writes its gradient, or adds it.
    fn gradient_of(
        &mut self,
        p: &Parameters<T>,
        (x, y): (&[T], &[T]),
        objective: Objective,
        grad: &mut Parameters<T>,
        add: bool,
    ) -> T {
        let layers = self.layers();
        let samples = x.len() / self.widths[0];
        self.pass_forward(p, x, samples);
        let loss = objective.residual(&self.outputs[layers - 1], y, &mut self.errors[layers - 1]);
        let trained = self.trained();
        for l in (0..layers).rev() {
            if let Some(&multiplier) = self.bias_multipliers.get(l) {
                let gradient = grad.blocks[trained + l].as_mut_slice();
                sum_columns(&self.errors[l], multiplier, gradient, add);
            }
            if l < trained {
                let (multiplier, gradient) = (self.multipliers[l], grad.blocks[l].as_mut_slice());
                let (error, input) = (&self.errors[l], self.input(x, l));
                if self.is_single(l) {
                    single::weighted_sum(multiplier, error, input, gradient, add);
                } else {
                    let error = Factor::new(error, self.widths[l + 1], samples);
                    let input = Factor::new(input, self.widths[l], samples).t();
                    match add {
                        true => T::gemm_add(multiplier, error, input, gradient),
                        false => T::gemm(multiplier, error, input, gradient),
                    }
                }
            }
            if l > 0 {
                self.pass_backward(p, l, samples);
            }
        }
        loss
    }

    /// Error 1 at output number `output` of every sample, 0 at the others.
    fn start_at(&mut self, output: usize, samples: usize) {
        let outputs = self.widths[self.layers()];
        let error = &mut self.errors[self.multipliers.len() - 1];
        error.clear();
        error.resize(outputs * samples, T::zero());
        let chosen = error[output..].iter_mut().step_by(outputs);
        chosen.for_each(|e| *e = T::one());
    }

    /// What layer `l + 1` receives.
    fn input<'a>(&'a self, x: &'a [T], l: usize) -> &'a [T] {
        match l {
            0 => x,
            _ => &self.outputs[l - 1],
        }
    }
}

/// `h <- phi(h)` for ReLU: a product, so that not-a-number stays visible.
fn rectify<T: Real>(h: &mut [T]) {
    simd::vectorised(
        #[inline(always)]
        || h.iter_mut().for_each(|h| *h *= step(*h)),
    );
}

/// `error <- error phi'(h)` for ReLU with the outputs `phi(h)`.
fn mask<T: Real>(error: &mut [T], outputs: &[T]) {
    simd::vectorised(
        #[inline(always)]
        || {
            for (error, &output) in error.iter_mut().zip(outputs) {
                *error *= step(output);
            }
        },
    );
}

#[inline(always)]
fn step<T: Real>(x: T) -> T {
    if x > T::zero() { T::one() } else { T::zero() }
}

fn factor<T: Real>(m: &DMatrix<T>) -> Factor<'_, T> {
    Factor::new(m.as_slice(), m.nrows(), m.ncols())
}

/// `output += multiplier bias` in every column.
fn add_bias<T: Real>(output: &mut [T], bias: &[T], multiplier: T) {
    for column in output.chunks_exact_mut(bias.len()) {
        for (z, &b) in column.iter_mut().zip(bias) {
            *z += multiplier * b;
        }
    }
}

/// `gradient = multiplier sum_mu error_mu`, or `+=`.
fn sum_columns<T: Real>(error: &[T], multiplier: T, gradient: &mut [T], add: bool) {
    if !add {
        gradient.fill(T::zero());
    }
    for column in error.chunks_exact(gradient.len()) {
        for (g, &e) in gradient.iter_mut().zip(column) {
            *g += multiplier * e;
        }
    }
}

impl<T: Real> Network<T> for MlpNetwork<T> {
    fn forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        self.pass_forward(p, x.as_slice(), x.ncols());
        let last = self.layers() - 1;
        DMatrix::from_column_slice(self.widths[last + 1], x.ncols(), &self.outputs[last])
    }

    fn gradient(
        &mut self,
        p: &Parameters<T>,
        x: &DMatrix<T>,
        y: &DMatrix<T>,
        objective: Objective,
        grad: &mut Parameters<T>,
    ) -> T {
        let (inputs, outputs) = (self.widths[0], self.widths[self.layers()]);
        let block = self.block(x.ncols());
        let mut loss = T::zero();
        // Without samples one empty block, which sets the gradient to zero.
        for begin in (0..x.ncols().max(1)).step_by(block) {
            let end = x.ncols().min(begin + block);
            let x = &x.as_slice()[inputs * begin..inputs * end];
            let y = &y.as_slice()[outputs * begin..outputs * end];
            loss += self.gradient_of(p, (x, y), objective, grad, begin > 0);
        }
        loss
    }

    fn jacobian(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let samples = x.ncols();
        self.pass_forward(p, x.as_slice(), x.ncols());
        let layers = self.layers();
        let outputs = self.widths[layers];
        let mut jacobian = DMatrix::zeros(samples * outputs, p.len());
        // First column of every block.
        let mut starts = vec![0];
        for block in &p.blocks {
            starts.push(starts[starts.len() - 1] + block.len());
        }
        for output in 0..outputs {
            self.start_at(output, samples);
            for l in (0..layers).rev() {
                let (rows, cols) = (self.widths[l + 1], self.widths[l]);
                if let Some(&multiplier) = self.bias_multipliers.get(l) {
                    for i in 0..rows {
                        let mut column = jacobian.column_mut(starts[self.trained() + l] + i);
                        for mu in 0..samples {
                            column[mu * outputs + output] =
                                multiplier * self.errors[l][mu * rows + i];
                        }
                    }
                }
                let input = self.input(x.as_slice(), l);
                let cols_trained = if l < self.trained() { cols } else { 0 };
                for j in 0..cols_trained {
                    for i in 0..rows {
                        let mut column = jacobian.column_mut(starts[l] + j * rows + i);
                        for mu in 0..samples {
                            column[mu * outputs + output] = self.multipliers[l]
                                * self.errors[l][mu * rows + i]
                                * input[mu * cols + j];
                        }
                    }
                }
                if l > 0 {
                    self.pass_backward(p, l, samples);
                }
            }
        }
        jacobian
    }

    /// Layer by layer, without a Jacobian: `sum_l (c_l^2 Z_l + d_l^2) o sum_i E_li`, with the Gram matrices `Z_l` of the inputs of layer `l` and
    /// `E_li` of the errors that output `i` sends back to it, and the product `o` entry by entry.
    fn tangent_kernel(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let samples = x.ncols();
        self.pass_forward(p, x.as_slice(), samples);
        let layers = self.layers();
        let mut kernel = DMatrix::zeros(samples, samples);
        let mut inputs = vec![T::zero(); samples * samples];
        let mut errors = inputs.clone();
        for output in 0..self.widths[layers] {
            self.start_at(output, samples);
            for l in (0..layers).rev() {
                let error = Factor::new(&self.errors[l], self.widths[l + 1], samples);
                T::gemm(T::one(), error.t(), error, &mut errors);
                inputs.fill(T::zero());
                if l < self.trained() {
                    let input = Factor::new(self.input(x.as_slice(), l), self.widths[l], samples);
                    let square = self.multipliers[l] * self.multipliers[l];
                    T::gemm(square, input.t(), input, &mut inputs);
                }
                let bias = self.bias_multipliers.get(l).map_or(T::zero(), |&d| d * d);
                for ((k, &z), &e) in kernel.iter_mut().zip(&inputs).zip(&errors) {
                    *k += (z + bias) * e;
                }
                if l > 0 {
                    self.pass_backward(p, l, samples);
                }
            }
        }
        kernel
    }

    fn features(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> Vec<DMatrix<T>> {
        self.pass_forward(p, x.as_slice(), x.ncols());
        let hidden = self.widths[1..self.layers()].iter().zip(&self.outputs);
        hidden
            .map(|(&width, output)| DMatrix::from_column_slice(width, x.ncols(), output))
            .collect()
    }

    fn sensitivities(
        &mut self,
        p: &Parameters<T>,
        x: &DMatrix<T>,
        output: usize,
    ) -> Vec<DMatrix<T>> {
        self.pass_forward(p, x.as_slice(), x.ncols());
        self.start_at(output, x.ncols());
        let mut found: Vec<DMatrix<T>> = (1..self.layers())
            .rev()
            .map(|l| {
                self.pass_backward(p, l, x.ncols());
                DMatrix::from_column_slice(self.widths[l], x.ncols(), &self.errors[l - 1])
            })
            .collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests;
