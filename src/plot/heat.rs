//! Heat maps: their axes and their cells.

use super::axis::Axis;
use super::bar::Bar;
use super::canvas::Canvas;
use super::figure::{Panel, Scale};
use super::geometry::Rect;
use super::layout::{Placed, TICK_TEXT};
use super::series::Series;
use super::text;
use super::ticks::Ticks;
use crate::error::Result;
use plotters::prelude::DrawingBackend;

/// The heat map of a panel (the first, if there are several), with its shape worked out.
#[derive(Debug, Clone, Copy)]
pub struct Heat<'a> {
    pub values: &'a [f64],
    pub rows: usize,
    pub columns: usize,
    pub row_labels: &'a [String],
    pub column_labels: &'a [String],
    /// See [`Panel::slant`].
    pub slant: f64,
}

/// The heat map of `panel`, if it has one with at least one cell.
pub fn of(panel: &Panel) -> Option<Heat<'_>> {
    panel.series.iter().find_map(|series| match series {
        Series::HeatMap {
            values,
            columns,
            row_labels,
            column_labels,
            ..
        } if !values.is_empty() => Some(Heat {
            values,
            rows: values.len() / columns,
            columns: *columns,
            row_labels,
            column_labels,
            slant: panel.slant,
        }),
        _ => None,
    })
}

impl Heat<'_> {
    /// The largest rectangle of square cells inside `area`, or `area` itself for matrices more than three times too long.
    pub fn square(&self, area: Rect) -> Rect {
        let (rows, columns) = (self.rows as f64 * self.flat(), self.width());
        let side = (area.width() / columns).min(area.height() / rows);
        let (width, height) = (side * columns, side * rows);
        if width * height < area.width() * area.height() / 3.0 {
            return area;
        }
        let (x0, y0) = (
            area.x0 + (area.width() - width) / 2.0,
            area.y0 + (area.height() - height) / 2.0,
        );
        Rect {
            x0,
            y0,
            x1: x0 + width,
            y1: y0 + height,
        }
    }

    /// Width in cells, the shift of the last row included.
    fn width(&self) -> f64 {
        self.columns as f64 + self.slant.abs() * (self.rows as f64 - 1.0)
    }

    /// Height of a row in cells.
    fn flat(&self) -> f64 {
        if self.slant == 0.0 {
            1.0
        } else {
            0.75f64.sqrt()
        }
    }

    /// Axis along the columns (`start` to `end` on the page) or, downwards, along the rows.
    pub fn axis(&self, count: usize, start: f64, end: f64) -> Axis {
        Axis {
            scale: Scale::Linear,
            first: -0.5,
            last: count as f64 - 0.5,
            start,
            end,
            numbered: false,
        }
    }

    /// As many evenly spaced labels as fit along `axis`.
    pub fn ticks(
        labels: &[String],
        count: usize,
        axis: &Axis,
        extent: impl Fn(&str) -> f64,
    ) -> Ticks {
        let name = |i: usize| labels.get(i).cloned().unwrap_or_else(|| i.to_string());
        let cell = (axis.end - axis.start).abs() / count as f64;
        let widest = (0..count).map(|i| extent(&name(i))).fold(0.0, f64::max);
        let stride = (((widest + 2.0) / cell).ceil() as usize).max(1);
        let shown = || (0..count).step_by(stride);
        Ticks {
            major: shown().map(|i| i as f64).collect(),
            labels: shown().map(name).collect(),
            minor: Vec::new(),
        }
    }

    /// Width of the widest label.
    pub fn widest(labels: &[String], count: usize) -> f64 {
        let width = |s: &str| text::width(s, TICK_TEXT, false);
        let named = labels.iter().map(|l| width(l)).fold(0.0, f64::max);
        if labels.is_empty() {
            width(&count.saturating_sub(1).to_string())
        } else {
            named
        }
    }
}

/// Draws the cells in the colours of the bar.
pub fn draw<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    heat: &Heat,
    bar: &Bar,
    placed: &Placed,
) -> Result<()> {
    const SEAM: f64 = 0.3;
    let area = placed.area;
    let (width, height) = (
        area.width() / heat.width(),
        area.height() / heat.rows as f64,
    );
    let mut runs = Vec::new();
    for (row, values) in heat.values.chunks(heat.columns).enumerate() {
        let mut column = 0;
        // Upwards the rows of a rhombus go to the right.
        let shift = heat.slant * (heat.rows - 1 - row) as f64;
        for run in values.chunk_by(|a, b| bar.color(*a) == bar.color(*b)) {
            let end = column + run.len();
            // Cells overlap a little so that no seam of the page shows between them.
            let cells = Rect {
                x0: area.x0 + (column as f64 + shift) * width,
                y0: area.y0 + row as f64 * height,
                x1: (area.x0 + (end as f64 + shift) * width + SEAM).min(area.x1),
                y1: (area.y0 + (row as f64 + 1.0) * height + SEAM).min(area.y1),
            };
            runs.push((bar.color(run[0]), cells));
            column = end;
        }
    }
    // Cells of one colour become one path of an SVG.
    runs.sort_by_key(|(color, _)| (color.0, color.1, color.2));
    for (color, cells) in &runs {
        canvas.block(cells, *color, 1.0)?;
    }
    Ok(())
}
