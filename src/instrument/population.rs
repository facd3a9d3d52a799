//! The error over the population without a test set, whole and mode by mode, where inputs are Gaussian and the
//! predictor is affine.

use super::averaged::Over;
use super::subject::{Series, Subject, counting_axis, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::kind::{About, parse_table};
use crate::learner::{Network, Parameters};
use crate::task::{Dataset, GaussianInputs, Modes};
use nalgebra::DMatrix;
use std::ops::Range;
use std::sync::Arc;

/// Mean squared error over the population.
pub static POPULATION_ERROR: Observable = Observable {
    name: "population-error",
    label: "error over the population E_{g}",
    unit: "1",
    convention: "E_x |f(x) - f*(x)|^2 over the law of the inputs, against the noiseless target, summed over outputs, \
                 not halved: twice the half-mean test loss of infinitely many test samples; exact for each network; over = \"chain\": averaged \
                 over the recorded steps of the measured part",
    ..Observable::PLAIN
};

/// The error on every mode of the population.
pub static POPULATION_MODE_ERROR: Observable = Observable {
    name: "population-mode-error",
    label: "squared error on modes of the population",
    unit: "1",
    convention: "E_k = sum |f_k - y_k|^2 over the orthonormal eigenfunctions of the k-th largest eigenvalue of the \
                 kernel linear, summed over outputs, not halved; of every network, so that its mean holds bias and \
                 variance; relative = true: divided by sum |y_k|^2",
    undefined: Some("relative = true, and the target has no part in the mode"),
    ..Observable::PLAIN
};

/// The learned share of the target on every mode of the population.
pub static POPULATION_MODE_LEARNABILITY: Observable = Observable {
    name: "population-mode-learnability",
    label: "learnability of modes of the population",
    unit: "1",
    convention: "L_k = sum f_k . y_k / sum |y_k|^2 over the orthonormal eigenfunctions of the k-th largest eigenvalue \
                 of the kernel linear; 0 = nothing learned, 1 = all",
    undefined: Some("the target has no part in the mode"),
    ..Observable::PLAIN
};

const ERROR_ABOUT: About = About {
    kind: "population-error",
    summary: "squared error over the law of the inputs, exact without a test set",
    text: "\
E_g = E_x |f(x) - f*(x)|^2 on the axis time, against the noiseless target, summed over outputs, not halved. Inputs of
the task are x = sum_k sqrt(c_k) u_k g_k with independent g_k ~ N(0, 1); a predictor that is affine in x is known
everywhere by its values at 0 and at the D points X_k = sqrt(c_k) u_k, so that the average over inputs is a finite sum,

  E_g = sum_k |f(X_k) - f(0) - y_k|^2 + |f(0) - a_0|^2 + R

y_k: coefficients of the linear part of the target, a_0: its mean, R: mean square of what no affine function expresses.
With over = \"chain\" it is averaged over the recorded steps of the measured part of the training (after the burn-in of a sampler, the last
step of a rule that minimises): the error of the samples of a posterior, which holds their variance; the default is over = \"time\".
Nothing is sampled: beside the half (half-mean), test-loss is an estimate of it from task.test_samples.

Needs a task that states such inputs (power-law-features, linear-teacher, hermite-teacher) and a learner whose outputs
are affine in the inputs: kernel-ridge with the kernel linear, random-features with activation = \"linear\", an mlp with
activation = \"linear\" or without hidden layers. All others have test-loss.

Source: the sum over eigenfunctions is derived here; for kernels see Bordelon, Canatar, Pehlevan 2020
(arXiv:2002.02561).",
    revision: 1,
};

const MODE_ERROR_ABOUT: About = About {
    kind: "population-mode-error",
    summary: "squared error over the law of the inputs, mode by mode",
    text: "\
E_k = sum |f_k - y_k|^2 on the axes mode, time: the terms of population-error, of the largest variance c_k of the inputs
first. Directions of equal variance cannot be told apart and make one mode together: of white inputs there is one. With
relative = true E_k is divided by its value without learning, sum |y_k|^2 (of the draw), which makes the per-mode
learning curves E_k(P)/E_k(0) of Bordelon et al. 2020; not-a-number where the target has no part in the mode.

The mean over data sets is y_k^2 (1 - L_k)^2 + L_k^2 E_tot/P for kernel ridge regression, squared bias and variance,
with the learnability L_k = lam_k/(lam_k + kappa/P); see learning-curve.

keys: modes (default 16), relative (default false), as { kind = \"population-mode-error\", modes = 8, relative = true }
Needs what population-error needs.
Source: Bordelon, Canatar, Pehlevan 2020 (arXiv:2002.02561).",
    revision: 1,
};

const LEARNABILITY_ABOUT: About = About {
    kind: "population-mode-learnability",
    summary: "learned share of the target over the law of the inputs, mode by mode",
    text: "\
L_k = sum f_k . y_k / sum |y_k|^2 on the axes mode, time, with modes and coefficients f_k, y_k as in
population-mode-error. It is linear in f: means over data sets are those of the mean predictor, and (1 - L_k)^2 of the
mean is its squared bias. Kernel ridge regression has L_k = lam_k/(lam_k + kappa/P) on average, and all of them sum to
at most P; see learning-curve.

keys: modes (default 16). Needs what population-error needs.
Source: Canatar, Bordelon, Pehlevan 2021 (arXiv:2006.13198); Simon et al. 2021 (arXiv:2110.03922).",
    revision: 1,
};

/// What is formed of the coefficients.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Quantity {
    Error,
    ModeError,
    ModeLearnability,
}

