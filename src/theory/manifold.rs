//! Regression on a data manifold: the exponent of the error of one nearest neighbour in the number of samples.

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::theory::cluster_discovery::one_neighbour;
use crate::theory::{Asked, Info, Known, Number, Plan, Question, Theory};

static ABOUT: About = About {
    kind: "manifold",
    summary: "exponent -2/D of the error of one nearest neighbour on data of dimension D, for [[reduce]] kind = \"exponent\" over task.samples",
    text: "\
The more training points, the nearer is the nearest. Of P points in a set of dimension D it is a distance of about
P^(-1/D) away. If the target changes in proportion to the distance, the squared error of one nearest neighbour
falls as

  test-loss  ~  P^(-2/D)      one nearest neighbour, no noise

A critical percolation cluster above six dimensions has D = 4, so that the exponent is -1/2. That is the task
percolation-hierarchy with mode = \"one-cluster\" and target = \"coordinate\". The taxonomic target does not follow
the distance, and is declined.

This theory gives an exponent to [[reduce]], and no values: the theory tree-nearest has the amplitude too. It is a
limit of many training points that are few of all n points. Where P goes from n/2000 to n/200, tree-nearest has
the exponent -0.517 in place of -1/2.

keys: none
limits: task.samples -> inf, task.samples/task.points -> 0
source: Sharma & Kaplan 2020 (arXiv:2004.10802); Brill 2024 (arXiv:2412.07942)",
    revision: 1,
};

static INFO: Info = Info {
    source: "Sharma & Kaplan 2020, arXiv:2004.10802; Brill 2024, arXiv:2412.07942",
    observables: &["test-loss"],
    assumptions: &[
        "one nearest neighbour",
        "the target differs by as much as the distance",
        "many samples, few of all points",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(Manifold);

#[derive(Debug)]
struct Manifold;

/// Dimension of the set on which the target follows the distance, for one nearest neighbour.
fn dimension(experiment: &Experiment) -> Result<f64, Declined> {
    let dimension = experiment.task.manifold_dimension().ok_or_else(|| {
        Declined(
            "needs data of known dimension whose target follows the distance (percolation-hierarchy with mode = \"one-cluster\", target = \"coordinate\")".into(),
        )
    })?;
    match one_neighbour(experiment) {
        true => Ok(dimension),
        false => Err(Declined(
            "needs learner.kind = \"nearest\" with one neighbour".into(),
        )),
    }
}

impl Theory for Manifold {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, _: &[Asked]) -> Result<Plan, Declined> {
        dimension(experiment)?;
        Ok(Plan::of_reductions(Promise {
            limits: vec![Limit::infinite("task.samples")],
            ..Promise::of(Conditioning::None)
        }))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let asked = Question {
            number: Number::Exponent,
            observable: "test-loss",
            key: "task.samples",
        };
        let dimension = dimension(experiment).ok().filter(|_| *question == asked)?;
        Some(Known::exact(-2.0 / dimension))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draws, Spacing};
    use crate::kind::component;
    use crate::learner::LEARNERS;
    use crate::task::TASKS;
    use crate::training::TRAININGS;

    #[test]
    fn one_neighbour_on_a_critical_cluster_has_the_exponent_minus_one_half() {
        let exponent = |task: &str, learner: &str| {
            let task = format!("kind = 'percolation-hierarchy'\npoints = 100\nsamples = 9\n{task}");
            let training = "kind = 'closed-form'".parse().unwrap();
            let experiment = Experiment {
                seed: 1,
                task: component("task", TASKS, task.parse().unwrap()).unwrap(),
                learner: Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap()),
                training: Some(component("training", TRAININGS, training).unwrap()),
                draws: Draws {
                    datasets: 5,
                    replicas: 1,
                    points: 1,
                    spacing: Spacing::Linear,
                    ..Draws::default()
                },
            };
            if let Ok(plan) = Manifold.plan(&experiment, &[]) {
                assert!(plan.answers().is_empty());
            }
            let question = Question {
                number: Number::Exponent,
                observable: "test-loss",
                key: "task.samples",
            };
            Manifold
                .known(&experiment, &question)
                .map(|k| (k.value, k.bound))
        };
        let coordinate = "mode = 'one-cluster'\ntarget = 'coordinate'";
        assert_eq!(exponent(coordinate, "kind = 'nearest'"), Some((-0.5, 0.0)));
        let two = "kind = 'nearest'\nneighbours = 2";
        assert_eq!(exponent(coordinate, two), None);
        assert_eq!(exponent("mode = 'one-cluster'", "kind = 'nearest'"), None);
        assert_eq!(exponent("target = 'coordinate'", "kind = 'nearest'"), None);
    }
}
