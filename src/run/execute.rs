//! Computes every unit of a spec (one draw measured, one theory solved for one draw) in parallel, from the store where it can.

use super::cost;
use super::manifest::simd_level;
use super::memo::Memo;
use super::outcome::{CellOutcome, Measurement, Outcome, Status, TheoryOutcome};
use super::progress::Progress;
use super::records::{from_record, to_record, wanted_json};
use super::store::{Lookup, Record, Store};
use super::units::{Unit, Work, steps, total_steps, units};
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, DrawIndex, Experiment};
use crate::instrument::{Chosen, Instrument, measure};
use crate::numerics::interrupt;
use crate::spec::sweep::named;
use crate::spec::{Cell, Spec, experiment_json, hash};
use crate::task::Dataset;
use crate::theory::{Plan, Prediction};
use rayon::prelude::*;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

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
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            side: Side::Both,
            out: None,
            threads: 0,
            max_memory: cost::DEFAULT_MAX_MEMORY,
            progress: false,
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

enum Done {
    Measured(Vec<Vec<f64>>, f64),
    Solved(Prediction, f64),
}

type Datasets = Memo<(String, usize), Result<Arc<Dataset>>>;

struct Engine<'a> {
    spec: &'a Spec,
    plans: &'a [Vec<Planned>],
    store: Option<Store>,
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
    let start = Instant::now();
    let threads = match settings.threads {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    };
    cost::admit_networks(spec, threads, settings.max_memory, settings.side)?;
    let plans: Vec<Vec<Planned>> = spec.cells.iter().map(plan).collect();
    cost::admit(spec, &plans, threads, settings.max_memory, settings.side)?;
    let store = settings.out.as_deref().map(Store::open).transpose()?;
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

/// An error of one cell or one theory; all others end the run.
fn is_local(error: &Error) -> bool {
    matches!(error, Error::Diverged { .. } | Error::Unconverged { .. })
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
        let key = json!({
            "unit": "measure",
            "simd": simd_level(),
            "experiment": experiment_json(experiment),
            "instruments": cell.instruments.iter().map(Chosen::identity).collect::<Vec<_>>(),
            "draw": draw,
        });
        let mut advanced = 0u64;
        let record = self.stored(&key, || {
            let data = self.dataset(experiment, draw.dataset)?;
            let start = experiment
                .initial(&data, draw)?
                .ok_or_else(|| Error::bug("measure", "no learner"))?;
            let mut rng = experiment.training_stream(draw);
            let mut report = |step: usize| {
                let step = step as u64;
                if step > advanced {
                    self.progress.advance(step - advanced);
                    advanced = step;
                }
                interrupt::check()
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
            let arrays = cell
                .instruments
                .iter()
                .zip(measured.values)
                .map(|(i, v)| (i.about().kind.to_string(), v))
                .collect();
            Ok(Record {
                meta: json!({}),
                arrays,
            })
        });
        let record = record.map_err(|e| of_draw(e, cell, draw))?;
        self.progress
            .advance(steps(experiment) - advanced.min(steps(experiment)));
        let values = cell
            .instruments
            .iter()
            .map(|i| record.array(i.about().kind).map(<[f64]>::to_vec))
            .collect::<Option<Vec<_>>>()
            .ok_or_else(|| Error::bug("store", "a record lacks an observable of its key"))?;
        Ok(Done::Measured(
            values,
            record.meta["seconds"].as_f64().unwrap_or(0.0),
        ))
    }

    fn solve(
        &self,
        cell: &Cell,
        cell_index: usize,
        theory: usize,
        index: Option<DrawIndex>,
    ) -> Result<Done> {
        let entry = &cell.theories[theory];
        let Ok(plan) = &self.plans[cell_index][theory] else {
            return Err(Error::bug("solve", "the theory declined"));
        };
        let conditioning = plan.promise().conditioning;
        let conditioned = match conditioning {
            Conditioning::None => Json::Null,
            Conditioning::Data => {
                json!({ "task": experiment_json(&cell.experiment)["task"], "dataset": index.map(|d| d.dataset) })
            }
            _ => json!({ "experiment": experiment_json(&cell.experiment), "draw": index }),
        };
        let key = json!({
            "unit": "theory",
            "simd": simd_level(),
            "kind": entry.kind,
            "revision": entry.revision,
            "keys": entry.theory.resolved(),
            "experiment": experiment_json(&entry.experiment),
            "wanted": cell.wanted.iter().map(wanted_json).collect::<Vec<_>>(),
            "conditioned": conditioned,
        });
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
                    if conditioning == Conditioning::Trained {
                        draw.trained = match &start {
                            Some(start) => Some(Arc::new(self.trained(cell, &data, index, start)?)),
                            None => None,
                        };
                    }
                    draw.initial = start;
                }
                draw.dataset = Some(data);
            }
            to_record(&plan.solve(&draw)?)
        })?;
        self.progress.advance(1);
        let seconds = record.meta["seconds"].as_f64().unwrap_or(0.0);
        from_record(&record)
            .map(|p| Done::Solved(p, seconds))
            .ok_or_else(|| Error::bug("store", "a theory record is incomplete"))
    }

    fn trained(
        &self,
        cell: &Cell,
        data: &Dataset,
        draw: DrawIndex,
        start: &crate::learner::Parameters,
    ) -> Result<crate::learner::Parameters> {
        let mut rng = cell.experiment.training_stream(draw);
        Ok(measure(&cell.experiment, &[], data, start.clone(), &mut rng, None)?.trained)
    }
}

