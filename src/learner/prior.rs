//! Gaussian prior of a multilayer perceptron: variances per layer, and where they stand in each parametrisation.

use crate::error::{Error, Result};
use crate::learner::{MlpPriorView, Parametrization};
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
/// `N(0, 1)` and the forward multipliers of [`Parametrization`] are multiplied by `s_w`, `s_a/sqrt(chi)` and, for biases, `s_b`. The
/// `mean-field` parametrisation has `chi = richness^2 N` in its read-out already: it is that number there, and not a key. In
/// the `ntk` parametrisation the kernels of wide networks are the recursions of the NNGP and the NTK with the same `s_w^2`, `s_b^2`.
///
/// `chi` is the mean-field scaling of Bayesian networks (Rubin, Fischer, Lindner, Dahmen, Ringel 2025, arXiv:2502.03210): 1 is the
/// standard scaling, `chi = N` (or `"width"`) mean-field.
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
    /// Read-out variance and temperature are divided by `chi`: a number, or `"width"`.
    #[serde(default)]
    pub chi: Chi,
}

/// The mean-field scaling of a prior.
///
/// ```
/// use saddlepoint::learner::Chi;
/// assert_eq!(Chi::from(4.0).of(&[10, 300, 1]), 4.0);
/// assert_eq!(Chi::WIDTH.of(&[10, 300, 1]), 300.0); // "width": follows learner.widths through a sweep
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged, expecting = "chi is neither a number > 0 nor \"width\"")]
pub enum Chi {
    /// A number; 1 is the standard scaling.
    Number(f64),
    /// A width of the network.
    Of(ChiOf),
}

/// Which width `chi` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChiOf {
    /// That of the last hidden layer, which the read-out sums over.
    Width,
}

impl Chi {
    /// `"width"`, the mean-field scaling.
    pub const WIDTH: Chi = Chi::Of(ChiOf::Width);

    /// The number, for `widths = [inputs, hidden..., outputs]`.
    pub fn of(self, widths: &[usize]) -> f64 {
        match self {
            Chi::Number(chi) => chi,
            Chi::Of(ChiOf::Width) => widths.iter().rev().nth(1).map_or(f64::NAN, |&n| n as f64),
        }
    }
}

impl From<f64> for Chi {
    fn from(chi: f64) -> Self {
        Chi::Number(chi)
    }
}

impl Default for Chi {
    fn default() -> Self {
        Chi::Number(1.0)
    }
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
            chi: Chi::default(),
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
        let chi = match self.chi {
            Chi::Number(chi) => Some(("chi", chi)),
            Chi::Of(_) if hidden == 0 => {
                return wrong(
                    "chi",
                    "there is no hidden layer whose width it could be".into(),
                    "give a number, or learner.widths an entry",
                );
            }
            Chi::Of(_) => None,
        };
        for (key, value) in weights
            .iter()
            .map(|&v| ("weight", v))
            .chain([("readout", self.readout)])
            .chain(chi)
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

    /// `s_w^2` of hidden layer `l` (from 0).
    fn weight_of(&self, l: usize) -> f64 {
        match &self.weight {
            Variances::One(v) => *v,
            Variances::Each(list) => list[l],
        }
    }

    /// `s_w^2`, ..., `s_a^2/chi`: variances of the effective weights, times the fan-in; in the mean-field parametrisation, whose
    /// read-out holds `chi`, without it.
    fn variances(&self, parametrization: Parametrization, widths: &[usize]) -> Vec<f64> {
        let hidden = (0..widths.len() - 2).map(|l| self.weight_of(l));
        let chi = match parametrization {
            Parametrization::MeanField => 1.0,
            Parametrization::Standard | Parametrization::Ntk => self.chi.of(widths),
        };
        hidden.chain([self.readout / chi]).collect()
    }

    /// `chi` for `widths = [inputs, hidden..., outputs]`: the key, or `richness^2 N` of the mean-field parametrisation.
    pub fn scaling(
        &self,
        parametrization: Parametrization,
        richness: f64,
        widths: &[usize],
    ) -> f64 {
        match parametrization {
            Parametrization::MeanField => parametrization.rate_scale(widths, richness),
            Parametrization::Standard | Parametrization::Ntk => self.chi.of(widths),
        }
    }

    /// The prior in numbers, for `widths = [inputs, hidden..., outputs]`.
    pub fn view(&self, chi: f64, widths: &[usize]) -> MlpPriorView {
        MlpPriorView {
            weight_variances: (0..widths.len() - 2).map(|l| self.weight_of(l)).collect(),
            bias_variance: self.bias,
            readout_variance: self.readout,
            chi,
        }
    }

    /// Deviations and multipliers for `widths = [inputs, hidden..., outputs]`.
    pub fn law(&self, parametrization: Parametrization, widths: &[usize]) -> Law {
        let layers = widths.len() - 1;
        let deviations: Vec<f64> = self
            .variances(parametrization, widths)
            .iter()
            .map(|v| v.sqrt())
            .collect();
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
