//! Problems for the tests, and what a problem must not be.

use super::*;
use crate::dmft::Optimiser;
use nalgebra::DMatrix;

/// Two samples whose overlap is 0.6.
pub(super) fn two_samples() -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.6, 1.0])
}

/// One learning curve: all that a [`Problem`] refers to.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub kernel: DMatrix<f64>,
    pub targets: Vec<f64>,
    pub richness: f64,
    pub rate: f64,
    pub steps: usize,
    pub variances: Vec<f64>,
    pub optimiser: Optimiser,
}

impl Case {
    /// The two samples with the learning rate 0.2 and targets 1 and -0.5.
    pub fn two(depth: usize, steps: usize) -> Self {
        Case {
            kernel: two_samples(),
            targets: vec![1.0, -0.5],
            richness: 1.0,
            rate: 0.1,
            steps,
            variances: vec![1.0; depth + 1],
            optimiser: Optimiser::default(),
        }
    }

    /// One sample with the target 1 and the kernel 1.
    pub fn one(depth: usize, richness: f64, rate: f64, steps: usize) -> Self {
        Case {
            kernel: DMatrix::identity(1, 1),
            targets: vec![1.0],
            richness,
            rate,
            ..Case::two(depth, steps)
        }
    }

    pub fn problem(&self) -> Problem<'_> {
        Problem {
            kernel: &self.kernel,
            targets: &self.targets,
            richness: self.richness,
            rate: self.rate,
            steps: self.steps,
            weight_variances: &self.variances,
            optimiser: &self.optimiser,
        }
    }

    pub fn solve(&self) -> Solution {
        solve(&self.problem(), &Settings::default()).unwrap()
    }

    pub fn solve_with(&self, readout: Readout, approximation: Approximation) -> Solution {
        let settings = Settings {
            readout,
            approximation,
        };
        solve(&self.problem(), &settings).unwrap()
    }
}

pub(super) fn close(found: f64, expected: f64, tolerance: f64) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{found} is not {expected}"
    );
}

#[test]
fn wrong_inputs_are_told_by_name() {
    let told = |case: &Case, settings: Settings, place: &str| {
        let error = solve(&case.problem(), &settings).unwrap_err();
        assert!(error.to_string().starts_with(place), "{error}");
        assert!(error.to_string().contains("remedy"));
    };
    let usual = Settings::default();
    let good = Case::two(2, 5);
    told(
        &Case {
            targets: vec![1.0; 3],
            ..good.clone()
        },
        usual,
        "kernel",
    );
    told(
        &Case {
            targets: vec![f64::NAN, 1.0],
            ..good.clone()
        },
        usual,
        "targets",
    );
    told(
        &Case {
            richness: 0.0,
            ..good.clone()
        },
        usual,
        "richness",
    );
    told(
        &Case {
            rate: -0.1,
            ..good.clone()
        },
        usual,
        "rate",
    );
    told(
        &Case {
            variances: vec![1.0],
            ..good.clone()
        },
        usual,
        "weight_variances",
    );
    told(
        &Case {
            variances: vec![1.0, 0.0],
            ..good.clone()
        },
        usual,
        "weight_variances",
    );
    let indefinite = DMatrix::from_row_slice(2, 2, &[1.0, 1.2, 1.2, 1.0]);
    told(
        &Case {
            kernel: indefinite,
            ..good.clone()
        },
        usual,
        "kernel",
    );
    let skew = DMatrix::from_row_slice(2, 2, &[1.0, 0.5, 0.6, 1.0]);
    told(
        &Case {
            kernel: skew,
            ..good.clone()
        },
        usual,
        "kernel",
    );
    let heavy = Optimiser {
        momentum: 1.0,
        ..Optimiser::default()
    };
    told(
        &Case {
            optimiser: heavy,
            ..good.clone()
        },
        usual,
        "momentum",
    );
    let euler = Settings {
        readout: Readout::NtkEuler,
        ..usual
    };
    for optimiser in [
        Optimiser {
            momentum: 0.1,
            ..Optimiser::default()
        },
        Optimiser {
            decay: 0.1,
            ..Optimiser::default()
        },
        Optimiser {
            noise: 0.1,
            ..Optimiser::default()
        },
    ] {
        told(
            &Case {
                optimiser,
                ..good.clone()
            },
            euler,
            "readout",
        );
    }
    let approximation = Approximation::GradientIndependence;
    told(
        &good,
        Settings {
            approximation,
            ..usual
        },
        "readout",
    );
}

#[test]
fn divergence_is_an_error_with_the_step_and_a_bound() {
    let stable = 2.0 / (3.0 * 1.6);
    let case = |factor: f64| Case {
        richness: 1e-3,
        rate: factor * stable,
        ..Case::two(2, 400)
    };
    assert!(solve(&case(0.98).problem(), &Settings::default()).is_ok());
    let error = solve(&case(3.0).problem(), &Settings::default())
        .unwrap_err()
        .to_string();
    assert!(error.starts_with("dmft did not converge"), "{error}");
    assert!(
        error.contains(" steps") && error.contains("4.167e-1"),
        "{error}"
    );
}

#[test]
fn between_one_and_two_times_the_bound_the_kernel_falls_until_the_outputs_settle() {
    // The lazy limit diverges there; a small richness only delays the fall of the kernel (the catapult of large rates).
    let case = Case {
        richness: 1e-3,
        rate: 1.2 * 2.0 / (3.0 * 1.6),
        ..Case::two(2, 400)
    };
    let solution = case.solve();
    let largest = |t: usize| solution.tangent_kernel(t).symmetric_eigenvalues().max();
    assert!(case.rate * largest(0) > 2.0 && case.rate * largest(400) < 2.0);
    assert!(
        (0..400)
            .map(|t| solution.errors(t).amax())
            .fold(0.0, f64::max)
            > 50.0
    );
    assert!(solution.errors(400).amax() < 1e-9);
}
