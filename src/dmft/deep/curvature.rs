//! An activation with its first two derivatives.

use crate::kernel::Activation;
use crate::numerics::elementary::exp;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI};

/// `phi` with `phi'` and `phi''`.
#[derive(Debug, Clone)]
pub(super) struct Curved {
    activation: Activation,
    /// `phi'` of a Hermite series, itself a series.
    derived: Option<Activation>,
}

impl Curved {
    pub fn of(activation: &Activation) -> Self {
        let derived = match activation {
            Activation::Hermite(c) if c.len() > 1 => {
                let series = c.iter().enumerate().skip(1);
                Some(Activation::Hermite(
                    series.map(|(k, c)| (k as f64).sqrt() * c).collect(),
                ))
            }
            _ => None,
        };
        Curved {
            activation: activation.clone(),
            derived,
        }
    }

    /// Writes `phi(h)`, `phi'(h)` and `phi''(h)`; relu has no `phi''` (it is a delta function) and gets 0.
    pub fn apply(&self, h: &[f64], value: &mut [f64], slope: &mut [f64], curvature: &mut [f64]) {
        value.copy_from_slice(h);
        slope.fill(1.0);
        self.activation.apply(value, slope);
        for (i, second) in curvature.iter_mut().enumerate() {
            *second = match &self.activation {
                Activation::Linear | Activation::Relu => 0.0,
                Activation::Tanh => -2.0 * value[i] * slope[i],
                Activation::Erf => -h[i] * slope[i],
                Activation::UnscaledErf => -2.0 * h[i] * slope[i],
                Activation::Gelu => {
                    let peak = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;
                    (2.0 - h[i] * h[i]) * peak * exp(-0.5 * h[i] * h[i])
                }
                Activation::Quadratic => 2.0,
                Activation::Hermite(_) => self.derived.as_ref().map_or(0.0, |d| d.slope(h[i])),
            };
        }
    }
}

/// Whether `phi(-h) = -phi(h)`.
pub(super) fn is_odd(activation: &Activation) -> bool {
    match activation {
        Activation::Linear | Activation::Tanh | Activation::Erf | Activation::UnscaledErf => true,
        Activation::Relu | Activation::Gelu | Activation::Quadratic => false,
        Activation::Hermite(c) => c.iter().step_by(2).all(|&c| c == 0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn curvatures_are_the_derivatives_of_slopes() {
        let mut all = Activation::ALL.to_vec();
        all.push(Activation::Hermite(vec![0.3, 1.0, -0.4, 0.2, 0.1]));
        all.push(Activation::Hermite(vec![0.3]));
        let h = [-3.1, -0.7, -0.1, 0.4, 1.9];
        for phi in all {
            let (mut value, mut slope, mut curvature) = ([0.0; 5], [0.0; 5], [0.0; 5]);
            Curved::of(&phi).apply(&h, &mut value, &mut slope, &mut curvature);
            for i in 0..5 {
                let d = 1e-4;
                let difference = (phi.slope(h[i] + d) - phi.slope(h[i] - d)) / (2.0 * d);
                assert_eq!((value[i], slope[i]), (phi.value(h[i]), phi.slope(h[i])));
                assert!((curvature[i] - difference).abs() < 1e-7, "{phi:?}");
                let mirrored = phi.value(h[i]) + phi.value(-h[i]);
                assert!(!is_odd(&phi) || mirrored.abs() < 1e-15, "{phi:?}");
            }
        }
    }
}
