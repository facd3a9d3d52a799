//! What a solve will need.

use super::Keys;
use super::gate::Dynamics;
use super::solver::Solver;
use crate::dmft::Problem;
use crate::dmft::deep::{self, Response};
use nalgebra::DMatrix;

/// Bytes and rough seconds of a solve, and what `check` tells beside.
pub struct Cost {
    pub bytes: f64,
    pub seconds: f64,
    pub notes: Vec<String>,
}

impl Cost {
    /// For these numbers of training and of test samples.
    pub fn of(
        dynamics: &Dynamics,
        keys: &Keys,
        solver: Solver,
        (samples, tests): (usize, usize),
    ) -> Cost {
        let (p, t) = (samples as f64, dynamics.steps as f64);
        let all = p + tests as f64;
        let depth = dynamics.weight_variances.len() as f64 - 1.0;
        let mut notes = Vec::new();
        let (bytes, seconds) = match solver {
            Solver::Linear => (
                8.0 * t * (9.0 * depth * t + 3.0 * all),
                1e-9 * (3.0 * depth * t.powi(3) + all * t * t),
            ),
            Solver::Perturbation => (8.0 * 8.0 * all * t, 1e-9 * all * (all + t) * t),
            Solver::OneHidden => {
                let neurons = keys.points.unwrap_or(1 << 13) as f64 * 2.0;
                let repeats = keys.repeats.unwrap_or(8) as f64;
                (
                    8.0 * neurons * (3.0 * all + 2.0),
                    1e-9 * neurons * repeats * t * all * (p + 30.0),
                )
            }
            Solver::Deep(_) | Solver::DeepPerturbation => {
                let samples = keys.points.unwrap_or(4096);
                let response = match solver {
                    Solver::Deep(response) => response,
                    _ => Response::Paths,
                };
                let size = DMatrix::zeros(all as usize, all as usize);
                let optimiser = dynamics.optimiser(None);
                let problem = Problem {
                    kernel: &size,
                    targets: &vec![0.0; p as usize],
                    richness: dynamics.richness,
                    rate: 1.0,
                    steps: dynamics.steps,
                    weight_variances: &dynamics.weight_variances,
                    optimiser: &optimiser,
                };
                let settings = deep::Settings {
                    samples,
                    repeats: keys.repeats.unwrap_or(4),
                    ..deep::Settings::default()
                };
                let flops = deep::flops(&problem, &settings, response);
                let network = settings.repeats as f64 * deep::network_flops(&problem, &settings);
                if flops > network {
                    notes.push(format!(
                        "Monte Carlo with {samples} sample paths takes {:.0} times the operations of training networks of as many units, \
                         which have the same statistical error",
                        flops / network
                    ));
                }
                let runs = if solver == Solver::DeepPerturbation {
                    3.0
                } else {
                    1.0
                };
                let bytes = deep::bytes(&problem, &settings, response);
                (bytes as f64, 3e-10 * runs * flops)
            }
        };
        Cost {
            bytes,
            seconds,
            notes,
        }
    }
}
