//! Density of the preactivations of a hidden layer over its units.

use super::averaged::{Averaged, Over};
use super::neurons::{centres, check_bins, check_range, density};
use super::subject::{Subject, refused};
use super::{Axis, Declined, Observable};
use crate::error::Error;
use crate::kind::{About, parse_table};
use crate::learner::MlpView;
use nalgebra::DMatrix;

/// Density of a preactivation over the units of a layer.
pub static PREACTIVATION_DENSITY: Observable = Observable {
    name: "preactivation-density",
    label: "density of the preactivation h",
    unit: "1",
    convention: "density of h^l_i(x) over the units i of hidden layer l at one training input x, after the last step (over the \
                 recorded steps of the measured part of a sampler), in bins; h^1 = c_1 W_1 x, h^l = c_l W_l phi(h^(l-1)); what \
                 lies outside the bins counts in the norm alone",
    ..Observable::PLAIN
};

/// Keys of `preactivation-density`.
#[derive(Debug, Clone, Copy, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Keys {
    layer: usize,
    sample: usize,
    bins: usize,
    range: [f64; 2],
}

impl Default for Keys {
    fn default() -> Self {
        DEFAULT
    }
}

const DEFAULT: Keys = Keys {
    layer: 1,
    sample: 1,
    bins: 40,
    range: [-4.0, 4.0],
};

pub(super) static DENSITY: Averaged<Keys> = Averaged {
    about: &About {
        kind: "preactivation-density",
        summary: "density of the preactivations of a hidden layer at one training input",
        text: "\
Density p(h) of the preactivations h^l_i(x) over the units i of hidden layer l, on the axis preactivation (centres of bins of equal
width), at one training input and after the last step (over the recorded steps after the burn-in of a sampler). h^1 = c_1 W_1 x, h^l = c_l
W_l phi(h^(l-1)) with the forward multipliers c of the parametrisation. At the start of a wide network it is normal with the variance of
its Gaussian process; training that learns features makes it another law. What lies outside of range counts in the norm alone.

keys: layer (from 1, default 1), sample (from 1, default 1), bins (default 40), range = [from, to] (default [-4, 4]), as
{ kind = \"preactivation-density\", layer = 1, sample = 2, range = [-6, 6] }
source: Bordelon, Pehlevan 2022 (arXiv:2205.09653)",
        revision: 1,
    },
    observable: &PREACTIVATION_DENSITY,
    keys: DEFAULT,
    parse: Some(|place, table| {
        let keys: Keys = parse_table(place, table)?;
        check_bins(place, keys.bins)?;
        check_range(place, keys.range)?;
        match [("layer", keys.layer), ("sample", keys.sample)]
            .iter()
            .find(|(_, n)| *n == 0)
        {
            None => Ok(keys),
            Some((key, _)) => Err(Error::input(
                format!("{place}.{key}"),
                "they are counted from 1",
                "give 1 for the first",
            )),
        }
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, _| {
        found(keys, subject)?;
        let centres = centres(keys.bins, keys.range);
        Ok(vec![Axis::new("preactivation", "1", centres)])
    },
    reader: |keys, subject, dataset| {
        let view = found(keys, subject).map_err(|d| refused("preactivation-density", d))?;
        let x = dataset.x.columns(keys.sample - 1, 1).into_owned();
        let mut network = subject.learner.network(subject.shape);
        let keys = *keys;
        Ok(Box::new(move |parameters| {
            let before: DMatrix<f64> = match keys.layer {
                1 => x.clone(),
                l => {
                    let features = network.features(parameters, &x).into_iter().nth(l - 2);
                    features.ok_or_else(|| Error::bug("instrument", "a hidden layer without features"))?
                }
            };
            let h = &parameters.blocks[keys.layer - 1] * before * view.multipliers[keys.layer - 1];
            Ok(density(h.as_slice(), keys.bins, keys.range))
        }))
    },
    space: |keys, subject| subject.forward(1) + keys.bins,
    ensemble: None,
};

/// The network, where it has the layer and the sample.
fn found(keys: &Keys, subject: &Subject) -> std::result::Result<MlpView, Declined> {
    let Some(view) = subject.learner.plain_mlp(subject.shape) else {
        return Err(Declined(
            "needs a multilayer perceptron without biases and with a trained read-out".into(),
        ));
    };
    let (layers, samples) = (view.widths.len() - 2, subject.shape.samples);
    match (keys.layer <= layers, keys.sample <= samples) {
        (false, _) => Err(Declined(format!(
            "layer = {}, there are {layers} hidden layers",
            keys.layer
        ))),
        (_, false) => Err(Declined(format!(
            "sample = {}, there are {samples} training samples",
            keys.sample
        ))),
        _ => Ok(view),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::super::{Chosen, Instrument};
    use super::*;
    use crate::context::Context;
    use crate::learner::Mlp;
    use crate::task::LinearTeacher;
    use std::sync::Arc;

    /// Two layers of a linear network: the preactivations are products of its matrices.
    #[test]
    fn densities_are_those_of_the_products_of_the_weights() {
        let task = LinearTeacher {
            samples: 3,
            ..LinearTeacher::new(vec![2.0], 3, 1)
        };
        let mlp = Mlp {
            widths: vec![4, 5],
            ..Mlp::default()
        };
        let mut e = experiment(task, linear(&[4, 5], &[0.5; 3]), 4);
        e.learner = Some(Arc::new(mlp));
        let data = e.dataset(0).unwrap();
        let start = crate::experiment::DrawIndex {
            dataset: 0,
            replica: 0,
        };
        let p = e.initial(&data, start).unwrap().unwrap();
        let view = e.learner.as_ref().unwrap().plain_mlp(data.shape()).unwrap();
        let keys = "layer = 2\nsample = 3\nbins = 8\nrange = [-2.0, 2.0]";
        let instrument =
            Chosen::new("measure", "preactivation-density", keys.parse().unwrap()).unwrap();
        let mut recorder = instrument.recorder(&e, &data, &Context::default()).unwrap();
        recorder.record(4, 0.0, &p).unwrap();
        let first = &p.blocks[0] * data.x.columns(2, 1) * view.multipliers[0];
        let second = &p.blocks[1] * first * view.multipliers[1];
        let found = recorder.finish();
        assert_eq!(found, density(second.as_slice(), 8, [-2.0, 2.0]));
        assert!((found.iter().sum::<f64>() * 0.5 - 1.0).abs() < 1e-12);
        assert!(
            DENSITY
                .keyed("measure", "layer = 0".parse().unwrap())
                .is_err()
        );
        let third = DENSITY
            .keyed("measure", "layer = 3".parse().unwrap())
            .unwrap();
        assert!(third.axes(&e).is_err());
    }
}
