//! Percolation on the Bethe lattice: cluster numbers, giant component, discovery curve, and clusters grown at random.

use super::{ClusterLaw, fraction, root_from_above};
use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::percolation::Element;
use rand_distr::{Binomial, Distribution};
use statrs::function::gamma::ln_gamma;

/// Site or bond percolation at occupation `p` on the infinite regular tree of coordination number `z >= 3`.
///
/// The threshold is `1/(z-1)`; exponents are those of mean field (`tau = 5/2`, `sigma = 1/2`). The laws seen from an occupied site are
/// the same for sites and bonds; per lattice site they differ by a factor `p`.
///
/// Source: M. E. Fisher and J. W. Essam, J. Math. Phys. 2, 609 (1961).
///
/// ```
/// use saddlepoint::percolation::{Element, trees::{Bethe, ClusterLaw}};
/// let tree = Bethe::new(3, 0.3, Element::Bond).unwrap();
/// assert!((tree.cluster_number(2) - 0.108045).abs() < 1e-12);
/// assert!((tree.mean_size() - 3.25).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct Bethe {
    coordination: u32,
    occupation: f64,
    element: Element,
}

impl Bethe {
    /// Percolation of `element` at `0 <= occupation <= 1` on the tree where every site has `coordination >= 3` neighbours.
    ///
    /// # Errors
    /// Input error outside these ranges.
    pub fn new(coordination: u32, occupation: f64, element: Element) -> Result<Self> {
        if coordination < 3 {
            return Err(Error::input(
                "coordination",
                format!("a tree with {coordination} neighbours per site has no threshold below 1"),
                "use at least 3",
            ));
        }
        if !(0.0..=1.0).contains(&occupation) {
            return Err(Error::input(
                "p",
                format!("{occupation} is no probability"),
                "give a number between 0 and 1",
            ));
        }
        Ok(Bethe {
            coordination,
            occupation,
            element,
        })
    }

    /// `p_c = 1/(z - 1)`.
    pub fn threshold(&self) -> f64 {
        1.0 / (f64::from(self.coordination) - 1.0)
    }

    /// Number `z` of neighbours of every site.
    pub fn coordination(&self) -> u32 {
        self.coordination
    }

    /// Occupation probability `p`.
    pub fn occupation(&self) -> f64 {
        self.occupation
    }

    /// What is occupied.
    pub fn element(&self) -> Element {
        self.element
    }

    /// Occupied sites per lattice site: `p` for site, 1 for bond percolation.
    pub fn site_density(&self) -> f64 {
        match self.element {
            Element::Site => self.occupation,
            Element::Bond => 1.0,
        }
    }

    /// `n_s`: finite clusters of `s >= 1` sites per lattice site.
    ///
    /// `n_s = z ((z-1)s)! / (s! ((z-2)s+2)!) p^(s-1) (1-p)^((z-2)s+2)` for bonds, with `p^s` for sites.
    pub fn cluster_number(&self, size: u64) -> f64 {
        let (z, s, p) = (f64::from(self.coordination), size as f64, self.occupation);
        let perimeter = (z - 2.0) * s + 2.0;
        let power = |base_ln: f64, exponent: f64| {
            if exponent == 0.0 {
                0.0
            } else {
                exponent * base_ln
            }
        };
        let animals =
            z.ln() + ln_gamma((z - 1.0) * s + 1.0) - ln_gamma(s + 1.0) - ln_gamma(perimeter + 1.0);
        let bond = animals + power(p.ln(), s - 1.0) + power((-p).ln_1p(), perimeter);
        self.site_density() * bond.exp()
    }

    /// Bound of the relative rounding error of `n_s`: the logarithms of three factorials cancel.
    pub fn rounding(&self, size: u64) -> f64 {
        let reach = (f64::from(self.coordination) - 1.0) * size as f64;
        4.0 * f64::EPSILON * reach * (reach + 2.0).ln()
    }

