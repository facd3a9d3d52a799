//! `arrays.npz`: every array of a run, readable with `numpy.load`.

use super::document::{array_name, measured, predicted};
use super::mapping;
use super::outcome::{CellOutcome, Outcome, TheoryOutcome};
use crate::error::Result;
use crate::instrument::observable::names;
use crate::instrument::{Axis, Wanted};
use crate::numerics::npz::Writer;
use crate::spec::Spec;
use toml::Value;

/// Bytes of the archive. The parts of a name stand between slashes (a slash in a label is written `%2F`); arrays are row-major:
///
/// - `cellN/set/KEY`: the swept value, where it is a number or a list of numbers;
/// - `cellN/axis/OBSERVABLE/AXIS`: the grid (the second axis of a name: `AXIS2`);
/// - `cellN/measured/OBSERVABLE/{mean,stderr,draws}`, and `cellN/draws`: data set and replica of each row of `draws`;
/// - `cellN/LABEL/OBSERVABLE/{mean,bound,stderr,draws}` of a theory, with `axis-AXIS` where its axes are others than the
///   ones above. Row `i` of its `draws`, which a theory that conditions on nothing does not
///   have, is the prediction for row `i` of the measured ones: their difference is the paired residual.
///
/// - `mapN/axis/KEY` and `mapN/LABEL/QUANTITY/{mean,bound,stderr}` of a theory on chart N of `[map]`, the first key
///   outermost, branches innermost.
///
/// Of more than 256 data sets (or replicas of the only one), no measured `draws` are kept.
///
/// Entries carry no time stamps, so equal results are equal bytes.
pub fn npz(spec: &Spec, outcome: &Outcome) -> Result<Vec<u8>> {
    let mut npz = Writer::default();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for (key, value) in &cell.set {
            if let Some((shape, values)) = swept(value) {
                npz.add(&array_name(index, &["set", key]), &shape, &values)?;
            }
        }
        for (k, w) in cell.wanted.iter().enumerate() {
            // Two theories may tell one quantity on axes of their own: those of the second stand with its values.
            if cell.wanted(w.observable.name) != Some(k) {
                continue;
            }
            for (axis, name) in w.axes.iter().zip(names(&w.axes)) {
                let name = array_name(index, &["axis", w.observable.name, &name]);
                npz.add(&name, &[axis.values.len()], &axis.values)?;
            }
        }
        for v in measured(cell)? {
            let name = |what: &str| array_name(index, &["measured", v.observable.name, what]);
            npz.add(&name("mean"), &shape(&v.axes), &v.mean)?;
            if let Some(stderr) = &v.stderr {
                npz.add(&name("stderr"), &shape(&v.axes), stderr)?;
            }
        }
        if let Some(m) = &cell.measurement {
            let indices = m.draws.iter().flat_map(|d| [d.dataset, d.replica]);
            let indices: Vec<u64> = indices.map(|i| i as u64).collect();
            npz.add(
                &array_name(index, &["draws"]),
                &[m.draws.len(), 2],
                &indices,
            )?;
            let kept = if m.streamed.is_none() {
                cell.measured
            } else {
                0
            };
            for (k, w) in cell.wanted[..kept].iter().enumerate() {
                let rows = m.values.iter().map(|v| v[k].as_slice());
                let name = array_name(index, &["measured", w.observable.name, "draws"]);
                add_draws(&mut npz, &name, w, rows.collect())?;
            }
        }
        for theory in &cell.theories {
            for v in predicted(cell, theory)? {
                let name =
                    |what: &str| array_name(index, &[&theory.label, v.observable.name, what]);
                npz.add(&name("mean"), &shape(&v.axes), &v.mean)?;
                let place = cell.wanted(v.observable.name);
                if place.is_some_and(|k| cell.wanted[k].axes != v.axes) {
                    for (axis, axis_name) in v.axes.iter().zip(names(&v.axes)) {
                        npz.add(
                            &name(&format!("axis-{axis_name}")),
                            &[axis.values.len()],
                            &axis.values,
                        )?;
                    }
                }
                for (what, values) in [("bound", &v.bound), ("stderr", &v.stderr)] {
                    if let Some(values) = values {
                        npz.add(&name(what), &shape(&v.axes), values)?;
                    }
                }
            }
            for (k, w) in cell.wanted.iter().enumerate() {
                if let Some(rows) = of_draws(cell, theory, k) {
                    let name = array_name(index, &[&theory.label, w.observable.name, "draws"]);
                    add_draws(&mut npz, &name, w, rows)?;
                }
            }
        }
    }
    mapping::document::arrays(spec, outcome, &mut npz)?;
    npz.finish()
}

/// Predictions for the measured draws, of a theory that conditions on them.
fn of_draws<'a>(
    cell: &CellOutcome,
    theory: &'a TheoryOutcome,
    wanted: usize,
) -> Option<Vec<&'a [f64]>> {
    theory.predictions.first()?.0?;
    let draws = &cell.measurement.as_ref()?.draws;
    let row = |d| theory.predicted(wanted, d).map(|p| p.mean.as_slice());
    draws.iter().map(|d| row(*d)).collect()
}

fn add_draws(npz: &mut Writer, name: &str, w: &Wanted, rows: Vec<&[f64]>) -> Result<()> {
    let mut dims = vec![rows.len()];
    dims.extend(shape(&w.axes));
    npz.add(name, &dims, &rows.concat())
}

/// Shape and values of a swept number or list of numbers.
fn swept(value: &Value) -> Option<(Vec<usize>, Vec<f64>)> {
    let number = |v: &Value| match v {
        Value::Integer(i) => Some(*i as f64),
        Value::Float(f) => Some(*f),
        _ => None,
    };
    match value {
        Value::Array(items) => {
            let values: Vec<f64> = items.iter().map(number).collect::<Option<_>>()?;
            Some((vec![values.len()], values))
        }
        one => number(one).map(|x| (vec![], vec![x])),
    }
}

fn shape(axes: &[Axis]) -> Vec<usize> {
    axes.iter().map(|a| a.values.len()).collect()
}
