//! The legend of a panel: its lines, its size, and the place where it hides no data.

use super::canvas::{Canvas, Lettering};
use super::draw::{RADIUS, marker, stroke};
use super::figure::Panel;
use super::geometry::{Point, Rect};
use super::layout::{Placed, TICK_TEXT};
use super::series::{Align, Series};
use super::style::{Marker, Style};
use super::text;
use crate::error::Result;
use plotters::prelude::DrawingBackend;

const SAMPLE: f64 = 24.0;
const LINE: f64 = 13.0;
const INSET: f64 = 5.0;
/// Index of black in the palette.
const BLACK: usize = 6;

/// One line of a legend.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub label: String,
    /// A line sample.
    pub line: Option<Style>,
    /// The line has a band.
    pub band: bool,
    /// The colour of a tile, and how much of it shows.
    pub tile: Option<(Style, f64)>,
    /// A marker sample, filled or not.
    pub points: Option<(Style, bool)>,
}

/// The lines of the legend, in the order of the series; equal labels share one.
pub fn entries(panel: &Panel) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for series in &panel.series {
        let mut tile = None;
        let (label, line, has_band, points) = match series {
            Series::Tile {
                label,
                style,
                opacity,
                ..
            } => {
                tile = Some((*style, *opacity));
                (label, None, false, None)
            }
            Series::Line {
                label, style, band, ..
            } => (label, Some(*style), band.is_some(), None),
            Series::Points {
                label,
                style,
                filled,
                ..
            } => (label, None, false, Some((*style, *filled))),
            Series::Steps { label, style, .. }
            | Series::HLine { label, style, .. }
            | Series::VLine { label, style, .. } => (label, Some(*style), false, None),
            Series::Beads { label, .. } => {
                let ring = Style {
                    marker: Marker::Circle,
                    ..Style::cycle(BLACK)
                };
                (label, None, false, Some((ring, false)))
            }
            Series::HeatMap { .. } | Series::Field { .. } | Series::Text { .. } => continue,
        };
        if label.is_empty() {
            continue;
        }
        let free = |e: &&mut Entry| {
            e.label == *label
                && (e.line.is_none() || line.is_none() || e.line == line)
                && (e.points.is_none() || points.is_none() || e.points == points)
                && e.tile == tile
        };
        match entries.iter_mut().find(free) {
            Some(entry) => {
                entry.line = entry.line.or(line);
                entry.points = entry.points.or(points);
                entry.band |= has_band;
            }
            None => entries.push(Entry {
                label: label.clone(),
                line,
                band: has_band,
                tile,
                points,
            }),
        }
    }
    entries
}

/// A legend takes at most this share of the width of its column.
pub const SHARE: f64 = 0.5;
/// Distance of a legend from the edges of the figure.
pub const MARGIN: f64 = 8.0;

/// The entries that fit into so much width and height: long labels are shortened, and what has no place is counted.
pub fn fitting(mut entries: Vec<Entry>, (width, height): (f64, f64)) -> Vec<Entry> {
    let room = (width - SAMPLE - 5.0 - 2.0 * INSET).max(30.0);
    let most = (((height - INSET) / LINE) as usize).max(2);
    if entries.len() > most {
        let left = entries.len() - (most - 1);
        entries.truncate(most - 1);
        entries.push(Entry {
            label: format!("and {left} more"),
            line: None,
            band: false,
            tile: None,
            points: None,
        });
    }
    for entry in &mut entries {
        entry.label = text::shortened(&entry.label, TICK_TEXT, room);
    }
    entries
}

/// Width and height of the legend in points.
pub fn size(entries: &[Entry]) -> (f64, f64) {
    let width = |e: &Entry| text::width(&e.label, TICK_TEXT, false);
    let widest = entries.iter().map(width).fold(0.0, f64::max);
    (
        INSET + SAMPLE + 5.0 + widest + INSET,
        LINE * entries.len() as f64 + INSET,
    )
}

/// A place inside the panel that hides no data; of several the one that hides fewest guides, corners first.
pub fn spot(panel: &Panel, placed: &Placed, (width, height): (f64, f64)) -> Option<Rect> {
    const MARGIN: f64 = 4.0;
    let room = placed.area.grown(-MARGIN);
    if width > room.width() || height > room.height() {
        return None;
    }
    let (data, guides) = obstacles(panel, placed);
    // Corners first, then along the edges.
    const STEPS: usize = 16;
    let share = |k: usize| k as f64 / STEPS as f64;
    let edges = (1..STEPS).flat_map(|k| {
        let k = share(k);
        [(k, 1.0), (k, 0.0), (0.0, k), (1.0, k)]
    });
    let places = [(0.0, 1.0), (0.0, 0.0), (1.0, 1.0), (1.0, 0.0)]
        .into_iter()
        .chain(edges);
    let mut best: Option<(usize, Rect)> = None;
    for (down, right) in places {
        let x0 = room.x0 + right * (room.width() - width);
        let y0 = room.y0 + down * (room.height() - height);
        let rect = Rect {
            x0,
            y0,
            x1: x0 + width,
            y1: y0 + height,
        };
        let hidden =
            |points: &[Point]| points.iter().filter(|p| rect.grown(3.0).holds(**p)).count();
        if hidden(&data) > 0 {
            continue;
        }
        let cost = hidden(&guides);
        if best.is_none_or(|(least, _)| cost < least) {
            best = Some((cost, rect));
        }
    }
    best.map(|(_, rect)| rect)
}

