//! Mean-field theory of wide random networks: solvers as plain functions, without learners and specs.

pub mod signal_propagation;
