//! Which solver answers, and what it is given.

use super::gate::Dynamics;
use super::solved::Solved;
use super::{Approximation, Keys, Readout};
use crate::dmft::deep::{self, Response};
use crate::dmft::linear::{self, Settings};
use crate::dmft::one_hidden::{self, Rule, Setting};
use crate::dmft::{Optimiser, Problem, perturbation};
use crate::error::Result;
use crate::kernel::Activation;
use nalgebra::DMatrix;

/// Repeats of sample paths, and scrambles of a quadrature, where none are asked for.
pub const REPEATS: usize = 8;
const SCRAMBLES: usize = 16;

/// Which solver answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Solver {
    Linear,
    Perturbation,
    OneHidden,
    /// The same to second order in the richness.
    OneHiddenPerturbation,
    /// Sample paths; derivatives of every path, or Stein's lemma.
    Deep(Response),
    /// The same to second order in the richness.
    DeepPerturbation,
}

impl Solver {
    /// Whether it is to second order in the richness.
    pub fn is_expansion(self) -> bool {
        use Solver::{DeepPerturbation, OneHiddenPerturbation, Perturbation};
        matches!(
            self,
            Perturbation | OneHiddenPerturbation | DeepPerturbation
        )
    }

    /// The solver of a network, or why there is none.
    pub fn of(dynamics: &Dynamics, keys: &Keys) -> std::result::Result<Self, String> {
        let depth = dynamics.depth();
        let linear = dynamics.phi.is_linear();
        let plain = dynamics.is_plain();
        let unit = dynamics.weight_variances.iter().all(|v| *v == 1.0);
        let euler = keys.readout == Readout::NtkEuler;
        if euler && !plain {
            return Err(
                "readout = \"ntk-euler\" needs gradient descent without momentum, decay and noise"
                    .into(),
            );
        }
        match (keys.approximation, linear, depth) {
            (Approximation::Perturbation, true, _) if !plain || !unit => Err(
                "approximation = \"perturbation\" needs plain gradient descent from weights of variance 1".into(),
            ),
            (Approximation::Perturbation, ..) if euler => {
                Err("approximation = \"perturbation\" has its own read-out".into())
            }
            (Approximation::Perturbation, true, _) => Ok(Solver::Perturbation),
            (Approximation::GradientIndependence, true, _) if !plain => Err(
                "approximation = \"gradient-independence\" needs gradient descent without momentum, decay and noise".into(),
            ),
            (_, true, _) => Ok(Solver::Linear),
            (Approximation::None, false, 1) if euler => Err(
                "readout = \"ntk-euler\" is of linear and of deep networks; one hidden layer has the exact outputs".into(),
            ),
            (Approximation::None, false, 1) => Ok(Solver::OneHidden),
            (Approximation::GradientIndependence, false, 1) => Err(
                "with one hidden layer gradient independence drops nothing".into(),
            ),
            (Approximation::GradientIndependence, false, _) if !plain => Err(
                "approximation = \"gradient-independence\" needs gradient descent without momentum, decay and noise".into(),
            ),
            (Approximation::Perturbation, false, _) if !plain => Err(
                "approximation = \"perturbation\" needs plain gradient descent".into(),
            ),
            (Approximation::Perturbation, false, _) if dynamics.phi == Activation::Relu => Err(
                "approximation = \"perturbation\" needs a smooth activation".into(),
            ),
            (Approximation::Perturbation, false, 1) => Ok(Solver::OneHiddenPerturbation),
            (Approximation::Perturbation, false, _) => Ok(Solver::DeepPerturbation),
            (_, false, _) => Ok(Solver::Deep(match dynamics.phi {
                Activation::Relu => Response::Stein,
                _ => Response::Paths,
            })),
        }
    }
}

/// What is given to a solver.
pub struct Statement<'a> {
    pub dynamics: &'a Dynamics,
    pub keys: &'a Keys,
    pub kernel: &'a DMatrix<f64>,
    pub targets: &'a [f64],
    pub batches: Option<Vec<Vec<usize>>>,
    /// Densities of preactivations are asked for.
    pub densities: bool,
    pub seed: u64,
    pub max_memory: u64,
}

impl Statement<'_> {
    /// The problem that the solvers take.
    pub fn with_problem<T>(&self, solve: impl FnOnce(&Problem) -> Result<T>) -> Result<T> {
        let optimiser: Optimiser = self.dynamics.optimiser(self.batches.clone());
        solve(&Problem {
            kernel: self.kernel,
            targets: self.targets,
            richness: self.dynamics.richness,
            rate: self.dynamics.rate(self.targets.len()),
            steps: self.dynamics.steps,
            weight_variances: &self.dynamics.weight_variances,
            optimiser: &optimiser,
        })
    }

    /// How sample paths are drawn.
    pub fn paths(&self, response: Response) -> deep::Settings {
        let linear = self.settings();
        deep::Settings {
            samples: self.keys.points.unwrap_or(4096),
            repeats: self.keys.repeats.unwrap_or(REPEATS),
            seed: self.seed,
            response: Some(response),
            readout: linear.readout,
            approximation: linear.approximation,
            keep: match self.densities {
                true => vec![self.dynamics.steps],
                false => Vec::new(),
            },
            max_memory: self.max_memory,
        }
    }

    /// How linear networks are solved.
    pub fn settings(&self) -> Settings {
        let independent = self.keys.approximation == Approximation::GradientIndependence;
        Settings {
            readout: match independent || self.keys.readout == Readout::NtkEuler {
                true => linear::Readout::NtkEuler,
                false => linear::Readout::Exact,
            },
            approximation: match independent {
                true => linear::Approximation::GradientIndependence,
                false => linear::Approximation::None,
            },
        }
    }

    /// How averages over neurons are taken.
    pub fn neurons(&self) -> Setting {
        let rule = self.keys.points.map(|points| Rule::Sobol {
            points,
            scrambles: self.keys.repeats.unwrap_or(SCRAMBLES),
        });
        Setting {
            rule,
            seed: self.seed,
            tolerance: None,
            max_memory: self.max_memory,
        }
    }

    /// `look` is told the fraction done.
    pub fn solve(&self, solver: Solver, look: &dyn Fn(f64) -> Result<()>) -> Result<Solved> {
        self.with_problem(|problem| {
            Ok(match solver {
                Solver::Linear => {
                    Solved::Linear(Box::new(linear::solve(problem, &self.settings())?))
                }
                Solver::Perturbation => {
                    let found = perturbation::solve(problem)?;
                    Solved::Perturbation(Box::new(found), problem.steps)
                }
                Solver::OneHidden => {
                    let (phi, setting) = (&self.dynamics.phi, self.neurons());
                    Solved::OneHidden(Box::new(one_hidden::solve(problem, phi, &setting)?))
                }
                Solver::OneHiddenPerturbation => {
                    let (phi, setting) = (&self.dynamics.phi, self.neurons());
                    Solved::Expanded(Box::new(one_hidden::expand(problem, phi, &setting)?))
                }
                Solver::Deep(response) => {
                    let settings = self.paths(response);
                    let phi = &self.dynamics.phi;
                    Solved::Deep(Box::new(deep::solve(problem, phi, &settings, look)?))
                }
                Solver::DeepPerturbation => {
                    let settings = self.paths(Response::Paths);
                    let settings = deep::Settings {
                        approximation: deep::Approximation::None,
                        ..settings
                    };
                    let found = deep::expand(problem, &self.dynamics.phi, &settings, look)?;
                    Solved::Deep(Box::new(found.value))
                }
            })
        })
    }
}
