//! Signal propagation: what an infinitely wide random network does to the lengths and angles of its inputs, layer by
//! layer.
//!
//! A fully connected network `z^{l+1} = W phi(z^l) + b` has weights `N(0, s_w^2/N)` and biases `N(0, s_b^2)`. When it
//! is wide, its pre-activations are Gaussian, and two inputs are described by two variances and a correlation alone:
//!
//! ```text
//! q_{l+1}     = V(q_l) = s_w^2 E[phi(sqrt(q_l) z)^2] + s_b^2              z standard normal
//! c_{l+1}     = (s_w^2 E[phi(u) phi(v)] + s_b^2) / sqrt(q_{l+1} q'_{l+1})
//!               (u, v) Gaussian with variances q_l, q'_l and correlation c_l
//! chi_1(q)    = s_w^2 E[phi'(sqrt(q) z)^2]         slope of the correlation map at c = 1 where V(q) = q
//! xi_c        = 1/|ln chi|,   xi_q = 1/|ln V'|     layers over which a correlation, a variance decays by a factor e
//! ```
//!
//! | `chi_1` at the fixed point `V(q*) = q*` | phase | what happens to two inputs |
//! |---|---|---|
//! | below 1 | ordered | they become parallel, `1 - c_l ~ exp(-l/xi_c)` |
//! | 1 | edge of chaos | their correlation moves as a power of the depth; signals reach any depth |
//! | above 1 | chaotic | nearly parallel inputs part, and `c_l` goes to `c* < 1` |
//!
//! Sources: Poole, Lahiri, Raghu, Sohl-Dickstein, Ganguli 2016, arXiv:1606.05340; Schoenholz,
//! Gilmer, Ganguli, Sohl-Dickstein 2017, arXiv:1611.01232. The Gaussian averages are those of
//! [`crate::kernel`]: closed forms for all nonlinearities but tanh, which is exact to `1e-13`.
//!
//! Error bounds are numerical, to first order: the error of every average ([`ACCURACY`]) and of the numbers it was
//! given. They say nothing of networks of finite width, whose variances scatter by `1/sqrt(N)`.

mod edge;
mod fixed_point;

pub use edge::{Edge, edges_of_chaos};
pub use fixed_point::{FixedPoint, fixed_point};

use crate::error::{Error, Result};
use crate::kernel::dual::ACCURACY;
use crate::kernel::{Activation, Covariance, Moments};

/// A number and the bound of its numerical error.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Bounded {
    /// The number.
    pub value: f64,
    /// Bound of its error.
    pub bound: f64,
}

/// The random weights and biases of one layer.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerLaw {
    /// `s_w^2`: a weight of a layer with `N` inputs is `N(0, s_w^2/N)`.
    pub weight_variance: f64,
    /// `s_b^2`: a bias is `N(0, s_b^2)`.
    pub bias_variance: f64,
}

impl LayerLaw {
    /// The same law in `layers` layers.
    pub fn repeated(weight_variance: f64, bias_variance: f64, layers: usize) -> Vec<LayerLaw> {
        let law = LayerLaw {
            weight_variance,
            bias_variance,
        };
        vec![law; layers]
    }

    fn check(&self) -> Result<()> {
        let variances = [
            ("weight_variance", self.weight_variance),
            ("bias_variance", self.bias_variance),
        ];
        match variances
            .iter()
            .find(|(_, v)| !(v.is_finite() && *v >= 0.0))
        {
            None => Ok(()),
            Some((key, v)) => Err(Error::input(
                *key,
                format!("{v} is not a variance"),
                "give a finite number >= 0",
            )),
        }
    }

    /// `V(q)` from the moments at `q`.
    fn variance(&self, moments: &Moments) -> f64 {
        self.weight_variance * moments.value + self.bias_variance
    }
}

/// Two inputs in one layer of pre-activations.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Layer {
    /// `q_l` of both inputs.
    pub variances: [Bounded; 2],
    /// `c_l`, the correlation of their pre-activations; 0 where a variance vanishes.
    pub correlation: Bounded,
    /// `1 - c_l`, which keeps its digits where the inputs are nearly parallel.
    pub separation: Bounded,
    /// What the next layer does to small differences of the first input; `None` behind the last layer that is given.
    pub onward: Option<Onward>,
}

/// Response of the next layer to small changes in this one, at the variance of the first input.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Onward {
    /// `chi_1(q_l) = s_w^2 E[phi'(sqrt(q_l) z)^2]`: two close inputs of equal lengths have the mean square of their
    /// difference multiplied by it. Gradients on their way back are multiplied by the same number.
    pub chi: Bounded,
    /// `V'(q_l)`: by how much a small change of the variance is multiplied.
    pub growth: Bounded,
    /// `1/|ln chi_1(q_l)|`, infinite where `chi_1 = 1` within its error.
    pub correlation_depth: Bounded,
    /// `1/|ln V'(q_l)|`
    pub variance_depth: Bounded,
}

