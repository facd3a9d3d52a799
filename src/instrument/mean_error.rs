//! Losses of single samples of a chain, and the test error of its mean output.

use super::Observable;
use super::averaged::{Averaged, Ensemble, Over};
use super::chain_loss::with_replicas;
use super::mean_outputs::On;
use crate::kind::{About, parse_table};
use nalgebra::DMatrix;

/// Mean squared error of the samples of a chain.
pub static CHAIN_MEAN_LOSS: Observable = Observable {
    name: "chain-mean-loss",
    label: "squared error, mean over the chain",
    unit: "1",
    convention: "< (1/P) sum_mu |y_mu - f_mu|^2 >, without the half: square first, then average over the recorded steps of \
                 the measured part and over replicas; on the training samples (on = \"test\": test samples). It is \
                 chain-loss plus the variance of f under the posterior",
    ..Observable::PLAIN
};

/// Test error of the mean output.
pub static MEAN_TEST_ERROR: Observable = Observable {
    name: "mean-test-error",
    label: "test error of the mean output",
    unit: "1",
    convention: "fraction of the test set that the mean output, over the chain and all replicas of one data set, puts into a \
                 wrong class: as test-error, average first, then decide",
    held_out: true,
    ..Observable::PLAIN
};

#[derive(Debug, Clone, Copy, Default, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Keys {
    on: On,
}

pub(super) static MEAN_LOSS: Averaged<Keys> = Averaged {
    about: &About {
        kind: "chain-mean-loss",
        summary: "squared error of the samples of a chain, square first, then average",
        text: "\
< (1/P) sum_mu sum_i (y_i - f_i)^2 > over the recorded steps after the burn-in of a sampler (the last step of a rule that
minimises), without a half. The posterior mean of the loss: it is chain-loss, the error of the mean output, plus the
variance of f under the posterior.

keys: on = \"train\" (default) or \"test\", as { kind = \"chain-mean-loss\", on = \"test\" }",
        revision: 1,
    },
    observable: &CHAIN_MEAN_LOSS,
    keys: Keys { on: On::Train },
    parse: Some(parse_table),
    over: |_| Over::Chain,
    axes: |keys, subject, _| keys.on.needed(subject).map(|_| Vec::new()),
    reader: |keys, subject, dataset| {
        let (x, y) = keys.on.samples(dataset, "chain-mean-loss")?;
        let (x, y) = (x.clone(), y.clone());
        let mut network = subject.learner.network(subject.shape);
        let samples = x.ncols() as f64;
        Ok(Box::new(move |parameters| {
            let residual = &y - network.forward(parameters, &x);
            Ok(vec![residual.norm_squared() / samples])
        }))
    },
    space: |keys, subject| {
        let samples = keys.on.count(subject);
        subject.forward(samples) + 2 * samples * subject.shape.outputs
    },
    ensemble: None,
};

const TEST: Keys = Keys { on: On::Test };

