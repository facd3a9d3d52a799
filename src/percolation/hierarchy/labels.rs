//! Targets that follow the latents: taxonomic labels, and the depth of points.

use super::{Cluster, Hierarchy, numbered, split};
use crate::numerics::normal;
use crate::numerics::random::Stream;

/// Taxonomic labels `y = (sum of z over the point and its ancestors) / sqrt(depth + 1)`, with one `z ~ N(0, 1)` per latent and point and
/// depth = number of ancestors: mean 0 and variance 1 at every point, correlated between points by the ancestors they share.
///
/// Source: A. Brill, T. Ingebretsen Carlson 2026 (arXiv:2606.20347).
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::hierarchy::{Growth, Hierarchy, labels};
/// let mut rng = stream(1, "example", &[]);
/// let hierarchy = Hierarchy::grow(50_000, Growth::Distribution { tau: 2.5 }, &mut rng)?;
/// let y = labels::taxonomic(&hierarchy, &mut rng);
/// assert!((y.iter().map(|y| y * y).sum::<f64>() / 5e4 - 1.0).abs() < 0.1);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn taxonomic(hierarchy: &Hierarchy, rng: &mut Stream) -> Vec<f64> {
    let [values] = split(rng);
    let mut y = vec![0.0; hierarchy.len()];
    let (mut sums, mut depths) = (Vec::new(), Vec::new());
    for cluster in hierarchy.clusters() {
        let s = cluster.size();
        sums.resize(2 * s - 1, 0.0);
        normal::fill(&mut numbered(&values, cluster.number.into()), &mut sums);
        descend(&cluster, &mut depths, |parent, child| {
            sums[child as usize] += sums[parent as usize];
        });
        for (position, &point) in cluster.points.iter().enumerate() {
            y[point as usize] = sums[position] / f64::from(depths[position] + 1).sqrt();
        }
    }
    y
}

/// Number of ancestors of every point; on average `sqrt(pi s/2)` in a large cluster of size `s`, the mean distance of its points.
pub fn depths(hierarchy: &Hierarchy) -> Vec<u32> {
    let mut all = vec![0; hierarchy.len()];
    let mut depths = Vec::new();
    for cluster in hierarchy.clusters() {
        descend(&cluster, &mut depths, |_, _| {});
        for (&point, &depth) in cluster.points.iter().zip(&depths) {
            all[point as usize] = depth;
        }
    }
    all
}

/// Up to `parts` disjoint latents of at least `least` points, 0 the largest: which of them each position is below. The largest is split
/// again and again: small blocks that merged with it late are taken off, and belong to none, until two of `least` points are met.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::hierarchy::{Growth, Hierarchy, labels};
/// let hierarchy = Hierarchy::grow(1000, Growth::OneCluster, &mut stream(1, "example", &[]))?;
/// let part = labels::cut(&hierarchy.cluster(0), 4, 20);
/// let size = |k| part.iter().filter(|&&p| p == Some(k)).count();
/// assert!(size(0) >= size(1) && size(1) >= size(2) && size(2) >= size(3) && size(3) >= 20);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn cut(cluster: &Cluster, parts: usize, least: usize) -> Vec<Option<usize>> {
    let size = |node: u32| cluster.size_of(node);
    let (mut open, mut whole) = (vec![cluster.root()], Vec::new());
    while open.len() + whole.len() < parts {
        open.sort_by_key(|&node| (size(node), node));
        let Some(node) = open.pop() else { break };
        match two(cluster, node, least as u32) {
            Some(children) => open.extend(children),
            None => whole.push(node),
        }
    }
    open.append(&mut whole);
    open.sort_by_key(|&node| std::cmp::Reverse((size(node), node)));
    let s = cluster.size() as u32;
    let mut part = vec![None; s as usize];
    for (number, &node) in open.iter().enumerate() {
        let start = cluster.latent(node).map_or(node, |latent| latent.start);
        for position in start..start + size(node) {
            part[(position % s) as usize] = Some(number);
        }
    }
    part
}

/// The first two blocks of at least `least` points that merged, on the way down along the larger ones.
fn two(cluster: &Cluster, mut node: u32, least: u32) -> Option<[u32; 2]> {
    loop {
        let [a, b] = cluster.latent(node)?.children;
        let (small, large) = match cluster.size_of(a) < cluster.size_of(b) {
            true => (a, b),
            false => (b, a),
        };
        if cluster.size_of(small) >= least {
            return Some([small, large]);
        }
        node = large;
    }
}

/// Visits every parent and child from the root downwards; leaves the depth of every node.
fn descend(cluster: &Cluster, depths: &mut Vec<u32>, mut visit: impl FnMut(u32, u32)) {
    let s = cluster.size();
    depths.clear();
    depths.resize(2 * s - 1, 0);
    for (number, latent) in cluster.latents.iter().enumerate().rev() {
        let parent = s + number;
        for child in latent.children {
            depths[child as usize] = depths[parent] + 1;
            visit(parent as u32, child);
        }
    }
}
