//! Labels: classes, their subset, and the targets that stand for them.

use crate::error::{Error, Result};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More classes than this are numbers, not labels.
const MOST_CLASSES: usize = 4096;

/// How a label becomes a target column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Coding {
    /// 1 at the class, 0 elsewhere.
    OneHot,
    /// -1 for the first of two classes, +1 for the second.
    Sign,
    /// One-hot minus `1/C`, so that every target sums to 0.
    CenteredOneHot,
    /// The label itself.
    Value,
}

/// The labels of all samples and the classes that count, in the order of their codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    values: Vec<i64>,
    classes: Vec<i64>,
}

impl Labels {
    /// Labels from the one row of `y`; `classes` are those chosen, or (`None`) all, ascending.
    ///
    /// Errors (`place` is the path of the table): more than one target, a target that is not a whole number, a class that is
    /// named twice or not in the file, fewer than one or more than 4096 classes.
    pub fn new(place: &str, y: &DMatrix<f64>, classes: Option<&[i64]>) -> Result<Self> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        if y.nrows() != 1 {
            let cause = format!("{} targets per sample are not one label", y.nrows());
            return wrong(
                "targets",
                cause,
                "choose one target, or leave classes and coding out",
            );
        }
        let whole = |v: f64| v.fract() == 0.0 && v.abs() < 9e15;
        if let Some(k) = y.iter().position(|v| !whole(*v)) {
            let cause = format!("sample {k} (from 0): {} is not a whole number", y[k]);
            return wrong(
                "targets",
                cause,
                "labels are whole numbers; leave classes and coding out for others",
            );
        }
        let values: Vec<i64> = y.iter().map(|v| *v as i64).collect();
        let mut present = values.clone();
        present.sort_unstable();
        present.dedup();
        let classes = classes.unwrap_or(&present).to_vec();
        for (k, class) in classes.iter().enumerate() {
            let place = format!("classes[{k}]");
            if present.binary_search(class).is_err() {
                let cause = format!("no sample has the label {class}");
                return wrong(&place, cause, "name labels that occur in the file");
            }
            if classes[..k].contains(class) {
                return wrong(
                    &place,
                    format!("{class} is named twice"),
                    "name every class once",
                );
            }
        }
        if classes.is_empty() || classes.len() > MOST_CLASSES {
            let cause = format!("{} classes", classes.len());
            return wrong("classes", cause, "choose between 1 and 4096 classes");
        }
        Ok(Labels { values, classes })
    }

    /// The labels of a test file under the same classes and codes. `every` says that all classes of the training file
    /// count, so that a label which is none of them is an error; else such samples are left out.
    ///
    /// Errors (`place` is the path of the table): as [`Labels::new`], and a label that the training file does not have.
    pub fn of_test(&self, place: &str, y: &DMatrix<f64>, every: bool) -> Result<Self> {
        let labels = Labels::new(place, y, None)?;
        let other = labels.classes.iter().find(|c| !self.classes.contains(c));
        match other {
            Some(class) if every => Err(Error::input(
                format!("{place}.test_path"),
                format!("the label {class} does not occur in the training file"),
                "remove these samples, or name the classes that count with classes = [...]",
            )),
            _ => Ok(Labels {
                classes: self.classes.clone(),
                ..labels
            }),
        }
    }

    /// The classes, in the order of their codes.
    pub fn classes(&self) -> &[i64] {
        &self.classes
    }

    /// Samples whose label is one of the classes, in the order of the file.
    pub fn chosen(&self) -> Vec<usize> {
        (0..self.values.len())
            .filter(|k| self.classes.contains(&self.values[*k]))
            .collect()
    }

    /// Targets of these samples, `C x samples` or `1 x samples`.
    ///
    /// Errors: `sign` with other than two classes.
    pub fn encode(&self, place: &str, coding: Coding, samples: &[usize]) -> Result<DMatrix<f64>> {
        let count = self.classes.len();
        if coding == Coding::Sign && count != 2 {
            return Err(Error::input(
                format!("{place}.coding"),
                format!("\"sign\" needs two classes, not {count}"),
                "choose them with classes = [first, second], or use coding = \"one-hot\"",
            ));
        }
        let rows = match coding {
            Coding::OneHot | Coding::CenteredOneHot => count,
            Coding::Sign | Coding::Value => 1,
        };
        let base = match coding {
            Coding::CenteredOneHot => -1.0 / count as f64,
            _ => 0.0,
        };
        let mut y = DMatrix::from_element(rows, samples.len(), base);
        for (mut column, sample) in y.column_iter_mut().zip(samples) {
            let label = self.values[*sample];
            let class = self.classes.iter().position(|c| *c == label).unwrap_or(0);
            match coding {
                Coding::OneHot | Coding::CenteredOneHot => column[class] += 1.0,
                Coding::Sign => column[0] = 2.0 * class as f64 - 1.0,
                Coding::Value => column[0] = label as f64,
            }
        }
        Ok(y)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn y(values: &[f64]) -> DMatrix<f64> {
        DMatrix::from_row_slice(1, values.len(), values)
    }

    #[test]
    fn codes_have_their_sums() {
        let labels = Labels::new("task", &y(&[5.0, -1.0, 3.0, 5.0]), None).unwrap();
        assert_eq!(labels.classes(), [-1, 3, 5]);
        let all = labels.chosen();
        let one_hot = labels.encode("task", Coding::OneHot, &all).unwrap();
        assert_eq!(one_hot.row_sum().as_slice(), [1.0; 4]);
        assert_eq!(one_hot.column_sum().as_slice(), [1.0, 1.0, 2.0]);
        let centered = labels.encode("task", Coding::CenteredOneHot, &all).unwrap();
        assert!(centered.row_sum().amax() < 1e-15);
        assert!((one_hot - centered).add_scalar(-1.0 / 3.0).amax() < 1e-15);
        let value = labels.encode("task", Coding::Value, &all).unwrap();
        assert_eq!(value.as_slice(), [5.0, -1.0, 3.0, 5.0]);
    }

    #[test]
    fn a_subset_keeps_its_own_order() {
        let y = y(&[5.0, -1.0, 3.0, 5.0]);
        let labels = Labels::new("task", &y, Some(&[5, -1])).unwrap();
        assert_eq!(labels.chosen(), [0, 1, 3]);
        let sign = labels
            .encode("task", Coding::Sign, &labels.chosen())
            .unwrap();
        assert_eq!(sign.as_slice(), [-1.0, 1.0, -1.0]);
    }

    #[test]
    fn wrong_labels_name_their_place() {
        let message = |y: &DMatrix<f64>, classes: &[i64]| {
            let labels = Labels::new("task", y, Some(classes));
            labels
                .and_then(|l| l.encode("task", Coding::Sign, &[0]))
                .unwrap_err()
                .to_string()
        };
        let labels = y(&[0.0, 1.0, 2.0]);
        for (y, classes, wanted) in [
            (
                &labels,
                &[0, 7][..],
                "task.classes[1]: no sample has the label 7",
            ),
            (&labels, &[0, 0], "task.classes[1]: 0 is named twice"),
            (&labels, &[], "task.classes: 0 classes"),
            (
                &labels,
                &[0, 1, 2],
                "task.coding: \"sign\" needs two classes, not 3",
            ),
            (
                &y(&[0.0, 0.5]),
                &[0],
                "task.targets: sample 1 (from 0): 0.5 is not",
            ),
            (
                &DMatrix::zeros(2, 3),
                &[0],
                "task.targets: 2 targets per sample",
            ),
        ] {
            let m = message(y, classes);
            assert!(m.starts_with(wanted), "{m}");
        }
    }
}
