//! Objectives: what training minimises, as a function of the outputs, with its derivative.

use crate::learner::{Penalty, Real};
use crate::numerics::simd::{total, vectorised};

/// Loss of outputs `f` against targets `y` (one sample per column) with weight `w` per sample.
///
/// * `Square`: `L = (w/2) sum |y - f|^2`.
/// * `CrossEntropy`: outputs come in consecutive groups of `classes` logits, targets are probabilities in the same places
///   (`y = 1` for the class, one-hot): `L = -w sum_groups sum_k y_k ln softmax(f)_k`, natural logarithm. A group whose targets are all
///   zero does not count (masked positions).
/// * `Convex`: `L = w sum l(f - y)` over samples and outputs, with a [`Penalty`] `l`.
///
/// ```
/// use saddlepoint::learner::Objective;
/// let mut slope = Vec::new();
/// assert_eq!(Objective::square(0.5).residual(&[3.0f64], &[1.0], &mut slope), 1.0);
/// assert_eq!(slope, vec![1.0]);
/// let even = Objective::CrossEntropy { weight: 1.0, classes: 2 };
/// assert!((even.residual(&[0.0f64, 0.0], &[1.0, 0.0], &mut slope) - 2f64.ln()).abs() < 1e-15);
/// assert_eq!(slope, vec![-0.5, 0.5]);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Objective {
    /// Half the weighted sum of squares.
    Square {
        /// `w`
        weight: f64,
    },
    /// Negative log-likelihood of a softmax.
    CrossEntropy {
        /// `w`
        weight: f64,
        /// Logits per group.
        classes: usize,
    },
    /// A convex function of every residual.
    Convex {
        /// `w`
        weight: f64,
        /// `l`
        penalty: Penalty,
    },
}

impl Objective {
    /// `(w/2) sum |y - f|^2`.
    pub fn square(weight: f64) -> Self {
        Objective::Square { weight }
    }

    /// Weight per sample.
    pub fn weight(self) -> f64 {
        match self {
            Objective::Square { weight }
            | Objective::CrossEntropy { weight, .. }
            | Objective::Convex { weight, .. } => weight,
        }
    }

    /// The same objective with another weight.
    pub fn with_weight(self, weight: f64) -> Self {
        match self {
            Objective::Square { .. } => Objective::Square { weight },
            Objective::CrossEntropy { classes, .. } => Objective::CrossEntropy { weight, classes },
            Objective::Convex { penalty, .. } => Objective::Convex { weight, penalty },
        }
    }

    /// The loss of vanishing outputs.
    pub fn of_zero<T: Real>(self, y: &[T]) -> f64 {
        let sum = |f: &dyn Fn(f64) -> f64| y.iter().map(|y| f(y.f64())).sum::<f64>();
        match self {
            Objective::Square { weight } => 0.5 * weight * sum(&|y| y * y),
            Objective::CrossEntropy { weight, classes } => {
                weight * (classes as f64).ln() * sum(&|y| y)
            }
            Objective::Convex { weight, penalty } => weight * sum(&|y| penalty.at(y).0),
        }
    }

    /// The loss; writes `dL/df` to `slope`.
    pub fn residual<T: Real>(self, f: &[T], y: &[T], slope: &mut Vec<T>) -> T {
        slope.resize(f.len(), T::zero());
        match self {
            Objective::Square { weight } => square(f, y, T::of(weight), slope),
            Objective::CrossEntropy { weight, classes } => {
                cross_entropy(f, y, T::of(weight), classes, slope)
            }
            Objective::Convex { weight, penalty } => penalty.residual(f, y, T::of(weight), slope),
        }
    }
}

/// Summed in eight lanes.
fn square<T: Real>(f: &[T], y: &[T], weight: T, slope: &mut [T]) -> T {
    let mut lanes = [T::zero(); 8];
    let mut add = |f: &[T], y: &[T], slope: &mut [T]| {
        for (lane, ((e, &f), &y)) in lanes.iter_mut().zip(slope.iter_mut().zip(f).zip(y)) {
            let r = f - y;
            *lane += r * r;
            *e = weight * r;
        }
    };
    let whole = f.len() - f.len() % 8;
    for ((f, y), e) in f[..whole]
        .chunks_exact(8)
        .zip(y[..whole].chunks_exact(8))
        .zip(slope[..whole].chunks_exact_mut(8))
    {
        add(f, y, e);
    }
    add(&f[whole..], &y[whole..], &mut slope[whole..]);
    let sum = lanes.iter().fold(T::zero(), |sum, &lane| sum + lane);
    T::of(0.5) * weight * sum
}

fn cross_entropy<T: Real>(f: &[T], y: &[T], weight: T, classes: usize, slope: &mut [T]) -> T {
    let mut loss = T::zero();
    let groups = f.chunks_exact(classes).zip(y.chunks_exact(classes));
    vectorised(
        #[inline(always)]
        || {
            for ((f, y), slope) in groups.zip(slope.chunks_exact_mut(classes)) {
                loss += group(f, y, weight, slope);
            }
        },
    );
    weight * loss
}

/// One group: returns `-sum_k y_k ln softmax(f)_k`, writes the derivative times `weight`.
#[inline(always)]
fn group<T: Real>(f: &[T], y: &[T], weight: T, slope: &mut [T]) -> T {
    let mass = total(y, y, |y, _| y);
    if mass == T::zero() {
        slope.fill(T::zero());
        return mass;
    }
    let top = f.iter().fold(f[0], |m, &f| if f > m { f } else { m });
    for (slope, &f) in slope.iter_mut().zip(f) {
        *slope = (f - top).exponential();
    }
    let sum = total(slope, slope, |e, _| e);
    let log = sum.ln() + top;
    let share = mass / sum;
    for (slope, &y) in slope.iter_mut().zip(y) {
        *slope = weight * (share * *slope - y);
    }
    total(f, y, |f, y| y * (log - f))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slopes_are_derivatives() {
        let f: Vec<f64> = (0..12).map(|i| (1.7 * i as f64).sin() * 2.0).collect();
        let mut y = vec![0.0; 12];
        (y[1], y[3], y[4], y[11]) = (1.0, 0.25, 0.75, 1.0);
        for objective in [
            Objective::square(0.3),
            Objective::Convex {
                weight: 0.3,
                penalty: Penalty::Quartic(0.5),
            },
            Objective::CrossEntropy {
                weight: 0.3,
                classes: 3,
            },
        ] {
            let (mut slope, mut scratch) = (vec![], vec![]);
            objective.residual(&f, &y, &mut slope);
            for k in 0..12 {
                let mut at = |step: f64| {
                    let mut f = f.clone();
                    f[k] += step;
                    objective.residual(&f, &y, &mut scratch)
                };
                let difference = (at(1e-4) - at(-1e-4)) / 2e-4;
                assert!((difference - slope[k]).abs() < 1e-8, "{k}");
            }
        }
    }

    #[test]
    fn cross_entropy_survives_huge_logits_and_skips_masked_groups() {
        let objective = Objective::CrossEntropy {
            weight: 1.0,
            classes: 2,
        };
        let mut slope = vec![];
        let loss = objective.residual(&[1e4, -1e4, 5.0, 7.0], &[0.0, 1.0, 0.0, 0.0], &mut slope);
        assert_eq!(loss, 2e4);
        assert_eq!(slope, vec![1.0, -1.0, 0.0, 0.0]);
    }
}
