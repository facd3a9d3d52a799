//! Dynamical mean-field theory as a league entry.
#![doc = include_str!("dmft.md")]

mod cost;
mod gate;
mod questions;
mod responses;
mod solved;
mod solver;
mod told;

use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::task::Dataset;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing, parse_keys,
};
use crate::training::Training;
use cost::{Cost, Sizes};
use gate::Dynamics;
use nalgebra::DMatrix;
use questions::{
    BACKWARD_RESPONSE, FORWARD_RESPONSE, OBSERVABLES, can_answer, is_response, needs_kernels,
    on_test, why_no_response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use solver::{Solver, Statement};
use std::sync::Arc;
use told::Told;

static ABOUT: About = About {
    kind: "dmft",
    summary: "infinitely wide network that learns features, trained step by step: outputs, kernels and densities over time",
    text: include_str!("dmft.md"),
    revision: 2,
};

static INFO: Info = Info {
    source: "Bordelon, Pehlevan 2022, arXiv:2205.09653",
    observables: OBSERVABLES,
    own: &[&FORWARD_RESPONSE, &BACKWARD_RESPONSE],
    conditions: &[Conditioning::Data, Conditioning::Initial],
    assumptions: &["infinite width at fixed richness and number of samples"],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        keys.check(place)?;
        Ok(Arc::new(Dmft(keys)))
    },
    schema: Keys::json_schema,
};

/// Keys of an entry.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// `data`: one answer per data set. `initial`: one per network, trained on its own mini-batches.
    pub condition: Conditioning,
    /// Outputs of the steps, or of the tangent kernel step by step.
    pub readout: Readout,
    /// What is left out of the equations.
    pub approximation: Approximation,
    /// Points of a quadrature over neurons, a power of two; chosen where it is not given.
    pub points: Option<usize>,
    /// Independent repeats of a solver with statistical error; default: 16 of a quadrature, 8 of sample paths.
    pub repeats: Option<usize>,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            condition: Conditioning::Data,
            readout: Readout::default(),
            approximation: Approximation::default(),
            points: None,
            repeats: None,
        }
    }
}

/// How outputs are formed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Readout {
    /// The outputs of the discrete steps.
    #[default]
    Exact,
    /// `f(t+1) = f(t) + q K(t) Delta(t)`, true to first order in the learning rate.
    NtkEuler,
}

/// Named approximations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Approximation {
    /// None.
    #[default]
    None,
    /// Weights forward and backward count as independent: no response functions.
    GradientIndependence,
    /// Second order in the richness.
    Perturbation,
}

