//! The answers of every solver in one form: rows of numbers, with what their scatter is.

use crate::dmft::deep::{self, Sampled};
use crate::dmft::linear;
use crate::dmft::one_hidden::{self, Estimate, Uncertainty};
use crate::dmft::perturbation::Perturbation;
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::numerics::elementary::normal_cdf;
use crate::theory::Answer;
use nalgebra::DMatrix;

/// Numbers as independent rows, or as one row with another for its error.
#[derive(Debug, Clone)]
pub struct Rows {
    rows: Vec<Vec<f64>>,
    uncertainty: Uncertainty,
}

/// Error of what is exact to rounding, relative to the largest number beside it.
const ROUNDING: f64 = 1e-11;

impl Rows {
    /// The repeats of several matrices side by side, each by columns (transposed where that is asked for).
    fn sampled(parts: &[Sampled]) -> Self {
        let repeats = parts.first().map_or(0, |p| p.repeats.len());
        let row = |r: usize| {
            parts
                .iter()
                .flat_map(|p| p.repeats[r].iter().copied())
                .collect()
        };
        Rows::repeated((0..repeats).map(row).collect())
    }

    /// One row per repeat.
    pub fn repeated(rows: Vec<Vec<f64>>) -> Self {
        Rows {
            rows,
            uncertainty: Uncertainty::StandardError,
        }
    }

    pub fn exact(row: Vec<f64>) -> Self {
        Rows {
            rows: vec![row],
            uncertainty: Uncertainty::Rounding,
        }
    }

    /// A function of every row.
    pub fn map(&self, f: impl Fn(&[f64]) -> Vec<f64>) -> Self {
        Rows {
            rows: self.rows.iter().map(|row| f(row)).collect(),
            uncertainty: self.uncertainty,
        }
    }

    /// The answer to question `index` on these axes.
    pub fn answer(self, index: usize, axes: &[Axis]) -> Answer {
        let mut rows = self.rows.into_iter();
        let first = rows.next().unwrap_or_default();
        let size = first.iter().fold(0.0f64, |m, v| m.max(v.abs()));
        let bound = match self.uncertainty {
            Uncertainty::StandardError => {
                let all = std::iter::once(first).chain(rows).collect();
                return Answer::repeated(index, axes, all);
            }
            Uncertainty::Difference => match rows.next() {
                Some(second) => first
                    .iter()
                    .zip(second)
                    .map(|(a, b)| (a - b).abs())
                    .collect(),
                None => vec![f64::INFINITY; first.len()],
            },
            Uncertainty::Rounding => vec![ROUNDING * size; first.len()],
        };
        Answer {
            asked: index,
            axes: axes.to_vec(),
            mean: first,
            bound,
            repeats: None,
        }
    }
}

impl From<&Estimate> for Rows {
    fn from(estimate: &Estimate) -> Self {
        Rows {
            rows: estimate.rows.clone(),
            uncertainty: estimate.uncertainty,
        }
    }
}

/// Kernels at chosen times: a row runs through times, layers (the tangent kernel has one), samples, samples.
pub struct Kernels {
    pub feature: Rows,
    pub gradient: Rows,
    pub tangent: Rows,
}

/// Feature kernels and gradient kernels, layer by layer.
type Layers = (Vec<DMatrix<f64>>, Vec<DMatrix<f64>>);

/// A solved system.
pub enum Solved {
    Linear(Box<linear::Solution>),
    Perturbation(Box<Perturbation>, usize),
    OneHidden(Box<one_hidden::Solution>),
    Expanded(Box<one_hidden::Expansion>),
    Deep(Box<deep::Solution>),
}

fn square(kernel: f64, n: usize) -> DMatrix<f64> {
    DMatrix::from_element(n, n, kernel)
}

impl Solved {
    /// `f_mu(t)`: times `0 ..= T`, then samples.
    pub fn outputs(&self) -> Rows {
        match self {
            Solved::Linear(s) => {
                let times = 0..=s.steps();
                Rows::exact(
                    times
                        .flat_map(|t| s.outputs(t).iter().copied().collect::<Vec<_>>())
                        .collect(),
                )
            }
            Solved::Perturbation(s, steps) => {
                let times = 0..=*steps;
                Rows::exact(
                    times
                        .flat_map(|t| s.outputs(t).iter().copied().collect::<Vec<_>>())
                        .collect(),
                )
            }
            Solved::OneHidden(s) => Rows::from(&s.outputs),
            Solved::Expanded(s) => Rows::from(&s.outputs()),
            Solved::Deep(s) => {
                let times: Vec<Sampled> = (0..=s.steps()).map(|t| s.outputs(t)).collect();
                Rows::sampled(&times)
            }
        }
    }

