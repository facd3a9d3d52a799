//! What enters the keys of records and of shared data sets: every component's revision, and everything that a draw depends on.

use super::identity::records;
use super::{Outcome, Settings, Side, execute};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draws, Experiment, Spacing};
use crate::instrument::{Axis, Chosen, Declined, Instrument, NtkChange, Observable, Recorder};
use crate::kind::About;
use crate::learner::{Init, Learner, Mlp, Network, Parameters, Parametrization, Precision};
use crate::numerics::random::Stream;
use crate::spec::Spec;
use crate::task::{Dataset, LinearTeacher, SemanticHierarchy, Shape, Task};
use crate::theory::ntk::{self, Ntk};
use crate::theory::saxe::{self, Saxe};
use crate::theory::{Asked, Info, Plan, Theory};
use crate::training::{GradientDescent, Loss, OnSnapshot, Start, Training};
use std::path::Path;
use std::sync::Arc;

/// A component as it is, under another revision.
#[derive(Debug)]
struct Revised<T: 'static> {
    inner: T,
    about: &'static About,
    info: Option<&'static Info>,
}

fn revise(about: &'static About) -> &'static About {
    Box::leak(Box::new(About {
        revision: about.revision + 1,
        ..*about
    }))
}

fn revised<T>(inner: T, about: &'static About) -> Revised<T> {
    Revised {
        inner,
        about: revise(about),
        info: None,
    }
}

impl Task for Revised<LinearTeacher> {
    fn about(&self) -> &'static About {
        self.about
    }
    fn resolved(&self) -> serde_json::Value {
        self.inner.resolved()
    }
    fn shape(&self) -> Shape {
        self.inner.shape()
    }
    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.inner.draw(rng)
    }
    fn modes(&self) -> Option<crate::task::Modes> {
        self.inner.modes()
    }
}

impl Learner for Revised<Mlp> {
    fn about(&self) -> &'static About {
        self.about
    }
    fn resolved(&self) -> serde_json::Value {
        self.inner.resolved()
    }
    fn precision(&self) -> Precision {
        self.inner.precision()
    }
    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        self.inner.shapes(shape)
    }
    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        self.inner.initialize(dataset, rng)
    }
    fn network(&self, shape: Shape) -> Box<dyn Network<f64>> {
        self.inner.network(shape)
    }
    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        self.inner.network_f32(shape)
    }
    fn check(&self, shape: Shape) -> Result<()> {
        self.inner.check(shape)
    }
    fn rate_scale(&self, shape: Shape) -> f64 {
        self.inner.rate_scale(shape)
    }
    fn mlp(&self, shape: Shape) -> Option<crate::learner::MlpView> {
        self.inner.mlp(shape)
    }
}

impl Training for Revised<GradientDescent> {
    fn about(&self) -> &'static About {
        self.about
    }
    fn resolved(&self) -> serde_json::Value {
        self.inner.resolved()
    }
    fn loss(&self) -> Loss {
        self.inner.loss()
    }
    fn learning_rate(&self) -> f64 {
        self.inner.learning_rate()
    }
    fn steps(&self) -> usize {
        self.inner.steps()
    }
    fn is_plain_descent(&self) -> bool {
        self.inner.is_plain_descent()
    }
    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let inner = &self.inner;
        inner.train(learner, start, dataset, record, rng, on_snapshot)
    }
}

impl Instrument for Revised<NtkChange> {
    fn about(&self) -> &'static About {
        self.about
    }
    fn observable(&self) -> &'static Observable {
        self.inner.observable()
    }
    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        self.inner.axes(experiment)
    }
    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        cx: &Context,
    ) -> Result<Box<dyn Recorder>> {
        self.inner.recorder(experiment, dataset, cx)
    }
}

impl Theory for Revised<Ntk> {
    fn info(&self) -> &'static Info {
        self.info.unwrap()
    }
    fn resolved(&self) -> serde_json::Value {
        self.inner.resolved()
    }
    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        self.inner.plan(experiment, asked)
    }
}

fn teacher() -> LinearTeacher {
    LinearTeacher {
        samples: 10,
        ..LinearTeacher::new(vec![2.0, 1.0], 4, 3)
    }
}

fn mlp() -> Mlp {
    Mlp {
        widths: vec![5],
        init: Init::gaussian(0.1),
        ..Mlp::default()
    }
}

