//! Numerical methods without physics names.

pub mod atomic;
pub mod chebyshev;
pub mod collapse;
#[cfg(test)]
mod collapse_tests;
pub mod content;
pub mod contour;
pub mod elementary;
pub mod expand;
pub mod flow;
pub mod gauss_newton;
pub mod interrupt;
pub mod lambert;
pub mod lanczos;
pub mod linalg;
pub mod memo;
pub mod normal;
pub mod npy;
pub mod npz;
pub mod optimize;
pub mod prefetch;
pub mod quadrature;
pub mod random;
pub mod real;
pub mod root;
pub mod scaling;
pub mod simd;
pub mod statistics;
pub mod text;
pub mod zeta;
