//! The law of one neuron: weighted points of the prior, tilted by the data.

use crate::numerics::linalg::outer_gram;
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;

/// The partition function of one neuron at the tilt `t`, with its gradient.
#[derive(Debug, Clone)]
pub struct Tilted {
    /// `ln Z(t)`, 0 at `t = 0`.
    pub log_z: f64,
    /// `E_t h`, the gradient of `ln Z`.
    pub mean: DVector<f64>,
}

/// A prior over neurons and their features: evaluates `Z(t) = E_{p0} exp(t.h)`.
///
/// The features `h = a phi` of a neuron are its read-out weight times its responses to the `P` inputs (or its projections on
/// `P` functions). The read-out weight is normal and integrated out, `Z(t) = E_w exp((s_a^2/2) (t.phi(w))^2)`.
pub trait Neuron: Send + Sync {
    /// Number `P` of features.
    fn features(&self) -> usize;
    /// `ln Z(t)` and its gradient; `None` where `Z(t)` is infinite.
    fn tilted(&self, t: &DVector<f64>) -> Option<Tilted>;
    /// `Cov_t(h, h)`, the Hessian of `ln Z`, which is dearer by a factor `P`; `None` where `Z(t)` is infinite.
    fn covariance(&self, t: &DVector<f64>) -> Option<DMatrix<f64>>;
    /// `Q = s_a^2 E_t[phi phi^T]`, with which `E_t h = Q t`; `None` where `Z(t)` is infinite.
    fn kernel(&self, t: &DVector<f64>) -> Option<DMatrix<f64>>;
    /// Name of the way in which `Z` is evaluated, for reports.
    fn method(&self) -> String;
}

/// Whether a point of the sum is a neuron, or a direction over whose length the integral is taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Radius {
    /// Every point is a weight vector.
    Sampled,
    /// Every point is a unit vector `u` in `D` dimensions, for an activation with `phi(r z) = r phi(z)`, `r > 0`: the length
    /// `r` of the weight vector is integrated in closed form,
    /// `int r^{D-1} e^{-r^2/2} e^{(s_a^2/2) r^2 g^2} dr ~ (1 - s_a^2 g^2)^{-D/2}`, finite for `s_a^2 g^2 < 1`.
    Integrated(usize),
}

/// Weighted points of the prior of one neuron: the nodes of a quadrature, or a sample.
///
/// Points are in coordinates in which the prior is standard normal. With `g = t.phi`, `A = s_a^2 g^2` and the weights
/// `w = exp(L(A))`,
///
/// ```text
/// Z = sum_i p_i exp L(A_i),   E_t h = E_t[ a(A) g phi ],   Cov_t h = E_t[ b(A) phi phi^T ] - E_t h E_t h^T
/// points are neurons:    L = A/2,               a = s_a^2,            b = s_a^2 (1 + A)
/// points are directions: L = -(D/2) ln(1 - A),  a = D s_a^2/(1 - A),  b = a + D (D+2) s_a^2 A/(1 - A)^2
/// ```
///
/// and `Q = s_a^2 E_t[phi phi^T] = E_t[ a(A) phi phi^T ]` in both. Sums run over fixed blocks in order, so that they have the
/// same bits for every number of threads.
#[derive(Debug, Clone)]
pub struct Neurons {
    /// `D x M`: coordinates of the points.
    pub points: DMatrix<f64>,
    /// `ln p_i`, normalised to `sum p_i = 1`.
    pub log_weights: Vec<f64>,
    /// `P x M`: features `phi` of the points.
    pub features: DMatrix<f64>,
    /// `s_a^2`, the variance of the read-out weight.
    pub readout_variance: f64,
    /// Neurons, or directions.
    pub radius: Radius,
    /// How the points were chosen.
    pub method: String,
}

/// Points that are summed before their sums are added.
const BLOCK: usize = 4096;

/// A point's part in the tilted law.
struct Part {
    log: f64,
    mean: f64,
    second: f64,
}

