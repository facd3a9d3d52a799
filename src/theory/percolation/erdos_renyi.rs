//! The Erdos-Renyi graph: Borel law, giant component and mean size in the limit of many vertices.

use super::{OF_TREES, growth, promise};
use crate::experiment::Experiment;
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::trees::{ClusterLaw, ErdosRenyi, Growth};
use crate::theory::{Answer, Asked, Info, Known, Number, Plan, Question, Theory, answered_of};

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
    source: "Erdos & Renyi 1960; Borel 1942",
    observables: OF_TREES,
    assumptions: &["many vertices"],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(LargeGraph);

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

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let graph = graph(experiment).ok_or_else(|| {
            Declined(
                "needs a random graph (task.kind = \"percolation-tree\", source = \"erdos-renyi\")"
                    .into(),
            )
        })?;
        let mut places = answered_of(asked, OF_TREES)?;
        if graph.degree() >= 1.0 {
            places.retain(|&i| asked[i].name() != "mean-cluster-size");
        }
        if places.is_empty() {
            return Err(Declined(
                "the mean size diverges with task.vertices from c = 1 on".into(),
            ));
        }
        let answer = |i: usize| {
            let values: Vec<f64> = match asked[i].name() {
                "infinite-share" => vec![graph.infinite()],
                "mean-cluster-size" => vec![graph.mean_size()],
                _ => {
                    let sizes = asked[i].axes()[0].values.iter();
                    sizes.map(|&s| graph.weight(s as u64)).collect()
                }
            };
            Answer::on_grid(i, &asked[i], values.into_iter().map(|v| (v, 1e-9 * v)))
        };
        let answers = places.into_iter().map(answer).collect();
        let promise = promise(&["task.vertices"]);
        Ok(Plan::known(promise, asked, "closed forms", answers))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let asked = question.number == Number::Exponent && question.key == "task.vertices";
        if !asked || graph(experiment)?.degree() != 1.0 {
            return None;
        }
        let value = match question.observable {
            "infinite-share" => -1.0 / 3.0,
            "mean-cluster-size" => 1.0 / 3.0,
            _ => return None,
        };
        Some(Known::exact(value))
    }
}
