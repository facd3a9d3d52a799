//! Clusters of random sites on trees and random graphs, counted by size.

use super::{Bethe, ClusterLaw, ErdosRenyi, uniform_graph};
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use crate::percolation::{Element, Forest};
use rand::RngExt;
use std::collections::BTreeMap;

/// Sites grown or edges drawn per second, for estimates.
const RATE: f64 = 3e7;

/// Largest cap: the exact prediction sums over all sizes up to it.
const MOST_SITES: usize = 10_000_000;

/// Which clusters are looked at in one draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Growth {
    /// Clusters of random sites of the Bethe lattice, grown one by one.
    Bethe {
        /// The lattice at its occupation.
        lattice: Bethe,
        /// Sites whose clusters are grown.
        clusters: usize,
        /// A cluster of more sites is cut off, and counts as infinite.
        cap: usize,
    },
    /// All components of one random graph.
    ErdosRenyi {
        /// The law of the infinite graph, of the same mean degree.
        graph: ErdosRenyi,
        /// Number `N` of vertices.
        vertices: usize,
    },
}

/// The sites that were looked at, by the size of their cluster.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Census {
    /// Sites that were looked at, empty ones of site percolation included.
    pub sites: u64,
    /// Those that belong to a cluster.
    pub members: u64,
    /// Members whose cluster was cut off; in a graph, those of the largest cluster.
    pub infinite: u64,
    /// Sum over the members of the size of their cluster, the cap where it was cut off.
    pub size_sum: f64,
    /// Members by the size of their cluster; without the clusters that were cut off.
    pub by_size: BTreeMap<u64, u64>,
}

impl Growth {
    /// Checks numbers that come from outside.
    ///
    /// # Errors
    /// `Input` for no clusters, no vertices, a cap outside `1 ..= 10^7`, or more edges than pairs.
    pub fn check(&self) -> Result<()> {
        let wrong =
            |place: &str, cause: String, remedy: &str| Err(Error::input(place, cause, remedy));
        match *self {
            Growth::Bethe { clusters: 0, .. } => {
                wrong("clusters", "none is grown".into(), "use at least 1")
            }
            Growth::Bethe { cap, .. } if !(1..=MOST_SITES).contains(&cap) => wrong(
                "cap",
                format!("a cluster cannot be cut off at {cap} sites"),
                "use between 1 and 10000000",
            ),
            Growth::ErdosRenyi { vertices, .. } if !(2..=i32::MAX as usize).contains(&vertices) => {
                wrong(
                    "vertices",
                    format!("no random graph of {vertices} vertices"),
                    "use between 2 and 2147483647",
                )
            }
            Growth::ErdosRenyi { graph, vertices }
                if edges(graph, vertices) > vertices * (vertices - 1) / 2 =>
            {
                wrong(
                    "degree",
                    format!("{} among {vertices} vertices", graph.degree()),
                    "use a mean degree below the number of vertices",
                )
            }
            _ => Ok(()),
        }
    }

    /// Looks at the clusters of one draw.
    ///
    /// Bethe lattice: `clusters` times a random site (in site percolation empty with probability `1 - p`) and, where it is occupied, its whole cluster.
    /// Random graph: the first `c N / 2` edges (rounded) of the random graph process, one uniform among the pairs not yet joined at a time, and all components.
    ///
    /// # Errors
    /// As for [`Bethe::grow`] and [`uniform_graph`]; `Interrupted` when the user asked to stop.
    ///
    /// ```
    /// use saddlepoint::numerics::random::stream;
    /// use saddlepoint::percolation::{Element, trees::{Bethe, Growth}};
    /// let lattice = Bethe::new(3, 0.3, Element::Bond)?;
    /// let census = Growth::Bethe { lattice, clusters: 20_000, cap: 1000 }.census(&mut stream(1, "growth", &[]))?;
    /// assert!((census.mean_size() - 3.25).abs() < 0.15);
    /// # Ok::<(), saddlepoint::Error>(())
    /// ```
    pub fn census(&self, rng: &mut Stream) -> Result<Census> {
        match *self {
            Growth::Bethe {
                lattice,
                clusters,
                cap,
            } => grown(lattice, clusters, cap, rng),
            Growth::ErdosRenyi { graph, vertices } => {
                components(vertices, edges(graph, vertices), rng)
            }
        }
    }

