//! The modes of a discrete spectrum one by one, as the theories of the learned function take them.

use super::spectrum::Spectrum;
use crate::error::{Error, Result};

/// Most modes that are integrated one by one.
const MOST_MODES: f64 = 1e5;

/// One mode of the learned function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// `lam_k`
    pub eigenvalue: f64,
    /// `y_k`, of either sign (nothing but the mean depends on it).
    pub coefficient: f64,
}

/// The modes of a spectrum one by one, by falling eigenvalue; the target of a level is put into its first mode, which a
/// rotation of the level can always do.
///
/// # Errors
/// An infinite tail, multiplicities that are not whole, or more than 100,000 modes.
pub fn modes(spectrum: &Spectrum) -> Result<Vec<Mode>> {
    let [count] = spectrum.head_sum(|_, mult, _| [mult]);
    if spectrum.tail().is_some() || !spectrum.is_discrete() || count > MOST_MODES {
        return Err(Error::input(
            "spectrum",
            "modes are integrated one by one: an infinite tail, a fractional multiplicity or too many modes",
            "take at most 100000 modes with whole multiplicities (modes that are not learned can be left out)",
        ));
    }
    let mut all = Vec::with_capacity(count as usize);
    for (level, &lam) in spectrum.eigenvalues().iter().enumerate() {
        for copy in 0..spectrum.multiplicity(level) as usize {
            all.push(Mode {
                eigenvalue: lam,
                coefficient: match copy {
                    0 => spectrum.targets()[level].sqrt(),
                    _ => 0.0,
                },
            });
        }
    }
    Ok(all)
}
