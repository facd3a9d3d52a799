//! The solution: outputs at all times, and kernels and densities on demand.

use super::covariance::Covariance;
use super::dynamics::Dynamics;
use super::estimate::{Estimate, Uncertainty};
use super::expansion::COUNT;
use super::frame::Frame;
use super::observe::Powers;
use super::rule::Rule;
use super::{density, sampled};
use crate::dmft::Problem;
use crate::error::{Error, Result};
use crate::kernel::Activation;

/// How a problem is solved.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The rule for averages over neurons; `None` lets the problem choose it.
    pub rule: Option<Rule>,
    /// Seed of the random streams of the rules that have some.
    pub seed: u64,
    /// Largest error of an output that is accepted; `None` accepts and reports any.
    pub tolerance: Option<f64>,
    /// Most bytes that a solve may hold.
    pub max_memory: u64,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting {
            rule: None,
            seed: 0,
            tolerance: None,
            max_memory: 8 << 30,
        }
    }
}

/// What a solve needs, before it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// Bytes held at once.
    pub bytes: f64,
    /// Floating-point operations of the outputs; kernels and densities take as many again.
    pub flops: f64,
}

/// Outputs at all times, with what is needed to find kernels and densities.
pub struct Solution {
    /// `f_mu(t)` at the times `0 ..= T`, all samples of a time (training, then test) one after the other.
    pub outputs: Estimate,
    /// The rule that was used.
    pub rule: Rule,
    /// Why it was used.
    pub reason: String,
    /// Neurons (points) of the largest repeat; 0 for the closed recursion.
    pub neurons: usize,
    /// Largest eigenvalue of the kernel that was taken as 0.
    pub dropped_eigenvalue: f64,
    /// Of a density on a grid: the number farthest from 0 of `mass - 1`, over all times and both spacings.
    pub lost_mass: Option<f64>,
    pub(super) dynamics: Dynamics,
    pub(super) setting: Setting,
    pub(super) covariance: Option<Covariance>,
}

/// What a solve by the rule of `setting`, or by the chosen one, will need.
///
/// # Errors
/// As [`solve`] for wrong input.
pub fn cost(problem: &Problem, activation: &Activation, setting: &Setting) -> Result<Cost> {
    of_dynamics(&Dynamics::of(problem, activation)?, setting)
}

/// As [`cost`], for a kernel of which the rank alone is known: its entries are not looked at.
///
/// # Errors
/// As [`cost`].
pub fn cost_at_rank(
    problem: &Problem,
    activation: &Activation,
    setting: &Setting,
    rank: usize,
) -> Result<Cost> {
    let frame = Frame::of_rank(problem.samples(), problem.targets.len(), rank);
    of_dynamics(&Dynamics::within(problem, activation, frame)?, setting)
}

/// What [`super::expand`] will need, for a kernel of this rank.
///
/// # Errors
/// As [`cost`].
pub fn expansion_cost(
    problem: &Problem,
    activation: &Activation,
    setting: &Setting,
    rank: usize,
) -> Result<Cost> {
    let frame = Frame::of_rank(problem.samples(), problem.targets.len(), rank);
    let dynamics = Dynamics::within(problem, activation, frame)?;
    let rule = setting.rule.clone();
    let rule = rule.unwrap_or_else(|| Rule::choose_for_expansion(&dynamics).0);
    let one = of_dynamics(
        &dynamics,
        &Setting {
            rule: Some(rule),
            ..setting.clone()
        },
    )?;
    Ok(Cost {
        flops: COUNT as f64 * one.flops,
        ..one
    })
}

fn of_dynamics(dynamics: &Dynamics, setting: &Setting) -> Result<Cost> {
    let (rule, _) = decide(dynamics, setting)?;
    Ok(Cost {
        bytes: rule.bytes(dynamics),
        flops: rule.flops(dynamics),
    })
}

fn decide(dynamics: &Dynamics, setting: &Setting) -> Result<(Rule, String)> {
    let (rule, reason) = match &setting.rule {
        Some(rule) => (rule.clone(), "asked for".to_string()),
        None => Rule::choose(dynamics),
    };
    rule.check(dynamics)?;
    Ok((rule, reason))
}

