//! Inputs: centring, normalisation, principal components, whitening; statistics of the training part alone.

use crate::error::{Error, Result};
use crate::numerics::linalg::{eigh, outer_gram, svd};
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Relative size below which a singular value counts as zero.
pub(super) const RANK_TOLERANCE: f64 = 1e-10;

/// The scale of the inputs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Normalize {
    /// Values as they are.
    #[default]
    None,
    /// `|x|^2 = d` for every sample of `d` inputs.
    UnitNorm,
    /// One factor, for which all training entries together have variance 1.
    UnitVariance,
    /// One factor per feature, for which its training entries have variance 1; a feature that does not vary keeps its scale.
    PerFeature,
}

/// What is done to the inputs, in this order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Preprocess {
    /// Subtract the training mean of every feature.
    pub center: bool,
    /// Scale of the inputs after centering.
    pub normalize: Normalize,
    /// Keep the coordinates along the `k` leading eigenvectors of `X X^T / P`.
    pub pca: Option<usize>,
    /// Multiply by `(X X^T / P)^(-1/2)`.
    pub whiten: bool,
}

/// The map that a training part has fixed, applied to test inputs.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    mean: Option<DVector<f64>>,
    scale: Scale,
    /// Principal components, `k x inputs`, orthonormal rows.
    pub components: Option<DMatrix<f64>>,
    white: Option<DMatrix<f64>>,
}

#[derive(Debug, Clone, PartialEq)]
enum Scale {
    None,
    UnitNorm,
    Factors(DVector<f64>),
}

impl Preprocess {
    /// The preprocessed training inputs (`inputs x samples`) and the map that made them; `place` is the path of the table.
    ///
    /// Errors: a sample that is zero where norms are fixed, inputs that do not vary, more components than inputs or samples,
    /// linearly dependent inputs that cannot be whitened.
    pub fn fit(&self, place: &str, mut x: DMatrix<f64>) -> Result<(DMatrix<f64>, Map)> {
        let mut map = Map {
            mean: self.center.then(|| x.column_mean()),
            scale: Scale::None,
            components: None,
            white: None,
        };
        // Against which rounding is judged: centring leaves a constant feature at its rounding errors.
        let sizes = DVector::from_fn(x.nrows(), |i, _| x.row(i).amax());
        subtract(&mut x, map.mean.as_ref());
        map.scale = match self.normalize {
            Normalize::None => Scale::None,
            Normalize::UnitNorm => Scale::UnitNorm,
            Normalize::UnitVariance => {
                let deviation = x.variance().sqrt();
                if deviation <= RANK_TOLERANCE * sizes.amax() {
                    return Err(Error::input(
                        format!("{place}.normalize"),
                        "the training inputs do not vary",
                        "use normalize = \"none\"",
                    ));
                }
                Scale::Factors(DVector::from_element(x.nrows(), 1.0 / deviation))
            }
            Normalize::PerFeature => Scale::Factors(DVector::from_fn(x.nrows(), |i, _| {
                let deviation = x.row(i).variance().sqrt();
                match deviation > RANK_TOLERANCE * sizes[i] {
                    true => 1.0 / deviation,
                    false => 1.0,
                }
            })),
        };
        rescale(place, &mut x, &map.scale)?;
        if let Some(k) = self.pca {
            let components = principal(place, &x, k)?;
            x = &components * x;
            map.components = Some(components);
        }
        if self.whiten {
            let (white, matrix) = whiten(&format!("{place}.whiten"), &x)?;
            x = white;
            map.white = Some(matrix);
        }
        Ok((x, map))
    }
}

impl Map {
    /// Other inputs (`inputs x samples`) under the same map.
    ///
    /// Errors: a sample that is zero where norms are fixed.
    pub fn apply(&self, place: &str, mut x: DMatrix<f64>) -> Result<DMatrix<f64>> {
        subtract(&mut x, self.mean.as_ref());
        rescale(place, &mut x, &self.scale)?;
        for matrix in [&self.components, &self.white].into_iter().flatten() {
            x = matrix * x;
        }
        Ok(x)
    }
}

