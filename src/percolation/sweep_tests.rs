//! Identities at every `n`, and union-find against breadth-first labelling.

use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Boundary, Crystal, Event, NAMES, graph::Graph};
use proptest::prelude::*;
use std::collections::VecDeque;

/// Sizes of all clusters by breadth-first search over the occupied elements.
fn labelled(network: &Network, element: Element, occupied: &[bool]) -> Vec<u32> {
    let mut joined = vec![Vec::new(); network.sites()];
    for (k, [a, b]) in network.bonds().iter().enumerate() {
        let open = match element {
            Element::Site => occupied[*a as usize] && occupied[*b as usize],
            Element::Bond => occupied[k],
        };
        if open {
            joined[*a as usize].push(*b as usize);
            joined[*b as usize].push(*a as usize);
        }
    }
    let mut seen: Vec<bool> = match element {
        Element::Site => occupied.iter().map(|o| !o).collect(),
        Element::Bond => vec![false; network.sites()],
    };
    let mut sizes = Vec::new();
    for seed in 0..network.sites() {
        if std::mem::replace(&mut seen[seed], true) {
            continue;
        }
        let (mut size, mut queue) = (0, VecDeque::from([seed]));
        while let Some(site) = queue.pop_front() {
            size += 1;
            for &other in &joined[site] {
                if !std::mem::replace(&mut seen[other], true) {
                    queue.push_back(other);
                }
            }
        }
        sizes.push(size);
    }
    sizes.sort_unstable();
    sizes
}

/// Stops a sweep at `n` and compares the clusters with the labelling.
fn agrees(network: &Network, element: Element, follow: Follow, n: usize, seed: u64) {
    let mut sweeper = Sweeper::new(network, element, follow);
    let (mut rng, mut order) = (stream(seed, "order", &[]), Vec::new());
    permutation(sweeper.elements(), &mut rng, &mut order);
    order.truncate(n);
    let mut occupied = vec![false; sweeper.elements()];
    order.iter().for_each(|&k| occupied[k as usize] = true);
    let expected = labelled(network, element, &occupied);
    let mut last = State::default();
    let mut watch = |_: usize, s: &State| last = *s;
    sweeper.run_in_order(&order, &mut watch).unwrap();
    let mut sizes: Vec<u32> = sweeper.sizes().collect();
    sizes.sort_unstable();
    assert_eq!(sizes, expected);
    let squares = expected.iter().map(|&s| u64::from(s).pow(2)).sum();
    let state = State {
        largest: expected.last().copied().unwrap_or(0),
        squares,
        clusters: expected.len() as u32,
    };
    assert_eq!(last, state);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(6000))]

    /// Lattices of every kind in all dimensions up to 5, both boundaries, with and without windings.
    #[test]
    fn clusters_of_lattices_are_those_of_a_labelling(
        kind in 0..NAMES.len(),
        d in 1usize..=5,
        sides in prop::array::uniform5(2usize..=5),
        torus: bool,
        site: bool,
        onset: bool,
        share in 0.0..=1.0f64,
        seed: u64,
    ) {
        let name = NAMES[kind];
        let d = match name {
            "hypercubic" => d,
            "triangular" | "honeycomb" | "kagome" => 2,
            _ => 3,
        };
        let crystal = Crystal::named(name, d).unwrap();
        let shrink = |s: usize| if d >= 4 { s.min(3) } else { s };
        let (boundary, least) = if torus { (Boundary::Torus, 3) } else { (Boundary::Open, 2) };
        let sides: Vec<usize> = sides[..d].iter().map(|&s| shrink(s).max(least)).collect();
        let network = Network::lattice(&crystal, &sides, boundary).unwrap();
        let element = if site { Element::Site } else { Element::Bond };
        let elements = if site { network.sites() } else { network.bonds().len() };
        let n = (share * elements as f64) as usize;
        agrees(&network, element, Follow { onset, only_onset: false }, n, seed);
        // A lattice has no loops and no double bonds, and every site of a torus has the same number of neighbours.
        let edges = network.bonds().iter().map(|&[a, b]| (a, b)).collect();
        prop_assert!(Graph::new(network.sites(), edges).is_ok());
        if torus {
            prop_assert!((0..network.sites()).all(|i| network.neighbours(i).len() == crystal.coordination()));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn clusters_of_random_graphs_are_those_of_a_labelling(
        vertices in 1usize..60,
        edges in prop::collection::vec((0u32..60, 0u32..60), 0..120),
        site: bool,
        share in 0.0..=1.0f64,
        seed: u64,
    ) {
        let mut list: Vec<(u32, u32)> = edges
            .into_iter()
            .map(|(a, b)| (a.min(b), a.max(b)))
            .filter(|(a, b)| a != b && (*b as usize) < vertices)
            .collect();
        list.sort_unstable();
        list.dedup();
        let network = Network::graph(&Graph::new(vertices, list).unwrap());
        let element = if site { Element::Site } else { Element::Bond };
        let elements = if site { vertices } else { network.bonds().len() };
        let n = (share * elements as f64) as usize;
        agrees(&network, element, Follow::default(), n, seed);
    }
}

/// At every n: sum of sizes is the number occupied (sites) or N (bonds); flags never go back; clusters + forest bonds = N.
#[test]
fn identities_hold_along_a_sweep() {
    let network = Network::lattice(
        &Crystal::named("hypercubic", 2).unwrap(),
        &[16, 16],
        Boundary::Torus,
    )
    .unwrap();
    let follow = Follow {
        onset: true,
        only_onset: false,
    };
    for element in [Element::Site, Element::Bond] {
        let mut sweeper = Sweeper::new(&network, element, follow);
        let mut rng = stream(3, "sweep", &[]);
        let mut states = Vec::new();
        let onset = sweeper
            .run(&mut rng, &mut |_: usize, s: &State| states.push(*s))
            .unwrap();
        assert_eq!(states.len(), sweeper.elements() + 1);
        let last = states[states.len() - 1];
        assert_eq!((last.largest, last.squares, last.clusters), (256, 65536, 1));
        assert!(states.windows(2).all(|w| w[0].largest <= w[1].largest));
        let [any, _] = onset.holds(Event::Any);
        let [all, _] = onset.holds(Event::All);
        let [full, _] = onset.holds(Event::FullRank);
        assert!(any <= all && all <= full && (full as usize) < sweeper.elements());
        // Stopping early gives the same onsets.
        let mut quick = Sweeper::new(
            &network,
            element,
            Follow {
                onset: true,
                only_onset: true,
            },
        );
        let mut rng = stream(3, "sweep", &[]);
        assert_eq!(quick.run(&mut rng, &mut ()).unwrap(), onset);
    }
}

#[test]
fn wrong_networks_are_refused() {
    let square = Crystal::named("hypercubic", 2).unwrap();
    let lattice = |sides: &[usize], b| Network::lattice(&square, sides, b);
    assert!(lattice(&[2, 8], Boundary::Torus).is_err());
    assert!(lattice(&[2, 8], Boundary::Open).is_ok());
    assert!(lattice(&[8], Boundary::Torus).is_err());
    // 2^32 sites, and 2^31 bonds of fewer sites: refused, not wrapped around.
    assert!(lattice(&[65536, 65536], Boundary::Torus).is_err());
    assert!(lattice(&[32768, 32768], Boundary::Torus).is_err());
}
