//! Computes every unit of a spec (one draw measured, one theory solved for one draw) in parallel, from the store where it can.

use super::checkpoint::Checkpoint;
use super::cost;
use super::gather::{Done, gather, is_local, of_draw, place};
use super::identity;
use super::memo::Memo;
use super::outcome::Outcome;
use super::progress::Progress;
use super::records::{from_record, to_record};
use super::simulation;
use super::store::{Lookup, Record, Store};
use super::units::{Unit, Work, steps, total_steps, units};
use super::weights;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, DrawIndex, Experiment};
use crate::instrument::{self, Instrument, measure};
use crate::learner::{Learner, Parameters};
use crate::numerics::interrupt;
use crate::spec::{Cell, Spec, hash};
use crate::task::Dataset;
use crate::theory::Plan;
use crate::training::Start;
use rayon::prelude::*;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Which side of the comparison is computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Predictions alone; no network is measured.
    Theory,
    /// Measurements alone; no theory is solved.
    Networks,
    /// Predictions and measurements, so that they can be compared.
    Both,
}

/// How a run is carried out; nothing here affects a number.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which side is computed.
    pub side: Side,
    /// Folder of the store; `None` keeps everything in memory.
    pub out: Option<PathBuf>,
    /// 0 takes all cores.
    pub threads: usize,
    /// Largest estimated peak memory in bytes; a run above it is refused before it starts.
    pub max_memory: u64,
    /// Whether a progress bar is shown (only on a terminal, after one second).
    pub progress: bool,
    /// Whether the trained weights of every draw are kept in the store.
    pub weights: bool,
    /// Time between two checkpoints of one draw; one more is written when the run is interrupted.
    pub checkpoint: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            side: Side::Both,
            out: None,
            threads: 0,
            max_memory: cost::DEFAULT_MAX_MEMORY,
            progress: false,
            weights: false,
            checkpoint: Duration::from_secs(30),
        }
    }
}

/// A theory's plan for one cell, or the reason why there is none.
pub(crate) type Planned = std::result::Result<Box<dyn Plan>, String>;

/// Plans every theory of a cell (cheap; nothing is solved).
pub(crate) fn plan(cell: &Cell) -> Vec<Planned> {
    cell.theories
        .iter()
        .map(|entry| {
            entry
                .theory
                .plan(&entry.experiment, &cell.wanted)
                .map_err(|declined| declined.to_string())
        })
        .collect()
}

type Datasets = Memo<(String, usize), Result<Arc<Dataset>>>;

struct Engine<'a> {
    spec: &'a Spec,
    plans: &'a [Vec<Planned>],
    store: Option<Store>,
    checkpoint: Duration,
    weights: bool,
    datasets: Datasets,
    progress: Progress,
    warnings: Mutex<Vec<String>>,
    records: Mutex<Vec<String>>,
    /// Set by an error that ends the whole run: the remaining units are not worth computing.
    stopped: AtomicBool,
}

/// Records beyond this number are packed into one file after a run.
const LOOSE_RECORDS: usize = 1000;

/// Runs a spec. Theories that decline are rows, training that diverges fails its cell, a solver that does not converge fails its
/// theory; everything else is an error of the whole run.
pub fn execute(spec: &Spec, settings: &Settings) -> Result<Outcome> {
    prepare(spec, settings)?.execute()
}

/// A run that was admitted: its theories are planned, its store is open, and nothing is computed.
pub struct Prepared<'a> {
    spec: &'a Spec,
    settings: &'a Settings,
    threads: usize,
    plans: Vec<Vec<Planned>>,
    store: Option<Store>,
    start: Instant,
}

/// Plans a run and opens its store; refuses what does not fit into the memory.
pub fn prepare<'a>(spec: &'a Spec, settings: &'a Settings) -> Result<Prepared<'a>> {
    let start = Instant::now();
    let threads = match settings.threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    cost::admit_networks(spec, threads, settings.max_memory, settings.side)?;
    let plans: Vec<Vec<Planned>> = spec.cells.iter().map(plan).collect();
    cost::admit(spec, &plans, threads, settings.max_memory, settings.side)?;
    let store = settings.out.as_deref().map(Store::open).transpose()?;
    Ok(Prepared {
        spec,
        settings,
        threads,
        plans,
        store,
        start,
    })
}

