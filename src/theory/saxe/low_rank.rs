//! The balanced two-layer solution (`lambda = 0`) for a target of few modes at large width.

use super::matrix::check_start;
use crate::error::{Error, Result};
use crate::numerics::linalg::{
    cholesky, eigh, multiply, outer_gram, solve_spd, svd, transpose_multiply,
};
use crate::task::Modes;
use nalgebra::{DMatrix, DVector};

/// Mode strengths and loss of the balanced solution at any time, at a cost independent of how inputs, outputs and hidden units
/// outside the `r` modes of the target move.
///
/// Directions outside the modes have `f = 0`, so that the bracket of [`super::matrix::Balanced`] is
///
/// ```text
/// 1 + Q0^T G Q0 = B + A^T G_r A,     B = 1 + t N,
/// ```
///
/// `A: 2r x hidden` the start in the growing and decaying directions (`f = +-s_i`), `N` the Gram matrix of all others, diagonalised
/// once. With `K = A B^{-1} A^T` the block of `X` in the modes is, `Gamma = (1 - e^{-2ft})/(2f)`, `E = e^{ft}`,
///
/// ```text
/// X_rr = Gamma^{-1/2} [1 - (1 + Gamma^{1/2} E K E Gamma^{1/2})^{-1}] Gamma^{-1/2},
/// ```
///
/// evaluated with rows scaled to at most 1, in logarithms: no overflow at any time, no loss of digits for modes that have not risen.
/// The rest of the product enters the loss by `||W2 W1||^2 = tr(X^2)/4`.
/// Cost per time `O(hidden r^2 + r^3)`, once `O(inputs outputs min + hidden^3)`. Exact; agrees with the dense path to rounding.
#[derive(Debug, Clone)]
pub struct LowRank {
    s: DVector<f64>,
    /// Growing rows, then decaying rows, in the eigenbasis of `N`.
    a: DMatrix<f64>,
    n: DVector<f64>,
}

/// Singular values below this fraction of the largest count as absent.
const RANK_TOLERANCE: f64 = 1e-13;
/// Smallest pivot of the scaled bracket; below it the risen modes are linearly dependent in the hidden space.
const PIVOT: f64 = 1e-7;

impl LowRank {
    /// Target `S` (`outputs x inputs`) and balanced initial weights.
    ///
    /// # Errors
    /// `Input`: the errors of [`check_start`]; `lambda != 0`; a hidden layer narrower than the number of modes. The dense solution
    /// covers the latter two.
    pub fn new(s: &DMatrix<f64>, w1: &DMatrix<f64>, w2: &DMatrix<f64>) -> Result<Self> {
        let lambda = check_start(s, w1, w2)?;
        let (u, s, v) = svd(s)?;
        Self::of_modes(&Modes { u, s, v }, lambda, w1, w2)
    }

    /// The same for a target with known modes and a start of known `lambda`.
    ///
    /// # Errors
    /// Those of [`LowRank::new`], for a start that [`check_start`] has passed.
    pub fn of_modes(
        modes: &Modes,
        lambda: f64,
        w1: &DMatrix<f64>,
        w2: &DMatrix<f64>,
    ) -> Result<Self> {
        let hidden = w1.nrows();
        let Modes { u, s: values, v } = modes;
        let cut = RANK_TOLERANCE * values.iter().fold(0.0f64, |m, s| m.max(*s));
        let r = values.iter().filter(|s| **s > cut).count();
        let scale = (w1.norm_squared() + w2.norm_squared()) / hidden as f64;
        if lambda.abs() > 1e-9 * scale || hidden < r {
            return Err(Error::input(
                "low-rank solution",
                format!("lambda = {lambda:.3e}, {hidden} hidden units, {r} modes"),
                "it needs lambda = 0 and hidden >= modes; use the dense solution (matrix::Balanced)",
            ));
        }
        let input = multiply(w1, &v.columns(0, r).into_owned());
        let output = transpose_multiply(w2, &u.columns(0, r).into_owned());
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let mut rows = DMatrix::zeros(hidden, 2 * r);
        rows.columns_mut(0, r)
            .copy_from(&((&output + &input) * half));
        rows.columns_mut(r, r).copy_from(&((output - input) * half));
        let rest = outer_gram(w1) + outer_gram(&w2.transpose()) - outer_gram(&rows);
        let (n, z) = eigh(&rest)?;
        Ok(LowRank {
            s: values.rows(0, r).into_owned(),
            a: transpose_multiply(&rows, &z),
            n: n.map(|n| n.max(0.0)),
        })
    }

    /// Singular values of the modes, descending.
    pub fn singular_values(&self) -> &DVector<f64> {
        &self.s
    }

    /// `A diag(weights) A^T`
    fn moment(&self, weights: &DVector<f64>) -> DMatrix<f64> {
        let mut scaled = self.a.clone();
        for (mut column, w) in scaled.column_iter_mut().zip(weights.iter()) {
            column *= w.sqrt();
        }
        outer_gram(&scaled)
    }

