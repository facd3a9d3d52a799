//! Equipartition in the posterior of any network.

use crate::experiment::{Conditioning, Experiment, Limit, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::theory::{Answer, Asked, Info, Plan, Theory, answered_of};

static ABOUT: About = About {
    kind: "virial-identity",
    summary: "equipartition: E[sum_j theta_j dU/dtheta_j] = n T in the posterior exp(-U/T) of any network",
    text: "\
Is a chain in equilibrium? In the posterior exp(-U/T) of any network every parameter obeys

  E[theta_j dU/dtheta_j] = T

It follows by partial integration of exp(-U/T), because the prior makes the density vanish at infinity. The virial
ratio is the sum of the left side over all n parameters, divided by n T: it is exactly 1 for every activation,
width and data set. A chain that has not forgotten its start, or that moves with too large a step, misses it. The
schemes mala and hmc are exact; lm and ula miss 1 by the error of their step.

keys: none
limits: training.step -> 0 (not for mala and hmc), training.steps -> inf",
    revision: 1,
};

static INFO: Info = Info {
    source: "virial theorem (Clausius 1870) for the Gibbs measure exp(-U/T)",
    observables: &["virial-ratio"],
    assumptions: &["the chain is in equilibrium"],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(VirialIdentity);

#[derive(Debug)]
struct VirialIdentity;

impl Theory for VirialIdentity {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let sampling = experiment.training.as_ref().and_then(|t| t.sampling());
        let sampling = sampling
            .ok_or_else(|| Declined("needs a sampler (training.kind = \"langevin\")".into()))?;
        let mut limits = vec![Limit::infinite("training.steps")];
        if !sampling.exact {
            limits.insert(0, Limit::zero("training.step"));
        }
        let promise = Promise {
            limits,
            ..Promise::of(Conditioning::None)
        };
        let answer = |i: usize| Answer::on_grid(i, &asked[i], [(1.0, f64::EPSILON)]);
        let answers = answered_of(asked, INFO.observables)?
            .into_iter()
            .map(answer);
        Ok(Plan::known(
            promise,
            asked,
            "partial integration",
            answers.collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::experiment::{Draw, Draws, Spacing};
    use crate::instrument::{Wanted, find};
    use crate::learner::Mlp;
    use crate::task::LinearTeacher;
    use crate::training::langevin::Langevin;
    use crate::training::{GradientDescent, Training};
    use std::sync::Arc;

    fn plan(training: Arc<dyn Training>) -> Result<Plan, Declined> {
        let experiment = Experiment {
            seed: 1,
            task: Arc::new(LinearTeacher::new(vec![1.0], 2, 1)),
            learner: Some(Arc::new(Mlp::default())),
            training: Some(training),
            draws: Draws {
                datasets: 1,
                replicas: 1,
                points: 2,
                spacing: Spacing::Linear,
                ..Draws::default()
            },
        };
        let wanted = Wanted {
            observable: find("", "virial-ratio").unwrap().observable(),
            axes: vec![],
        };
        let theory = VirialIdentity;
        theory.plan(&experiment, &[wanted.into()])
    }

    #[test]
    fn the_ratio_is_one_and_needs_a_sampler() {
        for (scheme, limits) in [("lm", 2), ("hmc", 1)] {
            let text = format!("step = 0.1\ntemperature = 1.0\nsteps = 10\nscheme = \"{scheme}\"");
            let langevin = Langevin::parse("training", text.parse().unwrap()).unwrap();
            let plan = plan(Arc::new(langevin)).unwrap();
            assert_eq!(plan.promise().limits.len(), limits);
            let prediction = plan.solve(&Draw::default(), &Context::default()).unwrap();
            assert_eq!(prediction.answers[0].mean, [1.0]);
        }
        assert!(plan(Arc::new(GradientDescent::new(0.1, 10))).is_err());
    }
}
