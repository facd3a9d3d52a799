//! The samples of a file from which data sets are drawn, read and prepared once for all cells of a sweep.

use super::super::loader::{Form, Samples, Source};
use super::super::shared::Shared;
use super::preprocess::RANK_TOLERANCE;
use super::test_part::TestPart;
use super::{Coding, FileOptions, Labels, modes};
use crate::error::{Error, Result};
use crate::numerics::random::{Stream, stream};
use nalgebra::DMatrix;
use rand::RngExt;
use rand::seq::SliceRandom;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Samples of the chosen classes with their targets.
#[derive(Debug, PartialEq)]
pub(super) struct Pool {
    /// Where subsets are drawn: preprocessed, in a fixed random order, held-out samples last. With a test file alone:
    /// preprocessed, as in the files, test samples last. Else as in the file.
    pub x: DMatrix<f64>,
    pub y: DMatrix<f64>,
    /// Samples of a test set, or from which it is drawn.
    pub held: usize,
    /// Number of preprocessed inputs.
    pub inputs: usize,
    /// Rank of `Y X^T`.
    pub rank: usize,
    /// The labels behind the targets, and how they became targets.
    pub labels: Option<(Labels, Coding)>,
    /// Number of every held-out sample (the last columns; of every sample, where a part of them is held out anew for
    /// each data set) in a fixed random order: consecutive numbers go to different blocks.
    pub order: Vec<u32>,
    /// BLAKE3 of the file.
    pub content: String,
    /// BLAKE3 of the test file.
    pub test_content: Option<String>,
    /// Names of the columns of the inputs and of the targets (csv).
    pub columns: Option<[Vec<String>; 2]>,
    /// How the file was read (csv).
    pub form: Option<Form>,
    /// The same for the test file.
    pub test_form: Option<Form>,
}

/// Inputs whose squares neither overflow nor vanish: norms and variances, and with them every normalisation, would be infinite or zero
/// without a word.
pub(super) fn representable(place: &str, x: &DMatrix<f64>) -> Result<()> {
    const LARGEST: f64 = 1e150;
    for (input, row) in x.row_iter().enumerate() {
        let sample = row.transpose().icamax();
        let value = row[sample];
        let what = match value.abs() {
            v if v > LARGEST => "overflows",
            v if v > 0.0 && v < 1.0 / LARGEST => "vanishes, and it is the largest of its column",
            _ => continue,
        };
        return Err(Error::input(
            format!("{place}.inputs"),
            format!(
                "input {input} of sample {sample} (from 0) is {value:e}: the square of its norm {what}"
            ),
            "multiply the column by a power of ten, so that it is of order 1",
        ));
    }
    Ok(())
}

static POOLS: Shared<Pool> = Shared::new();

impl Pool {
    /// Reads and prepares the file, or finds it prepared.
    pub fn open(place: &str, options: &FileOptions) -> Result<Arc<Self>> {
        let labels = options.labels.as_deref();
        let wrong = |e| located(place, ["path", "labels"], labels, e);
        let source = Source::read(&options.path, labels, options.reading()).map_err(wrong)?;
        let test = TestPart::read(place, options, &source)?;
        let held = match (options.samples, options.test_samples) {
            (Some(_), Some(n)) if options.test_fraction == 0.0 && test.is_none() => Some(n),
            _ => None,
        };
        let key = serde_json::json!([
            source.hash(),
            options.inputs,
            options.targets,
            options.test_fraction,
            options.classes,
            options.coding,
            source.is_labelled(),
            options.reading().dialect,
            options.transpose,
            options.center,
            options.normalize,
            options.pca,
            options.whiten,
            options.samples.is_some(),
            held,
            test.as_ref().map(TestPart::hash),
        ]);
        let labelled = source.is_labelled();
        POOLS.get(key.to_string(), || {
            let samples = source
                .samples(&options.inputs, &options.targets)
                .map_err(wrong)?;
            // The bytes make room for the numbers.
            drop(source);
            Pool::prepare(place, options, samples, labelled, test, held)
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
        labelled: bool,
        test: Option<TestPart>,
        held: Option<usize>,
    ) -> Result<Self> {
        let Samples {
            mut x,
            mut y,
            classes,
            content,
            columns,
            form,
        } = samples;
        representable(place, &x)?;
        let per_sample = [x.nrows(), y.nrows()];
        let mut known = None;
        if let Some(coding) = options.coding(labelled || classes.is_some()) {
            let labels = Labels::new(place, &y, classes.as_deref(), options.classes.as_deref())?;
            let chosen = labels.chosen();
            y = labels.encode(place, coding, &chosen)?;
            if chosen.len() < x.ncols() {
                x = x.select_columns(&chosen);
            }
            known = Some((labels, coding));
        }
        let test_content = test.as_ref().map(TestPart::hash);
        let test = test
            .map(|t| t.samples(place, options, known.as_ref(), per_sample))
            .transpose()?;
        if let Some((test, test_form)) = test {
            return Pool::with_test(place, options, (x, y), test).map(|pool| Pool {
                labels: known,
                content,
                test_content,
                columns,
                form,
                test_form,
                ..pool
            });
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
            labels: known,
            order: shuffled(if options.samples.is_some() {
                held
            } else {
                total
            }),
            content,
            test_content,
            columns,
            form,
            test_form: None,
        })
    }

    /// All samples of the training file and those of the test file, under the map that the former have fixed.
    fn with_test(
        place: &str,
        options: &FileOptions,
        (mut x, mut y): (DMatrix<f64>, DMatrix<f64>),
        (test, test_y): (DMatrix<f64>, DMatrix<f64>),
    ) -> Result<Self> {
        let (kept, held) = (x.ncols(), test.ncols());
        if options.samples.is_some() {
            let mut order: Vec<usize> = (0..kept).collect();
            order.shuffle(&mut stream(0, "file", &[]));
            (x, y) = (x.select_columns(&order), y.select_columns(&order));
        }
        let (x, map) = options.preprocess().fit(place, x)?;
        let test = map.apply(place, test)?;
        let of_training = modes(&x, &y)?;
        let floor = RANK_TOLERANCE * of_training.s.max();
        let joined = |a: DMatrix<f64>, b: &DMatrix<f64>| {
            let mut all = a.resize_horizontally(kept + held, 0.0);
            all.columns_mut(kept, held).copy_from(b);
            all
        };
        Ok(Pool {
            inputs: x.nrows(),
            rank: of_training.s.iter().filter(|s| **s > floor).count(),
            x: joined(x, &test),
            y: joined(y, &test_y),
            held,
            labels: None,
            order: shuffled(held),
            content: String::new(),
            test_content: None,
            columns: None,
            form: None,
            test_form: None,
        })
    }
}

/// The numbers below `count` in a fixed random order.
fn shuffled(count: usize) -> Vec<u32> {
    let mut order: Vec<u32> = (0..count as u32).collect();
    order.shuffle(&mut stream(0, "held out", &[]));
    order
}

/// An error of the loader under the key of the samples, or that of their labels: `keys`, in this order.
pub(super) fn located(
    place: &str,
    [path, of_labels]: [&str; 2],
    labels: Option<&Path>,
    error: Error,
) -> Error {
    let Error::Input {
        place: at,
        cause,
        remedy,
    } = error
    else {
        return error;
    };
    let is_of_labels = labels.is_some_and(|labels| {
        let rest = at.strip_prefix(&labels.display().to_string());
        rest.is_some_and(|r| r.is_empty() || r.starts_with(": ") || r.starts_with(", "))
    });
    let key = if is_of_labels { of_labels } else { path };
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