impl Neurons {
    fn part(&self, g: f64) -> Option<Part> {
        let s = self.readout_variance;
        let a = s * g * g;
        match self.radius {
            Radius::Sampled => Some(Part {
                log: 0.5 * a,
                mean: s,
                second: s * (1.0 + a),
            }),
            Radius::Integrated(_) if a >= 1.0 => None,
            Radius::Integrated(dimension) => {
                let (d, left) = (dimension as f64, 1.0 - a);
                Some(Part {
                    log: -0.5 * d * left.ln(),
                    mean: d * s / left,
                    second: d * s / left + d * (d + 2.0) * s * a / (left * left),
                })
            }
        }
    }

    /// `t.phi` of every point.
    fn fields(&self, t: &DVector<f64>) -> Vec<f64> {
        self.features.column_iter().map(|phi| phi.dot(t)).collect()
    }

    /// `(ln Z, probabilities)`; `None` where `Z` is infinite.
    fn probabilities(&self, fields: &[f64]) -> Option<(f64, Vec<f64>)> {
        let logs = fields.iter().zip(&self.log_weights);
        let logs: Option<Vec<f64>> = logs
            .map(|(&g, weight)| Some(self.part(g)?.log + weight))
            .collect();
        let logs = logs?;
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if !top.is_finite() {
            return None;
        }
        let mut weights: Vec<f64> = logs.iter().map(|l| (l - top).exp()).collect();
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= total);
        Some((top + total.ln(), weights))
    }

    /// The tilted law as probabilities of the points, with what is needed for averages.
    ///
    /// `None` where `Z(t)` is infinite.
    pub fn law(&self, t: &DVector<f64>) -> Option<Law<'_>> {
        let fields = self.fields(t);
        let (_, probabilities) = self.probabilities(&fields)?;
        let second = fields
            .iter()
            .map(|&g| Some(self.part(g)?.mean))
            .collect::<Option<Vec<f64>>>()?;
        Some(Law {
            neurons: self,
            fields,
            probabilities,
            second,
        })
    }

    fn blocks(&self) -> Vec<std::ops::Range<usize>> {
        let n = self.log_weights.len();
        (0..n)
            .step_by(BLOCK)
            .map(|start| start..n.min(start + BLOCK))
            .collect()
    }

    /// `sum_i c_i phi_i phi_i^T` for weights `c_i >= 0`.
    fn weighted_gram(&self, c: &[f64]) -> DMatrix<f64> {
        let of_block = |range: std::ops::Range<usize>| {
            let mut scaled = self.features.columns(range.start, range.len()).into_owned();
            for (mut column, c) in scaled.column_iter_mut().zip(&c[range]) {
                column *= c.sqrt();
            }
            outer_gram(&scaled)
        };
        let blocks: Vec<DMatrix<f64>> = self.blocks().into_par_iter().map(of_block).collect();
        let p = self.features.nrows();
        blocks
            .into_iter()
            .fold(DMatrix::zeros(p, p), |sum, b| sum + b)
    }
}

impl Neuron for Neurons {
    fn features(&self) -> usize {
        self.features.nrows()
    }

    fn tilted(&self, t: &DVector<f64>) -> Option<Tilted> {
        let fields = self.fields(t);
        let (log_z, probabilities) = self.probabilities(&fields)?;
        let mut mean = DVector::zeros(t.len());
        let points = fields.iter().zip(&probabilities);
        for ((&g, &p), phi) in points.zip(self.features.column_iter()) {
            mean.axpy(p * self.part(g)?.mean * g, &phi, 1.0);
        }
        Some(Tilted { log_z, mean })
    }

    fn covariance(&self, t: &DVector<f64>) -> Option<DMatrix<f64>> {
        let fields = self.fields(t);
        let (_, probabilities) = self.probabilities(&fields)?;
        let mut mean = DVector::zeros(t.len());
        let mut second = Vec::with_capacity(fields.len());
        let points = fields.iter().zip(&probabilities);
        for ((&g, &p), phi) in points.zip(self.features.column_iter()) {
            let part = self.part(g)?;
            mean.axpy(p * part.mean * g, &phi, 1.0);
            second.push(p * part.second);
        }
        Some(self.weighted_gram(&second) - &mean * mean.transpose())
    }

