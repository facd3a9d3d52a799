//! Several chains in parallel: burn-in, measured part, traces of observables.

use super::chain::{Chain, Window};
use super::potential::{Potential, batch_noise};
use super::scheme::{Scheme, State};
use crate::error::{Error, Result};
use crate::numerics::random::stream;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// What every chain does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// How the chain moves.
    pub scheme: Scheme,
    /// Nominal step `eta`, the rate at which the prior relaxes.
    pub step: f64,
    /// Steps before the measured part.
    pub burn_in: usize,
    /// Steps of the measured part.
    pub steps: usize,
    /// Steps between two samples of the measured part.
    pub every: usize,
}

/// The measured part of one chain.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// `observables[k]`: samples of observable `k`.
    pub observables: Vec<Vec<f64>>,
    /// Samples of `V`.
    pub potential: Vec<f64>,
    /// `virial[g]`: samples of `sum_{j in g} phi_j dV/dphi_j = (1/T) sum theta_j dU/dtheta_j`, whose mean is the number of parameters of
    /// group `g`.
    pub virial: Vec<Vec<f64>>,
    /// Relative rise of the temperature by mini-batches, `eta Var(g)/2` in the noisiest direction, at every look at the stiffness.
    pub rise: Vec<f64>,
}

/// A chain on its way through a [`Plan`]. It can be serialised between two calls of [`Sampler::window`]; continued from there it gives the
/// same bits as without interruption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sampler {
    plan: Plan,
    chain: Chain,
    /// Steps done, burn-in included.
    done: usize,
    /// State at the end of the burn-in.
    burnt: Option<State>,
    trace: Trace,
    warnings: Vec<String>,
}

/// A chain that has gone through its plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampled {
    /// Samples of the measured part.
    pub trace: Trace,
    /// Step in use at the end.
    pub step: f64,
    /// Largest `eta lambda_max` that was kept, at most 0.5.
    pub stiffness: f64,
    /// Accepted fraction in the measured part, of schemes with a Metropolis decision.
    pub acceptance: Option<f64>,
    /// What the stiffness guard did.
    pub warnings: Vec<String>,
    /// Position at the end, whitened.
    pub end: Vec<f64>,
}

impl Sampler {
    /// Chain number `index` of seed `seed`, from `start` (whitened).
    ///
    /// Errors: those of [`Chain::new`]; a plan without measured samples.
    pub fn new(
        plan: Plan,
        potential: &mut dyn Potential,
        start: Vec<f64>,
        seed: u64,
        index: u64,
    ) -> Result<Self> {
        if plan.every == 0 || plan.steps < plan.every {
            return Err(Error::input(
                "training.steps",
                format!(
                    "{} measured steps, one sample every {}",
                    plan.steps, plan.every
                ),
                "measure for more steps",
            ));
        }
        let rng = stream(seed, "langevin", &[index]);
        let chain = Chain::new(plan.scheme, plan.step, potential, start, rng)?;
        let mut sampler = Sampler {
            plan,
            chain,
            done: 0,
            burnt: None,
            trace: Trace::default(),
            warnings: Vec::new(),
        };
        if sampler.chain.halvings() > 0 {
            sampler.warn("at the start");
        }
        Ok(sampler)
    }

    /// True when all steps are done.
    pub fn is_done(&self) -> bool {
        self.done >= self.plan.burn_in + self.plan.steps
    }

