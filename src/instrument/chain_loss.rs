//! How well the mean output of a chain learns the targets: its squared error and its overlap with them.

use super::averaged::{Averaged, Ensemble, Over};
use super::mean_outputs::On;
use super::outputs::{LEAST, pseudo_values};
use super::subject::Subject;
use super::{Axis, Declined, Observable};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};

/// Squared error of the mean output.
pub static CHAIN_LOSS: Observable = Observable {
    name: "chain-loss",
    label: "squared error of the mean output",
    unit: "1",
    convention: "(1/P) sum_mu |y_mu - <f_mu>|^2, without the half, on the training samples; <f> is the mean over the \
                 chain and all replicas of one data set, average first, then square; without the variance of the \
                 mean of few replicas",
    ..Observable::PLAIN
};

/// The same on the test samples.
pub static CHAIN_TEST_LOSS: Observable = Observable {
    name: "chain-test-loss",
    label: "squared error of the mean output, test samples",
    unit: "1",
    convention: "(1/P_test) sum_mu |y_mu - <f_mu>|^2 on the test samples, otherwise as chain-loss",
    held_out: true,
    ..Observable::PLAIN
};

/// Overlap of the mean output with the targets.
pub static TARGET_OVERLAP: Observable = Observable {
    name: "target-overlap",
    label: "overlap ⟨f⟩·y / y·y",
    unit: "1",
    convention: "sum_mu <f_mu> . y_mu / sum_mu |y_mu|^2 on the training samples (on = \"test\": test samples), f \
                 averaged over the recorded steps of the measured part; 1 where the targets are learned; as good as \
                 0 below 0.01",
    vanishing: Some(0.01),
    undefined: Some("targets that are all zero have no direction"),
    ..Observable::PLAIN
};

/// Keys: the samples.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keys {
    #[serde(default)]
    on: On,
}

const TRAIN: Keys = Keys { on: On::Train };

pub(super) static LOSS: Averaged<Keys> = loss(
    &About {
        kind: "chain-loss",
        summary: "squared error of the mean output of a chain, average first, then square",
        text: "\
(1/P) sum_mu sum_i [(y_i - <f_i>)^2 - Var_r <f_i>_r / R], without a half. <f>_r is the mean output of the chain of
replica r over the recorded steps after its burn-in (the output after the last step of a rule that minimises), <f> the
mean over the R replicas of one data set, and Var_r the variance between them. It is the error of the posterior mean,
which mean-field theories of Bayesian networks predict. The mean loss of the samples is larger, by the variance of f:
<(y - f)^2> = (y - <f>)^2 + Var f.

The square of an average of few chains is too large by the variance of that average. The second term takes it off: the
estimate has no bias, however short the chains are, and may be negative within its error. The error is the jackknife's
over replicas. Needs measure.replicas >= 3.",
        revision: 1,
    },
    &CHAIN_LOSS,
    TRAIN,
);

pub(super) static TEST_LOSS: Averaged<Keys> = loss(
    &About {
        kind: "chain-test-loss",
        summary: "squared error of the mean output of a chain on the test samples",
        text: "\
(1/P_test) sum_mu sum_i [(y_i - <f_i>)^2 - Var_r <f_i>_r / R] on the test samples, otherwise as chain-loss: average
first, then square. Needs measure.replicas >= 3 and a task with test samples.",
        revision: 1,
    },
    &CHAIN_TEST_LOSS,
    Keys { on: On::Test },
);

/// One number of each data set, formed of its replicas.
pub(super) fn with_replicas(
    on: On,
    subject: &Subject,
    experiment: &Experiment,
) -> std::result::Result<Vec<Axis>, Declined> {
    on.needed(subject)?;
    match experiment.draws.replicas {
        r if r < LEAST => Err(Declined(format!(
            "needs measure.replicas >= {LEAST}, there are {r}"
        ))),
        _ => Ok(Vec::new()),
    }
}

const fn loss(
    about: &'static About,
    observable: &'static Observable,
    keys: Keys,
) -> Averaged<Keys> {
    Averaged {
        about,
        observable,
        keys,
        parse: None,
        over: |_| Over::Chain,
        axes: |keys, subject, experiment| with_replicas(keys.on, subject, experiment),
        reader: |keys, subject, dataset| {
            let (x, y) = keys.on.samples(dataset, "chain-loss")?;
            let (x, y) = (x.clone(), y.clone());
            let mut network = subject.learner.network(subject.shape);
            // The sum of squares of these numbers is a mean over samples.
            let root = (x.ncols() as f64).sqrt();
            Ok(Box::new(move |parameters| {
                let residual = (&y - network.forward(parameters, &x)) / root;
                Ok(residual.as_slice().to_vec())
            }))
        },
        space: |keys, subject| {
            let samples = keys.on.count(subject);
            subject.forward(samples) + 2 * samples * subject.shape.outputs
        },
        ensemble: Some(Ensemble {
            primitives: |keys, subject| keys.on.count(subject) * subject.shape.outputs,
            combine: |replicas, size| {
                pseudo_values(&replicas, size, |m| m.mean * m.mean - m.variance / m.count)
            },
        }),
    }
}

