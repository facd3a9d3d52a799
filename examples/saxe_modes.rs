//! Four modes of a linear teacher, learned one after the other, and why the textbook is late.
//!
//! A mode of strength s of a two-layer linear network follows u(t) = s/(1 + (s/u0 - 1) e^{-2st}), half learned at
//!     t = ln(s/u0 - 1)/(2s).
//! The textbook starts from one weight per layer: u0 = scale^2. In a network of N hidden units with independent
//! Gaussian weights the mode starts from two vectors a, b of N entries. Of u = a.b = (|a + b|^2 - |a - b|^2)/4 only a +
//! b grows, so that the mode leaves the saddle as if from u0 = E|a + b|^2/4 = N scale^2/2 (`Start::MeanOverlap`):
//! earlier by ln(N/2)/(2s). Of what is left, k/(2sN) for mode k is known: the mean of ln |a + b|^2 is 1/N below the
//! logarithm of the mean, and every learned mode takes one direction of N from the next (see `saddle_to_saddle`).
//! Entry `matched` knows the initial weights of every network; what is left there is the step size: modes grow at
//! the rate ln(1 + eta s)/eta instead of s.
//!
//!     cargo run --release --example saxe_modes

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::experiment::Conditioning;
use saddlepoint::run::{Settings, assess::assess, document::measured, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::saxe::{Options, Saxe, Start, scalar};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

const WIDTH: usize = 50;
const SCALE: f64 = 1e-2;
const STEP: f64 = 0.005;
const STRENGTHS: [f64; 4] = [4.0, 2.5, 1.5, 0.8];

fn main() -> Result<()> {
    let task = LinearTeacher::new(STRENGTHS.to_vec(), 10, 8);
    let descent = GradientDescent::new(STEP, 2400);
    let replicas = teach::pick(5, 16);
    let experiment = teach::networks(task, &[WIDTH], SCALE, descent, replicas);
    let entry = |condition, start| {
        let options = Options {
            condition,
            start,
            ..Options::default()
        };
        Ok::<_, saddlepoint::Error>(Arc::new(Saxe::new("theory", options)?))
    };
    let matched = entry(Conditioning::Initial, Start::LayerProduct)?;
    let textbook = entry(Conditioning::None, Start::LayerProduct)?;
    let overlap = entry(Conditioning::None, Start::MeanOverlap)?;
    let spec = Spec::new("modes", experiment, &["half-rise-time"])?
        .theory("matched", matched, None)?
        .theory("textbook", textbook, None)?
        .theory("mean overlap", overlap, None)?;
    let outcome = execute(&spec, &Settings::default())?;
    let times = measured(&outcome.cells[0])?.remove(0);

    let (first, second) = (SCALE.powi(2), WIDTH as f64 * SCALE.powi(2) / 2.0);
    println!(
        "mode  s    half-rise time      textbook u0 = {first:.1e}  mean overlap u0 = {second:.1e}"
    );
    let errors = times.stderr.unwrap_or_default();
    let mut worst = 0f64;
    for (k, s) in STRENGTHS.into_iter().enumerate() {
        let (t, error) = (times.mean[k], errors[k]);
        let [early, late] = [second, first].map(|u0| scalar::balanced_half_rise(s, u0));
        println!(
            "{}     {s:.1}  {t:.4} +- {error:.4}   {late:.4}                 {early:.4}",
            k + 1
        );
        let lag = (k + 1) as f64 / (2.0 * s * WIDTH as f64);
        let slower = STEP * s / (STEP * s).ln_1p(); // finite steps grow with the rate ln(1 + eta s)/eta
        worst = worst.max((t - early * slower - lag).abs() / error);
    }
    let league = assess(&spec, &outcome)?;
    for label in ["matched", "textbook", "mean overlap"] {
        let deviation = teach::deviation(&league, label, "half-rise-time")?;
        println!("deviation from {label:12}  {deviation:.5}");
    }
    let what = "worst half-rise time: distance from the mean overlap in standard errors";
    teach::agree(what, (worst, 1.0), 0.0)
}
