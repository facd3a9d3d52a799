//! Runs: every unit of a spec computed once, stored, and put together.

pub mod arrays;
pub mod assess;
mod assumed;
mod checkpoint;
pub mod cost;
mod curve;
pub mod document;
mod engine;
pub mod execute;
mod expect;
pub mod fitting;
mod gather;
pub mod identity;
pub mod manifest;
pub mod mapping;
pub mod outcome;
mod pack;
pub mod probe;
pub mod progress;
mod ranked;
mod records;
pub mod reduction;
mod reference;
pub mod relation;
mod rows;
mod simulation;
pub mod solving;
pub mod standing;
pub mod store;
mod streams;
pub mod tables;
mod units;
pub mod weights;

pub use crate::numerics::interrupt;
pub use cost::estimate;
pub use execute::{Settings, Side, execute, prepare, workers};
pub use gather::place;
pub use mapping::Mapped;
pub use outcome::{CellOutcome, Measurement, Outcome, Status, TheoryOutcome};
pub use streams::Streamed;

#[cfg(test)]
mod contract_tests;
#[cfg(test)]
mod mapping_tests;
#[cfg(test)]
mod monte_carlo_tests;
#[cfg(test)]
mod reference_tests;
#[cfg(test)]
mod streams_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod verdict_tests;
