//! Large lattices at the threshold: published thresholds, wrapping and crossing probabilities.

use super::{event, leath, promise, setting};
use crate::experiment::{Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::thresholds::{Threshold, threshold};
use crate::percolation::{Boundary, Element, Event, Setting, exact};
use crate::theory::{Answer, Asked, Info, Known, Number, Plan, Question, Theory, answered_of};

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
    source: "Pinson 1994; Newman & Ziff, cond-mat/0005264; Cardy 1992, hep-th/9111026; thresholds: see percolation::thresholds",
    observables: OBSERVABLES,
    ..Info::of(&ABOUT)
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
pub const KIND: Kind<dyn Theory> = without_keys!(LargeLattice);

#[derive(Debug)]
struct LargeLattice;

impl Theory for LargeLattice {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        if let Some((lattice, growth)) = leath(experiment) {
            let known = threshold(lattice, growth.dimension(), growth.element())
                .map_err(|e| Declined(e.to_string()))?;
            return one_number(
                asked,
                &["growth-threshold"],
                (known.value, known.stderr),
                promise(&["task.doublings"]),
            );
        }
        let setting = setting(experiment)?;
        let known = threshold(&setting.lattice, setting.dimension, setting.element)
            .map_err(|e| Declined(e.to_string()))?;
        let (mut answers, mut declined) = (Vec::new(), None);
        for i in answered_of(asked, OBSERVABLES)? {
            match constant(setting, known, &asked[i]) {
                Ok(value) => answers.push(Answer::on_grid(i, &asked[i], [value])),
                Err(why) => declined = Some(why),
            }
        }
        if let (true, Some(why)) = (answers.is_empty(), declined) {
            return Err(why);
        }
        let answers_to = |name: &str| answers.iter().all(|a| asked[a.asked].name() == name);
        let at_every_size = is_self_dual(setting) && answers_to("spanning-x");
        let mut assumptions = Vec::new();
        if !at_every_size {
            assumptions.push("the lattice is large".into());
        }
        if !answers_to("percolation-threshold") {
            assumptions.push("the occupation is the threshold".into());
        }
        let limits: &[&str] = if at_every_size { &[] } else { &["task.size"] };
        let promise = Promise {
            assumptions,
            ..promise(limits)
        };
        Ok(Plan::known(promise, asked, METHOD, answers))
    }

    /// Probabilities of large lattices meet at the threshold, where the p of the observable is that of the lattice.
    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let setting = setting(experiment).ok()?;
        let known = threshold(&setting.lattice, setting.dimension, setting.element).ok()?;
        // Above six dimensions more and more clusters of the critical window wrap around the torus.
        let meets = question.number == Number::Crossing
            && question.key == "task.size"
            && setting.dimension <= 6
            && event(question.observable).is_some();
        meets.then_some(Known {
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
    asked: &Asked,
) -> std::result::Result<(f64, f64), Declined> {
    let name = asked.name();
    if name == "percolation-threshold" {
        return Ok((known.value, known.stderr));
    }
    let at = &asked.axes()[0].values;
    if asked.axes()[0].name != "p"
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

const METHOD: &str = "closed forms and published values";

/// One number with its bound, for all that is asked of `names`.
pub(super) fn one_number(
    asked: &[Asked],
    names: &[&str],
    value: (f64, f64),
    promise: Promise,
) -> Result<Plan, Declined> {
    let answer = |i: usize| Answer::on_grid(i, &asked[i], [value]);
    let answers = answered_of(asked, names)?.into_iter().map(answer).collect();
    Ok(Plan::known(promise, asked, METHOD, answers))
}
