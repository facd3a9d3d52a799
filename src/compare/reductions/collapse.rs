//! Data collapse: the point and the exponent that bring the curves of all values of a swept key onto one.
//!
//! Near a continuous transition a dimensionless observable is one function of one variable, `y(x, k) = F((x - x_c)
//! k^w)`, but for corrections that fall with `k`. No value of `x_c` or `w` enters; only the degree of the polynomial
//! that stands for `F`.

use super::crossing::upward;
use super::{
    Abscissa, Approach, Asked, Curves, Form, Part, Reduction, Refusal, at_least, of_values,
    one_axis, positive, positive_key,
};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::kind::{About, Kind, parse_table};
use crate::numerics::collapse::{Curve, Fit, Minimum, Parameter, Scales};
use crate::theory::Number;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "collapse",
    summary: "the point `x_c` and the exponent `w` that bring the curves of all values `k` of the key onto one: \
              `value(x, k) = F((x - x_c) k^w)`",
    text: "\
  y(x, k) = F((x - x_c) k^w)          reported: x_c and w, each a row of its own

x is the observable's axis, k the value of the key (at least three values), F one polynomial of this degree for all
cells. Point, exponent and polynomial are fitted together by least squares, every point weighted by its measured
error, also where a theory's curves are reduced. The first guess is where the curves of the smallest and the largest k
cross, and how their rises grow. The spread of the curves around F, chi2 per degree of freedom, is printed: raise the
degree until it no longer falls, for a polynomial too stiff for the window of x shifts both numbers.

tolerances = { crossing = ..., scaling-exponent = ... } holds one tolerance for each number (threshold and inverse-nu
are former names).

keys: degree",
    revision: 1,
};

/// Registry line.
pub const KIND: Kind<dyn Reduction> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(parse_table::<Collapse>(place, table)?)),
    schema: <Collapse as JsonSchema>::json_schema,
};

/// Collapses curves (x is the value of the key, at least three) over one axis onto a polynomial.
///
/// `x_c`, `w` and the polynomial in `(x - x_c) k^w` are fitted together by least squares (see
/// [`crate::numerics::collapse`]), every point weighted by its error over the blocks of the measured cells, also for
/// the curves of a theory, so that both are reduced alike; equal weights where there is one block. Errors are the
/// jackknife over the blocks of all cells jointly. The first guess is the crossing of the curves of the smallest and
/// the largest key and the ratio of their slopes.
///
/// # Errors
/// `Input` for fewer than three cells, keys that are not positive, points that are not those of the grid or
/// too few for the degree, and points that do not fluctuate; `Unconverged` when no minimum is found.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, reductions::{Collapse, reduce}};
/// use saddlepoint::instrument::Axis;
/// let grid: Vec<f64> = (0..9).map(|k| 0.46 + 0.01 * k as f64).collect();
/// let curve = |size: f64| grid.iter().map(|x| 0.5 + (x - 0.5) * size.powf(0.75)).collect::<Vec<_>>();
/// let cells = [8.0, 16.0, 32.0].map(|k| Cell::new(k, Blocks::fixed(&curve(k))));
/// let found = reduce(&Collapse { degree: 1 }, &cells, &[Axis::new("x", "1", grid.clone())])?;
/// assert!((found[0].estimate[0] - 0.5).abs() < 1e-9);
/// assert!((found[1].estimate[0] - 0.75).abs() < 1e-9);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Collapse {
    /// Degree of the polynomial that stands for the common curve, 1 to 12; default: 7. Raise it until the spread no
    /// longer falls: a polynomial too stiff for the window of the axis shifts both numbers.
    #[serde(default = "seven")]
    pub degree: usize,
}

fn seven() -> usize {
    7
}

impl Default for Collapse {
    fn default() -> Self {
        Collapse { degree: seven() }
    }
}

