//! The samplers against closed forms.

mod adapter;
mod guard;
mod reproducible;

use super::*;
use crate::error::{Error, Result};
use crate::learner::{Activation, Chi, Learner, Mlp, Prior, prior::Variances};
use crate::numerics::linalg::solve_spd;
use crate::numerics::random::{normal_matrix, stream};
use crate::numerics::statistics::{jackknife, mean_stderr};
use crate::task::{Dataset, Modes, Shape};
use crate::training::diagnostics::{Estimate, Thresholds, estimate};
use crate::training::{Snapshot, Training};
use nalgebra::{DMatrix, DVector};

/// `V = sum_j (k_j phi_j^2/2 + q phi_j^4/4)`.
struct Springs {
    k: Vec<f64>,
    quartic: f64,
}

impl Potential for Springs {
    fn dimension(&self) -> usize {
        self.k.len()
    }
    fn gradient(&mut self, phi: &[f64], gradient: &mut [f64]) -> f64 {
        let mut value = 0.0;
        for ((g, p), k) in gradient.iter_mut().zip(phi).zip(&self.k) {
            let p2 = p * p;
            *g = (k + self.quartic * p2) * p;
            value += p2 * (0.5 * k + 0.25 * self.quartic * p2);
        }
        value
    }
}

fn springs(k: &[f64]) -> Springs {
    Springs {
        k: k.to_vec(),
        quartic: 0.0,
    }
}

fn squares<P: Potential>(_: &mut P, phi: &[f64], out: &mut Vec<f64>) {
    out.extend(phi.iter().map(|p| p * p));
}

/// Estimate of observable `k`, without a certificate.
fn of(chains: &[Sampled], k: usize) -> Estimate {
    let series: Vec<&Vec<f64>> = chains.iter().map(|c| &c.trace.observables[k]).collect();
    estimate(&series).unwrap()
}

fn assert_z(found: &Estimate, exact: f64, what: &str) {
    let z = found.z(exact);
    assert!(
        z.abs() < 3.5,
        "{what}: {} +- {} against {exact}, z = {z:.2}",
        found.mean,
        found.stderr
    );
}

fn dataset(x: DMatrix<f64>, y: DMatrix<f64>) -> Dataset {
    let modes = Modes {
        u: DMatrix::zeros(y.nrows(), 0),
        s: DVector::zeros(0),
        v: DMatrix::zeros(x.nrows(), 0),
    };
    Dataset {
        x,
        y,
        test: None,
        modes,
        groups: None,
        blocks: None,
    }
}

#[test]
fn on_springs_lm_is_exact_and_ula_has_its_bias() {
    let (k, step) = ([1.0, 30.0, 95.0], 0.005);
    for (scheme, biased) in [(Scheme::Lm, false), (Scheme::Ula, true)] {
        let plan = Plan {
            scheme,
            step,
            burn_in: 2000,
            steps: 40_000,
            every: 1,
        };
        let starts = vec![vec![0.0; 3]; 8];
        let chains = sample(plan, &starts, 1, || Ok(springs(&k)), squares).unwrap();
        for (j, k) in k.iter().enumerate() {
            let bias = 1.0 / (1.0 - step * k / 2.0);
            let exact = if biased { bias } else { 1.0 } / k;
            assert_z(&of(&chains, j), exact, &format!("{scheme:?}, k = {k}"));
        }
        let seen = of(&chains, 2).z(1.0 / 95.0);
        assert!(!biased || seen > 10.0, "the bias must be visible: {seen}");
        assert!(chains.iter().all(|c| (c.stiffness - 0.475).abs() < 1e-6));
    }
}

