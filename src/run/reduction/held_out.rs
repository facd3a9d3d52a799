//! The sampling error of held-out samples that all cells share, in a reduced value.

use crate::compare::{Blocks, Cell, Reduced, Sampling, TestSet};
use nalgebra::DMatrix;

/// On which test samples a reduced measurement and a theory stand. Where all cells share their held-out samples, each
/// block is left out of all cells at once and the values are reduced anew (delete-one jackknife): what moves all cells
/// alike does not move a slope or an exponent.
pub(super) fn shared(
    sets: &[TestSet],
    networks: Option<&[Cell]>,
    reduced: &dyn Fn(&[Cell]) -> std::result::Result<Reduced, String>,
) -> TestSet {
    let samplings: Option<Vec<&Sampling>> = sets
        .iter()
        .map(|set| match set {
            TestSet::Sampled(sampling) => Some(sampling),
            _ => None,
        })
        .collect();
    let (Some(samplings), Some(networks)) = (samplings, networks) else {
        let other = sets.iter().find(|s| !matches!(s, TestSet::Sampled(_)));
        return other.cloned().unwrap_or_default();
    };
    let first = samplings[0];
    let unknown = TestSet::Unknown {
        samples: first.samples,
    };
    let same = |s: &&Sampling| (s.samples, s.blocks) == (first.samples, first.blocks);
    if !samplings.iter().all(same) {
        return unknown;
    }
    let blocks = first.blocks as f64;
    let without = |b: usize| -> Option<Vec<f64>> {
        let cells = networks.iter().zip(&samplings).map(|(cell, sampling)| {
            let points = cell.blocks.points();
            let share = sampling.shares.columns(b * points, points);
            let values = &cell.blocks.values - share * (blocks / (blocks - 1.0));
            let blocks = Blocks {
                values,
                ..cell.blocks.clone()
            };
            Cell::new(cell.x, blocks)
        });
        let estimate = reduced(&cells.collect::<Vec<_>>()).ok()?.estimate;
        estimate.iter().all(|v| v.is_finite()).then_some(estimate)
    };
    let Some(left_out) = (0..first.blocks).map(without).collect::<Option<Vec<_>>>() else {
        return unknown;
    };
    let points = left_out[0].len();
    let mean = |k: usize| left_out.iter().map(|g| g[k]).sum::<f64>() / blocks;
    let shares = left_out.iter().flat_map(|g| {
        let share = |k: usize| (mean(k) - g[k]) * (blocks - 1.0) / blocks;
        (0..points).map(share).collect::<Vec<_>>()
    });
    TestSet::Sampled(Sampling {
        shares: DMatrix::from_row_iterator(1, first.blocks * points, shares),
        ..*first
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::reductions::{Slope, reduce};
    use crate::experiment::DrawIndex;
    use crate::numerics::random::{normal_matrix, stream};

    /// For a reduction that is linear in the values, leaving blocks out gives that of the shares: of a slope over x = 1
    /// and 3, half the difference of the cells' mean shares. What both cells have in common drops out.
    #[test]
    fn shares_of_a_slope_are_the_slope_of_the_shares() {
        let (draws, blocks) = (5, 8);
        let cell = |seed: u64, x: f64| {
            let values = normal_matrix(&mut stream(seed, "values", &[]), draws, 1);
            let raw = normal_matrix(&mut stream(seed, "shares", &[]), draws, blocks);
            let shares = DMatrix::from_fn(draws, blocks, |r, b| raw[(r, b)] - raw.row(r).mean());
            let rows: Vec<(DrawIndex, Vec<f64>)> = (0..draws)
                .map(|dataset| {
                    let index = DrawIndex {
                        dataset,
                        replica: 0,
                    };
                    (index, vec![values[dataset]])
                })
                .collect();
            let sampling = Sampling {
                samples: 80,
                blocks,
                shares,
                population: Some(400),
            };
            let blocks = Blocks::from_draws(&rows).unwrap();
            (Cell::new(x, blocks), TestSet::Sampled(sampling))
        };
        let ((one, first), (three, second)) = (cell(1, 1.0), cell(2, 3.0));
        let slope = |cells: &[Cell]| {
            let mut parts = reduce(&Slope {}, cells, &[]).map_err(|e| e.to_string())?;
            Ok(parts.remove(0))
        };
        let found = |networks: &[Cell], sets: &[TestSet]| match shared(sets, Some(networks), &slope)
        {
            TestSet::Sampled(found) => found,
            other => panic!("{other:?}"),
        };
        let networks = [one.clone(), three.clone()];
        let of_slope = found(&networks, &[first.clone(), second.clone()]);
        let (TestSet::Sampled(a), TestSet::Sampled(b)) = (&first, &second) else {
            panic!("not sampled");
        };
        for block in 0..blocks {
            let exact = 0.5 * (b.shares.column(block).mean() - a.shares.column(block).mean());
            assert!((of_slope.shares[(0, block)] - exact).abs() < 1e-12);
        }
        assert_eq!((of_slope.samples, of_slope.population), (80, Some(400)));
        let common = found(&networks, &[first.clone(), first.clone()]);
        assert!(common.total() < 1e-25);
        // Of theories on the same samples, and of cells with other samples, nothing is made up.
        let same = TestSet::Same { samples: 80 };
        let mixed = shared(&[same.clone(), first.clone()], Some(&networks), &slope);
        assert_eq!(mixed, same);
        let TestSet::Sampled(mut other) = second else {
            return;
        };
        other.samples = 81;
        let unknown = shared(&[first, TestSet::Sampled(other)], Some(&networks), &slope);
        assert_eq!(unknown, TestSet::Unknown { samples: 80 });
    }
}
