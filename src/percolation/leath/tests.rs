//! Laws of grown clusters: the line, lattice animals, tori, exact thresholds.

use super::*;
use crate::numerics::random::stream;
use crate::numerics::statistics::mean_stderr;
use crate::percolation::{Boundary, Setting};
use std::collections::HashSet;

fn grown(
    name: &str,
    d: usize,
    element: Element,
    p: f64,
    doublings: u32,
    clusters: usize,
) -> Survival {
    let crystal = Crystal::named(name, d).unwrap();
    let leath = Leath::new(crystal, element, p, doublings, clusters).unwrap();
    leath.grow(&mut stream(5, "leath", &[])).unwrap()
}

/// `|measured - exact|` in standard errors of a share of `n`.
fn z(measured: f64, exact: f64, n: usize) -> f64 {
    (measured - exact).abs() / (exact * (1.0 - exact) / n as f64).sqrt()
}

#[test]
fn on_the_line_sizes_follow_their_law() {
    let (p, n) = (0.7f64, 40_000);
    for element in [Element::Site, Element::Bond] {
        let survival = grown("hypercubic", 1, element, p, 3, n);
        for k in 1..=3 {
            // The first site and m - 1 further ones, m ways of having it among them, and two ends.
            let smaller = (1..1 << k).map(|m| m as f64 * p.powi(m - 1) * (1.0 - p).powi(2));
            let exact = 1.0 - smaller.sum::<f64>();
            assert!(
                z(survival.at(k as usize, p), exact, n) < 3.5,
                "{element:?} {k}"
            );
        }
    }
}

#[test]
fn reweighting_gives_other_occupations() {
    let square = Crystal::named("hypercubic", 2).unwrap();
    let leath = Leath::new(square, Element::Site, 0.5, 2, 2000).unwrap();
    let all: Vec<Survival> = (0..40)
        .map(|k| leath.grow(&mut stream(5, "leath", &[k])).unwrap())
        .collect();
    let at = |p: f64| {
        let shares: Vec<f64> = all.iter().map(|s| s.at(2, p)).collect();
        let (mean, error) = mean_stderr(&shares);
        (mean, error.unwrap())
    };
    // Lattice animals of one, two and three sites on the square lattice: p^(s-1) q^t, s times their number per site.
    let exact = |p: f64| {
        let q = 1.0 - p;
        1.0 - q.powi(4) - 4.0 * p * q.powi(6) - 3.0 * p * p * (2.0 * q.powi(8) + 4.0 * q.powi(7))
    };
    let grown = at(0.5).0;
    for p in [0.5, 0.55, 0.45] {
        let (mean, error) = at(p);
        assert!((mean - exact(p)).abs() < 3.5 * error, "{p}: {mean} {error}");
        assert!(p == 0.5 || (grown - exact(p)).abs() > 10.0 * error, "{p}");
    }
}

#[test]
fn every_crystal_has_the_clusters_of_its_torus() {
    let (p, n) = (0.25, 4000);
    for name in crate::percolation::NAMES {
        let d = Crystal::usual_dimension(name);
        for element in [Element::Site, Element::Bond] {
            let grown = grown(name, d, element, p, 2, n).at(2, p);
            let setting = Setting {
                lattice: name.to_string(),
                dimension: d,
                sides: vec![if d == 2 { 48 } else { 14 }; d],
                element,
                boundary: Boundary::Torus,
                sweeps: 1,
                graph: None,
            };
            // Shares of configurations, whose sites are correlated: the scatter between them is the error.
            let shares: Vec<f64> = (0..12)
                .map(|k| {
                    let sizes = setting
                        .configuration(p, &mut stream(6, name, &[k]))
                        .unwrap();
                    let members = sizes.iter().filter(|s| **s > 0).count();
                    sizes.iter().filter(|s| **s >= 4).count() as f64 / members as f64
                })
                .collect();
            let mean = shares.iter().sum::<f64>() / 12.0;
            let scatter = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (12.0 * 11.0);
            let error = (scatter + mean * (1.0 - mean) / n as f64).sqrt();
            assert!(
                (grown - mean).abs() < 3.5 * error,
                "{name} {element:?}: {grown} {mean} {error}"
            );
        }
    }
}

#[test]
fn the_threshold_does_not_depend_on_where_clusters_are_grown() {
    // Bonds in four dimensions.
    let known = crate::percolation::thresholds::threshold("hypercubic", 4, Element::Bond).unwrap();
    let estimate = |p: f64| {
        let estimates: Vec<f64> = (0..10)
            .map(|k| {
                let crystal = Crystal::named("hypercubic", 4).unwrap();
                let leath = Leath::new(crystal, Element::Bond, p, 10, 8000).unwrap();
                let survival = leath
                    .grow(&mut stream(7, "leath", &[k, (p * 1e6) as u64]))
                    .unwrap();
                survival.threshold(10, 3).unwrap()
            })
            .collect();
        let mean = estimates.iter().sum::<f64>() / 10.0;
        let scatter = estimates.iter().map(|e| (e - mean).powi(2)).sum::<f64>();
        (mean, (scatter / 90.0).sqrt())
    };
    let [below, at, above] = [0.995, 1.0, 1.005].map(|f| estimate(f * known.value));
    for (mean, error) in [below, above] {
        let together = (error.powi(2) + at.1.powi(2)).sqrt();
        // The starts differ by .0008: an estimate that followed them would be seen.
        assert!(together < 4e-4, "{together}");
        assert!(
            (mean - at.0).abs() < 3.5 * together,
            "{below:?} {at:?} {above:?}"
        );
    }
    // The correction of clusters of 2^10 sites is a few thousandths of the threshold.
    assert!((at.0 - known.value).abs() < 1e-3, "{at:?}");
}

#[test]
fn steps_lead_to_as_many_neighbours_as_the_crystal_has_and_back() {
    for name in crate::percolation::NAMES {
        let crystal = Crystal::named(name, Crystal::usual_dimension(name)).unwrap();
        let walk = Walk::new(&crystal);
        let mut sites = HashSet::from([walk.origin()]);
        for _ in 0..3 {
            for site in sites.clone() {
                let near: HashSet<u64> = walk
                    .steps(site)
                    .iter()
                    .map(|s| site.wrapping_add(*s))
                    .collect();
                assert_eq!(near.len(), crystal.coordination(), "{name}");
                for neighbour in near {
                    let mut back = walk.steps(neighbour).iter();
                    assert!(back.any(|s| neighbour.wrapping_add(*s) == site), "{name}");
                    sites.insert(neighbour);
                }
            }
        }
    }
}

#[test]
fn a_cluster_that_outgrows_its_coordinates_is_an_error() {
    // 13 dimensions leave 4 bits a coordinate: 4 cells in every direction.
    let crystal = Crystal::named("hypercubic", 13).unwrap();
    let leath = Leath::new(crystal, Element::Site, 0.5, 20, 20).unwrap();
    let error = leath.grow(&mut stream(8, "leath", &[])).unwrap_err();
    assert!(error.to_string().contains("4 cells"), "{error}");
}

#[test]
fn the_set_of_visited_sites_is_a_set() {
    let (mut visited, mut reference) = (Visited::new(), HashSet::new());
    for round in 0..3 {
        visited.clear();
        reference.clear();
        let mut x = 88_172_645_463_325_252u64 + round;
        for _ in 0..20_000 {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            let site = x % 10_000;
            assert_eq!(visited.contains(site), reference.contains(&site));
            assert_eq!(visited.insert(site), reference.insert(site));
        }
        assert!(8 * visited.slots.len() as u64 <= Visited::bytes(reference.len() as u64));
    }
}
