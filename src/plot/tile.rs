//! Tiles: rectangles in pale colours under everything else, and the texts on them.

use super::canvas::{Canvas, Lettering};
use super::geometry::Rect;
use super::layout::{Placed, TICK_TEXT};
use super::series::{Align, Series};
use super::text::width;
use crate::error::Result;
use plotters::prelude::DrawingBackend;

/// A rectangle, a little apart from its neighbours above and below.
pub fn draw<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    place: &Placed,
) -> Result<()> {
    const GAP: f64 = 0.6;
    let Series::Tile {
        x,
        y,
        style,
        opacity,
        ..
    } = series
    else {
        return Ok(());
    };
    let area = place.area;
    let ends = (
        (place.x.edge(x[0]), place.x.edge(x[1])),
        (place.y.edge(y[0]), place.y.edge(y[1])),
    );
    let ((Some(left), Some(right)), (Some(low), Some(high))) = ends else {
        return Ok(());
    };
    let rect = Rect {
        x0: left.max(area.x0),
        x1: right.min(area.x1),
        y0: high.max(area.y0) + GAP,
        y1: low.min(area.y1) - GAP,
    };
    match rect.x0 < rect.x1 && rect.y0 < rect.y1 {
        true => canvas.block(&rect, style.rgb(), *opacity),
        false => Ok(()),
    }
}

/// A text; on tiles it stands on a pale ground that lets lines behind it be seen.
pub fn text<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    place: &Placed,
    tiled: bool,
) -> Result<()> {
    let Series::Text {
        text,
        x,
        y,
        align,
        style,
    } = series
    else {
        return Ok(());
    };
    let Some(start) = place.text_start(text, *x, *y, *align) else {
        return Ok(());
    };
    if tiled {
        let ground = Rect {
            x0: start.0 - 2.0,
            x1: start.0 + width(text, TICK_TEXT, false) + 2.0,
            y0: start.1 - 0.85 * TICK_TEXT,
            y1: start.1 + 0.25 * TICK_TEXT,
        };
        canvas.block(&ground, (255, 255, 255), 0.65)?;
    }
    let letters = Lettering {
        color: style.rgb(),
        ..Lettering::new(text, TICK_TEXT, Align::Left)
    };
    canvas.text(&letters, start)
}
