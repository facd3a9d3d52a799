//! Floating-point types that networks are computed in.

use super::elementary::Elementary;
use super::linalg::Gemm;
use nalgebra::RealField;

/// Scalars a network can be trained in: `f64` and `f32`.
pub trait Real:
    RealField
    + Gemm
    + Elementary
    + Default
    + Copy
    + Send
    + Sync
    + serde::Serialize
    + serde::de::DeserializeOwned
{
    /// Rounds a double-precision number to the type.
    fn of(x: f64) -> Self;
    /// The same number in double precision.
    fn f64(self) -> f64;
}

impl Real for f64 {
    fn of(x: f64) -> f64 {
        x
    }
    fn f64(self) -> f64 {
        self
    }
}

impl Real for f32 {
    fn of(x: f64) -> f32 {
        x as f32
    }
    fn f64(self) -> f64 {
        self as f64
    }
}
