//! Where everything stands: margins from the sizes of the labels, so that nothing is clipped and grids line up.

use super::axis::{self, Axis};
use super::bar;
use super::figure::{AxisSpec, Figure, Panel, Scale};
use super::geometry::{Point, Rect};
use super::heat::{self, Heat};
use super::series::Align;
use super::style::Rgb;
use super::text;
use super::ticks::{Ticks, fitting};

/// Sizes in points.
pub const TICK_TEXT: f64 = 9.0;
pub const AXIS_TEXT: f64 = 10.0;
pub const PANEL_TEXT: f64 = 10.5;
pub const FIGURE_TEXT: f64 = 12.0;
pub const NOTE_TEXT: f64 = 8.0;
pub const TICK: f64 = 3.5;
pub const GAP: f64 = 3.0;
const EDGE: f64 = 6.0;
/// Between stacked panels.
const SEAM: f64 = 9.0;
/// Between a panel and a legend at its right.
const LEGEND_GAP: f64 = 6.0;

/// Colour of frames and ticks.
pub const AXIS: Rgb = (40, 40, 40);

/// A panel with its place on the page, its axes and their ticks.
#[derive(Debug, Clone)]
pub struct Placed {
    pub area: Rect,
    pub x: Axis,
    pub y: Axis,
    pub x_ticks: Ticks,
    pub y_ticks: Ticks,
    /// Labels of the colour bar, where there is one.
    pub bar_ticks: Ticks,
    /// The x axis is labelled here (the lowest panel of a stack).
    pub lowest: bool,
    /// Labels of the x ticks run upwards.
    pub turned: bool,
    /// Base line of the turned title of the y axis.
    pub y_title: f64,
    /// Base line of the title of the x axis.
    pub x_title: f64,
    /// Where a legend at the right of the panel starts.
    pub right: f64,
}

impl Placed {
    /// The drawable stretches of a line, between its gaps.
    pub fn pieces(&self, x: &[f64], y: &[f64]) -> Vec<Vec<Point>> {
        let places = x
            .iter()
            .zip(y)
            .map(|(x, y)| Some((self.x.at(*x)?, self.y.at(*y)?)));
        let places: Vec<Option<Point>> = places.collect();
        let stretches = places.split(|p| p.is_none());
        stretches
            .filter(|s| !s.is_empty())
            .map(|s| s.iter().flatten().copied().collect())
            .collect()
    }

    /// One level at each point, for abscissas that are numbers of things.
    pub fn levels(&self, x: &[f64], y: &[f64]) -> Vec<Vec<Point>> {
        let level = |(x, y): (&f64, &f64)| {
            let y = self.y.at(*y)?;
            Some(vec![(self.x.at(x - LEVEL)?, y), (self.x.at(x + LEVEL)?, y)])
        };
        x.iter().zip(y).filter_map(level).collect()
    }

    /// The drawable stretches of a staircase.
    pub fn stairs(&self, x: &[f64], y: &[f64]) -> Vec<Vec<Point>> {
        let stairs = |piece: Vec<Point>| {
            let mut corners = Vec::with_capacity(2 * piece.len());
            for (i, p) in piece.iter().enumerate() {
                if i > 0 {
                    corners.push((p.0, piece[i - 1].1));
                }
                corners.push(*p);
            }
            corners
        };
        self.pieces(x, y).into_iter().map(stairs).collect()
    }

    /// Left end of the base line of an annotation, moved inside the panel if need be.
    pub fn text_start(&self, text: &str, x: f64, y: f64, align: Align) -> Option<Point> {
        let width = text::width(text, TICK_TEXT, false);
        let x = self.x.at(x)?
            - match align {
                Align::Left => 0.0,
                Align::Center => width / 2.0,
                Align::Right => width,
            };
        let (left, right) = (self.area.x0 + 2.0, self.area.x1 - 2.0 - width);
        let (top, bottom) = (self.area.y0 + TICK_TEXT, self.area.y1 - 3.0);
        Some((x.min(right).max(left), self.y.at(y)?.min(bottom).max(top)))
    }
}

