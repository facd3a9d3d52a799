//! The Bethe lattice: weights of clusters, mean size and infinite share, with the cap of the simulation.

use super::{OF_TREES, growth, promise};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::{Draw, Experiment, Promise};
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::trees::{Bethe, Growth};
use crate::theory::{
    Answer, Asked, Info, Known, Number, Plan, Prediction, Question, Solve, Theory, answered_of,
};
use serde_json::{Value as Json, json};

static ABOUT: About = About {
    kind: "bethe-lattice",
    summary: "cluster weights, mean size and infinite share of the Bethe lattice, exact at every p and cap",
    text: "\
On a tree in which every site has z neighbours (the Bethe lattice) everything about clusters is known in closed
form. n_s is the number of clusters of s sites per site. Bonds, each present with probability p:

  cluster-weight      s n_s,  n_s = z ((z-1)s)! / (s! ((z-2)s+2)!) p^(s-1) (1-p)^((z-2)s+2)
  infinite-share      1 - sum_(s <= cap) s n_s
  mean-cluster-size   sum_s min(s, cap) s n_s

cluster-weight is the probability that a site is in a cluster of s sites. infinite-share is the rest: sites in
clusters larger than task.cap, at which the growth of a cluster is stopped. As the cap grows, infinite-share tends
to 1 - R^z, R the smallest root of R = 1 - p + p R^(z-1), and mean-cluster-size, below p_c = 1/(z-1), to (1 +
p)/(1 - (z-1) p).

Sites, each occupied with probability p: cluster-weight and infinite-share are p times those of bonds. The mean
size, seen from an occupied site, is the same.

Sums over sizes are carried out up to task.cap, so that nothing is taken to a limit. An entry with assume = {
\"task.cap\" = 1000000 } shows what the cap costs.

At the threshold the exponents of the cap are known, for [[reduce]] kind = \"exponent\", key = \"task.cap\":
infinite-share ~ cap^(2 - tau) = cap^(-1/2), and mean-cluster-size ~ cap^(3 - tau) = cap^(1/2), with a correction
cap^(-1/2).

worked number: z = 3, bonds, p = 0.3: mean size (1 + 0.3)/(1 - 0.6) = 3.25

keys: none
limits: none",
    revision: 1,
};

static INFO: Info = Info {
    source: "Fisher & Essam, J. Math. Phys. 2, 609 (1961)",
    observables: OF_TREES,
    assumptions: &["no loops: the infinite regular tree"],
    ..Info::of(&ABOUT)
};

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(OnBethe);

#[cfg(test)]
#[path = "tree_tests.rs"]
mod tests;

#[derive(Debug)]
struct OnBethe;

/// Lattice and cap of the experiment.
fn lattice(experiment: &Experiment) -> Option<(Bethe, u64)> {
    match *growth(experiment)? {
        Growth::Bethe { lattice, cap, .. } => Some((lattice, cap as u64)),
        Growth::ErdosRenyi { .. } => None,
    }
}

impl Theory for OnBethe {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(
        &self,
        experiment: &Experiment,
        asked: &[Asked],
    ) -> std::result::Result<Plan, Declined> {
        let (lattice, cap) = lattice(experiment).ok_or_else(|| {
            Declined("needs a Bethe lattice (task.kind = \"percolation-tree\")".into())
        })?;
        let promise = Promise {
            seconds: 1e-7 * cap as f64,
            ..promise(&[])
        };
        let answers = answered_of(asked, OF_TREES)?;
        Ok(Plan::new(promise, asked, answers, Sums { lattice, cap }))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let (lattice, _) = lattice(experiment)?;
        let asked = question.number == Number::Exponent && question.key == "task.cap";
        if !asked || lattice.occupation() != lattice.threshold() {
            return None;
        }
        let value = match question.observable {
            "infinite-share" => -0.5,
            "mean-cluster-size" => 0.5,
            _ => return None,
        };
        Some(Known::exact(value))
    }
}

struct Sums {
    lattice: Bethe,
    cap: u64,
}

impl Solve for Sums {
    fn inputs(&self) -> Json {
        json!([self.lattice, self.cap])
    }

    fn solve(&self, asked: &[Asked], _: &Draw, _: &Context) -> Result<Prediction> {
        let cut = self.lattice.cut_off(self.cap);
        let density = self.lattice.site_density();
        let predict = |(i, asked): (usize, &Asked)| {
            let values = match asked.name() {
                "infinite-share" => vec![(density * cut.larger, density * cut.bounds[0])],
                "mean-cluster-size" => vec![(cut.mean_size, cut.bounds[1])],
                _ => {
                    let sizes = asked.axes()[0].values.iter();
                    let value = |&s: &f64| {
                        let weight = s * self.lattice.cluster_number(s as u64);
                        (weight, weight * self.lattice.rounding(s as u64))
                    };
                    sizes.map(value).collect()
                }
            };
            Answer::on_grid(i, asked, values)
        };
        let answers = asked.iter().enumerate().map(predict).collect();
        let method = "closed forms, summed over sizes up to the cap";
        Ok(Prediction::of(method, answers))
    }
}
