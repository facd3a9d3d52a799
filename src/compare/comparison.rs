//! One row of the league: a theory's curve against measured block values.

use super::deviation::Scatter;
use super::draws::{Blocks, Level};
use super::held_out::{HeldOutError, Sampling, TestSet};
use super::significance::{MIN_DRAWS_FOR_P, Residual, p_value, residuals, worst};
use super::verdict::{Tolerance, Verdict, draws_needed, samples_needed};
use crate::error::{Error, Result};
use crate::numerics::statistics::normal_equivalent;
use nalgebra::DMatrix;

/// Rounding of a measured value that took many operations, relative to the largest value of the curve: the smallest
/// numerical bound that any point gets.
const ROUNDING: f64 = 64.0 * f64::EPSILON;

/// What a theory says about the measured points.
#[derive(Debug, Clone, PartialEq)]
pub struct TheoryCurve {
    /// One row per block of the measurement (conditioned theory, paired), or one row for all.
    pub values: Blocks,
    /// Numerical error of each point, as a bound on its size (the largest over draws).
    pub bound: Vec<f64>,
    /// Statistical error of a Monte Carlo theory.
    pub stderr: Option<Vec<f64>>,
    /// Independent repeats of a Monte Carlo theory, one row each, where it hands them out: repeat `r` has the same
    /// random stream in all cells of a sweep, so that a reduction leaves it out of all cells at once.
    pub repeats: Option<DMatrix<f64>>,
    /// Levels the theory averages over without claiming self-averaging (`Promise::averages_over`).
    pub averages_over: Vec<&'static str>,
    /// On which test samples theory and measurement stand, of an observable that is formed on held-out ones.
    pub test_set: TestSet,
}

impl TheoryCurve {
    /// Whether every value is zero within its own numerical bound.
    pub fn is_zero(&self) -> bool {
        let columns = self.values.values.column_iter().zip(&self.bound);
        columns
            .into_iter()
            .all(|(column, bound)| column.amax() <= *bound)
    }

    /// Numerical bound plus one standard error at a point: half the band of a figure.
    pub fn half_width(&self, point: usize) -> f64 {
        self.bound[point] + self.stderr.as_ref().map_or(0.0, |s| s[point])
    }

    /// A curve without numerical or statistical error.
    pub fn exact(values: Blocks) -> TheoryCurve {
        TheoryCurve {
            bound: vec![0.0; values.points()],
            values,
            stderr: None,
            repeats: None,
            averages_over: Vec::new(),
            test_set: TestSet::Drawn,
        }
    }
}

/// The point that deviates most in units of its standard error.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Worst {
    /// Index among all points of the curve.
    pub index: usize,
    /// Mean of measurement minus theory.
    pub difference: f64,
    /// `None` with one draw, or when the draws do not scatter at all there.
    pub t: Option<f64>,
    /// `t` in units of sigma: the normal deviate with the same tail.
    pub z: Option<f64>,
}

/// Result of comparing one theory entry with one measured observable.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Comparison {
    /// Part of the distance explained neither by noise nor by the numerical bound.
    pub deviation: f64,
    /// 95 % interval of the distance to the exact theory, numerical bound included; `None` with one draw.
    pub interval: Option<[f64; 2]>,
    /// Numerical bound in units of the deviation; already in `deviation` and `interval`.
    pub bound: f64,
    /// Largest deviation that still counts as agreement; relative or absolute, like `deviation`.
    pub tolerance: Tolerance,
    /// p-value of "exactly zero", not below [`smallest_p`](super::smallest_p) of the draws (1/16 for 5, 1/128 for 8);
    /// `None` for fewer than 5 draws or a Monte Carlo theory.
    pub p: Option<f64>,
    /// Point with the largest |t|; a difference within its numerical bound counts as none.
    pub worst: Option<Worst>,
    /// Side of `tolerance` on which `interval` lies (with one draw: the deviation plus or minus its bound).
    #[serde(flatten)]
    pub verdict: Verdict,
    /// Number of blocks and the level whose draws they are.
    pub n: usize,
    /// Datasets or replicas: whose scatter gives the interval.
    pub level: Level,
    /// Points compared, and points left out because some draw or the theory does not define them.
    pub points: usize,
    /// Points of the grid that were left out.
    pub excluded: usize,
    /// How the statement stands to held-out samples that all draws share; `None` where there are none.
    #[serde(default)]
    pub held_out: Option<HeldOutError>,
    /// Conditions on the statement, in words: one draw, one data set, points left out, bound above the tolerance.
    pub notes: Vec<String>,
}

