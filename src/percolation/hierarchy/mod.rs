//! Hierarchical clusters: percolation clusters in high dimension grown without a lattice, with the tree of latents that made them.
//!
//! Above six dimensions a critical percolation cluster of given size is a uniform random tree embedded as a branching random walk, and
//! clusters have sizes `P(s) ~ s^(-5/2)`. Both are drawn directly, in almost linear time:
//! [`sizes`] assigns points to clusters, [`coalescent`] draws the tree of a cluster together with its binary history (the *latents*),
//! [`embedding`] places the points in space, [`labels`] gives them targets that follow the latents.
//!
//! Source: A. Brill 2024 (arXiv:2412.07942); A. Brill, T. Ingebretsen Carlson 2026 (arXiv:2606.20347).

pub mod coalescent;
pub mod embedding;
pub mod graph;
pub mod labels;
pub mod sizes;

pub use coalescent::Latent;
pub use embedding::{Embedding, Walk};
pub use sizes::Growth;

use crate::error::{Error, Result};
use crate::numerics::random::{Stream, stream};
use coalescent::Coalescent;
use rand::{Rng, RngExt};

/// Points, clusters and latents together are numbered by 32 bits.
pub const MAX_POINTS: usize = 1 << 30;

/// Clusters of points, each with its tree and its latents.
///
/// Memory: 8 bytes per point, 4 per cluster and 24 per latent; there are `points - clusters` latents.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::hierarchy::{Growth, Hierarchy};
/// let hierarchy = Hierarchy::grow(1000, Growth::Distribution { tau: 2.5 }, &mut stream(1, "example", &[]))?;
/// let latents: usize = hierarchy.clusters().map(|c| c.latents.len()).sum();
/// assert_eq!(latents, 1000 - hierarchy.count());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Hierarchy {
    cluster_of: Vec<u32>,
    /// Where each cluster begins in `points`, and their end.
    starts: Vec<u32>,
    points: Vec<u32>,
    latents: Vec<Latent>,
}

/// One cluster of `s` points.
#[derive(Debug, Clone, Copy)]
pub struct Cluster<'a> {
    /// Its number; clusters are numbered in the order of their first points.
    pub number: u32,
    /// Its points in cyclic order; *positions* `0..s` in this list stand for them below.
    pub points: &'a [u32],
    /// Its `s - 1` latents in the order of their merging: children come before parents, the root is the last.
    pub latents: &'a [Latent],
}

impl Hierarchy {
    /// Grows `points` points. The clusters of fewer points with the same stream are those of the first points (but for
    /// [`Growth::ErdosRenyi`]); trees differ, because they depend on the sizes.
    ///
    /// Errors: `points` is 0 or above [`MAX_POINTS`], or `tau <= 2`.
    pub fn grow(points: usize, growth: Growth, rng: &mut Stream) -> Result<Hierarchy> {
        if points == 0 || points > MAX_POINTS {
            return Err(Error::input(
                "points",
                format!("{points} is outside 1 ... {MAX_POINTS}"),
                "use another number of points",
            ));
        }
        let [mut sizes, trees] = split(rng);
        let cluster_of = growth.assign(points, &mut sizes)?;
        let (starts, mut order) = sizes::group(&cluster_of);
        let mut latents = Vec::with_capacity(points - (starts.len() - 1));
        let mut coalescent = Coalescent::default();
        for (number, range) in starts.windows(2).enumerate() {
            let members = &mut order[range[0] as usize..range[1] as usize];
            if members.len() > 1 {
                let mut rng = numbered(&trees, number as u64);
                shuffle(members, &mut rng);
                coalescent.run(members.len() as u32, &mut rng, &mut latents);
            }
        }
        Ok(Hierarchy {
            cluster_of,
            starts,
            points: order,
            latents,
        })
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// True without any point.
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Number of clusters.
    pub fn count(&self) -> usize {
        self.starts.len() - 1
    }

    /// The cluster of each point.
    pub fn cluster_of(&self) -> &[u32] {
        &self.cluster_of
    }

    /// Cluster `number < count()`.
    pub fn cluster(&self, number: usize) -> Cluster<'_> {
        let (start, end) = (
            self.starts[number] as usize,
            self.starts[number + 1] as usize,
        );
        Cluster {
            number: number as u32,
            points: &self.points[start..end],
            latents: &self.latents[start - number..end - (number + 1)],
        }
    }

    /// All clusters.
    pub fn clusters(&self) -> impl Iterator<Item = Cluster<'_>> {
        (0..self.count()).map(|number| self.cluster(number))
    }
}

impl<'a> Cluster<'a> {
    /// Number of points `s`.
    pub fn size(&self) -> usize {
        self.points.len()
    }

    /// The latent that a node of the history is, or `None` when it is a point.
    pub fn latent(&self, node: u32) -> Option<&'a Latent> {
        (node as usize)
            .checked_sub(self.points.len())
            .map(|number| &self.latents[number])
    }

    /// The node above all points.
    pub fn root(&self) -> u32 {
        2 * self.points.len() as u32 - 2
    }

    /// Number of points below a node.
    pub fn size_of(&self, node: u32) -> u32 {
        self.latent(node).map_or(1, |latent| latent.size)
    }

    /// The points below a latent, in two pieces (an arc of the cyclic order): the latent's binary feature is 1 on them and 0 elsewhere.
    pub fn members(&self, latent: &Latent) -> [&'a [u32]; 2] {
        let (start, end) = (latent.start as usize, (latent.start + latent.size) as usize);
        match end.checked_sub(self.points.len()) {
            None => [&self.points[start..end], &[]],
            Some(wrapped) => [&self.points[start..], &self.points[..wrapped]],
        }
    }
}

/// Streams for the ingredients of one draw.
fn split<const N: usize>(rng: &mut Stream) -> [Stream; N] {
    std::array::from_fn(|_| stream(rng.next_u64(), "hierarchy", &[]))
}

/// The stream of one cluster.
fn numbered(base: &Stream, cluster: u64) -> Stream {
    let mut rng = base.clone();
    rng.set_stream(cluster);
    rng
}

/// A uniform permutation (Fisher and Yates).
fn shuffle(items: &mut [u32], rng: &mut Stream) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last as u32) as usize);
    }
}

#[cfg(test)]
mod tests;
