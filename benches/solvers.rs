//! Time of the exact two-layer solution: mode strengths and loss at 1,000 times, `inputs x outputs x hidden`, on two threads if
//! `RAYON_NUM_THREADS=2`.
//!
//! `cargo bench --bench solvers`

use divan::{Bencher, black_box};
use nalgebra::{DMatrix, DVector};
use saddlepoint::numerics::chebyshev::Marcher;
use saddlepoint::numerics::linalg::{qr, svd};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::theory::saxe::low_rank::LowRank;
use saddlepoint::theory::saxe::matrix::Balanced;

const N: usize = 512;
const TIMES: usize = 1000;
const HORIZON: f64 = 20.0;

/// Target with `modes` singular values between 0.5 and 3, and a lambda-balanced start of scale 0.01.
fn problem(hidden: usize, modes: usize, lambda: f64) -> [DMatrix<f64>; 3] {
    let mut rng = stream(1, "bench", &[]);
    let (u, _) = qr(&normal_matrix(&mut rng, N, modes));
    let (v, _) = qr(&normal_matrix(&mut rng, N, modes));
    let s = DVector::from_fn(modes, |i, _| 3.0 - 2.5 * i as f64 / modes as f64);
    let free = 0.01 * normal_matrix(&mut rng, hidden, N);
    let (left, values, _) = svd(&free).expect("finite");
    let (frame, _) = qr(&normal_matrix(&mut rng, N, values.len()));
    let values = values.map(|x| (x * x + lambda.abs()).sqrt());
    let made = frame * DMatrix::from_diagonal(&values) * left.transpose();
    let (w1, w2) = match lambda >= 0.0 {
        true => (free, made),
        false => (made.transpose(), free.transpose()),
    };
    [u * DMatrix::from_diagonal(&s) * v.transpose(), w1, w2]
}

fn times(count: usize) -> impl Iterator<Item = f64> {
    (1..=count).map(|k| HORIZON * k as f64 / TIMES as f64)
}

/// Strengths and loss at 1,000 times, as the theory entry asks for them.
fn sampled(bencher: Bencher, hidden: usize, modes: usize, lambda: f64) {
    let [s, w1, w2] = problem(hidden, modes, lambda);
    let times: Vec<f64> = times(TIMES).collect();
    bencher.bench_local(|| {
        let path = Balanced::new(&s, &w1, &w2).expect("balanced");
        let (count, length) = (path.strengths_and_loss().0.len(), 2.0 / path.pace());
        let mut allowed = vec![1e-11 * s.norm(); count];
        allowed.push(1e-11 * s.norm_squared());
        let exact = |path: &mut Balanced, times: &[f64]| {
            path.visit(times, |now| {
                let (u, loss) = now.strengths_and_loss();
                Ok(u.iter().copied().chain([loss]).collect())
            })
        };
        let mut marcher = Marcher::new(path, exact, &allowed, length);
        black_box(marcher.sample(&times).expect("solved"));
        marcher.evaluations()
    });
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn full_rank_512_512_64_at_1000_times(bencher: Bencher) {
    sampled(bencher, 64, N, 0.0);
}

#[divan::bench(sample_count = 3, sample_size = 1, args = [0.0, 0.5, -1.0])]
fn full_rank_512_512_512_at_1000_times(bencher: Bencher, lambda: f64) {
    sampled(bencher, 512, N, lambda);
}

#[divan::bench(sample_count = 3, sample_size = 1)]
fn sixteen_modes_512_512_512_at_1000_times(bencher: Bencher) {
    sampled(bencher, 512, 16, 0.0);
}

/// The same by the form whose cost is set by the rank of the target.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn sixteen_modes_512_512_512_low_rank_at_1000_times(bencher: Bencher) {
    let [s, w1, w2] = problem(512, 16, 0.0);
    bencher.bench_local(|| {
        let path = LowRank::new(&s, &w1, &w2).expect("balanced");
        for t in times(TIMES) {
            black_box(path.strengths_and_loss(t).expect("solved"));
        }
    });
}

/// One time after the other, one thread; the difference of the two rows is the cost of 20 times.
#[divan::bench(sample_count = 1, sample_size = 1, args = [10, 30])]
fn full_rank_512_512_512_at_few_times(bencher: Bencher, count: usize) {
    let [s, w1, w2] = problem(512, N, 0.0);
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
