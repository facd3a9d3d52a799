//! The theories against networks drawn from the prior and weighted by their likelihood, against chains, and against
//! each other.

use super::TwoLayer;
use super::adaptive::{self, Evaluator, Problem, first_correction};
use super::dual::Method;
use super::variational_gaussian;
use crate::kernel::Activation;
use crate::learner::{Mlp, Prior, prior::Variances};
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::jackknife;
use crate::task::{Dataset, Modes};
use crate::training::diagnostics::estimate;
use crate::training::langevin::{NetworkPotential, Plan, Potential, Scheme, sample};
use nalgebra::{DMatrix, DVector};

const READOUT: f64 = 1.2;
const WEIGHT: f64 = 1.5;
const BLOCKS: usize = 40;

fn erf_network(width: usize, chi: f64) -> TwoLayer {
    TwoLayer {
        phi: Activation::UnscaledErf,
        width: width as f64,
        weight_variance: WEIGHT,
        readout_variance: READOUT,
        temperature: 0.1,
        chi,
    }
}

/// The two samples of the table of log partition functions.
fn two() -> (DMatrix<f64>, DVector<f64>) {
    (
        DMatrix::from_column_slice(2, 2, &[1.0, 0.5, -0.3, 1.2]),
        DVector::from_vec(vec![0.8, -0.5]),
    )
}

/// `ln Z` and the mean outputs, each with its standard error.
struct Weighted {
    log_z: (f64, f64),
    mean: Vec<(f64, f64)>,
}

/// Rows: means of the weight, and of the weight times the outputs, in blocks of networks.
fn weighted(blocks: &DMatrix<f64>) -> Weighted {
    let found = jackknife(blocks, |m| {
        let means = m[1..].iter().map(|f| f / m[0]);
        std::iter::once(m[0].ln()).chain(means).collect()
    });
    let errors = found.stderr.unwrap();
    let mut pairs = found.corrected.into_iter().zip(errors);
    Weighted {
        log_z: pairs.next().unwrap(),
        mean: pairs.collect(),
    }
}

/// Networks from the prior of all weights, weighted by `exp(-chi Lo/T)`: nothing but the definition of the posterior.
fn drawn(n: &TwoLayer, x: &DMatrix<f64>, y: &DVector<f64>, draws: usize) -> Weighted {
    let (d, p) = x.shape();
    let (width, noise) = (n.width as usize, n.temperature / n.chi);
    let inputs = x * (n.weight_variance / d as f64).sqrt();
    let readout = (n.readout_variance / (n.chi * n.width)).sqrt();
    let each = draws / BLOCKS;
    let mut blocks = DMatrix::zeros(BLOCKS, 1 + p);
    for block in 0..BLOCKS {
        let mut rng = stream(1, "networks", &[block as u64]);
        let a = normal_matrix(&mut rng, width, each) * readout;
        let h = inputs.tr_mul(&normal_matrix(&mut rng, d, each * width));
        for k in 0..each {
            let f = DVector::from_fn(p, |mu, _| {
                let neuron = |i: usize| a[(i, k)] * n.phi.value(h[(mu, k * width + i)]);
                (0..width).map(neuron).sum::<f64>()
            });
            let weight = (-0.5 * (&f - y).norm_squared() / noise).exp() / each as f64;
            blocks[(block, 0)] += weight;
            (0..p).for_each(|mu| blocks[(block, 1 + mu)] += weight * f[mu]);
        }
    }
    weighted(&blocks)
}

/// The same for two samples, with the read-out integrated out: given its hidden weights a network is a Gaussian
/// process.
fn drawn_hidden(n: &TwoLayer, draws: usize) -> Weighted {
    let (x, y) = two();
    let (width, noise) = (n.width as usize, n.temperature / n.chi);
    let inputs = x * (n.weight_variance / 2.0).sqrt();
    let readout = n.readout_variance / (n.chi * n.width);
    let each = draws / BLOCKS;
    let mut blocks = DMatrix::zeros(BLOCKS, 3);
    for block in 0..BLOCKS {
        let mut rng = stream(2, "hidden weights", &[block as u64]);
        for _ in 0..each {
            let h = inputs.tr_mul(&normal_matrix(&mut rng, 2, width));
            let [mut k00, mut k01, mut k11] = [0.0; 3];
            for h in h.column_iter() {
                let (u, v) = (n.phi.value(h[0]), n.phi.value(h[1]));
                k00 += readout * u * u;
                k01 += readout * u * v;
                k11 += readout * v * v;
            }
            let (a, c) = (k00 + noise, k11 + noise);
            let det = a * c - k01 * k01;
            let t = [(c * y[0] - k01 * y[1]) / det, (a * y[1] - k01 * y[0]) / det];
            let fit = y[0] * t[0] + y[1] * t[1];
            let weight = (-0.5 * fit).exp() * noise / det.sqrt() / each as f64;
            blocks[(block, 0)] += weight;
            blocks[(block, 1)] += weight * (y[0] - noise * t[0]);
            blocks[(block, 2)] += weight * (y[1] - noise * t[1]);
        }
    }
    weighted(&blocks)
}