/// Keys of the quantities by mode.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    modes: usize,
    relative: bool,
}

/// Keys of the whole error.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Whole {
    #[serde(default = "time")]
    over: Over,
}

fn time() -> Over {
    Over::Time
}

/// Keys of the learnability, which is relative by itself.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Count {
    #[serde(default = "sixteen")]
    modes: usize,
}

fn sixteen() -> usize {
    DEFAULT.modes
}

const DEFAULT: Keys = Keys {
    modes: 16,
    relative: false,
};

impl Default for Keys {
    fn default() -> Self {
        DEFAULT
    }
}

/// Points that are passed through the network at one time.
const BLOCK: usize = 256;

/// Measures [`POPULATION_ERROR`], [`POPULATION_MODE_ERROR`] or [`POPULATION_MODE_LEARNABILITY`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Population {
    quantity: Quantity,
    keys: Keys,
    over: Over,
}

impl Population {
    /// Measures [`POPULATION_ERROR`].
    pub const ERROR: Population = Population::of(Quantity::Error);
    /// Measures [`POPULATION_MODE_ERROR`] on the first 16 modes.
    pub const MODE_ERROR: Population = Population::of(Quantity::ModeError);
    /// Measures [`POPULATION_MODE_LEARNABILITY`] on the first 16 modes.
    pub const MODE_LEARNABILITY: Population = Population::of(Quantity::ModeLearnability);

    const fn of(quantity: Quantity) -> Self {
        Population {
            quantity,
            keys: DEFAULT,
            over: Over::Time,
        }
    }

    fn inputs(&self, experiment: &Experiment) -> std::result::Result<GaussianInputs, Declined> {
        let subject = Subject::of(experiment)?;
        if !subject.learner.is_affine(subject.shape) {
            return Err(Declined(
                "needs outputs that are affine in the inputs (kernel linear, activation = \"linear\"); else measure \
                 test-loss with task.test_samples"
                    .into(),
            ));
        }
        experiment.task.gaussian_inputs().ok_or_else(|| {
            Declined(
                "needs a task that states Gaussian inputs (power-law-features, linear-teacher, hermite-teacher); else \
                 measure test-loss with task.test_samples"
                    .into(),
            )
        })
    }
}

