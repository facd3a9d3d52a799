//! Lines of equal value on a grid: marching squares (Lorensen and Cline 1987, in two dimensions).

use std::collections::BTreeMap;

/// A vertex of a line.
type Point = (f64, f64);

/// An edge of the grid: along x or along y, from grid point `(i, j)`.
type Edge = (bool, usize, usize);

/// The lines along which the bilinear picture of `values` has the value `level`.
///
/// `values[i * y.len() + j]` stands at `(x[i], y[j])`; both axes increase. On every edge of the grid between a value
/// below the level and one that is not, the crossing is where the straight line between the two has the level. In a
/// square with two crossings along each direction the mean of its corners decides which of them belong together.
/// Squares with a not-a-number have no line. A line that closes ends with its first vertex. Cost: one pass over the
/// grid.
///
/// ```
/// use saddlepoint::numerics::contour::contour;
/// // f = x + y on a unit square: the level 1/2 cuts off the corner at the origin.
/// let lines = contour(&[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 1.0, 2.0], 0.5);
/// assert_eq!(lines, [[(0.0, 0.5), (0.5, 0.0)]]);
/// ```
pub fn contour(x: &[f64], y: &[f64], values: &[f64], level: f64) -> Vec<Vec<Point>> {
    let at = |i: usize, j: usize| values[i * y.len() + j];
    let crossing = |(along_x, i, j): Edge| {
        let (k, l) = if along_x { (i + 1, j) } else { (i, j + 1) };
        let part = (level - at(i, j)) / (at(k, l) - at(i, j));
        (x[i] + part * (x[k] - x[i]), y[j] + part * (y[l] - y[j]))
    };
    let mut segments: Vec<(Edge, Edge)> = Vec::new();
    for i in 0..x.len().saturating_sub(1) {
        for j in 0..y.len().saturating_sub(1) {
            segments.extend(square(i, j, &at, level));
        }
    }
    joined(&segments)
        .into_iter()
        .map(|edges| edges.into_iter().map(crossing).collect())
        .collect()
}

/// The pieces of a line inside one square, each between two of its edges.
fn square(i: usize, j: usize, at: &dyn Fn(usize, usize) -> f64, level: f64) -> Vec<(Edge, Edge)> {
    // Around the square: (i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1), and the edges between neighbours.
    let corners = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
    if corners.iter().any(|v| !v.is_finite()) {
        return vec![];
    }
    let edges = [
        (true, i, j),
        (false, i + 1, j),
        (true, i, j + 1),
        (false, i, j),
    ];
    let above = corners.map(|v| v >= level);
    let crossed: Vec<usize> = (0..4).filter(|&k| above[k] != above[(k + 1) % 4]).collect();
    match crossed[..] {
        [a, b] => vec![(edges[a], edges[b])],
        [_, _, _, _] => {
            let middle = corners.iter().sum::<f64>() / 4.0 >= level;
            // The middle joins the two corners on its side; the line cuts off the other two.
            match middle == above[0] {
                true => vec![(edges[0], edges[1]), (edges[2], edges[3])],
                false => vec![(edges[3], edges[0]), (edges[1], edges[2])],
            }
        }
        _ => vec![],
    }
}

/// Segments that share an edge joined to lines: open ones from end to end, closed ones around.
fn joined(segments: &[(Edge, Edge)]) -> Vec<Vec<Edge>> {
    let mut ends: BTreeMap<Edge, Vec<usize>> = BTreeMap::new();
    for (n, (a, b)) in segments.iter().enumerate() {
        ends.entry(*a).or_default().push(n);
        ends.entry(*b).or_default().push(n);
    }
    let mut used = vec![false; segments.len()];
    let mut lines = Vec::new();
    let mut walk = |start: Edge| {
        let (mut line, mut here) = (vec![start], start);
        let free = |edge: &Edge, used: &[bool]| ends[edge].iter().copied().find(|&n| !used[n]);
        while let Some(n) = free(&here, &used) {
            used[n] = true;
            let (a, b) = segments[n];
            here = if a == here { b } else { a };
            line.push(here);
        }
        if line.len() > 1 {
            lines.push(line);
        }
    };
    let open = ends.iter().filter(|(_, touching)| touching.len() == 1);
    open.for_each(|(edge, _)| walk(*edge));
    segments.iter().for_each(|(edge, _)| walk(*edge));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grid(n: usize) -> Vec<f64> {
        let at = |k: usize| -1.5 + 3.0 * k as f64 / (n - 1) as f64;
        (0..n).map(at).collect()
    }

    fn on(x: &[f64], f: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        x.iter()
            .flat_map(|a| x.iter().map(|b| f(*a, *b)).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn a_circle_closes_and_its_error_falls_as_the_square_of_the_spacing() {
        let worst = |n: usize| {
            let x = grid(n);
            let lines = contour(&x, &x, &on(&x, |a, b| a * a + b * b), 1.0);
            assert_eq!(lines.len(), 1);
            assert_eq!(lines[0].first(), lines[0].last());
            let off = |(a, b): &(f64, f64)| (a.hypot(*b) - 1.0).abs();
            let length: f64 = lines[0]
                .windows(2)
                .map(|w| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1))
                .sum();
            assert!((length / std::f64::consts::TAU - 1.0).abs() < 0.02);
            lines[0].iter().map(off).fold(0.0, f64::max)
        };
        let (coarse, fine) = (worst(40), worst(80));
        assert!(coarse < 1e-2 && fine < 0.35 * coarse, "{coarse} {fine}");
    }

    #[test]
    fn planes_are_exact_and_saddles_have_two_branches() {
        let x = grid(12);
        for line in contour(&x, &x, &on(&x, |a, b| 2.0 * a - b), 0.3) {
            assert!(line.iter().all(|(a, b)| (2.0 * a - b - 0.3).abs() < 1e-12));
        }
        let hyperbola = contour(&x, &x, &on(&x, |a, b| a * b), 0.1);
        assert_eq!(hyperbola.len(), 2);
        // One square whose corners alternate: the mean decides.
        for (level, ends) in [(0.4, (0.0, 0.4)), (0.6, (0.0, 0.6))] {
            let lines = contour(&[0.0, 1.0], &[0.0, 1.0], &[0.0, 1.0, 1.0, 0.0], level);
            assert_eq!(lines.len(), 2);
            assert!(lines.iter().flatten().any(|p| *p == ends));
        }
    }

    #[test]
    fn there_is_no_line_beside_a_point_without_a_value() {
        let x = grid(31);
        let f = |a: f64, b: f64| if b < 0.0 { f64::NAN } else { a * a + b * b };
        let lines = contour(&x, &x, &on(&x, f), 1.0);
        assert_eq!(lines.len(), 1);
        assert_ne!(lines[0].first(), lines[0].last());
        assert!(lines[0].iter().all(|p| p.1 >= 0.0));
        assert!(contour(&x, &x, &on(&x, |_, _| 2.0), 1.0).is_empty());
    }
}
