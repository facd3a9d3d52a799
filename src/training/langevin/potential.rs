//! What a sampler needs to know of a posterior: the potential in whitened coordinates, its gradient, its stiffness.

use crate::error::Result;
use crate::numerics::lanczos::top_eigenvalues;
use std::ops::Range;

/// Relative residual at which the largest eigenvalue of a Hessian is known well enough.
const CURVATURE_TOLERANCE: f64 = 0.02;
/// Displacements of the central differences, in units of a typical coordinate: a curvature that only the larger one sees is a kink
/// of the activation within its reach.
const DISPLACEMENTS: [f64; 2] = [1e-6, 5e-8];
/// Most samples whose gradients enter the covariance of mini-batch gradients.
const MOST_SAMPLES: usize = 512;

/// A target law `exp(-V(phi))` on `R^n`.
///
/// Coordinates are whitened, `phi_j = theta_j / s_j` with the prior deviation `s_j`: with the loss `Lo = (1/2) sum |y - f|^2` (the sum,
/// never the mean) and the temperature `T`, `V(phi) = Lo(s phi)/T + |phi|^2/2`, the prior relaxes at the rate of the step in every
/// direction, and one step size suits all groups of parameters.
///
/// The mini-batch part has a default for potentials without samples.
pub trait Potential: Send {
    /// `n`.
    fn dimension(&self) -> usize;

    /// `V(phi)`; writes its gradient. Must give the same bits for the same `phi`.
    fn gradient(&mut self, phi: &[f64], gradient: &mut [f64]) -> f64;

    /// Groups of coordinates for which the virial identity is checked apart.
    fn groups(&self) -> Vec<Range<usize>> {
        std::iter::once(0..self.dimension()).collect()
    }

    /// Number of samples `P` that mini-batches choose from; 0 without.
    fn samples(&self) -> usize {
        0
    }

    /// Unbiased estimate of `V` and its gradient from the samples `batch`: the loss of the batch times `P/B`, and the whole prior.
    fn batch_gradient(&mut self, phi: &[f64], _batch: &[usize], gradient: &mut [f64]) -> f64 {
        self.gradient(phi, gradient)
    }
}

/// Upper estimate of the largest eigenvalue of the Hessian of `V` at `phi`: Lanczos over central differences of the gradient, Ritz
/// value plus its residual norm (at most 2 %). Infinite where the gradient is not finite.
///
/// A kink of the potential (relu) has no curvature, but a difference across it looks as if it had a large one. A value above `limit`
/// is therefore taken again over a shorter distance, and the lower of both is returned.
pub fn curvature(potential: &mut dyn Potential, phi: &[f64], limit: f64) -> Result<f64> {
    let [first, second] = DISPLACEMENTS;
    let found = curvature_over(potential, phi, first)?;
    match found > limit && found.is_finite() {
        true => Ok(found.min(curvature_over(potential, phi, second)?)),
        false => Ok(found),
    }
}

fn curvature_over(potential: &mut dyn Potential, phi: &[f64], displacement: f64) -> Result<f64> {
    let n = phi.len();
    let mut at = vec![0.0; n];
    let mut below = vec![0.0; n];
    if !potential.gradient(phi, &mut below).is_finite() || !below.iter().all(|g| g.is_finite()) {
        return Ok(f64::INFINITY);
    }
    let rms = (phi.iter().map(|p| p * p).sum::<f64>() / n as f64).sqrt();
    let step = displacement * (1.0 + rms);
    let top = top_eigenvalues(n, 1, CURVATURE_TOLERANCE, n, |v, out| {
        let mut move_by = |step: f64, gradient: &mut [f64]| {
            for ((a, p), v) in at.iter_mut().zip(phi).zip(v) {
                *a = p + step * v;
            }
            potential.gradient(&at, gradient);
        };
        move_by(step, out);
        move_by(-step, &mut below);
        for (o, b) in out.iter_mut().zip(&below) {
            *o = (*o - b) / (2.0 * step);
        }
    })?;
    Ok(top.values[0] + top.bounds[0])
}

/// Largest eigenvalue of the covariance of the mini-batch gradient at `phi`, for `batch` of `P` samples drawn without replacement:
/// `(1/B)(1 - B/P)` times that of the one-sample estimates.
///
/// Above 512 samples, 512 evenly spaced ones represent all.
pub fn batch_noise(potential: &mut dyn Potential, phi: &[f64], batch: usize) -> Result<f64> {
    let (n, samples) = (phi.len(), potential.samples());
    if batch >= samples || samples < 2 {
        return Ok(0.0);
    }
    let used = samples.min(MOST_SAMPLES);
    let mut rows = vec![0.0; used * n];
    for (k, row) in rows.chunks_exact_mut(n).enumerate() {
        potential.batch_gradient(phi, &[k * samples / used], row);
    }
    let mut mean = vec![0.0; n];
    for row in rows.chunks_exact(n) {
        mean.iter_mut()
            .zip(row)
            .for_each(|(m, g)| *m += g / used as f64);
    }
    for row in rows.chunks_exact_mut(n) {
        row.iter_mut().zip(&mean).for_each(|(g, m)| *g -= m);
    }
    let scale = (1.0 / batch as f64 - 1.0 / samples as f64) / (used - 1) as f64;
    let top = top_eigenvalues(n, 1, CURVATURE_TOLERANCE, n, |v, out| {
        out.fill(0.0);
        for row in rows.chunks_exact(n) {
            let overlap: f64 = row.iter().zip(v).map(|(g, v)| g * v).sum();
            out.iter_mut()
                .zip(row)
                .for_each(|(o, g)| *o += scale * overlap * g);
        }
    })?;
    Ok(top.values[0])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `V = 3 phi^2/2 + 50 |phi - c|`
    struct Kinked(f64);

    impl Potential for Kinked {
        fn dimension(&self) -> usize {
            1
        }
        fn gradient(&mut self, phi: &[f64], gradient: &mut [f64]) -> f64 {
            gradient[0] = 3.0 * phi[0] + 50.0 * (phi[0] - self.0).signum();
            1.5 * phi[0] * phi[0] + 50.0 * (phi[0] - self.0).abs()
        }
    }

    #[test]
    fn a_kink_is_no_curvature() {
        for distance in [-6e-7, 3e-7, 1e-3] {
            let found = curvature(&mut Kinked(0.7), &[0.7 + distance], 25.0).unwrap();
            assert!((found - 3.0).abs() < 0.1, "{distance} {found}");
        }
    }
}
