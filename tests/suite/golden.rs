//! Golden numbers: a component whose numbers change must raise its revision, for stored records are found by it.
//!
//! Every case of every registered component is reduced to one fingerprint, `sum_i cos(i) v_i` over its numbers on a tiny fixed
//! input, and kept in `golden.txt` with the component's revision. The tolerance of `1e-10 sum_i |v_i|` (`1e-6` for what is computed in single
//! precision) leaves room for the rounding of other vector instructions. Inputs are written down here, not drawn by other components, so that a change points at its cause.

use nalgebra::{DMatrix, DVector};
use saddlepoint::context::Context;
use saddlepoint::error::Result;
use saddlepoint::experiment::{Draw, Draws, Experiment, Spacing};
use saddlepoint::instrument::{Chosen, INSTRUMENTS, Instrument, Observable, Wanted};
use saddlepoint::kind::{About, Kind, find};
use saddlepoint::learner::{Activation, Init, LEARNERS, Learner, Network, Objective, Parameters};
use saddlepoint::numerics::random::{Stream, stream};
use saddlepoint::percolation::{Need, Simulated, Simulation, Tally};
use saddlepoint::task::{Dataset, Groups, Latent, Modes, Shape, TASKS, Task};
use saddlepoint::theory::{Asked, Number, Question, THEORIES, Theory, questions};
use saddlepoint::training::{ChainReport, TRAININGS};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::sync::Arc;

const INPUTS: usize = 3;
const OUTPUTS: usize = 2;
const SAMPLES: usize = 6;

/// A linear map of rank two between white inputs and outputs, the same at every draw.
#[derive(Debug)]
struct Fixed;

static FIXED: About = About {
    kind: "fixed",
    summary: "",
    text: "",
    revision: 1,
};

fn data() -> Dataset {
    let (c, s) = (0.8, 0.6);
    let modes = Modes {
        u: DMatrix::from_row_slice(2, 2, &[c, -s, s, c]),
        s: DVector::from_vec(vec![2.0, 1.0]),
        v: DMatrix::from_row_slice(3, 2, &[c, 0.0, 0.0, 1.0, s, 0.0]),
    };
    let map = &modes.u * DMatrix::from_diagonal(&modes.s) * modes.v.transpose();
    let x = DMatrix::from_fn(INPUTS, SAMPLES, |i, mu| {
        let angle = std::f64::consts::TAU * mu as f64 / SAMPLES as f64;
        [
            2f64.sqrt() * angle.cos(),
            2f64.sqrt() * angle.sin(),
            (3.0 * angle).cos(),
        ][i]
    });
    let held_out = DMatrix::from_fn(INPUTS, 4, |i, mu| (1.0 + i as f64 + 3.0 * mu as f64).sin());
    Dataset {
        y: &map * &x,
        test: Some((held_out.clone(), map * held_out)),
        x,
        modes,
        groups: Some(Groups {
            train: vec![0, 0, 1, 1, 2, 2],
            test: vec![0, 3, 1, 4],
            latents: vec![Latent {
                share: 0.4,
                train: vec![0, 2, 3],
                test: vec![1, 2],
            }],
            sizes: vec![4, 3, 2, 1, 1],
            edge: None,
        }),
        blocks: None,
    }
}

impl Task for Fixed {
    fn about(&self) -> &'static About {
        &FIXED
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn shape(&self) -> Shape {
        Shape {
            inputs: INPUTS,
            outputs: OUTPUTS,
            samples: SAMPLES,
        }
    }
    fn draw(&self, _rng: &mut Stream) -> Result<Dataset> {
        Ok(data())
    }
    fn mode_count(&self) -> usize {
        2
    }
    fn population_size(&self) -> Option<usize> {
        Some(14)
    }
    fn population(&self, _most: usize) -> Option<(DMatrix<f64>, DMatrix<f64>)> {
        let x = DMatrix::from_fn(INPUTS, 14, |i, mu| (1.0 + i as f64 + 1.7 * mu as f64).sin());
        let y = DMatrix::from_fn(OUTPUTS, 14, |i, mu| x[(i, mu)] * x[(i + 1, mu)]);
        Some((x, y))
    }
    fn test_samples(&self) -> usize {
        4
    }
    fn is_random(&self) -> bool {
        false
    }
}

/// [`Fixed`] with its first output alone.
#[derive(Debug)]
struct FirstOutput;

impl Task for FirstOutput {
    fn about(&self) -> &'static About {
        &FIXED
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn shape(&self) -> Shape {
        Shape {
            outputs: 1,
            ..Fixed.shape()
        }
    }
    fn draw(&self, _rng: &mut Stream) -> Result<Dataset> {
        let mut data = data();
        data.y = data.y.rows(0, 1).into_owned();
        data.test = data.test.map(|(x, y)| (x, y.rows(0, 1).into_owned()));
        Ok(data)
    }
    fn test_samples(&self) -> usize {
        Fixed.test_samples()
    }
}

/// The component that a spec table names.
fn parsed<T: ?Sized>(kinds: &[Kind<T>], table: &str) -> Arc<T> {
    let mut table: toml::Table = table.parse().unwrap();
    let kind = table.remove("kind").unwrap();
    let kind = find(kinds, "kind", kind.as_str().unwrap()).unwrap();
    (kind.parse)("golden", table).unwrap()
}

