//! Geometry against brute force on small random graphs, and grown clusters against exact cluster numbers.

use super::*;
use crate::numerics::random::{Stream, stream};
use crate::percolation::Element;
use proptest::prelude::*;
use rand::RngExt;

/// A random graph with masks: vertices, edges, occupied sites, occupied bonds.
fn masked() -> impl Strategy<Value = (Graph, Vec<bool>, Vec<bool>)> {
    (2usize..8).prop_flat_map(|n| {
        let pairs: Vec<(u32, u32)> = (0..n as u32)
            .flat_map(|j| (0..j).map(move |i| (i, j)))
            .collect();
        let most = pairs.len();
        (
            prop::sample::subsequence(pairs, 1..=most.min(12)),
            prop::collection::vec(prop::bool::weighted(0.85), n),
            prop::collection::vec(prop::bool::weighted(0.8), 12),
        )
            .prop_map(move |(edges, sites, mut bonds)| {
                bonds.truncate(edges.len());
                (Graph::new(n, edges).unwrap(), sites, bonds)
            })
    })
}

/// Bonds on some self-avoiding path from `site` to `sink`, by listing all paths.
fn paths(
    part: &Occupied,
    site: u32,
    sink: u32,
    visited: &mut Vec<u32>,
    used: &mut Vec<u32>,
    found: &mut [bool],
) {
    if site == sink {
        for &bond in used.iter() {
            found[bond as usize] = true;
        }
        return;
    }
    visited.push(site);
    for &(next, bond) in part.graph().neighbours(site) {
        if part.bond(bond) && !visited.contains(&next) {
            used.push(bond);
            paths(part, next, sink, visited, used, found);
            used.pop();
        }
    }
    visited.pop();
}

fn connected(part: &Occupied, a: u32, b: u32) -> bool {
    chemical_distance(part, a).unwrap()[b as usize] != NONE
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn backbone_and_red_bonds_are_what_their_definitions_say((graph, sites, bonds) in masked()) {
        let part = Occupied::new(&graph, Some(&sites), Some(&bonds)).unwrap();
        for a in 0..graph.vertices() as u32 {
            for b in 0..graph.vertices() as u32 {
                let Ok(found) = backbone(&part, a, b) else {
                    prop_assert!(a == b || !part.site(a) || !part.site(b));
                    continue;
                };
                let mut direct = vec![false; graph.edges().len()];
                paths(&part, a, b, &mut vec![], &mut vec![], &mut direct);
                prop_assert_eq!(&found.bonds, &direct);
                for bond in 0..bonds.len() {
                    let mut without = bonds.clone();
                    without[bond] = false;
                    let cut = Occupied::new(&graph, Some(&sites), Some(&without)).unwrap();
                    let red = connected(&part, a, b) && !connected(&cut, a, b);
                    prop_assert_eq!(found.red[bond], red);
                }
            }
        }
    }

    /// The block of a bond is the backbone between its ends; bridges raise the number of clusters when removed, and stripping leaves
    /// and bridges leaves the bonds on cycles.
    #[test]
    fn blocks_are_the_backbones_of_their_bonds((graph, sites, bonds) in masked()) {
        let part = Occupied::new(&graph, Some(&sites), Some(&bonds)).unwrap();
        let blocks = biconnected(&part);
        let core = cyclic_bonds(&part);
        let pieces = clusters(&part).sizes.len();
        for (bond, &(i, j)) in graph.edges().iter().enumerate() {
            let block = blocks.of_bond[bond];
            prop_assert_eq!(block != NONE, part.bond(bond as u32));
            if block == NONE {
                prop_assert!(!core[bond]);
                continue;
            }
            let members: Vec<bool> = blocks.of_bond.iter().map(|&b| b == block).collect();
            prop_assert_eq!(members.iter().filter(|&&m| m).count(), blocks.sizes[block as usize] as usize);
            prop_assert_eq!(members, backbone(&part, i, j).unwrap().bonds);
            let mut without = bonds.clone();
            without[bond] = false;
            let cut = Occupied::new(&graph, Some(&sites), Some(&without)).unwrap();
            let splits = clusters(&cut).sizes.len() == pieces + 1;
            prop_assert_eq!(splits, blocks.is_bridge(bond as u32));
            prop_assert_eq!(core[bond], !splits);
        }
    }

    /// Clusters are the classes of finite chemical distance, which is symmetric and obeys the triangle inequality along bonds.
    #[test]
    fn clusters_are_the_sites_within_reach((graph, sites, bonds) in masked()) {
        let part = Occupied::new(&graph, Some(&sites), Some(&bonds)).unwrap();
        let found = clusters(&part);
        let n = graph.vertices() as u32;
        prop_assert_eq!(found.sizes.iter().sum::<u32>() as usize, sites.iter().filter(|&&s| s).count());
        for a in (0..n).filter(|&a| part.site(a)) {
            let from_a = chemical_distance(&part, a).unwrap();
            for b in (0..n).filter(|&b| part.site(b)) {
                let together = found.label[a as usize] == found.label[b as usize];
                prop_assert_eq!(together, from_a[b as usize] != NONE);
                prop_assert_eq!(from_a[b as usize], chemical_distance(&part, b).unwrap()[a as usize]);
                for next in part.joined(b) {
                    prop_assert!(from_a[next as usize].abs_diff(from_a[b as usize]) <= 1);
                }
            }
            prop_assert_eq!(found.sizes[found.label[a as usize] as usize] as usize,
                from_a.iter().filter(|&&d| d != NONE).count());
        }
    }
}

