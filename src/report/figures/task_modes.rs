//! The task itself: what there is to be learned, mode by mode.

use crate::error::Result;
use crate::plot::{AxisSpec, Figure, Panel, Series};
use crate::spec::Spec;
use nalgebra::DMatrix;

/// Input-output modes `U diag(s) V^T` of the first data set of the first cell, and their product, as heat maps.
pub(super) fn task_modes(spec: &Spec) -> Result<Option<(Figure, String)>> {
    let Some(cell) = spec.cells.first() else {
        return Ok(None);
    };
    let modes = cell
        .experiment
        .dataset(cell.experiment.first_draw().dataset)?
        .modes;
    if modes.s.is_empty() {
        return Ok(None);
    }
    let s = DMatrix::from_diagonal(&modes.s);
    let map = &modes.u * &s * modes.v.transpose();
    let matrices = [
        ("map S = U diag(s) Vᵀ", map, "output", "input"),
        ("U", modes.u, "output", "mode"),
        ("diag(s)", s, "mode", "mode"),
        ("Vᵀ", modes.v.transpose(), "mode", "input"),
    ];
    let mut figure = Figure::new(190.0 * matrices.len() as f64, 270.0).columns(matrices.len());
    for (title, matrix, rows, columns) in matrices {
        let numbers = |n: usize| (1..=n).map(|k| k.to_string()).collect::<Vec<_>>();
        let values: Vec<f64> = matrix.transpose().iter().copied().collect();
        let map = Series::heat_map(values, matrix.ncols()).names(
            numbers(matrix.nrows()),
            numbers(matrix.ncols()),
            "",
        );
        figure = figure.with(
            Panel::new(
                title,
                AxisSpec::linear(columns, ""),
                AxisSpec::linear(rows, ""),
            )
            .with(map),
        );
    }
    let strengths: Vec<String> = modes.s.iter().map(|s| format!("{:.4}", s * s)).collect();
    let text = format!(
        "Input-output modes of the task (first data set): S = U diag(s) Vᵀ, s² = {}.",
        strengths.join(", ")
    );
    Ok(Some((figure, text)))
}
