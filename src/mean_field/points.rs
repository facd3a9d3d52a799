//! Points of the prior of one neuron: nodes of quadratures in few dimensions, and samples in many.

use super::neurons::{Neurons, Radius};
use super::two_layer::TwoLayer;
use crate::kernel::Activation;
use crate::numerics::quadrature::KRONROD_NODES;
use crate::numerics::random::{Stream, normal_matrix};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use std::f64::consts::TAU;

/// The subspace that the inputs span, with an orthonormal basis in which the weights of a neuron are standard normal.
///
/// `w = (s_w/sqrt d) (B v + rest)`, `v ~ N(0, 1_D)`: pre-activations are `w.x = v.c` with `c = (s_w/sqrt d) B^T x`, and the rest of
/// the weight vector keeps its prior.
#[derive(Debug, Clone)]
pub struct Frame {
    /// `d x D`
    pub basis: DMatrix<f64>,
    /// `s_w/sqrt d`
    pub scale: f64,
}

/// Dimensions up to which sums over a grid are taken.
pub const MOST_DIMENSIONS: usize = 3;

impl Frame {
    /// The span of these inputs, columns of `x`; its first axis is `direction` where one is given.
    ///
    /// Where it has more than three dimensions the whole space is taken.
    pub fn of(network: &TwoLayer, x: &DMatrix<f64>, direction: Option<&DVector<f64>>) -> Frame {
        let d = x.nrows();
        let scale = (network.weight_variance / d as f64).sqrt();
        let mut rest = x.clone();
        let mut basis: Vec<DVector<f64>> = Vec::new();
        let remove = |rest: &mut DMatrix<f64>, u: &DVector<f64>| {
            for mut column in rest.column_iter_mut() {
                let along = column.dot(u);
                column.axpy(-along, u, 1.0);
            }
        };
        if let Some(direction) = direction.filter(|u| u.norm() > 0.0) {
            let u = direction / direction.norm();
            remove(&mut rest, &u);
            basis.push(u);
        }
        let size = x.column_iter().map(|c| c.norm()).fold(0.0, f64::max);
        while let Some(longest) = rest
            .column_iter()
            .max_by(|a, b| a.norm().total_cmp(&b.norm()))
        {
            if longest.norm() <= 1e-10 * size || basis.len() == d {
                break;
            }
            if basis.len() == MOST_DIMENSIONS {
                let basis = whole_space(d, direction);
                return Frame { basis, scale };
            }
            let u = longest / longest.norm();
            remove(&mut rest, &u);
            basis.push(u);
        }
        let basis = match basis.is_empty() {
            true => DMatrix::zeros(d, 0),
            false => DMatrix::from_columns(&basis),
        };
        Frame { basis, scale }
    }

    /// `D`
    pub fn dimension(&self) -> usize {
        self.basis.ncols()
    }

    /// `c = (s_w/sqrt d) B^T x`, `D x samples`.
    pub fn coordinates(&self, x: &DMatrix<f64>) -> DMatrix<f64> {
        self.basis.tr_mul(x) * self.scale
    }

    /// `E[w w^T]` of a neuron from `E[v v^T]`.
    pub fn covariance(&self, moments: &DMatrix<f64>) -> DMatrix<f64> {
        let d = self.basis.nrows();
        let excess = moments - DMatrix::identity(moments.nrows(), moments.nrows());
        let inside = &self.basis * excess * self.basis.transpose();
        (DMatrix::identity(d, d) + inside) * self.scale.powi(2)
    }
}

/// An orthonormal basis of the whole space whose first vector is `direction`: the reflection that exchanges it with the first axis.
fn whole_space(d: usize, direction: Option<&DVector<f64>>) -> DMatrix<f64> {
    let identity = DMatrix::identity(d, d);
    let Some(u) = direction.filter(|u| u.norm() > 0.0) else {
        return identity;
    };
    let mut mirror = u / u.norm();
    mirror[0] -= 1.0;
    match mirror.norm_squared() {
        0.0 => identity,
        square => identity - &mirror * mirror.transpose() * (2.0 / square),
    }
}

/// Weighted points in a frame, before the data are looked at.
#[derive(Debug, Clone)]
pub struct Points {
    /// `D x M`
    pub at: DMatrix<f64>,
    /// `ln p_i`
    pub log_weights: Vec<f64>,
    /// Neurons, or directions.
    pub radius: Radius,
    /// Distance of neighbouring nodes of a grid.
    pub spacing: Option<f64>,
    /// How they were chosen.
    pub method: String,
}

