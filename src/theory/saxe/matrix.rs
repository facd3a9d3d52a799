//! Full two-layer solution for lambda-balanced weights `W2^T W2 - W1 W1^T = lambda 1`.

use super::snapshot::Snapshot;
use crate::error::{Error, Result};
use crate::numerics::linalg::{
    cholesky, multiply, outer_gram, qr, solve_lower, svd, transpose_multiply,
};
use crate::task::Modes;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// Exact gradient flow of a two-layer linear network from lambda-balanced weights.
///
/// With `Q = [W1^T; W2]` and `F = [[-lambda/2, S^T], [S, lambda/2]]` the flow is `dQ/dt = F Q - Q Q^T Q / 2`, solved by
///
/// ```text
/// Q(t) = e^{F t} Q0 [1 + Q0^T G(t) Q0]^{-1/2} (up to a rotation of the hidden space),   G(t) = int_0^t e^{2 F s} ds.
/// ```
///
/// No condition on widths or on the rank of `S`. In the singular basis `S = U diag(s) V^T`, `F` is a direct sum of blocks
/// `[[-lambda/2, s_i], [s_i, lambda/2]]` with eigenvalues `+-sqrt(lambda^2/4 + s_i^2)` and of the scalars `-lambda/2` (inputs
/// outside `V`) and `lambda/2` (outputs outside `U`): no `(inputs + outputs)`-dimensional eigenproblem is solved. Stepping on a
/// fixed internal grid (`max|f| d <= 2`) keeps the bracket well conditioned; values do not depend on which times are asked for.
///
/// Weights come out up to one rotation of the hidden space, which no function of the network sees. At `lambda = 0` the hidden
/// space is first reduced to the rank that balanced weights can have, `min(inputs, outputs)`.
/// Cost per time: `O((inputs + outputs) hidden^2 + hidden^3)`; no part of it is shared by all times, for the growing and the
/// decaying directions scale differently and are not orthogonal in the hidden space. Sources: Fukumizu 1998; Braun et al. 2022 (NeurIPS); Domine et
/// al. 2024, arXiv:2409.14623.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::theory::saxe::matrix::Balanced;
/// let w = DMatrix::from_diagonal_element(2, 2, 0.1);
/// let mut path = Balanced::new(&DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.0, 1.0]), &w, &w).unwrap();
/// path.advance(1.0).unwrap();
/// let (w1, w2) = path.weights();
/// assert!(((&w2 * &w1)[(0, 0)] - 2.0 / (1.0 + 199.0 * (-4f64).exp())).abs() < 1e-12);
/// ```
#[derive(Debug, Clone)]
pub struct Balanced {
    basis: Basis,
    lambda: f64,
    /// Eigenvalue of `F` for every column of the states.
    rates: Vec<f64>,
    /// Stepping grid.
    spacing: f64,
    anchor: usize,
    /// `Q^T` in the eigenbasis of `F`, at the anchor and at `time`: `hidden x (2 modes + rest)`.
    at_anchor: DMatrix<f64>,
    now: DMatrix<f64>,
    time: f64,
}

/// Singular basis of `S` and the rotation of each pair of modes into the eigenbasis of `F`.
#[derive(Debug, Clone)]
pub(super) struct Basis {
    pub(super) u: DMatrix<f64>,
    pub(super) s: DVector<f64>,
    pub(super) v: DMatrix<f64>,
    /// Tracked modes in this basis, where they differ from it: outputs, inputs.
    pub(super) tracked: Option<(DMatrix<f64>, DMatrix<f64>)>,
    /// Growing eigenvector of block `i`: `(cos, sin)` in (input, output).
    rotation: Vec<(f64, f64)>,
    /// Columns after the pairs: inputs outside `V`, outputs outside `U` (0, or all in original coordinates).
    rest: (usize, usize),
}

/// How far two weight matrices are from `W2^T W2 - W1 W1^T = lambda 1`: the best `lambda` and the Frobenius norm of what
/// remains, relative to `||W1||^2 + ||W2||^2`.
pub fn balance(w1: &DMatrix<f64>, w2: &DMatrix<f64>) -> (f64, f64) {
    let mut m = outer_gram(&w2.transpose()) - outer_gram(w1);
    let lambda = m.trace() / m.nrows().max(1) as f64;
    for i in 0..m.nrows() {
        m[(i, i)] -= lambda;
    }
    let scale = w1.norm_squared() + w2.norm_squared();
    (lambda, if scale > 0.0 { m.norm() / scale } else { 0.0 })
}

/// Largest relative imbalance that counts as balanced.
pub const BALANCE_TOLERANCE: f64 = 1e-9;