/// Text naming a cell by its swept keys, for messages.
pub fn place(cell: &Cell) -> String {
    match cell.set.is_empty() {
        true => String::new(),
        false => {
            let keys: Vec<String> = cell
                .set
                .iter()
                .map(|(k, v)| format!("{k} = {}", named(v)))
                .collect();
            format!("cell [{}], ", keys.join(", "))
        }
    }
}

/// Names the draw whose training failed.
fn of_draw(error: Error, cell: &Cell, draw: DrawIndex) -> Error {
    let draw = format!(
        "{}data set {}, replica {}",
        place(cell),
        draw.dataset,
        draw.replica
    );
    match error {
        Error::Diverged {
            place,
            step,
            learning_rate,
            stable_bound,
        } => Error::Diverged {
            // What the training adds to its own name is a stage.
            place: format!(
                "{draw}{}",
                place.strip_prefix("training").unwrap_or_default()
            ),
            step,
            learning_rate,
            stable_bound,
        },
        Error::Unconverged {
            solver,
            cause,
            remedy,
        } => Error::Unconverged {
            solver: format!("{draw}: {solver}"),
            cause,
            remedy,
        },
        other => other,
    }
}

/// Sorts finished units into cells. A draw that diverged or did not converge fails its cell; a solver that failed fails its theory in
/// that cell.
fn gather(
    spec: &Spec,
    plans: Vec<Vec<Planned>>,
    side: Side,
    units: Vec<Unit>,
    done: Vec<Result<Done>>,
) -> Result<Vec<CellOutcome>> {
    let mut cells: Vec<CellOutcome> = spec
        .cells
        .iter()
        .zip(plans)
        .map(|(cell, plans)| CellOutcome {
            set: cell.set.clone(),
            wanted: cell.wanted.clone(),
            measurement: None,
            theories: match side {
                Side::Networks => vec![],
                _ => plans
                    .into_iter()
                    .zip(&cell.theories)
                    .map(|(plan, entry)| TheoryOutcome::planned(entry, plan))
                    .collect(),
            },
            failure: None,
        })
        .collect();
    // What stopped the run comes before what was not computed because of it.
    let fatal = done
        .iter()
        .filter_map(|d| d.as_ref().err())
        .filter(|e| !is_local(e))
        .min_by_key(|e| matches!(e, Error::Interrupted));
    if let Some(error) = fatal {
        return Err(error.clone());
    }
    for (unit, result) in units.into_iter().zip(done) {
        let cell = &mut cells[unit.cell];
        match (unit.work, result) {
            (Work::Measure { draw }, Ok(Done::Measured(values, seconds))) => cell
                .measurement
                .get_or_insert_with(Measurement::default)
                .push(draw, values, seconds),
            (Work::Measure { .. }, Err(e)) if is_local(&e) => {
                cell.failure.get_or_insert(e);
            }
            (Work::Solve { theory, draw }, Ok(Done::Solved(prediction, seconds))) => {
                cell.theories[theory].push(draw, prediction, seconds);
            }
            (Work::Solve { theory, .. }, Err(e)) if is_local(&e) => {
                cell.theories[theory].status = Status::Failed(e);
            }
            (_, Err(e)) => return Err(e),
            _ => {
                return Err(Error::bug(
                    "gather",
                    "a unit gave the result of another kind",
                ));
            }
        }
    }
    for (cell, stated) in cells.iter_mut().zip(&spec.cells) {
        match (&cell.failure, &mut cell.measurement) {
            (Some(_), _) => cell.measurement = None,
            (None, Some(measurement)) => measurement.combine(&stated.instruments, &stated.wanted),
            (None, None) => {}
        }
    }
    Ok(cells)
}
