//! Test files of their own: the same columns, codes and maps as the training file.

use super::super::loader::idx::tests::bytes;
use super::super::loader::tests::{npz, write};
use super::tests::draw;
use super::*;
use crate::numerics::random::stream;
use tempfile::TempDir;

/// Training inputs with means 2 and 20; the test file has its columns in another order, and one more.
fn pair(folder: &TempDir) -> FileOptions {
    let training = write(
        folder,
        "a.csv",
        b"x1,x2,y\n1,10,0\n3,10,1\n1,30,5\n3,30,0\n",
    );
    let test = write(folder, "b.csv", b"z,y,x2,x1\n9,5,20,4\n9,0,40,2\n");
    FileOptions {
        test_path: Some(test),
        ..FileOptions::new(training)
    }
}

fn open(options: FileOptions) -> File {
    File::open("task", options).unwrap()
}

fn starts(options: FileOptions, wanted: &str) {
    let message = refused(options);
    assert!(message.starts_with(wanted), "{message}\n  for {wanted}");
}

fn refused(options: FileOptions) -> String {
    let error = File::open("task", options).unwrap_err().to_string();
    assert!(error.contains("\n  remedy: "), "{error}");
    error
}

#[test]
fn columns_are_matched_by_name_and_statistics_are_those_of_the_training_file() {
    let folder = TempDir::new().unwrap();
    let task = open(FileOptions {
        center: true,
        normalize: Normalize::PerFeature,
        ..pair(&folder)
    });
    let data = draw(&task);
    assert!(data.x.column_mean().amax() < 1e-15);
    let (x, y) = data.test.unwrap();
    // Standard deviations 1 and 10 about means 2 and 20.
    assert_eq!(x.as_slice(), [2.0, 0.0, 0.0, 2.0]);
    assert_eq!(y.as_slice(), [5.0, 0.0]);
    assert_eq!((data.x.ncols(), task.test_samples()), (4, 2));
    assert!(!task.is_random() && task.has_test());
    assert_eq!(task.held_out(), Some(HeldOut::of(2)));
    assert_eq!(data.blocks.map(|b| b.len()), Some(2));
    let white = open(FileOptions {
        whiten: true,
        center: true,
        ..pair(&folder)
    });
    assert!(white.modes().is_some());
}

#[test]
fn principal_components_are_those_of_the_training_file() {
    let folder = TempDir::new().unwrap();
    let task = open(FileOptions {
        pca: Some(1),
        center: true,
        ..pair(&folder)
    });
    // The second feature varies ten times as much.
    assert_eq!(draw(&task).test.unwrap().0.as_slice(), [0.0, 20.0]);
}

#[test]
fn subsets_are_drawn_from_each_file_alone() {
    let folder = TempDir::new().unwrap();
    let task = open(FileOptions {
        samples: Some(3),
        test_samples: Some(1),
        ..pair(&folder)
    });
    assert!(task.is_random());
    let (mut trained, mut tested) = (Vec::new(), Vec::new());
    for index in 0..40 {
        let data = task.draw(&mut stream(1, "dataset", &[index])).unwrap();
        let (x, _) = data.test.unwrap();
        trained.extend(data.x.row(0).iter().map(|v| *v as i64));
        // The same sample has the same block in every draw.
        tested.push((x[(0, 0)] as i64, data.blocks.unwrap()[0]));
    }
    assert!(trained.iter().all(|v| [1, 3].contains(v)));
    tested.sort_unstable();
    tested.dedup();
    assert_eq!(tested.len(), 2);
    assert_ne!(tested[0].1, tested[1].1);
}

#[test]
fn labels_have_the_codes_of_the_training_file() {
    let folder = TempDir::new().unwrap();
    let coded = |classes: Option<Vec<Class>>| FileOptions {
        coding: Some(Coding::OneHot),
        classes,
        ..pair(&folder)
    };
    let task = open(coded(None));
    assert_eq!(task.classes(), Some(&[0, 1, 5][..]));
    let (_, y) = draw(&task).test.unwrap();
    assert_eq!(y.as_slice(), [0.0, 0.0, 1.0, 1.0, 0.0, 0.0]);
    // Classes that are left out in training are left out in the test.
    let (x, y) = draw(&open(coded(Some(vec![1.into(), 0.into()]))))
        .test
        .unwrap();
    assert_eq!(
        (x.as_slice(), y.as_slice()),
        (&[2.0, 40.0][..], &[0.0, 1.0][..])
    );
    let other = write(&folder, "c.csv", b"x1,x2,y\n1,2,7\n");
    let unknown = FileOptions {
        test_path: Some(other.clone()),
        ..coded(None)
    };
    assert!(refused(unknown).starts_with("task.test_path: the label 7 does not occur"));
    let none = FileOptions {
        test_path: Some(other),
        ..coded(Some(vec![0.into(), 1.into()]))
    };
    assert!(refused(none).starts_with("task.test_path: no test sample has one of the classes"));
}

