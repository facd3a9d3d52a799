//! The diagonal linear network `beta_i = u_i^2 - v_i^2`: jumps in the limit of a vanishing start, exact flow at a finite one.

use crate::error::{Error, Result};
use crate::numerics::flow::{Flow, Tolerance};
use crate::numerics::linalg::solve_spd;
use crate::numerics::root::brent;
use nalgebra::{DMatrix, DVector};

/// Quadratic loss `L = 1/2 (b - beta)^T Sigma (b - beta)` of a diagonal linear network that starts at `u = v = al`.
#[derive(Debug, Clone, PartialEq)]
pub struct Diagonal {
    sigma: DMatrix<f64>,
    b: DVector<f64>,
    q: DVector<f64>,
}

/// A jump of the limiting path.
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    /// `t / ln(1/al)`
    pub time: f64,
    /// Coordinates whose dual variable reaches the boundary here (one, barring ties).
    pub coordinates: Vec<usize>,
    /// The saddle (or minimum) reached.
    pub beta: DVector<f64>,
    /// Loss at the saddle reached.
    pub loss: f64,
}

impl Diagonal {
    /// Input covariance `Sigma` (symmetric positive definite) and target `b`.
    ///
    /// # Errors
    /// `Input` for shapes that do not match or a `Sigma` that is not positive definite.
    pub fn new(sigma: DMatrix<f64>, b: DVector<f64>) -> Result<Self> {
        let n = b.len();
        if sigma.shape() != (n, n) || solve_spd(&sigma, &DMatrix::zeros(n, 1)).is_err() {
            return Err(Error::input(
                "diagonal network",
                format!(
                    "Sigma ({} x {}) must be symmetric positive definite of the size of b ({n})",
                    sigma.nrows(),
                    sigma.ncols()
                ),
                "give the covariance of linearly independent inputs",
            ));
        }
        let q = &sigma * &b;
        Ok(Diagonal { sigma, b, q })
    }

    /// `(b - beta)^T Sigma (b - beta) / 2`
    pub fn loss(&self, beta: &DVector<f64>) -> f64 {
        let gap = &self.b - beta;
        0.5 * gap.dot(&(&self.sigma * &gap))
    }

    /// Minimiser of the loss over coordinates with the given signs (`0`: held at zero), by the active-set method of Lawson and
    /// Hanson (1974) on the normal equations.
    fn signed_least_squares(&self, signs: &[f64]) -> Result<DVector<f64>> {
        let n = signs.len();
        let scale = self.q.amax().max(f64::MIN_POSITIVE);
        let mut passive: Vec<usize> = Vec::new();
        let mut beta = DVector::zeros(n);
        for _ in 0..10 * n + 10 {
            let slope = &self.q - &self.sigma * &beta;
            let enter = (0..n)
                .filter(|i| signs[*i] != 0.0 && !passive.contains(i))
                .max_by(|&i, &j| (signs[i] * slope[i]).total_cmp(&(signs[j] * slope[j])));
            match enter {
                Some(i) if signs[i] * slope[i] > 1e-12 * scale => passive.push(i),
                _ => return Ok(beta),
            }
            loop {
                let k = passive.len();
                let h = DMatrix::from_fn(k, k, |i, j| self.sigma[(passive[i], passive[j])]);
                let c = DMatrix::from_fn(k, 1, |i, _| self.q[passive[i]]);
                let z = solve_spd(&h, &c)?;
                let violates = |i: usize| signs[passive[i]] * z[i] <= 0.0;
                let fraction = (0..k)
                    .filter(|&i| violates(i))
                    .map(|i| beta[passive[i]] / (beta[passive[i]] - z[i]))
                    .fold(1.0f64, f64::min);
                for i in 0..k {
                    let old = beta[passive[i]];
                    beta[passive[i]] = old + fraction * (z[i] - old);
                }
                if fraction >= 1.0 {
                    break;
                }
                passive.retain(|&i| {
                    let keep = signs[i] * beta[i] > 1e-14 * scale;
                    if !keep {
                        beta[i] = 0.0;
                    }
                    keep
                });
            }
        }
        Err(Error::unconverged(
            "signed least squares",
            format!("active set of {n} coordinates did not settle"),
            "check Sigma for near-singular directions",
        ))
    }

