//! Weights: spectrum, covariance, histogram, order parameters along the modes of the data.

use super::neurons::effective;
use super::reading::{Reading, When};
use super::subject::{Subject, counting_axis, mode_axis, refused};
use super::{Axis, Declined, Observable};
use crate::kind::About;
use crate::numerics::linalg::svd;
use nalgebra::DMatrix;

/// Singular values of every weight matrix, before and after training.
pub static WEIGHT_SPECTRUM: Observable = Observable {
    name: "weight-spectrum",
    label: "singular values of the weights",
    unit: "1",
    convention: "singular values of the raw weight matrices, descending; not-a-number beyond the smaller side; endpoint 0 = start, 1 = end",
    undefined: Some("a smaller matrix has fewer singular values"),
    ..Observable::PLAIN
};

/// Covariance of the first layer's weights over its units, before and after training.
pub static WEIGHT_COVARIANCE: Observable = Observable {
    name: "weight-covariance",
    label: "covariance of first-layer weights",
    unit: "1",
    convention: "C_ij = (1/N_1) sum_a W_ai W_aj of the raw first-layer weights, second moment without subtraction of the mean; endpoint 0 = start, 1 = end",
    ..Observable::PLAIN
};

/// Distribution of the entries of every weight matrix in units of their root mean square.
pub static WEIGHT_HISTOGRAM: Observable = Observable {
    name: "weight-histogram",
    label: "density of weights",
    unit: "1",
    convention: "density of W/sqrt(mean W^2) in bins of width 0.2 from -4 to 4; entries outside count in the norm alone; endpoint 0 = start, 1 = end",
    undefined: Some("a matrix of zeros has no entries of a typical size"),
    ..Observable::PLAIN
};

/// Mean square of the first layer's effective weights along every mode of the data.
pub static ORDER_PARAMETER: Observable = Observable {
    name: "order-parameter",
    label: "order parameter",
    unit: "1",
    convention: "Q_k = (1/N_1) sum_a (c_1 w_a . V_k)^2: first-layer weights w_a times the forward multiplier c_1, along the input modes V_k of \
                 the data set (unit vectors)",
    ..Observable::PLAIN
};

/// Largest input dimension whose covariance is shown entry by entry.
pub(super) const MAX_COVARIANCE: usize = 64;
const BINS: usize = 40;
const EDGE: f64 = 4.0;

/// Entries of the largest block of parameters.
fn largest(subject: &Subject) -> usize {
    let shapes = subject.learner.shapes(subject.shape);
    shapes.iter().map(|(r, c)| r * c).max().unwrap_or(0)
}

pub(super) static SPECTRUM: Reading = Reading {
    about: &About {
        kind: "weight-spectrum",
        summary: "singular values of the weight matrices at the start and the end",
        text: "\
Singular values of the raw parameter matrices (bias vectors left out) on the axes endpoint, layer, index, descending; not-a-number beyond the
smaller side of a matrix.",
        revision: 1,
    },
    observable: &WEIGHT_SPECTRUM,
    when: When::Ends,
    axes: |subject, _| {
        let (blocks, most) = matrices(subject)?;
        Ok(vec![
            counting_axis("layer", blocks.len()),
            counting_axis("index", most),
        ])
    },
    reader: |subject, _| {
        let (blocks, most) = matrices(subject).map_err(|d| refused("weight-spectrum", d))?;
        Ok(Box::new(move |parameters| {
            let mut all = Vec::with_capacity(most * blocks.len());
            for &block in &blocks {
                let (_, s, _) = svd(&parameters.blocks[block])?;
                all.extend(s.iter().copied().chain(std::iter::repeat(f64::NAN)).take(most));
            }
            Ok(all)
        }))
    },
    // A matrix and twice its singular vectors.
    space: |subject| 4 * largest(subject),
    ensemble: None,
};

