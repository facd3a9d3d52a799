//! Kernel scaling as a league entry.
#![doc = include_str!("kernel_scaling.md")]

use super::answers::{KERNEL_SCALE, LOG_EVIDENCE, LOG_PARTITION, places};
use super::gate::Bayesian;
use super::nngp::regression;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment};
use crate::instrument::Declined;
use crate::kernel::{Kernel, gram};
use crate::kind::{About, Kind};
use crate::mean_field::kernel_scaling::{Modes, solve};
use crate::numerics::linalg::eigh;
use crate::theory::{Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing};
use serde::Serialize;
use serde_json::{Value as Json, json};

static ABOUT: About = About {
    kind: "kernel-scaling",
    summary: "Bayesian network as the Gaussian process of its own kernel, times one number that the data choose",
    text: include_str!("kernel_scaling.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "Li, Sompolinsky 2021, PRX 11, 031059; Pacelli et al. 2023, arXiv:2209.04882",
    observables: &[
        "outputs",
        "predictor-mean",
        "predictor-second-moment",
        "chain-loss",
        "chain-test-loss",
        "target-overlap",
    ],
    own: &[&LOG_PARTITION, &LOG_EVIDENCE, &KERNEL_SCALE],
    conditions: &[Conditioning::Data],
    assumptions: &[
        "features are equivalent to Gaussian ones",
        "the samples follow the posterior exp(-U/T)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(KernelScaling);

#[derive(Debug)]
struct KernelScaling;

impl Theory for KernelScaling {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let bayesian = Bayesian::of(e)?;
        bayesian.one_output()?;
        if bayesian.hidden().is_empty() {
            return Err(Declined("needs a hidden layer (learner.widths)".into()));
        }
        let answers = places(asked, &INFO)?;
        let scaled = Scaled {
            widths: bayesian.hidden().iter().map(|&n| n as f64).collect(),
            kernel: bayesian.kernel(),
            temperature: bayesian.temperature,
            chi: bayesian.prior.chi,
        };
        Ok(Plan::new(bayesian.promise(None), asked, answers, scaled))
    }
}

#[derive(Serialize)]
struct Scaled {
    widths: Vec<f64>,
    /// With `chi`.
    kernel: Kernel,
    temperature: f64,
    chi: f64,
}

impl Solve for Scaled {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let dataset = draw
            .dataset
            .as_ref()
            .ok_or_else(|| missing("the data set"))?;
        let prior = gram(&self.kernel, &dataset.x, cx.max_memory())?.kernel;
        let (values, vectors) = eigh(&prior)?;
        let eigenvalues: Vec<f64> = values.iter().map(|v| v.max(0.0) * self.chi).collect();
        let targets = vectors.tr_mul(&dataset.y.transpose());
        let roots = solve(
            &self.widths,
            &Modes {
                eigenvalues: &eigenvalues,
                targets: targets.as_slice(),
                temperature: self.temperature,
                chi: self.chi,
            },
        )?;
        let best = &roots[0];
        let noise = self.temperature / self.chi;
        let (_, mut findings) = regression(
            &self.kernel,
            prior,
            best.scale,
            noise,
            dataset,
            cx.max_memory(),
        )?;
        findings.log_partition = best.log_evidence;
        findings.log_bound = 1e-9 * findings.log_partition.map_or(1.0, f64::abs).max(1.0);
        findings.kernel_scales = roots.iter().map(|r| r.scale).collect();
        findings.temperature = self.temperature;
        findings.solver = SolverReport {
            method: format!(
                "{} stationary point(s) of the action, Q = {:.6}",
                roots.len(),
                best.scale
            ),
            iterations: roots.len(),
            residual: best.residual,
        };
        findings.answer(asked, dataset)
    }
}
