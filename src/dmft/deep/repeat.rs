//! What one repeat of the solver leaves.

use super::record::TwoTime;
use nalgebra::DMatrix;

/// One repeat: outputs, kernels and responses of one sample of paths.
#[derive(Debug, Clone)]
pub(super) struct Repeat {
    /// Column `t`: outputs of all samples.
    pub outputs: DMatrix<f64>,
    /// Hidden layers from index 0 on.
    pub features: Vec<TwoTime>,
    pub gradients: Vec<TwoTime>,
    /// `A^l` at index `l - 1`, for `l < L`.
    pub forward: Vec<TwoTime>,
    /// `B^l` at index `l - 1`, for `l < L`.
    pub backward: Vec<TwoTime>,
    /// For each kept time and layer `h` and `z`: samples after one another, paths within.
    pub kept: Vec<Vec<[Vec<f64>; 2]>>,
    /// Pivots that were raised.
    pub raised: usize,
    /// Whether the white noise has exact moments.
    pub matched: bool,
}

impl Repeat {
    /// `K^NTK_{mu nu}(t)` for all `nu`.
    pub fn tangent_kernel(&self, inputs: &DMatrix<f64>, t: usize, mu: usize) -> Vec<f64> {
        let depth = self.features.len();
        let one = |nu: usize| {
            let terms = (0..=depth).map(|l| {
                let feature = l
                    .checked_sub(1)
                    .map_or(inputs[(mu, nu)], |l| self.features[l].block(t, mu, t)[nu]);
                feature
                    * self
                        .gradients
                        .get(l)
                        .map_or(1.0, |kernel| kernel.block(t, mu, t)[nu])
            });
            terms.sum()
        };
        (0..inputs.nrows()).map(one).collect()
    }
}
