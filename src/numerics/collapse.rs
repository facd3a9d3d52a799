//! Data collapse: the point and the exponents that bring curves of all sizes onto one.

use super::gauss_newton::minimise;
pub use super::gauss_newton::{Estimate, Minimum};
use crate::error::{Error, Result};
use crate::numerics::statistics::{jackknife, mean_stderr};
use nalgebra::{DMatrix, DVector};

/// One curve, measured at one system size.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Linear size `L > 0`.
    pub size: f64,
    /// Control parameter `x` of every point.
    pub control: Vec<f64>,
    /// Means of independent blocks of measurements (rows), one column per point.
    pub blocks: DMatrix<f64>,
}

/// A number of the scaling law: known, or fitted from a first guess.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Parameter {
    /// Held at this value.
    Fixed(f64),
    /// Fitted, starting here.
    Free(f64),
}

impl Parameter {
    fn start(self) -> f64 {
        match self {
            Parameter::Fixed(value) | Parameter::Free(value) => value,
        }
    }
}

/// The numbers of `y = L^growth F((x - crossing) L^exponent)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    /// `x_c`.
    pub crossing: Parameter,
    /// `w`.
    pub exponent: Parameter,
    /// Exponent with which the values themselves grow; 0 for dimensionless ones.
    pub growth: Parameter,
}

/// Curves brought together.
#[derive(Debug, Clone, PartialEq)]
pub struct Collapse {
    /// `x_c`.
    pub crossing: Estimate,
    /// `w`.
    pub exponent: Estimate,
    /// Growth exponent of the observable.
    pub growth: Estimate,
    /// Coefficients of the common curve `F(u) = sum_j c_j (u / unit)^j`.
    pub master: Vec<f64>,
    /// Largest `|u|`, the unit of `F`.
    pub unit: f64,
    /// Mean squared distance from the common curve in units of the errors, per degree of freedom: near 1 when the
    /// curves collapse. A measure, no chi2 statistic: points of one curve are usually correlated.
    pub spread: f64,
}

/// Collapses `curves` onto a polynomial of the given `degree` in `u = (x - x_c) L^w`, weighted by the errors of the
/// points.
///
/// All free numbers and the polynomial are fitted together by Gauss-Newton; standard errors of the free numbers by
/// jackknife over the blocks (block `r` of every curve left out at once), which includes the correlation between
/// points. Choose `x` so near `x_c` that the degree suffices: raise it until `spread` no longer falls. At least 20
/// blocks; use Student t with `blocks - 1` degrees of freedom.
///
/// Source of the method: S. M. Bhattacharjee and F. Seno, cond-mat/0102515; N. Kawashima and N. Ito, J. Phys. Soc.
/// Jpn. 62, 435 (1993).
///
/// # Errors
/// Input error for curves of unequal numbers of blocks, fewer than two blocks or sizes, points that do not
/// fluctuate, or too few points; `Unconverged` when no minimum is found.
///
/// ```
/// use nalgebra::DMatrix;
/// use saddlepoint::numerics::collapse::{Curve, Parameter, Scales, collapse};
/// let control = vec![0.48, 0.49, 0.5, 0.51, 0.52];
/// let curves = [8.0f64, 16.0, 32.0].map(|size| Curve {
///     size,
///     control: control.clone(),
///     blocks: DMatrix::from_fn(2, 5, |r, k| 0.5 + (control[k] - 0.5) * size.powf(0.75) + [1e-3, -1e-3][(r + k) % 2]),
/// });
/// let scales = Scales { crossing: Parameter::Free(0.49), exponent: Parameter::Free(1.0), growth: Parameter::Fixed(0.0) };
/// let found = collapse(&curves, &scales, 1)?;
/// assert!((found.exponent.value - 0.75).abs() < 1e-6 && (found.crossing.value - 0.5).abs() < 1e-6);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn collapse(curves: &[Curve], scales: &Scales, degree: usize) -> Result<Collapse> {
    let fit = Fit::new(curves, scales, degree)?;
    let Fit { data, law } = &fit;
    if data.blocks.nrows() < 2 {
        return Err(Error::input(
            "curves",
            "1 block",
            "give at least two blocks (20 for good errors)",
        ));
    }
    let columns = data.blocks.column_iter();
    let means: Vec<f64> = columns.map(|c| c.mean()).collect();
    let best = fit.minimum(&means, None)?;
    let resampled = jackknife(&data.blocks, |means| {
        match fit.minimum(means, Some(&best.parameters)) {
            Ok(other) => fit.scales(&other).to_vec(),
            Err(_) => vec![f64::NAN; 3],
        }
    });
    let stderr = resampled.stderr.unwrap_or_default();
    if stderr.iter().any(|s| !s.is_finite()) {
        return Err(Error::unconverged(
            "collapse",
            "no minimum without one of the blocks",
            "use larger blocks, or fewer free numbers",
        ));
    }
    let values = fit.scales(&best);
    let estimate = |k: usize| Estimate {
        value: values[k],
        stderr: stderr[k],
    };
    Ok(Collapse {
        crossing: estimate(0),
        exponent: estimate(1),
        growth: estimate(2),
        master: best
            .parameters
            .rows(law.free.len(), degree + 1)
            .iter()
            .copied()
            .collect(),
        unit: law.unit,
        spread: fit.spread(&best),
    })
}

