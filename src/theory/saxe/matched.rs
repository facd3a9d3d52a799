//! The matched prediction: from each replica's actual initial weights and data set.

use super::entry::Method;
use super::flow::WeightFlow;
use super::matrix::{BALANCE_TOLERANCE, Balanced, balance};
use super::path::{Path, half_rise_times, product};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Promise};
use crate::instrument::{Declined, Wanted};
use crate::numerics::flow::Tolerance;
use crate::task::{Dataset, Moments};
use crate::theory::gate::{self, LinearNetwork};
use crate::theory::readout::{LinearKernel, entries, loss, mode_strengths, singular_alignment};
use crate::theory::sheet::Sheet;
use crate::theory::{Plan, Prediction, SolverReport, missing};
use nalgebra::DMatrix;

/// Largest number of training inputs on which the tangent kernel is compared.
const KERNEL_INPUTS: usize = 32;

/// The plan of an entry with `condition = "initial"`.
pub(super) struct Matched {
    network: LinearNetwork,
    method: Method,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Matched {
    pub(super) fn new(
        network: LinearNetwork,
        method: Method,
        wanted: &[Wanted],
    ) -> std::result::Result<Self, Declined> {
        let has_test = network.example.test.is_some();
        let covers = gate::covered(
            wanted,
            |name| match name {
                "test-loss" => has_test,
                "train-loss" | "mode-strength" | "singular-alignment" | "half-rise-time"
                | "conserved-drift" | "ntk-change" | "input-output-map" => true,
                _ => false,
            },
            "predicts none of the measured observables",
        )?;
        let weights: usize = network.view.widths.windows(2).map(|w| w[0] * w[1]).sum();
        let points: usize = covers.iter().map(|&i| wanted[i].size()).sum();
        let widest = network.view.widths.iter().copied().max().unwrap_or(1);
        let promise = Promise {
            conditioning: Conditioning::Initial,
            limits: network.limits(),
            averages_over: Vec::new(),
            bytes: 8 * (24 * weights + 4 * points) as u64 + network.example.bytes(),
            seconds: 1e-9 * (8 * weights * widest * (500 + points)) as f64,
        };
        Ok(Matched {
            network,
            method,
            wanted: wanted.to_vec(),
            covers,
            promise,
        })
    }

    /// The path from these weights, and the closed form's imbalance where it is used.
    fn path(&self, weights: &[DMatrix<f64>], s: &DMatrix<f64>, relative: f64) -> Result<Path> {
        let closed = match self.method {
            Method::Ode => false,
            Method::ClosedForm => true,
            Method::Auto => {
                weights.len() == 2 && balance(&weights[0], &weights[1]).1 <= BALANCE_TOLERANCE
            }
        };
        if closed {
            return Balanced::new(s, &weights[0], &weights[1]).map(Path::Closed);
        }
        let count: usize = weights.iter().map(|w| w.len()).sum();
        let size: f64 = weights.iter().map(|w| w.norm_squared()).sum();
        let tolerance = Tolerance {
            relative,
            absolute: relative * (size / count as f64).sqrt().max(1e-30),
            ..Tolerance::default()
        };
        let path = WeightFlow::whitened(s, weights.to_vec(), tolerance);
        Ok(Path::Integrated(path))
    }

    /// Fills a sheet along one path; returns the path at the last time.
    fn fill(
        &self,
        mut path: Path,
        s: &DMatrix<f64>,
        dataset: &Dataset,
        sheet: &mut Sheet,
    ) -> Result<Path> {
        let speed = self.network.speed();
        let w = self.network.loss.weight(dataset.samples());
        let floor = loss(s, (&dataset.x, &dataset.y), w);
        let probe = dataset
            .x
            .columns(0, dataset.samples().min(KERNEL_INPUTS))
            .into_owned();
        let start = path.clone();
        let kernel0 = sheet
            .asks_for("ntk-change")
            .then(|| LinearKernel::new(&start.weights(), &probe));
        for t in sheet.times() {
            path.advance(speed * t)?;
            let weights = path.weights();
            let f = product(&weights);
            sheet.at_time(t, |name| {
                Ok::<_, Error>(match name {
                    "train-loss" => vec![floor + 0.5 * (s - &f).norm_squared()],
                    "test-loss" => {
                        let Some((x, y)) = &dataset.test else {
                            return Err(missing("the test set"));
                        };
                        vec![loss(&f, (x, y), self.network.loss.weight(x.ncols()))]
                    }
                    "mode-strength" => mode_strengths(&f, &dataset.modes),
                    "singular-alignment" => singular_alignment(&f, &dataset.modes)?,
                    "input-output-map" => entries(&f),
                    "ntk-change" => match &kernel0 {
                        Some(kernel0) => {
                            vec![kernel0.change(&LinearKernel::new(&weights, &probe))]
                        }
                        None => Vec::new(),
                    },
                    _ => vec![0.0],
                })
            })?;
        }
        if sheet.asks_for("half-rise-time") {
            let horizon = speed * self.network.horizon;
            let pace: f64 = s.norm() + start.weights().iter().map(|w| w.norm()).sum::<f64>();
            let intervals = (2.0 * horizon * pace).ceil().clamp(64.0, 4096.0) as usize;
            let times = half_rise_times(start, &dataset.modes, horizon, intervals)?;
            let times: Vec<f64> = times.iter().map(|t| t / speed).collect();
            sheet.whole("half-rise-time", &times);
        }
        Ok(path)
    }

    /// Rounding and whitening error of the exact solution, in units of each observable.
    fn rounding(&self, name: &str, moments: &Moments, whitening: f64) -> f64 {
        let error = 1e-12 + 10.0 * whitening;
        match name {
            "conserved-drift" => 0.0,
            "train-loss" | "test-loss" => error * moments.yy,
            "half-rise-time" => error.max(1e-10) * self.network.horizon,
            "ntk-change" | "singular-alignment" => 10.0 * error,
            _ => error * moments.yx.norm().max(1.0),
        }
    }
}

impl Plan for Matched {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, draw: &Draw) -> Result<Prediction> {
        let dataset = draw
            .dataset
            .as_deref()
            .ok_or_else(|| missing("the data set"))?;
        let initial = draw
            .initial
            .as_deref()
            .ok_or_else(|| missing("the initial weights"))?;
        let whitening = gate::whitened(dataset, self.network.loss)
            .map_err(|d| Error::unconverged("saxe", d.0, "use a task with whitened inputs"))?;
        let scale = self.network.weight_scale();
        let weights: Vec<_> = initial.blocks.iter().map(|b| b * scale).collect();
        let moments = dataset.moments(self.network.loss.weight(dataset.samples()));
        let s = &moments.yx;

        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        let end = self.fill(self.path(&weights, s, 1e-10)?, s, dataset, &mut sheet)?;
        let (coarse, solver) = match &end {
            Path::Closed(path) => {
                let (lambda, residual) = balance(&weights[0], &weights[1]);
                let report = SolverReport {
                    method: format!("closed form, lambda = {lambda:.4e}"),
                    iterations: path.steps(),
                    residual,
                };
                (None, report)
            }
            Path::Integrated(path) => {
                let mut coarse = Sheet::new(&self.wanted, &self.covers);
                self.fill(self.path(&weights, s, 1e-8)?, s, dataset, &mut coarse)?;
                let report = SolverReport {
                    method: "Dormand-Prince 5(4) on the weights, relative 1e-10".into(),
                    iterations: path.report().steps,
                    residual: path.drift(),
                };
                (Some(coarse), report)
            }
        };
        let observables = sheet.predictions(|name, slot, index, value| {
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
            observables,
            solver,
            warnings: Vec::new(),
        })
    }
}
