//! Draws added into blocks as they arrive: sums and squares, so that any number of draws takes the memory of few.

use super::draws::{Blocks, Level, block_count, block_of, block_rows};
use crate::error::{Error, Result};
use nalgebra::DMatrix;
use std::collections::BTreeMap;

/// The draws of one observable in one cell, added into at most [`MAX_BLOCKS`](super::MAX_BLOCKS) blocks.
///
/// A row is a data set with its replicas where there are several data sets, else one replica. The block of a row depends
/// on its number alone, and within a block rows are added in the order of their numbers: what comes early waits for its
/// turn. So the bits depend neither on the order of arrival nor on the number of threads, and [`Stream::blocks`] gives
/// those of [`Blocks::from_draws`] of the same draws.
///
/// ```
/// use saddlepoint::compare::Stream;
/// let mut stream = Stream::new(1, 1000);
/// for row in (0..1000).rev() {
///     stream.add(row, &[vec![(row % 2) as f64]])?;
/// }
/// let blocks = stream.blocks()?;
/// assert!(blocks.n() <= 256 && (blocks.mean()[0] - 0.5).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    datasets: usize,
    replicas: usize,
    blocks: Vec<Sums>,
}

/// One block.
#[derive(Debug, Clone, Default)]
struct Sums {
    /// Rows that are added.
    rows: usize,
    /// Rows that came before their turn, by their number.
    early: BTreeMap<usize, Vec<Vec<f64>>>,
    /// Sum of the rows, each averaged over its replicas.
    sum: Vec<f64>,
    /// Draws that are added.
    draws: f64,
    /// Mean of the draws, and the sum of their squared distances from it (Welford).
    mean: Vec<f64>,
    squares: Vec<f64>,
}

impl Sums {
    fn add(&mut self, replicas: &[Vec<f64>]) {
        let points = replicas[0].len();
        if self.rows == 0 {
            (self.sum, self.mean, self.squares) =
                (vec![0.0; points], vec![0.0; points], vec![0.0; points]);
        }
        let row = super::draws::average(replicas.iter().map(Vec::as_slice), points);
        self.sum.iter_mut().zip(&row).for_each(|(s, v)| *s += v);
        for draw in replicas {
            self.draws += 1.0;
            let moments = self.mean.iter_mut().zip(&mut self.squares);
            for ((mean, squares), v) in moments.zip(draw) {
                let before = v - *mean;
                *mean += before / self.draws;
                *squares += before * (v - *mean);
            }
        }
        self.rows += 1;
    }
}

impl Stream {
    /// For all draws of a cell with these numbers of data sets and replicas.
    pub fn new(datasets: usize, replicas: usize) -> Self {
        let mut stream = Stream {
            datasets,
            replicas,
            blocks: Vec::new(),
        };
        let blocks = block_count(stream.rows());
        stream.blocks.resize_with(blocks, Sums::default);
        stream
    }

    fn rows(&self) -> usize {
        match self.datasets {
            1 => self.replicas,
            n => n,
        }
    }

    /// Adds row number `row`, counted from 0: the values of all replicas of a data set, or those of one replica.
    ///
    /// # Errors
    /// `Bug` for a row that is not of the cell, came before, or has another number of replicas or points.
    pub fn add(&mut self, row: usize, replicas: &[Vec<f64>]) -> Result<()> {
        let wrong = |what: &str| Err(Error::bug("stream", format!("row {row} {what}")));
        let expected = if self.datasets == 1 { 1 } else { self.replicas };
        let points = replicas.first().map_or(0, Vec::len);
        let rows = self.rows();
        if row >= rows {
            return wrong("is not of the cell");
        }
        let index = block_of(row, rows);
        let first = block_rows(index, rows).start;
        let block = &mut self.blocks[index];
        let differs = block.rows > 0 && block.sum.len() != points;
        if replicas.len() != expected || differs || replicas.iter().any(|r| r.len() != points) {
            return wrong("has another number of replicas or points");
        }
        if row < first + block.rows || block.early.contains_key(&row) {
            return wrong("came before");
        }
        if row > first + block.rows {
            block.early.insert(row, replicas.to_vec());
            return Ok(());
        }
        block.add(replicas);
        while let Some(next) = block.early.remove(&(first + block.rows)) {
            block.add(&next);
        }
        Ok(())
    }

    /// Rows that wait for their turn.
    pub fn waiting(&self) -> usize {
        self.blocks.iter().map(|b| b.early.len()).sum()
    }

    /// The means of the blocks.
    ///
    /// # Errors
    /// `Bug` where rows are missing.
    pub fn blocks(&self) -> Result<Blocks> {
        self.of_blocks(|b, k| b.sum[k] / b.rows as f64, 1)
    }

    /// Means of the draws and of their squares in every block, about the mean of the cell; see
    /// [`primitives`](super::reductions::primitives). The squares are those of single draws, not of block means.
    ///
    /// # Errors
    /// `Bug` where rows are missing.
    pub fn primitives(&self) -> Result<Blocks> {
        let centre = self.blocks()?.mean();
        let points = centre.len();
        let of = |b: &Sums, k: usize| {
            let off = b.sum[k % points] / b.rows as f64 - centre[k % points];
            match k < points {
                true => off,
                false => b.squares[k - points] / b.draws + off * off,
            }
        };
        self.of_blocks(of, 2)
    }

