//! Dual activations in closed form, without branches, so that loops over pairs of samples are vectorised.

use super::angle::{Angle, Gap, arcsine};
use crate::numerics::elementary::{acos, asin};
use std::f64::consts::{FRAC_2_PI, FRAC_PI_2, PI};

/// What one sample contributes to the dual of a pair.
pub(super) type Factors = [f64; 2];

/// `F(a, b, c)` and `F' = dF/dc` of one nonlinearity, split into what depends on one sample (computed once per sample and layer)
/// and what depends on the pair.
pub(super) trait Pair: Copy + Sync {
    /// Factors of a sample of variance `a`.
    fn factors(self, a: f64) -> Factors;
    /// `(F, F')` at covariance `c`; good to rounding where `c^2 < 0.999 ab`.
    fn value_and_slope(self, c: f64, x: Factors, y: Factors) -> (f64, f64);
    /// `(F, F')` at variances `a`, `b`, good to rounding at every angle.
    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64);
    /// `(F, F')` of a sample with itself, `a = b = c`.
    fn diagonal(self, a: f64) -> (f64, f64);
    /// Derivative by `a` of the second moment `F(a, a, a)`.
    fn growth(self, a: f64) -> f64;
    /// `dF/da` at fixed `b` and `c`, `1/2 E[phi''(u) phi(v)]`, given `F'`; none where it is not known in closed form.
    fn variance_slope(self, a: f64, b: f64, angle: Angle, slope: f64) -> Option<f64>;
    /// The angle between the features, given their covariance `f` and second moments: exact where `f` is not enough.
    fn gap(self, _angle: Angle, f: f64, moments: [f64; 2]) -> Gap {
        Gap::of(f, moments)
    }
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

    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        (a.sqrt() * b.sqrt() * angle.cosine, 1.0)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (a, 1.0)
    }

    fn variance_slope(self, _: f64, _: f64, _: Angle, _: f64) -> Option<f64> {
        Some(0.0)
    }

    fn growth(self, _: f64) -> f64 {
        1.0
    }

    fn gap(self, angle: Angle, _: f64, _: [f64; 2]) -> Gap {
        Gap::from_angle(angle)
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

    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        let rest = Rest::new(self.0, a, b, angle);
        (
            FRAC_2_PI * arcsine(rest.r, rest.root),
            FRAC_2_PI * self.0 * (rest.u * rest.v).sqrt() / rest.root,
        )
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        let s = self.0 * a;
        let value = FRAC_2_PI * (s / (1.0 + 2.0 * s).sqrt()).atan();
        (value, FRAC_2_PI * self.0 / (1.0 + 2.0 * s).sqrt())
    }

    fn variance_slope(self, a: f64, b: f64, angle: Angle, slope: f64) -> Option<f64> {
        let c = a.sqrt() * b.sqrt() * angle.cosine;
        Some(-0.5 * self.0 * c * slope / (1.0 + self.0 * a))
    }

    fn growth(self, a: f64) -> f64 {
        let s = self.0 * a;
        FRAC_2_PI * self.0 / ((1.0 + s) * (1.0 + 2.0 * s).sqrt())
    }
}

/// `r = c s/sqrt((1 + s a)(1 + s b))` and `sqrt(1 - r^2)`, of which no part cancels:
/// with `u = 1/(1 + s a)`, `v = 1/(1 + s b)`, `1 - r^2 = u + (1 - u) v + (1 - u)(1 - v) sin^2`.
struct Rest {
    u: f64,
    v: f64,
    r: f64,
    root: f64,
}

impl Rest {
    fn new(s: f64, a: f64, b: f64, angle: Angle) -> Self {
        let (u, v) = (1.0 / (1.0 + s * a), 1.0 / (1.0 + s * b));
        let (p, q) = (s * a * u, s * b * v);
        Rest {
            u,
            v,
            r: p.sqrt() * q.sqrt() * angle.cosine,
            root: (u + p * v + p * q * angle.sine2).sqrt(),
        }
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

    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        let (theta, sine) = (angle.theta(), angle.sine2.sqrt());
        let below = sine.atan2(-angle.cosine);
        let value = match below < 0.3 {
            true => arc_excess(below),
            false => sine + (PI - theta) * angle.cosine,
        };
        (a.sqrt() * b.sqrt() * value * (0.5 / PI), below * (0.5 / PI))
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (0.5 * a, 0.5)
    }

