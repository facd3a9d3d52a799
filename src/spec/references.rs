//! Names that a spec uses in one place must exist in another.

use super::keys::Frame;
use super::map::BRANCHES;
use super::sweep::coordinate;
use super::{Abscissa, Cell, Figure, FigureKind, Map, Reduce, Residuals, ScaleKey};
use crate::error::{Error, Result};
use crate::instrument::Axis;
use crate::kind::unknown;
use std::collections::BTreeSet;
use toml::Table;

/// Names in `[compare]`, `[[reduce]]` and `[[figure]]` must exist, keys on an axis must have numbers, figures need names of
/// their own, and all cells must ask for the same observables and theories.
pub(super) fn check_references(
    base: &Frame,
    reductions: &[Reduce],
    cells: &[Cell],
    sweep_table: Option<&Table>,
    map: Option<&Map>,
) -> Result<()> {
    let first = cells.first();
    let asked = first.into_iter().flat_map(|c| {
        let told = c
            .theories
            .iter()
            .flat_map(|t| t.asked.iter().map(|a| a.name()));
        c.wanted.iter().map(|w| w.observable.name).chain(told)
    });
    let mut observables: Vec<&str> = Vec::new();
    for name in asked {
        if !observables.contains(&name) {
            observables.push(name);
        }
    }
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
    let names = |c: &Cell| -> Vec<String> {
        let observables = c.wanted.iter().map(|w| w.observable.name.to_string());
        let labels = c.theories.iter().map(|t| t.label.clone());
        observables.chain(labels).collect()
    };
    if cells.windows(2).any(|w| names(&w[0]) != names(&w[1])) {
        return Err(Error::input(
            "sweep",
            "the cells differ in their observables or theory labels",
            "sweep numbers and kinds, and keep measure.observables and the labels fixed",
        ));
    }
    let numeric = |place: String, key: &str, abscissa: Abscissa, least: usize| {
        let x: Vec<f64> = cells
            .iter()
            .filter_map(|c| coordinate(&c.set, key, abscissa).filter(|x| x.is_finite()))
            .collect();
        let distinct: BTreeSet<u64> = x.iter().map(|v| v.to_bits()).collect();
        match x.len() == cells.len() && distinct.len() >= least {
            true => Ok(()),
            false => Err(Error::input(
                place,
                match x.len() == cells.len() {
                    false => format!(
                        "{} is not a finite number in every cell",
                        abscissa.text(key)
                    ),
                    true => format!(
                        "{} has {} values, and {least} are needed",
                        abscissa.text(key),
                        distinct.len()
                    ),
                },
                "name a swept key with numbers, and an abscissa that is finite for all of them",
            )),
        }
    };
    if let Some(tolerance) = base.compare.tolerance {
        tolerance.check("compare.tolerance")?;
    }
    for (name, tolerance) in &base.compare.tolerances {
        tolerance.check(&format!("compare.tolerances.{name}"))?;
    }
    for name in base.compare.tolerances.keys() {
        observable(format!("compare.tolerances.{name}"), name)?;
    }
    if let Some(label) = &base.compare.reference {
        reference(label, &labels, cells)?;
    }
    for (i, r) in reductions.iter().enumerate() {
        let place = format!("reduce[{i}]");
        observable(format!("{place}.observable"), &r.observable)?;
        key(format!("{place}.key"), &r.key)?;
        numeric(format!("{place}.key"), &r.key, r.abscissa, 2)?;
        let x = cells.iter();
        let x: Vec<f64> = x
            .filter_map(|c| coordinate(&c.set, &r.key, r.abscissa))
            .collect();
        let wanted = cells.iter().flat_map(|c| &c.wanted);
        let grids: Vec<&[Axis]> = wanted
            .filter(|w| w.observable.name == r.observable)
            .map(|w| w.axes.as_slice())
            .collect();
        r.check(&place, &x, &grids)?;
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
    let mut files = BTreeSet::new();
    for (i, f) in base.figure.iter().enumerate() {
        check_file(i, &f.file(), &mut files)?;
        f.check(&format!("figure[{i}]"))?;
        for name in &f.beside {
            observable(format!("figure[{i}].beside"), name)?;
        }
        for label in f.theories.iter().flatten() {
            if !labels.contains(&label.as_str()) {
                return Err(unknown(&format!("figure[{i}].theories"), label, &labels));
            }
        }
        if let Residuals::From(label) = &f.residuals {
            let place = format!("figure[{i}].residuals");
            if !labels.contains(&label.as_str()) {
                return Err(unknown(&place, label, &labels));
            }
            if let Some(reference) = &base.compare.reference {
                return Err(Error::input(
                    place,
                    format!(
                        "compare.reference = \"{reference}\" says what differences are taken from"
                    ),
                    "write true or false, or remove compare.reference",
                ));
            }
        }
        if f.kind == FigureKind::Map {
            map_figure(&format!("figure[{i}]"), f, map, &labels)?;
            continue;
        }
        observable(format!("figure[{i}].observable"), &f.observable)?;
        for (k, also) in f.also.iter().enumerate() {
            observable(format!("figure[{i}].also[{k}]"), also)?;
        }
        for name in f.against.iter().chain(f.with.iter().flatten()) {
            observable(format!("figure[{i}].against"), name)?;
        }
        let of_figure = |r: &&Reduce| {
            r.observable == f.observable && f.key.as_ref().is_none_or(|key| *key == r.key)
        };
        if f.kind == FigureKind::Reduction && !reductions.iter().any(|r| of_figure(&r)) {
            return Err(Error::input(
                format!("figure[{i}].kind"),
                format!("there is no [[reduce]] of {}", f.observable),
                "add one, with kind, key and observable",
            ));
        }
        if (f.kind == FigureKind::Phase) != f.against.is_some() {
            return Err(Error::input(
                format!("figure[{i}].against"),
                "a phase portrait, and no other figure, draws a quantity against another",
                "write kind = \"phase\" with against = \"...\", the quantity along the horizontal axis",
            ));
        }
        if let Some(k) = &f.key {
            key(format!("figure[{i}].key"), k)?;
            if matches!(f.kind, FigureKind::Sweep | FigureKind::Deviation) {
                numeric(format!("figure[{i}].key"), k, f.abscissa, 1)?;
            }
        } else if matches!(f.kind, FigureKind::Sweep | FigureKind::Deviation) || f.rescale {
            return Err(Error::input(
                format!("figure[{i}].key"),
                "this figure needs a swept key",
                "write key = \"...\"",
            ));
        }
        figure(&format!("figure[{i}]"), f, cells)?;
    }
    Ok(())
}

/// The reference is one of the theories; without a measurement it is compared with nothing itself.
fn reference(label: &str, labels: &[&str], cells: &[Cell]) -> Result<()> {
    let place = "compare.reference";
    if labels.is_empty() {
        return Err(Error::input(
            place,
            "there is no [[theory]]",
            "add the entry that it names, and those to be compared with it",
        ));
    }
    let Some(index) = labels.iter().position(|l| *l == label) else {
        return Err(unknown(place, label, labels));
    };
    let entries = cells.iter().map(|c| (c, &c.theories[index]));
    let mut idle = entries.filter(|(c, t)| t.expect.is_some() && !c.is_measured());
    match idle.next() {
        None => Ok(()),
        Some(_) => Err(Error::input(
            format!("theory[{index}].expect"),
            format!(
                "\"{label}\" is the reference and nothing is measured: it is compared with nothing"
            ),
            "leave its expect out, or state it of the other entries",
        )),
    }
}

/// What a figure of a map draws must be mapped.
fn map_figure(place: &str, f: &Figure, map: Option<&Map>, labels: &[&str]) -> Result<()> {
    let Some(map) = map else {
        return Err(Error::input(
            format!("{place}.kind"),
            "there is no [map]",
            "add one: one or two keys with their values, and of = [...]",
        ));
    };
    let of: Vec<&str> = map.of.iter().map(String::as_str).collect();
    let mapped = |key: &str, name: &str| match of.contains(&name) {
        true => Ok(()),
        false => Err(unknown(&format!("{place}.{key}"), name, &of)),
    };
    mapped("observable", &f.observable)?;
    let keys: Vec<&str> = map.axes.iter().map(|a| a.key.as_str()).collect();
    if let Some(key) = &f.key
        && !keys.contains(&key.as_str())
    {
        return Err(unknown(&format!("{place}.key"), key, &keys));
    }
    ranges(place, f)?;
    for (k, transition) in f.transitions.iter().enumerate() {
        mapped(&format!("transitions[{k}].of"), &transition.of)?;
        if let Some(label) = &transition.theory
            && !labels.contains(&label.as_str())
        {
            return Err(unknown(
                &format!("{place}.transitions[{k}].theory"),
                label,
                labels,
            ));
        }
    }
    let levels = f.contours.iter().map(|v| ("contours", *v));
    let crossed = f.transitions.iter().map(|t| ("transitions", t.level));
    for (key, level) in levels.chain(crossed) {
        let log = key == "contours" && f.scale == ScaleKey::Log;
        if !level.is_finite() || (log && level <= 0.0) {
            return Err(Error::input(
                format!("{place}.{key}"),
                format!("no line lies at {level}"),
                "give finite numbers, above 0 on a logarithmic scale of colours",
            ));
        }
    }
    match f.only.as_deref() {
        None | Some([1..=BRANCHES]) => Ok(()),
        Some(_) => Err(Error::input(
            format!("{place}.only"),
            "a map draws one branch",
            format!("write only = [n] with n from 1 to {BRANCHES}"),
        )),
    }
}

/// Stated ends of axes are those of an axis.
fn ranges(place: &str, f: &Figure) -> Result<()> {
    for (name, range, scale) in [
        ("x_range", f.x_range, f.x_scale),
        ("y_range", f.y_range, f.y_scale),
    ] {
        if let Some([first, last]) = range
            && (first >= last || (scale == ScaleKey::Log && first <= 0.0))
        {
            return Err(Error::input(
                format!("{place}.{name}"),
                format!("no axis runs from {first} to {last}"),
                "give two numbers in increasing order, above 0 on a logarithmic axis",
            ));
        }
    }
    Ok(())
}

/// What a figure picks out of its observable must be there.
fn figure(place: &str, f: &Figure, cells: &[Cell]) -> Result<()> {
    let wrong = |key: &str, cause: String, remedy: &str| {
        Err(Error::input(format!("{place}.{key}"), cause, remedy))
    };
    ranges(place, f)?;
    if !f.contours.is_empty() || !f.transitions.is_empty() || f.scale != ScaleKey::Linear {
        return wrong(
            "kind",
            "contours, transitions and the scale of colours are those of a map".into(),
            "write kind = \"map\", or leave them out",
        );
    }
    if f.only.iter().flatten().any(|k| *k == 0) {
        return wrong("only", "a curve number 0".into(), "count from 1");
    }
    let matrix = matches!(
        f.kind,
        FigureKind::Heatmap | FigureKind::Entries | FigureKind::Mds
    );
    let axes = cells
        .first()
        .and_then(|c| c.wanted.iter().find(|w| w.observable.name == f.observable))
        .map(|w| &w.axes);
    let (true, Some(axes)) = (matrix, axes) else {
        return Ok(());
    };
    let most = if f.kind == FigureKind::Heatmap { 4 } else { 3 };
    let [_, .., rows, columns] = &axes[..axes.len().min(most)] else {
        return wrong(
            "observable",
            format!("{} is not a matrix over time", f.observable),
            "use input-output-map",
        );
    };
    if axes.len() > most {
        return wrong(
            "observable",
            format!("{} has {} axes", f.observable, axes.len()),
            "use input-output-map",
        );
    }
    let (rows, columns) = (rows.values.len(), columns.values.len());
    let inside = |[r, c]: &[usize; 2]| (1..=rows).contains(r) && (1..=columns).contains(c);
    if f.kind == FigureKind::Entries && (f.entries.is_empty() || !f.entries.iter().all(inside)) {
        return wrong(
            "entries",
            format!("needs pairs [row, column] inside a {rows} x {columns} matrix"),
            "count from 1, e.g. entries = [[1, 1], [2, 1]]",
        );
    }
    if f.groups.contains(&0) {
        return wrong(
            "groups",
            "a group of 0 columns".into(),
            "use e.g. groups = [4, 2]",
        );
    }
    Ok(())
}

/// A figure's name is a plain file name, used once.
fn check_file(index: usize, name: &str, taken: &mut BTreeSet<String>) -> Result<()> {
    let place = format!("figure[{index}].name");
    let plain = |c: char| c.is_alphanumeric() || "-_. ".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        return Err(Error::input(
            place,
            format!("\"{name}\" is not a plain file name"),
            "use letters, digits, \"-\", \"_\" and \".\"",
        ));
    }
    match taken.insert(name.to_string()) {
        true => Ok(()),
        false => Err(Error::input(
            place,
            format!("two figures are called \"{name}\""),
            "give one of them another name = \"...\"",
        )),
    }
}
