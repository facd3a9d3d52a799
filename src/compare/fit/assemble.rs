//! The result of a fit, put together in the units of the parameters.

use super::bootstrap::{Bootstrap, ends};
use super::errors::{Errors, MISSES};
use super::estimate::Settings;
use super::fitted::{Fit, Fitted, Minimum, Side};
use super::law::LEVELS;
use super::minima::Found;
use super::objective::Objective;
use super::parameter::Parameter;
use super::profile::{Interval, Profile};
use crate::error::Result;
use crate::numerics::gauss_newton::Descent;

impl Errors {
    /// The result, but for what the points that do not enter say.
    pub fn assemble(
        self,
        objective: &mut Objective,
        found: &Found,
        profiles: Vec<Profile>,
        settings: &Settings,
    ) -> Result<Fit> {
        let minimum = &found.minima[0];
        let parameters = objective.problem.parameters();
        let values = objective.values(&minimum.x);
        let n = objective.draws();
        let bootstrap = Bootstrap {
            resamples: settings.resamples,
            refit: settings.refit,
            seed: settings.seed,
            stderr: self.stderr.as_deref(),
            noise: self.noise,
        };
        let steps = bootstrap.steps(
            objective,
            minimum,
            &self.free,
            &self.estimator,
            &self.differences,
        )?;
        let mut fitted = vec![];
        for (j, profile) in profiles.into_iter().enumerate() {
            let parameter = &parameters[j];
            let rise = [self.chi2[j].rise(LEVELS[0])?, self.chi2[j].rise(LEVELS[1])?];
            let place = self.free.iter().position(|&k| k == j);
            let slope = parameter.slope(values[j]).abs();
            let resampled = place.filter(|_| settings.resamples > 0);
            let resampled =
                resampled.map(|a| ends(steps.column(a).as_slice(), n, self.sandwich[j]));
            let shift = |a: usize| match &self.bound {
                Some(bound) => bound
                    .iter()
                    .enumerate()
                    .map(|(k, b)| self.estimator.weights[(a, k)].abs() * b)
                    .sum(),
                None => 0.0,
            };
            fitted.push(Fitted {
                name: parameter.name.clone(),
                estimate: values[j],
                stderr: place.map(|_| (self.covariance[(j, j)] * rise[0]).sqrt() * slope),
                at_bound: self.at_bound[j],
                profile: [0, 1].map(|l| interval(parameter, l, profile.ends[l], profile.open[l])),
                curve: profile
                    .curve
                    .iter()
                    .map(|(u, rise)| [parameter.value(*u), *rise])
                    .collect(),
                rise,
                law: self.chi2[j],
                bootstrap: resampled.transpose()?.map(|ends| {
                    [0, 1].map(|l| {
                        let ends = ends[l].map(|step| minimum.x[j] + step);
                        interval(parameter, l, ends, [ends[0] <= 0.0, ends[1] >= 1.0])
                    })
                }),
                systematic: place.map_or(0.0, shift) * slope,
                pull: self.pull(objective, minimum, settings, j)?,
            });
        }
        let covariance = |j: usize, k: usize| match (fitted[j].stderr, fitted[k].stderr) {
            (Some(a), Some(b)) => a * b * self.correlation(j, k),
            _ => f64::NAN,
        };
        let correlation =
            |j: usize, k: usize| match self.free.contains(&j) && self.free.contains(&k) {
                true => self.correlation(j, k),
                false => f64::NAN,
            };
        let all = parameters.len();
        let table = |entry: &dyn Fn(usize, usize) -> f64| -> Vec<Vec<f64>> {
            (0..all)
                .map(|j| (0..all).map(|k| entry(j, k)).collect())
                .collect()
        };
        let frozen = objective.frozen()?;
        let minima = found.minima.iter();
        Ok(Fit {
            covariance: table(&covariance),
            correlation: table(&correlation),
            chi2: minimum.sum(),
            degrees: objective.points.len() - self.free.len(),
            p: self.p,
            significance: self.significance,
            minima: minima
                .map(|m| Minimum {
                    x: objective.values(&m.x),
                    chi2: m.sum(),
                })
                .collect(),
            shrinkage: frozen.shrinkage,
            condition: frozen.condition,
            curvature: self.curvature,
            n,
            points: objective.points.len(),
            dropped: vec![],
            evaluations: objective.evaluations,
            outside: objective.outside,
            residual: minimum.expected_fall.max(0.0).sqrt(),
            rough: found.rough,
            notes: vec![],
            parameters: fitted,
        })
    }

