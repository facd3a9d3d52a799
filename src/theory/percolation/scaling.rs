//! Finite-size scaling: exponents of observables in the size of the lattice.

use super::limit::one_number;
use super::{event, leath, promise, setting};
use crate::experiment::Experiment;
use crate::instrument::Declined;
use crate::kind::{About, Kind};
use crate::percolation::exponents::{
    ACCESSIBLE_PERIMETER_DIMENSION_2D, Exponent, HULL_DIMENSION_2D, exponents,
};
use crate::percolation::occupation;
use crate::percolation::thresholds::threshold;
use crate::theory::{Answer, Asked, Info, Known, Number, Plan, Question, Theory};

static ABOUT: About = About {
    kind: "percolation-scaling",
    summary: "exponents of finite-size scaling at the threshold, value ~ L^k, for [[reduce]] kind = \"exponent\" over task.size; tau of the sizes",
    text: "\
At the threshold the largest cluster is a fractal, <s_max> ~ L^(d_f), and sum_i s_i^2 ~ L^(2 d_f). It follows that

  largest-cluster       <s_max>/N   ~ L^(d_f - d) = L^(-beta/nu)
  susceptibility        chi'        ~ L^(2 d_f - d) = L^(gamma/nu)
  mean-cluster-size     S           ~ L^(gamma/nu)

Sets within the clusters have dimensions of their own:

  hull-length           L^(7/4), two dimensions (Saleur & Duplantier 1987)
  accessible-perimeter  L^(4/3), two dimensions (Aizenman, Duplantier & Aharony 1999)
  backbone-mass         L^(d_B), in two dimensions 1.6433331633 (Nolin, Qian, Sun & Zhuang 2023, arXiv:2309.05050)
  red-bonds             L^(1/nu) (Coniglio 1982)
  wrapping-slope        dR_x/dp ~ L^(1/nu), the pivotal elements of a torus
  chemical-distance     L^(d_min), 1.13077(2) in two and 1.3756(6) in three dimensions (Zhou, Yang, Deng & Ziff 2012,
                        arXiv:1112.3428)

The exponents are those of the dimension d: exact in two dimensions (but for d_min), published numbers in 3 to 5, mean
field from 6 on (with logarithmic corrections in 6). On tori above six dimensions <s_max> ~ N^(2/3): d_f is replaced by
2 d/3, and the dimensions of the sets are not predicted.

Up to six dimensions, curves of wrapping or spanning probabilities are functions of (p - p_c) L^(1/nu): this theory gives
1/nu to [[reduce]] kind = \"collapse\".

Amplitudes are not predicted. A single size has therefore no prediction, and exponents go to [[reduce]]. The only values are

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
    ..Info::of(&ABOUT)
};

const FISHER: &str = "fisher-exponent";
const GYRATION: &str = "gyration-exponent";

/// Registry line.
pub const KIND: Kind<dyn Theory> = without_keys!(Scaling);

#[derive(Debug)]
struct Scaling;

impl Theory for Scaling {
    fn info(&self) -> &'static Info {
        &INFO
    }

    fn plan(&self, experiment: &Experiment, asked: &[Asked]) -> Result<Plan, Declined> {
        let no = |e: crate::error::Error| Declined(e.to_string());
        if let Some((lattice, growth)) = leath(experiment) {
            let critical = threshold(lattice, growth.dimension(), growth.element()).map_err(no)?;
            if (growth.occupation() - critical.value).abs() > critical.stderr.max(1e-9) {
                return Err(Declined(
                    "a power law at the threshold alone (task.p)".into(),
                ));
            }
            let tau = exponents(growth.dimension()).map_err(no)?.tau;
            let value = (tau.value - 2.0, tau.stderr);
            let promise = promise(&["task.doublings"]);
            return one_number(asked, &["survival-exponent"], value, promise);
        }
        let setting = setting(experiment)?;
        let table = exponents(setting.dimension).map_err(no)?;
        let critical = occupation(setting, None).map_err(no)?;
        let at_threshold = |a: &Asked| a.axes().first().is_some_and(|p| p.values == [critical]);
        let answer = |(i, a): (usize, &Asked)| {
            let value = match a.name() {
                FISHER => known(table.tau),
                GYRATION => inverse(table.fractal_dimension),
                _ => return None,
            };
            let values = vec![(value.value, value.bound); a.size()];
            at_threshold(a).then(|| Answer::on_grid(i, a, values))
        };
        let answers: Vec<Answer> = asked.iter().enumerate().filter_map(answer).collect();
        let promise = promise(&["task.size"]);
        if answers.is_empty() && asked.iter().any(|a| [FISHER, GYRATION].contains(&a.name())) {
            return Err(Declined(
                "tau and 1/d_f are those of clusters at the threshold".into(),
            ));
        }
        let method = "published exponents";
        Ok(Plan::known(promise, asked, method, answers))
    }

    fn known(&self, experiment: &Experiment, question: &Question) -> Option<Known> {
        let at_size = question.key == "task.size";
        let setting = setting(experiment).ok().filter(|_| at_size)?;
        let table = exponents(setting.dimension).ok()?;
        let (d, below) = (setting.dimension as f64, setting.dimension <= 6);
        if question.number == Number::ScalingExponent {
            let scales = below && event(question.observable).is_some();
            return scales.then(|| inverse(table.nu));
        }
        if question.number != Number::Exponent {
            return None;
        }
        let fractal = match below {
            true => table.fractal_dimension.value,
            false => 2.0 * d / 3.0,
        };
        let error = table.fractal_dimension.stderr;
        let of = |value: f64, bound: f64| Some(Known { value, bound });
        match question.observable {
            "hull-length" if setting.dimension == 2 => of(HULL_DIMENSION_2D, 0.0),
            "accessible-perimeter" if setting.dimension == 2 => {
                of(ACCESSIBLE_PERIMETER_DIMENSION_2D, 0.0)
            }
            "backbone-mass" if below => Some(known(table.backbone_dimension)),
            "chemical-distance" if below => Some(known(table.shortest_path_dimension)),
            "red-bonds" | "wrapping-slope" if below => {
                let dimension = table.red_bond_dimension();
                of(dimension, dimension * table.nu.stderr / table.nu.value)
            }
            "largest-cluster" => of(fractal - d, error),
            "susceptibility" | "mean-cluster-size" => of(2.0 * fractal - d, 2.0 * error),
            _ => None,
        }
    }
}

