//! Tokens as inputs: whole numbers below the size of a vocabulary, stored as floating-point numbers.

use crate::error::{Error, Result};
use crate::learner::Real;
use crate::task::Dataset;
use nalgebra::DMatrix;

/// The token that `value` stands for; `None` unless it is a whole number from 0 to `vocabulary - 1`.
pub(super) fn token<T: Real>(value: T, vocabulary: usize) -> Option<usize> {
    let value = value.f64();
    (value >= 0.0 && value < vocabulary as f64 && value.fract() == 0.0).then_some(value as usize)
}

/// Checks every input of a data set, held-out samples included.
pub(super) fn check(dataset: &Dataset, vocabulary: usize) -> Result<()> {
    let test = dataset.test.as_ref().map(|(x, _)| ("test sample", x));
    for (what, x) in [("sample", &dataset.x)].into_iter().chain(test) {
        check_matrix(what, x, vocabulary)?;
    }
    Ok(())
}

fn check_matrix(what: &str, x: &DMatrix<f64>, vocabulary: usize) -> Result<()> {
    let wrong = x.iter().position(|&v| token(v, vocabulary).is_none());
    match wrong {
        None => Ok(()),
        Some(k) => Err(Error::input(
            "task",
            format!(
                "input {} of {what} {} is {}, which is no token: learner.vocabulary = {vocabulary} wants whole numbers from 0 to {}",
                k % x.nrows(),
                k / x.nrows(),
                x[k],
                vocabulary - 1
            ),
            "use a task of tokens (without centring or normalisation), or raise learner.vocabulary",
        )),
    }
}
