//! Who asks for a plain perceptron declines one with biases or with a read-out that is not trained; who does not, does
//! not; who asks for a trained read-out alone takes biases.

use saddlepoint::experiment::{Draws, Experiment, Spacing};
use saddlepoint::instrument::{INSTRUMENTS, Instrument, Wanted};
use saddlepoint::kind::component;
use saddlepoint::learner::LEARNERS;
use saddlepoint::task::TASKS;
use saddlepoint::theory::{THEORIES, questions};
use saddlepoint::training::TRAININGS;

/// What a decline for want of a plain perceptron says.
const REASON: &str = "without biases and with a trained read-out";

/// Theories of plain linear perceptrons.
const PLAIN_THEORIES: [&str; 6] = [
    "saxe",
    "saddle-to-saddle",
    "linear-posterior",
    "kernel-scaling",
    "kernel-adaptation",
    "mean-field",
];

/// Theories that take biases and decline a read-out that is not trained.
const TRAINED_READOUT: [&str; 1] = ["nngp"];

/// Instruments of plain linear perceptrons.
const PLAIN_INSTRUMENTS: [&str; 3] = [
    "conserved-quantity",
    "conserved-drift",
    "preactivation-density",
];

/// A perceptron of one hidden layer, with its name; the first is plain.
const LEARNERS_OF_ALL_KINDS: [(&str, &str); 4] = [
    ("plain", ""),
    (
        "biases",
        "bias = true\nprior = { weight = 1.0, bias = 0.1 }",
    ),
    ("committee", "readout = 'committee'"),
    (
        "both",
        "readout = 'committee'\nbias = true\nprior = { weight = 1.0, bias = 0.1 }",
    ),
];

const WHITE: &str = "kind = 'linear-teacher'\nsingular_values = [2.0]\ninput_dim = 3\noutput_dim = 1\n\
    samples = 8\ntest_samples = 4";
/// Fewer samples than inputs: what a network does cannot be read off its outputs.
const FEW: &str = "kind = 'linear-teacher'\nsingular_values = [2.0]\ninput_dim = 6\noutput_dim = 1\n\
    samples = 4\nwhitened = false";

const DESCENTS: [&str; 3] = [
    "kind = 'gradient-flow'\ntime = 1.0",
    "kind = 'gradient-descent'\nlearning_rate = 0.01\nsteps = 50",
    "kind = 'langevin'\nstep = 0.01\ntemperature = 0.1\nsteps = 50",
];