    /// Most sites that a cluster of known size can have: the cap, or all vertices.
    pub fn largest(&self) -> usize {
        match *self {
            Growth::Bethe { cap, .. } => cap,
            Growth::ErdosRenyi { vertices, .. } => vertices,
        }
    }

    /// Peak memory of one draw.
    pub fn bytes(&self) -> u64 {
        match *self {
            Growth::Bethe { cap, .. } => 8 * cap as u64,
            Growth::ErdosRenyi { graph, vertices } => {
                // Chosen pairs, the set of those already chosen, end points; the forest.
                64 * edges(graph, vertices) as u64 + 4 * vertices as u64
            }
        }
    }

    /// Seconds of one draw on one core.
    pub fn seconds(&self) -> f64 {
        let work = match *self {
            Growth::Bethe {
                lattice,
                clusters,
                cap,
            } => {
                let cap = cap as f64;
                // At the threshold at most 3.4 sqrt(cap), see Bethe::cut_off.
                let finite = lattice.mean_size().min(4.0 * cap.sqrt());
                let infinite = lattice.infinite();
                clusters as f64 * (infinite * cap + (1.0 - infinite) * finite)
            }
            Growth::ErdosRenyi { graph, vertices } => {
                3.0 * (vertices + edges(graph, vertices)) as f64
            }
        };
        work / RATE
    }
}

/// `c N / 2`, rounded.
fn edges(graph: ErdosRenyi, vertices: usize) -> usize {
    (0.5 * graph.degree() * vertices as f64).round() as usize
}

fn grown(lattice: Bethe, clusters: usize, cap: usize, rng: &mut Stream) -> Result<Census> {
    let mut census = Census {
        sites: clusters as u64,
        ..Census::default()
    };
    for _ in 0..clusters {
        interrupt::check()?;
        if lattice.element() == Element::Site && !rng.random_bool(lattice.occupation()) {
            continue;
        }
        let cluster = lattice.grow(rng, cap)?;
        census.members += 1;
        census.size_sum += cluster.parents.len() as f64;
        match cluster.truncated {
            true => census.infinite += 1,
            false => {
                *census
                    .by_size
                    .entry(cluster.parents.len() as u64)
                    .or_default() += 1
            }
        }
    }
    Ok(census)
}

fn components(vertices: usize, edges: usize, rng: &mut Stream) -> Result<Census> {
    interrupt::check()?;
    let mut forest = Forest::new(vertices, false);
    forest.reset(true);
    for (i, j) in uniform_graph(vertices, edges, rng)? {
        forest.join(i as usize, j as usize);
    }
    let mut census = Census {
        sites: vertices as u64,
        members: vertices as u64,
        ..Census::default()
    };
    for size in forest.sizes().map(u64::from) {
        census.infinite = census.infinite.max(size);
        census.size_sum += size as f64 * size as f64;
        *census.by_size.entry(size).or_default() += size;
    }
    Ok(census)
}

impl Census {
    /// `s n_s`: share of all sites that belong to a cluster of `size` sites.
    pub fn weight(&self, size: u64) -> f64 {
        self.by_size.get(&size).copied().unwrap_or(0) as f64 / self.sites as f64
    }

    /// Share of all sites in clusters that were cut off, or in the largest one of a graph.
    pub fn infinite_share(&self) -> f64 {
        self.infinite as f64 / self.sites as f64
    }

