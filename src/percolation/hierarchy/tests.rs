//! Exact laws of the generator: sizes, uniform trees, histories, walks, labels.

use super::*;
use crate::numerics::statistics::mean_stderr;
use crate::percolation::trees::{ClusterLaw, ErdosRenyi, NearestSeen};
use nalgebra::DMatrix;
use proptest::prelude::*;
use statrs::distribution::{ChiSquared, ContinuousCDF};

const MEAN_FIELD: Growth = Growth::Distribution { tau: 2.5 };

fn grow(points: usize, growth: Growth, seed: u64) -> Hierarchy {
    Hierarchy::grow(points, growth, &mut stream(seed, "dataset", &[0])).unwrap()
}

/// Probability of a larger chi^2 than that of the counts.
fn chi_square(counts: &[usize], law: &[f64]) -> f64 {
    let total = counts.iter().sum::<usize>() as f64;
    let statistic = counts
        .iter()
        .zip(law)
        .map(|(&count, p)| (count as f64 - total * p).powi(2) / (total * p))
        .sum();
    ChiSquared::new(law.len() as f64 - 1.0)
        .unwrap()
        .sf(statistic)
}

/// Latents of independent clusters of `s` points.
fn histories(s: u32, count: usize, seed: u64) -> impl Iterator<Item = Vec<Latent>> {
    let mut rng = stream(seed, "histories", &[]);
    let mut coalescent = Coalescent::default();
    (0..count).map(move |_| {
        let mut latents = Vec::new();
        coalescent.run(s, &mut rng, &mut latents);
        latents
    })
}

fn degrees(s: u32, latents: &[Latent]) -> Vec<usize> {
    let mut degrees = vec![0; s as usize];
    for end in latents.iter().flat_map(|l| l.edge) {
        degrees[end as usize] += 1;
    }
    degrees
}

#[test]
fn sizes_follow_the_yule_simon_law() {
    let n = 1_000_000;
    let hierarchy = grow(n, MEAN_FIELD, 1);
    let mut counts = [0usize; 11];
    for cluster in hierarchy.clusters() {
        counts[cluster.size().min(11) - 1] += 1;
    }
    let printed = [
        0.6, 0.17142857, 0.07619048, 0.04155844, 0.02557443, 0.01704962, 0.01203502, 0.00886791,
        0.0067565, 0.0052877,
    ];
    let mut law = printed.to_vec();
    law.push(1.0 - printed.iter().sum::<f64>());
    let p = chi_square(&counts, &law);
    assert!(p > 1e-3, "p = {p}, {counts:?}");
    let z = (hierarchy.count() as f64 - n as f64 / 3.0) / (n as f64 * 2.0 / 9.0).sqrt();
    assert!(z.abs() < 4.0, "{z}");
}

#[test]
fn other_exponents_have_their_own_law() {
    // tau = 3: P(s) = 4 / (s (s + 1) (s + 2)).
    let hierarchy = grow(400_000, Growth::Distribution { tau: 3.0 }, 2);
    let mut counts = [0usize; 6];
    for cluster in hierarchy.clusters() {
        counts[cluster.size().min(6) - 1] += 1;
    }
    let mut law: Vec<f64> = (1..6)
        .map(|s| 4.0 / f64::from(s * (s + 1) * (s + 2)))
        .collect();
    law.push(1.0 - law.iter().sum::<f64>());
    let p = chi_square(&counts, &law);
    assert!(p > 1e-3, "p = {p}, {counts:?}");
}

#[test]
fn components_at_the_threshold_follow_the_borel_law() {
    let (n, law) = (100_000, ErdosRenyi::new(1.0).unwrap());
    let draws = 24;
    let mut shares = vec![Vec::new(); 4];
    for seed in 0..draws {
        let hierarchy = grow(n, Growth::ErdosRenyi, 40 + seed);
        let first: Vec<usize> = hierarchy.cluster_of().iter().map(|&c| c as usize).collect();
        let mut next = 0;
        assert!(first.iter().all(|&c| {
            next += usize::from(c == next);
            c < next
        }));
        for (share, s) in shares.iter_mut().zip([1, 2, 5, 10]) {
            let of_size = hierarchy.clusters().filter(|c| c.size() == s).count();
            share.push((s * of_size) as f64 / n as f64);
        }
    }
    for (share, s) in shares.iter().zip([1, 2, 5, 10]) {
        let (mean, error) = mean_stderr(share);
        let z = (mean - law.weight(s)) / error.unwrap();
        assert!(z.abs() < 3.5, "{s}: {mean} {} {z}", law.weight(s));
    }
}

