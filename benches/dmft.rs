//! Time of dynamical mean-field theory.
//!
//! `cargo bench --bench dmft`

use divan::{Bencher, black_box};
use nalgebra::DMatrix;
use saddlepoint::dmft::{Optimiser, Problem, deep, linear, one_hidden};
use saddlepoint::kernel::Activation;
use saddlepoint::numerics::random::{normal_matrix, stream};

fn main() {
    divan::main();
}

/// `x.x'/D` of normal inputs, and targets of alternating sign.
fn data(samples: usize, inputs: usize) -> (DMatrix<f64>, Vec<f64>) {
    let x = normal_matrix(&mut stream(1, "bench", &[]), inputs, samples);
    let targets = (0..samples).map(|k| if k % 2 == 0 { 1.0 } else { -1.0 });
    (x.tr_mul(&x) / inputs as f64, targets.collect())
}

fn deep_linear(bencher: Bencher, depth: usize, samples: usize, steps: usize) {
    let (kernel, targets) = data(samples, 2 * samples);
    let problem = Problem {
        kernel: &kernel,
        targets: &targets,
        richness: 1.5,
        rate: 0.025 / samples as f64,
        steps,
        weight_variances: &vec![1.0; depth + 1],
        optimiser: &Optimiser::default(),
    };
    bencher.bench_local(|| black_box(linear::solve(&problem, &linear::Settings::default())));
}

/// Five hidden linear layers, 20 samples, by the number of steps.
#[divan::bench(args = [50, 100, 200, 400], sample_count = 5)]
fn linear_by_steps(bencher: Bencher, steps: usize) {
    deep_linear(bencher, 5, 20, steps);
}

/// By the number of samples, 100 steps.
#[divan::bench(args = [5, 20, 80], sample_count = 5)]
fn linear_by_samples(bencher: Bencher, samples: usize) {
    deep_linear(bencher, 5, samples, 100);
}

/// By depth, 20 samples, 100 steps.
#[divan::bench(args = [1, 3, 9], sample_count = 5)]
fn linear_by_depth(bencher: Bencher, depth: usize) {
    deep_linear(bencher, depth, 20, 100);
}

/// Three hidden linear layers, one sample, 1000 steps.
#[divan::bench(sample_count = 2)]
fn linear_long(bencher: Bencher) {
    deep_linear(bencher, 3, 1, 1000);
}

/// One hidden relu layer, 25 samples in ten dimensions, 200 steps at richness 3; the error is printed.
#[divan::bench(sample_count = 1)]
fn one_hidden_relu(bencher: Bencher) {
    let (kernel, targets) = data(25, 10);
    let problem = Problem {
        kernel: &kernel,
        targets: &targets,
        richness: 3.0,
        rate: 0.2 / 25.0,
        steps: 200,
        weight_variances: &[1.0; 2],
        optimiser: &Optimiser::default(),
    };
    let solve = || one_hidden::solve(&problem, &Activation::Relu, &Default::default());
    let found = solve().expect("solved");
    println!(
        "{:?}, largest error of an output {:.1e}",
        found.rule,
        found.outputs.largest_error()
    );
    bencher.bench_local(|| black_box(solve()));
}

/// Two hidden tanh layers, four samples, 50 steps, 4000 paths with their derivatives, one repeat's share printed.
#[divan::bench(sample_count = 1)]
fn deep_tanh(bencher: Bencher) {
    let (kernel, targets) = data(4, 4);
    let problem = Problem {
        kernel: &kernel,
        targets: &targets,
        richness: 1.0,
        rate: 0.5 / 4.0,
        steps: 50,
        weight_variances: &[1.0; 3],
        optimiser: &Optimiser::default(),
    };
    let settings = deep::Settings {
        samples: 4000,
        repeats: 2,
        ..deep::Settings::default()
    };
    let bytes = deep::bytes(&problem, &settings, deep::Response::Paths);
    println!("two repeats, {:.2} GiB", bytes as f64 / (1u64 << 30) as f64);
    bencher.bench_local(|| {
        black_box(deep::solve(&problem, &Activation::Tanh, &settings, &|_| {
            Ok(())
        }))
    });
}