/// The exact values of section 0, which contour integrals gave. Infinite width has -2.684 at `chi = 1`: tens of errors
/// away.
#[test]
fn log_partition_functions_are_those_of_networks_from_the_prior() {
    let (x, y) = two();
    let whole = drawn(&erf_network(2, 1.0), &x, &y, 1_000_000);
    let (two, ten) = (erf_network(2, 1.0), erf_network(10, 1.0));
    for (found, exact, most) in [
        (whole.log_z, -2.82268751, 5e-3),
        (drawn_hidden(&two, 400_000).log_z, -2.82268751, 2e-3),
        (drawn_hidden(&ten, 200_000).log_z, -2.7098464, 2e-3),
        (
            drawn_hidden(&erf_network(10, 10.0), 200_000).log_z,
            -8.8398921,
            1e-2,
        ),
    ] {
        let (value, error) = found;
        assert!(
            (value - exact).abs() < 4.0 * error && error < most,
            "{value} +- {error}, {exact}"
        );
        assert!((value + 2.684155932).abs() > 20.0 * error);
    }
}

/// Three neurons and three samples: chains of the trainer, and the definition of the posterior.
#[test]
fn chains_have_the_mean_outputs_of_weighted_networks() {
    let x = DMatrix::from_column_slice(2, 3, &[1.0, 0.5, -0.3, 1.2, 0.6, -0.8]);
    let y = DVector::from_vec(vec![0.8, -0.5, 0.3]);
    let found = drawn(&erf_network(3, 2.0), &x, &y, 1_000_000);
    let learner = Mlp {
        widths: vec![3],
        activation: Activation::UnscaledErf,
        prior: Some(Prior {
            weight: Variances::One(WEIGHT),
            readout: READOUT,
            chi: 2.0.into(),
            ..Prior::default()
        }),
        ..Mlp::default()
    };
    let data = Dataset {
        y: DMatrix::from_row_slice(1, 3, y.as_slice()),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(2, 0),
        },
        groups: None,
        blocks: None,
        x,
    };
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.005,
        burn_in: 5_000,
        steps: 150_000,
        every: 10,
    };
    let build = || NetworkPotential::of(&learner, &data, 0.1);
    let dimension = build().unwrap().dimension();
    let start = |c| normal_matrix(&mut stream(3, "start", &[c]), dimension, 1);
    let starts: Vec<Vec<f64>> = (0..6).map(|c| start(c).as_slice().to_vec()).collect();
    let outputs = |potential: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        out.extend(potential.outputs(phi).iter())
    };
    let chains = sample(plan, &starts, 4, build, outputs).unwrap();
    for (mu, (mean, error)) in found.mean.iter().enumerate() {
        let series: Vec<&Vec<f64>> = chains.iter().map(|c| &c.trace.observables[mu]).collect();
        let chain = estimate(&series).unwrap();
        let z = (chain.mean - mean) / error.hypot(chain.stderr);
        assert!(
            z.abs() < 4.0 && chain.rhat < 1.02 && error.hypot(chain.stderr) < 0.01,
            "{mu}: {mean} +- {error}, {} +- {}",
            chain.mean,
            chain.stderr
        );
    }
}

fn mean_field(n: &TwoLayer, x: &DMatrix<f64>, y: &DVector<f64>) -> adaptive::MeanField {
    let none = DMatrix::zeros(x.nrows(), 0);
    adaptive::solve(&Problem {
        network: n,
        x,
        y,
        at: &none,
        direction: None,
        evaluator: Evaluator::Auto,
        method: Method::Auto,
        sample: 0,
        seed: 0,
    })
    .unwrap()
}