impl Instrument for Population {
    fn about(&self) -> &'static About {
        match self.quantity {
            Quantity::Error => &ERROR_ABOUT,
            Quantity::ModeError => &MODE_ERROR_ABOUT,
            Quantity::ModeLearnability => &LEARNABILITY_ABOUT,
        }
    }

    fn observable(&self) -> &'static Observable {
        match self.quantity {
            Quantity::Error => &POPULATION_ERROR,
            Quantity::ModeError => &POPULATION_MODE_ERROR,
            Quantity::ModeLearnability => &POPULATION_MODE_LEARNABILITY,
        }
    }

    fn keyed(&self, place: &str, keys: toml::Table) -> Result<Arc<dyn Instrument>> {
        let keys = match self.quantity {
            Quantity::Error => {
                let over = parse_table::<Whole>(place, keys)?.over;
                return Ok(Arc::new(Population { over, ..*self }));
            }
            Quantity::ModeError => parse_table::<Keys>(place, keys)?,
            Quantity::ModeLearnability => Keys {
                modes: parse_table::<Count>(place, keys)?.modes,
                ..DEFAULT
            },
        };
        if keys.modes == 0 {
            return Err(Error::input(
                format!("{place}.modes"),
                "is 0",
                "use a positive integer",
            ));
        }
        Ok(Arc::new(Population { keys, ..*self }))
    }

    fn resolved(&self) -> serde_json::Value {
        match self.quantity {
            Quantity::Error => serde_json::json!({ "over": self.over }),
            Quantity::ModeError => serde_json::json!(self.keys),
            Quantity::ModeLearnability => serde_json::json!({ "modes": self.keys.modes }),
        }
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let inputs = self.inputs(experiment)?;
        let time = time_axis(experiment);
        Ok(match self.quantity {
            Quantity::Error if self.over == Over::Chain => Vec::new(),
            Quantity::Error => vec![time],
            _ => {
                let modes = inputs.variances.len().min(self.keys.modes);
                vec![counting_axis("mode", modes), time]
            }
        })
    }

    /// A block of points with its forward pass, and the directions.
    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            let inputs = subject.shape.inputs;
            subject.forward(BLOCK.min(inputs)) + inputs * inputs
        })
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let kind = self.about().kind;
        let inputs = self.inputs(experiment).map_err(|d| refused(kind, d))?;
        let subject = Subject::of(experiment).map_err(|d| refused(kind, d))?;
        let levels = match self.quantity {
            Quantity::Error => std::iter::once(0..inputs.components()).collect(),
            _ => inputs.levels(self.keys.modes),
        };
        Ok(Box::new(Watch {
            instrument: *self,
            from: subject.training.measured_from(),
            chain: Vec::new(),
            network: subject.learner.network(subject.shape),
            series: Series::new(levels.len()),
            modes: dataset.modes.clone(),
            inputs,
            levels,
        }))
    }
}

struct Watch {
    instrument: Population,
    network: Box<dyn Network<f64>>,
    inputs: GaussianInputs,
    /// Components of every value.
    levels: Vec<Range<usize>>,
    /// The linear part of the target.
    modes: Modes,
    series: Series,
    /// First step of the measured part.
    from: usize,
    /// Over the chain: the number of looks and the sum of their values.
    chain: Vec<f64>,
}

/// Sums over components of `|f - y|^2`, `f . y` and `|y|^2`.
#[derive(Default)]
struct Sums {
    error: f64,
    overlap: f64,
    target: f64,
}

impl Watch {
    fn sums(
        &mut self,
        parameters: &Parameters,
        at_zero: &DMatrix<f64>,
        range: Range<usize>,
    ) -> Sums {
        let mut sums = Sums::default();
        for start in range.clone().step_by(BLOCK) {
            let x = self.inputs.points(start..range.end.min(start + BLOCK));
            let y = GaussianInputs::target(&self.modes, &x);
            let mut f = self.network.forward(parameters, &x);
            for mut f in f.column_iter_mut() {
                f -= at_zero.column(0);
            }
            sums.error += (&f - &y).norm_squared();
            sums.overlap += f.dot(&y);
            sums.target += y.norm_squared();
        }
        sums
    }
}

impl Recorder for Watch {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let zero = DMatrix::zeros(self.inputs.components(), 1);
        let at_zero = self.network.forward(parameters, &zero);
        let levels = self.levels.clone().into_iter();
        let sums: Vec<Sums> = levels
            .map(|range| self.sums(parameters, &at_zero, range))
            .collect();
        let rest = (at_zero.column(0) - self.inputs.mean()).norm_squared() + self.inputs.beyond;
        let Population {
            quantity,
            keys,
            over,
        } = self.instrument;
        if over == Over::Chain {
            self.chain.resize(2, 0.0);
            if step >= self.from {
                self.chain[0] += 1.0;
                self.chain[1] += sums.iter().map(|s| s.error).sum::<f64>() + rest;
            }
            return Ok(());
        }
        let value = |s: Sums| match quantity {
            Quantity::Error => s.error + rest,
            Quantity::ModeLearnability => share(s.overlap, s.target),
            Quantity::ModeError if keys.relative => share(s.error, s.target),
            Quantity::ModeError => s.error,
        };
        self.series
            .push(sums.into_iter().map(value).collect::<Vec<_>>())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        match self.instrument.over {
            Over::Chain => &mut self.chain,
            Over::Time => &mut self.series.by_time,
        }
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        match (self.instrument.over, self.chain.as_slice()) {
            (Over::Chain, &[looks, sum]) => vec![sum / looks],
            (Over::Chain, _) => vec![f64::NAN],
            (Over::Time, _) => self.series.finish(),
        }
    }
}

/// `part/whole`; not-a-number where there is no whole.
fn share(part: f64, whole: f64) -> f64 {
    match whole > 0.0 {
        true => part / whole,
        false => f64::NAN,
    }
}

#[cfg(test)]
#[path = "population_tests.rs"]
mod tests;
