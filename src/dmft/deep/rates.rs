//! What enters the fields of a time: rows that make Gaussian fields of white noise, and the rates `C` and `D`.

use super::block::Rates;
use super::record::TwoTime;
use super::sweep::Sweep;

impl Sweep<'_> {
    /// `S_W(t,s)` of the weights below the hidden layer `l + 1`, which are those above the layer `l`.
    pub(super) fn covariance(&self, l: usize, t: usize, s: usize) -> f64 {
        self.memory
            .covariance(self.task.problem.weight_variances[l], t, s)
    }

    /// Rows that make `u(t)` of the layer at index `l`.
    pub(super) fn rows_of_u(&mut self, l: usize, t: usize) -> Vec<f64> {
        let all = self.plan.all;
        if l == 0 {
            let weights = &self.first[t];
            let row = |mu: usize| {
                let inputs = &self.inputs;
                weights.iter().flat_map(move |c| {
                    inputs
                        .row(mu)
                        .into_iter()
                        .map(move |f| c * f)
                        .collect::<Vec<_>>()
                })
            };
            return (0..all).flat_map(row).collect();
        }
        let weights: Vec<f64> = (0..=t).map(|s| self.covariance(l, t, s)).collect();
        let kernel = &self.found.features[l - 1];
        for mu in 0..all {
            let row = kernel.row(t, mu);
            self.drawn[0][l].push(|k| weights[k / all] * row[k]);
        }
        if let Some(stein) = &mut self.stein {
            stein.extend(0, l, t, kernel, &weights);
        }
        self.drawn[0][l].last_rows(all)
    }

    /// Rows that make `r(t)` of the layer at index `l`.
    pub(super) fn rows_of_r(&mut self, l: usize, t: usize) -> Vec<f64> {
        let all = self.plan.all;
        let Some(kernel) = self.found.gradients.get(l + 1) else {
            return (0..all).flat_map(|_| self.last[t].clone()).collect();
        };
        let weights: Vec<f64> = (0..=t).map(|s| self.covariance(l + 1, t, s)).collect();
        for mu in 0..all {
            let row = kernel.row(t, mu);
            self.drawn[1][l].push(|k| weights[k / all] * row[k]);
        }
        if let Some(stein) = &mut self.stein {
            stein.extend(1, l, t, kernel, &weights);
        }
        self.drawn[1][l].last_rows(all)
    }

    /// `C^l(t,s) = S_W A^{l-1} + q kappa Phi^{l-1} Delta` for the layer at index `l`.
    pub(super) fn forward_rates(&self, l: usize, t: usize) -> Rates {
        let response = l.checked_sub(1).map(|below| &self.found.forward[below]);
        let inputs = self.task.problem.kernel;
        let kernel = |mu: usize, s: usize, nu: usize| match l {
            0 => inputs[(mu, nu)],
            _ => self.found.features[l - 1].block(t, mu, s)[nu],
        };
        self.rates(l, t, t, response, kernel)
    }

    /// `D^l(t,s) = S_W B^l + q kappa G^{l+1} Delta` for the layer at index `l`, with `S_W B^l` alone at `s = t`.
    pub(super) fn backward_rates(&self, l: usize, t: usize) -> Rates {
        let gradient = self.found.gradients.get(l + 1);
        let kernel = |mu: usize, s: usize, nu: usize| {
            gradient.map_or(1.0, |kernel| kernel.block(t, mu, s)[nu])
        };
        let mut rates = self.rates(l + 1, t, t + 1, self.found.backward.get(l), kernel);
        let (all, length) = (self.plan.all, (t + 1) * self.plan.all);
        let equal = |mu: usize| rates.full[mu * length + t * all + mu];
        rates.equal_time = (0..all).map(equal).collect();
        if let Some(layout) = &self.plan.layouts[0][l] {
            let width = layout.widths[t];
            rates.unit = vec![0.0; layout.trained * width];
            for mu in 0..layout.trained {
                let unit = &mut rates.unit[mu * width..][..width];
                if l + 1 < self.plan.layouts[0].len() {
                    unit[t * layout.trained + mu] = 1.0;
                } else {
                    unit.iter_mut()
                        .zip(&self.last[t])
                        .for_each(|(unit, &c)| *unit = c as f32);
                }
            }
        }
        rates
    }

    /// Rates at the times before `end`; `weights` is the index of the weights between.
    pub(super) fn rates(
        &self,
        weights: usize,
        t: usize,
        end: usize,
        response: Option<&TwoTime>,
        kernel: impl Fn(usize, usize, usize) -> f64,
    ) -> Rates {
        let (all, trained) = (self.plan.all, self.task.problem.targets.len());
        let mut rates = Rates {
            full: vec![0.0; all * end * all],
            trained: Vec::with_capacity(all * t * trained),
            ..Rates::default()
        };
        for mu in 0..all {
            for s in 0..end {
                let block = &mut rates.full[(mu * end + s) * all..][..all];
                if let Some(response) = response {
                    let covariance = self.covariance(weights, t, s);
                    let response = response.block(t, mu, s);
                    block
                        .iter_mut()
                        .zip(response)
                        .for_each(|(rate, a)| *rate = covariance * a);
                }
                if s < t {
                    let carry = self.task.problem.rate * self.memory.carry(t, s);
                    for (nu, (rate, error)) in block.iter_mut().zip(&self.driven[s]).enumerate() {
                        if *error != 0.0 {
                            *rate += carry * error * kernel(mu, s, nu);
                        }
                    }
                    rates
                        .trained
                        .extend(block[..trained].iter().map(|&rate| rate as f32));
                }
            }
        }
        rates
    }
}
