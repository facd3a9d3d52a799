//! Plane geometry of drawing: clipping, thinning and dashing of polylines, in points of the page (y runs down).

/// A place on the page.
pub type Point = (f64, f64);

/// An upright rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rect {
    pub x0: f64,
    pub y0: f64,
    pub x1: f64,
    pub y1: f64,
}

impl Rect {
    pub fn width(&self) -> f64 {
        self.x1 - self.x0
    }

    pub fn height(&self) -> f64 {
        self.y1 - self.y0
    }

    pub fn holds(&self, (x, y): Point) -> bool {
        x >= self.x0 && x <= self.x1 && y >= self.y0 && y <= self.y1
    }

    pub fn grown(&self, by: f64) -> Rect {
        Rect {
            x0: self.x0 - by,
            y0: self.y0 - by,
            x1: self.x1 + by,
            y1: self.y1 + by,
        }
    }
}

/// The part of the segment `a b` inside `rect` (Liang and Barsky 1984).
pub fn clip_segment((ax, ay): Point, (bx, by): Point, rect: &Rect) -> Option<(Point, Point)> {
    let (dx, dy) = (bx - ax, by - ay);
    let (mut from, mut to) = (0.0f64, 1.0f64);
    for (step, room) in [
        (-dx, ax - rect.x0),
        (dx, rect.x1 - ax),
        (-dy, ay - rect.y0),
        (dy, rect.y1 - ay),
    ] {
        if step == 0.0 {
            if room < 0.0 {
                return None;
            }
        } else if step < 0.0 {
            from = from.max(room / step);
        } else {
            to = to.min(room / step);
        }
    }
    let at = |t: f64| (ax + t * dx, ay + t * dy);
    (from <= to).then(|| (at(from), at(to)))
}

/// The pieces of a polyline inside `rect`.
pub fn clip_polyline(points: &[Point], rect: &Rect) -> Vec<Vec<Point>> {
    let mut pieces: Vec<Vec<Point>> = Vec::new();
    let mut joined = false;
    for pair in points.windows(2) {
        match clip_segment(pair[0], pair[1], rect) {
            None => joined = false,
            Some((a, b)) => {
                match pieces.last_mut() {
                    Some(piece) if joined => piece.push(b),
                    _ => pieces.push(vec![a, b]),
                }
                joined = b == pair[1];
            }
        }
    }
    pieces
}

/// The part of a polygon inside `rect` (Sutherland and Hodgman 1974).
pub fn clip_polygon(points: &[Point], rect: &Rect) -> Vec<Point> {
    let sides: [&dyn Fn(Point) -> f64; 4] = [
        &|p| p.0 - rect.x0,
        &|p| rect.x1 - p.0,
        &|p| p.1 - rect.y0,
        &|p| rect.y1 - p.1,
    ];
    let mut polygon = points.to_vec();
    for inside in sides {
        let corners = std::mem::take(&mut polygon);
        for (i, b) in corners.iter().enumerate() {
            let a = corners[(i + corners.len() - 1) % corners.len()];
            let (da, db) = (inside(a), inside(*b));
            if (da < 0.0) != (db < 0.0) {
                let t = da / (da - db);
                polygon.push((a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1)));
            }
            if db >= 0.0 {
                polygon.push(*b);
            }
        }
    }
    polygon
}

/// Drops what cannot be seen: first all but the entry, extremes and exit of each half-point column once there are more than
/// 2,000 vertices, then vertices within 0.05 points of the line that replaces them.
pub fn thin(points: &[Point]) -> Vec<Point> {
    if points.len() > 2000 {
        straighten(&by_columns(points))
    } else {
        straighten(points)
    }
}

fn by_columns(points: &[Point]) -> Vec<Point> {
    let mut kept: Vec<Point> = Vec::new();
    for column in points.chunk_by(|a, b| (2.0 * a.0).floor() == (2.0 * b.0).floor()) {
        let extreme = |sign: f64| {
            let height = |i: &usize| sign * column[*i].1;
            (0..column.len()).max_by(|i, j| height(i).total_cmp(&height(j)))
        };
        let mut picked = vec![0, column.len() - 1];
        picked.extend(extreme(1.0));
        picked.extend(extreme(-1.0));
        picked.sort_unstable();
        picked.dedup();
        kept.extend(picked.into_iter().map(|i| column[i]));
    }
    kept
}

