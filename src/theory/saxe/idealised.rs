//! The idealised prediction: decoupled modes from a common start, whatever the actual start is.

use super::depth::{Bounded, DeepMode, Depth};
use super::entry::Start as Rule;
use super::flow::WeightFlow;
use super::scalar::Mode;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::learner::StartView;
use crate::numerics::flow::Tolerance;
use crate::numerics::root::brent;
use crate::theory::gate::{Ground, LinearNetwork, NOTE};
use crate::theory::readout::entries;
use crate::theory::sheet::Sheet;
use crate::theory::{Asked, Plan, Prediction, Solve, SolverReport, answered};
use nalgebra::{DMatrix, DVector};
use serde_json::{Value as Json, json};

/// An entry with `condition = "none"`.
struct Idealised {
    ground: Ground,
    start: Start,
    layers: usize,
    speed: f64,
    horizon: f64,
}

/// Common start of all modes, in the rescaled weights.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
enum Start {
    /// Equal layer scales with product `u0`.
    Balanced(f64),
    /// Two layers with scales `a`, `b`.
    TwoLayer(f64, f64),
    /// Layer scales, unequal.
    Layers(Vec<f64>),
}

impl Start {
    fn of(
        network: &LinearNetwork,
        u0: Option<f64>,
        rule: Rule,
    ) -> std::result::Result<Self, Declined> {
        let layers = network.layers();
        let c = network.multiplier();
        let power = |scale: f64| c * scale.powi(layers as i32);
        // Deviations of the rescaled weights of every layer.
        let unit = network.weight_scale();
        let deviations = network.view.deviations.iter().flatten();
        let scales: Vec<f64> = deviations.map(|d| unit * d).collect();
        Ok(match (u0, network.view.start) {
            (Some(u0), _) => Start::Balanced(u0),
            (None, StartView::Gaussian { .. }) if rule == Rule::MeanOverlap => {
                let ([_, width, _], [first, last]) = (&network.view.widths[..], &scales[..]) else {
                    return Err(Declined(
                        "start = \"mean-overlap\" needs two weight layers".into(),
                    ));
                };
                Start::Balanced(0.25 * *width as f64 * (first * first + last * last))
            }
            (None, StartView::Gaussian { .. }) if network.view.shared_deviation().is_none() => {
                match scales[..] {
                    [first, last] => Start::TwoLayer(first, last),
                    _ => Start::Layers(scales),
                }
            }
            (None, StartView::Gaussian { scale } | StartView::Balanced { scale }) => {
                Start::Balanced(power(scale))
            }
            (None, StartView::LambdaBalanced { scale, lambda }) => {
                if layers != 2 {
                    return Err(Declined("lambda-balanced modes need two layers".into()));
                }
                let (u0, lambda) = (c * scale, c * lambda);
                // The larger of the two squared scales, then the smaller from the product.
                let large = (0.5 * (lambda.abs() + lambda.hypot(2.0 * u0))).sqrt();
                let small = if large > 0.0 { u0 / large } else { 0.0 };
                match lambda >= 0.0 {
                    true => Start::TwoLayer(small, large),
                    false => Start::TwoLayer(large, small),
                }
            }
            (None, StartView::Given) => {
                return Err(Declined(
                    "needs the law of the start; the weights come from a file (condition = \"initial\")".into(),
                ));
            }
            (None, StartView::Aligned { first, last }) => match layers {
                2 => Start::TwoLayer(unit * first, unit * last),
                _ if first == last => Start::Balanced(power(first)),
                _ => {
                    let mut scales = vec![unit * first; layers];
                    scales[layers - 1] = unit * last;
                    Start::Layers(scales)
                }
            },
        })
    }

    fn course(&self, s: f64, layers: usize) -> Result<Course> {
        Ok(match self {
            Start::Balanced(u0) if layers == 2 => {
                Course::TwoLayer(Mode::new(s, u0.sqrt(), u0.sqrt()))
            }
            Start::Balanced(u0) => Course::Deep(DeepMode::new(s, *u0, Depth::Layers(layers))?),
            Start::TwoLayer(a, b) => Course::TwoLayer(Mode::new(s, *a, *b)),
            Start::Layers(scales) => {
                let weights = scales
                    .iter()
                    .map(|&a| DMatrix::from_element(1, 1, a))
                    .collect();
                let tolerance = Tolerance {
                    relative: 1e-11,
                    absolute: 1e-18,
                    ..Tolerance::default()
                };
                let s = DMatrix::from_element(1, 1, s);
                Course::Layers(Box::new(WeightFlow::whitened(&s, weights, tolerance)))
            }
        })
    }
}

/// One mode in time.
enum Course {
    TwoLayer(Mode),
    Deep(DeepMode),
    Layers(Box<WeightFlow>),
}

impl Course {
    fn strength(&self, t: f64) -> Result<Bounded> {
        Ok(match self {
            Course::TwoLayer(mode) => {
                let value = mode.strength(t);
                Bounded {
                    value,
                    bound: 1e-13 * value.abs().max(1.0),
                }
            }
            Course::Deep(mode) => mode.strength(t)?,
            Course::Layers(flow) => {
                let mut flow = flow.clone();
                flow.advance(t)?;
                let value: f64 = flow.weights().iter().map(|w| w[0]).product();
                Bounded {
                    value,
                    bound: 1e-8 * value.abs(),
                }
            }
        })
    }