    /// Advances by one window (at most 500 moves). `observe` writes the observables of a position to its last argument.
    ///
    /// A window that turns out too stiff is undone, at half the step; in the measured part all samples are given up and the measured part
    /// starts again from the end of the burn-in.
    pub fn window<P: Potential>(
        &mut self,
        potential: &mut P,
        observe: &mut impl FnMut(&mut P, &[f64], &mut Vec<f64>),
    ) -> Result<()> {
        let Plan {
            burn_in,
            steps,
            every,
            ..
        } = self.plan;
        if self.done < burn_in {
            let length = self.chain.window_length(burn_in - self.done);
            match self.chain.window(potential, length, |_, _| Ok(()))? {
                Window::Kept => self.done += length,
                Window::Undone(_) => self.warn("during burn-in"),
            }
            return Ok(());
        }
        if self.burnt.is_none() {
            self.chain.reset_acceptance();
            self.burnt = Some(self.chain.state().clone());
        }
        let groups = potential.groups();
        let trace = &mut self.trace;
        trace.virial.resize(groups.len(), Vec::new());
        let mut values = Vec::new();
        let first = self.done - burn_in;
        let length = self.chain.window_length(steps - first);
        let mut step = first;
        let window = self.chain.window(potential, length, |potential, state| {
            step += 1;
            if step.is_multiple_of(every) {
                values.clear();
                observe(potential, &state.position, &mut values);
                trace.observables.resize(values.len(), Vec::new());
                for (series, &v) in trace.observables.iter_mut().zip(&values) {
                    series.push(v);
                }
                trace.potential.push(state.value);
                for (series, group) in trace.virial.iter_mut().zip(&groups) {
                    series.push(virial(state, group.clone()));
                }
            }
            Ok(())
        })?;
        match (window, &self.burnt) {
            (Window::Kept, _) => {
                self.done += length;
                if let Some(batch) = self.plan.scheme.batch() {
                    let noise = batch_noise(potential, &self.chain.state().position, batch)?;
                    self.trace.rise.push(0.5 * self.chain.eta() * noise);
                }
            }
            (Window::Undone(_), Some(burnt)) => {
                self.chain.rewind(burnt);
                self.trace = Trace::default();
                self.done = burn_in;
                self.warn("after burn-in; the measured part starts again");
            }
            (Window::Undone(_), None) => {}
        }
        Ok(())
    }

    fn warn(&mut self, when: &str) {
        self.warnings.push(format!(
            "stiffness guard: step halved to {:e} {when}",
            self.chain.eta()
        ));
    }

    /// The result.
    ///
    /// Errors: [`Error::Unconverged`] before all steps are done.
    pub fn finish(self) -> Result<Sampled> {
        if !self.is_done() {
            return Err(Error::unconverged(
                "Langevin sampling",
                format!("only {} steps are done", self.done),
                "continue the chain to its end",
            ));
        }
        Ok(Sampled {
            step: self.chain.eta(),
            stiffness: self.chain.stiffness(),
            acceptance: self.chain.acceptance(),
            warnings: self.warnings,
            end: self.chain.state().position.clone(),
            trace: self.trace,
        })
    }
}

/// `sum_{j in group} phi_j dV/dphi_j`.
pub(super) fn virial(state: &State, group: std::ops::Range<usize>) -> f64 {
    state.position[group.clone()]
        .iter()
        .zip(&state.gradient[group])
        .map(|(p, g)| p * g)
        .sum()
}

/// Runs one chain from every start (whitened), in parallel; the same bits for any number of threads.
///
/// `build` makes the potential of one chain, `observe` writes the observables of a position to its last argument.
///
/// Errors: the first of any chain.
///
/// ```
/// use saddlepoint::training::langevin::{Plan, Potential, Scheme, sample};
/// struct Spring; // V = 2 phi^2: variance 1/4
/// impl Potential for Spring {
///     fn dimension(&self) -> usize { 1 }
///     fn gradient(&mut self, phi: &[f64], g: &mut [f64]) -> f64 { g[0] = 4.0 * phi[0]; 2.0 * phi[0] * phi[0] }
/// }
/// let plan = Plan { scheme: Scheme::Lm, step: 0.1, burn_in: 100, steps: 20_000, every: 1 };
/// let chains = sample(plan, &vec![vec![0.0]; 4], 1, || Ok(Spring), |_, phi, out| out.push(phi[0] * phi[0])).unwrap();
/// let mean = chains.iter().map(|c| c.trace.observables[0].iter().sum::<f64>()).sum::<f64>() / 80_000.0;
/// assert!((mean - 0.25).abs() < 0.01);
/// ```
pub fn sample<P: Potential>(
    plan: Plan,
    starts: &[Vec<f64>],
    seed: u64,
    build: impl Fn() -> Result<P> + Sync,
    observe: impl Fn(&mut P, &[f64], &mut Vec<f64>) + Sync,
) -> Result<Vec<Sampled>> {
    starts
        .par_iter()
        .enumerate()
        .map(|(index, start)| {
            let mut potential = build()?;
            let mut sampler =
                Sampler::new(plan, &mut potential, start.clone(), seed, index as u64)?;
            while !sampler.is_done() {
                sampler.window(
                    &mut potential,
                    &mut |p: &mut P, phi: &[f64], out: &mut Vec<f64>| observe(p, phi, out),
                )?;
            }
            sampler.finish()
        })
        .collect()
}