impl Prepared<'_> {
    /// Computes what the store does not hold.
    pub fn execute(self) -> Result<Outcome> {
        let Prepared {
            spec,
            settings,
            threads,
            plans,
            store,
            start,
        } = self;
        let warnings = store.iter().flat_map(Store::damaged_packs).map(|path| {
        format!(
            "{}: the index is damaged; its records were recomputed, and the file can be deleted",
            path.display()
        )
    });
        let warnings = warnings.collect();
        let units = units(spec, &plans, settings.side);
        let engine = Engine {
            spec,
            plans: &plans,
            store,
            checkpoint: settings.checkpoint,
            weights: settings.weights,
            datasets: Memo::new(),
            progress: Progress::new(total_steps(spec, &units), settings.progress),
            warnings: Mutex::new(warnings),
            records: Mutex::new(vec![]),
            stopped: AtomicBool::new(false),
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| Error::bug("thread pool", e.to_string()))?;
        let done: Vec<Result<Done>> = pool.install(|| {
            units
                .par_iter()
                .with_max_len(1)
                .map(|unit| engine.unless_stopped(unit))
                .collect()
        });
        engine.progress.finish();
        let mut warnings = engine.warnings.into_inner().unwrap_or_default();
        warnings.sort();
        let mut records = engine.records.into_inner().unwrap_or_default();
        records.sort();
        records.dedup();
        let store = engine.store;
        let cells = gather(spec, plans, settings.side, units, done)?;
        if let Some(mut store) = store
            && let Err(e) = store.tidy(LOOSE_RECORDS)
        {
            warnings.push(format!("the records are kept, but were not packed: {e}"));
        }
        Ok(Outcome {
            cells,
            warnings,
            records,
            threads,
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

impl Engine<'_> {
    fn unless_stopped(&self, unit: &Unit) -> Result<Done> {
        interrupt::check()?;
        if self.stopped.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        let done = self.run(unit);
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

    fn dataset(&self, experiment: &Experiment, index: usize) -> Result<Arc<Dataset>> {
        let key = hash::of(&json!([
            experiment.seed,
            experiment.task.about().kind,
            experiment.task.resolved()
        ]));
        self.datasets
            .get((key, index), || experiment.dataset(index).map(Arc::new))
    }

    /// The stored record of `key`, or what `make` computes (then stored). Returns the record and the seconds it took to compute.
    fn stored(&self, key: &Json, make: impl FnOnce() -> Result<Record>) -> Result<Record> {
        let name = hash::of(key);
        if let Some(store) = &self.store {
            self.lock(&self.records).push(Store::name(&name));
            match store.get(&name)? {
                Lookup::Found(record) => return Ok(record),
                Lookup::Missing => {}
                Lookup::Damaged(path) => self.lock(&self.warnings).push(format!(
                    "{}: the checksum does not fit; the record was recomputed",
                    path.display()
                )),
            }
        }
        let start = Instant::now();
        let mut record = make()?;
        record.meta["seconds"] = json!(start.elapsed().as_secs_f64());
        if let Some(store) = &self.store {
            store.put(&name, &record)?;
        }
        Ok(record)
    }

    fn lock<'m, T>(&self, mutex: &'m Mutex<T>) -> std::sync::MutexGuard<'m, T> {
        mutex.lock().unwrap_or_else(|e| e.into_inner())
    }

    fn measure(&self, cell: &Cell, draw: DrawIndex) -> Result<Done> {
        let experiment = &cell.experiment;
        if experiment.learner.is_none() {
            return self.simulate(cell, draw);
        }
        let key = identity::measured(cell, draw);
        let checkpoint = self
            .store
            .as_ref()
            .map(|store| Checkpoint::of(store.root(), &hash::of(&key)));
        let mut advanced = 0u64;
        let record = self.stored(&key, || {
            let data = self.dataset(experiment, draw.dataset)?;
            let parameters = experiment
                .initial(&data, draw)?
                .ok_or_else(|| Error::bug("measure", "no learner"))?;
            let paused = match &checkpoint {
                Some(checkpoint) => checkpoint.load()?,
                None => None,
            };
            let start = Start {
                parameters,
                paused: paused.as_ref(),
            };
            let mut rng = experiment.training_stream(draw);
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
            let instruments: Vec<&dyn Instrument> = cell.instruments.iter().map(|i| &**i).collect();
            let measured = measure(
                experiment,
                &instruments,
                &data,
                start,
                &mut rng,
                Some(&mut report),
            )?;
            if self.weights {
                self.stored(&weights::key(experiment, draw), || {
                    weights_record(experiment, &measured.trained)
                })?;
            }
            let arrays = cell
                .instruments
                .iter()
                .zip(measured.values)
                .map(|(i, v)| (i.about().kind.to_string(), v))
                .collect();
            Ok(Record {
                meta: json!({ "warnings": measured.warnings }),
                arrays,
            })
        });
        if let Some(checkpoint) = checkpoint
            && record.as_ref().map_or_else(is_local, |_| true)
        {
            checkpoint.remove()?;
        }
        let record = record.map_err(|e| of_draw(e, cell, draw))?;
        for warning in record.meta["warnings"].as_array().into_iter().flatten() {
            let text = format!("{}{}", place(cell), warning.as_str().unwrap_or_default());
            let mut warnings = self.lock(&self.warnings);
            if !warnings.contains(&text) {
                warnings.push(text);
            }
        }
        if self.weights {
            // Trains again where the record of the measurement was there and the weights were not.
            self.trained(experiment, draw)?;
        }
        self.progress
            .advance(steps(experiment) - advanced.min(steps(experiment)));
        measured(cell, draw, &record)
    }

    fn simulate(&self, cell: &Cell, draw: DrawIndex) -> Result<Done> {
        let key = identity::measured(cell, draw);
        let record = self.stored(&key, || {
            let arrays =
                simulation::simulate(&cell.experiment, &cell.instruments, &cell.wanted, draw)?;
            Ok(Record {
                meta: json!({}),
                arrays,
            })
        });
        let record = record.map_err(|e| of_draw(e, cell, draw))?;
        self.progress.advance(1);
        measured(cell, draw, &record)
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
        let conditioning = plan.promise().conditioning;
        let key = identity::solved(cell, theory, conditioning, index);
        let record = self.stored(&key, || {
            let mut draw = Draw {
                index,
                ..Draw::default()
            };
            if let Some(index) = index
                && conditioning != Conditioning::None
            {
                let data = self.dataset(&cell.experiment, index.dataset)?;
                if conditioning >= Conditioning::Initial {
                    let start = cell.experiment.initial(&data, index)?.map(Arc::new);
                    if conditioning == Conditioning::Trained && start.is_some() {
                        draw.trained = Some(Arc::new(self.trained(&cell.experiment, index)?));
                    }
                    draw.initial = start;
                }
                draw.dataset = Some(data);
            }
            to_record(&plan.solve(&draw)?)
        })?;
        self.progress.advance(1);
        let seconds = record.meta["seconds"].as_f64().unwrap_or(0.0);
        let prediction = from_record(&record)
            .ok_or_else(|| Error::bug("store", "a theory record is incomplete"))?;
        for o in &prediction.observables {
            let observable = cell.wanted[o.wanted].observable;
            let place = format!("{}{}", place(cell), cell.theories[theory].label);
            observable.check(&place, &o.mean)?;
        }
        Ok(Done::Solved(prediction, seconds))
    }

    /// The parameters after the last step, from the store or from a training of their own.
    fn trained(&self, experiment: &Experiment, draw: DrawIndex) -> Result<Parameters> {
        let learner = learner(experiment)?;
        let record = self.stored(&weights::key(experiment, draw), || {
            let data = self.dataset(experiment, draw.dataset)?;
            let start = experiment
                .initial(&data, draw)?
                .ok_or_else(|| Error::bug("training", "no learner"))?;
            let mut rng = experiment.training_stream(draw);
            let mut heed = |_: instrument::Progress| interrupt::check();
            let end = measure(
                experiment,
                &[],
                &data,
                start.into(),
                &mut rng,
                Some(&mut heed),
            )?;
            weights_record(experiment, &end.trained)
        })?;
        weights::from_record(learner, experiment.task.shape(), record)
    }
}

/// The values of a record, new or stored, where they are finite numbers.
fn measured(cell: &Cell, draw: DrawIndex, record: &Record) -> Result<Done> {
    let values = cell.instruments.iter().map(|instrument| {
        let values = record
            .array(instrument.about().kind)
            .ok_or_else(|| Error::bug("store", "a record lacks an observable of its key"))?;
        let checked = instrument.observable().check("store", values);
        checked.map_err(|e| of_draw(e, cell, draw))?;
        Ok(values.to_vec())
    });
    let values = values.collect::<Result<Vec<_>>>()?;
    let seconds = record.meta["seconds"].as_f64().unwrap_or(0.0);
    Ok(Done::Measured(values, seconds))
}

fn learner(experiment: &Experiment) -> Result<&dyn Learner> {
    let learner = experiment.learner.as_deref();
    learner.ok_or_else(|| Error::bug("weights", "no learner"))
}

fn weights_record(experiment: &Experiment, p: &Parameters) -> Result<Record> {
    let shape = experiment.task.shape();
    Ok(weights::to_record(learner(experiment)?, shape, p))
}
