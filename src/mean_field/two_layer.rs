//! The network of the adaptive theories: one hidden layer, one output, Gaussian prior.

use crate::error::{Error, Result};
use crate::kernel::{Activation, Kernel, Network, PerLayer, gram};
use nalgebra::DMatrix;
use serde::Serialize;

/// A Bayesian network with one hidden layer and one output, as its prior, its likelihood and its scaling define it.
///
/// ```text
/// f(x) = sum_i a_i phi(w_i.x),   i = 1, ..., N,    w_ij ~ N(0, s_w^2/d),    a_i ~ N(0, s_a^2/(chi N))
/// p(theta | D) ~ p0(theta) exp(-(chi/(2 T)) sum_mu (y_mu - f(x_mu))^2)
/// ```
///
/// `s_a^2` and `T` are the unscaled values, those of `chi = 1`: the mean-field factor `chi` divides both. The predictor of the
/// Gaussian process depends on `s_a^2/T` alone, so that it is the same for every `chi`; what is learned beyond it grows with
/// `chi`. `chi = 1` is the standard scaling, `chi = N` the mean-field scaling.
///
/// Source: Rubin, Fischer, Lindner, Dahmen, Ringel et al. 2025, arXiv:2502.03210.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TwoLayer {
    /// `phi`
    pub phi: Activation,
    /// `N`
    pub width: f64,
    /// `s_w^2`
    pub weight_variance: f64,
    /// `s_a^2`, before the division by `chi`.
    pub readout_variance: f64,
    /// `T`, the variance of the likelihood before the division by `chi`.
    pub temperature: f64,
    /// `chi`
    pub chi: f64,
}

impl TwoLayer {
    /// Checks the ranges.
    ///
    /// # Errors
    /// `InvalidParameter`: a number that is not finite and positive, or wrong Hermite coefficients.
    pub fn check(&self) -> Result<()> {
        self.phi.check("activation")?;
        let numbers = [
            ("width", self.width),
            ("weight_variance", self.weight_variance),
            ("readout_variance", self.readout_variance),
            ("temperature", self.temperature),
            ("chi", self.chi),
        ];
        match numbers
            .into_iter()
            .find(|(_, v)| !(v.is_finite() && *v > 0.0))
        {
            None => Ok(()),
            Some((name, value)) => Err(Error::input(
                name,
                format!("{value} is not a finite number > 0"),
                "give a positive number",
            )),
        }
    }

    /// `K = s_a^2 E phi(w.x_mu) phi(w.x_nu)` under the prior, `P x P`; samples are columns of `x`.
    pub fn kernel(&self, x: &DMatrix<f64>, max_memory: u64) -> Result<DMatrix<f64>> {
        let network = Network {
            weight_variance: PerLayer::Each(vec![self.weight_variance, self.readout_variance]),
            ..Network::new(self.phi.clone(), 1, 1.0, 0.0)
        };
        Ok(gram(&Kernel::Nngp(network), x, max_memory)?.kernel)
    }
}
