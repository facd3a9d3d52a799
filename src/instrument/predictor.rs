//! Moments of the predictor at the held-out inputs, averaged over the measured part of the training.

use super::Observable;
use super::averaged::{Averaged, Over};
use super::mean_outputs::{On, axes, powers};
use super::reading::Read;
use super::subject::Subject;
use crate::error::Result;
use crate::kind::About;
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

pub(super) static MEAN: Averaged<()> = moment(
    &PREDICTOR_MEAN,
    &About {
        kind: "predictor-mean",
        summary: "mean output at the held-out inputs: the predictor of a Bayesian network",
        text: "\
E[f(x_mu)] on the axes output (where there are several), sample: the held-out inputs. Bayesian training: the average over the recorded
steps after burn-in (measure.points sets how many), an estimate of the posterior mean from every chain. Training that minimises: the output
after the last step; its mean over replicas is that of the ensemble. Needs a task with test samples.",
        revision: 1,
    },
    |(), subject, dataset| powers(subject, held_out(dataset, "predictor-mean")?, 1),
);

pub(super) static SECOND_MOMENT: Averaged<()> = moment(
    &PREDICTOR_SECOND_MOMENT,
    &About {
        kind: "predictor-second-moment",
        summary: "mean squared output at the held-out inputs",
        text: "\
E[f(x_mu)^2] on the axes of predictor-mean, averaged in the same way. Both are averages of the samples, so that neither has a bias of its
own; the posterior variance is E[f^2] - E[f]^2, of the averages over all replicas. Needs a task with test samples.",
        revision: 1,
    },
    |(), subject, dataset| powers(subject, held_out(dataset, "predictor-second-moment")?, 2),
);

/// A mean of a power of the outputs at the test inputs.
const fn moment(
    observable: &'static Observable,
    about: &'static About,
    reader: fn(&(), &Subject, &Dataset) -> Result<Read>,
) -> Averaged<()> {
    Averaged {
        about,
        observable,
        keys: (),
        parse: None,
        over: |()| Over::Chain,
        axes: |(), subject, _| axes(On::Test, subject),
        reader,
        space: |(), subject| subject.forward(subject.test_samples),
        ensemble: None,
    }
}

fn held_out<'a>(dataset: &'a Dataset, kind: &str) -> Result<&'a DMatrix<f64>> {
    Ok(On::Test.samples(dataset, kind)?.0)
}

#[cfg(test)]
mod tests {
    use super::super::Instrument;
    use super::super::testing::{experiment, linear};
    use super::*;
    use crate::context::Context;
    use crate::experiment::Experiment;
    use crate::learner::Parameters;
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
            let means = averages(e, &MEAN);
            let squares = averages(e, &SECOND_MOMENT);
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
        let axes = MEAN.axes(&setting(5)).unwrap();
        assert_eq!((axes[0].values.len(), axes[1].values.len()), (2, 5));
        assert!(MEAN.axes(&setting(0)).is_err());
    }
}