/// The least-squares problem of a collapse: weights from the scatter of given blocks (equal ones for a single block),
/// for any means.
pub struct Fit {
    data: Points,
    law: Law,
}

impl Fit {
    /// The points of all curves with their weights, and the law with its first guesses.
    pub fn new(curves: &[Curve], scales: &Scales, degree: usize) -> Result<Self> {
        let data = Points::new(curves)?;
        let law = Law::new(scales, &data, degree);
        Ok(Fit { data, law })
    }

    /// The minimum for the `means` of all points, curve by curve; from the first guesses of the scales, or from given
    /// parameters.
    pub fn minimum(&self, means: &[f64], start: Option<&DVector<f64>>) -> Result<Minimum> {
        let start = match start {
            Some(parameters) => parameters.clone(),
            None => self.law.start(&self.data, means)?,
        };
        self.law.fit(&self.data, means, start)
    }

    /// Crossing, exponent and growth.
    pub fn scales(&self, minimum: &Minimum) -> [f64; 3] {
        self.law.scales(&minimum.parameters)
    }

    /// Weighted sum of squares per degree of freedom.
    pub fn spread(&self, minimum: &Minimum) -> f64 {
        let freedom = self
            .data
            .size
            .len()
            .saturating_sub(minimum.parameters.len());
        minimum.chi2 / freedom as f64
    }

    /// Root mean square distance of the points from the common curve.
    pub fn distance(&self, means: &[f64], minimum: &Minimum) -> f64 {
        let (curve, _) = self.law.model(&self.data, &minimum.parameters);
        (DVector::from_column_slice(means) - curve).norm() / (means.len() as f64).sqrt()
    }
}

/// The points of all curves, one after the other.
struct Points {
    control: Vec<f64>,
    size: Vec<f64>,
    /// Blocks (rows) of all points.
    blocks: DMatrix<f64>,
    weights: Vec<f64>,
}

