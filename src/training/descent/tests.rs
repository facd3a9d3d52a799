//! The loop by its laws: schedules, decay per block, early stop, cross-entropy, determinism.

use super::*;
use crate::learner::{Activation, Init, Mlp};
use crate::numerics::linalg::solve_spd;
use crate::numerics::random::{normal_matrix, stream};
use crate::task::Modes;
use crate::training::{Adam, Decay, Sgd};
use nalgebra::{DMatrix, DVector};

fn dataset(x: DMatrix<f64>, y: DMatrix<f64>) -> Dataset {
    let modes = Modes {
        u: DMatrix::zeros(y.nrows(), 0),
        s: DVector::zeros(0),
        v: DMatrix::zeros(x.nrows(), 0),
    };
    Dataset {
        x,
        y,
        test: None,
        modes,
        groups: None,
        blocks: None,
    }
}

fn regression(samples: usize) -> Dataset {
    let mut rng = stream(4, "descent", &[]);
    let x = normal_matrix(&mut rng, 4, samples);
    let y = normal_matrix(&mut rng, 2, 4) * &x + normal_matrix(&mut rng, 2, samples) * 0.1;
    dataset(x, y)
}

fn train(
    descent: &Descent,
    mlp: &Mlp,
    data: &Dataset,
    record: &[usize],
) -> Result<Vec<Parameters>> {
    let start = mlp.initialize(data, &mut stream(1, "initial", &[]))?;
    let mut seen = Vec::new();
    let mut rng = stream(2, "training", &[]);
    let end = descent.train(mlp, start.into(), data, record, &mut rng, &mut |s| {
        seen.push(s.parameters.clone());
        Ok(())
    })?;
    seen.push(end);
    Ok(seen)
}

#[test]
fn weight_decay_is_ridge_regression() {
    // Minimum of L + (d/2)|W|^2: W = C_yx (C_xx + d)^-1 with moments per sample.
    let data = regression(30);
    let momentum = Rule::Momentum {
        momentum: 0.9,
        nesterov: false,
    };
    for rule in [Rule::Plain, momentum] {
        let descent = Descent {
            rule,
            weight_decay: vec![0.3],
            ..Descent::new(0.05, 4000)
        };
        let w = train(&descent, &Mlp::default(), &data, &[])
            .unwrap()
            .remove(0);
        let xx = &data.x * data.x.transpose() / 30.0 + DMatrix::identity(4, 4) * 0.3;
        let xy = &data.x * data.y.transpose() / 30.0;
        let ridge = solve_spd(&xx, &xy).unwrap().transpose();
        assert!((&w.blocks[0] - ridge).amax() < 1e-12);
    }
}

#[test]
fn decay_per_block_and_only_there() {
    // Without targets and inputs the gradient vanishes: every block shrinks by its own factor.
    let data = dataset(DMatrix::zeros(3, 5), DMatrix::zeros(2, 5));
    let mlp = Mlp {
        widths: vec![4],
        bias: true,
        ..Mlp::default()
    };
    let start = mlp
        .initialize(&data, &mut stream(1, "initial", &[]))
        .unwrap();
    let descent = Descent {
        weight_decay: vec![0.5, 0.0, 0.2, 0.2],
        ..Descent::new(0.1, 3)
    };
    let end = train(&descent, &mlp, &data, &[]).unwrap().remove(0);
    assert!((&end.blocks[0] - &start.blocks[0] * 0.95f64.powi(3)).amax() < 1e-15);
    assert_eq!(end.blocks[1], start.blocks[1]);
    let wrong = Descent {
        weight_decay: vec![0.1, 0.2],
        ..descent
    };
    let message = train(&wrong, &mlp, &data, &[]).unwrap_err().to_string();
    assert!(message.starts_with("training.weight_decay: 2 numbers for 4"));
}

