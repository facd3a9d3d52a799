//! Equipartition in the posterior of any network.

use crate::experiment::Experiment;
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::theory::constant::{Constant, NoKeys};
use crate::theory::{Info, Plan, Theory};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "virial-identity",
    summary: "equipartition: E[sum_j theta_j dU/dtheta_j] = n T in the posterior exp(-U/T) of any network",
    text: "\
Partial integration of exp(-U/T), which the prior makes vanish at infinity, gives E[theta_j dU/dtheta_j] = T for every parameter: the
virial ratio is exactly 1, for every activation, width and data set. It holds for the exact sampler; lm and ula miss it by the error of
their step.

keys: none
limits: training.step -> 0 (not for mala and hmc), training.steps -> inf",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "virial theorem (Clausius 1870) for the Gibbs measure exp(-U/T)",
    observables: &["virial-ratio"],
    assumptions: &["the chain is in equilibrium"],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(VirialIdentity))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct VirialIdentity;

impl Theory for VirialIdentity {
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
        let sampling = experiment.training.as_ref().and_then(|t| t.sampling());
        let limits: &[&str] = match sampling {
            None => {
                let why = "needs a sampler (training.kind = \"langevin\")";
                return Err(Declined(why.into()));
            }
            Some(sampling) if sampling.exact => &["training.steps -> inf"],
            Some(_) => &["training.step -> 0", "training.steps -> inf"],
        };
        Constant::plan(
            "virial-ratio",
            vec![1.0],
            "partial integration",
            limits,
            wanted,
            "is one number per chain",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draw, Draws, Spacing};
    use crate::instrument::find;
    use crate::learner::Mlp;
    use crate::task::LinearTeacher;
    use crate::training::langevin::Langevin;
    use crate::training::{GradientDescent, Training};

    fn plan(training: Arc<dyn Training>) -> std::result::Result<Box<dyn Plan>, Declined> {
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
            },
        };
        let wanted = Wanted {
            observable: find("", "virial-ratio").unwrap().observable(),
            axes: vec![],
        };
        let theory = VirialIdentity;
        theory.plan(&experiment, &[wanted])
    }

    #[test]
    fn the_ratio_is_one_and_needs_a_sampler() {
        for (scheme, limits) in [("lm", 2), ("hmc", 1)] {
            let text = format!("step = 0.1\ntemperature = 1.0\nsteps = 10\nscheme = \"{scheme}\"");
            let langevin = Langevin::parse("training", text.parse().unwrap()).unwrap();
            let plan = plan(Arc::new(langevin)).unwrap();
            assert_eq!(plan.promise().limits.len(), limits);
            let prediction = plan.solve(&Draw::default()).unwrap();
            assert_eq!(prediction.observables[0].mean, [1.0]);
        }
        assert!(plan(Arc::new(GradientDescent::new(0.1, 10))).is_err());
    }
}