    fn correlation(&self, j: usize, k: usize) -> f64 {
        self.covariance[(j, k)] / (self.covariance[(j, j)] * self.covariance[(k, k)]).sqrt()
    }

    /// Distance of the estimate from the reference, from the profile there.
    fn pull(
        &self,
        objective: &mut Objective,
        minimum: &Descent,
        settings: &Settings,
        j: usize,
    ) -> Result<Option<f64>> {
        let Some(reference) = &settings.reference else {
            return Ok(None);
        };
        let place = objective.problem.parameters()[j]
            .place(reference[j])
            .clamp(0.0, 1.0);
        let (_, rise, _) = self
            .profiler(objective, minimum)
            .rise(j, place, &minimum.x)?;
        let sign = if minimum.x[j] < place { -1.0 } else { 1.0 };
        Ok(Some(sign * self.chi2[j].deviate(rise)?))
    }
}

fn interval(parameter: &Parameter, level: usize, ends: [f64; 2], open: [bool; 2]) -> Interval {
    Interval {
        level: LEVELS[level],
        lower: parameter.value(ends[0]),
        upper: parameter.value(ends[1]),
        open,
    }
}

/// What a reader should know.
pub(super) fn notes(fit: &Fit, n: usize) -> Vec<String> {
    let mut notes = vec![];
    if fit.shrinkage > 0.0 {
        notes.push(format!(
            "{n} draws of {} points: their correlations are shrunk by {:.3}, errors are those of held-out draws",
            fit.points, fit.shrinkage
        ));
    }
    if !fit.dropped.is_empty() {
        notes.push(format!(
            "{} points do not enter: undefined in some draw, or without scatter beyond rounding",
            fit.dropped.len()
        ));
    }
    if let Some(p) = fit.p.filter(|p| *p < MISSES) {
        notes.push(format!(
            "the theory does not meet the points (p = {p:.1e}); intervals are widened by chi2, and its bias is not in them"
        ));
    }
    for parameter in &fit.parameters {
        if parameter
            .stderr
            .is_some_and(|s| parameter.systematic > 0.1 * s)
        {
            notes.push(format!(
                "numerical bounds may move {} by {:.1e}",
                parameter.name, parameter.systematic
            ));
        }
    }
    if fit.degrees == 0 {
        notes.push("as many parameters as points: the theory is not tested".into());
    }
    if fit.outside > 0 {
        notes.push(format!(
            "{} of {} places tried have no prediction",
            fit.outside, fit.evaluations
        ));
    }
    if fit.rough {
        notes.push(
            "chi2 is rough: a minimum was found without derivatives, and its errors are coarse"
                .into(),
        );
    }
    if let [best, second, ..] = &fit.minima[..] {
        notes.push(format!(
            "chi2 has {} minima; the second one is {:.2} higher",
            fit.minima.len(),
            second.chi2 - best.chi2
        ));
    }
    for p in &fit.parameters {
        match p.at_bound {
            Some(Side::Lower) => notes.push(format!(
                "{} is at its lower bound: only its upper limit is measured",
                p.name
            )),
            Some(Side::Upper) => notes.push(format!(
                "{} is at its upper bound: only its lower limit is measured",
                p.name
            )),
            None => {}
        }
    }
    notes
}
