//! Labels: classes, their subset, and the targets that stand for them.

use crate::error::{Error, Result};
use crate::numerics::text::{names, shown};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;

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
    /// The label itself; of classes that have names, the place in their order, from 0.
    Value,
}

/// A class, as the key `classes` names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected a whole number or the name of a class")]
pub enum Class {
    /// By its label, a whole number.
    Number(i64),
    /// By its name, where the targets of the file are names.
    Name(String),
}

impl From<i64> for Class {
    fn from(label: i64) -> Self {
        Class::Number(label)
    }
}

impl From<&str> for Class {
    fn from(name: &str) -> Self {
        Class::Name(name.into())
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Class::Number(label) => write!(f, "{label}"),
            Class::Name(name) => write!(f, "\"{}\"", shown(name)),
        }
    }
}

/// The labels of all samples and the classes that count, in the order of their codes.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    values: Vec<i64>,
    classes: Vec<i64>,
    /// Of classes that have names; the label is the place of the name.
    names: Option<Vec<String>>,
}

impl Labels {
    /// Labels from the one row of `y`, which are places in `names` where the classes have names; `classes` are those
    /// chosen, or (`None`) all, ascending.
    ///
    /// Errors (`place` is the path of the table): more than one target, a target that is not a whole number, a class
    /// that is named twice, not in the file, or by a number where classes have names and the other way round, fewer
    /// than one or more than 4096 classes.
    pub fn new(
        place: &str,
        y: &DMatrix<f64>,
        names: Option<&[String]>,
        classes: Option<&[Class]>,
    ) -> Result<Self> {
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
        let mut chosen = Vec::new();
        for (k, class) in classes.unwrap_or_default().iter().enumerate() {
            let place = format!("classes[{k}]");
            let label = match (class, names) {
                (Class::Number(label), None) => Some(*label),
                (Class::Name(name), Some(names)) => {
                    names.binary_search(name).ok().map(|k| k as i64)
                }
                (Class::Number(_), Some(names)) => {
                    let cause =
                        format!("{class} is a number, and the classes of the file have names");
                    return wrong(&place, cause, &one_of(names, ""));
                }
                (Class::Name(_), None) => {
                    let cause =
                        format!("{class} is a name, and the labels of the file are numbers");
                    return wrong(
                        &place,
                        cause,
                        "name the classes by their numbers, without quotes",
                    );
                }
            };
            let Some(label) = label.filter(|l| present.binary_search(l).is_ok()) else {
                let cause = format!("no sample has the label {class}");
                let remedy = match (class, names) {
                    (Class::Name(name), Some(names)) => one_of(names, name),
                    _ => "name labels that occur in the file".into(),
                };
                return wrong(&place, cause, &remedy);
            };
            if chosen.contains(&label) {
                return wrong(
                    &place,
                    format!("{class} is named twice"),
                    "name every class once",
                );
            }
            chosen.push(label);
        }
        let classes = if classes.is_some() { chosen } else { present };
        if classes.is_empty() || classes.len() > MOST_CLASSES {
            let cause = format!("{} classes", classes.len());
            return wrong("classes", cause, "choose between 1 and 4096 classes");
        }
        Ok(Labels {
            values,
            classes,
            names: names.map(<[String]>::to_vec),
        })
    }

    /// The labels of a test file under the same classes and codes; where it has names of classes, they are `names`.
    /// `every` says that all classes of the training file count, so that a label which is none of them is an error;
    /// else such samples are left out.
    ///
    /// Errors (`place` is the path of the table): as [`Labels::new`], a label that the training file does not have,
    /// names where that has numbers and the other way round.
    pub fn of_test(
        &self,
        place: &str,
        y: &DMatrix<f64>,
        names: Option<&[String]>,
        every: bool,
    ) -> Result<Self> {
        let wrong = |cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.test_path"), cause, remedy))
        };
        let mut labels = Labels::new(place, y, names, None)?;
        let shown_class = |label: i64| match names.and_then(|n| n.get(label as usize)) {
            Some(name) => Class::Name(name.clone()).to_string(),
            None => label.to_string(),
        };
        // The label of the training file that a label of the test file is.
        let own: HashMap<i64, Option<i64>> = match (&self.names, names) {
            (None, None) => labels.classes.iter().map(|c| (*c, Some(*c))).collect(),
            (Some(own), Some(names)) => (0..)
                .zip(names)
                .map(|(k, name)| (k, own.binary_search(name).ok().map(|k| k as i64)))
                .collect(),
            _ => {
                return wrong(
                    "one of the files has names of classes, the other numbers".into(),
                    "write the classes in both files in the same way",
                );
            }
        };
        let known = |class: &i64| own.get(class).copied().flatten();
        let other = labels
            .classes
            .iter()
            .find(|c| !known(c).is_some_and(|c| self.classes.contains(&c)));
        match other {
            Some(class) if every => wrong(
                format!(
                    "the label {} does not occur in the training file",
                    shown_class(*class)
                ),
                "remove these samples, or name the classes that count with classes = [...]",
            ),
            _ => {
                // A label that is none of the training file's is none of the classes.
                labels.values = labels
                    .values
                    .iter()
                    .map(|v| known(v).unwrap_or(i64::MAX))
                    .collect();
                labels.classes = self.classes.clone();
                labels.names = self.names.clone();
                Ok(labels)
            }
        }
    }

    /// The classes, in the order of their codes.
    pub fn classes(&self) -> &[i64] {
        &self.classes
    }

    /// The names of the classes, in the order of their codes, where they have names.
    pub fn names(&self) -> Option<Vec<&str>> {
        let names = self.names.as_ref()?;
        let name = |class: &i64| names.get(*class as usize).map_or("", String::as_str);
        Some(self.classes.iter().map(name).collect())
    }

    /// The classes as the key names them.
    pub(super) fn as_json(&self) -> serde_json::Value {
        match self.names() {
            Some(names) => serde_json::json!(names),
            None => serde_json::json!(self.classes),
        }
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
                Coding::Value if self.names.is_some() => column[0] = class as f64,
                Coding::Value => column[0] = label as f64,
            }
        }
        Ok(y)
    }
}

/// The remedy for a class that is not there.
fn one_of(all: &[String], wanted: &str) -> String {
    format!("name classes of the file: {}", names(all, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn y(values: &[f64]) -> DMatrix<f64> {
        DMatrix::from_row_slice(1, values.len(), values)
    }

    #[test]
    fn codes_have_their_sums() {
        let labels = Labels::new("task", &y(&[5.0, -1.0, 3.0, 5.0]), None, None).unwrap();
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
        let labels = Labels::new("task", &y, None, Some(&[5.into(), Class::Number(-1)])).unwrap();
        assert_eq!(labels.chosen(), [0, 1, 3]);
        let sign = labels
            .encode("task", Coding::Sign, &labels.chosen())
            .unwrap();
        assert_eq!(sign.as_slice(), [-1.0, 1.0, -1.0]);
    }

    #[test]
    fn wrong_labels_name_their_place() {
        let message = |y: &DMatrix<f64>, classes: &[i64]| {
            let classes: Vec<Class> = classes.iter().map(|c| Class::Number(*c)).collect();
            let labels = Labels::new("task", y, None, Some(&classes));
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
