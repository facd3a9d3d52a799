//! Learning on the eigenmodes of a kernel: learned share of the target and error, mode by mode.

use super::subject::{Series, Subject, counting_axis, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::{Context, Eigensystem};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kernel::Kernel;
use crate::kind::{About, parse_table};
use crate::learner::{Network, Parameters};
use crate::numerics::memo::Kept;
use crate::task::Dataset;
use nalgebra::DMatrix;
use std::sync::Arc;

/// Learned share of the target on every eigenmode of the kernel.
pub static KERNEL_MODE_LEARNABILITY: Observable = Observable {
    name: "kernel-mode-learnability",
    label: "learnability of kernel modes",
    unit: "1",
    convention: "c_k = (v_k . f)(v_k . y)/(v_k . y)^2, products summed over outputs; v_k the eigenvectors of the kernel matrix of the points, \
                 largest eigenvalue first; points: the population of the task, or the test inputs where it shows none; 0 = nothing learned, 1 = all",
    undefined: Some("the target has no part in the mode"),
    ..Observable::PLAIN
};

/// Mean squared error on every eigenmode of the kernel.
pub static KERNEL_MODE_ERROR: Observable = Observable {
    name: "kernel-mode-error",
    label: "squared error on kernel modes",
    unit: "1",
    convention: "E_k = (1/M) |v_k . (y - f)|^2, summed over outputs, of every network, on M points as in kernel-mode-learnability; \
                 sum_k E_k = mean of |y - f|^2, not halved; its mean over networks holds bias and variance",
    ..Observable::PLAIN
};

const LEARNABILITY_ABOUT: About = About {
    kind: "kernel-mode-learnability",
    summary: "learned share of the target on the eigenmodes of the kernel",
    text: "\
c_k = sum_i (v_k . f_i)(v_k . y_i) / sum_i (v_k . y_i)^2 on the axes kernel-mode, time, over the outputs i. v_k: eigenvectors of the kernel matrix of
M points, largest eigenvalue first. The points are the first samples of the task's population where it shows one (a file with
task.samples), the same for all draws and training samples among them; else the test inputs of each data set. Linear in f: means over
networks and data sets are those of the mean predictor, and (1 - c_k)^2 of the mean is its squared bias; a single network's also has
variance, see kernel-mode-error. Not-a-number where the target has no part in a mode, and noisy where that part is small.
Kernel ridge regression on P samples learns P lam_k/(kappa + P lam_k), lam_k = eigenvalue/M; see learning-curve.

keys: modes (default 16), points = M at most (default 2000), kernel (default: the learner's own; needed for a learner without one), as
  { kind = \"kernel-mode-learnability\", modes = 8, kernel = { kind = \"gaussian\", length = 2.0 } }
Sources: Canatar, Bordelon, Pehlevan 2021 (arXiv:2006.13198); Simon, Dickens, Karkada, DeWeese 2021 (arXiv:2110.03922).",
    revision: 2,
};

const ERROR_ABOUT: About = About {
    kind: "kernel-mode-error",
    summary: "mean squared error on the eigenmodes of the kernel",
    text: "\
E_k = (1/M) sum_i |v_k . (y_i - f_i)|^2 on the axes kernel-mode, time; points, eigenvectors v_k and keys as in kernel-mode-learnability.
Of every network; the mean over draws is (target on the mode) x [(1 - mean c_k)^2 + Var c_k] for one output: squared bias and
variance. All M modes together make the mean of |y - f|^2 over the points.

keys: modes (default 16), points (default 2000), kernel; see kernel-mode-learnability
Sources: Canatar, Bordelon, Pehlevan 2021 (arXiv:2006.13198); Simon, Dickens, Karkada, DeWeese 2021 (arXiv:2110.03922).",
    revision: 2,
};

/// What is formed of a mode's coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantity {
    Learnability,
    Error,
}

/// Keys of both instruments.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    modes: usize,
    points: usize,
    kernel: Option<Kernel>,
}

const DEFAULT: Keys = Keys {
    modes: 16,
    points: 2000,
    kernel: None,
};

impl Default for Keys {
    fn default() -> Self {
        DEFAULT
    }
}

/// Most points whose kernel matrix is diagonalised.
const MOST_POINTS: usize = 10_000;

/// Measures [`KERNEL_MODE_LEARNABILITY`] or [`KERNEL_MODE_ERROR`].
#[derive(Debug, Clone, PartialEq)]
pub struct KernelModes {
    quantity: Quantity,
    keys: Keys,
}

impl KernelModes {
    /// Measures [`KERNEL_MODE_LEARNABILITY`] on the first 16 modes of the learner's kernel.
    pub const LEARNABILITY: KernelModes = KernelModes {
        quantity: Quantity::Learnability,
        keys: DEFAULT,
    };
    /// Measures [`KERNEL_MODE_ERROR`] on the first 16 modes of the learner's kernel.
    pub const ERROR: KernelModes = KernelModes {
        quantity: Quantity::Error,
        keys: DEFAULT,
    };

    fn kernel(&self, subject: &Subject) -> std::result::Result<Kernel, Declined> {
        let own = subject.learner.kernel().map(|view| view.kernel);
        match (own, &self.keys.kernel) {
            (Some(_), Some(_)) => Err(Declined(
                "the learner has a kernel of its own: leave out the key kernel".into(),
            )),
            (Some(kernel), None) => Ok(kernel),
            (None, Some(kernel)) => Ok(kernel.clone()),
            (None, None) => Err(Declined(format!(
                "the learner has no kernel: write {{ kind = \"{}\", kernel = {{ ... }} }}",
                self.about().kind
            ))),
        }
    }
}

