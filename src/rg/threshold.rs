//! The learning threshold: the root of one equation for the number of modes that are learned.

use super::spectrum::Spectrum;
use crate::error::{Error, Result};

const MOST_STEPS: usize = 200;

/// `(sum L, sum L (1 - L))`: the number of learned modes and minus its derivative by `ln kp`.
pub(super) fn learned_modes(spectrum: &Spectrum, threshold: f64) -> (f64, f64) {
    let [mut learned, mut partial] = spectrum.head_sum(
        #[inline(always)]
        |lam, mult, _| {
            let inverse = 1.0 / (lam + threshold);
            let learned = mult * lam * inverse;
            [learned, learned * (threshold * inverse)]
        },
    );
    if let Some(tail) = spectrum.tail() {
        learned += tail.sum(1, 1, threshold, false);
        partial += tail.sum(1, 2, threshold, false);
    }
    (learned, partial)
}

/// The root `kp` of `sigma^2/kp + sum L = P`, and the evaluations it took.
pub(super) fn root(
    spectrum: &Spectrum,
    samples: f64,
    ridge: f64,
    start: Option<f64>,
) -> Result<(f64, usize)> {
    let high = (ridge + spectrum.trace()) / samples;
    let mut low = (ridge / samples).max(ridgeless_bracket(spectrum, samples, ridge)?);
    if let Some(tail) = spectrum.tail()
        && low < tail.least_threshold()
    {
        low = tail.least_threshold();
        let (learned, _) = learned_modes(spectrum, low);
        if ridge / low + learned < samples {
            return Err(tail.too_short(samples));
        }
    }
    let (mut low, mut high) = (low.ln() - 1e-12, high.ln() + 1e-12);
    let mut log = start.unwrap_or(0.5 * (low + high)).clamp(low, high);
    for step in 1..=MOST_STEPS {
        let threshold = log.exp();
        let (learned, partial) = learned_modes(spectrum, threshold);
        let all = ridge / threshold + learned;
        let gap = (all / samples).ln();
        if gap > 0.0 {
            low = log;
        } else {
            high = log;
        }
        let newton = log + gap * all / (ridge / threshold + partial);
        let next = if newton > low && newton < high {
            newton
        } else if (newton - log).abs() < 1e-13 {
            log
        } else {
            0.5 * (low + high)
        };
        // Newton's error after this step is of the order of its square.
        if (next - log).abs() < 1e-8 {
            return Ok((next.exp(), step));
        }
        log = next;
    }
    Err(Error::unconverged(
        "renormalised ridge",
        format!("ln kp is still between {low:e} and {high:e}"),
        "check the spectrum for eigenvalues beyond the range of numbers",
    ))
}

/// A lower bound of the root without a ridge, or the refusal where there is no root; 0 with a ridge.
pub(super) fn ridgeless_bracket(spectrum: &Spectrum, samples: f64, ridge: f64) -> Result<f64> {
    if ridge > 0.0 {
        return Ok(0.0);
    }
    let rank = spectrum.rank();
    if rank <= samples {
        let noise = spectrum.noise();
        let limit = match noise > 0.0 && rank < samples {
            true => format!("s^2 D/(P - D) = {:e}", noise * rank / (samples - rank)),
            false if noise > 0.0 => "divergent at D = P".into(),
            false => "0 (all modes are interpolated without noise)".into(),
        };
        return Err(Error::input(
            "ridge",
            format!(
                "ridgeless problem with D = {rank} modes <= P = {samples}: kappa = 0; E_g = {limit}"
            ),
            "take ridge > 0, fewer samples, or more modes",
        ));
    }
    if rank.is_infinite() {
        // The tail raises this to its least threshold.
        return Ok(0.0);
    }
    // Each of the D modes has L >= lam_D/(lam_D + kp).
    let mut rising = spectrum.eigenvalues().iter().copied().rev();
    let least = rising.find(|&lam| lam > 0.0).unwrap_or(0.0);
    Ok(least * (rank - samples) / samples)
}