/// At `chi = 1` the exact slope in `1/N` leaves an error of order `1/N^2`; at `chi = N` the mean-field law leaves one
/// of order `1/N`. Both errors are seen at N = 10, and the Gaussian process alone fails at every width.
#[test]
fn mean_outputs_of_networks_from_the_prior_approach_their_theories() {
    let (x, y) = two();
    let n = erf_network(10, 1.0);
    let kernel = n.kernel(&x, 1 << 20).unwrap();
    let shifted = kernel + DMatrix::identity(2, 2) * n.temperature;
    let wide = &y - shifted.lu().solve(&y).unwrap() * n.temperature;
    let (slope, _) = first_correction(&n, &x, &DMatrix::zeros(2, 0), y.as_slice()).unwrap();
    for (width, draws) in [(2, 200_000), (10, 200_000), (50, 100_000)] {
        let found = drawn_hidden(&erf_network(width, 1.0), draws).mean;
        let (n, largest) = (width as f64, |v: [f64; 2]| v[0].abs().max(v[1].abs()));
        let gap = |u: usize| found[u].0 - wide[u] - slope[u] / n;
        let errors = [found[0].1, found[1].1];
        let rest = largest([gap(0), gap(1)]);
        assert!(rest * n * n < 0.2 + 4.0 * n * n * largest(errors), "{rest}");
        assert!(width != 10 || rest > 4.0 * largest(errors));
        let plain = largest([found[0].0 - wide[0], found[1].0 - wide[1]]);
        assert!(plain > 10.0 * largest(errors), "{plain} {errors:?}");
    }
    let mut scaled = Vec::new();
    for (width, draws) in [(2, 200_000), (10, 200_000), (20, 100_000)] {
        let n = erf_network(width, width as f64);
        let found = drawn_hidden(&n, draws).mean;
        let theory = mean_field(&n, &x, &y).training;
        for u in 0..2 {
            let (gap, error) = (found[u].0 - theory[u], found[u].1);
            assert!(
                gap.abs() * n.width < 0.1 + 4.0 * n.width * error,
                "{width}: {gap} +- {error}"
            );
            assert!(error < 2e-3);
        }
        let (gap, error) = (found[0].0 - theory[0], found[0].1);
        assert!(
            width == 20 || gap.abs() > 4.0 * error,
            "{width} {gap} {error}"
        );
        assert!((found[0].0 - wide[0]).abs() > 0.02 || width == 2);
        scaled.push((gap * n.width, error * n.width));
    }
    let [_, ten, twenty] = scaled[..] else {
        panic!("three widths");
    };
    assert!((ten.0 - twenty.0).abs() < 4.0 * ten.1.hypot(twenty.1));
}

/// `X4` of section 4.3: both theories start from the prior with the same slope of the weight covariance in `chi/N`.
#[test]
fn weak_tilts_move_the_weights_of_both_theories_alike() {
    let x = DMatrix::from_column_slice(2, 4, &[1.0, 0.2, -0.4, 1.1, 0.7, -0.9, -1.2, -0.5]);
    let y = DVector::from_vec(vec![1.0, -0.6, 0.4, -0.9]);
    let prior = DMatrix::identity(2, 2) * 0.45;
    let network = |chi: f64| TwoLayer {
        phi: Activation::UnscaledErf,
        width: 1000.0,
        weight_variance: 0.9,
        readout_variance: 1.3,
        temperature: 0.1,
        chi,
    };
    let slope = |covariance: &dyn Fn(&TwoLayer) -> DMatrix<f64>| {
        let at = |chi: f64| (covariance(&network(chi)) - &prior) * (1000.0 / chi);
        // Two orders of chi/N are removed.
        (at(4.0) * 8.0 - at(8.0) * 6.0 + at(16.0)) / 3.0
    };
    let exact = slope(&|n| mean_field(n, &x, &y).weight_covariance);
    let gaussian = slope(&|n| {
        let options = variational_gaussian::Options {
            tolerance: 1e-12,
            starts: 0,
            ..Default::default()
        };
        let minima = variational_gaussian::solve(n, &x, y.as_slice(), &options).unwrap();
        minima.best.weight_covariance
    });
    let expected = DMatrix::from_row_slice(
        2,
        2,
        &[0.4635267628, -0.1816112594, -0.1816112594, -0.0103317777],
    );
    for found in [&exact, &gaussian] {
        assert!((found - &expected).amax() < 1e-4, "{found}");
    }
    // The second order differs.
    let strong = network(1000.0);
    let (a, b) = (
        mean_field(&strong, &x, &y).weight_covariance,
        variational_gaussian::solve(&strong, &x, y.as_slice(), &Default::default())
            .unwrap()
            .best
            .weight_covariance,
    );
    assert!((a - b).amax() > 0.01);
}

/// One Gaussian is a restricted law of the neurons: its free energy is an upper bound of the exact one.
#[test]
fn the_free_energy_of_one_gaussian_is_above_that_of_the_exact_law() {
    let (pair, labels) = two();
    let xor = DMatrix::from_row_slice(2, 4, &[1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    let parity = DVector::from_vec(vec![1.0, -1.0, -1.0, 1.0]);
    let mut rng = stream(7, "data", &[]);
    let cloud = normal_matrix(&mut rng, 2, 6);
    let noise = normal_matrix(&mut rng, 6, 1).column(0).into_owned();
    for (phi, x, y) in [
        (Activation::UnscaledErf, &pair, &labels),
        (Activation::Relu, &xor, &parity),
        (Activation::UnscaledErf, &cloud, &noise),
        (Activation::Relu, &cloud, &noise),
    ] {
        for chi in [1.0, 10.0, 50.0] {
            let n = TwoLayer {
                phi: phi.clone(),
                temperature: 0.3,
                ..erf_network(50, chi)
            };
            let exact = mean_field(&n, x, y).free_energy;
            let minima = variational_gaussian::solve(&n, x, y.as_slice(), &Default::default());
            let gaussian = minima.unwrap().best.action / n.width;
            assert!(gaussian > exact, "{phi:?}, chi = {chi}: {gaussian} {exact}");
            assert!((gaussian - exact) < 0.3 * exact.abs());
        }
    }
}
