//! Shapes against Russo's formula on all configurations, closed shapes, and published densities.

use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Binomial, Boundary, Crystal, Event, enumerate};

fn network(sides: &[usize], boundary: Boundary) -> Network {
    let crystal = Crystal::named("hypercubic", sides.len()).unwrap();
    Network::lattice(&crystal, sides, boundary).unwrap()
}

/// Russo: the mean number of red elements is `p dR/dp`; both sides summed over all configurations.
#[test]
fn red_elements_obey_russos_formula_exactly() {
    for (sides, element) in [
        (vec![4, 3], Element::Site),
        (vec![3, 3], Element::Bond),
        (vec![2, 2, 2], Element::Bond),
        (vec![3, 2, 2], Element::Site),
    ] {
        let open = network(&sides, Boundary::Open);
        let exact = enumerate(&open, element).unwrap();
        let spans = exact.holds(Event::X);
        let mut gauge = Gauge::new(open, &sides, element).unwrap();
        let elements = exact.configurations.len() - 1;
        let (mut red, mut spanning) = (vec![0u64; elements + 1], vec![0u64; elements + 1]);
        for mask in 0..1u32 << elements {
            let bits = |k: usize| mask >> k & 1 == 1;
            let target = match element {
                Element::Site => &mut gauge.sites,
                Element::Bond => &mut gauge.bonds,
            };
            (0..elements).for_each(|k| target[k] = bits(k));
            let n = mask.count_ones() as usize;
            red[n] += gauge.read(Shape::Red).unwrap().unwrap() as u64;
            spanning[n] += u64::from(gauge.read(Shape::ShortestPath).unwrap().is_some());
        }
        assert_eq!(spanning, spans, "{sides:?} {element:?}");
        for p in [0.2, 0.5, 0.8] {
            let binomial = Binomial::new(elements, p).unwrap();
            let share =
                |counts: &[u64], n: usize| counts[n] as f64 / exact.configurations[n] as f64;
            let mean = binomial.mean(|n| share(&red, n));
            let slope = binomial.slope(|n| share(&spans, n)).unwrap();
            assert!(
                (mean - p * slope).abs() < 1e-12,
                "{sides:?} {element:?} {p}"
            );
        }
    }
}

/// A ring, its tail and a speck on the torus.
#[test]
fn shapes_of_a_drawing() {
    let rows = [
        "........", ".####...", ".#..###.", ".####...", "........", "......#.", "........",
        "........",
    ];
    let torus = network(&[8, 8], Boundary::Torus);
    let mut gauge = Gauge::new(torus, &[8, 8], Element::Site).unwrap();
    for shift in 0..64 {
        for k in 0..64 {
            let [x, y] = [(k + shift) % 8, (k / 8 + shift / 8) % 8];
            gauge.sites[k] = rows[y].as_bytes()[x] == b'#';
        }
        gauge.unwrapped = None;
        let mut value = |shape| gauge.read(shape).unwrap().unwrap();
        // 4 x 3 ring with two sites of tail: perimeter 14 + 4.
        assert_eq!(value(Shape::Hull), 18.0, "{shift}");
        // The site between ring and tail has no empty neighbour outside.
        assert_eq!(value(Shape::AccessiblePerimeter), 11.0);
        assert_eq!(value(Shape::BridgeFree), 10.0);
        assert_eq!(value(Shape::Bridges), 2.0 / 128.0);
        let sizes: Vec<(u32, u64)> = gauge.sizes().into_iter().collect();
        assert_eq!(sizes, [(1, 1), (12, 1)]);
    }
    gauge.unwrapped = None;
    gauge.sites.fill(false);
    gauge.sites[..8].fill(true);
    assert_eq!(gauge.read(Shape::Hull).unwrap(), None); // wraps
    assert_eq!(gauge.read(Shape::BridgeFree).unwrap(), Some(8.0));
}

/// Xu et al., arXiv:1309.7244: bonds at p = 1/2, bridges are a quarter of all bonds on large tori; corrections fall as L^(-5/4).
#[test]
fn a_quarter_of_the_bonds_are_bridges() {
    let torus = network(&[64, 64], Boundary::Torus);
    let mut gauge = Gauge::new(torus, &[64, 64], Element::Bond).unwrap();
    let values: Vec<f64> = (0..200)
        .map(|k| {
            gauge.occupy(0.5, &mut stream(3, "bridges", &[k]));
            gauge.read(Shape::Bridges).unwrap().unwrap()
        })
        .collect();
    let (mean, stderr) = crate::numerics::statistics::mean_stderr(&values);
    let finite = 64f64.powf(-1.25);
    assert!(
        (mean - 0.25).abs() < 4.0 * stderr.unwrap() + finite,
        "{mean}"
    );
}

/// What is occupied at one p is so at all larger ones.
#[test]
fn occupation_is_monotone() {
    let torus = network(&[16, 16], Boundary::Torus);
    let mut gauge = Gauge::new(torus, &[16, 16], Element::Bond).unwrap();
    let mut at = |p: f64| {
        gauge.occupy(p, &mut stream(4, "monotone", &[]));
        gauge.bonds.clone()
    };
    let (low, high) = (at(0.3), at(0.6));
    assert!(low.iter().zip(&high).all(|(l, h)| h | !l));
    assert!(at(0.0).iter().all(|b| !b) && at(1.0).iter().all(|b| *b));
}
