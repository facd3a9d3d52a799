//! Gradients of transformers, beside the peak of the matrix product: `cargo bench --bench transformer`.
//!
//! Two layers, d = 64, 4 heads, MLP 256, context 10, vocabulary 64, 256 samples, cross-entropy at every position. One iteration is one
//! gradient, so "Gitem/s" of the floating-point operations is GFLOP/s.

use divan::Bencher;
use divan::counter::ItemsCount;
use nalgebra::{DMatrix, DVector};
use saddlepoint::learner::{
    Activation, Attention, Learner, Network, Objective, Predict, Real, Transformer,
};
use saddlepoint::numerics::linalg::{Factor, Gemm};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::task::{Dataset, Modes, Shape};

const SAMPLES: usize = 256;
const CONTEXT: usize = 10;
const VOCABULARY: usize = 64;

fn main() {
    divan::main();
}

fn base() -> Transformer {
    Transformer {
        layers: 2,
        heads: 4,
        predict: Predict::Every,
        ..Transformer::new(VOCABULARY, CONTEXT, 64)
    }
}

/// Next-token prediction on random tokens.
fn data() -> Dataset {
    let token = |t: usize, mu: usize| (t * t + 7 * mu + mu * mu / 5) % VOCABULARY;
    let outputs = VOCABULARY * CONTEXT;
    let target = |row: usize, mu: usize| token(row / VOCABULARY + 1, mu) == row % VOCABULARY;
    Dataset {
        x: DMatrix::from_fn(CONTEXT, SAMPLES, |t, mu| token(t, mu) as f64),
        y: DMatrix::from_fn(outputs, SAMPLES, |row, mu| {
            f64::from(u8::from(target(row, mu)))
        }),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(outputs, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(CONTEXT, 0),
        },
        groups: None,
        blocks: None,
    }
}

fn gradient<T: Real>(bencher: Bencher, spec: Transformer) {
    let data = data();
    let p = match spec.initialize(&data, &mut stream(1, "bench", &[])) {
        Ok(p) => p.cast::<T>(),
        Err(error) => return eprintln!("{error}"),
    };
    let mut g = p.clone();
    let (x, y) = (data.x.map(T::of), data.y.map(T::of));
    let mut network = spec.compile::<T>();
    let objective = Objective::CrossEntropy {
        weight: 1.0 / (SAMPLES * CONTEXT) as f64,
        classes: VOCABULARY,
    };
    let shape = Shape {
        inputs: CONTEXT,
        outputs: VOCABULARY * CONTEXT,
        samples: SAMPLES,
    };
    let operations = spec.operations(shape) * SAMPLES as f64;
    bencher
        .counter(ItemsCount::new(operations as usize))
        .bench_local(|| network.gradient(&p, &x, &y, objective, &mut g));
}

#[divan::bench]
fn softmax_gelu_f32(bencher: Bencher) {
    gradient::<f32>(bencher, base());
}

#[divan::bench]
fn softmax_relu_f32(bencher: Bencher) {
    let activation = Activation::Relu;
    gradient::<f32>(
        bencher,
        Transformer {
            activation,
            ..base()
        },
    );
}

#[divan::bench]
fn attention_only_f32(bencher: Bencher) {
    let mlp_dimension = Some(0);
    gradient::<f32>(
        bencher,
        Transformer {
            mlp_dimension,
            ..base()
        },
    );
}

#[divan::bench]
fn linear_attention_f32(bencher: Bencher) {
    let attention = Attention::Linear;
    gradient::<f32>(
        bencher,
        Transformer {
            attention,
            ..base()
        },
    );
}

#[divan::bench]
fn softmax_relu_f64(bencher: Bencher) {
    let activation = Activation::Relu;
    gradient::<f64>(
        bencher,
        Transformer {
            activation,
            ..base()
        },
    );
}

/// The peak: a square product that stays in the cache.
fn product<T: Real + Gemm>(bencher: Bencher) {
    const N: usize = 256;
    let mut rng = stream(2, "bench", &[]);
    let a = normal_matrix(&mut rng, N, N).map(T::of);
    let mut c = a.clone();
    bencher
        .counter(ItemsCount::new(2 * N * N * N))
        .bench_local(|| {
            let a = Factor::new(a.as_slice(), N, N);
            T::gemm(T::one(), a, a, c.as_mut_slice());
        });
}

#[divan::bench]
fn product_f32(bencher: Bencher) {
    product::<f32>(bencher);
}

#[divan::bench]
fn product_f64(bencher: Bencher) {
    product::<f64>(bencher);
}
