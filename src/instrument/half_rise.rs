//! Half-rise times: when a mode is half learned.

use super::map::EndToEnd;
use super::modes::strengths;
use super::subject::mode_axis;
use super::{Axis, Cadence, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::{Dataset, Modes};

/// First time at which each mode strength rises through half the singular value of its mode, on the axis mode.
pub static HALF_RISE_TIME: Observable = Observable {
    name: "half-rise-time",
    label: "half-rise time",
    unit: "tau",
    convention: "first time at which u_i rises through s_i / 2, interpolated linearly between consecutive steps, t = learning_rate * step; \
                 not-a-number if it never does",
    undefined: Some("the mode does not rise through half of its strength while it is watched"),
    ..Observable::PLAIN
};

const ABOUT: About = About {
    kind: "half-rise-time",
    summary: "time at which each mode is half learned",
    text: "\
First time at which the mode strength u_i(t) = U_i^T F(t) V_i goes from below s_i / 2 to s_i / 2 or above, on the axis mode. The
strength is looked at after every step and interpolated linearly, so that the error of the interpolation is second order in the
step. Not-a-number when the mode never crosses (or starts above and stays there). A network that is not
linear pays one forward pass over the training set per step.",
    revision: 1,
};

/// Measures [`HALF_RISE_TIME`].
#[derive(Debug, Clone, Copy)]
pub struct HalfRiseTime;

impl Instrument for HalfRiseTime {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &HALF_RISE_TIME
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        EndToEnd::check(experiment)?;
        Ok(vec![mode_axis(experiment)?])
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        Ok(Box::new(HalfRise {
            end_to_end: EndToEnd::new(experiment, dataset)?,
            modes: dataset.modes.clone(),
            numbers: vec![f64::NAN; dataset.modes.s.len()],
        }))
    }
}

struct HalfRise {
    end_to_end: EndToEnd,
    modes: Modes,
    /// The crossings, then the last time and the strengths at it.
    numbers: Vec<f64>,
}

impl Recorder for HalfRise {
    fn cadence(&self) -> Cadence {
        Cadence::EveryStep
    }

    fn record(&mut self, _step: usize, time: f64, parameters: &Parameters) -> Result<()> {
        let modes = self.modes.s.len();
        let (crossings, before) = self.numbers.split_at_mut(modes);
        if crossings.iter().all(|t| t.is_finite()) {
            return Ok(());
        }
        let now = strengths(&self.modes, &self.end_to_end.map(parameters));
        if let Some((t0, before)) = before.split_first() {
            for (i, crossing) in crossings.iter_mut().enumerate() {
                let half = self.modes.s[i] / 2.0;
                if crossing.is_nan() && before[i] < half && now[i] >= half {
                    *crossing = t0 + (time - t0) * (half - before[i]) / (now[i] - before[i]);
                }
            }
        }
        self.numbers.truncate(modes);
        self.numbers.push(time);
        self.numbers.extend(now);
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.numbers
    }

    fn finish(mut self: Box<Self>) -> Vec<f64> {
        self.numbers.truncate(self.modes.s.len());
        self.numbers
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{experiment, linear, stack};
    use super::*;
    use crate::task::LinearTeacher;
    use nalgebra::DMatrix;

    /// Half-rise times of the given strengths, sampled every `dt` up to `end`.
    fn crossings(dt: f64, end: f64, strength: impl Fn(f64, f64) -> f64) -> Vec<f64> {
        let task = LinearTeacher::new(vec![3.0, 1.5, 0.5], 6, 5);
        let experiment = experiment(task, linear(&[], &[1.0]), 1);
        let data = experiment.dataset(0).unwrap();
        let mut recorder = HalfRiseTime
            .recorder(&experiment, &data, &Context::default())
            .unwrap();
        assert_eq!(recorder.cadence(), Cadence::EveryStep);
        for step in 0..=(end / dt).round() as usize {
            let t = step as f64 * dt;
            let u = data.modes.s.map(|s| strength(s, t));
            let map = &data.modes.u * DMatrix::from_diagonal(&u) * data.modes.v.transpose();
            recorder.record(step, t, &stack(&[map])).unwrap();
        }
        recorder.finish()
    }

    /// The sigmoid of a balanced two-layer mode from `u0 = 1e-3`.
    fn sigmoid(s: f64, t: f64) -> f64 {
        s / (1.0 + (s / 1e-3 - 1.0) * (-2.0 * s * t).exp())
    }

    #[test]
    fn sampled_sigmoids_cross_at_the_closed_form() {
        // t_half = ln(s/u0 - 1) / (2 s)
        let exact = [1.33433903, 2.43751783, 6.21260610];
        for dt in [0.02, 0.01, 0.005] {
            for (found, wanted) in crossings(dt, 7.0, sigmoid).iter().zip(exact) {
                // At the half rise u'' = 0 and u''' / u' = -2 s^2: the interpolation error is below 2 s^2 dt^3 < dt^2 / 2.
                assert!(
                    (found - wanted).abs() < 0.5 * dt * dt,
                    "{dt} {found} {wanted}"
                );
            }
        }
    }

    #[test]
    fn interpolation_is_second_order_in_the_step() {
        // u = s t^2 / 2 crosses s/2 at t = 1 early by the error of linear interpolation, (t - t0)(t1 - t) / (t0 + t1).
        let dt = 0.3;
        for found in crossings(dt, 3.0, |s, t| s * t * t / 2.0) {
            let error = (1.0 - 0.9) * (1.2 - 1.0) / (0.9 + 1.2);
            assert!((found - 1.0 + error).abs() < 1e-12, "{found}");
            assert!(error < dt * dt / 8.0);
        }
    }

    #[test]
    fn modes_that_never_rise_through_one_half_have_no_time() {
        let above = crossings(0.1, 2.0, |s, t| s * (0.6 + 0.1 * t));
        assert!(above.iter().all(|t| t.is_nan()));
        let below = crossings(0.1, 2.0, |s, t| 0.2 * s * t);
        assert!(below.iter().all(|t| t.is_nan()));
        let late = crossings(0.1, 7.0, |s, t| if s > 1.0 { sigmoid(s, t) } else { 0.0 });
        assert!(late[0].is_finite() && late[1].is_finite() && late[2].is_nan());
    }
}
