//! The fast sweep does what the general one does, state by state.

use super::grid::BLOCKED;
use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Boundary, Crystal, Element, Network, Sweeper, permutation};

fn compare(width: usize, height: usize, repeats: u64) {
    let crystal = Crystal::named("hypercubic", 2).unwrap();
    let network = Network::lattice(&crystal, &[width, height], Boundary::Torus).unwrap();
    for onset in [true, false] {
        let follow = Follow {
            onset,
            only_onset: false,
        };
        let mut general = Sweeper::new(&network, Element::Site, follow);
        let mut fast = SquareSweeper::new(width, height, follow);
        for repeat in 0..repeats {
            let (mut rng, mut order) = (stream(9, "square", &[repeat]), Vec::new());
            permutation(width * height, &mut rng, &mut order);
            let mut expected = Vec::new();
            let mut watch = |_: usize, s: &State| expected.push(*s);
            let first = general.run_in_order(&order, &mut watch).unwrap();
            let w = width as u32;
            let packed: Vec<u32> = order.iter().map(|i| (i % w) | ((i / w) << 16)).collect();
            let mut found = Vec::new();
            let mut watch = |_: usize, s: &State| found.push(*s);
            let second = fast.run_in_order(&packed, &mut watch);
            assert!(found == expected, "{width} x {height}, {repeat}");
            if onset {
                assert_eq!(first, second, "{width} x {height}, {repeat}");
            }
        }
    }
}

#[test]
fn every_state_and_onset_is_that_of_the_general_sweep() {
    compare(3, 3, 2000);
    compare(3, 5, 500);
    compare(4, 4, 500);
    compare(9, 6, 300);
    compare(33, 17, 100);
    compare(64, 64, 20);
    compare(300, 300, 2);
}

#[test]
fn blocks_of_a_page_change_nothing() {
    compare(BLOCKED, 35, 2);
    compare(5, BLOCKED + 3, 2);
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

/// All places are different, whatever the layout.
#[test]
fn every_site_has_its_own_place() {
    for (width, height) in [(7, 5), (BLOCKED, 33), (33, BLOCKED + 1)] {
        let grid = Grid::new(width, height);
        let mut seen = vec![false; grid.places];
        for y in 1..=height as u32 {
            for x in 1..=width as u32 {
                let place = grid.at(x, y) as u32 as usize;
                assert!(!std::mem::replace(&mut seen[place], true));
            }
        }
    }
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
