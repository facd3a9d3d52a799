//! The smallest loss per token that any predictor can reach.

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::theory::{Answer, Asked, Info, Plan, Theory, answered_of};

static ABOUT: About = About {
    kind: "bayes-optimal",
    summary: "smallest loss per token that any predictor can reach: the entropy of the next token given those before it",
    text: "\
The cross-entropy of a predictor q is H(z_{t+1} | z_1 ... z_t) + E KL(p || q), so its mean over the population is at least the
entropy (in nats), and reaches it at q = p. A network that sees later tokens is not bound by it. On a
finite test set the loss of q = p scatters about the entropy, but not where p is uniform or certain (copy): there it is exact.
The mean over positions bounds test-loss with training.loss = \"cross-entropy\"; it is no prediction of its course.

keys: none
limits: training.steps -> inf, task.samples -> inf, a learner that can represent p
source: Shannon 1948, Bell System Technical Journal 27",
    revision: 1,
};

static INFO: Info = Info {
    source: "Shannon 1948, Bell System Technical Journal 27",
    observables: &["per-token-loss"],
    assumptions: &[
        "the network has found the law of the tokens",
        "outputs see no later token",
    ],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(BayesOptimal);

#[derive(Debug)]
struct BayesOptimal;

impl Theory for BayesOptimal {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let decline = |why: &str| Err(Declined(why.into()));
        let Some(entropy) = experiment.task.next_token_entropy() else {
            return decline("needs a task that knows the entropy of its next token (copy)");
        };
        if !experiment.learner.as_ref().is_some_and(|l| l.is_causal()) {
            return decline(
                "needs a learner whose outputs see no later token (transformer with mask = \"causal\")",
            );
        }
        let answers = answered_of(asked, INFO.observables)?;
        if answers.iter().any(|&i| asked[i].size() != entropy.len()) {
            return decline("needs outputs at every position (predict = \"every\")");
        }
        let promise = Promise {
            limits: ["training.steps", "task.samples"]
                .map(Limit::infinite)
                .into(),
            ..Promise::of(Conditioning::None)
        };
        let value = |&h: &f64| (h, f64::EPSILON * h);
        let answer = |&i: &usize| Answer::on_grid(i, &asked[i], entropy.iter().map(value));
        let answers = answers.iter().map(answer).collect();
        Ok(Plan::known(
            promise,
            asked,
            "entropies of the task",
            answers,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::experiment::{Draw, Draws, Spacing};
    use crate::instrument::{Instrument, PerTokenLoss, Wanted};
    use crate::learner::{Mask, Predict, Transformer};
    use crate::task::{Copying, LinearTeacher, Task};
    use crate::theory::questions;
    use crate::training::GradientDescent;
    use std::sync::Arc;

    fn plan(task: Arc<dyn Task>, mask: Mask, predict: Predict) -> Result<Plan, Declined> {
        let learner = Transformer {
            mask,
            predict,
            ..Transformer::new(9, 8, 4)
        };
        let experiment = Experiment {
            seed: 1,
            task,
            learner: Some(Arc::new(learner)),
            training: Some(Arc::new(GradientDescent::new(0.1, 1))),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 2,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        };
        let axes = PerTokenLoss.axes(&experiment)?;
        let wanted = [Wanted {
            observable: PerTokenLoss.observable(),
            axes,
        }];
        theory().plan(&experiment, &questions(&wanted))
    }

    fn theory() -> Arc<dyn Theory> {
        (KIND.parse)("theory", toml::Table::new()).unwrap()
    }

    fn copy() -> Arc<dyn Task> {
        Arc::new(Copying {
            test_samples: 1,
            ..Copying::new(8, 4, 2)
        })
    }

    #[test]
    fn a_copy_costs_nothing_and_the_string_its_entropy() {
        let plan = plan(copy(), Mask::Causal, Predict::Every).unwrap();
        let prediction = plan.solve(&Draw::default(), &Context::default()).unwrap();
        let ln_8 = 2.0794415416798357;
        assert_eq!(
            prediction.answers[0].mean,
            [ln_8, ln_8, ln_8, 0.0, 0.0, 0.0, 0.0, 0.0]
        );
    }

    #[test]
    fn declines_where_the_bound_does_not_hold() {
        let teacher = LinearTeacher {
            test_samples: 1,
            ..LinearTeacher::new(vec![1.0], 8, 72)
        };
        let why = |p: Result<Plan, Declined>| p.err().unwrap().0;
        let teacher = plan(Arc::new(teacher), Mask::Causal, Predict::Every);
        assert!(why(teacher).contains("entropy"));
        let full = plan(copy(), Mask::Full, Predict::Every);
        assert!(why(full).contains("later token"));
    }
}
