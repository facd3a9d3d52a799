//! The decoder transformer as a spec names it.

mod attention;
mod choices;
mod lanes;
mod model;
mod network;
mod norm;

pub use choices::{Attention, Mask, Norm, Position, Predict};
pub use network::TransformerNetwork;

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Activation, Learner, Network, Parameters, Precision, Real, tokens};
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::{Dataset, Shape};
use attention::Heads;
use lanes::LANES;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "transformer",
    summary: "decoder transformer on token sequences: softmax or linear attention, with or without MLP, positions and norms",
    text: "\
Tokens z_1 ... z_T (inputs, whole numbers below the vocabulary) give x_t = E[z_t] + P[t]; every layer adds
  x_t <- x_t + W_O concat_h( sum_u A^h_tu V^h n(x_u) ),   A^h = softmax_u( Q^h n(x_t) . K^h n(x_u) / sqrt(d/heads) )
  x_t <- x_t + W_2 phi( W_1 n(x_t) )
and the logits are U n(x_t). n is the layer norm (gain, bias, epsilon 1e-5), or the identity. Linear attention has no softmax:
A_tu is the score divided by the number of positions that t sees. No biases outside the norms.
Training moves the raw parameters: W <- W - learning_rate * dL/dW.

keys
  vocabulary     number of tokens
  context        T, the number of inputs of a sample
  layers         1 to 4 (default 1)
  heads          attention heads, a divisor of dimension (default 1)
  dimension      d, width of the residual stream
  mlp_dimension  hidden width of the MLP (default 4 d); 0 is attention-only
  position       learned (default) | none
  norm           pre (default): n before attention, MLP and read-out | none
  attention      softmax (default) | linear
  mask           causal (default): u <= t | full
  activation     phi, as in the mlp (default gelu)
  predict        last (default): outputs are the logits at the last position | every: the logits at every position, position by
                 position (outputs = vocabulary * context)
  tied           U = E^T/sqrt(d), not a parameter of its own (default false)
  init_scale     s (default 1): E, P start as N(0, s^2), matrices as N(0, s^2/fan-in), gains at 1, biases at 0
  precision      f64 (default) | f32

sources: Vaswani et al. 2017 (arXiv:1706.03762); pre-norm: Xiong et al. 2020 (arXiv:2002.04745)",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Transformer::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<Transformer>(),
};

/// Place of the learner's table in a spec, for errors that arise after parsing.
const PLACE: &str = "learner";
/// Most layers.
const DEEPEST: usize = 4;
/// Rows (positions times samples) that are worked on together: their activations stay in the second-level cache.
const ROWS: usize = 320;

/// Decoder transformer; formulas and keys are printed by `saddlepoint explain transformer`.
///
/// Inputs are tokens stored as numbers (`context x samples`), outputs logits. Parameter blocks stand in the order of
/// [`Transformer::names`].
///
/// ```
/// use saddlepoint::learner::{Learner, Transformer};
/// use saddlepoint::task::Shape;
/// let small = Transformer { layers: 2, heads: 4, ..Transformer::new(10, 8, 64) };
/// let shape = Shape { inputs: 8, outputs: 10, samples: 256 };
/// let parameters: usize = small.shapes(shape).iter().map(|(r, c)| r * c).sum();
/// // Embedding, positions, two layers of 12 d^2 + 4 d, last norm, read-out.
/// assert_eq!(parameters, 10 * 64 + 8 * 64 + 2 * (12 * 64 * 64 + 4 * 64) + 2 * 64 + 10 * 64);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Transformer {
    /// Number of tokens.
    pub vocabulary: usize,
    /// Positions of a sample.
    pub context: usize,
    /// Layers, 1 to 4.
    #[serde(default = "one_layer")]
    pub layers: usize,
    /// Attention heads, a divisor of `dimension`.
    #[serde(default = "one_layer")]
    pub heads: usize,
    /// Width of the residual stream.
    pub dimension: usize,
    /// Hidden width of the MLP, `4 dimension` when absent; 0 is attention-only.
    #[serde(default)]
    pub mlp_dimension: Option<usize>,
    /// Positional embedding.
    #[serde(default)]
    pub position: Position,
    /// Normalisation.
    #[serde(default)]
    pub norm: Norm,
    /// Attention weights.
    #[serde(default)]
    pub attention: Attention,
    /// Positions that a position sees.
    #[serde(default)]
    pub mask: Mask,
    /// Nonlinearity of the MLP.
    #[serde(default = "gelu")]
    pub activation: Activation,
    /// Positions whose logits are outputs.
    #[serde(default)]
    pub predict: Predict,
    /// The read-out is the transposed embedding over `sqrt(dimension)`.
    #[serde(default)]
    pub tied: bool,
    /// Factor on all initial deviations.
    #[serde(default = "unit")]
    pub init_scale: f64,
    /// Floating-point type of the training.
    #[serde(default)]
    pub precision: Precision,
}

