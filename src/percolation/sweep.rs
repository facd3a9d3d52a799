//! The sweep of Newman and Ziff: elements occupied one by one in random order, every observable at every number of occupied elements.
//!
//! Source: Newman & Ziff, PRL 85, 4104 (2000), cond-mat/0005264; PRE 64, 016706 (2001). Wrapping by winding vectors: Machta et al., PRE 54,
//! 1332 (1996). Cost `O(M alpha(M))` per sweep.

use super::element::Element;
use super::forest::{Forest, Joined};
use super::network::Network;
use super::onset::Onset;
use super::permutation::permutation;
use super::winding::{Span, Winding};
use crate::error::{Error, Result};
use crate::numerics::prefetch::prefetch;
use crate::numerics::random::Stream;

/// Sites above which memory is asked for ahead, and by how many elements.
const CACHE: usize = 1 << 12;
const AHEAD: usize = 6;

/// Clusters after `n` elements have been occupied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct State {
    /// Size `s_max` of the largest cluster.
    pub largest: u32,
    /// `sum_i s_i^2` over all clusters.
    pub squares: u64,
    /// Number of clusters.
    pub clusters: u32,
}

/// Sees every state of a sweep.
pub trait Watch {
    /// Called with `n = 0, 1, ..., M`.
    fn at(&mut self, n: usize, state: &State);
}

/// Sees nothing: for sweeps of which only the onsets count.
impl Watch for () {
    fn at(&mut self, _n: usize, _state: &State) {}
}

impl<F: FnMut(usize, &State)> Watch for F {
    fn at(&mut self, n: usize, state: &State) {
        self(n, state);
    }
}

/// What is followed through a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Follow {
    /// Winding on a torus, spanning on an open lattice: [`Onset`].
    pub onset: bool,
    /// Stop as soon as every onset has happened.
    pub only_onset: bool,
}

/// Repeated sweeps over one network; the buffers are kept.
#[derive(Debug)]
pub struct Sweeper<'a> {
    network: &'a Network,
    element: Element,
    follow: Follow,
    forest: Forest,
    order: Vec<u32>,
    /// Faces that each cluster touches, bit `2 k + side`, at its root; for open lattices alone.
    touches: Vec<u32>,
    /// Occupied neighbours of a site.
    present: Vec<u32>,
    /// Windings of the clusters that wrap, by root.
    wrapped: Vec<(usize, Span)>,
}

impl<'a> Sweeper<'a> {
    /// Sweeps of sites or bonds.
    pub fn new(network: &'a Network, element: Element, follow: Follow) -> Self {
        let sites = network.sites();
        let spans = follow.onset && !network.faces().is_empty();
        Sweeper {
            network,
            element,
            follow,
            forest: Forest::new(sites, follow.onset && network.is_torus()),
            order: Vec::new(),
            touches: vec![0; if spans { sites } else { 0 }],
            wrapped: Vec::new(),
            present: vec![0; network.degree() + 1],
        }
    }

    /// Number `M` of elements.
    pub fn elements(&self) -> usize {
        match self.element {
            Element::Site => self.network.sites(),
            Element::Bond => self.network.bonds().len(),
        }
    }

    /// Bytes of the buffers, beside the network.
    pub fn bytes(sites: u64, elements: u64, torus: bool, follow: Follow) -> u64 {
        Forest::bytes(sites as usize, follow.onset && torus) + 4 * elements + 4 * sites
    }

    /// One sweep in the order drawn from `rng`.
    ///
    /// # Errors
    /// `Unconverged` if a cluster winds so often around the torus without closing that its winding does not fit.
    pub fn run(&mut self, rng: &mut Stream, watch: &mut impl Watch) -> Result<Onset> {
        let mut order = std::mem::take(&mut self.order);
        permutation(self.elements(), rng, &mut order);
        let onset = self.run_in_order(&order, watch);
        self.order = order;
        onset
    }

