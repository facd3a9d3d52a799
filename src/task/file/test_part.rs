//! The test samples of a file of their own, under the columns, the classes and the preprocessing of the training file.

use super::super::loader::{Columns, Source};
use super::pool::{located, representable};
use super::{FileOptions, Labels};
use crate::error::{Error, Result};
use nalgebra::DMatrix;

/// A test file whose bytes are read and whose numbers are not.
pub(super) struct TestPart {
    source: Source,
    inputs: Columns,
    targets: Columns,
}

impl TestPart {
    /// Reads the bytes of `test_path`, where there is one; csv columns are those of the training file, by their names.
    pub fn read(place: &str, options: &FileOptions, training: &Source) -> Result<Option<Self>> {
        let Some(path) = &options.test_path else {
            return Ok(None);
        };
        let wrong = |e| of_test(place, options, e);
        let source = Source::read(path, options.test_labels.as_deref()).map_err(wrong)?;
        let named = |columns, key| {
            let named = training.named(columns, key);
            named.map_err(|e| located(place, ["path", "labels"], options.labels.as_deref(), e))
        };
        Ok(Some(TestPart {
            inputs: named(&options.inputs, "inputs")?,
            targets: named(&options.targets, "targets")?,
            source,
        }))
    }

    /// BLAKE3 of the content.
    pub fn hash(&self) -> String {
        self.source.hash()
    }

    /// Inputs as they are in the file, and targets coded like those of the training file, which has `[inputs, targets]`
    /// numbers per sample.
    pub fn samples(
        self,
        place: &str,
        options: &FileOptions,
        labels: Option<&Labels>,
        [inputs, targets]: [usize; 2],
    ) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
        let samples = self.source.samples(&self.inputs, &self.targets);
        let samples = samples.map_err(|e| of_test(place, options, e))?;
        let (mut x, mut y) = (samples.x, samples.y);
        representable(place, &x).map_err(|e| of_test(place, options, e))?;
        for (what, found, wanted) in [
            ("inputs", x.nrows(), inputs),
            ("targets", y.nrows(), targets),
        ] {
            if found != wanted {
                return Err(Error::input(
                    format!("{place}.test_path"),
                    format!("{found} {what} per sample, the training file has {wanted}"),
                    "give a test file of the same form as the training file",
                ));
            }
        }
        if let (Some(coding), Some(labels)) = (options.coding(), labels) {
            let labels = labels.of_test(place, &y, options.classes.is_none())?;
            let chosen = labels.chosen();
            y = labels.encode(place, coding, &chosen)?;
            x = x.select_columns(&chosen);
        }
        match x.ncols() {
            0 => Err(Error::input(
                format!("{place}.test_path"),
                "no test sample has one of the classes",
                "give a test file with these classes, or choose others",
            )),
            _ => Ok((x, y)),
        }
    }
}

/// An error of the loader under the key `test_path` or `test_labels`.
fn of_test(place: &str, options: &FileOptions, error: Error) -> Error {
    let keys = ["test_path", "test_labels"];
    located(place, keys, options.test_labels.as_deref(), error)
}
