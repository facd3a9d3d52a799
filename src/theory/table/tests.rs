//! Laws of the entry: the numbers of the file at their own points, nothing between them, errors that keep their size.

use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Draw, Draws, Experiment};
use crate::instrument::{Axis, TEST_LOSS, Wanted};
use crate::kind::component;
use crate::learner::Mlp;
use crate::task::LinearTeacher;
use crate::theory::{Answer, Asked, THEORIES, Theory};
use std::sync::Arc;
use tempfile::TempDir;

fn experiment(width: usize) -> Experiment {
    Experiment {
        seed: 1,
        task: Arc::new(LinearTeacher::new(vec![2.0, 1.0], 4, 3)),
        learner: Some(Arc::new(Mlp {
            widths: vec![width, width],
            ..Mlp::default()
        })),
        training: None,
        draws: Draws::default(),
    }
}

fn entry(text: &str, keys: &str) -> Result<Arc<dyn Theory>> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("curve.csv");
    std::fs::write(&path, text).unwrap();
    let mut table: toml::Table = keys.parse().unwrap();
    table.insert("kind".into(), "table".into());
    table.insert("file".into(), path.display().to_string().into());
    table
        .entry("observable")
        .or_insert_with(|| "test-loss".into());
    component("theory[0]", THEORIES, table)
}

fn asked(times: &[f64]) -> Asked {
    Asked::from(Wanted {
        observable: &TEST_LOSS,
        axes: vec![Axis::new("time", "tau", times.to_vec())],
    })
}

fn answer(text: &str, width: usize, asked: Asked) -> std::result::Result<Answer, String> {
    let theory = entry(text, "").unwrap();
    let plan = theory.plan(&experiment(width), &[asked]);
    let plan = plan.map_err(|declined| declined.to_string())?;
    let mut found = plan.solve(&Draw::default(), &Context::default()).unwrap();
    Ok(found.answers.remove(0))
}

const SWEPT: &str = "widths,time,bound,value\n5,2,0.2,52\n3,0,0.3,30\n5,0,0.4,50\n3,2,0.5,32\n";

#[test]
fn the_rows_of_the_cell_answer_in_the_order_of_the_grid() {
    for (width, mean, bound) in [(3, [30.0, 32.0], [0.3, 0.5]), (5, [50.0, 52.0], [0.4, 0.2])] {
        let found = answer(SWEPT, width, asked(&[0.0, 2.0])).unwrap();
        assert_eq!((&found.mean[..], &found.bound[..]), (&mean[..], &bound[..]));
        assert_eq!(found.repeats, None);
        let back = answer(SWEPT, width, asked(&[2.0, 0.0])).unwrap();
        assert_eq!(back.mean, [mean[1], mean[0]]);
    }
    // The whole path names the same key.
    let path = SWEPT.replace("widths", "learner.widths");
    let found = answer(&path, 5, asked(&[0.0, 2.0])).unwrap();
    assert_eq!(found.mean, [50.0, 52.0]);
}

#[test]
fn nothing_is_interpolated_and_what_is_missing_is_named() {
    let text = "time,value\n0,1\n0.5,2\n1,3\n";
    let reason = answer(text, 3, asked(&[0.0, 0.3, 0.7, 1.0])).unwrap_err();
    assert!(
        reason.contains("no row for time = 0.3; 2 of 4 points"),
        "{reason}"
    );
    assert!(reason.contains("time = 0, 0.5, 1. Nothing"), "{reason}");
    let reason = answer(SWEPT, 4, asked(&[0.0])).unwrap_err();
    assert!(
        reason.contains("no row with learner.widths = 4; it has 3, 5"),
        "{reason}"
    );
    let reason = answer("tme,value\n0,1\n", 3, asked(&[0.0, 1.0])).unwrap_err();
    assert!(
        reason.contains("no column of the axis \"time\" (did you mean \"tme\""),
        "{reason}"
    );
    let reason = answer("time,depth,value\n0,1,2\n", 3, asked(&[0.0])).unwrap_err();
    assert!(
        reason.contains("the column \"depth\"") && reason.contains("no axis"),
        "{reason}"
    );
}

/// A learning curve: one time of the instrument, which the file does not name.
#[test]
fn an_axis_of_one_value_needs_no_column() {
    let text = "input_dim,value\n4,7\n5,8\n";
    assert_eq!(answer(text, 3, asked(&[12.5])).unwrap().mean, [7.0]);
    assert!(answer(text, 3, asked(&[0.0, 12.5])).is_err());
    let text = "input_dim,time,value\n4,12.5,7\n4,0,8\n";
    assert_eq!(answer(text, 3, asked(&[12.5])).unwrap().mean, [7.0]);
}

#[test]
fn without_a_grid_the_axes_are_those_of_the_file() {
    let question = Asked {
        grid: None,
        ..asked(&[])
    };
    let found = answer(SWEPT, 5, question).unwrap();
    assert_eq!(found.axes, [Axis::new("time", "1", vec![0.0, 2.0])]);
    assert_eq!(found.mean, [50.0, 52.0]);
}

