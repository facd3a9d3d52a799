//! The flow diagram of mass and quartic vertex as a league entry: lines, fixed points, separatrix.
#![doc = include_str!("flow_diagram.md")]

use super::{inputs, places};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::{Axis, Declined, Observable};
use crate::kernel::Kernel;
use crate::kind::{About, Kind};
use crate::rg::PowerLaw;
use crate::rg::fixed_point::{FixedPoint, gaussian, interacting, separatrix};
use crate::rg::quartic::{Couplings, FlowLine, flow_line};
use crate::theory::{Answer, Asked, Info, Plan, Prediction, Solve, Theory, parse_keys};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// Keys of a `[[theory]]` entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Keys {
    /// `[mh, uh]` at the start of every line; an empty list: eight points near the Gaussian fixed point, which attracts in
    /// the ultraviolet, on both sides of it.
    pub start: Vec<[f64; 2]>,
    /// `yh = y_K^2/lam_K` at the start.
    pub target: f64,
    /// RG time of the last point.
    pub time: f64,
    /// Points per line.
    pub points: usize,
    /// Lines are cut where a coupling leaves this square.
    pub bound: f64,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            start: Vec::new(),
            target: 0.0,
            time: 8.0,
            points: 161,
            bound: 2.0,
        }
    }
}

static ABOUT: About = About {
    kind: "flow-diagram",
    summary: "one-loop flow of mass and quartic vertex over the modes of a power law: lines, fixed points, separatrix",
    text: include_str!("flow_diagram.md"),
    revision: 2,
};

const CUT: Option<&str> =
    Some("the line has left the square of the key bound, or came near mh = -1");

/// Dimensionless mass along each line.
pub static FLOW_MASS: Observable = Observable {
    name: "flow-mass",
    label: "mass m\u{302}",
    unit: "1",
    convention: "mh = m lam_K of every line at RG time s = ln(D/K)",
    undefined: CUT,
    ..Observable::PLAIN
};

/// Dimensionless vertex along each line.
pub static FLOW_VERTEX: Observable = Observable {
    name: "flow-vertex",
    label: "vertex \u{fb}",
    unit: "1",
    convention: "uh = w K lam_K^2 of every line at RG time s = ln(D/K)",
    undefined: CUT,
    ..Observable::PLAIN
};

/// Mass along the separatrix.
pub static SEPARATRIX_MASS: Observable = Observable {
    name: "separatrix-mass",
    label: "mass m\u{302}",
    unit: "1",
    convention: "mh along the two branches of the line that runs into the interacting fixed point, the first from the Gaussian one; scale \
                 is the RG time before it gets there, <= 0",
    undefined: CUT,
    ..Observable::PLAIN
};

/// Vertex along the separatrix.
pub static SEPARATRIX_VERTEX: Observable = Observable {
    name: "separatrix-vertex",
    label: "vertex \u{fb}",
    unit: "1",
    convention: "uh along the two branches, as separatrix-mass",
    undefined: CUT,
    ..Observable::PLAIN
};

/// Mass of the fixed points.
pub static FIXED_MASS: Observable = Observable {
    name: "fixed-point-mass",
    label: "mass m\u{302}* of the fixed point",
    unit: "1",
    convention: "mh where all beta functions vanish: 1 the Gaussian process, 2 the interacting point; told where the target does not run (target = 0, or target_exponent = spectrum_exponent)",
    ..Observable::PLAIN
};

/// Vertex of the fixed points.
pub static FIXED_VERTEX: Observable = Observable {
    name: "fixed-point-vertex",
    label: "vertex \u{fb}* of the fixed point",
    unit: "1",
    convention: "uh where both beta functions vanish, in the order of fixed-point-mass",
    ..Observable::PLAIN
};

/// Eigenvalues of the flow at the fixed points.
pub static FIXED_EIGENVALUES: Observable = Observable {
    name: "fixed-point-eigenvalues",
    label: "eigenvalue of the flow",
    unit: "1",
    convention: "of d(beta_m, beta_u)/d(mh, uh) at the fixed points, falling; positive ones grow towards the infrared",
    ..Observable::PLAIN
};

