//! No training: instruments look at the start.

use crate::error::Result;
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::{Cost, Loss, OnSnapshot, Snapshot, Start, Training};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "none",
    summary: "no training: instruments look at the start, or at weights from a file",
    text: "\
One recorded time, t = 0. With learner.weights = \"net.safetensors\" the instruments analyse a network that was trained elsewhere.

keys
  loss  half-mean (default) | half-sum | cross-entropy: the convention of the measured losses, see gradient-descent",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Untrained>(place, table)?)),
    schema: |generator| generator.subschema_for::<Untrained>(),
};

/// No training at all.
#[derive(
    Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Untrained {
    /// Convention of the measured losses.
    #[serde(default)]
    pub loss: Loss,
}

impl Training for Untrained {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "kind": ABOUT.kind, "loss": self.loss })
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn learning_rate(&self) -> f64 {
        1.0
    }

    fn steps(&self) -> usize {
        0
    }

    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        Cost::of_descent(learner, shape, shape.samples, 1)
    }

    fn train(
        &self,
        _learner: &dyn Learner,
        start: Start,
        _dataset: &Dataset,
        record: &[usize],
        _rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        if record.first() == Some(&0) {
            on_snapshot(Snapshot::new(0, &start.parameters))?;
        }
        Ok(start.parameters)
    }
}
