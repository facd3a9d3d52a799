//! Matrices as heat maps in one range of colours: at four times, at both ends or of all layers, measured and of theories.

use super::scene::{Scene, Shown};
use super::spread;
use crate::error::Result;
use crate::instrument::Axis;
use crate::instrument::observable::size;
use crate::plot::{AxisSpec, ColorMap, Figure, Panel, Series};
use crate::run::assess::{measured_blocks, short};

/// Sources that stand below one another.
const MOST_SOURCES: usize = 5;
/// Cells that stand side by side.
const MOST_CELLS: usize = 4;

/// A matrix of an observable: its place among all that the observable holds, and its name.
type Slice = (usize, String);

/// The matrices that get a panel: of a series of times four, of endpoints and layers all; of times and layers the last time.
fn slices(before: &[Axis]) -> Option<Vec<Slice>> {
    let named = |axis: &Axis, k: usize| match axis.name.as_str() {
        "time" => format!("t = {}", short(axis.values[k])),
        "endpoint" if axis.values[k] == 0.0 => "before training".into(),
        "endpoint" => "after training".into(),
        name => format!("{name} {}", short(axis.values[k])),
    };
    match before {
        [] => Some(vec![(0, String::new())]),
        [axis] if axis.name == "time" => {
            let last = axis.values.len().saturating_sub(1);
            let mut picked: Vec<usize> = [1, 2, 4, 6].iter().map(|part| part * last / 6).collect();
            picked.dedup();
            Some(picked.into_iter().map(|k| (k, named(axis, k))).collect())
        }
        [axis] => Some(
            spread(axis.values.len(), 6)
                .into_iter()
                .map(|k| (k, named(axis, k)))
                .collect(),
        ),
        [ends, layers] => {
            let count = layers.values.len();
            let last = ends.values.len().saturating_sub(1) * count;
            let layer = |l: usize| (last + l, format!("{} {}", layers.name, l + 1));
            Some(spread(count, 6).into_iter().map(layer).collect())
        }
        _ => None,
    }
}

/// What one row of panels shows: the source, and its values in the cells that have a column.
struct Source<'a> {
    label: String,
    /// One per cell; `None` where the source has no values there.
    values: Vec<Option<Vec<f64>>>,
    shown: Vec<Shown<'a>>,
}

/// One cell: its matrices side by side. Several cells: the last matrix of each (of layers: of the last layer).
pub(super) fn heatmaps(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let all = scene.cells();
    let Some(w) = all.first().map(Shown::observed) else {
        return Ok(None);
    };
    let [before @ .., rows, columns] = w.axes.as_slice() else {
        return Ok(None);
    };
    let Some(mut picked) = slices(before) else {
        return Ok(None);
    };
    let same = |c: &Shown| {
        let axes = &c.observed().axes;
        axes.len() == w.axes.len()
            && axes
                .iter()
                .zip(&w.axes)
                .all(|(a, b)| a.values.len() == b.values.len())
    };
    let fitting: Vec<Shown> = all.iter().copied().filter(same).collect();
    let cells: Vec<Shown> = spread(fitting.len(), MOST_CELLS)
        .into_iter()
        .map(|k| fitting[k])
        .collect();
    let Some(last) = picked.last().cloned() else {
        return Ok(None);
    };
    if cells.len() > 1 {
        picked = vec![last];
    }
    let panels: Vec<(usize, Slice)> = match cells.len() {
        1 => picked.into_iter().map(|slice| (0, slice)).collect(),
        n => (0..n)
            .map(|c| (c, (picked[0].0, scene.name(cells[c].cell))))
            .collect(),
    };
    let sources = sources(scene, &cells)?;
    let (nr, nc) = (rows.values.len(), columns.values.len());
    let slice = |values: &[f64], k: usize| values[k * nr * nc..(k + 1) * nr * nc].to_vec();
    let drawn = |(c, (k, _)): &(usize, Slice)| {
        let of_source = move |s: &Source| s.values[*c].as_ref().map(|v| slice(v, *k));
        sources.iter().filter_map(of_source).collect::<Vec<_>>()
    };
    let largest = panels.iter().flat_map(drawn).flatten();
    let range = largest
        .filter(|v| v.is_finite())
        .fold(0.0f64, |m, v| m.max(v.abs()));
    let range = if range > 0.0 { range } else { 1.0 };
    // Height for square cells of a sensible size; width for the cells, the colour bar and the labels.
    let side = (150.0 / nr.max(nc) as f64).max(2.0);
    let (width, height) = (side * nc as f64 + 124.0, side * nr as f64 + 55.0);
    let mut figure = Figure::new(
        width * panels.len() as f64,
        height * sources.len() as f64 + 30.0,
    )
    .columns(panels.len());
    let names = |a: &Axis| a.values.iter().map(|v| short(*v)).collect::<Vec<_>>();
    for source in &sources {
        for (c, (k, name)) in &panels {
            let values = match &source.values[*c] {
                Some(values) => slice(values, *k),
                None => vec![f64::NAN; nr * nc],
            };
            let map = Series::heat_map(values, nc)
                .names(names(rows), names(columns), w.observable.label)
                .colors(ColorMap::Diverging, Some((-range, range)))
                .tag(scene.tag(source.shown[*c].cell, &source.label, name, ""));
            let title = match name.is_empty() {
                true => source.label.clone(),
                false => format!("{}, {name}", source.label),
            };
            let axis = |a: &Axis| AxisSpec::linear(&a.name, "");
            figure = figure.with(Panel::new(title, axis(columns), axis(rows)).with(map));
        }
    }
    let mut text = scene.caption(w, 0);
    let draws = cells
        .iter()
        .filter_map(|c| measured_blocks(c.cell, c.wanted).ok().flatten())
        .map(|b| b.n())
        .max();
    match draws {
        None => {}
        Some(1) => text.push_str(" Measured: one draw."),
        Some(n) => text.push_str(&format!(" Measured: mean over {n} draws.")),
    }
    text.push_str(" One range of colours in all panels.");
    match (before, cells.len()) {
        ([ends, layers], 1) if ends.name == "time" || layers.name == "layer" => {
            text.push_str(" After the training.")
        }
        ([_, ..], 2..) => text.push_str(&format!(
            " Of every cell the last matrix of {}.",
            size(before)
        )),
        _ => {}
    }
    text.push_str(&scene.left_out(&cells));
    Ok((!sources.is_empty()).then_some((figure, text)))
}

/// What was measured, then the theories, with their values in these cells.
fn sources<'a>(scene: &Scene<'a>, cells: &[Shown<'a>]) -> Result<Vec<Source<'a>>> {
    let mut out = Vec::new();
    let measured = cells.iter().map(|c| measured_blocks(c.cell, c.wanted));
    let measured: Vec<Option<Vec<f64>>> = measured
        .map(|blocks| Ok(blocks?.map(|b| b.mean())))
        .collect::<Result<_>>()?;
    if measured.iter().any(Option::is_some) {
        out.push(Source {
            label: scene.source.to_string(),
            values: measured,
            shown: cells.to_vec(),
        });
    }
    for (place, label, _) in scene.drawn(cells)? {
        if out.len() >= MOST_SOURCES {
            break;
        }
        let of_cell = |c: &Shown<'a>| -> Result<Option<Vec<f64>>> {
            let theories = scene.theories(*c)?;
            let found = theories.into_iter().find(|p| p.place == place);
            Ok(found.map(|p| p.curve.values.mean()))
        };
        out.push(Source {
            label,
            values: cells.iter().map(of_cell).collect::<Result<_>>()?,
            shown: cells.to_vec(),
        });
    }
    Ok(out)
}
