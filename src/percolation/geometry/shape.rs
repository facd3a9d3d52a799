//! Lengths and masses read off one configuration of a lattice: hull, backbone, red elements, shortest path.

use super::{NONE, Occupied, backbone, biconnected, chemical_distance, clusters};
use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::percolation::graph::Graph;
use crate::percolation::gyration::squared_radii;
use crate::percolation::hull::{accessible_perimeter, hull};
use crate::percolation::{Crystal, Element, Forest, Network};
use rand::RngExt;
use std::collections::BTreeMap;

/// What is read off a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Length of the hull, in bonds to the outside, of the largest cluster that does not wrap: sites of a square torus.
    Hull,
    /// Sites of the accessible perimeter of that cluster.
    AccessiblePerimeter,
    /// Sites of the largest component that is left when all bridges are taken away.
    BridgeFree,
    /// Bridges divided by the number of all bonds, occupied or not.
    Bridges,
    /// Open lattices: red elements, occupied sites or bonds without which no cluster joins the two faces of the first direction; 0 where none
    /// does.
    Red,
    /// Open lattices: sites of the shortest path between the two faces of the first direction; nothing where no cluster joins them.
    ShortestPath,
}

/// A lattice that is occupied again and again, and looked at.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::{Boundary, Crystal, Element, Network, geometry::{Gauge, Shape}};
/// let square = Network::lattice(&Crystal::named("hypercubic", 2)?, &[5, 4], Boundary::Open)?;
/// let mut gauge = Gauge::new(square, &[5, 4], Element::Bond)?;
/// gauge.occupy(1.0, &mut stream(1, "gauge", &[]));
/// assert_eq!(gauge.read(Shape::ShortestPath)?, Some(5.0));
/// assert_eq!(gauge.read(Shape::Red)?, Some(0.0));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug)]
pub struct Gauge {
    network: Network,
    sides: Vec<usize>,
    element: Element,
    /// Sites and bonds of the network; on open lattices two terminals more, joined to all sites of a face.
    graph: Graph,
    terminals: Option<[u32; 2]>,
    sites: Vec<bool>,
    bonds: Vec<bool>,
    /// Positions of the sites of the largest cluster that does not wrap, once they were asked for.
    unwrapped: Option<Vec<[i32; 2]>>,
}

impl Gauge {
    /// The lattice `network` with `sides` cells, all empty.
    ///
    /// # Errors
    /// As for [`Graph::new`].
    pub fn new(network: Network, sides: &[usize], element: Element) -> Result<Gauge> {
        let mut edges: Vec<(u32, u32)> = network.bonds().iter().map(|&[a, b]| (a, b)).collect();
        let mut vertices = network.sites();
        let mut terminals = None;
        if let Some([first, last]) = network.faces().first() {
            let [source, sink] = [vertices as u32, vertices as u32 + 1];
            edges.extend(first.iter().map(|&site| (source, site)));
            edges.extend(last.iter().map(|&site| (site, sink)));
            terminals = Some([source, sink]);
            vertices += 2;
        }
        let graph = Graph::new(vertices, edges)?;
        Ok(Gauge {
            sites: vec![true; vertices],
            bonds: vec![true; graph.edges().len()],
            sides: sides.to_vec(),
            network,
            element,
            graph,
            terminals,
            unwrapped: None,
        })
    }

    /// Peak memory of a gauge of so many sites and bonds while something is read, network included.
    pub fn bytes(sites: u64, bonds: u64) -> u64 {
        // Per bond: network 19, graph 24, blocks 44, masks and labels 6; the rest by sites: offsets, labels, stacks, positions.
        96 * bonds + 64 * sites
    }

    /// Occupies every element independently with probability `p`.
    pub fn occupy(&mut self, p: f64, rng: &mut Stream) {
        let elements = match self.element {
            Element::Site => &mut self.sites[..self.network.sites()],
            Element::Bond => &mut self.bonds[..self.network.bonds().len()],
        };
        self.unwrapped = None;
        // One number per element at every p: what is occupied at one p is so at all larger ones.
        elements.fill_with(|| rng.random::<f64>() < p);
    }

