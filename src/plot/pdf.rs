//! PDF: a plotters backend that writes vector paths; texts are outlines of the embedded font, so that every reader shows the same.

use super::canvas::{Canvas, Dialect};
use super::draw;
use super::figure::Figure;
use super::text::prepare;
use crate::error::{Error, Result};
use ab_glyph::{Font, FontRef, OutlineCurve, Point};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use plotters_backend::text_anchor::HPos;
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingBackend, DrawingErrorKind,
    FontStyle, FontTransform,
};
use std::convert::Infallible;
use std::fmt::Write as _;
use std::io::Write as _;

/// Units of the drawing per point.
const UNIT: f64 = 20.0;

/// The figure as a PDF document of one page, laid out as its SVG.
///
/// Equal figures give equal bytes. Errors: an input error as for the SVG.
///
/// ```
/// use saddlepoint::plot::*;
/// let panel = Panel::new("", AxisSpec::linear("t", "1"), AxisSpec::linear("u", "1"))
///     .with(Series::line("a", [0.0, 1.0], [0.0, 1.0]));
/// let pdf = render_pdf(&Figure::new(320.0, 240.0).with(panel)).unwrap();
/// assert!(pdf.starts_with(b"%PDF-1.4") && pdf.ends_with(b"%%EOF\n"));
/// ```
pub fn render_pdf(figure: &Figure) -> Result<Vec<u8>> {
    figure.check()?;
    prepare()?;
    let font =
        |bytes| FontRef::try_from_slice(bytes).map_err(|e| Error::bug("plot", e.to_string()));
    let fonts = [font(dejavu::sans::regular())?, font(dejavu::sans::bold())?];
    let mut page = Page {
        size: (
            (figure.width * UNIT).round() as u32,
            (figure.height * UNIT).round() as u32,
        ),
        content: String::new(),
        opacities: vec![1000],
        opacity: 1000,
        fonts,
    };
    let dialect = Dialect {
        unit: UNIT,
        em: 1.0,
        ascent: 0.0,
        joints: false,
    };
    let mut canvas = Canvas::new(&mut page, dialect);
    draw::figure(&mut canvas, figure)?;
    canvas.finish()?;
    page.document(figure.width, figure.height, figure.zoom)
}

/// The content of the page as it grows.
struct Page<'a> {
    size: (u32, u32),
    content: String,
    /// Opacities in use, in thousandths; their states are named by their places.
    opacities: Vec<u16>,
    opacity: u16,
    /// Regular and bold.
    fonts: [FontRef<'a>; 2],
}

impl Page<'_> {
    fn color(&mut self, color: BackendColor, stroke: bool) {
        let opacity = (color.alpha * 1000.0).round() as u16;
        if opacity != self.opacity {
            let known = self.opacities.iter().position(|o| *o == opacity);
            let place = known.unwrap_or_else(|| {
                self.opacities.push(opacity);
                self.opacities.len() - 1
            });
            self.opacity = opacity;
            let _ = writeln!(self.content, "/G{place} gs");
        }
        let part = |v: u8| (f64::from(v) / 255.0 * 1000.0).round() / 1000.0;
        let (r, g, b) = color.rgb;
        let operator = if stroke { "RG" } else { "rg" };
        let _ = writeln!(
            self.content,
            "{} {} {} {operator}",
            part(r),
            part(g),
            part(b)
        );
    }

    fn path(&mut self, points: impl IntoIterator<Item = BackendCoord>) {
        for (k, (x, y)) in points.into_iter().enumerate() {
            let operator = if k == 0 { "m" } else { "l" };
            let _ = writeln!(self.content, "{x} {y} {operator}");
        }
    }

    /// The outline of one glyph: font units are mapped by `to`, and curves of second order are raised to the third.
    fn glyph(&mut self, curves: &[OutlineCurve], to: impl Fn(Point) -> (f64, f64)) {
        let mut at: Option<Point> = None;
        for curve in curves {
            let (start, end) = match curve {
                OutlineCurve::Line(a, b)
                | OutlineCurve::Quad(a, _, b)
                | OutlineCurve::Cubic(a, _, _, b) => (*a, *b),
            };
            if at != Some(start) {
                let (x, y) = to(start);
                let _ = write!(self.content, "{x:.1} {y:.1} m ");
            }
            let between = |p: Point, q: Point| Point {
                x: p.x + 2.0 / 3.0 * (q.x - p.x),
                y: p.y + 2.0 / 3.0 * (q.y - p.y),
            };
            let controls = match curve {
                OutlineCurve::Line(..) => None,
                OutlineCurve::Quad(a, c, b) => Some((between(*a, *c), between(*b, *c))),
                OutlineCurve::Cubic(_, c, d, _) => Some((*c, *d)),
            };
            let (x, y) = to(end);
            let _ = match controls.map(|(c, d)| (to(c), to(d))) {
                None => write!(self.content, "{x:.1} {y:.1} l "),
                Some(((cx, cy), (dx, dy))) => write!(
                    self.content,
                    "{cx:.1} {cy:.1} {dx:.1} {dy:.1} {x:.1} {y:.1} c "
                ),
            };
            at = Some(end);
        }
        self.content.push('\n');
    }

    fn document(self, width: f64, height: f64, zoom: f64) -> Result<Vec<u8>> {
        let (width, height) = (width * zoom, height * zoom);
        let content = format!(
            "{} 0 0 {} 0 {height} cm\n0 J 1 j\n{}",
            zoom / UNIT,
            -zoom / UNIT,
            self.content
        );
        let failed = |e: std::io::Error| Error::bug("plot", e.to_string());
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(content.as_bytes()).map_err(failed)?;
        let stream = encoder.finish().map_err(failed)?;
        let states = self.opacities.iter().enumerate().map(|(k, o)| {
            let value = f64::from(*o) / 1000.0;
            format!("/G{k} << /ca {value} /CA {value} >> ")
        });
        let states: String = states.collect();
        let objects: [Vec<u8>; 4] = [
            b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec(),
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Contents 4 0 R \
                 /Resources << /ExtGState << {states}>> >> >>"
            )
            .into_bytes(),
            [
                format!(
                    "<< /Length {} /Filter /FlateDecode >>\nstream\n",
                    stream.len()
                )
                .into_bytes(),
                stream,
                b"\nendstream".to_vec(),
            ]
            .concat(),
        ];
        let mut out = b"%PDF-1.4\n%\xE2\xE3\xCF\xD3\n".to_vec();
        let mut places = Vec::new();
        for (k, object) in objects.iter().enumerate() {
            places.push(out.len());
            out.extend(format!("{} 0 obj\n", k + 1).into_bytes());
            out.extend(object);
            out.extend(b"\nendobj\n");
        }
        let start = out.len();
        let table: String = places
            .iter()
            .map(|p| format!("{p:010} 00000 n \n"))
            .collect();
        let count = objects.len() + 1;
        let end = format!(
            "xref\n0 {count}\n0000000000 65535 f \n{table}trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
        );
        out.extend(end.into_bytes());
        Ok(out)
    }
}

