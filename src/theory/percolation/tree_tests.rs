//! What theories of trees predict, state and decline.

use crate::context::Context;
use crate::experiment::{Draw, Draws, Experiment, Spacing};
use crate::instrument::{INSTRUMENTS, Wanted};
use crate::kind::component;
use crate::task::TASKS;
use crate::theory::{Answer, Asked, Number, Question, THEORIES, Theory};
use std::sync::Arc;

fn experiment(task: &str) -> Experiment {
    Experiment {
        seed: 1,
        task: component("task", TASKS, task.parse().unwrap()).unwrap(),
        learner: None,
        training: None,
        draws: Draws {
            datasets: 5,
            replicas: 1,
            points: 2,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn tree(keys: &str) -> Experiment {
    experiment(&format!("kind = \"percolation-tree\"\n{keys}"))
}

fn graph(degree: f64) -> Experiment {
    tree(&format!(
        "source = \"erdos-renyi\"\nvertices = 50\ndegree = {degree:?}"
    ))
}

fn theory(kind: &str) -> Arc<dyn Theory> {
    let table = format!("kind = \"{kind}\"");
    component("theory", THEORIES, table.parse().unwrap()).unwrap()
}

fn wanted(experiment: &Experiment) -> Vec<Asked> {
    let wanted = |i: &&dyn crate::instrument::Instrument| {
        Some(Wanted {
            observable: i.observable(),
            axes: i.axes(experiment).ok()?,
        })
    };
    INSTRUMENTS
        .iter()
        .filter_map(wanted)
        .map(Asked::from)
        .collect()
}

fn predicted(kind: &str, experiment: &Experiment) -> Vec<(&'static str, Answer)> {
    let wanted = wanted(experiment);
    let plan = theory(kind).plan(experiment, &wanted).unwrap();
    let prediction = plan.solve(&Draw::default(), &Context::default()).unwrap();
    let name = |p: Answer| (plan.asked()[p.asked].name(), p);
    prediction.answers.into_iter().map(name).collect()
}

fn value(predictions: &[(&str, Answer)], name: &str) -> Vec<f64> {
    let found = predictions.iter().find(|(n, _)| *n == name).unwrap();
    found.1.mean.clone()
}

/// Ten sizes up to a cap of ten: weights and infinite share make all sites, `p` of them in site percolation.
#[test]
fn shares_make_a_whole() {
    for (element, p, whole) in [("bond", 0.7, 1.0), ("site", 0.7, 0.7), ("site", 0.2, 0.2)] {
        let e = tree(&format!("element = \"{element}\"\np = {p}\ncap = 10"));
        let all = predicted("bethe-lattice", &e);
        assert_eq!(all.len(), 3);
        let weights: f64 = value(&all, "cluster-weight").iter().sum();
        let infinite = value(&all, "infinite-share")[0];
        assert!((weights + infinite - whole).abs() < 1e-13);
        let mean: f64 = value(&all, "cluster-weight")
            .iter()
            .zip(1..)
            .map(|(w, s)| w * f64::from(s))
            .sum::<f64>();
        let off = value(&all, "mean-cluster-size")[0] - (mean + 10.0 * infinite) / whole;
        assert!(off.abs() < 1e-12);
    }
}

#[test]
fn a_random_graph_has_the_reference_digits() {
    let below = predicted("erdos-renyi", &graph(0.5));
    assert!((value(&below, "mean-cluster-size")[0] - 2.0).abs() < 1e-14);
    let at = predicted("erdos-renyi", &graph(1.0));
    assert!((value(&at, "cluster-weight")[4] - 0.035_093_47).abs() < 5e-9);
    assert_eq!(at.len(), 2);
    let above = predicted("erdos-renyi", &graph(2.0));
    assert!((value(&above, "infinite-share")[0] - 0.796_812_13).abs() < 5e-10);
}

#[test]
fn exponents_belong_to_the_threshold() {
    let bethe = theory("bethe-lattice");
    let critical = tree("p = \"threshold\"\ncoordination = 6");
    let exponent = |theory: &Arc<dyn Theory>, e: &Experiment, observable: &str, key: &str| {
        let question = Question {
            number: Number::Exponent,
            observable,
            key,
        };
        theory.known(e, &question).map(|k| (k.value, k.bound))
    };
    let of = |name| exponent(&bethe, &critical, name, "task.cap");
    assert_eq!(of("infinite-share"), Some((-0.5, 0.0)));
    assert_eq!(of("mean-cluster-size"), Some((0.5, 0.0)));
    assert!(of("cluster-weight").is_none());
    let off = tree("p = 0.3");
    assert!(exponent(&bethe, &off, "infinite-share", "task.cap").is_none());
    let random = theory("erdos-renyi");
    let share = |e: &Experiment| exponent(&random, e, "infinite-share", "task.vertices");
    assert_eq!(share(&graph(1.0)), Some((-1.0 / 3.0, 0.0)));
    assert!(share(&graph(2.0)).is_none() && share(&critical).is_none());
}

#[test]
fn other_simulations_are_declined() {
    let lattice = experiment("kind = \"percolation-lattice\"\nsize = 3");
    let trees = [tree("p = 0.3"), graph(0.5)];
    for kind in ["bethe-lattice", "erdos-renyi"] {
        assert!(theory(kind).plan(&lattice, &wanted(&lattice)).is_err());
    }
    assert!(
        theory("bethe-lattice")
            .plan(&trees[1], &wanted(&trees[1]))
            .is_err()
    );
    assert!(
        theory("erdos-renyi")
            .plan(&trees[0], &wanted(&trees[0]))
            .is_err()
    );
    for kind in [
        "percolation-limit",
        "percolation-scaling",
        "percolation-enumeration",
    ] {
        assert!(theory(kind).plan(&trees[0], &wanted(&trees[0])).is_err());
    }
    assert_eq!(wanted(&trees[0]).len(), 3);
}
