//! The angle between two Gaussian pre-activations, kept in a form that loses no digits where they are nearly parallel.

use crate::numerics::elementary::asin;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_PI_2};

/// Cosine and squared sine of the angle between two samples: the correlation `c/sqrt(ab)` and `1 - c^2/(ab)`.
///
/// Near a correlation of 1 the cosine alone knows the angle only to `1e-8`, and a rectifier's tangent kernel is linear
/// in the angle. The squared sine is therefore carried beside it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Angle {
    pub cosine: f64,
    pub sine2: f64,
}

/// Two samples of which one vanishes count as orthogonal.
const RIGHT: Angle = Angle {
    cosine: 0.0,
    sine2: 1.0,
};

impl Angle {
    /// A sample with itself.
    pub const NONE: Angle = Angle {
        cosine: 1.0,
        sine2: 0.0,
    };

    /// Of the covariance `[[a, c], [c, b]]`, whose determinant is formed without rounding of the products. A
    /// correlation that rounding has carried past `[-1, 1]` is clamped.
    pub fn of(a: f64, b: f64, c: f64) -> Self {
        if a == 0.0 || b == 0.0 {
            return RIGHT;
        }
        let cosine = (c / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0);
        let (product, square) = (a * b, c * c);
        let sine2 = match (1e-250..1e300).contains(&product) {
            true => {
                let rest = a.mul_add(b, -product) - c.mul_add(c, -square);
                ((product - square) + rest) / product
            }
            false => (1.0 - cosine) * (1.0 + cosine),
        };
        Angle {
            cosine: if sine2 > 0.0 {
                cosine
            } else {
                1f64.copysign(c)
            },
            sine2: sine2.clamp(0.0, 1.0),
        }
    }

    /// Of two samples `x` and `y`: for nearly parallel and antiparallel ones from the difference (or the sum) of the
    /// unit vectors.
    pub fn between(x: &[f64], y: &[f64], norms: [f64; 2]) -> Gap {
        let d = x.len() as f64;
        let (root_x, root_y) = ((norms[0] * d).sqrt(), (norms[1] * d).sqrt());
        if root_x == 0.0 || root_y == 0.0 {
            return Gap {
                angle: RIGHT,
                deficit: 1.0,
            };
        }
        let pairs = || x.iter().zip(y).map(|(x, y)| (x / root_x, y / root_y));
        let side = pairs().map(|(x, y)| x * y).sum::<f64>();
        let sign = if side < 0.0 { -1.0 } else { 1.0 };
        // |x/|x| - y/|y||^2 = 4 sin^2(eta/2), eta the angle to the nearest parallel.
        let half = 0.25 * pairs().map(|(x, y)| (x - sign * y).powi(2)).sum::<f64>();
        let cosine = sign * (1.0 - 2.0 * half);
        Gap {
            angle: Angle {
                cosine,
                sine2: (4.0 * half * (1.0 - half)).clamp(0.0, 1.0),
            },
            deficit: if sign > 0.0 {
                2.0 * half
            } else {
                2.0 - 2.0 * half
            },
        }
    }

    /// The angle itself, `0` to `pi`.
    pub fn theta(self) -> f64 {
        self.sine2.sqrt().atan2(self.cosine)
    }
}

/// An angle, and by how much its cosine falls short of 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Gap {
    pub angle: Angle,
    /// `1 - cos`, to relative accuracy.
    pub deficit: f64,
}

impl Gap {
    /// Of a covariance `f` between variances `f_x`, `f_y`, where `1 - cos` is needed only to rounding.
    pub fn of(f: f64, variances: [f64; 2]) -> Self {
        let product = variances[0].sqrt() * variances[1].sqrt();
        if product == 0.0 {
            return Gap {
                angle: RIGHT,
                deficit: 1.0,
            };
        }
        Gap::from_deficit(1.0 - (f / product).clamp(-1.0, 1.0))
    }

    /// From the angle.
    pub fn from_angle(angle: Angle) -> Self {
        Gap {
            angle,
            deficit: match angle.cosine > 0.0 {
                true => angle.sine2 / (1.0 + angle.cosine),
                false => 1.0 - angle.cosine,
            },
        }
    }

    /// From `1 - cos`.
    pub fn from_deficit(deficit: f64) -> Self {
        Gap {
            angle: Angle {
                cosine: 1.0 - deficit,
                sine2: deficit * (2.0 - deficit),
            },
            deficit,
        }
    }

    /// Variances, covariance and angle of `s_w f + s_b`: weights of variance `s_w2` on top of features with this gap
    /// and the second moments `moments`, and a bias.
    ///
    /// ```text
    /// ab - c^2 = s_w^4 fx fy sin^2 + s_w^2 s_b^2 (fx + fy - 2 f)
    /// fx + fy - 2 f = (sqrt fx - sqrt fy)^2 + 2 sqrt(fx fy) (1 - cos)
    /// ```
    ///
    /// No term is negative, so that the angle keeps its digits.
    pub fn layer(self, moments: [f64; 2], s_w2: f64, s_b2: f64) -> (f64, Angle) {
        let roots = moments.map(f64::sqrt);
        let product = roots[0] * roots[1];
        let c = s_w2 * product * self.angle.cosine + s_b2;
        let [a, b] = moments.map(|f| s_w2 * f + s_b2);
        if a == 0.0 || b == 0.0 {
            return (c, RIGHT);
        }
        let apart = (roots[0] - roots[1]).powi(2) + 2.0 * product * self.deficit;
        // Each factor is divided by a variance at once: their product may overflow.
        let parts = (s_w2 * moments[0] / a) * (s_w2 * moments[1] / b) * self.angle.sine2;
        let bias = (s_w2 * apart / a) * (s_b2 / b);
        let angle = Angle {
            cosine: (c / (a.sqrt() * b.sqrt())).clamp(-1.0, 1.0),
            sine2: (parts + bias).clamp(0.0, 1.0),
        };
        (c, angle)
    }
}

/// `asin r` from `r` and `root = sqrt(1 - r^2)`: of the smaller one of both, which keeps its digits.
#[inline(always)]
pub(super) fn arcsine(r: f64, root: f64) -> f64 {
    let outer = r.abs() > FRAC_1_SQRT_2;
    let of = asin(if outer { root } else { r.abs() });
    (if outer { FRAC_PI_2 - of } else { of }).copysign(r)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ab - c^2 = 2^-52 - 2^-60`, of which the rounded products keep `2^-52`.
    #[test]
    fn determinants_keep_what_products_lose() {
        let c = 1.0 + 2f64.powi(-30);
        let b = 1.0 + 2f64.powi(-29) + 2f64.powi(-52);
        let exact = (2f64.powi(-52) - 2f64.powi(-60)) / b;
        assert!((Angle::of(1.0, b, c).sine2 / exact - 1.0).abs() < 1e-15);
        for a in [1e-3, 0.7, 1e7] {
            assert_eq!(Angle::of(a, a, a), Angle::NONE);
            assert_eq!(Angle::of(a, a, -a).cosine, -1.0);
        }
    }
}
