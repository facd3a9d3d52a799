//! What the examples share: the quick form, networks of an experiment, a row of the league, and the line that ends them
//! all.
#![allow(dead_code)] // an example uses what it needs

use saddlepoint::experiment::{Draws, Experiment, Spacing};
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::numerics::statistics::mean_stderr;
use saddlepoint::run::assess::{Assessment, RowResult};
use saddlepoint::task::LinearTeacher;
use saddlepoint::training::GradientDescent;
use saddlepoint::{Error, Result};
use std::sync::Arc;

/// Whether the quick form is asked for: fewer draws, smaller sizes, the same check.
pub fn quick() -> bool {
    std::env::args().any(|a| a == "--quick")
}

/// The size of an example in its quick form, or in full.
pub fn pick<T>(quick_form: T, full: T) -> T {
    if quick() { quick_form } else { full }
}

/// Mean and its standard error, not-a-number for a single value.
pub fn mean(values: &[f64]) -> (f64, f64) {
    let (mean, stderr) = mean_stderr(values);
    (mean, stderr.unwrap_or(f64::NAN))
}

/// Linear networks of these hidden widths from Gaussian weights of deviation `scale` on one data set of the task;
/// curves have 25 points.
pub fn networks(
    task: LinearTeacher,
    widths: &[usize],
    scale: f64,
    training: GradientDescent,
    replicas: usize,
) -> Experiment {
    Experiment {
        seed: 1,
        task: Arc::new(task),
        learner: Some(Arc::new(Mlp {
            widths: widths.to_vec(),
            init: Init::gaussian(scale),
            ..Mlp::default()
        })),
        training: Some(Arc::new(training)),
        draws: Draws {
            datasets: 1,
            replicas,
            points: 25,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

/// Deviation of the theory entry `label` from the measured `observable`, in the first cell of a run.
///
/// # Errors
/// The row is missing, or nothing was compared in it: the theory declined or failed.
pub fn deviation(league: &Assessment, label: &str, observable: &str) -> Result<f64> {
    let is_asked = |name: Option<&str>| name.is_some_and(|n| n == observable);
    let mut rows = league.rows.iter().filter(|r| r.label == label);
    match rows.find(|r| is_asked(r.observable.map(|o| o.name))) {
        Some(row) => match &row.result {
            RowResult::Compared { comparison, .. } => Ok(comparison.deviation),
            other => Err(Error::bug(label, format!("{observable}: {other:?}"))),
        },
        None => Err(Error::bug(label, format!("no row for {observable}"))),
    }
}

/// A mean with its standard error agrees with the theory within four standard errors.
pub fn agree(what: &str, (value, stderr): (f64, f64), theory: f64) -> ! {
    check(what, value, theory, 4.0 * stderr, "4 standard errors")
}

/// Ends the example: `what` has this value and should have that of the theory within `tolerance`, the size of an error
/// that `why` names.
pub fn check(what: &str, value: f64, theory: f64, tolerance: f64, why: &str) -> ! {
    // Two digits of what the tolerance leaves; a number near 0 in powers of ten.
    let places = (1.0 - tolerance.log10().floor()).clamp(0.0, 15.0) as usize;
    let text = |x: f64| match x.abs() < tolerance.min(1e-2) && x != 0.0 {
        true => format!("{x:.1e}"),
        false if x == 0.0 => "0".into(),
        false => format!("{x:.places$}"),
    };
    let size = match tolerance < 1e-3 {
        true => format!("{tolerance:.1e}"),
        false => format!("{tolerance:.places$}"),
    };
    let is_ok = (value - theory).abs() <= tolerance;
    let (value, theory) = (text(value), text(theory));
    let end = if is_ok { "ok" } else { "FAILED" };
    println!("{what}");
    println!("check: value = {value}, theory = {theory}, tolerance {size} ({why}): {end}");
    std::process::exit(i32::from(!is_ok))
}
