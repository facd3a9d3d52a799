//! The exact posterior of deep linear Bayesian networks: a scale mixture of Gaussian processes.

use crate::error::{Error, Result};
use crate::numerics::root::brent;
use statrs::function::gamma::ln_gamma;

/// The posterior in the eigenmodes of the data.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearPosterior {
    /// `E[q lam_i/(q lam_i + T) | D]`: posterior mean of mode `i` over `z_i`.
    pub shrinkage: Vec<f64>,
    /// Posterior mean of the function in every mode, `fbar_i = z_i E[q lam_i/(q lam_i + T) | D]`.
    pub mean: Vec<f64>,
    /// Posterior variance of the function in every mode: of the Gaussian process given `q`, and of its mean over `q`.
    pub variance: Vec<f64>,
    /// `E[q | D]`, the scale of the kernel (1 in the Gaussian process limit).
    pub scale: f64,
    /// Standard deviation of `q` under the posterior.
    pub scale_deviation: f64,
    /// `q` at the maximum of the density of `ln q`: with one hidden layer the root of its slope, to rounding, which is
    /// the saddle point of kernel scaling; with more layers the best point of the grid.
    pub mode: f64,
    /// `ln p(y | X)`
    pub log_evidence: f64,
    /// Change of the log evidence and of the shrinkage when the grid was last halved.
    pub bound: f64,
    /// Points of the last grid of `ln q`.
    pub points: usize,
    /// The posterior of `q` on that grid: `(q, probability)`, probabilities that sum to 1.
    pub scales: Vec<(f64, f64)>,
}

/// Relative accuracy at which grid refinement stops.
const TOLERANCE: f64 = 1e-11;
/// What is left out of the density of `ln q`: below `e^-DROP` of its maximum.
const DROP: f64 = 42.0;
const MAX_POINTS: usize = 1 << 19;
/// Work of one convolution, in products.
const MAX_PRODUCTS: usize = 1 << 31;

/// Posterior of `f = a^T W_L ... W_1 x` at finite widths `N_1, ..., N_L`, with priors `a ~ N(0, s_a^2/N_L)`, `W_l ~ N(0, s_w^2/N_{l-1})`
/// (`N_0 = d`), and Gaussian likelihood of variance `temperature` `T`.
///
/// ```text
/// f | q ~ GP(0, q K0),  K0 = s_a^2 s_w^{2L} X X^T/d,  q = prod_l chi^2_{N_l}/N_l            (exact at every width)
/// p(ln q | D) ~ p0(ln q) exp ell(q)
/// ell(q) = -1/2 sum_i ln(q lam_i + T) - 1/2 sum_i z_i^2/(q lam_i + T) - (P/2) ln 2 pi
/// ```
///
/// `eigenvalues` `lam_i` of `K0` (`P` of them, zeros included) and `targets` `z = U^T y` in its eigenvectors. Trapezoid sums on a grid of
/// `ln q`, halved until the evidence and all means agree to 1e-11; for `L >= 2` the densities of `ln chi^2_{N_l}/N_l` are convolved.
/// Cost: `O(P)` per grid point. No layer (`L = 0`) is the Gaussian process of a linear model, `q = 1`.
///
/// Source: rotation invariance; the same fact in Hanin and Zlokapa 2023, arXiv:2212.14457.
///
/// # Errors
/// `T <= 0`, widths of 0, negative eigenvalues or lengths that differ; `Unconverged` when the grid grows too large.
///
/// ```
/// use saddlepoint::theory::linear_posterior::solve;
/// let p = solve(&[4], &[2.0, 1.0, 0.5, 0.25], &[1.0, 2.0, 1.0, 0.5], 0.1)?;
/// assert!((p.scale - 1.37862744).abs() < 1e-8 && (p.log_evidence + 6.88928302).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn solve(
    widths: &[usize],
    eigenvalues: &[f64],
    targets: &[f64],
    temperature: f64,
) -> Result<LinearPosterior> {
    check(widths, eigenvalues, targets, temperature)?;
    let data = Data {
        eigenvalues,
        targets,
        temperature,
    };
    if widths.is_empty() {
        return Ok(data.average(&[(0.0, 0.0)], 1.0));
    }
    let layers: Vec<LogChiSquare> = widths.iter().map(|&n| LogChiSquare::new(n)).collect();
    // How much the data may lift a part of the prior above the point q = 1.
    let lift = (-600..=600)
        .map(|k| data.log_likelihood(0.1 * k as f64))
        .fold(f64::NEG_INFINITY, f64::max)
        - data.log_likelihood(0.0);
    let drop = DROP + lift;
    if !drop.is_finite() || (layers.len() > 1 && drop > 600.0) {
        return Err(unconverged(format!(
            "the data lift the tail of the prior of ln q by {lift:.3e}"
        )));
    }
    let mut step = layers.iter().map(|l| l.width / 6.0).fold(0.15, f64::min);
    let mut last: Option<LinearPosterior> = None;
    loop {
        let grid = prior(&layers, step, drop)?;
        let mut now = data.average(&grid, step);
        if let Some(last) = last {
            let changes = now.shrinkage.iter().zip(&last.shrinkage);
            let change = changes.map(|(a, b)| (a - b).abs()).fold(
                (now.log_evidence - last.log_evidence).abs() / now.log_evidence.abs().max(1.0),
                f64::max,
            );
            if change <= TOLERANCE {
                now.bound = change.max(f64::EPSILON);
                if let [layer] = &layers[..] {
                    now.mode = data.mode(layer, now.mode, step)?;
                }
                return Ok(now);
            }
        }
        last = Some(now);
        step *= 0.5;
    }
}

