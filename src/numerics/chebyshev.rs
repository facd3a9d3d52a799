//! Analytic functions of time by piecewise Chebyshev interpolation: many values from few evaluations.

use crate::error::Result;
use std::f64::consts::PI;

/// Evaluations per panel.
const NODES: usize = 24;

/// Times in a panel up to which it is not tried: a rejected one is lost.
const WORTH: usize = 4 * NODES / 3;

/// A vector-valued function on `[start, end]`, interpolated at Chebyshev points.
#[derive(Debug, Clone)]
struct Panel {
    start: f64,
    end: f64,
    /// Values at the points, ascending in time.
    values: Vec<Vec<f64>>,
}

/// Chebyshev points (extrema) of `[start, end]`, ascending, both ends included.
fn points(start: f64, end: f64) -> Vec<f64> {
    let mut points: Vec<f64> = (0..NODES)
        .map(|k| {
            let x = (PI * k as f64 / (NODES - 1) as f64 / 2.0).sin();
            start + (end - start) * x * x
        })
        .collect();
    points[NODES - 1] = end;
    points
}

impl Panel {
    /// Largest of the last Chebyshev coefficients over all components, in units of what is allowed: the size of the first
    /// terms left out.
    fn tail(&self, allowed: &[f64]) -> f64 {
        let last = NODES - 1;
        let mut worst = 0.0f64;
        for k in last - 3..=last {
            let weights: Vec<f64> = (0..NODES)
                .map(|j| {
                    let end = if j == 0 || j == last { 0.5 } else { 1.0 };
                    let top = if k == last { 0.5 } else { 1.0 };
                    2.0 * top * end * (PI * (k * j) as f64 / last as f64).cos() / last as f64
                })
                .collect();
            for (i, a) in allowed.iter().enumerate() {
                let c: f64 = weights
                    .iter()
                    .zip(&self.values)
                    .map(|(w, v)| w * v[i])
                    .sum();
                worst = if c.is_finite() {
                    worst.max(c.abs() / a)
                } else {
                    f64::INFINITY
                };
            }
        }
        worst
    }

    /// Weights of the values in the barycentric formula (Salzer 1972; Berrut and Trefethen 2004), which sum to 1.
    fn weights(&self, t: f64) -> Vec<f64> {
        let nodes = points(self.start, self.end);
        if let Some(hit) = nodes.iter().position(|x| *x == t) {
            let mut unit = vec![0.0; NODES];
            unit[hit] = 1.0;
            return unit;
        }
        let mut weights: Vec<f64> = nodes
            .iter()
            .enumerate()
            .map(|(j, x)| {
                let end = if j == 0 || j == NODES - 1 { 0.5 } else { 1.0 };
                let sign = if j % 2 == 0 { 1.0 } else { -1.0 };
                sign * end / (t - x)
            })
            .collect();
        let sum: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|w| *w /= sum);
        weights
    }

    fn component(&self, i: usize, t: f64) -> f64 {
        let weights = self.weights(t);
        weights
            .iter()
            .zip(&self.values)
            .map(|(w, v)| w * v[i])
            .sum()
    }

    fn at(&self, t: f64) -> Vec<f64> {
        let mut sum = vec![0.0; self.values[0].len()];
        for (w, v) in self.weights(t).iter().zip(&self.values) {
            sum.iter_mut().zip(v).for_each(|(s, v)| *s += w * v);
        }
        sum
    }
}

/// A path that can be evaluated forward in time, how far its interpolant may be off, and the length of the next panel.
///
/// A panel whose last coefficients are above what is allowed is tried again shorter; the next one is chosen by them.
#[derive(Debug, Clone)]
pub struct Marcher<'a, P, F> {
    path: P,
    exact: F,
    /// Absolute error allowed in every component.
    allowed: &'a [f64],
    length: f64,
    evaluations: usize,
}

