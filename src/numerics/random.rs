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

/// A stream that can be stored and goes on where it stood.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Stored(#[serde(with = "position")] pub Stream);

/// A stream as its key, its number and its position, for fields `#[serde(with = "position")]`.
pub mod position {
    use super::Stream;
    use rand::SeedableRng;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Position {
        seed: [u8; 32],
        stream: u64,
        /// High and low half of the position in words.
        words: [u64; 2],
    }

    /// Writes the position.
    pub fn serialize<S: Serializer>(rng: &Stream, serializer: S) -> Result<S::Ok, S::Error> {
        let words = rng.get_word_pos();
        Position {
            seed: rng.get_seed(),
            stream: rng.get_stream(),
            words: [(words >> 64) as u64, words as u64],
        }
        .serialize(serializer)
    }

    /// A stream at the position.
    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Stream, D::Error> {
        let at = Position::deserialize(deserializer)?;
        let mut rng = Stream::from_seed(at.seed);
        rng.set_stream(at.stream);
        rng.set_word_pos(((at.words[0] as u128) << 64) | at.words[1] as u128);
        Ok(rng)
    }
}