struct Data<'a> {
    eigenvalues: &'a [f64],
    targets: &'a [f64],
    temperature: f64,
}

impl Data<'_> {
    fn modes(&self) -> impl Iterator<Item = (f64, f64)> {
        self.eigenvalues
            .iter()
            .copied()
            .zip(self.targets.iter().copied())
    }

    /// `ell` at `ln q = u`.
    fn log_likelihood(&self, u: f64) -> f64 {
        let q = u.exp();
        let mode = |(lam, z): (f64, f64)| {
            let total = q * lam + self.temperature;
            (std::f64::consts::TAU * total).ln() + z * z / total
        };
        -0.5 * self.modes().map(mode).sum::<f64>()
    }

    /// `dell/du = -1/2 sum_i [ q lam_i/(q lam_i + T) - z_i^2 q lam_i/(q lam_i + T)^2 ]` at `ln q = u`.
    fn slope(&self, u: f64) -> f64 {
        let q = u.exp();
        let mode = |(lam, z): (f64, f64)| {
            let total = q * lam + self.temperature;
            q * lam / total * (1.0 - z * z / total)
        };
        -0.5 * self.modes().map(mode).sum::<f64>()
    }

    /// The root of `d/du [ln p0(u) + ell(u)]` beside the best point `q` of a grid of this spacing.
    fn mode(&self, layer: &LogChiSquare, q: f64, step: f64) -> Result<f64> {
        let slope = |u: f64| -layer.half * u.exp_m1() + self.slope(u);
        Ok(brent(slope, q.ln() - step, q.ln() + step, 1e-15)?.x.exp())
    }

    /// Averages over points `(u, ln p0(u))` with spacing `step`.
    fn average(&self, grid: &[(f64, f64)], step: f64) -> LinearPosterior {
        let logs: Vec<f64> = grid
            .iter()
            .map(|&(u, prior)| prior + self.log_likelihood(u))
            .collect();
        let top = (0..grid.len())
            .max_by(|&i, &j| logs[i].total_cmp(&logs[j]))
            .unwrap_or(0);
        let n = self.eigenvalues.len();
        let (mut total, mut first, mut second) = (0.0, 0.0, 0.0);
        let (mut shrinkage, mut square, mut variance) = (vec![0.0; n], vec![0.0; n], vec![0.0; n]);
        let mut scales = Vec::new();
        for (&(u, _), log) in grid.iter().zip(&logs) {
            let weight = (log - logs[top]).exp();
            if weight == 0.0 {
                continue;
            }
            let q = u.exp();
            scales.push((q, weight));
            total += weight;
            first += weight * q;
            second += weight * q * q;
            for (i, lam) in self.eigenvalues.iter().enumerate() {
                let learned = q * lam / (q * lam + self.temperature);
                shrinkage[i] += weight * learned;
                square[i] += weight * learned * learned;
                variance[i] += weight * self.temperature * learned;
            }
        }
        scales.iter_mut().for_each(|(_, weight)| *weight /= total);
        let scale = first / total;
        for i in 0..n {
            shrinkage[i] /= total;
            let spread = (square[i] / total - shrinkage[i] * shrinkage[i]).max(0.0);
            variance[i] = variance[i] / total + self.targets[i].powi(2) * spread;
        }
        LinearPosterior {
            mean: self
                .targets
                .iter()
                .zip(&shrinkage)
                .map(|(z, s)| z * s)
                .collect(),
            shrinkage,
            variance,
            scale,
            scale_deviation: (second / total - scale * scale).max(0.0).sqrt(),
            mode: grid[top].0.exp(),
            log_evidence: logs[top] + (total * step).ln(),
            bound: 0.0,
            points: grid.len(),
            scales,
        }
    }
}

