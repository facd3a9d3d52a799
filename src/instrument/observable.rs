//! Observables: typed keys with unit, axes and convention, and the arrays that carry their values.

/// Name, unit and convention of an observable. Theory and measurement share the key, so a factor cannot differ silently.
#[derive(Debug, PartialEq)]
pub struct Observable {
    /// Key in specs and tables (`mode-strength`).
    pub name: &'static str,
    /// Axis label for figures (`mode strength u_i`).
    pub label: &'static str,
    /// Unit (`1` when dimensionless).
    pub unit: &'static str,
    /// Definition and convention in words.
    pub convention: &'static str,
}

/// One axis of an observable, with the values at which it is compared.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Axis {
    /// What varies along it (`time`, `mode`, `sample`).
    pub name: String,
    /// Unit of the values; `"1"` when dimensionless.
    pub unit: String,
    /// Grid, in the order of the stored values.
    pub values: Vec<f64>,
}

impl Axis {
    /// An axis of the given name, unit and grid.
    pub fn new(name: &str, unit: &str, values: Vec<f64>) -> Self {
        Axis {
            name: name.into(),
            unit: unit.into(),
            values,
        }
    }
}

/// Names of axes, told apart by numbers where two are the same: `sample`, `sample2`.
///
/// ```
/// use saddlepoint::instrument::observable::{Axis, names};
/// let sample = || Axis::new("sample", "1", vec![1.0, 2.0]);
/// assert_eq!(names(&[sample(), sample()]), ["sample", "sample2"]);
/// ```
pub fn names(axes: &[Axis]) -> Vec<String> {
    let before = |i: usize| axes[..i].iter().filter(|a| a.name == axes[i].name).count();
    (0..axes.len())
        .map(|i| match before(i) {
            0 => axes[i].name.clone(),
            n => format!("{}{}", axes[i].name, n + 1),
        })
        .collect()
}

/// Number of values on a grid of axes (1 for a scalar).
pub fn size(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.values.len()).product()
}

/// An observable and the grid on which a value is wanted; compared values are never interpolated.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The quantity.
    pub observable: &'static Observable,
    /// The last axis runs fastest (row-major).
    pub axes: Vec<Axis>,
}

impl Wanted {
    /// Number of values: the product of the axes' lengths (1 without axes).
    pub fn size(&self) -> usize {
        size(&self.axes)
    }
}
