//! Draws a figure on any canvas: the one routine behind SVG and PNG.

use super::canvas::{Canvas, Lettering};
use super::figure::{Figure, Legend, Panel};
use super::geometry::{Point, Rect, clip_polygon, clip_polyline, dash, thin};
use super::layout::{
    self, AXIS, AXIS_TEXT, FIGURE_TEXT, GAP, LEVEL, NOTE_TEXT, PANEL_TEXT, Placed, TICK, TICK_TEXT,
};
use super::legend::Entry;
use super::series::{Align, Interval, Series};
use super::style::{Marker, Rgb, Style};
use super::{bar, field, heat, legend, text, tile};
use crate::error::Result;
use plotters::prelude::DrawingBackend;

/// Opacity of bands.
pub const BAND: f64 = 0.2;
/// Radius of markers in points, where there is room and where there is none.
pub const RADIUS: f64 = 2.6;
const SMALLEST: f64 = 1.4;
/// Half the length of a line of one point, in points.
const ALONE: f64 = 9.0;
const WHITE: Rgb = (255, 255, 255);

/// Draws the whole figure, background first.
pub fn figure<DB: DrawingBackend>(canvas: &mut Canvas<DB>, figure: &Figure) -> Result<()> {
    let page = Rect {
        x0: 0.0,
        y0: 0.0,
        x1: figure.width,
        y1: figure.height,
    };
    canvas.block(&page, WHITE, 1.0)?;
    banner(canvas, figure)?;
    let (placed, legends) = arrange(figure);
    for (i, (panel, place)) in figure.panels.iter().zip(&placed).enumerate() {
        let bar = bar::of(panel);
        if let Some(bar) = &bar {
            if let Some(heat) = heat::of(panel) {
                heat::draw(canvas, &heat, bar, place)?;
            }
            for series in &panel.series {
                field::draw(canvas, series, bar, place)?;
            }
            bar::draw(canvas, bar, place)?;
        }
        for series in &panel.series {
            tile::draw(canvas, series, place)?;
        }
        for series in &panel.series {
            guide(canvas, series, place)?;
        }
        for series in &panel.series {
            if let Series::Line {
                x,
                band: Some(b),
                style,
                ..
            } = series
            {
                band(canvas, x, b, style, place)?;
            }
        }
        for series in &panel.series {
            curve(canvas, series, place)?;
        }
        for series in &panel.series {
            points(canvas, series, place)?;
            field::beads(canvas, series, bar.as_ref(), place)?;
        }
        outline(canvas, &place.area)?;
        ticks(canvas, place)?;
        titles(canvas, figure, i, place)?;
        let tiled = panel
            .series
            .iter()
            .any(|s| matches!(s, Series::Tile { .. }));
        for series in &panel.series {
            tile::text(canvas, series, place, tiled)?;
        }
        if let Some((entries, spot)) = &legends[i] {
            legend::draw(canvas, entries, spot)?;
        }
    }
    Ok(())
}

/// The lines of a legend and where they stand; `None` for a panel without one.
type PlacedLegend = Option<(Vec<Entry>, Rect)>;

/// Places panels and legends; a legend that would hide data goes to the right of its panel.
fn arrange(figure: &Figure) -> (Vec<Placed>, Vec<PlacedLegend>) {
    let columns = figure.columns.min(figure.panels.len()).max(1) as f64;
    let room = (
        legend::SHARE * figure.width / columns,
        figure.height - layout::banner(figure) - 2.0 * legend::MARGIN,
    );
    let entries = |p: &Panel| match p.legend {
        Legend::None => Vec::new(),
        _ => legend::fitting(legend::entries(p), room),
    };
    let entries: Vec<Vec<Entry>> = figure.panels.iter().map(entries).collect();
    let right = |(p, e): (&Panel, &Vec<Entry>)| p.legend == Legend::Right && !e.is_empty();
    let mut outside: Vec<bool> = figure.panels.iter().zip(&entries).map(right).collect();
    loop {
        let wide = |(e, outside): (&Vec<Entry>, &bool)| outside.then(|| legend::size(e).0);
        let widths: Vec<Option<f64>> = entries.iter().zip(&outside).map(wide).collect();
        let placed = layout::layout(figure, &widths);
        let spot = |i: usize| {
            let (width, height) = legend::size(&entries[i]);
            match (entries[i].is_empty(), outside[i]) {
                (true, _) => None,
                (_, false) => legend::spot(&figure.panels[i], &placed[i], (width, height)),
                (_, true) => Some(Rect {
                    x0: placed[i].right,
                    y0: placed[i].area.y0,
                    x1: placed[i].right + width,
                    y1: placed[i].area.y0 + height,
                }),
            }
        };
        let spots: Vec<Option<Rect>> = (0..entries.len()).map(spot).collect();
        let crowded = |i: &usize| !entries[*i].is_empty() && spots[*i].is_none();
        let crowded: Vec<usize> = (0..entries.len()).filter(crowded).collect();
        if crowded.is_empty() {
            let legends = entries
                .into_iter()
                .zip(spots)
                .map(|(e, s)| s.map(|s| (e, s)));
            return (placed, legends.collect());
        }
        for i in crowded {
            outside[i] = true;
        }
    }
}

