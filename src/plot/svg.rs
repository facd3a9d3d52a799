//! SVG: the plotters backend at ten units per point, and a pass that makes its text short.

use super::canvas::{Canvas, Dialect};
use super::draw;
use super::figure::Figure;
use super::text::{FAMILY, prepare};
use crate::error::Result;
use plotters::prelude::SVGBackend;
use std::fmt::Write;

/// Units of the view box per point: coordinates are rounded to a tenth of a point.
const UNIT: f64 = 10.0;

/// The figure as an SVG document with a white background, readable inline in HTML and alone.
///
/// Texts stay texts (DejaVu Sans, else Verdana, which is as wide, else the reader's sans-serif). Equal figures give equal
/// bytes. Errors: an input error for lists of unequal length, impossible sizes or ranges.
///
/// ```
/// use saddlepoint::plot::*;
/// let panel = Panel::new("", AxisSpec::linear("time t", "τ"), AxisSpec::log("loss", "1"))
///     .with(Series::line("theory", [0.0, 1.0, 2.0], [1.0, 0.1, 0.01]));
/// let svg = render_svg(&Figure::new(320.0, 240.0).with(panel)).unwrap();
/// assert!(svg.starts_with("<svg ") && svg.contains("time t [τ]") && svg.contains("10⁻²"));
/// ```
pub fn render_svg(figure: &Figure) -> Result<String> {
    figure.check()?;
    prepare()?;
    let mut raw = String::new();
    let size = |points: f64| (points * UNIT).round() as u32;
    let backend = SVGBackend::with_string(&mut raw, (size(figure.width), size(figure.height)));
    let dialect = Dialect {
        unit: UNIT,
        em: 1.24,
        ascent: 0.76,
        joints: false,
    };
    let mut canvas = Canvas::new(backend, dialect);
    draw::figure(&mut canvas, figure)?;
    canvas.finish()?;
    Ok(shorten(&raw, figure))
}

/// Text for the inside of an XML or HTML element or attribute.
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            // No XML document may hold the other control characters.
            c if c.is_control() && !['\n', '\r', '\t'].contains(&c) => safe.push('\u{FFFD}'),
            c => safe.push(c),
        }
    }
    safe
}

/// Moves common attributes to the root, joins runs of strokes and of rectangles of one style into one path each and puts texts on one line.
fn shorten(raw: &str, figure: &Figure) -> String {
    let mut svg = String::with_capacity(raw.len() / 2);
    let name = match &figure.title {
        Some(title) => title.as_str(),
        None => figure
            .panels
            .first()
            .map_or("", |p| match p.title.as_str() {
                "" => p.y.label.as_str(),
                title => title,
            }),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {vw} {vh}\" \
         font-family=\"{FAMILY}\" stroke-linejoin=\"round\" role=\"img\" aria-label=\"{name}\">",
        w = figure.width * figure.zoom,
        h = figure.height * figure.zoom,
        vw = (figure.width * UNIT).round(),
        vh = (figure.height * UNIT).round(),
        name = escape(name),
    );
    let family = format!(" font-family=\"{FAMILY}\"");
    let mut open_path: Option<String> = None;
    let mut lines = raw.lines().skip(1);
    while let Some(line) = lines.next() {
        let line = line
            .replace(" opacity=\"1\"", "")
            .replace(" stroke=\"none\"", "")
            .replace(" fill=\"#000000\"", "");
        if let Some((look, path)) = stroke(&line).or_else(|| rectangle(&line)) {
            if open_path.as_deref() != Some(look) {
                if open_path.is_some() {
                    svg.push_str("\"/>\n");
                }
                let _ = write!(svg, "<path {look} d=\"");
                open_path = Some(look.to_string());
            }
            svg.push_str(&path);
            continue;
        }
        if open_path.take().is_some() {
            svg.push_str("\"/>\n");
        }
        if line.starts_with("<text ") {
            svg.push_str(&round_size(&line.replace(&family, "")));
            svg.push_str(lines.next().unwrap_or(""));
            svg.push_str(lines.next().unwrap_or("</text>"));
        } else {
            svg.push_str(&line.replace(" \"/>", "\"/>"));
        }
        svg.push('\n');
    }
    svg
}

/// Style and path commands of a polyline `x,y x,y ...`: an absolute start, then steps.
fn stroke(line: &str) -> Option<(&str, String)> {
    let (look, points) = line.strip_prefix("<polyline ")?.split_once(" points=\"")?;
    look.starts_with("fill=\"none\"").then_some(())?;
    let points = points.trim_end_matches("\"/>");
    let mut path = String::new();
    let place = |p: &str| -> Option<(i32, i32)> {
        let (x, y) = p.split_once(',')?;
        Some((x.parse().ok()?, y.parse().ok()?))
    };
    let mut last: Option<(i32, i32)> = None;
    for (x, y) in points.split_whitespace().filter_map(place) {
        let _ = match last.map(|(lx, ly)| (x - lx, y - ly)) {
            None => write!(path, "M{x},{y}"),
            Some((dx, 0)) => write!(path, "h{dx}"),
            Some((0, dy)) => write!(path, "v{dy}"),
            Some((dx, dy)) if dy < 0 => write!(path, "l{dx}{dy}"),
            Some((dx, dy)) => write!(path, "l{dx},{dy}"),
        };
        last = Some((x, y));
    }
    Some((look, path))
}

/// Style and path commands of a filled rectangle.
fn rectangle(line: &str) -> Option<(&str, String)> {
    let mut rest = line.strip_prefix("<rect ")?;
    let mut sides = [""; 4];
    for (side, key) in sides
        .iter_mut()
        .zip(["x=\"", "y=\"", "width=\"", "height=\""])
    {
        (*side, rest) = rest.strip_prefix(key)?.split_once("\" ")?;
    }
    let look = rest.strip_suffix("/>")?;
    let filled = look.starts_with("fill=\"#") && !look.contains("stroke");
    let [x, y, width, height] = sides;
    filled.then(|| (look, format!("M{x},{y}h{width}v{height}h-{width}z")))
}

/// Rounds the font size of a text tag to a tenth of a unit.
fn round_size(tag: &str) -> String {
    const KEY: &str = "font-size=\"";
    let parts = tag
        .split_once(KEY)
        .and_then(|(head, rest)| Some((head, rest.split_once('"')?)));
    match parts.and_then(|(head, (size, tail))| Some((head, size.parse::<f64>().ok()?, tail))) {
        Some((head, size, tail)) => format!("{head}{KEY}{}\"{tail}", (size * 10.0).round() / 10.0),
        None => tag.to_string(),
    }
}
