//! Sites of an infinite crystal packed into 64 bits: a field per coordinate of the cell, and the site within the cell.

use crate::error::{Error, Result};
use crate::percolation::Crystal;

/// Steps to the neighbours as differences of packed sites.
#[derive(Debug)]
pub(super) struct Walk {
    /// By site of the cell.
    steps: Vec<Vec<u64>>,
    basis_mask: u64,
    origin: u64,
    /// The highest bit of every coordinate: set once it has left its range.
    guard: u64,
    reach: u64,
}

impl Walk {
    pub(super) fn new(crystal: &Crystal) -> Walk {
        let basis_bits = usize::BITS - (crystal.basis - 1).leading_zeros();
        let bits = ((63 - basis_bits) / crystal.dimension as u32).min(31);
        let shift = |axis: usize| basis_bits + bits * axis as u32;
        let per_axis = |bit: u32| {
            (0..crystal.dimension).fold(0u64, |all, axis| all | 1 << (shift(axis) + bit))
        };
        let mut steps = vec![Vec::new(); crystal.basis];
        for bond in &crystal.bonds {
            let cells = bond.offset.iter().enumerate();
            let cell = cells.fold(0u64, |sum, (axis, &by)| {
                sum.wrapping_add((i64::from(by) << shift(axis)) as u64)
            });
            let step = cell.wrapping_add((bond.to as u64).wrapping_sub(bond.from as u64));
            steps[bond.from].push(step);
            steps[bond.to].push(step.wrapping_neg());
        }
        Walk {
            steps,
            basis_mask: (1 << basis_bits) - 1,
            origin: per_axis(bits - 2),
            guard: per_axis(bits - 1),
            reach: 1 << (bits - 2),
        }
    }

    pub(super) fn origin(&self) -> u64 {
        self.origin
    }

    pub(super) fn steps(&self, site: u64) -> &[u64] {
        &self.steps[(site & self.basis_mask) as usize]
    }

    pub(super) fn check(&self, site: u64) -> Result<()> {
        match site & self.guard {
            0 => Ok(()),
            _ => Err(Error::unconverged(
                "growth of a cluster",
                format!("it reaches further than {} cells", self.reach),
                "choose fewer doublings",
            )),
        }
    }
}
