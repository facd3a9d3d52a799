//! Gaussian prior of a multilayer perceptron: variances per layer, and where they stand in each parametrisation.

use crate::error::{Error, Result};
use crate::learner::Parametrization;
use serde::{Deserialize, Serialize};

/// Hidden weight variance: one for all hidden layers, or one for each.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Variances {
    /// The same `s_w^2` in every hidden layer.
    One(f64),
    /// `s_w^2` of the first, second, ... hidden layer.
    Each(Vec<f64>),
}

/// Prior variances of a multilayer perceptron with widths `n_0, n_1, ..., n_L`, and its initial law unless `learner.init` is given:
///
/// ```text
/// hidden weights  N(0, s_w^2 / n_{l-1})     biases  N(0, s_b^2)     read-out  N(0, s_a^2 / (chi n_{L-1}))
/// ```
///
/// so that a pre-activation of an input with `|x|^2 = n_0` has variance `s_w^2 + s_b^2`. Those are the variances of the effective
/// weights `c_l W_l`: in the `standard` parametrisation the raw weights carry them; in `ntk` and `mean-field` the raw entries are
/// `N(0, 1)` and the forward multipliers of [`Parametrization`] are multiplied by `s_w`, `s_a/sqrt(chi)` and, for biases, `s_b`. In
/// the `ntk` parametrisation the kernels of wide networks are the recursions of the NNGP and the NTK with the same `s_w^2`, `s_b^2`.
///
/// `chi` is the mean-field scaling of Bayesian networks (Rubin, Fischer, Lindner, Dahmen, Ringel 2025, arXiv:2502.03210): 1 is the
/// standard scaling, `chi = N` mean-field.
///
/// ```
/// use saddlepoint::learner::{Parametrization, Prior};
/// let prior = Prior { bias: 0.1, ..Prior::default() };
/// let law = prior.law(Parametrization::Standard, &[4, 100, 1]);
/// assert_eq!(law.deviations, vec![0.5, 0.1]);                       // sqrt(1/4), sqrt(1/100)
/// assert_eq!(law.bias_deviations[0], 0.1f64.sqrt());
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Prior {
    /// `s_w^2` of the hidden layers: a number, or a list with one number per hidden layer.
    #[serde(default = "one")]
    pub weight: Variances,
    /// `s_b^2` of the biases; above 0 it needs `learner.bias = true`.
    #[serde(default)]
    pub bias: f64,
    /// `s_a^2` of the read-out.
    #[serde(default = "unit")]
    pub readout: f64,
    /// Read-out variance and temperature are divided by `chi`.
    #[serde(default = "unit")]
    pub chi: f64,
}

fn one() -> Variances {
    Variances::One(1.0)
}

fn unit() -> f64 {
    1.0
}

impl Default for Prior {
    fn default() -> Self {
        Prior {
            weight: one(),
            bias: 0.0,
            readout: 1.0,
            chi: 1.0,
        }
    }
}

/// Where a prior stands in a parametrisation: standard deviations of the raw entries and factors of the forward multipliers, per layer.
#[derive(Debug, Clone, PartialEq)]
pub struct Law {
    /// Of the entries of `W_1, ..., W_L`.
    pub deviations: Vec<f64>,
    /// Of the entries of `b_1, ..., b_L`.
    pub bias_deviations: Vec<f64>,
    /// On the forward multipliers of the weights.
    pub factors: Vec<f64>,
    /// Forward multipliers of the biases.
    pub bias_multipliers: Vec<f64>,
}

impl Prior {
    /// Ranges of the numbers. `biases` tells whether the learner has them, `hidden` is the number of hidden layers.
    pub fn validate(
        &self,
        place: &str,
        hidden: usize,
        biases: bool,
        parametrization: Parametrization,
    ) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let weights = match &self.weight {
            Variances::One(v) => std::slice::from_ref(v),
            Variances::Each(list) if list.len() != hidden => {
                return wrong(
                    "weight",
                    format!("{} variances for {hidden} hidden layers", list.len()),
                    "give one number, or one per hidden layer",
                );
            }
            Variances::Each(list) => list,
        };
        let positive = |v: f64| v.is_finite() && v > 0.0;
        for (key, value) in weights
            .iter()
            .map(|&v| ("weight", v))
            .chain([("readout", self.readout), ("chi", self.chi)])
        {
            if !positive(value) {
                return wrong(
                    key,
                    format!("{value} is not a finite number > 0"),
                    "give a variance, for example 1.0",
                );
            }
        }
        if !(self.bias == 0.0 || positive(self.bias)) {
            return wrong(
                "bias",
                format!("{} is not a finite number >= 0", self.bias),
                "give a variance, for example 0.1",
            );
        }
        if self.bias > 0.0 && !biases {
            return wrong(
                "bias",
                "the learner has no biases".into(),
                "set learner.bias = true, or remove the variance",
            );
        }
        if self.bias == 0.0 && biases && parametrization != Parametrization::Standard {
            return wrong(
                "bias",
                "biases with the multiplier s_b = 0 would do nothing".into(),
                "give a variance s_b^2 > 0, or set learner.bias = false",
            );
        }
        Ok(())
    }

    /// Effective variances `s_w^2/n_{l-1}`, ..., `s_a^2/(chi n_{L-1})` of the weights, without the fan-in.
    fn variances(&self, layers: usize) -> Vec<f64> {
        (0..layers)
            .map(|l| match &self.weight {
                _ if l + 1 == layers => self.readout / self.chi,
                Variances::One(v) => *v,
                Variances::Each(list) => list[l],
            })
            .collect()
    }

    /// Deviations and multipliers for `widths = [inputs, hidden..., outputs]`.
    pub fn law(&self, parametrization: Parametrization, widths: &[usize]) -> Law {
        let layers = widths.len() - 1;
        let deviations: Vec<f64> = self.variances(layers).iter().map(|v| v.sqrt()).collect();
        let bias = self.bias.sqrt();
        match parametrization {
            Parametrization::Standard => Law {
                deviations: deviations
                    .iter()
                    .zip(widths)
                    .map(|(s, &n)| s / (n as f64).sqrt())
                    .collect(),
                bias_deviations: vec![bias; layers],
                factors: vec![1.0; layers],
                bias_multipliers: vec![1.0; layers],
            },
            Parametrization::Ntk | Parametrization::MeanField => Law {
                factors: deviations,
                bias_multipliers: vec![bias; layers],
                deviations: vec![1.0; layers],
                bias_deviations: vec![1.0; layers],
            },
        }
    }
}

/// View for samplers: variance of the prior `N(0, v)` of every parameter block, in the order of the blocks.
#[derive(Debug, Clone, PartialEq)]
pub struct PriorView {
    /// One variance per parameter block.
    pub variances: Vec<f64>,
    /// Factor by which the temperature is divided.
    pub chi: f64,
}
