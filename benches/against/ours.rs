//! The same work as in the peers of `run.py`, on request: reads a line `WORK` from stdin, writes `seconds per unit` to stdout.
//!
//! Started by `python benches/against/run.py`, which interleaves it with the peers. Units: a training step, a pair of Gram matrices, a fit with
//! prediction, a sampler step of all chains.

use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use saddlepoint::kernel::{Kernel, Network as Wide, PerLayer, cross_gram, gram};
use saddlepoint::learner::{
    Activation, Learner, Mlp, Parametrization, Precision, Predict, Prior, Transformer,
};
use saddlepoint::numerics::linalg::{
    cholesky, solve_lower, solve_lower_transposed, transpose_multiply,
};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::task::{Dataset, Modes};
use saddlepoint::training::langevin::{NetworkPotential, Plan, Scheme, sample};
use saddlepoint::training::{Descent, GradientDescent, Loss, Rule, Training};
use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::Instant;

const MEMORY: u64 = 4 << 30;

fn dataset(inputs: usize, samples: usize) -> Dataset {
    let mut rng = stream(1, "bench", &[]);
    Dataset {
        x: normal_matrix(&mut rng, inputs, samples),
        y: normal_matrix(&mut rng, 1, samples),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(inputs, 0),
        },
        groups: None,
        blocks: None,
    }
}

fn mlp(width: usize) -> Mlp {
    Mlp {
        widths: vec![width],
        activation: Activation::Relu,
        precision: Precision::F32,
        ..Mlp::default()
    }
}

/// Trains one network for `steps` full batches.
fn train(mlp: &Mlp, data: &Dataset, steps: usize, replica: u64) {
    let start = mlp.initialize(data, &mut stream(1, "initial", &[replica]));
    let descent = GradientDescent::new(1e-3, steps);
    let mut rng = stream(1, "training", &[replica]);
    let end =
        start.and_then(|s| descent.train(mlp, s.into(), data, &[], &mut rng, &mut |_| Ok(())));
    black_box(end).expect("the step is small");
}

/// A training step of an MLP 64-256-1, batch 512.
fn mlp_step(steps: usize) -> f64 {
    let (mlp, data) = (mlp(256), dataset(64, 512));
    timed(steps, || train(&mlp, &data, steps, 0))
}

/// A step of 64 replicas of an MLP 32-64-1 on 256 samples.
fn replicas(steps: usize) -> f64 {
    let (mlp, data) = (mlp(64), dataset(32, 256));
    timed(steps, || {
        (0..64u64)
            .into_par_iter()
            .for_each(|r| train(&mlp, &data, steps, r))
    })
}

fn relu(depth: usize) -> Wide {
    Wide {
        nonlinearity: Activation::Relu,
        depth,
        weight_variance: PerLayer::Same(2.0),
        bias_variance: PerLayer::Same(0.1),
    }
}

/// NNGP and NTK Gram matrices of 2,000 samples with 784 inputs, ReLU, 10 hidden layers.
fn kernels(repeats: usize) -> f64 {
    let x = normal_matrix(&mut stream(1, "bench", &[]), 784, 2000);
    let wide = relu(10);
    timed(repeats, || {
        for _ in 0..repeats {
            black_box(saddlepoint::kernel::gram::network_gram(&wide, &x, MEMORY))
                .expect("enough memory");
        }
    })
}

/// Kernel ridge regression on 4,000 samples with 100 inputs, NNGP of one ReLU layer: Gram matrix, Cholesky, prediction of 4,000.
fn ridge(repeats: usize) -> f64 {
    let mut rng = stream(1, "bench", &[]);
    let (x, z) = (
        normal_matrix(&mut rng, 100, 4000),
        normal_matrix(&mut rng, 100, 4000),
    );
    let y = normal_matrix(&mut rng, 4000, 1);
    let kernel = Kernel::Nngp(relu(1));
    timed(repeats, || {
        for _ in 0..repeats {
            let mut k = gram(&kernel, &x, MEMORY).expect("enough memory").kernel;
            for i in 0..4000 {
                k[(i, i)] += 0.1;
            }
            let l = cholesky(&k).expect("positive definite");
            let mut alpha = y.clone();
            solve_lower(&l, &mut alpha);
            solve_lower_transposed(&l, &mut alpha);
            let cross = cross_gram(&kernel, &x, &z, MEMORY)
                .expect("enough memory")
                .kernel;
            black_box(transpose_multiply(&cross, &alpha));
        }
    })
}

/// Fraction of the peak: GFLOP/s of a product of two 1,024 x 1,024 matrices in single precision.
fn product(repeats: usize) -> f64 {
    use saddlepoint::numerics::linalg::{Factor, Gemm};
    const N: usize = 1024;
    let a = normal_matrix(&mut stream(1, "bench", &[]), N, N).cast::<f32>();
    let mut c = a.clone();
    let factor = || Factor::new(a.as_slice(), N, N);
    timed(repeats, || {
        for _ in 0..repeats {
            f32::gemm(1.0, factor(), factor(), c.as_mut_slice());
        }
    })
}

