//! Infinitely wide fully connected networks: the NNGP and NTK recursion over layers.

use super::activation::Activation;
use super::angle::{Angle, Gap};
use super::dual::ACCURACY;
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
/// use saddlepoint::kernel::{Network, Activation};
/// let network = Network::new(Activation::Relu, 3, 2.0, 0.1);
/// let k = network.at(14.0 / 3.0, 5.25 / 3.0, -3.5 / 3.0)?; // |x|^2/d, |y|^2/d, x.y/d
/// assert!(k.nngp > 2.0 && k.ntk > k.nngp);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Pointwise nonlinearity of every hidden layer.
    pub nonlinearity: Activation,
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
    /// Bound of the error of both, see `Network::bound`.
    pub bound: f64,
}

impl Network {
    /// The same variances in all layers.
    pub fn new(nonlinearity: Activation, depth: usize, s_w2: f64, s_b2: f64) -> Self {
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
        self.own(norm).map(|own| (own.variances, own.tangents))
    }

    /// What a sample needs to know of itself, layer by layer.
    pub(super) fn own(&self, norm: f64) -> Result<Own> {
        let (s_w2, s_b2) = self.variances(0);
        let first = s_w2 * norm + s_b2;
        let mut own = Own {
            norm,
            variances: vec![first],
            tangents: vec![first],
            moments: Vec::with_capacity(self.depth),
        };
        for l in 0..=self.depth {
            let (k, theta) = (own.variances[l], own.tangents[l]);
            if !(k.is_finite() && theta.is_finite()) {
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
                let (value, slope) = self.nonlinearity.moments(k);
                let (s_w2, s_b2) = self.variances(l + 1);
                own.moments.push(value);
                own.variances.push(s_w2 * value + s_b2);
                own.tangents
                    .push(own.variances[l + 1] + s_w2 * slope * theta);
            }
        }
        Ok(own)
    }

    /// Bound of the error of kernels whose largest value on the diagonal is `scale`: [`ACCURACY`] of it for every
    /// layer.
    pub(super) fn bound(&self, scale: f64) -> f64 {
        ACCURACY * (self.depth + 1) as f64 * scale
    }

    /// `K` and `Theta` of two samples after the last layer, from the angle between their inputs.
    ///
    /// The angle is carried from layer to layer beside the covariance: through rectifiers to relative accuracy, through
    /// the smooth nonlinearities to rounding.
    pub(super) fn pair(&self, x: &Own, y: &Own, inputs: Gap) -> (f64, f64) {
        if inputs.angle == Angle::NONE && x.norm == y.norm {
            return (x.variances[self.depth], x.tangents[self.depth]);
        }
        let (s_w2, s_b2) = self.variances(0);
        let (mut k, mut angle) = inputs.layer([x.norm, y.norm], s_w2, s_b2);
        let mut theta = k;
        for l in 0..self.depth {
            let (s_w2, s_b2) = self.variances(l + 1);
            let (value, slope) = self
                .nonlinearity
                .at_angle(x.variances[l], y.variances[l], angle);
            let moments = [x.moments[l], y.moments[l]];
            let gap = self.nonlinearity.gap(angle, value, moments);
            angle = gap.layer(moments, s_w2, s_b2).1;
            k = s_w2 * value + s_b2;
            theta = k + s_w2 * slope * theta;
        }
        (k, theta)
    }

    /// Both kernels of one pair, from `|x|^2/d`, `|y|^2/d` and `x.y/d`.
    ///
    /// # Errors
    /// As [`Network::check`], [`Network::diagonal`] and [`Activation::dual`].
    pub fn at(&self, xx: f64, yy: f64, xy: f64) -> Result<PairKernel> {
        self.check("kernel")?;
        let (x, y) = (self.own(xx)?, self.own(yy)?);
        let bound = xx.max(0.0).sqrt() * yy.max(0.0).sqrt();
        if xx < 0.0 || yy < 0.0 || xy.is_nan() || xy.abs() > bound * (1.0 + 1e-9) + 1e-300 {
            return Err(Error::input(
                "covariance",
                format!("|x|^2/d = {xx}, |y|^2/d = {yy}, x.y/d = {xy} belong to no pair of inputs"),
                "give squared norms >= 0 and |x.y| <= |x| |y|",
            ));
        }
        let (nngp, ntk) = self.pair(&x, &y, Gap::from_angle(Angle::of(xx, yy, xy)));
        let last = |of: &[f64]| of[self.depth];
        let scale = last(&x.tangents).max(last(&y.tangents));
        Ok(PairKernel {
            nngp,
            ntk,
            variances: [last(&x.variances), last(&y.variances)],
            bound: self.bound(scale),
        })
    }
}

/// One sample with itself, layer by layer.
pub(super) struct Own {
    /// `|x|^2/d`
    pub norm: f64,
    /// `K^l(x, x)`, `l = 1..=depth+1`.
    pub variances: Vec<f64>,
    /// `Theta^l(x, x)`, `l = 1..=depth+1`.
    pub tangents: Vec<f64>,
    /// `F(K^l, K^l)`, `l = 1..=depth`.
    pub moments: Vec<f64>,
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
