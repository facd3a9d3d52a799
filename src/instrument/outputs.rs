//! Outputs on held-out inputs: variance and bias over replicas, the classification error.

use super::blocks::Blocks;
use super::reading::{Ensemble, Read, Reading, When};
use super::subject::Subject;
use super::{Axis, Declined, Observable};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::About;
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Variance of the predictor over replicas of one data set.
pub static VARIANCE: Observable = Observable {
    name: "predictor-variance",
    label: "variance of the predictor",
    unit: "1",
    convention: "mean over test inputs of sum_i Var f_i(x) over the replicas of one data set (initialisation and training noise), unbiased; \
                 first min(P_test, 256) test inputs",
    held_out: true,
    ..Observable::PLAIN
};

/// Squared bias of the mean predictor.
pub static BIAS: Observable = Observable {
    name: "predictor-bias",
    label: "squared bias of the predictor",
    unit: "1",
    convention: "mean over test inputs of sum_i (y_i - E f_i(x))^2 over the replicas of one data set, average first, then square; without the \
                 variance of the mean of few replicas; first min(P_test, 256) test inputs. predictor-bias + predictor-variance = E |y - f|^2",
    held_out: true,
    ..Observable::PLAIN
};

/// Fraction of test samples whose class is not recognised.
pub static TEST_ERROR: Observable = Observable {
    name: "test-error",
    label: "test error",
    unit: "1",
    convention: "fraction of the test set where the largest output is not at the largest target; one output: where f and y are on different \
                 sides of the middle of the targets' range",
    held_out: true,
    ..Observable::PLAIN
};

/// Standard error of the test error by the finite test set.
pub static TEST_ERROR_SAMPLING: Observable = Observable {
    name: "test-error-sampling",
    label: "sampling error of the test error",
    unit: "1",
    convention: "sqrt(e (1 - e)/n) with the test error e of a network on n test samples: how far e is from the error on the population, beside the \
                 scatter between networks",
    held_out: true,
    ..Observable::PLAIN
};

const AVERAGED: usize = 256;
/// Replicas below which a variance has no error.
pub(super) const LEAST: usize = 3;

pub(super) static VARIANCES: Reading = Reading {
    about: &About {
        kind: "predictor-variance",
        summary: "variance of the predictor over replicas of one data set",
        text: "\
(1/n) sum_mu sum_i Var_r f_i(x_mu) on the axis time, over the replicas r of one data set and the first n = min(P_test, 256) test inputs. Unbiased (R - 1
in the denominator); the error is the jackknife's over replicas. Needs measure.replicas >= 3.",
        revision: 1,
    },
    observable: &VARIANCE,
    when: When::Recorded,
    axes: ensemble_axes,
    reader: |subject, dataset| outputs(subject, dataset, |f, _| averaged(f)),
    space: |subject| subject.forward(subject.test_samples.min(AVERAGED)) + primitives(subject),
    ensemble: Some(Ensemble {
        primitives,
        combine: |replicas, size| pseudo_values(&replicas, size, |m| m.variance),
    }),
};

pub(super) static BIASES: Reading = Reading {
    about: &About {
        kind: "predictor-bias",
        summary: "squared bias of the mean predictor over replicas of one data set",
        text: "\
(1/n) sum_mu sum_i [(y_i - mean_r f_i)^2 - Var_r f_i / R] on the axis time: the square of the mean residual, without the part that the finite number
R of replicas adds. First n = min(P_test, 256) test inputs; the error is the jackknife's over replicas. Needs measure.replicas >= 3.
predictor-bias + predictor-variance = E |y - f|^2 on the same inputs.",
        revision: 1,
    },
    observable: &BIAS,
    when: When::Recorded,
    axes: ensemble_axes,
    reader: |subject, dataset| outputs(subject, dataset, |f, y| averaged(y - f)),
    space: |subject| subject.forward(subject.test_samples.min(AVERAGED)) + primitives(subject),
    ensemble: Some(Ensemble {
        primitives,
        combine: |replicas, size| {
            pseudo_values(&replicas, size, |m| m.mean * m.mean - m.variance / m.count)
        },
    }),
};

pub(super) static ERRORS: Reading = Reading {
    about: &About {
        kind: "test-error",
        summary: "fraction of the test set that is classified wrongly",
        text: "\
On the axis time. Several outputs: wrong where the largest output is not at the largest target (of a group of logits; groups without a target do not
count). One output: wrong where f and y are on different sides of the middle of the test targets' range (0 for labels +-1, 1/2 for 0 and 1). The scatter of
networks on one test set does not hold the error by its finite size: see test-error-sampling. A comparison with a theory of
the population holds it, where all data sets share their held-out samples (a file, a text).",
        revision: 1,
    },
    observable: &TEST_ERROR,
    when: When::Recorded,
    axes: |_, experiment| has_test(experiment).map(|_| Vec::new()),
    reader: |subject, dataset| errors(subject, dataset, |wrong, _| (wrong, 1.0)),
    space: |subject| subject.forward(subject.test_samples),
    ensemble: None,
};