#[test]
fn without_data_the_prior_comes_back() {
    let mlp = Mlp {
        widths: vec![4, 3],
        activation: Activation::Tanh,
        bias: true,
        prior: Some(Prior {
            weight: Variances::Each(vec![2.0, 0.5]),
            bias: 0.3,
            readout: 1.5,
            chi: 3.0.into(),
        }),
        ..Mlp::default()
    };
    let data = dataset(DMatrix::from_element(2, 5, 1.0), DMatrix::zeros(1, 5));
    let shape = Shape {
        inputs: 2,
        outputs: 1,
        samples: 5,
    };
    let variances = mlp.prior(shape).unwrap().variances;
    let build = || NetworkPotential::of(&mlp, &data, f64::INFINITY);
    let observe = |p: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        let raw = p.parameters(phi);
        out.extend(raw.blocks.iter().map(|b| b.norm_squared() / b.len() as f64));
    };
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.2,
        burn_in: 200,
        steps: 10_000,
        every: 1,
    };
    let n = build().unwrap().dimension();
    let chains = sample(plan, &vec![vec![0.0; n]; 4], 2, build, observe).unwrap();
    assert_eq!(variances.len(), 6);
    for (block, &variance) in variances.iter().enumerate() {
        assert_z(&of(&chains, block), variance, &format!("block {block}"));
    }
}

/// Linear regression on 6 samples with its exact posterior in whitened coordinates: precision matrix and mean.
fn regression() -> (Mlp, Dataset, f64, DMatrix<f64>, DVector<f64>) {
    let mlp = Mlp {
        prior: Some(Prior {
            readout: 2.0,
            ..Prior::default()
        }),
        ..Mlp::default()
    };
    let mut rng = stream(3, "regression", &[]);
    let x = normal_matrix(&mut rng, 3, 6);
    let y = normal_matrix(&mut rng, 1, 6);
    let temperature = 0.4;
    let variance = 2.0 / 3.0;
    let precision = &x * x.transpose() * (variance / temperature) + DMatrix::identity(3, 3);
    let force = &x * y.transpose() * (variance.sqrt() / temperature);
    let mean = solve_spd(&precision, &force)
        .unwrap()
        .column(0)
        .into_owned();
    (mlp, dataset(x, y), temperature, precision, mean)
}

#[test]
fn every_scheme_samples_the_posterior_of_linear_regression() {
    let (mlp, data, temperature, precision, mean) = regression();
    let step = 0.02;
    for scheme in [
        Scheme::Lm,
        Scheme::Ula,
        Scheme::Mala,
        Scheme::Hmc { steps: 8 },
        Scheme::Sgld { batch: 6 },
    ] {
        let plan = Plan {
            scheme,
            step,
            burn_in: 1000,
            steps: 30_000,
            every: 2,
        };
        let build = || NetworkPotential::of(&mlp, &data, temperature);
        let observe = |_: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
            out.extend_from_slice(phi);
            let from_mean = phi.iter().zip(mean.iter());
            out.extend(from_mean.map(|(p, m)| (p - m).powi(2)));
        };
        let chains = sample(plan, &vec![vec![0.0; 3]; 4], 100, build, observe).unwrap();
        // (A - eta A^2/2)^{-1} is the covariance of the Euler scheme in the potential with Hessian A.
        let effective = match scheme {
            Scheme::Ula | Scheme::Sgld { .. } => {
                &precision - &precision * &precision * (0.5 * step)
            }
            _ => precision.clone(),
        };
        let covariance = solve_spd(&effective, &DMatrix::identity(3, 3)).unwrap();
        for j in 0..3 {
            assert_z(&of(&chains, j), mean[j], &format!("{scheme:?} mean {j}"));
            let what = format!("{scheme:?} variance {j}");
            assert_z(&of(&chains, 3 + j), covariance[(j, j)], &what);
        }
        if scheme == Scheme::Lm {
            let names = ["1", "2", "3", "4", "5", "6"];
            let found = diagnose(&chains, &names, &[3], Thresholds::default()).unwrap();
            assert!(found.certificate.passed(), "{}", found.certificate);
            assert_eq!(found.blocks().unwrap().shape(), (4, 6));
        }
    }
}

