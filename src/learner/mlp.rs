//! The multilayer perceptron as a spec names it.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{
    Activation, Init, Learner, MlpNetwork, MlpView, Network, Parameters, Parametrization,
    Precision, StartView,
};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "mlp",
    summary: "multilayer perceptron without biases, any depth, width, activation and parametrisation",
    text: "\
f(x) = c_L W_L phi(c_{L-1} W_{L-1} ... phi(c_1 W_1 x)), raw weights W_l: n_l x n_{l-1}, n_0 inputs, n_L outputs.
Training moves the raw weights: W <- W - learning_rate * rate_scale * dL/dW.

keys
  widths           list of hidden widths; [] is linear regression
  activation       linear (default) | tanh | erf | relu | gelu | quadratic
                   erf is erf(x/sqrt 2); gelu is x Phi(x), exact; quadratic is x^2
  parametrization  standard (default): c_l = 1, rate_scale = 1
                   ntk: c_l = 1/sqrt(n_{l-1}), rate_scale = 1
                   mean-field (muP): c_l = 1/sqrt(n_{l-1}), readout c_L = 1/(gamma_0 N), rate_scale = gamma_0^2 N,
                   N = n_{L-1}
  richness         gamma_0 > 0 of mean-field (default 1); elsewhere it must stay 1
  init.kind        gaussian (default): entries N(0, scale^2); scale defaults to 1/sqrt(n_{l-1}) in standard, else to 1
                   balanced: every layer has the singular values scale, in random bases, W_{l+1}^T W_{l+1} = W_l W_l^T
                   lambda-balanced: two layers, W_2^T W_2 - W_1 W_1^T = lambda 1, product singular values scale
                   aligned: singular bases of the task's modes; scale in all layers but the last, which has last
                   (all but gaussian in the standard parametrisation only)
  precision        f64 (default) | f32

sources: Jacot, Gabriel, Hongler 2018 (arXiv:1806.07572); Bordelon, Pehlevan 2022 (arXiv:2205.09653);
Domine et al. 2024 (arXiv:2409.14623)",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Mlp::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<Mlp>(),
};

/// Place of the learner's table in a spec, for errors that arise after parsing.
const PLACE: &str = "learner";

/// Multilayer perceptron without biases; formulas stand at [`Parametrization`], [`Activation`] and [`Init`].
///
/// ```
/// use saddlepoint::learner::{Init, Learner, Mlp};
/// use saddlepoint::task::Shape;
/// let mlp = Mlp { widths: vec![8], init: Init::Gaussian { scale: Some(0.01) }, ..Mlp::default() };
/// let shape = Shape { inputs: 10, outputs: 4, samples: 200 };
/// assert_eq!(mlp.shapes(shape), vec![(8, 10), (4, 8)]);
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Mlp {
    /// Hidden widths; empty for linear regression.
    pub widths: Vec<usize>,
    #[serde(default)]
    pub activation: Activation,
    #[serde(default)]
    pub parametrization: Parametrization,
    /// `gamma_0` of the mean-field parametrisation.
    #[serde(default = "one")]
    pub richness: f64,
    #[serde(default)]
    pub init: Init,
    #[serde(default)]
    pub precision: Precision,
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
            precision: Precision::default(),
        }
    }
}

impl Mlp {
    /// Parses the learner's table (without `kind`) and checks all ranges that need no data.
    pub fn parse(place: &str, mut table: toml::Table) -> Result<Self> {
        // The tagged `init` table is parsed apart, because serde loses the key path inside it.
        let init = table.remove("init");
        let mut mlp: Mlp = parse_table(place, table)?;
        if let Some(init) = init {
            mlp.init = Init::parse(&format!("{place}.init"), init)?;
        }
        mlp.validate(place)?;
        Ok(mlp)
    }

    fn validate(&self, place: &str) -> Result<()> {
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
        self.init
            .validate(&format!("{place}.init"), self.parametrization)
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
        let multipliers = self.parametrization.multipliers(&widths, self.richness);
        MlpNetwork::new(widths, self.activation, &multipliers)
    }