fn banner<DB: DrawingBackend>(canvas: &mut Canvas<DB>, figure: &Figure) -> Result<()> {
    let note = figure.note.as_deref().unwrap_or("");
    let note_size = text::fitted(note, NOTE_TEXT, false, 0.5 * figure.width);
    let side = match note {
        "" => 0.0,
        note => text::width(note, note_size, false) + 10.0,
    };
    if let Some(title) = &figure.title {
        let room = figure.width - 2.0 * side - 16.0;
        let size = text::fitted(title, FIGURE_TEXT, true, room);
        let letters = Lettering {
            bold: true,
            ..Lettering::new(title, size, Align::Center)
        };
        canvas.text(&letters, (figure.width / 2.0, 6.0 + FIGURE_TEXT))?;
    }
    let letters = Lettering {
        color: (110, 110, 110),
        ..Lettering::new(note, note_size, Align::Right)
    };
    canvas.text(&letters, (figure.width - 8.0, 5.0 + NOTE_TEXT))
}

/// The frame of a panel.
pub fn outline<DB: DrawingBackend>(canvas: &mut Canvas<DB>, area: &Rect) -> Result<()> {
    let Rect { x0, y0, x1, y1 } = *area;
    let corners = [(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0), (x1, y0)];
    canvas.polyline(&corners, AXIS, 0.7)
}

/// A line in the dashes and colour of `style`.
pub fn stroke<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    points: &[Point],
    style: &Style,
) -> Result<()> {
    dash(points, style.dash.pattern())
        .iter()
        .try_for_each(|piece| canvas.polyline(piece, style.rgb(), style.width))
}

/// A data point; an open one has a white inside.
pub fn marker<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    (x, y): Point,
    style: &Style,
    filled: bool,
    size: f64,
) -> Result<()> {
    let wall = 0.4 * size;
    let color = style.rgb();
    // Corners on a circle of the given radius, the first one in direction `start` (in turns, clockwise from the right).
    let shape = |corners: usize, start: f64, radius: f64| -> Vec<Point> {
        let corner = |i: usize| {
            let angle = std::f64::consts::TAU * (start + i as f64 / corners as f64);
            (x + radius * angle.cos(), y + radius * angle.sin())
        };
        (0..corners).map(corner).collect()
    };
    let (corners, start, radius) = match style.marker {
        Marker::Circle => {
            canvas.disc((x, y), size, color)?;
            if !filled {
                canvas.disc((x, y), size - wall, WHITE)?;
            }
            return Ok(());
        }
        Marker::Cross => {
            let r = 0.95 * size;
            canvas.polyline(&[(x - r, y - r), (x + r, y + r)], color, 1.3)?;
            return canvas.polyline(&[(x - r, y + r), (x + r, y - r)], color, 1.3);
        }
        Marker::Square => (4, 0.125, 1.25 * size),
        Marker::Diamond => (4, 0.0, 1.35 * size),
        Marker::Triangle => (3, 0.75, 1.4 * size),
        Marker::TriangleDown => (3, 0.25, 1.4 * size),
    };
    canvas.polygon(&shape(corners, start, radius), color, 1.0)?;
    if filled {
        return Ok(());
    }
    let inner = radius - wall / (std::f64::consts::PI / corners as f64).cos();
    canvas.polygon(&shape(corners, start, inner), WHITE, 1.0)
}

fn guide<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    place: &Placed,
) -> Result<()> {
    let area = place.area;
    let (ends, style) = match series {
        Series::HLine { y, style, .. } if place.y.shows(*y) => {
            (place.y.at(*y).map(|y| [(area.x0, y), (area.x1, y)]), style)
        }
        Series::VLine { x, style, .. } if place.x.shows(*x) => {
            (place.x.at(*x).map(|x| [(x, area.y1), (x, area.y0)]), style)
        }
        _ => return Ok(()),
    };
    ends.map_or(Ok(()), |ends| stroke(canvas, &ends, style))
}

