//! The predictor of linear networks against regression, limits and networks drawn from the prior; what the entry declines.

use super::*;
use crate::context::Context;
use crate::experiment::{Conditioning, Draws, Experiment, Limit as Extreme, Spacing};
use crate::instrument::{INSTRUMENTS, Observable, Wanted};
use crate::learner::{Activation, Learner, Mlp, Parametrization, Prior, prior::Variances};
use crate::numerics::linalg::solve_spd;
use crate::numerics::random::{normal_matrix, stream};
use crate::task::{LinearTeacher, Shape};
use crate::theory::bayesian::LOG_PARTITION;
use crate::theory::{Asked, Plan, Theory};
use crate::training::{GradientDescent, Langevin};
use nalgebra::DMatrix;
use std::sync::Arc;

const T: f64 = 0.3;

fn data(samples: usize, outputs: usize) -> (DMatrix<f64>, DMatrix<f64>, DMatrix<f64>) {
    let mut rng = stream(5, "posterior", &[samples as u64]);
    let mut normal = |r, c| normal_matrix(&mut rng, r, c);
    (normal(3, samples), normal(outputs, samples), normal(3, 2))
}

#[test]
fn without_hidden_layers_it_is_the_gaussian_process_of_linear_regression() {
    for samples in [2, 7] {
        let (x, y, at) = data(samples, 2);
        let sigma = 0.6;
        let kernel = x.tr_mul(&x) * sigma + DMatrix::identity(samples, samples) * T;
        let cross = x.tr_mul(&at) * sigma;
        let weights = solve_spd(&kernel, &cross).unwrap();
        let mean = &y * &weights;
        let variance = (at.tr_mul(&at) * sigma - cross.tr_mul(&weights)).diagonal();
        let found = predict(&[], sigma, T, &x, &y, &at).unwrap();
        assert!((&found.mean - &mean).amax() < 1e-13);
        for (output, m) in [(0, 0), (1, 1), (0, 1)] {
            let exact = variance[m] + mean[(output, m)].powi(2);
            assert!((found.second[(output, m)] - exact).abs() < 1e-13);
        }
    }
}

#[test]
fn wide_networks_become_the_gaussian_process_as_one_over_n() {
    let (x, y, at) = data(7, 1);
    let limit = predict(&[], 1.0, T, &x, &y, &at).unwrap();
    let gap = |n: usize| {
        let found = predict(&[n, n], 1.0, T, &x, &y, &at).unwrap();
        [
            (&found.mean - &limit.mean)[0],
            (&found.second - &limit.second)[0],
        ]
    };
    for (coarse, fine) in gap(2000).iter().zip(gap(4000)) {
        assert!((coarse / fine - 2.0).abs() < 0.01, "{coarse} {fine}");
    }
}

/// Training inputs as test inputs, and the density of the targets from the covariance of all samples, also with more
/// samples than inputs.
#[test]
fn means_and_evidence_of_the_training_samples_agree_with_the_gaussian_process() {
    for samples in [2, 7] {
        let (x, y, _) = data(samples, 2);
        let found = predict(&[], 0.6, T, &x, &y, &x).unwrap();
        assert!((&found.training - &found.mean).amax() < 1e-13);
        let kernel = x.tr_mul(&x) * 0.6 + DMatrix::identity(samples, samples) * T;
        let fit = (&y * solve_spd(&kernel, &y.transpose()).unwrap()).trace();
        let volume = (kernel * std::f64::consts::TAU).determinant().ln();
        assert!((found.log_evidence + 0.5 * fit + volume).abs() < 1e-11);
        let one = y.rows(0, 1).into_owned();
        let deep = predict(&[4, 3], 0.6, T, &x, &one, &x).unwrap();
        assert!((&deep.training - &deep.mean).amax() < 1e-13);
    }
}

