//! The staircase of a diagonal linear network: alternating gradient flows (AGF) against the exact flow from smaller and smaller starts.
//!
//! beta_i = u_i^2 - v_i^2 with u = v = alpha at the start. In the time t' = t / ln(1/alpha) the flow jumps from saddle to saddle;
//! AGF gives the jumps for alpha -> 0. At finite alpha they are off by about 1/ln(1/alpha): squaring alpha halves the distance.
//!
//!     cargo run --release --example saddle_to_saddle

use nalgebra::{DMatrix, DVector};
use saddlepoint::Result;
use saddlepoint::theory::saddle_to_saddle::Diagonal;

fn main() -> Result<()> {
    let sigma = DMatrix::from_row_slice(3, 3, &[2.0, 0.5, 0.3, 0.5, 1.5, 0.4, 0.3, 0.4, 1.0]);
    let network = Diagonal::new(sigma, DVector::from_row_slice(&[2.0, -1.0, 0.5]))?;
    let jumps = network.jumps()?;
    println!("jump  t'         coordinate  loss after");
    for (k, jump) in jumps.iter().enumerate() {
        println!(
            "{}     {:.6}   {:?}         {:.6}",
            k + 1,
            jump.time,
            jump.coordinates,
            jump.loss
        );
    }
    // Half-rise of coordinate 0: the flow reaches half of its final value b_0 = 2.
    let half =
        |al: f64| -> Result<f64> { Ok(network.crossing_times(al, &[1.0, -0.5, 0.25], 2.0)?[0]) };
    let alphas: &[f64] = if std::env::args().any(|a| a == "--quick") {
        &[1e-2, 1e-4]
    } else {
        &[1e-2, 1e-4, 1e-8]
    };
    println!("alpha   half-rise t'  distance from AGF  distance x ln(1/alpha)");
    let mut distances = Vec::new();
    for &al in alphas {
        let t = half(al)?;
        let distance = t - jumps[0].time;
        println!(
            "{al:.0e}   {t:.6}      {distance:.6}           {:.5}",
            distance * (1.0 / al).ln()
        );
        distances.push(distance);
    }
    let ratio = distances[distances.len() - 2] / distances[distances.len() - 1];
    let ok = (ratio - 2.0).abs() < 0.4;
    println!(
        "check: value = {ratio:.4}, theory = 2, tolerance = 0.4: {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
