//! What a reduction across cells gives, over the axis of its result: windows of a local exponent, modes, times.

use super::groups::others;
use super::scene::{Key, STDERR, Scene, band, is_visible, looking, measured};
use super::{WIDTH, axis, axis_of};
use crate::error::Result;
use crate::instrument::Axis;
use crate::plot::{Figure, Legend, Panel, Series, Tag};
use crate::run::assess::{Derived, theory_curve};
use crate::spec::labels;
use crate::spec::sweep::named;

/// Every reduction of the observable, with the theories' own, and told quantities of `also` beside it over the same key.
pub(super) fn reductions(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let derived = scene.assessment.derived.iter();
    let derived: Vec<&Derived> = derived
        .filter(|d| d.observable.name == f.observable && d.theory.is_none())
        .filter(|d| f.key.as_ref().is_none_or(|key| *key == d.reduce.key))
        .collect();
    let Some((first, x_axis)) = derived.iter().find_map(|d| Some((*d, along(d)?))) else {
        return Ok(None);
    };
    let key = &first.reduce.key;
    let x_axis = match x_axis.name == *key {
        true => axis(&labels::along(f.abscissa, key), "", f.x_scale, f.x_range),
        false => axis_of(x_axis, f.x_scale, f.x_range),
    };
    let (before, after) = first.reduce.reduction.words(first.x.len());
    let label = format!("{before} {}{after}", first.observable.label);
    let mut panel = Panel::new("", x_axis, axis(&label, "", f.y_scale, f.y_range));
    let groups: Vec<(&Derived, String)> = derived
        .into_iter()
        .filter(|d| d.reduce.key == *key && along(d).is_some())
        .map(|d| (d, others(&d.set, key, &[])))
        .collect();
    let number = |g: usize| (groups.len() > 1).then_some(g);
    let mut drawn: Vec<(usize, String, usize)> = Vec::new();
    let mut n = 0;
    for (g, (d, name)) in groups.iter().enumerate() {
        let tag = |source: &str, band: &str| Tag {
            source: source.into(),
            curve: name.clone(),
            cell: d
                .set
                .iter()
                .map(|(k, v)| (k.clone(), vec![named(v)]))
                .collect(),
            band: band.into(),
            guide: false,
        };
        let x = along(d).map(|a| a.values.clone()).unwrap_or_default();
        let told = told(scene, d)?;
        for theory in d.theories.iter().filter(|t| chosen(scene, &t.label)) {
            // What it tells itself stands for it.
            if told.iter().any(|(_, label, ..)| *label == theory.label) {
                continue;
            }
            let (Ok(reduced), Some(place)) = (&theory.reduced, place(scene, &theory.label)) else {
                continue;
            };
            let line = Series::line("", x.clone(), reduced.estimate.clone());
            let meaning = band(reduced.theory_stderr.is_some());
            let line = match reduced.bound.as_ref().or(reduced.theory_stderr.as_ref()) {
                Some(half) if is_visible(half, &reduced.estimate) => line.error(half),
                _ => line,
            };
            panel = panel.with(looking(
                line.tag(tag(&theory.label, meaning)),
                place,
                number(g),
            ));
            count(&mut drawn, place, &theory.label);
        }
        for (place, label, x, y) in told {
            let line = Series::line("", x, y).tag(tag(&label, ""));
            panel = panel.with(looking(line, place, number(g)));
            count(&mut drawn, place, &label);
        }
        if let Ok(reduced) = &d.measured {
            n = n.max(reduced.n);
            let points = Series::points("", x.clone(), reduced.estimate.clone());
            let points = match &reduced.stderr {
                Some(stderr) => points.error(stderr),
                None => points,
            };
            panel = panel.with(measured(points.tag(tag(scene.source, STDERR)), number(g)));
        }
    }
    let single = groups.len() == 1;
    let names: Vec<String> = groups.iter().map(|(_, name)| name.clone()).collect();
    drawn.sort();
    let mut legend = Key::theories(&drawn, single, false);
    legend = match single {
        true if n > 0 => legend.measured(scene.source),
        true => legend,
        false => legend.curves(&names, n > 0),
    };
    legend.into(&mut panel.series);
    let mut text = format!("{} in {key}", label.trim());
    if n > 0 {
        text.push_str(&format!(
            ": {} with one standard error (n = {n})",
            scene.source
        ));
    }
    text.push('.');
    text.push_str(&scene.lines_text(&drawn, groups.len()));
    Ok(Some((
        Figure::new(WIDTH, 300.0).with(panel.legend(Legend::Right)),
        text,
    )))
}

/// The axis of the result along which it has several values, the others having one.
fn along(d: &Derived) -> Option<&Axis> {
    let mut several = d.axes.iter().filter(|a| a.values.len() > 1);
    let first = several.next();
    match several.next() {
        Some(_) => None,
        None => first,
    }
}

/// Place of a theory in the spec.
fn place(scene: &Scene, label: &str) -> Option<usize> {
    let entries = scene.outcome.cells.first().map(|c| &c.theories)?;
    entries.iter().position(|t| t.label == label)
}

fn chosen(scene: &Scene, label: &String) -> bool {
    scene.f.theories.as_ref().is_none_or(|l| l.contains(label))
}

fn count(drawn: &mut Vec<(usize, String, usize)>, place: usize, label: &str) {
    match drawn.iter_mut().find(|(p, ..)| *p == place) {
        Some((.., cells)) => *cells += 1,
        None => drawn.push((place, label.into(), 1)),
    }
}

/// Quantities of `also` that theories tell as one number in every cell: place and label of the theory, abscissas, values.
type Told = Vec<(usize, String, Vec<f64>, Vec<f64>)>;

fn told(scene: &Scene, d: &Derived) -> Result<Told> {
    let cells = d.cells.iter().map(|&c| &scene.outcome.cells[c]);
    let cells: Vec<_> = cells.zip(&d.x).collect();
    let mut told = Vec::new();
    for name in &scene.f.also {
        for place in 0..cells.first().map_or(0, |(c, _)| c.theories.len()) {
            let (mut x, mut y, mut label) = (Vec::new(), Vec::new(), String::new());
            for (cell, at) in &cells {
                let theory = &cell.theories[place];
                let Some(wanted) = cell.answered(theory, name) else {
                    continue;
                };
                if let Some(curve) = theory_curve(cell, theory, wanted)?
                    && let [value] = curve.values.mean()[..]
                {
                    label = theory.label.clone();
                    x.push(**at);
                    y.push(value);
                }
            }
            if !x.is_empty() && chosen(scene, &label) {
                told.push((place, label, x, y));
            }
        }
    }
    Ok(told)
}
