//! Time of Gram matrices of deep ReLU networks and of kernel ridge regression.
//!
//! `cargo bench --bench kernels`; one thread: `RAYON_NUM_THREADS=1 cargo bench --bench kernels`

use divan::Bencher;
use nalgebra::DMatrix;
use saddlepoint::kernel::gram::network_gram;
use saddlepoint::kernel::{Activation, Kernel, Network, Regression, gram};
use saddlepoint::numerics::random::{normal_matrix, stream};

const ROOM: u64 = 4 << 30;

fn inputs(samples: usize) -> DMatrix<f64> {
    normal_matrix(&mut stream(1, "bench", &[]), 784, samples)
}

fn relu() -> Network {
    Network::new(Activation::Relu, 10, 2.0, 0.0)
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn nngp_and_ntk_relu_depth_10_p_2000_d_784(bencher: Bencher) {
    let x = inputs(2000);
    bencher.bench_local(|| network_gram(&relu(), &x, ROOM).expect("fits"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn nngp_relu_depth_10_p_2000_d_784(bencher: Bencher) {
    let x = inputs(2000);
    bencher.bench_local(|| gram(&Kernel::Nngp(relu()), &x, ROOM).expect("fits"));
}

/// The share of the inner products in the rows above.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn inner_products_p_2000_d_784(bencher: Bencher) {
    let x = inputs(2000);
    bencher.bench_local(|| gram(&Kernel::Linear {}, &x, ROOM).expect("fits"));
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn ridge_fit_p_2000(bencher: Bencher) {
    let x = inputs(2000);
    let k = gram(&Kernel::Nngp(relu()), &x, ROOM).expect("fits").kernel;
    let y = normal_matrix(&mut stream(2, "bench", &[]), 1, 2000);
    bencher.bench_local(|| Regression::fit(k.clone(), &y, 0.1).expect("positive"));
}

fn main() {
    divan::main();
}
