//! Symmetries, limits and the size of errors.

use super::super::noise::Images;
use super::*;

/// `f(1)/q = K^NTK(0) y` up to the second order in the step: it is even in the step, as outputs are odd in the targets.
#[test]
fn the_first_step_follows_the_tangent_kernel() {
    let first = |eta: f64| {
        let mut case = Case::two(Activation::Tanh, 3, 1.5, eta, 1);
        case.settings.samples = 800;
        let solution = case.solve();
        (solution.outputs(1).mean / case.rate, solution)
    };
    let ((a, solution), (b, _), (c, _)) = (first(0.08), first(0.04), first(0.02));
    // Same noise: what is left is a series in the step.
    let ratio = (&a - &b)[0] / (&b - &c)[0];
    assert!((3.8..4.3).contains(&ratio), "{ratio}");
    let start = (&c * 4.0 - &b) / 3.0;
    let y = DMatrix::from_column_slice(2, 1, &[1.0, -0.5]);
    let pulled = Sampled::of(
        solution
            .tangent_kernel(0)
            .repeats
            .iter()
            .map(|k| k * &y)
            .collect(),
    );
    agree(&pulled, start.as_slice(), &[0.0; 2]);
}

/// Targets of opposite sign give outputs of opposite sign, and so does a richness of opposite sign; kernels stay.
#[test]
fn signs_of_targets_and_richness_leave_kernels() {
    for activation in [Activation::Tanh, Activation::Gelu] {
        let case = Case::two(activation.clone(), 2, 1.0, 0.5, 6);
        let plain = case.solve();
        let mut turned = case.clone();
        turned.targets.iter_mut().for_each(|y| *y = -*y);
        let turned = turned.solve();
        let problem = case.problem();
        let mirrored = solve_with(
            &problem,
            &activation,
            &case.settings,
            -1.0,
            case.inner,
            &|_| Ok(()),
        )
        .unwrap();
        near(
            (-plain.outputs(6).mean).as_slice(),
            turned.outputs(6).mean.as_slice(),
            1e-5,
        );
        near(
            plain.outputs(6).mean.as_slice(),
            mirrored.outputs(6).mean.as_slice(),
            1e-5,
        );
        for other in [turned, mirrored] {
            for l in [1, 2] {
                let kernels = |s: &Solution| {
                    [
                        s.feature_kernel(l, 6, 4).mean,
                        s.gradient_kernel(l, 6, 4).mean,
                    ]
                };
                for (a, b) in kernels(&plain).iter().zip(kernels(&other)) {
                    near(a.as_slice(), b.as_slice(), 2e-5);
                }
            }
        }
    }
}

/// The order of the samples is of no matter beyond sampling, and that of the paths beyond rounding.
#[test]
fn orders_are_of_no_matter() {
    let mut case = Case::two(Activation::Tanh, 2, 1.5, 0.5, 8);
    case.add_training_sample(&[0.1, 0.3], 0.8, 0.3);
    let plain = case.solve();
    let mut shuffled = case.clone();
    let order = [2, 0, 1];
    shuffled.kernel = DMatrix::from_fn(3, 3, |a, b| case.kernel[(order[a], order[b])]);
    shuffled.targets = order.iter().map(|&a| case.targets[a]).collect();
    let shuffled = shuffled.solve();
    let back = |m: Sampled| {
        let (mean, stderr) = (m.mean, m.stderr);
        let at = |a: usize| order.iter().position(|&b| b == a).unwrap();
        (
            [0, 1, 2].map(|a| mean[at(a)]),
            [0, 1, 2].map(|a| stderr[at(a)]),
        )
    };
    let (mean, stderr) = back(shuffled.outputs(8));
    agree(&plain.outputs(8), &mean, &stderr);
    case.inner.reversed = true;
    let reversed = case.solve();
    near(
        plain.outputs(8).mean.as_slice(),
        reversed.outputs(8).mean.as_slice(),
        1e-6,
    );
    let kernel = |s: &Solution| s.gradient_kernel(1, 8, 5).mean;
    near(
        kernel(&plain).as_slice(),
        kernel(&reversed).as_slice(),
        1e-5,
    );
}

/// Stein's form and derivatives along paths are the same theory.
#[test]
fn both_forms_of_responses_agree() {
    let mut case = Case::two(Activation::Tanh, 2, 2.0, 0.3, 6);
    case.settings.samples = 1600;
    case.add_test_sample(&[0.5, -0.2], 1.1);
    let paths = case.solve();
    case.settings.response = Some(Response::Stein);
    let stein = case.solve();
    assert_eq!(
        (paths.response, stein.response),
        (Response::Paths, Response::Stein)
    );
    // A test sample responds to its own field at equal times.
    let own = |solution: &Solution| entry(&solution.backward_response(1, 6, 6), 2, 2);
    let (a, b) = (own(&paths), own(&stein));
    assert!(a.mean[0].abs() > 10.0 * b.stderr[0], "{a:?} {b:?}");
    agree(&b, a.mean.as_slice(), a.stderr.as_slice());
    // Directions over paths: the bias of Stein's form.
    let bias = 10.0 / 1600.0;
    for t in [1, 3, 6] {
        let (a, b) = (paths.outputs(t), stein.outputs(t));
        agree(&b, a.mean.as_slice(), a.stderr.add_scalar(bias).as_slice());
        for l in [1, 2] {
            let (a, b) = (paths.feature_kernel(l, t, t), stein.feature_kernel(l, t, t));
            agree(&b, a.mean.as_slice(), a.stderr.add_scalar(bias).as_slice());
            let (a, b) = (
                paths.gradient_kernel(l, t, t),
                stein.gradient_kernel(l, t, t),
            );
            agree(&b, a.mean.as_slice(), a.stderr.add_scalar(bias).as_slice());
        }
    }
}

