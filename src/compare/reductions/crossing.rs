//! Crossings of curves: where an observable is the same for two values of a swept key.
//!
//! At a continuous transition dimensionless observables of all sizes meet at one point `x_c`, but for corrections:
//! successive sizes `k < k'` cross at `x*(k) = x_c + b k^-omega`, `omega` being the scaling exponent and the exponent
//! of the leading correction together.

use super::{
    Abscissa, Approach, Asked, Curves, Form, Part, Reduction, Refusal, at_least, correction,
    of_values, one_axis, positive, positive_key,
};
use crate::error::Result;
use crate::instrument::Axis;
use crate::kind::{About, Kind, parse_table};
use crate::numerics::root::brent;
use crate::numerics::statistics::least_squares;
use crate::theory::Number;
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "crossing",
    summary: "the point of the observable's axis at which the curves of successive values of the key cross: of the \
              last two, or of all with a `correction`",
    text: "\
  y(x, k) = y(x, k')                  at x*(k), k and k' successive values of the key
  x*(k) = x_c + b k^-omega            reported: x_c, with correction = omega (three cells at least);
                                      without a correction, x* of the two largest k

Curves are cubics through the four points around the change of sign of their difference; of several changes the
steepest upward one counts (the curve of the larger k comes from below). Curves that a common factor moves up and down
cross where they did.

keys: correction",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Crossing>(place, table)?)),
    schema: <Crossing as JsonSchema>::json_schema,
};

/// Where the curves of successive cells cross, on the axis of their points.
///
/// Curves are cubics through the four grid points around the change of sign of their difference; of several changes
/// the steepest upward one counts (the curve of the larger key comes from below). With a `correction` `omega` (three
/// cells at least) the crossings `x*(k)` of cells `k` and their successors are extrapolated, `x* = x_c + b k^-omega`;
/// without, it is the crossing of the two largest k. The error is the jackknife over the blocks of all cells jointly.
///
/// # Errors
/// `Input` for fewer cells than that, a grid of fewer than four points, points that are not those of the
/// grid; not-a-number, with a note, where two curves do not cross within it.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{Crossing, reduce}};
/// use saddlepoint::instrument::Axis;
/// let grid: Vec<f64> = (0..9).map(|k| 0.1 * k as f64).collect();
/// let curve = |k: f64| grid.iter().map(|x| ((x - 0.4) * k).tanh()).collect::<Vec<_>>();
/// let cells = [1.0, 2.0].map(|k| Cell::new(k, Blocks::fixed(&curve(k))));
/// let found = reduce(&Crossing::default(), &cells, &[Axis::new("x", "1", grid.clone())])?;
/// assert!((found[0].estimate[0] - 0.4).abs() < 1e-9);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Crossing {
    /// Exponent omega of crossings `x* = x_c + b k^-omega` of successive values `k` of the key, which are
    /// extrapolated; default: none.
    #[serde(default)]
    pub correction: Option<f64>,
}

const PARTS: &[Part] = &[Part::only(Some(Number::Crossing), Approach::Unknown)];

impl Reduction for Crossing {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        at_least(curves.x, if self.correction.is_some() { 3 } else { 2 })?;
        if self.correction.is_some() {
            positive(curves.x)?;
        }
        let grid = one_axis(curves, 4)?;
        let sizes = curves.x.len();
        let weights = match self.correction {
            Some(omega) => intercept(&curves.x[..sizes - 1], omega)?,
            None => (1..sizes)
                .map(|i| f64::from(u8::from(i == sizes - 1)))
                .collect(),
        };
        Ok(Box::new(Crossings { grid, weights }))
    }

    fn check(&self, asked: &Asked) -> std::result::Result<(), Refusal> {
        of_values(asked, "a crossing")?;
        correction(self.correction)?;
        if asked.abscissa != Abscissa::Value {
            return Refusal::of(
                "abscissa",
                "a crossing is on the axis of the observable",
                "leave the abscissa out; correction = omega extrapolates in key^-omega",
            );
        }
        if let Some(grid) = asked.grids.iter().find(|g| g.len() != 1) {
            return Refusal::of(
                "observable",
                format!("{} has {} axes", asked.observable, grid.len()),
                "cross curves over one axis",
            );
        }
        positive_key(asked)
    }

    fn words(&self, cells: usize) -> (&'static str, &'static str) {
        match self.correction {
            None if cells > 2 => ("crossing of", ", last two alone"),
            _ => ("crossing of", ""),
        }
    }

    fn axes(&self, _: &str, _: &[f64], _: &[Axis]) -> Vec<Axis> {
        Vec::new()
    }

    fn uses_axis(&self) -> bool {
        true
    }
}

struct Crossings<'a> {
    grid: &'a [f64],
    /// Of the crossing of every cell and its successor in the result.
    weights: Vec<f64>,
}

impl Form for Crossings<'_> {
    fn value(&self, means: &[f64]) -> Vec<f64> {
        let sizes = self.weights.len() + 1;
        let difference =
            |i: usize| -> Vec<f64> { means.chunks(sizes).map(|v| v[i + 1] - v[i]).collect() };
        let crossings = (0..sizes - 1).filter(|&i| self.weights[i] != 0.0);
        let terms = crossings.map(|i| self.weights[i] * upward(self.grid, &difference(i)));
        vec![terms.sum()]
    }

    fn missing(&self) -> &'static str {
        "the curves do not cross on the grid, or not in every leave-one-out mean"
    }
}

