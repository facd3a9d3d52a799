//! Covariance of the mean over draws, and the weights of chi2 that follow from it.

use crate::error::{Error, Result};
use crate::numerics::linalg::{cholesky, eigh, solve_lower, solve_lower_transposed};
use nalgebra::{DMatrix, DVector};

/// A correlation matrix of the sample whose eigenvalues differ by more than this factor is not inverted as it is.
const WORST_CONDITION: f64 = 1e8;
/// Least shrinkage once there is one: it bounds the condition by about the number of points times its inverse.
const LEAST_SHRINKAGE: f64 = 1e-4;

/// Covariance `C` of the mean difference between measurement and prediction, with its Cholesky factor.
///
/// ```text
/// S_ij = sum_r (e_ri - e_i)(e_rj - e_j)/(n - 1)            sample covariance of the differences e_r of n draws
/// C = [ (1 - w) S + w diag(S) ]/n + diag(s^2)              s: standard error of the prediction, w: shrinkage
/// ```
///
/// With `n - 1 > m` points and a well-conditioned correlation matrix `w = 0`. (With a standard error `s` there is no
/// exact law, and draws must be held out: then `n - 1 > 2 m` is asked for.) Otherwise `S` has no usable inverse, and
/// `w` is the intensity that minimises the expected squared error of the correlations,
///
/// ```text
/// w = sum_(i != j) Var(r_ij) / sum_(i != j) r_ij^2,        0 <= w <= 1
/// ```
///
/// with the variance of a correlation `r_ij` estimated from the scatter of its summands over the draws.
///
/// Sources: O. Ledoit and M. Wolf, J. Multivar. Anal. 88, 365 (2004); J. Schaefer and K. Strimmer, Stat. Appl. Genet.
/// Mol. Biol. 4, 32 (2005).
#[derive(Debug, Clone)]
pub(super) struct Covariance {
    /// `C`, shrunk.
    pub matrix: DMatrix<f64>,
    /// `S/n + diag(s^2)`: the same without shrinkage, unbiased, perhaps singular.
    pub sample: DMatrix<f64>,
    lower: DMatrix<f64>,
    /// `w`; 0 where the sample covariance is used as it is.
    pub shrinkage: f64,
    /// Ratio of the extreme eigenvalues of the correlation matrix in use.
    pub condition: f64,
}

/// One Gauss-Newton step as a linear map of the mean difference `d`, and what it says about errors.
///
/// ```text
/// step = E d,    E = -(J^T J)^-1 J^T L^-1,    covariance of chi2 (J^T J)^-1,    of the sample E (S/n + diag(s^2)) E^T
/// ```
///
/// The two covariances agree without shrinkage. With it the second one is the honest one: it does not take the shrunk
/// correlations for true.
pub(super) struct Estimator {
    /// `E`, one row per parameter.
    pub weights: DMatrix<f64>,
    /// `(J^T J)^-1`.
    pub covariance: DMatrix<f64>,
    /// `E (S/n + diag(s^2)) E^T`.
    pub sandwich: DMatrix<f64>,
}

/// Whether the sample covariance is shrunk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shrink {
    /// Where it has no usable inverse.
    Auto,
    No,
    Yes,
}

impl Covariance {
    /// From differences (rows are draws; every column scatters) and the standard error of the prediction.
    pub fn of(differences: &DMatrix<f64>, stderr: Option<&[f64]>, shrink: Shrink) -> Result<Self> {
        let (n, m) = differences.shape();
        let (centred, sample) = scatter(differences);
        let shrink = match shrink {
            Shrink::Auto => {
                let needed = if stderr.is_some() { 2 * m } else { m };
                n - 1 <= needed || condition(&sample)? > WORST_CONDITION
            }
            shrink => shrink == Shrink::Yes,
        };
        let shrinkage = match shrink {
            true => intensity(&centred, &sample).max(LEAST_SHRINKAGE),
            false => 0.0,
        };
        Covariance::assemble(&sample, n, stderr, shrinkage)
    }

    /// As [`Covariance::of`], about zero instead of about the mean and with the shrinkage given: no change of the
    /// sign of a draw changes it.
    pub fn about_zero(differences: &DMatrix<f64>, shrinkage: f64) -> Result<Self> {
        let n = differences.nrows();
        let moments = differences.tr_mul(differences) / n as f64;
        Covariance::assemble(&moments, n, None, shrinkage)
    }

