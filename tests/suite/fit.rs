//! `[[fit]]`: parameters of a theory from measured networks through a spec.

use saddlepoint::run::fitting::Fitting;
use saddlepoint::run::{Settings, execute};
use saddlepoint::spec::{Options, Spec};

fn parse(text: &str) -> saddlepoint::Result<Spec> {
    Spec::parse("test", "test.toml", text, &Options::default())
}

fn fits(text: &str) -> Vec<Fitting> {
    execute(&parse(text).unwrap(), &Settings::default())
        .unwrap()
        .fits
}

/// Kernel ridge regression at ridge 0.3 and noise 0.2 on 12 data sets.
fn machine(fit: &str) -> String {
    format!(
        "version = 1\nseed = 4\n[task]\nkind = 'power-law-features'\nspectrum_exponent = 2.0\ntarget_exponent = 2.0\nmodes = 300\nsamples = 60\n\
         noise = 0.2\n[learner]\nkind = 'kernel-ridge'\nkernel = {{ kind = 'linear' }}\nridge = 0.3\n[training]\nkind = 'closed-form'\n\
         [measure]\nobservables = ['population-error', 'train-loss']\ndatasets = 12\npoints = 1\n[sweep]\n'task.samples' = [60, 120]\n\
         [[theory]]\nkind = 'learning-curve'\nlabel = 'curve'\n[[fit]]\ntheory = 'curve'\n{fit}"
    )
}

const BOTH: &str = "observables = ['population-error', 'train-loss']\nkey = 'task.samples'\n\
                    free = { 'learner.ridge' = { from = 0.01, to = 10.0, scale = 'log' }, 'task.noise' = { from = 0.01, to = 1.0 } }\n";

/// The values that the experiment was run at are met within their errors, of all cells together and of each by itself.
#[test]
fn ridge_and_noise_are_recovered() {
    let together = fits(&machine(BOTH));
    assert_eq!(
        (together.len(), together[0].cells.as_slice()),
        (1, &[0, 1][..])
    );
    let found = together[0].result.as_ref().unwrap();
    assert_eq!(found.reference, Some(vec![0.3, 0.2]));
    assert_eq!((found.fit.n, found.fit.degrees), (12, 2));
    for p in &found.fit.parameters {
        assert!(p.pull.unwrap().abs() < 3.0, "{p:?}");
        assert!(p.stderr.unwrap() < 0.3 * p.estimate, "{p:?}");
    }
    // Without a fit the theory stands at the same points; the fit can only come nearer in its own measure.
    assert_eq!(found.stated.as_ref().unwrap().len(), 4);
    assert!(found.fit.p.unwrap() > 1e-3);
    let each = fits(&machine(&BOTH.replace("key = 'task.samples'\n", "")));
    assert_eq!(each.len(), 2);
    assert_eq!(each[1].cells, [1]);
}

/// Twelve wide networks by gradient descent, with the time scale of their lazy theory free.
const DESCENT: &str = "version = 1\nseed = 4\n[task]\nkind = 'linear-teacher'\nsingular_values = [2.0, 1.0]\ninput_dim = 4\noutput_dim = 2\nsamples = 30\n\
                [learner]\nkind = 'mlp'\nwidths = [64]\nparametrization = 'ntk'\ninit = { kind = 'gaussian', scale = 1.0 }\n\
                [training]\nkind = 'gradient-descent'\nlearning_rate = 0.02\ntime = 2.0\n[measure]\nobservables = ['train-loss']\nreplicas = 12\npoints = 5\n\
                [[theory]]\nkind = 'ntk'\nlabel = 'lazy'\n[[fit]]\ntheory = 'lazy'\nobservables = ['train-loss']\n\
                free = { time_scale = { from = 0.5, to = 2.0, scale = 'log' } }\n";

/// A learning rate that a theory has wrong is a factor of its times.
#[test]
fn a_wrong_learning_rate_is_a_scale_of_time() {
    let found = fits(DESCENT);
    let scale = &found[0].result.as_ref().unwrap().fit.parameters[0];
    // Networks of width 64 are lazy to some per cent.
    assert!((scale.estimate - 1.0).abs() < 0.1, "{scale:?}");
    let other = DESCENT.replace(
        "label = 'lazy'",
        "label = 'lazy'\nassume = { 'training.time' = 2.0 }",
    );
    assert_eq!(
        fits(&other)[0].result.as_ref().unwrap().fit.parameters[0]
            .estimate
            .to_bits(),
        scale.estimate.to_bits()
    );
}

/// What the points do not tell is refused by name, in a row of its own.
#[test]
fn what_cannot_be_estimated_is_a_row() {
    let error = |fit: &str| {
        fits(&machine(fit))[0]
            .result
            .as_ref()
            .err()
            .unwrap()
            .clone()
    };
    let one = BOTH
        .replace("'population-error', ", "")
        .replace("key = 'task.samples'\n", "");
    let message = error(&one);
    assert!(message.contains("2 parameters"), "{message}");
}

#[test]
fn wrong_fits_name_their_key() {
    for (fit, says) in [
        (
            BOTH.replace("'train-loss'", "'test-loss'"),
            "fit[0].observables[1]",
        ),
        (
            BOTH.replace("key = 'task.samples'", "key = 'task.modes'"),
            "fit[0].key",
        ),
        (
            BOTH.replace("from = 0.01, to = 10.0", "from = 10.0, to = 0.01"),
            "fit[0].free.learner.ridge",
        ),
        (
            BOTH.replace("'learner.ridge'", "'task.modes'"),
            "whole number",
        ),
        (BOTH.replace("'learner.ridge'", "'learner.rigde'"), "rigde"),
        (
            BOTH.replace("from = 0.01, to = 1.0", "from = -1.0, to = 1.0"),
            "task.noise",
        ),
        (
            "observables = ['train-loss']\nfree = {}\n".into(),
            "nothing to fit",
        ),
    ] {
        let message = parse(&machine(&fit)).err().unwrap().to_string();
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn hopeless_fits_are_refused_before_anything_is_trained() {
    let refused = |text: &str, says: &str| {
        let message = parse(text).err().unwrap().to_string();
        assert!(message.contains(says), "{says}: {message}");
    };
    refused(
        &machine(BOTH).replace("datasets = 12", "datasets = 4"),
        "4 draws",
    );
    refused(
        &machine(&BOTH.replace(
            "'population-error', 'train-loss'",
            "'train-loss', 'train-loss'",
        )),
        "named twice",
    );
    refused(
        &machine(&BOTH.replace(
            "free = {",
            "free = { 'task.samples' = { from = 1.0, to = 2.0 },",
        )),
        "changes along the cells",
    );
    refused(
        &machine(&BOTH.replace("'learner.ridge'", "'training.learning_rate'")),
        "time_scale",
    );
}

/// Where a theory is given the start of a network, both begin with the same loss: what differs there is rounding, and does not enter.
#[test]
fn points_without_scatter_beyond_rounding_do_not_enter() {
    let found = fits(DESCENT);
    let fit = &found[0].result.as_ref().unwrap().fit;
    assert_eq!(fit.dropped, [0]);
    assert!(
        fit.notes.iter().any(|n| n.contains("beyond rounding")),
        "{:?}",
        fit.notes
    );
}
