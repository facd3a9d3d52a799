//! Which theory describes a network depends on its initial scale: the linearised one (ntk) or the mode-by-mode one
//! (saxe).
//!
//! In a two-layer linear network of N hidden units with weights of deviation sigma the tangent kernel starts at about
//! 2 N sigma^2, and learning a mode of strength s adds about 2s. Their ratio s/(N sigma^2) alone measures the feature
//! learning, up to 1/sqrt(N): the winner changes where it is about 1, at a scale
//!     sigma_c ~ N^(-1/2),   half as large in a network of four times the width. This is checked.
//!
//!     cargo run --release --example lazy_to_rich

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::experiment::Conditioning;
use saddlepoint::run::{Settings, assess::assess, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::{ntk, saxe};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

/// Deviations of (ntk, saxe idealised) in the mode strengths.
fn deviations(width: usize, scale: f64, replicas: usize) -> Result<[f64; 2]> {
    let task = LinearTeacher {
        samples: 30,
        ..LinearTeacher::new(vec![3.0, 2.0, 1.0], 6, 5)
    };
    let descent = GradientDescent::new(0.005, 2000);
    let experiment = teach::networks(task, &[width], scale, descent, replicas);
    let idealised = saxe::Options {
        condition: Conditioning::None,
        start: saxe::Start::MeanOverlap,
        ..Default::default()
    };
    let spec = Spec::new("lazy to rich", experiment, &["mode-strength"])?
        .theory("ntk", Arc::new(ntk::Ntk::new(Default::default())), None)?
        .theory("saxe", Arc::new(saxe::Saxe::new("saxe", idealised)?), None)?;
    let league = assess(&spec, &execute(&spec, &Settings::default())?)?;
    let deviation = |label| teach::deviation(&league, label, "mode-strength");
    Ok([deviation("ntk")?, deviation("saxe")?])
}

/// The scale at which the winner changes: the logarithm of the ratio of deviations is interpolated in ln(scale).
fn crossing(width: usize) -> Result<f64> {
    let (replicas, points) = teach::pick((6, 5), (16, 9));
    println!("width  scale    N scale^2   ntk       saxe      winner");
    let (mut crossing, mut before) = (f64::NAN, (f64::NAN, f64::NAN));
    for k in 0..points {
        let kernel = 0.02 * 256f64.powf(f64::from(k) / f64::from(points - 1));
        let scale = (kernel / width as f64).sqrt();
        let [ntk, saxe] = deviations(width, scale, replicas)?;
        let winner = if ntk < saxe { "ntk" } else { "saxe" };
        println!("{width:<5}  {scale:.4}   {kernel:.4}      {ntk:.5}   {saxe:.5}   {winner}");
        let (x, y) = (scale.ln(), (ntk / saxe.max(1e-6)).ln());
        if before.1 > 0.0 && y <= 0.0 {
            crossing = (x + (x - before.0) * y / (before.1 - y)).exp();
        }
        before = (x, y);
    }
    let equal = (1.0 / width as f64).sqrt();
    println!("winner changes at {crossing:.3}; N scale^2 = s of the weakest mode at {equal:.3}");
    Ok(crossing)
}

fn main() -> Result<()> {
    let ratio = crossing(50)? / crossing(200)?;
    let (tolerance, why) = (2.0 / 50f64.sqrt(), "the next order, 1/sqrt(N) at N = 50");
    let what = "ratio of the crossings at widths 50 and 200";
    teach::check(what, ratio, 2.0, tolerance, why)
}
