//! Names that a spec uses in one place must exist in another.

use super::keys::Frame;
use super::{Cell, FigureKind, NamedTolerance, Tolerance};
use crate::error::{Error, Result};
use crate::kind::unknown;
use toml::Table;

/// Names in `[compare]`, `[[reduce]]` and `[[figure]]` must exist.
pub(super) fn check_references(
    base: &Frame,
    cells: &[Cell],
    sweep_table: Option<&Table>,
) -> Result<()> {
    let observables: Vec<&str> = base
        .measure
        .observables
        .iter()
        .map(String::as_str)
        .collect();
    let labels: Vec<&str> = cells
        .first()
        .map(|c| c.theories.iter().map(|t| t.label.as_str()).collect())
        .unwrap_or_default();
    let swept: Vec<&str> = cells
        .first()
        .map(|c| c.set.iter().map(|(k, _)| k.as_str()).collect())
        .unwrap_or_default();
    let observable = |place: String, name: &str| match observables.contains(&name) {
        true => Ok(()),
        false => Err(unknown(&place, name, &observables)),
    };
    let key = |place: String, name: &str| match swept.contains(&name) {
        true => Ok(()),
        false if sweep_table.is_none() => Err(Error::input(
            place,
            format!("\"{name}\" is not swept"),
            "add a [sweep] over it",
        )),
        false => Err(unknown(&place, name, &swept)),
    };
    let tolerances = std::iter::once(("compare.tolerance".to_string(), base.compare.tolerance))
        .chain(
            base.compare
                .tolerances
                .iter()
                .map(|(k, t)| (format!("compare.tolerances.{k}"), *t)),
        );
    for (place, tolerance) in tolerances {
        let size = match tolerance {
            Tolerance::Relative(x) => x,
            Tolerance::Named(NamedTolerance::Relative(x) | NamedTolerance::Absolute(x)) => x,
        };
        if !(size.is_finite() && size > 0.0) {
            return Err(Error::input(
                place,
                format!("{size} is not a positive number"),
                "use e.g. 0.05",
            ));
        }
    }
    for name in base.compare.tolerances.keys() {
        observable(format!("compare.tolerances.{name}"), name)?;
    }
    for (i, r) in base.reduce.iter().enumerate() {
        observable(format!("reduce[{i}].observable"), &r.observable)?;
        key(format!("reduce[{i}].key"), &r.key)?;
        for label in r.expect.keys() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(
                    &format!("reduce[{i}].expect.{label}"),
                    label,
                    &labels,
                ));
            }
        }
    }
    for (i, f) in base.figure.iter().enumerate() {
        observable(format!("figure[{i}].observable"), &f.observable)?;
        if let Some(k) = &f.key {
            key(format!("figure[{i}].key"), k)?;
        } else if matches!(f.kind, FigureKind::Sweep | FigureKind::Deviation) {
            return Err(Error::input(
                format!("figure[{i}].key"),
                "this kind of figure needs a swept key",
                "write key = \"...\"",
            ));
        }
        for label in f.theories.iter().flatten() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(&format!("figure[{i}].theories"), label, &labels));
            }
        }
    }
    Ok(())
}
