//! Adaptive mean-field theory as a league entry.
#![doc = include_str!("mean_field.md")]

use super::answers::{
    DISCREPANCY, FREE_ENERGY, Findings, LOG_EVIDENCE, LOG_PARTITION, places, row,
};
use super::gate::Bayesian;
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::mean_field::TwoLayer;
use crate::mean_field::adaptive::{Evaluator, Problem, solve};
use crate::mean_field::angle::Angles;
use crate::mean_field::dual::Method;
use crate::task::Dataset;
use crate::theory::{
    Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, missing, parse_keys,
};
use nalgebra::{DMatrix, DVector};
use rand::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "mean-field",
    summary: "self-consistent law over the neurons of a wide Bayesian network",
    text: include_str!("mean_field.md"),
    revision: 1,
};

static INFO: Info = Info {
    source: "Rubin, Seroussi, Ringel 2024, arXiv:2310.03789; review arXiv:2502.18553",
    observables: &[
        "outputs",
        "predictor-mean",
        "chain-loss",
        "chain-test-loss",
        "target-overlap",
        "hidden-weight-covariance",
        "weight-norm-ratio",
        "neuron-overlap",
        "neuron-overlap-density",
        "neuron-overlap-tail",
        "neuron-angle",
        "foreground-neurons",
        "angle-contrast",
    ],
    own: &[&LOG_PARTITION, &LOG_EVIDENCE, &FREE_ENERGY, &DISCREPANCY],
    conditions: &[Conditioning::Data],
    assumptions: &[
        "neurons are independent in the field of their average",
        "the samples follow the posterior exp(-U/T)",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let keys: Keys = parse_keys(place, table, &INFO)?;
        keys.check(place)?;
        Ok(Arc::new(MeanField(keys)))
    },
    schema: Keys::json_schema,
};

/// Keys of an entry.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Keys {
    /// auto | closed-form | quadrature | sample: how the partition function of one neuron is evaluated.
    evaluator: Evaluator,
    /// auto | newton | lbfgs | nelder-mead | { fixed-point = mix }
    method: Method,
    /// Neurons of a sample.
    sample: usize,
}

impl Default for Keys {
    fn default() -> Self {
        Keys {
            evaluator: Evaluator::Auto,
            method: Method::Auto,
            sample: 20_000,
        }
    }
}

/// Fewest and most neurons of a sample, of which 1,000 must be effective.
const LEAST: usize = 2_000;
const MOST: usize = 10_000_000;

impl Keys {
    fn check(&self, place: &str) -> Result<()> {
        if !(LEAST..=MOST).contains(&self.sample) {
            return Err(Error::input(
                format!("{place}.sample"),
                format!("{} neurons", self.sample),
                format!("give between {LEAST} and {MOST}, for example 20000"),
            ));
        }
        if let Method::FixedPoint(mix) = self.method
            && !(mix > 0.0 && mix <= 1.0)
        {
            return Err(Error::input(
                format!("{place}.method"),
                format!("fixed-point = {mix} is not between 0 and 1"),
                "give the share of the new value, for example { fixed-point = 0.05 }",
            ));
        }
        Ok(())
    }
}

#[derive(Debug)]
struct MeanField(Keys);

impl Theory for MeanField {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> Json {
        json!(self.0)
    }

    fn plan(&self, e: &Experiment, asked: &[Asked]) -> std::result::Result<Plan, Declined> {
        let bayesian = Bayesian::of(e)?;
        let network = bayesian.two_layer()?;
        if network.phi.grows_faster_than_linear() {
            return Err(Declined(
                "needs an activation that grows at most linearly: the tilt of a quadratic one cannot be normalised".into(),
            ));
        }
        let has_modes = e.task.mode_count() > 0;
        if self.0.evaluator == Evaluator::ClosedForm && !network.phi.is_linear() {
            return Err(Declined(
                "evaluator = \"closed-form\" needs learner.activation = \"linear\"".into(),
            ));
        }
        let in_plane = bayesian.shape.inputs == 2;
        let mut answers = places(asked, &INFO)?;
        answers.retain(|&i| match asked[i].name() {
            "neuron-angle" | "angle-contrast" => in_plane,
            _ if along_direction(&asked[i]) => has_modes || asked[i].keys["direction"].is_array(),
            _ => true,
        });
        // One direction is solved for; overlaps with another one are left to another entry.
        let overlap = |i: usize| along_direction(&asked[i]);
        let first = answers.iter().copied().find(|&i| overlap(i));
        answers.retain(|&i| {
            !overlap(i)
                || first.is_some_and(|f| asked[f].keys["direction"] == asked[i].keys["direction"])
        });
        if answers.is_empty() {
            return Err(Declined(
                "angles of neurons need two inputs, overlaps a direction: a task with an input mode, or the key `direction`".into(),
            ));
        }
        let features = (bayesian.shape.samples + bayesian.test_samples) as u64;
        let promise = Promise {
            bytes: 8 * features * self.0.sample.max(500_000) as u64,
            seconds: seconds(features as f64, self.0.method),
            ..bayesian.promise(Some(-1.0))
        };
        let law = Law {
            network,
            keys: self.0,
        };
        Ok(Plan::new(promise, asked, answers, law))
    }
}

