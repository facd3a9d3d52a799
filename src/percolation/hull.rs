//! Outer boundary of a cluster of square-lattice sites: hull and accessible perimeter.

use crate::error::{Error, Result};
use std::collections::HashSet;

/// Most cells of the rectangle around a cluster.
const MAX_CELLS: i64 = 1 << 31;

/// Steps east, north, west, south.
const STEPS: [[i32; 2]; 4] = [[1, 0], [0, 1], [-1, 0], [0, -1]];

/// The hull of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hull {
    /// Corners of the closed walk around the cluster, counter-clockwise; site `(x, y)` is the unit square with lower left corner `(x, y)`.
    /// Their number is the length of the hull in bonds to the outside.
    pub corners: Vec<[i32; 2]>,
    /// Sites touched by the walk, each once, in the order first met.
    pub sites: Vec<[i32; 2]>,
}

/// The walk around a cluster with the cluster on the left hand.
///
/// Sites are joined to their four nearest neighbours; where two sites touch only at a corner the walk passes between them, so it enters
/// every fjord. Sites not joined to the lowest one (leftmost of the lowest row) are left out. Critical clusters have a hull of dimension
/// 7/4. O(sites).
///
/// Source: R. F. Voss, J. Phys. A 17, L373 (1984).
///
/// # Errors
/// Input error for an empty cluster or one whose surrounding rectangle has more than 2^31 cells.
///
/// ```
/// let bar = saddlepoint::percolation::hull::hull(&[[0, 0], [1, 0], [2, 0]]).unwrap();
/// assert_eq!((bar.corners.len(), bar.sites.len()), (8, 3));
/// ```
pub fn hull(cluster: &[[i32; 2]]) -> Result<Hull> {
    let window = Window::around(cluster)?;
    let start = cluster
        .iter()
        .min_by_key(|site| (site[1], site[0]))
        .copied()
        .unwrap_or_default();
    let (mut corner, mut heading) = (start, 0);
    let mut found = Hull {
        corners: Vec::new(),
        sites: Vec::new(),
    };
    let mut met = HashSet::new();
    loop {
        let here = square(corner, heading, Side::Left);
        if met.insert(here) {
            found.sites.push(here);
        }
        corner = add(corner, STEPS[heading]);
        found.corners.push(corner);
        let left = window.occupied(square(corner, heading, Side::Left));
        let right = window.occupied(square(corner, heading, Side::Right));
        heading = match (left, right) {
            (false, _) => (heading + 1) % 4,
            (true, false) => heading,
            (true, true) => (heading + 3) % 4,
        };
        if corner == start && heading == 0 {
            return Ok(found);
        }
    }
}

/// The sites of a cluster that can be reached from outside once narrow gates are closed.
///
/// A gate is an empty site between two cluster sites on opposite sides, or the gap between two cluster sites that touch at a corner:
/// the outside is what nearest-neighbour steps over the other empty sites reach from far away. Accessible sites have a nearest
/// neighbour there. Critical clusters have an accessible perimeter of dimension 4/3. O(cells of the surrounding rectangle).
///
/// Source: T. Grossman and A. Aharony, J. Phys. A 20, L1193 (1987).
///
/// # Errors
/// As for [`hull`].
pub fn accessible_perimeter(cluster: &[[i32; 2]]) -> Result<Vec<[i32; 2]>> {
    let window = Window::around(cluster)?;
    let gate = |site: [i32; 2]| {
        let beside = |k: usize| window.occupied(add(site, STEPS[k]));
        beside(0) && beside(2) || beside(1) && beside(3)
    };
    let mut outside = vec![false; window.cells.len()];
    outside[0] = true;
    let mut open = vec![window.site(0)];
    while let Some(site) = open.pop() {
        for step in STEPS {
            let next = add(site, step);
            if let Some(k) = window.index(next)
                && !outside[k]
                && !window.cells[k]
                && !gate(next)
            {
                outside[k] = true;
                open.push(next);
            }
        }
    }
    let reached = |site| window.index(site).is_some_and(|k| outside[k]);
    Ok((0..window.cells.len())
        .filter(|&k| window.cells[k])
        .map(|k| window.site(k))
        .filter(|&site| STEPS.iter().any(|&step| reached(add(site, step))))
        .collect())
}

