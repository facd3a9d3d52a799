//! Sites and the bonds between them, as tables: what the sweeps run on.

use super::crystal::Crystal;
use super::graph::Graph;
use super::winding::{Packing, Winding};
use crate::error::{Error, Result};
use crate::numerics::prefetch::prefetch;

/// Largest number of sites and of bonds: indices are 31 bits wide.
pub const MAX_ELEMENTS: u64 = (1 << 31) - 1;

/// How the faces of a lattice are treated.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Boundary {
    /// Opposite faces are joined: clusters wrap around.
    #[default]
    Torus,
    /// Bonds end at the faces: clusters span from face to face.
    Open,
}

/// Sites, bonds, and how bonds cross the faces of a torus.
#[derive(Debug, Clone, PartialEq)]
pub struct Network {
    sites: usize,
    /// Neighbours of site `i` are `neighbours[start[i] .. start[i + 1]]`.
    start: Vec<u32>,
    neighbours: Vec<u32>,
    /// Index into `crossings` of the step to each neighbour; empty without crossings.
    steps: Vec<u8>,
    /// The two ends of every bond.
    bonds: Vec<[u32; 2]>,
    bond_steps: Vec<u8>,
    /// Winding of a step from a site to its neighbour; the first is 0.
    crossings: Vec<Winding>,
    packing: Packing,
    /// Sites on the first and on the last layer of every direction of an open lattice.
    faces: Vec<[Vec<u32>; 2]>,
}

impl Network {
    /// The part of a crystal with `sides[k]` cells in direction `k`. Site `basis * cell + b`, cells with the first direction running fastest.
    ///
    /// Memory: [`Network::bytes`].
    ///
    /// # Errors
    /// `Input` for sides of another dimension, for a torus of fewer than 3 cells in a direction (bonds would be double), for an
    /// open lattice of fewer than 2, for more than 2^31 - 1 sites or bonds.
    ///
    /// ```
    /// use saddlepoint::percolation::{Boundary, Crystal, Network};
    /// let cubic = Network::lattice(&Crystal::named("hypercubic", 3)?, &[4, 4, 4], Boundary::Torus)?;
    /// assert_eq!((cubic.sites(), cubic.bonds().len()), (64, 192));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn lattice(crystal: &Crystal, sides: &[usize], boundary: Boundary) -> Result<Network> {
        let (cells, sites) = size(crystal, sides, boundary)?;
        let d = crystal.dimension;
        let packing = Packing::new(d);
        let stride: Vec<usize> = (0..d).map(|k| sides[..k].iter().product()).collect();
        let mut crossings = vec![0];
        let mut bonds = Vec::with_capacity(cells * crystal.bonds.len());
        let mut bond_steps = Vec::with_capacity(bonds.capacity());
        let mut at = vec![0usize; d];
        for cell in 0..cells {
            for bond in &crystal.bonds {
                let (mut other, mut crossing) = (0, vec![0i8; d]);
                for k in 0..d {
                    let there = at[k] as isize + isize::from(bond.offset[k]);
                    crossing[k] = if there < 0 {
                        -1
                    } else {
                        i8::from(there as usize == sides[k])
                    };
                    other += there.rem_euclid(sides[k] as isize) as usize * stride[k];
                }
                let crossing = packing.pack(&crossing);
                if boundary == Boundary::Open && crossing != 0 {
                    continue;
                }
                let ends = [
                    cell * crystal.basis + bond.from,
                    other * crystal.basis + bond.to,
                ];
                bonds.push(ends.map(|e| e as u32));
                let step = crossings.iter().position(|&c| c == crossing);
                bond_steps.push(step.unwrap_or_else(|| {
                    crossings.push(crossing);
                    crossings.len() - 1
                }) as u8);
            }
            for k in 0..d {
                at[k] += 1;
                if at[k] < sides[k] {
                    break;
                }
                at[k] = 0;
            }
        }
        let mut network = Network::assemble(sites, bonds, bond_steps, crossings, packing);
        if boundary == Boundary::Open {
            network.faces = faces(crystal, sides, cells);
        }
        Ok(network)
    }

    /// Vertices as sites, edges as bonds in their order.
    pub fn graph(graph: &Graph) -> Network {
        let bonds: Vec<[u32; 2]> = graph.edges().iter().map(|&(i, j)| [i, j]).collect();
        let steps = vec![0; bonds.len()];
        Network::assemble(graph.vertices(), bonds, steps, vec![0], Packing::new(1))
    }

    fn assemble(
        sites: usize,
        bonds: Vec<[u32; 2]>,
        bond_steps: Vec<u8>,
        mut crossings: Vec<Winding>,
        packing: Packing,
    ) -> Network {
        // Steps back: the opposite winding.
        let back: Vec<u8> = (0..crossings.len())
            .map(|k| {
                let opposite = -crossings[k];
                let found = crossings.iter().position(|&c| c == opposite);
                found.unwrap_or_else(|| {
                    crossings.push(opposite);
                    crossings.len() - 1
                }) as u8
            })
            .collect();
        let mut start = vec![0u32; sites + 1];
        for [a, b] in &bonds {
            start[*a as usize + 1] += 1;
            start[*b as usize + 1] += 1;
        }
        for i in 0..sites {
            start[i + 1] += start[i];
        }
        let crosses = crossings.len() > 1;
        let mut next = start.clone();
        let mut neighbours = vec![0u32; 2 * bonds.len()];
        let mut steps = vec![0u8; if crosses { 2 * bonds.len() } else { 0 }];
        for ([a, b], &step) in bonds.iter().zip(&bond_steps) {
            for (from, to, step) in [(*a, *b, step), (*b, *a, back[step as usize])] {
                let slot = next[from as usize] as usize;
                next[from as usize] += 1;
                neighbours[slot] = to;
                if crosses {
                    steps[slot] = step;
                }
            }
        }
        Network {
            sites,
            start,
            neighbours,
            steps,
            bond_steps: if crosses { bond_steps } else { vec![] },
            bonds,
            crossings,
            packing,
            faces: vec![],
        }
    }

    /// Bytes of the tables of a lattice, known before they are made.
    ///
    /// # Errors
    /// As for [`Network::lattice`].
    pub fn bytes(crystal: &Crystal, sides: &[usize], boundary: Boundary) -> Result<u64> {
        let (cells, sites) = size(crystal, sides, boundary)?;
        let bonds = (cells * crystal.bonds.len()) as u64;
        let crossing = if boundary == Boundary::Torus { 3 } else { 0 };
        Ok(4 * sites as u64 + (16 + crossing) * bonds)
    }

    /// Number of sites.
    pub fn sites(&self) -> usize {
        self.sites
    }

    /// The two ends of every bond.
    pub fn bonds(&self) -> &[[u32; 2]] {
        &self.bonds
    }

    /// Asks for the memory of a site's neighbours.
    #[inline(always)]
    pub(super) fn prefetch(&self, site: usize) {
        let first = self.start[site] as usize;
        prefetch(&self.neighbours, first);
    }

    /// Largest number of neighbours.
    pub(super) fn degree(&self) -> usize {
        let degrees = self.start.windows(2).map(|w| w[1] - w[0]);
        degrees.max().unwrap_or(0) as usize
    }

    /// Neighbours of a site.
    pub fn neighbours(&self, site: usize) -> &[u32] {
        &self.neighbours[self.start[site] as usize..self.start[site + 1] as usize]
    }

    /// Windings of the steps to the neighbours of a site, in their order.
    pub fn steps(&self, site: usize) -> impl Iterator<Item = Winding> {
        let range = self.start[site] as usize..self.start[site + 1] as usize;
        range.map(|slot| self.crossings[self.steps.get(slot).map_or(0, |&s| s as usize)])
    }

    /// Winding of a bond from its first to its second end.
    pub fn crossing(&self, bond: usize) -> Winding {
        self.crossings[self.bond_steps.get(bond).map_or(0, |&s| s as usize)]
    }

    /// Whether bonds cross the faces of a torus.
    pub fn is_torus(&self) -> bool {
        self.crossings.len() > 1
    }

    /// How windings are packed.
    pub fn packing(&self) -> Packing {
        self.packing
    }

    /// Sites on the first and on the last layer of every direction of an open lattice; empty otherwise.
    pub fn faces(&self) -> &[[Vec<u32>; 2]] {
        &self.faces
    }
}

