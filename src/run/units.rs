//! What a run consists of: every draw to be measured, every theory to be solved.

use super::assumed;
use super::execute::Side;
use crate::experiment::{Conditioning, DrawIndex};
use crate::spec::{Cell, Spec};
use crate::theory::Plan;

/// A theory's plan for one cell, or the reason why there is none.
pub(crate) type Planned = std::result::Result<Plan, String>;

/// Plans every theory of a cell (cheap; nothing is solved).
pub(crate) fn plan(cell: &Cell) -> Vec<Planned> {
    let plan = |entry: &crate::spec::TheoryEntry| {
        let planned = entry.theory.plan(&entry.experiment, &entry.asked);
        let plan = planned.map_err(|declined| declined.to_string())?;
        assumed::with_draws(cell, entry, plan)
    };
    cell.theories.iter().map(plan).collect()
}

/// What is computed.
pub enum Work {
    Measure {
        draw: DrawIndex,
    },
    Solve {
        theory: usize,
        draw: Option<DrawIndex>,
    },
}

/// One record of a run: a draw measured, or a theory solved for a draw.
pub struct Unit {
    pub cell: usize,
    pub work: Work,
}

/// All units of a spec, cell by cell.
pub fn units(spec: &Spec, plans: &[Vec<Planned>], side: Side) -> Vec<Unit> {
    let mut units = Vec::new();
    for (c, cell) in spec.cells.iter().enumerate() {
        let draws = cell.experiment.draw_indices();
        if side != Side::Theory && cell.is_measured() {
            units.extend(draws.iter().map(|&draw| Unit {
                cell: c,
                work: Work::Measure { draw },
            }));
        }
        if side == Side::Networks {
            continue;
        }
        for (t, planned) in plans[c].iter().enumerate() {
            let Ok(plan) = planned else { continue };
            if plan.answers().is_empty() {
                continue;
            }
            let on: Vec<Option<DrawIndex>> = match plan.promise().conditioning {
                Conditioning::None => vec![None],
                Conditioning::Data => {
                    let datasets = cell.experiment.dataset_indices();
                    let of = |dataset| DrawIndex {
                        dataset,
                        replica: 0,
                    };
                    datasets.map(|dataset| Some(of(dataset))).collect()
                }
                Conditioning::Initial | Conditioning::Trained => {
                    draws.iter().map(|&d| Some(d)).collect()
                }
            };
            units.extend(on.into_iter().map(|draw| Unit {
                cell: c,
                work: Work::Solve { theory: t, draw },
            }));
        }
    }
    units
}

/// Work of all units, for the progress bar: a training step counts one, a solve what [`effort`] says.
pub fn total_steps<'u>(
    spec: &Spec,
    plans: &[Vec<Planned>],
    units: impl Iterator<Item = &'u Unit>,
) -> u64 {
    let of_unit = |u: &Unit| match u.work {
        Work::Measure { .. } => steps(&spec.cells[u.cell]),
        Work::Solve { theory, .. } => plans[u.cell][theory].as_ref().map_or(0, effort),
    };
    units.map(of_unit).sum()
}

/// A solve of less than a second counts one, a longer one a hundred.
pub fn effort(plan: &Plan) -> u64 {
    if plan.promise().seconds > 1.0 { 100 } else { 1 }
}

/// Training steps of one draw; one where nothing is trained.
pub fn steps(cell: &Cell) -> u64 {
    let training = cell.experiment.training.as_ref();
    let training = training.filter(|_| !cell.is_given());
    training.map_or(1, |t| t.steps() as u64)
}