const PARTS: &[Part] = &[
    Part {
        name: "crossing",
        alias: Some("threshold"),
        asks: Some(Number::Crossing),
        deviation: Approach::Unknown,
    },
    Part {
        name: "scaling-exponent",
        alias: Some("inverse-nu"),
        asks: Some(Number::ScalingExponent),
        deviation: Approach::Unknown,
    },
];

impl Reduction for Collapse {
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn parts(&self) -> &'static [Part] {
        PARTS
    }

    fn bind<'a>(&self, curves: &Curves<'a>) -> Result<Box<dyn Form + 'a>> {
        at_least(curves.x, 3)?;
        positive(curves.x)?;
        let grid = one_axis(curves, 2)?;
        let sizes = curves.x.len();
        let points = grid.len() * sizes;
        if curves.scatter.points() != points {
            return Err(Error::bug(
                "collapse",
                "weights and curves differ in points",
            ));
        }
        if points <= self.degree + 3 {
            return Err(Error::input(
                "reduce",
                format!("{points} points for {} numbers", self.degree + 3),
                "measure at more points of the axis, or lower the degree",
            ));
        }
        let means = by_curve(sizes, curves.means);
        let each: Vec<&[f64]> = means.chunks(grid.len()).collect();
        let [crossing, exponent] = first_guess(curves.x, grid, &each).map(Parameter::Free);
        let scales = Scales {
            crossing,
            exponent,
            growth: Parameter::Fixed(0.0),
        };
        let columns = |i: usize| -> Vec<usize> { (i..points).step_by(sizes).collect() };
        let measured = |i: usize| Curve {
            size: curves.x[i],
            control: grid.to_vec(),
            blocks: curves.scatter.select(&columns(i)).values,
        };
        let measured: Vec<Curve> = (0..sizes).map(measured).collect();
        let fit = Fit::new(&measured, &scales, self.degree)?;
        let best = fit.minimum(&means, None)?;
        let found = fit.scales(&best)[0];
        if !(grid[0]..=grid[grid.len() - 1]).contains(&found) {
            return Err(Error::unconverged(
                "collapse",
                format!("the best crossing point, {found:.4}, lies outside the curves"),
                "measure on both sides of the crossing",
            ));
        }
        Ok(Box::new(Collapsed { sizes, fit, best }))
    }

    /// The observable's axis must know neither the point nor the exponent.
    fn check(&self, asked: &Asked) -> std::result::Result<(), Refusal> {
        of_values(asked, "a collapse")?;
        if asked.abscissa != Abscissa::Value {
            return Refusal::of(
                "abscissa",
                "a collapse finds the power of the key itself",
                "leave the abscissa out",
            );
        }
        positive_key(asked)?;
        if !(1..=12).contains(&self.degree) {
            return Refusal::of(
                "degree",
                format!("{} is not between 1 and 12", self.degree),
                "use 4 to 9: raise it until the spread no longer falls",
            );
        }
        for grid in asked.grids {
            let observable = asked.observable;
            let cause = match grid {
                [axis] if axis.name.starts_with("scaled") => format!(
                    "{observable} is measured on the axis {}, which is made with the known point and exponent",
                    axis.name
                ),
                [axis] if axis.values.len() > self.degree => continue,
                [axis] => format!(
                    "{observable} has {} points for a common curve of degree {}",
                    axis.values.len(),
                    self.degree
                ),
                axes => format!("{observable} has {} axes", axes.len()),
            };
            let remedy = "collapse curves over an axis that spans their crossing, with more points than the degree";
            return Refusal::of("observable", cause, remedy);
        }
        let mut distinct = asked.x.to_vec();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        match distinct.len() < 3 {
            true => Refusal::of(
                "key",
                format!("{} does not take 3 or more values", asked.key),
                "sweep over more values",
            ),
            false => Ok(()),
        }
    }

    fn words(&self, _: usize) -> (&'static str, &'static str) {
        ("collapse of", "")
    }

    fn axes(&self, _: &str, _: &[f64], _: &[Axis]) -> Vec<Axis> {
        Vec::new()
    }

    fn uses_axis(&self) -> bool {
        true
    }
}

