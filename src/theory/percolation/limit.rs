//! Large lattices at the threshold: published thresholds, wrapping and crossing probabilities.

use super::{covered, event, leath, promise, setting};
use crate::error::Result;
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::thresholds::{Threshold, threshold};
use crate::percolation::{Boundary, Element, Event, Setting, exact};
use crate::theory::constant::NoKeys;
use crate::theory::{
    Info, Known, Number, Plan, Predicted, Prediction, Question, SolverReport, Theory,
};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "percolation-limit",
    summary: "constants of large lattices at the threshold: p_c, wrapping probabilities (Pinson), crossing probabilities (Cardy)",
    text: "\
  percolation-threshold,
  growth-threshold        the published threshold of the lattice, exact where it is known; its published uncertainty is the bound
  wrapping-x ... -cross   on two-dimensional tori at p = p_c: Pinson's values for the torus of the lattice (a rectangle for
                          hypercubic, the rhombus of 60 degrees for triangular, honeycomb and kagome): square R_x = .521058290, R_any =
                          .6904737, R_all = .3516429, R_1 = .1694154, cross = .3095263
  spanning-x              on open rectangles at p = p_c: Cardy's formula for the aspect L1/L2 of sides = [L1, L2] (sites), (L1 - 1)/L2 (bonds: as many
                          steps as bonds in a row, so that duality P(a) + P(1/a) = 1 holds at every size); bonds on the (L+1) x L
                          square lattice: exactly 1/2 for every L (self-duality)
  bridge-density          bonds of the square lattice at p = 1/2: 1/4 (Xu, Wang, Zhou, Garoni & Deng 2014, arXiv:1309.7244)

Where the curves of wrapping or spanning probabilities of successive task.size cross ([[reduce]] kind = \"crossing\"), or where they collapse
(kind = \"collapse\"), it predicts the threshold, up to six dimensions. Probabilities are predicted where the only p is the threshold ({ kind = \"wrapping-x\", p = \"threshold\" }). They are the same for sites and
bonds and for every lattice of the same shape; finite lattices differ by powers of 1/L.

keys: none
limits: task.size -> inf, task.doublings -> inf",
    revision: 2,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Pinson 1994; Newman & Ziff, cond-mat/0005264; Cardy 1992, hep-th/9111026; thresholds: see percolation::thresholds",
    observables: OBSERVABLES,
    assumptions: &[],
};

const OBSERVABLES: &[&str] = &[
    "percolation-threshold",
    "growth-threshold",
    "wrapping-x",
    "wrapping-any",
    "wrapping-all",
    "wrapping-only-x",
    "wrapping-cross",
    "spanning-x",
    "bridge-density",
];

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(Limit))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct Limit;

impl Theory for Limit {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({})
    }

    fn plan(
        &self,
        experiment: &Experiment,
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        if let Some((lattice, growth)) = leath(experiment) {
            let known = threshold(lattice, growth.dimension(), growth.element())
                .map_err(|e| Declined(e.to_string()))?;
            let covers = covered(wanted, &["growth-threshold"])?;
            let value = (known.value, known.stderr);
            return Ok(Constants::plan(covers, value, &["task.doublings -> inf"]));
        }
        let setting = setting(experiment)?;
        let known = threshold(&setting.lattice, setting.dimension, setting.element)
            .map_err(|e| Declined(e.to_string()))?;
        let mut predicted = Vec::new();
        let (mut declined, mut at_every_size) = (None, true);
        let covers = covered(wanted, OBSERVABLES)?;
        for &i in &covers {
            match constant(setting, known, &wanted[i]) {
                Ok((mean, bound)) => {
                    at_every_size &=
                        is_self_dual(setting) && wanted[i].observable.name == "spanning-x";
                    predicted.push(Predicted {
                        wanted: i,
                        mean: vec![mean],
                        bound: vec![bound],
                        stderr: None,
                    });
                }
                Err(why) => declined = Some(why),
            }
        }
        if let (true, Some(why)) = (predicted.is_empty(), declined) {
            return Err(why);
        }
        let limits: &[&str] = match at_every_size {
            true => &[],
            false => &["task.size -> inf"],
        };
        let mut assumptions = Vec::new();
        if !at_every_size {
            assumptions.push("the lattice is large".into());
        }
        let name = |p: &Predicted| wanted[p.wanted].observable.name;
        if predicted.iter().any(|p| name(p) != "percolation-threshold") {
            assumptions.push("the occupation is the threshold".into());
        }
        Ok(Box::new(Constants {
            covers: predicted.iter().map(|p| p.wanted).collect(),
            predicted,
            promise: Promise {
                assumptions,
                ..promise(limits, 0, 0.0)
            },
        }))
    }

    /// Probabilities of large lattices meet at the threshold, where the p of the observable is that of the lattice.
    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let setting = setting(experiment).ok()?;
        let known = threshold(&setting.lattice, setting.dimension, setting.element).ok()?;
        // Above six dimensions more and more clusters of the critical window wrap around the torus.
        let meets = question.number == Number::Crossing
            && question.key == "task.size"
            && setting.dimension <= 6;
        (meets && event(question.observable).is_some()).then_some(Known {
            value: known.value,
            bound: known.stderr,
        })
    }
}