    /// All jumps of the limit `al -> 0`, in the time `t / ln(1/al)`.
    ///
    /// With `beta_i = 2 al^2 sinh(4 G_i)` and `g = G/ln(1/al)`: `dg/dt' = q - Sigma beta`, `q = Sigma b`, with `|g_i| <= 1/2` and
    /// `beta_i = 0` unless `g_i = +-1/2`, `sign(beta_i) = sign(g_i)`. `g` moves linearly to the next boundary; then `beta` is the
    /// least-squares solution over the coordinates on the boundary with those signs, and coordinates left at zero move inward.
    ///
    /// # Errors
    /// `Unconverged` when the active set or the path does not end.
    pub fn jumps(&self) -> Result<Vec<Jump>> {
        let n = self.b.len();
        let tiny = 1e-12 * self.q.amax();
        let mut g = DVector::<f64>::zeros(n);
        let mut beta = DVector::<f64>::zeros(n);
        let mut time = 0.0;
        let mut jumps = Vec::new();
        while jumps.len() < 100 * (n + 1) {
            let rate = &self.q - &self.sigma * &beta;
            let wait = |i: usize| {
                let bound = 0.5f64.copysign(rate[i]);
                match beta[i] != 0.0 || rate[i].abs() <= tiny {
                    true => f64::INFINITY,
                    false => (bound - g[i]) / rate[i],
                }
            };
            let step = (0..n).map(wait).fold(f64::INFINITY, f64::min);
            if step.is_infinite() {
                return Ok(jumps);
            }
            let hit: Vec<usize> = (0..n)
                .filter(|&i| wait(i) <= step + 1e-12 * (1.0 + time))
                .collect();
            time += step;
            for i in 0..n {
                if beta[i] == 0.0 {
                    g[i] = (g[i] + step * rate[i]).clamp(-0.5, 0.5);
                }
            }
            for &i in &hit {
                g[i] = 0.5f64.copysign(rate[i]);
            }
            let signs: Vec<f64> = g
                .iter()
                .map(|g| if g.abs() == 0.5 { g.signum() } else { 0.0 })
                .collect();
            beta = self.signed_least_squares(&signs)?;
            jumps.push(Jump {
                time,
                coordinates: hit,
                loss: self.loss(&beta),
                beta: beta.clone(),
            });
        }
        Err(Error::unconverged(
            "alternating gradient flow",
            format!("no end after {} jumps", jumps.len()),
            "check Sigma and b for degenerate coordinates",
        ))
    }

