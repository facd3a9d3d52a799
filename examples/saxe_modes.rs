//! Four modes of a linear teacher, learned one after the other: networks against the exact theory.
//!
//! The experiment is stated in code: a teacher, a two-layer linear network, gradient descent. Every network is compared with the
//! gradient flow from its own initial weights; what is left is the step size, which shows when it is halved.
//!
//!     cargo run --release --example saxe_modes

use saddlepoint::Result;
use saddlepoint::experiment::{Draws, Experiment, Spacing};
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::run::assess::{RowResult, assess};
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::saxe::{Options, Saxe, scalar};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

fn experiment(learning_rate: f64, replicas: usize) -> Experiment {
    Experiment {
        seed: 1,
        task: Arc::new(LinearTeacher::new(vec![4.0, 2.5, 1.5, 0.8], 10, 8)),
        learner: Some(Arc::new(Mlp {
            widths: vec![8],
            init: Init::gaussian(1e-2),
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(
            learning_rate,
            (12.0 / learning_rate).round() as usize,
        ))),
        draws: Draws {
            datasets: 1,
            replicas,
            points: 25,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

/// Relative deviation of the half-rise times from the matched theory, and their measured means.
fn deviation(learning_rate: f64, replicas: usize) -> Result<(f64, Vec<f64>)> {
    let matched = Arc::new(Saxe::new("theory", Options::default())?);
    let spec = Spec::new(
        "modes",
        experiment(learning_rate, replicas),
        &["half-rise-time"],
    )?
    .theory("matched", matched, None)?;
    let outcome = execute(&spec, &Settings::default())?;
    let league = assess(&spec, &outcome)?;
    let RowResult::Compared { comparison, .. } = &league.rows[0].result else {
        return Err(saddlepoint::Error::bug("example", "nothing was compared"));
    };
    let mean = saddlepoint::run::document::measured(&outcome.cells[0])?[0]
        .mean
        .clone();
    Ok((comparison.deviation, mean))
}

fn main() -> Result<()> {
    let replicas = if std::env::args().any(|a| a == "--quick") {
        5
    } else {
        16
    };
    let (coarse, times) = deviation(0.01, replicas)?;
    let (fine, _) = deviation(0.005, replicas)?;
    println!("mode  s    half-rise time   textbook ln(s/u0 - 1)/2s at u0 = 1e-4");
    for (k, (s, t)) in [4.0, 2.5, 1.5, 0.8].iter().zip(times).enumerate() {
        println!(
            "{}     {s:.1}  {t:.4}           {:.4}",
            k + 1,
            scalar::balanced_half_rise(*s, 1e-4)
        );
    }
    println!(
        "deviation from the matched theory: {coarse:.5} at step 0.01, {fine:.5} at step 0.005"
    );
    let ratio = coarse / fine;
    let ok = (ratio - 2.0).abs() < 0.1;
    println!(
        "check: value = {ratio:.4}, theory = 2, tolerance = 0.1: {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
