//! The first correction to the lazy limit of deep linear networks, in the square of the richness.

use nalgebra::{DMatrix, DVector};

use super::{Problem, lazy};
use crate::error::{Error, Result};

/// Outputs and kernels to the order `gamma_0^2`: `f = f_0 + gamma_0^2 f_2`, `H^l = K^x + gamma_0^2 H_2^l`,
/// `G^l = 1 + gamma_0^2 G_2^l`.
///
/// Layers are numbered `1 ..= L`; matrices over samples are (P + M) x (P + M).
#[derive(Debug, Clone)]
pub struct Perturbation {
    /// `gamma_0^2`
    squared: f64,
    rate: f64,
    depth: usize,
    kernel: DMatrix<f64>,
    lazy: DMatrix<f64>,
    correction: DMatrix<f64>,
    /// Column `t`: `Delta_0(t)`, 0 for test samples.
    errors: DMatrix<f64>,
    /// Column `t`: `e(t)`.
    summed: DMatrix<f64>,
    /// Column `t`: `E(t)`.
    pulled_sum: DMatrix<f64>,
    /// `p(t)`
    power: Vec<f64>,
}

/// Solves for the correction of order `gamma_0^2`, as a named approximation: no product of order `gamma_0^4` is kept.
///
/// ```text
/// e(t) = q sum_{k<t} Delta_0(k),   E = K^x e,   F(t) = q sum_{k<t} K^x Delta_0(k) E(k)^T
/// p(t) = q sum_{k<t} Delta_0(k) . E(k),   J(t) = q sum_{k<t} K^x Delta_0(k) p(k)
/// H_2^l(t,s) = sum_{j=1}^l [ j^2 E(t) E(s)^T + j (L+1-j) (F(t) + F(s)^T) ]
/// G_2^l(t,s) = sum_{j=l}^L [ (L+1-j)^2 e(t) . E(s) + j (L+1-j) (p(t) + p(s)) ]
/// f_2(t) = q sum_{s<t} [ sum_{l=1}^L H_2^l(t,s) Delta_0(s) - (L+1) K^x f_2(s) ] + L (L+1)^2 (L+2)/12 J(t)
/// ```
///
/// `Delta_0 = y - f_0` are the errors of the lazy limit, 0 for test samples. The responses between layers enter at this
/// order: each layer moves by more than its own update. Valid for gradient descent on all samples from weights of
/// variance 1.
///
/// Cost: `O((P + M) T^2 + (P + M)^2 T)`; the kernels are formed on demand.
///
/// Source: expansion of the equations of Bordelon and Pehlevan 2022, arXiv:2205.09653, in discrete time.
///
/// # Errors
/// `Input` for momentum, decay, noise, batches, weight variances other than 1 and a problem out of its ranges;
/// `Unconverged` where the lazy limit diverges.
pub fn solve(problem: &Problem) -> Result<Perturbation> {
    let optimiser = problem.optimiser;
    if !optimiser.is_plain() || optimiser.batches.is_some() {
        return Err(Error::input(
            "optimiser",
            "the perturbation in the richness is for gradient descent on all samples",
            "set momentum, decay and noise to 0 and leave out batches",
        ));
    }
    if problem.weight_variances.iter().any(|&s2| s2 != 1.0) {
        return Err(Error::input(
            "weight_variances",
            "the perturbation in the richness is for weights of variance 1",
            "set all variances to 1",
        ));
    }
    let lazy = lazy::deep_linear(problem)?;
    let (all, times, depth, rate) = (
        problem.samples(),
        problem.steps + 1,
        problem.depth(),
        problem.rate,
    );
    let levels = depth as f64;
    // sum_l sum_{j<=l} j^2 = sum_l sum_{j<=l} j (L+1-j)
    let order = levels * (levels + 1.0).powi(2) * (levels + 2.0) / 12.0;
    let trained = |t: usize, values: &DMatrix<f64>| {
        let mut column = values.column(t).into_owned();
        column
            .rows_mut(problem.targets.len(), all - problem.targets.len())
            .fill(0.0);
        column
    };
    let zeros = || DMatrix::zeros(all, times);
    let (mut errors, mut pulled, mut summed, mut pulled_sum) = (zeros(), zeros(), zeros(), zeros());
    let mut correction = zeros();
    let mut power = vec![0.0; times];
    // q sum_{s<t} F(s)^T Delta_0(s), q sum_{s<t} K^x Delta_0(s) p(s) and q sum_{s<t} K^x f_2(s).
    let zero = || DVector::zeros(all);
    let (mut turned, mut weighted, mut returned) = (zero(), zero(), zero());
    for t in 0..times {
        let past = |sums: &DMatrix<f64>, weights: &DVector<f64>| sums.columns(0, t) * weights;
        // F(t) e(t)
        let carried = past(
            &pulled,
            &(pulled_sum.columns(0, t).tr_mul(&summed.column(t)) * rate),
        );
        let learned = pulled_sum.column(t) * power[t] + carried + &turned + &weighted;
        correction.set_column(t, &(learned * order - &returned * (levels + 1.0)));
        let mut error = DVector::zeros(all);
        for (a, y) in problem.targets.iter().enumerate() {
            error[a] = y - lazy[(a, t)];
        }
        let pull = problem.kernel * &error;
        turned += past(
            &pulled_sum,
            &(pulled.columns(0, t).tr_mul(&error) * (rate * rate)),
        );
        weighted.axpy(rate * power[t], &pull, 1.0);
        returned += problem.kernel * trained(t, &correction) * rate;
        if t + 1 < times {
            power[t + 1] = power[t] + rate * error.dot(&pulled_sum.column(t));
            summed.set_column(t + 1, &(summed.column(t) + &error * rate));
            pulled_sum.set_column(t + 1, &(pulled_sum.column(t) + &pull * rate));
        }
        errors.set_column(t, &error);
        pulled.set_column(t, &pull);
    }
    Ok(Perturbation {
        squared: problem.richness * problem.richness,
        rate,
        depth,
        kernel: problem.kernel.clone(),
        lazy,
        correction,
        errors,
        summed,
        pulled_sum,
        power,
    })
}

