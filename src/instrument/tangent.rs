//! Products of a network's Jacobian with random directions in parameter space: the tangent kernel of many samples in little memory.

use crate::learner::{Network, Parameters};
use crate::numerics::linalg::{Factor, Gemm};
use crate::numerics::random::{Stream, stream};
use nalgebra::DMatrix;
use rand::Rng;

/// Directions whose products are held at a time.
const BATCH: usize = 32;

/// The signs of one network: directions `v_1, ..., v_m` of independent entries `+-1` in parameter space, the same whenever they are asked for.
///
/// With `u_r = J v_r` the estimate `(1/m) sum_r u_r u_r^T` of the tangent kernel `K = J J^T` is unbiased, and its entries scatter by
/// `Var K_ab = (K_aa K_bb + K_ab^2 - 2 sum_k J_ak^2 J_bk^2)/m`: relative variance at most `2/m` on the diagonal (Hutchinson 1990; the last term
/// is small for many parameters). One product costs two forward passes, instead of a backward pass per sample and output.
#[derive(Debug, Clone)]
pub(super) struct Directions {
    seed: u64,
    network: [u64; 4],
    count: usize,
}

impl Directions {
    /// Keyed by the seed and the network as it is seen first, so that networks with different weights have independent directions.
    pub fn new(seed: u64, network: &Parameters, count: usize) -> Self {
        let mut hasher = blake3::Hasher::new();
        for value in network.blocks.iter().flat_map(|b| b.iter()) {
            hasher.update(&value.to_le_bytes());
        }
        let digest = hasher.finalize();
        let (head, _) = digest.as_bytes().as_chunks::<8>();
        Directions {
            seed,
            network: std::array::from_fn(|k| u64::from_le_bytes(head[k])),
            count,
        }
    }

    /// Calls `f` with the products `J v` of all directions in batches, as columns: rows as in [`Network::jacobian`].
    fn batches(
        &self,
        network: &mut dyn Network<f64>,
        p: &Parameters,
        x: &DMatrix<f64>,
        mut f: impl FnMut(&DMatrix<f64>),
    ) {
        let mut rng = stream(self.seed, "tangent sketch", &self.network);
        let mut left = self.count;
        while left > 0 {
            let batch = left.min(BATCH);
            let mut values = Vec::new();
            for _ in 0..batch {
                let product = network.directional(p, x, &signs(&mut rng, p));
                values.extend_from_slice(product.as_slice());
            }
            f(&DMatrix::from_vec(values.len() / batch, batch, values));
            left -= batch;
        }
    }

    /// All products `J v`, as columns.
    pub fn products(
        &self,
        network: &mut dyn Network<f64>,
        p: &Parameters,
        x: &DMatrix<f64>,
    ) -> DMatrix<f64> {
        let mut values = Vec::new();
        self.batches(network, p, x, |u| {
            values.reserve_exact(match values.is_empty() {
                true => u.nrows() * self.count,
                false => 0,
            });
            values.extend_from_slice(u.as_slice());
        });
        DMatrix::from_vec(values.len() / self.count, self.count, values)
    }

    /// The estimate of `sum_i J_i J_i^T`, `samples x samples`, summed over outputs.
    pub fn kernel(
        &self,
        network: &mut dyn Network<f64>,
        p: &Parameters,
        x: &DMatrix<f64>,
    ) -> DMatrix<f64> {
        let samples = x.ncols();
        let mut kernel = DMatrix::zeros(samples, samples);
        self.batches(network, p, x, |u| {
            let outputs = u.nrows() / samples;
            for i in 0..outputs {
                let row = |mu, r| u[(mu * outputs + i, r)];
                let of_output = DMatrix::from_fn(samples, u.ncols(), row);
                let factor = Factor::new(of_output.as_slice(), samples, u.ncols());
                f64::gemm_add(
                    1.0 / self.count as f64,
                    factor,
                    factor.t(),
                    kernel.as_mut_slice(),
                );
            }
        });
        kernel
    }

    /// Scalars that [`Directions::kernel`] holds.
    pub fn kernel_space(samples: usize, outputs: usize) -> usize {
        samples * samples + 3 * BATCH * samples * outputs
    }
}

/// A direction with entries `+-1`.
fn signs(rng: &mut Stream, p: &Parameters) -> Parameters {
    let mut v = p.clone();
    for block in &mut v.blocks {
        for entries in block.as_mut_slice().chunks_mut(64) {
            let bits = rng.next_u64();
            for (k, entry) in entries.iter_mut().enumerate() {
                *entry = if bits >> k & 1 == 1 { 1.0 } else { -1.0 };
            }
        }
    }
    v
}

#[cfg(test)]
#[path = "tangent_tests.rs"]
mod tests;