    /// The initial law as theories see it. Gaussian layers of unequal deviations (the default of the standard parametrisation)
    /// are represented by the geometric mean of the deviations: it keeps the scale of the product of all layers.
    fn start(&self, widths: &[usize]) -> StartView {
        match self.init {
            Init::Gaussian { .. } => {
                let deviations = self
                    .init
                    .deviations(widths, self.parametrization)
                    .unwrap_or_default();
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
        self.all_widths(shape)
            .windows(2)
            .map(|n| (n[1], n[0]))
            .collect()
    }

    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shape = Shape {
            inputs: dataset.x.nrows(),
            outputs: dataset.y.nrows(),
            samples: dataset.samples(),
        };
        self.check(shape)?;
        let blocks = self.init.draw(
            &format!("{PLACE}.init"),
            &self.all_widths(shape),
            self.parametrization,
            &dataset.modes,
            rng,
        )?;
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
            .check(&format!("{PLACE}.init"), &self.all_widths(shape))
    }

    fn rate_scale(&self, shape: Shape) -> f64 {
        self.parametrization
            .rate_scale(&self.all_widths(shape), self.richness)
    }

    fn mlp(&self, shape: Shape) -> Option<MlpView> {
        let widths = self.all_widths(shape);
        Some(MlpView {
            // Without hidden layers there is nothing for the activation to act on.
            linear: self.activation == Activation::Linear || self.widths.is_empty(),
            multipliers: self.parametrization.multipliers(&widths, self.richness),
            rate_scale: self.rate_scale(shape),
            start: self.start(&widths),
            widths,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::linalg::eigh;
    use crate::numerics::random::stream;
    use crate::task::Modes;
    use nalgebra::{DMatrix, DVector};

    fn parse(text: &str) -> Result<Mlp> {
        Mlp::parse("learner", text.parse().unwrap())
    }

    fn dataset(x: DMatrix<f64>, y: DMatrix<f64>) -> Dataset {
        let modes = Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        };
        Dataset {
            x,
            y,
            test: None,
            modes,
        }
    }

    #[test]
    fn tables_resolve_with_every_default() {
        let mlp = parse("widths = [8]\n[init]\nkind = 'gaussian'\nscale = 0.01").unwrap();
        assert_eq!(
            mlp.resolved(),
            serde_json::json!({
                "widths": [8], "activation": "linear", "parametrization": "standard", "richness": 1.0,
                "init": {"kind": "gaussian", "scale": 0.01}, "precision": "f64", "kind": "mlp"
            })
        );
        assert_eq!(parse("widths = []").unwrap(), Mlp::default());
        let aligned = parse("widths = [8]\ninit = { kind = 'aligned', scale = 0.5 }").unwrap();
        assert_eq!(aligned.resolved()["init"]["last"], 0.5);
    }

    #[test]
    fn wrong_tables_name_the_place() {
        for (text, expected) in [
            ("widths = [8, 0]", "learner.widths[1]: "),
            ("widths = [-8]", "learner.widths[0]: "),
            ("activation = 'tanh'", "the key \"widths\" is missing"),
            (
                "widths = [8]\nactivation = 'tahn'",
                "did you mean \"tanh\"?",
            ),
            ("widths = [8]\nrichnes = 1", "did you mean \"richness\"?"),
            ("widths = [8]\nrichness = 2.0", "learner.richness: "),
            (
                "widths = [8]\nrichness = 0.0\nparametrization = 'mean-field'",
                "learner.richness: ",
            ),
            (
                "widths = [8]\ninit = { kind = 'gaussian', scale = -1 }",
                "learner.init.scale: ",
            ),
            (
                "widths = [8]\ninit = { kind = 'gaussian', scale = nan }",
                "learner.init.scale: ",
            ),
            (
                "widths = [8]\nparametrization = 'ntk'\ninit = { kind = 'balanced', scale = 1 }",
                "learner.init.kind: ",
            ),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn view_for_theories() {
        let shape = Shape {
            inputs: 4,
            outputs: 2,
            samples: 10,
        };
        let view = |mlp: Mlp| mlp.mlp(shape).unwrap();
        let deep = Mlp {
            widths: vec![16],
            ..Mlp::default()
        };
        // Deviations 1/2 and 1/4.
        let StartView::Gaussian { scale } = view(deep.clone()).start else {
            panic!()
        };
        assert!((scale - 0.125f64.sqrt()).abs() < 1e-15);
        let field = Mlp {
            parametrization: Parametrization::MeanField,
            richness: 2.0,
            ..deep.clone()
        };
        let v = view(field);
        assert_eq!((v.multipliers, v.rate_scale), (vec![0.5, 1.0 / 32.0], 64.0));
        assert_eq!((v.widths, v.linear), (vec![4, 16, 2], true));
        assert_eq!(v.start, StartView::Gaussian { scale: 1.0 });
        assert!(
            !view(Mlp {
                activation: Activation::Tanh,
                ..deep
            })
            .linear
        );
        let shallow = Mlp {
            activation: Activation::Tanh,
            init: Init::Aligned {
                scale: 0.1,
                last: Some(0.2),
            },
            ..Mlp::default()
        };
        assert_eq!(
            view(shallow.clone()).start,
            StartView::Aligned {
                first: 0.2,
                last: 0.2
            }
        );
        assert!(view(shallow).linear);
    }

    #[test]
    fn mean_field_outputs_start_at_one_over_richness_root_width() {
        // One hidden linear layer, |x|^2 = D: f has variance 1/(g^2 N) exactly; its fourth moment gives the error of the estimate.
        let x = DMatrix::from_element(3, 1, 1.0);
        for (width, richness) in [(50, 0.5), (200, 2.0)] {
            let mlp = Mlp {
                widths: vec![width],
                parametrization: Parametrization::MeanField,
                richness,
                ..Mlp::default()
            };
            let data = dataset(x.clone(), DMatrix::zeros(1, 1));
            let shape = Shape {
                inputs: 3,
                outputs: 1,
                samples: 1,
            };
            let mut network = mlp.network(shape);
            let mut rng = stream(8, "mean-field", &[width as u64]);
            let squares: Vec<f64> = (0..2000)
                .map(|_| {
                    let p = mlp.initialize(&data, &mut rng).unwrap();
                    let f = network.forward(&p, &x)[0];
                    f * f * richness * richness * width as f64
                })
                .collect();
            let n = squares.len() as f64;
            let mean = squares.iter().sum::<f64>() / n;
            let variance = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
            assert!(((mean - 1.0) / (variance / n).sqrt()).abs() < 3.3, "{mean}");
        }
    }

    #[test]
    fn first_mean_field_step_follows_the_tangent_kernel() {
        // D = P = 2, K^x = [[1, 0.6], [0.6, 1]], y = (1, -0.5): f(1) - f(0) = (eta/P) K (y - f(0)) + O(eta^2), where
        // K = gamma_0^2 N J J^T, and K -> (L + 1) K^x for a linear network as N -> infinity.
        let x = DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.0, 0.8]) * 2f64.sqrt();
        let y = DMatrix::from_row_slice(1, 2, &[1.0, -0.5]);
        let data = dataset(x.clone(), y.clone());
        let shape = Shape {
            inputs: 2,
            outputs: 1,
            samples: 2,
        };
        let eta = 1e-3;
        let step = |mlp: &Mlp, eta: f64| {
            let p = mlp
                .initialize(&data, &mut stream(9, "first step", &[]))
                .unwrap();
            let mut network = mlp.network(shape);
            let f = network.forward(&p, &x);
            let j = network.jacobian(&p, &x);
            let kernel = &j * j.transpose() * mlp.rate_scale(shape);
            let mut g = p.clone();
            network.gradient(&p, &x, &y, 0.5, &mut g);
            let mut moved = p.clone();
            for (p, g) in moved.blocks.iter_mut().zip(&g.blocks) {
                *p -= g * (eta * mlp.rate_scale(shape));
            }
            let rise = (network.forward(&moved, &x) - &f) / eta;
            let law = (&y - &f) * &kernel * 0.5;
            ((rise - &law).norm() / law.norm(), kernel)
        };
        for activation in Activation::ALL {
            let mlp = Mlp {
                widths: vec![60, 60],
                activation,
                parametrization: Parametrization::MeanField,
                richness: 1.5,
                ..Mlp::default()
            };
            let (coarse, fine) = (step(&mlp, eta).0, step(&mlp, 0.5 * eta).0);
            // A step across the kinks of relu has no second-order expansion.
            let second_order = activation == Activation::Relu || (coarse / fine - 2.0).abs() < 0.2;
            assert!(
                coarse < 0.1 && fine < coarse && second_order,
                "{activation:?}: {coarse} {fine}"
            );
        }
        let wide = Mlp {
            widths: vec![40_000],
            parametrization: Parametrization::MeanField,
            richness: 1.5,
            ..Mlp::default()
        };
        let (error, kernel) = step(&wide, eta);
        assert!(error < 1e-3);
        let limit = x.transpose() * &x; // (L + 1) X^T X / D with L = 1, D = 2
        assert!((kernel - &limit).amax() < 4.0 * 2.0 / 200.0);
        assert!(eigh(&limit).unwrap().0[0] > 0.0);
    }
}