/// True where `phi(-z) = -phi(z)` or `phi(-z) = phi(z)`: then `w` and `-w` have the same weight.
pub fn has_parity(phi: &Activation) -> bool {
    use Activation::*;
    match phi {
        Linear | Tanh | Erf | UnscaledErf | Quadratic => true,
        Hermite(c) => {
            let only = |parity: usize| c.iter().skip(1 - parity).step_by(2).all(|&c| c == 0.0);
            only(0) || only(1)
        }
        Relu | Gelu => false,
    }
}

impl Points {
    /// The uniform grid of `nodes^D` points with `|v_i| <= range`: for smooth integrands the sum converges faster than any power
    /// of the spacing. Of an activation that is odd or even, half of the points stand for all.
    pub fn grid(phi: &Activation, dimension: usize, nodes: usize, range: f64) -> Points {
        let step = 2.0 * range / (nodes - 1) as f64;
        let axis: Vec<f64> = (0..nodes).map(|k| -range + step * k as f64).collect();
        let half = has_parity(phi);
        let count = nodes.pow(dimension as u32);
        let (mut at, mut log_weights) = (Vec::new(), Vec::new());
        for index in 0..if half { count.div_ceil(2) } else { count } {
            let mut rest = index;
            let mut norm = 0.0;
            for _ in 0..dimension {
                let v = axis[rest % nodes];
                rest /= nodes;
                norm += v * v;
                at.push(v);
            }
            // The last of the first half is the origin, which is its own image.
            let image = if half && 2 * index + 1 != count {
                2f64.ln()
            } else {
                0.0
            };
            log_weights.push(image - 0.5 * norm);
        }
        let mut points = Points {
            at: DMatrix::from_vec(dimension, log_weights.len(), at),
            log_weights,
            radius: Radius::Sampled,
            spacing: Some(step),
            method: format!("trapezoid sum on {nodes}^{dimension} points, |v| <= {range}"),
        };
        points.normalise();
        points
    }

    /// Directions in one to three dimensions, for an activation with `phi(r z) = r phi(z)`.
    ///
    /// On the circle, Kronrod's rule with 21 nodes on `pieces` parts of every arc between the angles at which one of the inputs `c`
    /// (columns) is orthogonal: there the activation has its kink; above 256 arcs, equal angles. On the sphere, the product of that rule in the height and a
    /// uniform one in the angle.
    pub fn directions(c: &DMatrix<f64>, pieces: usize) -> Points {
        let dimension = c.nrows();
        let (mut at, mut weights) = (Vec::new(), Vec::new());
        match dimension {
            0 | 1 => {
                at.extend([1.0, -1.0].into_iter().take(2 * dimension));
                weights.extend([0.5; 2]);
                if dimension == 0 {
                    weights.truncate(1);
                }
            }
            2 => {
                let mut ends: Vec<f64> = c
                    .column_iter()
                    .flat_map(|c| [1.0, -1.0].map(|s| (s * c[0]).atan2(-s * c[1]).rem_euclid(TAU)))
                    .collect();
                ends.sort_by(f64::total_cmp);
                ends.dedup_by(|a, b| *a - *b < 1e-13);
                if ends.len() > MOST_ARCS {
                    ends = (0..MOST_ARCS * 4)
                        .map(|k| TAU * k as f64 / (MOST_ARCS * 4) as f64)
                        .collect();
                }
                let arcs = ends.len().max(1);
                let rule = if arcs > MOST_ARCS {
                    &MIDPOINT[..]
                } else {
                    &KRONROD_NODES[..]
                };
                for k in 0..arcs {
                    let from = ends.get(k).copied().unwrap_or(0.0);
                    let to = ends.get(k + 1).copied();
                    let to = to.unwrap_or_else(|| ends.first().copied().unwrap_or(0.0) + TAU);
                    for (angle, weight) in panels(rule, from, to, pieces) {
                        at.extend([angle.cos(), angle.sin()]);
                        weights.push(weight);
                    }
                }
            }
            _ => {
                let around = 42 * pieces;
                for (height, weight) in panels(&KRONROD_NODES, -1.0, 1.0, pieces) {
                    let side = (1.0 - height * height).sqrt();
                    for k in 0..around {
                        let angle = TAU * (k as f64 + 0.5) / around as f64;
                        at.extend([side * angle.cos(), side * angle.sin(), height]);
                        weights.push(weight);
                    }
                }
            }
        }
        let mut points = Points {
            at: DMatrix::from_vec(dimension, weights.len(), at),
            log_weights: weights.iter().map(|w: &f64| w.ln()).collect(),
            radius: Radius::Integrated(dimension),
            spacing: None,
            method: format!(
                "quadrature over {} directions, lengths in closed form",
                weights.len()
            ),
        };
        points.normalise();
        points
    }

