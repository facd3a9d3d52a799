//! Fits: the parameters of a theory that meet what was measured.

use super::assumed;
use super::curve::{curve_on, measured_blocks};
use super::outcome::{CellOutcome, TheoryOutcome};
use super::solving::solve_unit;
use crate::compare::fit::{self, Parameter, Predicted, Problem};
use crate::compare::{Blocks, TheoryCurve};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, DrawIndex};
use crate::instrument::Axis;
use crate::numerics::interrupt;
use crate::spec::fit::{Bootstrap, last_hidden};
use crate::spec::sweep::Settings;
use crate::spec::{Cell, Fit, FitGroup, Spec};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// One fit of some cells together.
#[derive(Debug, Clone)]
pub struct Fitting {
    /// Name of the fit.
    pub label: String,
    /// Label of the theory.
    pub theory: String,
    /// Names of the observables that entered.
    pub observables: Vec<String>,
    /// Swept keys that the cells share.
    pub set: Settings,
    /// Places of the cells in the sweep.
    pub cells: Vec<usize>,
    /// The estimate with the curves that belong to it, or why there is none.
    pub result: std::result::Result<Fitted, String>,
}

/// A fit with what it is shown beside.
#[derive(Debug, Clone)]
pub struct Fitted {
    /// The estimates.
    pub fit: fit::Fit,
    /// Mean of what was measured, cell by cell and in each observable by observable.
    pub measured: Vec<f64>,
    /// Standard error of measurement minus theory at the estimate, paired draw by draw; not-a-number where a point did not enter.
    pub stderr: Vec<f64>,
    /// The values that the experiment was run at, where it states them.
    pub reference: Option<Vec<f64>>,
    /// What the theory says at the estimate.
    pub estimate: Vec<f64>,
    /// What it says without any fit, as its entry stands in the spec; `None` where it gives nothing.
    pub stated: Option<Vec<f64>>,
    /// Mean of `(difference/standard error)^2` of that over the points that entered, paired draw by draw: chi2 per point without the
    /// correlations between points.
    pub stated_chi2: Option<f64>,
}

/// All fits of a spec.
///
/// # Errors
/// An interruption, and errors that are no property of one fit.
pub(super) fn fits(spec: &Spec, cells: &[CellOutcome], cx: &Context) -> Result<Vec<Fitting>> {
    let all: Vec<(&Fit, &FitGroup)> = spec
        .fits
        .iter()
        .flat_map(|fit| fit.groups.iter().map(move |group| (fit, group)))
        .collect();
    let one = |(fit, group): &(&Fit, &FitGroup)| {
        let result = match fitted(spec, cells, cx, fit, group) {
            Ok(found) => Ok(found),
            Err(Error::Interrupted) => return Err(Error::Interrupted),
            Err(Error::Bug { place, cause }) => return Err(Error::Bug { place, cause }),
            Err(other) => Err(other.to_string()),
        };
        Ok(Fitting {
            label: fit.label.clone(),
            theory: fit.keys.theory.clone(),
            observables: fit.keys.observables.clone(),
            set: group.set.clone(),
            cells: group.cells.iter().map(|(c, _)| *c).collect(),
            result,
        })
    };
    all.par_iter().with_max_len(1).map(one).collect()
}

