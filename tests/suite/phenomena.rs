//! Phenomena of learning in theory and in trained networks: illusory correlations, and rich against lazy by imbalance.

use saddlepoint::experiment::{Conditioning, Draws, Experiment, Spacing};
use saddlepoint::instrument::Wanted;
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::run::{Settings, Side, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::{LinearTeacher, SemanticHierarchy, Task};
use saddlepoint::theory::saxe::scalar::balanced;
use saddlepoint::theory::saxe::{self, Saxe};
use saddlepoint::training::{GradientDescent, Loss};
use std::sync::Arc;

/// Values of the first draw of one observable: measured, and of each theory.
struct Curves {
    wanted: Wanted,
    network: Vec<f64>,
    theories: Vec<Vec<f64>>,
}

fn curves(experiment: Experiment, observable: &str, conditions: &[Conditioning]) -> Curves {
    let mut spec = Spec::new("phenomenon", experiment, &[observable]).unwrap();
    for &condition in conditions {
        let options = saxe::Options {
            condition,
            ..Default::default()
        };
        let theory = Arc::new(Saxe::new("theory", options).unwrap());
        spec = spec
            .theory(&format!("{condition:?}"), theory, None)
            .unwrap();
    }
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let cell = &outcome.cells[0];
    let measured = cell.measurement.as_ref().unwrap();
    Curves {
        wanted: cell.wanted[0].clone(),
        network: measured.values[0][0].clone(),
        theories: cell
            .theories
            .iter()
            .map(|t| t.predicted(0, measured.draws[0]).unwrap().mean.clone())
            .collect(),
    }
}

/// Eight items on a binary tree, 15 features; X = 1.
fn tree(widths: Vec<usize>, init: Init, learning_rate: f64, steps: usize) -> Experiment {
    Experiment {
        seed: 5,
        task: Arc::new(SemanticHierarchy::tree(2, 3)),
        learner: Some(Arc::new(Mlp {
            widths,
            init,
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent {
            loss: Loss::HalfSum,
            ..GradientDescent::new(learning_rate, steps)
        })),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 41,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

/// Output of one feature for one item over time.
fn entry(map: &[f64], feature: usize, item: usize) -> Vec<f64> {
    map.chunks(15 * 8).map(|f| f[8 * feature + item]).collect()
}

/// The feature of the left half (node 1), asked for an item of the right half (item 7): the target is 0.
const WRONG: (usize, usize) = (1, 7);

/// From aligned modes the wrong feature is `(u_0/s_0 - u_1/s_1)/2`: up with the root, back to 0 with the first distinction.
#[test]
fn a_deep_network_believes_a_wrong_feature_for_a_while() {
    let start = Init::Aligned {
        scale: 0.03,
        last: None,
    };
    let both = [Conditioning::None, Conditioning::Initial];
    let deep = curves(
        tree(vec![16], start, 0.002, 2000),
        "input-output-map",
        &both,
    );
    let times = &deep.wanted.axes[0].values;
    let progress = |s: f64, t: f64| balanced(s, 0.03f64.powi(2), t) / s;
    let exact: Vec<f64> = times
        .iter()
        .map(|&t| 0.5 * (progress(15f64.sqrt(), t) - progress(7f64.sqrt(), t)))
        .collect();
    for theory in &deep.theories {
        let curve = entry(theory, WRONG.0, WRONG.1);
        let gap = curve.iter().zip(&exact).map(|(a, b)| (a - b).abs());
        assert!(gap.fold(0.0, f64::max) < 1e-9);
    }
    // The network is off by the step size: half a step of the steepest rise, eta s_0^2 / 4 in units of its half.
    let network = entry(&deep.network, WRONG.0, WRONG.1);
    let gap = network.iter().zip(&exact).map(|(a, b)| (a - b).abs());
    assert!(gap.fold(0.0, f64::max) < 0.02);

    let random = Init::gaussian(0.01);
    let random = tree(vec![16], random, 0.002, 2500);
    let deep = curves(random, "input-output-map", &[Conditioning::Initial]);
    for map in [&deep.network, &deep.theories[0]] {
        let curve = entry(map, WRONG.0, WRONG.1);
        let peak = (0..41)
            .max_by(|&a, &b| curve[a].total_cmp(&curve[b]))
            .unwrap();
        assert!(curve[peak] > 0.25, "{curve:?}");
        assert!(curve[0].abs() < 0.01 && curve[40].abs() < 0.01, "{curve:?}");
        let (rise, fall) = (&curve[..=peak], &curve[peak..]);
        assert!(rise.windows(2).all(|w| w[1] > w[0] - 1e-3), "{curve:?}");
        assert!(fall.windows(2).all(|w| w[1] < w[0] + 1e-3), "{curve:?}");
    }
}

/// Without a hidden layer all modes progress alike, `f - y` shrinks by `1 - eta` per step in every entry: nothing is overshot.
#[test]
fn a_shallow_network_never_believes_a_wrong_feature() {
    let start = Init::gaussian(0.05);
    let (eta, steps) = (0.01, 600);
    let shallow = curves(
        tree(vec![], start, eta, steps),
        "input-output-map",
        &[Conditioning::Initial],
    );
    let mut rng = saddlepoint::numerics::random::stream(0, "no draw", &[]);
    let y = SemanticHierarchy::tree(2, 3).draw(&mut rng).unwrap().y;
    let times = &shallow.wanted.axes[0].values;
    for (feature, item) in (0..15).flat_map(|f| (0..8).map(move |i| (f, i))) {
        let target = y[(feature, item)];
        let network = entry(&shallow.network, feature, item);
        let theory = entry(&shallow.theories[0], feature, item);
        for (k, t) in times.iter().enumerate() {
            let left = network[0] - target;
            let step = left * (1.0 - eta).powf(t / eta);
            assert!((network[k] - target - step).abs() < 1e-12);
            assert!((theory[k] - target - left * (-t).exp()).abs() < 1e-8);
        }
    }
}

/// Turn of the tangent kernel at the end of learning, by imbalance.
fn turn(lambda: f64, side: Side) -> (Option<f64>, f64) {
    let experiment = Experiment {
        seed: 6,
        task: Arc::new(LinearTeacher {
            samples: 20,
            ..LinearTeacher::new(vec![4.0, 2.5, 1.5], 6, 6)
        }),
        learner: Some(Arc::new(Mlp {
            widths: vec![6],
            init: Init::LambdaBalanced {
                scale: 0.05,
                lambda,
            },
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.002, 2000))),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 2,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    };
    let spec = Spec::new("imbalance", experiment, &["ntk-change"]).unwrap();
    let theory = Arc::new(Saxe::new("theory", Default::default()).unwrap());
    let spec = spec.theory("exact", theory, None).unwrap();
    let settings = Settings {
        side,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    let cell = &outcome.cells[0];
    let measured = cell.measurement.as_ref().map(|m| m.values[0][0][1]);
    let predicted = &cell.theories[0].predictions[0].1.answers[0].mean;
    (measured, predicted[1])
}

/// Domine et al. 2024: rich at lambda = 0, lazier the larger |lambda|, on both sides.
#[test]
fn the_tangent_kernel_turns_less_as_the_imbalance_grows() {
    let turns = [-10.0, -2.0, 0.0, 2.0, 10.0].map(|lambda| {
        let (network, theory) = turn(lambda, Side::Both);
        let network = network.unwrap();
        assert!(
            (network / theory - 1.0).abs() < 0.05,
            "{lambda}: {network} {theory}"
        );
        (network, theory)
    });
    let falls = |outer: usize, inner: usize| {
        turns[outer].0 < 0.5 * turns[inner].0 && turns[outer].1 < 0.5 * turns[inner].1
    };
    assert!(
        falls(1, 2) && falls(0, 1) && falls(3, 2) && falls(4, 3),
        "{turns:?}"
    );
    // At fixed map the small layer ends with squared weights s^2/|lambda|: K turns by an angle of order s^2/lambda^2, and
    // 1 - cos falls as lambda^-4.
    for sign in [-1.0, 1.0] {
        let ratio = turn(sign * 40.0, Side::Theory).1 / turn(sign * 80.0, Side::Theory).1;
        assert!((ratio.log2() - 4.0).abs() < 0.1, "{sign} {ratio}");
    }
}