static INFO: Info = Info {
    source: "derived here; the picture of a Gaussian fixed point that attracts in the ultraviolet: Peraza Coppola, Helias, Ringel 2025, \
             arXiv:2510.25553 (abstract)",
    own: &[
        &FLOW_MASS,
        &FLOW_VERTEX,
        &SEPARATRIX_MASS,
        &SEPARATRIX_VERTEX,
        &FIXED_MASS,
        &FIXED_VERTEX,
        &FIXED_EIGENVALUES,
    ],
    assumptions: &[
        "one loop, truncated at the quartic vertex",
        "many modes per decade",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        keys.check(place)?;
        Ok(Arc::new(Diagram(keys)))
    },
    schema: Keys::json_schema,
};

impl Keys {
    fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let positive = |v: f64| v.is_finite() && v > 0.0;
        if let Some(s) = self
            .start
            .iter()
            .find(|s| !(s[0] > -1.0 && s.iter().all(|v| v.is_finite())))
        {
            let cause = format!("a line starts at mh = {}, uh = {}", s[0], s[1]);
            return wrong("start", cause, "give finite pairs [mh, uh] with mh > -1");
        }
        let outside = |s: &&[f64; 2]| s.iter().any(|v| v.abs() >= self.bound);
        if let Some(s) = self.start.iter().find(outside) {
            let cause = format!(
                "a line starts at mh = {}, uh = {}, outside the square of bound = {}",
                s[0], s[1], self.bound
            );
            return wrong("start", cause, "start inside, or raise bound");
        }
        for (key, value) in [("time", self.time), ("bound", self.bound)] {
            if !positive(value) {
                return wrong(
                    key,
                    format!("{value} is out of range"),
                    "give a finite number > 0",
                );
            }
        }
        if !(self.target.is_finite() && self.target >= 0.0) {
            let cause = format!("{} is no squared coefficient", self.target);
            return wrong("target", cause, "give a finite number >= 0");
        }
        if !(2..=100_000).contains(&self.points) {
            return wrong(
                "points",
                format!("{} points", self.points),
                "use 2 to 100000",
            );
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Diagram(Keys);

impl Theory for Diagram {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let spectrum = experiment.task.spectrum(&Kernel::Linear {});
        let law = spectrum
            .and_then(|s| s.as_power_law())
            .filter(|law| law.alpha > 0.0);
        let Some(law) = law else {
            return Err(Declined(
                "needs a power law of eigenvalues that fall faster than 1/k (task.kind = \"power-law-features\")".into(),
            ));
        };
        // A target that runs has no fixed point.
        let stands = self.0.target == 0.0 || (law.beta - law.alpha).abs() < 1e-9;
        let answers = places(asked, &INFO, |name| stands || name.starts_with("flow-"))?;
        let promise = Promise {
            seconds: 1e-3,
            ..Promise::of(Conditioning::None)
        };
        let solver = Solver {
            inputs: inputs(experiment, json!(self.0)),
            keys: self.0.clone(),
            law,
        };
        Ok(Plan::new(promise, asked, answers, solver))
    }
}

struct Solver {
    inputs: Json,
    keys: Keys,
    law: PowerLaw,
}

/// Size of the mass from which lines leave the Gaussian fixed point.
const NEAR: f64 = 1e-3;

impl Solver {
    /// Both signs of a small mass, and vertices that engineering exponents make 0.1 to 3 where the mass is of order 1.
    fn starts(&self) -> Vec<[f64; 2]> {
        if !self.keys.start.is_empty() {
            return self.keys.start.clone();
        }
        let alpha = self.law.alpha;
        let unit = NEAR.powf((1.0 + 2.0 * alpha) / (1.0 + alpha));
        let of_sign = |mass: f64| [0.1, 0.3, 1.0, 3.0].map(|u| [mass, u * unit]);
        [of_sign(NEAR), of_sign(-NEAR)].concat()
    }

    fn line(&self, start: [f64; 2], times: &[f64]) -> Result<FlowLine> {
        let start = Couplings {
            mass: start[0],
            vertex: start[1],
            target: self.keys.target,
        };
        flow_line(self.law, start, times, self.keys.bound)
    }
}

impl Solve for Solver {
    fn inputs(&self) -> Json {
        self.inputs.clone()
    }

