//! Multidimensional scaling: how the columns of a matrix (items) come apart over time.

use super::{MAX_PANELS, cell_name, chosen, width};
use crate::error::Result;
use crate::numerics::scaling::{Embedding, classical_scaling};
use crate::plot::{AxisSpec, Figure, Legend, Marker, Panel, Series};
use crate::run::assess::{measured_blocks, theory_curve};
use crate::run::outcome::{CellOutcome, Outcome};
use crate::spec::Figure as FigureSpec;
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
    networks: bool,
    /// `columns[time][item]`, relative to the mean item at that time.
    columns: Vec<Vec<DVector<f64>>>,
}

/// Columns of a three-axis observable over its first axis, embedded in two dimensions: all cells, times, networks and the
/// first theory together.
pub(super) fn mds(
    outcome: &Outcome,
    f: &FigureSpec,
    wanted: usize,
) -> Result<Option<(Figure, String)>> {
    let cells: Vec<&CellOutcome> = outcome
        .cells
        .iter()
        .filter(|c| c.failure.is_none())
        .take(MAX_PANELS)
        .collect();
    let Some(first) = cells.first() else {
        return Ok(None);
    };
    let [times, rows, columns] = first.wanted[wanted].axes.as_slice() else {
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
    let mut sources = Vec::new();
    let mut n = 0;
    for (panel, cell) in cells.iter().enumerate() {
        if let Some(m) = measured_blocks(cell, wanted)? {
            n = m.n();
            sources.push(Source {
                panel,
                networks: true,
                columns: split(&m.mean()),
            });
        }
        if let Some(theory) = chosen(cell, f, wanted).first()
            && let Some(curve) = theory_curve(cell, theory, wanted)?
        {
            sources.push(Source {
                panel,
                networks: false,
                columns: split(&curve.values.mean()),
            });
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
            Panel::new(cell_name(cell, f), axis(1), axis(2)).legend(match index + 1 == grid {
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
                true => {
                    Series::points(label, at(0), at(1)).marker(MARKERS[group(1) % MARKERS.len()])
                }
                false => Series::line(label, at(0), at(1)).width(0.8),
            };
            let panel = &mut panels[source.panel];
            panel
                .series
                .push(series.color(group(0) % crate::plot::GREY));
        }
        row += nt * nc;
    }
    let mut figure = Figure::new(
        width(grid, 260.0),
        300.0 * cells.len().div_ceil(grid) as f64,
    )
    .columns(grid);
    figure.panels = panels;
    let theory = match chosen(first, f, wanted).first() {
        Some(t) => format!(" Lines: {}.", t.label),
        None => String::new(),
    };
    let thinned = match stride {
        1 => String::new(),
        k => format!(" Every {k}th recorded time."),
    };
    let text = format!(
        "Classical multidimensional scaling of the {}s (columns of the {}), relative to their mean at each time; all times, \
         cells, networks and theory in one embedding, which holds {:.0} % of the variance. Points: mean over {n} draws.{theory}{thinned}",
        columns.name,
        first.wanted[wanted].observable.label,
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