    /// Strengths `u_i = U_i^T W2 W1 V_i` and loss `1/2 ||S - W2 W1||^2` at time `t >= 0`.
    ///
    /// # Errors
    /// `Unconverged` when the modes are linearly dependent in the hidden space to a part in `1e14`.
    pub fn strengths_and_loss(&self, t: f64) -> Result<(DVector<f64>, f64)> {
        let r = self.s.len();
        let bracket = self.n.map(|n| 1.0 + t * n);
        let k = self.moment(&bracket.map(|b| 1.0 / b));
        let k1 = self.moment(&self.n.zip_map(&bracket, |n, b| n / (b * b)));
        let k2 = self.moment(&self.n.zip_map(&bracket, |n, b| n * n / (b * b * b)));
        let bulk: f64 = self.n.zip_map(&bracket, |n, b| (n / b).powi(2)).sum();
        let (x, cross, inner) = match t == 0.0 {
            true => (k, k1.trace(), bulk),
            false => {
                let scaled = Scaled::new(&self.s, &k, t)?;
                let h = scaled.transfer();
                let mixing = scaled.mixing() * &k1;
                (
                    scaled.block(),
                    (&h * &k1).dot(&h),
                    bulk - 2.0 * scaled.mixing().dot(&k2) + (&mixing * &mixing).trace(),
                )
            }
        };
        let u = DVector::from_fn(r, |i, _| 0.5 * (x[(i, i)] - x[(r + i, r + i)]));
        let product = 0.25 * (x.norm_squared() + 2.0 * cross + inner);
        let off_diagonal = (product - u.norm_squared()).max(0.0);
        Ok((
            u.clone(),
            0.5 * ((&self.s - u).norm_squared() + off_diagonal),
        ))
    }
}

/// `1 + Z`, `Z = G^{1/2} K G^{1/2}`, with rows divided by `d = max(1, sqrt(Z_ii))`; large numbers appear as logarithms alone.
struct Scaled {
    /// `ln d`
    log_d: Vec<f64>,
    /// `ln G^{1/2}` and `ln Gamma^{1/2}`
    log_gain: Vec<f64>,
    log_gamma: Vec<f64>,
    /// `d^{-1} Z d^{-1}`
    z: DMatrix<f64>,
    /// `(d^{-2} + d^{-1} Z d^{-1})^{-1}`
    inverse: DMatrix<f64>,
}

impl Scaled {
    fn new(s: &DVector<f64>, k: &DMatrix<f64>, t: f64) -> Result<Self> {
        let rates: Vec<f64> = s.iter().copied().chain(s.iter().map(|s| -s)).collect();
        let log_gain: Vec<f64> = rates
            .iter()
            .map(|f| {
                let size = f.abs();
                f.max(0.0) * t + 0.5 * (-(-2.0 * size * t).exp_m1() / (2.0 * size)).ln()
            })
            .collect();
        let log_gamma = log_gain
            .iter()
            .zip(&rates)
            .map(|(g, f)| g - f * t)
            .collect();
        let log_row: Vec<f64> = (0..rates.len())
            .map(|i| log_gain[i] + 0.5 * k[(i, i)].ln())
            .collect();
        let log_d: Vec<f64> = log_row.iter().map(|l| l.max(0.0)).collect();
        let size: Vec<f64> = log_row.iter().map(|l| l.min(0.0).exp()).collect();
        let z = DMatrix::from_fn(rates.len(), rates.len(), |i, j| {
            match size[i] == 0.0 || size[j] == 0.0 {
                true => 0.0,
                false => size[i] * size[j] * k[(i, j)] / (k[(i, i)] * k[(j, j)]).sqrt(),
            }
        });
        let mut m = z.clone();
        for i in 0..rates.len() {
            m[(i, i)] += (-2.0 * log_d[i]).exp();
        }
        if cholesky(&m)?.diagonal().min() < PIVOT {
            return Err(Error::unconverged(
                "low-rank solution",
                "the modes are linearly dependent in the hidden space",
                "use the dense solution (matrix::Balanced)",
            ));
        }
        let inverse = solve_spd(&m, &DMatrix::identity(rates.len(), rates.len()))?;
        Ok(Scaled {
            log_d,
            log_gain,
            log_gamma,
            z,
            inverse,
        })
    }

    /// `E (A C^{-1} A^T) E`
    fn block(&self) -> DMatrix<f64> {
        let small = &self.inverse * &self.z;
        let n = self.log_d.len();
        DMatrix::from_fn(n, n, |i, j| {
            // Without cancellation while either row has not risen.
            let bracket = if self.log_d[j] == 0.0 {
                small[(i, j)] * (-self.log_d[i]).exp()
            } else if self.log_d[i] == 0.0 {
                small[(j, i)] * (-self.log_d[j]).exp()
            } else {
                let unit = if i == j { 1.0 } else { 0.0 };
                unit - self.inverse[(i, j)] * (-self.log_d[i] - self.log_d[j]).exp()
            };
            bracket * (-self.log_gamma[i] - self.log_gamma[j]).exp()
        })
    }

