//! Langevin sampling as a spec names it.

use super::chain::{Chain, GUARD_EVERY, Window};
use super::network::{NetworkPotential, prior_of};
use super::potential::{Potential, batch_noise};
use super::report::{Controls, Watch};
use super::sampling::virial;
use super::scheme::Scheme;
use crate::error::{Error, Result};
use crate::kind::{About, Kind, parse_table, unknown};
use crate::learner::{Learner, Parameters};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use crate::training::{Cost, Loss, OnSnapshot, SamplingView, Snapshot, Start, State, Training};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const ABOUT: About = About {
    kind: "langevin",
    summary: "Bayesian training: one chain of a Langevin or Hamiltonian sampler per replica",
    text: include_str!("langevin.md"),
    revision: 1,
};

pub(in crate::training) const KIND: Kind<dyn Training> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Langevin::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<LangevinTable>(),
};

/// One chain per replica. See the keys in the text of the component (`saddlepoint explain langevin`).
#[derive(Debug, Clone, PartialEq)]
pub struct Langevin {
    /// How the chain moves.
    pub scheme: Scheme,
    /// `eta`
    pub step: f64,
    /// `T`, before the division by `chi`.
    pub temperature: f64,
    /// Burn-in included.
    pub steps: usize,
    /// Steps before the measured part.
    pub burn_in: usize,
    /// Refuse a chain that fails its own checks.
    pub certify: bool,
    /// Run two more chains beside each, from zero weights and with half the step.
    pub controls: bool,
    /// `Lo`, a sum over samples.
    pub loss: Loss,
}

/// The table of a spec.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct LangevinTable {
    /// Scheme of the chain: `lm` (default), `ula`, `mala`, `hmc` or `sgld`.
    #[serde(default = "lm")]
    scheme: String,
    /// Step eta of the sampler, between 0 and 1 in the coordinates of the prior.
    step: f64,
    /// Temperature of the likelihood times chi, positive.
    temperature: f64,
    /// Number of steps, burn-in included.
    steps: usize,
    /// Steps before the measured part; default: a quarter of them.
    burn_in: Option<usize>,
    /// `sgld`: samples of a mini-batch, drawn anew in every step.
    batch: Option<usize>,
    /// `hmc`: most leapfrog steps of one trajectory; default: 10.
    leapfrog_steps: Option<usize>,
    /// Whether a chain that fails its own checks is an error; default: true.
    #[serde(default = "yes")]
    certify: bool,
    /// Whether every chain is followed by control chains, from zero weights and with half the step; default: false.
    #[serde(default)]
    controls: bool,
    /// Loss of the likelihood, a sum over the samples; default: half the squared error.
    #[serde(default = "half_sum")]
    loss: Loss,
}

fn half_sum() -> Loss {
    Loss::HalfSum
}

fn lm() -> String {
    "lm".into()
}

fn yes() -> bool {
    true
}

impl Langevin {
    /// Parses the training table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let t: LangevinTable = parse_table(place, table)?;
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        if !(t.step > 0.0 && t.step < 1.0) {
            let remedy = "give the rate at which the prior relaxes per step, for example 0.002";
            return wrong("step", format!("{} is not between 0 and 1", t.step), remedy);
        }
        if !(t.temperature.is_finite() && t.temperature > 0.0) {
            let cause = format!("{} is not a finite number > 0", t.temperature);
            let remedy = "give the variance of the likelihood, for example 0.1";
            return wrong("temperature", cause, remedy);
        }
        let burn_in = t.burn_in.unwrap_or(t.steps / 4);
        if t.steps <= burn_in {
            let cause = format!("{} steps, of which {burn_in} are burn-in", t.steps);
            return wrong("steps", cause, "give more steps than burn_in");
        }
        let scheme = match (t.scheme.as_str(), t.batch) {
            ("lm", _) => Scheme::Lm,
            ("ula", _) => Scheme::Ula,
            ("mala", _) => Scheme::Mala,
            ("hmc", _) => Scheme::Hmc {
                steps: t.leapfrog_steps.unwrap_or(10),
            },
            ("sgld", Some(batch)) => Scheme::Sgld { batch },
            ("sgld", None) => {
                return wrong(
                    "batch",
                    "missing".into(),
                    "sgld needs a mini-batch size, for example batch = 32",
                );
            }
            (other, _) => {
                let known = ["lm", "ula", "mala", "hmc", "sgld"];
                return Err(unknown(&format!("{place}.scheme"), other, &known));
            }
        };
        if t.batch == Some(0) || (t.batch.is_some() && scheme.batch().is_none()) {
            let remedy = "use a size >= 1 with scheme = \"sgld\", or remove it";
            return wrong(
                "batch",
                format!("no batch of {:?} here", t.batch.unwrap_or(0)),
                remedy,
            );
        }
        if matches!(t.loss, Loss::HalfMean | Loss::CrossEntropy) {
            let remedy = "use \"half-sum\" or a table, for example { quartic = 0.3 }: the temperature is the variance of the likelihood of one sample";
            return wrong(
                "loss",
                "is no sum over samples of a function of the residual".into(),
                remedy,
            );
        }
        t.loss.check(&format!("{place}.loss"))?;
        let is_hmc = matches!(scheme, Scheme::Hmc { .. });
        if t.leapfrog_steps == Some(0) || (t.leapfrog_steps.is_some() && !is_hmc) {
            let remedy = "use a number >= 1 with scheme = \"hmc\", or remove it";
            return wrong("leapfrog_steps", "no trajectory to follow".into(), remedy);
        }
        Ok(Langevin {
            scheme,
            step: t.step,
            temperature: t.temperature,
            steps: t.steps,
            burn_in,
            certify: t.certify,
            controls: t.controls,
            loss: t.loss,
        })
    }
}

