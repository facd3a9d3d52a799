//! The deterministic equivalent of kernel ridge regression: one renormalised ridge gives the whole learning curve.

use super::spectrum::{Level, Spectrum};
use super::threshold::root;
use crate::error::{Error, Result};

/// Averages over data sets of `P` samples, in the limit of many samples and modes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Equivalent {
    /// `P`
    pub samples: f64,
    /// `sigma^2`, the ridge of the sum of squared residuals.
    pub ridge: f64,
    /// `kappa`, the renormalised ridge, in units of the ridge.
    pub renormalised_ridge: f64,
    /// `kp = kappa/P`: the eigenvalue at which a mode is half learned; infinite without samples.
    pub threshold: f64,
    /// `gamma`, in `[0, 1)`: the share of the samples spent on fluctuations.
    pub gamma: f64,
    /// `1 - gamma`, accurate also where it is small.
    pub rigidity: f64,
    /// `sum_k L_k`, the number of modes that are learned; `sum_k L_k + sigma^2/kp = P`.
    pub learned_modes: f64,
    /// `sum_k y_k^2 (1 - L_k)^2`, the error of the mean predictor.
    pub bias: f64,
    /// `E_g = E (f - f*)^2`, without the label noise of the test sample.
    pub generalization_error: f64,
    /// `E_tot = E_g + s^2`, with the label noise of the test sample.
    pub total_error: f64,
    /// `E_tr = E (1/P) sum (t - f)^2`, against the noisy labels of the training samples.
    pub training_error: f64,
    /// `V = kappa - sigma^2`, the posterior variance of the Gaussian process, averaged over inputs.
    pub posterior_variance: f64,
    /// `d E_g / d ln P`
    pub slope: f64,
    /// Share of the samples that the tail of an infinite spectrum holds.
    pub tail_share: f64,
    /// `|sum_k L_k + sigma^2/kp - P|/P`, what the root search left.
    pub residual: f64,
    /// Evaluations of the sum over modes.
    pub iterations: usize,
}

impl Equivalent {
    /// `L = lam/(lam + kp)`, the share of a target mode with this eigenvalue that is learned on average; 0 for
    /// eigenvalue 0.
    pub fn learnability(&self, eigenvalue: f64) -> f64 {
        match eigenvalue > 0.0 {
            true => eigenvalue / (eigenvalue + self.threshold),
            false => 0.0,
        }
    }

    /// `E sum (f_k - y_k)^2 = y^2 (1 - L)^2 + n L^2 E_tot gamma/(sum_k L_k^2)` of a level of `n` modes: squared bias
    /// and variance (`gamma/(sum_k L_k^2) = 1/P`, or 0 for the equivalent kernel). All levels sum to `E_g`.
    pub fn level_error(&self, level: &Level) -> f64 {
        let learned = self.learnability(level.eigenvalue);
        let fluctuation = match self.gamma > 0.0 {
            true => level.multiplicity * learned * learned * self.total_error / self.samples,
            false => 0.0,
        };
        level.target * (1.0 - learned).powi(2) + fluctuation
    }

    /// `E_k(P)/E_k(0) = (1 - L_k)^2/(1 - gamma)`, the error in a mode over that without data, where all others and the
    /// noise are absent from the target.
    pub fn mode_error(&self, eigenvalue: f64) -> f64 {
        (1.0 - self.learnability(eigenvalue)).powi(2) / self.rigidity
    }

    /// `-d ln E_g / d ln P`, the local exponent of the learning curve (analytic).
    pub fn local_exponent(&self) -> f64 {
        -self.slope / self.generalization_error
    }

    /// `d ln kappa / d ln sigma^2 = (sigma^2/kappa)/(1 - gamma)`
    pub fn ridge_response(&self) -> f64 {
        self.ridge / self.renormalised_ridge / self.rigidity
    }
}

