//! One mode of a two-layer linear network under gradient flow: the product `u = a b` of two scalar weights.

/// Mode strength at time `t` from the balanced start `a = b = sqrt(u0)`:
///
/// ```text
/// u(t) = s / (1 + (s/u0 - 1) exp(-2 s t))
/// ```
///
/// `s >= 0` singular value of the input-output correlation, `u0 >= 0` starting strength, `t` in units of tau. Solves
/// `du/dt = 2 u (s - u)`. Exact to rounding for every `t >= 0`; `s = 0` gives `u0 / (1 + 2 u0 t)`.
/// Source: Saxe, McClelland, Ganguli 2014, arXiv:1312.6120.
///
/// ```
/// use saddlepoint::theory::saxe::scalar::balanced;
/// assert!((balanced(3.0, 1e-3, 1.0) - 0.35571248).abs() < 5e-9);
/// ```
pub fn balanced(s: f64, u0: f64, t: f64) -> f64 {
    if s == 0.0 {
        return u0 / (1.0 + 2.0 * u0 * t);
    }
    let decay = (-2.0 * s * t).exp();
    s * u0 / (u0 + (s - u0) * decay)
}

/// Time from `u0` to `u` on the balanced path: `(1/2s) ln[ u (s - u0) / (u0 (s - u)) ]`.
///
/// Infinite when `u` is not reached (`u >= s > u0`), not-a-number when it lies in the past.
pub fn balanced_time(s: f64, u0: f64, u: f64) -> f64 {
    let t = (u * (s - u0) / (u0 * (s - u))).ln() / (2.0 * s);
    match (u - u0) * (s - u0) < 0.0 {
        true => f64::NAN,
        false if (s - u) * (s - u0) <= 0.0 && u != u0 => f64::INFINITY,
        false => t,
    }
}

/// Half-rise time `ln(s/u0 - 1) / 2s` of the balanced path; negative when `u0 > s/2`.
///
/// ```
/// use saddlepoint::theory::saxe::scalar::balanced_half_rise;
/// assert!((balanced_half_rise(0.5, 1e-3) - 6.21260610).abs() < 5e-9);
/// ```
pub fn balanced_half_rise(s: f64, u0: f64) -> f64 {
    (s / u0 - 1.0).ln() / (2.0 * s)
}

/// One mode `u = a b` from an arbitrary start: `da/dt = b (s - a b)`, `db/dt = a (s - a b)`.
///
/// `c = a^2 - b^2` is conserved. With `R = sqrt(c^2 + 4 s^2)` the squared sum `P = (a + b)^2` obeys the Riccati equation
/// `dP/dt = -(P - P_inf)(P + k)/2`, `P_inf = R + 2 s`, `k = c^2 / P_inf`, so that with `e = exp(-R t)`
///
/// ```text
/// P(t) = [P_inf (P0 + k) - k (P_inf - P0) e] / [P0 + k + (P_inf - P0) e],      u = (P - c^2/P) / 4.
/// ```
///
/// For `|c|` large that difference cancels, and the equivalent form in `y = tanh(theta/2)`, `u = (|c|/2) sinh(theta)` is used:
///
/// ```text
/// y(t) = (y_inf - p) / (1 + p y_inf),   p = (y_inf - y0)/(1 + y_inf y0) e,   y_inf = 2 s/(R + |c|),   u = |c| y/(1 - y^2).
/// ```
///
/// Both are free of overflow, hold for `c -> 0` (the balanced mode) without a switch, for negative starts `a0 b0 <= 0`, and are
/// symmetric in `a <-> b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mode {
    s: f64,
    /// `|a0^2 - b0^2|`
    c: f64,
    r: f64,
    /// `(a0 + b0)^2`
    sum0: f64,
    /// `(a0 - b0)^2`
    difference0: f64,
    u0: f64,
}

impl Mode {
    /// Singular value `s >= 0` and initial weights of the two layers, any signs.
    pub fn new(s: f64, a0: f64, b0: f64) -> Self {
        let c = ((a0 - b0) * (a0 + b0)).abs();
        Mode {
            s,
            c,
            r: c.hypot(2.0 * s),
            sum0: (a0 + b0).powi(2),
            difference0: (a0 - b0).powi(2),
            u0: a0 * b0,
        }
    }

    /// Mode strength at time `t >= 0`.
    ///
    /// ```
    /// use saddlepoint::theory::saxe::scalar::Mode;
    /// assert!((Mode::new(2.0, 0.5, -0.2).strength(2.0) - 1.94636491).abs() < 5e-9);
    /// ```
    pub fn strength(&self, t: f64) -> f64 {
        let Mode { s, c, r, .. } = *self;
        if s == 0.0 && c == 0.0 {
            return self.u0 / (1.0 + 2.0 * self.u0.abs() * t);
        }
        let decay = (-r * t).exp();
        if c > s.max(self.u0.abs()) {
            let theta0 = (2.0 * self.u0 / c).asinh();
            let (y0, y_inf) = ((0.5 * theta0).tanh(), 2.0 * s / (r + c));
            let p = (y_inf - y0) / (1.0 + y_inf * y0) * decay;
            let y = (y_inf - p) / (1.0 + p * y_inf);
            return c * y / (1.0 - y * y);
        }
        if self.sum0 == 0.0 {
            // a = -b: the symmetric saddle is approached along its stable manifold, v = -u with dv/dt = -2 v (s + v).
            let v0 = -self.u0;
            return -s * v0 * decay / (s + v0 * (1.0 - decay));
        }
        let p_inf = r + 2.0 * s;
        let k = c * c / p_inf;
        let gap = (p_inf - self.sum0) * decay;
        let sum = (p_inf * (self.sum0 + k) - k * gap) / (self.sum0 + k + gap);
        0.25 * (sum - self.sum0 * self.difference0 / sum)
    }