/// An Adam step of a transformer with 2 layers, d = 64, 4 heads, context 10, vocabulary 16, batch 256.
fn transformer(steps: usize) -> f64 {
    const CONTEXT: usize = 10;
    const VOCABULARY: usize = 16;
    let learner = Transformer {
        layers: 2,
        heads: 4,
        predict: Predict::Every,
        precision: Precision::F32,
        ..Transformer::new(VOCABULARY, CONTEXT, 64)
    };
    let token = |t: usize, mu: usize| (t * t + 7 * mu + mu * mu / 5) % VOCABULARY;
    let outputs = VOCABULARY * CONTEXT;
    let target = |row: usize, mu: usize| token(row / VOCABULARY + 1, mu) == row % VOCABULARY;
    let data = Dataset {
        x: DMatrix::from_fn(CONTEXT, 256, |t, mu| token(t, mu) as f64),
        y: DMatrix::from_fn(outputs, 256, |row, mu| f64::from(u8::from(target(row, mu)))),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(outputs, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(CONTEXT, 0),
        },
        groups: None,
        blocks: None,
    };
    let adam = Descent {
        loss: Loss::CrossEntropy,
        rule: Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        },
        ..Descent::new(1e-3, steps)
    };
    let start = learner.initialize(&data, &mut stream(1, "initial", &[]));
    let start = start.expect("the data fit");
    let mut rng = stream(1, "training", &[]);
    timed(steps, || {
        let end = adam.train(
            &learner,
            start.into(),
            &data,
            &[],
            &mut rng,
            &mut |_| Ok(()),
        );
        black_box(end).expect("the step is small");
    })
}

/// A step of 64 Leimkuhler-Matthews chains of a tanh network 8-22-1 on 16 samples.
fn langevin(steps: usize) -> f64 {
    let learner = Mlp {
        widths: vec![22],
        activation: Activation::Tanh,
        parametrization: Parametrization::Ntk,
        prior: Some(Prior::default()),
        ..Mlp::default()
    };
    let data = dataset(8, 16);
    let starts = vec![vec![0.1; 22 * 9]; 64];
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 1e-3,
        burn_in: 0,
        steps,
        every: steps,
    };
    let build = || NetworkPotential::of(&learner, &data, 0.1);
    timed(steps, || {
        let chains = sample(plan, &starts, 1, build, |_, _, _| {});
        black_box(chains).expect("the step is small");
    })
}

/// Mean-field theory of 5 hidden linear layers with 20 samples over 100 steps: all outputs, and the kernel of the last layer at the end. The number
/// that both sides must find.
fn dmft() -> f64 {
    use saddlepoint::dmft::{Optimiser, Problem, linear};
    const SAMPLES: usize = 20;
    const STEPS: usize = 100;
    let x = DMatrix::from_fn(40, SAMPLES, |i, a| {
        (1.0 + 3.0 * ((a + 1) * (i + 1)) as f64 + (i * i) as f64).sin()
    });
    let targets: Vec<f64> = (0..SAMPLES).map(|a| [1.0, -1.0][a % 2]).collect();
    let problem = Problem {
        kernel: &(x.tr_mul(&x) / 40.0),
        targets: &targets,
        richness: 1.5,
        rate: 0.025 / SAMPLES as f64,
        steps: STEPS,
        weight_variances: &[1.0; 6],
        optimiser: &Optimiser::default(),
    };
    let found = linear::solve(&problem, &linear::Settings::default()).expect("solved");
    let outputs = (0..=STEPS).map(|t| {
        let outputs = found.outputs(t);
        let terms = outputs.iter().enumerate();
        terms.map(|(a, f)| f * ((t + a) as f64).cos()).sum::<f64>()
    });
    outputs.sum::<f64>() + found.feature_kernel(5, STEPS, STEPS).mean()
}

fn timed(units: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() / units as f64
}

fn main() {
    for line in std::io::stdin().lock().lines() {
        let seconds = match line.expect("stdin is readable").trim() {
            "mlp" => mlp_step(300),
            "replicas" => replicas(100),
            "transformer" => transformer(10),
            "kernels" => kernels(1),
            "ridge" => ridge(1),
            "langevin" => langevin(5000),
            "dmft" => timed(10, || {
                (0..10).for_each(|_| {
                    black_box(dmft());
                })
            }),
            "dmft-value" => dmft(),
            "product" => product(10),
            _ => f64::NAN,
        };
        println!("{seconds:.17e}");
        std::io::stdout().flush().expect("stdout is writable");
    }
}