/// Bonds on the open (L+1) x L square lattice.
fn is_self_dual(setting: &Setting) -> bool {
    setting.lattice == "hypercubic"
        && setting.dimension == 2
        && setting.boundary == Boundary::Open
        && setting.element == Element::Bond
        && setting.sides[0] == setting.sides[1] + 1
}

/// One value with its bound.
fn constant(
    setting: &Setting,
    known: Threshold,
    wanted: &Wanted,
) -> std::result::Result<(f64, f64), Declined> {
    let name = wanted.observable.name;
    if name == "percolation-threshold" {
        return Ok((known.value, known.stderr));
    }
    let at = &wanted.axes[0].values;
    if wanted.axes[0].name != "p"
        || at.len() != 1
        || (at[0] - known.value).abs() > known.stderr.max(1e-9)
    {
        return Err(Declined(format!(
            "{name} is known at the threshold alone ({{ kind = \"{name}\", p = \"threshold\" }})"
        )));
    }
    if name == "bridge-density" {
        let square = setting.lattice == "hypercubic" && setting.dimension == 2;
        return match square && setting.element == Element::Bond {
            true => Ok((0.25, 0.0)),
            false => Err(Declined(
                "bridges are known for bonds of the square lattice alone".into(),
            )),
        };
    }
    if setting.dimension != 2 {
        return Err(Declined(format!("{name} is known in two dimensions alone")));
    }
    let sides = [setting.sides[0] as f64, setting.sides[1] as f64];
    let is_square = setting.lattice == "hypercubic";
    let rounding = 1e-12;
    if setting.boundary == Boundary::Open {
        if !is_square {
            return Err(Declined(
                "open rhombi have no formula of Cardy's here".into(),
            ));
        }
        if is_self_dual(setting) {
            return Ok((0.5, 0.0));
        }
        let length = match setting.element {
            Element::Site => sides[0],
            Element::Bond => sides[0] - 1.0,
        };
        let value = exact::cardy(length / sides[1]).map_err(|e| Declined(e.to_string()))?;
        return Ok((value, rounding));
    }
    let wrapping = match (is_square, sides[0] == sides[1]) {
        (true, _) => exact::wrapping(sides[1] / sides[0]),
        (false, true) => exact::wrapping_rhombus(),
        (false, false) => return Err(Declined("needs equal sides on a rhombus".into())),
    };
    let w = wrapping.map_err(|e| Declined(e.to_string()))?;
    let value = match event(name) {
        Some(Event::X) => w.x,
        Some(Event::Any) => w.any,
        Some(Event::All) => w.all,
        Some(Event::Only) => w.x_only,
        Some(Event::FullRank) => w.cross,
        _ => return Err(Declined(format!("{name} has no formula"))),
    };
    Ok((value, rounding))
}

pub(super) struct Constants {
    pub predicted: Vec<Predicted>,
    pub covers: Vec<usize>,
    pub promise: Promise,
}

impl Constants {
    /// One number with its bound for all that is covered.
    pub(super) fn plan(
        covers: Vec<usize>,
        (mean, bound): (f64, f64),
        limits: &[&str],
    ) -> Box<dyn Plan> {
        let of = |&wanted: &usize| Predicted {
            wanted,
            mean: vec![mean],
            bound: vec![bound],
            stderr: None,
        };
        Box::new(Constants {
            predicted: covers.iter().map(of).collect(),
            covers,
            promise: promise(limits, 0, 0.0),
        })
    }
}

impl Plan for Constants {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _: &Draw) -> Result<Prediction> {
        Ok(Prediction {
            observables: self.predicted.clone(),
            solver: SolverReport {
                method: "closed forms and published values".into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}
