//! Which of several theories is nearest to one measurement, and which of them the draws tell apart.
//!
//! With `theta_a = ||E(m - p_a)||^2` the squared distance of theory `a`, and `d_r` its differences in block `r`:
//!
//! ```text
//! theta_a   estimated as   sum_{i != j} d_i.d_j / (n (n-1))  -  sum_k s_k^2          (s: the theory's own standard error)
//! contrast  theta_a - theta_b,  its error by the jackknife over the blocks: Student's law with n - 1 degrees of freedom
//! ```
//!
//! Both theories stand beside the same draws. A prediction without noise moves the contrast by `-2 mbar.(p_a - p_b)`, which is
//! linear in the measured mean: the noise of the measurement cancels wherever two theories agree, and two of them can be
//! told apart long before either distance is known well. Derived here; the jackknife of a linear statistic is exact.
//!
//! Valid range: 3 blocks or more (Student's interval is wide for few), any number of points.

use super::{Blocks, Level, TestSet, TheoryCurve, Tolerance};
use crate::error::Result;
use crate::numerics::statistics::student_quantile;
use nalgebra::DVector;
use serde::{Deserialize, Serialize};

/// Two theories beside one measurement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Contrast {
    /// `(theta_a - theta_b)/scale^2`, the difference of the squared deviations; negative where `a` is nearer.
    pub difference: f64,
    /// Its standard error; `None` with fewer than three blocks.
    pub stderr: Option<f64>,
    /// How far the numerical bounds of both theories may move it.
    pub bound: f64,
    /// Whether the draws say which one is nearer, on the level that was asked for.
    pub told_apart: bool,
}

/// Theories beside one measurement, at the points that the measurement and all of them define.
///
/// ```
/// use saddlepoint::compare::{Blocks, TheoryCurve, Tolerance, ranking::Ranking};
/// use saddlepoint::experiment::DrawIndex;
/// let draws: Vec<(DrawIndex, Vec<f64>)> = (0..6)
///     .map(|replica| (DrawIndex { dataset: 0, replica }, vec![1.0 + 0.1 * replica as f64, 2.0]))
///     .collect();
/// let measured = Blocks::from_draws(&draws)?;
/// let [near, far] = [[1.2, 2.0], [1.2, 2.2]].map(|p| TheoryCurve::exact(Blocks::fixed(&p)));
/// let ranking = Ranking::new(&measured, &[&far, &near], Tolerance::Relative(0.05))?.expect("points");
/// assert_eq!(ranking.order(), [1, 0]);
/// // They differ at the second point alone, which does not scatter: told apart, although the first point does.
/// assert!(ranking.contrast(1, 0, 0.025).told_apart);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Ranking {
    /// Number of blocks, and what they are.
    n: usize,
    level: Level,
    /// What distances are divided by: `||E m||`, or the root of the number of points.
    scale: f64,
    /// The same with each block left out.
    scales: Vec<f64>,
    /// Level of the measurement that every theory is compared with.
    tolerance: f64,
    places: Vec<Place>,
}

/// One theory.
#[derive(Debug, Clone)]
struct Place {
    square: f64,
    left_out: Vec<f64>,
    /// Mean difference and mean prediction at every point.
    mean: DVector<f64>,
    predicted: DVector<f64>,
    /// The theory's own statistical error, and the norm of its bounds.
    stderr: Vec<f64>,
    bound: f64,
    test_set: TestSet,
}

impl Place {
    /// Variance of the square by the theory's own statistical error, as if its points moved together.
    fn own(&self) -> f64 {
        let terms = self.mean.iter().zip(&self.stderr);
        (2.0 * terms.map(|(d, s)| d.abs() * s).sum::<f64>()).powi(2)
    }
}

/// `||dbar||^2 - tr S/n` of rows, from their sum and the sum of their squares.
fn pairs(sum: &DVector<f64>, squares: f64, n: usize) -> f64 {
    match n {
        0 | 1 => sum.norm_squared(),
        n => (sum.norm_squared() - squares) / (n * (n - 1)) as f64,
    }
}

/// Half the length of Student's interval that holds a number with `1 - 2 tail`, in standard errors.
fn half(tail: f64, blocks: usize) -> Option<f64> {
    match blocks {
        0 | 1 => None,
        n => student_quantile(1.0 - tail, n - 1).ok(),
    }
}

/// Jackknife over values with one block left out each.
fn jackknife(left_out: &[f64]) -> Option<f64> {
    let n = left_out.len() as f64;
    if n < 2.0 {
        return None;
    }
    let mean = left_out.iter().sum::<f64>() / n;
    let sum: f64 = left_out.iter().map(|v| (v - mean).powi(2)).sum();
    Some(((n - 1.0) / n * sum).sqrt())
}

