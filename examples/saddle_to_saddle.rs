//! The staircase of a small start: a deep linear network jumps from saddle to saddle, and every jump time is known.
//!
//! Two-layer linear networks with N hidden units start from Gaussian weights of deviation alpha. The mode of strength
//! s_k grows as e^{s_k t} from alpha and is learned at t_k = ln(1/alpha)/s_k + c_k: as alpha -> 0 the first term is all
//! (alternating gradient flows). The offset, derived here: |a + b|^2/4 of the two hidden vectors of a mode is
//! (alpha^2/2) chi^2 with N degrees of freedom, and a learned mode takes one of the N directions from those that follow
//! it. The mean over starts is thus, k = 1, 2, ...
//!     t_k = [ln(s_k/alpha^2) - psi((N - k + 1)/2)]/(2 s_k),   psi the digamma function;
//! steps eta of gradient descent grow with the rate ln(1 + eta s)/eta instead of s.
//!
//!     cargo run --release --example saddle_to_saddle

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::run::{Settings, document::measured, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::saddle_to_saddle::connected::Staircase;
use saddlepoint::training::GradientDescent;
use statrs::function::gamma::digamma;

const STRENGTHS: [f64; 3] = [4.0, 2.0, 1.0];
const WIDTH: usize = 4;
const STEP: f64 = 0.005;

/// Mean jump times of trained networks and their standard errors.
fn jumps(alpha: f64, replicas: usize) -> Result<Vec<(f64, f64)>> {
    let task = LinearTeacher::new(STRENGTHS.to_vec(), 3, 3);
    let descent = GradientDescent::new(STEP, (25.0 / STEP) as usize);
    let experiment = teach::networks(task, &[WIDTH], alpha, descent, replicas);
    let spec = Spec::new("staircase", experiment, &["half-rise-time"])?;
    let times = measured(&execute(&spec, &Settings::default())?.cells[0])?.remove(0);
    let errors = times.stderr.unwrap_or_default();
    Ok(times.mean.into_iter().zip(errors).collect())
}

fn main() -> Result<()> {
    let replicas = teach::pick(40, 200);
    let mut worst = 0f64;
    println!("alpha   mode  jump time            theory     ln(1/alpha)/s");
    for alpha in [1e-3, 1e-6] {
        let leading = Staircase::new(&STRENGTHS, alpha, None, WIDTH);
        for (k, (time, error)) in jumps(alpha, replicas)?.into_iter().enumerate() {
            let s = STRENGTHS[k];
            let rate = (STEP * s).ln_1p() / STEP;
            let directions = (WIDTH - k) as f64;
            let theory = ((s / alpha.powi(2)).ln() - digamma(directions / 2.0)) / (2.0 * rate);
            let (mode, first) = (k + 1, leading.times()[k]);
            println!(
                "{alpha:.0e}    {mode}     {time:7.4} +- {error:.4}    {theory:7.4}    {first:7.4}"
            );
            worst = worst.max((time - theory).abs() / error);
        }
    }
    let what = "worst of all jumps: distance from the theory in standard errors";
    teach::agree(what, (worst, 1.0), 0.0)
}
