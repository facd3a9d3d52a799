//! The free energy of Gaussian weights and its gradient.

use crate::error::Result;
use crate::kernel::Activation;
use crate::numerics::linalg::{
    cholesky, multiply, outer_gram, solve_lower, solve_lower_transposed, transpose_multiply,
};
use nalgebra::{DMatrix, DVector};

/// `F(Sigma)/N` of given data, as a function of the Cholesky factor `L` of `Sigma d/s_w^2`.
#[derive(Debug)]
pub(super) struct Action<'a> {
    pub phi: &'a Activation,
    /// `X` times `sqrt(s_w^2/d)`, in the coordinates in which `L` is written: `dimension x P`.
    pub x: DMatrix<f64>,
    pub y: DVector<f64>,
    pub width: f64,
    pub readout_variance: f64,
    pub temperature: f64,
    pub chi: f64,
    pub logdet: bool,
}

/// What follows from one `L`.
pub(super) struct State {
    /// `C = X Sigma X^T`
    pub preactivation: DMatrix<f64>,
    /// `Q = s_a^2 F(C)`
    pub kernel: DMatrix<f64>,
    /// `t = (Q + T)^{-1} y`
    pub discrepancies: DVector<f64>,
    /// `F/N`
    pub action: f64,
    duals: Duals,
    /// Cholesky factor of `Q + T`.
    factor: DMatrix<f64>,
    /// `L^T X`
    features: DMatrix<f64>,
}

/// `F` of all pairs with its derivatives.
pub(super) struct Duals {
    value: DMatrix<f64>,
    /// `F'_mn` off the diagonal, `g'(C_mm)` on it.
    slope: DMatrix<f64>,
    /// `dF_mn/dC_mm`, 0 on the diagonal.
    by_variance: DMatrix<f64>,
}

impl Duals {
    pub fn new(phi: &Activation, c: &DMatrix<f64>) -> Result<Self> {
        let p = c.nrows();
        let mut value = DMatrix::zeros(p, p);
        let (mut slope, mut by_variance) = (value.clone(), value.clone());
        for n in 0..p {
            let own = phi.second_moments(c[(n, n)])?;
            (value[(n, n)], slope[(n, n)]) = (own.value, own.growth);
            for m in n + 1..p {
                let dual = phi.dual_gradient(c[(m, m)], c[(n, n)], c[(m, n)])?;
                (value[(m, n)], value[(n, m)]) = (dual.value, dual.value);
                slope[(m, n)] = dual.by_covariance;
                slope[(n, m)] = dual.by_covariance;
                [by_variance[(m, n)], by_variance[(n, m)]] = dual.by_variances;
            }
        }
        Ok(Duals {
            value,
            slope,
            by_variance,
        })
    }

    /// `B` with `dE = -1/2 tr(B dC)`, given `M` with `dE = -1/2 tr(M dF)`, both symmetric:
    /// `B_mn = M_mn F'_mn` off the diagonal, and `B_mm = M_mm g'(C_mm) + 2 sum_{n != m} M_mn dF_mn/dC_mm` on it, since
    /// a variance enters the whole row of `F` and, by symmetry, its column.
    pub fn back(&self, m: &DMatrix<f64>) -> DMatrix<f64> {
        let mut b = m.component_mul(&self.slope);
        let rows = m.component_mul(&self.by_variance).column_sum();
        for i in 0..b.nrows() {
            b[(i, i)] += 2.0 * rows[i];
        }
        b
    }
}

