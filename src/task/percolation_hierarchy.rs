//! Percolation hierarchy: points of hierarchical clusters in high dimension, with targets that follow the hierarchy.

use super::hierarchy_picture::pictures;
use super::split::{parts, training_and_test};
use super::{ClusterView, Dataset, Groups, Latent, Picture, Shape, SizeLaw, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use crate::percolation::hierarchy::{Embedding, Growth, Hierarchy, MAX_POINTS, Walk, labels};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "percolation-hierarchy",
    summary: "points of percolation clusters in high dimension, with a known hierarchy of latents",
    text: "\
n points fall into clusters; each cluster is a uniform random tree with a binary history (its latents), placed in space by a branching
random walk: what a critical percolation cluster is above six dimensions. Training and test points are disjoint random points of
one such draw, a fraction phi = samples/n of all.

  mode = \"distribution\"   every point founds a cluster with probability 1 - 1/(exponent - 1), else joins that of a uniformly chosen
                          earlier point: P(s) = rho B(s, rho + 1) ~ s^-exponent, rho = exponent - 1 (2.5: mean field, mean size 3);
                          steps of length n^(-1/6) from origins in the unit ball
  mode = \"erdos-renyi\"    components of the random graph of n points and n/2 edges, its threshold: percolation itself in mean field, without growth;
                          a random point is in one of s with the Borel probability e^-s s^(s-1)/s!; the few loops are left out; steps as above
  mode = \"one-cluster\"    all points in one cluster, of dimension 4: steps of length n^(-1/4)
  variant = \"branching\"   the two children of a latent of direction g have (g +- h)/sqrt(2), h orthogonal to g; points step along
                          the direction of their leaf
  variant = \"independent\" independent Gaussian steps
  target = \"taxonomic\"    y = (sum of z over the point and its ancestors)/sqrt(depth + 1), one z ~ N(0, 1) per latent and point:
                          smooth within a cluster, independent between clusters
  target = \"coordinate\"   one more coordinate of the walk, which is not among the inputs

Inputs: minus the mean of all n points, divided by one number, so that the mean square coordinate is 1 (distances keep their ratios).
Targets: mean 0 and variance 1 over all n points. With loss \"half-mean\" the loss of f = 0 is 1/2.

Keys
  points         n: all points of a draw
  embedding_dim  d >= 2: inputs (default 100; below, neighbours in space are often no neighbours in the tree)
  mode           \"distribution\" (default), \"erdos-renyi\" or \"one-cluster\"
  exponent       tau > 2 of the sizes (default 2.5; mode \"distribution\" alone)
  variant        \"branching\" (default) or \"independent\"
  target         \"taxonomic\" (default) or \"coordinate\"
  samples        P: training points of a data set, which are the first of those of a larger one
  test_samples   test points (default 0)

There are no input-output modes; the samples' groups are their clusters, with up to
8 latents of every octave of sizes down to 1/128 of the points.

Sources: Brill 2024 (arXiv:2412.07942); Brill, Ingebretsen Carlson 2026 (arXiv:2606.20347).",
    revision: 2,
};

/// Registry line of `kind = "percolation-hierarchy"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: PercolationHierarchy = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: PercolationHierarchy::json_schema,
};

/// Points that are embedded at once.
const CHUNK: usize = 4096;
const NOT_CHOSEN: u32 = u32::MAX;

/// How points fall into clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Clusters of all sizes.
    #[default]
    Distribution,
    /// Components of a random graph at its threshold.
    ErdosRenyi,
    /// One cluster of all points.
    OneCluster,
}

/// Steps of the walk that embeds a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Along directions that the latents pass on.
    #[default]
    Branching,
    /// Independent.
    Independent,
}

impl Variant {
    pub(super) fn walk(self) -> Walk {
        match self {
            Variant::Branching => Walk::Branching,
            Variant::Independent => Walk::Independent,
        }
    }
}

/// What is learned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The label that follows the latents.
    #[default]
    Taxonomic,
    /// A hidden coordinate of the walk.
    Coordinate,
}

/// Hierarchical clusters as a learning task; the fields are the keys of the spec table.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{PercolationHierarchy, Task};
/// let task = PercolationHierarchy { test_samples: 100, ..PercolationHierarchy::new(2000, 400) };
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x.shape(), data.y.shape()), ((100, 400), (1, 400)));
/// // Coordinates of order one.
/// assert!((data.x.norm_squared() / 40_000.0 - 1.0).abs() < 0.1);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PercolationHierarchy {
    /// All points of a draw.
    pub points: usize,
    /// Input dimension.
    #[serde(default = "hundred")]
    pub embedding_dim: usize,
    /// How points fall into clusters.
    #[serde(default)]
    pub mode: Mode,
    /// Exponent of the sizes.
    #[serde(default = "mean_field")]
    pub exponent: f64,
    /// Steps of the walk.
    #[serde(default)]
    pub variant: Variant,
    /// What is learned.
    #[serde(default)]
    pub target: Target,
    /// Training points.
    pub samples: usize,
    /// Test points.
    #[serde(default)]
    pub test_samples: usize,
}

