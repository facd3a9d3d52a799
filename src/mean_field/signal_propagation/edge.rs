//! The edge of chaos: weight variances at which nearly parallel inputs neither part nor meet.

use super::{Bounded, LayerLaw, Onward};
use crate::error::{Error, Result};
use crate::kernel::Activation;
use crate::kernel::dual::ACCURACY;
use crate::numerics::root::brent;

/// Fixed points that are searched, on a logarithmic grid with 16 points per decade.
const SEARCHED: [f64; 2] = [1e-8, 1e8];

/// A point of the edge of chaos.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Edge {
    /// `s_w^2` with `chi_1 = 1`.
    pub weight_variance: Bounded,
    /// The fixed point `q*` there; `None` where every variance is kept (a rectifier with `s_w^2 = 2` and without
    /// biases).
    pub variance: Option<Bounded>,
    /// `V'(q*)`, below 1 or equal to it.
    pub growth: Bounded,
}

/// The weight variances `s_w^2` at which `chi_1 = 1` for a bias variance `s_b^2`, from the smallest fixed point to the
/// largest.
///
/// At the edge `s_w^2 = 1/E[phi'(sqrt(q) z)^2]`, and the fixed point is a root of one equation without a fixed point
/// inside:
///
/// ```text
/// q - E[phi(sqrt(q) z)^2]/E[phi'(sqrt(q) z)^2] = s_b^2
/// ```
///
/// Fixed points from `1e-8` to `1e8`, and 0, are searched. Roots whose variance is unstable (`V' > 1`) are left out: no
/// network settles there. Source of the phase diagram: Poole et al. 2016, arXiv:1606.05340, figure 1.
///
/// # Errors
/// A bias variance out of its range; `Unconverged` where no such weight variance exists (rectifiers with biases: `chi_1
/// = s_w^2/2` and a bounded variance needs `s_w^2 < 2`).
///
/// ```
/// use saddlepoint::kernel::Activation;
/// use saddlepoint::mean_field::signal_propagation::edges_of_chaos;
/// let edge = edges_of_chaos(&Activation::Tanh, 0.0)?[0];
/// assert!((edge.weight_variance.value - 1.0).abs() <= edge.weight_variance.bound);
/// assert!(edges_of_chaos(&Activation::Relu, 0.1).is_err());
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn edges_of_chaos(phi: &Activation, bias_variance: f64) -> Result<Vec<Edge>> {
    LayerLaw {
        weight_variance: 1.0,
        bias_variance,
    }
    .check()?;
    let none = |cause: &str| {
        Err(Error::unconverged(
            "edge of chaos",
            format!("s_b^2 = {bias_variance}: {cause}"),
            "change bias_variance or the activation",
        ))
    };
    if matches!(phi, Activation::Linear | Activation::Relu) {
        return match bias_variance == 0.0 {
            true => Ok(vec![edge(phi, None, 0.0, 0.0)?]),
            false => none("chi_1 = V' = 1 lets the variance grow by s_b^2 in every layer"),
        };
    }
    let needed = |q: f64| -> Result<f64> {
        let moments = phi.second_moments(q)?;
        Ok(q - moments.value / moments.slope - bias_variance)
    };
    let mut edges = Vec::new();
    let origin = phi.second_moments(0.0)?;
    if bias_variance == 0.0 && origin.value == 0.0 && origin.slope > 0.0 {
        edges.push(edge(phi, Some(0.0), 0.0, 0.0)?);
    }
    let decades = (SEARCHED[1] / SEARCHED[0]).log10();
    let count = (16.0 * decades).round() as usize;
    let grid = |k: usize| SEARCHED[0] * 10f64.powf(decades * k as f64 / count as f64);
    // Below its rounding error a difference has no sign.
    let sign = |q: f64| -> Result<f64> {
        let value = needed(q)?;
        Ok(if value.abs() < 4.0 * ACCURACY * q {
            0.0
        } else {
            value.signum()
        })
    };
    for k in 0..count {
        let (low, high) = (grid(k), grid(k + 1));
        if sign(low)? * sign(high)? < 0.0 {
            let root = brent(|q| needed(q).unwrap_or(f64::NAN), low, high, 1e-15 * low)?;
            let step = 1e-4 * root.x;
            let slope = (needed(root.x + step)? - needed(root.x - step)?) / (2.0 * step);
            let error = root.width + 4.0 * ACCURACY * root.x / slope.abs();
            let found = edge(phi, Some(root.x), error, bias_variance)?;
            if found.growth.value - found.growth.bound <= 1.0 {
                edges.push(found);
            }
        }
    }
    match edges.is_empty() {
        true => none("no stable fixed point from 1e-8 to 1e8 has chi_1 = 1"),
        false => Ok(edges),
    }
}

/// The edge whose fixed point is known to within `error`; without one, at any variance.
fn edge(phi: &Activation, q: Option<f64>, error: f64, bias_variance: f64) -> Result<Edge> {
    let variance = Bounded {
        value: q.unwrap_or(1.0),
        bound: error,
    };
    let unit = LayerLaw {
        weight_variance: 1.0,
        bias_variance,
    };
    let slope = Onward::at(phi, unit, variance)?.chi;
    let value = 1.0 / slope.value;
    let law = LayerLaw {
        weight_variance: value,
        bias_variance,
    };
    Ok(Edge {
        weight_variance: Bounded {
            value,
            bound: value * (slope.bound / slope.value + f64::EPSILON),
        },
        variance: q.map(|_| variance),
        growth: Onward::at(phi, law, variance)?.growth,
    })
}
