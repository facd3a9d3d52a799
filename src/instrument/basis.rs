//! Known functions of the inputs in which outputs are expanded, and how their coefficients are read off samples.

use super::Declined;
use crate::error::{Error, Result};
use crate::kind::parse_table;
use crate::numerics::linalg::qr;
use nalgebra::DMatrix;
use serde::{Deserialize, Serialize};
use std::f64::consts::{SQRT_2, TAU};

/// Highest degree or frequency, and most functions.
const MOST: usize = 64;

/// Functions `e_k` of the inputs, orthonormal on the population that they are made for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "functions", rename_all = "kebab-case")]
pub(super) enum Functions {
    /// Orthonormal Hermite polynomials `he_k(w . x)` of one direction, for Gaussian inputs.
    Hermite(Hermite),
    /// `1, sqrt(2) cos, sqrt(2) sin` of multiples of one coordinate, for inputs that are uniform over its period.
    Fourier(Fourier),
    /// Products of coordinates, for uniformly random signs.
    Parity(Parity),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hermite {
    #[serde(default = "three")]
    degree: usize,
    modes: Option<Vec<usize>>,
    pub direction: Option<Vec<f64>>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fourier {
    #[serde(default = "three")]
    degree: usize,
    modes: Option<Vec<i64>>,
    #[serde(default = "first")]
    coordinate: usize,
    #[serde(default = "circle")]
    period: f64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Parity {
    subsets: Vec<Vec<usize>>,
}

fn three() -> usize {
    3
}

fn first() -> usize {
    1
}

fn circle() -> f64 {
    TAU
}

impl Functions {
    /// `he_0, ..., he_3` along the task's direction.
    pub const HERMITE: Functions = Functions::Hermite(Hermite {
        degree: 3,
        modes: None,
        direction: None,
    });

    /// Those that the key `functions` names, with their own keys.
    pub fn parse(place: &str, mut table: toml::Table) -> Result<Self> {
        let named = table.remove("functions");
        let named = named.as_ref().map_or(Some("hermite"), |v| v.as_str());
        let functions = match named {
            Some("hermite") => Functions::Hermite(parse_table(place, table)?),
            Some("fourier") => Functions::Fourier(parse_table(place, table)?),
            Some("parity") => Functions::Parity(parse_table(place, table)?),
            _ => {
                return Err(Error::input(
                    format!("{place}.functions"),
                    "is none of the known families",
                    "use \"hermite\", \"fourier\" or \"parity\"",
                ));
            }
        };
        functions.check(place)?;
        Ok(functions)
    }

    fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        let modes = self.modes();
        if modes.is_empty() || modes.len() > 2 * MOST + 1 {
            let key = match self {
                Functions::Parity(_) => "subsets",
                _ => "modes",
            };
            let cause = format!("{} functions", modes.len());
            return wrong(key, cause, "give from 1 to 129 of them");
        }
        match self {
            Functions::Parity(p) => {
                let bad = |s: &Vec<usize>| s.contains(&0) || has_twice(s);
                if p.subsets.iter().any(bad) {
                    return wrong(
                        "subsets",
                        "a subset has the coordinate 0, or one twice".into(),
                        "count coordinates from 1, each once: [[1, 2], [3]]",
                    );
                }
            }
            Functions::Hermite(Hermite { degree, .. })
            | Functions::Fourier(Fourier { degree, .. }) => {
                if *degree > MOST || modes.iter().any(|k| k.abs() > MOST as f64) {
                    let cause = format!("a degree above {MOST}");
                    return wrong("degree", cause, "use a smaller one");
                }
                if modes.windows(2).any(|pair| pair[0] >= pair[1]) {
                    let cause = "the modes do not ascend".into();
                    return wrong("modes", cause, "give each mode once, in ascending order");
                }
            }
        }
        if let Functions::Fourier(f) = self {
            if !(f.period.is_finite() && f.period > 0.0) {
                let cause = format!("{} is not a period", f.period);
                return wrong("period", cause, "use a finite number > 0");
            }
            if f.coordinate == 0 {
                let cause = "coordinates are counted from 1".into();
                return wrong("coordinate", cause, "use 1 for the first");
            }
        }
        Ok(())
    }

    /// Values of the axis `mode`: the degree of a Hermite polynomial; the frequency of a Fourier mode, positive for the
    /// cosine and negative for the sine; the number of a subset.
    pub fn modes(&self) -> Vec<f64> {
        match self {
            Functions::Hermite(h) => match &h.modes {
                Some(modes) => modes.iter().map(|&k| k as f64).collect(),
                None => (0..=h.degree).map(|k| k as f64).collect(),
            },
            Functions::Fourier(f) => match &f.modes {
                Some(modes) => modes.iter().map(|&k| k as f64).collect(),
                None => {
                    let most = f.degree as i64;
                    (-most..=most).map(|k| k as f64).collect()
                }
            },
            Functions::Parity(p) => (1..=p.subsets.len()).map(|k| k as f64).collect(),
        }
    }

    /// Declines where the inputs lack a coordinate, or where there are fewer samples than coefficients to fit.
    pub fn suit(&self, inputs: usize, samples: usize) -> std::result::Result<(), Declined> {
        let last = match self {
            Functions::Hermite(_) => 0,
            Functions::Fourier(f) => f.coordinate,
            Functions::Parity(p) => p.subsets.iter().flatten().copied().max().unwrap_or(0),
        };
        let functions = self.modes().len();
        if last > inputs {
            Err(Declined(format!(
                "there is no coordinate {last} of {inputs} inputs"
            )))
        } else if self.is_fitted() && samples < functions {
            Err(Declined(format!(
                "{samples} samples do not determine {functions} coefficients"
            )))
        } else {
            Ok(())
        }
    }

    /// Least squares, or means of products.
    fn is_fitted(&self) -> bool {
        !matches!(self, Functions::Parity(_))
    }

    /// Values `e_k(x_mu)`, samples as rows; `along` is `w . x_mu`, of the Hermite polynomials alone.
    pub fn values(&self, x: &DMatrix<f64>, along: &[f64]) -> DMatrix<f64> {
        let modes = self.modes();
        match self {
            Functions::Hermite(_) => {
                let most = modes.last().map_or(0, |&k| k as usize);
                let all: Vec<Vec<f64>> = along.iter().map(|&z| hermite(z, most)).collect();
                DMatrix::from_fn(all.len(), modes.len(), |mu, k| all[mu][modes[k] as usize])
            }
            Functions::Fourier(f) => DMatrix::from_fn(x.ncols(), modes.len(), |mu, k| {
                let phase = TAU * modes[k].abs() * x[(f.coordinate - 1, mu)] / f.period;
                match modes[k] {
                    0.0 => 1.0,
                    k if k > 0.0 => SQRT_2 * phase.cos(),
                    _ => SQRT_2 * phase.sin(),
                }
            }),
            Functions::Parity(p) => DMatrix::from_fn(x.ncols(), modes.len(), |mu, k| {
                p.subsets[k].iter().map(|i| x[(i - 1, mu)]).product()
            }),
        }
    }

    /// The matrix that makes coefficients of outputs at the samples: `E^T/n`, or `(E^T E)^-1 E^T` by a QR
    /// decomposition.
    ///
    /// # Errors
    /// Functions that the samples do not tell apart.
    pub fn analysis(&self, values: &DMatrix<f64>) -> Result<DMatrix<f64>> {
        if !self.is_fitted() {
            return Ok(values.transpose() / values.nrows() as f64);
        }
        let dependent = || {
            Error::input(
                "measure.observables",
                format!(
                    "projections: {} samples do not tell {} functions apart",
                    values.nrows(),
                    values.ncols()
                ),
                "name fewer of them by modes, or use more samples",
            )
        };
        let (q, r) = qr(values);
        let size = values.norm();
        if !(0..r.ncols()).all(|k| r[(k, k)].abs() > 1e-10 * size) {
            return Err(dependent());
        }
        r.solve_upper_triangular(&q.transpose())
            .ok_or_else(dependent)
    }
}

fn has_twice(subset: &[usize]) -> bool {
    (1..subset.len()).any(|k| subset[..k].contains(&subset[k]))
}

/// Orthonormal Hermite polynomials `he_0(z), ..., he_most(z)` by `sqrt(k + 1) he_{k+1} = z he_k - sqrt(k) he_{k-1}`.
fn hermite(z: f64, most: usize) -> Vec<f64> {
    let mut all = vec![1.0, z];
    for k in 1..most {
        let next = (z * all[k] - (k as f64).sqrt() * all[k - 1]) / (k as f64 + 1.0).sqrt();
        all.push(next);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    fn functions(keys: &str) -> Functions {
        Functions::parse("measure", keys.parse().unwrap()).unwrap()
    }

    /// On a grid over one period, and on all signs, the functions are orthonormal exactly.
    #[test]
    fn fourier_modes_and_parities_are_orthonormal_on_their_populations() {
        let grid = DMatrix::from_fn(2, 12, |i, mu| if i == 0 { 7.0 } else { mu as f64 });
        let fourier = functions("functions = 'fourier'\ncoordinate = 2\nperiod = 12.0\ndegree = 4");
        assert_eq!(fourier.modes()[..5], [-4.0, -3.0, -2.0, -1.0, 0.0]);
        let signs = DMatrix::from_fn(3, 8, |i, mu| if mu >> i & 1 == 0 { 1.0 } else { -1.0 });
        let parity = functions("functions = 'parity'\nsubsets = [[], [1], [1, 2], [1, 2, 3]]");
        for (functions, x) in [(fourier, grid), (parity, signs)] {
            let e = functions.values(&x, &[]);
            let gram = e.transpose() * &e / e.nrows() as f64;
            let one = DMatrix::identity(e.ncols(), e.ncols());
            assert!((gram - one).amax() < 1e-13);
            // There, least squares and means of products are the same.
            let analysis = functions.analysis(&e).unwrap();
            assert!((analysis - e.transpose() / e.nrows() as f64).amax() < 1e-13);
        }
    }

    /// Least squares finds the coefficients of a polynomial without error, at any inputs.
    #[test]
    fn a_polynomial_has_its_coefficients() {
        let x = normal_matrix(&mut stream(3, "inputs", &[]), 1, 30);
        let cubic = functions("degree = 3");
        let e = cubic.values(&x, x.as_slice());
        let f = x.map(|z| 0.5 - 2.0 * z + 0.25 * (z.powi(3) - 3.0 * z));
        let found = cubic.analysis(&e).unwrap() * f.transpose();
        for (found, exact) in found.iter().zip([0.5, -2.0, 0.0, 0.25 * 6f64.sqrt()]) {
            assert!((found - exact).abs() < 1e-12);
        }
        let odd = functions("modes = [1, 3]");
        assert_eq!(odd.modes(), [1.0, 3.0]);
        assert_eq!(odd.values(&x, x.as_slice()).column(1), e.column(3));
    }

    #[test]
    fn wrong_keys_and_dependent_functions_are_errors() {
        for keys in [
            "functions = 'wavelet'",
            "functions = 'parity'\nsubsets = [[0]]",
            "functions = 'parity'\nsubsets = [[1, 1]]",
            "functions = 'parity'\nsubsets = []",
            "functions = 'fourier'\nperiod = 0.0",
            "functions = 'hermite'\nperiod = 1.0",
            "functions = 'fourier'\ncoordinate = 0",
            "modes = [3, 1]",
            "degree = 1000",
        ] {
            assert!(
                Functions::parse("m", keys.parse().unwrap()).is_err(),
                "{keys}"
            );
        }
        let aliased = functions("functions = 'fourier'\nperiod = 4.0\ndegree = 2");
        let grid = DMatrix::from_fn(1, 8, |_, mu| mu as f64);
        assert!(aliased.analysis(&aliased.values(&grid, &[])).is_err());
        assert!(aliased.suit(1, 4).is_err() && aliased.suit(1, 5).is_ok());
        assert!(
            functions("functions = 'parity'\nsubsets = [[3]]")
                .suit(2, 9)
                .is_err()
        );
    }
}
