//! The sweep through time that fills all layers.

use super::fields::Fields;
use super::layer::{Layer, Triangle};
use super::record::Record;
use super::solution::Solution;
use super::{Approximation, Readout, Settings};
use crate::dmft::{Memory, Problem};
use crate::error::Result;
use nalgebra::{DMatrix, DVector};

/// All that the training itself needs and leaves.
#[derive(Debug, Clone)]
pub(super) struct State {
    pub memory: Memory,
    pub weight_variances: Vec<f64>,
    /// `gamma_0^2`
    pub squared: f64,
    /// `q`
    pub rate: f64,
    /// Whether the responses enter `C` and `D`.
    pub responses: bool,
    /// Layers `1 ..= L`, from index 0 on.
    pub layers: Vec<Record>,
    /// Column `s`: the driven errors of step `s` on all samples.
    pub driven: DMatrix<f64>,
    /// Column `s`: `K^x` times the driven errors.
    pub pulled: DMatrix<f64>,
    pub kernel: DMatrix<f64>,
}

impl State {
    /// `C` or `D` in one row: `S response + q kappa kernel` for the times before `t`; `covariance` is the row of `S`.
    pub fn rates(
        &self,
        t: usize,
        covariance: &[f64],
        response: Option<&[f64]>,
        kernel: impl Fn(usize) -> f64,
    ) -> Vec<f64> {
        let mut rates: Vec<f64> = (0..t)
            .map(|s| self.rate * self.memory.carry(t, s) * kernel(s))
            .collect();
        if let Some(response) = response.filter(|_| self.responses) {
            for ((rate, s2), response) in rates.iter_mut().zip(covariance).zip(response) {
                *rate += s2 * response;
            }
        }
        rates
    }

    /// `S^l(t,s)` for `s = 0 .. length`.
    pub fn covariances(&self, l: usize, t: usize, length: usize) -> Vec<f64> {
        let mut row = vec![0.0; length];
        self.memory
            .covariances(self.weight_variances[l], t, &mut row);
        row
    }
}

pub(super) fn sweep(problem: &Problem, settings: &Settings) -> Result<Solution> {
    let (depth, all, steps) = (problem.depth(), problem.samples(), problem.steps);
    let times = steps + 1;
    let mut state = State {
        memory: problem.optimiser.memory(steps),
        weight_variances: problem.weight_variances.to_vec(),
        squared: problem.richness * problem.richness,
        rate: problem.rate,
        responses: settings.approximation == Approximation::None,
        layers: vec![Record::new(times); depth],
        driven: DMatrix::zeros(all, times),
        pulled: DMatrix::zeros(all, times),
        kernel: problem.kernel.clone(),
    };
    // eta^0(t,s), the input kernel between driven errors.
    let mut input = Triangle::new(times);
    let mut layers = vec![Layer::new(times); depth];
    let mut outputs = DMatrix::zeros(all, times);
    for t in 0..times {
        let first = backward(&state, &mut layers, t);
        if settings.readout == Readout::Exact {
            let f = state.pulled.columns(0, t) * DVector::from_vec(first);
            outputs.set_column(t, &f);
        }
        let errors =
            problem.errors(t, outputs.column(t).as_slice(), || problem.linear_tangent())?;
        if t == steps {
            extend(&mut state, t, &layers, t < steps);
            break;
        }
        let driven = DVector::from_vec(problem.driven(t, &errors));
        state.pulled.set_column(t, &(&state.kernel * &driven));
        state.driven.set_column(t, &driven);
        let row: Vec<f64> = (0..=t)
            .map(|s| driven.dot(&state.pulled.column(s)))
            .collect();
        input.set_row(t, &row);
        forward(&state, &mut layers, t, &input);
        extend(&mut state, t, &layers, t < steps);
        if settings.readout == Readout::NtkEuler {
            let change = Fields::at(&state, t, t).tangent_pull(&state, t);
            let f = outputs.column(t) + change * state.rate;
            outputs.set_column(t + 1, &f);
        }
    }
    Ok(Solution::new(state, outputs, problem.targets.to_vec()))
}

fn extend(state: &mut State, t: usize, layers: &[Layer], forward: bool) {
    for (record, layer) in state.layers.iter_mut().zip(layers) {
        record.extend(t, layer, forward);
    }
}

/// Rows `t` of `g^L .. g^1`; the rates `d^0(t,s)` of the outputs.
fn backward(state: &State, layers: &mut [Layer], t: usize) -> Vec<f64> {
    for l in (0..=layers.len()).rev() {
        let mut prior = state.covariances(l, t, t + 1);
        let above = layers.get(l);
        let gradient = above.map(|layer| layer.gradient.row(t));
        let kernel = |s: usize| gradient.map_or(1.0, |row| row[s]);
        let rates = state.rates(t, &prior, above.map(|layer| layer.echo.row(t)), kernel);
        if l == 0 {
            return rates;
        }
        for (s, prior) in prior.iter_mut().enumerate() {
            *prior *= kernel(s);
        }
        layers[l - 1].backward(t, &prior, &rates, state.squared);
    }
    Vec::new()
}

/// Rows `t` of `v^1 .. v^L`.
fn forward(state: &State, layers: &mut [Layer], t: usize, input: &Triangle) {
    for l in 1..=layers.len() {
        let mut prior = state.covariances(l - 1, t, t + 1);
        let below = (l > 1).then(|| &layers[l - 2]);
        let kernel = below.map_or(input, |layer| &layer.driven_kernel).row(t);
        let rates = state.rates(t, &prior, below.map(|layer| layer.response.row(t)), |s| {
            kernel[s]
        });
        for (prior, kernel) in prior.iter_mut().zip(kernel) {
            *prior *= kernel;
        }
        layers[l - 1].forward(t, &prior, &rates, state.squared);
    }
}
