//! Percolation clusters of a lattice as data: sites of clusters, with targets that follow the clusters.

use super::occupation::Occupation;
use super::split::{parts, training_and_test};
use super::{ClusterView, Dataset, Groups, Latent, Picture, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use crate::percolation::features::{component, context, surface, walk};
use crate::percolation::geometry::{ClusterPoints, Occupied};
use crate::percolation::graph::Graph;
use crate::percolation::thresholds::threshold;
use crate::percolation::{Boundary, Crystal, Element, Network};
use nalgebra::DMatrix;
use rand::RngExt;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Construction, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "percolation-clusters",
    summary: "sites of the percolation clusters of a lattice, with targets that follow the clusters",
    text: "\
One draw occupies every site (or bond) of an open lattice of size^dimension cells with probability p. The points of the data are the sites of all
clusters of at least `smallest` sites; training and test points are disjoint random points of one such draw. Inputs: the coordinates of the
site in orthonormal axes, from the centre of the lattice, divided by one number, so that the mean square coordinate of all sites is 1.

  target = \"walk\"        smooth within a cluster, independent between clusters: (offset + sum of increments along the breadth-first tree
                         from a random root) / sqrt(1 + l/L), l the chemical distance from the root, L its mean over the cluster,
                         offset ~ N(0, 1), increments ~ N(0, 1/L): mean 0 and variance 1 at every point
  target = \"context\"     which of the `contexts` largest clusters the point is in: one-hot, zero in all others
  target = \"component\"   how far along its cluster the point is: l minus its mean, over its standard deviation, within the cluster
  target = \"surface\"     share of the site's neighbours (bonds: of its bonds) that are empty; none lie beyond the faces

context, component and surface are then shifted and divided by one number, so that over all points the mean is 0 and the variances of the
outputs add up to 1. With loss \"half-mean\" the loss of f = 0 is 1/2 for every target. The three names are those of Brill 2025 for
kinds of learned features; these definitions on a lattice are ours.

Keys
  lattice       hypercubic (default), triangular, honeycomb, kagome, bcc, fcc, diamond
  dimension     of the hypercubic lattice, 1 to 13 (default 2); the others have their own
  size          cells along every direction, at least 2
  element       \"site\" (default) or \"bond\"
  p             occupation probability (default \"threshold\": the published one)
  smallest      smallest cluster that belongs to the data (default 1)
  target        \"walk\" (default), \"context\", \"component\", \"surface\"
  contexts      target \"context\": number of largest clusters (default 8)
  samples       P: training points of a data set, which are the first of those of a larger one
  test_samples  test points (default 0)

There are no input-output modes; the samples' groups are their clusters, those with at least 1/64 of the points are kept as latents. The
number of points differs from draw to draw: a configuration with fewer points than samples and test_samples is an error.

Sources: Brill 2024 (arXiv:2412.07942), Brill 2025 (arXiv:2504.20197).",
    revision: 1,
};

/// Registry line of `kind = "percolation-clusters"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Keys>(place, table)?.task(place)?)),
    schema: Keys::json_schema,
};

/// What is learned of clusters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// A walk along each cluster.
    #[default]
    Walk,
    /// Which cluster.
    Context,
    /// Where along the cluster.
    Component,
    /// How much of the surroundings is empty.
    Surface,
}

/// Keys of `[task]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Keys {
    /// Name of the lattice.
    #[serde(default = "hypercubic")]
    lattice: String,
    /// Dimension of space.
    #[serde(default)]
    dimension: Option<usize>,
    /// Cells along every direction.
    size: usize,
    /// Sites or bonds.
    #[serde(default = "site")]
    element: Element,
    /// Occupation probability.
    #[serde(default)]
    p: Occupation,
    /// Smallest cluster of the data.
    #[serde(default = "one")]
    smallest: u32,
    /// What is learned.
    #[serde(default)]
    target: Target,
    /// Number of clusters that the target "context" tells apart.
    #[serde(default)]
    contexts: Option<usize>,
    /// Training points.
    samples: usize,
    /// Test points.
    #[serde(default)]
    test_samples: usize,
}