/// Points that a legend should not cover (data and texts), and points of guides that it may.
fn obstacles(panel: &Panel, placed: &Placed) -> (Vec<Point>, Vec<Point>) {
    const STEP: f64 = 3.0;
    let (mut data, mut guides) = (Vec::new(), Vec::new());
    fn walk(to: &mut Vec<Point>, a: Point, b: Point) {
        let pieces = ((b.0 - a.0).hypot(b.1 - a.1) / STEP).ceil().clamp(1.0, 1e4) as usize;
        let at = |i: usize| {
            let t = i as f64 / pieces as f64;
            (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1))
        };
        to.extend((0..=pieces).map(at));
    }
    let area = placed.area;
    let segment = |to: &mut Vec<Point>, a: Point, b: Point| {
        if let Some((a, b)) = super::geometry::clip_segment(a, b, &area) {
            walk(to, a, b);
        }
    };
    for series in &panel.series {
        match series {
            Series::Line { x, y, band, .. }
            | Series::Points {
                x, y, error: band, ..
            } => {
                if matches!(series, Series::Line { .. }) {
                    for piece in placed.pieces(x, y) {
                        piece
                            .windows(2)
                            .for_each(|w| segment(&mut data, w[0], w[1]));
                    }
                } else {
                    for piece in placed.pieces(x, y) {
                        data.extend(piece.iter().filter(|p| area.holds(**p)));
                    }
                }
                if let Some(band) = band {
                    for (x, (lower, upper)) in x.iter().zip(band.lower.iter().zip(&band.upper)) {
                        let ends = (placed.y.edge(*lower), placed.y.edge(*upper));
                        if let (Some(x), (Some(a), Some(b))) = (placed.x.at(*x), ends) {
                            segment(&mut data, (x, a), (x, b));
                        }
                    }
                }
            }
            Series::Steps { x, y, .. } => {
                for piece in placed.stairs(x, y) {
                    piece
                        .windows(2)
                        .for_each(|w| segment(&mut data, w[0], w[1]));
                }
            }
            Series::Text {
                text, x, y, align, ..
            } => {
                if let Some((left, base)) = placed.text_start(text, *x, *y, *align) {
                    let end = left + text::width(text, TICK_TEXT, false);
                    for lift in [0.0, 0.5, 1.0] {
                        let y = base - lift * TICK_TEXT;
                        segment(&mut data, (left, y), (end, y));
                    }
                }
            }
            Series::HLine { y, .. } => {
                if let Some(y) = placed.y.at(*y) {
                    segment(&mut guides, (area.x0, y), (area.x1, y));
                }
            }
            Series::VLine { x, .. } => {
                if let Some(x) = placed.x.at(*x) {
                    segment(&mut guides, (x, area.y0), (x, area.y1));
                }
            }
            Series::Beads { x, y, .. } => {
                for piece in placed.pieces(x, y) {
                    data.extend(piece.iter().filter(|p| area.holds(**p)));
                }
            }
            Series::HeatMap { .. } | Series::Field { .. } => data.push((area.x0, area.y0)),
            Series::Tile { .. } => {}
        }
    }
    (data, guides)
}

/// Draws the legend with its upper left corner at that of `spot`.
pub fn draw<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    entries: &[Entry],
    spot: &Rect,
) -> Result<()> {
    canvas.block(spot, (255, 255, 255), 0.85)?;
    for (i, entry) in entries.iter().enumerate() {
        let y = spot.y0 + INSET / 2.0 + (i as f64 + 0.5) * LINE;
        let (from, to) = (spot.x0 + INSET, spot.x0 + INSET + SAMPLE);
        if let Some((style, opacity)) = entry.tile {
            let swatch = Rect {
                x0: from,
                y0: y - 4.5,
                x1: to,
                y1: y + 4.5,
            };
            canvas.block(&swatch, style.rgb(), opacity)?;
        }
        if let Some(style) = entry.line {
            if entry.band {
                let band = Rect {
                    x0: from,
                    y0: y - 3.5,
                    x1: to,
                    y1: y + 3.5,
                };
                canvas.block(&band, style.rgb(), super::draw::BAND)?;
            }
            stroke(canvas, &[(from, y), (to, y)], &style)?;
        }
        if let Some((style, filled)) = entry.points {
            marker(canvas, ((from + to) / 2.0, y), &style, filled, RADIUS)?;
        }
        let letters = Lettering::new(&entry.label, TICK_TEXT, Align::Left);
        canvas.text(&letters, (to + 5.0, y + 0.36 * TICK_TEXT))?;
    }
    Ok(())
}
