//! The theory entry `saddle-to-saddle`: the staircase of modes from a vanishing start.

use super::connected::Staircase;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::learner::StartView;
use crate::theory::gate::{Ground, LinearNetwork, NOTE};
use crate::theory::sheet::Sheet;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, answered_of, parse_keys,
};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Keys of a `[[theory]]` table with `kind = "saddle-to-saddle"`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// Growth rate `ln(1 + eta s)/eta` of gradient descent instead of `s` of the flow.
    pub step_correction: bool,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            step_correction: true,
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
    source: "Jacot et al. 2021, arXiv:2106.15933; Kunin et al. 2025, arXiv:2506.06489",
    observables: &["half-rise-time", "mode-strength", "train-loss"],
    assumptions: &[
        "two-layer linear network, whitened inputs",
        "vanishing balanced start, leading order in 1/ln(1/scale)",
        "train-loss: targets without label noise",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let options: Options = parse_keys(place, table, &INFO)?;
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
    let largest = network.view.deviations.iter().flatten();
    let largest = network.weight_scale() * largest.fold(0.0f64, |m, d| m.max(*d));
    // Jump times are of leading order in ln(1/scale), which the layers must share.
    if al > 0.0 && al < 1.0 && (largest / al).ln() > 0.5 * (1.0 / al).ln() {
        return Err(Declined(format!(
            "needs one small scale for all layers: their geometric mean is {al:.2e}, the largest {largest:.2e} (learner.init.scale, one number)"
        )));
    }
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
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let network = LinearNetwork::of(experiment)?;
        if network.layers() != 2 {
            return Err(Declined(format!(
                "the jump times hold for two weight layers, the network has {}",
                network.layers()
            )));
        }
        let al = scale(&network)?;
        let ground = Ground::of(experiment, network.loss, None)?;
        let answers = answered_of(asked, INFO.observables)?;
        let speed = network.speed();
        let corrected = self.options.step_correction;
        let eta = (corrected && !network.is_flow).then_some(speed * network.learning_rate);
        // Jump times are of leading order in 1/ln(1/scale): no power of the scale.
        let mut limits = vec![Limit::zero("learner.init.scale")];
        if !corrected {
            limits.extend(network.limits());
        }
        let mut averages_over = vec!["replicas"];
        if !experiment.task.has_fixed_moments() {
            averages_over.push("datasets");
        }
        let mut assumptions = Vec::new();
        let is_gaussian = matches!(network.view.start, StartView::Gaussian { .. });
        if is_gaussian && network.view.shared_deviation().is_none() {
            assumptions.push("the geometric mean of the layers' deviations stands for all".into());
        }
        let promise = Promise {
            assumptions,
            limits,
            averages_over,
            bytes: 8 * answers.iter().map(|&i| asked[i].size()).sum::<usize>() as u64,
            seconds: 1e-4,
            notes: vec![NOTE.into()],
            ..Promise::of(Conditioning::None)
        };
        let stairs = Stairs {
            ground,
            al,
            eta,
            rank: network.rank(),
            speed,
            horizon: network.horizon,
        };
        Ok(Plan::new(promise, asked, answers, stairs))
    }
}

struct Stairs {
    ground: Ground,
    al: f64,
    eta: Option<f64>,
    rank: usize,
    speed: f64,
    horizon: f64,
}

impl Solve for Stairs {
    fn inputs(&self) -> Json {
        let Stairs {
            al,
            eta,
            rank,
            speed,
            horizon,
            ..
        } = self;
        json!([self.ground.inputs(), al, eta, rank, speed, horizon])
    }

    fn solve(&self, asked: &[Asked], _: &Draw, cx: &Context) -> Result<Prediction> {
        let found = self.ground.find(cx)?;
        let stairs = Staircase::new(found.modes.s.as_slice(), self.al, self.eta, self.rank);
        let mut sheet = Sheet::new(asked);
        for t in sheet.times() {
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(match name {
                    "mode-strength" => stairs.strengths(self.speed * t),
                    _ => vec![stairs.loss(self.speed * t)],
                })
            })?;
        }
        let times: Vec<f64> = stairs
            .times()
            .iter()
            .map(|t| t / self.speed)
            .map(|t| if t <= self.horizon { t } else { f64::NAN })
            .collect();
        sheet.whole("half-rise-time", &times);
        found.without_floor(
            asked,
            Prediction {
                answers: sheet.answers(|_, _, _, value| 1e-14 * value.abs()),
                solver: SolverReport {
                    method: "jump times ln(1/scale)/s".into(),
                    iterations: times.len(),
                    residual: 0.0,
                },
                warnings: Vec::new(),
            },
        )
    }
}
