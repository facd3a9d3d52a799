//! Identities, limits and symmetries.

use super::*;
use crate::numerics::elementary::normal_cdf;
use crate::numerics::linalg::eigh;

/// The tangent kernel at the start by dual activations.
fn tangent(case: &Case) -> DMatrix<f64> {
    DMatrix::from_fn(case.targets.len(), case.targets.len(), |i, j| {
        let entry = |i: usize, j: usize| case.variances[0] * case.kernel[(i, j)];
        let dual = case
            .activation
            .dual(entry(i, i), entry(j, j), entry(i, j))
            .unwrap();
        dual.value + case.variances[1] * dual.slope * case.kernel[(i, j)]
    })
}

fn smooth() -> [Activation; 4] {
    [
        Activation::Tanh,
        Activation::Erf,
        Activation::Gelu,
        Activation::Hermite(vec![0.1, 0.8, 0.3]),
    ]
}

#[test]
fn kernels_at_the_start_are_dual_activations() {
    let phi = Activation::Erf;
    let erf = Case::two(phi, 1.0, 0.1, 0)
        .solve()
        .equal_time(&[0])
        .unwrap();
    same(
        &[erf.feature.mean[1], erf.gradient.mean[1]],
        &[0.1939734, 0.3336794],
        6e-8,
    );
    for activation in smooth() {
        let mut case = Case::two(activation, 0.7, 0.1, 0);
        case.variances = vec![1.3, 0.6];
        same(
            &case.solve().equal_time(&[0]).unwrap().tangent.mean,
            tangent(&case).as_slice(),
            2e-6,
        );
    }
    let case = Case::two(Activation::Relu, 1.0, 0.1, 0);
    let kernels = case.solve().equal_time(&[0]).unwrap();
    for (k, expected) in tangent(&case).iter().enumerate() {
        let (found, error) = (kernels.tangent.mean[k], kernels.tangent.error[k]);
        assert!(
            (found - expected).abs() < 4.5 * error + 1e-6,
            "{found} +- {error}, {expected}"
        );
    }
}

/// `f(1) = q K_0 y` up to odd powers of the rate from the third on: `z -> -z` forbids the second.
#[test]
fn first_step_is_that_of_the_tangent_kernel() {
    for activation in smooth() {
        let gap = |eta: f64| {
            let case = Case::two(activation.clone(), 1.0, eta, 1);
            let first =
                tangent(&case) * nalgebra::DVector::from_vec(case.targets.clone()) * case.rate;
            let found = case.hermite(60);
            (pair(&found, 1)[0] - first[0]).abs()
        };
        let (coarse, fine) = (gap(0.8), gap(0.4));
        assert!(
            coarse > 1e-5 && coarse / fine > 6.0,
            "{activation:?} {coarse} {fine}"
        );
    }
}

#[test]
fn lazy_limit() {
    for activation in [
        Activation::Linear,
        Activation::Tanh,
        Activation::Erf,
        Activation::Gelu,
    ] {
        let case = Case::two(activation.clone(), 1e-3, 0.4, 20);
        let solution = case.solve();
        let step = DMatrix::identity(2, 2) - tangent(&case) * case.rate;
        let mut residual = nalgebra::DVector::from_vec(case.targets.clone());
        for found in solution.residuals() {
            same(&found, residual.as_slice(), 1e-5);
            residual = &step * residual;
        }
    }
    // Sobol points with both signs of z: no term of order 1/gamma_0 is left.
    let case = Case::two(Activation::Relu, 1e-3, 0.4, 10);
    let solution = case.solve();
    let step = DMatrix::identity(2, 2) - tangent(&case) * case.rate;
    let exact = step.pow(10) * nalgebra::DVector::from_vec(case.targets.clone());
    same(&solution.residuals()[10], exact.as_slice(), 5e-4);
}

