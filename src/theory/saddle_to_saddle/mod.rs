//! Saddle-to-saddle dynamics from a vanishing initialisation: alternating gradient flows (AGF).
//!
//! As the initial scale `al -> 0` gradient flow spends almost all its time at saddles; in the time `t / ln(1/al)` it jumps from one
//! to the next. [`diagonal`] treats the diagonal linear network (jumps by AGF, and the exact flow at finite `al`), [`connected`]
//! the fully connected two-layer linear network, whose jump times `ln(1/al)/s_k` are the leading order in `1/ln(1/al)`.
//! Sources: Jacot et al. 2021, arXiv:2106.15933; Pesme and Flammarion 2023, arXiv:2304.00488; Kunin et al. 2025,
//! arXiv:2506.06489.

mod adapter;
pub mod connected;
pub mod diagonal;

pub use adapter::{KIND, Options};
pub use diagonal::{Diagonal, Jump};
