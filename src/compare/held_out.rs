//! Held-out samples that all draws share: what a comparison on them says of the population.
//!
//! The value of draw `r` is a mean over test samples `j`, `m_r = mean_j l_rj` with `l_rj = mu + a_r + b_j + (ab)_rj`:
//! the draw, the sample, and how the draw does on this sample. The scatter of `m_r` over `R` draws tells the variance
//! of their mean by `a` and `ab`. It does not hold that by `b`, which is the same in all draws and does not fall with
//! their number. The shares `e_rb` of `B` blocks of samples in the means
//! ([`crate::instrument::Instrument::held_out_blocks`]) tell it:
//!
//! ```text
//! V = B/(B-1)  1/(R (R-1))  sum_(r != s) sum_b e_rb e_sb          R = 1:  B/(B-1) sum_b e_b^2
//! ```
//!
//! Pairs of different draws have `b` in common and nothing else, so that `V` is unbiased for `Var(b)/H`, `H` the number
//! of held-out samples, also where the test set of every draw is a part of them. A theory that itself knows the
//! population through `M` samples of the same kind adds `Var(b)/M`: a factor `1 + H/M`.
//!
//! Source: S. R. Searle, G. Casella, C. E. McCulloch, Variance Components (1992), two-way crossed classification.

use nalgebra::DMatrix;

/// On which test samples theory and measurement stand.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum TestSet {
    /// Nothing is held out, or test samples are drawn anew with every data set: their error is in the scatter of the
    /// draws.
    #[default]
    Drawn,
    /// All draws share these samples and the theory is evaluated on them: the statement is for them.
    Same {
        /// Number of samples.
        samples: usize,
    },
    /// All draws share these samples, the theory predicts the population, and the error between the two is not known.
    Unknown {
        /// Number of samples.
        samples: usize,
    },
    /// All draws share these samples, the theory predicts the population, and the scatter between their blocks tells
    /// the error.
    Sampled(Sampling),
}

/// Shares of held-out blocks in the values of every draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Number `H` of held-out samples.
    pub samples: usize,
    /// Number `B` of their blocks, 2 or more.
    pub blocks: usize,
    /// Draws are rows; the points of the first block, then those of the second, ...
    pub shares: DMatrix<f64>,
    /// Number `M` of samples through which the theory knows the population; `None`: exactly.
    pub population: Option<usize>,
}

/// How a comparison stands to the held-out samples, as a row says it.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct HeldOutError {
    /// Number of held-out samples that all draws share.
    pub samples: usize,
    /// `true`: the statement is for the population; `false`: for these samples.
    pub population: bool,
    /// Standard error by the finite number of samples, in units of the deviation; already in its interval.
    pub error: Option<f64>,
}

impl TestSet {
    /// How the row stands to held-out samples that all draws share; `error` is that of [`TestSet::Sampled`] in units of
    /// the deviation.
    pub(super) fn row(&self, error: f64) -> Option<HeldOutError> {
        let (samples, error) = match *self {
            TestSet::Drawn => return None,
            TestSet::Same { samples } | TestSet::Unknown { samples } => (samples, None),
            TestSet::Sampled(Sampling { samples, .. }) => (samples, Some(error)),
        };
        Some(HeldOutError {
            samples,
            population: error.is_some(),
            error,
        })
    }

    /// The condition on the statement, in words.
    pub(super) fn note(&self) -> Option<String> {
        Some(match *self {
            TestSet::Drawn => return None,
            TestSet::Same { samples } => format!(
                "given the test set: the theory is evaluated on the same held-out samples, {samples} in all"
            ),
            TestSet::Unknown { samples } => format!(
                "for these {samples} held-out samples, the same in all draws: their sampling error is not in the interval"
            ),
            TestSet::Sampled(Sampling {
                samples,
                population,
                ..
            }) => {
                let theory = population.map_or(String::new(), |known| {
                    format!(" and of the {known} through which the theory knows the population")
                });
                format!(
                    "for the population: the sampling error of the {samples} held-out samples, the same in all draws,{theory} is \
                     in the interval"
                )
            }
        })
    }

    /// What is needed where held-out samples, and not the draws, make the interval wide: `factor` times as many clear
    /// the tolerance, or no number does; a file that is `of_file` times as large does. The league shows what follows "needs".
    pub(super) fn advice(&self, factor: Option<f64>, of_file: Option<f64>) -> Option<String> {
        let TestSet::Sampled(Sampling {
            samples,
            population,
            ..
        }) = *self
        else {
            return None;
        };
        // Two digits: it is an estimate.
        let rounded = |needed: f64, least: f64| {
            let unit = 10f64.powf(needed.log10().floor() - 1.0).max(least);
            let digits = (-unit.log10()).max(0.0) as usize;
            format!("{:.digits$}", (needed / unit).ceil() * unit)
        };
        Some(match (factor, population) {
            (Some(factor), _) => {
                let needed = rounded((factor * samples as f64).ceil(), 1.0);
                format!(
                    "needs ~{needed} held-out samples instead of {samples} (test_path, test_samples), not more data sets"
                )
            }
            (None, Some(known)) => {
                let size = of_file.map_or("a larger file".into(), |f| {
                    format!("a file ~{} times as large", rounded(f, 0.1))
                });
                format!(
                    "needs {size}: the theory knows the population through {known} samples, and {samples} are held out"
                )
            }
            (None, None) => {
                format!("needs more held-out samples than these {samples}, and more data sets")
            }
        })
    }
}

