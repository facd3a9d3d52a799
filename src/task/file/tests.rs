//! Laws of data sets from files.

use super::super::loader::idx::tests::bytes;
use super::super::loader::tests::{npz, write};
use super::super::loader::{Decimal, Transpose};
use super::*;
use crate::numerics::random::normal_matrix;
use std::path::PathBuf;
use tempfile::TempDir;

/// A file of 40 samples with 3 correlated inputs and 2 targets.
fn example(folder: &TempDir) -> (PathBuf, DMatrix<f64>, DMatrix<f64>) {
    let mut rng = stream(5, "file", &[]);
    let mix = DMatrix::from_row_slice(3, 3, &[1.0, 0.9, 0.0, 0.0, 0.3, 0.0, 2.0, 0.0, 1.0]);
    let x = mix * normal_matrix(&mut rng, 3, 40);
    let y = normal_matrix(&mut rng, 2, 40);
    let bytes = npz(&[("x", &[40, 3], x.as_slice()), ("y", &[40, 2], y.as_slice())]);
    (write(folder, "data.npz", &bytes), x, y)
}

pub(super) fn draw(task: &File) -> Dataset {
    task.draw(&mut stream(1, "dataset", &[0])).unwrap()
}

#[test]
fn without_options_the_file_is_the_data_set() {
    let folder = TempDir::new().unwrap();
    let (path, x, y) = example(&folder);
    let task = File::open("task", FileOptions::new(path)).unwrap();
    let data = draw(&task);
    assert_eq!((&data.x, &data.y), (&x, &y));
    assert!(!task.is_random() && !task.has_test() && task.modes().is_none());
    let Modes { u, s, v } = &data.modes;
    let syx = y * x.transpose() / 40.0;
    assert!((u * DMatrix::from_diagonal(s) * v.transpose() - syx).amax() < 1e-13);
    assert_eq!(task.mode_count(), 2);
}

#[test]
fn whitening_is_exact_and_commutes_with_the_split() {
    let folder = TempDir::new().unwrap();
    let (path, x, _) = example(&folder);
    for test_fraction in [0.0, 0.25] {
        let options = FileOptions {
            whiten: true,
            test_fraction,
            ..FileOptions::new(&path)
        };
        let task = File::open("task", options).unwrap();
        let data = draw(&task);
        let samples = task.shape().samples;
        assert_eq!(data.samples(), samples);
        assert!(data.moments(1.0 / samples as f64).whitening_error() < 1e-12);
        if let Some((test, _)) = &data.test {
            assert_eq!(test.ncols(), 10);
            let raw = draw(
                &File::open(
                    "task",
                    FileOptions {
                        test_fraction,
                        ..FileOptions::new(&path)
                    },
                )
                .unwrap(),
            );
            let map =
                &data.x * raw.x.transpose() * (&raw.x * raw.x.transpose()).try_inverse().unwrap();
            assert!((test - map * raw.test.unwrap().0).amax() < 1e-10);
        } else {
            assert_eq!(task.modes(), Some(data.modes));
            assert_eq!(data.x.ncols(), x.ncols());
        }
    }
}

#[test]
fn a_split_keeps_every_sample_once() {
    let folder = TempDir::new().unwrap();
    let (path, x, _) = example(&folder);
    let options = FileOptions {
        test_fraction: 0.3,
        ..FileOptions::new(path)
    };
    let task = File::open("task", options).unwrap();
    let data = draw(&task);
    assert_eq!(data, draw(&task));
    assert_ne!(
        data.x,
        task.draw(&mut stream(1, "dataset", &[1])).unwrap().x
    );
    let test = data.test.unwrap().0;
    let sorted = |values: Vec<f64>| {
        let mut values = values;
        values.sort_by(f64::total_cmp);
        values
    };
    let found = data.x.iter().chain(test.iter()).copied().collect();
    assert_eq!(sorted(found), sorted(x.iter().copied().collect()));
}

#[test]
fn the_hash_follows_the_content_and_not_the_path() {
    let folder = TempDir::new().unwrap();
    let open = |name: &str, text: &str| {
        let path = write(&folder, name, text.as_bytes());
        File::open("task", FileOptions::new(path))
            .unwrap()
            .resolved()
    };
    let first = open("a.csv", "x,y\n1,2\n3,4\n");
    assert_eq!(first, open("b.csv", "x,y\n1,2\n3,4\n"));
    assert_ne!(first, open("a.csv", "x,y\n1,2\n3,5\n"));
    assert_eq!(first["content"].as_str().map(str::len), Some(64));
}

