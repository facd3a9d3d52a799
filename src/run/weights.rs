//! Trained weights: records of their own, and files for other programs.

use super::manifest::simd_level;
use super::store::{Lookup, Record, Store};
use crate::error::{Error, Result};
use crate::experiment::{DrawIndex, Experiment};
use crate::learner::{Learner, Parameters, weights};
use crate::numerics::content;
use crate::spec::{Spec, experiment_json};
use crate::task::Shape;
use nalgebra::DMatrix;
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Key of the record that holds the parameters of a draw after its last step.
pub(super) fn key(experiment: &Experiment, draw: DrawIndex) -> Json {
    json!({
        "unit": "weights",
        "simd": simd_level(),
        "experiment": experiment_json(experiment),
        "draw": draw,
    })
}

pub(super) fn to_record(learner: &dyn Learner, shape: Shape, p: &Parameters) -> Record {
    let names = learner.names(shape).into_iter();
    let blocks = p.blocks.iter().map(|b| b.as_slice().to_vec());
    Record {
        meta: json!({}),
        arrays: names.zip(blocks).collect(),
    }
}

pub(super) fn from_record(
    learner: &dyn Learner,
    shape: Shape,
    record: Record,
) -> Result<Parameters> {
    let shapes = learner.shapes(shape);
    let fits = |((_, v), (rows, columns)): (&(String, Vec<f64>), &(usize, usize))| {
        v.len() == rows * columns
    };
    if record.arrays.len() != shapes.len() || !record.arrays.iter().zip(&shapes).all(fits) {
        let cause = "a record of weights does not have the shapes of its learner";
        return Err(Error::bug("store", cause));
    }
    let arrays = record.arrays.into_iter().zip(shapes);
    Ok(Parameters {
        blocks: arrays
            .map(|((_, values), (rows, columns))| DMatrix::from_vec(rows, columns, values))
            .collect(),
    })
}

/// Writes the trained weights of every draw that the store of `out` holds to
/// `folder/cell-C-dataset-D-replica-R.safetensors`; returns the paths.
///
/// # Errors
/// `Storage` when a file cannot be read or written.
pub fn write(spec: &Spec, out: &Path, folder: &Path) -> Result<Vec<PathBuf>> {
    let store = Store::existing(out)?;
    let mut paths = Vec::new();
    for (c, cell) in spec.cells.iter().enumerate() {
        let experiment = &cell.experiment;
        let Some(learner) = experiment.learner.as_deref() else {
            continue;
        };
        let shape = experiment.task.shape();
        for draw in experiment.draw_indices() {
            let DrawIndex { dataset, replica } = draw;
            if let Lookup::Found(record) = store.get(&content::of(&key(experiment, draw)))? {
                let path = folder.join(format!(
                    "cell-{c}-dataset-{dataset}-replica-{replica}.safetensors"
                ));
                let p = from_record(learner, shape, record)?;
                weights::save(&path, learner, shape, &p)?;
                paths.push(path);
            }
        }
    }
    Ok(paths)
}