fn subtract(x: &mut DMatrix<f64>, mean: Option<&DVector<f64>>) {
    if let Some(mean) = mean {
        x.column_iter_mut().for_each(|mut column| column -= mean);
    }
}

fn rescale(place: &str, x: &mut DMatrix<f64>, scale: &Scale) -> Result<()> {
    let root = (x.nrows() as f64).sqrt();
    for (sample, mut column) in x.column_iter_mut().enumerate() {
        match scale {
            Scale::None => {}
            Scale::Factors(factors) => column.component_mul_assign(factors),
            Scale::UnitNorm => {
                let norm = column.norm();
                if norm == 0.0 {
                    return Err(Error::input(
                        format!("{place}.normalize"),
                        format!(
                            "sample {sample} (from 0) of the training or test part is zero and has no direction"
                        ),
                        "remove it, use center = true, or another normalize",
                    ));
                }
                column *= root / norm;
            }
        }
    }
    Ok(())
}

/// The `k` leading eigenvectors of `X X^T / P` as rows, signed such that the largest entry of each is positive.
fn principal(place: &str, x: &DMatrix<f64>, k: usize) -> Result<DMatrix<f64>> {
    let (inputs, samples) = x.shape();
    if k == 0 || k > inputs.min(samples) {
        return Err(Error::input(
            format!("{place}.pca"),
            format!("{k} components of {inputs} inputs and {samples} training samples"),
            format!("use 1 <= pca <= {}", inputs.min(samples)),
        ));
    }
    let (_, vectors) = eigh(&outer_gram(x))?;
    let mut components = DMatrix::from_fn(k, inputs, |a, i| vectors[(i, inputs - 1 - a)]);
    for mut row in components.row_iter_mut() {
        if row[row.transpose().iamax()] < 0.0 {
            row.neg_mut();
        }
    }
    Ok(components)
}

