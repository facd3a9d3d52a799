//! Stages: training rules one after another, each starting where the last one ended.

use crate::error::{Error, Result};
use crate::kind::{About, Kind, component};
use crate::learner::{Learner, Parameters};
use crate::numerics::random::{Stored, Stream};
use crate::task::{Dataset, Shape};
use crate::training::{
    Cost, Loss, OnSnapshot, SamplingView, Snapshot, Start, State, TRAININGS, Training,
};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "stages",
    summary: "training rules in sequence, each from where the last one ended",
    text: "\
Written as a list of tables; every stage is a training rule of its own with its keys and a name:

  [[training]]
  name = \"descent\"
  kind = \"gradient-descent\"
  ...
  [[training]]
  name = \"sampling\"
  kind = \"sgd\"
  ...

Steps are counted on; the time of a stage (its learning_rate * step) follows the time of the stages before it. The end of every stage
is among the recorded times. All stages minimise one loss, with one normalisation. Nothing but the parameters is handed on: momenta,
schedules and stops begin anew.",
    revision: 1,
};

pub(super) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Stages::parse(place, table)?)),
    schema: |_| schemars::json_schema!({ "type": "object", "properties": { "stages": { "type": "array", "description": "The training rules in sequence, each with a name; written as [[training]]." } } }),
};

/// One training rule of a sequence.
#[derive(Debug, Clone)]
pub struct Stage {
    /// Unique name.
    pub name: String,
    /// How the stage trains.
    pub training: Arc<dyn Training>,
}

/// Training rules in sequence.
///
/// ```
/// use saddlepoint::training::{GradientDescent, Stage, Stages, Training};
/// use std::sync::Arc;
/// let stage = |name: &str, rate, steps| Stage { name: name.into(), training: Arc::new(GradientDescent::new(rate, steps)) };
/// let stages = Stages::new(vec![stage("fast", 0.1, 50), stage("slow", 0.01, 100)]).unwrap();
/// assert_eq!((stages.steps(), stages.marks()), (150, vec![50, 150]));
/// assert!((stages.time(60) - 5.1).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct Stages {
    stages: Vec<Stage>,
}

impl Stages {
    /// A sequence.
    ///
    /// # Errors
    /// `Input` for no stage, a name that is empty or used twice, different losses, or a rule with a single step of its own (a closed form, another
    /// sequence).
    pub fn new(stages: Vec<Stage>) -> Result<Self> {
        Stages::checked("training", stages)
    }

    /// Parses `stages`, the list of tables.
    pub fn parse(place: &str, mut table: toml::Table) -> Result<Self> {
        let Some(toml::Value::Array(tables)) = table.remove("stages") else {
            return Err(Error::input(
                place,
                "no list of stages",
                "write every stage as a table [[training]] with a name and a kind",
            ));
        };
        if let Some(key) = table.keys().next() {
            return Err(Error::input(
                format!("{place}.{key}"),
                "a key beside the stages",
                "move it into one of the stages",
            ));
        }
        let mut stages = Vec::with_capacity(tables.len());
        for (i, table) in tables.into_iter().enumerate() {
            let place = format!("{place}[{i}]");
            let toml::Value::Table(mut table) = table else {
                return Err(Error::input(
                    place,
                    "not a table",
                    "write it as [[training]]",
                ));
            };
            let name = match table.remove("name") {
                Some(toml::Value::String(name)) => name,
                other => {
                    return Err(Error::input(
                        format!("{place}.name"),
                        other.map_or("missing".into(), |v| format!("{v} is not a text")),
                        "name the stage, for example name = \"descent\"",
                    ));
                }
            };
            let training = component(&place, TRAININGS, table)?;
            stages.push(Stage { name, training });
        }
        Stages::checked(place, stages)
    }

    fn checked(place: &str, stages: Vec<Stage>) -> Result<Self> {
        let Some(first) = stages.first() else {
            return Err(Error::input(place, "no stages", "give at least one"));
        };
        let loss = first.training.loss();
        for (i, stage) in stages.iter().enumerate() {
            let wrong = |key: &str, cause: String, remedy: &str| {
                Err(Error::input(format!("{place}[{i}].{key}"), cause, remedy))
            };
            if stage.name.is_empty() || stages[..i].iter().any(|s| s.name == stage.name) {
                let cause = format!("\"{}\" is empty or used twice", stage.name);
                return wrong("name", cause, "give every stage its own name");
            }
            if !stage.training.records_start() || stage.training.about().kind == ABOUT.kind {
                let cause = format!("{} is not a stage", stage.training.about().kind);
                return wrong(
                    "kind",
                    cause,
                    "use a rule that moves the parameters in steps",
                );
            }
            if stage.training.loss() != loss {
                let cause = format!(
                    "minimises {}, the first stage {}",
                    stage.training.loss().convention(),
                    loss.convention()
                );
                return wrong("loss", cause, "use one loss in all stages");
            }
        }
        Ok(Stages { stages })
    }