fn experiment(learner: &str) -> Experiment {
    Experiment {
        seed: 1,
        task: Arc::new(Fixed),
        learner: Some(parsed(LEARNERS, learner)),
        training: Some(parsed(
            TRAININGS,
            "kind = 'gradient-descent'\nlearning_rate = 0.1\nsteps = 20",
        )),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 21,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

const BAYESIAN: &str =
    "kind = 'mlp'\nwidths = [3]\nactivation = 'tanh'\nprior = { weight = 2.0, chi = 3.0 }";
const LANGEVIN: &str =
    "kind = 'langevin'\nstep = 0.005\ntemperature = 6.0\nsteps = 20\ncertify = false";
const COPY: &str = "kind = 'copy'\nsymbols = 3\nlength = 2\nsamples = 5\ntest_samples = 2";

const POLYNOMIAL: &str = "kind = 'hermite-teacher'\ncoefficients = [0.3, 1.0, 0.0, -0.4]\ninput_dim = 3\nsamples = 5\ntest_samples = 2\n";

const POWER_LAW: &str = "kind = 'power-law-features'\nspectrum_exponent = 1.5\ntarget_exponent = 2.5\nmodes = 4\nsamples = 5\ntest_samples = 2\nnoise = 0.1";

const CLUSTERS: &str = "kind = 'percolation-hierarchy'\npoints = 60\nembedding_dim = 3\nsamples = 6\ntest_samples = 4\n";

const LATTICE_CLUSTERS: &str =
    "kind = 'percolation-clusters'\nsize = 5\nsamples = 5\ntest_samples = 3\n";

const LINEAR: &str = "kind = 'mlp'\nwidths = [3]\ninit = { kind = 'gaussian', scale = 0.1 }";

/// Weights without any symmetry.
fn weights(learner: &dyn Learner) -> Parameters {
    let shapes = learner.shapes(Fixed.shape());
    let entry = |l: usize, r: usize, c: usize| 0.5 * (1.3 * (1 + l + 2 * r + 5 * c) as f64).cos();
    Parameters {
        blocks: (0..shapes.len())
            .map(|l| DMatrix::from_fn(shapes[l].0, shapes[l].1, |r, c| entry(l, r, c)))
            .collect(),
    }
}

/// The numbers of all cases, under `noun kind case`, with the component's revision.
#[derive(Default)]
struct Cases(BTreeMap<String, (u32, Vec<f64>)>);

impl Cases {
    fn add(
        &mut self,
        noun: &str,
        about: &About,
        case: &str,
        values: impl IntoIterator<Item = f64>,
    ) {
        let name = format!("{noun} {} {case}", about.kind);
        let values: Vec<f64> = values.into_iter().collect();
        assert!(!values.is_empty(), "{name} has no numbers");
        assert!(
            self.0.insert(name, (about.revision, values)).is_none(),
            "two cases of one name"
        );
    }

    fn covers(&self, noun: &str, about: &About) {
        let start = format!("{noun} {} ", about.kind);
        assert!(
            self.0.keys().any(|k| k.starts_with(&start)),
            "add a case for {start}to tests/suite/golden.rs"
        );
    }
}

fn numbers(p: &Parameters) -> Vec<f64> {
    p.blocks.iter().flat_map(|b| b.iter().copied()).collect()
}

/// A task of 12 images of 2 x 2 with labels 0, 1, 2 in turn, whose data sets are subsets.
fn digits(folder: &std::path::Path) -> String {
    let (images, labels) = (
        folder.join("images-idx3-ubyte"),
        folder.join("labels-idx1-ubyte"),
    );
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 2];
    bytes.extend((0..48u32).map(|k| (k * k % 251) as u8));
    std::fs::write(&images, bytes).unwrap();
    let mut bytes = vec![0, 0, 8, 1, 0, 0, 0, 12];
    bytes.extend((0..12).map(|k| k % 3));
    std::fs::write(&labels, bytes).unwrap();
    format!(
        "kind = 'file'\npath = '{}'\nlabels = '{}'\nsamples = 4\ntest_samples = 2\ncenter = true\n",
        images.display(),
        labels.display()
    )
}

fn tasks(cases: &mut Cases) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.csv");
    let rows: Vec<String> = (0..8)
        .map(|k| {
            let t = f64::from(k);
            format!("{},{},{}", t.sin(), (2.0 * t).cos(), (t + 0.5).sin())
        })
        .collect();
    std::fs::write(&path, format!("x1,x2,y\n{}\n", rows.join("\n"))).unwrap();
    let file = format!("kind = 'file'\npath = '{}'\n", path.display());
    let digits = digits(folder.path());
    let text = folder.path().join("a.txt");
    std::fs::write(&text, "one two, three two one; ".repeat(4)).unwrap();
    let text = format!(
        "kind = 'text'\npath = '{}'\ncontext = 3\nsamples = 5\ntest_samples = 2\ntest_fraction = 0.25\n",
        text.display()
    );
    let teacher = "kind = 'linear-teacher'\nsingular_values = [2.0, 1.0]\ninput_dim = 3\noutput_dim = 2\nsamples = 5\ntest_samples = 3\nnoise = 0.1\n";
    let tree = "kind = 'semantic-hierarchy'\nbranching = 2\ndepth = 2\n";
    for (case, table) in [
        ("white", teacher.to_string()),
        (
            "orthogonal-noise",
            format!("{teacher}orthogonal_noise = true"),
        ),
        ("correlated", format!("{teacher}whitened = false")),
        ("tree", tree.to_string()),
        (
            "diffusion",
            format!("{tree}variant = 'diffusion'\nfeatures = 6"),
        ),
        ("plain", file.clone()),
        (
            "split-whitened",
            format!("{file}test_fraction = 0.25\nwhiten = true"),
        ),
        (
            "idx-components",
            format!("{digits}coding = 'centered-one-hot'\npca = 3"),
        ),
        (
            "idx-subset",
            format!("{digits}classes = [2, 0]\ncoding = 'sign'\nnormalize = 'unit-norm'"),
        ),
        ("characters", text.clone()),
        (
            "words",
            format!("{text}level = 'word'\nvocabulary = 3\npredict = 'every'"),
        ),
        ("strings", COPY.to_string()),
        (
            "cubic",
            format!("{POLYNOMIAL}noise = 0.1\ndirection = 'random'"),
        ),
        ("quadratic", POLYNOMIAL.to_string()),
        ("noisy", POWER_LAW.to_string()),
        ("circle", "kind = 'xor'\nangles = 5".to_string()),
        (
            "inline",
            "kind = 'table'\ninputs = [[1.0, 2.0], [0.5, -1.0]]\ntargets = [[1.0], [-2.0]]"
                .to_string(),
        ),
        ("clusters", CLUSTERS.to_string()),
        (
            "components",
            format!("{CLUSTERS}mode = 'erdos-renyi'\ntarget = 'coordinate'"),
        ),
        ("walk", LATTICE_CLUSTERS.to_string()),
        (
            "context",
            format!(
                "{LATTICE_CLUSTERS}lattice = 'kagome'\nelement = 'bond'\nsmallest = 2\ntarget = 'context'\ncontexts = 2"
            ),
        ),
        (
            "component",
            format!("{LATTICE_CLUSTERS}dimension = 3\np = 0.5\ntarget = 'component'"),
        ),
        ("surface", format!("{LATTICE_CLUSTERS}target = 'surface'")),
        (
            "one-cluster",
            format!(
                "{CLUSTERS}mode = 'one-cluster'\nvariant = 'independent'\ntarget = 'coordinate'"
            ),
        ),
    ] {
        let task = parsed(TASKS, &table);
        let d = task.draw(&mut stream(1, "dataset", &[0])).unwrap();
        // The signs of singular vectors are nobody's choice: the modes enter by their product.
        let modes = &d.modes.u * DMatrix::from_diagonal(&d.modes.s) * d.modes.v.transpose();
        let (test_x, test_y) = d.test.unwrap_or_default();
        let all = [d.x, d.y, test_x, test_y, modes];
        let values = all.iter().flat_map(|m| m.iter().copied());
        cases.add(
            "task",
            task.about(),
            case,
            values.chain(d.modes.s.iter().copied()),
        );
    }
}

