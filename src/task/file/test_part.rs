//! The test samples of a file of their own, under the columns, the classes and the preprocessing of the training file.

use super::super::loader::{Columns, Form, Source};
use super::pool::{located, representable};
use super::{Coding, FileOptions, Labels, Part};
use crate::error::{Error, Result};

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
        let source = Source::read(path, options.test_labels.as_deref(), options.reading());
        let source = source.map_err(wrong)?;
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
    /// numbers per sample; and the form of the file.
    pub fn samples(
        self,
        place: &str,
        options: &FileOptions,
        labels: Option<&(Labels, Coding)>,
        [inputs, targets]: [usize; 2],
    ) -> Result<(Part, Option<Form>)> {
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
        if labels.is_none() && samples.classes.is_some() {
            return Err(Error::input(
                format!("{place}.test_path"),
                "the targets are names of classes, and those of the training file are numbers",
                "write the targets in both files in the same way",
            ));
        }
        if let Some((labels, coding)) = labels {
            let names = samples.classes.as_deref();
            let labels = labels.of_test(place, &y, names, options.classes.is_none())?;
            let chosen = labels.chosen();
            y = labels.encode(place, *coding, &chosen)?;
            x = x.select_columns(&chosen);
        }
        match x.ncols() {
            0 => Err(Error::input(
                format!("{place}.test_path"),
                "no test sample has one of the classes",
                "give a test file with these classes, or choose others",
            )),
            _ => Ok(((x, y), samples.form)),
        }
    }
}

/// An error of the loader under the key `test_path` or `test_labels`.
fn of_test(place: &str, options: &FileOptions, error: Error) -> Error {
    let keys = ["test_path", "test_labels"];
    located(place, keys, options.test_labels.as_deref(), error)
}
