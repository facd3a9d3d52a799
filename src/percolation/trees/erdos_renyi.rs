//! The Erdos-Renyi random graph: Borel law, giant component, discovery curve, and uniform graphs drawn edge by edge.

use super::{ClusterLaw, fraction, root_from_above};
use crate::error::{Error, Result};
use crate::numerics::lambert::w0;
use crate::numerics::random::Stream;
use statrs::function::gamma::ln_gamma;

/// Components of the infinite random graph of mean degree `c` (`N -> inf` vertices, `c N / 2` edges); threshold `c = 1`.
///
/// Source: P. Erdos and A. Renyi (1960); E. Borel, C. R. Acad. Sci. 214, 452 (1942).
///
/// ```
/// use saddlepoint::percolation::trees::{ClusterLaw, ErdosRenyi};
/// let graph = ErdosRenyi::new(2.0).unwrap();
/// assert!((graph.infinite() - 0.7968121300).abs() < 1e-10);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ErdosRenyi {
    degree: f64,
}

impl ErdosRenyi {
    /// The graph of mean degree `degree > 0`.
    ///
    /// # Errors
    /// Input error for a degree that is not positive and finite.
    pub fn new(degree: f64) -> Result<Self> {
        if degree > 0.0 && degree.is_finite() {
            return Ok(ErdosRenyi { degree });
        }
        Err(Error::input(
            "mean degree",
            format!("no random graph has mean degree {degree}"),
            "give a positive number",
        ))
    }

    /// Mean degree `c`.
    pub fn degree(&self) -> f64 {
        self.degree
    }
}

impl ClusterLaw for ErdosRenyi {
    /// Borel law `w(s) = e^(-cs) (cs)^(s-1) / s!`.
    fn weight(&self, size: u64) -> f64 {
        let (c, s) = (self.degree, size as f64);
        (-c * s + (s - 1.0) * (c * s).ln() - ln_gamma(s + 1.0)).exp()
    }

    /// The largest root of `S = 1 - e^(-cS)`.
    fn infinite(&self) -> f64 {
        let c = self.degree;
        if c <= 1.0 {
            return 0.0;
        }
        root_from_above(|d| (-(-c * d).exp_m1(), c * (-c * d).exp()))
    }

    /// `1/(1 - c (1 - S))`.
    fn mean_size(&self) -> f64 {
        let room = 1.0 - self.degree * (1.0 - self.infinite());
        if room <= 0.0 {
            return f64::INFINITY;
        }
        1.0 / room
    }

    /// `u = -W_0(-c (1 - phi) e^(-c)) / c`.
    fn undiscovered(&self, seen: f64) -> Result<f64> {
        let c = self.degree;
        Ok(-w0(-c * (1.0 - fraction(seen)?) * (-c).exp()) / c)
    }
}

/// A graph drawn uniformly from those with `vertices` vertices and `edges` distinct edges, as pairs `(i, j)` with `i < j` in random order.
///
/// The first `m` edges of the sequence are a uniform graph with `m` edges: adding them one by one is the random graph process. O(edges).
///
/// # Errors
/// Input error for more than `n (n-1)/2` edges or more than 2^31 - 1 vertices.
pub fn uniform_graph(vertices: usize, edges: usize, rng: &mut Stream) -> Result<Vec<(u32, u32)>> {
    if vertices > i32::MAX as usize {
        return Err(Error::input(
            "vertices",
            format!("{vertices} vertices do not fit their 31-bit labels"),
            "use at most 2^31 - 1",
        ));
    }
    let pairs = vertices * vertices.saturating_sub(1) / 2;
    if edges > pairs {
        return Err(Error::input(
            "edges",
            format!("{vertices} vertices have only {pairs} pairs, fewer than {edges} edges"),
            "ask for fewer edges",
        ));
    }
    let chosen = rand::seq::index::sample(rng, pairs, edges);
    Ok(chosen.iter().map(pair).collect())
}

