//! Finite-size scaling: exponents of observables in the size of the lattice.

use super::limit::Constants;
use super::{covered, event, leath, promise, setting};
use crate::experiment::Experiment;
use crate::instrument::{Declined, Wanted};
use crate::kind::{About, Kind, parse_table};
use crate::percolation::exponents::{
    ACCESSIBLE_PERIMETER_DIMENSION_2D, Exponent, HULL_DIMENSION_2D, exponents,
};
use crate::percolation::occupation;
use crate::percolation::thresholds::threshold;
use crate::theory::constant::NoKeys;
use crate::theory::{Info, Known, Number, Plan, Predicted, Question, Theory};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "percolation-scaling",
    summary: "exponents of finite-size scaling at the threshold, value ~ L^k, for [[reduce]] kind = \"exponent\" over task.size; tau of the sizes",
    text: "\
At the threshold <s_max> ~ L^(d_f), sum_i s_i^2 ~ L^(2 d_f), so that

  largest-cluster       <s_max>/N   ~ L^(d_f - d) = L^(-beta/nu)
  susceptibility        chi'        ~ L^(2 d_f - d) = L^(gamma/nu)
  mean-cluster-size     S           ~ L^(gamma/nu)

and sets within the clusters have dimensions of their own:

  hull-length           L^(7/4), two dimensions (Saleur & Duplantier 1987)
  accessible-perimeter  L^(4/3), two dimensions (Aizenman, Duplantier & Aharony 1999)
  backbone-mass         L^(d_B), in two dimensions 1.6433331633 (Nolin, Qian, Sun & Zhuang 2023, arXiv:2309.05050)
  red-bonds             L^(1/nu) (Coniglio 1982)
  wrapping-slope        dR_x/dp ~ L^(1/nu), the pivotal elements of a torus
  chemical-distance     L^(d_min), 1.13077(2) in two and 1.3756(6) in three dimensions (Zhou, Yang, Deng & Ziff 2012, arXiv:1112.3428)

with the exponents of the dimension (exact in two dimensions but for d_min, published in 3 to 5, mean field from 6 on with logarithmic
corrections in 6). On tori above six dimensions <s_max> ~ N^(2/3): d_f is replaced by 2 d/3, and the dimensions of the sets are not
predicted. Curves of wrapping or spanning probabilities are functions of (p - p_c) L^(1/nu), up to six dimensions: it gives 1/nu to [[reduce]] kind =
\"collapse\". Amplitudes are not predicted: it gives exponents to [[reduce]]. The only values are those of

  fisher-exponent       tau = 1 + d/d_f, 187/91 in two dimensions
  gyration-exponent     1/d_f, 48/91 in two dimensions, at all sizes
  survival-exponent     tau - 2, of clusters grown on an infinite lattice (task percolation-growth)

The published uncertainty of an exponent is its bound.

keys: none
limits: task.size -> inf, task.doublings -> inf
source: see percolation::exponents; periodic lattices above six dimensions: Aizenman 1997",
    revision: 2,
};

static INFO: Info = Info {
    about: &ABOUT,
    source: "Stauffer & Aharony 1994; exponents: see percolation::exponents",
    observables: &[
        "largest-cluster",
        "susceptibility",
        "mean-cluster-size",
        "survival-exponent",
        "hull-length",
        "accessible-perimeter",
        "backbone-mass",
        "red-bonds",
        "wrapping-slope",
        "chemical-distance",
        FISHER,
        GYRATION,
    ],
    assumptions: &[
        "the occupation is the threshold",
        "lattices and clusters are large",
    ],
};

const FISHER: &str = "fisher-exponent";
const GYRATION: &str = "gyration-exponent";

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
        let setting = setting(experiment)?;
        let mut covers = covered(wanted, &[FISHER, GYRATION]).map_err(|_| {
            Declined(
                "predicts exponents: they stand beside [[reduce]] kind = \"exponent\", key = \"task.size\"".into(),
            )
        })?;
        let critical = occupation(setting, None).map_err(|e| Declined(e.to_string()))?;
        covers.retain(|&i| wanted[i].axes[0].values == [critical]);
        if covers.is_empty() {
            return Err(Declined(
                "tau and 1/d_f are those of clusters at the threshold".into(),
            ));
        }
        let table = exponents(setting.dimension).map_err(|e| Declined(e.to_string()))?;
        let of = |&i: &usize| {
            let (value, bound) = match wanted[i].observable.name {
                GYRATION => inverse(table.fractal_dimension),
                _ => (table.tau.value, table.tau.stderr),
            };
            let points = crate::instrument::observable::size(&wanted[i].axes);
            Predicted {
                wanted: i,
                mean: vec![value; points],
                bound: vec![bound; points],
                stderr: None,
            }
        };
        Ok(Box::new(Constants {
            predicted: covers.iter().map(of).collect(),
            covers,
            promise: promise(&["task.size -> inf"], 0, 0.0),
        }))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        match (question.key, question.number) {
            ("task.size", Number::Exponent) => exponent(experiment, question.observable),
            ("task.size", Number::ScalingExponent) => {
                scaling_exponent(experiment, question.observable)
            }
            _ => None,
        }
    }
}

