//! What a theory of the posterior finds on a data set, put into answers.

use crate::error::Result;
use crate::instrument::{Axis, Declined, Observable};
use crate::mean_field::angle::Angles;
use crate::mean_field::axis::Overlap;
use crate::task::Dataset;
use crate::theory::{Answer, Asked, Info, Prediction, SolverReport};
use nalgebra::{DMatrix, DVector};

/// `ln Z`, its own quantity of every theory of the posterior.
pub static LOG_PARTITION: Observable = Observable {
    name: "log-partition",
    label: "log partition function ln Z",
    convention: "ln Z = ln E exp(-chi Lo/T) over the prior, Lo = (1/2) sum (y - f)^2; 0 at T -> inf",
    ..Observable::PLAIN
};

/// `ln p(y)`
pub static LOG_EVIDENCE: Observable = Observable {
    name: "log-evidence",
    label: "log evidence ln p(y)",
    convention: "ln p(y | X) = ln Z - (P/2) ln(2 pi T/chi), the density of the targets under prior and likelihood",
    ..Observable::PLAIN
};

/// `F/N`
pub static FREE_ENERGY: Observable = Observable {
    name: "free-energy-per-neuron",
    label: "free energy F/N",
    convention: "minimum of the action per hidden unit, without fluctuations, 0 at T -> inf",
    ..Observable::PLAIN
};

/// `t`
pub static DISCREPANCY: Observable = Observable {
    name: "discrepancy",
    label: "discrepancy t",
    convention: "t_mu = (y_mu - fbar_mu)/T with the temperature before the division by chi, of every training sample",
    ..Observable::PLAIN
};

/// `Q` of every stationary point.
pub static KERNEL_SCALE: Observable = Observable {
    name: "kernel-scale",
    label: "kernel scale Q",
    convention: "Q = q_1 ... q_L, the factor of the kernel of infinite width, at the stationary points of the action by rising action",
    ..Observable::PLAIN
};

/// `E[q | D]`
pub static KERNEL_SCALE_MEAN: Observable = Observable {
    name: "kernel-scale-mean",
    label: "mean kernel scale E[q | data]",
    convention: "mean over the posterior of q, the factor of a linear network's kernel; kernel-scale is a saddle point",
    ..Observable::PLAIN
};

/// What a theory found. What it does not know is `None`, and a question about it has no answer.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Mean outputs at the training and the test inputs, `outputs x samples`.
    pub training: Option<DMatrix<f64>>,
    /// At the test inputs.
    pub test: Option<DMatrix<f64>>,
    /// Mean squares at the test inputs.
    pub second: Option<DMatrix<f64>>,
    /// Mean squared error of the samples of the posterior over the law of the inputs.
    pub population: Option<f64>,
    /// `E w w^T` of the first hidden layer.
    pub covariance: Option<DMatrix<f64>>,
    /// `E|W_l|^2` over the prior, layer by layer.
    pub scales: Option<Vec<f64>>,
    /// `ln Z`
    pub log_partition: Option<f64>,
    /// `F/N`
    pub free_energy: Option<f64>,
    /// `E q^2`, `E q^4` of the overlap with the task's direction.
    pub overlap: Option<[f64; 2]>,
    /// Law of that overlap.
    pub overlap_law: Option<Overlap>,
    /// `Q` of every stationary point, the answer first.
    pub kernel_scales: Vec<f64>,
    /// `E[q | D]`
    pub scale_mean: Option<f64>,
    /// Law of the angle of the neurons, for inputs in the plane.
    pub angles: Option<Angles>,
    /// Absolute error of the mean outputs.
    pub output_bound: f64,
    /// Absolute error of `ln Z`.
    pub log_bound: f64,
    /// Absolute error of everything else.
    pub other_bound: f64,
    /// The same from further independent samples, of a theory with statistical error.
    pub repeats: Vec<Findings>,
    /// Variance of the likelihood, `T/chi`.
    pub noise: f64,
    /// `T`
    pub temperature: f64,
    /// How it was found.
    pub solver: SolverReport,
    /// What the reader must know.
    pub warnings: Vec<String>,
}