    /// One sweep in a given order of the elements (or of the first of them).
    ///
    /// # Errors
    /// As for [`Sweeper::run`].
    pub fn run_in_order(&mut self, order: &[u32], watch: &mut impl Watch) -> Result<Onset> {
        let sites = self.network.sites();
        let mut state = State::default();
        self.forest.reset(self.element == Element::Bond);
        self.wrapped.clear();
        if self.element == Element::Bond {
            state = State {
                largest: sites.min(1) as u32,
                squares: sites as u64,
                clusters: sites as u32,
            };
        }
        self.touches.fill(0);
        for (k, faces) in self.network.faces().iter().enumerate() {
            if self.touches.is_empty() {
                break;
            }
            for (side, face) in faces.iter().enumerate() {
                for &site in face {
                    self.touches[site as usize] |= 1 << (2 * k + side);
                }
            }
        }
        let mut onset = Onset::new(self.network.packing().dimension(), self.network.is_torus());
        watch.at(0, &state);
        let mut tracking =
            self.follow.onset && (self.network.is_torus() || !self.touches.is_empty());
        let ahead = self.network.sites() > CACHE;
        for (k, &element) in order.iter().enumerate() {
            let n = k + 1;
            let element = element as usize;
            if ahead {
                self.ask(order, k);
            }
            match (self.element, tracking) {
                (Element::Site, false) => self.site(element, &mut state),
                (Element::Bond, false) => {
                    let [a, b] = self.network.bonds()[element];
                    self.join(a as usize, b as usize, &mut state);
                }
                (Element::Site, true) => self.tracked_site(element, n, &mut state, &mut onset)?,
                (Element::Bond, true) => {
                    let [a, b] = self.network.bonds()[element];
                    let step = self.network.crossing(element);
                    self.tracked(a as usize, b as usize, step, n, &mut state, &mut onset)?;
                }
            }
            if tracking && onset.is_complete() {
                tracking = false;
                if self.follow.only_onset {
                    break;
                }
            }
            watch.at(n, &state);
        }
        Ok(onset)
    }

    /// Asks for the memory of the elements after the `k`-th: first the tables, then the clusters they name.
    #[inline(always)]
    fn ask(&self, order: &[u32], k: usize) {
        let (later, soon) = (order.get(k + 2 * AHEAD), order.get(k + AHEAD));
        match self.element {
            Element::Site => {
                if let Some(&site) = later {
                    self.network.prefetch(site as usize);
                }
                for &other in soon.map_or(&[][..], |&s| self.network.neighbours(s as usize)) {
                    self.forest.prefetch(other as usize);
                }
            }
            Element::Bond => {
                if let Some(&bond) = later {
                    prefetch(self.network.bonds(), bond as usize);
                }
                for end in soon.map_or([0; 2], |&bond| self.network.bonds()[bond as usize]) {
                    self.forest.prefetch(end as usize);
                }
            }
        }
    }

    #[inline(always)]
    fn site(&mut self, site: usize, state: &mut State) {
        self.insert(site, state);
        let network = self.network;
        // Which neighbours are there cannot be foreseen: no branch depends on one alone.
        let mut count = 0;
        for &other in network.neighbours(site) {
            self.present[count] = other;
            count += usize::from(self.forest.is_present(other as usize));
        }
        let mut root = site;
        for &other in &self.present[..count] {
            let (top, [a, b]) = self.forest.absorb(root, other as usize);
            add(state, a, b);
            root = top;
        }
    }

    fn insert(&mut self, site: usize, state: &mut State) {
        self.forest.insert(site);
        state.squares += 1;
        state.clusters += 1;
        state.largest = state.largest.max(1);
    }

    #[inline(always)]
    fn join(&mut self, a: usize, b: usize, state: &mut State) {
        let a = self.forest.find(a);
        let (_, [a, b]) = self.forest.absorb(a, b);
        add(state, a, b);
    }

