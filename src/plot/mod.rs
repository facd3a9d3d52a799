//! Figures: described as data, drawn as SVG and PNG, written as CSV. The only module that names plotters.
//!
//! A [`Figure`] holds [`Panel`]s with [`Series`]; nothing in it knows how it is drawn, so it can be stored, compared and
//! printed. [`render_svg`], [`render_png`] and [`render_pdf`] draw it with one routine; [`figure_csv`] writes its numbers. The font is inside
//! the program, and equal figures give equal bytes.
//!
//! ```
//! use saddlepoint::plot::*;
//! let t: Vec<f64> = (0..50).map(|i| 0.1 * i as f64).collect();
//! let u: Vec<f64> = t.iter().map(|t| 1.0 / (1.0 + 99.0 * (-2.0 * t).exp())).collect();
//! let figure = Figure::new(360.0, 270.0)
//!     .title("one mode")
//!     .with(
//!         Panel::new("", AxisSpec::linear("", ""), AxisSpec::linear("mode strength u₁", "1"))
//!             .with(Series::line("mode 1", t.clone(), u.clone()))
//!             .with(Series::points("mode 1", t.clone(), u.clone()).error(&[0.02; 50])),
//!     )
//!     .with(Panel::residual(AxisSpec::linear("time t", "τ")).with(Series::points("", t, [0.0; 50])));
//! assert!(render_svg(&figure).unwrap().len() < 20_000);
//! assert_eq!(figure_csv(&figure).lines().count(), 1 + 50 + 50 + 5 + 50);
//! ```

mod axis;
mod bar;
mod canvas;
mod csv;
mod draw;
mod field;
mod figure;
mod geometry;
mod heat;
mod layout;
mod legend;
mod pdf;
mod png;
mod series;
mod style;
mod svg;
mod text;
mod ticks;
mod tile;

pub use csv::{figure_csv, panel_names};
pub use figure::{AxisSpec, Figure, Legend, Panel, Scale};
pub(crate) use legend::{Entry, entries as legend_entries, size as legend_size};
pub use pdf::render_pdf;
pub use png::render_png;
pub use series::{Align, Interval, Series, Tag};
pub use style::{ColorMap, Dash, GREY, Marker, PALETTE, Rgb, Style, WHITE};
pub use svg::{escape, render_svg};
pub use text::missing_glyph;
pub use ticks::{Ticks, superscript, ticks};

#[cfg(test)]
mod tests;
