//! Spectra of kernels: levels with multiplicity and target weight, a tail that follows a power law, and label noise.

use super::tail::Tail;
use crate::error::{Error, Result};
use crate::numerics::elementary::exp;

/// The share of the samples that an infinite tail may hold before it is refused, unless the caller asks for more.
pub const LARGEST_TAIL_SHARE: f64 = 1e-3;

/// A group of equal eigenvalues, `E_x' K(x, x') phi_k(x') = lam_k phi_k(x)`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Level {
    /// `lam >= 0`
    pub eigenvalue: f64,
    /// Number of eigenfunctions (a real number is allowed: a density of modes).
    pub multiplicity: f64,
    /// `sum y_k^2` over the level: squared target coefficients in the orthonormal eigenfunctions.
    pub target: f64,
}

impl Level {
    /// One eigenfunction.
    pub fn single(eigenvalue: f64, target: f64) -> Self {
        Level {
            eigenvalue,
            multiplicity: 1.0,
            target,
        }
    }
}

/// A power law, `lam_k = A k^-(1+alpha)` and `y_k^2 = B k^-(1+beta)`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct PowerLaw {
    /// `alpha`; the kernel has a finite trace for `alpha > 0`.
    pub alpha: f64,
    /// `beta`; the target has a finite norm for `beta > 0`.
    pub beta: f64,
    /// `A`
    pub eigenvalue_scale: f64,
    /// `B`
    pub target_scale: f64,
}

impl PowerLaw {
    /// The law with `A = B = 1`.
    pub fn new(alpha: f64, beta: f64) -> Self {
        PowerLaw {
            alpha,
            beta,
            eigenvalue_scale: 1.0,
            target_scale: 1.0,
        }
    }

    /// The level of mode `k >= 1`.
    pub fn level(&self, k: usize) -> Level {
        let ln = (k as f64).ln();
        Level::single(
            self.eigenvalue_scale * exp(-(1.0 + self.alpha) * ln),
            self.target_scale * exp(-(1.0 + self.beta) * ln),
        )
    }
}

/// A spectrum with its target and its label noise: all that a learning curve depends on, beside samples and ridge.
///
/// Levels are kept by falling eigenvalue. A spectrum is finite, or goes on beyond its levels by a power law.
#[derive(Debug, Clone, PartialEq)]
pub struct Spectrum {
    pub(super) eigenvalues: Vec<f64>,
    /// None where all are 1.
    pub(super) multiplicities: Option<Vec<f64>>,
    pub(super) targets: Vec<f64>,
    tail: Option<Tail>,
    noise: f64,
}

