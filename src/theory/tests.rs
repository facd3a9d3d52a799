//! The entries on a whole experiment: a small linear network with its own descent, in the place of the program's learners.

use super::*;
use crate::experiment::{Conditioning, DrawIndex, Draws, Spacing};
use crate::instrument::{Axis, Observable};
use crate::learner::{Learner, MlpView, Network, Objective, Parameters, Precision, StartView};
use crate::numerics::linalg::qr;
use crate::numerics::random::{Stream, normal_matrix, stream};
use crate::task::{Dataset, Modes, Shape, Task};
use crate::training::{Loss, OnSnapshot, Snapshot, Training};
use nalgebra::{DMatrix, DVector};
use std::sync::Arc;

static ABOUT: About = About {
    kind: "test",
    summary: "",
    text: "",
    revision: 1,
};
const S: [f64; 3] = [3.0, 1.5, 0.8];
const SHAPE: Shape = Shape {
    inputs: 5,
    outputs: 4,
    samples: 30,
};

/// Whitened (or stretched) inputs, planted modes in random bases that are the same for every draw.
#[derive(Debug)]
struct Teacher {
    noise: f64,
    stretch: f64,
}

impl Task for Teacher {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn shape(&self) -> Shape {
        SHAPE
    }
    fn modes(&self) -> Option<Modes> {
        let mut rng = stream(0, "bases", &[]);
        let (u, _) = qr(&normal_matrix(&mut rng, SHAPE.outputs, 3));
        let (v, _) = qr(&normal_matrix(&mut rng, SHAPE.inputs, 3));
        Some(Modes {
            u,
            s: DVector::from_row_slice(&S),
            v,
        })
    }
    /// Without noise a linear network sees the same moments in every draw.
    fn is_random(&self) -> bool {
        self.noise > 0.0
    }
    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let modes = self.modes().ok_or_else(|| missing("modes"))?;
        let teacher = &modes.u * DMatrix::from_diagonal(&modes.s) * modes.v.transpose();
        let (q, _) = qr(&normal_matrix(rng, SHAPE.samples, SHAPE.inputs));
        let mut x = q.transpose() * (SHAPE.samples as f64).sqrt();
        x.row_mut(0).scale_mut(self.stretch);
        let y = &teacher * &x + self.noise * normal_matrix(rng, SHAPE.outputs, SHAPE.samples);
        let x_test = normal_matrix(rng, SHAPE.inputs, 50);
        let test = Some((x_test.clone(), &teacher * x_test));
        Ok(Dataset { x, y, test, modes })
    }
}

/// `f = c_L W_L ... c_1 W_1 x`, or with only the last layer trained (a model that is linear in its parameters).
#[derive(Debug)]
struct Linear {
    widths: Vec<usize>,
    multipliers: Vec<f64>,
    rate_scale: f64,
    start: StartView,
    linear: bool,
}

struct LinearNet {
    multiplier: f64,
}

impl LinearNet {
    fn chain(&self, w: &[DMatrix<f64>], size: usize) -> DMatrix<f64> {
        w.iter().fold(DMatrix::identity(size, size), |f, w| w * f)
    }
}

impl Network<f64> for LinearNet {
    fn forward(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        self.chain(&p.blocks, x.nrows()) * x * self.multiplier
    }
    fn gradient(
        &mut self,
        p: &Parameters,
        x: &DMatrix<f64>,
        y: &DMatrix<f64>,
        objective: Objective,
        grad: &mut Parameters,
    ) -> f64 {
        let weight = objective.weight();
        let error = self.forward(p, x) - y;
        let pull = self
            .jacobian(p, x)
            .tr_mul(&DVector::from_column_slice(error.as_slice()));
        let mut rest = pull.as_slice();
        for block in &mut grad.blocks {
            let (head, tail) = rest.split_at(block.len());
            block.copy_from_slice(head);
            *block *= weight;
            rest = tail;
        }
        0.5 * weight * error.norm_squared()
    }
    fn jacobian(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        let outputs = p.blocks[p.blocks.len() - 1].nrows();
        let mut j = DMatrix::zeros(outputs * x.ncols(), p.len());
        let mut column = 0;
        for (l, block) in p.blocks.iter().enumerate() {
            let below = self.chain(&p.blocks[..l], x.nrows()) * x;
            let above = self.chain(&p.blocks[l + 1..], block.nrows()) * self.multiplier;
            for c in 0..block.ncols() {
                for r in 0..block.nrows() {
                    for mu in 0..x.ncols() {
                        for i in 0..outputs {
                            j[(mu * outputs + i, column)] = above[(i, r)] * below[(c, mu)];
                        }
                    }
                    column += 1;
                }
            }
        }
        j
    }
}

