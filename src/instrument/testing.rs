//! A deep linear learner and plain descent, written out by hand, for the tests of the instruments.

use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Draws, Experiment, Spacing};
use crate::kind::About;
use crate::learner::{Activation, Learner, MlpView, Network, Objective, Parameters, Precision};
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::{Dataset, Shape, Task};
use crate::training::{Loss, OnSnapshot, Snapshot, Start, Training};
use nalgebra::DMatrix;
use std::sync::Arc;

const ABOUT: About = About {
    kind: "test",
    summary: "",
    text: "",
    revision: 1,
};

/// `f(x) = c_L W_L ... c_1 W_1 x`; an opaque one hides that it is linear.
#[derive(Debug, Clone)]
pub struct Linear {
    hidden: Vec<usize>,
    multipliers: Vec<f64>,
    opaque: bool,
}

pub fn linear(hidden: &[usize], multipliers: &[f64]) -> Linear {
    Linear {
        hidden: hidden.to_vec(),
        multipliers: multipliers.to_vec(),
        opaque: false,
    }
}

pub fn opaque(hidden: &[usize], multipliers: &[f64]) -> Linear {
    Linear {
        opaque: true,
        ..linear(hidden, multipliers)
    }
}

/// Parameters with these layers, the first layer first.
pub fn stack(layers: &[DMatrix<f64>]) -> Parameters {
    Parameters {
        blocks: layers.to_vec(),
    }
}

/// One data set, one replica, 5 recorded times, learning rate 0.05.
pub fn experiment(task: impl Task + 'static, learner: Linear, steps: usize) -> Experiment {
    descent(task, learner, steps, 0.05)
}

pub fn descent(
    task: impl Task + 'static,
    learner: Linear,
    steps: usize,
    learning_rate: f64,
) -> Experiment {
    Experiment {
        seed: 1,
        task: Arc::new(task),
        learner: Some(Arc::new(learner)),
        training: Some(Arc::new(Descent {
            steps,
            learning_rate,
            loss: Loss::HalfMean,
        })),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 5,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

impl Linear {
    fn widths(&self, shape: Shape) -> Vec<usize> {
        let ends = (vec![shape.inputs], vec![shape.outputs]);
        [ends.0, self.hidden.clone(), ends.1].concat()
    }
}

impl Learner for Linear {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn precision(&self) -> Precision {
        Precision::F64
    }
    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        self.widths(shape)
            .windows(2)
            .map(|w| (w[1], w[0]))
            .collect()
    }
    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shape = dataset.shape();
        let blocks = self.shapes(shape).into_iter();
        Ok(Parameters {
            blocks: blocks
                .map(|(r, c)| normal_matrix(rng, r, c) * 0.3)
                .collect(),
        })
    }
    fn network(&self, _shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(self.clone())
    }
    fn network_f32(&self, _shape: Shape) -> Box<dyn Network<f32>> {
        unreachable!("the tests train in double precision")
    }
    fn check(&self, _shape: Shape) -> Result<()> {
        Ok(())
    }
    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }
    fn mlp(&self, shape: Shape) -> Option<MlpView> {
        (!self.opaque).then(|| MlpView {
            multipliers: self.multipliers.clone(),
            ..MlpView::standard(self.widths(shape), Activation::Linear, 0.3)
        })
    }
}

impl Linear {
    /// `(W_L ... W_{l+1}, W_{l-1} ... W_1)` around layer `l` (from 0), without multipliers.
    fn around(p: &Parameters, l: usize) -> (DMatrix<f64>, DMatrix<f64>) {
        let (inputs, outputs) = (p.blocks[0].ncols(), p.blocks[p.blocks.len() - 1].nrows());
        let multiply = |a: DMatrix<f64>, w: &DMatrix<f64>| w * a;
        let below = p.blocks[..l]
            .iter()
            .fold(DMatrix::identity(inputs, inputs), multiply);
        let above = p.blocks[l + 1..]
            .iter()
            .rev()
            .fold(DMatrix::identity(outputs, outputs), |a, w| a * w);
        (above, below)
    }
    fn scale(&self) -> f64 {
        self.multipliers.iter().product()
    }
}

