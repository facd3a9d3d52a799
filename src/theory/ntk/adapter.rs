//! The theory entry `ntk`: the experiment's own network, linearised around its initial parameters.

use super::wide::Ensemble;
use super::{Linearised, Time};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise, component_json};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::learner::{Learner, MlpView, Network, Parameters};
use crate::numerics::linalg::solve_spd;
use crate::task::{Dataset, Modes};
use crate::theory::gate;
use crate::theory::readout::{entries, mode_strengths};
use crate::theory::sheet::Sheet;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, answered, missing, parse_keys,
};
use crate::training::{Loss, Training};
use nalgebra::DMatrix;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Keys of a `[[theory]]` table with `kind = "ntk"`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Discrete steps or gradient flow.
    pub time: Time,
    /// `initial`: the tangent kernel of every network at its own start. `data`: the kernel of infinite width on each data
    /// set, averaged over initialisations.
    pub condition: Conditioning,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            time: Time::Discrete,
            condition: Conditioning::Initial,
        }
    }
}

static ABOUT: About = About {
    kind: "ntk",
    summary: "linearised dynamics of the same network around its own start (lazy regime), any activation",
    text: "\
Lazy regime: if the weights hardly move, the network is its own expansion to first order around the start,

  f(x; theta) = f_0(x) + J(x) (theta - theta_0)

f_0 are the outputs at the start theta_0, and J is the Jacobian, the derivative of the outputs by the parameters. This
theory trains that linear model exactly, on the loss of the experiment, (w/2) sum |y - f|^2. The weight w is 1/P for
half-mean and 1 for half-sum.

  K            = J J^T = U diag(lambda) U^T        tangent kernel of the training inputs, eigenvalues and eigenvectors
  f_n(x)       = f_0(x) - J(x) J^T U phi_n U^T r_0           after n steps, r_0 = f_0 - y on the training inputs
  time = \"discrete\"    phi_n = [1 - (1 - w eta lambda)^n]/lambda     descent with learning rate eta, step by step
  time = \"flow\"        phi_n = [1 - exp(-w eta lambda n)]/lambda     gradient flow at the time eta n

Each eigenvector of the kernel is a mode that is learned by itself, at the rate w eta lambda. A mode with lambda = 0 is
never learned. With parametrization = \"mean-field\" eta is learning_rate times rate_scale = gamma_0^2 N (explain mlp).

condition = \"initial\" (default): J is that of every network at its own start, and each network is compared with its
own linear model. Whatever distance is left says that the kernel has moved.
condition = \"data\": the kernel of infinite width, from the inputs of each data set alone. Outputs start as a Gaussian
process, and what is predicted is the mean over all starts. Networks of finite width differ by terms of order 1/width.

What to expect: a good theory from large initial weights, at great width in the ntk parametrisation, or at small
richness. From small weights it fails, because the kernel near zero is far too small.

Worked number: one sample, f = theta, theta_0 = 0, y = 1, w = 1, eta = 0.1: f_2 = 1 - 0.9^2 = 0.19 after two steps, and
1 - exp(-0.2) = 0.1813 in the flow.

keys: time = \"discrete\" (default) | \"flow\"; condition = \"initial\" (default) | \"data\"
limits: learner.widths -> inf (ntk parametrisation), where the kernel does not move; with \"flow\" also
learning_rate -> 0
sources: Jacot, Gabriel, Hongler 2018, arXiv:1806.07572; Lee et al. 2019, arXiv:1902.06720",
    revision: 1,
};

static INFO: Info = Info {
    source: "Jacot, Gabriel, Hongler 2018, arXiv:1806.07572; Lee et al. 2019, arXiv:1902.06720",
    observables: &[
        "train-loss",
        "test-loss",
        "mode-strength",
        "half-rise-time",
        "ntk-change",
        "input-output-map",
        "ntk",
        "predictor-mean",
    ],
    assumptions: &[
        "the tangent kernel does not move (lazy regime)",
        "full-batch descent without noise or momentum",
    ],
    conditions: &[Conditioning::Initial, Conditioning::Data],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &INFO)?;
        Ok(Arc::new(Ntk::new(options)))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

/// The theory with its options.
#[derive(Debug)]
pub struct Ntk {
    options: Options,
}

