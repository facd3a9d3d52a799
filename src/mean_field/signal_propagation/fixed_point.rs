//! Where lengths and correlations go after many equal layers.

use super::{Bounded, LayerLaw, depth};
use crate::error::{Error, Result};
use crate::kernel::dual::ACCURACY;
use crate::kernel::{Activation, Covariance};
use crate::numerics::root::brent;

/// Points that are looked at between two iterates, so that no pair of fixed points hides between them.
const LOOKS: usize = 16;
/// Steps by a factor of up to 4 before the variance is given up as escaping.
const STEPS: usize = 600;
/// A variance above this diverges.
const LARGE: f64 = 1e120;

/// The state that variance and correlation approach in deep networks of equal layers.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct FixedPoint {
    /// `q* = V(q*)`, the variance of the pre-activations; 0 where signals die out.
    pub variance: Bounded,
    /// `V'(q*)`, at most 1: by how much a deviation of the variance is multiplied per layer.
    pub growth: Bounded,
    /// `xi_q = 1/|ln V'(q*)|`
    pub variance_depth: Bounded,
    /// `chi_1 = s_w^2 E[phi'(sqrt(q*) z)^2]`: below 1 ordered, above 1 chaotic.
    pub chi: Bounded,
    /// `1/|ln chi_1|`: in the ordered phase the decay of `1 - c_l`, in the chaotic one the layers over which the square
    /// of a small difference grows by a factor `e`; the reach of gradients in both.
    pub separation_depth: Bounded,
    /// `c*`, the correlation that any two inputs (of correlation 0 to 1) approach; `None` where `q* = 0`, since the
    /// angles of vanishing signals are not forgotten.
    pub correlation: Option<Bounded>,
    /// `s_w^2 E[phi'(u) phi'(v)]` at correlation `c*`; equal to `chi` where `c* = 1`.
    pub correlation_slope: Option<Bounded>,
    /// `xi_c = 1/|ln correlation_slope|`: decay of `|c_l - c*|`.
    pub correlation_depth: Option<Bounded>,
}

/// The fixed point that variances starting at `start > 0` approach, with its correlation and its depth scales.
///
/// ```text
/// q* = s_w^2 E[phi(sqrt(q*) z)^2] + s_b^2,     c* = (s_w^2 E[phi(u) phi(v)] + s_b^2)/q*
/// ```
///
/// The variance is followed in the direction of `V(q) - q` to the first change of sign, which is then bracketed: for a
/// map that increases with `q` this is where the iteration goes. Sixteen points between two iterates are looked at, a
/// factor of 4 apart at most. `start` matters where there are several fixed points, and on a line of them: a rectifier
/// with `s_w^2 = 2` and without biases keeps every variance, so that `q* = start` and `V' = 1`. The correlation map is
/// convex on `[0, 1]` (a power series with coefficients `c_k(q)^2`): `c* = 1` if `chi_1 <= 1`, else there is one fixed
/// point below it.
///
/// The bound of `q*` is the distance at which `V(q) - q` stands out of the errors of both; it grows without limit
/// as `V' -> 1`.
///
/// # Errors
/// Numbers out of their ranges. `Unconverged` where the variance diverges (rectifiers with `s_w^2 > 2`, or `= 2` with
/// biases; quadratic networks from large starts), where `V' ~ 1` leaves it undetermined, and where the variance does
/// not settle at the fixed point (`|V'| > 1`).
///
/// ```
/// use saddlepoint::kernel::Activation;
/// use saddlepoint::mean_field::signal_propagation::{LayerLaw, fixed_point};
/// let law = LayerLaw { weight_variance: 1.0, bias_variance: 0.5 };
/// let ordered = fixed_point(&Activation::Relu, law, 1.0)?;            // q* = s_b^2/(1 - s_w^2/2)
/// assert!((ordered.variance.value - 1.0).abs() < 1e-12 && (ordered.chi.value - 0.5).abs() < 1e-12);
/// assert_eq!(ordered.correlation.map(|c| c.value), Some(1.0));
/// assert!((ordered.separation_depth.value - 1.0 / 2f64.ln()).abs() < 1e-11);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn fixed_point(phi: &Activation, law: LayerLaw, start: f64) -> Result<FixedPoint> {
    law.check()?;
    if !(start.is_finite() && start > 0.0) {
        return Err(Error::input(
            "start",
            format!("{start} is not a finite number > 0"),
            "give the variance of the first pre-activations",
        ));
    }
    let map = Map { phi, law };
    let variance = map.variance(start)?;
    let onward = super::Onward::at(phi, law, variance)?;
    if onward.growth.value.abs() - onward.growth.bound > 1.0 {
        return Err(unsettled(format!(
            "q* = {:e} is unstable: a deviation is multiplied by {:e} per layer",
            variance.value, onward.growth.value
        )));
    }
    let chi = onward.chi;
    let correlation = match variance.value > 0.0 {
        true => Some(map.correlation(variance, chi)?),
        false => None,
    };
    let slope = match correlation {
        Some(c) => Some(map.slope(variance, c, chi)?),
        None => None,
    };
    Ok(FixedPoint {
        variance,
        growth: onward.growth,
        variance_depth: onward.variance_depth,
        chi,
        separation_depth: onward.correlation_depth,
        correlation: correlation.map(|c| Bounded {
            value: 1.0 - c.value,
            bound: c.bound,
        }),
        correlation_slope: slope,
        correlation_depth: slope.map(depth),
    })
}

