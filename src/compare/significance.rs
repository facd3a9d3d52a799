//! Is the difference exactly zero? Per-point residuals, and one p-value for the whole curve by sign flips.

use crate::error::Result;
use crate::numerics::random::stream;
use crate::numerics::statistics::{mean_stderr, normal_equivalent};
use nalgebra::DMatrix;
use rand::Rng;

/// Fewest draws for which a p-value is given. From 5 draws the sign flips can never say less than p = 1/16 = 0.0625, whatever
/// the difference ([`smallest_p`]): p < 0.05 needs 6 draws (1/32), p < 0.01 needs 8 (1/128), p < 0.001 needs 11 (1/1024).
pub const MIN_DRAWS_FOR_P: usize = 5;
/// Up to this number of draws all sign patterns are used.
const ALL_FLIPS: usize = 12;
/// Random sign patterns for more draws.
const RANDOM_FLIPS: usize = 4096;

/// Smallest p-value that the sign flips of `draws` draws can give: `2^(1 - draws)` up to 12 draws, `1/4097` beyond; `None` below
/// [`MIN_DRAWS_FOR_P`].
///
/// ```
/// use saddlepoint::compare::smallest_p;
/// assert_eq!((smallest_p(4), smallest_p(5), smallest_p(8)), (None, Some(1.0 / 16.0), Some(1.0 / 128.0)));
/// ```
pub fn smallest_p(draws: usize) -> Option<f64> {
    match draws {
        n if n < MIN_DRAWS_FOR_P => None,
        n if n <= ALL_FLIPS => Some(1.0 / patterns(n) as f64),
        _ => Some(1.0 / (RANDOM_FLIPS + 1) as f64),
    }
}

/// Sign patterns of `draws` draws; a common sign does not matter.
fn patterns(draws: usize) -> usize {
    1 << (draws - 1)
}

/// Mean difference of one point, its standard error and its size in units of sigma.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Residual {
    /// Measured minus predicted mean, in the unit of the observable.
    pub difference: f64,
    /// `None` with one draw.
    pub stderr: Option<f64>,
    /// `difference / stderr`; `None` with one draw or without scatter.
    pub t: Option<f64>,
    /// Normal deviate with the tail that `t` has under Student's law with n - 1 degrees of freedom.
    pub z: Option<f64>,
}

/// Residual of every point (columns of `differences`, rows are blocks): the residual panel of a figure.
///
/// ```
/// use nalgebra::DMatrix;
/// let r = saddlepoint::compare::residuals(&DMatrix::from_row_slice(3, 1, &[1.0, 2.0, 3.0])).unwrap()[0];
/// assert!((r.t.unwrap() - 12f64.sqrt()).abs() < 1e-12);
/// assert!(r.z.unwrap() < r.t.unwrap());
/// ```
pub fn residuals(differences: &DMatrix<f64>) -> Result<Vec<Residual>> {
    let n = differences.nrows();
    let one = |column: &[f64]| {
        let (difference, stderr) = mean_stderr(column);
        // Identical draws have a rounding-level stderr only through the mean; their t is undefined, not huge.
        let constant = column.iter().all(|v| *v == column[0]);
        let t = stderr
            .filter(|s| !constant && *s > 0.0)
            .map(|s| difference / s);
        let z = t.map(|t| normal_equivalent(t, n - 1)).transpose()?;
        Ok(Residual {
            difference,
            stderr: stderr.map(|s| if constant { 0.0 } else { s }),
            t,
            z,
        })
    };
    let columns = differences.column_iter();
    columns.map(|c| one(c.as_slice())).collect()
}

/// The point with the largest |t|; a difference without scatter counts as infinite, one within its numerical `bound` as none.
pub fn worst(residuals: &[Residual], bound: &[f64]) -> Option<usize> {
    let size = |k: usize| match residuals[k].t {
        _ if residuals[k].difference.abs() <= bound[k] => (-1.0, 0.0),
        Some(t) => (t.abs(), residuals[k].difference.abs()),
        None => (f64::INFINITY, residuals[k].difference.abs()),
    };
    (0..residuals.len()).reduce(|a, b| if size(b) > size(a) { b } else { a })
}

