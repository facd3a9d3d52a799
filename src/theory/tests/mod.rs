//! The entries on a whole experiment: what they decline, which options they take; and what the tests of each theory share.

mod doubles;
mod ntk;
mod saddle;
mod saxe;

use super::*;
use crate::context::Context;
use crate::experiment::{Draw, DrawIndex, Draws, Spacing};
use crate::instrument::{Axis, Wanted};
use crate::learner::StartView;
use crate::numerics::random::stream;
use crate::training::Loss;
use doubles::{Descent, Linear, SHAPE, Teacher};
use nalgebra::DMatrix;
use std::sync::Arc;

fn learner(widths: &[usize], start: StartView) -> Linear {
    Linear {
        widths: widths.to_vec(),
        multipliers: vec![1.0; widths.len() - 1],
        rate_scale: 1.0,
        start,
        linear: true,
    }
}

fn experiment(task: Teacher, learner: Linear, learning_rate: f64, steps: usize) -> Experiment {
    Experiment {
        seed: 11,
        task: Arc::new(task),
        learner: Some(Arc::new(learner)),
        training: Some(Arc::new(Descent {
            learning_rate,
            steps,
            loss: Loss::HalfMean,
        })),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 6,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

const CLEAN: Teacher = Teacher {
    noise: 0.0,
    stretch: 1.0,
};
const SMALL: StartView = StartView::Gaussian { scale: 0.05 };

fn wanted(e: &Experiment, names: &[&'static str]) -> Vec<Asked> {
    let time = || Axis::new("time", "1", e.record_times());
    let index = |name: &str, n: usize| Axis::new(name, "1", (1..=n).map(|k| k as f64).collect());
    names
        .iter()
        .map(|&name| Wanted {
            observable: Box::leak(Box::new(Observable {
                name,
                label: "",
                unit: "1",
                convention: "",
                ..Observable::PLAIN
            })),
            axes: match name {
                "mode-strength" | "singular-alignment" => vec![index("mode", 3), time()],
                "half-rise-time" => vec![index("mode", 3)],
                "input-output-map" => {
                    vec![
                        time(),
                        index("output", SHAPE.outputs),
                        index("input", SHAPE.inputs),
                    ]
                }
                _ => vec![time()],
            },
        })
        .map(Asked::from)
        .collect()
}

fn theory(kind: &str, options: &str) -> Arc<dyn Theory> {
    let kind = crate::kind::find(THEORIES, "theory[0].kind", kind).unwrap();
    (kind.parse)("theory[0]", options.parse().unwrap()).unwrap()
}

fn draw(e: &Experiment) -> Draw {
    let index = DrawIndex {
        dataset: 0,
        replica: 0,
    };
    let dataset = e.dataset(0).unwrap();
    let initial = e.initial(&dataset, index).unwrap().unwrap();
    Draw {
        index: Some(index),
        dataset: Some(Arc::new(dataset)),
        initial: Some(Arc::new(initial)),
        trained: None,
    }
}

/// Mode strengths (mode, time), training loss and map of the trained network at the recorded steps.
fn trained(e: &Experiment, draw: &Draw) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let dataset = draw.dataset.as_deref().unwrap();
    let learner = e.learner.as_deref().unwrap();
    let mut network = learner.network(SHAPE);
    let (mut strengths, mut losses, mut maps) = (vec![Vec::new(); 3], Vec::new(), Vec::new());
    let unit = DMatrix::identity(SHAPE.inputs, SHAPE.inputs);
    e.training
        .as_deref()
        .unwrap()
        .train(
            learner,
            draw.initial.as_deref().unwrap().clone().into(),
            dataset,
            &e.record_steps(),
            &mut stream(0, "", &[]),
            &mut |s| {
                let f = network.forward(s.parameters, &unit);
                for (k, u) in readout::mode_strengths(&f, &dataset.modes)
                    .iter()
                    .enumerate()
                {
                    strengths[k].push(*u);
                }
                let w = Loss::HalfMean.weight(dataset.samples());
                losses.push(readout::loss(&f, (&dataset.x, &dataset.y), w));
                maps.extend(readout::entries(&f));
                Ok(())
            },
        )
        .unwrap();
    (strengths.concat(), losses, maps)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn predict(theory: &dyn Theory, e: &Experiment, names: &[&'static str], draw: &Draw) -> Prediction {
    let plan = theory.plan(e, &wanted(e, names)).unwrap();
    assert_eq!(plan.answers(), (0..names.len()).collect::<Vec<_>>());
    plan.solve(draw, &Context::default()).unwrap()
}

#[test]
fn declines_name_the_reason() {
    let reason = |kind: &str, options: &str, e: &Experiment| {
        let plan = match theory(kind, options).plan(e, &wanted(e, &["mode-strength"])) {
            Ok(plan) => plan,
            Err(declined) => return declined.0,
        };
        match plan.solve(&draw(e), &Context::default()) {
            Ok(_) => "applies".into(),
            Err(Error::Declined { reason }) => reason,
            Err(other) => panic!("{other}"),
        }
    };
    let correlated = Teacher {
        noise: 0.0,
        stretch: 2.0,
    };
    let e = experiment(correlated, learner(&[5, 6, 4], SMALL), 0.01, 10);
    assert_eq!(reason("saxe", "", &e), "applies");
    assert!(reason("saxe", "condition = \"none\"", &e).contains("whitened"));
    assert!(reason("saxe", "condition = \"none\"", &e).contains("3.000e0"));
    assert!(reason("saddle-to-saddle", "", &e).contains("whitened"));
    assert_eq!(reason("ntk", "", &e), "applies");
    let relu = Linear {
        linear: false,
        ..learner(&[5, 6, 4], SMALL)
    };
    let e = experiment(CLEAN, relu, 0.01, 10);
    assert!(reason("saxe", "", &e).contains("linear"));
    let mut e = experiment(CLEAN, learner(&[5, 6, 4], SMALL), 0.01, 10);
    assert!(reason("saxe", "method = \"closed-form\"", &e).contains("lambda-balanced"));
    e.training = Some(Arc::new(Descent {
        learning_rate: 0.01,
        steps: 10,
        loss: Loss::HalfSum,
    }));
    assert!(reason("saxe", "condition = \"none\"", &e).contains("half-mean"));
    e.learner = None;
    assert!(reason("ntk", "", &e).contains("learner"));
    let deep = experiment(CLEAN, learner(&[5, 6, 6, 4], SMALL), 0.01, 10);
    assert!(reason("saddle-to-saddle", "", &deep).contains("two weight layers"));
    let narrow = experiment(CLEAN, learner(&[5, 2, 4], SMALL), 0.01, 10);
    assert!(reason("saxe", "condition = \"none\"", &narrow).contains("width"));
    let plan =
        theory("saxe", "").plan(&deep, &wanted(&deep, &["mode-strength", "order-parameter"]));
    assert_eq!(plan.unwrap().answers(), [0]);
}

#[test]
fn options_are_checked() {
    let parse = |kind: &str, options: &str| {
        let kind = crate::kind::find(THEORIES, "theory[0].kind", kind).unwrap();
        (kind.parse)("theory[0]", options.parse().unwrap())
            .err()
            .map_or(String::new(), |e| e.to_string())
    };
    assert!(parse("saxe", "methd = \"ode\"").contains("method"));
    assert!(parse("saxe", "u0 = 0.1").contains("theory[0].u0"));
    assert!(parse("saxe", "u0 = -0.1\ncondition = \"none\"").contains("positive"));
    assert!(parse("saxe", "condition = \"none\"\nmethod = \"ode\"").contains("method"));
    assert!(parse("ntk", "time = \"slow\"").contains("time"));
    assert_eq!(parse("saddle-to-saddle", "step_correction = false"), "");
    let promise = |kind: &str, options: &str| {
        let e = experiment(CLEAN, learner(&[5, 6, 4], SMALL), 0.01, 10);
        theory(kind, options)
            .plan(&e, &wanted(&e, &["mode-strength"]))
            .unwrap()
            .promise()
            .clone()
    };
    assert!(parse("ntk", "condition = \"trained\"").contains("use one of: initial"));
    assert_eq!(parse("virial-identity", "condition = \"none\""), "");
    assert_eq!(promise("saxe", "").conditioning, Conditioning::Initial);
    assert_eq!(
        promise("saxe", "condition = \"none\"").conditioning,
        Conditioning::None
    );
    assert_eq!(
        promise("saddle-to-saddle", "").limits[0].to_string(),
        "learner.init.scale -> 0"
    );
}
