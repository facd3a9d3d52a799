//! The mean output in a few known functions: Hermite polynomials of a direction, Fourier modes of a coordinate, and
//! parities.

use super::averaged::{Averaged, Over};
use super::basis::Functions;
use super::direction::{direction, parse_direction, points_into};
use super::mean_outputs::{On, several};
use super::{Axis, Observable};
use crate::kind::{About, parse_table};
use nalgebra::DMatrix;

/// Coefficients of the mean output.
pub static PROJECTIONS: Observable = Observable {
    name: "projections",
    label: "coefficient of the mean output",
    unit: "1",
    convention: "coefficients of the outputs f in functions that are orthonormal on the population (key functions); \
                 hermite and fourier: least squares on the samples, parity: mean of f times the function; f averaged \
                 over the recorded steps of the measured part; test samples (on = \"train\": training samples)",
    ..Observable::PLAIN
};

/// Keys of `projections`.
#[derive(Debug, Clone, serde::Serialize)]
pub(super) struct Keys {
    on: On,
    /// Their keys stand beside `on`.
    #[serde(flatten)]
    functions: Functions,
}

/// The key `on`, beside those of the functions.
#[derive(serde::Deserialize)]
struct Samples {
    on: On,
}

pub(super) static COEFFICIENTS: Averaged<Keys> = Averaged {
    about: &About {
        kind: "projections",
        summary: "coefficients of the mean output in Hermite polynomials, Fourier modes or parities",
        text: "\
Coefficients a_k of the outputs, f(x) = sum_k a_k e_k(x) + rest, on the axes output (where there are several), mode. f
is averaged over the recorded steps after the burn-in of a sampler, or read after the last step of a rule that
minimises; a_k is linear in f, so that it has no bias by a short chain.

functions = \"hermite\" (default): e_k = he_k(w . x), k = 0 ... degree, the orthonormal Hermite polynomials
  He_k/sqrt(k!) of a unit vector w. w is the first input mode of the data set (of hermite-teacher: the teacher's
  direction), or the key direction = [..]. Mode: k. The coefficient of the unnormalised He_k is a_k/sqrt(k!).
functions = \"fourier\": 1, sqrt(2) cos(2 pi k x_i/period) and sqrt(2) sin(2 pi k x_i/period), k = 1 ... degree, of
  one coordinate i = coordinate (counted from 1). Mode: 0, k for a cosine, -k for a sine.
functions = \"parity\": products of the coordinates of each of the subsets = [[1, 2], [3]] (counted from 1), for
  inputs +-1. Mode: number of the subset.

Hermite polynomials and Fourier modes are orthonormal under the law of the inputs, but not on n samples of it. Means
(1/n) sum_mu f e_k would carry errors of the order |f|/sqrt(n) even if f is exactly one of the functions. So the
coefficients are those of least squares on the named functions: exact for every f that is a sum of them, with errors
by the rest of f alone. What is named matters: name all modes that the network has (modes = [1, 3] for an odd function
of low degree). Parities are exactly orthonormal on all 2^d inputs and on many incomplete sets; there the coefficients
are the means, which do not depend on the other subsets.

keys: on = \"test\" (default) or \"train\"; functions; hermite: degree (default 3) or modes = [..], direction;
fourier: degree (default 3) or modes = [..], coordinate (default 1), period (default 2 pi); parity: subsets. As { kind
= \"projections\", functions = \"hermite\", modes = [1, 3] }
Source: least squares on two Hermite modes as in Rubin, Seroussi, Ringel 2024 (arXiv:2310.03789).",
        revision: 1,
    },
    observable: &PROJECTIONS,
    keys: Keys {
        on: On::Test,
        functions: Functions::HERMITE,
    },
    parse: Some(|place, mut table| {
        let on = match table.remove("on") {
            None => On::Test,
            Some(on) => {
                let only = toml::Table::from_iter([("on".to_string(), on)]);
                parse_table::<Samples>(place, only)?.on
            }
        };
        let functions = Functions::parse(place, table)?;
        if let Functions::Hermite(h) = &functions {
            parse_direction(place, &h.direction)?;
        }
        Ok(Keys { on, functions })
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, experiment| {
        let samples = keys.on.needed(subject)?;
        keys.functions.suit(subject.shape.inputs, samples)?;
        if let Functions::Hermite(h) = &keys.functions {
            points_into(&h.direction, experiment)?;
        }
        let mode = Axis::new("mode", "1", keys.functions.modes());
        Ok(several(subject, mode))
    },
    reader: |keys, subject, dataset| {
        let x = keys.on.samples(dataset, "projections")?.0.clone();
        let along = match &keys.functions {
            Functions::Hermite(h) => x.tr_mul(&direction(&h.direction, dataset, "projections")?),
            _ => DMatrix::zeros(0, 1).column(0).into_owned(),
        };
        let values = keys.functions.values(&x, along.as_slice());
        let analysis = keys.functions.analysis(&values)?;
        let mut network = subject.learner.network(subject.shape);
        Ok(Box::new(move |parameters| {
            let outputs = network.forward(parameters, &x);
            // Modes run fastest, then outputs.
            Ok((&analysis * outputs.transpose()).as_slice().to_vec())
        }))
    },
    space: |keys, subject| {
        let samples = keys.on.count(subject);
        subject.forward(samples) + 3 * samples * keys.functions.modes().len()
    },
    ensemble: None,
};

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::super::{Chosen, Instrument};
    use super::*;
    use crate::context::Context;
    use crate::error::Result;
    use crate::experiment::Experiment;
    use crate::learner::Parameters;
    use crate::task::hermite_teacher::Direction;
    use crate::task::{HermiteTeacher, Xor};

    fn read(e: &Experiment, keys: &str, p: Parameters) -> Result<Vec<f64>> {
        let instrument = Chosen::new("measure", "projections", keys.parse().unwrap())?;
        let data = e.dataset(0)?;
        let mut recorder = instrument.recorder(e, &data, &Context::default())?;
        recorder.record(4, 0.0, &p)?;
        let (values, axes) = (recorder.finish(), instrument.axes(e).unwrap());
        assert_eq!(super::super::observable::size(&axes), values.len());
        Ok(values)
    }

    /// The linear map `f = a (w . x)` along the teacher's random direction is `a` times the first mode.
    #[test]
    fn a_map_along_the_teacher_is_its_first_mode() {
        let task = HermiteTeacher {
            direction: Direction::Random,
            test_samples: 40,
            ..HermiteTeacher::new(vec![0.0, 1.0], 4, 20)
        };
        let e = experiment(task, linear(&[], &[1.0]), 4);
        let w = e.dataset(0).unwrap().modes.v;
        let blocks = vec![w.transpose() * 1.5];
        for keys in ["", "on = 'train'\ndegree = 3"] {
            let blocks = blocks.clone();
            let found = read(&e, keys, Parameters { blocks }).unwrap();
            for (found, exact) in found.iter().zip([0.0, 1.5, 0.0, 0.0]) {
                assert!((found - exact).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn parities_of_xor_tell_the_linear_map() {
        let e = experiment(Xor::default(), linear(&[], &[1.0]), 4);
        let p = || Parameters {
            blocks: vec![DMatrix::from_row_slice(1, 2, &[0.5, -2.0])],
        };
        let keys = "on = 'train'\nfunctions = 'parity'\nsubsets = [[1, 2], [1], [2], []]";
        assert_eq!(read(&e, keys, p()).unwrap(), [0.0, 0.5, -2.0, 0.0]);
        // No test set; no direction; a direction of another space.
        for keys in [
            "",
            "on = 'train'",
            "on = 'train'\nmodes = [1]\ndirection = [1.0]",
        ] {
            let chosen = Chosen::new("measure", "projections", keys.parse().unwrap()).unwrap();
            assert!(
                chosen.axes(&e).is_err() && read(&e, keys, p()).is_err(),
                "{keys}"
            );
        }
        let diagonal = "on = 'train'\nmodes = [1]\ndirection = [1.0, 1.0]";
        let found = read(&e, diagonal, p()).unwrap()[0];
        assert!((found + 1.5 / 2f64.sqrt()).abs() < 1e-14);
        assert!(
            COEFFICIENTS
                .keyed("m", "on = 'all'".parse().unwrap())
                .is_err()
        );
        assert!(
            COEFFICIENTS
                .keyed("m", "direction = [0.0]".parse().unwrap())
                .is_err()
        );
    }
}
