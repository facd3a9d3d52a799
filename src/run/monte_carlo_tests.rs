//! A theory that samples: its statistical error in league, reduction and figure, and what its verdicts are worth.

use super::assess::{Assessment, RowResult, assess};
use super::reduction::tests::{SPEC, measured_by};
use super::{Outcome, Settings, execute};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::About;
use crate::numerics::random::normal_matrix;
use crate::spec::{Options, Spec};
use crate::theory::{Answer, Asked, Info, Plan, Prediction, Solve, Theory};
use serde_json::{Value as Json, json};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "sampled",
    summary: "",
    text: "",
    revision: 1,
};

static INFO: Info = Info {
    observables: &["train-loss"],
    ..Info::of(&ABOUT)
};

/// Independent estimates with normal noise of `noise` around a value.
#[derive(Debug, Clone, Copy, serde::Serialize)]
struct Sampled {
    value: f64,
    noise: f64,
    repeats: usize,
}

impl Theory for Sampled {
    fn info(&self) -> &'static Info {
        &INFO
    }
    fn resolved(&self) -> Json {
        json!(self)
    }
    fn plan(&self, _: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let promise = Promise::of(Conditioning::None);
        Ok(Plan::new(promise, asked, vec![0], *self))
    }
}

impl Solve for Sampled {
    fn inputs(&self) -> Json {
        json!(self)
    }
    fn solve(&self, asked: &[Asked], _: &Draw, cx: &Context) -> Result<Prediction> {
        let noise = normal_matrix(&mut cx.stream("noise"), self.repeats, 1);
        let repeat = |z: &f64| vec![self.value + self.noise * z];
        let repeats = noise.iter().map(repeat).collect();
        let answer = Answer::repeated(0, asked[0].axes(), repeats);
        Ok(Prediction::of("sampling", vec![answer]))
    }
}

/// Networks whose quantity is `1 + 4/N + z/(5 sqrt N)`, in the cells of the sweep over N, with the theory beside them.
fn run(seed: u64, replicas: usize, theory: Sampled, rest: &str) -> (Spec, Outcome, Assessment) {
    let text = SPEC
        .replace("seed = 3", &format!("seed = {seed}"))
        .replace("replicas = 40", &format!("replicas = {replicas}"));
    let text = format!("{text}{rest}");
    let spec = Spec::parse("sampled", "spec.toml", &text, &Options::default()).unwrap();
    let spec = measured_by(spec, "sampled", Arc::new(theory));
    let settings = Settings {
        threads: 1,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    (spec, outcome, assessment)
}

fn interval(found: &Assessment, cell: usize) -> [f64; 2] {
    match &found.rows[cell].result {
        RowResult::Compared { comparison, .. } => comparison.interval.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// At N = 4 the networks have the mean 2 and scatter by 0.1. A theory of 1.8 is 10 % off; its interval holds the scatter of
/// both sides and covers the 10 % in 95 % of 200 runs. Without the error of the theory it would cover them in fewer.
#[test]
fn intervals_hold_the_error_of_the_theory() {
    let theory = Sampled {
        value: 1.8,
        noise: 0.2,
        repeats: 16,
    };
    let (mut covered, mut without, mut agreed) = (0, 0, 0);
    for seed in 0..200 {
        let (_, outcome, found) = run(seed, 8, theory, "");
        let [lower, upper] = interval(&found, 0);
        covered += usize::from(lower <= 0.1 && 0.1 <= upper);
        let verdict = found.rows[0].result.verdict().unwrap();
        agreed += usize::from(verdict.name() == "agree");
        // The same numbers, taken for exact.
        let prediction = &outcome.cells[0].theories[0].predictions[0].1;
        let blocks = super::assess::measured_blocks(&outcome.cells[0], 0)
            .unwrap()
            .unwrap();
        let fixed = crate::compare::Blocks::fixed(&prediction.answers[0].mean);
        let curve = crate::compare::TheoryCurve::exact(fixed);
        let tolerance = crate::compare::Tolerance::Relative(0.05);
        let exact = crate::compare::compare(&blocks, &curve, tolerance, seed).unwrap();
        let [lower, upper] = exact.interval.unwrap();
        without += usize::from(lower <= 0.1 && 0.1 <= upper);
    }
    assert!((181..=198).contains(&covered), "{covered} of 200");
    assert!(without + 20 < covered, "{without} of 200 without the error");
    assert!(agreed <= 5, "{agreed} of 200 agree within 5 %");
}

/// Repeats share their streams in all cells: of a slope over N nothing is left of their noise, of a limit all of it.
#[test]
fn the_error_reaches_league_reduction_and_figure() {
    let theory = Sampled {
        value: 1.0,
        noise: 0.3,
        repeats: 9,
    };
    let reduce = |kind: &str| {
        format!(
            "[[reduce]]\nkind = \"{kind}\"\nkey = \"learner.widths\"\nobservable = \"train-loss\"\nabscissa = \"inverse\"\n"
        )
    };
    let rest = [reduce("extrapolate"), reduce("slope")].concat()
        + "[[figure]]\nkind = \"sweep\"\nobservable = \"train-loss\"\nkey = \"learner.widths\"\n";
    let (spec, outcome, found) = run(5, 8, theory, &rest);
    let answer = &outcome.cells[0].theories[0].predictions[0].1.answers[0];
    let stderr = answer.stderr().unwrap()[0];
    assert!((0.05..0.2).contains(&stderr), "{stderr}");
    let values = super::document::predicted(&outcome.cells[0], &outcome.cells[0].theories[0]);
    assert_eq!(values.unwrap()[0].stderr, Some(vec![stderr]));
    let RowResult::Compared { comparison, .. } = &found.rows[3].result else {
        panic!("not compared");
    };
    assert!(comparison.p.is_none());
    let [limit, slope] = [0, 1].map(|k| {
        let reduced = found.derived[k].theories[0].reduced.clone().unwrap();
        reduced.theory_stderr.unwrap()[0]
    });
    assert!((limit / stderr - 1.0).abs() < 1e-9, "{limit} {stderr}");
    assert!(slope < 1e-12, "{slope}");
    let drawn = crate::report::figures::figures(&spec, &outcome, &found).unwrap();
    let table = crate::plot::figure_csv(&drawn[0].figure);
    let line = table.lines().find(|l| l.contains("sampled")).unwrap();
    let mean = answer.mean[0];
    let numbers: Vec<f64> = line.split(',').filter_map(|v| v.parse().ok()).collect();
    let has = |value: f64| numbers.iter().any(|v| (v - value).abs() < 1e-6);
    assert!(
        has(mean) && has(mean + stderr) && has(mean - stderr),
        "{line}"
    );
}

/// One solve that serves eight draws has the error of one solve.
#[test]
fn the_error_of_one_solve_does_not_fall_with_the_draws_that_it_serves() {
    let theory = Sampled {
        value: 1.0,
        noise: 0.3,
        repeats: 9,
    };
    let (_, outcome, _) = run(5, 8, theory, "");
    let cell = &outcome.cells[0];
    let draws = &cell.measurement.as_ref().unwrap().draws;
    let curve = super::curve::curve_on(&cell.theories[0], 0, draws)
        .unwrap()
        .unwrap();
    let answer = &cell.theories[0].predictions[0].1.answers[0];
    assert_eq!((curve.values.n(), curve.stderr), (8, answer.stderr()));
}
