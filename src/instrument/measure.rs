//! One training run, watched by several instruments at once.

use super::subject::{Subject, refused};
use super::{Cadence, Instrument, Recorder};
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::learner::Parameters;
use crate::numerics::random::Stream;
use crate::task::Dataset;

/// Called with a step from time to time; an error (such as [`Error::Interrupted`]) stops the training.
pub type OnProgress<'a> = dyn FnMut(usize) -> Result<()> + 'a;

/// What one training run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Values of every instrument on its own grid, in the order of the instruments.
    pub values: Vec<Vec<f64>>,
    /// Parameters after the last step.
    pub trained: Parameters,
}

/// Trains once from `start` and feeds the recorders of all instruments, each at its own cadence.
///
/// `rng` is the stream of the training noise. `on_progress` is called at every step that is looked at: every hundredth of the
/// training and every 1,000 steps at least; which steps are looked at does not change the training.
///
/// Errors: an instrument that declines the experiment, divergence of the training, whatever `on_progress` returns.
pub fn measure(
    experiment: &Experiment,
    instruments: &[&dyn Instrument],
    dataset: &Dataset,
    start: Parameters,
    rng: &mut Stream,
    mut on_progress: Option<&mut OnProgress>,
) -> Result<Measured> {
    let subject = Subject::of(experiment).map_err(|d| refused("measure", d))?;
    let (training, learner) = (subject.training, subject.learner);
    let mut recorders = Vec::with_capacity(instruments.len());
    for instrument in instruments {
        let axes = instrument
            .axes(experiment)
            .map_err(|d| refused(instrument.about().kind, d))?;
        recorders.push((
            instrument.recorder(experiment, dataset)?,
            instrument.primitives(experiment, &axes),
        ));
    }
    let recorded = experiment.record_steps();
    let every_step = recorders
        .iter()
        .any(|(r, _)| r.cadence() == Cadence::EveryStep);
    let looked_at = if every_step {
        (0..=training.steps()).collect()
    } else if on_progress.is_some() {
        with_progress_steps(&recorded, training.steps())
    } else {
        recorded.clone()
    };

    let trained = training.train(learner, start, dataset, &looked_at, rng, &mut |snapshot| {
        let step = snapshot.step;
        let is_recorded = recorded.binary_search(&step).is_ok();
        for (recorder, _) in &mut recorders {
            if is_recorded || recorder.cadence() == Cadence::EveryStep {
                recorder.record(step, training.time(step), snapshot.parameters)?;
            }
        }
        match &mut on_progress {
            Some(report) => report(step),
            None => Ok(()),
        }
    })?;

    let values = recorders
        .into_iter()
        .zip(instruments)
        .map(|((recorder, size), instrument)| finish(recorder, size, *instrument))
        .collect::<Result<_>>()?;
    Ok(Measured { values, trained })
}

/// The recorded steps and about 100 more, evenly spaced.
/// Most steps between two calls of `on_progress`, so that a long training can be interrupted.
const LARGEST_STRIDE: usize = 1000;

fn with_progress_steps(recorded: &[usize], last: usize) -> Vec<usize> {
    let mut steps = recorded.to_vec();
    steps.extend((0..last).step_by((last / 100).clamp(1, LARGEST_STRIDE)));
    steps.sort_unstable();
    steps.dedup();
    steps
}

fn finish(
    recorder: Box<dyn Recorder>,
    size: usize,
    instrument: &dyn Instrument,
) -> Result<Vec<f64>> {
    let values = recorder.finish();
    match values.len() == size {
        true => Ok(values),
        false => Err(Error::bug(
            instrument.about().kind,
            format!("{} values on a grid of {size}", values.len()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::super::{HalfRiseTime, INSTRUMENTS, ModeStrength, TestLoss, TrainLoss};
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::task::LinearTeacher;

    const DRAW: DrawIndex = DrawIndex {
        dataset: 0,
        replica: 0,
    };

    const S: [f64; 4] = [2.0, 1.6, 1.3, 1.0];

    fn setting() -> (Experiment, Dataset, Parameters) {
        let task = LinearTeacher {
            test_samples: 20,
            ..LinearTeacher::new(S.to_vec(), 6, 4)
        };
        let experiment = experiment(task, linear(&[5], &[1.0, 1.0]), 500);
        let data = experiment.dataset(0).unwrap();
        let start = experiment.initial(&data, DRAW).unwrap().unwrap();
        (experiment, data, start)
    }

    fn watched(instruments: &[&dyn Instrument], hook: Option<&mut OnProgress>) -> Result<Measured> {
        let (experiment, data, start) = setting();
        let mut rng = experiment.training_stream(DRAW);
        measure(&experiment, instruments, &data, start, &mut rng, hook)
    }

    #[test]
    fn watching_together_is_watching_one_by_one() {
        let (experiment, _, _) = setting();
        let apply = INSTRUMENTS.iter().copied();
        let apply: Vec<_> = apply.filter(|i| i.axes(&experiment).is_ok()).collect();
        assert!(apply.len() > 12);
        let all = watched(&apply, None).unwrap();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        for (instrument, together) in apply.iter().zip(&all.values) {
            let alone = watched(&[*instrument], None).unwrap();
            let kind = instrument.about().kind;
            assert_eq!(bits(&alone.values[0]), bits(together), "{kind}");
            assert_eq!(alone.trained, all.trained);
            let axes = instrument.axes(&experiment).unwrap();
            assert_eq!(instrument.primitives(&experiment, &axes), together.len());
        }
    }

    #[test]
    fn a_trained_network_has_learned_the_modes() {
        let found = watched(&[&ModeStrength, &TrainLoss, &TestLoss, &HalfRiseTime], None).unwrap();
        let strengths = &found.values[0];
        // A teacher of full output rank: every residual decays at least like exp(-s_4 t), here for 25 tau less the rise (< 5 tau).
        let floor = (-20.0f64).exp();
        for (mode, s) in S.iter().enumerate() {
            assert!((strengths[5 * mode + 4] - s).abs() < floor);
        }
        for loss in &found.values[1..3] {
            assert!(loss[4] < floor * floor && loss[0] > 1.0);
        }
        assert!(found.values[3].iter().all(|t| *t < 5.0));
    }

    #[test]
    fn progress_is_reported_and_can_stop_the_training() {
        let mut steps = Vec::new();
        let silent = watched(&[&TrainLoss], None).unwrap();
        let mut report = |step: usize| {
            steps.push(step);
            Ok(())
        };
        assert_eq!(watched(&[&TrainLoss], Some(&mut report)).unwrap(), silent);
        assert!(steps.len() >= 100 && steps.windows(2).all(|w| w[0] < w[1]));
        let mut stop = |step: usize| match step > 100 {
            true => Err(Error::Interrupted),
            false => Ok(()),
        };
        let stopped = watched(&[&TrainLoss], Some(&mut stop));
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
