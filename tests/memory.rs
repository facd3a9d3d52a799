//! The memory estimates of a training and of a whole run against the bytes that they really allocate.

use saddlepoint::kind::{component, find};
use saddlepoint::learner::{
    Activation, Convolution, LEARNERS, Learner, Mlp, Precision, Predict, Transformer,
};
use saddlepoint::numerics::random::stream;
use saddlepoint::run::{Settings, estimate, execute};
use saddlepoint::spec::{self, Spec};
use saddlepoint::task::{Copying, LinearTeacher, Task};
use saddlepoint::training::{Adam, Descent, GradientDescent, Loss, Rule, TRAININGS, Training};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes allocated now, and the most there ever were.
struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static COUNTING: Counting = Counting;

// SAFETY: every call goes to the system allocator; the counters do not touch memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// Peak of data set and training over the estimate.
fn ratio(task: &dyn Task, learner: &dyn Learner, training: &dyn Training) -> f64 {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let data = task.draw(&mut stream(1, "dataset", &[0])).unwrap();
    let start = learner
        .initialize(&data, &mut stream(1, "initial", &[0, 0]))
        .unwrap();
    let record = [0, training.steps()];
    let mut noise = stream(1, "training", &[0, 0]);
    training
        .train(
            learner,
            start.into(),
            &data,
            &record,
            &mut noise,
            &mut |_| Ok(()),
        )
        .unwrap();
    let peak = PEAK.load(Relaxed) - before;
    peak as f64 / training.cost(learner, task.shape()).bytes as f64
}

/// All cases in turn: the counters belong to the whole program.
#[test]
fn estimates_hold_within_a_fifth() {
    let mut ratios = trained_by_gradients();
    // One worker, whose buffers the first case fills.
    let alone = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    ratios.extend(alone.unwrap().install(closed_forms));
    ratios.extend(runs());
    many_draws();
    let wrong: Vec<_> = ratios
        .iter()
        .filter(|(_, r)| !(0.8..1.2).contains(r))
        .collect();
    ratios
        .iter()
        .for_each(|(name, ratio)| println!("{name}: {ratio:.3}"));
    assert!(wrong.is_empty(), "{wrong:?}");
}

fn trained_by_gradients() -> Vec<(String, f64)> {
    let adam = |batch| {
        Adam(Descent {
            batch,
            loss: Loss::CrossEntropy,
            rule: Rule::Adam {
                beta1: 0.9,
                beta2: 0.999,
                epsilon: 1e-8,
            },
            ..Descent::new(1e-3, 1)
        })
    };
    let small = Transformer {
        layers: 2,
        heads: 2,
        predict: Predict::Every,
        ..Transformer::new(9, 16, 32)
    };
    let wide = Transformer {
        layers: 3,
        heads: 4,
        tied: true,
        ..Transformer::new(9, 16, 128)
    };
    // Buffers that matrix products keep for the life of a thread belong to the program, not to a training.
    ratio(&Copying::new(8, 8, 64), &small, &adam(None));
    let mut ratios = Vec::new();
    for precision in [Precision::F64, Precision::F32] {
        // Where data, activations and parameters dominate in turn.
        for (name, samples, learner) in [
            (
                "data",
                2048,
                Transformer {
                    precision,
                    dimension: 8,
                    ..small.clone()
                },
            ),
            (
                "activations",
                200,
                Transformer {
                    precision,
                    ..small.clone()
                },
            ),
            (
                "parameters",
                64,
                Transformer {
                    precision,
                    predict: Predict::Every,
                    ..wide.clone()
                },
            ),
        ] {
            for batch in [None, Some(48)] {
                let task = Copying::new(8, 8, samples);
                let name = format!("transformer {name} {precision:?} {batch:?}");
                ratios.push((name, ratio(&task, &learner, &adam(batch))));
            }
        }
    }
    let mlp = Mlp {
        widths: vec![200, 200],
        activation: Activation::Tanh,
        ..Mlp::default()
    };
    let task = LinearTeacher {
        whitened: false,
        ..LinearTeacher::new(vec![1.0], 50, 10)
    };
    ratios.push((
        "mlp".into(),
        ratio(&task, &mlp, &GradientDescent::new(1e-3, 3)),
    ));
    for precision in [Precision::F64, Precision::F32] {
        for (name, samples, channels, sharing) in [
            ("data", 3000, vec![2], true),
            ("activations", 300, vec![64, 64], true),
            ("parameters", 8, vec![128, 128], false),
        ] {
            let tree = Convolution {
                sharing,
                precision,
                activation: Activation::Tanh,
                ..Convolution::new(4, channels)
            };
            let task = LinearTeacher {
                whitened: false,
                samples,
                ..LinearTeacher::new(vec![1.0], 64, 5)
            };
            for batch in [None, Some(32)] {
                let descent = GradientDescent {
                    batch: batch.filter(|b| *b < samples),
                    ..GradientDescent::new(1e-3, 3)
                };
                let name = format!("convolution {name} {precision:?} {batch:?}");
                ratios.push((name, ratio(&task, &tree, &descent)));
            }
        }
    }
    ratios
}

