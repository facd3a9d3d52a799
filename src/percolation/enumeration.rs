//! All configurations of a small network, counted exactly.

use super::element::Element;
use super::network::Network;
use super::onset::Event;
use super::winding::{Span, Winding};
use crate::error::{Error, Result};
use std::collections::VecDeque;

/// Largest number of elements: 2^24 configurations.
pub const MAX_ENUMERATED: usize = 24;

/// Sums over all `C(M, n)` configurations with `n` occupied elements, for `n = 0 ... M`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumeration {
    /// Number of configurations.
    pub configurations: Vec<u64>,
    /// Sum of the largest cluster's size.
    pub largest: Vec<u64>,
    /// Sum of `sum_i s_i^2`.
    pub squares: Vec<u64>,
    /// Sum of the number of clusters.
    pub clusters: Vec<u64>,
    /// Configurations in which clusters wrap along exactly these directions (bit `k` for direction `k`), by mask.
    pub wraps: Vec<Vec<u64>>,
    /// Configurations in which one cluster has as many independent windings as dimensions.
    pub full_rank: Vec<u64>,
    dimension: usize,
}

/// Counts every configuration by breadth-first labelling: independent of the union-find of the sweeps. Open lattices: spanning in
/// place of wrapping.
///
/// # Errors
/// `Input` for more than [`MAX_ENUMERATED`] elements.
///
/// ```
/// use saddlepoint::percolation::{enumerate, Boundary, Crystal, Element, Event, Network};
/// let square = Network::lattice(&Crystal::named("hypercubic", 2)?, &[3, 3], Boundary::Torus)?;
/// let all = enumerate(&square, Element::Site)?;
/// assert_eq!(all.holds(Event::Any)[3..7], [6, 36, 81, 84]);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn enumerate(network: &Network, element: Element) -> Result<Enumeration> {
    let elements = match element {
        Element::Site => network.sites(),
        Element::Bond => network.bonds().len(),
    };
    if elements > MAX_ENUMERATED {
        return Err(Error::input(
            "enumeration",
            format!("2^{elements} configurations"),
            format!("use a lattice of at most {MAX_ENUMERATED} sites or bonds"),
        ));
    }
    let dimension = network.packing().dimension();
    let zeros = || vec![0u64; elements + 1];
    let mut sums = Enumeration {
        configurations: zeros(),
        largest: zeros(),
        squares: zeros(),
        clusters: zeros(),
        wraps: (0..1 << dimension).map(|_| zeros()).collect(),
        full_rank: zeros(),
        dimension,
    };
    let graph = Adjacency::of(network);
    let mut labelling = Labelling::new(network.sites());
    for mask in 0..1u32 << elements {
        let n = mask.count_ones() as usize;
        let found = labelling.label(network, &graph, element, mask);
        sums.configurations[n] += 1;
        sums.largest[n] += found.largest;
        sums.squares[n] += found.squares;
        sums.clusters[n] += found.clusters;
        sums.wraps[found.directions][n] += 1;
        sums.full_rank[n] += u64::from(found.full_rank);
    }
    Ok(sums)
}

impl Enumeration {
    /// Number of configurations with `n` occupied elements in which the event holds, for `n = 0 ... M`.
    pub fn holds(&self, event: Event) -> Vec<u64> {
        let all = (1usize << self.dimension) - 1;
        let last = 1 << (self.dimension - 1);
        let counts = |mask: usize| match event {
            Event::X => mask & 1 != 0,
            Event::Last => mask & last != 0,
            Event::Any => mask != 0,
            Event::All => mask == all,
            Event::Only => mask == 1,
            Event::FullRank => false,
        };
        if event == Event::FullRank {
            return self.full_rank.clone();
        }
        (0..self.configurations.len())
            .map(|n| {
                let masks = (0..=all).filter(|&mask| counts(mask));
                masks.map(|mask| self.wraps[mask][n]).sum()
            })
            .collect()
    }
}

/// Bonds of every site with the windings they add.
struct Adjacency(Vec<Vec<(usize, usize, Winding)>>);

impl Adjacency {
    fn of(network: &Network) -> Self {
        let mut lists = vec![Vec::new(); network.sites()];
        for (bond, [a, b]) in network.bonds().iter().enumerate() {
            let (a, b, step) = (*a as usize, *b as usize, network.crossing(bond));
            lists[a].push((b, bond, step));
            lists[b].push((a, bond, -step));
        }
        Adjacency(lists)
    }
}

struct Found {
    largest: u64,
    squares: u64,
    clusters: u64,
    directions: usize,
    full_rank: bool,
}

struct Labelling {
    seen: Vec<Option<Winding>>,
    queue: VecDeque<usize>,
}

impl Labelling {
    fn new(sites: usize) -> Self {
        Labelling {
            seen: vec![None; sites],
            queue: VecDeque::new(),
        }
    }

    fn label(
        &mut self,
        network: &Network,
        graph: &Adjacency,
        element: Element,
        mask: u32,
    ) -> Found {
        let on = |k: usize| mask >> k & 1 == 1;
        let packing = network.packing();
        let mut found = Found {
            largest: 0,
            squares: 0,
            clusters: 0,
            directions: 0,
            full_rank: false,
        };
        self.seen.fill(None);
        for seed in 0..network.sites() {
            if self.seen[seed].is_some() || (element == Element::Site && !on(seed)) {
                continue;
            }
            let (mut size, mut span, mut members) = (0u64, Span::default(), Vec::new());
            self.seen[seed] = Some(0);
            self.queue.push_back(seed);
            while let Some(site) = self.queue.pop_front() {
                size += 1;
                members.push(site as u32);
                let here = self.seen[site].unwrap_or(0);
                for &(other, bond, step) in &graph.0[site] {
                    let open = match element {
                        Element::Site => on(other),
                        Element::Bond => on(bond),
                    };
                    if !open {
                        continue;
                    }
                    match self.seen[other] {
                        None => {
                            self.seen[other] = Some(here + step);
                            self.queue.push_back(other);
                        }
                        Some(there) => {
                            let winding = packing.unpack(here + step - there);
                            span.add(winding);
                            for (k, w) in winding[..packing.dimension()].iter().enumerate() {
                                found.directions |= usize::from(*w != 0) << k;
                            }
                        }
                    }
                }
            }
            for (k, faces) in network.faces().iter().enumerate() {
                let touches = |side: usize| members.iter().any(|m| faces[side].contains(m));
                found.directions |= usize::from(touches(0) && touches(1)) << k;
            }
            found.clusters += 1;
            found.squares += size * size;
            found.largest = found.largest.max(size);
            found.full_rank |= span.rank() == packing.dimension();
        }
        found
    }
}

#[cfg(test)]
#[path = "enumeration_tests.rs"]
mod tests;