fn learners(cases: &mut Cases) {
    let shape = Fixed.shape();
    for init in Init::KINDS {
        let keys = match init {
            "lambda-balanced" => "scale = 0.3, lambda = 0.2",
            _ => "scale = 0.3",
        };
        let widths = if init == "lambda-balanced" {
            "[2]"
        } else {
            "[3, 4]"
        };
        let learner = parsed(
            LEARNERS,
            &format!("kind = 'mlp'\nwidths = {widths}\ninit = {{ kind = '{init}', {keys} }}"),
        );
        let start = learner
            .initialize(&data(), &mut stream(1, "initial", &[0, 0]))
            .unwrap();
        cases.add("learner", learner.about(), init, numbers(&start));
    }
    let shapes = Activation::ALL.iter().map(|a| {
        let name = serde_json::to_value(a)
            .unwrap()
            .as_str()
            .unwrap()
            .to_string();
        (name.clone(), format!("activation = '{name}'"))
    });
    let scalings = ["ntk", "mean-field"].map(|p| {
        (
            p.to_string(),
            format!("activation = 'tanh'\nparametrization = '{p}'"),
        )
    });
    let prior = "prior = { weight = [2.0, 0.5], bias = 0.1, readout = 3.0, chi = 4.0 }";
    let rest = [
        (
            "prior-ntk".to_string(),
            format!("activation = 'erf'\nbias = true\nparametrization = 'ntk'\n{prior}"),
        ),
        ("prior".into(), format!("bias = true\n{prior}")),
    ];
    for (case, keys) in shapes.chain(scalings).chain(rest) {
        let learner = parsed(LEARNERS, &format!("kind = 'mlp'\nwidths = [3, 4]\n{keys}"));
        let d = data();
        let mut values = derivatives(&*learner, &d);
        if let Some(prior) = learner.prior(shape) {
            let mut rng = stream(1, "initial", &[0, 0]);
            values.extend(numbers(&learner.initialize(&d, &mut rng).unwrap()));
            values.extend(prior.variances);
        }
        cases.add("learner", learner.about(), &case, values);
    }
    for (kind, case, keys) in [
        ("nearest", "two", "neighbours = 2"),
        (
            "kernel-ridge",
            "nngp",
            "ridge = 0.1\nkernel = { kind = 'nngp', nonlinearity = 'erf', depth = 2, bias_variance = 0.1 }",
        ),
        (
            "kernel-ridge",
            "ntk",
            "ridge = 0.1\nkernel = { kind = 'ntk', nonlinearity = 'relu' }",
        ),
        ("random-features", "interpolating", "features = 9"),
        (
            "random-features",
            "ridge",
            "features = 4\nactivation = 'tanh'\nbias = 0.5\nridge = 0.1",
        ),
    ] {
        let learner = parsed(LEARNERS, &format!("kind = '{kind}'\n{keys}"));
        let (mut rng, d) = (stream(1, "initial", &[0, 0]), data());
        let start = learner.initialize(&d, &mut rng).unwrap();
        let p = learner
            .solver()
            .unwrap()
            .solve(&start, &d, 1 << 30)
            .unwrap();
        let p = p.parameters;
        let mut gradient = Parameters::zeros(&learner.shapes(shape));
        let mut network = learner.network(shape);
        let mut values =
            vec![network.gradient(&p, &d.x, &d.y, Objective::square(1.0), &mut gradient)];
        values.extend(numbers(&gradient));
        values.extend(network.forward(&p, &d.test.unwrap().0).iter());
        values.extend(network.jacobian(&p, &d.x).iter());
        cases.add("learner", learner.about(), case, values);
    }
    let tokens = Dataset {
        x: DMatrix::from_fn(INPUTS, SAMPLES, |t, mu| ((t * t + mu) % 2) as f64),
        test: None,
        ..data()
    };
    let transformer = "kind = 'transformer'\nvocabulary = 2\ncontext = 3\nlayers = 2\nheads = 2\ndimension = 4\nmlp_dimension = 3";
    let convolution = "kind = 'convolution'\npatch = 3\nchannels = [4]\nactivation = 'tanh'";
    for (case, learner, d) in [
        ("softmax", transformer.to_string(), &tokens),
        (
            "linear",
            format!(
                "{transformer}\nattention = 'linear'\nmask = 'full'\nnorm = 'none'\nposition = 'none'\ntied = true"
            ),
            &tokens,
        ),
        ("shared", convolution.to_string(), &data()),
        (
            "apart",
            format!("{convolution}\nsharing = false\nparametrization = 'ntk'\nvocabulary = 2"),
            &tokens,
        ),
    ] {
        let learner = parsed(LEARNERS, &learner);
        let start = learner
            .initialize(d, &mut stream(1, "initial", &[0, 0]))
            .unwrap();
        let mut values = numbers(&start);
        values.extend(derivatives(&*learner, d));
        cases.add("learner", learner.about(), case, values);
    }
    for (case, learner, d) in [
        (
            "mlp",
            "kind = 'mlp'\nwidths = [3, 4]\nactivation = 'gelu'\nbias = true".to_string(),
            &data(),
        ),
        ("softmax", transformer.to_string(), &tokens),
        ("shared", convolution.to_string(), &data()),
    ] {
        let learner = parsed(LEARNERS, &format!("{learner}\nprecision = 'f32'"));
        let case = format!("{case}{SINGLE}");
        cases.add("learner", learner.about(), &case, trained(&*learner, d));
    }
}

/// Ending of the cases in single precision.
const SINGLE: &str = "-f32";

/// The end of three steps of Adam on batches of four.
fn trained(learner: &dyn Learner, d: &Dataset) -> Vec<f64> {
    let training = parsed(
        TRAININGS,
        "kind = 'adam'\nlearning_rate = 0.05\nsteps = 3\nbatch = 4",
    );
    let start = weights(learner);
    let mut rng = stream(1, "training", &[0, 0]);
    let end = training.train(learner, start.into(), d, &[], &mut rng, &mut |_| Ok(()));
    numbers(&end.unwrap())
}

/// Loss, gradient, outputs, Jacobian and scale of the rate, at fixed weights.
fn derivatives(learner: &dyn Learner, d: &Dataset) -> Vec<f64> {
    let (p, shape) = (weights(learner), Fixed.shape());
    let mut network: Box<dyn Network<f64>> = learner.network(shape);
    let mut gradient = Parameters::zeros(&learner.shapes(shape));
    let mut values = vec![network.gradient(&p, &d.x, &d.y, Objective::square(1.0), &mut gradient)];
    values.extend(numbers(&gradient));
    values.extend(network.forward(&p, &d.x).iter());
    values.extend(network.jacobian(&p, &d.x).iter());
    values.push(learner.rate_scale(shape));
    values
}