/// Repeats have the standard error of each row, and the errors of different rows, also of different cells, are
/// uncorrelated.
#[test]
fn statistical_errors_keep_their_size_and_are_independent() {
    let rows = (0..40).map(|k| {
        let (width, time) = (3 + k % 2, k / 2);
        format!("{width},{time},{},{}\n", 100 + k, f64::from(1 + k) / 10.0)
    });
    let text = format!("widths,time,value,stderr\n{}", rows.collect::<String>());
    let times: Vec<f64> = (0..20).map(f64::from).collect();
    let cells = [3, 4].map(|width| answer(&text, width, asked(&times)).unwrap());
    let mut centred = Vec::new();
    for (cell, found) in cells.iter().enumerate() {
        for (k, error) in found.stderr().unwrap().into_iter().enumerate() {
            let row = cell + 2 * k;
            assert_eq!(found.mean[k], (100 + row) as f64);
            let stated = (1 + row) as f64 / 10.0;
            assert!((error / stated - 1.0).abs() < 1e-12, "{error} {stated}");
        }
        let repeats = found.repeats.as_ref().unwrap();
        for k in 0..20 {
            centred.push(
                repeats
                    .iter()
                    .map(|r| r[k] - found.mean[k])
                    .collect::<Vec<f64>>(),
            );
        }
    }
    for (i, a) in centred.iter().enumerate() {
        assert!(a.iter().sum::<f64>().abs() < 1e-9);
        for b in &centred[..i] {
            let product: f64 = a.iter().zip(b).map(|(a, b)| a * b).sum();
            assert!(product.abs() < 1e-9, "{product}");
        }
    }
}

#[test]
fn the_key_of_the_record_is_what_is_read_and_not_the_path() {
    let inputs = |text: &str, width: usize| {
        let theory = entry(text, "").unwrap();
        let plan = theory.plan(&experiment(width), &[asked(&[0.0, 2.0])]);
        plan.unwrap().inputs().clone()
    };
    assert_eq!(inputs(SWEPT, 3), inputs(SWEPT, 3));
    assert_ne!(inputs(SWEPT, 3), inputs(SWEPT, 5));
    // Rows of other cells are no part of it.
    assert_eq!(inputs(SWEPT, 3), inputs(&SWEPT.replace(",52", ",53"), 3));
    assert_ne!(inputs(SWEPT, 3), inputs(&SWEPT.replace(",32", ",33"), 3));
    assert_ne!(inputs(SWEPT, 3), inputs(&SWEPT.replace("0.5,", "0.6,"), 3));
    let hash = |text: &str| entry(text, "").unwrap().resolved();
    assert_eq!(hash(SWEPT), hash(SWEPT));
    assert_ne!(hash(SWEPT), hash(&SWEPT.replace(",52", ",53")));
}

#[test]
fn what_is_wrong_with_the_file_is_named() {
    for (text, keys, wanted) in [
        (
            "time,valu\n0,1\n",
            "",
            "header: no column is called \"value\" or \"test-loss\"",
        ),
        ("time,valu\n0,1\n", "", "did you mean \"valu\"?"),
        (
            "time,value,mean\n0,1,1\n",
            "",
            "both \"value\" and \"mean\" are values",
        ),
        (
            "time,value,stderr\n0,1,0\n1,1,-0.5\n",
            "",
            "line 3, column \"stderr\": the error -0.5 is negative",
        ),
        ("time,value,bound\n0,1,-1\n", "", "line 2, column \"bound\""),
        (
            "time,value\n0,1\n1,2\n0,3\n",
            "",
            "line 4: the point stands in line 2, too",
        ),
        (
            "time,value\n0,1\n1,inf\n",
            "",
            "line 3, column \"value\": \"inf\" is not finite",
        ),
        (
            "time,value\n0,1\n",
            "observable = 'test-los'",
            "did you mean \"test-loss\"?",
        ),
        (
            "time,value\n0,1\n",
            "averages_over = ['draws']",
            "averages_over",
        ),
        (
            "time,value\n0,1\n",
            "condition = 'data'",
            "use one of: none",
        ),
    ] {
        let message = entry(text, keys).unwrap_err().to_string();
        assert!(message.contains(wanted), "{message}");
    }
    let theory = entry("time,test-loss\n0,1\n", "averages_over = ['replicas']").unwrap();
    let plan = theory.plan(&experiment(3), &[asked(&[0.0])]).unwrap();
    assert_eq!(plan.promise().averages_over, ["replicas"]);
    assert_eq!(theory.observables(), ["test-loss"]);
}

/// A curve from a spreadsheet of another country is the same curve, and the row says how it was read; a key decides
/// what is open.
#[test]
fn separator_and_decimal_sign_are_found_told_or_stated() {
    let text = "time;value\r\n0,5;1,25\r\n2,5;0,5\r\n";
    let found = answer(text, 3, asked(&[0.5, 2.5])).unwrap();
    assert_eq!(found.mean, [1.25, 0.5]);
    let plan = entry(text, "").unwrap();
    let plan = plan.plan(&experiment(3), &[asked(&[0.5, 2.5])]).unwrap();
    let told = plan.promise().assumptions.join(" ");
    assert!(told.contains("; separated by ;, decimal comma)"), "{told}");
    let open = "time;value\n0;1,234\n";
    let error = entry(open, "").unwrap_err().to_string();
    assert!(error.contains("decimal = "), "{error}");
    assert!(entry(open, "decimal = \",\"").is_ok());
    assert!(entry(open, "decimal = \".\"").is_err());
}
