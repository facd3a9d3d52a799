//! Multidimensional scaling: how the columns of a matrix (items) come apart over time.

use super::scene::Scene;
use super::{MAX_PANELS, width};
use crate::error::Result;
use crate::numerics::scaling::{Embedding, classical_scaling};
use crate::plot::{AxisSpec, Figure, Legend, Marker, Panel, Series};
use crate::run::assess::measured_blocks;
use nalgebra::{DMatrix, DVector};

/// Most points that are embedded together.
const MOST: usize = 1200;
const MARKERS: [Marker; 5] = [
    Marker::Circle,
    Marker::Square,
    Marker::Triangle,
    Marker::Diamond,
    Marker::TriangleDown,
];

/// One set of trajectories: a panel, and whether networks or a theory.
struct Source {
    panel: usize,
    /// `networks`, or the label of the theory.
    label: String,
    networks: bool,
    /// `columns[time][item]`, relative to the mean item at that time.
    columns: Vec<Vec<DVector<f64>>>,
}

/// Columns of a three-axis observable over its first axis, embedded in two dimensions: all cells, times, networks and the
/// first theory together.
pub(super) fn mds(scene: &Scene) -> Result<Option<(Figure, String)>> {
    let f = scene.f;
    let mut cells = scene.cells();
    let Some(first) = cells.first().copied() else {
        return Ok(None);
    };
    // One embedding holds columns of one length at the same times.
    cells.retain(|shown| shown.observed().axes == first.observed().axes);
    cells.truncate(MAX_PANELS);
    let [times, rows, columns] = first.observed().axes.as_slice() else {
        return Ok(None);
    };
    let (nt, nr, nc) = (times.values.len(), rows.values.len(), columns.values.len());
    let most_times = (MOST / (2 * nc * cells.len())).max(2);
    let stride = (nt - 1).div_ceil(most_times - 1).max(1);
    let split = |values: &[f64]| -> Vec<Vec<DVector<f64>>> {
        let column =
            |t: usize, c: usize| DVector::from_fn(nr, |r, _| values[(t * nr + r) * nc + c]);
        (0..nt)
            .step_by(stride)
            .map(|t| {
                let items: Vec<DVector<f64>> = (0..nc).map(|c| column(t, c)).collect();
                let mean = items.iter().sum::<DVector<f64>>() / nc as f64;
                items.into_iter().map(|v| v - &mean).collect()
            })
            .collect()
    };
    let drawn = scene.drawn(&cells)?;
    let reference = scene.reference(&drawn);
    let mut sources = Vec::new();
    let mut n = 0;
    for (panel, &shown) in cells.iter().enumerate() {
        if let Some(m) = measured_blocks(shown.cell, shown.wanted)? {
            n = m.n().max(n);
            sources.push(Source {
                panel,
                label: scene.source.into(),
                networks: true,
                columns: split(&m.mean()),
            });
        }
        for placed in scene.theories(shown)? {
            if reference.as_ref().is_some_and(|r| r.0 == placed.place) {
                sources.push(Source {
                    panel,
                    label: placed.theory.label.clone(),
                    networks: false,
                    columns: split(&placed.curve.values.mean()),
                });
            }
        }
    }
    if sources.is_empty() {
        return Ok(None);
    }
    let embedding = embed(&sources)?;
    let ends = embedding.points.amax() * 1.08;
    let axis = |k: usize| AxisSpec::linear(format!("dimension {k}"), "").range(-ends, ends);
    let grid = cells.len().min(3);
    let mut panels: Vec<Panel> = cells
        .iter()
        .enumerate()
        .map(|(index, cell)| {
            Panel::new(scene.name(cell.cell), axis(1), axis(2)).legend(match index + 1 == grid {
                true => Legend::Right,
                false => Legend::None,
            })
        })
        .collect();
    let mut row = 0;
    for source in &sources {
        let nt = source.columns.len();
        for item in 0..nc {
            let at = |k: usize| -> Vec<f64> {
                (0..nt)
                    .map(|t| embedding.points[(row + t * nc + item, k)])
                    .collect()
            };
            let label = format!("{} {}", columns.name, item + 1);
            let group = |level: usize| f.groups.get(level).map_or(item, |size| item / size);
            let series = match source.networks {
                true => Series::points(label.clone(), at(0), at(1))
                    .marker(MARKERS[group(1) % MARKERS.len()]),
                false => Series::line(label.clone(), at(0), at(1)).width(0.8),
            };
            let tag = scene.tag(cells[source.panel].cell, &source.label, &label, "");
            let panel = &mut panels[source.panel];
            panel
                .series
                .push(series.color(group(0) % crate::plot::GREY).tag(tag));
        }
        row += nt * nc;
    }
    let mut figure = Figure::new(
        width(grid, 260.0),
        300.0 * cells.len().div_ceil(grid) as f64,
    )
    .columns(grid);
    figure.panels = panels;
    let theory = match &reference {
        Some((_, label)) => format!(" Lines: {label}."),
        None => String::new(),
    };
    let left_out = scene.left_out(&cells);
    let thinned = match stride {
        1 => String::new(),
        k => format!(" Every {k}th recorded time."),
    };
    let text = format!(
        "Classical multidimensional scaling of the {}s (columns of the {}), relative to their mean at each time; all times, \
         cells, {} and theory in one embedding, which holds {:.0} % of the variance. Points: mean over {n} draws.{theory}{thinned}{left_out}",
        columns.name,
        first.observed().observable.label,
        scene.source,
        100.0 * embedding.share(2),
    );
    Ok(Some((figure, text)))
}

fn embed(sources: &[Source]) -> Result<Embedding> {
    let points: Vec<&DVector<f64>> = sources
        .iter()
        .flat_map(|s| s.columns.iter().flatten())
        .collect();
    let n = points.len();
    classical_scaling(
        &DMatrix::from_fn(n, n, |i, j| (points[i] - points[j]).norm()),
        2,
    )
}
