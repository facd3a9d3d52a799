//! The theory entry `saddle-to-saddle`: the staircase of modes from a vanishing start.

use super::connected::Staircase;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::learner::StartView;
use crate::theory::gate::{LinearNetwork, covered};
use crate::theory::sheet::Sheet;
use crate::theory::{Info, Plan, Prediction, SolverReport, Theory};
use std::sync::Arc;

/// Keys of a `[[theory]]` table with `kind = "saddle-to-saddle"`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Growth rate `ln(1 + eta s)/eta` of gradient descent instead of `s` of the flow.
    pub step_correction: bool,
    /// What the entry conditions on: `none`.
    pub condition: Condition,
}

/// What the entry conditions on: nothing, the law of the start is enough.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// The law of the initial weights alone; solved once per cell.
    #[default]
    None,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            step_correction: true,
            condition: Condition::None,
        }
    }
}

static ABOUT: About = About {
    kind: "saddle-to-saddle",
    summary: "staircase of modes from a vanishing start (alternating gradient flows): jump times, plateaus, order",
    text: "\
Two-layer linear network from weights of scale al -> 0: modes switch on one after another in order of decreasing singular value,
at t_k = ln(1/al)/s_k, with gradient-descent steps s_k -> ln(1 + eta s_k)/eta; between the jumps the loss rests on plateaus
1/2 sum of s_j^2 over the modes not yet learned. Leading order in 1/ln(1/al): jump times carry an O(1) correction that does not
grow as al -> 0, and jumps are steps of zero width.

keys: step_correction = true | false; condition = \"none\" (the only one)
limit: learner.init.scale -> 0
sources: Jacot et al. 2021, arXiv:2106.15933; Kunin et al. 2025, arXiv:2506.06489",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Jacot et al. 2021, arXiv:2106.15933; Kunin et al. 2025, arXiv:2506.06489",
    observables: &["half-rise-time", "mode-strength", "train-loss"],
    assumptions: &[
        "two-layer linear network, whitened inputs",
        "vanishing balanced start, leading order in 1/ln(1/scale)",
        "train-loss: targets without label noise",
    ],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_table(place, table)?;
        Ok(Arc::new(SaddleToSaddle { options }))
    },
    schema: <Options as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct SaddleToSaddle {
    options: Options,
}

/// Scale of the rescaled initial weights.
fn scale(network: &LinearNetwork) -> std::result::Result<f64, Declined> {
    let raw = match network.view.start {
        StartView::Gaussian { scale } | StartView::Balanced { scale } => scale,
        StartView::Aligned { first, last } => (first * last).abs().sqrt(),
        StartView::LambdaBalanced { scale, lambda: 0.0 } => scale.abs().sqrt(),
        StartView::Given => {
            return Err(Declined(
                "needs the law of the start; the weights come from a file".into(),
            ));
        }
        StartView::LambdaBalanced { lambda, .. } => {
            return Err(Declined(format!(
                "needs a vanishing start; lambda = {lambda} keeps one layer finite"
            )));
        }
    };
    let al = network.weight_scale() * raw;
    match al > 0.0 && al < 1.0 {
        true => Ok(al),
        false => Err(Declined(format!(
            "needs a small start: 0 < scale < 1, here {al} (lower learner.init.scale)"
        ))),
    }
}

impl Theory for SaddleToSaddle {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::to_value(self.options).unwrap_or_default()
    }

    fn plan(
        &self,
        experiment: &Experiment,
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        let network = LinearNetwork::of(experiment)?;
        if network.layers() != 2 {
            return Err(Declined(format!(
                "the jump times hold for two weight layers, the network has {}",
                network.layers()
            )));
        }
        let al = scale(&network)?;
        let modes = network.population_modes()?;
        let noise_free = network.noise_free();
        let covers = covered(
            wanted,
            |name| match name {
                "half-rise-time" | "mode-strength" => true,
                "train-loss" => noise_free,
                _ => false,
            },
            "gives half-rise-time, mode-strength, and train-loss without label noise; none of them is measured here",
        )?;
        let speed = network.speed();
        let eta = self
            .options
            .step_correction
            .then_some(speed * network.learning_rate)
            .filter(|_| !network.is_flow);
        let stairs = Staircase::new(modes.s.as_slice(), al, eta, network.rank());
        let mut limits = vec![Limit::new("learner.init.scale", "0")];
        if !self.options.step_correction {
            limits.extend(network.limits());
        }
        let mut averages_over = vec!["replicas"];
        if experiment.task.is_random() && !noise_free {
            averages_over.push("datasets");
        }
        Ok(Box::new(StairsPlan {
            stairs,
            speed,
            horizon: network.horizon,
            promise: Promise {
                conditioning: Conditioning::None,
                assumptions: vec![],
                limits,
                averages_over,
                population: None,
                bytes: 8 * covers.iter().map(|&i| wanted[i].size()).sum::<usize>() as u64,
                seconds: 1e-4,
            },
            wanted: wanted.to_vec(),
            covers,
        }))
    }
}

struct StairsPlan {
    stairs: Staircase,
    speed: f64,
    horizon: f64,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for StairsPlan {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _draw: &Draw) -> Result<Prediction> {
        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(match name {
                    "mode-strength" => self.stairs.strengths(self.speed * t),
                    _ => vec![self.stairs.loss(self.speed * t)],
                })
            })?;
        }
        let times: Vec<f64> = self
            .stairs
            .times()
            .iter()
            .map(|t| t / self.speed)
            .map(|t| if t <= self.horizon { t } else { f64::NAN })
            .collect();
        sheet.whole("half-rise-time", &times);
        Ok(Prediction {
            observables: sheet.predictions(|_, _, _, value| 1e-14 * value.abs()),
            solver: SolverReport {
                method: "jump times ln(1/scale)/s".into(),
                iterations: times.len(),
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
