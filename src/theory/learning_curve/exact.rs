//! Learning curves of tasks that state their spectrum: the population is exact.

use super::adapter::Average;
use super::learning_curve;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Limit, Promise};
use crate::instrument::observable::size;
use crate::learner::KernelView;
use crate::rg::{Equivalent, Level, Spectrum, closed_form, equivalent_kernel};
use crate::task::Task;
use crate::theory::{Answer, Asked, Known, Prediction, Solve, SolverReport};
use serde_json::{Value as Json, json};

/// What it answers.
pub(super) const OBSERVABLES: &[&str] = &[
    "train-loss",
    "test-loss",
    "chain-loss",
    "chain-test-loss",
    "population-error",
    "population-mode-error",
    "population-mode-learnability",
];

/// Kernel ridge regression on samples of a population whose spectrum is known.
pub(super) struct Exact {
    /// The task as the key of the record.
    task: Json,
    spectrum: Spectrum,
    kernel: KernelView,
    samples: usize,
    average: Average,
    /// The same in all data sets, so that a quotient by it has a mean that is known.
    fixed_target: bool,
}

impl Exact {
    /// `None` where the task has no such spectrum.
    pub fn of(task: &dyn Task, kernel: &KernelView, average: Average) -> Option<Self> {
        Some(Exact {
            task: crate::experiment::component_json(task.about(), task.resolved()),
            spectrum: task.spectrum(&kernel.kernel)?,
            kernel: kernel.clone(),
            samples: task.shape().samples,
            average,
            fixed_target: task.gaussian_inputs().is_some_and(|g| !g.drawn_shares),
        })
    }

    /// Whether it has a number for this question.
    pub fn knows(&self, asked: &Asked) -> bool {
        OBSERVABLES.contains(&asked.name()) && (self.fixed_target || !is_relative(asked))
    }

    /// Whether the error diverges: as many samples as modes, and no ridge.
    pub fn is_at_threshold(&self) -> bool {
        self.kernel.ridge == 0.0 && self.spectrum.rank() == self.samples as f64
    }

    pub fn promise(&self, mut limits: Vec<Limit>) -> Promise {
        limits.push(Limit::infinite("task.samples"));
        let assumption = match self.average {
            Average::Samples => {
                "a mean over data sets up to terms of order 1/P of itself; the spectrum is that of the task, exactly"
            }
            Average::Density => "the spectrum is that of the task, exactly",
        };
        Promise {
            assumptions: vec![assumption.into()],
            limits,
            averages_over: vec!["datasets"],
            bytes: 24 * self.spectrum.len() as u64,
            seconds: 1e-7 * self.spectrum.len() as f64,
            ..Promise::of(Conditioning::None)
        }
    }

    fn curve(&self) -> Result<Equivalent> {
        let (samples, ridge) = (self.samples as f64, self.kernel.ridge);
        match self.average {
            Average::Samples => learning_curve(&self.spectrum, samples, ridge),
            Average::Density => equivalent_kernel(&self.spectrum, samples, ridge),
        }
    }

    /// The exponent of the error in the number of samples as both of them grow without end, where the local exponent at
    /// the samples of this experiment is within 0.5 % of it.
    ///
    /// Without label noise, on an infinite power law, `E_g ~ P^-beta` without ridge and `P^(-beta/(1+alpha))` with one.
    pub fn exponent(&self) -> Option<Known> {
        let law = self.spectrum.as_power_law()?;
        if self.spectrum.noise() > 0.0 {
            return None;
        }
        let curve = self.curve().ok()?;
        let own = curve.ridge / curve.renormalised_ridge;
        let asymptote = match own < 0.5 {
            true => closed_form::ridgeless(law.alpha, law.beta),
            false => closed_form::ridge_dominated(law.alpha, law.beta),
        };
        let exponent = asymptote.ok()?.exponent;
        let distance = (curve.local_exponent() - exponent).abs();
        (distance < 0.005 * exponent).then_some(Known {
            value: -exponent,
            bound: distance,
        })
    }

    /// Values on the axes without time.
    fn values(&self, asked: &Asked, curve: &Equivalent, levels: &[Level]) -> Vec<f64> {
        let relative = is_relative(asked);
        match asked.name() {
            "train-loss" => vec![0.5 * curve.training_error],
            "test-loss" => vec![0.5 * curve.generalization_error],
            "chain-loss" => vec![curve.training_error],
            "population-mode-error" if relative => levels
                .iter()
                .map(|l| curve.level_error(l) / l.target)
                .collect(),
            "population-mode-error" => levels.iter().map(|l| curve.level_error(l)).collect(),
            "population-mode-learnability" => levels
                .iter()
                .map(|l| match l.target > 0.0 {
                    true => curve.learnability(l.eigenvalue),
                    false => f64::NAN,
                })
                .collect(),
            _ => vec![curve.generalization_error],
        }
    }
}

/// Divided by the target on each mode.
fn is_relative(asked: &Asked) -> bool {
    asked.keys["relative"] == true
}

impl Solve for Exact {
    fn inputs(&self) -> Json {
        json!([
            self.task,
            self.kernel.kernel,
            self.kernel.ridge,
            self.average
        ])
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let curve = self.curve()?;
        let levels: Vec<Level> = self.spectrum.levels().collect();
        // An error of the threshold grows by 1/(1 - gamma) on the way to the errors, which are of degree two in it.
        let relative = 1e-10 + 4.0 * curve.residual / curve.rigidity;
        let answer = |(k, asked): (usize, &Asked)| {
            // The axis time comes last: every number stands at all of its times.
            let times = asked.axes().iter().filter(|a| a.name == "time");
            let times: usize = times.map(|a| a.values.len()).product();
            let values = self.values(asked, &curve, &levels).into_iter();
            let values = values.take(size(asked.axes()) / times.max(1));
            let stated = values.flat_map(|v| {
                let bound = if v.is_finite() {
                    relative * v.abs()
                } else {
                    0.0
                };
                std::iter::repeat_n((if v.is_finite() { v } else { f64::NAN }, bound), times)
            });
            Answer::on_grid(k, asked, stated)
        };
        Ok(Prediction {
            answers: asked.iter().enumerate().map(answer).collect(),
            solver: SolverReport {
                method: format!(
                    "renormalised ridge kappa = {:.6e} (threshold kp = {:.6e}, gamma = {:.6}) of {} modes",
                    curve.renormalised_ridge,
                    curve.threshold,
                    curve.gamma,
                    self.spectrum.rank()
                ),
                iterations: curve.iterations,
                residual: curve.residual,
            },
            warnings: Vec::new(),
        })
    }
}

#[cfg(test)]
#[path = "exact_tests.rs"]
mod tests;
