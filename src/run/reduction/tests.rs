//! Reductions of whole runs: a law in 1/N that is known, a theory of its limit with errors of its own, and theories
//! that give no number.

use crate::compare::Verdict;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::{Axis, Chosen, Declined, Instrument, Observable, Recorder, Wanted};
use crate::kind::About;
use crate::learner::Parameters;
use crate::run::assess::{Assessment, Derived, RowResult, assess};
use crate::run::{Settings, document, execute};
use crate::spec::{Options, Spec};
use crate::task::Dataset;
use crate::theory::{Answer, Asked, Info, Plan, Theory};
use serde_json::Value as Json;
use std::sync::Arc;

pub(in crate::run) const SPEC: &str = r#"
version = 1
seed = 3
[task]
kind = "linear-teacher"
singular_values = [2.0]
input_dim = 2
output_dim = 1
samples = 4
[learner]
kind = "mlp"
widths = [4]
parametrization = "ntk"
[training]
kind = "gradient-descent"
learning_rate = 1e-9
steps = 1
[measure]
observables = ["train-loss"]
replicas = 40
points = 1
[sweep]
"learner.widths" = [[4], [8], [16], [48]]
"#;

static ABOUT: About = About {
    kind: "toy",
    summary: "",
    text: "",
    revision: 1,
};

static OBSERVABLE: Observable = Observable {
    name: "train-loss",
    ..Observable::PLAIN
};

static INFO: Info = Info {
    observables: &["train-loss"],
    ..Info::of(&ABOUT)
};

fn width(experiment: &Experiment) -> f64 {
    let shape = experiment.task.shape();
    let view = experiment.learner.as_ref().and_then(|l| l.mlp(shape));
    view.unwrap().widths[1] as f64
}

/// `1 + 4/N + z/(5 sqrt N)` with a normal number z of every network: of its weights, partly the same at every width.
#[derive(Debug)]
struct Measured;

struct Recorded {
    width: f64,
    value: Vec<f64>,
}

impl Recorder for Recorded {
    fn record(&mut self, _: usize, _: f64, parameters: &Parameters) -> Result<()> {
        let z = 0.8 * parameters.blocks[0][(0, 0)] + 0.6 * parameters.blocks[1][(0, 0)];
        self.value = vec![1.0 + 4.0 / self.width + 0.2 * z / self.width.sqrt()];
        Ok(())
    }
    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.value
    }
    fn finish(self: Box<Self>) -> Vec<f64> {
        self.value
    }
}

impl Instrument for Measured {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn observable(&self) -> &'static Observable {
        &OBSERVABLE
    }
    fn axes(&self, _: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Ok(vec![])
    }
    fn recorder(
        &self,
        experiment: &Experiment,
        _: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        Ok(Box::new(Recorded {
            width: width(experiment),
            value: vec![],
        }))
    }
}

/// A theory of the limit: 1 at every width, or the law itself, with errors.
#[derive(Debug, Clone, Default)]
struct Toy {
    rate: Option<f64>,
    finite: bool,
    bound: f64,
    stderr: Option<f64>,
    declines_at: Option<f64>,
}

impl Theory for Toy {
    fn info(&self) -> &'static Info {
        &INFO
    }
    fn resolved(&self) -> Json {
        serde_json::json!(format!("{self:?}"))
    }
    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let width = width(e);
        if self.declines_at == Some(width) {
            return Err(Declined("needs another width".into()));
        }
        let limit = Limit::infinite("learner.widths");
        let promise = Promise {
            limits: vec![self.rate.map_or(limit.clone(), |r| limit.rate(r))],
            averages_over: vec!["replicas"],
            ..Promise::of(Conditioning::None)
        };
        let value = if self.finite { 1.0 + 4.0 / width } else { 1.0 };
        let mut answer = Answer::on_grid(0, &asked[0], [(value, self.bound)]);
        // Two repeats whose scatter is this standard error.
        answer.repeats = self.stderr.map(|s| vec![vec![value - s], vec![value + s]]);
        Ok(Plan::known(promise, asked, "given", vec![answer]))
    }
}

/// A spec whose networks are measured by [`Measured`] alone, beside one theory.
pub(in crate::run) fn measured_by(spec: Spec, label: &str, theory: Arc<dyn Theory>) -> Spec {
    let mut spec = spec.theory(label, theory, None).unwrap();
    for cell in &mut spec.cells {
        cell.instruments = vec![Chosen::Keyed(Arc::new(Measured))];
        cell.wanted = vec![Wanted {
            observable: &OBSERVABLE,
            axes: vec![],
        }];
        cell.theories[0].asked = vec![cell.wanted[0].clone().into()];
    }
    spec
}