#[test]
fn dependent_inputs_are_not_whitened() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.csv", b"x1,x2,y\n1,2,0\n2,4,1\n3,6,0\n");
    let error = |table: &str| {
        let text = format!("path = {path:?}\n{table}");
        parse("task", text.parse().unwrap())
            .unwrap_err()
            .to_string()
    };
    assert!(error("whiten = true").starts_with("task.whiten: the inputs are linearly"));
    assert!(error("test_fraction = 1.0").starts_with("task.test_fraction: 1 is outside"));
    assert!(error("test_fraction = 0.1").contains("leaves one side empty"));
    assert!(error("inputs = 3").contains("list of column names"));
    assert!(error("whitened = true").contains("did you mean \"whiten\"?"));
}

/// 30 images of 2 x 2, labels 0, 1, 2 in turn; the images are distinct.
fn digits(folder: &TempDir) -> FileOptions {
    let pixels: Vec<u8> = (0..120u32).map(|k| (k * k % 251) as u8).collect();
    let labels: Vec<u8> = (0..30).map(|k| k % 3).collect();
    FileOptions::idx(
        write(folder, "images-idx3-ubyte", &bytes(&[30, 2, 2], &pixels)),
        write(folder, "labels-idx1-ubyte", &bytes(&[30], &labels)),
    )
}

fn open(options: FileOptions) -> File {
    File::open("task", options).unwrap()
}

fn columns(x: &DMatrix<f64>) -> Vec<Vec<u64>> {
    let bits = |c: nalgebra::DVectorView<f64>| c.iter().map(|v| v.to_bits()).collect();
    let mut columns: Vec<Vec<u64>> = x.column_iter().map(bits).collect();
    columns.sort();
    columns
}

#[test]
fn idx_samples_are_images_with_one_hot_labels() {
    let folder = TempDir::new().unwrap();
    let task = open(digits(&folder));
    assert_eq!(task.classes(), Some(&[0, 1, 2][..]));
    let data = draw(&task);
    assert_eq!(data.x.column(1).as_slice(), [16.0, 25.0, 36.0, 49.0]);
    assert_eq!(data.y.column(1).as_slice(), [0.0, 1.0, 0.0]);
    assert!(!task.is_random() && !task.has_test());
    let two = open(FileOptions {
        classes: Some(vec![2.into(), 0.into()]),
        coding: Some(Coding::Sign),
        ..digits(&folder)
    });
    assert_eq!(draw(&two).y.as_slice()[..4], [1.0, -1.0, 1.0, -1.0]);
    assert_eq!(two.shape().samples, 20);
}

#[test]
fn a_small_data_set_is_the_beginning_of_a_larger_one_and_never_meets_the_test_set() {
    let folder = TempDir::new().unwrap();
    let options = FileOptions {
        samples: Some(20),
        test_fraction: 0.25,
        center: true,
        normalize: Normalize::UnitNorm,
        pca: Some(3),
        ..digits(&folder)
    };
    let large = open(options.clone());
    let small = open(FileOptions {
        samples: Some(7),
        test_samples: Some(3),
        ..options
    });
    assert_eq!(large.test_samples(), 8);
    assert!(large.is_random());
    assert!(Arc::ptr_eq(&large.pool, &small.pool), "prepared twice");
    let mut held = Vec::new();
    for index in 0..20 {
        let draw = |task: &File| task.draw(&mut stream(1, "dataset", &[index])).unwrap();
        let (a, b) = (draw(&small), draw(&large));
        assert_eq!(b, draw(&large));
        assert_eq!(
            (a.x, a.y),
            (b.x.columns(0, 7).into(), b.y.columns(0, 7).into())
        );
        let (test, large_test) = (a.test.unwrap(), b.test.unwrap());
        assert_eq!(test.0, large_test.0.columns(0, 3));
        assert_eq!(test.1, large_test.1.columns(0, 3));
        let (trained, tested) = (columns(&b.x), columns(&large_test.0));
        assert!(trained.windows(2).all(|w| w[0] != w[1]), "drawn twice");
        assert!(tested.iter().all(|t| trained.binary_search(t).is_err()));
        held.push(tested);
    }
    assert!(
        held.windows(2).all(|w| w[0] == w[1]),
        "the held-out part moved"
    );
    let at = |index| large.draw(&mut stream(1, "dataset", &[index])).unwrap().x;
    assert_ne!(at(0), at(1));
}

