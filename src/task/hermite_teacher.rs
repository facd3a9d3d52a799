//! Hermite teacher: a polynomial of one direction of Gaussian inputs, written in Hermite polynomials, with label noise.

use super::{Dataset, GaussianInputs, HermiteView, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::{Stream, normal_matrix};
use crate::rg::{Level, Spectrum};
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Formula, keys and source of the task.
pub const ABOUT: About = About {
    kind: "hermite-teacher",
    summary: "a polynomial of one direction of Gaussian inputs (single-index teacher), in Hermite polynomials",
    text: "\
y = sum_k c_k He_k(w . x) + noise,  x ~ N(0, 1) in input_dim dimensions,  |w| = 1.

The polynomials He_k are those of the probabilists, He_0 = 1, He_1 = z, He_2 = z^2 - 1, He_3 = z^3 - 3 z, ..., and NOT
normalised: for a standard normal z, E[He_j He_k] = k! when j = k and 0 otherwise. With the orthonormal he_k =
He_k/sqrt(k!) the same target is sum_k a_k he_k with a_k = c_k sqrt(k!), so that the mean square of the noiseless
target is sum_k c_k^2 k!. The cubic teacher z + epsilon (z^3 - 3 z) is coefficients = [0.0, 1.0, 0.0, epsilon].

Keys
  coefficients   c_0, c_1, ..., at least one that is not 0; at most 21 of them (degree 20)
  input_dim      number d of inputs
  direction      \"axis\" (default): w is the first unit vector, the same in all data sets; \"random\": a uniformly
                 random unit vector, drawn anew with every data set
  samples        training samples P (default 200)
  test_samples   test samples (default 0: no test set)
  noise          standard deviation of the label noise (default 0)

Samples are drawn independently, anew for every data set; a data set of P samples is the beginning of the larger one.
Test targets are the noiseless outputs of the teacher, so that the test loss is the excess risk.

The one input-output mode is the linear part of the target: the input direction w with the strength |c_1|. The
instruments neuron-overlap and projections take w from it.

Source: single-index models, e.g. Dudeja, Hsu 2018 (PMLR 75, 1887); the cubic teacher: Rubin, Seroussi, Ringel 2024
(arXiv:2310.03789).",
    revision: 1,
};

/// Registry line of `kind = "hermite-teacher"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: HermiteTeacher = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: HermiteTeacher::json_schema,
};

/// Highest degree: beyond it values of order `sqrt(k!)` leave few digits to the others.
const MAX_DEGREE: usize = 20;

/// Where the teacher's direction points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The first unit vector.
    #[default]
    Axis,
    /// A random unit vector, drawn anew with every data set.
    Random,
}

/// `y = sum_k c_k He_k(w . x) + noise`; the fields are the keys of the spec table.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::task::{HermiteTeacher, Task};
/// let task = HermiteTeacher::new(vec![0.0, 1.0, 0.0, -0.3], 5, 10);
/// let data = task.draw(&mut stream(1, "dataset", &[0]))?;
/// let z = data.x[(0, 0)];
/// assert!((data.y[(0, 0)] - (z - 0.3 * (z.powi(3) - 3.0 * z))).abs() < 1e-12);
/// assert!((task.hermite().unwrap().coefficients[3] + 0.3 * 6f64.sqrt()).abs() < 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HermiteTeacher {
    /// `c_k` of the unnormalised polynomials `He_k`, from `k = 0`.
    pub coefficients: Vec<f64>,
    /// Number of inputs.
    pub input_dim: usize,
    /// Direction of the teacher.
    #[serde(default)]
    pub direction: Direction,
    /// Training samples.
    #[serde(default = "default_samples")]
    pub samples: usize,
    /// Test samples (0: no test set).
    #[serde(default)]
    pub test_samples: usize,
    /// Standard deviation of the label noise.
    #[serde(default)]
    pub noise: f64,
}

fn default_samples() -> usize {
    200
}

