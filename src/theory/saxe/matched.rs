//! The matched prediction: from each replica's actual initial weights and data set.

use super::entry::Method;
use super::flow::WeightFlow;
use super::matrix::{BALANCE_TOLERANCE, balance};
use super::path::{Closed, Path, half_rise_times, product};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::numerics::chebyshev::Marcher;
use crate::numerics::flow::Tolerance;
use crate::task::{Dataset, Modes, Moments};
use crate::theory::gate::{self, LinearNetwork};
use crate::theory::readout::{LinearKernel, entries, loss, mode_strengths, singular_alignment};
use crate::theory::sheet::Sheet;
use crate::theory::{Asked, Plan, Prediction, Solve, SolverReport, answered, missing};
use nalgebra::{DMatrix, DVector};
use serde_json::{Value as Json, json};

/// Largest number of training inputs on which the tangent kernel is compared.
const KERNEL_INPUTS: usize = 32;

/// Error allowed where the closed form is interpolated in time (24 Chebyshev points per panel), in units of each observable.
const INTERPOLATION: f64 = 1e-11;

/// An entry with `condition = "initial"`.
struct Matched {
    network: LinearNetwork,
    method: Method,
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
    let weights: usize = network.view.widths.windows(2).map(|w| w[0] * w[1]).sum();
    let points: usize = answers.iter().map(|&i| asked[i].size()).sum();
    let widest = network.view.widths.iter().copied().max().unwrap_or(1);
    let promise = Promise {
        limits: network.limits(),
        bytes: 8 * (24 * weights + 4 * points) as u64 + gate::data_bytes(experiment),
        seconds: 1e-9 * (8 * weights * widest * (500 + points)) as f64,
        notes: vec![gate::NOTE.into()],
        ..Promise::of(Conditioning::Initial)
    };
    let solver = Matched { network, method };
    Ok(Plan::new(promise, asked, answers, solver))
}

impl Matched {
    /// The path from these weights.
    fn path(
        &self,
        weights: &[DMatrix<f64>],
        s: &DMatrix<f64>,
        modes: &Modes,
        relative: f64,
    ) -> Result<Path> {
        let closed = match self.method {
            Method::Ode => false,
            Method::ClosedForm => true,
            Method::Auto => {
                weights.len() == 2 && balance(&weights[0], &weights[1]).1 <= BALANCE_TOLERANCE
            }
        };
        if closed {
            let closed = Closed::new(s, modes, &weights[0], &weights[1])?;
            return Ok(Path::Closed(Box::new(closed)));
        }
        let count: usize = weights.iter().map(|w| w.len()).sum();
        let size: f64 = weights.iter().map(|w| w.norm_squared()).sum();
        let tolerance = Tolerance {
            relative,
            absolute: relative * (size / count as f64).sqrt().max(1e-30),
            ..Tolerance::default()
        };
        let path = WeightFlow::whitened(s, weights.to_vec(), tolerance);
        Ok(Path::Integrated(Box::new(path)))
    }