struct Collapsed {
    sizes: usize,
    fit: Fit,
    best: Minimum,
}

impl Form for Collapsed {
    fn value(&self, means: &[f64]) -> Vec<f64> {
        let means = by_curve(self.sizes, means);
        match self.fit.minimum(&means, Some(&self.best.parameters)) {
            Ok(minimum) => self.fit.scales(&minimum)[..2].to_vec(),
            Err(_) => vec![f64::NAN; 2],
        }
    }

    fn missing(&self) -> &'static str {
        "the curves do not collapse in every leave-one-out mean"
    }

    fn residual(&self, means: &[f64]) -> Option<Vec<f64>> {
        let means = by_curve(self.sizes, means);
        let size = (means.iter().map(|v| v * v).sum::<f64>() / means.len() as f64).sqrt();
        Some(vec![self.fit.distance(&means, &self.best) / size; 2])
    }

    fn spread(&self) -> Option<f64> {
        Some(self.fit.spread(&self.best))
    }
}

/// From point by point (each at all sizes) to curve by curve.
fn by_curve(sizes: usize, means: &[f64]) -> Vec<f64> {
    let curves = (0..sizes).map(|i| means[i..].iter().step_by(sizes));
    curves.flatten().copied().collect()
}

/// `x_c` and `w` from the curves of the smallest and the largest size: where they cross, and how their slopes grow.
fn first_guess(x: &[f64], grid: &[f64], curves: &[&[f64]]) -> [f64; 2] {
    let last = x.len() - 1;
    let (small, large) = (curves[0], curves[last]);
    let end = grid.len() - 1;
    let middle = 0.5 * (grid[0] + grid[end]);
    let crossing = match grid.len() {
        ..4 => f64::NAN,
        _ => {
            let sign = (large[end] - large[0]).signum();
            let difference: Vec<f64> = (0..=end).map(|k| sign * (large[k] - small[k])).collect();
            upward(grid, &difference)
        }
    };
    let rise = |v: &[f64]| v[end] - v[0];
    let growth = (rise(large) / rise(small)).ln() / (x[last] / x[0]).ln();
    [
        if crossing.is_finite() {
            crossing
        } else {
            middle
        },
        if growth.is_finite() && growth > 0.0 {
            growth
        } else {
            1.0
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::reductions::{Cell, Reduced, Reducer};
    use crate::compare::{Blocks, Level};
    use crate::numerics::random::{normal_matrix, stream};
    use nalgebra::DMatrix;

    const CROSSING: f64 = 0.593;
    const EXPONENT: f64 = 0.75;

    fn grid() -> Vec<f64> {
        (0..13).map(|k| 0.57 + 0.0035 * k as f64).collect()
    }

    fn common(u: f64) -> f64 {
        0.52 + 0.7 * u - 0.2 * u * u - 0.1 * u.powi(3)
    }

    fn collapse(
        cells: &[Cell],
        scatter: &[Cell],
        grid: &[f64],
        degree: usize,
    ) -> Result<[Reduced; 2]> {
        let (reduction, axes) = (Collapse { degree }, [Axis::new("p", "1", grid.to_vec())]);
        let reducer = Reducer {
            scatter: Some(scatter),
            ..Reducer::new(&reduction, &axes)
        };
        let found = reducer.reduce(cells)?;
        Ok(found.try_into().unwrap())
    }

    /// `F((p - p_c) L^(1/nu)) + a/L`, `sign` turns the curves over, noise partly common to the points of a draw.
    fn cells(sizes: &[f64], sign: f64, a: f64, noise: f64, seed: u64) -> Vec<Cell> {
        let mut rng = stream(seed, "collapse", &[]);
        let cell = |&x: &f64| {
            let z = normal_matrix(&mut rng, 20, 14);
            let values = DMatrix::from_fn(20, 13, |r, k| {
                let u = (grid()[k] - CROSSING) * x.powf(EXPONENT);
                sign * (common(u) + a / x) + noise * (z[(r, 13)] + z[(r, k)]) / 2f64.sqrt()
            });
            let blocks = Blocks {
                values,
                level: Level::Datasets,
                datasets: 20,
                draws: 20,
            };
            Cell::new(x, blocks)
        };
        sizes.iter().map(cell).collect()
    }

    #[test]
    fn scales_are_recovered_in_any_order_and_for_falling_curves() {
        for (sizes, sign) in [([16.0, 32.0, 64.0], 1.0), ([64.0, 16.0, 32.0], -1.0)] {
            let data = cells(&sizes, sign, 0.0, 1e-9, 1);
            let found = collapse(&data, &data, &grid(), 3).unwrap();
            assert!((found[0].estimate[0] - CROSSING).abs() < 1e-8);
            assert!((found[1].estimate[0] - EXPONENT).abs() < 1e-7);
            assert!(found[0].residual.as_ref().unwrap()[0] < 1e-8);
        }
    }

    /// Student t with 19 degrees of freedom; 95 % of 200, four standard deviations wide.
    #[test]
    fn intervals_cover_the_truth() {
        let mut hits = [0; 2];
        for seed in 0..200 {
            let data = cells(&[16.0, 32.0, 64.0], 1.0, 0.0, 0.01, 10 + seed);
            let found = collapse(&data, &data, &grid(), 3).unwrap();
            let truths = [CROSSING, EXPONENT];
            for (hit, (reduced, truth)) in hits.iter_mut().zip(found.into_iter().zip(truths)) {
                let [lower, upper] = reduced.interval.unwrap()[0];
                *hit += usize::from(lower <= truth && truth <= upper);
            }
        }
        assert!(hits.iter().all(|h| (178..=200).contains(h)), "{hits:?}");
    }

    /// Noise alone leaves a spread near one; a shift `a/L` of 20 standard errors between the sizes does not collapse.
    #[test]
    fn the_spread_tells_curves_that_do_not_collapse() {
        let spread = |a: f64| {
            let data = cells(&[8.0, 16.0, 32.0, 64.0], 1.0, a, 0.01, 3);
            let found = collapse(&data, &data, &grid(), 3).unwrap();
            found[1].spread.unwrap()
        };
        assert!(
            spread(0.0) < 3.0 && spread(0.5) > 10.0,
            "{} {}",
            spread(0.0),
            spread(0.5)
        );
    }

    /// A theory's curves take the weights of the measurement: then they give what the measured means give.
    #[test]
    fn a_theory_is_reduced_like_the_measurement() {
        let data = cells(&[8.0, 16.0, 32.0], 1.0, 0.3, 0.003, 4);
        let theory: Vec<Cell> = data
            .iter()
            .map(|c| Cell::new(c.x, Blocks::fixed(&c.blocks.mean())))
            .collect();
        let [a, b] = [&data, &theory].map(|cells| {
            let [_, exponent] = collapse(cells, &data, &grid(), 3).unwrap();
            exponent
        });
        // The jackknife takes the bias off the one; it is far below the error.
        let error = a.stderr.unwrap()[0];
        assert!((a.estimate[0] - b.estimate[0]).abs() < 0.2 * error);
        assert!((a.spread.unwrap() / b.spread.unwrap() - 1.0).abs() < 1e-9);
        assert_eq!(b.stderr, None);
    }

    #[test]
    fn impossible_collapses_are_refused() {
        let data = cells(&[8.0, 16.0, 32.0], 1.0, 0.0, 0.01, 5);
        assert!(collapse(&data[..2], &data[..2], &grid(), 3).is_err());
        assert!(collapse(&data, &data, &grid()[..12], 3).is_err());
        assert!(collapse(&data, &data, &grid(), 40).is_err());
    }
}
