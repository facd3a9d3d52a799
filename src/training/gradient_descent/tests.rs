//! Gradient descent by its laws: conservation, stability, determinism, exact compression.

use super::*;
use crate::error::Error;
use crate::learner::{Activation, Init, Mlp, Objective, Parametrization, Precision};
use crate::numerics::linalg::{eigh, qr, svd};
use crate::numerics::random::{normal_matrix, stream};
use crate::task::Modes;
use nalgebra::DMatrix;

fn dataset(inputs: usize, outputs: usize, samples: usize) -> Dataset {
    let mut rng = stream(1, "descent data", &[]);
    let x = normal_matrix(&mut rng, inputs, samples);
    let noise = normal_matrix(&mut rng, outputs, samples) * 0.1;
    let y = normal_matrix(&mut rng, outputs, inputs) * &x + noise;
    let (u, s, v) = svd(&(&y * x.transpose() / samples as f64)).unwrap();
    Dataset {
        x,
        y,
        test: None,
        modes: Modes { u, s, v },
        groups: None,
        blocks: None,
    }
}

/// Trains and returns the parameters at the recorded steps.
fn run(
    training: &GradientDescent,
    mlp: &Mlp,
    data: &Dataset,
    record: &[usize],
    seed: u64,
) -> Result<Vec<(usize, Parameters)>> {
    let start = mlp.initialize(data, &mut stream(seed, "initial", &[]))?;
    let mut seen = Vec::new();
    let end = training.train(
        mlp,
        start.into(),
        data,
        record,
        &mut stream(seed, "training", &[]),
        &mut |s| {
            seen.push((s.step, s.parameters.clone()));
            Ok(())
        },
    )?;
    seen.push((training.steps, end));
    Ok(seen)
}

fn end(training: &GradientDescent, mlp: &Mlp, data: &Dataset) -> Parameters {
    run(training, mlp, data, &[], 1).unwrap().remove(0).1
}

fn distance(a: &Parameters, b: &Parameters) -> f64 {
    let squares = |p: &Parameters| p.blocks.iter().map(|b| b.norm_squared()).sum::<f64>();
    let difference = Parameters {
        blocks: a.blocks.iter().zip(&b.blocks).map(|(a, b)| a - b).collect(),
    };
    (squares(&difference) / squares(b)).sqrt()
}

fn linear(widths: &[usize], scale: f64) -> Mlp {
    Mlp {
        widths: widths.to_vec(),
        init: Init::gaussian(scale),
        ..Mlp::default()
    }
}

fn parse(text: &str) -> Result<GradientDescent> {
    GradientDescent::parse("training", text.parse().unwrap())
}

#[test]
fn linear_regression_converges_to_least_squares() {
    let data = dataset(4, 2, 40);
    let m = data.moments(1.0 / 40.0);
    let exact = &m.yx * m.xx.try_inverse().unwrap();
    let w = end(&GradientDescent::new(0.5, 1000), &linear(&[], 0.1), &data);
    assert!((&w.blocks[0] - exact).amax() < 1e-12);
}

#[test]
fn balance_drifts_with_the_square_of_the_step() {
    // M = W2^T W2 - W1 W1^T moves by O(eta^2) per step, hence by O(eta) in a fixed time.
    let data = dataset(5, 4, 50);
    let mlp = linear(&[6], 0.3);
    let balance = |p: &Parameters| {
        p.blocks[1].transpose() * &p.blocks[1] - &p.blocks[0] * p.blocks[0].transpose()
    };
    let drift = |eta: f64| {
        let seen = run(
            &GradientDescent::new(eta, (1.5 / eta).round() as usize),
            &mlp,
            &data,
            &[0, 1],
            2,
        )
        .unwrap();
        let step = (balance(&seen[1].1) - balance(&seen[0].1)).norm();
        (step, (balance(&seen[2].1) - balance(&seen[0].1)).norm())
    };
    let (coarse, fine) = (drift(4e-3), drift(2e-3));
    assert!(
        (coarse.0 / fine.0 - 4.0).abs() < 1e-6,
        "{coarse:?} {fine:?}"
    );
    assert!((coarse.1 / fine.1 - 2.0).abs() < 0.2, "{coarse:?} {fine:?}");
    assert!(fine.1 > 1e-6);
}

