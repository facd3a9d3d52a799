//! Numerical methods without physics names.

pub mod chebyshev;
pub mod elementary;
pub mod flow;
pub mod linalg;
pub mod npz;
pub mod quadrature;
pub mod random;
pub mod root;
pub mod scaling;
pub mod simd;
pub mod statistics;
