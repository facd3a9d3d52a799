//! Every configuration of a small lattice.

use super::{covered, event, promise, setting};
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::{Binomial, MAX_ENUMERATED, Setting, enumerate};
use crate::theory::constant::NoKeys;
use crate::theory::{Info, Plan, Predicted, Prediction, SolverReport, Theory};
use std::sync::Arc;

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
    about: &ABOUT,
    source: "enumeration",
    observables: OBSERVABLES,
    assumptions: &["at most 24 sites or bonds"],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(Enumerated))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct Enumerated;

impl Theory for Enumerated {
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
        let setting = setting(experiment)?;
        let [_, elements] = setting.counts().map_err(|e| Declined(e.to_string()))?;
        if elements > MAX_ENUMERATED as u64 {
            return Err(Declined(format!(
                "needs at most {MAX_ENUMERATED} sites or bonds, not {elements}"
            )));
        }
        let mut covers = covered(wanted, OBSERVABLES)?;
        covers.retain(|&i| wanted[i].axes[0].name == "p");
        if covers.is_empty() {
            return Err(Declined("needs probabilities p, not scaled points".into()));
        }
        Ok(Box::new(Count {
            covers,
            wanted: wanted.to_vec(),
            setting: setting.clone(),
            promise: promise(&[], 1 << 20, 1e-6 * (1u64 << elements) as f64),
        }))
    }
}

struct Count {
    setting: Setting,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for Count {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _: &Draw) -> Result<Prediction> {
        let s = &self.setting;
        let network = s.network()?;
        let all = enumerate(&network, s.element)?;
        let elements = all.configurations.len() - 1;
        let sites = network.sites() as f64;
        let predict = |&i: &usize| -> Result<Predicted> {
            let wanted = &self.wanted[i];
            let name = wanted.observable.name;
            let counts = match (event(name), name) {
                (Some(event), _) => all.holds(event),
                (_, "largest-cluster") => all.largest.clone(),
                (_, "mean-cluster-size") => all.squares.clone(),
                (_, "cluster-number") => all.clusters.clone(),
                _ => return Err(Error::bug("enumeration", format!("{name} is not counted"))),
            };
            let value = |&p: &f64| -> Result<f64> {
                let mean = Binomial::new(elements, p)?
                    .mean(|n| counts[n] as f64 / all.configurations[n] as f64);
                Ok(match name {
                    "largest-cluster" | "cluster-number" => mean / sites,
                    "mean-cluster-size" => mean / s.element.members(network.sites(), p),
                    _ => mean,
                })
            };
            let mean = wanted.axes[0]
                .values
                .iter()
                .map(value)
                .collect::<Result<Vec<f64>>>()?;
            Ok(Predicted {
                wanted: i,
                bound: mean.iter().map(|v| 1e-13 * v.abs()).collect(),
                mean,
                stderr: None,
            })
        };
        Ok(Prediction {
            observables: self.covers.iter().map(predict).collect::<Result<_>>()?,
            solver: SolverReport {
                method: "enumeration of all configurations".into(),
                iterations: 1 << elements,
                residual: 0.0,
            },
            warnings: Vec::new(),
        })
    }
}
