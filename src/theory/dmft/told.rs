//! What a solved system answers to each question.

use super::gate::Dynamics;
use super::questions::{FORWARD_RESPONSE, is_response, needs_kernels, on_test};
use super::responses;
use super::solved::{Kernels, Rows, Solved};
use crate::context::Context;
use crate::error::Result;
use crate::instrument::Axis;
use crate::instrument::features::{centred, unit};
use crate::task::Dataset;
use crate::theory::{Answer, Asked};
use nalgebra::DMatrix;

/// What is told of a solved system.
pub struct Told<'a> {
    pub dynamics: &'a Dynamics,
    pub record: &'a [usize],
    pub data: &'a Dataset,
    pub kernel: &'a DMatrix<f64>,
    pub outputs: Rows,
    pub times: Vec<usize>,
    pub kernels: Option<Kernels>,
    pub solved: &'a Solved,
}

impl Told<'_> {
    /// The answers to all questions.
    pub fn all(mut self, asked: &[Asked], cx: &Context) -> Result<Vec<Answer>> {
        let over_times = |a: &Asked| a.keys["over"] == "times";
        if asked.iter().any(|a| needs_kernels(a) && !over_times(a)) {
            self.kernels = Some(self.solved.kernels(&self.times, self.kernel)?);
        }
        let mut answers = Vec::new();
        for (index, question) in asked.iter().enumerate() {
            cx.look(0.5 + 0.5 * index as f64 / asked.len() as f64)?;
            answers.extend(self.one(index, question)?);
        }
        Ok(answers)
    }

    /// All samples in a row of outputs or a kernel.
    fn samples(&self) -> usize {
        self.kernel.nrows()
    }

    fn layers(&self) -> usize {
        self.dynamics.depth()
    }

    fn steps(&self, asked: &Asked) -> Vec<usize> {
        let time = asked.axes().iter().find(|a| a.name == "time");
        match time {
            Some(time) => time.values.iter().map(|&t| self.dynamics.step(t)).collect(),
            None => vec![self.dynamics.steps],
        }
    }

    fn one(&self, index: usize, asked: &Asked) -> Result<Option<Answer>> {
        let axes = asked.axes();
        let rows = match asked.name() {
            "train-loss" | "test-loss" => return Ok(self.loss(index, asked)),
            name if is_response(asked) => {
                let (n, dynamics) = (self.data.x.ncols(), self.dynamics);
                let steps = responses::steps(self.record, dynamics.steps);
                let time = |t: usize| t as f64 * dynamics.learning_rate;
                let forward = name == FORWARD_RESPONSE.name;
                let found = responses::told(self.solved, forward, n, &steps, &time);
                return Ok(found.map(|(axes, rows)| rows.answer(index, &axes)));
            }
            "outputs" | "predictor-mean" => {
                let (from, to) = self.range(on_test(asked));
                let (all, steps) = (self.samples(), self.steps(asked));
                self.outputs.map(|f| {
                    let of = |mu: usize| steps.iter().map(move |t| f[t * all + mu]);
                    (from..to).flat_map(of).collect()
                })
            }
            "preactivation-density" => match self.density(asked)? {
                Some(rows) => rows,
                None => return Ok(None),
            },
            "feature-kernel" | "gradient-kernel" if asked.keys["over"] == "times" => {
                let n = axes.last().map_or(0, |a| a.values.len());
                let (feature, gradient) = self.solved.between(&self.steps(asked), n)?;
                match asked.name() {
                    "feature-kernel" => feature,
                    _ => gradient,
                }
            }
            _ => match &self.kernels {
                Some(kernels) => self.of_kernels(asked, kernels),
                None => return Ok(None),
            },
        };
        Ok(Some(rows.answer(index, axes)))
    }

    /// Where training or test samples stand in a row of outputs.
    fn range(&self, test: bool) -> (usize, usize) {
        let p = self.data.x.ncols();
        match test {
            true => (p, self.samples()),
            false => (0, p),
        }
    }

    /// Half the mean (or sum) of squares over time, at the recorded steps where nothing measures it.
    fn loss(&self, index: usize, asked: &Asked) -> Option<Answer> {
        let test = on_test(asked);
        let (from, to) = self.range(test);
        let y = match test {
            true => &self.data.test.as_ref()?.1,
            false => &self.data.y,
        };
        let weight = match self.dynamics.mean_loss {
            true => 1.0 / y.len() as f64,
            false => 1.0,
        };
        let (axes, steps) = match &asked.grid {
            Some(grid) => (grid.clone(), self.steps(asked)),
            None => {
                let time = self
                    .record
                    .iter()
                    .map(|&t| t as f64 * self.dynamics.learning_rate);
                let axis = Axis::new("time", "tau", time.collect());
                (vec![axis], self.record.to_vec())
            }
        };
        let all = self.samples();
        let rows = self.outputs.map(|f| {
            let at = |t: &usize| {
                let pairs = f[t * all + from..t * all + to].iter().zip(y.iter());
                0.5 * weight * pairs.map(|(f, y)| (y - f).powi(2)).sum::<f64>()
            };
            steps.iter().map(at).collect()
        });
        Some(rows.answer(index, &axes))
    }

    fn density(&self, asked: &Asked) -> Result<Option<Rows>> {
        let number = |key: &str| asked.keys[key].as_u64().unwrap_or(1) as usize;
        let Some(centres) = asked.axes().first().map(|a| &a.values) else {
            return Ok(None);
        };
        let width = match centres[..] {
            [a, b, ..] => b - a,
            _ => {
                let range = &asked.keys["range"];
                range[1].as_f64().unwrap_or(1.0) - range[0].as_f64().unwrap_or(0.0)
            }
        };
        let first = centres.first().copied().unwrap_or(0.0) - 0.5 * width;
        let edges: Vec<f64> = (0..=centres.len())
            .map(|k| first + width * k as f64)
            .collect();
        let shares = self
            .solved
            .shares(number("layer"), number("sample") - 1, &edges)?;
        Ok(shares.map(|rows| rows.map(|shares| shares.iter().map(|s| s / width).collect())))
    }

    /// Answers made of kernels at equal times.
    fn of_kernels(&self, asked: &Asked, kernels: &Kernels) -> Rows {
        let (all, layers) = (self.samples(), self.layers());
        let place = |step: usize| self.times.binary_search(&step).unwrap_or(0);
        let steps = match asked.axes().iter().any(|a| a.name == "time") {
            true => self.steps(asked),
            false => vec![0, self.dynamics.steps],
        };
        let p = self.data.x.ncols();
        // The first samples of the kernel number `k` of a row, symmetric.
        let matrix = move |row: &[f64], k: usize, n: usize| {
            let n = n.min(p);
            DMatrix::from_fn(n, n, |i, j| row[k * all * all + i * all + j])
        };
        let last = asked.axes().last().map_or(0, |a| a.values.len());
        match asked.name() {
            "feature-kernel" | "gradient-kernel" => {
                let rows = match asked.name() {
                    "feature-kernel" => &kernels.feature,
                    _ => &kernels.gradient,
                };
                rows.map(|row| {
                    let kernel = |k: usize| matrix(row, k, last).as_slice().to_vec();
                    let at = |step: &usize| {
                        let first = place(*step) * layers;
                        (0..layers).flat_map(move |l| kernel(first + l))
                    };
                    steps.iter().flat_map(at).collect()
                })
            }
            "ntk" => kernels.tangent.map(|row| {
                let scale = 1.0 / self.dynamics.rate_scale;
                let at = |step: &usize| {
                    (matrix(row, place(*step), last) * scale)
                        .as_slice()
                        .to_vec()
                };
                steps.iter().flat_map(at).collect()
            }),
            "ntk-change" => {
                let n = asked.keys["samples"].as_u64().unwrap_or(32) as usize;
                kernels.tangent.map(|row| {
                    let start = unit(&matrix(row, place(0), n));
                    let at = |step: &usize| distance(&start, &matrix(row, place(*step), n));
                    steps.iter().map(at).collect()
                })
            }
            // Layer after layer, over time.
            name => {
                let n = MOST_SAMPLES.min(p);
                let y = self.data.y.columns(0, n);
                let target = unit(&centred(&y.tr_mul(&y)));
                kernels.feature.map(|row| {
                    let of_layer = |l: usize| {
                        let start = unit(&matrix(row, place(0) * layers + l, n));
                        let target = &target;
                        steps.iter().map(move |&step| {
                            let kernel = matrix(row, place(step) * layers + l, n);
                            match name {
                                "feature-kernel-change" => distance(&start, &kernel),
                                _ => unit(&centred(&kernel)).dot(target),
                            }
                        })
                    };
                    (0..layers).flat_map(of_layer).collect()
                })
            }
        }
    }
}

/// Samples of kernel-target-alignment and feature-kernel-change.
const MOST_SAMPLES: usize = 64;

/// `1 - <a, b>/|b|` of a unit matrix and another one, without cancellation.
fn distance(start: &DMatrix<f64>, kernel: &DMatrix<f64>) -> f64 {
    (unit(kernel) - start).norm_squared() / 2.0
}