#[test]
fn statistics_come_from_the_training_part_alone() {
    let folder = TempDir::new().unwrap();
    let options = FileOptions {
        center: true,
        normalize: Normalize::PerFeature,
        whiten: true,
        ..digits(&folder)
    };
    // All training samples at once: exactly centred and white, whatever the test samples are.
    for (samples, test_samples, test_fraction) in [
        (Some(22), Some(8), 0.0),
        (Some(22), None, 0.25),
        (None, None, 0.25),
    ] {
        let task = open(FileOptions {
            samples,
            test_samples,
            test_fraction,
            ..options.clone()
        });
        let data = draw(&task);
        assert_eq!((data.x.ncols(), task.test_samples()), (22, 8));
        assert!(data.x.column_mean().amax() < 1e-13);
        assert!(data.moments(1.0 / 22.0).whitening_error() < 1e-12);
        let (x, y) = data.test.unwrap();
        assert!(x.column_mean().amax() > 0.01);
        assert_eq!((x.ncols(), y.ncols()), (8, 8));
    }
}

#[test]
fn every_new_key_is_recorded_and_old_tables_keep_theirs() {
    let folder = TempDir::new().unwrap();
    let (path, ..) = example(&folder);
    let keys = |options: FileOptions| -> Vec<String> {
        let table = open(options).resolved();
        table.as_object().unwrap().keys().cloned().collect()
    };
    let old = ["content", "inputs", "targets", "test_fraction", "whiten"];
    assert_eq!(keys(FileOptions::new(path)), old);
    let new = keys(FileOptions {
        samples: Some(4),
        center: true,
        normalize: Normalize::UnitVariance,
        pca: Some(2),
        ..digits(&folder)
    });
    for key in [
        "samples",
        "test_samples",
        "classes",
        "coding",
        "center",
        "normalize",
        "pca",
    ] {
        assert!(new.iter().any(|k| k == key), "{key}");
    }
}