impl Ntk {
    /// The theory with these options.
    pub fn new(options: Options) -> Self {
        Ntk { options }
    }
}

/// Test inputs whose Jacobian is held at once.
const CHUNK: usize = 256;

impl Theory for Ntk {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::to_value(self.options).unwrap_or_default()
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let Some(learner) = experiment.learner.clone() else {
            return Err(Declined("needs a learner; the experiment has none".into()));
        };
        let training = gate::plain_descent(experiment)?;
        let shape = experiment.task.shape();
        let has_test = experiment.task.has_test();
        let time = match training.is_flow() {
            true => Time::Flow,
            false => self.options.time,
        };
        if self.options.condition == Conditioning::Data {
            return ensemble(experiment, training, time, asked);
        }
        let linear = learner.plain_mlp(shape).is_some_and(|m| m.linear);
        let has_map = linear || shape.samples >= shape.inputs;
        let answers = answered(
            asked,
            |name| match name {
                "train-loss" | "ntk-change" => true,
                "test-loss" | "predictor-mean" => has_test,
                "mode-strength" | "half-rise-time" | "input-output-map" => has_map,
                _ => false,
            },
            "predicts none of the measured observables",
        )?;
        let parameters: usize = learner.shapes(shape).iter().map(|(r, c)| r * c).sum();
        let rows = shape.samples * shape.outputs;
        let side = rows.min(parameters);
        let mut limits = vec![width_limit(learner.plain_mlp(shape).as_ref())];
        if time == Time::Flow && !training.is_flow() {
            limits.push(Limit::zero("training.learning_rate").rate(1.0));
        }
        let promise = Promise {
            limits,
            bytes: 8
                * (rows * parameters + 3 * side * side + side * parameters + rows * side) as u64
                + gate::data_bytes(experiment),
            seconds: 1e-10 * (4 * rows * parameters * side + 20 * side * side * side) as f64,
            ..Promise::of(Conditioning::Initial)
        };
        let solver = Empirical {
            rate: training.learning_rate() * learner.rate_scale(shape),
            learning_rate: training.learning_rate(),
            steps: training.steps(),
            loss: training.loss(),
            time,
            linear,
            learner,
            shape,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

/// Features of a network with `1/sqrt(fan-in)` in its read-out move by `1/sqrt(n)` each and its kernel, their sum, by
/// `1/n`; so does what it predicts. Of other scalings with the width the rate is not stated.
fn width_limit(view: Option<&MlpView>) -> Limit {
    let limit = Limit::infinite("learner.widths");
    let lazy = view.is_some_and(|v| match (v.multipliers.last(), v.widths.len()) {
        (Some(c), 2..) => {
            let fan_in = v.widths[v.widths.len() - 2] as f64;
            v.rate_scale == 1.0 && (c * c * fan_in - 1.0).abs() < 1e-9
        }
        _ => false,
    });
    match lazy {
        true => limit.rate(-1.0),
        false => limit,
    }
}

/// The plan of an entry with `condition = "data"`.
fn ensemble(
    experiment: &Experiment,
    training: &dyn Training,
    time: Time,
    asked: &[Asked],
) -> std::result::Result<Plan, Declined> {
    let wide = gate::wide(experiment)?;
    let shape = experiment.task.shape();
    let has_test = experiment.task.has_test();
    let has_map = shape.samples >= shape.inputs;
    let answers = answered(
        asked,
        |name| match name {
            "train-loss" | "ntk" | "ntk-change" => true,
            "test-loss" | "predictor-mean" => has_test,
            "mode-strength" | "input-output-map" => has_map,
            _ => false,
        },
        "the kernel of infinite width gives train-loss, test-loss, predictor-mean, mode-strength, input-output-map, ntk and ntk-change; none is asked for",
    )?;
    let view = experiment.learner.as_ref().and_then(|l| l.plain_mlp(shape));
    let mut limits = vec![width_limit(view.as_ref())];
    if time == Time::Flow && !training.is_flow() {
        limits.push(Limit::zero("training.learning_rate").rate(1.0));
    }
    let rate_scale = experiment
        .learner
        .as_ref()
        .map_or(1.0, |l| l.rate_scale(shape));
    let (p, t) = (shape.samples as f64, experiment.task.test_samples() as f64);
    let times = experiment.record_steps().len() as f64;
    let promise = Promise {
        limits,
        averages_over: vec!["replicas"],
        bytes: (8.0 * (6.0 * p * p + 5.0 * p * t)) as u64,
        seconds: 1e-6 * p * (p + t) + 1e-9 * p * p * (20.0 * p + times * t),
        ..Promise::of(Conditioning::Data)
    };
    let solver = Ensemble {
        wide,
        loss: training.loss(),
        learning_rate: training.learning_rate(),
        rate: training.learning_rate() * rate_scale,
        steps: training.steps(),
        time,
    };
    Ok(Plan::new(promise, asked, answers, solver))
}

/// The kernel of every network at its own start.
struct Empirical {
    learner: Arc<dyn Learner>,
    shape: crate::task::Shape,
    loss: Loss,
    learning_rate: f64,
    /// Step on the raw parameters.
    rate: f64,
    steps: usize,
    time: Time,
    linear: bool,
}

/// Outputs on a set of inputs: `f0 + response * progress`.
struct Outputs {
    f0: DMatrix<f64>,
    response: DMatrix<f64>,
}

impl Outputs {
    fn of(
        network: &mut dyn Network<f64>,
        start: &Parameters,
        x: &DMatrix<f64>,
        model: &Linearised,
    ) -> Self {
        let f0 = network.forward(start, x);
        let mut response = DMatrix::zeros(f0.len(), model.eigenvalues().len());
        let mut first = 0;
        while first < x.ncols() {
            let count = CHUNK.min(x.ncols() - first);
            let jacobian = network.jacobian(start, &x.columns(first, count).into_owned());
            response
                .rows_mut(first * f0.nrows(), count * f0.nrows())
                .copy_from(&model.response(&jacobian));
            first += count;
        }
        Outputs { f0, response }
    }

    fn at(&self, model: &Linearised, step: f64) -> DMatrix<f64> {
        let moved = &self.response * model.progress(step);
        &self.f0 + DMatrix::from_column_slice(self.f0.nrows(), self.f0.ncols(), moved.as_slice())
    }

    /// The same for `f B` in place of `f` (`B: samples x columns`).
    fn times(&self, b: &DMatrix<f64>) -> Self {
        let (outputs, columns) = (self.f0.nrows(), b.ncols());
        let mut response = DMatrix::zeros(outputs * columns, self.response.ncols());
        for (k, column) in self.response.column_iter().enumerate() {
            let f = DMatrix::from_column_slice(
                outputs,
                self.f0.ncols(),
                column.clone_owned().as_slice(),
            );
            response.column_mut(k).copy_from_slice((f * b).as_slice());
        }
        Outputs {
            f0: &self.f0 * b,
            response,
        }
    }
}

impl Empirical {
    /// End-to-end map: of a linear network itself, else the regression of its outputs on the training inputs.
    fn map(
        &self,
        network: &mut dyn Network<f64>,
        start: &Parameters,
        train: &Outputs,
        dataset: &Dataset,
        model: &Linearised,
    ) -> Result<Outputs> {
        if self.linear {
            let unit = DMatrix::identity(self.shape.inputs, self.shape.inputs);
            return Ok(Outputs::of(network, start, &unit, model));
        }
        let gram = &dataset.x * dataset.x.transpose();
        Ok(train.times(&solve_spd(&gram, &dataset.x)?.transpose()))
    }

    /// Half-rise times as a network trained step by step shows them: linear between the two steps around the crossing.
    fn half_rises(&self, map: &Outputs, modes: &Modes, model: &Linearised) -> Vec<f64> {
        let mut times = vec![f64::NAN; modes.s.len()];
        // Rows of the response that make up each mode strength.
        let strengths = mode_strengths(&map.f0, modes);
        let mut rows = DMatrix::zeros(modes.s.len(), map.response.ncols());
        for (k, column) in map.response.column_iter().enumerate() {
            let f = DMatrix::from_column_slice(
                map.f0.nrows(),
                map.f0.ncols(),
                column.clone_owned().as_slice(),
            );
            for (i, u) in mode_strengths(&f, modes).into_iter().enumerate() {
                rows[(i, k)] = u;
            }
        }
        let mut before = strengths.clone();
        for step in 0..=self.steps {
            let now = &rows * model.progress(step as f64);
            for i in 0..times.len() {
                let (half, u) = (0.5 * modes.s[i], strengths[i] + now[i]);
                if times[i].is_nan() && modes.s[i] > 0.0 && u >= half {
                    let part = match step {
                        0 => 0.0,
                        _ => step as f64 - 1.0 + (half - before[i]) / (u - before[i]),
                    };
                    times[i] = self.learning_rate * part;
                }
                before[i] = u;
            }
            if times.iter().all(|t| !t.is_nan()) {
                break;
            }
        }
        times
    }
}

impl Solve for Empirical {
    fn inputs(&self) -> Json {
        let learner = component_json(self.learner.about(), self.learner.resolved());
        let Empirical {
            loss,
            learning_rate,
            rate,
            steps,
            time,
            ..
        } = self;
        json!([learner, loss, learning_rate, rate, steps, time])
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let dataset = draw.dataset.as_deref();
        let dataset = dataset.ok_or_else(|| missing("the data set"))?;
        let start = draw.initial.as_deref();
        let start = start.ok_or_else(|| missing("the initial parameters"))?;
        let mut network = self.learner.network(self.shape);
        let network = network.as_mut();
        let w = self.loss.weight(dataset.samples());
        let jacobian = network.jacobian(start, &dataset.x);
        let f0 = network.forward(start, &dataset.x);
        let model = Linearised::new(&jacobian, &f0, &dataset.y, w, self.rate, self.time);
        let model = model.map_err(|e| match e {
            // A step that is too large for the kernel is a matter of this draw, not of the run.
            Error::Input { cause, remedy, .. } => Error::Declined {
                reason: format!("{cause} ({remedy})"),
            },
            other => other,
        })?;
        let train = Outputs {
            response: model.response(&jacobian),
            f0,
        };
        drop(jacobian);

        let mut sheet = Sheet::new(asked);
        let needs_map = ["mode-strength", "half-rise-time", "input-output-map"]
            .iter()
            .any(|name| sheet.asks_for(name));
        let map = match needs_map {
            true => Some(self.map(network, start, &train, dataset, &model)?),
            false => None,
        };
        let needs_test = sheet.asks_for("test-loss") || sheet.asks_for("predictor-mean");
        let test = match (&dataset.test, needs_test) {
            (Some((x, y)), true) => Some((Outputs::of(network, start, x, &model), y)),
            _ => None,
        };
        let half_squares = |f: DMatrix<f64>, y: &DMatrix<f64>| {
            0.5 * self.loss.weight(y.ncols()) * (y - f).norm_squared()
        };
        let times = sheet.times();
        for (k, &t) in times.iter().enumerate() {
            cx.look(k as f64 / times.len() as f64)?;
            let step = match self.time {
                Time::Discrete => (t / self.learning_rate).round(),
                Time::Flow => t / self.learning_rate,
            };
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(match (name, &map, &test) {
                    ("train-loss", _, _) => {
                        vec![half_squares(train.at(&model, step), &dataset.y)]
                    }
                    ("test-loss", _, Some((test, y))) => {
                        vec![half_squares(test.at(&model, step), y)]
                    }
                    ("mode-strength", Some(map), _) => {
                        mode_strengths(&map.at(&model, step), &dataset.modes)
                    }
                    ("input-output-map", Some(map), _) => entries(&map.at(&model, step)),
                    ("ntk-change", _, _) => vec![0.0],
                    _ => Vec::new(),
                })
            })?;
        }
        if let (true, Some(map)) = (sheet.asks_for("half-rise-time"), &map) {
            sheet.whole(
                "half-rise-time",
                &self.half_rises(map, &dataset.modes, &model),
            );
        }
        if let (true, Some((test, _))) = (sheet.asks_for("predictor-mean"), &test) {
            let last = test.at(&model, self.steps as f64);
            sheet.whole("predictor-mean", &entries(&last));
        }
        let size = dataset.y.norm() + train.f0.norm();
        let power = w * size * size;
        let horizon = self.learning_rate * self.steps as f64;
        let answers = sheet.answers(|name, _, _, _| match name {
            "ntk-change" => 0.0,
            "train-loss" | "test-loss" => 1e-11 * power,
            "half-rise-time" => 1e-10 * horizon,
            _ => 1e-11 * power.sqrt().max(1.0),
        });
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method: format!("eigendecomposition of size {}", model.eigenvalues().len()),
                iterations: 1,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