#[test]
fn aligned_modes_follow_the_sigmoid_up_to_the_step_size() {
    // Whitened inputs, u(0) = 1e-3: du/dt = 2 u (s - u) gives u(1) = 0.35571248 for s = 3, u(2) = 0.3180898 for s = 1.5.
    let mut rng = stream(3, "whitened", &[]);
    let x = qr(&normal_matrix(&mut rng, 60, 2)).0.transpose() * 60f64.sqrt();
    let y = DMatrix::from_row_slice(2, 2, &[3.0, 0.0, 0.0, 1.5]) * &x;
    let modes = Modes {
        u: DMatrix::identity(2, 2),
        s: nalgebra::DVector::from_vec(vec![3.0, 1.5]),
        v: DMatrix::identity(2, 2),
    };
    let data = Dataset {
        x,
        y,
        test: None,
        modes,
        groups: None,
        blocks: None,
    };
    let mlp = Mlp {
        widths: vec![3],
        init: Init::Aligned {
            scale: 1e-3f64.sqrt(),
            last: None,
        },
        ..Mlp::default()
    };
    let error = |eta: f64| {
        let half = (1.0 / eta).round() as usize;
        let seen = run(
            &GradientDescent::new(eta, 2 * half),
            &mlp,
            &data,
            &[half],
            1,
        )
        .unwrap();
        let product = |p: &Parameters| &p.blocks[1] * &p.blocks[0];
        let (early, late) = (product(&seen[0].1), product(&seen[1].1));
        assert!(early[(0, 1)].abs() < 1e-12 && late[(1, 0)].abs() < 1e-12);
        [early[(0, 0)] - 0.35571248, late[(1, 1)] - 0.3180898]
    };
    let (coarse, fine) = (error(2e-3), error(1e-3));
    for (c, f) in coarse.iter().zip(&fine) {
        assert!((c / f - 2.0).abs() < 0.1, "{coarse:?} {fine:?}");
        // Richardson: what remains is of second order.
        assert!((2.0 * f - c).abs() < 2e-4, "{c} {f}");
    }
}

#[test]
fn divergence_is_caught_beyond_the_stable_bound_and_only_there() {
    let data = dataset(4, 2, 40);
    let top = eigh(&data.moments(1.0 / 40.0).xx).unwrap().0.max();
    let run_at = |eta: f64| {
        run(
            &GradientDescent::new(eta, 2000),
            &linear(&[], 0.1),
            &data,
            &[],
            1,
        )
    };
    assert!(run_at(0.99 * 2.0 / top).is_ok());
    let Err(Error::Diverged {
        step,
        learning_rate,
        stable_bound,
        ..
    }) = run_at(1.01 * 2.0 / top)
    else {
        panic!("the run did not diverge");
    };
    assert_eq!(learning_rate, 1.01 * 2.0 / top);
    assert!((stable_bound.unwrap() * top / 2.0 - 1.0).abs() < 1e-6);
    // The loss grows by at most (1 - eta lambda)^2 = 1.02^2 per step, from at most the limit's own reference.
    assert!((349..2000).contains(&step), "{step}");
    // At the very step: one step less ends without an error.
    let short = GradientDescent::new(1.01 * 2.0 / top, step - 1);
    assert!(run(&short, &linear(&[], 0.1), &data, &[], 1).is_ok());
}

#[test]
fn divergence_of_a_deep_network_names_a_usable_bound() {
    let data = dataset(6, 4, 60);
    for mlp in [
        linear(&[8], 1e-2),
        Mlp {
            activation: Activation::Tanh,
            widths: vec![20, 20],
            parametrization: Parametrization::MeanField,
            ..Mlp::default()
        },
        Mlp {
            precision: Precision::F32,
            ..linear(&[8], 1e-2)
        },
    ] {
        let result = run(&GradientDescent::new(50.0, 500), &mlp, &data, &[], 1);
        let Err(Error::Diverged {
            stable_bound: Some(bound),
            ..
        }) = result
        else {
            panic!("{mlp:?}: {:?}", result.err());
        };
        assert!(
            run(&GradientDescent::new(0.5 * bound, 500), &mlp, &data, &[], 1).is_ok(),
            "{bound}"
        );
    }
}

#[test]
fn compression_leaves_the_trajectory_unchanged() {
    let data = dataset(6, 3, 80);
    // An explicit step on the full data against the compressed run.
    let mlp = linear(&[5, 4], 0.4);
    let training = GradientDescent::new(0.02, 300);
    let mut network = mlp.network(Shape {
        inputs: 6,
        outputs: 3,
        samples: 80,
    });
    let mut p = mlp
        .initialize(&data, &mut stream(1, "initial", &[]))
        .unwrap();
    let mut g = p.clone();
    let record: Vec<usize> = (0..=300).collect();
    let seen = run(&training, &mlp, &data, &record, 1).unwrap();
    assert_eq!(seen.len(), 302);
    for (step, compressed) in &seen[..301] {
        assert!(
            distance(compressed, &p) < 1e-12,
            "step {step}: {}",
            distance(compressed, &p)
        );
        network.gradient(&p, &data.x, &data.y, Objective::square(1.0 / 80.0), &mut g);
        for (p, g) in p.blocks.iter_mut().zip(&g.blocks) {
            *p -= g * 0.02;
        }
    }
}

