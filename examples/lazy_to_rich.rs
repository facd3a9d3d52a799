//! Which theory describes a network depends on its initial scale: the linearised one (ntk) or the mode-by-mode one
//! (saxe).
//!
//! In a two-layer linear network of N hidden units with weights of deviation sigma the tangent kernel starts at about 2
//! N sigma^2, and learning a mode of strength s adds about 2s. Their ratio s/(N sigma^2) measures the feature learning:
//! the winner changes where it is about 1. In the lazy regime the linearised theory errs in proportion to it, deviation
//! ~ sigma^-2: this is checked.
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

const WIDTH: usize = 50;

/// Deviations of (ntk, saxe idealised) in the mode strengths.
fn deviations(scale: f64, replicas: usize) -> Result<[f64; 2]> {
    // The larger the start, the faster the network: the time that is watched shrinks with it.
    let rate = 0.005 / (1.0 + WIDTH as f64 * scale * scale);
    let task = LinearTeacher {
        samples: 30,
        ..LinearTeacher::new(vec![3.0, 2.0, 1.0], 6, 5)
    };
    let descent = GradientDescent::new(rate, 2000);
    let experiment = teach::networks(task, &[WIDTH], scale, descent, replicas);
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

fn main() -> Result<()> {
    let (replicas, points) = if teach::quick() { (6, 5) } else { (16, 9) };
    let scales = (0..points).map(|k| 0.02 * 16f64.powf(k as f64 / (points - 1) as f64));
    println!("scale    ntk       saxe      winner");
    let mut lazy = vec![];
    for scale in scales.chain([1.0, 2.0]) {
        let [ntk, saxe] = deviations(scale, replicas)?;
        let winner = if ntk < saxe { "ntk" } else { "saxe" };
        println!("{scale:.4}   {ntk:.5}   {saxe:.5}   {winner}");
        lazy.push(ntk);
    }
    let equal = (1.0 / WIDTH as f64).sqrt();
    println!("N scale^2 = s at scale {equal:.3} for the weakest mode: there the winner changes");
    let n = lazy.len();
    let exponent = (lazy[n - 1] / lazy[n - 2]).log2();
    // The next order in s/(N scale^2), s = 3 at scale 1.
    let (tolerance, why) = (3.0 / WIDTH as f64, "the next order, s/(N scale^2)");
    let what = "exponent of the deviation of ntk between scales 1 and 2";
    teach::check(what, exponent, -2.0, tolerance, why)
}