fn hundred() -> usize {
    100
}

fn mean_field() -> f64 {
    2.5
}

impl PercolationHierarchy {
    /// Mean-field clusters of all sizes in 100 dimensions with taxonomic targets, without test points.
    pub fn new(points: usize, samples: usize) -> Self {
        PercolationHierarchy {
            points,
            embedding_dim: hundred(),
            mode: Mode::Distribution,
            exponent: mean_field(),
            variant: Variant::Branching,
            target: Target::Taxonomic,
            samples,
            test_samples: 0,
        }
    }

    /// Ranges of all keys; `place` is the path of the table.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        if self.points > MAX_POINTS {
            let cause = format!("{} is above {MAX_POINTS}", self.points);
            return wrong("points", cause, "use fewer points");
        }
        if self.samples == 0 {
            return wrong("samples", "is 0".into(), "use a positive integer");
        }
        let used = self.samples.saturating_add(self.test_samples);
        if used > self.points {
            return wrong(
                "points",
                format!("{} points for {used} training and test points", self.points),
                "use more points, or fewer samples",
            );
        }
        if self.embedding_dim < 2 {
            let cause = format!("{} leaves no orthogonal direction", self.embedding_dim);
            return wrong("embedding_dim", cause, "use 2 or more");
        }
        if !(self.exponent > 2.0 && self.exponent.is_finite()) {
            let cause = format!("sizes with exponent {} have no mean", self.exponent);
            return wrong("exponent", cause, "use a finite number above 2");
        }
        Ok(())
    }

    /// How the clusters grow.
    pub fn growth(&self) -> Growth {
        match self.mode {
            Mode::Distribution => Growth::Distribution { tau: self.exponent },
            Mode::ErdosRenyi => Growth::ErdosRenyi,
            Mode::OneCluster => Growth::OneCluster,
        }
    }

    /// Fraction `phi = samples/points` of the points that are trained on.
    pub fn fraction(&self) -> f64 {
        self.samples as f64 / self.points as f64
    }
}

/// Latents that are kept of every octave of sizes.
const KEPT: usize = 8;

/// A few latents of every octave of sizes, evenly chosen in the order of clusters and mergings; `column` of a point counts training
/// points first.
fn coarse(hierarchy: &Hierarchy, column: &[u32], train: usize) -> Vec<Latent> {
    let n = hierarchy.len();
    let share = |size: u32| f64::from(size) / n as f64;
    let mut octaves = vec![Vec::new(); Latent::OCTAVES];
    for cluster in hierarchy.clusters() {
        for latent in cluster.latents.iter().filter(|l| (l.size as usize) < n) {
            if let Some(octave) = octaves.get_mut(Latent::octave(share(latent.size))) {
                octave.push((cluster, latent));
            }
        }
    }
    let mut kept = Vec::new();
    for octave in octaves {
        let count = octave.len().min(KEPT);
        for (cluster, latent) in (0..count).map(|k| octave[k * octave.len() / count]) {
            let members = cluster.members(latent).into_iter().flatten();
            let columns = members.map(|&point| column[point as usize]);
            let (trained, held_out): (Vec<u32>, Vec<u32>) = columns
                .filter(|&k| k != NOT_CHOSEN)
                .partition(|&k| (k as usize) < train);
            kept.push(Latent {
                share: share(latent.size),
                train: trained,
                test: held_out.into_iter().map(|k| k - train as u32).collect(),
            });
        }
    }
    kept
}

/// Sums over all points that standardise a coordinate.
struct Coordinates {
    count: f64,
    sum: Vec<f64>,
    square: Vec<f64>,
}

impl Coordinates {
    fn add(&mut self, x: &[f32]) {
        for ((sum, square), &x) in self.sum.iter_mut().zip(&mut self.square).zip(x) {
            let x = f64::from(x);
            *sum += x;
            *square += x * x;
        }
    }

    fn mean(&self, k: usize) -> f64 {
        self.sum[k] / self.count
    }

    /// Variance of coordinate `k`.
    fn variance(&self, k: usize) -> f64 {
        self.square[k] / self.count - self.mean(k).powi(2)
    }
}

/// A standard deviation that can be divided by: 1 for what does not vary.
fn scale(variance: f64) -> f64 {
    if variance > 0.0 { variance.sqrt() } else { 1.0 }
}

