//! Infinitely wide fully connected networks: the NNGP and NTK recursion over layers.

use super::dual::Nonlinearity;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One number for all layers, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PerLayer {
    /// The same number for all layers.
    Same(f64),
    /// One number per layer, `depth + 1` of them, from the input to the read-out.
    Each(Vec<f64>),
}

impl PerLayer {
    /// The number of layer `l`; `Each` must have been checked to be long enough.
    fn at(&self, l: usize) -> f64 {
        match self {
            PerLayer::Same(v) => *v,
            PerLayer::Each(v) => v.get(l).copied().unwrap_or(f64::NAN),
        }
    }
}

/// A fully connected network with `depth` hidden layers of infinite width, NTK parametrisation.
///
/// ```text
/// z^1 = s_w d^{-1/2} W x + s_b b,   z^{l+1} = s_w N_l^{-1/2} W phi(z^l) + s_b b      (W, b standard normal)
/// K^1 = s_w^2 x.x'/d + s_b^2,       Theta^1 = K^1
/// K^{l+1} = s_w^2 F(K^l) + s_b^2,   Theta^{l+1} = K^{l+1} + s_w^2 F'(K^l) Theta^l
/// ```
///
/// The kernels of the network are `K^{depth+1}` (NNGP: prior covariance of its output) and `Theta^{depth+1}` (NTK); depth 0 is a
/// linear model. `s_w^2`, `s_b^2` may differ between layers: `depth + 1` entries, from the input to the read-out (a read-out prior
/// `s_a^2` is the last entry of `weight_variance`). Sources: Lee et al. 2018, arXiv:1711.00165; Jacot et al. 2018, arXiv:1806.07572.
///
/// ```
/// use saddlepoint::kernel::{Network, Nonlinearity};
/// let network = Network::new(Nonlinearity::Relu, 3, 2.0, 0.1);
/// let k = network.at(14.0 / 3.0, 5.25 / 3.0, -3.5 / 3.0)?; // |x|^2/d, |y|^2/d, x.y/d
/// assert!(k.nngp > 2.0 && k.ntk > k.nngp);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Pointwise nonlinearity of every hidden layer.
    pub nonlinearity: Nonlinearity,
    /// Number of hidden layers.
    #[serde(default = "one_layer")]
    pub depth: usize,
    /// `s_w^2`
    #[serde(default = "unit")]
    pub weight_variance: PerLayer,
    /// `s_b^2`
    #[serde(default = "none")]
    pub bias_variance: PerLayer,
}

fn one_layer() -> usize {
    1
}

fn unit() -> PerLayer {
    PerLayer::Same(1.0)
}

fn none() -> PerLayer {
    PerLayer::Same(0.0)
}

/// Kernels of one pair of samples after the last layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairKernel {
    /// `K(x, y)`: prior covariance of the output.
    pub nngp: f64,
    /// `Theta(x, y)`: neural tangent kernel.
    pub ntk: f64,
    /// `K(x, x)` and `K(y, y)`
    pub variances: [f64; 2],
    /// Largest truncation error of one layer (see [`super::Dual::bound`]).
    pub bound: f64,
}

impl Network {
    /// The same variances in all layers.
    pub fn new(nonlinearity: Nonlinearity, depth: usize, s_w2: f64, s_b2: f64) -> Self {
        Network {
            nonlinearity,
            depth,
            weight_variance: PerLayer::Same(s_w2),
            bias_variance: PerLayer::Same(s_b2),
        }
    }

    /// `(s_w^2, s_b^2)` of layer `l = 0..=depth`.
    pub(super) fn variances(&self, l: usize) -> (f64, f64) {
        (self.weight_variance.at(l), self.bias_variance.at(l))
    }

    /// Checks the ranges; `place` is the key path for messages.
    pub fn check(&self, place: &str) -> Result<()> {
        self.nonlinearity.check(&format!("{place}.nonlinearity"))?;
        if self.depth > 10_000 {
            return Err(Error::input(
                format!("{place}.depth"),
                format!("{} hidden layers", self.depth),
                "use at most 10000",
            ));
        }
        let keys = [
            ("weight_variance", &self.weight_variance),
            ("bias_variance", &self.bias_variance),
        ];
        for (key, values) in keys {
            let place = format!("{place}.{key}");
            let count = self.depth + 1;
            if let PerLayer::Each(v) = values
                && v.len() != count
            {
                return Err(Error::input(
                    place,
                    format!("{} numbers for {count} layers", v.len()),
                    "give one number, or one per layer from the input to the read-out (depth + 1)",
                ));
            }
            let bad = (0..count)
                .map(|l| values.at(l))
                .find(|v| !(v.is_finite() && *v >= 0.0));
            if let Some(v) = bad {
                return Err(Error::input(
                    place,
                    format!("{v} is not a variance"),
                    "give finite numbers >= 0",
                ));
            }
        }
        Ok(())
    }

    /// Variances `K^l(x, x)` and tangent kernels `Theta^l(x, x)`, `l = 1..=depth+1`, of a sample with `|x|^2/d = norm`.
    ///
    /// # Errors
    /// A kernel that is not finite, with its layer: quadratic networks explode doubly exponentially with depth.
    pub fn diagonal(&self, norm: f64) -> Result<(Vec<f64>, Vec<f64>)> {
        let (s_w2, s_b2) = self.variances(0);
        let first = s_w2 * norm + s_b2;
        let (mut k, mut theta) = (vec![first], vec![first]);
        for l in 0..=self.depth {
            if !(k[l].is_finite() && theta[l].is_finite()) {
                return Err(Error::input(
                    "kernel.depth",
                    format!(
                        "the kernel of a sample with |x|^2/d = {norm:e} overflows at layer {} of {}",
                        l + 1,
                        self.depth + 1
                    ),
                    "lower depth or weight_variance, or scale the inputs (quadratic networks explode doubly exponentially with \
                     depth)",
                ));
            }
            if l < self.depth {
                let (value, slope) = self.nonlinearity.moments(k[l]);
                let (s_w2, s_b2) = self.variances(l + 1);
                k.push(s_w2 * value + s_b2);
                theta.push(k[l + 1] + s_w2 * slope * theta[l]);
            }
        }
        Ok((k, theta))
    }

    /// Both kernels of one pair, from `|x|^2/d`, `|y|^2/d` and `x.y/d`.
    ///
    /// # Errors
    /// As [`Network::check`], [`Network::diagonal`] and [`Nonlinearity::dual`].
    pub fn at(&self, xx: f64, yy: f64, xy: f64) -> Result<PairKernel> {
        self.check("kernel")?;
        let ((x, _), (y, _)) = (self.diagonal(xx)?, self.diagonal(yy)?);
        let (s_w2, s_b2) = self.variances(0);
        let mut nngp = s_w2 * xy + s_b2;
        let (mut ntk, mut bound) = (nngp, 0.0f64);
        for l in 0..self.depth {
            let dual = self.nonlinearity.dual(x[l], y[l], nngp)?;
            let (s_w2, s_b2) = self.variances(l + 1);
            nngp = s_w2 * dual.value + s_b2;
            ntk = nngp + s_w2 * dual.slope * ntk;
            bound = bound.max(dual.bound);
        }
        Ok(PairKernel {
            nngp,
            ntk,
            variances: [x[self.depth], y[self.depth]],
            bound,
        })
    }
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
