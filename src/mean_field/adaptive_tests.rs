//! Mean field on given data: reference numbers, symmetries, derivatives, evaluators against one another.

use super::super::angle::Angles;
use super::*;
use crate::numerics::random::{normal_matrix, stream};

fn network(phi: Activation, s_w2: f64, s_a2: f64, tau: f64) -> TwoLayer {
    TwoLayer {
        phi,
        width: 100.0,
        weight_variance: s_w2,
        readout_variance: s_a2,
        temperature: tau,
        chi: 100.0,
    }
}

fn problem<'a>(
    n: &'a TwoLayer,
    x: &'a DMatrix<f64>,
    y: &'a DVector<f64>,
    at: &'a DMatrix<f64>,
) -> Problem<'a> {
    Problem {
        network: n,
        x,
        y,
        at,
        direction: None,
        evaluator: Evaluator::Auto,
        method: Method::Auto,
        sample: 20_000,
        seed: 1,
    }
}

fn xor() -> (DMatrix<f64>, DVector<f64>) {
    let x = DMatrix::from_row_slice(2, 4, &[1.0, 1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0]);
    (x, DVector::from_vec(vec![1.0, -1.0, -1.0, 1.0]))
}

/// Table of section 5.3: `kappa, tau, t0, A, m, ln Z, E[1 - |cos 2 psi|]`.
const XOR: [[f64; 7]; 6] = [
    [1.0, 0.02, 0.637632, 0.813149, 0.987247, 0.547980, 0.518827],
    [1.0, 0.1, 0.633519, 0.802692, 0.936648, 0.532160, 0.514102],
    [1.0, 0.5, 0.606136, 0.734802, 0.696932, 0.443947, 0.487887],
    [1.0, 1.0, 0.550131, 0.605288, 0.449869, 0.319135, 0.451393],
    [0.5, 0.2, 0.917371, 0.841569, 0.816526, 0.595112, 0.532932],
    [2.0, 0.3, 0.419139, 0.702710, 0.874258, 0.408822, 0.477534],
];

#[test]
fn xor_has_the_numbers_of_its_closed_form() {
    let (x, y) = xor();
    for [kappa, tau, t0, a, m, log_z, contrast] in XOR {
        let n = network(Activation::Relu, 2.0, kappa, tau);
        let found = solve(&problem(&n, &x, &y, &x)).unwrap();
        for mu in 0..4 {
            assert!((found.training[mu] * y[mu] - m).abs() < 6e-7);
            assert!((found.outputs[mu] - found.training[mu]).abs() < 1e-12);
            assert!((found.tilt[mu] * y[mu] - t0).abs() < 6e-7);
        }
        assert!((2.0 * kappa * found.tilt[0].powi(2) - a).abs() < 2e-6);
        let dual_log_z = -found.free_energy + 4.0 * t0 - 0.5 * tau * 4.0 * t0 * t0;
        assert!((dual_log_z - log_z).abs() < 5e-6, "{dual_log_z} {log_z}");
        let angles = Angles::new(&n, &x, &found.tilt).unwrap();
        assert!((angles.contrast() - contrast).abs() < 1e-6);
        assert!(found.bounds.outputs < 1e-9 && found.gap < 1e-12);
    }
}

fn section_9() -> (DMatrix<f64>, DVector<f64>) {
    let rows = [
        [-0.8019, -1.3244, -0.2484],
        [0.4204, 1.136, 0.1097],
        [-0.5526, -0.7848, 0.7487],
        [1.6348, 0.2728, -1.2333],
        [-0.9583, 1.6, 0.2029],
        [-1.7321, -0.0837, -1.1632],
        [-0.6293, -0.488, -0.7133],
        [0.5534, -0.0631, -0.5894],
        [0.4096, 0.8299, -1.643],
        [-0.2567, -0.9807, -0.1732],
        [-1.2894, 0.0207, -0.0379],
        [-0.3043, -1.0479, -0.3962],
    ];
    let x = DMatrix::from_fn(3, 12, |i, mu| rows[mu][i]);
    let y = x
        .row(0)
        .map(|z: f64| 0.6 * (z - 0.3 * (z.powi(3) - 3.0 * z)));
    (x, y.transpose())
}

