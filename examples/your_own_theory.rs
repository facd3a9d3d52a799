//! A theory of your own, entered in the league: "every mode is learned at the same rate".
//!
//! A network without hidden layer on white inputs follows dW/dt = A - W from W = 0. Its mode of strength s_i has
//!     u_i(t) = s_i (1 - e^{-t}).
//! A theory looks at the experiment and plans, or declines with a reason; its plan answers what is asked. This one is
//! right at depth one up to the step size and wrong at depth two, and the league says so.
//!
//!     cargo run --release --example your_own_theory

#[path = "teach/mod.rs"]
mod teach;

use saddlepoint::Result;
use saddlepoint::experiment::{Conditioning, Experiment, Limit, Promise};
use saddlepoint::instrument::Declined;
use saddlepoint::kind::About;
use saddlepoint::run::{Settings, assess::assess, execute};
use saddlepoint::spec::Spec;
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::{Answer, Asked, Info, Plan, Theory, answered_of};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

#[derive(Debug)]
struct Exponential;

static INFO: Info = Info {
    source: "this example",
    observables: &["mode-strength"],
    assumptions: &["whitened inputs", "no hidden layer", "starts at zero"],
    ..Info::of(&About {
        kind: "exponential",
        summary: "every mode follows one exponential",
        text: "u_i(t) = s_i (1 - e^{-t}): gradient flow of f = W x on whitened inputs from W = 0.",
        revision: 1,
    })
};

impl Theory for Exponential {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let why_not = || Declined("needs a task with known modes and white inputs".into());
        let modes = e.task.modes().ok_or_else(why_not)?;
        let promise = Promise {
            limits: vec![Limit::zero("training.learning_rate").rate(1.0)],
            ..Promise::of(Conditioning::None)
        };
        let answer = |i: usize| {
            let times = &asked[i].axes()[1].values; // the axes of mode-strength: mode, time
            let at = |s: f64| times.iter().map(move |t| (-s * (-t).exp_m1(), 1e-14));
            Answer::on_grid(i, &asked[i], modes.s.iter().flat_map(|&s| at(s)))
        };
        let places = answered_of(asked, INFO.observables)?;
        let answers = places.into_iter().map(answer).collect();
        Ok(Plan::known(promise, asked, "closed form", answers))
    }
}

const STEP: f64 = 0.01;

/// Deviation of the theory from networks of these hidden widths.
fn deviation(widths: &[usize]) -> Result<f64> {
    let task = LinearTeacher::new(vec![3.0, 1.0], 5, 4);
    let descent = GradientDescent::new(STEP, 1200);
    let replicas = teach::pick(5, 8);
    let experiment = teach::networks(task, widths, 1e-4, descent, replicas);
    let theory = Arc::new(Exponential);
    let spec = Spec::new("own theory", experiment, &["mode-strength"])?;
    let spec = spec.theory("own", theory, None)?;
    let league = assess(&spec, &execute(&spec, &Settings::default())?)?;
    let verdict = league.rows[0].result.verdict().map(|v| v.name());
    let deviation = teach::deviation(&league, "own", "mode-strength")?;
    println!(
        "hidden widths {widths:?}: {}, deviation {deviation:.5}",
        verdict.unwrap_or("not compared")
    );
    Ok(deviation)
}

fn main() -> Result<()> {
    let shallow = deviation(&[])?;
    deviation(&[6])?;
    // (1 - eta)^(t/eta) is below e^{-t} by about eta t e^{-t}/2, which is largest at t = 1.
    let (tolerance, why) = (STEP / 2.0 / std::f64::consts::E, "finite steps, eta/2e");
    let what = "deviation without hidden layer";
    teach::check(what, shallow, 0.0, tolerance, why)
}
