//! Numbers that were computed by an independent program.

use super::*;

#[test]
fn plain_descent_of_smooth_activations() {
    let cases = [
        (
            Activation::Tanh,
            [
                [0.152599, 0.008221],
                [0.515460, -0.161375],
                [0.999808, -0.499923],
            ],
            [0.6227, -0.0478, -0.0478, 0.4649],
            [0.3775, 0.6374, 0.6374, 1.2354],
        ),
        (
            Activation::Erf,
            [
                [0.124590, 0.010975],
                [0.459931, -0.104187],
                [0.999690, -0.499857],
            ],
            [0.5648, -0.0608, -0.0608, 0.3899],
            [0.4510, 0.7098, 0.7098, 1.2491],
        ),
    ];
    for (activation, outputs, feature, gradient) in cases {
        let solution = Case::two(activation, 1.5, 0.5, 39).solve();
        assert_eq!(
            solution.rule,
            Rule::GaussHermite {
                nodes: 64,
                fewer: 48
            }
        );
        for (time, outputs) in [1, 5, 39].into_iter().zip(outputs) {
            same(&pair(&solution, time), &outputs, 6e-7);
        }
        let kernels = solution.equal_time(&[39]).unwrap();
        same(&kernels.feature.mean, &feature, 6e-5);
        same(&kernels.gradient.mean, &gradient, 6e-5);
        assert!(kernels.gradient.largest_error() < 1e-2);
    }
}

/// `f_2(1)` with 20, 40 and 64 nodes; the error that is told is the difference of the rules.
#[test]
fn convergence_of_gauss_and_hermite() {
    let case = Case::two(Activation::Tanh, 1.5, 0.5, 1);
    for (nodes, expected) in [(20, 0.0081913), (40, 0.0082204), (64, 0.0082213)] {
        let solution = case.hermite(nodes);
        same(&[solution.output(1, 1).0], &[expected], 6e-8);
        let error = solution.output(1, 1).1;
        assert!(
            (error - (solution.outputs.rows[0][3] - solution.outputs.rows[1][3]).abs()).abs()
                < 1e-18
        );
        assert!((solution.output(1, 1).0 - 0.00822135).abs() < error + 1e-7);
    }
}

#[test]
fn plain_descent_of_relu() {
    let solution = Case::two(Activation::Relu, 1.5, 0.5, 39).solve();
    assert!(
        matches!(solution.rule, Rule::Sobol { .. }),
        "{}",
        solution.reason
    );
    same(&pair(&solution, 1), &[0.1705, 0.0171], 5e-4);
    same(&pair(&solution, 5), &[0.710, -0.1687], 1e-3);
    same(&pair(&solution, 39), &[1.0, -0.5], 1e-6);
    let kernels = solution.equal_time(&[39]).unwrap();
    same(
        &kernels.feature.mean,
        &[1.4920, 0.2555, 0.2555, 0.9217],
        3e-3,
    );
    same(&kernels.gradient.mean, &[2.675, 1.279, 1.279, 1.328], 5e-3);
    assert!(solution.outputs.largest_error() < 1e-3);
}

/// A linear network by the closed recursion, and by two nodes on every axis, whose products of two numbers are exact.
#[test]
fn linear_networks() {
    let case = Case::two(Activation::Linear, 1.0, 0.2, 50);
    let closed = case.solve();
    assert_eq!(closed.rule, Rule::Covariance);
    let nodes = case.by(Rule::GaussHermite { nodes: 2, fewer: 1 });
    for solution in [&closed, &nodes] {
        let rows = [
            (1, [0.14, 0.02]),
            (5, [0.48655977, -0.04694663]),
            (20, [0.93433915, -0.42933653]),
            (50, [0.99954986, -0.49951407]),
        ];
        for (time, outputs) in rows {
            same(&pair(solution, time), &outputs, 6e-9);
        }
        let kernels = solution.two_time(&[0, 50]).unwrap();
        let size = 4;
        let at = |estimate: &Estimate, i: usize, j: usize| estimate.mean[i * size + j];
        let late = [(2, 2), (2, 3), (3, 3)].map(|(i, j)| at(&kernels.feature, i, j));
        same(&late, &[1.32862105, 0.43236879, 1.08259307], 6e-9);
        same(
            &[at(&kernels.gradient, 2, 3), at(&kernels.gradient, 2, 0)],
            &[1.95656220, 1.20973496],
            6e-9,
        );
    }
    same(&closed.outputs.mean, &nodes.outputs.mean, 1e-13);
    let kernels = [&closed, &nodes].map(|s| s.two_time(&[0, 3, 50]).unwrap());
    same(&kernels[0].feature.mean, &kernels[1].feature.mean, 1e-13);
    same(&kernels[0].gradient.mean, &kernels[1].gradient.mean, 1e-13);
}