#[test]
fn the_virial_identity_holds_beyond_gaussians_and_unmasks_a_coarse_step() {
    let quartic = || {
        Ok(Springs {
            k: vec![1.0; 5],
            quartic: 2.0,
        })
    };
    let plan = Plan {
        scheme: Scheme::Mala,
        step: 0.05,
        burn_in: 500,
        steps: 20_000,
        every: 1,
    };
    let starts = vec![vec![0.5; 5]; 4];
    let exact = sample(plan, &starts, 5, quartic, squares).unwrap();
    let names = ["1", "2", "3", "4", "5"];
    let found = diagnose(&exact, &names, &[5], Thresholds::default()).unwrap();
    assert!(found.certificate.passed(), "{}", found.certificate);

    // E[k phi^2] = 1/(1 - 0.2): the error bars of this run are small, and it is refused.
    let coarse = Plan {
        scheme: Scheme::Ula,
        step: 0.4,
        ..plan
    };
    let biased = sample(coarse, &starts, 5, || Ok(springs(&[1.0; 5])), squares).unwrap();
    let found = diagnose(&biased, &names, &[5], Thresholds::default()).unwrap();
    let error = found.estimate(0).unwrap_err();
    assert!(matches!(error, Error::Unconverged { .. }));
    assert!(error.to_string().contains("virial identity"), "{error}");
    assert!(found.blocks().is_err());
}

#[test]
fn two_kinds_of_start_and_two_steps_must_agree() {
    // Two wells at +-4 that no chain leaves.
    struct Wells;
    impl Potential for Wells {
        fn dimension(&self) -> usize {
            1
        }
        fn gradient(&mut self, phi: &[f64], g: &mut [f64]) -> f64 {
            let e = phi[0] * phi[0] - 16.0;
            g[0] = 4.0 * e * phi[0] / 16.0;
            e * e / 16.0
        }
    }
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.01,
        burn_in: 500,
        steps: 20_000,
        every: 4,
    };
    let from = |start: f64, seed: u64, plan: Plan| {
        let starts = vec![vec![start]; 4];
        let observe = |_: &mut Wells, phi: &[f64], out: &mut Vec<f64>| out.push(phi[0]);
        let chains = sample(plan, &starts, seed, || Ok(Wells), observe).unwrap();
        diagnose(&chains, &["position"], &[1], Thresholds::default()).unwrap()
    };
    let mut right = from(4.0, 6, plan);
    let half = Plan {
        step: 0.005,
        steps: 40_000,
        every: 8,
        ..plan
    };
    right.agrees_halved(&from(4.0, 7, half));
    assert!(right.certificate.passed(), "{}", right.certificate);
    right.agrees_from(&from(-4.0, 8, plan));
    let error = right.estimate(0).unwrap_err().to_string();
    assert!(
        error.contains("between the two kinds of start of position"),
        "{error}"
    );
}

#[test]
fn mala_accepts_as_often_as_the_closed_form_says() {
    // One leapfrog step of size h on a unit spring has E[dH] = h^6/32, and acceptance 1 - (2/pi) atan sqrt(E[dH]/2)
    // (Calvo, Sanz-Serna et al. 2019, arXiv:1912.03253).
    let step = 0.49;
    let plan = Plan {
        scheme: Scheme::Mala,
        step,
        burn_in: 100,
        steps: 20_000,
        every: 10,
    };
    let starts = vec![vec![0.0]; 16];
    let chains = sample(plan, &starts, 9, || Ok(springs(&[1.0])), squares).unwrap();
    let rates: Vec<f64> = chains.iter().map(|c| c.acceptance.unwrap()).collect();
    let (mean, stderr) = mean_stderr(&rates);
    let energy = (2.0 * step).powi(3) / 32.0;
    let exact = 1.0 - std::f64::consts::FRAC_2_PI * (energy / 2.0).sqrt().atan();
    let z = (mean - exact) / stderr.unwrap();
    assert!(z.abs() < 3.5 && exact < 0.93, "{mean} {exact} {z}");
}

