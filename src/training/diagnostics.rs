//! Convergence diagnostics of Markov chains: split R-hat, autocorrelation time, effective sample size, standard error.

pub mod certificate;

pub use certificate::{Certificate, Check, Thresholds};

use crate::error::{Error, Result};
use crate::numerics::statistics::mean_variance;
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Sokal's window constant.
const WINDOW: f64 = 5.0;
/// Samples below which a chain cannot be cut into halves with a variance each.
const FEWEST: usize = 4;

/// Mean of one scalar over several chains, with everything that tells whether to believe it.
#[derive(Debug, Clone, PartialEq)]
pub struct Estimate {
    /// Mean over all samples of all chains.
    pub mean: f64,
    /// Standard deviation of one sample.
    pub deviation: f64,
    /// `deviation / sqrt(effective)`.
    pub stderr: f64,
    /// Integrated autocorrelation time in samples, see [`autocorrelation_time`].
    pub tau: f64,
    /// Effective sample size of all chains together, `n / tau`.
    pub effective: f64,
    /// Split R-hat, see [`split_rhat`].
    pub rhat: f64,
    /// Standard error from the scatter of the chain means alone; `None` for one chain.
    pub scatter: Option<f64>,
    /// Probability that chain means scatter as much as they do, or more, if `stderr` is right; 1 for one chain.
    pub scatter_probability: f64,
}

/// Estimates the mean of a scalar from equally long chains (one slice per chain).
///
/// The error is `sd / sqrt(N_eff)` with `N_eff = n / tau` over all chains. Its cross-check: with `m` chains,
/// `(m - 1) (scatter / stderr)^2` follows `chi^2_{m-1}`.
///
/// Errors: see [`autocorrelation_time`].
pub fn estimate<C: AsRef<[f64]>>(chains: &[C]) -> Result<Estimate> {
    let rhat = split_rhat(chains)?;
    let tau = autocorrelation_time(chains)?;
    let all: Vec<f64> = chains.iter().flat_map(|c| c.as_ref()).copied().collect();
    let (mean, variance) = mean_variance(&all);
    let deviation = variance.unwrap_or(0.0).sqrt();
    let effective = all.len() as f64 / tau;
    let stderr = deviation / effective.sqrt();
    let means: Vec<f64> = chains.iter().map(|c| mean_variance(c.as_ref()).0).collect();
    let scatter = mean_variance(&means)
        .1
        .map(|v| (v / means.len() as f64).sqrt());
    let scatter_probability = match scatter {
        Some(scatter) if stderr > 0.0 => {
            let freedom = (means.len() - 1) as f64;
            let law = ChiSquared::new(freedom).map_err(|e| Error::bug("chi^2", e.to_string()))?;
            law.sf(freedom * (scatter / stderr).powi(2))
        }
        _ => 1.0,
    };
    Ok(Estimate {
        mean,
        deviation,
        stderr,
        tau,
        effective,
        rhat,
        scatter,
        scatter_probability,
    })
}

impl Estimate {
    /// Deviations of the mean from `exact` in standard errors; 0 where both are the same number without scatter.
    pub fn z(&self, exact: f64) -> f64 {
        ratio(self.mean - exact, self.stderr)
    }

    /// Difference of two independent estimates in units of its standard error.
    pub fn z_between(&self, other: &Estimate) -> f64 {
        ratio(self.mean - other.mean, self.stderr.hypot(other.stderr))
    }
}

fn ratio(difference: f64, error: f64) -> f64 {
    match difference == 0.0 {
        true => 0.0,
        false => difference / error,
    }
}

/// Checks that chains are finite, equally long and long enough; returns the length.
fn length<C: AsRef<[f64]>>(chains: &[C]) -> Result<usize> {
    let n = chains.first().map_or(0, |c| c.as_ref().len());
    let fail = |cause: String| {
        Err(Error::unconverged(
            "chain diagnostics",
            cause,
            "record more samples per chain, the same number in each",
        ))
    };
    if n < FEWEST || chains.iter().any(|c| c.as_ref().len() != n) {
        let lengths: Vec<usize> = chains.iter().map(|c| c.as_ref().len()).collect();
        return fail(format!(
            "chains of {lengths:?} samples; at least {FEWEST} each are needed"
        ));
    }
    match chains
        .iter()
        .position(|c| c.as_ref().iter().any(|v| !v.is_finite()))
    {
        Some(chain) => fail(format!("chain {chain} holds a value that is not finite")),
        None => Ok(n),
    }
}