impl<'a, P, F> Marcher<'a, P, F>
where
    P: Clone,
    F: FnMut(&mut P, &[f64]) -> Result<Vec<Vec<f64>>>,
{
    /// `exact(path, times)` gives the values at ascending times and leaves the path behind the last of them; `length` is a
    /// first guess of a panel.
    pub fn new(path: P, exact: F, allowed: &'a [f64], length: f64) -> Self {
        Marcher {
            path,
            exact,
            allowed,
            length,
            evaluations: 0,
        }
    }

    /// Evaluations of the exact function so far, rejected panels included.
    pub fn evaluations(&self) -> usize {
        self.evaluations
    }

    /// The path at the last time reached.
    pub fn path(&self) -> &P {
        &self.path
    }

    fn evaluate(&mut self, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        self.evaluations += times.len();
        (self.exact)(&mut self.path, times)
    }

    /// The panel `[start, end]` if it resolves the function; the path moves on only then.
    fn panel(&mut self, start: f64, end: f64) -> Result<Option<Panel>> {
        let before = self.path.clone();
        let values = self.evaluate(&points(start, end))?;
        let panel = Panel { start, end, values };
        let tail = panel.tail(self.allowed);
        // The coefficients fall geometrically, at a rate set by the length of the panel.
        let factor = 0.9 * tail.max(1e-16).powf(-1.0 / NODES as f64);
        self.length = (end - start) * factor.clamp(0.25, 2.0);
        match tail <= 1.0 {
            true => Ok(Some(panel)),
            false => {
                self.path = before;
                Ok(None)
            }
        }
    }

    /// Values at ascending `times`: exact ones where the times are sparse, interpolated ones where a panel holds more of them
    /// than it needs evaluations.
    pub fn sample(&mut self, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        let mut values = Vec::with_capacity(times.len());
        while values.len() < times.len() {
            let ahead = &times[values.len()..];
            let inside = ahead
                .partition_point(|t| *t <= ahead[0] + self.length)
                .max(1);
            let ahead = &ahead[..inside];
            if inside <= WORTH {
                values.extend(self.evaluate(ahead)?);
                // The function may have become smoother.
                self.length *= 1.1;
            } else if let Some(panel) = self.panel(ahead[0], ahead[inside - 1])? {
                values.extend(ahead.iter().map(|&t| panel.at(t)));
            }
        }
        Ok(values)
    }

    /// The function on all of `[start, end]`.
    ///
    /// # Errors
    /// Those of the exact function; `Unconverged` when panels shrink below a millionth of the interval.
    pub fn cover(&mut self, start: f64, end: f64) -> Result<Cover> {
        let mut panels: Vec<Panel> = Vec::new();
        let mut t = start;
        while t < end || panels.is_empty() {
            if self.length < 1e-6 * (end - start) {
                return Err(crate::error::Error::unconverged(
                    "Chebyshev interpolation",
                    format!("the function is not smooth at t = {t:e}"),
                    "loosen the error allowed",
                ));
            }
            // No crumb at the end.
            let next = if t + 1.2 * self.length >= end {
                end
            } else {
                t + self.length
            };
            if let Some(panel) = self.panel(t, next)? {
                panels.push(panel);
                t = next;
            }
        }
        Ok(Cover { panels })
    }
}

/// A function on an interval, interpolated everywhere.
#[derive(Debug, Clone)]
pub struct Cover {
    panels: Vec<Panel>,
}

impl Cover {
    fn panel(&self, t: f64) -> &Panel {
        let i = self.panels.partition_point(|p| p.end < t);
        &self.panels[i.min(self.panels.len() - 1)]
    }

    /// All components at `t`.
    pub fn at(&self, t: f64) -> Vec<f64> {
        self.panel(t).at(t)
    }

    /// Component `i` at `t`.
    pub fn component(&self, i: usize, t: f64) -> f64 {
        self.panel(t).component(i, t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Logistic curves (poles at `center +- i pi / rate`) and an exponential.
    fn curves(t: f64) -> Vec<f64> {
        vec![
            1.0 / (1.0 + (5.0 - 3.0 * t).exp()),
            2.0 / (1.0 + (20.0 - 2.0 * t).exp()),
            (-0.3 * t).exp(),
        ]
    }

    fn exact(last: &mut f64, times: &[f64]) -> Result<Vec<Vec<f64>>> {
        assert!(times[0] >= *last && times.is_sorted());
        *last = times[times.len() - 1];
        Ok(times.iter().map(|&t| curves(t)).collect())
    }

    fn gap(got: &[f64], t: f64) -> f64 {
        let off = got.iter().zip(curves(t)).map(|(a, b)| (a - b).abs());
        off.fold(0.0, f64::max)
    }

    #[test]
    fn dense_times_cost_few_evaluations_and_keep_the_error_allowed() {
        let times: Vec<f64> = (0..4000).map(|k| 0.005 * k as f64).collect();
        for allowed in [1e-6, 1e-9, 1e-12] {
            let bounds = [allowed; 3];
            let mut marcher = Marcher::new(0.0, exact, &bounds, 50.0);
            let values = marcher.sample(&times).unwrap();
            for (v, &t) in values.iter().zip(&times) {
                assert!(gap(v, t) < allowed.max(1e-14) * 2.0, "{t}");
            }
            assert!(marcher.evaluations() < 800, "{}", marcher.evaluations());
            assert_eq!(*marcher.path(), 19.995);
        }
    }

    #[test]
    fn sparse_times_are_exact() {
        let times: Vec<f64> = (0..20).map(|k| k as f64).collect();
        let mut marcher = Marcher::new(0.0, exact, &[1e-12; 3], 1.0);
        let values = marcher.sample(&times).unwrap();
        assert!(values.iter().zip(&times).all(|(v, &t)| *v == curves(t)));
        assert_eq!(marcher.evaluations(), 20);
    }

    #[test]
    fn a_cover_holds_everywhere() {
        let mut marcher = Marcher::new(0.0, exact, &[1e-12; 3], 1.0);
        let cover = marcher.cover(0.0, 20.0).unwrap();
        for k in 0..=1777 {
            let t = 20.0 * k as f64 / 1777.0;
            assert!(gap(&cover.at(t), t) < 2e-12);
            assert_eq!(cover.component(1, t), cover.at(t)[1]);
        }
    }
}
