//! Ridge regression on random features: the plane of samples and features, with two successive renormalisations of
//! the ridge.

use super::spectrum::Spectrum;
use super::threshold::{learned_modes, ridgeless_bracket};
use crate::error::{Error, Result};
use crate::numerics::root::brent;

/// Averages over data sets of `P` samples and draws of `N` features.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RandomFeatures {
    /// `kappa_1 = l/(1 - df_1/P)`, the ridge after the average over samples.
    pub sample_ridge: f64,
    /// `kappa_2 = kappa_1/(1 - df_1/N)`, after the average over features too: the eigenvalue of a mode that is half
    /// learned.
    pub threshold: f64,
    /// `df_1 = sum lam/(lam + kappa_2)`, the number of modes that are learned, below `min(P, N)`.
    pub learned_modes: f64,
    /// `df_2 = sum (lam/(lam + kappa_2))^2`
    pub squared_modes: f64,
    /// `E_g`, without the label noise of the test sample.
    pub generalization_error: f64,
    /// `E_tot = E_g + s^2`
    pub total_error: f64,
}

/// The learning curve of ridge regression on `features` `N` Gaussian random features of `samples` `P` data.
///
/// ```text
/// x ~ N(0, diag lam),  v = F^T x,  F_ij ~ N(0, 1/N),     w = argmin (1/P) sum_mu (w.v_mu - t_mu)^2 + l |w|^2
/// l = kappa_2 (1 - df_1/P)(1 - df_1/N),   df_n = sum_k L_k^n,   df_1 < min(P, N)
/// L_k = lam_k/(lam_k + kappa_2)
/// E_tot = [ sum_k y_k^2 (1 - L_k) ( 1 - L_k (N - df_1)/(N - df_2) ) + s^2 ]
///         / ( 1 - [ df_2 (N - 2 df_1) + df_1^2 ]/[ P (N - df_2) ] )
/// ```
///
/// `l` is `mean_ridge`, the ridge of the mean loss (`N -> inf` is [`super::equivalent()`] with the ridge `P l`).
/// Every factor of the first equation is one step of the flow, one factor of an S-transform: the average over samples
/// renormalises `l` to `kappa_1`, that over features `kappa_1` to `kappa_2`. `kappa_2` is symmetric under `P <-> N`,
/// and so is `E_g` of a noise-free target with `y_k^2 = lam_k`. Cost: `O(D)` for each of about 50 evaluations.
///
/// Sources: Simon et al. 2023, arXiv:2311.14646; Maloney, Roberts, Sully 2022, arXiv:2210.16859; Zhang 2024,
/// arXiv:2405.19398; Atanasov, Zavatone-Veth, Pehlevan 2024, arXiv:2405.00592.
///
/// # Errors
/// Numbers out of range; `l = 0` with `min(P, N)` not below the number of modes; `l = 0` with `P = N`, where the
/// error diverges.
///
/// ```
/// use saddlepoint::rg::{random_features, PowerLaw, Spectrum};
/// let modes = Spectrum::power_law(PowerLaw::new(1.0, 1.0), 1500)?;
/// let curve = random_features::random_features(&modes, 100.0, 300.0, 1e-3)?;
/// assert!((curve.total_error - 0.04286762).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn random_features(
    spectrum: &Spectrum,
    samples: f64,
    features: f64,
    mean_ridge: f64,
) -> Result<RandomFeatures> {
    let named = [
        ("samples", samples, samples > 0.0),
        ("features", features, features > 0.0),
        ("mean_ridge", mean_ridge, mean_ridge >= 0.0),
    ];
    for (name, value, valid) in named {
        if !(value.is_finite() && valid) {
            return Err(Error::input(
                name,
                format!("{value} is out of range"),
                "give finite numbers: samples and features > 0, mean_ridge >= 0",
            ));
        }
    }
    if mean_ridge == 0.0 && samples == features {
        return Err(Error::input(
            "mean_ridge",
            "without ridge the error diverges where samples and features are equal in number",
            "take mean_ridge > 0, or features != samples",
        ));
    }
    let threshold = threshold(spectrum, samples, features, mean_ridge)?;
    if let Some(tail) = spectrum.tail() {
        tail.check_share(threshold, samples.min(features))?;
    }
    Ok(errors(spectrum, samples, features, threshold))
}

fn threshold(spectrum: &Spectrum, samples: f64, features: f64, ridge: f64) -> Result<f64> {
    let least = samples.min(features);
    // The largest threshold at which df_1 = min(P, N); 0 where the modes are too few for that.
    let saturation = if ridge == 0.0 || spectrum.rank() > least {
        ridgeless_bracket(spectrum, least, 0.0)?;
        super::equivalent(&spectrum.trusted(), least, 0.0)?.threshold
    } else {
        0.0
    };
    if ridge == 0.0 {
        return Ok(saturation);
    }
    let gap = |log: f64| {
        let (learned, _) = learned_modes(spectrum, log.exp());
        let left = (1.0 - learned / samples) * (1.0 - learned / features);
        // At rounding below saturation the factor is not positive.
        match learned < least {
            true => log + left.ln() - ridge.ln(),
            false => -1e3,
        }
    };
    let low = saturation.max(ridge).ln();
    let mut high = low.max(((spectrum.trace() / least) + ridge).ln()) + 1.0;
    for _ in 0..100 {
        if gap(high) > 0.0 {
            break;
        }
        high += 1.0;
    }
    Ok(brent(gap, low - 1e-13, high, 1e-15)?.x.exp())
}

fn errors(spectrum: &Spectrum, samples: f64, features: f64, threshold: f64) -> RandomFeatures {
    let mut sums = spectrum.head_sum(
        #[inline(always)]
        |lam, mult, y2| {
            let inverse = 1.0 / (lam + threshold);
            let (learned, left) = (lam * inverse, threshold * inverse);
            [
                mult * learned,
                mult * learned * learned,
                y2 * left,
                y2 * left * learned,
            ]
        },
    );
    if let Some(tail) = spectrum.tail() {
        let terms = [(1, 1, false), (2, 2, false), (0, 1, true), (1, 2, true)];
        for (sum, (p, q, weighted)) in sums.iter_mut().zip(terms) {
            *sum += tail.sum(p, q, threshold, weighted);
        }
    }
    let [learned, squared, left, partial] = sums;
    let bias = left - partial * (features - learned) / (features - squared);
    let spent = (squared * (features - 2.0 * learned) + learned * learned)
        / (samples * (features - squared));
    let noise = spectrum.noise();
    let sample_ridge = threshold * (1.0 - learned / features);
    RandomFeatures {
        sample_ridge,
        threshold,
        learned_modes: learned,
        squared_modes: squared,
        generalization_error: (bias + noise * spent) / (1.0 - spent),
        total_error: (bias + noise) / (1.0 - spent),
    }
}

#[cfg(test)]
#[path = "random_features_tests.rs"]
mod tests;
