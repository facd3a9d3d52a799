//! Hermite coefficients of a nonlinearity at any variance, and the dual activation of Hermite polynomials.

use super::activation::Activation;
use super::angle::Angle;
use crate::numerics::elementary::tanh;
use nalgebra::{DVector, DVectorView};
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_PI, PI};
use std::sync::OnceLock;

/// Most coefficients that are computed.
pub const MAX_TERMS: usize = 512;

/// Trapezoid nodes for integrals against the standard normal: `|z| <= REACH` in steps of 1/32.
const NODES: usize = 2 * 13 * 32 + 1;
const STEP: f64 = 1.0 / 32.0;
const REACH: f64 = 13.0;

/// Coefficients `c_k(q) = E[phi(sqrt(q) z) he_k(z)]`, `k = 0..count`, `z` standard normal, `he_k = He_k / sqrt(k!)`.
///
/// ```text
/// sum_k c_k(q)^2 = E[phi(sqrt(q) z)^2]
/// ```
///
/// Closed forms for linear, erf, relu, quadratic and Hermite polynomials; trapezoid sums (spacing 1/32, relative error below 1e-14
/// for `q < 10`) for tanh and GELU. `q >= 0`, `count <= 512`; further coefficients are not returned.
///
/// ```
/// use saddlepoint::kernel::{hermite::coefficients, Activation};
/// let c = coefficients(&Activation::UnscaledErf, 1.0, 4);
/// assert!((c[1] - 0.651470016).abs() < 1e-9 && (c[3] + 0.177307680).abs() < 1e-9);
/// ```
pub fn coefficients(phi: &Activation, q: f64, count: usize) -> Vec<f64> {
    let count = count.min(MAX_TERMS);
    let mut c = vec![0.0; count];
    let mut set = |k: usize, value: f64| {
        if k < count {
            c[k] = value;
        }
    };
    match phi {
        Activation::Linear => set(1, q.sqrt()),
        Activation::Quadratic => {
            set(0, q);
            set(2, q * 2f64.sqrt());
        }
        Activation::Relu => {
            let mut term = (0.5 * q / PI).sqrt();
            set(0, term);
            set(1, 0.5 * q.sqrt());
            term *= FRAC_1_SQRT_2;
            for k in (2..count).step_by(2) {
                set(k, term);
                let k = k as f64;
                term *= -(k - 1.0) / ((k + 1.0) * (k + 2.0)).sqrt();
            }
        }
        Activation::Erf | Activation::UnscaledErf => {
            let s = if *phi == Activation::Erf { q } else { 2.0 * q };
            let s = s / (1.0 + s);
            // c_{2n+1}^2 are the coefficients of (2/pi) asin(s).
            let mut term = (FRAC_2_PI * s).sqrt();
            for k in (1..count).step_by(2) {
                set(k, term);
                let k = k as f64;
                term *= -k * s / ((k + 1.0) * (k + 2.0)).sqrt();
            }
        }
        Activation::Hermite(polynomial) => return rescaled(polynomial, q, count),
        Activation::Tanh => return project(tanh, q, count),
        Activation::Gelu => {
            return project(|z| 0.5 * z * libm::erfc(-z * FRAC_1_SQRT_2), q, count);
        }
    }
    c
}

/// Coefficients at variance `q` of the polynomial `sum_k c_k he_k(z)`:
/// `he_n(g z) = sum_j g^m (g^2 - 1)^j sqrt(n!/m!) / (2^j j!) he_m(z)`, `m = n - 2j`.
fn rescaled(polynomial: &[f64], q: f64, count: usize) -> Vec<f64> {
    let mut c = vec![0.0; count.min(polynomial.len())];
    for (n, &p) in polynomial.iter().enumerate() {
        let mut weight = p;
        for j in 0..=n / 2 {
            let m = n - 2 * j;
            if m < c.len() {
                c[m] += weight * q.sqrt().powi(m as i32);
            }
            if m >= 2 {
                weight *= (q - 1.0) * ((m * (m - 1)) as f64).sqrt() / (2.0 * (j + 1) as f64);
            }
        }
    }
    c.resize(count, 0.0);
    c
}

