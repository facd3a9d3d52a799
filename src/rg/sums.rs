//! Sums over the levels of a spectrum: blocked, vectorised, and the same bits for every number of threads.

use super::spectrum::Spectrum;
use crate::numerics::simd::vectorised;
use rayon::prelude::*;
use std::ops::Range;

/// Modes in one block of a sum.
const BLOCK: usize = 1024;
/// Modes that one thread sums at a time.
const GROUP: usize = 64 * BLOCK;

impl Spectrum {
    /// `sum f(eigenvalue, multiplicity, target)` over the levels: from the smallest eigenvalue up, in blocks of 1024
    /// levels with eight lanes each, so that rounding stays at a few units of the last place for a million modes.
    /// Groups of blocks are shared among threads and summed in order: the bits do not depend on their number.
    #[inline(always)]
    pub(super) fn head_sum<const N: usize>(
        &self,
        f: impl Fn(f64, f64, f64) -> [f64; N] + Sync,
    ) -> [f64; N] {
        let group = |g: usize| {
            vectorised(
                #[inline(always)]
                || {
                    let mut total = [0.0; N];
                    let end = ((g + 1) * GROUP).min(self.len());
                    for b in (g * GROUP / BLOCK..end.div_ceil(BLOCK)).rev() {
                        let block = self.block(b * BLOCK..((b + 1) * BLOCK).min(end), &f);
                        for n in 0..N {
                            total[n] += block[n];
                        }
                    }
                    total
                },
            )
        };
        let groups = self.len().div_ceil(GROUP);
        let parts: Vec<[f64; N]> = match groups {
            1 => return group(0),
            _ => (0..groups).into_par_iter().map(group).collect(),
        };
        let mut total = [0.0; N];
        for part in parts.iter().rev() {
            for n in 0..N {
                total[n] += part[n];
            }
        }
        total
    }

    #[inline(always)]
    fn block<const N: usize>(
        &self,
        range: Range<usize>,
        f: &impl Fn(f64, f64, f64) -> [f64; N],
    ) -> [f64; N] {
        let (lam, target) = (
            &self.eigenvalues[range.clone()],
            &self.targets[range.clone()],
        );
        match &self.multiplicities {
            None => lanes(
                lam,
                target,
                target,
                #[inline(always)]
                |lam, _, target| f(lam, 1.0, target),
            ),
            Some(mult) => lanes(lam, &mult[range], target, f),
        }
    }
}

#[inline(always)]
fn lanes<const N: usize>(
    lam: &[f64],
    mult: &[f64],
    target: &[f64],
    f: impl Fn(f64, f64, f64) -> [f64; N],
) -> [f64; N] {
    let mut sums = [[0.0; 8]; N];
    let (lam, lam_rest) = lam.as_chunks::<8>();
    let (mult, mult_rest) = mult.as_chunks::<8>();
    let (target, target_rest) = target.as_chunks::<8>();
    for ((lam, mult), target) in lam.iter().zip(mult).zip(target) {
        for l in 0..8 {
            let terms = f(lam[l], mult[l], target[l]);
            for n in 0..N {
                sums[n][l] += terms[n];
            }
        }
    }
    for (l, &lam) in lam_rest.iter().enumerate() {
        let terms = f(lam, mult_rest[l], target_rest[l]);
        for n in 0..N {
            sums[n][l] += terms[n];
        }
    }
    sums.map(|lanes| lanes.iter().sum())
}