fn fitted(
    spec: &Spec,
    cells: &[CellOutcome],
    cx: &Context,
    fit: &Fit,
    group: &FitGroup,
) -> Result<Fitted> {
    let mut parts = Vec::new();
    let mut draws = Vec::new();
    for (index, _) in &group.cells {
        let cell = &cells[*index];
        if let Some(error) = &cell.failure {
            return Err(error.clone());
        }
        for name in &fit.keys.observables {
            let wanted = cell.wanted(name);
            let blocks = match wanted {
                Some(wanted) => measured_blocks(cell, wanted)?,
                None => None,
            };
            parts.push(blocks.ok_or_else(|| {
                Error::input(
                    "fit",
                    format!("{name} was not measured"),
                    "run both sides: `saddlepoint run`",
                )
            })?);
        }
        let own = cell.measurement.as_ref().map(|m| m.draws.clone());
        draws.push(own.unwrap_or_default());
    }
    let measured = beside(&parts)?;
    let posing = Posing {
        spec,
        fit,
        group,
        draws: &draws,
        blocks: measured.n(),
        cx,
    };
    let inside = |x: &Vec<f64>| {
        let pairs = fit.parameters.iter().zip(x);
        pairs
            .into_iter()
            .all(|(p, &x)| (p.lower..=p.upper).contains(&x))
    };
    let settings = fit::Settings {
        starts: fit.keys.starts,
        refit: fit.keys.bootstrap == Bootstrap::Full,
        resamples: match fit.keys.bootstrap {
            Bootstrap::Linear => 1000,
            Bootstrap::Full => 200,
        },
        reference: group.reference.clone().filter(inside),
        seed: spec.seed,
    };
    let found = fit::fit(&posing, &measured, &settings)?;
    let x: Vec<f64> = found.parameters.iter().map(|p| p.estimate).collect();
    let (estimate, stderr) = against(&measured, &posing.predict(&x)?, &found.dropped)?;
    let stated = match posing.together(None) {
        Ok(predicted) => Some(against(&measured, &predicted, &found.dropped)?),
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(_) => None,
    };
    let values = measured.mean();
    let stated_chi2 = stated.as_ref().map(|(stated, stderr)| {
        let squares = (0..values.len()).map(|k| ((values[k] - stated[k]) / stderr[k]).powi(2));
        let squares: Vec<f64> = squares.filter(|s| s.is_finite()).collect();
        squares.iter().sum::<f64>() / squares.len() as f64
    });
    Ok(Fitted {
        fit: found,
        reference: group.reference.clone(),
        measured: values,
        stderr,
        estimate,
        stated: stated.map(|(stated, _)| stated),
        stated_chi2,
    })
}

/// Mean prediction, and the standard error of measurement minus prediction where a point entered.
fn against(
    measured: &Blocks,
    predicted: &Predicted,
    dropped: &[usize],
) -> Result<(Vec<f64>, Vec<f64>)> {
    let rows = &predicted.rows;
    let values = DMatrix::from_fn(rows.len(), measured.points(), |r, k| rows[r][k]);
    let theory = Blocks {
        values,
        ..measured.clone()
    };
    let stderr = measured.minus(&theory)?.stderr();
    let mut stderr = stderr.unwrap_or_else(|| vec![f64::NAN; measured.points()]);
    for (k, stderr) in stderr.iter_mut().enumerate() {
        let of_theory = predicted.stderr.as_ref().map_or(0.0, |s| s[k]);
        *stderr = match dropped.contains(&k) {
            true => f64::NAN,
            false => stderr.hypot(of_theory),
        };
    }
    Ok((theory.mean(), stderr))
}

/// Blocks of several quantities of the same draws, side by side.
fn beside(parts: &[Blocks]) -> Result<Blocks> {
    let first = parts.first().ok_or_else(|| Error::bug("fit", "no cells"))?;
    if parts.iter().any(|p| p.n() != first.n()) {
        return Err(Error::input(
            "fit",
            "the cells differ in their numbers of draws",
            "give all of them the same measure.datasets and measure.replicas",
        ));
    }
    let columns: Vec<_> = parts.iter().flat_map(|p| p.values.column_iter()).collect();
    Ok(Blocks {
        values: DMatrix::from_columns(&columns),
        ..first.clone()
    })
}

/// A theory with free parameters in some cells.
struct Posing<'a> {
    spec: &'a Spec,
    fit: &'a Fit,
    group: &'a FitGroup,
    /// Of every cell.
    draws: &'a [Vec<DrawIndex>],
    blocks: usize,
    cx: &'a Context,
}