/// `df/dt = 2 (y - f) sqrt(1 + gamma_0^2 f^2)` of one sample in a linear network, values at t = 0.5 and 1; the steps
/// converge to it in the first order, so that twice the finer minus the coarser is of the second.
#[test]
fn gradient_flow_of_one_sample() {
    for (richness, expected) in [(1.0, [0.6618641, 0.9065883]), (2.0, [0.7378497, 0.9656691])] {
        let at = |steps: usize| {
            let mut case = Case::two(Activation::Linear, richness, 0.0, steps);
            case.kernel = DMatrix::from_element(1, 1, 1.0);
            case.targets = vec![1.0];
            case.rate = 1.0 / steps as f64;
            let solution = case.solve();
            [steps / 2, steps].map(|time| solution.output(time, 0).0)
        };
        let (coarse, fine) = (at(400), at(800));
        let extrapolated = [0, 1].map(|k| 2.0 * fine[k] - coarse[k]);
        same(&extrapolated, &expected, 5e-6);
        assert!((fine[0] - expected[0]).abs() > 1e-4);
    }
}

/// Homogeneous activations: `z^2 - |b|^2` of every neuron is conserved by gradient flow, in steps up to the rate.
#[test]
fn layers_of_relu_stay_balanced() {
    let drift = |eta: f64, steps: usize| {
        let mut case = Case::two(Activation::Relu, 1.5, eta, steps);
        case.kernel = DMatrix::identity(2, 2);
        let moments = case.solve().moments(&[0, steps]).unwrap();
        let square =
            |time: usize, variable: usize| moments.values.mean[moments.place(time, variable, 1)];
        let balance = |time: usize| square(time, 2) - square(time, 0) - square(time, 1);
        assert!(square(1, 2) - square(0, 2) > 0.3);
        (balance(1) - balance(0)).abs()
    };
    let (coarse, fine) = (drift(0.4, 10), drift(0.1, 40));
    assert!(coarse > 1e-3 && coarse / fine > 3.0, "{coarse} {fine}");
}

#[test]
fn signs_and_order_of_samples() {
    let mut case = Case::two(Activation::Gelu, 1.2, 0.4, 8);
    case.kernel = DMatrix::from_row_slice(2, 2, &[1.1, 0.4, 0.4, 0.7]);
    let plain = case.hermite(40);
    let kernels = plain.equal_time(&[8]).unwrap();
    let mut negative = case.clone();
    negative.targets.iter_mut().for_each(|y| *y = -*y);
    let mirrored = negative.hermite(40);
    same(&pair(&plain, 8).map(|f| -f), &pair(&mirrored, 8), 1e-12);
    same(
        &kernels.tangent.mean,
        &mirrored.equal_time(&[8]).unwrap().tangent.mean,
        1e-12,
    );
    let mut swapped = case.clone();
    swapped.targets.reverse();
    swapped.kernel = DMatrix::from_row_slice(2, 2, &[0.7, 0.4, 0.4, 1.1]);
    let swapped = swapped.hermite(40);
    let [first, second] = pair(&swapped, 8);
    same(&pair(&plain, 8), &[second, first], 1e-12);
    let mut permuted = swapped.equal_time(&[8]).unwrap().tangent.mean;
    permuted.reverse();
    same(&kernels.tangent.mean, &permuted, 1e-12);
}

#[test]
fn kernels_are_positive_and_consistent() {
    let solution = Case::two(Activation::Tanh, 1.5, 0.5, 12).hermite(32);
    let times = [0, 4, 12];
    let both = solution.two_time(&times).unwrap();
    for estimate in [&both.feature, &both.gradient] {
        let matrix = DMatrix::from_column_slice(6, 6, &estimate.mean);
        assert_eq!(matrix, matrix.transpose());
        assert!(eigh(&matrix).unwrap().0[0] > -1e-12);
    }
    let equal = solution.equal_time(&times).unwrap();
    for (index, mu, nu) in [(0, 0, 1), (1, 1, 1), (2, 0, 1)] {
        let place = (index * 2 + mu) * 6 + index * 2 + nu;
        let small = (index * 2 + mu) * 2 + nu;
        same(
            &[both.feature.mean[place], both.gradient.mean[place]],
            &[equal.feature.mean[small], equal.gradient.mean[small]],
            1e-13,
        );
    }
    // The tangent kernel predicts a small step: f(t + 1) - f(t) = q K(t) Delta(t) + O(eta^2).
    let fine = Case::two(Activation::Tanh, 1.5, 0.01, 101).hermite(32);
    let tangent = fine.equal_time(&[100]).unwrap().tangent.mean;
    let residual = &fine.residuals()[100];
    let step = 0.005 * (tangent[0] * residual[0] + tangent[2] * residual[1]);
    assert!((fine.output(101, 0).0 - fine.output(100, 0).0 - step).abs() < 1e-2 * step);
}