/// Compares measured blocks with a theory.
///
/// With differences `d = m - p` per block, `D = ||E d|| / ||E m||` (relative) or `||E d|| / sqrt(points)` (absolute),
/// estimated without its noise part (see [`super::deviation`]); `||E m||` likewise. The numerical bound `B` (norm of
/// the bounds, same units) enters as `deviation = max(0, D - B)`, `interval = [max(0, lower - B), upper + B]`: Agree
/// holds for the exact theory, whatever the numerical error does within its bound, and so does Disagree.
///
/// Held-out samples that all draws share ([`TestSet::Sampled`]): their sampling error adds to the noise part and to the
/// interval, and the worst point is judged with it; there is no p-value, since the draws do not vary it. Where it is
/// what makes the interval wide, the row says how many samples are needed, and no number of draws.
///
/// One draw: `D` without noise correction, no interval; the verdict rests on `[D - B, D + B]` and is about this draw.
/// A theory that averages over a level drawn once is Inconclusive. `seed` keys the random sign flips (more than 12
/// draws).
///
/// Errors: no point is defined everywhere; under a relative tolerance, a theory or a measurement that is zero
/// everywhere (the distance would be 100 % whatever is measured); a tolerance that is not positive; shapes that do not
/// match (internal).
pub fn compare(
    measured: &Blocks,
    theory: &TheoryCurve,
    tolerance: Tolerance,
    seed: u64,
) -> Result<Comparison> {
    beside(measured, theory, tolerance, seed, Beside::Measurement)
}

/// What the theory stands beside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Beside {
    /// Measured values.
    Measurement,
    /// Values of another theory; `drawn`: one of the two is given something of the draws.
    Theory { drawn: bool },
}

impl Beside {
    fn name(self) -> &'static str {
        match self {
            Beside::Measurement => "the measurement",
            Beside::Theory { .. } => "the reference",
        }
    }

    /// The condition under which a single row of values stands.
    fn one_row(self, of_samples: bool) -> &'static str {
        match (self, of_samples) {
            (Beside::Theory { drawn: false }, _) => {
                "one number against another: the verdict rests on the numerical bounds of both"
            }
            (_, true) => "one draw: the statement is for this draw",
            _ => "one draw: the statement is for this draw, without statistical error",
        }
    }
}