fn text_width(label: &str) -> f64 {
    text::width(label, TICK_TEXT, false)
}

/// Half of the length of a level, in units of the axis.
pub(super) const LEVEL: f64 = 0.4;

fn widest(ticks: &Ticks) -> f64 {
    ticks
        .labels
        .iter()
        .map(|l| text_width(l))
        .fold(0.0, f64::max)
}

/// The named places of an axis.
fn named(spec: &AxisSpec) -> Option<Ticks> {
    (!spec.names.is_empty()).then(|| Ticks {
        major: (0..spec.names.len()).map(|k| k as f64).collect(),
        labels: spec.names.clone(),
        minor: Vec::new(),
    })
}

fn ticks_of(panels: &[Panel], cell: &[usize], i: usize, x: &Axis, y: &Axis) -> [Ticks; 2] {
    [
        named(&panels[cell[0]].x).unwrap_or_else(|| x_ticks(x)),
        named(&panels[i].y).unwrap_or_else(|| y_ticks(y)),
    ]
}

fn x_ticks(axis: &Axis) -> Ticks {
    let length = (axis.end - axis.start).abs();
    let most =
        (length / 40.0).clamp(if axis.scale == Scale::Log { 5.0 } else { 3.0 }, 9.0) as usize;
    let place = |v| axis.at(v).unwrap_or(axis.start);
    let ticks = fitting(
        axis.scale,
        (axis.first, axis.last),
        most,
        place,
        text_width,
        8.0,
    );
    match axis.numbered {
        false => ticks,
        true => {
            let whole = ticks
                .major
                .into_iter()
                .filter(|v| (v - v.round()).abs() < 1e-9);
            let major: Vec<f64> = whole.collect();
            Ticks {
                labels: major.iter().map(|v| format!("{v:.0}")).collect(),
                major,
                minor: Vec::new(),
            }
        }
    }
}

fn y_ticks(axis: &Axis) -> Ticks {
    let length = (axis.end - axis.start).abs();
    let most = (length / 22.0).clamp(3.0, 9.0) as usize;
    let place = |v| axis.at(v).unwrap_or(axis.start);
    fitting(
        axis.scale,
        (axis.first, axis.last),
        most,
        place,
        |_| TICK_TEXT,
        4.0,
    )
}

/// Height above a panel for its title, or for half a tick label.
fn head(panel: &Panel) -> f64 {
    if panel.title.is_empty() {
        TICK_TEXT / 2.0 + 1.0
    } else {
        PANEL_TEXT + 8.0
    }
}

/// Indices of the panels of each cell of the grid.
fn stacks(panels: &[Panel]) -> Vec<Vec<usize>> {
    let mut cells: Vec<Vec<usize>> = Vec::new();
    for (i, panel) in panels.iter().enumerate() {
        match cells.last_mut() {
            Some(cell) if panel.stacked => cell.push(i),
            _ => cells.push(vec![i]),
        }
    }
    cells
}

/// Height taken by the title and the note of a figure.
pub fn banner(figure: &Figure) -> f64 {
    if figure.title.is_some() {
        FIGURE_TEXT + 8.0
    } else if figure.note.is_some() {
        NOTE_TEXT + 5.0
    } else {
        0.0
    }
}

/// What is known of a panel before its horizontal place is.
struct Sketch {
    top: f64,
    bottom: f64,
    left_need: f64,
    right_need: f64,
    turned: bool,
}

