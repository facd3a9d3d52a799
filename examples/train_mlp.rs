//! The library without a spec: an MLP trained by Adam on data sets of growing size, and the closed form of its test loss.
//!
//!     cargo run --release --example train_mlp

use saddlepoint::Result;
use saddlepoint::learner::{Learner, Mlp};
use saddlepoint::numerics::random::stream;
use saddlepoint::task::{LinearTeacher, Task};
use saddlepoint::training::{Adam, Decay, Descent, Rule, Schedule, Training};

const SEED: u64 = 3;
const INPUTS: usize = 8;
const OUTPUTS: usize = 3;
const NOISE: f64 = 0.5;

/// Losses on training and test samples after training on data set number `index` of `samples` noisy labels.
fn losses(samples: usize, index: u64, steps: usize) -> Result<[f64; 2]> {
    // Data: y = A x + noise; test targets are noiseless, so that the test loss is the excess risk.
    let task = LinearTeacher {
        samples,
        test_samples: 2000,
        noise: NOISE,
        whitened: false,
        ..LinearTeacher::new(vec![2.0, 1.0], INPUTS, OUTPUTS)
    };
    let data = task.draw(&mut stream(SEED, "dataset", &[index]))?;
    // Network: two linear layers. Adam with a rate that falls to zero ends in the minimum of the training loss.
    let mlp = Mlp {
        widths: vec![16],
        ..Mlp::default()
    };
    let adam = Adam(Descent {
        rule: Rule::Adam {
            beta1: 0.9,
            beta2: 0.999,
            epsilon: 1e-8,
        },
        schedule: Schedule {
            kind: Decay::Cosine,
            ..Schedule::default()
        },
        ..Descent::new(0.02, steps)
    });
    let start = mlp.initialize(&data, &mut stream(SEED, "initial", &[index, 0]))?;
    let mut noise = stream(SEED, "training", &[index, 0]);
    let end = adam.train(&mlp, start.into(), &data, &[], &mut noise, &mut |_| Ok(()))?;
    let mut network = mlp.network(task.shape());
    let mut loss = |x, y: &nalgebra::DMatrix<f64>| {
        (network.forward(&end, x) - y).norm_squared() / (2.0 * y.ncols() as f64)
    };
    let test = data.test.as_ref().map_or(f64::NAN, |(x, y)| loss(x, y));
    Ok([loss(&data.x, &data.y), test])
}

/// Mean and its standard error.
fn mean(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, (variance / n).sqrt())
}

fn main() -> Result<()> {
    let quick = std::env::args().any(|a| a == "--quick");
    let (draws, steps) = if quick { (20, 1000) } else { (100, 2000) };
    let (d, outputs) = (INPUTS as f64, OUTPUTS as f64);
    println!("samples   training loss     theory    test loss         theory");
    let (mut value, mut error, mut theory) = (0.0, 0.0, 0.0);
    for samples in [16, 32, 64] {
        let draws: Result<Vec<_>> = (0..draws).map(|k| losses(samples, k, steps)).collect();
        let draws = draws?;
        let (train, train_error) = mean(&draws.iter().map(|l| l[0]).collect::<Vec<_>>());
        (value, error) = mean(&draws.iter().map(|l| l[1]).collect::<Vec<_>>());
        // The minimum is the least-squares map. Its residual has P - d degrees of freedom; the excess risk is
        // (noise^2/2) tr E[(X X^T)^-1] C per output, and the mean of an inverse Wishart matrix is C^-1 / (P - d - 1).
        let p = samples as f64;
        let residual = 0.5 * NOISE.powi(2) * outputs * (1.0 - d / p);
        theory = 0.5 * NOISE.powi(2) * outputs * d / (p - d - 1.0);
        println!(
            "{samples:>7}   {train:.4} +- {train_error:.4}  {residual:.4}    {value:.4} +- {error:.4}  {theory:.4}"
        );
    }
    let ok = (value - theory).abs() < 3.0 * error && error < 0.2 * theory;
    println!(
        "check: value = {value:.4}, theory = {theory:.4}, tolerance = 3 standard errors = {:.4}: {}",
        3.0 * error,
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