/// Learners with an optimum in closed form, where samples, inputs or features dominate.
fn closed_forms() -> Vec<(String, f64)> {
    let table = toml::Table::from_iter([("kind".to_string(), "closed-form".into())]);
    let training = component("training", TRAININGS, table).unwrap();
    let gaussian = "kernel = { kind = 'gaussian', length = 5.0 }";
    let cases = [
        ("kernel-ridge", format!("ridge = 0.1\n{gaussian}"), 600, 20),
        ("kernel-ridge", format!("ridge = 0.1\n{gaussian}"), 150, 800),
        (
            "kernel-ridge",
            "ridge = 0.1\nkernel = { kind = 'ntk', nonlinearity = 'relu', depth = 2 }".into(),
            600,
            20,
        ),
        (
            "random-features",
            "features = 900\nridge = 0.1".into(),
            300,
            20,
        ),
        (
            "random-features",
            "features = 300\nridge = 0.1".into(),
            900,
            20,
        ),
        (
            "random-features",
            "features = 600\nridge = 0.1".into(),
            600,
            400,
        ),
        ("random-features", "features = 700".into(), 300, 20),
        ("random-features", "features = 300".into(), 700, 20),
        ("random-features", "features = 450".into(), 450, 20),
        ("nearest", "neighbours = 3".into(), 700, 50),
    ];
    let measured = |(kind, keys, samples, inputs): &(&str, String, usize, usize)| {
        let learner = find(LEARNERS, "learner", kind).unwrap();
        let learner = (learner.parse)("learner", keys.parse().unwrap()).unwrap();
        let task = LinearTeacher {
            whitened: false,
            samples: *samples,
            ..LinearTeacher::new(vec![1.0], *inputs, 3)
        };
        let name = format!("{kind} {keys}, {samples} samples of {inputs} inputs");
        (name, ratio(&task, learner.as_ref(), training.as_ref()))
    };
    measured(&cases[0]);
    cases.iter().map(measured).collect()
}