#[test]
fn wrong_tables_name_their_key() {
    let folder = TempDir::new().unwrap();
    let digits = digits(&folder);
    let (images, labels) = (&digits.path, digits.labels.as_ref().unwrap());
    let short = write(&folder, "short-idx1-ubyte", &bytes(&[30], &[0; 29]));
    let (csv, ..) = example(&folder);
    let base = format!("path = {images:?}\nlabels = {labels:?}\n");
    for (table, wanted) in [
        (format!("path = {images:?}"), "task.path: "),
        (
            format!("path = {images:?}\nlabels = {short:?}"),
            "task.labels: ",
        ),
        (
            format!("path = {labels:?}\nlabels = {images:?}"),
            "task.path: ",
        ),
        (
            format!("path = {csv:?}\nlabels = {labels:?}"),
            "task.path: ",
        ),
        (
            format!("path = {csv:?}\nclasses = [1]"),
            "task.targets: 2 targets",
        ),
        (format!("{base}samples = 31"), "task.samples: 31 of 30"),
        (format!("{base}samples = 0"), "task.samples: is 0"),
        (
            format!("{base}samples = 5\ntest_samples = 30"),
            "task.test_samples: 30 of 30",
        ),
        (
            format!("{base}samples = 5\ntest_fraction = 0.1\ntest_samples = 4"),
            "task.test_samples: 4 of 3",
        ),
        (
            format!("{base}test_samples = 4"),
            "task.test_samples: without samples",
        ),
        (
            format!("{base}inputs = 'z'"),
            "task.inputs: IDX files have no columns",
        ),
        (format!("{base}classes = [3]"), "task.classes[0]: no sample"),
        (
            format!("{base}coding = 'sign'"),
            "task.coding: \"sign\" needs two classes, not 3",
        ),
        (
            format!("{base}coding = 'signs'"),
            "task.coding: unknown value \"signs\"",
        ),
        (
            format!("{base}pca = 5"),
            "task.pca: 5 components of 4 inputs",
        ),
        (format!("{base}centre = true"), "task.centre: unknown key"),
    ] {
        let message = parse("task", table.parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(message.starts_with(wanted), "{message}\n  for {wanted}");
        assert!(message.contains("\n  remedy: "), "{message}");
    }
}

/// Where squares overflow or vanish every normalisation would give zeros: such columns are refused, whatever is done with them.
#[test]
fn columns_without_a_norm_are_refused() {
    let of =
        |values: &[f64]| super::pool::representable("task", &DMatrix::from_row_slice(2, 2, values));
    assert!(of(&[1e100, -1e-200, 0.0, 0.0]).is_ok());
    for (values, says) in [
        (
            [1.0, 2.0, 1e160, 0.0],
            "input 1 of sample 0 (from 0) is 1e160: the square of its norm overflows",
        ),
        (
            [1.0, 2.0, 0.0, -1e-200],
            "input 1 of sample 1 (from 0) is -1e-200: the square of its norm vanishes",
        ),
    ] {
        let error = of(&values).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}

/// Names of classes are labels like those of IDX files: coded one-hot in alphabetical order, chosen by name, and told.
#[test]
fn classes_with_names_are_coded_like_labels() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.csv", b"x,y\n1,dog\n2,cat\n3,owl\n4,cat\n");
    let numbers = write(&folder, "b.csv", b"x,y\n1,1\n2,0\n3,2\n4,0\n");
    let task = open(FileOptions::new(&path));
    assert_eq!(task.class_names().unwrap(), ["cat", "dog", "owl"]);
    let as_labels = open(FileOptions {
        coding: Some(Coding::OneHot),
        ..FileOptions::new(&numbers)
    });
    assert_eq!(draw(&task).y, draw(&as_labels).y);
    let told = task.sources();
    assert!(
        told.contains(&("codes of classes", "0 = cat, 1 = dog, 2 = owl".into())),
        "{told:?}"
    );
    assert_eq!(
        task.resolved()["classes"],
        serde_json::json!(["cat", "dog", "owl"])
    );
    assert_eq!(task.resolved()["coding"], "one-hot");
    let chosen = |classes: &[Class], coding| FileOptions {
        classes: Some(classes.to_vec()),
        coding: Some(coding),
        ..FileOptions::new(&path)
    };
    let two = open(chosen(&["owl".into(), "cat".into()], Coding::Sign));
    assert_eq!(draw(&two).y.as_slice(), [1.0, -1.0, 1.0]);
    let value = open(chosen(&["owl".into(), "cat".into()], Coding::Value));
    assert_eq!(draw(&value).y.as_slice(), [1.0, 0.0, 1.0]);
    for (classes, wanted) in [
        (
            Class::from("cta"),
            "task.classes[0]: no sample has the label \"cta\"",
        ),
        (
            Class::from(1),
            "task.classes[0]: 1 is a number, and the classes of the file have names",
        ),
    ] {
        let error = File::open("task", chosen(&[classes], Coding::OneHot)).unwrap_err();
        let message = error.to_string();
        assert!(message.starts_with(wanted), "{message}");
        assert!(
            message.contains("name classes of the file: cat, dog, owl"),
            "{message}"
        );
    }
    let by_name = FileOptions {
        path: numbers,
        ..chosen(&["1".into(), "2".into()], Coding::OneHot)
    };
    assert_eq!(open(by_name).class_names().unwrap(), ["1", "2"]);
}

/// The form of a file is told and, where it is no plain one, part of the hash: the same bytes under other keys are
/// other numbers.
#[test]
fn the_hash_follows_the_form_in_which_a_file_is_read() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "a.csv", b"x;y\n1,234;5\n2,500;6\n");
    let message = File::open("task", FileOptions::new(&path))
        .unwrap_err()
        .to_string();
    assert!(
        message.starts_with("task.path: ") && message.contains("decimal = "),
        "{message}"
    );
    let comma = open(FileOptions {
        decimal: Some(Decimal::Comma),
        ..FileOptions::new(&path)
    });
    let form = serde_json::json!({
        "separator": ";", "decimal": ",", "comments": 0, "header_in_comment": false,
    });
    assert_eq!(comma.resolved()["form"], form);
    let told = (
        "form of the csv file",
        "separated by ;, decimal comma".to_string(),
    );
    assert!(comma.sources().contains(&told));
    let square = npz(&[
        ("x", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
        ("y", &[2], &[0.0, 1.0]),
    ]);
    let path = write(&folder, "a.npz", &square);
    let of = |transpose| {
        open(FileOptions {
            transpose,
            ..FileOptions::new(&path)
        })
    };
    let (as_stored, other) = (of(Transpose::default()), of(Transpose::Both(true)));
    assert_eq!(draw(&as_stored).x, draw(&other).x.transpose());
    assert_ne!(as_stored.resolved(), other.resolved());
    assert_eq!(as_stored.resolved(), of(Transpose::Both(false)).resolved());
    for (table, wanted) in [
        ("separator = \"tab\"\ndecimal = \",\"", "task.path: "),
        ("separator = \":\"", "task.separator: unknown value \":\""),
        ("transpose = \"x\"", "task.transpose: "),
    ] {
        let table = format!("path = {path:?}\n{table}").parse().unwrap();
        let message = parse("task", table).unwrap_err().to_string();
        assert!(message.starts_with(wanted), "{message}");
    }
}
