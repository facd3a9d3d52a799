//! Laws of the weights under their prior, which the instruments of neurons must find.

use super::testing::{experiment, linear};
use super::{Chosen, find};
use crate::context::Context;
use crate::experiment::{DrawIndex, Experiment};
use crate::learner::{Activation, Mlp, Parametrization, Prior, prior};
use crate::task::hermite_teacher::Direction;
use crate::task::{HermiteTeacher, LinearTeacher, Task, Xor};
use crate::training::{Langevin, Untrained};
use std::f64::consts::{PI, TAU};
use std::sync::Arc;

const WEIGHT: f64 = 1.5;
const UNITS: usize = 20_000;

/// A draw of the prior, untrained.
fn drawn(task: impl Task + 'static, parametrization: Parametrization) -> Experiment {
    let prior = Prior {
        weight: prior::Variances::One(WEIGHT),
        readout: 0.7,
        chi: 3.0.into(),
        ..Prior::default()
    };
    Experiment {
        learner: Some(Arc::new(Mlp {
            widths: vec![UNITS],
            activation: Activation::Relu,
            prior: Some(prior),
            parametrization,
            ..Mlp::default()
        })),
        training: Some(Arc::new(Untrained::default())),
        ..experiment(task, linear(&[], &[1.0]), 1)
    }
}

fn read(e: &Experiment, kind: &str, keys: &str) -> Vec<f64> {
    let draw = DrawIndex {
        dataset: 0,
        replica: 0,
    };
    let data = e.dataset(0).unwrap();
    let start = e.initial(&data, draw).unwrap().unwrap();
    let instrument = Chosen::new("measure", kind, keys.parse().unwrap()).unwrap();
    let mut noise = e.training_stream(draw);
    let cx = Context::default();
    let start = start.into();
    let found = super::measure(e, &cx, &[&*instrument], &data, start, &mut noise, None);
    found.unwrap().values.remove(0)
}

/// Within 4 standard errors.
fn near(found: f64, exact: f64, stderr: f64, what: &str) {
    let z = (found - exact) / stderr;
    assert!(z.abs() < 4.0, "{what}: {found} {exact}, z = {z}");
}

#[test]
fn a_gaussian_prior_has_no_angle() {
    let n = UNITS as f64;
    let e = drawn(Xor::default(), Parametrization::Standard);
    let density = read(&e, "neuron-angle", "");
    let (p, width) = (1.0 / 32.0, TAU / 32.0);
    let stderr = (p * (1.0 - p) / n).sqrt() / width;
    density
        .iter()
        .for_each(|&found| near(found, 1.0 / TAU, stderr, "density"));
    assert!((density.iter().sum::<f64>() * width - 1.0).abs() < 1e-12);
    assert_eq!(read(&e, "neuron-angle", "bins = 5").len(), 5);
    // Var |cos 2 psi| = 1/2 - (2/pi)^2.
    let contrast = read(&e, "angle-contrast", "")[0];
    let stderr = ((0.5 - 4.0 / (PI * PI)) / n).sqrt();
    near(contrast, 1.0 - 2.0 / PI, stderr, "contrast");
    let three = experiment(
        LinearTeacher::new(vec![1.0], 3, 1),
        linear(&[2], &[1.0, 1.0]),
        1,
    );
    let declined = find("", "neuron-angle").unwrap().axes(&three);
    assert!(declined.is_err());
}

