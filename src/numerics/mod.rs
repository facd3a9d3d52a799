//! Numerical methods without physics names.

pub mod elementary;
pub mod linalg;
pub mod random;
pub mod simd;
pub mod statistics;