pub(super) static SAMPLING: Reading = Reading {
    about: &About {
        kind: "test-error-sampling",
        summary: "standard error of the test error by the finite test set",
        text: "\
sqrt(e (1 - e)/n) on the axis time, with the test error e of each network on its n test samples.",
        revision: 1,
    },
    observable: &TEST_ERROR_SAMPLING,
    when: When::Recorded,
    axes: |_, experiment| has_test(experiment).map(|_| Vec::new()),
    reader: |subject, dataset| errors(subject, dataset, sampling),
    space: |subject| subject.forward(subject.test_samples),
    ensemble: None,
};

/// Number of test samples.
fn has_test(experiment: &Experiment) -> std::result::Result<usize, Declined> {
    match experiment.task.test_samples() {
        0 => Err(Declined("the task has no test set".into())),
        n => Ok(n),
    }
}

fn ensemble_axes(_: &Subject, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
    has_test(experiment)?;
    match experiment.draws.replicas {
        r if r < LEAST => Err(Declined(format!(
            "needs measure.replicas >= {LEAST}, there are {r}"
        ))),
        _ => Ok(Vec::new()),
    }
}

/// Numbers of one network per time.
fn primitives(subject: &Subject) -> usize {
    subject.test_samples.min(AVERAGED) * subject.shape.outputs
}

fn test_set(dataset: &Dataset) -> Result<&(DMatrix<f64>, DMatrix<f64>)> {
    let missing = || Error::bug("output", "a data set without a test set");
    dataset.test.as_ref().ok_or_else(missing)
}

/// Columns divided by the root of their number: sums of squares over them are means.
fn averaged(m: DMatrix<f64>) -> DMatrix<f64> {
    let columns = m.ncols() as f64;
    m / columns.sqrt()
}

/// A function of the outputs and the targets of the first [`AVERAGED`] test inputs, outputs fastest.
fn outputs(
    subject: &Subject,
    dataset: &Dataset,
    form: fn(DMatrix<f64>, &DMatrix<f64>) -> DMatrix<f64>,
) -> Result<Read> {
    let (x, y) = test_set(dataset)?;
    let count = x.ncols().min(AVERAGED);
    let (x, y) = (
        x.columns(0, count).into_owned(),
        y.columns(0, count).into_owned(),
    );
    let mut network = subject.learner.network(subject.shape);
    Ok(Box::new(move |parameters| {
        let formed = form(network.forward(parameters, &x), &y);
        Ok(formed.as_slice().to_vec())
    }))
}

/// Moments of one output at one input and time over replicas.
pub(super) struct Moments {
    /// Replicas.
    pub count: f64,
    /// Over them.
    pub mean: f64,
    /// Between them, unbiased.
    pub variance: f64,
}

/// `size` times; numbers run over outputs, samples (mean) and times (fastest). For every replica `r` the pseudo-value `R F - (R - 1) F_{-r}` of the
/// quantity `F = sum f(moments)`, whose mean over replicas is `F` itself for an unbiased `f`.
pub(super) fn pseudo_values(
    replicas: &[Vec<f64>],
    size: usize,
    f: fn(Moments) -> f64,
) -> Vec<Vec<f64>> {
    let count = replicas.len() as f64;
    let numbers = replicas.first().map_or(0, Vec::len);
    let mut found = vec![vec![0.0; size]; replicas.len()];
    for k in 0..numbers {
        let mean = replicas.iter().map(|v| v[k]).sum::<f64>() / count;
        let square: f64 = replicas.iter().map(|v| (v[k] - mean).powi(2)).sum();
        let whole = f(Moments {
            count,
            mean,
            variance: square / (count - 1.0),
        });
        for (pseudo, values) in found.iter_mut().zip(replicas) {
            // Without this replica the mean moves by -d/(R - 1) and the sum of squares by -d^2 R/(R - 1).
            let d = values[k] - mean;
            let others = f(Moments {
                count: count - 1.0,
                mean: mean - d / (count - 1.0),
                variance: (square - d * d * count / (count - 1.0)) / (count - 2.0),
            });
            pseudo[k % size] += count * whole - (count - 1.0) * others;
        }
    }
    found
}

/// `sqrt(e (1 - e)/n)` and its derivative in `e`, 0 at the ends.
fn sampling(e: f64, n: f64) -> (f64, f64) {
    let error = (e * (1.0 - e) / n).sqrt();
    match error > 0.0 {
        true => (error, (0.5 - e) / (n * error)),
        false => (0.0, 0.0),
    }
}

