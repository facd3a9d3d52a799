//! Block values: what a measurement is, once its draws are sorted into independent blocks.

use crate::error::{Error, Result};
use crate::experiment::DrawIndex;
use crate::numerics::statistics::{Jackknife, jackknife, mean_stderr};
use nalgebra::DMatrix;
use std::collections::BTreeMap;
use std::ops::Range;

/// Most blocks that are kept; more draws are merged.
pub const MAX_BLOCKS: usize = 256;

/// The level of randomness whose draws are the blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Quenched data sets, each averaged over its replicas.
    Datasets,
    /// Initialisations and training noise on one data set.
    Replicas,
    /// Independent repeats of a Monte Carlo theory that stands beside another theory.
    Repeats,
}

impl Level {
    /// `datasets` or `replicas`, as under `[measure]`, or `repeats`.
    pub fn name(self) -> &'static str {
        match self {
            Level::Datasets => "datasets",
            Level::Replicas => "replicas",
            Level::Repeats => "repeats",
        }
    }
}

/// Values per independent block: rows are blocks, columns are points.
///
/// Blocks are the draws of the outermost level with more than one draw: with several data sets, the replicas of each are
/// averaged first; with one data set the replicas are the blocks, and every statement is about this data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Blocks {
    /// `n x points`; not-a-number where a block does not define the point.
    pub values: DMatrix<f64>,
    /// What distinguishes the blocks from each other.
    pub level: Level,
    /// Distinct data sets behind the blocks.
    pub datasets: usize,
    /// All draws behind the blocks.
    pub draws: usize,
}

impl Blocks {
    /// Sorts per-draw values (equal lengths) into blocks; the order of `draws` is irrelevant.
    ///
    /// Above [`MAX_BLOCKS`] outermost draws, consecutive ones are merged into blocks whose sizes differ by at most one.
    /// A draw that does not define a point leaves its whole block undefined there.
    pub fn from_draws(draws: &[(DrawIndex, Vec<f64>)]) -> Result<Blocks> {
        let points = draws.first().map_or(0, |d| d.1.len());
        if points == 0 || draws.iter().any(|d| d.1.len() != points) {
            return Err(Error::bug(
                "blocks",
                "no draws, no points or unequal numbers of points",
            ));
        }
        let mut groups: BTreeMap<usize, BTreeMap<usize, &[f64]>> = BTreeMap::new();
        for (index, values) in draws {
            groups
                .entry(index.dataset)
                .or_default()
                .insert(index.replica, values);
        }
        let datasets = groups.len();
        let (level, rows): (Level, Vec<Vec<f64>>) = if datasets > 1 {
            let average = |g: &BTreeMap<usize, &[f64]>| average(g.values().copied(), points);
            (Level::Datasets, groups.values().map(average).collect())
        } else {
            let replicas = groups.values().flat_map(|g| g.values());
            (Level::Replicas, replicas.map(|v| v.to_vec()).collect())
        };
        let n = block_count(rows.len());
        let mut values = DMatrix::zeros(n, points);
        for b in 0..n {
            let merged = &rows[block_rows(b, rows.len())];
            let mean = average(merged.iter().map(|v| v.as_slice()), points);
            values.row_mut(b).copy_from_slice(&mean);
        }
        Ok(Blocks {
            values,
            level,
            datasets,
            draws: draws.len(),
        })
    }

    /// One row for a quantity that no draw enters: a theory that conditions on nothing.
    pub fn fixed(values: &[f64]) -> Blocks {
        Blocks {
            values: DMatrix::from_row_slice(1, values.len(), values),
            level: Level::Replicas,
            datasets: 1,
            draws: 1,
        }
    }

    /// Independent repeats of a Monte Carlo theory, one row each.
    pub fn repeated(repeats: DMatrix<f64>) -> Blocks {
        Blocks {
            values: repeats,
            level: Level::Repeats,
            datasets: 1,
            draws: 1,
        }
    }

    /// A single row as often as `other` has rows, to be paired with them.
    pub(super) fn spread_over(&self, other: &Blocks) -> Blocks {
        let values = DMatrix::from_fn(other.n(), self.points(), |_, k| self.values[(0, k)]);
        Blocks {
            values,
            ..other.clone()
        }
    }

    /// Number of blocks.
    pub fn n(&self) -> usize {
        self.values.nrows()
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.values.ncols()
    }

    /// Mean over blocks of each point.
    pub fn mean(&self) -> Vec<f64> {
        let columns = self.values.column_iter();
        columns.map(|c| c.sum() / self.n() as f64).collect()
    }

    /// Standard error of each mean; `None` with one block (the statement is then "for this draw").
    pub fn stderr(&self) -> Option<Vec<f64>> {
        let columns = self.values.column_iter();
        columns.map(|c| mean_stderr(c.as_slice()).1).collect()
    }

    /// Whether every block defines point `k`.
    pub fn defined(&self, k: usize) -> bool {
        self.values.column(k).iter().all(|v| v.is_finite())
    }

