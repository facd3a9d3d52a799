//! The weight vectors of the first hidden layer along a direction: moments, density and tail over neurons and chain.

use super::averaged::{Averaged, Over};
use super::direction::{direction, parse_direction, points_into};
use super::reading::Read;
use super::spectra::first_layer;
use super::subject::Subject;
use super::{Axis, Observable};
use crate::error::{Error, Result};
use crate::kind::{About, parse_table};
use crate::task::Dataset;

/// Second and fourth moment of the overlaps.
pub static NEURON_OVERLAP: Observable = Observable {
    name: "neuron-overlap",
    label: "moments E[q²], E[q⁴] of the overlap",
    unit: "1",
    convention: "E[q^2] and E[q^4] of q = c_1 w_i . u over the hidden units i of the first layer and the recorded \
                 steps of the measured part: effective weights c_1 w_i (first forward multiplier times raw weights), \
                 unit vector u; not divided by the prior",
    ..Observable::PLAIN
};

/// Density of the overlaps.
pub static NEURON_OVERLAP_DENSITY: Observable = Observable {
    name: "neuron-overlap-density",
    label: "density of the overlap q",
    unit: "1",
    convention: "density of q = c_1 w_i . u (see neuron-overlap) over units and recorded steps of the measured part, \
                 in bins; what lies outside the bins counts in the norm alone",
    ..Observable::PLAIN
};

/// Share of large overlaps.
pub static NEURON_OVERLAP_TAIL: Observable = Observable {
    name: "neuron-overlap-tail",
    label: "share of neurons with |q| > a",
    unit: "1",
    convention: "share of q = c_1 w_i . u (see neuron-overlap) with |q| > a over units and recorded steps of the \
                 measured part; as good as 0 below 0.001",
    vanishing: Some(0.001),
    ..Observable::PLAIN
};

const MOST_BINS: usize = 10_000;

/// Keys of `neuron-overlap`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Along {
    direction: Option<Vec<f64>>,
}

/// Keys of `neuron-overlap-density`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bins {
    direction: Option<Vec<f64>>,
    #[serde(default = "forty")]
    bins: usize,
    #[serde(default = "two")]
    range: [f64; 2],
}

/// Keys of `neuron-overlap-tail`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Above {
    direction: Option<Vec<f64>>,
    #[serde(default = "half")]
    above: Vec<f64>,
}

const fn forty() -> usize {
    40
}

const fn two() -> [f64; 2] {
    [-2.0, 2.0]
}

fn half() -> Vec<f64> {
    vec![0.5]
}

