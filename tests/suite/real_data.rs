//! Real data: the files in the folder `SADDLEPOINT_DATA` (else `../shared/data`); a test whose files are absent says so.

use crate::common;
use saddlepoint::numerics::random::stream;
use saddlepoint::task::file::{Coding, FileOptions, Normalize};
use saddlepoint::task::text::{Level, Predict, TextOptions};
use saddlepoint::task::{File, Task, Text};
use std::path::PathBuf;

/// The paths of these files, or `None` and a line on stderr.
fn data<const N: usize>(names: [&str; N]) -> Option<[PathBuf; N]> {
    let folder = common::data_folder();
    let paths = names.map(|name| folder.join(name));
    if let Some(absent) = paths.iter().find(|p| !p.exists()) {
        common::skipped(&absent.display().to_string());
        return None;
    }
    Some(paths)
}

fn digits() -> Option<FileOptions> {
    let [images, labels] = data(["t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"])?;
    Some(FileOptions::idx(images, labels))
}

#[test]
fn the_mnist_test_split_has_its_known_counts() {
    let Some(options) = digits() else { return };
    let task = File::open("task", options).unwrap();
    let shape = task.shape();
    assert_eq!(
        (shape.inputs, shape.outputs, shape.samples),
        (784, 10, 10_000)
    );
    let data = task.draw(&mut stream(1, "dataset", &[0])).unwrap();
    let counts: Vec<f64> = data.y.column_sum().iter().copied().collect();
    let known = [
        980.0, 1135.0, 1032.0, 1010.0, 982.0, 892.0, 958.0, 1028.0, 974.0, 1009.0,
    ];
    assert_eq!(counts, known);
    assert_eq!((data.x.min(), data.x.max()), (0.0, 255.0));
    // The first digit is a seven.
    assert_eq!(data.y[(7, 0)], 1.0);
}

#[test]
fn zeros_and_ones_of_mnist_are_prepared_for_a_kernel() {
    let Some(options) = digits() else { return };
    let task = File::open(
        "task",
        FileOptions {
            classes: Some(vec![0.into(), 1.into()]),
            coding: Some(Coding::Sign),
            samples: Some(500),
            test_samples: Some(1000),
            center: true,
            normalize: Normalize::UnitNorm,
            pca: Some(20),
            ..options
        },
    )
    .unwrap();
    assert_eq!((task.shape().inputs, task.shape().outputs), (20, 1));
    let data = task.draw(&mut stream(1, "dataset", &[0])).unwrap();
    assert_eq!((data.samples(), data.test.unwrap().0.ncols()), (500, 1000));
    // 20 of 784 components keep more than 3/4 of |x|^2 = 784.
    let kept = data.x.norm_squared() / (500.0 * 784.0);
    assert!(kept > 0.75 && kept < 1.0, "{kept}");
}

#[test]
fn tiny_shakespeare_has_its_known_length_and_characters() {
    let Some([path]) = data(["tinyshakespeare.txt"]) else {
        return;
    };
    let options = TextOptions {
        test_samples: 10,
        predict: Predict::Every,
        ..TextOptions::new(path, 32, 100)
    };
    for level in [Level::Byte, Level::Character] {
        let task = Text::open(
            "task",
            TextOptions {
                level,
                ..options.clone()
            },
        )
        .unwrap();
        assert_eq!((task.tokens(), task.vocabulary().size()), (1_115_394, 65));
        assert_eq!(task.vocabulary().tokens()[..3], [" ", "e", "t"]);
        assert_eq!((task.shape().inputs, task.shape().outputs), (32, 65 * 32));
        let data = task.draw(&mut stream(1, "dataset", &[0])).unwrap();
        let window = task.decode(data.x.column(0).as_slice()).unwrap();
        assert_eq!(window.chars().count(), 32);
        assert!(window.is_ascii());
    }
    let words = TextOptions {
        level: Level::Word,
        vocabulary: Some(1000),
        ..options
    };
    let task = Text::open("task", words).unwrap();
    assert_eq!(task.vocabulary().size(), 1001);
}