/// The comparison, with words for what stands beside the theory.
pub(super) fn beside(
    measured: &Blocks,
    theory: &TheoryCurve,
    tolerance: Tolerance,
    seed: u64,
    with: Beside,
) -> Result<Comparison> {
    tolerance.check()?;
    let points = measured.points();
    let lengths_match =
        theory.bound.len() == points && theory.stderr.as_ref().is_none_or(|s| s.len() == points);
    if !lengths_match {
        return Err(Error::bug(
            "comparison",
            "bounds and points differ in number",
        ));
    }
    let differences = measured.minus(&theory.values)?;
    let stderr_defined = |k: usize| theory.stderr.as_ref().is_none_or(|s| s[k].is_finite());
    let kept: Vec<usize> = (0..points)
        .filter(|&k| differences.defined(k) && theory.bound[k].is_finite() && stderr_defined(k))
        .collect();
    if kept.is_empty() {
        return Err(Error::input(
            "comparison",
            "no point is defined in every draw and in the theory",
            "compare on a grid where the observable exists",
        ));
    }
    let pick = |v: &[f64]| -> Vec<f64> { kept.iter().map(|&k| v[k]).collect() };
    let (measured, differences) = (measured.select(&kept), differences.select(&kept));
    let rounding = ROUNDING * measured.values.amax();
    let bound: Vec<f64> = pick(&theory.bound)
        .iter()
        .map(|b| b.max(rounding))
        .collect();
    let stderr = theory.stderr.as_deref().map(pick);
    let mut notes = Vec::new();

    if matches!(tolerance, Tolerance::Relative(_)) {
        let vanishes = |k: &usize| theory.values.values.column(*k).amax() <= theory.bound[*k];
        if kept.iter().all(vanishes) {
            return Err(no_relative("theory is 0"));
        }
    }
    let scale = match tolerance {
        Tolerance::Absolute(_) => (kept.len() as f64).sqrt(),
        Tolerance::Relative(_) => size_of_mean(&measured, with, &mut notes)?,
    };
    let reference = matches!(tolerance, Tolerance::Relative(_)).then_some(&measured.values);
    let sampling = match &theory.test_set {
        TestSet::Sampled(sampling) => Some(sampling.select(&kept)),
        _ => None,
    };
    let scatter = Scatter::on_held_out(
        &differences.values,
        stderr.as_deref(),
        reference,
        sampling.as_ref(),
    );
    let bound_size = bound.iter().map(|b| b * b).sum::<f64>().sqrt() / scale;
    let widen = |[lower, upper]: [f64; 2]| {
        [
            (lower / scale - bound_size).max(0.0),
            upper / scale + bound_size,
        ]
    };
    let distance = scatter.excess().max(0.0).sqrt();
    let n = differences.n();
    let known = n > 1 || scatter.of_samples() > 0.0;
    let interval = match known {
        true => Some(widen(scatter.interval()?)),
        // Nothing is drawn: the bounds alone make the interval.
        false if with == (Beside::Theory { drawn: false }) => Some(widen([distance; 2])),
        false => None,
    };

    let unmet = undrawn(theory, &measured);
    let verdict = match Verdict::of(interval.unwrap_or(widen([distance; 2])), tolerance.value()) {
        _ if unmet.is_some() => Verdict::Inconclusive { draws_needed: None },
        Some(verdict) => verdict,
        None if n == 1 || scatter.is_limited_by_samples() => {
            Verdict::Inconclusive { draws_needed: None }
        }
        None => Verdict::Inconclusive {
            draws_needed: draws_needed(&scatter, scale, bound_size, tolerance.value())?,
        },
    };
    let undecided = unmet.is_none() && matches!(verdict, Verdict::Inconclusive { .. });
    notes.extend(unmet);
    let held_out = theory.test_set.row(scatter.of_samples().sqrt() / scale);
    notes.extend(theory.test_set.note());
    if undecided && scatter.is_limited_by_samples() {
        let needed = |planned: &dyn Fn(f64) -> Scatter| {
            samples_needed(planned, scale, bound_size, tolerance.value())
        };
        let factor = needed(&|f| scatter.planned_samples(f))?;
        let of_file = needed(&|f| scatter.planned_file(f))?;
        notes.extend(theory.test_set.advice(factor, of_file));
    }
    if n == 1 {
        notes.push(with.one_row(scatter.of_samples() > 0.0).into());
    } else if differences.level == Level::Repeats {
        notes.push(format!(
            "{n} repeats of a Monte Carlo theory give the interval"
        ));
    } else if measured.datasets == 1 {
        notes.push("one data set: the statement is for this data set".into());
    }
    if kept.len() < points {
        notes.push(format!(
            "{} of {points} points left out: not defined in every draw",
            points - kept.len()
        ));
    }
    if bound_size >= tolerance.value() {
        notes.push("the numerical bound exceeds the tolerance: solve more accurately".into());
    }
    let p = match &stderr {
        _ if sampling.is_some() => {
            notes.push("no p-value: the draws do not vary the held-out samples".into());
            None
        }
        Some(_) => {
            notes.push("no p-value: the theory has a statistical error of its own".into());
            None
        }
        None => p_value(&differences.values, &bound, seed),
    };
    if n > 1 && n < MIN_DRAWS_FOR_P {
        let what = match differences.level {
            Level::Repeats => "repeats",
            _ => "draws",
        };
        notes.push(format!("{n} {what}: too few for a p-value"));
    }
    let mut residuals = residuals(&differences.values)?;
    if let Some(sampling) = &sampling {
        for (k, residual) in residuals.iter_mut().enumerate() {
            *residual = widened(residual, sampling.select(&[k]), n)?;
        }
    }
    let worst = worst(&residuals, &bound).map(|k| Worst {
        index: kept[k],
        difference: residuals[k].difference,
        t: residuals[k].t,
        z: residuals[k].z,
    });
    Ok(Comparison {
        deviation: (distance / scale - bound_size).max(0.0),
        interval,
        bound: bound_size,
        tolerance,
        p,
        worst,
        verdict,
        n,
        level: differences.level,
        points: kept.len(),
        excluded: points - kept.len(),
        held_out,
        notes,
    })
}

/// A relative distance from, or in units of, what is zero everywhere.
fn no_relative(what: &str) -> Error {
    Error::input(
        "comparison",
        format!("{what} at every point, where a relative deviation has no meaning"),
        "state an absolute tolerance",
    )
}

