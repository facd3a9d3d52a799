//! The threshold of site percolation on the square lattice, from small lattices and one exact number.
//!
//! On each L x L torus the p is found at which clusters wrap along x with probability 0.521058290, Pinson's exact value
//! at p_c for L -> inf. These p_L approach p_c as L^(-11/4), far faster than L^(-3/4) of any other probability: a
//! straight line gives p_c.
//!
//!     cargo run --release --example find_the_threshold

#[path = "teach/mod.rs"]
mod teach;

use nalgebra::{DMatrix, DVector};
use saddlepoint::Result;
use saddlepoint::numerics::random::stream;
use saddlepoint::numerics::statistics::least_squares;
use saddlepoint::percolation::thresholds::threshold;
use saddlepoint::percolation::{Boundary, Element, Event, Need, Setting, Tally, exact};

fn main() -> Result<()> {
    let (work, draws) = teach::pick((2e5, 12), (4e6, 40));
    let sizes = [8usize, 16, 32, 64];
    let level = exact::wrapping(1.0)?.x;
    let need = Need {
        onset: true,
        ..Need::default()
    };
    // One row per draw: independent sweeps on every size.
    let mut estimates = DMatrix::zeros(draws, sizes.len());
    for (k, &size) in sizes.iter().enumerate() {
        let setting = Setting {
            lattice: "hypercubic".into(),
            dimension: 2,
            sides: vec![size; 2],
            element: Element::Site,
            boundary: Boundary::Torus,
            sweeps: (work / (size * size) as f64) as usize,
            graph: None,
        };
        for draw in 0..draws {
            let mut rng = stream(1, "threshold", &[size as u64, draw as u64]);
            let tally = Tally::of(&setting, &need, &mut rng)?;
            estimates[(draw, k)] = tally.threshold(Event::X, level)?;
        }
        let column: Vec<f64> = estimates.column(k).iter().copied().collect();
        let (mean, stderr) = teach::mean(&column);
        println!("L = {size:3}: p_L = {mean:.6} +- {stderr:.6}");
    }
    // p_L = p_c + a L^(-11/4), draw by draw.
    let design = DMatrix::from_fn(sizes.len(), 2, |i, j| match j {
        0 => 1.0,
        _ => (sizes[i] as f64).powf(-2.75),
    });
    let intercepts = estimates
        .row_iter()
        .map(|row| {
            let y = DVector::from_iterator(sizes.len(), row.iter().copied());
            Ok(least_squares(&design, &y, &vec![1.0; sizes.len()])?.coefficients[0])
        })
        .collect::<Result<Vec<f64>>>()?;
    let theory = threshold("hypercubic", 2, Element::Site)?.value;
    teach::agree("p_c", teach::mean(&intercepts), theory)
}
