//! Cells with more draws than blocks: the same numbers as those of all draws, for every number of threads.

use super::assess::{RowResult, assess};
use super::{Measurement, Outcome, Settings, execute};
use crate::compare::Blocks;
use crate::compare::reductions::primitives;
use crate::spec::{Options, Spec};

const SPEC: &str = r#"
version = 1
seed = 4
[task]
kind = "linear-teacher"
singular_values = [2.0, 1.0]
input_dim = 3
output_dim = 2
samples = 8
test_samples = 4
[learner]
kind = "mlp"
widths = [4]
parametrization = "ntk"
[training]
kind = "gradient-descent"
learning_rate = 0.01
steps = 3
[[theory]]
kind = "ntk"
"#;

fn run(measure: &str, threads: usize) -> (Spec, Outcome) {
    let text = format!("{SPEC}\n[measure]\npoints = 2\n{measure}\n");
    let spec = Spec::parse("streams", "spec.toml", &text, &Options::default()).unwrap();
    let settings = Settings {
        threads,
        ..Settings::default()
    };
    let outcome = execute(&spec, &settings).unwrap();
    (spec, outcome)
}

fn measured(outcome: &Outcome) -> &Measurement {
    outcome.cells[0].measurement.as_ref().unwrap()
}

/// All draws of the parts of a run, of few draws each, for one observable.
fn kept(parts: &[Outcome], observable: usize) -> Vec<(crate::experiment::DrawIndex, Vec<f64>)> {
    let of_part = |o: &Outcome| {
        let m = measured(o);
        assert!(m.streamed.is_none());
        let draws = m.draws.iter().zip(&m.values);
        draws
            .map(|(d, v)| (*d, v[observable].clone()))
            .collect::<Vec<_>>()
    };
    parts.iter().flat_map(of_part).collect()
}

fn agrees_with_its_parts(levels: [&str; 2], rows: usize, rest: &str, observables: usize) {
    let [level, of_parts] = levels;
    let part = |first: usize| run(&format!("{of_parts}\nfirst = {first}\n{rest}"), 1).1;
    let size = of_parts.rsplit(' ').next().unwrap().parse().unwrap();
    let parts: Vec<Outcome> = (0..rows).step_by(size).map(part).collect();
    for threads in [1, 3] {
        let (spec, whole) = run(&format!("{level}\n{rest}"), threads);
        let m = measured(&whole);
        assert!(m.streamed.is_some() && m.values.is_empty());
        for k in 0..observables {
            let draws = kept(&parts, k);
            assert_eq!(m.draws, draws.iter().map(|d| d.0).collect::<Vec<_>>());
            assert_eq!(m.blocks(k).unwrap(), Blocks::from_draws(&draws).unwrap());
            let (found, all) = (m.primitives(k).unwrap(), primitives(&draws).unwrap());
            let off = (&found.values - &all.values).amax();
            assert!(off < 1e-12 * (1.0 + all.values.amax()), "{off}");
        }
        // The theory of every network is paired with the networks.
        let league = assess(&spec, &whole).unwrap();
        let compared = |r: &super::assess::Row| matches!(r.result, RowResult::Compared { .. });
        assert!(league.rows.iter().any(compared));
    }
}

#[test]
fn replicas_are_added_up_to_the_bits_of_all_draws() {
    let levels = ["replicas = 600", "replicas = 200"];
    agrees_with_its_parts(levels, 600, "observables = ['train-loss', 'ntk']", 2);
}

/// An ensemble quantity is formed of the replicas of one data set before they are added up.
#[test]
fn data_sets_are_added_up_with_their_ensemble_quantities() {
    let levels = ["datasets = 300", "datasets = 150"];
    let rest = "replicas = 3\nobservables = ['predictor-variance', 'train-loss']";
    agrees_with_its_parts(levels, 300, rest, 2);
}

/// Of one data set they need all replicas: then the draws are kept.
#[test]
fn draws_are_kept_where_they_are_few_or_needed_together() {
    let few = "replicas = 256\nobservables = ['train-loss']";
    let ensemble = "replicas = 300\nobservables = ['train-loss', 'predictor-variance']";
    for (measure, draws) in [(few, 256), (ensemble, 300)] {
        let (_, outcome) = run(measure, 2);
        let m = measured(&outcome);
        assert!(m.streamed.is_none() && m.values.len() == draws);
    }
}
