//! Discovery of clusters: which share of new points belongs to clusters that no training point belongs to.

use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Conditioning, Draw, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::trees::{ClusterLaw, YuleSimon};
use crate::task::SizeLaw;
use crate::theory::sheet::Sheet;
use crate::theory::{Asked, Info, Plan, Prediction, Solve, Theory, answered, missing, parse_keys};
use crate::training::Loss;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use statrs::function::beta::beta_reg;
use statrs::function::gamma::gamma_lr;
use std::sync::Arc;

static ABOUT: About = About {
    kind: "cluster-discovery",
    summary: "share of test points in clusters that no training point belongs to, and the error of a nearest neighbour there",
    text: "\
Clusters are discovered one by one: what a nearest neighbour answers in a cluster without a training point is a
guess. Of n points in clusters, P are trained on. A test point is none of them. It is in a cluster without a
training point with the probability

  unseen-mass  = sum_c (s_c/n) prod_(j=0)^(s_c-2) (n-1-P-j)/(n-1-j)        condition = \"data\"
               = sum_s w(s) (1 - phi)^(s-1),   phi = P/n                   condition = \"none\"

condition = \"data\" is given the sizes s_c of all clusters of each draw. It is exact, up to the choice of test
points. condition = \"none\" is given only the law of the sizes of very many points: Prob(s), the Yule-Simon law
with the tail Prob(at least s) = rho B(s, rho), B the beta function and rho = exponent - 1. A point is in a
cluster of size s with the probability w(s) = s Prob(s)/(mean size). For few training points the seen mass grows
as phi^(rho-1), which is phi^(1/2) in the mean field (exponent = 2.5).

In an unseen cluster the target y is independent of all data. The nearest neighbour answers with the target y' of
some other cluster:

  test-loss-unseen  = (Var y + Var y')/2 = 1       targets of variance 1, half of the mean square

Other learners answer something between that and f = 0, which would cost 1/2: they have no prediction.

The largest clusters hold a share of about points^(-1/(exponent-1)) of all points each. Where the points are few
this share fluctuates from draw to draw, and condition = \"data\" knows it.

The sizes themselves, with condition = \"none\":

  cluster-sizes      (Prob(at least s) - Prob(at least 2s))/s
  cluster-rank-size  sum_s Prob(at least k clusters of s or more)/n ~ (n/k)^(1/rho)/n, from rank k = 8 on

For the second, clusters grow independently from their first point on, and the first point of all founds one with
certainty. Sizes add up to n, which this leaves out: the size of rank 8 is 1 % too small by it, that of rank 16
0.4 %.

keys: condition = \"none\" | \"data\" (default: none with percolation-hierarchy, mode = \"distribution\"; else data)
limits: condition = \"none\": task.points -> inf
source: Brill 2024 (arXiv:2412.07942); Michaud, Liu, Girit, Tegmark 2023 (arXiv:2303.13506); law of the ranks
derived here",
    revision: 3,
};

static INFO: Info = Info {
    source: "Brill 2024, arXiv:2412.07942; Michaud, Liu, Girit, Tegmark 2023, arXiv:2303.13506",
    observables: &[
        "unseen-mass",
        "test-loss-unseen",
        "cluster-sizes",
        "cluster-rank-size",
    ],
    assumptions: &[
        "training points are a random subset of all points",
        "targets of different clusters are independent",
    ],
    conditions: &[Conditioning::None, Conditioning::Data],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        let theory: ClusterDiscovery = parse_keys(place, table, &INFO)?;
        Ok(Arc::new(theory))
    },
    schema: ClusterDiscovery::json_schema,
};

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ClusterDiscovery {
    /// What the sizes of clusters are taken from.
    #[serde(default)]
    condition: Option<Conditioning>,
}

