//! The samples of a file from which data sets are drawn, read and prepared once for all cells of a sweep.

use super::super::loader::{Samples, Source};
use super::super::shared::Shared;
use super::preprocess::RANK_TOLERANCE;
use super::{FileOptions, Labels, modes};
use crate::error::{Error, Result};
use crate::numerics::random::{Stream, stream};
use nalgebra::DMatrix;
use rand::RngExt;
use rand::seq::SliceRandom;
use std::ops::Range;
use std::sync::Arc;

/// Samples of the chosen classes with their targets.
#[derive(Debug, PartialEq)]
pub(super) struct Pool {
    /// Where subsets are drawn: preprocessed, in a fixed random order, held-out samples last. Else as in the file.
    pub x: DMatrix<f64>,
    pub y: DMatrix<f64>,
    /// Samples of a test set, or from which it is drawn.
    pub held: usize,
    /// Number of preprocessed inputs.
    pub inputs: usize,
    /// Rank of `Y X^T`.
    pub rank: usize,
    pub classes: Option<Vec<i64>>,
    /// BLAKE3 of the file.
    pub content: String,
    /// Names of the columns of the inputs and of the targets (csv).
    pub columns: Option<[Vec<String>; 2]>,
}

static POOLS: Shared<Pool> = Shared::new();

impl Pool {
    /// Reads and prepares the file, or finds it prepared.
    pub fn open(place: &str, options: &FileOptions) -> Result<Arc<Self>> {
        let labels = options.labels.as_deref();
        let source = Source::read(&options.path, labels).map_err(|e| located(place, options, e))?;
        let held = match (options.samples, options.test_samples) {
            (Some(_), Some(n)) if options.test_fraction == 0.0 => Some(n),
            _ => None,
        };
        let key = serde_json::json!([
            source.hash(),
            options.inputs,
            options.targets,
            options.test_fraction,
            options.classes,
            options.coding(),
            options.center,
            options.normalize,
            options.pca,
            options.whiten,
            options.samples.is_some(),
            held,
        ]);
        POOLS.get(key.to_string(), || {
            let samples = source
                .samples(&options.inputs, &options.targets)
                .map_err(|e| located(place, options, e))?;
            // The bytes make room for the numbers.
            drop(source);
            Pool::prepare(place, options, samples, held)
        })
    }

    /// Samples to train on.
    pub fn training(&self) -> usize {
        self.x.ncols() - self.held
    }

    fn prepare(
        place: &str,
        options: &FileOptions,
        samples: Samples,
        held: Option<usize>,
    ) -> Result<Self> {
        let Samples {
            mut x,
            mut y,
            content,
            columns,
        } = samples;
        let mut classes = None;
        if let Some(coding) = options.coding() {
            let labels = Labels::new(place, &y, options.classes.as_deref())?;
            let chosen = labels.chosen();
            y = labels.encode(place, coding, &chosen)?;
            if chosen.len() < x.ncols() {
                x = x.select_columns(&chosen);
            }
            classes = Some(labels.classes().to_vec());
        }
        let total = x.ncols();
        let fraction = options.test_fraction;
        let fixed = held.is_some();
        let held = held.unwrap_or((fraction * total as f64).round() as usize);
        if fixed && held >= total {
            return Err(Error::input(
                format!("{place}.test_samples"),
                format!("{held} of {total} samples leave none to train on"),
                "hold out fewer samples",
            ));
        }
        if fraction > 0.0 && (held == 0 || held == total) {
            return Err(Error::input(
                format!("{place}.test_fraction"),
                format!("{fraction} of {total} samples leaves one side empty"),
                "choose a fraction that leaves samples on both sides",
            ));
        }
        let kept = total - held;
        let preprocess = options.preprocess();
        let (inputs, of_all) = if options.samples.is_some() {
            let mut order: Vec<usize> = (0..total).collect();
            order.shuffle(&mut stream(0, "file", &[]));
            let (training, map) = preprocess.fit(place, x.select_columns(&order[..kept]))?;
            let test = map.apply(place, x.select_columns(&order[kept..]))?;
            let inputs = training.nrows();
            y = y.select_columns(&order);
            let of_training = modes(&training, &y.columns(0, kept).into_owned())?;
            x = training.resize_horizontally(total, 0.0);
            x.columns_mut(kept, held).copy_from(&test);
            (inputs, of_training)
        } else {
            if held > 0 {
                preprocess.fit(place, x.columns(0, kept).into_owned())?;
            }
            let (all, _) = preprocess.fit(place, x.clone())?;
            (all.nrows(), modes(&all, &y)?)
        };
        let floor = RANK_TOLERANCE * of_all.s.max();
        Ok(Pool {
            rank: of_all.s.iter().filter(|s| **s > floor).count(),
            x,
            y,
            held,
            inputs,
            classes,
            content,
            columns,
        })
    }
}

/// An error of the loader under the key `path` or `labels`.
fn located(place: &str, options: &FileOptions, error: Error) -> Error {
    let Error::Input {
        place: at,
        cause,
        remedy,
    } = error
    else {
        return error;
    };
    let of_labels = options.labels.as_ref().is_some_and(|labels| {
        let rest = at.strip_prefix(&labels.display().to_string());
        rest.is_some_and(|r| r.is_empty() || r.starts_with(": "))
    });
    let key = if of_labels { "labels" } else { "path" };
    Error::input(format!("{place}.{key}"), format!("{at}: {cause}"), remedy)
}

/// `count` different numbers of the range in random order; fewer are the beginning of more.
pub(super) fn subset(rng: &mut Stream, range: Range<usize>, count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = range.collect();
    let total = numbers.len();
    for k in 0..count.min(total) {
        let other = rng.random_range(k..total);
        numbers.swap(k, other);
    }
    numbers.truncate(count);
    numbers
}