#[test]
fn hot_likelihoods_give_back_the_prior() {
    // E[f] = 0, E[f^2] = sigma |x|^2 since E[q] = 1.
    let (x, y, at) = data(4, 1);
    let found = predict(&[3, 2], 0.7, 1e9, &x, &y, &at).unwrap();
    assert!(found.mean.amax() < 1e-7);
    for m in 0..2 {
        let exact = 0.7 * at.column(m).norm_squared();
        assert!((found.second[m] / exact - 1.0).abs() < 1e-7);
    }
    assert!(predict(&[3], 0.0, 1.0, &x, &y, &at).is_err());
    assert!(predict(&[3], 1.0, 1.0, &x, &data(4, 2).1, &at).is_err());
}

fn experiment(learner: Mlp, samples: usize, outputs: usize) -> Experiment {
    let training = "step = 0.01\ntemperature = 0.6\nsteps = 10"
        .parse()
        .unwrap();
    Experiment {
        seed: 3,
        task: Arc::new(LinearTeacher {
            samples,
            test_samples: 2,
            whitened: false,
            noise: 0.5,
            ..LinearTeacher::new(vec![1.5], 3, outputs)
        }),
        learner: Some(Arc::new(learner)),
        training: Some(Arc::new(Langevin::parse("training", training).unwrap())),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 2,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn bayesian(widths: &[usize], parametrization: Parametrization) -> Mlp {
    Mlp {
        widths: widths.to_vec(),
        parametrization,
        prior: Some(Prior {
            weight: Variances::One(1.3),
            readout: 2.5,
            chi: 2.0.into(),
            ..Prior::default()
        }),
        ..Mlp::default()
    }
}

fn wanted(e: &Experiment) -> Vec<Asked> {
    let axes = |i: &&dyn crate::instrument::Instrument| {
        Some(Wanted {
            observable: i.observable(),
            axes: i.axes(e).ok()?,
        })
    };
    INSTRUMENTS
        .iter()
        .filter_map(axes)
        .map(Asked::from)
        .collect()
}

fn told(observable: &'static Observable) -> Asked {
    let asked = Wanted {
        observable,
        axes: Vec::new(),
    };
    Asked {
        grid: None,
        ..Asked::from(asked)
    }
}

fn plan(options: Options, e: &Experiment) -> std::result::Result<Plan, String> {
    Posterior::new(options).plan(e, &wanted(e)).map_err(|d| d.0)
}

/// Networks drawn from the initial law of the learner itself, weighted by their likelihood: every factor of the conventions enters.
#[test]
fn networks_from_the_prior_weighted_by_their_likelihood_agree() {
    for (widths, parametrization) in [
        (vec![2], Parametrization::Standard),
        (vec![3, 2], Parametrization::Ntk),
    ] {
        let learner = bayesian(&widths, parametrization);
        let e = experiment(learner.clone(), 3, 1);
        let data = Arc::new(e.dataset(0).unwrap());
        let (at, _) = data.test.as_ref().unwrap();
        let mut asked = wanted(&e);
        asked.retain(|a| a.name().starts_with("predictor-"));
        asked.push(told(&LOG_PARTITION));
        let prediction = Posterior::new(Options::default())
            .plan(&e, &asked)
            .unwrap()
            .solve(
                &crate::experiment::Draw {
                    dataset: Some(data.clone()),
                    ..Default::default()
                },
                &Context::default(),
            )
            .unwrap();
        let shape = Shape {
            inputs: 3,
            outputs: 1,
            samples: 3,
        };
        let mut network = learner.network(shape);
        let mut rng = stream(8, "prior", &[widths.len() as u64]);
        let draws: Vec<(f64, [f64; 4])> = (0..200_000)
            .map(|_| {
                let p = learner.initialize(&data, &mut rng).unwrap();
                let energy = 0.5 * (network.forward(&p, &data.x) - &data.y).norm_squared();
                let f = network.forward(&p, at);
                // Temperature 0.6, divided by chi = 2.
                (
                    (-energy / 0.3).exp(),
                    [f[0], f[1], f[0] * f[0], f[1] * f[1]],
                )
            })
            .collect();
        let total: f64 = draws.iter().map(|(w, _)| w).sum();
        let mut exact: Vec<f64> = prediction
            .answers
            .iter()
            .flat_map(|o| o.mean.clone())
            .collect();
        // ln Z is the logarithm of the mean weight.
        let (n, z) = (draws.len() as f64, exact.pop().unwrap().exp());
        let square: f64 = draws.iter().map(|(w, _)| (w - total / n).powi(2)).sum();
        let error = square.sqrt() / n;
        assert!((total / n - z).abs() < 3.5 * error && error < 0.02 * z);
        for (k, exact) in exact.iter().enumerate() {
            let mean = draws.iter().map(|(w, f)| w * f[k]).sum::<f64>() / total;
            let square = |(w, f): &(f64, [f64; 4])| (w * (f[k] - mean)).powi(2);
            let error = draws.iter().map(square).sum::<f64>().sqrt() / total;
            let z = (mean - exact) / error;
            assert!(
                z.abs() < 3.5,
                "{widths:?} {k}: {mean} +- {error}, {exact}, z = {z:.2}"
            );
            assert!(error < 0.03 * exact.abs().max(0.3), "{k}: {error}");
        }
    }
}

#[test]
fn declines_and_promises() {
    let standard = Parametrization::Standard;
    let reason = |e: &Experiment| plan(Options::default(), e).err().unwrap_or_default();
    let good = experiment(bayesian(&[4], standard), 5, 1);
    let found = plan(Options::default(), &good).unwrap();
    assert_eq!(found.promise().conditioning, Conditioning::Data);
    assert_eq!(found.promise().limits, [Extreme::zero("training.step")]);
    let names: Vec<&str> = found.asked().iter().map(|a| a.name()).collect();
    for name in [
        "predictor-mean",
        "predictor-second-moment",
        "target-overlap",
    ] {
        assert!(names.contains(&name), "{names:?}");
    }
    let infinite = Options {
        limit: Limit::InfiniteWidth,
    };
    let several = experiment(bayesian(&[4], standard), 5, 3);
    assert!(reason(&several).contains("3 outputs"));
    let found = plan(infinite, &several).unwrap();
    assert_eq!(
        found.promise().limits[0],
        Extreme::infinite("learner.widths")
    );
    assert!(reason(&experiment(bayesian(&[], standard), 5, 3)).is_empty());

    let tanh = Mlp {
        activation: Activation::Tanh,
        ..bayesian(&[4], standard)
    };
    assert!(reason(&experiment(tanh, 5, 1)).contains("linear"));
    let plain = Mlp {
        prior: None,
        ..bayesian(&[4], standard)
    };
    assert!(reason(&experiment(plain, 5, 1)).contains("prior"));
    let mut descent = good.clone();
    descent.training = Some(Arc::new(GradientDescent::new(0.1, 10)));
    assert!(reason(&descent).contains("langevin"));
    let nothing = Posterior::new(Options::default()).plan(&good, &[]);
    assert!(
        nothing
            .err()
            .unwrap()
            .0
            .contains("nothing of this is asked for")
    );
}

/// The error over the law of the inputs against Bayesian linear regression written out for the weights, a square of theirs at a time.
#[test]
fn the_error_over_the_population_is_that_of_the_weights() {
    let text = "version = 1\nseed = 5\n[task]\nkind = 'power-law-features'\nspectrum_exponent = 2.0\ntarget_exponent = 2.0\nmodes = 6\n\
                samples = 9\nnoise = 0.3\n[learner]\nkind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = { readout = 0.7 }\n\
                [training]\nkind = 'langevin'\nstep = 1e-3\ntemperature = 0.2\nsteps = 10\nloss = 'half-sum'\n\
                [measure]\nobservables = [{ kind = 'population-error', over = 'chain' }]\nreplicas = 1\n\
                [[theory]]\nkind = 'linear-posterior'\n";
    let options = crate::spec::Options::default();
    let spec = crate::spec::Spec::parse("test", "test.toml", text, &options).unwrap();
    let experiment = &spec.cells[0].experiment;
    let settings = crate::run::Settings {
        side: crate::run::Side::Theory,
        ..crate::run::Settings::default()
    };
    let outcome = crate::run::execute(&spec, &settings).unwrap();
    let cell = &outcome.cells[0];
    let found = crate::run::document::predicted(cell, &cell.theories[0]).unwrap()[0].mean[0];
    // f = w . x/sqrt(D), w ~ N(0, 0.7): precision X X^T/(D T) + 1/0.7
    let data = Context::new(experiment.seed, 1 << 20)
        .dataset(experiment, 0)
        .unwrap();
    let (d, t) = (6.0, 0.2);
    let precision = &data.x * data.x.transpose() / (d * t) + DMatrix::identity(6, 6) / 0.7;
    let covariance = solve_spd(&precision, &DMatrix::identity(6, 6)).unwrap();
    let mean = &covariance * &data.x * data.y.transpose() / (d.sqrt() * t);
    let error: f64 = (0..6)
        .map(|k| {
            let eigenvalue = ((k + 1) as f64).powi(-2);
            let learned = eigenvalue.sqrt() * mean[k];
            let target = 1.0 / (k + 1) as f64;
            (learned - target).powi(2) + eigenvalue * covariance[(k, k)]
        })
        .sum();
    assert!((found / error - 1.0).abs() < 1e-9, "{found} {error}");
}

/// A target with a mean and a curvature: neither is learned, and both stay in the error, `a_0^2 + 2 a_2^2`, beside that of the weights.
#[test]
fn the_error_over_the_population_keeps_what_is_not_linear() {
    let text = "version = 1\nseed = 5\n[task]\nkind = 'hermite-teacher'\ncoefficients = [0.5, 2.0, 0.3]\ninput_dim = 4\nsamples = 9\n\
                [learner]\nkind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = { readout = 0.7 }\n\
                [training]\nkind = 'langevin'\nstep = 1e-3\ntemperature = 0.2\nsteps = 10\nloss = 'half-sum'\n\
                [measure]\nobservables = [{ kind = 'population-error', over = 'chain' }]\nreplicas = 1\n\
                [[theory]]\nkind = 'linear-posterior'\n";
    let options = crate::spec::Options::default();
    let spec = crate::spec::Spec::parse("test", "test.toml", text, &options).unwrap();
    let experiment = &spec.cells[0].experiment;
    let settings = crate::run::Settings {
        side: crate::run::Side::Theory,
        ..crate::run::Settings::default()
    };
    let outcome = crate::run::execute(&spec, &settings).unwrap();
    let cell = &outcome.cells[0];
    let found = crate::run::document::predicted(cell, &cell.theories[0]).unwrap()[0].mean[0];
    let data = Context::new(experiment.seed, 1 << 20)
        .dataset(experiment, 0)
        .unwrap();
    // f = w . x/sqrt(D) on white inputs.
    let (d, t) = (4.0, 0.2);
    let precision = &data.x * data.x.transpose() / (d * t) + DMatrix::identity(4, 4) / 0.7;
    let covariance = solve_spd(&precision, &DMatrix::identity(4, 4)).unwrap();
    let map = &covariance * &data.x * data.y.transpose() / (d * t);
    let target = &data.modes.v * data.modes.s[0] * data.modes.u[0];
    assert!((target.norm() - 2.0).abs() < 1e-12);
    let linear = (map - target).norm_squared() + covariance.trace() / d;
    let error = linear + 0.25 + 0.18;
    assert!((found / error - 1.0).abs() < 1e-9, "{found} {error}");
}
