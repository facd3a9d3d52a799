//! Edge of stability: the sharpness at which gradient descent settles.

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::theory::{Answer, Asked, Info, Plan, Theory, answered_of};

static ABOUT: About = About {
    kind: "edge-of-stability",
    summary: "sharpness at which full-batch gradient descent settles: 2/(learning_rate * rate_scale)",
    text: "\
How sharp is the minimum that gradient descent finds? Gradient flow often moves to regions where the loss is
sharper. The sharpness is the largest eigenvalue lambda_max of the Hessian of the loss. Descent with the step eta
cannot stay where it is above 2/eta: the weights oscillate along the top eigenvector with growing amplitude, which
drives the sharpness down again. They settle at the edge,

  lambda_max = 2/(eta rate_scale)      rate_scale: factor of the parametrisation in the step (explain mlp)

This is right where the flow would end above that value. Where the flow would end below it, descent follows the
flow, and the theory is wrong: where it changes from one to the other is the result. It is about the end of
training alone (measure.points = 1), and says nothing of the way there.

worked number: eta = 0.4, rate_scale = 1: lambda_max = 5

keys: none
limits: training.steps -> inf
source: Cohen, Kaur, Li, Kolter, Talwalkar 2021 (arXiv:2103.00065); Cohen et al. 2024 (arXiv:2410.24206)",
    revision: 1,
};

static INFO: Info = Info {
    source: "Cohen et al. 2021 (arXiv:2103.00065); Cohen et al. 2024 (arXiv:2410.24206)",
    observables: &["sharpness"],
    assumptions: &[
        "gradient flow from the same start would end above 2/eta",
        "the end of the training is long after the sharpness has reached it",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(EdgeOfStability);

#[derive(Debug)]
struct EdgeOfStability;

impl Theory for EdgeOfStability {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let decline = |why: &str| Err(Declined(why.into()));
        let (Some(learner), Some(training)) = (&experiment.learner, &experiment.training) else {
            return decline("needs a learner and a training rule");
        };
        if !training.is_plain_descent() || training.is_flow() {
            return decline(
                "needs full-batch gradient descent (training.kind = \"gradient-descent\")",
            );
        }
        let answers = answered_of(asked, INFO.observables)?;
        if answers.iter().any(|&i| asked[i].size() != 1) {
            return decline("is about the end of the training alone (measure.points = 1)");
        }
        let promise = Promise {
            limits: vec![Limit::infinite("training.steps")],
            ..Promise::of(Conditioning::None)
        };
        let edge = 2.0 / (training.learning_rate() * learner.rate_scale(experiment.task.shape()));
        let answer = |&i: &usize| Answer::on_grid(i, &asked[i], [(edge, f64::EPSILON * edge)]);
        let answers = answers.iter().map(answer).collect();
        Ok(Plan::known(
            promise,
            asked,
            "stability of a quadratic",
            answers,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::experiment::{Draw, DrawIndex, Draws, Spacing};
    use crate::instrument::{Instrument, Sharpness, Wanted, measure};
    use crate::learner::{Activation, Mlp, Parametrization};
    use crate::task::LinearTeacher;
    use crate::theory::questions;
    use crate::training::{GradientDescent, GradientFlow, Training};
    use std::sync::Arc;

    fn experiment(training: Arc<dyn Training>, parametrization: Parametrization) -> Experiment {
        Experiment {
            seed: 5,
            task: Arc::new(LinearTeacher {
                samples: 24,
                noise: 1.0,
                ..LinearTeacher::new(vec![1.0], 4, 1)
            }),
            learner: Some(Arc::new(Mlp {
                widths: vec![20],
                activation: Activation::Tanh,
                parametrization,
                ..Mlp::default()
            })),
            training: Some(training),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 1,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        }
    }

    fn predicted(e: &Experiment) -> std::result::Result<f64, Declined> {
        let wanted = [Wanted {
            observable: Sharpness.observable(),
            axes: Sharpness.axes(e)?,
        }];
        let theory = (KIND.parse)("theory", toml::Table::new()).unwrap();
        let plan = theory.plan(e, &questions(&wanted))?;
        Ok(plan
            .solve(&Draw::default(), &Context::default())
            .unwrap()
            .answers[0]
            .mean[0])
    }

    fn measured(e: &Experiment) -> f64 {
        let draw = DrawIndex {
            dataset: 0,
            replica: 0,
        };
        let data = e.dataset(0).unwrap();
        let start = e.initial(&data, draw).unwrap().unwrap();
        let mut noise = e.training_stream(draw);
        measure(
            e,
            &Context::default(),
            &[&Sharpness],
            &data,
            start.into(),
            &mut noise,
            None,
        )
        .unwrap()
        .values[0][0]
    }

    /// Descent that outruns the flow settles at the threshold, in the units of every parametrisation; a small step follows the flow to its own end.
    #[test]
    fn descent_settles_at_the_threshold_where_the_flow_ends_above() {
        let descent = |rate: f64| Arc::new(GradientDescent::new(rate, (1200.0 / rate) as usize));
        let standard = |rate: f64| experiment(descent(rate), Parametrization::Standard);
        let flow = measured(&standard(0.05));
        for rate in [0.4, 0.5] {
            let (found, threshold) = (
                measured(&standard(rate)),
                predicted(&standard(rate)).unwrap(),
            );
            assert_eq!(threshold, 2.0 / rate);
            assert!(
                flow > threshold && (found / threshold - 1.0).abs() < 0.02,
                "{found} {threshold}"
            );
        }
        assert!(flow < 0.3 * predicted(&standard(0.05)).unwrap());
        // gamma_0 = 1: rate_scale is the width.
        let mean_field = experiment(descent(0.1), Parametrization::MeanField);
        assert!((predicted(&mean_field).unwrap() - 1.0).abs() < 1e-15);
    }

    #[test]
    fn declines_flows_and_courses() {
        let flow = Arc::new(GradientFlow::new(1.0));
        let why = predicted(&experiment(flow, Parametrization::Standard))
            .unwrap_err()
            .0;
        assert!(why.contains("gradient-descent"), "{why}");
        let mut course = experiment(
            Arc::new(GradientDescent::new(0.1, 9)),
            Parametrization::Standard,
        );
        course.draws.points = 3;
        assert!(
            predicted(&course)
                .unwrap_err()
                .0
                .contains("measure.points = 1")
        );
    }
}
