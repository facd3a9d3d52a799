//! Input-output map: every entry of the end-to-end linear map over time.

use super::map::EndToEnd;
use super::subject::{counting_axis, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;

/// Entries of the end-to-end linear map over training, axes time, output, input.
pub static INPUT_OUTPUT_MAP: Observable = Observable {
    name: "input-output-map",
    label: "end-to-end map F",
    unit: "1",
    convention: "entries of the end-to-end linear map F(t) (product of the layers with their multipliers; linear regression of the \
                 outputs on the training inputs when the network is not linear)",
    ..Observable::PLAIN
};

const ABOUT: About = About {
    kind: "input-output-map",
    summary: "entries of the end-to-end linear map",
    text: "\
F_oi(t) on the axes time, output, input. A linear network: F = c_L W_L ... c_1 W_1. Any other network: the linear regression of
its outputs on the training inputs, F = (sum f x^T) (sum x x^T)^(-1), which needs linearly independent inputs.",
    revision: 1,
};

/// Measures [`INPUT_OUTPUT_MAP`].
#[derive(Debug, Clone, Copy)]
pub struct InputOutputMap;

impl Instrument for InputOutputMap {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &INPUT_OUTPUT_MAP
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        EndToEnd::check(experiment)?;
        let shape = experiment.task.shape();
        Ok(vec![
            time_axis(experiment),
            counting_axis("output", shape.outputs),
            counting_axis("input", shape.inputs),
        ])
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        Ok(Box::new(MapRecorder {
            end_to_end: EndToEnd::new(experiment, dataset)?,
            entries: Vec::new(),
        }))
    }
}

struct MapRecorder {
    end_to_end: EndToEnd,
    entries: Vec<f64>,
}

impl Recorder for MapRecorder {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let rows = self.end_to_end.map(parameters).transpose();
        self.entries.extend(rows.iter());
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.entries
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.entries
    }
}
