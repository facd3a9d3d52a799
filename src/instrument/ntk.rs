//! Empirical neural tangent kernel: at start and end of the training, and its change over time.

use super::subject::{Series, Subject, counting_axis, refused, time_axis};
use super::tangent::Directions;
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::learner::{Network, Parameters};
use crate::numerics::linalg::transpose_multiply;
use crate::task::Dataset;
use nalgebra::DMatrix;
use std::sync::Arc;

/// Empirical neural tangent kernel before and after training on the first training inputs.
pub static NTK: Observable = Observable {
    name: "ntk",
    label: "neural tangent kernel",
    unit: "1",
    convention: "K(x, x') = (1/N_o) sum_i sum_k df_i(x)/dtheta_k df_i(x')/dtheta_k over the raw parameters, first min(P, samples) training \
                 inputs (samples = 16 unless set); endpoint 0 = start, 1 = end",
    ..Observable::PLAIN
};

/// Rotation of the tangent kernel since the start, in `[0, 1]`: 0 in the lazy regime.
pub static NTK_CHANGE: Observable = Observable {
    name: "ntk-change",
    label: "change of the tangent kernel",
    unit: "1",
    convention: "1 - <K_0, K_t>_F / (|K_0|_F |K_t|_F) of the tangent kernel K = J J^T over the raw parameters, all outputs, first \
                 min(P, samples) training inputs (samples = 32 unless set); as good as 0 below 0.01, of at most 1",
    vanishing: Some(0.01),
    undefined: Some("a kernel of zeros has no direction"),
    ..Observable::PLAIN
};

const NTK_ABOUT: About = About {
    kind: "ntk",
    summary: "empirical tangent kernel at the start and the end, averaged over outputs",
    text: "\
K(x, x') = (1/N_o) sum_i grad f_i(x) . grad f_i(x') over the raw parameters, between the first min(P, samples) training inputs, on the
axes endpoint (0 = start, 1 = end), sample, sample. Exact, or from m = sketch random directions v_r with entries +-1 in parameter space:
K = (1/m) sum_r (J v_r)(J v_r)^T, unbiased, every entry with variance at most (K_xx K_x'x' + K_xx'^2)/m per output (2/m relative to the diagonal);
directions keyed by the weights it is seen with first, so that the error bar over draws holds the error of the sketch; draws that
start from the same weights (learner.weights) share them, and their error bar does not.
Cost: exact N_o backward passes over the inputs and, for an mlp, layer by layer without a Jacobian, memory 3 P^2; other learners hold the
Jacobian, N_o P x parameters. Sketch: 2 m forward passes, memory P^2 + 96 N_o P. Declines above 1 GiB.

keys: samples (default 16), sketch = m (default: exact), as { kind = \"ntk\", samples = 500, sketch = 256 }
Sources: Jacot, Gabriel, Hongler 2018 (arXiv:1806.07572); random directions: Hutchinson 1990.",
    revision: 1,
};

const CHANGE_ABOUT: About = About {
    kind: "ntk-change",
    summary: "distance of the empirical tangent kernel from its start",
    text: "\
1 - <K_0, K_t>_F / (|K_0|_F |K_t|_F) on the axis time, with the tangent kernel K = J J^T (all pairs of outputs) of the first
min(P, samples) training inputs and J the Jacobian over the raw parameters. 0: lazy, the kernel did not turn; near 1: rich. Exact, or from
m = sketch random directions with entries +-1, the same at all times of a network, U = J V: <K_0, K_t> is estimated without bias by
sum_{r != s} (U_0^T U_t)_rs^2/(m (m - 1)); the ratio has a bias of the order 1/m and is 0 at the start. Declines above 1 GiB (Jacobian, or
products 2 N_o P x m), and exact where the smaller side of the Jacobian is above 4096.

keys: samples (default 32), sketch = m >= 2 (default: exact), as { kind = \"ntk-change\", samples = 500, sketch = 256 }
Source: kernel distance of Fort et al. 2020 (arXiv:2010.15110).",
    revision: 1,
};

const MAX_SCALARS: usize = 1 << 27;
const MAX_SIDE: usize = 4096;
/// No more samples or directions are asked for.
const LARGEST: usize = 1_000_000;

/// Measures [`NTK`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ntk {
    /// Training inputs, the first ones.
    pub samples: usize,
    /// Random directions in parameter space; `None`: exact.
    pub sketch: Option<usize>,
}

/// Measures [`NTK_CHANGE`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NtkChange {
    /// Training inputs, the first ones.
    pub samples: usize,
    /// Random directions in parameter space; `None`: exact.
    pub sketch: Option<usize>,
}

impl Ntk {
    /// Exact on the first 16 inputs.
    pub const EXACT: Ntk = Ntk {
        samples: 16,
        sketch: None,
    };
}

impl NtkChange {
    /// Exact on the first 32 inputs.
    pub const EXACT: NtkChange = NtkChange {
        samples: 32,
        sketch: None,
    };
}

/// Keys of both instruments.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Keys {
    samples: Option<usize>,
    sketch: Option<usize>,
}

