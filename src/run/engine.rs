//! Computes one unit (one draw measured, one theory solved for one draw), from the store where it can.

use super::checkpoint::Checkpoint;
use super::execute::Settings;
use super::gather::{Done, is_local, of_draw, place};
use super::identity;
use super::progress::Progress;
use super::records::{from_record, to_record};
use super::simulation;
use super::solving::{measure_unit, solve_unit, train_unit};
use super::store::{Lookup, Record, Store};
use super::units::{Planned, Unit, Work, effort, steps, total_steps};
use super::weights;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{DrawIndex, Experiment};
use crate::instrument::{self, Chosen, Instrument};
use crate::learner::{Learner, Parameters};
use crate::numerics::{content, interrupt};
use crate::spec::{Cell, Spec};
use serde_json::{Value as Json, json};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

pub(super) struct Engine<'a> {
    spec: &'a Spec,
    plans: &'a [Vec<Planned>],
    store: Option<Store>,
    checkpoint: Duration,
    weights: bool,
    cx: Context,
    progress: Arc<Progress>,
    warnings: Mutex<Vec<String>>,
    records: Mutex<Vec<String>>,
    /// Records that were computed, not found.
    made: AtomicUsize,
    /// Set by an error that ends the whole run: the remaining units are not worth computing.
    stopped: AtomicBool,
}

/// What is left of a run besides its results.
pub(super) struct Finished {
    pub store: Option<Store>,
    pub warnings: Vec<String>,
    /// Names of all records of the run: what failed has none.
    pub records: Vec<String>,
    /// How many of them were computed now.
    pub made: usize,
}

/// Share of the memory limit that the memo may take.
pub(super) const MEMO_SHARE: u64 = 4;