/// One output, `1 x samples`.
pub fn row(v: &DVector<f64>) -> DMatrix<f64> {
    DMatrix::from_row_slice(1, v.len(), v.as_slice())
}

/// Mean square of `y - f`, with the error of a bound on `f`.
fn mean_square(y: &DMatrix<f64>, f: &DMatrix<f64>, bound: f64) -> (f64, f64) {
    let difference = y - f;
    let n = y.ncols() as f64;
    let error = 2.0 * difference.abs().sum() * bound / n + y.nrows() as f64 * bound * bound;
    (difference.norm_squared() / n, error)
}

/// Values with one bound, sample fastest, output by output: the order of the axes output, sample.
fn by_output(values: &DMatrix<f64>, bound: f64) -> Vec<(f64, f64)> {
    let transposed = values.transpose();
    transposed.iter().map(|&v| (v, bound)).collect()
}

impl Findings {
    /// Values and bounds of the question, on the grid of its instrument.
    fn values(&self, asked: &Asked, dataset: &Dataset) -> Option<Vec<(f64, f64)>> {
        let b = self.output_bound;
        let on_test = asked.keys["on"] == "test" || asked.name() == "chain-test-loss";
        let (f, y) = match on_test {
            true => (self.test.as_ref(), dataset.test.as_ref().map(|(_, y)| y)),
            false => (self.training.as_ref(), Some(&dataset.y)),
        };
        let other = |v: f64| vec![(v, self.other_bound)];
        Some(match asked.name() {
            "outputs" if asked.keys["over"] == "time" => return None,
            "outputs" => by_output(f?, b),
            "predictor-mean" => by_output(self.test.as_ref()?, b),
            "predictor-second-moment" => by_output(self.second.as_ref()?, self.other_bound),
            "chain-loss" | "chain-test-loss" => vec![mean_square(y?, f?, b)],
            "target-overlap" => {
                let (y, f) = (y?, f?);
                let norm = y.norm_squared();
                vec![(y.dot(f) / norm, b * y.abs().sum() / norm)]
            }
            "population-error" => other(self.population?),
            "hidden-weight-covariance" => {
                let values = self.covariance.as_ref()?.iter();
                values.map(|&v| (v, self.other_bound)).collect()
            }
            "weight-norm-ratio" => {
                let values = self.scales.as_ref()?.iter();
                values.map(|&v| (v, self.other_bound)).collect()
            }
            "neuron-overlap" => self
                .overlap?
                .iter()
                .map(|&v| (v, self.other_bound))
                .collect(),
            "neuron-overlap-density" => {
                let density = self
                    .overlap_law
                    .as_ref()?
                    .density(&edges(&asked.axes().first()?.values));
                density.into_iter().map(|v| (v, self.other_bound)).collect()
            }
            "neuron-overlap-tail" => {
                let law = self.overlap_law.as_ref()?;
                let beyond =
                    |&a: &f64| law.share(a, f64::INFINITY) + law.share(f64::NEG_INFINITY, -a);
                let values = asked.axes().first()?.values.iter().map(beyond);
                values.map(|v| (v, self.other_bound)).collect()
            }
            "foreground-neurons" if asked.keys["of"] == "overlap" => {
                let law = self.overlap_law.as_ref()?;
                let density = law.density(&edges(&asked.axes().first()?.values));
                density.into_iter().map(|v| (v, self.other_bound)).collect()
            }
            "neuron-angle" | "foreground-neurons" => {
                let bins = asked.axes().first()?.values.len();
                let density = self.angles.as_ref()?.density(bins).into_iter();
                density.map(|v| (v, self.other_bound)).collect()
            }
            "angle-contrast" => other(self.angles.as_ref()?.contrast()),
            "log-partition" => vec![(self.log_partition?, self.log_bound)],
            "log-evidence" => {
                let p = dataset.y.len() as f64;
                let normal = 0.5 * p * (std::f64::consts::TAU * self.noise).ln();
                vec![(self.log_partition? - normal, self.log_bound)]
            }
            "kernel-scale" => {
                let values = self.kernel_scales.iter();
                values.map(|&v| (v, self.other_bound)).collect()
            }
            "kernel-scale-mean" => other(self.scale_mean?),
            "free-energy-per-neuron" => other(self.free_energy?),
            "discrepancy" => {
                let f = self.training.as_ref()?;
                by_output(&((&dataset.y - f) / self.temperature), b / self.temperature)
            }
            _ => return None,
        })
    }

