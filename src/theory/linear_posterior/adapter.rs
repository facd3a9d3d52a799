//! The exact posterior of linear networks as a league entry.

use super::predictor::predict;
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit as Extreme, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::task::GaussianInputs;
use crate::theory::bayesian::{Findings, KERNEL_SCALE_MEAN, LOG_EVIDENCE, LOG_PARTITION, places};
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing, parse_keys,
};
use nalgebra::DMatrix;
use serde::Serialize;
use serde_json::{Value as Json, json};
use std::sync::Arc;

/// At which widths the posterior is taken.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Limit {
    /// The widths of the network.
    #[default]
    None,
    /// Infinite widths: the Gaussian process.
    InfiniteWidth,
}

/// Keys of a `[[theory]]` entry.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(default, deny_unknown_fields)]
pub struct Options {
    /// `none` (the widths of the network) or `infinite-width` (the Gaussian process).
    pub limit: Limit,
}

static ABOUT: About = About {
    kind: "linear-posterior",
    summary: "exact Bayesian posterior of deep linear networks, at every width",
    text: "\
The posterior of a deep linear network f = a^T W_L ... W_1 x is known exactly at every width. T is the variance of
the likelihood, training.temperature over chi; the prior is learner.prior.

Given one number q, the network is a Gaussian process: its prior is f | q ~ GP(0, q sigma x.x'). Each hidden layer
of width N_l contributes a factor to q, the mean of N_l squared standard Gaussian numbers:

  q     = prod_l chi2_l/N_l               chi2_l has the chi-squared law of N_l degrees of freedom; the mean of q is 1
  sigma = prod_l m_l^2 v_l prod_l N_l     m_l multipliers of the layers, v_l variances of their raw weights

The posterior is therefore a mixture of Gaussian posteriors over q: one integral over ln q, in which the data
weigh every q by its evidence. With the singular values s_i of the training inputs, X = U diag(s) V^T, lam_i =
sigma s_i^2, z = V^T y, and b = U^T x at a held-out input x,

  E[f|q]   = sum_i q sigma s_i z_i b_i/(q lam_i + T)
  Var[f|q] = q sigma (|x|^2 - |b|^2) + sum_i q sigma T b_i^2/(q lam_i + T)

  predictor-mean           <E[f|q]>                        <> is the average over p(q | data)
  predictor-second-moment  <Var[f|q] + E[f|q]^2>

outputs, chain-loss, chain-test-loss and target-overlap follow from the mean at the training or the test inputs.
population-error with over = \"chain\" is the error of the samples, their variance included: it follows from both
moments.

with tell: log-partition ln Z = ln p(y | X) + (P/2) ln(2 pi T), which is 0 at T -> inf; log-evidence ln p(y | X);
kernel-scale-mean, the mean of q given the data. The saddle point of the same density of ln q is kernel-scale of
the theory kernel-scaling.

What to expect: a target that is stronger than the prior expects makes q larger than 1, the more so the narrower
the network. An infinitely wide network is stuck at q = 1.

keys: limit = none (default) | infinite-width (q = 1: Bayesian linear regression with the kernel of the infinite
network)
declines: several outputs of a network with hidden layers, unless limit = \"infinite-width\"
source: rotation invariance; the same fact in Hanin, Zlokapa 2023, arXiv:2212.14457; infinite width: Lee et al.
2018, arXiv:1711.00165",
    revision: 1,
};

static INFO: Info = Info {
    source: "Hanin, Zlokapa 2023, arXiv:2212.14457; infinite width: Lee et al. 2018, arXiv:1711.00165",
    observables: &[
        "outputs",
        "predictor-mean",
        "predictor-second-moment",
        "chain-loss",
        "chain-test-loss",
        "target-overlap",
        "population-error",
    ],
    own: &[&LOG_PARTITION, &LOG_EVIDENCE, &KERNEL_SCALE_MEAN],
    assumptions: &[
        "linear network with a Gaussian prior",
        "the samples follow the posterior exp(-U/T)",
    ],
    conditions: &[Conditioning::Data],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| Ok(Arc::new(Posterior::new(parse_keys(place, table, &INFO)?))),
    schema: <Options as schemars::JsonSchema>::json_schema,
};

/// The entry `linear-posterior` of a league.
#[derive(Debug, Clone, Copy)]
pub struct Posterior {
    options: Options,
}

impl Posterior {
    /// An entry with these options.
    pub fn new(options: Options) -> Self {
        Posterior { options }
    }
}

impl Theory for Posterior {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self.options)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let decline = |why: &str| Err(Declined(why.into()));
        let Some(learner) = &experiment.learner else {
            return decline("needs a learner; the experiment has none");
        };
        let sampling = experiment.training.as_ref().and_then(|t| t.sampling());
        let Some(sampling) = sampling else {
            return decline("needs Bayesian training (training.kind = \"langevin\")");
        };
        if !sampling.has_gaussian_likelihood() {
            return decline("needs a Gaussian likelihood (training.loss = \"half-sum\")");
        }
        let shape = experiment.task.shape();
        let Some(view) = learner.plain_mlp(shape) else {
            return decline(
                "needs a multilayer perceptron without biases and with a trained read-out (learner.kind = \"mlp\")",
            );
        };
        if !view.linear {
            return decline("needs learner.activation = \"linear\"");
        }
        let Some(prior) = learner.prior(shape) else {
            return decline("needs a Gaussian prior (learner.prior)");
        };
        let hidden = &view.widths[1..view.widths.len() - 1];
        let finite = self.options.limit == Limit::None;
        if finite && shape.outputs > 1 && !hidden.is_empty() {
            return Err(Declined(format!(
                "needs one output, no hidden layer, or limit = \"infinite-width\"; {} outputs share the hidden layers",
                shape.outputs
            )));
        }
        let inputs = experiment.task.gaussian_inputs();
        // Of the samples of the posterior, which a look at the end of the training does not average over.
        let known = |&i: &usize| {
            asked[i].name() != "population-error"
                || (inputs.is_some() && asked[i].keys["over"] == "chain")
        };
        let answers: Vec<usize> = places(asked, &INFO)?.into_iter().filter(known).collect();
        if answers.is_empty() {
            return decline(
                "predicts population-error with over = \"chain\", of a task that states Gaussian inputs",
            );
        }
        let wanted = answers
            .iter()
            .any(|&i| asked[i].name() == "population-error");
        let layers = view.multipliers.iter().zip(&prior.variances);
        let sigma = layers.map(|(c, v)| c * c * v).product::<f64>()
            * hidden.iter().map(|&n| n as f64).product::<f64>();
        let mut limits = Vec::new();
        if !finite && !hidden.is_empty() {
            // The variance of q = prod_l chi^2_N/N is 2/N; with chi of the width the posterior of q keeps no such factor.
            let limit = Extreme::infinite("learner.widths");
            limits.push(match prior.chi == 1.0 {
                true => limit.rate(-1.0),
                false => limit,
            });
        }
        if !sampling.exact {
            limits.push(Extreme::zero("training.step"));
        }
        let smaller = shape.inputs.min(shape.samples) as f64;
        let beside = match wanted {
            true => shape.inputs,
            false => 0,
        };
        let seen = experiment.task.test_samples() + beside;
        let entries = (shape.inputs * (shape.samples + seen)) as f64;
        let work = smaller * entries + 1e4 * smaller * seen as f64;
        let promise = Promise {
            limits,
            bytes: (8.0 * 4.0 * entries) as u64 + 100_000_000,
            seconds: 0.1 + 2e-9 * work * shape.outputs as f64,
            ..Promise::of(Conditioning::Data)
        };
        let mixture = Mixture {
            widths: if finite { hidden.to_vec() } else { Vec::new() },
            sigma,
            temperature: sampling.temperature / prior.chi,
            inputs: inputs.filter(|_| wanted),
        };
        Ok(Plan::new(promise, asked, answers, mixture))
    }
}

