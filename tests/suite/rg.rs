//! Flows of the renormalisation group as league entries: reference numbers through specs, networks against theory.

use saddlepoint::plot::Series;
use saddlepoint::run::assess::{RowResult, assess};
use saddlepoint::run::document::predicted;
use saddlepoint::run::{Outcome, Settings, execute};
use saddlepoint::spec::{Options, Spec};

fn parse(text: &str) -> Spec {
    Spec::parse("test", "test.toml", text, &Options::default()).unwrap()
}

fn run(text: &str) -> Outcome {
    execute(&parse(text), &Settings::default()).unwrap()
}

/// What theory `entry` of the first cell says of a quantity, with the values of its last axis.
fn told(outcome: &Outcome, entry: usize, name: &str) -> (Vec<f64>, Vec<f64>) {
    let cell = &outcome.cells[0];
    let theory = &cell.theories[entry];
    let values = predicted(cell, theory).unwrap();
    let found = values.iter().find(|v| v.observable.name == name);
    let found = found.unwrap_or_else(|| panic!("{name} is not told: {:?}", theory.status));
    let axis = found.axes.last().map_or(Vec::new(), |a| a.values.clone());
    (found.mean.clone(), axis)
}

fn scalar(outcome: &Outcome, entry: usize, name: &str) -> f64 {
    told(outcome, entry, name).0[0]
}

fn close(value: f64, expected: f64, tolerance: f64) {
    assert!(
        (value - expected).abs() <= tolerance,
        "{value} is not {expected}"
    );
}

fn task(modes: usize, samples: usize) -> String {
    format!(
        "version = 1\nseed = 5\n[task]\nkind = 'power-law-features'\nspectrum_exponent = 2.0\ntarget_exponent = 2.0\nmodes = {modes}\n\
         samples = {samples}\n"
    )
}

const KERNEL: &str = "[learner]\nkind = 'kernel-ridge'\nkernel = { kind = 'linear' }\nridge = 0.1\n[training]\nkind = 'closed-form'\n";

/// The table of ridge flows: `alpha = 1`, `D = 4000`, `P = 100`, `sigma^2 = 0.1`.
#[test]
fn every_scheme_tells_its_flow() {
    let schemes = ["exact", "tail-sum", "running", "continuum"];
    let entry = |scheme: &&str| {
        format!(
            "[[theory]]\nkind = 'rg-flow'\nlabel = '{scheme}'\nscheme = '{scheme}'\ntell = ['running-ridge', 'renormalised-ridge', 'learned-modes']\n"
        )
    };
    let entries: String = schemes.iter().map(entry).collect();
    let outcome = run(&format!("{}{KERNEL}{entries}", task(4000, 100)));
    let renormalised = [0.16220171, 0.136110, 0.15756219, 0.15689829];
    let learned = [None, Some(27.0), Some(28.0), Some(28.007869)];
    for entry in 0..4 {
        let tolerance = if entry == 1 { 1e-6 } else { 1e-8 };
        close(
            scalar(&outcome, entry, "renormalised-ridge"),
            renormalised[entry],
            tolerance,
        );
        if let Some(learned) = learned[entry] {
            close(scalar(&outcome, entry, "learned-modes"), learned, 1e-6);
        }
        let (ridges, cutoffs) = told(&outcome, entry, "running-ridge");
        assert_eq!((cutoffs[0], *cutoffs.last().unwrap()), (1.0, 4000.0));
        let start = *ridges.last().unwrap();
        close(start, 0.1, 1e-12);
        assert!(
            ridges.windows(2).all(|w| w[0] > w[1]),
            "the ridge grows as modes go"
        );
    }
    // sum L_k + sigma^2/kp = P.
    let learned = scalar(&outcome, 0, "learned-modes");
    close(learned + 0.1 / (0.16220171 / 100.0), 100.0, 1e-4);
}

/// Every answer of the exact scheme is that of the learning curve, whose spectrum it renormalises.
#[test]
fn the_exact_scheme_is_the_learning_curve() {
    let text = format!(
        "{}noise = 0.1\n{KERNEL}[measure]\nobservables = ['population-error', 'train-loss']\ndatasets = 1\n[[theory]]\nkind = 'rg-flow'\n\
         tell = ['running-noise', 'local-exponent']\n[[theory]]\nkind = 'learning-curve'\n",
        task(400, 40)
    );
    let outcome = run(&text);
    for name in ["population-error", "train-loss"] {
        let (flow, curve) = (scalar(&outcome, 0, name), scalar(&outcome, 1, name));
        close(flow / curve, 1.0, 1e-9);
    }
    let (noise, cutoffs) = told(&outcome, 0, "running-noise");
    close(*noise.last().unwrap(), 0.01, 1e-15);
    assert_eq!(noise.len(), cutoffs.len());
    // The exponent is the slope between two numbers of samples.
    let at = |samples: usize| {
        let text = text.replace("samples = 40", &format!("samples = {samples}"));
        scalar(&run(&text), 0, "population-error")
    };
    let slope = (at(41) / at(39)).ln() / (41.0f64 / 39.0).ln();
    close(scalar(&outcome, 0, "local-exponent"), slope, 1e-4);
}