/// Greedy: from each kept vertex goes as far as one direction passes all skipped vertices within the tolerance.
fn straighten(points: &[Point]) -> Vec<Point> {
    const TOLERANCE: f64 = 0.05;
    let Some(&first) = points.first() else {
        return Vec::new();
    };
    let mut kept = vec![first];
    let mut anchor = first;
    let mut previous = first;
    let mut reach = 0.0f64;
    let mut cone: Option<(f64, f64, f64)> = None; // reference direction, lowest and highest turn from it
    for &p in &points[1..] {
        let (dx, dy) = (p.0 - anchor.0, p.1 - anchor.1);
        let distance = dx.hypot(dy);
        let half = if distance > TOLERANCE {
            (TOLERANCE / distance).asin()
        } else {
            std::f64::consts::PI
        };
        let direction = dy.atan2(dx);
        let (base, low, high) = cone.unwrap_or((direction, -half, half));
        let turn = (direction - base + std::f64::consts::PI).rem_euclid(std::f64::consts::TAU)
            - std::f64::consts::PI;
        let backwards = distance + TOLERANCE < reach;
        if turn < low || turn > high || backwards {
            kept.push(previous);
            anchor = previous;
            let (dx, dy) = (p.0 - anchor.0, p.1 - anchor.1);
            reach = dx.hypot(dy);
            let half = if reach > TOLERANCE {
                (TOLERANCE / reach).asin()
            } else {
                std::f64::consts::PI
            };
            cone = Some((dy.atan2(dx), -half, half));
        } else {
            reach = reach.max(distance);
            cone = Some((base, low.max(turn - half), high.min(turn + half)));
        }
        previous = p;
    }
    if points.len() > 1 {
        kept.push(previous);
    }
    kept
}

/// The inked pieces of a polyline under a pattern of ink and gap lengths; the polyline itself under an empty pattern.
pub fn dash(points: &[Point], pattern: &[f64]) -> Vec<Vec<Point>> {
    if pattern.is_empty() {
        return vec![points.to_vec()];
    }
    let mut pieces = Vec::new();
    let mut piece: Vec<Point> = points.first().copied().into_iter().collect();
    let (mut index, mut left) = (0, pattern[0]);
    for pair in points.windows(2) {
        let (a, b) = (pair[0], pair[1]);
        let length = (b.0 - a.0).hypot(b.1 - a.1);
        let mut done = 0.0;
        while length - done > left {
            done += left;
            let t = done / length;
            let cut = (a.0 + t * (b.0 - a.0), a.1 + t * (b.1 - a.1));
            if index % 2 == 0 {
                piece.push(cut);
                pieces.push(std::mem::take(&mut piece));
            } else {
                piece = vec![cut];
            }
            index = (index + 1) % pattern.len();
            left = pattern[index];
        }
        left -= length - done;
        if index % 2 == 0 {
            piece.push(b);
        }
    }
    if piece.len() > 1 {
        pieces.push(piece);
    }
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn length(points: &[Point]) -> f64 {
        let step = |w: &[Point]| (w[1].0 - w[0].0).hypot(w[1].1 - w[0].1);
        points.windows(2).map(step).sum()
    }

    fn distance(p: Point, a: Point, b: Point) -> f64 {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let square = dx * dx + dy * dy;
        let t = if square > 0.0 {
            (((p.0 - a.0) * dx + (p.1 - a.1) * dy) / square).clamp(0.0, 1.0)
        } else {
            0.0
        };
        (p.0 - a.0 - t * dx).hypot(p.1 - a.1 - t * dy)
    }

    const PAGE: Rect = Rect {
        x0: 0.0,
        y0: 0.0,
        x1: 100.0,
        y1: 50.0,
    };

    proptest! {
        #[test]
        fn thinned_lines_pass_every_vertex(
            steps in prop::collection::vec((0.0f64..0.6, -0.3f64..0.3), 2..300)
        ) {
            let mut at = (0.0, 0.0);
            let line: Vec<Point> = steps.iter().map(|s| { at = (at.0 + s.0, at.1 + s.1); at }).collect();
            let kept = thin(&line);
            prop_assert!(kept.len() <= line.len());
            prop_assert_eq!(kept[0], line[0]);
            prop_assert_eq!(kept.last(), line.last());
            for p in &line {
                let near = kept.windows(2).map(|w| distance(*p, w[0], w[1])).fold(f64::INFINITY, f64::min);
                prop_assert!(near <= 0.11, "{near}");
            }
        }

        #[test]
        fn clipped_lines_stay_inside(points in prop::collection::vec((-50f64..150.0, -50f64..100.0), 2..20)) {
            for piece in clip_polyline(&points, &PAGE) {
                prop_assert!(piece.iter().all(|p| PAGE.grown(1e-9).holds(*p)));
            }
            prop_assert!(clip_polygon(&points, &PAGE).iter().all(|p| PAGE.grown(1e-9).holds(*p)));
        }

        #[test]
        fn dashes_hold_their_share_of_ink(ends in prop::collection::vec((0f64..400.0, 0f64..400.0), 2..12)) {
            prop_assume!(length(&ends) > 1.0);
            let ink: f64 = dash(&ends, &[5.0, 3.0]).iter().map(|p| length(p)).sum();
            prop_assert!((ink - length(&ends) * 5.0 / 8.0).abs() <= 5.0 * 3.0 / 8.0 + 1e-6);
        }
    }

    #[test]
    fn a_straight_line_thins_to_its_ends_and_noise_to_its_columns() {
        let straight: Vec<Point> = (0..3000)
            .map(|i| (i as f64 * 0.1, i as f64 * 0.05))
            .collect();
        assert_eq!(thin(&straight).len(), 2);
        let noise: Vec<Point> = (0..100_000)
            .map(|i| (i as f64 * 0.004, ((i * 7919) % 101) as f64))
            .collect();
        assert!(thin(&noise).len() <= 4 * 801);
    }
}
