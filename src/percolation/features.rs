//! Targets on the points of clusters: a walk along each cluster, and its context, components and surface.
//!
//! The names *context*, *component* and *surface* are those of A. Brill 2025 (arXiv:2504.20197) for features that a network may learn of
//! percolation clusters; the definitions on a lattice are chosen here.

use super::geometry::ClusterPoints;
use crate::numerics::normal;
use crate::numerics::random::Stream;
use nalgebra::DMatrix;

/// A target that is smooth within a cluster and independent between clusters: with `l` the chemical distance of a point from the root
/// of its cluster and `L` the mean of `l` over the cluster,
///
/// `y = (offset + sum of increments along the breadth-first tree from the root) / sqrt(1 + l/L)`,
///
/// offset `~ N(0, 1)`, increments `~ N(0, 1/L)`: mean 0 and variance 1 at every point, whatever the cluster; a parent and its child have
/// the correlation `sqrt((1 + l/L)/(1 + (l + 1)/L))`.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::{features, geometry::{ClusterPoints, Occupied}, graph::Graph};
/// let pair = Graph::parse("0 1", None)?;
/// let mut rng = stream(1, "walk", &[]);
/// let points = ClusterPoints::new(&Occupied::new(&pair, None, None)?, 1, &mut rng);
/// // L = 1/2: the correlation of the two is 1/sqrt(3).
/// let draws: Vec<Vec<f64>> = (0..4000).map(|_| features::walk(&points, &mut rng)).collect();
/// let correlation = draws.iter().map(|y| y[0] * y[1]).sum::<f64>() / 4000.0;
/// assert!((correlation - 1.0 / 3f64.sqrt()).abs() < 0.08);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn walk(points: &ClusterPoints, rng: &mut Stream) -> Vec<f64> {
    let mut y = vec![0.0; points.len()];
    normal::fill(rng, &mut y);
    for range in points.ranges() {
        let sum: u64 = points.distance[range.clone()]
            .iter()
            .map(|&l| u64::from(l))
            .sum();
        let mean = sum as f64 / range.len() as f64;
        // Parents come first.
        for k in range.clone().skip(1) {
            y[k] = y[points.parent[k] as usize] + y[k] / mean.sqrt();
        }
        for k in range.skip(1) {
            y[k] /= (1.0 + f64::from(points.distance[k]) / mean).sqrt();
        }
    }
    y
}

/// Context: which of the `largest` largest clusters a point is in, `largest x points`, one-hot; zero in all others.
pub fn context(points: &ClusterPoints, largest: usize) -> DMatrix<f64> {
    DMatrix::from_fn(largest, points.len(), |row, k| {
        f64::from(u8::from(points.cluster[k] as usize == row))
    })
}

/// Component: how far along its own cluster a point is, the chemical distance from the root minus its mean over the cluster, divided by its
/// standard deviation there; 0 in clusters of one point.
pub fn component(points: &ClusterPoints) -> Vec<f64> {
    let mut y: Vec<f64> = points.distance.iter().map(|&l| f64::from(l)).collect();
    for range in points.ranges() {
        standardise(&mut y[range]);
    }
    y
}

/// Surface: the share of a point's surroundings that is empty, [`ClusterPoints::surface`].
pub fn surface(points: &ClusterPoints) -> Vec<f64> {
    points.surface.clone()
}

/// Shifts to mean 0 and scales to variance 1; equal values become 0.
fn standardise(values: &mut [f64]) {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let square = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
    let scale = if square > 0.0 {
        (square / count).sqrt()
    } else {
        1.0
    };
    values.iter_mut().for_each(|v| *v = (*v - mean) / scale);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::geometry::Occupied;
    use crate::percolation::graph::Graph;

    /// A path of five sites, a pair, and a lone site.
    fn points() -> ClusterPoints {
        let graph = Graph::parse("0 1\n1 2\n2 3\n3 4\n5 6", Some(8)).unwrap();
        let part = Occupied::new(&graph, None, None).unwrap();
        ClusterPoints::new(&part, 1, &mut stream(2, "points", &[]))
    }

    #[test]
    fn the_walk_has_unit_variance_everywhere_and_no_correlation_between_clusters() {
        let (points, mut rng) = (points(), stream(1, "walk", &[]));
        let draws = 20_000;
        let mut second = DMatrix::zeros(8, 8);
        for _ in 0..draws {
            let y = nalgebra::DVector::from_vec(walk(&points, &mut rng));
            second.ger(1.0 / f64::from(draws), &y, &y, 1.0);
        }
        // Five standard errors of a variance, sqrt(2/draws) each.
        let tolerance = 5.0 * (2.0 / f64::from(draws)).sqrt();
        for k in 0..8 {
            assert!((second[(k, k)] - 1.0).abs() < tolerance);
            for j in (0..8).filter(|&j| points.cluster[j] != points.cluster[k]) {
                assert!(second[(k, j)].abs() < tolerance);
            }
            let parent = points.parent[k] as usize;
            if parent != k {
                let range = points.ranges().nth(points.cluster[k] as usize).unwrap();
                let size = range.len() as f64;
                let lengths = points.distance[range].iter().map(|&l| f64::from(l));
                let mean = lengths.sum::<f64>() / size;
                let l = f64::from(points.distance[parent]);
                let expected = ((1.0 + l / mean) / (1.0 + (l + 1.0) / mean)).sqrt();
                assert!((second[(k, parent)] - expected).abs() < tolerance);
            }
        }
    }

    #[test]
    fn labels_are_standardised_where_they_say_so() {
        let points = points();
        let y = component(&points);
        for range in points.ranges() {
            let part = &y[range.clone()];
            assert!(part.iter().sum::<f64>().abs() < 1e-12);
            let square: f64 = part.iter().map(|y| y * y).sum();
            let expected = if range.len() > 1 { range.len() } else { 0 };
            assert!((square - expected as f64).abs() < 1e-12);
        }
        let context = context(&points, 2);
        assert_eq!(context.row(0).sum(), 5.0);
        assert_eq!(context.column(5).as_slice(), [0.0, 1.0]);
        assert_eq!(context.column(7).as_slice(), [0.0, 0.0]);
        // Every bond of the lattice counts.
        assert_eq!(surface(&points), [0.0; 8]);
    }
}
