//! A theory of your own, entered in the league: "every mode is learned like an independent exponential".
//!
//! A theory looks at the whole experiment and plans (or declines with a reason); its plan answers what is asked. This one is
//! what a network without hidden layer would do, u = s (1 - e^{-s t / s_max ...}) with one rate for all modes. It is right for
//! depth one and wrong for depth two, and the league says so.
//!
//!     cargo run --release --example your_own_theory

use saddlepoint::Result;
use saddlepoint::experiment::{Conditioning, Draws, Experiment, Limit, Promise, Spacing};
use saddlepoint::instrument::Declined;
use saddlepoint::kind::About;
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::run::assess::assess;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Expect, Spec};
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::{Answer, Asked, Info, Plan, Theory, answered_of};
use saddlepoint::training::GradientDescent;
use std::sync::Arc;

/// `u_i(t) = s_i (1 - e^{-t})`: gradient flow of a network without hidden layer, from zero.
#[derive(Debug)]
struct Exponential;

static ABOUT: About = About {
    kind: "exponential",
    summary: "every mode follows one exponential",
    text: "u_i(t) = s_i (1 - e^{-t}), the gradient flow of f = W x on whitened inputs from W = 0.",
    revision: 1,
};

static INFO: Info = Info {
    source: "this example",
    observables: &["mode-strength"],
    assumptions: &["whitened inputs", "no hidden layer", "starts at zero"],
    ..Info::of(&ABOUT)
};

impl Theory for Exponential {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let modes = experiment.task.modes().ok_or(Declined(
            "needs a task with known modes and white inputs".into(),
        ))?;
        let promise = Promise {
            limits: vec![Limit::zero("training.learning_rate").rate(1.0)],
            ..Promise::of(Conditioning::None)
        };
        let answer = |i: usize| {
            let times = &asked[i].axes()[1].values;
            let at = |s: f64| times.iter().map(move |t| (s * -(-t).exp_m1(), 1e-14));
            Answer::on_grid(i, &asked[i], modes.s.iter().flat_map(|&s| at(s)))
        };
        let answers = answered_of(asked, INFO.observables)?;
        let answers = answers.into_iter().map(answer).collect();
        Ok(Plan::known(promise, asked, "closed form", answers))
    }
}

/// Expects the theory to agree (or not) with networks of the given hidden widths; returns whether it did.
fn league(widths: Vec<usize>, expect: Expect, replicas: usize) -> Result<bool> {
    let experiment = Experiment {
        seed: 2,
        task: Arc::new(LinearTeacher::new(vec![3.0, 1.0], 5, 4)),
        learner: Some(Arc::new(Mlp {
            widths: widths.clone(),
            init: Init::gaussian(1e-3),
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.01, 800))),
        draws: Draws {
            datasets: 1,
            replicas,
            points: 21,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    };
    let spec = Spec::new("own theory", experiment, &["mode-strength"])?.theory(
        "exponential",
        Arc::new(Exponential),
        Some(expect),
    )?;
    let outcome = execute(&spec, &Settings::default())?;
    let assessment = assess(&spec, &outcome)?;
    for row in &assessment.rows {
        let verdict = row.result.verdict().map_or("not compared", |v| v.name());
        println!("hidden widths {widths:?}: {} {verdict}", row.label);
    }
    Ok(assessment.expectations.iter().all(|e| e.met))
}

fn main() -> Result<()> {
    let replicas = if std::env::args().any(|a| a == "--quick") {
        5
    } else {
        8
    };
    let shallow = league(vec![], Expect::Agree, replicas)?;
    let deep = league(vec![6], Expect::Disagree, replicas)?;
    let met = shallow as u32 + deep as u32;
    let ok = met == 2;
    println!(
        "check: value = {met} expectations met, theory = 2, tolerance = 0: {}",
        if ok { "ok" } else { "FAILED" }
    );
    std::process::exit(if ok { 0 } else { 1 })
}
