//! Learning curve on a finite population: data sets are subsets of it, errors those on the samples left over.

use crate::error::{Error, Result};
use crate::numerics::linalg::pivot_floor;
use crate::numerics::root::brent;

/// Mean errors of kernel ridge regression on subsets of a population.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Errors {
    /// Mean of `(f - y)^2` over the samples of the population that are not trained on.
    pub unseen: f64,
    /// Mean of `(f - y)^2` over the samples trained on.
    pub training: f64,
    /// Effective ridge `s` of the whole population; `s P/M` is the `kappa` of [`super::learning_curve`] as `M -> inf`.
    pub ridge: f64,
    /// Evaluations spent on the equation of `s`.
    pub iterations: usize,
}

/// Kernel ridge regression, `min sum (f - y)^2 + T |f|_H^2`, on random subsets of `P` among `M` samples with kernel matrix
/// `K = sum_i k_i v_i v_i^T` and `target[i] = |Y v_i|^2`. With `a = P/M`, `g = (1/M) sum 1/(k_i + s)`, `g2 = (1/M) sum 1/(k_i + s)^2`:
///
/// ```text
/// s = T + (1 - a)/g(s)
/// E_unseen = (1/M) sum target_i/(k_i + s)^2  a / (g^2 - (1 - a) g2)
/// E_train  = (T g/a)^2 E_unseen
/// ```
///
/// Derived here. A subset with ridge `T` is the whole population with a diagonal noise matrix `D`, `T` on the subset and infinite
/// elsewhere. For eigenvectors in general position (free of the coordinates) `E (K + D)^-1 = (K + s)^-1` with the subordination
/// `g(s) = E 1/(D + 1/g - s)`; the squared residuals are derivatives of `y^T (K + D)^-1 y` by the entries of `D`. As `M -> inf` at fixed `P`
/// this is the learning curve of Gaussian features (Bordelon, Canatar, Pehlevan 2020, arXiv:2002.02561); its `kap = s P/M`.
///
/// # Errors
/// `Input` unless `0 < P < M` and all numbers are finite and not negative; `Unconverged` where `T = 0` and `P` exceeds the rank.
///
/// ```
/// use saddlepoint::theory::learning_curve::finite_population;
/// // A kernel without structure learns nothing about unseen samples.
/// let errors = finite_population(&[2.0; 10], &[0.5; 10], 4, 0.1)?;
/// assert!((errors.unseen - 0.5).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn finite_population(
    eigenvalues: &[f64],
    target: &[f64],
    samples: usize,
    ridge: f64,
) -> Result<Errors> {
    let m = eigenvalues.len();
    let valid = |v: &f64| v.is_finite() && *v >= 0.0;
    let numbers = eigenvalues.iter().chain(target).chain([&ridge]);
    if target.len() != m || samples == 0 || samples >= m || !numbers.clone().all(valid) {
        return Err(Error::input(
            "learning curve",
            format!(
                "{samples} samples of a population of {m} with {} target coefficients",
                target.len()
            ),
            "give 0 < samples < population and finite numbers >= 0",
        ));
    }
    let largest = eigenvalues.iter().copied().fold(0.0, f64::max);
    let rank = eigenvalues
        .iter()
        .filter(|k| **k > pivot_floor(m) * largest)
        .count();
    if ridge == 0.0 && samples >= rank {
        return Err(Error::unconverged(
            "learning curve",
            format!(
                "{samples} samples with ridge = 0, and a kernel of rank {rank} on the population of {m}"
            ),
            "raise learner.ridge, or train on fewer samples",
        ));
    }
    let mean = |f: &dyn Fn(usize) -> f64| (0..m).map(f).sum::<f64>() / m as f64;
    let fraction = samples as f64 / m as f64;
    let resolvent = |s: f64| mean(&|i| 1.0 / (eigenvalues[i] + s));
    // Convexity, g >= 1/(mean k + s), bounds the root by (T + mean k)/a; it is at least T.
    let upper = 1.01 * (ridge + mean(&|i| eigenvalues[i])).max(f64::MIN_POSITIVE) / fraction;
    let lower = if ridge > 0.0 { ridge } else { 1e-14 * upper };
    let gap = |u: f64| {
        let s = u.exp();
        1.0 - (ridge + (1.0 - fraction) / resolvent(s)) / s
    };
    let root = brent(gap, lower.ln(), upper.ln(), 1e-14)?;
    let s = root.x.exp();
    let (g, g2) = (resolvent(s), mean(&|i| 1.0 / (eigenvalues[i] + s).powi(2)));
    let left = mean(&|i| target[i] / (eigenvalues[i] + s).powi(2));
    let unseen = left * fraction / (g * g - (1.0 - fraction) * g2);
    Ok(Errors {
        unseen,
        training: (ridge * g / fraction).powi(2) * unseen,
        ridge: s,
        iterations: root.evaluations,
    })
}

/// Averages over data sets on one eigenvector of the population's kernel matrix.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    /// Share of the target in the mean predictor, `L_i = k_i/(k_i + s)`.
    pub learned: f64,
    /// Mean of `(1/M) |v_i . (y - f)|^2` over all `M` samples, trained on or not.
    pub error: f64,
}

