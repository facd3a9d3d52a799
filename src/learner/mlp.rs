//! The multilayer perceptron as a spec names it.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{
    Activation, BiasView, Init, Learner, MlpNetwork, MlpView, Network, Parameters, Parametrization,
    Precision, Prior, PriorView, StartView, prior::Law,
};
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::{Dataset, Shape};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "mlp",
    summary: "multilayer perceptron, any depth, width, activation and parametrisation",
    text: "\
L layers of weights, with an activation phi between them:

  f(x) = c_L W_L phi(c_{L-1} W_{L-1} ... phi(c_1 W_1 x))

W_l are the raw weights, n_l x n_{l-1} numbers, with n_0 inputs and n_L outputs. c_l are the multipliers of the
parametrisation. With biases every layer adds d_l b_l, where d_l = 1, or s_b of a prior outside the standard
parametrisation. Training moves the raw weights:  W <- W - learning_rate * rate_scale * dL/dW.

keys
  widths           list of hidden widths; [] is linear regression
  activation       linear (default) | tanh | erf | unscaled-erf | relu | gelu | quadratic | { hermite = [c_0, c_1, ...] }
                   erf is erf(x/sqrt 2), unscaled-erf is erf(x); gelu is x Phi(x), exact; quadratic is x^2; hermite is
                   sum_k c_k He_k(x)/sqrt(k!) with the probabilists' polynomials, orthonormal for normal x
  parametrization  standard (default): c_l = 1, rate_scale = 1
                   ntk: c_l = 1/sqrt(n_{l-1}), rate_scale = 1
                   mean-field (muP): c_l = 1/sqrt(n_{l-1}), readout c_L = 1/(gamma_0 N), rate_scale = gamma_0^2 N,
                   N = n_{L-1}
  richness         gamma_0 > 0 of mean-field (default 1); elsewhere it must stay 1
  init.kind        gaussian (default): entries N(0, scale^2); scale defaults to 1/sqrt(n_{l-1}) in standard, else to 1;
                   scale = [s_1, ..., s_L] gives every trained weight matrix its own, from the inputs to the read-out
                   balanced: every layer has the singular values scale, in random bases, W_{l+1}^T W_{l+1} = W_l W_l^T
                   lambda-balanced: two layers, W_2^T W_2 - W_1 W_1^T = lambda 1, product singular values scale
                   aligned: singular bases of the task's modes; scale in all layers but the last, which has last
                   (all but gaussian in the standard parametrisation only)
  bias             trainable biases in every layer (default false); without a prior they start at 0
  readout          trained (default); committee: W_L = 1 fixed and c_L = 1/N, f = (1/N) sum_i phi(h_i), one output
  prior            variances weight = s_w^2 (a number, or one per hidden layer), bias = s_b^2, readout = s_a^2, and chi:
                   effective hidden weights N(0, s_w^2/n_{l-1}), biases N(0, s_b^2), read-out N(0, s_a^2/(chi N)).
                   chi is a number or \"width\", the width N of the last hidden layer (mean-field scaling).
                   Bayesian training takes it for its prior, and networks start from a draw of it unless init is given.
                   In the standard parametrisation the raw entries have these variances. In the others the raw entries
                   are N(0, 1), and the multipliers carry s_w, s_b and s_a/sqrt(chi). In mean-field chi is no key: it is
                   richness^2 N, so that one learner can be trained at richness gamma_0 and sampled at this chi
  precision        f64 (default) | f32

sources: Jacot, Gabriel, Hongler 2018 (arXiv:1806.07572); Bordelon, Pehlevan 2022 (arXiv:2205.09653);
Domine et al. 2024 (arXiv:2409.14623)",
    revision: 3,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Mlp::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<Mlp>(),
};

/// Place of the learner's table in a spec, for errors that arise after parsing.
const PLACE: &str = "learner";

