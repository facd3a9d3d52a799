//! A theory of your own, entered in the league: "every mode is learned like an independent exponential".
//!
//! A theory looks at the whole experiment and plans (or declines with a reason); its plan solves on the wanted grid. This one is
//! what a network without hidden layer would do, u = s (1 - e^{-s t / s_max ...}) with one rate for all modes. It is right for
//! depth one and wrong for depth two, and the league says so.
//!
//!     cargo run --release --example your_own_theory

use saddlepoint::Result;
use saddlepoint::experiment::{Conditioning, Draw, Draws, Experiment, Promise, Spacing};
use saddlepoint::instrument::{Declined, Wanted};
use saddlepoint::kind::About;
use saddlepoint::learner::{Init, Mlp};
use saddlepoint::run::assess::assess;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Expect, Spec};
use saddlepoint::task::LinearTeacher;
use saddlepoint::theory::{Info, Plan, Predicted, Prediction, SolverReport, Theory};
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
    about: &ABOUT,
    source: "this example",
    observables: &["mode-strength"],
    assumptions: &["whitened inputs", "no hidden layer", "starts at zero"],
};

impl Theory for Exponential {
    fn info(&self) -> &'static Info {
        &INFO
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::json!({})
    }
    fn plan(
        &self,
        experiment: &Experiment,
        wanted: &[Wanted],
    ) -> std::result::Result<Box<dyn Plan>, Declined> {
        let modes = experiment.task.modes().ok_or(Declined(
            "needs a task with known modes and white inputs".into(),
        ))?;
        let covers: Vec<usize> = (0..wanted.len())
            .filter(|&k| wanted[k].observable.name == "mode-strength")
            .collect();
        if covers.is_empty() {
            return Err(Declined("predicts mode-strength alone".into()));
        }
        Ok(Box::new(Bound {
            strengths: modes.s.as_slice().to_vec(),
            wanted: wanted.to_vec(),
            covers,
            promise: Promise {
                conditioning: Conditioning::None,
                assumptions: vec![],
                limits: vec!["training.learning_rate -> 0".into()],
                averages_over: vec![],
                population: None,
                bytes: 0,
                seconds: 0.0,
            },
        }))
    }
}

struct Bound {
    strengths: Vec<f64>,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for Bound {
    fn promise(&self) -> &Promise {
        &self.promise
    }
    fn covers(&self) -> &[usize] {
        &self.covers
    }
    fn solve(&self, _: &Draw) -> Result<Prediction> {
        let predict = |&k: &usize| {
            let times = &self.wanted[k].axes[1].values;
            let curve = |s: &f64| {
                times
                    .iter()
                    .map(|t| s * -(-t).exp_m1())
                    .collect::<Vec<f64>>()
            };
            let mean: Vec<f64> = self.strengths.iter().flat_map(curve).collect();
            Predicted {
                wanted: k,
                bound: vec![1e-14; mean.len()],
                mean,
                stderr: None,
            }
        };
        Ok(Prediction {
            observables: self.covers.iter().map(predict).collect(),
            solver: SolverReport {
                method: "closed form".into(),
                ..SolverReport::default()
            },
            warnings: vec![],
        })
    }
}

/// Expects the theory to agree (or not) with networks of the given hidden widths; returns whether it did.
fn league(widths: Vec<usize>, expect: Expect, replicas: usize) -> Result<bool> {
    let experiment = Experiment {
        seed: 2,
        task: Arc::new(LinearTeacher::new(vec![3.0, 1.0], 5, 4)),
        learner: Some(Arc::new(Mlp {
            widths: widths.clone(),
            init: Init::Gaussian { scale: Some(1e-3) },
            ..Mlp::default()
        })),
        training: Some(Arc::new(GradientDescent::new(0.01, 800))),
        draws: Draws {
            datasets: 1,
            replicas,
            points: 21,
            spacing: Spacing::Linear,
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
