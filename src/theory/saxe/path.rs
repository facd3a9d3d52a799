//! A path of weights in time, closed form or integrated, and when its modes rise.

use super::flow::WeightFlow;
use super::matrix::Balanced;
use crate::error::Result;
use crate::numerics::chebyshev::Marcher;
use crate::numerics::linalg::multiply;
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
    rest.fold(first, |f, w| multiply(w, &f))
}

/// First times at which `U_i^T F V_i` reaches `s_i / 2`: 0 when it starts there, not-a-number when it does not within `horizon`.
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
            let length = 4.0 / path.pace();
            let strengths = |path: &mut Balanced, times: &[f64]| {
                path.visit(times, |now| {
                    Ok(now.strengths_and_loss().0.as_slice().to_vec())
                })
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
    let mut times: Vec<f64> = before
        .iter()
        .zip(s)
        .map(|(&u, &s)| match s > 0.0 && u >= 0.5 * s {
            true => 0.0,
            false => f64::NAN,
        })
        .collect();
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