    /// The stages in order.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    fn rules(&self) -> impl Iterator<Item = &dyn Training> {
        self.stages.iter().map(|s| s.training.as_ref())
    }
}

impl Training for Stages {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let stage = |s: &Stage| {
            let about = s.training.about();
            serde_json::json!({
                "name": s.name, "kind": about.kind, "revision": about.revision, "keys": s.training.resolved(),
            })
        };
        let stages: Vec<_> = self.stages.iter().map(stage).collect();
        serde_json::json!({ "kind": ABOUT.kind, "stages": stages })
    }

    fn loss(&self) -> Loss {
        self.stages[0].training.loss()
    }

    /// That of the first stage.
    fn learning_rate(&self) -> f64 {
        self.stages[0].training.learning_rate()
    }

    fn time(&self, step: usize) -> f64 {
        let (mut left, mut time) = (step, 0.0);
        for rule in self.rules() {
            let here = left.min(rule.steps());
            time += rule.time(here);
            left -= here;
        }
        time
    }

    fn marks(&self) -> Vec<usize> {
        let ends = self.rules().scan(0, |end, rule| {
            *end += rule.steps();
            Some(*end)
        });
        ends.collect()
    }

    fn steps(&self) -> usize {
        self.rules().map(Training::steps).sum()
    }

    /// In the last stage.
    fn measured_from(&self) -> usize {
        let last = self.stages.last().map(|s| s.training.as_ref());
        self.steps() - last.map_or(0, |rule| rule.steps() - rule.measured_from())
    }

    /// Of the last stage: where a chain starts does not change its stationary law.
    fn sampling(&self) -> Option<SamplingView> {
        self.stages.last()?.training.sampling()
    }

    fn check(&self, shape: Shape) -> Result<()> {
        self.rules().try_for_each(|rule| rule.check(shape))
    }

    fn suits(&self, learner: &dyn Learner) -> Result<()> {
        self.rules().try_for_each(|rule| rule.suits(learner))
    }

    /// Stages use their memory one after another.
    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let costs = self.rules().map(|rule| rule.cost(learner, shape));
        costs.fold(Cost::default(), |sum, cost| Cost {
            bytes: sum.bytes.max(cost.bytes),
            flops: sum.flops + cost.flops,
        })
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let max_memory = start.max_memory;
        // Where the stages begin: the number of the first one still to do, and the state within it.
        let (first, mut parameters, mut within) = match start.paused {
            None => (0, start.parameters, None),
            Some(state) => {
                let (stage, parameters, Stored(noise), within): (_, _, _, State) = state.read()?;
                *rng = noise;
                (stage, parameters, Some(within))
            }
        };
        let mut before = self.rules().take(first).map(Training::steps).sum();
        for (i, rule) in self.rules().enumerate().skip(first) {
            let end = before + rule.steps();
            // The end of a stage is the start of the next: recorded once.
            let here = |&&step: &&usize| step <= end && (step > before || i == 0);
            let steps: Vec<usize> = record.iter().filter(here).map(|s| s - before).collect();
            let begin = parameters.clone();
            let noise = Stored(rng.clone());
            let mut on = |snapshot: Snapshot| {
                let within = snapshot.state;
                let state = || match within {
                    Some(within) => State::of(&(i, &begin, &noise, within()?)),
                    None => Err(Error::bug(
                        "stages",
                        "a state was asked for that is not there",
                    )),
                };
                on_snapshot(Snapshot {
                    step: snapshot.step + before,
                    parameters: snapshot.parameters,
                    chain: snapshot.chain,
                    warning: snapshot.warning,
                    state: within.is_some().then_some(&state),
                })
            };
            let start = Start {
                parameters: begin.clone(),
                paused: within.as_ref(),
                max_memory,
            };
            parameters = rule
                .train(learner, start, dataset, &steps, rng, &mut on)
                .map_err(|error| in_stage(error, &self.stages[i].name, before))?;
            (before, within) = (end, None);
        }
        Ok(parameters)
    }
}

/// Counts the steps before the stage, and names it where the error has room for it.
fn in_stage(mut error: Error, name: &str, before: usize) -> Error {
    match &mut error {
        Error::Diverged { place, step, .. } => {
            place.push_str(&format!(", stage {name}"));
            *step += before;
        }
        Error::Unconverged { solver, .. } => *solver = format!("stage {name}: {solver}"),
        _ => {}
    }
    error
}

#[cfg(test)]
mod tests;
