//! Single neurons in the field of the others: foreground neurons before a background.

use super::TwoLayer;
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};

/// Steps of the integrator in a trajectory, its largest step, and trajectories of a neuron.
const LEAPFROG: usize = 10;
const STEP: f64 = 0.15;
const TRAJECTORIES: usize = 80;
/// Neurons that try a step, the share of proposals that they must accept, and how often the step is halved.
const TRIED: usize = 16;
const ACCEPTED: f64 = 0.7;
const HALVINGS: i32 = 6;

/// Weight vectors `w` of `count` independent neurons that follow Hamiltonian Monte Carlo in the field `t` of a background,
/// `d x count`.
///
/// ```text
/// p(w) ~ exp(-d |w|^2/(2 s_w^2) + (s^2/2) (t.phi(w))^2),   s^2 = s_a^2 N/chi,   t_mu = (y_mu - fbar_mu)/tau,   tau = N T/chi
/// ```
///
/// The read-out weight is integrated out. `background` is the mean output `fbar` of a network at the training inputs, the columns of
/// `x`. Every neuron starts from the prior, with its own chain of 80 trajectories of 10 steps of .15 prior deviations, halved until 70 %
/// of the proposals are accepted (with as many more trajectories as the step is shorter); Metropolis leaves no error of the step. `None`
/// where six halvings do not do, in a field that is too strong. In equilibrium with its own background this is the law of
/// [`super::dual::Dual`]: that each neuron sees the others through `fbar` alone is what is tried by it.
///
/// Source: section "background and foreground" of Ringel et al. 2025, arXiv:2502.18553.
pub fn foreground_neurons(
    network: &TwoLayer,
    x: &DMatrix<f64>,
    y: &[f64],
    background: &[f64],
    count: usize,
    rng: &mut Stream,
) -> Option<DMatrix<f64>> {
    let d = x.nrows();
    let scale = (network.weight_variance / d as f64).sqrt();
    let tau = network.temperature * network.width / network.chi;
    let field = |(y, f): (&f64, &f64)| (y - f) / tau;
    let neuron = Neuron {
        network,
        inputs: x * scale,
        tilt: y.iter().zip(background).map(field).collect(),
        variance: network.readout_variance * network.width / network.chi,
    };
    let halvings = (0..=HALVINGS).find(|&halvings| {
        let mut rng = rng.clone();
        let accepted: f64 = (0..TRIED).map(|_| neuron.chain(halvings, &mut rng).1).sum();
        accepted >= ACCEPTED * TRIED as f64
    })?;
    let mut found = DMatrix::zeros(d, count);
    for mut column in found.column_iter_mut() {
        column.copy_from(&(neuron.chain(halvings, rng).0 * scale));
    }
    Some(found)
}

struct Neuron<'a> {
    network: &'a TwoLayer,
    /// Inputs in coordinates in which the prior is standard normal.
    inputs: DMatrix<f64>,
    tilt: Vec<f64>,
    variance: f64,
}