impl Perturbation {
    /// Number L of hidden layers.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// `f_0(t) + gamma_0^2 f_2(t)` of all samples.
    pub fn outputs(&self, t: usize) -> DVector<f64> {
        self.lazy.column(t) + self.correction.column(t) * self.squared
    }

    /// `f_2(t)` of all samples.
    pub fn correction(&self, t: usize) -> DVector<f64> {
        self.correction.column(t).into_owned()
    }

    /// `H^l_ab(t,s) = K^x_ab + gamma_0^2 H_2^l`, for `l = 1 ..= L`.
    pub fn feature_kernel(&self, l: usize, t: usize, s: usize) -> DMatrix<f64> {
        &self.kernel + self.feature_correction(l, t, s) * self.squared
    }

    /// `H_2^l_ab(t,s)`, for `l = 1 ..= L`. Cost: `O((P + M)^2 T)`.
    pub fn feature_correction(&self, l: usize, t: usize, s: usize) -> DMatrix<f64> {
        let (own, mixed) = self.weights(1..=l, |j| j);
        let both = self.flow(t) + self.flow(s).transpose();
        self.pulled_sum.column(t) * self.pulled_sum.column(s).transpose() * own + both * mixed
    }

    /// `G^l(t,s) = 1 + gamma_0^2 G_2^l`, for `l = 1 ..= L`.
    pub fn gradient_kernel(&self, l: usize, t: usize, s: usize) -> f64 {
        1.0 + self.gradient_correction(l, t, s) * self.squared
    }

    /// `G_2^l(t,s)`, for `l = 1 ..= L`.
    pub fn gradient_correction(&self, l: usize, t: usize, s: usize) -> f64 {
        let (own, mixed) = self.weights(l..=self.depth, |j| self.depth + 1 - j);
        own * self.summed.column(t).dot(&self.pulled_sum.column(s))
            + mixed * (self.power[t] + self.power[s])
    }

    /// `sum_j n(j)^2` and `sum_j j (L+1-j)`.
    fn weights(
        &self,
        layers: std::ops::RangeInclusive<usize>,
        n: impl Fn(usize) -> usize,
    ) -> (f64, f64) {
        let terms = layers.map(|j| (n(j) * n(j), j * (self.depth + 1 - j)));
        let (own, mixed) = terms.fold((0, 0), |sum, term| (sum.0 + term.0, sum.1 + term.1));
        (own as f64, mixed as f64)
    }

    /// `F(t)`
    fn flow(&self, t: usize) -> DMatrix<f64> {
        let past = self.errors.columns(0, t) * self.pulled_sum.columns(0, t).transpose();
        &self.kernel * past * self.rate
    }
}

#[cfg(test)]
#[path = "perturbation_tests.rs"]
mod tests;
