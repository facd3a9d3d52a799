//! Limits of the curve, and drawn clusters with one nearest neighbour.

use super::*;
use crate::experiment::{Draws, Spacing};
use crate::instrument::{INSTRUMENTS, Wanted};
use crate::kind::component;
use crate::learner::{LEARNERS, Learner};
use crate::numerics::random::stream;
use crate::numerics::statistics::mean_stderr;
use crate::task::{Dataset, TASKS};
use crate::training::TRAININGS;
use std::sync::Arc;

fn experiment(task: &str, learner: &str) -> Experiment {
    let task = format!("kind = 'percolation-hierarchy'\n{task}");
    let learner: Arc<dyn Learner> =
        component("learner", LEARNERS, learner.parse().unwrap()).unwrap();
    let training = "kind = 'closed-form'".parse().unwrap();
    Experiment {
        seed: 1,
        task: component("task", TASKS, task.parse().unwrap()).unwrap(),
        learner: Some(learner),
        training: Some(component("training", TRAININGS, training).unwrap()),
        draws: Draws {
            datasets: 5,
            replicas: 1,
            points: 1,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn plan(experiment: &Experiment) -> std::result::Result<Plan, Declined> {
    let wanted = INSTRUMENTS.iter().filter_map(|i| {
        Some(Wanted {
            observable: i.observable(),
            axes: i.axes(experiment).ok()?,
        })
    });
    TreeNearest.plan(experiment, &wanted.map(Asked::from).collect::<Vec<_>>())
}

#[test]
fn limits_and_small_clusters() {
    // Pairs: the other point, if it is seen.
    let pairs = curve(&[2; 50], 33, 0.3).unwrap();
    assert!((pairs.seen - 0.15).abs() < 1e-10 && (pairs.unseen - 2.0 / 3.0).abs() < 1e-10);
    let single = curve(&[1; 9], 3, 0.3).unwrap();
    assert_eq!((single.seen, single.unseen), (0.0, 1.0));
    // One large cluster: l = sqrt(2 n/T), corrections of order sqrt(T/n) and 1/T.
    let one = curve(&[100_000_000], 10_000, 2.0).unwrap();
    assert!(
        (one.seen / 2e4_f64.sqrt() - 1.0).abs() < 0.01,
        "{}",
        one.seen
    );
    assert!(one.unseen < 1e-12);
}

#[test]
fn declines_other_targets_and_learners() {
    let task = "points = 100\nsamples = 9\ntest_samples = 9\n";
    let coordinate = format!("{task}target = 'coordinate'");
    let covers = |task: &str, learner: &str| {
        let found = plan(&experiment(task, learner)).ok()?;
        Some(found.answers().len())
    };
    assert_eq!(covers(&coordinate, "kind = 'nearest'"), Some(2));
    assert_eq!(covers(task, "kind = 'nearest'"), None);
    let two = "kind = 'nearest'\nneighbours = 2";
    assert_eq!(covers(&coordinate, two), None);
}

/// Half the mean square error of the answer of the nearest input, of test points in clusters with a training point.
fn nearest(data: &Dataset) -> f64 {
    let (x, y) = data.test.as_ref().unwrap();
    let seen = data.groups.as_ref().unwrap().seen();
    let overlap = data.x.tr_mul(x);
    let square: Vec<f64> = data.x.column_iter().map(|x| x.norm_squared()).collect();
    let errors = (0..x.ncols()).filter(|&k| seen[k]).map(|k| {
        let far = |j: &usize| square[*j] - 2.0 * overlap[(*j, k)];
        let near = (0..data.x.ncols()).min_by(|a, b| far(a).total_cmp(&far(b)));
        0.5 * (y[k] - data.y[near.unwrap()]).powi(2)
    });
    let errors: Vec<f64> = errors.collect();
    errors.iter().sum::<f64>() / errors.len() as f64
}

/// In many dimensions the nearest input is nearest in the tree: the mean over draws is that of the theory.
#[test]
fn drawn_clusters_have_the_error() {
    for task in [
        "mode = 'one-cluster'\nvariant = 'independent'\nsamples = 200",
        "mode = 'one-cluster'\nsamples = 200",
        "samples = 400",
    ] {
        let task = format!(
            "points = 2000\nembedding_dim = 500\ntest_samples = 200\ntarget = 'coordinate'\n{task}"
        );
        let experiment = experiment(&task, "kind = 'nearest'");
        let plan = plan(&experiment).unwrap();
        let of = |name| {
            let seen = |&i: &usize| plan_name(&experiment, i) == name;
            plan.answers().iter().position(seen).unwrap()
        };
        let slot = of("test-loss-seen");
        let ratios: Vec<f64> = (0..100)
            .map(|k| {
                let data = experiment
                    .task
                    .draw(&mut stream(4, "dataset", &[k]))
                    .unwrap();
                let measured = nearest(&data);
                let draw = Draw {
                    dataset: Some(Arc::new(data)),
                    ..Draw::default()
                };
                measured / plan.solve(&draw, &Context::default()).unwrap().answers[slot].mean[0]
            })
            .collect();
        let (mean, error) = mean_stderr(&ratios);
        let error = error.unwrap();
        // The dimension is finite: two percent.
        let z = (mean - 1.0) / error.hypot(0.02);
        assert!(z.abs() < 3.5 && error < 0.025, "{task}: {mean} {error}");
    }
}

/// Name of the `i`-th observable wanted.
fn plan_name(experiment: &Experiment, i: usize) -> &'static str {
    let names = INSTRUMENTS.iter().filter(|k| k.axes(experiment).is_ok());
    let names: Vec<_> = names.map(|k| k.observable().name).collect();
    names[i]
}
