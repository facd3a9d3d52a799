//! A measured free energy: the evidence of a linear network from the losses of Langevin chains at rising likelihood.

use super::predict;
use crate::learner::{Mlp, Prior, prior::Variances};
use crate::numerics::quadrature::KRONROD_NODES;
use crate::numerics::random::{normal_matrix, stream};
use crate::task::{Dataset, Modes};
use crate::training::diagnostics::estimate;
use crate::training::langevin::{NetworkPotential, Plan, Potential, Scheme, sample};
use nalgebra::{DMatrix, DVector};

const CHI: f64 = 2.0;
const WIDTH: usize = 3;

fn data() -> Dataset {
    Dataset {
        x: DMatrix::from_column_slice(2, 3, &[1.0, 0.5, -0.3, 1.2, 0.6, -0.8]),
        y: DMatrix::from_row_slice(1, 3, &[0.9, -0.5, 0.6]),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(2, 0),
        },
        groups: None,
        blocks: None,
    }
}

/// `ln Z` of the exact posterior at `strength = chi/T`.
fn exact(data: &Dataset, strength: f64) -> f64 {
    // s_a^2 s_w^2/(chi d)
    let sigma = 1.2 * 1.5 / (CHI * 2.0);
    let found = predict(
        &[WIDTH],
        sigma,
        1.0 / strength,
        &data.x,
        &data.y,
        &DMatrix::zeros(2, 0),
    );
    found.unwrap().log_evidence + 1.5 * (std::f64::consts::TAU / strength).ln()
}

/// Mean loss `(1/2) sum (y - f)^2` of four chains at `chi/T = strength`, with its standard error.
fn mean_loss(data: &Dataset, strength: f64, seed: u64) -> (f64, f64) {
    let learner = Mlp {
        widths: vec![WIDTH],
        prior: Some(Prior {
            weight: Variances::One(1.5),
            readout: 1.2,
            chi: CHI.into(),
            ..Prior::default()
        }),
        ..Mlp::default()
    };
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.01,
        burn_in: 2_000,
        steps: 20_000,
        every: 10,
    };
    let build = || NetworkPotential::of(&learner, data, CHI / strength);
    let dimension = build().unwrap().dimension();
    let start = |c| normal_matrix(&mut stream(seed, "start", &[c]), dimension, 1);
    let starts: Vec<Vec<f64>> = (0..4).map(|c| start(c).as_slice().to_vec()).collect();
    let loss = |potential: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        out.push(0.5 * (potential.outputs(phi) - &data.y).norm_squared())
    };
    let chains = sample(plan, &starts, seed, build, loss).unwrap();
    let series: Vec<&Vec<f64>> = chains.iter().map(|c| &c.trace.observables[0]).collect();
    let found = estimate(&series).unwrap();
    assert!(found.rhat < 1.05);
    (found.mean, found.stderr)
}

/// `d ln Z/d(chi/T) = -<Lo>` at fixed prior, hence `ln Z = -int_0^{chi/T} <Lo>`, by the 21 nodes of Kronrod in
/// `s = ln(1 + chi/T)`.
#[test]
fn the_log_partition_function_is_the_integral_of_the_mean_loss() {
    let (data, strength) = (data(), 20.0f64);
    let half = 0.5 * strength.ln_1p();
    let nodes = KRONROD_NODES.map(|(node, weight)| {
        let s = half * (1.0 + node);
        (s.exp_m1(), half * weight * s.exp())
    });
    let value = exact(&data, strength);
    // The nodes suffice: the slope of the exact function has the right integral.
    let slope = |b: f64| (exact(&data, 1.001 * b) - exact(&data, 0.999 * b)) / (0.002 * b);
    let sum: f64 = nodes.iter().map(|&(b, weight)| weight * slope(b)).sum();
    assert!((sum - value).abs() < 1e-5, "{sum} {value}");

    let (mut found, mut variance) = (0.0, 0.0);
    for (k, (b, weight)) in nodes.into_iter().enumerate() {
        let (loss, error) = mean_loss(&data, b, k as u64);
        let z = (loss + slope(b)) / error;
        assert!(
            z.abs() < 4.0,
            "chi/T = {b}: {loss} +- {error}, {}",
            -slope(b)
        );
        found -= weight * loss;
        variance += (weight * error).powi(2);
    }
    let error = variance.sqrt();
    assert!(
        (found - value).abs() < 4.0 * error && error < 0.01 * value.abs(),
        "{found} +- {error}, {value}"
    );
}