impl Theory for ClusterDiscovery {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn resolved(&self) -> serde_json::Value {
        serde_json::json!(self)
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let Some(clusters) = experiment.task.clusters() else {
            return Err(Declined(
                "needs a task of many clusters (percolation-clusters, percolation-hierarchy but for mode = \"one-cluster\")".into(),
            ));
        };
        let law = match (self.condition, clusters.law) {
            (Some(Conditioning::Data), _) | (None, None) => None,
            (_, Some(law)) => Some(law),
            (Some(_), None) => {
                return Err(Declined(
                    "the sizes of the clusters have no closed law here: condition = \"data\" takes those of each draw".into(),
                ));
            }
        };
        if law.is_some_and(|law| law.samples >= law.points) {
            return Err(Declined("needs points that are not trained on".into()));
        }
        let nearest = clusters.independent_targets && one_neighbour(experiment);
        let answers = answered(
            asked,
            |name| match name {
                "unseen-mass" => true,
                "cluster-sizes" | "cluster-rank-size" => law.is_some(),
                "test-loss-unseen" => nearest,
                _ => false,
            },
            "predicts unseen-mass, the sizes of clusters where they have a law, and of one nearest neighbour test-loss-unseen of targets independent between clusters; none is measured",
        )?;
        let promise = match law {
            Some(_) => Promise {
                assumptions: vec!["many clusters, their sizes of the Yule-Simon law".into()],
                limits: vec![Limit::infinite("task.points")],
                averages_over: vec!["datasets"],
                ..Promise::of(Conditioning::None)
            },
            None => Promise {
                assumptions: vec!["the sizes of the clusters are those of the draw".into()],
                ..Promise::of(Conditioning::Data)
            },
        };
        Ok(Plan::new(promise, asked, answers, Sizes(law)))
    }
}

/// Whether the learner is the one nearest neighbour, measured by the mean of squares.
pub(super) fn one_neighbour(experiment: &Experiment) -> bool {
    let (Some(learner), Some(training)) = (&experiment.learner, &experiment.training) else {
        return false;
    };
    learner.nearest().is_some_and(|n| n.neighbours == 1) && training.loss() == Loss::HalfMean
}

/// The law of the sizes; `None`: those of the draw.
struct Sizes(Option<SizeLaw>);

impl Solve for Sizes {
    fn inputs(&self) -> Json {
        json!(self.0)
    }

    fn solve(&self, asked: &[Asked], draw: &Draw, _: &Context) -> Result<Prediction> {
        let mut sheet = Sheet::new(asked);
        let method = match self.0 {
            Some(law) => {
                let growth = YuleSimon::new(law.exponent)?;
                let fraction = law.samples as f64 / law.points as f64;
                let unseen = growth.undiscovered(fraction)? / (1.0 - fraction);
                sheet.whole("unseen-mass", &[unseen]);
                for asked in asked {
                    let Some(axis) = asked.axes().first() else {
                        continue;
                    };
                    let at = axis.values.iter();
                    let values: Vec<f64> = match asked.name() {
                        "cluster-sizes" => at.map(|&s| octave(&growth, s)).collect(),
                        "cluster-rank-size" => {
                            at.map(|&r| ranked(&growth, law.points, r)).collect()
                        }
                        _ => continue,
                    };
                    sheet.whole(asked.name(), &values);
                }
                "Yule-Simon law"
            }
            None => {
                let data = draw.dataset.as_ref().ok_or_else(|| missing("data set"))?;
                let groups = data.groups.as_ref().filter(|g| !g.sizes.is_empty());
                let sizes = &groups.ok_or_else(|| missing("sizes of clusters"))?.sizes;
                sheet.whole("unseen-mass", &[unseen(sizes, data.samples())]);
                "sum over the clusters of the draw"
            }
        };
        for t in sheet.times() {
            sheet.at_time(t, |_| Ok::<_, crate::Error>(vec![1.0]))?;
        }
        let answers = sheet.answers(|_, _, _, value| 1e-11 * value);
        Ok(Prediction::of(method, answers))
    }
}

/// Mean of `P` over the sizes `s ... 2s - 1`.
fn octave(growth: &YuleSimon, s: f64) -> f64 {
    (growth.tail(s) - growth.tail(2.0 * s)) / s
}

/// First rank whose size is predicted: the sizes of the very largest clusters scatter as much as they are large.
const FIRST_RANK: f64 = 8.0;

/// Mean share of the points in the cluster of this rank: `sum_s P(at least rank clusters of s or more)/n`.
///
/// A cluster founded by point `i` has `s` or more of `n` points with probability `(1 - (i/n)^(1-q))^(s-1)`, as if clusters grew
/// independently. Point 1 founds one with certainty; those of the others, with probability `q` each, are a Poisson number.
fn ranked(growth: &YuleSimon, points: usize, rank: f64) -> f64 {
    let n = points as f64;
    let clusters = n * growth.founding_probability();
    if rank < FIRST_RANK || rank > clusters / 2.0 {
        return f64::NAN;
    }
    let share = |founder: f64| (founder / n).powf(1.0 / growth.rho());
    let (first, second) = (share(1.0), share(1.5));
    let mut size = 0.0;
    for s in 1..=points {
        let s = s as f64;
        let others = clusters * growth.tail(s) * (1.0 - beta_reg(growth.rho(), s, second));
        let oldest = (1.0 - first).powf(s - 1.0);
        let at_least =
            oldest * gamma_lr(rank - 1.0, others) + (1.0 - oldest) * gamma_lr(rank, others);
        size += at_least;
        if at_least < 1e-14 {
            break;
        }
    }
    size / n
}

