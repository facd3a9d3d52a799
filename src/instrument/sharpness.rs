//! Sharpness: the largest eigenvalue of the Hessian of the training loss over time.

use super::subject::{Subject, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::{Network, Objective, Parameters};
use crate::task::Dataset;
use crate::training::sharpness::sharpness;
use nalgebra::DMatrix;

/// Largest eigenvalue of the Hessian of the training loss over training time.
pub static SHARPNESS: Observable = Observable {
    name: "sharpness",
    label: "sharpness (largest Hessian eigenvalue)",
    unit: "1",
    convention: "largest eigenvalue of the Hessian of the loss as minimised (without weight decay) in the raw parameters; gradient descent is \
                 stable below 2/(learning_rate * rate_scale)",
    ..Observable::PLAIN
};

const ABOUT: About = About {
    kind: "sharpness",
    summary: "largest eigenvalue of the Hessian of the training loss",
    text: "\
lambda_max(t) of the whole Hessian of L(theta) on the axis time, L and its weight as stated by training.loss, theta the raw parameters.
Lanczos iteration on central differences of the full-batch gradient, to a residual norm of 1e-6 of the value. Gradient descent with
learning_rate eta leaves a minimum with lambda_max > 2/(eta rate_scale); rate_scale is 1 except in the mean-field parametrisation,
gamma_0^2 N. Training on real data often drives lambda_max up to that value and stays there (edge of stability).

source: Cohen, Kaur, Li, Kolter, Talwalkar 2021, arXiv:2103.00065",
    revision: 1,
};

/// Measures [`SHARPNESS`].
#[derive(Debug, Clone, Copy)]
pub struct Sharpness;

struct SharpnessRecorder {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
    objective: Objective,
    values: Vec<f64>,
}

impl Instrument for Sharpness {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &SHARPNESS
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        match subject.learner.solver() {
            Some(_) => Err(Declined(
                "needs a learner that is trained by gradients".into(),
            )),
            None => Ok(vec![time_axis(experiment)]),
        }
    }

    /// The data set with the work space of a gradient, and a Krylov space of 60 directions.
    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            let shape = subject.shape;
            let parameters: usize = subject
                .learner
                .shapes(shape)
                .iter()
                .map(|(r, c)| r * c)
                .sum();
            shape.samples * (shape.inputs + shape.outputs)
                + subject.learner.work_space(shape, shape.samples)
                + 64 * parameters
        })
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused(ABOUT.kind, d))?;
        let classes = subject.learner.classes(subject.shape);
        let loss = subject.training.loss();
        Ok(Box::new(SharpnessRecorder {
            network: subject.learner.network(subject.shape),
            x: dataset.x.clone(),
            y: dataset.y.clone(),
            objective: loss.objective(dataset.samples(), dataset.y.nrows(), classes),
            values: Vec::new(),
        }))
    }
}

impl Recorder for SharpnessRecorder {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let network = self.network.as_mut();
        let top = sharpness(network, parameters, &self.x, &self.y, self.objective)?;
        self.values.push(top.values[0]);
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.values
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{descent, linear, stack};
    use super::super::{TrainLoss, measure};
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::task::LinearTeacher;

    /// f = a b x with (1/P) sum x^2 = 1 and teacher 1: minima a b = 1 have the sharpness a^2 + b^2. The flow from (3, 0.1) keeps
    /// a^2 - b^2 = 8.99 and ends at a^2 + b^2 = sqrt(8.99^2 + 4) = 9.210; descent can only end below 2/eta.
    #[test]
    fn descent_ends_below_two_over_the_learning_rate() {
        let end = |learning_rate: f64| {
            let task = LinearTeacher::new(vec![1.0], 1, 1);
            let e = descent(task, linear(&[1], &[1.0, 1.0]), 4000, learning_rate);
            let data = e.dataset(0).unwrap();
            let sign = data.modes.u[0] * data.modes.v[0];
            let start = stack(&[
                DMatrix::from_element(1, 1, 0.1 * sign),
                DMatrix::from_element(1, 1, 3.0),
            ]);
            let mut rng = e.training_stream(DrawIndex {
                dataset: 0,
                replica: 0,
            });
            let found = measure(
                &e,
                &Context::default(),
                &[&Sharpness, &TrainLoss],
                &data,
                start.into(),
                &mut rng,
                None,
            );
            let found = found.unwrap();
            assert!(found.values[1][4] < 1e-12);
            let weights: f64 = found.trained.blocks.iter().map(|b| b.norm_squared()).sum();
            assert!((found.values[0][4] / weights - 1.0).abs() < 1e-5);
            found.values[0].clone()
        };
        let flow = (8.99f64 * 8.99 + 4.0).sqrt();
        let gentle = end(0.002);
        assert!((gentle[4] - flow).abs() < 0.01 * flow);
        // 2/0.25 = 8: the start is above, the end below.
        let coarse = end(0.25);
        assert!(coarse[0] > 8.0 && coarse[4] < 8.0, "{coarse:?}");
    }
}
