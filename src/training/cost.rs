//! Memory and work of one training run, estimated before anything is allocated.

use crate::learner::{Learner, Precision};
use crate::task::Shape;

/// Estimated cost of one training run.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Cost {
    /// Peak working memory: data set, parameters, gradients, activations.
    pub bytes: u64,
    /// Floating-point operations.
    pub flops: f64,
}

impl Cost {
    /// Cost of `steps` gradients by back-propagation through `columns` samples each.
    ///
    /// Operations: [`Learner::operations`] per sample. Memory: the data set in double precision, and its copy in single precision
    /// where that trains; four sets of parameters (start and snapshot in double precision, current and gradient);
    /// [`Learner::work_space`]; one number per step for instruments that look at every step.
    pub fn of_descent(learner: &dyn Learner, shape: Shape, columns: usize, steps: usize) -> Self {
        let sizes = learner.shapes(shape);
        let parameters: f64 = sizes.iter().map(|&(r, c)| r as f64 * c as f64).sum();
        let scalar = learner.precision().bytes() as f64;
        let copy = match learner.precision() {
            Precision::F64 => 0.0,
            Precision::F32 => scalar,
        };
        let data = shape.samples as f64 * (shape.inputs + shape.outputs) as f64;
        let working = (8.0 + copy) * data
            + (16.0 + 2.0 * scalar) * parameters
            + scalar * learner.work_space(shape, columns) as f64
            + 8.0 * steps as f64;
        Cost {
            bytes: working as u64,
            flops: learner.operations(shape) * columns as f64 * steps as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learner::Mlp;

    #[test]
    fn cost_of_a_small_network_by_hand() {
        let mlp = Mlp {
            widths: vec![8],
            ..Mlp::default()
        };
        let shape = Shape {
            inputs: 10,
            outputs: 4,
            samples: 100,
        };
        // 112 parameters, 12 units, 1,400 numbers of data.
        let cost = Cost::of_descent(&mlp, shape, 50, 1000);
        assert_eq!(cost.flops, 6.0 * 112.0 * 50.0 * 1000.0);
        assert_eq!(cost.bytes, 8 * (1400 + 4 * 112 + 3 * 50 * 12 + 1000));
        let single = Mlp {
            precision: Precision::F32,
            ..mlp
        };
        let cost = Cost::of_descent(&single, shape, 50, 1000);
        assert_eq!(
            cost.bytes,
            12 * 1400 + 24 * 112 + 4 * 3 * 50 * 12 + 8 * 1000
        );
    }
}