/// Places all panels; `outside` has the widths of the legends that stand at their right.
pub fn layout(figure: &Figure, outside: &[Option<f64>]) -> Vec<Placed> {
    let panels = &figure.panels;
    let cells = stacks(panels);
    let columns = figure.columns.min(cells.len()).max(1);
    let rows = cells.len().div_ceil(columns).max(1);
    let top = EDGE + banner(figure);
    let cell_height = (figure.height - top - EDGE) / rows as f64;
    let cell_width = (figure.width - 2.0 * EDGE) / columns as f64;

    let turned = |i: usize| {
        let labels = heat::of(&panels[i]).filter(|h| !h.column_labels.is_empty());
        labels.is_some_and(|h| {
            let room = 0.7 * cell_width - Heat::widest(h.row_labels, h.rows);
            Heat::widest(h.column_labels, h.columns) + 4.0 > room / h.columns as f64
        })
    };
    let foot = |cell: &[usize]| {
        let Some(&last) = cell.last() else { return 0.0 };
        let labels = match heat::of(&panels[last]) {
            Some(h) if turned(last) => Heat::widest(h.column_labels, h.columns),
            _ => TICK_TEXT,
        };
        let title = match x_spec_title(panels, cell).is_empty() {
            true => 0.0,
            false => GAP + AXIS_TEXT,
        };
        TICK + GAP + labels + title + 5.0
    };
    let in_row = |row: usize| cells.iter().skip(row * columns).take(columns);
    let heads: Vec<f64> = (0..rows)
        .map(|r| in_row(r).map(|c| head(&panels[c[0]])).fold(0.0, f64::max))
        .collect();
    let feet: Vec<f64> = (0..rows)
        .map(|r| in_row(r).map(|c| foot(c)).fold(0.0, f64::max))
        .collect();

    let mut sketches: Vec<Sketch> = Vec::with_capacity(panels.len());
    for (n, cell) in cells.iter().enumerate() {
        let row = n / columns;
        let from = top + row as f64 * cell_height + heads[row];
        let seams: f64 = cell[1..].iter().map(|i| seam(&panels[*i])).sum();
        let free = (cell_height - heads[row] - feet[row] - seams).max(10.0);
        let total: f64 = cell.iter().map(|i| panels[*i].height).sum();
        let mut y = from;
        for (k, &i) in cell.iter().enumerate() {
            if k > 0 {
                y += seam(&panels[i]);
            }
            let height = free * panels[i].height / total;
            let area = Rect {
                x0: 0.0,
                x1: 0.75 * cell_width,
                y0: y,
                y1: y + height,
            };
            let mut sketch = sketch(panels, cell, i, area, outside[i]);
            sketch.turned = turned(i);
            sketches.push(sketch);
            y += height;
        }
    }
    let column_need = |column: usize, need: &dyn Fn(&Sketch) -> f64| {
        let cells = cells.iter().skip(column).step_by(columns);
        cells
            .flatten()
            .map(|i| need(&sketches[*i]))
            .fold(0.0, f64::max)
    };
    let lefts: Vec<f64> = (0..columns)
        .map(|c| column_need(c, &|s| s.left_need))
        .collect();
    let rights: Vec<f64> = (0..columns)
        .map(|c| column_need(c, &|s| s.right_need))
        .collect();

    // What labels and legends leave is shared equally: panels of one width in every column.
    let margins: f64 = lefts.iter().chain(&rights).sum();
    let inner = ((figure.width - 2.0 * EDGE - margins) / columns as f64).max(10.0);
    let mut placed = Vec::with_capacity(panels.len());
    for (n, cell) in cells.iter().enumerate() {
        let column = n % columns;
        let before: f64 = (0..column).map(|c| lefts[c] + inner + rights[c]).sum();
        let x0 = EDGE + before + lefts[column];
        let x1 = x0 + inner;
        for &i in cell {
            let area = Rect {
                x0,
                x1,
                y0: sketches[i].top,
                y1: sketches[i].bottom,
            };
            placed.push(place(panels, cell, i, area, &sketches[i], lefts[column]));
        }
    }
    placed
}

fn seam(panel: &Panel) -> f64 {
    if panel.title.is_empty() {
        SEAM
    } else {
        head(panel)
    }
}

/// Title of the shared x axis: that of the lowest panel which has one.
fn x_spec_title(panels: &[Panel], cell: &[usize]) -> String {
    let titles = cell.iter().rev().map(|i| panels[*i].x.title());
    titles
        .into_iter()
        .find(|t| !t.is_empty())
        .unwrap_or_default()
}

/// Title of the x axis of panel `i` (empty inside a stack).
pub fn x_title(panels: &[Panel], i: usize) -> String {
    let cells = stacks(panels);
    let cell = cells.iter().find(|c| c.last() == Some(&i));
    cell.map(|c| x_spec_title(panels, c)).unwrap_or_default()
}

