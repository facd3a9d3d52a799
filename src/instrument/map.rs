//! The end-to-end linear map `F` of a network, which mode strengths and alignments are read off.

use super::Declined;
use super::subject::{Subject, refused};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::learner::{Network, Parameters};
use crate::numerics::linalg::{qr, svd};
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Reads the map `F` (`outputs x inputs`) off parameters.
///
/// A linear multilayer perceptron: `F = c_L W_L ... c_1 W_1`. Any other network: the linear regression of its outputs on the
/// training inputs, `F = (sum_mu f(x_mu) x_mu^T) (sum_mu x_mu x_mu^T)^(-1)`, which needs linearly independent inputs.
/// Both agree for a linear network.
pub struct EndToEnd(Reading);

enum Reading {
    Product(Vec<f64>),
    Regression {
        network: Box<dyn Network<f64>>,
        x: DMatrix<f64>,
        /// `X^T (X X^T)^(-1)`, `samples x inputs`
        inverse: DMatrix<f64>,
    },
}

/// Ratio of the smallest to the largest singular value of `X` below which the regression is refused.
const SINGULAR: f64 = 1e-10;

impl EndToEnd {
    /// Whether the map exists for this experiment, as far as that is known before a data set is drawn.
    pub fn check(experiment: &Experiment) -> std::result::Result<(), Declined> {
        let subject = Subject::of(experiment)?;
        let shape = subject.shape;
        if subject.linear(1).is_err() && shape.samples < shape.inputs {
            return Err(Declined(format!(
                "needs an invertible second moment of the inputs for a learner that is not linear ({} samples, {} inputs)",
                shape.samples, shape.inputs
            )));
        }
        Ok(())
    }

    /// Errors: no learner or training; inputs that are linearly dependent, for a network that is not linear.
    pub fn new(experiment: &Experiment, dataset: &Dataset) -> Result<Self> {
        let refuse = |declined| refused("end-to-end map", declined);
        Self::check(experiment).map_err(refuse)?;
        let subject = Subject::of(experiment).map_err(refuse)?;
        if let Ok(view) = subject.linear(1) {
            return Ok(EndToEnd(Reading::Product(view.multipliers)));
        }
        let (q, r) = qr(&dataset.x.transpose());
        let (u, s, v) = svd(&r)?;
        let (largest, smallest) = (s[0], s[s.len() - 1]);
        if smallest <= SINGULAR * largest {
            return Err(refuse(Declined(format!(
                "the training inputs are linearly dependent (singular values from {largest:.1e} to {smallest:.1e})"
            ))));
        }
        let inverse = q * u * DMatrix::from_diagonal(&s.map(|s| 1.0 / s)) * v.transpose();
        Ok(EndToEnd(Reading::Regression {
            network: subject.learner.network(subject.shape),
            x: dataset.x.clone(),
            inverse,
        }))
    }

    /// `F`, `outputs x inputs`. Products of weight matrices cost no pass over the data.
    pub fn map(&mut self, parameters: &Parameters) -> DMatrix<f64> {
        match &mut self.0 {
            Reading::Product(multipliers) => product(multipliers, parameters),
            Reading::Regression {
                network,
                x,
                inverse,
            } => network.forward(parameters, x) * &*inverse,
        }
    }
}

/// `c_L W_L ... c_1 W_1`, multiplied from the narrower end.
fn product(multipliers: &[f64], parameters: &Parameters) -> DMatrix<f64> {
    let blocks = &parameters.blocks;
    let scale: f64 = multipliers.iter().product();
    let (first, last) = (&blocks[0], &blocks[blocks.len() - 1]);
    let map = if last.nrows() < first.ncols() {
        let below = blocks[..blocks.len() - 1].iter().rev();
        below.fold(last.clone(), |above, w| above * w)
    } else {
        blocks[1..].iter().fold(first.clone(), |below, w| w * below)
    };
    map * scale
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear, opaque};
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::task::LinearTeacher;

    const DRAW: DrawIndex = DrawIndex {
        dataset: 0,
        replica: 0,
    };

    #[test]
    fn regression_and_product_agree_for_a_linear_network() {
        for (inputs, outputs) in [(6, 4), (4, 6)] {
            let task = LinearTeacher {
                whitened: false,
                ..LinearTeacher::new(vec![2.0, 1.0], inputs, outputs)
            };
            let seen = experiment(task.clone(), linear(&[5, 7], &[0.5, 3.0, 2.0]), 1);
            let hidden = experiment(task, opaque(&[5, 7], &[0.5, 3.0, 2.0]), 1);
            let data = seen.dataset(0).unwrap();
            let start = seen.initial(&data, DRAW).unwrap().unwrap();
            let product = EndToEnd::new(&seen, &data).unwrap().map(&start);
            let regression = EndToEnd::new(&hidden, &data).unwrap().map(&start);
            assert_eq!(product.shape(), (outputs, inputs));
            assert!((&product - regression).amax() < 1e-12 * product.amax());
        }
    }

    #[test]
    fn a_nonlinear_learner_needs_independent_inputs() {
        let task = LinearTeacher {
            whitened: false,
            samples: 5,
            ..LinearTeacher::new(vec![1.0], 6, 4)
        };
        assert!(EndToEnd::check(&experiment(task.clone(), linear(&[3], &[1.0; 2]), 1)).is_ok());
        let hidden = experiment(task, opaque(&[3], &[1.0; 2]), 1);
        let reason = EndToEnd::check(&hidden).unwrap_err().0;
        assert!(reason.contains("5 samples, 6 inputs"), "{reason}");

        let task = LinearTeacher::new(vec![1.0], 6, 4);
        let hidden = experiment(task, opaque(&[3], &[1.0; 2]), 1);
        let mut data = hidden.dataset(0).unwrap();
        let row = data.x.row(0).into_owned();
        data.x.set_row(3, &row);
        let message = EndToEnd::new(&hidden, &data).err().unwrap().to_string();
        assert!(message.contains("linearly dependent"), "{message}");
    }
}