/// The table of random features, and the exchange of samples and features.
#[test]
fn random_features_are_symmetric_in_samples_and_features() {
    let spec = |samples: usize, features: usize, mean_ridge: f64, noise: f64| {
        let ridge = mean_ridge * samples as f64;
        run(&format!(
            "{}noise = {noise}\n[learner]\nkind = 'random-features'\nactivation = 'linear'\nfeatures = {features}\nweight = 2.0\nridge = {}\n\
             [training]\nkind = 'closed-form'\n[measure]\nobservables = ['population-error']\n[[theory]]\nkind = 'random-feature-curve'\n\
             tell = ['renormalised-ridge', 'learned-modes']\n",
            task(1500, samples),
            2.0 * ridge
        ))
    };
    for (samples, features) in [(100, 300), (300, 100)] {
        let outcome = spec(samples, features, 1e-3, 0.0);
        close(scalar(&outcome, 0, "population-error"), 0.04286762, 1e-8);
        close(scalar(&outcome, 0, "learned-modes"), 36.297154, 1e-6);
        close(
            scalar(&outcome, 0, "renormalised-ridge") / samples as f64,
            0.00178586,
            1e-8,
        );
    }
    let noisy = spec(100, 300, 1e-4, 0.02f64.sqrt());
    close(
        scalar(&noisy, 0, "population-error") + 0.02,
        0.06489352,
        1e-8,
    );
}

fn quartic(method: &str, more: &str) -> String {
    // m = P/sigma^2 = 20, w = 3 P q/sigma^2 = 50.
    format!(
        "{}[learner]\nkind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = {{ readout = 1.0 }}\n[training]\nkind = 'langevin'\nscheme = 'hmc'\n\
         step = 0.0001\nleapfrog_steps = 90\ntemperature = 2.5\nsteps = 1200\nloss = {{ quartic = 0.8333333333333334 }}\n[measure]\nobservables = [{{ kind = 'population-error', over = 'chain' }}]\n\
         replicas = 1\n[[theory]]\nkind = 'quartic-flow'\nmethod = '{method}'\n{more}",
        task(50, 50)
    )
}

/// Reference numbers at `D = 50`, `m = 20`, `w = 50`.
#[test]
fn methods_of_the_quartic_theory_tell_their_numbers() {
    let theory = |method: &str, more: &str| {
        let text = quartic(method, more);
        let text = text.replace(
            "[measure]\nobservables = [{ kind = 'population-error', over = 'chain' }]\nreplicas = 1\n",
            "",
        );
        run(&text)
    };
    let exact = theory(
        "functional",
        "tell = ['renormalised-mass', 'free-energy', 'running-vertex', 'scaling-exponents']\n",
    );
    close(scalar(&exact, 0, "renormalised-mass"), 36.48614567, 2e-5);
    close(scalar(&exact, 0, "free-energy"), 10.19157305, 1e-6);
    let (vertex, cutoffs) = told(&exact, 0, "running-vertex");
    // After the modes from 10 up are gone, nine are left.
    close(
        vertex[cutoffs.iter().position(|&k| k == 9.0).unwrap()],
        48.198070,
        1e-4,
    );
    let (exponents, _) = told(&exact, 0, "scaling-exponents");
    assert!(
        exponents.iter().all(|e| (1.0..4.0).contains(e)),
        "{exponents:?}"
    );
    let partition = theory("partition", "tell = ['renormalised-mass', 'free-energy']\n");
    close(scalar(&partition, 0, "free-energy"), 10.19157305, 1e-8);
    close(
        scalar(&partition, 0, "renormalised-mass"),
        20.0 + 50.0 * 0.32972291,
        1e-6,
    );
    let hartree = theory("hartree", "tell = ['renormalised-mass']\n");
    close(scalar(&hartree, 0, "renormalised-mass"), 36.77992033, 1e-8);
    let one_loop = theory("one-loop", "tell = ['renormalised-mass']\n");
    close(scalar(&one_loop, 0, "renormalised-mass"), 36.88247, 1e-5);
}

/// Huber's loss with a wide threshold is the squared loss, of which the exact mean square is known.
#[test]
fn a_wide_huber_loss_is_the_squared_loss() {
    let of = |loss: &str| {
        let text = quartic("functional", "").replace("{ quartic = 0.8333333333333334 }", loss);
        let text = text.replace("steps = 1200", "steps = 400\ncertify = false");
        scalar(&run(&text), 0, "population-error")
    };
    let square = of("'half-sum'");
    close(of("{ huber = 50.0 }") / square, 1.0, 1e-5);
    assert!(of("{ huber = 0.5 }") > 1.05 * square);
}