impl Posing<'_> {
    /// All cells one after the other, at values of the parameters or as the entry stands in the spec.
    fn together(&self, x: Option<&[f64]>) -> Result<Predicted> {
        interrupt::check()?;
        let mut curves = Vec::new();
        for (place, (index, _)) in self.group.cells.iter().enumerate() {
            curves.extend(self.curves(&self.spec.cells[*index], place, x)?);
        }
        let rows = match curves.iter().any(|c| c.values.n() > 1) {
            true => self.blocks,
            false => 1,
        };
        if curves.iter().any(|c| ![1, rows].contains(&c.values.n())) {
            return Err(Error::bug("fit", "rows of a theory that no draw has"));
        }
        let row = |r: usize| -> Vec<f64> {
            let of = |c: &TheoryCurve| -> Vec<f64> {
                let r = if c.values.n() == 1 { 0 } else { r };
                c.values.values.row(r).iter().copied().collect()
            };
            curves.iter().flat_map(of).collect()
        };
        let sampled = curves.iter().any(|c| c.stderr.is_some());
        let stderr = |c: &TheoryCurve| {
            let none = vec![0.0; c.values.points()];
            c.stderr.clone().unwrap_or(none)
        };
        Ok(Predicted {
            rows: (0..rows).map(row).collect(),
            stderr: sampled.then(|| curves.iter().flat_map(stderr).collect()),
            bound: curves.iter().flat_map(|c| c.bound.clone()).collect(),
        })
    }

    /// The curves of the observables in one cell, at values of the parameters or as the entry is stated.
    fn curves(&self, cell: &Cell, place: usize, x: Option<&[f64]>) -> Result<Vec<TheoryCurve>> {
        let (fit, template) = (self.fit, &self.group.cells[place].1);
        let names = fit.keys.observables.iter().map(String::as_str).enumerate();
        let posed = match x {
            Some(x) => fit.assumed(template, x)?.posed(fit.theory, names)?,
            None => template.posed(fit.theory, names)?,
        };
        let declined = |reason: String| Error::Declined { reason };
        if let Some((_, reason)) = posed.lacking.first() {
            return Err(declined(reason.clone()));
        }
        let mut entry = posed.entry;
        let scale = x.map_or(1.0, |x| fit.time_scale(x));
        if scale != 1.0 {
            let axes = entry.asked.iter_mut().filter_map(|a| a.grid.as_mut());
            let times = axes.flatten().filter(|a| a.name == "time");
            times.for_each(|a: &mut Axis| a.values.iter_mut().for_each(|t| *t *= scale));
        }
        let plan = entry.theory.plan(&entry.experiment, &entry.asked);
        let plan = plan.map_err(|d| declined(d.to_string()))?;
        let plan = assumed::with_draws(cell, &entry, plan).map_err(declined)?;
        let on: Vec<Option<DrawIndex>> = match plan.promise().conditioning {
            Conditioning::None => vec![None],
            Conditioning::Data => {
                let of = |dataset| {
                    Some(DrawIndex {
                        dataset,
                        replica: 0,
                    })
                };
                cell.experiment.dataset_indices().map(of).collect()
            }
            Conditioning::Initial => self.draws[place].iter().map(|&d| Some(d)).collect(),
            Conditioning::Trained => {
                return Err(Error::input(
                    "fit.theory",
                    format!(
                        "{} is given trained weights, which a fit does not train anew",
                        entry.label
                    ),
                    "choose another condition for its entry",
                ));
            }
        };
        let conditioned = plan.promise().conditioning != Conditioning::None;
        let places = plan.answers().to_vec();
        let mut predictions = Vec::new();
        for draw in on {
            let cx = self.cx.solving(entry.experiment.seed, draw, |_| {});
            let untrained = |_| Err(Error::bug("fit", "a fit trains no network"));
            let mut found = solve_unit(&plan, &entry.experiment, draw, &cx, untrained)?;
            for answer in &mut found.answers {
                answer.asked = posed.places[places[answer.asked]];
            }
            predictions.push((draw, found));
        }
        let mut outcome = TheoryOutcome::planned(&entry, Ok(plan), false);
        for (draw, found) in predictions {
            outcome.push(draw, found, 0.0);
        }
        let draws = match conditioned {
            true => self.draws[place].as_slice(),
            false => &[],
        };
        let curve = |k: usize| {
            let name = &fit.keys.observables[k];
            let curve = curve_on(&outcome, k, draws)?;
            let mut curve =
                curve.ok_or_else(|| declined(format!("{} gives no {name}", entry.label)))?;
            let factor = x.map_or(1.0, |x| fit.width_factor(x, last_hidden(cell)));
            if factor != 1.0 {
                curve.values.values *= factor;
                let errors = curve
                    .bound
                    .iter_mut()
                    .chain(curve.stderr.iter_mut().flatten());
                errors.for_each(|e| *e *= factor.abs());
            }
            Ok(curve)
        };
        (0..fit.keys.observables.len()).map(curve).collect()
    }
}

impl Problem for Posing<'_> {
    fn parameters(&self) -> &[Parameter] {
        &self.fit.parameters
    }

    /// Values that make no experiment are outside, too.
    fn predict(&self, x: &[f64]) -> Result<Predicted> {
        self.together(Some(x)).map_err(|error| match error {
            Error::Input { place, cause, .. } => Error::Declined {
                reason: format!("{place}: {cause}"),
            },
            other => other,
        })
    }
}
