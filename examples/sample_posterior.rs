//! Bayesian training without a spec: four Langevin chains sample the posterior of a small network, with every check
//! printed.
//!
//! The network is linear, f = a.W x, because its posterior is known exactly at every width: the mean output at a
//! held-out input must come out. The checks need no theory: split R-hat, effective sample size, and the virial identity
//! E[sum_j theta_j dU/dtheta_j] = T n.
//!
//!     cargo run --release --example sample_posterior

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::DMatrix;
use saddlepoint::Result;
use saddlepoint::learner::{Mlp, Prior};
use saddlepoint::numerics::random::{normal_matrix, stream};
use saddlepoint::task::{LinearTeacher, Task};
use saddlepoint::theory::linear_posterior::predict;
use saddlepoint::training::diagnostics::{Thresholds, estimate};
use saddlepoint::training::langevin::{
    NetworkPotential, Plan, Potential, Scheme, diagnose, sample,
};

const WIDTH: usize = 3;
const INPUTS: usize = 4;
const TEMPERATURE: f64 = 2.0;

fn main() -> Result<()> {
    let task = LinearTeacher {
        samples: 8,
        test_samples: 1,
        whitened: false,
        noise: 0.3,
        ..LinearTeacher::new(vec![2.0], INPUTS, 1)
    };
    let data = task.draw(&mut stream(1, "dataset", &[0]))?;
    let Some((held_out, _)) = &data.test else {
        return Ok(());
    };
    // Prior N(0, 1/d) for W and N(0, 1/N) for a.
    let learner = Mlp {
        widths: vec![WIDTH],
        prior: Some(Prior::default()),
        ..Mlp::default()
    };
    let build = || NetworkPotential::of(&learner, &data, TEMPERATURE);
    let output = |potential: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        let weights = &potential.parameters(phi).blocks;
        let f = (&weights[1] * (&weights[0] * held_out))[0];
        out.extend([f, f * f]);
    };
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.01,
        burn_in: 2_000,
        steps: teach::pick(50_000, 400_000),
        every: 10,
    };
    // In whitened coordinates the prior is N(0, 1) for every parameter.
    let parameters = build()?.dimension();
    let start = |chain| normal_matrix(&mut stream(2, "start", &[chain]), parameters, 1);
    let starts: Vec<Vec<f64>> = (0..4).map(|c| start(c).as_slice().to_vec()).collect();
    let chains = sample(plan, &starts, 3, build, output)?;

    let (first, second) = (WIDTH * INPUTS, WIDTH);
    for (group, (name, n)) in [("W", first), ("a", second)].iter().enumerate() {
        let series: Vec<&Vec<f64>> = chains.iter().map(|c| &c.trace.virial[group]).collect();
        let found = estimate(&series)?;
        println!(
            "virial of {name}: {:.3} +- {:.3}, number of parameters {n}",
            found.mean, found.stderr
        );
    }
    let names = ["f", "f^2"];
    let found = diagnose(&chains, &names, &[first, second], Thresholds::default())?;
    print!("{}", found.certificate);

    let sigma = 1.0 / INPUTS as f64;
    let at: &DMatrix<f64> = held_out;
    let exact = predict(&[WIDTH], sigma, TEMPERATURE, &data.x, &data.y, at)?;
    let wide = predict(&[], sigma, TEMPERATURE, &data.x, &data.y, at)?;
    let (mean, square) = (found.estimate(0)?, found.estimate(1)?);
    println!("        chains               exact     infinite width");
    for (name, e, exact, wide) in [
        ("E[f]  ", mean, exact.mean[0], wide.mean[0]),
        ("E[f^2]", square, exact.second[0], wide.second[0]),
    ] {
        println!(
            "{name}  {:.4} +- {:.4}   {exact:.4}   {wide:.4}   (tau = {:.1} samples, {:.0} effective)",
            e.mean, e.stderr, e.tau, e.effective
        );
    }
    teach::agree("mean output", (mean.mean, mean.stderr), exact.mean[0])
}
