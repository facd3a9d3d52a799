//! Angles of the neurons of a network with two inputs.

use super::two_layer::TwoLayer;
use crate::kernel::Activation;
use crate::numerics::quadrature::KRONROD_NODES;
use nalgebra::{DMatrix, DVector};
use std::f64::consts::{FRAC_PI_4, PI, TAU};

/// The law of the angle `psi` of the weights `w = |w| (cos psi, sin psi)` of one neuron at the tilt `t`, for inputs in the plane.
///
/// ```text
/// p(psi) ~ int_0^inf r exp(-r^2/2 + (s_a^2/2) (t.phi(r c(psi)))^2) dr,   c_mu(psi) = (s_w/sqrt 2) x_mu.(cos psi, sin psi)
/// relu:  p(psi) ~ 1/(1 - A(psi)),   A = s_a^2 (t.phi(c(psi)))^2
/// ```
///
/// Source: nothing but the tilted law of [`super::dual::Dual`], in polar coordinates.
#[derive(Debug, Clone)]
pub struct Angles {
    /// `(s_w/sqrt 2) X`, `2 x P`.
    inputs: DMatrix<f64>,
    tilt: DVector<f64>,
    phi: Activation,
    readout_variance: f64,
}

/// Radii of the trapezoid sum, in standard deviations of the prior.
const RADII: usize = 400;
const LARGEST: f64 = 12.0;

impl Angles {
    /// The law at the tilt `t` of the mean-field problem; `None` unless the inputs are in the plane.
    pub fn new(network: &TwoLayer, x: &DMatrix<f64>, tilt: &DVector<f64>) -> Option<Self> {
        (x.nrows() == 2).then(|| Angles {
            inputs: x * (network.weight_variance / 2.0).sqrt(),
            tilt: tilt.clone(),
            phi: network.phi.clone(),
            readout_variance: network.readout_variance * network.width / network.chi,
        })
    }

    fn square(&self, r: f64, along: &DVector<f64>) -> f64 {
        let terms = along.iter().zip(self.tilt.iter());
        let g: f64 = terms.map(|(c, t)| t * self.phi.value(r * c)).sum();
        self.readout_variance * g * g
    }

    /// The density without its normalisation.
    fn weight(&self, psi: f64) -> f64 {
        let (sin, cos) = psi.sin_cos();
        let along = self.inputs.tr_mul(&DVector::from_vec(vec![cos, sin]));
        if self.phi == Activation::Relu {
            return 1.0 / (1.0 - self.square(1.0, &along));
        }
        let step = LARGEST / RADII as f64;
        let radii = (1..RADII).map(|k| step * k as f64);
        radii
            .map(|r| step * r * (0.5 * (self.square(r, &along) - r * r)).exp())
            .sum()
    }

    /// `int_a^b p f dpsi` without the normalisation, split where relu has its kinks.
    fn integral(&self, a: f64, b: f64, f: impl Fn(f64) -> f64) -> f64 {
        let has_kinks = self.phi == Activation::Relu;
        let kinks = self
            .inputs
            .column_iter()
            .filter(|_| has_kinks)
            .flat_map(|c| {
                let kink = (-c[0]).atan2(c[1]);
                [kink - PI, kink, kink + PI]
            });
        let mut ends: Vec<f64> = kinks.filter(|k| *k > a && *k < b).chain([a, b]).collect();
        ends.sort_by(f64::total_cmp);
        let part = |ends: &[f64]| {
            let (middle, half) = (0.5 * (ends[0] + ends[1]), 0.5 * (ends[1] - ends[0]));
            let nodes = KRONROD_NODES.iter();
            nodes
                .map(|&(node, weight)| {
                    let psi = middle + half * node;
                    half * weight * self.weight(psi) * f(psi)
                })
                .sum::<f64>()
        };
        ends.windows(2).map(part).sum()
    }

    /// Mean density in `bins` equal bins of `(-pi, pi]`.
    pub fn density(&self, bins: usize) -> Vec<f64> {
        let width = TAU / bins as f64;
        let of_bin = |k: usize| {
            let a = -PI + width * k as f64;
            self.integral(a, a + width, |_| 1.0)
        };
        let parts: Vec<f64> = (0..bins).map(of_bin).collect();
        let total: f64 = parts.iter().sum();
        parts.iter().map(|p| p / (total * width)).collect()
    }

    /// `E[1 - |cos 2 psi|]`: 0 for neurons along the axes, 1 on the diagonals, `1 - 2/pi` for a flat density.
    pub fn contrast(&self) -> f64 {
        let pieces = |f: &dyn Fn(f64) -> f64| {
            (0..8)
                .map(|k| {
                    let a = -PI + FRAC_PI_4 * k as f64;
                    self.integral(a, a + FRAC_PI_4, f)
                })
                .sum::<f64>()
        };
        pieces(&|psi| 1.0 - (2.0 * psi).cos().abs()) / pieces(&|_| 1.0)
    }
}
