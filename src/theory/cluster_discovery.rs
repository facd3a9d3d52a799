//! Discovery of clusters: which share of new points belongs to clusters that no training point belongs to.

use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Promise};
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::trees::{ClusterLaw, YuleSimon};
use crate::theory::constant::NoKeys;
use crate::theory::gate::covered;
use crate::theory::sheet::Sheet;
use crate::theory::{Info, Plan, Prediction, SolverReport, Theory};
use crate::training::Loss;
use std::sync::Arc;

static ABOUT: About = About {
    kind: "cluster-discovery",
    summary: "share of test points in clusters that no training point belongs to, and the error of a nearest neighbour there",
    text: "\
With a fraction phi of all points trained on and cluster sizes of the Yule-Simon law P(s), rho = exponent - 1, a test point (which is no
training point) is in a cluster without a training point with probability

  unseen-mass      = sum_s w(s) (1 - phi)^(s-1) = u(phi)/(1 - phi),   w(s) = s P(s)/mean
  u(phi)           = sum_s w(s) (1 - phi)^s

for many points: 1 - u ~ phi^(rho-1), phi^(1/2) in the mean field. There the target is independent of all data:

  test-loss-unseen = (Var y + Var y')/2 = 1 for one nearest neighbour and targets of variance 1 (half-mean)

Other learners answer between that and f = 0 (1/2): no prediction. Where the points are few, the share of the largest clusters, about
points^(-1/(exponent-1)) of the mass each, fluctuates from draw to draw.

keys: none
limits: task.points -> inf
source: Brill 2024 (arXiv:2412.07942); Michaud, Liu, Girit, Tegmark 2023 (arXiv:2303.13506)",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Brill 2024, arXiv:2412.07942; Michaud, Liu, Girit, Tegmark 2023, arXiv:2303.13506",
    observables: &["unseen-mass", "test-loss-unseen"],
    assumptions: &[
        "clusters of the Yule-Simon law, many of them",
        "training points are a random subset of all points",
        "targets of different clusters are independent",
    ],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(ClusterDiscovery))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct ClusterDiscovery;

impl Theory for ClusterDiscovery {
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
        let Some(growth) = experiment.task.cluster_growth() else {
            return Err(Declined(
                "needs a task of many clusters (percolation-hierarchy with mode = \"distribution\")".into(),
            ));
        };
        if growth.fraction >= 1.0 {
            return Err(Declined("needs points that are not trained on".into()));
        }
        let nearest = growth.independent_targets && one_neighbour(experiment);
        let covers = covered(
            wanted,
            |name| name == "unseen-mass" || (nearest && name == "test-loss-unseen"),
            "predicts unseen-mass, and of one nearest neighbour test-loss-unseen of targets independent between clusters; neither is measured",
        )?;
        Ok(Box::new(DiscoveryPlan {
            exponent: growth.exponent,
            fraction: growth.fraction,
            wanted: wanted.to_vec(),
            covers,
            promise: Promise {
                conditioning: Conditioning::None,
                limits: vec!["task.points -> inf".into()],
                averages_over: vec!["datasets"],
                bytes: 0,
                seconds: 0.0,
            },
        }))
    }
}

/// Whether the learner is the one nearest neighbour, measured by the mean of squares.
fn one_neighbour(experiment: &Experiment) -> bool {
    let (Some(learner), Some(training)) = (&experiment.learner, &experiment.training) else {
        return false;
    };
    learner.about().kind == "nearest"
        && learner.resolved()["neighbours"] == 1
        && training.loss() == Loss::HalfMean
}

struct DiscoveryPlan {
    exponent: f64,
    fraction: f64,
    wanted: Vec<Wanted>,
    covers: Vec<usize>,
    promise: Promise,
}

impl Plan for DiscoveryPlan {
    fn promise(&self) -> &Promise {
        &self.promise
    }

    fn covers(&self) -> &[usize] {
        &self.covers
    }

    fn solve(&self, _draw: &Draw) -> Result<Prediction> {
        let undiscovered = YuleSimon::new(self.exponent)?.undiscovered(self.fraction)?;
        let mut sheet = Sheet::new(&self.wanted, &self.covers);
        sheet.whole("unseen-mass", &[undiscovered / (1.0 - self.fraction)]);
        for t in sheet.times() {
            sheet.at_time(t, |_| Ok::<_, crate::Error>(vec![1.0]))?;
        }
        Ok(Prediction {
            observables: sheet.predictions(|_, _, _, value| 1e-11 * value),
            solver: SolverReport {
                method: "discovery curve of the Yule-Simon law".into(),
                ..SolverReport::default()
            },
            warnings: Vec::new(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draws, Spacing};
    use crate::instrument::INSTRUMENTS;
    use crate::learner::{LEARNERS, Learner};
    use crate::task::percolation_hierarchy::{Mode, Target};
    use crate::task::{LinearTeacher, PercolationHierarchy, Task};
    use crate::training::TRAININGS;

    fn plan(
        task: Arc<dyn Task>,
        learner: &str,
    ) -> std::result::Result<(Vec<&'static str>, Vec<f64>), String> {
        let table: toml::Table = learner.parse().unwrap();
        let learner: Arc<dyn Learner> = crate::kind::component("learner", LEARNERS, table).unwrap();
        let table = "kind = 'closed-form'".parse().unwrap();
        let experiment = Experiment {
            seed: 1,
            task,
            learner: Some(learner),
            training: Some(crate::kind::component("training", TRAININGS, table).unwrap()),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 1,
                spacing: Spacing::Linear,
            },
        };
        let wanted: Vec<Wanted> = INSTRUMENTS
            .iter()
            .filter_map(|i| {
                Some(Wanted {
                    observable: i.observable(),
                    axes: i.axes(&experiment).ok()?,
                })
            })
            .collect();
        let plan = ClusterDiscovery
            .plan(&experiment, &wanted)
            .map_err(|d| d.0)?;
        let names = plan.covers().iter().map(|&i| wanted[i].observable.name);
        let names = names.collect();
        let found = plan.solve(&Draw::default()).map_err(|e| e.to_string())?;
        Ok((
            names,
            found.observables.into_iter().flat_map(|o| o.mean).collect(),
        ))
    }

    fn task() -> PercolationHierarchy {
        PercolationHierarchy {
            test_samples: 100,
            ..PercolationHierarchy::new(2000, 200)
        }
    }

    #[test]
    fn predicts_what_it_can_and_declines_the_rest() {
        let (names, values) = plan(Arc::new(task()), "kind = 'nearest'").unwrap();
        assert_eq!(names, ["unseen-mass", "test-loss-unseen"]);
        assert!((values[0] - 0.47275235 / 0.9).abs() < 1e-8 && values[1] == 1.0);
        let two = plan(Arc::new(task()), "kind = 'nearest'\nneighbours = 2").unwrap();
        assert_eq!(two.0, ["unseen-mass"]);
        let coordinate = PercolationHierarchy {
            target: Target::Coordinate,
            ..task()
        };
        let coordinate = plan(Arc::new(coordinate), "kind = 'nearest'").unwrap();
        assert_eq!(coordinate.0, ["unseen-mass"]);
        let one = PercolationHierarchy {
            mode: Mode::OneCluster,
            ..task()
        };
        assert!(
            plan(Arc::new(one), "kind = 'nearest'")
                .unwrap_err()
                .contains("many clusters")
        );
        let teacher = LinearTeacher::new(vec![1.0], 8, 4);
        assert!(plan(Arc::new(teacher), "kind = 'nearest'").is_err());
    }
}