fn hypercubic() -> String {
    "hypercubic".into()
}

fn site() -> Element {
    Element::Site
}

fn one() -> u32 {
    1
}

/// Clusters that the target "context" tells apart by default.
const CONTEXTS: usize = 8;

impl Keys {
    fn task(self, place: &str) -> Result<PercolationClusters> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let dimension = self
            .dimension
            .unwrap_or(Crystal::usual_dimension(&self.lattice));
        let known = || Ok(threshold(&self.lattice, dimension, self.element)?.value);
        let p = self.p.value(known).map_err(|e| e.within(place))?;
        let context = self.target == Target::Context;
        if self.contexts.is_some() && !context {
            let cause = "only target = \"context\" tells clusters apart".into();
            return wrong("contexts", cause, "remove it");
        }
        let contexts = self.contexts.unwrap_or(CONTEXTS);
        if contexts == 0 {
            return wrong("contexts", "is 0".into(), "use a positive integer");
        }
        if self.smallest == 0 {
            return wrong("smallest", "is 0".into(), "use a positive integer");
        }
        if self.samples == 0 {
            return wrong("samples", "is 0".into(), "use a positive integer");
        }
        if !(p > 0.0 && p <= 1.0) {
            let cause = format!("{p} occupies nothing, or is no probability");
            return wrong("p", cause, "use a number above 0, up to 1");
        }
        let task = PercolationClusters {
            lattice: self.lattice,
            dimension,
            size: self.size,
            element: self.element,
            p,
            smallest: self.smallest,
            target: self.target,
            contexts: if context { contexts } else { 1 },
            samples: self.samples,
            test_samples: self.test_samples,
        };
        let crystal = Crystal::named(&task.lattice, dimension).map_err(|e| e.within(place))?;
        Network::bytes(&crystal, &task.sides(), Boundary::Open).map_err(|e| e.within(place))?;
        let sites = task.size.pow(dimension as u32) * crystal.basis;
        if task.samples.saturating_add(task.test_samples) > sites {
            let cause = format!("{sites} sites in all");
            return wrong("samples", cause, "use a larger lattice, or fewer samples");
        }
        Ok(task)
    }
}

/// Percolation clusters of a lattice as a learning task.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{PercolationClusters, Task};
/// let task = PercolationClusters { test_samples: 100, ..PercolationClusters::square(32, 200) };
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x.shape(), data.y.shape()), ((2, 200), (1, 200)));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PercolationClusters {
    /// Name of the crystal.
    pub lattice: String,
    /// Dimension of space.
    pub dimension: usize,
    /// Cells along every direction.
    pub size: usize,
    /// Sites or bonds.
    pub element: Element,
    /// Occupation probability.
    pub p: f64,
    /// Smallest cluster that belongs to the data.
    pub smallest: u32,
    /// What is learned.
    pub target: Target,
    /// Number of outputs: of clusters told apart by the target "context", else 1.
    pub contexts: usize,
    /// Training points.
    pub samples: usize,
    /// Test points.
    pub test_samples: usize,
}

/// One configuration.
pub(super) struct Configuration {
    pub points: ClusterPoints,
    crystal: Crystal,
}

impl PercolationClusters {
    /// Site percolation on `size x size` sites of the square lattice at its threshold, with the target "walk" and no test points.
    pub fn square(size: usize, samples: usize) -> Self {
        PercolationClusters {
            lattice: hypercubic(),
            dimension: 2,
            size,
            element: Element::Site,
            p: 0.592_746_050_788,
            smallest: 1,
            target: Target::Walk,
            contexts: 1,
            samples,
            test_samples: 0,
        }
    }

    fn sides(&self) -> Vec<usize> {
        vec![self.size; self.dimension]
    }

