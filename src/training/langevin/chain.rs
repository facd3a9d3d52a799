//! One chain that moves window by window and never keeps a window whose step was too large for the stiffness.

use super::potential::{Potential, curvature};
use super::scheme::{Scheme, State, Work};
use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use serde::{Deserialize, Serialize};

/// Steps between two looks at the stiffness.
pub const GUARD_EVERY: usize = 500;
/// Largest `eta lambda_max`.
pub const STIFFEST: f64 = 0.5;
/// Most halvings of a step before the guard gives up.
const MOST_HALVINGS: u32 = 10;
/// `eta lambda` above which a move is unstable: the deviation from a minimum grows.
const UNSTABLE: f64 = 2.0;

/// A chain with its stiffness guard.
///
/// Steps are counted in units of the nominal step `eta`: after `k` halvings one of them is `2^k` moves of size `eta/2^k`, so that time
/// stays `eta * step`. The guard computes `lambda_max`, the largest eigenvalue of the Hessian of `V`, at the start and at the end of every
/// window of at most 500 moves; where `eta lambda_max > 0.5` (or a value is not finite), the chain goes back to the begin of the
/// window and halves the step until the bound holds. In between, every move of a scheme without Metropolis decision and mini-batches is
/// looked at through its secant `|g' - g|/|phi' - phi|`, which no curvature along the move falls below: `eta` times it must stay
/// below 2, so that a chain that is thrown out of a stiff region within a window does not pass.
///
/// The chain can be serialised between windows; continued from there it gives the same bits as without interruption.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Chain {
    scheme: Scheme,
    nominal: f64,
    halvings: u32,
    state: State,
    /// Largest `eta lambda_max` of the windows that were kept.
    stiffness: f64,
    #[serde(skip)]
    work: Work,
    #[serde(skip)]
    begin: Option<State>,
}

/// What became of a window.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Window {
    /// The guard holds.
    Kept,
    /// The chain is back at its begin, with a smaller step; the curvature that was found.
    Undone(f64),
}

impl Chain {
    /// A chain at `start` (whitened) with step `eta`; the step is halved at once where the start is too stiff for it.
    ///
    /// Errors: `eta` outside `(0, 1)`, a potential that is not finite at the start, a batch that is not among `1..=P`, a start that is
    /// too stiff for `eta/1024`.
    pub fn new(
        scheme: Scheme,
        eta: f64,
        potential: &mut dyn Potential,
        start: Vec<f64>,
        rng: Stream,
    ) -> Result<Self> {
        if !(eta > 0.0 && eta < 1.0) {
            return Err(Error::input(
                "training.step",
                format!("{eta} is not between 0 and 1"),
                "give the rate at which the prior relaxes per step, for example 0.002",
            ));
        }
        let mut work = Work::default();
        let state = State::new(scheme, potential, start, rng, &mut work)?;
        let mut chain = Chain {
            scheme,
            nominal: eta,
            halvings: 0,
            state,
            stiffness: 0.0,
            work,
            begin: None,
        };
        let limit = STIFFEST / chain.eta();
        let lambda = curvature(potential, &chain.state.position, limit)?;
        chain.soften(lambda)?;
        chain.stiffness = chain.eta() * lambda;
        Ok(chain)
    }

    /// The step in use, `eta/2^halvings`.
    pub fn eta(&self) -> f64 {
        self.nominal * 0.5f64.powi(self.halvings as i32)
    }

    /// How often the step was halved.
    pub fn halvings(&self) -> u32 {
        self.halvings
    }

    /// Largest `eta lambda_max` of the windows that were kept.
    pub fn stiffness(&self) -> f64 {
        self.stiffness
    }

    /// Where the chain is.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Puts the chain back to an earlier state, at the step now in use.
    pub fn rewind(&mut self, state: &State) {
        self.state.clone_from(state);
    }

    /// Accepted fraction of the proposals; `None` without proposals.
    pub fn acceptance(&self) -> Option<f64> {
        let State {
            proposals,
            accepted,
            ..
        } = self.state;
        (proposals > 0).then(|| accepted as f64 / proposals as f64)
    }

    /// Forgets the proposals counted so far.
    pub(super) fn reset_acceptance(&mut self) {
        (self.state.proposals, self.state.accepted) = (0, 0);
    }

    /// Nominal steps of the next window, at most `left`.
    pub fn window_length(&self, left: usize) -> usize {
        (GUARD_EVERY >> self.halvings).clamp(1, left.max(1))
    }

    /// Advances by `steps` nominal steps, calling `each` after every one of them with the state; then looks at the stiffness.
    ///
    /// Errors: stiffness that even `eta/1024` does not meet; whatever `each` returns.
    pub fn window<P: Potential>(
        &mut self,
        potential: &mut P,
        steps: usize,
        mut each: impl FnMut(&mut P, &State) -> Result<()>,
    ) -> Result<Window> {
        match &mut self.begin {
            Some(begin) => begin.clone_from(&self.state),
            none => *none = Some(self.state.clone()),
        }
        let (eta, moves) = (self.eta(), 1usize << self.halvings);
        let mut secant = 0.0f64;
        'moves: for _ in 0..steps {
            for _ in 0..moves {
                secant = self.state.step(self.scheme, eta, potential, &mut self.work);
                if eta * secant > UNSTABLE {
                    break 'moves;
                }
            }
            each(potential, &self.state)?;
        }
        let lambda = match eta * secant > UNSTABLE {
            true => secant,
            false => curvature(potential, &self.state.position, STIFFEST / eta)?,
        };
        if eta * lambda <= STIFFEST {
            self.stiffness = self.stiffness.max(eta * lambda);
            return Ok(Window::Kept);
        }
        if let Some(begin) = &self.begin {
            self.state.clone_from(begin);
        }
        self.soften(lambda)?;
        Ok(Window::Undone(lambda))
    }

    /// Halves the step until `eta lambda <= 0.5`; once where `lambda` is not finite.
    fn soften(&mut self, lambda: f64) -> Result<()> {
        while self.eta() * lambda > STIFFEST {
            if self.halvings == MOST_HALVINGS {
                return Err(stiff(self.nominal, lambda));
            }
            self.halvings += 1;
            if !lambda.is_finite() {
                break;
            }
        }
        Ok(())
    }
}

/// The guard gives up.
fn stiff(eta: f64, lambda: f64) -> Error {
    let suggested = match lambda.is_finite() {
        true => STIFFEST / lambda,
        false => eta * 0.5f64.powi(MOST_HALVINGS as i32 + 1),
    };
    Error::unconverged(
        "Langevin sampling",
        format!(
            "stiffness: step * lambda_max = {:.3e} at step = {eta:e} (largest allowed {STIFFEST}), and {MOST_HALVINGS} halvings of the step \
             do not cure it",
            eta * lambda
        ),
        format!("set training.step = {suggested:.1e} or smaller, or raise training.temperature"),
    )
}
