//! How far every theory is from the networks, over a swept key: which theory wins where.

use super::groups::{Group, groups};
use super::scene::{Scene, look};
use super::{WIDTH, axis};
use crate::compare::Tolerance;
use crate::error::Result;
use crate::plot::{Figure, Legend, Marker, Panel, Series};
use crate::run::assess::{Row, RowResult};
use crate::spec::ScaleKey;
use crate::spec::labels::along;

/// Deviation of every theory from the networks over a swept key. Other swept keys tell lines of one theory apart by their markers.
pub(super) fn deviations(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let Some(key) = &f.key else {
        return Ok(None);
    };
    let (groups, _) = groups(scene, key);
    let cells: Vec<_> = groups.iter().flat_map(|g| &g.cells).copied().collect();
    let Some(observed) = cells.first().map(|c| c.observed().observable) else {
        return Ok(None);
    };
    let mut panel = Panel::new(
        "",
        axis(&along(f.abscissa, key), "", f.x_scale, f.x_range),
        axis(
            &format!("deviation of {}", observed.label),
            "",
            f.y_scale,
            f.y_range,
        ),
    );
    let reference = scene.spec.compare.reference.as_ref();
    // Where the quantity nearly vanishes, an absolute tolerance may hold in some cells.
    let tolerances = scene
        .assessment
        .rows
        .iter()
        .filter_map(|r| match &r.result {
            RowResult::Compared { comparison, .. }
                if r.observable.is_some_and(|o| o.name == f.observable)
                    && r.against.as_ref() == reference =>
            {
                Some(comparison.tolerance)
            }
            _ => None,
        });
    let mut tolerances: Vec<_> = tolerances.collect();
    // Distances of one unit stand in one figure: relative ones, where there are any.
    tolerances.sort_by_key(|t| matches!(t, Tolerance::Absolute(_)));
    tolerances.dedup();
    let tolerance = tolerances
        .first()
        .copied()
        .or_else(|| {
            cells
                .first()
                .map(|c| scene.spec.compare.of(c.observed().observable))
        })
        .unwrap_or_default();
    panel = panel.with(Series::hline(tolerance.value()).labelled("tolerance"));
    // Distances from one thing stand in one figure: the reference has none from itself.
    let mut drawn = scene.drawn(&cells)?;
    let mut limited = false;
    // The lower edge of a logarithmic axis: a decade that holds all ends that have a place on it.
    let edge = {
        let mut least = tolerance.value();
        for (_, label, _) in &drawn {
            for group in &groups {
                let (_, (y, ends)) = deviations_of(scene, group, label, tolerance);
                let shown = y.iter().copied().chain(ends.iter().map(|e| e[1]));
                least = shown.filter(|v| *v > 0.0).fold(least, f64::min);
            }
        }
        match f.y_range {
            Some([first, _]) => first,
            None => 10f64.powf((0.7 * least).log10().floor()),
        }
    };
    drawn.retain(|(_, label, _)| Some(label) != reference);
    for (place, label, _) in &drawn {
        for (g, group) in groups.iter().enumerate() {
            let (x, (y, ends)) = deviations_of(scene, group, label, tolerance);
            if y.iter().all(|y| y.is_nan()) {
                continue;
            }
            let name = match groups.len() {
                1 => label.clone(),
                _ => format!("{label}, {}", group.label),
            };
            let look = look(*place);
            let marker = match groups.len() {
                1 => look.marker,
                _ => super::scene::look(g).marker,
            };
            let tag = group.tag(label, "", "95 % interval");
            // A logarithmic axis has no 0: what is compatible with it stands at the edge, its bar up to the end of its interval.
            if f.y_scale == ScaleKey::Log {
                let mut zeros = (Vec::new(), Vec::new(), Vec::new());
                for ((x, y), ends) in x.iter().zip(&y).zip(&ends) {
                    if *y <= 0.0 && ends[1] > 0.0 {
                        zeros.0.push(*x);
                        zeros.1.push(edge);
                        zeros.2.push(ends[1]);
                    }
                }
                limited |= !zeros.0.is_empty();
                if !zeros.0.is_empty() {
                    // The table has them as what they are, among the other points.
                    let lower = zeros.1.clone();
                    let marks = Series::points("", zeros.0, zeros.1)
                        .band(lower, zeros.2)
                        .untabled();
                    panel = panel.with(marks.color(look.color).marker(Marker::TriangleDown).open());
                }
            }
            let line = Series::line(name.clone(), x.clone(), y.clone()).tag(tag.clone());
            let points = Series::points(name, x, y).band(
                ends.iter().map(|e| e[0]).collect::<Vec<_>>(),
                ends.iter().map(|e| e[1]).collect::<Vec<_>>(),
            );
            panel = panel.with(line.color(look.color).dash(look.dash));
            panel = panel.with(points.color(look.color).marker(marker).tag(tag));
        }
    }
    let mut text = format!(
        "Distance of every theory from {} ({}, {}), error bars are 95 % intervals.",
        reference.map_or(format!("the {}", scene.source), |label| format!(
            "the theory {label}"
        )),
        f.observable,
        tolerance.metric()
    );
    text.push_str(" The horizontal line is the tolerance.");
    if limited {
        text.push_str(
            " Open triangles at the lower edge are deviations of 0, which a logarithmic axis does not have: their bars reach up \
             to the ends of their intervals.",
        );
    }
    if tolerances.len() > 1 {
        text.push_str(" Comparisons by another tolerance, absolute where the quantity nearly vanishes, are not drawn: see the league.");
    }
    text.push_str(&scene.lines_text(&drawn, cells.len()));
    text.push_str(&scene.left_out(&cells));
    let mut figure = Figure::new(WIDTH, 300.0);
    if groups.len() > 1 {
        figure.width += 100.0;
        panel = panel.legend(Legend::Right);
    }
    Ok(Some((figure.with(panel), text)))
}

type Deviations = (Vec<f64>, (Vec<f64>, Vec<[f64; 2]>));

/// One value per cell of the group, not-a-number where nothing was compared by this tolerance.
fn deviations_of(scene: &Scene, group: &Group, label: &str, by: Tolerance) -> Deviations {
    let of_cell = |set: &crate::spec::sweep::Settings| {
        let cells = &scene.outcome.cells;
        let here = |r: &&Row| {
            cells[r.cell].set == *set
                && r.label == label
                && r.observable.is_some_and(|o| o.name == scene.f.observable)
        };
        match scene.assessment.rows.iter().find(here).map(|r| &r.result) {
            Some(RowResult::Compared { comparison, .. }) if comparison.tolerance == by => {
                let v = comparison.deviation;
                (v, comparison.interval.unwrap_or([v, v]))
            }
            _ => (f64::NAN, [f64::NAN; 2]),
        }
    };
    let values = group.x.iter().zip(&group.cells);
    values
        .map(|(x, shown)| (*x, of_cell(&shown.cell.set)))
        .unzip()
}
