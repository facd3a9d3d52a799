//! Profile of chi2: how far it rises when one parameter is moved and all others follow.

use super::identifiable::free_between_bounds;
use super::law::{LEVELS, Law};
use super::objective::Objective;
use super::rough;
use crate::error::{Error, Result};
use crate::numerics::gauss_newton::Descent;
use crate::numerics::root::brent;
use nalgebra::DMatrix;

/// Steps on one side after which the search gives up; they grow, so that 60 cross the bounds from any size.
const MOST_STEPS: usize = 120;
/// A fall of chi2 by this much on the way is another, deeper minimum.
const DEEPER: f64 = 1e-3;
/// Ends are found to this part of the first step.
const TOLERANCE: f64 = 1e-5;

/// An interval of a parameter around its estimate.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Interval {
    /// Confidence level.
    pub level: f64,
    /// Lower end.
    pub lower: f64,
    /// Upper end.
    pub upper: f64,
    /// Whether the lower and the upper end are bounds of the parameter, at which chi2 has not risen enough: the
    /// measurement does not limit the parameter on this side.
    pub open: [bool; 2],
}

/// Profile of one parameter, in places between its bounds.
pub(super) struct Profile {
    /// Ends of the interval of each level.
    pub ends: [[f64; 2]; 2],
    pub open: [[bool; 2]; 2],
    /// Places and rises of chi2, rising in the place.
    pub curve: Vec<(f64, f64)>,
}

/// A profile, or a place with a lower chi2 than the minimum.
pub(super) enum Outcome {
    Profile(Profile),
    Deeper(Vec<f64>),
}

/// Moves one parameter away from a minimum.
pub(super) struct Profiler<'o, 'p> {
    pub objective: &'o mut Objective<'p>,
    pub minimum: &'o Descent,
    /// `(J^T J)^-1` of the free parameters, zero for the others: the others' slope along the profile.
    pub covariance: &'o DMatrix<f64>,
    pub noise: f64,
}

/// A point of a profile: the place of the parameter, the rise, the places of all.
type Point = (f64, f64, Vec<f64>);

impl Profiler<'_, '_> {
    /// Least rise of chi2 with parameter `j` at `to`, searched from the known point `from`.
    ///
    /// `rise(u_j) = min over the others of chi2 - chi2 at the minimum`; infinite where no prediction is found.
    pub fn rise(&mut self, j: usize, to: f64, from: &[f64]) -> Result<Point> {
        let moved = to - from[j];
        let variance = self.covariance[(j, j)];
        let start: Vec<f64> = (0..from.len())
            .map(|k| match k {
                k if k == j => to,
                k if variance > 0.0 => {
                    (from[k] + self.covariance[(k, j)] / variance * moved).clamp(0.0, 1.0)
                }
                k => from[k],
            })
            .collect();
        let held: Vec<bool> = (0..from.len()).map(|k| k == j).collect();
        let Some(end) = self.objective.descend(&start, &held, self.noise)? else {
            return Ok((to, f64::INFINITY, start));
        };
        if end.converged {
            let rise = end.sum() - self.minimum.sum();
            return Ok((to, rise, end.x));
        }
        let place = match rough::minimum(self.objective, &end.x, &held) {
            Ok(place) => place,
            Err(Error::Unconverged { .. }) => end.x.clone(),
            Err(other) => return Err(other),
        };
        let sum = self.objective.chi2(&place)?.min(end.sum());
        Ok((to, sum - self.minimum.sum(), place))
    }

    /// Interval and curve of parameter `j`.
    ///
    /// # Errors
    /// A parameter on which chi2 puts no limit towards either bound is refused by name.
    pub fn profile(&mut self, j: usize, law: Law) -> Result<Outcome> {
        let needed = [law.rise(LEVELS[0])?, law.rise(LEVELS[1])?];
        let size = match self.covariance[(j, j)] {
            variance if variance > 0.0 => variance.sqrt(),
            _ => 1.0 / self.minimum.jacobian.column(j).norm(),
        };
        let step = (0.5 * size * needed[0].sqrt()).clamp(1e-9, 0.05);
        let mut profile = Profile {
            ends: [[0.0, 1.0]; 2],
            open: [[true; 2]; 2],
            curve: vec![],
        };
        for (side, direction) in [-1.0, 1.0].into_iter().enumerate() {
            let points = self.march(j, direction * step, needed[1])?;
            if let Some((_, _, deeper)) = points.iter().find(|p| p.1 < -DEEPER) {
                return Ok(Outcome::Deeper(deeper.clone()));
            }
            for (level, &needed) in needed.iter().enumerate() {
                if let Some(k) = points.iter().position(|p| p.1 >= needed) {
                    let end =
                        self.crossing(j, &points[k - 1], &points[k], needed, TOLERANCE * step)?;
                    profile.ends[level][side] = end;
                    profile.open[level][side] = false;
                }
            }
            profile
                .curve
                .extend(points.iter().skip(side).map(|p| (p.0, p.1)));
        }
        if profile.open[0] == [true, true] {
            let risen = profile.curve.iter().map(|p| p.1).fold(0.0, f64::max);
            let parameter = &self.objective.problem.parameters()[j];
            return Err(free_between_bounds(parameter, risen, needed[0]));
        }
        profile.curve.sort_by(|a, b| a.0.total_cmp(&b.0));
        Ok(Outcome::Profile(profile))
    }

    /// Points from the minimum outwards until chi2 has risen by `needed` or a bound is reached; the step grows where
    /// chi2 rises slowly.
    fn march(&mut self, j: usize, step: f64, needed: f64) -> Result<Vec<Point>> {
        let mut points = vec![(self.minimum.x[j], 0.0, self.minimum.x.clone())];
        let (wall, mut step) = (if step < 0.0 { 0.0 } else { 1.0 }, step);
        for _ in 0..MOST_STEPS {
            let (at, risen, from) = &points[points.len() - 1];
            let (at, risen) = (*at, *risen);
            if at == wall || risen >= needed || risen < -DEEPER {
                return Ok(points);
            }
            let next = self.rise(j, (at + step).clamp(0.0, 1.0), &from.clone())?;
            if next.1.max(0.0).sqrt() - risen.max(0.0).sqrt() < 0.1 * needed.sqrt() {
                step *= 1.5;
            }
            points.push(next);
        }
        Err(Error::unconverged(
            "profile of chi2",
            format!("chi2 has not risen by {needed:.2} after {MOST_STEPS} steps"),
            "narrow the bounds of the parameter",
        ))
    }

    /// Place between two points where the rise is `needed`; its square root is nearly linear.
    fn crossing(
        &mut self,
        j: usize,
        below: &Point,
        above: &Point,
        needed: f64,
        tolerance: f64,
    ) -> Result<f64> {
        let cut = |rise: f64| rise.clamp(0.0, 100.0 * needed).sqrt() - needed.sqrt();
        let mut failure = None;
        let root = brent(
            |u| match u {
                u if u == below.0 => cut(below.1),
                u if u == above.0 => cut(above.1),
                u => match self.rise(j, u, &below.2) {
                    Ok((_, rise, _)) => cut(rise),
                    Err(error) => {
                        failure.get_or_insert(error);
                        f64::NAN
                    }
                },
            },
            below.0,
            above.0,
            tolerance,
        );
        match failure {
            Some(error) => Err(error),
            None => Ok(root?.x),
        }
    }
}