/// A test sample that equals a training sample has its output, and test samples do not change the training.
#[test]
fn test_samples_follow() {
    for response in [Response::Paths, Response::Stein] {
        let mut case = Case::two(Activation::Tanh, 2, 1.5, 0.5, 6);
        case.settings.response = Some(response);
        let alone = case.solve();
        case.add_test_sample(&[0.6, 1.0], 1.0);
        let both = case.solve();
        let (f, k) = (both.outputs(6).mean, both.gradient_kernel(1, 6, 6).mean);
        assert!((f[1] - f[2]).abs() < 1e-3, "{f}");
        assert!(
            (k[(0, 1)] - k[(0, 2)]).abs() < 2e-3 && (k[(1, 1)] - k[(2, 2)]).abs() < 2e-3,
            "{k}"
        );
        let outputs = alone.outputs(6);
        agree(
            &outputs,
            &f.as_slice()[..2],
            &[outputs.stderr[0], outputs.stderr[1]],
        );
    }
}

#[test]
fn bits_do_not_depend_on_the_number_of_threads() {
    let mut case = Case::two(Activation::Gelu, 2, 1.0, 0.5, 4);
    case.settings.samples = 500;
    for response in [Response::Paths, Response::Stein] {
        case.settings.response = Some(response);
        let run = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            let solution = pool.install(|| case.solve());
            (
                solution.outputs(4).repeats,
                solution.gradient_kernel(1, 4, 2).repeats,
            )
        };
        assert_eq!(run(1), run(2));
    }
}

/// Sixteen times the paths, a quarter of the error.
#[test]
fn errors_fall_as_the_root_of_the_number_of_paths() {
    let mut case = Case::two(Activation::Tanh, 2, 1.5, 0.5, 6);
    case.settings.repeats = 12;
    let mut error = |samples: usize| {
        case.settings.samples = samples;
        let solution = case.solve();
        let all = [
            solution.outputs(4),
            solution.feature_kernel(1, 6, 6),
            solution.gradient_kernel(2, 6, 3),
        ];
        all.map(|sampled| sampled.stderr.map(f64::ln).mean())
            .iter()
            .sum::<f64>()
            / 3.0
    };
    let ratio = (error(200) - error(3200)).exp();
    assert!((2.6..6.0).contains(&ratio), "{ratio}");
}

/// The rule by the tangent kernel differs from the exact read-out by the first order in the step.
#[test]
fn readouts_meet_for_small_steps() {
    let difference = |eta: f64, steps: usize| {
        let mut case = Case::two(Activation::Tanh, 2, 1.0, eta, steps);
        case.settings.samples = 1400;
        let exact = case.solve().outputs(steps).mean;
        case.settings.readout = Readout::NtkEuler;
        let d = exact - case.solve().outputs(steps).mean;
        d[1]
    };
    let ratio = difference(0.8, 4) / difference(0.4, 8);
    assert!((1.5..3.0).contains(&ratio), "{ratio}");
}

/// Pre-activations at the start are normal, and at any time their moments are those of the kernels.
#[test]
fn kept_preactivations_have_the_moments_of_kernels() {
    let mut case = Case::two(Activation::Linear, 2, 1.5, 0.3, 6);
    case.settings.keep = vec![0, 6];
    let solution = case.solve();
    for l in [1, 2] {
        let (moments, phi) = (
            solution.moments(l, 6).unwrap(),
            solution.feature_kernel(l, 6, 6),
        );
        assert!((moments.mean[(1, 1)] - phi.mean[(1, 1)]).abs() < 1e-12);
        let g = solution.gradient_kernel(l, 6, 6);
        assert!((moments.mean[(3, 1)] - g.mean[(1, 1)]).abs() < 1e-12);
        let shares = solution.shares(l, 0, &[-1.0, 1.0, 2.0]).unwrap();
        let one = |row: usize| [shares.mean[(row, 0)], shares.mean[(row, 1)]];
        let error = |row: usize| {
            [shares.stderr[(row, 0)], shares.stderr[(row, 1)]].map(|e| 5.0 * e.max(0.004))
        };
        let (found, error) = (one(0), error(0));
        assert!(
            (found[0] - 0.6827).abs() < error[0] && (found[1] - 0.1359).abs() < error[1],
            "{shares:?}"
        );
    }
    assert!(solution.moments(1, 3).is_none());
    case.inner.images = Some(Images {
        of_r: false,
        of_u: false,
    });
    case.steps = 0;
    case.settings.keep = vec![0];
    let moments = case.solve().moments(1, 0).unwrap();
    // Exactly white.
    near(
        &moments.mean.as_slice()[..8],
        &[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 1.0, 1.0],
        1e-8,
    );
}
