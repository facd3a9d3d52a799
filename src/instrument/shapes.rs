//! Critical configurations as measurements: hull, backbone, red elements, shortest path.

use super::observable::{Axis, Observable};
use super::sweeps::{Word, has_directions, no_recorder, on, setting};
use super::{Declined, Instrument, ReadsSimulation, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::percolation::geometry::Shape;
use crate::percolation::{Boundary, Element, Look, Need, Setting, Simulated, occupation};
use crate::task::Dataset;
use serde::{Deserialize, Deserializer, Serialize};
use std::sync::Arc;

/// Mean of a length or mass over configurations at one occupation.
pub struct ShapeMean {
    about: &'static About,
    observable: &'static Observable,
    shape: Shape,
    keys: AtKeys,
}

/// Keys of instruments that read configurations.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct AtKeys {
    #[serde(deserialize_with = "number_or_threshold")]
    pub(super) p: Option<f64>,
}

/// A probability, or the word "threshold": `None`.
pub(super) fn number_or_threshold<'de, D: Deserializer<'de>>(
    from: D,
) -> std::result::Result<Option<f64>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a probability or \"threshold\"")]
    enum Key {
        Number(f64),
        Word(Word),
    }
    Ok(match Key::deserialize(from)? {
        Key::Number(p) => Some(p),
        Key::Word(Word::Threshold) => None,
    })
}

impl AtKeys {
    pub(super) fn check(place: &str, p: Option<f64>) -> Result<()> {
        match p {
            Some(p) if !(0.0..=1.0).contains(&p) => Err(Error::input(
                format!("{place}.p"),
                format!("{p} is not between 0 and 1"),
                "use a probability, or leave it out for the threshold",
            )),
            _ => Ok(()),
        }
    }
}

/// The occupation of configurations as an axis of one point, or the reason why the threshold is not known.
pub(super) fn at(setting: &Setting, p: Option<f64>) -> std::result::Result<Axis, Declined> {
    let p = occupation(setting, p).map_err(|e| Declined(e.to_string()))?;
    Ok(Axis::new("p", "1", vec![p]))
}

macro_rules! shape {
    ($name:literal, $label:literal, $convention:literal, $text:literal, $shape:expr) => {
        ShapeMean {
            about: &About {
                kind: $name,
                summary: $convention,
                text: concat!(
                    $text,
                    "

Task percolation-lattice, no learner: mean over task.sweeps independent configurations per draw, occupied at random with probability p.

Keys
  p    occupation probability, or \"threshold\" (default): the published value of the lattice"
                ),
                revision: 1,
            },
            observable: &Observable {
                name: $name,
                label: $label,
                unit: "1",
                convention: $convention,
                ..Observable::PLAIN
            },
            shape: $shape,
            keys: AtKeys { p: None },
        }
    };
}