fn one_layer() -> usize {
    1
}

fn gelu() -> Activation {
    Activation::Gelu
}

fn unit() -> f64 {
    1.0
}

/// Name, shape and initial law of a parameter block.
struct Block {
    name: String,
    shape: (usize, usize),
    start: Start,
}

enum Start {
    Normal(f64),
    Constant(f64),
}

impl Transformer {
    /// One layer with one head and the default choices.
    pub fn new(vocabulary: usize, context: usize, dimension: usize) -> Self {
        Transformer {
            vocabulary,
            context,
            layers: 1,
            heads: 1,
            dimension,
            mlp_dimension: None,
            position: Position::default(),
            norm: Norm::default(),
            attention: Attention::default(),
            mask: Mask::default(),
            activation: gelu(),
            predict: Predict::default(),
            tied: false,
            init_scale: unit(),
            precision: Precision::default(),
        }
    }

    /// Parses the learner's table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let transformer: Transformer = parse_table(place, table)?;
        transformer.validate(place)?;
        Ok(transformer)
    }

    fn validate(&self, place: &str) -> Result<()> {
        self.activation.check(&format!("{place}.activation"))?;
        let wrong = |key: &str, cause: String, remedy: String| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        for (key, value) in [
            ("vocabulary", self.vocabulary),
            ("context", self.context),
            ("dimension", self.dimension),
            ("heads", self.heads),
        ] {
            if value == 0 {
                return wrong(key, "zero".into(), "use a number >= 1".into());
            }
        }
        if !(1..=DEEPEST).contains(&self.layers) {
            return wrong(
                "layers",
                format!("{} layers", self.layers),
                format!("use 1 to {DEEPEST} layers"),
            );
        }
        if !self.dimension.is_multiple_of(self.heads) {
            return wrong(
                "heads",
                format!(
                    "{} heads do not divide learner.dimension = {}",
                    self.heads, self.dimension
                ),
                format!(
                    "use dimension = {}",
                    self.dimension.next_multiple_of(self.heads)
                ),
            );
        }
        if !(self.init_scale.is_finite() && self.init_scale >= 0.0) {
            return wrong(
                "init_scale",
                format!("{} is not a finite number >= 0", self.init_scale),
                "use a factor on the initial deviations, for example 1.0".into(),
            );
        }
        Ok(())
    }

    fn mlp_width(&self) -> usize {
        self.mlp_dimension.unwrap_or(4 * self.dimension)
    }

    fn outputs(&self) -> usize {
        match self.predict {
            Predict::Last => self.vocabulary,
            Predict::Every => self.vocabulary * self.context,
        }
    }

    /// Samples that are worked on together.
    fn group(&self) -> usize {
        (ROWS / self.context / LANES).max(1) * LANES
    }

    fn attention_heads(&self) -> Heads {
        Heads {
            attention: self.attention,
            mask: self.mask,
            context: self.context,
            heads: self.heads,
            width: self.dimension / self.heads,
        }
    }

    fn blocks(&self) -> Vec<Block> {
        let (d, m) = (self.dimension, self.mlp_width());
        let scale = self.init_scale;
        let mut blocks = Vec::new();
        let mut add = |name: String, shape, start| blocks.push(Block { name, shape, start });
        let weight = |fan_in: usize| Start::Normal(scale / (fan_in as f64).sqrt());
        add(
            "embedding".into(),
            (d, self.vocabulary),
            Start::Normal(scale),
        );
        if self.position == Position::Learned {
            add("position".into(), (d, self.context), Start::Normal(scale));
        }
        for l in 1..=self.layers {
            if self.norm == Norm::Pre {
                add(
                    format!("layer{l}.attention.norm.gain"),
                    (d, 1),
                    Start::Constant(1.0),
                );
                add(
                    format!("layer{l}.attention.norm.bias"),
                    (d, 1),
                    Start::Constant(0.0),
                );
            }
            add(
                format!("layer{l}.attention.query_key_value"),
                (3 * d, d),
                weight(d),
            );
            add(format!("layer{l}.attention.output"), (d, d), weight(d));
            if m > 0 {
                if self.norm == Norm::Pre {
                    add(
                        format!("layer{l}.mlp.norm.gain"),
                        (d, 1),
                        Start::Constant(1.0),
                    );
                    add(
                        format!("layer{l}.mlp.norm.bias"),
                        (d, 1),
                        Start::Constant(0.0),
                    );
                }
                add(format!("layer{l}.mlp.input"), (m, d), weight(d));
                add(format!("layer{l}.mlp.output"), (d, m), weight(m));
            }
        }
        if self.norm == Norm::Pre {
            add("norm.gain".into(), (d, 1), Start::Constant(1.0));
            add("norm.bias".into(), (d, 1), Start::Constant(0.0));
        }
        if !self.tied {
            add("unembedding".into(), (self.vocabulary, d), weight(d));
        }
        blocks
    }

    /// Names of the parameter blocks, in their order: `embedding` (one column per token), `position` (one column per position), then
    /// for every layer `attention.norm.gain`, `attention.norm.bias`, `attention.query_key_value` (queries, keys, values below each
    /// other, heads in turn within each), `attention.output`, `mlp.norm.gain`, `mlp.norm.bias`, `mlp.input`, `mlp.output`, and at the
    /// end `norm.gain`, `norm.bias`, `unembedding` (one row per token). What the learner does not have is left out.
    ///
    /// ```
    /// use saddlepoint::learner::Transformer;
    /// let names = Transformer { mlp_dimension: Some(0), tied: true, ..Transformer::new(3, 4, 2) }.names();
    /// assert_eq!(names[2], "layer1.attention.norm.gain");
    /// assert_eq!(names.len(), 8);
    /// ```
    pub fn names(&self) -> Vec<String> {
        self.blocks().into_iter().map(|block| block.name).collect()
    }

    /// The network in the scalar type `T`.
    pub fn compile<T: Real>(&self) -> TransformerNetwork<T> {
        TransformerNetwork::new(self)
    }
}