fn experiment(task: Arc<dyn Task>) -> Experiment {
    Experiment {
        seed: 3,
        task,
        learner: Some(Arc::new(mlp())),
        training: Some(Arc::new(GradientDescent::new(0.01, 20))),
        draws: Draws {
            datasets: 2,
            replicas: 1,
            points: 3,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn spec(experiment: Experiment, lazy: Arc<dyn Theory>) -> Spec {
    let modes = saxe::Options {
        condition: Conditioning::None,
        ..Default::default()
    };
    let modes = Arc::new(Saxe::new("theory", modes).unwrap());
    Spec::new("keys", experiment, &["mode-strength", "ntk-change"])
        .and_then(|s| s.theory("ntk", lazy, None))
        .and_then(|s| s.theory("modes", modes, None))
        .unwrap()
}

fn ntk() -> Ntk {
    Ntk::new(Default::default())
}

fn run(spec: &Spec, out: Option<&Path>) -> Outcome {
    let settings = Settings {
        out: out.map(Into::into),
        threads: 1,
        ..Settings::default()
    };
    execute(spec, &settings).unwrap()
}

/// Two instruments on two networks, the linearised theory of each network, and one solution of independent modes.
const RECORDS: usize = 7;

#[test]
fn a_new_revision_recomputes_what_depends_on_the_component_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let plain = experiment(Arc::new(teacher()));
    let original = spec(plain.clone(), Arc::new(ntk()));
    let known = run(&original, Some(folder.path())).records;
    assert_eq!(known.len(), RECORDS);
    assert_eq!(run(&original, Some(folder.path())).records, known);

    let task = revised(teacher(), teacher().about());
    let learner = revised(mlp(), mlp().about());
    let training = GradientDescent::new(0.01, 20);
    let training = revised(training.clone(), training.about());
    let mut theory = revised(ntk(), ntk().info().about);
    theory.info = Some(Box::leak(Box::new(Info {
        about: theory.about,
        ..*ntk().info()
    })));
    let with = |change: &dyn Fn(&mut Experiment)| {
        let mut e = plain.clone();
        change(&mut e);
        e
    };
    let task: Arc<dyn Task> = Arc::new(task);
    let learner: Arc<dyn Learner> = Arc::new(learner);
    let training: Arc<dyn Training> = Arc::new(training);
    let mut instrument = spec(plain.clone(), Arc::new(ntk()));
    instrument.cells[0].instruments[1] = Chosen::Keyed(Arc::new(revised(
        NtkChange::EXACT,
        NtkChange::EXACT.about(),
    )));
    for (what, spec, new) in [
        (
            "task",
            spec(with(&|e| e.task = task.clone()), Arc::new(ntk())),
            RECORDS,
        ),
        (
            "learner",
            spec(
                with(&|e| e.learner = Some(learner.clone())),
                Arc::new(ntk()),
            ),
            // Independent modes know the learner by its start alone.
            RECORDS - 1,
        ),
        (
            "training",
            spec(
                with(&|e| e.training = Some(training.clone())),
                Arc::new(ntk()),
            ),
            // No theory here trains: they know the rule by its rate and steps.
            4,
        ),
        ("theory", spec(plain.clone(), Arc::new(theory)), 2),
        ("instrument", instrument, 2),
    ] {
        let records = run(&spec, Some(folder.path())).records;
        let fresh = records.iter().filter(|r| !known.contains(r)).count();
        assert_eq!((records.len(), fresh), (RECORDS, new), "{what}");
        if what != "instrument" {
            assert_ne!(spec.hash, original.hash, "{what}");
        }
    }
}

/// The hash of a run states the revision beside the kind of every component.
#[test]
fn the_resolved_spec_states_every_revision() {
    let spec = spec(experiment(Arc::new(teacher())), Arc::new(ntk()));
    let cell = &spec.resolved["cells"][0];
    let parts = [
        &cell["experiment"]["task"],
        &cell["experiment"]["learner"],
        &cell["experiment"]["training"],
        &cell["observables"][0],
        &cell["observables"][1],
        &cell["theories"][0],
        &cell["theories"][1],
    ];
    for part in parts {
        assert!(
            part["kind"].is_string() && part["revision"].is_u64(),
            "{part}"
        );
    }
}

/// Streams are keyed by the numbers of draws: five data sets (or replicas) and the five after them are the ten of one run.
#[test]
fn draws_after_those_of_a_pilot_are_those_of_a_larger_run() {
    let whole_and_parts = |datasets: bool, n: usize, first: usize| {
        let mut e = experiment(Arc::new(teacher()));
        (e.draws.datasets, e.draws.replicas) = if datasets { (n, 2) } else { (1, n) };
        e.draws.first = first;
        e.learner = Some(Arc::new(Mlp {
            parametrization: Parametrization::Ntk,
            ..mlp()
        }));
        let of_data = ntk::Options {
            condition: Conditioning::Data,
            ..Default::default()
        };
        let of_data = Arc::new(Ntk::new(of_data));
        let spec = spec(e, Arc::new(ntk())).theory("data", of_data, None);
        let spec = spec.unwrap();
        (run(&spec, None), records(&spec, Side::Both))
    };
    for datasets in [true, false] {
        let of = |n, first| whole_and_parts(datasets, n, first);
        let (whole, pilot, rest) = (of(10, 0), of(5, 0), of(5, 5));
        let measured = |o: &(Outcome, _)| o.0.cells[0].measurement.clone().unwrap();
        let (all, before, after) = (measured(&whole), measured(&pilot), measured(&rest));
        assert_eq!(all.draws, [before.draws, after.draws.clone()].concat());
        assert_eq!(all.values, [before.values, after.values].concat());
        for (k, theory) in rest.0.cells[0].theories.iter().enumerate() {
            // Every theory gives mode strengths, the first observable.
            for draw in &after.draws {
                let of = |o: &(Outcome, _)| o.0.cells[0].theories[k].predicted(0, *draw).cloned();
                assert!(of(&rest).is_some(), "{}", theory.label);
                assert_eq!(of(&rest), of(&whole), "{}", theory.label);
            }
        }
        let common = |a: &[String], b: &[String]| a.iter().filter(|r| b.contains(r)).count();
        assert_eq!(common(&pilot.1, &whole.1), pilot.1.len());
        assert_eq!(common(&rest.1, &whole.1), rest.1.len());
        // What conditions on no draw, or on the one data set.
        assert_eq!(common(&pilot.1, &rest.1), if datasets { 1 } else { 2 });
    }
}

#[test]
fn the_first_draw_counts_the_outermost_level_that_is_drawn_anew() {
    let first = |datasets, replicas, task: Arc<dyn Task>| {
        let mut e = experiment(task);
        (e.draws.datasets, e.draws.replicas, e.draws.first) = (datasets, replicas, 7);
        let draws = e.draw_indices();
        assert_eq!(draws.len(), datasets * replicas);
        (draws[0].dataset, draws[0].replica)
    };
    let fixed = || -> Arc<dyn Task> { Arc::new(SemanticHierarchy::tree(2, 2)) };
    assert!(teacher().is_random() && !fixed().is_random());
    assert_eq!(first(2, 1, Arc::new(teacher())), (7, 0));
    assert_eq!(first(2, 3, Arc::new(teacher())), (7, 0));
    assert_eq!(first(1, 1, Arc::new(teacher())), (7, 0));
    assert_eq!(first(1, 3, Arc::new(teacher())), (0, 7));
    assert_eq!(first(1, 3, fixed()), (0, 7));
    assert_eq!(first(1, 1, fixed()), (0, 7));
}

/// Cells share data sets by content: what a cell gives in a sweep is what it gives alone, to the bit, when the cells differ in a
/// number of the task, or in its kind.
#[test]
fn cells_of_different_tasks_do_not_share_their_data() {
    let noisy = LinearTeacher {
        noise: 0.5,
        ..teacher()
    };
    let steep = LinearTeacher {
        singular_values: vec![3.0, 1.0],
        ..teacher()
    };
    let tasks: [Arc<dyn Task>; 4] = [
        Arc::new(teacher()),
        Arc::new(noisy),
        Arc::new(steep),
        Arc::new(SemanticHierarchy::diffusion(2, 2, 3, 0.2)),
    ];
    let names = ["train-loss", "input-output-map"];
    let values = |cells: Vec<(crate::spec::sweep::Settings, Experiment)>| {
        let spec = Spec::sweep("memo", cells, &names).unwrap();
        let outcome = run(&spec, None);
        let measured = |c: &super::CellOutcome| c.measurement.clone().unwrap().values;
        outcome.cells.iter().map(measured).collect::<Vec<_>>()
    };
    let cell = |k: usize| {
        let name: crate::spec::sweep::Settings = vec![("task.case".into(), vec![k as i64].into())];
        (name, experiment(tasks[k].clone()))
    };
    let together = values((0..4).map(cell).collect());
    for k in 0..4 {
        assert_eq!(together[k], values(vec![cell(k)])[0], "cell {k}");
        for j in 0..k {
            assert_ne!(together[k], together[j], "cells {j} and {k}");
        }
    }
}