type Drawn = std::result::Result<(), DrawingErrorKind<Infallible>>;

impl DrawingBackend for &mut Page<'_> {
    type ErrorType = Infallible;

    fn get_size(&self) -> (u32, u32) {
        self.size
    }

    fn ensure_prepared(&mut self) -> Drawn {
        Ok(())
    }

    fn present(&mut self) -> Drawn {
        Ok(())
    }

    fn draw_pixel(&mut self, (x, y): BackendCoord, color: BackendColor) -> Drawn {
        self.color(color, false);
        let _ = writeln!(self.content, "{x} {y} 1 1 re f");
        Ok(())
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Drawn {
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        (x0, y0): BackendCoord,
        (x1, y1): BackendCoord,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.color(style.color(), !fill);
        let _ = match fill {
            true => writeln!(self.content, "{x0} {y0} {} {} re f", x1 - x0, y1 - y0),
            false => writeln!(
                self.content,
                "{} w {x0} {y0} {} {} re S",
                style.stroke_width(),
                x1 - x0,
                y1 - y0
            ),
        };
        Ok(())
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Drawn {
        self.color(style.color(), true);
        let _ = writeln!(self.content, "{} w", style.stroke_width());
        self.path(path);
        self.content.push_str("S\n");
        Ok(())
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        (x, y): BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Drawn {
        self.color(style.color(), !fill);
        // Four arcs of third order, within 3e-4 of the circle.
        let (x, y, r) = (f64::from(x), f64::from(y), f64::from(radius));
        let k = 0.552_285 * r;
        let end = match fill {
            true => "f".to_string(),
            false => format!("{} w S", style.stroke_width()),
        };
        let _ = writeln!(
            self.content,
            "{} {y} m {} {} {} {} {x} {} c {} {} {} {} {} {y} c {} {} {} {} {x} {} c {} {} {} {} {} {y} c {end}",
            x + r,
            x + r,
            y + k,
            x + k,
            y + r,
            y + r,
            x - k,
            y + r,
            x - r,
            y + k,
            x - r,
            x - r,
            y - k,
            x - k,
            y - r,
            y - r,
            x + k,
            y - r,
            x + r,
            y - k,
            x + r,
        );
        Ok(())
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vertices: I,
        style: &S,
    ) -> Drawn {
        self.color(style.color(), false);
        self.path(vertices);
        self.content.push_str("f\n");
        Ok(())
    }

    fn draw_text<T: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &T,
        (x, y): BackendCoord,
    ) -> Drawn {
        let bold = matches!(style.style(), FontStyle::Bold);
        let font = self.fonts[usize::from(bold)].clone();
        let scale = style.size() / f64::from(font.units_per_em().unwrap_or(2048.0));
        let letters: Vec<_> = text.chars().map(|c| font.glyph_id(c)).collect();
        let advance = |id| f64::from(font.h_advance_unscaled(id)) * scale;
        let width: f64 = letters.iter().map(|id| advance(*id)).sum();
        let mut along = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        self.color(style.color(), false);
        let turned = matches!(style.transform(), FontTransform::Rotate270);
        for id in letters {
            if let Some(outline) = font.outline(id) {
                let (x, y) = (f64::from(x), f64::from(y));
                self.glyph(&outline.curves, |p| {
                    let (right, up) = (along + f64::from(p.x) * scale, f64::from(p.y) * scale);
                    match turned {
                        true => (x - up, y - right),
                        false => (x + right, y - up),
                    }
                });
            }
            along += advance(id);
        }
        self.content.push_str("f\n");
        Ok(())
    }
}
