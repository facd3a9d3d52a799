//! One training run, watched by several instruments at once.

use super::subject::{Subject, refused};
use super::{Cadence, Instrument, Recorder};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::Experiment;
use crate::learner::{Learner, Parameters};
use crate::numerics::random::Stream;
use crate::task::Dataset;
use crate::training::{Snapshot, Start, State, Training};
use std::cell::RefCell;

/// A look at a training that goes on.
pub struct Progress<'a> {
    /// Updates made so far.
    pub step: usize,
    /// Where the measurement stands, to go on from with [`Start::paused`]; `None` where the training cannot be continued from here.
    pub state: Option<&'a dyn Fn() -> Result<State>>,
}

/// Called from time to time; an error (such as [`Error::Interrupted`]) stops the training.
pub type OnProgress<'a> = dyn FnMut(Progress) -> Result<()> + 'a;

/// What one training run gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Values of every instrument on its own grid, in the order of the instruments.
    pub values: Vec<Vec<f64>>,
    /// Parameters after the last step.
    pub trained: Parameters,
    /// What the training warns of.
    pub warnings: Vec<String>,
}

/// Trains once from `start` and feeds the recorders of all instruments, each at its own cadence.
///
/// `rng` is the stream of the training noise. `on_progress` is called at every step that is looked at: every hundredth of the
/// training and every 1,000 steps at least; which steps are looked at does not change the training. With `start.paused`, the state that
/// `on_progress` gave, the same measurement is continued, to the same bits.
///
/// Errors: an instrument that declines the experiment, divergence of the training, a value that is not a finite number
/// where its observable is one, whatever `on_progress` returns.
pub fn measure(
    experiment: &Experiment,
    cx: &Context,
    instruments: &[&dyn Instrument],
    dataset: &Dataset,
    start: Start,
    rng: &mut Stream,
    mut on_progress: Option<&mut OnProgress>,
) -> Result<Measured> {
    let subject = Subject::of(experiment).map_err(|d| refused("measure", d))?;
    let (training, learner) = (subject.training, subject.learner);
    let mut watch = Watch::new(experiment, cx, instruments, dataset, training)?;
    let mut looked_at = watch.looked_at(on_progress.is_some());
    let within = match start.paused {
        None => None,
        Some(state) => {
            let (step, collected, within): (usize, Vec<Vec<f64>>, State) = state.read()?;
            watch.look_at_start(learner, start.parameters.clone(), dataset, rng)?;
            for (recorder, collected) in watch.recorders.iter_mut().zip(collected) {
                *recorder.collected() = collected;
            }
            looked_at.retain(|&s| s > step);
            Some(within)
        }
    };
    let start = Start {
        parameters: start.parameters,
        paused: within.as_ref(),
        max_memory: start.max_memory,
    };
    let mut warnings = Vec::new();
    let trained = training.train(learner, start, dataset, &looked_at, rng, &mut |snapshot| {
        watch.look(&snapshot)?;
        warnings.extend(snapshot.warning.map(str::to_string));
        let Some(report) = &mut on_progress else {
            return Ok(());
        };
        let Snapshot { step, state, .. } = snapshot;
        match state {
            None => report(Progress { step, state: None }),
            Some(within) => {
                let watch = RefCell::new(&mut watch);
                let state = || State::of(&(step, watch.borrow_mut().collected(), within()?));
                report(Progress {
                    step,
                    state: Some(&state),
                })
            }
        }
    })?;
    Ok(Measured {
        values: watch.finish(instruments)?,
        trained,
        warnings,
    })
}

/// The recorders of all instruments.
struct Watch<'a> {
    training: &'a dyn Training,
    recorders: Vec<Box<dyn Recorder>>,
    /// Number of values of each.
    sizes: Vec<usize>,
    recorded: Vec<usize>,
}

impl<'a> Watch<'a> {
    fn new(
        experiment: &Experiment,
        cx: &Context,
        instruments: &[&dyn Instrument],
        dataset: &Dataset,
        training: &'a dyn Training,
    ) -> Result<Self> {
        let mut watch = Watch {
            training,
            recorders: Vec::with_capacity(instruments.len()),
            sizes: Vec::with_capacity(instruments.len()),
            recorded: experiment.record_steps(),
        };
        for instrument in instruments {
            let axes = instrument
                .axes(experiment)
                .map_err(|d| refused(instrument.about().kind, d))?;
            let recorder = instrument.recorder(experiment, dataset, cx)?;
            watch.recorders.push(recorder);
            watch.sizes.push(instrument.primitives(experiment, &axes));
        }
        Ok(watch)
    }

    /// Steps at which the training is looked at.
    fn looked_at(&self, progress: bool) -> Vec<usize> {
        let last = self.training.steps();
        let mut cadences = self.recorders.iter().map(|r| r.cadence());
        if cadences.any(|c| c == Cadence::EveryStep) {
            (0..=last).collect()
        } else if progress {
            with_progress_steps(&self.recorded, last)
        } else {
            self.recorded.clone()
        }
    }

