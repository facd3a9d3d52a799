//! What is averaged over neurons once their path is known.

use super::block::Block;
use super::dynamics::Dynamics;
use crate::numerics::linalg::{Factor, Gemm};

/// Sums over neurons, taken while blocks of them are followed through the chosen times.
pub(super) trait Observer: Sync {
    /// What is kept of a block until its last time.
    type Keep: Default;
    /// Number of sums.
    fn size(&self) -> usize;
    /// Adds a block at the chosen time number `index`; `folded`: a neuron stands for its mirror image, too.
    fn at(
        &self,
        index: usize,
        block: &Block,
        folded: bool,
        keep: &mut Self::Keep,
        sums: &mut [f64],
    );
    /// Adds what was kept.
    fn after(&self, _keep: Self::Keep, _sums: &mut [f64]) {}
}

/// `g = phi'(h) z` of every sample, each neuron times `factor`.
fn gradients(block: &Block, factor: &[f64]) -> Vec<f64> {
    let mut g = block.slope.clone();
    for column in g.chunks_exact_mut(block.count) {
        for ((g, z), factor) in column.iter_mut().zip(block.readout()).zip(factor) {
            *g *= z * factor;
        }
    }
    g
}

/// `phi(h)` of every sample, each neuron times `factor`.
fn features(block: &Block, factor: &[f64]) -> Vec<f64> {
    let mut phi = block.feature.clone();
    for column in phi.chunks_exact_mut(block.count) {
        column
            .iter_mut()
            .zip(factor)
            .for_each(|(phi, factor)| *phi *= factor);
    }
    phi
}

/// Adds `A^T A` of a matrix with `rows` rows.
fn add_gram(a: &[f64], rows: usize, sums: &mut [f64]) {
    let columns = a.len() / rows;
    f64::gemm_add(
        1.0,
        Factor::new(a, rows, columns).t(),
        Factor::new(a, rows, columns),
        sums,
    );
}

fn roots(block: &Block) -> Vec<f64> {
    block.weights.iter().map(|w| w.sqrt()).collect()
}

/// `Phi(t, t)` and `G(t, t)` at the chosen times.
pub(super) struct EqualTime {
    pub(super) times: usize,
    pub(super) samples: usize,
}

impl Observer for EqualTime {
    type Keep = ();

    fn size(&self) -> usize {
        2 * self.times * self.samples * self.samples
    }

    fn at(&self, index: usize, block: &Block, _: bool, _: &mut (), sums: &mut [f64]) {
        let size = self.samples * self.samples;
        let (feature, gradient) = sums.split_at_mut(self.times * size);
        let roots = roots(block);
        let place = index * size..(index + 1) * size;
        add_gram(
            &features(block, &roots),
            block.count,
            &mut feature[place.clone()],
        );
        add_gram(&gradients(block, &roots), block.count, &mut gradient[place]);
    }
}

/// `Phi(t, s)` and `G(t, s)` for all pairs of the chosen times.
pub(super) struct TwoTime {
    pub(super) times: usize,
    pub(super) samples: usize,
}

impl Observer for TwoTime {
    type Keep = (usize, Vec<f64>, Vec<f64>);

    fn size(&self) -> usize {
        2 * (self.times * self.samples).pow(2)
    }

    fn at(&self, _: usize, block: &Block, _: bool, keep: &mut Self::Keep, _: &mut [f64]) {
        let roots = roots(block);
        keep.0 = block.count;
        keep.1.extend(features(block, &roots));
        keep.2.extend(gradients(block, &roots));
    }

    fn after(&self, (rows, feature, gradient): Self::Keep, sums: &mut [f64]) {
        let (first, second) = sums.split_at_mut((self.times * self.samples).pow(2));
        add_gram(&feature, rows, first);
        add_gram(&gradient, rows, second);
    }
}

/// Calls `see` with every value of a variable (sample number, or the number of samples for `z`) and its weight.
fn values(dynamics: &Dynamics, block: &Block, folded: bool, mut see: impl FnMut(usize, f64, f64)) {
    let mut all = vec![0.0; block.count * dynamics.frame.samples];
    block.preactivations(dynamics, &mut all);
    all.extend_from_slice(block.readout());
    for (variable, column) in all.chunks_exact(block.count).enumerate() {
        for (&x, &weight) in column.iter().zip(&block.weights) {
            if folded {
                see(variable, x, 0.5 * weight);
                see(variable, -x, 0.5 * weight);
            } else {
                see(variable, x, weight);
            }
        }
    }
}

/// Shares of the neurons whose `h_mu` or `z` lies between two edges: all samples, then `z`, for every chosen time.
pub(super) struct Shares<'a> {
    pub(super) dynamics: &'a Dynamics,
    pub(super) times: usize,
    pub(super) edges: &'a [f64],
}

impl Observer for Shares<'_> {
    type Keep = ();

    fn size(&self) -> usize {
        self.times * (self.dynamics.frame.samples + 1) * (self.edges.len() - 1)
    }

    fn at(&self, index: usize, block: &Block, folded: bool, _: &mut (), sums: &mut [f64]) {
        let (variables, bins) = (self.dynamics.frame.samples + 1, self.edges.len() - 1);
        values(self.dynamics, block, folded, |variable, x, weight| {
            let above = self.edges.partition_point(|&edge| edge <= x);
            if (1..=bins).contains(&above) {
                sums[(index * variables + variable) * bins + above - 1] += weight;
            }
        });
    }
}

/// Moments `E x^k`, `k = 1 .. 4`, of every `h_mu` and of `z`, for every chosen time.
pub(super) struct Powers<'a> {
    pub(super) dynamics: &'a Dynamics,
    pub(super) times: usize,
}

/// Highest moment.
pub(super) const ORDERS: usize = 4;

impl Observer for Powers<'_> {
    type Keep = ();

    fn size(&self) -> usize {
        self.times * (self.dynamics.frame.samples + 1) * ORDERS
    }

    fn at(&self, index: usize, block: &Block, folded: bool, _: &mut (), sums: &mut [f64]) {
        let variables = self.dynamics.frame.samples + 1;
        values(self.dynamics, block, folded, |variable, x, weight| {
            let mut power = weight;
            for order in 0..ORDERS {
                power *= x;
                sums[(index * variables + variable) * ORDERS + order] += power;
            }
        });
    }
}