impl Keys {
    fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, value: usize, remedy: &str| {
            Err(crate::Error::input(
                format!("{place}.{key}"),
                format!("{value} is out of range"),
                remedy,
            ))
        };
        match (self.points, self.repeats) {
            (Some(points), _) if !points.is_power_of_two() || !(64..=1 << 24).contains(&points) => {
                wrong("points", points, "give a power of two from 64 to 2^24")
            }
            (_, Some(repeats)) if !(2..=1000).contains(&repeats) => wrong(
                "repeats",
                repeats,
                "give a number from 2 to 1000, such as 16",
            ),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct Dmft(Keys);

/// Units below which a layer is as far from the limit as it can be.
const NARROW: usize = 8;

/// Bytes above which a theory is no alternative to networks.
const MOST_BYTES: f64 = 64.0 * (1u64 << 30) as f64;

impl Theory for Dmft {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let dynamics = Dynamics::of(e)?;
        let solver = Solver::of(&dynamics, &self.0).map_err(Declined)?;
        let training = e.training.clone().filter(|t| {
            let view = t.descent();
            view.is_some_and(|v| v.batch.is_some_and(|b| b < e.task.shape().samples))
        });
        match (self.0.condition, &training) {
            (Conditioning::Data, Some(_)) => {
                return Err(Declined(
                    "with mini-batches needs condition = \"initial\": every network has its own batches".into(),
                ));
            }
            (Conditioning::Initial, None) => {
                return Err(Declined(
                    "condition = \"initial\" is for mini-batches (training.batch)".into(),
                ));
            }
            (_, Some(_)) if solver.is_expansion() => {
                return Err(Declined(
                    "approximation = \"perturbation\" needs full batches".into(),
                ));
            }
            _ => {}
        }
        let tests = e.task.test_samples();
        let can = |i: &usize| can_answer(&asked[*i], (&dynamics, &self.0, solver), tests);
        let answers: Vec<usize> = (0..asked.len()).filter(can).collect();
        let unanswered = asked.iter().filter_map(|a| {
            let why = why_no_response(a, &dynamics, &self.0, solver)?;
            Some(format!("{}: {why}", a.name()))
        });
        let unanswered: Vec<String> = unanswered.collect();
        if answers.is_empty() {
            return Err(Declined(match unanswered.first() {
                Some(why) => why.clone(),
                None => format!(
                    "predicts {}, and tells train-loss, test-loss and responses; nothing of this is asked for",
                    OBSERVABLES.join(", ")
                ),
            }));
        }
        for &i in &answers {
            dynamics.has_times(&asked[i])?;
        }
        let tests = match answers.iter().any(|&i| on_test(&asked[i])) {
            true => tests,
            false => 0,
        };
        let sizes = Sizes {
            samples: e.task.shape().samples,
            tests,
            inputs: e.task.shape().inputs,
        };
        let Cost {
            bytes,
            seconds,
            mut notes,
        } = Cost::of(&dynamics, &self.0, solver, sizes)?;
        notes.extend(unanswered);
        let record = e.record_steps();
        let times = responses::steps(&record, dynamics.steps).len();
        let asked_for = answers.iter().filter(|&&i| is_response(&asked[i])).count();
        let repeats = self.0.repeats.unwrap_or(solver::REPEATS);
        let one = responses::bytes(
            solver,
            dynamics.depth(),
            e.task.shape().samples,
            times,
            repeats,
        );
        let bytes = bytes + asked_for as f64 * one;
        let all = (e.task.shape().samples + tests) as f64;
        if bytes > MOST_BYTES {
            return Err(Declined(format!(
                "needs {:.0} GiB for {} samples and {} steps: fewer of them, fewer points (key points), or networks in its place",
                bytes / (1u64 << 30) as f64,
                all,
                dynamics.steps
            )));
        }
        let start = 1.0 / dynamics.rate_scale;
        let has_loss = answers.iter().any(|&i| asked[i].name().ends_with("-loss"));
        if has_loss && start > 0.02 {
            notes.push(format!(
                "losses of networks of this width hold the variance of their outputs, of order 1/(gamma_0^2 N) = {start:.3} at the start, which \
                 vanishes at infinite width"
            ));
        }
        let narrow = dynamics.width < NARROW;
        let narrow = narrow.then(|| {
            format!(
                "the theory is the limit of wide layers, and the networks have N = {}",
                dynamics.width
            )
        });
        notes.extend(narrow.clone());
        let promise = Promise {
            assumptions: narrow.into_iter().collect(),
            limits: vec![Limit::infinite("learner.widths").rate(-1.0)],
            averages_over: match self.0.condition {
                Conditioning::Data => vec!["replicas"],
                _ => Vec::new(),
            },
            bytes: (bytes + 8.0 * 4.0 * all * all) as u64,
            seconds,
            notes,
            ..Promise::of(self.0.condition)
        };
        let has_ntk = answers.iter().any(|&i| asked[i].name() == "ntk");
        let work = Work {
            scale: has_ntk.then_some(dynamics.rate_scale),
            seed: e.seed,
            record,
            keys: self.0,
            solver,
            tests: tests > 0,
            dynamics,
            batches: training.map(|training| (training, e.clone())),
        };
        Ok(Plan::new(promise, asked, answers, work))
    }
}

struct Work {
    seed: u64,
    record: Vec<usize>,
    keys: Keys,
    solver: Solver,
    /// Test samples are among the questions.
    tests: bool,
    /// Scale of the raw tangent kernel, where that is asked for.
    scale: Option<f64>,
    dynamics: Dynamics,
    /// What draws the batches of a network.
    batches: Option<(Arc<dyn Training>, Experiment)>,
}

impl Solve for Work {
    fn inputs(&self) -> Json {
        // Numbers are drawn for some solvers alone; a question without a grid is told at the recorded steps.
        let exact = matches!(self.solver, Solver::Linear | Solver::Perturbation);
        let random = !exact || self.batches.is_some();
        let seed = random.then_some(self.seed);
        let training = self.batches.as_ref().map(|(t, _)| t.resolved());
        json!([
            self.dynamics,
            self.keys,
            seed,
            self.record,
            self.tests,
            self.scale,
            training
        ])
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let data = draw.dataset.as_deref();
        let data = data.ok_or_else(|| missing("the data set"))?;
        let kernel = input_kernel(data, self.tests);
        let statement = Statement {
            dynamics: &self.dynamics,
            keys: &self.keys,
            kernel: &kernel,
            targets: data.y.as_slice(),
            batches: self.batches(draw, data.samples())?,
            densities: asked.iter().any(|a| a.name() == "preactivation-density"),
            seed: self.seed,
            max_memory: cx.max_memory(),
        };
        cx.look(0.0)?;
        let solved = statement.solve(self.solver, &|done| cx.look(0.5 * done))?;
        cx.look(0.5)?;
        let told = Told {
            dynamics: &self.dynamics,
            record: &self.record,
            data,
            kernel: &kernel,
            outputs: solved.outputs(),
            times: self.kernel_times(asked),
            kernels: None,
            solved: &solved,
        };
        let answers = told.all(asked, cx)?;
        let (method, iterations) = solved.method();
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method,
                iterations,
                residual: 0.0,
            },
            warnings: solved.warnings(),
        })
    }
}