/// Without a gradient (inputs and targets of 0) weights do a damped random walk: a kick of step s is `kappa(n, s)` of the weight after n steps,
/// that of the theory's recursion.
#[test]
fn noise_accumulates_by_the_memory_of_the_rule() {
    use crate::dmft;
    let data = dataset(DMatrix::zeros(4000, 1), DMatrix::zeros(1, 1));
    let mlp = Mlp {
        widths: vec![],
        ..Mlp::default()
    };
    let steps = 12;
    for (decoupled, decay_enters) in [(true, dmft::Decay::Weights), (false, dmft::Decay::Velocity)]
    {
        let descent = Descent {
            rule: Rule::Momentum {
                momentum: 0.6,
                nesterov: false,
            },
            weight_decay: vec![0.5],
            decoupled,
            noise: 0.04,
            ..Descent::new(0.1, steps)
        };
        let optimiser = dmft::Optimiser {
            momentum: 0.6,
            decay: 0.05,
            decay_enters,
            noise: 0.04,
            ..dmft::Optimiser::default()
        };
        let memory = optimiser.memory(steps);
        let seen = train(&descent, &mlp, &data, &[0, steps]).unwrap();
        let kept = memory.weight(steps);
        let walked = &seen[1].blocks[0] - &seen[0].blocks[0] * kept;
        let variance = memory.covariance(1.0, steps, steps) - kept * kept;
        let n = walked.len() as f64;
        let z = (walked.norm_squared() / n / variance - 1.0) / (2.0 / n).sqrt();
        assert!(z.abs() < 4.0, "decoupled = {decoupled}: z = {z}");
    }
}