/// Split R-hat: potential scale reduction of the `2 m` halves of `m` chains.
///
/// With halves of length `n`, mean variance within `W` and variance of the half means `B/n`:
/// `R-hat = sqrt(((n-1)/n W + B/n) / W)`. 1 at convergence; 1 for chains that are all one constant, infinite for different constants.
///
/// Source: A. Gelman et al., Bayesian Data Analysis (2013), section 11.4.
///
/// ```
/// use saddlepoint::training::diagnostics::split_rhat;
/// let apart = [[0.0, 0.1, 0.0, 0.1], [5.0, 5.1, 5.0, 5.1]];
/// assert!(split_rhat(&apart).unwrap() > 10.0);
/// ```
pub fn split_rhat<C: AsRef<[f64]>>(chains: &[C]) -> Result<f64> {
    let half = length(chains)? / 2;
    let (mut means, mut within) = (Vec::new(), 0.0);
    for chain in chains {
        let chain = chain.as_ref();
        for part in [&chain[..half], &chain[chain.len() - half..]] {
            let (mean, variance) = mean_variance(part);
            means.push(mean);
            within += variance.unwrap_or(0.0);
        }
    }
    within /= means.len() as f64;
    let between = mean_variance(&means).1.unwrap_or(0.0);
    let n = half as f64;
    Ok(match (within > 0.0, between > 0.0) {
        (true, _) => (((n - 1.0) / n * within + between) / within).sqrt(),
        (false, true) => f64::INFINITY,
        (false, false) => 1.0,
    })
}

