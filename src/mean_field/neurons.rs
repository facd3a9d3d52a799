//! The law of one neuron: weighted points of the prior, tilted by the data.

use crate::numerics::elementary::exp;
use crate::numerics::linalg::outer_gram;
use nalgebra::{DMatrix, DVector, DVectorView};
use rayon::prelude::*;
use std::ops::Range;

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
    /// `M x P`: features `phi` of the points, the points of one feature side by side.
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

/// Features up to which their Gram matrix is summed row by row.
const FEW: usize = 32;

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
        let blocks = self.blocks();
        let fields: Vec<Vec<f64>> = blocks
            .into_par_iter()
            .map(|b| self.fields_of(t, b))
            .collect();
        fields.concat()
    }

    fn fields_of(&self, t: &DVector<f64>, range: Range<usize>) -> Vec<f64> {
        let mut fields = vec![0.0; range.len()];
        for (phi, t) in self.rows(&range).zip(t.iter()) {
            fields
                .iter_mut()
                .zip(phi)
                .for_each(|(g, phi)| *g += t * phi);
        }
        fields
    }

    /// The points of a block, feature by feature.
    fn rows(&self, range: &Range<usize>) -> impl Iterator<Item = &[f64]> {
        let points = self.log_weights.len().max(1);
        let features = self.features.as_slice().chunks(points);
        features.map({
            let range = range.clone();
            move |phi| &phi[range.clone()]
        })
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

    fn blocks(&self) -> Vec<Range<usize>> {
        let n = self.log_weights.len();
        (0..n)
            .step_by(BLOCK)
            .map(|start| start..n.min(start + BLOCK))
            .collect()
    }

    /// `ln Z`, `E_t h`, and `E_t[b phi phi^T]` where `second` is set, from one look at the points.
    fn sums(&self, t: &DVector<f64>, second: bool) -> Option<Sums> {
        let blocks = self.blocks();
        let blocks = blocks.into_par_iter().map(|b| self.sums_of(t, b, second));
        let blocks: Option<Vec<Sums>> = blocks.collect::<Vec<_>>().into_iter().collect();
        let blocks = blocks?;
        let top = blocks
            .iter()
            .map(|b| b.top)
            .fold(f64::NEG_INFINITY, f64::max);
        if !top.is_finite() {
            return None;
        }
        let p = self.features.ncols();
        let mut all = Sums {
            top,
            total: 0.0,
            mean: DVector::zeros(p),
            second: second.then(|| DMatrix::zeros(p, p)),
        };
        for block in blocks {
            let share = (block.top - top).exp();
            all.total += share * block.total;
            all.mean.axpy(share, &block.mean, 1.0);
            if let (Some(sum), Some(of_block)) = (&mut all.second, block.second) {
                *sum += of_block * share;
            }
        }
        all.mean /= all.total;
        all.second = all.second.map(|sum| sum / all.total);
        Some(all)
    }

    fn sums_of(&self, t: &DVector<f64>, range: Range<usize>, second: bool) -> Option<Sums> {
        let fields = self.fields_of(t, range.clone());
        let parts = fields.iter().map(|&g| self.part(g));
        let parts: Vec<Part> = parts.collect::<Option<_>>()?;
        let logs = parts.iter().zip(&self.log_weights[range.clone()]);
        let logs: Vec<f64> = logs.map(|(part, weight)| part.log + weight).collect();
        let top = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weights: Vec<f64> = logs.iter().map(|log| exp(log - top)).collect();
        let with = |f: &dyn Fn(&Part, f64) -> f64| -> Vec<f64> {
            let points = weights.iter().zip(parts.iter().zip(&fields));
            points.map(|(w, (part, &g))| w * f(part, g)).collect()
        };
        let pull = with(&|part, g| part.mean * g);
        let mean: Vec<f64> = self.rows(&range).map(|phi| dot(phi, &pull)).collect();
        Some(Sums {
            top,
            total: weights.iter().sum(),
            mean: DVector::from_vec(mean),
            second: second.then(|| self.gram_of(&range, &with(&|part, _| part.second))),
        })
    }

    /// `sum_i c_i phi_i phi_i^T` over the points of a block.
    fn gram_of(&self, range: &Range<usize>, c: &[f64]) -> DMatrix<f64> {
        let p = self.features.ncols();
        if p > FEW {
            let mut scaled = self.features.rows(range.start, range.len()).into_owned();
            for mut phi in scaled.column_iter_mut() {
                phi.iter_mut().zip(c).for_each(|(phi, c)| *phi *= c.sqrt());
            }
            return outer_gram(&scaled.transpose());
        }
        let rows: Vec<&[f64]> = self.rows(range).collect();
        let mut gram = DMatrix::zeros(p, p);
        let mut weighted = vec![0.0; c.len()];
        for i in 0..p {
            let pairs = rows[i].iter().zip(c);
            weighted
                .iter_mut()
                .zip(pairs)
                .for_each(|(w, (phi, c))| *w = phi * c);
            for j in i..p {
                let sum = dot(&weighted, rows[j]);
                gram[(i, j)] = sum;
                gram[(j, i)] = sum;
            }
        }
        gram
    }

    /// `sum_i c_i phi_i phi_i^T` for weights `c_i >= 0`.
    fn weighted_gram(&self, c: &[f64]) -> DMatrix<f64> {
        let blocks = self.blocks();
        let blocks = blocks
            .into_par_iter()
            .map(|b| self.gram_of(&b, &c[b.clone()]));
        let p = self.features.ncols();
        let blocks: Vec<DMatrix<f64>> = blocks.collect();
        blocks
            .into_iter()
            .fold(DMatrix::zeros(p, p), |sum, b| sum + b)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    DVectorView::from_slice(a, a.len()).dot(&DVectorView::from_slice(b, b.len()))
}

/// Sums over the points of the tilted prior, each over `exp(top)`; means once they are divided by `total`.
struct Sums {
    top: f64,
    total: f64,
    mean: DVector<f64>,
    second: Option<DMatrix<f64>>,
}

impl Neuron for Neurons {
    fn features(&self) -> usize {
        self.features.ncols()
    }

    fn tilted(&self, t: &DVector<f64>) -> Option<Tilted> {
        let sums = self.sums(t, false)?;
        Some(Tilted {
            log_z: sums.top + sums.total.ln(),
            mean: sums.mean,
        })
    }

    fn covariance(&self, t: &DVector<f64>) -> Option<DMatrix<f64>> {
        let sums = self.sums(t, true)?;
        Some(sums.second? - &sums.mean * sums.mean.transpose())
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
    /// `E_t[h(x)] = s_a^2 E_t[phi(x) t.phi]` for features at other inputs, `M x inputs`: the mean output of the network.
    pub fn predict(&self, features: &DMatrix<f64>) -> DVector<f64> {
        let points = self
            .probabilities
            .iter()
            .zip(&self.second)
            .zip(&self.fields);
        let weights: Vec<f64> = points.map(|((p, second), g)| p * second * g).collect();
        let inputs = features.column_iter();
        DVector::from_iterator(
            features.ncols(),
            inputs.map(|phi| dot(phi.as_slice(), &weights)),
        )
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
