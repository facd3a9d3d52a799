//! The posterior of a network's parameters as a potential in whitened coordinates.

use super::potential::Potential;
use super::scheme::kinetic;
use crate::error::{Error, Result};
use crate::learner::{Learner, Network, Objective, Parameters, Precision, PriorView};
use crate::numerics::simd;
use crate::task::{Dataset, Shape};
use crate::training::Loss;
use nalgebra::DMatrix;
use std::ops::Range;

/// `V(phi) = (1/T) Lo(s phi) + |phi|^2/2` for a [`Network`], with `Lo = (1/2) sum_mu |y_mu - f(x_mu)|^2` unless another loss is
/// given; every parameter block is one group.
///
/// After the first call [`Potential::gradient`] allocates nothing of its own.
pub struct NetworkPotential {
    network: Box<dyn Network<f64>>,
    /// `s`, one per block.
    deviations: Vec<f64>,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
    /// `Lo/T` on all samples.
    objective: Objective,
    raw: Parameters,
    raw_gradient: Parameters,
    batch: (DMatrix<f64>, DMatrix<f64>),
}

impl NetworkPotential {
    /// `x: inputs x P`, `y: outputs x P`; `variances` has one prior variance per block of `shapes`. `temperature` is the variance of the
    /// likelihood, in `(0, inf]` (infinite: the prior alone).
    ///
    /// Errors: temperature or variances that are not positive.
    pub fn new(
        network: Box<dyn Network<f64>>,
        shapes: &[(usize, usize)],
        variances: &[f64],
        temperature: f64,
        x: DMatrix<f64>,
        y: DMatrix<f64>,
    ) -> Result<Self> {
        if temperature.is_nan() || temperature <= 0.0 {
            return Err(Error::input(
                "training.temperature",
                format!("{temperature} is not > 0"),
                "give the variance of the likelihood, for example 0.1",
            ));
        }
        if variances.len() != shapes.len() {
            let cause = format!("{} variances for {} blocks", variances.len(), shapes.len());
            return Err(Error::bug("network potential", cause));
        }
        check_variances(variances, shapes)?;
        Ok(NetworkPotential {
            network,
            deviations: variances.iter().map(|v| v.sqrt()).collect(),
            batch: (DMatrix::zeros(x.nrows(), 0), DMatrix::zeros(y.nrows(), 0)),
            x,
            y,
            objective: Objective::square(1.0 / temperature),
            raw: Parameters::zeros(shapes),
            raw_gradient: Parameters::zeros(shapes),
        })
    }

    /// The posterior of a learner with a prior; the temperature is divided by `chi` of the prior.
    ///
    /// Errors: no prior, a block with zero variance, single precision.
    pub fn of(learner: &dyn Learner, dataset: &Dataset, temperature: f64) -> Result<Self> {
        let shape = dataset.shape();
        let PriorView { variances, chi } = prior_of(learner, shape)?;
        Self::new(
            learner.network(shape),
            &learner.shapes(shape),
            &variances,
            temperature / chi,
            dataset.x.clone(),
            dataset.y.clone(),
        )
    }

    /// The same posterior with another sum over samples as `Lo`.
    pub fn with_loss(mut self, loss: Loss) -> Self {
        let objective = loss.objective(self.x.ncols(), self.y.nrows(), 1);
        self.objective = objective.with_weight(self.objective.weight());
        self
    }

    /// `phi = theta / s`, blocks in order, each column by column.
    pub fn whiten(&self, p: &Parameters) -> Vec<f64> {
        p.blocks
            .iter()
            .zip(&self.deviations)
            .flat_map(|(b, s)| b.iter().map(move |v| v / s))
            .collect()
    }

    /// The raw parameters `theta = s phi`.
    pub fn parameters(&mut self, phi: &[f64]) -> &Parameters {
        unwhiten(&mut self.raw, &self.deviations, phi);
        &self.raw
    }

    /// Outputs `f(x_mu)` on the training inputs, `outputs x P`.
    pub fn outputs(&mut self, phi: &[f64]) -> DMatrix<f64> {
        unwhiten(&mut self.raw, &self.deviations, phi);
        self.network.forward(&self.raw, &self.x)
    }

