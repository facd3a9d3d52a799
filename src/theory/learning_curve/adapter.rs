//! The learning curve as a league entry: the spectrum of the learner's kernel on the task's population.

use super::{Level, learning_curve};
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kernel::gram;
use crate::kind::{About, Kind, parse_table};
use crate::learner::KernelView;
use crate::numerics::linalg::eigh;
use crate::task::Task;
use crate::theory::sheet::Sheet;
use crate::theory::{Info, Plan, Prediction, SolverReport, Theory};
use crate::training::Loss;
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
lam_k, w_k: spectrum of the kernel and coefficients of the targets on M samples of the population, K/M = sum_k lam_k v_k v_k^T,
w_k^2 = |Y v_k|^2/M (summed over outputs). Then, averaged over data sets of P samples,
kap = ridge + kap sum_k lam_k/(kap + P lam_k),  gam = P sum_k lam_k^2/(kap + P lam_k)^2,
E_g = sum_k w_k^2 kap^2/(kap + P lam_k)^2 / (1 - gam),  E_tr = (ridge/kap)^2 E_g.
E_g is an average over the M samples, of which P are trained on (literature). The M - P others have the mean error
E_test = (M E_g - P E_tr)/(M - P) (derived here: data sets are drawn from the population without repetition).
test-loss and train-loss are E_test/2 and E_tr/2 (half-mean). Eigenvalues of rank near M are uncertain, so P must stay below M/2.

keys: population = M at most (default 2000)
limit: Gaussian features, P -> inf
sources: Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198",
    observables: &["train-loss", "test-loss"],
    assumptions: &[
        "kernel ridge regression",
        "eigenfunctions on the data act as independent Gaussian features",
        "the population is known through a finite sample",
    ],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_table(place, table)?;
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
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        let decline = |why: String| Err(Declined(why));
        let kernel = experiment.learner.as_ref().and_then(|l| l.kernel());
        let Some(kernel) = kernel else {
            return decline("needs a kernel machine (learner.kind = \"kernel-ridge\")".into());
        };
        let training = experiment.training.as_ref();
        let solved = training.filter(|t| t.about().kind == "closed-form");
        if solved.is_none_or(|t| t.loss() != Loss::HalfMean) {
            return decline(
                "needs training.kind = \"closed-form\" with loss = \"half-mean\"".into(),
            );
        }
        let samples = experiment.task.shape().samples;
        let most = self.options.population;
        let Some((x, _)) = experiment.task.population(most) else {
            return decline(
                "needs a task that shows its population (a file with task.samples)".into(),
            );
        };
        if 2 * samples > x.ncols() {
            return decline(format!(
                "needs a population of at least {} samples; it has {} (key population, or the file)",
                2 * samples,
                x.ncols()
            ));
        }
        let covers: Vec<usize> = (0..wanted.len())
            .filter(|&i| INFO.observables.contains(&wanted[i].observable.name))
            .collect();
        if covers.is_empty() {
            return decline("predicts train-loss and test-loss; neither is measured".into());
        }
        let m = x.ncols() as f64;
        Ok(Box::new(CurvePlan {
            task: experiment.task.clone(),
            kernel,
            samples,
            most,
            wanted: wanted.to_vec(),
            covers,
            promise: Promise {
                conditioning: Conditioning::None,
                limits: vec!["task.samples -> inf".into()],
                averages_over: vec!["datasets"],
                bytes: (8.0 * 4.0 * m * m) as u64,
                seconds: 2e-9 * m * m * m,
            },
        }))
    }
}

struct CurvePlan {
    task: Arc<dyn Task>,
    kernel: KernelView,
    samples: usize,
    most: usize,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl CurvePlan {
    fn spectrum(&self) -> Result<Vec<Level>> {
        let Some((x, y)) = self.task.population(self.most) else {
            return Err(super::super::missing("the population"));
        };
        let m = x.ncols() as f64;
        let kernel = gram(&self.kernel.kernel, &x, u64::MAX)?.kernel / m;
        let (values, vectors) = eigh(&kernel)?;
        let coefficients = y * vectors;
        // Rounding leaves eigenvalues of either sign at 1e-16 of the trace.
        let floor = f64::EPSILON * values.sum();
        Ok(values
            .iter()
            .zip(coefficients.column_iter())
            .map(|(&value, w)| {
                let value = if value > floor { value } else { 0.0 };
                Level::single(value, w.norm_squared() / m)
            })
            .collect())
    }
}

impl Plan for CurvePlan {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _draw: &Draw) -> Result<Prediction> {
        let levels = self.spectrum()?;
        let curve = learning_curve(&levels, self.samples as f64, self.kernel.ridge, 0.0)?;
        let (m, p) = (levels.len() as f64, self.samples as f64);
        let unseen = (m * curve.generalization_error - p * curve.training_error) / (m - p);
        let total: f64 = levels.iter().map(|l| l.target).sum();
        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(vec![match name {
                    "train-loss" => 0.5 * curve.training_error,
                    _ => 0.5 * unseen,
                }])
            })?;
        }
        Ok(Prediction {
            observables: sheet.predictions(|_, _, _, _| 1e-10 * total),
            solver: SolverReport {
                method: format!(
                    "eigendecomposition of {} population samples, kappa = {:.4e}, gamma = {:.4}",
                    levels.len(),
                    curve.kappa,
                    curve.gamma
                ),
                iterations: curve.iterations,
                residual: curve.residual,
            },
            warnings: Vec::new(),
        })
    }
}
