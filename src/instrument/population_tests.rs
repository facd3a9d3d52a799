//! The population error against test sets, written-out maps and its own parts.

use super::super::testing::{experiment, linear};
use super::super::{Chosen, TestLoss};
use super::*;
use crate::kind::component;
use crate::learner::LEARNERS;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use crate::task::{HermiteTeacher, LinearTeacher, PowerLawFeatures, TASKS, Task};
use crate::training::TRAININGS;
use nalgebra::DVector;

fn read(instrument: &dyn Instrument, e: &Experiment, data: &Dataset, p: &Parameters) -> Vec<f64> {
    let mut recorder = instrument.recorder(e, data, &Context::default()).unwrap();
    recorder.record(0, 0.0, p).unwrap();
    recorder.finish()
}

fn keyed(kind: &str, keys: &str) -> Chosen {
    Chosen::new("measure", kind, keys.parse().unwrap()).unwrap()
}

/// Tasks of every kind with a test set.
const TASKS_TRIED: [&str; 4] = [
    "kind = 'power-law-features'\nspectrum_exponent = 1.5\ntarget_exponent = 2.0\nmodes = 300\ntest_samples = 4000",
    "kind = 'hermite-teacher'\ncoefficients = [0.3, 1.0, 0.0, -0.2]\ninput_dim = 5\ntest_samples = 4000\ndirection = 'random'",
    "kind = 'linear-teacher'\nsingular_values = [2.0, 1.0]\ninput_dim = 6\noutput_dim = 3\ntest_samples = 4000",
    "kind = 'linear-teacher'\nsingular_values = [2.0, 1.0]\ninput_dim = 6\noutput_dim = 3\ntest_samples = 4000\n\
         whitened = false\ncorrelation = 0.7",
];

/// Learners whose outputs are affine, with arbitrary parameters.
const LEARNERS_TRIED: [&str; 4] = [
    "kind = 'mlp'\nwidths = [4]\nactivation = 'linear'",
    "kind = 'mlp'\nwidths = [4, 3]\nactivation = 'linear'\nbias = true",
    "kind = 'random-features'\nfeatures = 7\nactivation = 'linear'\nbias = 0.5",
    "kind = 'kernel-ridge'\nkernel = { kind = 'linear' }",
];

/// On 4000 test samples the mean of `|f - f*|^2` is the population error within its standard error.
#[test]
fn a_test_set_has_the_population_error_within_its_error() {
    let mut rng = stream(11, "parameters", &[]);
    for task in TASKS_TRIED {
        for learner in LEARNERS_TRIED {
            let e = Experiment {
                task: component("task", TASKS, task.parse().unwrap()).unwrap(),
                learner: Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap()),
                ..experiment(HermiteTeacher::new(vec![1.0], 2, 2), linear(&[], &[1.0]), 1)
            };
            let data = e.dataset(0).unwrap();
            let learner = e.learner.as_deref().unwrap();
            let shapes = learner.shapes(data.shape());
            let blocks = shapes
                .iter()
                .map(|&(r, c)| normal_matrix(&mut rng, r, c) * 0.3);
            let p = Parameters {
                blocks: blocks.collect(),
            };
            let exact = read(&Population::ERROR, &e, &data, &p)[0];
            let (x, y) = data.test.as_ref().unwrap();
            let residual = learner.network(data.shape()).forward(&p, x) - y;
            let squares: Vec<f64> = residual.column_iter().map(|r| r.norm_squared()).collect();
            let (mean, stderr) = mean_stderr(&squares);
            let z = (mean - exact) / stderr.unwrap();
            assert!(z.abs() < 3.5, "{task} {learner:?}: {mean} {exact} z = {z}");
            // Twice the half-mean test loss is the same mean.
            let loss = read(&TestLoss, &e, &data, &p)[0];
            assert!((2.0 * loss - mean).abs() < 1e-9 * mean);
        }
    }
}

/// `f = F x` with a map that is written down: every sum is a closed form.
#[test]
fn modes_are_the_terms_of_the_sum() {
    let task = PowerLawFeatures::new(2.0, 3.0, 5, 4);
    let e = experiment(task.clone(), linear(&[], &[1.0]), 1);
    let data = e.dataset(0).unwrap();
    let map = DMatrix::from_row_slice(1, 5, &[0.5, -0.2, 0.0, 1.0, 0.3]);
    let root = |k: f64| 5f64.sqrt() / k;
    let y = |k: f64| k.powf(-1.5);
    let p = Parameters {
        blocks: vec![map.clone()],
    };
    let terms: Vec<f64> = (0..5)
        .map(|k| (map[k] * root(k as f64 + 1.0) - y(k as f64 + 1.0)).powi(2))
        .collect();
    let total = read(&Population::ERROR, &e, &data, &p)[0];
    assert!((total - terms.iter().sum::<f64>()).abs() < 1e-13);
    let found = read(&*keyed("population-mode-error", "modes = 3"), &e, &data, &p);
    assert_eq!(found.len(), 3);
    let relative = read(
        &*keyed("population-mode-error", "relative = true"),
        &e,
        &data,
        &p,
    );
    let learned = read(&Population::MODE_LEARNABILITY, &e, &data, &p);
    for k in 0..5 {
        let number = k as f64 + 1.0;
        if k < 3 {
            assert!((found[k] - terms[k]).abs() < 1e-13);
        }
        assert!((relative[k] - terms[k] / y(number).powi(2)).abs() < 1e-11);
        assert!((learned[k] - map[k] * root(number) / y(number)).abs() < 1e-12);
    }
    // The target itself has no error.
    let exact = &data.modes.v * data.modes.s[0];
    let p = Parameters {
        blocks: vec![exact.transpose()],
    };
    assert!(read(&Population::ERROR, &e, &data, &p)[0] < 1e-28);
    assert!((read(&Population::MODE_LEARNABILITY, &e, &data, &p)[3] - 1.0).abs() < 1e-13);
}

