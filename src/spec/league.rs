//! `[[league]]`: which theory is nearest to the measurement, cell by cell of a sweep.

use super::build::check_text;
use super::sweep::coordinate;
use super::{Abscissa, Cell, Compare};
use crate::error::{Error, Result};
use crate::kind::unknown;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Keys of `[[league]]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct League {
    /// Name of the measured observable on which the theories are ranked.
    pub observable: String,
    /// Labels of the `[[theory]]` entries that take part; default: all.
    #[serde(default)]
    pub theories: Option<Vec<String>>,
    /// One or two swept keys that take numbers: the axes of the map, the horizontal one first. Other swept keys make a panel each.
    /// Default: none, a table of all theories for every cell.
    #[serde(default)]
    pub over: Vec<String>,
    /// The key of `over` along which changes of the nearest theory are located; default: the last.
    #[serde(default)]
    pub along: Option<String>,
    /// Labels of theories whose limit of agreement is located along that key and drawn: where their deviation passes the tolerance.
    #[serde(default)]
    pub boundaries: Vec<String>,
    /// Pairs of labels: at which values of that key the draws tell which of the two is nearer.
    #[serde(default)]
    pub pairs: Vec<[String; 2]>,
    /// Name of the league in tables and figures; default: the observable.
    #[serde(default)]
    pub label: Option<String>,
}

impl League {
    /// The key along which changes are located.
    pub fn direction(&self) -> Option<&str> {
        self.along
            .as_deref()
            .or_else(|| self.over.last().map(String::as_str))
    }

    /// Its name in tables and figures.
    pub fn name(&self) -> String {
        let stated = self.label.clone();
        stated.unwrap_or_else(|| format!("theories of {}", self.observable))
    }

    /// Whether a theory takes part.
    pub fn has(&self, label: &str) -> bool {
        let listed = |labels: &Vec<String>| labels.iter().any(|l| l == label);
        self.theories.as_ref().is_none_or(listed)
    }

    /// Names must exist, and keys must be swept over numbers.
    ///
    /// # Errors
    /// `Input` at the key at fault.
    pub(super) fn check(&self, place: &str, cells: &[Cell], compare: &Compare) -> Result<()> {
        let Some(first) = cells.first() else {
            return Ok(());
        };
        let measured: Vec<&str> = first.wanted.iter().map(|w| w.observable.name).collect();
        if !measured.contains(&self.observable.as_str()) {
            let place = format!("{place}.observable");
            return Err(match measured.is_empty() {
                true => Error::input(
                    place,
                    "nothing is measured: there is no [measure]",
                    "measure the observable: a league ranks theories by their distance from it",
                ),
                false => unknown(&place, &self.observable, &measured),
            });
        }
        if compare.reference.is_some() {
            return Err(Error::input(
                place,
                "theories are compared with another theory here (compare.reference)",
                "remove compare.reference: a league ranks theories by their distance from the measurement",
            ));
        }
        let labels: Vec<&str> = first.theories.iter().map(|t| t.label.as_str()).collect();
        let taking_part: Vec<&str> = labels.iter().copied().filter(|l| self.has(l)).collect();
        for (k, label) in self.theories.iter().flatten().enumerate() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(&format!("{place}.theories[{k}]"), label, &labels));
            }
        }
        if taking_part.len() < 2 {
            return Err(Error::input(
                format!("{place}.theories"),
                format!("{} of the theories take part", taking_part.len()),
                "name two or more, or add [[theory]] entries",
            ));
        }
        for (k, label) in self.boundaries.iter().enumerate() {
            if !taking_part.contains(&label.as_str()) {
                let place = format!("{place}.boundaries[{k}]");
                return Err(unknown(&place, label, &taking_part));
            }
        }
        for (k, pair) in self.pairs.iter().enumerate() {
            let place = format!("{place}.pairs[{k}]");
            if let Some(label) = pair.iter().find(|l| !taking_part.contains(&l.as_str())) {
                return Err(unknown(&place, label, &taking_part));
            }
            if pair[0] == pair[1] {
                return Err(Error::input(place, "a theory beside itself", "name two"));
            }
        }
        if self.over.len() > 2 {
            return Err(Error::input(
                format!("{place}.over"),
                format!("{} keys", self.over.len()),
                "name one or two: other swept keys make a panel each",
            ));
        }
        let swept: Vec<&str> = first.set.iter().map(|(k, _)| k.as_str()).collect();
        for (k, key) in self.over.iter().enumerate() {
            let place = format!("{place}.over[{k}]");
            if !swept.contains(&key.as_str()) {
                return Err(match swept.is_empty() {
                    true => Error::input(place, format!("\"{key}\" is not swept"), "add a [sweep]"),
                    false => unknown(&place, key, &swept),
                });
            }
            if self.over[..k].contains(key) {
                return Err(Error::input(place, "named twice", "name another key"));
            }
            let number = |c: &Cell| coordinate(&c.set, key, Abscissa::Value);
            if cells
                .iter()
                .any(|c| number(c).is_none_or(|x| !x.is_finite()))
            {
                return Err(Error::input(
                    place,
                    format!("{key} does not take numbers alone"),
                    "leave it out: its values make a panel each",
                ));
            }
        }
        if let Some(along) = &self.along
            && !self.over.contains(along)
        {
            let over: Vec<&str> = self.over.iter().map(String::as_str).collect();
            return Err(unknown(&format!("{place}.along"), along, &over));
        }
        let located = [
            ("boundaries", self.boundaries.len()),
            ("pairs", self.pairs.len()),
        ];
        let stated = located.iter().find(|(_, n)| *n > 0);
        if let (Some((key, _)), true) = (stated, self.over.is_empty()) {
            return Err(Error::input(
                format!("{place}.{key}"),
                "there is no key along which they could be located",
                "name it in over = [\"...\"]",
            ));
        }
        match &self.label {
            Some(label) => check_text(&format!("{place}.label"), label, 160),
            None => Ok(()),
        }
    }
}
