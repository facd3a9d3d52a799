//! Minima of functions of many variables: L-BFGS where the gradient is known, Nelder and Mead's simplex where it is
//! not.
//!
//! Both are written here. The L-BFGS of argmin 0.11 is not used: its line searches interpolate
//! through infinite values (More and Thuente) or accept steps of negative curvature (backtracking), it asks for value
//! and gradient one after the other although they share a factorisation, and it counts a standing value as convergence.

use crate::error::{Error, Result};
use crate::numerics::interrupt;
use std::collections::VecDeque;

/// A minimum that has met its tolerance.
#[derive(Debug, Clone, PartialEq)]
pub struct Minimum {
    /// Where it is.
    pub x: Vec<f64>,
    /// Value of the function there.
    pub value: f64,
    /// What the tolerance was compared with: the largest component of the gradient, or the size of the simplex.
    pub residual: f64,
    /// Iterations done.
    pub iterations: usize,
}

/// Pairs of steps and changes of the gradient that L-BFGS remembers.
const MEMORY: usize = 20;
/// Iterations of L-BFGS after which it gives up.
const MOST_ITERATIONS: usize = 20_000;
/// Evaluations of one line search.
const MOST_TRIALS: usize = 100;
/// Part of the expected fall that a step must bring (Armijo), and part of the slope that it may leave (Wolfe).
const FALL: f64 = 1e-4;
const LEFT: f64 = 0.9;
/// Values that differ by less than this part of themselves are rounding.
const ROUNDING: f64 = 1e-14;

/// Minimum of a smooth function by the limited-memory method of Broyden, Fletcher, Goldfarb and Shanno.
///
/// `objective` gives the value and the gradient. A value that is not finite (`+inf`, or not a number) means that the
/// step is too long, and the gradient is then not read: the line search comes back. The line search bisects until the
/// weak Wolfe conditions hold,
///
/// ```text
/// f(x + t p) <= f(x) + 1e-4 t p.g,     p.g(x + t p) >= 0.9 p.g
/// ```
///
/// so that every remembered pair has positive curvature and the direction `p` always leads down. Near the minimum a
/// fall below rounding is accepted as long as the slope shrinks.
///
/// Converged means `max_i |g_i| <= tolerance` and nothing else. Cost per iteration: one or two evaluations and about
/// `40 n` further products.
///
/// Sources: Liu and Nocedal 1989; for the line search Lewis and Overton 2013.
///
/// # Errors
/// `Unconverged`: a start where the function is not finite; no step that leads down; too many iterations.
///
/// ```
/// use saddlepoint::numerics::optimize::lbfgs;
/// let bowl = |x: &[f64]| ((x[0] - 3.0).powi(2) + x[1].powi(4), vec![2.0 * (x[0] - 3.0), 4.0 * x[1].powi(3)]);
/// let minimum = lbfgs(bowl, vec![0.0, 1.0], 1e-12)?;
/// assert!((minimum.x[0] - 3.0).abs() < 1e-12 && minimum.residual <= 1e-12);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn lbfgs(
    objective: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    tolerance: f64,
) -> Result<Minimum> {
    lbfgs_within(MOST_ITERATIONS, objective, start, tolerance)
}

/// As [`lbfgs`], with at most `most` iterations.
pub fn lbfgs_within(
    most: usize,
    mut objective: impl FnMut(&[f64]) -> (f64, Vec<f64>),
    start: Vec<f64>,
    tolerance: f64,
) -> Result<Minimum> {
    let mut x = start;
    let (mut value, mut gradient) = objective(&x);
    if !value.is_finite() {
        return Err(unconverged(
            "L-BFGS",
            format!("the start has the value {value}"),
        ));
    }
    let mut memory: VecDeque<Curvature> = VecDeque::with_capacity(MEMORY);
    for iterations in 0..=most {
        interrupt::check()?;
        let residual = largest(&gradient);
        if residual <= tolerance {
            return Ok(Minimum {
                x,
                value,
                residual,
                iterations,
            });
        }
        if iterations == most || residual.is_nan() {
            break;
        }
        let mut direction = downhill(&gradient, &memory);
        let mut slope = dot(&direction, &gradient);
        if slope >= 0.0 || slope.is_nan() {
            // Rounding has spoilt the memory.
            memory.clear();
            direction = downhill(&gradient, &memory);
            slope = dot(&direction, &gradient);
        }
        let here = Line {
            x: &x,
            direction: &direction,
            value,
            slope,
        };
        match here.search(&mut objective) {
            Some((to, new_value, new_gradient)) => {
                let pair = Curvature::new(&x, &to, &gradient, &new_gradient);
                (x, value, gradient) = (to, new_value, new_gradient);
                if let Some(pair) = pair {
                    if memory.len() == MEMORY {
                        memory.pop_front();
                    }
                    memory.push_back(pair);
                }
            }
            // Once more along the gradient, before giving up.
            None if !memory.is_empty() => memory.clear(),
            None => {
                return Err(unconverged(
                    "L-BFGS",
                    format!(
                        "no step leads down from a gradient of {residual:.3e} after {iterations} iterations"
                    ),
                ));
            }
        }
    }
    Err(unconverged(
        "L-BFGS",
        format!(
            "the gradient is {:.3e} after {most} iterations",
            largest(&gradient)
        ),
    ))
}

