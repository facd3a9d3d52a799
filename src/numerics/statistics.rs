//! Statistics of few draws: means, Student t, jackknife, bootstrap, weighted fits, Kolmogorov-Smirnov.

use crate::error::{Error, Result};
use crate::numerics::random::stream;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use statrs::distribution::{ContinuousCDF, Normal, StudentsT};

/// Mean and unbiased variance (`1/(n-1)`); not-a-number for an empty slice, variance `None` for one value.
///
/// ```
/// let (mean, variance) = saddlepoint::numerics::statistics::mean_variance(&[1.0, 2.0, 3.0]);
/// assert_eq!((mean, variance), (2.0, Some(1.0)));
/// ```
pub fn mean_variance(x: &[f64]) -> (f64, Option<f64>) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    let squares: f64 = x.iter().map(|v| (v - mean).powi(2)).sum();
    (mean, (x.len() > 1).then(|| squares / (n - 1.0)))
}

/// Mean and its standard error `sqrt(variance / n)`; `None` for one value.
pub fn mean_stderr(x: &[f64]) -> (f64, Option<f64>) {
    let (mean, variance) = mean_variance(x);
    (mean, variance.map(|v| (v / x.len() as f64).sqrt()))
}

/// Student t with `freedom >= 1` degrees of freedom.
fn student(freedom: usize) -> Result<StudentsT> {
    StudentsT::new(0.0, 1.0, freedom as f64).map_err(|e| Error::bug("Student t", e.to_string()))
}

/// `P(T <= t)` of Student t with `freedom` degrees of freedom.
pub fn student_cdf(t: f64, freedom: usize) -> Result<f64> {
    Ok(student(freedom)?.cdf(t))
}

/// Quantile of Student t: the `t` with `P(T <= t) = p`, for `0 < p < 1`.
///
/// ```
/// let t = saddlepoint::numerics::statistics::student_quantile(0.975, 7).unwrap();
/// assert!((t - 2.364624).abs() < 1e-6);
/// ```
pub fn student_quantile(p: f64, freedom: usize) -> Result<f64> {
    if !(p > 0.0 && p < 1.0) {
        return Err(Error::bug("Student t", format!("no quantile at p = {p}")));
    }
    Ok(student(freedom)?.inverse_cdf(p))
}

/// The normal deviate `z` with the same one-sided tail as `t` at `freedom` degrees of freedom: a t value in units of sigma.
///
/// Saturates at |z| = 37, where the tail leaves the floating-point range.
///
/// ```
/// let z = saddlepoint::numerics::statistics::normal_equivalent(2.364624, 7).unwrap();
/// assert!((z - 1.959964).abs() < 1e-6);
/// ```
pub fn normal_equivalent(t: f64, freedom: usize) -> Result<f64> {
    let tail = student(freedom)?.sf(t.abs()).max(1e-299);
    let z = -Normal::standard().inverse_cdf(tail);
    Ok(z.min(37.0).copysign(t))
}

/// A function of block means, with its leave-one-block-out error.
#[derive(Debug, Clone, PartialEq)]
pub struct Jackknife {
    /// The function of the means over all blocks.
    pub estimate: Vec<f64>,
    /// Mean of the pseudo-values: the estimate without its bias of order `1/n`.
    pub corrected: Vec<f64>,
    /// Standard error; `None` for one block.
    pub stderr: Option<Vec<f64>>,
    /// `n f - (n-1) f_(without r)`, one row per block: the function's own block values.
    pub pseudo_values: DMatrix<f64>,
}

