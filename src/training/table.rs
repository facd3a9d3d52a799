//! Keys that the tables of several training rules share, with their ranges.

use crate::error::{Error, Result};
use crate::training::{Descent, Loss, Rule, Schedule};
use serde::{Deserialize, Serialize};

/// More steps than any run can make.
const MAX_STEPS: f64 = 1e12;

fn positive(v: f64) -> bool {
    v.is_finite() && v > 0.0
}

/// `key` must be a finite number above zero.
pub(super) fn check_positive(place: &str, key: &str, value: f64) -> Result<()> {
    match positive(value) {
        true => Ok(()),
        false => Err(Error::input(
            format!("{place}.{key}"),
            format!("{value} is not a finite number > 0"),
            "give a positive number, for example 0.01",
        )),
    }
}

/// `key` must lie in `[0, 1)`.
pub(super) fn check_fraction(place: &str, key: &str, value: f64) -> Result<()> {
    match (0.0..1.0).contains(&value) {
        true => Ok(()),
        false => Err(Error::input(
            format!("{place}.{key}"),
            format!("{value} is outside [0, 1)"),
            "give a number from 0 to below 1, for example 0.9",
        )),
    }
}

/// Number of updates from `steps`, or from the gradient-flow time `time`.
pub(super) fn steps(
    place: &str,
    learning_rate: f64,
    steps: Option<usize>,
    time: Option<f64>,
) -> Result<usize> {
    check_positive(place, "learning_rate", learning_rate)?;
    let (key, steps) = match (steps, time) {
        (Some(steps), None) => ("steps", steps as f64),
        (None, Some(time)) => {
            check_positive(place, "time", time)?;
            ("time", (time / learning_rate).round())
        }
        (given, _) => {
            return Err(Error::input(
                format!("{place}.steps"),
                match given {
                    Some(_) => "given together with `time`",
                    None => "missing, and so is `time`",
                },
                "give either `steps` or `time` (= learning_rate * steps)",
            ));
        }
    };
    match (1.0..=MAX_STEPS).contains(&steps) {
        true => Ok(steps as usize),
        false => Err(Error::input(
            format!("{place}.{key}"),
            format!("{steps} steps"),
            "choose between 1 and 1e12 steps",
        )),
    }
}

/// A batch is not empty.
pub(super) fn check_batch(place: &str, batch: Option<usize>) -> Result<()> {
    match batch {
        Some(0) => Err(Error::input(
            format!("{place}.batch"),
            "an empty batch",
            "use a size >= 1, or remove it for the full batch",
        )),
        _ => Ok(()),
    }
}

/// Weight decay: one number, or one per parameter block (weights first, then biases).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub(super) enum WeightDecay {
    One(f64),
    Each(Vec<f64>),
}

impl Default for WeightDecay {
    fn default() -> Self {
        WeightDecay::One(0.0)
    }
}

/// Keys that stochastic rules share.
pub(super) struct Common {
    pub learning_rate: f64,
    pub steps: Option<usize>,
    pub time: Option<f64>,
    pub batch: Option<usize>,
    pub loss: Loss,
    pub schedule: Schedule,
    pub weight_decay: WeightDecay,
    pub stop_at_loss: Option<f64>,
}

impl Common {
    /// Checks all ranges.
    pub fn descent(self, place: &str, rule: Rule) -> Result<Descent> {
        let steps = steps(place, self.learning_rate, self.steps, self.time)?;
        check_batch(place, self.batch)?;
        self.loss.check(&format!("{place}.loss"))?;
        self.schedule
            .validate(&format!("{place}.schedule"), steps)?;
        if let Some(target) = self.stop_at_loss {
            check_positive(place, "stop_at_loss", target)?;
        }
        let weight_decay = match self.weight_decay {
            WeightDecay::One(d) => vec![d],
            WeightDecay::Each(list) => list,
        };
        let wrong = weight_decay.iter().find(|d| !(d.is_finite() && **d >= 0.0));
        if wrong.is_some() || weight_decay.is_empty() {
            return Err(Error::input(
                format!("{place}.weight_decay"),
                wrong.map_or("an empty list".into(), |d| {
                    format!("{d} is not a finite number >= 0")
                }),
                "give one number, or one per parameter block",
            ));
        }
        Ok(Descent {
            learning_rate: self.learning_rate,
            steps,
            batch: self.batch,
            loss: self.loss,
            rule,
            schedule: self.schedule,
            weight_decay,
            decoupled: false,
            noise: 0.0,
            stop_at_loss: self.stop_at_loss,
        })
    }
}

/// The resolved table of a rule.
pub(super) fn resolved(kind: &str, d: &Descent) -> serde_json::Value {
    let mut value = serde_json::json!({
        "kind": kind,
        "learning_rate": d.learning_rate,
        "steps": d.steps,
        "batch": d.batch,
        "loss": d.loss,
        "schedule": d.schedule,
        "weight_decay": d.weight_decay,
        "stop_at_loss": d.stop_at_loss,
    });
    match d.rule {
        Rule::Plain => {}
        Rule::Momentum { momentum, nesterov } => {
            value["momentum"] = momentum.into();
            value["nesterov"] = nesterov.into();
        }
        Rule::Adam {
            beta1,
            beta2,
            epsilon,
        } => {
            value["beta1"] = beta1.into();
            value["beta2"] = beta2.into();
            value["epsilon"] = epsilon.into();
        }
    }
    value
}
