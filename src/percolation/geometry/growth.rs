//! One cluster grown from a seed, shell by shell.

use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::percolation::Element;
use rand::RngExt;
use std::collections::HashSet;
use std::hash::Hash;

/// A cluster grown from its seed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Growth<Site> {
    /// Sites in breadth-first order, the seed first.
    pub sites: Vec<Site>,
    /// Sites at chemical distance 0, 1, 2, ... from the seed; the last shell is incomplete when truncated.
    pub shells: Vec<usize>,
    /// Growth was stopped by the cap: the cluster is larger.
    pub truncated: bool,
}

/// Grows the cluster of `seed` (occupied, in site percolation) at occupation `p` until it dies or has `cap` sites.
///
/// `neighbours(site, list)` appends the neighbours of a site; a neighbour listed twice is joined by two bonds. Each site or bond is tried
/// once, when it is first met: no lattice is stored, and nothing is biased by a boundary. At the threshold
/// `P(size >= s) ~ s^(2 - tau)`, and shell sizes give the shortest-path dimension. O(size) memory and time.
///
/// Source: P. L. Leath, Phys. Rev. B 14, 5046 (1976); Z. Alexandrowicz, Phys. Lett. A 80, 284 (1980).
///
/// # Errors
/// Input error for `p` outside [0, 1] or `cap` 0.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::{Element, geometry::{grow, hypercubic_neighbours}};
/// let full = grow([0, 0], hypercubic_neighbours, 1.0, Element::Site, &mut stream(1, "grow", &[]), 13).unwrap();
/// assert_eq!((full.shells, full.truncated), (vec![1, 4, 8], true));
/// ```
pub fn grow<Site: Copy + Eq + Hash>(
    seed: Site,
    neighbours: impl Fn(Site, &mut Vec<Site>),
    p: f64,
    element: Element,
    rng: &mut Stream,
    cap: usize,
) -> Result<Growth<Site>> {
    if !(0.0..=1.0).contains(&p) || cap == 0 {
        return Err(Error::input(
            "growth",
            format!("occupation {p} with a cap of {cap} sites"),
            "give a probability between 0 and 1 and a positive cap",
        ));
    }
    let mut growth = Growth {
        sites: vec![seed],
        shells: vec![1],
        truncated: false,
    };
    // Sites of the cluster, and in site percolation those found empty.
    let mut decided = HashSet::from([seed]);
    let mut around = Vec::new();
    let (mut next, mut shell_end) = (0, 1);
    'cluster: while next < growth.sites.len() {
        if next == shell_end {
            growth.shells.push(growth.sites.len() - shell_end);
            shell_end = growth.sites.len();
        }
        around.clear();
        neighbours(growth.sites[next], &mut around);
        for &site in &around {
            if decided.contains(&site) {
                continue;
            }
            let occupied = rng.random_bool(p);
            if occupied && growth.sites.len() == cap {
                growth.truncated = true;
                break 'cluster;
            }
            if occupied || element == Element::Site {
                decided.insert(site);
            }
            if occupied {
                growth.sites.push(site);
            }
        }
        next += 1;
    }
    if growth.sites.len() > shell_end {
        growth.shells.push(growth.sites.len() - shell_end);
    }
    Ok(growth)
}

/// The `2 D` neighbours of a site of the infinite hypercubic lattice, for [`grow`].
pub fn hypercubic_neighbours<const D: usize>(site: [i32; D], list: &mut Vec<[i32; D]>) {
    for axis in 0..D {
        for step in [-1, 1] {
            let mut next = site;
            next[axis] += step;
            list.push(next);
        }
    }
}
