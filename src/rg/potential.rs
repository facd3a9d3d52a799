//! Bare potentials of the learned function: what the loss of a sample becomes when it is averaged over Gaussian
//! features.

use crate::numerics::elementary::erf;
use std::f64::consts::PI;

/// A potential `U(X)` of `X = sum_k Delta_k^2`, `Delta_k = f_k - y_k`, in the action `sum_k f_k^2/(2 lam_k) + U(X)`.
pub trait Potential: Sync {
    /// `U`, `U'` and `U''` at `X >= 0`.
    fn jet(&self, square: f64) -> [f64; 3];
}

/// `U = (m/2) X + (w/4) X^2`
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Quartic {
    /// `m`
    pub mass: f64,
    /// `w`
    pub vertex: f64,
}

impl Quartic {
    /// The couplings of a loss per sample `Delta^2/(2 ridge) + (g/4) Delta^4`, `g = quartic`, with label noise of
    /// variance `noise`.
    ///
    /// ```text
    /// m = P/sigma^2 + 3 P g s^2,    w = 3 P g
    /// ```
    ///
    /// Derived: the sum over samples is `P` times its mean (equivalent kernel), and the mean of `Delta(x)^4` over
    /// Gaussian features is `3 X^2`; the noise adds its variance to `X`. Valid where the posterior variance is small
    /// beside the ridge.
    pub fn of_loss(samples: f64, ridge: f64, quartic: f64, noise: f64) -> Self {
        Quartic {
            mass: samples / ridge + 3.0 * samples * quartic * noise,
            vertex: 3.0 * samples * quartic,
        }
    }
}

impl Potential for Quartic {
    fn jet(&self, square: f64) -> [f64; 3] {
        let (m, w) = (self.mass, self.vertex);
        [
            0.5 * square * (m + 0.5 * w * square),
            0.5 * (m + w * square),
            0.5 * w,
        ]
    }
}

/// Huber's loss on `samples` `P`, quadratic up to a threshold `c` and linear beyond:
/// `Delta^2/(2 ridge)`, or `(c |Delta| - c^2/2)/ridge` for `|Delta| > c`.
///
/// ```text
/// U(X) = (P/sigma^2) E l(sqrt(V) z),   V = X + s^2,   u = c/sqrt(2 V)
/// E l  = (V/2) [erf u - (2/sqrt pi) u e^{-u^2}] + c sqrt(2 V/pi) e^{-u^2} - (c^2/2) erfc u
/// d/dV = (1/2) erf u,      d^2/dV^2 = -(u/(2 sqrt pi V)) e^{-u^2}
/// ```
///
/// Derived; the derivatives follow from `dE f/dV = E f''/2`.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Huber {
    /// `P`
    pub samples: f64,
    /// `sigma^2`
    pub ridge: f64,
    /// `c > 0`
    pub threshold: f64,
    /// `s^2`, the variance of the label noise.
    pub noise: f64,
}

impl Potential for Huber {
    fn jet(&self, square: f64) -> [f64; 3] {
        let (variance, c) = (square + self.noise, self.threshold);
        let scale = self.samples / self.ridge;
        if variance <= 0.0 {
            return [0.0, 0.5 * scale, 0.0];
        }
        let u = c / (2.0 * variance).sqrt();
        let (error, bell) = (erf(u), (-u * u).exp());
        let inside = 0.5 * variance * (error - 2.0 / PI.sqrt() * u * bell);
        let outside = c * (2.0 * variance / PI).sqrt() * bell - 0.5 * c * c * libm::erfc(u);
        [
            scale * (inside + outside),
            0.5 * scale * error,
            -scale * u / (2.0 * PI.sqrt() * variance) * bell,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::quadrature::integrate;

    /// The mean of Huber's loss by quadrature, and its derivatives by finite differences.
    #[test]
    fn hubers_potential_is_the_mean_of_the_loss() {
        let huber = Huber {
            samples: 30.0,
            ridge: 0.5,
            threshold: 0.7,
            noise: 0.1,
        };
        let loss = |x: f64| match x.abs() < 0.7 {
            true => 0.5 * x * x,
            false => 0.7 * x.abs() - 0.245,
        };
        for square in [0.0, 0.02, 0.4, 9.0] {
            let root = f64::sqrt(square + 0.1);
            let edge = 0.7 / root;
            let mean = |a, b| {
                let density = |z: f64| loss(root * z) * (-0.5 * z * z).exp() / (2.0 * PI).sqrt();
                2.0 * integrate(density, a, b, 1e-13, 1e-300).unwrap().value
            };
            let [value, slope, curvature] = huber.jet(square);
            let expected = 60.0 * (mean(0.0, edge) + mean(edge, edge + 14.0));
            assert!((value / expected - 1.0).abs() < 1e-11, "{square}");
            let h = 1e-5 * (1.0 + square);
            let ends = [huber.jet(square + h), huber.jet(square - h)];
            assert!((slope - (ends[0][0] - ends[1][0]) / (2.0 * h)).abs() < 1e-6 * slope);
            let expected = (ends[0][1] - ends[1][1]) / (2.0 * h);
            assert!((curvature - expected).abs() < 1e-6 * slope.max(curvature.abs()));
        }
    }
}
