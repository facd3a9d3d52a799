//! Numerical methods without physics names.

pub mod flow;
pub mod linalg;
pub mod quadrature;
pub mod random;
pub mod root;
