//! How far chi2 may rise within an interval, when its covariance has been estimated from few draws.

use crate::error::{Error, Result};
use statrs::distribution::{ContinuousCDF, FisherSnedecor, Normal, StudentsT};

/// Confidence levels of the intervals: one standard deviation of a normal law, and 95 %.
pub const LEVELS: [f64; 2] = [0.682_689_492_137_085_9, 0.95];
/// Degrees of freedom beyond which Student's law is the normal one.
const MANY: f64 = 1e6;

/// Law of the rise of chi2 at the true value of one parameter: `scale t^2`, with Student's `t` of `freedom`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Law {
    /// Factor of the rise; 1 for a known covariance.
    pub scale: f64,
    /// Degrees of freedom of `t`; many for a known covariance.
    pub freedom: f64,
}

impl Law {
    /// The exact law of a linear model with normal errors and the sample covariance of `n` draws.
    ///
    /// ```text
    /// q = m - p,    freedom = n - 1 - q,    scale = (n - 1)/(n - 1 - q) [ 1 + chi2/(n - 1) ]
    /// ```
    ///
    /// The `q` combinations of the `m` points that do not depend on the `p` parameters serve as regressors which take
    /// noise out of the estimate. Their coefficients are estimated, which costs `q` degrees of freedom, and the more
    /// the larger these combinations happen to be, which chi2 measures.
    ///
    /// Sources: C. R. Rao, Biometrika 46, 49 (1959), and Proc. 5th Berkeley Symp. 1, 355 (1967); the same effect in
    /// cosmology: Percival, Friedrich, Sellentin, Heavens 2022, arXiv:2108.10402.
    ///
    /// ```
    /// use saddlepoint::compare::fit::Law;
    /// let law = Law::exact(12, 6, 5.5);
    /// assert_eq!(law.freedom, 5.0);
    /// assert!((law.scale - 11.0 / 5.0 * 1.5).abs() < 1e-15);
    /// ```
    pub fn exact(n: usize, q: usize, chi2: f64) -> Law {
        let (all, left) = (n as f64 - 1.0, n as f64 - 1.0 - q as f64);
        Law {
            scale: all / left * (1.0 + chi2 / all),
            freedom: left,
        }
    }

    /// Rise of chi2 at the ends of the interval of a level.
    pub fn rise(&self, level: f64) -> Result<f64> {
        Ok(self.scale * student(level, self.freedom)?.powi(2))
    }

    /// Standard deviations of a normal law that are as unlikely as a rise.
    pub fn deviate(&self, rise: f64) -> Result<f64> {
        let t = (rise.max(0.0) / self.scale).sqrt();
        if t.is_infinite() {
            return Ok(37.0);
        }
        let tail = law(self.freedom)?.sf(t).max(1e-299);
        Ok((-Normal::standard().inverse_cdf(tail)).clamp(0.0, 37.0))
    }
}

fn law(freedom: f64) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom.min(MANY)).map_err(|e| Error::bug("Student t", e.to_string()))
}

/// Two-sided quantile: `P(|t| <= quantile) = level`.
pub(super) fn student(level: f64, freedom: f64) -> Result<f64> {
    Ok(law(freedom)?.inverse_cdf(0.5 + 0.5 * level))
}

/// Two-sided quantile of the normal law.
pub(super) fn normal(level: f64) -> f64 {
    Normal::standard().inverse_cdf(0.5 + 0.5 * level)
}

/// Probability of a larger minimum of chi2, with the sample covariance of `n` draws and `q` degrees of freedom.
///
/// ```text
/// F = (n - q)/[(n - 1) q] chi2        follows Fisher's law with q and n - q degrees of freedom
/// ```
///
/// chi2 is Hotelling's `T^2` of the `q` combinations of points on which no parameter acts. `None` for `q = 0`.
/// Source: H. Hotelling, Ann. Math. Stat. 2, 360 (1931).
///
/// ```
/// use saddlepoint::compare::fit::hotelling;
/// // One combination: T^2 = t^2, and t = 2.200985 is the 95 % point of Student's law with 11 degrees of freedom.
/// let p = hotelling(2.200985f64.powi(2), 12, 1)?.expect("a degree of freedom");
/// assert!((p - 0.05).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn hotelling(chi2: f64, n: usize, q: usize) -> Result<Option<f64>> {
    if q == 0 {
        return Ok(None);
    }
    let (n, q) = (n as f64, q as f64);
    let law =
        FisherSnedecor::new(q, n - q).map_err(|e| Error::bug("Fisher's law", e.to_string()))?;
    Ok(Some(
        law.sf((n - q) / ((n - 1.0) * q) * chi2).clamp(0.0, 1.0),
    ))
}
