//! The colour bar of a panel: which colour a value has, and the axis with its ticks and marks.

use super::axis::Axis;
use super::canvas::{Canvas, Lettering};
use super::figure::{Panel, Scale};
use super::geometry::Rect;
use super::layout::{AXIS, AXIS_TEXT, GAP, Placed, TICK, TICK_TEXT};
use super::series::{Align, Series};
use super::style::{ColorMap, Rgb};
use super::text;
use super::ticks::Ticks;
use crate::error::Result;
use plotters::prelude::DrawingBackend;

/// From the panel to its colour bar, and the width of the bar, in points.
const BAR_GAP: f64 = 9.0;
const BAR: f64 = 10.0;
/// Colours of a bar, and of a field.
const SHADES: usize = 60;

/// How values become colours.
#[derive(Debug, Clone, Copy)]
pub struct Bar<'a> {
    pub label: &'a str,
    pub map: ColorMap,
    pub range: (f64, f64),
    pub scale: Scale,
    /// Values that are marked in it.
    pub marks: &'a [f64],
}

/// The bar of the first heat map or field of `panel`.
pub fn of(panel: &Panel) -> Option<Bar<'_>> {
    panel.series.iter().find_map(|series| match series {
        Series::HeatMap {
            values,
            bar_label,
            map,
            range,
            ..
        } if !values.is_empty() => Some(Bar {
            label: bar_label,
            map: *map,
            range: range.unwrap_or_else(|| extremes(values, *map)),
            scale: Scale::Linear,
            marks: &[],
        }),
        Series::Field {
            values,
            bar_label,
            scale,
            range,
            marks,
            ..
        } => Some(Bar {
            label: bar_label,
            map: ColorMap::Sequential,
            range: range.unwrap_or_else(|| match scale {
                Scale::Linear => extremes(values, ColorMap::Sequential),
                Scale::Log => positive_extremes(values),
            }),
            scale: *scale,
            marks,
        }),
        _ => None,
    })
}

fn extremes(values: &[f64], map: ColorMap) -> (f64, f64) {
    let finite = values.iter().filter(|v| v.is_finite());
    let (lo, hi) = finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| {
        (a.min(*v), b.max(*v))
    });
    let largest = lo.abs().max(hi.abs());
    match map {
        _ if lo > hi || largest == 0.0 => (-1.0, 1.0),
        ColorMap::Diverging => (-largest, largest),
        ColorMap::Sequential if hi - lo <= 1e-8 * largest => {
            (lo - 0.1 * largest, hi + 0.1 * largest)
        }
        ColorMap::Sequential => (lo, hi),
    }
}

fn positive_extremes(values: &[f64]) -> (f64, f64) {
    let positive = values.iter().filter(|v| v.is_finite() && **v > 0.0);
    let (lo, hi) = positive.fold((f64::INFINITY, 0.0f64), |(a, b), v| (a.min(*v), b.max(*v)));
    match hi / lo {
        ratio if ratio > 1.0 + 1e-8 => (lo, hi),
        ratio if ratio >= 1.0 => (lo / 2.0, hi * 2.0),
        _ => (1.0, 10.0),
    }
}

impl Bar<'_> {
    /// Where a value lies between the ends; not-a-number where it has no place on the scale.
    fn fraction(&self, value: f64) -> f64 {
        let (first, last) = self.range;
        match self.scale {
            Scale::Linear => (value - first) / (last - first),
            Scale::Log if value > 0.0 => (value / first).ln() / (last / first).ln(),
            Scale::Log => f64::NAN,
        }
    }

    /// The colour of a value.
    pub fn color(&self, value: f64) -> Rgb {
        self.map.color(self.fraction(value))
    }

    /// The colour of a value as a field has it: one of those of the bar. `None` for what has no colour.
    pub fn shade(&self, value: f64) -> Option<Rgb> {
        let fraction = self.fraction(value);
        let step = (fraction * SHADES as f64)
            .floor()
            .clamp(0.0, SHADES as f64 - 1.0);
        (!fraction.is_nan()).then(|| self.map.color((step + 0.5) / SHADES as f64))
    }

    /// The axis along the bar of a panel.
    pub fn axis(&self, area: &Rect) -> Axis {
        Axis {
            scale: self.scale,
            first: self.range.0,
            last: self.range.1,
            start: area.y1,
            end: area.y0,
            numbered: false,
        }
    }

    /// What the bar takes at the right of its panel, with these ticks.
    pub fn width(&self, ticks: &Ticks) -> f64 {
        let title = match self.label.is_empty() {
            true => 0.0,
            false => GAP + AXIS_TEXT,
        };
        BAR_GAP + BAR + TICK + GAP + widest(ticks) + GAP + title
    }
}

fn widest(ticks: &Ticks) -> f64 {
    let widths = ticks.labels.iter();
    widths
        .map(|l| text::width(l, TICK_TEXT, false))
        .fold(0.0, f64::max)
}

/// Draws the bar beside its panel.
pub fn draw<DB: DrawingBackend>(canvas: &mut Canvas<DB>, bar: &Bar, placed: &Placed) -> Result<()> {
    let x0 = placed.area.x1 + BAR_GAP;
    let frame = Rect {
        x0,
        x1: x0 + BAR,
        ..placed.area
    };
    for i in 0..SHADES {
        let shade = Rect {
            y0: frame.y1 - frame.height() * (i + 1) as f64 / SHADES as f64,
            y1: frame.y1 - frame.height() * i as f64 / SHADES as f64,
            ..frame
        };
        let color = bar.map.color((i as f64 + 0.5) / SHADES as f64);
        canvas.block(&shade, color, 1.0)?;
    }
    let axis = bar.axis(&placed.area);
    let marks = bar.marks.iter().filter(|v| axis.shows(**v));
    for y in marks.filter_map(|v| axis.at(*v)) {
        canvas.polyline(&[(frame.x0, y), (frame.x1, y)], (0, 0, 0), 2.0)?;
        canvas.polyline(&[(frame.x0, y), (frame.x1, y)], (255, 255, 255), 0.9)?;
    }
    super::draw::outline(canvas, &frame)?;
    for y in placed.bar_ticks.minor.iter().filter_map(|v| axis.at(*v)) {
        canvas.polyline(&[(frame.x1, y), (frame.x1 + 0.6 * TICK, y)], AXIS, 0.7)?;
    }
    for (value, label) in placed.bar_ticks.major.iter().zip(&placed.bar_ticks.labels) {
        let Some(y) = axis.at(*value) else {
            continue;
        };
        canvas.polyline(&[(frame.x1, y), (frame.x1 + TICK, y)], AXIS, 0.7)?;
        let letters = Lettering::new(label, TICK_TEXT, Align::Left);
        canvas.text(&letters, (frame.x1 + TICK + GAP, y + 0.36 * TICK_TEXT))?;
    }
    let size = text::fitted(bar.label, AXIS_TEXT, false, frame.height() + 20.0);
    let letters = Lettering {
        turned: true,
        ..Lettering::new(bar.label, size, Align::Center)
    };
    let x = frame.x1 + TICK + GAP + widest(&placed.bar_ticks) + GAP + size;
    canvas.text(&letters, (x, (frame.y0 + frame.y1) / 2.0))
}