    /// Mean size of a member's cluster, the cap where it was cut off; not-a-number without members.
    pub fn mean_size(&self) -> f64 {
        self.size_sum / self.members as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    /// Every site that was looked at is empty, in a finite cluster, or in one that was cut off.
    #[test]
    fn sites_are_counted_once() {
        let lattice = Bethe::new(4, 0.4, Element::Site).unwrap();
        let growth = Growth::Bethe {
            lattice,
            clusters: 5000,
            cap: 50,
        };
        let census = growth.census(&mut stream(3, "growth", &[])).unwrap();
        assert_eq!(census.sites, 5000);
        assert_eq!(
            census.by_size.values().sum::<u64>() + census.infinite,
            census.members
        );
        assert!(census.by_size.keys().all(|&s| s <= 50));
        // Occupied sites: binomial, 5 standard errors.
        assert!((census.members as f64 - 2000.0).abs() < 5.0 * 34.7);
        let graph = ErdosRenyi::new(1.5).unwrap();
        let vertices = 4000;
        let growth = Growth::ErdosRenyi { graph, vertices };
        let census = growth.census(&mut stream(3, "growth", &[])).unwrap();
        assert_eq!(census.by_size.values().sum::<u64>(), 4000);
        assert_eq!(census.by_size.keys().last(), Some(&census.infinite));
    }

    /// Shares of all sites are those of the law, for both elements, below, at and above the threshold (chi-square below its 99.9 % point).
    #[test]
    fn grown_clusters_follow_the_law() {
        let clusters = 20_000;
        for (p, element) in [
            (0.3, Element::Bond),
            (0.5, Element::Site),
            (0.7, Element::Bond),
        ] {
            let lattice = Bethe::new(3, p, element).unwrap();
            let growth = Growth::Bethe {
                lattice,
                clusters,
                cap: 6,
            };
            let census = growth.census(&mut stream(7, "growth", &[])).unwrap();
            let mut expected: Vec<f64> = (1..=6)
                .map(|s| s as f64 * lattice.cluster_number(s))
                .collect();
            let mut counted: Vec<f64> = (1..=6).map(|s| census.weight(s)).collect();
            let members = census.members as f64 / clusters as f64;
            let density = if element == Element::Site { p } else { 1.0 };
            expected.push(density - expected.iter().sum::<f64>());
            counted.push(members - counted.iter().sum::<f64>());
            assert!((counted[6] - census.infinite_share()).abs() < 1e-12);
            let mut chi2 = 0.0;
            for (c, e) in counted.iter().zip(&expected) {
                chi2 += clusters as f64 * (c - e).powi(2) / e;
            }
            if element == Element::Site {
                chi2 += clusters as f64 * (density - members).powi(2) / (1.0 - density);
            }
            // 6 degrees of freedom for bonds, 7 for sites.
            assert!(chi2 < 24.32, "{p} {element:?}: {chi2}");
        }
    }

    /// One graph of 200,000 vertices: isolated vertices and pairs, mean size below, giant component above the threshold (self-averaging to
    /// a few N^(-1/2)).
    #[test]
    fn components_follow_the_borel_law() {
        let vertices = 200_000;
        let census = |degree: f64| {
            let graph = ErdosRenyi::new(degree).unwrap();
            let growth = Growth::ErdosRenyi { graph, vertices };
            (graph, growth.census(&mut stream(5, "growth", &[])).unwrap())
        };
        for degree in [0.5, 2.0] {
            let (law, census) = census(degree);
            for s in 1..=4 {
                // Sites of one cluster come together: variance below s w(s) / N.
                let error = (s as f64 * law.weight(s) / vertices as f64).sqrt();
                let off = census.weight(s) - law.weight(s);
                assert!(off.abs() < 4.0 * error, "{degree} {s}: {off} {error}");
            }
        }
        assert!((census(0.5).1.mean_size() / 2.0 - 1.0).abs() < 0.02);
        assert!((census(2.0).1.infinite_share() - 0.796_812_13).abs() < 0.006);
    }

    #[test]
    fn wrong_numbers_are_named() {
        let lattice = Bethe::new(3, 0.3, Element::Bond).unwrap();
        let graph = ErdosRenyi::new(5.0).unwrap();
        let bethe = |clusters, cap| Growth::Bethe {
            lattice,
            clusters,
            cap,
        };
        for (growth, place) in [
            (bethe(0, 10), "clusters"),
            (bethe(1, 0), "cap"),
            (bethe(1, 20_000_000), "cap"),
            (Growth::ErdosRenyi { graph, vertices: 1 }, "vertices"),
            (Growth::ErdosRenyi { graph, vertices: 5 }, "degree"),
        ] {
            let error = growth.check().unwrap_err().to_string();
            assert!(error.starts_with(place), "{error}");
        }
        assert!(Growth::ErdosRenyi { graph, vertices: 6 }.check().is_ok());
    }
}
