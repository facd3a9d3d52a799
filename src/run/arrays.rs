//! `arrays.npz`: every array of a run, readable with `numpy.load`.

use super::document::{array_name, measured, predicted};
use super::outcome::Outcome;
use crate::error::Result;
use crate::instrument::Axis;
use crate::instrument::observable::names;
use crate::numerics::npz::Writer;

/// Bytes of the archive: per cell `cellN.measured.OBSERVABLE.{mean,stderr,draws}`, `cellN.LABEL.OBSERVABLE.{mean,bound}` and
/// `cellN.axis.OBSERVABLE.AXIS` (the second one of a name: `AXIS2`); row-major. Entries carry no time stamps, so equal results are equal bytes.
pub fn npz(outcome: &Outcome) -> Result<Vec<u8>> {
    let mut npz = Writer::default();
    for (index, cell) in outcome.cells.iter().enumerate() {
        for w in &cell.wanted {
            for (axis, name) in w.axes.iter().zip(names(&w.axes)) {
                let name = array_name(index, "axis", w.observable.name, &name);
                npz.add(&name, &[axis.values.len()], &axis.values)?;
            }
        }
        for v in measured(cell)? {
            let name = |what: &str| array_name(index, "measured", v.observable.name, what);
            npz.add(&name("mean"), &shape(&v.axes), &v.mean)?;
            if let Some(stderr) = &v.stderr {
                npz.add(&name("stderr"), &shape(&v.axes), stderr)?;
            }
        }
        if let Some(m) = &cell.measurement {
            for (k, w) in cell.wanted.iter().enumerate() {
                let mut dims = vec![m.draws.len()];
                dims.extend(w.axes.iter().map(|a| a.values.len()));
                let all: Vec<f64> = m.values.iter().flat_map(|v| v[k].iter().copied()).collect();
                npz.add(
                    &array_name(index, "measured", w.observable.name, "draws"),
                    &dims,
                    &all,
                )?;
            }
        }
        for theory in &cell.theories {
            for v in predicted(cell, theory)? {
                let name = |what: &str| array_name(index, &theory.label, v.observable.name, what);
                npz.add(&name("mean"), &shape(&v.axes), &v.mean)?;
                if let Some(bound) = &v.bound {
                    npz.add(&name("bound"), &shape(&v.axes), bound)?;
                }
            }
        }
    }
    npz.finish()
}

fn shape(axes: &[Axis]) -> Vec<usize> {
    axes.iter().map(|a| a.values.len()).collect()
}
