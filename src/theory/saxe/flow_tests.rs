//! Tests of the integrated flow: gradients, exact solutions, symmetries and conservation.

use super::*;
use crate::numerics::linalg::{eigh, qr};
use crate::numerics::random::{normal_matrix, stream};
use crate::task::Modes;
use crate::theory::saxe::depth::{DeepMode, Depth};
use crate::theory::saxe::path::{Closed, product};
use nalgebra::DVector;

fn tight() -> Tolerance {
    Tolerance {
        relative: 1e-12,
        absolute: 1e-14,
        ..Tolerance::default()
    }
}

fn network(seed: u64, widths: &[usize], scale: f64) -> Vec<DMatrix<f64>> {
    let mut rng = stream(seed, "weights", &[]);
    widths
        .windows(2)
        .map(|w| scale * normal_matrix(&mut rng, w[1], w[0]))
        .collect()
}

/// Inputs with eigenvalues of `X X^T / P` spread over `condition`, and targets of their own.
fn samples(
    seed: u64,
    inputs: usize,
    outputs: usize,
    count: usize,
    condition: f64,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let mut rng = stream(seed, "samples", &[]);
    let rank = inputs.min(count);
    let (v, _) = qr(&normal_matrix(&mut rng, inputs, rank));
    let (q, _) = qr(&normal_matrix(&mut rng, count, rank));
    let last = (rank - 1).max(1) as f64;
    let sizes = DVector::from_fn(rank, |i, _| {
        (count as f64 / condition.powf(i as f64 / last)).sqrt()
    });
    let x = v * DMatrix::from_diagonal(&sizes) * q.transpose();
    let map = normal_matrix(&mut rng, outputs, inputs);
    let y = map * &x + 0.3 * normal_matrix(&mut rng, outputs, count);
    (x, y)
}

fn flow(x: &DMatrix<f64>, y: &DMatrix<f64>, weights: &[DMatrix<f64>]) -> WeightFlow {
    let inputs = Inputs::new(x, y, 1.0 / x.ncols() as f64).unwrap();
    WeightFlow::new(Arc::new(inputs), weights.to_vec(), tight())
}

/// `(1/2P) |Y - W_L ... W_1 X|^2`, written out.
fn loss(x: &DMatrix<f64>, y: &DMatrix<f64>, weights: &[DMatrix<f64>]) -> f64 {
    let f = weights.iter().fold(x.clone(), |f, w| w * f);
    0.5 / x.ncols() as f64 * (y - f).norm_squared()
}

impl WeightFlow {
    /// `dW_l/dt` in all inputs.
    fn slopes(&self) -> Vec<DMatrix<f64>> {
        let mut slope = vec![0.0; self.flow.state().len()];
        self.data.derivative(self.flow.state(), &mut slope);
        let still = self.data.still.as_ref().map(|still| still * 0.0);
        let mut slopes: Vec<_> = split(&self.data.shapes, &slope)
            .iter()
            .map(|w| w.clone_owned())
            .collect();
        if let Whiteness::Any(inputs) = &self.data.inputs {
            slopes[0] = inputs.leave(&slopes[0], still.as_ref());
        }
        slopes
    }
}

/// One to four layers, with more samples than inputs and with fewer.
#[test]
fn is_minus_the_gradient_of_the_loss_on_the_samples() {
    for (widths, count) in [
        (&[4, 5][..], 9),
        (&[4, 3, 5], 9),
        (&[6, 3, 2, 5], 4),
        (&[4, 4, 3, 3, 2], 2),
    ] {
        let weights = network(1, widths, 0.7);
        let (x, y) = samples(2, widths[0], *widths.last().unwrap(), count, 30.0);
        let slopes = flow(&x, &y, &weights).slopes();
        for l in 0..weights.len() {
            for i in 0..weights[l].len() {
                let (mut up, mut down) = (weights.clone(), weights.clone());
                up[l][i] += 1e-5;
                down[l][i] -= 1e-5;
                let numeric = -(loss(&x, &y, &up) - loss(&x, &y, &down)) / 2e-5;
                let found = slopes[l][i];
                assert!(
                    (found - numeric).abs() < 1e-8 * (1.0 + numeric.abs()),
                    "{widths:?}"
                );
            }
        }
    }
}

