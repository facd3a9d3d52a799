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
    pub name: String,
    pub unit: String,
    pub values: Vec<f64>,
}

impl Axis {
    pub fn new(name: &str, unit: &str, values: Vec<f64>) -> Self {
        Axis {
            name: name.into(),
            unit: unit.into(),
            values,
        }
    }
}

/// Number of values on a grid of axes (1 for a scalar).
pub fn size(axes: &[Axis]) -> usize {
    axes.iter().map(|a| a.values.len()).product()
}

/// An observable and the grid on which a value is wanted; compared values are never interpolated.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub observable: &'static Observable,
    /// The last axis runs fastest (row-major).
    pub axes: Vec<Axis>,
}

impl Wanted {
    pub fn size(&self) -> usize {
        size(&self.axes)
    }
}
