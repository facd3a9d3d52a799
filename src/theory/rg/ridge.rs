//! The flow of the ridge as a league entry: modes are integrated out one by one, in four schemes.
#![doc = include_str!("rg_flow.md")]

use super::{cutoffs, inputs, learned, modes_of_levels, over_cutoffs, places, promise, scalar};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Observable};
use crate::kind::{About, Kind};
use crate::rg::{
    Equivalent, Scheme as Steps, Shift, Spectrum, Trajectory, closed_form, continuum, equivalent,
    noise_flow, ridge_flow,
};
use crate::theory::gate::kernel_machine;
use crate::theory::sheet::Sheet;
use crate::theory::{
    Answer, Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, parse_keys,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// How a mode changes the ridge.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// With the final renormalised ridge: invariant along the flow.
    #[default]
    Exact,
    /// By its eigenvalue, as if it were not learned.
    TailSum,
    /// In the current theory, at one loop.
    Running,
    /// The last, as a differential equation.
    Continuum,
}

/// Keys of a `[[theory]]` entry.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// How a mode changes the ridge.
    pub scheme: Scheme,
    /// Learnability of the first mode that is not integrated out, between 0 and 1: where `tail-sum` stops, and what
    /// counts as learned.
    pub threshold: f64,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            scheme: Scheme::Exact,
            threshold: 0.5,
        }
    }
}

static ABOUT: About = About {
    kind: "rg-flow",
    summary: "ridge and noise of kernel ridge regression as its modes are integrated out, in four schemes",
    text: include_str!("rg_flow.md"),
    revision: 2,
};

/// The ridge with the modes above the cutoff gone.
pub static RUNNING_RIDGE: Observable = Observable {
    name: "running-ridge",
    label: "ridge \u{3c3}\u{b2}(K)",
    unit: "1",
    convention: "sigma_K^2 of the theory that keeps the modes 1..K, the ridge of the sum of squared residuals; at K = D the ridge of the learner",
    ..Observable::PLAIN
};

/// The label noise with the modes above the cutoff gone.
pub static RUNNING_NOISE: Observable = Observable {
    name: "running-noise",
    label: "noise s\u{b2}(K)",
    unit: "1",
    convention: "s_K^2, the variance of the label noise of the theory that keeps the modes 1..K; eliminated modes of the target act as noise",
    ..Observable::PLAIN
};

/// Share of the samples per mode.
pub static RUNNING_LEARNABILITY: Observable = Observable {
    name: "running-learnability",
    label: "learnability P\u{3bb}(K)/(\u{3c3}\u{b2}(K) + P\u{3bb}(K))",
    unit: "1",
    convention: "P lam_K/(sigma_K^2 + P lam_K), of the last mode that is kept, with the ridge of the theory that keeps it",
    ..Observable::PLAIN
};

/// The ridge after the flow.
pub static RENORMALISED_RIDGE: Observable = Observable {
    name: "renormalised-ridge",
    label: "renormalised ridge \u{3ba}",
    unit: "1",
    convention: "kappa = sigma_0^2 with all modes gone, in units of the ridge of the sum of squared residuals; of tail-sum the ridge where it stops",
    ..Observable::PLAIN
};

/// The number of modes that are learned.
pub static LEARNED_MODES: Observable = Observable {
    name: "learned-modes",
    label: "number of learned modes",
    unit: "modes",
    convention: "sum_k L_k in the scheme exact; else the largest K whose running learnability is at least the key threshold (1/2)",
    ..Observable::PLAIN
};

/// Local exponent of the learning curve.
pub static LOCAL_EXPONENT: Observable = Observable {
    name: "local-exponent",
    label: "local exponent d ln E/d ln P",
    unit: "1",
    convention: "d ln E_g/d ln P at the number of samples of the task, analytic, as the reduction local-exponent; E_g without label noise",
    ..Observable::PLAIN
};

/// Where the exponent of the learning curve changes.
pub static CROSSOVER: Observable = Observable {
    name: "crossover-samples",
    label: "samples P\u{d7} at the crossover",
    unit: "samples",
    convention: "P_x = (c_a^(1+alpha)/sigma^2)^(1/alpha), c_a = (pi/a)/sin(pi/a), a = 1 + alpha: below it the error falls with the exponent \
                 of the ridgeless curve, beyond it with that of a fixed ridge",
    ..Observable::PLAIN
};

/// What the discreteness of the spectrum adds to the ridge.
pub static DISCRETENESS: Observable = Observable {
    name: "discreteness-error",
    label: "discreteness error of \u{3c3}\u{b2}(K)",
    unit: "1",
    convention: "1 - continuum/discrete of the running ridge sigma_K^2: both without a shift of K",
    ..Observable::PLAIN
};