    /// `E (1 + K G)^{-1}`
    fn transfer(&self) -> DMatrix<f64> {
        let n = self.log_d.len();
        DMatrix::from_fn(n, n, |i, j| {
            self.inverse[(i, j)]
                * (self.log_gain[j] - self.log_d[j] - self.log_gamma[i] - self.log_d[i]).exp()
        })
    }

    /// `(G^{-1} + K)^{-1}`
    fn mixing(&self) -> DMatrix<f64> {
        let n = self.log_d.len();
        let weight: Vec<f64> = (0..n)
            .map(|i| (self.log_gain[i] - self.log_d[i]).exp())
            .collect();
        DMatrix::from_fn(n, n, |i, j| weight[i] * self.inverse[(i, j)] * weight[j])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::linalg::qr;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::theory::saxe::matrix::Balanced;

    fn teacher(outputs: usize, inputs: usize, s: &[f64]) -> DMatrix<f64> {
        let mut rng = stream(1, "test", &[]);
        let (u, _) = qr(&normal_matrix(&mut rng, outputs, s.len()));
        let (v, _) = qr(&normal_matrix(&mut rng, inputs, s.len()));
        u * DMatrix::from_diagonal(&DVector::from_row_slice(s)) * v.transpose()
    }

    /// `W1` random of the given scale, `W2 = O (W1 W1^T)^{1/2}`.
    fn start(ni: usize, nh: usize, no: usize, scale: f64) -> (DMatrix<f64>, DMatrix<f64>) {
        let mut rng = stream(2, "test", &[]);
        let w1 = scale * normal_matrix(&mut rng, nh, ni);
        let (u, s, _) = svd(&w1).unwrap();
        let (frame, _) = qr(&normal_matrix(&mut rng, no, s.len()));
        let w2 = frame * DMatrix::from_diagonal(&s) * u.transpose();
        (w1, w2)
    }

    #[test]
    fn agrees_with_the_dense_solution() {
        for (ni, nh, no) in [(20, 18, 19), (12, 30, 15), (20, 5, 20)] {
            let s = teacher(no, ni, &[2.0, 1.1, 0.4]);
            for scale in [0.3, 1e-2, 1e-5] {
                let (w1, w2) = start(ni, nh, no, scale);
                let mut dense = Balanced::new(&s, &w1, &w2).unwrap();
                let low = LowRank::new(&s, &w1, &w2).unwrap();
                for t in [0.0, 1e-3, 0.3, 1.0, 3.0, 6.0, 15.0, 40.0, 100.0] {
                    dense.advance(t).unwrap();
                    let (u, loss) = dense.strengths_and_loss();
                    let (got, got_loss) = low.strengths_and_loss(t).unwrap();
                    for i in 0..3 {
                        let gap = (got[i] - u[i]).abs();
                        assert!(gap < 1e-10, "{ni} {nh} {no} {scale} {t}: {gap:e}");
                    }
                    let gap = (got_loss - loss).abs();
                    assert!(gap < 1e-10, "loss {ni} {nh} {no} {scale} {t}: {gap:e}");
                }
            }
        }
    }

    #[test]
    fn small_modes_keep_relative_accuracy_and_late_times_do_not_overflow() {
        let s = teacher(9, 8, &[2.0, 1.0]);
        let (u, _, v) = svd(&s).unwrap();
        let (r, _) = qr(&normal_matrix(&mut stream(3, "test", &[]), 7, 2));
        let a = DMatrix::from_diagonal_element(2, 2, 1e-7);
        let w1 = &r * &a * v.columns(0, 2).transpose();
        let w2 = u.columns(0, 2) * &a * r.transpose();
        let low = LowRank::new(&s, &w1, &w2).unwrap();
        for t in [0.0, 0.1, 2.0, 7.0, 20.0, 1e4] {
            let (got, loss) = low.strengths_and_loss(t).unwrap();
            let mut expected_loss = 0.0;
            for (i, s) in [2.0, 1.0].into_iter().enumerate() {
                let exact = super::super::scalar::balanced(s, 1e-14, t);
                assert!((got[i] / exact - 1.0).abs() < 1e-9, "{t} {i}");
                expected_loss += 0.5 * (s - exact).powi(2);
            }
            assert!((loss - expected_loss).abs() < 1e-13);
        }
    }

    #[test]
    fn bottleneck_and_imbalance_are_left_to_the_dense_solution() {
        let s = teacher(6, 6, &[2.0, 1.0, 0.5]);
        let (w1, w2) = start(6, 2, 6, 0.1);
        assert!(LowRank::new(&s, &w1, &w2).is_err());
        let w = DMatrix::identity(6, 6);
        assert!(LowRank::new(&s, &w, &(2.0 * &w)).is_err());
    }
}