    /// Adds the prior to the loss and its raw gradient, in whitened coordinates.
    fn with_prior(&self, loss: f64, phi: &[f64], gradient: &mut [f64]) -> f64 {
        let mut start = 0;
        for (block, &s) in self.raw_gradient.blocks.iter().zip(&self.deviations) {
            let range = start..start + block.len();
            start = range.end;
            let (gradient, phi) = (&mut gradient[range.clone()], &phi[range]);
            simd::update(gradient, block.as_slice(), phi, |_, r, p| s * r + p);
        }
        loss + kinetic(phi)
    }
}

/// The prior of a learner that can be sampled.
///
/// Errors: no prior, a block with zero variance, single precision.
pub(super) fn prior_of(learner: &dyn Learner, shape: Shape) -> Result<PriorView> {
    if learner.precision() != Precision::F64 {
        return Err(Error::input(
            "learner.precision",
            "Bayesian training runs in double precision",
            "set learner.precision = \"f64\"",
        ));
    }
    let Some(prior) = learner.prior(shape) else {
        return Err(Error::input(
            "learner.prior",
            "missing: Bayesian training samples the posterior, which needs a prior",
            "add learner.prior = { weight = 1.0, readout = 1.0 }",
        ));
    };
    check_variances(&prior.variances, &learner.shapes(shape))?;
    Ok(prior)
}

fn check_variances(variances: &[f64], shapes: &[(usize, usize)]) -> Result<()> {
    for (k, (&v, (rows, cols))) in variances.iter().zip(shapes).enumerate() {
        if !(v.is_finite() && v > 0.0) {
            return Err(Error::input(
                "learner.prior",
                format!(
                    "parameter block {} ({rows} x {cols}) has the prior variance {v}, but Bayesian training needs every \
                     parameter to have a prior",
                    k + 1
                ),
                "give it a variance > 0 (learner.prior.bias for biases), or set learner.bias = false",
            ));
        }
    }
    Ok(())
}

fn unwhiten(raw: &mut Parameters, deviations: &[f64], phi: &[f64]) {
    let mut start = 0;
    for (block, &s) in raw.blocks.iter_mut().zip(deviations) {
        let end = start + block.len();
        let phi = &phi[start..end];
        simd::update(block.as_mut_slice(), phi, phi, |_, p, _| s * p);
        start = end;
    }
}

impl Potential for NetworkPotential {
    fn dimension(&self) -> usize {
        self.raw.len()
    }

    fn gradient(&mut self, phi: &[f64], gradient: &mut [f64]) -> f64 {
        unwhiten(&mut self.raw, &self.deviations, phi);
        let objective = self.objective;
        let loss = self.network.gradient(
            &self.raw,
            &self.x,
            &self.y,
            objective,
            &mut self.raw_gradient,
        );
        self.with_prior(loss, phi, gradient)
    }

    fn groups(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let range = |block: &DMatrix<f64>| {
            start += block.len();
            start - block.len()..start
        };
        self.raw.blocks.iter().map(range).collect()
    }

    fn samples(&self) -> usize {
        self.x.ncols()
    }

    fn batch_gradient(&mut self, phi: &[f64], batch: &[usize], gradient: &mut [f64]) -> f64 {
        unwhiten(&mut self.raw, &self.deviations, phi);
        let (x, y) = &mut self.batch;
        if x.ncols() != batch.len() {
            *x = DMatrix::zeros(self.x.nrows(), batch.len());
            *y = DMatrix::zeros(self.y.nrows(), batch.len());
        }
        for (column, &mu) in batch.iter().enumerate() {
            x.column_mut(column).copy_from(&self.x.column(mu));
            y.column_mut(column).copy_from(&self.y.column(mu));
        }
        let weight = self.objective.weight() * self.x.ncols() as f64 / batch.len() as f64;
        let objective = self.objective.with_weight(weight);
        let loss = self
            .network
            .gradient(&self.raw, x, y, objective, &mut self.raw_gradient);
        self.with_prior(loss, phi, gradient)
    }
}
