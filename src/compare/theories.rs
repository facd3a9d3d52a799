//! Theory against theory: one of them, the reference, stands where the measurement stands elsewhere.
//!
//! The errors of both sides enter. Numerical bounds add: `B = B_reference + B_theory` at every point. What the theories
//! are given of the draws is paired draw by draw, so that the scatter of the draws cancels as far as both follow it. A
//! Monte Carlo theory has independent repeats; where no draws tell rows apart, its repeats are the rows, and the
//! interval is that of their scatter. With two Monte Carlo theories, repeat `r` of one belongs to repeat `r` of the
//! other, since theories of one kind share their random streams.

use super::comparison::{Beside, Comparison, TheoryCurve, beside};
use super::draws::Blocks;
use super::verdict::Tolerance;
use crate::error::Result;

/// A theory beside the reference, on the same points.
#[derive(Debug, Clone, PartialEq)]
pub struct Pair {
    /// Stands where the measurement stands elsewhere.
    pub reference: TheoryCurve,
    /// Is compared with it.
    pub theory: TheoryCurve,
    /// Whether one of the two is given something of the draws.
    pub drawn: bool,
}

impl Pair {
    /// Two curves with one row each, or with one row per draw of the same draws.
    ///
    /// Curves of a single row whose theory has repeats get the repeats as rows. Of two theories with different numbers
    /// of repeats the one with fewer gives the rows, and the other one keeps its standard error.
    ///
    /// ```
    /// use nalgebra::DMatrix;
    /// use saddlepoint::compare::{Blocks, Pair, TheoryCurve, Tolerance, Verdict};
    /// let exact = TheoryCurve::exact(Blocks::fixed(&[1.0, 2.0]));
    /// let other = TheoryCurve::exact(Blocks::fixed(&[2.0, 4.0]));
    /// let row = Pair::new(exact.clone(), other, false).compare(Tolerance::Relative(0.05), 0)?;
    /// assert_eq!((row.verdict, row.p), (Verdict::Disagree, None));
    ///
    /// let mut sampled = exact.clone();
    /// sampled.repeats = Some(DMatrix::from_row_slice(2, 2, &[0.99, 2.01, 1.01, 1.99]));
    /// let row = Pair::new(exact, sampled, false).compare(Tolerance::Relative(0.05), 0)?;
    /// assert_eq!((row.n, row.level.name()), (2, "repeats"));
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn new(mut reference: TheoryCurve, mut theory: TheoryCurve, drawn: bool) -> Pair {
        if reference.values.n() == 1 && theory.values.n() == 1 {
            let repeats = |c: &TheoryCurve| c.repeats.as_ref().map_or(usize::MAX, |r| r.nrows());
            let (of_reference, of_theory) = (repeats(&reference), repeats(&theory));
            if of_reference <= of_theory {
                by_repeats(&mut reference);
            }
            if of_theory <= of_reference {
                by_repeats(&mut theory);
            }
        }
        if reference.values.n() < theory.values.n() {
            reference.values = reference.values.spread_over(&theory.values);
        }
        Pair {
            reference,
            theory,
            drawn,
        }
    }

    /// The theory with the errors of both sides, as a comparison takes it.
    pub fn curve(&self) -> TheoryCurve {
        let (a, b) = (&self.reference, &self.theory);
        let bounds = a.bound.iter().zip(&b.bound);
        let stderr = match (&a.stderr, &b.stderr) {
            (Some(a), Some(b)) => Some(a.iter().zip(b).map(|(a, b)| a.hypot(*b)).collect()),
            (a, b) => a.clone().or_else(|| b.clone()),
        };
        TheoryCurve {
            bound: bounds.map(|(a, b)| a + b).collect(),
            stderr,
            ..b.clone()
        }
    }

