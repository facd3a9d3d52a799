//! The figures of a run whose spec names none: one per observable.

use super::groups;
use crate::error::Result;
use crate::instrument::Wanted;
use crate::run::assess::{measured_blocks, theory_curve};
use crate::run::outcome::Outcome;
use crate::spec::sweep::coordinate;
use crate::spec::{Abscissa, Figure as FigureSpec, FigureKind, ScaleKey, Spec};

/// Over time curves, at a single time under a sweep the observable over the swept key, of matrices heat maps; what a league ranks is drawn as
/// its map.
pub(super) fn usual(spec: &Spec, outcome: &Outcome) -> Result<Vec<FigureSpec>> {
    let along = direction(outcome);
    // A quantity that one cell does not have may be told in another.
    let mut quantities: Vec<&Wanted> = Vec::new();
    for w in outcome.cells.iter().flat_map(|c| &c.wanted) {
        if quantities
            .iter()
            .all(|q| q.observable.name != w.observable.name)
        {
            quantities.push(w);
        }
    }
    let ranked = |w: &&Wanted| {
        spec.leagues
            .iter()
            .any(|l| l.observable == w.observable.name)
    };
    let quantities = quantities.into_iter().filter(|w| !ranked(w));
    quantities
        .map(|w| figure(spec, outcome, w, along.as_ref()))
        .collect()
}

/// The first swept key along which all cells have a place, and whether its values lie evenly in the logarithm.
fn direction(outcome: &Outcome) -> Option<(String, bool)> {
    let first = outcome.cells.first()?;
    let mut keys = first.set.iter().map(|(k, _)| k.as_str());
    keys.find_map(|key| {
        let places = outcome
            .cells
            .iter()
            .map(|c| coordinate(&c.set, key, Abscissa::Value));
        let places: Vec<f64> = places.collect::<Option<_>>()?;
        let mut distinct = places.clone();
        distinct.sort_by(f64::total_cmp);
        distinct.dedup();
        let usable = distinct.len() > 1 && places.iter().all(|v| v.is_finite());
        usable.then(|| (key.to_string(), is_geometric(&distinct)))
    })
}

/// Whether increasing values lie more evenly in the logarithm.
fn is_geometric(values: &[f64]) -> bool {
    if values.len() < 3 || values[0] <= 0.0 {
        return false;
    }
    let unevenness = |of: &dyn Fn(f64) -> f64| {
        let steps: Vec<f64> = values.windows(2).map(|w| of(w[1]) - of(w[0])).collect();
        let mean = steps.iter().sum::<f64>() / steps.len() as f64;
        steps.iter().map(|s| (s / mean - 1.0).powi(2)).sum::<f64>()
    };
    unevenness(&f64::ln) < unevenness(&|v| v)
}

fn figure(
    spec: &Spec,
    outcome: &Outcome,
    w: &Wanted,
    along: Option<&(String, bool)>,
) -> Result<FigureSpec> {
    let name = w.observable.name;
    let mut grids = outcome
        .cells
        .iter()
        .filter_map(|c| Some(&c.wanted[c.wanted(name)?].axes));
    let over_time = grids.any(|axes| {
        axes.last()
            .is_some_and(|a| a.name == "time" && a.values.len() > 1)
    });
    let square = match w.axes.as_slice() {
        [.., rows, columns] => rows.name == columns.name && rows.values.len() > 1,
        _ => false,
    };
    let kind = match w.axes.len() {
        2..=4 if square => FigureKind::Heatmap,
        3 => FigureKind::Heatmap,
        _ if !over_time && along.is_some() => FigureKind::Sweep,
        _ => FigureKind::Curves,
    };
    let mut f = FigureSpec::new(name, kind);
    if let (FigureKind::Sweep, Some((key, geometric))) = (kind, along) {
        f.key = Some(key.clone());
        if *geometric {
            f.x_scale = ScaleKey::Log;
            f.y_scale = match spans_a_decade(outcome, name)? {
                true => ScaleKey::Log,
                false => ScaleKey::Linear,
            };
        }
    }
    Ok(match groups::check(spec, &f) {
        Ok(()) => f,
        Err(_) => FigureSpec::new(name, FigureKind::Curves),
    })
}

/// Whether all values are positive, the largest ten times the smallest or more.
fn spans_a_decade(outcome: &Outcome, name: &str) -> Result<bool> {
    let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
    for cell in &outcome.cells {
        let Some(wanted) = cell.wanted(name) else {
            continue;
        };
        let mut values = measured_blocks(cell, wanted)?.map_or(vec![], |b| b.mean());
        for theory in &cell.theories {
            if let Some(curve) = theory_curve(cell, theory, wanted)? {
                values.extend(curve.values.mean());
            }
        }
        for v in values.into_iter().filter(|v| v.is_finite()) {
            (least, most) = (least.min(v), most.max(v));
        }
    }
    Ok(least > 0.0 && most >= 10.0 * least)
}

#[cfg(test)]
mod tests {
    use super::is_geometric;

    #[test]
    fn spacing_is_recognised() {
        assert!(is_geometric(&[10.0, 20.0, 40.0, 80.0]));
        assert!(is_geometric(&[0.1, 1.0, 10.0]));
        assert!(!is_geometric(&[1.0, 2.0, 3.0, 4.0]));
        assert!(!is_geometric(&[0.0, 1.0, 10.0]));
        assert!(!is_geometric(&[1.0, 10.0]));
    }
}
