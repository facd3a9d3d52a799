//! Equivalence against a stated tolerance: agree, disagree, or not enough draws to say.

use super::deviation::Scatter;
use super::draws::Blocks;
use crate::error::{Error, Result};

/// How large a deviation still counts as agreement.
#[derive(
    Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Tolerance {
    /// Of `||E d|| / ||E m||`, the relative L2 distance over all points.
    Relative(f64),
    /// Of the root mean square of `E d` over points, in the observable's unit; for quantities near zero.
    Absolute(f64),
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance::Relative(0.05)
    }
}

impl Tolerance {
    /// The number itself.
    pub fn value(self) -> f64 {
        match self {
            Tolerance::Relative(v) | Tolerance::Absolute(v) => v,
        }
    }

    /// `"relative"` or `"absolute"`.
    pub fn metric(self) -> &'static str {
        match self {
            Tolerance::Relative(_) => "relative",
            Tolerance::Absolute(_) => "absolute",
        }
    }

    /// This tolerance, or the absolute one of an observable that may vanish
    /// ([`crate::instrument::Observable::vanishing`]) where a relative one asks for less: at values below `vanishing`
    /// over the relative tolerance, and beside a theory of zero, from which no distance is relative.
    ///
    /// ```
    /// use saddlepoint::compare::{Blocks, Tolerance};
    /// let (small, large) = (Blocks::fixed(&[2e-5]), Blocks::fixed(&[0.5]));
    /// let tolerance = Tolerance::Relative(0.05);
    /// assert_eq!(tolerance.or_absolute(Some(0.01), &small, false), Tolerance::Absolute(0.01));
    /// assert_eq!(tolerance.or_absolute(Some(0.01), &large, false), tolerance);
    /// assert_eq!(tolerance.or_absolute(Some(0.01), &large, true), Tolerance::Absolute(0.01));
    /// assert_eq!(tolerance.or_absolute(None, &small, true), tolerance);
    /// ```
    pub fn or_absolute(
        self,
        vanishing: Option<f64>,
        measured: &Blocks,
        theory_is_zero: bool,
    ) -> Tolerance {
        let (Tolerance::Relative(relative), Some(vanishing)) = (self, vanishing) else {
            return self;
        };
        let mean = measured.mean();
        let defined: Vec<f64> = mean.into_iter().filter(|m| m.is_finite()).collect();
        let square: f64 = defined.iter().map(|m| m * m).sum();
        let size = (square / defined.len().max(1) as f64).sqrt();
        match theory_is_zero || relative * size < vanishing {
            true => Tolerance::Absolute(vanishing),
            false => self,
        }
    }

    pub(super) fn check(self) -> Result<()> {
        if self.value() > 0.0 && self.value().is_finite() {
            return Ok(());
        }
        Err(Error::input(
            "compare.tolerance",
            format!("{} is not a positive number", self.value()),
            "state a positive tolerance, for example 0.05",
        ))
    }
}

/// What the comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase", tag = "verdict")]
pub enum Verdict {
    /// The whole interval lies below the tolerance.
    Agree,
    /// The whole interval lies above the tolerance.
    Disagree,
    /// The tolerance lies inside the interval, or the draws cannot answer.
    Inconclusive {
        /// Number of blocks at which the interval would clear the tolerance if the present estimate is right; `None` when
        /// the estimate is within 1 % of the tolerance, when more than a million would be needed, or when draws do not help.
        draws_needed: Option<usize>,
    },
}

impl Verdict {
    /// `agree`, `disagree` or `inconclusive`.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Agree => "agree",
            Verdict::Disagree => "disagree",
            Verdict::Inconclusive { .. } => "inconclusive",
        }
    }

    /// From an interval alone; `None` when the tolerance lies inside it.
    pub fn of(interval: [f64; 2], tolerance: f64) -> Option<Verdict> {
        if interval[1] < tolerance {
            Some(Verdict::Agree)
        } else if interval[0] > tolerance {
            Some(Verdict::Disagree)
        } else {
            None
        }
    }
}

