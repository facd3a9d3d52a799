//! Every configuration of a small lattice.

use super::{event, promise, setting};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::{Binomial, MAX_ENUMERATED, Setting, enumerate};
use crate::theory::{
    Answer, Asked, Info, Plan, Prediction, Solve, SolverReport, Theory, answered_of,
};
use serde_json::{Value as Json, json};

static ABOUT: About = About {
    kind: "percolation-enumeration",
    summary: "exact values of a small lattice: all 2^M configurations, counted by breadth-first labelling",
    text: "\
Every configuration of up to 24 sites or bonds is labelled, and the counts at each number n of occupied elements are averaged over the
binomial law of n at p: exact for every p, at the finite size itself. Independent of the union-find of the sweeps.

Predicts wrapping-x, wrapping-any, wrapping-all, wrapping-only-x, wrapping-cross, spanning-x, largest-cluster, mean-cluster-size, cluster-number.

keys: none
limits: none",
    revision: 1,
};

const OBSERVABLES: &[&str] = &[
    "wrapping-x",
    "wrapping-any",
    "wrapping-all",
    "wrapping-only-x",
    "wrapping-cross",
    "spanning-x",
    "largest-cluster",
    "mean-cluster-size",
    "cluster-number",
];

static INFO: Info = Info {
    source: "enumeration",
    observables: OBSERVABLES,
    assumptions: &["at most 24 sites or bonds"],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(Enumerated);

#[derive(Debug)]
struct Enumerated;

impl Theory for Enumerated {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let setting = setting(experiment)?;
        let [_, elements] = setting.counts().map_err(|e| Declined(e.to_string()))?;
        if elements > MAX_ENUMERATED as u64 {
            return Err(Declined(format!(
                "needs at most {MAX_ENUMERATED} sites or bonds, not {elements}"
            )));
        }
        let mut answers = answered_of(asked, OBSERVABLES)?;
        answers.retain(|&i| asked[i].axes()[0].name == "p");
        if answers.is_empty() {
            return Err(Declined("needs probabilities p, not scaled points".into()));
        }
        let promise = Promise {
            bytes: 1 << 20,
            seconds: 1e-6 * (1u64 << elements) as f64,
            ..promise(&[])
        };
        Ok(Plan::new(promise, asked, answers, Count(setting.clone())))
    }
}

struct Count(Setting);

impl Solve for Count {
    fn inputs(&self) -> Json {
        json!(format!("{:?}", self.0))
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let network = self.0.network()?;
        let all = enumerate(&network, self.0.element)?;
        let elements = all.configurations.len() - 1;
        let sites = network.sites() as f64;
        let predict = |(i, asked): (usize, &Asked)| -> Result<Answer> {
            let name = asked.name();
            let counts = match (event(name), name) {
                (Some(event), _) => all.holds(event),
                (_, "largest-cluster") => all.largest.clone(),
                (_, "mean-cluster-size") => all.squares.clone(),
                (_, "cluster-number") => all.clusters.clone(),
                _ => return Err(Error::bug("enumeration", format!("{name} is not counted"))),
            };
            let value = |&p: &f64| -> Result<(f64, f64)> {
                let mean = Binomial::new(elements, p)?
                    .mean(|n| counts[n] as f64 / all.configurations[n] as f64);
                let value = match name {
                    "largest-cluster" | "cluster-number" => mean / sites,
                    "mean-cluster-size" => mean / self.0.element.members(network.sites(), p),
                    _ => mean,
                };
                Ok((value, 1e-13 * value.abs()))
            };
            let values = asked.axes()[0].values.iter().map(value);
            Ok(Answer::on_grid(
                i,
                asked,
                values.collect::<Result<Vec<_>>>()?,
            ))
        };
        Ok(Prediction {
            answers: asked
                .iter()
                .enumerate()
                .map(predict)
                .collect::<Result<_>>()?,
            solver: SolverReport {
                method: "enumeration of all configurations".into(),
                iterations: 1 << elements,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