#[test]
fn fewer_points_are_a_prefix() {
    let (small, large) = (grow(700, MEAN_FIELD, 3), grow(5000, MEAN_FIELD, 3));
    assert_eq!(small.cluster_of(), &large.cluster_of()[..700]);
    assert_eq!(small, grow(700, MEAN_FIELD, 3));
    assert_ne!(small, grow(700, MEAN_FIELD, 4));
}

#[test]
fn points_are_clusters_and_latents_and_every_latent_is_connected() {
    for (growth, n) in [(MEAN_FIELD, 20_000), (Growth::OneCluster, 3000)] {
        let hierarchy = grow(n, growth, 5);
        let latents: usize = hierarchy.clusters().map(|c| c.latents.len()).sum();
        assert_eq!(latents, n - hierarchy.count());
        let mut seen = vec![false; n];
        for cluster in hierarchy.clusters() {
            for &point in cluster.points {
                assert!(!std::mem::replace(&mut seen[point as usize], true));
                assert_eq!(hierarchy.cluster_of()[point as usize], cluster.number);
            }
            assert_eq!(cluster.latents.len(), cluster.size() - 1);
            assert!(cluster.distances(&[0]).iter().all(|&d| d != u32::MAX));
            let s = cluster.size() as u32;
            let inside = |position: u32, node: u32| match cluster.latent(node) {
                Some(l) => (position + s - l.start) % s < l.size,
                None => position == node,
            };
            for latent in cluster.latents {
                let [a, b] = latent.children;
                assert_eq!(latent.size, cluster.size_of(a) + cluster.size_of(b));
                // The joining edge has one end in each child: by induction, all points below are one subtree.
                assert!(inside(latent.edge[0], a) && inside(latent.edge[1], b));
                let members = cluster.members(latent);
                assert_eq!(members[0].len() + members[1].len(), latent.size as usize);
            }
        }
        assert!(seen.iter().all(|&s| s));
    }
}

#[test]
fn trees_are_uniform_among_the_labelled_trees() {
    // The largest degree of the s^(s-2) labelled trees, counted from their Pruefer codes.
    for (s, trees) in [
        (4, vec![12.0, 4.0]),
        (5, vec![60.0, 60.0, 5.0]),
        (6, vec![360.0, 810.0, 120.0, 6.0]),
    ] {
        let law: Vec<f64> = trees.iter().map(|t| t / f64::from(s).powi(s - 2)).collect();
        let mut counts = vec![0; law.len()];
        for latents in histories(s as u32, 60_000, 7) {
            counts[degrees(s as u32, &latents).iter().max().unwrap() - 2] += 1;
        }
        let p = chi_square(&counts, &law);
        assert!(p > 1e-3, "s = {s}: p = {p}, {counts:?}");
    }
}

#[test]
fn the_last_merging_follows_the_additive_coalescent() {
    for (s, law) in [
        (6, vec![0.57870370, 0.29629630, 0.125]),
        (
            10,
            vec![0.4782969, 0.2097152, 0.1411788, 0.1161216, 0.0546875],
        ),
    ] {
        let mut counts = vec![0; law.len()];
        for latents in histories(s, 50_000, 8) {
            let [a, b] = latents.last().unwrap().children;
            let size = |node: u32| match node.checked_sub(s) {
                Some(number) => latents[number as usize].size,
                None => 1,
            };
            counts[size(a).min(size(b)) as usize - 1] += 1;
        }
        let p = chi_square(&counts, &law);
        assert!(p > 1e-3, "s = {s}: p = {p}, {counts:?}");
    }
}

#[test]
fn large_clusters_are_critical_branching_trees() {
    // Degrees are 1 + Poisson(1); two points of s = 10^4 are sqrt(pi s / 2) = 125.3 apart on average.
    let s = 10_000;
    let mut counts = [0usize; 5];
    let mut distance = Vec::new();
    for seed in 0..60 {
        let hierarchy = grow(s, Growth::OneCluster, 100 + seed);
        let cluster = hierarchy.cluster(0);
        for degree in degrees(s as u32, cluster.latents) {
            counts[degree.min(5) - 1] += 1;
        }
        let from = cluster.distances(&[0]);
        distance.push(from.iter().map(|&d| f64::from(d)).sum::<f64>() / s as f64);
    }
    let e = (-1f64).exp();
    let mut law = vec![e, e, e / 2.0, e / 6.0];
    law.push(1.0 - law.iter().sum::<f64>());
    let p = chi_square(&counts, &law);
    assert!(p > 1e-3, "p = {p}, {counts:?}");
    let (mean, error) = crate::numerics::statistics::mean_stderr(&distance);
    let expected = (std::f64::consts::PI * s as f64 / 2.0).sqrt();
    assert!(
        (mean - expected).abs() < 4.0 * error.unwrap(),
        "{mean} {error:?}"
    );
}