impl KernelModes {
    /// Number of points; 0 where there are none.
    fn points(&self, experiment: &Experiment) -> usize {
        let task = &experiment.task;
        let points = task.population_size().unwrap_or(task.test_samples());
        points.min(self.keys.points)
    }
}

impl Instrument for KernelModes {
    fn about(&self) -> &'static About {
        match self.quantity {
            Quantity::Learnability => &LEARNABILITY_ABOUT,
            Quantity::Error => &ERROR_ABOUT,
        }
    }

    fn observable(&self) -> &'static Observable {
        match self.quantity {
            Quantity::Learnability => &KERNEL_MODE_LEARNABILITY,
            Quantity::Error => &KERNEL_MODE_ERROR,
        }
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys: Keys = parse_table(place, keys)?;
        for (key, value) in [("modes", keys.modes), ("points", keys.points)] {
            if !(1..=MOST_POINTS).contains(&value) {
                return Err(Error::input(
                    format!("{place}.{key}"),
                    format!("{value} is outside 1 to {MOST_POINTS}"),
                    format!("give a number from 1 to {MOST_POINTS}"),
                ));
            }
        }
        if let Some(kernel) = &keys.kernel {
            kernel.check(&format!("{place}.kernel"))?;
        }
        Ok(Arc::new(KernelModes {
            quantity: self.quantity,
            keys,
        }))
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.keys)
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        self.kernel(&subject)?;
        match self.points(experiment) {
            0 => Err(Declined(
                "the task has neither a population to show (a file with task.samples) nor a test set".into(),
            )),
            points => Ok(vec![
                counting_axis("kernel-mode", points.min(self.keys.modes)),
                time_axis(experiment),
            ]),
        }
    }

    /// The points with a forward pass, their kernel matrix and its eigendecomposition, which holds four matrices of its size.
    fn bytes(&self, experiment: &Experiment) -> u64 {
        let points = self.points(experiment);
        Subject::bytes(experiment, |subject| {
            subject.forward(points) + points * (5 * points + self.keys.modes.min(points))
        })
    }

    fn keeps(&self, experiment: &Experiment) -> Vec<Kept> {
        let kernel = Subject::of(experiment).and_then(|subject| self.kernel(&subject));
        match (kernel, experiment.task.population_size()) {
            (Ok(kernel), Some(n)) => {
                let (task, points) = (experiment.task.as_ref(), self.keys.points.min(n));
                vec![Context::kept_eigensystem(task, &kernel, points)]
            }
            _ => vec![],
        }
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        cx: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let kind = self.about().kind;
        let subject = Subject::of(experiment).map_err(|d| refused(kind, d))?;
        let kernel = self.kernel(&subject).map_err(|d| refused(kind, d))?;
        let (points, count) = (self.keys.points, self.keys.modes);
        let modes = match (experiment.task.population(points), &dataset.test) {
            (Some((x, y)), _) => {
                let system = cx.eigensystem(&kernel, &x, "points of the observable")?;
                Modes::new(&system, x, y, count)
            }
            (None, Some((x, y))) => {
                let n = x.ncols().min(points);
                let first = |m: &DMatrix<f64>| m.columns(0, n).into_owned();
                let x = first(x);
                // Every data set has test inputs of its own: there is nothing to keep.
                let own = Context::new(0, 0).within(cx.max_memory());
                let own = own.eigensystem(&kernel, &x, "points of the observable")?;
                Modes::new(&own, x, first(y), count)
            }
            (None, None) => return Err(Error::bug(kind, "a data set without points")),
        };
        Ok(Box::new(Watch {
            quantity: self.quantity,
            network: subject.learner.network(subject.shape),
            series: Series::new(modes.vectors.ncols()),
            modes,
        }))
    }
}

/// The first eigenvectors of a kernel matrix, with the points.
struct Modes {
    x: DMatrix<f64>,
    /// `points x modes`
    vectors: DMatrix<f64>,
    /// Targets in the modes, `outputs x modes`.
    target: DMatrix<f64>,
}

impl Modes {
    fn new(system: &Eigensystem, x: DMatrix<f64>, y: DMatrix<f64>, count: usize) -> Self {
        let descending: Vec<usize> = (0..x.ncols()).rev().take(count).collect();
        let vectors = system.vectors.select_columns(&descending);
        Modes {
            target: y * &vectors,
            vectors,
            x,
        }
    }
}

struct Watch {
    quantity: Quantity,
    network: Box<dyn Network<f64>>,
    modes: Modes,
    series: Series,
}

impl Recorder for Watch {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let Modes { x, vectors, target } = &self.modes;
        let learned = self.network.forward(parameters, x) * vectors;
        let pairs = learned.column_iter().zip(target.column_iter());
        let quantity = self.quantity;
        let values = pairs.map(|(f, y)| match quantity {
            Quantity::Learnability => f.dot(&y) / y.norm_squared(),
            Quantity::Error => (y - f).norm_squared() / x.ncols() as f64,
        });
        self.series.push(values.collect::<Vec<_>>())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

#[cfg(test)]
#[path = "kernel_modes_tests.rs"]
mod tests;
