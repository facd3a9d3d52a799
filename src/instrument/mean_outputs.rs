//! Outputs at the training or test inputs, averaged over the measured part of the training, or at all recorded times.

use super::averaged::{Averaged, Over};
use super::reading::Read;
use super::subject::{Subject, counting_axis, refused};
use super::{Axis, Declined, Observable};
use crate::error::Result;
use crate::kind::{About, parse_table};
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Mean output at every training or test input.
pub static OUTPUTS: Observable = Observable {
    name: "outputs",
    label: "mean output ⟨f⟩",
    unit: "1",
    convention: "outputs f at the training inputs (on = \"test\": test inputs), averaged over the recorded steps of \
                 the measured part (after burn-in; the last step of a rule that minimises) and over replicas; over = \
                 \"time\": at all recorded times",
    ..Observable::PLAIN
};

/// Whose samples are looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// The training samples.
    #[default]
    Train,
    /// The test samples.
    Test,
}

impl On {
    /// Number of samples.
    pub(super) fn count(self, subject: &Subject) -> usize {
        match self {
            On::Train => subject.shape.samples,
            On::Test => subject.test_samples,
        }
    }

    /// Declines without samples.
    pub(super) fn needed(self, subject: &Subject) -> std::result::Result<usize, Declined> {
        match (self, self.count(subject)) {
            (On::Test, 0) => Err(Declined("the task has no test set".into())),
            (On::Train, 0) => Err(Declined("the task has no samples".into())),
            (_, n) => Ok(n),
        }
    }

    /// Inputs and targets.
    pub(super) fn samples<'a>(
        self,
        dataset: &'a Dataset,
        kind: &str,
    ) -> Result<(&'a DMatrix<f64>, &'a DMatrix<f64>)> {
        match (self, &dataset.test) {
            (On::Train, _) => Ok((&dataset.x, &dataset.y)),
            (On::Test, Some((x, y))) => Ok((x, y)),
            (On::Test, None) => {
                let declined = Declined("the task has no test set".into());
                Err(refused(kind, declined))
            }
        }
    }
}

/// Keys of `outputs`.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    on: On,
    #[serde(default)]
    over: Over,
}

pub(super) static MEANS: Averaged<Keys> = Averaged {
    about: &About {
        kind: "outputs",
        summary: "mean output at every training (or test) input, or the outputs at all recorded times",
        text: "\
<f(x_mu)> on the axes output (where there are several), sample. Of a sampler: the mean over the recorded steps after
the burn-in (measure.points sets how many), an estimate of the posterior mean from every chain. Of training that
minimises: the output after the last step. With over = \"time\" the outputs at all recorded times instead, on the axes
output (where there are several), sample, time.

The mean is linear in f, so that it has no bias, however short the chain is; a loss of the mean is chain-loss.
predictor-mean is this with on = \"test\".

keys: on = \"train\" (default) or \"test\"; over = \"chain\" (default) or \"time\", as { kind = \"outputs\", on =
\"test\" }",
        revision: 2,
    },
    observable: &OUTPUTS,
    keys: Keys {
        on: On::Train,
        over: Over::Chain,
    },
    parse: Some(parse_table),
    over: |keys| keys.over,
    axes: |keys, subject, _| axes(keys.on, subject),
    reader: |keys, subject, dataset| powers(subject, keys.on.samples(dataset, "outputs")?.0, 1),
    space: |keys, subject| subject.forward(keys.on.count(subject)),
    ensemble: None,
};

/// The axis of outputs where there are several, then `last`.
pub(super) fn several(subject: &Subject, last: Axis) -> Vec<Axis> {
    let outputs = subject.shape.outputs;
    let axis = (outputs > 1).then(|| counting_axis("output", outputs));
    axis.into_iter().chain([last]).collect()
}

/// Axes output (where there are several), sample.
pub(super) fn axes(on: On, subject: &Subject) -> std::result::Result<Vec<Axis>, Declined> {
    let samples = counting_axis("sample", on.needed(subject)?);
    Ok(several(subject, samples))
}

/// Powers of the outputs at the columns of `x`, samples fastest.
pub(super) fn powers(subject: &Subject, x: &DMatrix<f64>, power: i32) -> Result<Read> {
    let (mut network, x) = (subject.learner.network(subject.shape), x.clone());
    Ok(Box::new(move |parameters| {
        let outputs = network.forward(parameters, &x).transpose();
        Ok(outputs.iter().map(|f| f.powi(power)).collect())
    }))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::super::{Chosen, Instrument};
    use super::*;
    use crate::context::Context;
    use crate::experiment::Experiment;
    use crate::learner::Parameters;
    use crate::task::LinearTeacher;

    /// The map `c 1` at step `c`.
    fn found(e: &Experiment, keys: &str) -> (Vec<Axis>, Vec<f64>) {
        let instrument = Chosen::new("measure", "outputs", keys.parse().unwrap()).unwrap();
        let data = e.dataset(0).unwrap();
        let mut recorder = instrument.recorder(e, &data, &Context::default()).unwrap();
        for step in 0..=4 {
            let blocks = vec![DMatrix::from_element(2, 3, step as f64)];
            recorder.record(step, 0.0, &Parameters { blocks }).unwrap();
        }
        (instrument.axes(e).unwrap(), recorder.finish())
    }

    #[test]
    fn outputs_are_read_where_and_when_the_keys_say() {
        let task = LinearTeacher {
            samples: 5,
            test_samples: 2,
            ..LinearTeacher::new(vec![2.0], 3, 2)
        };
        let e = experiment(task, linear(&[], &[1.0]), 4);
        let data = e.dataset(0).unwrap();
        let sums = |x: &DMatrix<f64>| x.column_iter().map(|x| x.sum()).collect::<Vec<_>>();
        let (train, test) = (sums(&data.x), sums(&data.test.unwrap().0));
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-13);
        let (axes, values) = found(&e, "");
        assert_eq!(
            (axes[0].values.len(), axes[1].values.len(), values.len()),
            (2, 5, 10)
        );
        let last: Vec<f64> = train.iter().map(|s| 4.0 * s).collect();
        assert!(close(&values[..5], &last) && close(&values[5..], &last));
        let (axes, values) = found(&e, "on = 'test'\nover = 'time'");
        let names: Vec<&str> = axes.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["output", "sample", "time"]);
        assert_eq!(values.len(), 2 * 2 * 5);
        for (k, course) in values.chunks(5).enumerate() {
            let expected: Vec<f64> = (0..5).map(|step| step as f64 * test[k % 2]).collect();
            assert!(close(course, &expected));
        }
        assert!(
            MEANS
                .keyed("measure", "on = 'both'".parse().unwrap())
                .is_err()
        );
    }
}
