//! The memory estimate of a training run against the bytes that it really allocates.

use saddlepoint::learner::{Activation, Learner, Mlp, Precision, Predict, Transformer};
use saddlepoint::numerics::random::stream;
use saddlepoint::task::{Copying, LinearTeacher, Task};
use saddlepoint::training::{Adam, Descent, GradientDescent, Loss, Rule, Training};
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

#[test]
fn estimates_hold_within_a_fifth() {
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
    let mut wrong = Vec::new();
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
                let ratio = ratio(&task, &learner, &adam(batch));
                println!("transformer {name} {precision:?} {batch:?}: {ratio:.3}");
                if !(0.8..1.2).contains(&ratio) {
                    wrong.push(format!("{name} {precision:?} {batch:?}: {ratio:.3}"));
                }
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
    let ratio = ratio(&task, &mlp, &GradientDescent::new(1e-3, 3));
    println!("mlp: {ratio:.3}");
    if !(0.8..1.2).contains(&ratio) {
        wrong.push(format!("mlp: {ratio:.3}"));
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}