impl Training for Langevin {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let leapfrog_steps = match self.scheme {
            Scheme::Hmc { steps } => Some(steps),
            _ => None,
        };
        serde_json::json!({
            "kind": ABOUT.kind,
            "scheme": self.scheme.name(),
            "step": self.step,
            "temperature": self.temperature,
            "steps": self.steps,
            "burn_in": self.burn_in,
            "batch": self.scheme.batch(),
            "leapfrog_steps": leapfrog_steps,
            "certify": self.certify,
            "controls": self.controls,
            "loss": self.loss,
        })
    }

    fn loss(&self) -> Loss {
        self.loss
    }

    fn learning_rate(&self) -> f64 {
        self.step
    }

    fn steps(&self) -> usize {
        self.steps
    }

    fn measured_from(&self) -> usize {
        self.burn_in
    }

    fn sampling(&self) -> Option<SamplingView> {
        Some(SamplingView {
            temperature: self.temperature,
            exact: matches!(self.scheme, Scheme::Mala | Scheme::Hmc { .. }),
            loss: self.loss,
        })
    }

    fn check(&self, shape: Shape) -> Result<()> {
        match self.scheme.batch() {
            Some(batch) if batch > shape.samples => Err(Error::input(
                "training.batch",
                format!("{batch} is more than the {} samples", shape.samples),
                "use a smaller batch, or scheme = \"lm\" for the full batch",
            )),
            _ => Ok(()),
        }
    }

    fn suits(&self, learner: &dyn Learner) -> Result<()> {
        // Whether every parameter has a prior does not depend on the data.
        let any = Shape {
            inputs: 1,
            outputs: 1,
            samples: 1,
        };
        prior_of(learner, any).map(|_| ())
    }

    fn cost(&self, learner: &dyn Learner, shape: Shape) -> Cost {
        let columns = self.scheme.batch().unwrap_or(shape.samples);
        let gradients = match self.scheme {
            Scheme::Hmc { steps } => self.steps.saturating_mul(steps.div_ceil(2)),
            _ => self.steps,
        };
        let mut cost = Cost::of_descent(learner, shape, columns, gradients);
        let parameters: usize = learner.shapes(shape).iter().map(|(r, c)| r * c).sum();
        // Snapshots of one window, the Krylov space of the guard, two numbers per measured step.
        let series = if self.controls { 6 } else { 2 } * self.steps;
        let numbers = parameters * (GUARD_EVERY.min(self.steps) + 60) + series;
        cost.bytes = cost.bytes.saturating_add(8 * numbers as u64);
        if self.controls {
            cost.flops *= 4.0;
        }
        cost
    }

    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let mut potential =
            NetworkPotential::of(learner, dataset, self.temperature)?.with_loss(self.loss);
        if let Some(state) = start.paused {
            let at = state.read()?;
            return self.go_on(
                at,
                start.parameters,
                &mut potential,
                record,
                rng,
                on_snapshot,
            );
        }
        let phi = potential.whiten(&start.parameters);
        let record = match record.split_first() {
            Some((0, later)) => {
                on_snapshot(Snapshot::new(0, &start.parameters))?;
                later
            }
            _ => record,
        };
        let at = Progress::new(self, &mut potential, phi, rng.clone())?;
        self.go_on(
            at,
            start.parameters,
            &mut potential,
            record,
            rng,
            on_snapshot,
        )
    }
}

/// How far a chain is, between two windows.
#[derive(Serialize, Deserialize)]
struct Progress {
    chain: Chain,
    watch: Watch,
    done: usize,
}

impl Progress {
    fn new(
        rule: &Langevin,
        potential: &mut NetworkPotential,
        start: Vec<f64>,
        rng: Stream,
    ) -> Result<Self> {
        Ok(Progress {
            chain: Chain::new(rule.scheme, rule.step, potential, start, rng)?,
            watch: Watch::default(),
            done: 0,
        })
    }
}

