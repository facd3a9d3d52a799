//! Exponent of a discrete power law by maximum likelihood.

use super::Estimate;
use crate::error::{Error, Result};
use crate::numerics::root::brent;
use crate::numerics::zeta::log_moments;

/// Range of exponents searched.
const RANGE: (f64, f64) = (1.001, 40.0);

/// A fitted law `P(s) ~ s^-tau` on `lower <= s <= upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerLaw {
    /// The exponent; error from the Fisher information, for independent clusters.
    pub tau: Estimate,
    /// Clusters within the cutoffs.
    pub clusters: u64,
    /// Log-likelihood at the maximum.
    pub log_likelihood: f64,
}

/// Fits `P(s) = s^-tau / sum_(n = lower)^(upper) n^-tau` to `histogram`, pairs of size and number of clusters.
///
/// The score is `<ln s>_model - <ln s>_data = 0`, its slope the information `n var_model(ln s)`; the sums are Hurwitz zeta functions (no
/// continuum approximation, no binning). `lower` cuts off the small clusters that do not scale yet, `upper` those cut by the system size;
/// read the result as a function of both. Unlike a line through a log-log histogram it is unbiased up to `1/n`. Clusters of one
/// configuration are correlated: jackknife over configurations when there are few per system.
///
/// Source: A. Clauset, C. R. Shalizi, M. E. J. Newman, arXiv:0706.1062, appendix B.
///
/// # Errors
/// Input error for cutoffs out of order, for no two different sizes between them, or when the exponent leaves (1.001, 40).
///
/// ```
/// use saddlepoint::percolation::estimators::fit_power_law;
/// // 600 / s^2, cut at s = 4.
/// let fit = fit_power_law(&[(1, 600), (2, 150), (3, 67), (4, 37)], 1, Some(4)).unwrap();
/// assert!((fit.tau.value - 2.0).abs() < 0.01);
/// ```
pub fn fit_power_law(histogram: &[(u64, u64)], lower: u64, upper: Option<u64>) -> Result<PowerLaw> {
    if lower == 0 || upper.is_some_and(|u| u <= lower) {
        return Err(Error::input(
            "cutoffs",
            format!("no sizes to fit from {lower} to {upper:?}"),
            "give a lower cutoff from 1 on and an upper one above it",
        ));
    }
    let unit = lower as f64;
    let (mut clusters, mut logs) = (0u64, 0.0);
    for &(size, count) in histogram {
        if size >= lower && upper.is_none_or(|u| size <= u) {
            clusters += count;
            logs += count as f64 * (size as f64 / unit).ln();
        }
    }
    let n = clusters as f64;
    let sums = |tau: f64| {
        let mut sums = log_moments(tau, unit, unit);
        if let Some(upper) = upper {
            let cut = log_moments(tau, upper as f64 + 1.0, unit);
            for (s, c) in sums.iter_mut().zip(cut) {
                *s -= c;
            }
        }
        sums
    };
    let score = |tau: f64| {
        let [norm, first, _] = sums(tau);
        first / norm - logs / n
    };
    if !(score(RANGE.0) > 0.0 && score(RANGE.1) < 0.0) {
        return Err(Error::input(
            "histogram",
            format!(
                "{clusters} clusters of size {lower} or more do not fall like a power law with exponent in ({}, {})",
                RANGE.0, RANGE.1
            ),
            "give clusters of different sizes, or other cutoffs",
        ));
    }
    let tau = brent(score, RANGE.0, RANGE.1, 1e-12)?.x;
    let [norm, first, second] = sums(tau);
    let variance = second / norm - (first / norm).powi(2);
    Ok(PowerLaw {
        tau: Estimate {
            value: tau,
            stderr: 1.0 / (n * variance).sqrt(),
        },
        clusters,
        log_likelihood: -tau * logs - n * norm.ln(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{Stream, stream};
    use crate::percolation::estimators::covers;
    use rand::RngExt;

    /// Sizes drawn from the law by inverting its distribution function on a table.
    fn draw(tau: f64, lower: u64, upper: u64, n: usize, rng: &mut Stream) -> Vec<(u64, u64)> {
        let mut total = 0.0;
        let table: Vec<f64> = (lower..=upper)
            .map(|s| {
                total += (s as f64).powf(-tau);
                total
            })
            .collect();
        (0..n)
            .map(|_| {
                let u = rng.random::<f64>() * total;
                (lower + table.partition_point(|&t| t < u) as u64, 1)
            })
            .collect()
    }

    /// Exact proportions give back the exponent, with and without cutoff.
    #[test]
    fn exact_proportions_give_the_exponent() {
        let counts = |tau: f64, range: std::ops::RangeInclusive<u64>| -> Vec<(u64, u64)> {
            range
                .map(|s| (s, (1e15 * (s as f64).powf(-tau)) as u64))
                .collect()
        };
        let cut = fit_power_law(&counts(2.05, 1..=500), 7, Some(300)).unwrap();
        assert!((cut.tau.value - 2.05).abs() < 1e-9);
        let free = fit_power_law(&counts(6.0, 1..=200), 2, None).unwrap();
        assert!((free.tau.value - 6.0).abs() < 1e-7);
    }

    /// The information is the curvature of the log-likelihood, which is largest at the fit.
    #[test]
    fn the_error_is_the_curvature() {
        let histogram = [(2, 50), (3, 21), (5, 9), (17, 3), (40, 1)];
        let fit = fit_power_law(&histogram, 2, None).unwrap();
        let likelihood = |tau: f64| -> f64 {
            let norm = log_moments(tau, 2.0, 1.0)[0];
            histogram
                .iter()
                .map(|&(s, c)| c as f64 * (-tau * (s as f64).ln() - norm.ln()))
                .sum()
        };
        assert!((likelihood(fit.tau.value) - fit.log_likelihood).abs() < 1e-9);
        let h = 1e-3;
        let (low, high) = (likelihood(fit.tau.value - h), likelihood(fit.tau.value + h));
        let curvature = (2.0 * fit.log_likelihood - low - high) / (h * h);
        assert!((fit.tau.stderr.powi(-2) / curvature - 1.0).abs() < 1e-4);
        assert_eq!(fit.clusters, 84);
    }

    #[test]
    fn intervals_cover_the_truth() {
        let trials = 400;
        for (tau, lower, upper) in [(2.5, 1, Some(1_000)), (2.2, 10, Some(500)), (4.0, 2, None)] {
            let hits = (0..trials)
                .filter(|&k| {
                    let mut rng = stream(21, "power law", &[lower, k]);
                    let data = draw(tau, lower, upper.unwrap_or(20_000), 300, &mut rng);
                    let fit = fit_power_law(&data, lower, upper).unwrap().tau;
                    (fit.value - tau).abs() < 1.96 * fit.stderr
                })
                .count();
            assert!(covers(hits, trials as usize), "{tau}: {hits}");
        }
    }

    #[test]
    fn data_without_a_law_are_refused() {
        assert!(fit_power_law(&[(1, 5)], 0, None).is_err());
        assert!(fit_power_law(&[(1, 5)], 3, Some(3)).is_err());
        assert!(fit_power_law(&[], 1, None).is_err());
        assert!(fit_power_law(&[(4, 9)], 4, None).is_err());
        assert!(fit_power_law(&[(1, 1), (9, 50)], 1, Some(9)).is_err());
    }
}