    /// Probability that a branch entered through one given neighbour is infinite, when a share `seen` of sites counts as infinite:
    /// the largest root of `d = p (1 - (1 - seen)(1 - d)^(z-1))`.
    fn branch(&self, seen: f64) -> f64 {
        let (p, k) = (self.occupation, f64::from(self.coordination) - 1.0);
        if seen == 0.0 && p <= self.threshold() {
            return 0.0;
        }
        root_from_above(|d| {
            let reach = -(k * (-d).ln_1p()).exp_m1();
            let value = p * (seen + (1.0 - seen) * reach);
            let slope = p * (1.0 - seen) * k * ((k - 1.0) * (-d).ln_1p()).exp();
            (value, slope)
        })
    }

    /// `P_inf`: infinite-cluster sites per lattice site, `1 - R^z` for bonds, `p (1 - R^z)` for sites, with `R = 1 - p + p R^(z-1)` the
    /// smallest root.
    pub fn giant(&self) -> f64 {
        self.site_density() * self.infinite()
    }

    /// What is seen of clusters that are cut off at `cap` sites, from an occupied site: exact sums over all sizes. O(cap).
    ///
    /// At the threshold `P(s > cap) ~ 2 A cap^(-1/2)`, `<min(s, cap)> ~ 4 A cap^(1/2)`, `A = z/(z-1) sqrt((z-1)/(2 pi (z-2)))`.
    ///
    /// ```
    /// use saddlepoint::percolation::{Element, trees::Bethe};
    /// let below = Bethe::new(3, 0.3, Element::Bond).unwrap().cut_off(2);
    /// assert!((below.larger - 0.44091).abs() < 1e-12); // 1 - 0.7^3 - 2 * 0.108045
    /// ```
    pub fn cut_off(&self, cap: u64) -> CutOff {
        let (mut smaller, mut mean, mut bound, mut mean_bound) = (0.0, 0.0, 0.0, 0.0);
        for size in (1..=cap).rev() {
            let s = size as f64;
            let weight = self.weight(size);
            let rounding = weight * self.rounding(size);
            smaller += weight;
            mean += s * weight;
            bound += rounding;
            mean_bound += s * rounding;
        }
        let larger = (1.0 - smaller).max(0.0);
        CutOff {
            larger,
            mean_size: mean + cap as f64 * larger,
            bounds: [bound, mean_bound + cap as f64 * bound],
        }
    }

    /// The cluster of one site (occupied, in site percolation), grown breadth first until it dies or has `cap` sites.
    ///
    /// The first site has `Binomial(z, p)` neighbours in the cluster, every other one `Binomial(z-1, p)` further ones. O(size).
    ///
    /// # Errors
    /// Input error for `cap` 0 or above 2^32 - 1.
    pub fn grow(&self, rng: &mut Stream, cap: usize) -> Result<BetheCluster> {
        if cap == 0 || u32::try_from(cap).is_err() {
            return Err(Error::input(
                "cap",
                format!("a cluster cannot be cut at {cap} sites"),
                "give a cap between 1 and 2^32 - 1",
            ));
        }
        let law = |trials: u32| {
            Binomial::new(u64::from(trials), self.occupation)
                .map_err(|e| Error::bug("Bethe::grow", e.to_string()))
        };
        let (first, later) = (law(self.coordination)?, law(self.coordination - 1)?);
        let mut cluster = BetheCluster {
            parents: vec![0],
            truncated: false,
        };
        let mut site = 0;
        while site < cluster.parents.len() {
            let children = if site == 0 { &first } else { &later }.sample(rng) as usize;
            let room = cap - cluster.parents.len();
            cluster.truncated |= children > room;
            let grown = cluster.parents.len() + children.min(room);
            cluster.parents.resize(grown, site as u32);
            if cluster.truncated {
                break;
            }
            site += 1;
        }
        Ok(cluster)
    }
}