/// Probability that a random point, which is none of `samples` random others, is in a cluster without one of them:
/// `sum_c (s_c/n) prod_(j=0)^(s_c-2) (n-1-T-j)/(n-1-j)`. 0 for a point that does not exist (`samples >= n`).
fn unseen(sizes: &[u32], samples: usize) -> f64 {
    let n: u64 = sizes.iter().map(|&s| u64::from(s)).sum();
    let mut order = sizes.to_vec();
    order.sort_unstable();
    let (others, mut free) = (n as f64 - 1.0, n as f64 - 1.0 - samples as f64);
    let (mut size, mut missed, mut sum) = (1, 1.0, 0.0);
    for s in order {
        while size < s && missed > 0.0 {
            missed *= free.max(0.0) / (others - f64::from(size - 1));
            free -= 1.0;
            size += 1;
        }
        sum += f64::from(s) * missed;
    }
    if samples as u64 >= n {
        0.0
    } else {
        sum / n as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::experiment::{Draws, Spacing};
    use crate::instrument::{INSTRUMENTS, Wanted};
    use crate::learner::{LEARNERS, Learner};
    use crate::numerics::random::stream;
    use crate::numerics::statistics::mean_stderr;
    use crate::percolation::hierarchy::Growth;
    use crate::task::percolation_hierarchy::{Mode, Target};
    use crate::task::{LinearTeacher, PercolationClusters, PercolationHierarchy, Task};
    use crate::theory::questions;
    use crate::training::TRAININGS;

    fn nearest(task: Arc<dyn Task>, learner: &str) -> Experiment {
        let table: toml::Table = learner.parse().unwrap();
        let learner: Arc<dyn Learner> = crate::kind::component("learner", LEARNERS, table).unwrap();
        let table = "kind = 'closed-form'".parse().unwrap();
        Experiment {
            seed: 1,
            task,
            learner: Some(learner),
            training: Some(crate::kind::component("training", TRAININGS, table).unwrap()),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 1,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        }
    }

    fn wanted(experiment: &Experiment) -> Vec<Wanted> {
        let all = INSTRUMENTS.iter().filter_map(|i| {
            Some(Wanted {
                observable: i.observable(),
                axes: i.axes(experiment).ok()?,
            })
        });
        all.collect()
    }

    fn plan(
        task: Arc<dyn Task>,
        learner: &str,
    ) -> std::result::Result<(Vec<&'static str>, Vec<f64>), String> {
        let experiment = nearest(task, learner);
        let wanted = questions(&wanted(&experiment));
        let plan = ClusterDiscovery::default()
            .plan(&experiment, &wanted)
            .map_err(|d| d.0)?;
        let names = plan.asked().iter().map(|a| a.name());
        let names = names.collect();
        let found = plan
            .solve(&Draw::default(), &Context::default())
            .map_err(|e| e.to_string())?;
        Ok((
            names,
            found.answers.into_iter().flat_map(|o| o.mean).collect(),
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
        assert_eq!(
            names,
            [
                "unseen-mass",
                "test-loss-unseen",
                "cluster-sizes",
                "cluster-rank-size"
            ]
        );
        assert!((values[0] - 0.47275235 / 0.9).abs() < 1e-8 && values[1] == 1.0);
        // P(1), and the mean of P(2) and P(3).
        assert!((values[2] - 0.6).abs() < 1e-12);
        assert!((values[3] - 0.5 * (0.17142857 + 0.07619048)).abs() < 1e-8);
        assert!(values[12].is_nan());
        let two = plan(Arc::new(task()), "kind = 'nearest'\nneighbours = 2").unwrap();
        assert!(!two.0.contains(&"test-loss-unseen"));
        let coordinate = PercolationHierarchy {
            target: Target::Coordinate,
            ..task()
        };
        let coordinate = plan(Arc::new(coordinate), "kind = 'nearest'").unwrap();
        assert!(!coordinate.0.contains(&"test-loss-unseen"));
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

    /// Against growths of 2000 points: what is neglected is 1 % at rank 8 and falls with the rank.
    #[test]
    fn sizes_by_rank_are_those_of_growths() {
        let (points, draws) = (2000, 4000);
        let mut sums = [[0.0; 2]; 3];
        for k in 0..draws {
            let mut rng = stream(5, "sizes", &[k]);
            let of = Growth::Distribution { tau: 2.5 }
                .assign(points, &mut rng)
                .unwrap();
            let mut sizes = vec![0.0f64; points];
            of.iter().for_each(|&c| sizes[c as usize] += 1.0);
            sizes.sort_by(|a, b| b.total_cmp(a));
            for (sum, rank) in sums.iter_mut().zip([8, 16, 32]) {
                let share = sizes[rank - 1] / points as f64;
                *sum = [sum[0] + share, sum[1] + share * share];
            }
        }
        let growth = YuleSimon::new(2.5).unwrap();
        for ([sum, squares], (rank, neglected)) in
            sums.into_iter()
                .zip([(8.0, 0.012), (16.0, 0.006), (32.0, 0.003)])
        {
            let mean = sum / draws as f64;
            let stderr = ((squares / draws as f64 - mean * mean) / draws as f64).sqrt();
            let predicted = ranked(&growth, points, rank);
            let off = (mean - predicted).abs() - neglected * mean;
            assert!(
                off < 4.0 * stderr,
                "rank {rank}: {mean} +- {stderr}, {predicted}"
            );
        }
    }

    #[test]
    fn the_sum_over_clusters_counts_small_cases() {
        assert_eq!(unseen(&[1; 5], 3), 1.0);
        assert_eq!(unseen(&[5], 1), 0.0);
        assert!((unseen(&[2, 2], 1) - 2.0 / 3.0).abs() < 1e-15);
        assert!((unseen(&[3, 1], 2) - 0.25).abs() < 1e-15);
        assert!((unseen(&[3, 2, 1], 0) - 1.0).abs() < 1e-15);
        assert_eq!(unseen(&[2, 1], 3), 0.0);
    }

    /// Many points of the law have the discovery curve of the law, up to the largest clusters.
    #[test]
    fn sizes_of_a_draw_lead_to_the_law() {
        let task = PercolationHierarchy {
            embedding_dim: 2,
            test_samples: 1,
            ..PercolationHierarchy::new(100_000, 10_000)
        };
        let (draws, law) = (8, 0.47275235 / 0.9);
        let found: Vec<f64> = (0..draws)
            .map(|k| {
                let data = task.draw(&mut stream(1, "dataset", &[k])).unwrap();
                unseen(&data.groups.unwrap().sizes, 10_000)
            })
            .collect();
        let (mean, error) = mean_stderr(&found);
        let error = error.unwrap();
        assert!(
            (mean - law).abs() < 4.0 * error && error < 0.01,
            "{mean} {error}"
        );
    }

    #[test]
    fn a_lattice_is_predicted_from_the_sizes_of_its_draw() {
        let task = PercolationClusters {
            test_samples: 300,
            ..PercolationClusters::square(64, 300)
        };
        let experiment = nearest(Arc::new(task.clone()), "kind = 'nearest'");
        let wanted = questions(&wanted(&experiment));
        let plan = ClusterDiscovery::default()
            .plan(&experiment, &wanted)
            .unwrap();
        assert_eq!(plan.promise().conditioning, Conditioning::Data);
        let mut differences = Vec::new();
        for k in 0..20 {
            let data = task.draw(&mut stream(2, "dataset", &[k])).unwrap();
            let seen = data.groups.as_ref().unwrap().seen();
            let measured = seen.iter().filter(|seen| !**seen).count() as f64 / 300.0;
            let draw = Draw {
                dataset: Some(Arc::new(data)),
                ..Draw::default()
            };
            differences.push(
                measured - plan.solve(&draw, &Context::default()).unwrap().answers[0].mean[0],
            );
        }
        let (mean, error) = mean_stderr(&differences);
        let error = error.unwrap();
        assert!(mean.abs() < 4.0 * error && error < 0.005, "{mean} {error}");
        let law = ClusterDiscovery {
            condition: Some(Conditioning::None),
        };
        assert!(law.plan(&experiment, &wanted).is_err());
    }
}
