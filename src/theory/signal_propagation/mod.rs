//! The theory entry `signal-propagation`.
#![doc = include_str!("signal_propagation.md")]

use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::{Axis, Declined, Observable};
use crate::kind::{About, Kind};
use crate::mean_field::signal_propagation::{Bounded, Layer, LayerLaw, propagate};
use crate::mean_field::wide::Wide;
use crate::theory::gate::wide;
use crate::theory::{Answer, Asked, Info, Plan, Prediction, Solve, Theory, missing, parse_keys};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "signal-propagation",
    summary: "variances, correlations and depth scale of signals in wide random networks",
    text: include_str!("signal_propagation.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "Poole et al. 2016, arXiv:1606.05340; Schoenholz et al. 2017, arXiv:1611.01232",
    observables: &["feature-correlation", "feature-kernel"],
    own: &[&VARIANCE, &CORRELATION, &CHI, &DEPTH_SCALE],
    conditions: &[Conditioning::None, Conditioning::Data],
    assumptions: &["independent Gaussian weights and biases in every layer"],
    ..Info::of(&ABOUT)
};

static VARIANCE: Observable = Observable {
    name: "layer-variance",
    label: "variance q of pre-activations",
    convention: "q_l = E h^l(x)^2 over the units of hidden layer l, of the first input",
    ..Observable::PLAIN
};

static CORRELATION: Observable = Observable {
    name: "layer-correlation",
    label: "correlation c of pre-activations",
    convention: "c_l = E h^l(x) h^l(y)/sqrt(q_l q'_l) over the units of hidden layer l, of the two inputs",
    vanishing: Some(0.01),
    ..Observable::PLAIN
};

static CHI: Observable = Observable {
    name: "layer-chi",
    label: "factor χ₁ of small distances",
    convention: "chi_1 = s E phi'(h^l(x))^2, s the weight variance of the next hidden layer, which multiplies the square of small differences at a right angle to the input by it",
    ..Observable::PLAIN
};

static DEPTH_SCALE: Observable = Observable {
    name: "layer-depth-scale",
    label: "depth scale ξ",
    unit: "layers",
    convention: "xi = 1/|ln chi_1|, at the variance of hidden layer l",
    undefined: Some("chi_1 is 1 within its error, at the edge of chaos"),
    ..Observable::PLAIN
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        keys.check(place)?;
        Ok(Arc::new(SignalPropagation(keys)))
    },
    schema: Keys::json_schema,
};

/// Keys of an entry.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    /// What the inputs are taken from: `none` the keys, `data` each data set.
    condition: Conditioning,
    /// `|x|^2/d` of both inputs.
    length: f64,
    /// Correlation of the two inputs, `x.y/(|x| |y|)`.
    correlation: f64,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            condition: Conditioning::None,
            length: 1.0,
            correlation: 0.0,
        }
    }
}

impl Keys {
    fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, value: f64, remedy: &str| {
            Err(Error::input(
                format!("{place}.{key}"),
                format!("{value} is out of range"),
                remedy,
            ))
        };
        if !(self.length.is_finite() && self.length > 0.0) {
            return wrong("length", self.length, "give a positive number, |x|^2/d");
        }
        if !(-1.0..=1.0).contains(&self.correlation) {
            return wrong(
                "correlation",
                self.correlation,
                "give a number from -1 to 1",
            );
        }
        Ok(())
    }
}

#[derive(Debug)]
struct SignalPropagation(Keys);

impl Theory for SignalPropagation {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let wide = wide(e)?;
        if wide.layers.len() < 2 {
            return Err(Declined("needs a hidden layer (learner.widths)".into()));
        }
        let sees_data = self.0.condition == Conditioning::Data;
        let untrained = e.training.as_ref().is_none_or(|t| t.steps() == 0);
        let possible = |i: &usize| match asked[*i].name() {
            "feature-correlation" | "feature-kernel" => {
                let ends = asked[*i].keys["over"]
                    .as_str()
                    .is_none_or(|over| over == "ends");
                sees_data && untrained && asked[*i].grid.is_some() && ends
            }
            "layer-chi" | "layer-depth-scale" => wide.layers.len() > 2,
            name => INFO.own.iter().any(|o| o.name == name),
        };
        let answers: Vec<usize> = (0..asked.len()).filter(possible).collect();
        if answers.is_empty() {
            return Err(Declined(
                "tells layer-variance, layer-correlation, layer-chi and layer-depth-scale, and predicts feature-correlation and feature-kernel \
                 where nothing is trained (training.kind = \"none\", condition = \"data\"); nothing of this is asked for"
                    .into(),
            ));
        }
        let promise = Promise {
            // Moments of a network of width N differ from their means by 1/sqrt(N), means over networks by 1/N.
            limits: vec![Limit::infinite("learner.widths").rate(-1.0)],
            averages_over: vec!["replicas"],
            seconds: 1e-5 * wide.layers.len() as f64,
            ..Promise::of(self.0.condition)
        };
        let Keys {
            length,
            correlation,
            ..
        } = self.0;
        let inputs = (!sees_data).then_some([length, length, length * correlation]);
        Ok(Plan::new(promise, asked, answers, Signals { wide, inputs }))
    }
}

