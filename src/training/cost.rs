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
    /// Operations: 6 per parameter and sample (2 forward, 4 backward). Memory: the data set in double precision and its copy in
    /// the training precision; five sets of parameters (start, current, gradient, snapshot, workspace); three numbers per unit
    /// and sample (output, slope, error); one number per step for instruments that look at every step.
    pub fn of_descent(learner: &dyn Learner, shape: Shape, columns: usize, steps: usize) -> Self {
        let (mut parameters, mut units) = (0.0, 0.0);
        for (rows, cols) in learner.shapes(shape) {
            parameters += rows as f64 * cols as f64;
            units += rows as f64;
        }
        let scalar = match learner.precision() {
            Precision::F64 => 8.0,
            Precision::F32 => 4.0,
        };
        let columns = columns as f64;
        let data = shape.samples as f64 * (shape.inputs + shape.outputs) as f64;
        let working = (8.0 + scalar) * data
            + 5.0 * scalar * parameters
            + 3.0 * scalar * columns * units
            + 8.0 * steps as f64;
        Cost {
            bytes: working as u64,
            flops: 6.0 * parameters * columns * steps as f64,
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
        assert_eq!(cost.bytes, 8 * (2 * 1400 + 5 * 112 + 3 * 50 * 12 + 1000));
    }
}