    /// The row of the theory: its deviation from the reference, relative to the size of the reference.
    ///
    /// # Errors
    /// As [`super::compare`].
    pub fn compare(&self, tolerance: Tolerance, seed: u64) -> Result<Comparison> {
        let with = Beside::Theory { drawn: self.drawn };
        beside(&self.reference.values, &self.curve(), tolerance, seed, with)
    }
}

/// The repeats of a Monte Carlo theory as rows: their scatter is its statistical error.
fn by_repeats(curve: &mut TheoryCurve) {
    if let Some(repeats) = curve.repeats.take() {
        curve.values = Blocks::repeated(repeats);
        curve.stderr = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::Verdict;
    use crate::numerics::random::{normal_matrix, stream};

    const TOLERANCE: Tolerance = Tolerance::Relative(0.05);

    fn exact(values: &[f64], bound: f64) -> TheoryCurve {
        TheoryCurve {
            bound: vec![bound; values.len()],
            ..TheoryCurve::exact(Blocks::fixed(values))
        }
    }

    fn sampled(seed: u64, values: &[f64], noise: f64, repeats: usize) -> TheoryCurve {
        let z = normal_matrix(&mut stream(seed, "sampled", &[]), repeats, values.len());
        let rows =
            nalgebra::DMatrix::from_fn(repeats, values.len(), |r, k| values[k] + noise * z[(r, k)]);
        let blocks = Blocks::repeated(rows.clone());
        TheoryCurve {
            values: Blocks::fixed(&blocks.mean()),
            stderr: blocks.stderr(),
            repeats: Some(rows),
            ..exact(values, 0.0)
        }
    }

    /// Bounds of both sides add: 1 and 1.2 with bounds of 0.04 and 0.06 are between 10 % and 30 % apart.
    #[test]
    fn the_bounds_of_both_sides_add() {
        let pair = Pair::new(exact(&[1.0], 0.04), exact(&[1.2], 0.06), false);
        let row = pair.compare(TOLERANCE, 0).unwrap();
        let [lower, upper] = row.interval.unwrap();
        assert!((lower - 0.1).abs() < 1e-12 && (upper - 0.3).abs() < 1e-12);
        assert_eq!((row.verdict, row.p), (Verdict::Disagree, None));
        assert!(
            row.notes[0].contains("numerical bounds of both"),
            "{:?}",
            row.notes
        );
        let pair = Pair::new(exact(&[1.0], 0.1), exact(&[1.2], 0.06), false);
        let row = pair.compare(TOLERANCE, 0).unwrap();
        assert_eq!(row.verdict, Verdict::Inconclusive { draws_needed: None });
    }

    /// The interval of a curve that is 10 % off covers the 10 % in 95 % of the runs, whichever side samples, and with
    /// both sampling as many times or not.
    #[test]
    fn intervals_hold_the_noise_of_both_sides() {
        let (truth, off) = ([1.0, 2.0, 2.0], [1.1, 2.2, 2.2]);
        for (case, repeats) in [[0, 8], [8, 0], [8, 8], [8, 20]].into_iter().enumerate() {
            let mut covered = 0;
            for seed in 0..200 {
                let side = |values: &[f64; 3], n: usize, purpose: u64| match n {
                    0 => exact(values, 0.0),
                    n => sampled(1000 * purpose + seed, values, 0.3, n),
                };
                let pair = Pair::new(
                    side(&truth, repeats[0], 1),
                    side(&off, repeats[1], 2),
                    false,
                );
                let [lower, upper] = pair.compare(TOLERANCE, 0).unwrap().interval.unwrap();
                covered += usize::from(lower <= 0.1 && 0.1 <= upper);
            }
            assert!(
                (181..=199).contains(&covered),
                "case {case}: {covered} of 200"
            );
        }
    }

    #[test]
    fn a_reference_of_zero_is_named() {
        let pair = Pair::new(exact(&[0.0], 0.0), exact(&[1.0], 0.0), false);
        let message = pair.compare(TOLERANCE, 0).unwrap_err().to_string();
        assert!(
            message.contains("the reference is 0 at every point"),
            "{message}"
        );
    }
}