/// Multilayer perceptron; formulas stand at [`Parametrization`], [`Activation`], [`Init`] and [`Prior`].
///
/// ```
/// use saddlepoint::learner::{Init, Learner, Mlp};
/// use saddlepoint::task::Shape;
/// let mlp = Mlp { widths: vec![8], init: Init::gaussian(0.01), ..Mlp::default() };
/// let shape = Shape { inputs: 10, outputs: 4, samples: 200 };
/// assert_eq!(mlp.shapes(shape), vec![(8, 10), (4, 8)]);
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Hidden widths; empty for linear regression.
    pub widths: Vec<usize>,
    /// Nonlinearity of the hidden layers; the read-out is linear.
    #[serde(default)]
    pub activation: Activation,
    /// Powers of the width in the forward pass and in the learning rate.
    #[serde(default)]
    pub parametrization: Parametrization,
    /// `gamma_0` of the mean-field parametrisation.
    #[serde(default = "one")]
    pub richness: f64,
    /// Law of the raw weights before training.
    #[serde(default)]
    pub init: Init,
    /// Trainable biases in every layer.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub bias: bool,
    /// Whether the last layer is trained or fixed.
    #[serde(default, skip_serializing_if = "is_trained")]
    pub readout: Readout,
    /// Prior variances, and the initial law unless `init` is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prior: Option<Prior>,
    /// Floating-point type of the training.
    #[serde(default)]
    pub precision: Precision,
}

/// The last layer of a multilayer perceptron.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// `W_L` is a parameter.
    #[default]
    Trained,
    /// Soft committee machine, `f(x) = (1/N) sum_i phi(h_i(x))`: `W_L = 1` is fixed, `c_L = 1/N`.
    Committee,
}

fn is_trained(readout: &Readout) -> bool {
    *readout == Readout::Trained
}

fn one() -> f64 {
    1.0
}

/// Linear regression in double precision: no hidden layer, standard parametrisation, Gaussian start.
impl Default for Mlp {
    fn default() -> Self {
        Mlp {
            widths: Vec::new(),
            activation: Activation::default(),
            parametrization: Parametrization::default(),
            richness: one(),
            init: Init::default(),
            bias: false,
            readout: Readout::default(),
            prior: None,
            precision: Precision::default(),
        }
    }
}

impl Mlp {
    /// Parses the learner's table (without `kind`) and checks all ranges that need no data.
    pub fn parse(place: &str, mut table: toml::Table) -> Result<Self> {
        // The tagged `init` table is parsed apart, because serde loses the key path inside it.
        let init = table.remove("init");
        let prior = table.get("prior").and_then(toml::Value::as_table);
        let scaled = prior.is_some_and(|p| p.contains_key("chi"));
        let mut mlp: Mlp = parse_table(place, table)?;
        if scaled && mlp.parametrization == Parametrization::MeanField {
            return Err(Error::input(
                format!("{place}.prior.chi"),
                "the mean-field parametrisation has chi = richness^2 N",
                "remove it and set learner.richness (1 is chi = N), or choose another learner.parametrization",
            ));
        }
        if let Some(init) = init {
            mlp.init = Init::parse(&format!("{place}.init"), init)?;
        }
        mlp.validate(place)?;
        Ok(mlp)
    }

    fn validate(&self, place: &str) -> Result<()> {
        self.activation.check(&format!("{place}.activation"))?;
        if let Some(l) = self.widths.iter().position(|&n| n == 0) {
            return Err(Error::input(
                format!("{place}.widths[{l}]"),
                "a layer without units",
                "use a width >= 1",
            ));
        }
        let place_of_richness = || format!("{place}.richness");
        if !(self.richness.is_finite() && self.richness > 0.0) {
            return Err(Error::input(
                place_of_richness(),
                format!("{} is not a finite number > 0", self.richness),
                "use a positive gamma_0; small values are lazy",
            ));
        }
        if self.richness != one() && self.parametrization != Parametrization::MeanField {
            return Err(Error::input(
                place_of_richness(),
                "has no meaning outside the mean-field parametrisation",
                "remove it, or set learner.parametrization = \"mean-field\"",
            ));
        }
        if self.readout == Readout::Committee && self.widths.is_empty() {
            return Err(Error::input(
                format!("{place}.readout"),
                "a committee needs a hidden layer",
                "give learner.widths an entry",
            ));
        }
        if let Some(prior) = &self.prior {
            prior.validate(
                &format!("{place}.prior"),
                self.widths.len(),
                self.bias,
                self.parametrization,
            )?;
        }
        self.init
            .validate(&format!("{place}.init"), self.parametrization)
    }

