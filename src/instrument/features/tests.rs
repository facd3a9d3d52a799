//! Kernels of layers against the tangent kernel, the Gaussian process and their definitions.

use super::super::{Instrument, Ntk, measure};
use super::*;
use crate::context::Context;
use crate::experiment::{DrawIndex, Draws, Spacing};
use crate::kernel::{Kernel, Network as Wide, PerLayer, gram};
use crate::learner::{Activation, Mlp, Parametrization};
use crate::numerics::statistics::mean_stderr;
use crate::task::{Dataset, LinearTeacher};
use crate::training::GradientDescent;
use std::sync::Arc;

const SAMPLES: usize = 9;

fn experiment(widths: &[usize], parametrization: Parametrization, richness: f64) -> Experiment {
    let learner = Mlp {
        widths: widths.to_vec(),
        activation: Activation::Erf,
        parametrization,
        richness,
        ..Mlp::default()
    };
    Experiment {
        seed: 4,
        task: Arc::new(LinearTeacher {
            samples: SAMPLES,
            ..LinearTeacher::new(vec![1.0, 0.5], 4, 2)
        }),
        learner: Some(Arc::new(learner)),
        training: Some(Arc::new(GradientDescent::new(0.05, 30))),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 4,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

fn read(
    e: &Experiment,
    replica: usize,
    instruments: &[&dyn Instrument],
) -> (Dataset, Vec<Vec<f64>>) {
    let draw = DrawIndex {
        dataset: 0,
        replica,
    };
    let data = e.dataset(0).unwrap();
    let start = e.initial(&data, draw).unwrap().unwrap();
    let mut noise = e.training_stream(draw);
    let values = measure(
        e,
        &Context::default(),
        instruments,
        &data,
        start.into(),
        &mut noise,
        None,
    )
    .unwrap()
    .values;
    (data, values)
}

/// `K = sum_l G^{l+1} Phi^l`, before and after training.
#[test]
fn gradient_and_feature_kernels_make_the_tangent_kernel() {
    for (parametrization, richness) in [
        (Parametrization::Ntk, 1.0),
        (Parametrization::MeanField, 1.7),
    ] {
        let e = experiment(&[7, 5], parametrization, richness);
        let (data, values) = read(&e, 0, &[&FEATURE_KERNELS, &GRADIENT_KERNELS, &Ntk::EXACT]);
        let scale = e.learner.as_ref().unwrap().rate_scale(data.shape());
        let matrix = |values: &[f64], k: usize| {
            let size = SAMPLES * SAMPLES;
            DMatrix::from_column_slice(SAMPLES, SAMPLES, &values[k * size..(k + 1) * size])
        };
        let inputs = data.x.transpose() * &data.x / data.x.nrows() as f64;
        for end in 0..2 {
            let phi = |l: usize| matrix(&values[0], 2 * end + l);
            let g = |l: usize| matrix(&values[1], 2 * end + l);
            let sum = g(0).component_mul(&inputs) + g(1).component_mul(&phi(0)) + phi(1);
            let tangent = matrix(&values[2], end) * scale;
            assert!((sum - &tangent).amax() < 1e-12 * tangent.amax(), "{end}");
        }
    }
}

/// At the start the mean feature kernel of layer 2 is the recursion's, up to 1/N: within 4 standard errors over 60 draws of width 400.
#[test]
fn features_at_the_start_have_the_kernel_of_the_gaussian_process() {
    let e = experiment(&[400, 400], Parametrization::Ntk, 1.0);
    let found: Vec<Vec<f64>> = (0..60)
        .map(|r| read(&e, r, &[&FEATURE_KERNELS]).1.remove(0))
        .collect();
    let network = Wide {
        nonlinearity: Activation::Erf,
        depth: 2,
        weight_variance: PerLayer::Same(1.0),
        bias_variance: PerLayer::Same(0.0),
    };
    let data = e.dataset(0).unwrap();
    let exact = gram(&Kernel::Nngp(network), &data.x, 1 << 20)
        .unwrap()
        .kernel;
    let size = SAMPLES * SAMPLES;
    for (k, exact) in exact.iter().enumerate() {
        let draws: Vec<f64> = found.iter().map(|v| v[size + k]).collect();
        let (mean, stderr) = mean_stderr(&draws);
        assert!(
            (mean - exact).abs() < 4.0 * stderr.unwrap() + 1.0 / 400.0,
            "{mean} {exact}"
        );
    }
}

#[test]
fn alignment_similarity_and_dimension_are_their_definitions() {
    let e = experiment(&[6, 3], Parametrization::Standard, 1.0);
    let instruments: [&dyn Instrument; 5] = [
        &FEATURE_KERNELS,
        &FEATURE_CHANGE,
        &TARGET_ALIGNMENT,
        &SIMILARITY,
        &PARTICIPATION,
    ];
    let (data, values) = read(&e, 0, &instruments);
    let size = SAMPLES * SAMPLES;
    let phi = |end: usize, l: usize| {
        let first = (2 * end + l) * size;
        DMatrix::from_column_slice(SAMPLES, SAMPLES, &values[0][first..first + size])
    };
    let h = DMatrix::identity(SAMPLES, SAMPLES).add_scalar(-1.0 / SAMPLES as f64);
    let centre = |k: &DMatrix<f64>| &h * k * &h;
    let cosine = |a: &DMatrix<f64>, b: &DMatrix<f64>| a.dot(b) / (a.norm() * b.norm());
    let target = centre(&(data.y.transpose() * &data.y));
    for l in 0..2 {
        let ends = [values[1][4 * l], values[1][4 * l + 3]];
        assert_eq!(ends[0], 0.0);
        assert!((ends[1] - (1.0 - cosine(&phi(0, l), &phi(1, l)))).abs() < 1e-12 && ends[1] > 1e-6);
        let aligned = cosine(&centre(&phi(1, l)), &target);
        assert!((values[2][4 * l + 3] - aligned).abs() < 1e-12);
        let eigenvalues = centre(&phi(1, l)).symmetric_eigenvalues();
        let ratio = eigenvalues.sum().powi(2) / eigenvalues.norm_squared();
        assert!((values[4][4 * l + 3] - ratio).abs() < 1e-10);
        assert!(ratio >= 1.0 && ratio <= [6.0, 3.0][l] + 1e-9);
    }
    let cross = cosine(&centre(&phi(1, 0)), &centre(&phi(1, 1)));
    for (value, exact) in values[3].iter().zip([1.0, cross, cross, 1.0]) {
        assert!((value - exact).abs() < 1e-12);
    }
}