impl Network<f64> for Linear {
    fn forward(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        p.blocks.iter().fold(x.clone(), |h, w| w * h) * self.scale()
    }
    fn gradient(
        &mut self,
        p: &Parameters,
        x: &DMatrix<f64>,
        y: &DMatrix<f64>,
        objective: Objective,
        grad: &mut Parameters,
    ) -> f64 {
        let weight = objective.weight();
        let residual = self.forward(p, x) - y;
        for (l, g) in grad.blocks.iter_mut().enumerate() {
            let (above, below) = Self::around(p, l);
            *g = above.transpose() * &residual * (below * x).transpose() * (weight * self.scale());
        }
        0.5 * weight * residual.norm_squared()
    }
    fn jacobian(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        let outputs = p.blocks[p.blocks.len() - 1].nrows();
        let mut jacobian = DMatrix::zeros(outputs * x.ncols(), p.len());
        let mut first = 0;
        for (l, w) in p.blocks.iter().enumerate() {
            let (above, below) = Self::around(p, l);
            let h = below * x;
            for (mu, i) in (0..x.ncols()).flat_map(|mu| (0..outputs).map(move |i| (mu, i))) {
                for (b, a) in (0..w.ncols()).flat_map(|b| (0..w.nrows()).map(move |a| (b, a))) {
                    jacobian[(mu * outputs + i, first + b * w.nrows() + a)] =
                        self.scale() * above[(i, a)] * h[(b, mu)];
                }
            }
            first += w.len();
        }
        jacobian
    }
}

#[derive(Debug)]
struct Descent {
    steps: usize,
    learning_rate: f64,
    loss: Loss,
}

impl Training for Descent {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn loss(&self) -> Loss {
        self.loss
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn steps(&self) -> usize {
        self.steps
    }
    fn is_plain_descent(&self) -> bool {
        true
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
        let shape = dataset.shape();
        let mut network = learner.network(shape);
        let mut parameters = start.parameters;
        let mut gradient = parameters.clone();
        for step in 0..=self.steps {
            if record.contains(&step) {
                let parameters = &parameters;
                on_snapshot(Snapshot::new(step, parameters))?;
            }
            if step < self.steps {
                let weight = self.loss.weight(dataset.samples());
                network.gradient(
                    &parameters,
                    &dataset.x,
                    &dataset.y,
                    Objective::square(weight),
                    &mut gradient,
                );
                for (w, g) in parameters.blocks.iter_mut().zip(&gradient.blocks) {
                    *w -= g * self.learning_rate;
                }
            }
        }
        Ok(parameters)
    }
}

/// A multilayer perceptron trained for 40 steps on 9 samples of a teacher with 4 inputs and 2 outputs: data, end, values.
pub fn trained(
    learner: crate::learner::Mlp,
    instruments: &[&dyn super::Instrument],
) -> (Dataset, Parameters, Vec<Vec<f64>>) {
    let task = crate::task::LinearTeacher {
        samples: 9,
        test_samples: 7,
        ..crate::task::LinearTeacher::new(vec![2.0, 1.0], 4, 2)
    };
    let e = Experiment {
        learner: Some(Arc::new(learner)),
        ..experiment(task, linear(&[], &[1.0]), 40)
    };
    let draw = crate::experiment::DrawIndex {
        dataset: 0,
        replica: 0,
    };
    let data = e.dataset(0).unwrap();
    let start = e.initial(&data, draw).unwrap().unwrap();
    let mut noise = e.training_stream(draw);
    let found = super::measure(
        &e,
        &Context::default(),
        instruments,
        &data,
        start.into(),
        &mut noise,
        None,
    )
    .unwrap();
    (data, found.trained, found.values)
}