/// Integrated autocorrelation time `tau = 1 + 2 sum_{t>=1} rho(t)`, in samples, so that `N_eff = n / tau`.
///
/// Autocovariances are averaged over the chains, about the common mean (chains that disagree look correlated, as they should). The sum
/// stops at the first lag `M >= 5 max(tau(M), (1 + |rho(1)|)/(1 - |rho(1)|))`: Sokal's window, kept open for anticorrelated samples
/// (Hamiltonian trajectories), whose `tau` is far below the time over which correlations die. 1 for independent samples and for constants,
/// `(1 + r)/(1 - r)` for an autoregression with coefficient `r`.
///
/// Source: A. D. Sokal, Monte Carlo Methods in Statistical Mechanics (1997), section 3.
///
/// Errors: [`Error::Unconverged`] when the window does not close within half of a chain: it is shorter than 10 autocorrelation times.
pub fn autocorrelation_time<C: AsRef<[f64]>>(chains: &[C]) -> Result<f64> {
    let n = length(chains)?;
    let total = (n * chains.len()) as f64;
    let mean = chains.iter().flat_map(|c| c.as_ref()).sum::<f64>() / total;
    let centred: Vec<Vec<f64>> = chains
        .iter()
        .map(|c| c.as_ref().iter().map(|v| v - mean).collect())
        .collect();
    let covariance = |lag: usize| -> f64 {
        let sum: f64 = centred
            .iter()
            .map(|c| {
                c[..n - lag]
                    .iter()
                    .zip(&c[lag..])
                    .map(|(a, b)| a * b)
                    .sum::<f64>()
            })
            .sum();
        sum / total
    };
    let variance = covariance(0);
    if variance == 0.0 {
        return Ok(1.0);
    }
    let first = (covariance(1) / variance).abs();
    let decay = (1.0 + first) / (1.0 - first);
    let mut tau: f64 = 1.0;
    for lag in 1..=n / 2 {
        tau += 2.0 * covariance(lag) / variance;
        if lag as f64 >= WINDOW * tau.max(decay) && tau > 0.0 {
            return Ok(tau);
        }
    }
    Err(Error::unconverged(
        "autocorrelation time",
        format!(
            "the window of {WINDOW} autocorrelation times does not close within {} lags (tau > {tau:.0} samples of {n})",
            n / 2
        ),
        "run longer chains (at least 100 autocorrelation times)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use rand_distr::{Distribution, StandardNormal};

    /// Stationary autoregressions `x' = r x + sqrt(1 - r^2) xi`.
    fn autoregression(seed: u64, r: f64, chains: usize, n: usize) -> Vec<Vec<f64>> {
        (0..chains)
            .map(|c| {
                let mut rng = stream(seed, "autoregression", &[c as u64]);
                let mut normal = || -> f64 { StandardNormal.sample(&mut rng) };
                let mut x = normal();
                (0..n)
                    .map(|_| {
                        x = r * x + (1.0 - r * r).sqrt() * normal();
                        x
                    })
                    .collect()
            })
            .collect()
    }

    #[test]
    fn autoregressions_have_the_closed_form_time() {
        let cases = [
            (1, 0.0),
            (2, 0.5),
            (3, 0.9),
            (4, 0.98),
            (5, -0.5),
            (6, -0.8),
        ];
        for (seed, r) in cases {
            let r: f64 = r;
            let exact = (1.0 + r) / (1.0 - r);
            let (m, n) = (8usize, 50_000usize);
            let chains = autoregression(seed, r, m, n);
            let found = estimate(&chains).unwrap();
            // Sokal: Var(tau)/tau^2 = 2 (2 W + 1)/n with the window W; what lies beyond it is a geometric series.
            let window = WINDOW * (1.0 + r.abs()) / (1.0 - r.abs());
            let error = exact * (2.0 * (2.0 * window + 1.0) / (m * n) as f64).sqrt();
            let missed = 2.0 * f64::powf(r.abs(), window.floor() + 1.0) / (1.0 - r).abs();
            assert!(
                (found.tau - exact).abs() < 3.5 * error + missed,
                "r = {r}: {} {exact} {error}",
                found.tau
            );
            assert!((found.effective * found.tau / (m * n) as f64 - 1.0).abs() < 1e-12);
            assert!(found.z(0.0).abs() < 3.5 && found.scatter_probability > 1e-3);
            assert!((found.stderr / (exact / (m * n) as f64).sqrt() - 1.0).abs() < 0.1);
            assert!((found.rhat - 1.0).abs() < 0.02);
        }
    }

    #[test]
    fn rhat_is_its_closed_form() {
        // Half means 0, 0, 2, 2, variances 2/3 (n = 4): B/n = 4/3.
        let chains = [
            [-1.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, -1.0],
            [1.0, 2.0, 2.0, 3.0, 3.0, 2.0, 2.0, 1.0],
        ];
        let (within, between) = (2.0 / 3.0, 4.0 / 3.0);
        let exact = f64::sqrt((0.75 * within + between) / within);
        assert!((split_rhat(&chains).unwrap() - exact).abs() < 1e-14);
        let drift: Vec<f64> = (0..100).map(|i| i as f64).collect();
        assert!(split_rhat(&[drift]).unwrap() > 1.5);
        assert_eq!(split_rhat(&[[3.0; 8], [3.0; 8]]).unwrap(), 1.0);
        assert_eq!(split_rhat(&[[3.0; 8], [4.0; 8]]).unwrap(), f64::INFINITY);
    }

    #[test]
    fn chains_that_disagree_are_seen() {
        // One of m = 4 chains is shifted by d: rho(t) ends on the floor (3 d^2/16)/(1 + 3 d^2/16), and tau(M) grows by twice the floor per
        // lag. Above 1/10 the window 5 tau never closes; below, the scatter of the chain means gives them away.
        let shifted = |d: f64| {
            let mut chains = autoregression(6, 0.3, 4, 2000);
            chains[0].iter_mut().for_each(|v| *v += d);
            chains
        };
        assert!(estimate(&shifted(0.0)).unwrap().scatter_probability > 1e-3);
        // R-hat^2 - 1 = variance of the half means = (3/14) d^2 = 0.0536 for d = 0.5.
        let rhat = split_rhat(&shifted(0.5)).unwrap();
        assert!((rhat - 1.0536f64.sqrt()).abs() < 0.01, "{rhat}");
        assert!(estimate(&shifted(0.5)).unwrap().scatter_probability < 1e-6);
        assert!(split_rhat(&shifted(2.0)).unwrap() > 1.3);
        assert!(matches!(
            estimate(&shifted(2.0)),
            Err(Error::Unconverged { .. })
        ));
    }

    #[test]
    fn short_ragged_and_broken_chains_are_errors() {
        let unconverged = |r: Result<f64>| matches!(r, Err(Error::Unconverged { .. }));
        assert!(unconverged(split_rhat(&[[1.0; 3]])));
        assert!(unconverged(split_rhat(&[vec![1.0; 8], vec![1.0; 7]])));
        assert!(unconverged(autocorrelation_time(&[[
            1.0,
            f64::NAN,
            1.0,
            1.0
        ]])));
        let slow = autoregression(7, 0.999, 1, 500);
        assert!(unconverged(autocorrelation_time(&slow)));
    }
}