static INFO: Info = Info {
    source: "Howard, Jefferson, Maiti, Ringel 2024, arXiv:2405.06008 (tail-sum); Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198 (the \
             renormalised ridge); exact, running, continuum and the noise flow are derived here",
    observables: &["train-loss", "test-loss", "population-error"],
    own: &[
        &RUNNING_RIDGE,
        &RUNNING_NOISE,
        &RUNNING_LEARNABILITY,
        &RENORMALISED_RIDGE,
        &LEARNED_MODES,
        &LOCAL_EXPONENT,
        &CROSSOVER,
        &DISCRETENESS,
    ],
    assumptions: &[
        "kernel ridge regression",
        "Gaussian features",
        "many samples",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        match keys.threshold > 0.0 && keys.threshold < 1.0 {
            true => Ok(Arc::new(RidgeFlow(keys))),
            false => Err(Error::input(
                format!("{place}.threshold"),
                format!("{} is not between 0 and 1", keys.threshold),
                "give the learnability at which the flow stops, 0.5 in the literature",
            )),
        }
    },
    schema: Keys::json_schema,
};

#[derive(Debug)]
struct RidgeFlow(Keys);

impl Theory for RidgeFlow {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let kernel = kernel_machine(experiment)?;
        let Some(spectrum) = experiment.task.spectrum(&kernel.kernel) else {
            return Err(Declined(
                "needs a task and a kernel whose spectrum is known (power-law-features, hermite-teacher, linear-teacher with whitened = false; kernel linear)".into(),
            ));
        };
        let scheme = self.0.scheme;
        let has = |name: &str| match name {
            "running-noise" | "local-exponent" => scheme == Scheme::Exact,
            "crossover-samples" => {
                kernel.ridge > 0.0 && spectrum.as_power_law().is_some_and(|l| l.alpha > 0.0)
            }
            "discreteness-error" => scheme == Scheme::Continuum,
            _ => true,
        };
        let answers = places(asked, &INFO, has)?;
        let promise = Promise {
            seconds: 1e-7 * spectrum.len() as f64,
            ..promise(spectrum.len() as f64)
        };
        let solver = Solver {
            inputs: inputs(experiment, json!([self.0, kernel.kernel, kernel.ridge])),
            keys: self.0,
            samples: experiment.task.shape().samples as f64,
            ridge: kernel.ridge,
            spectrum,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

struct Solver {
    inputs: Json,
    keys: Keys,
    spectrum: Spectrum,
    samples: f64,
    ridge: f64,
}

/// What a scheme finds.
struct Flow {
    /// At the cutoffs.
    ridges: Vec<f64>,
    renormalised: f64,
    learned: f64,
    /// Relative error of the integration.
    error: f64,
    discreteness: Vec<f64>,
}

/// Relative error of the root and of sums over modes.
const ROUNDING: f64 = 1e-11;

impl Solver {
    fn flow(&self, cutoffs: &[usize]) -> Result<Flow> {
        let steps = match self.keys.scheme {
            Scheme::Exact => Steps::Exact,
            Scheme::TailSum => Steps::TailSum,
            Scheme::Running | Scheme::Continuum => Steps::Running,
        };
        let trajectory = ridge_flow(&self.spectrum, self.samples, self.ridge, steps)?;
        if self.keys.scheme == Scheme::Continuum {
            return self.continuous(&trajectory, cutoffs);
        }
        let renormalised = match self.keys.scheme {
            Scheme::TailSum => trajectory.stop(self.keys.threshold)?.ridge,
            _ => trajectory.ridges[0],
        };
        let learned = match self.keys.scheme {
            Scheme::Exact => learned(&self.spectrum, renormalised / self.samples),
            _ => modes_of_levels(&self.spectrum)[trajectory.stop(self.keys.threshold)?.kept],
        };
        Ok(Flow {
            ridges: cutoffs.iter().map(|&k| trajectory.ridges[k]).collect(),
            renormalised,
            learned,
            error: ROUNDING,
            discreteness: Vec::new(),
        })
    }

    /// The differential equation at the cutoffs; its end is read at `K = 1`.
    fn continuous(&self, discrete: &Trajectory, cutoffs: &[usize]) -> Result<Flow> {
        let law = self
            .spectrum
            .as_power_law()
            .ok_or_else(|| Error::Declined {
                reason: "the continuum needs eigenvalues on a power law of simple modes".into(),
            })?;
        let falling: Vec<f64> = cutoffs.iter().rev().map(|&k| k as f64).collect();
        let modes = discrete.eigenvalues.len();
        let flow =
            continuum::continuum(law, modes, self.samples, self.ridge, &falling, Shift::None)?;
        let reversed = |values: &[f64]| values.iter().rev().copied().collect::<Vec<f64>>();
        let ridges = reversed(&flow.ridges);
        let discreteness = cutoffs
            .iter()
            .zip(&ridges)
            .map(|(&k, r)| 1.0 - r / discrete.ridges[k]);
        Ok(Flow {
            renormalised: ridges[0],
            learned: flow.learned_modes.unwrap_or(0.0),
            error: ROUNDING + flow.local_error,
            discreteness: discreteness.collect(),
            ridges,
        })
    }

    /// The learning curve whose renormalised ridge is that of the scheme: `sigma^2 = kp (P - sum_k L_k)`.
    fn curve(&self, renormalised: f64) -> Result<Equivalent> {
        let threshold = renormalised / self.samples;
        let bare = match self.keys.scheme {
            Scheme::Exact => self.ridge,
            _ => threshold * (self.samples - learned(&self.spectrum, threshold)),
        };
        if bare < 0.0 {
            return Err(Error::Declined {
                reason: format!(
                    "the renormalised ridge {renormalised:.4e} of this scheme lies below that of ridge 0: no learning curve has it"
                ),
            });
        }
        equivalent(&self.spectrum, self.samples, bare)
    }

    /// The errors on the grids of their instruments.
    fn errors(
        &self,
        asked: &[Asked],
        flow: &Flow,
        curve: &Equivalent,
        relative: f64,
    ) -> Result<Vec<Answer>> {
        let share = self.ridge / flow.renormalised;
        let mut sheet = Sheet::new(asked);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, Error>(vec![match name {
                    "train-loss" => 0.5 * share * share * curve.total_error,
                    "test-loss" => 0.5 * curve.generalization_error,
                    _ => curve.generalization_error,
                }])
            })?;
        }
        sheet.whole("population-error", &[curve.generalization_error]);
        let mut answers = sheet.answers(|_, _, _, value| relative * value.abs());
        answers.retain(|a| INFO.observables.contains(&asked[a.asked].name()));
        Ok(answers)
    }
}