pub(super) static MEAN_ERROR: Averaged<Keys> = Averaged {
    about: &About {
        kind: "mean-test-error",
        summary: "fraction of the test set that the mean output classifies wrongly",
        text: "\
The mean output over the recorded steps after the burn-in and over all replicas of one data set is formed first; then a
sample counts as wrong where the largest mean output is not at the largest target (one output: where mean output and
target lie on different sides of the middle of the test targets' range). The error is the jackknife's over replicas.
Needs measure.replicas >= 3 and a task with test samples.",
        revision: 1,
    },
    observable: &MEAN_TEST_ERROR,
    keys: TEST,
    parse: None,
    over: |_| Over::Chain,
    axes: |keys, subject, experiment| with_replicas(keys.on, subject, experiment),
    reader: |keys, subject, dataset| {
        let (x, y) = keys.on.samples(dataset, "mean-test-error")?;
        let (x, y) = (x.clone(), y.clone());
        let mut network = subject.learner.network(subject.shape);
        Ok(Box::new(move |parameters| {
            Ok(against_target(&network.forward(parameters, &x), &y))
        }))
    },
    space: |keys, subject| {
        let samples = keys.on.count(subject);
        subject.forward(samples) + 3 * samples * subject.shape.outputs
    },
    ensemble: Some(Ensemble {
        primitives: |keys, subject| keys.on.count(subject) * subject.shape.outputs,
        combine: |replicas, _| pseudo_errors(&replicas),
    }),
};

/// Stands for the output at the largest target: a number far below all others, so that it never decides.
const MARK: f64 = -1e300;

/// Linear numbers of a sample from which its class follows: every output minus the one at the largest target (which is
/// marked), of one output its side of the middle, negative on the target's side. Samples follow one another.
fn against_target(f: &DMatrix<f64>, y: &DMatrix<f64>) -> Vec<f64> {
    let (outputs, samples) = y.shape();
    if outputs == 1 {
        let middle = 0.5 * (y.min() + y.max());
        return (0..samples)
            .map(|mu| -(f[(0, mu)] - middle) * (y[(0, mu)] - middle).signum())
            .collect();
    }
    let of_sample = |mu: usize| {
        let target = y.column(mu).imax();
        (0..outputs).map(move |i| match i == target {
            true => MARK,
            false => f[(i, mu)] - f[(target, mu)],
        })
    };
    (0..samples).flat_map(of_sample).collect()
}

/// `R e - (R - 1) e_{-r}` for every replica, `e` the fraction of samples with a positive mean number.
fn pseudo_errors(replicas: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let numbers = replicas.first().map_or(0, Vec::len);
    let count = replicas.len() as f64;
    let sums: Vec<f64> = (0..numbers)
        .map(|k| replicas.iter().map(|v| v[k]).sum())
        .collect();
    // Of several outputs every sample has one number that is marked; where none is, each number is a sample.
    let marks = sums.iter().filter(|s| **s < MARK / 2.0).count();
    let group = numbers.checked_div(marks).unwrap_or(1);
    let samples = (numbers / group).max(1) as f64;
    let error = |without: Option<&Vec<f64>>| {
        let value = |k: usize| match without {
            Some(v) => sums[k] - v[k],
            _ => sums[k],
        };
        let wrong = |s: &usize| (s * group..(s + 1) * group).any(|k| value(k) > 0.0);
        (0..numbers / group).filter(wrong).count() as f64 / samples
    };
    let whole = error(None);
    let pseudo = |v: &Vec<f64>| vec![count * whole - (count - 1.0) * error(Some(v))];
    replicas.iter().map(pseudo).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_output_decides() {
        let y = DMatrix::from_row_slice(1, 3, &[-1.0, 1.0, 1.0]);
        // Two networks are wrong on the second sample, their mean with the third is not.
        let outputs = [[-1.0, -0.1, 2.0], [-2.0, -0.1, 1.0], [-1.0, 3.0, 1.0]];
        let replicas: Vec<Vec<f64>> = outputs
            .iter()
            .map(|f| against_target(&DMatrix::from_row_slice(1, 3, f), &y))
            .collect();
        let pseudo = pseudo_errors(&replicas);
        // Without the third network the second sample is wrong: 3 * 0 - 2 * 1/3.
        let expected = [0.0, 0.0, -2.0 / 3.0];
        for (found, expected) in pseudo.iter().zip(expected) {
            assert!((found[0] - expected).abs() < 1e-15, "{pseudo:?}");
        }
    }

    #[test]
    fn several_outputs_are_decided_by_the_largest() {
        let y = DMatrix::from_column_slice(3, 2, &[1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
        let right = DMatrix::from_column_slice(3, 2, &[0.9, 0.1, 0.2, 0.1, 0.3, 0.4]);
        let wrong = DMatrix::from_column_slice(3, 2, &[0.9, 0.1, 0.2, 0.1, 0.7, 0.4]);
        let error = |f: &DMatrix<f64>| pseudo_errors(&vec![against_target(f, &y); 3])[0][0];
        assert_eq!((error(&right), error(&wrong)), (0.0, 0.5));
    }
}