    /// The answers to all questions that these findings answer.
    pub fn answer(self, asked: &[Asked], dataset: &Dataset) -> Result<Prediction> {
        let answer = |(i, question): (usize, &Asked)| {
            let values = self.values(question, dataset)?;
            let own = |name: &str| vec![counting(name, values.len())];
            let axes = match (&question.grid, question.name()) {
                (Some(grid), _) => grid.clone(),
                (None, "discrepancy") => own("sample"),
                (None, "kernel-scale") => own("root"),
                (None, _) => Vec::new(),
            };
            let repeats = self.repeats.iter().map(|r| r.values(question, dataset));
            let repeats: Option<Vec<Vec<(f64, f64)>>> = repeats.collect();
            let repeats = repeats.filter(|r| !r.is_empty());
            let (mean, bound): (Vec<f64>, Vec<f64>) = values.iter().copied().unzip();
            Some(match repeats {
                Some(others) => {
                    let others = others.iter().map(|r| r.iter().map(|v| v.0).collect());
                    Answer::repeated(i, &axes, std::iter::once(mean).chain(others).collect())
                }
                None => Answer {
                    asked: i,
                    axes,
                    mean,
                    bound,
                    repeats: None,
                },
            })
        };
        let answers: Vec<Answer> = asked.iter().enumerate().filter_map(answer).collect();
        Ok(Prediction {
            answers,
            solver: self.solver,
            warnings: self.warnings,
        })
    }
}

/// Ends of bins of equal width with these centres.
fn edges(centres: &[f64]) -> Vec<f64> {
    let width = match centres {
        [a, b, ..] => b - a,
        _ => 1.0,
    };
    let first = centres.first().map_or(0.0, |c| c - 0.5 * width);
    (0..=centres.len())
        .map(|k| first + width * k as f64)
        .collect()
}

fn counting(name: &str, n: usize) -> Axis {
    Axis::new(name, "1", (1..=n).map(|k| k as f64).collect())
}

/// Scalars of instruments that a theory can tell where nothing is measured.
const SCALARS: [&str; 4] = [
    "chain-loss",
    "chain-test-loss",
    "target-overlap",
    "angle-contrast",
];

/// Places of the questions that a theory answers: what instruments measure on their grid, single numbers also without it, and its
/// own quantities.
pub fn places(asked: &[Asked], info: &Info) -> std::result::Result<Vec<usize>, Declined> {
    let possible = |i: &usize| {
        let (name, on_grid) = (asked[*i].name(), asked[*i].grid.is_some());
        let measured = info.observables.contains(&name) && (on_grid || SCALARS.contains(&name));
        measured || info.own.iter().any(|o| o.name == name)
    };
    let places: Vec<usize> = (0..asked.len()).filter(possible).collect();
    match places.is_empty() {
        false => Ok(places),
        true => Err(Declined(format!(
            "predicts {} where an instrument of the experiment has them, and tells {}; nothing of this is asked for",
            info.observables.join(", "),
            info.own
                .iter()
                .map(|o| o.name)
                .collect::<Vec<_>>()
                .join(", ")
        ))),
    }
}
