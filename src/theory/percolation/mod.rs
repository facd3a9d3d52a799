//! Percolation: exact and published constants, enumeration and scaling of lattices; trees and random graphs.

mod bethe;
mod enumeration;
mod erdos_renyi;
mod limit;
mod scaling;
mod series;

pub use bethe::KIND as BETHE;
pub use enumeration::KIND as ENUMERATION;
pub use erdos_renyi::KIND as ERDOS_RENYI;
pub use limit::KIND as LIMIT;
pub use scaling::KIND as SCALING;
pub use series::KIND as SERIES;

use crate::experiment::{Conditioning, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::percolation::trees::Growth;
use crate::percolation::{Event, Leath, Setting, Simulation};

/// The lattice of a simulation, for theories of one.
fn setting(experiment: &Experiment) -> Result<&Setting, Declined> {
    experiment
        .task
        .percolation()
        .ok_or_else(|| Declined("needs a lattice (task.kind = \"percolation-lattice\")".into()))
}

/// The trees of a simulation, for theories of them.
fn growth(experiment: &Experiment) -> Option<&Growth> {
    match experiment.task.simulation()? {
        Simulation::Growth(growth) => Some(growth),
        _ => None,
    }
}

/// Name of the lattice and growth of single clusters on it, for theories of them.
fn leath(experiment: &Experiment) -> Option<(&str, &Leath)> {
    match experiment.task.simulation()? {
        Simulation::Leath { lattice, growth } => Some((lattice, growth)),
        _ => None,
    }
}

/// What theories of trees predict.
const OF_TREES: &[&str] = &["cluster-weight", "mean-cluster-size", "infinite-share"];

/// The wanted observables among `names`, or a reason why there are none.
fn covered(wanted: &[Wanted], names: &[&str]) -> Result<Vec<usize>, Declined> {
    let covers: Vec<usize> = (0..wanted.len())
        .filter(|&i| names.contains(&wanted[i].observable.name))
        .collect();
    match covers.is_empty() {
        true => Err(Declined(format!("predicts only {}", names.join(", ")))),
        false => Ok(covers),
    }
}

fn promise(limits: &[&str], bytes: u64, seconds: f64) -> Promise {
    Promise {
        conditioning: Conditioning::None,
        assumptions: vec![],
        limits: limits.iter().map(|&l| l.into()).collect(),
        averages_over: vec!["datasets"],
        population: None,
        bytes,
        seconds,
    }
}

/// The event whose probability an observable is.
fn event(observable: &str) -> Option<Event> {
    Some(match observable {
        "wrapping-x" | "spanning-x" => Event::X,
        "wrapping-any" => Event::Any,
        "wrapping-all" => Event::All,
        "wrapping-only-x" => Event::Only,
        "wrapping-cross" => Event::FullRank,
        _ => return None,
    })
}