impl Learner for Transformer {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        value["mlp_dimension"] = self.mlp_width().into();
        value
    }

    fn precision(&self) -> Precision {
        self.precision
    }

    fn shapes(&self, _shape: Shape) -> Vec<(usize, usize)> {
        self.blocks().iter().map(|block| block.shape).collect()
    }

    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        self.check(Shape {
            inputs: dataset.x.nrows(),
            outputs: dataset.y.nrows(),
            samples: dataset.samples(),
        })?;
        tokens::check(dataset, self.vocabulary)?;
        let draw = |block: &Block| match (block.shape, &block.start) {
            ((rows, cols), Start::Normal(deviation)) => normal_matrix(rng, rows, cols) * *deviation,
            ((rows, cols), Start::Constant(value)) => DMatrix::from_element(rows, cols, *value),
        };
        Ok(Parameters {
            blocks: self.blocks().iter().map(draw).collect(),
        })
    }

    fn network(&self, _shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(self.compile::<f64>())
    }

    fn network_f32(&self, _shape: Shape) -> Box<dyn Network<f32>> {
        Box::new(self.compile::<f32>())
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.validate(PLACE)?;
        if shape.inputs != self.context {
            return Err(Error::input(
                format!("{PLACE}.context"),
                format!(
                    "{} positions, the task has {} inputs",
                    self.context, shape.inputs
                ),
                format!("set learner.context = {}", shape.inputs),
            ));
        }
        if shape.outputs == self.outputs() {
            return Ok(());
        }
        let (every, remedy) = match self.predict {
            Predict::Last if shape.outputs == self.vocabulary * self.context => {
                ("", "set learner.predict = \"every\"".to_string())
            }
            Predict::Every if shape.outputs == self.vocabulary => (
                " at every position",
                "set learner.predict = \"last\"".into(),
            ),
            Predict::Every if shape.outputs.is_multiple_of(self.context) => (
                " at every position",
                format!("set learner.vocabulary = {}", shape.outputs / self.context),
            ),
            Predict::Last => ("", format!("set learner.vocabulary = {}", shape.outputs)),
            Predict::Every => (
                " at every position",
                "use a task with one-hot targets".into(),
            ),
        };
        Err(Error::input(
            format!("{PLACE}.vocabulary"),
            format!(
                "{} logits{every} make {} outputs, the task has {}",
                self.vocabulary,
                self.outputs(),
                shape.outputs
            ),
            remedy,
        ))
    }

    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }

    fn classes(&self, _shape: Shape) -> usize {
        self.vocabulary
    }

    fn is_causal(&self) -> bool {
        self.mask == Mask::Causal
    }

    fn work_space(&self, _shape: Shape, columns: usize) -> usize {
        model::work_space(self, columns.min(self.group()))
    }

    fn operations(&self, _shape: Shape) -> f64 {
        let (t, d, m) = (
            self.context as f64,
            self.dimension as f64,
            self.mlp_width() as f64,
        );
        let pairs = match self.mask {
            Mask::Causal => t * (t + 1.0) / 2.0,
            Mask::Full => t * t,
        };
        let layer = 6.0 * t * (4.0 * d * d + 2.0 * d * m) + 12.0 * pairs * d;
        self.layers as f64 * layer + 6.0 * self.outputs() as f64 * d
    }
}

#[cfg(test)]
mod tests;
