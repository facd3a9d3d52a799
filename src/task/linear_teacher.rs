//! Linear teacher with prescribed singular values: Gaussian inputs, exactly whitened or correlated, and label noise.

use super::{Dataset, GaussianInputs, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kind::{About, Kind, parse_table};
use crate::numerics::linalg::{eigh, qr};
use crate::numerics::random::{Stream, normal_matrix};
use crate::rg::{Level, Spectrum};
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Formula, keys and source of the task.
pub const ABOUT: About = About {
    kind: "linear-teacher",
    summary: "linear teacher y = A x + noise with prescribed singular values",
    text: "\
y = A x + noise,  A = U diag(s) V^T.  U (output_dim x k) and V (input_dim x k) have random orthonormal columns and are part of
the draw: the data set of one index has the same teacher at every number of samples. Mode strengths are measured in the modes
(U, s, V) of the teacher.

Keys
  singular_values   s_1, ..., s_k > 0 (any order; kept descending), k <= min(input_dim, output_dim)
  input_dim         number of inputs
  output_dim        number of outputs
  samples           training samples P (default 200); at least input_dim when whitened
  test_samples      test samples (default 0: no test set)
  noise             standard deviation of the label noise (default 0)
  orthogonal_noise  project the noise off the row space of the inputs, so that the least-squares map of the data is A exactly
                    (and Y X^T / P = A when whitened); the variance per label shrinks to (1 - input_dim / P) noise^2
                    (default false)
  whitened          X X^T / P = 1 exactly: X = sqrt(P) Q^T with G^T = Q R and G Gaussian (default true)
  correlation       rho of the input covariance C_ij = rho^|i-j| when whitened = false (default 0.5; 0 <= rho < 1)

A correlated data set of P samples is the beginning of the larger one. Exact whitening mixes all samples of a draw, so there
only the teacher and the noise are shared. Test inputs are Gaussian with the population covariance (1 or C); test targets are
the noiseless teacher outputs, so that the test loss is the excess risk.

Source: Saxe, McClelland, Ganguli 2014 (arXiv:1312.6120).",
    revision: 1,
};

/// Registry line of `kind = "linear-teacher"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse,
    schema: LinearTeacher::json_schema,
};

fn parse(place: &str, table: toml::Table) -> Result<Arc<dyn Task>> {
    let mut task: LinearTeacher = parse_table(place, table)?;
    task.check(place)?;
    task.singular_values = task.descending().iter().copied().collect();
    Ok(Arc::new(task))
}

/// `y = A x + noise`, `A = U diag(s) V^T`; the fields are the keys of the spec table.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{LinearTeacher, Task};
/// let task = LinearTeacher { noise: 0.1, ..LinearTeacher::new(vec![3.0, 1.0], 6, 4) };
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// assert!(data.moments(1.0 / 200.0).whitening_error() < 1e-12);
/// assert_eq!(data.modes.s.as_slice(), [3.0, 1.0]);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LinearTeacher {
    /// Singular values of the teacher, positive.
    pub singular_values: Vec<f64>,
    /// Number of inputs.
    pub input_dim: usize,
    /// Number of outputs.
    pub output_dim: usize,
    /// Training samples.
    #[serde(default = "default_samples")]
    pub samples: usize,
    /// Test samples (0: no test set).
    #[serde(default)]
    pub test_samples: usize,
    /// Standard deviation of the label noise.
    #[serde(default)]
    pub noise: f64,
    /// Project the noise off the row space of the inputs.
    #[serde(default)]
    pub orthogonal_noise: bool,
    /// Whiten the training inputs exactly.
    #[serde(default = "default_whitened")]
    pub whitened: bool,
    /// Correlation `rho` of neighbouring inputs when `whitened = false`.
    #[serde(default = "default_correlation")]
    pub correlation: f64,
}

fn default_samples() -> usize {
    200
}

fn default_whitened() -> bool {
    true
}

fn default_correlation() -> f64 {
    0.5
}

