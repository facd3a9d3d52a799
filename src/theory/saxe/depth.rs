//! One balanced mode of a linear network of any depth.

use crate::error::{Error, Result};
use crate::numerics::quadrature;
use crate::numerics::root::brent;

/// Number of weight matrices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// `L >= 1` weight matrices.
    Layers(usize),
    /// The limit `L -> inf`, in the time `L t` that stays finite.
    Infinite,
}

/// A balanced, aligned mode: `L` equal layer scales `u^{1/L}`, with
///
/// ```text
/// du/dt = L u^{2 - 2/L} (s - u)                                    (t in units of tau)
/// ```
///
/// `u0` is the starting strength of the *product*; the layer scale is `u0^{1/L}`, and depths compared at equal `u0` or at equal
/// layer scale give opposite orders. For `Depth::Infinite` every time below is `L t`.
///
/// With `u = s/(1 + e^{-z})` (`s/(1 - e^{-z})` from above) the flow becomes `dz/dt = L s u^{1 - 2/L}`, free of singularities:
///
/// ```text
/// t(u0 -> u) = (1/(L s)) int_{z0}^{z} u(z)^{-(1 - 2/L)} dz,
/// ```
///
/// done by Gauss-Kronrod quadrature; `L = 1`, `2` and `inf` are closed forms. The trajectory inverts `t(u)` by a bracketed root.
/// Source: Saxe, McClelland, Ganguli 2014, arXiv:1312.6120 (`N_l - 1 = L`).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DeepMode {
    s: f64,
    u0: f64,
    depth: Depth,
}

/// A value with its numerical error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    /// The number.
    pub value: f64,
    /// Absolute error bound.
    pub bound: f64,
}

const ACCURACY: f64 = 1e-13;

impl DeepMode {
    /// Singular value `s > 0`, starting strength `u0 > 0` and depth.
    ///
    /// # Errors
    /// `Input` for `s <= 0`, `u0 <= 0` or no layer.
    pub fn new(s: f64, u0: f64, depth: Depth) -> Result<Self> {
        if !(s > 0.0 && s.is_finite() && u0 > 0.0 && u0.is_finite()) {
            return Err(Error::input(
                "deep mode",
                format!("needs s > 0 and u0 > 0, got s = {s}, u0 = {u0}"),
                "give a positive singular value and a positive start",
            ));
        }
        if depth == Depth::Layers(0) {
            return Err(Error::input(
                "deep mode",
                "no layer",
                "use at least one layer",
            ));
        }
        Ok(DeepMode { s, u0, depth })
    }

    /// `1 - 2/L`
    fn power(&self) -> f64 {
        match self.depth {
            Depth::Layers(layers) => 1.0 - 2.0 / layers as f64,
            Depth::Infinite => 1.0,
        }
    }

    fn layers(&self) -> f64 {
        match self.depth {
            Depth::Layers(layers) => layers as f64,
            Depth::Infinite => 1.0,
        }
    }

    /// `z = -ln |s/u - 1|`
    fn logit(&self, u: f64) -> f64 {
        -((self.s - u) / u).abs().ln()
    }

    fn strength_at(&self, z: f64) -> f64 {
        match self.u0 < self.s {
            true => self.s / (1.0 + (-z).exp()),
            false => self.s / -(-z).exp_m1(),
        }
    }

    fn time_between(&self, z0: f64, z: f64) -> Result<Bounded> {
        let power = self.power();
        let scale = 1.0 / (self.layers() * self.s);
        let closed = |value: f64| Bounded {
            value,
            bound: 1e-14 * value.abs(),
        };
        let (u0, u) = (self.u0, self.strength_at(z));
        Ok(match self.depth {
            // int u dz / s = int du / (s - u)
            Depth::Layers(1) => closed(((self.s - u0) / (self.s - u)).ln()),
            Depth::Layers(2) => closed(scale * (z - z0)),
            Depth::Infinite => closed(((z - z0) / self.s + 1.0 / u0 - 1.0 / u) * scale),
            Depth::Layers(_) => {
                let f = |z: f64| self.strength_at(z).powf(-power);
                let i = quadrature::integrate(f, z0, z, ACCURACY, 0.0)?;
                Bounded {
                    value: scale * i.value,
                    bound: scale * i.error,
                }
            }
        })
    }

