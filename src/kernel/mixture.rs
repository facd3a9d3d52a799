//! The dual activation of tanh: tanh is a mixture of error functions, whose dual activation is an arcsine.

use super::angle::{Angle, arcsine};
use crate::numerics::simd::vectorised;
use std::f64::consts::FRAC_2_PI;

/// Nodes of the mixture.
const NODES: usize = 12;

/// `(s, w)`: `tanh z = sum w erf(z sqrt(s/2))`, to 2e-9 at every `z` and to 1e-13 under Gaussian averages.
///
/// `tanh z = E erf(z/(sqrt 2 K))` where `K` follows Kolmogorov's law, since the logistic law is a mixture of Gaussians
/// (Andrews, Mallows 1974, J. R. Stat. Soc. B 36, 99). The average over `K`, `s = 1/K^2`, is taken by Gauss quadrature
/// in `ln K`: of the dual activation, which is smooth in `K`, the twelve nodes leave 1e-13 at all variances. They are
/// printed by `tests/reference/tanh_mixture.py`.
const MIXTURE: [(f64, f64); NODES] = [
    (12.99308393514522, 6.515686399676817e-6),
    (8.708058466146095, 0.0006346896919439049),
    (5.907897843203513, 0.011054560381193746),
    (3.967026655615162, 0.06680359139714917),
    (2.6172778622365063, 0.18634620490848933),
    (1.6966601135470674, 0.28258267830094214),
    (1.0879310521216918, 0.25666119286146377),
    (0.6985682296443132, 0.14306434548266153),
    (0.4544120749428517, 0.04549770989870683),
    (0.3005522673376834, 0.006963765633571207),
    (0.2009411239433088, 0.00038094132478774426),
    (0.13278458785346728, 3.804432690989116e-6),
];

/// One sample of variance `a` in all components of the mixture.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    /// `1/(1 + s a)`
    rest: [f64; NODES],
    /// `sqrt(s a/(1 + s a))`
    size: [f64; NODES],
    /// `sqrt(s/(1 + s a))`
    slope: [f64; NODES],
}

impl Mixture {
    pub fn new(a: f64) -> Self {
        let rest = MIXTURE.map(|(s, _)| 1.0 / (1.0 + s * a));
        let mut slope = [0.0; NODES];
        for (slope, (rest, (s, _))) in slope.iter_mut().zip(rest.iter().zip(MIXTURE)) {
            *slope = (s * rest).sqrt();
        }
        Mixture {
            rest,
            size: slope.map(|g| g * a.sqrt()),
            slope,
        }
    }

    /// `F = E[tanh u tanh v]` and `F' = E[tanh' u tanh' v]` of two samples at an angle.
    ///
    /// ```text
    /// F  = (2/pi) sum_ij w_i w_j asin r_ij,   r_ij = p_i q_j cos
    /// F' = (2/pi) sum_ij w_i w_j sqrt(s_i s_j/((1 + s_i a)(1 + s_j b)))/sqrt(1 - r_ij^2)
    /// p_i^2 = s_i a/(1 + s_i a),   q_j^2 = s_j b/(1 + s_j b)
    /// 1 - r_ij^2 = (1 - p_i^2) + p_i^2 (1 - q_j^2) + p_i^2 q_j^2 sin^2
    /// ```
    ///
    /// All terms have one sign, at every variance: nothing cancels.
    pub fn at_angle(&self, other: &Mixture, angle: Angle) -> (f64, f64) {
        vectorised(
            #[inline(always)]
            || self.sum(other, angle.cosine, angle.sine2),
        )
    }

    #[inline(always)]
    fn sum(&self, other: &Mixture, cosine: f64, sine2: f64) -> (f64, f64) {
        let (mut values, mut slopes) = ([0.0; NODES], [0.0; NODES]);
        for (j, (_, weight)) in MIXTURE.iter().enumerate() {
            let (v, q) = (other.rest[j], other.size[j]);
            let slope = weight * other.slope[j];
            for i in 0..NODES {
                let (u, p) = (self.rest[i], self.size[i]);
                let both = p * q;
                let r = both * cosine;
                let root = (u + p * p * v + both * both * sine2).sqrt();
                values[i] += weight * arcsine(r, root);
                slopes[i] += slope / root;
            }
        }
        let (mut value, mut slope) = (0.0, 0.0);
        for i in 0..NODES {
            value += MIXTURE[i].1 * values[i];
            slope += MIXTURE[i].1 * self.slope[i] * slopes[i];
        }
        (FRAC_2_PI * value, FRAC_2_PI * slope)
    }

