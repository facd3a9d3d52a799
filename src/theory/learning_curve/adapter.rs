//! The learning curve and the equivalent kernel as league entries: the spectrum of the learner's kernel on the population.

use super::equivalent_kernel::{EQUIVALENT, equivalent_modes};
use super::exact::{self, Exact};
use super::{Errors, Mode, finite_population, population_modes};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::learner::KernelView;
use crate::task::Task;
use crate::theory::bayesian::Bayesian;
use crate::theory::sheet::Sheet;
use crate::theory::{
    Asked, Info, Known, Number, Plan, Prediction, Question, Solve, SolverReport, Theory,
    answered_of, missing, parse_keys,
};
use crate::training::Loss;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Keys of a `[[theory]]` entry.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Largest number of population samples whose kernel matrix is diagonalised.
    pub population: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { population: 2000 }
    }
}

static ABOUT: About = About {
    kind: "learning-curve",
    summary: "mean errors of kernel ridge regression from the spectrum of its kernel on the population",
    text: include_str!("learning_curve.md"),
    revision: 2,
};

pub(super) const OBSERVABLES: &[&str] = &[
    "train-loss",
    "test-loss",
    "chain-loss",
    "chain-test-loss",
    "kernel-mode-learnability",
    "kernel-mode-error",
    "population-error",
    "population-mode-error",
    "population-mode-learnability",
];

/// What a population that is known through samples answers.
const SAMPLED: &[&str] = &[
    "train-loss",
    "test-loss",
    "chain-loss",
    "chain-test-loss",
    "kernel-mode-learnability",
    "kernel-mode-error",
];

static INFO: Info = Info {
    source: "Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198",
    observables: OBSERVABLES,
    assumptions: &[
        "kernel ridge regression",
        "Gaussian features, or eigenvectors of the kernel matrix that are in general position",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &INFO)?;
        let average = Average::Samples;
        Ok(Arc::new(Curve { options, average }))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

/// How the data sets are averaged over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Average {
    /// Finite samples, self-consistently.
    Samples,
    /// The density of the population: the equivalent kernel.
    Density,
}

#[derive(Debug)]
pub(super) struct Curve {
    pub(super) options: Options,
    pub(super) average: Average,
}

/// The regression of an experiment.
struct Machine {
    kernel: KernelView,
    /// The network is a sample of the posterior, whose mean the regression is.
    samples_posterior: bool,
    limits: Vec<Limit>,
}

impl Machine {
    fn of(experiment: &Experiment) -> std::result::Result<Self, Declined> {
        let learner = experiment.learner.as_deref();
        if let Some(kernel) = learner.and_then(|l| l.kernel()) {
            let training = experiment.training.as_ref();
            let solved = training.filter(|t| t.is_optimum());
            return match solved.is_some_and(|t| t.loss() == Loss::HalfMean) {
                true => Ok(Machine {
                    kernel,
                    samples_posterior: false,
                    limits: Vec::new(),
                }),
                false => Err(Declined(
                    "needs training.kind = \"closed-form\" with loss = \"half-mean\"".into(),
                )),
            };
        }
        if learner.is_none_or(|l| {
            l.mlp(experiment.task.shape())
                .is_none_or(|v| v.prior.is_none())
        }) {
            return Err(Declined(
                "needs a kernel machine (learner.kind = \"kernel-ridge\") or a Bayesian network (learner.prior)".into(),
            ));
        }
        let bayesian = Bayesian::of(experiment)?;
        bayesian.trained_readout()?;
        let kernel = KernelView {
            kernel: bayesian.kernel(),
            ridge: bayesian.noise(),
        };
        Ok(Machine {
            kernel,
            samples_posterior: true,
            limits: bayesian.promise(None).limits,
        })
    }
}

/// Linear in the predictor, or of its mean: what samples of a posterior share with their mean.
const OF_THE_MEAN: &[&str] = &[
    "chain-loss",
    "chain-test-loss",
    "kernel-mode-learnability",
    "population-mode-learnability",
];

impl Theory for Curve {
    fn info(&self) -> &'static Info {
        match self.average {
            Average::Samples => &INFO,
            Average::Density => &EQUIVALENT,
        }
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let decline = |why: String| Err(Declined(why));
        let Machine {
            kernel,
            samples_posterior,
            mut limits,
        } = Machine::of(experiment)?;
        // The error of a sample holds the variance of the posterior.
        let applies = |name: &str| !samples_posterior || OF_THE_MEAN.contains(&name);
        if self.average == Average::Density && kernel.ridge == 0.0 {
            return decline(
                "needs learner.ridge > 0: without it every eigenfunction counts as learned".into(),
            );
        }
        let task = experiment.task.as_ref();
        if let Some(exact) = Exact::of(task, &kernel, self.average) {
            return plan_exact(exact, limits, asked, applies);
        }
        let samples = task.shape().samples;
        let Some(points) = task.population_size() else {
            return decline(
                "needs a task that shows its population (a file with task.samples), or one that states the spectrum of \
                 the kernel (power-law-features, hermite-teacher, linear-teacher with whitened = false; kernel linear)"
                    .into(),
            );
        };
        let points = points.min(self.options.population);
        if self.average == Average::Samples && 2 * samples > points {
            return decline(format!(
                "needs a population of at least {} samples; it has {points} (key population, or the file)",
                2 * samples,
            ));
        }
        let names: Vec<&str> = SAMPLED.iter().copied().filter(|n| applies(n)).collect();
        let answers = answered_of(asked, &names)?;
        limits.push(Limit::infinite("task.samples"));
        let m = points as f64;
        let promise = Promise {
            assumptions: vec![SAMPLE.into()],
            limits,
            averages_over: vec!["datasets"],
            population: Some(points),
            // The kernel matrix and its eigendecomposition.
            bytes: (8.0 * 5.0 * m * m) as u64,
            keeps: vec![Context::kept_eigensystem(
                experiment.task.as_ref(),
                &kernel.kernel,
                points,
            )],
            seconds: 2e-9 * m * m * m,
            ..Promise::of(Conditioning::None)
        };
        let solver = Population {
            seed: experiment.seed,
            task: experiment.task.clone(),
            kernel,
            samples,
            points,
            average: self.average,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }

    /// Exponents of the error in the number of samples, where the experiment is in the asymptotic regime of a power
    /// law.
    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        const ERRORS: [&str; 3] = ["test-loss", "chain-test-loss", "population-error"];
        let of_errors = ERRORS.contains(&question.observable) && question.key == "task.samples";
        if question.number != Number::Exponent || !of_errors {
            return None;
        }
        let kernel = Machine::of(experiment).ok()?.kernel;
        Exact::of(experiment.task.as_ref(), &kernel, self.average)?.exponent()
    }
}

/// What both averages assume of a population that is not known exactly.
const SAMPLE: &str = "the population is known through a finite sample";

fn plan_exact(
    exact: Exact,
    limits: Vec<Limit>,
    asked: &[Asked],
    applies: impl Fn(&str) -> bool,
) -> std::result::Result<Plan, Declined> {
    if exact.is_at_threshold() {
        return Err(Declined(
            "the error diverges with as many samples as modes and no ridge: raise learner.ridge, or change task.samples"
                .into(),
        ));
    }
    let names = exact::OBSERVABLES.iter().copied().filter(|n| applies(n));
    let why = format!(
        "predicts {} for a task that states its spectrum; nothing of this is asked for",
        names.collect::<Vec<_>>().join(", ")
    );
    let known =
        |&i: &usize| asked[i].grid.is_some() && exact.knows(&asked[i]) && applies(asked[i].name());
    let answers: Vec<usize> = (0..asked.len()).filter(known).collect();
    match answers.is_empty() {
        true => Err(Declined(why)),
        false => Ok(Plan::new(exact.promise(limits), asked, answers, exact)),
    }
}

/// Kernel ridge regression on some samples of a population.
struct Population {
    seed: u64,
    task: Arc<dyn Task>,
    kernel: KernelView,
    samples: usize,
    points: usize,
    average: Average,
}

impl Population {
    fn errors(&self, values: &[f64], target: &[f64]) -> Result<(Errors, Vec<Mode>)> {
        let (samples, ridge) = (self.samples, self.kernel.ridge);
        match self.average {
            Average::Samples => {
                let errors = finite_population(values, target, samples, ridge)?;
                let modes = population_modes(values, target, samples, &errors);
                Ok((errors, modes))
            }
            Average::Density => equivalent_modes(values, target, samples, ridge),
        }
    }
}

impl Solve for Population {
    fn inputs(&self) -> Json {
        let KernelView { kernel, ridge } = &self.kernel;
        let task = crate::experiment::component_json(self.task.about(), self.task.resolved());
        json!([
            self.seed,
            task,
            kernel,
            ridge,
            self.samples,
            self.points,
            self.average
        ])
    }

    fn solve(&self, asked: &[Asked], _: &Draw, cx: &Context) -> Result<Prediction> {
        let population = self.task.population(self.points);
        let (x, y) = population.ok_or_else(|| missing("the population"))?;
        let spectrum = cx.eigensystem(&self.kernel.kernel, &x, "population of the theory");
        let spectrum = spectrum.map_err(KernelView::in_spec)?;
        // A symmetric matrix of independent errors of size e has the norm 2 e sqrt(M).
        let error = 2.0 * spectrum.bound * (self.points as f64).sqrt();
        // Rounding leaves eigenvalues of either sign at 1e-16 of the trace.
        let values: Vec<f64> = spectrum.values.iter().map(|v| v.max(0.0)).collect();
        let coefficients = y * &spectrum.vectors;
        let target: Vec<f64> = coefficients
            .column_iter()
            .map(|w| w.norm_squared())
            .collect();
        let (errors, mut modes) = self.errors(&values, &target)?;
        modes.reverse();
        let mut sheet = Sheet::new(asked);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(match name {
                    "train-loss" => vec![0.5 * errors.training],
                    "test-loss" => vec![0.5 * errors.unseen],
                    "kernel-mode-learnability" => modes.iter().map(|m| m.learned).collect(),
                    _ => modes.iter().map(|m| m.error).collect(),
                })
            })?;
        }
        sheet.whole("chain-loss", &[errors.training]);
        sheet.whole("chain-test-loss", &[errors.unseen]);
        // The numbers are rational in k_i + s, of degree two or less.
        let relative = 1e-9 + 2.0 * error / errors.ridge;
        Ok(Prediction {
            answers: sheet.answers(|_, _, _, value| relative * value.abs()),
            solver: SolverReport {
                method: format!(
                    "eigendecomposition of {} population samples, effective ridge s = {:.4e}",
                    values.len(),
                    errors.ridge
                ),
                iterations: errors.iterations,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
