//! Kernels, densities and moments of a solution.

use super::covariance::Covariance;
use super::estimate::{Estimate, Uncertainty};
use super::observe::{self, ORDERS, Observer, Powers, Shares};
use super::rule::Rule;
use super::solution::Solution;
use super::{density, sampled};
use crate::error::{Error, Result};

/// Sobol points that follow known outputs, and how often they are scrambled.
const FOLLOWERS: usize = 1 << 13;
const REPEATS: usize = 16;

/// Rows of sums, and what their scatter or difference is.
type Rows = (Uncertainty, Vec<Vec<f64>>);

/// Kernels at equal times.
#[derive(Debug, Clone)]
pub struct EqualTime {
    /// The chosen times.
    pub times: Vec<usize>,
    /// `Phi(t,t)`: a samples x samples matrix for every chosen time.
    pub feature: Estimate,
    /// `G(t,t)` likewise.
    pub gradient: Estimate,
    /// The tangent kernel `K^NTK(t) = Phi(t,t) + G(t,t) K^x`, entry by entry.
    pub tangent: Estimate,
}

/// Kernels between different times.
#[derive(Debug, Clone)]
pub struct TwoTime {
    /// The chosen times.
    pub times: Vec<usize>,
    /// `Phi_{mu nu}(t,s)`, the matrix whose rows and columns run through the times and, within each, the samples.
    pub feature: Estimate,
    /// `G_{mu nu}(t,s)` likewise.
    pub gradient: Estimate,
}

/// A quantity of every `h_mu` and of `z` at the chosen times.
#[derive(Debug, Clone)]
pub struct Marginals {
    /// The chosen times.
    pub times: Vec<usize>,
    /// Variables of a time: every sample's `h_mu`, then `z`.
    pub variables: usize,
    /// Numbers of a variable.
    pub numbers: usize,
    /// The numbers, variable by variable and time by time.
    pub values: Estimate,
}

impl Marginals {
    /// Place in `values` of a number of a variable at the chosen time number `time`.
    pub fn place(&self, time: usize, variable: usize, number: usize) -> usize {
        (time * self.variables + variable) * self.numbers + number
    }
}

impl Solution {
    /// `Phi(t,t)`, `G(t,t)` and the tangent kernel at the chosen times (ascending, up to T).
    ///
    /// # Errors
    /// `Input` for times out of order or range, and the errors of a solve.
    pub fn equal_time(&self, times: &[usize]) -> Result<EqualTime> {
        self.check_times(times)?;
        let samples = self.samples();
        let observer = observe::EqualTime {
            times: times.len(),
            samples,
        };
        let (uncertainty, rows) =
            self.rows(times, &observer, |c| c.equal_time(&self.dynamics, times))?;
        let (mut feature, mut gradient, mut tangent) = (Vec::new(), Vec::new(), Vec::new());
        for mut row in rows {
            let second = row.split_off(row.len() / 2);
            let kernel = self.dynamics.kernel.iter().cycle();
            tangent.push(
                row.iter()
                    .zip(&second)
                    .zip(kernel)
                    .map(|((phi, g), k)| phi + g * k)
                    .collect(),
            );
            feature.push(row);
            gradient.push(second);
        }
        let of = |rows| Estimate::of(uncertainty, rows);
        Ok(EqualTime {
            times: times.to_vec(),
            feature: of(feature),
            gradient: of(gradient),
            tangent: of(tangent),
        })
    }

    /// `Phi(t,s)` and `G(t,s)` for all pairs of the chosen times (ascending, up to T).
    ///
    /// # Errors
    /// `Input` for times out of order or range, and the errors of a solve.
    pub fn two_time(&self, times: &[usize]) -> Result<TwoTime> {
        self.check_times(times)?;
        let observer = observe::TwoTime {
            times: times.len(),
            samples: self.samples(),
        };
        let (uncertainty, rows) = match self.rule {
            Rule::Density { .. } => self.sampled_rows(times, &observer)?,
            _ => self.rows(times, &observer, |c| c.two_time(&self.dynamics, times))?,
        };
        let (mut feature, mut gradient) = (Vec::new(), Vec::new());
        for mut row in rows {
            gradient.push(row.split_off(row.len() / 2));
            feature.push(row);
        }
        Ok(TwoTime {
            times: times.to_vec(),
            feature: Estimate::of(uncertainty, feature),
            gradient: Estimate::of(uncertainty, gradient),
        })
    }

