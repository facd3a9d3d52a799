//! A theory whose entry assumes another experiment than the one that is measured: whose draws it is given, and when none.
//!
//! Data sets and initial parameters are those of the experiment that the entry assumes, of the same stream and number as
//! the draw that is measured. Trained networks are always those that are measured.

use crate::experiment::Conditioning;
use crate::spec::{Cell, TheoryEntry};
use crate::theory::Plan;

/// Whether the entry's data sets are others than those that are measured.
pub(super) fn has_own_data(cell: &Cell, entry: &TheoryEntry) -> bool {
    cell.experiment.task_json() != entry.experiment.task_json()
}

/// Whether its networks start from other parameters.
fn has_own_start(cell: &Cell, entry: &TheoryEntry) -> bool {
    cell.experiment.learner_json() != entry.experiment.learner_json()
}

/// The plan with a word on the draws that its theory is given, or why there are none for it.
pub(super) fn with_draws(cell: &Cell, entry: &TheoryEntry, mut plan: Plan) -> Result<Plan, String> {
    let conditioning = plan.promise().conditioning;
    if cell.is_given() && conditioning != Conditioning::None {
        return Err(given(entry, conditioning));
    }
    let (data, start) = (has_own_data(cell, entry), has_own_start(cell, entry));
    match conditioning {
        Conditioning::None => return Ok(plan),
        Conditioning::Trained if data || start => {
            return Err(format!(
                "condition = \"trained\" is about the networks that are measured, and assume changes their {} (leave these keys out of \
                 assume, or choose another condition)",
                if data { "task" } else { "learner" }
            ));
        }
        _ => {}
    }
    if data {
        fits_grid(cell, entry, &plan)?;
        plan.note("its data sets are draws of the task that it assumes (assume), not those of the networks");
    }
    if start && conditioning == Conditioning::Initial {
        plan.note("its initial parameters are draws of the learner that it assumes (assume), not those of the networks");
    }
    Ok(plan)
}

/// Why a theory that is given something of the draws has nothing to be given where a file holds what was measured.
fn given(entry: &TheoryEntry, conditioning: Conditioning) -> String {
    let conditions = entry.theory.info().conditions;
    let remedy = match conditions.contains(&Conditioning::None) {
        true => "condition = \"none\" asks for the theory of the experiment alone",
        false => "it has no form without them",
    };
    let name = conditioning.name();
    format!(
        "condition = \"{name}\" is about data that the file in measure.from does not hold ({remedy})"
    )
}

/// Samples, modes and whatever else numbers the parts of a data set must be as many as are measured.
fn fits_grid(cell: &Cell, entry: &TheoryEntry, plan: &Plan) -> Result<(), String> {
    let measured = cell.instruments.iter().zip(&cell.wanted).enumerate();
    for (_, (instrument, wanted)) in measured.filter(|(i, _)| plan.answers().contains(i)) {
        let name = wanted.observable.name;
        let own = instrument.axes(&entry.experiment).map_err(|declined| {
            format!("{name} is not defined for the task that assume states: {declined}")
        })?;
        for axis in wanted.axes.iter().filter(|a| !a.name.ends_with("time")) {
            let other = own.iter().find(|a| a.name == axis.name);
            let count = other.map_or(0, |a| a.values.len());
            if count != axis.values.len() {
                return Err(format!(
                    "the task that assume states has {count} values of {} where {name} is measured at {} (leave out the key of assume that \
                     changes their number, or take {name} out of measure.observables)",
                    axis.name,
                    axis.values.len()
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "assumed_tests.rs"]
mod tests;