pub(super) static OVERLAP: Averaged<Keys> = Averaged {
    about: &About {
        kind: "target-overlap",
        summary: "overlap of the mean output of a chain with the targets",
        text: "\
sum_mu <f_mu> . y_mu / sum_mu |y_mu|^2, without axes. Of a sampler: f is averaged over the recorded steps after the
burn-in; of a rule that minimises: the output after the last step. 1 where the targets are learned, 0 where the
outputs know nothing of them. It is linear in f, so that neither a short chain nor few replicas give it a bias. For
xor it is m = <f_mu> y_mu, the same at all four points in the mean.

keys: on = \"train\" (default) or \"test\", as { kind = \"target-overlap\", on = \"test\" }",
        revision: 1,
    },
    observable: &TARGET_OVERLAP,
    keys: TRAIN,
    parse: Some(parse_table),
    over: |_| Over::Chain,
    axes: |keys, subject, _| keys.on.needed(subject).map(|_| Vec::new()),
    reader: |keys, subject, dataset| {
        let (x, y) = keys.on.samples(dataset, "target-overlap")?;
        let (x, y) = (x.clone(), y.clone());
        let square = y.norm_squared();
        let mut network = subject.learner.network(subject.shape);
        Ok(Box::new(move |parameters| {
            let overlap = network.forward(parameters, &x).dot(&y);
            Ok(vec![if square > 0.0 {
                overlap / square
            } else {
                f64::NAN
            }])
        }))
    },
    space: |keys, subject| {
        let samples = keys.on.count(subject);
        subject.forward(samples) + samples * subject.shape.outputs
    },
    ensemble: None,
};

#[cfg(test)]
mod tests {
    use super::super::Instrument;
    use super::super::testing::{experiment, linear};
    use super::*;
    use crate::context::Context;
    use crate::learner::Parameters;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::numerics::statistics::mean_stderr;
    use crate::task::{HermiteTeacher, Xor};
    use nalgebra::DMatrix;

    /// Residuals `1 + z/2` at four points: the square of the mean is 1 on each, and the naive square is too large by
    /// `1/(4 R)`.
    #[test]
    fn the_square_of_the_mean_has_no_bias() {
        let (replicas, points, repeats) = (4, 4, 3000);
        let (mut naive, mut found) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let z = normal_matrix(&mut stream(repeat, "chains", &[]), replicas, points);
            let residual = |r: usize| (0..points).map(|i| (1.0 + 0.5 * z[(r, i)]) / 2.0).collect();
            let all: Vec<Vec<f64>> = (0..replicas).map(residual).collect();
            let mean = |i: usize| all.iter().map(|v| v[i]).sum::<f64>() / replicas as f64;
            naive.push((0..points).map(|i| mean(i).powi(2)).sum::<f64>());
            let pseudo: Vec<f64> = LOSS.combine(all.clone(), 1).into_iter().flatten().collect();
            found.push(mean_stderr(&pseudo).0);
        }
        let z = |values: &[f64], exact: f64| {
            let (mean, stderr) = mean_stderr(values);
            (mean - exact) / stderr.unwrap()
        };
        assert!(z(&found, 1.0).abs() < 4.0, "{}", z(&found, 1.0));
        assert!(z(&naive, 1.0 + 0.25 / replicas as f64).abs() < 4.0);
        assert!(z(&naive, 1.0) > 10.0);
    }

    /// `f = 2 x` of the target `y = He_1(x)` has the overlap 2 and the squared error `mean x^2`.
    #[test]
    fn a_scaled_teacher_has_its_scale_as_overlap() {
        let mut e = experiment(
            HermiteTeacher::new(vec![0.0, 1.0], 1, 20),
            linear(&[], &[1.0]),
            2,
        );
        e.draws.replicas = 3;
        let data = e.dataset(0).unwrap();
        let read = |instrument: &dyn Instrument| {
            let mut recorder = instrument.recorder(&e, &data, &Context::default()).unwrap();
            let blocks = vec![DMatrix::from_element(1, 1, 2.0)];
            recorder.record(2, 0.0, &Parameters { blocks }).unwrap();
            recorder.finish()
        };
        assert!((read(&OVERLAP)[0] - 2.0).abs() < 1e-14);
        let residuals = read(&LOSS);
        let axes = LOSS.axes(&e).unwrap();
        assert_eq!(LOSS.primitives(&e, &axes), residuals.len());
        for pseudo in LOSS.combine(vec![residuals; 3], 1) {
            assert!((pseudo[0] - data.y.norm_squared() / 20.0).abs() < 1e-14);
        }
        e.draws.replicas = 2;
        assert!(LOSS.axes(&e).unwrap_err().0.contains("replicas"));
        let e = experiment(Xor::default(), linear(&[], &[1.0]), 2);
        let on_test = OVERLAP.keyed("measure", "on = 'test'".parse().unwrap());
        assert!(on_test.unwrap().axes(&e).is_err());
    }
}
