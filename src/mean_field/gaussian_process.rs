//! The first correction in `1/N` to the Gaussian process limit of a Bayesian network with one hidden layer.

use crate::error::{Error, Result};
use crate::numerics::linalg::solve_spd;
use nalgebra::{DMatrix, DVector};

/// The limit of the mean predictor and its slope in `1/N`, at the training inputs first and at the test inputs after
/// them.
#[derive(Debug, Clone, PartialEq)]
pub struct Slope {
    /// `fbar` at infinite width, `K G y`.
    pub limit: Vec<f64>,
    /// `lim N (fbar_N - fbar_inf)` as `N -> inf`.
    pub slope: Vec<f64>,
}

impl Slope {
    /// `fbar_inf + slope/N`: the mean predictor to first order.
    pub fn at_width(&self, width: f64) -> Vec<f64> {
        let both = self.limit.iter().zip(&self.slope);
        both.map(|(limit, slope)| limit + slope / width).collect()
    }
}

/// Exact slope in `1/N` of the posterior mean of `f(x) = sum_i a_i phi(w_i.x)`, any `phi`, at fixed `P`, `T` and `chi`.
///
/// Given its hidden weights the network is a Gaussian process whose kernel is the mean of `psi(w) = s_a^2 phi phi^T`
/// over its `N` neurons. This kernel differs from `K` by `delta = O(N^{-1/2})`, and the data tilt its mean by a term of
/// order `1/N`. With `phi_u = phi(w.x_u)`, averages `E` over the prior of `w`, and
///
/// ```text
/// G = (K + T)^{-1},   t = G y,   a = t.phi,   b = phi^T G phi                    (sums over training inputs)
/// h_u = (s_a^4/2) Cov(phi_u a, chi a^2 - b) - s_a^4 E[phi_u a b] + (K_u G K t)
/// slope_u = h_u - K_u G h                                                        (K_u: row of training inputs)
/// ```
///
/// The first term of `h` is the mean of `delta t` under the posterior, the others are `-<delta G delta t>`. At a
/// training input `1 - K G = T G`, which gives
/// `T G D t - T [E(G psi G psi t) - G K G K t]` with `D = 1/2 Cov(psi, s_a^2 (chi a^2 - b))`.
///
/// `neurons` calls its argument once for every neuron of a quadrature or a sample, with its weight and with
/// `phi(w.x_u)` at the training inputs followed by the test inputs; it is called twice and must give the same neurons.
/// The weights need not sum to 1. `s_a^2` = `readout_variance` and `T` = `temperature` are those of `chi = 1`. With
/// mean-field scaling, where `chi` grows with `N`, this is not the slope. Cost `O(P^2)` per neuron.
///
/// Source: derived for this crate from the expansion in `delta`; checked against linear networks, whose posterior is
/// known at every width (`theory::linear_posterior`), and against importance sampling.
///
/// # Errors
/// Neurons with fewer values than targets, weights that do not sum to a positive number, `T <= 0`; `Unconverged` for a
/// kernel that is not positive.
///
/// ```
/// use saddlepoint::mean_field::gaussian_process::slope;
/// // One input x = 1 of a linear network with w ~ N(0, 1), by the three nodes that integrate w^4 exactly.
/// let law = |see: &mut dyn FnMut(f64, &[f64])| {
///     for (w, weight) in [(-3f64.sqrt(), 1.0), (0.0, 4.0), (3f64.sqrt(), 1.0)] {
///         see(weight, &[w]);
///     }
/// };
/// let slope = slope(law, &[1.0], 1.0, 1.0, 1.0)?;
/// assert!((slope.limit[0] - 0.5).abs() < 1e-14 && (slope.slope[0] + 0.3125).abs() < 1e-13);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn slope(
    neurons: impl Fn(&mut dyn FnMut(f64, &[f64])),
    targets: &[f64],
    readout_variance: f64,
    temperature: f64,
    chi: f64,
) -> Result<Slope> {
    let p = targets.len();
    let positive = |v: f64| v.is_finite() && v > 0.0;
    if p == 0
        || ![readout_variance, temperature, chi]
            .into_iter()
            .all(positive)
    {
        return Err(wrong(
            "no target, or a variance, temperature or chi that is not positive",
        ));
    }
    // The kernel: training inputs against all inputs.
    let (mut total, mut points, mut same) = (0.0, None, true);
    let mut moment: DMatrix<f64> = DMatrix::zeros(0, 0);
    neurons(&mut |weight: f64, phi: &[f64]| {
        if points.is_none() {
            points = Some(phi.len());
            moment = DMatrix::zeros(phi.len(), p);
        }
        if phi.len() < p || points != Some(phi.len()) {
            same = false;
            return;
        }
        total += weight;
        for (j, mut column) in moment.column_iter_mut().enumerate() {
            let factor = weight * phi[j];
            column
                .iter_mut()
                .zip(phi)
                .for_each(|(m, phi)| *m += factor * phi);
        }
    });
    if !same || !positive(total) || moment.iter().any(|m| !m.is_finite()) {
        return Err(wrong(
            "neurons without a value for every target, or weights without a positive sum",
        ));
    }
    let kernel = moment * (readout_variance / total);
    let train = kernel.rows(0, p).into_owned();
    let mut shifted = train.clone();
    for i in 0..p {
        shifted[(i, i)] += temperature;
    }
    let inverse = solve_spd(&shifted, &DMatrix::identity(p, p))?;
    let t = &inverse * DVector::from_column_slice(targets);

    // E[phi a (chi a^2 - b)], E[phi a b] and E[chi a^2 - b].
    let n = kernel.nrows();
    let mut tilt = 0.0;
    let (mut tilted, mut twice): (DVector<f64>, DVector<f64>) =
        (DVector::zeros(n), DVector::zeros(n));
    neurons(&mut |weight: f64, phi: &[f64]| {
        let weight = weight / total;
        let at = DVector::from_column_slice(&phi[..p]);
        let (a, b) = (t.dot(&at), at.dot(&(&inverse * &at)));
        let strength = chi * a * a - b;
        tilt += weight * strength;
        for (u, phi) in phi.iter().enumerate() {
            tilted[u] += weight * phi * a * strength;
            twice[u] += weight * phi * a * b;
        }
    });
    let limit = &kernel * &t;
    let square = readout_variance * readout_variance;
    // E[phi a] = K t/s_a^2.
    let covariance = tilted - &limit * (tilt / readout_variance);
    let h = covariance * (0.5 * square) - twice * square + &kernel * (&inverse * (&train * &t));
    let slope = &h - &kernel * (&inverse * h.rows(0, p));
    Ok(Slope {
        limit: limit.as_slice().to_vec(),
        slope: slope.as_slice().to_vec(),
    })
}

fn wrong(cause: &str) -> Error {
    Error::input(
        "neurons",
        cause,
        "give positive weights and one value per training and test input",
    )
}

#[cfg(test)]
#[path = "gaussian_process_tests.rs"]
mod tests;
