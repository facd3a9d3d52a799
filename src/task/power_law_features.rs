//! Gaussian features with a power-law spectrum, and a linear target that is a power law in the same features.

use super::{Dataset, GaussianInputs, Modes, Shape, Task, substreams};
use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kind::{About, Kind, parse_table};
use crate::numerics::random::{Stream, normal_matrix, stream};
use crate::rg::{PowerLaw, Spectrum};
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Formula, keys and source of the task.
pub const ABOUT: About = About {
    kind: "power-law-features",
    summary: "Gaussian inputs whose variances fall as a power of the mode, and a target that falls as another power",
    text: "\
x_k = sqrt(D lam_k) g_k,  lam_k = k^-spectrum_exponent,  k = 1 ... D = modes,  g_k ~ N(0, 1) independent
y = sum_k y_k g_k + noise,  y_k = +k^(-target_exponent/2)

The kernel linear of the library, x . x'/D, has the operator eigenvalues lam_k with the eigenfunctions g_k (no factor P:
its matrix on P samples has eigenvalues of about P lam_k). The features are exactly Gaussian, so that learning curves
from the spectrum have no error but that of finite P. In the words of the literature spectrum_exponent = 1 + alpha
(the capacity of the kernel) and target_exponent = 1 + beta (the difficulty of the target); without ridge and noise the
error falls as P^-beta as long as beta < 2 (1 + alpha), and with a fixed ridge, in the end, as P^(-beta/(1 + alpha)).

Keys
  spectrum_exponent  1 + alpha > 1, so that the sum of all lam_k stays finite as modes are added
  target_exponent    1 + beta > 1, so that the mean square of the target does
  modes              number D of inputs; several times the number of samples, or the cut of the power law is seen
  samples            training samples P (default 200)
  test_samples       test samples (default 0: no test set; population-error needs none)
  noise              standard deviation of the label noise of the training samples (default 0)

Samples are drawn independently, anew for every data set; a data set of P samples is the beginning of the larger one,
and the g_k of D modes are the first of more. Test targets are noiseless, so that the test loss is the excess risk.

The one input-output mode is the target as a linear map of the inputs, y = w . x with w_k = y_k/sqrt(D lam_k).

Sources: Bordelon, Canatar, Pehlevan 2020 (arXiv:2002.02561); Bahri et al. 2021 (arXiv:2102.06701); Maloney, Roberts,
Sully 2022 (arXiv:2210.16859).",
    revision: 1,
};

/// Registry line of `kind = "power-law-features"`.
pub const KIND: Kind<dyn Task> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let task: PowerLawFeatures = parse_table(place, table)?;
        task.check(place)?;
        Ok(Arc::new(task))
    },
    schema: PowerLawFeatures::json_schema,
};

/// Smallest eigenvalue and squared coefficient of the last mode: beyond it, quotients of the two lose their meaning.
const LEAST: f64 = 1e-100;

/// `y = sum_k y_k g_k + noise` of the inputs `x_k = sqrt(D lam_k) g_k`; the fields are the keys of the spec table.
///
/// ```
/// use saddlepoint::kernel::Kernel;
/// use saddlepoint::task::{PowerLawFeatures, Task};
/// let task = PowerLawFeatures::new(2.0, 2.0, 100, 20);
/// let spectrum = task.spectrum(&Kernel::Linear {}).unwrap();
/// assert!((spectrum.eigenvalues()[9] - 0.01).abs() < 1e-15);
/// assert_eq!(spectrum.rank(), 100.0);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PowerLawFeatures {
    /// `1 + alpha` of the eigenvalues `lam_k = k^-(1+alpha)`.
    pub spectrum_exponent: f64,
    /// `1 + beta` of the squared coefficients `y_k^2 = k^-(1+beta)`.
    pub target_exponent: f64,
    /// Number `D` of modes and of inputs.
    pub modes: usize,
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