/// Checks shapes and balance of a start; returns `lambda`.
///
/// # Errors
/// `Input`: shapes that do not chain; a residual above [`BALANCE_TOLERANCE`]; a `lambda` that the widths do not allow
/// (`lambda > 0` needs `hidden <= outputs`, `lambda < 0` needs `hidden <= inputs`).
pub fn check_start(s: &DMatrix<f64>, w1: &DMatrix<f64>, w2: &DMatrix<f64>) -> Result<f64> {
    let (outputs, inputs, hidden) = (s.nrows(), s.ncols(), w1.nrows());
    if w1.ncols() != inputs || w2.nrows() != outputs || w2.ncols() != hidden {
        return Err(Error::input(
            "two-layer solution",
            format!(
                "W1 is {} x {}, W2 {} x {}, S {outputs} x {inputs}",
                w1.nrows(),
                w1.ncols(),
                w2.nrows(),
                w2.ncols()
            ),
            "W1 must be hidden x inputs, W2 outputs x hidden, S outputs x inputs",
        ));
    }
    let (lambda, residual) = balance(w1, w2);
    if residual.is_nan() || residual > BALANCE_TOLERANCE {
        return Err(Error::input(
            "two-layer solution",
            format!(
                "the start is not balanced: ||W2^T W2 - W1 W1^T - lambda|| is {residual:.3e} of the weights' norm (lambda = {lambda:.4e})"
            ),
            "use a balanced start, or integrate the flow (method = \"ode\")",
        ));
    }
    check_widths(lambda, residual, inputs, hidden, outputs, w1, w2)?;
    Ok(lambda)
}

fn check_widths(
    lambda: f64,
    residual: f64,
    inputs: usize,
    hidden: usize,
    outputs: usize,
    w1: &DMatrix<f64>,
    w2: &DMatrix<f64>,
) -> Result<()> {
    let rounding = residual.max(1e-12) * (w1.norm_squared() + w2.norm_squared());
    let impossible = |rule: &str| {
        Err(Error::input(
            "two-layer solution",
            format!(
                "lambda = {lambda:.4e} is impossible for {inputs} inputs, {hidden} hidden, {outputs} outputs"
            ),
            rule,
        ))
    };
    if lambda > rounding && hidden > outputs {
        return impossible("lambda > 0 needs hidden <= outputs");
    }
    if lambda < -rounding && hidden > inputs {
        return impossible("lambda < 0 needs hidden <= inputs");
    }
    Ok(())
}

/// Growing eigenvector `(cos, sin)` and eigenvalue of `[[-lambda/2, s], [s, lambda/2]]`, without cancellation.
pub(super) fn block(lambda: f64, s: f64) -> ((f64, f64), f64) {
    let half = 0.5 * lambda;
    let rate = half.hypot(s);
    let (x, y) = match lambda >= 0.0 {
        true => (s, rate + half),
        false => (rate - half, s),
    };
    let norm = x.hypot(y);
    match norm > 0.0 {
        true => ((x / norm, y / norm), rate),
        false => {
            let h = std::f64::consts::FRAC_1_SQRT_2;
            ((h, h), rate)
        }
    }
}

/// `int_0^d e^{2 f s} ds`
pub(super) fn gain(f: f64, d: f64) -> f64 {
    match f == 0.0 {
        true => d,
        false => (2.0 * f * d).exp_m1() / (2.0 * f),
    }
}

/// Largest relative distance of `S` from `U diag(s) V^T` at which given modes serve as its singular basis.
const SAME_MODES: f64 = 1e-12;

/// True when `S = U diag(s) V^T` with orthonormal columns.
pub(super) fn decompose(modes: &Modes, s: &DMatrix<f64>) -> bool {
    let scaled = &modes.u * DMatrix::from_diagonal(&modes.s);
    let near_identity = |b: &DMatrix<f64>| {
        let gram = transpose_multiply(b, b);
        (gram - DMatrix::identity(b.ncols(), b.ncols())).amax() < SAME_MODES
    };
    modes.s.iter().all(|s| *s >= 0.0)
        && near_identity(&modes.u)
        && near_identity(&modes.v)
        && (multiply(&scaled, &modes.v.transpose()) - s).norm() <= SAME_MODES * s.norm()
}

