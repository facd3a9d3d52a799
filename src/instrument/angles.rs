//! The angles of the first layer's weight vectors in two dimensions: their density, and how they gather on diagonals.

use super::averaged::{Averaged, Over};
use super::neurons::{centres, check_bins, density};
use super::spectra::first_layer;
use super::subject::Subject;
use super::{Axis, Declined, Observable};
use crate::kind::{About, parse_table};
use crate::learner::Parameters;
use std::f64::consts::PI;

/// Density of the angles.
pub static NEURON_ANGLE: Observable = Observable {
    name: "neuron-angle",
    label: "density of the neuron angle ψ",
    unit: "1/rad",
    convention: "density of the angle psi in (-pi, pi] of the weight vectors of the first hidden layer, w = |w| (cos \
                 psi, sin psi), over units and recorded steps of the measured part, in bins of equal width; 1/(2 pi) \
                 where all directions are alike",
    ..Observable::PLAIN
};

/// Contrast of the angles.
pub static ANGLE_CONTRAST: Observable = Observable {
    name: "angle-contrast",
    label: "E[1 − |cos 2ψ|]",
    unit: "1",
    convention: "E[1 - |cos 2 psi|] of the angle psi of the weight vectors of the first hidden layer over units and \
                 recorded steps of the measured part: 1 on the diagonals, 0 on the axes, 1 - 2/pi = 0.363380 where \
                 all directions are alike",
    ..Observable::PLAIN
};

/// The angles of a full turn.
pub(super) const CIRCLE: [f64; 2] = [-PI, PI];

/// Keys of `neuron-angle`.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bins {
    #[serde(default = "bins")]
    bins: usize,
}

const fn bins() -> usize {
    32
}

pub(super) static DENSITY: Averaged<Bins> = Averaged {
    about: &About {
        kind: "neuron-angle",
        summary: "density of the angles of the first layer's weight vectors, for two inputs",
        text: "\
Density p(psi) of the angle psi in (-pi, pi] of the weight vectors w = |w| (cos psi, sin psi) of the first hidden
layer, on the axis angle (centres of bins of equal width), over its units and the recorded steps after the burn-in of
a sampler (after the last step of a rule that minimises). It integrates to 1. Under a Gaussian prior it is flat, 1/(2
pi) = 0.159155: structure is feature learning. Trained on xor, a two-layer relu network in mean-field scaling has
p(psi) ~ 1/(1 - A (1 - |cos 2 psi|)), with peaks on the four diagonals. A weight vector of length 0 counts as psi = 0.
Declines unless there are two inputs.

keys: bins (default 32), as { kind = \"neuron-angle\", bins = 64 }",
        revision: 1,
    },
    observable: &NEURON_ANGLE,
    keys: Bins { bins: bins() },
    parse: Some(|place, table| {
        let keys: Bins = parse_table(place, table)?;
        check_bins(place, keys.bins)?;
        Ok(keys)
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, _| {
        planar(subject)?;
        Ok(vec![Axis::new("angle", "rad", centres(keys.bins, CIRCLE))])
    },
    reader: |keys, subject, _| {
        planar(subject).map_err(|d| super::subject::refused("neuron-angle", d))?;
        let bins = keys.bins;
        Ok(Box::new(move |parameters| {
            Ok(density(&angles(parameters), bins, CIRCLE))
        }))
    },
    space: |keys, subject| subject.learner.hidden(subject.shape).first().unwrap_or(&0) + keys.bins,
    ensemble: None,
};

pub(super) static CONTRAST: Averaged<()> = Averaged {
    about: &About {
        kind: "angle-contrast",
        summary: "how far the first layer's weight vectors have turned to the diagonals, for two inputs",
        text: "\
E[1 - |cos 2 psi|] of the angle psi of neuron-angle, over the units of the first hidden layer and the recorded steps
after the burn-in, without axes: 1 where all weight vectors lie on the diagonals, 0 where they lie on the axes, 1 -
2/pi = 0.363380 under a Gaussian prior. Declines unless there are two inputs.",
        revision: 1,
    },
    observable: &ANGLE_CONTRAST,
    keys: (),
    parse: None,
    over: |()| Over::Chain,
    axes: |(), subject, _| planar(subject).map(|()| Vec::new()),
    reader: |(), subject, _| {
        planar(subject).map_err(|d| super::subject::refused("angle-contrast", d))?;
        Ok(Box::new(|parameters| {
            let angles = angles(parameters);
            let sum: f64 = angles.iter().map(|psi| 1.0 - (2.0 * psi).cos().abs()).sum();
            Ok(vec![sum / angles.len() as f64])
        }))
    },
    space: |(), subject| *subject.learner.hidden(subject.shape).first().unwrap_or(&0),
    ensemble: None,
};

/// A hidden first layer that sees two inputs.
fn planar(subject: &Subject) -> std::result::Result<(), Declined> {
    first_layer(subject)?;
    match subject.shape.inputs {
        2 => Ok(()),
        n => Err(Declined(format!("angles need 2 inputs, there are {n}"))),
    }
}

/// Angles of the weight vectors of the first layer.
fn angles(parameters: &Parameters) -> Vec<f64> {
    let units = parameters.blocks[0].row_iter();
    units.map(|w| w[1].atan2(w[0])).collect()
}