    /// Feature kernels and gradient kernels of the layers `1 ..= L` of an algebraic solution.
    fn layers(&self, t: usize, s: usize) -> Option<Layers> {
        match self {
            Solved::Linear(found) => {
                let feature = found.feature_kernels(t, s).split_off(1);
                let n = feature[0].nrows();
                let gradient =
                    (1..=found.depth()).map(|l| square(found.gradient_kernel(l, t, s), n));
                Some((feature, gradient.collect()))
            }
            Solved::Perturbation(found, _) => {
                let depth = found.depth();
                let feature: Vec<DMatrix<f64>> =
                    (1..=depth).map(|l| found.feature_kernel(l, t, s)).collect();
                let n = feature[0].nrows();
                let gradient = (1..=depth).map(|l| square(found.gradient_kernel(l, t, s), n));
                Some((feature, gradient.collect()))
            }
            Solved::OneHidden(_) | Solved::Expanded(_) | Solved::Deep(_) => None,
        }
    }

    /// Kernels at equal times; `kernel` is `K^x`.
    pub fn kernels(&self, times: &[usize], kernel: &DMatrix<f64>) -> Result<Kernels> {
        let neurons = match self {
            Solved::OneHidden(s) => Some(s.equal_time(times)?),
            Solved::Expanded(s) => Some(s.equal_time(times)?),
            _ => None,
        };
        if let Some(found) = neurons {
            return Ok(Kernels {
                feature: Rows::from(&found.feature),
                gradient: Rows::from(&found.gradient),
                tangent: Rows::from(&found.tangent),
            });
        }
        if let Solved::Deep(s) = self {
            let layers = || {
                times
                    .iter()
                    .flat_map(|&t| (1..=s.depth()).map(move |l| (l, t)))
            };
            let feature: Vec<Sampled> = layers().map(|(l, t)| s.feature_kernel(l, t, t)).collect();
            let gradient: Vec<Sampled> =
                layers().map(|(l, t)| s.gradient_kernel(l, t, t)).collect();
            let tangent: Vec<Sampled> = times.iter().map(|&t| s.tangent_kernel(t)).collect();
            return Ok(Kernels {
                feature: Rows::sampled(&feature),
                gradient: Rows::sampled(&gradient),
                tangent: Rows::sampled(&tangent),
            });
        }
        let (mut feature, mut gradient, mut tangent) = (Vec::new(), Vec::new(), Vec::new());
        for &t in times {
            let (phi, g) = self.layers(t, t).ok_or_else(no_layers)?;
            // K^NTK = sum_l G^{l+1} Phi^l with Phi^0 = K^x and G^{L+1} = 1.
            let mut sum = kernel.component_mul(&g[0]);
            for (l, phi) in phi.iter().enumerate() {
                match g.get(l + 1) {
                    Some(g) => sum += phi.component_mul(g),
                    None => sum += phi,
                }
            }
            feature.extend(phi.iter().flat_map(|k| k.iter().copied()));
            gradient.extend(g.iter().flat_map(|k| k.iter().copied()));
            tangent.extend(sum.iter().copied());
        }
        Ok(Kernels {
            feature: Rows::exact(feature),
            gradient: Rows::exact(gradient),
            tangent: Rows::exact(tangent),
        })
    }

    /// Feature and gradient kernels between pairs of the chosen times, on the first `n` samples: a row runs through layers, times, second
    /// times, samples, samples.
    pub fn between(&self, times: &[usize], n: usize) -> Result<(Rows, Rows)> {
        let neurons = match self {
            Solved::OneHidden(s) => Some(s.two_time(times)?),
            Solved::Expanded(s) => Some(s.two_time(times)?),
            _ => None,
        };
        if let Some(found) = neurons {
            let (all, count) = (self.samples(), times.len());
            // Rows and columns of the matrix run through the times and, within each, the samples.
            let order = move |row: &[f64]| {
                let side = count * all;
                let mut values = Vec::with_capacity(count * count * n * n);
                for t in 0..count {
                    for s in 0..count {
                        for i in 0..n {
                            values.extend((0..n).map(|j| row[(t * all + i) * side + s * all + j]));
                        }
                    }
                }
                values
            };
            return Ok((
                Rows::from(&found.feature).map(order),
                Rows::from(&found.gradient).map(order),
            ));
        }
        if let Solved::Deep(found) = self {
            let all = self.samples();
            let corner = |k: Sampled| Sampled {
                repeats: k
                    .repeats
                    .iter()
                    .map(|k| k.view((0, 0), (n.min(all), n.min(all))).transpose())
                    .collect(),
                ..k
            };
            let pairs = |l: usize| {
                times
                    .iter()
                    .flat_map(move |&t| times.iter().map(move |&s| (l, t, s)))
            };
            let every = || (1..=found.depth()).flat_map(pairs);
            let feature = every().map(|(l, t, s)| corner(found.feature_kernel(l, t, s)));
            let gradient = every().map(|(l, t, s)| corner(found.gradient_kernel(l, t, s)));
            return Ok((
                Rows::sampled(&feature.collect::<Vec<_>>()),
                Rows::sampled(&gradient.collect::<Vec<_>>()),
            ));
        }
        let (mut feature, mut gradient) = (Vec::new(), Vec::new());
        let mut depth = 0;
        for &t in times {
            for &s in times {
                let (phi, g) = self.layers(t, s).ok_or_else(no_layers)?;
                depth = phi.len();
                let corner = |k: DMatrix<f64>| k.view((0, 0), (n, n)).transpose();
                feature.extend(phi.into_iter().map(corner));
                gradient.extend(g.into_iter().map(corner));
            }
        }
        let by_layer = |kernels: Vec<DMatrix<f64>>| {
            let of = |l: usize| kernels.iter().skip(l).step_by(depth);
            let values = (0..depth).flat_map(|l| of(l).flat_map(|k| k.iter().copied()));
            Rows::exact(values.collect())
        };
        Ok((by_layer(feature), by_layer(gradient)))
    }

