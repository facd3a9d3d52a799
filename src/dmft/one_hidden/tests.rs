//! The solver against reference numbers, laws, other rules and networks.

use super::*;
use crate::dmft::{Decay, Noise, Optimiser, Problem};
use crate::kernel::Activation;
use nalgebra::DMatrix;

mod expansion;
mod laws;
mod networks;
mod references;
mod refusals;
mod rules;

/// A problem that owns its parts.
#[derive(Clone)]
struct Case {
    kernel: DMatrix<f64>,
    targets: Vec<f64>,
    richness: f64,
    rate: f64,
    steps: usize,
    variances: Vec<f64>,
    optimiser: Optimiser,
    activation: Activation,
}

impl Case {
    /// Two samples with overlap 0.6, targets 1 and -1/2.
    fn two(activation: Activation, richness: f64, eta: f64, steps: usize) -> Case {
        Case {
            kernel: DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]),
            targets: vec![1.0, -0.5],
            richness,
            rate: eta / 2.0,
            steps,
            variances: vec![1.0, 1.0],
            optimiser: Optimiser::default(),
            activation,
        }
    }

    fn problem(&self) -> Problem<'_> {
        Problem {
            kernel: &self.kernel,
            targets: &self.targets,
            richness: self.richness,
            rate: self.rate,
            steps: self.steps,
            weight_variances: &self.variances,
            optimiser: &self.optimiser,
        }
    }

    fn dynamics(&self) -> dynamics::Dynamics {
        dynamics::Dynamics::of(&self.problem(), &self.activation).unwrap()
    }

    fn attempt(&self, setting: &Setting) -> crate::Result<Solution> {
        solve(&self.problem(), &self.activation, setting)
    }

    fn solve(&self) -> Solution {
        self.attempt(&Setting::default()).unwrap()
    }

    fn by(&self, rule: Rule) -> Solution {
        let rule = Some(rule);
        self.attempt(&Setting {
            rule,
            ..Setting::default()
        })
        .unwrap()
    }

    fn hermite(&self, nodes: usize) -> Solution {
        self.by(Rule::GaussHermite {
            nodes,
            fewer: nodes * 3 / 4,
        })
    }
}

/// Asserts that numbers agree, each to `digits` decimal places.
#[track_caller]
fn same(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let far = found
        .iter()
        .zip(expected)
        .any(|(a, b)| (a - b).abs().is_nan() || (a - b).abs() > tolerance);
    assert!(!far, "{found:?} in place of {expected:?}");
}

/// The outputs of both samples.
fn pair(solution: &Solution, time: usize) -> [f64; 2] {
    [0, 1].map(|sample| solution.output(time, sample).0)
}
