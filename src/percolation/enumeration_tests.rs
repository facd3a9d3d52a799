//! Exact counts of small lattices: reference tables, identities, and the sweeps against them.

use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Binomial, Boundary, Crystal, Follow, State, Sweeper, permutation};

fn square(sides: &[usize], boundary: Boundary) -> Network {
    Network::lattice(
        &Crystal::named("hypercubic", sides.len()).unwrap(),
        sides,
        boundary,
    )
    .unwrap()
}

fn torus() -> Network {
    square(&[3, 3], Boundary::Torus)
}

/// Sites on the 3 x 3 torus, counts by number of occupied sites.
#[test]
fn site_tables_of_the_smallest_torus() {
    let all = enumerate(&torus(), Element::Site).unwrap();
    assert_eq!(all.configurations, [1, 9, 36, 84, 126, 126, 84, 36, 9, 1]);
    assert_eq!(all.holds(Event::Any), [0, 0, 0, 6, 36, 81, 84, 36, 9, 1]);
    assert_eq!(all.holds(Event::All), [0, 0, 0, 0, 0, 9, 42, 36, 9, 1]);
    assert_eq!(all.holds(Event::X), [0, 0, 0, 3, 18, 45, 63, 36, 9, 1]);
    assert_eq!(all.largest, [0, 9, 54, 204, 450, 621, 504, 252, 72, 9]);
    let squares = [0, 9, 108, 576, 1728, 3078, 3024, 1764, 576, 81];
    assert_eq!(all.squares, squares);
    let canonical = |p: f64, counts: &[u64]| -> f64 {
        let b = Binomial::new(9, p).unwrap();
        b.mean(|n| counts[n] as f64 / all.configurations[n] as f64)
    };
    let half = [
        (all.holds(Event::Any), 0.494140625, 1.0),
        (all.holds(Event::All), 0.189453125, 1.0),
        (all.holds(Event::X), 0.341796875, 1.0),
        (all.largest.clone(), 0.4720052083, 9.0),
        (all.squares.clone(), 2.375, 9.0),
    ];
    for (counts, value, norm) in half {
        assert!(
            (canonical(0.5, &counts) / norm - value).abs() < 1e-10,
            "{value}"
        );
    }
    let near = [
        (Event::Any, 0.6830000143),
        (Event::All, 0.3595474434),
        (Event::X, 0.5212737289),
    ];
    for (event, value) in near {
        assert!((canonical(0.59274605, &all.holds(event)) - value).abs() < 1e-10);
    }
}

/// Bonds on the 3 x 3 torus, and the duality of windings.
#[test]
fn bond_tables_of_the_smallest_torus() {
    let all = enumerate(&torus(), Element::Bond).unwrap();
    let any = [
        0, 0, 0, 6, 90, 666, 3189, 10746, 25650, 41330, 42192, 31644, 18555, 8568, 3060, 816, 153,
        18, 1,
    ];
    let both = [
        0, 0, 0, 0, 0, 0, 51, 612, 3330, 10494, 19872, 21510, 15417, 7902, 2970, 810, 153, 18, 1,
    ];
    let x = [
        0, 0, 0, 3, 45, 333, 1620, 5679, 14490, 25912, 31032, 26577, 16986, 8235, 3015, 813, 153,
        18, 1,
    ];
    assert_eq!(all.holds(Event::Any), any);
    assert_eq!(all.holds(Event::All), both);
    assert_eq!(all.holds(Event::X), x);
    let cross = all.holds(Event::FullRank);
    for n in 0..=18 {
        // No winding with n bonds is a cross of the dual bonds.
        assert_eq!(all.configurations[n] - any[n], cross[18 - n], "{n}");
    }
    assert_eq!((cross[12], both[12]), (15375, 15417));
    let b = Binomial::new(18, 0.5).unwrap();
    for (event, value) in [
        (Event::Any, 0.7121429443),
        (Event::All, 0.3171539307),
        (Event::X, 0.5146484375),
    ] {
        let counts = all.holds(event);
        let mean = b.mean(|n| counts[n] as f64 / all.configurations[n] as f64);
        assert!((mean - value).abs() < 1e-10);
    }
}

/// The triangular lattice is its own matching lattice: where no cluster of occupied sites winds, one of the empty ones is a cross.
#[test]
fn triangular_sites_are_self_matching() {
    let triangular = Crystal::named("triangular", 2).unwrap();
    for l in [3, 4] {
        let network = Network::lattice(&triangular, &[l, l], Boundary::Torus).unwrap();
        let all = enumerate(&network, Element::Site).unwrap();
        let (any, cross) = (all.holds(Event::Any), all.holds(Event::FullRank));
        let sites = l * l;
        for n in 0..=sites {
            assert_eq!(all.configurations[n] - any[n], cross[sites - n], "{l} {n}");
        }
    }
}

