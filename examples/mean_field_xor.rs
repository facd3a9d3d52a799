//! Feature learning in a closed form: the mean-field law over relu neurons that learn XOR.
//!
//! The posterior of f(x) = (1/N) sum_i a_i relu(w_i.x) concentrates, as N grows, on the minimiser of a convex dual
//! G(t) = ln Z(t) - t.y + (tau/2) |t|^2. By symmetry t = t0 y, and with A = 2 kappa t0^2, kappa = s_a^2 s_w^2/2,
//!     Z(A) = (4/pi) arctan(sqrt(1 - 2A))/sqrt(1 - 2A),   m = fbar y = kappa t0 dln Z/dA = 1 - tau t0.
//! Neurons leave the flat law of the prior for the diagonals: E[1 - |cos 2 psi|] is 1 - 2/pi = 0.363380 before they
//! learn.
//!
//!     cargo run --release --example mean_field_xor

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::{DMatrix, DVector};
use saddlepoint::kernel::Activation;
use saddlepoint::mean_field::adaptive::{Evaluator, Problem, solve};
use saddlepoint::mean_field::{TwoLayer, angle::Angles, dual::Method};
use saddlepoint::{Error, Result};

/// `ln Z(A)` on either side of `A = 1/2`, where both forms have the limit `ln(4/pi)`.
fn log_z(a: f64) -> f64 {
    let root = (1.0 - 2.0 * a).abs().sqrt();
    let arc = if a < 0.5 { root.atan() } else { root.atanh() };
    (4.0 / std::f64::consts::PI * arc / root).ln()
}

fn main() -> Result<()> {
    let x = DMatrix::from_row_slice(2, 4, &[1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    let y = DVector::from_vec(vec![1.0, -1.0, -1.0, 1.0]);
    let none = DMatrix::zeros(2, 0);
    println!("kappa  tau    t0        A         m         ln Z      E[1-|cos 2psi|]");
    let mut worst: f64 = 0.0;
    for (kappa, tau) in [
        (1.0, 0.02),
        (1.0, 0.1),
        (1.0, 0.5),
        (1.0, 1.0),
        (0.5, 0.2),
        (2.0, 0.3),
    ] {
        // chi = N: s_a^2 and T = tau/N of the mean-field form do not depend on the width.
        let network = TwoLayer {
            phi: Activation::Relu,
            width: 100.0,
            weight_variance: 2.0,
            readout_variance: kappa,
            temperature: tau,
            chi: 100.0,
        };
        let found = solve(&Problem {
            network: &network,
            x: &x,
            y: &y,
            at: &none,
            direction: None,
            evaluator: Evaluator::Auto,
            method: Method::Auto,
            sample: 0,
            seed: 0,
        })?;
        let angles = Angles::new(&network, &x, &found.tilt)
            .ok_or_else(|| Error::bug("example", "the inputs are in the plane"))?;
        let (t0, m) = (found.tilt[0] * y[0], found.training[0] * y[0]);
        let a = 2.0 * kappa * t0 * t0;
        // F/N = -G = t.y - (tau/2) |t|^2 - ln Z
        let log = 4.0 * t0 - 2.0 * tau * t0 * t0 - found.free_energy;
        let contrast = angles.contrast();
        println!("{kappa:<6} {tau:<6} {t0:.6}  {a:.6}  {m:.6}  {log:.6}  {contrast:.6}");
        let slope = (log_z(a + 1e-5) - log_z(a - 1e-5)) / 2e-5;
        let errors = [log - log_z(a), m - kappa * t0 * slope, m - (1.0 - tau * t0)];
        worst = errors.into_iter().fold(worst, |w, e| w.max(e.abs()));
    }
    teach::check("largest deviation", worst, 0.0, 1e-8, "of the solver")
}
