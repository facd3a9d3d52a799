//! Answers with their errors.

use super::repeat::Repeat;
use super::sweep::{Task, rounded};
use super::{Response, cost};
use nalgebra::DMatrix;

/// A matrix with its standard error, entry by entry, and the repeats that both come from.
#[derive(Debug, Clone)]
pub struct Sampled {
    /// Mean over the repeats.
    pub mean: DMatrix<f64>,
    /// Standard error of the mean, from the scatter of the repeats: with R of them it has R - 1 degrees of freedom, so
    /// that deviations follow Student's law.
    pub stderr: DMatrix<f64>,
    /// One matrix per repeat: what is not linear in them can be jackknifed.
    pub repeats: Vec<DMatrix<f64>>,
}

impl Sampled {
    pub(super) fn of(repeats: Vec<DMatrix<f64>>) -> Sampled {
        let count = repeats.len() as f64;
        let (rows, columns) = repeats[0].shape();
        let mut mean = DMatrix::zeros(rows, columns);
        for repeat in &repeats {
            mean += repeat / count;
        }
        let mut stderr = DMatrix::zeros(rows, columns);
        for repeat in &repeats {
            stderr += (repeat - &mean).map(|x| x * x / (count * (count - 1.0)));
        }
        Sampled {
            mean,
            stderr: stderr.map(f64::sqrt),
            repeats,
        }
    }
}

/// The trained network at all times `0 ..= T`, on training and test samples.
///
/// Layers are numbered as in the formulas: hidden layers `1 ..= L`, the inputs 0, the read-out `L + 1`. All matrices
/// over samples are (P + M) x (P + M) in the order of the problem's kernel; times run from 0 to T, layers outside of
/// the range panic as indices do.
#[derive(Debug, Clone)]
pub struct Solution {
    /// How responses were found.
    pub response: Response,
    /// Why in this way.
    pub reason: String,
    /// Sample paths of one repeat, mirror images included.
    pub samples: usize,
    /// Pivots of Cholesky factors that were raised to `1e-9` of the mean diagonal entry, over all repeats.
    pub raised_pivots: usize,
    /// Whether the white noise was made exactly white.
    pub matched: bool,
    /// What to know before trusting the numbers.
    pub warnings: Vec<String>,
    pub(super) inputs: DMatrix<f64>,
    pub(super) targets: Vec<f64>,
    pub(super) keep: Vec<usize>,
    pub(super) repeats: Vec<Repeat>,
}

impl Solution {
    pub(super) fn new(task: &Task, reason: String, repeats: Vec<Repeat>) -> Solution {
        Solution {
            response: task.response,
            reason,
            samples: rounded(task.settings.samples),
            raised_pivots: repeats.iter().map(|repeat| repeat.raised).sum(),
            matched: repeats.iter().all(|repeat| repeat.matched),
            warnings: cost::warnings(task.problem, task.activation, task.settings),
            inputs: task.problem.kernel.clone(),
            targets: task.problem.targets.to_vec(),
            keep: task.settings.keep.clone(),
            repeats,
        }
    }

    fn sampled(&self, of: impl Fn(&Repeat) -> DMatrix<f64>) -> Sampled {
        Sampled::of(self.repeats.iter().map(of).collect())
    }

    fn all(&self) -> usize {
        self.inputs.nrows()
    }

    /// Number of steps T.
    pub fn steps(&self) -> usize {
        self.repeats[0].outputs.ncols() - 1
    }

    /// Number of repeats.
    pub fn repeats(&self) -> usize {
        self.repeats.len()
    }

    /// Number L of hidden layers.
    pub fn depth(&self) -> usize {
        self.repeats[0].features.len()
    }

    /// `f_a(t)` of all samples, training samples first: one column.
    pub fn outputs(&self, t: usize) -> Sampled {
        self.sampled(|repeat| repeat.outputs.columns(t, 1).into_owned())
    }

    /// `Delta_a(t) = y_a - f_a(t)` of the training samples: one column.
    pub fn errors(&self, t: usize) -> Sampled {
        let targets = &self.targets;
        self.sampled(|repeat| {
            DMatrix::from_fn(targets.len(), 1, |a, _| targets[a] - repeat.outputs[(a, t)])
        })
    }

    /// `Phi^l_ab(t,s) = <phi(h^l_a(t)) phi(h^l_b(s))>` for `l = 0 ..= L`; `Phi^0 = K^x`.
    pub fn feature_kernel(&self, l: usize, t: usize, s: usize) -> Sampled {
        self.sampled(|repeat| match l {
            0 => self.inputs.clone(),
            _ => DMatrix::from_fn(self.all(), self.all(), |a, b| {
                repeat.features[l - 1].symmetric(t, a, s, b)
            }),
        })
    }

