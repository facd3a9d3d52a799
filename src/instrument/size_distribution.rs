//! Cluster sizes of lattice sweeps as measurements: `n_s`, and its scaling function.

use super::fisher::largest_critical;
use super::observable::{Axis, Observable};
use super::shapes::{AtKeys, at};
use super::sweeps::{no_recorder, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::exponents::exponents;
use crate::percolation::{Need, Setting, Simulated, SizeSeries, occupation};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `n_s` by size.
pub struct SizeDistribution {
    p: Option<f64>,
}

/// `s^tau n_s` at `p = p_c + z s^-sigma`.
pub struct SizeScaling {
    keys: ScalingKeys,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ScalingKeys {
    scaled: [f64; 2],
    count: usize,
    sizes: Option<[f64; 2]>,
}

impl ScalingKeys {
    const DEFAULT: ScalingKeys = ScalingKeys {
        scaled: [-1.0, 0.5],
        count: 31,
        sizes: None,
    };
}

impl Default for ScalingKeys {
    fn default() -> Self {
        ScalingKeys::DEFAULT
    }
}

/// As registered.
pub(super) static DISTRIBUTION: SizeDistribution = SizeDistribution { p: None };
/// As registered.
pub(super) static SCALING: SizeScaling = SizeScaling {
    keys: ScalingKeys::DEFAULT,
};

static DISTRIBUTION_ABOUT: About = About {
    kind: "cluster-size-distribution",
    summary: "n_s: clusters of s sites per site of the lattice, on bins that double",
    text: "\
Numbers of clusters of 2^k to 2^(k+1) - 1 sites per site of the lattice and per size in the bin, k = 0, 1, ...; the axis has the geometric mean of the
first and the last size of a bin. Read off the sweeps of one draw (task percolation-lattice, no learner): mean over task.sweeps
sweeps at every number n of occupied elements, averaged over the binomial law of n. All clusters count, those that wrap too.

Keys
  p    occupation probability, or \"threshold\" (default): the published value",
    revision: 1,
};

static DISTRIBUTION_OBSERVABLE: Observable = Observable {
    name: "cluster-size-distribution",
    label: "cluster numbers n_{s}",
    unit: "1",
    convention: "number of clusters of s sites per site of the lattice, mean over the sizes of a bin [2^k, 2^(k+1))",
    ..Observable::PLAIN
};

static SCALING_ABOUT: About = About {
    kind: "cluster-size-scaling",
    summary: "s^tau n_s against (p - p_c) s^sigma: one curve for all sizes s",
    text: "\
Cluster numbers n_s on the bins of cluster-size-distribution, each at its own occupations p = p_c + z s^-sigma, s the geometric mean of the
first and the last size of the bin; times s^tau. In the scaling limit the curves of all s are one function of z. Exponents: those of the
dimension, see percolation::exponents. Task percolation-lattice, no learner.

Keys
  scaled   [from, to] of z; default [-1, 0.5]
  count    number of points; default 31
  sizes    [from, to]: bins whose mean size lies between; default: 16 to L^(d_f)/20, L^d the number of sites
source: Stauffer & Aharony 1994, section 2.5",
    revision: 1,
};

static SCALING_OBSERVABLE: Observable = Observable {
    name: "cluster-size-scaling",
    label: "s^{τ} n_{s}",
    unit: "1",
    convention: "number of clusters of s sites per site of the lattice times s^tau, at p = p_c + z s^-sigma",
    ..Observable::PLAIN
};

/// Bins of a lattice with their sizes.
fn bins(setting: &Setting) -> std::result::Result<Vec<f64>, Declined> {
    let [sites, _] = setting.counts().map_err(|e| Declined(e.to_string()))?;
    Ok((0..SizeSeries::bins(sites)).map(SizeSeries::size).collect())
}

fn series<'a>(kind: &str, simulated: Simulated<'a>) -> Result<(&'a Setting, &'a SizeSeries)> {
    let (setting, tally) = simulated.sweeps(kind)?;
    match &tally.by_size {
        Some(series) => Ok((setting, series)),
        None => Err(Error::bug(kind, "sizes were not followed")),
    }
}

impl Instrument for SizeDistribution {
    fn about(&self) -> &'static About {
        &DISTRIBUTION_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &DISTRIBUTION_OBSERVABLE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let setting = setting(experiment)?;
        let sizes = Axis::new("size", "sites", bins(setting)?);
        Ok(vec![at(setting, self.p)?, sizes])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(DISTRIBUTION_ABOUT.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let AtKeys { p } = parse_table(place, keys)?;
        AtKeys::check(place, p)?;
        Ok(Arc::new(SizeDistribution { p }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "p": self.p })
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for SizeDistribution {
    fn need(&self) -> Need {
        Need {
            by_size: true,
            ..Need::default()
        }
    }

    fn read(&self, simulated: Simulated<'_>, axes: &[Axis]) -> Result<Vec<f64>> {
        let kind = DISTRIBUTION_ABOUT.kind;
        let (setting, series) = series(kind, simulated)?;
        let p = occupation(setting, self.p)?;
        let bins = 0..axes[1].values.len();
        bins.map(|bin| series.density(bin, p)).collect()
    }
}

/// Where the scaling function is read.
struct Grid {
    /// Bins with their sizes.
    bins: Vec<(usize, f64)>,
    z: Vec<f64>,
}

impl SizeScaling {
    fn grid(&self, setting: &Setting) -> std::result::Result<Grid, Declined> {
        let [from, to] = match self.keys.sizes {
            Some(sizes) => sizes,
            None => [16.0, largest_critical(setting)? / 20.0],
        };
        let sizes = bins(setting)?.into_iter().enumerate();
        let sizes: Vec<_> = sizes.filter(|(_, s)| (from..=to).contains(s)).collect();
        let Some(&(_, smallest)) = sizes.first() else {
            return Err(Declined(format!(
                "no bin of sizes between {from} and {to:.0}: use a larger lattice, or sizes = [from, to]"
            )));
        };
        let [from, to] = self.keys.scaled;
        let step = (to - from) / (self.keys.count - 1) as f64;
        let z: Vec<f64> = (0..self.keys.count)
            .map(|k| from + step * k as f64)
            .collect();
        let (critical, sigma) = self.critical(setting)?;
        for z in [from, to] {
            let p = critical + z * smallest.powf(-sigma);
            if !(0.0..=1.0).contains(&p) {
                return Err(Declined(format!("scaled points reach p = {p}")));
            }
        }
        Ok(Grid { bins: sizes, z })
    }

    fn critical(&self, setting: &Setting) -> std::result::Result<(f64, f64), Declined> {
        let known = exponents(setting.dimension).map_err(|e| Declined(e.to_string()))?;
        Ok((at(setting, None)?.values[0], known.sigma.value))
    }
}

impl Instrument for SizeScaling {
    fn about(&self) -> &'static About {
        &SCALING_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &SCALING_OBSERVABLE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let Grid { bins, z } = self.grid(setting(experiment)?)?;
        let sizes = bins.into_iter().map(|(_, s)| s).collect();
        Ok(vec![
            Axis::new("size", "sites", sizes),
            Axis::new("scaled-p-of-size", "1", z),
        ])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(SCALING_ABOUT.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: ScalingKeys = parse_table(place, keys)?;
        let [from, to] = keys.scaled;
        if !(from < to && keys.count >= 2) {
            return Err(Error::input(
                format!("{place}.scaled"),
                format!("no {} points from {from} to {to}", keys.count),
                "use scaled = [from, to] in increasing order and count >= 2",
            ));
        }
        Ok(Arc::new(SizeScaling { keys }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for SizeScaling {
    fn need(&self) -> Need {
        Need {
            by_size: true,
            ..Need::default()
        }
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let kind = SCALING_ABOUT.kind;
        let (setting, series) = series(kind, simulated)?;
        let declined = |d: Declined| Error::bug(kind, d.0);
        let Grid { bins, z } = self.grid(setting).map_err(declined)?;
        let (critical, sigma) = self.critical(setting).map_err(declined)?;
        let tau = exponents(setting.dimension)?.tau.value;
        let mut values = Vec::with_capacity(bins.len() * z.len());
        for (bin, size) in bins {
            for z in &z {
                let density = series.density(bin, critical + z * size.powf(-sigma))?;
                values.push(size.powf(tau) * density);
            }
        }
        Ok(values)
    }
}