    /// Derivative by the variance `a` of `E tanh^2`: with `1 - r_ij^2` as in [`Mixture::at_angle`] at angle 0,
    ///
    /// ```text
    /// d/da F = (2/pi) sum_ij w_i w_j (dr_ij/da)/sqrt(1 - r_ij^2)
    /// dr_ij/da = sqrt(s_i s_j/((1 + s_i a)(1 + s_j a))) (1/(1 + s_i a) + 1/(1 + s_j a))/2
    /// ```
    pub fn growth(&self) -> f64 {
        let mut sum = 0.0;
        for (i, (_, first)) in MIXTURE.iter().enumerate() {
            for (j, (_, second)) in MIXTURE.iter().enumerate() {
                let (u, v) = (self.rest[i], self.rest[j]);
                let root = (u + self.size[i].powi(2) * v).sqrt();
                sum += first * second * self.slope[i] * self.slope[j] * 0.5 * (u + v) / root;
            }
        }
        FRAC_2_PI * sum
    }

    /// A column of a tile: `(c, Theta)` of pairs with `other` to those after the layer `K = s_w2 F + s_b2`. `roots`:
    /// the square roots of the variances.
    pub fn layer(
        column: (&mut [f64], &mut [f64]),
        (rows, roots): (&[Mixture], &[f64]),
        other: (&Mixture, f64),
        (s_w2, s_b2): (f64, f64),
    ) {
        let (k, theta) = column;
        vectorised(
            #[inline(always)]
            || {
                for (row, k) in k.iter_mut().enumerate() {
                    let product = roots[row] * other.1;
                    let cosine = if product > 0.0 {
                        (*k / product).clamp(-1.0, 1.0)
                    } else {
                        0.0
                    };
                    let sine2 = (1.0 - cosine) * (1.0 + cosine);
                    let (value, slope) = rows[row].sum(other.0, cosine, sine2);
                    *k = s_w2 * value + s_b2;
                    theta[row] = *k + s_w2 * slope * theta[row];
                }
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mixture_is_tanh() {
        for k in -400..400 {
            let z = 1.07f64.powi(k);
            let sum: f64 = MIXTURE
                .iter()
                .map(|(s, w)| w * libm::erf(z * (0.5 * s).sqrt()))
                .sum();
            assert!((sum / z.tanh() - 1.0).abs() < 2e-9, "{z:e}: {sum}");
        }
    }

    /// `E tanh^2` and `E tanh'^2` by trapezoid sums, which converge exponentially for analytic functions.
    #[test]
    fn moments_are_gaussian_integrals() {
        for k in -40..36 {
            let a = 1.3f64.powi(k);
            let step = (0.2 * a.sqrt()).min(0.1);
            let reach = (10.0 * a.sqrt() / step) as i64;
            let (mut square, mut slope) = (0.0, 0.0);
            for j in -reach..=reach {
                let u = j as f64 * step;
                let weight = step * (-0.5 * u * u / a).exp() / (std::f64::consts::TAU * a).sqrt();
                square += weight * u.tanh().powi(2);
                slope += weight * u.cosh().powi(-4);
            }
            let (f, df) = Mixture::new(a).at_angle(&Mixture::new(a), Angle::NONE);
            assert!((f / square - 1.0).abs() < 2e-13, "{a}: {f} {square}");
            assert!((df / slope - 1.0).abs() < 2e-13, "{a}: {df} {slope}");
        }
    }

    /// `E[tanh u tanh v] -> (2/pi) asin(cos)`, the law of signs, with corrections of order `1/a`: tanh is a step for
    /// large pre-activations.
    #[test]
    fn large_variances_are_signs() {
        let angle = Angle {
            cosine: 0.5,
            sine2: 0.75,
        };
        let gap = |a: f64| Mixture::new(a).at_angle(&Mixture::new(a), angle).0 - 1.0 / 3.0;
        assert!((gap(1e12)).abs() < 1e-10);
        assert!(
            (gap(1e6) / gap(1e8) - 100.0).abs() < 0.1,
            "{} {}",
            gap(1e6),
            gap(1e8)
        );
    }
}
