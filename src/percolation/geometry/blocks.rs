//! Biconnected components, and with them backbone, red bonds and the bonds on cycles.

use super::{NONE, Occupied};
use crate::error::{Error, Result};
use crate::percolation::graph::Adjacency;

/// Biconnected components (blocks): two bonds are in one block when some cycle runs through both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blocks {
    /// Block of every bond of the graph; [`NONE`](super::NONE) for bonds that do not count.
    pub of_bond: Vec<u32>,
    /// Bonds of every block; a block of one bond is a bridge.
    pub sizes: Vec<u32>,
}

impl Blocks {
    /// Whether removing `bond` would cut its cluster in two.
    pub fn is_bridge(&self, bond: u32) -> bool {
        let block = self.of_bond[bond as usize];
        block != NONE && self.sizes[block as usize] == 1
    }
}

/// Blocks of the occupied part of a graph, by low-links on an explicit stack. O(sites + bonds).
///
/// Source: J. Hopcroft and R. Tarjan, Commun. ACM 16, 372 (1973).
///
/// ```
/// use saddlepoint::percolation::{geometry::{Occupied, biconnected}, graph::Graph};
/// let bow_tie = Graph::parse("0 1\n1 2\n2 0\n2 3\n3 4\n4 5\n5 3", None).unwrap();
/// let blocks = biconnected(&Occupied::new(&bow_tie, None, None).unwrap());
/// assert_eq!(blocks.sizes.len(), 3);
/// assert!(blocks.is_bridge(3) && !blocks.is_bridge(0));
/// ```
pub fn biconnected(occupied: &Occupied) -> Blocks {
    let bonds: Vec<u32> = counted(occupied);
    let edges: Vec<(u32, u32)> = ends(occupied, &bonds);
    let (block, sizes) = blocks_of(occupied.graph().vertices(), &edges);
    let mut of_bond = vec![NONE; occupied.graph().edges().len()];
    for (&bond, &b) in bonds.iter().zip(&block) {
        of_bond[bond as usize] = b;
    }
    Blocks { of_bond, sizes }
}

/// The bonds that lie on some cycle: all that count except bridges.
///
/// On a periodic lattice this is the two-connected core of the cluster, left when dangling trees and the bridges between the rest are
/// taken away; windings around the torus are cycles like others.
pub fn cyclic_bonds(occupied: &Occupied) -> Vec<bool> {
    let blocks = biconnected(occupied);
    (0..blocks.of_bond.len() as u32)
        .map(|bond| blocks.of_bond[bond as usize] != NONE && !blocks.is_bridge(bond))
        .collect()
}

/// What would carry current between two sites.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backbone {
    /// For every bond of the graph: it lies on a self-avoiding path between the terminals. None does when they are not connected.
    pub bonds: Vec<bool>,
    /// For every bond of the graph: without it the terminals are not connected (singly connected, red).
    pub red: Vec<bool>,
}

/// Backbone and red bonds between two occupied sites. O(sites + bonds).
///
/// The backbone is the block of a virtual bond between the terminals; red bonds are its bridges once the virtual bond is gone.
///
/// # Errors
/// Input error when the terminals are the same site or one is empty.
///
/// ```
/// use saddlepoint::percolation::{geometry::{Occupied, backbone}, graph::Graph};
/// let graph = Graph::parse("0 1\n1 2\n2 3\n3 1\n3 4\n1 5", None).unwrap(); // dangling end 1 - 5
/// let found = backbone(&Occupied::new(&graph, None, None).unwrap(), 0, 4).unwrap();
/// assert_eq!(found.bonds, [true, true, true, true, true, false]);
/// assert_eq!(found.red, [true, false, false, false, true, false]);
/// ```
pub fn backbone(occupied: &Occupied, source: u32, sink: u32) -> Result<Backbone> {
    occupied.expect_site("source", source)?;
    occupied.expect_site("sink", sink)?;
    if source == sink {
        return Err(Error::input(
            "sink",
            format!("both terminals are site {source}"),
            "choose two different sites",
        ));
    }
    let vertices = occupied.graph().vertices();
    let none = vec![false; occupied.graph().edges().len()];
    let mut found = Backbone {
        bonds: none.clone(),
        red: none,
    };
    let mut bonds = counted(occupied);
    let mut edges = ends(occupied, &bonds);
    edges.push((source, sink));
    let (block, _) = blocks_of(vertices, &edges);
    let virtual_block = block[bonds.len()];
    let mut kept = block.iter().map(|&b| b == virtual_block);
    bonds.retain(|_| kept.next() == Some(true));
    let (block, sizes) = blocks_of(vertices, &ends(occupied, &bonds));
    for (&bond, &b) in bonds.iter().zip(&block) {
        found.bonds[bond as usize] = true;
        found.red[bond as usize] = sizes[b as usize] == 1;
    }
    Ok(found)
}

/// The bonds that count.
fn counted(occupied: &Occupied) -> Vec<u32> {
    (0..occupied.graph().edges().len() as u32)
        .filter(|&bond| occupied.bond(bond))
        .collect()
}

/// End points of `bonds`.
fn ends(occupied: &Occupied, bonds: &[u32]) -> Vec<(u32, u32)> {
    let edges = occupied.graph().edges();
    bonds.iter().map(|&bond| edges[bond as usize]).collect()
}

/// Block of every edge, and the number of edges of every block; parallel edges allowed.
fn blocks_of(vertices: usize, edges: &[(u32, u32)]) -> (Vec<u32>, Vec<u32>) {
    let adjacency = Adjacency::new(vertices, edges);
    let mut cursor = adjacency.offsets.clone();
    let mut order = vec![0u32; vertices]; // 0: not visited
    let mut low = vec![0u32; vertices];
    let mut entered_by = vec![NONE; vertices];
    let mut block = vec![NONE; edges.len()];
    let mut sizes = Vec::new();
    let mut open = Vec::new();
    let mut clock = 0;
    for root in 0..vertices as u32 {
        if order[root as usize] != 0 {
            continue;
        }
        clock += 1;
        (order[root as usize], low[root as usize]) = (clock, clock);
        let mut path = vec![root];
        while let Some(&site) = path.last() {
            let v = site as usize;
            if cursor[v] < adjacency.offsets[v + 1] {
                let (next, edge) = adjacency.entries[cursor[v] as usize];
                cursor[v] += 1;
                let w = next as usize;
                if edge == entered_by[v] {
                    continue;
                }
                if order[w] == 0 {
                    clock += 1;
                    (order[w], low[w], entered_by[w]) = (clock, clock, edge);
                    open.push(edge);
                    path.push(next);
                } else if order[w] < order[v] {
                    open.push(edge);
                    low[v] = low[v].min(order[w]);
                }
                continue;
            }
            path.pop();
            let Some(&parent) = path.last() else { break };
            let u = parent as usize;
            low[u] = low[u].min(low[v]);
            if low[v] >= order[u] {
                let start = open.iter().rposition(|&e| e == entered_by[v]).unwrap_or(0);
                for &edge in &open[start..] {
                    block[edge as usize] = sizes.len() as u32;
                }
                sizes.push((open.len() - start) as u32);
                open.truncate(start);
            }
        }
    }
    (block, sizes)
}
