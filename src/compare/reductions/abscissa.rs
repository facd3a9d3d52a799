//! Functions of a swept value against which a reduction fits and a figure draws.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Function of the swept value `k` that is drawn or fitted against.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Abscissa {
    /// `k` itself.
    #[default]
    Value,
    /// `1/k`, for limits of large `k`.
    Inverse,
    /// `ln k`, `k` positive.
    Log,
    /// `ln(1/k)`, `k` positive.
    LogInverse,
    /// Number of weight layers, for a swept list of hidden widths.
    Depth,
    /// `(a - 1)/b` of a swept pair of sides `[a, b]`: steps from the first face to the last over the length of the
    /// faces.
    Aspect,
    /// `k^e`, `k` positive: `abscissa = { power = -2.75 }`.
    Power(f64),
}

impl Abscissa {
    /// The abscissa of a key's value.
    pub fn of(self, k: f64) -> f64 {
        match self {
            Abscissa::Value | Abscissa::Depth | Abscissa::Aspect => k,
            Abscissa::Inverse => 1.0 / k,
            Abscissa::Log => k.ln(),
            Abscissa::LogInverse => -k.ln(),
            Abscissa::Power(e) => k.powf(e),
        }
    }
    /// Text of the abscissa for a key.
    pub fn text(self, key: &str) -> String {
        match self {
            Abscissa::Value => key.into(),
            Abscissa::Inverse => format!("1/{key}"),
            Abscissa::Log => format!("ln {key}"),
            Abscissa::LogInverse => format!("ln(1/{key})"),
            Abscissa::Power(e) => format!("{key}^{e}"),
            Abscissa::Depth => "number of weight layers L".into(),
            Abscissa::Aspect => "aspect (L1 - 1)/L2".into(),
        }
    }
    /// The exponent of `value ~ x^w` in the abscissa `x` that is `w` in the key; `None` where `x` is no power of the
    /// key.
    ///
    /// ```
    /// use saddlepoint::compare::reductions::Abscissa;
    /// assert_eq!(Abscissa::Inverse.exponent(-0.5), Some(0.5));
    /// assert_eq!(Abscissa::Power(2.0).exponent(-1.0), Some(-0.5));
    /// ```
    pub fn exponent(self, in_key: f64) -> Option<f64> {
        match self {
            Abscissa::Value => Some(in_key),
            Abscissa::Inverse => Some(-in_key),
            Abscissa::Power(e) => Some(in_key / e),
            Abscissa::Log | Abscissa::LogInverse | Abscissa::Depth | Abscissa::Aspect => None,
        }
    }
}
