//! The kernels a spec can name.

use super::network::Network;
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A positive semi-definite kernel `K(x, x')` on inputs `x` in `R^d`.
///
/// | kind | `K(x, x')` |
/// |---|---|
/// | `linear` | `x.x'/d` |
/// | `polynomial` | `(x.x'/d + offset)^degree` |
/// | `gaussian` | `exp(-\|x - x'\|^2 / (2 length^2))` |
/// | `laplace` | `exp(-\|x - x'\| / length)` |
/// | `nngp` | covariance of the output of an infinitely wide [`Network`] at initialisation |
/// | `ntk` | its neural tangent kernel |
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::kernel::{gram, Kernel};
/// let x = DMatrix::from_row_slice(1, 2, &[0.0, 2.0]); // two samples of one input
/// let k = gram(&Kernel::Gaussian { length: 1.0 }, &x, 1 << 20)?;
/// assert!((k.kernel[(0, 1)] - (-2f64).exp()).abs() < 1e-15);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Kernel {
    /// `x.x'/d`
    Linear {},
    /// `(x.x'/d + offset)^degree`
    Polynomial {
        /// Power of the polynomial, at least 1.
        degree: u32,
        /// Constant added to `x.x'/d`, not negative (default 0).
        #[serde(default)]
        offset: f64,
    },
    /// `exp(-|x - x'|^2 / (2 length^2))`
    Gaussian {
        /// Distance at which the kernel has fallen to `exp(-1/2)`, positive.
        length: f64,
    },
    /// `exp(-|x - x'| / length)`
    Laplace {
        /// Distance at which the kernel has fallen to `1/e`, positive.
        length: f64,
    },
    /// Covariance of the output of an infinitely wide network at initialisation.
    Nngp(Network),
    /// Neural tangent kernel of an infinitely wide network.
    Ntk(Network),
}

impl Kernel {
    /// Checks the ranges; `place` is the key path for messages.
    pub fn check(&self, place: &str) -> Result<()> {
        let positive = |key: &str, value: f64| {
            if value.is_finite() && value > 0.0 {
                return Ok(());
            }
            Err(Error::input(
                format!("{place}.{key}"),
                format!("{value} is not positive"),
                "give a finite number > 0",
            ))
        };
        match self {
            Kernel::Linear {} => Ok(()),
            Kernel::Gaussian { length } | Kernel::Laplace { length } => positive("length", *length),
            Kernel::Nngp(network) | Kernel::Ntk(network) => network.check(place),
            Kernel::Polynomial { degree, offset } => {
                positive("degree", f64::from(*degree))?;
                if *degree > 64 || !(offset.is_finite() && *offset >= 0.0) {
                    return Err(Error::input(
                        place,
                        format!("degree {degree} with offset {offset}"),
                        "use degree <= 64 and a finite offset >= 0 (else the kernel is not positive)",
                    ));
                }
                Ok(())
            }
        }
    }
}