/// Numbers of cells and sites, or why there is no such lattice.
fn size(crystal: &Crystal, sides: &[usize], boundary: Boundary) -> Result<(usize, usize)> {
    if sides.len() != crystal.dimension {
        return Err(Error::input(
            "sides",
            format!("{} of them in dimension {}", sides.len(), crystal.dimension),
            "give one side per dimension",
        ));
    }
    let (least, why) = match boundary {
        Boundary::Torus => (3, "a torus of fewer than 3 cells has double bonds"),
        Boundary::Open => (2, "an open lattice has two faces in every direction"),
    };
    if let Some(side) = sides.iter().find(|s| **s < least) {
        return Err(Error::input(
            "size",
            format!("{side} cells: {why}"),
            format!("use {least} or more"),
        ));
    }
    let cells: u128 = sides.iter().map(|&s| s as u128).product();
    let sites = cells * crystal.basis as u128;
    let bonds = cells * crystal.bonds.len() as u128;
    match sites.max(bonds) <= u128::from(MAX_ELEMENTS) {
        true => Ok((cells as usize, sites as usize)),
        false => Err(Error::input(
            "size",
            format!("{sites} sites and {bonds} bonds; indices go to 2^31 - 1 = {MAX_ELEMENTS}"),
            "use a smaller lattice (one p of a larger square lattice: percolation::hoshen_kopelman)",
        )),
    }
}

fn faces(crystal: &Crystal, sides: &[usize], cells: usize) -> Vec<[Vec<u32>; 2]> {
    (0..crystal.dimension)
        .map(|k| {
            let stride: usize = sides[..k].iter().product();
            let layer = |at: usize| -> Vec<u32> {
                (0..cells)
                    .filter(|cell| cell / stride % sides[k] == at)
                    .flat_map(|cell| {
                        (0..crystal.basis).map(move |b| (cell * crystal.basis + b) as u32)
                    })
                    .collect()
            };
            [layer(0), layer(sides[k] - 1)]
        })
        .collect()
}