impl LinearTeacher {
    /// A noiseless teacher with 200 whitened samples.
    pub fn new(singular_values: Vec<f64>, input_dim: usize, output_dim: usize) -> Self {
        LinearTeacher {
            singular_values,
            input_dim,
            output_dim,
            samples: default_samples(),
            test_samples: 0,
            noise: 0.0,
            orthogonal_noise: false,
            whitened: default_whitened(),
            correlation: default_correlation(),
        }
    }

    fn descending(&self) -> DVector<f64> {
        let mut s = DVector::from_vec(self.singular_values.clone());
        s.as_mut_slice().sort_by(|a, b| b.total_cmp(a));
        s
    }

    /// Ranges of all keys; `place` is the path of the table.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        for (key, value) in [
            ("input_dim", self.input_dim),
            ("output_dim", self.output_dim),
            ("samples", self.samples),
        ] {
            if value == 0 {
                return wrong(key, "is 0".into(), "use a positive integer");
            }
        }
        if self.singular_values.is_empty() {
            return wrong(
                "singular_values",
                "the list is empty".into(),
                "give at least one positive number",
            );
        }
        for (i, s) in self.singular_values.iter().enumerate() {
            if !(s.is_finite() && *s > 0.0) {
                return wrong(
                    &format!("singular_values[{i}]"),
                    format!("{s} is not a positive finite number"),
                    "singular values are positive",
                );
            }
        }
        let rank = self.singular_values.len();
        if rank > self.input_dim.min(self.output_dim) {
            return wrong(
                "singular_values",
                format!(
                    "{rank} singular values do not fit into a {} x {} map",
                    self.output_dim, self.input_dim
                ),
                "give at most min(input_dim, output_dim) of them",
            );
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return wrong(
                "noise",
                format!("{} is not a standard deviation", self.noise),
                "use a finite number >= 0",
            );
        }
        if !(0.0..1.0).contains(&self.correlation) {
            return wrong(
                "correlation",
                format!("{} is outside [0, 1)", self.correlation),
                "use 0 <= correlation < 1",
            );
        }
        if self.whitened && self.samples < self.input_dim {
            return wrong(
                "samples",
                format!(
                    "{} samples cannot be white in {} input dimensions",
                    self.samples, self.input_dim
                ),
                "use samples >= input_dim or whitened = false",
            );
        }
        if self.orthogonal_noise && self.noise > 0.0 && self.samples <= self.input_dim {
            return wrong(
                "orthogonal_noise",
                format!(
                    "{} samples leave no room off the row space of {} inputs",
                    self.samples, self.input_dim
                ),
                "use samples > input_dim or orthogonal_noise = false",
            );
        }
        Ok(())
    }

    /// Turns independent normals into inputs of the population covariance (columns are samples).
    fn correlate(&self, mut z: DMatrix<f64>) -> DMatrix<f64> {
        let rho = self.correlation;
        let fresh = (1.0 - rho * rho).sqrt();
        for mut x in z.column_iter_mut() {
            for i in 1..x.len() {
                x[i] = rho * x[i - 1] + fresh * x[i];
            }
        }
        z
    }

    /// The inputs of the population, with the eigenvectors of their covariance. Training inputs that are whitened are
    /// no independent samples of it; test inputs are.
    fn inputs(&self) -> Option<GaussianInputs> {
        let d = self.input_dim;
        let white = GaussianInputs::white(d, self.output_dim);
        if self.whitened || self.correlation == 0.0 {
            return Some(white);
        }
        let covariance = |i: usize, j: usize| self.correlation.powi(i.abs_diff(j) as i32);
        let (values, vectors) = eigh(&DMatrix::from_fn(d, d, covariance)).ok()?;
        let falling: Vec<usize> = (0..d).rev().collect();
        Some(GaussianInputs {
            variances: falling.iter().map(|&k| (values[k].max(0.0), 1)).collect(),
            directions: Some(vectors.select_columns(&falling)),
            drawn_shares: true,
            ..white
        })
    }
}

