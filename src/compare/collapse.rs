//! Data collapse: the threshold and the exponent that bring the curves of all sizes onto one.
//!
//! Near a continuous transition a dimensionless observable is one function of one variable, `y(p, L) = F((p - p_c) L^(1/nu))`, but for
//! corrections that fall with `L`. No value of `p_c` or `nu` enters; only the degree of the polynomial that stands for `F`.

use super::crossing::upward;
use super::reduction::{Cell, Joint, Reduced};
use crate::error::{Error, Result};
use crate::percolation::estimators::{CollapseFit, Curve, Parameter, Scales};

/// What a collapse gives, each with the residual and the spread of the one fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapsed {
    /// `p_c`.
    pub threshold: Reduced,
    /// `1/nu`.
    pub inverse_nu: Reduced,
}

/// Collapses the curves of `cells` (x is the size `L`, at least three) over the control parameter `grid` onto a polynomial of this `degree`.
///
/// `p_c`, `1/nu` and the polynomial in `(p - p_c) L^(1/nu)` are fitted together by least squares (see
/// [`crate::percolation::estimators::collapse`]), every point weighted by its error over the blocks of `scatter`: the measured cells, also for
/// the curves of a theory, so that both are reduced alike; equal weights where `scatter` has one block. Errors are the jackknife over the
/// blocks of all cells jointly. The first guess is the crossing of the curves of the smallest and the largest size and the ratio of their
/// slopes.
///
/// # Errors
/// `Input` for fewer than three cells, x that are not positive, points that are not those of the grid or too few for the degree, and points
/// that do not fluctuate; `Unconverged` when no minimum is found.
///
/// ```
/// use saddlepoint::compare::{Blocks, Cell, collapse};
/// let grid: Vec<f64> = (0..9).map(|k| 0.46 + 0.01 * k as f64).collect();
/// let curve = |size: f64| grid.iter().map(|p| 0.5 + (p - 0.5) * size.powf(0.75)).collect::<Vec<_>>();
/// let cells = [8.0, 16.0, 32.0].map(|x| Cell { x, blocks: Blocks::fixed(&curve(x)) });
/// let found = collapse(&cells, &cells, &grid, 1)?;
/// assert!((found.threshold.estimate[0] - 0.5).abs() < 1e-9);
/// assert!((found.inverse_nu.estimate[0] - 0.75).abs() < 1e-9);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn collapse(
    cells: &[Cell],
    scatter: &[Cell],
    grid: &[f64],
    degree: usize,
) -> Result<Collapsed> {
    let joint = Joint::new(cells, 3, true)?;
    let weighing = Joint::new(scatter, 3, true)?;
    let points = grid.len() * joint.x.len();
    if [&joint, &weighing].map(|j| j.blocks.points()) != [points; 2] || joint.x != weighing.x {
        return Err(Error::input(
            "reduce",
            format!("curves that are not on the grid of {} points", grid.len()),
            "give the observable an axis in p, the same in all cells",
        ));
    }
    if points <= degree + 3 {
        return Err(Error::input(
            "reduce",
            format!("{points} points for {} numbers", degree + 3),
            "measure at more values of p, or lower the degree",
        ));
    }
    let means = curves(&joint, &joint.blocks.mean());
    let [threshold, inverse_nu] = first_guess(&joint.x, grid, &means).map(Parameter::Free);
    let scales = Scales {
        threshold,
        inverse_nu,
        growth: Parameter::Fixed(0.0),
    };
    let columns =
        |i: usize| -> Vec<usize> { (0..grid.len()).map(|k| k * weighing.x.len() + i).collect() };
    let measured: Vec<Curve> = (0..weighing.x.len())
        .map(|i| Curve {
            size: weighing.x[i],
            control: grid.to_vec(),
            blocks: weighing.blocks.select(&columns(i)).values,
        })
        .collect();
    let fit = CollapseFit::new(&measured, &scales, degree)?;
    let means = means.concat();
    let best = fit.minimum(&means, None)?;
    let found = fit.scales(&best)[0];
    if !(grid[0]..=grid[grid.len() - 1]).contains(&found) {
        return Err(Error::unconverged(
            "collapse",
            format!("the best threshold, {found:.4}, lies outside the curves"),
            "measure on both sides of the threshold",
        ));
    }
    let size = (means.iter().map(|v| v * v).sum::<f64>() / means.len() as f64).sqrt();
    let (residual, spread) = (fit.distance(&means, &best) / size, fit.spread(&best));
    let order = curves_order(&joint);
    let both = joint.reduced(
        |means| {
            let means: Vec<f64> = order.iter().map(|&k| means[k]).collect();
            match fit.minimum(&means, Some(&best.parameters)) {
                Ok(minimum) => fit.scales(&minimum)[..2].to_vec(),
                Err(_) => vec![f64::NAN; 2],
            }
        },
        "the curves do not collapse in every leave-one-out mean",
    )?;
    let part = |k: usize| Reduced {
        residual: Some(vec![residual]),
        spread: Some(spread),
        ..both.point(k)
    };
    Ok(Collapsed {
        threshold: part(0),
        inverse_nu: part(1),
    })
}

