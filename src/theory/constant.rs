//! Predictions that are known when they are planned.

use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Promise};
use crate::instrument::{Declined, Wanted};
use crate::theory::sheet::Sheet;
use crate::theory::{Plan, Prediction, SolverReport};

/// Keys of a `[[theory]]` table without any of its own.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct NoKeys {}

/// One observable with its values, exact to rounding; nothing is drawn, nothing is solved.
pub(super) struct Constant {
    observable: &'static str,
    values: Vec<f64>,
    method: &'static str,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Constant {
    /// Declines where `observable` is not wanted, and with the reason `grid` where it is wanted on another number of points.
    pub fn plan(
        observable: &'static str,
        values: Vec<f64>,
        method: &'static str,
        limits: &[&str],
        wanted: &[Wanted],
        grid: &str,
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        let covers: Vec<usize> = (0..wanted.len())
            .filter(|&i| wanted[i].observable.name == observable)
            .collect();
        if covers.is_empty() {
            let why = format!("predicts {observable}, which is not among the observables");
            return Err(Declined(why));
        }
        if covers.iter().any(|&i| wanted[i].size() != values.len()) {
            return Err(Declined(grid.into()));
        }
        Ok(Box::new(Constant {
            observable,
            values,
            method,
            wanted: wanted.to_vec(),
            covers,
            promise: Promise {
                conditioning: Conditioning::None,
                assumptions: vec![],
                limits: limits.iter().map(|&l| l.into()).collect(),
                averages_over: vec![],
                population: None,
                bytes: 0,
                seconds: 0.0,
            },
        }))
    }
}

impl Plan for Constant {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _draw: &Draw) -> Result<Prediction> {
        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        sheet.whole(self.observable, &self.values);
        Ok(Prediction {
            observables: sheet.predictions(|_, _, _, value| f64::EPSILON * value),
            solver: SolverReport {
                method: self.method.into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}
