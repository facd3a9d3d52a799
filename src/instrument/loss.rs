//! Training and test loss.

use super::blocks::{self, Blocks};
use super::map::EndToEnd;
use super::subject::{Series, Subject, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::{Network, Objective, Parameters};
use crate::numerics::linalg::qr;
use crate::task::Dataset;
use nalgebra::DMatrix;

/// The minimised loss on the training set over training time.
pub static TRAIN_LOSS: Observable = Observable {
    name: "train-loss",
    label: "training loss",
    unit: "1",
    convention: "the loss as minimised: {loss}",
    ..Observable::PLAIN
};

/// The same loss on the test set over training time.
pub static TEST_LOSS: Observable = Observable {
    name: "test-loss",
    label: "test loss",
    unit: "1",
    convention: "the training loss on the test set of P points: {loss}",
    held_out: true,
    ..Observable::PLAIN
};

const TRAIN_ABOUT: About = About {
    kind: "train-loss",
    summary: "loss on the training set",
    text: "\
L(t) = (w/2) sum_mu |y_mu - f(x_mu)|^2 on the axis time, with the weight w that training.loss states: 1/P (half-mean) or 1
(half-sum). For a linear network the samples are compressed once by X^T = Q R: |Y - F X|^2 = |Y Q - F R^T|^2 + |Y - Y Q Q^T|^2.",
    revision: 2,
};

const TEST_ABOUT: About = About {
    kind: "test-loss",
    summary: "loss on the test set",
    text: "\
L(t) = (w/2) sum_mu |y_mu - f(x_mu)|^2 over the test set on the axis time, with the convention of training.loss: w = 1/P_test
(half-mean) or 1 (half-sum). Needs a task with test samples. Where all data sets share their held-out samples (a file, a
text), a theory of the population is compared with the sampling error of these samples in the interval, beside the scatter
between data sets.",
    revision: 2,
};

/// Measures [`TRAIN_LOSS`].
#[derive(Debug, Clone, Copy)]
pub struct TrainLoss;

/// Measures [`TEST_LOSS`].
#[derive(Debug, Clone, Copy)]
pub struct TestLoss;

/// How the residual is formed.
enum Residual {
    /// Linear network: `|Y' - F X'|^2 + offset` with at most as many columns as inputs.
    Compressed {
        end_to_end: EndToEnd,
        x: DMatrix<f64>,
        y: DMatrix<f64>,
        offset: f64,
    },
    /// Any network: forward pass over the samples.
    Forward {
        network: Box<dyn Network<f64>>,
        x: DMatrix<f64>,
        y: DMatrix<f64>,
    },
}

/// The test samples one by one, for the shares of their blocks.
struct Shares {
    blocks: Blocks,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
}

struct LossRecorder {
    residual: Residual,
    shares: Option<Shares>,
    objective: Objective,
    slope: Vec<f64>,
    series: Series,
}

/// Records the loss on the samples `x`, `y`, and the shares in it of the held-out `blocks` to which they belong.
pub(super) fn recorder(
    experiment: &Experiment,
    dataset: &Dataset,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    blocks: Option<Blocks>,
) -> Result<Box<dyn Recorder>> {
    let subject = Subject::of(experiment).map_err(|d| refused("loss", d))?;
    let (mut x, mut y) = (x.clone(), y.clone());
    let blocks = blocks.filter(|blocks| !blocks.is_empty());
    let width = 1 + subject.held_out_blocks * usize::from(blocks.is_some());
    let shares = blocks.map(|blocks| Shares {
        blocks,
        x: x.clone(),
        y: y.clone(),
    });
    let loss = subject.training.loss();
    let classes = subject.learner.classes(subject.shape);
    let objective = loss.objective(x.ncols(), y.nrows(), classes);
    let residual = if loss.is_square() && subject.linear(1).is_ok() {
        let mut offset = 0.0;
        if x.ncols() > x.nrows() {
            let (q, r) = qr(&x.transpose());
            let compressed = &y * &q;
            offset = (&y - &compressed * q.transpose()).norm_squared();
            (x, y) = (r.transpose(), compressed);
        }
        Residual::Compressed {
            end_to_end: EndToEnd::new(experiment, dataset)?,
            x,
            y,
            offset,
        }
    } else {
        let network = subject.learner.network(subject.shape);
        Residual::Forward { network, x, y }
    };
    Ok(Box::new(LossRecorder {
        residual,
        shares,
        objective,
        slope: Vec::new(),
        series: Series::new(width),
    }))
}

impl Recorder for LossRecorder {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let (loss, outputs) = match &mut self.residual {
            Residual::Compressed {
                end_to_end,
                x,
                y,
                offset,
            } => {
                let map = end_to_end.map(parameters);
                let square = (&*y - &map * &*x).norm_squared() + *offset;
                let outputs = self.shares.as_ref().map(|shares| map * &shares.x);
                (0.5 * self.objective.weight() * square, outputs)
            }
            Residual::Forward { network, x, y } => {
                let f = network.forward(parameters, x);
                let loss = self
                    .objective
                    .residual(f.as_slice(), y.as_slice(), &mut self.slope);
                (loss, Some(f))
            }
        };
        let shares = match (&self.shares, outputs) {
            (Some(Shares { blocks, y, .. }), Some(f)) => {
                let columns = f.as_slice().chunks_exact(y.nrows());
                let columns = columns.zip(y.as_slice().chunks_exact(y.nrows()));
                let objective = self.objective;
                let loss = |(f, y)| (objective.residual(f, y, &mut self.slope), 1.0);
                let losses: Vec<(f64, f64)> = columns.map(loss).collect();
                blocks.shares(losses)
            }
            _ => Vec::new(),
        };
        self.series.push([loss].into_iter().chain(shares))
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

/// Scalars of a recorder on `samples`: of a linear network the samples, their QR factorisation and the compressed ones.
pub(super) fn space(subject: &Subject, samples: usize) -> usize {
    let (inputs, outputs) = (subject.shape.inputs, subject.shape.outputs);
    match subject.training.loss().is_square() && subject.linear(1).is_ok() {
        true if samples > inputs => samples * (4 * inputs + 2 * outputs),
        true => samples * (inputs + 2 * outputs),
        false => subject.forward(samples) + samples * outputs,
    }
}

impl Instrument for TrainLoss {
    fn about(&self) -> &'static About {
        &TRAIN_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &TRAIN_LOSS
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Subject::of(experiment)?;
        Ok(vec![time_axis(experiment)])
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| space(subject, subject.shape.samples))
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        recorder(experiment, dataset, &dataset.x, &dataset.y, None)
    }
}

