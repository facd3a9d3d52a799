//! Sites of clusters as points of a data set: which cluster, how far from its root, how much of the surroundings is empty.

use super::{Occupied, clusters};
use crate::numerics::random::Stream;
use rand::RngExt;
use std::collections::VecDeque;

/// Sites of all clusters of at least a given size, cluster after cluster, the largest first (equal ones in the order of their first
/// sites), each cluster in breadth-first order from a uniformly chosen root. A *point* is an index into these lists.
#[derive(Debug, Clone, PartialEq)]
pub struct ClusterPoints {
    /// The site that each point is.
    pub site: Vec<u32>,
    /// Cluster of each point; cluster 0 is the largest.
    pub cluster: Vec<u32>,
    /// Numbers of points of all clusters, descending.
    pub sizes: Vec<u32>,
    /// Parent of each point in the breadth-first tree; a root is its own.
    pub parent: Vec<u32>,
    /// Chemical distance of each point from the root of its cluster.
    pub distance: Vec<u32>,
    /// Share of the bonds of the lattice at each point that do not count: in site percolation the share of empty neighbours, in bond
    /// percolation of empty bonds; 0 for a vertex without neighbours.
    pub surface: Vec<f64>,
}

impl ClusterPoints {
    /// The points of clusters of at least `smallest` sites. O(sites + bonds).
    ///
    /// ```
    /// use saddlepoint::numerics::random::stream;
    /// use saddlepoint::percolation::{geometry::{ClusterPoints, Occupied}, graph::Graph};
    /// let path = Graph::parse("0 1\n1 2\n2 3\n3 4", None)?;
    /// let sites = [true, true, false, true, false];
    /// let part = Occupied::new(&path, Some(&sites), None)?;
    /// let points = ClusterPoints::new(&part, 2, &mut stream(1, "roots", &[]));
    /// assert_eq!((points.len(), points.sizes), (2, vec![2]));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(occupied: &Occupied, smallest: u32, rng: &mut Stream) -> ClusterPoints {
        let found = clusters(occupied);
        let mut members: Vec<Vec<u32>> = found
            .sizes
            .iter()
            .map(|&s| Vec::with_capacity(s as usize))
            .collect();
        for (site, &label) in found.label.iter().enumerate() {
            if let Some(members) = members.get_mut(label as usize) {
                members.push(site as u32);
            }
        }
        members.retain(|m| m.len() as u32 >= smallest.max(1));
        members.sort_by_key(|m| std::cmp::Reverse(m.len()));
        let count = members.iter().map(Vec::len).sum();
        let mut points = ClusterPoints {
            site: Vec::with_capacity(count),
            cluster: Vec::with_capacity(count),
            sizes: members.iter().map(|m| m.len() as u32).collect(),
            parent: Vec::with_capacity(count),
            distance: Vec::with_capacity(count),
            surface: Vec::with_capacity(count),
        };
        let mut met = vec![false; occupied.graph.vertices()];
        for (cluster, members) in members.iter().enumerate() {
            let root = members[rng.random_range(0..members.len())];
            points.spread(occupied, root, cluster as u32, &mut met);
        }
        points
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.site.len()
    }

    /// True without any point.
    pub fn is_empty(&self) -> bool {
        self.site.is_empty()
    }

    /// Range of the points of every cluster.
    pub fn ranges(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        self.sizes.iter().scan(0, |end, &size| {
            let start = *end;
            *end += size as usize;
            Some(start..*end)
        })
    }

    fn spread(&mut self, occupied: &Occupied, root: u32, cluster: u32, met: &mut [bool]) {
        met[root as usize] = true;
        let own = self.len() as u32;
        let mut queue = VecDeque::from([(root, own, 0)]);
        while let Some((site, parent, distance)) = queue.pop_front() {
            let point = self.len() as u32;
            let around = occupied.graph.neighbours(site).len();
            let mut joined = 0;
            for next in occupied.joined(site) {
                joined += 1;
                if !met[next as usize] {
                    met[next as usize] = true;
                    queue.push_back((next, point, distance + 1));
                }
            }
            self.site.push(site);
            self.cluster.push(cluster);
            self.parent.push(parent);
            self.distance.push(distance);
            self.surface.push(match around {
                0 => 0.0,
                n => (n - joined) as f64 / n as f64,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::chemical_distance;
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::{Boundary, Crystal, Network, graph::Graph};

    /// A random configuration of the open square lattice: everything agrees with what is worked out otherwise.
    #[test]
    fn points_agree_with_labels_distances_and_neighbours() {
        let square = Crystal::named("hypercubic", 2).unwrap();
        let network = Network::lattice(&square, &[24, 24], Boundary::Open).unwrap();
        let edges = network.bonds().iter().map(|&[i, j]| (i, j)).collect();
        let graph = Graph::new(network.sites(), edges).unwrap();
        let mut rng = stream(3, "points", &[]);
        let mask = |n: usize, p: f64, rng: &mut Stream| -> Vec<bool> {
            (0..n).map(|_| rng.random::<f64>() < p).collect()
        };
        let sites = mask(576, 0.6, &mut rng);
        let bonds = mask(graph.edges().len(), 0.5, &mut rng);
        for (sites, bonds) in [(Some(&sites), None), (None, Some(&bonds))] {
            let part = Occupied::new(&graph, sites.map(|s| &s[..]), bonds.map(|b| &b[..])).unwrap();
            let points = ClusterPoints::new(&part, 3, &mut rng);
            let labels = clusters(&part);
            let large = labels.sizes.iter().filter(|s| **s >= 3);
            assert_eq!(points.len() as u32, large.sum::<u32>());
            assert!(points.sizes.is_sorted_by(|a, b| a >= b));
            for (cluster, range) in points.ranges().enumerate() {
                let root = points.site[range.start];
                let distance = chemical_distance(&part, root).unwrap();
                let label = labels.label[root as usize];
                assert_eq!(points.parent[range.start], range.start as u32);
                for k in range {
                    let site = points.site[k];
                    assert_eq!(points.cluster[k], cluster as u32);
                    assert_eq!(labels.label[site as usize], label);
                    assert_eq!(points.distance[k], distance[site as usize]);
                    let parent = points.parent[k] as usize;
                    let step = u32::from(parent != k);
                    assert_eq!(points.distance[parent] + step, points.distance[k]);
                    let around = graph.neighbours(site);
                    let empty = around.iter().filter(|(_, bond)| !part.bond(*bond)).count();
                    assert_eq!(points.surface[k], empty as f64 / around.len() as f64);
                }
            }
        }
    }
}
