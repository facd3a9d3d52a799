//! Finite-size scaling: a power of the size with one correction term.

use super::Estimate;
use crate::error::{Error, Result};
use crate::numerics::gauss_newton::minimise;
use crate::numerics::statistics::least_squares;
use nalgebra::{DMatrix, DVector};

/// An observable at one system size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizePoint {
    /// Linear size `L > 0`.
    pub size: f64,
    /// Positive mean value.
    pub value: f64,
    /// Its standard error, positive; points are independent.
    pub stderr: f64,
}

/// A fit of `y = L^k (A + B L^-omega)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizeScaling {
    /// `k`.
    pub exponent: Estimate,
    /// `A`.
    pub amplitude: Estimate,
    /// `B`; fixed at 0 without a correction.
    pub correction: Estimate,
    /// Smallest size used.
    pub smallest_size: f64,
    /// Sum of squared deviations in units of the errors.
    pub chi2: f64,
    /// Points minus fitted numbers.
    pub freedom: usize,
}

/// Fits `y = L^k (A + B L^-omega)` with `omega` given, or `y = A L^k` without.
///
/// Weighted least squares by Gauss-Newton from the line through the logarithms; errors from the covariance (those of the points are
/// taken as known, not rescaled by chi2). For the largest cluster at the threshold `k = d_f`, for the mean size `k = gamma/nu`;
/// `omega = 3/2` in two, 1.2 in three dimensions.
///
/// # Errors
/// Input error for a point that is not positive, or fewer points than fitted numbers; `Unconverged` when the minimum is not found.
///
/// ```
/// use saddlepoint::percolation::estimators::{SizePoint, fit_size_scaling};
/// let point = |size: f64| SizePoint { size, value: size.powf(1.9) * (0.8 - 0.3 / size), stderr: 1e-3 * size };
/// let fit = fit_size_scaling(&[8.0, 16.0, 32.0, 64.0].map(point), Some(1.0)).unwrap();
/// assert!((fit.exponent.value - 1.9).abs() < 1e-9 && fit.freedom == 1);
/// ```
pub fn fit_size_scaling(points: &[SizePoint], omega: Option<f64>) -> Result<SizeScaling> {
    for p in points {
        if ![p.size, p.value, p.stderr]
            .iter()
            .all(|x| *x > 0.0 && x.is_finite())
        {
            return Err(Error::input(
                "points",
                format!("value {} +- {} at size {}", p.value, p.stderr, p.size),
                "give positive sizes, values and errors",
            ));
        }
    }
    let column =
        |f: &dyn Fn(&SizePoint) -> f64| DVector::from_iterator(points.len(), points.iter().map(f));
    let (y, ln) = (column(&|p| p.value), column(&|p| p.size.ln()));
    let logs = DMatrix::from_columns(&[column(&|_| 1.0), ln.clone()]);
    let relative: Vec<f64> = points
        .iter()
        .map(|p| (p.value / p.stderr).powi(2))
        .collect();
    let line = least_squares(&logs, &column(&|p| p.value.ln()), &relative)?.coefficients;
    let weights: Vec<f64> = points.iter().map(|p| p.stderr.powi(-2)).collect();
    let model = |b: &DVector<f64>| {
        let power = ln.map(|l| (b[0] * l).exp());
        let corrected = omega.map(|w| ln.map(|l| ((b[0] - w) * l).exp()));
        let mut f = b[1] * &power;
        if let Some(corrected) = &corrected {
            f += b[2] * corrected;
        }
        let mut columns = vec![f.component_mul(&ln), power];
        columns.extend(corrected);
        (f, DMatrix::from_columns(&columns))
    };
    let mut start = vec![line[1], line[0].exp()];
    start.extend(omega.map(|_| 0.0));
    let fitted = start.len();
    let minimum = minimise(DVector::from_vec(start), &y, &weights, model)?;
    let estimate = |k: usize| Estimate {
        value: minimum.parameters[k],
        stderr: minimum.covariance[(k, k)].sqrt(),
    };
    Ok(SizeScaling {
        exponent: estimate(0),
        amplitude: estimate(1),
        correction: match omega {
            Some(_) => estimate(2),
            None => Estimate {
                value: 0.0,
                stderr: 0.0,
            },
        },
        smallest_size: points.iter().map(|p| p.size).fold(f64::INFINITY, f64::min),
        chi2: minimum.chi2,
        freedom: points.len() - fitted,
    })
}

