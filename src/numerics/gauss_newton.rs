//! Non-linear least squares: Gauss-Newton steps for models that are nearly linear, and damped ones (Levenberg and
//! Marquardt) inside the unit cube for models known only by their values.

use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::statistics::least_squares;
use nalgebra::{DMatrix, DVector};

/// A fitted number with its standard error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Fitted value.
    pub value: f64,
    /// Standard error; 0 for a value that was held fixed.
    pub stderr: f64,
}

/// The minimum found.
#[derive(Debug, Clone)]
pub struct Minimum {
    /// Parameters.
    pub parameters: DVector<f64>,
    /// `(J^T W J)^-1` at the minimum.
    pub covariance: DMatrix<f64>,
    /// `sum_i w_i (y_i - f_i)^2`.
    pub chi2: f64,
}

/// Minimises `sum_i w_i (y_i - f_i(b))^2` from `start` by Gauss-Newton steps, halved until the sum falls.
///
/// `model` returns `f` and its Jacobian. Ends when every step is below 1e-8 of its standard error, or below
/// 1e-5 of it and the sum no longer falls (rounding).
pub fn minimise(
    start: DVector<f64>,
    y: &DVector<f64>,
    weights: &[f64],
    model: impl Fn(&DVector<f64>) -> (DVector<f64>, DMatrix<f64>),
) -> Result<Minimum> {
    let chi2 =
        |f: &DVector<f64>| -> f64 { (y - f).iter().zip(weights).map(|(r, w)| w * r * r).sum() };
    let mut parameters = start;
    let (mut f, mut jacobian) = model(&parameters);
    let mut sum = chi2(&f);
    for _ in 0..200 {
        let fit = least_squares(&jacobian, &(y - &f), weights)?;
        let step = fit.coefficients;
        let error = fit.covariance.diagonal().map(f64::sqrt);
        let below = |share: f64| {
            let mut pairs = step.iter().zip(error.iter());
            pairs.all(|(s, e)| s.abs() <= share * e)
        };
        let taken = (0..30).find_map(|halvings| {
            let trial = &parameters + &step * 0.5f64.powi(halvings);
            let (value, slope) = model(&trial);
            let new = chi2(&value);
            (new < sum).then_some((trial, value, slope, new))
        });
        let stalled = taken.is_none();
        if let Some(better) = taken {
            (parameters, f, jacobian, sum) = better;
        }
        if below(1e-8) || stalled && below(1e-5) {
            return Ok(Minimum {
                parameters,
                covariance: fit.covariance,
                chi2: sum,
            });
        }
        if stalled {
            break;
        }
    }
    Err(Error::unconverged(
        "least squares",
        format!("chi2 stopped falling at {sum:e}"),
        "start closer to the solution, or fit fewer terms",
    ))
}

/// Residuals as a function of a point of the unit cube. Every closure from points to residuals is one.
pub trait Residuals {
    /// The residuals at a point; `None` where the model has no value.
    fn at(&mut self, x: &[f64]) -> Result<Option<DVector<f64>>>;

    /// Points that will be asked for one after the other: a model that is costly can be evaluated at all of them in parallel.
    fn ahead(&mut self, _points: &[Vec<f64>]) -> Result<()> {
        Ok(())
    }
}

impl<F: FnMut(&[f64]) -> Result<Option<DVector<f64>>>> Residuals for F {
    fn at(&mut self, x: &[f64]) -> Result<Option<DVector<f64>>> {
        self(x)
    }
}

/// Where damped steps inside the unit cube have ended.
#[derive(Debug, Clone)]
pub struct Descent {
    /// The point; a coordinate at a wall is exactly 0 or 1.
    pub x: Vec<f64>,
    /// Residuals there; their squares sum to the minimum.
    pub residuals: DVector<f64>,
    /// Derivatives of the residuals, one column per coordinate, those of held ones 0.
    pub jacobian: DMatrix<f64>,
    /// Fall of the sum of squares that the linear model still expects, `g^T (J^T J)^-1 g` with `g = J^T r`.
    pub expected_fall: f64,
    /// Whether the fall is below its limit: 1e-12, or 1e-4 where rounding or noise leaves no lower sum.
    pub converged: bool,
}

impl Descent {
    /// Sum of squared residuals.
    pub fn sum(&self) -> f64 {
        self.residuals.norm_squared()
    }
}

