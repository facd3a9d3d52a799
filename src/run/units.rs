//! What a run consists of: every draw to be measured, every theory to be solved.

use super::execute::{Planned, Side};
use crate::experiment::{Conditioning, DrawIndex, Experiment};
use crate::spec::Spec;

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
        if side != Side::Theory && cell.experiment.is_measured() {
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
            let on: Vec<Option<DrawIndex>> = match plan.promise().conditioning {
                Conditioning::None => vec![None],
                Conditioning::Data => draws
                    .iter()
                    .filter(|d| d.replica == 0)
                    .map(|&d| Some(d))
                    .collect(),
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

/// Work of all units, for the progress bar: a training step and a solve count one each.
pub fn total_steps(spec: &Spec, units: &[Unit]) -> u64 {
    units
        .iter()
        .map(|u| match u.work {
            Work::Measure { .. } => steps(&spec.cells[u.cell].experiment),
            Work::Solve { .. } => 1,
        })
        .sum()
}

/// Training steps of one draw.
pub fn steps(experiment: &Experiment) -> u64 {
    experiment.training.as_ref().map_or(1, |t| t.steps() as u64)
}
