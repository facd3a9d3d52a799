//! Minima of a chi2 that derivatives do not find: golden section for one parameter, the simplex for several.

use super::objective::Objective;
use crate::error::{Error, Result};
use crate::numerics::optimize::nelder_mead;

/// Half width of the first bracket, and first edge of the simplex, as parts of the bounds.
const REACH: f64 = 0.05;
/// Parts of the bounds to which the place is found.
const TOLERANCE: f64 = 1e-6;

/// Lowest place found near `start` without derivatives; held parameters stay.
///
/// # Errors
/// `Unconverged` if the simplex does not shrink; errors of the theory.
pub(super) fn minimum(objective: &mut Objective, start: &[f64], held: &[bool]) -> Result<Vec<f64>> {
    let free: Vec<usize> = (0..start.len()).filter(|&j| !held[j]).collect();
    let with = |values: &[f64]| {
        let mut place = start.to_vec();
        for (&j, value) in free.iter().zip(values) {
            place[j] = value.clamp(0.0, 1.0);
        }
        place
    };
    let mut failure: Option<Error> = None;
    let mut chi2 = |values: &[f64]| match objective.chi2(&with(values)) {
        Ok(value) => value,
        Err(error) => {
            failure.get_or_insert(error);
            f64::INFINITY
        }
    };
    let from: Vec<f64> = free.iter().map(|&j| start[j]).collect();
    let best = match from[..] {
        [] => vec![],
        [one] => vec![golden_section(|u| chi2(&[u]), one)],
        _ => nelder_mead(&mut chi2, from, REACH, TOLERANCE)?.x,
    };
    match failure {
        Some(error) => Err(error),
        None => Ok(with(&best)),
    }
}

/// Golden section between 0 and 1: the bracket around `start` is widened until both its ends are higher, or walls.
fn golden_section(mut f: impl FnMut(f64) -> f64, start: f64) -> f64 {
    let (mut reach, middle) = (REACH, f(start));
    let (mut a, mut b) = loop {
        let (a, b) = ((start - reach).max(0.0), (start + reach).min(1.0));
        if (f(a) > middle || a == 0.0) && (f(b) > middle || b == 1.0) {
            break (a, b);
        }
        reach *= 2.0;
    };
    let ratio = 0.5 * (5f64.sqrt() - 1.0);
    let mut best = (middle, start);
    let mut see = |u: f64| {
        let value = f(u);
        if value < best.0 {
            best = (value, u);
        }
        value
    };
    see(a);
    see(b);
    let (mut c, mut d) = (b - ratio * (b - a), a + ratio * (b - a));
    let (mut fc, mut fd) = (see(c), see(d));
    while b - a > TOLERANCE {
        if fc < fd {
            (b, d, fd) = (d, c, fc);
            c = b - ratio * (b - a);
            fc = see(c);
        } else {
            (a, c, fc) = (c, d, fd);
            d = a + ratio * (b - a);
            fd = see(d);
        }
    }
    best.1
}