/// Clusters of which at most a number of sites, the cap, is seen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CutOff {
    /// `P(s > cap)`: probability that a cluster is cut off.
    pub larger: f64,
    /// `<min(s, cap)>`: mean size, the cap where it is cut off.
    pub mean_size: f64,
    /// Bounds of the rounding errors of these two.
    pub bounds: [f64; 2],
}

/// A cluster grown on the Bethe lattice, sites in breadth-first order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BetheCluster {
    /// Parent of each site, always an earlier one; the first site is its own.
    pub parents: Vec<u32>,
    /// Growth was stopped by the cap: the cluster is larger.
    pub truncated: bool,
}

impl BetheCluster {
    /// Chemical distance of every site from the first one.
    pub fn distances(&self) -> Vec<u32> {
        let mut distance = vec![0; self.parents.len()];
        for (site, &parent) in self.parents.iter().enumerate().skip(1) {
            distance[site] = distance[parent as usize] + 1;
        }
        distance
    }
}

impl ClusterLaw for Bethe {
    fn weight(&self, size: u64) -> f64 {
        let unit = Bethe {
            element: Element::Bond,
            ..*self
        };
        size as f64 * unit.cluster_number(size)
    }

    /// `1 - R^z`.
    fn infinite(&self) -> f64 {
        -(f64::from(self.coordination) * (-self.branch(0.0)).ln_1p()).exp_m1()
    }

    /// `S = 1 + z a / (1 - (z-1) a)`, `a = p R^(z-2)`; below the threshold `(1 + p)/(1 - (z-1) p)`.
    fn mean_size(&self) -> f64 {
        let z = f64::from(self.coordination);
        let passed = self.occupation * ((z - 2.0) * (-self.branch(0.0)).ln_1p()).exp();
        let room = 1.0 - (z - 1.0) * passed;
        if room <= 0.0 {
            return f64::INFINITY;
        }
        1.0 + z * passed / room
    }

