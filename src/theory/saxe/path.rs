//! A path of weights in time, closed form or integrated, and when its modes rise.

use super::flow::WeightFlow;
use super::low_rank::LowRank;
use super::matrix::{Balanced, decompose};
use crate::error::Result;
use crate::numerics::chebyshev::Marcher;
use crate::numerics::linalg::multiply;
use crate::numerics::root::brent;
use crate::task::Modes;
use crate::theory::readout::mode_strengths;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// The closed form, and its cheap version for a target of few modes where that applies.
#[derive(Debug, Clone)]
pub struct Closed {
    /// The closed form in all dimensions; its time and weights are those of the path.
    pub dense: Balanced,
    low_rank: Option<LowRank>,
}

/// Hidden units per mode of the target from which the low-rank form is the cheaper one.
const WIDE: usize = 6;

impl Closed {
    /// Strengths are those of `modes`.
    ///
    /// # Errors
    /// Those of [`Balanced::tracking`].
    pub fn new(
        s: &DMatrix<f64>,
        modes: &Modes,
        w1: &DMatrix<f64>,
        w2: &DMatrix<f64>,
    ) -> Result<Self> {
        let dense = Balanced::tracking(s, Some(modes), w1, w2)?;
        let rank = modes.s.len();
        let few = rank * WIDE <= w1.nrows() && decompose(modes, s);
        // An error means that it does not apply: lambda other than 0.
        let low_rank = match few {
            true => LowRank::of_modes(modes, dense.lambda(), w1, w2).ok(),
            false => None,
        };
        let low_rank = low_rank.filter(|low| low.singular_values().len() == rank);
        Ok(Closed { dense, low_rank })
    }

    /// `"low-rank"` or `"dense"`.
    pub fn form(&self) -> &'static str {
        match self.low_rank {
            Some(_) => "low-rank",
            None => "dense",
        }
    }

    /// Mode strengths and `1/2 ||S - W2 W1||^2` at ascending times.
    pub fn strengths_and_losses(&mut self, times: &[f64]) -> Result<Vec<(DVector<f64>, f64)>> {
        if let Some(low) = &self.low_rank {
            let values: Result<Vec<_>> = times
                .par_iter()
                .map(|&t| low.strengths_and_loss(t))
                .collect();
            if values.is_ok() {
                return values;
            }
            // Modes that are linearly dependent in the hidden space: from here on by the dense form.
            self.low_rank = None;
        }
        self.dense.visit(times, |now| Ok(now.strengths_and_loss()))
    }
}

/// A solved path; advanced forward in time, cloned to look inside an interval.
#[derive(Debug, Clone)]
pub enum Path {
    /// Two balanced layers, in closed form.
    Closed(Box<Closed>),
    /// Any depth and start, by integration of the weights' flow.
    Integrated(Box<WeightFlow>),
}

impl Path {
    /// The time reached.
    pub fn time(&self) -> f64 {
        match self {
            Path::Closed(path) => path.dense.time(),
            Path::Integrated(path) => path.time(),
        }
    }

    /// Moves to the time `t`, not before the time reached; errors of the integrator or of the closed form.
    pub fn advance(&mut self, t: f64) -> Result<()> {
        match self {
            Path::Closed(path) => path.dense.advance(t),
            Path::Integrated(path) => path.advance(t),
        }
    }

    /// Weights `[W_1, ..., W_L]` (up to a rotation of the hidden space for the closed form).
    pub fn weights(&self) -> Vec<DMatrix<f64>> {
        match self {
            Path::Closed(path) => {
                let (w1, w2) = path.dense.weights();
                vec![w1, w2]
            }
            Path::Integrated(path) => path.weights(),
        }
    }

    /// End-to-end map `W_L ... W_1`.
    pub fn product(&self) -> DMatrix<f64> {
        product(&self.weights())
    }
}

/// `W_L ... W_1`
pub fn product(weights: &[DMatrix<f64>]) -> DMatrix<f64> {
    let mut rest = weights.iter();
    let first = rest.next().cloned().unwrap_or_else(|| DMatrix::zeros(0, 0));
    rest.fold(first, |f, w| multiply(w, &f))
}

/// First times at which `U_i^T F V_i` rises through `s_i / 2`: not-a-number when it does not within
/// `horizon`, as where it starts above and stays there.
///
/// Marches in `intervals` equal parts and locates the crossing inside one by a bracketed root: of the integrated path itself, or
/// of an interpolant that is off by at most `allowed` in the closed form.
pub fn half_rise_times(
    path: Path,
    modes: &Modes,
    horizon: f64,
    intervals: usize,
    allowed: f64,
) -> Result<Vec<f64>> {
    let s = modes.s.as_slice();
    match path {
        Path::Closed(path) => {
            let allowed = vec![allowed; s.len()];
            let length = 2.0 / path.dense.pace();
            let strengths = |path: &mut Box<Closed>, times: &[f64]| {
                let values = path.strengths_and_losses(times)?;
                Ok(values.iter().map(|(u, _)| u.as_slice().to_vec()).collect())
            };
            let cover = Marcher::new(path, strengths, &allowed, length).cover(0.0, horizon)?;
            crossings(s, horizon, intervals, (), |(), t| Ok(cover.at(t)))
        }
        Path::Integrated(path) => crossings(s, horizon, intervals, path, |path, t| {
            path.advance(t)?;
            Ok(mode_strengths(&product(&path.weights()), modes))
        }),
    }
}

/// First upward crossings of `s_i / 2` by `strengths`, which are asked for at ascending times of one place or of its clones.
fn crossings<P: Clone>(
    s: &[f64],
    horizon: f64,
    intervals: usize,
    mut place: P,
    strengths: impl Fn(&mut P, f64) -> Result<Vec<f64>>,
) -> Result<Vec<f64>> {
    let mut before = strengths(&mut place, 0.0)?;
    let mut times = vec![f64::NAN; s.len()];
    let mut start = 0.0;
    for k in 1..=intervals {
        let here = place.clone();
        let end = horizon * k as f64 / intervals as f64;
        let now = strengths(&mut place, end)?;
        for i in 0..now.len() {
            let half = 0.5 * s[i];
            if times[i].is_nan() && before[i] < half && now[i] >= half {
                let gap = |t: f64| match strengths(&mut here.clone(), t) {
                    Ok(inside) => inside[i] - half,
                    Err(_) => f64::NAN,
                };
                times[i] = brent(gap, start, end, 1e-12 * horizon)?.x;
            }
        }
        before = now;
        start = end;
        if times.iter().all(|t| !t.is_nan()) {
            break;
        }
    }
    Ok(times)
}