/// White inputs have one mode; the error beyond it is what no linear map expresses.
#[test]
fn directions_of_equal_variance_make_one_mode() {
    let task = HermiteTeacher::new(vec![0.5, 2.0, 0.3], 4, 10);
    let e = experiment(task, linear(&[], &[1.0]), 1);
    let data = e.dataset(0).unwrap();
    let p = Parameters {
        blocks: vec![DMatrix::from_row_slice(1, 4, &[1.5, 0.0, 1.0, 0.0])],
    };
    let axes = Population::MODE_ERROR.axes(&e).unwrap();
    assert_eq!(axes[0].values, [1.0]);
    let mode = read(&Population::MODE_ERROR, &e, &data, &p)[0];
    assert!((mode - 1.25).abs() < 1e-14);
    let all = read(&Population::ERROR, &e, &data, &p)[0];
    assert!((all - mode - 0.25 - 0.18).abs() < 1e-13);
}

/// More directions than are passed at one time: all of them count, to the last.
#[test]
fn every_direction_of_many_counts() {
    let task = PowerLawFeatures::new(1.5, 2.0, 600, 4);
    let e = experiment(task, linear(&[], &[1.0]), 1);
    let data = e.dataset(0).unwrap();
    let mut map = (&data.modes.v * data.modes.s[0]).transpose();
    for (k, by) in [(0, 0.5), (256, 1.0), (599, 2.0)] {
        map[k] += by;
    }
    // |f_k - y_k|^2 = D lam_k by^2
    let variance = |k: f64| 600.0 * k.powf(-1.5);
    let error = 0.25 * variance(1.0) + variance(257.0) + 4.0 * variance(600.0);
    let p = Parameters { blocks: vec![map] };
    let found = read(&Population::ERROR, &e, &data, &p)[0];
    assert!((found / error - 1.0).abs() < 1e-10, "{found} {error}");
}

/// Over the chain: the mean of the errors, with what no linear map expresses, over the recorded steps from the burn-in on.
#[test]
fn the_chain_is_averaged_from_its_burn_in_on() {
    let learner = "kind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = { readout = 1.0 }";
    let training = "kind = 'langevin'\nstep = 0.01\ntemperature = 0.1\nsteps = 8\nburn_in = 4";
    let e = Experiment {
        learner: Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap()),
        training: Some(component("t", TRAININGS, training.parse().unwrap()).unwrap()),
        ..experiment(
            HermiteTeacher::new(vec![0.5, 2.0, 0.3], 4, 10),
            linear(&[], &[1.0]),
            1,
        )
    };
    let data = e.dataset(0).unwrap();
    let chain = keyed("population-error", "over = 'chain'");
    let mut recorder = chain.recorder(&e, &data, &Context::default()).unwrap();
    let mut errors = Vec::new();
    for step in 0..=8usize {
        let map = DMatrix::from_element(1, 4, 1.0 + (step * step) as f64);
        let p = Parameters { blocks: vec![map] };
        recorder.record(step, 0.01 * step as f64, &p).unwrap();
        errors.push(read(&Population::ERROR, &e, &data, &p)[0]);
    }
    let mean = errors[4..].iter().sum::<f64>() / 5.0;
    let found = recorder.finish();
    assert_eq!(found.len(), 1);
    assert!((found[0] / mean - 1.0).abs() < 1e-13, "{found:?} {mean}");
}

#[test]
fn points_of_correlated_inputs_make_their_covariance() {
    let task = LinearTeacher {
        whitened: false,
        correlation: 0.6,
        ..LinearTeacher::new(vec![1.0], 5, 1)
    };
    let inputs = task.gaussian_inputs().unwrap();
    let x = inputs.points(0..5);
    let covariance = DMatrix::from_fn(5, 5, |i, j| 0.6f64.powi(i.abs_diff(j) as i32));
    assert!((&x * x.transpose() - covariance).amax() < 1e-13);
    assert_eq!(inputs.points(1..3), x.columns(1, 2));
    assert_eq!(inputs.mean(), DVector::zeros(1));
}

#[test]
fn it_declines_with_a_remedy_where_the_sum_is_not_finite() {
    let curved = "kind = 'mlp'\nwidths = [4]\nactivation = 'tanh'";
    let gaussian = "kind = 'kernel-ridge'\nkernel = { kind = 'gaussian', length = 1.0 }";
    let mut e = experiment(
        PowerLawFeatures::new(2.0, 2.0, 5, 4),
        linear(&[3], &[1.0; 2]),
        1,
    );
    assert_eq!(Population::ERROR.axes(&e).unwrap().len(), 1);
    for learner in [curved, gaussian] {
        e.learner = Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap());
        let why = Population::ERROR.axes(&e).unwrap_err().0;
        assert!(why.contains("task.test_samples"), "{why}");
    }
    e.learner = Some(Arc::new(linear(&[], &[1.0])));
    e.task = component("task", TASKS, "kind = 'xor'".parse().unwrap()).unwrap();
    let why = Population::ERROR.axes(&e).unwrap_err().0;
    assert!(why.contains("task.test_samples"), "{why}");
    e.training = Some(component("t", TRAININGS, "kind = 'closed-form'".parse().unwrap()).unwrap());
    for (kind, keys) in [
        ("population-error", "modes = 3"),
        ("population-mode-error", "modes = 0"),
        ("population-mode-learnability", "relative = true"),
    ] {
        assert!(Chosen::new("measure", kind, keys.parse().unwrap()).is_err());
    }
}
