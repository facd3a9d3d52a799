//! The entry against printed numbers, its own limits, and random networks.

use super::*;
use crate::experiment::{Draws, Spacing};
use crate::instrument::{FEATURE_CORRELATION, INSTRUMENTS, Wanted};
use crate::learner::{LEARNERS, Learner};
use crate::numerics::statistics::mean_stderr;
use crate::task::LinearTeacher;
use crate::theory::THEORIES;
use crate::training::TRAININGS;

fn parsed<T: ?Sized>(kinds: &[Kind<T>], text: &str) -> Arc<T> {
    crate::kind::component("part", kinds, text.parse().unwrap()).unwrap()
}

fn experiment(learner: &str) -> Experiment {
    let learner: Arc<dyn Learner> = parsed(LEARNERS, learner);
    Experiment {
        seed: 4,
        task: Arc::new(LinearTeacher::new(vec![1.0], 10, 1)),
        learner: Some(learner),
        training: Some(parsed(TRAININGS, "kind = 'none'")),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 2,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn told(learner: &str, keys: &str, own: &'static Observable) -> (Vec<f64>, Vec<f64>) {
    let theory = parsed(THEORIES, &format!("kind = 'signal-propagation'\n{keys}"));
    let asked = Asked {
        observable: own,
        keys: Json::Null,
        grid: None,
    };
    let plan = theory.plan(&experiment(learner), &[asked]).unwrap();
    let found = plan.solve(&Draw::default(), &Context::default()).unwrap();
    let answer = found.answers.into_iter().next().unwrap();
    (answer.mean, answer.bound)
}

/// NTK parametrisation with entries `N(0, 2)`: `s = 2` in every layer, whatever the widths. The numbers of the page.
#[test]
fn rectifiers_at_the_edge_are_those_of_the_page() {
    let relu = "kind = 'mlp'\nwidths = [30, 70, 20]\nactivation = 'relu'\nparametrization = 'ntk'\n\
                init = { kind = 'gaussian', scale = 1.4142135623730951 }";
    let (q, _) = told(relu, "length = 0.7", &VARIANCE);
    assert!(q.iter().all(|q| (q - 1.4).abs() < 1e-12), "{q:?}");
    let (c, bounds) = told(relu, "", &CORRELATION);
    assert!(c[0].abs() < 1e-15 && (c[1] - std::f64::consts::FRAC_1_PI).abs() < 1e-12);
    assert!(bounds.iter().all(|b| *b < 1e-10));
    let (chi, _) = told(relu, "", &CHI);
    assert!(chi.iter().all(|chi| (chi - 1.0).abs() < 1e-12), "{chi:?}");
    // At the edge there is no depth scale.
    assert!(told(relu, "", &DEPTH_SCALE).0.iter().all(|xi| xi.is_nan()));
}

/// The standard parametrisation holds the width in its entries: `s_l = n_l scale^2`, layer by layer, biases start at 0.
#[test]
fn every_parametrisation_gives_the_variance_of_its_networks() {
    for (head, s) in [
        (
            "parametrization = 'standard'\ninit = { kind = 'gaussian', scale = 0.2 }",
            [10.0 * 0.04, 50.0 * 0.04],
        ),
        (
            "parametrization = 'mean-field'\ninit = { kind = 'gaussian', scale = 1.3 }",
            [1.69, 1.69],
        ),
        (
            "parametrization = 'ntk'\nbias = true\ninit = { kind = 'gaussian', scale = 1.3 }",
            [1.69, 1.69],
        ),
    ] {
        let learner = format!("kind = 'mlp'\nwidths = [50, 40]\nactivation = 'linear'\n{head}");
        let (q, _) = told(&learner, "", &VARIANCE);
        assert!(
            (q[0] - s[0]).abs() < 1e-12 && (q[1] - s[0] * s[1]).abs() < 1e-12,
            "{head}: {q:?}"
        );
    }
}

/// Networks of width 400 drawn by the learner, read by the instruments: both quantities within the scatter of their mean
/// and the 1/width of the limit.
#[test]
fn random_networks_follow_the_recursion() {
    let learner = "kind = 'mlp'\nwidths = [400, 400, 400]\nactivation = 'tanh'\nparametrization = 'ntk'\nbias = true\n\
                   prior = { weight = 2.25, bias = 0.09 }";
    let e = experiment(learner);
    let data = Arc::new(e.dataset(0).unwrap());
    let names = ["feature-correlation", "feature-kernel"];
    let instruments = names.map(|name| {
        let named = |i: &&&dyn crate::instrument::Instrument| i.observable().name == name;
        *INSTRUMENTS.iter().find(named).unwrap()
    });
    let asked = instruments.map(|i| {
        Asked::from(Wanted {
            observable: i.observable(),
            axes: i.axes(&e).unwrap(),
        })
    });
    let theory = parsed(THEORIES, "kind = 'signal-propagation'\ncondition = 'data'");
    let draw = Draw {
        dataset: Some(data.clone()),
        ..Draw::default()
    };
    let plan = theory.plan(&e, &asked).unwrap();
    let found = plan.solve(&draw, &Context::default()).unwrap();
    let cx = Context::default();
    let networks: Vec<Vec<Vec<f64>>> = (0..40)
        .map(|replica| {
            let index = crate::experiment::DrawIndex {
                dataset: 0,
                replica,
            };
            let start = e.initial(&data, index).unwrap().unwrap();
            let mut rng = e.training_stream(index);
            let measured = crate::instrument::measure(
                &e,
                &cx,
                &instruments,
                &data,
                start.into(),
                &mut rng,
                None,
            );
            measured.unwrap().values
        })
        .collect();
    for (which, answer) in found.answers.iter().enumerate() {
        let largest = answer.mean.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        for (k, theory) in answer.mean.iter().enumerate() {
            let values: Vec<f64> = networks.iter().map(|n| n[which][k]).collect();
            let (mean, stderr) = mean_stderr(&values);
            let allowed = 4.5 * stderr.unwrap() + 4.0 * largest / 400.0;
            assert!(
                (mean - theory).abs() < allowed,
                "{} {k}: {mean} {theory}",
                names[which]
            );
            assert!(stderr.unwrap() < 0.02);
        }
    }
    // The correlation is no constant: a recursion that stands still would be caught.
    let c = &found.answers[0].mean;
    assert!((c[2] - c[0]).abs() > 0.05, "{c:?}");
}

#[test]
fn declines_what_it_does_not_know() {
    let mlp = "kind = 'mlp'\nwidths = [5]\nactivation = 'tanh'\n";
    let reason = |learner: &str, training: &str, keys: &str| {
        let mut e = experiment(learner);
        e.training = Some(parsed(TRAININGS, training));
        let theory = parsed(THEORIES, &format!("kind = 'signal-propagation'\n{keys}"));
        let asked = Asked::from(Wanted {
            observable: &FEATURE_CORRELATION,
            axes: vec![Axis::new("layer", "1", vec![1.0])],
        });
        theory
            .plan(&e, &[asked])
            .err()
            .map_or("plans".into(), |d| d.0)
    };
    let trained = "kind = 'gradient-descent'\nlearning_rate = 0.1\nsteps = 5";
    assert_eq!(reason(mlp, "kind = 'none'", "condition = 'data'"), "plans");
    assert!(reason(mlp, trained, "condition = 'data'").contains("nothing is trained"));
    assert!(reason(mlp, "kind = 'none'", "").contains("nothing of this is asked for"));
    let balanced = format!("{mlp}init = {{ kind = 'balanced', scale = 0.1 }}");
    let balanced = balanced.replace("tanh", "linear");
    assert!(reason(&balanced, "kind = 'none'", "condition = 'data'").contains("Gaussian"));
    let wrong = |keys: &str| {
        let table = keys.parse().unwrap();
        (KIND.parse)("theory[0]", table)
            .err()
            .map_or(String::new(), |e| e.to_string())
    };
    assert!(wrong("correlation = 1.5").contains("theory[0].correlation"));
    assert!(wrong("length = -1.0").contains("positive"));
    assert!(wrong("condition = 'initial'").contains("use one of: none, data"));
}
