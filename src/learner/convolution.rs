//! The tree-shaped convolutional network as a spec names it.

mod network;

pub use network::ConvolutionNetwork;

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{
    Activation, Init, Learner, Network, Parameters, Parametrization, Precision, Real, tokens,
};
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::{Dataset, Shape};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "convolution",
    summary: "one-dimensional convolutional net with stride = patch (tree-shaped), weight sharing on or off",
    text: "\
Layer l maps patches of s neighbouring positions with n_{l-1} channels, which do not overlap, to one position with n_l channels:
  a_l(j) = phi( c_l W_l(j) [a_{l-1}(s j), ..., a_{l-1}(s j + s - 1)] ),   W_l(j): n_l x s n_{l-1}, the same for all j with sharing
so every layer divides the number of positions by s. The read-out is linear in all positions that are left: f = c_R R a_L.
Training moves the raw weights: W <- W - learning_rate * dL/dW.

keys
  patch            s, positions per patch and stride
  channels         list [n_1, n_2, ...]: one layer each
  input_channels   n_0 (default 1): inputs are n_0 numbers per position, position by position
  vocabulary       instead: inputs are tokens (whole numbers below it), one per position, taken one-hot (n_0 = vocabulary)
  sharing          one filter for all positions of a layer (default true)
  activation       phi, as in the mlp (default linear)
  parametrization  standard (default): c = 1 | ntk: c = 1/sqrt(fan-in); fan-in s n_{l-1}, of the read-out n_L times positions left
  init.kind        gaussian: entries N(0, scale^2); scale defaults to 1/sqrt(fan-in) in standard, to 1 in ntk; a list
                   has one for every layer and the read-out
  precision        f64 (default) | f32

sources: Cagnetta, Petrini, Tomasini, Favero, Wyart 2024 (arXiv:2307.02129); without sharing: Favero, Cagnetta, Wyart 2021
(arXiv:2106.08619)",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Convolution::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<Convolution>(),
};

/// Place of the learner's table in a spec, for errors that arise after parsing.
const PLACE: &str = "learner";

/// Tree-shaped convolutional network; formulas and keys are printed by `saddlepoint explain convolution`.
///
/// Parameter blocks: `W_1, W_2, ...`, then the read-out. Without sharing the filters of the positions stand side by side in one block,
/// `n_l x (s n_{l-1} positions)`. The read-out has one column per position and channel, channels fastest.
///
/// ```
/// use saddlepoint::learner::{Convolution, Learner};
/// use saddlepoint::task::Shape;
/// let tree = Convolution { vocabulary: Some(10), ..Convolution::new(2, vec![64, 64]) };
/// let shape = Shape { inputs: 4, outputs: 3, samples: 100 };
/// assert_eq!(tree.shapes(shape), vec![(64, 20), (64, 128), (3, 64)]);
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Convolution {
    /// Positions per patch, and stride.
    pub patch: usize,
    /// Channels of the layers.
    pub channels: Vec<usize>,
    /// Numbers per position of the inputs.
    #[serde(default = "one")]
    pub input_channels: usize,
    /// Inputs are tokens of a vocabulary of this size.
    #[serde(default)]
    pub vocabulary: Option<usize>,
    /// One filter for all positions of a layer.
    #[serde(default = "yes")]
    pub sharing: bool,
    /// Nonlinearity of every layer but the last.
    #[serde(default)]
    pub activation: Activation,
    /// Scaling of forward pass and learning rate with the width.
    #[serde(default)]
    pub parametrization: Parametrization,
    /// Initial law.
    #[serde(default)]
    pub init: Init,
    /// Floating-point type of the training.
    #[serde(default)]
    pub precision: Precision,
}

fn one() -> usize {
    1
}

fn yes() -> bool {
    true
}

/// One layer: `positions` patches of `inputs` numbers to `features` numbers each.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stage {
    inputs: usize,
    features: usize,
    positions: usize,
}

impl Stage {
    /// Outputs per sample.
    fn units(&self) -> usize {
        self.features * self.positions
    }
}

impl Convolution {
    /// Shared filters on real inputs with one channel, and the default choices.
    pub fn new(patch: usize, channels: Vec<usize>) -> Self {
        Convolution {
            patch,
            channels,
            input_channels: one(),
            vocabulary: None,
            sharing: true,
            activation: Activation::default(),
            parametrization: Parametrization::default(),
            init: Init::default(),
            precision: Precision::default(),
        }
    }

