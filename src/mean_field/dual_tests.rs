//! The dual: reference numbers of the cubic teacher, methods against one another, what does not converge.

use super::super::neurons::{Neurons, Radius};
use super::*;
use crate::numerics::random::{normal_matrix, stream};

/// The cubic teacher of nnft.md 6.1 in its two order parameters: neurons with `q ~ N(0, s_w^2/d)` and their projections on `H_1` and
/// `H_3/sqrt 6`, tilted by statistics that the user gives.
struct Cubic {
    neurons: Neurons,
    targets: DVector<f64>,
    tau: f64,
}

const EPSILON: f64 = -0.3;
const WIDTH: f64 = 700.0;

impl Cubic {
    fn at(temperature: f64) -> Cubic {
        let (d, s_w2): (f64, f64) = (150.0, 0.5);
        let deviation = (s_w2 / d).sqrt();
        let nodes = 2001;
        let range = 52.0;
        let v: Vec<f64> = (0..nodes)
            .map(|k| range * (2.0 * k as f64 / (nodes - 1) as f64 - 1.0))
            .collect();
        let features = DMatrix::from_fn(nodes, 2, |k, i| {
            let q = deviation * v[k];
            let a = 1.0 + 2.0 * (s_w2 + q * q);
            let pi = std::f64::consts::PI;
            match i {
                0 => 2.0 * q / (pi * a).sqrt(),
                _ => -4.0 * q.powi(3) / ((6.0 * pi).sqrt() * a.powf(1.5)),
            }
        });
        let total: f64 = v.iter().map(|v| (-0.5 * v * v).exp()).sum();
        Cubic {
            neurons: Neurons {
                log_weights: v.iter().map(|v| -0.5 * v * v - total.ln()).collect(),
                points: DMatrix::from_row_slice(1, nodes, &v),
                features,
                readout_variance: 8.0,
                radius: Radius::Sampled,
                method: "line".into(),
            },
            targets: DVector::from_vec(vec![1.0, 6f64.sqrt() * EPSILON]),
            tau: temperature * WIDTH / 3000.0,
        }
    }

    fn dual(&self) -> Dual<'_> {
        Dual {
            neuron: &self.neurons,
            targets: &self.targets,
            tau: self.tau,
        }
    }
}

/// `T, b, c, E q^2 d/s_w^2, P(|q| > 0.4)` and the free energy.
const TABLE: [(f64, f64, f64, f64, f64); 5] = [
    (0.25, 0.3963325, -0.2948407, 5.3216, 0.00395),
    (0.20, 0.3143526, -0.2924022, 6.0691, 0.01118),
    (0.18, 0.2796853, -0.2902316, 6.4371, 0.01693),
    (0.15, 0.2244921, -0.2814474, 7.2197, 0.02613),
    (0.10, 0.1259429, -0.2471077, 9.3870, 0.02751),
];

#[test]
fn user_given_statistics_have_the_numbers_of_the_cubic_teacher() {
    for (temperature, b, c, v, tail) in TABLE {
        let cubic = Cubic::at(temperature);
        let saddle = cubic.dual().solve(Method::Auto).unwrap();
        let residual = &saddle.tilt * cubic.tau;
        assert!((residual[0] - b).abs() < 6e-8, "{} {b}", residual[0]);
        assert!((residual[1] / 6f64.sqrt() - c).abs() < 6e-8);
        let law = cubic.neurons.law(&saddle.tilt).unwrap();
        assert!((law.axis_moments()[0] - v).abs() < 6e-5);
        // The density, integrated from 0.4 on: half of the grid cell at its edge.
        let deviation = (0.5f64 / 150.0).sqrt();
        let step = deviation * 104.0 / 2000.0;
        let beyond: f64 = law
            .probabilities
            .iter()
            .zip(cubic.neurons.points.iter())
            .map(|(p, v)| p * ((v.abs() * deviation - 0.4) / step + 0.5).clamp(0.0, 1.0))
            .sum();
        assert!((beyond - tail).abs() < 2e-5, "{beyond} {tail}");
        assert!(saddle.iterations <= 15, "{}", saddle.iterations);
    }
    let free = |t: f64| Cubic::at(t).dual().solve(Method::Auto).unwrap().free_energy * WIDTH;
    assert!((free(0.25) - 6490.338040).abs() < 1e-5);
    assert!((free(0.10) - 11107.360733).abs() < 1e-5);
}

#[test]
fn all_methods_find_one_point() {
    for temperature in [0.25, 0.18, 0.10] {
        let cubic = Cubic::at(temperature);
        let newton = cubic.dual().solve(Method::Newton).unwrap();
        let lbfgs = cubic.dual().solve(Method::Lbfgs).unwrap();
        assert!(
            (&newton.tilt - &lbfgs.tilt).amax() < 1e-8,
            "{}",
            &newton.tilt - &lbfgs.tilt
        );
        let simplex = cubic.dual().solve(Method::NelderMead).unwrap();
        assert!((&newton.tilt - &simplex.tilt).amax() < 1e-6);
        assert!(
            (newton.free_energy - simplex.free_energy).abs() < 1e-12 * newton.free_energy.abs()
        );
        for k in 0..5 {
            let start = normal_matrix(&mut stream(6, "start", &[k]), 2, 1)
                .column(0)
                .into_owned();
            let other = cubic.dual().solve_from(Method::Newton, start).unwrap();
            assert!((other.tilt - &newton.tilt).amax() < 1e-9);
        }
    }
}

/// The plain iteration of the papers: at T = 0.25 it needs some hundred steps with a small share of the new value, and at T = 0.1 it
/// cycles although the solution is unique.
#[test]
fn the_fixed_point_iteration_says_where_it_does_not_converge() {
    let warm = Cubic::at(0.25);
    let newton = warm.dual().solve(Method::Newton).unwrap();
    let found = warm.dual().solve(Method::FixedPoint(0.05)).unwrap();
    // The gradient is below 1e-9, and no eigenvalue of the Hessian below tau.
    assert!((&found.tilt - &newton.tilt).amax() < 1e-9 / warm.tau);
    assert!(
        (300..500).contains(&found.iterations),
        "{}",
        found.iterations
    );
    for (temperature, mix) in [(0.25, 1.0), (0.25, 0.5), (0.1, 0.02)] {
        let error = Cubic::at(temperature)
            .dual()
            .solve(Method::FixedPoint(mix))
            .unwrap_err();
        assert!(error.to_string().contains("did not converge"), "{error}");
    }
}

#[test]
fn wrong_problems_are_refused() {
    let mut cubic = Cubic::at(0.25);
    cubic.tau = 0.0;
    assert!(
        cubic
            .dual()
            .solve(Method::Auto)
            .unwrap_err()
            .to_string()
            .starts_with("temperature")
    );
    cubic.tau = 0.1;
    assert!(
        cubic
            .dual()
            .solve(Method::FixedPoint(0.0))
            .unwrap_err()
            .to_string()
            .starts_with("mix")
    );
    cubic.targets = DVector::zeros(3);
    assert!(
        cubic
            .dual()
            .solve_from(Method::Auto, DVector::zeros(3))
            .is_err()
    );
}