impl Neuron<'_> {
    /// `U = |v|^2/2 - (s^2/2) g^2` and its gradient.
    fn potential(&self, v: &DVector<f64>) -> (f64, DVector<f64>) {
        let h = self.inputs.tr_mul(v);
        let phi = &self.network.phi;
        let terms = || h.iter().zip(&self.tilt);
        let g: f64 = terms().map(|(&h, t)| t * phi.value(h)).sum();
        let slopes = DVector::from_iterator(h.len(), terms().map(|(&h, t)| t * phi.slope(h)));
        let pull = &self.inputs * slopes * (self.variance * g);
        (0.5 * (v.norm_squared() - self.variance * g * g), v - pull)
    }

    /// Where the chain ends, and the share of its proposals that were accepted.
    fn chain(&self, halvings: i32, rng: &mut Stream) -> (DVector<f64>, f64) {
        let normal = |rng: &mut Stream| -> DVector<f64> {
            DVector::from_fn(self.inputs.nrows(), |_, _| StandardNormal.sample(rng))
        };
        let mut v = normal(rng);
        let (mut energy, mut force) = self.potential(&v);
        let (shortest, trajectories) = (STEP * 0.5f64.powi(halvings), TRAJECTORIES << halvings);
        let mut accepted = 0;
        for _ in 0..trajectories {
            let mut p = normal(rng);
            let before = energy + 0.5 * p.norm_squared();
            let (mut at, mut new_energy, mut new_force) = (v.clone(), energy, force.clone());
            // Steps of different lengths: no orbit closes after one trajectory.
            let step = shortest * rng.random_range(0.7..1.3);
            for _ in 0..LEAPFROG {
                p -= &new_force * (0.5 * step);
                at += &p * step;
                (new_energy, new_force) = self.potential(&at);
                p -= &new_force * (0.5 * step);
            }
            let after = new_energy + 0.5 * p.norm_squared();
            if rng.random::<f64>().ln() < before - after {
                (v, energy, force) = (at, new_energy, new_force);
                accepted += 1;
            }
        }
        (v, accepted as f64 / trajectories as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::angle::Angles;
    use super::*;
    use crate::kernel::Activation;
    use crate::numerics::random::stream;

    fn network(phi: Activation) -> TwoLayer {
        TwoLayer {
            phi,
            width: 100.0,
            weight_variance: 2.0,
            readout_variance: 1.0,
            temperature: 0.5,
            chi: 100.0,
        }
    }

    /// In a strong field neurons leave the prior; in an absurd one no step is accepted, and nobody passes the start off as the law.
    #[test]
    fn a_strong_field_takes_a_shorter_step_and_one_without_a_law_has_none() {
        let x = DMatrix::from_row_slice(2, 1, &[1.0, 0.5]);
        let of = |target: f64| {
            let mut rng = stream(2, "foreground", &[]);
            let net = network(Activation::Tanh);
            foreground_neurons(&net, &x, &[target], &[0.0], 200, &mut rng)
        };
        // Saturated neurons: |w.x| is far above its prior deviation 1.1.
        let w = of(40.0).unwrap();
        let far = w
            .column_iter()
            .filter(|w| (w[0] + 0.5 * w[1]).abs() > 1.0)
            .count();
        assert!(far > 180, "{far}");
        assert!(of(1e9).is_none());
    }

    /// XOR at its saddle point: contrast and angles of the closed form, and the background comes back.
    #[test]
    fn neurons_in_the_field_of_the_saddle_have_its_law() {
        let x = DMatrix::from_row_slice(2, 4, &[1., 1., -1., -1., 1., -1., 1., -1.]);
        let y = [1.0, -1.0, -1.0, 1.0];
        let f = y.map(|y| 0.696932 * y);
        let count = 6000;
        for (phi, known) in [(Activation::Relu, Some(0.487887)), (Activation::Tanh, None)] {
            let net = network(phi.clone());
            let mut rng = stream(1, "foreground", &[]);
            let w = foreground_neurons(&net, &x, &y, &f, count, &mut rng).unwrap();
            let values = w
                .column_iter()
                .map(|w| 1.0 - (2.0 * w[1].atan2(w[0])).cos().abs());
            let values: Vec<f64> = values.collect();
            let mean = values.iter().sum::<f64>() / count as f64;
            let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            let error = variance.sqrt() / count as f64;
            let tilt = DVector::from_iterator(4, y.iter().zip(f).map(|(y, f)| (y - f) / 0.5));
            let law = Angles::new(&net, &x, &tilt).unwrap();
            let expected = known.unwrap_or_else(|| law.contrast());
            let z = (mean - expected) / error;
            assert!(z.abs() < 4.0, "{phi:?}: {mean} {expected} z = {z}");
            if known.is_some() {
                // E a phi = s^2 E[g phi] is the output again.
                let outputs = w.column_iter().map(|w| {
                    let phi = x.tr_mul(&w).map(|h| h.max(0.0));
                    phi.dot(&tilt) * phi[0]
                });
                let outputs: Vec<f64> = outputs.collect();
                let mean = outputs.iter().sum::<f64>() / count as f64;
                let variance: f64 = outputs.iter().map(|f| (f - mean).powi(2)).sum();
                let z = (mean - 0.696932) / (variance.sqrt() / count as f64);
                assert!(z.abs() < 4.0, "{mean}, z = {z}");
            }
        }
    }
}