/// The axes of panel `i`: x shared by its stack, y its own.
fn axes(panels: &[Panel], cell: &[usize], i: usize, area: &Rect) -> (Axis, Axis) {
    if let Some(heat) = heat::of(&panels[i]) {
        return (
            heat.axis(heat.columns, area.x0, area.x1),
            heat.axis(heat.rows, area.y0, area.y1),
        );
    }
    let shared = &panels[cell[0]].x;
    let all_x = cell.iter().flat_map(|i| axis::x_values(&panels[*i]));
    // A field reaches to the frame.
    let margin = match bar::of(&panels[i]) {
        Some(_) => 0.0,
        None => 1.0,
    };
    let x = axis::range(shared, all_x, 0.025 * margin);
    let y = axis::range(&panels[i].y, axis::y_values(&panels[i]), 0.05 * margin);
    (
        Axis {
            scale: shared.scale,
            first: x.0,
            last: x.1,
            start: area.x0,
            end: area.x1,
            numbered: shared.numbered,
        },
        Axis {
            scale: panels[i].y.scale,
            first: y.0,
            last: y.1,
            start: area.y1,
            end: area.y0,
            numbered: false,
        },
    )
}

fn sketch(panels: &[Panel], cell: &[usize], i: usize, area: Rect, outside: Option<f64>) -> Sketch {
    let panel = &panels[i];
    let (x, y) = axes(panels, cell, i, &area);
    let mut right = EDGE;
    let bar = bar::of(panel).map_or(0.0, |bar| bar.width(&y_ticks(&bar.axis(&area))));
    let labels = match heat::of(panel) {
        Some(heat) => Heat::widest(heat.row_labels, heat.rows),
        None => {
            let [across, up] = ticks_of(panels, cell, i, &x, &y);
            right = right.max(widest(&across) / 2.0 + 1.0 - bar);
            widest(&up)
        }
    };
    if let Some(legend) = outside {
        right = right.max(LEGEND_GAP + legend);
    }
    right += bar;
    let title = match panel.y.title().is_empty() {
        true => 0.0,
        false => GAP + 1.2 * AXIS_TEXT,
    };
    Sketch {
        top: area.y0,
        bottom: area.y1,
        left_need: TICK + GAP + labels + title,
        right_need: right,
        turned: false,
    }
}

fn place(
    panels: &[Panel],
    cell: &[usize],
    i: usize,
    area: Rect,
    sketch: &Sketch,
    left: f64,
) -> Placed {
    let heat = heat::of(&panels[i]);
    let outer = area;
    let area = heat.map_or(area, |h| h.square(area));
    let (x, y) = axes(panels, cell, i, &area);
    let bar = bar::of(&panels[i]);
    let bar_ticks = bar.map_or(Ticks::default(), |bar| y_ticks(&bar.axis(&area)));
    let (x_ticks, y_ticks) = match heat {
        None => ticks_of(panels, cell, i, &x, &y).into(),
        // The axes of a rhombus are not those of the page.
        Some(h) if h.slant != 0.0 => Default::default(),
        Some(h) => {
            let across = |l: &str| {
                if sketch.turned {
                    TICK_TEXT
                } else {
                    text_width(l)
                }
            };
            (
                Heat::ticks(h.column_labels, h.columns, &x, across),
                Heat::ticks(h.row_labels, h.rows, &y, |_| TICK_TEXT),
            )
        }
    };
    let below = if sketch.turned {
        widest(&x_ticks)
    } else {
        TICK_TEXT
    };
    let left = if heat.is_some() {
        sketch.left_need
    } else {
        left
    };
    Placed {
        area,
        x,
        y,
        right: outer.x1 + bar.map_or(0.0, |bar| bar.width(&bar_ticks)) + LEGEND_GAP,
        x_ticks,
        y_ticks,
        bar_ticks,
        lowest: cell.last() == Some(&i),
        turned: sketch.turned,
        y_title: area.x0 - left + AXIS_TEXT,
        x_title: area.y1 + TICK + GAP + below + GAP + AXIS_TEXT,
    }
}