/// The posterior as a mixture of Gaussian processes.
#[derive(Serialize)]
struct Mixture {
    /// Hidden widths; none for the Gaussian process.
    widths: Vec<usize>,
    sigma: f64,
    /// `T/chi`
    temperature: f64,
    /// The law of the inputs, where the error over it is asked for.
    #[serde(skip)]
    inputs: Option<GaussianInputs>,
}

/// Relative accuracy of all answers: the grid of `ln q` is refined to 1e-11, sums of modes lose a few digits.
const BOUND: f64 = 1e-9;

/// `E_x <|f(x) - f*(x)|^2>` over the posterior from both moments of `f` at the points of the law of the inputs: linear functions are known
/// by their values there, see the instrument population-error.
fn population(
    inputs: &GaussianInputs,
    target: &DMatrix<f64>,
    mean: &DMatrix<f64>,
    second: &DMatrix<f64>,
) -> f64 {
    let linear = second.sum() - 2.0 * mean.dot(target) + target.norm_squared();
    linear + inputs.mean().norm_squared() + inputs.beyond
}

impl Solve for Mixture {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Result<Prediction> {
        let dataset = draw.dataset.as_ref();
        let dataset = dataset.ok_or_else(|| missing("the data set"))?;
        let (x, y) = (&dataset.x, &dataset.y);
        // The test inputs, then the points of the law of the inputs.
        let tests = dataset.test.as_ref().map_or(0, |(at, _)| at.ncols());
        let points = self.inputs.as_ref().map(|i| i.points(0..i.components()));
        let given = dataset.test.iter().map(|(at, _)| at).chain(&points);
        let columns: Vec<_> = given.flat_map(|at| at.column_iter()).collect();
        let at = match columns.is_empty() {
            true => DMatrix::zeros(x.nrows(), 0),
            false => DMatrix::from_columns(&columns),
        };
        let mut found = predict(&self.widths, self.sigma, self.temperature, x, y, &at)?;
        let population = self.inputs.as_ref().zip(points).map(|(inputs, points)| {
            let of_points = |m: &DMatrix<f64>| m.columns_range(tests..).into_owned();
            let target = GaussianInputs::target(&dataset.modes, &points);
            population(
                inputs,
                &target,
                &of_points(&found.mean),
                &of_points(&found.second),
            )
        });
        found.mean = found.mean.columns_range(..tests).into_owned();
        found.second = found.second.columns_range(..tests).into_owned();
        let p = y.len() as f64;
        let log_partition =
            found.log_evidence + 0.5 * p * (std::f64::consts::TAU * self.temperature).ln();
        let second = found.second.iter().copied().fold(0.0, f64::max);
        let scales: Vec<String> = found.scales.iter().map(|q| format!("{q:.4}")).collect();
        let findings = Findings {
            output_bound: BOUND * second.sqrt().max(y.amax()),
            log_bound: BOUND * log_partition.abs().max(1.0),
            other_bound: BOUND * second.max(1.0),
            training: Some(found.training),
            log_partition: Some(log_partition),
            scale_mean: found.scales.first().copied(),
            population,
            noise: self.temperature,
            solver: SolverReport {
                method: match self.widths.is_empty() {
                    true => "Gaussian process with a linear kernel".into(),
                    false => format!("sum over ln q, E[q | data] = {}", scales.join(", ")),
                },
                iterations: found.points,
                residual: 0.0,
            },
            ..Findings::default()
        };
        let findings = match dataset.test {
            Some(_) => Findings {
                test: Some(found.mean),
                second: Some(found.second),
                ..findings
            },
            None => findings,
        };
        findings.answer(asked, dataset)
    }
}
