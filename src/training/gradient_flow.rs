//! Gradient flow: the limit of a vanishing step, integrated with error control.

use super::batches::Data;
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Network, Objective, Parameters};
use crate::numerics::flow::{Flow, Tolerance};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::table::{check_fraction, check_positive};
use crate::training::{Cost, DescentView, Loss, OnSnapshot, Snapshot, Start, State, Training};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "gradient-flow",
    summary: "gradient flow by adaptive Runge-Kutta steps with error control",
    text: "\
dW/dt = -rate_scale dL/dW in full batch and double precision, by the Dormand-Prince pair of orders 5(4). Steps land on every recorded
time; nothing is interpolated. At the kinks of relu the order drops and the steps get short.

keys
  time        end of the flow, in units of gradient-flow time
  resolution  recorded times are multiples of time/resolution (default 5040, which many numbers divide)
  tolerance   local error per step, relative to the size of a parameter, and 1/100 of it absolute (default 1e-8)
  loss        half-mean (default) | half-sum | cross-entropy | { quartic = q } | ..., see gradient-descent

Theories of gradient flow meet it without the limit learning_rate -> 0.",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(GradientFlow::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<GradientFlow>(),
};

/// Gradient flow `dW/dt = -rate_scale dL/dW` up to `time`.
///
/// ```
/// use saddlepoint::training::{GradientFlow, Training};
/// let flow = GradientFlow::new(10.0);
/// assert_eq!((flow.steps(), flow.learning_rate()), (5040, 10.0 / 5040.0)); // the grid of recorded times
/// ```
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GradientFlow {
    /// End of the flow.
    pub time: f64,
    /// Recorded times are multiples of `time/resolution`.
    #[serde(default = "resolution")]
    pub resolution: usize,
    /// Local error per step, relative to each parameter.
    #[serde(default = "tolerance")]
    pub tolerance: f64,
    /// What is minimised.
    #[serde(default)]
    pub loss: Loss,
}

fn resolution() -> usize {
    5040
}

fn tolerance() -> f64 {
    1e-8
}

impl GradientFlow {
    /// Flow on the half-mean loss with the default tolerance.
    pub fn new(time: f64) -> Self {
        GradientFlow {
            time,
            resolution: resolution(),
            tolerance: tolerance(),
            loss: Loss::default(),
        }
    }

    /// Parses the training table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let flow: GradientFlow = parse_table(place, table)?;
        check_positive(place, "time", flow.time)?;
        check_positive(place, "tolerance", flow.tolerance)?;
        check_fraction(place, "tolerance", flow.tolerance)?;
        flow.loss.check(&format!("{place}.loss"))?;
        match (1..=100_000_000).contains(&flow.resolution) {
            true => Ok(flow),
            false => Err(Error::input(
                format!("{place}.resolution"),
                format!("{} times", flow.resolution),
                "use 1 to 1e8",
            )),
        }
    }

    fn compresses(&self, learner: &dyn Learner, shape: Shape) -> bool {
        self.loss.is_square() && learner.plain_mlp(shape).is_some_and(|view| view.linear)
    }
}

fn flat(p: &Parameters) -> Vec<f64> {
    p.blocks.iter().flat_map(|b| b.iter().copied()).collect()
}

fn unflatten(y: &[f64], p: &mut Parameters) {
    let mut rest = y;
    for block in &mut p.blocks {
        let (head, tail) = rest.split_at(block.len());
        block.copy_from_slice(head);
        rest = tail;
    }
}

/// `dy/dt = -rate dL/dW`
struct Slope<'a> {
    network: &'a mut dyn Network<f64>,
    data: &'a Data<'a, f64>,
    objective: Objective,
    rate: f64,
    point: Parameters,
    gradient: Parameters,
}

impl Slope<'_> {
    fn at(&mut self, y: &[f64], dy: &mut [f64]) {
        unflatten(y, &mut self.point);
        let (x, y) = (&self.data.x, &self.data.y);
        self.network
            .gradient(&self.point, x, y, self.objective, &mut self.gradient);
        let gradient = self.gradient.blocks.iter().flat_map(|b| b.iter());
        for (dy, g) in dy.iter_mut().zip(gradient) {
            *dy = -self.rate * g;
        }
    }
}

impl Training for GradientFlow {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        value
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn learning_rate(&self) -> f64 {
        self.time / self.resolution as f64
    }

    fn steps(&self) -> usize {
        self.resolution
    }

    fn descent(&self) -> Option<DescentView> {
        Some(DescentView {
            flow: true,
            ..DescentView::plain(self.learning_rate(), self.resolution, self.loss)
        })
    }