    /// First times at which `beta_i` crosses `levels[i]` under exact gradient flow from `u = v = al`, in the time `t / ln(1/al)`;
    /// not-a-number where it does not within `horizon` (same unit).
    ///
    /// Integrates `dG/dt = q - Sigma beta(G)`, `beta = 2 al^2 sinh(4 G)`, in which exponentially small `beta` keep full relative
    /// accuracy, to relative 1e-11.
    ///
    /// # Errors
    /// `Input` unless `0 < al < 1`; `Unconverged` from the integrator.
    pub fn crossing_times(&self, al: f64, levels: &[f64], horizon: f64) -> Result<Vec<f64>> {
        if !(al > 0.0 && al < 1.0) {
            return Err(Error::input(
                "diagonal network",
                format!("initial scale al = {al}"),
                "use 0 < al < 1",
            ));
        }
        let unit = (1.0 / al).ln();
        let beta = |g: f64| 2.0 * al * al * (4.0 * g).sinh();
        let mut slope = |_: f64, g: &[f64], dg: &mut [f64]| {
            let now = DVector::from_iterator(g.len(), g.iter().map(|&g| beta(g)));
            dg.copy_from_slice((&self.q - &self.sigma * now).as_slice());
        };
        let tolerance = Tolerance {
            relative: 1e-11,
            absolute: 1e-11,
            ..Tolerance::default()
        };
        // The dual level at which beta_i stands at its level.
        let duals: Vec<f64> = levels
            .iter()
            .map(|l| 0.25 * (l / (2.0 * al * al)).asinh())
            .collect();
        let mut flow = Flow::new(0.0, vec![0.0; levels.len()], tolerance);
        let mut times = vec![f64::NAN; levels.len()];
        let intervals = 400;
        for k in 1..=intervals {
            let end = horizon * unit * k as f64 / intervals as f64;
            let before = flow.clone();
            flow.advance(&mut slope, end)?;
            for i in 0..levels.len() {
                let passed = (flow.state()[i] - duals[i]) * (before.state()[i] - duals[i]) <= 0.0;
                if passed && times[i].is_nan() {
                    let gap = |t: f64| {
                        let mut inside = before.clone();
                        match inside.advance(&mut slope, t) {
                            Ok(()) => inside.state()[i] - duals[i],
                            Err(_) => f64::NAN,
                        }
                    };
                    times[i] = brent(gap, before.time(), end, 1e-10)?.x / unit;
                }
            }
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reference() -> Diagonal {
        let sigma = DMatrix::from_row_slice(3, 3, &[2.0, 0.5, 0.3, 0.5, 1.5, 0.4, 0.3, 0.4, 1.0]);
        Diagonal::new(sigma, DVector::from_row_slice(&[2.0, -1.0, 0.5])).unwrap()
    }

    #[test]
    fn reference_jumps() {
        let net = reference();
        assert!((&net.q - DVector::from_row_slice(&[3.65, -0.3, 0.7])).amax() < 1e-14);
        let jumps = net.jumps().unwrap();
        let expected = [
            (0.136986, 0, [1.825, 0.0, 0.0], 0.644375),
            (0.515464, 1, [2.045455, -0.881818, 0.0], 0.109773),
            (1.304348, 2, [2.0, -1.0, 0.5], 0.0),
        ];
        assert_eq!(jumps.len(), 3);
        for (jump, (time, coordinate, beta, loss)) in jumps.iter().zip(expected) {
            assert!((jump.time - time).abs() <= 6e-7);
            assert_eq!(jump.coordinates, [coordinate]);
            assert!((&jump.beta - DVector::from_row_slice(&beta)).amax() <= 6e-7);
            assert!((jump.loss - loss).abs() <= 6e-7);
        }
    }

    #[test]
    fn finite_starts_approach_the_jumps_like_one_over_the_log() {
        let net = reference();
        let jumps = net.jumps().unwrap();
        let levels = [1.0, -0.5, 0.25];
        // Digits from an independent fixed-step fourth-order integration with 200,000 steps.
        let table = [
            (1e-2, [0.14879463, 0.52944252, 1.20990932]),
            (1e-4, [0.14289056, 0.52253545, 1.25686046]),
            (1e-8, [0.13993843, 0.51899977, 1.28060380]),
        ];
        let mut previous: Option<Vec<f64>> = None;
        for (al, expected) in table {
            let times = net.crossing_times(al, &levels, 2.0).unwrap();
            for i in 0..3 {
                assert!(
                    (times[i] - expected[i]).abs() <= 6e-9,
                    "{al} {i}: {times:?}"
                );
            }
            let gaps: Vec<f64> = (0..3).map(|i| times[i] - jumps[i].time).collect();
            if let Some(before) = previous {
                for i in 0..3 {
                    assert!((before[i] / gaps[i] / 2.0 - 1.0).abs() < 0.2, "{i}");
                }
            }
            previous = Some(gaps);
        }
    }

    #[test]
    fn loss_falls_at_every_jump_and_ends_at_the_solution() {
        use crate::numerics::random::{normal_matrix, stream};
        for seed in 0..20 {
            let mut rng = stream(seed, "test", &[]);
            let a = normal_matrix(&mut rng, 6, 9);
            let b = normal_matrix(&mut rng, 6, 1).column(0).into_owned();
            let net = Diagonal::new(&a * a.transpose() / 9.0, b.clone()).unwrap();
            let jumps = net.jumps().unwrap();
            let losses: Vec<f64> = jumps.iter().map(|j| j.loss).collect();
            assert!(
                losses.windows(2).all(|l| l[1] <= l[0] + 1e-12),
                "{losses:?}"
            );
            let end = &jumps[jumps.len() - 1].beta;
            assert!((end - b).amax() < 1e-9);
        }
    }
}
