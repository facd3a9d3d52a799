//! How averages over neurons are taken.

use super::dynamics::{Dynamics, is_odd};
use super::points::Source;
use crate::dmft::Problem;
use crate::error::{Error, Result};
use crate::kernel::Activation;
use std::f64::consts::PI;

use super::hermite::MOST_NODES;

/// Volume of the unit ball by dimension.
const BALL: [f64; 4] = [1.0, 2.0, PI, 4.0 / 3.0 * PI];

/// A rule for averages over the initial law of a neuron, and over its noise.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// Linear networks: the covariance of `(h, z)` obeys a closed recursion, with noise too.
    Covariance,
    /// Product rule of Gauss and Hermite in `r + 1` coordinates; its error is the difference from a rule with fewer
    /// nodes.
    GaussHermite {
        /// Nodes on every axis.
        nodes: usize,
        /// Nodes of the rule that it is compared with.
        fewer: usize,
    },
    /// Scrambled Sobol points, each with both signs of `z`; every scrambling is solved for itself.
    Sobol {
        /// Points of a scrambling, a power of two (twice as many neurons).
        points: usize,
        /// Scramblings, whose scatter is the error.
        scrambles: usize,
    },
    /// Independent points with mirror images; every repeat is solved for itself.
    MonteCarlo {
        /// Independent points of a repeat (four times as many neurons, twice for an odd activation).
        points: usize,
        /// Repeats, whose scatter is the error.
        repeats: usize,
    },
    /// With noise and without momentum, in up to three coordinates: the density of neurons on a uniform grid.
    Density {
        /// Spacing in units of the standard deviation of the noise of a step, at most 0.83.
        spacing: f64,
        /// Wider spacing that it is compared with.
        wider: f64,
    },
}

impl Rule {
    /// Fits the rule to the problem, with the reason.
    pub(super) fn choose(dynamics: &Dynamics) -> (Rule, String) {
        let (axes, noise) = (dynamics.axes(), dynamics.optimiser.noise > 0.0);
        if dynamics.activation.is_linear() {
            return (
                Rule::Covariance,
                "a linear network: the covariance of a neuron obeys a closed recursion".into(),
            );
        }
        let smooth = dynamics.activation != Activation::Relu;
        let density = Rule::Density {
            spacing: 0.76,
            wider: 0.83,
        };
        if noise && density.check(dynamics).is_ok() && smooth && density.flops(dynamics) < 2e10 {
            let reason =
                format!("noise without momentum in {axes} coordinates: the density fits on a grid");
            return (density, reason);
        }
        if !noise && axes <= 3 && smooth {
            let rule = Rule::GaussHermite {
                nodes: 64,
                fewer: 48,
            };
            return (rule, format!("a smooth activation in {axes} coordinates"));
        }
        let kink = if smooth {
            ""
        } else {
            ", an activation with a kink"
        };
        let coordinates = if noise {
            axes * (dynamics.steps + 1)
        } else {
            axes
        };
        let limit = Source::sequence_dimensions();
        if axes <= limit {
            let rest = match coordinates > limit {
                true => format!(" (the first {limit} from the sequence, the others independent)"),
                false => String::new(),
            };
            let rule = Rule::Sobol {
                points: 1 << 13,
                scrambles: 16,
            };
            return (rule, format!("{coordinates} coordinates{rest}{kink}"));
        }
        let rule = Rule::MonteCarlo {
            points: 1 << 13,
            repeats: 16,
        };
        (
            rule,
            format!("{axes} coordinates at the start, more than the {limit} of the sequence{kink}"),
        )
    }

    /// The rule for differences between small richnesses: nothing statistical in up to six coordinates.
    pub(super) fn choose_for_expansion(dynamics: &Dynamics) -> (Rule, String) {
        let (nodes, fewer) = match dynamics.axes() {
            4 => (24, 18),
            5 => (14, 11),
            6 => (9, 7),
            _ => return Rule::choose(dynamics),
        };
        let reason = format!("a smooth activation in {} coordinates", dynamics.axes());
        (Rule::GaussHermite { nodes, fewer }, reason)
    }

    /// [`Rule::choose_for_expansion`] of a problem.
    ///
    /// # Errors
    /// `Input` for a problem out of its ranges.
    pub(super) fn of_expansion(problem: &Problem, activation: &Activation) -> Result<Rule> {
        let dynamics = Dynamics::of(problem, activation)?;
        Ok(Rule::choose_for_expansion(&dynamics).0)
    }

