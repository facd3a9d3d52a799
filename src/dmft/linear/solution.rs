//! Answers of the sweep: outputs at once, kernels and responses of the samples on demand.

use super::fields::Fields;
use super::sweep::State;
use nalgebra::{DMatrix, DVector, DVectorView};

/// The trained network at all times `0 ..= T`, on training and test samples.
///
/// Layers are numbered as in the formulas: hidden layers `1 ..= L`, the inputs 0, the read-out `L + 1`. All matrices
/// over samples are (P + M) x (P + M) in the order of the problem's kernel.
#[derive(Clone)]
pub struct Solution {
    state: State,
    /// Column `t`: outputs of all samples.
    outputs: DMatrix<f64>,
    targets: Vec<f64>,
}

impl std::fmt::Debug for Solution {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = f.debug_struct("Solution");
        text.field("depth", &self.depth())
            .field("steps", &self.steps());
        text.finish_non_exhaustive()
    }
}

impl Solution {
    pub(super) fn new(state: State, outputs: DMatrix<f64>, targets: Vec<f64>) -> Self {
        Solution {
            state,
            outputs,
            targets,
        }
    }

    /// Number of steps T.
    pub fn steps(&self) -> usize {
        self.outputs.ncols() - 1
    }

    /// Number L of hidden layers.
    pub fn depth(&self) -> usize {
        self.state.layers.len()
    }

    /// `f_a(t)` of all samples, training samples first.
    pub fn outputs(&self, t: usize) -> DVectorView<'_, f64> {
        self.outputs.column(t)
    }

    /// `Delta_a(t) = y_a - f_a(t)` of the training samples.
    pub fn errors(&self, t: usize) -> DVector<f64> {
        let trained = self.outputs.view((0, t), (self.targets.len(), 1));
        DVector::from_column_slice(&self.targets) - trained.column(0)
    }

    /// `G^l(t,s)`, the same for all samples, for `l = 1 ..= L + 1`; `G^{L+1} = 1`.
    pub fn gradient_kernel(&self, l: usize, t: usize, s: usize) -> f64 {
        self.state
            .layers
            .get(l - 1)
            .map_or(1.0, |layer| layer.gradient.at(t, s))
    }

    /// `H^l_ab(t,s)` for `l = 0 ..= L` in this order; `H^0 = K^x`.
    ///
    /// ```text
    /// H^l(t,s) = S^{l-1}(t,s) H^{l-1}(t,s) + gamma_0^2 [U(t) C(s)^T + C(t) O(s)^T]
    /// ```
    ///
    /// with `U` and `O` the overlaps of `u^l(t)` and `h^l(s)` with `g^l`. Cost: `O(L (P + M) T^2)` for each of the two
    /// times.
    pub fn feature_kernels(&self, t: usize, s: usize) -> Vec<DMatrix<f64>> {
        let last = t.max(s);
        let early = Fields::at(&self.state, s, last);
        if t == s {
            return self.kernels_between(t, &early, s, &early);
        }
        self.kernels_between(t, &Fields::at(&self.state, t, last), s, &early)
    }

    fn kernels_between(
        &self,
        t: usize,
        late: &Fields,
        s: usize,
        early: &Fields,
    ) -> Vec<DMatrix<f64>> {
        let state = &self.state;
        let mut kernels = vec![state.kernel.clone()];
        for (l, (late, early)) in late.layers.iter().zip(&early.layers).enumerate() {
            let prior = state.memory.covariance(state.weight_variances[l], t, s);
            let learned = &late.prior_overlap * early.rates.transpose()
                + &late.rates * early.overlap.transpose();
            kernels.push(&kernels[l] * prior + learned * state.squared);
        }
        kernels
    }

    /// `H^l_ab(t,s)` of one layer; [`Solution::feature_kernels`] gives all of them for the same cost.
    pub fn feature_kernel(&self, l: usize, t: usize, s: usize) -> DMatrix<f64> {
        self.feature_kernels(t, s).swap_remove(l)
    }

    /// `K^NTK_ab(t) = sum_{l=0}^L G^{l+1}(t,t) H^l_ab(t,t)`.
    pub fn tangent_kernel(&self, t: usize) -> DMatrix<f64> {
        let kernels = self.feature_kernels(t, t);
        let zero = DMatrix::zeros(kernels[0].nrows(), kernels[0].ncols());
        let terms = kernels.iter().enumerate();
        terms.fold(zero, |sum, (l, kernel)| {
            sum + kernel * self.gradient_kernel(l + 1, t, t)
        })
    }

    /// `A^l_a(t,s) = gamma_0^{-1} <d h^l_a(t)/d r^l(s)>` for `l = 1 ..= L` (index 0 is `l = 1`): the row is the sample,
    /// the column the time `s = 0 ..= t`.
    pub fn forward_responses(&self, t: usize) -> Vec<DMatrix<f64>> {
        let fields = Fields::at(&self.state, t, t);
        fields
            .layers
            .into_iter()
            .map(|field| field.response)
            .collect()
    }

    /// `B^l_b(t,s) = gamma_0^{-1} <d g^{l+1}(t)/d u^{l+1}_b(s)>` of all samples, for `l = 0 ..= L`; `B^L = 0`.
    pub fn backward_response(&self, l: usize, t: usize, s: usize) -> DVector<f64> {
        let echo = self
            .state
            .layers
            .get(l)
            .map_or(0.0, |layer| layer.echo.at(t, s));
        self.state.driven.column(s) * echo
    }

    /// `<g^l(t) h^l_a(t)>/gamma_0` for `l = 1 ..= L` (index 0 is `l = 1`): the outputs, read at every layer.
    ///
    /// With the exact read-out all of them are [`Solution::outputs`] to rounding; with an approximation their distance
    /// from it is a measure of its error.
    pub fn outputs_by_layer(&self, t: usize) -> Vec<DVector<f64>> {
        let fields = Fields::at(&self.state, t, t);
        fields
            .layers
            .into_iter()
            .map(|field| field.overlap.column(t).into_owned())
            .collect()
    }
}