/// The `k`-th pair `(i, j)`, `i < j`, counted by `k = j (j-1)/2 + i`.
fn pair(k: usize) -> (u32, u32) {
    let mut j = (0.5 * (1.0 + (1.0 + 8.0 * k as f64).sqrt())) as usize;
    while j * (j - 1) / 2 > k {
        j -= 1;
    }
    while j * (j + 1) / 2 <= k {
        j += 1;
    }
    ((k - j * (j - 1) / 2) as u32, j as u32)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    fn graph(degree: f64) -> ErdosRenyi {
        ErdosRenyi::new(degree).unwrap()
    }

    #[test]
    fn borel_and_giant_have_the_reference_digits() {
        let critical = graph(1.0);
        for (s, w, digits) in [
            (1, 0.367_879_44, 5e-9),
            (2, 0.135_335_28, 5e-9),
            (5, 0.035_093_47, 5e-9),
            (10, 0.012_511, 5e-7),
            (100, 0.000_398_61, 5e-9),
        ] {
            assert!((critical.weight(s) - w).abs() < digits, "{s}");
        }
        let amplitude = 1e9 * critical.weight(1_000_000) * (2.0 * std::f64::consts::PI).sqrt();
        assert!((amplitude - 1.0).abs() < 1e-6);
        assert!((graph(1.5).infinite() - 0.582_811_643_9).abs() < 5e-11);
        assert!((graph(2.0).infinite() - 0.796_812_130_0).abs() < 5e-11);
        assert_eq!(
            (critical.infinite(), critical.mean_size()),
            (0.0, f64::INFINITY)
        );
        // Just above: S = 2 (c - 1) - (8/3) (c-1)^2 + ...
        assert!((graph(1.0 + 1e-6).infinite() / 2e-6 - 1.0).abs() < 2e-6);
    }

    #[test]
    fn the_discovery_curve_has_the_reference_digits() {
        for (c, seen, u) in [
            (1.0, 1e-3, 0.955_931_95),
            (1.0, 1e-2, 0.864_842_72),
            (1.0, 1e-1, 0.608_341_28),
            (0.9, 1e-3, 0.990_453_59),
            (0.9, 1e-2, 0.927_287_7),
            (0.9, 1e-1, 0.666_841_04),
        ] {
            assert!(
                (graph(c).undiscovered(seen).unwrap() - u).abs() < 5e-9,
                "{c} {seen}"
            );
        }
        // Above the threshold everything but the giant component is undiscovered at first.
        let hidden = graph(1.5).undiscovered(0.0).unwrap();
        assert!((hidden + graph(1.5).infinite() - 1.0).abs() < 1e-14);
    }

    #[test]
    fn pairs_are_numbered_without_gap() {
        let mut k = 0;
        for j in 1..50 {
            for i in 0..j {
                assert_eq!(pair(k), (i, j));
                k += 1;
            }
        }
        let j = i32::MAX as usize;
        assert_eq!(pair(j * (j - 1) / 2), (0, j as u32));
        assert_eq!(pair(j * (j - 1) / 2 - 1), (j as u32 - 2, j as u32 - 1));
    }

    /// All 20 graphs with 3 of the 6 edges of 4 vertices are equally frequent (chi-square below its 99.9 % point at 19).
    #[test]
    fn graphs_are_uniform() {
        let mut count = std::collections::BTreeMap::<Vec<(u32, u32)>, u32>::new();
        for k in 0..4000 {
            let mut edges = uniform_graph(4, 3, &mut stream(5, "graph", &[k])).unwrap();
            edges.sort_unstable();
            *count.entry(edges).or_default() += 1;
        }
        assert_eq!(count.len(), 20);
        let chi2: f64 = count
            .values()
            .map(|&c| (f64::from(c) - 200.0).powi(2) / 200.0)
            .sum();
        assert!(chi2 < 43.82, "{chi2}");
        assert!(uniform_graph(4, 7, &mut stream(5, "graph", &[0])).is_err());
        assert!(
            uniform_graph(0, 0, &mut stream(5, "graph", &[0]))
                .unwrap()
                .is_empty()
        );
    }
}
