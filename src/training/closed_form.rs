//! Closed form: learners whose optimum is a formula.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{Learner, Parameters, Solver};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::{Cost, Loss, OnSnapshot, Snapshot, Start, Training};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "closed-form",
    summary: "one step to the optimum of a learner that has a formula for it",
    text: "\
For kernel ridge regression, random features and nearest neighbours. There is one step and one recorded time, 1: the
solution. Losses are measured in the convention half-mean unless loss says otherwise; what the learner minimises (with its ridge)
stands in its own text.

keys
  loss  half-mean (default) | half-sum | cross-entropy: convention of the measured losses",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<ClosedForm>(place, table)?)),
    schema: |generator| generator.subschema_for::<ClosedForm>(),
};

/// Sets the parameters to [`Solver::solve`](crate::learner::Solver::solve).
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct ClosedForm {
    /// Convention of the measured losses.
    #[serde(default)]
    pub loss: Loss,
}

fn solver(learner: &dyn Learner) -> Result<&dyn Solver> {
    learner.solver().ok_or_else(|| {
        Error::input(
            "training.kind",
            format!("the learner {} has no closed form", learner.about().kind),
            "use gradient-descent, or another learner",
        )
    })
}

impl Training for ClosedForm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({"kind": ABOUT.kind, "loss": self.loss})
    }

    fn is_optimum(&self) -> bool {
        true
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn learning_rate(&self) -> f64 {
        1.0
    }

    fn steps(&self) -> usize {
        1
    }

    fn records_start(&self) -> bool {
        false
    }

    fn suits(&self, learner: &dyn Learner) -> Result<()> {
        solver(learner).map(|_| ())
    }

    /// Rough: a Gram matrix and its Cholesky factor.
    /// Data set, start and what the solver holds; operations as for a Cholesky factorisation of the kernel matrix.
    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let samples = shape.samples as f64;
        let start: usize = learner.shapes(shape).iter().map(|(r, c)| r * c).sum();
        let data = shape.samples * (shape.inputs + shape.outputs);
        let solver = learner.solver().map_or(0, |s| s.work_space(shape));
        Cost {
            bytes: 8 * data.saturating_add(start).saturating_add(solver) as u64,
            flops: samples * samples * (samples / 3.0 + 2.0 * shape.inputs as f64),
        }
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        _rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let Start {
            parameters: start,
            max_memory,
            ..
        } = start;
        let solution = solver(learner)?.solve(&start, dataset, max_memory)?;
        for &step in record {
            let snapshot = match step {
                0 => Snapshot::new(step, &start),
                _ => Snapshot {
                    warning: solution.warning.as_deref(),
                    ..Snapshot::new(step, &solution.parameters)
                },
            };
            on_snapshot(snapshot)?;
        }
        Ok(solution.parameters)
    }
}