    fn look(&mut self, snapshot: &Snapshot) -> Result<()> {
        let step = snapshot.step;
        let is_recorded = self.recorded.binary_search(&step).is_ok();
        let time = self.training.time(step);
        let mut report = None;
        for recorder in &mut self.recorders {
            match (recorder.cadence(), snapshot.chain) {
                (Cadence::Chain, Some(chain)) => {
                    let report = match &mut report {
                        Some(report) => report,
                        none => none.insert(chain()?),
                    };
                    recorder.chain(report);
                }
                (Cadence::Chain, None) => {}
                (Cadence::Recorded, _) if !is_recorded => {}
                _ => recorder.record(step, time, snapshot.parameters)?,
            }
        }
        Ok(())
    }

    /// What the recorders keep of the start: the training hands it out and is stopped there.
    fn look_at_start(
        &mut self,
        learner: &dyn Learner,
        start: Parameters,
        dataset: &Dataset,
        rng: &Stream,
    ) -> Result<()> {
        if self.recorded.first() != Some(&0) {
            return Ok(());
        }
        let training = self.training;
        let (mut rng, mut looked) = (rng.clone(), Ok(()));
        let end = training.train(learner, start.into(), dataset, &[0], &mut rng, &mut |s| {
            looked = self.look(&s);
            Err(Error::Interrupted)
        });
        match end {
            Ok(_) | Err(Error::Interrupted) => looked,
            Err(e) => Err(e),
        }
    }

    fn collected(&mut self) -> Vec<Vec<f64>> {
        let recorders = self.recorders.iter_mut();
        recorders.map(|r| r.collected().clone()).collect()
    }

    fn finish(self, instruments: &[&dyn Instrument]) -> Result<Vec<Vec<f64>>> {
        let recorders = self.recorders.into_iter().zip(self.sizes);
        recorders
            .zip(instruments)
            .map(|((recorder, size), instrument)| {
                let values = recorder.finish();
                let observable = instrument.observable();
                match values.len() == size {
                    true => observable.check("measure", &values).map(|()| values),
                    false => Err(Error::bug(
                        instrument.about().kind,
                        format!("{} values on a grid of {size}", values.len()),
                    )),
                }
            })
            .collect()
    }
}

/// Most steps between two calls of `on_progress`, so that a long training can be interrupted.
const LARGEST_STRIDE: usize = 1000;

/// The recorded steps and about 100 more, evenly spaced.
fn with_progress_steps(recorded: &[usize], last: usize) -> Vec<usize> {
    let mut steps = recorded.to_vec();
    steps.extend((0..last).step_by((last / 100).clamp(1, LARGEST_STRIDE)));
    steps.sort_unstable();
    steps.dedup();
    steps
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear};
    use super::super::{HalfRiseTime, INSTRUMENTS, ModeStrength, TestLoss, TrainLoss};
    use super::*;
    use crate::experiment::DrawIndex;
    use crate::task::LinearTeacher;
    use crate::training::GradientDescent;
    use std::sync::Arc;

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
        measure(
            &experiment,
            &Context::default(),
            instruments,
            &data,
            start.into(),
            &mut rng,
            hook,
        )
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

    /// Instruments with a memory of the start, of the last step and of sums among them.
    #[test]
    fn a_measurement_continued_from_any_state_gives_the_same_bits() {
        let (mut experiment, data, start) = setting();
        experiment.training = Some(Arc::new(GradientDescent::new(0.05, 500)));
        let apply = INSTRUMENTS.iter().copied();
        let apply: Vec<_> = apply.filter(|i| i.axes(&experiment).is_ok()).collect();
        let mut states = Vec::new();
        let mut keep = |progress: Progress| {
            if progress.step.is_multiple_of(61) {
                states.push(progress.state.unwrap()()?);
            }
            Ok(())
        };
        let mut rng = experiment.training_stream(DRAW);
        let from = start.clone().into();
        let whole = measure(
            &experiment,
            &Context::default(),
            &apply,
            &data,
            from,
            &mut rng,
            Some(&mut keep),
        )
        .unwrap();
        assert!(states.len() > 5);
        for state in &states {
            let start = Start {
                paused: Some(state),
                ..start.clone().into()
            };
            let mut rng = experiment.training_stream(DRAW);
            let again = measure(
                &experiment,
                &Context::default(),
                &apply,
                &data,
                start,
                &mut rng,
                None,
            )
            .unwrap();
            assert_eq!(again.trained, whole.trained);
            let bits = |m: &Measured| -> Vec<u64> {
                m.values.concat().iter().map(|v| v.to_bits()).collect()
            };
            assert_eq!(bits(&again), bits(&whole));
        }
    }

    #[test]
    fn progress_is_reported_and_can_stop_the_training() {
        let mut steps = Vec::new();
        let silent = watched(&[&TrainLoss], None).unwrap();
        let mut report = |progress: Progress| {
            steps.push(progress.step);
            Ok(())
        };
        assert_eq!(watched(&[&TrainLoss], Some(&mut report)).unwrap(), silent);
        assert!(steps.len() >= 100 && steps.windows(2).all(|w| w[0] < w[1]));
        let mut stop = |progress: Progress| match progress.step > 100 {
            true => Err(Error::Interrupted),
            false => Ok(()),
        };
        let stopped = watched(&[&TrainLoss], Some(&mut stop));
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