    fn kernel(&self, t: &DVector<f64>) -> Option<DMatrix<f64>> {
        Some(self.law(t)?.kernel())
    }

    fn method(&self) -> String {
        self.method.clone()
    }
}

/// The tilted law of one neuron as probabilities of the points.
#[derive(Debug, Clone)]
pub struct Law<'a> {
    neurons: &'a Neurons,
    fields: Vec<f64>,
    /// Probabilities of the points.
    pub probabilities: Vec<f64>,
    /// `a(A)`: `s_a^2`, or the mean of `s_a^2 r^2` over the lengths of a direction.
    second: Vec<f64>,
}

impl Law<'_> {
    /// `E_t[h(x)] = s_a^2 E_t[phi(x) t.phi]` for features at other inputs, `inputs x M`: the mean output of the network.
    pub fn predict(&self, features: &DMatrix<f64>) -> DVector<f64> {
        let mut sum = DVector::zeros(features.nrows());
        for (i, phi) in features.column_iter().enumerate() {
            let weight = self.probabilities[i] * self.second[i] * self.fields[i];
            sum.axpy(weight, &phi, 1.0);
        }
        sum
    }

    /// `Q = s_a^2 E_t[phi phi^T]`, `P x P`: the kernel of the adapted network.
    pub fn kernel(&self) -> DMatrix<f64> {
        let c = self.probabilities.iter().zip(&self.second);
        let c: Vec<f64> = c.map(|(p, s)| p * s).collect();
        self.neurons.weighted_gram(&c)
    }

    /// `E_t[v v^T]` of the weight vectors in the coordinates of the points.
    pub fn weight_moments(&self) -> DMatrix<f64> {
        let d = self.neurons.points.nrows();
        let mut sum = DMatrix::zeros(d, d);
        for (i, v) in self.neurons.points.column_iter().enumerate() {
            let weight = self.probabilities[i] * self.second[i] / self.neurons.readout_variance;
            sum.ger(weight, &v, &v, 1.0);
        }
        sum
    }

    /// `E_t[a^2]` of the read-out weight, `s_a^2 E_t[1 + A]` where points are neurons, with the mean of `r^2` where they are
    /// directions.
    pub fn readout_moment(&self) -> f64 {
        let s = self.neurons.readout_variance;
        let points = self.probabilities.iter().zip(&self.fields);
        points
            .zip(&self.second)
            .map(|((p, g), second)| p * (s + s * second * g * g))
            .sum()
    }

    /// `E_t[v_1^2]` and `E_t[v_1^4]` of the first coordinate of the weights.
    pub fn axis_moments(&self) -> [f64; 2] {
        let mut sums = [0.0; 2];
        let s = self.neurons.readout_variance;
        for (i, v) in self.neurons.points.row(0).iter().enumerate() {
            let square = self.second[i] / s;
            // E r^2 = D/(1 - A) and E r^4 = D (D+2)/(1 - A)^2 of the length of a direction.
            let fourth = match self.neurons.radius {
                Radius::Sampled => 1.0,
                Radius::Integrated(d) => square * square * (d as f64 + 2.0) / d as f64,
            };
            sums[0] += self.probabilities[i] * square * v * v;
            sums[1] += self.probabilities[i] * fourth * v.powi(4);
        }
        sums
    }

    /// First coordinates and probabilities of the points.
    pub fn axis(&self) -> Vec<(f64, f64)> {
        let first = self.neurons.points.row(0);
        first
            .iter()
            .copied()
            .zip(self.probabilities.iter().copied())
            .collect()
    }

    /// `1 - A` of every point.
    pub fn left(&self) -> impl Iterator<Item = f64> {
        let s = self.neurons.readout_variance;
        self.fields.iter().map(move |g| 1.0 - s * g * g)
    }

    /// Effective number of points, `1/sum p_i^2` over that of the prior, times their number.
    pub fn effective(&self) -> f64 {
        1.0 / self.probabilities.iter().map(|p| p * p).sum::<f64>()
    }
}