impl HermiteTeacher {
    /// A noiseless teacher along the first axis, without test samples.
    pub fn new(coefficients: Vec<f64>, input_dim: usize, samples: usize) -> Self {
        HermiteTeacher {
            coefficients,
            input_dim,
            direction: Direction::Axis,
            samples,
            test_samples: 0,
            noise: 0.0,
        }
    }

    /// Ranges of all keys; `place` is the path of the table.
    pub fn check(&self, place: &str) -> Result<()> {
        let wrong = |key: &str, cause: String, remedy: &str| {
            Err(Error::input(format!("{place}.{key}"), cause, remedy))
        };
        for (key, value) in [("input_dim", self.input_dim), ("samples", self.samples)] {
            if value == 0 {
                return wrong(key, "is 0".into(), "use a positive integer");
            }
        }
        if let Some(c) = self.coefficients.iter().find(|c| !c.is_finite()) {
            let cause = format!("{c} is not a finite number");
            return wrong("coefficients", cause, "give finite numbers");
        }
        if self.coefficients.iter().all(|&c| c == 0.0) {
            return wrong(
                "coefficients",
                "the target is 0 everywhere".into(),
                "give at least one number that is not 0",
            );
        }
        if self.coefficients.len() > MAX_DEGREE + 1 {
            return wrong(
                "coefficients",
                format!("degree {}", self.coefficients.len() - 1),
                "give at most 21 numbers (degree 20)",
            );
        }
        if !(self.noise.is_finite() && self.noise >= 0.0) {
            return wrong(
                "noise",
                format!("{} is not a standard deviation", self.noise),
                "use a finite number >= 0",
            );
        }
        Ok(())
    }

    fn linear(&self) -> f64 {
        self.coefficients.get(1).copied().unwrap_or(0.0)
    }

    /// `sum_k c_k He_k(w . x)` of every column of `x`.
    fn target(&self, w: &DMatrix<f64>, x: &DMatrix<f64>) -> DMatrix<f64> {
        (w.transpose() * x).map(|z| series(&self.coefficients, z))
    }
}

/// `sum_k c_k He_k(z)` by Clenshaw's recursion for `He_{k+1} = z He_k - k He_{k-1}`.
fn series(coefficients: &[f64], z: f64) -> f64 {
    let (mut next, mut after) = (0.0, 0.0);
    for (k, c) in coefficients.iter().enumerate().rev() {
        let here = c + z * next - (k + 1) as f64 * after;
        (next, after) = (here, next);
    }
    next
}

