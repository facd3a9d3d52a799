//! The largest learning rate that a loss tolerates: `2 / lambda_max` of its Gauss-Newton matrix.

use crate::learner::{Network, Objective, Parameters};
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::DMatrix;

/// Samples times parameters above which [`stable_bound`] looks at the first samples only.
const MAX_WORK: usize = 20_000_000;
/// Gradient evaluations of the line search.
const LINE_SEARCH: usize = 200;

/// Largest eigenvalue of the Gauss-Newton matrix `weight * J^T J` (`J` the Jacobian of all outputs on all columns of `x`).
///
/// Power iteration without forming `J`: `J v` by a central difference of the forward pass (relative error about 1e-9), `J^T u` by
/// back-propagation. Stops when the Rayleigh quotient, which never exceeds the eigenvalue, changes by less than 1e-9 of itself,
/// or after 1,000 steps. Zero when the Jacobian vanishes.
pub fn top_curvature(
    network: &mut dyn Network<f64>,
    p: &Parameters,
    x: &DMatrix<f64>,
    weight: f64,
) -> f64 {
    let f = network.forward(p, x);
    let mut rng = stream(0, "power iteration", &[]);
    let mut v = Parameters {
        blocks: p
            .blocks
            .iter()
            .map(|b| normal_matrix(&mut rng, b.nrows(), b.ncols()))
            .collect(),
    };
    let mut curvature = 0.0;
    for _ in 0..1000 {
        let length = norm(&v);
        if length == 0.0 || !length.is_finite() {
            return 0.0;
        }
        scale(&mut v, 1.0 / length);
        let step = 1e-5 * (1.0 + norm(p) / (p.len() as f64).sqrt());
        let above = network.forward(&moved(p, step, &v), x);
        let below = network.forward(&moved(p, -step, &v), x);
        let jv = (above - below) / (2.0 * step);
        let next = weight * jv.norm_squared();
        // The gradient of (weight/2) ||y - f||^2 at y = f - J v is weight J^T J v.
        network.gradient(p, x, &(&f - jv), Objective::square(weight), &mut v);
        if (next - curvature).abs() <= 1e-9 * next {
            return next;
        }
        curvature = next;
    }
    curvature
}

/// Largest learning rate for which plain descent is stable, `2 / (rate_scale * lambda_max)`.
///
/// `lambda_max` is the larger one of [`top_curvature`] at the start and at the point that 200 gradient steps with a line search reach
/// from it: a network that starts near a saddle is flat there and becomes sharp only where it fits. For linear regression both
/// are the same and the bound is exact; else it is an estimate. Above 2e7 samples times parameters only the first samples count.
/// `None` when the curvature vanishes.
pub fn stable_bound(
    network: &mut dyn Network<f64>,
    start: &Parameters,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    weight: f64,
    rate_scale: f64,
) -> Option<f64> {
    let samples = x.ncols();
    let used = (MAX_WORK / start.len().max(1))
        .clamp(1, samples.max(1))
        .min(samples);
    let (x, y) = (
        x.columns(0, used).into_owned(),
        y.columns(0, used).into_owned(),
    );
    let weight = weight * samples as f64 / used as f64;
    let first = top_curvature(network, start, &x, weight);
    let end = line_search(network, start, &x, &y, weight, first);
    let last = top_curvature(network, &end, &x, weight);
    let curvature = first.max(last);
    (curvature > 0.0 && curvature.is_finite()).then(|| 2.0 / (rate_scale * curvature))
}

/// Gradient steps that never raise the loss: longer by half after a success, shorter by 0.4 after a failure.
fn line_search(
    network: &mut dyn Network<f64>,
    start: &Parameters,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    weight: f64,
    curvature: f64,
) -> Parameters {
    let objective = Objective::square(weight);
    let mut p = start.clone();
    let mut gradient = start.clone();
    let mut loss = network.gradient(&p, x, y, objective, &mut gradient);
    let mut trial_gradient = start.clone();
    let mut rate = if curvature > 0.0 {
        1.0 / curvature
    } else {
        1.0
    };
    for _ in 0..LINE_SEARCH {
        let trial = moved(&p, -rate, &gradient);
        let trial_loss = network.gradient(&trial, x, y, objective, &mut trial_gradient);
        if trial_loss <= loss {
            (p, loss) = (trial, trial_loss);
            std::mem::swap(&mut gradient, &mut trial_gradient);
            rate *= 1.5;
        } else {
            rate *= 0.4;
        }
    }
    p
}

fn norm(p: &Parameters) -> f64 {
    p.blocks
        .iter()
        .map(|b| b.norm_squared())
        .sum::<f64>()
        .sqrt()
}

fn scale(p: &mut Parameters, factor: f64) {
    for block in &mut p.blocks {
        *block *= factor;
    }
}

pub(super) fn moved(p: &Parameters, step: f64, direction: &Parameters) -> Parameters {
    Parameters {
        blocks: p
            .blocks
            .iter()
            .zip(&direction.blocks)
            .map(|(p, d)| p + d * step)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Activation, MlpNetwork};
    use crate::numerics::linalg::eigh;

    #[test]
    fn curvature_is_the_top_eigenvalue_of_the_gram_matrix_of_the_jacobian() {
        let mut rng = stream(4, "stability", &[]);
        let widths = vec![5, 6, 2];
        let p = Parameters {
            blocks: widths
                .windows(2)
                .map(|n| normal_matrix(&mut rng, n[1], n[0]))
                .collect(),
        };
        let x = normal_matrix(&mut rng, 5, 9);
        for phi in Activation::ALL {
            let mut network = MlpNetwork::new(widths.clone(), phi.clone(), &[0.4, 0.3]);
            let j = network.jacobian(&p, &x);
            let exact = eigh(&(&j * j.transpose() * 0.1)).unwrap().0.max();
            let found = top_curvature(&mut network, &p, &x, 0.1);
            assert!(
                (found / exact - 1.0).abs() < 1e-6,
                "{phi:?}: {found} {exact}"
            );
        }
    }

    #[test]
    fn deep_linear_bound_knows_the_curvature_of_the_minimum() {
        // W2 W1 = diag(3, 1) with whitened inputs: the start is almost flat, and the flattest minimum is the balanced one with
        // curvature 2 * 3; the line search unbalances the layers a little.
        let mut rng = stream(5, "stability", &[]);
        let p = Parameters {
            blocks: vec![
                normal_matrix(&mut rng, 2, 2) * 1e-2,
                normal_matrix(&mut rng, 2, 2) * 1e-2,
            ],
        };
        let x = DMatrix::identity(2, 2);
        let y = DMatrix::from_row_slice(2, 2, &[3.0, 0.0, 0.0, 1.0]);
        let mut network = MlpNetwork::new(vec![2, 2, 2], Activation::Linear, &[1.0, 1.0]);
        let bound = stable_bound(&mut network, &p, &x, &y, 1.0, 1.0).unwrap();
        let flattest = 2.0 / 6.0;
        assert!(
            (0.9 * flattest..=flattest * (1.0 + 1e-6)).contains(&bound),
            "{bound}"
        );
        let zero = Parameters::zeros(&[(2, 2), (2, 2)]);
        assert_eq!(stable_bound(&mut network, &zero, &x, &y, 1.0, 1.0), None);
    }
}