fn trainings(cases: &mut Cases) {
    let learner = parsed(LEARNERS, LINEAR);
    let schedule = "schedule = { kind = 'cosine', warmup = 2, floor = 0.1 }";
    for (kind, case, keys) in [
        ("gradient-descent", "full-batch", ""),
        ("gradient-descent", "mini-batch", "batch = 4"),
        ("gradient-descent", "half-sum", "loss = 'half-sum'"),
        (
            "gradient-descent",
            "cross-entropy",
            "loss = 'cross-entropy'",
        ),
        ("gradient-flow", "default", ""),
        ("sgd", "momentum", "batch = 4\nmomentum = 0.9"),
        (
            "sgd",
            "nesterov",
            "momentum = 0.5\nnesterov = true\nweight_decay = 0.1",
        ),
        ("adam", "decay", "weight_decay = [0.1, 0.2]"),
        ("adam", "schedule", schedule),
        ("stages", "descent-adam", ""),
        ("none", "start", ""),
    ] {
        let time = match kind {
            "gradient-flow" => "time = 0.15\nresolution = 3",
            "none" => "",
            "stages" => {
                "stages = [{ name = 'a', kind = 'gradient-descent', learning_rate = 0.05, steps = 2 },\n\
                 { name = 'b', kind = 'adam', learning_rate = 0.05, steps = 2 }]"
            }
            _ => "learning_rate = 0.05\nsteps = 3",
        };
        let training = parsed(TRAININGS, &format!("kind = '{kind}'\n{time}\n{keys}"));
        let start = weights(&*learner);
        let mut rng = stream(1, "training", &[0, 0]);
        let end = training
            .train(&*learner, start.into(), &data(), &[], &mut rng, &mut |_| {
                Ok(())
            })
            .unwrap();
        cases.add("training", training.about(), case, numbers(&end));
    }
    let bayesian = parsed(LEARNERS, BAYESIAN);
    for (scheme, keys) in [
        ("lm", ""),
        ("ula", ""),
        ("mala", ""),
        ("hmc", "leapfrog_steps = 3"),
        ("sgld", "batch = 4"),
    ] {
        let table = format!("{LANGEVIN}\nscheme = '{scheme}'\n{keys}");
        let training = parsed(TRAININGS, &table);
        let start = weights(&*bayesian);
        let mut rng = stream(1, "training", &[0, 0]);
        let end = training
            .train(
                &*bayesian,
                start.into(),
                &data(),
                &[],
                &mut rng,
                &mut |_| Ok(()),
            )
            .unwrap();
        cases.add("training", training.about(), scheme, numbers(&end));
    }
    let (training, learner) = (
        parsed(TRAININGS, "kind = 'closed-form'"),
        parsed(LEARNERS, "kind = 'random-features'\nfeatures = 5"),
    );
    let mut rng = stream(1, "training", &[0, 0]);
    let end = training
        .train(
            &*learner,
            weights(&*learner).into(),
            &data(),
            &[],
            &mut rng,
            &mut |_| Ok(()),
        )
        .unwrap();
    cases.add("training", training.about(), "features", numbers(&end));
}

fn instruments(cases: &mut Cases) {
    let experiment = experiment(LINEAR);
    let start = weights(experiment.learner.as_deref().unwrap());
    let training = experiment.training.as_deref().unwrap();
    let mut sampler = experiment.clone();
    sampler.training = Some(parsed(TRAININGS, LANGEVIN));
    let report = ChainReport {
        rhat: 1.02,
        autocorrelation_time: 0.3,
        effective: 200.0,
        virial: 0.98,
        step: 0.01,
        acceptance: Some(0.8),
        from_zero: Some(-0.6),
        at_half_step: Some(1.1),
    };
    let mut follow = |instrument: &dyn Instrument, case: &str| {
        // Some need a sampler, some need keys.
        let recorder = instrument.recorder(&experiment, &data(), &Context::default());
        let Ok(mut recorder) =
            recorder.or_else(|_| instrument.recorder(&sampler, &data(), &Context::default()))
        else {
            return;
        };
        recorder.chain(&report);
        // A path on which the weights turn and grow; every step is a recorded one.
        for step in 0..=training.steps() {
            let mut p = start.clone();
            for (l, block) in p.blocks.iter_mut().enumerate() {
                let t = 0.1 * step as f64;
                block
                    .iter_mut()
                    .enumerate()
                    .for_each(|(i, w)| *w = *w * (1.0 + t) + 0.2 * t * ((l + i) as f64).sin());
            }
            recorder
                .record(step, training.learning_rate() * step as f64, &p)
                .unwrap();
        }
        // Not-a-number where undefined, which is checked elsewhere.
        let values = recorder.finish().into_iter();
        let values: Vec<f64> = values.map(|v| if v.is_nan() { 0.0 } else { v }).collect();
        cases.add("instrument", instrument.about(), case, values);
    };
    for instrument in INSTRUMENTS {
        follow(*instrument, "path");
    }
    let fourier = "functions = 'fourier'\ndegree = 1\ncoordinate = 2\nperiod = 5.0";
    let gaussian = "modes = 4\nkernel = { kind = 'gaussian', length = 1.5 }";
    for (kind, case, keys) in [
        ("ntk", "sketched", "samples = 4\nsketch = 40"),
        ("ntk-change", "sketched", "sketch = 40"),
        ("outputs", "course", "on = 'test'\nover = 'time'"),
        ("projections", "fourier", fourier),
        (
            "projections",
            "parity",
            "functions = 'parity'\nsubsets = [[1, 3], [2]]",
        ),
        ("neuron-overlap", "diagonal", "direction = [1.0, 1.0, 0.0]"),
        ("kernel-mode-learnability", "gaussian", gaussian),
        ("kernel-mode-error", "gaussian", gaussian),
    ] {
        let keyed = Chosen::new("golden", kind, keys.parse().unwrap()).unwrap();
        follow(&*keyed, case);
    }
}

/// Errors over the population of Gaussian inputs, and the learning curves of their spectrum.
fn population(cases: &mut Cases) {
    let mut experiment = experiment(LINEAR);
    experiment.training = Some(parsed(TRAININGS, "kind = 'closed-form'"));
    let machine = "kind = 'kernel-ridge'\nridge = 0.1\nkernel = { kind = 'linear' }";
    experiment.learner = Some(parsed(LEARNERS, machine));
    for (case, task) in [("power-law", POWER_LAW), ("polynomial", POLYNOMIAL)] {
        experiment.task = parsed(TASKS, task);
        let data = experiment.dataset(0).unwrap();
        let samples = data.samples();
        let coefficients = |_, mu: usize| 0.3 * (1.0 + mu as f64).cos();
        let blocks = vec![data.x.clone(), DMatrix::from_fn(1, samples, coefficients)];
        let p = Parameters { blocks };
        let mut wanted = Vec::new();
        for instrument in INSTRUMENTS {
            if !instrument.about().kind.starts_with("population-") {
                continue;
            }
            let recorder = instrument.recorder(&experiment, &data, &Context::default());
            let mut recorder = recorder.unwrap();
            recorder.record(1, 1.0, &p).unwrap();
            cases.add("instrument", instrument.about(), case, recorder.finish());
            wanted.push(Wanted {
                observable: instrument.observable(),
                axes: instrument.axes(&experiment).unwrap(),
            });
        }
        for kind in ["learning-curve", "equivalent-kernel"] {
            let theory = parsed(THEORIES, &format!("kind = '{kind}'"));
            let plan = theory.plan(&experiment, &questions(&wanted)).unwrap();
            let found = plan.solve(&Draw::default(), &Context::default()).unwrap();
            let values = found.answers.into_iter().flat_map(|o| o.mean);
            cases.add("theory", theory.info().about, case, values);
        }
    }
}

