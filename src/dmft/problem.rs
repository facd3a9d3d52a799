//! What is trained, and how: the statement that every solver of this module takes.

use nalgebra::DMatrix;

use super::Optimiser;
use crate::error::{Error, Result};
use crate::numerics::linalg::eigh;

/// The solvers stop where an error leaves this size.
const LARGEST_ERROR: f64 = 1e6;
/// What rounding may leave of a kernel that is symmetric and positive: this part of its largest eigenvalue.
const ROUNDING: f64 = 1e-10;

/// An infinitely wide network without biases, trained by gradient descent on one output.
///
/// `h^1 = W^0 x / sqrt(D)`, `h^{l+1} = W^l phi(h^l) / sqrt(N)` for `l = 1 .. L - 1`, `f = w . phi(h^L) / (gamma_0 N)`,
/// entries of `W^l` independent normals of variance `s2_l`, `w = W^L`; one step moves the weights by
/// `- eta gamma_0^2 N` times the gradient of the loss `(1/2P) sum (f - y)^2` (with a sum over samples in place of the
/// mean, `q = eta` below).
#[derive(Debug, Clone)]
pub struct Problem<'a> {
    /// `K^x = x . x' / D` of the training samples, then of test samples that are answered but not learned: (P + M) x (P
    /// + M).
    pub kernel: &'a DMatrix<f64>,
    /// Targets `y` of the training samples, P numbers.
    pub targets: &'a [f64],
    /// Richness `gamma_0`, above zero.
    pub richness: f64,
    /// Rate of a step per sample, `q = eta / P` for a loss that is a mean over samples, `eta` for a sum.
    pub rate: f64,
    /// Number of steps T: answers stand at the times `0 ..= T`.
    pub steps: usize,
    /// Variances `s2_0 .. s2_L` of the initial weights, from the inputs to the read-out: L + 1 numbers, L hidden
    /// layers.
    pub weight_variances: &'a [f64],
    /// What a step does with the gradient.
    pub optimiser: &'a Optimiser,
}

impl Problem<'_> {
    /// Number L of hidden layers.
    pub fn depth(&self) -> usize {
        self.weight_variances.len() - 1
    }

    /// Number P + M of training and test samples.
    pub fn samples(&self) -> usize {
        self.kernel.nrows()
    }

    /// Whether shapes and numbers are in their ranges.
    ///
    /// Cost: `O((P + M)^3)` for the least eigenvalue of the kernel.
    ///
    /// # Errors
    /// `Input` with the name of the field.
    pub fn check(&self) -> Result<()> {
        let all = self.samples();
        let trained = self.targets.len();
        let wrong =
            |place: &str, cause: String, remedy: &str| Err(Error::input(place, cause, remedy));
        if !self.kernel.is_square() || trained == 0 || trained > all {
            let (rows, columns) = self.kernel.shape();
            let cause = format!("a {rows} x {columns} matrix for {trained} targets");
            return wrong(
                "kernel",
                cause,
                "give the square kernel of all samples, the training samples first",
            );
        }
        if self.targets.iter().any(|y| !y.is_finite()) {
            return wrong("targets", "a target is not finite".into(), "check the data");
        }
        for (place, value) in [("richness", self.richness), ("rate", self.rate)] {
            if !(value.is_finite() && value > 0.0) {
                return wrong(
                    place,
                    format!("{value} is not a finite number > 0"),
                    "give a positive number",
                );
            }
        }
        let positive = |v: &f64| v.is_finite() && *v > 0.0;
        if self.weight_variances.len() < 2 || !self.weight_variances.iter().all(positive) {
            let cause = format!(
                "{:?} are not two or more positive numbers",
                self.weight_variances
            );
            return wrong(
                "weight_variances",
                cause,
                "give L + 1 positive variances for L hidden layers",
            );
        }
        if self.kernel.iter().any(|k| !k.is_finite()) {
            return wrong("kernel", "an entry is not finite".into(), "check the data");
        }
        let values = eigh(self.kernel)?.0;
        let (least, largest) = (values.min(), values.amax());
        let skew = (self.kernel - self.kernel.transpose()).amax();
        if least < -ROUNDING * largest || skew > ROUNDING * largest {
            let cause = format!("least eigenvalue {least:.3e}, asymmetry {skew:.3e}");
            return wrong(
                "kernel",
                cause,
                "give the kernel x . x' / D, symmetric without negative eigenvalues",
            );
        }
        self.optimiser.check(trained, self.steps)
    }

    /// The errors `Delta = y - f` of the training samples at a time, from the outputs of all samples. `tangent` gives the
    /// tangent kernel at the start, whose largest eigenvalue bounds the learning rate.
    ///
    /// # Errors
    /// `Unconverged` where an error is not a number or larger than 1e6.
    pub fn errors(
        &self,
        time: usize,
        outputs: &[f64],
        tangent: impl FnOnce() -> DMatrix<f64>,
    ) -> Result<Vec<f64>> {
        let errors: Vec<f64> = self
            .targets
            .iter()
            .zip(outputs)
            .map(|(y, f)| y - f)
            .collect();
        if errors.iter().all(|e| e.abs() <= LARGEST_ERROR) {
            return Ok(errors);
        }
        let trained = self.targets.len();
        let tangent = tangent().view((0, 0), (trained, trained)).into_owned();
        let largest = eigh(&tangent).map_or(f64::NAN, |(values, _)| values.amax());
        Err(Error::unconverged(
            "dmft",
            format!("an error left the finite numbers, or {LARGEST_ERROR:.0e}, after {time} steps"),
            format!(
                "lower the learning rate: eta/P (eta for a loss that is a sum) below 2/lambda_max of the tangent \
                 kernel at the start, {:.3e}, and lower for a large richness",
                2.0 * (1.0 + self.optimiser.momentum) / largest
            ),
        ))
    }

    /// The tangent kernel of a deep linear network at the start.
    pub(super) fn linear_tangent(&self) -> DMatrix<f64> {
        let all: f64 = self.weight_variances.iter().product();
        let factor: f64 = self.weight_variances.iter().map(|s2| all / s2).sum();
        self.kernel * factor
    }

    /// The driven errors of a step on all samples: those of [`Optimiser::driven`], then zeros for the test samples.
    pub(super) fn driven(&self, step: usize, errors: &[f64]) -> Vec<f64> {
        let mut driven = self.optimiser.driven(step, errors);
        driven.resize(self.samples(), 0.0);
        driven
    }
}
