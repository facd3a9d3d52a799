//! The task percolation-clusters against its laws.

use super::*;
use crate::numerics::random::stream;
use crate::percolation::NAMES;

fn task(keys: &str) -> Result<PercolationClusters> {
    let table = format!("size = 16\nsamples = 60\n{keys}");
    let table = table
        .parse()
        .map_err(|e| Error::bug("spec", format!("{e}")));
    parse_table::<Keys>("task", table?)?.task("task")
}

fn draw(task: &PercolationClusters, seed: u64) -> Dataset {
    task.draw(&mut stream(seed, "dataset", &[0])).unwrap()
}

#[test]
fn coordinates_have_the_distances_of_the_crystal_and_unit_mean_square() {
    for name in NAMES {
        let three = ["bcc", "fcc", "diamond"].contains(name);
        let task = PercolationClusters {
            lattice: name.to_string(),
            dimension: if three { 3 } else { 2 },
            size: 5,
            p: 1.0,
            ..PercolationClusters::square(5, 1)
        };
        let crystal = Crystal::named(name, task.dimension).unwrap();
        let network = Network::lattice(&crystal, &task.sides(), Boundary::Open).unwrap();
        let sites: Vec<u32> = (0..network.sites() as u32).collect();
        let x = task.coordinates(&crystal, &sites);
        assert!(x.column_sum().amax() < 1e-9, "{name}");
        assert!(
            (x.norm_squared() / x.len() as f64 - 1.0).abs() < 1e-12,
            "{name}"
        );
        // All bonds are as long as the first.
        let length = |&[i, j]: &[u32; 2]| (x.column(i as usize) - x.column(j as usize)).norm();
        let first = length(&network.bonds()[0]);
        assert!(
            network
                .bonds()
                .iter()
                .all(|b| (length(b) - first).abs() < 1e-12),
            "{name}"
        );
    }
}

#[test]
fn training_points_are_the_first_of_more_and_no_test_points() {
    let large = task("test_samples = 40").unwrap();
    let small = PercolationClusters {
        samples: 20,
        ..large.clone()
    };
    let (small, large) = (draw(&small, 5), draw(&large, 5));
    assert_eq!(small.x, large.x.columns(0, 20));
    assert_eq!(small.y, large.y.columns(0, 20));
    assert_eq!(small.test, large.test);
    let (test, _) = large.test.unwrap();
    for held_out in test.column_iter() {
        assert!(large.x.column_iter().all(|x| x != held_out));
    }
}

#[test]
fn features_are_standardised_over_all_points() {
    for keys in [
        "target = 'context'\ncontexts = 3",
        "target = 'component'",
        "target = 'surface'",
    ] {
        for element in ["site", "bond"] {
            let task = task(&format!("{keys}\nelement = '{element}'\nsmallest = 2")).unwrap();
            let (mut occupation, mut roots) = (stream(1, "a", &[]), stream(1, "b", &[]));
            let found = task.configuration(&mut occupation, &mut roots).unwrap();
            let y = task.targets(&found.points, &mut stream(1, "c", &[]));
            assert_eq!(y.nrows(), task.shape().outputs);
            assert!(y.column_sum().amax() < 1e-9);
            assert!((y.norm_squared() / found.points.len() as f64 - 1.0).abs() < 1e-12);
        }
    }
}

/// Every site occupied: one cluster, the whole lattice.
#[test]
fn a_full_lattice_is_one_cluster() {
    let task = PercolationClusters {
        p: 1.0,
        ..PercolationClusters::square(16, 256)
    };
    let data = draw(&task, 2);
    let groups = data.groups.unwrap();
    assert_eq!(groups.sizes, [256]);
    assert!(groups.train.iter().all(|&c| c == 0));
    assert_eq!(groups.latents[0].train.len(), 256);
    assert!(data.test.is_none());
}

/// Offsets are independent: points of different clusters differ by 2 in the mean square, whatever their places.
#[test]
fn walks_of_different_clusters_are_independent() {
    let task = task("").unwrap();
    let (mut sum, mut square) = (0.0, 0.0);
    let draws = 4000;
    for seed in 0..draws {
        let data = draw(&task, seed);
        let groups = data.groups.unwrap();
        let other = (1..60).find(|&k| groups.train[k] != groups.train[0]);
        let difference = other.map_or(2.0, |k| (data.y[0] - data.y[k]).powi(2));
        sum += difference;
        square += difference * difference;
    }
    let n = draws as f64;
    let mean = sum / n;
    let error = ((square / n - mean * mean) / n).sqrt();
    assert!(
        (mean - 2.0).abs() < 4.0 * error && error < 0.06,
        "{mean} {error}"
    );
}

#[test]
fn wrong_keys_name_their_place() {
    for (keys, place) in [
        ("test_samples = 400", "task.samples"),
        ("p = 0.0", "task.p"),
        ("p = 'middle'", "task.p"),
        ("dimension = 11", "task.p"),
        ("lattice = 'square'\np = 0.5", "task.lattice"),
        ("dimension = 9", "task.size"),
        ("smallest = 0", "task.smallest"),
        ("target = 'context'\ncontexts = 0", "task.contexts"),
        ("contexts = 3", "task.contexts"),
        ("target = 'edge'", "task.target"),
    ] {
        let error = task(keys).unwrap_err().to_string();
        assert!(error.starts_with(place), "{keys}: {error}");
    }
    let few = task("p = 0.1").unwrap();
    let error = few.draw(&mut stream(1, "dataset", &[0])).unwrap_err();
    assert!(error.to_string().starts_with("task.samples"));
}

#[test]
fn pictures_show_the_configuration_that_is_drawn() {
    let task = PercolationClusters {
        target: Target::Surface,
        ..PercolationClusters::square(20, 150)
    };
    let rng = || stream(4, "dataset", &[0]);
    let found = task.pictures(&mut rng()).unwrap();
    let data = task.draw(&mut rng()).unwrap();
    let sites: u32 = data.groups.unwrap().sizes.iter().sum();
    let scale = (399.0f64 / 12.0).sqrt();
    for picture in &found {
        assert_eq!((picture.values.len(), picture.columns), (400, 20));
        let shown = picture.values.iter().filter(|v| !v.is_nan());
        assert_eq!(shown.count() as u32, sites);
    }
    // The target is linear in what is shown at the place of the sample.
    let place = |x: f64| (x * scale + 9.5).round() as usize;
    let shown: Vec<f64> = data
        .x
        .column_iter()
        .map(|x| found[2].values[place(x[1]) * 20 + place(x[0])])
        .collect();
    let (first, other) = (0, shown.iter().position(|v| *v != shown[0]).unwrap());
    let slope = (data.y[other] - data.y[first]) / (shown[other] - shown[first]);
    for (k, v) in shown.iter().enumerate() {
        assert!((data.y[k] - data.y[first] - slope * (v - shown[first])).abs() < 0.05);
    }
}