#[test]
fn the_flow_diagram_tells_fixed_points_and_lines() {
    let outcome = run(&format!(
        "{}[[theory]]\nkind = 'flow-diagram'\nstart = [[0.01, 0.0], [-0.6, 0.48]]\ntime = 2.0\n\
         tell = ['flow-mass', 'flow-vertex', 'fixed-point-mass', 'fixed-point-vertex', 'fixed-point-eigenvalues']\n",
        task(100, 10)
    ));
    let of = |name: &str| told(&outcome, 0, name).0;
    close(of("fixed-point-mass")[1], -0.6, 1e-12);
    close(of("fixed-point-vertex")[1], 0.48, 1e-12);
    close(of("fixed-point-eigenvalues")[2], 2.35889894, 1e-8);
    let (mass, scale) = told(&outcome, 0, "flow-mass");
    let n = scale.len();
    // Without a vertex the mass grows with its engineering exponent; at the fixed point nothing moves.
    for (m, s) in mass[..n].iter().zip(&scale) {
        close(m / (0.01 * (2.0 * s).exp()), 1.0, 1e-6);
    }
    assert!(
        mass[n..].iter().all(|m| (m + 0.6).abs() < 1e-4),
        "{:?}",
        &mass[n..]
    );
}

/// Networks under the quartic loss follow the estimate of order 1/P, and lie above the limit of many samples.
#[test]
fn sampled_networks_follow_the_quartic_theory() {
    let text = quartic(
        "finite-samples",
        "[[theory]]\nkind = 'quartic-flow'\nlabel = 'exact'\n",
    );
    let text = text.replace("replicas = 1\n", "replicas = 1\ndatasets = 24\n");
    let spec = parse(&text);
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let found = assess(&spec, &outcome).unwrap();
    let deviations: Vec<f64> = found
        .rows
        .iter()
        .map(|row| match &row.result {
            RowResult::Compared { comparison, .. } => comparison.deviation,
            other => panic!("{other:?}"),
        })
        .collect();
    // At P = 50 the exact flow, of infinitely many samples, is 16 % off.
    assert!(
        deviations[0] < 0.03 && deviations[1] > 0.1,
        "{deviations:?}"
    );
}

/// What a solver refuses is a row of its cell, and the other cells stand.
#[test]
fn a_cell_without_a_flow_leaves_the_others() {
    let text = format!(
        "{}{KERNEL}[[theory]]\nkind = 'rg-flow'\nscheme = 'tail-sum'\ntell = ['renormalised-ridge']\n\
         [sweep]\n'task.samples' = [20, 2000]\n",
        task(50, 20)
    );
    let spec = parse(&text);
    let outcome = execute(&spec, &Settings::default()).unwrap();
    let found = assess(&spec, &outcome).unwrap();
    assert!(scalar(&outcome, 0, "renormalised-ridge") > 0.1);
    let declined = |why: &str| {
        found
            .rows
            .iter()
            .any(|row| matches!(&row.result, RowResult::Declined(w) if w.contains(why)))
    };
    assert!(declined("truncated inside the learnable region") && declined("take more modes"));
}

/// A target that runs has no fixed point; the separatrix is told in the direction of the flow, and ends at the interacting point.
#[test]
fn a_running_target_has_lines_alone() {
    let entry = |more: &str| {
        format!(
            "[[theory]]\nkind = 'flow-diagram'\n{more}\ntell = ['flow-mass', 'fixed-point-mass', 'separatrix-mass', 'separatrix-vertex']\n"
        )
    };
    let names = |outcome: &Outcome| -> Vec<&str> {
        let cell = &outcome.cells[0];
        let values = predicted(cell, &cell.theories[0]).unwrap();
        values.iter().map(|v| v.observable.name).collect()
    };
    let still = run(&format!("{}{}", task(100, 10), entry("target = 1.0")));
    assert_eq!(names(&still).len(), 4);
    let runs = task(100, 10).replace("target_exponent = 2.0", "target_exponent = 1.5");
    let running = run(&format!("{runs}{}", entry("target = 1.0")));
    assert_eq!(names(&running), ["flow-mass"]);
    let free = run(&format!("{runs}{}", entry("")));
    assert_eq!(names(&free).len(), 4);
    let (mass, scale) = told(&free, 0, "separatrix-mass");
    let (vertex, _) = told(&free, 0, "separatrix-vertex");
    let end = scale.len() - 1;
    close(scale[end], 0.0, 0.0);
    close(mass[end], -0.6, 1e-3);
    close(vertex[end], 0.48, 1e-3);
    // Along the flow the inner branch comes from the Gaussian point.
    assert!(mass[0].abs() < 0.01 && scale[0] < scale[1], "{}", mass[0]);
    let outside = Spec::parse(
        "test",
        "test.toml",
        &format!("{}{}", task(100, 10), entry("start = [[5.0, 5.0]]")),
        &Options::default(),
    );
    let message = outside.err().unwrap().to_string();
    assert!(message.contains("start") && message.contains("outside the square"));
}