    /// Number of weight matrices among the parameters.
    fn trained_layers(&self) -> usize {
        self.widths.len() + usize::from(self.readout == Readout::Trained)
    }

    /// Where the prior stands, or the unit law of its absence.
    fn law(&self, widths: &[usize]) -> Law {
        match &self.prior {
            Some(prior) => prior.law(self.parametrization, widths),
            None => {
                let layers = widths.len() - 1;
                Law {
                    deviations: self
                        .init
                        .deviations(widths, self.parametrization)
                        .unwrap_or_else(|| vec![1.0; layers]),
                    bias_deviations: vec![0.0; layers],
                    factors: vec![1.0; layers],
                    bias_multipliers: vec![1.0; layers],
                }
            }
        }
    }

    /// Forward multipliers `c_1, ..., c_L`.
    fn multipliers(&self, widths: &[usize]) -> Vec<f64> {
        let mut c = self.parametrization.multipliers(widths, self.richness);
        for (c, factor) in c.iter_mut().zip(self.law(widths).factors) {
            *c *= factor;
        }
        if let (Readout::Committee, Some(last)) = (self.readout, c.last_mut()) {
            *last = 1.0 / widths[widths.len() - 2] as f64;
        }
        c
    }

    /// Standard deviations of the raw weights where they are Gaussian.
    fn deviations(&self, widths: &[usize]) -> Option<Vec<f64>> {
        match &self.init {
            Init::Gaussian { scale: None } => Some(self.law(widths).deviations),
            init => init.deviations(widths, self.parametrization),
        }
    }

    /// `[inputs, hidden..., outputs]`.
    pub fn all_widths(&self, shape: Shape) -> Vec<usize> {
        let mut widths = vec![shape.inputs];
        widths.extend(&self.widths);
        widths.push(shape.outputs);
        widths
    }

    fn compile<T: super::Real>(&self, shape: Shape) -> MlpNetwork<T> {
        let widths = self.all_widths(shape);
        let mut network = MlpNetwork::new(
            widths.clone(),
            self.activation.clone(),
            &self.multipliers(&widths),
        );
        if self.bias {
            network = network.with_biases(&self.law(&widths).bias_multipliers);
        }
        match self.readout {
            Readout::Trained => network,
            Readout::Committee => network.with_committee(),
        }
    }

    /// The initial law as one scale; where layers have unequal deviations (the default of the standard parametrisation), which
    /// [`MlpView::deviations`] lists, that of their geometric mean: it keeps the scale of the product of all layers.
    fn start(&self, widths: &[usize]) -> StartView {
        match self.init {
            Init::Gaussian { .. } => {
                let deviations = self.deviations(widths).unwrap_or_default();
                let first = deviations.first().copied().unwrap_or(0.0);
                let scale = match deviations.iter().all(|&d| d == first) {
                    true => first,
                    false => {
                        let log: f64 = deviations.iter().map(|d| d.ln()).sum();
                        (log / deviations.len() as f64).exp()
                    }
                };
                StartView::Gaussian { scale }
            }
            Init::Balanced { scale } => StartView::Balanced { scale },
            Init::LambdaBalanced { scale, lambda } => StartView::LambdaBalanced { scale, lambda },
            Init::Aligned { scale, last } => {
                let last = last.unwrap_or(scale);
                // A single layer is the last one.
                let first = if self.widths.is_empty() { last } else { scale };
                StartView::Aligned { first, last }
            }
        }
    }
}