    /// Time from the start to strength `u`, between `u0` and `s` (both ends excluded, `u0` itself gives 0).
    ///
    /// # Errors
    /// `Input` when `u` is not on the path; `Unconverged` from the quadrature.
    ///
    /// ```
    /// use saddlepoint::theory::saxe::depth::{DeepMode, Depth};
    /// let mode = DeepMode::new(2.0, 0.01, Depth::Layers(3)).unwrap();
    /// assert!((mode.time_to(1.9).unwrap().value - 2.40335469).abs() < 5e-9);
    /// ```
    pub fn time_to(&self, u: f64) -> Result<Bounded> {
        if u == self.u0 {
            return Ok(Bounded {
                value: 0.0,
                bound: 0.0,
            });
        }
        if u.is_nan() || (u - self.u0) * (self.s - u) <= 0.0 {
            return Err(Error::input(
                "deep mode",
                format!("u = {u} is not between u0 = {} and s = {}", self.u0, self.s),
                "ask for a strength on the path",
            ));
        }
        self.time_between(self.logit(self.u0), self.logit(u))
    }

    /// Strength at time `t >= 0`.
    ///
    /// # Errors
    /// `Unconverged` from the quadrature or the root search.
    pub fn strength(&self, t: f64) -> Result<Bounded> {
        let Self { s, u0, .. } = *self;
        let closed = |value: f64| Bounded {
            value,
            bound: 1e-14 * s.max(u0),
        };
        match self.depth {
            _ if t == 0.0 || u0 == s => return Ok(closed(u0)),
            Depth::Layers(1) => return Ok(closed(s - (s - u0) * (-t).exp())),
            Depth::Layers(2) => return Ok(closed(super::scalar::balanced(s, u0, t))),
            _ => {}
        }
        // u lies between u0 and s and dz/dt = L s u^power, power > 0: this brackets z.
        let rate = |u: f64| self.layers() * s * u.powf(self.power());
        let z0 = self.logit(u0);
        let low = z0 + t * rate(s.min(u0)) * (1.0 - 1e-9);
        let high = z0 + t * rate(s.max(u0)) * (1.0 + 1e-9);
        // Beyond z = 40 the distance from s is below rounding.
        if low > 40.0 {
            return Ok(closed(s));
        }
        let high = high.min(41.0);
        let late = |z: f64| self.time_between(z0, z).map_or(f64::NAN, |x| x.value) - t;
        if late(high) < 0.0 {
            return Ok(closed(s));
        }
        let root = brent(late, low, high, 1e-13)?;
        let u = self.strength_at(root.x);
        let quadrature = self.time_between(z0, root.x)?.bound;
        let speed = u * (s - u).abs() / s;
        Ok(Bounded {
            value: u,
            bound: speed * (root.width + quadrature * rate(u)) + 1e-15 * u,
        })
    }