pub(super) static HULL: ShapeMean = shape!(
    "hull-length",
    "hull length",
    "bonds between the largest cluster that does not wrap and the outside of it, along the walk around it (square torus, sites)",
    "Length of the walk around the largest cluster that does not wrap around the torus, in steps along the edges of unit squares around its sites;
the walk passes between sites that touch at a corner alone, so that it enters every fjord. At the threshold ~ L^(7/4).
source: Voss 1984; Saleur & Duplantier 1987",
    Shape::Hull
);
pub(super) static ACCESSIBLE: ShapeMean = shape!(
    "accessible-perimeter",
    "accessible perimeter",
    "sites of the largest cluster that does not wrap which are reached from outside once gates of one site are closed (square torus, sites)",
    "The hull without its fjords: an empty site between two opposite sites of the cluster, or the gap between two that touch at a corner, is closed.
At the threshold ~ L^(4/3). The gates must be far apart in scale from L: corrections are larger than those of the hull.
source: Grossman & Aharony 1987; Aizenman, Duplantier & Aharony 1999",
    Shape::AccessiblePerimeter
);
pub(super) static BACKBONE: ShapeMean = shape!(
    "backbone-mass",
    "backbone mass",
    "sites of the largest component that is left on a torus when all bridges (bonds whose removal cuts a cluster) are taken away",
    "The largest bridge-free cluster of a torus: what carries current around it, without dangling ends. At the threshold ~ L^(d_B). In site percolation
the bonds are those between occupied neighbours.
source: Xu, Wang, Zhou, Garoni & Deng 2014, arXiv:1309.7244",
    Shape::BridgeFree
);
pub(super) static BRIDGES: ShapeMean = shape!(
    "bridge-density",
    "bridges per bond",
    "occupied bonds whose removal cuts a cluster of the torus, divided by the number of all bonds, occupied or not",
    "Bonds of the square lattice at p = 1/2: 1/4 on large tori, half of the occupied bonds.
source: Xu, Wang, Zhou, Garoni & Deng 2014, arXiv:1309.7244",
    Shape::Bridges
);
pub(super) static RED: ShapeMean = shape!(
    "red-bonds",
    "red bonds",
    "occupied bonds (site percolation: sites) of an open lattice without which no cluster joins the two faces of its first direction; mean over all configurations, 0 where none does",
    "Singly connected elements. By Russo's formula the mean is exactly p dR/dp, R the spanning probability (spanning-x): at the threshold ~ L^(1/nu).
R of open lattices drifts with L, so that small lattices give slopes off 1/nu (three dimensions, L <= 32: 1.06 for 1.14).
source: Coniglio 1982; Russo 1981",
    Shape::Red
);
pub(super) static CHEMICAL: ShapeMean = shape!(
    "chemical-distance",
    "chemical distance",
    "sites of the shortest path of an open lattice between the two faces of its first direction; mean over the configurations in which a cluster joins them",
    "Shortest path within the spanning cluster, from face to face, L where all is occupied. At the threshold ~ L^(d_min). The mean is conditioned on spanning: a draw in which no
configuration spans is an error (raise task.sweeps).
source: Zhou, Yang, Deng & Ziff 2012, arXiv:1112.3428",
    Shape::ShortestPath
);

impl ShapeMean {
    fn applies(&self, setting: &Setting) -> std::result::Result<(), Declined> {
        has_directions(setting)?;
        match self.shape {
            Shape::Red | Shape::ShortestPath => on(setting, Boundary::Open),
            Shape::BridgeFree | Shape::Bridges => on(setting, Boundary::Torus),
            Shape::Hull | Shape::AccessiblePerimeter => {
                on(setting, Boundary::Torus)?;
                let square = setting.lattice == "hypercubic" && setting.dimension == 2;
                match square && setting.element == Element::Site {
                    true => Ok(()),
                    false => Err(Declined("needs sites of the square lattice".into())),
                }
            }
        }
    }
}

impl Instrument for ShapeMean {
    fn about(&self) -> &'static About {
        self.about
    }

    fn observable(&self) -> &'static Observable {
        self.observable
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let setting = setting(experiment)?;
        self.applies(setting)?;
        Ok(vec![at(setting, self.keys.p)?])
    }

    fn recorder(&self, _: &Experiment, _: &Dataset, _: &Context) -> Result<Box<dyn Recorder>> {
        Err(no_recorder(self.about.kind))
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: AtKeys = parse_table(place, keys)?;
        AtKeys::check(place, keys.p)?;
        Ok(Arc::new(ShapeMean { keys, ..*self }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn simulated(&self) -> Option<&dyn ReadsSimulation> {
        Some(self)
    }
}

impl ReadsSimulation for ShapeMean {
    fn need(&self) -> Need {
        Need::probe(self.keys.p, Look::Shape(self.shape))
    }

    fn read(&self, simulated: Simulated<'_>, _: &[Axis]) -> Result<Vec<f64>> {
        let (_, tally) = simulated.sweeps(self.about.kind)?;
        Ok(vec![tally.configurations.mean(self.shape, self.keys.p)?])
    }
}