/// The renormalised ridge and the learning curve of kernel ridge regression on `samples` `P`.
///
/// ```text
/// kappa = sigma^2 + sum_k kappa lam_k/(kappa + P lam_k)    <=>    P = sigma^2/kp + sum_k L_k
/// L_k = lam_k/(lam_k + kp)
/// gamma = (1/P) sum_k L_k^2
/// E_tot = [ sum_k y_k^2 (1 - L_k)^2 + s^2 ] / (1 - gamma),        E_tr = (sigma^2/kappa)^2 E_tot
/// d ln kp/d ln P = -1/(1 - gamma)
/// ```
///
/// `sigma^2` is `ridge`, `s^2` the label noise of the spectrum, `kp = kappa/P`. The features are Gaussian or behave
/// like it; corrections are `O(1/P)`. The derivative by `P`, from which the local exponent follows, is derived from
/// the first line. The root is sought by Newton's method for the logarithm of `P` as a function of `ln kp`,
/// safeguarded by bisection. Cost: `O(D)` for each of 5 to 10 evaluations.
///
/// Sources: Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198;
/// Simon et al. 2021, arXiv:2110.03922; Atanasov, Zavatone-Veth, Pehlevan 2024, arXiv:2405.00592.
///
/// # Errors
/// Numbers out of range; `ridge = 0` with `P` not below the number of modes, where `kappa = 0`; an infinite tail that
/// holds too many of the samples.
///
/// ```
/// use saddlepoint::rg::{equivalent, PowerLaw, Spectrum};
/// let modes = Spectrum::power_law(PowerLaw::new(1.0, 1.0), 2000)?;
/// let curve = equivalent(&modes, 80.0, 0.1)?;
/// assert!((curve.total_error - 0.045115).abs() < 1e-6);
/// assert!((curve.posterior_variance - (curve.renormalised_ridge - 0.1)).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn equivalent(spectrum: &Spectrum, samples: f64, ridge: f64) -> Result<Equivalent> {
    solve(spectrum, samples, ridge, None)
}

/// The learning curve at several numbers of samples, as [`equivalent`]; each root is the start of the next search.
///
/// # Errors
/// As [`equivalent`], at the first number of samples that has no solution.
pub fn learning_curve(spectrum: &Spectrum, samples: &[f64], ridge: f64) -> Result<Vec<Equivalent>> {
    let mut curve: Vec<Equivalent> = Vec::with_capacity(samples.len());
    for &samples in samples {
        // Along the curve d ln kp/d ln P = -1/(1 - gamma).
        let start = curve.last().filter(|e| e.samples > 0.0).map(|e| {
            let steps = (samples / e.samples).ln();
            e.threshold.ln() - steps / e.rigidity
        });
        curve.push(solve(spectrum, samples, ridge, start)?);
    }
    Ok(curve)
}

/// The equivalent kernel: regression with so many samples that their sum is an integral over the population.
///
/// ```text
/// L_k = lam_k/(lam_k + sigma^2/P),   E_g = sum_k y_k^2 (1 - L_k)^2,   E_tot = E_tr = E_g + s^2
/// ```
///
/// The ridge is not renormalised and nothing fluctuates between data sets (`kappa = sigma^2`, `gamma = 0`): the limit
/// of [`equivalent`] for `P -> inf` at fixed `P/sigma^2`, in which training and test samples are not told apart.
///
/// Sources: Silverman 1984; Sollich and Williams 2005.
///
/// # Errors
/// As [`equivalent`]; no ridge, without which every mode counts as learned.
///
/// ```
/// use saddlepoint::rg::{equivalent_kernel, Level, Spectrum};
/// let curve = equivalent_kernel(&Spectrum::new(&[Level::single(0.5, 1.0)])?, 10.0, 5.0)?;
/// assert_eq!(curve.generalization_error, 0.25);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn equivalent_kernel(spectrum: &Spectrum, samples: f64, ridge: f64) -> Result<Equivalent> {
    check(samples, ridge)?;
    if ridge == 0.0 {
        return Err(Error::input(
            "ridge",
            "is 0: with sums over samples as integrals every mode counts as learned",
            "take ridge > 0, or the learning curve of finite samples",
        ));
    }
    let noise = spectrum.noise();
    let (threshold, sums) = match samples > 0.0 {
        true => (ridge / samples, Sums::at(spectrum, ridge / samples)),
        false => (f64::INFINITY, Sums::prior(spectrum)),
    };
    if let Some(tail) = spectrum.tail()
        && threshold < tail.least_threshold()
    {
        return Err(tail.too_short(samples));
    }
    let tail_share = match spectrum.tail() {
        Some(tail) if samples > 0.0 => tail.check_share(threshold, samples)?,
        _ => 0.0,
    };
    Ok(Equivalent {
        samples,
        ridge,
        renormalised_ridge: ridge,
        threshold,
        gamma: 0.0,
        rigidity: 1.0,
        learned_modes: sums.learned,
        bias: sums.bias,
        generalization_error: sums.bias,
        total_error: sums.bias + noise,
        training_error: sums.bias + noise,
        posterior_variance: match samples > 0.0 {
            true => threshold * sums.learned,
            false => spectrum.trace(),
        },
        slope: -2.0 * sums.bias_slope,
        tail_share,
        residual: 0.0,
        iterations: 1,
    })
}

