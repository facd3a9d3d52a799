//! Learning-rate schedules.

use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// Shape of a schedule after the warm-up.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// The learning rate stays.
    #[default]
    Constant,
    /// Straight to `floor`.
    Linear,
    /// Half a cosine to `floor`.
    Cosine,
}

/// Factor on the learning rate: `(step + 1)/warmup` while `step < warmup`, then from 1 at the end of the warm-up to `floor` at the last
/// step: constant, `1 - (1 - floor) x` or `floor + (1 - floor)(1 + cos(pi x))/2`, `x` the fraction of the rest that is done.
///
/// ```
/// use saddlepoint::training::{Decay, Schedule};
/// let s = Schedule { kind: Decay::Cosine, warmup: 10, floor: 0.0 };
/// assert_eq!(s.factor(0, 110), 0.1);
/// assert_eq!(s.factor(60, 110), 0.5);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Schedule {
    /// What follows the warm-up.
    #[serde(default)]
    pub kind: Decay,
    /// Steps of linear warm-up.
    #[serde(default)]
    pub warmup: usize,
    /// Factor at the end, between 0 and 1.
    #[serde(default)]
    pub floor: f64,
}

impl Schedule {
    /// Whether the factor is 1 at every step.
    pub fn is_constant(&self) -> bool {
        self.kind == Decay::Constant && self.warmup <= 1
    }

    /// Factor on the learning rate at `step` of `steps`.
    pub fn factor(&self, step: usize, steps: usize) -> f64 {
        if step < self.warmup {
            return (step + 1) as f64 / self.warmup as f64;
        }
        let x = (step - self.warmup) as f64 / (steps - self.warmup.min(steps)).max(1) as f64;
        match self.kind {
            Decay::Constant => 1.0,
            Decay::Linear => 1.0 - (1.0 - self.floor) * x,
            Decay::Cosine => {
                self.floor + (1.0 - self.floor) * (0.5 + 0.5 * (std::f64::consts::PI * x).cos())
            }
        }
    }

    /// Ranges of the numbers, for a training of `steps` steps.
    pub(super) fn validate(&self, place: &str, steps: usize) -> Result<()> {
        if !(0.0..=1.0).contains(&self.floor) {
            return Err(Error::input(
                format!("{place}.floor"),
                format!("{} is outside [0, 1]", self.floor),
                "give the fraction of the learning rate at the end",
            ));
        }
        if self.warmup > steps {
            return Err(Error::input(
                format!("{place}.warmup"),
                format!("{} is more than the {steps} steps", self.warmup),
                "warm up for fewer steps",
            ));
        }
        Ok(())
    }
}
