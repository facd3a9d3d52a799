//! Test points in groups (clusters) with and without a training point.

use super::loss;
use super::reading::{Reading, When};
use super::subject::{Series, Subject, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::{Dataset, Groups};

/// Share of test points in groups without a training point.
pub static UNSEEN_MASS: Observable = Observable {
    name: "unseen-mass",
    label: "unseen mass",
    unit: "1",
    convention: "fraction of the test points whose group (cluster) holds no training point; test points are no training points",
    held_out: true,
    of_data: true,
    ..Observable::PLAIN
};

/// Test loss on points of groups with a training point.
pub static TEST_LOSS_SEEN: Observable = Observable {
    name: "test-loss-seen",
    label: "test loss, seen clusters",
    unit: "1",
    convention: "test-loss on the P test points whose group (cluster) holds a training point: {loss}; undefined without such points",
    undefined: Some("no test point is in a group with a training point"),
    held_out: true,
    ..Observable::PLAIN
};

/// Test loss on points of groups without a training point.
pub static TEST_LOSS_UNSEEN: Observable = Observable {
    name: "test-loss-unseen",
    label: "test loss, unseen clusters",
    unit: "1",
    convention: "test-loss on the P test points whose group (cluster) holds no training point: {loss}; undefined without such points",
    undefined: Some("no test point is in a group without a training point"),
    held_out: true,
    ..Observable::PLAIN
};

/// Measures [`UNSEEN_MASS`].
pub(super) static UNSEEN: Reading = Reading {
    about: &About {
        kind: "unseen-mass",
        summary: "share of test points in clusters without a training point",
        text: "\
One number per data set: nothing of it depends on the learner. Needs a task that knows the groups of its samples
(percolation-hierarchy, percolation-clusters: their clusters) and test samples.",
        revision: 1,
    },
    observable: &UNSEEN_MASS,
    when: When::End,
    axes: |_, experiment| grouped(experiment).map(|()| Vec::new()),
    reader: |_, dataset| {
        let seen = groups(dataset, "unseen-mass")?.seen();
        let unseen = seen.iter().filter(|&&seen| !seen).count() as f64 / seen.len() as f64;
        Ok(Box::new(move |_| Ok(vec![unseen])))
    },
    space: |_| 0,
    ensemble: None,
};

/// Measures [`TEST_LOSS_SEEN`] or [`TEST_LOSS_UNSEEN`].
#[derive(Debug, Clone, Copy)]
pub struct PartialLoss {
    seen: bool,
}

impl PartialLoss {
    /// On points of groups with a training point.
    pub const SEEN: PartialLoss = PartialLoss { seen: true };
    /// On the other points.
    pub const UNSEEN: PartialLoss = PartialLoss { seen: false };
}

static SEEN_ABOUT: About = About {
    kind: "test-loss-seen",
    summary: "test loss on points of clusters with a training point",
    text: "\
test-loss, restricted to the test points whose group holds a training point, on the axis time. Needs a task that knows the groups
of its samples (percolation-hierarchy, percolation-clusters: their clusters) and test samples.",
    revision: 1,
};

static UNSEEN_ABOUT: About = About {
    kind: "test-loss-unseen",
    summary: "test loss on points of clusters without a training point",
    text: "\
test-loss, restricted to the test points whose group holds no training point, on the axis time. Needs a task that knows the groups
of its samples (percolation-hierarchy, percolation-clusters: their clusters) and test samples.",
    revision: 1,
};

impl Instrument for PartialLoss {
    fn about(&self) -> &'static About {
        if self.seen {
            &SEEN_ABOUT
        } else {
            &UNSEEN_ABOUT
        }
    }

    fn observable(&self) -> &'static Observable {
        if self.seen {
            &TEST_LOSS_SEEN
        } else {
            &TEST_LOSS_UNSEEN
        }
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Subject::of(experiment)?;
        grouped(experiment)?;
        Ok(vec![time_axis(experiment)])
    }

    fn bytes(&self, experiment: &Experiment) -> u64 {
        Subject::bytes(experiment, |subject| {
            loss::space(subject, subject.test_samples)
        })
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let name = self.about().kind;
        let seen = groups(dataset, name)?.seen();
        let Some((x, y)) = &dataset.test else {
            return Err(refused(name, needs_groups()));
        };
        let wanted: Vec<usize> = (0..seen.len()).filter(|&k| seen[k] == self.seen).collect();
        match wanted.is_empty() {
            true => Ok(Box::new(Undefined(Series::new(1)))),
            false => loss::recorder(
                experiment,
                dataset,
                &x.select_columns(&wanted),
                &y.select_columns(&wanted),
                None,
            ),
        }
    }
}