impl Basis {
    fn new(s: &DMatrix<f64>, lambda: f64, modes: Option<&Modes>) -> Result<(Self, Vec<f64>)> {
        let (outputs, inputs) = s.shape();
        let own = modes.filter(|modes| decompose(modes, s));
        let (u, s, v) = match own {
            Some(m) => (m.u.clone(), m.s.clone(), m.v.clone()),
            None => svd(s)?,
        };
        let k = s.len();
        let blocks: Vec<_> = s.iter().map(|&s| block(lambda, s)).collect();
        let rest = (
            if inputs > k { inputs } else { 0 },
            if outputs > k { outputs } else { 0 },
        );
        let mut rates: Vec<f64> = blocks.iter().map(|b| b.1).collect();
        rates.extend(blocks.iter().map(|b| -b.1));
        rates.extend(std::iter::repeat_n(-0.5 * lambda, rest.0));
        rates.extend(std::iter::repeat_n(0.5 * lambda, rest.1));
        let rotation = blocks.into_iter().map(|b| b.0).collect();
        let express = |basis: &DMatrix<f64>, vectors: &DMatrix<f64>, rest: usize| {
            let mut rows = DMatrix::zeros(k + rest, vectors.ncols());
            rows.rows_mut(0, k)
                .copy_from(&transpose_multiply(basis, vectors));
            if rest > 0 {
                rows.rows_mut(k, rest).copy_from(vectors);
            }
            rows
        };
        let tracked = match (own, modes) {
            (None, Some(m)) => Some((express(&u, &m.u, rest.1), express(&v, &m.v, rest.0))),
            _ => None,
        };
        let basis = Basis {
            u,
            s,
            v,
            tracked,
            rotation,
            rest,
        };
        Ok((basis, rates))
    }

    /// `Q^T` of the weights.
    fn enter(&self, w1: &DMatrix<f64>, w2: &DMatrix<f64>) -> DMatrix<f64> {
        let k = self.s.len();
        let input = multiply(w1, &self.v);
        let output = transpose_multiply(w2, &self.u);
        let mut q = DMatrix::zeros(w1.nrows(), 2 * k + self.rest.0 + self.rest.1);
        for (i, &(c, s)) in self.rotation.iter().enumerate() {
            q.set_column(i, &(input.column(i) * c + output.column(i) * s));
            q.set_column(k + i, &(output.column(i) * c - input.column(i) * s));
        }
        if self.rest.0 > 0 {
            let outside = w1 - multiply(&input, &self.v.transpose());
            q.columns_mut(2 * k, self.rest.0).copy_from(&outside);
        }
        if self.rest.1 > 0 {
            let outside = w2.transpose() - multiply(&output, &self.u.transpose());
            q.columns_mut(2 * k + self.rest.0, self.rest.1)
                .copy_from(&outside);
        }
        q
    }

    /// Hidden vectors of the inputs `V_i` and of the outputs `U_i` (columns), followed by those outside.
    pub(super) fn split(&self, q: &DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
        let k = self.s.len();
        let hidden = q.nrows();
        let mut input = DMatrix::zeros(hidden, k + self.rest.0);
        let mut output = DMatrix::zeros(hidden, k + self.rest.1);
        for (i, &(c, s)) in self.rotation.iter().enumerate() {
            let (plus, minus) = (q.column(i), q.column(k + i));
            for h in 0..hidden {
                input[(h, i)] = c * plus[h] - s * minus[h];
                output[(h, i)] = s * plus[h] + c * minus[h];
            }
        }
        input
            .columns_mut(k, self.rest.0)
            .copy_from(&q.columns(2 * k, self.rest.0));
        output
            .columns_mut(k, self.rest.1)
            .copy_from(&q.columns(2 * k + self.rest.0, self.rest.1));
        (input, output)
    }
}

impl Balanced {
    /// Target correlation `S` (`outputs x inputs`) and the initial weights at time 0.
    ///
    /// # Errors
    /// Those of [`check_start`], and `Unconverged` from the singular value decomposition.
    pub fn new(s: &DMatrix<f64>, w1: &DMatrix<f64>, w2: &DMatrix<f64>) -> Result<Self> {
        Self::tracking(s, None, w1, w2)
    }

    /// The same, reading off the strengths of `modes` instead of those of `S` itself (which noise turns away from them).
    ///
    /// # Errors
    /// Those of [`Balanced::new`].
    pub fn tracking(
        s: &DMatrix<f64>,
        modes: Option<&Modes>,
        w1: &DMatrix<f64>,
        w2: &DMatrix<f64>,
    ) -> Result<Self> {
        let lambda = check_start(s, w1, w2)?;
        let (basis, rates) = Basis::new(s, lambda, modes)?;
        let fastest = rates.iter().fold(0.0f64, |m, f| m.max(f.abs()));
        let rank = w1.ncols().min(w2.nrows());
        let q = match w1.nrows() > rank {
            // Here lambda = 0: the columns of W1 and of W2^T span the same space.
            true => {
                let (z, _) = match w2.nrows() <= w1.ncols() {
                    true => qr(&w2.transpose()),
                    false => qr(w1),
                };
                basis.enter(&transpose_multiply(&z, w1), &multiply(w2, &z))
            }
            false => basis.enter(w1, w2),
        };
        Ok(Balanced {
            basis,
            lambda,
            rates,
            spacing: if fastest > 0.0 {
                2.0 / fastest
            } else {
                f64::INFINITY
            },
            anchor: 0,
            at_anchor: q.clone(),
            now: q,
            time: 0.0,
        })
    }

