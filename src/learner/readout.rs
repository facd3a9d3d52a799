//! Networks that are linear in a read-out over features with no gradient of their own: kernels, random features, neighbours.

use crate::learner::{Network, Objective, Parameters};
use nalgebra::DMatrix;

/// Features of inputs, given the block that holds what they are made of (training inputs, random weights).
pub(super) trait Features: Send {
    /// `features x columns of x`
    fn features(&self, held: &DMatrix<f64>, x: &DMatrix<f64>) -> DMatrix<f64>;
    /// `A B(x)`, where there may be a shorter way to it than through the features.
    fn outputs(
        &self,
        held: &DMatrix<f64>,
        readout: &DMatrix<f64>,
        x: &DMatrix<f64>,
    ) -> DMatrix<f64> {
        readout * self.features(held, x)
    }
}

/// `f(x) = A B(x)`: block 0 is what the features `B` are made of and is held fixed (its gradient is reported as zero), block 1 is
/// the read-out `A` (`outputs x features`).
pub(super) struct Readout<F>(pub F);

impl<F: Features> Network<f64> for Readout<F> {
    fn forward(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        let readout = &p.blocks[1];
        if readout.iter().all(|&a| a == 0.0) {
            return DMatrix::zeros(readout.nrows(), x.ncols());
        }
        self.0.outputs(&p.blocks[0], readout, x)
    }

    fn gradient(
        &mut self,
        p: &Parameters,
        x: &DMatrix<f64>,
        y: &DMatrix<f64>,
        objective: Objective,
        grad: &mut Parameters,
    ) -> f64 {
        let features = self.0.features(&p.blocks[0], x);
        let f = &p.blocks[1] * &features;
        let mut slope = Vec::new();
        let loss = objective.residual(f.as_slice(), y.as_slice(), &mut slope);
        let slope = DMatrix::from_vec(f.nrows(), f.ncols(), slope);
        grad.blocks[0].fill(0.0);
        grad.blocks[1] = slope * features.transpose();
        loss
    }

    fn directional(&mut self, p: &Parameters, x: &DMatrix<f64>, v: &Parameters) -> DMatrix<f64> {
        self.0.outputs(&p.blocks[0], &v.blocks[1], x)
    }

    fn jacobian(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        let features = self.0.features(&p.blocks[0], x);
        let (outputs, held) = (p.blocks[1].nrows(), p.blocks[0].len());
        let mut jacobian = DMatrix::zeros(outputs * x.ncols(), p.len());
        for (mu, column) in features.column_iter().enumerate() {
            for (k, &b) in column.iter().enumerate() {
                for i in 0..outputs {
                    jacobian[(mu * outputs + i, held + k * outputs + i)] = b;
                }
            }
        }
        jacobian
    }
}

/// A double-precision network for callers in single precision.
pub(super) struct Single(pub Box<dyn Network<f64>>);

fn double(m: &DMatrix<f32>) -> DMatrix<f64> {
    m.map(f64::from)
}

impl Network<f32> for Single {
    fn forward(&mut self, p: &Parameters<f32>, x: &DMatrix<f32>) -> DMatrix<f32> {
        self.0.forward(&p.cast(), &double(x)).map(|v| v as f32)
    }

    fn gradient(
        &mut self,
        p: &Parameters<f32>,
        x: &DMatrix<f32>,
        y: &DMatrix<f32>,
        objective: Objective,
        grad: &mut Parameters<f32>,
    ) -> f32 {
        let mut wide = grad.cast();
        let loss = self
            .0
            .gradient(&p.cast(), &double(x), &double(y), objective, &mut wide);
        *grad = wide.cast();
        loss as f32
    }

    fn directional(
        &mut self,
        p: &Parameters<f32>,
        x: &DMatrix<f32>,
        v: &Parameters<f32>,
    ) -> DMatrix<f32> {
        let product = self.0.directional(&p.cast(), &double(x), &v.cast());
        product.map(|v| v as f32)
    }

    fn jacobian(&mut self, p: &Parameters<f32>, x: &DMatrix<f32>) -> DMatrix<f32> {
        self.0.jacobian(&p.cast(), &double(x)).map(|v| v as f32)
    }
}