    fn tracked_site(
        &mut self,
        site: usize,
        n: usize,
        state: &mut State,
        onset: &mut Onset,
    ) -> Result<()> {
        self.insert(site, state);
        let network = self.network;
        if let Some(&touches) = self.touches.get(site) {
            onset.touches(n, touches);
        }
        for (&other, step) in network.neighbours(site).iter().zip(network.steps(site)) {
            if self.forest.is_present(other as usize) {
                self.tracked(site, other as usize, step, n, state, onset)?;
            }
        }
        Ok(())
    }

    fn tracked(
        &mut self,
        a: usize,
        b: usize,
        step: Winding,
        n: usize,
        state: &mut State,
        onset: &mut Onset,
    ) -> Result<()> {
        if !self.touches.is_empty() {
            let (ra, rb) = (self.forest.root(a), self.forest.root(b));
            if let Joined::Merged(size_a, size_b) = self.forest.join(ra, rb) {
                count(state, size_a, size_b);
                let touches = self.touches[ra] | self.touches[rb];
                self.touches[self.forest.root(ra)] = touches;
                onset.touches(n, touches);
            }
            return Ok(());
        }
        let roots = match self.wrapped.is_empty() {
            true => None,
            false => Some([self.forest.rooted(a).0, self.forest.rooted(b).0]),
        };
        let (root, joined) = self.forest.bond(a, b, step);
        match joined {
            Joined::Merged(size_a, size_b) => {
                count(state, size_a, size_b);
                if let Some(roots) = roots {
                    self.unite(root, roots, n, onset);
                }
            }
            Joined::Closed(0) => {}
            Joined::Closed(winding) => {
                let packing = self.network.packing();
                if packing.near_overflow(winding) {
                    return Err(Error::unconverged(
                        "wrapping of clusters",
                        "a cluster winds around the torus more often than can be counted",
                        "use a smaller lattice",
                    ));
                }
                let slot = self.span(root);
                self.wrapped[slot].1.add(packing.unpack(winding));
                onset.winds(n, &packing.unpack(winding));
                onset.rank(n, self.wrapped[slot].1.rank());
            }
        }
        Ok(())
    }

    /// Position of the windings of a root.
    fn span(&mut self, root: usize) -> usize {
        match self.wrapped.iter().position(|(r, _)| *r == root) {
            Some(slot) => slot,
            None => {
                self.wrapped.push((root, Span::default()));
                self.wrapped.len() - 1
            }
        }
    }

    /// The windings of two roots that became one.
    fn unite(&mut self, root: usize, roots: [usize; 2], n: usize, onset: &mut Onset) {
        let child = if roots[0] == root { roots[1] } else { roots[0] };
        let Some(slot) = self.wrapped.iter().position(|(r, _)| *r == child) else {
            return;
        };
        let (_, windings) = self.wrapped.swap_remove(slot);
        let slot = self.span(root);
        self.wrapped[slot].1.join(&windings);
        onset.rank(n, self.wrapped[slot].1.rank());
    }

    /// Size of the cluster of a site at the end of the last sweep; 0 for an empty site.
    pub fn size_at(&mut self, site: usize) -> u32 {
        if !self.forest.is_present(site) {
            return 0;
        }
        let root = self.forest.root(site);
        self.forest.size(root)
    }

    /// Sizes of the clusters at the end of the last sweep.
    pub fn sizes(&self) -> impl Iterator<Item = u32> {
        self.forest.sizes()
    }
}

/// As [`count`]; nothing was joined for `b = 0`.
#[inline(always)]
fn add(state: &mut State, a: u32, b: u32) {
    state.squares += 2 * u64::from(a) * u64::from(b);
    state.clusters -= u32::from(b > 0);
    state.largest = state.largest.max(a + b);
}

fn count(state: &mut State, a: u32, b: u32) {
    state.squares += 2 * u64::from(a) * u64::from(b);
    state.clusters -= 1;
    state.largest = state.largest.max(a + b);
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
