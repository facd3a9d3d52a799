//! Ordinary differential equations: the Dormand-Prince pair of orders 5(4) with step-size control.

use crate::error::{Error, Result};
use crate::numerics::interrupt;
use serde::{Deserialize, Serialize};

/// Accuracy and effort of an integration.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Local error allowed per step, relative to the size of each component.
    pub relative: f64,
    /// Local error allowed per step, absolute.
    pub absolute: f64,
    /// Accepted and rejected steps together.
    pub max_steps: usize,
    /// Whether a request to stop ends the integration between two steps; false where the caller looks for it at every time.
    pub interruptible: bool,
}

impl Default for Tolerance {
    fn default() -> Self {
        Tolerance {
            relative: 1e-10,
            absolute: 1e-12,
            max_steps: 1_000_000,
            interruptible: true,
        }
    }
}

/// Effort spent and error accumulated.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct FlowReport {
    /// Accepted steps.
    pub steps: usize,
    /// Steps repeated with a smaller size because their local error was too large.
    pub rejected: usize,
    /// Evaluations of the right-hand side.
    pub evaluations: usize,
    /// Sum over accepted steps of the largest local error estimate (absolute, before any growth along the flow).
    pub local_error: f64,
}

/// State of an integration `dy/dt = f(t, y)` that is advanced from time to time.
///
/// The right-hand side is passed to every call, so that the state can be cloned (to look for a crossing inside a step).
/// Steps are cut to land exactly on the requested times: values there are never interpolated.
/// Source: Dormand and Prince, J. Comput. Appl. Math. 6, 19 (1980); step control: Hairer, Norsett, Wanner, Solving ODEs I, II.4.
///
/// ```
/// use saddlepoint::numerics::flow::{Flow, Tolerance};
/// let mut flow = Flow::new(0.0, vec![1.0], Tolerance::default());
/// flow.advance(&mut |_, y, dy| dy[0] = -y[0], 2.0).unwrap();
/// assert!((flow.state()[0] - (-2f64).exp()).abs() < 1e-10);
/// ```
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Flow {
    t: f64,
    y: Vec<f64>,
    slope: Option<Vec<f64>>,
    step: Option<f64>,
    previous_error: f64,
    tolerance: Tolerance,
    report: FlowReport,
}

const NODES: [f64; 7] = [0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0];
const STAGES: [&[f64]; 7] = [
    &[],
    &[1.0 / 5.0],
    &[3.0 / 40.0, 9.0 / 40.0],
    &[44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0],
    &[
        19372.0 / 6561.0,
        -25360.0 / 2187.0,
        64448.0 / 6561.0,
        -212.0 / 729.0,
    ],
    &[
        9017.0 / 3168.0,
        -355.0 / 33.0,
        46732.0 / 5247.0,
        49.0 / 176.0,
        -5103.0 / 18656.0,
    ],
    &[
        35.0 / 384.0,
        0.0,
        500.0 / 1113.0,
        125.0 / 192.0,
        -2187.0 / 6784.0,
        11.0 / 84.0,
    ],
];
/// Fifth-order minus fourth-order weights.
const ERROR: [f64; 7] = [
    71.0 / 57600.0,
    0.0,
    -71.0 / 16695.0,
    71.0 / 1920.0,
    -17253.0 / 339200.0,
    22.0 / 525.0,
    -1.0 / 40.0,
];

/// One step of size `h`: the stages (the last is the slope at the end) and the new state.
fn stages(
    f: &mut impl FnMut(f64, &[f64], &mut [f64]),
    t: f64,
    y: &[f64],
    slope: &[f64],
    h: f64,
) -> (Vec<Vec<f64>>, Vec<f64>) {
    let mut k = vec![slope.to_vec()];
    let mut point = y.to_vec();
    for stage in 1..7 {
        for (i, p) in point.iter_mut().enumerate() {
            let sum: f64 = STAGES[stage].iter().zip(&k).map(|(a, k)| a * k[i]).sum();
            *p = y[i] + h * sum;
        }
        let mut next = vec![0.0; y.len()];
        f(t + NODES[stage] * h, &point, &mut next);
        k.push(next);
    }
    (k, point)
}