fn band<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    x: &[f64],
    band: &Interval,
    style: &Style,
    place: &Placed,
) -> Result<()> {
    let ends = x.iter().zip(band.lower.iter().zip(&band.upper));
    let places = ends.map(|(x, (lower, upper))| {
        let x = place.x.at(*x)?;
        Some([(x, place.y.edge(*lower)?), (x, place.y.edge(*upper)?)])
    });
    if place.x.numbered {
        let ends = x.iter().zip(band.lower.iter().zip(&band.upper));
        for (x, (lower, upper)) in ends {
            let corner = |x: f64, y: f64| Some((place.x.at(x)?, place.y.edge(y)?));
            let (from, to) = (x - LEVEL, x + LEVEL);
            let corners = [(from, *lower), (to, *lower), (to, *upper), (from, *upper)];
            let corners: Option<Vec<Point>> = corners.iter().map(|&(x, y)| corner(x, y)).collect();
            if let Some(corners) = corners {
                canvas.polygon(&clip_polygon(&corners, &place.area), style.rgb(), BAND)?;
            }
        }
        return Ok(());
    }
    let places: Vec<Option<[Point; 2]>> = places.collect();
    for stretch in places.split(|p| p.is_none()) {
        let side = |k: usize| {
            stretch
                .iter()
                .flatten()
                .map(|p| p[k])
                .collect::<Vec<Point>>()
        };
        let mut border = thin(&side(0));
        border.extend(thin(&side(1)).into_iter().rev());
        canvas.polygon(&clip_polygon(&border, &place.area), style.rgb(), BAND)?;
    }
    Ok(())
}

fn curve<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    place: &Placed,
) -> Result<()> {
    let (pieces, style) = match series {
        Series::Line { x, y, style, .. } if place.x.numbered => (place.levels(x, y), style),
        Series::Line { x, y, style, .. } => (place.pieces(x, y), style),
        Series::Steps { x, y, style, .. } => (place.stairs(x, y), style),
        _ => return Ok(()),
    };
    for mut piece in pieces {
        // A value that stands alone is a short level line.
        if let [(x, y)] = piece[..] {
            piece = vec![(x - ALONE, y), (x + ALONE, y)];
        }
        for visible in clip_polyline(&piece, &place.area.grown(0.01)) {
            stroke(canvas, &thin(&visible), style)?;
            if style.arrow {
                head(canvas, &visible, style)?;
            }
        }
    }
    Ok(())
}

/// A triangle in the middle of a line, along it; none on a line that is not longer than itself.
fn head<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    points: &[Point],
    style: &Style,
) -> Result<()> {
    const LENGTH: f64 = 7.0;
    let length = |p: &[Point]| (p[1].0 - p[0].0).hypot(p[1].1 - p[0].1);
    let total: f64 = points.windows(2).map(length).sum();
    let mut left = 0.5 * total;
    let middle = points.windows(2).find(|p| {
        left -= length(p);
        left <= 0.0
    });
    let Some([from, to]) = middle.filter(|_| total > 2.0 * LENGTH) else {
        return Ok(());
    };
    let step = length(&[*from, *to]);
    let along = ((to.0 - from.0) / step, (to.1 - from.1) / step);
    let at = |forward: f64, side: f64| {
        (
            to.0 + LENGTH * (forward * along.0 - side * along.1),
            to.1 + LENGTH * (forward * along.1 + side * along.0),
        )
    };
    canvas.polygon(
        &[at(0.5, 0.0), at(-0.5, 0.4), at(-0.5, -0.4)],
        style.rgb(),
        1.0,
    )
}