fn experiment(task: &str, keys: &str, activation: &str, training: &str) -> Experiment {
    let prior = match keys.contains("prior") {
        true => "",
        false => "prior = { weight = 1.0 }\n",
    };
    let learner = format!("kind = 'mlp'\nwidths = [4]\nactivation = '{activation}'\n{prior}{keys}");
    Experiment {
        seed: 1,
        task: component("task", TASKS, task.parse().unwrap()).unwrap(),
        learner: Some(component("learner", LEARNERS, learner.parse().unwrap()).unwrap()),
        training: Some(component("training", TRAININGS, training.parse().unwrap()).unwrap()),
        draws: Draws {
            datasets: 2,
            replicas: 2,
            points: 5,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

/// Names of the observables that a theory predicts, or why it declines.
fn planned(kind: &str, experiment: &Experiment, wanted: &[Wanted]) -> Result<Vec<String>, String> {
    let theory = component("theory", THEORIES, table(kind)).unwrap();
    let plan = theory
        .plan(experiment, &questions(wanted))
        .map_err(|d| d.to_string())?;
    let name = |&i: &usize| wanted[i].observable.name.to_string();
    Ok(plan.answers().iter().map(name).collect())
}

fn table(kind: &str) -> toml::Table {
    format!("kind = '{kind}'").parse().unwrap()
}

/// Everything that instruments measure on the plain network.
fn wanted(experiment: &Experiment) -> Vec<Wanted> {
    let of = |i: &&dyn Instrument| {
        i.axes(experiment).ok().map(|axes| Wanted {
            observable: i.observable(),
            axes,
        })
    };
    INSTRUMENTS.iter().filter_map(of).collect()
}

#[test]
fn theories_of_plain_perceptrons_decline_the_others() {
    // A table is what its file says, whatever the network.
    let kinds = THEORIES.iter().map(|k| k.about.kind);
    for kind in kinds.filter(|k| *k != "table") {
        let mut accepted = false;
        for training in DESCENTS {
            let of = |keys: &str| experiment(WHITE, keys, "linear", training);
            let observables = wanted(&of(""));
            let plain = planned(kind, &of(""), &observables);
            accepted |= plain.is_ok();
            for (name, keys) in &LEARNERS_OF_ALL_KINDS[1..] {
                let other = planned(kind, &of(keys), &observables);
                match PLAIN_THEORIES.contains(&kind) {
                    // One that declines the training declines it first, or the network.
                    true => {
                        let reason = other.expect_err(&format!("{kind} takes {name}"));
                        assert!(
                            plain.is_err() || reason.contains(REASON),
                            "{kind} {name}: {reason}"
                        );
                    }
                    false => assert_eq!(
                        other.is_ok(),
                        plain.is_ok()
                            && !(keys.contains("committee") && TRAINED_READOUT.contains(&kind)),
                        "{kind} {name}: {other:?} {plain:?}"
                    ),
                }
            }
        }
        assert!(
            accepted || !PLAIN_THEORIES.contains(&kind),
            "{kind} takes no plain network"
        );
    }
}

#[test]
fn instruments_of_plain_perceptrons_decline_the_others() {
    for instrument in INSTRUMENTS {
        let name = instrument.about().kind;
        for training in DESCENTS {
            let axes = |keys: &str| {
                let experiment = experiment(WHITE, keys, "linear", training);
                instrument.axes(&experiment).map_err(|d| d.to_string())
            };
            let plain = axes("");
            for (which, keys) in &LEARNERS_OF_ALL_KINDS[1..] {
                let other = axes(keys);
                match PLAIN_INSTRUMENTS.contains(&name) {
                    true => {
                        assert!(plain.is_ok(), "{name}: {plain:?}");
                        let reason = other.expect_err(&format!("{name} takes {which}"));
                        assert!(reason.contains(REASON), "{name} {which}: {reason}");
                    }
                    false => assert_eq!(other.is_ok(), plain.is_ok(), "{name} {which}: {other:?}"),
                }
            }
        }
    }
}

/// With fewer samples than inputs the map of a linear network is read off its weights, which only a plain one allows.
#[test]
fn maps_of_other_networks_need_as_many_samples_as_inputs() {
    let of = |keys: &str| experiment(FEW, keys, "linear", DESCENTS[0]);
    let plain = wanted(&of(""));
    let names =
        |wanted: &[Wanted]| -> Vec<&str> { wanted.iter().map(|w| w.observable.name).collect() };
    let map = ["mode-strength", "input-output-map", "half-rise-time"];
    assert!(
        map.iter().all(|name| names(&plain).contains(name)),
        "{:?}",
        names(&plain)
    );
    let by_ntk = planned("ntk", &of(""), &plain).unwrap();
    assert!(by_ntk.iter().any(|name| name == "input-output-map"));
    for (which, keys) in &LEARNERS_OF_ALL_KINDS[1..] {
        let other = of(keys);
        let measured = wanted(&other);
        let by_ntk = planned("ntk", &other, &plain).unwrap();
        for name in map {
            assert!(!names(&measured).contains(&name), "{which} {name}");
            assert!(!by_ntk.iter().any(|n| n == name), "{which} {name}");
        }
    }
    // So does a plain network that is not linear.
    let curved = wanted(&experiment(FEW, "", "tanh", DESCENTS[0]));
    assert!(!names(&curved).contains(&"input-output-map"));
}

/// A linear network in full batch is trained on compressed data; with biases or a committee it must see the samples
/// themselves.
#[test]
fn other_networks_are_not_compressed() {
    for (name, keys) in LEARNERS_OF_ALL_KINDS {
        let e = experiment(
            &WHITE.replace("samples = 8", "samples = 400"),
            keys,
            "linear",
            DESCENTS[1],
        );
        let (learner, training) = (e.learner.unwrap(), e.training.unwrap());
        let shape = e.task.shape();
        let fewer = saddlepoint::task::Shape {
            samples: 200,
            ..shape
        };
        let work = |shape| training.cost(learner.as_ref(), shape).flops;
        // The work of a step grows with the samples unless they are compressed.
        let grows = work(shape) > 1.5 * work(fewer);
        assert_eq!(grows, name != "plain", "{name}");
    }
}
