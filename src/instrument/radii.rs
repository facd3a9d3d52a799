//! Radii of gyration of the clusters of a torus as measurements, by size, and the local exponent of their growth.

use super::fisher::largest_critical;
use super::observable::{Axis, Observable};
use super::shapes::{AtKeys, at, number_or_threshold};
use super::sweeps::{no_recorder, on, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::{Boundary, Look, Need, Setting, Simulated, SizeClass, SizeSeries};
use crate::task::Dataset;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// `R_s` by size class, or the exponent between neighbouring classes.
pub struct Radii {
    about: &'static About,
    observable: &'static Observable,
    exponent: bool,
    keys: Keys,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    #[serde(deserialize_with = "number_or_threshold")]
    p: Option<f64>,
    sizes: Option<[f64; 2]>,
}

const DEFAULT: Keys = Keys {
    p: None,
    sizes: None,
};

macro_rules! text {
    ($what:literal) => {
        concat!(
            $what,
            "

Size classes are octaves, 2^k to 2^(k+1) - 1 sites. The clusters are unfolded across the faces of the torus; those that wrap around it have no extent
and are left out, which cuts the classes near L^(d_f). R_s^2 is the mean over clusters of (1/s) sum_i |r_i - r_cm|^2, in squared nearest-neighbour
distances, sums over task.sweeps configurations per draw. Task percolation-lattice on a torus, no learner.

Keys
  p      occupation probability, or \"threshold\" (default): the published value
  sizes  [from, to]: classes whose geometric mean lies between; default: 64 to L^(d_f)/20, L^d the number of sites
source: Stauffer & Aharony 1994, section 3.2"
        )
    };
}

/// As registered.
pub(super) static RADIUS: Radii = Radii {
    about: &About {
        kind: "gyration-radius",
        summary: "root mean square radius of gyration R_s of the clusters that do not wrap, by octaves of their size s",
        text: text!(
            "R_s = sqrt(<R_s^2>), at the threshold ~ s^(1/d_f). The axis has the geometric mean of the first and the last size of a class."
        ),
        revision: 1,
    },
    observable: &Observable {
        name: "gyration-radius",
        label: "radius of gyration R_{s}",
        unit: "nearest-neighbour distance",
        convention: "root of the mean squared radius of gyration of the clusters of a size class that do not wrap around the torus",
        undefined: Some("the draw has no cluster of the size class"),
        ..Observable::PLAIN
    },
    exponent: false,
    keys: DEFAULT,
};

/// As registered.
pub(super) static EXPONENT: Radii = Radii {
    about: &About {
        kind: "gyration-exponent",
        summary: "local exponent of R_s ~ s^(1/d_f) between neighbouring octaves of the cluster size s",
        text: text!(
            "ln(<R^2>'/<R^2>) / (2 ln(<s>'/<s>)) of two neighbouring classes, <s> their mean sizes: 1/d_f at the threshold, 48/91 in two dimensions;
1/d for compact clusters, 1 for rods. No amplitude enters. Small clusters do not scale yet: corrections fall as s^-Omega, Omega =
72/91 in two dimensions. The axis has the size between the two classes. The logarithms of one draw are biased by the scatter of a class divided by
its number of clusters: tens of clusters per draw in the largest class."
        ),
        revision: 1,
    },
    observable: &Observable {
        name: "gyration-exponent",
        label: "local exponent d ln R_{s} / d ln s",
        unit: "1",
        convention: "half the slope of the logarithm of the mean squared radius of gyration in that of the mean size, between two neighbouring size classes",
        undefined: Some("the draw has no cluster of one of the two size classes"),
        ..Observable::PLAIN
    },
    exponent: true,
    keys: DEFAULT,
};

impl Radii {
    /// Size classes that are read.
    fn classes(&self, setting: &Setting) -> std::result::Result<Vec<usize>, Declined> {
        let [from, to] = match self.keys.sizes {
            Some(sizes) => sizes,
            None => [64.0, largest_critical(setting)? / 20.0],
        };
        let [sites, _] = setting.counts().map_err(|e| Declined(e.to_string()))?;
        let classes: Vec<usize> = (0..SizeSeries::bins(sites))
            .filter(|&k| (from..=to).contains(&SizeSeries::size(k)))
            .collect();
        let least = 1 + usize::from(self.exponent);
        match classes.len() >= least {
            true => Ok(classes),
            false => Err(Declined(format!(
                "fewer than {least} octaves of sizes between {from} and {to:.0}: use a larger lattice, or sizes = [from, to]"
            ))),
        }
    }
}

/// Root mean square radius of a class; not-a-number without clusters.
fn radius(class: &SizeClass) -> f64 {
    (class.squared_radii / class.clusters as f64).sqrt()
}

/// Local exponent between two classes.
fn exponent(small: &SizeClass, large: &SizeClass) -> f64 {
    let mean = |class: &SizeClass| class.sites / class.clusters as f64;
    (radius(large) / radius(small)).ln() / (mean(large) / mean(small)).ln()
}

impl Instrument for Radii {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let setting = setting(experiment)?;
        on(setting, Boundary::Torus)?;
        let mut sizes: Vec<f64> = self
            .classes(setting)?
            .into_iter()
            .map(SizeSeries::size)
            .collect();
        if self.exponent {
            sizes = sizes.windows(2).map(|s| (s[0] * s[1]).sqrt()).collect();
        }
        let sizes = Axis::new("size", "sites", sizes);
        Ok(vec![at(setting, self.keys.p)?, sizes])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(self.about.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: Keys = parse_table(place, keys)?;
        AtKeys::check(place, keys.p)?;
        if let Some([from, to]) = keys.sizes.filter(|[from, to]| !(0.0 < *from && from < to)) {
            return Err(Error::input(
                format!("{place}.sizes"),
                format!("no sizes from {from} to {to}"),
                "use sizes = [from, to], both positive, in increasing order",
            ));
        }
        Ok(Arc::new(Radii { keys, ..*self }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for Radii {
    fn need(&self) -> Need {
        Need::probe(self.keys.p, Look::Radii)
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let kind = self.about.kind;
        let (setting, tally) = simulated.sweeps(kind)?;
        let read = self.classes(setting).map_err(|d| Error::bug(kind, d.0))?;
        let classes = tally.configurations.radii(self.keys.p)?;
        Ok(match self.exponent {
            false => read.iter().map(|&k| radius(&classes[k])).collect(),
            true => read
                .windows(2)
                .map(|k| exponent(&classes[k[0]], &classes[k[1]]))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(sizes: std::ops::Range<u32>, squared: impl Fn(f64) -> f64) -> SizeClass {
        let mut class = SizeClass::default();
        for s in sizes.map(f64::from) {
            class.clusters += 1;
            class.sites += s;
            class.squared_radii += squared(s);
        }
        class
    }

    /// Rods of s sites, R^2 = (s^2 - 1)/12: exponent 1; compact blocks, R^2 ~ s: 1/2 exactly, whatever the law of sizes within a class.
    #[test]
    fn rods_and_blocks_have_their_exponents() {
        let rods = [64..128, 128..256].map(|sizes| class(sizes, |s| (s * s - 1.0) / 12.0));
        assert!((exponent(&rods[0], &rods[1]) - 1.0).abs() < 1e-4);
        assert!((radius(&class(7..8, |s| (s * s - 1.0) / 12.0)) - 2.0).abs() < 1e-12);
        let blocks = [64..90, 200..256].map(|sizes| class(sizes, |s| s / 6.0));
        assert!((exponent(&blocks[0], &blocks[1]) - 0.5).abs() < 1e-12);
        assert!(radius(&SizeClass::default()).is_nan());
    }

    /// s^(2/d_f) in two dimensions is nearly linear: the means over a class give 48/91 to four digits.
    #[test]
    fn the_classes_are_narrow_enough() {
        let critical = [64..128, 128..256].map(|sizes| class(sizes, |s| s.powf(96.0 / 91.0)));
        assert!((exponent(&critical[0], &critical[1]) - 48.0 / 91.0).abs() < 1e-4);
    }
}
