//! The keys of a file's table.

use super::super::loader::{Columns, Decimal, Dialect, Reading, Separator, Transpose};
use super::pool::Pool;
use super::{Class, Coding, Normalize, Preprocess};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Keys of the spec table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileOptions {
    /// The csv, npz, npy or IDX file.
    pub path: PathBuf,
    /// IDX, npy: the file of the labels.
    #[serde(default)]
    pub labels: Option<PathBuf>,
    /// A file of test samples of its own.
    #[serde(default)]
    pub test_path: Option<PathBuf>,
    /// IDX, npy: the file of the labels of `test_path`.
    #[serde(default)]
    pub test_labels: Option<PathBuf>,
    /// Columns (csv) or array (npz) of the inputs; by default `x`, or `x1`, `x2`, ...
    #[serde(default = "default_inputs")]
    pub inputs: Columns,
    /// Columns (csv) or array (npz) of the targets; by default `y`, or `y1`, `y2`, ...
    #[serde(default = "default_targets")]
    pub targets: Columns,
    /// csv: what stands between two cells; default: found from the text.
    #[serde(default)]
    pub separator: Option<Separator>,
    /// csv: the decimal sign; default: found from the text.
    #[serde(default)]
    pub decimal: Option<Decimal>,
    /// npz, npy: the last axis of the arrays, or of one of them, counts the samples.
    #[serde(default)]
    pub transpose: Transpose,
    /// Fraction of the samples that is held out.
    #[serde(default)]
    pub test_fraction: f64,
    /// Training samples of a data set, drawn from those of the file.
    #[serde(default)]
    pub samples: Option<usize>,
    /// Test samples of a data set, drawn from the held-out ones.
    #[serde(default)]
    pub test_samples: Option<usize>,
    /// Labels of the samples that are kept, whole numbers or names.
    #[serde(default)]
    pub classes: Option<Vec<Class>>,
    /// Targets from labels.
    #[serde(default)]
    pub coding: Option<Coding>,
    /// Subtract the training mean.
    #[serde(default)]
    pub center: bool,
    /// The scale of the inputs.
    #[serde(default)]
    pub normalize: Normalize,
    /// Number of principal components.
    #[serde(default)]
    pub pca: Option<usize>,
    /// Whiten the training inputs exactly.
    #[serde(default)]
    pub whiten: bool,
}

fn default_inputs() -> Columns {
    Columns::Prefix("x".into())
}

fn default_targets() -> Columns {
    Columns::Prefix("y".into())
}

impl FileOptions {
    /// Columns `x` or `x1`, `x2`, ... and `y` or `y1`, `y2`, ... (arrays `x` and `y`) of the file, no test
    /// set, inputs as they are.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        FileOptions {
            path: path.into(),
            labels: None,
            test_path: None,
            test_labels: None,
            inputs: default_inputs(),
            targets: default_targets(),
            separator: None,
            decimal: None,
            transpose: Transpose::default(),
            test_fraction: 0.0,
            samples: None,
            test_samples: None,
            classes: None,
            coding: None,
            center: false,
            normalize: Normalize::None,
            pca: None,
            whiten: false,
        }
    }

    /// A pair of IDX files, labels as one-hot targets.
    pub fn idx(images: impl Into<PathBuf>, labels: impl Into<PathBuf>) -> Self {
        FileOptions {
            labels: Some(labels.into()),
            ..FileOptions::new(images)
        }
    }

    /// What is done to the inputs.
    pub fn preprocess(&self) -> Preprocess {
        Preprocess {
            center: self.center,
            normalize: self.normalize,
            pca: self.pca,
            whiten: self.whiten,
        }
    }

    /// What the keys say about the form of the files.
    pub(super) fn reading(&self) -> Reading {
        let classes = self.classes.iter().flatten();
        Reading {
            dialect: Dialect {
                separator: self.separator,
                decimal: self.decimal,
            },
            transpose: self.transpose,
            as_names: classes.into_iter().any(|c| matches!(c, Class::Name(_))),
        }
    }

    /// How labels become targets, where the targets of the file are labels (IDX, names of classes) or not; `None` if
    /// they stay as they are.
    pub(super) fn coding(&self, are_labels: bool) -> Option<Coding> {
        match (self.coding, are_labels, &self.classes) {
            (Some(coding), ..) => Some(coding),
            (None, true, _) => Some(Coding::OneHot),
            (None, false, Some(_)) => Some(Coding::Value),
            (None, false, None) => None,
        }
    }

    /// What can be said without the file.
    pub(super) fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let fraction = self.test_fraction;
        if !(0.0..1.0).contains(&fraction) {
            let cause = format!("{fraction} is outside [0, 1)");
            return wrong("test_fraction", cause, "use 0 <= test_fraction < 1");
        }
        if self.samples == Some(0) {
            return wrong("samples", "is 0".into(), "use a positive integer");
        }
        if self.samples.is_none() && self.test_samples.is_some() {
            return wrong(
                "test_samples",
                "without samples, the test set has test_fraction of all samples, or all of test_path".into(),
                "use test_fraction or a smaller test_path, or give samples too",
            );
        }
        if self.test_path.is_some() && fraction > 0.0 {
            let cause = "the test samples come from test_path: none are held out of path".into();
            return wrong("test_fraction", cause, "remove it, or remove test_path");
        }
        if self.test_labels.is_some() && self.test_path.is_none() {
            let cause = "labels of test samples without the samples".into();
            return wrong("test_labels", cause, "give test_path too");
        }
        let chosen = [
            ("inputs", self.inputs != default_inputs()),
            ("targets", self.targets != default_targets()),
        ];
        match chosen.iter().find(|(_, chosen)| *chosen) {
            Some((key, _)) if self.labels.is_some() => {
                let cause =
                    "IDX files have no columns or arrays to choose from, npy files one array"
                        .into();
                wrong(key, cause, "remove it, or remove labels")
            }
            _ => Ok(()),
        }
    }

    /// The keys with their values; a key that has come later than the first files is absent where it is not used, so that their
    /// records stay valid.
    pub(super) fn resolved(&self, pool: &Pool) -> serde_json::Value {
        let mut table = serde_json::json!({
            "content": pool.content,
            "inputs": self.inputs,
            "targets": self.targets,
            "test_fraction": self.test_fraction,
            "whiten": self.whiten,
        });
        if let Some(content) = &pool.test_content {
            table["test_content"] = content.as_str().into();
        }
        if let Some(samples) = self.samples {
            table["samples"] = samples.into();
            table["test_samples"] = self.test_samples.unwrap_or(pool.held).into();
        }
        if let Some((labels, coding)) = &pool.labels {
            table["classes"] = labels.as_json();
            table["coding"] = serde_json::json!(coding);
        }
        for (key, form) in [("form", pool.form), ("test_form", pool.test_form)] {
            if let Some(form) = form.filter(|form| !form.is_plain()) {
                table[key] = serde_json::json!(form);
            }
        }
        if self.transpose.is_given() {
            table["transpose"] = serde_json::json!(self.transpose);
        }
        if self.center {
            table["center"] = true.into();
        }
        if self.normalize != Normalize::None {
            table["normalize"] = serde_json::json!(self.normalize);
        }
        if let Some(k) = self.pca {
            table["pca"] = k.into();
        }
        table
    }
}
