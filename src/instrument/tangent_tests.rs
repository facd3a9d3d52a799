//! The sketched kernel against the exact one: unbiased, with the stated variance.

use super::*;
use crate::learner::{Activation, Learner, Mlp};
use crate::numerics::random::normal_matrix;
use crate::numerics::statistics::mean_stderr;
use crate::task::Shape;
use nalgebra::DMatrix;

/// A tanh network with biases, its parameters and inputs.
fn network(outputs: usize) -> (Box<dyn Network<f64>>, Parameters, DMatrix<f64>) {
    let shape = Shape {
        inputs: 3,
        outputs,
        samples: 5,
    };
    let mlp = Mlp {
        widths: vec![4],
        activation: Activation::Tanh,
        bias: true,
        ..Mlp::default()
    };
    let mut rng = stream(5, "tangent", &[]);
    let blocks = mlp.shapes(shape).into_iter();
    let blocks = blocks.map(|(r, c)| normal_matrix(&mut rng, r, c) * 0.7);
    let p = Parameters {
        blocks: blocks.collect(),
    };
    let x = normal_matrix(&mut rng, 3, 5);
    (mlp.network(shape), p, x)
}

fn sketches(count: usize, outputs: usize, repeats: u64) -> Vec<DMatrix<f64>> {
    let (mut network, p, x) = network(outputs);
    (0..repeats)
        .map(|seed| Directions::new(seed, &p, count).kernel(network.as_mut(), &p, &x))
        .collect()
}

#[test]
fn the_sketch_is_unbiased_summed_over_outputs() {
    let (mut network, p, x) = network(2);
    let exact = network.tangent_kernel(&p, &x);
    // 33 directions: a full batch and a rest.
    let found = sketches(33, 2, 200);
    let mut worst = 0.0f64;
    for k in 0..25 {
        let values: Vec<f64> = found.iter().map(|s| s[k]).collect();
        let (mean, stderr) = mean_stderr(&values);
        worst = worst.max(((mean - exact[k]) / stderr.unwrap()).abs());
    }
    // 15 entries: |z| > 4 has the probability 1e-3.
    assert!(worst < 4.0 && worst > 0.5, "{worst}");
}

#[test]
fn the_variance_is_the_stated_one_and_falls_as_one_over_m() {
    let (mut network, p, x) = network(1);
    let jacobian = network.jacobian(&p, &x);
    let kernel = &jacobian * jacobian.transpose();
    for count in [1, 16] {
        let found = sketches(count, 1, 4000);
        for (a, b) in [(0, 0), (0, 3), (2, 4)] {
            let squares = jacobian.row(a).component_mul(&jacobian.row(b));
            let stated = (kernel[(a, a)] * kernel[(b, b)] + kernel[(a, b)].powi(2)
                - 2.0 * squares.norm_squared())
                / count as f64;
            let deviations: Vec<f64> = found
                .iter()
                .map(|s| (s[(a, b)] - kernel[(a, b)]).powi(2))
                .collect();
            let (variance, stderr) = mean_stderr(&deviations);
            let z = (variance - stated) / stderr.unwrap();
            assert!(z.abs() < 4.0, "{count} {a} {b}: {variance} {stated}");
            assert!(stderr.unwrap() < 0.1 * stated);
        }
    }
}

#[test]
fn one_parameter_is_exact() {
    let mut network =
        crate::learner::MlpNetwork::<f64>::new(vec![1, 1], Activation::Linear, &[2.0]);
    let p = Parameters {
        blocks: vec![DMatrix::from_element(1, 1, 0.3)],
    };
    let x = DMatrix::from_row_slice(1, 3, &[1.0, -2.0, 0.5]);
    let exact = x.transpose() * &x * 4.0;
    let found = Directions::new(1, &p, 1).kernel(&mut network, &p, &x);
    assert!((found - exact).amax() < 1e-8);
}

#[test]
fn networks_have_directions_of_their_own() {
    let (mut network, p, x) = network(1);
    let mut other = p.clone();
    other.blocks[0][0] += 1e-12;
    let mut products = |seed, keyed: &Parameters| {
        Directions::new(seed, keyed, 3).products(network.as_mut(), &p, &x)
    };
    let first = products(1, &p);
    assert_eq!(first.shape(), (5, 3));
    assert_eq!(products(1, &p), first);
    assert_ne!(products(2, &p), first);
    assert_ne!(products(1, &other), first);
}
