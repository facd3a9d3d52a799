//! Which theory describes a network depends on its initial scale: the linearised one (ntk) or the mode-by-mode one (saxe).
//!
//!     cargo run --release --example lazy_to_rich

use saddlepoint::Result;
use saddlepoint::experiment::{Conditioning, Draws, Experiment, Spacing};
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::run::assess::{RowResult, assess};
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::{ntk, saxe};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

const WIDTH: usize = 50;

/// Deviations of (ntk, saxe idealised) in the mode strengths.
fn deviations(scale: f64, replicas: usize) -> Result<[f64; 2]> {
    let experiment = Experiment {
        seed: 5,
        task: Arc::new(LinearTeacher {
            samples: 30,
            ..LinearTeacher::new(vec![3.0, 2.0, 1.0], 6, 5)
        }),
        learner: Some(Arc::new(Mlp {
            widths: vec![WIDTH],
            init: Init::gaussian(scale),
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.005, 2000))),
        draws: Draws {
            datasets: 1,
            replicas,
            points: 26,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    };
    let idealised = saxe::Options {
        condition: Conditioning::None,
        start: saxe::Start::MeanOverlap,
        ..Default::default()
    };
    let spec = Spec::new("lazy to rich", experiment, &["mode-strength"])?
        .theory("ntk", Arc::new(ntk::Ntk::new(Default::default())), None)?
        .theory("saxe", Arc::new(saxe::Saxe::new("saxe", idealised)?), None)?;
    let outcome = execute(&spec, &Settings::default())?;
    let league = assess(&spec, &outcome)?;
    let deviation = |row: usize| match &league.rows[row].result {
        RowResult::Compared { comparison, .. } => comparison.deviation,
        _ => f64::NAN,
    };
    Ok([deviation(0), deviation(1)])
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|a| a == "--quick");
    let replicas = if quick { 6 } else { 16 };
    let scales: Vec<f64> = (0..if quick { 5 } else { 9 })
        .map(|k| 0.02 * 16f64.powf(k as f64 / if quick { 4.0 } else { 8.0 }))
        .collect();
    println!("scale    ntk       saxe      winner");
    let mut crossing = f64::NAN;
    let mut before: Option<(f64, f64)> = None;
    for scale in scales {
        let [ntk, saxe] = deviations(scale, replicas)?;
        println!(
            "{scale:.4}   {ntk:.5}   {saxe:.5}   {}",
            if ntk < saxe { "ntk" } else { "saxe" }
        );
        // The winner changes where the logarithm of the ratio changes sign: linear interpolation in ln(scale).
        let log_ratio = (ntk / saxe.max(1e-6)).ln();
        if let Some((x, y)) = before
            && y > 0.0
            && log_ratio <= 0.0
        {
            crossing = (x + (scale.ln() - x) * y / (y - log_ratio)).exp();
        }
        before = Some((scale.ln(), log_ratio));
    }
    // The tangent kernel at the start is about 2 N scale^2, the one of the learned mode about 2 s: they are equal at sqrt(s/N).
    let theory = (1.0 / WIDTH as f64).sqrt();
    let ok = (crossing / theory).ln().abs() < 2f64.ln();
    println!(
        "the winner changes at scale {crossing:.3}; N scale^2 = s at {theory:.3} for the weakest mode"
    );
    println!(
        "check: value = {crossing:.4}, theory = {theory:.4}, tolerance = a factor 2: {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
