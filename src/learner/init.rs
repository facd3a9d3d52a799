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
/// * `gaussian`: independent entries `N(0, scale^2)`. Without `scale`: `1/sqrt(n_{l-1})` in the standard parametrisation, `1`
///   in `ntk` and `mean-field`.
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
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, Deserialize, schemars::JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Init {
    /// Independent entries `N(0, scale^2)`.
    Gaussian {
        /// Standard deviation of a raw entry; by default `1/sqrt(fan-in)` in the standard parametrisation, else 1.
        scale: Option<f64>,
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

impl Default for Init {
    fn default() -> Self {
        Init::Gaussian { scale: None }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OptionalScale {
    scale: Option<f64>,
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
        let (scale, lambda, last) = match *self {
            Init::Gaussian { scale } => (scale, None, None),
            Init::Balanced { scale } => (Some(scale), None, None),
            Init::LambdaBalanced { scale, lambda } => (Some(scale), Some(lambda), None),
            Init::Aligned { scale, last } => (Some(scale), None, last),
        };
        for (key, value) in [("scale", scale), ("last", last)] {
            if let Some(v) = value.filter(|v| !(v.is_finite() && *v >= 0.0)) {
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
        let Init::Gaussian { scale } = *self else {
            return None;
        };
        let fan_in = &widths[..widths.len() - 1];
        let default = |&n: &usize| match parametrization {
            Parametrization::Standard => 1.0 / (n as f64).sqrt(),
            Parametrization::Ntk | Parametrization::MeanField => 1.0,
        };
        Some(
            fan_in
                .iter()
                .map(|n| scale.unwrap_or_else(|| default(n)))
                .collect(),
        )
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
mod tests {
    use super::*;
    use crate::numerics::linalg::svd;
    use crate::numerics::random::stream;
    use nalgebra::DVector;

    fn modes(outputs: usize, inputs: usize, k: usize) -> Modes {
        let mut rng = stream(3, "modes", &[]);
        Modes {
            u: haar(&mut rng, outputs, k),
            s: DVector::from_fn(k, |i, _| 3.0 - i as f64),
            v: haar(&mut rng, inputs, k),
        }
    }

    fn draw(init: Init, widths: &[usize], seed: u64) -> Result<Vec<DMatrix<f64>>> {
        let m = modes(widths[widths.len() - 1], widths[0], 3);
        let mut rng = stream(seed, "init", &[]);
        let deviations = init
            .deviations(widths, Parametrization::Standard)
            .unwrap_or_default();
        init.draw("learner.init", widths, &deviations, &m, &mut rng)
    }

    fn parse(text: &str) -> Result<Init> {
        Init::parse("learner.init", toml::Value::Table(text.parse().unwrap()))
    }

    #[test]
    fn balanced_is_balanced_in_every_layer() {
        for widths in [vec![6, 5, 4], vec![4, 9, 3, 7, 5], vec![8, 3]] {
            let w = draw(Init::Balanced { scale: 0.3 }, &widths, 1).unwrap();
            let rank = *widths.iter().min().unwrap();
            for layer in &w {
                let s = svd(layer).unwrap().1;
                assert!(
                    (0..s.len()).all(|i| (s[i] - if i < rank { 0.3 } else { 0.0 }).abs() < 1e-14)
                );
            }
            for pair in w.windows(2) {
                let m = pair[1].transpose() * &pair[1] - &pair[0] * pair[0].transpose();
                assert!(m.amax() < 1e-12);
            }
        }
    }

    #[test]
    fn lambda_balanced_has_its_balance_and_product() {
        // The last two have more hidden units than modes.
        for (widths, lambda) in [
            ([5, 3, 4], 1.5),
            ([5, 3, 4], -0.7),
            ([5, 3, 4], 0.0),
            ([5, 3, 4], 1e6),
            ([2, 4, 5], 2.0),
            ([5, 4, 2], -2.0),
        ] {
            let w = draw(Init::LambdaBalanced { scale: 0.2, lambda }, &widths, 2).unwrap();
            let m = w[1].transpose() * &w[1] - &w[0] * w[0].transpose();
            let target = DMatrix::identity(widths[1], widths[1]) * lambda;
            assert!((m - target).amax() < 1e-12 * lambda.abs().max(1.0));
            let s = svd(&(&w[1] * &w[0])).unwrap().1;
            let rank = *widths.iter().min().unwrap();
            assert!((0..rank).all(|i| (s[i] - 0.2).abs() < 1e-10), "{s}");
            assert!((rank..s.len()).all(|i| s[i].abs() < 1e-10));
        }
    }

    #[test]
    fn impossible_balance_names_lambda() {
        let place = |init, widths: &[usize]| match draw(init, widths, 3) {
            Err(Error::Input { place, .. }) => place,
            other => panic!("{other:?}"),
        };
        let lambda = |lambda| Init::LambdaBalanced { scale: 0.1, lambda };
        assert_eq!(place(lambda(1.0), &[9, 5, 4]), "learner.init.lambda");
        assert_eq!(place(lambda(-1.0), &[4, 5, 9]), "learner.init.lambda");
        assert_eq!(place(lambda(1.0), &[4, 4, 4, 4]), "learner.init.kind");
        assert!(draw(lambda(0.0), &[4, 9, 4], 3).is_ok());
    }

    #[test]
    fn aligned_start_is_diagonal_in_the_modes() {
        let widths = [6, 4, 3, 5];
        let m = modes(5, 6, 3);
        let w = draw(
            Init::Aligned {
                scale: 0.1,
                last: Some(0.7),
            },
            &widths,
            4,
        )
        .unwrap();
        let product = m.u.transpose() * &w[2] * &w[1] * &w[0] * &m.v;
        assert!((product - DMatrix::identity(3, 3) * 0.007).amax() < 1e-15);
        assert!((w[2].transpose() * &w[2] - &w[1] * w[1].transpose() * 49.0).amax() < 1e-12);
        let narrow = draw(
            Init::Aligned {
                scale: 0.1,
                last: None,
            },
            &[6, 4, 2, 5],
            4,
        );
        assert!(matches!(narrow, Err(Error::Input { place, .. }) if place == "learner.widths[1]"));
    }

    #[test]
    fn gaussian_entries_have_the_stated_variance() {
        // Mean and variance of n entries: z-values with standard errors s/sqrt(n) and s^2 sqrt(2/n).
        for (scale, deviation) in [(Some(0.05), 0.05), (None, 1.0 / 10.0)] {
            let w = draw(Init::Gaussian { scale }, &[100, 200], 5).unwrap();
            let n = w[0].len() as f64;
            let mean = w[0].sum() / n;
            let variance = w[0].norm_squared() / n;
            let s2 = deviation * deviation;
            assert!((mean / (s2 / n).sqrt()).abs() < 3.3);
            assert!(((variance - s2) / (s2 * (2.0 / n).sqrt())).abs() < 3.3);
        }
        let ntk = Init::default().deviations(&[9, 4, 2], Parametrization::Ntk);
        assert_eq!(ntk, Some(vec![1.0, 1.0]));
    }

    #[test]
    fn tables_are_parsed_with_the_place_of_the_error() {
        assert_eq!(
            parse("kind = 'lambda-balanced'\nscale = 0.1\nlambda = -1").unwrap(),
            Init::LambdaBalanced {
                scale: 0.1,
                lambda: -1.0
            }
        );
        assert_eq!(parse("kind = 'gaussian'").unwrap(), Init::default());
        for (text, expected) in [
            ("kind = 'balanced'\nscale = 'a'", "learner.init.scale: "),
            (
                "kind = 'aligned'\nscale = 1\nlats = 2",
                "did you mean \"last\"?",
            ),
            ("kind = 'balancd'\nscale = 1", "did you mean \"balanced\"?"),
            ("scale = 1", "learner.init.kind: missing"),
            ("kind = 'balanced'", "the key \"scale\" is missing"),
        ] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }

    #[test]
    fn ranges_are_checked() {
        let check = |init: Init, p| init.validate("learner.init", p);
        let gaussian = |scale| Init::Gaussian { scale: Some(scale) };
        assert!(check(gaussian(0.0), Parametrization::Ntk).is_ok());
        assert!(check(gaussian(-1.0), Parametrization::Ntk).is_err());
        assert!(check(gaussian(f64::NAN), Parametrization::Standard).is_err());
        assert!(check(Init::Balanced { scale: 1.0 }, Parametrization::MeanField).is_err());
        let infinite = Init::LambdaBalanced {
            scale: 1.0,
            lambda: f64::INFINITY,
        };
        assert!(check(infinite, Parametrization::Standard).is_err());
    }
}