/// Side of a step.
#[derive(Clone, Copy)]
enum Side {
    Left,
    Right,
}

/// The unit square beside the step that leaves `corner` towards `heading`.
fn square(corner: [i32; 2], heading: usize, side: Side) -> [i32; 2] {
    // Lower left corners of the squares north-east, north-west, south-west, south-east of the corner.
    const AROUND: [[i32; 2]; 4] = [[0, 0], [-1, 0], [-1, -1], [0, -1]];
    let quadrant = match side {
        Side::Left => heading,
        Side::Right => (heading + 3) % 4,
    };
    add(corner, AROUND[quadrant])
}

fn add(a: [i32; 2], b: [i32; 2]) -> [i32; 2] {
    [a[0] + b[0], a[1] + b[1]]
}

/// The rectangle around a cluster, with an empty margin of one site.
struct Window {
    origin: [i32; 2],
    width: i32,
    cells: Vec<bool>,
}

impl Window {
    fn around(cluster: &[[i32; 2]]) -> Result<Self> {
        let range = |axis: usize| {
            let along = cluster.iter().map(|site| i64::from(site[axis]));
            Some((along.clone().min()? - 1, along.max()? + 1))
        };
        let fits = |(low, high): (i64, i64)| low > i32::MIN.into() && high < i32::MAX.into();
        let (Some(x), Some(y)) = (range(0), range(1)) else {
            return Err(Error::input(
                "cluster",
                "there is no site in it",
                "give at least one site",
            ));
        };
        let (width, height) = (x.1 - x.0 + 1, y.1 - y.0 + 1);
        if !fits(x) || !fits(y) || width.saturating_mul(height) > MAX_CELLS {
            return Err(Error::input(
                "cluster",
                format!("the rectangle around it has {width} x {height} sites"),
                "give one connected cluster",
            ));
        }
        let mut window = Window {
            origin: [x.0 as i32, y.0 as i32],
            width: width as i32,
            cells: vec![false; (width * height) as usize],
        };
        for &site in cluster {
            if let Some(k) = window.index(site) {
                window.cells[k] = true;
            }
        }
        Ok(window)
    }

    fn index(&self, site: [i32; 2]) -> Option<usize> {
        let (x, y) = (site[0] - self.origin[0], site[1] - self.origin[1]);
        let inside = (0..self.width).contains(&x) && y >= 0;
        let k = y as usize * self.width as usize + x as usize;
        (inside && k < self.cells.len()).then_some(k)
    }

    fn site(&self, index: usize) -> [i32; 2] {
        let width = self.width as usize;
        add(
            self.origin,
            [(index % width) as i32, (index / width) as i32],
        )
    }