/// Jackknife of `f(means)` over the rows (blocks) of `blocks`; columns are points, `f` returns one or more values.
///
/// `pseudo_r = n f(mean) - (n - 1) f(mean without r)`; `corrected = mean_r pseudo_r`;
/// `stderr^2 = var(pseudo) / n`. For linear `f` the pseudo-values are `f(block r)` itself. One block: the estimate alone.
///
/// Source: M. H. Quenouille (1956); J. W. Tukey (1958).
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::numerics::statistics::jackknife;
/// let square = jackknife(&DMatrix::from_row_slice(3, 1, &[1.0, 2.0, 3.0]), |m| vec![m[0] * m[0]]);
/// assert!((square.corrected[0] - (4.0 - 1.0 / 3.0)).abs() < 1e-12); // mean^2 - variance/n
/// ```
pub fn jackknife(blocks: &DMatrix<f64>, f: impl Fn(&[f64]) -> Vec<f64>) -> Jackknife {
    let n = blocks.nrows();
    let sum: Vec<f64> = blocks.column_iter().map(|c| c.sum()).collect();
    let mean: Vec<f64> = sum.iter().map(|s| s / n as f64).collect();
    let estimate = f(&mean);
    if n == 1 {
        return Jackknife {
            corrected: estimate.clone(),
            stderr: None,
            pseudo_values: DMatrix::from_row_slice(1, estimate.len(), &estimate),
            estimate,
        };
    }
    let mut pseudo_values = DMatrix::zeros(n, estimate.len());
    for r in 0..n {
        let without: Vec<f64> = sum
            .iter()
            .enumerate()
            .map(|(k, s)| (s - blocks[(r, k)]) / (n - 1) as f64)
            .collect();
        for (k, value) in f(&without).into_iter().enumerate() {
            pseudo_values[(r, k)] = n as f64 * estimate[k] - (n - 1) as f64 * value;
        }
    }
    let (corrected, stderr) = pseudo_values
        .column_iter()
        .map(|c| mean_stderr(c.as_slice()))
        .map(|(m, s)| (m, s.unwrap_or(f64::NAN)))
        .unzip();
    Jackknife {
        estimate,
        corrected,
        stderr: Some(stderr),
        pseudo_values,
    }
}

/// `resamples` bootstrap replicates (rows) of `f(means)`: blocks drawn with replacement, jointly for all points.
///
/// Replicate `b` uses the stream keyed by `(seed, "bootstrap", b)`. With fewer than about 20 blocks percentile intervals of
/// these replicates are too short; use [`jackknife`] with Student t there. Source: B. Efron (1979).
pub fn bootstrap(
    blocks: &DMatrix<f64>,
    resamples: usize,
    seed: u64,
    f: impl Fn(&[f64]) -> Vec<f64>,
) -> Vec<Vec<f64>> {
    let n = blocks.nrows();
    (0..resamples)
        .map(|b| {
            let mut rng = stream(seed, "bootstrap", &[b as u64]);
            let mut mean = vec![0.0; blocks.ncols()];
            for _ in 0..n {
                let r = rng.random_range(0..n);
                for (m, v) in mean.iter_mut().zip(blocks.row(r).iter()) {
                    *m += v / n as f64;
                }
            }
            f(&mean)
        })
        .collect()
}

/// Coefficients of a linear fit and their covariance.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearFit {
    /// Fitted `b` in `y = X b`, one per column of `X`.
    pub coefficients: DVector<f64>,
    /// `(X^T W X)^-1`: the covariance when the weights are inverse variances of independent values.
    pub covariance: DMatrix<f64>,
    /// `y - X b`.
    pub residuals: DVector<f64>,
}

/// Minimises `sum_i w_i (y_i - (X b)_i)^2` over `b`; `X` is `n x k` with `n >= k`, weights positive.
///
/// Solved by QR of `sqrt(W) X`. Input error when the columns of `X` are linearly dependent (equal abscissae).
pub fn least_squares(x: &DMatrix<f64>, y: &DVector<f64>, weights: &[f64]) -> Result<LinearFit> {
    let root = DVector::from_iterator(weights.len(), weights.iter().map(|w| w.sqrt()));
    let scaled = DMatrix::from_fn(x.nrows(), x.ncols(), |i, j| root[i] * x[(i, j)]);
    let dependent = || {
        Error::input(
            "linear fit",
            format!(
                "{} points do not determine {} coefficients",
                x.nrows(),
                x.ncols()
            ),
            "give more distinct abscissae, or fit fewer terms",
        )
    };
    if x.nrows() < x.ncols() {
        return Err(dependent());
    }
    let size: Vec<f64> = scaled.column_iter().map(|c| c.norm()).collect();
    let qr = scaled.qr();
    let r = qr.r();
    if !(0..r.ncols()).all(|k| r[(k, k)].abs() > 1e-12 * size[k]) {
        return Err(dependent());
    }
    let inverse = r
        .solve_upper_triangular(&DMatrix::identity(x.ncols(), x.ncols()))
        .ok_or_else(dependent)?;
    let coefficients = &inverse * (qr.q().transpose() * y.component_mul(&root));
    Ok(LinearFit {
        residuals: y - x * &coefficients,
        covariance: &inverse * inverse.transpose(),
        coefficients,
    })
}