    /// `self - other` block by block (paired); one row of `other` serves all blocks.
    pub fn minus(&self, other: &Blocks) -> Result<Blocks> {
        let paired = other.n() == self.n() && (other.n() == 1 || other.level == self.level);
        if other.points() != self.points() || !(paired || other.n() == 1) {
            return Err(Error::bug(
                "blocks",
                format!(
                    "{} x {} blocks of {} cannot be paired with {} x {} of {}",
                    self.n(),
                    self.points(),
                    self.level.name(),
                    other.n(),
                    other.points(),
                    other.level.name()
                ),
            ));
        }
        let row = |r: usize| if other.n() == 1 { 0 } else { r };
        let values = DMatrix::from_fn(self.n(), self.points(), |r, k| {
            self.values[(r, k)] - other.values[(row(r), k)]
        });
        Ok(Blocks {
            values,
            ..self.clone()
        })
    }

    /// The chosen points (columns) alone.
    pub fn select(&self, points: &[usize]) -> Blocks {
        Blocks {
            values: self.values.select_columns(points),
            ..self.clone()
        }
    }

    /// A function of the block means with its jackknife error; its pseudo-values are blocks again (`Blocks { values, .. }`).
    pub fn jackknife(&self, f: impl Fn(&[f64]) -> Vec<f64>) -> Jackknife {
        jackknife(&self.values, f)
    }
}

/// Number of blocks of so many rows.
pub(super) fn block_count(rows: usize) -> usize {
    rows / rows.div_ceil(MAX_BLOCKS).max(1)
}

/// Rows of a block.
pub(super) fn block_rows(block: usize, rows: usize) -> Range<usize> {
    let n = block_count(rows);
    block * rows / n..(block + 1) * rows / n
}

/// Block of a row.
pub(super) fn block_of(row: usize, rows: usize) -> usize {
    ((row + 1) * block_count(rows)).div_ceil(rows) - 1
}

/// Mean of rows; exact (no rounding) for a single row.
pub(super) fn average<'a>(rows: impl Iterator<Item = &'a [f64]>, points: usize) -> Vec<f64> {
    let mut sum = vec![0.0; points];
    let mut count = 0.0;
    for row in rows {
        sum.iter_mut().zip(row).for_each(|(s, v)| *s += v);
        count += 1.0;
    }
    sum.into_iter().map(|s| s / count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(dataset: usize, replica: usize, values: &[f64]) -> (DrawIndex, Vec<f64>) {
        (DrawIndex { dataset, replica }, values.to_vec())
    }

    #[test]
    fn the_outermost_level_with_several_draws_makes_the_blocks() {
        let both = Blocks::from_draws(&[
            draw(1, 0, &[5.0]),
            draw(0, 1, &[3.0]),
            draw(0, 0, &[1.0]),
            draw(1, 1, &[7.0]),
        ])
        .unwrap();
        assert_eq!((both.level, both.n(), both.draws), (Level::Datasets, 2, 4));
        assert_eq!(both.values.as_slice(), [2.0, 6.0]);
        let one = Blocks::from_draws(&[draw(0, 1, &[3.0]), draw(0, 0, &[1.0])]).unwrap();
        assert_eq!((one.level, one.n()), (Level::Replicas, 2));
        assert_eq!(one.values.as_slice(), [1.0, 3.0]);
        assert_eq!((one.mean(), one.stderr()), (vec![2.0], Some(vec![1.0])));
    }

    #[test]
    fn many_draws_merge_into_at_most_256_blocks_without_losing_one() {
        for n in [256, 257, 300, 512, 1000] {
            let draws: Vec<_> = (0..n).map(|r| draw(0, r, &[1.0, r as f64])).collect();
            let blocks = Blocks::from_draws(&draws).unwrap();
            assert!(blocks.n() <= MAX_BLOCKS && blocks.n() >= MAX_BLOCKS / 2);
            assert_eq!(blocks.draws, n);
            let first = blocks.values.column(1).min();
            let last = blocks.values.column(1).max();
            assert!(first < 2.0 && last > n as f64 - 4.0);
        }
    }

    #[test]
    fn every_row_is_in_the_block_that_holds_it() {
        for rows in [1, 2, 255, 256, 257, 300, 511, 512, 513, 1000, 4097] {
            for row in 0..rows {
                assert!(block_rows(block_of(row, rows), rows).contains(&row));
            }
        }
    }

    #[test]
    fn one_draw_has_no_error_and_a_missing_value_undefines_its_point() {
        let one = Blocks::from_draws(&[draw(0, 0, &[1.0, f64::NAN])]).unwrap();
        assert_eq!(one.stderr(), None);
        assert!(one.defined(0) && !one.defined(1));
        assert!(Blocks::from_draws(&[]).is_err());
        assert!(Blocks::from_draws(&[draw(0, 0, &[1.0]), draw(0, 1, &[1.0, 2.0])]).is_err());
    }

    #[test]
    fn differences_are_paired_or_against_one_row() {
        let a = Blocks::from_draws(&[draw(0, 0, &[1.0]), draw(0, 1, &[3.0])]).unwrap();
        assert_eq!(a.minus(&a).unwrap().values.as_slice(), [0.0, 0.0]);
        let fixed = a.minus(&Blocks::fixed(&[1.0])).unwrap();
        assert_eq!(fixed.values.as_slice(), [0.0, 2.0]);
        let three = Blocks::from_draws(&[0, 1, 2].map(|r| draw(0, r, &[0.0]))).unwrap();
        assert!(a.minus(&three).is_err());
    }
}