/// A residual with the sampling error of held-out samples at its point, by the rule of Welch and Satterthwaite.
fn widened(residual: &Residual, sampling: Sampling, draws: usize) -> Result<Residual> {
    let by_samples = sampling.total();
    let by_draws = residual.stderr.map_or(0.0, |s| s * s);
    let variance = by_draws + by_samples;
    if variance == 0.0 {
        return Ok(*residual);
    }
    let squares = by_draws * by_draws / (draws.max(2) - 1) as f64
        + by_samples * by_samples / sampling.freedom();
    let freedom = (variance * variance / squares).round().max(1.0) as usize;
    let t = residual.difference / variance.sqrt();
    Ok(Residual {
        stderr: Some(variance.sqrt()),
        t: Some(t),
        z: Some(normal_equivalent(t, freedom)?),
        ..*residual
    })
}

/// `||E m||` without its noise part; with a note, and with it, where noise is more than half of the square.
fn size_of_mean(measured: &Blocks, with: Beside, notes: &mut Vec<String>) -> Result<f64> {
    let scatter = Scatter::new(&measured.values, None, None);
    let with_noise = scatter.excess() + scatter.noise();
    if with_noise == 0.0 {
        return Err(no_relative(&format!("{} is 0", with.name())));
    }
    if scatter.excess() > 0.5 * with_noise {
        return Ok(scatter.excess().sqrt());
    }
    notes.push(format!(
        "the mean of {} is mostly noise, which is left in the norm: an absolute tolerance or more draws would say more",
        with.name()
    ));
    Ok(with_noise.sqrt())
}

