//! Initial laws of a multilayer perceptron's raw weights.

use crate::error::{Error, Result};
use crate::kind::{parse_table, unknown};
use crate::learner::Parametrization;
use crate::numerics::linalg::qr;
use crate::numerics::random::{Stream, normal_matrix};
use crate::task::Modes;
use nalgebra::DMatrix;
use serde::Deserialize;

/// Initial law. Widths are `[n_0 = inputs, n_1, ..., n_L = outputs]`, `W_l` is `n_l x n_{l-1}`; every `Q`, `R`, `U`, `V` drawn
/// here has orthonormal columns and is uniform (Haar) among such matrices.
///
/// * `gaussian`: independent entries `N(0, scale^2)`, with a list of scales one for every weight matrix, from the inputs to the
///   read-out. Without `scale`: `1/sqrt(n_{l-1})` in the standard parametrisation, `1` in `ntk` and `mean-field`.
/// * `balanced`: `W_l = scale Q_l Q_{l-1}^T` with `Q_l: n_l x k`, `k` the smallest width. All `k` singular values of every layer
///   are `scale`, and `W_{l+1}^T W_{l+1} = W_l W_l^T` to rounding.
/// * `lambda-balanced`: two layers, `W_2^T W_2 - W_1 W_1^T = lambda 1` on the whole hidden space, the `min(n_0, n_1, n_2)` singular
///   values of `W_2 W_1` equal to `scale`: `W_1 = R diag(s_1) V^T`, `W_2 = U diag(s_2) R^T` with
///   `s_1^2 = (-lambda + r)/2`, `s_2^2 = (lambda + r)/2`, `r = sqrt(lambda^2 + 4 scale^2)`. A positive `lambda` needs
///   `n_1 <= n_2`, a negative one `n_1 <= n_0` (else `W_2^T W_2 - lambda 1` is not positive semidefinite).
///   Source: Domine et al. (2024), arXiv:2409.14623.
/// * `aligned`: in the singular bases of the task's modes `U diag(s) V^T` (`k` of them): `W_1 = scale R_1 V^T`,
///   `W_l = scale R_l R_{l-1}^T`, `W_L = last U R_{L-1}^T`; `last` is `scale` when absent. Mode strengths start at
///   `scale^(L-1) last`. Every hidden width must be at least `k`.
///
/// All but `gaussian` are statements about raw matrices and require the standard parametrisation.
#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Init {
    /// Independent entries `N(0, scale^2)`.
    Gaussian {
        /// Standard deviation of a raw entry, or a list of one for every trained weight matrix from the inputs to the read-out; by default
        /// `1/sqrt(fan-in)` in the standard parametrisation, else 1.
        scale: Option<Deviation>,
    },
    /// `W_{l+1}^T W_{l+1} = W_l W_l^T` in random bases, all singular values of a layer equal.
    Balanced {
        /// Singular value of every layer, >= 0.
        scale: f64,
    },
    /// Two layers with `W_2^T W_2 - W_1 W_1^T = lambda 1`.
    LambdaBalanced {
        /// Singular values of the product `W_2 W_1`, >= 0.
        scale: f64,
        /// Imbalance of the layers: positive for a larger read-out, negative for a larger first layer.
        lambda: f64,
    },
    /// Layers in the singular bases of the task's modes, random bases in between.
    Aligned {
        /// Singular value of every layer but the last, >= 0.
        scale: f64,
        /// Singular value of the last layer, >= 0; `scale` when absent.
        last: Option<f64>,
    },
}

/// Standard deviation of raw entries.
#[derive(Debug, Clone, PartialEq, serde::Serialize, Deserialize, schemars::JsonSchema)]
#[serde(
    untagged,
    expecting = "expected a number, or a list of one number for every weight matrix"
)]
pub enum Deviation {
    /// The same in all layers.
    All(f64),
    /// One for every trained weight matrix, from the inputs to the read-out.
    Each(Vec<f64>),
}

impl Deviation {
    fn numbers(&self) -> &[f64] {
        match self {
            Deviation::All(scale) => std::slice::from_ref(scale),
            Deviation::Each(scales) => scales,
        }
    }
}