impl Learner for Mlp {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        if let Init::Aligned { scale, last: None } = self.init {
            value["init"]["last"] = scale.into();
        }
        value
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        let widths = self.all_widths(shape);
        let layers = widths.len() - 1;
        let weights = widths
            .windows(2)
            .map(|n| (n[1], n[0]))
            .take(self.trained_layers());
        let biases = widths[1..].iter().map(|&n| (n, 1));
        weights
            .chain(biases.take(if self.bias { layers } else { 0 }))
            .collect()
    }

    fn names(&self, shape: Shape) -> Vec<String> {
        let layers = self.all_widths(shape).len() - 1;
        let named = |kind: &'static str, n| (0..n).map(move |l| format!("layers.{l}.{kind}"));
        let biases = if self.bias { layers } else { 0 };
        named("weight", self.trained_layers())
            .chain(named("bias", biases))
            .collect()
    }

    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shape = dataset.shape();
        self.check(shape)?;
        let widths = self.all_widths(shape);
        let layers = widths.len() - 1;
        let mut blocks = self.init.draw(
            &format!("{PLACE}.init"),
            &widths,
            &self.deviations(&widths).unwrap_or_default(),
            &dataset.modes,
            rng,
        )?;
        if self.readout == Readout::Committee {
            blocks.truncate(layers - 1);
        }
        if self.bias {
            let deviations = self.law(&widths).bias_deviations;
            for (&deviation, &n) in deviations.iter().zip(&widths[1..]) {
                blocks.push(normal_matrix(rng, n, 1) * deviation);
            }
        }
        Ok(Parameters { blocks })
    }

    fn network(&self, shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(self.compile::<f64>(shape))
    }

    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        Box::new(self.compile::<f32>(shape))
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.validate(PLACE)?;
        if self.readout == Readout::Committee && shape.outputs != 1 {
            return Err(Error::input(
                format!("{PLACE}.readout"),
                format!("a committee has one output, the task has {}", shape.outputs),
                "use readout = \"trained\"",
            ));
        }
        let place = format!("{PLACE}.init");
        self.init.check_matrices(&place, self.trained_layers())?;
        self.init.check(&place, &self.all_widths(shape))
    }

    fn hidden(&self, _shape: Shape) -> Vec<usize> {
        self.widths.clone()
    }

    /// Layer by layer: kernel, two Gram matrices, activations and errors.
    fn tangent_space(&self, shape: Shape, samples: usize) -> usize {
        3 * samples * samples + self.work_space(shape, samples)
    }

    fn rate_scale(&self, shape: Shape) -> f64 {
        self.parametrization
            .rate_scale(&self.all_widths(shape), self.richness)
    }

    fn prior(&self, shape: Shape) -> Option<PriorView> {
        let prior = self.prior.as_ref()?;
        let widths = self.all_widths(shape);
        let Law {
            deviations,
            bias_deviations,
            ..
        } = self.law(&widths);
        let weights = deviations.iter().take(self.trained_layers());
        let biases = bias_deviations
            .iter()
            .take(if self.bias { widths.len() - 1 } else { 0 });
        Some(PriorView {
            variances: weights.chain(biases).map(|s| s * s).collect(),
            chi: prior.scaling(self.parametrization, self.richness, &widths),
        })
    }

    fn mlp(&self, shape: Shape) -> Option<MlpView> {
        let widths = self.all_widths(shape);
        let law = self.law(&widths);
        let mut deviations = self.deviations(&widths);
        if let Some(deviations) = &mut deviations {
            deviations.truncate(self.trained_layers());
        }
        Some(MlpView {
            activation: self.activation.clone(),
            // Without hidden layers there is nothing for the activation to act on.
            linear: self.activation.is_linear() || self.widths.is_empty(),
            parametrization: self.parametrization,
            richness: match self.parametrization {
                Parametrization::MeanField => Some(self.richness),
                Parametrization::Standard | Parametrization::Ntk => None,
            },
            multipliers: self.multipliers(&widths),
            biases: self.bias.then_some(BiasView {
                multipliers: law.bias_multipliers,
                deviations: Some(law.bias_deviations),
            }),
            readout: self.readout,
            prior: self.prior.as_ref().map(|prior| {
                let chi = prior.scaling(self.parametrization, self.richness, &widths);
                prior.view(chi, &widths)
            }),
            rate_scale: self.rate_scale(shape),
            start: self.start(&widths),
            deviations,
            widths,
        })
    }
}

#[cfg(test)]
mod tests;