/// A step `s`, the change `y` of the gradient along it, and `1/(s.y)`.
struct Curvature {
    step: Vec<f64>,
    change: Vec<f64>,
    inverse: f64,
}

impl Curvature {
    /// None where the curvature is not positive beyond rounding.
    fn new(x: &[f64], to: &[f64], gradient: &[f64], new: &[f64]) -> Option<Self> {
        let step = difference(to, x);
        let change = difference(new, gradient);
        let product = dot(&step, &change);
        let floor = f64::EPSILON * dot(&step, &step).sqrt() * dot(&change, &change).sqrt();
        (product > floor).then(|| Curvature {
            inverse: 1.0 / product,
            step,
            change,
        })
    }
}

/// `-H g` by the recursion of two loops; without memory, the negative gradient of at most unit length.
fn downhill(gradient: &[f64], memory: &VecDeque<Curvature>) -> Vec<f64> {
    let mut p: Vec<f64> = gradient.iter().map(|g| -g).collect();
    let Some(last) = memory.back() else {
        let scale = 1.0 / dot(&p, &p).sqrt().max(1.0);
        p.iter_mut().for_each(|p| *p *= scale);
        return p;
    };
    let mut parts = Vec::with_capacity(memory.len());
    for pair in memory.iter().rev() {
        let part = pair.inverse * dot(&pair.step, &p);
        add(&mut p, -part, &pair.change);
        parts.push(part);
    }
    let scale = 1.0 / (last.inverse * dot(&last.change, &last.change));
    p.iter_mut().for_each(|p| *p *= scale);
    for (pair, part) in memory.iter().zip(parts.iter().rev()) {
        let back = pair.inverse * dot(&pair.change, &p);
        add(&mut p, part - back, &pair.step);
    }
    p
}

/// A line through `x`, with value and slope at its start.
struct Line<'a> {
    x: &'a [f64],
    direction: &'a [f64],
    value: f64,
    slope: f64,
}

impl Line<'_> {
    /// Point, value and gradient of a step that meets the weak Wolfe conditions.
    fn search(
        &self,
        objective: &mut impl FnMut(&[f64]) -> (f64, Vec<f64>),
    ) -> Option<(Vec<f64>, f64, Vec<f64>)> {
        let (mut low, mut high, mut t) = (0.0, f64::INFINITY, 1.0);
        let slack = ROUNDING * self.value.abs();
        for _ in 0..MOST_TRIALS {
            let mut to = self.x.to_vec();
            add(&mut to, t, self.direction);
            if to == self.x {
                return None;
            }
            let (value, gradient) = objective(&to);
            let slope = if value.is_finite() {
                dot(self.direction, &gradient)
            } else {
                f64::NAN
            };
            let falls = value <= self.value + FALL * t * self.slope
                || (value <= self.value + slack && slope.abs() <= LEFT * self.slope.abs());
            if !falls || slope.is_nan() {
                high = t;
            } else if slope < LEFT * self.slope {
                low = t;
            } else {
                return Some((to, value, gradient));
            }
            t = if high.is_finite() {
                0.5 * (low + high)
            } else {
                2.0 * low
            };
        }
        None
    }
}