/// The dynamics of an infinitely wide network with one hidden layer.
///
/// The equations stand at the head of this module; the optimiser adds velocities, decay, noise and batches:
///
/// ```text
/// v <- m v + update (+ noise),  theta <- (1 - decay) theta + v (+ noise)
/// theta = h and z, noise ~ N(0, v_n K^x) and N(0, v_n), or decay theta taken from v
/// Delta_a -> (P/B) b_a Delta_a in the updates of a step whose batch has B of the P samples, b_a = 1 for those
/// ```
///
/// The noise of each neuron is its own. Cost O(S (P + M) r T) for S points, P + M samples and rank r; memory O(S (P +
/// M + r)). Sums run over fixed blocks in order, so that the bits do not depend on the number of threads.
///
/// Source: Bordelon and Pehlevan 2022, arXiv:2205.09653.
///
/// # Errors
/// `Input` for wrong shapes, numbers out of range and rules that do not fit; `Unconverged` for residuals that grow
/// beyond `1e6`, and for a tolerance that is missed; `Resource` for more memory than allowed.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::dmft::{Optimiser, Problem, one_hidden};
/// use saddlepoint::kernel::Activation;
/// let kernel = DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]);
/// let problem = Problem {
///     kernel: &kernel,
///     targets: &[1.0, -0.5],
///     richness: 1.5,
///     rate: 0.25, // eta = 0.5 over two samples
///     steps: 5,
///     weight_variances: &[1.0, 1.0],
///     optimiser: &Optimiser::default(),
/// };
/// let solution = one_hidden::solve(&problem, &Activation::Tanh, &Default::default())?;
/// assert!((solution.output(5, 0).0 - 0.515460).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(problem: &Problem, activation: &Activation, setting: &Setting) -> Result<Solution> {
    let dynamics = Dynamics::of(problem, activation)?;
    let (rule, reason) = decide(&dynamics, setting)?;
    let needed = rule.bytes(&dynamics);
    if needed > setting.max_memory as f64 {
        return Err(Error::Resource {
            what: "the mean-field dynamics of one hidden layer".into(),
            needed: needed as u64,
            limit: setting.max_memory,
            remedy: "take fewer points, or raise the limit on memory".into(),
        });
    }
    let mut solution = Solution {
        outputs: Estimate::of(Uncertainty::Rounding, Vec::new()),
        neurons: rule.neurons(&dynamics) as usize,
        dropped_eigenvalue: dynamics.frame.dropped,
        lost_mass: None,
        covariance: None,
        reason,
        rule,
        dynamics,
        setting: setting.clone(),
    };
    let mut rows = Vec::new();
    match solution.rule {
        Rule::Covariance => {
            let (covariance, outputs) = Covariance::solve(&solution.dynamics)?;
            solution.covariance = Some(covariance);
            rows.push(outputs);
        }
        Rule::Density { spacing, wider } => {
            let mut lost: f64 = 0.0;
            for (run, spacing) in [spacing, wider].into_iter().enumerate() {
                let none: Option<&Powers> = None;
                let pass =
                    density::pass(&solution.dynamics, spacing, &[], none, setting.max_memory)?;
                if run == 0 {
                    solution.neurons = pass.nodes;
                }
                if pass.lost_mass.abs() > lost.abs() {
                    lost = pass.lost_mass;
                }
                rows.push(pass.outputs);
            }
            solution.lost_mass = Some(lost);
        }
        _ => {
            for run in 0..solution.rule.runs() {
                if let Some(source) =
                    sampled::source(&solution.dynamics, &solution.rule, setting.seed, run)?
                {
                    rows.push(sampled::outputs(&solution.dynamics, &source)?);
                }
            }
        }
    }
    solution.outputs = Estimate::of(solution.uncertainty(), rows);
    solution.check_tolerance()?;
    Ok(solution)
}

impl Solution {
    pub(super) fn uncertainty(&self) -> Uncertainty {
        match self.rule {
            Rule::Covariance => Uncertainty::Rounding,
            Rule::GaussHermite { .. } | Rule::Density { .. } => Uncertainty::Difference,
            Rule::Sobol { .. } | Rule::MonteCarlo { .. } => Uncertainty::StandardError,
        }
    }

    fn check_tolerance(&self) -> Result<()> {
        let error = self.outputs.largest_error();
        match self.setting.tolerance {
            Some(tolerance) if error.is_nan() || error > tolerance => {
                let cause = format!(
                    "averages over neurons leave an error of {error:.3e} in an output, above {tolerance:.3e} ({:?})",
                    self.rule
                );
                Err(Error::unconverged(
                    "dmft",
                    cause,
                    "give the rule more points, or accept a larger error",
                ))
            }
            _ => Ok(()),
        }
    }

    /// Samples, training and test.
    pub fn samples(&self) -> usize {
        self.dynamics.frame.samples
    }

    /// Number of steps T.
    pub fn steps(&self) -> usize {
        self.dynamics.steps
    }

    /// `f_mu(t)` and its error.
    pub fn output(&self, time: usize, sample: usize) -> (f64, f64) {
        let place = time * self.samples() + sample;
        (self.outputs.mean[place], self.outputs.error[place])
    }

    /// `Delta_a(t) = y_a - f_a(t)` of the training samples at the times `0 ..= T`, a row of samples for every time.
    /// The error is that of the outputs.
    pub fn residuals(&self) -> Vec<Vec<f64>> {
        let all = self.outputs.mean.chunks(self.samples().max(1));
        all.map(|outputs| {
            self.dynamics
                .targets
                .iter()
                .zip(outputs)
                .map(|(y, f)| y - f)
                .collect()
        })
        .collect()
    }
}