impl Instrument for TestLoss {
    fn about(&self) -> &'static About {
        &TEST_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &TEST_LOSS
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Subject::of(experiment)?;
        match experiment.task.has_test() {
            true => Ok(vec![time_axis(experiment)]),
            false => Err(no_test_set()),
        }
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            let samples = subject.test_samples;
            let of_each = match subject.held_out_blocks {
                0 => 0,
                _ => subject.forward(samples) + samples,
            };
            space(subject, samples) + of_each
        })
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
        match &dataset.test {
            Some((x, y)) => {
                let blocks = Blocks::new(blocks::count(experiment), dataset)?;
                recorder(experiment, dataset, x, y, Some(blocks))
            }
            None => Err(refused("test-loss", no_test_set())),
        }
    }
}

fn no_test_set() -> Declined {
    Declined("the task has no test set".into())
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear, opaque};
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::task::LinearTeacher;

    const DRAW: DrawIndex = DrawIndex {
        dataset: 0,
        replica: 0,
    };

    fn once(instrument: &dyn Instrument, experiment: &Experiment, p: &Parameters) -> f64 {
        let data = experiment.dataset(0).unwrap();
        let mut recorder = instrument
            .recorder(experiment, &data, &Context::default())
            .unwrap();
        recorder.record(0, 0.0, p).unwrap();
        recorder.finish()[0]
    }

    #[test]
    fn compressed_and_forward_loss_are_the_definition() {
        for (samples, test_samples) in [(200, 3), (6, 40)] {
            let task = LinearTeacher {
                noise: 0.2,
                samples,
                test_samples,
                ..LinearTeacher::new(vec![2.0, 1.0], 6, 4)
            };
            let seen = experiment(task.clone(), linear(&[5], &[0.5, 3.0]), 1);
            let hidden = experiment(task, opaque(&[5], &[0.5, 3.0]), 1);
            let data = seen.dataset(0).unwrap();
            let p = seen.initial(&data, DRAW).unwrap().unwrap();
            let map = &p.blocks[1] * &p.blocks[0] * 1.5;
            let definition = |x: &DMatrix<f64>, y: &DMatrix<f64>| {
                (y - &map * x).norm_squared() / (2.0 * x.ncols() as f64)
            };
            let (x, y) = data.test.as_ref().unwrap();
            for e in [&seen, &hidden] {
                let train = definition(&data.x, &data.y);
                assert!((once(&TrainLoss, e, &p) - train).abs() < 1e-13 * train);
                let test = definition(x, y);
                assert!((once(&TestLoss, e, &p) - test).abs() < 1e-13 * test);
            }
        }
    }

    #[test]
    fn a_loss_near_zero_is_not_lost_in_rounding() {
        let task = LinearTeacher::new(vec![2.0, 1.0], 6, 4);
        let experiment = experiment(task, linear(&[], &[1.0]), 1);
        let modes = experiment.dataset(0).unwrap().modes;
        let s = modes.s.map(|s| s + 1e-9);
        let map = &modes.u * DMatrix::from_diagonal(&s) * modes.v.transpose();
        // White inputs: L = 1/2 |A - F|^2 = 1/2 * 2 * 1e-18.
        let loss = once(&TrainLoss, &experiment, &Parameters { blocks: vec![map] });
        assert!((loss / 1e-18 - 1.0).abs() < 1e-5, "{loss}");
    }

    #[test]
    fn test_loss_declines_without_a_test_set() {
        let task = LinearTeacher::new(vec![2.0], 6, 4);
        let experiment = experiment(task, linear(&[], &[1.0]), 1);
        assert_eq!(TestLoss.axes(&experiment).unwrap_err(), no_test_set());
        let data = experiment.dataset(0).unwrap();
        assert!(
            TestLoss
                .recorder(&experiment, &data, &Context::default())
                .is_err()
        );
        assert_eq!(TrainLoss.axes(&experiment).unwrap()[0].name, "time");
    }
}