    fn assemble(
        sample: &DMatrix<f64>,
        n: usize,
        stderr: Option<&[f64]>,
        shrinkage: f64,
    ) -> Result<Self> {
        let m = sample.nrows();
        let own = |k: usize| stderr.map_or(0.0, |s| s[k] * s[k]);
        let with = |w: f64| {
            DMatrix::from_fn(m, m, |i, j| match i == j {
                true => sample[(i, i)] / n as f64 + own(i),
                false => (1.0 - w) * sample[(i, j)] / n as f64,
            })
        };
        let matrix = with(shrinkage);
        Ok(Covariance {
            lower: cholesky(&matrix)?,
            condition: f64::NAN,
            sample: with(0.0),
            matrix,
            shrinkage,
        })
    }

    /// The condition, which costs an eigendecomposition, filled in.
    pub fn with_condition(mut self) -> Result<Self> {
        self.condition = condition(&self.matrix)?;
        Ok(self)
    }

    /// `L^-1 A` with `C = L L^T`: columns in units in which the mean difference has independent errors of size 1.
    pub fn whiten(&self, columns: &DMatrix<f64>) -> DMatrix<f64> {
        let mut whitened = columns.clone();
        solve_lower(&self.lower, &mut whitened);
        whitened
    }

    /// `L^-1 d` of one vector.
    pub fn whiten_vector(&self, vector: &DVector<f64>) -> DVector<f64> {
        let column = DMatrix::from_column_slice(vector.len(), 1, vector.as_slice());
        self.whiten(&column).column(0).into_owned()
    }

    /// Standard error of the mean at a point.
    pub fn error(&self, point: usize) -> f64 {
        self.matrix[(point, point)].sqrt()
    }

    /// `L w`: the inverse of [`Covariance::whiten`].
    pub fn colour(&self, whitened: &DMatrix<f64>) -> DMatrix<f64> {
        &self.lower * whitened
    }

    /// The linearised estimator near the minimum, for the Jacobian `J` of the whitened residuals.
    pub fn estimator(&self, jacobian: &DMatrix<f64>) -> Result<Estimator> {
        let dependent = || {
            Error::unconverged(
                "fit",
                "the derivatives of the prediction are linearly dependent",
                "fit fewer parameters",
            )
        };
        let normal = jacobian.tr_mul(jacobian).cholesky().ok_or_else(dependent)?;
        let covariance = normal.inverse();
        let mut weights = jacobian * &covariance * -1.0;
        solve_lower_transposed(&self.lower, &mut weights);
        let sandwich = weights.tr_mul(&(&self.sample * &weights));
        Ok(Estimator {
            weights: weights.transpose(),
            covariance,
            sandwich,
        })
    }
}

/// Differences about their means, and their sample covariance.
fn scatter(differences: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
    let n = differences.nrows() as f64;
    let mut centred = differences.clone();
    for mut column in centred.column_iter_mut() {
        let mean = column.sum() / n;
        column.add_scalar_mut(-mean);
    }
    let sample = centred.tr_mul(&centred) / (n - 1.0);
    (centred, sample)
}

/// Shrinkage intensity of the correlations.
fn intensity(centred: &DMatrix<f64>, sample: &DMatrix<f64>) -> f64 {
    let (n, m) = centred.shape();
    let count = n as f64;
    let (mut variances, mut squares) = (0.0, 0.0);
    for i in 0..m {
        for j in 0..i {
            let size = (sample[(i, i)] * sample[(j, j)]).sqrt();
            let correlation = sample[(i, j)] / size;
            // r_ij = n/(n-1) mean_r w_r with w_r = x_ri x_rj/(s_i s_j).
            let mean = correlation * (count - 1.0) / count;
            let products = (0..n).map(|r| centred[(r, i)] * centred[(r, j)] / size - mean);
            variances += count / (count - 1.0).powi(3) * products.map(|w| w * w).sum::<f64>();
            squares += correlation * correlation;
        }
    }
    if squares > 0.0 {
        (variances / squares).min(1.0)
    } else {
        1.0
    }
}

/// Ratio of the extreme eigenvalues of the correlation matrix of a covariance; infinite where one is not positive.
fn condition(covariance: &DMatrix<f64>) -> Result<f64> {
    let m = covariance.nrows();
    let correlation = DMatrix::from_fn(m, m, |i, j| {
        covariance[(i, j)] / (covariance[(i, i)] * covariance[(j, j)]).sqrt()
    });
    let (values, _) = eigh(&correlation)?;
    let (least, most) = (values[0], values[m - 1]);
    Ok(if least > 0.0 {
        most / least
    } else {
        f64::INFINITY
    })
}