impl Task for PercolationHierarchy {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.embedding_dim,
            outputs: 1,
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [mut graph, mut space, mut values, mut choice] = substreams(rng);
        let growth = self.growth();
        let hierarchy = Hierarchy::grow(self.points, growth, &mut graph)?;
        let (train, test) =
            training_and_test(self.points, self.samples, self.test_samples, &mut choice);
        let chosen: Vec<u32> = train.iter().chain(&test).copied().collect();
        let mut column = vec![NOT_CHOSEN; self.points];
        for (k, &point) in chosen.iter().enumerate() {
            column[point as usize] = k as u32;
        }

        // The hidden coordinate is the last one of a walk in one more dimension.
        let hidden = usize::from(self.target == Target::Coordinate);
        let d = self.embedding_dim + hidden;
        let walk = self.variant.walk();
        let mut all = Coordinates {
            count: self.points as f64,
            sum: vec![0.0; d],
            square: vec![0.0; d],
        };
        let mut x = DMatrix::zeros(d, chosen.len());
        let embedding = Embedding::new(&hierarchy, growth, d, walk)?;
        let step = embedding.step;
        embedding.for_each_chunk(&hierarchy, CHUNK, &mut space, |points, positions| {
            for (&point, position) in points.iter().zip(positions.chunks(d)) {
                all.add(position);
                let k = column[point as usize];
                if k != NOT_CHOSEN {
                    for (x, &p) in x.column_mut(k as usize).iter_mut().zip(position) {
                        *x = f64::from(p);
                    }
                }
            }
            Ok(())
        })?;

        let (y, edge) = match self.target {
            Target::Taxonomic => {
                let y = labels::taxonomic(&hierarchy, &mut values);
                let mean = y.iter().sum::<f64>() / all.count;
                let square = y.iter().map(|y| (y - mean).powi(2)).sum::<f64>();
                let scale = scale(square / all.count);
                let chosen = chosen.iter().map(|&p| (y[p as usize] - mean) / scale);
                (DMatrix::from_iterator(1, chosen.len(), chosen), None)
            }
            Target::Coordinate => {
                let last = self.embedding_dim;
                let (mean, scale) = (all.mean(last), scale(all.variance(last)));
                let y = x.row(last).map(|y| (y - mean) / scale);
                let y = DMatrix::from_row_slice(1, y.len(), y.transpose().as_slice());
                (y, Some((step / scale).powi(2)))
            }
        };
        let mut x = x.remove_rows(self.embedding_dim, hidden);
        let inputs = self.embedding_dim;
        let total: f64 = (0..inputs).map(|k| all.variance(k)).sum();
        let scale = scale(total / inputs as f64);
        for mut column in x.column_iter_mut() {
            for (k, x) in column.iter_mut().enumerate() {
                *x = (*x - all.mean(k)) / scale;
            }
        }
        let clusters = |points: &[u32]| {
            let number = |&point: &u32| hierarchy.cluster_of()[point as usize];
            points.iter().map(number).collect()
        };
        Ok(parts(
            &x,
            &y,
            train.len(),
            Groups {
                train: clusters(&train),
                test: clusters(&test),
                latents: coarse(&hierarchy, &column, train.len()),
                sizes: hierarchy.clusters().map(|c| c.size() as u32).collect(),
                edge,
            },
        ))
    }

    fn test_samples(&self) -> usize {
        self.test_samples
    }

    fn has_groups(&self) -> bool {
        true
    }

    fn clusters(&self) -> Option<ClusterView> {
        (self.mode != Mode::OneCluster).then(|| ClusterView {
            law: (self.mode == Mode::Distribution).then_some(SizeLaw {
                exponent: self.exponent,
                points: self.points,
                samples: self.samples,
            }),
            independent_targets: self.target == Target::Taxonomic,
        })
    }

    /// A critical cluster has dimension 4; its taxonomic labels do not follow the distance.
    fn manifold_dimension(&self) -> Option<f64> {
        (self.mode == Mode::OneCluster && self.target == Target::Coordinate).then_some(4.0)
    }

    fn walks_on_trees(&self) -> bool {
        self.target == Target::Coordinate
    }

    fn pictures(&self, rng: &mut Stream) -> Result<Vec<Picture>> {
        let [mut graph, mut space] = substreams(rng);
        pictures(self, &mut graph, &mut space)
    }

    /// Points, latents, labels and the pending blocks of the walk, and the chosen points once more.
    fn draw_bytes(&self) -> u64 {
        let (n, d) = (self.points as u64, self.embedding_dim as u64);
        let depth = 6.0 * (self.points as f64).sqrt();
        let chosen = (self.samples + self.test_samples) as u64;
        88 * n + 8 * d * (depth as u64 + CHUNK as u64 + chosen)
    }
}

#[cfg(test)]
#[path = "percolation_hierarchy_tests.rs"]
mod tests;
