//! Chi2 as a function of the place of the parameters between their bounds: predictions are remembered, and differences
//! formed draw by draw.

use super::covariance::{Covariance, Shrink};
use super::problem::{Predicted, Problem};
use crate::compare::Blocks;
use crate::error::{Error, Result};
use crate::numerics::gauss_newton::{Descent, Residuals, minimise_in_cube};
use nalgebra::{DMatrix, DVector};
use rayon::prelude::*;
use std::collections::HashMap;
use std::rc::Rc;

/// Measurement beside prediction.
pub(super) struct Objective<'a> {
    pub problem: &'a dyn Problem,
    measured: &'a DMatrix<f64>,
    /// Points that enter: defined in all draws, and scattering.
    pub points: Vec<usize>,
    /// Weight of each draw in the mean; `1/n`, or multiples of it in a resample.
    pub shares: Vec<f64>,
    /// Covariance of the mean difference, fixed while chi2 is minimised.
    pub covariance: Option<Covariance>,
    memo: HashMap<Vec<u64>, Option<Rc<Predicted>>>,
    /// Predictions asked of the theory.
    pub evaluations: usize,
    /// Predictions that were declined or not a number.
    pub outside: usize,
    /// Why the first of them was.
    pub reason: String,
}

impl<'a> Objective<'a> {
    pub fn new(problem: &'a dyn Problem, measured: &'a Blocks, points: Vec<usize>) -> Self {
        Objective {
            problem,
            measured: &measured.values,
            points,
            shares: vec![1.0 / measured.n() as f64; measured.n()],
            covariance: None,
            memo: HashMap::new(),
            evaluations: 0,
            outside: 0,
            reason: String::new(),
        }
    }

    /// Number of draws.
    pub fn draws(&self) -> usize {
        self.measured.nrows()
    }

    /// Values of the parameters at a place.
    pub fn values(&self, place: &[f64]) -> Vec<f64> {
        let parameters = self.problem.parameters().iter();
        parameters.zip(place).map(|(p, u)| p.value(*u)).collect()
    }

    /// The prediction at a place, asked once; `None` outside.
    pub fn predicted(&mut self, place: &[f64]) -> Result<Option<Rc<Predicted>>> {
        let x = self.values(place);
        let key: Vec<u64> = x.iter().map(|v| v.to_bits()).collect();
        if let Some(known) = self.memo.get(&key) {
            return Ok(known.clone());
        }
        let found = self.problem.predict(&x);
        self.remember(key, found)
    }

    /// Keeps what the theory has said at a place.
    fn remember(
        &mut self,
        key: Vec<u64>,
        found: Result<Predicted>,
    ) -> Result<Option<Rc<Predicted>>> {
        self.evaluations += 1;
        let predicted = match found {
            Ok(predicted) => self.inside(predicted)?.map(Rc::new),
            Err(
                e @ (Error::Declined { .. } | Error::Unconverged { .. } | Error::NotFinite { .. }),
            ) => {
                self.is_outside(e.to_string());
                None
            }
            Err(other) => return Err(other),
        };
        self.memo.insert(key, predicted.clone());
        Ok(predicted)
    }

    /// Predictions at places that will be asked for, in parallel; they are kept in this order.
    fn predict_ahead(&mut self, places: &[Vec<f64>]) -> Result<()> {
        let mut missing: Vec<(Vec<u64>, Vec<f64>)> = Vec::new();
        for place in places {
            let x = self.values(place);
            let key: Vec<u64> = x.iter().map(|v| v.to_bits()).collect();
            if !self.memo.contains_key(&key) && missing.iter().all(|(k, _)| *k != key) {
                missing.push((key, x));
            }
        }
        let problem = self.problem;
        let found: Vec<_> = missing
            .into_par_iter()
            .with_max_len(1)
            .map(|(key, x)| (key, problem.predict(&x)))
            .collect();
        for (key, found) in found {
            self.remember(key, found)?;
        }
        Ok(())
    }

    fn is_outside(&mut self, reason: String) {
        self.outside += 1;
        if self.reason.is_empty() {
            self.reason = reason;
        }
    }