/// The limit of no ridge with more samples than modes: ordinary least squares, `kappa -> 0`.
///
/// ```text
/// E_tot = (R + s^2)/(1 - D/P),   E_tr = (R + s^2) (1 - D/P)
/// ```
///
/// `D` is the number of modes with a positive eigenvalue, all of which are learned, and `R` the target on the others.
/// Exact for Gaussian features up to terms of order `1/P`: the exact factor is `1 + D/(P - D - 1)`.
///
/// # Errors
/// As [`equivalent`]; at most as many samples as modes: at `P = D`, the interpolation threshold, the error diverges.
///
/// ```
/// use saddlepoint::rg::{least_squares, Level, Spectrum};
/// let modes = Level { eigenvalue: 0.7, multiplicity: 40.0, target: 3.0 };
/// let curve = least_squares(&Spectrum::new(&[modes])?.with_noise(0.5)?, 100.0)?;
/// assert!((curve.generalization_error - 0.5 * 40.0 / 60.0).abs() < 1e-14);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn least_squares(spectrum: &Spectrum, samples: f64) -> Result<Equivalent> {
    check(samples, 0.0)?;
    let rank = spectrum.rank();
    if samples <= rank {
        return Err(Error::input(
            "samples",
            format!("{samples} samples do not determine {rank} modes without ridge"),
            "take more samples than modes, or ridge > 0",
        ));
    }
    let [unlearned] = spectrum.head_sum(|lam, _, y2| [if lam > 0.0 { 0.0 } else { y2 }]);
    let (gamma, disturbance) = (rank / samples, unlearned + spectrum.noise());
    let rigidity = (samples - rank) / samples;
    Ok(Equivalent {
        samples,
        ridge: 0.0,
        renormalised_ridge: 0.0,
        threshold: 0.0,
        gamma,
        rigidity,
        learned_modes: rank,
        bias: unlearned,
        generalization_error: unlearned + disturbance * gamma / rigidity,
        total_error: disturbance / rigidity,
        training_error: disturbance * rigidity,
        posterior_variance: 0.0,
        slope: -disturbance * gamma / rigidity.powi(2),
        tail_share: 0.0,
        residual: 0.0,
        iterations: 0,
    })
}

fn check(samples: f64, ridge: f64) -> Result<()> {
    for (name, value) in [("samples", samples), ("ridge", ridge)] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::input(
                name,
                format!("{value} is out of range"),
                "give a finite number >= 0",
            ));
        }
    }
    Ok(())
}