/// Smallest number of draws whose expected interval clears the tolerance, were the present estimate right.
///
/// `scale` divides norms into deviations; `bound` is the numerical error, in units of the deviation.
pub(super) fn draws_needed(
    scatter: &Scatter,
    scale: f64,
    bound: f64,
    tolerance: f64,
) -> Result<Option<usize>> {
    const MOST: usize = 1_000_000;
    let estimate = scatter.excess().max(0.0).sqrt() / scale;
    // The numerical error widens the interval by `bound` on both sides, however many draws there are.
    if (estimate - tolerance).abs() <= bound + 0.01 * tolerance {
        return Ok(None);
    }
    let clears = |n: usize| -> Result<bool> {
        let [lower, upper] = scatter.planned(n).interval()?;
        let widened = [lower / scale - bound, upper / scale + bound];
        Ok(Verdict::of(widened, tolerance).is_some())
    };
    let (mut few, mut enough) = (1, 5);
    while !clears(enough)? {
        (few, enough) = (enough, 2 * enough);
        if enough > MOST {
            return Ok(None);
        }
    }
    while enough - few > 1 {
        let middle = few + (enough - few) / 2;
        if middle >= 2 && clears(middle)? {
            enough = middle;
        } else {
            few = middle;
        }
    }
    Ok(Some(enough.max(super::MIN_DRAWS_FOR_P)))
}

/// Factor on a number of samples that clears the tolerance with the present draws, were the present estimate right and
/// `planned` what such a factor does to the scatter; `None` where no factor up to a million does.
pub(super) fn samples_needed(
    planned: impl Fn(f64) -> Scatter,
    scale: f64,
    bound: f64,
    tolerance: f64,
) -> Result<Option<f64>> {
    const MOST: f64 = 1e6;
    let clears = |factor: f64| -> Result<bool> {
        let [lower, upper] = planned(factor).interval()?;
        let widened = [lower / scale - bound, upper / scale + bound];
        Ok(Verdict::of(widened, tolerance).is_some())
    };
    let (mut few, mut enough) = (1.0, 2.0);
    while !clears(enough)? {
        (few, enough) = (enough, 2.0 * enough);
        if enough > MOST {
            return Ok(None);
        }
    }
    while enough > 1.05 * few {
        let middle = (few * enough).sqrt();
        match clears(middle)? {
            true => enough = middle,
            false => few = middle,
        }
    }
    Ok(Some(enough))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    #[test]
    fn verdict_follows_the_interval() {
        assert_eq!(Verdict::of([0.0, 0.04], 0.05), Some(Verdict::Agree));
        assert_eq!(Verdict::of([0.06, 0.1], 0.05), Some(Verdict::Disagree));
        assert_eq!(Verdict::of([0.04, 0.06], 0.05), None);
    }

    #[test]
    fn the_draws_needed_clear_the_tolerance_and_one_fewer_do_not() {
        let d = normal_matrix(&mut stream(4, "needed", &[]), 8, 10).map(|z| 0.1 * z);
        let s = Scatter::new(&d, None, None);
        let estimate = s.excess().max(0.0).sqrt();
        let tolerance = estimate + 0.03;
        let n = draws_needed(&s, 1.0, 0.0, tolerance).unwrap().unwrap();
        assert!(n > 8);
        let upper = |n| s.planned(n).interval().unwrap()[1];
        assert!(upper(n) < tolerance && upper(n - 1) >= tolerance);
        // Half the distance to the tolerance needs about four times the draws (interval width ~ n^(-1/2) or slower).
        let more = draws_needed(&s, 1.0, 0.0, estimate + 0.015)
            .unwrap()
            .unwrap();
        assert!(more > 2 * n, "{n} {more}");
        assert_eq!(draws_needed(&s, 1.0, 1.0, tolerance).unwrap(), None);
    }

    #[test]
    fn tolerance_must_be_positive() {
        assert!(Tolerance::Relative(0.0).check().is_err());
        assert!(Tolerance::Absolute(f64::NAN).check().is_err());
        assert!(Tolerance::default().check().is_ok());
    }
}
