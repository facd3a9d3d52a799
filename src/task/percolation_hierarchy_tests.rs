//! The task percolation-hierarchy against its laws.

use super::*;
use crate::numerics::random::stream;

fn draw(task: &PercolationHierarchy) -> Dataset {
    task.draw(&mut stream(5, "dataset", &[0])).unwrap()
}

fn everything(mode: Mode, target: Target, variant: Variant) -> PercolationHierarchy {
    PercolationHierarchy {
        mode,
        target,
        variant,
        embedding_dim: 12,
        test_samples: 300,
        ..PercolationHierarchy::new(800, 500)
    }
}

#[test]
fn all_points_together_are_standardised() {
    for mode in [Mode::Distribution, Mode::ErdosRenyi, Mode::OneCluster] {
        for target in [Target::Taxonomic, Target::Coordinate] {
            for variant in [Variant::Branching, Variant::Independent] {
                let data = draw(&everything(mode, target, variant));
                let (test_x, test_y) = data.test.as_ref().unwrap();
                for (train, test) in [(&data.x, test_x), (&data.y, test_y)] {
                    let sum = train.column_sum() + test.column_sum();
                    assert!(sum.amax() < 1e-9 * 800.0, "{mode:?} {target:?} {variant:?}");
                    let square = train.norm_squared() + test.norm_squared();
                    assert!((square / (800 * train.nrows()) as f64 - 1.0).abs() < 1e-9);
                }
            }
        }
    }
}

#[test]
fn training_points_are_the_first_of_more_and_no_test_points() {
    let large = everything(Mode::Distribution, Target::Taxonomic, Variant::Branching);
    let small = PercolationHierarchy {
        samples: 40,
        ..large.clone()
    };
    let (small, large) = (draw(&small), draw(&large));
    assert_eq!(small.x, large.x.columns(0, 40));
    assert_eq!(small.y, large.y.columns(0, 40));
    assert_eq!(small.test, large.test);
    let (test, _) = large.test.unwrap();
    for held_out in test.column_iter() {
        assert!(large.x.column_iter().all(|x| x != held_out));
    }
}

#[test]
fn the_hidden_coordinate_moves_as_far_as_the_seen_ones() {
    // Coordinates have one law: between neighbours, E (y_a - y_b)^2 is the mean of E (x_a - x_b)^2 over seen coordinates, each
    // in units of its own variance over all points.
    let task = everything(Mode::OneCluster, Target::Coordinate, Variant::Independent);
    let task = PercolationHierarchy {
        embedding_dim: 40,
        ..task
    };
    let (mut seen, mut hidden) = (0.0, 0.0);
    for seed in 0..40 {
        let data = task.draw(&mut stream(seed, "dataset", &[0])).unwrap();
        let (x, y) = (&data.x, &data.y);
        let test = &data.test.as_ref().unwrap().0;
        let square = |m: &DMatrix<f64>, k| m.row(k).norm_squared();
        let variance: Vec<f64> = (0..40)
            .map(|k| (square(x, k) + square(test, k)) / 800.0)
            .collect();
        for a in 0..100 {
            let distance = |b: usize| (x.column(a) - x.column(b)).norm_squared();
            let others = (0..500).filter(|&b| b != a);
            let near = others.min_by(|&b, &c| distance(b).total_cmp(&distance(c)));
            let b = near.unwrap();
            let squares = (0..40).map(|k| (x[(k, a)] - x[(k, b)]).powi(2) / variance[k]);
            seen += squares.sum::<f64>() / 40.0;
            hidden += (y[a] - y[b]).powi(2);
        }
    }
    // The neighbour is chosen by the seen coordinates, which makes their distance a little too small.
    let ratio = hidden / seen;
    assert!((0.9..1.3).contains(&ratio), "{ratio}");
}

#[test]
fn targets_of_clusters_without_a_training_point_are_independent_of_the_data() {
    // The nearest neighbour of a point of another cluster says nothing: E (y - y')^2 = 2 within errors, against less than 1
    // for points of seen clusters.
    let task = PercolationHierarchy {
        test_samples: 1000,
        ..PercolationHierarchy::new(20_000, 1000)
    };
    let data = draw(&task);
    let seen = data.groups.as_ref().unwrap().seen();
    let (x, y) = data.test.as_ref().unwrap();
    let mut errors = [(0.0, 0.0), (0.0, 0.0)];
    for (k, seen) in seen.into_iter().enumerate() {
        let distance = |mu: usize| (data.x.column(mu) - x.column(k)).norm_squared();
        let near = (0..1000).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        let (sum, count) = &mut errors[usize::from(seen)];
        *sum += (data.y[near.unwrap()] - y[k]).powi(2);
        *count += 1.0;
    }
    let [unseen, seen] = errors.map(|(sum, count)| sum / count);
    assert!((unseen - 2.0).abs() < 0.4 && seen < 1.0, "{unseen} {seen}");
}

#[test]
fn kept_latents_are_sets_of_their_size() {
    let data = draw(&everything(
        Mode::OneCluster,
        Target::Taxonomic,
        Variant::Branching,
    ));
    let groups = data.groups.unwrap();
    assert!(groups.latents.len() > 10);
    // All points are chosen here.
    for latent in &groups.latents {
        let members = latent.train.len() + latent.test.len();
        assert_eq!(members as f64, (latent.share * 800.0).round());
        assert!(latent.train.iter().all(|&k| k < 500) && latent.test.iter().all(|&k| k < 300));
    }
}

#[test]
fn wrong_keys_name_their_place() {
    for (text, place) in [
        ("points = 10\nsamples = 0", "task.samples"),
        ("points = 10\nsamples = 8\ntest_samples = 3", "task.points"),
        ("points = 2000000000\nsamples = 8", "task.points"),
        (
            "points = 10\nsamples = 8\nembedding_dim = 1",
            "task.embedding_dim",
        ),
        ("points = 10\nsamples = 8\nexponent = 2.0", "task.exponent"),
        ("points = 10\nsamples = 8\nmode = \"one\"", "task.mode"),
    ] {
        let error = (KIND.parse)("task", text.parse().unwrap()).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(&format!("{place}: ")), "{message}");
    }
}

#[test]
fn pictures_show_all_points_of_the_largest_cluster_by_latent_and_level() {
    let task = everything(Mode::OneCluster, Target::Taxonomic, Variant::Branching);
    let found = task.pictures(&mut stream(5, "dataset", &[0])).unwrap();
    let [latents, levels] = &found[..] else {
        panic!("{} pictures", found.len());
    };
    let shown =
        |p: &crate::task::Picture| -> Vec<bool> { p.values.iter().map(|v| !v.is_nan()).collect() };
    assert_eq!(shown(latents), shown(levels));
    let colours: Vec<f64> = latents
        .values
        .iter()
        .copied()
        .filter(|v| !v.is_nan())
        .collect();
    assert!(colours.len() > 200 && colours.len() <= 800);
    assert!(colours.iter().all(|v| (0.0..=8.0).contains(v)));
    let of = |k: f64| colours.iter().filter(|v| **v == k).count();
    assert!(of(8.0) > of(1.0));
    // Every point has an ancestor.
    assert!(
        levels
            .values
            .iter()
            .filter(|v| !v.is_nan())
            .all(|v| *v >= 1.0)
    );
}
