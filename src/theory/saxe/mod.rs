//! Exact learning dynamics of deep linear networks (Saxe and successors).
//!
//! Solvers, usable alone: [`scalar`] (two-layer modes, balanced and unbalanced), [`depth`] (balanced modes of any
//! depth), [`matrix`] (the full two-layer solution for lambda-balanced weights), [`low_rank`] (the same for a target
//! of few modes at large width), [`flow`] (any weights, any depth, any inputs, by integration). The theory entry
//! `saxe` chooses among them.
//!
//! Shapes: `W_l: width_l x width_(l-1)`, `Syx: outputs x inputs`; time in units of tau. [`scalar`], [`depth`],
//! [`matrix`] and [`low_rank`] are for white inputs, where the loss is `1/2 |Syx - F|^2` and a constant.
#![doc = include_str!("saxe.md")]

pub mod depth;
mod entry;
pub mod flow;
mod idealised;
pub mod inputs;
pub mod low_rank;
mod matched;
pub mod matrix;
pub mod path;
mod reading;
pub mod scalar;
pub mod snapshot;

pub use entry::{KIND, Method, Options, Saxe, Start};