    /// Shares of the neurons whose variable lies in `[edge_k, edge_{k+1})`, for every `h_mu` and `z`: the density
    /// times the width of a bin.
    ///
    /// # Errors
    /// `Input` for times or edges out of order, and the errors of a solve.
    pub fn densities(&self, times: &[usize], edges: &[f64]) -> Result<Marginals> {
        self.check_times(times)?;
        if edges.len() < 2 || !edges.windows(2).all(|pair| pair[0] < pair[1]) {
            return Err(Error::input(
                "edges",
                format!("{} edges, or not ascending", edges.len()),
                "give at least two ascending edges of bins",
            ));
        }
        let observer = Shares {
            dynamics: &self.dynamics,
            times: times.len(),
            edges,
        };
        let rows = match self.rule {
            Rule::Density { .. } | Rule::GaussHermite { .. } => {
                self.sampled_rows(times, &observer)?
            }
            _ => self.rows(times, &observer, |c| c.shares(&self.dynamics, times, edges))?,
        };
        Ok(self.marginals(times, edges.len() - 1, rows))
    }

    /// Moments `<x>, <x^2>, <x^3>, <x^4>` of every `h_mu` and of `z`.
    ///
    /// # Errors
    /// `Input` for times out of order or range, and the errors of a solve.
    pub fn moments(&self, times: &[usize]) -> Result<Marginals> {
        self.check_times(times)?;
        let observer = Powers {
            dynamics: &self.dynamics,
            times: times.len(),
        };
        let rows = self.rows(times, &observer, |c| c.moments(&self.dynamics, times))?;
        Ok(self.marginals(times, ORDERS, rows))
    }

    fn marginals(&self, times: &[usize], numbers: usize, (uncertainty, rows): Rows) -> Marginals {
        Marginals {
            times: times.to_vec(),
            variables: self.samples() + 1,
            numbers,
            values: Estimate::of(uncertainty, rows),
        }
    }

    fn check_times(&self, times: &[usize]) -> Result<()> {
        let ascending = times.windows(2).all(|pair| pair[0] < pair[1]);
        if times.is_empty() || !ascending || times.iter().any(|&t| t > self.steps()) {
            return Err(Error::input(
                "times",
                format!("times {times:?} of a solution with {} steps", self.steps()),
                "give ascending times up to the number of steps",
            ));
        }
        Ok(())
    }

    /// The observer's sums, one row for every repeat or rule; `closed` gives them for the closed recursion.
    fn rows<O: Observer>(
        &self,
        times: &[usize],
        observer: &O,
        closed: impl Fn(&Covariance) -> Vec<f64>,
    ) -> Result<Rows> {
        let mut rows = Vec::new();
        if let Some(covariance) = &self.covariance {
            rows.push(closed(covariance));
        } else if let Rule::Density { spacing, wider } = self.rule {
            for spacing in [spacing, wider] {
                let limit = self.setting.max_memory;
                rows.push(
                    density::pass(&self.dynamics, spacing, times, Some(observer), limit)?.sums,
                );
            }
        } else {
            for (run, outputs) in self.outputs.rows.iter().enumerate() {
                if let Some(source) =
                    sampled::source(&self.dynamics, &self.rule, self.setting.seed, run)?
                {
                    rows.push(sampled::replay(
                        &self.dynamics,
                        &source,
                        outputs,
                        times,
                        observer,
                    )?);
                }
            }
        }
        Ok((self.uncertainty(), rows))
    }

    /// The observer's sums over Sobol points that follow the known outputs, where the rule's own points do not serve:
    /// nodes of a quadrature are too uneven for shares, and a grid does not know where a neuron was before.
    fn sampled_rows<O: Observer>(&self, times: &[usize], observer: &O) -> Result<Rows> {
        let rule = Rule::Sobol {
            points: FOLLOWERS,
            scrambles: REPEATS,
        };
        let mut rows = Vec::new();
        for run in 0..REPEATS {
            if let Some(source) = sampled::source(&self.dynamics, &rule, self.setting.seed, run)? {
                let outputs = &self.outputs.rows[0];
                rows.push(sampled::replay(
                    &self.dynamics,
                    &source,
                    outputs,
                    times,
                    observer,
                )?);
            }
        }
        Ok((Uncertainty::StandardError, rows))
    }
}