/// Own quantities of the flows over modes.
fn flows(cases: &mut Cases) {
    let mut experiment = experiment(LINEAR);
    experiment.task = parsed(
        TASKS,
        "kind = 'power-law-features'\nspectrum_exponent = 2.0\ntarget_exponent = 1.5\nmodes = 40\nsamples = 8\nnoise = 0.1",
    );
    let machine = "kind = 'kernel-ridge'\nridge = 0.1\nkernel = { kind = 'linear' }";
    let features = "kind = 'random-features'\nactivation = 'linear'\nfeatures = 5\nridge = 0.1";
    let sampled = "kind = 'mlp'\nwidths = []\nactivation = 'linear'\nprior = { readout = 1.0 }";
    let quartic =
        "kind = 'langevin'\nstep = 0.1\ntemperature = 0.5\nsteps = 20\nloss = { quartic = 0.3 }";
    let closed = "kind = 'closed-form'";
    for (case, learner, training, table) in [
        ("exact", machine, closed, "kind = 'rg-flow'"),
        (
            "tail",
            machine,
            closed,
            "kind = 'rg-flow'\nscheme = 'tail-sum'",
        ),
        (
            "running",
            machine,
            closed,
            "kind = 'rg-flow'\nscheme = 'running'",
        ),
        (
            "continuum",
            machine,
            closed,
            "kind = 'rg-flow'\nscheme = 'continuum'",
        ),
        ("plane", features, closed, "kind = 'random-feature-curve'"),
        ("functional", sampled, quartic, "kind = 'quartic-flow'"),
        (
            "partition",
            sampled,
            quartic,
            "kind = 'quartic-flow'\nmethod = 'partition'",
        ),
        (
            "hartree",
            sampled,
            quartic,
            "kind = 'quartic-flow'\nmethod = 'hartree'",
        ),
        (
            "one-loop",
            sampled,
            quartic,
            "kind = 'quartic-flow'\nmethod = 'one-loop'",
        ),
        (
            "finite",
            sampled,
            quartic,
            "kind = 'quartic-flow'\nmethod = 'finite-samples'",
        ),
        (
            "diagram",
            machine,
            closed,
            "kind = 'flow-diagram'\npoints = 9\ntime = 2.0",
        ),
    ] {
        experiment.learner = Some(parsed(LEARNERS, learner));
        experiment.training = Some(parsed(TRAININGS, training));
        let theory = parsed(THEORIES, table);
        let told = |observable: &&'static Observable| Asked {
            observable,
            keys: Json::Null,
            grid: None,
        };
        let asked: Vec<Asked> = theory.info().own.iter().map(told).collect();
        let plan = theory.plan(&experiment, &asked).unwrap();
        let found = plan.solve(&Draw::default(), &Context::default()).unwrap();
        let values = found.answers.into_iter().flat_map(|o| o.mean);
        cases.add("theory", theory.info().about, case, values);
    }
}

/// Instruments of neurons that see two inputs.
fn planar(cases: &mut Cases) {
    let mut experiment = experiment(LINEAR);
    experiment.task = parsed(TASKS, "kind = 'xor'");
    experiment.learner = Some(parsed(
        LEARNERS,
        "kind = 'mlp'\nwidths = [3]\nactivation = 'relu'\nprior = { weight = 2.0, readout = 1.0, chi = 'width' }",
    ));
    experiment.training = Some(parsed(
        TRAININGS,
        "kind = 'langevin'\nstep = 0.1\ntemperature = 0.5\nsteps = 20",
    ));
    let data = experiment.dataset(0).unwrap();
    for kind in ["neuron-angle", "angle-contrast", "foreground-neurons"] {
        let instrument = INSTRUMENTS.iter().find(|i| i.about().kind == kind).unwrap();
        let mut recorder = instrument
            .recorder(&experiment, &data, &Context::default())
            .unwrap();
        let w = DMatrix::from_row_slice(3, 2, &[0.4, 1.0, -0.7, 0.2, 0.1, -0.9]);
        let blocks = vec![w, DMatrix::from_element(1, 3, 0.5)];
        recorder.record(20, 0.0, &Parameters { blocks }).unwrap();
        cases.add("instrument", instrument.about(), "xor", recorder.finish());
    }
}

