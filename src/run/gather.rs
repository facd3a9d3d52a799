//! Finished units put together cell by cell, and their errors named.

use super::execute::Side;
use super::outcome::{CellOutcome, Measurement, TheoryOutcome};
use super::streams::Streamed;
use super::units::{Planned, Unit, Work};
use crate::error::{Error, Result};
use crate::experiment::DrawIndex;
use crate::spec::sweep::named;
use crate::spec::{Cell, Spec};
use crate::theory::Prediction;

/// What a unit gave, with the seconds it took.
#[derive(Clone)]
pub(super) enum Done {
    /// Values of every observable of one draw; none where all cells that use them have added them up.
    Measured(Vec<Vec<f64>>, f64),
    /// What a theory predicts.
    Solved(Prediction, f64),
}

/// An error of one cell or one theory; all others end the run.
pub(super) fn is_local(error: &Error) -> bool {
    matches!(
        error,
        Error::Diverged { .. }
            | Error::Unconverged { .. }
            | Error::NotFinite { .. }
            | Error::Declined { .. }
    )
}

/// Text naming a cell by its swept keys, for messages.
pub fn place(cell: &Cell) -> String {
    match cell.set.is_empty() {
        true => String::new(),
        false => {
            let keys: Vec<String> = cell
                .set
                .iter()
                .map(|(k, v)| format!("{k} = {}", named(v)))
                .collect();
            format!("cell [{}], ", keys.join(", "))
        }
    }
}

/// Names the draw whose training failed.
pub(super) fn of_draw(mut error: Error, cell: &Cell, draw: DrawIndex) -> Error {
    let draw = format!(
        "{}data set {}, replica {}",
        place(cell),
        draw.dataset,
        draw.replica
    );
    match &mut error {
        // What the training adds to its own name is a stage.
        Error::Diverged { place, .. } => {
            let stage = place.strip_prefix("training").unwrap_or_default();
            *place = format!("{draw}{stage}");
        }
        Error::Unconverged { solver, .. } => *solver = format!("{draw}: {solver}"),
        Error::NotFinite { place, .. } => *place = draw,
        _ => {}
    }
    error
}

/// Sorts finished units into cells. A draw that diverged, did not converge or gave something else than finite numbers
/// fails its cell; a solver that did fails its theory in that cell. `streamed` holds the sums of cells with many draws.
pub(super) fn gather(
    spec: &Spec,
    plans: Vec<Vec<Planned>>,
    side: Side,
    units: Vec<Unit>,
    done: Vec<Result<Done>>,
    streamed: Vec<Option<Streamed>>,
) -> Result<Vec<CellOutcome>> {
    let places = |plan: &Planned| plan.as_ref().map_or(vec![], |p| p.answers().to_vec());
    let places: Vec<Vec<Vec<usize>>> = plans
        .iter()
        .map(|cell| cell.iter().map(places).collect())
        .collect();
    let mut cells: Vec<CellOutcome> = spec
        .cells
        .iter()
        .zip(plans)
        .map(|(cell, plans)| CellOutcome {
            set: cell.set.clone(),
            wanted: cell.wanted.clone(),
            measured: cell.wanted.len(),
            measurement: None,
            theories: match side {
                Side::Networks => vec![],
                _ => plans
                    .into_iter()
                    .zip(&cell.theories)
                    .map(|(plan, entry)| TheoryOutcome::planned(entry, plan, spec.map.is_some()))
                    .collect(),
            },
            failure: None,
        })
        .collect();
    // What stopped the run comes before what was not computed because of it.
    let fatal = done
        .iter()
        .filter_map(|d| d.as_ref().err())
        .filter(|e| !is_local(e))
        .min_by_key(|e| matches!(e, Error::Interrupted));
    if let Some(error) = fatal {
        return Err(error.clone());
    }
    for (unit, result) in units.into_iter().zip(done) {
        let cell = &mut cells[unit.cell];
        match (unit.work, result) {
            (Work::Measure { draw }, Ok(Done::Measured(values, seconds))) => cell
                .measurement
                .get_or_insert_with(Measurement::default)
                .push(draw, values, seconds),
            (Work::Measure { .. }, Err(e)) if is_local(&e) => {
                cell.failure.get_or_insert(e);
            }
            (Work::Solve { theory, draw }, Ok(Done::Solved(mut prediction, seconds))) => {
                let asked = &spec.cells[unit.cell].theories[theory].asked;
                cell.place(asked, &places[unit.cell][theory], &mut prediction);
                cell.theories[theory].push(draw, prediction, seconds);
            }
            (Work::Solve { theory, .. }, Err(e)) if is_local(&e) => {
                cell.theories[theory].fail(e);
            }
            (_, Err(e)) => return Err(e),
            _ => {
                return Err(Error::bug(
                    "gather",
                    "a unit gave the result of another kind",
                ));
            }
        }
    }
    for ((cell, stated), streamed) in cells.iter_mut().zip(&spec.cells).zip(streamed) {
        cell.theories
            .iter_mut()
            .for_each(TheoryOutcome::drop_partial);
        match (&cell.failure, &mut cell.measurement, streamed) {
            (Some(_), ..) => cell.measurement = None,
            (None, Some(measurement), Some(streamed)) => measurement.stream(streamed),
            (None, Some(measurement), None) => measurement.combine(stated),
            (None, None, _) => {}
        }
    }
    Ok(cells)
}
