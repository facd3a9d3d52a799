//! The Gaussian process of infinitely wide networks as a league entry.
#![doc = include_str!("nngp.md")]

use super::answers::{Findings, LOG_EVIDENCE, LOG_PARTITION};
use super::gate::Bayesian;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment};
use crate::instrument::Declined;
use crate::kernel::{Kernel, Regression, cross_gram, diagonal, gram};
use crate::kind::{About, Kind};
use crate::task::Dataset;
use crate::theory::{Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing};
use nalgebra::DMatrix;
use serde::Serialize;
use serde_json::{Value as Json, json};

static ABOUT: About = About {
    kind: "nngp",
    summary: "Bayesian network of infinite width: Gaussian process regression with its prior covariance",
    text: include_str!("nngp.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "Lee et al. 2018, arXiv:1711.00165; Matthews et al. 2018, arXiv:1804.11271",
    observables: &[
        "outputs",
        "predictor-mean",
        "predictor-second-moment",
        "chain-loss",
        "target-overlap",
        "layer-weight-scale",
        "hidden-weight-covariance",
        "log-partition",
        "log-evidence",
    ],
    own: &[&LOG_PARTITION, &LOG_EVIDENCE],
    conditions: &[Conditioning::Data],
    assumptions: &[
        "independent Gaussian priors of all weights",
        "the samples follow the posterior exp(-U/T)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(Nngp);

#[derive(Debug)]
struct Nngp;

impl Theory for Nngp {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let bayesian = Bayesian::of(e)?;
        let answers = super::answers::places(asked, &INFO)?;
        let rate = (bayesian.prior.chi == 1.0).then_some(-1.0);
        let process = Process {
            kernel: bayesian.kernel(),
            noise: bayesian.noise(),
            temperature: bayesian.temperature,
            layers: bayesian.view.multipliers.len(),
            first_variance: bayesian.prior.weight_variances.first().copied(),
        };
        Ok(Plan::new(
            bayesian.promise(Some(rate)),
            asked,
            answers,
            process,
        ))
    }
}

#[derive(Serialize)]
struct Process {
    kernel: Kernel,
    noise: f64,
    temperature: f64,
    layers: usize,
    first_variance: Option<f64>,
}

/// Relative error of a kernel matrix and of the regression with it.
const BOUND: f64 = 1e-11;

/// The posterior of a Gaussian process on a data set: means, second moments and evidence.
pub(super) fn regression(
    kernel: &Kernel,
    noise: f64,
    dataset: &Dataset,
    factor: f64,
    max_memory: u64,
) -> Result<(Regression, Findings)> {
    let x = &dataset.x;
    let prior = gram(kernel, x, max_memory)?.kernel * factor;
    let fit = Regression::fit(prior, &dataset.y, noise)?;
    let mut findings = Findings {
        training: Some(fit.training_mean()),
        noise,
        warnings: fit.warning().map(str::to_owned).into_iter().collect(),
        output_bound: BOUND * dataset.y.amax(),
        other_bound: BOUND,
        ..Findings::default()
    };
    if let Some((at, _)) = &dataset.test {
        let cross = cross_gram(kernel, x, at, max_memory)?.kernel * factor;
        let variances: Vec<f64> = diagonal(kernel, at)?
            .into_iter()
            .map(|k| k * factor)
            .collect();
        let mean = fit.mean(&cross)?;
        let variance = fit.variance(&cross, &variances)?;
        let second = DMatrix::from_fn(mean.nrows(), mean.ncols(), |i, j| {
            mean[(i, j)].powi(2) + variance[j]
        });
        findings.other_bound = BOUND * second.amax().max(1.0);
        findings.second = Some(second);
        findings.test = Some(mean);
    }
    Ok((fit, findings))
}

impl Solve for Process {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let dataset = draw
            .dataset
            .as_ref()
            .ok_or_else(|| missing("the data set"))?;
        let (fit, mut findings) =
            regression(&self.kernel, self.noise, dataset, 1.0, cx.max_memory())?;
        let p = dataset.y.len() as f64;
        let normal = 0.5 * p * (std::f64::consts::TAU * self.noise).ln();
        findings.log_partition = Some(fit.log_evidence()? + normal);
        findings.temperature = self.temperature;
        findings.scales = Some(vec![1.0; self.layers]);
        let d = dataset.x.nrows();
        findings.covariance = self
            .first_variance
            .map(|v| DMatrix::identity(d, d) * (v / d as f64));
        findings.solver = SolverReport {
            method: "Gaussian process regression".into(),
            ..SolverReport::default()
        };
        findings.answer(asked, dataset)
    }
}