impl Learner for Linear {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn precision(&self) -> Precision {
        Precision::F64
    }
    fn shapes(&self, _: Shape) -> Vec<(usize, usize)> {
        self.widths.windows(2).map(|w| (w[1], w[0])).collect()
    }
    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shapes = self.shapes(SHAPE);
        let blocks = match self.start {
            StartView::Aligned { first, last } => {
                let (r, _) = qr(&normal_matrix(rng, self.widths[1], 3));
                vec![
                    first * &r * dataset.modes.v.transpose(),
                    last * &dataset.modes.u * r.transpose(),
                ]
            }
            StartView::Gaussian { scale } => shapes
                .iter()
                .map(|&(r, c)| scale * normal_matrix(rng, r, c))
                .collect(),
            _ => return Err(missing("this start")),
        };
        Ok(Parameters { blocks })
    }
    fn network(&self, _: Shape) -> Box<dyn Network<f64>> {
        Box::new(LinearNet {
            multiplier: self.multipliers.iter().product(),
        })
    }
    fn network_f32(&self, _: Shape) -> Box<dyn Network<f32>> {
        unimplemented!()
    }
    fn check(&self, _: Shape) -> Result<()> {
        Ok(())
    }
    fn rate_scale(&self, _: Shape) -> f64 {
        self.rate_scale
    }
    fn mlp(&self, _: Shape) -> Option<MlpView> {
        Some(MlpView {
            widths: self.widths.clone(),
            linear: self.linear,
            multipliers: self.multipliers.clone(),
            rate_scale: self.rate_scale,
            start: self.start,
        })
    }
}

#[derive(Debug)]
struct Descent {
    learning_rate: f64,
    steps: usize,
    loss: Loss,
}