/// Whole runs on a file of 12,000 images, with instruments that need more than the training; without the program itself, which the estimate
/// takes for 32 MiB.
fn runs() -> Vec<(String, f64)> {
    let folder = tempfile::tempdir().unwrap();
    let (images, labels) = (folder.path().join("images"), folder.path().join("labels"));
    let mut bytes = vec![0, 0, 8, 3, 0, 0, 46, 224, 0, 0, 0, 20, 0, 0, 0, 20];
    bytes.extend((0..4_800_000u64).map(|k| (k * k % 251) as u8));
    std::fs::write(&images, bytes).unwrap();
    let mut bytes = vec![0, 0, 8, 1, 0, 0, 46, 224];
    bytes.extend((0..12_000).map(|k| (k % 5) as u8));
    std::fs::write(&labels, bytes).unwrap();
    let descent = "[learner]\nkind = 'mlp'\nwidths = [50]\nactivation = 'tanh'\n[training]\nkind = 'gradient-descent'\nlearning_rate = 1e-3\nsteps = 2";
    let machine = "[learner]\nkind = 'kernel-ridge'\nridge = 0.1\nkernel = { kind = 'gaussian', length = 10.0 }\n[training]\nkind = 'closed-form'";
    let cases = [
        ("pool", 200, 2, descent, "'train-loss', 'test-loss'"),
        (
            "features",
            1000,
            2,
            descent,
            "'feature-kernel', 'gradient-kernel', 'participation-ratio'",
        ),
        (
            "change of the tangent kernel",
            400,
            2,
            descent,
            "{ kind = 'ntk-change', samples = 60 }",
        ),
        (
            "tangent kernel",
            1500,
            2,
            descent,
            "{ kind = 'ntk', samples = 1200 }",
        ),
        (
            "sketch",
            1500,
            2,
            descent,
            "{ kind = 'ntk', samples = 1200, sketch = 40 }",
        ),
        (
            "sketched change",
            1500,
            2,
            descent,
            "{ kind = 'ntk-change', samples = 600, sketch = 300 }",
        ),
        (
            "kernel modes",
            300,
            1,
            machine,
            "{ kind = 'kernel-mode-error', points = 1200 }",
        ),
    ];
    // Buffers of large products (some MB per worker, given back when its thread ends) belong to the program, as above; the pool is ten
    // times larger.
    let little = "kind = 'linear-teacher'\nsingular_values = [1.0]\ninput_dim = 400\noutput_dim = 5\nsamples = 100\nwhitened = false";
    peak_of_run(little, descent, "'train-loss'", 2);
    let each = cases
        .iter()
        .map(|(name, samples, points, learner, observables)| {
            let task = format!(
                "kind = 'file'\npath = '{}'\nlabels = '{}'\nsamples = {samples}\ntest_samples = 400",
                images.display(),
                labels.display()
            );
            let (peak, bytes) = peak_of_run(&task, learner, observables, *points);
            (format!("run: {name}"), peak / bytes)
        });
    each.collect()
}

/// Of many draws there are the sums of 256 blocks, however many they are.
fn many_draws() {
    let task = "kind = 'linear-teacher'\nsingular_values = [1.0]\ninput_dim = 3\noutput_dim = 1\nsamples = 60\nwhitened = false";
    let descent = "[learner]\nkind = 'mlp'\nwidths = [4]\n[training]\nkind = 'gradient-descent'\nlearning_rate = 1e-3\nsteps = 2";
    let peak = |replicas: usize| {
        let observables = "{ kind = 'ntk', samples = 60 }";
        peak_of_draws(task, descent, observables, 2, replicas)
    };
    let (few, many) = (peak(1000), peak(3000));
    println!("1000 draws: {few:?}, 3000 draws: {many:?} (bytes used and estimated)");
    let draw = 8.0 * 2.0 * 60.0 * 60.0;
    assert!(many.0 < 3.0 * 256.0 * draw * 1.2 && many.0 < 1.1 * few.0);
    assert!(few.0 <= few.1 && many.0 <= many.1);
    assert!(many.1 < 2.0 * many.0);
}

/// Peak of a run on one thread, and its estimate without the 32 MiB for the program.
fn peak_of_run(task: &str, learner: &str, observables: &str, points: usize) -> (f64, f64) {
    peak_of_draws(task, learner, observables, points, 1)
}

fn peak_of_draws(
    task: &str,
    learner: &str,
    observables: &str,
    points: usize,
    replicas: usize,
) -> (f64, f64) {
    let text = format!(
        "version = 1\n[task]\n{task}\n{learner}\n[measure]\nobservables = [{observables}]\nreplicas = {replicas}\npoints = {points}\n"
    );
    let settings = Settings {
        threads: 1,
        ..Settings::default()
    };
    let before = NOW.load(Relaxed);
    let spec = Spec::parse("memory", "memory.toml", &text, &spec::Options::default()).unwrap();
    let bytes = estimate(&spec, 1, u64::MAX).unwrap().bytes - (32 << 20);
    // Reading a file has a peak of its own, before there is anything to estimate.
    PEAK.store(NOW.load(Relaxed), Relaxed);
    execute(&spec, &settings).unwrap();
    ((PEAK.load(Relaxed) - before) as f64, bytes as f64)
}
