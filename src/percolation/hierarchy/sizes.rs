//! Sizes of clusters: growth by imitation (Yule, Simon), which gives the size law of critical percolation without tuning, or percolation itself.

use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::percolation::forest::Forest;
use crate::percolation::trees::uniform_graph;
use rand::RngExt;

/// How points come into clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// Many clusters. Each point founds a cluster with probability `q = 1 - 1/(tau - 1)`, else it joins the cluster of a uniformly
    /// chosen earlier point. Sizes follow the Yule-Simon law `P(s) = rho B(s, rho + 1)`, `rho = tau - 1`, so `P(s) ~ s^(-tau)`, with mean
    /// `1/q`; the largest cluster is `O(n^(1/rho))`. The mean field of percolation is `tau = 5/2`: `P(1) = 0.6`, mean 3.
    ///
    /// Source: H. A. Simon 1955 (Biometrika 42, 425).
    Distribution {
        /// Exponent of the size law, above 2.
        tau: f64,
    },
    /// Percolation on the complete graph at its threshold: components of the Erdos-Renyi graph of `n` points and `n/2` edges. A random point is
    /// in one of size `s` with the Borel probability `w(s) = e^-s s^(s-1)/s!` for `s` well below `n^(2/3)`, the largest. A component of given size is
    /// a uniform random tree, but for some of the largest, which have loops: here they are trees too. Fewer points are no prefix.
    ///
    /// Source: P. Erdos, A. Renyi 1960.
    ErdosRenyi,
    /// All points in one cluster.
    OneCluster,
}

impl Growth {
    /// The cluster of each point, numbered by first points. Fewer points with the same stream are a prefix, where not said otherwise.
    /// Error: `tau` is not a finite number above 2.
    ///
    /// ```
    /// use saddlepoint::numerics::random::stream;
    /// use saddlepoint::percolation::hierarchy::Growth;
    /// let clusters = Growth::Distribution { tau: 2.5 }.assign(30_000, &mut stream(1, "example", &[]))?;
    /// let share = clusters.iter().max().map_or(0.0, |&last| f64::from(last + 1) / 30_000.0);
    /// assert!((share - 1.0 / 3.0).abs() < 0.01);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn assign(&self, points: usize, rng: &mut Stream) -> Result<Vec<u32>> {
        match *self {
            Growth::OneCluster => Ok(vec![0; points]),
            Growth::ErdosRenyi => components(points, rng),
            Growth::Distribution { tau } if tau > 2.0 && tau.is_finite() => {
                Ok(yule_simon(points, 1.0 - 1.0 / (tau - 1.0), rng))
            }
            Growth::Distribution { tau } => Err(Error::input(
                "exponent",
                format!("sizes with tau = {tau} have no mean"),
                "use a finite exponent above 2 (mean field: 2.5)",
            )),
        }
    }
}

fn yule_simon(points: usize, found: f64, rng: &mut Stream) -> Vec<u32> {
    let mut cluster = Vec::with_capacity(points);
    let mut count = 0;
    for point in 0..points as u32 {
        let founds = rng.random::<f64>() < found;
        if point == 0 || founds {
            cluster.push(count);
            count += 1;
        } else {
            cluster.push(cluster[rng.random_range(0..point) as usize]);
        }
    }
    cluster
}

fn components(points: usize, rng: &mut Stream) -> Result<Vec<u32>> {
    let mut forest = Forest::new(points, false);
    forest.reset(true);
    for (a, b) in uniform_graph(points, points / 2, rng)? {
        forest.join(a as usize, b as usize);
    }
    let mut number = vec![u32::MAX; points];
    let mut count = 0;
    let cluster = (0..points).map(|point| {
        let number = &mut number[forest.root(point)];
        if *number == u32::MAX {
            *number = count;
            count += 1;
        }
        *number
    });
    Ok(cluster.collect())
}

/// The points of each cluster: where each begins, and the points in that order.
pub(super) fn group(cluster_of: &[u32]) -> (Vec<u32>, Vec<u32>) {
    let count = cluster_of.iter().max().map_or(0, |&last| last as usize + 1);
    let mut starts = vec![0u32; count + 1];
    for &cluster in cluster_of {
        starts[cluster as usize + 1] += 1;
    }
    for cluster in 0..count {
        starts[cluster + 1] += starts[cluster];
    }
    let mut next = starts.clone();
    let mut points = vec![0; cluster_of.len()];
    for (point, &cluster) in cluster_of.iter().enumerate() {
        let at = &mut next[cluster as usize];
        points[*at as usize] = point as u32;
        *at += 1;
    }
    (starts, points)
}