/// Positions in the order of the blocks, curve by curve.
fn curves_order(joint: &Joint) -> Vec<usize> {
    let sizes = joint.x.len();
    (0..sizes)
        .flat_map(|i| (i..joint.blocks.points()).step_by(sizes))
        .collect()
}

/// The curve of every cell.
fn curves(joint: &Joint, values: &[f64]) -> Vec<Vec<f64>> {
    let flat: Vec<f64> = curves_order(joint).iter().map(|&k| values[k]).collect();
    let points = flat.len() / joint.x.len();
    flat.chunks(points).map(<[f64]>::to_vec).collect()
}

/// `p_c` and `1/nu` from the curves of the smallest and the largest size: where they cross, and how their slopes grow.
fn first_guess(x: &[f64], grid: &[f64], curves: &[Vec<f64>]) -> [f64; 2] {
    let last = x.len() - 1;
    let (small, large) = (&curves[0], &curves[last]);
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
    use crate::compare::{Blocks, Level};
    use crate::numerics::random::{normal_matrix, stream};
    use nalgebra::DMatrix;

    const THRESHOLD: f64 = 0.593;
    const INVERSE_NU: f64 = 0.75;

    fn grid() -> Vec<f64> {
        (0..13).map(|k| 0.57 + 0.0035 * k as f64).collect()
    }

    fn common(u: f64) -> f64 {
        0.52 + 0.7 * u - 0.2 * u * u - 0.1 * u.powi(3)
    }

    /// `F((p - p_c) L^(1/nu)) + a/L`, `sign` turns the curves over, noise partly common to the points of a draw.
    fn cells(sizes: &[f64], sign: f64, a: f64, noise: f64, seed: u64) -> Vec<Cell> {
        let mut rng = stream(seed, "collapse", &[]);
        let cell = |&x: &f64| {
            let z = normal_matrix(&mut rng, 20, 14);
            let values = DMatrix::from_fn(20, 13, |r, k| {
                let u = (grid()[k] - THRESHOLD) * x.powf(INVERSE_NU);
                sign * (common(u) + a / x) + noise * (z[(r, 13)] + z[(r, k)]) / 2f64.sqrt()
            });
            Cell {
                x,
                blocks: Blocks {
                    values,
                    level: Level::Datasets,
                    datasets: 20,
                    draws: 20,
                },
            }
        };
        sizes.iter().map(cell).collect()
    }

    #[test]
    fn scales_are_recovered_in_any_order_and_for_falling_curves() {
        for (sizes, sign) in [([16.0, 32.0, 64.0], 1.0), ([64.0, 16.0, 32.0], -1.0)] {
            let data = cells(&sizes, sign, 0.0, 1e-9, 1);
            let found = collapse(&data, &data, &grid(), 3).unwrap();
            assert!((found.threshold.estimate[0] - THRESHOLD).abs() < 1e-8);
            assert!((found.inverse_nu.estimate[0] - INVERSE_NU).abs() < 1e-7);
            assert!(found.threshold.residual.unwrap()[0] < 1e-8);
        }
    }

    /// Student t with 19 degrees of freedom; 95 % of 200, four standard deviations wide.
    #[test]
    fn intervals_cover_the_truth() {
        let mut hits = [0; 2];
        for seed in 0..200 {
            let data = cells(&[16.0, 32.0, 64.0], 1.0, 0.0, 0.01, 10 + seed);
            let found = collapse(&data, &data, &grid(), 3).unwrap();
            let pairs = [(found.threshold, THRESHOLD), (found.inverse_nu, INVERSE_NU)];
            for (hit, (reduced, truth)) in hits.iter_mut().zip(pairs) {
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
            found.inverse_nu.spread.unwrap()
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
            .map(|c| Cell {
                x: c.x,
                blocks: Blocks::fixed(&c.blocks.mean()),
            })
            .collect();
        let [a, b] =
            [&data, &theory].map(|cells| collapse(cells, &data, &grid(), 3).unwrap().inverse_nu);
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