#[test]
fn leapfrog_is_second_order_and_reversible() {
    let mut potential = Springs {
        k: vec![1.0, 3.0],
        quartic: 1.0,
    };
    let start = (vec![1.0, -0.5], vec![0.3, 0.8]);
    let mut error = |steps: usize, back: bool| {
        let (mut x, mut p) = start.clone();
        let mut g = vec![0.0; 2];
        let before = potential.gradient(&x, &mut g) + kinetic(&p);
        let h = 1.3 / steps as f64;
        let value = leapfrog(&mut potential, &mut x, &mut p, &mut g, h, steps);
        let energy = value + kinetic(&p) - before;
        if back {
            p.iter_mut().for_each(|p| *p = -*p);
            leapfrog(&mut potential, &mut x, &mut p, &mut g, h, steps);
            assert!(x.iter().zip(&start.0).all(|(a, b)| (a - b).abs() < 1e-12));
        }
        energy
    };
    for steps in [40, 80, 160] {
        let ratio = error(steps, true) / error(2 * steps, false);
        // The next term of the error is O(h^2) smaller.
        let h = 1.3 / steps as f64;
        assert!((ratio - 4.0).abs() < 40.0 * h * h, "{steps}: {ratio}");
    }
}

/// One parameter, `f = theta`: the noise of mini-batch gradients does not depend on the parameter.
fn constant_fit(samples: usize) -> (Mlp, Dataset) {
    let y = DMatrix::from_fn(1, samples, |_, mu| 0.3 * (1.7 * mu as f64).sin());
    let mlp = Mlp {
        prior: Some(Prior::default()),
        ..Mlp::default()
    };
    (mlp, dataset(DMatrix::from_element(1, samples, 1.0), y))
}

#[test]
fn mini_batches_heat_by_the_formula_and_too_much_is_refused() {
    let (samples, batch, temperature) = (40, 4, 2.0);
    let (mlp, data) = constant_fit(samples);
    let build = || NetworkPotential::of(&mlp, &data, temperature);
    // grad V = P (theta - y_mu)/T + theta for one sample: variance P^2 s^2/T^2 with the unbiased variance s^2 of the targets.
    let mean = data.y.mean();
    let spread = data.y.iter().map(|y| (y - mean).powi(2)).sum::<f64>() / (samples - 1) as f64;
    let one = (samples as f64 / temperature).powi(2) * spread;
    let exact = one * (1.0 / batch as f64 - 1.0 / samples as f64);
    let noise = batch_noise(&mut build().unwrap(), &[0.7], batch).unwrap();
    assert!((noise / exact - 1.0).abs() < 1e-10);

    let k = samples as f64 / temperature + 1.0;
    let centre = samples as f64 / temperature * mean / k;
    let observe = |_: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        out.push((phi[0] - centre).powi(2));
    };
    let run = |step: f64| {
        let plan = Plan {
            scheme: Scheme::Sgld { batch },
            step,
            burn_in: 500,
            steps: 40_000,
            every: 1,
        };
        sample(plan, &vec![vec![0.0]; 4], 10, build, observe).unwrap()
    };
    let step = 0.02;
    let chains = run(step);
    let rise = step * exact / 2.0;
    let variance = (1.0 + rise) / (k * (1.0 - step * k / 2.0));
    assert_z(&of(&chains, 0), variance, "variance under mini-batches");
    let cold = of(&chains, 0).z(variance / (1.0 + rise));
    assert!(cold > 5.0, "the rise must be visible: {cold}");
    assert!((chains[0].trace.rise[0] / rise - 1.0).abs() < 1e-10 && rise > 0.02);
    let found = diagnose(&chains, &["variance"], &[1], Thresholds::default()).unwrap();
    let error = found.estimate(0).unwrap_err().to_string();
    assert!(
        error.contains("relative rise of the temperature"),
        "{error}"
    );
}

