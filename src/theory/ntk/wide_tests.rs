//! The ensemble of infinite width against sampled Gaussian processes, and against networks.

use super::*;
use crate::experiment::{DrawIndex, Draws, Experiment, Spacing};
use crate::instrument::{Axis, INSTRUMENTS, Instrument, Wanted, measure};
use crate::kernel::Activation;
use crate::kind::component;
use crate::learner::{Init, Mlp, Parametrization};
use crate::mean_field::wide::WideLayer;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use crate::task::{LinearTeacher, Modes as TaskModes};
use crate::theory::THEORIES;
use crate::training::GradientDescent;
use std::sync::Arc;

fn asked(name: &str, axes: Vec<Axis>) -> Asked {
    let named = |i: &&&dyn Instrument| i.observable().name == name;
    Asked::from(Wanted {
        observable: INSTRUMENTS.iter().find(named).unwrap().observable(),
        axes,
    })
}

/// Outputs drawn from the Gaussian process and moved step by step in the tangent kernel: no eigenvector, no formula of the
/// means. The losses of 20,000 draws average to what is predicted, on training and test inputs.
#[test]
fn means_are_those_of_sampled_processes() {
    let (inputs, p, t, outputs, steps) = (3, 5, 4, 2, 6);
    let mut rng = stream(2, "ensemble", &[]);
    let x = normal_matrix(&mut rng, inputs, p + t);
    let y = normal_matrix(&mut rng, outputs, p + t);
    let layer = WideLayer {
        signal: 1.5,
        bias: 0.1,
        tangent: 0.8,
        bias_tangent: 1.0,
    };
    let ensemble = Ensemble {
        wide: Wide {
            phi: Activation::Tanh,
            layers: vec![layer; 3],
        },
        loss: Loss::HalfMean,
        learning_rate: 0.1,
        rate: 0.1,
        steps: 0,
        time: Time::Discrete,
    };
    let part = |m: &DMatrix<f64>, from: usize, n: usize| m.columns(from, n).into_owned();
    let data = Dataset {
        x: part(&x, 0, p),
        y: part(&y, 0, p),
        test: Some((part(&x, p, t), part(&y, p, t))),
        modes: TaskModes {
            u: DMatrix::zeros(outputs, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(inputs, 0),
        },
        groups: None,
        blocks: None,
    };
    let times = Axis::new("time", "tau", vec![0.0, 0.1 * steps as f64]);
    let questions = ["train-loss", "test-loss"].map(|name| asked(name, vec![times.clone()]));
    let draw = Draw {
        dataset: Some(Arc::new(data)),
        ..Draw::default()
    };
    let found = ensemble
        .solve(&questions, &draw, &Context::default())
        .unwrap();

    let all = ensemble.wide.kernels(&x, &x).unwrap();
    let root = all.nngp.clone().cholesky().unwrap().l();
    let onto = all.ntk.columns(0, p).into_owned();
    let kappa = 0.1 / p as f64;
    let mut losses = vec![Vec::new(); 4];
    for _ in 0..20_000 {
        // Rows are inputs, columns outputs.
        let mut f = &root * normal_matrix(&mut rng, p + t, outputs);
        for step in 0..=steps {
            let error = &f - y.transpose();
            if step == 0 || step == steps {
                let half =
                    |from: usize, n: usize| 0.5 * error.rows(from, n).norm_squared() / n as f64;
                let end = usize::from(step > 0);
                losses[end].push(half(0, p));
                losses[2 + end].push(half(p, t));
            }
            f -= kappa * &onto * error.rows(0, p);
        }
    }
    for (k, losses) in losses.iter().enumerate() {
        let (mean, stderr) = mean_stderr(losses);
        let theory = found.answers[k / 2].mean[k % 2];
        let z = (mean - theory) / stderr.unwrap();
        assert!(z.abs() < 4.0, "{k}: {mean} {theory} {z}");
        assert!(stderr.unwrap() < 0.01 * theory);
    }
}

/// Sixty networks of width 300 that are trained in full: losses and tangent kernel in the NTK parametrisation, with the
/// factor of raw weights that are not of variance 1.
#[test]
fn wide_networks_follow_the_kernel_of_infinite_width() {
    let width = 300;
    let e = Experiment {
        seed: 6,
        task: Arc::new(LinearTeacher {
            samples: 12,
            test_samples: 10,
            ..LinearTeacher::new(vec![1.5, 0.7], 4, 2)
        }),
        learner: Some(Arc::new(Mlp {
            widths: vec![width],
            activation: Activation::Tanh,
            parametrization: Parametrization::Ntk,
            init: Init::gaussian(0.8),
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.4, 60))),
        draws: Draws {
            datasets: 1,
            replicas: 60,
            points: 4,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    };
    let names = ["train-loss", "test-loss", "ntk"];
    let instruments = names.map(|name| {
        let named = |i: &&&dyn Instrument| i.observable().name == name;
        *INSTRUMENTS.iter().find(named).unwrap()
    });
    let questions = instruments.map(|i| asked(i.observable().name, i.axes(&e).unwrap()));
    let table = "kind = 'ntk'\ncondition = 'data'".parse().unwrap();
    let theory = component("theory", THEORIES, table).unwrap();
    let data = Arc::new(e.dataset(0).unwrap());
    let draw = Draw {
        dataset: Some(data.clone()),
        ..Draw::default()
    };
    let plan = theory.plan(&e, &questions).unwrap();
    assert_eq!(plan.promise().averages_over, ["replicas"]);
    let cx = Context::default();
    let found = plan.solve(&draw, &cx).unwrap();
    let networks: Vec<Vec<Vec<f64>>> = (0..60)
        .map(|replica| {
            let index = DrawIndex {
                dataset: 0,
                replica,
            };
            let start = e.initial(&data, index).unwrap().unwrap();
            let mut rng = e.training_stream(index);
            measure(&e, &cx, &instruments, &data, start.into(), &mut rng, None)
                .unwrap()
                .values
        })
        .collect();
    for (which, answer) in found.answers.iter().enumerate() {
        let largest = answer.mean.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for (k, theory) in answer.mean.iter().enumerate() {
            let values: Vec<f64> = networks.iter().map(|n| n[which][k]).collect();
            let (mean, stderr) = mean_stderr(&values);
            let allowed = 4.5 * stderr.unwrap() + 4.0 * largest / width as f64;
            assert!(
                (mean - theory).abs() < allowed,
                "{} {k}: {mean} +- {stderr:?}, {theory}",
                names[which]
            );
            assert!(stderr.unwrap() < 0.05 * largest, "{} {k}", names[which]);
        }
    }
    // Training reduces the loss: a theory that stands still would be caught.
    let losses = &found.answers[0].mean;
    assert!(losses[3] < 0.5 * losses[0], "{losses:?}");
}