/// A path of half a million sites overflows no stack; every bond is red.
#[test]
fn a_long_path_is_all_red() {
    let n = 500_000u32;
    let graph = Graph::new(n as usize, (1..n).map(|k| (k - 1, k)).collect()).unwrap();
    let part = Occupied::new(&graph, None, None).unwrap();
    let found = backbone(&part, 0, n - 1).unwrap();
    assert!(found.red.iter().all(|&r| r));
    assert_eq!(chemical_distance(&part, 0).unwrap()[n as usize - 1], n - 1);
    assert!(cyclic_bonds(&part).iter().all(|&c| !c));
}

/// Coniglio's law of red bonds: `p dP(a - b)/dp` is their mean number, on a graph small enough to list all configurations.
#[test]
fn red_bonds_are_the_slope_of_connectedness() {
    let edges = vec![
        (0, 1),
        (0, 2),
        (1, 2),
        (1, 3),
        (2, 4),
        (3, 4),
        (3, 5),
        (4, 5),
    ];
    let graph = Graph::new(6, edges).unwrap();
    let averages = |p: f64| {
        let (mut joined, mut red) = (0.0, 0.0);
        for code in 0..256u32 {
            let bonds: Vec<bool> = (0..8).map(|k| code >> k & 1 == 1).collect();
            let n = code.count_ones() as i32;
            let weight = p.powi(n) * (1.0 - p).powi(8 - n);
            let part = Occupied::new(&graph, None, Some(&bonds)).unwrap();
            joined += weight * f64::from(u8::from(connected(&part, 0, 5)));
            let found = backbone(&part, 0, 5).unwrap();
            red += weight * found.red.iter().filter(|&&r| r).count() as f64;
        }
        (joined, red)
    };
    let (p, h) = (0.55, 1e-4);
    let slope = (averages(p + h).0 - averages(p - h).0) / (2.0 * h);
    assert!((averages(p).1 / (p * slope) - 1.0).abs() < 1e-6);
}

#[test]
fn wrong_arguments_are_refused() {
    let graph = Graph::parse("0 1\n1 2", None).unwrap();
    assert!(Occupied::new(&graph, Some(&[true]), None).is_err());
    let sites = [true, false, true];
    let part = Occupied::new(&graph, Some(&sites), None).unwrap();
    assert!(chemical_distance(&part, 1).is_err() && chemical_distance(&part, 3).is_err());
    assert!(backbone(&part, 0, 0).is_err() && backbone(&part, 0, 1).is_err());
    assert_eq!(backbone(&part, 0, 2).unwrap().bonds, [false, false]);
    let rng = || stream(1, "grow", &[]);
    assert!(
        grow(
            [0],
            hypercubic_neighbours,
            1.5,
            Element::Site,
            &mut rng(),
            5
        )
        .is_err()
    );
    assert!(
        grow(
            [0],
            hypercubic_neighbours,
            0.5,
            Element::Site,
            &mut rng(),
            0
        )
        .is_err()
    );
}

/// Shares of sizes 1, 2, 3 on the square lattice within 4 standard errors of `s n_s / p`, from the known animals.
#[test]
fn grown_clusters_have_exact_small_sizes() {
    let p = 0.45f64;
    let q = 1.0 - p;
    let site = [
        q.powi(4),
        4.0 * p * q.powi(6),
        3.0 * p * p * (2.0 * q.powi(8) + 4.0 * q.powi(7)),
    ];
    let bond = [q.powi(4), 4.0 * p * q.powi(6), 18.0 * p * p * q.powi(8)];
    for (element, law) in [(Element::Site, site), (Element::Bond, bond)] {
        let draws = 20_000;
        let mut count = [0.0; 3];
        for k in 0..draws {
            let mut rng = stream(11, "leath", &[k]);
            let grown = grow([0, 0], hypercubic_neighbours, p, element, &mut rng, 4).unwrap();
            assert_eq!(grown.shells.iter().sum::<usize>(), grown.sites.len());
            if let Some(c) = count.get_mut(grown.sites.len() - 1) {
                *c += 1.0;
            }
        }
        for (c, w) in count.iter().zip(law) {
            let sigma = (w * (1.0 - w) / draws as f64).sqrt();
            assert!(
                (c / draws as f64 - w).abs() < 4.0 * sigma,
                "{element:?} {c} {w}"
            );
        }
    }
}

/// Shells of a grown cluster are the chemical distances in the graph it reveals.
#[test]
fn shells_are_chemical_distances() {
    let mut rng: Stream = stream(4, "shells", &[]);
    let keep: Vec<bool> = (0..400).map(|_| rng.random_bool(0.7)).collect();
    let at = |x: i32, y: i32| (20 * y + x) as u32;
    let mut edges = vec![];
    for y in 0..20 {
        for x in 0..20 {
            if x < 19 {
                edges.push((at(x, y), at(x + 1, y)));
            }
            if y < 19 {
                edges.push((at(x, y), at(x, y + 1)));
            }
        }
    }
    let graph = Graph::new(400, edges).unwrap();
    let part = Occupied::new(&graph, Some(&keep), None).unwrap();
    let seed = (0..400).find(|&s| part.site(s)).unwrap();
    let distance = chemical_distance(&part, seed).unwrap();
    let inside = |site: u32, list: &mut Vec<u32>| list.extend(part.joined(site));
    let grown = grow(seed, inside, 1.0, Element::Site, &mut rng, 400).unwrap();
    for (d, &count) in grown.shells.iter().enumerate() {
        assert_eq!(distance.iter().filter(|&&l| l == d as u32).count(), count);
    }
    assert!(!grown.truncated);
}
