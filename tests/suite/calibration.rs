//! The error bars of real, small experiments: a 68 % interval covers the truth in 60-76 % of 200 repeats, with the data set fixed
//! and with it drawn anew; a 95 % interval in 92-98 % of 1,000.

use saddlepoint::compare::Blocks;
use saddlepoint::experiment::{DrawIndex, Draws, Experiment, Spacing};
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::numerics::statistics::student_quantile;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

/// Final training loss and first mode strength of tiny networks, one entry per draw. A run of more than 256 keeps no single
/// draw, so they come from runs of 200 each.
fn draws(datasets: usize, replicas: usize) -> Vec<(DrawIndex, Vec<f64>)> {
    let outermost = if datasets == 1 { replicas } else { datasets };
    let batches = (0..outermost).step_by(200);
    let batch = |first| match datasets {
        1 => batch(1, 200, first),
        _ => batch(200, replicas, first),
    };
    batches.flat_map(batch).collect()
}

fn batch(datasets: usize, replicas: usize, first: usize) -> Vec<(DrawIndex, Vec<f64>)> {
    let experiment = Experiment {
        seed: 21,
        task: Arc::new(LinearTeacher {
            samples: 6,
            noise: 0.5,
            whitened: false,
            ..LinearTeacher::new(vec![1.5], 3, 2)
        }),
        learner: Some(Arc::new(Mlp {
            widths: vec![3],
            init: Init::gaussian(0.3),
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.05, 30))),
        draws: Draws {
            datasets,
            replicas,
            points: 2,
            spacing: Spacing::Linear,
            times: Vec::new(),
            first,
        },
    };
    let spec = Spec::new("calibration", experiment, &["train-loss", "mode-strength"]).unwrap();
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let m = outcome.cells[0].measurement.clone().unwrap();
    m.draws
        .into_iter()
        .zip(m.values)
        .map(|(d, v)| (d, vec![v[0][1], v[1][1]]))
        .collect()
}

/// How many of the repeats cover `truth` with the Student interval of their own blocks that has `level` of the law below its upper
/// end, per observable.
fn covered(repeats: &[Blocks], truth: &[f64], level: f64) -> Vec<usize> {
    (0..truth.len())
        .map(|k| {
            let covers = |b: &&Blocks| {
                let half = student_quantile(level, b.n() - 1).unwrap() * b.stderr().unwrap()[k];
                (b.mean()[k] - truth[k]).abs() <= half
            };
            repeats.iter().filter(covers).count()
        })
        .collect()
}

fn mean(draws: &[(DrawIndex, Vec<f64>)]) -> Vec<f64> {
    (0..2)
        .map(|k| draws.iter().map(|d| d.1[k]).sum::<f64>() / draws.len() as f64)
        .collect()
}

#[test]
fn with_the_data_set_fixed() {
    let all = draws(1, 200 * 6 + 8000);
    let (repeats, rest) = all.split_at(200 * 6);
    let repeats: Vec<Blocks> = repeats
        .chunks(6)
        .map(|c| Blocks::from_draws(c).unwrap())
        .collect();
    for count in covered(&repeats, &mean(rest), 0.84) {
        assert!((120..=152).contains(&count), "{count} of 200");
    }
}

#[test]
fn with_the_data_set_drawn_anew() {
    let all = draws(200 * 6 + 4000, 2);
    let (repeats, rest) = all.split_at(200 * 6 * 2);
    let truth = mean(rest);
    let blocks: Vec<Blocks> = repeats
        .chunks(12)
        .map(|c| Blocks::from_draws(c).unwrap())
        .collect();
    assert!(blocks.iter().all(|b| b.n() == 6));
    for count in covered(&blocks, &truth, 0.84) {
        assert!((120..=152).contains(&count), "{count} of 200");
    }
    // The wrong level: replicas of several data sets taken as independent draws are overconfident.
    let wrong: Vec<Blocks> = repeats
        .chunks(12)
        .map(|c| {
            let flat: Vec<_> = c
                .iter()
                .enumerate()
                .map(|(replica, (_, v))| {
                    (
                        DrawIndex {
                            dataset: 0,
                            replica,
                        },
                        v.clone(),
                    )
                })
                .collect();
            Blocks::from_draws(&flat).unwrap()
        })
        .collect();
    assert!(
        covered(&wrong, &truth, 0.84)[0] < 120,
        "the data sets do not matter here: the test is empty"
    );
}

/// 95 % intervals from as few draws as get a p-value, and from many: 1,000 repeats each, of sampling error 0.7 %.
#[test]
fn intervals_of_95_percent_from_5_and_from_16_draws() {
    let all = draws(1, 1000 * 16 + 8000);
    let (repeats, rest) = all.split_at(1000 * 16);
    let truth = mean(rest);
    for n in [5, 16] {
        let blocks: Vec<Blocks> = repeats
            .chunks(n)
            .take(1000)
            .map(|c| Blocks::from_draws(c).unwrap())
            .collect();
        for count in covered(&blocks, &truth, 0.975) {
            assert!((920..=980).contains(&count), "{n} draws: {count} of 1000");
        }
    }
}