/// A test sample that equals a training sample has its outputs, and test samples do not touch training.
#[test]
fn test_samples_only_look_on() {
    let base = DMatrix::from_row_slice(2, 4, &[1.0, 0.6, 1.0, -0.4, 0.0, 0.8, 0.0, -0.9]);
    for (activation, rule) in [
        (
            Activation::Tanh,
            Rule::GaussHermite {
                nodes: 24,
                fewer: 16,
            },
        ),
        (
            Activation::Relu,
            Rule::Sobol {
                points: 512,
                scrambles: 4,
            },
        ),
        (Activation::Linear, Rule::Covariance),
    ] {
        let alone = Case::two(activation, 1.5, 0.5, 10);
        let mut watched = alone.clone();
        watched.kernel = base.tr_mul(&base);
        let (alone, watched) = (alone.by(rule.clone()), watched.by(rule));
        assert_eq!((alone.samples(), watched.samples()), (2, 4));
        for time in 0..=10 {
            same(&pair(&alone, time), &pair(&watched, time), 1e-12);
            assert!((watched.output(time, 2).0 - watched.output(time, 0).0).abs() < 1e-12);
        }
        assert!((watched.output(10, 3).0 - watched.output(10, 0).0).abs() > 0.05);
    }
    // A direction that training does not know: its own part of h never moves.
    let mut case = Case::two(Activation::Tanh, 1.5, 0.5, 10);
    case.kernel = DMatrix::from_row_slice(3, 3, &[1.0, 0.6, 0.0, 0.6, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let solution = case.by(Rule::Sobol {
        points: 1 << 10,
        scrambles: 4,
    });
    let kernel = &solution.equal_time(&[10]).unwrap().feature;
    let exact = Activation::Tanh.dual(1.0, 1.0, 1.0).unwrap().value;
    assert!((kernel.mean[8] - exact).abs() < 4.0 * kernel.error[8] + 1e-4);
}

/// Densities at the start are normal, those of a linear network stay so, and those of points see the tails grow.
#[test]
fn densities_and_moments() {
    let edges: Vec<f64> = (-8..=8).map(|k| 0.4 * k as f64).collect();
    let case = Case::two(Activation::Tanh, 1.5, 0.5, 39);
    let solution = case.hermite(64);
    let shares = solution.densities(&[0, 39], &edges).unwrap();
    assert_eq!(shares.values.uncertainty, Uncertainty::StandardError);
    for variable in 0..3 {
        for (k, edge) in edges.windows(2).enumerate() {
            let place = shares.place(0, variable, k);
            let exact = normal_cdf(edge[1]).0 - normal_cdf(edge[0]).0;
            let gap = (shares.values.mean[place] - exact).abs();
            assert!(
                gap < 5.0 * shares.values.error[place] + 1e-4,
                "{variable} {k}"
            );
            // Odd activations keep the densities even.
            let mirror = shares.place(1, variable, 15 - k);
            let (late, errors) = (&shares.values.mean, &shares.values.error);
            let place = shares.place(1, variable, k);
            assert!(
                (late[place] - late[mirror]).abs() < 5.0 * (errors[place] + errors[mirror]) + 1e-4
            );
        }
    }
    let moments = solution.moments(&[0, 39]).unwrap();
    for variable in 0..3 {
        let start: Vec<f64> = (0..4)
            .map(|k| moments.values.mean[moments.place(0, variable, k)])
            .collect();
        same(&start, &[0.0, 1.0, 0.0, 3.0], 1e-10);
        assert_eq!(moments.values.mean[moments.place(1, variable, 0)], 0.0);
    }
    let linear = Case::two(Activation::Linear, 1.0, 0.2, 20);
    let (closed, points) = (
        linear.solve(),
        linear.by(Rule::Sobol {
            points: 1 << 12,
            scrambles: 8,
        }),
    );
    let [closed_shares, point_shares] =
        [&closed, &points].map(|s| s.densities(&[20], &edges).unwrap());
    same(&closed_shares.values.mean, &point_shares.values.mean, 3e-3);
    let [closed, points] = [&closed, &points].map(|s| s.moments(&[20]).unwrap());
    same(&closed.values.mean, &points.values.mean, 3e-2);
}
