//! Shares of the held-out blocks in a mean over test samples: what the scatter between blocks, and with it the sampling
//! error, is made of.

use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::task::Dataset;

/// Number of blocks of the held-out samples that all data sets of a task share; 0 where test samples are drawn anew
/// from the population, and where one block tells no scatter.
pub(super) fn count(experiment: &Experiment) -> usize {
    let held_out = experiment.task.held_out();
    held_out.map(|h| h.blocks).filter(|&n| n > 1).unwrap_or(0)
}

/// The blocks of the test samples of one data set.
pub(super) struct Blocks {
    of: Vec<u32>,
    count: usize,
}

impl Blocks {
    /// `count` blocks, see [`count`]; empty for 0.
    pub fn new(count: usize, dataset: &Dataset) -> Result<Self> {
        let of = match (count, &dataset.blocks) {
            (0, _) => Vec::new(),
            (_, Some(blocks)) => blocks.clone(),
            (_, None) => return Err(Error::bug("held-out blocks", "a data set without them")),
        };
        Ok(Blocks { of, count })
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// `e_b = sum_(j in b) (v_j - c_j sum v / sum c)` of every block `b`, for a mean `sum_j v_j` over test samples `j`,
    /// each of which it counts `c_j` times: how much the mean lies above what it would be if block `b` were like all
    /// others. The shares sum to 0, and `B/(B-1) sum_b e_b^2` of `B` blocks estimates the sampling variance of the
    /// mean.
    pub fn shares(&self, samples: impl IntoIterator<Item = (f64, f64)> + Clone) -> Vec<f64> {
        let mut shares = vec![0.0; self.count];
        if self.count == 0 {
            return shares;
        }
        let sums = samples.clone().into_iter();
        let (sum, counted) = sums.fold((0.0, 0.0), |(v, c), (dv, dc)| (v + dv, c + dc));
        let mean = if counted > 0.0 { sum / counted } else { 0.0 };
        for (&block, (value, counts)) in self.of.iter().zip(samples) {
            shares[block as usize] += value - counts * mean;
        }
        shares
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With one sample per block the estimate is the square of the standard error of a mean; samples that are not
    /// counted do not matter.
    #[test]
    fn shares_sum_to_zero_and_tell_the_standard_error() {
        let losses = [3.0, 1.0, 4.0, 1.0, 5.0];
        let blocks = Blocks {
            of: vec![2, 0, 1, 4, 3],
            count: 5,
        };
        let shares = blocks.shares(losses.iter().map(|v| (v / 5.0, 1.0)));
        assert!(shares.iter().sum::<f64>().abs() < 1e-15);
        let (_, stderr) = crate::numerics::statistics::mean_stderr(&losses);
        let variance = 5.0 / 4.0 * shares.iter().map(|e| e * e).sum::<f64>();
        assert!((variance - stderr.unwrap().powi(2)).abs() < 1e-14);
        let half = blocks.shares([(1.5, 1.0), (0.0, 0.0), (0.5, 1.0)]);
        assert_eq!(half, [0.0, -0.5, 0.5, 0.0, 0.0]);
    }
}
