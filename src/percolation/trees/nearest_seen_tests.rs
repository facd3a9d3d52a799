//! Small trees by hand, limits, total probability, and drawn trees.

use super::*;
use crate::numerics::random::stream;
use crate::numerics::statistics::mean_stderr;
use crate::percolation::hierarchy::{Growth, Hierarchy};
use rand::RngExt;

#[test]
fn small_trees_are_counted_by_hand() {
    for phi in [1e-3, 0.3, 0.9] {
        let x = 1.0 - phi;
        let law = |s| NearestSeen::uniform(s, phi).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-10, "{a} {b}");
        close(law(1).beyond(0), 1.0);
        assert_eq!(law(1).mean(), 0.0);
        close(law(2).beyond(0), 1.0);
        close(law(2).beyond(1), x);
        close(law(2).mean(), 1.0);
        // 12 paths and 4 stars of 4 vertices.
        let path = [0.5 * (x + x * x), 0.5 * (x * x + x.powi(3))];
        let star = [0.25 * (3.0 * x + x.powi(3)), x.powi(3)];
        for l in [1, 2] {
            close(law(4).beyond(l), 0.75 * path[l - 1] + 0.25 * star[l - 1]);
        }
        close(law(4).beyond(3), x.powi(3));
    }
}

/// The spine, the tree of any size, and a large tree, all with few seen vertices.
#[test]
fn few_seen_vertices_lead_to_hyperbolic_functions() {
    let phi: f64 = 1e-8;
    let a = (2.0 * phi).sqrt();
    let (critical, infinite) = (
        NearestSeen::critical(phi).unwrap(),
        NearestSeen::infinite(phi).unwrap(),
    );
    for l in [3000, 10_000, 30_000] {
        let y = 0.5 * a * l as f64;
        assert!((critical.beyond(l) - 1.0 + a * y.tanh()).abs() < 10.0 * phi);
        assert!((infinite.beyond(l) - y.cosh().powi(-2)).abs() < 10.0 * a);
    }
    assert!((infinite.mean() / (2.0 / a) - 1.0).abs() < 10.0 * a);
    assert!((critical.mean() / (2.0 / a * 2f64.ln()) - 1.0).abs() < 10.0 * a);
    assert!((critical.unseen() - 1.0 + a).abs() < 2.0 * a * a);
}

/// Corrections to an infinite tree are as the number of seen vertices is to 1.
#[test]
fn large_trees_lead_to_the_infinite_one() {
    let phi = 0.02;
    let infinite = NearestSeen::infinite(phi).unwrap();
    let differences = [10_000, 20_000, 40_000].map(|s| {
        let law = NearestSeen::uniform(s, phi).unwrap();
        law.mean() / infinite.mean() - 1.0
    });
    for pair in differences.windows(2) {
        assert!((pair[0] / pair[1] - 2.0).abs() < 0.02, "{differences:?}");
    }
    assert!(differences[2].abs() < 1.0 / 800.0, "{differences:?}");
}

/// A component of any size is one of some size: Borel weights, and between the last size summed and an infinite tree for the rest.
#[test]
fn sizes_add_up_to_the_critical_tree() {
    let phi = 0.03;
    let critical = NearestSeen::critical(phi).unwrap();
    let sizes = ErdosRenyi::new(1.0).unwrap();
    let last = 1200;
    let laws: Vec<_> = (1..=last)
        .map(|s| NearestSeen::uniform(s, phi).unwrap())
        .collect();
    let rest = 1.0 - (1..=last as u64).map(|s| sizes.weight(s)).sum::<f64>();
    for l in [0, 1, 4, 12, 40] {
        let sum: f64 = (1..=last as usize)
            .map(|s| sizes.weight(s as u64) * laws[s - 1].beyond(l))
            .sum();
        // P(> l) of larger trees lies between its value at the last size and that of the infinite tree.
        let ends = [
            laws[last as usize - 1].beyond(l),
            NearestSeen::infinite(phi).unwrap().beyond(l),
        ];
        let missing = (critical.beyond(l) - sum) / rest;
        let (low, high) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
        assert!(
            missing > low - 1e-9 && missing < high + 1e-9,
            "{l}: {missing} {ends:?}"
        );
    }
}

#[test]
fn drawn_trees_have_the_law() {
    let (size, phi) = (300_usize, 0.02);
    let law = NearestSeen::uniform(size as u32, phi).unwrap();
    let mut counts = vec![Vec::new(); 4];
    let distances = [2, 5, 10, 20];
    for k in 0..600 {
        let mut rng = stream(3, "trees", &[k]);
        let hierarchy = Hierarchy::grow(size, Growth::OneCluster, &mut rng).unwrap();
        let mut neighbours = vec![Vec::new(); size];
        for latent in hierarchy.cluster(0).latents {
            let [u, v] = latent.edge.map(|p| p as usize);
            neighbours[u].push(v);
            neighbours[v].push(u);
        }
        let mut far = vec![usize::MAX; size];
        let mut front: Vec<usize> = (1..size).filter(|_| rng.random_bool(phi)).collect();
        front.iter().for_each(|&v| far[v] = 0);
        let mut l = 0;
        while !front.is_empty() {
            l += 1;
            let near = front.iter().flat_map(|&v| neighbours[v].iter().copied());
            let mut near: Vec<usize> = near.filter(|&v| far[v] == usize::MAX).collect();
            near.sort_unstable();
            near.dedup();
            near.iter().for_each(|&v| far[v] = l);
            front = near;
        }
        for (count, l) in counts.iter_mut().zip(distances) {
            count.push(f64::from(u8::from(far[0] > l)));
        }
    }
    for (count, l) in counts.iter().zip(distances) {
        let (mean, error) = mean_stderr(count);
        let z = (mean - law.beyond(l)) / error.unwrap();
        assert!(z.abs() < 3.5, "{l}: {mean} {} {z}", law.beyond(l));
    }
}

#[test]
fn fractions_of_nothing_and_of_all_are_refused() {
    for phi in [0.0, 1.0, -0.1, f64::NAN] {
        assert!(NearestSeen::critical(phi).is_err());
        assert!(NearestSeen::infinite(phi).is_err());
        assert!(NearestSeen::uniform(5, phi).is_err());
    }
    assert!(NearestSeen::uniform(0, 0.5).is_err());
}
