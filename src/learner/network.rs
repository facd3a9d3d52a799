//! The compiled multilayer perceptron: forward pass, exact gradient by back-propagation, Jacobian.

use crate::learner::{Activation, Network, Objective, Parameters, Real};
use crate::numerics::linalg::Factor;
use crate::numerics::simd;
use nalgebra::DMatrix;

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

    /// `W_{l+1}`.
    fn weight<'a>(&'a self, p: &'a Parameters<T>, l: usize) -> Factor<'a, T> {
        match &self.committee {
            Some(ones) if l == self.layers() - 1 => factor(ones),
            _ => factor(&p.blocks[l]),
        }
    }

    fn pass_forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) {
        let samples = x.ncols();
        for l in 0..self.layers() {
            let mut output = std::mem::take(&mut self.outputs[l]);
            output.resize(self.widths[l + 1] * samples, T::zero());
            let input = Factor::new(self.input(x, l), self.widths[l], samples);
            T::gemm(self.multipliers[l], self.weight(p, l), input, &mut output);
            if let Some(&multiplier) = self.bias_multipliers.get(l) {
                let bias = p.blocks[self.trained() + l].as_slice();
                add_bias(&mut output, bias, multiplier);
            }
            match (self.slopes.get_mut(l), self.activation) {
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
        let error = Factor::new(&self.errors[l], self.widths[l + 1], samples);
        T::gemm(
            self.multipliers[l],
            self.weight(p, l).t(),
            error,
            &mut below,
        );
        match self.activation {
            Activation::Linear => {}
            Activation::Relu => mask(&mut below, &self.outputs[l - 1]),
            _ => simd::multiply(&mut below, &self.slopes[l - 1]),
        }
        self.errors[l - 1] = below;
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
    fn input<'a>(&'a self, x: &'a DMatrix<T>, l: usize) -> &'a [T] {
        match l {
            0 => x.as_slice(),
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

/// `gradient = multiplier sum_mu error_mu`.
fn sum_columns<T: Real>(error: &[T], multiplier: T, gradient: &mut [T]) {
    gradient.fill(T::zero());
    for column in error.chunks_exact(gradient.len()) {
        for (g, &e) in gradient.iter_mut().zip(column) {
            *g += e;
        }
    }
    for g in gradient {
        *g *= multiplier;
    }
}

impl<T: Real> Network<T> for MlpNetwork<T> {
    fn forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        self.pass_forward(p, x);
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
        let samples = x.ncols();
        self.pass_forward(p, x);
        let last = self.layers() - 1;
        let loss = objective.residual(&self.outputs[last], y.as_slice(), &mut self.errors[last]);
        let trained = self.trained();
        for l in (0..=last).rev() {
            if let Some(&multiplier) = self.bias_multipliers.get(l) {
                let gradient = grad.blocks[trained + l].as_mut_slice();
                sum_columns(&self.errors[l], multiplier, gradient);
            }
            if l < trained {
                let error = Factor::new(&self.errors[l], self.widths[l + 1], samples);
                let input = Factor::new(self.input(x, l), self.widths[l], samples);
                T::gemm(
                    self.multipliers[l],
                    error,
                    input.t(),
                    grad.blocks[l].as_mut_slice(),
                );
            }
            if l > 0 {
                self.pass_backward(p, l, samples);
            }
        }
        loss
    }

    fn jacobian(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let samples = x.ncols();
        self.pass_forward(p, x);
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
                let input = self.input(x, l);
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
        self.pass_forward(p, x);
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
                    let input = Factor::new(self.input(x, l), self.widths[l], samples);
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
        self.pass_forward(p, x);
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
        self.pass_forward(p, x);
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