    /// Occupies sites or bonds and collects the points of clusters.
    pub(super) fn configuration(
        &self,
        occupation: &mut Stream,
        roots: &mut Stream,
    ) -> Result<Configuration> {
        let crystal = Crystal::named(&self.lattice, self.dimension)?;
        let network = Network::lattice(&crystal, &self.sides(), Boundary::Open)?;
        let edges = network.bonds().iter().map(|&[i, j]| (i, j)).collect();
        let graph = Graph::new(network.sites(), edges)?;
        let elements = match self.element {
            Element::Site => network.sites(),
            Element::Bond => network.bonds().len(),
        };
        let mask: Vec<bool> = (0..elements)
            .map(|_| occupation.random::<f64>() < self.p)
            .collect();
        let occupied = match self.element {
            Element::Site => Occupied::new(&graph, Some(&mask), None),
            Element::Bond => Occupied::new(&graph, None, Some(&mask)),
        }?;
        Ok(Configuration {
            points: ClusterPoints::new(&occupied, self.smallest, roots),
            crystal,
        })
    }

    /// Coordinates of sites in orthonormal axes, `dimension x sites`.
    fn coordinates(&self, crystal: &Crystal, sites: &[u32]) -> DMatrix<f64> {
        let (d, length) = (self.dimension, self.size as f64);
        let mut x = DMatrix::zeros(d, sites.len());
        for (mut x, &site) in x.column_iter_mut().zip(sites) {
            let (mut cell, site) = (site as usize / crystal.basis, site as usize % crystal.basis);
            x.copy_from_slice(&crystal.positions[site]);
            for vector in &crystal.vectors {
                let steps = (cell % self.size) as f64 - (length - 1.0) / 2.0;
                cell /= self.size;
                x.iter_mut().zip(vector).for_each(|(x, v)| *x += steps * v);
            }
            for (k, x) in x.iter_mut().enumerate() {
                let basis = crystal.positions.iter().map(|p| p[k]).sum::<f64>();
                *x -= basis / crystal.basis as f64;
            }
        }
        // Mean square over all sites: (length^2 - 1)/12 along every primitive vector, and that within the cell.
        let vectors = crystal.vectors.iter().flatten().map(|v| v * v);
        let cell: f64 = (0..d)
            .map(|k| {
                let positions = crystal.positions.iter().map(|p| p[k]);
                let n = crystal.basis as f64;
                let mean = positions.clone().sum::<f64>() / n;
                positions.map(|p| (p - mean).powi(2)).sum::<f64>() / n
            })
            .sum();
        let square = vectors.sum::<f64>() * (length * length - 1.0) / 12.0 + cell;
        x / (square / d as f64).sqrt()
    }

    /// Targets of all points, `outputs x points`.
    pub(super) fn targets(&self, points: &ClusterPoints, values: &mut Stream) -> DMatrix<f64> {
        let row = |y: Vec<f64>| DMatrix::from_vec(1, y.len(), y);
        let mut y = match self.target {
            Target::Walk => return row(walk(points, values)),
            Target::Context => context(points, self.contexts),
            Target::Component => row(component(points)),
            Target::Surface => row(surface(points)),
        };
        let mean = y.column_mean();
        y.column_iter_mut().for_each(|mut y| y -= &mean);
        let variance = y.norm_squared() / points.len() as f64;
        match variance > 0.0 {
            true => y / variance.sqrt(),
            false => y,
        }
    }
}

/// Cells along a side of a picture, at most.
const WINDOW: usize = 32;

/// Clusters with at least this share of the points are latents.
const LATENT_SHARE: f64 = 1.0 / 64.0;

