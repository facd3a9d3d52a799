//! The exponent of the cluster sizes as a measurement, by maximum likelihood.

use super::observable::{Axis, Observable};
use super::shapes::{AtKeys, at, number_or_threshold};
use super::sweeps::{no_recorder, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::estimators::fit_power_law;
use crate::percolation::exponents::exponents;
use crate::percolation::{Look, Need, Setting, Simulated};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `tau` of `n_s ~ s^-tau`.
pub struct FisherExponent {
    keys: Keys,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    #[serde(deserialize_with = "number_or_threshold")]
    p: Option<f64>,
    lower: Option<u64>,
    upper: Option<u64>,
}

/// As registered.
pub(super) static FISHER: FisherExponent = FisherExponent {
    keys: Keys {
        p: None,
        lower: None,
        upper: None,
    },
};

static ABOUT: About = About {
    kind: "fisher-exponent",
    summary: "tau of n_s ~ s^-tau, by maximum likelihood between two cutoffs",
    text: "\
Maximizes prod_i s_i^-tau / sum_(s = lower)^upper s^-tau over all clusters of lower to upper sites in the configurations of one draw, with the exact
sums (no bins, no line through a histogram). The cutoffs keep out the small clusters that do not scale yet (the bias falls as
lower^-Omega, Omega = 72/91 in two dimensions) and those cut by the lattice, which begin at about L^(d_f); read the result at several
of both. Task percolation-lattice, no learner: task.sweeps configurations per draw; the bias of order 1/clusters asks for a thousand clusters in
a draw.

Keys
  p       occupation probability, or \"threshold\" (default): the published value
  lower   smallest size (default 100: in two dimensions tau then comes out high by about 0.003)
  upper   largest size; default: L^(d_f)/20, L^d the number of sites (above six dimensions N^(2/3)/20)
source: Clauset, Shalizi & Newman 2009, arXiv:0706.1062",
    revision: 1,
};

static OBSERVABLE: Observable = Observable {
    name: "fisher-exponent",
    label: "exponent tau of the cluster sizes",
    unit: "1",
    convention: "maximum-likelihood exponent of the number of clusters per site, n_s ~ s^-tau, between the cutoffs",
    ..Observable::PLAIN
};

/// Size `L^(d_f)` of the largest clusters of a lattice at the threshold, without amplitude.
pub(super) fn largest_critical(setting: &Setting) -> std::result::Result<f64, Declined> {
    let declined = |e: Error| Declined(e.to_string());
    let [sites, _] = setting.counts().map_err(declined)?;
    let d = setting.dimension;
    let share = match d > 6 {
        true => 2.0 / 3.0,
        false => exponents(d).map_err(declined)?.fractal_dimension.value / d as f64,
    };
    Ok((sites as f64).powf(share))
}

impl Keys {
    fn cutoffs(&self, setting: &Setting) -> std::result::Result<[u64; 2], Declined> {
        let lower = self.lower.unwrap_or(100);
        let upper = match self.upper {
            Some(upper) => upper,
            None => (largest_critical(setting)? / 20.0) as u64,
        };
        match upper > lower {
            true => Ok([lower, upper]),
            false => Err(Declined(format!(
                "no sizes between {lower} and {upper}: use a larger lattice, or other cutoffs"
            ))),
        }
    }
}

impl Instrument for FisherExponent {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &OBSERVABLE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let setting = setting(experiment)?;
        self.keys.cutoffs(setting)?;
        Ok(vec![at(setting, self.keys.p)?])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(ABOUT.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: Keys = parse_table(place, keys)?;
        AtKeys::check(place, keys.p)?;
        if keys.lower == Some(0) {
            return Err(Error::input(
                format!("{place}.lower"),
                "no cluster has 0 sites",
                "use 1 or more",
            ));
        }
        Ok(Arc::new(FisherExponent { keys }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for FisherExponent {
    fn need(&self) -> Need {
        Need::probe(self.keys.p, Look::Sizes)
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let (setting, tally) = simulated.sweeps(ABOUT.kind)?;
        let cutoffs = self.keys.cutoffs(setting);
        let [lower, upper] = cutoffs.map_err(|d| Error::bug(ABOUT.kind, d.0))?;
        let sizes = tally.configurations.sizes(self.keys.p)?;
        let sizes: Vec<(u64, u64)> = sizes.iter().map(|(&s, &n)| (s.into(), n)).collect();
        // Too few clusters for a fit are a failure of this draw, not of the whole run.
        let fit = fit_power_law(&sizes, lower, Some(upper)).map_err(|e| match e {
            Error::Input { cause, .. } => Error::unconverged(
                "fisher-exponent",
                cause,
                "take more sweeps or a larger lattice, or a smaller lower cutoff",
            ),
            other => other,
        })?;
        Ok(vec![fit.tau.value])
    }
}
