//! Moments of the predictor at the held-out inputs, averaged over the measured part of the training.

use super::subject::{Subject, counting_axis, refused};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::{Network, Parameters};
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Mean output at every held-out input, axes output (where there are several), sample.
pub static PREDICTOR_MEAN: Observable = Observable {
    name: "predictor-mean",
    label: "mean predictor E[f]",
    unit: "1",
    convention: "outputs f at the held-out inputs, averaged over the recorded steps of the measured part (after burn-in; the last step of a \
                 rule that minimises) and over replicas",
    ..Observable::PLAIN
};

/// Mean squared output at every held-out input, axes output (where there are several), sample.
pub static PREDICTOR_SECOND_MOMENT: Observable = Observable {
    name: "predictor-second-moment",
    label: "second moment E[f²]",
    unit: "1",
    convention: "squared outputs f^2 at the held-out inputs, averaged over the recorded steps of the measured part (after burn-in; the last \
                 step of a rule that minimises) and over replicas; the variance is this minus the square of predictor-mean",
    ..Observable::PLAIN
};

const MEAN_ABOUT: About = About {
    kind: "predictor-mean",
    summary: "mean output at the held-out inputs: the predictor of a Bayesian network",
    text: "\
E[f(x_mu)] on the axes output (where there are several), sample: the held-out inputs. Bayesian training: the average over the recorded
steps after burn-in (measure.points sets how many), an estimate of the posterior mean from every chain. Training that minimises: the output
after the last step; its mean over replicas is that of the ensemble. Needs a task with test samples.",
    revision: 1,
};

const SECOND_ABOUT: About = About {
    kind: "predictor-second-moment",
    summary: "mean squared output at the held-out inputs",
    text: "\
E[f(x_mu)^2] on the axes of predictor-mean, averaged in the same way. Both are averages of the samples, so that neither has a bias of its
own; the posterior variance is E[f^2] - E[f]^2, of the averages over all replicas. Needs a task with test samples.",
    revision: 1,
};

/// Measures [`PREDICTOR_MEAN`].
#[derive(Debug, Clone, Copy)]
pub struct PredictorMean;

/// Measures [`PREDICTOR_SECOND_MOMENT`].
#[derive(Debug, Clone, Copy)]
pub struct PredictorSecondMoment;

fn axes(experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
    let shape = Subject::of(experiment)?.shape;
    match experiment.task.test_samples() {
        0 => Err(Declined("the task has no test set".into())),
        n => {
            let several = (shape.outputs > 1).then(|| counting_axis("output", shape.outputs));
            Ok(several
                .into_iter()
                .chain([counting_axis("sample", n)])
                .collect())
        }
    }
}

struct Average {
    network: Box<dyn Network<f64>>,
    inputs: DMatrix<f64>,
    power: i32,
    from: usize,
    /// Number of looks, then the sums of the outputs, outputs fastest.
    sums: Vec<f64>,
}

fn recorder(
    experiment: &Experiment,
    dataset: &Dataset,
    about: &About,
    power: i32,
) -> Result<Box<dyn Recorder>> {
    let refuse = |declined| refused(about.kind, declined);
    let subject = Subject::of(experiment).map_err(refuse)?;
    let Some((inputs, _)) = &dataset.test else {
        return Err(refuse(Declined("the task has no test set".into())));
    };
    Ok(Box::new(Average {
        network: subject.learner.network(subject.shape),
        power,
        from: subject.training.measured_from(),
        sums: vec![0.0; 1 + subject.shape.outputs * inputs.ncols()],
        inputs: inputs.clone(),
    }))
}

impl Recorder for Average {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        if step >= self.from {
            let outputs = self.network.forward(parameters, &self.inputs);
            self.sums[0] += 1.0;
            for (sum, f) in self.sums[1..].iter_mut().zip(&outputs) {
                *sum += f.powi(self.power);
            }
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.sums
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        let (count, sums) = (self.sums[0], &self.sums[1..]);
        let outputs = sums.len() / self.inputs.ncols();
        (0..outputs)
            .flat_map(|k| sums.iter().skip(k).step_by(outputs).map(move |s| s / count))
            .collect()
    }
}

impl Instrument for PredictorMean {
    fn about(&self) -> &'static About {
        &MEAN_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &PREDICTOR_MEAN
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        axes(experiment)
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| subject.forward(subject.test_samples))
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        recorder(experiment, dataset, &MEAN_ABOUT, 1)
    }
}

impl Instrument for PredictorSecondMoment {
    fn about(&self) -> &'static About {
        &SECOND_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &PREDICTOR_SECOND_MOMENT
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        axes(experiment)
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| subject.forward(subject.test_samples))
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        recorder(experiment, dataset, &SECOND_ABOUT, 2)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::*;
    use crate::task::LinearTeacher;
    use crate::training::Langevin;
    use std::sync::Arc;

    fn setting(test_samples: usize) -> Experiment {
        let task = LinearTeacher {
            test_samples,
            ..LinearTeacher::new(vec![2.0], 3, 2)
        };
        experiment(task, linear(&[], &[1.0]), 4)
    }

    /// The map `c 1` at step `c`.
    fn averages(e: &Experiment, instrument: &dyn Instrument) -> Vec<f64> {
        let data = e.dataset(0).unwrap();
        let mut recorder = instrument.recorder(e, &data, &Context::default()).unwrap();
        for step in 0..=4 {
            let block = DMatrix::from_element(2, 3, step as f64);
            let p = Parameters {
                blocks: vec![block],
            };
            recorder.record(step, 0.0, &p).unwrap();
        }
        recorder.finish()
    }

    #[test]
    fn a_sampler_is_averaged_after_burn_in_and_a_minimiser_read_at_its_end() {
        let mut e = setting(3);
        let inputs = e.dataset(0).unwrap().test.unwrap().0;
        let check = |e: &Experiment, first: f64, second: f64| {
            let sums: Vec<f64> = inputs.column_iter().map(|x| x.sum()).collect();
            let means = averages(e, &PredictorMean);
            let squares = averages(e, &PredictorSecondMoment);
            assert_eq!(means.len(), 6);
            for (k, (mean, square)) in means.iter().zip(squares).enumerate() {
                // Both outputs are the sum of the inputs, times the step.
                let sum = sums[k % 3];
                assert!((mean - first * sum).abs() < 1e-14 * sum.abs());
                assert!((square - second * sum * sum).abs() < 1e-13 * sum * sum);
            }
        };
        check(&e, 4.0, 16.0);
        let table = "step = 0.1\ntemperature = 1.0\nsteps = 4\nburn_in = 2".parse();
        let langevin = Langevin::parse("training", table.unwrap()).unwrap();
        e.training = Some(Arc::new(langevin));
        check(&e, 3.0, (4.0 + 9.0 + 16.0) / 3.0);
    }

    #[test]
    fn it_needs_held_out_inputs() {
        let axes = PredictorMean.axes(&setting(5)).unwrap();
        assert_eq!((axes[0].values.len(), axes[1].values.len()), (2, 5));
        assert!(PredictorMean.axes(&setting(0)).is_err());
    }
}