fn theories(cases: &mut Cases) {
    // W_2^T W_2 = W_1 W_1^T, for which the matched solution is a closed form.
    let balanced = Parameters {
        blocks: vec![
            DMatrix::from_row_slice(2, 3, &[0.3, 0.0, 0.4, 0.0, 0.5, 0.0]),
            DMatrix::from_row_slice(2, 2, &[0.4, -0.3, 0.3, 0.4]),
        ],
    };
    let narrow = "kind = 'mlp'\nwidths = [2]\ninit = { kind = 'balanced', scale = 0.5 }";
    let deep = "kind = 'mlp'\nwidths = [3, 3]\ninit = { kind = 'gaussian', scale = 0.4 }";
    let machine =
        "kind = 'kernel-ridge'\nridge = 0.1\nkernel = { kind = 'gaussian', length = 1.5 }";
    let tanh = "kind = 'mlp'\nwidths = [3]\nactivation = 'tanh'\nparametrization = 'ntk'";
    let bayesian =
        "kind = 'mlp'\nwidths = [3, 2]\nprior = { weight = 2.0, readout = 0.5, chi = 3.0 }";
    let shallow =
        "kind = 'mlp'\nwidths = [3]\nactivation = 'erf'\nprior = { weight = 2.0, readout = 0.5 }";
    let rich = "kind = 'mlp'\nwidths = [3, 3]\nactivation = 'linear'\nparametrization = 'mean-field'\nrichness = 1.2\n\
        init = { kind = 'gaussian', scale = 1.0 }";
    let rich_tanh = "kind = 'mlp'\nwidths = [3]\nactivation = 'tanh'\nparametrization = 'mean-field'\nrichness = 1.2\n\
        init = { kind = 'gaussian', scale = 1.0 }";
    let deep_tanh = "kind = 'mlp'\nwidths = [3, 3]\nactivation = 'tanh'\nparametrization = 'mean-field'\nrichness = 1.2\n\
        init = { kind = 'gaussian', scale = 1.0 }";
    let reader =
        "kind = 'transformer'\nvocabulary = 4\ncontext = 4\ndimension = 2\npredict = 'every'";
    let neighbour = "kind = 'nearest'";
    for (case, learner, start, table) in [
        ("matched", LINEAR, None, "kind = 'saxe'"),
        (
            "matched-balanced",
            narrow,
            Some(balanced),
            "kind = 'saxe'\nmethod = 'closed-form'",
        ),
        ("matched-deep", deep, None, "kind = 'saxe'"),
        (
            "idealised",
            LINEAR,
            None,
            "kind = 'saxe'\ncondition = 'none'",
        ),
        (
            "idealised-deep",
            deep,
            None,
            "kind = 'saxe'\ncondition = 'none'",
        ),
        (
            "mean-overlap",
            LINEAR,
            None,
            "kind = 'saxe'\ncondition = 'none'\nstart = 'mean-overlap'",
        ),
        ("linear", LINEAR, None, "kind = 'ntk'"),
        ("tanh-flow", tanh, None, "kind = 'ntk'\ntime = 'flow'"),
        ("wide", tanh, None, "kind = 'ntk'\ncondition = 'data'"),
        (
            "signals",
            tanh,
            None,
            "kind = 'signal-propagation'\ncondition = 'data'",
        ),
        ("stairs", LINEAR, None, "kind = 'saddle-to-saddle'"),
        ("gaussian", machine, None, "kind = 'learning-curve'"),
        ("density", machine, None, "kind = 'equivalent-kernel'"),
        ("finite", bayesian, None, "kind = 'linear-posterior'"),
        (
            "infinite-width",
            bayesian,
            None,
            "kind = 'linear-posterior'\nlimit = 'infinite-width'",
        ),
        ("deep-linear", rich, None, "kind = 'dmft'"),
        (
            "independent",
            rich,
            None,
            "kind = 'dmft'\napproximation = 'gradient-independence'",
        ),
        ("one-layer", rich_tanh, None, "kind = 'dmft'"),
        (
            "two-layers",
            deep_tanh,
            None,
            "kind = 'dmft'\npoints = 256\nrepeats = 2",
        ),
        ("two-layer", shallow, None, "kind = 'nngp'"),
        ("order-1", shallow, None, "kind = 'nngp'\norder = 1"),
        ("two-layer", shallow, None, "kind = 'kernel-scaling'"),
        ("gaussian", shallow, None, "kind = 'kernel-adaptation'"),
        ("grid", shallow, None, "kind = 'mean-field'"),
        (
            "finite-samples",
            bayesian,
            None,
            "kind = 'linear-posterior'",
        ),
        ("strings", reader, None, "kind = 'bayes-optimal'"),
        ("threshold", LINEAR, None, "kind = 'edge-of-stability'"),
        ("equipartition", bayesian, None, "kind = 'virial-identity'"),
        ("clusters", neighbour, None, "kind = 'cluster-discovery'"),
        (
            "clusters-of-draw",
            neighbour,
            None,
            "kind = 'cluster-discovery'\ncondition = 'data'",
        ),
    ] {
        let mut experiment = experiment(learner);
        let mut data = data();
        if learner == machine || learner == neighbour {
            experiment.training = Some(parsed(TRAININGS, "kind = 'closed-form'"));
        } else if [rich, rich_tanh, deep_tanh].contains(&learner) {
            let rule = "kind = 'gradient-descent'\nlearning_rate = 0.1\nsteps = 20";
            experiment.training = Some(parsed(TRAININGS, rule));
            experiment.task = Arc::new(FirstOutput);
            data = FirstOutput.draw(&mut stream(1, "dataset", &[0])).unwrap();
        } else if learner == bayesian || learner == shallow {
            experiment.training = Some(parsed(TRAININGS, LANGEVIN));
            experiment.task = Arc::new(FirstOutput);
            data = FirstOutput.draw(&mut stream(1, "dataset", &[0])).unwrap();
        }
        if table.contains("signal-propagation") {
            experiment.training = Some(parsed(TRAININGS, "kind = 'none'"));
        }
        if table.contains("edge-of-stability") {
            experiment.draws.points = 1;
        }
        if learner == reader {
            experiment.task = parsed(TASKS, COPY);
        }
        if learner == neighbour {
            experiment.task = parsed(TASKS, CLUSTERS);
        }
        let theory = parsed(THEORIES, table);
        // What a theory came to answer later has a case of its own.
        let asked = |i: &&&'static dyn Instrument| match case {
            "finite" | "infinite-width" => i.observable().name.starts_with("predictor-"),
            "finite-samples" => !i.observable().name.starts_with("predictor-"),
            _ => true,
        };
        let wanted: Vec<Wanted> = INSTRUMENTS
            .iter()
            .filter(asked)
            .filter_map(|i| {
                Some(Wanted {
                    observable: i.observable(),
                    axes: i.axes(&experiment).ok()?,
                })
            })
            .collect();
        let plan = theory.plan(&experiment, &questions(&wanted)).unwrap();
        let start = start.unwrap_or_else(|| weights(experiment.learner.as_deref().unwrap()));
        let draw = Draw {
            dataset: Some(Arc::new(data)),
            initial: Some(Arc::new(start)),
            ..Draw::default()
        };
        let prediction = plan.solve(&draw, &Context::default()).unwrap();
        assert_eq!(prediction.answers.len(), plan.answers().len());
        let values = prediction.answers.into_iter().flat_map(|o| o.mean);
        cases.add("theory", theory.info().about, case, values);
    }
    let mut nearest = experiment(neighbour);
    nearest.training = Some(parsed(TRAININGS, "kind = 'closed-form'"));
    nearest.task = parsed(
        TASKS,
        &format!("{CLUSTERS}mode = 'one-cluster'\ntarget = 'coordinate'"),
    );
    let theory = parsed(THEORIES, "kind = 'manifold'");
    let exponent = exponent(&*theory, &nearest, "test-loss", "task.samples");
    let values = [exponent.unwrap()];
    cases.add("theory", theory.info().about, "exponent", values);

    nearest.task = parsed(TASKS, &format!("{CLUSTERS}target = 'coordinate'"));
    let wanted = INSTRUMENTS.iter().filter_map(|i| {
        Some(Wanted {
            observable: i.observable(),
            axes: i.axes(&nearest).ok()?,
        })
    });
    curve(cases);
    let theory = parsed(THEORIES, "kind = 'tree-nearest'");
    let plan = theory
        .plan(&nearest, &questions(&wanted.collect::<Vec<_>>()))
        .unwrap();
    let draw = Draw {
        dataset: Some(Arc::new(nearest.dataset(0).unwrap())),
        ..Draw::default()
    };
    let found = plan.solve(&draw, &Context::default()).unwrap().answers;
    let values = found.into_iter().flat_map(|o| o.mean);
    cases.add("theory", theory.info().about, "clusters", values);
}

/// An exponent that a theory knows without values.
/// A curve from a file, with both errors; its rows stand in another order than the grid.
fn curve(cases: &mut Cases) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curve.csv");
    let text = "time,value,stderr,bound\n2,0.5,0.1,0.01\n0,2.0,0.3,0.02\n";
    std::fs::write(&path, text).unwrap();
    let table = format!(
        "kind = 'table'\nobservable = 'train-loss'\nfile = '{}'",
        path.display()
    );
    let mut experiment = experiment(LINEAR);
    experiment.draws.points = 2;
    let loss = saddlepoint::instrument::find("golden", "train-loss").unwrap();
    let wanted = Wanted {
        observable: loss.observable(),
        axes: loss.axes(&experiment).unwrap(),
    };
    let theory = parsed(THEORIES, &table);
    let plan = theory.plan(&experiment, &questions(&[wanted])).unwrap();
    let solved = plan.solve(&Draw::default(), &Context::default()).unwrap();
    let answer = &solved.answers[0];
    let errors = answer.stderr().unwrap();
    let values = answer.mean.iter().chain(&answer.bound).chain(&errors);
    cases.add("theory", theory.info().about, "curve", values.copied());
}