    fn of_blocks(&self, value: impl Fn(&Sums, usize) -> f64, times: usize) -> Result<Blocks> {
        let rows = self.rows();
        let points = self.blocks.first().map_or(0, |b| b.sum.len());
        let complete = |(index, b): (usize, &Sums)| {
            b.rows == block_rows(index, rows).len() && b.sum.len() == points
        };
        if points == 0 || !self.blocks.iter().enumerate().all(complete) {
            return Err(Error::bug("stream", "rows are missing"));
        }
        Ok(Blocks {
            values: DMatrix::from_fn(self.blocks.len(), times * points, |b, k| {
                value(&self.blocks[b], k)
            }),
            level: match self.datasets {
                1 => Level::Replicas,
                _ => Level::Datasets,
            },
            datasets: self.datasets,
            draws: self.datasets * self.replicas,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::reductions::primitives;
    use crate::experiment::DrawIndex;
    use crate::numerics::random::{normal_matrix, stream};

    /// Draws of a cell at two points: a normal number with mean 5 and deviation 2, and one that is far from 0.
    fn draws(datasets: usize, replicas: usize) -> Vec<(DrawIndex, Vec<f64>)> {
        let normal = normal_matrix(&mut stream(9, "stream", &[]), 2, datasets * replicas);
        (0..datasets * replicas)
            .map(|k| {
                let (dataset, replica) = (k / replicas, k % replicas);
                let values = vec![5.0 + 2.0 * normal[(0, k)], 1e6 + normal[(1, k)]];
                (DrawIndex { dataset, replica }, values)
            })
            .collect()
    }

    /// Adds all rows, each `step` after the one before.
    fn added(draws: &[(DrawIndex, Vec<f64>)], replicas: usize, step: usize) -> Stream {
        let mut all = Stream::new(draws.len() / replicas, replicas);
        let each = if all.datasets == 1 { 1 } else { replicas };
        let rows = draws.len() / each;
        for k in 0..rows {
            let row = k * step % rows;
            let of_row = &draws[row * each..(row + 1) * each];
            let values: Vec<_> = of_row.iter().map(|d| d.1.clone()).collect();
            all.add(row, &values).unwrap();
        }
        assert_eq!(all.waiting(), 0);
        all
    }

    #[test]
    fn blocks_are_those_of_all_draws_to_the_bit_in_any_order() {
        for (datasets, replicas) in [(1, 1000), (1, 257), (600, 3), (300, 1), (1, 40)] {
            let draws = draws(datasets, replicas);
            let kept = Blocks::from_draws(&draws).unwrap();
            // All are prime to the numbers of rows.
            for step in [1, 7, 41, 131] {
                let streamed = added(&draws, replicas, step);
                assert_eq!(streamed.blocks().unwrap(), kept, "{datasets} x {replicas}");
                let first = added(&draws, replicas, 1).primitives().unwrap();
                assert_eq!(streamed.primitives().unwrap(), first);
            }
        }
    }

    #[test]
    fn squares_are_those_of_single_draws() {
        for (datasets, replicas) in [(1, 1000), (600, 3)] {
            let draws = draws(datasets, replicas);
            let kept = primitives(&draws).unwrap();
            let streamed = added(&draws, replicas, 7).primitives().unwrap();
            assert_eq!((streamed.n(), streamed.points()), (kept.n(), kept.points()));
            for (a, b) in streamed.values.iter().zip(kept.values.iter()) {
                assert!((a - b).abs() < 1e-8 * (1.0 + b.abs()), "{a} {b}");
            }
        }
    }

    /// The deviation is 2 and 1: known to 1/sqrt(2 n) of itself; the error of the mean is that over sqrt(n), known to
    /// 1/sqrt(2 blocks).
    #[test]
    fn a_thousand_draws_of_known_variance_give_stderr_and_scatter() {
        let n = 1000.0_f64;
        let streamed = added(&draws(1, 1000), 1000, 7);
        let stderr = streamed.blocks().unwrap().stderr().unwrap();
        let means = streamed.primitives().unwrap().mean();
        for (k, deviation) in [2.0_f64, 1.0].into_iter().enumerate() {
            let found = stderr[k] * n.sqrt() / deviation;
            let blocks = streamed.blocks.len() as f64;
            assert!((found - 1.0).abs() < 4.0 / (2.0 * blocks).sqrt(), "{found}");
            let scatter = (means[2 + k] - means[k] * means[k]).sqrt() / deviation;
            assert!((scatter - 1.0).abs() < 4.0 / (2.0 * n).sqrt(), "{scatter}");
        }
    }

    #[test]
    fn wrong_and_missing_rows_are_errors() {
        let mut stream = Stream::new(1, 600);
        let one = |x: f64| [vec![x]];
        stream.add(1, &one(1.0)).unwrap();
        assert_eq!(stream.waiting(), 1);
        assert!(stream.add(1, &one(1.0)).is_err());
        stream.add(0, &one(1.0)).unwrap();
        assert_eq!(stream.waiting(), 0);
        assert!(stream.add(0, &one(1.0)).is_err());
        assert!(stream.add(600, &one(1.0)).is_err());
        assert!(stream.add(2, &[vec![1.0], vec![1.0]]).is_err());
        assert!(stream.blocks().is_err());
    }
}
