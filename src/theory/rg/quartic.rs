//! Bayesian linear regression with a quartic or another convex loss, as a weakly non-linear field theory of its modes.
#![doc = include_str!("quartic_flow.md")]

use super::{bound, cutoffs, inputs, over_cutoffs, places, promise, scalar};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Axis, Declined, Observable};
use crate::kernel::Kernel;
use crate::kind::{About, Kind};
use crate::rg::functional::Settings;
use crate::rg::hartree::quartic_curve;
use crate::rg::quartic::one_loop;
use crate::rg::{
    FunctionalFlow, Huber, Mode, Potential, Quartic, Spectrum, functional_flow, hartree, modes,
    quartic_partition,
};
use crate::theory::sheet::Sheet;
use crate::theory::{
    Answer, Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, parse_keys,
};
use crate::training::Loss;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// How the modes are integrated out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The whole potential, mode by mode: exact.
    #[default]
    Functional,
    /// The integral over one auxiliary field: exact, for the quartic loss.
    Partition,
    /// Self-consistent mass.
    Hartree,
    /// Mass and vertex alone, at one loop.
    OneLoop,
    /// Self-consistent effective ridge in the learning curve of finitely many samples.
    FiniteSamples,
}

/// Keys of a `[[theory]]` entry.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// How the modes are integrated out.
    pub method: Method,
}

static ABOUT: About = About {
    kind: "quartic-flow",
    summary: "posterior of Bayesian linear regression under a quartic or Huber loss, by a flow over its modes",
    text: include_str!("quartic_flow.md"),
    revision: 1,
};

/// Mass with the modes above the cutoff gone.
pub static RUNNING_MASS: Observable = Observable {
    name: "running-mass",
    label: "mass m(K)",
    unit: "1",
    convention: "m_K = 2 U_K'(0), the coefficient of X/2 in the action of the modes 1..K, X = sum_k (f_k - y_k)^2",
    ..Observable::PLAIN
};

/// Vertex with the modes above the cutoff gone.
pub static RUNNING_VERTEX: Observable = Observable {
    name: "running-vertex",
    label: "vertex w(K)",
    unit: "1",
    convention: "w_K = 2 U_K''(0), the coefficient of X^2/4 in the action of the modes 1..K",
    ..Observable::PLAIN
};

/// Mass of the infrared.
pub static RENORMALISED_MASS: Observable = Observable {
    name: "renormalised-mass",
    label: "renormalised mass m(0)",
    unit: "1",
    convention: "m_0 with all modes gone; of hartree the self-consistent mass, of finite-samples P over the effective ridge",
    ..Observable::PLAIN
};

/// Free energy.
pub static FREE_ENERGY: Observable = Observable {
    name: "free-energy",
    label: "free energy \u{2212}ln Z",
    unit: "nats",
    convention: "U_0(0) = -ln Z, Z relative to the prior: ln Z = 0 without data",
    ..Observable::PLAIN
};

/// Local scaling exponents of the dimensionless couplings.
pub static SCALING_EXPONENTS: Observable = Observable {
    name: "scaling-exponents",
    label: "local scaling exponent \u{3b8}(K)",
    unit: "1",
    convention: "theta_c(K) = -ln(c_{K-1}/c_K)/ln((K-1)/K) of c_K = m_K lam_K (coupling 1) and c_K = w_K K lam_K^2 (coupling 2), with the \
                 couplings before mode K is eliminated; engineering values 1 + alpha and 1 + 2 alpha",
    undefined: Some("a coupling is not positive"),
    ..Observable::PLAIN
};