    /// First time of a rise through `s/2`; not-a-number beyond `horizon`.
    fn half_rise(&self, s: f64, horizon: f64) -> Result<f64> {
        if self.strength(0.0)?.value >= 0.5 * s {
            // A mode that starts above never falls below, so it does not rise through.
            return Ok(f64::NAN);
        }
        let t = match self {
            Course::TwoLayer(mode) => mode.time_to(0.5 * s),
            Course::Deep(mode) => mode.time_to(0.5 * s)?.value,
            Course::Layers(_) => {
                let gap = |t: f64| self.strength(t).map_or(f64::NAN, |u| u.value) - 0.5 * s;
                match gap(horizon) >= 0.0 {
                    true => brent(gap, 0.0, horizon, 1e-11 * horizon)?.x,
                    false => f64::NAN,
                }
            }
        };
        Ok(if t <= horizon { t } else { f64::NAN })
    }
}

pub(super) fn plan(
    network: LinearNetwork,
    experiment: &Experiment,
    u0: Option<f64>,
    rule: Rule,
    asked: &[Asked],
) -> std::result::Result<Plan, Declined> {
    let ground = Ground::of(
        experiment,
        network.loss,
        Some("condition = \"initial\" takes any inputs"),
    )?;
    let modes = experiment.task.mode_count();
    if network.rank() < modes {
        return Err(Declined(format!(
            "independent modes need width >= number of modes ({} < {modes}); use condition = \"initial\"",
            network.rank(),
        )));
    }
    let start = Start::of(&network, u0, rule)?;
    let is_fixed = !experiment.task.is_random();
    let answers = answered(
        asked,
        |name| match name {
            "train-loss" | "mode-strength" | "half-rise-time" | "conserved-drift" => true,
            "input-output-map" => is_fixed,
            _ => false,
        },
        "idealised modes give mode-strength, half-rise-time, conserved-drift, input-output-map of a fixed data set, and train-loss without \
         label noise; none of them is measured here (condition = \"initial\" gives more)",
    )?;
    let mut averages_over = vec!["replicas"];
    if !experiment.task.has_fixed_moments() {
        averages_over.push("datasets");
    }
    let promise = Promise {
        assumptions: vec![
            "whitened inputs".into(),
            "every mode is aligned with the teacher from the start".into(),
            "all modes start with one strength u0, layers balanced".into(),
        ],
        limits: network.limits(),
        averages_over,
        bytes: 8 * answers.iter().map(|&i| asked[i].size()).sum::<usize>() as u64,
        seconds: 1e-3,
        notes: vec![NOTE.into()],
        ..Promise::of(Conditioning::None)
    };
    let solver = Idealised {
        ground,
        start,
        layers: network.layers(),
        speed: network.speed(),
        horizon: network.horizon,
    };
    Ok(Plan::new(promise, asked, answers, solver))
}

impl Solve for Idealised {
    fn inputs(&self) -> Json {
        let Idealised {
            ground,
            start,
            layers,
            speed,
            horizon,
        } = self;
        json!([ground.inputs(), start, layers, speed, horizon])
    }

    fn solve(&self, asked: &[Asked], _: &Draw, cx: &Context) -> Result<Prediction> {
        let speed = self.speed;
        let found = self.ground.find(cx)?;
        let modes = &found.modes;
        let courses = modes
            .s
            .iter()
            .map(|&s| self.start.course(s, self.layers))
            .collect::<Result<Vec<_>>>()?;
        let mut sheet = Sheet::new(asked);
        let mut worst = 0.0f64;
        for t in sheet.times() {
            let mut u = DVector::zeros(courses.len());
            for (i, course) in courses.iter().enumerate() {
                let strength = course.strength(speed * t)?;
                u[i] = strength.value;
                worst = worst.max(strength.bound);
            }
            sheet.at_time(t, |name| {
                Ok::<_, crate::Error>(match name {
                    "mode-strength" => u.as_slice().to_vec(),
                    "train-loss" => vec![0.5 * (&modes.s - &u).norm_squared()],
                    "input-output-map" => {
                        entries(&(&modes.u * DMatrix::from_diagonal(&u) * modes.v.transpose()))
                    }
                    _ => vec![0.0],
                })
            })?;
        }
        if sheet.asks_for("half-rise-time") {
            let times = courses
                .iter()
                .zip(modes.s.iter())
                .map(|(course, &s)| Ok(course.half_rise(s, speed * self.horizon)? / speed))
                .collect::<Result<Vec<f64>>>()?;
            sheet.whole("half-rise-time", &times);
        }
        let norm = modes.s.norm();
        let answers = sheet.answers(|name, _, _, value| match name {
            "conserved-drift" => 0.0,
            "train-loss" => (worst + 1e-14) * norm,
            "half-rise-time" => 1e-10 * value.abs(),
            _ => worst,
        });
        found.without_floor(
            asked,
            Prediction {
                answers,
                solver: SolverReport {
                    method: match self.start {
                        Start::Layers(_) => "scalar layers, Dormand-Prince 5(4)".into(),
                        Start::TwoLayer(..) => "unbalanced two-layer modes, closed form".into(),
                        Start::Balanced(u0) => format!("balanced modes from u0 = {u0:.4e}"),
                    },
                    iterations: courses.len(),
                    residual: worst,
                },
                warnings: Vec::new(),
            },
        )
    }
}
