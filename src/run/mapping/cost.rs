//! What a map costs, estimated at its corners and in its middle before anything is solved.

use super::super::cost::{CellCost, Load};
use super::lines::{as_reason, point};
use crate::error::Result;
use crate::experiment::{Conditioning, Experiment};
use crate::numerics::memo::Kept;
use crate::spec::map::{BRANCHES, Line, Map};
use crate::spec::{Spec, sweep::Settings};
use serde_json::{Map as Object, Value as Json, json};

/// One theory on one chart of the map.
#[derive(Debug, Clone, serde::Serialize)]
pub struct MapEstimate {
    /// The other swept keys.
    pub set: Object<String, Json>,
    /// Label of the `[[theory]]` entry.
    pub label: String,
    /// Names of the quantities that it knows.
    pub observables: Vec<String>,
    /// Points of the map.
    pub points: usize,
    /// Lines, each of which is one record.
    pub lines: usize,
    /// Seconds of all solves on one core.
    pub seconds: f64,
    /// Working memory of one solve, the largest that was found.
    pub bytes: u64,
    /// `none`, `data` or `initial`; `None` when the theory declined wherever it was planned.
    pub conditioning: Option<String>,
    /// At how many of the points that were planned it declined, with the first reason.
    pub declined: Option<String>,
}

/// Estimates of all theories on all charts.
///
/// # Errors
/// Those of components that are no wrong input.
pub fn estimates(spec: &Spec) -> Result<Vec<MapEstimate>> {
    Ok(all(spec)?.into_iter().map(|(e, _)| e).collect())
}

/// Estimates with what they add to the cost of the run.
pub(crate) fn all(spec: &Spec) -> Result<Vec<(MapEstimate, CellCost)>> {
    let Some(map) = &spec.map else {
        return Ok(vec![]);
    };
    let first = map.lines().into_iter().filter(|line| line.row == 0);
    first.map(|line| estimate(map, line)).collect()
}

fn estimate(map: &Map, line: Line) -> Result<(MapEstimate, CellCost)> {
    let (rows, columns) = (map.rows(), map.length());
    let mut places = vec![
        (0, 0),
        (0, columns - 1),
        (rows / 2, columns / 2),
        (rows - 1, 0),
        (rows - 1, columns - 1),
    ];
    places.dedup();
    let chart = &map.charts[line.chart];
    let observables = map.quantities(chart, line.theory);
    let mut found = MapEstimate {
        set: set_json(&chart.set),
        label: map.theory(&line).0,
        observables: observables.map(|(_, name)| name.to_string()).collect(),
        points: rows * columns,
        lines: rows,
        seconds: 0.0,
        bytes: 0,
        conditioning: None,
        declined: None,
    };
    let (mut planned, mut seconds, mut declines) = (0, 0.0, Vec::new());
    let (mut cost, mut dataset, mut drawing) = (CellCost::default(), 0, 0);
    for &(row, column) in &places {
        let line = Line { row, ..line };
        let row = as_reason(map.row(&line))?;
        let (posed, plan) = match point(map, &row, &line, column)? {
            Ok(point) => point,
            Err(reason) => {
                declines.push(reason);
                continue;
            }
        };
        let promise = plan.promise();
        planned += 1;
        seconds += promise.seconds;
        found.bytes = found.bytes.max(promise.bytes);
        let conditioning = promise.conditioning;
        found
            .conditioning
            .get_or_insert_with(|| conditioning.name().to_string());
        if conditioning >= Conditioning::Data {
            dataset = dataset.max(dataset_bytes(&posed.experiment));
            drawing = dataset.max(posed.experiment.task.draw_bytes());
        }
        cost.shared.extend(promise.keeps.iter().cloned());
        cost.pool = posed.experiment.task.pool();
    }
    if let Some(first) = declines.first() {
        found.declined = Some(format!(
            "at {} of {} planned points: {first}",
            declines.len(),
            places.len()
        ));
    }
    found.seconds = seconds / planned.max(1) as f64 * found.points as f64;
    let points = found.points as u64;
    cost.loads.push(Load {
        bytes: found.bytes.max(drawing),
        dataset,
        count: rows as u64,
    });
    cost.shared.push(Kept {
        content: format!("data sets of map {} by {}", line.chart, line.theory),
        bytes: dataset.saturating_mul(points),
    });
    // Values and bounds of every branch, in the result and in its copy.
    let values = found.observables.len() as u64 * points * (BRANCHES * 8 * 2) as u64;
    cost.result_bytes = values;
    cost.copied_bytes = values;
    cost.seconds = found.seconds;
    Ok((found, cost))
}

fn dataset_bytes(e: &Experiment) -> u64 {
    let shape = e.task.shape();
    let samples = (shape.samples + e.task.test_samples()) as u64;
    samples.saturating_mul(8 * (shape.inputs + shape.outputs) as u64)
}

fn set_json(set: &Settings) -> Object<String, Json> {
    set.iter().map(|(k, v)| (k.clone(), json!(v))).collect()
}