impl Spectrum {
    /// A finite spectrum without label noise.
    ///
    /// # Errors
    /// No level with a positive eigenvalue; numbers that are negative or not finite.
    ///
    /// ```
    /// use saddlepoint::rg::{Level, Spectrum};
    /// let triple = Level { eigenvalue: 2.0, multiplicity: 3.0, target: 1.5 };
    /// let modes = Spectrum::new(&[Level::single(0.5, 1.0), triple])?;
    /// assert_eq!((modes.trace(), modes.rank()), (6.5, 4.0));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(levels: &[Level]) -> Result<Self> {
        let valid = |v: f64| v.is_finite() && v >= 0.0;
        let bad = levels
            .iter()
            .position(|l| !(valid(l.eigenvalue) && valid(l.multiplicity) && valid(l.target)));
        if let Some(k) = bad {
            return Err(Error::input(
                "spectrum",
                format!("level {k} is {:?}", levels[k]),
                "eigenvalues, multiplicities and squared targets are finite and >= 0",
            ));
        }
        if !levels
            .iter()
            .any(|l| l.eigenvalue > 0.0 && l.multiplicity > 0.0)
        {
            return Err(Error::input(
                "spectrum",
                "the spectrum is empty: no mode has a positive eigenvalue",
                "give at least one level with eigenvalue > 0 and multiplicity > 0",
            ));
        }
        let mut sorted: Vec<&Level> = levels.iter().collect();
        sorted.sort_by(|a, b| b.eigenvalue.total_cmp(&a.eigenvalue));
        let single = sorted.iter().all(|l| l.multiplicity == 1.0);
        Ok(Spectrum {
            eigenvalues: sorted.iter().map(|l| l.eigenvalue).collect(),
            multiplicities: match single {
                true => None,
                false => Some(sorted.iter().map(|l| l.multiplicity).collect()),
            },
            targets: sorted.iter().map(|l| l.target).collect(),
            tail: None,
            noise: 0.0,
        })
    }

    /// The first `modes` modes of a power law, and nothing beyond.
    ///
    /// # Errors
    /// As [`Spectrum::new`]; eigenvalues that do not fall (`alpha <= -1`).
    pub fn power_law(law: PowerLaw, modes: usize) -> Result<Self> {
        if law.alpha.is_nan() || law.alpha <= -1.0 {
            return Err(Error::input(
                "alpha",
                format!("{} gives eigenvalues that do not fall", law.alpha),
                "take alpha > -1 (alpha > 0 for an infinite spectrum)",
            ));
        }
        let ln: Vec<f64> = (1..=modes).map(|k| (k as f64).ln()).collect();
        let power = |scale: f64, exponent: f64| -> Vec<f64> {
            ln.iter().map(|ln| scale * exp(-exponent * ln)).collect()
        };
        // The levels between the first and the last lie between them.
        let ends: Vec<Level> = [1, modes].map(|k| law.level(k)).to_vec();
        Spectrum::new(&ends[..modes.min(2)])?;
        Ok(Spectrum {
            eigenvalues: power(law.eigenvalue_scale, 1.0 + law.alpha),
            multiplicities: None,
            targets: power(law.target_scale, 1.0 + law.beta),
            tail: None,
            noise: 0.0,
        })
    }

    /// An infinite power law: `head` modes one by one, and the rest by Euler-Maclaurin sums.
    ///
    /// # Errors
    /// As [`Spectrum::power_law`] and [`Spectrum::with_tail`].
    pub fn infinite(law: PowerLaw, head: usize) -> Result<Self> {
        Spectrum::power_law(law, head)?.with_tail(law, LARGEST_TAIL_SHARE)
    }

    /// The same spectrum, continued to infinity: mode `k` beyond the levels given has `lam_k`, `y_k^2` of the law.
    ///
    /// The modes of the head are counted by their multiplicities. A solver refuses the result where the tail holds more
    /// than `largest_share` of the samples ([`LARGEST_TAIL_SHARE`] is a good choice): then a finite head alone
    /// would have been misleading, and the caller must say that the law is trusted that far.
    ///
    /// # Errors
    /// A law that cannot be summed (`alpha <= 0` or `beta <= 0`), or whose eigenvalues exceed those of the head.
    pub fn with_tail(mut self, law: PowerLaw, largest_share: f64) -> Result<Self> {
        let [head] = self.head_sum(|_, mult, _| [mult]);
        let last = self.eigenvalues.last().copied().unwrap_or(0.0);
        self.tail = Some(Tail::new(law, head, last, largest_share)?);
        Ok(self)
    }

    /// The same spectrum with label noise of this variance on every training label.
    ///
    /// # Errors
    /// A variance that is negative or not finite.
    pub fn with_noise(mut self, variance: f64) -> Result<Self> {
        if !(variance.is_finite() && variance >= 0.0) {
            return Err(Error::input(
                "noise",
                format!("{variance} is no variance"),
                "give a finite number >= 0",
            ));
        }
        self.noise = variance;
        Ok(self)
    }

    /// The theory of the first `levels` levels alone (at least one), without the rest; the label noise is kept.
    pub fn kept(&self, levels: usize) -> Self {
        let levels = levels.clamp(1, self.len());
        Spectrum {
            eigenvalues: self.eigenvalues[..levels].to_vec(),
            multiplicities: self.multiplicities.as_ref().map(|m| m[..levels].to_vec()),
            targets: self.targets[..levels].to_vec(),
            tail: None,
            noise: self.noise,
        }
    }

    /// All eigenvalues times a factor > 0; the target is kept.
    pub fn scaled(&self, factor: f64) -> Self {
        let mut scaled = self.clone();
        scaled.eigenvalues.iter_mut().for_each(|lam| *lam *= factor);
        scaled.tail = self.tail.map(|tail| tail.scaled(factor));
        scaled
    }

    /// The same spectrum for an intermediate step whose result is not reported: no tail is refused.
    pub(super) fn trusted(&self) -> Self {
        let mut trusted = self.clone();
        trusted.tail = self.tail.map(Tail::trusted);
        trusted
    }

    /// Number of levels that are stored one by one.
    pub fn len(&self) -> usize {
        self.eigenvalues.len()
    }

    /// Never: a spectrum has a level.
    pub fn is_empty(&self) -> bool {
        self.eigenvalues.is_empty()
    }

    /// Eigenvalues of the levels, falling.
    pub fn eigenvalues(&self) -> &[f64] {
        &self.eigenvalues
    }

    /// Multiplicity of a level, 1 for those beyond the last.
    pub fn multiplicity(&self, level: usize) -> f64 {
        self.multiplicities
            .as_ref()
            .and_then(|m| m.get(level))
            .map_or(1.0, |m| *m)
    }

    /// Whether all multiplicities are whole numbers.
    pub fn is_discrete(&self) -> bool {
        let whole = |m: &Vec<f64>| m.iter().all(|m| m.fract() == 0.0);
        self.multiplicities.as_ref().is_none_or(whole)
    }

    /// Squared target coefficients of the levels.
    pub fn targets(&self) -> &[f64] {
        &self.targets
    }

    /// The levels that are stored one by one, by falling eigenvalue.
    pub fn levels(&self) -> impl Iterator<Item = Level> + '_ {
        (0..self.len()).map(|k| Level {
            eigenvalue: self.eigenvalues[k],
            multiplicity: self.multiplicity(k),
            target: self.targets[k],
        })
    }

    /// The law `lam_k = A k^-(1+alpha)`, `y_k^2 = B k^-(1+beta)` that all modes follow, where they are single and
    /// follow one to 1e-9; `None` also for fewer than three modes.
    pub fn as_power_law(&self) -> Option<PowerLaw> {
        if self.len() < 3 || !self.levels().all(|l| l.multiplicity == 1.0) {
            return None;
        }
        let exponent = |v: &[f64]| (v[0] / v[1]).log2() - 1.0;
        let law = PowerLaw {
            alpha: exponent(&self.eigenvalues),
            beta: exponent(&self.targets),
            eigenvalue_scale: self.eigenvalues[0],
            target_scale: self.targets[0],
        };
        let follows = |(k, level): (usize, Level)| {
            let law = law.level(k + 1);
            let near = |a: f64, b: f64| b > 0.0 && (a / b - 1.0).abs() < 1e-9;
            near(level.eigenvalue, law.eigenvalue) && near(level.target, law.target)
        };
        self.levels().enumerate().all(follows).then_some(law)
    }

    /// The tail, if the spectrum is infinite.
    pub fn tail(&self) -> Option<&Tail> {
        self.tail.as_ref()
    }

    /// Variance of the label noise.
    pub fn noise(&self) -> f64 {
        self.noise
    }

    /// Number of modes with a positive eigenvalue.
    pub fn rank(&self) -> f64 {
        match self.tail {
            Some(_) => f64::INFINITY,
            None => self.head_sum(|lam, mult, _| [if lam > 0.0 { mult } else { 0.0 }])[0],
        }
    }

    /// `sum_k lam_k`
    pub fn trace(&self) -> f64 {
        self.tail.as_ref().map_or(0.0, Tail::trace) + self.head_sum(|lam, mult, _| [mult * lam])[0]
    }

    /// `sum_k y_k^2`
    pub fn target_power(&self) -> f64 {
        self.tail.as_ref().map_or(0.0, Tail::target_power) + self.head_sum(|_, _, y2| [y2])[0]
    }
}

#[cfg(test)]
#[path = "spectrum_tests.rs"]
mod tests;
