//! How kernels of a wide network turn while it learns: dynamical mean-field theory of deep linear networks.
//!
//! Every layer tells the output of the network: f(t) = <g_l(t) h_l(t)>/gamma_0, an average over its units, is the same
//! for all layers l and all times if the order parameters solve their equations.
//!
//!     cargo run --release --example kernel_evolution

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::DMatrix;
use saddlepoint::dmft::{Optimiser, Problem, linear};

fn main() -> saddlepoint::Result<()> {
    let kernel = DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]);
    let targets = [1.0, -0.5];
    println!(
        "Two inputs with x.x'/D = 1 and 0.6, targets 1 and -0.5; L = 3 linear layers, eta = 0.2, 100 steps"
    );
    println!(
        "gamma_0   loss      correlation of the two inputs in layer 1, 2, 3   |tangent kernel| / start"
    );
    let mut worst = 0.0f64;
    for richness in [0.1, 0.5, 1.0, 2.0] {
        let problem = Problem {
            kernel: &kernel,
            targets: &targets,
            richness,
            rate: 0.2 / 2.0,
            steps: 100,
            weight_variances: &[1.0; 4],
            optimiser: &Optimiser::default(),
        };
        let solution = linear::solve(&problem, &linear::Settings::default())?;
        let loss = solution.errors(100).norm_squared() / 4.0;
        let correlation = |k: &DMatrix<f64>| k[(0, 1)] / (k[(0, 0)] * k[(1, 1)]).sqrt();
        let layers = solution.feature_kernels(100, 100);
        let text = |k| format!("{:+.4}", correlation(k));
        let layers: Vec<String> = layers[1..].iter().map(text).collect();
        let growth = solution.tangent_kernel(100).norm() / solution.tangent_kernel(0).norm();
        // Every layer tells the output: f = <g h>/gamma_0.
        for t in [1, 10, 100] {
            for outputs in solution.outputs_by_layer(t) {
                worst = worst.max((outputs - solution.outputs(t)).amax());
            }
        }
        println!(
            "{richness:<8}  {loss:.2e}  {:<47}  {growth:.4}",
            layers.join("  ")
        );
    }
    println!(
        "Lazy networks keep 0.6 in every layer; rich ones turn the deep layers to the targets, which are opposite."
    );
    teach::check("unlike layers", worst, 0.0, 1e-13, "100 roundings")
}