#[test]
fn seen_mass_is_that_of_the_size_law() {
    // 1 - u(phi) = 1 - sum_s w(s) (1 - phi)^s at phi = 0.1; the mean over points outside the training set.
    let n = 300_000;
    let mut seen = Vec::new();
    for seed in 0..8 {
        let hierarchy = grow(n, MEAN_FIELD, 200 + seed);
        let mut rng = stream(seed, "subset", &[]);
        let trained: Vec<bool> = (0..n).map(|_| rng.random::<f64>() < 0.1).collect();
        let mut known = vec![false; hierarchy.count()];
        for (point, &cluster) in hierarchy.cluster_of().iter().enumerate() {
            known[cluster as usize] |= trained[point];
        }
        let points = hierarchy.cluster_of().iter();
        seen.push(points.filter(|&&c| known[c as usize]).count() as f64 / n as f64);
    }
    let (mean, error) = crate::numerics::statistics::mean_stderr(&seen);
    // The cut-off of sizes at n^(2/3) moves the mass above 1/phi = 10 by less than 1e-3.
    let difference = (mean - (1.0 - 0.47275235)).abs();
    assert!(difference < 4.0 * error.unwrap() + 1e-3, "{mean} {error:?}");
}

fn place(hierarchy: &Hierarchy, growth: Growth, walk: Walk, d: usize) -> (Embedding, DMatrix<f32>) {
    let embedding = Embedding::new(hierarchy, growth, d, walk).unwrap();
    let x = embedding.positions(hierarchy, &mut stream(9, "embedding", &[]));
    (embedding, x)
}