impl Task for HermiteTeacher {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.input_dim,
            outputs: 1,
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [mut pointer, mut inputs, mut labels, mut held_out] = substreams(rng);
        let d = self.input_dim;
        let w = match self.direction {
            Direction::Axis => DMatrix::from_fn(d, 1, |i, _| if i == 0 { 1.0 } else { 0.0 }),
            Direction::Random => normal_matrix(&mut pointer, d, 1).normalize(),
        };
        let x = normal_matrix(&mut inputs, d, self.samples);
        let mut y = self.target(&w, &x);
        if self.noise > 0.0 {
            y += normal_matrix(&mut labels, 1, self.samples) * self.noise;
        }
        let test = self.has_test().then(|| {
            let x = normal_matrix(&mut held_out, d, self.test_samples);
            let y = self.target(&w, &x);
            (x, y)
        });
        let linear = self.linear();
        let modes = Modes {
            u: DMatrix::from_element(1, 1, if linear < 0.0 { -1.0 } else { 1.0 }),
            s: DVector::from_element(1, linear.abs()),
            v: w,
        };
        Ok(Dataset {
            x,
            y,
            test,
            modes,
            groups: None,
            blocks: None,
        })
    }

    fn mode_count(&self) -> usize {
        1
    }

    fn hermite(&self) -> Option<HermiteView> {
        let mut root = 1.0;
        let orthonormal = |(k, c): (usize, &f64)| {
            root *= (k.max(1) as f64).sqrt();
            c * root
        };
        let axis = (0..self.input_dim).map(|i| if i == 0 { 1.0 } else { 0.0 });
        Some(HermiteView {
            inputs: self.input_dim,
            direction: (self.direction == Direction::Axis).then(|| axis.collect()),
            coefficients: self
                .coefficients
                .iter()
                .enumerate()
                .map(orthonormal)
                .collect(),
            noise: self.noise,
        })
    }

    fn test_samples(&self) -> usize {
        self.test_samples
    }

    /// Of the kernel `linear`: one level of `input_dim` equal eigenvalues `1/input_dim`, whose target is the linear
    /// part, and one of eigenvalue 0 for all other polynomials.
    fn spectrum(&self, kernel: &Kernel) -> Option<Spectrum> {
        if !matches!(kernel, Kernel::Linear {}) {
            return None;
        }
        let mut levels = [0.0, 1.0 / self.input_dim as f64].map(|lam| Level::single(lam, 0.0));
        levels[1].multiplicity = self.input_dim as f64;
        for (k, a) in self.hermite()?.coefficients.iter().enumerate() {
            levels[usize::from(k == 1)].target += a * a;
        }
        let spectrum = Spectrum::new(&levels).ok()?;
        spectrum.with_noise(self.noise * self.noise).ok()
    }

    fn gaussian_inputs(&self) -> Option<GaussianInputs> {
        let coefficients = self.hermite()?.coefficients;
        let curved = coefficients.iter().skip(2);
        Some(GaussianInputs {
            constant: coefficients.iter().take(1).copied().collect(),
            beyond: curved.map(|a| a * a).sum(),
            ..GaussianInputs::white(self.input_dim, 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::numerics::statistics::mean_stderr;

    fn draw(task: &HermiteTeacher) -> Dataset {
        task.draw(&mut stream(5, "dataset", &[0])).unwrap()
    }

    fn cubic() -> HermiteTeacher {
        HermiteTeacher {
            test_samples: 7,
            noise: 0.4,
            direction: Direction::Random,
            ..HermiteTeacher::new(vec![0.2, 1.0, 0.5, -0.3], 6, 50)
        }
    }

    #[test]
    fn the_polynomials_are_those_of_the_probabilists() {
        let z = 1.7f64;
        for (k, exact) in [
            1.0,
            z,
            z * z - 1.0,
            z.powi(3) - 3.0 * z,
            z.powi(4) - 6.0 * z * z + 3.0,
            z.powi(5) - 10.0 * z.powi(3) + 15.0 * z,
        ]
        .into_iter()
        .enumerate()
        {
            let mut c = vec![0.0; k + 1];
            c[k] = 1.0;
            assert!((series(&c, z) - exact).abs() < 1e-12, "{k}");
        }
    }

    /// `E[He_j He_k] = k!` on the diagonal and 0 off it; the view's coefficients give the mean square of the target.
    #[test]
    fn modes_are_orthogonal_and_add_up_to_the_mean_square() {
        let samples = 40_000;
        let of = |k: usize| {
            let mut c = vec![0.0; k + 1];
            c[k] = 1.0;
            draw(&HermiteTeacher::new(c, 2, samples)).y
        };
        let modes: Vec<_> = (0..4).map(of).collect();
        for j in 0..4 {
            for k in 0..=j {
                let exact = if j == k { [1.0, 1.0, 2.0, 6.0][k] } else { 0.0 };
                let products: Vec<f64> =
                    modes[j].component_mul(&modes[k]).iter().copied().collect();
                let (mean, stderr) = mean_stderr(&products);
                let error = stderr.unwrap().max(1e-12);
                assert!((mean - exact).abs() < 4.0 * error, "{j} {k}: {mean}");
            }
        }
        let task = HermiteTeacher {
            noise: 0.0,
            samples,
            ..cubic()
        };
        let squares: Vec<f64> = draw(&task).y.iter().map(|y| y * y).collect();
        let (mean, stderr) = mean_stderr(&squares);
        let view = task.hermite().unwrap();
        let exact: f64 = view.coefficients.iter().map(|a| a * a).sum();
        assert!((exact - (0.04 + 1.0 + 0.5 + 0.54)).abs() < 1e-12);
        assert!(
            (mean - exact).abs() < 4.0 * stderr.unwrap(),
            "{mean} {exact}"
        );
    }

    #[test]
    fn targets_are_the_polynomial_of_the_inputs_along_the_direction() {
        let task = cubic();
        let data = draw(&task);
        let w = &data.modes.v;
        assert!((w.norm() - 1.0).abs() < 1e-14);
        assert!(task.hermite().unwrap().direction.is_none());
        let (x, y) = data.test.as_ref().unwrap();
        assert!((y - task.target(w, x)).amax() < 1e-14);
        let noise = &data.y - task.target(w, &data.x);
        // 50 labels: the sum of squares over 0.16 is chi^2 with 50 degrees of freedom.
        let z = (noise.norm_squared() / 0.16 - 50.0) / 10.0;
        assert!(z.abs() < 3.0, "{z}");
        let other = task.draw(&mut stream(5, "dataset", &[1])).unwrap();
        assert!((other.modes.v - w).norm() > 1e-3);
        let fixed = HermiteTeacher {
            direction: Direction::Axis,
            ..task
        };
        let w = draw(&fixed).modes.v;
        assert_eq!(
            Some(w.as_slice().to_vec()),
            fixed.hermite().unwrap().direction
        );
    }

    #[test]
    fn the_linear_kernel_sees_one_level_and_never_learns_the_rest() {
        let spectrum = cubic().spectrum(&Kernel::Linear {}).unwrap();
        assert_eq!(spectrum.eigenvalues(), [1.0 / 6.0, 0.0]);
        assert_eq!((spectrum.multiplicity(0), spectrum.rank()), (6.0, 6.0));
        let [linear, rest] = [spectrum.targets()[0], spectrum.targets()[1]];
        assert!((linear - 1.0).abs() < 1e-15 && (rest - (0.04 + 0.5 + 0.54)).abs() < 1e-12);
        assert!((spectrum.noise() - 0.16).abs() < 1e-15);
        assert!(cubic().spectrum(&Kernel::Laplace { length: 1.0 }).is_none());
    }

    #[test]
    fn a_small_data_set_is_the_beginning_of_a_larger_one() {
        let small = HermiteTeacher {
            samples: 20,
            test_samples: 3,
            ..cubic()
        };
        let (a, b) = (draw(&small), draw(&cubic()));
        assert_eq!(a.modes, b.modes);
        assert_eq!(
            (&a.x, &a.y),
            (&b.x.columns(0, 20).into(), &b.y.columns(0, 20).into())
        );
        assert_eq!(a.test.unwrap().0, b.test.unwrap().0.columns(0, 3));
        assert_eq!(draw(&cubic()), draw(&cubic()));
    }

    #[test]
    fn wrong_keys_name_their_place() {
        for (text, key) in [
            ("coefficients = [0.0, 0.0]\ninput_dim = 3", "coefficients"),
            ("coefficients = []\ninput_dim = 3", "coefficients"),
            ("coefficients = [nan]\ninput_dim = 3", "coefficients"),
            ("coefficients = [1]\ninput_dim = 0", "input_dim"),
            ("coefficients = [1]\ninput_dim = 2\nsamples = 0", "samples"),
            ("coefficients = [1]\ninput_dim = 2\nnoise = -1.0", "noise"),
        ] {
            let error = (KIND.parse)("task", text.parse().unwrap());
            let error = error.unwrap_err().to_string();
            assert!(error.starts_with(&format!("task.{key}: ")), "{error}");
        }
        let long = format!("coefficients = {:?}\ninput_dim = 2", vec![1.0; 22]);
        assert!((KIND.parse)("task", long.parse().unwrap()).is_err());
    }
}
