//! Runs: every unit of a spec computed once, stored, and put together.

pub mod assess;
pub mod arrays;
pub mod cost;
pub mod document;
pub mod execute;
pub mod interrupt;
pub mod memo;
pub mod outcome;
pub mod progress;
pub mod manifest;
pub mod store;
pub mod tables;

pub use execute::{Settings, Side, execute, place};
pub use outcome::{CellOutcome, Measurement, Outcome, Status, TheoryOutcome};
pub use cost::estimate;
