//! The solver against reference numbers, other solvers, laws and networks.

use super::sweep::Inner;
use super::*;
use crate::dmft::Optimiser;
use crate::numerics::statistics::normal_equivalent;
use nalgebra::DMatrix;

mod laws;
mod networks;
mod references;
mod refusals;
mod solvers;

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
    settings: Settings,
    inner: Inner,
}

impl Case {
    /// Two samples with overlap 0.6, targets 1 and -1/2.
    fn two(activation: Activation, depth: usize, richness: f64, eta: f64, steps: usize) -> Case {
        Case {
            kernel: DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]),
            targets: vec![1.0, -0.5],
            richness,
            rate: eta / 2.0,
            steps,
            variances: vec![1.0; depth + 1],
            optimiser: Optimiser::default(),
            activation,
            settings: Settings {
                samples: 400,
                repeats: 16,
                ..Settings::default()
            },
            inner: Inner::default(),
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

    fn attempt(&self) -> Result<Solution> {
        let problem = self.problem();
        solve_with(
            &problem,
            &self.activation,
            &self.settings,
            self.richness,
            self.inner,
            &|_| Ok(()),
        )
    }

    #[track_caller]
    fn solve(&self) -> Solution {
        self.attempt().unwrap()
    }

    fn insert(&mut self, place: usize, overlaps: &[f64], own: f64) {
        let old = self.kernel.clone();
        let skip = |a: usize| if a > place { a - 1 } else { a };
        self.kernel = DMatrix::from_fn(old.nrows() + 1, old.nrows() + 1, |a, b| {
            match (a == place, b == place) {
                (true, true) => own,
                (true, false) => overlaps[skip(b)],
                (false, true) => overlaps[skip(a)],
                (false, false) => old[(skip(a), skip(b))],
            }
        });
    }

    fn add_test_sample(&mut self, overlaps: &[f64], own: f64) {
        self.insert(self.kernel.nrows(), overlaps, own);
    }

    fn add_training_sample(&mut self, overlaps: &[f64], own: f64, target: f64) {
        self.insert(self.targets.len(), overlaps, own);
        self.targets.push(target);
    }
}

/// Asserts that a result agrees with expected numbers, which may have errors of their own, at the level of 4.5
/// standard deviations.
///
/// The standard error of few repeats is itself uncertain: the deviation follows Student's law.
#[track_caller]
fn agree(found: &Sampled, expected: &[f64], errors: &[f64]) {
    assert_eq!(found.mean.len(), expected.len());
    for (i, (value, stderr)) in found.mean.iter().zip(found.stderr.iter()).enumerate() {
        let t = (value - expected[i]) / stderr.hypot(errors[i]);
        let z = normal_equivalent(t, found.repeats.len() - 1).unwrap();
        assert!(
            z.abs() < 4.0,
            "entry {i}: {value} +- {stderr}, not {} (t = {t:.2}, z = {z:.2})",
            expected[i]
        );
    }
}

/// Asserts that numbers agree to a tolerance.
#[track_caller]
fn near(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    let mut pairs = found.iter().zip(expected);
    let close = pairs.all(|(a, b)| (a - b).abs() <= tolerance);
    assert!(close, "{found:?} in place of {expected:?}");
}

/// The entries 11, 12 and 22.
fn corner(kernel: &Sampled) -> Sampled {
    let pick =
        |m: &DMatrix<f64>| DMatrix::from_column_slice(3, 1, &[m[(0, 0)], m[(0, 1)], m[(1, 1)]]);
    Sampled::of(kernel.repeats.iter().map(pick).collect())
}

fn entry(kernel: &Sampled, a: usize, b: usize) -> Sampled {
    Sampled::of(
        kernel
            .repeats
            .iter()
            .map(|m| DMatrix::from_element(1, 1, m[(a, b)]))
            .collect(),
    )
}