impl PowerLawFeatures {
    /// Noiseless labels, without test samples.
    pub fn new(spectrum_exponent: f64, target_exponent: f64, modes: usize, samples: usize) -> Self {
        PowerLawFeatures {
            spectrum_exponent,
            target_exponent,
            modes,
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
        for (key, value) in [("modes", self.modes), ("samples", self.samples)] {
            if value == 0 {
                return wrong(key, "is 0".into(), "use a positive integer");
            }
        }
        for (key, value) in [
            ("spectrum_exponent", self.spectrum_exponent),
            ("target_exponent", self.target_exponent),
        ] {
            if !(value.is_finite() && value > 1.0) {
                return wrong(
                    key,
                    format!("{value}: the sum of k^-{value} over all modes is not finite"),
                    "use a number > 1",
                );
            }
            if (self.modes as f64).powf(-value) < LEAST {
                return wrong(
                    key,
                    format!(
                        "the last of {} modes has {0}^-{value} < {LEAST:e}",
                        self.modes
                    ),
                    "use a smaller exponent or fewer modes",
                );
            }
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

    /// `lam_k` and `y_k^2` as a law.
    fn law(&self) -> PowerLaw {
        PowerLaw::new(self.spectrum_exponent - 1.0, self.target_exponent - 1.0)
    }

    /// Standard deviations `sqrt(D lam_k)` of the inputs.
    fn deviations(&self) -> DVector<f64> {
        let d = self.modes as f64;
        DVector::from_fn(self.modes, |k, _| {
            (d * self.law().level(k + 1).eigenvalue).sqrt()
        })
    }

    /// `y_k`
    fn coefficients(&self) -> DVector<f64> {
        DVector::from_fn(self.modes, |k, _| self.law().level(k + 1).target.sqrt())
    }

    /// Features `g`, modes x samples: every mode has a stream of its own.
    fn features(&self, rng: &mut Stream, samples: usize) -> DMatrix<f64> {
        let seed = rng.next_u64();
        let mut g = DMatrix::zeros(self.modes, samples);
        for k in 0..self.modes {
            let row = normal_matrix(&mut stream(seed, "mode", &[k as u64]), 1, samples);
            g.row_mut(k).copy_from(&row);
        }
        g
    }

    /// Inputs and noiseless targets of these features.
    fn samples_of(&self, mut g: DMatrix<f64>) -> (DMatrix<f64>, DMatrix<f64>) {
        let y = g.tr_mul(&self.coefficients()).transpose();
        let deviations = self.deviations();
        for mut x in g.column_iter_mut() {
            x.component_mul_assign(&deviations);
        }
        let samples = y.ncols();
        (g, DMatrix::from_fn(1, samples, |_, mu| y[mu]))
    }
}

impl Task for PowerLawFeatures {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn shape(&self) -> Shape {
        Shape {
            inputs: self.modes,
            outputs: 1,
            samples: self.samples,
        }
    }

    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        self.check("task")?;
        let [mut inputs, mut labels, mut held_out] = substreams(rng);
        let (x, mut y) = self.samples_of(self.features(&mut inputs, self.samples));
        if self.noise > 0.0 {
            y += normal_matrix(&mut labels, 1, self.samples) * self.noise;
        }
        let test = self
            .has_test()
            .then(|| self.samples_of(self.features(&mut held_out, self.test_samples)));
        let map = self.coefficients().component_div(&self.deviations());
        let strength = map.norm();
        let modes = Modes {
            u: DMatrix::from_element(1, 1, 1.0),
            s: DVector::from_element(1, strength),
            v: DMatrix::from_column_slice(self.modes, 1, (map / strength).as_slice()),
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

    fn test_samples(&self) -> usize {
        self.test_samples
    }

    fn spectrum(&self, kernel: &Kernel) -> Option<Spectrum> {
        let linear = matches!(kernel, Kernel::Linear {});
        let spectrum = linear.then(|| Spectrum::power_law(self.law(), self.modes))?;
        spectrum.ok()?.with_noise(self.noise * self.noise).ok()
    }

    fn gaussian_inputs(&self) -> Option<GaussianInputs> {
        let variance = |s: &f64| (s * s, 1);
        Some(GaussianInputs {
            variances: self.deviations().iter().map(variance).collect(),
            ..GaussianInputs::white(self.modes, 1)
        })
    }
}

#[cfg(test)]
#[path = "power_law_features_tests.rs"]
mod tests;
