//! Reductions across cells: one swept key is removed, the same way for measurement and theory.

use super::assess::{Derived, DerivedTheory, RowResult, against, measured_blocks, theory_curve};
use super::outcome::Outcome;
use crate::compare::{Blocks, Cell, Reduced, Reduction, TheoryCurve, collapse, cross, reduce};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::spec::sweep::{Settings, coordinate, partners};
use crate::spec::{CollapseNumber, Reduce, ReduceKind, Spec};

pub(super) fn reductions(spec: &Spec, outcome: &Outcome, r: &Reduce) -> Result<Vec<Derived>> {
    let mut groups: Vec<(Settings, Vec<usize>)> = Vec::new();
    let zipped = partners(outcome.cells.iter().map(|c| &c.set), &r.key);
    for (index, cell) in outcome.cells.iter().enumerate() {
        let rest: Vec<_> = cell
            .set
            .iter()
            .filter(|(k, _)| *k != r.key && !zipped.contains(k))
            .cloned()
            .collect();
        match groups.iter_mut().find(|(s, _)| *s == rest) {
            Some((_, cells)) => cells.push(index),
            None => groups.push((rest, vec![index])),
        }
    }
    let numbers: &[Option<CollapseNumber>] = match r.kind {
        ReduceKind::Collapse => &[
            Some(CollapseNumber::Threshold),
            Some(CollapseNumber::InverseNu),
        ],
        _ => &[None],
    };
    let mut derived = Vec::new();
    for (set, cells) in groups {
        for &number in numbers {
            derived.push(derive(spec, outcome, r, number, &set, &cells)?);
        }
    }
    Ok(derived)
}

fn derive(
    spec: &Spec,
    outcome: &Outcome,
    r: &Reduce,
    number: Option<CollapseNumber>,
    set: &Settings,
    cells: &[usize],
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
    let wanted = |c: usize| {
        let found = outcome.cells[c].wanted(&r.observable);
        found.ok_or_else(|| Error::bug(&place, "the observable is not measured"))
    };
    let wanted = cells
        .iter()
        .map(|&c| wanted(c))
        .collect::<Result<Vec<_>>>()?;
    let asked = &first.wanted[wanted[0]];
    let (observable, axes) = (asked.observable, asked.axes.clone());
    // Crossing and collapse use the axis up.
    let (grid, axes) = match r.kind {
        ReduceKind::Crossing | ReduceKind::Collapse => (axes, Vec::new()),
        _ => (axes.clone(), axes),
    };
    let of_cells = |cells: &[Cell], scatter: &[Cell]| match (r.kind, grid.as_slice()) {
        (ReduceKind::Extrapolate, _) => {
            reduce(cells, Reduction::Extrapolation { curvature: false })
        }
        (ReduceKind::Slope, _) => reduce(cells, Reduction::Slope),
        (ReduceKind::Exponent, _) => {
            let correction = r.correction;
            reduce(cells, Reduction::Exponent { correction })
        }
        (ReduceKind::Crossing, [axis]) => cross(cells, &axis.values, r.correction),
        (ReduceKind::Crossing, other) => Err(Error::input(
            &place,
            format!("{} has {} axes", r.observable, other.len()),
            "cross curves over one axis, such as wrapping-x over p",
        )),
        (ReduceKind::Collapse, [axis]) => {
            let collapsed = collapse(cells, scatter, &axis.values, r.degree())?;
            Ok(match number {
                Some(CollapseNumber::InverseNu) => collapsed.inverse_nu,
                _ => collapsed.threshold,
            })
        }
        (ReduceKind::Collapse, _) => Err(Error::bug(&place, "no single axis")),
    };
    let same_grid = cells
        .iter()
        .zip(&wanted)
        .all(|(&c, &w)| close(&outcome.cells[c].wanted[w].axes, &grid));
    let parts = |blocks: Vec<Option<Blocks>>| -> Option<Vec<Cell>> {
        let pairs = x.iter().zip(blocks);
        pairs
            .map(|(&x, blocks)| blocks.map(|blocks| Cell { x, blocks }))
            .collect()
    };
    let blocks = cells
        .iter()
        .zip(&wanted)
        .map(|(&c, &w)| measured_blocks(&outcome.cells[c], w))
        .collect::<Result<Vec<_>>>()?;
    let networks = parts(blocks);
    let reduced = |parts: Option<Vec<Cell>>| -> std::result::Result<Reduced, String> {
        if !same_grid {
            return Err(format!(
                "the grid of {} differs between cells (choose points that fall on common times)",
                r.observable
            ));
        }
        let parts = parts.ok_or("a cell has no value")?;
        let scatter = networks.as_ref().unwrap_or(&parts);
        of_cells(&parts, scatter).map_err(|e| e.to_string())
    };
    let measured = reduced(networks.clone());
    let mut theories = Vec::new();
    for (t, entry) in first.theories.iter().enumerate() {
        let curves = cells
            .iter()
            .zip(&wanted)
            .map(|(&c, &w)| theory_curve(&outcome.cells[c], &outcome.cells[c].theories[t], w))
            .collect::<Result<Vec<_>>>()?;
        let averages_over = entry
            .promise
            .as_ref()
            .map(|p| p.averages_over.clone())
            .unwrap_or_default();
        let stated = &spec.cells[cells[0]].theories[t];
        let (theory, experiment) = (&stated.theory, &stated.experiment);
        let known = match r.kind {
            ReduceKind::Exponent => theory.exponent(experiment, observable.name, &r.key),
            ReduceKind::Crossing => theory.crossing(experiment, observable.name, &r.key),
            ReduceKind::Collapse => match number {
                Some(CollapseNumber::InverseNu) => {
                    theory.inverse_nu(experiment, observable.name, &r.key)
                }
                _ => theory.crossing(experiment, observable.name, &r.key),
            },
            ReduceKind::Extrapolate | ReduceKind::Slope => None,
        };
        let (prediction, bound) = match known {
            Some((value, bound)) => {
                let points = crate::instrument::observable::size(&axes);
                (Ok(Reduced::fixed(&vec![value; points])), bound)
            }
            None => {
                let curves = curves.into_iter().map(|c| c.map(|c| c.values)).collect();
                (reduced(parts(curves)), 0.0)
            }
        };
        let Ok(prediction) = prediction else {
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
                number
                    .and_then(|number| r.tolerances.get(&number).copied())
                    .or(r.tolerance)
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
    let label = r.label.clone().unwrap_or_else(|| {
        let what = match r.kind {
            ReduceKind::Extrapolate => "limit of",
            ReduceKind::Slope => "slope of",
            ReduceKind::Exponent => "exponent of",
            ReduceKind::Crossing => "crossing of",
            ReduceKind::Collapse => "collapse of",
        };
        let last = match (r.kind, r.correction) {
            (ReduceKind::Crossing, None) if x.len() > 2 => ", last two alone",
            _ => "",
        };
        format!(
            "{what} {} in {}{last}",
            r.observable,
            r.abscissa.text(&r.key)
        )
    });
    Ok(Derived {
        label: match number {
            Some(number) => format!("{label}: {}", number.symbol()),
            None => label,
        },
        reduce: r.clone(),
        observable,
        axes,
        set: set.clone(),
        cells: cells.to_vec(),
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
