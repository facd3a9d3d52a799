//! The direction in input space that an instrument looks along: a key, or the first input mode of the data set.

use super::Declined;
use super::subject::refused;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::task::Dataset;
use nalgebra::DVector;

/// Refuses a key `direction` without a direction.
pub(super) fn parse_direction(place: &str, given: &Option<Vec<f64>>) -> Result<()> {
    let size = |v: &Vec<f64>| v.iter().map(|x| x * x).sum::<f64>();
    match given {
        Some(v) if !(size(v).is_finite() && size(v) > 0.0) => Err(Error::input(
            format!("{place}.direction"),
            "the vector has no direction",
            "give finite numbers, at least one of them not 0",
        )),
        _ => Ok(()),
    }
}

/// Declines where there is no direction in the space of the inputs.
pub(super) fn points_into(
    given: &Option<Vec<f64>>,
    experiment: &Experiment,
) -> std::result::Result<(), Declined> {
    let inputs = experiment.task.shape().inputs;
    match given {
        Some(v) if v.len() != inputs => Err(Declined(format!(
            "direction has {} entries, there are {inputs} inputs",
            v.len()
        ))),
        None if experiment.task.mode_count() == 0 => Err(Declined(
            "the task has no direction of its own: give direction = [..]".into(),
        )),
        _ => Ok(()),
    }
}

/// The unit vector for one data set.
pub(super) fn direction(
    given: &Option<Vec<f64>>,
    dataset: &Dataset,
    kind: &str,
) -> Result<DVector<f64>> {
    let vector = match given {
        Some(v) => DVector::from_column_slice(v),
        None if dataset.modes.v.ncols() > 0 => dataset.modes.v.column(0).into_owned(),
        None => {
            let why = "the task has no direction of its own: give direction = [..]";
            return Err(refused(kind, Declined(why.into())));
        }
    };
    match vector.len() == dataset.x.nrows() {
        true => Ok(vector.normalize()),
        false => {
            let why = "direction is not one in the space of the inputs";
            Err(refused(kind, Declined(why.into())))
        }
    }
}
