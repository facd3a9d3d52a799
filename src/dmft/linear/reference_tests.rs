//! Reference numbers, computed once in double precision from the equations with full matrices over samples and times.

use super::Solution;
use super::tests::{Case, close};
use crate::dmft::{Noise, Optimiser};
use nalgebra::DMatrix;

/// Half a unit in the last of 8 digits, and rounding.
const PRINTED: f64 = 5.1e-9;

fn outputs(solution: &Solution, t: usize, expected: [f64; 2]) {
    for (found, expected) in solution.outputs(t).iter().zip(expected) {
        close(*found, expected, PRINTED);
    }
}

/// The upper triangle of a symmetric kernel of two samples.
fn kernel(found: &DMatrix<f64>, expected: [f64; 3]) {
    for (at, expected) in [(0, 0), (0, 1), (1, 1)].into_iter().zip(expected) {
        close(found[at], expected, PRINTED);
    }
    close(found[(1, 0)], found[(0, 1)], 1e-14);
}

#[test]
fn gradient_descent_has_the_reference_numbers_at_depths_1_to_3() {
    let curves = [
        [
            [0.14, 0.02],
            [0.48655977, -0.04694663],
            [0.93433915, -0.42933653],
            [0.99954986, -0.49951407],
        ],
        [
            [0.21, 0.03],
            [0.65686384, -0.14681017],
            [0.99771421, -0.49741886],
            [0.99999997, -0.49999997],
        ],
        [
            [0.28, 0.04],
            [0.81041095, -0.28413489],
            [0.99999328, -0.49999216],
            [1.0, -0.5],
        ],
    ];
    let found: Vec<Solution> = (1..=3).map(|depth| Case::two(depth, 50).solve()).collect();
    for (solution, curve) in found.iter().zip(curves) {
        for (t, expected) in [1, 5, 20, 50].into_iter().zip(curve) {
            outputs(solution, t, expected);
        }
    }
    let [one, two, three] = &found[..] else {
        panic!("three depths")
    };
    kernel(
        &one.feature_kernel(1, 50, 50),
        [1.32862105, 0.43236879, 1.08259307],
    );
    close(one.gradient_kernel(1, 50, 50), 1.95656220, PRINTED);
    close(one.gradient_kernel(1, 50, 0), 1.20973496, PRINTED);
    kernel(
        &two.feature_kernel(2, 50, 50),
        [1.63612419, 0.27097071, 1.16158607],
    );
    kernel(
        &two.feature_kernel(1, 50, 50),
        [1.17430778, 0.50810713, 1.04383210],
    );
    close(two.gradient_kernel(1, 50, 50), 2.86082006, PRINTED);
    let apart = two.feature_kernel(2, 50, 0);
    let expected = DMatrix::from_row_slice(2, 2, &[1.11214636, 0.58391665, 0.50161868, 1.02270071]);
    assert!((apart - expected).amax() < PRINTED);
    kernel(
        &three.feature_kernel(3, 50, 50),
        [1.92404279, 0.11579572, 1.23540909],
    );
    kernel(
        &three.feature_kernel(1, 50, 50),
        [1.10932360, 0.53957797, 1.02711745],
    );
    close(three.gradient_kernel(1, 50, 50), 3.71143869, PRINTED);
    close(three.gradient_kernel(1, 50, 0), 1.39163318, PRINTED);
}

#[test]
fn one_sample_ends_with_the_reference_kernels() {
    let table: [(usize, f64, &[f64]); 7] = [
        (2, 0.5, &[1.07485, 1.23156]),
        (2, 1.0, &[1.24470, 1.80281]),
        (2, 2.0, &[1.65251, 3.42795]),
        (2, 4.0, &[2.44362, 7.57073]),
        (3, 0.5, &[1.05396, 1.16585, 1.34261]),
        (3, 1.0, &[1.16755, 1.53707, 2.17550]),
        (3, 2.0, &[1.41769, 2.45662, 4.57706]),
    ];
    // Errors after 100 and 200 steps.
    let decays = [
        (2, 1.0, [0.011542, 0.000059]),
        (3, 0.5, [0.007523, 0.000038]),
    ];
    for (depth, richness, kernels) in table {
        // The kernels stand still after 400 steps.
        let solution = Case::one(depth, richness, 0.01, 400).solve();
        let last = solution.feature_kernels(400, 400);
        for (found, expected) in last[1..].iter().zip(kernels) {
            close(found[(0, 0)], *expected, 5.1e-6);
        }
        for (_, _, errors) in decays
            .iter()
            .filter(|row| (row.0, row.1) == (depth, richness))
        {
            close(solution.errors(100)[0], errors[0], 5.1e-7);
            close(solution.errors(200)[0], errors[1], 5.1e-7);
        }
    }
    let lone = Case::one(1, 1.0, 0.01, 200).solve();
    close(lone.errors(100)[0], 0.090925, 5.1e-7);
    close(lone.errors(200)[0], 0.005412, 5.1e-7);
}

