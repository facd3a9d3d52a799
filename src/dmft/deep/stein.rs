//! Responses as correlations with the Gaussian fields, for activations without a second derivative and for little
//! memory.

use super::factor::{Factor, Pivot};
use super::record::TwoTime;

/// Directions of a Gram matrix below this part of its mean diagonal entry are left out of its inverse.
pub(super) const CUT: f64 = 1e-6;

/// `<d phi(h(t))/d r(s)> = [<phi(h(t)) r^T> (S_W G)^+](s)` for a Gaussian `r` of covariance `S_W G`; likewise by `u`.
///
/// Only times that the left-hand side can depend on enter, so that the response is causal. What it is made for,
/// `A(t,s)` on `g(s)`, needs no direction that `g` does not have; the cut leaves those out. Each direction that is
/// kept has an error of `1/sqrt(S)`, which biases the kernels by about the number of directions over the number of
/// paths.
///
/// Source: Bordelon and Pehlevan 2022, arXiv:2205.09653 (Stein's lemma).
#[derive(Debug)]
pub(super) struct Stein {
    trained: usize,
    all: usize,
    /// Covariances of `u` and `r` of the trained samples, for every layer.
    factors: [Vec<Factor>; 2],
}

impl Stein {
    pub fn new(depth: usize, trained: usize, all: usize) -> Self {
        Stein {
            trained,
            all,
            factors: [0, 1].map(|_| vec![Factor::new(Pivot::Dropped(CUT)); depth]),
        }
    }

    /// Place in a row over all samples of the variable number `k` of the trained ones.
    fn place(&self, k: usize) -> usize {
        k / self.trained * self.all + k % self.trained
    }

    /// Takes up the time `t` of `u` (kind 0) or `r` (kind 1) of a layer, whose covariance is a kernel times `weights`.
    pub fn extend(&mut self, kind: usize, l: usize, t: usize, kernel: &TwoTime, weights: &[f64]) {
        let (trained, all) = (self.trained, self.all);
        for mu in 0..trained {
            let row = kernel.row(t, mu);
            let place = |k: usize| k / trained * all + k % trained;
            self.factors[kind][l].push(|k| weights[k / trained] * row[place(k)]);
        }
    }

    /// The entries of trained samples, of a row over all of them.
    fn trained_columns(&self, row: &[f64], count: usize) -> Vec<f64> {
        (0..count).map(|k| row[self.place(k)]).collect()
    }

    /// `gamma_0 A(t,s)` from `<phi(h(t)) r(s)>`, `s < t`.
    pub fn forward(&self, l: usize, t: usize, sums: &[f64]) -> Vec<f64> {
        let all = self.all;
        let mut rows = vec![0.0; all * all * (t + 1)];
        if t == 0 {
            return rows;
        }
        for mu in 0..all {
            let mut m = self.trained_columns(&sums[mu * t * all..][..t * all], t * self.trained);
            self.factors[1][l].divide(&mut m);
            let row = &mut rows[mu * (t + 1) * all..];
            for (k, value) in m.into_iter().enumerate() {
                row[self.place(k)] = value;
            }
        }
        rows
    }

    /// `gamma_0 B(t,s)` from `<g(t) u(s)>`, `s <= t`; a test sample also responds to its own `u(t)`.
    pub fn backward(
        &self,
        l: usize,
        t: usize,
        sums: &[f64],
        kernel: &TwoTime,
        weights: &[f64],
    ) -> Vec<f64> {
        let all = self.all;
        let length = (t + 1) * all;
        let mut rows = vec![0.0; all * length];
        let factor = &self.factors[0][l];
        for mu in 0..all {
            let sums = &sums[mu * length..][..length];
            let mut m = self.trained_columns(sums, (t + 1) * self.trained);
            let row = &mut rows[mu * length..][..length];
            if mu < self.trained {
                factor.divide(&mut m);
            } else {
                let own = t * all + mu;
                let covariances = kernel.row(t, mu);
                let place = |k: usize| {
                    if k < factor.size() {
                        self.place(k)
                    } else {
                        own
                    }
                };
                row[own] = factor.divide_with(
                    &mut m,
                    |k| weights[place(k) / all] * covariances[place(k)],
                    sums[own],
                );
            }
            for (k, value) in m.into_iter().enumerate() {
                row[self.place(k)] = value;
            }
        }
        rows
    }
}
