//! saddlepoint: the physics of deep learning.

pub mod compare;
pub mod error;
pub mod experiment;
pub mod instrument;
pub mod kind;
pub mod learner;
pub mod numerics;
pub mod task;
pub mod theory;
pub mod training;

pub use error::{Error, Result};
