//! Gradient flow of a deep linear network from any weights, integrated numerically.

use super::inputs::Inputs;
use crate::error::Result;
use crate::numerics::flow::{Flow, FlowReport, Tolerance};
use nalgebra::{DMatrix, DMatrixView};
use std::sync::Arc;

/// Gradient flow `dW_l/dt = (W_L ... W_{l+1})^T (S_yx - W_L ... W_1 S_xx) (W_{l-1} ... W_1)^T` of a linear network.
///
/// Any depth, any widths, any start, any inputs; it sees the data through the second moments `S_xx = w X X^T` and
/// `S_yx = w Y X^T`. Conserves `W_{l+1}^T W_{l+1} - W_l W_l^T` for every `l`, which [`WeightFlow::drift`] checks. Loss
/// `1/2 tr(S_yy) - tr(F^T S_yx) + 1/2 tr(F S_xx F^T)` with `F = W_L ... W_1`; time in units of tau.
///
/// Inputs that are not white are seen in their principal directions ([`Inputs`]), where `S_xx` is diagonal. `W_1`
/// does not move along directions without data.
///
/// Cost: the method is explicit, so a step is at most 3.3 divided by the largest curvature of the loss. Gradient
/// descent is stable for steps up to 2 divided by the same curvature, so the flow of a network that was trained needs
/// no more steps than 0.6 times those of the training, beside the few hundred that accuracy asks for.
#[derive(Debug, Clone)]
pub struct WeightFlow {
    data: Arc<Data>,
    flow: Flow,
}

/// What does not change along a path.
#[derive(Debug)]
struct Data {
    inputs: Whiteness,
    shapes: Vec<(usize, usize)>,
    start: Vec<DMatrix<f64>>,
    /// The part of `W_1` that sees no data.
    still: Option<DMatrix<f64>>,
}

#[derive(Debug)]
enum Whiteness {
    /// White inputs, with `S_yx`.
    White(DMatrix<f64>),
    /// Any inputs.
    Any(Arc<Inputs>),
}

/// The conserved matrices `W_{l+1}^T W_{l+1} - W_l W_l^T`, `l = 1..L-1`.
pub fn conserved(weights: &[DMatrix<f64>]) -> Vec<DMatrix<f64>> {
    weights
        .windows(2)
        .map(|w| w[1].tr_mul(&w[1]) - &w[0] * w[0].transpose())
        .collect()
}

fn split<'a>(shapes: &[(usize, usize)], mut y: &'a [f64]) -> Vec<DMatrixView<'a, f64>> {
    shapes
        .iter()
        .map(|&(r, c)| {
            let (head, tail) = y.split_at(r * c);
            y = tail;
            DMatrixView::from_slice(head, r, c)
        })
        .collect()
}

impl Data {
    fn derivative(&self, y: &[f64], dy: &mut [f64]) {
        let w = split(&self.shapes, y);
        // below[l] = W_l ... W_1
        let mut below: Vec<DMatrix<f64>> = Vec::with_capacity(w.len());
        for (l, layer) in w.iter().enumerate() {
            below.push(match l {
                0 => layer.clone_owned(),
                _ => layer * &below[l - 1],
            });
        }
        let product = &below[w.len() - 1];
        // (W_L ... W_{l+1})^T (S_yx - F S_xx)
        let mut error = match &self.inputs {
            Whiteness::White(yx) => yx - product,
            Whiteness::Any(inputs) => inputs.pull(product),
        };
        let mut end = dy.len();
        for l in (0..w.len()).rev() {
            let start = end - w[l].len();
            let gradient = match l {
                0 => error.clone(),
                _ => &error * below[l - 1].transpose(),
            };
            dy[start..end].copy_from_slice(gradient.as_slice());
            end = start;
            error = w[l].tr_mul(&error);
        }
    }

    /// Weights of a state, `W_1` in all inputs.
    fn weights(&self, y: &[f64]) -> Vec<DMatrix<f64>> {
        let split = split(&self.shapes, y);
        let mut weights: Vec<_> = split.iter().map(|w| w.clone_owned()).collect();
        if let (Whiteness::Any(inputs), Some(first)) = (&self.inputs, weights.first_mut()) {
            *first = inputs.leave(first, self.still.as_ref());
        }
        weights
    }
}

impl WeightFlow {
    /// Any inputs, from the initial weights `[W_1, ..., W_L]`, `W_l: width_l x width_{l-1}`.
    pub fn new(inputs: Arc<Inputs>, weights: Vec<DMatrix<f64>>, tolerance: Tolerance) -> Self {
        let mut inside = weights.clone();
        let mut still = None;
        if let Some(first) = inside.first_mut() {
            (*first, still) = inputs.enter(first);
        }
        Self::of(Whiteness::Any(inputs), inside, weights, still, tolerance)
    }

    /// White inputs, `S_xx = 1`, with `S_yx = s`.
    pub fn whitened(s: &DMatrix<f64>, weights: Vec<DMatrix<f64>>, tolerance: Tolerance) -> Self {
        let inputs = Whiteness::White(s.clone());
        Self::of(inputs, weights.clone(), weights, None, tolerance)
    }

    fn of(
        inputs: Whiteness,
        inside: Vec<DMatrix<f64>>,
        start: Vec<DMatrix<f64>>,
        still: Option<DMatrix<f64>>,
        tolerance: Tolerance,
    ) -> Self {
        let shapes = inside.iter().map(|w| w.shape()).collect();
        let y0 = inside.iter().flat_map(|w| w.as_slice()).copied().collect();
        let data = Data {
            inputs,
            shapes,
            start,
            still,
        };
        WeightFlow {
            data: Arc::new(data),
            flow: Flow::new(0.0, y0, tolerance),
        }
    }

    /// The time reached.
    pub fn time(&self) -> f64 {
        self.flow.time()
    }

    /// Advances to `t >= time()`.
    ///
    /// # Errors
    /// `Unconverged` from the integrator.
    pub fn advance(&mut self, t: f64) -> Result<()> {
        let data = &self.data;
        self.flow.advance(&mut |_, y, dy| data.derivative(y, dy), t)
    }

    /// Weights `[W_1, ..., W_L]` at that time.
    pub fn weights(&self) -> Vec<DMatrix<f64>> {
        self.data.weights(self.flow.state())
    }

    /// Drift of the conserved matrices since the start, relative to the squared norm of the weights now: the integrator's
    /// own error seen by an exact law.
    pub fn drift(&self) -> f64 {
        let now = self.weights();
        let scale: f64 = now.iter().map(|w| w.norm_squared()).sum();
        let moved: f64 = conserved(&now)
            .iter()
            .zip(conserved(&self.data.start))
            .map(|(a, b)| (a - b).norm())
            .sum();
        if scale > 0.0 { moved / scale } else { moved }
    }

    /// Effort and error of the integrator.
    pub fn report(&self) -> FlowReport {
        self.flow.report()
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