    /// Parses the learner's table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, mut table: toml::Table) -> Result<Self> {
        // The tagged `init` table is parsed apart, because serde loses the key path inside it.
        let init = table.remove("init");
        let mut convolution: Convolution = parse_table(place, table)?;
        if let Some(init) = init {
            convolution.init = Init::parse(&format!("{place}.init"), init)?;
        }
        convolution.validate(place)?;
        Ok(convolution)
    }

    fn validate(&self, place: &str) -> Result<()> {
        self.activation.check(&format!("{place}.activation"))?;
        let wrong = |key: &str, cause: &str, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        for (key, value) in [
            ("patch", self.patch),
            ("input_channels", self.input_channels),
            ("vocabulary", self.vocabulary.unwrap_or(1)),
        ] {
            if value == 0 {
                return wrong(key, "zero", "use a number >= 1");
            }
        }
        if let Some(l) = self.channels.iter().position(|&n| n == 0) {
            let key = format!("channels[{l}]");
            return wrong(&key, "a layer without channels", "use a number >= 1");
        }
        if self.vocabulary.is_some() && self.input_channels != one() {
            return wrong(
                "input_channels",
                "given together with `vocabulary`",
                "remove it: a token is one input",
            );
        }
        if self.parametrization == Parametrization::MeanField {
            return wrong(
                "parametrization",
                "\"mean-field\" is not defined for a convolution",
                "use \"standard\" or \"ntk\"",
            );
        }
        if !matches!(self.init, Init::Gaussian { .. }) {
            return wrong(
                "init.kind",
                "only \"gaussian\" is defined for a convolution",
                "use kind = \"gaussian\"",
            );
        }
        self.init
            .validate(&format!("{place}.init"), self.parametrization)
    }

    /// Layers for `inputs` inputs, as far as they tile the positions.
    fn stages(&self, inputs: usize) -> Vec<Stage> {
        let mut positions = inputs / self.input_channels;
        let mut channels = self.vocabulary.unwrap_or(self.input_channels);
        self.channels
            .iter()
            .map(|&features| {
                positions /= self.patch;
                let inputs = self.patch * channels;
                channels = features;
                Stage {
                    inputs,
                    features,
                    positions,
                }
            })
            .collect()
    }

    /// Inputs of the read-out.
    fn left(&self, inputs: usize) -> usize {
        match self.stages(inputs).last() {
            Some(stage) => stage.units(),
            None => self.expanded(inputs),
        }
    }

    /// Numbers per sample after tokens were taken one-hot.
    fn expanded(&self, inputs: usize) -> usize {
        inputs * self.vocabulary.unwrap_or(1)
    }

    /// Fan-in of every layer and of the read-out, and then the outputs.
    fn fans(&self, shape: Shape) -> Vec<usize> {
        let stages = self.stages(shape.inputs);
        let hidden = stages.iter().map(|stage| stage.inputs);
        hidden
            .chain([self.left(shape.inputs), shape.outputs])
            .collect()
    }

    /// The network in the scalar type `T`.
    pub fn compile<T: Real>(&self, shape: Shape) -> ConvolutionNetwork<T> {
        ConvolutionNetwork::new(self, shape)
    }
}

impl Learner for Convolution {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        value
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        let stages = self.stages(shape.inputs);
        let filters = stages.iter().map(|stage| {
            let copies = if self.sharing { 1 } else { stage.positions };
            (stage.features, stage.inputs * copies)
        });
        filters
            .chain([(shape.outputs, self.left(shape.inputs))])
            .collect()
    }

    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shape = Shape {
            inputs: dataset.x.nrows(),
            outputs: dataset.y.nrows(),
            samples: dataset.samples(),
        };
        self.check(shape)?;
        if let Some(vocabulary) = self.vocabulary {
            tokens::check(dataset, vocabulary)?;
        }
        let deviations = self
            .init
            .deviations(&self.fans(shape), self.parametrization)
            .unwrap_or_default();
        let blocks = self
            .shapes(shape)
            .iter()
            .zip(deviations)
            .map(|(&(rows, cols), deviation)| normal_matrix(rng, rows, cols) * deviation)
            .collect();
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
        self.init
            .check_matrices(&format!("{PLACE}.init"), self.channels.len() + 1)?;
        if !shape.inputs.is_multiple_of(self.input_channels) {
            return Err(Error::input(
                format!("{PLACE}.input_channels"),
                format!(
                    "{} channels do not divide the {} inputs of the task",
                    self.input_channels, shape.inputs
                ),
                "give the numbers per position of the task's inputs",
            ));
        }
        let mut positions = shape.inputs / self.input_channels;
        for l in 0..self.channels.len() {
            if positions == 0 || !positions.is_multiple_of(self.patch) {
                let layers = match l {
                    0 => "another patch".to_string(),
                    _ => format!("another patch, or {l} entries in learner.channels"),
                };
                return Err(Error::input(
                    format!("{PLACE}.channels[{l}]"),
                    format!(
                        "patches of {} do not tile the {positions} positions before layer {}",
                        self.patch,
                        l + 1
                    ),
                    format!("use {layers}"),
                ));
            }
            positions /= self.patch;
        }
        Ok(())
    }

    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }

    fn work_space(&self, shape: Shape, columns: usize) -> usize {
        columns * network::numbers_per_sample(self, shape)
    }

    fn operations(&self, shape: Shape) -> f64 {
        let stages = self.stages(shape.inputs);
        let filters: usize = stages.iter().map(|s| s.units() * s.inputs).sum();
        6.0 * (filters + shape.outputs * self.left(shape.inputs)) as f64
    }
}

#[cfg(test)]
mod tests;
