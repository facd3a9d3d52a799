//! Dual activations in closed form, without branches, so that loops over pairs of samples are vectorised.

use crate::numerics::elementary::{acos, asin};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, PI};

/// What one sample contributes to the dual of a pair.
pub(super) type Factors = [f64; 2];

/// `F(a, b, c)` and `F' = dF/dc` of one nonlinearity, split into what depends on one sample (computed once per sample and layer)
/// and what depends on the pair.
pub(super) trait Pair: Copy + Sync {
    /// Factors of a sample of variance `a`.
    fn factors(self, a: f64) -> Factors;
    /// `(F, F')` at covariance `c`.
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64);
    /// `(F, F')` of a sample with itself, `a = b = c`: exact where the general formula loses digits.
    fn diagonal(self, a: f64) -> (f64, f64);
}

/// `phi(z) = z`.
#[derive(Clone, Copy)]
pub(super) struct Linear;

impl Pair for Linear {
    fn factors(self, _: f64) -> Factors {
        [0.0, 0.0]
    }

    #[inline(always)]
    fn value_and_slope(self, c: f64, _: Factors, _: Factors) -> (f64, f64) {
        (c, 1.0)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (a, 1.0)
    }
}

/// `phi(z) = erf(g z)`; the field is `2 g^2`.
#[derive(Clone, Copy)]
pub(super) struct Erf(pub f64);

impl Pair for Erf {
    fn factors(self, a: f64) -> Factors {
        [(self.0 / (1.0 + self.0 * a)).sqrt(), 0.0]
    }

    #[inline(always)]
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64) {
        let scale = x[0] * y[0];
        let r = clamp(c * scale);
        let root = ((1.0 - r) * (1.0 + r)).sqrt();
        (FRAC_2_PI * asin(r), FRAC_2_PI * scale / root)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        let s = self.0 * a;
        let value = FRAC_2_PI * (s / (1.0 + 2.0 * s).sqrt()).atan();
        (value, FRAC_2_PI * self.0 / (1.0 + 2.0 * s).sqrt())
    }
}

/// `phi(z) = max(z, 0)`.
#[derive(Clone, Copy)]
pub(super) struct Relu;

impl Pair for Relu {
    fn factors(self, a: f64) -> Factors {
        let root = a.sqrt();
        [if a > 0.0 { 1.0 / root } else { 0.0 }, root]
    }

    #[inline(always)]
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64) {
        let r = clamp(c * (x[0] * y[0]));
        let below = PI - acos(r);
        let sine = ((1.0 - r) * (1.0 + r)).sqrt();
        (
            x[1] * y[1] * (sine + below * r) * (0.5 / PI),
            below * (0.5 / PI),
        )
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (0.5 * a, 0.5)
    }
}

/// `phi(z) = z Phi(z)`.
#[derive(Clone, Copy)]
pub(super) struct Gelu;

impl Gelu {
    /// With `r = c/sqrt((1+a)(1+b))`, `w = 1 - r^2`, `u = 1/(1+a)`, `v = 1/(1+b)`, `ab = a b`:
    /// `H = sqrt(u v/w)/(2 pi)`, `F = c G + H (ab + c^2 (u + v - 1))`, `G = 1/4 + asin(r)/(2 pi)`.
    #[inline(always)]
    fn of(c: f64, product: f64, u: f64, v: f64, r: f64, w: f64) -> (f64, f64) {
        let density = (u * v / w).sqrt() * (0.5 / PI);
        let both = (asin(r) + FRAC_PI_2) * (0.5 / PI);
        let bend = u + v - 1.0;
        let inner = product + c * c * bend;
        (
            c * both + density * inner,
            both + density * (c * (1.0 + 2.0 * bend) + c * u * v / w * inner),
        )
    }
}

impl Pair for Gelu {
    fn factors(self, a: f64) -> Factors {
        [a, 1.0 / (1.0 + a)]
    }

    #[inline(always)]
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64) {
        let r = clamp(c * (x[1] * y[1]).sqrt());
        Gelu::of(c, x[0] * y[0], x[1], y[1], r, (1.0 - r) * (1.0 + r))
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        let u = 1.0 / (1.0 + a);
        Gelu::of(a, a * a, u, u, a * u, (1.0 + 2.0 * a) * u * u)
    }
}

/// `phi(z) = z^2`.
#[derive(Clone, Copy)]
pub(super) struct Quadratic;

impl Pair for Quadratic {
    fn factors(self, a: f64) -> Factors {
        [a, 0.0]
    }

    #[inline(always)]
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64) {
        (x[0] * y[0] + 2.0 * c * c, 4.0 * c)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (3.0 * a * a, 4.0 * a)
    }
}

/// Rounding may carry a correlation past 1; not-a-number is kept.
#[inline(always)]
fn clamp(r: f64) -> f64 {
    let r = if r > 1.0 { 1.0 } else { r };
    if r < -1.0 { -1.0 } else { r }
}