    /// The number of steps is not known beforehand: two gradients per interval of the grid are assumed.
    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let columns = match self.compresses(learner, shape) {
            true => shape.samples.min(shape.inputs),
            false => shape.samples,
        };
        let mut cost = Cost::of_descent(learner, shape, columns, 2 * self.resolution);
        // State, seven stages and work space of the integrator.
        let parameters: usize = learner.shapes(shape).iter().map(|(r, c)| r * c).sum();
        cost.bytes += 8 * 12 * parameters as u64;
        cost
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        _rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let tolerance = Tolerance {
            relative: self.tolerance,
            absolute: self.tolerance / 100.0,
            interruptible: false,
            ..Tolerance::default()
        };
        let mut flow = match start.paused {
            Some(state) => state.read()?,
            None => Flow::new(0.0, flat(&start.parameters), tolerance),
        };
        let mut parameters = start.parameters;
        unflatten(flow.state(), &mut parameters);
        let shape = dataset.shape();
        let classes = learner.classes(shape);
        let objective = self.loss.objective(shape.samples, shape.outputs, classes);
        let compressed = self.compresses(learner, shape);
        let data = Data::of(dataset, objective.weight(), compressed);
        let mut slope = Slope {
            network: &mut *learner.network(shape),
            data: &data,
            objective,
            rate: learner.rate_scale(shape),
            point: parameters.clone(),
            gradient: parameters.clone(),
        };
        let rest = (record.last() != Some(&self.resolution)).then_some(&self.resolution);
        for &step in record.iter().chain(rest) {
            let time = self.time * step as f64 / self.resolution as f64;
            if time > flow.time() {
                flow.advance(&mut |_, y, dy| slope.at(y, dy), time)?;
                unflatten(flow.state(), &mut parameters);
            }
            if rest != Some(&step) {
                on_snapshot(Snapshot {
                    state: Some(&|| State::of(&flow)),
                    ..Snapshot::new(step, &parameters)
                })?;
            }
        }
        Ok(parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::{Activation, Mlp};
    use crate::numerics::linalg::{eigh, solve_spd};
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::Modes;
    use crate::training::GradientDescent;
    use nalgebra::{DMatrix, DVector};

    fn dataset() -> Dataset {
        let mut rng = stream(3, "flow", &[]);
        let x = normal_matrix(&mut rng, 3, 12);
        let y = normal_matrix(&mut rng, 2, 3) * &x + normal_matrix(&mut rng, 2, 12) * 0.3;
        let modes = Modes {
            u: DMatrix::zeros(2, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(3, 0),
        };
        Dataset {
            x,
            y,
            test: None,
            modes,
            groups: None,
            blocks: None,
        }
    }

    fn path(training: &dyn Training, mlp: &Mlp, record: &[usize]) -> Vec<(usize, Parameters)> {
        let data = dataset();
        let start = mlp
            .initialize(&data, &mut stream(1, "initial", &[]))
            .unwrap();
        let mut seen = Vec::new();
        training
            .train(
                mlp,
                start.into(),
                &data,
                record,
                &mut stream(1, "training", &[]),
                &mut |s| {
                    seen.push((s.step, s.parameters.clone()));
                    Ok(())
                },
            )
            .unwrap();
        seen
    }

    #[test]
    fn linear_regression_is_the_matrix_exponential() {
        let data = dataset();
        let (xx, yx) = (
            &data.x * data.x.transpose() / 12.0,
            &data.y * data.x.transpose() / 12.0,
        );
        let (lambda, v) = eigh(&xx).unwrap();
        let best = solve_spd(&xx, &yx.transpose()).unwrap().transpose();
        let flow = GradientFlow::new(3.0);
        let seen = path(&flow, &Mlp::default(), &[0, 10, 500, 5040]);
        assert_eq!(seen.len(), 4);
        let start = seen[0].1.blocks[0].clone();
        for (step, p) in seen {
            let t = 3.0 * step as f64 / 5040.0;
            let decay =
                &v * DMatrix::from_diagonal(&lambda.map(|l| (-l * t).exp())) * v.transpose();
            let exact = &best + (&start - &best) * decay;
            assert!((&p.blocks[0] - exact).amax() < 1e-7, "{t}");
        }
    }

    #[test]
    fn descent_tends_to_the_flow_in_first_order() {
        let mlp = Mlp {
            widths: vec![5],
            activation: Activation::Tanh,
            bias: true,
            ..Mlp::default()
        };
        let limit = path(&GradientFlow::new(2.0), &mlp, &[5040]);
        let errors: Vec<f64> = [100, 200]
            .iter()
            .map(|&steps| {
                let descent = GradientDescent::new(2.0 / steps as f64, steps);
                let end = path(&descent, &mlp, &[steps]);
                let blocks = limit[0].1.blocks.iter().zip(&end[0].1.blocks);
                blocks
                    .map(|(a, b)| (a - b).norm_squared())
                    .sum::<f64>()
                    .sqrt()
            })
            .collect();
        assert!((errors[0] / errors[1] - 2.0).abs() < 0.1, "{errors:?}");
    }

    #[test]
    fn wrong_tables_name_their_key() {
        for (text, place) in [
            ("time = 0", "training.time: "),
            ("time = 1\ntolerance = 2", "training.tolerance: "),
            ("time = 1\nresolution = 0", "training.resolution: "),
            (
                "time = 1\nlearning_rate = 0.1",
                "unknown key \"learning_rate\"",
            ),
        ] {
            let message = GradientFlow::parse("training", text.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.contains(place), "{message}");
        }
    }
}