impl Task for LinearTeacher {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.input_dim,
            outputs: self.output_dim,
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [mut left, mut right, mut inputs, mut labels, mut held_out] = substreams(rng);
        let s = self.descending();
        let (u, _) = qr(&normal_matrix(&mut left, self.output_dim, s.len()));
        let (v, _) = qr(&normal_matrix(&mut right, self.input_dim, s.len()));
        let teacher = &u * DMatrix::from_diagonal(&s) * v.transpose();

        let z = normal_matrix(&mut inputs, self.input_dim, self.samples);
        let x = if self.whitened {
            qr(&z.transpose()).0.transpose() * (self.samples as f64).sqrt()
        } else {
            self.correlate(z)
        };
        let mut y = &teacher * &x;
        if self.noise > 0.0 {
            let mut noise = normal_matrix(&mut labels, self.output_dim, self.samples) * self.noise;
            if self.orthogonal_noise {
                let (q, _) = qr(&x.transpose());
                noise -= (&noise * &q) * q.transpose();
            }
            y += noise;
        }
        let test = self.has_test().then(|| {
            let z = normal_matrix(&mut held_out, self.input_dim, self.test_samples);
            let x = if self.whitened { z } else { self.correlate(z) };
            let y = &teacher * &x;
            (x, y)
        });
        Ok(Dataset {
            x,
            y,
            test,
            modes: Modes { u, s, v },
            groups: None,
            blocks: None,
        })
    }

    fn modes(&self) -> Option<Modes> {
        let s = self.descending();
        self.whitened.then(|| Modes {
            u: DMatrix::identity(self.output_dim, s.len()),
            v: DMatrix::identity(self.input_dim, s.len()),
            s,
        })
    }

    fn whitening(&self) -> Option<&'static str> {
        Some("task.whitened = true")
    }

    fn mode_count(&self) -> usize {
        self.singular_values.len()
    }

    fn has_fixed_moments(&self) -> bool {
        self.whitened && self.noise == 0.0
    }

    fn test_samples(&self) -> usize {
        self.test_samples
    }

    /// Of the kernel `linear` for independent samples, that is `whitened = false`, and noise that knows nothing of the
    /// inputs. The teacher is drawn anew with every data set, in random directions: on average each of the `d`
    /// components has `1/d` of its square.
    fn spectrum(&self, kernel: &Kernel) -> Option<Spectrum> {
        let noisy = self.noise > 0.0 && self.orthogonal_noise;
        if !matches!(kernel, Kernel::Linear {}) || self.whitened || noisy {
            return None;
        }
        let d = self.input_dim as f64;
        let power = self.descending().norm_squared() / d;
        let variances = self.inputs()?.variances.into_iter();
        let levels = variances.map(|(variance, count)| Level {
            eigenvalue: variance / d,
            multiplicity: count as f64,
            target: variance * power * count as f64,
        });
        let spectrum = Spectrum::new(&levels.collect::<Vec<_>>()).ok()?;
        let noise = self.noise * self.noise * self.output_dim as f64;
        spectrum.with_noise(noise).ok()
    }

    fn gaussian_inputs(&self) -> Option<GaussianInputs> {
        self.inputs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::linalg::svd;
    use crate::numerics::random::stream;

    fn draw(task: &LinearTeacher) -> Dataset {
        task.draw(&mut stream(11, "dataset", &[0])).unwrap()
    }

    fn teacher(data: &Dataset) -> DMatrix<f64> {
        &data.modes.u * DMatrix::from_diagonal(&data.modes.s) * data.modes.v.transpose()
    }

    fn reference() -> LinearTeacher {
        LinearTeacher::new(vec![1.5, 4.0, 0.8, 2.5], 10, 8)
    }

    #[test]
    fn inputs_are_white_and_the_teacher_has_its_singular_values() {
        for samples in [10, 37, 200] {
            let data = draw(&LinearTeacher {
                samples,
                ..reference()
            });
            let moments = data.moments(1.0 / samples as f64);
            assert!(moments.whitening_error() < 1e-12);
            assert!((moments.yx - teacher(&data)).amax() < 1e-12);
            let (_, s, _) = svd(&teacher(&data)).unwrap();
            for (found, wanted) in s.iter().zip([4.0, 2.5, 1.5, 0.8, 0.0, 0.0, 0.0, 0.0]) {
                assert!((found - wanted).abs() < 1e-13);
            }
        }
    }

    #[test]
    fn the_same_stream_gives_the_same_bits() {
        let task = LinearTeacher {
            noise: 0.3,
            test_samples: 5,
            ..reference()
        };
        assert_eq!(draw(&task), draw(&task));
        let other = task.draw(&mut stream(11, "dataset", &[1])).unwrap();
        assert!((teacher(&other) - teacher(&draw(&task))).amax() > 1e-3);
    }

    #[test]
    fn a_small_correlated_data_set_is_the_beginning_of_a_larger_one() {
        let large = LinearTeacher {
            whitened: false,
            noise: 0.2,
            test_samples: 9,
            ..reference()
        };
        let small = LinearTeacher {
            samples: 30,
            test_samples: 4,
            ..large.clone()
        };
        let (a, b) = (draw(&small), draw(&large));
        assert_eq!(a.modes, b.modes);
        assert_eq!(a.x, b.x.columns(0, 30));
        assert!((&a.y - b.y.columns(0, 30)).amax() < 1e-14);
        let (test_a, test_b) = (a.test.unwrap().0, b.test.unwrap().0);
        assert_eq!(test_a, test_b.columns(0, 4));
    }

    #[test]
    fn label_noise_has_the_stated_variance() {
        let task = LinearTeacher {
            noise: 0.3,
            samples: 2000,
            ..reference()
        };
        let data = draw(&task);
        let noise = &data.y - teacher(&data) * &data.x;
        let n = noise.len() as f64;
        let z = (noise.norm_squared() / 0.09 - n) / (2.0 * n).sqrt();
        assert!(z.abs() < 3.0, "z = {z}");
        let mean = noise.sum() / (0.3 * n.sqrt());
        assert!(mean.abs() < 3.0, "z = {mean}");
    }

    #[test]
    fn orthogonal_noise_leaves_the_least_squares_map_exact() {
        for whitened in [true, false] {
            let task = LinearTeacher {
                noise: 0.5,
                orthogonal_noise: true,
                whitened,
                ..reference()
            };
            let data = draw(&task);
            let m = data.moments(1.0 / 200.0);
            assert!((m.yx - teacher(&data) * m.xx).amax() < 1e-12);
            let noise = &data.y - teacher(&data) * &data.x;
            let freedom = (8 * (200 - 10)) as f64;
            let z = (noise.norm_squared() / 0.25 - freedom) / (2.0 * freedom).sqrt();
            assert!(z.abs() < 3.0, "z = {z}");
        }
    }

    #[test]
    fn correlated_inputs_have_the_stated_covariance() {
        let task = LinearTeacher {
            whitened: false,
            correlation: 0.7,
            samples: 20_000,
            ..LinearTeacher::new(vec![1.0], 4, 1)
        };
        let m = draw(&task).moments(1.0 / 20_000.0);
        for i in 0..4i32 {
            for j in 0..=i {
                let c = 0.7f64.powi(i - j);
                let error = ((1.0 + c * c) / 20_000.0).sqrt();
                let z = (m.xx[(i as usize, j as usize)] - c) / error;
                assert!(z.abs() < 4.0, "{i} {j}: z = {z}");
            }
        }
    }

    #[test]
    fn the_linear_kernel_has_the_spectrum_of_the_covariance() {
        let linear = Kernel::Linear {};
        let white = LinearTeacher {
            whitened: false,
            correlation: 0.0,
            noise: 0.5,
            ..LinearTeacher::new(vec![2.0, 1.0], 4, 3)
        };
        let spectrum = white.spectrum(&linear).unwrap();
        assert_eq!(
            (spectrum.eigenvalues(), spectrum.rank()),
            (&[0.25][..], 4.0)
        );
        assert!((spectrum.target_power() - 5.0).abs() < 1e-14 && spectrum.noise() == 0.75);
        let correlated = LinearTeacher {
            correlation: 0.6,
            ..white.clone()
        };
        let spectrum = correlated.spectrum(&linear).unwrap();
        // Trace and mean square of the target stay; sum lam^2 = sum_ij rho^(2 |i-j|)/d^2.
        assert!((spectrum.trace() - 1.0).abs() < 1e-14);
        assert!((spectrum.target_power() - 5.0).abs() < 1e-13);
        let squares: f64 = spectrum.eigenvalues().iter().map(|l| l * l).sum();
        let pairs = (0..16).map(|k: i32| 0.36f64.powi((k / 4 - k % 4).abs()));
        assert!((squares - pairs.sum::<f64>() / 16.0).abs() < 1e-14);
        let mean: f64 = (0..40)
            .map(|index| {
                let data = correlated
                    .draw(&mut stream(3, "dataset", &[index]))
                    .unwrap();
                let a = teacher(&data);
                let c = DMatrix::from_fn(4, 4, |i, j| 0.6f64.powi(i.abs_diff(j) as i32));
                (&a * c * a.transpose()).trace() / 40.0
            })
            .sum();
        assert!((mean - 5.0).abs() < 1.0, "{mean}");
        for other in [
            LinearTeacher::new(vec![1.0], 4, 3),
            LinearTeacher {
                orthogonal_noise: true,
                ..white.clone()
            },
        ] {
            assert!(other.spectrum(&linear).is_none());
        }
        assert!(white.spectrum(&Kernel::Gaussian { length: 1.0 }).is_none());
    }

    #[test]
    fn test_targets_are_noiseless_teacher_outputs() {
        let data = draw(&LinearTeacher {
            noise: 1.0,
            test_samples: 50,
            ..reference()
        });
        let (x, y) = data.test.as_ref().unwrap();
        assert!((y - teacher(&data) * x).amax() < 1e-13);
    }

    #[test]
    fn wrong_keys_name_their_place() {
        let parsed = |text: &str| {
            parse("task", text.parse().unwrap())
                .unwrap_err()
                .to_string()
        };
        let sizes = "input_dim = 5\noutput_dim = 4\n";
        for (text, place) in [
            ("singular_values = [1.0, -2.0]", "task.singular_values[1]"),
            ("singular_values = [nan]", "task.singular_values[0]"),
            ("singular_values = []", "task.singular_values"),
            ("singular_values = [1, 1, 1, 1, 1]", "task.singular_values"),
            ("singular_values = [1]\nsamples = 3", "task.samples"),
            ("singular_values = [1]\nnoise = -0.1", "task.noise"),
            (
                "singular_values = [1]\ncorrelation = 1.0",
                "task.correlation",
            ),
            (
                "singular_values = [1]\nnoise = 1.0\nsamples = 5\northogonal_noise = true",
                "task.orthogonal_noise",
            ),
        ] {
            let message = parsed(&format!("{sizes}{text}"));
            assert!(message.starts_with(&format!("{place}: ")), "{message}");
        }
        let message = parsed(&format!("{sizes}singular_value = [1]"));
        assert!(
            message.contains("did you mean \"singular_values\"?"),
            "{message}"
        );
    }

    #[test]
    fn a_parsed_task_is_sorted_and_resolved() {
        let table = "singular_values = [1, 3]\ninput_dim = 5\noutput_dim = 4";
        let task = parse("task", table.parse().unwrap()).unwrap();
        assert_eq!(
            task.resolved()["singular_values"],
            serde_json::json!([3.0, 1.0])
        );
        assert_eq!(task.resolved()["samples"], 200);
        assert_eq!(task.mode_count(), 2);
        assert!(!task.has_test());
    }
}