/// Whether the quantity is one of the learning curve.
fn of_curve(name: &str) -> bool {
    INFO.observables.contains(&name) || ["local-exponent", "running-noise"].contains(&name)
}

impl Solve for Solver {
    fn inputs(&self) -> Json {
        self.inputs.clone()
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let cutoffs = cutoffs(self.spectrum.len());
        let modes = modes_of_levels(&self.spectrum);
        let kept = |k: usize| modes[k];
        let flow = self.flow(&cutoffs)?;
        let curve = self.curve(flow.renormalised);
        let (curve, without) = match curve {
            Ok(curve) => (Some(curve), None),
            // The flow stands where no learning curve has its end.
            Err(Error::Declined { reason }) if asked.iter().any(|a| !of_curve(a.name())) => {
                (None, Some(reason))
            }
            Err(other) => return Err(other),
        };
        let at = |k: usize| flow.ridges[cutoffs.partition_point(|&c| c < k)];
        let noise = match &curve {
            Some(curve) if asked.iter().any(|a| a.name() == "running-noise") => {
                noise_flow(&self.spectrum, curve)?
            }
            _ => Vec::new(),
        };
        let relative = 10.0 * flow.error;
        let mut answers = match &curve {
            Some(curve) => self.errors(asked, &flow, curve, relative)?,
            None => Vec::new(),
        };
        for (index, question) in asked.iter().enumerate() {
            let own = match (question.name(), &curve) {
                ("running-ridge", _) => over_cutoffs(index, &cutoffs, kept, relative, at),
                ("running-learnability", _) => over_cutoffs(index, &cutoffs, kept, relative, |k| {
                    let signal = self.samples * self.spectrum.eigenvalues()[k - 1];
                    signal / (at(k) + signal)
                }),
                ("discreteness-error", _) => over_cutoffs(index, &cutoffs, kept, relative, |k| {
                    flow.discreteness[cutoffs.partition_point(|&c| c < k)]
                }),
                ("crossover-samples", _) => {
                    let law = self.spectrum.as_power_law();
                    let law = law.ok_or_else(|| Error::bug("rg-flow", "no power law"))?;
                    let unit = self.ridge / law.eigenvalue_scale;
                    scalar(
                        index,
                        closed_form::crossover_samples(law.alpha, unit)?,
                        1e-14,
                    )
                }
                ("renormalised-ridge", _) => scalar(index, flow.renormalised, relative),
                ("learned-modes", _) => scalar(index, flow.learned, relative),
                ("running-noise", Some(_)) => {
                    over_cutoffs(index, &cutoffs, kept, relative, |k| noise[k])
                }
                ("local-exponent", Some(curve)) => scalar(index, -curve.local_exponent(), relative),
                _ => continue,
            };
            answers.push(own);
        }
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method: format!(
                    "flow over {} modes, kappa = {:.6e}",
                    self.spectrum.len(),
                    flow.renormalised
                ),
                iterations: self.spectrum.len(),
                residual: curve.map_or(0.0, |c| c.residual),
            },
            warnings: without.into_iter().collect(),
        })
    }
}