/// Iterations of [`minimise_in_cube`], and steps tried in one of them.
const MOST_STEPS: usize = 200;
const MOST_TRIALS: usize = 40;
/// Longest step of a difference, as a part of the cube.
const LONGEST: f64 = 0.05;
/// Expected falls of the sum below which the search ends, and below which an end without lower sums is a minimum.
const FALL_REACHED: f64 = 1e-12;
const FALL_ACCEPTED: f64 = 1e-4;

/// Minimises `sum_i r_i(x)^2` over the unit cube by the damped steps of Levenberg and Marquardt.
///
/// ```text
/// (J^T J + damping diag(J^T J)) step = -J^T r,        x -> clamp(x + step, 0, 1)
/// ```
///
/// The damping falls by 10 after a step that lowers the sum and rises by 4 after one that does not. A coordinate at a
/// wall against which the gradient pushes is left out of the step, and so are those of `held`.
///
/// Residuals are counted in standard errors. The Jacobian is a central difference; its step changes the residuals by
/// 0.03 of a standard error, or by the cube root of `noise`, the size of the errors of the residuals themselves, where
/// that is more: the two errors of a central difference, truncation and noise, are then of one order. Steps lie between
/// 1e-6 and 0.05 of the cube. A point without a value is worse than every other one.
///
/// `None` if the start has no value. Cost per iteration: two evaluations per coordinate and one per step tried.
///
/// Sources: Levenberg 1944; Marquardt 1963; projected steps as in Kanzow, Yamashita and Fukushima 2004.
///
/// ```
/// use nalgebra::DVector;
/// use saddlepoint::numerics::gauss_newton::minimise_in_cube;
/// // The minimum (0.3, 1.2) of the sum lies outside: along the wall x_1 = 1 it is (0.3, 1).
/// let mut bowl = |x: &[f64]| Ok(Some(DVector::from_vec(vec![20.0 * (x[0] - 0.3), 5.0 * (x[1] - 1.2)])));
/// let end = minimise_in_cube(&mut bowl, &[0.9, 0.5], &[false, false], 0.0)?.expect("a value at the start");
/// assert!(end.converged && (end.x[0] - 0.3).abs() < 1e-9 && end.x[1] == 1.0);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn minimise_in_cube(
    residuals: &mut dyn Residuals,
    start: &[f64],
    held: &[bool],
    noise: f64,
) -> Result<Option<Descent>> {
    let mut x = start.to_vec();
    let Some(mut r) = residuals.at(&x)? else {
        return Ok(None);
    };
    let (mut steps, mut damping) = (vec![first_step(noise); x.len()], 1e-3);
    let mut end = None;
    for iteration in 0..=MOST_STEPS {
        interrupt::check()?;
        let jacobian = differences(residuals, &x, &r, held, &steps)?;
        adapt(&mut steps, &jacobian, noise);
        let gradient = jacobian.tr_mul(&r);
        let pushed =
            |j: usize| x[j] <= 0.0 && gradient[j] > 0.0 || x[j] >= 1.0 && gradient[j] < 0.0;
        let free: Vec<usize> = (0..x.len()).filter(|&j| !held[j] && !pushed(j)).collect();
        let normal = Normal::new(&jacobian, &gradient, &free);
        let expected_fall = normal.fall();
        let mut done = expected_fall <= FALL_REACHED;
        let mut lower = None;
        if !done && iteration < MOST_STEPS {
            for _ in 0..MOST_TRIALS {
                let mut to = x.clone();
                for (&j, step) in free.iter().zip(normal.step(damping).iter()) {
                    to[j] = (x[j] + step).clamp(0.0, 1.0);
                }
                if to == x {
                    break;
                }
                let trial = residuals.at(&to)?;
                if let Some(trial) = trial.filter(|t| t.norm_squared() < r.norm_squared()) {
                    damping = (0.1 * damping).max(1e-12);
                    lower = Some((to, trial));
                    break;
                }
                damping *= 4.0;
            }
            done = lower.is_none() && expected_fall <= FALL_ACCEPTED;
        }
        match lower {
            Some((to, trial)) => (x, r) = (to, trial),
            None => {
                end = Some(Descent {
                    x: x.clone(),
                    residuals: r.clone(),
                    jacobian,
                    expected_fall,
                    converged: done,
                });
                break;
            }
        }
    }
    Ok(end)
}

