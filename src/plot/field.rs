//! Fields: values on a grid as colours on ordinary axes, and measured points in the same colours.

use super::bar::Bar;
use super::canvas::Canvas;
use super::figure::Scale;
use super::geometry::{Point, Rect};
use super::layout::Placed;
use super::series::Series;
use crate::error::Result;
use plotters::prelude::DrawingBackend;

/// Radii of a bead and of the two rings around it, in points.
const BEAD: [f64; 3] = [3.0, 3.7, 4.4];

/// Borders of the cells around the points of an axis: half way to the neighbours on the scale of the axis.
pub fn edges(points: &[f64], scale: Scale) -> Vec<f64> {
    let on_scale = |v: &f64| match scale {
        Scale::Linear => *v,
        Scale::Log => v.ln(),
    };
    let back = |v: f64| match scale {
        Scale::Linear => v,
        Scale::Log => v.exp(),
    };
    let at: Vec<f64> = points.iter().map(on_scale).collect();
    let (Some(&first), Some(&last)) = (at.first(), at.last()) else {
        return vec![];
    };
    // A single point has no neighbours: half of its size, or a factor of two in all.
    let alone = match scale {
        Scale::Linear if first != 0.0 => first.abs(),
        Scale::Linear => 1.0,
        Scale::Log => 2f64.ln(),
    };
    let step = |k: usize| at.get(k + 1).map_or(alone, |next| next - at[k]);
    let mut edges = vec![first - step(0) / 2.0];
    edges.extend(at.windows(2).map(|w| (w[0] + w[1]) / 2.0));
    edges.push(last + step(at.len().saturating_sub(2)) / 2.0);
    edges.into_iter().map(back).collect()
}

/// Draws the cells of a field; those without a value stay white.
pub fn draw<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    bar: &Bar,
    placed: &Placed,
) -> Result<()> {
    const SEAM: f64 = 0.3;
    let Series::Field { x, y, values, .. } = series else {
        return Ok(());
    };
    let area = placed.area;
    let places = |axis: &super::axis::Axis, points: &[f64], least: f64, most: f64| {
        let edges = edges(points, axis.scale);
        let place = |v: f64| axis.edge(v).unwrap_or(axis.start).clamp(least, most);
        edges.into_iter().map(place).collect::<Vec<f64>>()
    };
    let across = places(&placed.x, x, area.x0, area.x1);
    let down = places(&placed.y, y, area.y0, area.y1);
    let mut runs = Vec::new();
    for j in 0..y.len() {
        let row: Vec<_> = (0..x.len())
            .map(|i| bar.shade(values[i * y.len() + j]))
            .collect();
        let mut column = 0;
        for run in row.chunk_by(|a, b| a == b) {
            let end = column + run.len();
            // The y axis runs upwards. Cells overlap a little so that no seam of the page shows between them.
            let cells = Rect {
                x0: across[column],
                x1: (across[end] + SEAM).min(area.x1),
                y0: down[j + 1],
                y1: (down[j] + SEAM).min(area.y1),
            };
            column = end;
            if let Some(color) = run[0]
                && cells.x0 < cells.x1
                && cells.y0 < cells.y1
            {
                runs.push((color, cells));
            }
        }
    }
    // Cells of one colour become one path of an SVG; what overlaps lies in the order of the colours.
    runs.sort_by_key(|(color, _)| *color);
    for (color, cells) in &runs {
        canvas.block(cells, *color, 1.0)?;
    }
    Ok(())
}

/// Draws measured points in the colours of the field, with a white and a black ring.
pub fn beads<DB: DrawingBackend>(
    canvas: &mut Canvas<DB>,
    series: &Series,
    bar: Option<&Bar>,
    placed: &Placed,
) -> Result<()> {
    let (Series::Beads { x, y, values, .. }, Some(bar)) = (series, bar) else {
        return Ok(());
    };
    let inside = placed.area.grown(0.01);
    for ((x, y), value) in x.iter().zip(y).zip(values) {
        let center: Option<Point> = placed.x.at(*x).zip(placed.y.at(*y));
        let (Some(center), Some(color)) = (center.filter(|c| inside.holds(*c)), bar.shade(*value))
        else {
            continue;
        };
        canvas.disc(center, BEAD[2], (0, 0, 0))?;
        canvas.disc(center, BEAD[1], (255, 255, 255))?;
        canvas.disc(center, BEAD[0], color)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_meet_half_way_on_the_scale_of_the_axis() {
        assert_eq!(edges(&[1.0, 2.0, 4.0], Scale::Linear), [0.5, 1.5, 3.0, 5.0]);
        let log = edges(&[1.0, 4.0, 16.0], Scale::Log);
        for (edge, expected) in log.iter().zip([0.5, 2.0, 8.0, 32.0]) {
            assert!((edge / expected - 1.0).abs() < 1e-12, "{log:?}");
        }
        assert_eq!(edges(&[3.0], Scale::Linear), [1.5, 4.5]);
        assert!(edges(&[], Scale::Log).is_empty());
    }
}
