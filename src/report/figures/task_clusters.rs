//! The task itself: clusters of a configuration at the threshold, or what clusters that are learned from look like.

use crate::error::Result;
use crate::percolation::Setting;
use crate::percolation::thresholds::threshold;
use crate::plot::{AxisSpec, ColorMap, Figure, Panel, Series, Tag};
use crate::spec::labels::symbol;
use crate::spec::sweep::Settings;
use crate::spec::{Figure as FigureSpec, Spec};
use crate::task::Picture;

/// Lattices whose axes enclose 60 degrees.
const SLANTED: [&str; 3] = ["triangular", "honeycomb", "kagome"];
/// Side of a panel in points.
const SIDE: f64 = 300.0;

/// One configuration per cell, of all cells or of those that `only` names: every site of a cluster in the colour of the logarithm of its
/// size, empty sites grey; of a task with a learner its pictures of the first data set.
pub(super) fn task_clusters(spec: &Spec, f: &FigureSpec) -> Result<Option<(Figure, String)>> {
    let mut panels = Vec::new();
    let chosen = |k: usize| f.only.as_ref().is_none_or(|only| only.contains(&(k + 1)));
    let (mut of_data, mut slanted) = (false, false);
    for (_, cell) in spec.cells.iter().enumerate().filter(|(k, _)| chosen(*k)) {
        let first = cell.experiment.first_draw();
        let Some(setting) = cell.experiment.task.percolation() else {
            for picture in cell.experiment.pictures(first.dataset)? {
                of_data = true;
                panels.push(data_panel(picture));
            }
            continue;
        };
        let Ok(critical) = threshold(&setting.lattice, setting.dimension, setting.element) else {
            continue;
        };
        if setting.dimension != 2 {
            continue;
        }
        let mut rng = cell.experiment.simulation_stream(first);
        let sizes = setting.configuration(critical.value, &mut rng)?;
        let (values, columns) = picture(setting, &sizes);
        let map = Series::HeatMap {
            values,
            columns,
            row_labels: vec![],
            column_labels: vec![],
            bar_label: "log₁₀ cluster size s".into(),
            map: ColorMap::Sequential,
            range: None,
            tag: Tag::default(),
        };
        let title = match spec.cells.len() {
            1 => format!("{} lattice, p = {:.4}", setting.lattice, critical.value),
            _ => format!("{}, p = {:.4}", named(&cell.set), critical.value),
        };
        let (x, y) = (AxisSpec::linear("site", ""), AxisSpec::linear("row", ""));
        let mut panel = Panel::new(title, x, y).with(map);
        if SLANTED.contains(&setting.lattice.as_str()) {
            panel.slant = 0.5 * columns as f64 / setting.sides[0] as f64;
            (panel.x.label, panel.y.label) = (String::new(), String::new());
            slanted = true;
        }
        panels.push(panel);
    }
    if panels.is_empty() {
        return Ok(None);
    }
    let columns = panels.len().min(3);
    let rows = panels.len().div_ceil(columns);
    let figure =
        Figure::new((SIDE + 60.0) * columns as f64, (SIDE + 20.0) * rows as f64).columns(columns);
    let figure = panels.into_iter().fold(figure, Figure::with);
    let mut text: String = match of_data {
        true => "The first data set, all its points; grey where there are none.",
        false => {
            "One configuration at the published threshold; sites in the colour of their cluster's size, empty sites grey."
        }
    }
    .into();
    if slanted {
        text.push_str(" Rows are shifted to the axes of the lattice, 60 degrees apart; sites of one cell stand side by side.");
    }
    Ok(Some((figure, text)))
}

fn data_panel(picture: Picture) -> Panel {
    let map = Series::HeatMap {
        values: picture.values,
        columns: picture.columns,
        row_labels: vec![],
        column_labels: vec![],
        bar_label: picture.label,
        map: ColorMap::Sequential,
        range: None,
        tag: Tag::default(),
    };
    let blank = AxisSpec::linear("", "");
    Panel::new(picture.title, blank.clone(), blank).with(map)
}

/// Swept keys by their symbols.
fn named(set: &Settings) -> String {
    let text = crate::spec::sweep::named;
    let parts = set
        .iter()
        .map(|(k, v)| format!("{} = {}", symbol(k), text(v)));
    parts.collect::<Vec<_>>().join(", ")
}

/// Cells as pixels, the sites of a cell side by side.
fn picture(setting: &Setting, sizes: &[u32]) -> (Vec<f64>, usize) {
    let values = sizes.iter().map(|&s| match s {
        0 => f64::NAN,
        s => f64::from(s).log10(),
    });
    let basis = sizes.len() / (setting.sides[0] * setting.sides[1]);
    (values.collect(), setting.sides[0] * basis)
}
