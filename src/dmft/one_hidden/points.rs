//! Points of the initial law of one neuron, and of the noise that it meets: nodes of a quadrature, or samples.

use super::hermite::gauss_hermite;
use super::sobol::{DIMENSIONS, Scrambled};
use crate::error::Result;
use crate::numerics::normal;
use crate::numerics::random::stream;
use statrs::distribution::{ContinuousCDF, Normal};

/// Neurons that are moved together; sums over blocks are taken in order.
pub(super) const BLOCK: usize = 256;

/// Weighted points `(a, z)` of the standard normal law in `rank + 1` dimensions, made block by block.
pub(super) struct Source {
    rank: usize,
    /// Signs of `a` and of `z` with which every point appears.
    images: &'static [(f64, f64)],
    /// Points before images.
    count: usize,
    /// Whether a point also stands for its mirror image `(-a, -z)`.
    pub(super) folded: bool,
    kind: Kind,
}

enum Kind {
    Tensor {
        nodes: Vec<f64>,
        weights: Vec<f64>,
    },
    Sequence {
        scrambled: Scrambled,
        seed: u64,
        repeat: u64,
    },
    Random {
        seed: u64,
        repeat: u64,
    },
}

/// Signs `(a, z)` of the images of a point.
const SINGLE: [(f64, f64); 1] = [(1.0, 1.0)];
const PAIR: [(f64, f64); 2] = [(1.0, 1.0), (1.0, -1.0)];
const FOUR: [(f64, f64); 4] = [(1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)];

impl Source {
    /// The product rule with `nodes` nodes on every axis; of an `odd` activation, half of them stand for all.
    pub(super) fn tensor(rank: usize, nodes: usize, odd: bool) -> Result<Source> {
        let (axis, weights) = gauss_hermite(nodes)?;
        // Indices run through z slowest: the second half has z >= 0.
        let all = nodes.pow(rank as u32 + 1);
        Ok(Source {
            rank,
            images: &SINGLE,
            count: if odd { all.div_ceil(2) } else { all },
            folded: odd,
            kind: Kind::Tensor {
                nodes: axis,
                weights,
            },
        })
    }

    /// Scrambling number `repeat` of Sobol's sequence, `count` points, each with both signs of `z`. Coordinates are
    /// those of the start, then those of the noise of each of `noisy` steps; beyond the dimensions of the sequence
    /// they are independent.
    pub(super) fn sequence(
        rank: usize,
        count: usize,
        noisy: usize,
        seed: u64,
        repeat: usize,
    ) -> Source {
        let scrambled = Scrambled::new((rank + 1) * (noisy + 1), seed, repeat);
        Source {
            rank,
            images: &PAIR,
            count,
            folded: false,
            kind: Kind::Sequence {
                scrambled,
                seed,
                repeat: repeat as u64,
            },
        }
    }

    /// `count` independent points, each with both signs of `z` and, where `(-a, -z)` is not equivalent to it already,
    /// of `a`.
    pub(super) fn random(rank: usize, count: usize, odd: bool, seed: u64, repeat: usize) -> Source {
        Source {
            rank,
            images: if odd { &PAIR } else { &FOUR },
            count,
            folded: false,
            kind: Kind::Random {
                seed,
                repeat: repeat as u64,
            },
        }
    }

    /// Points with their images.
    pub(super) fn neurons(&self) -> usize {
        self.count * self.images.len()
    }

    /// Number of blocks.
    pub(super) fn blocks(&self) -> usize {
        self.count.div_ceil(self.per_block())
    }

    /// Coordinates of the scrambled sequence among those of a neuron's start and noise.
    pub(super) fn sequence_dimensions() -> usize {
        DIMENSIONS
    }

    fn per_block(&self) -> usize {
        BLOCK / self.images.len()
    }

    fn range(&self, block: usize) -> (usize, usize) {
        let first = block * self.per_block();
        (first, self.per_block().min(self.count - first))
    }

    /// Standard normal coordinates of the neurons of a block, `a` and then `z`, each a column of neurons; and their
    /// weights.
    pub(super) fn start(&self, block: usize) -> (Vec<f64>, Vec<f64>) {
        let (first, count) = self.range(block);
        let axes = self.rank + 1;
        let mut own = vec![0.0; count * axes];
        let mut weights = vec![1.0 / self.neurons() as f64; count * self.images.len()];
        match &self.kind {
            Kind::Tensor {
                nodes,
                weights: axis,
            } => {
                let all = nodes.len().pow(axes as u32);
                for point in 0..count {
                    // Of a folded rule the upper half; its first point is the origin if the number of nodes is odd.
                    let flat = all - self.count + first + point;
                    let mut rest = flat;
                    let mut weight = if self.folded && 2 * flat + 1 != all {
                        2.0
                    } else {
                        1.0
                    };
                    for column in 0..axes {
                        let k = rest % nodes.len();
                        rest /= nodes.len();
                        own[column * count + point] = nodes[k];
                        weight *= axis[k];
                    }
                    weights[point] = weight;
                }
            }
            Kind::Sequence { scrambled, .. } => {
                for (axis, column) in own.chunks_mut(count).enumerate() {
                    // The first coordinate is that of z, of which the sequence runs through the positive half.
                    let dimension = (axis + 1) % axes;
                    if dimension < scrambled.dimensions() {
                        scrambled.fill(dimension, first, column);
                    }
                    let half = dimension == 0;
                    quantiles(column, |u| if half { 0.5 + 0.5 * u } else { u });
                }
            }
            Kind::Random { seed, repeat } => {
                let key = [*repeat, block as u64];
                normal::fill(&mut stream(*seed, "dmft.one_hidden.start", &key), &mut own);
            }
        }
        (self.with_images(&own, count), weights)
    }

    /// Standard normal noise of step number `step` for the neurons of a block, laid out as the start.
    pub(super) fn noise(&self, block: usize, step: usize) -> Vec<f64> {
        let (first, count) = self.range(block);
        let axes = self.rank + 1;
        let mut own = vec![0.0; count * axes];
        let (seed, repeat) = match &self.kind {
            Kind::Sequence { seed, repeat, .. } | Kind::Random { seed, repeat } => (*seed, *repeat),
            // A quadrature of the start has no points for the noise; it is refused before.
            Kind::Tensor { .. } => return self.with_images(&own, count),
        };
        let mut rng = stream(
            seed,
            "dmft.one_hidden.noise",
            &[repeat, block as u64, step as u64],
        );
        for (axis, column) in own.chunks_mut(count).enumerate() {
            let dimension = axes * (step + 1) + (axis + 1) % axes;
            match &self.kind {
                Kind::Sequence { scrambled, .. } if dimension < scrambled.dimensions() => {
                    scrambled.fill(dimension, first, column);
                    quantiles(column, |u| u);
                }
                _ => normal::fill(&mut rng, column),
            }
        }
        self.with_images(&own, count)
    }

    fn with_images(&self, own: &[f64], count: usize) -> Vec<f64> {
        let mut all = Vec::with_capacity(own.len() * self.images.len());
        for (axis, column) in own.chunks(count).enumerate() {
            for image in self.images {
                let sign = if axis == self.rank { image.1 } else { image.0 };
                all.extend(column.iter().map(|x| sign * x));
            }
        }
        all
    }
}

/// Replaces uniform numbers by those of the standard normal law.
fn quantiles(column: &mut [f64], map: impl Fn(f64) -> f64) {
    let law = Normal::standard();
    column
        .iter_mut()
        .for_each(|u| *u = law.inverse_cdf(map(*u)));
}
