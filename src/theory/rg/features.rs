//! Random features in the plane of samples and features, as a league entry.
#![doc = include_str!("random_feature_curve.md")]

use super::ridge::{LEARNED_MODES, RENORMALISED_RIDGE};
use super::{inputs, places, promise, scalar};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Limit, Promise};
use crate::instrument::{Declined, Observable};
use crate::kernel::Kernel;
use crate::kind::{About, Kind};
use crate::learner::FeaturesView;
use crate::rg::{Spectrum, random_features::random_features};
use crate::theory::sheet::Sheet;
use crate::theory::{Asked, Info, Plan, Prediction, Solve, SolverReport, Theory};
use crate::training::Loss;
use serde_json::{Value as Json, json};

static ABOUT: About = About {
    kind: "random-feature-curve",
    summary: "mean errors of ridge regression on linear random features, in the plane of samples and features",
    text: include_str!("random_feature_curve.md"),
    revision: 1,
};

/// The ridge after the average over samples alone.
pub static SAMPLE_RIDGE: Observable = Observable {
    name: "sample-ridge",
    label: "ridge \u{3ba}\u{2081} after the average over samples",
    unit: "1",
    convention: "kappa_1 = l/(1 - df_1/P), in units of an eigenvalue of the kernel; l is the ridge of the mean loss",
    ..Observable::PLAIN
};

static INFO: Info = Info {
    source: "Simon et al. 2023, arXiv:2311.14646; Maloney, Roberts, Sully 2022, arXiv:2210.16859; Zhang 2024, arXiv:2405.19398; \
             Atanasov, Zavatone-Veth, Pehlevan 2024, arXiv:2405.00592",
    observables: &["test-loss", "population-error"],
    own: &[&SAMPLE_RIDGE, &RENORMALISED_RIDGE, &LEARNED_MODES],
    assumptions: &[
        "linear random features with ridge regression",
        "Gaussian inputs",
        "many samples and features",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(FeatureCurve);

#[derive(Debug)]
struct FeatureCurve;

impl Theory for FeatureCurve {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let decline = |why: &str| Err(Declined(why.into()));
        let view = experiment
            .learner
            .as_ref()
            .and_then(|l| l.random_features());
        let Some(view) = view else {
            return decline("needs random features (learner.kind = \"random-features\")");
        };
        if !view.linear || view.bias != 0.0 {
            return decline(
                "needs linear features without bias (learner.activation = \"linear\", bias = 0)",
            );
        }
        let training = experiment.training.as_ref();
        if !training.is_some_and(|t| t.is_optimum() && t.loss() == Loss::HalfMean) {
            return decline("needs training.kind = \"closed-form\" with loss = \"half-mean\"");
        }
        let Some(spectrum) = experiment.task.spectrum(&Kernel::Linear {}) else {
            return decline(
                "needs a task whose linear kernel has a known spectrum (task.kind = \"power-law-features\")",
            );
        };
        let answers = places(asked, &INFO, |_| true)?;
        let mut promise = promise(spectrum.len() as f64);
        promise
            .limits
            .push(Limit::infinite("learner.features").rate(-1.0));
        let promise = Promise {
            seconds: 1e-7 * spectrum.len() as f64,
            ..promise
        };
        let FeaturesView {
            features,
            weight,
            ridge,
            ..
        } = view;
        let solver = Solver {
            inputs: inputs(experiment, json!([features, weight, ridge])),
            samples: experiment.task.shape().samples as f64,
            features: features as f64,
            // The penalty on a is one of w = sqrt(weight) a, divided by the weight.
            ridge: ridge / weight,
            spectrum,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

struct Solver {
    inputs: Json,
    spectrum: Spectrum,
    samples: f64,
    features: f64,
    /// Of the sum of squared residuals.
    ridge: f64,
}

/// Relative error of the root and of sums over modes; near `N = P` at a small ridge the error is a small difference.
const ROUNDING: f64 = 1e-9;

impl Solve for Solver {
    fn inputs(&self) -> Json {
        self.inputs.clone()
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let mean_ridge = self.ridge / self.samples;
        let curve = random_features(&self.spectrum, self.samples, self.features, mean_ridge)?;
        let mut sheet = Sheet::new(asked);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, Error>(vec![match name {
                    "test-loss" => 0.5 * curve.generalization_error,
                    _ => curve.generalization_error,
                }])
            })?;
        }
        sheet.whole("population-error", &[curve.generalization_error]);
        let mut answers = sheet.answers(|_, _, _, value| ROUNDING * value.abs());
        for (index, question) in asked.iter().enumerate() {
            let value = match question.name() {
                "sample-ridge" => curve.sample_ridge,
                "renormalised-ridge" => self.samples * curve.threshold,
                "learned-modes" => curve.learned_modes,
                _ => continue,
            };
            answers[index] = scalar(index, value, ROUNDING);
        }
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method: format!(
                    "two renormalisations of the ridge: l = {mean_ridge:.4e}, kappa_1 = {:.4e}, kappa_2 = {:.4e}",
                    curve.sample_ridge, curve.threshold
                ),
                iterations: 0,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
