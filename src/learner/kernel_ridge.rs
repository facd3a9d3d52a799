//! Kernel ridge regression: the posterior mean of a Gaussian process as a learner.

use super::readout::{Features, Readout, Single};
use crate::error::{Error, Result};
use crate::kernel::{Kernel, Regression, columns, diagonal, gram, with_key};
use crate::kind::{About, Kind, parse_table};
use crate::learner::{KernelView, Learner, Network, Parameters, Precision, Solution, Solver};
use crate::numerics::linalg::{multiply, transpose_multiply};
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use nalgebra::DMatrix;
use std::sync::Arc;

const ABOUT: About = About {
    kind: "kernel-ridge",
    summary: "kernel ridge regression, the mean of a Gaussian process, with any kernel of the library",
    text: "\
Kernel ridge regression on P training samples x_mu with the targets y_mu:

  f(x) = sum_mu t_mu K(x_mu, x),   t = (K + ridge)^-1 y

It is the function that minimises sum_mu |y_mu - f(x_mu)|^2 + ridge |f|_H^2, where |f|_H is the norm that belongs to the
kernel K. It is also the posterior mean of a Gaussian process with prior covariance K and label noise of variance ridge.
With the linear kernel x.x'/d it is linear regression, f = w.x, with the penalty ridge d |w|^2. One linear system gives
it (training.kind = \"closed-form\").

keys
  kernel  a table with kind = linear | polynomial (degree, offset) | gaussian (length) | laplace (length)
          | nngp | ntk (nonlinearity = erf | relu | ..., depth, weight_variance, bias_variance: the infinitely wide network)
  ridge   >= 0 (default 1e-6), beside the sum over samples, not their mean. Where K + ridge is singular to rounding
          (repeated samples and ridge = 0), the limit ridge -> 0 is taken: of all functions with the least squared
          error the one of smallest norm. A warning names the rank

The kernels of infinite networks are good to 4e-13 of their largest value for every hidden layer and the read-out, at
all angles and norms.

sources: Rasmussen, Williams 2006, Gaussian Processes for Machine Learning; Lee et al. 2018 (arXiv:1711.00165)",
    revision: 2,
};

pub(super) const KIND: Kind<dyn Learner> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(KernelRidge::parse(place, table)?)),
    schema: |generator| generator.subschema_for::<KernelRidge>(),
};

/// `f(x) = sum_mu t_mu K(x_mu, x)`, `t = (K + ridge)^-1 y`.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KernelRidge {
    /// Which kernel.
    pub kernel: Kernel,
    /// `T`, the noise variance of the Gaussian process.
    #[serde(default = "ridge")]
    pub ridge: f64,
}

fn ridge() -> f64 {
    1e-6
}

impl KernelRidge {
    /// Parses the learner's table (without `kind`) and checks its ranges.
    pub fn parse(place: &str, table: toml::Table) -> Result<Self> {
        let learner: KernelRidge = parse_table(place, table)?;
        learner.kernel.check(&format!("{place}.kernel"))?;
        match learner.ridge.is_finite() && learner.ridge >= 0.0 {
            true => Ok(learner),
            false => Err(Error::input(
                format!("{place}.ridge"),
                format!("{} is not a finite number >= 0", learner.ridge),
                "give a noise variance, for example 1e-3",
            )),
        }
    }
}

/// `K(x_mu, x)`; the held block is the training inputs.
struct Columns(Kernel);

impl Features for Columns {
    /// Not-a-number where the kernel is not finite; [`KernelRidge::solve`] has refused training and test inputs of that
    /// kind.
    fn features(&self, held: &DMatrix<f64>, x: &DMatrix<f64>) -> DMatrix<f64> {
        let unknown = |_| DMatrix::from_element(held.ncols(), x.ncols(), f64::NAN);
        columns(&self.0, held, x).unwrap_or_else(unknown)
    }

