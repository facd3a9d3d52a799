//! The Erdos-Renyi graph: Borel law, giant component and mean size in the limit of many vertices.

use super::{OF_TREES, covered, growth, promise};
use crate::error::{Error, Result};
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::trees::{ClusterLaw, ErdosRenyi, Growth};
use crate::theory::constant::NoKeys;
use crate::theory::{
    Info, Known, Number, Plan, Predicted, Prediction, Question, SolverReport, Theory,
};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "erdos-renyi",
    summary: "component sizes of a large random graph: Borel law, giant component",
    text: "\
A graph of N vertices and c N / 2 random edges, N -> inf:

  cluster-weight      w(s) = e^(-c s) (c s)^(s-1) / s!   (Borel): probability that a random vertex has a component of s vertices
  infinite-share      the largest root of S = 1 - e^(-c S); 0 for c <= 1
  mean-cluster-size   1/(1 - c) for c < 1; all components are counted, so that it diverges with N from c = 1 on, where nothing is predicted

At c = 1 it states the exponents of N, for [[reduce]] kind = \"exponent\", key = \"task.vertices\": infinite-share ~ N^(-1/3),
mean-cluster-size ~ N^(1/3).

keys: none
limits: task.vertices -> inf",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Erdos & Renyi 1960; Borel 1942",
    observables: OF_TREES,
    assumptions: &["many vertices"],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(LargeGraph))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct LargeGraph;

fn graph(experiment: &Experiment) -> Option<ErdosRenyi> {
    match *growth(experiment)? {
        Growth::ErdosRenyi { graph, .. } => Some(graph),
        Growth::Bethe { .. } => None,
    }
}

impl Theory for LargeGraph {
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
        let graph = graph(experiment).ok_or_else(|| {
            Declined(
                "needs a random graph (task.kind = \"percolation-tree\", source = \"erdos-renyi\")"
                    .into(),
            )
        })?;
        let mut covers = covered(wanted, OF_TREES)?;
        if graph.degree() >= 1.0 {
            covers.retain(|&i| wanted[i].observable.name != "mean-cluster-size");
        }
        if covers.is_empty() {
            return Err(Declined(
                "the mean size diverges with task.vertices from c = 1 on".into(),
            ));
        }
        Ok(Box::new(Limit {
            graph,
            covers,
            wanted: wanted.to_vec(),
            promise: promise(&["task.vertices -> inf"], 0, 0.0),
        }))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        if question.key != "task.vertices" || graph(experiment)?.degree() != 1.0 {
            return None;
        }
        match (question.number, question.observable) {
            (Number::Exponent, "infinite-share") => Some(Known::exact(-1.0 / 3.0)),
            (Number::Exponent, "mean-cluster-size") => Some(Known::exact(1.0 / 3.0)),
            _ => None,
        }
    }
}

struct Limit {
    graph: ErdosRenyi,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for Limit {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _: &Draw) -> Result<Prediction> {
        let predict = |&i: &usize| -> Result<Predicted> {
            let wanted = &self.wanted[i];
            let mean = match wanted.observable.name {
                "infinite-share" => vec![self.graph.infinite()],
                "mean-cluster-size" => vec![self.graph.mean_size()],
                "cluster-weight" => {
                    let sizes = wanted.axes[0].values.iter();
                    sizes.map(|&s| self.graph.weight(s as u64)).collect()
                }
                name => return Err(Error::bug("erdos-renyi", format!("{name} is not known"))),
            };
            Ok(Predicted {
                wanted: i,
                bound: mean.iter().map(|m| 1e-9 * m).collect(),
                mean,
                stderr: None,
            })
        };
        Ok(Prediction {
            observables: self.covers.iter().map(predict).collect::<Result<_>>()?,
            solver: SolverReport {
                method: "closed forms".into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}