impl Ranking {
    /// Places `curves` beside `measured`. `None` where no point is defined by all.
    ///
    /// # Errors
    /// Shapes that do not match (internal).
    pub fn new(
        measured: &Blocks,
        curves: &[&TheoryCurve],
        tolerance: Tolerance,
    ) -> Result<Option<Ranking>> {
        let differences = curves.iter().map(|c| measured.minus(&c.values));
        let differences = differences.collect::<Result<Vec<Blocks>>>()?;
        let finite = |c: &TheoryCurve, k: usize| {
            c.bound[k].is_finite() && c.stderr.as_ref().is_none_or(|s| s[k].is_finite())
        };
        let kept: Vec<usize> = (0..measured.points())
            .filter(|&k| measured.defined(k))
            .filter(|&k| differences.iter().all(|d| d.defined(k)))
            .filter(|&k| curves.iter().all(|c| finite(c, k)))
            .collect();
        if kept.is_empty() {
            return Ok(None);
        }
        let n = measured.n();
        let rows = |blocks: &Blocks| -> Vec<DVector<f64>> {
            let row = |r: usize| DVector::from_fn(kept.len(), |k, _| blocks.values[(r, kept[k])]);
            (0..blocks.n()).map(row).collect()
        };
        let sums = |rows: &[DVector<f64>]| {
            let zero = DVector::zeros(kept.len());
            let sum = rows.iter().fold(zero, |sum, row| sum + row);
            (sum, rows.iter().map(DVector::norm_squared).sum::<f64>())
        };
        let of_measured = rows(measured);
        let (sum, squares) = sums(&of_measured);
        let norm = |sum: &DVector<f64>, squares: f64, n: usize| {
            let size = pairs(sum, squares, n);
            let raw = sum.norm_squared() / (n * n) as f64;
            if size > 0.0 { size } else { raw }.sqrt()
        };
        let (scale, limit) = match tolerance {
            Tolerance::Absolute(limit) => ((kept.len() as f64).sqrt(), limit),
            Tolerance::Relative(limit) => (norm(&sum, squares, n), limit),
        };
        let without = |row: &DVector<f64>| match tolerance {
            Tolerance::Absolute(_) => scale,
            Tolerance::Relative(_) => norm(&(&sum - row), squares - row.norm_squared(), n - 1),
        };
        let scales = match n {
            0..3 => Vec::new(),
            _ => of_measured.iter().map(without).collect(),
        };
        if !(scale > 0.0 && scale.is_finite()) {
            return Ok(None);
        }
        let place = |curve: &TheoryCurve, difference: &Blocks| {
            let rows = rows(difference);
            let (sum, squares) = sums(&rows);
            let pick = |v: &[f64]| -> Vec<f64> { kept.iter().map(|&k| v[k]).collect() };
            let stderr = curve.stderr.as_deref().map_or(vec![0.0; kept.len()], pick);
            let own: f64 = stderr.iter().map(|s| s * s).sum();
            let without = |row: &DVector<f64>| {
                pairs(&(&sum - row), squares - row.norm_squared(), n - 1) - own
            };
            let predicted = curve.values.mean();
            Place {
                square: pairs(&sum, squares, n) - own,
                // One of two blocks is no estimate.
                left_out: match n {
                    0..3 => Vec::new(),
                    _ => rows.iter().map(without).collect(),
                },
                mean: &sum / n as f64,
                predicted: DVector::from_vec(pick(&predicted)),
                stderr,
                bound: pick(&curve.bound).iter().map(|b| b * b).sum::<f64>().sqrt(),
                test_set: match &curve.test_set {
                    TestSet::Sampled(sampling) => TestSet::Sampled(sampling.select(&kept)),
                    other => other.clone(),
                },
            }
        };
        Ok(Some(Ranking {
            n,
            level: measured.level,
            scale,
            scales,
            tolerance: limit,
            places: curves
                .iter()
                .zip(&differences)
                .map(|(c, d)| place(c, d))
                .collect(),
        }))
    }