/// The density of `u = ln(chi^2_N / N)`: `ln p = (N/2) ln(N/2) - ln Gamma(N/2) + (N/2)(u - e^u)`.
struct LogChiSquare {
    half: f64,
    constant: f64,
    /// Standard deviation at large `N`, `sqrt(2/N)`.
    width: f64,
}

impl LogChiSquare {
    fn new(n: usize) -> Self {
        let half = 0.5 * n as f64;
        LogChiSquare {
            half,
            constant: half * half.ln() - ln_gamma(half),
            width: (1.0 / half).sqrt(),
        }
    }

    fn log_density(&self, u: f64) -> f64 {
        self.constant + self.half * (u - u.exp())
    }

    /// Grid indices `u = k step` between which the density is above `e^-drop` of its maximum (at `u = 0`).
    fn support(&self, step: f64, drop: f64) -> (i64, i64) {
        let fall = |u: f64| self.half * (u.exp() - u - 1.0);
        let edge = |sign: f64| {
            let mut far = sign * self.width.min(1.0);
            while fall(far) < drop {
                far *= 1.2;
            }
            far
        };
        (
            (edge(-1.0) / step).floor() as i64,
            (edge(1.0) / step).ceil() as i64,
        )
    }
}

/// Points `(u, ln p0(u))` of the density of `u = sum_l ln(chi^2_{N_l}/N_l)`.
fn prior(layers: &[LogChiSquare], step: f64, drop: f64) -> Result<Vec<(f64, f64)>> {
    let mut start = 0;
    let mut logs: Vec<f64> = Vec::new();
    for layer in layers {
        let (low, high) = layer.support(step, drop);
        let count = (high - low + 1) as usize;
        if count.saturating_add(logs.len()) > MAX_POINTS
            || count.saturating_mul(logs.len()) > MAX_PRODUCTS
        {
            return Err(unconverged(format!(
                "the grid of ln q reached a step of {step:.1e}"
            )));
        }
        let next = (low..=high).map(|k| layer.log_density(k as f64 * step));
        logs = match logs.is_empty() {
            true => next.collect(),
            false => convolve(&logs, &next.collect::<Vec<_>>(), step),
        };
        start += low;
    }
    Ok((start..)
        .zip(logs)
        .map(|(k, log)| (k as f64 * step, log))
        .collect())
}

/// Logarithm of the convolution of two densities that are given by their logarithms; all terms are positive, so that the tails
/// keep their relative accuracy.
fn convolve(a: &[f64], b: &[f64], step: f64) -> Vec<f64> {
    let linear = |x: &[f64]| {
        let top = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (x.iter().map(|l| (l - top).exp()).collect::<Vec<_>>(), top)
    };
    let ((a, top_a), (b, top_b)) = (linear(a), linear(b));
    let mut sum = vec![0.0; a.len() + b.len() - 1];
    for (i, a) in a.iter().enumerate() {
        for (sum, b) in sum[i..].iter_mut().zip(&b) {
            *sum += a * b;
        }
    }
    let shift = top_a + top_b + step.ln();
    sum.into_iter().map(|s: f64| s.ln() + shift).collect()
}

fn check(widths: &[usize], eigenvalues: &[f64], targets: &[f64], temperature: f64) -> Result<()> {
    if eigenvalues.len() != targets.len() {
        return Err(Error::input(
            "targets",
            format!(
                "{} targets for {} eigenvalues",
                targets.len(),
                eigenvalues.len()
            ),
            "give one target per eigenmode",
        ));
    }
    if widths.contains(&0) {
        return Err(Error::input("widths", "a width of 0", "use widths >= 1"));
    }
    if !(temperature.is_finite() && temperature > 0.0) {
        return Err(Error::input(
            "temperature",
            format!("{temperature} is not a positive temperature"),
            "give a finite number > 0",
        ));
    }
    let bad = |v: &f64| !(v.is_finite() && *v >= 0.0);
    if eigenvalues.iter().any(bad) || targets.iter().any(|z| !z.is_finite()) {
        return Err(Error::input(
            "eigenvalues",
            "an eigenvalue is negative, or an entry is not finite",
            "clip eigenvalues that rounding made negative to 0",
        ));
    }
    Ok(())
}

fn unconverged(cause: String) -> Error {
    Error::unconverged(
        "posterior of the linear network",
        cause,
        "raise the temperature, or scale the priors to the targets",
    )
}

#[cfg(test)]
#[path = "solver_tests.rs"]
mod tests;
