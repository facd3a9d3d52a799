//! Time of one point of the theories of the Bayesian posterior. Iterations are printed once per case.
//!
//! `cargo bench --bench mean_field`

use divan::{Bencher, black_box};
use nalgebra::{DMatrix, DVector};
use saddlepoint::kernel::Activation;
use saddlepoint::mean_field::TwoLayer;
use saddlepoint::mean_field::adaptive::{Evaluator, Problem, solve};
use saddlepoint::mean_field::dual::Method;
use saddlepoint::mean_field::kernel_scaling::{self, Modes};
use saddlepoint::mean_field::variational_gaussian::{self, Options};
use saddlepoint::numerics::random::{normal_matrix, stream};

fn main() {
    divan::main();
}

/// A network in mean-field scaling.
fn network(phi: Activation, weight_variance: f64, temperature: f64) -> TwoLayer {
    TwoLayer {
        phi,
        width: 200.0,
        weight_variance,
        readout_variance: 1.0,
        temperature,
        chi: 200.0,
    }
}

fn point(bencher: Bencher, name: &str, network: &TwoLayer, x: &DMatrix<f64>, y: &DVector<f64>) {
    let at = DMatrix::zeros(x.nrows(), 0);
    let problem = Problem {
        network,
        x,
        y,
        at: &at,
        direction: None,
        evaluator: Evaluator::Auto,
        method: Method::Auto,
        sample: 20_000,
        seed: 1,
    };
    let found = solve(&problem).expect("solved");
    println!("{name}: {}, {} iterations", found.method, found.iterations);
    bencher.bench_local(|| black_box(solve(&problem).expect("solved")));
}

/// Four points in the plane: a sum over directions.
#[divan::bench]
fn xor(bencher: Bencher) {
    let x = DMatrix::from_column_slice(2, 4, &[1.0, 1.0, 1.0, -1.0, -1.0, 1.0, -1.0, -1.0]);
    let y = DVector::from_vec(vec![1.0, -1.0, -1.0, 1.0]);
    point(bencher, "xor", &network(Activation::Relu, 2.0, 0.5), &x, &y);
}

/// Twelve samples in two dimensions: a grid in the plane.
#[divan::bench]
fn plane(bencher: Bencher) {
    let x = normal_matrix(&mut stream(1, "bench", &[]), 2, 12);
    let y = x.row(0).transpose();
    point(
        bencher,
        "plane",
        &network(Activation::UnscaledErf, 3.0, 0.05),
        &x,
        &y,
    );
}

/// Twelve samples in three dimensions: a grid in space, refined.
#[divan::bench(sample_count = 5)]
fn space(bencher: Bencher) {
    let x = normal_matrix(&mut stream(1, "bench", &[]), 3, 12);
    let y = x.row(0).transpose();
    point(
        bencher,
        "space",
        &network(Activation::UnscaledErf, 3.0, 0.05),
        &x,
        &y,
    );
}

/// The variational Gaussian of 200 samples in 50 dimensions, from the prior.
#[divan::bench(sample_count = 5)]
fn variational_gaussian_200(bencher: Bencher) {
    let x = normal_matrix(&mut stream(1, "bench", &[]), 50, 200);
    let y: Vec<f64> = x
        .row(0)
        .iter()
        .map(|z| z - 0.3 * (z.powi(3) - 3.0 * z))
        .collect();
    let network = network(Activation::UnscaledErf, 1.0, 0.2);
    let options = Options {
        starts: 0,
        ..Options::default()
    };
    let found = variational_gaussian::solve(&network, &x, &y, &options).expect("solved");
    println!("variational Gaussian: {} iterations", found.best.iterations);
    bencher.bench_local(|| black_box(variational_gaussian::solve(&network, &x, &y, &options)));
}

/// All roots of kernel scaling for 200 modes.
#[divan::bench]
fn kernel_scaling_200(bencher: Bencher) {
    let eigenvalues: Vec<f64> = (1..=200).map(|k| (k as f64).powf(-1.5)).collect();
    let targets: Vec<f64> = (1..=200).map(|k| 1.0 / k as f64).collect();
    let modes = Modes {
        eigenvalues: &eigenvalues,
        targets: &targets,
        temperature: 0.1,
        chi: 10.0,
    };
    bencher.bench_local(|| black_box(kernel_scaling::solve(&[100.0, 100.0], &modes)));
}