/// There is nothing to average over.
struct Undefined(Series);

impl Recorder for Undefined {
    fn record(&mut self, _step: usize, _time: f64, _parameters: &Parameters) -> Result<()> {
        self.0.push([f64::NAN])
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.0.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.0.finish()
    }
}

fn needs_groups() -> Declined {
    Declined("needs a task with groups of samples (percolation-hierarchy, percolation-clusters) and test samples".into())
}

fn grouped(experiment: &Experiment) -> std::result::Result<(), Declined> {
    match experiment.task.has_groups() && experiment.task.has_test() {
        true => Ok(()),
        false => Err(needs_groups()),
    }
}

fn groups<'a>(dataset: &'a Dataset, name: &str) -> Result<&'a Groups> {
    let groups = dataset.groups.as_ref();
    groups
        .filter(|groups| !groups.test.is_empty())
        .ok_or_else(|| refused(name, needs_groups()))
}

#[cfg(test)]
mod tests {
    use super::super::TestLoss;
    use super::super::testing::{experiment, linear, stack};
    use super::*;
    use crate::task::{LinearTeacher, PercolationHierarchy};
    use nalgebra::DMatrix;

    fn value(instrument: &dyn Instrument, e: &Experiment, dataset: &Dataset) -> f64 {
        let d = dataset.x.nrows();
        let map = stack(&[DMatrix::from_fn(1, d, |_, j| (1.0 + j as f64).sin() / 10.0)]);
        let mut recorder = instrument
            .recorder(e, dataset, &Context::default())
            .unwrap();
        recorder
            .record(e.training.as_ref().unwrap().steps(), 0.0, &map)
            .unwrap();
        recorder.finish()[0]
    }

    #[test]
    fn seen_and_unseen_make_up_the_test_loss() {
        let task = PercolationHierarchy {
            embedding_dim: 6,
            test_samples: 60,
            ..PercolationHierarchy::new(300, 40)
        };
        let e = experiment(task, linear(&[], &[1.0]), 4);
        let data = e.dataset(0).unwrap();
        let unseen = value(&UNSEEN, &e, &data);
        let groups = data.groups.as_ref().unwrap();
        let alone = groups.test.iter().filter(|g| !groups.train.contains(g));
        assert_eq!(unseen, alone.count() as f64 / 60.0);
        assert!(unseen > 0.2 && unseen < 0.9);
        let parts = [PartialLoss::UNSEEN, PartialLoss::SEEN].map(|i| value(&i, &e, &data));
        let whole = value(&TestLoss, &e, &data);
        let sum = unseen * parts[0] + (1.0 - unseen) * parts[1];
        assert!((sum - whole).abs() < 1e-12 * whole, "{sum} {whole}");
    }

    #[test]
    fn without_a_seen_point_its_loss_is_undefined() {
        let task = PercolationHierarchy {
            embedding_dim: 6,
            test_samples: 3,
            ..PercolationHierarchy::new(300, 40)
        };
        let e = experiment(task, linear(&[], &[1.0]), 4);
        let mut data = e.dataset(0).unwrap();
        data.groups.as_mut().unwrap().test = vec![9999; 3];
        assert_eq!(value(&UNSEEN, &e, &data), 1.0);
        assert!(value(&PartialLoss::SEEN, &e, &data).is_nan());
    }

    #[test]
    fn declines_without_groups() {
        let e = experiment(LinearTeacher::new(vec![2.0], 6, 4), linear(&[], &[1.0]), 1);
        for instrument in [&UNSEEN as &dyn Instrument, &PartialLoss::SEEN] {
            assert_eq!(instrument.axes(&e).unwrap_err(), needs_groups());
            assert!(
                instrument
                    .recorder(&e, &e.dataset(0).unwrap(), &Context::default())
                    .is_err()
            );
        }
    }
}