/// The fit again and again without the smallest sizes, as long as a degree of freedom is left; all points first.
///
/// Trust the first one whose chi2 per degree of freedom is near 1 and whose exponent agrees with those after it.
///
/// # Errors
/// As for [`fit_size_scaling`].
pub fn scan_smallest_size(points: &[SizePoint], omega: Option<f64>) -> Result<Vec<SizeScaling>> {
    let mut left = points.to_vec();
    left.sort_by(|a, b| a.size.total_cmp(&b.size));
    let mut fits = vec![fit_size_scaling(&left, omega)?];
    while fits.last().is_some_and(|fit| fit.freedom > 1) {
        let smallest = left[0].size;
        left.retain(|p| p.size > smallest);
        if left.len() <= if omega.is_some() { 3 } else { 2 } {
            break;
        }
        fits.push(fit_size_scaling(&left, omega)?);
    }
    Ok(fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::estimators::covers;
    use rand_distr::{Distribution, StandardNormal};

    const SIZES: [f64; 7] = [8.0, 12.0, 16.0, 24.0, 32.0, 48.0, 64.0];

    fn law(size: f64) -> f64 {
        size.powf(91.0 / 48.0) * (0.98 + 0.4 * size.powf(-1.5))
    }

    fn noisy(seed: u64) -> Vec<SizePoint> {
        let mut rng = stream(31, "sizes", &[seed]);
        let point = |&size: &f64| {
            let stderr = 0.002 * law(size);
            let z: f64 = StandardNormal.sample(&mut rng);
            SizePoint {
                size,
                value: law(size) + stderr * z,
                stderr,
            }
        };
        SIZES.iter().map(point).collect()
    }

    #[test]
    fn a_law_without_noise_is_found_exactly() {
        let points = SIZES.map(|size| SizePoint {
            size,
            value: law(size),
            stderr: 1e-3 * law(size),
        });
        let fit = fit_size_scaling(&points, Some(1.5)).unwrap();
        assert!((fit.exponent.value - 91.0 / 48.0).abs() < 1e-10);
        assert!((fit.amplitude.value - 0.98).abs() < 1e-9);
        assert!((fit.correction.value - 0.4).abs() < 1e-7 && fit.chi2 < 1e-12);
        // Without its correction the fit is off, and less so with every size left out.
        let scan = scan_smallest_size(&points, None).unwrap();
        assert_eq!(
            scan.iter().map(|f| f.freedom).collect::<Vec<_>>(),
            [5, 4, 3, 2, 1]
        );
        let off: Vec<f64> = scan
            .iter()
            .map(|f| -(f.exponent.value - 91.0 / 48.0))
            .collect();
        assert!(off.is_sorted_by(|a, b| a > b) && off[4] > 0.0);
        assert!(scan.is_sorted_by(|a, b| a.chi2 > b.chi2));
    }

    /// 95 % intervals of the exponent cover; chi2 has its mean, the degrees of freedom.
    #[test]
    fn intervals_cover_the_truth() {
        let trials = 400;
        let (mut hits, mut chi2) = (0, 0.0);
        for k in 0..trials {
            let fit = fit_size_scaling(&noisy(k), Some(1.5)).unwrap();
            hits +=
                usize::from((fit.exponent.value - 91.0 / 48.0).abs() < 1.96 * fit.exponent.stderr);
            chi2 += fit.chi2 / trials as f64;
        }
        assert!(covers(hits, trials as usize), "{hits}");
        assert!(
            (chi2 - 4.0).abs() < 4.0 * (8.0 / trials as f64).sqrt(),
            "{chi2}"
        );
    }

    #[test]
    fn impossible_points_are_refused() {
        let point = |size, value, stderr| SizePoint {
            size,
            value,
            stderr,
        };
        assert!(fit_size_scaling(&[point(8.0, -1.0, 0.1), point(9.0, 1.0, 0.1)], None).is_err());
        assert!(fit_size_scaling(&[point(8.0, 1.0, 0.1)], None).is_err());
        assert!(fit_size_scaling(&[point(8.0, 1.0, 0.1), point(8.0, 1.0, 0.1)], None).is_err());
        assert!(fit_size_scaling(&[point(8.0, 1.0, 0.1), point(9.0, 1.0, 0.0)], None).is_err());
    }
}
