//! All minima of chi2 that several starts find.

use super::objective::Objective;
use super::parameter::Parameter;
use super::rough;
use crate::error::{Error, Result};
use crate::numerics::gauss_newton::{Descent, linearise};

/// Minima closer than this many standard errors are one.
const SAME: f64 = 0.1;

/// What the starts have found.
pub(super) struct Found {
    /// Distinct minima, the lowest first; at least one.
    pub minima: Vec<Descent>,
    /// Starts that led to no minimum.
    pub failed: usize,
    /// Whether one was found without derivatives.
    pub rough: bool,
}

/// The given start (or the middle) and `count - 1` further places that fill the cube evenly.
///
/// The places are those of an additive recurrence, `u_k = frac(1/2 + k a)` with `a_j = g^-j` and `g` the root of
/// `g^(d+1) = g + 1` in `d` dimensions. Source: M. Roberts, The unreasonable effectiveness of quasirandom sequences
/// (2018); for one dimension, the golden ratio.
pub(super) fn starts(parameters: &[Parameter], count: usize) -> Vec<Vec<f64>> {
    let given = |p: &Parameter| p.start.map_or(0.5, |x| p.place(x).clamp(0.0, 1.0));
    let dimensions = parameters.len() as f64;
    let mut ratio = 2.0f64;
    for _ in 0..60 {
        ratio = (1.0 + ratio).powf(1.0 / (dimensions + 1.0));
    }
    let place = |k: usize| {
        let one = |j: usize| (0.5 + k as f64 * ratio.powi(-(j as i32 + 1))).fract();
        (0..parameters.len()).map(one).collect()
    };
    let first = parameters.iter().map(given).collect();
    std::iter::once(first)
        .chain((1..count.max(1)).map(place))
        .collect()
}

/// Descends from every start.
///
/// # Errors
/// `Unconverged` if no start leads to a minimum; errors of the theory.
pub(super) fn search(objective: &mut Objective, starts: &[Vec<f64>]) -> Result<Found> {
    let mut found = Found {
        minima: vec![],
        failed: 0,
        rough: false,
    };
    for start in starts {
        match descend(objective, start)? {
            Some((minimum, rough)) => {
                found.rough |= rough;
                found.minima.push(minimum);
            }
            None => found.failed += 1,
        }
    }
    found.sort();
    match found.minima.is_empty() {
        false => Ok(found),
        true => Err(Error::unconverged(
            "fit",
            format!(
                "none of {} starts led to a minimum of chi2; {} of {} places tried have no prediction{}",
                starts.len(),
                objective.outside,
                objective.evaluations,
                match objective.reason.as_str() {
                    "" => String::new(),
                    reason => format!(" ({reason})"),
                }
            ),
            "start where the theory has values, narrow the bounds, or allow more starts",
        )),
    }
}

/// The minimum below a start, and whether it took a search without derivatives; `None` if there is none.
pub(super) fn descend(objective: &mut Objective, start: &[f64]) -> Result<Option<(Descent, bool)>> {
    let noise = objective.noise(start)?;
    let held = vec![false; start.len()];
    let Some(descent) = objective.descend(start, &held, noise)? else {
        return Ok(None);
    };
    if descent.converged {
        return Ok(Some((descent, false)));
    }
    let place = match rough::minimum(objective, &descent.x, &held) {
        Ok(place) => place,
        Err(Error::Unconverged { .. }) => return Ok(None),
        Err(other) => return Err(other),
    };
    // Values that defeat derivatives scatter: the Jacobian is taken over a whole standard error.
    let end = linearise(objective, &place, noise.max(1.0))?;
    Ok(end.map(|end| (end, true)))
}

impl Found {
    /// Lowest first, each minimum once.
    pub fn sort(&mut self) {
        self.minima.sort_by(|a, b| a.sum().total_cmp(&b.sum()));
        let mut distinct: Vec<Descent> = vec![];
        for minimum in self.minima.drain(..) {
            if !distinct.iter().any(|known| same(known, &minimum)) {
                distinct.push(minimum);
            }
        }
        self.minima = distinct;
    }
}

/// Whether two minima are less than [`SAME`] standard errors apart, in the curvature of the first one.
fn same(a: &Descent, b: &Descent) -> bool {
    let apart = nalgebra::DVector::from_fn(a.x.len(), |j, _| b.x[j] - a.x[j]);
    (&a.jacobian * &apart).norm() < SAME
}