#[test]
fn the_symmetry_of_the_square_relates_the_wrapping_probabilities() {
    for element in [Element::Site, Element::Bond] {
        let all = enumerate(&torus(), element).unwrap();
        let [any, both, x, only] =
            [Event::Any, Event::All, Event::X, Event::Only].map(|e| all.holds(e));
        for n in 0..any.len() {
            assert_eq!(any[n] + both[n], 2 * x[n]);
            assert_eq!(x[n], both[n] + only[n]);
        }
    }
}

/// Self-duality: bonds on the open L x (L+1) lattice cross it with probability exactly 1/2.
#[test]
fn crossing_a_self_dual_lattice_is_a_fair_coin() {
    for l in [2, 3] {
        // L + 1 layers along the first direction, L along the second; the bonds within the two faces do not matter.
        let network = square(&[l + 1, l], Boundary::Open);
        let all = enumerate(&network, Element::Bond).unwrap();
        let crossing: u64 = all.holds(Event::X).iter().sum();
        assert_eq!(2 * crossing, 1 << network.bonds().len());
    }
}

/// Every sweep passes through one configuration of each size: averaged over all orders it gives the exact counts.
#[test]
fn sweeps_visit_configurations_as_often_as_they_should() {
    let networks = [
        torus(),
        square(&[4, 3], Boundary::Open),
        Network::lattice(
            &Crystal::named("triangular", 2).unwrap(),
            &[3, 3],
            Boundary::Torus,
        )
        .unwrap(),
    ];
    for (k, network) in networks.iter().enumerate() {
        for element in [Element::Site, Element::Bond] {
            let Ok(all) = enumerate(network, element) else {
                continue; // 27 bonds
            };
            let m = all.configurations.len() - 1;
            let follow = Follow {
                onset: true,
                only_onset: false,
            };
            let mut sweeper = Sweeper::new(network, element, follow);
            let (mut rng, mut order) = (stream(5, "sweep", &[k as u64]), Vec::new());
            let sweeps = 4000;
            let (mut sums, mut spreads) = (vec![[0f64; 3]; m + 1], vec![[0f64; 3]; m + 1]);
            let events = [
                Event::X,
                Event::Any,
                Event::All,
                Event::FullRank,
                Event::Only,
            ];
            let mut held = vec![[0f64; 5]; m + 1];
            for _ in 0..sweeps {
                permutation(m, &mut rng, &mut order);
                let mut watch = |n: usize, s: &State| {
                    let values = [
                        f64::from(s.largest),
                        s.squares as f64,
                        f64::from(s.clusters),
                    ];
                    for (k, v) in values.into_iter().enumerate() {
                        sums[n][k] += v;
                        spreads[n][k] += v * v;
                    }
                };
                let onset = sweeper.run_in_order(&order, &mut watch).unwrap();
                for (e, event) in events.into_iter().enumerate() {
                    let [from, to] = onset.holds(event);
                    for (n, held) in held.iter_mut().enumerate() {
                        held[e] += f64::from(u8::from(n as u32 >= from && (n as u32) < to));
                    }
                }
            }
            for n in 0..=m {
                let count = all.configurations[n] as f64;
                let exact =
                    [&all.largest, &all.squares, &all.clusters].map(|s| s[n] as f64 / count);
                for q in 0..3 {
                    let mean = sums[n][q] / f64::from(sweeps);
                    let variance = spreads[n][q] / f64::from(sweeps) - mean * mean;
                    let error = (variance.max(0.0) / f64::from(sweeps)).sqrt();
                    let off = (mean - exact[q]).abs();
                    assert!(
                        off <= 4.5 * error + 1e-9,
                        "{k} {element:?} {n}: {mean} {}",
                        exact[q]
                    );
                }
                for (e, event) in events.into_iter().enumerate() {
                    let p = all.holds(event)[n] as f64 / count;
                    let found = held[n][e] / f64::from(sweeps);
                    let error = (p * (1.0 - p) / f64::from(sweeps)).sqrt();
                    assert!(
                        (found - p).abs() <= 4.5 * error,
                        "{k} {event:?} {n}: {found} {p}"
                    );
                }
            }
        }
    }
}

#[test]
fn what_cannot_be_enumerated_is_refused() {
    let large = square(&[5, 5], Boundary::Torus);
    assert!(enumerate(&large, Element::Site).is_err());
}