    /// Fills a sheet along one path; returns the path and how the closed form was evaluated.
    fn fill(
        &self,
        mut path: Path,
        moments: &Moments,
        dataset: &Dataset,
        sheet: &mut Sheet,
        cx: &Context,
    ) -> Result<(Path, String)> {
        let speed = self.network.speed();
        let start = path.clone();
        let initial = start.weights();
        let reader = Reader::new(&self.network, dataset, &moments.yx, &initial, sheet);
        let (mut evaluations, mut form) = (0, "dense");
        if let Path::Closed(closed) = &path {
            let times = sheet.times_of(is_smooth);
            let allowed: Vec<f64> = reader
                .smooth
                .iter()
                .flat_map(|name| {
                    let allowed = INTERPOLATION * self.scale(name, moments);
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
        if let (true, Some((x, _))) = (sheet.asks_for("predictor-mean"), &dataset.test) {
            path.advance(speed * self.network.horizon)?;
            let last = product(&path.weights()) * x;
            sheet.whole("predictor-mean", &entries(&last));
        }
        if sheet.asks_for("half-rise-time") {
            let horizon = speed * self.network.horizon;
            let pace: f64 = moments.yx.norm() + initial.iter().map(|w| w.norm()).sum::<f64>();
            let intervals = (2.0 * horizon * pace).ceil().clamp(64.0, 4096.0) as usize;
            let allowed = INTERPOLATION * self.scale("mode-strength", moments);
            let times = half_rise_times(start, &dataset.modes, horizon, intervals, allowed)?;
            let times: Vec<f64> = times.iter().map(|t| t / speed).collect();
            sheet.whole("half-rise-time", &times);
        }
        Ok((path, format!("{form}, evaluated at {evaluations} times")))
    }

    /// Size of an observable to which its numerical error is relative.
    fn scale(&self, name: &str, moments: &Moments) -> f64 {
        match name {
            "conserved-drift" => 0.0,
            "train-loss" | "test-loss" => moments.yy,
            "half-rise-time" => self.network.horizon,
            "ntk-change" | "singular-alignment" => 10.0,
            _ => moments.yx.norm().max(1.0),
        }
    }

    /// Rounding, interpolation in time and whitening error of the exact solution, in units of each observable.
    fn rounding(&self, name: &str, moments: &Moments, whitening: f64) -> f64 {
        let error = 1e-12 + INTERPOLATION + 10.0 * whitening;
        let error = match name {
            "half-rise-time" => error.max(1e-10),
            _ => error,
        };
        error * self.scale(name, moments)
    }
}

/// Observables that are analytic in time and few numbers each.
const SMOOTH: [&str; 5] = [
    "train-loss",
    "test-loss",
    "mode-strength",
    "ntk-change",
    "conserved-drift",
];

fn is_smooth(name: &str) -> bool {
    SMOOTH.contains(&name)
}

/// What is read off the weights at one time.
struct Reader<'a> {
    network: &'a LinearNetwork,
    dataset: &'a Dataset,
    s: &'a DMatrix<f64>,
    /// Loss of the best linear map.
    floor: f64,
    probe: DMatrix<f64>,
    kernel0: Option<LinearKernel>,
    /// Smooth observables that were asked for.
    smooth: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    fn new(
        network: &'a LinearNetwork,
        dataset: &'a Dataset,
        s: &'a DMatrix<f64>,
        initial: &[DMatrix<f64>],
        sheet: &Sheet,
    ) -> Self {
        let samples = dataset.samples();
        let probe = dataset
            .x
            .columns(0, samples.min(KERNEL_INPUTS))
            .into_owned();
        let smooth = SMOOTH.into_iter().filter(|name| sheet.asks_for(name));
        Reader {
            network,
            dataset,
            s,
            floor: loss(s, (&dataset.x, &dataset.y), network.loss.weight(samples)),
            kernel0: sheet
                .asks_for("ntk-change")
                .then(|| LinearKernel::new(initial, &probe)),
            probe,
            smooth: smooth.collect(),
        }
    }

    /// Numbers in a smooth observable at one time.
    fn size(&self, name: &str) -> usize {
        match name {
            "mode-strength" => self.dataset.modes.s.len(),
            _ => 1,
        }
    }

    /// An observable of weights with the end-to-end map `f`.
    fn block(&self, name: &str, weights: &[DMatrix<f64>], f: &DMatrix<f64>) -> Result<Vec<f64>> {
        let modes = &self.dataset.modes;
        Ok(match name {
            "train-loss" => vec![self.floor + 0.5 * (self.s - f).norm_squared()],
            "test-loss" => {
                let Some((x, y)) = &self.dataset.test else {
                    return Err(missing("the test set"));
                };
                vec![loss(f, (x, y), self.network.loss.weight(x.ncols()))]
            }
            "mode-strength" => mode_strengths(f, modes),
            "singular-alignment" => singular_alignment(f, modes)?,
            "input-output-map" => entries(f),
            "ntk-change" => match &self.kernel0 {
                Some(kernel0) => vec![kernel0.change(&LinearKernel::new(weights, &self.probe))],
                None => Vec::new(),
            },
            _ => vec![0.0],
        })
    }

    /// True when a smooth observable asked for is more than strengths and training loss.
    fn needs_weights(&self) -> bool {
        let names = ["test-loss", "ntk-change"];
        self.smooth.iter().any(|name| names.contains(name))
    }

    /// All smooth observables of the closed form at ascending times, one after the other; weights are formed only where one needs
    /// them.
    fn smooth(&self, path: &mut Closed, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        if !self.needs_weights() {
            let values = path.strengths_and_losses(times)?.into_iter();
            let list = |value| self.list(value, &[], &DMatrix::zeros(0, 0));
            return values.map(list).collect();
        }
        path.dense.visit(times, |now| {
            let (w1, w2) = now.weights();
            let weights = [w1, w2];
            let f = product(&weights);
            self.list(now.strengths_and_loss(), &weights, &f)
        })
    }

    fn list(
        &self,
        (strengths, distance): (DVector<f64>, f64),
        weights: &[DMatrix<f64>],
        f: &DMatrix<f64>,
    ) -> Result<Vec<f64>> {
        let mut values = Vec::new();
        for name in &self.smooth {
            match *name {
                "train-loss" => values.push(self.floor + distance),
                "mode-strength" => values.extend_from_slice(strengths.as_slice()),
                "conserved-drift" => values.push(0.0),
                name => values.extend(self.block(name, weights, f)?),
            }
        }
        Ok(values)
    }

    /// The part of [`Reader::smooth`] that is one observable; nothing for others.
    fn part(&self, name: &str, values: &[f64]) -> Vec<f64> {
        let mut start = 0;
        for known in &self.smooth {
            let end = start + self.size(known);
            if *known == name {
                return values[start..end].to_vec();
            }
            start = end;
        }
        Vec::new()
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
        let whitening = gate::whitened(dataset, self.network.loss)?;
        let scale = self.network.weight_scale();
        let weights: Vec<_> = initial.blocks.iter().map(|b| b * scale).collect();
        let moments = dataset.moments(self.network.loss.weight(dataset.samples()));
        let (s, modes) = (&moments.yx, &dataset.modes);

        let mut sheet = Sheet::new(asked);
        let path = self.path(&weights, s, modes, 1e-10)?;
        let (end, effort) = self.fill(path, &moments, dataset, &mut sheet, cx)?;
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
                let loose = self.path(&weights, s, modes, 1e-8)?;
                self.fill(loose, &moments, dataset, &mut coarse, cx)?;
                let report = SolverReport {
                    method: "Dormand-Prince 5(4) on the weights, relative 1e-10".into(),
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
            self.rounding(name, &moments, whitening) + integration
        });
        Ok(Prediction {
            answers,
            solver,
            warnings: Vec::new(),
        })
    }
}