impl Default for Init {
    fn default() -> Self {
        Init::Gaussian { scale: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionalScale {
    scale: Option<Deviation>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Scale {
    scale: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleLambda {
    scale: f64,
    lambda: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScaleLast {
    scale: f64,
    last: Option<f64>,
}

impl Init {
    /// The values that `kind` may take.
    pub const KINDS: [&str; 4] = ["gaussian", "balanced", "lambda-balanced", "aligned"];

    /// Independent entries `N(0, scale^2)` in all layers.
    pub fn gaussian(scale: f64) -> Self {
        let scale = Some(Deviation::All(scale));
        Init::Gaussian { scale }
    }

    /// Parses the table `[learner.init]`; errors name the key under `place`.
    pub fn parse(place: &str, value: toml::Value) -> Result<Self> {
        let remedy = || {
            format!(
                "use a table with `kind` = one of: {}",
                Self::KINDS.join(", ")
            )
        };
        let toml::Value::Table(mut table) = value else {
            return Err(Error::input(place, "not a table", remedy()));
        };
        let kind_place = format!("{place}.kind");
        let kind = match table.remove("kind") {
            Some(toml::Value::String(kind)) => kind,
            Some(_) => return Err(Error::input(kind_place, "not a string", remedy())),
            None => return Err(Error::input(kind_place, "missing", remedy())),
        };
        Ok(match kind.as_str() {
            "gaussian" => {
                let OptionalScale { scale } = parse_table(place, table)?;
                Init::Gaussian { scale }
            }
            "balanced" => {
                let Scale { scale } = parse_table(place, table)?;
                Init::Balanced { scale }
            }
            "lambda-balanced" => {
                let ScaleLambda { scale, lambda } = parse_table(place, table)?;
                Init::LambdaBalanced { scale, lambda }
            }
            "aligned" => {
                let ScaleLast { scale, last } = parse_table(place, table)?;
                Init::Aligned { scale, last }
            }
            _ => return Err(unknown(&kind_place, &kind, &Self::KINDS)),
        })
    }

    /// Ranges of the numbers and the parametrisation, without a data shape.
    pub fn validate(&self, place: &str, parametrization: Parametrization) -> Result<()> {
        let (scales, lambda, last): (&[f64], _, _) = match self {
            Init::Gaussian { scale: None } => (&[], None, None),
            Init::Gaussian { scale: Some(scale) } => (scale.numbers(), None, None),
            Init::Balanced { scale } => (std::slice::from_ref(scale), None, None),
            Init::LambdaBalanced { scale, lambda } => {
                (std::slice::from_ref(scale), Some(*lambda), None)
            }
            Init::Aligned { scale, last } => (std::slice::from_ref(scale), None, *last),
        };
        let scales = scales.iter().map(|v| ("scale", *v));
        for (key, v) in scales.chain(last.map(|v| ("last", v))) {
            if !(v.is_finite() && v >= 0.0) {
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{v} is not a finite number >= 0"),
                    "give a standard deviation or singular value, for example 0.01",
                ));
            }
        }
        if let Some(v) = lambda.filter(|v| !v.is_finite()) {
            return Err(Error::input(
                format!("{place}.lambda"),
                format!("{v} is not finite"),
                "give a finite number (0 is balanced)",
            ));
        }
        let gaussian = matches!(self, Init::Gaussian { .. });
        if !gaussian && parametrization != Parametrization::Standard {
            return Err(Error::input(
                format!("{place}.kind"),
                "only \"gaussian\" is defined outside the standard parametrisation",
                "set learner.parametrization = \"standard\" or learner.init.kind = \"gaussian\"",
            ));
        }
        Ok(())
    }

    /// Whether a list of scales has one for each of so many weight matrices.
    pub fn check_matrices(&self, place: &str, matrices: usize) -> Result<()> {
        match self {
            Init::Gaussian {
                scale: Some(Deviation::Each(scales)),
            } if scales.len() != matrices => Err(Error::input(
                format!("{place}.scale"),
                format!(
                    "{} numbers for {matrices} trained weight matrices",
                    scales.len()
                ),
                "give one number for every weight matrix from the inputs to the read-out, or one for all",
            )),
            _ => Ok(()),
        }
    }

    /// Conditions on the widths `[inputs, hidden..., outputs]`.
    pub fn check(&self, place: &str, widths: &[usize]) -> Result<()> {
        let Init::LambdaBalanced { lambda, .. } = *self else {
            return Ok(());
        };
        let &[inputs, hidden, outputs] = widths else {
            return Err(Error::input(
                format!("{place}.kind"),
                format!(
                    "\"lambda-balanced\" is defined for two layers, not {}",
                    widths.len() - 1
                ),
                "give learner.widths one entry, or use kind = \"balanced\"",
            ));
        };
        let (bound, side, sign) = if lambda > 0.0 {
            (outputs, "outputs", "positive")
        } else {
            (inputs, "inputs", "negative")
        };
        if lambda != 0.0 && hidden > bound {
            return Err(Error::input(
                format!("{place}.lambda"),
                format!(
                    "W_2^T W_2 - W_1 W_1^T = {lambda} 1 is impossible with {hidden} hidden units and {bound} {side}: a {sign} \
                     lambda needs hidden <= {side}"
                ),
                format!(
                    "set learner.widths = [{bound}] or smaller, change the sign of lambda, or use lambda = 0"
                ),
            ));
        }
        Ok(())
    }

    /// Standard deviations of the raw entries, layer by layer; `None` for the laws that are not Gaussian.
    pub fn deviations(
        &self,
        widths: &[usize],
        parametrization: Parametrization,
    ) -> Option<Vec<f64>> {
        let Init::Gaussian { scale } = self else {
            return None;
        };
        let default = |n: usize| match parametrization {
            Parametrization::Standard => 1.0 / (n as f64).sqrt(),
            Parametrization::Ntk | Parametrization::MeanField => 1.0,
        };
        let fan_in = widths[..widths.len() - 1].iter().enumerate();
        let of = |(l, &n): (usize, &usize)| match scale {
            None => default(n),
            Some(Deviation::All(scale)) => *scale,
            // A read-out that is not trained has no raw entries.
            Some(Deviation::Each(scales)) => scales.get(l).copied().unwrap_or(1.0),
        };
        Some(fan_in.map(of).collect())
    }

    /// Draws the raw weights. `deviations` (one per layer) is read by `gaussian` alone, `modes` by `aligned` alone.
    pub fn draw(
        &self,
        place: &str,
        widths: &[usize],
        deviations: &[f64],
        modes: &Modes,
        rng: &mut Stream,
    ) -> Result<Vec<DMatrix<f64>>> {
        self.check(place, widths)?;
        let layers = widths.len() - 1;
        match *self {
            Init::Gaussian { .. } => Ok(deviations
                .iter()
                .zip(widths.windows(2))
                .map(|(&deviation, n)| normal_matrix(rng, n[1], n[0]) * deviation)
                .collect()),
            Init::Balanced { scale } => {
                let rank = widths.iter().copied().min().unwrap_or(0);
                let bases: Vec<_> = widths.iter().map(|&n| haar(rng, n, rank)).collect();
                Ok(chain(&bases, &vec![scale; layers]))
            }
            Init::LambdaBalanced { scale, lambda } => {
                Ok(lambda_balanced(widths, scale, lambda, rng))
            }
            Init::Aligned { scale, last } => {
                let rank = modes.s.len();
                let hidden = &widths[1..layers];
                if let Some(i) = hidden.iter().position(|&n| n < rank) {
                    return Err(Error::input(
                        format!("learner.widths[{i}]"),
                        format!(
                            "{} units cannot carry the {rank} modes of an aligned start",
                            hidden[i]
                        ),
                        format!("use at least {rank} units, or another {place}.kind"),
                    ));
                }
                let mut bases = vec![modes.v.clone()];
                bases.extend(hidden.iter().map(|&n| haar(rng, n, rank)));
                bases.push(modes.u.clone());
                let mut scales = vec![scale; layers];
                scales[layers - 1] = last.unwrap_or(scale);
                Ok(chain(&bases, &scales))
            }
        }
    }
}

/// `n x k` matrix with orthonormal columns, uniform among those (`k <= n`).
fn haar(rng: &mut Stream, n: usize, k: usize) -> DMatrix<f64> {
    qr(&normal_matrix(rng, n, k)).0
}

/// `W_l = scale_l Q_l Q_{l-1}^T`.
fn chain(bases: &[DMatrix<f64>], scales: &[f64]) -> Vec<DMatrix<f64>> {
    bases
        .windows(2)
        .zip(scales)
        .map(|(q, &scale)| &q[1] * q[0].transpose() * scale)
        .collect()
}

fn lambda_balanced(
    widths: &[usize],
    scale: f64,
    lambda: f64,
    rng: &mut Stream,
) -> Vec<DMatrix<f64>> {
    let (inputs, hidden, outputs) = (widths[0], widths[1], widths[2]);
    let rank = inputs.min(hidden).min(outputs);
    // The larger singular value first: the smaller one is scale / larger, without cancellation.
    let larger = ((lambda.abs() + lambda.hypot(2.0 * scale)) / 2.0).sqrt();
    let smaller = if larger > 0.0 { scale / larger } else { 0.0 };
    let (first, second) = if lambda > 0.0 {
        (smaller, larger)
    } else {
        (larger, smaller)
    };
    // Hidden directions beyond the rank carry lambda alone, in the layer that can hold it.
    let rest = lambda.abs().sqrt();
    let singular = |value: f64, carries: bool, cols: usize| {
        DMatrix::from_fn(hidden, cols, |i, j| match i == j {
            true if i < rank => value,
            true if carries => rest,
            _ => 0.0,
        })
    };
    let r = haar(rng, hidden, hidden);
    let (u, v) = (haar(rng, outputs, outputs), haar(rng, inputs, inputs));
    vec![
        &r * singular(first, lambda < 0.0, inputs) * v.transpose(),
        u * singular(second, lambda > 0.0, outputs).transpose() * r.transpose(),
    ]
}

#[cfg(test)]
#[path = "init_tests.rs"]
mod tests;
