//! Reductions across cells: one swept key is removed, the same way for measurement and theory.

use super::assess::{Derived, DerivedTheory, RowResult, against, measured_blocks, theory_curve};
use super::outcome::Outcome;
use crate::compare::{Blocks, Reduced, Reduction, TheoryCurve, reduce};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::spec::sweep::{Settings, coordinate};
use crate::spec::{Abscissa, Reduce, ReduceKind, Spec};

pub(super) fn reductions(spec: &Spec, outcome: &Outcome, r: &Reduce) -> Result<Vec<Derived>> {
    let mut groups: Vec<(Settings, Vec<usize>)> = Vec::new();
    for (index, cell) in outcome.cells.iter().enumerate() {
        let rest: Vec<_> = cell
            .set
            .iter()
            .filter(|(k, _)| *k != r.key)
            .cloned()
            .collect();
        match groups.iter_mut().find(|(s, _)| *s == rest) {
            Some((_, cells)) => cells.push(index),
            None => groups.push((rest, vec![index])),
        }
    }
    groups
        .into_iter()
        .map(|(set, cells)| derive(spec, outcome, r, set, cells))
        .collect()
}

fn derive(
    spec: &Spec,
    outcome: &Outcome,
    r: &Reduce,
    set: Settings,
    cells: Vec<usize>,
) -> Result<Derived> {
    let place = format!("reduce over {}", r.key);
    let x = cells
        .iter()
        .map(|&c| coordinate(&outcome.cells[c].set, &r.key, r.abscissa))
        .collect::<Option<Vec<f64>>>()
        .ok_or_else(|| {
            Error::input(
                &place,
                "the swept values are not numbers",
                "reduce over a numeric key",
            )
        })?;
    let first = &outcome.cells[cells[0]];
    let wanted = first
        .wanted
        .iter()
        .position(|w| w.observable.name == r.observable)
        .ok_or_else(|| Error::bug(&place, "the observable is not measured"))?;
    let (observable, axes) = (
        first.wanted[wanted].observable,
        first.wanted[wanted].axes.clone(),
    );
    let kind = match r.kind {
        ReduceKind::Extrapolate => Reduction::Extrapolation { curvature: false },
        ReduceKind::Slope => Reduction::Slope,
        ReduceKind::Exponent => Reduction::Exponent {
            correction: r.correction,
        },
    };
    let same_grid = cells
        .iter()
        .all(|&c| close(&outcome.cells[c].wanted[wanted].axes, &axes));
    let reduced = |blocks: Vec<Option<Blocks>>| -> std::result::Result<Reduced, String> {
        if !same_grid {
            return Err(format!(
                "the grid of {} differs between cells (choose points that fall on common times)",
                r.observable
            ));
        }
        let parts = x
            .iter()
            .zip(blocks)
            .map(|(&x, blocks)| blocks.map(|blocks| crate::compare::Cell { x, blocks }))
            .collect::<Option<Vec<_>>>()
            .ok_or("a cell has no value")?;
        reduce(&parts, kind).map_err(|e| e.to_string())
    };
    let blocks = cells
        .iter()
        .map(|&c| measured_blocks(&outcome.cells[c], wanted))
        .collect::<Result<Vec<_>>>()?;
    let measured = reduced(blocks);
    let mut theories = Vec::new();
    for (t, entry) in first.theories.iter().enumerate() {
        let curves = cells
            .iter()
            .map(|&c| theory_curve(&outcome.cells[c], &outcome.cells[c].theories[t], wanted))
            .collect::<Result<Vec<_>>>()?;
        let averages_over = entry
            .promise
            .as_ref()
            .map(|p| p.averages_over.clone())
            .unwrap_or_default();
        let stated = &spec.cells[cells[0]].theories[t];
        let known = match r.kind {
            ReduceKind::Exponent => {
                let theory = &stated.theory;
                theory.exponent(&stated.experiment, observable.name, &r.key)
            }
            _ => None,
        };
        let (curves, bound) = match known {
            // Any amplitude: what is reduced is the exponent alone.
            Some((k, bound)) => {
                let points = crate::instrument::observable::size(&axes);
                let law = |&c: &usize| {
                    let key = coordinate(&outcome.cells[c].set, &r.key, Abscissa::Value)?;
                    Some(Blocks::fixed(&vec![key.powf(k); points]))
                };
                (cells.iter().map(law).collect(), bound)
            }
            None => (
                curves.into_iter().map(|c| c.map(|c| c.values)).collect(),
                0.0,
            ),
        };
        let Ok(prediction) = reduced(curves) else {
            continue;
        };
        let curve = TheoryCurve {
            values: prediction.blocks.clone(),
            bound: vec![bound; prediction.estimate.len()],
            stderr: None,
            averages_over,
        };
        let row = match &measured {
            Ok(m) => against(
                &m.blocks,
                &curve,
                r.tolerance
                    .map_or_else(|| spec.compare.of(observable.name), Into::into),
                spec.seed,
                &axes,
            )?,
            Err(reason) => RowResult::Unmeasured(reason.clone()),
        };
        theories.push(DerivedTheory {
            label: entry.label.clone(),
            reduced: prediction,
            row,
            expect: r.expect.get(&entry.label).copied().filter(|_| !spec.quick),
        });
    }
    Ok(Derived {
        label: r.label.clone().unwrap_or_else(|| {
            let what = match r.kind {
                ReduceKind::Extrapolate => "limit of",
                ReduceKind::Slope => "slope of",
                ReduceKind::Exponent => "exponent of",
            };
            format!("{what} {} in {}", r.observable, r.abscissa.text(&r.key))
        }),
        reduce: r.clone(),
        observable,
        axes,
        set,
        cells,
        x,
        measured,
        theories,
    })
}

fn close(a: &[Axis], b: &[Axis]) -> bool {
    a.len() == b.len()
        && a.iter().zip(b).all(|(a, b)| {
            let scale = a.values.iter().fold(0.0f64, |m, v| m.max(v.abs()));
            a.name == b.name
                && a.values.len() == b.values.len()
                && a.values
                    .iter()
                    .zip(&b.values)
                    .all(|(x, y)| (x - y).abs() <= 1e-9 * scale)
        })
}
