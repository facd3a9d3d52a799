//! The matched prediction: from each replica's actual initial weights and data set.

use super::entry::Method;
use super::flow::WeightFlow;
use super::matrix::{BALANCE_TOLERANCE, balance};
use super::path::{Closed, Path, half_rise_times, product};
use super::reading::{Data, Reader, is_smooth};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::learner::StartView;
use crate::numerics::chebyshev::Marcher;
use crate::numerics::flow::Tolerance;
use crate::theory::gate::{self, LinearNetwork};
use crate::theory::readout::entries;
use crate::theory::sheet::Sheet;
use crate::theory::{Asked, Plan, Prediction, Solve, SolverReport, answered, missing};
use nalgebra::DMatrix;
use serde_json::{Value as Json, json};

/// Error allowed where the closed form is interpolated in time (24 Chebyshev points per panel), in units of each
/// observable.
const INTERPOLATION: f64 = 1e-11;

/// An entry with `condition = "initial"`.
struct Matched {
    network: LinearNetwork,
    method: Method,
    /// The key that makes the inputs white.
    whitening: Option<&'static str>,
}

pub(super) fn plan(
    network: LinearNetwork,
    experiment: &Experiment,
    method: Method,
    asked: &[Asked],
) -> std::result::Result<Plan, Declined> {
    let has_test = experiment.task.has_test();
    let answers = answered(
        asked,
        |name| match name {
            "test-loss" | "predictor-mean" => has_test,
            "train-loss" | "mode-strength" | "singular-alignment" | "half-rise-time"
            | "conserved-drift" | "ntk-change" | "input-output-map" => true,
            _ => false,
        },
        "predicts none of the measured observables",
    )?;
    let points: usize = answers.iter().map(|&i| asked[i].size()).sum();
    let weights: usize = network.view.widths.windows(2).map(|w| w[0] * w[1]).sum();
    let seconds = match may_integrate(&network, experiment, method) {
        true => {
            let questions: Vec<&Asked> = answers.iter().map(|&i| &asked[i]).collect();
            integration_seconds(&network, experiment, &questions)
        }
        false => {
            let widest = network.view.widths.iter().copied().max().unwrap_or(1);
            1e-9 * (8 * weights * widest * (500 + points)) as f64
        }
    };
    let promise = Promise {
        limits: network.limits(),
        bytes: 8 * (24 * weights + 4 * points) as u64 + 3 * gate::data_bytes(experiment),
        seconds,
        notes: match method {
            Method::Auto | Method::Ode => Vec::new(),
            Method::ClosedForm => vec![gate::NOTE.into()],
        },
        assumptions: match method {
            Method::Auto | Method::Ode => Vec::new(),
            Method::ClosedForm => vec!["whitened inputs".into()],
        },
        ..Promise::of(Conditioning::Initial)
    };
    let solver = Matched {
        network,
        method,
        whitening: experiment.task.whitening(),
    };
    Ok(Plan::new(promise, asked, answers, solver))
}

/// False where the closed form is sure to apply.
fn may_integrate(network: &LinearNetwork, experiment: &Experiment, method: Method) -> bool {
    let is_balanced = matches!(
        network.view.start,
        StartView::Balanced { .. } | StartView::LambdaBalanced { .. } | StartView::Aligned { .. }
    );
    let is_white = experiment.task.modes().is_some();
    match method {
        Method::ClosedForm => false,
        Method::Ode => true,
        Method::Auto => !(network.layers() == 2 && is_balanced && is_white),
    }
}

