//! Stages: continuation, clock, places of errors.

use super::*;
use crate::learner::{Activation, Mlp};
use crate::numerics::random::{normal_matrix, stream};
use crate::task::Modes;
use crate::training::{GradientDescent, Sgd};
use nalgebra::{DMatrix, DVector};

fn dataset() -> Dataset {
    let mut rng = stream(5, "stages", &[]);
    Dataset {
        x: normal_matrix(&mut rng, 3, 10),
        y: normal_matrix(&mut rng, 1, 10),
        test: None,
        modes: Modes {
            u: DMatrix::zeros(1, 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(3, 0),
        },
        groups: None,
        blocks: None,
    }
}

fn mlp() -> Mlp {
    Mlp {
        widths: vec![4],
        activation: Activation::Tanh,
        ..Mlp::default()
    }
}

fn stage(name: &str, training: impl Training + 'static) -> Stage {
    Stage {
        name: name.into(),
        training: Arc::new(training),
    }
}

fn path(
    training: &dyn Training,
    record: &[usize],
) -> Result<(Vec<(usize, Parameters)>, Parameters)> {
    let (data, learner) = (dataset(), mlp());
    let start = learner.initialize(&data, &mut stream(1, "initial", &[]))?;
    let mut seen = Vec::new();
    let mut rng = stream(1, "training", &[]);
    let end = training.train(&learner, start.into(), &data, record, &mut rng, &mut |s| {
        seen.push((s.step, s.parameters.clone()));
        Ok(())
    })?;
    Ok((seen, end))
}

/// Descent without memory does not see where it is cut, to the bit.
#[test]
fn descent_in_stages_is_descent() {
    let record = [0, 3, 7, 8, 20];
    let whole = path(&GradientDescent::new(0.1, 20), &record).unwrap();
    let first = stage("a", GradientDescent::new(0.1, 7));
    let second = stage("b", GradientDescent::new(0.1, 13));
    let cut = path(&Stages::new(vec![first, second]).unwrap(), &record).unwrap();
    assert_eq!(whole, cut);
}

/// A stage with momentum starts at rest where the descent ended; its noise comes from the same stream.
#[test]
fn a_stage_starts_where_the_last_one_ended() {
    let text = "learning_rate = 0.02\nsteps = 9\nmomentum = 0.9\nbatch = 5";
    let sgd = || Sgd::parse("training", text.parse().unwrap()).unwrap();
    let first = GradientDescent::new(0.1, 7);
    let stages = Stages::new(vec![stage("a", first.clone()), stage("b", sgd())]).unwrap();
    let (seen, end) = path(&stages, &[7, 16]).unwrap();
    let (_, middle) = path(&first, &[]).unwrap();
    assert_eq!(seen[0], (7, middle.clone()));
    let mut rng = stream(1, "training", &[]);
    let alone = sgd()
        .train(
            &mlp(),
            middle.into(),
            &dataset(),
            &[],
            &mut rng,
            &mut |_| Ok(()),
        )
        .unwrap();
    assert_eq!(end, alone);
    assert_eq!(seen[1], (16, alone));
}

#[test]
fn a_diverging_stage_names_itself_and_the_step_since_the_start() {
    let stages = vec![
        stage("calm", GradientDescent::new(0.01, 50)),
        stage("wild", GradientDescent::new(1e3, 50)),
    ];
    let error = path(&Stages::new(stages).unwrap(), &[]).unwrap_err();
    let Error::Diverged { place, step, .. } = error else {
        panic!("{error}")
    };
    assert!(place.contains("stage wild") && step > 50, "{place} {step}");
}

#[test]
fn wrong_lists_name_their_place() {
    let good = "{ name = \"a\", kind = \"gradient-descent\", learning_rate = 0.1, steps = 5 }";
    for (list, place) in [
        ("[]".to_string(), "training: no stages"),
        (format!("[{good}, {good}]"), "training[1].name"),
        (
            format!(
                "[{good}, {}]",
                good.replace("steps", "step").replace("\"a\"", "\"b\"")
            ),
            "training[1].step: unknown key",
        ),
        (
            format!("[{}]", good.replace("name = \"a\", ", "")),
            "training[0].name: missing",
        ),
        (
            format!(
                "[{good}, {}]",
                good.replace("}", ", loss = \"half-sum\" }")
                    .replace("\"a\"", "\"b\"")
            ),
            "training[1].loss",
        ),
        (
            "[{ name = \"a\", kind = \"closed-form\" }]".to_string(),
            "training[0].kind",
        ),
    ] {
        let table = format!("stages = {list}").parse().unwrap();
        let message = Stages::parse("training", table).unwrap_err().to_string();
        assert!(message.contains(place), "{message}");
    }
}