pub(super) static COVARIANCE: Reading = Reading {
    about: &About {
        kind: "weight-covariance",
        summary: "second moments of the first layer's weights over its units, at the start and the end",
        text: "\
C_ij = (1/N_1) sum_a W_ai W_aj of the raw first-layer weights on the axes endpoint, input, input. Declines above 64 inputs. The replicas'
mean is the ensemble's covariance; structure that grows from the start's multiple of the identity is feature learning.",
        revision: 1,
    },
    observable: &WEIGHT_COVARIANCE,
    when: When::Ends,
    axes: |subject, _| {
        first_layer(subject)?;
        match subject.shape.inputs {
            n if n > MAX_COVARIANCE => {
                Err(Declined(format!("{n} inputs, more than {MAX_COVARIANCE}")))
            }
            n => Ok(vec![counting_axis("input", n), counting_axis("input", n)]),
        }
    },
    reader: |_, _| {
        Ok(Box::new(|parameters| {
            let w = &parameters.blocks[0];
            Ok((w.transpose() * w / w.nrows() as f64).iter().copied().collect())
        }))
    },
    space: |subject| 3 * subject.shape.inputs * subject.shape.inputs,
    ensemble: None,
};

pub(super) static HISTOGRAM: Reading = Reading {
    about: &About {
        kind: "weight-histogram",
        summary: "distribution of the weights of every layer at the start and the end",
        text: "\
Density of the entries of every raw weight matrix in units of their root mean square, on the axes endpoint, layer, weight (bin centres, 40 bins of
width 0.2 from -4 to 4). A Gaussian start stays Gaussian in the lazy regime. Not-a-number for a matrix of zeros.",
        revision: 1,
    },
    observable: &WEIGHT_HISTOGRAM,
    when: When::Ends,
    axes: |subject, _| {
        let width = 2.0 * EDGE / BINS as f64;
        let centres = (0..BINS).map(|b| -EDGE + (b as f64 + 0.5) * width);
        let weight = Axis::new("weight", "rms", centres.collect());
        Ok(vec![counting_axis("layer", matrices(subject)?.0.len()), weight])
    },
    reader: |subject, _| {
        let (blocks, _) = matrices(subject).map_err(|d| refused("weight-histogram", d))?;
        Ok(Box::new(move |parameters| {
            let weights = blocks.iter().map(|&block| &parameters.blocks[block]);
            Ok(weights.flat_map(density).collect())
        }))
    },
    space: |_| 0,
    ensemble: None,
};

pub(super) static ORDER: Reading = Reading {
    about: &About {
        kind: "order-parameter",
        summary: "mean square of the first layer's weights along every mode of the data",
        text: "\
Q_k(t) = (1/N_1) sum_a (c_1 w_a . V_k)^2 on the axes mode, time; V_k are the input modes of the data set (the teacher's directions), c_1 is the
first forward multiplier of the parametrisation (1 in standard, 1/sqrt(N_0) in ntk and mean-field).",
        revision: 2,
    },
    observable: &ORDER_PARAMETER,
    when: When::Recorded,
    axes: |subject, experiment| {
        first_layer(subject)?;
        Ok(vec![mode_axis(experiment)?])
    },
    reader: |subject, dataset| {
        let v = dataset.modes.v.clone() * effective(subject);
        Ok(Box::new(move |parameters| {
            let along = &parameters.blocks[0] * &v;
            let squares = along.column_iter().map(|c| c.norm_squared() / c.nrows() as f64);
            Ok(squares.collect())
        }))
    },
    space: largest,
    ensemble: None,
};

/// Numbers of the parameter blocks that are matrices, and how many singular values the largest has.
pub(super) fn matrices(subject: &Subject) -> std::result::Result<(Vec<usize>, usize), Declined> {
    let shapes = subject.learner.shapes(subject.shape);
    let names = subject.learner.names(subject.shape);
    let blocks = (0..shapes.len()).filter(|&b| !names[b].ends_with("bias"));
    let blocks: Vec<usize> = blocks.collect();
    let sides = blocks.iter().map(|&b| shapes[b].0.min(shapes[b].1));
    match sides.max() {
        None => Err(Declined("the learner has no weights".into())),
        Some(most) => Ok((blocks, most)),
    }
}

/// A hidden first layer of units that see the inputs.
pub(super) fn first_layer(subject: &Subject) -> std::result::Result<(), Declined> {
    let hidden = subject.learner.hidden(subject.shape);
    let first = subject.learner.shapes(subject.shape).first().copied();
    match hidden.first().zip(first) {
        Some((&units, shape)) if shape == (units, subject.shape.inputs) => Ok(()),
        _ => Err(Declined(
            "needs a hidden layer of units that see the inputs".into(),
        )),
    }
}

