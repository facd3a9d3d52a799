//! The fields of every sample at one time, from the matrices over pairs of times that the training left.

use super::record::Square;
use super::sweep::State;
use crate::numerics::linalg::{Factor, Gemm};
use nalgebra::{DMatrix, DVector};

/// What is known of `h^l_a(t)` for all samples `a` at one time `t`: in every matrix the row is the sample, the column a
/// time.
///
/// ```text
/// E_a(s) = <h_a(t) v(s)> = sum_b H_ab(t,s) Delta_b(s) = [S E^{l-1} x^T + gamma_0^2 C Y^T]_a(s)
/// U_a(s) = <u_a(t) g(s)>/gamma_0 = [S E^{l-1} z^T]_a(s)
/// O_a(s) = <h_a(t) g(s)>/gamma_0 = [U + C G]_a(s)
/// ```
#[derive(Debug, Clone)]
pub(super) struct Fields {
    /// Hidden layers `1 ..= L`, from index 0 on.
    pub layers: Vec<Field>,
}

/// One hidden layer of [`Fields`].
#[derive(Debug, Clone)]
pub(super) struct Field {
    /// `C_a(t,s)`, 0 from `s = t` on.
    pub rates: DMatrix<f64>,
    /// `A_a(t,s)`, 0 from `s = t` on.
    pub response: DMatrix<f64>,
    /// `E_a(s)`
    pub driven: DMatrix<f64>,
    /// `U_a(s)`
    pub prior_overlap: DMatrix<f64>,
    /// `O_a(s)`
    pub overlap: DMatrix<f64>,
}

impl Fields {
    /// The fields at the time `t`, with columns for the times `0 ..= last`, `last >= t`; rows of layers up to `last`
    /// must stand.
    ///
    /// Cost: five products of a (P + M) x T and a T x T matrix per layer.
    pub fn at(state: &State, t: usize, last: usize) -> Self {
        let times = last + 1;
        let mut below: Option<Field> = None;
        let mut layers = Vec::with_capacity(state.layers.len());
        for (l, layer) in state.layers.iter().enumerate() {
            let covariance = state.covariances(l, t, times);
            let mut driven = match &below {
                Some(field) => field.driven.clone(),
                None => state.pulled.columns(0, times).into_owned(),
            };
            let mut rates = DMatrix::zeros(driven.nrows(), times);
            for (s, &covariance) in covariance[..t].iter().enumerate() {
                let kernel = state.rate * state.memory.carry(t, s);
                rates.set_column(s, &(driven.column(s) * kernel));
                if let Some(field) = below.as_ref().filter(|_| state.responses) {
                    let mut rates = rates.column_mut(s);
                    rates.axpy(covariance, &field.response.column(s), 1.0);
                }
            }
            for (s, mut column) in driven.column_iter_mut().enumerate() {
                column *= covariance[s];
            }
            let mut all = transposed_product(&rates, &layer.overlap) * state.squared;
            all += transposed_product(&driven, &layer.driven_gain);
            let prior_overlap = transposed_product(&driven, &layer.echo);
            let overlap = &prior_overlap + product(&rates, &layer.gradient);
            let field = Field {
                response: product(&rates, &layer.gain),
                rates,
                driven: all,
                prior_overlap,
                overlap,
            };
            layers.extend(below.replace(field));
        }
        layers.extend(below);
        Fields { layers }
    }

    /// `sum_b K^NTK_ab(t) Delta_b(t)` with the driven errors of step `t`, the time of these fields.
    pub fn tangent_pull(&self, state: &State, t: usize) -> DVector<f64> {
        let mut sum = DVector::zeros(state.kernel.nrows());
        for l in 0..=self.layers.len() {
            let gradient = state
                .layers
                .get(l)
                .map_or(1.0, |layer| layer.gradient.at(t, t));
            let driven = if l == 0 {
                &state.pulled
            } else {
                &self.layers[l - 1].driven
            };
            sum.axpy(gradient, &driven.column(t), 1.0);
        }
        sum
    }
}

/// `A M` with the leading square of `M`.
fn product(a: &DMatrix<f64>, m: &Square) -> DMatrix<f64> {
    multiply(a, leading(m, a.ncols()).t())
}

/// `A M^T` with the leading square of `M`.
fn transposed_product(a: &DMatrix<f64>, m: &Square) -> DMatrix<f64> {
    multiply(a, leading(m, a.ncols()))
}

fn multiply(a: &DMatrix<f64>, factor: Factor<f64>) -> DMatrix<f64> {
    let mut c = DMatrix::zeros(a.nrows(), a.ncols());
    let left = Factor::new(a.as_slice(), a.nrows(), a.ncols());
    f64::gemm(1.0, left, factor, c.as_mut_slice());
    c
}

/// The leading `n x n` square as a column-major factor: the transpose of the rows.
fn leading(m: &Square, n: usize) -> Factor<'_, f64> {
    let last = (n - 1) * m.size + n;
    Factor::strided(&m.entries[..last], n, n, m.size)
}