/// Where a scheme ends below the ridge of a ridgeless curve there is no learning curve, but there is a flow.
#[test]
fn a_flow_without_a_learning_curve_is_told() {
    let text = format!(
        "{}{KERNEL}[measure]\nobservables = ['population-error']\npoints = 1\n\
         [[theory]]\nkind = 'rg-flow'\nscheme = 'tail-sum'\ntell = ['renormalised-ridge', 'running-ridge']\n",
        task(4000, 1)
    );
    let outcome = run(&text);
    let theory = &outcome.cells[0].theories[0];
    let values = predicted(&outcome.cells[0], theory).unwrap();
    let names: Vec<&str> = values.iter().map(|v| v.observable.name).collect();
    assert!(names.contains(&"renormalised-ridge"), "{:?}", theory.status);
    assert!(!names.contains(&"population-error"), "{names:?}");
}

/// Levels of several modes: cutoffs count modes, in the ridge flow and in the quartic theory.
#[test]
fn cutoffs_count_modes() {
    let hermite = "version = 1\nseed = 5\n[task]\nkind = 'linear-teacher'\nsingular_values = [1.0]\ninput_dim = 12\noutput_dim = 1\n\
                   whitened = false\nsamples = 30\n";
    let ridge = run(&format!(
        "{hermite}{KERNEL}[[theory]]\nkind = 'rg-flow'\ntell = ['running-ridge', 'learned-modes']\n"
    ));
    let (_, cutoffs) = told(&ridge, 0, "running-ridge");
    assert_eq!(*cutoffs.last().unwrap(), 12.0, "{cutoffs:?}");
    assert!(scalar(&ridge, 0, "learned-modes") > 8.0);
}

/// Below the crossover the local exponent is nearer to that of no ridge, beyond it to that of a fixed ridge; the figure of the windows
/// holds the analytic exponents beside them.
#[test]
fn local_exponents_are_drawn_with_their_crossover() {
    let text = format!(
        "{}{KERNEL}[measure]\nobservables = ['population-error']\ndatasets = 2\npoints = 1\n\
         [sweep]\n'task.samples' = [4, 12, 40, 120]\n\
         [[theory]]\nkind = 'rg-flow'\ntell = ['local-exponent', 'crossover-samples']\n\
         [[reduce]]\nkind = 'local-exponent'\nkey = 'task.samples'\nobservable = 'population-error'\n\
         [[figure]]\nobservable = 'population-error'\nkind = 'reduction'\nalso = ['local-exponent']\nx_scale = 'log'\n",
        task(4000, 4)
    );
    let spec = parse(&text);
    let outcome = execute(&spec, &Settings::default()).unwrap();
    // c_1 = pi/2, P_x = (pi/2)^2/0.1
    let crossover = scalar(&outcome, 0, "crossover-samples");
    close(crossover, std::f64::consts::FRAC_PI_2.powi(2) / 0.1, 1e-9);
    let slope = |cell: usize| {
        let cell = &outcome.cells[cell];
        let values = predicted(cell, &cell.theories[0]).unwrap();
        values
            .iter()
            .find(|v| v.observable.name == "local-exponent")
            .unwrap()
            .mean[0]
    };
    assert!(
        slope(0) < -0.75 && slope(3) > -0.7,
        "{} {}",
        slope(0),
        slope(3)
    );
    let found = assess(&spec, &outcome).unwrap();
    let drawn = saddlepoint::report::figures::figures(&spec, &outcome, &found).unwrap();
    let series = &drawn[0].figure.panels[0].series;
    let xs: Vec<Vec<f64>> = series
        .iter()
        .filter_map(|s| match s {
            Series::Line { x, .. } | Series::Points { x, .. } => Some(x.clone()),
            _ => None,
        })
        .collect();
    let centre = |a: f64, b: f64| (a * b).sqrt();
    let windows = vec![centre(4.0, 40.0), centre(12.0, 120.0)];
    assert!(
        xs.contains(&windows) && xs.contains(&vec![4.0, 12.0, 40.0, 120.0]),
        "{xs:?}"
    );
}

/// A mapped key inside a swept table would be set twice.
#[test]
fn a_map_key_inside_a_swept_table_is_refused() {
    let text = format!(
        "{}{KERNEL}[[theory]]\nkind = 'learning-curve'\n[map]\n'learner.kernel.kind' = ['linear']\nof = ['population-error']\n\
         [sweep]\n'learner.kernel' = [{{ kind = 'linear' }}]\n",
        task(50, 20)
    );
    let refused = Spec::parse("test", "test.toml", &text, &Options::default());
    let message = refused.err().unwrap().to_string();
    assert!(
        message.contains("sets the whole of learner.kernel"),
        "{message}"
    );
}