fn exponent(theory: &dyn Theory, e: &Experiment, observable: &str, key: &str) -> Option<f64> {
    let number = Number::Exponent;
    let question = Question {
        number,
        observable,
        key,
    };
    theory.known(e, &question).map(|known| known.value)
}

/// Simulations without a learner: task, instruments and theories of percolation.
fn percolation(cases: &mut Cases) {
    let lattice = |keys: &str| {
        let table = format!("kind = 'percolation-lattice'\nsweeps = 3\n{keys}");
        let mut experiment = experiment(LINEAR);
        experiment.learner = None;
        experiment.training = None;
        experiment.task = parsed(TASKS, &table);
        experiment
    };
    let folder = tempfile::tempdir().unwrap();
    let kite = folder.path().join("kite.txt");
    std::fs::write(&kite, "0 1\n1 2\n2 0\n2 3\n").unwrap();
    let edges = format!("lattice = 'edges'\nfile = '{}'", kite.display());
    for (case, keys) in [
        ("torus", "size = 4"),
        ("edges", edges.as_str()),
        (
            "open",
            "sides = [4, 3]\nboundary = 'open'\nelement = 'bond'",
        ),
        (
            "triangular",
            "size = 3\nlattice = 'triangular'\nelement = 'bond'",
        ),
        ("cubic", "size = 3\ndimension = 3"),
    ] {
        let experiment = lattice(keys);
        let setting = experiment.task.percolation().unwrap();
        let needs = INSTRUMENTS
            .iter()
            .filter(|instrument| instrument.axes(&experiment).is_ok())
            .filter_map(|instrument| Some(instrument.simulated()?.need()));
        let all = Need {
            sizes: true,
            onset: true,
            ..Need::default()
        };
        let need = needs.fold(all, Need::and);
        let tally = Tally::of(setting, &need, &mut stream(1, "golden", &[])).unwrap();
        cases.add("task", experiment.task.about(), case, tally.squares.clone());
        for instrument in INSTRUMENTS {
            let Some(reads) = instrument.simulated() else {
                continue;
            };
            let Ok(axes) = instrument.axes(&experiment) else {
                continue;
            };
            let values = reads
                .read(Simulated::Sweeps(setting, &tally), &axes)
                .unwrap();
            cases.add("instrument", instrument.about(), case, values);
        }
    }
    sizes(cases, &lattice("size = 8\nelement = 'bond'"));
    for (case, keys, table) in [
        ("torus", "size = 4", "kind = 'percolation-limit'"),
        (
            "bonds",
            "sides = [4, 3]\nboundary = 'open'\nelement = 'bond'",
            "kind = 'percolation-limit'",
        ),
        (
            "bridges",
            "size = 4\nelement = 'bond'",
            "kind = 'percolation-limit'",
        ),
        (
            "rhombus",
            "size = 4\nlattice = 'kagome'",
            "kind = 'percolation-limit'",
        ),
        (
            "rectangle",
            "sides = [4, 3]\nboundary = 'open'",
            "kind = 'percolation-limit'",
        ),
        ("torus", "size = 4", "kind = 'percolation-enumeration'"),
    ] {
        let experiment = lattice(keys);
        let points = if table.contains("limit") {
            "p = 'threshold'"
        } else {
            "p = [0.3, 0.6]"
        };
        let wanted: Vec<Wanted> = INSTRUMENTS
            .iter()
            .filter(|i| i.simulated().is_some())
            .filter_map(|i| {
                let keyed = i.keyed("golden", points.parse().unwrap());
                let axes = match keyed {
                    Ok(keyed) => keyed.axes(&experiment),
                    Err(_) => i.axes(&experiment),
                };
                Some(Wanted {
                    observable: i.observable(),
                    axes: axes.ok()?,
                })
            })
            .collect();
        let theory = parsed(THEORIES, table);
        let plan = theory.plan(&experiment, &questions(&wanted)).unwrap();
        let values = plan
            .solve(&Draw::default(), &Context::default())
            .unwrap()
            .answers;
        let values = values.into_iter().flat_map(|o| o.mean);
        cases.add("theory", theory.info().about, case, values);
    }
    trees(cases);
    grown(cases);
    let theory = parsed(THEORIES, "kind = 'percolation-scaling'");
    let names = [
        "largest-cluster",
        "susceptibility",
        "hull-length",
        "accessible-perimeter",
        "backbone-mass",
        "red-bonds",
        "chemical-distance",
    ];
    let exponents = names.map(|name| {
        let of = |d: usize| {
            let lattice = lattice(&format!("size = 3\ndimension = {d}"));
            exponent(&*theory, &lattice, name, "task.size").map(|value| [value])
        };
        (2..=9).filter_map(of).flatten().collect::<Vec<f64>>()
    });
    cases.add(
        "theory",
        theory.info().about,
        "exponents",
        exponents.concat(),
    );
}

/// Numbers of clusters by size, tau, and radii: small lattices need cutoffs.
fn sizes(cases: &mut Cases, experiment: &Experiment) {
    for (name, keys) in [
        (
            "cluster-size-scaling",
            "scaled = [-0.5, 0.5]\ncount = 3\nsizes = [4, 20]",
        ),
        ("fisher-exponent", "p = 0.4\nlower = 2\nupper = 30"),
        ("gyration-radius", "p = 0.4\nsizes = [1, 20]"),
        ("gyration-exponent", "p = 0.4\nsizes = [2, 20]"),
    ] {
        let found = saddlepoint::instrument::find("golden", name).unwrap();
        let keyed = found.keyed("golden", keys.parse().unwrap()).unwrap();
        let axes = keyed.axes(experiment).unwrap();
        let reads = keyed.simulated().unwrap();
        let setting = experiment.task.percolation().unwrap();
        let tally = Tally::of(setting, &reads.need(), &mut stream(1, "golden", &[])).unwrap();
        let values = reads
            .read(Simulated::Sweeps(setting, &tally), &axes)
            .unwrap();
        cases.add("instrument", keyed.about(), "bonds", values);
    }
}