/// One layer is a linear equation, `W(t) = W* + (W_0 - W*) e^{-S_xx t}`, for condition numbers up to 1e4.
#[test]
fn one_layer_relaxes_at_the_eigenvalues_of_the_inputs() {
    for condition in [1.0, 1e2, 1e4] {
        let (x, y) = samples(3, 6, 3, 20, condition);
        let weights = network(4, &[6, 3], 1.0);
        let (xx, yx) = (&x * x.transpose() / 20.0, &y * x.transpose() / 20.0);
        let (values, vectors) = eigh(&xx).unwrap();
        let best = yx * xx.try_inverse().unwrap();
        let mut flow = flow(&x, &y, &weights);
        for t in [0.3, 2.0, 40.0, 3000.0] {
            flow.advance(t).unwrap();
            let decay = DMatrix::from_diagonal(&values.map(|v| (-v * t).exp()));
            let gap = (&weights[0] - &best) * &vectors * decay * vectors.transpose();
            let exact = &best + gap;
            let error = (&flow.weights()[0] - &exact).norm() / exact.norm();
            assert!(error < 1e-10, "{condition} {t} {error:e}");
        }
        // The explicit method is stable up to 3.3 over the largest eigenvalue, which is 1 here.
        let report = flow.report();
        assert!(report.steps < 2000, "{condition} {report:?}");
    }
}

#[test]
fn white_inputs_follow_the_closed_form() {
    let (x, y) = samples(5, 5, 4, 30, 1.0);
    let yx = &y * x.transpose() / 30.0;
    // W2^T W2 = W1 W1^T: a balanced start, as the closed form needs it.
    let (r, _) = qr(&normal_matrix(&mut stream(6, "hidden", &[]), 4, 4));
    let (v, _) = qr(&normal_matrix(&mut stream(7, "inputs", &[]), 5, 4));
    let scales = DMatrix::from_diagonal(&DVector::from_vec(vec![0.3, 0.2, 0.1, 0.05]));
    let weights = vec![&r * &scales * v.transpose(), &scales * r.transpose()];
    let (u, s, v) = crate::numerics::linalg::svd(&yx).unwrap();
    let modes = Modes { u, s, v };
    let mut closed = Closed::new(&yx, &modes, &weights[0], &weights[1]).unwrap();
    let mut flow = flow(&x, &y, &weights);
    for t in [0.5, 1.0, 3.0, 8.0] {
        flow.advance(t).unwrap();
        closed.dense.advance(t).unwrap();
        let (w1, w2) = closed.dense.weights();
        let error = (product(&flow.weights()) - w2 * w1).amax();
        assert!(error < 1e-10, "{t} {error:e}");
    }
}

#[test]
fn conserves_the_balance_at_every_layer_with_correlated_inputs() {
    for (inputs, count) in [(4, 12), (9, 3)] {
        let weights = network(8, &[inputs, 6, 3, 5], 0.5);
        let (x, y) = samples(9, inputs, 5, count, 50.0);
        let mut flow = flow(&x, &y, &weights);
        flow.advance(5.0).unwrap();
        assert!(flow.drift() < 1e-11, "{:e}", flow.drift());
        let moved = (product(&flow.weights()) - product(&weights)).norm();
        assert!(moved > 0.1, "{moved}");
    }
}

/// Inputs `O x` with a first layer `W_1 O^T` are the same network: the map turns, the loss does not change.
#[test]
fn turned_inputs_turn_the_first_layer_alone() {
    let weights = network(10, &[5, 4, 3], 0.6);
    let (x, y) = samples(11, 5, 3, 14, 100.0);
    let (o, _) = qr(&normal_matrix(&mut stream(12, "turn", &[]), 5, 5));
    let turned = [&weights[0] * o.transpose(), weights[1].clone()];
    let (mut plain, mut other) = (flow(&x, &y, &weights), flow(&(&o * &x), &y, &turned));
    for t in [0.5, 2.0, 9.0] {
        plain.advance(t).unwrap();
        other.advance(t).unwrap();
        let (a, b) = (plain.weights(), other.weights());
        assert!((&a[0] * o.transpose() - &b[0]).amax() < 1e-9, "{t}");
        assert!((&a[1] - &b[1]).amax() < 1e-9, "{t}");
        let (la, lb) = (loss(&x, &y, &a), loss(&(&o * &x), &y, &b));
        assert!((la - lb).abs() < 1e-9 * la, "{t}");
    }
}

/// Fewer samples than inputs: `W_1` moves in the span of the inputs alone, and all samples are fitted.
#[test]
fn directions_without_data_do_not_move() {
    let (x, y) = samples(13, 8, 2, 3, 10.0);
    let weights = network(14, &[8, 5, 2], 0.5);
    let mut flow = flow(&x, &y, &weights);
    flow.advance(200.0).unwrap();
    let now = flow.weights();
    let (basis, _) = qr(&x);
    let moved = &now[0] - &weights[0];
    let outside = &moved - &moved * &basis * basis.transpose();
    assert!(moved.norm() > 0.1 && outside.norm() < 1e-12, "{outside}");
    assert!(loss(&x, &y, &now) < 1e-12, "{:e}", loss(&x, &y, &now));
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
