//! saddlepoint: the physics of deep learning, stated once and read twice.
//!
//! An [`experiment::Experiment`] puts together a *task* (what is learned), a *learner* (what learns) and a *training* rule (how);
//! *instruments* say what is measured on the networks, *theories* what is predicted for the same observables. A
//! [`spec::Spec`] holds one or many experiments with their theories, from a TOML text or stated in code; [`run::execute()`] computes
//! both sides, [`run::assess::assess`] compares them.
//!
//! ```
//! use saddlepoint::run::{assess::assess, execute, Settings};
//! use saddlepoint::spec::{Options, Spec};
//!
//! let text = r#"
//! version = 1
//! task = { kind = "linear-teacher", singular_values = [2.0, 1.0], input_dim = 4, output_dim = 3, samples = 20 }
//! learner = { kind = "mlp", widths = [5], init = { kind = "gaussian", scale = 0.1 } }
//! training = { kind = "gradient-descent", learning_rate = 0.01, steps = 500 }
//! measure = { observables = ["mode-strength"], replicas = 5, points = 11 }
//! theory = [{ kind = "saxe", expect = "agree" }]
//! "#;
//! let spec = Spec::parse("small", "small.toml", text, &Options::default())?;
//! let outcome = execute(&spec, &Settings::default())?;
//! let league = assess(&spec, &outcome)?;
//! assert!(league.expectations[0].met);
//! # Ok::<(), saddlepoint::Error>(())
//! ```
//!
//! The modules, from the bottom up: [`error`], [`numerics`] (no physics names), [`kind`] (registries), [`percolation`] (clusters on lattices, graphs and trees), [`task`], [`kernel`]
//! (infinitely wide networks, kernel ridge regression), [`mean_field`] (signals in wide random networks), [`learner`], [`training`],
//! [`experiment`], [`context`] (what solves and measurements of a run share), [`instrument`], [`theory`] (solvers as plain functions, thin adapters), [`compare`]
//! (deviations, verdicts, reductions on plain arrays), [`spec`], [`run`] (store, execution, tables), [`plot`] (figures as data),
//! [`report`], [`gallery`], [`cli`]. Dependencies point down only.
//!
//! Conventions are part of every observable ([`instrument::Observable`]): losses are `(w/2) sum |y - f|^2` with `w = 1/P` or `1`,
//! time is `learning_rate * step` (tau = 1), parametrisations are those of [`learner::Parametrization`].

#![warn(missing_docs)]

pub mod cli;
pub mod compare;
pub mod context;
pub mod dmft;
pub mod error;
pub mod experiment;
pub mod gallery;
pub mod instrument;
pub mod kernel;
pub mod kind;
pub mod learner;
pub mod mean_field;
pub mod models;
pub mod numerics;
pub mod papers;
pub mod percolation;
pub mod plot;
pub mod report;
pub mod rg;
pub mod run;
pub mod spec;
pub mod task;
pub mod theory;
pub mod training;

pub use error::{Error, Result};
