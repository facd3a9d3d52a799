//! The Gaussian process of infinitely wide networks as a league entry.
#![doc = include_str!("nngp.md")]

use super::answers::{Findings, LOG_EVIDENCE, LOG_PARTITION, places};
use super::gate::Bayesian;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment};
use crate::instrument::Declined;
use crate::kernel::{Kernel, Regression, cross_gram, diagonal, gram};
use crate::kind::{About, Kind};
use crate::mean_field::TwoLayer;
use crate::mean_field::adaptive::first_correction;
use crate::task::Dataset;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing, parse_keys,
};
use nalgebra::DMatrix;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

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
        "chain-test-loss",
        "target-overlap",
        "weight-norm-ratio",
        "hidden-weight-covariance",
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
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        match keys.order {
            0 | 1 => Ok(Arc::new(Nngp(keys))),
            order => Err(Error::input(
                format!("{place}.order"),
                format!("the correction of order {order} is not known"),
                "use 0 (infinite width) or 1 (the first correction in 1/N)",
            )),
        }
    },
    schema: Keys::json_schema,
};

/// Keys of an entry.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    /// 0: infinite width; 1: with the first correction in 1/N of the mean outputs.
    order: u8,
}

#[derive(Debug)]
struct Nngp(Keys);

impl Theory for Nngp {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let bayesian = Bayesian::of(e)?;
        bayesian.trained_readout()?;
        let mut answers = places(asked, &INFO)?;
        let corrected = self.0.order == 1;
        let correction = match corrected {
            true => Some(bayesian.two_layer()?),
            false => None,
        };
        if corrected && bayesian.prior.chi != 1.0 {
            return Err(Declined(
                "order = 1 expands at fixed chi = 1 (learner.prior.chi)".into(),
            ));
        }
        answers.retain(|&i| !corrected || CORRECTED.contains(&asked[i].name()));
        if answers.is_empty() {
            return Err(Declined(format!(
                "with order = 1 predicts {}",
                CORRECTED.join(", ")
            )));
        }
        let order = f64::from(self.0.order);
        let rate = (bayesian.prior.chi == 1.0).then_some(-1.0 - order);
        let process = Process {
            kernel: bayesian.kernel(),
            noise: bayesian.noise(),
            temperature: bayesian.temperature,
            layers: bayesian.view.multipliers.len(),
            first_variance: bayesian.prior.weight_variances.first().copied(),
            correction,
        };
        Ok(Plan::new(bayesian.promise(rate), asked, answers, process))
    }
}

#[derive(Serialize)]
struct Process {
    kernel: Kernel,
    noise: f64,
    temperature: f64,
    layers: usize,
    first_variance: Option<f64>,
    correction: Option<TwoLayer>,
}

/// What the first correction is known of: what is linear in the mean outputs.
const CORRECTED: &[&str] = &[
    "outputs",
    "predictor-mean",
    "target-overlap",
    "chain-loss",
    "chain-test-loss",
];

/// Share of the targets up to which the first correction passes for small.
const SMALL: f64 = 0.2;

/// Relative error of a kernel matrix and of the regression with it.
const BOUND: f64 = 1e-11;

/// The posterior of a Gaussian process on a data set, means and second moments: its prior covariance is `factor` times `kernel`, which
/// has the matrix `prior` on the training inputs.
pub(super) fn regression(
    kernel: &Kernel,
    prior: DMatrix<f64>,
    factor: f64,
    noise: f64,
    dataset: &Dataset,
    max_memory: u64,
) -> Result<(Regression, Findings)> {
    let x = &dataset.x;
    let fit = Regression::fit(prior * factor, &dataset.y, noise)?;
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
        let prior = gram(&self.kernel, &dataset.x, cx.max_memory())?.kernel;
        let (fit, mut findings) = regression(
            &self.kernel,
            prior,
            1.0,
            self.noise,
            dataset,
            cx.max_memory(),
        )?;
        // A singular matrix has no evidence, and its warning says so; the means are there all the same.
        let p = dataset.y.len() as f64;
        let normal = 0.5 * p * (std::f64::consts::TAU * self.noise).ln();
        findings.log_partition = fit.log_evidence().ok().map(|found| found + normal);
        findings.log_bound = BOUND * findings.log_partition.map_or(1.0, f64::abs).max(1.0);
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
        if let Some(network) = &self.correction {
            self.correct(network, dataset, &mut findings)?;
        }
        findings.answer(asked, dataset)
    }
}

impl Process {
    /// Adds the term of order `1/N` to the mean outputs.
    fn correct(
        &self,
        network: &TwoLayer,
        dataset: &Dataset,
        findings: &mut Findings,
    ) -> Result<()> {
        let none = DMatrix::zeros(dataset.x.nrows(), 0);
        let at = dataset.test.as_ref().map_or(&none, |(at, _)| at);
        let y = dataset.y.row(0).transpose();
        let (shift, bound) = first_correction(network, &dataset.x, at, y.as_slice())?;
        let add = |f: &mut Option<DMatrix<f64>>, from: usize| {
            if let Some(f) = f {
                for (k, f) in f.iter_mut().enumerate() {
                    *f += shift[from + k] / network.width;
                }
            }
        };
        let size =
            |v: &[f64]| (v.iter().map(|v| v * v).sum::<f64>() / v.len().max(1) as f64).sqrt();
        let share = size(&shift) / network.width / size(y.as_slice()).max(f64::MIN_POSITIVE);
        if share > SMALL {
            findings.warnings.push(format!(
                "the term of order 1/N is {share:.2} of the targets (root mean squares): the expansion does not hold at N = {}",
                network.width
            ));
        }
        add(&mut findings.training, 0);
        add(&mut findings.test, y.len());
        findings.output_bound += bound / network.width;
        findings.solver.method = "Gaussian process regression with the exact slope in 1/N".into();
        Ok(())
    }
}
