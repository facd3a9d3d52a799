//! What is refused, warned of and passed on.

use super::*;
use std::cell::Cell;

fn refused(case: &Case) -> String {
    case.attempt().unwrap_err().to_string()
}

#[test]
fn a_large_step_is_told_as_a_divergence() {
    let case = Case::two(Activation::Linear, 2, 1.0, 30.0, 20);
    let message = refused(&case);
    assert!(
        message.starts_with("dmft did not converge") && message.contains("steps"),
        "{message}"
    );
}

#[test]
fn memory_is_refused_before_it_is_taken_and_what_fits_is_told() {
    let mut case = Case::two(Activation::Tanh, 2, 1.0, 0.5, 2000);
    case.settings.response = Some(Response::Paths);
    let error = case.attempt().unwrap_err();
    let Error::Resource {
        needed,
        limit,
        remedy,
        ..
    } = &error
    else {
        panic!("{error}");
    };
    assert!(needed > limit);
    let words: Vec<&str> = remedy.split(' ').collect();
    let place = words.iter().position(|&word| word == "steps,").unwrap();
    case.steps = words[place - 1].parse().unwrap();
    let need = |case: &Case| bytes(&case.problem(), &case.settings, Response::Paths);
    assert!(need(&case) <= *limit);
    case.steps += 1;
    assert!(need(&case) > *limit);
    // Left to itself the solver takes the other form, and says so.
    case.steps = 8;
    case.settings.response = None;
    case.settings.max_memory = need(&case) - 1;
    let solution = case.solve();
    assert!(
        solution.response == Response::Stein && solution.reason.contains("limit"),
        "{}",
        solution.reason
    );
}

#[test]
fn wrong_settings_are_named() {
    let case = Case::two(Activation::Tanh, 2, 1.0, 0.5, 4);
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = case.clone();
        change(&mut case);
        refused(&case)
    };
    assert!(with(&|case| case.settings.samples = 0).starts_with("samples: "));
    assert!(with(&|case| case.settings.repeats = 1).starts_with("repeats: "));
    assert!(with(&|case| case.settings.keep = vec![5]).starts_with("keep: "));
    assert!(with(&|case| case.targets = vec![1.0; 3]).starts_with("kernel: "));
    let independent =
        |case: &mut Case| case.settings.approximation = Approximation::GradientIndependence;
    assert!(with(&independent).starts_with("readout: "));
    assert!(
        with(&|case| {
            case.activation = Activation::Relu;
            case.settings.response = Some(Response::Paths);
        })
        .starts_with("response: ")
    );
}

#[test]
fn few_paths_are_warned_of() {
    let mut case = Case::two(Activation::Tanh, 2, 1.0, 0.3, 20);
    case.settings.samples = 48;
    let solution = case.solve();
    assert!(!solution.matched && solution.raised_pivots > 0 && solution.warnings.len() == 1);
}

#[test]
fn the_fraction_grows_and_an_interruption_is_passed_on() {
    let case = Case::two(Activation::Tanh, 2, 1.0, 0.5, 3);
    let (calls, last) = (Cell::new(0), Cell::new(-1.0));
    let look = |fraction: f64| {
        assert!(fraction > last.get() && fraction < 1.0);
        last.set(fraction);
        calls.set(calls.get() + 1);
        if calls.get() == 6 {
            Err(Error::Interrupted)
        } else {
            Ok(())
        }
    };
    let stopped = solve(&case.problem(), &case.activation, &case.settings, &look);
    assert!(matches!(stopped, Err(Error::Interrupted)) && calls.get() == 6);
}
