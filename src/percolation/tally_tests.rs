//! Observables of draws against exact enumeration, and thresholds solved from onsets.

use super::*;
use crate::numerics::random::stream;
use crate::percolation::{Network, enumerate};

fn setting(sides: &[usize], element: Element, sweeps: usize) -> Setting {
    Setting {
        lattice: "hypercubic".into(),
        dimension: sides.len(),
        sides: sides.to_vec(),
        element,
        boundary: Boundary::Torus,
        sweeps,
        graph: None,
    }
}

const ALL: Need = Need {
    sizes: true,
    onset: true,
    by_size: false,
    probes: vec![],
};

/// Means over draws, against the exact canonical values of the 3 x 3 torus, within five standard errors of forty draws.
#[test]
fn canonical_means_are_those_of_the_enumeration() {
    for element in [Element::Site, Element::Bond] {
        let setting = setting(&[3, 3], element, 50);
        let crystal = Crystal::named("hypercubic", 2).unwrap();
        let network = Network::lattice(&crystal, &[3, 3], Boundary::Torus).unwrap();
        let exact = enumerate(&network, element).unwrap();
        let draws: Vec<Tally> = (0..40)
            .map(|k| Tally::of(&setting, &ALL, &mut stream(1, "tally", &[k])).unwrap())
            .collect();
        for p in [0.2, 0.5, 0.59274605, 0.9] {
            let canonical = |counts: &[u64]| {
                let b = Binomial::new(draws[0].elements, p).unwrap();
                b.mean(|n| counts[n] as f64 / exact.configurations[n] as f64)
            };
            let check = |what: &str, of: &dyn Fn(&Tally) -> f64, expected: f64| {
                let values: Vec<f64> = draws.iter().map(of).collect();
                let (mean, stderr) = crate::numerics::statistics::mean_stderr(&values);
                let z = (mean - expected) / stderr.unwrap();
                assert!(
                    z.abs() < 5.0,
                    "{element:?} {what} at {p}: {mean} {expected}"
                );
            };
            check(
                "largest",
                &|t| t.at(&t.largest, p).unwrap(),
                canonical(&exact.largest),
            );
            check(
                "squares",
                &|t| t.at(&t.squares, p).unwrap(),
                canonical(&exact.squares),
            );
            check(
                "clusters",
                &|t| t.at(&t.clusters, p).unwrap(),
                canonical(&exact.clusters),
            );
            for event in [
                Event::X,
                Event::Any,
                Event::All,
                Event::Only,
                Event::FullRank,
            ] {
                let counts = exact.holds(event);
                let of = |t: &Tally| t.probability(event, p).unwrap();
                check(&format!("{event:?}"), &of, canonical(&counts));
                let rise = |t: &Tally| t.slope(event, p).unwrap();
                let binomial = Binomial::new(draws[0].elements, p).unwrap();
                let exact = binomial.slope(|n| counts[n] as f64 / exact.configurations[n] as f64);
                check(&format!("slope of {event:?}"), &rise, exact.unwrap());
            }
        }
        let tally = &draws[0];
        assert_eq!(
            tally.members(0.5),
            if element == Element::Site { 4.5 } else { 9.0 }
        );
        assert_eq!(tally.probability(Event::Any, 1.0).unwrap(), 1.0);
        assert_eq!(tally.probability(Event::Any, 0.0).unwrap(), 0.0);
    }
}

/// Russo: the slope of R_x on the 3 x 3 torus of sites is the mean number of pivotal sites, counted over all 512 configurations; and the slope is the
/// derivative of the probability of the same sweeps.
#[test]
fn the_slope_counts_pivotal_sites() {
    let sites = setting(&[3, 3], Element::Site, 2000);
    let need = Need {
        onset: true,
        ..Need::default()
    };
    let tally = Tally::of(&sites, &need, &mut stream(4, "tally", &[])).unwrap();
    for p in [0.0, 0.2, 0.5, 0.6, 1.0] {
        // A configuration of three rows wraps along x as soon as, columns joined, a closed path does: by the sweeper in this order.
        let network = sites.network().unwrap();
        let wraps = |mask: u32| {
            let order: Vec<u32> = (0..9).filter(|k| mask >> k & 1 == 1).collect();
            let follow = Follow {
                onset: true,
                only_onset: true,
            };
            let mut sweeper = Sweeper::new(&network, Element::Site, follow);
            let onset = sweeper.run_in_order(&order, &mut ()).unwrap();
            onset.holds(Event::X)[0] != Onset::NEVER
        };
        let pivotal: f64 = (0..512u32)
            .map(|mask| {
                let n = mask.count_ones() as i32;
                let weight = p_power(p, n) * p_power(1.0 - p, 9 - n);
                let decides = |k: &u32| wraps(mask | 1 << k) != wraps(mask & !(1 << k));
                weight * (0..9).filter(decides).count() as f64
            })
            .sum();
        let slope = tally.slope(Event::X, p).unwrap();
        // 2000 sweeps: the slope of one sweep scatters by about 1.
        assert!((slope - pivotal).abs() < 0.1, "{p}: {slope} {pivotal}");
        if p > 0.0 && p < 1.0 {
            let at = |p: f64| tally.probability(Event::X, p).unwrap();
            let difference = (at(p + 1e-5) - at(p - 1e-5)) / 2e-5;
            assert!((slope - difference).abs() < 1e-7, "{slope} {difference}");
        }
    }
}

/// `0^0 = 1`.
fn p_power(p: f64, n: i32) -> f64 {
    if n == 0 { 1.0 } else { p.powi(n) }
}

/// The estimate solves its equation, and the jackknife leaves no bias that 400 draws of few sweeps would show.
#[test]
fn thresholds_solve_their_equation_without_bias() {
    let level = 0.521058290;
    let many = Tally::of(
        &setting(&[16, 16], Element::Site, 40_000),
        &Need {
            onset: true,
            ..Need::default()
        },
        &mut stream(2, "tally", &[0]),
    )
    .unwrap();
    let truth = many.threshold(Event::X, level).unwrap();
    assert!((many.probability(Event::X, truth).unwrap() - level).abs() < 2e-4);
    let few: Vec<f64> = (0..400)
        .map(|k| {
            let mut rng = stream(3, "tally", &[k]);
            let need = Need {
                onset: true,
                ..Need::default()
            };
            let tally = Tally::of(&setting(&[16, 16], Element::Site, 20), &need, &mut rng).unwrap();
            tally.threshold(Event::X, level).unwrap()
        })
        .collect();
    let (mean, stderr) = crate::numerics::statistics::mean_stderr(&few);
    // 8,000 sweeps against 40,000: the difference has sqrt(1.2) of the standard error.
    let z = (mean - truth) / (stderr.unwrap() * 1.2f64.sqrt());
    assert!(z.abs() < 4.0, "{mean} {truth}: {z}");
    assert!(many.threshold(Event::X, 1.0).is_err());
}

#[test]
fn memory_is_known_before_it_is_taken() {
    let huge = setting(&[30000, 30000], Element::Site, 1);
    assert!(huge.bytes(&ALL).unwrap() > 36_000_000_000);
    assert!(
        setting(&[70000, 70000], Element::Site, 1)
            .bytes(&ALL)
            .is_err()
    );
}