/// Twelve points of a cubic target and the network `f = (1/N) sum_i a_i erf(w_i.x)`, `T = 0.05/N`, in mean-field scaling.
fn erf_example(width: usize) -> (Mlp, Dataset) {
    #[rustfmt::skip]
    let rows: [f64; 36] = [
        -0.8019, -1.3244, -0.2484, 0.4204, 1.136, 0.1097, -0.5526, -0.7848, 0.7487, 1.6348, 0.2728, -1.2333, -0.9583, 1.6, 0.2029,
        -1.7321, -0.0837, -1.1632, -0.6293, -0.488, -0.7133, 0.5534, -0.0631, -0.5894, 0.4096, 0.8299, -1.643, -0.2567, -0.9807,
        -0.1732, -1.2894, 0.0207, -0.0379, -0.3043, -1.0479, -0.3962,
    ];
    let x = DMatrix::from_column_slice(3, 12, &rows);
    let y = DMatrix::from_fn(1, 12, |_, mu| {
        let z = x[(0, mu)];
        0.6 * (z - 0.3 * (z.powi(3) - 3.0 * z))
    });
    let mlp = Mlp {
        widths: vec![width],
        activation: Activation::Erf,
        prior: Some(Prior {
            weight: Variances::One(3.0),
            chi: Chi::WIDTH,
            ..Prior::default()
        }),
        ..Mlp::default()
    };
    // The library's erf is erf(h/sqrt 2).
    (mlp, dataset(x * 2f64.sqrt(), y))
}

#[test]
fn the_erf_example_is_halved_and_then_agrees() {
    let (mlp, data) = erf_example(50);
    let build = || NetworkPotential::of(&mlp, &data, 0.05);
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.01,
        burn_in: 500,
        steps: 4000,
        every: 5,
    };
    let starts: Vec<Vec<f64>> = (0..4)
        .map(|c| {
            normal_matrix(&mut stream(11, "start", &[c]), 200, 1)
                .as_slice()
                .to_vec()
        })
        .collect();
    let observe = |p: &mut NetworkPotential, phi: &[f64], out: &mut Vec<f64>| {
        out.extend(p.outputs(phi).iter());
    };
    let chains = sample(plan, &starts, 12, build, observe).unwrap();
    for chain in &chains {
        assert!(chain.step < 0.01 && chain.stiffness <= 0.5);
        assert!(chain.warnings.iter().any(|w| w.contains("step halved")));
    }
    let names: Vec<String> = (1..=12).map(|mu| format!("f({mu})")).collect();
    let names: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
    let found = diagnose(&chains, &names, &[150, 50], Thresholds::default()).unwrap();
    let blocks = found.blocks().unwrap();
    let mse = jackknife(blocks, |f| {
        let square = |(y, f): (&f64, &f64)| (y - f) * (y - f);
        vec![data.y.iter().zip(f).map(square).sum::<f64>() / 12.0]
    });
    let (value, error) = (mse.corrected[0], mse.stderr.unwrap()[0]);
    // Reference: independent chains at step 0.002, 0.0014594(142).
    let z = (value - 0.0014594) / error.hypot(0.0000142);
    assert!(z.abs() < 3.0 && error < 1e-4, "{value} +- {error}, z = {z}");
}

#[test]
fn gradients_are_derivatives_and_batches_are_unbiased() {
    let (mlp, data) = erf_example(4);
    let mut potential = NetworkPotential::of(&mlp, &data, 0.05).unwrap();
    let phi: Vec<f64> = (0..16).map(|j| (1.3 * j as f64).sin()).collect();
    let (mut g, mut scratch) = (vec![0.0; 16], vec![0.0; 16]);
    potential.gradient(&phi, &mut g);
    for j in 0..16 {
        let mut at = |d: f64| {
            let mut phi = phi.clone();
            phi[j] += d;
            potential.gradient(&phi, &mut scratch)
        };
        let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
        assert!((difference - g[j]).abs() < 1e-6 * (1.0 + g[j].abs()), "{j}");
    }
    let mut mean = [0.0; 16];
    for mu in 0..12 {
        potential.batch_gradient(&phi, &[mu], &mut scratch);
        mean.iter_mut()
            .zip(&scratch)
            .for_each(|(m, s)| *m += s / 12.0);
    }
    assert!(
        mean.iter()
            .zip(&g)
            .all(|(m, g)| (m - g).abs() < 1e-9 * (1.0 + g.abs()))
    );
    let start = potential.parameters(&phi).clone();
    let back = potential.whiten(&start);
    assert!(back.iter().zip(&phi).all(|(a, b)| (a - b).abs() < 1e-15));
}