/// Rough seconds: numbers of the finest sum, each used by some 20 steps that form a Hessian, or by ten times as many without.
fn seconds(features: f64, method: Method) -> f64 {
    let numbers = (4.5e5 * features).min(1.2e7);
    let steps = match method {
        Method::Auto | Method::Newton => 20.0 * features,
        _ => 200.0 * features,
    };
    1e-7 * numbers + 2e-10 * numbers * steps
}

#[derive(Serialize)]
struct Law {
    network: TwoLayer,
    keys: Keys,
}

/// Independent samples of neurons whose scatter is the error of the theory.
const REPEATS: u64 = 8;

/// Whether a question is about the overlap of neurons with a direction.
fn along_direction(asked: &Asked) -> bool {
    asked.name().starts_with("neuron-overlap")
        || (asked.name() == "foreground-neurons" && asked.keys["of"] == "overlap")
}

/// The direction of the first question about overlaps: its key, or the first input mode of the data.
fn direction(asked: &[Asked], dataset: &Dataset) -> Option<DVector<f64>> {
    let question = asked.iter().find(|a| along_direction(a))?;
    let mode = || (dataset.modes.v.ncols() > 0).then(|| dataset.modes.v.column(0).into_owned());
    match serde_json::from_value::<Vec<f64>>(question.keys["direction"].clone()) {
        Ok(u) => Some(DVector::from_vec(u)),
        Err(_) => mode(),
    }
}

impl Law {
    fn findings(&self, asked: &[Asked], dataset: &Dataset, seed: u64) -> Result<Findings> {
        let x = &dataset.x;
        let y: DVector<f64> = dataset.y.row(0).transpose();
        let none = DMatrix::zeros(x.nrows(), 0);
        let at = dataset.test.as_ref().map_or(&none, |(at, _)| at);
        let found = solve(&Problem {
            network: &self.network,
            x,
            y: &y,
            at,
            direction: direction(asked, dataset).as_ref(),
            evaluator: self.keys.evaluator,
            method: self.keys.method,
            sample: self.keys.sample,
            seed,
        })?;
        Ok(Findings {
            training: Some(row(&found.training)),
            test: (at.ncols() > 0).then(|| row(&found.outputs)),
            scales: Some(vec![
                found.weight_covariance.trace() / self.network.weight_variance,
                found.readout_scale,
            ]),
            covariance: Some(found.weight_covariance),
            log_partition: Some(found.log_z),
            log_bound: found.bounds.log_z.max(1e-10 * found.log_z.abs()),
            free_energy: Some(found.free_energy),
            overlap: found.overlap,
            overlap_law: found.overlap_law,
            angles: Angles::new(&self.network, x, &found.tilt),
            output_bound: found.bounds.outputs.max(found.residual),
            other_bound: found.bounds.covariance.max(1e-10),
            noise: self.network.temperature / self.network.chi,
            temperature: self.network.temperature,
            solver: SolverReport {
                method: match found.method.starts_with("sample") {
                    true => format!("{}, {:.0} of them effective", found.method, found.effective),
                    false => found.method,
                },
                iterations: found.iterations,
                residual: found.residual,
            },
            ..Findings::default()
        })
    }
}

impl Solve for Law {
    fn inputs(&self) -> Json {
        json!(self)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, cx: &Context) -> Result<Prediction> {
        let dataset = draw
            .dataset
            .as_ref()
            .ok_or_else(|| missing("the data set"))?;
        let seed = |k: u64| cx.stream(&format!("mean-field {k}")).next_u64();
        let mut findings = self.findings(asked, dataset, seed(0))?;
        if findings.solver.method.starts_with("sample") {
            for k in 1..REPEATS {
                cx.look(k as f64 / REPEATS as f64)?;
                findings
                    .repeats
                    .push(self.findings(asked, dataset, seed(k))?);
            }
        }
        findings.answer(asked, dataset)
    }
}