/// The optimum of a kernel machine is that of its data set: one replica, unless the spec states another number.
#[test]
fn kernel_machines_are_solved_once() {
    let text = |more: &str| {
        format!(
            "{}{KERNEL}[measure]\nobservables = ['population-error']\ndatasets = 2\n{more}\n",
            task(50, 20)
        )
    };
    let draws = |more: &str| parse(&text(more)).cells[0].experiment.draws.replicas;
    assert_eq!((draws(""), draws("replicas = 3")), (1, 3));
    let descended = text("").replace(
        "kind = 'closed-form'",
        "kind = 'gradient-descent'\nlearning_rate = 0.01\nsteps = 2",
    );
    assert_eq!(parse(&descended).cells[0].experiment.draws.replicas, 8);
}

/// The predictions alone.
fn theories(text: &str) -> Outcome {
    let settings = Settings {
        side: saddlepoint::run::Side::Theory,
        ..Settings::default()
    };
    execute(&parse(text), &settings).unwrap()
}

fn relative(value: f64, expected: f64, tolerance: f64) {
    close(value / expected, 1.0, tolerance);
}

/// Every scheme: the learnability is that of the last mode kept, with the ridge of the theory that keeps it; the errors are those of the
/// learning curve whose renormalised ridge the scheme ends with, the training error by the share that is left of the residuals.
#[test]
fn schemes_tell_the_curve_of_their_ridge() {
    let noisy = format!("{}noise = 0.2\ntest_samples = 10\n", task(4000, 100));
    let measured =
        "[measure]\nobservables = ['population-error', 'train-loss', 'test-loss']\npoints = 1\n";
    for scheme in ["exact", "tail-sum", "running", "continuum"] {
        let outcome = theories(&format!(
            "{noisy}{KERNEL}{measured}[[theory]]\nkind = 'rg-flow'\nscheme = '{scheme}'\n\
             tell = ['running-ridge', 'running-learnability', 'renormalised-ridge']\n"
        ));
        let (ridges, cutoffs) = told(&outcome, 0, "running-ridge");
        let (learned, _) = told(&outcome, 0, "running-learnability");
        for ((ridge, k), learned) in ridges.iter().zip(&cutoffs).zip(&learned) {
            let signal = 100.0 * k.powi(-2);
            relative(*learned, signal / (ridge + signal), 1e-9);
        }
        let renormalised = scalar(&outcome, 0, "renormalised-ridge");
        let threshold = renormalised / 100.0;
        let share = |k: i32| 1.0 / (1.0 + threshold * f64::from(k * k));
        let degrees: f64 = (1..=4000).rev().map(share).sum();
        let bare = threshold * (100.0 - degrees);
        let kernel = KERNEL.replace("ridge = 0.1", &format!("ridge = {bare:e}"));
        let curve = theories(&format!(
            "{noisy}{kernel}{measured}[[theory]]\nkind = 'learning-curve'\n"
        ));
        let error = scalar(&curve, 0, "population-error");
        relative(scalar(&outcome, 0, "population-error"), error, 1e-6);
        relative(scalar(&outcome, 0, "test-loss"), 0.5 * error, 1e-6);
        let training = (0.1 / renormalised).powi(2) * (error + 0.04);
        relative(scalar(&outcome, 0, "train-loss"), 0.5 * training, 1e-6);
    }
}

#[test]
fn discreteness_is_what_the_continuum_lacks_of_the_steps() {
    let entry = |scheme: &str, more: &str| {
        format!(
            "[[theory]]\nkind = 'rg-flow'\nlabel = '{scheme}'\nscheme = '{scheme}'\ntell = ['running-ridge'{more}]\n"
        )
    };
    let outcome = theories(&format!(
        "{}{KERNEL}{}{}",
        task(4000, 100),
        entry("running", ""),
        entry("continuum", ", 'discreteness-error'")
    ));
    let (steps, _) = told(&outcome, 0, "running-ridge");
    let (smooth, _) = told(&outcome, 1, "running-ridge");
    let (lacking, _) = told(&outcome, 1, "discreteness-error");
    for ((step, smooth), lacking) in steps.iter().zip(&smooth).zip(&lacking) {
        close(*lacking, 1.0 - smooth / step, 1e-12);
    }
    // What the modes beyond K add falls with the mode: its integral from K on is above its sum from K + 1 on.
    let last = lacking.len() - 1;
    assert!(lacking[..last].iter().all(|l| *l < 0.0) && lacking[0] < -1e-3);
}

