//! The fast sweep does what the general one does, state by state.

use super::layout::Divider;
use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Boundary, Crystal, Element, Network, Sweeper, permutation};

fn compare(width: usize, height: usize, rows: u32, repeats: u64) {
    let crystal = Crystal::named("hypercubic", 2).unwrap();
    let network = Network::lattice(&crystal, &[width, height], Boundary::Torus).unwrap();
    for onset in [true, false] {
        let follow = Follow {
            onset,
            only_onset: false,
        };
        let mut general = Sweeper::new(&network, Element::Site, follow);
        let mut fast = SquareSweeper::in_strips(width, height, follow, rows);
        for repeat in 0..repeats {
            let (mut rng, mut order) = (stream(9, "square", &[repeat]), Vec::new());
            permutation(width * height, &mut rng, &mut order);
            let mut expected = Vec::new();
            let mut watch = |_: usize, s: &State| expected.push(*s);
            let first = general.run_in_order(&order, &mut watch).unwrap();
            let names: Vec<u32> = fast.layout.entries().collect();
            let entries: Vec<u32> = order.iter().map(|&i| names[i as usize]).collect();
            let mut found = Vec::new();
            let mut watch = |_: usize, s: &State| found.push(*s);
            let second = fast.run_in_order(&entries, &mut watch);
            assert!(found == expected, "{width} x {height}, {repeat}");
            if onset {
                assert_eq!(first, second, "{width} x {height}, {repeat}");
            }
        }
    }
}

#[test]
fn every_state_and_onset_is_that_of_the_general_sweep() {
    for rows in [1, 4] {
        compare(3, 3, rows, 2000);
        compare(3, 5, rows, 500);
        compare(4, 4, rows, 500);
        compare(9, 6, rows, 300);
        compare(14, 8, rows, 200);
        compare(33, 17, rows, 100);
        compare(64, 64, rows, 20);
        compare(300, 300, rows, 2);
    }
}

#[test]
fn stopping_at_the_last_onset_changes_no_onset() {
    let run = |only_onset: bool| {
        let follow = Follow {
            onset: true,
            only_onset,
        };
        let mut sweeper = SquareSweeper::new(20, 20, follow);
        let mut rng = stream(4, "square", &[]);
        (0..50)
            .map(|_| sweeper.run(&mut rng, &mut ()))
            .collect::<Vec<_>>()
    };
    assert_eq!(run(true), run(false));
}

/// All places are different, ghosts included, and steps lead from a place to those around it, whatever the strips.
#[test]
fn every_site_has_its_own_place_beside_its_neighbours() {
    for (width, height) in [(7, 5), (6, 9), (33, 10)] {
        for rows in [1, 4] {
            let layout = Layout::new(width, height, rows);
            let mut seen = vec![false; layout.places() as usize];
            let (width, height) = (width as u32, height as u32);
            for y in 0..height + 2 {
                for x in 0..width + 2 {
                    let place = layout.place(x, y);
                    assert!(!std::mem::replace(&mut seen[place as usize], true));
                    assert_eq!(layout.coordinates(place), [x, y]);
                }
            }
            for y in 1..=height {
                for x in 1..=width {
                    let place = layout.place(x, y);
                    let around = [(x + 1, y), (x, y + 1), (x - 1, y), (x, y - 1)];
                    let found = layout.steps(y % rows).map(|s| place.wrapping_add_signed(s));
                    assert_eq!(found, around.map(|(x, y)| layout.place(x, y)));
                }
            }
        }
    }
}

/// Lattices that fit have room for the mark of an edge.
#[test]
fn places_are_counted_before_they_are_made() {
    assert!(SquareSweeper::fits(3, 65535) && SquareSweeper::fits(46_000, 46_000));
    assert!(!SquareSweeper::fits(46_341, 46_341) && !SquareSweeper::fits(3, 65_536));
}

#[test]
fn division_by_a_constant_is_exact() {
    for d in [2u32, 3, 7, 64, 1000, 46340, u32::MAX] {
        let divider = Divider::new(d);
        for i in [
            0,
            1,
            d - 1,
            d,
            d.saturating_add(1),
            12345,
            u32::MAX - 1,
            u32::MAX,
        ] {
            assert_eq!(divider.divide(i), i / d, "{i} / {d}");
        }
    }
}