/// The exponent of an observable in the size of the lattice.
fn exponent(experiment: &Experiment, observable: &str) -> Option<Known> {
    let setting = experiment.task.percolation()?;
    let d = setting.dimension as f64;
    let table = exponents(setting.dimension).ok()?;
    let published = table.fractal_dimension;
    let fractal = match setting.dimension > 6 {
        true => 2.0 * d / 3.0,
        false => published.value,
    };
    let known = |value: f64, bound: f64| Some(Known { value, bound });
    let of = |e: Exponent| known(e.value, e.stderr);
    match (observable, setting.dimension) {
        ("hull-length", 2) => return known(HULL_DIMENSION_2D, 0.0),
        ("accessible-perimeter", 2) => return known(ACCESSIBLE_PERIMETER_DIMENSION_2D, 0.0),
        ("backbone-mass", ..=6) => return of(table.backbone_dimension),
        ("chemical-distance", ..=6) => return of(table.shortest_path_dimension),
        ("red-bonds" | "wrapping-slope", ..=6) => {
            let dimension = table.red_bond_dimension();
            return known(dimension, dimension * table.nu.stderr / table.nu.value);
        }
        _ => {}
    }
    match observable {
        "largest-cluster" => known(fractal - d, published.stderr),
        "susceptibility" | "mean-cluster-size" => known(2.0 * fractal - d, 2.0 * published.stderr),
        _ => None,
    }
}

/// The exponent `1/nu` of curves of probabilities.
fn scaling_exponent(experiment: &Experiment, observable: &str) -> Option<Known> {
    let setting = setting(experiment).ok()?;
    let scales = setting.dimension <= 6 && event(observable).is_some();
    let table = exponents(setting.dimension).ok().filter(|_| scales)?;
    let (value, bound) = inverse(table.nu);
    Some(Known { value, bound })
}

/// The inverse of an exponent with its uncertainty.
fn inverse(e: Exponent) -> (f64, f64) {
    (1.0 / e.value, e.stderr / e.value.powi(2))
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

    fn known(e: &Experiment, number: Number, observable: &str, key: &str) -> Option<Known> {
        let question = Question {
            number,
            observable,
            key,
        };
        Scaling.known(e, &question)
    }

    #[test]
    fn exponents_are_those_of_the_table() {
        let of = |d: usize, name: &str| {
            let task = format!("kind = \"percolation-lattice\"\nsize = 3\ndimension = {d}");
            let e = experiment(&task);
            known(&e, Number::Exponent, name, "task.size")
                .unwrap()
                .value
        };
        assert!((of(2, "largest-cluster") + 5.0 / 48.0).abs() < 1e-14);
        assert!((of(2, "susceptibility") - 43.0 / 24.0).abs() < 1e-14);
        assert!((of(3, "largest-cluster") + 0.47707).abs() < 1e-10);
        assert!((of(9, "largest-cluster") + 3.0).abs() < 1e-12);
        for (d, name, value) in [
            (2, "hull-length", 1.75),
            (2, "accessible-perimeter", 4.0 / 3.0),
            (2, "backbone-mass", 1.643_333_163_3),
            (2, "red-bonds", 0.75),
            (2, "wrapping-slope", 0.75),
            (2, "chemical-distance", 1.130_77),
            (3, "chemical-distance", 1.375_6),
            (3, "red-bonds", 1.0 / 0.876_2),
        ] {
            assert!((of(d, name) - value).abs() < 1e-10, "{name}");
        }
        let square = experiment("kind = \"percolation-lattice\"\nsize = 3");
        let other = known(&square, Number::Exponent, "largest-cluster", "task.sweeps");
        assert!(other.is_none());
        let cubic = experiment("kind = \"percolation-lattice\"\nsize = 3\ndimension = 3");
        let of = |name| known(&cubic, Number::Exponent, name, "task.size");
        let bound = of("red-bonds").unwrap().bound;
        assert!((bound - 1.2e-3 / 0.876_2f64.powi(2)).abs() < 1e-15);
        assert!(of("hull-length").is_none());
        assert!(Scaling.plan(&square, &[]).is_err());
        let tau = Wanted {
            observable: crate::instrument::find("", FISHER).unwrap().observable(),
            axes: vec![crate::instrument::Axis::new(
                "p",
                "1",
                vec![0.592_746_050_788],
            )],
        };
        let plan = Scaling.plan(&square, &[tau]).unwrap();
        let solved = plan.solve(&crate::experiment::Draw::default()).unwrap();
        assert_eq!(solved.observables[0].mean, [187.0 / 91.0]);
        let radii = Wanted {
            observable: crate::instrument::find("", GYRATION).unwrap().observable(),
            axes: vec![
                crate::instrument::Axis::new("p", "1", vec![0.592_746_050_788]),
                crate::instrument::Axis::new("size", "sites", vec![128.0, 256.0]),
            ],
        };
        let plan = Scaling.plan(&square, &[radii]).unwrap();
        let solved = plan.solve(&crate::experiment::Draw::default()).unwrap();
        let [a, b] = solved.observables[0].mean[..] else {
            panic!("two sizes");
        };
        assert!(a == b && (a - 48.0 / 91.0).abs() < 1e-15);
        let of = |name| known(&cubic, Number::ScalingExponent, name, "task.size");
        let Known { value, bound } = of("wrapping-x").unwrap();
        assert!(
            (value - 1.0 / 0.876_2).abs() < 1e-12 && (bound - 1.2e-3 * value * value).abs() < 1e-15
        );
        assert!(of("largest-cluster").is_none());
    }
}