/// White inputs make one level: its cutoff counts all its modes, and so do the learned ones, `sum L_k + sigma^2/kp = P`.
#[test]
fn a_level_of_equal_modes_counts_all_of_them() {
    let outcome = theories(&format!(
        "version = 1\nseed = 5\n[task]\nkind = 'linear-teacher'\nsingular_values = [1.0]\ninput_dim = 12\noutput_dim = 1\n\
         whitened = false\ncorrelation = 0.0\nsamples = 30\n{KERNEL}[[theory]]\nkind = 'rg-flow'\n\
         tell = ['running-ridge', 'learned-modes', 'renormalised-ridge']\n"
    ));
    let (ridges, cutoffs) = told(&outcome, 0, "running-ridge");
    assert_eq!(cutoffs, [12.0]);
    close(ridges[0], 0.1, 1e-14);
    let threshold = scalar(&outcome, 0, "renormalised-ridge") / 30.0;
    let learned = scalar(&outcome, 0, "learned-modes");
    relative(learned, 12.0 / (1.0 + 12.0 * threshold), 1e-9);
    relative(learned + 0.1 / threshold, 30.0, 1e-9);
}

/// `kappa_1 = l/(1 - df_1/P)` and `kappa_2 = kappa_1/(1 - df_1/N)` of the numbers told; the test loss is half the error.
#[test]
fn random_features_renormalise_the_ridge_twice() {
    let (samples, features, ridge) = (100.0, 300.0, 1e-3);
    let outcome = theories(&format!(
        "{}test_samples = 10\n[learner]\nkind = 'random-features'\nactivation = 'linear'\nfeatures = 300\nweight = 2.0\nridge = 0.2\n\
         [training]\nkind = 'closed-form'\n[measure]\nobservables = ['population-error', 'test-loss']\npoints = 1\n[[theory]]\n\
         kind = 'random-feature-curve'\ntell = ['sample-ridge', 'renormalised-ridge', 'learned-modes']\n",
        task(1500, 100)
    ));
    let of = |name: &str| scalar(&outcome, 0, name);
    let (first, degrees) = (of("sample-ridge"), of("learned-modes"));
    relative(first, ridge / (1.0 - degrees / samples), 1e-8);
    let second = of("renormalised-ridge") / samples;
    relative(second, first / (1.0 - degrees / features), 1e-8);
    relative(of("test-loss"), 0.5 * of("population-error"), 1e-12);
}

/// `P = D = 50`, label noise 0.3, and a prior and a temperature that are divided by `chi = 2`: 0.7 and 2.5 are left.
fn bayesian(loss: &str, method: &str, tell: &str) -> Outcome {
    theories(&format!(
        "{}noise = 0.3\n[learner]\nkind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = {{ readout = 1.4, chi = 2.0 }}\n[training]\n\
         kind = 'langevin'\nstep = 0.001\ntemperature = 5.0\nsteps = 400\nloss = {loss}\n[measure]\n\
         observables = [{{ kind = 'population-error', over = 'chain' }}]\nreplicas = 1\n[[theory]]\nkind = 'quartic-flow'\n\
         method = '{method}'\ntell = [{tell}]\n",
        task(50, 50)
    ))
}

const MASS: &str = "'renormalised-mass'";

/// `<X>` of the Gaussian theory with this mass.
fn gaussian_square(mass: f64) -> f64 {
    let of_mode = |k: i32| {
        let (lam, target) = (0.7 * f64::from(k).powi(-2), f64::from(k).powi(-2));
        let left = 1.0 / (1.0 + mass * lam);
        lam * left + target * left * left
    };
    (1..=50).rev().map(of_mode).sum()
}

/// Without a vertex every method is the Gaussian theory of prior variances 0.7 and mass `P/T`; the noise disturbs finite samples alone.
#[test]
fn the_squared_loss_is_gaussian_by_every_method() {
    for method in ["functional", "partition", "hartree", "one-loop"] {
        let outcome = bayesian("'half-sum'", method, MASS);
        relative(scalar(&outcome, 0, "renormalised-mass"), 20.0, 1e-7);
        let square = scalar(&outcome, 0, "population-error");
        relative(square, gaussian_square(20.0), 1e-7);
    }
}

/// `m_0 = m + w <X>` with `m = P/T + 3 P g s^2`, `w = 3 P g` and `g = q/T`, by every method of infinitely many samples.
#[test]
fn the_mass_grows_by_the_vertex_times_the_square() {
    let g = 0.8 / 2.5;
    let (mass, vertex) = (20.0 + 150.0 * g * 0.09, 150.0 * g);
    let found = |method: &str| {
        let outcome = bayesian("{ quartic = 0.8 }", method, MASS);
        let of = |name: &str| scalar(&outcome, 0, name);
        (of("renormalised-mass"), of("population-error"))
    };
    for method in ["functional", "partition", "hartree", "one-loop"] {
        let (renormalised, square) = found(method);
        relative(renormalised, mass + vertex * square, 1e-7);
    }
    let (hartree, square) = found("hartree");
    relative(square, gaussian_square(hartree), 1e-7);
    relative(found("functional").1, found("partition").1, 1e-4);
}

