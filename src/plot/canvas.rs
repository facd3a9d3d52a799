//! A page measured in points over any plotters backend.

use super::geometry::{Point, Rect};
use super::series::Align;
use super::style::Rgb;
use super::text::{FAMILY, extents, runs, weight, width};
use crate::error::{Error, Result};
use plotters::prelude::{DrawingBackend, FontTransform, RGBAColor, ShapeStyle, TextStyle};
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// How a backend must be spoken to.
#[derive(Debug, Clone, Copy)]
pub struct Dialect {
    /// Backend units per point.
    pub unit: f64,
    /// Font size to ask for, per em wanted.
    pub em: f64,
    /// From the anchor `top` to the base line of a text, in em.
    pub ascent: f64,
    /// Wide polylines are drawn piece by piece with round joints (the backend's own joints have holes).
    pub joints: bool,
}

/// A text with its looks.
#[derive(Debug, Clone, Copy)]
pub struct Lettering<'a> {
    pub text: &'a str,
    /// Em in points.
    pub size: f64,
    pub align: Align,
    /// Runs upwards.
    pub turned: bool,
    pub bold: bool,
    pub color: Rgb,
}

impl<'a> Lettering<'a> {
    pub fn new(text: &'a str, size: f64, align: Align) -> Self {
        Lettering {
            text,
            size,
            align,
            turned: false,
            bold: false,
            color: (0, 0, 0),
        }
    }
}

/// A drawing backend with coordinates in points.
pub struct Canvas<DB: DrawingBackend> {
    backend: DB,
    dialect: Dialect,
}

fn ink((r, g, b): Rgb, opacity: f64) -> RGBAColor {
    RGBAColor(r, g, b, opacity)
}

impl<DB: DrawingBackend> Canvas<DB> {
    pub fn new(backend: DB, dialect: Dialect) -> Self {
        Canvas { backend, dialect }
    }

    fn place(&self, (x, y): Point) -> (i32, i32) {
        let unit = self.dialect.unit;
        ((x * unit).round() as i32, (y * unit).round() as i32)
    }

    fn length(&self, points: f64) -> u32 {
        (points * self.dialect.unit).round().max(1.0) as u32
    }

    /// An opaque stroke of `width` points.
    pub fn polyline(&mut self, points: &[Point], color: Rgb, width: f64) -> Result<()> {
        let mut path: Vec<(i32, i32)> = points.iter().map(|p| self.place(*p)).collect();
        path.dedup();
        if path.len() < 2 {
            return Ok(());
        }
        let style = ShapeStyle {
            color: ink(color, 1.0),
            filled: false,
            stroke_width: self.length(width),
        };
        if !self.dialect.joints {
            return self.backend.draw_path(path, &style).map_err(failed);
        }
        let joint = style.stroke_width / 2;
        for (i, pair) in path.windows(2).enumerate() {
            self.backend
                .draw_line(pair[0], pair[1], &style)
                .map_err(failed)?;
            if i > 0 && joint > 0 {
                self.backend
                    .draw_circle(pair[0], joint, &style.color, true)
                    .map_err(failed)?;
            }
        }
        Ok(())
    }

    /// A filled polygon.
    pub fn polygon(&mut self, points: &[Point], color: Rgb, opacity: f64) -> Result<()> {
        let mut path: Vec<(i32, i32)> = points.iter().map(|p| self.place(*p)).collect();
        path.dedup();
        if path.len() < 3 {
            return Ok(());
        }
        self.backend
            .fill_polygon(path, &ink(color, opacity))
            .map_err(failed)
    }

    /// A filled circle.
    pub fn disc(&mut self, center: Point, radius: f64, color: Rgb) -> Result<()> {
        let (center, radius) = (self.place(center), self.length(radius));
        self.backend
            .draw_circle(center, radius, &ink(color, 1.0), true)
            .map_err(failed)
    }

    /// A filled rectangle.
    pub fn block(&mut self, rect: &Rect, color: Rgb, opacity: f64) -> Result<()> {
        let (a, b) = (
            self.place((rect.x0, rect.y0)),
            self.place((rect.x1, rect.y1)),
        );
        self.backend
            .draw_rect(a, b, &ink(color, opacity), true)
            .map_err(failed)
    }

    /// A text whose base line starts, is centred or ends at `at`; `^{...}` and `_{...}` raise and lower what they hold.
    pub fn text(&mut self, letters: &Lettering, at: Point) -> Result<()> {
        if letters.text.trim().is_empty() {
            return Ok(());
        }
        let pieces = runs(letters.text);
        if let [piece] = pieces.as_slice()
            && piece.size == 1.0
        {
            return self.piece(letters, at);
        }
        let whole = width(letters.text, letters.size, letters.bold);
        let mut along = match letters.align {
            Align::Left => 0.0,
            Align::Center => -whole / 2.0,
            Align::Right => -whole,
        };
        for piece in pieces {
            let lift = piece.lift * letters.size;
            let [before, inner, behind] = extents(&piece, letters.size, letters.bold);
            along += before;
            let start = match letters.turned {
                true => (at.0 - lift, at.1 - along),
                false => (at.0 + along, at.1 - lift),
            };
            let part = Lettering {
                text: piece.text.trim(),
                size: piece.size * letters.size,
                align: Align::Left,
                ..*letters
            };
            if !part.text.is_empty() {
                self.piece(&part, start)?;
            }
            along += inner + behind;
        }
        Ok(())
    }

    /// A text on one base line.
    fn piece(&mut self, letters: &Lettering, (x, y): Point) -> Result<()> {
        let shift = self.dialect.ascent * letters.size;
        let (at, transform) = match letters.turned {
            true => ((x - shift, y), FontTransform::Rotate270),
            false => ((x, y - shift), FontTransform::None),
        };
        let side = match letters.align {
            Align::Left => HPos::Left,
            Align::Center => HPos::Center,
            Align::Right => HPos::Right,
        };
        let size = letters.size * self.dialect.em * self.dialect.unit;
        let color = ink(letters.color, 1.0);
        let style = TextStyle::from((FAMILY, size, weight(letters.bold)))
            .transform(transform)
            .color(&color)
            .pos(Pos::new(side, VPos::Top));
        let line = letters.text.replace(['\n', '\r'], " ");
        let at = self.place(at);
        self.backend.draw_text(&line, &style, at).map_err(failed)
    }

    /// Ends the drawing.
    pub fn finish(mut self) -> Result<()> {
        self.backend.present().map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::bug("plot", error.to_string())
}