/// Density in the bins, in units of the root mean square.
fn density(w: &DMatrix<f64>) -> Vec<f64> {
    let unit = (w.norm_squared() / w.len() as f64).sqrt();
    let width = 2.0 * EDGE / BINS as f64;
    let each = 1.0 / (w.len() as f64 * width);
    if unit == 0.0 {
        return vec![f64::NAN; BINS];
    }
    let mut bins = vec![0.0; BINS];
    for w in w {
        let bin = ((w / unit + EDGE) / width).floor();
        if (0.0..BINS as f64).contains(&bin) {
            bins[bin as usize] += each;
        }
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::super::testing::trained;
    use super::*;
    use crate::learner::{Activation, Init, Mlp, Parametrization};

    fn mlp(widths: &[usize], bias: bool) -> Mlp {
        Mlp {
            widths: widths.to_vec(),
            activation: Activation::Tanh,
            bias,
            ..Mlp::default()
        }
    }

    #[test]
    fn spectra_and_covariances_belong_to_the_weights() {
        let (_, p, values) = trained(mlp(&[3, 8], true), &[&SPECTRUM, &COVARIANCE]);
        let count = 3; // layers 3 x 4, 8 x 3, 2 x 8
        let sides = 3;
        assert_eq!(values[0].len(), 2 * count * sides);
        for (l, w) in p.blocks[..count].iter().enumerate() {
            let s = &values[0][(count + l) * sides..(count + l + 1) * sides];
            let squares: f64 = s.iter().filter(|s| !s.is_nan()).map(|s| s * s).sum();
            assert!((squares - w.norm_squared()).abs() < 1e-12);
            assert_eq!(s[2].is_nan(), l == 2);
        }
        let w = &p.blocks[0];
        let covariance = DMatrix::from_column_slice(4, 4, &values[1][16..]);
        assert!((covariance - w.transpose() * w / 3.0).amax() < 1e-15);
    }

    /// A Gaussian start of 40,000 weights: every bin within 4.5 standard errors of the normal density.
    #[test]
    fn the_start_is_gaussian() {
        let (_, _, values) = trained(mlp(&[200, 200], false), &[&HISTOGRAM]);
        let n = 200.0 * 200.0;
        for (b, found) in values[0][BINS..2 * BINS].iter().enumerate() {
            let edge = |k: usize| libm::erf((-EDGE + 0.2 * k as f64) / 2f64.sqrt()) / 2.0;
            let p = edge(b + 1) - edge(b);
            let stderr = (p * (1.0 - p) / n).sqrt() / 0.2;
            assert!((found - p / 0.2).abs() < 4.5 * stderr, "{b} {found}");
        }
        let mass: f64 = values[0][..BINS].iter().sum::<f64>() * 0.2;
        assert!(mass <= 1.0 + 1e-12 && mass > 0.99);
    }

    /// Aligned start: `W_1 = scale R V^T` has `|W_1 V_k|^2 = scale^2` for every mode.
    #[test]
    fn order_parameters_measure_the_weights_along_the_modes() {
        let scale = 0.3;
        let aligned = Mlp {
            init: Init::Aligned { scale, last: None },
            activation: Activation::Linear,
            ..mlp(&[5], false)
        };
        let (_, _, values) = trained(aligned, &[&ORDER]);
        let times = values[0].len() / 2;
        for k in 0..2 {
            assert!((values[0][k * times] - scale * scale / 5.0).abs() < 1e-14);
            assert!(values[0][(k + 1) * times - 1] > 0.1);
        }
        // c_1 = 1/sqrt(4), with biases too.
        for bias in [false, true] {
            let ntk = Mlp {
                parametrization: Parametrization::Ntk,
                ..mlp(&[5], bias)
            };
            let (data, p, values) = trained(ntk, &[&ORDER]);
            let last = &p.blocks[0] * &data.modes.v / 2.0;
            assert!((values[0][times - 1] - last.column(0).norm_squared() / 5.0).abs() < 1e-14);
        }
    }
}
