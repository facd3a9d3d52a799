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
