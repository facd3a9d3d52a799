//! One neuron of a linear network: its law stays Gaussian.

use super::neurons::{Neuron, Tilted};
use nalgebra::{DMatrix, DVector};

/// The neuron `h_mu = a (v.c_mu)` with `v ~ N(0, 1)` and `a ~ N(0, s_a^2)`.
///
/// ```text
/// u = sum_mu t_mu c_mu,   Z(t) = (1 - s_a^2 |u|^2)^{-1/2},   v ~ N(0, 1 + s_a^2 u u^T/(1 - s_a^2 |u|^2))
/// E_t h = s_a^2 (u.c)/(1 - s_a^2 |u|^2)
/// ```
///
/// finite for `s_a^2 |u|^2 < 1`.
#[derive(Debug, Clone)]
pub struct Linear {
    /// Coordinates `c` of the inputs, `D x P`.
    pub inputs: DMatrix<f64>,
    /// `s_a^2`
    pub readout_variance: f64,
}

impl Linear {
    /// `u` and `1 - s_a^2 |u|^2`; `None` where that is not positive.
    fn pull(&self, t: &DVector<f64>) -> Option<(DVector<f64>, f64)> {
        let u = &self.inputs * t;
        let left = 1.0 - self.readout_variance * u.norm_squared();
        (left > 0.0).then_some((u, left))
    }

    fn finite(&self, t: &DVector<f64>) -> (DVector<f64>, f64) {
        self.pull(t)
            .unwrap_or_else(|| (DVector::zeros(self.inputs.nrows()), f64::NAN))
    }

    /// `E_t[v v^T]`; not-a-number where `Z` is infinite.
    pub fn weight_moments(&self, t: &DVector<f64>) -> DMatrix<f64> {
        let (u, left) = self.finite(t);
        let d = u.len();
        DMatrix::identity(d, d) + &u * u.transpose() * (self.readout_variance / left)
    }

    /// `E_t[h(x)]` at inputs with coordinates `c`.
    pub fn predict(&self, t: &DVector<f64>, c: &DMatrix<f64>) -> DVector<f64> {
        let (u, left) = self.finite(t);
        c.tr_mul(&u) * (self.readout_variance / left)
    }

    /// `E_t[a^2] = s_a^2/(1 - s_a^2 |u|^2)`
    pub fn readout_moment(&self, t: &DVector<f64>) -> f64 {
        self.readout_variance / self.finite(t).1
    }
}

impl Neuron for Linear {
    fn features(&self) -> usize {
        self.inputs.ncols()
    }

    fn tilted(&self, t: &DVector<f64>) -> Option<Tilted> {
        let (u, left) = self.pull(t)?;
        Some(Tilted {
            log_z: -0.5 * left.ln(),
            mean: self.inputs.tr_mul(&u) * (self.readout_variance / left),
        })
    }

    fn covariance(&self, t: &DVector<f64>) -> Option<DMatrix<f64>> {
        let (u, left) = self.pull(t)?;
        let s = self.readout_variance / left;
        let along = self.inputs.tr_mul(&u);
        let gram = self.inputs.tr_mul(&self.inputs);
        Some(gram * s + &along * along.transpose() * (2.0 * s * s))
    }

    fn kernel(&self, t: &DVector<f64>) -> Option<DMatrix<f64>> {
        let (u, left) = self.pull(t)?;
        let along = self.inputs.tr_mul(&u);
        let gram = self.inputs.tr_mul(&self.inputs);
        let s = self.readout_variance;
        Some(gram * s + &along * along.transpose() * (s * s / left))
    }

    fn method(&self) -> String {
        "Gaussian integral".into()
    }
}