impl Flow {
    /// Starts at `y0` at time `t0`.
    pub fn new(t0: f64, y0: Vec<f64>, tolerance: Tolerance) -> Self {
        Flow {
            t: t0,
            y: y0,
            slope: None,
            step: None,
            previous_error: 1.0,
            tolerance,
            report: FlowReport::default(),
        }
    }

    /// The time reached.
    pub fn time(&self) -> f64 {
        self.t
    }

    /// The state at that time.
    pub fn state(&self) -> &[f64] {
        &self.y
    }

    /// Effort and error since the start.
    pub fn report(&self) -> FlowReport {
        self.report
    }

    /// Largest local error estimate, and the same in units of the tolerance.
    fn error(&self, k: &[Vec<f64>], new: &[f64], h: f64) -> (f64, f64) {
        let mut worst = (0.0f64, 0.0f64);
        for i in 0..new.len() {
            let e = (h * ERROR.iter().zip(k).map(|(w, k)| w * k[i]).sum::<f64>()).abs();
            let scale = self.tolerance.absolute
                + self.tolerance.relative * self.y[i].abs().max(new[i].abs());
            // `max` drops not-a-number, which must count as a failed step.
            if e.is_nan() || !new[i].is_finite() {
                return (f64::INFINITY, f64::INFINITY);
            }
            worst = (worst.0.max(e), worst.1.max(e / scale));
        }
        worst
    }

    /// Starting step: a hundredth of the time in which the state changes by its own size.
    fn first_step(&self, slope: &[f64], span: f64) -> f64 {
        let mut h = span;
        for (y, k) in self.y.iter().zip(slope) {
            let size = y.abs() + self.tolerance.absolute / self.tolerance.relative;
            if *k != 0.0 {
                h = h.min(0.01 * size / k.abs());
            }
        }
        h.max(1e-12 * span)
    }

    /// Advances to `target >= time()`.
    ///
    /// # Errors
    /// `Interrupted` once a stop was requested; `Unconverged` when the step limit is reached, the step underflows or the right-hand side is not finite; `Bug` for a
    /// target in the past.
    pub fn advance(
        &mut self,
        f: &mut impl FnMut(f64, &[f64], &mut [f64]),
        target: f64,
    ) -> Result<()> {
        if target == self.t {
            return Ok(());
        }
        if target.is_nan() || target < self.t {
            return Err(Error::bug(
                "flow",
                format!("cannot go back from {} to {target}", self.t),
            ));
        }
        let mut slope = match self.slope.take() {
            Some(slope) => slope,
            None => {
                let mut slope = vec![0.0; self.y.len()];
                f(self.t, &self.y, &mut slope);
                self.report.evaluations += 1;
                slope
            }
        };
        let mut wish = match self.step {
            Some(h) => h,
            None => self.first_step(&slope, target - self.t),
        };
        while self.t < target {
            if self.tolerance.interruptible {
                interrupt::check()?;
            }
            if self.report.steps + self.report.rejected >= self.tolerance.max_steps {
                return Err(self.stopped("step limit reached"));
            }
            let last = wish >= target - self.t;
            let h = if last { target - self.t } else { wish };
            if self.t + h == self.t {
                return Err(self.stopped("the step underflowed (stiff or singular flow)"));
            }
            let (mut k, new) = stages(f, self.t, &self.y, &slope, h);
            self.report.evaluations += 6;
            let (absolute, relative) = self.error(&k, &new, h);
            if relative <= 1.0 {
                let e = relative.max(1e-10);
                let growth = 0.9 * e.powf(-0.7 / 5.0) * self.previous_error.powf(0.4 / 5.0);
                let next = h * growth.clamp(0.2, 5.0);
                wish = if last { wish.max(next) } else { next };
                self.previous_error = e.max(1e-4);
                self.report.steps += 1;
                self.report.local_error += absolute;
                self.t = if last { target } else { self.t + h };
                self.y = new;
                slope = k.pop().unwrap_or(slope);
            } else {
                self.report.rejected += 1;
                wish = h * (0.9 * relative.powf(-0.2)).clamp(0.1, 0.9);
            }
        }
        self.slope = Some(slope);
        self.step = Some(wish);
        Ok(())
    }

