//! Bootstrap of a fit: the draws are resampled jointly for all points, and each resample gives its own estimate.

use super::covariance::Estimator;
use super::law::{LEVELS, Law, normal, student};
use super::objective::Objective;
use crate::error::Result;
use crate::numerics::gauss_newton::Descent;
use crate::numerics::random::{normal_matrix, stream};
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

/// What a bootstrap needs to know.
pub(super) struct Bootstrap<'a> {
    pub resamples: usize,
    /// A full fit of every resample instead of one linearised step.
    pub refit: bool,
    pub seed: u64,
    pub stderr: Option<&'a [f64]>,
    pub noise: f64,
}

impl Bootstrap<'_> {
    /// Steps away from the estimate, one row per resample and one column per free parameter.
    ///
    /// ```text
    /// step = E (mean over the resampled draws of e_r) + E (s z)
    /// ```
    ///
    /// `e_r` are the differences of draw `r` at the estimate, `E` the linearised estimator, `s z` a normal draw of the
    /// theory's statistical error. The weights of chi2 stay those of the measurement: a resample of few draws has no
    /// covariance of its own.
    pub fn steps(
        &self,
        objective: &mut Objective,
        minimum: &Descent,
        free: &[usize],
        estimator: &Estimator,
        differences: &DMatrix<f64>,
    ) -> Result<DMatrix<f64>> {
        let n = differences.nrows();
        let m = differences.ncols();
        let mut steps = DMatrix::zeros(self.resamples, free.len());
        for b in 0..self.resamples {
            let mut rng = stream(self.seed, "fit bootstrap", &[b as u64]);
            let mut shares = DVector::zeros(n);
            for _ in 0..n {
                shares[rng.random_range(0..n)] += 1.0 / n as f64;
            }
            let theory = match self.stderr {
                Some(stderr) => {
                    let white = normal_matrix(&mut rng, m, 1);
                    DVector::from_fn(m, |k, _| stderr[k] * white[k])
                }
                None => DVector::zeros(m),
            };
            let step = match self.refit {
                true => {
                    self.refitted(objective, minimum, free, &shares)? + &estimator.weights * theory
                }
                false => &estimator.weights * (differences.tr_mul(&shares) + theory),
            };
            steps.set_row(b, &step.transpose());
        }
        Ok(steps)
    }

    /// Step to the minimum of chi2 of the resampled draws; parameters at a bound stay there.
    fn refitted(
        &self,
        objective: &mut Objective,
        minimum: &Descent,
        free: &[usize],
        shares: &DVector<f64>,
    ) -> Result<DVector<f64>> {
        let own = std::mem::replace(&mut objective.shares, shares.as_slice().to_vec());
        let held: Vec<bool> = (0..minimum.x.len()).map(|j| !free.contains(&j)).collect();
        let end = objective.descend(&minimum.x, &held, self.noise);
        objective.shares = own;
        let place = end?.map_or(minimum.x.clone(), |e| e.x);
        Ok(DVector::from_fn(free.len(), |a, _| {
            place[free[a]] - minimum.x[free[a]]
        }))
    }
}

/// Ends of the interval of each level around the estimate 0, from the steps of one parameter.
///
/// Percentiles of few resampled draws are too narrow. They are widened by
///
/// ```text
/// sqrt( scale n/(n - 1) ) t_freedom(level)/z(level)
/// ```
///
/// `n/(n - 1)` undoes the bias of the variance of a resample, `scale` and Student's `t` are those of the profile (the
/// weights of chi2 have been estimated from the same draws), and `z` is the normal quantile. What the bootstrap adds is
/// the shape: a skew scatter of the draws gives a skew interval.
pub(super) fn ends(steps: &[f64], n: usize, law: Law) -> Result<[[f64; 2]; 2]> {
    let mut sorted = steps.to_vec();
    sorted.sort_by(f64::total_cmp);
    let quantile = |p: f64| {
        let at = p * (sorted.len() - 1) as f64;
        let (k, part) = (at.floor() as usize, at.fract());
        sorted[k] + part * (sorted[(k + 1).min(sorted.len() - 1)] - sorted[k])
    };
    let variance = law.scale * n as f64 / (n as f64 - 1.0);
    let one = |level: f64| -> Result<[f64; 2]> {
        let factor = variance.sqrt() * student(level, law.freedom)? / normal(level);
        let (low, high) = (quantile(0.5 - 0.5 * level), quantile(0.5 + 0.5 * level));
        Ok([factor * low, factor * high])
    };
    Ok([one(LEVELS[0])?, one(LEVELS[1])?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mean of `n` resampled draws has `(n - 1)/n` of the variance of a mean; the ends undo this, and have the
    /// quantiles of Student's law.
    #[test]
    fn ends_are_those_of_a_mean_of_few_draws() {
        let n = 5;
        let white = normal_matrix(&mut stream(1, "ends", &[]), 40_000, 1);
        let steps: Vec<f64> = white.iter().map(|z| z * (0.8f64).sqrt()).collect();
        for freedom in [1e6, 4.0] {
            let found = ends(
                &steps,
                n,
                Law {
                    scale: 4.0,
                    freedom,
                },
            )
            .unwrap();
            for (level, [low, high]) in LEVELS.iter().zip(found) {
                let half = 2.0 * student(*level, freedom).unwrap();
                assert!((high / half - 1.0).abs() < 0.03 && (low / half + 1.0).abs() < 0.03);
            }
        }
        let known = ends(
            &steps,
            n,
            Law {
                scale: 1.0,
                freedom: 1e6,
            },
        )
        .unwrap();
        assert!((known[1][1] / 1.959964 - 1.0).abs() < 0.03);
    }
}
