//! One step of each sampling scheme, in whitened coordinates.

use super::potential::Potential;
use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::numerics::{normal, simd};
use rand::RngExt;
use serde::{Deserialize, Serialize};

/// How a chain moves. `eta` is the step, `xi` independent standard normals, `V` as in [`Potential`].
///
/// | scheme | move | law sampled |
/// |---|---|---|
/// | `Lm` | `phi - eta grad V + sqrt(eta/2) (xi_n + xi_{n+1})` | Gaussians exactly, else `O(eta^2)` |
/// | `Ula` | `phi - eta grad V + sqrt(2 eta) xi` | stiffness `k`: variance `1/(k (1 - eta k/2))` |
/// | `Mala` | as `Ula`, accepted with Metropolis probability | exact |
/// | `Hmc` | leapfrog with `h = sqrt(2 eta)`, 1 to `steps` of them (uniformly drawn, so that no mode is resonant), accepted | exact |
/// | `Sgld` | as `Ula` with the gradient of a mini-batch times `P/B` | as `Ula`, hotter by `eta Var(g)/2` |
///
/// Sources: B. Leimkuhler, C. Matthews (2013), arXiv:1203.5428; G. O. Roberts, R. L. Tweedie (1996); S. Duane et al. (1987);
/// P. B. Mackenzie (1989); M. Welling, Y. W. Teh (2011).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// Leimkuhler-Matthews.
    #[default]
    Lm,
    /// Unadjusted Langevin (Euler-Maruyama).
    Ula,
    /// Metropolis-adjusted Langevin.
    Mala,
    /// Hamiltonian Monte Carlo with at most `steps` leapfrog steps.
    Hmc {
        /// Most leapfrog steps of one trajectory, at least 1.
        steps: usize,
    },
    /// Stochastic gradient Langevin dynamics with mini-batches of `batch` samples, drawn anew without replacement at every step.
    Sgld {
        /// `B`
        batch: usize,
    },
}

impl Scheme {
    /// The word for it in a spec.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Lm => "lm",
            Scheme::Ula => "ula",
            Scheme::Mala => "mala",
            Scheme::Hmc { .. } => "hmc",
            Scheme::Sgld { .. } => "sgld",
        }
    }

    /// The mini-batch size of SGLD.
    pub fn batch(self) -> Option<usize> {
        match self {
            Scheme::Sgld { batch } => Some(batch),
            _ => None,
        }
    }

    /// True for schemes with a Metropolis decision.
    pub fn is_exact(self) -> bool {
        matches!(self, Scheme::Mala | Scheme::Hmc { .. })
    }
}

/// The state of a chain: all that its future depends on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `phi`
    pub position: Vec<f64>,
    /// `V(phi)`; of one mini-batch under SGLD.
    pub value: f64,
    /// `grad V(phi)`; of one mini-batch under SGLD.
    pub gradient: Vec<f64>,
    /// The noise that the Leimkuhler-Matthews scheme uses once more.
    noise: Vec<f64>,
    #[serde(with = "crate::numerics::random::position")]
    pub(super) rng: Stream,
    /// Metropolis proposals so far, and how many were accepted.
    pub proposals: u64,
    /// Accepted proposals.
    pub accepted: u64,
}

/// Work space of the steps; holds nothing that the future depends on.
#[derive(Debug, Clone, Default)]
pub(super) struct Work {
    /// Fresh noise, then the move.
    fresh: Vec<f64>,
    trial: Vec<f64>,
    trial_gradient: Vec<f64>,
    /// All samples in order, between two steps.
    order: Vec<usize>,
    swaps: Vec<usize>,
}

impl State {
    /// A chain at `position` that draws its noise from `rng`.
    ///
    /// Errors: a potential that is not finite there, a batch that is not among `1..=P`.
    pub(super) fn new(
        scheme: Scheme,
        potential: &mut dyn Potential,
        position: Vec<f64>,
        rng: Stream,
        work: &mut Work,
    ) -> Result<Self> {
        let n = position.len();
        if n != potential.dimension() || n == 0 {
            let cause = format!("a start of {n} in {} dimensions", potential.dimension());
            return Err(Error::bug("Langevin sampling", cause));
        }
        if let Some(batch) = scheme.batch()
            && !(1..=potential.samples()).contains(&batch)
        {
            return Err(Error::input(
                "training.batch",
                format!("{batch} of {} samples", potential.samples()),
                "use a batch between 1 and the number of samples",
            ));
        }
        let mut state = State {
            position,
            value: 0.0,
            gradient: vec![0.0; n],
            noise: vec![0.0; n],
            rng,
            proposals: 0,
            accepted: 0,
        };
        normal::fill(&mut state.rng, &mut state.noise);
        state.look(scheme, potential, work);
        match state.value.is_finite() {
            true => Ok(state),
            false => Err(Error::input(
                "learner.init",
                "the potential is not finite at the start",
                "use smaller initial weights, or start from the prior",
            )),
        }
    }

    /// Sets value and gradient at the position.
    fn look(&mut self, scheme: Scheme, potential: &mut dyn Potential, work: &mut Work) {
        self.value = match scheme {
            Scheme::Sgld { batch } => {
                work.draw(&mut self.rng, potential.samples(), batch);
                let batch = &work.order[..batch];
                let value = potential.batch_gradient(&self.position, batch, &mut self.gradient);
                work.put_back();
                value
            }
            _ => potential.gradient(&self.position, &mut self.gradient),
        };
    }

