//! The entry `ntk` with `condition = "data"`: the kernel of infinite width, averaged over the initialisations.

use super::Time;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Draw;
use crate::mean_field::wide::{Kernels, Wide};
use crate::numerics::linalg::{eigh, solve_spd};
use crate::task::Dataset;
use crate::theory::readout::{entries, mode_strengths};
use crate::theory::sheet::Sheet;
use crate::theory::{Answer, Asked, Prediction, Solve, SolverReport, missing};
use crate::training::Loss;
use nalgebra::{DMatrix, DVector};
use serde::Serialize;
use serde_json::{Value as Json, json};

/// A network whose kernel is that of infinite width and does not move.
///
/// The outputs start as independent Gaussian processes of covariance `K`, `f_0 ~ GP(0, K)`, and descend in the tangent kernel
/// `Th = U diag(lambda) U^T` of the training inputs, `kappa = w * rate`:
///
/// ```text
/// f_n(x) = f_0(x) + Th(x, X) U p_n U^T (y - f_0(X)),   p_n = (1 - (1 - kappa lambda)^n)/lambda
/// E f_n(x) = Th(x, X) U p_n U^T y
/// E L_train = (w/2) sum_i (1 - kappa lambda_i)^(2n) [ |y u_i|^2 + N_o u_i^T K u_i ]
/// E L_test  = (w/2) sum_x [ |y(x) - A y|^2 + N_o (K(x,x) - 2 A K(X,x) + A K(X,X) A^T) ],   A = Th(x, X) U p_n U^T
/// ```
///
/// `N_o` is the number of outputs. Means over initialisations are exact at infinite width. Source: Lee et al. 2019,
/// arXiv:1902.06720 (equations 8 to 11, in discrete time).
#[derive(Debug, Clone, Serialize)]
pub(super) struct Ensemble {
    pub wide: Wide,
    pub loss: Loss,
    pub learning_rate: f64,
    /// Step on the raw parameters.
    pub rate: f64,
    /// Steps of the whole training.
    pub steps: usize,
    pub time: Time,
}

/// The kernels of one data set in the eigenvectors of the tangent kernel of its training inputs.
struct Modes {
    lambda: DVector<f64>,
    /// `outputs x P`: targets in the eigenvectors.
    target: DMatrix<f64>,
    u: DMatrix<f64>,
    /// `U^T K U`
    start: DMatrix<f64>,
    kappa: f64,
    time: Time,
}

impl Modes {
    /// `(1 - kappa lambda)^n`
    fn left(&self, step: f64) -> DVector<f64> {
        let kappa = self.kappa;
        self.lambda.map(|lambda| match self.time {
            Time::Flow => (-kappa * lambda * step).exp(),
            Time::Discrete => (1.0 - kappa * lambda).powi(step.round() as i32),
        })
    }

    /// `p_n`
    fn progress(&self, step: f64) -> DVector<f64> {
        let floor = f64::EPSILON * self.lambda.max().max(0.0);
        let left = self.left(step);
        self.lambda
            .zip_map(&left, |lambda, left| match lambda <= floor {
                true => self.kappa * step,
                false => (1.0 - left) / lambda,
            })
    }
}

impl Ensemble {
    fn modes(&self, data: &Dataset, kernels: &Kernels) -> Result<Modes> {
        let (lambda, u) = eigh(&kernels.ntk)?;
        let kappa = self.loss.weight(data.samples()) * self.rate;
        let top = kappa * lambda.max();
        if self.time == Time::Discrete && top > 2.0 {
            return Err(Error::Declined {
                reason: format!(
                    "descent in the kernel of infinite width diverges: weight * rate * lambda_max = {top:.4} > 2 (lower \
                     training.learning_rate)"
                ),
            });
        }
        Ok(Modes {
            target: &data.y * &u,
            start: u.tr_mul(&kernels.nngp) * &u,
            lambda,
            u,
            kappa,
            time: self.time,
        })
    }
}

/// What is known of the test inputs, in the eigenvectors.
struct Test<'a> {
    y: &'a DMatrix<f64>,
    /// `Th(x, X) U`, `T x P`
    response: DMatrix<f64>,
    /// `U^T K(X, x)`, `P x T`
    cross: DMatrix<f64>,
    /// `sum_x K(x, x)`
    variance: f64,
}

impl<'a> Test<'a> {
    fn new(
        wide: &Wide,
        modes: &Modes,
        x: &DMatrix<f64>,
        at: &'a (DMatrix<f64>, DMatrix<f64>),
    ) -> Result<Self> {
        let (inputs, y) = at;
        let cross = wide.kernels(x, inputs)?;
        let d = inputs.nrows() as f64;
        let mut variance = 0.0;
        for column in inputs.column_iter() {
            let g = column.norm_squared() / d;
            variance += wide.pair([g, g, g])?.nngp;
        }
        Ok(Test {
            y,
            response: cross.ntk.tr_mul(&modes.u),
            cross: modes.u.tr_mul(&cross.nngp),
            variance,
        })
    }

