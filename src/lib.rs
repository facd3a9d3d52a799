//! saddlepoint: the physics of deep learning.

pub mod cli;
pub mod compare;
pub mod error;
pub mod experiment;
pub mod gallery;
pub mod instrument;
pub mod kind;
pub mod learner;
pub mod models;
pub mod numerics;
pub mod plot;
pub mod report;
pub mod run;
pub mod spec;
pub mod task;
pub mod theory;
pub mod training;

pub use error::{Error, Result};
