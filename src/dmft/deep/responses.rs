//! What the sums over paths give: responses, and the outputs with what they drive.

use super::Readout;
use super::block::Rates;
use super::layout::Layout;
use super::sums::Sums;
use super::sweep::Sweep;
use crate::error::Result;
use nalgebra::DMatrix;

impl Sweep<'_> {
    /// `gamma_0^{-1}`; 0 for a richness of 0, where what it multiplies vanishes by symmetry or has no effect.
    pub(super) fn inverse(&self) -> f64 {
        match self.task.richness {
            0.0 => 0.0,
            richness => 1.0 / richness,
        }
    }

    /// `A(t,s)` of a layer, from its sums.
    pub(super) fn forward_response(&self, l: usize, t: usize, sums: &[f64]) -> Vec<f64> {
        match (&self.stein, &self.plan.layouts[0][l]) {
            (Some(stein), _) => {
                let mut response = stein.forward(l, t, sums);
                response
                    .iter_mut()
                    .for_each(|value| *value *= self.inverse());
                response
            }
            (None, Some(layout)) => spread(layout, t, layout.forward_width(t), sums),
            (None, None) => vec![0.0; self.plan.all * self.plan.all * (t + 1)],
        }
    }

    /// `B(t,s)` of the layer below, from the sums of a layer.
    pub(super) fn backward_response(
        &self,
        l: usize,
        t: usize,
        sums: &Sums,
        rates: &Rates,
    ) -> Vec<f64> {
        let all = self.plan.all;
        let inverse = self.inverse();
        let mut response = match (&self.stein, &self.plan.layouts[1][l]) {
            (Some(stein), _) => {
                let below = &self.found.features[l - 1];
                let weights: Vec<f64> = (0..=t).map(|s| self.covariance(l, t, s)).collect();
                let mut response = stein.backward(l, t, &sums.response, below, &weights);
                response.iter_mut().for_each(|value| *value *= inverse);
                response
            }
            (None, Some(layout)) => {
                let past = t.checked_sub(1).map_or(0, |before| layout.widths[before]);
                let mut response = spread(layout, t, past, &sums.response);
                let (bend, slope) = sums.equal_time.split_at(all);
                for mu in 0..all {
                    response[(mu * (t + 1) + t) * all + mu] =
                        inverse * bend[mu] + rates.equal_time[mu] * slope[mu];
                }
                response
            }
            (None, None) => vec![0.0; all * all * (t + 1)],
        };
        if !self.task.inner.equal_time {
            for mu in 0..all {
                response[(mu * (t + 1) + t) * all..][..all].fill(0.0);
            }
        }
        response
    }

    /// The outputs at `t`, and what they drive.
    pub(super) fn read(&mut self, t: usize, response: &[f64]) -> Result<()> {
        let (all, problem) = (self.plan.all, self.task.problem);
        if self.task.settings.readout == Readout::Exact {
            let last = &self.last[t];
            let layout = self.plan.layouts[0].last().and_then(Option::as_ref);
            let width = layout.map_or(response.len() / all, |layout| layout.forward_width(t));
            let factor = self.stein.as_ref().map_or(1.0, |_| self.inverse());
            let feature = &self.found.features[problem.depth() - 1];
            for mu in 0..all {
                let own = response[mu * width..][..width].iter().zip(last);
                let mut output = factor * own.map(|(a, c)| a * c).sum::<f64>();
                for s in 0..t {
                    let carry = problem.rate * self.memory.carry(t, s);
                    let pairs = feature.block(t, mu, s).iter().zip(&self.driven[s]);
                    output += carry * pairs.map(|(phi, error)| phi * error).sum::<f64>();
                }
                self.found.outputs[(mu, t)] = output;
            }
        }
        let errors = problem.errors(t, self.found.outputs.column(t).as_slice(), || {
            let rows = (0..all).flat_map(|a| self.found.tangent_kernel(problem.kernel, 0, a));
            DMatrix::from_row_iterator(all, all, rows)
        })?;
        if t < problem.steps {
            self.driven.push(problem.driven(t, &errors));
        }
        Ok(())
    }

    /// `f(t+1) = f(t) + q K^NTK(t) Delta(t)`, where that is the read-out.
    pub(super) fn step_by_tangent_kernel(&mut self, t: usize) {
        if self.task.settings.readout == Readout::Exact || t + 1 == self.times {
            return;
        }
        for mu in 0..self.plan.all {
            let tangent = self.found.tangent_kernel(self.task.problem.kernel, t, mu);
            let pulled: f64 = tangent
                .iter()
                .zip(&self.driven[t])
                .map(|(k, error)| k * error)
                .sum();
            self.found.outputs[(mu, t + 1)] =
                self.found.outputs[(mu, t)] + self.task.problem.rate * pulled;
        }
    }
}

/// Derivatives by `(s, a)` of all trained samples into rows over all `(s, nu)`, `s <= t`.
fn spread(layout: &Layout, t: usize, width: usize, sums: &[f64]) -> Vec<f64> {
    let all = layout.all;
    let mut rows = vec![0.0; all * all * (t + 1)];
    for mu in 0..all {
        let derivatives = sums[mu * width..][..width].chunks_exact(layout.trained);
        for (s, derivatives) in derivatives.enumerate() {
            rows[(mu * (t + 1) + s) * all..][..layout.trained].copy_from_slice(derivatives);
        }
    }
    rows
}
