//! Full-batch gradients of multilayer perceptrons, beside the peak of the matrix product: `cargo bench --bench networks`.
//!
//! Networks 64 - w - w - 10, 512 samples. One iteration is one gradient, so "Mitem/s" of the floating-point operations in matrix
//! products divided by 1,000 is GFLOP/s.

use divan::Bencher;
use divan::counter::ItemsCount;
use saddlepoint::learner::{Activation, MlpNetwork, Network, Objective, Parameters, Real};
use saddlepoint::numerics::linalg::{Factor, Gemm};
use saddlepoint::numerics::random::{normal_matrix, stream};

const SAMPLES: usize = 512;
const WIDTHS: [usize; 3] = [32, 128, 512];

fn main() {
    divan::main();
}

/// Operations in the matrix products of one gradient.
fn operations(widths: &[usize]) -> usize {
    let weights: usize = widths.windows(2).map(|n| n[0] * n[1]).sum();
    // Forward, weights, errors; no error is propagated into the inputs.
    2 * SAMPLES * (3 * weights - widths[0] * widths[1])
}

fn gradient<T: Real>(bencher: Bencher, width: usize, activation: Activation) {
    let widths = vec![64, width, width, 10];
    let mut rng = stream(1, "bench", &[]);
    let scaling: Vec<f64> = widths.iter().map(|&n| 1.0 / (n as f64).sqrt()).collect();
    let mut network = MlpNetwork::<T>::new(widths.clone(), activation, &scaling[..3]);
    let blocks = widths
        .windows(2)
        .map(|n| normal_matrix(&mut rng, n[1], n[0]))
        .collect();
    let p = Parameters::<f64> { blocks }.cast::<T>();
    let x = normal_matrix(&mut rng, 64, SAMPLES).map(T::of);
    let y = normal_matrix(&mut rng, 10, SAMPLES).map(T::of);
    let mut g = p.clone();
    bencher
        .counter(ItemsCount::new(operations(&widths)))
        .bench_local(|| {
            network.gradient(&p, &x, &y, Objective::square(1.0 / SAMPLES as f64), &mut g)
        });
}

macro_rules! gradients {
    ($($name:ident: $activation:ident, $scalar:ty;)*) => {$(
        #[divan::bench(args = WIDTHS)]
        fn $name(bencher: Bencher, width: usize) {
            gradient::<$scalar>(bencher, width, Activation::$activation);
        }
    )*};
}

gradients! {
    linear_f64: Linear, f64;
    relu_f64: Relu, f64;
    tanh_f64: Tanh, f64;
    erf_f64: Erf, f64;
    gelu_f64: Gelu, f64;
    linear_f32: Linear, f32;
    relu_f32: Relu, f32;
}

fn product<T: Real + Gemm>(bencher: Bencher, width: usize) {
    let mut rng = stream(2, "bench", &[]);
    let a = normal_matrix(&mut rng, width, width).map(T::of);
    let b = normal_matrix(&mut rng, width, SAMPLES).map(T::of);
    let mut c = b.clone();
    bencher
        .counter(ItemsCount::new(2 * width * width * SAMPLES))
        .bench_local(|| {
            let a = Factor::new(a.as_slice(), width, width);
            let b = Factor::new(b.as_slice(), width, SAMPLES);
            T::gemm(T::one(), a, b, c.as_mut_slice());
        });
}

#[divan::bench(args = WIDTHS)]
fn product_f64(bencher: Bencher, width: usize) {
    product::<f64>(bencher, width);
}

#[divan::bench(args = WIDTHS)]
fn product_f32(bencher: Bencher, width: usize) {
    product::<f32>(bencher, width);
}

/// Activations alone, value and slope of 65,536 preactivations: the vectorised loops, and libm's scalar functions beside them.
#[divan::bench(args = [Activation::Tanh, Activation::Erf, Activation::Gelu])]
fn activation_f64(bencher: Bencher, activation: &Activation) {
    apply(bencher, |h: &mut [f64], slope| activation.apply(h, slope));
}

#[divan::bench(args = [Activation::Tanh, Activation::Erf, Activation::Gelu])]
fn activation_f32(bencher: Bencher, activation: &Activation) {
    apply(bencher, |h: &mut [f32], slope| activation.apply(h, slope));
}

#[divan::bench(args = [Activation::Erf, Activation::Gelu])]
fn activation_libm_f64(bencher: Bencher, activation: &Activation) {
    let erf = *activation == Activation::Erf;
    apply(bencher, |h: &mut [f64], slope| {
        for (h, slope) in h.iter_mut().zip(slope) {
            let z = *h * std::f64::consts::FRAC_1_SQRT_2;
            let density = 0.3989422804014327 * (-z * z).exp();
            (*h, *slope) = match erf {
                true => (libm::erf(z), 2.0 * density),
                false => {
                    let below = 0.5 * libm::erfc(-z);
                    (*h * below, below + *h * density)
                }
            };
        }
    });
}

fn apply<T: Real>(bencher: Bencher, f: impl Fn(&mut [T], &mut [T])) {
    let mut rng = stream(3, "bench", &[]);
    let h = normal_matrix(&mut rng, 256, 256).map(T::of);
    let (mut work, mut slope) = (h.clone(), h.clone());
    bencher.counter(ItemsCount::new(h.len())).bench_local(|| {
        work.copy_from(&h);
        f(work.as_mut_slice(), slope.as_mut_slice());
    });
}
