//! Against the other solvers.

use super::*;
use crate::dmft::{Decay, Noise, lazy, linear, one_hidden};

fn rules() -> Vec<Optimiser> {
    let plain = Optimiser::default();
    let all = Optimiser {
        momentum: 0.5,
        decay: 0.05,
        noise: 0.04,
        ..plain.clone()
    };
    let kicked = Optimiser {
        decay_enters: Decay::Velocity,
        noise_enters: Noise::Weights,
        ..all.clone()
    };
    let batches = Optimiser {
        decay: 0.1,
        batches: Some((0..12).map(|step| vec![step % 2]).collect()),
        ..plain.clone()
    };
    vec![plain, all, kicked, batches]
}

/// With exactly white noise a linear network has no sampling error: what is left is the rounding of the responses.
#[test]
fn linear_networks_are_exact() {
    for (case_number, rule) in rules().into_iter().enumerate() {
        for depth in [1, 2, 3] {
            let mut case = Case::two(Activation::Linear, depth, 1.0, 0.2, 12);
            case.variances = [1.5, 0.5, 2.0, 1.2][..=depth].to_vec();
            case.optimiser = rule.clone();
            case.settings.samples = 800;
            case.settings.repeats = 2;
            case.add_test_sample(&[0.2, 0.7], 0.9);
            let (found, exact) = (
                case.solve(),
                linear::solve(&case.problem(), &Default::default()).unwrap(),
            );
            assert!(found.matched, "case {case_number}");
            for t in [1, 4, 12] {
                near(
                    found.outputs(t).mean.as_slice(),
                    exact.outputs(t).as_slice(),
                    3e-6,
                );
                for l in 1..=depth {
                    let kernel = found.feature_kernel(l, t, t / 2);
                    near(
                        kernel.mean.as_slice(),
                        exact.feature_kernel(l, t, t / 2).as_slice(),
                        1e-5,
                    );
                    let gradient = found.gradient_kernel(l, t, t / 2).mean;
                    near(
                        gradient.as_slice(),
                        &[exact.gradient_kernel(l, t, t / 2); 9],
                        1e-5,
                    );
                }
                near(
                    found.tangent_kernel(t).mean.as_slice(),
                    exact.tangent_kernel(t).as_slice(),
                    3e-5,
                );
                for l in 1..depth {
                    let response = found.forward_response(l, t, 0).mean;
                    let rows = exact.forward_responses(t)[l - 1].column(0).into_owned();
                    near(response.column_sum().as_slice(), rows.as_slice(), 1e-5);
                    let response = found.backward_response(l, t, 0).mean;
                    near(
                        response.row(0).transpose().as_slice(),
                        exact.backward_response(l, t, 0).as_slice(),
                        1e-5,
                    );
                }
            }
        }
    }
}

/// Gradient independence and the other read-out, in linear networks.
#[test]
fn approximations_are_those_of_linear_networks() {
    let mut case = Case::two(Activation::Linear, 2, 1.0, 0.2, 12);
    case.settings.readout = Readout::NtkEuler;
    for approximation in [Approximation::None, Approximation::GradientIndependence] {
        case.settings.approximation = approximation;
        let settings = linear::Settings {
            readout: Readout::NtkEuler,
            approximation,
        };
        let (found, exact) = (
            case.solve(),
            linear::solve(&case.problem(), &settings).unwrap(),
        );
        near(
            found.outputs(12).mean.as_slice(),
            exact.outputs(12).as_slice(),
            3e-6,
        );
        near(
            found.feature_kernel(2, 12, 7).mean.as_slice(),
            exact.feature_kernel(2, 12, 7).as_slice(),
            1e-5,
        );
    }
}

/// Stein's form at one layer is a network of as many neurons as paths, whose bias is of the order of their inverse
/// number: for relu about 1.3 in outputs and 5 in kernels, over the number of independent paths.
#[test]
fn one_hidden_layer_is_that_of_quadrature() {
    for activation in [Activation::Tanh, Activation::Gelu, Activation::Relu] {
        for rule in [0, 3] {
            let mut case = Case::two(activation.clone(), 1, 1.2, 0.5, 12);
            case.optimiser = rules()[rule].clone();
            case.optimiser.momentum = if rule == 0 { 0.0 } else { 0.4 };
            case.variances = vec![1.3, 0.8];
            case.settings.samples = 1000;
            let exact =
                one_hidden::solve(&case.problem(), &activation, &Default::default()).unwrap();
            let found = case.solve();
            let kernels = exact.equal_time(&[12]).unwrap();
            let bias = if activation == Activation::Relu {
                4.0 / 1000.0
            } else {
                0.0
            };
            for t in [1, 5, 12] {
                let (outputs, errors): (Vec<f64>, Vec<f64>) = [0, 1]
                    .map(|a| exact.output(t, a))
                    .map(|(f, error)| (f, error + bias))
                    .into_iter()
                    .unzip();
                agree(&found.outputs(t), &outputs, &errors);
            }
            let pick = |values: &[f64]| [values[0], values[1], values[3]];
            let error = |estimate: &one_hidden::Estimate| {
                pick(&estimate.error).map(|error| error + 4.0 * bias)
            };
            let (phi, g) = (&kernels.feature, &kernels.gradient);
            agree(
                &corner(&found.feature_kernel(1, 12, 12)),
                &pick(&phi.mean),
                &error(phi),
            );
            agree(
                &corner(&found.gradient_kernel(1, 12, 12)),
                &pick(&g.mean),
                &error(g),
            );
        }
    }
}

/// A small richness leaves the kernels at their start, and the outputs follow the tangent kernel.
#[test]
fn a_small_richness_is_the_lazy_limit() {
    let mut case = Case::two(Activation::Erf, 2, 1e-3, 0.5, 10);
    case.settings.samples = 800;
    let found = case.solve();
    let dual = |k: &DMatrix<f64>| {
        let one = |a: usize, b: usize| {
            Activation::Erf
                .dual(k[(a, a)], k[(b, b)], k[(a, b)])
                .unwrap()
        };
        (
            DMatrix::from_fn(2, 2, |a, b| one(a, b).value),
            DMatrix::from_fn(2, 2, |a, b| one(a, b).slope),
        )
    };
    let (first, slope) = dual(&case.kernel);
    let (second, upper) = dual(&first);
    let tangent = &second
        + first.component_mul(&upper)
        + case.kernel.component_mul(&slope.component_mul(&upper));
    let exact = lazy::from_tangent_kernel(&case.problem(), &[tangent]).unwrap();
    for t in [1, 3, 10] {
        agree(&found.outputs(t), exact.column(t).as_slice(), &[0.0; 2]);
    }
    let (late, early) = (
        found.feature_kernel(2, 10, 10),
        found.feature_kernel(2, 0, 0),
    );
    near(late.mean.as_slice(), early.mean.as_slice(), 1e-5);
}