/// `he_k(z_j)` times the square root of the normal weight, node by node.
fn table() -> &'static [f64] {
    static TABLE: OnceLock<Vec<f64>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut t = vec![0.0; NODES * MAX_TERMS];
        for j in 0..NODES {
            let z = j as f64 * STEP - REACH;
            let (mut before, mut now) = (0.0, (-0.25 * z * z).exp());
            for k in 0..MAX_TERMS {
                t[k * NODES + j] = now;
                let k = k as f64;
                (before, now) = (now, (z * now - k.sqrt() * before) / (k + 1.0).sqrt());
            }
        }
        t
    })
}

fn project(phi: impl Fn(f64) -> f64, q: f64, count: usize) -> Vec<f64> {
    let root = q.sqrt();
    let scale = STEP / (2.0 * PI).sqrt();
    let weighted: Vec<f64> = (0..NODES)
        .map(|j| j as f64 * STEP - REACH)
        .map(|z| scale * (-0.25 * z * z).exp() * phi(root * z))
        .collect();
    let weighted = DVector::from_vec(weighted);
    let dot = |row: &[f64]| DVectorView::from_slice(row, NODES).dot(&weighted);
    table().chunks(NODES).take(count).map(dot).collect()
}

/// A Hermite polynomial at one sample and layer: coefficients of `phi` and of `phi'`, and `1/sqrt(q)`.
#[derive(Debug, Clone)]
pub(super) struct Series {
    value: Vec<f64>,
    slope: Vec<f64>,
    inverse_root: f64,
}

impl Series {
    /// Of a Hermite polynomial; other nonlinearities have no series here.
    pub(super) fn new(phi: &Activation, q: f64) -> Self {
        let polynomial: &[f64] = match phi {
            Activation::Hermite(polynomial) => polynomial,
            _ => &[],
        };
        let derivative: Vec<f64> = (1..polynomial.len())
            .map(|k| (k as f64).sqrt() * polynomial[k])
            .collect();
        Series {
            value: rescaled(polynomial, q, polynomial.len()),
            slope: rescaled(&derivative, q, derivative.len()),
            inverse_root: if q > 0.0 { 1.0 / q.sqrt() } else { 0.0 },
        }
    }

    pub(super) fn value_and_slope(&self, c: f64, other: &Series) -> (f64, f64) {
        self.at(
            (c * self.inverse_root * other.inverse_root).clamp(-1.0, 1.0),
            other,
        )
    }

    pub(super) fn at_angle(&self, other: &Series, angle: Angle) -> (f64, f64) {
        self.at(angle.cosine, other)
    }

    /// `F = sum_k c_k(a) c_k(b) r^k` and `F'` likewise, at the correlation `r`.
    fn at(&self, r: f64, other: &Series) -> (f64, f64) {
        let sum = |x: &[f64], y: &[f64]| {
            x.iter()
                .zip(y)
                .rev()
                .fold(0.0, |sum, (x, y)| sum * r + x * y)
        };
        (
            sum(&self.value, &other.value),
            sum(&self.slope, &other.slope),
        )
    }

    /// Derivative by `q` of `E phi^2` of a Hermite polynomial, `E phi'^2 + E phi phi''`, and the size of what may
    /// cancel.
    pub(super) fn growth(phi: &Activation, q: f64) -> (f64, f64) {
        let series = Series::new(phi, q);
        let polynomial: &[f64] = match phi {
            Activation::Hermite(polynomial) => polynomial,
            _ => &[],
        };
        let bend: Vec<f64> = (2..polynomial.len())
            .map(|k| ((k * (k - 1)) as f64).sqrt() * polynomial[k])
            .collect();
        let bend = rescaled(&bend, q, bend.len());
        let squares = |c: &[f64]| c.iter().map(|c| c * c).sum::<f64>();
        let slope = squares(&series.slope);
        let both: f64 = series.value.iter().zip(&bend).map(|(v, b)| v * b).sum();
        (
            slope + both,
            slope + (squares(&series.value) * squares(&bend)).sqrt(),
        )
    }

    pub(super) fn diagonal(&self) -> (f64, f64) {
        self.at(1.0, self)
    }
}
