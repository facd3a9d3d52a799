//! The average over data sets where the spectrum of the kernel is known exactly.

use crate::error::{Error, Result};
use crate::rg::{Equivalent, Spectrum, equivalent, least_squares};

/// Learning curve of kernel ridge regression, `min sum (f - y)^2 + ridge |f|_H^2` (a Gaussian process with `T =
/// ridge`), on `samples` `P` of a population whose spectrum is known: [`equivalent()`], and beyond the interpolation
/// threshold without ridge [`least_squares`].
///
/// ```text
/// kap = ridge + kap sum_k lam_k/(kap + P lam_k)
/// gam = P sum_k lam_k^2/(kap + P lam_k)^2
/// E_g = [ sum_k w_k^2 kap^2/(kap + P lam_k)^2 + s_n^2 gam ] / (1 - gam)
/// E_tr = (ridge/kap)^2 (E_g + s_n^2)
/// ```
///
/// Corrections are `O(1/P)`. Modes with `lam = 0` are never learned and act as noise. At `ridge = 0` `kap` is positive
/// as long as `P < rank`; beyond, the limit `kap -> 0` of the formulas is returned.
///
/// Sources: Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561; Canatar, Bordelon, Pehlevan 2021, arXiv:2006.13198.
///
/// # Errors
/// Numbers that are negative or not finite; `ridge = 0` with `P = rank`, the interpolation threshold, where `E_g`
/// diverges.
///
/// ```
/// use saddlepoint::rg::{Level, Spectrum};
/// use saddlepoint::theory::learning_curve::learning_curve;
/// // 20 equal modes, no ridge: E_g = (1 - P/M) sum w^2.
/// let modes = Spectrum::new(&[Level { eigenvalue: 0.3, multiplicity: 20.0, target: 2.0 }])?;
/// let curve = learning_curve(&modes, 5.0, 0.0)?;
/// assert!((curve.generalization_error - 1.5).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn learning_curve(spectrum: &Spectrum, samples: f64, ridge: f64) -> Result<Equivalent> {
    let rank = spectrum.rank();
    if ridge == 0.0 && samples == rank {
        return Err(Error::unconverged(
            "learning curve",
            format!("P = {samples} samples for as many modes and ridge = 0: the error diverges"),
            "use a ridge > 0 or another number of samples",
        ));
    }
    match ridge == 0.0 && samples > rank {
        true => least_squares(spectrum, samples),
        false => equivalent(spectrum, samples, ridge),
    }
}

#[cfg(test)]
#[path = "self_consistent_tests.rs"]
mod tests;