    /// `sum_x [|y - A y|^2 + N_o Var f(x)]` after `step` steps.
    fn squares(&self, modes: &Modes, step: f64) -> f64 {
        let mut a = self.response.clone();
        for (mut column, p) in a.column_iter_mut().zip(modes.progress(step).iter()) {
            column *= *p;
        }
        let bias = (self.y - &modes.target * a.transpose()).norm_squared();
        let moved = &a * &modes.start - 2.0 * self.cross.transpose();
        let variance = self.variance + moved.dot(&a);
        bias + self.y.nrows() as f64 * variance
    }
}

impl Solve for Ensemble {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let data = draw
            .dataset
            .as_deref()
            .ok_or_else(|| missing("the data set"))?;
        let kernels = self.wide.kernels(&data.x, &data.x)?;
        let modes = self.modes(data, &kernels)?;
        let mut sheet = Sheet::new(asked);
        let needs_test = sheet.asks_for("test-loss") || sheet.asks_for("predictor-mean");
        let test = match (&data.test, needs_test) {
            (Some(at), true) => Some(Test::new(&self.wide, &modes, &data.x, at)?),
            _ => None,
        };
        // The mean end-to-end map, by regression of the mean outputs on the training inputs.
        let needs_map = sheet.asks_for("mode-strength") || sheet.asks_for("input-output-map");
        let regression = match needs_map {
            true => Some(solve_spd(&(&data.x * data.x.transpose()), &data.x)?.transpose()),
            false => None,
        };
        let w = self.loss.weight(data.samples());
        let outputs = data.y.nrows() as f64;
        let times = sheet.times();
        for (k, &t) in times.iter().enumerate() {
            cx.look(k as f64 / times.len() as f64)?;
            let step = t / self.learning_rate;
            sheet.at_time(t, |name| -> Result<Vec<f64>> {
                let map = || {
                    let left = modes.left(step).map(|l| 1.0 - l);
                    let learned =
                        &modes.target * DMatrix::from_diagonal(&left) * modes.u.transpose();
                    regression.as_ref().map(|b| learned * b)
                };
                Ok(match (name, &test) {
                    ("train-loss", _) => {
                        let left = modes.left(step);
                        let square = |i: usize| {
                            let start = modes.start[(i, i)];
                            let target = modes.target.column(i).norm_squared();
                            left[i] * left[i] * (target + outputs * start)
                        };
                        vec![0.5 * w * (0..left.len()).map(square).sum::<f64>()]
                    }
                    ("test-loss", Some(test)) => {
                        let w = self.loss.weight(test.y.ncols());
                        vec![0.5 * w * test.squares(&modes, step)]
                    }
                    ("mode-strength", _) => {
                        map().map_or(vec![], |f| mode_strengths(&f, &data.modes))
                    }
                    ("input-output-map", _) => map().map_or(vec![], |f| entries(&f)),
                    ("ntk-change", _) => vec![0.0],
                    _ => vec![],
                })
            })?;
        }
        if let (true, Some(test)) = (sheet.asks_for("predictor-mean"), &test) {
            let learned = DMatrix::from_diagonal(&modes.progress(self.steps as f64));
            let mean = &modes.target * learned * test.response.transpose();
            sheet.whole("predictor-mean", &entries(&mean));
        }
        let power = w * (data.y.norm_squared() + outputs * kernels.nngp.trace());
        // A symmetric matrix whose entries are off by b has eigenvalues off by P b at most. What is left of a mode after n steps
        // changes by no more than kappa n and 1/lambda times that.
        let off = data.samples() as f64 * kernels.bound;
        let recorded = times.last().map_or(0.0, |t| t / self.learning_rate);
        let steps = recorded.max(self.steps as f64);
        let rounding = 1e-11 + off * (modes.kappa * steps).min(1.0 / modes.lambda.max());
        let mut answers = sheet.answers(|name, _, _, _| match name {
            "ntk-change" => 0.0,
            "train-loss" | "test-loss" => rounding * power,
            _ => rounding * power.sqrt().max(1.0),
        });
        for (index, asked) in asked.iter().enumerate().filter(|(_, a)| a.name() == "ntk") {
            answers[index] = tangent(index, asked, &kernels)?;
        }
        Ok(Prediction {
            answers,
            solver: SolverReport {
                method: format!("kernel of infinite width on {} inputs", data.samples()),
                iterations: 1,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}

/// The tangent kernel on the axes endpoint, sample, sample: it does not move.
fn tangent(index: usize, asked: &Asked, kernels: &Kernels) -> Result<Answer> {
    let [ends, samples, _] = asked.axes() else {
        return Err(Error::bug("ntk", "a tangent kernel has three axes"));
    };
    let n = samples.values.len();
    let mut values = Vec::with_capacity(asked.size());
    for _ in &ends.values {
        for i in 0..n {
            values.extend((0..n).map(|j| (kernels.ntk[(i, j)], kernels.bound)));
        }
    }
    Ok(Answer::on_grid(index, asked, values))
}

#[cfg(test)]
#[path = "wide_tests.rs"]
mod tests;
