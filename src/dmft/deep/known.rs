//! Gaussian fields of known covariance: those of the inputs and of the read-out.

use super::factor::{Factor, Pivot};
use crate::dmft::Memory;
use crate::error::Result;
use crate::numerics::linalg::eigh;
use nalgebra::DMatrix;

/// Directions below this part of the largest one, or of the mean variance in time, are absent.
const ABSENT: f64 = 1e-12;

/// `S_W` of the read-out or of the inputs as `sum_k c_k(t) c_k(s)`: the coefficients of each time, those that vanish
/// left out.
pub(super) fn directions(memory: &Memory, variance: f64, times: usize) -> Vec<Vec<f64>> {
    let mut factor = Factor::new(Pivot::Dropped(ABSENT));
    for t in 0..times {
        factor.push(|s| memory.covariance(variance, t, s));
    }
    let present: Vec<usize> = (0..times).filter(|&k| factor.row(k)[k] > 0.0).collect();
    let row = |t| {
        present
            .iter()
            .take_while(move |&&k| k <= t)
            .map(move |&k| (t, k))
    };
    (0..times)
        .map(|t| row(t).map(|(t, k)| factor.row(t)[k]).collect())
        .collect()
}

/// `K^x = F F^T`, without the directions that are absent.
pub(super) fn inputs(kernel: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let (values, vectors) = eigh(kernel)?;
    let cut = ABSENT * values.amax();
    let present: Vec<usize> = (0..values.len()).filter(|&k| values[k] > cut).collect();
    Ok(DMatrix::from_fn(kernel.nrows(), present.len(), |mu, k| {
        vectors[(mu, present[k])] * values[present[k]].sqrt()
    }))
}