/// `1/sigma_e^2 = 1/T + 3 g X_tr`, where both mean squares are those of ridge regression at `sigma_e^2`: on the samples
/// `sigma_e^2 V/kappa + (sigma_e^2/kappa)^2 (E_g + s^2)`, beyond them `V + E_g`, `V = kappa - sigma_e^2`.
#[test]
fn finite_samples_have_the_ridge_of_their_own_residuals() {
    let outcome = bayesian("{ quartic = 0.8 }", "finite-samples", MASS);
    let effective = 50.0 / scalar(&outcome, 0, "renormalised-mass");
    // A prior of 0.7 times the kernel and the ridge sigma_e^2.
    let kernel = KERNEL.replace("ridge = 0.1", &format!("ridge = {:e}", effective / 0.7));
    let curve = theories(&format!(
        "{}noise = 0.3\n{kernel}[measure]\nobservables = ['population-error']\n[[theory]]\nkind = 'rg-flow'\n\
         tell = ['renormalised-ridge']\n",
        task(50, 50)
    ));
    let kappa = 0.7 * scalar(&curve, 0, "renormalised-ridge");
    let (error, variance) = (scalar(&curve, 0, "population-error"), kappa - effective);
    let share = effective / kappa;
    let training = share * variance + share * share * (error + 0.09);
    relative(
        1.0 / effective,
        1.0 / 2.5 + 3.0 * 0.8 / 2.5 * training,
        1e-7,
    );
    let square = scalar(&outcome, 0, "population-error");
    relative(square, variance + error, 1e-7);
}

/// Huber's loss on label noise `s = 0.3`: before any mode is gone `m = (P/T) erf u` and `w = -(P/T) d e^{-u^2}/(sqrt(2 pi) s^3)`,
/// `u = d/(s sqrt 2)`; as modes go the deviations they carry reach beyond the threshold, and the mass falls.
#[test]
fn hubers_mass_is_the_share_of_the_noise_within_its_threshold() {
    let outcome = bayesian(
        "{ huber = 0.4 }",
        "functional",
        "'running-mass', 'running-vertex', 'renormalised-mass'",
    );
    let (masses, _) = told(&outcome, 0, "running-mass");
    let (vertices, _) = told(&outcome, 0, "running-vertex");
    let u = 0.4 / (0.3 * 2f64.sqrt());
    relative(*masses.last().unwrap(), 20.0 * libm::erf(u), 1e-6);
    let slope = 0.4 * (-u * u).exp() / (std::f64::consts::TAU.sqrt() * 0.027);
    relative(*vertices.last().unwrap(), -20.0 * slope, 1e-6);
    assert!(masses.windows(2).all(|w| w[0] < w[1]), "{masses:?}");
    let renormalised = scalar(&outcome, 0, "renormalised-mass");
    assert!(renormalised < masses[0] && renormalised > 0.5 * masses[0]);
}

/// Exponents are quotients of the couplings told, in units of the eigenvalue of their cutoff; without a vertex they are those of the units.
#[test]
fn scaling_exponents_are_those_of_the_couplings_told() {
    let tell = "'running-mass', 'running-vertex', 'scaling-exponents'";
    let outcome = bayesian("{ quartic = 0.8 }", "one-loop", tell);
    let (masses, cutoffs) = told(&outcome, 0, "running-mass");
    let (vertices, _) = told(&outcome, 0, "running-vertex");
    let (exponents, upper) = told(&outcome, 0, "scaling-exponents");
    assert_eq!(cutoffs[1..], upper);
    // The cutoffs whose predecessor is told too.
    let neighbours: Vec<usize> = (0..upper.len())
        .filter(|&i| cutoffs[i] == upper[i] - 1.0)
        .collect();
    assert!(neighbours.len() > 8, "{cutoffs:?}");
    for i in neighbours {
        let ratio = cutoffs[i] / upper[i];
        // lam_K ~ K^-2
        let mass = masses[i] / masses[i + 1] * ratio.powi(-2);
        close(exponents[i], -mass.ln() / ratio.ln(), 1e-7);
        let vertex = vertices[i] / vertices[i + 1] * ratio.powi(-3);
        close(exponents[upper.len() + i], -vertex.ln() / ratio.ln(), 1e-7);
    }
    let weak = bayesian("{ quartic = 1e-9 }", "one-loop", tell);
    let (exponents, _) = told(&weak, 0, "scaling-exponents");
    for (exponent, engineering) in exponents.chunks(upper.len()).zip([2.0, 3.0]) {
        assert!(exponent.iter().all(|e| (e - engineering).abs() < 1e-5));
    }
}