/// Weights of `y_i` in the `a` of the least squares `y = a + b x^-omega`.
fn intercept(x: &[f64], omega: f64) -> Result<Vec<f64>> {
    let design = DMatrix::from_fn(x.len(), 2, |i, k| match k {
        0 => 1.0,
        _ => (x[i] / x[0]).powf(-omega),
    });
    let weight = |i: usize| {
        let unit = nalgebra::DVector::from_fn(x.len(), |j, _| f64::from(u8::from(i == j)));
        Ok(least_squares(&design, &unit, &vec![1.0; x.len()])?.coefficients[0])
    };
    (0..x.len()).map(weight).collect()
}

/// The steepest zero at which `v` goes from below to above.
pub(super) fn upward(grid: &[f64], v: &[f64]) -> f64 {
    let steepness = |i: &usize| (v[i + 1] - v[*i]) / (grid[i + 1] - grid[*i]);
    let steepest = (0..grid.len() - 1)
        .filter(|&i| v[i] < 0.0 && v[i + 1] >= 0.0)
        .max_by(|a, b| steepness(a).total_cmp(&steepness(b)));
    let Some(i) = steepest else {
        return f64::NAN;
    };
    let first = i.saturating_sub(1).min(grid.len() - 4);
    let nodes = first..first + 4;
    let cubic = |p: f64| -> f64 {
        let term = |j: usize| {
            let others = nodes.clone().filter(|&k| k != j);
            v[j] * others
                .map(|k| (p - grid[k]) / (grid[j] - grid[k]))
                .product::<f64>()
        };
        nodes.clone().map(term).sum()
    };
    brent(cubic, grid[i], grid[i + 1], 1e-14).map_or(f64::NAN, |root| root.x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::reductions::{Cell, Reduced, reduce};
    use crate::compare::{Blocks, Level};
    use crate::numerics::random::{normal_matrix, stream};

    fn grid() -> Vec<f64> {
        (0..21).map(|k| 0.5 + 0.01 * k as f64).collect()
    }

    fn cross(cells: &[Cell], grid: &[f64], correction: Option<f64>) -> Result<Reduced> {
        let axis = Axis::new("p", "1", grid.to_vec());
        Ok(reduce(&Crossing { correction }, cells, &[axis])?.remove(0))
    }

    /// `F((p - p_c) L) + a/L` with `F = tanh`, `p_c = 0.6`, and noise common to the points of a draw.
    fn cells(sizes: &[f64], a: f64, noise: f64, seed: u64) -> Vec<Cell> {
        let mut rng = stream(seed, "crossing", &[]);
        let cell = |&x: &f64| {
            let shift = normal_matrix(&mut rng, 12, 1) * noise;
            let values = DMatrix::from_fn(12, 21, |r, k| {
                ((grid()[k] - 0.6) * x).tanh() + a / x + shift[r]
            });
            let blocks = Blocks {
                values,
                level: Level::Datasets,
                datasets: 12,
                draws: 12,
            };
            Cell::new(x, blocks)
        };
        sizes.iter().map(cell).collect()
    }

    #[test]
    fn curves_without_corrections_cross_at_the_threshold() {
        for sizes in [[4.0, 8.0, 16.0], [16.0, 4.0, 8.0]] {
            for correction in [None, Some(1.0)] {
                let p = cross(&cells(&sizes, 0.0, 0.0, 1), &grid(), correction).unwrap();
                assert!((p.estimate[0] - 0.6).abs() < 1e-6, "{}", p.estimate[0]);
            }
        }
    }

    #[test]
    fn a_correction_is_extrapolated() {
        // To first order p* - p_c = a (1/L - 1/L')/(L' - L) = a/(L L') = a/(2 L^2) for L' = 2 L.
        let of = |correction| {
            let cells = cells(&[2.0, 4.0, 8.0, 16.0], 0.1, 0.0, 1);
            cross(&cells, &grid(), correction).unwrap().estimate[0] - 0.6
        };
        let last = 0.1 / (2.0 * 8.0 * 8.0);
        assert!((of(None) / last - 1.0).abs() < 0.02, "{}", of(None));
        assert!(of(Some(2.0)).abs() < 0.02 * last, "{}", of(Some(2.0)));
    }

    #[test]
    fn intervals_cover_the_truth() {
        let covered = (0..400)
            .filter(|&seed| {
                let cells = cells(&[4.0, 8.0], 0.0, 0.02, 10 + seed);
                let reduced = cross(&cells, &grid(), None).unwrap();
                let [lower, upper] = reduced.interval.unwrap()[0];
                lower <= 0.6 && 0.6 <= upper
            })
            .count();
        // 95 % of 400, three standard errors wide.
        assert!((366..=394).contains(&covered), "{covered}");
    }

    #[test]
    fn curves_that_do_not_cross_give_no_number() {
        let apart = cross(&cells(&[4.0, 8.0], 9.0, 0.0, 1), &grid(), None).unwrap();
        assert!(apart.estimate[0].is_nan() && apart.notes[0].contains("do not cross"));
        assert!(cross(&cells(&[4.0, 8.0], 0.0, 0.0, 1), &grid(), Some(1.0)).is_err());
        assert!(cross(&cells(&[4.0], 0.0, 0.0, 1), &grid(), None).is_err());
        assert!(cross(&cells(&[4.0, 8.0], 0.0, 0.0, 1), &grid()[..20], None).is_err());
    }
}