impl Keys {
    /// Samples and directions, at least `directions` of them.
    fn parse(
        place: &str,
        keys: toml::Table,
        samples: usize,
        directions: usize,
    ) -> Result<(usize, Option<usize>)> {
        let keys: Keys = parse_table(place, keys)?;
        let samples = keys.samples.unwrap_or(samples);
        for (key, value, least) in [
            ("samples", Some(samples), 1),
            ("sketch", keys.sketch, directions),
        ] {
            if value.is_some_and(|v| !(least..=LARGEST).contains(&v)) {
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{} is outside {least} to {LARGEST}", value.unwrap_or(0)),
                    format!("give a number from {least} to {LARGEST}"),
                ));
            }
        }
        Ok((samples, keys.sketch))
    }
}

/// Declines where `scalars(samples)` numbers are more than 1 GiB; names the largest number of samples that fits.
fn bearable(
    samples: usize,
    what: &str,
    scalars: impl Fn(usize) -> usize,
) -> std::result::Result<(), Declined> {
    if scalars(samples) <= MAX_SCALARS {
        return Ok(());
    }
    let (mut fits, mut not) = (0, samples);
    while not - fits > 1 {
        let middle = fits + (not - fits) / 2;
        match scalars(middle) <= MAX_SCALARS {
            true => fits = middle,
            false => not = middle,
        }
    }
    let gigabytes = scalars(samples) as f64 * 8.0 / (1u64 << 30) as f64;
    Err(Declined(format!(
        "{what} on {samples} samples would need {gigabytes:.1} GiB, more than 1 GiB; samples = {fits} fits"
    )))
}

/// The first `limit` training inputs.
pub(super) fn first_inputs(dataset: &Dataset, limit: usize) -> DMatrix<f64> {
    let count = dataset.samples().min(limit);
    dataset.x.columns(0, count).into_owned()
}

impl Instrument for Ntk {
    fn about(&self) -> &'static About {
        &NTK_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &NTK
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let (samples, sketch) = Keys::parse(place, keys, self.samples, 1)?;
        Ok(Arc::new(Ntk { samples, sketch }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "samples": self.samples, "sketch": self.sketch })
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        subject.needs_start()?;
        let samples = subject.shape.samples.min(self.samples);
        match self.sketch {
            None => bearable(samples, "the exact tangent kernel", |n| {
                subject.learner.tangent_space(subject.shape, n)
            })?,
            Some(_) => bearable(samples, "the sketched tangent kernel", |n| {
                Directions::kernel_space(n, subject.shape.outputs)
            })?,
        }
        Ok(vec![
            Axis::new("endpoint", "1", vec![0.0, 1.0]),
            counting_axis("sample", samples),
            counting_axis("sample", samples),
        ])
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            let samples = subject.shape.samples.min(self.samples);
            let space = match self.sketch {
                None => subject.learner.tangent_space(subject.shape, samples),
                Some(_) => Directions::kernel_space(samples, subject.shape.outputs),
            };
            subject.forward(samples) + space
        })
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused("ntk", d))?;
        Ok(Box::new(Endpoints {
            network: subject.learner.network(subject.shape),
            x: first_inputs(dataset, self.samples),
            outputs: subject.shape.outputs,
            last: subject.training.steps(),
            seed: experiment.seed,
            sketch: self.sketch,
            values: Vec::new(),
        }))
    }
}

struct Endpoints {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    outputs: usize,
    last: usize,
    seed: u64,
    sketch: Option<usize>,
    values: Vec<f64>,
}

impl Endpoints {
    fn kernel(&mut self, parameters: &Parameters) -> DMatrix<f64> {
        let network = self.network.as_mut();
        let kernel = match self.sketch {
            None => network.tangent_kernel(parameters, &self.x),
            Some(count) => {
                Directions::new(self.seed, parameters, count).kernel(network, parameters, &self.x)
            }
        };
        kernel / self.outputs as f64
    }
}

impl Recorder for Endpoints {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        for endpoint in [0, self.last] {
            if step == endpoint {
                let kernel = self.kernel(parameters);
                self.values.extend(kernel.iter());
            }
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.values
    }
}