    /// First time at which the strength equals `u`, for `u` between the start and `s`; not-a-number otherwise.
    pub fn time_to(&self, u: f64) -> f64 {
        let Mode { s, c, r, .. } = *self;
        if u == self.u0 {
            return 0.0;
        }
        if (u - self.u0) * (s - u) <= 0.0 {
            return f64::NAN;
        }
        if c > s.max(self.u0.abs()) {
            let y_of = |u: f64| (0.5 * (2.0 * u / c).asinh()).tanh();
            let y_inf = 2.0 * s / (r + c);
            let p = |y: f64| (y_inf - y) / (1.0 + y_inf * y);
            return (p(y_of(self.u0)) / p(y_of(u))).ln() / r;
        }
        let p_inf = r + 2.0 * s;
        let k = c * c / p_inf;
        // The positive root of P - c^2/P = 4u, without cancellation for negative u.
        let root = (2.0 * u).hypot(c);
        let sum = match u < 0.0 {
            true => c * c / (root - 2.0 * u),
            false => root + 2.0 * u,
        };
        ((p_inf - self.sum0) * (sum + k) / ((self.sum0 + k) * (p_inf - sum))).ln() / r
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::flow::{Tolerance, integrate};

    #[test]
    fn balanced_reference_numbers() {
        let cases = [
            (3.0, 1.0, 0.35571248),
            (3.0, 2.0, 2.9457207),
            (3.0, 3.0, 2.99986298),
            (1.5, 2.0, 0.3180898),
            (1.5, 3.0, 1.26583208),
            (0.5, 5.0, 0.11462013),
        ];
        for (s, t, u) in cases {
            assert!((balanced(s, 1e-3, t) - u).abs() <= 6e-9, "{s} {t}");
        }
        for (s, t) in [(3.0, 1.33433903), (1.5, 2.43751783), (0.5, 6.21260610)] {
            assert!((balanced_half_rise(s, 1e-3) - t).abs() <= 6e-9);
            assert!((balanced_time(s, 1e-3, 0.5 * s) - t).abs() <= 6e-9);
        }
    }

    #[test]
    fn unbalanced_reference_numbers() {
        let cases = [
            (2.0, 1.0, 0.1, 0.5, 1.15910963),
            (2.0, 1.0, 0.1, 1.0, 1.83722381),
            (2.0, 1.0, 0.1, 2.0, 1.99714229),
            (2.0, 0.1, 1.0, 0.5, 1.15910963),
            (1.0, 2.0, 0.001, 0.5, 0.87714462),
            (1.0, 2.0, 0.001, 1.0, 0.98658324),
            (2.0, 0.5, -0.2, 0.5, 0.14606840),
            (2.0, 0.5, -0.2, 1.0, 0.79319629),
            (2.0, 0.5, -0.2, 2.0, 1.94636491),
        ];
        for (s, a, b, t, u) in cases {
            let mode = Mode::new(s, a, b);
            assert!((mode.strength(t) - u).abs() <= 6e-9, "{s} {a} {b} {t}");
            assert!((mode.time_to(mode.strength(t)) - t).abs() < 1e-9);
            assert_eq!(mode.strength(t), Mode::new(s, b, a).strength(t));
            assert_eq!(mode.strength(t), Mode::new(s, -a, -b).strength(t));
        }
    }

    #[test]
    fn both_forms_solve_the_flow() {
        let tolerance = Tolerance {
            relative: 1e-13,
            absolute: 1e-15,
            ..Tolerance::default()
        };
        let times = [0.1, 0.4, 1.0, 2.5];
        for (s, a, b) in [
            (1.0, 1e-4, 2e-4),
            (1.0, 0.3, 0.3),
            (1.5, 4.0, 0.2),
            (0.7, 3.0, -0.5),
            (0.0, 0.9, 0.4),
            (2.0, -0.3, 0.3),
            (2.0, 1.001, 0.999),
            (1.0, 2.0, 2.0),
        ] {
            let flow = |_: f64, w: &[f64], d: &mut [f64]| {
                let error = s - w[0] * w[1];
                d[0] = w[1] * error;
                d[1] = w[0] * error;
            };
            let (paths, _) = integrate(flow, 0.0, &[a, b], &times, tolerance).unwrap();
            for (t, w) in times.iter().zip(&paths) {
                let u = Mode::new(s, a, b).strength(*t);
                assert!((u - w[0] * w[1]).abs() < 2e-11, "{s} {a} {b} {t}: {u}");
            }
        }
    }

    #[test]
    fn limits() {
        for t in [0.0, 0.3, 2.0, 1e4] {
            let (mode, exact) = (Mode::new(1.3, 0.01, 0.01), balanced(1.3, 1e-4, t));
            assert!((mode.strength(t) - exact).abs() < 1e-14);
            // Lazy: the product relaxes exponentially at rate |c|.
            let (s, b) = (1.0, 1e-9);
            let lazy = s * (1.0 - (-1e8 * t * 1e-8).exp());
            assert!((Mode::new(s, 1e4, b).strength(t * 1e-8) - lazy).abs() < 2e-5);
        }
        assert_eq!(balanced_time(1.0, 0.1, 1.0), f64::INFINITY);
        assert!(balanced_time(1.0, 0.1, 0.05).is_nan());
        assert!(Mode::new(1.0, 0.1, 0.1).time_to(1.5).is_nan());
    }
}
