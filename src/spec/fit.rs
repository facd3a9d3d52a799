//! `[[fit]]`: parameters of a theory that are estimated from what is measured.

use super::build::{check_text, with};
use super::sweep::{Settings, partners};
use super::{Cell, ScaleKey, Template, overrides};
use crate::compare::MIN_DRAWS_FOR_P;
use crate::compare::fit::Parameter;
use crate::error::{Error, Result};
use crate::kind::{parse_table, unknown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use toml::{Table, Value};

/// The factor by which the theory's times are multiplied: a parameter of every theory.
pub const TIME_SCALE: &str = "time_scale";

/// The theory's values are multiplied by `1 + width_correction/N`, `N` the width of the last hidden layer: the term of order 1/N that a
/// theory of infinite width leaves out, one number for all points. A parameter of every theory of networks with hidden layers.
pub const WIDTH_CORRECTION: &str = "width_correction";

/// What names a key of the theory's entry, such as `theory.u0`.
const ENTRY: &str = "theory.";

/// Keys of `[[fit]]`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Keys {
    /// Label of the `[[theory]]` entry whose parameters are estimated.
    pub theory: String,
    /// Names of the measured observables that enter, all points of each.
    pub observables: Vec<String>,
    /// Parameters: key paths of the experiment as the theory sees it (as in `assume`), keys of the theory's entry (`theory.u0`),
    /// `time_scale` or `width_correction`, each with its bounds `{ from, to, scale = "linear" | "log", start }`.
    pub free: BTreeMap<String, Range>,
    /// Swept key along which cells are fitted together, with one value of the parameters; other swept keys make one fit
    /// each. Default: every cell is fitted by itself.
    #[serde(default)]
    pub key: Option<String>,
    /// Places between the bounds from which the minimum is sought; default: 8.
    #[serde(default = "eight")]
    pub starts: usize,
    /// The interval from resampled draws: `linear` (default), one linearised step for each of 1000 resamples; `full`, a fit of each, in
    /// some ten times the predictions for every one of 200.
    #[serde(default, skip_serializing_if = "is_linear")]
    pub bootstrap: Bootstrap,
    /// Name of the fit in tables; default: the theory and its parameters.
    #[serde(default)]
    pub label: Option<String>,
}

/// Bounds of a parameter.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    /// Smallest value that is tried.
    pub from: f64,
    /// Largest value that is tried.
    pub to: f64,
    /// Searched as it is, or in its logarithm; default: `linear`.
    #[serde(default)]
    pub scale: ScaleKey,
    /// Where the search starts first; default: in the middle.
    #[serde(default)]
    pub start: Option<f64>,
}

/// How resampled draws become estimates.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bootstrap {
    /// One linearised step.
    #[default]
    Linear,
    /// A fit of every resample.
    Full,
}

fn is_linear(bootstrap: &Bootstrap) -> bool {
    *bootstrap == Bootstrap::Linear
}

fn eight() -> usize {
    8
}

/// A parsed `[[fit]]`.
#[derive(Clone)]
pub struct Fit {
    /// Name in tables.
    pub label: String,
    /// Place of the `[[theory]]` entry.
    pub theory: usize,
    /// As stated.
    pub keys: Keys,
    /// The parameters, in the order of their names.
    pub parameters: Vec<Parameter>,
    /// One fit for each.
    pub groups: Vec<FitGroup>,
}

/// Cells that are fitted together.
#[derive(Clone)]
pub struct FitGroup {
    /// Swept keys that the cells share.
    pub set: Settings,
    /// Places of the cells in the sweep, each with what its theory is posed from.
    pub cells: Vec<(usize, Template)>,
    /// The values at which the experiment was run, where all cells state one number.
    pub reference: Option<Vec<f64>>,
}

impl Fit {
    /// All fits of a spec; `table` is the spec without its sweep, whose cells are `cells`.
    pub(super) fn all(
        tables: &[Table],
        table: &Table,
        cells: &[Cell],
        quick: bool,
    ) -> Result<Vec<Fit>> {
        let mut fits: Vec<Fit> = Vec::new();
        for (i, keys) in tables.iter().enumerate() {
            let mut fit = Fit::parse(&format!("fit[{i}]"), keys.clone(), table, cells, quick)?;
            let same =
                |f: &&Fit| f.label == fit.label || f.label.starts_with(&format!("{} (", fit.label));
            match fits.iter().filter(same).count() {
                0 => {}
                n => fit.label = format!("{} ({})", fit.label, n + 1),
            }
            fits.push(fit);
        }
        Ok(fits)
    }

