//! What passes between a theory and the engine: what is asked, a plan, and the answers.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Draw, Promise};
use crate::instrument::{Axis, Declined, Observable, Wanted, observable};
use crate::numerics::statistics::mean_stderr;
use serde::Serialize;
use serde_json::{Value as Json, json};

/// One quantity that a theory is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// The quantity.
    pub observable: &'static Observable,
    /// Keys of the instrument that measures it, all with their values; null where it has none, or there is none.
    pub keys: Json,
    /// The instrument's own grid, on which the answer is compared point by point; `None` where nothing measures the
    /// quantity: the theory chooses the axes.
    pub grid: Option<Vec<Axis>>,
}

impl From<Wanted> for Asked {
    fn from(wanted: Wanted) -> Self {
        Asked {
            observable: wanted.observable,
            keys: Json::Null,
            grid: Some(wanted.axes),
        }
    }
}

/// Questions on these grids, of instruments without keys.
pub fn questions(wanted: &[Wanted]) -> Vec<Asked> {
    wanted.iter().cloned().map(Asked::from).collect()
}

impl Asked {
    /// Name of the observable.
    pub fn name(&self) -> &'static str {
        self.observable.name
    }

    /// The grid of the instrument; no axes where the theory chooses them.
    pub fn axes(&self) -> &[Axis] {
        self.grid.as_deref().unwrap_or_default()
    }

    /// Number of values on that grid.
    pub fn size(&self) -> usize {
        observable::size(self.axes())
    }
}

/// One answer: values on the grid that was asked for, or on the theory's own axes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    /// Which of the questions that the plan answers ([`Plan::asked`]), as a place among them.
    pub asked: usize,
    /// The axes of the values; those that were asked for where there were any.
    pub axes: Vec<Axis>,
    /// Values, the last axis fastest.
    pub mean: Vec<f64>,
    /// Numerical error bound (quadrature, residual, rounding) of each value.
    pub bound: Vec<f64>,
    /// Independent repeats of a Monte Carlo theory, whose mean is `mean`: their scatter is its statistical error, also
    /// after a reduction over cells.
    pub repeats: Option<Vec<Vec<f64>>>,
}

impl Answer {
    /// Values on the grid of `asked[index]`, each with its bound.
    pub fn on_grid(
        index: usize,
        asked: &Asked,
        values: impl IntoIterator<Item = (f64, f64)>,
    ) -> Self {
        let (mean, bound) = values.into_iter().unzip();
        Answer {
            asked: index,
            axes: asked.axes().to_vec(),
            mean,
            bound,
            repeats: None,
        }
    }

    /// Mean over the repeats (at least two) of a Monte Carlo theory, which have no numerical error.
    pub fn repeated(index: usize, axes: &[Axis], repeats: Vec<Vec<f64>>) -> Self {
        let points = repeats.first().map_or(0, Vec::len);
        let mean = |k: usize| repeats.iter().map(|r| r[k]).sum::<f64>() / repeats.len() as f64;
        Answer {
            asked: index,
            axes: axes.to_vec(),
            mean: (0..points).map(mean).collect(),
            bound: vec![0.0; points],
            repeats: Some(repeats),
        }
    }

    /// Standard error of each value: the scatter of the repeats over the root of their number. `None` of a theory without
    /// statistical error.
    pub fn stderr(&self) -> Option<Vec<f64>> {
        let repeats = self.repeats.as_ref()?;
        let at = |k: usize| {
            let values: Vec<f64> = repeats.iter().map(|r| r[k]).collect();
            mean_stderr(&values).1.unwrap_or(f64::NAN)
        };
        Some((0..self.mean.len()).map(at).collect())
    }

    /// Why the answer does not fit the question, if it does not.
    fn fault(&self, asked: &[Asked]) -> Option<String> {
        let Some(asked) = asked.get(self.asked) else {
            return Some(format!(
                "answer to question {}, which was not asked",
                self.asked
            ));
        };
        let points = observable::size(&self.axes);
        let repeats = self.repeats.iter().flatten();
        let lengths = [self.mean.len(), self.bound.len()].into_iter();
        let mut lengths = lengths.chain(repeats.map(Vec::len));
        if asked.grid.as_ref().is_some_and(|grid| *grid != self.axes) {
            return Some(format!(
                "{} is not on the grid that was asked for",
                asked.name()
            ));
        }
        if lengths.any(|n| n != points) || self.repeats.as_ref().is_some_and(|r| r.len() < 2) {
            return Some(format!("{} has a wrong number of values", asked.name()));
        }
        None
    }
}

/// What a solver returns: values, and how they were obtained.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prediction {
    /// At most one per question; a question that the data rule out has none.
    pub answers: Vec<Answer>,
    /// Method, effort and residual.
    pub solver: SolverReport,
    /// What the reader must know about the values, one sentence each.
    pub warnings: Vec<String>,
}

