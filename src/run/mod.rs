//! Runs: every unit of a spec computed once, stored, and put together.

pub mod cost;
pub mod execute;
pub mod interrupt;
pub mod memo;
pub mod outcome;
pub mod progress;
pub mod store;

pub use execute::{Settings, Side, execute, place};
pub use outcome::{CellOutcome, Measurement, Outcome, Status, TheoryOutcome};
pub mod assess;
