//! The tail of an infinite spectrum: sums over all modes beyond the last one that is stored.

use super::spectrum::PowerLaw;
use crate::error::{Error, Result};
use crate::numerics::zeta::log_moments;

/// The series in `z = lam/threshold` is used where its first term is at most this.
const LARGEST_RATIO: f64 = 0.5;

/// All modes `k > head` of a power law.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tail {
    law: PowerLaw,
    /// The first mode of the tail, `head + 1`.
    first: f64,
    largest_share: f64,
}

impl Tail {
    pub(super) fn new(law: PowerLaw, head: f64, last: f64, largest_share: f64) -> Result<Self> {
        let named = [
            ("alpha", law.alpha),
            ("beta", law.beta),
            ("eigenvalue_scale", law.eigenvalue_scale),
        ];
        for (name, value) in named {
            if !(value.is_finite() && value > 0.0) {
                return Err(Error::input(
                    name,
                    format!("{value}: the sum over infinitely many modes does not exist"),
                    "take a value > 0, or a finite number of modes",
                ));
            }
        }
        if !(law.target_scale.is_finite() && law.target_scale >= 0.0 && largest_share >= 0.0) {
            return Err(Error::input(
                "tail",
                "a target scale or a largest share that is negative or not a number",
                "give finite numbers >= 0",
            ));
        }
        let tail = Tail {
            law,
            first: head + 1.0,
            largest_share,
        };
        if tail.first_eigenvalue() > last * (1.0 + 1e-9) {
            return Err(Error::input(
                "tail",
                format!(
                    "its first eigenvalue {:e} exceeds {last:e}, the last one of the head",
                    tail.first_eigenvalue()
                ),
                "lower eigenvalue_scale, or store more modes one by one",
            ));
        }
        Ok(tail)
    }

    /// The same tail without a limit to its share.
    pub(super) fn trusted(mut self) -> Self {
        self.largest_share = f64::INFINITY;
        self
    }

    /// The same tail with all eigenvalues times a factor > 0.
    pub(super) fn scaled(mut self, factor: f64) -> Self {
        self.law.eigenvalue_scale *= factor;
        self
    }

    /// The law of the tail.
    pub fn law(&self) -> PowerLaw {
        self.law
    }

    fn first_eigenvalue(&self) -> f64 {
        self.law.eigenvalue_scale * self.first.powf(-(1.0 + self.law.alpha))
    }

    /// `sum (k/first)^-s` over the modes of the tail.
    fn zeta(&self, s: f64) -> f64 {
        log_moments(s, self.first, self.first)[0]
    }

    /// `sum lam_k` over the tail.
    pub fn trace(&self) -> f64 {
        self.first_eigenvalue() * self.zeta(1.0 + self.law.alpha)
    }

    /// `sum y_k^2` over the tail.
    pub fn target_power(&self) -> f64 {
        self.first_target() * self.zeta(1.0 + self.law.beta)
    }

    fn first_target(&self) -> f64 {
        self.law.target_scale * self.first.powf(-(1.0 + self.law.beta))
    }

    /// The smallest learning threshold at which the sums of the tail are available.
    pub(super) fn least_threshold(&self) -> f64 {
        self.first_eigenvalue() / LARGEST_RATIO
    }

    /// `sum_k z^p (1 + z)^-q` over the tail, `z = lam_k/threshold`; times `y_k^2` where `weighted`.
    ///
    /// ```text
    /// sum_n C(-q, n) z_1^(p+n) zeta_H((1+alpha)(p+n) [+ 1+beta], first)        z_1 = lam_first/threshold <= 1/2
    /// ```
    ///
    /// The geometric series in `z` is summed over modes term by term: each is a Hurwitz zeta function, which is
    /// computed by Euler-Maclaurin. Relative accuracy about 1e-13.
    pub(super) fn sum(&self, p: u32, q: u32, threshold: f64, weighted: bool) -> f64 {
        let ratio = self.first_eigenvalue() / threshold;
        let (weight, shift) = match weighted {
            true => (self.first_target(), 1.0 + self.law.beta),
            false => (1.0, 0.0),
        };
        let (mut binomial, mut total) = (1.0, 0.0);
        for n in 0..200 {
            let power = f64::from(p + n);
            let exponent = (1.0 + self.law.alpha) * power + shift;
            let term = binomial * ratio.powf(power) * self.zeta(exponent);
            total += term;
            if term.abs() <= 1e-17 * total.abs() {
                break;
            }
            binomial *= -f64::from(q + n) / f64::from(n + 1);
        }
        weight * total
    }

    /// Refuses a solution in which the tail holds too many of the samples.
    pub(super) fn check_share(&self, threshold: f64, samples: f64) -> Result<f64> {
        let share = self.sum(1, 1, threshold, false) / samples;
        if share <= self.largest_share {
            return Ok(share);
        }
        Err(Error::input(
            "spectrum",
            format!(
                "the tail beyond mode {} holds {share:.3e} of the {samples} samples, more than {:.1e}",
                self.first - 1.0,
                self.largest_share
            ),
            "store more modes one by one, or raise largest_share of the tail if its law is trusted that far",
        ))
    }

    /// The refusal of a root below [`Tail::least_threshold`].
    pub(super) fn too_short(&self, samples: f64) -> Error {
        Error::input(
            "spectrum",
            format!(
                "{samples} samples reach into the tail, which begins at mode {}",
                self.first
            ),
            "store several times as many modes as there are samples one by one",
        )
    }
}
