//! What noisy labels cost: the excess risk of a linear network trained to the end on P noisy samples.
//!
//! The network ends in the least-squares map. With noise of variance v per output, C outputs and d inputs
//!     training loss = (v/2) C (1 - d/P),   excess risk = (v/2) C d/(P - d - 1):
//! the residual has P - d degrees of freedom, and the mean of an inverse Wishart matrix is 1/(P - d - 1).
//! The library is used without a spec: data, network and Adam are plain calls.
//!
//!     cargo run --release --example excess_risk

#[path = "teach/mod.rs"]
mod teach;

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

fn main() -> Result<()> {
    let (draws, steps) = teach::pick((20, 1000), (100, 2000));
    let (d, outputs) = (INPUTS as f64, OUTPUTS as f64);
    println!("samples   training loss     theory    test loss         theory");
    let (mut test, mut theory) = ((f64::NAN, f64::NAN), f64::NAN);
    for samples in [16, 32, 64] {
        let all: Result<Vec<_>> = (0..draws).map(|k| losses(samples, k, steps)).collect();
        let all = all?;
        let [(train, train_error), (value, error)] =
            [0, 1].map(|k| teach::mean(&all.iter().map(|l| l[k]).collect::<Vec<_>>()));
        test = (value, error);
        let p = samples as f64;
        let residual = 0.5 * NOISE.powi(2) * outputs * (1.0 - d / p);
        theory = 0.5 * NOISE.powi(2) * outputs * d / (p - d - 1.0);
        println!(
            "{samples:>7}   {train:.4} +- {train_error:.4}  {residual:.4}    {value:.4} +- {error:.4}  {theory:.4}"
        );
    }
    teach::agree("excess risk at 64 samples", test, theory)
}