impl Sampling {
    fn points(&self) -> usize {
        self.shares.ncols() / self.blocks
    }

    /// The chosen points alone.
    pub fn select(&self, points: &[usize]) -> Sampling {
        let all = self.points();
        let columns: Vec<usize> = (0..self.blocks)
            .flat_map(|b| points.iter().map(move |k| b * all + k))
            .collect();
        Sampling {
            shares: self.shares.select_columns(&columns),
            ..*self
        }
    }

    /// Variance of the mean of all draws along a direction in the space of points, by the held-out samples alone; not
    /// below 0.
    pub fn variance(&self, direction: &[f64]) -> f64 {
        let points = self.points();
        let along = DMatrix::from_fn(self.shares.nrows(), self.blocks, |r, b| {
            (0..points)
                .map(|k| self.shares[(r, b * points + k)] * direction[k])
                .sum()
        });
        self.of(&along).max(0.0)
    }

    /// The same, summed over all points.
    pub fn total(&self) -> f64 {
        self.of(&self.shares).max(0.0)
    }

    /// `V` with the sum over blocks taken over all columns.
    fn of(&self, shares: &DMatrix<f64>) -> f64 {
        let draws = shares.nrows() as f64;
        let squares = |column: nalgebra::DVectorView<f64>| {
            let (sum, own) = (column.sum(), column.norm_squared());
            match shares.nrows() {
                1 => own,
                _ => (sum * sum - own) / (draws * (draws - 1.0)),
            }
        };
        let sum: f64 = shares.column_iter().map(squares).sum();
        let blocks = self.blocks as f64;
        sum * blocks / (blocks - 1.0) / self.reducible()
    }

    /// Degrees of freedom of the variance.
    pub fn freedom(&self) -> f64 {
        self.blocks as f64 - 1.0
    }

    /// Part of the variance that falls with the number of held-out samples; the rest is the theory's own.
    pub fn reducible(&self) -> f64 {
        match self.population {
            Some(known) => 1.0 / (1.0 + self.samples as f64 / known as f64),
            None => 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::numerics::statistics::mean_stderr;

    /// Draws of the two-way law: `[sd of a, b, ab]`, one block per sample, two points that differ by a factor.
    fn crossed(draws: usize, samples: usize, [a, b, ab]: [f64; 3], seed: u64) -> Sampling {
        let normal = |purpose, n, m| normal_matrix(&mut stream(seed, purpose, &[]), n, m);
        let of_draw = normal("draw", draws, 1) * a;
        let of_sample = normal("sample", samples, 1) * b;
        let of_both = normal("both", draws, samples) * ab;
        let loss = |r: usize, j: usize| of_draw[r] + of_sample[j] + of_both[(r, j)];
        let n = samples as f64;
        let shares = DMatrix::from_fn(draws, 2 * samples, |r, c| {
            let mean = (0..samples).map(|j| loss(r, j)).sum::<f64>() / n;
            (1.0 + (c % 2) as f64) * (loss(r, c / 2) - mean) / n
        });
        Sampling {
            samples,
            blocks: samples,
            shares,
            population: None,
        }
    }

    /// The mean over many repeats is `Var(b)/H`: what differs between draws does not enter, whatever its size.
    #[test]
    fn the_variance_is_that_of_the_samples_alone() {
        for (draws, sizes) in [
            (2, [3.0, 1.0, 2.0]),
            (6, [0.0, 1.0, 2.0]),
            (5, [5.0, 1.0, 0.0]),
        ] {
            let found: Vec<f64> = (0..2000)
                .map(|seed| {
                    let s = crossed(draws, 10, sizes, seed).select(&[0]);
                    // Before it is cut off at 0.
                    s.of(&s.shares)
                })
                .collect();
            let (mean, error) = mean_stderr(&found);
            let z = (mean - 0.1) / error.unwrap();
            assert!(z.abs() < 4.0, "{draws} {sizes:?}: {mean} {z}");
        }
    }

    #[test]
    fn one_draw_gives_the_standard_error_of_its_mean() {
        let s = crossed(1, 12, [1.0, 1.0, 0.5], 3);
        let column: Vec<f64> = (0..12).map(|b| 12.0 * s.shares[(0, 2 * b)]).collect();
        let stderr = mean_stderr(&column).1.unwrap();
        assert!((s.variance(&[1.0, 0.0]) - stderr * stderr).abs() < 1e-14);
        // Both points: 1^2 + 2^2; along (2, -1), of which nothing is left.
        assert!((s.total() - 5.0 * stderr * stderr).abs() < 1e-13);
        assert!(s.variance(&[2.0, -1.0]) < 1e-28);
        assert_eq!(s.select(&[1]).total(), s.variance(&[0.0, 1.0]));
    }

    #[test]
    fn a_population_known_through_samples_adds_its_own_error() {
        let exact = crossed(4, 20, [0.0, 1.0, 0.0], 5);
        let known = Sampling {
            population: Some(80),
            ..exact.clone()
        };
        assert!((known.total() / exact.total() - 1.25).abs() < 1e-12);
        assert!((known.reducible() - 0.8).abs() < 1e-15);
    }
}