    /// The conserved `lambda`.
    pub fn lambda(&self) -> f64 {
        self.lambda
    }

    /// The time reached.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// Internal steps taken.
    pub fn steps(&self) -> usize {
        self.anchor + 1
    }

    /// Fastest rate of change, the largest eigenvalue of `F`.
    pub fn pace(&self) -> f64 {
        2.0 / self.spacing
    }

    fn step(&self, q: &DMatrix<f64>, d: f64) -> Result<DMatrix<f64>> {
        let mut weighted = q.clone();
        for (mut column, &f) in weighted.column_iter_mut().zip(&self.rates) {
            column *= gain(f, d).sqrt();
        }
        let mut bracket = outer_gram(&weighted);
        for i in 0..bracket.nrows() {
            bracket[(i, i)] += 1.0;
        }
        let mut next = weighted;
        for (i, &f) in self.rates.iter().enumerate() {
            let grown = (f * d).exp();
            next.column_mut(i)
                .zip_apply(&q.column(i), |x, q| *x = q * grown);
        }
        solve_lower(&cholesky(&bracket)?, &mut next);
        Ok(next)
    }

    /// Moves the anchor to the last point of the stepping grid up to `t`.
    fn anchor_at(&mut self, t: f64) -> Result<()> {
        if t.is_nan() || t < self.time {
            return Err(Error::bug(
                "two-layer solution",
                format!("cannot go back from {} to {t}", self.time),
            ));
        }
        while (self.anchor + 1) as f64 * self.spacing <= t {
            self.at_anchor = self.step(&self.at_anchor, self.spacing)?;
            self.anchor += 1;
        }
        Ok(())
    }

    /// The state at `t`, between the anchor and the next point of the grid.
    fn state(&self, t: f64) -> Result<DMatrix<f64>> {
        let start = match self.anchor {
            0 => 0.0,
            n => n as f64 * self.spacing,
        };
        match t > start {
            true => self.step(&self.at_anchor, t - start),
            false => Ok(self.at_anchor.clone()),
        }
    }

    /// Moves to time `t >= time()`.
    ///
    /// # Errors
    /// `Bug` for a time in the past; `Unconverged` when a factorisation fails (non-finite weights).
    pub fn advance(&mut self, t: f64) -> Result<()> {
        self.anchor_at(t)?;
        self.now = self.state(t)?;
        self.time = t;
        Ok(())
    }

    /// What `see` reads off the solution at ascending `times >= time()`, computed on all threads of the pool; moves to the last.
    /// The same numbers as after [`Balanced::advance`].
    ///
    /// # Errors
    /// Those of [`Balanced::advance`] and of `see`.
    pub fn visit<T: Send>(
        &mut self,
        times: &[f64],
        see: impl Fn(&Snapshot) -> Result<T> + Sync,
    ) -> Result<Vec<T>> {
        let mut seen = Vec::with_capacity(times.len());
        while seen.len() < times.len() {
            let ahead = &times[seen.len()..];
            self.anchor_at(ahead[0])?;
            let next = (self.anchor + 1) as f64 * self.spacing;
            let group = &ahead[..ahead.partition_point(|t| *t < next).max(1)];
            let here = &*self;
            let part: Result<Vec<T>> = group
                .par_iter()
                .map(|&t| see(&here.snapshot_of(&here.state(t)?)))
                .collect();
            seen.extend(part?);
            self.time = group[group.len() - 1];
        }
        self.now = self.state(self.time)?;
        Ok(seen)
    }

    fn snapshot_of<'a>(&'a self, state: &'a DMatrix<f64>) -> Snapshot<'a> {
        Snapshot {
            basis: &self.basis,
            state,
        }
    }

    /// The solution now.
    pub fn snapshot(&self) -> Snapshot<'_> {
        self.snapshot_of(&self.now)
    }

    /// See [`Snapshot::weights`].
    pub fn weights(&self) -> (DMatrix<f64>, DMatrix<f64>) {
        self.snapshot().weights()
    }

    /// See [`Snapshot::strengths_and_loss`].
    pub fn strengths_and_loss(&self) -> (DVector<f64>, f64) {
        self.snapshot().strengths_and_loss()
    }
}

#[cfg(test)]
#[path = "matrix_tests.rs"]
mod tests;
