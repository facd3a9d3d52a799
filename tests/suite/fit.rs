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

/// The correction of order 1/N multiplies every value of the theory, and the value stated for it is that of no correction.
#[test]
fn a_width_correction_is_a_factor_of_all_values() {
    let free = "free = { width_correction = { from = -30.0, to = 30.0 } }";
    let text = DESCENT.replace(
        "free = { time_scale = { from = 0.5, to = 2.0, scale = 'log' } }",
        free,
    );
    let found = fits(&text);
    let found = found[0].result.as_ref().unwrap();
    assert_eq!(found.reference, Some(vec![0.0]));
    let factor = 1.0 + found.fit.parameters[0].estimate / 64.0;
    let stated = found.stated.as_ref().unwrap();
    for (fitted, stated) in found.estimate.iter().zip(stated) {
        assert!((fitted / stated - factor).abs() < 1e-12);
    }
    assert!((factor - 1.0).abs() > 1e-6);
    // Kernel machines have no width.
    let machine = machine(&BOTH.replace(
        "'task.noise' = { from = 0.01, to = 1.0 }",
        "width_correction = { from = 0.0, to = 1.0 }",
    ));
    let error = parse(&machine).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("no hidden layer"), "{error}");
}

/// A key of the theory's own entry: the common start of idealised modes, which the networks do not state.
#[test]
fn a_key_of_the_entry_is_fitted() {
    let text = "version = 1\nseed = 4\n[task]\nkind = 'linear-teacher'\nsingular_values = [2.0]\ninput_dim = 4\noutput_dim = 2\nsamples = 30\n\
                whitened = true\n[learner]\nkind = 'mlp'\nwidths = [40]\ninit = { kind = 'gaussian', scale = 0.01 }\n\
                [training]\nkind = 'gradient-descent'\nlearning_rate = 0.01\ntime = 3.0\n\
                [measure]\nobservables = ['mode-strength']\nreplicas = 16\npoints = 7\n\
                [[theory]]\nkind = 'saxe'\nlabel = 'modes'\ncondition = 'none'\n\
                [[fit]]\ntheory = 'modes'\nobservables = ['mode-strength']\n\
                free = { 'theory.u0' = { from = 1e-4, to = 0.1, scale = 'log' } }\n";
    let found = fits(text);
    let found = found[0].result.as_ref().unwrap();
    let u0 = &found.fit.parameters[0];
    assert_eq!(
        (u0.name.as_str(), found.reference.as_ref()),
        ("theory.u0", None)
    );
    // The start that the entry takes for Gaussian weights is N scale^2/2 = 2e-3: the fit finds its size by itself.
    assert!((5e-4..8e-3).contains(&u0.estimate), "{u0:?}");
    let error = parse(&text.replace("theory.u0", "theory.u1"));
    assert!(error.map(|_| ()).unwrap_err().to_string().contains("u1"));
}

/// Richness and temperature of real networks come back within two standard deviations, by the profile and by resampled draws, one step or a
/// fit for each resample.
#[test]
fn the_richness_of_networks_is_recovered() {
    let text = |bootstrap: &str| {
        format!(
            "version = 1\nseed = 6\n[task]\nkind = 'table'\ninputs = [[1.4, 0.0, 0.3], [0.8, 1.1, -0.5]]\ntargets = [1.0, -0.5]\n\
             [learner]\nkind = 'mlp'\nwidths = [400]\nparametrization = 'mean-field'\nrichness = 1.5\ninit = {{ kind = 'gaussian', scale = 1.0 }}\n\
             [training]\nkind = 'gradient-descent'\nlearning_rate = 0.2\nsteps = 12\n\
             [measure]\nobservables = [{{ kind = 'outputs', over = 'time' }}]\nreplicas = 60\npoints = 4\n\
             [[theory]]\nkind = 'dmft'\nlabel = 'theory'\n\
             [[fit]]\ntheory = 'theory'\nobservables = ['outputs']\n\
             free = {{ 'learner.richness' = {{ from = 0.3, to = 5.0, scale = 'log' }} }}\n{bootstrap}"
        )
    };
    let of = |bootstrap: &str| {
        let found = fits(&text(bootstrap));
        let found = found[0].result.as_ref().unwrap();
        found.fit.parameters[0].clone()
    };
    let (step, full) = (of(""), of("bootstrap = 'full'\n"));
    assert!(step.pull.unwrap().abs() < 2.0, "{step:?}");
    let [wide, _] = [&step.bootstrap, &full.bootstrap].map(|b| b.as_ref().unwrap()[1]);
    assert!(wide.lower < 1.5 && 1.5 < wide.upper, "{wide:?}");
    // Both ways of resampling give an interval of the same length, to the error of 200 resamples.
    let length = |p: &saddlepoint::compare::fit::Fitted| {
        let i = &p.bootstrap.as_ref().unwrap()[0];
        i.upper - i.lower
    };
    let ratio = length(&full) / length(&step);
    assert!((0.75..1.33).contains(&ratio), "{ratio}");
    assert_eq!(step.estimate.to_bits(), full.estimate.to_bits());
}
