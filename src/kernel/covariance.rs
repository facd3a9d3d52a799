//! Two samples on their way through the layers: their variances and the angle between them.

use super::activation::Activation;
use super::angle::{Angle, Gap};
use crate::error::{Error, Result};

/// Covariance `[[a, c], [c, b]]` of the pre-activations of two samples.
///
/// The angle is kept beside the variances, so that nearly parallel samples keep their digits: `1 - c/sqrt(ab)` is known
/// to relative accuracy at the start and through rectifiers, to `1e-16` through the smooth nonlinearities.
///
/// ```
/// use saddlepoint::kernel::{Covariance, Activation};
/// let inputs = Covariance::new(1.0, 4.0, 1.0)?;                          // correlation 1/2
/// let next = inputs.through(&Activation::Linear, 2.0, 0.0)?;           // weights of variance 2
/// assert_eq!(next.variances(), [2.0, 8.0]);
/// assert!((next.correlation() - 0.5).abs() < 1e-15);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Covariance {
    variances: [f64; 2],
    gap: Gap,
}

impl Covariance {
    /// From `a`, `b` and `c`.
    ///
    /// # Errors
    /// Variances that are negative or not finite; `|c| > sqrt(ab)` beyond rounding.
    pub fn new(a: f64, b: f64, c: f64) -> Result<Self> {
        let variances = a >= 0.0 && b >= 0.0 && a.is_finite() && b.is_finite();
        if !variances || c.is_nan() || c.abs() > a.sqrt() * b.sqrt() * (1.0 + 1e-9) + 1e-300 {
            return Err(Error::input(
                "covariance",
                format!("[[{a}, {c}], [{c}, {b}]] is not a covariance matrix"),
                "give finite variances a, b >= 0 and |c| <= sqrt(a b)",
            ));
        }
        Ok(Covariance {
            variances: [a, b],
            gap: Gap::from_angle(Angle::of(a, b, c)),
        })
    }

    /// From two variances and `deficit = 1 - c/sqrt(ab)`, clamped to `[0, 2]`.
    ///
    /// # Errors
    /// Numbers that are negative or not finite.
    pub fn apart(variances: [f64; 2], deficit: f64) -> Result<Self> {
        let [a, b] = variances;
        Covariance::new(a, b, 0.0)?;
        match deficit.is_nan() {
            false => Ok(Covariance {
                variances,
                gap: Gap::from_deficit(deficit.clamp(0.0, 2.0)),
            }),
            true => Covariance::new(a, b, f64::NAN),
        }
    }

    /// `[a, b]`
    pub fn variances(&self) -> [f64; 2] {
        self.variances
    }

    /// `c`
    pub fn covariance(&self) -> f64 {
        let [a, b] = self.variances;
        a.sqrt() * b.sqrt() * self.gap.angle.cosine
    }

    /// `c/sqrt(ab)`; 0 where a variance vanishes.
    pub fn correlation(&self) -> f64 {
        self.gap.angle.cosine
    }

    /// `1 - c/sqrt(ab)`, with the digits that the difference would lose.
    pub fn deficit(&self) -> f64 {
        self.gap.deficit
    }

    /// `E[phi'(u) phi'(v)]`: by how much a layer of unit weight variance multiplies a small change of `c`.
    pub fn slope(&self, phi: &Activation) -> f64 {
        let [a, b] = self.variances;
        phi.at_angle(a, b, self.gap.angle).1
    }

    /// After a layer `z' = W phi(z) + b` with weights of variance `s_w2/width` and biases of variance `s_b2`:
    /// `c' = s_w2 E[phi(u) phi(v)] + s_b2`, and `a'`, `b'` likewise.
    ///
    /// # Errors
    /// Wrong Hermite coefficients; a variance that overflows.
    pub fn through(&self, phi: &Activation, s_w2: f64, s_b2: f64) -> Result<Self> {
        phi.check("nonlinearity")?;
        let [a, b] = self.variances;
        let moments = [phi.moments(a).0, phi.moments(b).0];
        let variances = moments.map(|f| s_w2 * f + s_b2);
        if !variances.iter().all(|v| v.is_finite()) {
            return Err(Error::input(
                "covariance",
                format!("variances [{a:e}, {b:e}] overflow in the next layer"),
                "lower the weight variance or the number of layers (quadratic networks explode doubly exponentially)",
            ));
        }
        let same = self.gap.angle == Angle::NONE && a == b;
        let features = match same {
            true => Gap::from_angle(Angle::NONE),
            false => {
                let value = phi.at_angle(a, b, self.gap.angle).0;
                phi.gap(self.gap.angle, value, moments)
            }
        };
        Ok(Covariance {
            variances,
            gap: Gap::from_angle(features.layer(moments, s_w2, s_b2).1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::Network;

    /// Layer by layer the same numbers as the recursion of the kernels.
    #[test]
    fn layers_are_those_of_the_network() {
        for phi in [Activation::Tanh, Activation::Relu, Activation::Gelu] {
            let (s_w2, s_b2) = (1.6, 0.2);
            let inputs = [1.2, 0.7, 0.4];
            let [a, b, c] = inputs.map(|v| s_w2 * v + s_b2);
            let mut pair = Covariance::new(a, b, c).unwrap();
            for _ in 0..3 {
                pair = pair.through(&phi, s_w2, s_b2).unwrap();
            }
            let network = Network::new(phi.clone(), 3, s_w2, s_b2);
            let exact = network.at(inputs[0], inputs[1], inputs[2]).unwrap();
            assert!((pair.covariance() - exact.nngp).abs() < 1e-14, "{phi:?}");
            assert!((pair.variances()[0] - exact.variances[0]).abs() < 1e-14);
        }
    }

    #[test]
    fn what_is_no_covariance_is_refused() {
        for (a, b, c) in [(1.0, 1.0, 1.1), (-1.0, 1.0, 0.0), (1.0, f64::INFINITY, 0.0)] {
            assert!(Covariance::new(a, b, c).is_err());
        }
        assert!(Covariance::apart([1.0, 1.0], f64::NAN).is_err());
        let far = Covariance::new(1e200, 1e200, 0.0).unwrap();
        assert!(far.through(&Activation::Quadratic, 1.0, 0.0).is_err());
    }
}