impl Instrument for NtkChange {
    fn about(&self) -> &'static About {
        &CHANGE_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &NTK_CHANGE
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let (samples, sketch) = Keys::parse(place, keys, self.samples, 2)?;
        Ok(Arc::new(NtkChange { samples, sketch }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({ "samples": self.samples, "sketch": self.sketch })
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        subject.needs_start()?;
        let samples = subject.shape.samples.min(self.samples);
        let outputs = subject.shape.outputs;
        let shapes = subject.learner.shapes(subject.shape);
        let columns: usize = shapes.iter().map(|(r, c)| r * c).sum();
        match self.sketch {
            Some(m) => bearable(samples, "the products with all directions", |n| {
                (2 * n * outputs + m).saturating_mul(m)
            })?,
            None => {
                bearable(samples, "the Jacobian", |n| {
                    (n * outputs).saturating_mul(columns)
                })?;
                let rows = samples * outputs;
                if rows.min(columns) > MAX_SIDE {
                    return Err(Declined(format!(
                        "the smaller side of the {rows} x {columns} Jacobian is above {MAX_SIDE}; samples = {} fits, or set sketch",
                        MAX_SIDE / outputs
                    )));
                }
            }
        }
        Ok(vec![time_axis(experiment)])
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            let samples = subject.shape.samples.min(self.samples);
            let rows = samples * subject.shape.outputs;
            let shapes = subject.learner.shapes(subject.shape);
            let columns: usize = shapes.iter().map(|(r, c)| r * c).sum();
            subject.forward(samples)
                + match self.sketch {
                    Some(m) => m * (2 * rows + m) + 3 * columns,
                    // The Jacobian with its transpose, two kernels; or the start's and the present one with their products.
                    None if rows <= columns => 2 * rows * columns + 3 * rows * rows,
                    None => 3 * rows * columns + 2 * columns * columns,
                }
        })
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused("ntk-change", d))?;
        Ok(Box::new(Change {
            network: subject.learner.network(subject.shape),
            x: first_inputs(dataset, self.samples),
            seed: experiment.seed,
            sketch: self.sketch,
            start: None,
            series: Series::new(1),
        }))
    }
}

/// The start, on the smaller side of the Jacobian.
enum Start {
    /// `K_0 / |K_0|`: no more rows than parameters.
    Kernel(DMatrix<f64>),
    /// `J_0` and `|K_0|`: fewer parameters than rows.
    Jacobian(DMatrix<f64>, f64),
    /// The directions `V`, `J_0 V` and the estimate of `|K_0|^2`.
    Sketch(Directions, DMatrix<f64>, f64),
}

struct Change {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    seed: u64,
    sketch: Option<usize>,
    start: Option<Start>,
    series: Series,
}

/// `K / |K|` of the kernel `K = J J^T`.
fn direction(jacobian: &DMatrix<f64>) -> DMatrix<f64> {
    let kernel = jacobian * jacobian.transpose();
    let size = kernel.norm();
    kernel / size
}

/// `|J J^T|_F = |J^T J|_F`.
fn kernel_norm(jacobian: &DMatrix<f64>) -> f64 {
    (jacobian.transpose() * jacobian).norm()
}

/// Unbiased estimate of `<J J^T, J' J'^T>_F = |J^T J'|_F^2` from `U = J V`, `U' = J' V`: the mean of `(U^T U')_rs^2` over `r != s`.
fn sketched_overlap(u: &DMatrix<f64>, other: &DMatrix<f64>) -> f64 {
    let products = transpose_multiply(u, other);
    let m = products.nrows() as f64;
    let diagonal = products.diagonal().norm_squared();
    (products.norm_squared() - diagonal) / (m * (m - 1.0))
}

impl Change {
    fn begin(&mut self, parameters: &Parameters) -> Start {
        let network = self.network.as_mut();
        if let Some(count) = self.sketch {
            let directions = Directions::new(self.seed, parameters, count);
            let u = directions.products(network, parameters, &self.x);
            let square = sketched_overlap(&u, &u);
            return Start::Sketch(directions, u, square);
        }
        let jacobian = network.jacobian(parameters, &self.x);
        match jacobian.nrows() <= jacobian.ncols() {
            true => Start::Kernel(direction(&jacobian)),
            false => {
                let size = kernel_norm(&jacobian);
                Start::Jacobian(jacobian, size)
            }
        }
    }
}

impl Recorder for Change {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let start = match self.start.take() {
            Some(start) => start,
            None => self.begin(parameters),
        };
        let network = self.network.as_mut();
        let change = match &start {
            // 1 - <a, b> = |a - b|^2 / 2 for unit vectors, without cancellation.
            Start::Kernel(before) => {
                let now = network.jacobian(parameters, &self.x);
                (direction(&now) - before).norm_squared() / 2.0
            }
            // <J_0 J_0^T, J J^T> = |J_0^T J|^2.
            Start::Jacobian(before, size) => {
                let now = network.jacobian(parameters, &self.x);
                let overlap = (before.transpose() * &now).norm_squared();
                1.0 - overlap / (size * kernel_norm(&now))
            }
            Start::Sketch(directions, before, square) => {
                let now = directions.products(network, parameters, &self.x);
                let size = (square * sketched_overlap(&now, &now)).sqrt();
                1.0 - sketched_overlap(before, &now) / size
            }
        };
        self.start = Some(start);
        self.series.push([change])
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

#[cfg(test)]
#[path = "ntk_tests.rs"]
mod tests;