/// The modes of [`finite_population`] with its `errors`, in the order of `eigenvalues`:
///
/// ```text
/// E f = K (K + s)^-1 y,  L_i = k_i/(k_i + s)
/// E_i = (1/M) [ target_i (1 - L_i)^2 + L_i^2 (M - P)/P E_unseen ]
/// ```
///
/// Squared bias and variance. Derived here: with `z = (K + D)^-1 y` and `f = K z`, second moments are `E z z^T = G y y^T G + b S G^2`,
/// `G = (K + s)^-1`, `S = (1/M) sum target_i/(k_i + s)^2`, `b = (1 - a)/(g^2 - (1 - a) g2)` (from the derivative of `E (K + D)^-1` by a shift of `K`), so that
/// `b S = E_unseen (1 - a)/a`. The sum over modes is `a E_train + (1 - a) E_unseen`. As `M -> inf`: `w_k^2 (1 - L_k)^2 + L_k^2 E_g/P`.
///
/// ```
/// use saddlepoint::theory::learning_curve::{finite_population, population_modes};
/// let (eigenvalues, target) = ([4.0, 1.0, 0.5, 0.5], [2.0, 1.0, 0.0, 1.0]);
/// let errors = finite_population(&eigenvalues, &target, 2, 0.1)?;
/// let modes = population_modes(&eigenvalues, &target, 2, &errors);
/// let sum: f64 = modes.iter().map(|m| m.error).sum();
/// assert!((sum - 0.5 * (errors.training + errors.unseen)).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn population_modes(
    eigenvalues: &[f64],
    target: &[f64],
    samples: usize,
    errors: &Errors,
) -> Vec<Mode> {
    let m = eigenvalues.len() as f64;
    let fluctuation = errors.unseen * (m - samples as f64) / samples as f64;
    let modes = eigenvalues.iter().zip(target);
    modes
        .map(|(k, target)| {
            let learned = k / (k + errors.ridge);
            let error = target * (1.0 - learned).powi(2) + learned * learned * fluctuation;
            Mode {
                learned,
                error: error / m,
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::learning_curve;
    use super::*;
    use crate::numerics::linalg::{qr, solve_spd};
    use crate::numerics::random::{normal_matrix, stream};
    use crate::rg::{Level, Spectrum};
    use nalgebra::DMatrix;

    /// A population of rank 30 that grows: the curve of Gaussian features.
    #[test]
    fn a_large_population_gives_the_gaussian_curve() {
        let rank = 30;
        let (samples, ridge) = (20, 0.05);
        let value = |k: usize| (k as f64 + 1.0).powf(-1.5);
        let levels: Vec<Level> = (0..rank)
            .map(|k| Level::single(value(k), value(k)))
            .collect();
        let levels = Spectrum::new(&levels).unwrap();
        let limit = learning_curve(&levels, samples as f64, ridge).unwrap();
        let distance = |m: usize| {
            let of = |k: usize| if k < rank { m as f64 * value(k) } else { 0.0 };
            let k: Vec<f64> = (0..m).map(of).collect();
            let e = finite_population(&k, &k, samples, ridge).unwrap();
            let kappa = e.ridge * samples as f64 / m as f64;
            [
                e.unseen / limit.generalization_error - 1.0,
                e.training / limit.training_error - 1.0,
                kappa / limit.renormalised_ridge - 1.0,
            ]
        };
        for (near, far) in distance(40_000).iter().zip(distance(10_000)) {
            // First order in 1/M.
            assert!(
                near.abs() < 1e-2 && (far / near - 4.0).abs() < 0.1,
                "{near} {far}"
            );
        }
    }

    /// Haar eigenvectors at M = 120: direct regression on the first P of 120 samples.
    #[test]
    fn subsets_of_a_small_population_have_these_errors() {
        let m = 120;
        let k: Vec<f64> = (0..m).map(|i| 40.0 / (1.0 + i as f64).powf(1.3)).collect();
        let z: Vec<f64> = (0..m).map(|i| 3.0 / (1.0 + i as f64).powf(0.8)).collect();
        let target: Vec<f64> = z.iter().map(|z| z * z).collect();
        let ridge = 0.2;
        let mut rng = stream(1, "population", &[]);
        for samples in [12, 60, 100] {
            let theory = finite_population(&k, &target, samples, ridge).unwrap();
            let mut ratios = [vec![], vec![]];
            for _ in 0..60 {
                let v = qr(&normal_matrix(&mut rng, m, m)).0;
                let kernel = &v * DMatrix::from_diagonal(&k.clone().into()) * v.transpose();
                let y = &v * DMatrix::from_column_slice(m, 1, &z);
                let mut seen = kernel.view((0, 0), (samples, samples)).into_owned();
                for i in 0..samples {
                    seen[(i, i)] += ridge;
                }
                let t = solve_spd(&seen, &y.rows(0, samples).into_owned()).unwrap();
                let left = y - kernel.columns(0, samples) * t;
                let mean = |from: usize, count: usize| {
                    left.rows(from, count).norm_squared() / count as f64
                };
                ratios[0].push(mean(samples, m - samples) / theory.unseen);
                ratios[1].push(mean(0, samples) / theory.training);
            }
            for r in ratios {
                let mean = r.iter().sum::<f64>() / 60.0;
                let variance = r.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / 59.0;
                let z = (mean - 1.0) / (variance / 60.0).sqrt();
                // Corrections of order 1/M come on top of three standard errors.
                assert!(
                    (mean - 1.0).abs() < 3.0 * (variance / 60.0).sqrt() + 1.0 / m as f64,
                    "{samples}: {mean} ({z})"
                );
            }
        }
    }

    #[test]
    fn impossible_numbers_are_refused() {
        for (k, p) in [
            (vec![1.0; 4], 0),
            (vec![1.0; 4], 4),
            (vec![f64::NAN; 4], 2),
            (vec![1.0; 3], 2),
        ] {
            assert!(finite_population(&k, &[1.0; 4], p, 0.1).is_err());
        }
    }
}
