//! Kernel adaptation as a league entry.
#![doc = include_str!("kernel_adaptation.md")]

use super::answers::{
    DISCREPANCY, FREE_ENERGY, Findings, LOG_EVIDENCE, LOG_PARTITION, places, row,
};
use super::gate::Bayesian;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::mean_field::variational_gaussian::{Options, solve};
use crate::mean_field::{TwoLayer, linear_adaptation};
use crate::task::Dataset;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing, parse_keys,
};
use nalgebra::{DMatrix, DVector};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "kernel-adaptation",
    summary: "Bayesian network whose neurons keep Gaussian weights, of a covariance that the data choose",
    text: include_str!("kernel_adaptation.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "Seroussi, Naveh, Ringel 2023, arXiv:2112.15383; Rubin et al. 2025, arXiv:2502.03210",
    observables: &[
        "outputs",
        "predictor-mean",
        "chain-loss",
        "chain-test-loss",
        "target-overlap",
        "hidden-weight-covariance",
        "weight-norm-ratio",
    ],
    own: &[&LOG_PARTITION, &LOG_EVIDENCE, &FREE_ENERGY, &DISCREPANCY],
    conditions: &[Conditioning::Data],
    assumptions: &[
        "the weights of a neuron are Gaussian",
        "the samples follow the posterior exp(-U/T)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(KernelAdaptation(parse_keys(place, table, &INFO)?))),
    schema: Keys::json_schema,
};

/// Keys of an entry.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    /// Adds `(1/2) ln det(1 + Q/T)` to the free energy, which is then no bound.
    logdet: bool,
    /// Random starts beside the prior.
    starts: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            logdet: false,
            starts: 5,
        }
    }
}

#[derive(Debug)]
struct KernelAdaptation(Keys);

impl Theory for KernelAdaptation {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let bayesian = Bayesian::of(e)?;
        let network = bayesian.two_layer()?;
        if !network.phi.is_linear() && network.phi.dual_gradient(1.0, 1.0, 0.5).is_err() {
            return Err(Declined(
                "needs learner.activation = \"linear\", \"erf\", \"unscaled-erf\", \"relu\" or \"quadratic\"".into(),
            ));
        }
        let in_closed_form = network.phi.is_linear() && !self.0.logdet;
        let mut answers = places(asked, &INFO)?;
        answers.retain(|&i| {
            in_closed_form || !matches!(asked[i].name(), "log-partition" | "log-evidence")
        });
        if answers.is_empty() {
            return Err(Declined(
                "knows the evidence of linear networks alone".into(),
            ));
        }
        Ok(Plan::new(
            bayesian.promise(None),
            asked,
            answers,
            Adapted {
                network,
                keys: self.0,
            },
        ))
    }
}

#[derive(Serialize)]
struct Adapted {
    network: TwoLayer,
    keys: Keys,
}

impl Adapted {
    fn linear(&self, dataset: &Dataset) -> Result<Findings> {
        let y = dataset.y.row(0).transpose();
        let found = linear_adaptation::solve(&self.network, &dataset.x, y.as_slice())?;
        let test = dataset.test.as_ref().map(|(at, _)| found.predict(at));
        let saddle = &found.saddle;
        Ok(Findings {
            training: Some(row(&found.mean)),
            test: test.transpose()?.as_ref().map(row),
            log_partition: Some(saddle.log_evidence),
            log_bound: 1e-9 * saddle.log_evidence.abs().max(1.0),
            free_energy: Some(saddle.action / self.network.width),
            output_bound: 1e-10 * y.amax(),
            other_bound: 1e-9 * found.weight_covariance.amax().max(1.0),
            solver: SolverReport {
                method: format!("root of the linear saddle, q = {:.6}", saddle.scale),
                iterations: 1,
                residual: saddle.residual,
            },
            ..self.findings(
                &found.weight_covariance,
                &found.discrepancies,
                &found.kernel,
            )
        })
    }

    fn gaussian(&self, dataset: &Dataset) -> Result<Findings> {
        let y = dataset.y.row(0).transpose();
        let options = Options {
            logdet: self.keys.logdet,
            starts: self.keys.starts,
            ..Options::default()
        };
        let minima = solve(&self.network, &dataset.x, y.as_slice(), &options)?;
        let found = &minima.best;
        let test = dataset.test.as_ref().map(|(at, _)| found.predict(at));
        let mut warnings: Vec<String> = Vec::new();
        if !minima.others.is_empty() {
            let others: Vec<String> = minima
                .others
                .iter()
                .map(|m| format!("{:.6}", m.action))
                .collect();
            warnings.push(format!(
                "there are further minima, with F = {}",
                others.join(", ")
            ));
        }
        if minima.failed > 0 {
            warnings.push(format!("{} random starts did not converge", minima.failed));
        }
        Ok(Findings {
            training: Some(row(&found.mean)),
            test: test.transpose()?.as_ref().map(row),
            free_energy: Some(found.action / self.network.width),
            output_bound: 1e-8 * y.amax(),
            other_bound: 1e-8 * found.weight_covariance.amax().max(1.0),
            solver: SolverReport {
                method: "L-BFGS over the covariance of a neuron".into(),
                iterations: found.iterations,
                residual: found.residual,
            },
            warnings,
            ..self.findings(
                &found.weight_covariance,
                &found.discrepancies,
                &found.kernel,
            )
        })
    }

    /// What covariance and kernel tell: `E a^2` over its prior is `1 + (chi/N) t^T Q t`.
    fn findings(
        &self,
        covariance: &DMatrix<f64>,
        t: &DVector<f64>,
        kernel: &DMatrix<f64>,
    ) -> Findings {
        let n = &self.network;
        let readout = 1.0 + n.chi / n.width * t.dot(&(kernel * t));
        Findings {
            covariance: Some(covariance.clone()),
            scales: Some(vec![covariance.trace() / n.weight_variance, readout]),
            noise: n.temperature / n.chi,
            temperature: n.temperature,
            ..Findings::default()
        }
    }
}

impl Solve for Adapted {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Result<Prediction> {
        let dataset = draw
            .dataset
            .as_ref()
            .ok_or_else(|| missing("the data set"))?;
        let findings = match self.network.phi.is_linear() && !self.keys.logdet {
            true => self.linear(dataset)?,
            false => self.gaussian(dataset)?,
        };
        findings.answer(asked, dataset)
    }
}