fn points<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    place: &Placed,
) -> Result<()> {
    const CAP: f64 = 2.2;
    let Series::Points {
        x,
        y,
        error,
        filled,
        style,
        ..
    } = series
    else {
        return Ok(());
    };
    let inside = place.area.grown(0.01);
    let centers: Vec<Option<Point>> = x
        .iter()
        .zip(y)
        .map(|(x, y)| Some((place.x.at(*x)?, place.y.at(*y)?)).filter(|p| inside.holds(*p)))
        .collect();
    let seen: Vec<Point> = centers.iter().flatten().copied().collect();
    let size = marker_size(&seen);
    if let Some(error) = error {
        for (center, (lower, upper)) in centers.iter().zip(error.lower.iter().zip(&error.upper)) {
            let ends = (place.y.edge(*lower), place.y.edge(*upper));
            let (Some((x, _)), (Some(low), Some(high))) = (center, ends) else {
                continue;
            };
            // A bar that ends inside its marker is not seen; its caps would be.
            if (low - high).abs() < 2.0 * size {
                continue;
            }
            let (from, to) = (low.min(place.area.y1), high.max(place.area.y0));
            canvas.polyline(&[(*x, from), (*x, to)], style.rgb(), 0.9)?;
            for end in [low, high].into_iter().filter(|y| inside.holds((*x, *y))) {
                canvas.polyline(&[(x - CAP, end), (x + CAP, end)], style.rgb(), 0.9)?;
            }
        }
    }
    seen.into_iter()
        .try_for_each(|center| marker(canvas, center, style, *filled, size))
}

/// Markers of a dense series shrink so that neighbours stay apart: they go by the median distance of neighbours.
fn marker_size(centers: &[Point]) -> f64 {
    let mut steps: Vec<f64> = centers
        .windows(2)
        .map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1))
        .collect();
    steps.sort_by(f64::total_cmp);
    match steps.get(steps.len() / 2) {
        Some(spacing) => (0.42 * spacing).clamp(SMALLEST, RADIUS),
        None => RADIUS,
    }
}

fn ticks<DB: DrawingBackend>(canvas: &mut Canvas<DB>, place: &Placed) -> Result<()> {
    const THIN: f64 = 0.7;
    let area = place.area;
    let x_places =
        |values: &[f64]| -> Vec<f64> { values.iter().filter_map(|v| place.x.at(*v)).collect() };
    let y_places =
        |values: &[f64]| -> Vec<f64> { values.iter().filter_map(|v| place.y.at(*v)).collect() };
    for (values, length) in [
        (&place.x_ticks.major, TICK),
        (&place.x_ticks.minor, 0.6 * TICK),
    ] {
        for x in x_places(values) {
            canvas.polyline(&[(x, area.y1), (x, area.y1 + length)], AXIS, THIN)?;
        }
    }
    for (values, length) in [
        (&place.y_ticks.major, TICK),
        (&place.y_ticks.minor, 0.6 * TICK),
    ] {
        for y in y_places(values) {
            canvas.polyline(&[(area.x0 - length, y), (area.x0, y)], AXIS, THIN)?;
        }
    }
    let middle = 0.36 * TICK_TEXT;
    for (y, label) in y_places(&place.y_ticks.major)
        .iter()
        .zip(&place.y_ticks.labels)
    {
        let letters = Lettering::new(label, TICK_TEXT, Align::Right);
        canvas.text(&letters, (area.x0 - TICK - GAP, y + middle))?;
    }
    if !place.lowest {
        return Ok(());
    }
    for (x, label) in x_places(&place.x_ticks.major)
        .iter()
        .zip(&place.x_ticks.labels)
    {
        let below = area.y1 + TICK + GAP;
        if place.turned {
            let letters = Lettering {
                turned: true,
                ..Lettering::new(label, TICK_TEXT, Align::Right)
            };
            canvas.text(&letters, (x + middle, below))?;
        } else {
            let letters = Lettering::new(label, TICK_TEXT, Align::Center);
            canvas.text(&letters, (*x, below + 0.8 * TICK_TEXT))?;
        }
    }
    Ok(())
}

fn titles<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    figure: &Figure,
    i: usize,
    place: &Placed,
) -> Result<()> {
    let panel = &figure.panels[i];
    let area = place.area;
    let center = ((area.x0 + area.x1) / 2.0, (area.y0 + area.y1) / 2.0);
    let size = text::fitted(&panel.title, PANEL_TEXT, false, area.width() + 10.0);
    let letters = Lettering::new(&panel.title, size, Align::Center);
    canvas.text(&letters, (center.0, area.y0 - 5.0))?;

    let title = panel.y.title();
    let size = text::fitted(&title, AXIS_TEXT, false, area.height() + 8.0);
    let letters = Lettering {
        turned: true,
        ..Lettering::new(&title, size, Align::Center)
    };
    canvas.text(&letters, (place.y_title, center.1))?;

    let title = layout::x_title(&figure.panels, i);
    let size = text::fitted(&title, AXIS_TEXT, false, area.width() + 20.0);
    let letters = Lettering::new(&title, size, Align::Center);
    canvas.text(&letters, (center.0, place.x_title))
}