/// White inputs `sqrt(P) U W^T` from `X = U diag(sigma) W^T`, and the map `U diag(sqrt(P) / sigma) U^T` that makes them.
fn whiten(place: &str, x: &DMatrix<f64>) -> Result<(DMatrix<f64>, DMatrix<f64>)> {
    let dependent = |cause: String| {
        Error::input(
            place,
            cause,
            "remove dependent input columns, keep fewer with pca, add samples, or use whiten = false",
        )
    };
    let (inputs, samples) = x.shape();
    if samples < inputs {
        return Err(dependent(format!(
            "{samples} training samples cannot be white in {inputs} input dimensions"
        )));
    }
    let (u, sigma, w) = svd(x)?;
    let (largest, smallest) = (sigma[0], sigma[inputs - 1]);
    if smallest <= RANK_TOLERANCE * largest {
        return Err(dependent(format!(
            "the inputs are linearly dependent (singular values from {largest:.1e} to {smallest:.1e})"
        )));
    }
    let root = (samples as f64).sqrt();
    let map = &u * DMatrix::from_diagonal(&sigma.map(|s| root / s)) * u.transpose();
    Ok((&u * w.transpose() * root, map))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::{normal_matrix, stream};

    /// 50 samples of 4 correlated inputs with a mean.
    fn inputs() -> DMatrix<f64> {
        let mut rng = stream(3, "inputs", &[]);
        let mix = DMatrix::from_fn(4, 4, |i, j| if i <= j { 1.0 + i as f64 } else { 0.2 });
        (mix * normal_matrix(&mut rng, 4, 50)).add_scalar(3.0)
    }

    fn fit(options: Preprocess) -> (DMatrix<f64>, Map) {
        options.fit("task", inputs()).unwrap()
    }

    const CENTERED: Preprocess = Preprocess {
        center: true,
        normalize: Normalize::None,
        pca: None,
        whiten: false,
    };

    #[test]
    fn every_map_sends_the_training_inputs_to_what_it_was_fitted_on() {
        for normalize in [
            Normalize::None,
            Normalize::UnitNorm,
            Normalize::UnitVariance,
            Normalize::PerFeature,
        ] {
            for (pca, whiten) in [
                (None, false),
                (Some(2), false),
                (Some(2), true),
                (None, true),
            ] {
                for center in [false, true] {
                    let options = Preprocess {
                        center,
                        normalize,
                        pca,
                        whiten,
                    };
                    let (x, map) = fit(options);
                    assert!((map.apply("task", inputs()).unwrap() - &x).amax() < 1e-12);
                    let scale = x.norm_squared() / x.len() as f64;
                    assert!(!whiten || (scale - 1.0).abs() < 1e-12);
                }
            }
        }
    }

    #[test]
    fn means_norms_and_variances_are_what_they_are_called() {
        assert!(fit(CENTERED).0.column_mean().amax() < 1e-14);
        let with = |normalize| {
            fit(Preprocess {
                normalize,
                ..CENTERED
            })
            .0
        };
        let norms = with(Normalize::UnitNorm);
        assert!(
            norms
                .column_iter()
                .all(|c| (c.norm_squared() - 4.0).abs() < 1e-13)
        );
        let all = with(Normalize::UnitVariance);
        assert!((all.variance() - 1.0).abs() < 1e-13);
        let each = with(Normalize::PerFeature);
        assert!(each.row_iter().all(|r| (r.variance() - 1.0).abs() < 1e-13));
    }

    #[test]
    fn components_are_orthonormal_uncorrelated_and_ordered() {
        let (x, map) = fit(Preprocess {
            pca: Some(3),
            ..CENTERED
        });
        let v = map.components.unwrap();
        assert!((&v * v.transpose() - DMatrix::identity(3, 3)).amax() < 1e-14);
        let covariance = outer_gram(&x) / 50.0;
        let diagonal = covariance.diagonal();
        assert!((&covariance - DMatrix::from_diagonal(&diagonal)).amax() < 1e-12);
        assert!(diagonal[0] > diagonal[1] && diagonal[1] > diagonal[2]);
        // All components keep the whole variance.
        let (all, _) = fit(Preprocess {
            pca: Some(4),
            ..CENTERED
        });
        assert!((all.norm_squared() / fit(CENTERED).0.norm_squared() - 1.0).abs() < 1e-13);
        let (white, _) = fit(Preprocess {
            pca: Some(3),
            whiten: true,
            ..CENTERED
        });
        assert!((outer_gram(&white) / 50.0 - DMatrix::identity(3, 3)).amax() < 1e-12);
    }

    #[test]
    fn a_constant_feature_keeps_its_scale() {
        let mut x = inputs();
        x.row_mut(2).fill(7.0);
        let options = Preprocess {
            normalize: Normalize::PerFeature,
            ..CENTERED
        };
        let (x, map) = options.fit("task", x).unwrap();
        assert!(x.row(2).amax() < 1e-14);
        let other = map.apply("task", DMatrix::from_element(4, 1, 8.0)).unwrap();
        assert!((other[2] - 1.0).abs() < 1e-14);
    }

    #[test]
    fn impossible_wishes_name_their_key() {
        let message =
            |options: Preprocess, x: DMatrix<f64>| options.fit("task", x).unwrap_err().to_string();
        let pca = |k| {
            message(
                Preprocess {
                    pca: Some(k),
                    ..CENTERED
                },
                inputs(),
            )
        };
        assert!(pca(5).starts_with("task.pca: 5 components of 4 inputs"));
        assert!(pca(0).contains("use 1 <= pca <= 4"));
        let constant = DMatrix::from_element(2, 3, 1.0);
        for normalize in [Normalize::UnitNorm, Normalize::UnitVariance] {
            let m = message(
                Preprocess {
                    normalize,
                    ..CENTERED
                },
                constant.clone(),
            );
            assert!(m.starts_with("task.normalize: "), "{m}");
        }
        let m = message(
            Preprocess {
                whiten: true,
                ..CENTERED
            },
            constant,
        );
        assert!(m.starts_with("task.whiten: "), "{m}");
    }
}