/// A function of the test error and the number of test samples, given with its derivative, and the shares of held-out
/// blocks in it.
fn errors(subject: &Subject, dataset: &Dataset, f: fn(f64, f64) -> (f64, f64)) -> Result<Read> {
    let (x, y) = test_set(dataset)?.clone();
    let mut network = subject.learner.network(subject.shape);
    let classes = subject.learner.classes(subject.shape);
    let blocks = Blocks::new(subject.held_out_blocks, dataset)?;
    let middle = 0.5 * (y.max() + y.min());
    Ok(Box::new(move |parameters| {
        let outputs = network.forward(parameters, &x);
        let wrong = |(f, y): (&[f64], &[f64])| {
            let (mut wrong, mut all) = (0usize, 0usize);
            let groups = f.chunks_exact(classes).zip(y.chunks_exact(classes));
            for (f, y) in groups.filter(|(_, y)| classes == 1 || y.iter().any(|&y| y != 0.0)) {
                all += 1;
                wrong += usize::from(match classes {
                    1 => (f[0] > middle) != (y[0] > middle),
                    _ => largest(f) != largest(y),
                });
            }
            (wrong as f64, all as f64)
        };
        let samples = outputs.as_slice().chunks_exact(y.nrows());
        let samples = samples.zip(y.as_slice().chunks_exact(y.nrows()));
        let counted: Vec<(f64, f64)> = samples.map(wrong).collect();
        let all: f64 = counted.iter().map(|c| c.1).sum();
        let (value, slope) = f(counted.iter().map(|c| c.0).sum::<f64>() / all, all);
        let samples = counted.iter().map(|&(wrong, n)| (wrong / all, n));
        let shares = blocks.shares(samples).into_iter();
        Ok([value]
            .into_iter()
            .chain(shares.map(|e| slope * e))
            .collect())
    }))
}

/// Place of the largest number, the first of equals.
fn largest(values: &[f64]) -> usize {
    let better = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    (1..values.len()).fold(0, better)
}

#[cfg(test)]
mod tests {
    use super::super::Instrument;
    use super::super::testing::trained;
    use super::*;
    use crate::learner::Mlp;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::numerics::statistics::mean_stderr;

    /// The mean of the pseudo-values is the unbiased estimate itself, and its error covers: `f ~ N(1, 4)`, `y = 0`, so that variance and squared
    /// bias are 4 and 1 on every point.
    #[test]
    fn ensemble_quantities_are_unbiased_and_their_errors_cover() {
        let (replicas, points, repeats) = (6, 5, 800);
        let (mut inside, mut sums) = ([0, 0], [0.0, 0.0]);
        for repeat in 0..repeats {
            let z = normal_matrix(&mut stream(repeat, "ensemble", &[]), replicas, points);
            // Two times, the second with nothing random.
            let draw = |r: usize| {
                (0..points)
                    .flat_map(|i| [1.0 + 2.0 * z[(r, i)], 3.0])
                    .collect()
            };
            let all: Vec<Vec<f64>> = (0..replicas).map(draw).collect();
            for (k, (instrument, exact)) in [(&VARIANCES, [4.0, 0.0]), (&BIASES, [1.0, 9.0])]
                .iter()
                .enumerate()
            {
                // Sums over the points here; in a run the numbers come divided by the root of n.
                let pseudo = instrument.combine(all.clone(), 2);
                let column = |t: usize| {
                    pseudo
                        .iter()
                        .map(|v| v[t] / points as f64)
                        .collect::<Vec<_>>()
                };
                let (mean, stderr) = mean_stderr(&column(0));
                assert!((mean_stderr(&column(1)).0 - exact[1]).abs() < 1e-12);
                sums[k] += mean;
                // Student t with 5 degrees of freedom: 95 % within 2.571.
                inside[k] += usize::from((mean - exact[0]).abs() < 2.571 * stderr.unwrap());
            }
        }
        for (k, exact) in [4.0, 1.0].into_iter().enumerate() {
            let mean = sums[k] / repeats as f64;
            assert!((mean - exact).abs() < 0.15, "{k} {mean}");
            let coverage = inside[k] as f64 / repeats as f64;
            assert!((0.90..0.98).contains(&coverage), "{k} {coverage}");
        }
    }

    #[test]
    fn errors_are_counted() {
        assert_eq!((largest(&[0.0, 2.0, 1.0]), largest(&[1.0, 1.0])), (1, 0));
        let (data, p, values) = trained(Mlp::default(), &[&ERRORS, &SAMPLING]);
        let (x, y) = data.test.unwrap();
        let f = &p.blocks[0] * x;
        let wrong = (0..7).filter(|&mu| (f[(0, mu)] < f[(1, mu)]) != (y[(0, mu)] < y[(1, mu)]));
        let e = wrong.count() as f64 / 7.0;
        let last = values[0].len() - 1;
        assert_eq!(values[0][last], e);
        assert_eq!(values[1][last], (e * (1.0 - e) / 7.0).sqrt());
    }
}