/// The one-loop flow written out, with a target that runs, against the line; the last point is at the key time.
#[test]
fn lines_solve_the_flow_with_a_target_that_runs() {
    let outcome = theories(&format!(
        "{}[[theory]]\nkind = 'flow-diagram'\nstart = [[0.1, 0.2]]\ntarget = 0.8\ntime = 0.5\npoints = 6\ntell = ['flow-mass', 'flow-vertex']\n",
        task(100, 10).replace("target_exponent = 2.0", "target_exponent = 1.5")
    ));
    // alpha = 1, beta = 1/2
    let slope = |[m, u, y]: [f64; 3]| {
        let left = 1.0 / (1.0 + m);
        [
            2.0 * m + u * (left + y * left * left),
            3.0 * u - u * u * (left * left + 2.0 * y * left.powi(3)),
            -0.5 * y,
        ]
    };
    let step = |at: [f64; 3], h: f64| {
        let along = |by: [f64; 3], h: f64| std::array::from_fn(|i| at[i] + h * by[i]);
        let a = slope(at);
        let b = slope(along(a, 0.5 * h));
        let c = slope(along(b, 0.5 * h));
        let d = slope(along(c, h));
        std::array::from_fn(|i| at[i] + h / 6.0 * (a[i] + 2.0 * (b[i] + c[i]) + d[i]))
    };
    let end = (0..500).fold([0.1, 0.2, 0.8], |at, _| step(at, 1e-3));
    let (mass, scale) = told(&outcome, 0, "flow-mass");
    let (vertex, _) = told(&outcome, 0, "flow-vertex");
    assert_eq!((scale.len(), mass.len()), (6, 6));
    close(scale[5], 0.5, 1e-15);
    relative(mass[5], end[0], 1e-6);
    relative(vertex[5], end[1], 1e-6);
}

/// Lines leave the Gaussian point with vertices that the engineering exponents make 0.1 to 3 where the mass is of order one.
#[test]
fn lines_start_where_the_vertex_grows_to_order_one() {
    let outcome = theories(&format!(
        "{}[[theory]]\nkind = 'flow-diagram'\ntime = 1.0\npoints = 3\ntell = ['flow-mass', 'flow-vertex']\n",
        task(100, 10).replace("spectrum_exponent = 2.0", "spectrum_exponent = 1.5")
    ));
    let first =
        |name: &str| -> Vec<f64> { told(&outcome, 0, name).0.into_iter().step_by(3).collect() };
    let (mass, vertex) = (first("flow-mass"), first("flow-vertex"));
    assert_eq!(mass, [[1e-3; 4], [-1e-3; 4]].concat());
    for (line, u) in vertex.iter().enumerate() {
        // alpha = 1/2: the mass grows to 1 in s = ln(1000)/1.5, the vertex as e^(2 s).
        let grown = u * 1000f64.powf(2.0 / 1.5);
        relative(grown, [0.1, 0.3, 1.0, 3.0][line % 4], 1e-12);
    }
}

/// The mean of the posterior of linear regression is kernel ridge regression with the ridge `T` of a kernel of the prior's size: the
/// errors of the mean are twice the losses of the machine, on a spectrum that is stated and on a population of samples.
#[test]
fn the_mean_of_linear_regression_is_the_kernel_machine() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pool.csv");
    let mut rng = saddlepoint::numerics::random::stream(3, "pool", &[]);
    let x = saddlepoint::numerics::random::normal_matrix(&mut rng, 5, 300);
    let mut pool = String::from("x1,x2,x3,x4,y\n");
    for c in x.column_iter() {
        let y = c[0] - 0.5 * c[1] + 0.2 * c[2] * c[2] + 0.1 * c[4];
        pool += &format!(
            "{},{},{},{},{y}\n",
            c[0],
            0.7 * c[1],
            0.4 * c[2],
            0.2 * c[3]
        );
    }
    std::fs::write(&path, pool).unwrap();
    let file = format!(
        "version = 1\nseed = 5\n[task]\nkind = 'file'\npath = {path:?}\nsamples = 40\ntest_samples = 50\n"
    );
    let stated = format!("{}noise = 0.2\ntest_samples = 10\n", task(60, 40));
    let found = |task: &str, rest: &str, observables: &str| {
        theories(&format!(
            "{task}{rest}[measure]\nobservables = [{observables}]\npoints = 1\nreplicas = 3\n[[theory]]\nkind = 'learning-curve'\n"
        ))
    };
    let machine = KERNEL.replace("ridge = 0.1", "ridge = 0.5");
    // T/chi = 0.25 on half the kernel.
    let network = "[learner]\nkind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = { readout = 1.0, chi = 2.0 }\n[training]\n\
                   kind = 'langevin'\nstep = 0.001\ntemperature = 0.5\nsteps = 10\nloss = 'half-sum'\n";
    let names = "'chain-loss', 'chain-test-loss'";
    // The kernel of a network has no stated spectrum.
    for (task, learners) in [
        (&file, vec![&*machine, network]),
        (&stated, vec![&*machine]),
    ] {
        let losses = found(task, &machine, "'train-loss', 'test-loss'");
        for learner in learners {
            let mean = found(task, learner, names);
            for (error, loss) in [
                ("chain-loss", "train-loss"),
                ("chain-test-loss", "test-loss"),
            ] {
                let loss = scalar(&losses, 0, loss);
                relative(scalar(&mean, 0, error), 2.0 * loss, 1e-9);
            }
        }
    }
}