    /// `G^l_ab(t,s) = <g^l_a(t) g^l_b(s)>` for `l = 1 ..= L + 1`; `G^{L+1} = 1`.
    pub fn gradient_kernel(&self, l: usize, t: usize, s: usize) -> Sampled {
        self.sampled(|repeat| match repeat.gradients.get(l - 1) {
            Some(kernel) => {
                DMatrix::from_fn(self.all(), self.all(), |a, b| kernel.symmetric(t, a, s, b))
            }
            None => DMatrix::from_element(self.all(), self.all(), 1.0),
        })
    }

    /// `K^NTK_ab(t) = sum_{l=0}^L G^{l+1}_ab(t,t) Phi^l_ab(t,t)`.
    pub fn tangent_kernel(&self, t: usize) -> Sampled {
        self.sampled(|repeat| {
            let rows = (0..self.all()).flat_map(|a| repeat.tangent_kernel(&self.inputs, t, a));
            DMatrix::from_row_iterator(self.all(), self.all(), rows)
        })
    }

    /// `A^l_ab(t,s) = gamma_0^{-1} <d phi(h^l_a(t))/d r^l_b(s)>` for `l = 1 .. L` (`L` itself excluded) and `s <= t`;
    /// columns of test samples are 0. The response of the last layer is summed in the outputs.
    pub fn forward_response(&self, l: usize, t: usize, s: usize) -> Sampled {
        self.sampled(|repeat| {
            DMatrix::from_fn(self.all(), self.all(), |a, b| {
                repeat.forward[l - 1].block(t, a, s)[b]
            })
        })
    }

    /// `B^l_ab(t,s) = gamma_0^{-1} <d g^{l+1}_a(t)/d u^{l+1}_b(s)>` for `l = 1 .. L` (`L` itself excluded) and
    /// `s <= t`; columns of test samples are 0 but for their own at `s = t`.
    pub fn backward_response(&self, l: usize, t: usize, s: usize) -> Sampled {
        self.sampled(|repeat| {
            DMatrix::from_fn(self.all(), self.all(), |a, b| {
                repeat.backward[l - 1].block(t, a, s)[b]
            })
        })
    }

    /// `h^l` of every sample, then `z^l` of every sample, over all paths of a repeat at a kept time; `None` for a
    /// time that was not kept.
    fn preactivations(
        &self,
        repeat: usize,
        l: usize,
        t: usize,
    ) -> Option<impl Iterator<Item = &[f64]>> {
        let time = self.keep.iter().position(|&kept| kept == t)?;
        let fields = &self.repeats[repeat].kept[time][l - 1];
        Some(
            fields
                .iter()
                .flat_map(|field| field.chunks_exact(field.len() / self.all())),
        )
    }

    /// A row of numbers for `h^l` of every sample, then for `z^l` of every sample.
    fn of_preactivations(
        &self,
        l: usize,
        t: usize,
        of: impl Fn(&[f64]) -> Vec<f64>,
    ) -> Option<Sampled> {
        let one = |repeat: usize| {
            let rows: Vec<f64> = self.preactivations(repeat, l, t)?.flat_map(&of).collect();
            let columns = rows.len() / (2 * self.all());
            Some(DMatrix::from_row_slice(2 * self.all(), columns, &rows))
        };
        let repeats: Option<Vec<_>> = (0..self.repeats.len()).map(one).collect();
        repeats.map(Sampled::of)
    }

    /// Shares of the neurons of the hidden layer `l` whose `h_a(t)` (first P + M rows) or `z_a(t)` (last P + M rows)
    /// lies in `[edge_k, edge_{k+1})`: the density times the width of a bin. `None` for a time that was not kept, and
    /// for fewer than two edges.
    pub fn shares(&self, l: usize, t: usize, edges: &[f64]) -> Option<Sampled> {
        let bins = edges.len().checked_sub(1).filter(|&bins| bins > 0)?;
        self.of_preactivations(l, t, |values| {
            let mut shares = vec![0.0; bins];
            for value in values {
                let above = edges.partition_point(|edge| edge <= value);
                if (1..=bins).contains(&above) {
                    shares[above - 1] += 1.0 / values.len() as f64;
                }
            }
            shares
        })
    }

    /// `<x>, <x^2>, <x^3>, <x^4>` of every `h_a(t)` (first P + M rows) and `z_a(t)` (last P + M rows) of the hidden
    /// layer `l`; `None` for a time that was not kept.
    pub fn moments(&self, l: usize, t: usize) -> Option<Sampled> {
        self.of_preactivations(l, t, |values| {
            let count = values.len() as f64;
            (1..=4)
                .map(|order| values.iter().map(|x| x.powi(order)).sum::<f64>() / count)
                .collect()
        })
    }
}
