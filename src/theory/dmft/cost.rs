//! What a solve will need.

use super::gate::Dynamics;
use super::solver::{Solver, Statement};
use crate::dmft::{deep, linear, one_hidden};
use crate::instrument::Declined;
use nalgebra::DMatrix;

/// Seconds of a floating-point operation in a sweep over pairs of times, and over neurons.
const SECONDS: f64 = 3e-10;

/// Bytes and rough seconds of a solve, and what `check` tells beside.
#[derive(Default)]
pub struct Cost {
    pub bytes: f64,
    pub seconds: f64,
    pub notes: Vec<String>,
}

/// Numbers of training samples, of test samples and of inputs.
pub struct Sizes {
    pub samples: usize,
    pub tests: usize,
    pub inputs: usize,
}

impl Cost {
    /// Of a solver, by its own estimates.
    ///
    /// # Errors
    /// `Declined` for keys that do not fit the problem.
    pub fn of(
        dynamics: &Dynamics,
        keys: &super::Keys,
        solver: Solver,
        sizes: Sizes,
    ) -> Result<Cost, Declined> {
        let all = sizes.samples + sizes.tests;
        let kernel = DMatrix::zeros(all, all);
        let targets = vec![0.0; sizes.samples];
        let statement = Statement {
            dynamics,
            keys,
            kernel: &kernel,
            targets: &targets,
            batches: None,
            densities: false,
            seed: 0,
            max_memory: u64::MAX,
        };
        let rank = all.min(sizes.inputs);
        let found = statement.with_problem(|problem| {
            let (bytes, flops, notes) = match solver {
                Solver::Linear => (
                    linear::bytes(problem) as f64,
                    linear::flops(problem, &statement.settings()),
                    Vec::new(),
                ),
                Solver::Perturbation => {
                    let (all, times) = (all as f64, problem.steps as f64 + 1.0);
                    (8.0 * 8.0 * all * times, 8.0 * all * (all + times) * times, Vec::new())
                }
                Solver::OneHidden | Solver::OneHiddenPerturbation => {
                    let estimate = match solver {
                        Solver::OneHidden => one_hidden::cost_at_rank,
                        _ => one_hidden::expansion_cost,
                    };
                    let cost = estimate(problem, &dynamics.phi, &statement.neurons(), rank)?;
                    // Kernels take as many operations again.
                    (cost.bytes, 2.0 * cost.flops, Vec::new())
                }
                Solver::Deep(_) | Solver::DeepPerturbation => {
                    let (response, runs) = match solver {
                        Solver::Deep(response) => (response, 1.0),
                        _ => (deep::Response::Paths, 3.0),
                    };
                    let settings = statement.paths(response);
                    let flops = deep::flops(problem, &settings, response);
                    let network = settings.repeats as f64 * deep::network_flops(problem, &settings);
                    let notes = (flops > network).then(|| {
                        format!(
                            "Monte Carlo with {} sample paths takes {:.0} times the operations of training networks of as many units, \
                             which have the same statistical error",
                            settings.samples,
                            flops / network
                        )
                    });
                    let bytes = deep::bytes(problem, &settings, response) as f64;
                    (bytes, runs * flops, notes.into_iter().collect())
                }
            };
            Ok(Cost {
                bytes,
                seconds: SECONDS * flops,
                notes,
            })
        });
        found.map_err(|error| Declined(error.to_string()))
    }
}
