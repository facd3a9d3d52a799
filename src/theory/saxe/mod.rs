//! Exact learning dynamics of deep linear networks (Saxe and successors).
//!
//! Solvers, usable alone: [`scalar`] (two-layer modes, balanced and unbalanced), [`depth`] (balanced modes of any depth),
//! [`matrix`] (the full two-layer solution for lambda-balanced weights), [`low_rank`] (the same for a target of few modes at
//! large width), [`flow`] (any weights, any depth, by integration). The theory entry `saxe` chooses among them.
//!
//! Conventions: `W1: hidden x inputs`, `W2: outputs x hidden`, whitened inputs `w X X^T = 1`, `S = w Y X^T` (`outputs x inputs`),
//! loss `L = 1/2 ||S - W2 W1||^2 + const`, gradient flow `dW1/dt = W2^T (S - W2 W1)`, `dW2/dt = (S - W2 W1) W1^T` with tau = 1.

pub mod depth;
mod entry;
pub mod flow;
mod idealised;
pub mod low_rank;
mod matched;
pub mod matrix;
pub mod path;
pub mod scalar;
pub mod snapshot;

pub use entry::{KIND, Method, Options, Saxe, Start};