#[test]
fn losses_differ_by_the_number_of_samples() {
    let data = dataset(4, 2, 32);
    let mlp = Mlp {
        activation: Activation::Erf,
        ..linear(&[5], 0.5)
    };
    let mean = GradientDescent::new(0.32, 100);
    let sum = GradientDescent {
        loss: Loss::HalfSum,
        ..GradientDescent::new(0.01, 100)
    };
    assert!(distance(&end(&sum, &mlp, &data), &end(&mean, &mlp, &data)) < 1e-12);
}

#[test]
fn repetition_gives_the_same_bits_and_batches_their_own_stream() {
    let data = dataset(4, 2, 30);
    let mlp = Mlp {
        activation: Activation::Tanh,
        ..linear(&[7], 0.5)
    };
    let full = GradientDescent::new(0.05, 60);
    let batch = |size| GradientDescent {
        batch: Some(size),
        ..full.clone()
    };
    let record = [0, 7, 60];
    for training in [full.clone(), batch(8)] {
        let once = run(&training, &mlp, &data, &record, 1).unwrap();
        assert_eq!(once, run(&training, &mlp, &data, &record, 1).unwrap());
        let steps: Vec<usize> = once.iter().map(|s| s.0).collect();
        assert_eq!(steps, [0, 7, 60, 60]);
    }
    // A batch of all samples is the full batch.
    assert_eq!(end(&batch(30), &mlp, &data), end(&full, &mlp, &data));
    // Another stream, other batches.
    let start = mlp
        .initialize(&data, &mut stream(1, "initial", &[]))
        .unwrap();
    let with = |seed| {
        let mut rng = stream(seed, "training", &[]);
        batch(8)
            .train(
                &mlp,
                start.clone().into(),
                &data,
                &[],
                &mut rng,
                &mut |_| Ok(()),
            )
            .unwrap()
    };
    assert_ne!(with(1), with(2));
    assert!(
        batch(31)
            .check(Shape {
                inputs: 4,
                outputs: 2,
                samples: 30
            })
            .is_err()
    );
}

#[test]
fn single_precision_stays_close() {
    let data = dataset(6, 3, 20);
    let double = Mlp {
        activation: Activation::Tanh,
        ..linear(&[10], 0.5)
    };
    let single = Mlp {
        precision: Precision::F32,
        ..double.clone()
    };
    let training = GradientDescent::new(0.05, 200);
    let d = distance(
        &end(&training, &single, &data),
        &end(&training, &double, &data),
    );
    assert!(d > 0.0 && d < 1e-5, "{d}");
}

#[test]
fn an_error_of_the_recorder_stops_the_run() {
    let data = dataset(3, 2, 10);
    let mlp = linear(&[2], 0.1);
    let start = mlp
        .initialize(&data, &mut stream(1, "initial", &[]))
        .unwrap();
    let mut calls = 0;
    let stopped = GradientDescent::new(0.1, 10).train(
        &mlp,
        start.into(),
        &data,
        &[0, 5, 10],
        &mut stream(1, "t", &[]),
        &mut |s| {
            calls += 1;
            if s.step == 5 {
                Err(Error::Interrupted)
            } else {
                Ok(())
            }
        },
    );
    assert!(matches!(stopped, Err(Error::Interrupted)));
    assert_eq!(calls, 2);
}

#[test]
fn tables_take_steps_or_time() {
    assert_eq!(
        parse("learning_rate = 0.005\ntime = 20").unwrap(),
        GradientDescent::new(0.005, 4000)
    );
    let full = parse("learning_rate = 1\nsteps = 3\nbatch = 8\nloss = 'half-sum'").unwrap();
    assert_eq!(
        full.resolved(),
        serde_json::json!({"kind": "gradient-descent", "learning_rate": 1.0, "steps": 3, "batch": 8, "loss": "half-sum"})
    );
    for (text, expected) in [
        ("steps = 3", "the key \"learning_rate\" is missing"),
        ("learning_rate = 0.1", "training.steps: missing"),
        ("learning_rate = 0.1\nsteps = 3\ntime = 1", "given together"),
        (
            "learning_rate = -0.1\nsteps = 3",
            "training.learning_rate: ",
        ),
        ("learning_rate = nan\nsteps = 3", "training.learning_rate: "),
        ("learning_rate = 0.1\nsteps = 0", "training.steps: "),
        ("learning_rate = 0.1\ntime = 0.01", "training.time: 0 steps"),
        ("learning_rate = 1e-300\ntime = 1e300", "training.time: "),
        ("learning_rate = 0.1\ntime = -1", "training.time: "),
        (
            "learning_rate = 0.1\nsteps = 3\nbatch = 0",
            "training.batch: ",
        ),
        (
            "learning_rat = 0.1\nsteps = 3",
            "did you mean \"learning_rate\"?",
        ),
        (
            "learning_rate = 0.1\nsteps = 3\nloss = 'mean'",
            "training.loss: ",
        ),
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}