    /// Escape time from a small start (plateau length), leading order in `u0 -> 0`:
    /// `L = 2: ln(s/u0)/(2 s)`;  `L > 2: u0^{-(1-2/L)} / (s (L - 2))`;  `L = inf: 1/(s u0)` (in `L t`).
    /// Zero for `L = 1`, which has no plateau.
    pub fn plateau(&self) -> f64 {
        let Self { s, u0, .. } = *self;
        match self.depth {
            Depth::Layers(1) => 0.0,
            Depth::Layers(2) => (s / u0).ln() / (2.0 * s),
            Depth::Layers(layers) => u0.powf(-self.power()) / (s * (layers as f64 - 2.0)),
            Depth::Infinite => 1.0 / (s * u0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::flow::{Tolerance, integrate};

    fn mode(layers: usize) -> DeepMode {
        DeepMode::new(2.0, 0.01, Depth::Layers(layers)).unwrap()
    }

    #[test]
    fn reference_times() {
        let table = [
            (1, 0.68813464, 2.99071973),
            (2, 1.32332621, 2.05943595),
            (3, 1.97755858, 2.40335469),
            (4, 2.39328541, 2.69117781),
            (5, 2.60610290, 2.83478432),
            (8, 2.65528835, 2.78972693),
            (50, 0.88036684, 0.90013735),
        ];
        for (layers, one, late) in table {
            let m = mode(layers);
            assert!((m.time_to(1.0).unwrap().value - one).abs() <= 6e-9);
            assert!((m.time_to(1.9).unwrap().value - late).abs() <= 6e-9);
        }
        let limit = DeepMode::new(2.0, 0.01, Depth::Infinite).unwrap();
        assert!((limit.time_to(1.0).unwrap().value - 50.82332621).abs() <= 6e-9);
        assert!((50.0 * mode(50).time_to(1.0).unwrap().value - 44.0183).abs() < 6e-5);
    }

    #[test]
    fn reference_trajectories() {
        let times = [0.5, 1.0, 1.5, 2.0, 3.0];
        let three = [0.02058467, 0.05280212, 0.19714049, 1.06796861, 1.9988233];
        let four = [0.01557636, 0.02747314, 0.06025296, 0.20906711, 1.9967253];
        for (i, t) in times.into_iter().enumerate() {
            assert!((mode(3).strength(t).unwrap().value - three[i]).abs() <= 6e-9);
            assert!((mode(4).strength(t).unwrap().value - four[i]).abs() <= 6e-9);
        }
    }

    #[test]
    fn trajectories_solve_the_flow_from_below_and_above() {
        let tolerance = Tolerance {
            relative: 1e-13,
            absolute: 1e-15,
            ..Tolerance::default()
        };
        let times = [0.2, 0.7, 1.5, 4.0];
        for (layers, s, u0) in [(1, 1.2, 0.3), (2, 1.2, 2.0), (3, 1.2, 0.05), (5, 0.8, 2.5)] {
            let l = layers as f64;
            let flow =
                |_: f64, u: &[f64], d: &mut [f64]| d[0] = l * u[0].powf(2.0 - 2.0 / l) * (s - u[0]);
            let (path, _) = integrate(flow, 0.0, &[u0], &times, tolerance).unwrap();
            let m = DeepMode::new(s, u0, Depth::Layers(layers)).unwrap();
            for (t, u) in times.iter().zip(&path) {
                let got = m.strength(*t).unwrap();
                assert!(
                    (got.value - u[0]).abs() < 1e-11,
                    "{layers} {t}: {got:?} {u:?}"
                );
            }
        }
    }

    #[test]
    fn limits() {
        // L t approaches its limit as 1/L.
        let limit = DeepMode::new(2.0, 0.3, Depth::Infinite).unwrap();
        let exact = limit.time_to(1.5).unwrap().value;
        let gap = |layers: usize| {
            let m = DeepMode::new(2.0, 0.3, Depth::Layers(layers)).unwrap();
            layers as f64 * m.time_to(1.5).unwrap().value - exact
        };
        assert!((gap(2000) / gap(4000) - 2.0).abs() < 0.01);
        // Plateau: the leading order is approached from a small start.
        for layers in [2, 3, 5] {
            let m = DeepMode::new(2.0, 1e-12, Depth::Layers(layers)).unwrap();
            let ratio = m.time_to(1.0).unwrap().value / m.plateau();
            assert!((ratio - 1.0).abs() < 1e-3, "{layers} {ratio}");
        }
        // Long times reach s.
        for layers in [1, 2, 3, 9] {
            let u = mode(layers).strength(1e3).unwrap().value;
            assert!((u - 2.0).abs() < 1e-14);
        }
        assert!(mode(3).time_to(2.5).is_err());
        assert!(DeepMode::new(2.0, 0.0, Depth::Layers(3)).is_err());
    }
}