    /// The kernel linear, `x_mu . x/d`, has the weights `A X^T/d`.
    fn outputs(
        &self,
        held: &DMatrix<f64>,
        readout: &DMatrix<f64>,
        x: &DMatrix<f64>,
    ) -> DMatrix<f64> {
        match self.0 {
            Kernel::Linear {} => {
                let weights = multiply(held, &readout.transpose());
                transpose_multiply(&weights, x) / held.nrows() as f64
            }
            _ => readout * self.features(held, x),
        }
    }
}

impl Learner for KernelRidge {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        let mut value = serde_json::json!(self);
        value["kind"] = ABOUT.kind.into();
        value
    }

    fn plural(&self) -> &'static str {
        "kernel machines"
    }
    fn precision(&self) -> Precision {
        Precision::F64
    }

    /// Training inputs and coefficients `t`.
    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)> {
        vec![
            (shape.inputs, shape.samples),
            (shape.outputs, shape.samples),
        ]
    }

    fn initialize(&self, dataset: &Dataset, _rng: &mut Stream) -> Result<Parameters> {
        Ok(Parameters {
            blocks: vec![dataset.x.clone(), dataset.y.map(|_| 0.0)],
        })
    }

    fn network(&self, _shape: Shape) -> Box<dyn Network<f64>> {
        Box::new(Readout(Columns(self.kernel.clone())))
    }

    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>> {
        Box::new(Single(self.network(shape)))
    }

    fn check(&self, _shape: Shape) -> Result<()> {
        Ok(())
    }

    /// The kernel with the training inputs.
    fn forward_space(&self, shape: Shape, columns: usize) -> usize {
        columns * (shape.samples + shape.outputs)
    }

    fn rate_scale(&self, _shape: Shape) -> f64 {
        1.0
    }

    fn solver(&self) -> Option<&dyn Solver> {
        Some(self)
    }

    fn is_affine(&self, _shape: Shape) -> bool {
        matches!(
            self.kernel,
            Kernel::Linear {} | Kernel::Polynomial { degree: 1, .. }
        )
    }

    fn kernel(&self) -> Option<KernelView> {
        Some(KernelView {
            kernel: self.kernel.clone(),
            ridge: self.ridge,
        })
    }
}

impl Solver for KernelRidge {
    /// The kernel matrix, its factor and the copy that is handed on; then one of them with the solution.
    fn work_space(&self, shape: Shape) -> usize {
        // Without a ridge the matrix may be singular, and is diagonalised.
        let fit = if self.ridge > 0.0 { 3 } else { 4 };
        let fit = fit * shape.samples + 2 * shape.outputs;
        let solution = shape.samples + shape.inputs + 2 * shape.outputs;
        shape.samples * fit.max(solution)
    }

    /// Test inputs whose kernel is not finite are refused here too: what is read off the solution cannot fail.
    fn solve(&self, _: &Parameters, dataset: &Dataset, max_memory: u64) -> Result<Solution> {
        let gram = gram(&self.kernel, &dataset.x, max_memory);
        let gram = gram.map_err(|e| in_spec(with_key(e, "task.samples")))?;
        if let Some((x, _)) = &dataset.test {
            diagonal(&self.kernel, x).map_err(in_spec)?;
        }
        let fit = Regression::fit(gram.kernel, &dataset.y, self.ridge)?;
        Ok(Solution {
            parameters: Parameters {
                blocks: vec![dataset.x.clone(), fit.discrepancy()],
            },
            warning: fit.warning().map(String::from),
        })
    }
}

