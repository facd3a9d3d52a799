//! The instruments of an experiment: as registered, or set by the keys of a table.

use super::{Instrument, find};
use crate::error::{Error, Result};
use std::ops::Deref;
use std::sync::Arc;

/// An entry of `measure.observables`.
#[derive(Clone)]
pub enum Chosen {
    /// By its name alone.
    Registered(&'static dyn Instrument),
    /// `{ kind = "...", key = value, ... }`.
    Keyed(Arc<dyn Instrument>),
}

impl Chosen {
    /// The instrument called `kind`, with its `keys` where there are any.
    ///
    /// # Errors
    /// An unknown name or key at `place`, or a value out of range.
    ///
    /// ```
    /// use saddlepoint::instrument::Chosen;
    /// let sketched = Chosen::new("measure.observables[0]", "ntk", "sketch = 64".parse().unwrap()).unwrap();
    /// assert_eq!(sketched.resolved()["sketch"], 64);
    /// assert!(Chosen::new("measure.observables[0]", "ntk", "skech = 64".parse().unwrap()).is_err());
    /// ```
    pub fn new(place: &str, kind: &str, keys: toml::Table) -> Result<Self> {
        let registered = find(place, kind)?;
        Ok(match keys.is_empty() {
            true => Chosen::Registered(registered),
            false => Chosen::Keyed(registered.keyed(place, keys)?),
        })
    }

    /// Name and revision, with the keys where a table sets them and the content of a file of measured values: what a record
    /// is found by.
    pub fn identity(&self) -> serde_json::Value {
        let about = self.about();
        let mut identity = serde_json::json!({ "kind": about.kind, "revision": about.revision });
        if let Chosen::Keyed(instrument) = self {
            identity["keys"] = instrument.resolved();
        }
        if let Some(given) = self.given() {
            identity["content"] = given.content().into();
        }
        identity
    }
}

impl Deref for Chosen {
    type Target = dyn Instrument;

    fn deref(&self) -> &(dyn Instrument + 'static) {
        match self {
            Chosen::Registered(instrument) => *instrument,
            Chosen::Keyed(instrument) => instrument.as_ref(),
        }
    }
}

/// The error of an instrument without keys.
pub(super) fn no_keys(place: &str, kind: &str, keys: &toml::Table) -> Error {
    let key = keys.keys().next().map_or("", String::as_str);
    Error::input(
        format!("{place}.{key}"),
        format!("{kind} has no keys"),
        format!("write \"{kind}\" alone"),
    )
}
