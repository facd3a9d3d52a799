//! Reference numbers of the correction, and what is refused.

use super::*;
use crate::dmft::Optimiser;

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 5.1e-9,
        "{found} is not {expected}"
    );
}

#[test]
fn two_samples_and_two_layers_have_the_reference_numbers() {
    let problem = Problem {
        kernel: &DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0]),
        targets: &[1.0, -0.5],
        richness: 0.3,
        rate: 0.1,
        steps: 20,
        weight_variances: &[1.0; 3],
        optimiser: &Optimiser::default(),
    };
    let solution = solve(&problem).unwrap();
    for (t, expected) in [
        (5, [0.06375064, -0.03093778]),
        (20, [0.18419794, -0.17065959]),
    ] {
        close(solution.correction(t)[0], expected[0]);
        close(solution.correction(t)[1], expected[1]);
        let lazy = lazy::deep_linear(&problem).unwrap();
        close(solution.outputs(t)[1], lazy[(1, t)] + 0.09 * expected[1]);
    }
    let kernels = [
        [0.27451336, -0.13516395, 0.06160365],
        [0.84470633, -0.40903659, 0.18827809],
    ];
    for (l, expected) in [1, 2].into_iter().zip(kernels) {
        let found = solution.feature_correction(l, 20, 20);
        close(found[(0, 0)], expected[0]);
        close(found[(0, 1)], expected[1]);
        close(found[(1, 0)], expected[1]);
        close(found[(1, 1)], expected[2]);
        close(
            solution.feature_kernel(l, 20, 20)[(0, 1)],
            0.6 + 0.09 * expected[1],
        );
    }
    close(solution.gradient_correction(1, 20, 20), 2.38098178);
    close(solution.gradient_kernel(1, 20, 20), 1.0 + 0.09 * 2.38098178);
}

#[test]
fn what_is_not_expanded_is_refused() {
    let kernel = DMatrix::identity(1, 1);
    let plain = Optimiser::default();
    let told = |optimiser: &Optimiser, weight_variances: &[f64], place: &str| {
        let problem = Problem {
            kernel: &kernel,
            targets: &[1.0],
            richness: 1.0,
            rate: 0.1,
            steps: 2,
            weight_variances,
            optimiser,
        };
        let error = solve(&problem).unwrap_err().to_string();
        assert!(
            error.starts_with(place) && error.contains("remedy"),
            "{error}"
        );
    };
    told(&plain, &[1.0, 2.0], "weight_variances");
    for optimiser in [
        Optimiser {
            momentum: 0.1,
            ..plain.clone()
        },
        Optimiser {
            decay: 0.1,
            ..plain.clone()
        },
        Optimiser {
            noise: 0.1,
            ..plain.clone()
        },
        Optimiser {
            batches: Some(vec![vec![0]; 2]),
            ..plain.clone()
        },
    ] {
        told(&optimiser, &[1.0, 1.0], "optimiser");
    }
}