#[test]
fn the_erf_network_on_given_data_has_its_numbers() {
    let (x, y) = section_9();
    let n = network(Activation::UnscaledErf, 3.0, 1.0, 0.05);
    let found = solve(&problem(&n, &x, &y, &x)).unwrap();
    assert!(
        (found.free_energy - 1.36472954).abs() < 6e-9,
        "{}",
        found.free_energy
    );
    let fbar = [
        -0.770189, 0.480622, -0.605645, 1.025921, -0.880735, -1.028236, -0.670732, 0.684676,
        0.419172, -0.304824, -1.082856, -0.337412,
    ];
    for (f, reference) in found.training.iter().zip(fbar) {
        assert!((f - reference).abs() < 6e-7);
    }
    let mse = (&found.training - &y).norm_squared() / 12.0;
    assert!((mse - 0.00142369).abs() < 6e-9);
    // The theory file prints (1.568441, .658013, .886735); a trapezoid sum written apart in C gives these digits on grids of
    // 73^3 and 97^3 points and for |v| <= 6.5 and 8.5.
    for (i, v) in [1.56844674, 0.65801634, 0.88673989].into_iter().enumerate() {
        assert!((found.weight_covariance[(i, i)] - v).abs() < 1e-8);
    }
    assert!((&found.outputs - &found.training).amax() < 1e-12);
    assert!(found.bounds.outputs < 1e-7, "{:?}", found.bounds);
    assert!(found.gap < 1e-12);
}

/// Section 0: `N G` and the one-loop value of the log partition function of two points.
#[test]
fn the_evidence_has_its_numbers() {
    let x = DMatrix::from_row_slice(2, 2, &[1.0, -0.3, 0.5, 1.2]);
    let y = DVector::from_vec(vec![0.8, -0.5]);
    for (chi, width, temperature, saddle, loop_) in [
        (1.0, 2.0, 0.1, -0.703314, -2.918279),
        (1.0, 10.0, 0.1, -0.776164702, -2.758413764),
        (10.0, 10.0, 0.1, -6.481755147, -8.849884982),
    ] {
        let n = TwoLayer {
            phi: Activation::UnscaledErf,
            width,
            weight_variance: 1.5,
            readout_variance: 1.2,
            temperature,
            chi,
        };
        let none = DMatrix::zeros(2, 0);
        let found = solve(&problem(&n, &x, &y, &none)).unwrap();
        assert!(
            (-width * found.free_energy - saddle).abs() < 6e-7,
            "{} {saddle}",
            -width * found.free_energy
        );
        assert!(
            (found.log_z - loop_).abs() < 6e-7,
            "{} {loop_}",
            found.log_z
        );
    }
}

fn linear_data() -> (DMatrix<f64>, DVector<f64>) {
    let rows = [
        2.04, -2.56, 0.42, -0.57, -0.45, -0.22, -2.02, -0.23, -0.87, 3.32, 0.23, -0.35, -0.28,
        -0.67, -1.06,
    ];
    let x = DMatrix::from_column_slice(3, 5, &rows);
    (x, DVector::from_vec(vec![-0.39, 0.48, -0.24, 0.96, -0.2]))
}

/// A linear network in closed form, on a grid and from a sample: one number, that of section 4.3.
#[test]
fn evaluators_agree_on_a_linear_network() {
    let (x, y) = linear_data();
    let n = network(Activation::Linear, 1.5, 0.8, 0.3);
    let none = DMatrix::zeros(3, 0);
    let exact = solve(&problem(&n, &x, &y, &none)).unwrap();
    assert!((exact.free_energy - 0.999560252424).abs() < 1e-12);
    let quadrature = Problem {
        evaluator: Evaluator::Quadrature,
        ..problem(&n, &x, &y, &none)
    };
    let grid = solve(&quadrature).unwrap();
    assert!((&grid.training - &exact.training).amax() < 1e-9);
    assert!((&grid.weight_covariance - &exact.weight_covariance).amax() < 1e-8);
    let sample = Problem {
        evaluator: Evaluator::Sample,
        sample: 200_000,
        ..problem(&n, &x, &y, &none)
    };
    let sample = solve(&sample).unwrap();
    assert!((&sample.training - &exact.training).amax() < 0.01);
    assert!(sample.effective > 1000.0 && sample.effective < 200_000.0);
}

/// A rotation of the inputs rotates the covariance and leaves the outputs; a direction as first axis changes nothing.
#[test]
fn rotations_of_the_inputs_rotate_the_law() {
    let (x, y) = section_9();
    let n = network(Activation::Tanh, 3.0, 1.0, 0.05);
    let none = DMatrix::zeros(3, 0);
    let plain = solve(&problem(&n, &x, &y, &none)).unwrap();
    let u = DVector::from_vec(vec![0.6, 0.0, 0.8]);
    let directed = Problem {
        direction: Some(&u),
        ..problem(&n, &x, &y, &none)
    };
    let directed = solve(&directed).unwrap();
    assert!((&plain.training - &directed.training).amax() < 1e-8);
    assert!((&plain.weight_covariance - &directed.weight_covariance).amax() < 1e-7);
    let along = u.dot(&(&plain.weight_covariance * &u));
    assert!((directed.overlap.unwrap()[0] - along).abs() < 1e-7);
    let (q, _) = crate::numerics::linalg::qr(&normal_matrix(&mut stream(3, "rotation", &[]), 3, 3));
    let turned = &q * &x;
    let turned = solve(&problem(&n, &turned, &y, &none)).unwrap();
    assert!((&plain.training - &turned.training).amax() < 1e-8);
    let back = q.transpose() * turned.weight_covariance * &q;
    assert!((&plain.weight_covariance - back).amax() < 1e-7);
}

