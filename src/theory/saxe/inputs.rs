//! The training set as a linear network sees it: in the principal directions of its inputs.

use crate::error::Result;
use crate::numerics::linalg::{multiply, svd};
use nalgebra::{DMatrix, DVector};

/// A training set in the principal directions of its inputs, which need not be white.
///
/// With a weight `w` of every sample in the loss, and `r = min(inputs, samples)` directions,
///
/// ```text
/// sqrt(w) X = V diag(sigma) Q^T,     T = sqrt(w) Y Q,
/// S_xx = V diag(sigma^2) V^T,        S_yx = T diag(sigma) V^T,
/// (w/2) |Y - F X|^2 = floor + (1/2) |T - F V diag(sigma)|^2.
/// ```
///
/// `V: inputs x r` are the directions, `sigma` the deviations of the inputs along them, `T: outputs x r` the targets
/// along them. `floor` is the part of the targets that no linear map of these inputs can reach. Nothing is divided by
/// `sigma`, so that directions in which the inputs do not vary need no cutoff. Where there are fewer samples than
/// inputs, the directions without data are left out.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::theory::saxe::inputs::Inputs;
/// let x = DMatrix::from_row_slice(2, 2, &[1.0, 2.0, 0.0, 0.0]);
/// let y = DMatrix::from_row_slice(1, 2, &[3.0, 4.0]);
/// let inputs = Inputs::new(&x, &y, 0.5)?;
/// assert!((inputs.loss(&DMatrix::from_row_slice(1, 2, &[1.0, 7.0])) - 0.25 * (4.0 + 4.0)).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Inputs {
    /// `V`, orthonormal columns.
    pub directions: DMatrix<f64>,
    /// `sigma`, descending.
    pub deviations: DVector<f64>,
    /// `T`
    pub targets: DMatrix<f64>,
    /// Loss of the best linear map where all directions vary.
    pub floor: f64,
}

impl Inputs {
    /// Samples are the columns of `x` and `y`. Costs one thin singular value decomposition of `x`.
    ///
    /// # Errors
    /// `Unconverged` for inputs that are not finite.
    pub fn new(x: &DMatrix<f64>, y: &DMatrix<f64>, w: f64) -> Result<Self> {
        let (directions, sizes, samples) = svd(x)?;
        let root = w.sqrt();
        let targets = multiply(y, &samples);
        let rest = y - multiply(&targets, &samples.transpose());
        Ok(Inputs {
            directions,
            deviations: sizes * root,
            targets: targets * root,
            floor: 0.5 * w * rest.norm_squared(),
        })
    }

    /// `(T - F V diag(sigma)) diag(sigma)`, minus the slope of the loss by `F V`, from `F V`.
    pub fn pull(&self, map: &DMatrix<f64>) -> DMatrix<f64> {
        let mut error = self.error(map);
        scale_columns(&mut error, &self.deviations);
        error
    }

    fn error(&self, map: &DMatrix<f64>) -> DMatrix<f64> {
        let mut reached = map.clone();
        scale_columns(&mut reached, &self.deviations);
        &self.targets - reached
    }

    /// Loss `(w/2) |Y - F X|^2` of the map `F: outputs x inputs`.
    pub fn loss(&self, f: &DMatrix<f64>) -> f64 {
        self.floor + 0.5 * self.error(&multiply(f, &self.directions)).norm_squared()
    }

    /// Largest eigenvalue of `S_xx`.
    pub fn largest(&self) -> f64 {
        self.deviations.iter().fold(0.0, |a: f64, s| a.max(s * s))
    }

    /// How the flow is solved on these inputs.
    pub(super) fn told(&self) -> String {
        format!(
            "Dormand-Prince 5(4) on the weights, relative 1e-10; correlated inputs, {} directions, \
             largest eigenvalue of Sxx {:.3e}",
            self.deviations.len(),
            self.largest()
        )
    }

    /// `W_1` in the directions, `W_1 V`, and what of it sees no data, `W_1 (1 - V V^T)`.
    pub fn enter(&self, first: &DMatrix<f64>) -> (DMatrix<f64>, Option<DMatrix<f64>>) {
        let inside = multiply(first, &self.directions);
        let still = (self.directions.ncols() < first.ncols())
            .then(|| first - multiply(&inside, &self.directions.transpose()));
        (inside, still)
    }

    /// The inverse of [`Inputs::enter`].
    pub fn leave(&self, inside: &DMatrix<f64>, still: Option<&DMatrix<f64>>) -> DMatrix<f64> {
        let first = multiply(inside, &self.directions.transpose());
        match still {
            Some(still) => first + still,
            None => first,
        }
    }
}

fn scale_columns(a: &mut DMatrix<f64>, factors: &DVector<f64>) {
    for (mut column, &factor) in a.column_iter_mut().zip(factors.iter()) {
        column *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    /// More samples than inputs, fewer, and inputs that depend on each other.
    #[test]
    fn moments_and_losses_are_those_of_the_samples() {
        for (inputs, samples, rank) in [(4, 9, 4), (7, 3, 3), (5, 8, 2)] {
            let mut rng = stream(1, "test", &[inputs as u64]);
            let x = normal_matrix(&mut rng, inputs, rank) * normal_matrix(&mut rng, rank, samples);
            let y = normal_matrix(&mut rng, 2, samples);
            let w = 0.3;
            let seen = Inputs::new(&x, &y, w).unwrap();
            let (v, s) = (&seen.directions, DMatrix::from_diagonal(&seen.deviations));
            let xx = v * &s * &s * v.transpose();
            assert!((xx - &x * x.transpose() * w).amax() < 1e-12);
            let yx = &seen.targets * &s * v.transpose();
            assert!((&yx - &y * x.transpose() * w).amax() < 1e-12);
            let f = normal_matrix(&mut rng, 2, inputs);
            let loss = 0.5 * w * (&y - &f * &x).norm_squared();
            assert!((seen.loss(&f) / loss - 1.0).abs() < 1e-12);
            let pull = seen.pull(&(&f * v)) * v.transpose();
            assert!((pull - (&y - &f * &x) * x.transpose() * w).amax() < 1e-11);
            let first = normal_matrix(&mut rng, 6, inputs);
            let (inside, still) = seen.enter(&first);
            assert_eq!(still.is_some(), samples < inputs);
            assert!(still.iter().all(|still| (still * &x).amax() < 1e-12));
            assert!((seen.leave(&inside, still.as_ref()) - first).amax() < 1e-13);
        }
    }
}
