//! Sizes of the clusters that data consist of: their law, and their order.

use super::reading::{Read, Reading, When};
use super::subject::refused;
use super::{Axis, Declined, Observable};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::task::Dataset;

/// Probability of a size.
pub static CLUSTER_SIZES: Observable = Observable {
    name: "cluster-sizes",
    label: "P(s), share of clusters of size s",
    unit: "1",
    convention: "share of the clusters of a draw that have s, ..., 2s - 1 points, divided by the s sizes in this range; all points of the draw count, \
                 sampled or not",
    of_data: true,
    ..Observable::PLAIN
};

/// Sizes in descending order.
pub static CLUSTER_RANK_SIZE: Observable = Observable {
    name: "cluster-rank-size",
    label: "share of the k-th largest cluster",
    unit: "1",
    convention: "number of points of the k-th largest cluster of a draw over the number of all its points; undefined where there are fewer clusters",
    undefined: Some("the draw has fewer clusters"),
    of_data: true,
    ..Observable::PLAIN
};

/// Sizes and ranks are the powers 1, 2, 4, ... of two, this many.
const OCTAVES: usize = 10;

/// Measures [`CLUSTER_SIZES`].
pub(super) static SIZES: Reading = Reading {
    about: &About {
        kind: "cluster-sizes",
        summary: "law P(s) of the sizes of the clusters that the data consist of",
        text: "\
Share of clusters by size on the axis size s = 1, 2, 4, ..., 512: the mean of P over s ... 2s - 1, P(1) itself at s = 1. One curve per data
set: nothing of it depends on the learner. Needs a task that knows its clusters (percolation-hierarchy, percolation-clusters).",
        revision: 1,
    },
    observable: &CLUSTER_SIZES,
    when: When::End,
    axes: |_, experiment| axes(experiment, "size"),
    reader: |_, dataset| -> Result<Read> {
        let values = law(sizes(dataset, "cluster-sizes")?);
        Ok(Box::new(move |_| Ok(values.clone())))
    },
    space: |_| OCTAVES,
    ensemble: None,
};

/// Measures [`CLUSTER_RANK_SIZE`].
pub(super) static RANKS: Reading = Reading {
    about: &About {
        kind: "cluster-rank-size",
        summary: "sizes of the largest, second, fourth, ... largest cluster that the data consist of",
        text: "\
Size over number of points of the k-th largest cluster on the axis rank k = 1, 2, 4, ..., 512. One curve per data set: nothing of it
depends on the learner. Needs a task that knows its clusters (percolation-hierarchy, percolation-clusters).",
        revision: 1,
    },
    observable: &CLUSTER_RANK_SIZE,
    when: When::End,
    axes: |_, experiment| axes(experiment, "rank"),
    reader: |_, dataset| -> Result<Read> {
        let values = ranked(sizes(dataset, "cluster-rank-size")?);
        Ok(Box::new(move |_| Ok(values.clone())))
    },
    space: |_| OCTAVES,
    ensemble: None,
};

fn powers() -> impl Iterator<Item = u32> {
    (0..OCTAVES).map(|k| 1 << k)
}

fn axes(experiment: &Experiment, name: &str) -> std::result::Result<Vec<Axis>, Declined> {
    match experiment.task.clusters() {
        Some(_) => Ok(vec![Axis::new(
            name,
            "1",
            powers().map(f64::from).collect(),
        )]),
        None => Err(needs_clusters()),
    }
}

fn needs_clusters() -> Declined {
    Declined("needs a task of many clusters (percolation-hierarchy, percolation-clusters)".into())
}

fn sizes<'a>(dataset: &'a Dataset, name: &str) -> Result<&'a [u32]> {
    let groups = dataset.groups.as_ref();
    let sizes = groups.map_or(&[][..], |groups| &groups.sizes);
    match sizes.is_empty() {
        true => Err(refused(name, needs_clusters())),
        false => Ok(sizes),
    }
}

fn law(sizes: &[u32]) -> Vec<f64> {
    let share = |from: u32| {
        let inside = sizes.iter().filter(|&&s| s >= from && s / 2 < from);
        inside.count() as f64 / (f64::from(from) * sizes.len() as f64)
    };
    powers().map(share).collect()
}

fn ranked(sizes: &[u32]) -> Vec<f64> {
    let mut order = sizes.to_vec();
    order.sort_unstable_by(|a, b| b.cmp(a));
    let points: f64 = sizes.iter().map(|&s| f64::from(s)).sum();
    let size = |rank: u32| order.get(rank as usize - 1).copied();
    powers()
        .map(|rank| size(rank).map_or(f64::NAN, |s| f64::from(s) / points))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_counted_by_octaves_and_ranked() {
        let sizes = [1, 5, 1, 2, 3, 1, 7];
        let found = law(&sizes);
        let expected = [3.0 / 7.0, 2.0 / 14.0, 2.0 / 28.0, 0.0];
        assert!(
            found
                .iter()
                .zip(expected)
                .all(|(a, b)| (a - b).abs() < 1e-15)
        );
        // Octaves times their widths add up to one.
        let sum: f64 = found
            .iter()
            .zip(powers())
            .map(|(p, s)| p * f64::from(s))
            .sum();
        assert!((sum - 1.0).abs() < 1e-15);
        let ranks = ranked(&sizes);
        assert_eq!(ranks[..3], [7.0 / 20.0, 5.0 / 20.0, 2.0 / 20.0]);
        assert!(ranks[3].is_nan());
    }
}