#[test]
fn weight_variances_have_the_reference_numbers() {
    let case = Case {
        rate: 0.05,
        variances: vec![1.5, 0.5, 2.0],
        ..Case::two(2, 20)
    };
    let solution = case.solve();
    outputs(&solution, 1, [0.16625, 0.02375]);
    outputs(&solution, 5, [0.54099415, -0.07468929]);
    outputs(&solution, 20, [0.96032565, -0.45730495]);
    kernel(
        &solution.feature_kernel(2, 20, 20),
        [1.14479285, 0.25914086, 0.84009088],
    );
    close(solution.gradient_kernel(1, 20, 20), 2.30514703, PRINTED);
}

/// Time, outputs, `H^1`, `H^2`, `G^1`, `G^2`.
type Row = (usize, [f64; 2], [f64; 3], [f64; 3], [f64; 2]);

fn table(optimiser: Optimiser, rows: &[Row]) -> Solution {
    let steps = 20.min(optimiser.batches.as_ref().map_or(20, Vec::len));
    let solution = Case {
        optimiser,
        ..Case::two(2, steps)
    }
    .solve();
    for &(t, f, first, second, gradients) in rows {
        outputs(&solution, t, f);
        kernel(&solution.feature_kernel(1, t, t), first);
        kernel(&solution.feature_kernel(2, t, t), second);
        close(solution.gradient_kernel(1, t, t), gradients[0], PRINTED);
        close(solution.gradient_kernel(2, t, t), gradients[1], PRINTED);
    }
    solution
}

#[test]
fn every_optimiser_has_the_reference_numbers() {
    let rows = [
        (
            1,
            [0.21, 0.03],
            [1.0049, 0.6007, 1.0001],
            [1.0245, 0.6035, 1.0005],
            [1.0325, 1.0065],
        ),
        (
            5,
            [0.91674745, -0.36363278],
            [1.12484000, 0.53410139, 1.01700552],
            [1.50219162, 0.36931443, 1.07482644],
            [2.32423111, 1.34308929],
        ),
        (
            20,
            [1.00095701, -0.50111199],
            [1.14239671, 0.50945882, 1.02329678],
            [1.57954620, 0.27408238, 1.12185473],
            [2.68091942, 1.42273793],
        ),
    ];
    table(
        Optimiser {
            momentum: 0.5,
            ..Optimiser::default()
        },
        &rows,
    );
    let rows = [
        (
            1,
            [0.201684, 0.028812],
            [0.9653, 0.57694, 0.9605],
            [0.94589796, 0.55678230, 0.92284836],
            [0.95358116, 0.9669],
        ),
        (
            5,
            [0.53197118, -0.08502190],
            [0.91111610, 0.47401099, 0.81887147],
            [0.92925986, 0.35666496, 0.67339035],
            [1.16742160, 0.99717450],
        ),
    ];
    // wd = 0.1 and eta = 0.2.
    table(
        Optimiser {
            decay: 0.02,
            ..Optimiser::default()
        },
        &rows,
    );
    let rows = [
        (
            1,
            [0.21, 0.03],
            [1.0449, 0.6247, 1.0401],
            [1.106296, 0.652488, 1.082104],
            [1.11436, 1.0465],
        ),
        (
            5,
            [0.70417430, -0.18945162],
            [1.29495645, 0.69424119, 1.20530090],
            [1.80117064, 0.76657747, 1.46261277],
            [2.22147953, 1.40478179],
        ),
        (
            20,
            [0.99996658, -0.49996460],
            [1.94890544, 1.00862702, 1.83222752],
            [3.93898319, 1.60389557, 3.40027859],
            [5.21847330, 2.21654295],
        ),
    ];
    for noise_enters in [Noise::Velocity, Noise::Weights] {
        // Without momentum the two are the same.
        let noisy = Optimiser {
            noise: 0.04,
            noise_enters,
            ..Optimiser::default()
        };
        let apart = table(noisy, &rows).feature_kernel(2, 20, 5);
        let expected =
            DMatrix::from_row_slice(2, 2, &[1.91343196, 0.73261432, 0.62963445, 1.50425350]);
        assert!((apart - expected).amax() < PRINTED);
    }
    let rows = [
        (
            1,
            [0.6, 0.36],
            [1.04, 0.624, 1.0144],
            [1.2, 0.72, 1.072],
            [1.2, 1.04],
        ),
        (
            5,
            [0.84707876, -0.11651582],
            [1.05475272, 0.45437382, 0.87774157],
            [1.34968716, 0.28949481, 0.77898398],
            [1.69592661, 1.15210590],
        ),
    ];
    let batches = Some((0..5).map(|step| vec![step % 2]).collect());
    table(
        Optimiser {
            batches,
            ..Optimiser::default()
        },
        &rows,
    );
}