/// Follows two inputs through the layers; the first entry is the covariance `[a, b, c]` of their first pre-activations,
/// the others follow `layers` one by one.
///
/// ```text
/// a = s_w^2 |x|^2/d + s_b^2,   b = s_w^2 |y|^2/d + s_b^2,   c = s_w^2 x.y/d + s_b^2      for inputs x, y in R^d
/// ```
///
/// Cost: for each layer five Gaussian averages of the pair (four of them for the bound).
///
/// # Errors
/// Covariances or variances out of their ranges; a variance that overflows, with its layer.
///
/// ```
/// use saddlepoint::kernel::Activation;
/// use saddlepoint::mean_field::signal_propagation::{LayerLaw, propagate};
/// let layers = propagate(&Activation::Relu, &LayerLaw::repeated(2.0, 0.0, 30), [1.0, 1.0, 0.0])?;
/// assert!((layers[30].variances[0].value - 1.0).abs() < 1e-12);          // s_w^2 = 2 keeps the lengths,
/// assert!(layers[30].correlation.value > 0.97);                          // orthogonal inputs become parallel, slowly
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn propagate(phi: &Activation, layers: &[LayerLaw], first: [f64; 3]) -> Result<Vec<Layer>> {
    let [a, b, c] = first;
    let mut point = Point {
        pair: Covariance::new(a, b, c)?,
        errors: [a, b, 1.0].map(|v| f64::EPSILON * v),
    };
    let mut found = Vec::with_capacity(layers.len() + 1);
    for (l, law) in layers.iter().enumerate() {
        law.check().map_err(|e| e.within(&format!("layers[{l}]")))?;
        found.push(point.layer(Some(Onward::at(phi, *law, point.variance(0))?)));
        point = point
            .through(phi, *law)
            .map_err(|e| e.within(&format!("layers[{l}]")))?;
    }
    found.push(point.layer(None));
    Ok(found)
}

/// A pair with bounds of the errors of its two variances and of `1 - c`.
struct Point {
    pair: Covariance,
    errors: [f64; 3],
}

impl Point {
    fn variance(&self, sample: usize) -> Bounded {
        Bounded {
            value: self.pair.variances()[sample],
            bound: self.errors[sample],
        }
    }

    fn layer(&self, onward: Option<Onward>) -> Layer {
        let [_, _, bound] = self.errors;
        Layer {
            variances: [self.variance(0), self.variance(1)],
            correlation: Bounded {
                value: self.pair.correlation(),
                bound: bound + f64::EPSILON,
            },
            separation: Bounded {
                value: self.pair.deficit(),
                bound,
            },
            onward,
        }
    }

    /// The next layer, from the pair itself and from pairs that are shifted by the errors.
    fn through(&self, phi: &Activation, law: LayerLaw) -> Result<Point> {
        let next = |variances: [f64; 2], deficit: f64| {
            Covariance::apart(variances, deficit)?.through(
                phi,
                law.weight_variance,
                law.bias_variance,
            )
        };
        let ([a, b], deficit) = (self.pair.variances(), self.pair.deficit());
        let [error_a, error_b, error] = self.errors;
        let pair = self
            .pair
            .through(phi, law.weight_variance, law.bias_variance)?;
        let [of_a, of_b] = [
            next([a + error_a, b], deficit)?,
            next([a, b + error_b], deficit)?,
        ];
        let apart = next(
            [a, b],
            if deficit > 1.0 {
                deficit - error
            } else {
                deficit + error
            },
        )?;
        let shift = |other: &Covariance| (other.deficit() - pair.deficit()).abs();
        let moved =
            |other: &Covariance, j: usize| (other.variances()[j] - pair.variances()[j]).abs();
        let [next_a, next_b] = pair.variances();
        Ok(Point {
            pair,
            errors: [
                moved(&of_a, 0) + 2.0 * ACCURACY * next_a,
                moved(&of_b, 1) + 2.0 * ACCURACY * next_b,
                shift(&of_a) + shift(&of_b) + shift(&apart) + 2.0 * ACCURACY,
            ],
        })
    }
}

impl Onward {
    /// At a variance that is known with a bound.
    pub fn at(phi: &Activation, law: LayerLaw, variance: Bounded) -> Result<Self> {
        let of = |q: f64| phi.second_moments(q);
        let (at, shifted) = (of(variance.value)?, of(variance.value + variance.bound)?);
        let s_w2 = law.weight_variance;
        let response = |value: f64, shifted: f64, bound: f64| Bounded {
            value: s_w2 * value,
            bound: s_w2 * ((shifted - value).abs() + bound + f64::EPSILON * value.abs()),
        };
        let chi = response(at.slope, shifted.slope, ACCURACY * at.slope);
        let growth = response(at.growth, shifted.growth, at.growth_bound);
        Ok(Onward {
            chi,
            growth,
            correlation_depth: depth(chi),
            variance_depth: depth(growth),
        })
    }
}

/// `1/|ln factor|`, the number of layers in which what is multiplied by `factor` per layer changes by a factor `e`.
///
/// A factor that is 1 within its error has the depth infinity, with an infinite bound unless it is 1 to the bit without
/// error. A factor 0 has the depth 0.
pub fn depth(factor: Bounded) -> Bounded {
    let size = factor.value.abs();
    let of = |size: f64| 1.0 / size.ln().abs();
    let (low, high) = ((size - factor.bound).max(0.0), size + factor.bound);
    if low <= 1.0 && high >= 1.0 {
        return Bounded {
            value: f64::INFINITY,
            bound: if factor.bound == 0.0 {
                0.0
            } else {
                f64::INFINITY
            },
        };
    }
    let value = of(size);
    Bounded {
        value,
        bound: (of(low) - value).abs().max((of(high) - value).abs()) + f64::EPSILON * value,
    }
}

#[cfg(test)]
mod tests;