/// The reductions of a run with one theory.
fn run(reduce: &str, toy: Toy) -> (Assessment, Json) {
    let reduce =
        format!("[[reduce]]\nkey = \"learner.widths\"\nobservable = \"train-loss\"\n{reduce}");
    let text = format!("{SPEC}{reduce}");
    let spec = Spec::parse("reduce", "spec.toml", &text, &Options::default()).unwrap();
    let spec = measured_by(spec, "toy", Arc::new(toy));
    let settings = Settings {
        threads: 1,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    let assessment = assess(&spec, &outcome).unwrap();
    let json = document::document("run", &spec, &outcome, &assessment).unwrap();
    (assessment, json["derived"].clone())
}

fn only(found: &Assessment) -> &Derived {
    assert_eq!(found.derived.len(), 1);
    &found.derived[0]
}

fn verdict(derived: &Derived) -> &'static str {
    derived.theories[0]
        .row
        .verdict()
        .map_or("none", Verdict::name)
}

fn within(derived: &Derived, truth: f64) -> bool {
    let measured = derived.measured.as_ref().unwrap();
    let (value, stderr) = (measured.estimate[0], measured.stderr.as_ref().unwrap()[0]);
    assert!(stderr > 1e-3 && stderr < 0.2, "{stderr}");
    (value - truth).abs() < 3.0 * stderr
}

const TOLERANCE: &str = "tolerance = { absolute = 0.25 }\n";

#[test]
fn the_mean_approaches_the_limit_as_1_over_n_and_one_network_as_1_over_sqrt_n() {
    let exponent = format!("kind = \"exponent\"\nof = \"deviation\"\n{TOLERANCE}");
    let toy = |rate| Toy {
        rate,
        ..Toy::default()
    };
    let (found, json) = run(&exponent, toy(Some(-1.0)));
    let mean = only(&found);
    assert_eq!(
        mean.label,
        "exponent of train-loss minus toy in learner.widths"
    );
    assert!(within(mean, -1.0) && verdict(mean) == "agree");
    assert_eq!(json[0]["of"], "deviation");
    assert_eq!(json[0]["theories"][0]["reduced"]["estimate"][0], -1.0);
    // Twice the rate is no agreement; no rate is a row that says so.
    assert_eq!(
        verdict(only(&run(&exponent, toy(Some(-2.0))).0)),
        "disagree"
    );
    let (found, json) = run(&exponent, toy(None));
    assert!(only(&found).theories[0].reduced.is_err());
    let reason = "it states no rate of learner.widths -> inf";
    assert_eq!(json[0]["theories"][0]["reason"], reason);

    // In 1/N the rate has the other sign.
    let inverse = format!("{exponent}abscissa = \"inverse\"\n");
    let (found, _) = run(&inverse, toy(Some(-1.0)));
    assert!(within(only(&found), 1.0) && verdict(only(&found)) == "agree");

    let (found, json) = run("kind = \"exponent\"\nof = \"scatter\"\n", toy(Some(-1.0)));
    let one = only(&found);
    assert_eq!(
        one.label,
        "exponent of the scatter of train-loss in learner.widths"
    );
    assert!(within(one, -0.5));
    assert_eq!(json[0]["theories"][0]["status"], "not-compared");

    // The deviation itself vanishes in the limit; off by 1 % it would not.
    let limit = "kind = \"extrapolate\"\nof = \"deviation\"\nabscissa = \"inverse\"\n";
    let (found, _) = run(&format!("{limit}{TOLERANCE}"), toy(Some(-1.0)));
    assert_eq!(verdict(only(&found)), "agree");
    let measured = only(&found).measured.as_ref().unwrap();
    assert!(measured.estimate[0].abs() < 4.0 * measured.stderr.as_ref().unwrap()[0]);

    let local = "kind = \"local-exponent\"\nof = \"deviation\"\ntolerance = { absolute = 0.25 }\n";
    let (found, _) = run(local, toy(Some(-1.0)));
    let axes = &only(&found).axes;
    assert_eq!((axes.len(), axes[0].name.as_str()), (1, "learner.widths"));
    assert!((axes[0].values[0] - 192f64.sqrt()).abs() < 1e-9 && verdict(only(&found)) == "agree");
}

