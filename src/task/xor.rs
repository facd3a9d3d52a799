//! XOR: the four corners of a square, labelled by the product of their coordinates.

use super::{Dataset, Modes, Shape, Task};
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::f64::consts::{SQRT_2, TAU};
use std::sync::Arc;

/// Points, keys and conventions of the task.
pub const ABOUT: About = About {
    kind: "xor",
    summary: "the four points (+-1, +-1) with the target x_1 x_2",
    text: "\
Four training samples in two dimensions, x = (1, 1), (1, -1), (-1, 1), (-1, -1), with the target y = x_1 x_2
(exclusive or, in signs). No linear map of the inputs tells the two classes apart. Nothing is random: all data sets
are the same, and replicas differ in their initialisation and training noise alone.

The square of symmetries makes the mean-field theory of a two-layer relu network a closed form: a neuron with the
weight vector |w| (cos psi, sin psi) sees the task through its angle psi alone, and neurons gather on the diagonals
(see the instruments neuron-angle and angle-contrast).

Keys
  angles   n test inputs on the circle through the training points, sqrt(2) (cos psi, sin psi) at psi = 2 pi k/n, k =
           0 ... n-1, with the target x_1 x_2 = sin(2 psi) (default 0: no test set). With n a multiple of 8 the
           training points are among them.

There are no input-output modes: inputs and target are uncorrelated.",
    revision: 1,
};

/// Registry line of `kind = "xor"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: Xor = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: Xor::json_schema,
};

/// Corners `(x_1, x_2)` as columns.
const CORNERS: [f64; 8] = [1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0];

/// Most test inputs.
const MOST: usize = 100_000;

/// Four points and their product.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{Task, Xor};
/// let data = Xor::default().draw(&mut stream(1, "dataset", &[0]))?;
/// assert_eq!(data.y.as_slice(), [1.0, -1.0, -1.0, 1.0]);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Xor {
    /// Test inputs on the circle of radius `sqrt(2)` (0: no test set).
    #[serde(default)]
    pub angles: usize,
}

impl Xor {
    fn check(&self, place: &str) -> Result<()> {
        match self.angles <= MOST {
            true => Ok(()),
            false => Err(Error::input(
                format!("{place}.angles"),
                format!("{} test inputs on one circle", self.angles),
                format!("use at most {MOST}"),
            )),
        }
    }
}

/// The product of both coordinates of every column.
fn product(x: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(1, x.ncols(), |_, mu| x[(0, mu)] * x[(1, mu)])
}

impl Task for Xor {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: 2,
            outputs: 1,
            samples: 4,
        }
    }

    fn draw(&self, _rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let x = DMatrix::from_column_slice(2, 4, &CORNERS);
        let test = self.has_test().then(|| {
            let x = DMatrix::from_fn(2, self.angles, |i, k| {
                let psi = TAU * k as f64 / self.angles as f64;
                SQRT_2 * if i == 0 { psi.cos() } else { psi.sin() }
            });
            let y = product(&x);
            (x, y)
        });
        let modes = Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(2, 0),
        };
        Ok(Dataset {
            y: product(&x),
            x,
            test,
            modes,
            groups: None,
            blocks: None,
        })
    }

    fn test_samples(&self) -> usize {
        self.angles
    }

    fn is_random(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    /// White inputs without any correlation with the target: no linear map does better than 0.
    #[test]
    fn no_linear_map_tells_the_classes_apart() {
        let data = Xor::default().draw(&mut stream(1, "a", &[])).unwrap();
        let moments = data.moments(0.25);
        assert_eq!(moments.whitening_error(), 0.0);
        assert_eq!((moments.yx.amax(), moments.yy), (0.0, 1.0));
        assert_eq!(data.y.sum(), 0.0);
        assert!(data.test.is_none());
    }

    #[test]
    fn the_circle_passes_through_the_training_points() {
        let task = Xor { angles: 16 };
        let draw = |seed| task.draw(&mut stream(seed, "a", &[])).unwrap();
        let data = draw(1);
        assert_eq!(data, draw(2));
        let (x, y) = data.test.unwrap();
        for (k, (x, y)) in x.column_iter().zip(y.iter()).enumerate() {
            let psi = TAU * k as f64 / 16.0;
            assert!((x.norm() - SQRT_2).abs() < 1e-14);
            assert!((y - (2.0 * psi).sin()).abs() < 1e-14);
        }
        for (x, y) in data.x.column_iter().zip(data.y.iter()) {
            let near = |k: &usize| (draw(1).test.unwrap().0.column(*k) - x).norm() < 1e-14;
            let k = (0..16).find(near).unwrap();
            assert!((draw(1).test.unwrap().1[(0, k)] - y).abs() < 1e-14);
        }
    }

    #[test]
    fn a_circle_without_end_is_refused_with_the_key() {
        let table = "angles = 100001".parse().unwrap();
        let error = (KIND.parse)("task", table).unwrap_err().to_string();
        assert!(error.contains("task.angles"), "{error}");
    }
}
