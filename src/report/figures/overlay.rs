//! Curves of all cells in one panel, in the time of the clock or in rescaled time.

use super::curves::curves;
use super::scene::{BLACK, Key, STDERR, Scene, Shown, looking, measured};
use super::{MAX_CURVES, WIDTH, axis, axis_of, spread};
use crate::error::Result;
use crate::plot::{Figure, GREY, Legend, Panel, Series};
use crate::run::assess::measured_blocks;
use crate::spec::labels::along;
use crate::spec::sweep::coordinate;

/// Curves of all cells in one panel, coloured by cell; observables with one axis only.
///
/// With `rescale` the horizontal axis is divided by each cell's abscissa; a theory of the limit then has one curve for all
/// cells, and is drawn from the cell that is nearest to the limit (the largest abscissa among the cells where it predicts).
pub(super) fn overlay(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let unit = |shown: &Shown| match (&f.key, f.rescale) {
        (Some(key), true) => coordinate(&shown.cell.set, key, f.abscissa),
        _ => Some(1.0),
    };
    let all = scene.cells().into_iter();
    let all: Vec<(Shown, f64)> = all.filter_map(|c| unit(&c).map(|by| (c, by))).collect();
    let shown = spread(all.len(), MAX_CURVES).into_iter();
    let cells: Vec<(Shown, f64)> = shown.map(|k| all[k]).collect();
    let Some((first, _)) = cells.first() else {
        return Ok(None);
    };
    let w = first.observed();
    let [axis_of_curves] = w.axes.as_slice() else {
        return curves(scene);
    };
    let x_axis = match (&f.key, f.rescale) {
        (Some(key), true) => axis(
            &format!("{} / {}", axis_of_curves.label(), along(f.abscissa, key)),
            "",
            f.x_scale,
            f.x_range,
        ),
        _ => axis_of(axis_of_curves, f.x_scale, f.x_range),
    };
    let mut panel = Panel::new(
        "",
        x_axis,
        axis(w.observable.label, w.observable.unit, f.y_scale, f.y_range),
    );
    let scaled = |shown: &Shown, by: f64| -> Vec<f64> {
        let values = &shown.observed().axes[0].values;
        values.iter().map(|t| t / by).collect()
    };
    let all: Vec<Shown> = cells.iter().map(|(c, _)| *c).collect();
    let drawn = scene.drawn(&all)?;
    let every = |shown: &Shown| (0..shown.observed().size()).collect::<Vec<usize>>();
    if f.rescale {
        let mut nearest_first: Vec<&(Shown, f64)> = cells.iter().collect();
        nearest_first.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut done: Vec<usize> = Vec::new();
        for (shown, by) in nearest_first {
            for placed in scene.theories(*shown)? {
                if !done.contains(&placed.place) {
                    done.push(placed.place);
                    let x = scaled(&placed.shown, *by);
                    let line = scene.line(&placed, "", &x, &every(&placed.shown));
                    panel = panel.with(looking(line, placed.place, Some(BLACK)));
                }
            }
        }
    }
    let mut n = 0;
    for (k, (shown, by)) in cells.iter().enumerate() {
        let x = scaled(shown, *by);
        if !f.rescale {
            for placed in scene.theories(*shown)? {
                let x = scaled(&placed.shown, *by);
                let line = scene.line(&placed, "", &x, &every(&placed.shown));
                panel = panel.with(looking(line, placed.place, Some(k)));
            }
        }
        if let Some(blocks) = measured_blocks(shown.cell, shown.wanted)? {
            n = blocks.n().max(n);
            let tag = scene.tag(shown.cell, scene.source, "", STDERR);
            if f.rescale {
                let guide = Series::line("", x.clone(), blocks.mean());
                panel = panel.with(guide.color(k % GREY).width(0.7).untabled());
            }
            let mut points = Series::points("", x, blocks.mean());
            if let Some(stderr) = blocks.stderr() {
                points = points.error(&stderr);
            }
            panel = panel.with(measured(points.tag(tag), Some(k)));
        }
    }
    let names: Vec<String> = all.iter().map(|c| scene.name(c.cell)).collect();
    Key::coloured(&drawn, Some(if f.rescale { BLACK } else { GREY }), false)
        .curves(&names, n > 0)
        .into(&mut panel.series);
    let figure = Figure::new(WIDTH + 70.0, 300.0).with(panel.legend(Legend::Right));
    let mut text = scene.caption(w, n) + &scene.lines_text(&drawn, cells.len());
    text.push_str(&scene.left_out(&all));
    Ok(Some((figure, text)))
}