/// The bound of every value widens the derived row by `sum |w_i| b`, and twice the bound by twice as much; the
/// statistical error of a Monte Carlo theory stands in it too.
#[test]
fn errors_of_a_theory_reach_the_derived_row() {
    let reduce = format!("kind = \"extrapolate\"\nabscissa = \"inverse\"\n{TOLERANCE}");
    let toy = |bound, stderr| Toy {
        finite: true,
        bound,
        stderr,
        ..Toy::default()
    };
    let row = |bound, stderr| {
        let (found, json) = run(&reduce, toy(bound, stderr));
        let derived = only(&found).clone();
        let RowResult::Compared { comparison, .. } = derived.theories[0].row.clone() else {
            panic!("not compared");
        };
        let reduced = derived.theories[0].reduced.clone().unwrap();
        (
            *comparison,
            reduced,
            json[0]["theories"][0]["reduced"].clone(),
        )
    };
    // Weights of the intercept of a line over x = 1/4, 1/8, 1/16, 1/48.
    let x = [1.0 / 4.0, 1.0 / 8.0, 1.0 / 16.0, 1.0 / 48.0];
    let mean = x.iter().sum::<f64>() / 4.0;
    let squares: f64 = x.iter().map(|x| (x - mean).powi(2)).sum();
    let weights: f64 = x
        .iter()
        .map(|x| (0.25 - mean * (x - mean) / squares).abs())
        .sum();
    let (exact, ..) = row(0.0, None);
    assert!(exact.bound < 1e-12 && exact.verdict.name() == "agree");
    for bound in [0.01, 0.02] {
        let (comparison, reduced, json) = row(bound, None);
        assert!(
            (comparison.bound - weights * bound).abs() < 1e-9,
            "{comparison:?}"
        );
        assert_eq!(
            reduced.bound,
            Some(vec![json["bound"][0].as_f64().unwrap()])
        );
        let wider = comparison.interval.unwrap()[1] - exact.interval.unwrap()[1];
        assert!((wider - weights * bound).abs() < 1e-9, "{wider}");
    }
    let (comparison, reduced, json) = row(0.0, Some(0.03));
    // Repeats share their streams in all cells: they move the line as a whole, and its intercept by as much.
    assert!((reduced.theory_stderr.unwrap()[0] - 0.03).abs() < 1e-9);
    assert!((json["theory_stderr"][0].as_f64().unwrap() - 0.03).abs() < 1e-9);
    assert!(comparison.p.is_none());
    let [narrow, wide] = [&exact, &comparison].map(|c| c.interval.unwrap()[1]);
    assert!(wide > narrow + 0.01, "{narrow} {wide}");
    // A bound larger than the tolerance decides nothing.
    assert_eq!(row(0.5, None).0.verdict.name(), "inconclusive");
    // The deviation has the errors of the theory, too.
    let deviation = reduce.replace("abscissa", "of = \"deviation\"\nabscissa");
    let (found, _) = run(&deviation, toy(0.01, Some(0.03)));
    let measured = only(&found).measured.clone().unwrap();
    assert!((measured.bound.unwrap()[0] - weights * 0.01).abs() < 1e-9);
    assert!((measured.theory_stderr.unwrap()[0] - 0.03).abs() < 1e-9);
    let RowResult::Compared { comparison, .. } = &only(&found).theories[0].row else {
        panic!("not compared");
    };
    assert!((comparison.bound - weights * 0.01).abs() < 1e-9);
}

/// A theory that declines in one cell of four has a row that says where and why, for values and for deviations.
#[test]
fn a_theory_without_a_number_in_one_cell_is_a_row_with_the_reason() {
    for of in ["value", "deviation", "scatter"] {
        let toy = Toy {
            declines_at: Some(8.0),
            ..Toy::default()
        };
        let stated = format!("kind = \"slope\"\nof = \"{of}\"\n");
        let (found, json) = run(&stated, toy.clone());
        let row = &only(&found).theories[0];
        let RowResult::Declined(why) = &row.row else {
            panic!("{of}: {:?}", row.row);
        };
        assert_eq!(why, "cell [learner.widths = [8]], needs another width");
        assert!(row.reduced.is_err());
        assert_eq!(json[0]["theories"][0]["status"], "declined");
        assert_eq!(json[0]["theories"][0]["reduced"]["reason"], why.as_str());
    }
}