/// The solution satisfies `t = (Q + tau)^{-1} y`, and random starts lead to it.
#[test]
fn the_saddle_is_unique_and_self_consistent() {
    let (x, y) = xor();
    let n = network(Activation::Relu, 2.0, 1.0, 0.5);
    let frame = Frame::of(&n, &x, None);
    let c = frame.coordinates(&x);
    let neurons = Points::directions(&c, 2).neurons(&n.phi, &c, 1.0);
    let dual = Dual {
        neuron: &neurons,
        targets: &y,
        tau: 0.5,
    };
    let saddle = dual.solve(Method::Newton).unwrap();
    let residual = &neurons.kernel(&saddle.tilt).unwrap() * &saddle.tilt + &saddle.tilt * 0.5 - &y;
    assert!(residual.amax() < 1e-10);
    for k in 0..20 {
        let start = normal_matrix(&mut stream(4, "start", &[k]), 4, 1)
            .column(0)
            .into_owned();
        let other = dual.solve_from(Method::Newton, start).unwrap();
        assert!((other.tilt - &saddle.tilt).amax() < 1e-9);
    }
}

/// `Z`, its gradient and its Hessian belong together: numerical derivatives, for neurons, directions and the Gaussian integral.
#[test]
fn derivatives_of_the_partition_function_are_those_of_its_values() {
    let (x, _) = xor();
    let t = DVector::from_vec(vec![0.3, -0.2, 0.1, 0.25]);
    let n = network(Activation::Relu, 2.0, 1.0, 0.5);
    let frame = Frame::of(&n, &x, None);
    let c = frame.coordinates(&x);
    let directions = Points::directions(&c, 2).neurons(&n.phi, &c, 0.7);
    let grid = Points::grid(&Activation::Erf, 2, 41, 6.5).neurons(&Activation::Erf, &c, 0.7);
    let linear = Linear {
        inputs: c.clone(),
        readout_variance: 0.7,
    };
    let neurons: [&dyn Neuron; 3] = [&directions, &grid, &linear];
    for neuron in neurons {
        let here = neuron.tilted(&t).unwrap();
        let covariance = neuron.covariance(&t).unwrap();
        assert!(neuron.tilted(&DVector::zeros(4)).unwrap().log_z.abs() < 1e-14);
        let along = neuron.kernel(&t).unwrap() * &t;
        assert!((along - &here.mean).amax() < 1e-13);
        for i in 0..4 {
            let shifted = |h: f64| {
                let mut t = t.clone();
                t[i] += h;
                neuron.tilted(&t).unwrap()
            };
            let (up, down) = (shifted(1e-5), shifted(-1e-5));
            assert!(((up.log_z - down.log_z) / 2e-5 - here.mean[i]).abs() < 1e-9);
            let slope = (&up.mean - &down.mean) / 2e-5;
            assert!((slope - covariance.column(i)).amax() < 1e-8);
        }
    }
}

#[test]
fn what_cannot_be_normalised_is_an_error() {
    let (x, y) = xor();
    let none = DMatrix::zeros(2, 0);
    let quadratic = network(Activation::Quadratic, 2.0, 1.0, 0.5);
    let error = solve(&problem(&quadratic, &x, &y, &none))
        .unwrap_err()
        .to_string();
    assert!(error.contains("cannot be normalised"), "{error}");
    let n = network(Activation::Relu, 2.0, 1.0, 0.5);
    let thin = Problem {
        evaluator: Evaluator::Sample,
        sample: 900,
        ..problem(&n, &x, &y, &none)
    };
    let error = solve(&thin).unwrap_err().to_string();
    assert!(error.contains("effective members"), "{error}");
    let bad = network(Activation::Relu, 2.0, 1.0, 0.0);
    assert!(
        solve(&problem(&bad, &x, &y, &none))
            .unwrap_err()
            .to_string()
            .contains("temperature")
    );
    let wrong = Problem {
        evaluator: Evaluator::ClosedForm,
        ..problem(&n, &x, &y, &none)
    };
    assert!(solve(&wrong).is_err());
}

