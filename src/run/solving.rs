//! One draw measured, one theory solved: without any store, for the engine and for whoever calls them in a loop.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, DrawIndex, Experiment};
use crate::instrument::{Instrument, Measured, OnProgress, measure};
use crate::learner::Parameters;
use crate::numerics::interrupt;
use crate::theory::{Plan, Prediction};
use crate::training::{Start, State};
use std::sync::Arc;

/// Trains the network of one draw and watches it, on from `paused` where there is such a state.
///
/// Errors: those of [`measure`]; an experiment without a learner.
pub fn measure_unit(
    experiment: &Experiment,
    instruments: &[&dyn Instrument],
    draw: DrawIndex,
    cx: &Context,
    paused: Option<&State>,
    on_progress: &mut OnProgress,
) -> Result<Measured> {
    let data = cx.dataset(experiment, draw.dataset)?;
    let parameters = experiment
        .initial(&data, draw)?
        .ok_or_else(|| Error::bug("measure", "no learner"))?;
    let start = Start {
        parameters,
        paused,
        max_memory: cx.max_memory(),
    };
    let mut rng = experiment.training_stream(draw);
    measure(
        experiment,
        cx,
        instruments,
        &data,
        start,
        &mut rng,
        Some(on_progress),
    )
}

/// The parameters of a draw after the last step.
pub fn train_unit(experiment: &Experiment, draw: DrawIndex, cx: &Context) -> Result<Parameters> {
    let mut heed = |_: crate::instrument::Progress| interrupt::check();
    measure_unit(experiment, &[], draw, cx, None, &mut heed).map(|m| m.trained)
}

/// Solves a plan for one draw of the experiment that its theory sees; `trained` gives the parameters of the measured network
/// after training, where the plan conditions on them.
///
/// Errors: those of [`Plan::solve`]; what a solver refuses of the numbers that it is given is `Declined`.
pub fn solve_unit(
    plan: &Plan,
    experiment: &Experiment,
    index: Option<DrawIndex>,
    cx: &Context,
    trained: impl FnOnce(DrawIndex) -> Result<Parameters>,
) -> Result<Prediction> {
    let conditioning = plan.promise().conditioning;
    let mut draw = Draw {
        index,
        ..Draw::default()
    };
    if let Some(index) = index
        && conditioning != Conditioning::None
    {
        let data = cx.dataset(experiment, index.dataset)?;
        if conditioning >= Conditioning::Initial {
            let start = experiment.initial(&data, index)?.map(Arc::new);
            if conditioning == Conditioning::Trained && start.is_some() {
                draw.trained = Some(Arc::new(trained(index)?));
            }
            draw.initial = start;
        }
        draw.dataset = Some(data);
    }
    let prediction = plan.solve(&draw, cx).map_err(refused)?;
    if !prediction.solver.residual.is_finite() {
        return Err(Error::unconverged(
            prediction.solver.method.clone(),
            format!("its residual is {}", prediction.solver.residual),
            "bring the numbers of the experiment nearer to 1: their squares or products leave the range of double precision",
        ));
    }
    Ok(prediction)
}

/// A solver refuses the numbers of this experiment (no ridge where there must be one, a spectrum that ends among the
/// learned modes): its theory does not apply here, and the other theories and cells stand.
fn refused(error: Error) -> Error {
    match error {
        Error::Input {
            place,
            cause,
            remedy,
        } => Error::Declined {
            reason: format!("{place}: {cause} ({remedy})"),
        },
        other => other,
    }
}
