//! A small data set written into the spec.

use super::{Dataset, Modes, Shape, Task};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Keys of the task.
pub const ABOUT: About = About {
    kind: "table",
    summary: "samples written into the spec, as they are",
    text: "\
The data set is what the spec says, the same in all draws: for exact statements about given data. Larger data sets are read from a file
(task.kind = \"file\").

Keys
  inputs         one list of d numbers per training sample
  targets        one number per training sample, or one list of numbers where there are several outputs
  test_inputs    the same for test samples (default: no test set)
  test_targets   their targets; needed with test_inputs

Nothing is centred or scaled. There are no input-output modes.",
    revision: 1,
};

/// Registry line of `kind = "table"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: Table = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: Table::json_schema,
};

/// A target of one sample.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a target is neither a number nor a list of numbers"
)]
pub enum Target {
    /// Of one output.
    One(f64),
    /// Of several outputs.
    Several(Vec<f64>),
}

impl Target {
    fn values(&self) -> &[f64] {
        match self {
            Target::One(y) => std::slice::from_ref(y),
            Target::Several(y) => y,
        }
    }
}

/// Samples as they stand in the spec.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{Table, Task};
/// let task = Table::new(vec![vec![1.0, 2.0], vec![3.0, 4.0]], vec![-1.0, 1.0]);
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!((data.x[(1, 0)], data.y[(0, 1)]), (2.0, 1.0));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Training inputs, one list per sample.
    pub inputs: Vec<Vec<f64>>,
    /// Training targets.
    pub targets: Vec<Target>,
    /// Test inputs.
    #[serde(default)]
    pub test_inputs: Vec<Vec<f64>>,
    /// Test targets.
    #[serde(default)]
    pub test_targets: Vec<Target>,
}

/// Samples as columns.
fn columns(rows: &[&[f64]]) -> DMatrix<f64> {
    let length = rows.first().map_or(0, |row| row.len());
    DMatrix::from_fn(length, rows.len(), |i, mu| rows[mu][i])
}

impl Table {
    /// One output, no test set.
    pub fn new(inputs: Vec<Vec<f64>>, targets: Vec<f64>) -> Self {
        Table {
            inputs,
            targets: targets.into_iter().map(Target::One).collect(),
            test_inputs: Vec::new(),
            test_targets: Vec::new(),
        }
    }

    fn rows(&self) -> [Vec<&[f64]>; 4] {
        [
            self.inputs.iter().map(Vec::as_slice).collect(),
            self.targets.iter().map(Target::values).collect(),
            self.test_inputs.iter().map(Vec::as_slice).collect(),
            self.test_targets.iter().map(Target::values).collect(),
        ]
    }

    /// Lengths and finite numbers; `place` is the path of the table.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let rows = self.rows();
        let names = ["inputs", "targets", "test_inputs", "test_targets"];
        if rows[0].is_empty() {
            return wrong(
                "inputs",
                "no samples".into(),
                "give at least one list of numbers",
            );
        }
        for k in 0..4 {
            // Test samples have the lengths of training samples.
            let length = rows[k % 2].first().map_or(0, |row| row.len());
            if let Some(mu) = rows[k]
                .iter()
                .position(|row| row.len() != length || length == 0)
            {
                let cause = format!(
                    "sample {} has {} numbers, the first {length}",
                    mu + 1,
                    rows[k][mu].len()
                );
                return wrong(
                    names[k],
                    cause,
                    "give every sample the same number of numbers",
                );
            }
            if let Some(mu) = rows[k]
                .iter()
                .position(|row| row.iter().any(|v| !v.is_finite()))
            {
                let cause = format!("sample {} has a number that is not finite", mu + 1);
                return wrong(names[k], cause, "give finite numbers");
            }
        }
        for k in [0, 2] {
            if rows[k].len() != rows[k + 1].len() {
                let cause = format!("{} targets for {} inputs", rows[k + 1].len(), rows[k].len());
                return wrong(names[k + 1], cause, "give one target per input");
            }
        }
        Ok(())
    }
}

impl Task for Table {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        let rows = self.rows();
        let length = |rows: &[&[f64]]| rows.first().map_or(0, |row| row.len());
        Shape {
            inputs: length(&rows[0]),
            outputs: length(&rows[1]),
            samples: rows[0].len(),
        }
    }

    fn draw(&self, _rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [x, y, test_x, test_y] = self.rows().map(|rows| columns(&rows));
        let modes = Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        };
        Ok(Dataset {
            test: (test_x.ncols() > 0).then_some((test_x, test_y)),
            x,
            y,
            modes,
            groups: None,
            blocks: None,
        })
    }

    fn test_samples(&self) -> usize {
        self.test_inputs.len()
    }

    fn is_random(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    fn parse(text: &str) -> Result<Arc<dyn Task>> {
        (KIND.parse)("task", text.parse().unwrap())
    }

    #[test]
    fn samples_are_columns_in_the_order_of_the_spec() {
        let text = "inputs = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]\ntargets = [[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]]\n\
                    test_inputs = [[7.0, 8.0]]\ntest_targets = [[2.0, 3.0]]";
        let task = parse(text).unwrap();
        let data = task.draw(&mut stream(1, "a", &[])).unwrap();
        assert_eq!(data.x.as_slice(), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(data.y.as_slice(), [1.0, 0.0, 0.0, 1.0, 0.5, 0.5]);
        let (x, y) = data.test.clone().unwrap();
        assert_eq!(
            (x.as_slice(), y.as_slice()),
            (&[7.0, 8.0][..], &[2.0, 3.0][..])
        );
        assert_eq!(data.shape(), task.shape());
        assert_eq!(task.test_samples(), 1);
    }

    #[test]
    fn what_does_not_fit_is_refused_with_its_key() {
        for (text, key) in [
            ("inputs = []\ntargets = []", "task.inputs"),
            (
                "inputs = [[1.0], [1.0, 2.0]]\ntargets = [1.0, 2.0]",
                "task.inputs",
            ),
            ("inputs = [[1.0], [2.0]]\ntargets = [1.0]", "task.targets"),
            ("inputs = [[1.0]]\ntargets = [inf]", "task.targets"),
            (
                "inputs = [[1.0]]\ntargets = [1.0]\ntest_inputs = [[1.0]]",
                "task.test_targets",
            ),
            (
                "inputs = [[1.0]]\ntargets = [1.0]\ntest_inputs = [[1.0, 2.0]]\ntest_targets = [1.0]",
                "task.test_inputs",
            ),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.starts_with(key), "{error}");
        }
    }
}