/// Why the draws cannot answer for a theory that averages over a level drawn once.
fn undrawn(theory: &TheoryCurve, measured: &Blocks) -> Option<String> {
    theory.averages_over.iter().find_map(|level| {
        let drawn = match *level {
            "datasets" => measured.datasets,
            _ => measured.draws,
        };
        (drawn == 1).then(|| {
            format!("the theory averages over {level}, drawn once: needs measure.{level} >= {MIN_DRAWS_FOR_P}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::numerics::random::{normal_matrix, stream};

    fn blocks(values: &nalgebra::DMatrix<f64>) -> Blocks {
        let draw = |r: usize| {
            let index = DrawIndex {
                dataset: 0,
                replica: r,
            };
            (index, values.row(r).iter().copied().collect())
        };
        Blocks::from_draws(&(0..values.nrows()).map(draw).collect::<Vec<_>>()).unwrap()
    }

    fn noisy(n: usize) -> Blocks {
        blocks(&normal_matrix(&mut stream(1, "noisy", &[]), n, 6).map(|z| 2.0 + 0.01 * z))
    }

    #[test]
    fn a_paired_theory_cancels_the_scatter() {
        let m = noisy(8);
        let row = compare(&m, &TheoryCurve::exact(m.clone()), Tolerance::default(), 0).unwrap();
        // Nothing is left but the rounding allowance.
        assert!(row.deviation == 0.0 && row.interval.unwrap()[1] < 1e-13);
        assert_eq!((row.verdict, row.p), (Verdict::Agree, Some(1.0)));
    }

    #[test]
    fn undefined_points_are_left_out_and_counted() {
        let mut m = noisy(8);
        m.values[(3, 1)] = f64::NAN;
        let mut theory = TheoryCurve::exact(Blocks::fixed(&[2.0; 6]));
        theory.values.values[(0, 4)] = f64::NAN;
        let row = compare(&m, &theory, Tolerance::default(), 0).unwrap();
        assert_eq!((row.points, row.excluded), (4, 2));
        assert!(![1, 4].contains(&row.worst.unwrap().index));
        assert_eq!(row.verdict, Verdict::Agree);
    }

    #[test]
    fn the_bound_is_taken_from_the_estimate_and_added_to_the_upper_end() {
        let m = noisy(8);
        let mut theory = TheoryCurve::exact(Blocks::fixed(&[2.2; 6]));
        let plain = compare(&m, &theory, Tolerance::default(), 0).unwrap();
        theory.bound = vec![0.1; 6];
        let bounded = compare(&m, &theory, Tolerance::default(), 0).unwrap();
        assert!((bounded.bound - 0.05).abs() < 1e-3);
        assert!((plain.deviation - bounded.deviation - bounded.bound).abs() < 1e-12);
        let ([l, u], [lb, ub]) = (plain.interval.unwrap(), bounded.interval.unwrap());
        assert!((l - lb - bounded.bound).abs() < 1e-12 && (ub - u - bounded.bound).abs() < 1e-12);
        assert_eq!(plain.verdict, Verdict::Disagree);
        assert_eq!(
            bounded.verdict,
            Verdict::Inconclusive { draws_needed: None }
        );
    }

    #[test]
    fn a_level_drawn_once_cannot_test_an_average_over_it() {
        let mut theory = TheoryCurve::exact(Blocks::fixed(&[2.0; 6]));
        theory.averages_over = vec!["replicas"];
        let row = |t: &TheoryCurve| compare(&noisy(8), t, Tolerance::default(), 0).unwrap();
        assert_eq!(row(&theory).verdict, Verdict::Agree);
        theory.averages_over = vec!["datasets"];
        let row = row(&theory);
        assert_eq!(row.verdict, Verdict::Inconclusive { draws_needed: None });
        assert!(
            row.notes
                .iter()
                .any(|n| n.contains("measure.datasets >= 5"))
        );
    }

    #[test]
    fn one_draw_speaks_for_itself_and_few_have_no_p() {
        let theory = TheoryCurve::exact(Blocks::fixed(&[2.0; 6]));
        let one = compare(&noisy(1), &theory, Tolerance::default(), 0).unwrap();
        assert_eq!(
            (one.interval, one.p, one.verdict),
            (None, None, Verdict::Agree)
        );
        assert!(one.notes[0].contains("this draw"));
        for n in 2..5 {
            let few = compare(&noisy(n), &theory, Tolerance::default(), 0).unwrap();
            assert!(few.interval.unwrap()[1].is_finite() && few.p.is_none());
        }
    }

    #[test]
    fn absolute_and_relative_measure_the_same_distance() {
        let m = noisy(8);
        let theory = TheoryCurve::exact(Blocks::fixed(&[3.0; 6]));
        let relative = compare(&m, &theory, Tolerance::Relative(0.05), 0).unwrap();
        let absolute = compare(&m, &theory, Tolerance::Absolute(0.05), 0).unwrap();
        assert!((absolute.deviation - 1.0).abs() < 0.01);
        assert!((relative.deviation - absolute.deviation / 2.0).abs() < 0.01);
        let zero = Blocks::fixed(&[0.0; 6]);
        assert!(compare(&zero, &theory, Tolerance::Relative(0.05), 0).is_err());
    }

    /// A theory that is 0 is 100 % off whatever is measured, down to the last digit: a relative tolerance does not
    /// apply.
    #[test]
    fn nothing_is_relative_to_zero() {
        let zero = TheoryCurve::exact(Blocks::fixed(&[0.0; 6]));
        let m = blocks(&normal_matrix(&mut stream(2, "tiny", &[]), 8, 6).map(|z| 2e-5 + 1e-7 * z));
        let message = |m: &Blocks, t: &TheoryCurve| {
            let row = compare(m, t, Tolerance::default(), 0);
            row.unwrap_err().to_string()
        };
        assert!(message(&m, &zero).contains("theory is 0 at every point"));
        let theory = TheoryCurve::exact(Blocks::fixed(&[1.0; 6]));
        let nothing = Blocks::fixed(&[0.0; 6]);
        assert!(message(&nothing, &theory).contains("the measurement is 0 at every point"));
        // Within its own bound it is no more than that.
        let bounded = TheoryCurve {
            bound: vec![1e-9; 6],
            ..TheoryCurve::exact(Blocks::fixed(&[1e-10; 6]))
        };
        assert!(message(&m, &bounded).contains("theory is 0"));
        let near = compare(&m, &zero, Tolerance::Absolute(0.01), 0).unwrap();
        assert_eq!(near.verdict, Verdict::Agree);
        assert!((near.deviation - 2e-5).abs() < 1e-6);
        // Zero at some points is a curve like any other.
        let rising = TheoryCurve::exact(Blocks::fixed(&[0.0, 0.0, 1.0, 2.0, 3.0, 4.0]));
        assert!(compare(&m, &rising, Tolerance::default(), 0).is_ok());
    }

    #[test]
    fn a_row_survives_json() {
        let theory = TheoryCurve::exact(Blocks::fixed(&[2.1; 6]));
        let row = compare(&noisy(8), &theory, Tolerance::Relative(0.05), 0).unwrap();
        let text = serde_json::to_string(&row).unwrap();
        assert_eq!(serde_json::from_str::<Comparison>(&text).unwrap(), row);
    }
}
