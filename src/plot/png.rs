//! PNG: the plotters bitmap backend at three times the size, averaged down, so that every edge is smooth.

use super::canvas::{Canvas, Dialect};
use super::draw;
use super::figure::Figure;
use super::text::{HEIGHT, prepare};
use crate::error::{Error, Result};
use plotters::prelude::BitMapBackend;

/// Pixels drawn per pixel kept, along each side.
const FINER: usize = 3;

/// The figure as the bytes of a PNG file with `scale` pixels per point (2 is sharp on most screens), laid out as its SVG.
///
/// Equal figures give equal bytes. Needs about `27 width height scale^2` bytes of memory. Errors: an
/// input error as for the SVG, or for a scale that is not in (0, 16] or gives more than 40 million pixels.
pub fn render_png(figure: &Figure, scale: f64) -> Result<Vec<u8>> {
    figure.check()?;
    prepare()?;
    let scale = scale * figure.zoom;
    let side = |points: f64| (points * scale).round() as usize;
    let (width, height) = (side(figure.width), side(figure.height));
    if !(scale > 0.0 && scale <= 16.0) || width.saturating_mul(height) > 40_000_000 {
        return Err(Error::input(
            "figure scale",
            format!("{scale} pixels per point give {width} x {height} pixels"),
            "give a scale between 0 and 16 and at most 40 million pixels",
        ));
    }
    if width == 0 || height == 0 {
        return Err(Error::input(
            "figure scale",
            "no pixels",
            "give a larger scale",
        ));
    }
    let mut fine = vec![255u8; 3 * width * height * FINER * FINER];
    let size = ((width * FINER) as u32, (height * FINER) as u32);
    let dialect = Dialect {
        unit: scale * FINER as f64,
        em: HEIGHT,
        ascent: HEIGHT / 2.0,
        joints: true,
    };
    let mut canvas = Canvas::new(BitMapBackend::with_buffer(&mut fine, size), dialect);
    draw::figure(&mut canvas, figure)?;
    canvas.finish()?;
    encode(&average(&fine, width, height), width, height)
}

/// Means over blocks of `FINER x FINER` pixels.
fn average(fine: &[u8], width: usize, height: usize) -> Vec<u8> {
    const COUNT: u16 = (FINER * FINER) as u16;
    let mut sums = vec![0u16; 3 * width];
    let mut pixels = Vec::with_capacity(3 * width * height);
    for rows in fine.chunks_exact(3 * width * FINER * FINER) {
        sums.fill(0);
        for row in rows.chunks_exact(3 * width * FINER) {
            for (sum, block) in sums.chunks_exact_mut(3).zip(row.chunks_exact(3 * FINER)) {
                for pixel in block.chunks_exact(3) {
                    for (s, p) in sum.iter_mut().zip(pixel) {
                        *s += u16::from(*p);
                    }
                }
            }
        }
        pixels.extend(sums.iter().map(|s| ((s + COUNT / 2) / COUNT) as u8));
    }
    pixels
}

/// Eight bits per colour, compressed.
fn encode(pixels: &[u8], width: usize, height: usize) -> Result<Vec<u8>> {
    let failed = |e: png::EncodingError| Error::bug("plot", e.to_string());
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width as u32, height as u32);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(bytes)
}