    fn occupied(&self) -> Result<Occupied<'_>> {
        Occupied::new(&self.graph, Some(&self.sites), Some(&self.bonds))
    }

    /// Numbers of clusters by size.
    pub fn sizes(&self) -> BTreeMap<u32, u64> {
        let sites = self.network.sites();
        let mut forest = Forest::new(sites, false);
        for site in (0..sites).filter(|&s| self.sites[s]) {
            forest.insert(site);
        }
        for (&ends, &occupied) in self.network.bonds().iter().zip(&self.bonds) {
            let [a, b] = ends.map(|end| end as usize);
            if occupied && self.sites[a] && self.sites[b] {
                forest.join(a, b);
            }
        }
        let mut count = BTreeMap::new();
        for size in forest.sizes() {
            *count.entry(size).or_insert(0) += 1;
        }
        count
    }

    /// Sizes and squared radii of gyration of all clusters that do not wrap around the torus.
    pub fn radii(&self, crystal: &Crystal) -> Vec<(u32, f64)> {
        let sites = &self.sites[..self.network.sites()];
        let bonds = &self.bonds[..self.network.bonds().len()];
        squared_radii(&self.network, crystal, &self.sides, sites, bonds)
    }

    /// The value of a shape; `None` where the configuration has none (no cluster that joins the faces, or none that does not wrap).
    ///
    /// # Errors
    /// `Bug` for a shape that the lattice does not have.
    pub fn read(&mut self, shape: Shape) -> Result<Option<f64>> {
        Ok(match shape {
            Shape::Hull | Shape::AccessiblePerimeter => {
                if self.unwrapped.is_none() {
                    self.unwrapped = Some(self.largest_unwrapped()?);
                }
                match self.unwrapped.as_deref() {
                    None | Some([]) => None,
                    Some(cluster) if shape == Shape::Hull => {
                        Some(hull(cluster)?.corners.len() as f64)
                    }
                    Some(cluster) => Some(accessible_perimeter(cluster)?.len() as f64),
                }
            }
            Shape::BridgeFree => Some(self.bridge_free()?),
            Shape::Bridges => {
                let blocks = biconnected(&self.occupied()?);
                let bridges = blocks.sizes.iter().filter(|s| **s == 1).count();
                Some(bridges as f64 / self.network.bonds().len() as f64)
            }
            Shape::Red => Some(self.red()? as f64),
            Shape::ShortestPath => {
                let [source, sink] = self.faces()?;
                let steps = chemical_distance(&self.occupied()?, source)?[sink as usize];
                (steps != NONE).then(|| f64::from(steps - 1))
            }
        })
    }

    fn faces(&self) -> Result<[u32; 2]> {
        self.terminals
            .ok_or_else(|| Error::bug("Gauge", "no faces on a torus"))
    }

    fn bridge_free(&self) -> Result<f64> {
        let occupied = self.occupied()?;
        let blocks = biconnected(&occupied);
        let cyclic: Vec<bool> = (0..blocks.of_bond.len() as u32)
            .map(|bond| blocks.of_bond[bond as usize] != NONE && !blocks.is_bridge(bond))
            .collect();
        let left = clusters(&Occupied::new(
            &self.graph,
            Some(&self.sites),
            Some(&cyclic),
        )?);
        Ok(f64::from(left.sizes.into_iter().max().unwrap_or(0)))
    }

    fn red(&self) -> Result<usize> {
        let [source, sink] = self.faces()?;
        let found = backbone(&self.occupied()?, source, sink)?;
        if self.element == Element::Bond {
            let bonds = self.network.bonds().len();
            return Ok(found.red[..bonds].iter().filter(|red| **red).count());
        }
        // A red site is where two blocks of the backbone meet.
        let blocks = biconnected(&Occupied::new(&self.graph, None, Some(&found.bonds))?).of_bond;
        let meets = |site: &u32| {
            let bonds = self.graph.neighbours(*site).iter().map(|&(_, bond)| bond);
            let mut around = bonds.map(|b| blocks[b as usize]).filter(|b| *b != NONE);
            let first = around.next();
            around.any(|block| Some(block) != first)
        };
        Ok((0..self.network.sites() as u32).filter(meets).count())
    }

    /// Positions of the sites of the largest cluster that does not wrap around the square torus, unfolded.
    fn largest_unwrapped(&self) -> Result<Vec<[i32; 2]>> {
        let &[width, height] = self.sides.as_slice() else {
            return Err(Error::bug("Gauge", "hulls are those of square lattices"));
        };
        let mut position: Vec<Option<[i32; 2]>> = vec![None; width * height];
        let mut largest = Vec::new();
        for seed in 0..width * height {
            if !self.sites[seed] || position[seed].is_some() {
                continue;
            }
            let (mut cluster, mut next, mut wraps) = (vec![[0, 0]], 0, false);
            let mut members = vec![seed];
            position[seed] = Some([0, 0]);
            while next < members.len() {
                let ([x, y], [px, py]) = (
                    [members[next] % width, members[next] / width],
                    cluster[next],
                );
                next += 1;
                for (site, at) in [
                    ((x + 1) % width + y * width, [px + 1, py]),
                    ((x + width - 1) % width + y * width, [px - 1, py]),
                    (x + (y + 1) % height * width, [px, py + 1]),
                    (x + (y + height - 1) % height * width, [px, py - 1]),
                ] {
                    match position[site] {
                        _ if !self.sites[site] => {}
                        Some(there) => wraps |= there != at,
                        None => {
                            position[site] = Some(at);
                            members.push(site);
                            cluster.push(at);
                        }
                    }
                }
            }
            if !wraps && cluster.len() > largest.len() {
                largest = cluster;
            }
        }
        Ok(largest)
    }
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