#[test]
fn every_edge_is_one_step_long() {
    for growth in [Growth::OneCluster, MEAN_FIELD] {
        let hierarchy = grow(4000, growth, 11);
        let (embedding, x) = place(&hierarchy, growth, Walk::Branching, 20);
        let expected = embedding.step as f32 * 20f32.sqrt();
        for cluster in hierarchy.clusters() {
            for latent in cluster.latents {
                let [u, v] = latent.edge.map(|p| cluster.points[p as usize] as usize);
                let length = (x.column(u) - x.column(v)).norm();
                assert!(
                    (length / expected - 1.0).abs() < 1e-4,
                    "{length} {expected}"
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// In every dimension, above all in two and three, where a random direction is often almost along the one it has to
    /// be orthogonal to, and however deep the history: every coordinate is a finite number and every edge is one step
    /// long.
    #[test]
    fn steps_have_unit_length_in_every_dimension(
        d in prop_oneof![4 => 2usize..4, 1 => 4usize..40],
        n in 2usize..3000,
        one in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let growth = if one { Growth::OneCluster } else { MEAN_FIELD };
        let hierarchy = grow(n, growth, seed);
        let (embedding, x) = place(&hierarchy, growth, Walk::Branching, d);
        prop_assert!(x.iter().all(|v| v.is_finite()));
        let expected = embedding.step as f32 * (d as f32).sqrt();
        for cluster in hierarchy.clusters() {
            for latent in cluster.latents {
                let [u, v] = latent.edge.map(|p| cluster.points[p as usize] as usize);
                // Positions are sums of many steps; their own rounding is that of the largest coordinate.
                let rounding = 4.0 * f32::EPSILON * x.column(u).amax().max(x.column(v).amax());
                let error = ((x.column(u) - x.column(v)).norm() - expected).abs();
                prop_assert!(error <= 1e-6 * expected + rounding, "{error} {expected}");
            }
        }
    }
}

/// A vector that differs from the unit vector by rounding alone has nothing left, one by a little more has what is left
/// at a right angle.
#[test]
fn what_is_orthogonal_is_so_to_rounding() {
    let g = [0.6f32, 0.8];
    let mut along = g.map(|g| 3.0 * g);
    along[0] += 3e-6;
    let length = embedding::orthogonal(&g, &mut along).unwrap();
    assert!((0.6 * along[0] + 0.8 * along[1]).abs() < 1e-6 * length);
    assert!((length - 2.4e-6).abs() < 0.5e-6, "{length}");
    assert_eq!(embedding::orthogonal(&g, &mut [0.0, 0.0]), None);
}

#[test]
fn siblings_step_at_right_angles() {
    // Two points: the first stands at g, the second at g + g', and g . g' = 0.
    for seed in 0..20 {
        let hierarchy = grow(2, Growth::OneCluster, seed);
        let (embedding, x) = place(&hierarchy, Growth::OneCluster, Walk::Branching, 7);
        let step = embedding.step * 7f64.sqrt();
        let squares: Vec<f64> = x
            .column_iter()
            .map(|x| f64::from(x.norm_squared()))
            .collect();
        let near = squares.iter().cloned().fold(f64::MAX, f64::min) / (step * step);
        let far = squares.iter().cloned().fold(0.0, f64::max) / (step * step);
        assert!((near - 1.0).abs() < 1e-5 && (far - 2.0).abs() < 1e-5);
    }
}

#[test]
fn an_independent_walk_spreads_with_the_chemical_distance() {
    // E |X_a - X_b|^2 = step^2 d l.
    let means: Vec<f64> = (0..12)
        .map(|seed| {
            let hierarchy = grow(500, Growth::OneCluster, 12 + seed);
            let (embedding, x) = place(&hierarchy, Growth::OneCluster, Walk::Independent, 200);
            let cluster = hierarchy.cluster(0);
            let distances = cluster.distances(&[0]);
            let from = x.column(cluster.points[0] as usize).clone_owned();
            let points = cluster.points.iter().zip(&distances).skip(1);
            let ratios: Vec<f64> = points
                .map(|(&point, &distance)| {
                    let square = f64::from((x.column(point as usize) - &from).norm_squared());
                    square / (embedding.step.powi(2) * 200.0 * f64::from(distance))
                })
                .collect();
            // Each ratio is chi^2_200 / 200: standard deviation 0.1.
            assert!(ratios.iter().all(|r| (r - 1.0).abs() < 0.6));
            ratios.iter().sum::<f64>() / ratios.len() as f64
        })
        .collect();
    let (mean, error) = mean_stderr(&means);
    let error = error.unwrap();
    assert!(error < 0.03, "{error}");
    assert!((mean - 1.0).abs() < 3.5 * error, "{mean} {error}");
}

#[test]
fn chunks_do_not_change_positions() {
    let hierarchy = grow(500, MEAN_FIELD, 13);
    let (embedding, x) = place(&hierarchy, MEAN_FIELD, Walk::Branching, 5);
    let mut seen = 0;
    embedding
        .for_each_chunk(
            &hierarchy,
            64,
            &mut stream(9, "embedding", &[]),
            |points, chunk| {
                for (&point, position) in points.iter().zip(chunk.chunks(5)) {
                    assert_eq!(x.column(point as usize).as_slice(), position);
                }
                seen += points.len();
                Ok(())
            },
        )
        .unwrap();
    assert_eq!(seen, 500);
}

#[test]
fn labels_have_the_covariance_of_shared_ancestors() {
    // Cov(y_a, y_b) = (number of shared ancestors) / sqrt((depth_a + 1) (depth_b + 1)).
    let hierarchy = grow(12, Growth::OneCluster, 14);
    let cluster = hierarchy.cluster(0);
    let depths = labels::depths(&hierarchy);
    let mut expected = DMatrix::<f64>::identity(12, 12);
    for latent in cluster.latents {
        let below: Vec<usize> = cluster
            .members(latent)
            .concat()
            .iter()
            .map(|&p| p as usize)
            .collect();
        for &a in &below {
            for &b in below.iter().filter(|&&b| b != a) {
                expected[(a, b)] += 1.0 / f64::from((depths[a] + 1) * (depths[b] + 1)).sqrt();
            }
        }
    }
    let count = 20_000;
    let mut rng = stream(15, "values", &[]);
    let mut found = DMatrix::<f64>::zeros(12, 12);
    for _ in 0..count {
        let y = nalgebra::DVector::from_vec(labels::taxonomic(&hierarchy, &mut rng));
        found += &y * y.transpose() / count as f64;
    }
    // Standard error at most sqrt(2 / count) = 0.01.
    assert!((found - expected).amax() < 0.045);
}

/// `D_s = s + sum_k P(k, s - k) (D_k + D_(s-k))`, `D_1 = 0`: expected sum of the depths of all points.
#[test]
fn the_history_has_the_depth_of_the_additive_coalescent() {
    let size = 400;
    let ln_factorial = |n: usize| statrs::function::factorial::ln_factorial(n as u64);
    let power = |k: usize| (k as f64 - 1.0) * (k as f64).ln();
    let mut depth = vec![0.0; size + 1];
    for s in 2..=size {
        let share =
            |k: usize| (power(k) + power(s - k) - ln_factorial(k) - ln_factorial(s - k)).exp();
        let split = |k: usize| share(k) * (depth[k] + depth[s - k]);
        let all: f64 = (1..s).map(share).sum();
        depth[s] = s as f64 + (1..s).map(split).sum::<f64>() / all;
    }
    let exact = depth[size] / size as f64;
    // sqrt(pi s/2) for large s.
    let limit = (std::f64::consts::PI * size as f64 / 2.0).sqrt();
    assert!((exact / limit - 1.0).abs() < 2.0 / (size as f64).sqrt());
    let depths: Vec<f64> = (0..400)
        .map(|seed| {
            let hierarchy = grow(size, Growth::OneCluster, 300 + seed);
            let depths = labels::depths(&hierarchy);
            depths.iter().map(|&d| f64::from(d)).sum::<f64>() / size as f64
        })
        .collect();
    let (mean, error) = mean_stderr(&depths);
    let error = error.unwrap();
    assert!(error < 0.02 * exact, "{error}");
    assert!((mean - exact).abs() < 3.5 * error, "{mean} {error} {exact}");
}

#[test]
fn chemical_distance_to_the_nearest_seen_point_is_that_of_a_uniform_tree() {
    let n = 5000;
    for fraction in [0.004, 0.02] {
        let exact = NearestSeen::uniform(n as u32, fraction).unwrap().mean();
        let means: Vec<f64> = (0..60)
            .map(|seed| {
                let hierarchy = grow(n, Growth::OneCluster, 400 + seed);
                let mut rng = stream(seed, "subset", &[]);
                let sources: Vec<u32> = (0..n as u32)
                    .filter(|_| rng.random::<f64>() < fraction)
                    .collect();
                let distances = graph::distances(&hierarchy, &sources);
                let sum: f64 = distances.iter().map(|&d| f64::from(d)).sum();
                sum / (n - sources.len()) as f64
            })
            .collect();
        let (mean, error) = mean_stderr(&means);
        let error = error.unwrap();
        assert!(error < 0.03 * exact, "{error}");
        assert!((mean - exact).abs() < 3.5 * error, "{mean} {error} {exact}");
    }
}

/// Share of points whose nearest neighbour in space is no neighbour in the tree.
fn mismatch(dimension: usize, walk: Walk) -> f64 {
    let n = 1500;
    let mut wrong = 0;
    for seed in 0..4 {
        let hierarchy = grow(n, Growth::OneCluster, 500 + seed);
        let (_, x) = place(&hierarchy, Growth::OneCluster, walk, dimension);
        let cluster = hierarchy.cluster(0);
        let neighbours = cluster.neighbours();
        for position in 0..n as u32 {
            let at = |p: u32| x.column(cluster.points[p as usize] as usize);
            let here = at(position);
            let square = |p: u32| -> f32 {
                let pairs = here.iter().zip(at(p).iter().copied().collect::<Vec<_>>());
                pairs.map(|(a, b)| (a - b) * (a - b)).sum()
            };
            let others = (0..n as u32).filter(|&p| p != position);
            let near = others
                .map(|p| (square(p), p))
                .min_by(|a, b| a.0.total_cmp(&b.0));
            wrong += usize::from(!neighbours.of(position).contains(&near.unwrap().1));
        }
    }
    wrong as f64 / (4 * n) as f64
}

#[test]
fn neighbours_in_space_are_neighbours_in_the_tree_in_high_dimension_alone() {
    let found = [
        (8, Walk::Branching),
        (100, Walk::Branching),
        (100, Walk::Independent),
    ]
    .map(|(dimension, walk)| mismatch(dimension, walk));
    println!("{found:?}");
    assert!(found[1] < 0.5 * found[0], "{found:?}");
}

#[test]
fn wrong_growth_is_refused() {
    let mut rng = stream(1, "dataset", &[]);
    assert!(Hierarchy::grow(0, MEAN_FIELD, &mut rng).is_err());
    assert!(Hierarchy::grow(MAX_POINTS + 1, MEAN_FIELD, &mut rng).is_err());
    assert!(Hierarchy::grow(10, Growth::Distribution { tau: 2.0 }, &mut rng).is_err());
    assert!(Hierarchy::grow(10, Growth::Distribution { tau: f64::NAN }, &mut rng).is_err());
    let hierarchy = grow(10, MEAN_FIELD, 1);
    assert!(Embedding::new(&hierarchy, MEAN_FIELD, 1, Walk::Branching).is_err());
}