impl Work {
    /// The batches of the network of a draw.
    fn batches(&self, draw: &Draw, samples: usize) -> Result<Option<Vec<Vec<usize>>>> {
        let Some((training, experiment)) = &self.batches else {
            return Ok(None);
        };
        let index = draw.index.ok_or_else(|| missing("its index"))?;
        let mut rng = experiment.training_stream(index);
        Ok(training.batches(samples, &mut rng))
    }

    /// Steps at which kernels are asked for.
    fn kernel_times(&self, asked: &[Asked]) -> Vec<usize> {
        let mut times: Vec<usize> = asked.iter().flat_map(|a| self.steps_of(a)).collect();
        times.sort_unstable();
        times.dedup();
        times
    }

    fn steps_of(&self, asked: &Asked) -> Vec<usize> {
        if !needs_kernels(asked) {
            return Vec::new();
        }
        match asked.axes().iter().find(|a| a.name == "time") {
            Some(time) => {
                let steps = time.values.iter().map(|&t| self.dynamics.step(t));
                [0].into_iter().chain(steps).collect()
            }
            None => vec![0, self.dynamics.steps],
        }
    }
}

/// `K^x = x . x'/D` of training inputs, then of test inputs.
fn input_kernel(data: &Dataset, tests: bool) -> DMatrix<f64> {
    let d = data.x.nrows() as f64;
    match data.test.as_ref().filter(|_| tests) {
        None => data.x.tr_mul(&data.x) / d,
        Some((at, _)) => {
            let p = data.x.ncols();
            let all = DMatrix::from_fn(data.x.nrows(), p + at.ncols(), |i, j| match j < p {
                true => data.x[(i, j)],
                false => at[(i, j - p)],
            });
            all.tr_mul(&all) / d
        }
    }
}
