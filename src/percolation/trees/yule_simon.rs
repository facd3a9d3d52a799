//! The Yule-Simon law of cluster sizes: growth by joining earlier points, a power law without tuning.

use super::{ClusterLaw, fraction};
use crate::error::{Error, Result};
use crate::numerics::quadrature::integrate;
use statrs::function::beta::beta;

/// Cluster sizes when each new point founds a cluster with probability `q = 1 - 1/(tau - 1)` and otherwise joins that of a uniformly chosen
/// earlier point, in the limit of many points: `P(s) = rho B(s, rho + 1) ~ s^-tau`, `rho = tau - 1 = 1/(1 - q)`.
///
/// Source: G. U. Yule (1925); H. A. Simon, Biometrika 42, 425 (1955).
///
/// ```
/// use saddlepoint::percolation::trees::{ClusterLaw, YuleSimon};
/// let growth = YuleSimon::new(2.5).unwrap();
/// assert!((growth.probability(2) - 0.17142857).abs() < 1e-8);
/// assert!((growth.undiscovered(0.01).unwrap() - 0.79120641).abs() < 1e-8);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct YuleSimon {
    rho: f64,
}

impl YuleSimon {
    /// The law with tail exponent `tau > 2` (finite mean size).
    ///
    /// # Errors
    /// Input error for other `tau`.
    pub fn new(tau: f64) -> Result<Self> {
        if tau > 2.0 && tau.is_finite() {
            return Ok(YuleSimon { rho: tau - 1.0 });
        }
        Err(Error::input(
            "tau",
            format!("growth by joining has no tail exponent {tau}"),
            "give a number above 2",
        ))
    }

    /// `q = 1 - 1/(tau - 1)`: probability that a point founds a cluster.
    pub fn founding_probability(&self) -> f64 {
        1.0 - 1.0 / self.rho
    }

    /// `rho = tau - 1 = 1/(1 - q)`.
    pub fn rho(&self) -> f64 {
        self.rho
    }

    /// `P(s) = rho B(s, rho + 1)`: probability that a random cluster has `s >= 1` points; mean `1/q`.
    pub fn probability(&self, size: u64) -> f64 {
        self.rho * beta(size as f64, self.rho + 1.0)
    }

    /// `P(>= s) = rho B(s, rho)`: probability that a random cluster has at least `s >= 1` points.
    pub fn tail(&self, size: f64) -> f64 {
        self.rho * beta(size, self.rho)
    }
}

impl ClusterLaw for YuleSimon {
    /// `w(s) = q s P(s)`.
    fn weight(&self, size: u64) -> f64 {
        self.founding_probability() * size as f64 * self.probability(size)
    }

    /// No cluster has a finite share of the points.
    fn infinite(&self) -> f64 {
        0.0
    }

    /// `rho/(rho - 2)` for tau > 3, infinite otherwise.
    fn mean_size(&self) -> f64 {
        if self.rho <= 2.0 {
            return f64::INFINITY;
        }
        self.rho / (self.rho - 2.0)
    }

    /// `u = ((rho-1)/(rho+1)) x 2F1(1, 2; rho+2; x)`, `x = 1 - phi`, by its Euler integral with the end-point singularity removed:
    /// `u = rho int_0^1 x y (1 - y)/(phi + x y) dv`, `y = v^(1/(rho-1))`, to 1e-12.
    fn undiscovered(&self, seen: f64) -> Result<f64> {
        let x = 1.0 - fraction(seen)?;
        if x == 1.0 {
            return Ok(1.0);
        }
        let power = 1.0 / (self.rho - 1.0);
        let integrand = |v: f64| {
            let y = v.powf(power);
            x * y * (1.0 - y) / (seen + x * y)
        };
        Ok(self.rho * integrate(integrand, 0.0, 1.0, 1e-12, 0.0)?.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_have_the_reference_digits() {
        let growth = YuleSimon::new(2.5).unwrap();
        let reference = [
            0.6,
            0.171_428_57,
            0.076_190_48,
            0.041_558_44,
            0.025_574_43,
            0.017_049_62,
            0.012_035_02,
            0.008_867_91,
            0.006_756_5,
            0.005_287_7,
        ];
        for (p, s) in reference.iter().zip(1..) {
            assert!((growth.probability(s) - p).abs() < 6e-9, "{s}");
            let step = growth.tail(s as f64) - growth.tail(s as f64 + 1.0);
            assert!((growth.probability(s) - step).abs() < 1e-14, "{s}");
        }
        assert!((growth.tail(1.0) - 1.0).abs() < 1e-14);
        assert!((growth.founding_probability() - 1.0 / 3.0).abs() < 1e-15);
        assert!((growth.weight(7) - 7.0 * growth.probability(7) / 3.0).abs() < 1e-16);
        assert_eq!(growth.mean_size(), f64::INFINITY);
        assert!(YuleSimon::new(2.0).is_err());
    }

    #[test]
    fn the_discovery_curve_has_the_reference_digits() {
        let growth = YuleSimon::new(2.5).unwrap();
        for (seen, u) in [
            (1e-3, 0.928_382_69),
            (1e-2, 0.791_206_41),
            (3e-2, 0.666_551),
            (1e-1, 0.472_752_35),
            (3e-1, 0.252_433_65),
        ] {
            assert!(
                (growth.undiscovered(seen).unwrap() - u).abs() < 6e-9,
                "{seen}"
            );
        }
    }

    /// The integral is the sum over sizes, for flat and steep tails; steep ones are normalised with their mean.
    #[test]
    fn the_integral_is_the_sum() {
        for tau in [2.05, 2.5, 3.7, 6.0] {
            let growth = YuleSimon::new(tau).unwrap();
            for seen in [0.02_f64, 0.3, 0.9] {
                let sum: f64 = (1..2000)
                    .map(|s| growth.weight(s) * (1.0 - seen).powi(s as i32))
                    .sum();
                let u = growth.undiscovered(seen).unwrap();
                assert!((u / sum - 1.0).abs() < 1e-10, "{tau} {seen}: {u} {sum}");
            }
            assert_eq!(growth.undiscovered(0.0).unwrap(), 1.0);
            assert_eq!(growth.undiscovered(1.0).unwrap(), 0.0);
        }
        let steep = YuleSimon::new(9.0).unwrap();
        let mean: f64 = (1..3000).map(|s| s as f64 * steep.weight(s)).sum();
        assert!((mean / steep.mean_size() - 1.0).abs() < 1e-9);
    }
}
