//! Errors at a minimum of chi2: covariance, laws, p-value, profiles.

use super::calibrate::{held_out_variances, sign_flips, synthetic};
use super::covariance::Estimator;
use super::fitted::{Side, Significance};
use super::identifiable;
use super::law::{Law, hotelling};
use super::objective::Objective;
use super::profile::{Outcome, Profile, Profiler};
use crate::error::{Error, Result};
use crate::numerics::gauss_newton::Descent;
use nalgebra::DMatrix;

/// p-value below which a theory does not meet the points: its intervals are widened by chi2 over its degrees of freedom.
pub(super) const MISSES: f64 = 0.01;

/// Errors of the parameters at a minimum.
pub(super) struct Errors {
    /// Parameters on which the prediction depends and that are not at a bound.
    pub free: Vec<usize>,
    pub at_bound: Vec<Option<Side>>,
    pub curvature: f64,
    /// The estimator of the free parameters, and their covariance between all parameters (0 for the others).
    pub estimator: Estimator,
    pub covariance: DMatrix<f64>,
    /// Laws of the sandwich covariance, and of chi2.
    pub sandwich: Vec<Law>,
    pub chi2: Vec<Law>,
    pub stderr: Option<Vec<f64>>,
    pub bound: Option<Vec<f64>>,
    pub noise: f64,
    /// Differences at the estimate.
    pub differences: DMatrix<f64>,
    pub p: Option<f64>,
    pub significance: Significance,
}

impl Errors {
    /// Errors at a minimum; `seed` is that of the p-value.
    pub fn at(objective: &mut Objective, minimum: &Descent, seed: u64) -> Result<Errors> {
        let all = minimum.x.len();
        let side = |u: &f64| match *u {
            u if u <= 0.0 => Some(Side::Lower),
            u if u >= 1.0 => Some(Side::Upper),
            _ => None,
        };
        let at_bound: Vec<Option<Side>> = minimum.x.iter().map(side).collect();
        let jacobian = &minimum.jacobian;
        let active: Vec<usize> = (0..all)
            .filter(|&j| jacobian.column(j).norm() > 0.0)
            .collect();
        let free: Vec<usize> = active
            .iter()
            .copied()
            .filter(|&j| at_bound[j].is_none())
            .collect();
        let curvature = identifiable::condition(objective.problem.parameters(), jacobian, &active)?;
        let noise = objective.noise(&minimum.x)?;
        let Some(predicted) = objective.predicted(&minimum.x)? else {
            return Err(Error::bug("fit", "the minimum has no prediction"));
        };
        let (stderr, bound) = (objective.stderr(&predicted), objective.bound(&predicted));
        let differences = objective.differences(&predicted);
        let (n, points) = differences.shape();
        let frozen = objective.frozen()?;
        let degrees = points - free.len();
        let exact = frozen.shrinkage == 0.0 && stderr.is_none();
        // A parameter at a bound, or one that does not act there, has the law of a mean over the draws.
        let mut sandwich = vec![Law::exact(n, 0, 0.0); all];
        let mut chi2 = sandwich.clone();
        let columns = jacobian.select_columns(&active);
        if exact {
            sandwich = vec![Law::exact(n, degrees, minimum.sum()); all];
            chi2 = sandwich.clone();
        } else if !active.is_empty() {
            let both = frozen.estimator(&columns)?;
            let variances = held_out_variances(frozen, &columns, &differences, stderr.as_deref())?;
            for (a, (&j, variance)) in active.iter().zip(variances).enumerate() {
                sandwich[j].scale = variance / both.sandwich[(a, a)];
                chi2[j].scale = variance / both.covariance[(a, a)];
            }
        }
        let free_columns = jacobian.select_columns(&free);
        let estimator = frozen.estimator(&free_columns)?;
        let mut covariance = DMatrix::zeros(all, all);
        for (a, &j) in free.iter().enumerate() {
            for (b, &k) in free.iter().enumerate() {
                covariance[(j, k)] = estimator.covariance[(a, b)];
            }
        }
        let p = match (degrees, exact) {
            (0, _) => None,
            (_, true) => hotelling(minimum.sum(), n, degrees)?,
            (_, false) => Some(match stderr.as_deref() {
                Some(own) => synthetic(frozen, &free_columns, minimum.sum(), own, n, seed)?,
                None => sign_flips(frozen, &free_columns, &differences, seed)?,
            }),
        };
        // Where the theory does not meet the points, the scatter of the draws does not tell how far it is off.
        let excess = minimum.sum() / degrees.max(1) as f64;
        if !exact && excess > 1.0 && p.is_some_and(|p| p < MISSES) {
            let both = frozen.estimator(&columns)?;
            for (a, &j) in active.iter().enumerate() {
                let ratio = both.covariance[(a, a)] / both.sandwich[(a, a)];
                chi2[j].scale = chi2[j].scale.max(excess);
                sandwich[j].scale = sandwich[j].scale.max(excess * ratio);
            }
        }
        let significance = match (exact, &stderr) {
            (true, _) => Significance::Hotelling,
            (false, Some(_)) => Significance::Synthetic,
            (false, None) => Significance::SignFlips,
        };
        Ok(Errors {
            free,
            at_bound,
            curvature,
            estimator,
            covariance,
            sandwich,
            chi2,
            stderr,
            bound,
            noise,
            differences,
            p,
            significance,
        })
    }

    pub fn profiler<'o, 'p>(
        &'o self,
        objective: &'o mut Objective<'p>,
        minimum: &'o Descent,
    ) -> Profiler<'o, 'p> {
        Profiler {
            objective,
            minimum,
            covariance: &self.covariance,
            noise: self.noise,
        }
    }

    /// Profiles of all parameters, or the place of a deeper minimum.
    pub fn profiles(
        &self,
        objective: &mut Objective,
        minimum: &Descent,
    ) -> Result<std::result::Result<Vec<Profile>, Vec<f64>>> {
        let mut profiles = vec![];
        for j in 0..minimum.x.len() {
            match self.profiler(objective, minimum).profile(j, self.chi2[j])? {
                Outcome::Profile(profile) => profiles.push(profile),
                Outcome::Deeper(place) => return Ok(Err(place)),
            }
        }
        Ok(Ok(profiles))
    }
}
