//! Keyed random streams: no global generator, order-free, the same bits on every run.

use nalgebra::DMatrix;
use rand::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

/// The generator behind every stream.
pub type Stream = rand_chacha::ChaCha8Rng;

/// The stream of `purpose` for the given draw `indices`.
///
/// ChaCha8 keyed by `BLAKE3(seed, purpose, indices)`: streams of different purposes or indices are independent, and a
/// stream does not depend on which others were used or in which order. The cell of a sweep is not part of the key, so that
/// cells share their draws.
///
/// ```
/// use rand::Rng;
/// use saddlepoint::numerics::random::stream;
/// let a = stream(7, "dataset", &[3]).next_u64();
/// assert_eq!(a, stream(7, "dataset", &[3]).next_u64());
/// assert_ne!(a, stream(7, "dataset", &[4]).next_u64());
/// ```
pub fn stream(seed: u64, purpose: &str, indices: &[u64]) -> Stream {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&seed.to_le_bytes());
    hasher.update(&(purpose.len() as u64).to_le_bytes());
    hasher.update(purpose.as_bytes());
    for index in indices {
        hasher.update(&index.to_le_bytes());
    }
    Stream::from_seed(*hasher.finalize().as_bytes())
}

/// A `rows x cols` matrix of independent standard normals, filled column by column (so that a matrix with fewer columns is a
/// prefix of a wider one).
pub fn normal_matrix(rng: &mut Stream, rows: usize, cols: usize) -> DMatrix<f64> {
    let mut m = DMatrix::zeros(rows, cols);
    for value in m.iter_mut() {
        *value = StandardNormal.sample(rng);
    }
    m
}