pub(super) static MOMENTS: Averaged<Along> = Averaged {
    about: &About {
        kind: "neuron-overlap",
        summary: "moments of the overlaps of the first layer's neurons with a direction",
        text: "\
E[q^2] and E[q^4] of the overlaps q = c_1 w_i . u on the axis power (2, 4): over the hidden units i of the first layer
and over the recorded steps after the burn-in of a sampler (after the last step of a rule that minimises). c_1 w_i are
the effective weights, raw weights times the first forward multiplier of the parametrisation; u is the first input
mode of the data set (of hermite-teacher: the teacher's direction), or the key direction = [..], made a unit vector.

Under the prior q ~ N(0, s_w^2/d), so that E[q^2] = s_w^2/d and E[q^4] = 3 E[q^2]^2. E[q^4]/E[q^2]^2 above 3 tells of
a few specialised neurons among many others.

keys: direction, as { kind = \"neuron-overlap\", direction = [1.0, 1.0] }",
        revision: 1,
    },
    observable: &NEURON_OVERLAP,
    keys: Along { direction: None },
    parse: Some(|place, table| {
        let keys: Along = parse_table(place, table)?;
        parse_direction(place, &keys.direction)?;
        Ok(keys)
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, experiment| {
        first_layer(subject)?;
        points_into(&keys.direction, experiment)?;
        Ok(vec![Axis::new("power", "1", vec![2.0, 4.0])])
    },
    reader: |keys, subject, dataset| {
        overlaps(subject, &keys.direction, dataset, "neuron-overlap", |q| {
            let mean = |power| q.iter().map(|q| q.powi(power)).sum::<f64>() / q.len() as f64;
            vec![mean(2), mean(4)]
        })
    },
    space: |_, subject| units(subject),
    ensemble: None,
};

pub(super) static DENSITY: Averaged<Bins> = Averaged {
    about: &About {
        kind: "neuron-overlap-density",
        summary: "density of the overlaps of the first layer's neurons with a direction",
        text: "\
Density p(q) of the overlaps q = c_1 w_i . u of neuron-overlap, on the axis overlap (centres of bins of equal width),
over the hidden units of the first layer and the recorded steps after the burn-in. What lies outside of range counts
in the norm alone, so that the densities times the width of a bin sum to the share inside. Of a mean-field theory it
is the law of a single neuron, p(q) ~ exp(-S(q)).

keys: direction (as in neuron-overlap), bins (default 40), range = [from, to] (default [-2, 2]), as
{ kind = \"neuron-overlap-density\", bins = 60, range = [-1.5, 1.5] }",
        revision: 1,
    },
    observable: &NEURON_OVERLAP_DENSITY,
    keys: Bins {
        direction: None,
        bins: forty(),
        range: two(),
    },
    parse: Some(|place, table| {
        let keys: Bins = parse_table(place, table)?;
        parse_direction(place, &keys.direction)?;
        check_bins(place, keys.bins)?;
        check_range(place, keys.range)?;
        Ok(keys)
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, experiment| {
        first_layer(subject)?;
        points_into(&keys.direction, experiment)?;
        Ok(vec![Axis::new("overlap", "1", centres(keys.bins, keys.range))])
    },
    reader: |keys, subject, dataset| {
        let (bins, range) = (keys.bins, keys.range);
        let kind = "neuron-overlap-density";
        overlaps(subject, &keys.direction, dataset, kind, move |q| {
            density(q, bins, range)
        })
    },
    space: |keys, subject| units(subject) + keys.bins,
    ensemble: None,
};

pub(super) static TAIL: Averaged<Above> = Averaged {
    about: &About {
        kind: "neuron-overlap-tail",
        summary: "share of the first layer's neurons whose overlap with a direction is large",
        text: "\
P(|q| > a) of the overlaps q = c_1 w_i . u of neuron-overlap, on the axis threshold (a), over the hidden units of the
first layer and the recorded steps after the burn-in. A few specialised neurons beside a bulk of others show as a
plateau of the share above the bulk.

keys: direction (as in neuron-overlap), above = [a, ..] (default [0.5]), as { kind = \"neuron-overlap-tail\", above =
[0.4, 0.5] }",
        revision: 1,
    },
    observable: &NEURON_OVERLAP_TAIL,
    keys: Above {
        direction: None,
        above: Vec::new(),
    },
    parse: Some(|place, table| {
        let keys: Above = parse_table(place, table)?;
        parse_direction(place, &keys.direction)?;
        let wrong = |a: &f64| !(a.is_finite() && *a >= 0.0);
        match keys.above.is_empty() || keys.above.iter().any(wrong) {
            false => Ok(keys),
            true => Err(Error::input(
                format!("{place}.above"),
                "no threshold, or one that is not a finite number >= 0",
                "give a list such as [0.5]",
            )),
        }
    }),
    over: |_| Over::Chain,
    axes: |keys, subject, experiment| {
        first_layer(subject)?;
        points_into(&keys.direction, experiment)?;
        Ok(vec![Axis::new("threshold", "1", thresholds(keys))])
    },
    reader: |keys, subject, dataset| {
        let above = thresholds(keys);
        let kind = "neuron-overlap-tail";
        overlaps(subject, &keys.direction, dataset, kind, move |q| {
            let share = |a: &f64| q.iter().filter(|q| q.abs() > *a).count() as f64 / q.len() as f64;
            above.iter().map(share).collect()
        })
    },
    space: |_, subject| units(subject),
    ensemble: None,
};

/// The thresholds of the keys; of the instrument without keys, the default.
fn thresholds(keys: &Above) -> Vec<f64> {
    match keys.above.is_empty() {
        true => half(),
        false => keys.above.clone(),
    }
}

/// Refuses numbers of bins without meaning.
pub(super) fn check_bins(place: &str, bins: usize) -> Result<()> {
    match (1..=MOST_BINS).contains(&bins) {
        true => Ok(()),
        false => Err(Error::input(
            format!("{place}.bins"),
            format!("{bins} is outside 1 to {MOST_BINS}"),
            "give a number of bins such as 40",
        )),
    }
}

/// Refuses a range that is none.
pub(super) fn check_range(place: &str, [from, to]: [f64; 2]) -> Result<()> {
    match from.is_finite() && to.is_finite() && from < to {
        true => Ok(()),
        false => Err(Error::input(
            format!("{place}.range"),
            format!("[{from}, {to}] is not an interval"),
            "give [from, to] with from < to",
        )),
    }
}

/// Centres of bins of equal width.
pub(super) fn centres(bins: usize, [from, to]: [f64; 2]) -> Vec<f64> {
    let width = (to - from) / bins as f64;
    (0..bins).map(|b| from + (b as f64 + 0.5) * width).collect()
}

/// Density of the values in bins of equal width; a value at the upper end is in the last bin.
pub(super) fn density(values: &[f64], bins: usize, [from, to]: [f64; 2]) -> Vec<f64> {
    let width = (to - from) / bins as f64;
    let each = 1.0 / (values.len() as f64 * width);
    let mut found = vec![0.0; bins];
    for &value in values.iter().filter(|v| (from..=to).contains(*v)) {
        let bin = ((value - from) / width) as usize;
        found[bin.min(bins - 1)] += each;
    }
    found
}

/// First forward multiplier `c_1`, 1 where the learner tells none.
pub(super) fn effective(subject: &Subject) -> f64 {
    let view = subject.learner.mlp(subject.shape);
    view.and_then(|v| v.multipliers.first().copied())
        .unwrap_or(1.0)
}

/// Hidden units of the first layer.
fn units(subject: &Subject) -> usize {
    let hidden = subject.learner.hidden(subject.shape);
    hidden.first().copied().unwrap_or(0)
}

/// A function of the overlaps of all units of the first layer.
fn overlaps(
    subject: &Subject,
    given: &Option<Vec<f64>>,
    dataset: &Dataset,
    kind: &str,
    form: impl Fn(&[f64]) -> Vec<f64> + Send + 'static,
) -> Result<Read> {
    let u = direction(given, dataset, kind)? * effective(subject);
    Ok(Box::new(move |parameters| {
        let q = &parameters.blocks[0] * &u;
        Ok(form(q.as_slice()))
    }))
}