/// p-value of "the expected difference is exactly zero at every point", from the largest |t| over points under sign flips of the
/// draws (whole curves are flipped, so correlations between points are kept).
///
/// All `2^(n-1)` patterns (a common sign does not matter) for n <= 12, else the identity and 4,096 random ones keyed by
/// `(seed, "sign flips", 0)`. Exact for symmetric errors. The smallest value is
/// [`smallest_p`]: 1/16 for 5 draws, 1/128 for 8, so that few draws cannot reject at 5 % however large the difference is. Points whose differences vanish
/// in all draws are skipped. `bound` (per point) is numerical error: before the test the mean difference is moved towards zero by
/// at most `bound`. `None` for fewer than 5 draws.
///
/// Source: P. H. Westfall and S. S. Young, Resampling-Based Multiple Testing (1993).
pub fn p_value(differences: &DMatrix<f64>, bound: &[f64], seed: u64) -> Option<f64> {
    let n = differences.nrows();
    if n < MIN_DRAWS_FOR_P {
        return None;
    }
    // |t| is monotone in (sum_r e_r d_r)^2 / (n sum d_r^2); rows of `scaled` are draws, one column per testable point.
    let columns: Vec<Vec<f64>> = differences
        .column_iter()
        .zip(bound)
        .filter_map(|(d, b)| {
            let shift = (d.sum() / n as f64).clamp(-b, *b);
            let size = (n as f64 * d.iter().map(|v| (v - shift).powi(2)).sum::<f64>()).sqrt();
            (size > 0.0).then(|| d.iter().map(|v| (v - shift) / size).collect())
        })
        .collect();
    let largest = |signs: &dyn Fn(usize) -> bool| {
        let one = |c: &Vec<f64>| -> f64 {
            let flipped = |(r, v): (usize, &f64)| if signs(r) { -v } else { *v };
            c.iter().enumerate().map(flipped).sum::<f64>().abs()
        };
        columns.iter().map(one).fold(0.0, f64::max)
    };
    let observed = largest(&|_| false) - 1e-12; // sums of numbers below 1: ties up to rounding count
    if n <= ALL_FLIPS {
        let all = patterns(n);
        let reached = (0..all).filter(|p| largest(&|r| p >> r & 1 == 1) >= observed);
        return Some(reached.count() as f64 / all as f64);
    }
    let mut rng = stream(seed, "sign flips", &[0]);
    let mut words = vec![0u64; n.div_ceil(64)];
    let mut reached = 1;
    for _ in 0..RANDOM_FLIPS {
        words.iter_mut().for_each(|w| *w = rng.next_u64());
        reached += usize::from(largest(&|r| words[r / 64] >> (r % 64) & 1 == 1) >= observed);
    }
    Some(reached as f64 / (RANDOM_FLIPS + 1) as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::normal_matrix;

    #[test]
    fn a_constant_difference_gets_the_smallest_p_and_no_difference_gets_one() {
        let constant = DMatrix::from_element(8, 3, 0.25);
        assert_eq!(p_value(&constant, &[0.0; 3], 1), Some(1.0 / 128.0));
        assert_eq!(p_value(&constant, &[0.3; 3], 1), Some(1.0));
        assert_eq!(p_value(&DMatrix::zeros(8, 3), &[0.0; 3], 1), Some(1.0));
        assert_eq!(
            p_value(&DMatrix::from_element(4, 3, 0.25), &[0.0; 3], 1),
            None
        );
        let many = DMatrix::from_element(40, 2, -1.0);
        assert_eq!(p_value(&many, &[0.0; 2], 1), Some(1.0 / 4097.0));
    }

    /// However large the difference against its scatter: 1/16 from 5 draws, 1/128 from 8; 6 draws are the first below 5 %.
    #[test]
    fn the_smallest_p_is_set_by_the_number_of_draws() {
        for (n, floor) in [
            (5, 0.0625),
            (6, 0.03125),
            (8, 0.0078125),
            (12, 1.0 / 2048.0),
        ] {
            assert_eq!(smallest_p(n), Some(floor));
            for seed in 0..50 {
                let noise = normal_matrix(&mut stream(seed, "floor", &[n as u64]), n, 4);
                let p = |shift: f64| p_value(&noise.map(|z| z + shift), &[0.0; 4], seed).unwrap();
                assert!(p(0.0) >= floor && p(1.0) >= floor);
                assert_eq!(p(1e6), floor);
            }
        }
        assert_eq!((smallest_p(4), smallest_p(40)), (None, Some(1.0 / 4097.0)));
    }

    #[test]
    fn one_point_by_hand() {
        // Of the 16 sign patterns of (1, 2, 3, 4, -1) three reach the observed sum 9: 11 (all equal), and 9 with either unit flipped.
        let d = DMatrix::from_column_slice(5, 1, &[1.0, 2.0, 3.0, 4.0, -1.0]);
        assert_eq!(p_value(&d, &[0.0], 1), Some(3.0 / 16.0));
    }

    #[test]
    fn p_does_not_depend_on_units_or_on_the_order_of_points() {
        let d = normal_matrix(&mut stream(1, "units", &[]), 9, 6).map(|z| z + 0.5);
        let p = p_value(&d, &[0.0; 6], 1);
        let scaled = DMatrix::from_fn(9, 6, |r, k| d[(r, 5 - k)] * 10f64.powi(k as i32));
        assert_eq!(p_value(&scaled, &[0.0; 6], 1), p);
    }

    #[test]
    fn the_worst_point_is_where_t_is_largest_or_undefined() {
        let mut d = normal_matrix(&mut stream(2, "worst", &[]), 8, 4);
        d.column_mut(2).add_scalar_mut(5.0);
        assert_eq!(
            worst(&residuals(&d).unwrap(), &[0.0; 8][..d.ncols()]),
            Some(2)
        );
        d.column_mut(1).fill(0.0);
        assert_eq!(
            worst(&residuals(&d).unwrap(), &[0.0; 8][..d.ncols()]),
            Some(2)
        );
        d.column_mut(1).fill(1e-9);
        let r = residuals(&d).unwrap();
        assert_eq!(
            (worst(&r, &[0.0; 8][..d.ncols()]), r[1].t, r[1].stderr),
            (Some(1), None, Some(0.0))
        );
    }
}