/// A negative decay lets one block grow; inputs of 1e-8 keep the others where they are until the loss explodes.
#[test]
fn divergence_names_the_block_that_ran_away() {
    let mut data = regression(10);
    data.x *= 1e-8;
    let mlp = Mlp {
        widths: vec![5, 5],
        ..Mlp::default()
    };
    for block in 0..3 {
        let mut weight_decay = vec![0.0; 3];
        weight_decay[block] = -30.0;
        let descent = Descent {
            weight_decay,
            ..Descent::new(0.05, 200)
        };
        match train(&descent, &mlp, &data, &[]) {
            Err(Error::Diverged { block: named, .. }) => {
                assert_eq!(named, format!("layers.{block}.weight"));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn schedules_start_warm_and_end_at_the_floor() {
    let s = |kind| Schedule {
        kind,
        warmup: 4,
        floor: 0.1,
    };
    for kind in [Decay::Constant, Decay::Linear, Decay::Cosine] {
        let factors: Vec<f64> = (0..=20).map(|k| s(kind).factor(k, 20)).collect();
        assert_eq!(factors[..5], [0.25, 0.5, 0.75, 1.0, 1.0]);
        let end = if kind == Decay::Constant { 1.0 } else { 0.1 };
        assert!((factors[20] - end).abs() < 1e-15);
        assert!(factors[4..].windows(2).all(|w| w[1] <= w[0]));
        // Linear and cosine both pass half way in the middle.
        if kind != Decay::Constant {
            assert!((factors[12] - 0.55).abs() < 1e-15);
        }
    }
    // In the loop: one unit in a quadratic valley, w_{k+1} = (1 - r f_k) w_k.
    let data = dataset(DMatrix::from_element(1, 1, 1.0), DMatrix::zeros(1, 1));
    let descent = Descent {
        schedule: s(Decay::Cosine),
        ..Descent::new(0.2, 20)
    };
    let seen = train(&descent, &Mlp::default(), &data, &[0, 20]).unwrap();
    let product: f64 = (0..20)
        .map(|k| 1.0 - 0.2 * s(Decay::Cosine).factor(k, 20))
        .product();
    let ratio = seen[1].blocks[0][0] / seen[0].blocks[0][0];
    assert!((ratio / product - 1.0).abs() < 1e-13);
}

#[test]
fn training_stops_at_the_target_and_stays() {
    let data = regression(20);
    let mlp = Mlp {
        widths: vec![8],
        activation: Activation::Tanh,
        ..Mlp::default()
    };
    let free = Descent::new(0.1, 400);
    let record: Vec<usize> = (0..=400).collect();
    let loss = |p: &Parameters| {
        let shape = Shape {
            inputs: 4,
            outputs: 2,
            samples: 20,
        };
        let f = mlp.network(shape).forward(p, &data.x);
        0.5 / 20.0 * (f - &data.y).norm_squared()
    };
    let path: Vec<Parameters> = train(&free, &mlp, &data, &record).unwrap();
    let target = 0.5 * (loss(&path[0]) + loss(&path[400]));
    let first = path.iter().position(|p| loss(p) <= target).unwrap();
    let stopping = Descent {
        stop_at_loss: Some(target),
        ..free
    };
    let stopped = train(&stopping, &mlp, &data, &record).unwrap();
    assert!(first > 1 && first < 399);
    assert_eq!(stopped[..first], path[..first]);
    assert!(stopped[first..].iter().all(|p| *p == path[first]));
}

#[test]
fn cross_entropy_of_a_linear_classifier_is_logistic_regression() {
    // Stationary point: X (softmax(f) - y)^T + P d W = 0.
    let mut rng = stream(9, "classes", &[]);
    let x = normal_matrix(&mut rng, 3, 60);
    let scores = normal_matrix(&mut rng, 4, 3) * &x + normal_matrix(&mut rng, 4, 60);
    let y = DMatrix::from_fn(4, 60, |i, j| (scores.column(j).imax() == i) as u8 as f64);
    let data = dataset(x, y);
    let descent = Descent {
        loss: Loss::CrossEntropy,
        weight_decay: vec![0.05],
        rule: Rule::Momentum {
            momentum: 0.9,
            nesterov: true,
        },
        ..Descent::new(0.1, 3000)
    };
    let w = train(&descent, &Mlp::default(), &data, &[])
        .unwrap()
        .remove(0);
    let mut p = &w.blocks[0] * &data.x;
    for mut column in p.column_iter_mut() {
        column.apply(|v| *v = v.exp());
        let sum = column.sum();
        column /= sum;
    }
    let gradient = (p - &data.y) * data.x.transpose() / 60.0 + &w.blocks[0] * 0.05;
    assert!(gradient.amax() < 1e-12, "{}", gradient.amax());
}

#[test]
fn every_rule_learns_a_teacher_and_repeats_its_bits() {
    let data = regression(40);
    let mlp = Mlp {
        widths: vec![12],
        activation: Activation::Gelu,
        init: Init::default(),
        bias: true,
        ..Mlp::default()
    };
    let tables = [
        "learning_rate = 0.05\nsteps = 600\nmomentum = 0.9\nbatch = 8",
        "learning_rate = 0.05\nsteps = 600\nmomentum = 0.9\nnesterov = true",
    ];
    let mut rules: Vec<Descent> = tables
        .iter()
        .map(|t| Sgd::parse("training", t.parse().unwrap()).unwrap().0)
        .collect();
    let adam = "learning_rate = 0.01\nsteps = 600\nbatch = 8\nweight_decay = 1e-4\nschedule = { kind = 'cosine', warmup = 20 }";
    rules.push(Adam::parse("training", adam.parse().unwrap()).unwrap().0);
    let shape = Shape {
        inputs: 4,
        outputs: 2,
        samples: 40,
    };
    for descent in rules {
        let seen = train(&descent, &mlp, &data, &[0]).unwrap();
        let loss =
            |p: &Parameters| (mlp.network(shape).forward(p, &data.x) - &data.y).norm_squared();
        // The noise floor of the labels is 1e-4 of the signal.
        assert!(loss(&seen[1]) < 0.02 * loss(&seen[0]), "{descent:?}");
        assert_eq!(seen, train(&descent, &mlp, &data, &[0]).unwrap());
    }
}

#[test]
fn wrong_tables_name_their_key() {
    for (text, place) in [
        ("momentum = 1.0", "training.momentum: 1 is outside"),
        ("weight_decay = -1", "training.weight_decay: -1"),
        ("weight_decay = []", "training.weight_decay: an empty list"),
        ("schedule = { floor = 2 }", "training.schedule.floor: 2"),
        ("schedule = { warmup = 11 }", "training.schedule.warmup: 11"),
        ("stop_at_loss = 0", "training.stop_at_loss: 0"),
        ("batch = 0", "training.batch: an empty batch"),
        ("momentun = 0.5", "did you mean \"momentum\"?"),
    ] {
        let table = format!("learning_rate = 0.1\nsteps = 10\n{text}");
        let message = Sgd::parse("training", table.parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(message.contains(place), "{message}");
    }
}
