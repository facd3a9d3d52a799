//! Measurements without a learner: the task is simulated, and the instruments read the result.

use crate::error::{Error, Result};
use crate::experiment::{DrawIndex, Experiment};
use crate::instrument::{Chosen, Wanted};
use crate::percolation::{Need, Tally};
use serde_json::{Value as Json, json};

/// Elements occupied per second, for estimates.
const RATE: f64 = 1e7;

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
    let needs = instruments.iter().filter_map(|i| i.sweeps());
    needs.fold(Need::default(), |all, i| all.and(i.need()))
}

/// Values of all instruments for one draw, by their names.
pub(super) fn simulate(
    experiment: &Experiment,
    instruments: &[Chosen],
    wanted: &[Wanted],
    draw: DrawIndex,
) -> Result<Vec<(String, Vec<f64>)>> {
    let setting = experiment
        .task
        .percolation()
        .ok_or_else(|| Error::bug("simulate", "nothing to simulate"))?;
    let mut rng = experiment.simulation_stream(draw);
    let tally = Tally::of(setting, need(instruments), &mut rng)?;
    instruments
        .iter()
        .zip(wanted)
        .map(|(instrument, wanted)| {
            let name = instrument.about().kind;
            let reads = instrument
                .sweeps()
                .ok_or_else(|| Error::bug(name, "needs a learner"))?;
            let values = reads.read(setting, &wanted.axes, &tally)?;
            match values.len() == wanted.size() {
                true => Ok((name.to_string(), values)),
                false => Err(Error::bug(name, format!("{} values", values.len()))),
            }
        })
        .collect()
}

/// Peak memory of one draw, and its seconds on one core.
pub(super) fn cost(experiment: &Experiment, instruments: &[Chosen]) -> Option<(u64, f64)> {
    let setting = experiment.task.percolation()?;
    let bytes = setting.bytes(need(instruments)).ok()?;
    let [_, elements] = setting.counts().ok()?;
    Some((bytes, elements as f64 * setting.sweeps as f64 / RATE))
}
