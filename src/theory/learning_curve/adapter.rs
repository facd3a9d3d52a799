//! The learning curve as a league entry: the spectrum of the learner's kernel on the task's population.

use super::{finite_population, population_modes};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::learner::KernelView;
use crate::task::Task;
use crate::theory::sheet::Sheet;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, answered_of, missing, parse_keys,
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
    text: "\
k_i, v_i: eigenvalues and vectors of the kernel matrix of M samples of the population, a = P/M, T = ridge. Averaged over data sets of P
samples, drawn from the M without repetition (derived here, for eigenvectors in general position):
s = T + (1 - a)/g,  g = (1/M) sum_i 1/(k_i + s),  g2 = (1/M) sum_i 1/(k_i + s)^2,
E_test = (1/M) sum_i |Y v_i|^2/(k_i + s)^2  a/(g^2 - (1 - a) g2)  (samples not trained on),  E_train = (T g/a)^2 E_test.
kernel-mode-learnability: L_i = k_i/(k_i + s); kernel-mode-error: (1/M) [|Y v_i|^2 (1 - L_i)^2 + L_i^2 (M - P)/P E_test], squared bias and
variance, on all M samples, largest k_i first. The instruments' points must be this population, and the whole of it: of a part of a larger
one fewer samples are trained on than the theory counts, and its kernel-mode-error is too small.
As M -> inf these are the learning curves of Gaussian features (literature, kap = a s). test-loss and train-loss are E_test/2 and
E_train/2 (half-mean); P must stay below M/2.

They are those of the population, which the theory knows through M samples: the interval of test-loss holds the sampling
error of the held-out samples and of these M.
Numerical bound: 1e-9 of each number, and 2 e/s of it for an error e of the eigenvalues, 2 sqrt(M) times the bound of a kernel entry.

keys: population = M at most (default 2000)
limit: Gaussian features, P -> inf
sources: Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198",
    revision: 2,
};

static INFO: Info = Info {
    source: "Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198",
    observables: &[
        "train-loss",
        "test-loss",
        "kernel-mode-learnability",
        "kernel-mode-error",
    ],
    assumptions: &[
        "kernel ridge regression",
        "eigenvectors of the kernel matrix are in general position (Gaussian features)",
        "the population is known through a finite sample",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &INFO)?;
        Ok(Arc::new(Curve { options }))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct Curve {
    options: Options,
}

impl Theory for Curve {
    fn info(&self) -> &'static Info {
        &INFO
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
        let kernel = experiment.learner.as_ref().and_then(|l| l.kernel());
        let Some(kernel) = kernel else {
            return decline("needs a kernel machine (learner.kind = \"kernel-ridge\")".into());
        };
        let training = experiment.training.as_ref();
        let solved = training.filter(|t| t.is_optimum());
        if solved.is_none_or(|t| t.loss() != Loss::HalfMean) {
            return decline(
                "needs training.kind = \"closed-form\" with loss = \"half-mean\"".into(),
            );
        }
        let samples = experiment.task.shape().samples;
        let Some(points) = experiment.task.population_size() else {
            return decline(
                "needs a task that shows its population (a file with task.samples)".into(),
            );
        };
        let points = points.min(self.options.population);
        if 2 * samples > points {
            return decline(format!(
                "needs a population of at least {} samples; it has {points} (key population, or the file)",
                2 * samples,
            ));
        }
        let answers = answered_of(asked, INFO.observables)?;
        let m = points as f64;
        let promise = Promise {
            limits: vec![Limit::infinite("task.samples")],
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
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

/// Kernel ridge regression on some samples of a population.
struct Population {
    seed: u64,
    task: Arc<dyn Task>,
    kernel: KernelView,
    samples: usize,
    points: usize,
}

impl Solve for Population {
    fn inputs(&self) -> Json {
        let KernelView { kernel, ridge } = &self.kernel;
        let task = crate::experiment::component_json(self.task.about(), self.task.resolved());
        json!([self.seed, task, kernel, ridge, self.samples, self.points])
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
        let errors = finite_population(&values, &target, self.samples, self.kernel.ridge)?;
        let mut modes = population_modes(&values, &target, self.samples, &errors);
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
        Ok(Prediction {
            // The numbers are rational in k_i + s, of degree two or less.
            answers: sheet
                .answers(|_, _, _, value| (1e-9 + 2.0 * error / errors.ridge) * value.abs()),
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