    /// Shares of the units whose preactivation at a sample lies between neighbouring edges, after the last step; `None` where the solver
    /// knows no law.
    pub fn shares(&self, layer: usize, sample: usize, edges: &[f64]) -> Result<Option<Rows>> {
        match self {
            // Sums of normal fields are normal.
            Solved::Linear(s) => {
                let kernel = s.feature_kernel(layer, s.steps(), s.steps());
                let deviation = kernel[(sample, sample)].max(0.0).sqrt();
                // Without any input all units stand at 0, in the bin that begins there or before.
                let below = |h: &f64| match deviation > 0.0 {
                    true => normal_cdf(h / deviation).0,
                    false => f64::from(*h > 0.0),
                };
                let shares = edges.windows(2).map(|e| below(&e[1]) - below(&e[0]));
                Ok(Some(Rows::exact(shares.collect())))
            }
            Solved::OneHidden(s) => {
                let found = s.densities(&[s.steps()], edges)?;
                let from = found.place(0, sample, 0);
                let count = found.numbers;
                Ok(Some(
                    Rows::from(&found.values).map(|row| row[from..from + count].to_vec()),
                ))
            }
            Solved::Perturbation(..) | Solved::Expanded(_) => Ok(None),
            Solved::Deep(s) => Ok(s.shares(layer, s.steps(), edges).map(|shares| {
                let row = |k: &DMatrix<f64>| k.row(sample).iter().copied().collect();
                Rows {
                    rows: shares.repeats.iter().map(row).collect(),
                    uncertainty: Uncertainty::StandardError,
                }
            })),
        }
    }

    /// Training and test samples.
    fn samples(&self) -> usize {
        match self {
            Solved::Linear(s) => s.outputs(0).len(),
            Solved::Perturbation(s, _) => s.outputs(0).len(),
            Solved::OneHidden(s) => s.samples(),
            Solved::Expanded(s) => s.samples(),
            Solved::Deep(s) => s.outputs(0).mean.nrows(),
        }
    }

    /// What the reader must know.
    pub fn warnings(&self) -> Vec<String> {
        match self {
            Solved::Deep(s) => {
                let raised = (s.raised_pivots > 0).then(|| {
                    format!(
                        "{} pivots of covariances over pairs of times were raised to the floor",
                        s.raised_pivots
                    )
                });
                let last = s.outputs(s.steps());
                let (error, size) = (last.stderr.amax(), last.mean.amax());
                let rough = (error > 0.1 * size).then(|| {
                    format!(
                        "repeats scatter: the standard error of an output after the last step is {error:.2e}, its size {size:.2e}; raise the \
                         key points"
                    )
                });
                let warnings = s.warnings.iter().cloned();
                warnings.chain(raised).chain(rough).collect()
            }
            _ => Vec::new(),
        }
    }

    /// How it was solved.
    pub fn method(&self) -> (String, usize) {
        match self {
            Solved::Linear(s) => ("one causal sweep over pairs of times".into(), s.steps()),
            Solved::Perturbation(_, steps) => ("second order in the richness".into(), *steps),
            Solved::OneHidden(s) => (
                format!("{:?}, {} neurons: {}", s.rule, s.neurons, s.reason),
                s.steps(),
            ),
            Solved::Expanded(s) => {
                let (rule, neurons) = s.rule();
                let method = format!("second order in the richness, {rule:?}, {neurons} neurons");
                (method, s.steps())
            }
            Solved::Deep(s) => (
                format!("{} sample paths, {:?}: {}", s.samples, s.response, s.reason),
                s.steps(),
            ),
        }
    }
}

fn no_layers() -> Error {
    Error::bug("dmft", "an algebraic solution has kernels of all layers")
}