impl Action<'_> {
    /// Errors where `Q + T` is not positive definite or not finite: such an `L` is out of range.
    pub fn state(&self, l: &DMatrix<f64>) -> Result<State> {
        let features = transpose_multiply(l, &self.x);
        let preactivation = outer_gram(&features.transpose());
        let duals = Duals::new(self.phi, &preactivation)?;
        let kernel = &duals.value * self.readout_variance;
        let mut shifted = kernel.clone();
        for i in 0..shifted.nrows() {
            shifted[(i, i)] += self.temperature;
        }
        let factor = cholesky(&shifted)?;
        let mut t = DMatrix::from_column_slice(self.y.len(), 1, self.y.as_slice());
        solve_lower(&factor, &mut t);
        // y^T (Q + T)^{-1} y, as a square.
        let mut data = 0.5 * self.chi * t.norm_squared();
        solve_lower_transposed(&factor, &mut t);
        if self.logdet {
            let each = factor
                .diagonal()
                .map(|v| v.ln() - 0.5 * self.temperature.ln());
            data += each.sum();
        }
        // 1/2 (|L|^2 - d) - sum_i ln L_ii, in terms that are small near the prior, L = 1.
        let diagonal = l.diagonal();
        let off: f64 = (0..l.ncols())
            .map(|j| l.view((j + 1, j), (l.nrows() - j - 1, 1)).norm_squared())
            .sum();
        let growth = diagonal
            .iter()
            .map(|v| 0.5 * (v - 1.0) * (v + 1.0) - (v - 1.0).ln_1p());
        let divergence = 0.5 * off + growth.sum::<f64>();
        Ok(State {
            discrepancies: t.column(0).into_owned(),
            action: divergence + data / self.width,
            preactivation,
            kernel,
            duals,
            factor,
            features,
        })
    }

    /// `d(F/N)/dL` on the lower triangle: `L - L^{-T} - (1/N) X B X^T L` in scaled coordinates.
    pub fn gradient(&self, l: &DMatrix<f64>, state: &State) -> DMatrix<f64> {
        let t = &state.discrepancies;
        // M = s_a^2 (chi t t^T - (Q + T)^{-1})
        let mut m = t * t.transpose() * self.chi;
        if self.logdet {
            let mut inverse = DMatrix::identity(t.len(), t.len());
            solve_lower(&state.factor, &mut inverse);
            m -= transpose_multiply(&inverse, &inverse);
        }
        let b = state.duals.back(&(m * self.readout_variance));
        let pull = multiply(&self.x, &multiply(&b, &state.features.transpose()));
        let mut gradient = l - pull / self.width;
        for i in 0..l.nrows() {
            gradient[(i, i)] -= 1.0 / l[(i, i)];
        }
        gradient
    }

    /// Value and gradient in the parameters of [`pack`]; infinite where `L` is out of range.
    pub fn objective(&self, parameters: &[f64]) -> (f64, Vec<f64>) {
        let l = unpack(parameters, self.x.nrows());
        match self.state(&l) {
            Ok(state) if state.action.is_finite() => {
                let mut gradient = self.gradient(&l, &state);
                for i in 0..l.nrows() {
                    gradient[(i, i)] *= l[(i, i)];
                }
                (state.action, lower(&gradient))
            }
            _ => (f64::INFINITY, vec![f64::NAN; parameters.len()]),
        }
    }
}

/// The entries of the lower triangle, column by column.
fn lower(l: &DMatrix<f64>) -> Vec<f64> {
    let columns = (0..l.ncols()).flat_map(|j| (j..l.nrows()).map(move |i| (i, j)));
    columns.map(|at| l[at]).collect()
}

/// `L` as free parameters: its lower triangle, with the logarithms of the diagonal.
pub(super) fn pack(l: &DMatrix<f64>) -> Vec<f64> {
    let mut l = l.clone();
    for i in 0..l.nrows() {
        l[(i, i)] = l[(i, i)].ln();
    }
    lower(&l)
}

/// The inverse of [`pack`].
pub(super) fn unpack(parameters: &[f64], dimension: usize) -> DMatrix<f64> {
    let mut l = DMatrix::zeros(dimension, dimension);
    let mut next = parameters.iter();
    for j in 0..dimension {
        for (i, value) in (j..dimension).zip(&mut next) {
            l[(i, j)] = if i == j { value.exp() } else { *value };
        }
    }
    l
}