    fn occupied(&self, site: [i32; 2]) -> bool {
        self.index(site).is_some_and(|k| self.cells[k])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::Element;
    use crate::percolation::geometry::{grow, hypercubic_neighbours};

    /// Sites drawn as `#`, the first row on top.
    fn drawn(rows: &[&str]) -> Vec<[i32; 2]> {
        let mut sites = vec![];
        for (y, row) in rows.iter().rev().enumerate() {
            for (x, c) in row.chars().enumerate() {
                if c == '#' {
                    sites.push([x as i32, y as i32]);
                }
            }
        }
        sites
    }

    fn measures(cluster: &[[i32; 2]]) -> (usize, usize, usize) {
        let hull = hull(cluster).unwrap();
        let accessible = accessible_perimeter(cluster).unwrap();
        (hull.corners.len(), hull.sites.len(), accessible.len())
    }

    #[test]
    fn compact_shapes_have_their_perimeter() {
        assert_eq!(measures(&[[-3, 8]]), (4, 1, 1));
        for n in 2..9i32 {
            let bar: Vec<_> = (0..n).map(|x| [x, 0]).collect();
            let block: Vec<_> = (0..n * n).map(|k| [k % n, k / n]).collect();
            let n = n as usize;
            assert_eq!(measures(&bar), (2 * n + 2, n, n));
            assert_eq!(measures(&block), (4 * n, 4 * n - 4, 4 * n - 4));
        }
    }

    #[test]
    fn gates_close_the_fjord() {
        // A bay behind a channel one site wide: the hull goes in, the accessible perimeter does not.
        let bay = drawn(&[
            "###.###", "###.###", "##...##", "##...##", "##...##", "#######", "#######",
        ]);
        assert_eq!(measures(&bay), (28 - 1 + 4 + 12 - 1, 23 + 11, 23));
        // The same with a channel two sites wide: all of the hull is accessible.
        let wide = drawn(&["##..##", "##..##", "#....#", "#....#", "######"]);
        let (_, sites, accessible) = measures(&wide);
        assert_eq!(sites, accessible);
        // Lakes joined to the outside and to each other across corners: the hull enters, the accessible perimeter does not.
        let corner = drawn(&["###.", "#.#.", "##.#", ".###"]);
        let outside = accessible_perimeter(&corner).unwrap();
        assert_eq!(hull(&corner).unwrap().corners.len(), 16 + 4 + 4);
        assert!(hull(&corner).unwrap().sites.contains(&[1, 1]) && !outside.contains(&[1, 1]));
        // A closed lake belongs to neither.
        assert_eq!(measures(&drawn(&["###", "#.#", "###"])), (12, 8, 8));
        assert!(hull(&[]).is_err() && hull(&[[0, 0], [1 << 30, 1 << 30]]).is_err());
        assert!(accessible_perimeter(&[[i32::MAX, 0]]).is_err());
    }

    /// Random clusters: the walk counts the bonds to the outside found by flooding over corners, encloses everything but that outside,
    /// and touches every accessible site.
    #[test]
    fn the_walk_agrees_with_flooding() {
        for k in 0..60 {
            let mut rng = stream(8, "hull", &[k]);
            let p = 0.55 + 0.002 * k as f64;
            let cluster = grow(
                [0, 0],
                hypercubic_neighbours,
                p,
                Element::Site,
                &mut rng,
                300,
            )
            .unwrap()
            .sites;
            let window = Window::around(&cluster).unwrap();
            let mut outside = HashSet::from([window.site(0)]);
            let mut open = vec![window.site(0)];
            while let Some(site) = open.pop() {
                for near in (0..9).map(|d| add(site, [d % 3 - 1, d / 3 - 1])) {
                    let inside = window.index(near).is_some() && !window.occupied(near);
                    if inside && outside.insert(near) {
                        open.push(near);
                    }
                }
            }
            let touching = |site: &[i32; 2]| {
                STEPS
                    .iter()
                    .filter(|&&step| outside.contains(&add(*site, step)))
                    .count()
            };
            let hull = hull(&cluster).unwrap();
            assert_eq!(
                hull.corners.len(),
                cluster.iter().map(touching).sum::<usize>()
            );
            let met: HashSet<_> = hull.sites.iter().copied().collect();
            assert!(cluster.iter().all(|s| met.contains(s) == (touching(s) > 0)));
            let n = hull.corners.len();
            let area: i64 = (0..n)
                .map(|i| (hull.corners[i], hull.corners[(i + 1) % n]))
                .map(|(a, b)| i64::from(a[0]) * i64::from(b[1]) - i64::from(a[1]) * i64::from(b[0]))
                .sum();
            assert_eq!(area / 2, (window.cells.len() - outside.len()) as i64);
            let accessible = accessible_perimeter(&cluster).unwrap();
            assert!(accessible.iter().all(|s| met.contains(s)));
        }
    }
}
