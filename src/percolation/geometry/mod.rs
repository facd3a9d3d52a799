//! Geometry of clusters on a graph: labels, chemical distance, blocks, backbone, red bonds, growth from a seed.

mod blocks;
mod growth;
mod points;
mod shape;
#[cfg(test)]
mod tests;

pub use blocks::{Backbone, Blocks, backbone, biconnected, cyclic_bonds};
pub use growth::{Growth, grow, hypercubic_neighbours};
pub use points::ClusterPoints;
pub use shape::{Gauge, Shape};

use super::graph::Graph;
use crate::error::{Error, Result};
use std::collections::VecDeque;

/// Label of sites and bonds that belong to nothing.
pub const NONE: u32 = u32::MAX;

/// The occupied part of a graph: sites and bonds, each all occupied unless a mask says which.
///
/// A bond counts when it is occupied and so are both its ends.
#[derive(Debug, Clone, Copy)]
pub struct Occupied<'a> {
    graph: &'a Graph,
    sites: Option<&'a [bool]>,
    bonds: Option<&'a [bool]>,
}

impl<'a> Occupied<'a> {
    /// The part of `graph` with the given masks, one entry per vertex and per edge.
    ///
    /// # Errors
    /// Input error for a mask of another length.
    pub fn new(
        graph: &'a Graph,
        sites: Option<&'a [bool]>,
        bonds: Option<&'a [bool]>,
    ) -> Result<Self> {
        for (name, mask, length) in [
            ("sites", sites, graph.vertices()),
            ("bonds", bonds, graph.edges().len()),
        ] {
            if let Some(mask) = mask
                && mask.len() != length
            {
                return Err(Error::input(
                    name,
                    format!("{} entries for {length} {name}", mask.len()),
                    "give one entry each",
                ));
            }
        }
        Ok(Occupied {
            graph,
            sites,
            bonds,
        })
    }

    /// The graph.
    pub fn graph(&self) -> &'a Graph {
        self.graph
    }

    /// Whether `site` is occupied.
    pub fn site(&self, site: u32) -> bool {
        self.sites.is_none_or(|mask| mask[site as usize])
    }

    /// Whether `bond` and both its ends are occupied.
    pub fn bond(&self, bond: u32) -> bool {
        let (i, j) = self.graph.edges()[bond as usize];
        self.bonds.is_none_or(|mask| mask[bond as usize]) && self.site(i) && self.site(j)
    }

    /// Sites joined to `site` by a bond that counts.
    fn joined(&self, site: u32) -> impl Iterator<Item = u32> + '_ {
        self.graph
            .neighbours(site)
            .iter()
            .filter(|&&(_, bond)| self.bond(bond))
            .map(|&(next, _)| next)
    }

    /// The input error for a site that is not an occupied one.
    fn expect_site(&self, name: &str, site: u32) -> Result<()> {
        if (site as usize) < self.graph.vertices() && self.site(site) {
            return Ok(());
        }
        Err(Error::input(
            name,
            format!("{site} is not an occupied site"),
            "choose an occupied site of the graph",
        ))
    }
}

/// Clusters, numbered in the order of their first site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clusters {
    /// Cluster of every site; [`NONE`] for empty sites.
    pub label: Vec<u32>,
    /// Sites of every cluster.
    pub sizes: Vec<u32>,
}

/// Labels all clusters, breadth first. O(sites + bonds).
///
/// ```
/// use saddlepoint::percolation::{geometry::{Occupied, clusters}, graph::Graph};
/// let path = Graph::parse("0 1\n1 2\n2 3", None).unwrap();
/// let cut = [true, false, true];
/// let found = clusters(&Occupied::new(&path, None, Some(&cut)).unwrap());
/// assert_eq!((found.label, found.sizes), (vec![0, 0, 1, 1], vec![2, 2]));
/// ```
pub fn clusters(occupied: &Occupied) -> Clusters {
    let mut label = vec![NONE; occupied.graph.vertices()];
    let mut sizes = Vec::new();
    let mut queue = Vec::new();
    for seed in 0..label.len() as u32 {
        if !occupied.site(seed) || label[seed as usize] != NONE {
            continue;
        }
        let cluster = sizes.len() as u32;
        let mut size = 0;
        label[seed as usize] = cluster;
        queue.push(seed);
        while let Some(site) = queue.pop() {
            size += 1;
            for next in occupied.joined(site) {
                if label[next as usize] == NONE {
                    label[next as usize] = cluster;
                    queue.push(next);
                }
            }
        }
        sizes.push(size);
    }
    Clusters { label, sizes }
}

/// Chemical distance (bonds on the shortest path) of every site from `source`; [`NONE`] where no path leads. O(sites + bonds).
///
/// # Errors
/// Input error when `source` is not an occupied site.
///
/// ```
/// use saddlepoint::percolation::{geometry::{Occupied, chemical_distance}, graph::Graph};
/// let ring = Graph::parse("0 1\n1 2\n2 3\n3 4\n4 0", None).unwrap();
/// let distance = chemical_distance(&Occupied::new(&ring, None, None).unwrap(), 0).unwrap();
/// assert_eq!(distance, [0, 1, 2, 2, 1]);
/// ```
pub fn chemical_distance(occupied: &Occupied, source: u32) -> Result<Vec<u32>> {
    occupied.expect_site("source", source)?;
    let mut distance = vec![NONE; occupied.graph.vertices()];
    distance[source as usize] = 0;
    let mut queue = VecDeque::from([source]);
    while let Some(site) = queue.pop_front() {
        for next in occupied.joined(site) {
            if distance[next as usize] == NONE {
                distance[next as usize] = distance[site as usize] + 1;
                queue.push_back(next);
            }
        }
    }
    Ok(distance)
}