    /// The sample of zero norm keeps it: its derivative is not used, and is 0.
    fn variance_slope(self, a: f64, b: f64, angle: Angle, _: f64) -> Option<f64> {
        let ratio = if a > 0.0 { b / a } else { 0.0 };
        Some((angle.sine2 * ratio).sqrt() * (0.25 / PI))
    }

    fn growth(self, _: f64) -> f64 {
        0.5
    }

    /// `1 - cos' = (1 - cos t) - (sin t - t cos t)/pi`.
    fn gap(self, angle: Angle, f: f64, moments: [f64; 2]) -> Gap {
        let t = angle.theta();
        if t > 0.3 {
            return Gap::of(f, moments);
        }
        let half = (0.5 * t).sin();
        Gap::from_deficit(2.0 * half * half - arc_excess(t) / PI)
    }
}

/// `sin t - t cos t` for small `t`, from its series `sum_k (-1)^(k+1) 2k t^(2k+1)/(2k+1)!`.
fn arc_excess(t: f64) -> f64 {
    let square = t * t;
    let (mut term, mut sum) = (t * square / 3.0, 0.0);
    for k in 1..9 {
        sum += term;
        let k = k as f64;
        term *= -square / (2.0 * k * (2.0 * k + 3.0));
    }
    sum
}

/// `phi(z) = z Phi(z)`.
#[derive(Clone, Copy)]
pub(super) struct Gelu;

impl Gelu {
    /// With `r = c/sqrt((1+a)(1+b))`, `w = 1 - r^2`, `u = 1/(1+a)`, `v = 1/(1+b)`, and `e = ab - c^2 + c^2 (u + v)`:
    ///
    /// ```text
    /// G = 1/4 + asin(r)/(2 pi),   H = sqrt(u v/w)/(2 pi),   F = c G + H e,   F' = G + H c (u + v + u v/w)
    /// ```
    #[inline(always)]
    fn of(c: f64, e: f64, u: f64, v: f64, quarter: f64, w: f64) -> (f64, f64) {
        let density = (u * v / w).sqrt() * (0.5 / PI);
        let both = quarter * (0.5 / PI);
        (
            c * both + density * e,
            both + density * c * (u + v + u * v / w),
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
        let e = x[0] * y[0] + c * c * (x[1] + y[1] - 1.0);
        Gelu::of(c, e, x[1], y[1], asin(r) + FRAC_PI_2, (1.0 - r) * (1.0 + r))
    }

    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        let rest = Rest::new(1.0, a, b, angle);
        let c = a.sqrt() * b.sqrt() * angle.cosine;
        let e = a * b * (angle.sine2 + (1.0 - angle.sine2) * (rest.u + rest.v));
        let quarter = rest.root.atan2(-rest.r);
        Gelu::of(c, e, rest.u, rest.v, quarter, rest.root * rest.root)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        self.at_angle(a, a, Angle::NONE)
    }

    fn variance_slope(self, _: f64, _: f64, _: Angle, _: f64) -> Option<f64> {
        None
    }

    /// On the diagonal `F = a G + a^2/(pi (1 + a) sqrt(1 + 2a))`; all terms of its derivative are positive:
    /// `G + a/(2 pi (1 + a) sqrt(1 + 2a)) + a (2 + 4a + a^2)/(pi (1 + a)^2 (1 + 2a)^(3/2))`.
    fn growth(self, a: f64) -> f64 {
        let (one, two) = (1.0 + a, 1.0 + 2.0 * a);
        let quarter = 0.25 + (a / two.sqrt()).atan() * (0.5 / PI);
        // Divided factor by factor: the products may overflow.
        let bend = (a / one) * ((2.0 + a * (4.0 + a)) / (one * two)) / (PI * two.sqrt());
        quarter + (a / one) * (0.5 / PI) / two.sqrt() + bend
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

    fn at_angle(self, a: f64, b: f64, angle: Angle) -> (f64, f64) {
        let cosine2 = 1.0 - angle.sine2;
        let c = a.sqrt() * b.sqrt() * angle.cosine;
        (a * b * (1.0 + 2.0 * cosine2), 4.0 * c)
    }

    fn diagonal(self, a: f64) -> (f64, f64) {
        (3.0 * a * a, 4.0 * a)
    }

    fn variance_slope(self, _: f64, b: f64, _: Angle, _: f64) -> Option<f64> {
        Some(b)
    }

    fn growth(self, a: f64) -> f64 {
        6.0 * a
    }
}

/// Rounding may carry a correlation past 1; not-a-number is kept.
#[inline(always)]
fn clamp(r: f64) -> f64 {
    let r = if r > 1.0 { 1.0 } else { r };
    if r < -1.0 { -1.0 } else { r }
}
