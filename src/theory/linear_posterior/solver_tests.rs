//! Tests of the exact linear posterior: reference table, limits, and importance sampling of the prior.

use super::*;
use crate::mean_field::kernel_scaling::{self, Modes};
use crate::numerics::random::stream;
use crate::numerics::root::brent;
use rand_distr::{ChiSquared, Distribution};

const LAM: [f64; 4] = [2.0, 1.0, 0.5, 0.25];
const Z: [f64; 4] = [1.0, 2.0, 1.0, 0.5];
const T: f64 = 0.1;

#[test]
fn reference_table_is_met() {
    let table = [
        (4, [1.37862744, -6.88928302, 0.95764120]),
        (10, [1.18836675, -6.72969241, 0.95476347]),
        (1000, [1.00224578, -6.56302489, 0.95239683]),
    ];
    for (n, exact) in table {
        let p = solve(&[n], &LAM, &Z, T).unwrap();
        for (found, exact) in [p.scale, p.log_evidence, p.shrinkage[0]].iter().zip(exact) {
            assert!((found - exact).abs() < 5.1e-9, "N = {n}: {found} {exact}");
        }
        assert!(p.bound < 1e-10);
    }
}

/// (N/2)(q - 1) + 1/2 sum q lam/(q lam + T) - 1/2 sum z^2 q lam/(q lam + T)^2 = 0, solved by kernel scaling, too.
#[test]
fn the_mode_of_ln_q_is_the_saddle_of_kernel_scaling() {
    let modes = Modes {
        eigenvalues: &LAM,
        targets: &Z,
        temperature: T,
        chi: 1.0,
    };
    for (n, table) in [
        (1, None),
        (4, Some(1.28497104)),
        (10, Some(1.15810760)),
        (1000, Some(1.00223873)),
    ] {
        let saddle = kernel_scaling::solve(&[n as f64], &modes).unwrap()[0].scale;
        let p = solve(&[n], &LAM, &Z, T).unwrap();
        assert!((p.mode - saddle).abs() < 1e-8, "{} {saddle}", p.mode);
        assert!(table.is_none_or(|exact: f64| (p.mode - exact).abs() < 5.1e-9));
    }
    // Without data the prior is highest at q = 1.
    assert!((solve(&[3], &[], &[], T).unwrap().mode - 1.0).abs() < 1e-14);
}

#[test]
fn wide_networks_are_gaussian_processes_with_corrections_of_order_one_over_n() {
    let gp = solve(&[], &LAM, &Z, T).unwrap();
    for (lam, (shrinkage, variance)) in LAM.iter().zip(gp.shrinkage.iter().zip(&gp.variance)) {
        assert!((shrinkage - lam / (lam + T)).abs() < 1e-15);
        assert!((variance - T * lam / (lam + T)).abs() < 1e-15);
    }
    for layers in [1, 2, 3] {
        let gap =
            |n: usize| solve(&vec![n; layers], &LAM, &Z, T).unwrap().log_evidence - gp.log_evidence;
        let slope = (gap(4000) / gap(2000)).log2();
        assert!((slope + 1.0).abs() < 0.01, "{layers} layers: {slope}");
    }
}

#[test]
fn a_very_wide_layer_changes_nothing() {
    let one = solve(&[5], &LAM, &Z, T).unwrap();
    let two = solve(&[5, 20_000], &LAM, &Z, T).unwrap();
    assert!((one.scale - two.scale).abs() < 1e-3 && (one.scale - two.scale).abs() > 1e-7);
    let swapped = solve(&[20_000, 5], &LAM, &Z, T).unwrap();
    assert!((two.log_evidence - swapped.log_evidence).abs() < 1e-11);
    assert!((two.scale - swapped.scale).abs() < 1e-10);
}

#[test]
fn without_data_the_prior_is_returned() {
    // E q = 1, E q^2 = prod (1 + 2/N_l)
    for widths in [vec![1], vec![3], vec![2, 7], vec![1, 1, 4]] {
        let p = solve(&widths, &[], &[], T).unwrap();
        let second: f64 = widths.iter().map(|&n| 1.0 + 2.0 / n as f64).product();
        assert!((p.scale - 1.0).abs() < 1e-10, "{widths:?} {}", p.scale);
        assert!(
            (p.scale_deviation.powi(2) - (second - 1.0)).abs() < 1e-9 * second,
            "{widths:?}"
        );
        assert!(p.log_evidence.abs() < 1e-11, "{widths:?}");
    }
}

#[test]
fn deep_posteriors_agree_with_importance_sampling() {
    for widths in [vec![4], vec![3, 6], vec![4, 4, 4]] {
        let exact = solve(&widths, &LAM, &Z, T).unwrap();
        let data = Data {
            eigenvalues: &LAM,
            targets: &Z,
            temperature: T,
        };
        let mut rng = stream(3, "importance", &[widths.len() as u64]);
        let laws: Vec<_> = widths
            .iter()
            .map(|&n| ChiSquared::new(n as f64).unwrap())
            .collect();
        let draws = 200_000;
        let (mut weights, mut scales) = (vec![], vec![]);
        for _ in 0..draws {
            let parts = laws
                .iter()
                .zip(&widths)
                .map(|(law, &n)| law.sample(&mut rng) / n as f64);
            let q: f64 = parts.product();
            weights.push(data.log_likelihood(q.ln()).exp());
            scales.push(q);
        }
        let total: f64 = weights.iter().sum();
        let evidence = total / draws as f64;
        let spread: f64 = weights.iter().map(|w| (w - evidence).powi(2)).sum();
        let error = (spread / (draws as f64 - 1.0) / draws as f64).sqrt();
        let z = (evidence - exact.log_evidence.exp()) / error;
        assert!(
            z.abs() < 3.0 && error < 0.01 * evidence,
            "{widths:?} z = {z}"
        );
        let mean = weights.iter().zip(&scales).map(|(w, q)| w * q).sum::<f64>() / total;
        let spread: f64 = weights
            .iter()
            .zip(&scales)
            .map(|(w, q)| (w * (q - mean)).powi(2))
            .sum();
        let z = (mean - exact.scale) / (spread.sqrt() / total);
        assert!(z.abs() < 3.0, "{widths:?} z = {z}");
    }
}

#[test]
fn strong_data_far_in_the_tail_of_the_prior_are_found() {
    // 200 equal modes with z^2 = 9 (q lam + T) at q = 1: q must move to about 9 although its prior is narrow.
    let (lam, z) = (vec![1.0; 2000], vec![3.0; 2000]);
    let p = solve(&[50], &lam, &z, 0.01).unwrap();
    // Saddle: N (q - 1) + P q/(q + T) - P z^2 q/(q + T)^2 = 0.
    let slope =
        |q: f64| 50.0 * (q - 1.0) + 2000.0 * q / (q + 0.01) - 18000.0 * q / (q + 0.01f64).powi(2);
    let saddle = brent(slope, 1.0, 20.0, 1e-13).unwrap().x;
    assert!(
        (p.scale / saddle - 1.0).abs() < 2e-3,
        "{} {saddle}",
        p.scale
    );
}

#[test]
fn wrong_arguments_are_refused() {
    assert!(solve(&[0], &LAM, &Z, T).is_err());
    assert!(solve(&[4], &LAM, &Z, 0.0).is_err());
    assert!(solve(&[4], &LAM[..2], &Z, T).is_err());
    assert!(solve(&[4], &[-1.0], &[1.0], T).is_err());
}