    /// `u = x h^z` with the smallest root of `h = 1 - p + p x h^(z-1)`, `x = 1 - phi`.
    fn undiscovered(&self, seen: f64) -> Result<f64> {
        let branch = self.branch(fraction(seen)?);
        Ok((1.0 - seen) * (f64::from(self.coordination) * (-branch).ln_1p()).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    fn bond(z: u32, p: f64) -> Bethe {
        Bethe::new(z, p, Element::Bond).unwrap()
    }

    #[test]
    fn cluster_numbers_have_the_reference_digits() {
        let tree = bond(3, 0.3);
        let reference = [0.343, 0.108_045, 0.045_378_9, 0.022_235_66, 0.012_007_26];
        for (n, s) in reference.iter().zip(1..) {
            assert!((tree.cluster_number(s) - n).abs() < 5e-9, "{s}");
        }
        let sites = Bethe::new(3, 0.3, Element::Site).unwrap();
        assert!((sites.cluster_number(4) - 0.3 * tree.cluster_number(4)).abs() < 1e-16);
        // Critical: s^(3/2) w(s) -> z/(z-1) sqrt((z-1)/(2 pi (z-2))) with corrections of order 1/s.
        let limit = 1.2 * (5.0 / (8.0 * std::f64::consts::PI)).sqrt();
        let amplitude = |s: u64| (s as f64).powf(1.5) * bond(6, 0.2).weight(s);
        assert!((amplitude(1000) - 0.5348).abs() < 5e-5);
        assert!((amplitude(1_000_000) / limit - 1.0).abs() < 2e-6);
        assert!((bond(3, 0.0).cluster_number(1) - 1.0).abs() < 1e-14);
        assert_eq!(bond(3, 1.0).cluster_number(5), 0.0);
    }

    #[test]
    fn moments_have_their_closed_forms() {
        assert!((bond(3, 0.3).mean_size() - 3.25).abs() < 1e-13);
        assert!((bond(4, 0.2).mean_size() - 3.0).abs() < 1e-13);
        assert!((bond(6, 0.15).mean_size() - 4.6).abs() < 1e-13);
        assert_eq!(bond(3, 0.5).mean_size(), f64::INFINITY);
        for p in [0.5 + 1e-9_f64, 0.51, 0.7, 0.99, 1.0] {
            let closed = 1.0 - ((1.0 - p) / p).powi(3);
            let off = (bond(3, p).giant() - closed).abs();
            assert!(off < 2e-15, "{p}: {off}");
            let sites = Bethe::new(3, p, Element::Site).unwrap().giant();
            assert!((sites - p * closed).abs() < 2e-15);
        }
        assert_eq!(bond(3, 0.5).giant(), 0.0);
    }

    /// Below the threshold nothing is lost at a large cap, above it `1 - R^z`; at it the powers of the cap.
    #[test]
    fn a_cap_cuts_off_what_is_larger() {
        let below = bond(3, 0.3).cut_off(2000);
        assert!(below.larger <= below.bounds[0]);
        assert!((below.mean_size - 3.25).abs() < 1e-10);
        let above = bond(3, 0.6).cut_off(2000);
        assert!((above.larger - bond(3, 0.6).infinite()).abs() <= above.bounds[0] + 1e-15);
        assert!(above.bounds[0] < 1e-11);
        let critical = bond(6, 0.2).cut_off(1_000_000);
        let amplitude = 1.2 * (5.0 / (8.0 * std::f64::consts::PI)).sqrt();
        assert!((critical.larger * 1000.0 / (2.0 * amplitude) - 1.0).abs() < 1e-5);
        assert!((critical.mean_size / 1000.0 / (4.0 * amplitude) - 1.0).abs() < 2e-3);
        assert!(critical.bounds[0] < 1e-9 && critical.bounds[1] < 1e-3);
    }

    #[test]
    fn the_discovery_curve_has_the_reference_digits() {
        let seen = [1e-3, 1e-2, 1e-1];
        let critical = [0.941_652_87, 0.825_858_38, 0.532_379_46];
        let below = [0.979_264_94, 0.878_102_01, 0.571_676_6];
        for k in 0..3 {
            assert!((bond(6, 0.2).undiscovered(seen[k]).unwrap() - critical[k]).abs() < 5e-9);
            assert!((bond(6, 0.19).undiscovered(seen[k]).unwrap() - below[k]).abs() < 5e-9);
        }
        // Critical: 1 - u ~ phi^(tau - 2) = phi^(1/2).
        let learned = |phi| 1.0 - bond(6, 0.2).undiscovered(phi).unwrap();
        assert!(((learned(4e-10) / learned(1e-10)).ln() / 4f64.ln() - 0.5).abs() < 1e-4);
    }

    /// Shares of sizes 1 to 5 and of truncated clusters within 4 standard errors of their laws.
    #[test]
    fn grown_clusters_follow_the_law() {
        let (tree, draws, cap) = (bond(6, 0.2), 20_000, 200);
        let mut count = vec![0u32; cap + 1];
        let mut truncated = 0;
        for k in 0..draws {
            let cluster = tree.grow(&mut stream(3, "bethe", &[k]), cap).unwrap();
            assert!(cluster.distances().is_sorted());
            if cluster.truncated {
                assert_eq!(cluster.parents.len(), cap);
                truncated += 1;
            } else {
                count[cluster.parents.len()] += 1;
            }
        }
        let n = draws as f64;
        let check = |seen: u32, law: f64| {
            let sigma = (law * (1.0 - law) / n).sqrt();
            assert!(
                (f64::from(seen) / n - law).abs() < 4.0 * sigma,
                "{seen} {law}"
            );
        };
        for s in 1..=5 {
            check(count[s as usize], tree.weight(s));
        }
        check(
            truncated,
            1.0 - (1..=cap as u64).map(|s| tree.weight(s)).sum::<f64>(),
        );
        assert!(tree.grow(&mut stream(3, "bethe", &[0]), 0).is_err());
        assert!(
            Bethe::new(2, 0.5, Element::Bond).is_err()
                && Bethe::new(3, 1.1, Element::Bond).is_err()
        );
    }
}