    fn stopped(&self, cause: &str) -> Error {
        Error::unconverged(
            "ODE integration",
            format!(
                "{cause} at t = {:e} after {} steps",
                self.t, self.report.steps
            ),
            "loosen the tolerance, or shorten the time span",
        )
    }
}

/// Solution of `dy/dt = f(t, y)`, `y(t0) = y0` at the ascending `times >= t0`.
pub fn integrate(
    mut f: impl FnMut(f64, &[f64], &mut [f64]),
    t0: f64,
    y0: &[f64],
    times: &[f64],
    tolerance: Tolerance,
) -> Result<(Vec<Vec<f64>>, FlowReport)> {
    let mut flow = Flow::new(t0, y0.to_vec(), tolerance);
    let mut values = Vec::with_capacity(times.len());
    for &t in times {
        flow.advance(&mut f, t)?;
        values.push(flow.state().to_vec());
    }
    Ok((values, flow.report()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oscillator(_: f64, y: &[f64], dy: &mut [f64]) {
        dy[0] = y[1];
        dy[1] = -y[0];
    }

    #[test]
    fn one_step_has_local_order_six_and_the_estimate_order_five() {
        let run = |h: f64| {
            let (k, y) = stages(&mut oscillator, 0.0, &[1.0, 0.0], &[0.0, -1.0], h);
            let error = (y[0] - h.cos()).hypot(y[1] + h.sin());
            let estimate: Vec<f64> = (0..2)
                .map(|i| h * ERROR.iter().zip(&k).map(|(w, k)| w * k[i]).sum::<f64>())
                .collect();
            (error, estimate[0].hypot(estimate[1]))
        };
        let (coarse, fine) = (run(0.2), run(0.1));
        let order = (coarse.0 / fine.0).log2();
        let estimate_order = (coarse.1 / fine.1).log2();
        assert!((order - 6.0).abs() < 0.2, "{order}");
        assert!((estimate_order - 5.0).abs() < 0.2, "{estimate_order}");
    }

    #[test]
    fn the_error_follows_the_tolerance() {
        let mut previous = f64::INFINITY;
        for relative in [1e-6, 1e-8, 1e-10, 1e-12] {
            let tolerance = Tolerance {
                relative,
                absolute: relative,
                ..Tolerance::default()
            };
            let times = [0.3, 7.0, 20.0];
            let (y, report) = integrate(oscillator, 0.0, &[1.0, 0.0], &times, tolerance).unwrap();
            let error = times
                .iter()
                .zip(&y)
                .map(|(t, y)| (y[0] - t.cos()).hypot(y[1] + t.sin()))
                .fold(0.0, f64::max);
            assert!(error < 2.0 * report.local_error, "{error} {report:?}");
            assert!(error < 0.1 * previous);
            previous = error;
        }
        assert!(previous < 1e-10);
    }

    #[test]
    fn dense_requests_change_values_only_within_tolerance() {
        let tolerance = Tolerance::default();
        let dense: Vec<f64> = (1..=500).map(|i| 0.01 * i as f64).collect();
        let (a, _) = integrate(oscillator, 0.0, &[1.0, 0.0], &dense, tolerance).unwrap();
        let (b, _) = integrate(oscillator, 0.0, &[1.0, 0.0], &[5.0], tolerance).unwrap();
        assert!((a[499][0] - b[0][0]).abs() < 1e-9);
    }

    #[test]
    fn blow_up_and_step_limit_are_errors() {
        let blow_up = |_: f64, y: &[f64], dy: &mut [f64]| dy[0] = y[0] * y[0];
        assert!(integrate(blow_up, 0.0, &[1.0], &[2.0], Tolerance::default()).is_err());
        let few = Tolerance {
            max_steps: 10,
            ..Tolerance::default()
        };
        assert!(integrate(oscillator, 0.0, &[1.0, 0.0], &[100.0], few).is_err());
    }
}
