//! `arrays.npz`: every array of a run, readable with `numpy.load`.

use super::document::{array_name, measured, predicted};
use super::outcome::Outcome;
use crate::error::{Error, Result};
use crate::instrument::Axis;
use npyz::WriterBuilder;
use npyz::npz::NpzWriter;
use npyz::zip::{DateTime, write::FileOptions};
use std::io::Cursor;

/// Bytes of the archive: per cell `cellN.measured.OBSERVABLE.{mean,stderr,draws}`, `cellN.LABEL.OBSERVABLE.{mean,bound}` and
/// `cellN.axis.OBSERVABLE.AXIS`; row-major. Entries carry no time stamps, so equal results are equal bytes.
pub fn npz(outcome: &Outcome) -> Result<Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let mut npz = NpzWriter::new(&mut bytes);
    for (index, cell) in outcome.cells.iter().enumerate() {
        for w in &cell.wanted {
            for axis in &w.axes {
                let name = array_name(index, "axis", w.observable.name, &axis.name);
                add(&mut npz, &name, &[axis.values.len()], &axis.values)?;
            }
        }
        for v in measured(cell)? {
            let name = |what: &str| array_name(index, "measured", v.observable.name, what);
            add(&mut npz, &name("mean"), &shape(&v.axes), &v.mean)?;
            if let Some(stderr) = &v.stderr {
                add(&mut npz, &name("stderr"), &shape(&v.axes), stderr)?;
            }
        }
        if let Some(m) = &cell.measurement {
            for (k, w) in cell.wanted.iter().enumerate() {
                let mut dims = vec![m.draws.len()];
                dims.extend(w.axes.iter().map(|a| a.values.len()));
                let all: Vec<f64> = m.values.iter().flat_map(|v| v[k].iter().copied()).collect();
                add(
                    &mut npz,
                    &array_name(index, "measured", w.observable.name, "draws"),
                    &dims,
                    &all,
                )?;
            }
        }
        for theory in &cell.theories {
            for v in predicted(cell, theory)? {
                let name = |what: &str| array_name(index, &theory.label, v.observable.name, what);
                add(&mut npz, &name("mean"), &shape(&v.axes), &v.mean)?;
                if let Some(bound) = &v.bound {
                    add(&mut npz, &name("bound"), &shape(&v.axes), bound)?;
                }
            }
        }
    }
    npz.zip_writer().finish().map_err(failed)?;
    drop(npz);
    Ok(bytes.into_inner())
}

fn shape(axes: &[Axis]) -> Vec<usize> {
    axes.iter().map(|a| a.values.len()).collect()
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::bug("npz", e.to_string())
}

fn add(
    npz: &mut NpzWriter<&mut Cursor<Vec<u8>>>,
    name: &str,
    shape: &[usize],
    values: &[f64],
) -> Result<()> {
    let shape: Vec<u64> = shape.iter().map(|n| *n as u64).collect();
    let mut writer = npz
        .array::<f64>(
            name,
            FileOptions::default().last_modified_time(DateTime::default()),
        )
        .map_err(failed)?
        .default_dtype()
        .shape(&shape)
        .begin_nd()
        .map_err(failed)?;
    writer.extend(values.iter().copied()).map_err(failed)?;
    writer.finish().map_err(failed)
}