#[test]
fn momentum_decay_and_batches_of_erf() {
    let case = Case::two(Activation::Erf, 1.0, 0.2, 30);
    let mut heavy = case.clone();
    heavy.optimiser.momentum = 0.8;
    let solution = heavy.hermite(64);
    for (time, outputs) in [
        (3, [0.24454, 0.01178]),
        (10, [0.906541, -0.380214]),
        (30, [0.964785, -0.482714]),
    ] {
        same(
            &pair(&solution, time),
            &outputs,
            if time == 3 { 6e-6 } else { 2e-6 },
        );
    }
    let mut decayed = case.clone();
    decayed.optimiser.decay = 0.02;
    let solution = decayed.hermite(64);
    for (time, outputs) in [
        (3, [0.13054, 0.00647]),
        (10, [0.29873, -0.02462]),
        (30, [0.48121, -0.15306]),
    ] {
        same(&pair(&solution, time), &outputs, 6e-6);
    }
    let mut single = case.clone();
    single.steps = 5;
    single.optimiser.batches = Some((0..5).map(|step| vec![step % 2]).collect());
    same(
        &pair(&single.hermite(80), 5),
        &[0.28748046, 0.05166991],
        6e-9,
    );
}

/// The density of neurons under weight noise after 20 steps: outputs and kernels of one grid.
#[test]
#[ignore = "half a minute"]
fn noise_of_erf_for_long() {
    let mut case = Case::two(Activation::Erf, 1.0, 0.2, 20);
    case.optimiser.noise = 0.04;
    let observer = super::super::observe::EqualTime {
        times: 1,
        samples: 2,
    };
    let found =
        super::super::density::pass(&case.dynamics(), 0.83, &[20], Some(&observer), 1 << 30)
            .unwrap();
    for (time, outputs) in [
        (1, [0.04970648, 0.00438231]),
        (5, [0.21995210, -0.00133455]),
        (20, [0.62802277, -0.20588793]),
    ] {
        same(&found.outputs[2 * time..2 * time + 2], &outputs, 6e-9);
    }
    assert!(
        found.lost_mass.abs() < 1e-8 && found.lost_mass != 0.0,
        "{:e}",
        found.lost_mass
    );
    let feature = [0.48523710, 0.17428537, 0.17428537, 0.44250471];
    same(
        &found.sums,
        &[feature, [0.59022611, 0.54252820, 0.54252820, 0.79789297]].concat(),
        6e-9,
    );
}

#[test]
fn noise_of_erf() {
    let mut case = Case::two(Activation::Erf, 1.0, 0.2, 5);
    case.optimiser.noise = 0.04;
    let observer = super::super::observe::EqualTime {
        times: 1,
        samples: 2,
    };
    let found = super::super::density::pass(&case.dynamics(), 0.83, &[5], Some(&observer), 1 << 30)
        .unwrap();
    same(&found.outputs[2..4], &[0.04970648, 0.00438231], 6e-9);
    same(&found.outputs[10..], &[0.21995210, -0.00133455], 6e-9);
    assert!(
        found.lost_mass.abs() < 1e-8 && found.lost_mass != 0.0,
        "{:e}",
        found.lost_mass
    );
}

/// Two grids agree, and so do Sobol points with their own noise.
#[test]
fn density_and_points_agree() {
    let mut case = Case::two(Activation::Erf, 1.0, 0.2, 5);
    case.optimiser.noise = 0.2;
    let grid = case.by(Rule::Density {
        spacing: 0.8,
        wider: 0.83,
    });
    assert!(
        grid.outputs.largest_error() < 1e-8 && grid.lost_mass.is_some_and(|lost| lost.abs() < 1e-8)
    );
    let points = case.by(Rule::Sobol {
        points: 1 << 13,
        scrambles: 8,
    });
    for (k, (a, b)) in grid
        .outputs
        .mean
        .iter()
        .zip(&points.outputs.mean)
        .enumerate()
    {
        let error = points.outputs.error[k];
        assert!(
            (a - b).abs() < 4.5 * error + 1e-12,
            "{k}: {a} {b} +- {error}"
        );
    }
    let (a, b) = (
        grid.equal_time(&[3, 5]).unwrap(),
        points.equal_time(&[3, 5]).unwrap(),
    );
    same(&a.tangent.mean, &b.tangent.mean, 6e-3);
    // What the grid does not know comes from points that follow its outputs.
    let (a, b) = (
        grid.two_time(&[2, 5]).unwrap(),
        points.two_time(&[2, 5]).unwrap(),
    );
    same(&a.feature.mean, &b.feature.mean, 3e-3);
}
