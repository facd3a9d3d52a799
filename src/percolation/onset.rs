//! When clusters first wrap around a torus, or span an open lattice, in the course of a sweep.

use super::crystal::MAX_DIMENSION;

/// Numbers of occupied elements at which something first happens; [`Onset::NEVER`] if it does not.
///
/// On a torus a cluster *wraps* along direction `k` when one of its closed paths has a winding vector with a component along `k`; on an
/// open lattice it *spans* it when it touches both faces. A configuration does so when one of its clusters does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onset {
    /// Along each direction.
    direction: [u32; MAX_DIMENSION],
    /// A cluster with as many independent windings as there are dimensions (on a torus alone).
    full_rank: u32,
    dimension: usize,
    torus: bool,
}

/// What is asked of a configuration.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// `R_x`: along the first direction, whatever else.
    X,
    /// Along the last direction.
    Last,
    /// `R_any`: along at least one direction.
    Any,
    /// `R_all`: along every direction.
    All,
    /// `R_1`: along the first direction and no other.
    Only,
    /// One cluster with as many independent winding vectors as dimensions (cross-wrapping in two dimensions).
    FullRank,
}

impl Onset {
    /// Did not happen.
    pub const NEVER: u32 = u32::MAX;

    pub(super) fn new(dimension: usize, torus: bool) -> Self {
        Onset {
            direction: [Self::NEVER; MAX_DIMENSION],
            full_rank: Self::NEVER,
            dimension,
            torus,
        }
    }

    pub(super) fn winds(&mut self, n: usize, vector: &[i64; MAX_DIMENSION]) {
        for (first, w) in self.direction.iter_mut().zip(vector) {
            if *w != 0 {
                *first = (*first).min(n as u32);
            }
        }
    }

    pub(super) fn rank(&mut self, n: usize, rank: usize) {
        if rank == self.dimension {
            self.full_rank = self.full_rank.min(n as u32);
        }
    }

    pub(super) fn touches(&mut self, n: usize, faces: u32) {
        for (k, first) in self.direction[..self.dimension].iter_mut().enumerate() {
            if faces >> (2 * k) & 3 == 3 {
                *first = (*first).min(n as u32);
            }
        }
    }

    pub(super) fn is_complete(&self) -> bool {
        let all = self.direction[..self.dimension]
            .iter()
            .all(|&n| n != Self::NEVER);
        all && (self.full_rank != Self::NEVER || !self.torus)
    }

    /// Along direction `k`.
    pub fn along(&self, k: usize) -> u32 {
        self.direction[k]
    }

    /// The numbers `[from, to)` of occupied elements at which the event holds.
    pub fn holds(&self, event: Event) -> [u32; 2] {
        let directions = &self.direction[..self.dimension];
        let extreme = |largest: bool| {
            let all = directions.iter().copied();
            if largest { all.max() } else { all.min() }.unwrap_or(Self::NEVER)
        };
        match event {
            Event::X => [directions[0], Self::NEVER],
            Event::Last => [directions[self.dimension - 1], Self::NEVER],
            Event::Any => [extreme(false), Self::NEVER],
            Event::All => [extreme(true), Self::NEVER],
            Event::FullRank => [self.full_rank, Self::NEVER],
            Event::Only => {
                let others = directions[1..].iter().copied().min();
                let to = others.unwrap_or(Self::NEVER);
                [directions[0].min(to), to]
            }
        }
    }
}