impl Points {
    fn new(curves: &[Curve]) -> Result<Self> {
        let refuse = |cause: String, remedy: &str| Err(Error::input("curves", cause, remedy));
        let rows = curves.first().map_or(0, |c| c.blocks.nrows());
        let (mut control, mut size, mut columns) = (vec![], vec![], vec![]);
        for curve in curves {
            if curve.blocks.nrows() != rows || curve.blocks.ncols() != curve.control.len() {
                return refuse(
                    format!(
                        "{} x {} block values for {} points and {rows} blocks",
                        curve.blocks.nrows(),
                        curve.blocks.ncols(),
                        curve.control.len()
                    ),
                    "give every curve the same number of blocks, one column per point",
                );
            }
            if !(curve.size > 0.0 && curve.size.is_finite()) {
                return refuse(
                    format!("a curve of size {}", curve.size),
                    "give positive sizes",
                );
            }
            control.extend(&curve.control);
            size.extend(vec![curve.size; curve.control.len()]);
            columns.extend(curve.blocks.column_iter());
        }
        if rows == 0 || size.iter().all(|&l| l == size[0]) {
            return refuse(
                format!("{} curves with {rows} blocks", curves.len()),
                "give at least two sizes and two blocks (20 for good errors)",
            );
        }
        let mut weights = vec![];
        for (k, column) in columns.iter().enumerate() {
            if rows == 1 {
                weights.push(1.0);
                continue;
            }
            let values: Vec<f64> = column.iter().copied().collect();
            match mean_stderr(&values) {
                (_, Some(error)) if error > 0.0 && error.is_finite() => {
                    weights.push(error.powi(-2))
                }
                _ => {
                    return refuse(
                        format!(
                            "the blocks at x = {}, L = {} do not fluctuate",
                            control[k], size[k]
                        ),
                        "stay nearer to the crossing, or measure longer",
                    );
                }
            }
        }
        Ok(Points {
            control,
            size,
            blocks: DMatrix::from_columns(&columns),
            weights,
        })
    }
}

/// The scaling law with its free numbers: parameters are those first, then the coefficients of the common curve.
struct Law {
    fixed: [f64; 3],
    /// Which of crossing, exponent and growth are fitted.
    free: Vec<usize>,
    degree: usize,
    unit: f64,
}

impl Law {
    fn new(scales: &Scales, data: &Points, degree: usize) -> Self {
        let all = [scales.crossing, scales.exponent, scales.growth];
        let fixed = all.map(Parameter::start);
        let reach = |(x, l): (&f64, &f64)| (x - fixed[0]).abs() * l.powf(fixed[1]);
        let points = data.control.iter().zip(&data.size);
        Law {
            fixed,
            free: (0..3)
                .filter(|&k| matches!(all[k], Parameter::Free(_)))
                .collect(),
            degree,
            unit: points.map(reach).fold(f64::MIN_POSITIVE, f64::max),
        }
    }

    /// Crossing, exponent and growth.
    fn scales(&self, parameters: &DVector<f64>) -> [f64; 3] {
        let mut all = self.fixed;
        for (slot, &k) in self.free.iter().enumerate() {
            all[k] = parameters[slot];
        }
        all
    }

    /// The first guesses, and the common curve that is best with them.
    fn start(&self, data: &Points, means: &[f64]) -> Result<DVector<f64>> {
        let held = Law {
            free: vec![],
            ..*self
        };
        let curve = held
            .fit(data, means, DVector::zeros(self.degree + 1))?
            .parameters;
        let guesses = self.free.iter().map(|&k| self.fixed[k]);
        let all: Vec<f64> = guesses.chain(curve.iter().copied()).collect();
        Ok(DVector::from_vec(all))
    }

    fn fit(&self, data: &Points, means: &[f64], start: DVector<f64>) -> Result<Minimum> {
        let y = DVector::from_column_slice(means);
        minimise(start, &y, &data.weights, |b| self.model(data, b))
    }

    /// Values and Jacobian.
    fn model(&self, data: &Points, b: &DVector<f64>) -> (DVector<f64>, DMatrix<f64>) {
        let [crossing, exponent, growth] = self.scales(b);
        let n = self.free.len();
        let mut f = DVector::zeros(data.size.len());
        let mut jacobian = DMatrix::zeros(data.size.len(), b.len());
        for (i, (&x, &l)) in data.control.iter().zip(&data.size).enumerate() {
            let (scale, stretch) = (l.powf(growth), l.powf(exponent) / self.unit);
            let u = (x - crossing) * stretch;
            let (mut value, mut slope) = (0.0, 0.0);
            for j in (0..=self.degree).rev() {
                slope = slope * u + value;
                value = value * u + b[n + j];
                jacobian[(i, n + j)] = scale * u.powi(j as i32);
            }
            f[i] = scale * value;
            for (slot, &k) in self.free.iter().enumerate() {
                jacobian[(i, slot)] = match k {
                    0 => -scale * slope * stretch,
                    1 => scale * slope * u * l.ln(),
                    _ => f[i] * l.ln(),
                };
            }
        }
        (f, jacobian)
    }
}