#[test]
fn the_prior_has_the_moments_that_it_states() {
    let n = UNITS as f64;
    let task = || HermiteTeacher {
        direction: Direction::Random,
        ..HermiteTeacher::new(vec![0.0, 1.0], 6, 5)
    };
    let variance = WEIGHT / 6.0;
    for parametrization in [Parametrization::Standard, Parametrization::Ntk] {
        let e = drawn(task(), parametrization);
        let moments = read(&e, "neuron-overlap", "");
        near(
            moments[0],
            variance,
            variance * (2.0 / n).sqrt(),
            "second moment",
        );
        let fourth = variance * variance;
        near(
            moments[1],
            3.0 * fourth,
            fourth * (96.0 / n).sqrt(),
            "fourth moment",
        );
        let share = libm::erfc(0.5 / (2.0 * variance).sqrt());
        let tail = read(&e, "neuron-overlap-tail", "");
        near(tail[0], share, (share * (1.0 - share) / n).sqrt(), "tail");
        // Bins that share the threshold: what lies outside of them is the tail.
        let density = read(
            &e,
            "neuron-overlap-density",
            "bins = 10\nrange = [-0.5, 0.5]",
        );
        assert!((density.iter().sum::<f64>() * 0.1 + tail[0] - 1.0).abs() < 1e-12);
        let covariance = read(&e, "hidden-weight-covariance", "");
        for (k, &found) in covariance.iter().enumerate() {
            let (exact, factor) = if k % 7 == 0 {
                (variance, 2.0)
            } else {
                (0.0, 1.0)
            };
            let stderr = variance * f64::sqrt(factor / n);
            near(found, exact, stderr, "covariance");
        }
        let ratios = read(&e, "weight-norm-ratio", "");
        assert_eq!(ratios.len(), 2);
        near(ratios[0], 1.0, (2.0 / (6.0 * n)).sqrt(), "first layer");
        near(ratios[1], 1.0, (2.0 / n).sqrt(), "read-out");
    }
}

/// At an infinite temperature the chain samples the prior: its mean over the chain has the prior's second moment.
#[test]
fn a_chain_without_data_averages_to_the_prior() {
    let mut e = drawn(Xor::default(), Parametrization::Standard);
    let prior = Prior::default();
    e.learner = Some(Arc::new(Mlp {
        widths: vec![40],
        activation: Activation::Relu,
        prior: Some(prior),
        ..Mlp::default()
    }));
    let table = "step = 0.2\ntemperature = 1e9\nsteps = 2000\nburn_in = 100\ncertify = false";
    let langevin = Langevin::parse("training", table.parse().unwrap()).unwrap();
    e.training = Some(Arc::new(langevin));
    e.draws.points = 401;
    // About 95 independent looks at 80 weights: relative error sqrt(2/7600) = 0.016.
    let found = read(&e, "hidden-weight-covariance", "");
    for (found, exact) in found.iter().zip([0.5, 0.0, 0.0, 0.5]) {
        assert!((found - exact).abs() < 0.06, "{found} {exact}");
    }
    let ratios = read(&e, "weight-norm-ratio", "");
    assert!(ratios.iter().all(|r| (r - 1.0).abs() < 0.1), "{ratios:?}");
}

#[test]
fn keys_without_meaning_are_refused() {
    for (kind, keys) in [
        ("neuron-overlap", "direction = [0.0, 0.0]"),
        ("neuron-overlap", "bins = 3"),
        ("neuron-overlap-density", "bins = 0"),
        ("neuron-overlap-density", "range = [1.0, -1.0]"),
        ("neuron-overlap-tail", "above = []"),
        ("neuron-overlap-tail", "above = [-1.0]"),
        ("neuron-angle", "bins = 100000"),
        ("angle-contrast", "bins = 3"),
    ] {
        assert!(
            Chosen::new("measure", kind, keys.parse().unwrap()).is_err(),
            "{kind} {keys}"
        );
    }
    // Xor has no direction of its own; a given one must lie among its inputs.
    let e = drawn(Xor::default(), Parametrization::Standard);
    let axes = |keys: &str| {
        let keys = keys.parse().unwrap();
        Chosen::new("measure", "neuron-overlap", keys)
            .unwrap()
            .axes(&e)
    };
    assert!(axes("").is_err() && axes("direction = [1.0]").is_err());
    assert!(axes("direction = [1.0, 1.0]").is_ok());
}
