//! From measured draws to a fit: the steps in their order.

use super::assemble::notes;
use super::errors::Errors;
use super::fitted::Fit;
use super::minima::{self, Found};
use super::objective::Objective;
use super::parameter::Parameter;
use super::problem::Problem;
use crate::compare::{Blocks, MIN_DRAWS_FOR_P};
use crate::error::{Error, Result};

/// Scatter of draws, as a share of the values, that is rounding: a conditioned theory equals its network where both begin.
const ROUNDING: f64 = 1e-9;

/// Times that a profile may find a deeper minimum before the fit gives up.
const MOST_RETURNS: usize = 3;

/// How a fit is done.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// Places from which the minimum is sought: the starts of the parameters, then places spread over the bounds.
    pub starts: usize,
    /// Resamples of the bootstrap; 0 for none.
    pub resamples: usize,
    /// Whether every resample is fitted in full instead of by one linearised step.
    pub refit: bool,
    /// Values to which the estimates are compared ([`super::Fitted::pull`]): those the experiment was run at, if known.
    pub reference: Option<Vec<f64>>,
    /// Root of the random streams.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            starts: 8,
            resamples: 1000,
            refit: false,
            reference: None,
            seed: 0,
        }
    }
}

/// Estimates the parameters of a theory from measured draws; see the [module](super) for what is minimised.
///
/// Points that are not defined in every draw, or that neither scatter nor have a theory error, do not enter and are
/// listed in [`Fit::dropped`]. Random numbers come from streams keyed by the seed: a fit gives the same bits on every
/// run and for every number of threads. A prediction is asked for once per choice of parameters. Cost: a fit of two
/// parameters from 8 starts takes about 1000 predictions; beside them, one factorisation of the covariance of the
/// points, and one more per draw if it is shrunk.
///
/// # Errors
/// Input: fewer than 5 draws, fewer usable points than parameters, wrong bounds, a reference outside of them,
/// parameters that the points do not tell apart, a parameter that nothing limits between its bounds. `Unconverged`:
/// no start leads to a minimum. Errors of the theory other than a decline.
pub fn fit(problem: &dyn Problem, measured: &Blocks, settings: &Settings) -> Result<Fit> {
    let parameters = problem.parameters();
    check(parameters, measured, settings)?;
    let n = measured.n();
    let starts = minima::starts(parameters, settings.starts);
    let mut objective = Objective::new(problem, measured, vec![]);
    objective.points = (0..measured.points())
        .filter(|&k| measured.defined(k))
        .collect();
    let reference = first_inside(&mut objective, &starts)?;
    let (points, moves) = usable(&mut objective, &reference)?;
    if points.len() < parameters.len() {
        return Err(Error::input(
            "fit",
            format!(
                "{} of {} points are defined and scatter, for {} parameters",
                points.len(),
                measured.points(),
                parameters.len()
            ),
            "measure more points, or fix parameters",
        ));
    }
    let dropped = (0..measured.points())
        .filter(|k| !points.contains(k))
        .collect();
    objective.points = points;
    objective.freeze(&reference)?;
    let mut found = minima::search(&mut objective, &starts)?;
    if moves && objective.freeze(&found.minima[0].x.clone())? {
        let places: Vec<Vec<f64>> = found.minima.iter().map(|m| m.x.clone()).collect();
        found = Found {
            rough: found.rough,
            ..minima::search(&mut objective, &places)?
        };
    }
    for _ in 0..MOST_RETURNS {
        let errors = Errors::at(&mut objective, &found.minima[0], settings.seed)?;
        match errors.profiles(&mut objective, &found.minima[0])? {
            Ok(profiles) => {
                let mut fit = errors.assemble(&mut objective, &found, profiles, settings)?;
                fit.dropped = dropped;
                fit.notes = notes(&fit, n);
                return Ok(fit);
            }
            Err(deeper) => {
                if let Some((minimum, rough)) = minima::descend(&mut objective, &deeper)? {
                    found.minima.push(minimum);
                    found.rough |= rough;
                    found.sort();
                }
            }
        }
    }
    Err(Error::unconverged(
        "fit",
        format!("profiles of chi2 led to a deeper minimum {MOST_RETURNS} times"),
        "allow more starts",
    ))
}

fn check(parameters: &[Parameter], measured: &Blocks, settings: &Settings) -> Result<()> {
    if parameters.is_empty() {
        return Err(Error::input(
            "fit",
            "there is no parameter",
            "name at least one parameter",
        ));
    }
    for parameter in parameters {
        parameter.check(&format!("parameter {}", parameter.name))?;
    }
    let n = measured.n();
    if n < MIN_DRAWS_FOR_P {
        return Err(Error::input(
            "fit",
            format!(
                "{n} draws of {} do not give a covariance",
                measured.level.name()
            ),
            format!(
                "measure at least {MIN_DRAWS_FOR_P} {}",
                measured.level.name()
            ),
        ));
    }
    let Some(reference) = &settings.reference else {
        return Ok(());
    };
    let within = |(p, x): (&Parameter, &f64)| p.lower <= *x && *x <= p.upper;
    match reference.len() == parameters.len() && parameters.iter().zip(reference).all(within) {
        true => Ok(()),
        false => Err(Error::input(
            "reference",
            format!("{reference:?} is not one value within the bounds of each parameter"),
            "give as many values as parameters, and widen bounds that leave one out",
        )),
    }
}

/// The first start that has a prediction.
fn first_inside(objective: &mut Objective, starts: &[Vec<f64>]) -> Result<Vec<f64>> {
    for start in starts {
        if objective.predicted(start)?.is_some() {
            return Ok(start.clone());
        }
    }
    Err(Error::unconverged(
        "fit",
        format!(
            "the theory has no value at any of {} starts: {}",
            starts.len(),
            objective.reason
        ),
        "start where it has one, narrow the bounds, or allow more starts",
    ))
}

/// Points that enter, and whether their covariance depends on the parameters.
fn usable(objective: &mut Objective, place: &[f64]) -> Result<(Vec<usize>, bool)> {
    let Some(predicted) = objective.predicted(place)? else {
        return Err(Error::bug("fit", "the reference has lost its prediction"));
    };
    let differences = objective.differences(&predicted);
    let stderr = objective.stderr(&predicted);
    let enters = |a: &usize| {
        let column = differences.column(*a);
        let point = objective.points[*a];
        let size = predicted.rows.iter().map(|row| row[point].abs());
        let size = size.fold(column.amax(), f64::max);
        let varies = column.max() - column.min() > ROUNDING * size;
        varies || stderr.as_ref().is_some_and(|s| s[*a] > 0.0)
    };
    let kept: Vec<usize> = (0..objective.points.len()).filter(enters).collect();
    let moves = predicted.rows.len() > 1 || predicted.stderr.is_some();
    Ok((kept.iter().map(|&a| objective.points[a]).collect(), moves))
}