    /// Neurons in place of directions: every direction with the two lengths that give the moments of `r^2 ~ chi^2_D` up to the third,
    /// so that products of up to six features are exact.
    pub fn with_lengths(self, dimension: usize) -> Points {
        let alpha = 0.5 * dimension as f64 - 1.0;
        // Nodes and weights of Gauss and Laguerre for u = r^2/2.
        let (middle, spread) = (alpha + 2.0, (alpha + 2.0).sqrt());
        let nodes = [middle - spread, middle + spread];
        let upper = (alpha + 1.0 - nodes[0]) / (nodes[1] - nodes[0]);
        let weights = [1.0 - upper, upper];
        let count = self.log_weights.len();
        Points {
            at: DMatrix::from_fn(self.at.nrows(), 2 * count, |i, k| {
                self.at[(i, k / 2)] * (2.0 * nodes[k % 2]).sqrt()
            }),
            log_weights: (0..2 * count)
                .map(|k| self.log_weights[k / 2] + weights[k % 2].ln())
                .collect(),
            radius: Radius::Sampled,
            spacing: None,
            method: self.method,
        }
    }

    /// `count` neurons drawn from the prior.
    pub fn sample(dimension: usize, count: usize, rng: &mut Stream) -> Points {
        Points {
            at: normal_matrix(rng, dimension, count),
            log_weights: vec![-(count as f64).ln(); count],
            radius: Radius::Sampled,
            spacing: None,
            method: format!("sample of {count} neurons of the prior"),
        }
    }

    fn normalise(&mut self) {
        let total: f64 = self.log_weights.iter().map(|l| l.exp()).sum();
        self.log_weights.iter_mut().for_each(|l| *l -= total.ln());
    }

    /// `phi(v.c)` at inputs with these coordinates, `M x inputs`.
    pub fn features(&self, phi: &Activation, c: &DMatrix<f64>) -> DMatrix<f64> {
        const BLOCK: usize = 16_384;
        let mut z = self.at.tr_mul(c);
        z.as_mut_slice().par_chunks_mut(BLOCK).for_each(|block| {
            let mut slope = vec![0.0; block.len()];
            phi.apply(block, &mut slope);
        });
        z
    }

    /// The prior of neurons with read-out variance `s_a^2` and their features at inputs with coordinates `c`.
    pub fn neurons(&self, phi: &Activation, c: &DMatrix<f64>, readout_variance: f64) -> Neurons {
        Neurons {
            features: self.features(phi, c),
            points: self.at.clone(),
            log_weights: self.log_weights.clone(),
            readout_variance,
            radius: self.radius,
            method: self.method.clone(),
        }
    }
}

/// Arcs between kinks up to which each has its own nodes; above, kinks are as many as nodes, and equal angles do as well.
const MOST_ARCS: usize = 256;
const MIDPOINT: [(f64, f64); 1] = [(0.0, 2.0)];

/// Nodes and weights of the composite rule on `[a, b]`.
fn panels(rule: &[(f64, f64)], a: f64, b: f64, pieces: usize) -> impl Iterator<Item = (f64, f64)> {
    let half = 0.5 * (b - a) / pieces as f64;
    (0..pieces).flat_map(move |k| {
        let middle = a + half * (2 * k + 1) as f64;
        rule.iter()
            .map(move |&(node, weight)| (middle + half * node, half * weight))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `E |v|^2 = D`, `E |v|^4 = D (D + 2)`, `E |v|^6 = D (D + 2) (D + 4)` of a standard normal vector, and `E v_i v_j = delta_ij`.
    #[test]
    fn directions_with_two_lengths_have_the_moments_of_normal_weights() {
        for dimension in 1..=3 {
            let c = DMatrix::from_fn(dimension, 2, |i, mu| 1.0 + (i + mu) as f64);
            let points = Points::directions(&c, 3).with_lengths(dimension);
            let weights: Vec<f64> = points.log_weights.iter().map(|l| l.exp()).collect();
            let mean = |f: &dyn Fn(nalgebra::DVectorView<f64>) -> f64| -> f64 {
                let points = points.at.column_iter().zip(&weights);
                points.map(|(v, w)| w * f(v.as_view())).sum()
            };
            let d = dimension as f64;
            let exact = [1.0, d, d * (d + 2.0), d * (d + 2.0) * (d + 4.0)];
            for (k, exact) in exact.into_iter().enumerate() {
                let found = mean(&|v| v.norm_squared().powi(k as i32));
                assert!(
                    (found - exact).abs() < 1e-10 * exact,
                    "{dimension} {k} {found}"
                );
            }
            assert!((mean(&|v| v[0] * v[0]) - 1.0).abs() < 1e-6);
            assert!(mean(&|v| v[0] * v[dimension - 1]).abs() < 1e-6 || dimension == 1);
        }
    }
}
