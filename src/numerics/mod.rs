//! Numerical methods without physics names.

pub mod linalg;
pub mod random;
pub mod statistics;