/// Estimated time of the integration to both tolerances. It has steps for accuracy, for every time asked for, and for
/// stability: at most 0.6 per step of the training (see [`WeightFlow`]), of which a quarter is taken as usual. A step
/// costs six evaluations.
fn integration_seconds(network: &LinearNetwork, experiment: &Experiment, asked: &[&Asked]) -> f64 {
    let weights: usize = network.view.widths.windows(2).map(|w| w[0] * w[1]).sum();
    let columns = network.shape.inputs.min(network.shape.samples).max(1);
    let stable = match network.is_flow {
        true => 0.0,
        false => 0.15 * experiment.training.as_ref().map_or(0, |t| t.steps()) as f64,
    };
    let marches = match asked.iter().any(|a| a.name() == "half-rise-time") {
        true => 4.0,
        false => 2.0,
    };
    let axes = asked.iter().flat_map(|a| a.axes());
    let times = axes.filter(|axis| axis.name == "time");
    let times = times.map(|axis| axis.values.len()).max().unwrap_or(0);
    let steps = 500.0 + times as f64 + stable;
    marches * steps * 6.0 * (1e-8 * (weights * columns) as f64 + 5e-6)
}

impl Matched {
    /// The path from these weights.
    fn path(&self, weights: &[DMatrix<f64>], data: &Data, relative: f64) -> Result<Path> {
        let s = &data.moments.yx;
        let closed = match self.method {
            Method::Ode => false,
            Method::ClosedForm => true,
            Method::Auto if data.inputs.is_some() => false,
            Method::Auto => {
                weights.len() == 2 && balance(&weights[0], &weights[1]).1 <= BALANCE_TOLERANCE
            }
        };
        if closed {
            let closed = Closed::new(s, &data.dataset.modes, &weights[0], &weights[1])?;
            return Ok(Path::Closed(Box::new(closed)));
        }
        let count: usize = weights.iter().map(|w| w.len()).sum();
        let size: f64 = weights.iter().map(|w| w.norm_squared()).sum();
        let tolerance = Tolerance {
            relative,
            absolute: relative * (size / count as f64).sqrt().max(1e-30),
            ..Tolerance::default()
        };
        let path = match &data.inputs {
            Some(inputs) => WeightFlow::new(inputs.clone(), weights.to_vec(), tolerance),
            None => WeightFlow::whitened(s, weights.to_vec(), tolerance),
        };
        Ok(Path::Integrated(Box::new(path)))
    }

    /// Fills a sheet along one path; returns the path and how the closed form was evaluated.
    fn fill(
        &self,
        mut path: Path,
        data: &Data,
        sheet: &mut Sheet,
        cx: &Context,
    ) -> Result<(Path, String)> {
        let speed = self.network.speed();
        let start = path.clone();
        let initial = start.weights();
        let reader = Reader::new(&self.network, data, &initial, sheet);
        let (mut evaluations, mut form) = (0, "dense");
        if let Path::Closed(closed) = &path {
            let times = sheet.times_of(is_smooth);
            let allowed: Vec<f64> = reader
                .smooth
                .iter()
                .flat_map(|name| {
                    let allowed = INTERPOLATION * self.scale(name, data);
                    vec![allowed.max(f64::MIN_POSITIVE); reader.size(name)]
                })
                .collect();
            let exact = |path: &mut Box<Closed>, times: &[f64]| {
                let times: Vec<f64> = times.iter().map(|t| speed * t).collect();
                reader.smooth(path, &times)
            };
            let length = 2.0 / (speed * closed.dense.pace());
            let mut marcher = Marcher::new(closed.clone(), exact, &allowed, length);
            for (&t, values) in times.iter().zip(marcher.sample(&times)?) {
                sheet.at_time(t, |name| Ok::<_, Error>(reader.part(name, &values)))?;
            }
            evaluations = marcher.evaluations();
            form = match reader.needs_weights() {
                true => "dense",
                false => marcher.path().form(),
            };
        }
        let closed = matches!(path, Path::Closed(_));
        let times = sheet.times_of(|name| !(closed && is_smooth(name)));
        for (k, &t) in times.iter().enumerate() {
            cx.look(k as f64 / times.len() as f64)?;
            path.advance(speed * t)?;
            let weights = path.weights();
            let f = product(&weights);
            sheet.at_time(t, |name| match closed && is_smooth(name) {
                true => Ok(Vec::new()),
                false => reader.block(name, &weights, &f),
            })?;
            evaluations += 1;
        }
        if let (true, Some((x, _))) = (sheet.asks_for("predictor-mean"), &data.dataset.test) {
            path.advance(speed * self.network.horizon)?;
            let last = product(&path.weights()) * x;
            sheet.whole("predictor-mean", &entries(&last));
        }
        if sheet.asks_for("half-rise-time") {
            let horizon = speed * self.network.horizon;
            let size: f64 = initial.iter().map(|w| w.norm()).sum();
            let pace = data.moments.yx.norm() + data.largest().max(1.0) * size;
            let intervals = (2.0 * horizon * pace).ceil().clamp(64.0, 4096.0) as usize;
            let allowed = INTERPOLATION * self.scale("mode-strength", data);
            let times = half_rise_times(start, &data.dataset.modes, horizon, intervals, allowed)?;
            let times: Vec<f64> = times.iter().map(|t| t / speed).collect();
            sheet.whole("half-rise-time", &times);
        }
        Ok((path, format!("{form}, evaluated at {evaluations} times")))
    }

