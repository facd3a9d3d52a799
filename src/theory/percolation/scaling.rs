//! Finite-size scaling: exponents of observables in the size of the lattice.

use super::limit::Constants;
use super::{covered, leath, setting};
use crate::experiment::Experiment;
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::exponents::exponents;
use crate::percolation::thresholds::threshold;
use crate::theory::constant::NoKeys;
use crate::theory::{Info, Plan, Theory};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "percolation-scaling",
    summary: "exponents of finite-size scaling at the threshold, value ~ L^k, for [[reduce]] kind = \"exponent\" over task.size",
    text: "\
At the threshold <s_max> ~ L^(d_f), sum_i s_i^2 ~ L^(2 d_f), so that

  largest-cluster     <s_max>/N   ~ L^(d_f - d) = L^(-beta/nu)
  susceptibility      chi'        ~ L^(2 d_f - d) = L^(gamma/nu)
  mean-cluster-size   S           ~ L^(gamma/nu)

with the exponents of the dimension (exact in two dimensions, published in 3 to 5, mean field from 6 on with logarithmic corrections
in 6). On tori above six dimensions <s_max> ~ N^(2/3): d_f is replaced by 2 d/3. Amplitudes are not predicted: it gives
exponents to [[reduce]] and no values. Of clusters grown on an infinite lattice (task percolation-growth) it predicts survival-exponent,
tau - 2. The published uncertainty of an exponent is its bound.

keys: none
limits: task.size -> inf, task.doublings -> inf
source: see percolation::exponents; periodic lattices above six dimensions: Aizenman 1997",
    revision: 1,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Stauffer & Aharony 1994; exponents: see percolation::exponents",
    observables: &[
        "largest-cluster",
        "susceptibility",
        "mean-cluster-size",
        "survival-exponent",
    ],
    assumptions: &["the occupation is the threshold", "the lattice is large"],
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = Kind {
    about: &ABOUT,
    parse: |place, table| {
        parse_table::<NoKeys>(place, table)?;
        Ok(Arc::new(Scaling))
    },
    schema: <NoKeys as schemars::JsonSchema>::json_schema,
};

#[derive(Debug)]
struct Scaling;

impl Theory for Scaling {
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
        if let Some((lattice, growth)) = leath(experiment) {
            let covers = covered(wanted, &["survival-exponent"])?;
            let no = |e: crate::error::Error| Declined(e.to_string());
            let critical = threshold(lattice, growth.dimension(), growth.element()).map_err(no)?;
            if (growth.occupation() - critical.value).abs() > critical.stderr.max(1e-9) {
                return Err(Declined(
                    "a power law at the threshold alone (task.p)".into(),
                ));
            }
            let tau = exponents(growth.dimension()).map_err(no)?.tau;
            let value = (tau.value - 2.0, tau.stderr);
            return Ok(Constants::plan(covers, value, &["task.doublings -> inf"]));
        }
        setting(experiment)?;
        Err(Declined(
            "predicts exponents alone: they stand beside [[reduce]] kind = \"exponent\", key = \"task.size\"".into(),
        ))
    }

    fn exponent(&self, experiment: &Experiment, observable: &str, key: &str) -> Option<(f64, f64)> {
        let setting = experiment
            .task
            .percolation()
            .filter(|_| key == "task.size")?;
        let d = setting.dimension as f64;
        let known = exponents(setting.dimension).ok()?.fractal_dimension;
        let fractal = match setting.dimension > 6 {
            true => 2.0 * d / 3.0,
            false => known.value,
        };
        match observable {
            "largest-cluster" => Some((fractal - d, known.stderr)),
            "susceptibility" | "mean-cluster-size" => Some((2.0 * fractal - d, 2.0 * known.stderr)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::{Draws, Spacing};
    use crate::kind::component;
    use crate::task::TASKS;

    fn experiment(task: &str) -> Experiment {
        Experiment {
            seed: 1,
            task: component("task", TASKS, task.parse().unwrap()).unwrap(),
            learner: None,
            training: None,
            draws: Draws {
                datasets: 5,
                replicas: 1,
                points: 2,
                spacing: Spacing::Linear,
            },
        }
    }

    #[test]
    fn exponents_are_those_of_the_table() {
        let of = |d: usize, name: &str| {
            let task = format!("kind = \"percolation-lattice\"\nsize = 3\ndimension = {d}");
            Scaling
                .exponent(&experiment(&task), name, "task.size")
                .unwrap()
                .0
        };
        assert!((of(2, "largest-cluster") + 5.0 / 48.0).abs() < 1e-14);
        assert!((of(2, "susceptibility") - 43.0 / 24.0).abs() < 1e-14);
        assert!((of(3, "largest-cluster") + 0.47707).abs() < 1e-10);
        assert!((of(9, "largest-cluster") + 3.0).abs() < 1e-12);
        let square = experiment("kind = \"percolation-lattice\"\nsize = 3");
        assert!(
            Scaling
                .exponent(&square, "largest-cluster", "task.sweeps")
                .is_none()
        );
        assert!(Scaling.plan(&square, &[]).is_err());
    }
}
