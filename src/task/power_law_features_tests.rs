//! Tests of the power-law features: moments, prefixes, and the spectrum that the view states.

use super::*;
use crate::kernel::gram;
use crate::numerics::linalg::eigh;
use crate::numerics::statistics::mean_stderr;

fn draw(task: &PowerLawFeatures, index: u64) -> Dataset {
    task.draw(&mut stream(7, "dataset", &[index])).unwrap()
}

fn noisy() -> PowerLawFeatures {
    PowerLawFeatures {
        noise: 0.3,
        test_samples: 6,
        ..PowerLawFeatures::new(1.8, 2.5, 20, 30)
    }
}

/// `E K(x, x) = sum lam`, `E K(x, x')^2 = sum lam^2` and `Var K(x, x) = 2 sum lam^2`.
#[test]
fn the_kernel_matrix_has_the_moments_of_the_spectrum() {
    let task = PowerLawFeatures::new(1.5, 2.0, 40, 30);
    let spectrum = task.spectrum(&Kernel::Linear {}).unwrap();
    let trace = spectrum.trace();
    let square: f64 = spectrum.eigenvalues().iter().map(|l| l * l).sum();
    let mut found = [vec![], vec![], vec![]];
    for index in 0..60 {
        let k = gram(&Kernel::Linear {}, &draw(&task, index).x, 1 << 30)
            .unwrap()
            .kernel;
        let n = k.nrows() as f64;
        let diagonal = k.diagonal();
        found[0].push(diagonal.sum() / n);
        found[1].push(diagonal.map(|k| (k - trace).powi(2)).sum() / n / 2.0);
        found[2].push((k.norm_squared() - diagonal.norm_squared()) / (n * (n - 1.0)));
    }
    for (values, exact) in found.iter().zip([trace, square, square]) {
        let (mean, stderr) = mean_stderr(values);
        let z = (mean - exact) / stderr.unwrap();
        assert!(z.abs() < 3.0, "{mean} {exact}: z = {z}");
    }
}

/// With many samples the eigenvalues of `K/P` are those of the operator, up to errors of `lam_k sqrt(2/P)` and shifts
/// of second order, `(1/P) sum_j lam_k lam_j/(lam_k - lam_j)`.
#[test]
fn the_operator_of_many_samples_has_the_eigenvalues_of_the_view() {
    let task = PowerLawFeatures::new(2.0, 2.0, 8, 400);
    let exact = task.spectrum(&Kernel::Linear {}).unwrap();
    let lam = exact.eigenvalues();
    let mut found = vec![vec![]; lam.len()];
    for index in 0..40 {
        let x = draw(&task, index).x / (8.0f64 * 400.0).sqrt();
        let (values, _) = eigh(&(&x * x.transpose())).unwrap();
        for (k, value) in values.iter().rev().enumerate() {
            found[k].push(*value);
        }
    }
    for (k, values) in found.iter().enumerate() {
        let others = (0..lam.len()).filter(|&j| j != k);
        let shift: f64 = others.map(|j| lam[k] * lam[j] / (lam[k] - lam[j])).sum();
        let (mean, stderr) = mean_stderr(values);
        let z = (mean - lam[k] - shift / 400.0) / stderr.unwrap();
        assert!(z.abs() < 3.5, "mode {}: {mean} {} z = {z}", k + 1, lam[k]);
    }
}

#[test]
fn targets_are_the_stated_sum_over_modes_and_its_linear_map() {
    let task = noisy();
    let data = draw(&task, 0);
    let exact = |x: &DMatrix<f64>| {
        let g = |k: usize| (20.0 * ((k + 1) as f64).powf(-1.8)).sqrt();
        let y = |k: usize| ((k + 1) as f64).powf(-1.25);
        DMatrix::from_fn(1, x.ncols(), |_, mu| {
            (0..20).map(|k| y(k) * x[(k, mu)] / g(k)).sum()
        })
    };
    let (x, y) = data.test.as_ref().unwrap();
    assert!((exact(x) - y).amax() < 1e-12);
    let map = data.modes.v.transpose() * data.modes.s[0];
    assert!((map * x - y).amax() < 1e-12);
    let noise = (exact(&data.x) - &data.y).norm_squared() / 0.09;
    let z = (noise - 30.0) / 60f64.sqrt();
    assert!(z.abs() < 3.0, "{z}");
}

#[test]
fn fewer_samples_and_fewer_modes_are_the_beginning_of_more() {
    let large = noisy();
    let few = PowerLawFeatures {
        samples: 11,
        test_samples: 2,
        ..large.clone()
    };
    let (a, b) = (draw(&few, 0), draw(&large, 0));
    assert_eq!(a.x, b.x.columns(0, 11));
    assert!((&a.y - b.y.columns(0, 11)).amax() < 1e-14);
    assert_eq!(a.test.unwrap().0, b.test.as_ref().unwrap().0.columns(0, 2));
    let narrow = PowerLawFeatures {
        modes: 5,
        ..large.clone()
    };
    let (a, b) = (draw(&narrow, 0), b);
    let scaled = b.x.rows(0, 5) * (5f64 / 20.0).sqrt();
    assert!((a.x - scaled).amax() < 1e-14);
    assert_eq!(draw(&large, 0), b);
    assert!((draw(&large, 1).x - b.x).amax() > 0.1);
}

#[test]
fn the_view_is_of_the_linear_kernel_alone() {
    let spectrum = noisy().spectrum(&Kernel::Linear {}).unwrap();
    assert!((spectrum.noise() - 0.09).abs() < 1e-15);
    assert!((spectrum.targets()[3] - 4f64.powf(-2.5)).abs() < 1e-15);
    assert!(spectrum.tail().is_none());
    let curved = Kernel::Gaussian { length: 1.0 };
    assert!(noisy().spectrum(&curved).is_none());
}

#[test]
fn wrong_keys_name_their_place() {
    let rest = "spectrum_exponent = 2.0\ntarget_exponent = 2.0\nmodes = 10\n";
    let with = |key: &str, value: &str| {
        let mut table: toml::Table = rest.parse().unwrap();
        table.insert(key.into(), value.parse().unwrap());
        table
    };
    for (key, value) in [
        ("spectrum_exponent", "1.0"),
        ("spectrum_exponent", "nan"),
        ("spectrum_exponent", "120.0"),
        ("target_exponent", "0.5"),
        ("modes", "0"),
        ("samples", "0"),
        ("noise", "-1.0"),
    ] {
        let error = (KIND.parse)("task", with(key, value))
            .unwrap_err()
            .to_string();
        assert!(error.starts_with(&format!("task.{key}: ")), "{error}");
    }
}
