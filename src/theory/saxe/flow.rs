//! Gradient flow of a deep linear network from any weights, integrated numerically.

use crate::error::Result;
use crate::numerics::flow::{Flow, FlowReport, Tolerance};
use nalgebra::{DMatrix, DMatrixView};

/// Gradient flow `dW_l/dt = (W_L ... W_{l+1})^T (S_yx - W_L ... W_1 S_xx) (W_{l-1} ... W_1)^T` of a linear network.
///
/// Any depth, any widths, any start; it sees the data through the second moments `S_xx` (`inputs x inputs`; the identity when
/// `None`) and `S_yx` (`outputs x inputs`). Conserves `W_{l+1}^T W_{l+1} - W_l W_l^T` for every `l`, which
/// [`WeightFlow::drift`] checks. Loss `1/2 tr(S_yy) - tr(F^T S_yx) + 1/2 tr(F S_xx F^T)`; time in units of tau.
#[derive(Debug, Clone)]
pub struct WeightFlow {
    xx: Option<DMatrix<f64>>,
    yx: DMatrix<f64>,
    shapes: Vec<(usize, usize)>,
    flow: Flow,
    start: Vec<DMatrix<f64>>,
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

fn derivative(
    xx: &Option<DMatrix<f64>>,
    yx: &DMatrix<f64>,
    shapes: &[(usize, usize)],
    y: &[f64],
    dy: &mut [f64],
) {
    let w = split(shapes, y);
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
    let mut error = match xx {
        Some(xx) => yx - product * xx,
        None => yx - product,
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

impl WeightFlow {
    /// Moments and the initial weights `[W_1, ..., W_L]`, `W_l: width_l x width_{l-1}`.
    pub fn new(
        xx: Option<DMatrix<f64>>,
        yx: DMatrix<f64>,
        weights: Vec<DMatrix<f64>>,
        tolerance: Tolerance,
    ) -> Self {
        let shapes = weights.iter().map(|w| w.shape()).collect();
        let y0 = weights.iter().flat_map(|w| w.as_slice()).copied().collect();
        WeightFlow {
            xx,
            yx,
            shapes,
            flow: Flow::new(0.0, y0, tolerance),
            start: weights,
        }
    }

    /// Whitened inputs, `S_xx = 1`.
    pub fn whitened(s: &DMatrix<f64>, weights: Vec<DMatrix<f64>>, tolerance: Tolerance) -> Self {
        Self::new(None, s.clone(), weights, tolerance)
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
        let Self {
            xx,
            yx,
            shapes,
            flow,
            ..
        } = self;
        flow.advance(&mut |_, y, dy| derivative(xx, yx, shapes, y, dy), t)
    }

    /// Weights `[W_1, ..., W_L]` at that time.
    pub fn weights(&self) -> Vec<DMatrix<f64>> {
        split(&self.shapes, self.flow.state())
            .iter()
            .map(|w| w.clone_owned())
            .collect()
    }

    /// Drift of the conserved matrices since the start, relative to the squared norm of the weights now: the integrator's own
    /// error seen by an exact law.
    pub fn drift(&self) -> f64 {
        let now = self.weights();
        let scale: f64 = now.iter().map(|w| w.norm_squared()).sum();
        let moved: f64 = conserved(&now)
            .iter()
            .zip(conserved(&self.start))
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
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::theory::saxe::depth::{DeepMode, Depth};

    fn tight() -> Tolerance {
        Tolerance {
            relative: 1e-12,
            absolute: 1e-14,
            ..Tolerance::default()
        }
    }

    #[test]
    fn conserves_the_balance_at_every_layer_with_correlated_inputs() {
        let mut rng = stream(1, "test", &[]);
        let widths = [4, 6, 3, 5];
        let weights: Vec<_> = widths
            .windows(2)
            .map(|w| 0.5 * normal_matrix(&mut rng, w[1], w[0]))
            .collect();
        let a = normal_matrix(&mut rng, 4, 4);
        let xx = &a * a.transpose() / 4.0;
        let yx = normal_matrix(&mut rng, 5, 4);
        let mut flow = WeightFlow::new(Some(xx), yx, weights, tight());
        flow.advance(5.0).unwrap();
        assert!(flow.drift() < 1e-11, "{:e}", flow.drift());
    }

    #[test]
    fn is_minus_the_gradient_of_the_loss() {
        let mut rng = stream(2, "test", &[]);
        let weights: Vec<_> = [(3, 4), (2, 3), (5, 2)]
            .map(|(r, c)| normal_matrix(&mut rng, r, c))
            .to_vec();
        let a = normal_matrix(&mut rng, 4, 4);
        let xx = &a * a.transpose();
        let yx = normal_matrix(&mut rng, 5, 4);
        let loss = |w: &[DMatrix<f64>]| {
            let f = &w[2] * &w[1] * &w[0];
            0.5 * (&f * &xx).dot(&f) - f.dot(&yx)
        };
        let flow = WeightFlow::new(Some(xx.clone()), yx.clone(), weights.clone(), tight());
        let mut slope = vec![0.0; flow.flow.state().len()];
        derivative(&flow.xx, &yx, &flow.shapes, flow.flow.state(), &mut slope);
        let slopes = split(&flow.shapes, &slope);
        for l in 0..3 {
            for i in 0..weights[l].len() {
                let (mut up, mut down) = (weights.clone(), weights.clone());
                up[l][i] += 1e-5;
                down[l][i] -= 1e-5;
                let numeric = -(loss(&up) - loss(&down)) / 2e-5;
                assert!((slopes[l][i] - numeric).abs() < 1e-6 * (1.0 + numeric.abs()));
            }
        }
    }

    #[test]
    fn balanced_one_by_one_layers_follow_the_deep_mode() {
        for layers in [1usize, 2, 3, 4] {
            let (s, u0) = (2.0, 0.01f64);
            let scale = u0.powf(1.0 / layers as f64);
            let weights = vec![DMatrix::from_element(1, 1, scale); layers];
            let mut flow = WeightFlow::whitened(&DMatrix::from_element(1, 1, s), weights, tight());
            let mode = DeepMode::new(s, u0, Depth::Layers(layers)).unwrap();
            for t in [0.5, 1.0, 2.0, 3.0] {
                flow.advance(t).unwrap();
                let product: f64 = flow.weights().iter().map(|w| w[0]).product();
                let exact = mode.strength(t).unwrap().value;
                assert!((product - exact).abs() < 1e-10, "L = {layers}, t = {t}");
            }
        }
    }
}
