//! Sharpness of a loss: the largest eigenvalue of its whole Hessian, from gradients alone.

use super::stability::moved;
use crate::error::Result;
use crate::learner::{Network, Objective, Parameters};
use crate::numerics::lanczos::{Top, top_eigenvalues};
use nalgebra::DMatrix;

/// Residual norm, relative to the largest Ritz value, at which the eigenvalue counts as known.
pub const TOLERANCE: f64 = 1e-6;
/// Displacement of the central differences, in units of a typical parameter.
const DISPLACEMENT: f64 = 1e-4;
/// Most products with the Hessian.
const MOST_PRODUCTS: usize = 500;

/// Largest eigenvalue of the Hessian of the objective in the raw parameters, by Lanczos iteration: `H v` is the central difference of two
/// gradients (relative error about 1e-8), and the eigenvalue lies within the residual norm `bounds[0]` of `values[0]`, at most 1e-6 of it.
///
/// Gradient descent with step `h` on the raw parameters is stable at a minimum where the sharpness is below `2/h`. Unlike
/// [`top_curvature`](super::stability::top_curvature) it includes the curvature of the outputs themselves, and may be negative.
///
/// Source: Cohen, Kaur, Li, Kolter, Talwalkar 2021, arXiv:2103.00065.
///
/// Errors: [`Error::Unconverged`](crate::Error) after 500 products, or where the gradient is not finite.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::learner::{Activation, MlpNetwork, Objective, Parameters};
/// use saddlepoint::training::sharpness::sharpness;
/// // L = (y - a b)^2/2 at a = 2, b = 1/2, y = 1: the Hessian is [[b^2, 1], [1, a^2]], with eigenvalues 0 and a^2 + b^2 = 4.25.
/// let mut network = MlpNetwork::new(vec![1, 1, 1], Activation::Linear, &[1.0, 1.0]);
/// let scalar = |v: f64| DMatrix::from_element(1, 1, v);
/// let p = Parameters { blocks: vec![scalar(2.0), scalar(0.5)] };
/// let top = sharpness(&mut network, &p, &scalar(1.0), &scalar(1.0), Objective::square(1.0))?;
/// assert!((top.values[0] - 4.25).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn sharpness(
    network: &mut dyn Network<f64>,
    p: &Parameters,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    objective: Objective,
) -> Result<Top> {
    let n = p.len();
    let squares: f64 = p.blocks.iter().map(|b| b.norm_squared()).sum();
    let step = DISPLACEMENT * (1.0 + (squares / n.max(1) as f64).sqrt());
    let mut direction = p.clone();
    let (mut above, mut below) = (p.clone(), p.clone());
    top_eigenvalues(n, 1, TOLERANCE, MOST_PRODUCTS.min(n), |v, out| {
        let mut rest = v;
        for block in &mut direction.blocks {
            let (head, tail) = rest.split_at(block.len());
            block.copy_from_slice(head);
            rest = tail;
        }
        network.gradient(&moved(p, step, &direction), x, y, objective, &mut above);
        network.gradient(&moved(p, -step, &direction), x, y, objective, &mut below);
        let entries = |p: &Parameters| p.blocks.iter().flat_map(|b| b.iter().copied()).collect();
        let (above, below): (Vec<f64>, Vec<f64>) = (entries(&above), entries(&below));
        for (out, (a, b)) in out.iter_mut().zip(above.iter().zip(&below)) {
            *out = (a - b) / (2.0 * step);
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Activation, MlpNetwork};
    use crate::numerics::linalg::eigh;
    use crate::numerics::random::{normal_matrix, stream};

    fn found(widths: &[usize], p: &Parameters, x: &DMatrix<f64>, y: &DMatrix<f64>) -> f64 {
        let multipliers = vec![1.0; widths.len() - 1];
        let mut network = MlpNetwork::new(widths.to_vec(), Activation::Linear, &multipliers);
        let top = sharpness(&mut network, p, x, y, Objective::square(0.2)).unwrap();
        assert!(top.bounds[0] <= TOLERANCE * top.values[0].abs().max(1.0));
        top.values[0]
    }

    #[test]
    fn linear_regression_has_the_second_moment_of_its_inputs() {
        let mut rng = stream(6, "sharpness", &[]);
        let (x, y) = (normal_matrix(&mut rng, 4, 9), normal_matrix(&mut rng, 3, 9));
        let p = Parameters {
            blocks: vec![normal_matrix(&mut rng, 3, 4)],
        };
        let exact = eigh(&(&x * x.transpose() * 0.2)).unwrap().0.max();
        assert!((found(&[4, 3], &p, &x, &y) / exact - 1.0).abs() < 1e-6);
    }

    #[test]
    fn two_scalar_layers_have_their_closed_form_away_from_minima() {
        // L = (w/2)(y - a b)^2: w [[b^2, 2 a b - y], [2 a b - y, a^2]].
        for (a, b, y) in [
            (2.0, 0.5, 1.0),
            (0.1, -0.2, 3.0),
            (1.5, 1.5, -1.0),
            (0.0, 0.0, 2.0),
        ] {
            let p = Parameters {
                blocks: vec![
                    DMatrix::from_element(1, 1, b),
                    DMatrix::from_element(1, 1, a),
                ],
            };
            let (mean, half): (f64, f64) = ((a * a + b * b) / 2.0, (a * a - b * b) / 2.0);
            let exact = 0.2 * (mean + half.hypot(2.0 * a * b - y));
            let one = |v: f64| DMatrix::from_element(1, 1, v);
            let found = found(&[1, 1, 1], &p, &one(1.0), &one(y));
            assert!((found - exact).abs() < 1e-6, "{found} {exact}");
        }
    }
}
