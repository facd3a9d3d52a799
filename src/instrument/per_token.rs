//! Cross-entropy of the next token at every position.

use super::blocks::{self, Blocks};
use super::subject::{Subject, counting_axis, refused};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::{Network, Objective, Parameters};
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Cross-entropy on the test set at every position, after training.
pub static PER_TOKEN_LOSS: Observable = Observable {
    name: "per-token-loss",
    label: "loss per token",
    unit: "nat",
    convention: "L_t = - mean over test samples of sum_k y_k ln softmax(f)_k, outputs k of position t, after training; whatever training.loss is",
    undefined: Some("no test sample has a target at the position"),
    held_out: true,
    ..Observable::PLAIN
};

const ABOUT: About = About {
    kind: "per-token-loss",
    summary: "cross-entropy in nats at every position, on the test set, after training",
    text: "\
L_t = - (1/P_t) sum_mu sum_k y_k ln softmax(f)_k over the test set, k the outputs of position t, on the axis position = 1, 2, ...,
of the network after the last step. The outputs of a transformer with predict = \"every\" have one group of vocabulary outputs per
position; all other learners have one group, position 1. P_t counts the samples with a target at t (sum_k y_k > 0); without any, L_t
is not a number. Where all data sets share a held-out text, the comparison with a theory of the population holds its sampling
error. Needs a task with test samples; targets are meant to be one-hot.",
    revision: 1,
};

/// Measures [`PER_TOKEN_LOSS`].
#[derive(Debug, Clone, Copy)]
pub struct PerTokenLoss;

struct PerTokenRecorder {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
    classes: usize,
    blocks: Blocks,
    last: Vec<f64>,
}

/// Shares of the blocks in the mean of every position, block by block.
fn shares(f: &DMatrix<f64>, y: &DMatrix<f64>, classes: usize, blocks: &Blocks) -> Vec<f64> {
    let positions = f.nrows() / classes;
    let mut slope = Vec::new();
    let by_position: Vec<Vec<f64>> = (0..positions)
        .map(|t| {
            let group = t * classes..(t + 1) * classes;
            let columns = f.as_slice().chunks_exact(f.nrows());
            let columns = columns.zip(y.as_slice().chunks_exact(f.nrows()));
            let columns = columns.map(|(f, y)| (&f[group.clone()], &y[group.clone()]));
            let has_target = |y: &[f64]| y.iter().sum::<f64>() > 0.0;
            let count = columns.clone().filter(|(_, y)| has_target(y)).count();
            let objective = Objective::CrossEntropy {
                weight: 1.0 / count.max(1) as f64,
                classes,
            };
            let losses: Vec<(f64, f64)> = columns
                .map(|(f, y)| match has_target(y) {
                    true => (objective.residual(f, y, &mut slope), 1.0),
                    false => (0.0, 0.0),
                })
                .collect();
            blocks.shares(losses)
        })
        .collect();
    let count = by_position.first().map_or(0, Vec::len);
    (0..count)
        .flat_map(|b| by_position.iter().map(move |shares| shares[b]))
        .collect()
}

/// Mean cross-entropy of every group of `classes` rows; columns are samples.
fn by_position(f: &DMatrix<f64>, y: &DMatrix<f64>, classes: usize) -> Vec<f64> {
    let objective = Objective::CrossEntropy {
        weight: 1.0,
        classes,
    };
    let mut slope = Vec::new();
    (0..f.nrows() / classes)
        .map(|t| {
            let (f, y) = (
                f.rows(t * classes, classes).clone_owned(),
                y.rows(t * classes, classes).clone_owned(),
            );
            let targets = y.column_iter().filter(|y| y.sum() > 0.0).count();
            match targets {
                0 => f64::NAN,
                n => objective.residual(f.as_slice(), y.as_slice(), &mut slope) / n as f64,
            }
        })
        .collect()
}

impl Recorder for PerTokenRecorder {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let f = self.network.forward(parameters, &self.x);
        self.last = by_position(&f, &self.y, self.classes);
        self.last
            .extend(shares(&f, &self.y, self.classes, &self.blocks));
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.last
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.last
    }
}