/// Two theories tell one quantity on axes of their own, and a third declines in one cell: each is reduced on its own axes,
/// and the decline is a row with its place.
#[test]
fn quantities_on_axes_of_their_own_are_reduced_each() {
    let head = SPEC.split("[training]").next().unwrap();
    let entry = |label: &str, assume: &str| {
        format!(
            "[[theory]]\nkind = \"signal-propagation\"\nlabel = \"{label}\"\ntell = [\"layer-variance\"]\n{assume}"
        )
    };
    let text = [
        head.replace("widths = [4]", "widths = [4, 4]\nactivation = \"relu\""),
        "[sweep]\n\"learner.init.scale\" = [0.5, 1.0, 2.0]\n".into(),
        entry("two", ""),
        entry("three", "assume = { \"learner.widths\" = [4, 4, 4] }\n"),
        "[[reduce]]\nkind = \"exponent\"\nkey = \"learner.init.scale\"\nobservable = \"layer-variance\"\n".into(),
        "[[figure]]\nobservable = \"layer-variance\"\n".into(),
    ];
    let text = text.concat().replace(
        "parametrization",
        "init = { kind = \"gaussian\" }\nparametrization",
    );
    let spec = Spec::parse("told", "spec.toml", &text, &Options::default()).unwrap();
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let found = assess(&spec, &outcome).unwrap();
    // Of relu, q_l ~ scale^(2l).
    let exponents = |d: &Derived| d.theories[0].reduced.as_ref().unwrap().estimate.clone();
    let labels: Vec<&str> = found
        .derived
        .iter()
        .map(|d| d.theories[0].label.as_str())
        .collect();
    assert_eq!(labels, ["two", "three"]);
    for (derived, layers) in found.derived.iter().zip([2, 3]) {
        assert_eq!(derived.theories.len(), 1);
        assert_eq!(
            derived.measured.as_ref().unwrap_err(),
            "told by theories alone"
        );
        for (l, exponent) in exponents(derived).iter().enumerate() {
            assert!((exponent - 2.0 * (l + 1) as f64).abs() < 1e-9);
        }
        assert_eq!(exponents(derived).len(), layers);
    }
    let drawn = crate::report::figures::figures(&spec, &outcome, &found).unwrap();
    let table = crate::plot::figure_csv(&drawn[0].figure);
    let rows = |label: &str| {
        let of = |l: &&str| l.split(',').any(|field| field == label);
        table.lines().filter(of).count()
    };
    assert_eq!([rows("two"), rows("three")], [2 * 3, 3 * 3], "{table}");
    assert!(
        drawn[0].caption.contains("Lines: two, three."),
        "{}",
        drawn[0].caption
    );
}

/// What a theory tells in some cells alone is no value there, and no fault: the row says where it declines.
#[test]
fn a_quantity_that_is_not_told_in_one_cell_is_a_row_with_the_reason() {
    let head = SPEC.split("[measure]").next().unwrap();
    let text = format!(
        "{}[sweep]\n\"learner.init.scale\" = [0.1, 0.5, 1.5]\n[[theory]]\nkind = \"saddle-to-saddle\"\n\
         tell = [\"half-rise-time\"]\n[[reduce]]\nkind = \"slope\"\nkey = \"learner.init.scale\"\nobservable = \"half-rise-time\"\n",
        head.replace(
            "parametrization = \"ntk\"",
            "init = { kind = \"gaussian\" }"
        )
    );
    for (text, rows) in [(text.clone(), 1), (text.replace("0.1, 0.5", "1.1, 1.2"), 0)] {
        let spec = Spec::parse("told", "spec.toml", &text, &Options::default()).unwrap();
        let outcome = execute(&spec, &Settings::default()).unwrap();
        let found = assess(&spec, &outcome).unwrap();
        assert_eq!(found.derived.len(), rows);
        for derived in &found.derived {
            let RowResult::Declined(why) = &derived.theories[0].row else {
                panic!("{:?}", derived.theories[0].row);
            };
            assert!(
                why.contains("learner.init.scale = 1.5") && why.contains("small start"),
                "{why}"
            );
        }
        assert!(document::document("run", &spec, &outcome, &found).is_ok());
        assert!(crate::report::figures::figures(&spec, &outcome, &found).is_ok());
    }
}

/// A length over the whole grid has no value where a point of it has none, and says how to reduce point by point.
#[test]
fn lengths_over_a_grid_need_every_point() {
    let text = SPEC
        .replace("singular_values = [2.0]", "singular_values = [2.0, 0.01]")
        .replace("output_dim = 1", "output_dim = 2")
        .replace(
            "parametrization = \"ntk\"",
            "init = { kind = \"gaussian\", scale = 0.1 }",
        )
        .replace(
            "learning_rate = 1e-9\nsteps = 1",
            "learning_rate = 0.05\nsteps = 200",
        )
        .replace("replicas = 40\npoints = 1", "replicas = 8\npoints = 41")
        .replace("\"train-loss\"", "\"half-rise-time\"");
    let reduce = |over: &str| {
        let kind = "[[reduce]]\nkind = \"exponent\"\nkey = \"learner.widths\"\nobservable = \"half-rise-time\"\nof = \"scatter\"\n";
        format!("{text}{kind}over = \"{over}\"\n")
    };
    let derived = |over: &str| {
        let spec = Spec::parse("grid", "spec.toml", &reduce(over), &Options::default()).unwrap();
        let outcome = execute(&spec, &Settings::default()).unwrap();
        assess(&spec, &outcome).unwrap().derived.remove(0)
    };
    let why = derived("grid").measured.unwrap_err();
    assert!(
        why.contains("not defined on the whole grid") && why.contains("over = \"points\""),
        "{why}"
    );
    let found = derived("points").measured.unwrap();
    assert!(found.estimate[0].is_finite() && found.estimate[1].is_nan());
}