    /// The theories, nearest first.
    pub fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.places.len()).collect();
        order.sort_by(|&a, &b| self.places[a].square.total_cmp(&self.places[b].square));
        order
    }

    /// The deviation of a theory, without its noise part.
    pub fn deviation(&self, theory: usize) -> f64 {
        self.places[theory].square.max(0.0).sqrt() / self.scale
    }

    /// Theory `a` against theory `b`. `tail`: the probability with which either of two equally near ones is called nearer.
    pub fn contrast(&self, a: usize, b: usize, tail: f64) -> Contrast {
        let scale = self.scale * self.scale;
        let [of_a, of_b] = [&self.places[a], &self.places[b]];
        let difference = of_a.square - of_b.square;
        let reach = |p: &Place| (2.0 * p.mean.norm() + p.bound) * p.bound;
        let bound = reach(of_a) + reach(of_b);
        let variance = self.variance(a, b);
        let stderr = variance.map(f64::sqrt);
        let told_apart = match (stderr, half(tail, self.n)) {
            (Some(stderr), Some(half)) => difference.abs() - bound > half * stderr,
            _ => false,
        };
        Contrast {
            difference: difference / scale,
            stderr: stderr.map(|s| s / scale),
            bound: bound / scale,
            told_apart,
        }
    }

    /// Variance of the difference of squares: draws, the theories' own errors (each as if its points moved together), and
    /// held-out samples that all draws share.
    fn variance(&self, a: usize, b: usize) -> Option<f64> {
        let [of_a, of_b] = [&self.places[a], &self.places[b]];
        let step = &of_a.predicted - &of_b.predicted;
        let pairs = of_a.left_out.iter().zip(&of_b.left_out);
        let left_out: Vec<f64> = pairs.map(|(a, b)| a - b).collect();
        let by_draws = jackknife(&left_out)?;
        let by_samples = [of_a, of_b].into_iter().find_map(|p| match &p.test_set {
            TestSet::Sampled(sampling) => Some(4.0 * sampling.variance(step.as_slice())),
            _ => None,
        });
        Some(by_draws.powi(2) + of_a.own() + of_b.own() + by_samples.unwrap_or(0.0))
    }

    /// A number of this ranking with its values without each block: for places between two of them.
    fn varied(&self, value: impl Fn(&dyn Fn(usize) -> f64) -> f64) -> Varied {
        let whole = value(&|t| self.places[t].square / self.scale.powi(2));
        let blocks = self.places.first().map_or(0, |p| p.left_out.len());
        let without = |r: usize| value(&|t| self.places[t].left_out[r] / self.scales[r].powi(2));
        Varied {
            value: whole,
            left_out: (0..blocks).map(without).collect(),
            level: self.level,
        }
    }

    /// The difference of the squared deviations of `a` and `b`.
    pub fn difference(&self, a: usize, b: usize) -> Varied {
        let mut varied = self.varied(|square| square(a) - square(b));
        // The theories' own errors and the held-out samples widen every value alike.
        if let (Some(variance), Some(by_draws)) = (self.variance(a, b), varied.stderr()) {
            varied.widen(variance.sqrt() / self.scale.powi(2), by_draws);
        }
        varied
    }

    /// The deviation of a theory minus the tolerance.
    pub fn excess(&self, theory: usize) -> Varied {
        let root = |x: f64| x.signum() * x.abs().sqrt();
        let mut varied = self.varied(|square| root(square(theory)) - self.tolerance);
        // The square moves by 2 deviation scale^2 times what the deviation does.
        let place = &self.places[theory];
        let by_samples = match &place.test_set {
            TestSet::Sampled(sampling) => 4.0 * sampling.variance(place.mean.as_slice()),
            _ => 0.0,
        };
        let slope = 2.0 * self.deviation(theory) * self.scale.powi(2);
        if let (Some(by_draws), true) = (varied.stderr(), slope > 0.0) {
            let others = (place.own() + by_samples).sqrt() / slope;
            varied.widen(by_draws.hypot(others), by_draws);
        }
        varied
    }
}

/// A number, and what it is without each block.
#[derive(Debug, Clone)]
pub struct Varied {
    /// From all blocks.
    pub value: f64,
    left_out: Vec<f64>,
    level: Level,
}

impl Varied {
    fn stderr(&self) -> Option<f64> {
        jackknife(&self.left_out)
    }

    fn widen(&mut self, to: f64, from: f64) {
        if from > 0.0 && to > from {
            let value = self.value;
            self.left_out
                .iter_mut()
                .for_each(|v| *v = value + (*v - value) * to / from);
        }
    }
}

/// A place between two values of a key.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Located {
    /// Where the number is zero, by a straight line between the two values (in the logarithm where the key is swept so).
    pub at: f64,
    /// Its 95 % interval by the jackknife over the blocks that both cells share; `None` where they share none, and where it would
    /// reach farther to either side than the two values are apart: there the place is not resolved. The error of the straight
    /// line is not in it.
    pub interval: Option<[f64; 2]>,
}

/// Where a number that is `ends[0]` at `x[0]` and `ends[1]` at `x[1]` vanishes; `None` where it does not change sign.
pub fn locate(x: [f64; 2], ends: [&Varied; 2], logarithmic: bool) -> Option<Located> {
    let [from, to] = ends.map(|e| e.value);
    if from * to > 0.0 || from == to {
        return None;
    }
    let forth = |x: f64| if logarithmic { x.ln() } else { x };
    let back = |x: f64| if logarithmic { x.exp() } else { x };
    let (start, length) = (forth(x[0]), forth(x[1]) - forth(x[0]));
    let at = start + length * from / (from - to);
    // The place as a linear function of both values.
    let slope = length / (from - to).powi(2);
    let [lower, upper] = ends.map(|e| &e.left_out);
    let shared = lower.len() == upper.len() && ends[0].level == ends[1].level;
    let stderr = shared.then(|| {
        let pairs = lower.iter().zip(upper);
        let moved: Vec<f64> = pairs.map(|(a, b)| slope * (from * b - to * a)).collect();
        jackknife(&moved)
    });
    let interval = stderr.flatten().and_then(|stderr| {
        let half = half(0.025, lower.len())? * stderr;
        (half <= length.abs()).then(|| [back(at - half), back(at + half)])
    });
    Some(Located {
        at: back(at),
        interval,
    })
}

#[cfg(test)]
#[path = "ranking_tests.rs"]
mod tests;