    fn solve(&self, asked: &[Asked], _: &Draw, cx: &Context) -> Result<Prediction> {
        let Keys {
            time,
            points,
            target,
            ..
        } = self.keys;
        let times: Vec<f64> = (0..points)
            .map(|i| time * i as f64 / (points - 1) as f64)
            .collect();
        let wants = |names: [&str; 2]| asked.iter().any(|a| names.contains(&a.name()));
        let limits = match wants(["separatrix-mass", "separatrix-vertex"]) {
            true => separatrix(self.law, target, &times, self.keys.bound)?.to_vec(),
            false => Vec::new(),
        };
        let mut lines = Vec::new();
        if wants(["flow-mass", "flow-vertex"]) {
            for start in self.starts() {
                cx.look(0.5)?;
                lines.push(self.line(start, &times)?);
            }
        }
        let fixed: [FixedPoint; 2] = [gaussian(self.law, target), interacting(self.law, target)?];
        let numbers = |n: usize| (1..=n).map(|k| k as f64).collect::<Vec<f64>>();
        // Rows of lines, on the axes that tell them apart and run along them.
        let table =
            |index: usize, name: &str, rows: usize, scale: Vec<f64>, mean: Vec<f64>| Answer {
                asked: index,
                axes: vec![
                    Axis::new(name, "1", numbers(rows)),
                    Axis::new("scale", "1", scale),
                ],
                bound: mean.iter().map(|v| super::bound(*v, 1e-7)).collect(),
                mean,
                repeats: None,
            };
        type Coupling = fn(&Couplings) -> f64;
        let along = |line: &FlowLine, coupling: Coupling| -> Vec<f64> {
            let value = |i: usize| line.couplings.get(i).map_or(f64::NAN, coupling);
            (0..points).map(value).collect()
        };
        let of_lines = |index: usize, coupling: Coupling| {
            let mean = lines
                .iter()
                .flat_map(|line| along(line, coupling))
                .collect();
            table(index, "line", lines.len(), times.clone(), mean)
        };
        // The separatrix was followed backwards; it is told in the direction of the flow.
        let of_branches = |index: usize, coupling: Coupling| {
            let branch = |line: &FlowLine| along(line, coupling).into_iter().rev();
            let scale = times.iter().rev().map(|t| 0.0 - t).collect();
            table(
                index,
                "branch",
                limits.len(),
                scale,
                limits.iter().flat_map(branch).collect(),
            )
        };
        let of_points = |index: usize, further: Option<Axis>, mean: Vec<f64>| Answer {
            asked: index,
            axes: std::iter::once(Axis::new("fixed-point", "1", numbers(2)))
                .chain(further)
                .collect(),
            bound: mean.iter().map(|v| super::bound(*v, 1e-12)).collect(),
            mean,
            repeats: None,
        };
        let answer = |(index, asked): (usize, &Asked)| match asked.name() {
            "flow-mass" => of_lines(index, |c| c.mass),
            "flow-vertex" => of_lines(index, |c| c.vertex),
            "separatrix-mass" => of_branches(index, |c| c.mass),
            "separatrix-vertex" => of_branches(index, |c| c.vertex),
            "fixed-point-mass" => of_points(
                index,
                None,
                fixed.iter().map(|p| p.couplings.mass).collect(),
            ),
            "fixed-point-vertex" => of_points(
                index,
                None,
                fixed.iter().map(|p| p.couplings.vertex).collect(),
            ),
            _ => of_points(
                index,
                Some(Axis::new("direction", "1", numbers(2))),
                fixed.iter().flat_map(|p| p.eigenvalues).collect(),
            ),
        };
        let answers = asked.iter().enumerate().map(answer).collect();
        let outside = limits.iter().any(|branch| branch.couplings.is_empty());
        let mut prediction = Prediction::of("adaptive Runge-Kutta steps, Newton's method", answers);
        prediction.warnings.push(
            "the interacting fixed point lies at a negative mass (a loss with a double well) and at strong coupling: it belongs to the truncated \
             flow"
                .into(),
        );
        if outside {
            prediction.warnings.push(format!(
                "no separatrix: the interacting fixed point lies outside the square of bound = {}",
                self.keys.bound
            ));
        }
        Ok(prediction)
    }
}
