//! Percolation sweeps as measurements: estimates of the threshold.

use super::observable::{Axis, Observable};
use super::sweeps::{has_directions, no_recorder, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::{Boundary, Event, Need, Setting, Simulated, exact};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The `p` at which wrapping (or spanning) has a given probability.
pub struct ThresholdEstimate {
    keys: ThresholdKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ThresholdKeys {
    event: Event,
    level: Option<f64>,
}

impl Default for ThresholdKeys {
    fn default() -> Self {
        ThresholdKeys {
            event: Event::X,
            level: None,
        }
    }
}

/// As registered.
pub(super) static THRESHOLD: ThresholdEstimate = ThresholdEstimate {
    keys: ThresholdKeys {
        event: Event::X,
        level: None,
    },
};

static THRESHOLD_ABOUT: About = About {
    kind: "percolation-threshold",
    summary: "the p at which the wrapping (open lattices: spanning) probability of a finite lattice has a given value",
    text: "\
Solves R(p) = level for the p of one draw, R the probability of the event averaged over the draw's sweeps and the binomial law of
n; the jackknife over the sweeps takes off the bias of order 1/sweeps. On a two-dimensional torus with the exact value of R at the threshold as level,
the estimate converges as L^(-2-1/nu) = L^(-11/4); with another level as L^(-1/nu). Extrapolate with a [[reduce]] over task.size.

Keys
  event   \"x\" (default), \"last\", \"any\", \"all\" or \"full-rank\", as in wrapping-x ... wrapping-cross
  level   probability; default: the exact value in two dimensions (square torus), the published one in three (x .2578, any .4600,
          all .0804: Wang et al. 2013), else 0.5; the other two-dimensional lattices fill a rhombus of 60 degrees: their own exact value
source: Newman & Ziff 2000, cond-mat/0005264; Pinson 1994",
    revision: 1,
};

static THRESHOLD_OBSERVABLE: Observable = Observable {
    name: "percolation-threshold",
    label: "threshold estimate p_{L}",
    unit: "1",
    convention: "occupation probability at which the wrapping (spanning) probability of the finite lattice equals its level",
    tolerance: 0.005,
    ..Observable::PLAIN
};

impl ThresholdEstimate {
    fn level(&self, setting: &Setting) -> std::result::Result<f64, Declined> {
        if let Some(level) = self.keys.level {
            return Ok(level);
        }
        let event = self.keys.event;
        if setting.boundary == Boundary::Torus && setting.dimension == 2 {
            let exact = match setting.lattice.as_str() {
                "hypercubic" => exact::wrapping(setting.sides[1] as f64 / setting.sides[0] as f64),
                _ => exact::wrapping_rhombus(),
            };
            let exact = exact.map_err(|e| Declined(e.to_string()))?;
            return Ok(match event {
                Event::X => exact.x,
                Event::Last => exact.y,
                Event::Any => exact.any,
                Event::All => exact.all,
                Event::FullRank => exact.cross,
                Event::Only => return Err(Declined("R_1 is no monotone function of p".into())),
            });
        }
        Ok(
            match (
                setting.boundary,
                setting.lattice.as_str(),
                setting.dimension,
                event,
            ) {
                (_, _, _, Event::Only) => {
                    return Err(Declined("R_1 is no monotone function of p".into()));
                }
                (Boundary::Torus, "hypercubic", 3, Event::X | Event::Last) => 0.2578,
                (Boundary::Torus, "hypercubic", 3, Event::Any) => 0.4600,
                (Boundary::Torus, "hypercubic", 3, Event::All) => 0.0804,
                _ => 0.5,
            },
        )
    }
}

impl Instrument for ThresholdEstimate {
    fn about(&self) -> &'static About {
        &THRESHOLD_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &THRESHOLD_OBSERVABLE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let setting = setting(experiment)?;
        has_directions(setting)?;
        self.level(setting)?;
        Ok(Vec::new())
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(THRESHOLD_ABOUT.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: ThresholdKeys = parse_table(place, keys)?;
        if let Some(level) = keys.level
            && !(level > 0.0 && level < 1.0)
        {
            return Err(Error::input(
                format!("{place}.level"),
                format!("{level} is not between 0 and 1"),
                "use a probability between them",
            ));
        }
        Ok(Arc::new(ThresholdEstimate { keys }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for ThresholdEstimate {
    fn need(&self) -> Need {
        Need {
            onset: true,
            ..Need::default()
        }
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let (setting, tally) = simulated.sweeps(THRESHOLD_ABOUT.kind)?;
        let level = self
            .level(setting)
            .map_err(|d| Error::bug(THRESHOLD_ABOUT.kind, d.0))?;
        Ok(vec![tally.threshold(self.keys.event, level)?])
    }
}
