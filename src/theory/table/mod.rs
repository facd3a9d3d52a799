//! The theory entry `table`: a curve from a file.
#![doc = include_str!("table.md")]

mod entry;
mod solve;
#[cfg(test)]
mod tests;

pub use entry::{KIND, Keys, Level, Table};