static INFO: Info = Info {
    source: "derived here (the equivalent-kernel action, the exact flow and its truncations); the class of theories: Peraza Coppola, Helias, \
             Ringel 2025, arXiv:2510.25553 (abstract)",
    observables: &["population-error"],
    own: &[
        &RUNNING_MASS,
        &RUNNING_VERTEX,
        &RENORMALISED_MASS,
        &FREE_ENERGY,
        &SCALING_EXPONENTS,
    ],
    assumptions: &[
        "Gaussian features",
        "the sum over samples is its mean (equivalent kernel)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(QuarticFlow(parse_keys(place, table, &INFO)?))),
    schema: Keys::json_schema,
};

#[derive(Debug)]
struct QuarticFlow(Keys);

impl Theory for QuarticFlow {
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
        let decline = |why: &str| Err(Declined(why.into()));
        let shape = experiment.task.shape();
        let view = experiment.learner.as_ref().and_then(|l| l.plain_mlp(shape));
        let linear = view.filter(|v| v.widths.len() == 2);
        let Some((view, prior)) = linear.and_then(|v| v.prior.clone().map(|p| (v, p))) else {
            return decline(
                "needs linear regression with a Gaussian prior (learner.kind = \"mlp\", widths = [], prior = { readout = 1.0 })",
            );
        };
        let sampling = experiment.training.as_ref().and_then(|t| t.sampling());
        let Some(sampling) = sampling else {
            return decline("needs Bayesian training (training.kind = \"langevin\")");
        };
        let Some(spectrum) = experiment.task.spectrum(&Kernel::Linear {}) else {
            return decline(
                "needs a task whose linear kernel has a known spectrum (task.kind = \"power-law-features\")",
            );
        };
        let loss = match sampling.loss {
            Loss::HalfSum => Loss::Quartic(0.0),
            loss @ (Loss::Quartic(_) | Loss::Huber(_)) => loss,
            _ => {
                return decline(
                    "needs training.loss = { quartic = q }, { huber = d } or \"half-sum\"",
                );
            }
        };
        let method = self.0.method;
        if matches!(loss, Loss::Huber(_)) && method != Method::Functional {
            return decline("needs method = \"functional\" for a loss that is not quartic");
        }
        let flows = matches!(method, Method::Functional | Method::OneLoop);
        let has = |name: &str| match name {
            "running-mass" | "running-vertex" | "scaling-exponents" => flows,
            "free-energy" => matches!(method, Method::Functional | Method::Partition),
            _ => true,
        };
        let mut answers = places(asked, &INFO, has)?;
        answers.retain(|&i| {
            let over_time = asked[i].axes().iter().any(|a| a.name == "time");
            !over_time || asked[i].name() != "population-error"
        });
        if answers.is_empty() {
            return decline(
                "predicts the mean over the chain: { kind = \"population-error\", over = \"chain\" }",
            );
        }
        // The prior of the coefficient f_k = c W_k sqrt(D lam_k) has the variance readout lam_k.
        let scale = prior.readout_variance / prior.chi;
        let spectrum = spectrum.scaled(scale);
        let seconds = match method {
            Method::Functional => 5e-4,
            Method::Partition => 1e-4,
            _ => 1e-6,
        };
        let promise = Promise {
            seconds: seconds * spectrum.len() as f64,
            ..promise(spectrum.len() as f64)
        };
        debug_assert_eq!(view.widths[1], shape.outputs);
        let temperature = sampling.temperature / prior.chi;
        let solver = Solver {
            inputs: inputs(experiment, json!([self.0, scale, temperature, loss])),
            method,
            samples: shape.samples as f64,
            temperature,
            loss,
            spectrum,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

struct Solver {
    inputs: Json,
    method: Method,
    spectrum: Spectrum,
    samples: f64,
    /// `sigma^2`
    temperature: f64,
    loss: Loss,
}

/// What a method finds.
#[derive(Default)]
struct Found {
    /// `<X>`, and the relative error of all numbers.
    square: f64,
    error: f64,
    mass: f64,
    free_energy: f64,
    /// `m_K`, `w_K` at index `K = 0, ..., D`.
    couplings: Vec<[f64; 2]>,
}

/// Relative error of root searches and exponentially convergent sums.
const ROUNDING: f64 = 1e-9;

/// Step in the mass, relative to it, of the difference quotient that gives `<X>` of a potential that is not quartic; only
/// upwards, for a potential that is linear far out would lose its convexity.
const TILT: f64 = 1e-3;

/// A potential with `tilt X/2` added.
struct Tilted<'a>(&'a dyn Potential, f64);

impl Potential for Tilted<'_> {
    fn jet(&self, square: f64) -> [f64; 3] {
        let [value, slope, curvature] = self.0.jet(square);
        [
            value + 0.5 * self.1 * square,
            slope + 0.5 * self.1,
            curvature,
        ]
    }
}

impl Solver {
    fn solved(&self, modes: &[Mode]) -> Result<Found> {
        let noise = self.spectrum.noise();
        match self.loss {
            Loss::Huber(threshold) => {
                let huber = Huber {
                    samples: self.samples,
                    ridge: self.temperature,
                    threshold,
                    noise,
                };
                self.convex(modes, &huber)
            }
            Loss::Quartic(q) => self.quartic(modes, q / self.temperature),
            _ => Err(Error::bug("quartic-flow", "a loss that was declined")),
        }
    }

    fn convex(&self, modes: &[Mode], potential: &dyn Potential) -> Result<Found> {
        // The second derivative jumps where the loss begins to be linear.
        let settings = Settings {
            refinement: 5,
            nodes: 100,
            tolerance: 1e-4,
            ..Settings::default()
        };
        let flow = |tilt: f64| functional_flow(modes, &Tilted(potential, tilt), &settings);
        let tilt = TILT * 2.0 * potential.jet(0.0)[1];
        let (here, near, far) = (flow(0.0)?, flow(tilt)?, flow(2.0 * tilt)?);
        let value = |flow: &FunctionalFlow| flow.steps[0].value;
        let error = here.quadrature_error.max(here.grid_error);
        Ok(Found {
            square: (4.0 * value(&near) - 3.0 * value(&here) - value(&far)) / tilt,
            // The errors of the flows are alike; the quotient is of second order in the tilt.
            error: error + TILT * TILT,
            mass: here.steps[0].mass,
            free_energy: here.steps[0].value,
            couplings: here.steps.iter().map(|s| [s.mass, s.vertex]).collect(),
        })
    }

    fn quartic(&self, modes: &[Mode], g: f64) -> Result<Found> {
        let bare = Quartic::of_loss(self.samples, self.temperature, g, self.spectrum.noise());
        // m_0 = m + w <X>, of which nothing is left without a vertex.
        let from_mass = |mass: f64| match bare.vertex > 0.0 {
            true => Ok((mass - bare.mass) / bare.vertex),
            false => hartree(modes, bare).map(|h| h.square),
        };
        Ok(match self.method {
            Method::Functional => {
                let flow = functional_flow(modes, &bare, &Settings::default())?;
                let mass = flow.steps[0].mass;
                let square = from_mass(mass)?;
                let absolute = flow.quadrature_error.max(flow.grid_error) * mass;
                Found {
                    square,
                    error: match bare.vertex > 0.0 {
                        true => absolute / (bare.vertex * square) + ROUNDING,
                        false => ROUNDING,
                    },
                    mass,
                    free_energy: flow.steps[0].value,
                    couplings: flow.steps.iter().map(|s| [s.mass, s.vertex]).collect(),
                }
            }
            Method::Partition => {
                let exact = quartic_partition(modes, bare)?;
                Found {
                    square: exact.square,
                    error: ROUNDING,
                    mass: exact.mass,
                    free_energy: -exact.log_partition,
                    ..Found::default()
                }
            }
            Method::Hartree => {
                let field = hartree(modes, bare)?;
                Found {
                    square: field.square,
                    error: ROUNDING,
                    mass: field.mass,
                    ..Found::default()
                }
            }
            Method::OneLoop => {
                let flow = one_loop(modes, bare)?;
                let mass = flow.couplings[0].mass;
                Found {
                    square: from_mass(mass)?,
                    error: ROUNDING,
                    mass,
                    couplings: flow.couplings.iter().map(|c| [c.mass, c.vertex]).collect(),
                    ..Found::default()
                }
            }
            Method::FiniteSamples => {
                let curve = quartic_curve(&self.spectrum, self.samples, self.temperature, g)?;
                Found {
                    square: curve.square,
                    error: ROUNDING,
                    mass: self.samples / curve.effective_ridge,
                    ..Found::default()
                }
            }
        })
    }

    fn exponents(&self, index: usize, found: &Found, cutoffs: &[usize]) -> Answer {
        let lam = |k: usize| self.spectrum.eigenvalues()[k - 1];
        let coupling = |which: usize, k: usize| match which {
            0 => found.couplings[k][0] * lam(k),
            _ => found.couplings[k][1] * k as f64 * lam(k) * lam(k),
        };
        let cutoffs: Vec<usize> = cutoffs.iter().copied().filter(|&k| k > 1).collect();
        let theta = |which: usize, k: usize| {
            let ratio = coupling(which, k - 1) / coupling(which, k);
            let theta = -ratio.ln() / ((k - 1) as f64 / k as f64).ln();
            if theta.is_finite() { theta } else { f64::NAN }
        };
        let mean: Vec<f64> = (0..2)
            .flat_map(|which| cutoffs.iter().map(move |&k| (which, k)))
            .map(|(which, k)| theta(which, k))
            .collect();
        Answer {
            asked: index,
            axes: vec![
                Axis::new("coupling", "1", vec![1.0, 2.0]),
                Axis::new(
                    "cutoff",
                    "modes",
                    cutoffs.iter().map(|&k| k as f64).collect(),
                ),
            ],
            // Differences of neighbours lose as many digits as the modes are close.
            bound: mean
                .iter()
                .map(|v| bound(*v, found.error * self.spectrum.len() as f64))
                .collect(),
            mean,
            repeats: None,
        }
    }
}

impl Solve for Solver {
    fn inputs(&self) -> Json {
        self.inputs.clone()
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let modes = modes(&self.spectrum)?;
        let found = self.solved(&modes)?;
        let cutoffs = cutoffs(modes.len());
        let kept = |k: usize| k as f64;
        let mut sheet = Sheet::new(asked);
        sheet.whole("population-error", &[found.square]);
        let mut answers = sheet.answers(|_, _, _, value| found.error * value.abs());
        for (index, question) in asked.iter().enumerate() {
            answers[index] = match question.name() {
                "running-mass" => over_cutoffs(index, &cutoffs, kept, found.error, |k| {
                    found.couplings[k][0]
                }),
                "running-vertex" => over_cutoffs(index, &cutoffs, kept, found.error, |k| {
                    found.couplings[k][1]
                }),
                "scaling-exponents" => self.exponents(index, &found, &cutoffs),
                "renormalised-mass" => scalar(index, found.mass, found.error),
                "free-energy" => scalar(index, found.free_energy, found.error),
                _ => continue,
            };
        }
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method: format!(
                    "{:?}, m_0 = {:.6e}, <X> = {:.6e}",
                    self.method, found.mass, found.square
                ),
                iterations: modes.len(),
                residual: found.error,
            },
            warnings: Vec::new(),
        })
    }
}
