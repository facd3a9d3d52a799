//! Reductions across cells: one swept key is removed, the same way for measurement and theory.

use super::assess::{
    Derived, DerivedTheory, RowResult, against, measured_blocks, test_set, theory_curve,
};
use super::outcome::Outcome;
use crate::compare::{
    Blocks, Cell, Reduced, Reduction, Sampling, TestSet, TheoryCurve, collapse, cross, reduce,
};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::spec::sweep::{Settings, coordinate, partners};
use crate::spec::{CollapseNumber, Reduce, ReduceKind, Spec};
use crate::theory::{Known, Number, Question};
use nalgebra::DMatrix;

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
        let asked = match (r.kind, number) {
            (ReduceKind::Exponent, _) => Some(Number::Exponent),
            (ReduceKind::Collapse, Some(CollapseNumber::InverseNu)) => {
                Some(Number::ScalingExponent)
            }
            (ReduceKind::Crossing | ReduceKind::Collapse, _) => Some(Number::Crossing),
            (ReduceKind::Extrapolate, _) => Some(Number::Limit),
            (ReduceKind::Slope, _) => None,
        };
        let known = asked.and_then(|number| {
            let question = Question {
                number,
                observable: observable.name,
                key: &r.key,
            };
            theory.known(experiment, &question)
        });
        let (prediction, bound) = match known {
            Some(Known { value, bound }) => {
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
        let sets = cells.iter().zip(&wanted).map(|(&c, &w)| {
            let promise = outcome.cells[c].theories[t].promise.as_ref();
            test_set(&spec.cells[c], &outcome.cells[c], promise, w)
        });
        let sets = sets.collect::<Result<Vec<_>>>()?;
        let curve = TheoryCurve {
            values: prediction.blocks.clone(),
            bound: vec![bound; prediction.estimate.len()],
            stderr: None,
            averages_over,
            test_set: shared(&sets, networks.as_deref(), &reduced),
        };
        let row = match &measured {
            Ok(m) => {
                let stated = number
                    .and_then(|number| r.tolerances.get(&number).copied())
                    .or(r.tolerance)
                    .map(Into::into);
                // A limit of the observable may vanish like the observable; a slope or an exponent has a scale of its
                // own.
                let vanishing = match r.kind {
                    ReduceKind::Extrapolate => spec.compare.vanishing(observable),
                    _ => None,
                };
                let default = || {
                    let tolerance = spec.compare.of(observable.name);
                    tolerance.or_absolute(vanishing, &m.blocks, curve.is_zero())
                };
                against(
                    &m.blocks,
                    &curve,
                    stated.unwrap_or_else(default),
                    "tolerance = { absolute = ... } in its [[reduce]]",
                    spec.seed,
                    &axes,
                )?
            }
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

/// On which test samples a reduced measurement and a theory stand. Where all cells share their held-out samples, each
/// block is left out of all cells at once and the values are reduced anew (delete-one jackknife): what moves all cells
/// alike does not move a slope or an exponent.
fn shared(
    sets: &[TestSet],
    networks: Option<&[Cell]>,
    reduced: &dyn Fn(Option<Vec<Cell>>) -> std::result::Result<Reduced, String>,
) -> TestSet {
    let samplings: Option<Vec<&Sampling>> = sets
        .iter()
        .map(|set| match set {
            TestSet::Sampled(sampling) => Some(sampling),
            _ => None,
        })
        .collect();
    let (Some(samplings), Some(networks)) = (samplings, networks) else {
        let other = sets.iter().find(|s| !matches!(s, TestSet::Sampled(_)));
        return other.cloned().unwrap_or_default();
    };
    let first = samplings[0];
    let unknown = TestSet::Unknown {
        samples: first.samples,
    };
    let same = |s: &&Sampling| (s.samples, s.blocks) == (first.samples, first.blocks);
    if !samplings.iter().all(same) {
        return unknown;
    }
    let blocks = first.blocks as f64;
    let without = |b: usize| -> Option<Vec<f64>> {
        let cells = networks.iter().zip(&samplings).map(|(cell, sampling)| {
            let points = cell.blocks.points();
            let share = sampling.shares.columns(b * points, points);
            let values = &cell.blocks.values - share * (blocks / (blocks - 1.0));
            Cell {
                x: cell.x,
                blocks: Blocks {
                    values,
                    ..cell.blocks.clone()
                },
            }
        });
        let estimate = reduced(Some(cells.collect())).ok()?.estimate;
        estimate.iter().all(|v| v.is_finite()).then_some(estimate)
    };
    let Some(left_out) = (0..first.blocks).map(without).collect::<Option<Vec<_>>>() else {
        return unknown;
    };
    let points = left_out[0].len();
    let mean = |k: usize| left_out.iter().map(|g| g[k]).sum::<f64>() / blocks;
    let shares = left_out.iter().flat_map(|g| {
        let share = |k: usize| (mean(k) - g[k]) * (blocks - 1.0) / blocks;
        (0..points).map(share).collect::<Vec<_>>()
    });
    TestSet::Sampled(Sampling {
        shares: DMatrix::from_row_iterator(1, first.blocks * points, shares),
        ..*first
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::numerics::random::{normal_matrix, stream};

    /// For a reduction that is linear in the values, leaving blocks out gives that of the shares: of a slope over x = 1
    /// and 3, half the difference of the cells' mean shares. What both cells have in common drops out.
    #[test]
    fn shares_of_a_slope_are_the_slope_of_the_shares() {
        let (draws, blocks) = (5, 8);
        let cell = |seed: u64, x: f64| {
            let values = normal_matrix(&mut stream(seed, "values", &[]), draws, 1);
            let raw = normal_matrix(&mut stream(seed, "shares", &[]), draws, blocks);
            let shares = DMatrix::from_fn(draws, blocks, |r, b| raw[(r, b)] - raw.row(r).mean());
            let rows: Vec<(DrawIndex, Vec<f64>)> = (0..draws)
                .map(|dataset| {
                    let index = DrawIndex {
                        dataset,
                        replica: 0,
                    };
                    (index, vec![values[dataset]])
                })
                .collect();
            let sampling = Sampling {
                samples: 80,
                blocks,
                shares,
                population: Some(400),
            };
            let blocks = Blocks::from_draws(&rows).unwrap();
            (Cell { x, blocks }, TestSet::Sampled(sampling))
        };
        let ((one, first), (three, second)) = (cell(1, 1.0), cell(2, 3.0));
        let slope = |cells: Option<Vec<Cell>>| {
            let cells = cells.ok_or("no cells")?;
            reduce(&cells, Reduction::Slope).map_err(|e| e.to_string())
        };
        let found = |networks: &[Cell], sets: &[TestSet]| match shared(sets, Some(networks), &slope)
        {
            TestSet::Sampled(found) => found,
            other => panic!("{other:?}"),
        };
        let networks = [one.clone(), three.clone()];
        let of_slope = found(&networks, &[first.clone(), second.clone()]);
        let (TestSet::Sampled(a), TestSet::Sampled(b)) = (&first, &second) else {
            panic!("not sampled");
        };
        for block in 0..blocks {
            let exact = 0.5 * (b.shares.column(block).mean() - a.shares.column(block).mean());
            assert!((of_slope.shares[(0, block)] - exact).abs() < 1e-12);
        }
        assert_eq!((of_slope.samples, of_slope.population), (80, Some(400)));
        let common = found(&networks, &[first.clone(), first.clone()]);
        assert!(common.total() < 1e-25);
        // Of theories on the same samples, and of cells with other samples, nothing is made up.
        let same = TestSet::Same { samples: 80 };
        let mixed = shared(&[same.clone(), first.clone()], Some(&networks), &slope);
        assert_eq!(mixed, same);
        let TestSet::Sampled(mut other) = second else {
            return;
        };
        other.samples = 81;
        let unknown = shared(&[first, TestSet::Sampled(other)], Some(&networks), &slope);
        assert_eq!(unknown, TestSet::Unknown { samples: 80 });
    }
}