    fn parse(place: &str, keys: Table, table: &Table, cells: &[Cell], quick: bool) -> Result<Fit> {
        let keys: Keys = parse_table(place, keys)?;
        let first = cells.first().ok_or_else(|| Error::bug("fit", "no cells"))?;
        let labels: Vec<&str> = first.theories.iter().map(|t| t.label.as_str()).collect();
        let theory = labels.iter().position(|l| *l == keys.theory);
        let theory =
            theory.ok_or_else(|| unknown(&format!("{place}.theory"), &keys.theory, &labels))?;
        let measured: Vec<&str> = first.wanted.iter().map(|w| w.observable.name).collect();
        for (k, name) in keys.observables.iter().enumerate() {
            if !measured.contains(&name.as_str()) {
                return Err(unknown(
                    &format!("{place}.observables[{k}]"),
                    name,
                    &measured,
                ));
            }
        }
        let twice = |(k, name): &(usize, &String)| keys.observables[..*k].contains(name);
        if let Some((k, name)) = keys.observables.iter().enumerate().find(twice) {
            return Err(Error::input(
                format!("{place}.observables[{k}]"),
                format!("{name} is named twice"),
                "its points enter once: leave one out",
            ));
        }
        let swept = |k: &String| first.set.iter().any(|(other, _)| other == k);
        let along = |k: &&String| keys.key.as_ref() == Some(*k) && swept(k);
        if let Some(key) = keys.free.keys().find(along) {
            return Err(Error::input(
                format!("{place}.free.{key}"),
                "it changes along the cells that are fitted together",
                "leave key out: then every cell has a value of its own",
            ));
        }
        if let Some(key) = keys.free.keys().find(|k| k.ends_with(".learning_rate")) {
            return Err(Error::input(
                format!("{place}.free.{key}"),
                "a learning rate moves the times of the theory alone",
                format!("fit {TIME_SCALE} = {{ from = 0.5, to = 2.0, scale = \"log\" }}"),
            ));
        }
        let draws = &first.experiment.draws;
        let outermost = if draws.datasets > 1 {
            draws.datasets
        } else {
            draws.replicas
        };
        if !quick && outermost < MIN_DRAWS_FOR_P {
            return Err(Error::input(
                place,
                format!(
                    "{outermost} draws of the outermost level, and a fit needs {MIN_DRAWS_FOR_P}"
                ),
                "raise measure.datasets, or with one data set measure.replicas",
            ));
        }
        if keys.starts == 0 {
            return Err(Error::input(
                format!("{place}.starts"),
                "no place to start from",
                "give 1 or more (8 by default)",
            ));
        }
        let hidden = last_hidden(first);
        if keys.free.contains_key(WIDTH_CORRECTION) && hidden.is_none() {
            return Err(Error::input(
                format!("{place}.free.{WIDTH_CORRECTION}"),
                "the learner has no hidden layer whose width it could be",
                "it belongs to learner.kind = \"mlp\" with learner.widths",
            ));
        }
        if keys.observables.is_empty() || keys.free.is_empty() {
            return Err(Error::input(
                place,
                "there is nothing to fit, or nothing to fit to",
                "give observables = [\"...\"] and free = { \"learner.ridge\" = { from = 1e-3, to = 10.0, scale = \"log\" } }",
            ));
        }
        let parameter = |(name, range): (&String, &Range)| {
            let parameter = match range.scale {
                ScaleKey::Linear => Parameter::linear(name, range.from, range.to),
                ScaleKey::Log => Parameter::log(name, range.from, range.to),
            };
            Parameter {
                start: range.start,
                ..parameter
            }
        };
        let parameters: Vec<Parameter> = keys.free.iter().map(parameter).collect();
        for parameter in &parameters {
            parameter.check(&format!("{place}.free.{}", parameter.name))?;
        }
        let label = match &keys.label {
            Some(label) => {
                check_text(&format!("{place}.label"), label, 160)?;
                label.clone()
            }
            None => {
                let names: Vec<&str> = keys.free.keys().map(String::as_str).collect();
                format!("{}: {}", keys.theory, names.join(", "))
            }
        };
        let groups = groups(place, &keys, table, cells, quick)?;
        let fit = Fit {
            label,
            theory,
            keys,
            parameters,
            groups,
        };
        // Both ends of every range make an experiment.
        for end in [0.0, 1.0] {
            let x: Vec<f64> = fit.parameters.iter().map(|p| p.value(end)).collect();
            if let Some((_, template)) = fit.groups.first().and_then(|g| g.cells.first()) {
                let names = fit.keys.observables.iter().map(String::as_str).enumerate();
                fit.assumed(template, &x)
                    .and_then(|t| t.posed(theory, names))
                    .map_err(|e| at(&format!("{place}.free"), e))?;
            }
        }
        Ok(fit)
    }