/// Residuals and Jacobian at a point that something else than damped steps has found.
///
/// As in [`minimise_in_cube`], with the steps adapted once; `None` where the point has no value.
pub fn linearise(residuals: &mut dyn Residuals, x: &[f64], noise: f64) -> Result<Option<Descent>> {
    let Some(r) = residuals.at(x)? else {
        return Ok(None);
    };
    let held = vec![false; x.len()];
    let mut steps = vec![first_step(noise); x.len()];
    let first = differences(residuals, x, &r, &held, &steps)?;
    adapt(&mut steps, &first, noise);
    let jacobian = differences(residuals, x, &r, &held, &steps)?;
    let all: Vec<usize> = (0..x.len()).collect();
    Ok(Some(Descent {
        x: x.to_vec(),
        expected_fall: Normal::new(&jacobian, &jacobian.tr_mul(&r), &all).fall(),
        residuals: r,
        jacobian,
        converged: true,
    }))
}

/// Step of the first Jacobian, before the sizes of its columns are known.
fn first_step(noise: f64) -> f64 {
    if noise > 1e-3 { 0.02 } else { 1e-4 }
}

/// Steps that change the residuals by 0.03, or by the cube root of their noise.
fn adapt(steps: &mut [f64], jacobian: &DMatrix<f64>, noise: f64) {
    for (step, column) in steps.iter_mut().zip(jacobian.column_iter()) {
        let size = column.norm();
        if size > 0.0 {
            *step = (noise.cbrt().max(0.03) / size).clamp(1e-6, LONGEST);
        }
    }
}

/// Central differences, one-sided at a wall or beside points without a value. A column that comes out as 0 is taken
/// again with steps 10 times as long, up to the longest: a model whose values have stairs is no minimum on each of
/// them.
fn differences(
    residuals: &mut dyn Residuals,
    x: &[f64],
    here: &DVector<f64>,
    held: &[bool],
    steps: &[f64],
) -> Result<DMatrix<f64>> {
    let free = (0..x.len()).filter(|&j| !held[j]);
    let moved = |j: usize, to: f64| {
        let mut point = x.to_vec();
        point[j] = to;
        point
    };
    let both = free.flat_map(|j| {
        [(x[j] - steps[j]).max(0.0), (x[j] + steps[j]).min(1.0)].map(|to| moved(j, to))
    });
    residuals.ahead(&both.collect::<Vec<_>>())?;
    let mut jacobian = DMatrix::zeros(here.len(), x.len());
    for j in (0..x.len()).filter(|&j| !held[j]) {
        let mut at = |to: f64| -> Result<(f64, DVector<f64>)> {
            Ok(match residuals.at(&moved(j, to))? {
                Some(r) if to != x[j] => (to, r),
                _ => (x[j], here.clone()),
            })
        };
        let mut step = steps[j];
        loop {
            let (below, r_below) = at((x[j] - step).max(0.0))?;
            let (above, r_above) = at((x[j] + step).min(1.0))?;
            let change = r_above - r_below;
            if above > below && change.norm() > 0.0 {
                jacobian.set_column(j, &(change / (above - below)));
                break;
            }
            if step >= LONGEST {
                break;
            }
            step = (10.0 * step).min(LONGEST);
        }
    }
    Ok(jacobian)
}

/// Normal equations of the free coordinates, each in units of the length of its column.
struct Normal {
    hessian: DMatrix<f64>,
    gradient: DVector<f64>,
    size: Vec<f64>,
}

impl Normal {
    fn new(jacobian: &DMatrix<f64>, gradient: &DVector<f64>, free: &[usize]) -> Self {
        let size: Vec<f64> = free
            .iter()
            .map(|&j| match jacobian.column(j).norm() {
                0.0 => 1.0,
                norm => norm,
            })
            .collect();
        let dot = |a: usize, b: usize| {
            let product = jacobian.column(free[a]).dot(&jacobian.column(free[b]));
            product / (size[a] * size[b])
        };
        Normal {
            hessian: DMatrix::from_fn(free.len(), free.len(), dot),
            gradient: DVector::from_fn(free.len(), |a, _| gradient[free[a]] / size[a]),
            size,
        }
    }

    /// Solution with the damping added to the diagonal; zero where even the damped equations are singular.
    fn solve(&self, damping: f64) -> DVector<f64> {
        let n = self.gradient.len();
        let damped = &self.hessian + DMatrix::identity(n, n) * damping;
        match damped.cholesky() {
            Some(factor) => -factor.solve(&self.gradient),
            None => DVector::zeros(n),
        }
    }

    fn step(&self, damping: f64) -> DVector<f64> {
        let step = self.solve(damping);
        DVector::from_fn(step.len(), |a, _| step[a] / self.size[a])
    }

    /// Directions that the residuals do not feel beyond rounding count as flat: the damping 1e-12 leaves them out.
    fn fall(&self) -> f64 {
        -self.solve(1e-12).dot(&self.gradient)
    }
}