/// Widths of relu in three dimensions: the sphere against the grid.
#[test]
fn directions_of_the_sphere_are_those_of_the_grid() {
    let (x, y) = section_9();
    let n = network(Activation::Relu, 3.0, 1.0, 0.3);
    let none = DMatrix::zeros(3, 0);
    let sphere = solve(&problem(&n, &x, &y, &none)).unwrap();
    let sample = Problem {
        evaluator: Evaluator::Sample,
        sample: 100_000,
        ..problem(&n, &x, &y, &none)
    };
    let sample = solve(&sample).unwrap();
    assert!(
        (&sphere.training - &sample.training).amax() < 0.01,
        "{}",
        &sphere.training - &sample.training
    );
    assert!(sphere.bounds.outputs < 5e-4, "{:?}", sphere.bounds);
}

/// More samples than two grids can hold are left to a sample of neurons, and quadrature alone declines.
#[test]
fn too_many_samples_for_a_grid_are_no_fault() {
    let x = normal_matrix(&mut stream(8, "many", &[]), 3, 300);
    let y = x.row(0).transpose();
    let n = network(Activation::Tanh, 1.0, 1.0, 30.0);
    let none = DMatrix::zeros(3, 0);
    let found = solve(&problem(&n, &x, &y, &none)).unwrap();
    assert!(found.method.starts_with("sample"), "{}", found.method);
    let quadrature = Problem {
        evaluator: Evaluator::Quadrature,
        ..problem(&n, &x, &y, &none)
    };
    let error = solve(&quadrature).unwrap_err();
    assert!(matches!(error, Error::Declined { .. }), "{error}");
}

/// In more than three dimensions overlaps are along the direction that was asked for, and not along the first input.
#[test]
fn overlaps_in_many_dimensions_are_along_the_direction() {
    let x = normal_matrix(&mut stream(9, "many", &[]), 6, 12);
    let u = DVector::from_vec(vec![0.1, -0.4, 0.7, 0.2, 0.5, -0.3]);
    let u = &u / u.norm();
    let y = x.tr_mul(&u);
    let none = DMatrix::zeros(6, 0);
    for phi in [Activation::Linear, Activation::Tanh] {
        let n = network(phi, 1.0, 1.0, 2.0);
        let directed = Problem {
            direction: Some(&u),
            ..problem(&n, &x, &y, &none)
        };
        let found = solve(&directed).unwrap();
        let along = u.dot(&(&found.weight_covariance * &u));
        assert!((found.overlap.unwrap()[0] - along).abs() < 1e-10 * along);
        let first = found.weight_covariance[(0, 0)];
        assert!((along - first).abs() > 0.1 * first, "{along} {first}");
        let law = found.overlap_law.unwrap();
        assert!((law.share(f64::NEG_INFINITY, f64::INFINITY) - 1.0).abs() < 1e-9);
    }
}

/// The first correction of relu on a line, in the plane and in space: quadrature over directions and lengths against a sample of neurons.
#[test]
fn the_first_correction_of_relu_is_that_of_a_sample() {
    use super::super::gaussian_process::slope;
    for d in 1..=3 {
        let x = normal_matrix(&mut stream(10, "inputs", &[d as u64]), d, 3);
        let y = [0.8, -0.5, 0.3];
        let n = TwoLayer {
            chi: 1.0,
            ..network(Activation::Relu, 2.0, 1.0, 0.5)
        };
        let (found, bound) = first_correction(&n, &x, &DMatrix::zeros(d, 0), &y).unwrap();
        let repeats = 8;
        let sampled = |k: u64| {
            let w = normal_matrix(&mut stream(11, "neurons", &[d as u64, k]), d, 100_000);
            let z = x.tr_mul(&w) * (2.0 / d as f64).sqrt();
            let law = |see: &mut dyn FnMut(f64, &[f64])| {
                for column in z.column_iter() {
                    let phi: Vec<f64> = column.iter().map(|z| z.max(0.0)).collect();
                    see(1.0, &phi);
                }
            };
            slope(law, &y, 1.0, 0.5, 1.0).unwrap().slope
        };
        let all: Vec<Vec<f64>> = (0..repeats).map(sampled).collect();
        for mu in 0..3 {
            let values: Vec<f64> = all.iter().map(|s| s[mu]).collect();
            let (mean, stderr) = crate::numerics::statistics::mean_stderr(&values);
            let z = (mean - found[mu]) / (stderr.unwrap() + bound);
            assert!(z.abs() < 5.0, "{d} {mu}: {mean} {} {z}", found[mu]);
        }
    }
}
