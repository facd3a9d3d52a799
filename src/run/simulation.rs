//! Measurements without a learner: the task is simulated, and the instruments read the result.

use crate::error::{Error, Result};
use crate::experiment::{DrawIndex, Experiment};
use crate::instrument::{Chosen, Wanted};
use crate::percolation::{Need, Simulated, Simulation, Tally};
use serde_json::{Value as Json, json};

/// What a record of a simulation depends on, beside its instruments and draw.
pub(super) fn identity(experiment: &Experiment) -> Json {
    let about = experiment.task.about();
    json!([
        experiment.seed,
        about.kind,
        about.revision,
        experiment.task.resolved()
    ])
}

fn need(instruments: &[Chosen]) -> Need {
    let needs = instruments.iter().filter_map(|i| i.simulated());
    needs.fold(Need::default(), |all, i| all.and(i.need()))
}

/// Values of all instruments for one draw.
pub(super) fn simulate(
    experiment: &Experiment,
    instruments: &[Chosen],
    wanted: &[Wanted],
    draw: DrawIndex,
) -> Result<Vec<Vec<f64>>> {
    let mut rng = experiment.simulation_stream(draw);
    match experiment.task.simulation() {
        None => Err(Error::bug("simulate", "nothing to simulate")),
        Some(Simulation::Sweeps(setting)) => {
            let tally = Tally::of(setting, &need(instruments), &mut rng)?;
            read(instruments, wanted, Simulated::Sweeps(setting, &tally))
        }
        Some(Simulation::Growth(growth)) => {
            let census = growth.census(&mut rng)?;
            read(instruments, wanted, Simulated::Census(&census))
        }
        Some(Simulation::Leath { growth, .. }) => {
            let survival = growth.grow(&mut rng)?;
            read(instruments, wanted, Simulated::Survival(growth, &survival))
        }
    }
}

fn read(instruments: &[Chosen], wanted: &[Wanted], simulated: Simulated) -> Result<Vec<Vec<f64>>> {
    instruments
        .iter()
        .zip(wanted)
        .map(|(instrument, wanted)| {
            let name = instrument.about().kind;
            let reads = instrument
                .simulated()
                .ok_or_else(|| Error::bug(name, "needs a learner"))?;
            let values = reads.read(simulated, &wanted.axes)?;
            match values.len() == wanted.size() {
                true => Ok(values),
                false => Err(Error::bug(name, format!("{} values", values.len()))),
            }
        })
        .collect()
}

/// Peak memory of one draw, and its seconds on one core.
pub(super) fn cost(experiment: &Experiment, instruments: &[Chosen]) -> Option<(u64, f64)> {
    experiment.task.simulation()?.cost(&need(instruments))
}
