//! A path of weights in time, closed form or integrated, and when its modes rise.

use super::flow::WeightFlow;
use super::matrix::Balanced;
use crate::error::Result;
use crate::numerics::root::brent;
use crate::task::Modes;
use crate::theory::readout::mode_strengths;
use nalgebra::DMatrix;

/// A solved path; advanced forward in time, cloned to look inside an interval.
#[derive(Debug, Clone)]
pub enum Path {
    Closed(Balanced),
    Integrated(WeightFlow),
}

impl Path {
    pub fn time(&self) -> f64 {
        match self {
            Path::Closed(path) => path.time(),
            Path::Integrated(path) => path.time(),
        }
    }

    pub fn advance(&mut self, t: f64) -> Result<()> {
        match self {
            Path::Closed(path) => path.advance(t),
            Path::Integrated(path) => path.advance(t),
        }
    }

    /// Weights `[W_1, ..., W_L]` (up to a rotation of the hidden space for the closed form).
    pub fn weights(&self) -> Vec<DMatrix<f64>> {
        match self {
            Path::Closed(path) => {
                let (w1, w2) = path.weights();
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
    rest.fold(first, |f, w| w * f)
}

/// First times at which `U_i^T F V_i` reaches `s_i / 2`: 0 when it starts there, not-a-number when it does not within `horizon`.
///
/// Marches in `intervals` equal parts and locates the crossing inside one by a bracketed root of the path itself.
pub fn half_rise_times(
    mut path: Path,
    modes: &Modes,
    horizon: f64,
    intervals: usize,
) -> Result<Vec<f64>> {
    let half = |i: usize| 0.5 * modes.s[i];
    let mut before = mode_strengths(&path.product(), modes);
    let mut times: Vec<f64> = before
        .iter()
        .enumerate()
        .map(|(i, &u)| match modes.s[i] > 0.0 && u >= half(i) {
            true => 0.0,
            false => f64::NAN,
        })
        .collect();
    for k in 1..=intervals {
        let start = path.clone();
        let end = horizon * k as f64 / intervals as f64;
        path.advance(end)?;
        let now = mode_strengths(&path.product(), modes);
        for i in 0..now.len() {
            if times[i].is_nan() && before[i] < half(i) && now[i] >= half(i) {
                let gap = |t: f64| {
                    let mut inside = start.clone();
                    match inside.advance(t) {
                        Ok(()) => mode_strengths(&inside.product(), modes)[i] - half(i),
                        Err(_) => f64::NAN,
                    }
                };
                times[i] = brent(gap, start.time(), end, 1e-12 * horizon)?.x;
            }
        }
        before = now;
        if times.iter().all(|t| !t.is_nan()) {
            break;
        }
    }
    Ok(times)
}
