//! The recursion over layers on tiles of pairs, and one by one on pairs that are nearly parallel.

use super::activation::Activation;
use super::angle::Angle;
use super::dual::with_pair;
use super::gram::{COLUMNS, norms};
use super::hermite::Series;
use super::mixture::Mixture;
use super::network::{Network, Own};
use super::pair::{Factors, Pair};
use crate::error::Result;
use crate::numerics::simd::{PairMap, update_pair};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Pairs whose squared correlation before the first layer is above this are computed one by one, from the difference of
/// the samples: their inner product knows the angle only to `1e-16` over the angle.
const CLOSE: f64 = 0.999;

/// One layer of one side: what its samples contribute to the dual activation, as arrays.
#[derive(Default)]
struct Layer {
    factors: [Vec<f64>; 2],
    series: Vec<Series>,
    mixtures: Vec<Mixture>,
    /// Square roots of the variances, for mixtures.
    roots: Vec<f64>,
}

/// What a network needs to know of every sample, layer by layer.
pub(super) struct Layered<'a> {
    network: &'a Network,
    x: &'a DMatrix<f64>,
    own: Vec<Own>,
    layers: Vec<Layer>,
}

impl<'a> Layered<'a> {
    pub fn new(network: &'a Network, x: &'a DMatrix<f64>) -> Result<Self> {
        let phi = &network.nonlinearity;
        // The first sample at fault is named, whatever the number of threads.
        let own: Vec<Result<Own>> = norms(x)
            .into_par_iter()
            .map(|norm| network.own(norm))
            .collect();
        let own = own.into_iter().collect::<Result<Vec<_>>>()?;
        let mut layers: Vec<Layer> = (0..network.depth).map(|_| Layer::default()).collect();
        for (l, layer) in layers.iter_mut().enumerate() {
            let at_layer = own.iter().map(|own| own.variances[l]);
            with_pair!(phi, pair => {
                for q in at_layer {
                    let factors = pair.factors(q);
                    layer.factors[0].push(factors[0]);
                    layer.factors[1].push(factors[1]);
                }
            }, tanh => {
                layer.roots = at_layer.clone().map(f64::sqrt).collect();
                layer.mixtures = at_layer.map(Mixture::new).collect();
            }, series => {
                layer.series = at_layer.map(|q| Series::new(phi, q)).collect();
            });
        }
        Ok(Layered {
            network,
            x,
            own,
            layers,
        })
    }

    /// `K(x, x)` and `Theta(x, x)` of sample `j` after the last layer.
    pub fn end(&self, j: usize) -> (f64, f64) {
        let (own, depth) = (&self.own[j], self.network.depth);
        (own.variances[depth], own.tangents[depth])
    }

    /// From a tile of `x.y/d` to the kernels after the last layer; both are advanced, which costs a few percent when
    /// only one is wanted.
    pub fn recurse(&self, columns: &Layered, i: usize, j: usize, k: &mut [f64], theta: &mut [f64]) {
        let network = self.network;
        let (s_w2, s_b2) = network.variances(0);
        for k in k.iter_mut() {
            *k = s_w2 * *k + s_b2;
        }
        theta.copy_from_slice(k);
        let width = columns.own.len().saturating_sub(j).min(COLUMNS);
        let n = k.len() / width.max(1);
        let close = self.close(columns, i, j, n, k);
        for (l, (mine, theirs)) in self.layers.iter().zip(&columns.layers).enumerate() {
            let (s_w2, s_b2) = network.variances(l + 1);
            for column in 0..width {
                let range = column * n..(column + 1) * n;
                let k = &mut k[range.clone()];
                let theta = &mut theta[range];
                with_pair!(network.nonlinearity, pair => {
                    let x = &mine.factors[0][i..i + n];
                    let y = &mine.factors[1][i..i + n];
                    let other = [theirs.factors[0][j + column], theirs.factors[1][j + column]];
                    update_pair(k, theta, x, y, &Step { pair, other, s_w2, s_b2 });
                }, tanh => {
                    let other = (&theirs.mixtures[j + column], theirs.roots[j + column]);
                    let rows = (&mine.mixtures[i..i + n], &mine.roots[i..i + n]);
                    Mixture::layer((k, theta), rows, other, (s_w2, s_b2));
                }, series => {
                    let other = &theirs.series[j + column];
                    for (row, k) in k.iter_mut().enumerate() {
                        let (value, slope) = mine.series[i + row].value_and_slope(*k, other);
                        *k = s_w2 * value + s_b2;
                        theta[row] = *k + s_w2 * slope * theta[row];
                    }
                });
            }
        }
        for (at, values) in close {
            (k[at], theta[at]) = values;
        }
    }

    /// Kernels after the last layer of the pairs of a tile that are nearly parallel or antiparallel in front of the
    /// first one, with their places in the tile.
    fn close(
        &self,
        columns: &Layered,
        i: usize,
        j: usize,
        n: usize,
        k: &[f64],
    ) -> Vec<(usize, (f64, f64))> {
        let mut found = Vec::new();
        if self.network.depth == 0 {
            return found;
        }
        for (column, k) in k.chunks(n.max(1)).enumerate() {
            let y = &columns.own[j + column];
            let rows = self.own[i..i + n].iter().zip(k).enumerate();
            for (row, (x, k)) in rows {
                if (k / x.variances[0]) * (k / y.variances[0]) < CLOSE {
                    continue;
                }
                let samples = (self.x.column(i + row), columns.x.column(j + column));
                let (a, b) = (samples.0.as_slice(), samples.1.as_slice());
                let inputs = Angle::between(a, b, [x.norm, y.norm]);
                found.push((column * n + row, self.network.pair(x, y, inputs)));
            }
        }
        found
    }
}

/// One layer on one column of a tile: `(K, Theta)` of the layer to those of the next one.
struct Step<P> {
    pair: P,
    /// Factors of the sample of the column.
    other: Factors,
    s_w2: f64,
    s_b2: f64,
}

impl<P: Pair> PairMap<f64> for Step<P> {
    #[inline(always)]
    fn next(&self, c: f64, theta: f64, x: f64, y: f64) -> (f64, f64) {
        let (value, slope) = self.pair.value_and_slope(c, [x, y], self.other);
        let next = self.s_w2 * value + self.s_b2;
        (next, next + self.s_w2 * slope * theta)
    }
}

/// Bytes per sample that the recursion keeps beside the matrices.
pub(super) fn bytes_per_sample(network: &Network) -> u64 {
    let of_layer = match &network.nonlinearity {
        Activation::Hermite(c) => 16 * c.len() as u64 + 56,
        Activation::Tanh => std::mem::size_of::<Mixture>() as u64 + 8,
        _ => 16,
    };
    (24 + of_layer) * (network.depth as u64 + 1) + std::mem::size_of::<Own>() as u64
}