impl Langevin {
    /// To the end, to the verdict, and to the last snapshot.
    fn go_on(
        &self,
        mut at: Progress,
        start: Parameters,
        potential: &mut NetworkPotential,
        record: &[usize],
        rng: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let (before, last) = match record.split_last() {
            Some((&step, before)) if step == self.steps => (before, true),
            _ => (record, false),
        };
        self.advance(&mut at, potential, before, on_snapshot)?;
        let controls = match self.controls {
            true => self.control(&start, potential, rng, at.chain.halvings())?,
            false => Controls::default(),
        };
        let Progress { chain, watch, .. } = &at;
        watch.judge_temperature()?;
        if self.certify {
            watch.judge(chain, &controls, [self.steps, self.burn_in])?;
        }
        *rng = chain.state().rng.clone();
        let end = potential.parameters(&chain.state().position).clone();
        let halved = (chain.halvings() > 0).then(|| {
            let (asked, used) = (self.step, chain.eta());
            format!("stiffness guard: training.step = {asked} was halved to {used:.3e}")
        });
        if last {
            on_snapshot(Snapshot {
                state: Some(&|| State::of(&at)),
                chain: Some(&|| watch.report(chain, self.step, &controls)),
                warning: halved.as_deref(),
                ..Snapshot::new(self.steps, &end)
            })?;
        }
        Ok(end)
    }

    /// The control chains, the second with half the step that the chain ended with; their noise comes from streams of their own under the key of the chain.
    fn control(
        &self,
        start: &Parameters,
        potential: &mut NetworkPotential,
        rng: &Stream,
        halvings: u32,
    ) -> Result<Controls> {
        let start = potential.whiten(start);
        let zero = vec![0.0; start.len()];
        let mut mean = |start, parts: usize, number| {
            let last = self.steps * parts;
            let looks: Vec<usize> = (0..last).step_by(GUARD_EVERY).skip(1).collect();
            let rule = Langevin {
                step: self.step / parts as f64,
                steps: last,
                burn_in: self.burn_in * parts,
                ..self.clone()
            };
            let mut noise = rng.clone();
            noise.set_stream(number);
            let mut at = Progress::new(&rule, potential, start, noise)?;
            rule.advance(&mut at, potential, &looks, &mut |_| interrupt::check())?;
            match at.watch.mean_potential() {
                Err(Error::Unconverged { .. }) if !self.certify => Ok(None),
                mean => mean.map(Some),
            }
        };
        Ok(Controls {
            zero: mean(zero, 1, 1)?,
            half: mean(start, 2 << halvings, 2)?,
        })
    }

    /// Window by window to the last step.
    fn advance(
        &self,
        at: &mut Progress,
        potential: &mut NetworkPotential,
        record: &[usize],
        on_snapshot: &mut OnSnapshot,
    ) -> Result<()> {
        let n = potential.dimension();
        let mut record = record.iter().copied().peekable();
        // Snapshots are held back until their window is known to be kept.
        let (mut held, mut positions) = (Vec::new(), Vec::new());
        while at.done < self.steps {
            let Progress { chain, watch, done } = &mut *at;
            let measured = *done >= self.burn_in;
            if *done == self.burn_in {
                chain.reset_acceptance();
            }
            let left = if measured { self.steps } else { self.burn_in } - *done;
            let length = chain.window_length(left);
            let samples = watch.potential.len();
            let (mut step, mut next) = (*done, record.clone());
            let window = chain.window(potential, length, |_, state| {
                step += 1;
                if next.next_if_eq(&step).is_some() {
                    held.push(step);
                    positions.extend_from_slice(&state.position);
                }
                if measured {
                    watch.potential.push(state.value);
                    watch.virial.push(virial(state, 0..n));
                }
                Ok(())
            })?;
            if window == Window::Kept {
                *done += length;
                record = next;
                if let (true, Some(batch)) = (measured, self.scheme.batch()) {
                    let noise = batch_noise(potential, &chain.state().position, batch)?;
                    watch.rise.push(0.5 * chain.eta() * noise);
                }
                // Only after the last snapshot of a window is nothing left of it.
                let state = || State::of(&*at);
                let states = (1..held.len()).map(|_| None).chain([Some(&state as &_)]);
                for ((&step, phi), state) in held.iter().zip(positions.chunks_exact(n)).zip(states)
                {
                    let parameters = potential.parameters(phi);
                    on_snapshot(Snapshot {
                        state,
                        ..Snapshot::new(step, parameters)
                    })?;
                }
            } else {
                watch.potential.truncate(samples);
                watch.virial.truncate(samples);
            }
            held.clear();
            positions.clear();
        }
        Ok(())
    }
}
