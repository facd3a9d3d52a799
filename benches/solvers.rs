//! Time of the exact two-layer solution: mode strengths and loss at 1,000 times, `inputs x outputs x hidden`.
//!
//! `cargo bench --bench solvers`

use divan::{Bencher, black_box};
use nalgebra::{DMatrix, DVector};
use saddlepoint::numerics::linalg::{qr, svd};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::theory::saxe::low_rank::LowRank;
use saddlepoint::theory::saxe::matrix::Balanced;

const N: usize = 512;
const TIMES: usize = 1000;
const HORIZON: f64 = 20.0;

/// Target with `modes` singular values between 0.5 and 3, and a balanced start of scale 0.01.
fn problem(hidden: usize, modes: usize) -> [DMatrix<f64>; 3] {
    let mut rng = stream(1, "bench", &[]);
    let (u, _) = qr(&normal_matrix(&mut rng, N, modes));
    let (v, _) = qr(&normal_matrix(&mut rng, N, modes));
    let s = DVector::from_fn(modes, |i, _| 3.0 - 2.5 * i as f64 / modes as f64);
    let w1 = 0.01 * normal_matrix(&mut rng, hidden, N);
    let (left, values, _) = svd(&w1).expect("finite");
    let (frame, _) = qr(&normal_matrix(&mut rng, N, values.len()));
    let w2 = frame * DMatrix::from_diagonal(&values) * left.transpose();
    [u * DMatrix::from_diagonal(&s) * v.transpose(), w1, w2]
}

fn times(count: usize) -> impl Iterator<Item = f64> {
    (1..=count).map(|k| HORIZON * k as f64 / TIMES as f64)
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn full_rank_512_512_64_at_1000_times(bencher: Bencher) {
    let [s, w1, w2] = problem(64, N);
    bencher.bench_local(|| {
        let mut path = Balanced::new(&s, &w1, &w2).expect("balanced");
        for t in times(TIMES) {
            path.advance(t).expect("solved");
            black_box(path.strengths_and_loss());
        }
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn sixteen_modes_512_512_512_at_1000_times(bencher: Bencher) {
    let [s, w1, w2] = problem(512, 16);
    bencher.bench_local(|| {
        let path = LowRank::new(&s, &w1, &w2).expect("balanced");
        for t in times(TIMES) {
            black_box(path.strengths_and_loss(t).expect("solved"));
        }
    });
}

/// The dense solution of a full-rank target at this width; the difference of the two rows is the cost of 20 times.
#[divan::bench(sample_count = 1, sample_size = 1, args = [10, 30])]
fn full_rank_512_512_512_at_few_times(bencher: Bencher, count: usize) {
    let [s, w1, w2] = problem(512, N);
    bencher.bench_local(|| {
        let mut path = Balanced::new(&s, &w1, &w2).expect("balanced");
        for t in times(count) {
            path.advance(t).expect("solved");
            black_box(path.strengths_and_loss());
        }
    });
}

fn main() {
    divan::main();
}