/// Minimum of a continuous function of few variables by the simplex of Nelder and Mead.
///
/// The first simplex has the corners `start` and `start + edge e_i`. Reflection, expansion, contraction and shrinking
/// have the coefficients of Gao and Han, which depend on the number of variables `n` and keep the method going up to
/// `n` of about 10. Values of `+inf` and not-a-number count as worse than every number.
///
/// Converged means that the simplex is smaller than `tolerance` in every coordinate. The minimum of a smooth function
/// is then known to about the square root of the rounding of its value, whatever the tolerance.
///
/// Sources: Nelder and Mead 1965; Gao and Han 2012.
///
/// # Errors
/// `Unconverged`: a start where the function is not finite, or `2000 (n + 1)` iterations that were not enough.
///
/// ```
/// use saddlepoint::numerics::optimize::nelder_mead;
/// let minimum = nelder_mead(|x| (x[0] - 1.0).powi(2) + (x[1] + 2.0).powi(2), vec![0.0, 0.0], 0.5, 1e-9)?;
/// assert!((minimum.x[0] - 1.0).abs() < 1e-8 && (minimum.x[1] + 2.0).abs() < 1e-8);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn nelder_mead(
    mut f: impl FnMut(&[f64]) -> f64,
    start: Vec<f64>,
    edge: f64,
    tolerance: f64,
) -> Result<Minimum> {
    let n = start.len();
    let name = "Nelder-Mead simplex";
    let mut value = |x: &[f64]| match f(x) {
        v if v.is_nan() => f64::INFINITY,
        v => v,
    };
    let mut simplex: Vec<(f64, Vec<f64>)> = Vec::with_capacity(n + 1);
    simplex.push((value(&start), start.clone()));
    if !simplex[0].0.is_finite() {
        return Err(unconverged(name, "the start has no finite value".into()));
    }
    for i in 0..n {
        let mut corner = start.clone();
        corner[i] += edge;
        simplex.push((value(&corner), corner));
    }
    let many = n.max(2) as f64;
    let (expand, contract, shrink) = (1.0 + 2.0 / many, 0.75 - 0.5 / many, 1.0 - 1.0 / many);
    let most = 2000 * (n + 1);
    let mut size = f64::INFINITY;
    for iterations in 0..=most {
        interrupt::check()?;
        simplex.sort_by(|a, b| a.0.total_cmp(&b.0));
        let best = &simplex[0].1;
        let far = |(_, x): &(f64, Vec<f64>)| largest(&difference(x, best));
        size = largest(&simplex.iter().map(far).collect::<Vec<_>>());
        if simplex[0].0 == f64::NEG_INFINITY {
            break;
        }
        if size <= tolerance {
            let (value, x) = simplex.swap_remove(0);
            return Ok(Minimum {
                x,
                value,
                residual: size,
                iterations,
            });
        }
        let mut centre = vec![0.0; n];
        for (_, x) in &simplex[..n] {
            add(&mut centre, 1.0 / n as f64, x);
        }
        let (worst, second, least) = (simplex[n].0, simplex[n - 1].0, simplex[0].0);
        let away = difference(&centre, &simplex[n].1);
        let mut at = |t: f64| {
            let mut x = centre.clone();
            add(&mut x, t, &away);
            (value(&x), x)
        };
        let reflected = at(1.0);
        let better = if reflected.0 < least {
            let far = at(expand);
            Some(if far.0 < reflected.0 { far } else { reflected })
        } else if reflected.0 < second {
            Some(reflected)
        } else {
            let outside = reflected.0 < worst;
            let near = at(if outside { contract } else { -contract });
            (near.0 < worst.min(reflected.0)).then_some(near)
        };
        match better {
            Some(better) => simplex[n] = better,
            None => {
                let best = simplex[0].1.clone();
                for (v, x) in &mut simplex[1..] {
                    *x = x
                        .iter()
                        .zip(&best)
                        .map(|(x, b)| b + shrink * (x - b))
                        .collect();
                    *v = value(x);
                }
            }
        }
    }
    Err(unconverged(
        name,
        format!("the simplex has the size {size:.3e} after {most} iterations"),
    ))
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add(to: &mut [f64], factor: f64, what: &[f64]) {
    to.iter_mut()
        .zip(what)
        .for_each(|(to, what)| *to += factor * what);
}

fn difference(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a - b).collect()
}

/// Largest modulus; not-a-number if there is one.
fn largest(x: &[f64]) -> f64 {
    x.iter()
        .fold(0.0, |most, x| if x.abs() <= most { most } else { x.abs() })
}

fn unconverged(solver: &str, cause: String) -> Error {
    Error::unconverged(
        solver,
        cause,
        "start elsewhere, or state a larger tolerance",
    )
}

#[cfg(test)]
#[path = "optimize_tests.rs"]
mod tests;
