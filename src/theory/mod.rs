//! Theories: what is predicted. Each looks at the whole experiment and predicts, or declines and says why.

/// Registry line of a theory without keys, whose file has `ABOUT` and `INFO`.
macro_rules! without_keys {
    ($theory:expr) => {
        crate::kind::Kind {
            about: &ABOUT,
            parse: |place, table| {
                crate::theory::parse_keys::<crate::theory::NoKeys>(place, table, &INFO)?;
                Ok(std::sync::Arc::new($theory))
            },
            schema: <crate::theory::NoKeys as schemars::JsonSchema>::json_schema,
        }
    };
}

mod bayes_optimal;
pub mod bayesian;
mod cluster_discovery;
pub mod dmft;
mod edge_of_stability;
pub mod gate;
pub mod learning_curve;
pub mod linear_posterior;
mod manifold;
pub mod ntk;
pub mod percolation;
mod plan;
pub mod readout;
pub mod rg;
pub mod saddle_to_saddle;
pub mod saxe;
pub mod sheet;
mod signal_propagation;
pub mod table;
mod tree_nearest;
mod virial_identity;

pub use plan::{
    Answer, Asked, Plan, Prediction, Solve, SolverReport, answered, answered_of, questions,
};

use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Experiment};
use crate::instrument::{Declined, Observable};
use crate::kind::{About, Kind, parse_table};
use std::fmt::Debug;
use toml::Table;

/// Name, source and assumptions of a theory, as the league and the report print them.
#[derive(Debug)]
pub struct Info {
    /// Name, summary, description and revision.
    pub about: &'static About,
    /// Authors, year, arXiv id.
    pub source: &'static str,
    /// Observables it can predict, by their names; those that no instrument measures are listed in `own` too.
    pub observables: &'static [&'static str],
    /// Quantities of its own, which no instrument measures: asked for with `tell`.
    pub own: &'static [&'static Observable],
    /// What an entry may condition on, the default first.
    pub conditions: &'static [Conditioning],
    /// What it assumes whatever its keys, one clause each; an entry adds its own, see
    /// [`crate::experiment::Promise::assumptions`].
    pub assumptions: &'static [&'static str],
}

impl Info {
    /// An info that is completed by a struct update: no own quantities, nothing conditioned on, nothing assumed.
    pub const fn of(about: &'static About) -> Info {
        Info {
            about,
            source: "",
            observables: &[],
            own: &[],
            conditions: &[Conditioning::None],
            assumptions: &[],
        }
    }
}

/// A theory entry: its own options plus the common contract.
pub trait Theory: Debug + Send + Sync {
    /// Name, source, observables and assumptions.
    fn info(&self) -> &'static Info;
    /// Observables that this entry can predict, its own quantities aside: those of its kind, unless its keys choose one.
    fn observables(&self) -> Vec<&'static str> {
        self.info().observables.to_vec()
    }
    /// The entry's own options with every default filled in; part of the hash of a spec.
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({})
    }
    /// Cheap: decides whether the theory applies, and which questions it will answer. Nothing is drawn or solved.
    fn plan(&self, experiment: &Experiment, asked: &[Asked])
    -> std::result::Result<Plan, Declined>;
    /// A number about several cells that is known without their values: for `[[reduce]]`, asked once per group of cells.
    fn known(&self, _experiment: &Experiment, _question: &Question) -> Option<Known> {
        None
    }
}

/// A number about several cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Number {
    /// The exponent `k` of `observable ~ key^k`.
    Exponent,
    /// The coordinate on the observable's axis at which its curves for large values of `key` meet.
    Crossing,
    /// The exponent `w` of curves `F((x - x_c) key^w)` over the observable's axis `x`.
    ScalingExponent,
    /// The limit of the observable as `key` goes to its extreme.
    Limit,
}

/// What a theory is asked about several cells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Question<'a> {
    /// Which number.
    pub number: Number,
    /// Of which observable.
    pub observable: &'a str,
    /// The swept key.
    pub key: &'a str,
}

/// A number that a theory knows, with the bound of its error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Known {
    /// The number.
    pub value: f64,
    /// Bound of its error; 0 where it is exact.
    pub bound: f64,
}

impl Known {
    /// A number without uncertainty.
    pub fn exact(value: f64) -> Known {
        Known { value, bound: 0.0 }
    }
}

/// The keys of an entry whose table has its `condition` checked against those that the theory knows. Where the theory knows
/// several, its own keys hold it.
pub fn parse_keys<T: serde::de::DeserializeOwned>(
    place: &str,
    mut table: Table,
    info: &Info,
) -> Result<T> {
    let names: Vec<&str> = info.conditions.iter().map(|c| c.name()).collect();
    if let Some(condition) = table.get("condition") {
        if !condition.as_str().is_some_and(|c| names.contains(&c)) {
            return Err(Error::input(
                format!("{place}.condition"),
                format!(
                    "{condition} is nothing that {} conditions on",
                    info.about.kind
                ),
                format!("use one of: {}", names.join(", ")),
            ));
        }
        if names.len() == 1 {
            table.remove("condition");
        }
    }
    parse_table(place, table)
}

/// Keys of a `[[theory]]` table without any of its own.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct NoKeys {}

/// All theories that a spec can name.
pub const THEORIES: &[Kind<dyn Theory>] = &[
    saxe::KIND,
    saddle_to_saddle::KIND,
    ntk::KIND,
    signal_propagation::KIND,
    learning_curve::KIND,
    learning_curve::EQUIVALENT_KERNEL,
    rg::ridge::KIND,
    rg::features::KIND,
    rg::quartic::KIND,
    rg::diagram::KIND,
    linear_posterior::KIND,
    bayesian::nngp::KIND,
    bayesian::kernel_scaling::KIND,
    bayesian::kernel_adaptation::KIND,
    bayesian::mean_field::KIND,
    dmft::KIND,
    bayes_optimal::KIND,
    edge_of_stability::KIND,
    virial_identity::KIND,
    cluster_discovery::KIND,
    manifold::KIND,
    tree_nearest::KIND,
    percolation::LIMIT,
    percolation::ENUMERATION,
    percolation::SCALING,
    percolation::SERIES,
    percolation::BETHE,
    percolation::ERDOS_RENYI,
    table::KIND,
];

/// A solver was handed a draw without what its promise names.
pub fn missing(what: &str) -> Error {
    Error::bug("theory", format!("the draw lacks {what}"))
}

#[cfg(test)]
mod tests;
