//! Runs of a spec: admitted, computed unit by unit in parallel, and put together.

use super::cost;
use super::engine::{Engine, Finished};
use super::fitting;
use super::gather::{Done, gather};
use super::identity;
use super::mapping;
use super::outcome::Outcome;
use super::store::Store;
use super::streams::Streams;
use super::units::{Planned, Unit, plan, units};
use crate::error::{Error, Result};
use crate::spec::Spec;
use rayon::prelude::*;
use std::collections::HashMap;
use std::path::PathBuf;
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

/// Worker threads for a number that was asked for: 0 takes all cores.
pub fn workers(asked: usize) -> usize {
    match asked {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        n => n,
    }
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
    let threads = workers(settings.threads);
    cost::admit_networks(spec, threads, settings.max_memory, settings.side)?;
    let plans: Vec<Vec<Planned>> = spec.cells.iter().map(plan).collect();
    let maps: Vec<_> = match settings.side {
        Side::Networks => vec![],
        _ => mapping::cost::all(spec)?,
    };
    let maps: Vec<_> = maps.into_iter().map(|(_, cost)| cost).collect();
    cost::admit(
        spec,
        &plans,
        &maps,
        threads,
        settings.max_memory,
        settings.side,
    )?;
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
        // Units with one key have one result, whatever cell they stand in: it is computed once.
        let mut first: HashMap<String, usize> = HashMap::new();
        let (mut unique, mut place): (Vec<Vec<&Unit>>, _) = (Vec::new(), Vec::new());
        for unit in &units {
            let key = identity::of_unit(spec, &plans, unit);
            let at = *first.entry(key).or_insert(unique.len());
            match unique.get_mut(at) {
                Some(uses) => uses.push(unit),
                None => unique.push(vec![unit]),
            }
            place.push(at);
        }
        let computed_units = unique.iter().map(|uses| uses[0]);
        let map = spec
            .map
            .as_ref()
            .filter(|_| settings.side != Side::Networks);
        let lines = map.map_or(vec![], |m| m.lines());
        let points = map.map_or(0, |m| lines.len() * m.length()) as u64;
        let engine = Engine::new(
            spec,
            &plans,
            store,
            settings,
            warnings,
            computed_units,
            points,
        );
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .map_err(|e| {
                Error::input(
                    "--threads",
                    format!("{threads} threads cannot be started: {e}"),
                    "ask for fewer, or leave it out for one per core",
                )
            })?;
        let streams = Streams::new(spec);
        let solve_units = || -> Vec<Result<Done>> {
            let units = unique.par_iter().with_max_len(1);
            let compute = |uses: &Vec<&Unit>| {
                let done = engine.unit(uses[0]);
                streams.absorb(uses.iter().copied(), done)
            };
            units.map(compute).collect()
        };
        let solve_lines = || mapping::solve(&engine, map, &lines);
        let (computed, on_lines) = pool.install(|| rayon::join(solve_units, solve_lines));
        drop(unique);
        let done = shared(computed, place);
        let maps = mapping::gather(map, &lines, on_lines);
        // What stopped the run comes before what was not computed because of it.
        if let Err(error) = &maps
            && !matches!(error, Error::Interrupted)
        {
            return Err(error.clone());
        }
        let cx = engine.context().clone();
        let Finished {
            store,
            mut warnings,
            records,
            made,
        } = engine.finish();
        let cells = gather(spec, plans, settings.side, units, done, streams.finish())?;
        let maps = maps?;
        let fits = match settings.side {
            Side::Both => pool.install(|| fitting::fits(spec, &cells, &cx))?,
            _ => Vec::new(),
        };
        if let Some(mut store) = store
            && let Err(e) = store.tidy(LOOSE_RECORDS)
        {
            warnings.push(format!("the records are kept, but were not packed: {e}"));
        }
        Ok(Outcome {
            cells,
            maps,
            fits,
            warnings,
            records,
            made,
            threads,
            seconds: start.elapsed().as_secs_f64(),
        })
    }
}

/// The results at these places; the last use of each takes it.
fn shared(computed: Vec<Result<Done>>, places: Vec<usize>) -> Vec<Result<Done>> {
    let mut left = vec![0; computed.len()];
    places.iter().for_each(|&at| left[at] += 1);
    let mut computed: Vec<Option<Result<Done>>> = computed.into_iter().map(Some).collect();
    let mut take = |at: usize| {
        left[at] -= 1;
        match left[at] {
            0 => computed[at].take(),
            _ => computed[at].clone(),
        }
    };
    let lost = || Err(Error::bug("run", "a result is used up"));
    places
        .into_iter()
        .map(|at| take(at).unwrap_or_else(lost))
        .collect()
}