fn solve(spectrum: &Spectrum, samples: f64, ridge: f64, start: Option<f64>) -> Result<Equivalent> {
    check(samples, ridge)?;
    let noise = spectrum.noise();
    if samples == 0.0 {
        return Ok(without_samples(spectrum, ridge));
    }
    let (threshold, iterations) = root(spectrum, samples, ridge, start)?;
    let sums = Sums::at(spectrum, threshold);
    let tail_share = match spectrum.tail() {
        Some(tail) => tail.check_share(threshold, samples)?,
        None => 0.0,
    };
    let rigidity = (ridge / threshold + sums.partial) / samples;
    let gamma = sums.squared / samples;
    let total_error = (sums.bias + noise) / rigidity;
    let slope_of_bias = -2.0 * sums.bias_slope / rigidity;
    let slope_of_gamma = -gamma + 2.0 * sums.squared_slope / (samples * rigidity);
    let renormalised_ridge = threshold * samples;
    Ok(Equivalent {
        samples,
        ridge,
        renormalised_ridge,
        threshold,
        gamma,
        rigidity,
        learned_modes: sums.learned,
        bias: sums.bias,
        generalization_error: (sums.bias + noise * gamma) / rigidity,
        total_error,
        training_error: (ridge / renormalised_ridge).powi(2) * total_error,
        posterior_variance: threshold * sums.learned,
        slope: (slope_of_bias + total_error * slope_of_gamma) / rigidity,
        tail_share,
        residual: (ridge / threshold + sums.learned - samples).abs() / samples,
        iterations: iterations + 1,
    })
}

/// The prior: nothing is learned.
fn without_samples(spectrum: &Spectrum, ridge: f64) -> Equivalent {
    let (trace, power) = (spectrum.trace(), spectrum.target_power());
    Equivalent {
        samples: 0.0,
        ridge,
        renormalised_ridge: ridge + trace,
        threshold: f64::INFINITY,
        gamma: 0.0,
        rigidity: 1.0,
        learned_modes: 0.0,
        bias: power,
        generalization_error: power,
        total_error: power + spectrum.noise(),
        training_error: (ridge / (ridge + trace)).powi(2) * (power + spectrum.noise()),
        posterior_variance: trace,
        slope: 0.0,
        tail_share: 0.0,
        residual: 0.0,
        iterations: 0,
    }
}

/// Sums over modes at one threshold.
struct Sums {
    /// `sum L`
    learned: f64,
    /// `sum L (1 - L)`
    partial: f64,
    /// `sum L^2`
    squared: f64,
    /// `sum L^2 (1 - L)`
    squared_slope: f64,
    /// `sum y^2 (1 - L)^2`
    bias: f64,
    /// `sum y^2 L (1 - L)^2`
    bias_slope: f64,
}

impl Sums {
    /// Without samples.
    fn prior(spectrum: &Spectrum) -> Self {
        Sums {
            learned: 0.0,
            partial: 0.0,
            squared: 0.0,
            squared_slope: 0.0,
            bias: spectrum.target_power(),
            bias_slope: 0.0,
        }
    }

    fn at(spectrum: &Spectrum, threshold: f64) -> Self {
        let mut sums = spectrum.head_sum(
            #[inline(always)]
            |lam, mult, y2| {
                let inverse = 1.0 / (lam + threshold);
                let (learned, left) = (lam * inverse, threshold * inverse);
                let (count, error) = (mult * learned, y2 * left * left);
                [
                    count,
                    count * left,
                    count * learned,
                    count * learned * left,
                    error,
                    error * learned,
                ]
            },
        );
        if let Some(tail) = spectrum.tail() {
            for (sum, (p, q, weighted)) in sums.iter_mut().zip([
                (1, 1, false),
                (1, 2, false),
                (2, 2, false),
                (2, 3, false),
                (0, 2, true),
                (1, 3, true),
            ]) {
                *sum += tail.sum(p, q, threshold, weighted);
            }
        }
        let [learned, partial, squared, squared_slope, bias, bias_slope] = sums;
        Sums {
            learned,
            partial,
            squared,
            squared_slope,
            bias,
            bias_slope,
        }
    }
}

#[cfg(test)]
#[path = "equivalent_tests.rs"]
mod tests;