    /// One step. Returns the secant `|g' - g|/|phi' - phi|` of the move, a lower bound of the largest curvature along it; 0 where there is
    /// none (Metropolis decisions, mini-batches), infinite when the value is no longer finite.
    pub(super) fn step(
        &mut self,
        scheme: Scheme,
        eta: f64,
        potential: &mut dyn Potential,
        work: &mut Work,
    ) -> f64 {
        let n = self.position.len();
        let fresh = &mut work.fresh;
        match scheme {
            Scheme::Lm => {
                fresh.resize(n, 0.0);
                normal::fill(&mut self.rng, fresh);
                std::mem::swap(&mut self.noise, fresh);
                let scale = (0.5 * eta).sqrt();
                simd::update(fresh, &self.noise, &self.gradient, |a, b, g| {
                    scale * (a + b) - eta * g
                });
            }
            Scheme::Ula | Scheme::Sgld { .. } => {
                fresh.resize(n, 0.0);
                normal::fill(&mut self.rng, fresh);
                let scale = (2.0 * eta).sqrt();
                let gradient = &self.gradient;
                simd::update(fresh, gradient, gradient, |xi, g, _| scale * xi - eta * g);
            }
            Scheme::Mala => {
                self.hamiltonian(1, eta, potential, work);
                return 0.0;
            }
            Scheme::Hmc { steps } => {
                let steps = self.rng.random_range(1..=steps.max(1));
                self.hamiltonian(steps, eta, potential, work);
                return 0.0;
            }
        }
        simd::update(&mut self.position, fresh, fresh, |p, step, _| p + step);
        work.trial_gradient.resize(n, 0.0);
        std::mem::swap(&mut self.gradient, &mut work.trial_gradient);
        self.look(scheme, potential, work);
        match (self.value.is_finite(), scheme) {
            (true, Scheme::Lm | Scheme::Ula) => {
                let change = squares(&self.gradient, &work.trial_gradient, |a, b| a - b);
                let step = squares(&work.fresh, &work.fresh, |a, _| a);
                (change / step).sqrt()
            }
            (true, _) => 0.0,
            (false, _) => f64::INFINITY,
        }
    }

    /// A leapfrog trajectory from a fresh momentum, with the Metropolis decision. A trajectory that leaves the finite numbers is rejected.
    fn hamiltonian(
        &mut self,
        steps: usize,
        eta: f64,
        potential: &mut dyn Potential,
        work: &mut Work,
    ) {
        let momentum = &mut self.noise;
        normal::fill(&mut self.rng, momentum);
        work.trial.clone_from(&self.position);
        work.trial_gradient.clone_from(&self.gradient);
        let before = self.value + kinetic(momentum);
        let h = (2.0 * eta).sqrt();
        let value = leapfrog(
            potential,
            &mut work.trial,
            momentum,
            &mut work.trial_gradient,
            h,
            steps,
        );
        let change = value + kinetic(momentum) - before;
        self.proposals += 1;
        // Drawn in any case, so that the stream does not depend on the outcome.
        let uniform: f64 = self.rng.random();
        if uniform < (-change).exp() {
            self.accepted += 1;
            self.value = value;
            std::mem::swap(&mut self.position, &mut work.trial);
            std::mem::swap(&mut self.gradient, &mut work.trial_gradient);
        }
    }
}

/// `steps` leapfrog steps of size `h`: kick `h/2`, drift `h`, kick `h/2`; time-reversible, volume-preserving, energy error `O(h^2)`.
///
/// `gradient` is that at `position` before and after. Returns the potential at the end.
pub fn leapfrog(
    potential: &mut dyn Potential,
    position: &mut [f64],
    momentum: &mut [f64],
    gradient: &mut [f64],
    h: f64,
    steps: usize,
) -> f64 {
    let mut value = f64::NAN;
    for _ in 0..steps {
        simd::update(momentum, gradient, gradient, |p, g, _| p - 0.5 * h * g);
        simd::update(position, momentum, momentum, |x, p, _| x + h * p);
        value = potential.gradient(position, gradient);
        simd::update(momentum, gradient, gradient, |p, g, _| p - 0.5 * h * g);
    }
    value
}

/// `|p|^2/2`.
pub fn kinetic(momentum: &[f64]) -> f64 {
    0.5 * squares(momentum, momentum, |p, _| p)
}

/// `sum_i f(a_i, b_i)^2`.
fn squares(a: &[f64], b: &[f64], f: impl Fn(f64, f64) -> f64) -> f64 {
    simd::vectorised(
        #[inline(always)]
        || simd::total(a, b, |a, b| f(a, b) * f(a, b)),
    )
}

impl Work {
    /// A batch without repetition to the front of `order`.
    fn draw(&mut self, rng: &mut Stream, samples: usize, batch: usize) {
        if self.order.len() != samples {
            self.order = (0..samples).collect();
        }
        self.swaps.clear();
        for k in 0..batch {
            let other = rng.random_range(k..samples);
            self.order.swap(k, other);
            self.swaps.push(other);
        }
    }

    /// Undoes the swaps: batches depend on the stream alone.
    fn put_back(&mut self) {
        for (k, &other) in self.swaps.iter().enumerate().rev() {
            self.order.swap(k, other);
        }
    }
}