impl Task for PercolationClusters {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.dimension,
            outputs: self.contexts,
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let [mut occupation, mut roots, mut values, mut choice] = substreams(rng);
        let Configuration { points, crystal } = self.configuration(&mut occupation, &mut roots)?;
        let (n, used) = (points.len(), self.samples + self.test_samples);
        if used > n {
            return Err(Error::input(
                "task.samples",
                format!(
                    "{used} training and test points, but a configuration has {n} points in clusters of {} or more",
                    self.smallest
                ),
                "use a larger lattice, or fewer samples",
            ));
        }
        let y = self.targets(&points, &mut values);
        let (train, test) = training_and_test(n, self.samples, self.test_samples, &mut choice);
        let chosen: Vec<usize> = train.iter().chain(&test).map(|&k| k as usize).collect();
        let sites: Vec<u32> = chosen.iter().map(|&k| points.site[k]).collect();
        let clusters = |chosen: &[u32]| -> Vec<u32> {
            chosen.iter().map(|&k| points.cluster[k as usize]).collect()
        };
        let (train, test) = (clusters(&train), clusters(&test));
        let members = |all: &[u32], cluster: usize| {
            let inside = |k: &u32| all[*k as usize] as usize == cluster;
            (0..all.len() as u32).filter(inside).collect()
        };
        let shares = points.sizes.iter().map(|&s| f64::from(s) / n as f64);
        let large = shares.enumerate().take_while(|(_, s)| *s >= LATENT_SHARE);
        let latents = large.map(|(cluster, share)| Latent {
            share,
            train: members(&train, cluster),
            test: members(&test, cluster),
        });
        let groups = Groups {
            latents: latents.collect(),
            train,
            test,
            sizes: points.sizes.clone(),
            edge: None,
        };
        let x = self.coordinates(&crystal, &sites);
        Ok(parts(&x, &y.select_columns(&chosen), self.samples, groups))
    }

    fn test_samples(&self) -> usize {
        self.test_samples
    }

    fn has_groups(&self) -> bool {
        true
    }

    fn clusters(&self) -> Option<ClusterView> {
        Some(ClusterView {
            law: None,
            independent_targets: self.target == Target::Walk,
        })
    }

    /// Context, component and surface of a corner of the configuration, in the plane.
    fn pictures(&self, rng: &mut Stream) -> Result<Vec<Picture>> {
        if self.dimension != 2 {
            return Ok(Vec::new());
        }
        let [mut occupation, mut roots] = substreams(rng);
        let Configuration { points, crystal } = self.configuration(&mut occupation, &mut roots)?;
        let (side, whole) = (self.size.min(WINDOW), self.size * crystal.basis);
        let columns = side * crystal.basis;
        let picture = |title: &str, label: &str, value: &dyn Fn(usize) -> f64| {
            let mut values = vec![f64::NAN; side * columns];
            for (k, &site) in points.site.iter().enumerate() {
                let (row, column) = (site as usize / whole, site as usize % whole);
                if row < side && column < columns {
                    values[row * columns + column] = (100.0 * value(k)).round() / 100.0;
                }
            }
            Picture {
                title: title.into(),
                label: label.into(),
                values,
                columns,
            }
        };
        let largest = |k: usize| CONTEXTS.saturating_sub(points.cluster[k] as usize) as f64;
        let along = component(&points);
        Ok(vec![
            picture("context", "8 largest clusters, others 0", &largest),
            picture("component", "distance from the root", &|k| along[k]),
            picture("surface", "share of empty neighbours", &|k| {
                points.surface[k]
            }),
        ])
    }

    /// The lattice, its graph, and the points with their targets.
    fn draw_bytes(&self) -> u64 {
        let tables = Crystal::named(&self.lattice, self.dimension).and_then(|crystal| {
            let bytes = Network::bytes(&crystal, &self.sides(), Boundary::Open)?;
            let sites = self.size.pow(self.dimension as u32) * crystal.basis;
            Ok(3 * bytes + (48 + 8 * self.contexts as u64) * sites as u64)
        });
        tables.unwrap_or(0)
    }
}

#[cfg(test)]
#[path = "percolation_clusters_tests.rs"]
mod tests;