    /// The prediction if its shape is right (an error otherwise) and all of it that is used is finite.
    fn inside(&mut self, predicted: Predicted) -> Result<Option<Predicted>> {
        let (n, m) = self.measured.shape();
        let fits = |v: &[f64]| v.len() == m;
        let rows = predicted.rows.len();
        let bound = predicted.bound.is_empty() || fits(&predicted.bound);
        let stderr = predicted.stderr.as_ref().is_none_or(|s| fits(s));
        if !(rows == 1 || rows == n) || !predicted.rows.iter().all(|r| fits(r)) || !bound || !stderr
        {
            return Err(Error::input(
                "prediction",
                format!("{rows} rows that do not fit {n} measured draws of {m} points"),
                "predict one row, or one per draw, with as many values (errors, bounds) as there are points",
            ));
        }
        let finite = |v: &Vec<f64>| self.points.iter().all(|&k| v[k].is_finite());
        let errors = predicted.stderr.iter().all(finite)
            && (predicted.bound.is_empty() || finite(&predicted.bound));
        if errors && predicted.rows.iter().all(finite) {
            return Ok(Some(predicted));
        }
        self.is_outside("a prediction is not a finite number".into());
        Ok(None)
    }

    /// Measured minus predicted, draw by draw.
    pub fn differences(&self, predicted: &Predicted) -> DMatrix<f64> {
        let row = |r: usize| &predicted.rows[if predicted.rows.len() == 1 { 0 } else { r }];
        DMatrix::from_fn(self.draws(), self.points.len(), |r, k| {
            let point = self.points[k];
            self.measured[(r, point)] - row(r)[point]
        })
    }

    /// What the prediction says of its own error at the points that enter.
    fn at_points(&self, errors: Option<&Vec<f64>>) -> Option<Vec<f64>> {
        let errors = errors.filter(|e| !e.is_empty())?;
        Some(self.points.iter().map(|&k| errors[k]).collect())
    }

    pub fn stderr(&self, predicted: &Predicted) -> Option<Vec<f64>> {
        self.at_points(predicted.stderr.as_ref())
    }

    pub fn bound(&self, predicted: &Predicted) -> Option<Vec<f64>> {
        self.at_points(Some(&predicted.bound))
    }

    /// Fixes the covariance at a place; `false` outside.
    pub fn freeze(&mut self, place: &[f64]) -> Result<bool> {
        let Some(predicted) = self.predicted(place)? else {
            return Ok(false);
        };
        let stderr = self.stderr(&predicted);
        let differences = self.differences(&predicted);
        let covariance = Covariance::of(&differences, stderr.as_deref(), Shrink::Auto)?;
        self.covariance = Some(covariance.with_condition()?);
        Ok(true)
    }

    /// The covariance once it has been fixed.
    pub fn frozen(&self) -> Result<&Covariance> {
        let missing = || Error::bug("fit", "the covariance has not been fixed");
        self.covariance.as_ref().ok_or_else(missing)
    }

    /// Mean difference in units of its standard errors, `L^-1 d`: its squared length is chi2. `None` outside.
    pub fn residuals(&mut self, place: &[f64]) -> Result<Option<DVector<f64>>> {
        let Some(predicted) = self.predicted(place)? else {
            return Ok(None);
        };
        let differences = self.differences(&predicted);
        let mean = differences.tr_mul(&DVector::from_column_slice(&self.shares));
        Ok(Some(self.frozen()?.whiten_vector(&mean)))
    }

    /// Chi2 at a place; infinite outside.
    pub fn chi2(&mut self, place: &[f64]) -> Result<f64> {
        let residuals = self.residuals(place)?;
        Ok(residuals.map_or(f64::INFINITY, |r| r.norm_squared()))
    }

    /// Error of the theory's values in units of the standard errors of the mean, largest over points.
    pub fn noise(&mut self, place: &[f64]) -> Result<f64> {
        let Some(predicted) = self.predicted(place)? else {
            return Ok(0.0);
        };
        let covariance = self.frozen()?;
        let sizes = [self.stderr(&predicted), self.bound(&predicted)];
        let relative = |e: &Vec<f64>| {
            let pairs = e.iter().enumerate();
            pairs
                .map(|(k, e)| e / covariance.error(k))
                .fold(0.0, f64::max)
        };
        Ok(sizes.iter().flatten().map(relative).sum())
    }

    /// Damped steps from a place, with some parameters held.
    pub fn descend(&mut self, start: &[f64], held: &[bool], noise: f64) -> Result<Option<Descent>> {
        minimise_in_cube(self, start, held, noise)
    }
}

impl Residuals for Objective<'_> {
    fn at(&mut self, place: &[f64]) -> Result<Option<DVector<f64>>> {
        self.residuals(place)
    }

    fn ahead(&mut self, places: &[Vec<f64>]) -> Result<()> {
        self.predict_ahead(places)
    }
}