impl Training for Descent {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn loss(&self) -> Loss {
        self.loss
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn steps(&self) -> usize {
        self.steps
    }
    fn is_plain_descent(&self) -> bool {
        true
    }
    fn train(
        &self,
        learner: &dyn Learner,
        mut p: Parameters,
        dataset: &Dataset,
        record: &[usize],
        _: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let mut network = learner.network(SHAPE);
        let mut grad = Parameters::zeros(&learner.shapes(SHAPE));
        let w = self.loss.weight(dataset.samples());
        let rate = self.learning_rate * learner.rate_scale(SHAPE);
        for step in 0..=self.steps {
            if record.contains(&step) {
                on_snapshot(Snapshot {
                    step,
                    parameters: &p,
                })?;
            }
            network.gradient(&p, &dataset.x, &dataset.y, Objective::square(w), &mut grad);
            for (block, g) in p.blocks.iter_mut().zip(&grad.blocks) {
                *block -= rate * g;
            }
        }
        Ok(p)
    }
}

fn learner(widths: &[usize], start: StartView) -> Linear {
    Linear {
        widths: widths.to_vec(),
        multipliers: vec![1.0; widths.len() - 1],
        rate_scale: 1.0,
        start,
        linear: true,
    }
}

fn experiment(task: Teacher, learner: Linear, learning_rate: f64, steps: usize) -> Experiment {
    Experiment {
        seed: 11,
        task: Arc::new(task),
        learner: Some(Arc::new(learner)),
        training: Some(Arc::new(Descent {
            learning_rate,
            steps,
            loss: Loss::HalfMean,
        })),
        draws: Draws {
            datasets: 1,
            replicas: 1,
            points: 6,
            spacing: Spacing::Linear,
        },
    }
}

const CLEAN: Teacher = Teacher {
    noise: 0.0,
    stretch: 1.0,
};
const SMALL: StartView = StartView::Gaussian { scale: 0.05 };

fn wanted(e: &Experiment, names: &[&'static str]) -> Vec<Wanted> {
    let time = || Axis::new("time", "1", e.record_times());
    let index = |name: &str, n: usize| Axis::new(name, "1", (1..=n).map(|k| k as f64).collect());
    names
        .iter()
        .map(|&name| Wanted {
            observable: Box::leak(Box::new(Observable {
                name,
                label: "",
                unit: "1",
                convention: "",
            })),
            axes: match name {
                "mode-strength" | "singular-alignment" => vec![index("mode", 3), time()],
                "half-rise-time" => vec![index("mode", 3)],
                "input-output-map" => {
                    vec![
                        time(),
                        index("output", SHAPE.outputs),
                        index("input", SHAPE.inputs),
                    ]
                }
                _ => vec![time()],
            },
        })
        .collect()
}

fn theory(kind: &str, options: &str) -> Arc<dyn Theory> {
    let kind = crate::kind::find(THEORIES, "theory[0].kind", kind).unwrap();
    (kind.parse)("theory[0]", options.parse().unwrap()).unwrap()
}

fn draw(e: &Experiment) -> Draw {
    let index = DrawIndex {
        dataset: 0,
        replica: 0,
    };
    let dataset = e.dataset(0).unwrap();
    let initial = e.initial(&dataset, index).unwrap().unwrap();
    Draw {
        index: Some(index),
        dataset: Some(Arc::new(dataset)),
        initial: Some(Arc::new(initial)),
        trained: None,
    }
}

/// Mode strengths (mode, time), training loss and map of the trained network at the recorded steps.
fn trained(e: &Experiment, draw: &Draw) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let dataset = draw.dataset.as_deref().unwrap();
    let learner = e.learner.as_deref().unwrap();
    let mut network = learner.network(SHAPE);
    let (mut strengths, mut losses, mut maps) = (vec![Vec::new(); 3], Vec::new(), Vec::new());
    let unit = DMatrix::identity(SHAPE.inputs, SHAPE.inputs);
    e.training
        .as_deref()
        .unwrap()
        .train(
            learner,
            draw.initial.as_deref().unwrap().clone(),
            dataset,
            &e.record_steps(),
            &mut stream(0, "", &[]),
            &mut |s| {
                let f = network.forward(s.parameters, &unit);
                for (k, u) in readout::mode_strengths(&f, &dataset.modes)
                    .iter()
                    .enumerate()
                {
                    strengths[k].push(*u);
                }
                let w = Loss::HalfMean.weight(dataset.samples());
                losses.push(readout::loss(&f, (&dataset.x, &dataset.y), w));
                maps.extend(readout::entries(&f));
                Ok(())
            },
        )
        .unwrap();
    (strengths.concat(), losses, maps)
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}

fn predict(theory: &dyn Theory, e: &Experiment, names: &[&'static str], draw: &Draw) -> Prediction {
    let plan = theory.plan(e, &wanted(e, names)).unwrap();
    assert_eq!(plan.covers(), (0..names.len()).collect::<Vec<_>>());
    plan.solve(draw).unwrap()
}

#[test]
fn matched_saxe_differs_from_descent_by_the_step_size_alone() {
    let scaled = || Linear {
        multipliers: vec![0.5, 3.0],
        rate_scale: 2.0,
        ..learner(&[5, 6, 4], StartView::Gaussian { scale: 0.02 })
    };
    let deep = || learner(&[5, 6, 7, 4], StartView::Gaussian { scale: 0.3 });
    let noisy = || Teacher {
        noise: 0.2,
        stretch: 1.0,
    };
    let cases: [(&dyn Fn() -> Linear, f64, f64); 2] = [(&scaled, 0.003, 1.2), (&deep, 0.01, 6.0)];
    for (build, eta, horizon) in cases {
        let gap = |eta: f64| {
            let e = experiment(noisy(), build(), eta, (horizon / eta).round() as usize);
            let d = draw(&e);
            let names = ["mode-strength", "train-loss", "input-output-map"];
            let p = predict(theory("saxe", "").as_ref(), &e, &names, &d);
            let (u, l, f) = trained(&e, &d);
            assert!(
                p.observables
                    .iter()
                    .all(|o| o.bound.iter().all(|b| *b < 1e-5))
            );
            [
                distance(&p.observables[0].mean, &u),
                distance(&p.observables[1].mean, &l),
                distance(&p.observables[2].mean, &f),
            ]
        };
        let (coarse, fine) = (gap(eta), gap(0.5 * eta));
        for k in 0..3 {
            let ratio = coarse[k] / fine[k];
            assert!((ratio - 2.0).abs() < 0.2, "{coarse:?} {fine:?}");
        }
    }
}

#[test]
fn closed_form_integration_and_aligned_modes_agree() {
    let start = StartView::Aligned {
        first: 0.1,
        last: 0.1,
    };
    let build = |start| Linear {
        multipliers: vec![2.0, 0.7],
        rate_scale: 1.5,
        ..learner(&[5, 3, 4], start)
    };
    let e = experiment(CLEAN, build(start), 0.01, 500);
    let d = draw(&e);
    let names = [
        "mode-strength",
        "train-loss",
        "half-rise-time",
        "conserved-drift",
        "input-output-map",
    ];
    let closed = predict(
        theory("saxe", "method = \"closed-form\"").as_ref(),
        &e,
        &names,
        &d,
    );
    let ode = predict(theory("saxe", "method = \"ode\"").as_ref(), &e, &names, &d);
    let ideal = predict(
        theory("saxe", "condition = \"none\"").as_ref(),
        &e,
        &names,
        &d,
    );
    assert!(closed.solver.method.starts_with("closed form"));
    for (k, name) in names.iter().enumerate() {
        let exact = &closed.observables[k].mean;
        assert!(distance(exact, &ode.observables[k].mean) < 2e-9, "{}", name);
        assert!(
            distance(exact, &ideal.observables[k].mean) < 1e-10,
            "{}",
            name
        );
        let o = &ode.observables[k];
        let outside = (0..exact.len())
            .any(|i| (o.mean[i] - exact[i]).abs() > o.bound[i] + closed.observables[k].bound[i]);
        assert!(!outside, "the stated bound of {name} does not hold");
    }
    assert!(distance(&ode.observables[3].mean, &[0.0; 6]) == 0.0);
    // Unequal layers: the unbalanced modes against integration.
    let start = StartView::Aligned {
        first: 0.6,
        last: 0.05,
    };
    let e = experiment(CLEAN, build(start), 0.01, 300);
    let d = draw(&e);
    let names = ["mode-strength", "half-rise-time", "train-loss"];
    let ideal = predict(
        theory("saxe", "condition = \"none\"").as_ref(),
        &e,
        &names,
        &d,
    );
    let matched = predict(theory("saxe", "").as_ref(), &e, &names, &d);
    for (k, name) in names.iter().enumerate() {
        let gap = distance(&ideal.observables[k].mean, &matched.observables[k].mean);
        assert!(gap < 1e-8, "{} {gap}", name);
    }
}

#[test]
fn ntk_is_exact_for_a_frozen_kernel_and_tangent_otherwise() {
    let names = [
        "mode-strength",
        "train-loss",
        "input-output-map",
        "half-rise-time",
        "test-loss",
        "ntk-change",
    ];
    // A single layer is linear in its parameters.
    let noisy = Teacher {
        noise: 0.2,
        stretch: 1.4,
    };
    let e = experiment(noisy, learner(&[5, 4], SMALL), 0.05, 100);
    let d = draw(&e);
    let p = predict(theory("ntk", "").as_ref(), &e, &names, &d);
    let (u, l, f) = trained(&e, &d);
    assert!(distance(&p.observables[0].mean, &u) < 1e-12);
    assert!(distance(&p.observables[1].mean, &l) < 1e-12);
    assert!(distance(&p.observables[2].mean, &f) < 1e-12);
    assert!(p.observables[3].mean.iter().all(|t| *t > 0.0 && *t < 5.0));
    assert_eq!(p.observables[5].mean, [0.0; 6]);
    // Read off by regression instead of as the map of a linear network: the same.
    let hidden_linear = Linear {
        linear: false,
        ..learner(&[5, 4], SMALL)
    };
    let e2 = experiment(
        Teacher {
            noise: 0.2,
            stretch: 1.4,
        },
        hidden_linear,
        0.05,
        100,
    );
    let q = predict(theory("ntk", "").as_ref(), &e2, &names, &d);
    for k in 0..6 {
        assert!(distance(&p.observables[k].mean, &q.observables[k].mean) < 1e-11);
    }
    // Two layers: tangent to the true dynamics, so that the error over two steps is of second order in the step.
    let gap = |eta: f64| {
        let e = experiment(
            CLEAN,
            learner(&[5, 6, 4], StartView::Gaussian { scale: 0.4 }),
            eta,
            2,
        );
        let d = draw(&e);
        let p = predict(theory("ntk", "").as_ref(), &e, &["input-output-map"], &d);
        distance(&p.observables[0].mean, &trained(&e, &d).2)
    };
    let ratio = gap(1e-3) / gap(5e-4);
    assert!((ratio - 4.0).abs() < 0.1, "{ratio}");
}

#[test]
fn saddle_to_saddle_is_the_limit_of_the_matched_half_rise() {
    let times = |kind: &str, options: &str, scale: f64| {
        let start = StartView::Gaussian { scale };
        let e = experiment(CLEAN, learner(&[5, 12, 4], start), 1e-4, 400_000);
        let d = draw(&e);
        let p = predict(theory(kind, options).as_ref(), &e, &["half-rise-time"], &d);
        p.observables[0].mean.clone()
    };
    // The correction to t_k is O(1) while t_k grows: differences across scales agree to better and better precision.
    let (a, b) = (1e-6, 1e-9);
    let stairs = (
        times("saddle-to-saddle", "", a),
        times("saddle-to-saddle", "", b),
    );
    let exact = (times("saxe", "", a), times("saxe", "", b));
    for k in 0..3 {
        let slope = (exact.1[k] - exact.0[k]) / (stairs.1[k] - stairs.0[k]);
        assert!((slope - 1.0).abs() < 1e-3, "{k} {slope}");
        assert!((exact.1[k] / stairs.1[k] - 1.0).abs() < 0.15);
    }
}

#[test]
fn declines_name_the_reason() {
    let reason = |kind: &str, options: &str, e: &Experiment| {
        theory(kind, options)
            .plan(e, &wanted(e, &["mode-strength"]))
            .err()
            .map_or("applies".into(), |d| d.0)
    };
    let correlated = Teacher {
        noise: 0.0,
        stretch: 2.0,
    };
    let e = experiment(correlated, learner(&[5, 6, 4], SMALL), 0.01, 10);
    assert!(reason("saxe", "", &e).contains("whitened"));
    assert!(reason("saxe", "", &e).contains("3.000e0"));
    assert!(reason("saddle-to-saddle", "", &e).contains("whitened"));
    assert_eq!(reason("ntk", "", &e), "applies");
    let relu = Linear {
        linear: false,
        ..learner(&[5, 6, 4], SMALL)
    };
    let e = experiment(CLEAN, relu, 0.01, 10);
    assert!(reason("saxe", "", &e).contains("linear"));
    let mut e = experiment(CLEAN, learner(&[5, 6, 4], SMALL), 0.01, 10);
    assert!(reason("saxe", "method = \"closed-form\"", &e).contains("lambda-balanced"));
    e.training = Some(Arc::new(Descent {
        learning_rate: 0.01,
        steps: 10,
        loss: Loss::HalfSum,
    }));
    assert!(reason("saxe", "", &e).contains("half-mean"));
    e.learner = None;
    assert!(reason("ntk", "", &e).contains("learner"));
    let deep = experiment(CLEAN, learner(&[5, 6, 6, 4], SMALL), 0.01, 10);
    assert!(reason("saddle-to-saddle", "", &deep).contains("two weight layers"));
    let narrow = experiment(CLEAN, learner(&[5, 2, 4], SMALL), 0.01, 10);
    assert!(reason("saxe", "condition = \"none\"", &narrow).contains("width"));
    let plan =
        theory("saxe", "").plan(&deep, &wanted(&deep, &["mode-strength", "order-parameter"]));
    assert_eq!(plan.unwrap().covers(), [0]);
}

#[test]
fn options_are_checked() {
    let parse = |kind: &str, options: &str| {
        let kind = crate::kind::find(THEORIES, "theory[0].kind", kind).unwrap();
        (kind.parse)("theory[0]", options.parse().unwrap())
            .err()
            .map_or(String::new(), |e| e.to_string())
    };
    assert!(parse("saxe", "methd = \"ode\"").contains("method"));
    assert!(parse("saxe", "u0 = 0.1").contains("theory[0].u0"));
    assert!(parse("saxe", "u0 = -0.1\ncondition = \"none\"").contains("positive"));
    assert!(parse("saxe", "condition = \"none\"\nmethod = \"ode\"").contains("method"));
    assert!(parse("ntk", "time = \"slow\"").contains("time"));
    assert_eq!(parse("saddle-to-saddle", "step_correction = false"), "");
    let promise = |kind: &str, options: &str| {
        let e = experiment(CLEAN, learner(&[5, 6, 4], SMALL), 0.01, 10);
        theory(kind, options)
            .plan(&e, &wanted(&e, &["mode-strength"]))
            .unwrap()
            .promise()
            .clone()
    };
    assert_eq!(promise("saxe", "").conditioning, Conditioning::Initial);
    assert_eq!(
        promise("saxe", "condition = \"none\"").conditioning,
        Conditioning::None
    );
    assert_eq!(
        promise("saddle-to-saddle", "").limits,
        ["learner.init.scale -> 0"]
    );
}