/// Kolmogorov-Smirnov test of `x` against the uniform law on [0, 1]: the largest distance of the distribution functions
/// and its asymptotic p-value with Stephens' small-sample factor (good to about 1 % from n = 10 on).
///
/// `D = sup |F_n(x) - x|`, `lambda = (sqrt n + 0.12 + 0.11/sqrt n) D`, `p = 2 sum_k (-1)^(k-1) exp(-2 k^2 lambda^2)`.
/// Source: M. A. Stephens, J. R. Stat. Soc. B 32, 115 (1970).
pub fn kolmogorov_smirnov_uniform(x: &[f64]) -> (f64, f64) {
    let mut sorted = x.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = x.len() as f64;
    let distance = sorted
        .iter()
        .enumerate()
        .map(|(i, &v)| ((i + 1) as f64 / n - v).max(v - i as f64 / n))
        .fold(0.0, f64::max);
    let lambda = (n.sqrt() + 0.12 + 0.11 / n.sqrt()) * distance;
    if lambda < 0.2 {
        return (distance, 1.0); // the alternating series is 1 to 12 digits here but converges slowly
    }
    let p: f64 = (1..=100)
        .map(|k| {
            let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
            sign * (-2.0 * (k as f64 * lambda).powi(2)).exp()
        })
        .sum();
    (distance, p.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::normal_matrix;

    #[test]
    fn student_quantiles_match_tables() {
        // Two-sided 95 % points (any table of Student t).
        for (freedom, t) in [(1, 12.70620), (2, 4.30265), (4, 2.77645), (31, 2.03951)] {
            assert!((student_quantile(0.975, freedom).unwrap() - t).abs() < 1e-5);
            assert!((student_cdf(t, freedom).unwrap() - 0.975).abs() < 1e-6);
        }
        assert!(student_quantile(1.0, 3).is_err());
    }

    #[test]
    fn normal_equivalent_is_odd_and_saturates() {
        assert_eq!(normal_equivalent(0.0, 7).unwrap(), 0.0);
        let z = normal_equivalent(3.0, 7).unwrap();
        assert_eq!(normal_equivalent(-3.0, 7).unwrap(), -z);
        assert!(normal_equivalent(1e60, 255).unwrap().is_finite());
        // Many degrees of freedom: t is z.
        assert!((normal_equivalent(2.0, 1_000_000).unwrap() - 2.0).abs() < 1e-5);
    }

    #[test]
    fn jackknife_of_a_linear_function_is_the_ordinary_mean() {
        let x = DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 3.0, 5.0, 8.0, -1.0]);
        let j = jackknife(&x, |m| vec![2.0 * m[0] - m[1]]);
        let direct = [0.0, 1.0, 17.0];
        let (mean, stderr) = mean_stderr(&direct);
        for (r, value) in direct.iter().enumerate() {
            assert!((j.pseudo_values[(r, 0)] - value).abs() < 1e-12);
        }
        assert!((j.corrected[0] - mean).abs() < 1e-12);
        assert!((j.stderr.unwrap()[0] - stderr.unwrap()).abs() < 1e-12);
    }

    #[test]
    fn jackknife_removes_the_first_order_bias_of_a_ratio() {
        // E[(mean x)/(mean y)], x and y ~ N(1, 0.4^2) independent: bias of the plain ratio is sd^2/n + O(1/n^2).
        let (repeats, n, sd) = (4_000, 8, 0.4);
        let (mut plain, mut corrected) = (Vec::new(), Vec::new());
        for repeat in 0..repeats {
            let z = normal_matrix(&mut stream(5, "ratio", &[repeat]), n, 2);
            let j = jackknife(&z.map(|v| 1.0 + sd * v), |m| vec![m[0] / m[1]]);
            plain.push(j.estimate[0] - 1.0);
            corrected.push(j.corrected[0] - 1.0);
        }
        let (bias, error) = mean_stderr(&plain);
        let expected = sd * sd / n as f64;
        assert!((bias - expected).abs() < 0.2 * expected + 3.0 * error.unwrap());
        let (left, error) = mean_stderr(&corrected);
        // What remains is O(1/n^2): -3 sd^4/n^2 up to a factor of order one.
        assert!(left.abs() < 3.0 * error.unwrap() + 6.0 * (expected * expected));
        assert!(bias > 5.0 * left.abs());
    }

    #[test]
    fn bootstrap_scatter_is_the_standard_error_of_the_mean() {
        let x = normal_matrix(&mut stream(1, "data", &[]), 30, 1);
        let means: Vec<f64> = bootstrap(&x, 2_000, 3, |m| m.to_vec()).concat();
        let (mean, variance) = mean_variance(&means);
        let (direct, stderr) = mean_stderr(x.as_slice());
        // Law of the bootstrap: mean of replicates = sample mean, variance = (n-1)/n stderr^2.
        let sd = stderr.unwrap() * (29.0f64 / 30.0).sqrt();
        assert!((mean - direct).abs() < 4.0 * sd / 2_000f64.sqrt());
        assert!((variance.unwrap().sqrt() / sd - 1.0).abs() < 4.0 / 4_000f64.sqrt());
    }

    #[test]
    fn least_squares_recovers_a_line_and_refuses_equal_abscissae() {
        let x = DMatrix::from_row_slice(3, 2, &[1.0, 0.5, 1.0, 1.0, 1.0, 4.0]);
        let y = DVector::from_vec(vec![2.5, 2.0, -1.0]);
        let fit = least_squares(&x, &y, &[1.0, 4.0, 0.25]).unwrap();
        assert!((fit.coefficients[0] - 3.0).abs() < 1e-12);
        assert!((fit.coefficients[1] + 1.0).abs() < 1e-12);
        assert!(fit.residuals.norm() < 1e-12);
        // Constant fit: variance of a weighted mean is 1 / sum of weights.
        let one = DMatrix::from_row_slice(3, 1, &[1.0, 1.0, 1.0]);
        let fit = least_squares(&one, &y, &[1.0, 4.0, 0.25]).unwrap();
        assert!((fit.covariance[(0, 0)] - 1.0 / 5.25).abs() < 1e-12);
        let same = DMatrix::from_row_slice(3, 2, &[1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
        assert!(least_squares(&same, &y, &[1.0; 3]).is_err());
    }

    #[test]
    fn kolmogorov_smirnov_accepts_uniform_and_rejects_its_square() {
        let grid: Vec<f64> = (0..100).map(|i| (i as f64 + 0.5) / 100.0).collect();
        let (distance, p) = kolmogorov_smirnov_uniform(&grid);
        assert!((distance - 0.005).abs() < 1e-12 && p == 1.0);
        let squares: Vec<f64> = grid.iter().map(|x| x * x).collect();
        assert!(kolmogorov_smirnov_uniform(&squares).1 < 1e-4);
        // 5 % point of the limit law: lambda = 1.3581.
        let shift = 1.3581 / (10.0 + 0.12 + 0.011) - 0.005;
        let shifted: Vec<f64> = grid.iter().map(|x| (x + shift).min(1.0)).collect();
        assert!((kolmogorov_smirnov_uniform(&shifted).1 - 0.05).abs() < 1e-3);
    }
}