impl Prediction {
    /// Answers of a closed form or another method without iterations.
    pub fn of(method: &str, answers: Vec<Answer>) -> Self {
        Prediction {
            answers,
            solver: SolverReport {
                method: method.into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        }
    }
}

/// How a solver ended.
#[derive(Debug, Clone, PartialEq, Default, Serialize, serde::Deserialize)]
pub struct SolverReport {
    /// Name of the method actually used.
    pub method: String,
    /// Iterations, integration steps or solved modes, whichever the method counts.
    pub iterations: usize,
    /// Residual or estimated error in the method's own norm.
    pub residual: f64,
}

/// The work of a plan.
pub trait Solve: Send + Sync {
    /// All that the values depend on beside the draw and the questions: with them the key of the record, and nothing else.
    fn inputs(&self) -> Json;
    /// Solves for one draw, which holds what the promise conditions on. `asked` are the questions that the plan answers.
    ///
    /// Errors: `Unconverged` when the tolerance is missed; `Declined` for what only the data tell.
    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction>;
}

/// A theory bound to one experiment.
pub struct Plan {
    promise: Promise,
    answers: Vec<usize>,
    asked: Vec<Asked>,
    inputs: Json,
    solver: Box<dyn Solve>,
}

impl Plan {
    /// A plan that answers `asked[i]` for `i` in `answers`.
    pub fn new(
        promise: Promise,
        asked: &[Asked],
        answers: Vec<usize>,
        solver: impl Solve + 'static,
    ) -> Self {
        Plan {
            promise,
            asked: answers.iter().map(|&i| asked[i].clone()).collect(),
            answers,
            inputs: solver.inputs(),
            solver: Box::new(solver),
        }
    }

    /// Answers that are known without any work; their `asked` are places in `asked`.
    pub fn known(
        promise: Promise,
        asked: &[Asked],
        method: &'static str,
        mut answers: Vec<Answer>,
    ) -> Self {
        let places: Vec<usize> = answers.iter().map(|a| a.asked).collect();
        for (k, answer) in answers.iter_mut().enumerate() {
            answer.asked = k;
        }
        Plan::new(promise, asked, places, Known { method, answers })
    }

    /// The plan of a theory that applies, and answers reductions alone ([`super::Theory::known`]).
    pub fn of_reductions(promise: Promise) -> Self {
        Plan::known(promise, &[], "", Vec::new())
    }

    /// Conditioning, limits taken, and cost of a solve.
    pub fn promise(&self) -> &Promise {
        &self.promise
    }

    /// Adds to what `check` tells of it.
    pub fn note(&mut self, note: &str) {
        self.promise.notes.push(note.into());
    }

    /// Which of the questions will be answered, as places in the list that the theory was asked; none: reductions alone.
    pub fn answers(&self) -> &[usize] {
        &self.answers
    }

    /// The questions that will be answered.
    pub fn asked(&self) -> &[Asked] {
        &self.asked
    }

    /// See [`Solve::inputs`].
    pub fn inputs(&self) -> &Json {
        &self.inputs
    }

    /// Solves for one draw. The places of the answers are among the questions of the plan, not among all that the theory was
    /// asked: a record that holds them is the same wherever these questions stand.
    ///
    /// Errors: those of [`Solve::solve`]; answers that do not fit the questions are a bug of the theory.
    pub fn solve(&self, draw: &Draw, cx: &Context) -> Result<Prediction> {
        let prediction = self.solver.solve(&self.asked, draw, cx)?;
        let fault = prediction.answers.iter().find_map(|a| a.fault(&self.asked));
        match fault {
            Some(fault) => Err(Error::bug("theory", fault)),
            None => Ok(prediction),
        }
    }
}

/// Answers that are there before anything is solved.
struct Known {
    method: &'static str,
    answers: Vec<Answer>,
}

impl Solve for Known {
    fn inputs(&self) -> Json {
        json!([self.method, self.answers])
    }

    fn solve(&self, _: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        Ok(Prediction::of(self.method, self.answers.clone()))
    }
}

/// Places of the questions on a grid that `can` be answered; declines with `why_not` when there is none.
pub fn answered(
    asked: &[Asked],
    can: impl Fn(&str) -> bool,
    why_not: &str,
) -> std::result::Result<Vec<usize>, Declined> {
    let possible = |i: &usize| asked[*i].grid.is_some() && can(asked[*i].name());
    let answers: Vec<usize> = (0..asked.len()).filter(possible).collect();
    match answers.is_empty() {
        true => Err(Declined(why_not.into())),
        false => Ok(answers),
    }
}

/// As [`answered`], for the observables of this list.
pub fn answered_of(asked: &[Asked], names: &[&str]) -> std::result::Result<Vec<usize>, Declined> {
    let why = format!(
        "predicts {}; nothing of this is asked for",
        names.join(", ")
    );
    answered(asked, |name| names.contains(&name), &why)
}
