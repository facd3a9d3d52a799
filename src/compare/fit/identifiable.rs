//! Whether the measurement tells the parameters apart.

use super::parameter::Parameter;
use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;
use nalgebra::DMatrix;

/// Condition of the curvature of chi2 above which a combination of parameters counts as free.
pub const WORST_CURVATURE: f64 = 1e10;
/// Components of a flat direction below this part of the largest one are not named.
const NAMED: f64 = 0.02;

/// Condition of the curvature `J^T J` of chi2, each parameter in units of its own conditional error; `active` are the
/// parameters on which the prediction depends.
///
/// # Errors
/// Above [`WORST_CURVATURE`] some combination of parameters is not measured: it is named.
pub(super) fn condition(
    parameters: &[Parameter],
    jacobian: &DMatrix<f64>,
    active: &[usize],
) -> Result<f64> {
    if active.is_empty() {
        return Ok(f64::INFINITY);
    }
    let size: Vec<f64> = active.iter().map(|&j| jacobian.column(j).norm()).collect();
    let dot = |a: usize, b: usize| {
        jacobian.column(active[a]).dot(&jacobian.column(active[b])) / (size[a] * size[b])
    };
    let (values, vectors) = eigh(&DMatrix::from_fn(active.len(), active.len(), dot))?;
    let condition = match values[0] > 0.0 {
        true => values[active.len() - 1] / values[0],
        false => f64::INFINITY,
    };
    if condition <= WORST_CURVATURE {
        return Ok(condition);
    }
    // The direction of the smallest eigenvalue in the coordinates of the parameters, x or ln x, the largest part 1.
    let mut flat: Vec<(usize, f64)> = active
        .iter()
        .enumerate()
        .map(|(a, &j)| (j, vectors[(a, 0)] / size[a] * parameters[j].width()))
        .collect();
    let most = flat.iter().fold(
        0.0,
        |most: f64, (_, v)| if v.abs() > most.abs() { *v } else { most },
    );
    flat.iter_mut().for_each(|(_, v)| *v /= most);
    flat.retain(|(_, v)| v.abs() > NAMED);
    let join = |part: &dyn Fn(&(usize, f64)) -> String, with: &str| {
        flat.iter().map(part).collect::<Vec<_>>().join(with)
    };
    let names = join(&|(j, _)| parameters[*j].name.clone(), " or ");
    Err(Error::input(
        format!(
            "fit of {}",
            join(&|(j, _)| parameters[*j].name.clone(), " and ")
        ),
        format!(
            "chi2 is flat along ({}) = ({}): the points do not tell these parameters apart (condition {condition:.1e})",
            join(&|(j, _)| parameters[*j].coordinate(), ", "),
            join(&|(_, v)| format!("{v:.3}"), ", "),
        ),
        format!("fix {names}, or measure points on which they act differently"),
    ))
}

/// The refusal of a parameter whose chi2 rises to its threshold towards neither bound.
pub(super) fn free_between_bounds(parameter: &Parameter, risen: f64, needed: f64) -> Error {
    Error::input(
        format!("fit of {}", parameter.name),
        format!(
            "chi2 rises by {risen:.2e} at most between the bounds {} and {}; a 68 % interval ends at {needed:.2}",
            parameter.lower, parameter.upper
        ),
        format!(
            "fix {}, widen its bounds, or measure points (or draws) that depend on it more",
            parameter.name
        ),
    )
}