/// An error of the kernel under its key in the spec: `learner.kernel...`, or the task whose inputs are at fault.
pub(super) fn in_spec(error: Error) -> Error {
    match error {
        Error::Input {
            place,
            cause,
            remedy,
        } => {
            let above = if place.starts_with("kernel") {
                "learner"
            } else {
                "task"
            };
            Error::input(format!("{above}.{place}"), cause, remedy)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::MAX_MEMORY;
    use crate::learner::RandomFeatures;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::Modes;
    use nalgebra::DVector;

    fn dataset(x: DMatrix<f64>, y: DMatrix<f64>) -> Dataset {
        let modes = Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        };
        Dataset {
            x,
            y,
            test: None,
            modes,
            groups: None,
            blocks: None,
        }
    }

    #[test]
    fn a_kernel_matrix_above_the_limit_is_refused_by_its_key() {
        let data = dataset(DMatrix::zeros(1, 4000), DMatrix::zeros(1, 4000));
        let learner = KernelRidge {
            kernel: Kernel::Linear {},
            ridge: 1.0,
        };
        let start = Parameters { blocks: vec![] };
        let refused = learner.solve(&start, &data, 64 << 20);
        let Err(Error::Resource { remedy, .. }) = refused else {
            panic!("not refused");
        };
        assert!(remedy.contains("task.samples") && remedy.contains("--max-memory"));
    }

    #[test]
    fn residuals_are_the_ridge_times_the_coefficients() {
        let mut rng = stream(1, "kernel ridge", &[]);
        let data = dataset(
            normal_matrix(&mut rng, 3, 12),
            normal_matrix(&mut rng, 2, 12),
        );
        let text = "ridge = 0.2\nkernel = { kind = 'gaussian', length = 1.5 }";
        let learner = KernelRidge::parse("learner", text.parse().unwrap()).unwrap();
        let start = learner.initialize(&data, &mut rng).unwrap();
        let shape = Shape {
            inputs: 3,
            outputs: 2,
            samples: 12,
        };
        let mut network = learner.network(shape);
        assert_eq!(network.forward(&start, &data.x).amax(), 0.0);
        let p = learner.solve(&start, &data, MAX_MEMORY).unwrap().parameters;
        let residual = &data.y - network.forward(&p, &data.x);
        assert!((residual - &p.blocks[1] * 0.2).amax() < 1e-13);
    }

    /// Random features of growing number tend to the kernel machine as `1/sqrt(N)`.
    #[test]
    fn random_features_tend_to_the_kernel_machine() {
        let mut rng = stream(2, "kernel ridge", &[]);
        let data = dataset(
            normal_matrix(&mut rng, 4, 20),
            normal_matrix(&mut rng, 1, 20),
        );
        let fresh = normal_matrix(&mut rng, 4, 30);
        let shape = Shape {
            inputs: 4,
            outputs: 1,
            samples: 20,
        };
        let text = "ridge = 0.1\nkernel = { kind = 'nngp', nonlinearity = 'relu', depth = 1 }";
        let exact = KernelRidge::parse("learner", text.parse().unwrap()).unwrap();
        let solution = exact
            .solve(&Parameters { blocks: vec![] }, &data, MAX_MEMORY)
            .unwrap();
        let solution = solution.parameters;
        let limit = exact.network(shape).forward(&solution, &fresh);
        let mut distance = |features: usize| {
            let squares: f64 = (0..8)
                .map(|_| {
                    let text = format!("features = {features}\nridge = 0.1");
                    let learner = RandomFeatures::parse("learner", text.parse().unwrap()).unwrap();
                    let start = learner.initialize(&data, &mut rng).unwrap();
                    let p = learner.solve(&start, &data, MAX_MEMORY).unwrap().parameters;
                    (learner.network(shape).forward(&p, &fresh) - &limit).norm_squared()
                })
                .sum();
            (squares / 8.0).sqrt()
        };
        let ratio = distance(400) / distance(6400);
        // Four, with 8 draws of each: the root of a mean square of 8 correlated fields scatters by some 15 %.
        assert!((2.5..6.5).contains(&ratio), "{ratio}");
    }

    #[test]
    fn wrong_tables_name_their_key() {
        for (text, place) in [
            (
                "ridge = -1\nkernel = { kind = 'linear' }",
                "learner.ridge: ",
            ),
            (
                "kernel = { kind = 'gaussian', length = 0 }",
                "learner.kernel.length: ",
            ),
            (
                "kernel = { kind = 'gausian', length = 1 }",
                "learner.kernel",
            ),
            ("ridge = 1", "the key \"kernel\" is missing"),
        ] {
            let message = KernelRidge::parse("learner", text.parse().unwrap())
                .unwrap_err()
                .to_string();
            assert!(message.contains(place), "{message}");
        }
    }
}
