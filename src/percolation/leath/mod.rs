//! Leath's growth of single clusters on the infinite lattice: how many reach `s` sites, and at which `p` that number is a power of `s`.
//!
//! No boundary, no finite-size effect: a cluster is grown breadth first from one site until it dies or reaches the largest size asked for.
//! Source: P. L. Leath, PRB 14, 5046 (1976); thresholds this way: C. D. Lorenz, R. M. Ziff, PRE 57, 230 (1998), P. Grassberger, PRE 67,
//! 036101 (2003), cond-mat/0202144.

mod survival;
#[cfg(test)]
#[path = "tests.rs"]
mod tests;
mod visited;
mod walk;

pub use survival::Survival;

use super::exponents::exponents;
use super::{Crystal, Element};
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use rand::Rng;
use visited::Visited;
use walk::Walk;

/// Clusters are followed up to at most `2^24` sites.
pub const MOST_DOUBLINGS: u32 = 24;

/// Groups into which the clusters of one draw are divided, for the jackknife.
const GROUPS: usize = 20;

const TWO_32: f64 = 4_294_967_296.0;

/// Sites grown per second and neighbour, for estimates.
const RATE: f64 = 2e7;

/// Growth of clusters from single sites of an infinite crystal.
#[derive(Debug, Clone, PartialEq)]
pub struct Leath {
    crystal: Crystal,
    element: Element,
    occupation: f64,
    doublings: u32,
    clusters: usize,
}

impl Leath {
    /// `clusters` clusters of sites or bonds at occupation `p`, each followed up to `2^doublings` sites.
    ///
    /// The first site is occupied; for a crystal with several sites per cell it is the first of the cell.
    ///
    /// # Errors
    /// `Input` for `p` outside `(0, 1)`, doublings outside `1 ..= 24`, fewer than 20 clusters.
    ///
    /// ```
    /// use saddlepoint::numerics::random::stream;
    /// use saddlepoint::percolation::{Crystal, Element, Leath};
    /// let square = Crystal::named("hypercubic", 2)?;
    /// let survival = Leath::new(square, Element::Site, 0.5, 3, 4000)?.grow(&mut stream(1, "example", &[]))?;
    /// // A cluster of one site has four empty neighbours: it happens with probability 1/16.
    /// assert!((survival.at(1, 0.5) - 15.0 / 16.0).abs() < 0.015);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(
        crystal: Crystal,
        element: Element,
        occupation: f64,
        doublings: u32,
        clusters: usize,
    ) -> Result<Leath> {
        let wrong =
            |place: &str, cause: String, remedy: String| Err(Error::input(place, cause, remedy));
        if !(occupation > 0.0 && occupation < 1.0) {
            return wrong(
                "p",
                format!("{occupation} is not between 0 and 1"),
                "use a probability between them".into(),
            );
        }
        if !(1..=MOST_DOUBLINGS).contains(&doublings) {
            return wrong(
                "doublings",
                format!("{doublings} doublings"),
                format!("use 1 to {MOST_DOUBLINGS}"),
            );
        }
        if clusters < GROUPS {
            return wrong(
                "clusters",
                format!("{clusters} clusters"),
                format!("use at least {GROUPS}"),
            );
        }
        Ok(Leath {
            crystal,
            element,
            occupation,
            doublings,
            clusters,
        })
    }

    /// Occupation at which the clusters are grown.
    pub fn occupation(&self) -> f64 {
        self.occupation
    }

    /// Clusters are followed up to `2^doublings` sites.
    pub fn doublings(&self) -> u32 {
        self.doublings
    }

    /// Sites or bonds.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Dimension of space.
    pub fn dimension(&self) -> usize {
        self.crystal.dimension
    }

    /// Number of clusters.
    pub fn clusters(&self) -> usize {
        self.clusters
    }

    /// Largest number of sites whose state is remembered: in site percolation the empty neighbours too.
    fn remembered(&self) -> u64 {
        let sites = 1u64 << self.doublings;
        match self.element {
            Element::Site => (sites as f64 / self.occupation) as u64 + 1,
            Element::Bond => sites,
        }
    }

    /// Peak memory.
    pub fn bytes(&self) -> u64 {
        let sites = 1u64 << self.doublings;
        Visited::bytes(self.remembered()) + 8 * sites + 16 * self.clusters as u64
    }

    /// Rough mean number of sites of a cluster at the threshold, `s^(3 - tau)` at `s = 2^doublings`; for estimates of effort.
    pub fn mean_size(dimension: usize, doublings: u32) -> f64 {
        let tau = exponents(dimension).map_or(2.0, |e| e.tau.value);
        ((3.0 - tau) * f64::from(doublings)).exp2()
    }

    /// Seconds on one core.
    pub fn seconds(&self) -> f64 {
        let sites = self.clusters as f64 * Self::mean_size(self.dimension(), self.doublings);
        sites * self.crystal.coordination() as f64 / RATE
    }

    /// Numbers of 32 random bits below it occupy.
    fn cut(&self) -> u32 {
        (self.occupation * TWO_32) as u32
    }

    /// Grows the clusters one after the other in the order of the stream.
    ///
    /// # Errors
    /// `Unconverged` if a cluster leaves the range of the packed coordinates (`+-2^(62/d - 2)` cells); `Interrupted` when the user
    /// asked to stop.
    pub fn grow(&self, rng: &mut Stream) -> Result<Survival> {
        let walk = Walk::new(&self.crystal);
        let mut visited = Visited::new();
        let mut queue = Vec::new();
        // What a comparison of 32 random bits makes of p.
        let occupation = f64::from(self.cut()) / TWO_32;
        let mut survival = Survival::new(occupation, self.doublings, GROUPS);
        for group in 0..GROUPS {
            // Groups of equal size, but for the last ones of a number that is no multiple.
            let count = (self.clusters + group) / GROUPS;
            for cluster in 0..count {
                if cluster % 64 == 0 {
                    interrupt::check()?;
                }
                let mut reached = |tested| survival.reached(group, tested);
                self.one(&walk, &mut visited, &mut queue, rng, &mut reached)?;
                survival.ended(group);
            }
        }
        Ok(survival)
    }

    /// One cluster; `reached` is told the number of elements tested when it reaches 2, 4, 8, ... sites.
    fn one(
        &self,
        walk: &Walk,
        visited: &mut Visited,
        queue: &mut Vec<u64>,
        rng: &mut Stream,
        reached: &mut impl FnMut(u32),
    ) -> Result<()> {
        let cut = self.cut();
        let largest = 1usize << self.doublings;
        let (mut tested, mut next, mut level) = (0, 0, 2);
        visited.clear();
        queue.clear();
        visited.insert(walk.origin());
        queue.push(walk.origin());
        while let Some(&site) = queue.get(next) {
            next += 1;
            for &step in walk.steps(site) {
                let neighbour = site.wrapping_add(step);
                let is_new = match self.element {
                    Element::Site => visited.insert(neighbour),
                    Element::Bond => !visited.contains(neighbour),
                };
                if !is_new {
                    continue;
                }
                tested += 1;
                if rng.next_u32() >= cut {
                    continue;
                }
                if self.element == Element::Bond {
                    visited.insert(neighbour);
                }
                walk.check(neighbour)?;
                queue.push(neighbour);
                if queue.len() == level {
                    reached(tested);
                    level *= 2;
                    if queue.len() == largest {
                        return Ok(());
                    }
                }
            }
        }
        Ok(())
    }
}