impl<'a> Engine<'a> {
    pub fn new(
        spec: &'a Spec,
        plans: &'a [Vec<Planned>],
        store: Option<Store>,
        settings: &Settings,
        warnings: Vec<String>,
        units: impl Iterator<Item = &'a Unit>,
        points: u64,
    ) -> Self {
        let total = total_steps(spec, plans, units) + points;
        Engine {
            spec,
            plans,
            store,
            checkpoint: settings.checkpoint,
            weights: settings.weights,
            cx: Context::new(spec.seed, settings.max_memory / MEMO_SHARE)
                .within(settings.max_memory),
            progress: Arc::new(Progress::new(total, settings.progress)),
            warnings: Mutex::new(warnings),
            records: Mutex::new(vec![]),
            made: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    /// The store, the warnings and the names of all records of the run.
    pub fn finish(self) -> Finished {
        self.progress.finish();
        let mut warnings = self.warnings.into_inner().unwrap_or_default();
        warnings.sort();
        let warnings = of_kinds(warnings);
        let mut records = self.records.into_inner().unwrap_or_default();
        records.sort();
        records.dedup();
        Finished {
            store: self.store,
            warnings,
            records,
            made: self.made.into_inner(),
        }
    }

    pub fn unit(&self, unit: &Unit) -> Result<Done> {
        self.unless_stopped(|| self.run(unit))
    }

    /// What `work` gives, unless the run has ended.
    pub fn unless_stopped<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        interrupt::check()?;
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let done = work();
        if done.as_ref().is_err_and(|e| !is_local(e)) {
            self.stopped.store(true, Ordering::Relaxed);
        }
        done
    }

    fn run(&self, unit: &Unit) -> Result<Done> {
        let cell = &self.spec.cells[unit.cell];
        match unit.work {
            Work::Measure { draw } => self.measure(cell, draw),
            Work::Solve { theory, draw } => self.solve(cell, unit.cell, theory, draw),
        }
    }

    /// The stored record of `key`.
    fn find(&self, key: &Json) -> Result<Option<Record>> {
        let Some(store) = &self.store else {
            return Ok(None);
        };
        let name = content::of(key);
        Ok(match store.get(&name)? {
            Lookup::Found(record) => {
                lock(&self.records).push(Store::name(&name));
                Some(record)
            }
            Lookup::Missing => None,
            Lookup::Damaged(path) => {
                lock(&self.warnings).push(format!(
                    "{}: the checksum does not fit; the record was recomputed",
                    path.display()
                ));
                None
            }
        })
    }

    /// Stores a record that was begun at `start`.
    fn keep(&self, key: &Json, start: Instant, mut record: Record) -> Result<Record> {
        record.meta["seconds"] = json!(start.elapsed().as_secs_f64());
        self.made.fetch_add(1, Ordering::Relaxed);
        if let Some(store) = &self.store {
            let name = content::of(key);
            store.put(&name, &record)?;
            lock(&self.records).push(Store::name(&name));
        }
        Ok(record)
    }

    /// What the solves of the run share.
    pub fn context(&self) -> &Context {
        &self.cx
    }

    /// Tells the bar of finished work.
    pub fn advance(&self, amount: u64) {
        self.progress.advance(amount);
    }

    /// The stored record of `key`, or what `make` computes (then stored).
    pub fn stored(&self, key: &Json, make: impl FnOnce() -> Result<Record>) -> Result<Record> {
        match self.find(key)? {
            Some(record) => Ok(record),
            None => {
                let start = Instant::now();
                self.keep(key, start, make()?)
            }
        }
    }

    /// Measures with the instruments whose records are not there, in one training or simulation.
    fn measure(&self, cell: &Cell, draw: DrawIndex) -> Result<Done> {
        let keys: Vec<Json> = cell
            .instruments
            .iter()
            .map(|i| identity::measured(&cell.experiment, i, draw))
            .collect();
        let stored = keys.iter().map(|key| self.find(key));
        let mut records = stored.collect::<Result<Vec<_>>>()?;
        let missing: Vec<usize> = (0..keys.len()).filter(|&i| records[i].is_none()).collect();
        if !missing.is_empty() {
            let start = Instant::now();
            let made = match cell.experiment.learner {
                _ if cell.is_given() => self.read(cell, draw, &missing),
                Some(_) => self.train(cell, draw, &keys, &missing),
                None => self.simulate(cell, draw, &missing),
            };
            let made = made.map_err(|e| of_draw(e, cell, draw))?;
            for (&i, record) in missing.iter().zip(made) {
                records[i] = Some(self.keep(&keys[i], start, record)?);
            }
        } else {
            self.progress.advance(steps(cell));
        }
        let records: Vec<Record> = records.into_iter().flatten().collect();
        for warning in records
            .iter()
            .filter_map(|r| r.meta["warnings"].as_array())
            .flatten()
        {
            let text = format!("{}{}", place(cell), warning.as_str().unwrap_or_default());
            let mut warnings = lock(&self.warnings);
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
        if self.weights && cell.experiment.learner.is_some() && !cell.is_given() {
            // Trains again where the records of the measurement were there and the weights were not.
            self.trained(&cell.experiment, draw)?;
        }
        measured(cell, draw, &records)
    }

    /// One training, watched by the instruments at `which`; their records.
    fn train(
        &self,
        cell: &Cell,
        draw: DrawIndex,
        keys: &[Json],
        which: &[usize],
    ) -> Result<Vec<Record>> {
        let experiment = &cell.experiment;
        let watching: Vec<&Json> = which.iter().map(|&i| &keys[i]).collect();
        let checkpoint = self
            .store
            .as_ref()
            .map(|store| Checkpoint::of(store.root(), &content::of(&json!(watching))));
        let paused = match &checkpoint {
            Some(checkpoint) => checkpoint.load()?,
            None => None,
        };
        let mut advanced = 0u64;
        let (mut saved, mut can_pause) = (Instant::now(), false);
        let mut report = |progress: instrument::Progress| {
            let step = progress.step as u64;
            if step > advanced {
                self.progress.advance(step - advanced);
                advanced = step;
            }
            let stop = interrupt::check();
            can_pause |= progress.state.is_some();
            match (&checkpoint, progress.state) {
                (Some(checkpoint), Some(state)) => {
                    if stop.is_err() || saved.elapsed() >= self.checkpoint {
                        checkpoint.save(state()?)?;
                        saved = Instant::now();
                    }
                    stop
                }
                // A state comes with one of the next looks.
                (Some(_), None) if can_pause => Ok(()),
                _ => stop,
            }
        };
        let instruments: Vec<&dyn Instrument> =
            which.iter().map(|&i| &*cell.instruments[i]).collect();
        let measured = measure_unit(
            experiment,
            &instruments,
            draw,
            &self.cx,
            paused.as_ref(),
            &mut report,
        );
        if let Some(checkpoint) = checkpoint
            && measured.as_ref().map_or_else(is_local, |_| true)
        {
            checkpoint.remove()?;
        }
        let measured = measured?;
        if self.weights {
            self.stored(&weights::key(experiment, draw), || {
                weights_record(experiment, &measured.trained)
            })?;
        }
        let all = steps(cell);
        self.progress.advance(all - advanced.min(all));
        let record = |values: Vec<f64>| Record {
            meta: json!({ "warnings": measured.warnings }),
            arrays: vec![("values".to_string(), values)],
        };
        Ok(measured.values.into_iter().map(record).collect())
    }

    /// Values from the user's file, whose columns are the draws.
    fn read(&self, cell: &Cell, draw: DrawIndex, which: &[usize]) -> Result<Vec<Record>> {
        let column = draw.dataset.max(draw.replica);
        let record = |&i: &usize| {
            let given = cell.instruments[i].given();
            let given = given.ok_or_else(|| Error::bug("measure.from", "no file"))?;
            let values = given.read(&cell.experiment, column)?;
            Ok(Record {
                meta: json!({}),
                arrays: vec![("values".to_string(), values)],
            })
        };
        self.progress.advance(1);
        which.iter().map(record).collect()
    }

    fn simulate(&self, cell: &Cell, draw: DrawIndex, which: &[usize]) -> Result<Vec<Record>> {
        let instruments: Vec<Chosen> = which.iter().map(|&i| cell.instruments[i].clone()).collect();
        let wanted: Vec<_> = which.iter().map(|&i| cell.wanted[i].clone()).collect();
        let values = simulation::simulate(&cell.experiment, &instruments, &wanted, draw)?;
        self.progress.advance(1);
        let record = |values: Vec<f64>| Record {
            meta: json!({}),
            arrays: vec![("values".to_string(), values)],
        };
        Ok(values.into_iter().map(record).collect())
    }

    fn solve(
        &self,
        cell: &Cell,
        cell_index: usize,
        theory: usize,
        index: Option<DrawIndex>,
    ) -> Result<Done> {
        let Ok(plan) = &self.plans[cell_index][theory] else {
            return Err(Error::bug("solve", "the theory declined"));
        };
        let entry = &cell.theories[theory];
        let (all, advanced) = (effort(plan), Arc::new(AtomicU64::new(0)));
        let key = identity::solved(&cell.experiment, entry, plan, index);
        let record = self.stored(&key, || {
            let (progress, advanced) = (self.progress.clone(), advanced.clone());
            let report = move |fraction: f64| {
                let now = (fraction * all as f64) as u64;
                let before = advanced.fetch_max(now, Ordering::Relaxed);
                progress.advance(now.saturating_sub(before));
            };
            let cx = self.cx.solving(entry.experiment.seed, index, report);
            let trained = |index| self.trained(&cell.experiment, index);
            match solve_unit(plan, &entry.experiment, index, &cx, trained) {
                Ok(prediction) => Ok(to_record(&prediction)),
                // What the data tell is a result like any other: it is found once.
                Err(Error::Declined { reason }) => Ok(Record {
                    meta: json!({ "declined": reason }),
                    arrays: vec![],
                }),
                Err(e) => Err(e),
            }
        })?;
        self.progress
            .advance(all.saturating_sub(advanced.load(Ordering::Relaxed)));
        if let Some(reason) = record.meta["declined"].as_str() {
            return Err(Error::Declined {
                reason: reason.into(),
            });
        }
        let seconds = record.meta["seconds"].as_f64().unwrap_or(0.0);
        let prediction = from_record(&record)
            .ok_or_else(|| Error::bug("store", "a theory record is incomplete"))?;
        for answer in &prediction.answers {
            let observable = plan.asked()[answer.asked].observable;
            let place = format!("{}{}", place(cell), entry.label);
            observable.check(&place, &answer.mean)?;
        }
        Ok(Done::Solved(prediction, seconds))
    }

    /// The parameters after the last step, from the store or from a training of their own.
    fn trained(&self, experiment: &Experiment, draw: DrawIndex) -> Result<Parameters> {
        let record = self.stored(&weights::key(experiment, draw), || {
            weights_record(experiment, &train_unit(experiment, draw, &self.cx)?)
        })?;
        weights::from_record(learner(experiment)?, experiment.task.shape(), record)
    }
}

/// Sorted warnings that differ in numbers alone are one, the first of them, with their count.
fn of_kinds(warnings: Vec<String>) -> Vec<String> {
    let shape = |text: &str| text.replace(|c: char| c.is_ascii_digit(), "");
    let mut kinds: Vec<(String, String, usize)> = Vec::new();
    for text in warnings {
        let shape = shape(&text);
        match kinds.iter_mut().find(|(known, ..)| *known == shape) {
            Some((_, _, count)) => *count += 1,
            None => kinds.push((shape, text, 1)),
        }
    }
    let told = |(_, text, count): (String, String, usize)| match count {
        1 => text,
        _ => format!("{text} ({} more of this kind)", count - 1),
    };
    kinds.into_iter().map(told).collect()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|e| e.into_inner())
}

/// The values of the records, new or stored, where they are finite numbers.
fn measured(cell: &Cell, draw: DrawIndex, records: &[Record]) -> Result<Done> {
    let values = cell
        .instruments
        .iter()
        .zip(records)
        .map(|(instrument, record)| {
            let values = record
                .array("values")
                .ok_or_else(|| Error::bug("store", "a record of a measurement has no values"))?;
            let checked = instrument.observable().check("store", values);
            checked.map_err(|e| of_draw(e, cell, draw))?;
            Ok(values.to_vec())
        });
    let values = values.collect::<Result<Vec<_>>>()?;
    let seconds = records.iter().filter_map(|r| r.meta["seconds"].as_f64());
    Ok(Done::Measured(values, seconds.fold(0.0, f64::max)))
}

fn learner(experiment: &Experiment) -> Result<&dyn Learner> {
    let learner = experiment.learner.as_deref();
    learner.ok_or_else(|| Error::bug("weights", "no learner"))
}

fn weights_record(experiment: &Experiment, p: &Parameters) -> Result<Record> {
    let shape = experiment.task.shape();
    Ok(weights::to_record(learner(experiment)?, shape, p))
}

#[cfg(test)]
mod tests {
    use super::of_kinds;

    #[test]
    fn warnings_that_differ_in_numbers_are_one() {
        let texts = ["a leaves 0.1", "a leaves 0.25", "b leaves 0.1"].map(String::from);
        let kinds = of_kinds(texts.to_vec());
        assert_eq!(
            kinds,
            ["a leaves 0.1 (1 more of this kind)", "b leaves 0.1"]
        );
    }
}