    /// Whether the rule can be applied.
    ///
    /// # Errors
    /// `Input` with the reason.
    pub(super) fn check(&self, dynamics: &Dynamics) -> Result<()> {
        let axes = dynamics.axes();
        let noise = dynamics.optimiser.noise;
        let wrong = |cause: String, remedy: &str| Err(Error::input("rule", cause, remedy));
        match *self {
            Rule::Covariance if !dynamics.activation.is_linear() => wrong(
                "covariances close only for a linear activation".into(),
                "leave the rule to be chosen, or take a Sobol rule",
            ),
            Rule::GaussHermite { .. } if noise > 0.0 => wrong(
                "a quadrature of the start has no points for the noise of the steps".into(),
                "take the density or a Sobol rule, or switch the noise off",
            ),
            Rule::GaussHermite { nodes, fewer } => {
                if fewer < 1 || nodes <= fewer || nodes > MOST_NODES {
                    return wrong(
                        format!("{nodes} nodes compared with {fewer}"),
                        "choose 1 <= fewer < nodes <= 200",
                    );
                }
                if (nodes as f64).powi(axes as i32) > 1e8 {
                    return wrong(
                        format!("{nodes} nodes on each of {axes} axes"),
                        "take a Sobol rule, which does not grow with the number of axes",
                    );
                }
                Ok(())
            }
            Rule::Sobol { points, scrambles } => {
                if !points.is_power_of_two() || points > 1 << 32 || scrambles < 2 {
                    return wrong(
                        format!("{points} Sobol points in {scrambles} scramblings"),
                        "choose a power of two up to 2^32, and at least two scramblings (better sixteen)",
                    );
                }
                Ok(())
            }
            Rule::MonteCarlo { points, repeats } if points == 0 || repeats < 2 => wrong(
                format!("{points} points in {repeats} repeats"),
                "choose at least one point and two repeats (better sixteen)",
            ),
            Rule::Density { spacing, wider } => {
                if noise == 0.0 || dynamics.has_velocity() || axes > 3 {
                    return wrong(
                        format!(
                            "a noise of {noise}, a momentum of {}, {axes} coordinates",
                            dynamics.optimiser.momentum
                        ),
                        "a density on a grid needs noise, no momentum and at most three coordinates: take a Sobol rule",
                    );
                }
                if dynamics.deviations.contains(&0.0) {
                    return wrong(
                        "a weight variance of 0 has no density".into(),
                        "take a Sobol rule, or small variances",
                    );
                }
                if !(spacing > 0.0 && spacing < wider && wider <= 0.85) {
                    return wrong(
                        format!("spacings {spacing} and {wider}"),
                        "choose 0 < spacing < wider <= 0.83 standard deviations of the noise",
                    );
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Repeats or rules that are solved.
    pub(super) fn runs(&self) -> usize {
        match *self {
            Rule::Covariance => 1,
            Rule::GaussHermite { .. } | Rule::Density { .. } => 2,
            Rule::Sobol { scrambles, .. } => scrambles,
            Rule::MonteCarlo { repeats, .. } => repeats,
        }
    }

    /// Neurons of the largest run.
    pub(super) fn neurons(&self, dynamics: &Dynamics) -> f64 {
        let odd = is_odd(&dynamics.activation);
        match *self {
            Rule::Covariance => 0.0,
            Rule::GaussHermite { nodes, .. } => {
                (nodes as f64).powi(dynamics.axes() as i32) * if odd { 0.5 } else { 1.0 }
            }
            Rule::Sobol { points, .. } => 2.0 * points as f64,
            Rule::MonteCarlo { points, .. } => points as f64 * if odd { 2.0 } else { 4.0 },
            Rule::Density { spacing, .. } => {
                // A ball of 7.75 standard deviations, its widening by the noise included.
                let noise = dynamics.optimiser.noise;
                let sides = (0..dynamics.axes()).map(|axis| {
                    let start = dynamics.deviations[usize::from(axis == dynamics.frame.rank)];
                    let end = (start * start + noise * dynamics.steps as f64).sqrt();
                    7.75 * end / (spacing * noise.sqrt())
                });
                let shape = BALL[dynamics.axes().min(3)];
                shape * sides.product::<f64>() * if odd { 0.5 } else { 1.0 }
            }
        }
    }

    /// Estimate of the bytes that one solve holds at once.
    pub(super) fn bytes(&self, dynamics: &Dynamics) -> f64 {
        let frame = &dynamics.frame;
        let axes = dynamics.axes() as f64;
        let velocity = if dynamics.has_velocity() { 2.0 } else { 1.0 };
        let state = 8.0 * (velocity * axes + 2.0 * frame.samples as f64 + 1.0);
        let times = dynamics.steps as f64 + 1.0;
        let answers = 8.0 * times * frame.samples as f64 * (self.runs() as f64 + 2.0);
        match self {
            Rule::Covariance => 16.0 * times * (velocity * axes).powi(2) + answers,
            // Boxes around the balls, one for each group of blocks.
            Rule::Density { .. } => self.neurons(dynamics) * (state + 8.0 * 5.0 * 4.0) + answers,
            _ => self.neurons(dynamics) * state + answers,
        }
    }

    /// Estimate of the floating-point operations of one solve.
    pub(super) fn flops(&self, dynamics: &Dynamics) -> f64 {
        let frame = &dynamics.frame;
        let axes = dynamics.axes() as f64;
        let velocity = if dynamics.has_velocity() { 2.0 } else { 1.0 };
        let (samples, trained) = (frame.samples as f64, frame.trained as f64);
        let pointwise = if dynamics.activation == Activation::Relu {
            4.0
        } else {
            40.0
        };
        let step = 2.0 * samples * frame.rank as f64
            + 2.0 * trained * (frame.moved as f64 + 1.0)
            + (pointwise + 2.0) * samples
            + 4.0 * axes;
        let steps = dynamics.steps as f64;
        match self {
            Rule::Covariance => 4.0 * steps * (velocity * axes).powi(3),
            Rule::Density { spacing, .. } => {
                // The law of the noise reaches less far around nodes of less density.
                let axes = dynamics.axes().min(3);
                let spread =
                    BALL[axes] * [1.0, 0.79, 0.5, 0.29][axes] * (7.75 / spacing).powi(axes as i32);
                2.0 * self.neurons(dynamics) * steps * (step + 2.0 * spread)
            }
            _ => self.neurons(dynamics) * self.runs() as f64 * steps * step,
        }
    }
}