fn known(e: Exponent) -> Known {
    Known {
        value: e.value,
        bound: e.stderr,
    }
}

/// The inverse of an exponent with its uncertainty.
fn inverse(e: Exponent) -> Known {
    Known {
        value: 1.0 / e.value,
        bound: e.stderr / e.value.powi(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::Context;
    use crate::experiment::{Draws, Spacing};
    use crate::instrument::Wanted;
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
                ..Draws::default()
            },
        }
    }

    fn ask(number: Number, e: &Experiment, observable: &str, key: &str) -> Option<Known> {
        let question = Question {
            number,
            observable,
            key,
        };
        Scaling.known(e, &question)
    }

    fn exponent(e: &Experiment, observable: &str, key: &str) -> Option<Known> {
        ask(Number::Exponent, e, observable, key)
    }

    #[test]
    fn exponents_are_those_of_the_table() {
        let of = |d: usize, name: &str| {
            let task = format!("kind = \"percolation-lattice\"\nsize = 3\ndimension = {d}");
            exponent(&experiment(&task), name, "task.size")
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
        assert!(exponent(&square, "largest-cluster", "task.sweeps").is_none());
        let cubic = experiment("kind = \"percolation-lattice\"\nsize = 3\ndimension = 3");
        let bound = exponent(&cubic, "red-bonds", "task.size").unwrap().bound;
        assert!((bound - 1.2e-3 / 0.876_2f64.powi(2)).abs() < 1e-15);
        assert!(exponent(&cubic, "hull-length", "task.size").is_none());
        assert!(Scaling.plan(&square, &[]).unwrap().answers().is_empty());
        let tau = Wanted {
            observable: crate::instrument::find("", FISHER).unwrap().observable(),
            axes: vec![crate::instrument::Axis::new(
                "p",
                "1",
                vec![0.592_746_050_788],
            )],
        };
        let plan = Scaling.plan(&square, &[tau.into()]).unwrap();
        let solved = plan
            .solve(&crate::experiment::Draw::default(), &Context::default())
            .unwrap();
        assert_eq!(solved.answers[0].mean, [187.0 / 91.0]);
        let radii = Wanted {
            observable: crate::instrument::find("", GYRATION).unwrap().observable(),
            axes: vec![
                crate::instrument::Axis::new("p", "1", vec![0.592_746_050_788]),
                crate::instrument::Axis::new("size", "sites", vec![128.0, 256.0]),
            ],
        };
        let plan = Scaling.plan(&square, &[radii.into()]).unwrap();
        let solved = plan
            .solve(&crate::experiment::Draw::default(), &Context::default())
            .unwrap();
        let [a, b] = solved.answers[0].mean[..] else {
            panic!("two sizes");
        };
        assert!(a == b && (a - 48.0 / 91.0).abs() < 1e-15);
        let [value, bound] = ask(Number::ScalingExponent, &cubic, "wrapping-x", "task.size")
            .map(|k| [k.value, k.bound])
            .unwrap();
        assert!(
            (value - 1.0 / 0.876_2).abs() < 1e-12 && (bound - 1.2e-3 * value * value).abs() < 1e-15
        );
        assert!(
            ask(
                Number::ScalingExponent,
                &cubic,
                "largest-cluster",
                "task.size"
            )
            .is_none()
        );
    }
}