#[derive(Serialize)]
struct Signals {
    wide: Wide,
    /// `[x.x, y.y, x.y]/d`; `None`: of the first two training inputs.
    inputs: Option<[f64; 3]>,
}

impl Signals {
    /// All layers of pre-activations.
    fn follow(&self, inputs: [f64; 3]) -> Result<Vec<Layer>> {
        let laws: Vec<LayerLaw> = self
            .wide
            .layers
            .iter()
            .map(|l| LayerLaw {
                weight_variance: l.signal,
                bias_variance: l.bias,
            })
            .collect();
        let first = inputs.map(|g| laws[0].weight_variance * g + laws[0].bias_variance);
        propagate(&self.wide.phi, &laws[1..], first)
    }
}

impl Solve for Signals {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Result<Prediction> {
        let x = draw.dataset.as_ref().map(|data| &data.x);
        let inputs = match (self.inputs, x) {
            (Some(inputs), _) => inputs,
            (None, Some(x)) => {
                let second = 1.min(x.ncols() - 1);
                let product = |i: usize, j: usize| x.column(i).dot(&x.column(j)) / x.nrows() as f64;
                [product(0, 0), product(second, second), product(0, second)]
            }
            (None, None) => return Err(missing("the data set")),
        };
        let layers = self.follow(inputs)?;
        let hidden = self.wide.layers.len() - 1;
        let own = |index: usize, layers: &[Layer], value: &dyn Fn(&Layer) -> Option<Bounded>| {
            let axis = (1..=layers.len()).map(|l| l as f64).collect();
            let values = layers.iter().map(|layer| match value(layer) {
                Some(v) if v.value.is_finite() => (v.value, v.bound),
                _ => (f64::NAN, 0.0),
            });
            let (mean, bound) = values.unzip();
            Answer {
                asked: index,
                axes: vec![Axis::new("layer", "1", axis)],
                mean,
                bound,
                repeats: None,
            }
        };
        // What the read-out does is no matter of the hidden layers.
        let (all, onward) = (&layers[..hidden], &layers[..hidden - 1]);
        let answer = |(index, asked): (usize, &Asked)| -> Result<Answer> {
            Ok(match asked.name() {
                "layer-variance" => own(index, all, &|l| Some(l.variances[0])),
                "layer-correlation" => own(index, all, &|l| Some(l.correlation)),
                "layer-chi" => own(index, onward, &|l| l.onward.map(|o| o.chi)),
                "layer-depth-scale" => {
                    own(index, onward, &|l| l.onward.map(|o| o.correlation_depth))
                }
                "feature-correlation" => {
                    let [xx, yy, xy] = inputs;
                    let own = [self.wide.pair([xx, xx, xx])?, self.wide.pair([yy, yy, yy])?];
                    let pair = self.wide.pair([xx, yy, xy])?;
                    let at = |l: usize| {
                        let size = (own[0].features[l] * own[1].features[l]).sqrt();
                        let value = pair.features[l] / size;
                        let bounds = pair.bound + own[0].bound + own[1].bound;
                        (value, bounds / size)
                    };
                    Answer::on_grid(index, asked, (0..hidden).map(at))
                }
                _ => {
                    let x = x.ok_or_else(|| missing("the data set"))?;
                    self.feature_kernels(index, asked, x)?
                }
            })
        };
        let answers = asked.iter().enumerate().map(answer);
        let answers = answers.collect::<Result<Vec<_>>>()?;
        Ok(Prediction::of("recursion over layers", answers))
    }
}

impl Signals {
    /// `F(K^l)` on the axes endpoint, layer, sample, sample: the same at both ends, for nothing is trained.
    fn feature_kernels(&self, index: usize, asked: &Asked, x: &DMatrix<f64>) -> Result<Answer> {
        let [ends, layers, samples, _] = asked.axes() else {
            return Err(Error::bug(
                "signal-propagation",
                "a feature kernel has four axes",
            ));
        };
        let (n, d) = (samples.values.len(), x.nrows() as f64);
        let product = |i: usize, j: usize| x.column(i).dot(&x.column(j)) / d;
        let mut pairs = Vec::with_capacity(n * n);
        for i in 0..n {
            for j in 0..n {
                pairs.push(
                    self.wide
                        .pair([product(i, i), product(j, j), product(i, j)])?,
                );
            }
        }
        let mut values = Vec::with_capacity(asked.size());
        for _ in &ends.values {
            for l in 0..layers.values.len() {
                values.extend(pairs.iter().map(|p| (p.features[l], p.bound)));
            }
        }
        Ok(Answer::on_grid(index, asked, values))
    }
}

#[cfg(test)]
mod tests;