    /// Size of an observable to which its numerical error is relative.
    fn scale(&self, name: &str, data: &Data) -> f64 {
        match name {
            "conserved-drift" => 0.0,
            "train-loss" | "test-loss" => data.moments.yy,
            "half-rise-time" => self.network.horizon,
            "ntk-change" | "singular-alignment" => 10.0,
            _ => data.size,
        }
    }

    /// Rounding, interpolation in time and whitening error of the exact solution, in units of each observable.
    fn rounding(&self, name: &str, data: &Data) -> f64 {
        let error = 1e-12 + INTERPOLATION + 10.0 * data.whitening;
        let error = match name {
            "half-rise-time" => error.max(1e-10),
            _ => error,
        };
        error * self.scale(name, data)
    }
}

impl Solve for Matched {
    fn inputs(&self) -> Json {
        let n = &self.network;
        json!([self.method, n.weight_scale(), n.speed(), n.loss, n.horizon])
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let dataset = draw.dataset.as_deref();
        let dataset = dataset.ok_or_else(|| missing("the data set"))?;
        let initial = draw.initial.as_deref();
        let initial = initial.ok_or_else(|| missing("the initial weights"))?;
        if self.method == Method::ClosedForm {
            let otherwise = Some("method = \"ode\" takes any inputs");
            gate::whitened(dataset, self.network.loss, self.whitening, otherwise)?;
        }
        let scale = self.network.weight_scale();
        let weights: Vec<_> = initial.blocks.iter().map(|b| b * scale).collect();
        let mut data = Data::new(dataset, self.network.loss)?;

        let mut sheet = Sheet::new(asked);
        let path = self.path(&weights, &data, 1e-10)?;
        let (end, effort) = self.fill(path, &data, &mut sheet, cx)?;
        data.size = data.size.max(end.product().norm());
        let (coarse, solver) = match &end {
            Path::Closed(path) => {
                let (lambda, residual) = balance(&weights[0], &weights[1]);
                let report = SolverReport {
                    method: format!("closed form, lambda = {lambda:.4e}; {effort}"),
                    iterations: path.dense.steps(),
                    residual,
                };
                (None, report)
            }
            Path::Integrated(path) => {
                let mut coarse = Sheet::new(asked);
                let loose = self.path(&weights, &data, 1e-8)?;
                self.fill(loose, &data, &mut coarse, cx)?;
                let report = SolverReport {
                    method: match &data.inputs {
                        None => "Dormand-Prince 5(4) on the weights, relative 1e-10".into(),
                        Some(inputs) => inputs.told(),
                    },
                    iterations: path.report().steps,
                    residual: path.drift(),
                };
                (Some(coarse), report)
            }
        };
        let answers = sheet.answers(|name, slot, index, value| {
            let integration = match &coarse {
                Some(coarse) => (value - coarse.value(slot, index)).abs(),
                None => 0.0,
            };
            let integration = if integration.is_nan() {
                0.0
            } else {
                integration
            };
            self.rounding(name, &data) + integration
        });
        Ok(Prediction {
            answers,
            solver,
            warnings: Vec::new(),
        })
    }
}