#[test]
fn idx_pairs_need_both_files_of_the_same_form() {
    let folder = TempDir::new().unwrap();
    let images = |name: &str, n: u32, side: u32| {
        let pixels: Vec<u8> = (0..n * side * 2).map(|k| k as u8).collect();
        write(&folder, name, &bytes(&[n, side, 2], &pixels))
    };
    let labels =
        |name: &str, values: &[u8]| write(&folder, name, &bytes(&[values.len() as u32], values));
    let options = FileOptions {
        test_path: Some(images("t-idx3-ubyte", 2, 2)),
        test_labels: Some(labels("tl-idx1-ubyte", &[1, 0])),
        ..FileOptions::idx(
            images("i-idx3-ubyte", 3, 2),
            labels("l-idx1-ubyte", &[0, 1, 0]),
        )
    };
    let (x, y) = draw(&open(options.clone())).test.unwrap();
    assert_eq!(
        (x.shape(), y.as_slice()),
        ((4, 2), &[0.0, 1.0, 1.0, 0.0][..])
    );
    let without = FileOptions {
        test_labels: None,
        ..options.clone()
    };
    starts(without, "task.test_path: ");
    let fewer = FileOptions {
        test_labels: Some(labels("s-idx1-ubyte", &[1])),
        ..options.clone()
    };
    starts(fewer, "task.test_path: ");
    let cut = FileOptions {
        test_labels: Some(write(&folder, "c-idx1-ubyte", &bytes(&[2], &[1]))),
        ..options.clone()
    };
    starts(cut, "task.test_labels: ");
    let larger = FileOptions {
        test_path: Some(images("w-idx3-ubyte", 2, 3)),
        ..options
    };
    let message = refused(larger);
    let wanted = "task.test_path: 6 inputs per sample, the training file has 4";
    assert!(message.starts_with(wanted), "{message}");
}

#[test]
fn what_does_not_fit_names_its_key() {
    let folder = TempDir::new().unwrap();
    let other = write(&folder, "c.csv", b"x1,y\n1,2\n");
    let missing = FileOptions {
        test_path: Some(other),
        ..pair(&folder)
    };
    let message = refused(missing);
    assert!(
        message.starts_with("task.test_path: ") && message.contains("\"x2\""),
        "{message}"
    );
    let arrays = npz(&[("x", &[1, 3], &[1.0f64, 2.0, 3.0]), ("y", &[1], &[1.0])]);
    let wide = FileOptions {
        test_path: Some(write(&folder, "w.npz", &arrays)),
        inputs: super::super::loader::Columns::Prefix("x".into()),
        ..pair(&folder)
    };
    assert!(refused(wide).starts_with("task.test_path: "));
    let twice = FileOptions {
        test_fraction: 0.5,
        ..pair(&folder)
    };
    assert!(refused(twice).starts_with("task.test_fraction: the test samples come from test_path"));
    let alone = FileOptions {
        test_labels: Some("l".into()),
        test_path: None,
        ..pair(&folder)
    };
    assert!(refused(alone).starts_with("task.test_labels: labels of test samples without"));
    let lost = FileOptions {
        test_path: Some("nowhere.csv".into()),
        ..pair(&folder)
    };
    assert!(refused(lost).starts_with("task.test_path: nowhere.csv"));
    let many = FileOptions {
        samples: Some(2),
        test_samples: Some(3),
        ..pair(&folder)
    };
    assert!(refused(many).starts_with("task.test_samples: 3 of 2 held-out"));
}

#[test]
fn the_hash_follows_the_content_of_the_test_file() {
    let folder = TempDir::new().unwrap();
    let first = open(pair(&folder)).resolved();
    assert!(first["test_content"].is_string());
    let second = write(&folder, "c.csv", b"y,x2,x1\n5,20,4\n0,40,3\n");
    let changed = open(FileOptions {
        test_path: Some(second),
        ..pair(&folder)
    });
    assert_ne!(first, changed.resolved());
    let without = open(FileOptions {
        test_path: None,
        ..pair(&folder)
    });
    assert!(without.resolved().get("test_content").is_none());
}

/// Names have the codes of the training file, also where the test file has fewer or other ones.
#[test]
fn names_of_classes_have_the_codes_of_the_training_file() {
    let folder = TempDir::new().unwrap();
    let training = write(&folder, "a.csv", b"x,y\n1,cat\n2,dog\n3,owl\n");
    let of = |name: &str, text: &[u8], classes: Option<Vec<Class>>| FileOptions {
        test_path: Some(write(&folder, name, text)),
        classes,
        ..FileOptions::new(&training)
    };
    let data = draw(&open(of("b.csv", b"x;y\n4,5;owl\n5,5;dog\n", None)));
    let (x, y) = data.test.unwrap();
    assert_eq!(x.as_slice(), [4.5, 5.5]);
    assert_eq!(y.as_slice(), [0.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    let fox = of("c.csv", b"x,y\n4,fox\n5,dog\n", None);
    let says = "task.test_path: the label \"fox\" does not occur in the training file";
    starts(fox, says);
    let two = of(
        "d.csv",
        b"x,y\n4,fox\n5,dog\n6,owl\n",
        Some(vec!["owl".into(), "cat".into()]),
    );
    let (x, y) = draw(&open(two)).test.unwrap();
    assert_eq!((x.as_slice(), y.as_slice()), (&[6.0][..], &[1.0, 0.0][..]));
    starts(
        of("e.csv", b"x,y\n4,1\n", None),
        "task.test_path: one of the files has names",
    );
}