fn unsettled(cause: String) -> Error {
    Error::unconverged(
        "fixed point of the variance",
        cause,
        "change weight_variance or bias_variance, or start from another variance",
    )
}

/// The maps of variance and correlation of one layer.
struct Map<'a> {
    phi: &'a Activation,
    law: LayerLaw,
}

impl Map<'_> {
    /// `V(q) - q`, and `V'(q)`.
    fn drift(&self, q: f64) -> Result<(f64, f64)> {
        let moments = self.phi.second_moments(q)?;
        let next = self.law.variance(&moments);
        Ok((next - q, self.law.weight_variance * moments.growth))
    }

    /// Error of `V(q) - q`.
    fn noise(&self, q: f64) -> f64 {
        2.0 * ACCURACY * q
    }

    /// `q*` where the variance goes from `start`.
    fn variance(&self, start: f64) -> Result<Bounded> {
        if let Some(found) = self.homogeneous(start)? {
            return Ok(found);
        }
        let mut q = start;
        for _ in 0..STEPS {
            let (drift, growth) = self.drift(q)?;
            if drift.abs() <= self.noise(q) {
                return self.known(q);
            }
            if q < 1e-250 && drift < 0.0 {
                return self.dead(q);
            }
            if q > LARGE && drift > 0.0 {
                return Err(unsettled(format!(
                    "the variance grows from {start:e} beyond {LARGE:e}"
                )));
            }
            // Twice the step of Newton's method crosses a simple root.
            let far = if drift > 0.0 { 4.0 * q } else { 0.25 * q };
            let target = match growth < 1.0 {
                true => (q + 2.0 * drift / (1.0 - growth)).clamp(0.25 * q, 4.0 * q),
                false => far,
            };
            let mut before = q;
            for look in 1..=LOOKS {
                let at = q + (target - q) * look as f64 / LOOKS as f64;
                if self.drift(at)?.0.signum() != drift.signum() {
                    return self.bracketed(before, at);
                }
                before = at;
            }
            q = target;
        }
        Err(unsettled(format!(
            "after {STEPS} steps the variance is {q:e}"
        )))
    }

    /// `V(q) = m q + s_b^2` of the linear network and of rectifiers.
    fn homogeneous(&self, start: f64) -> Result<Option<Bounded>> {
        if !matches!(self.phi, Activation::Linear | Activation::Relu) {
            return Ok(None);
        }
        let factor = self.law.weight_variance * self.phi.second_moments(1.0)?.value;
        let bias = self.law.bias_variance;
        let rounding = 4.0 * f64::EPSILON;
        if bias == 0.0 && factor == 1.0 {
            return Ok(Some(Bounded {
                value: start,
                bound: 0.0,
            }));
        }
        if factor >= 1.0 {
            return Err(unsettled(format!(
                "the variance becomes {factor} times itself plus {bias} in every layer, and grows for ever"
            )));
        }
        let value = bias / (1.0 - factor);
        Ok(Some(Bounded {
            value,
            bound: value * (rounding + rounding / (1.0 - factor)),
        }))
    }

    fn bracketed(&self, from: f64, to: f64) -> Result<Bounded> {
        let (low, high) = (from.min(to), from.max(to));
        let drift = |q: f64| self.drift(q).map_or(f64::NAN, |d| d.0);
        let root = brent(drift, low, high, 1e-15 * low)?;
        self.known(root.x)
    }

    /// A root with the distance at which the drift stands out of its error on both sides.
    fn known(&self, q: f64) -> Result<Bounded> {
        let mut distance = f64::EPSILON * q;
        while distance < 0.25 * q {
            let sides = [self.drift(q - distance)?.0, self.drift(q + distance)?.0];
            if sides.iter().all(|d| d.abs() > 2.0 * self.noise(q)) {
                return Ok(Bounded {
                    value: q,
                    bound: distance,
                });
            }
            distance *= 2.0;
        }
        // All variances below q, 0 included, are as good.
        match self.vanishes()? {
            true => self.dead(q),
            false => Err(unsettled(format!(
                "near q = {q:e} the variance changes by less than rounding per layer (V' = {})",
                self.drift(q)?.1
            ))),
        }
    }

    /// Whether 0 is a fixed point that attracts: `V(0) = 0`, `V'(0) <= 1`.
    fn vanishes(&self) -> Result<bool> {
        let (drift, growth) = self.drift(0.0)?;
        Ok(drift == 0.0 && growth <= 1.0 + ACCURACY)
    }

    /// The fixed point 0, known to lie below `q`.
    fn dead(&self, q: f64) -> Result<Bounded> {
        match self.vanishes()? {
            true => Ok(Bounded {
                value: 0.0,
                bound: q,
            }),
            false => Err(unsettled(format!("the variance falls below {q:e}"))),
        }
    }

    /// `1 - c` in the next layer, for two samples of variance `q` with `1 - c = deficit`.
    fn next(&self, q: f64, deficit: f64) -> Result<f64> {
        let LayerLaw {
            weight_variance,
            bias_variance,
        } = self.law;
        let pair = Covariance::apart([q, q], deficit)?;
        Ok(pair
            .through(self.phi, weight_variance, bias_variance)?
            .deficit())
    }

    /// `1 - c*`: zero in the ordered phase and at its edge, else the one other fixed point.
    fn correlation(&self, variance: Bounded, chi: Bounded) -> Result<Bounded> {
        let q = variance.value;
        // A linear network keeps every correlation once the variance stands.
        let straight = *self.phi == Activation::Linear && self.law.bias_variance == 0.0;
        if straight {
            return Err(Error::unconverged(
                "fixed point of the correlation",
                "every correlation is kept: a linear network without biases",
                "use another activation, weight_variance or bias_variance",
            ));
        }
        // 1 - c* ~ 2 (chi_1 - 1)/C''(1) just above the edge: bound of what the error of chi_1 leaves open.
        let at_edge = |excess: f64| -> Result<Bounded> {
            Ok(Bounded {
                value: 0.0,
                bound: if excess > 0.0 {
                    self.bend(q, excess)?
                } else {
                    0.0
                },
            })
        };
        if chi.value - chi.bound <= 1.0 {
            return at_edge(chi.value + chi.bound - 1.0);
        }
        let excess = |deficit: f64| self.next(q, deficit).map_or(f64::NAN, |d| d - deficit);
        let mut low = 0.5;
        while low > 1e-12 && excess(low) <= 0.0 {
            low *= 0.5;
        }
        if excess(low) <= 0.0 {
            return at_edge(chi.value + chi.bound - 1.0);
        }
        if excess(1.0) >= 0.0 {
            // Odd nonlinearities without biases: c = 0 is fixed.
            return Ok(Bounded {
                value: 1.0,
                bound: 2.0 * ACCURACY,
            });
        }
        let root = brent(excess, low, 1.0, 1e-16)?;
        let slope = self.slope_at(q, root.x)?;
        let moved = (self.next(q + variance.bound, root.x)? - self.next(q, root.x)?).abs();
        Ok(Bounded {
            value: root.x,
            bound: root.width + (2.0 * ACCURACY + moved) / (1.0 - slope).max(f64::EPSILON),
        })
    }

    /// Scale of `1 - c*` for an excess of `chi_1` above 1, from the curvature of the correlation map near 1.
    fn bend(&self, q: f64, excess: f64) -> Result<f64> {
        let step = 1e-4;
        let curvature = (self.slope_at(q, 0.0)? - self.slope_at(q, step)?) / step;
        Ok((2.0 * excess / curvature.max(f64::EPSILON)).min(1.0))
    }

    fn slope_at(&self, q: f64, deficit: f64) -> Result<f64> {
        let pair = Covariance::apart([q, q], deficit)?;
        Ok(self.law.weight_variance * pair.slope(self.phi))
    }

    /// Slope of the correlation map at `1 - c* = deficit`.
    fn slope(&self, variance: Bounded, deficit: Bounded, chi: Bounded) -> Result<Bounded> {
        if deficit.value == 0.0 {
            return Ok(chi);
        }
        let (q, at) = (variance.value, deficit.value);
        let value = self.slope_at(q, at)?;
        let moved = (self.slope_at(q + variance.bound, at)? - value).abs()
            + (self.slope_at(q, at - deficit.bound)? - value).abs();
        Ok(Bounded {
            value,
            bound: moved + 2.0 * ACCURACY * chi.value,
        })
    }
}
