//! What theories read off the map of a linear network, in the conventions of the observables.

use crate::error::Result;
use crate::task::Modes;
use nalgebra::DMatrix;

/// `u_i = U_i^T F V_i` for a map `F: outputs x inputs`.
pub fn mode_strengths(f: &DMatrix<f64>, modes: &Modes) -> Vec<f64> {
    let projected = f * &modes.v;
    (0..modes.s.len())
        .map(|i| modes.u.column(i).dot(&projected.column(i)))
        .collect()
}

/// `|u_i . u^_i| |v_i . v^_i|` with the `i`-th singular pair of `F`, as the instrument defines it.
pub fn singular_alignment(f: &DMatrix<f64>, modes: &Modes) -> Result<Vec<f64>> {
    crate::instrument::modes::alignments(modes, f)
}

/// Row-major entries of `F`.
pub fn entries(f: &DMatrix<f64>) -> Vec<f64> {
    f.transpose().as_slice().to_vec()
}

/// Loss `(w/2) ||Y - F X||^2`.
pub fn loss(f: &DMatrix<f64>, (x, y): (&DMatrix<f64>, &DMatrix<f64>), w: f64) -> f64 {
    0.5 * w * (y - f * x).norm_squared()
}

/// Neural tangent kernel of a deep linear network on fixed inputs, as a sum of Kronecker products over the layers,
/// `K = sum_l (W_L..W_{l+1})(..)^T (x) X^T (W_{l-1}..W_1)^T (..) X`.
pub struct LinearKernel {
    /// `(outputs x outputs, samples x samples)` per layer
    factors: Vec<(DMatrix<f64>, DMatrix<f64>)>,
}

impl LinearKernel {
    /// For weights `[W_1, ..., W_L]` and inputs `x: inputs x samples`.
    pub fn new(weights: &[DMatrix<f64>], x: &DMatrix<f64>) -> Self {
        let mut inner = Vec::with_capacity(weights.len());
        let mut below = x.clone();
        for w in weights {
            inner.push(below.tr_mul(&below));
            below = w * below;
        }
        let mut factors = Vec::with_capacity(weights.len());
        let mut above = DMatrix::identity(below.nrows(), below.nrows());
        for (w, inner) in weights.iter().zip(inner).rev() {
            factors.push((&above * above.transpose(), inner));
            above *= w;
        }
        LinearKernel { factors }
    }

    fn dot(&self, other: &Self) -> f64 {
        self.factors
            .iter()
            .flat_map(|a| other.factors.iter().map(|b| a.0.dot(&b.0) * a.1.dot(&b.1)))
            .sum()
    }

    /// `1 - <K, K'> / (|K| |K'|)` (Frobenius).
    pub fn change(&self, other: &Self) -> f64 {
        1.0 - self.dot(other) / (self.dot(self) * other.dot(other)).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::linalg::svd;
    use crate::numerics::random::{normal_matrix, stream};

    #[test]
    fn the_factored_kernel_is_the_gram_matrix_of_the_jacobian() {
        let mut rng = stream(1, "test", &[]);
        let shapes = [(4, 3), (5, 4), (2, 5)];
        let weights = |rng: &mut _| shapes.map(|(r, c)| normal_matrix(rng, r, c)).to_vec();
        let (a, b) = (weights(&mut rng), weights(&mut rng));
        let x = normal_matrix(&mut rng, 3, 4);
        let f = |w: &[DMatrix<f64>]| &w[2] * &w[1] * &w[0] * &x;
        // The map is linear in each layer, so unit differences are exact derivatives.
        let kernel = |w: &[DMatrix<f64>]| {
            let mut columns = Vec::new();
            for l in 0..3 {
                for k in 0..w[l].len() {
                    let mut moved = w.to_vec();
                    moved[l][k] += 1.0;
                    columns.extend_from_slice((f(&moved) - f(w)).as_slice());
                }
            }
            let j = DMatrix::from_vec(8, columns.len() / 8, columns);
            &j * j.transpose()
        };
        let (ka, kb) = (kernel(&a), kernel(&b));
        let exact = 1.0 - ka.dot(&kb) / (ka.norm() * kb.norm());
        let got = LinearKernel::new(&a, &x).change(&LinearKernel::new(&b, &x));
        assert!((got - exact).abs() < 1e-12);
        assert!(
            LinearKernel::new(&a, &x)
                .change(&LinearKernel::new(&a, &x))
                .abs()
                < 1e-14
        );
    }

    #[test]
    fn strengths_and_alignment_of_the_teacher_itself() {
        let mut rng = stream(2, "test", &[]);
        let f = normal_matrix(&mut rng, 4, 6);
        let (u, s, v) = svd(&f).unwrap();
        let modes = Modes { u, s: s.clone(), v };
        for (got, s) in mode_strengths(&f, &modes).iter().zip(s.iter()) {
            assert!((got - s).abs() < 1e-12);
        }
        for a in singular_alignment(&-&f, &modes).unwrap() {
            assert!((a - 1.0).abs() < 1e-12);
        }
        assert_eq!(entries(&f)[1], f[(0, 1)]);
    }
}