/// Clusters grown on trees and random graphs: task, instruments and theories.
fn trees(cases: &mut Cases) {
    for (case, keys, theory) in [
        ("bonds", "p = 0.4\ncap = 40\nclusters = 50", "bethe-lattice"),
        (
            "sites",
            "p = 'threshold'\ncoordination = 4\nelement = 'site'\ncap = 40\nclusters = 50",
            "bethe-lattice",
        ),
        (
            "graph",
            "source = 'erdos-renyi'\ndegree = 0.9\nvertices = 60",
            "erdos-renyi",
        ),
    ] {
        let mut experiment = experiment(LINEAR);
        experiment.learner = None;
        experiment.training = None;
        experiment.task = parsed(TASKS, &format!("kind = 'percolation-tree'\n{keys}"));
        let Some(Simulation::Growth(growth)) = experiment.task.simulation() else {
            panic!("no clusters");
        };
        let census = growth.census(&mut stream(1, "golden", &[])).unwrap();
        let sizes = census.by_size.iter();
        let sizes: Vec<f64> = sizes.flat_map(|(&s, &n)| [s as f64, n as f64]).collect();
        cases.add("task", experiment.task.about(), case, sizes);
        let mut wanted = Vec::new();
        for instrument in INSTRUMENTS {
            let (Some(reads), Ok(axes)) = (instrument.simulated(), instrument.axes(&experiment))
            else {
                continue;
            };
            let values = reads.read(Simulated::Census(&census), &axes).unwrap();
            cases.add("instrument", instrument.about(), case, values);
            wanted.push(Wanted {
                observable: instrument.observable(),
                axes,
            });
        }
        let theory = parsed(THEORIES, &format!("kind = '{theory}'"));
        let plan = theory.plan(&experiment, &questions(&wanted)).unwrap();
        let values = plan
            .solve(&Draw::default(), &Context::default())
            .unwrap()
            .answers;
        let values = values.into_iter().flat_map(|o| o.mean);
        cases.add("theory", theory.info().about, case, values);
    }
}

/// Single clusters grown on infinite lattices.
fn grown(cases: &mut Cases) {
    for (case, keys) in [
        (
            "four-dimensions",
            "dimension = 4\ndoublings = 6\nclusters = 4000",
        ),
        (
            "diamond",
            "lattice = 'diamond'\nelement = 'bond'\ndoublings = 6\nclusters = 4000",
        ),
    ] {
        let mut experiment = experiment(LINEAR);
        experiment.learner = None;
        experiment.training = None;
        experiment.task = parsed(TASKS, &format!("kind = 'percolation-growth'\n{keys}"));
        let Some(Simulation::Leath { growth, .. }) = experiment.task.simulation() else {
            panic!("nothing grown");
        };
        let survival = growth.grow(&mut stream(1, "golden", &[])).unwrap();
        let shares = (0..=6).map(|k| survival.at(k, 0.5)).filter(|q| !q.is_nan());
        cases.add(
            "task",
            experiment.task.about(),
            case,
            shares.collect::<Vec<_>>(),
        );
        for kind in ["cluster-survival", "survival-exponent", "growth-threshold"] {
            let instrument = INSTRUMENTS.iter().find(|i| i.about().kind == kind).unwrap();
            let keys = match kind {
                "cluster-survival" => toml::Table::new(),
                _ => "span = 2".parse().unwrap(),
            };
            let instrument = instrument.keyed("measure", keys).unwrap();
            let axes = instrument.axes(&experiment).unwrap();
            let reads = instrument.simulated().unwrap();
            let values = reads
                .read(Simulated::Survival(growth, &survival), &axes)
                .unwrap();
            cases.add("instrument", instrument.about(), case, values);
            let wanted = [Wanted {
                observable: instrument.observable(),
                axes,
            }];
            for theory in [
                "threshold-series",
                "percolation-limit",
                "percolation-scaling",
            ] {
                let theory = parsed(THEORIES, &format!("kind = '{theory}'"));
                let Ok(plan) = theory.plan(&experiment, &questions(&wanted)) else {
                    continue;
                };
                if plan.answers().is_empty() {
                    continue;
                }
                let values = plan
                    .solve(&Draw::default(), &Context::default())
                    .unwrap()
                    .answers;
                let values = values.into_iter().flat_map(|o| o.mean).collect::<Vec<_>>();
                cases.add(
                    "theory",
                    theory.info().about,
                    &format!("{case} {kind}"),
                    values,
                );
            }
        }
    }
}

/// `sum_i cos(i) v_i` and `sum_i |v_i|`; an undefined value counts as -1.
fn fingerprint(values: &[f64]) -> (f64, f64) {
    let defined = values.iter().map(|v| if v.is_nan() { -1.0 } else { *v });
    let sum = defined
        .clone()
        .enumerate()
        .map(|(i, v)| (i as f64).cos() * v)
        .sum();
    (sum, defined.map(f64::abs).sum())
}

#[test]
fn numbers_change_only_with_the_revision() {
    let mut cases = Cases::default();
    tasks(&mut cases);
    learners(&mut cases);
    trainings(&mut cases);
    instruments(&mut cases);
    population(&mut cases);
    flows(&mut cases);
    planar(&mut cases);
    theories(&mut cases);
    percolation(&mut cases);
    TASKS.iter().for_each(|k| cases.covers("task", k.about));
    LEARNERS
        .iter()
        .for_each(|k| cases.covers("learner", k.about));
    TRAININGS
        .iter()
        .for_each(|k| cases.covers("training", k.about));
    INSTRUMENTS
        .iter()
        .for_each(|i| cases.covers("instrument", i.about()));
    THEORIES
        .iter()
        .for_each(|k| cases.covers("theory", k.about));

    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/suite/golden.txt");
    let table: String = cases
        .0
        .iter()
        .map(|(name, (revision, values))| {
            format!("{name} {revision} {:.15e}\n", fingerprint(values).0)
        })
        .collect();
    if std::env::var_os("SADDLEPOINT_BLESS").is_some() {
        std::fs::write(&path, table).unwrap();
        return;
    }
    let blessed = std::fs::read_to_string(&path).unwrap_or_default();
    let mut blessed: BTreeMap<&str, (u32, f64)> = blessed
        .lines()
        .map(|line| {
            let mut words = line.rsplitn(3, ' ');
            let number = words.next().unwrap().parse().unwrap();
            let revision = words.next().unwrap().parse().unwrap();
            (words.next().unwrap(), (revision, number))
        })
        .collect();
    let mut wrong = Vec::new();
    for (name, (revision, values)) in &cases.0 {
        let (number, size) = fingerprint(values);
        let rounding = if name.ends_with(SINGLE) { 1e-6 } else { 1e-10 };
        match blessed.remove(name.as_str()) {
            None => wrong.push(format!("{name} is new: bless it with SADDLEPOINT_BLESS=1")),
            Some((old, _)) if old != *revision => wrong.push(format!(
                "{name} has revision {revision}, the table {old}: re-bless with SADDLEPOINT_BLESS=1"
            )),
            Some((_, old)) if (number - old).abs() > rounding * size => wrong.push(format!(
                "numbers of {name} changed: raise its revision (and re-bless with SADDLEPOINT_BLESS=1); {old:e} became {number:e}"
            )),
            Some(_) => {}
        }
    }
    wrong.extend(
        blessed
            .keys()
            .map(|name| format!("{name} is gone: re-bless with SADDLEPOINT_BLESS=1")),
    );
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}