impl Instrument for PerTokenLoss {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &PER_TOKEN_LOSS
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        if !experiment.task.has_test() {
            return Err(no_test_set());
        }
        let positions = subject.shape.outputs / subject.learner.classes(subject.shape).max(1);
        Ok(vec![counting_axis("position", positions)])
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| subject.forward(subject.test_samples))
    }

    fn held_out_blocks(&self, experiment: &Experiment) -> usize {
        blocks::count(experiment)
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let refuse = |declined| refused(ABOUT.kind, declined);
        let subject = Subject::of(experiment).map_err(refuse)?;
        let Some((x, y)) = &dataset.test else {
            return Err(refuse(no_test_set()));
        };
        Ok(Box::new(PerTokenRecorder {
            network: subject.learner.network(subject.shape),
            x: x.clone(),
            y: y.clone(),
            classes: subject.learner.classes(subject.shape),
            blocks: Blocks::new(subject.held_out_blocks, dataset)?,
            last: Vec::new(),
        }))
    }
}

fn no_test_set() -> Declined {
    Declined("the task has no test set".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing::experiment;
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::learner::{Learner, Predict, Transformer};
    use crate::task::{Copying, LinearTeacher};
    use std::sync::Arc;

    #[test]
    fn groups_without_targets_are_undefined_and_the_others_are_the_definition() {
        let f = DMatrix::from_row_slice(4, 2, &[0.0, 1.0, 0.0, -1.0, 3.0, 2.0, 1.0, 7.0]);
        let mut y = DMatrix::zeros(4, 2);
        (y[(0, 0)], y[(1, 1)]) = (1.0, 1.0);
        let loss = by_position(&f, &y, 2);
        // ln 2 for equal logits; ln(1 + e^2) against a lead of 2.
        let exact = 0.5 * (2f64.ln() + (1.0 + 2f64.exp()).ln());
        assert!((loss[0] - exact).abs() < 1e-14);
        assert!(loss[1].is_nan());
        // One target of two samples: its own loss, not half of it.
        y[(3, 0)] = 1.0;
        assert!((by_position(&f, &y, 2)[1] - (1.0 + 2f64.exp()).ln()).abs() < 1e-14);
    }

    #[test]
    fn without_logits_every_token_costs_the_logarithm_of_the_vocabulary() {
        let task = Copying {
            test_samples: 7,
            ..Copying::new(4, 3, 5)
        };
        let learner = Transformer {
            predict: Predict::Every,
            ..Transformer::new(5, 6, 4)
        };
        let mut e = experiment(
            LinearTeacher::new(vec![1.0], 2, 2),
            super::super::testing::linear(&[], &[1.0]),
            1,
        );
        e.task = Arc::new(task);
        e.learner = Some(Arc::new(learner.clone()));
        assert_eq!(PerTokenLoss.axes(&e).unwrap()[0].values.len(), 6);
        let data = e.dataset(0).unwrap();
        let draw = DrawIndex {
            dataset: 0,
            replica: 0,
        };
        let mut p = e.initial(&data, draw).unwrap().unwrap();
        let mut recorder = PerTokenLoss
            .recorder(&e, &data, &Context::default())
            .unwrap();
        recorder.record(0, 0.0, &p).unwrap();
        assert_eq!(learner.shapes(e.task.shape()).len(), p.blocks.len());
        p.blocks.last_mut().unwrap().fill(0.0);
        recorder.record(1, 0.1, &p).unwrap();
        let loss = recorder.finish();
        assert_eq!(loss.len(), 6);
        assert!(loss.iter().all(|l| (l - 5f64.ln()).abs() < 1e-14));
    }

    #[test]
    fn declines_without_a_test_set() {
        let task = LinearTeacher::new(vec![1.0], 2, 2);
        let e = experiment(task, super::super::testing::linear(&[], &[1.0]), 1);
        assert_eq!(PerTokenLoss.axes(&e).unwrap_err(), no_test_set());
    }
}