    /// The template with the parameters at these values in what the theory assumes.
    ///
    /// # Errors
    /// A value that a key of the theory's entry refuses.
    pub fn assumed(&self, template: &Template, x: &[f64]) -> Result<Template> {
        let pairs = || self.parameters.iter().zip(x);
        let assumed = pairs().filter(|(p, _)| !is_of_theory(&p.name));
        let assumed = assumed.map(|(p, &x)| (p.name.clone(), Value::Float(x)));
        let mut template = template.assuming(self.theory, assumed);
        for (p, &x) in pairs() {
            if let Some(key) = p.name.strip_prefix(ENTRY) {
                let path = format!("theory.{}.{key}", self.theory);
                template = template.with(&path, &Value::Float(x))?;
            }
        }
        Ok(template)
    }

    fn factor(&self, name: &str, x: &[f64]) -> Option<f64> {
        let mut pairs = self.parameters.iter().zip(x);
        pairs.find(|(p, _)| p.name == name).map(|(_, &x)| x)
    }

    /// The factor of the theory's times.
    pub fn time_scale(&self, x: &[f64]) -> f64 {
        self.factor(TIME_SCALE, x).unwrap_or(1.0)
    }

    /// The factor of the theory's values, for networks whose last hidden layer has this width.
    pub fn width_factor(&self, x: &[f64], width: Option<usize>) -> f64 {
        match (self.factor(WIDTH_CORRECTION, x), width) {
            (Some(c), Some(width)) => 1.0 + c / width as f64,
            _ => 1.0,
        }
    }

    /// What enters the hash of the spec.
    pub(super) fn resolved(&self) -> Json {
        json!(self.keys)
    }
}

/// Width of the last hidden layer of the networks of a cell.
pub fn last_hidden(cell: &Cell) -> Option<usize> {
    let experiment = &cell.experiment;
    let view = experiment.learner.as_ref()?.mlp(experiment.task.shape())?;
    let hidden = view.widths.get(1..view.widths.len() - 1)?;
    hidden.last().copied()
}

/// An error about a value of a parameter, at its place.
fn at(place: &str, error: Error) -> Error {
    match error {
        Error::Input {
            place: inner,
            cause,
            remedy,
        } => Error::input(place, format!("{inner}: {cause}"), remedy),
        other => other,
    }
}

fn groups(
    place: &str,
    keys: &Keys,
    table: &Table,
    cells: &[Cell],
    quick: bool,
) -> Result<Vec<FitGroup>> {
    let zipped = match &keys.key {
        Some(key) => partners(cells.iter().map(|c| &c.set), key),
        None => Vec::new(),
    };
    if let Some(key) = &keys.key {
        let swept: Vec<&str> = cells
            .first()
            .into_iter()
            .flat_map(|c| c.set.iter().map(|(k, _)| k.as_str()))
            .collect();
        if !swept.contains(&key.as_str()) {
            return Err(unknown(&format!("{place}.key"), key, &swept));
        }
    }
    let mut groups: Vec<FitGroup> = Vec::new();
    for (index, cell) in cells.iter().enumerate() {
        let removed = |k: &String| keys.key.as_ref() == Some(k) || zipped.contains(k);
        let set: Settings = cell
            .set
            .iter()
            .filter(|(k, _)| !removed(k))
            .cloned()
            .collect();
        let own = with(table, &cell.set)?;
        let reference: Option<Vec<f64>> = keys.free.keys().map(|key| stated(&own, key)).collect();
        let template = Template::new(own, quick)?;
        match groups.iter_mut().find(|g| g.set == set) {
            Some(group) => {
                group.cells.push((index, template));
                if group.reference != reference {
                    group.reference = None;
                }
            }
            None => groups.push(FitGroup {
                set,
                cells: vec![(index, template)],
                reference,
            }),
        }
    }
    Ok(groups)
}

/// Whether a parameter is one of the theory, not of the experiment as the theory sees it.
fn is_of_theory(name: &str) -> bool {
    name == TIME_SCALE || name == WIDTH_CORRECTION || name.starts_with(ENTRY)
}

/// The number that the measured experiment states for a parameter.
fn stated(table: &Table, key: &str) -> Option<f64> {
    match key {
        TIME_SCALE => return Some(1.0),
        WIDTH_CORRECTION => return Some(0.0),
        key if key.starts_with(ENTRY) => return None,
        _ => {}
    }
    match overrides::get(table, &overrides::dotted(key))? {
        Value::Float(x) => Some(*x),
        Value::Integer(i) => Some(*i as f64),
        _ => None,
    }
}
