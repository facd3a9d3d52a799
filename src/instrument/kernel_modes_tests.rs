//! Learning on kernel modes against exact ridge regression and the learning curve.

use super::*;
use crate::experiment::{Conditioning, Draw, DrawIndex, Draws, Spacing};
use crate::instrument::{Wanted, measure};
use crate::kind::{component, find};
use crate::learner::{Learner, Mlp};
use crate::numerics::linalg::eigh;
use crate::numerics::random::{Stream, normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use crate::task::{Shape, Task};
use crate::theory::{THEORIES, questions};
use crate::training::TRAININGS;
use nalgebra::DVector;

const MODES: usize = 6;
const INPUTS: usize = 30;

/// A linear target of power-law Gaussian features, `Var x_i = i^-1.2`, `y = sum_i x_i + noise`, on a fixed population; data sets are
/// random subsets without repetition.
#[derive(Debug)]
struct PowerLaw {
    population: usize,
    samples: usize,
}

impl PowerLaw {
    fn all(&self) -> (DMatrix<f64>, DMatrix<f64>) {
        let mut rng = stream(3, "power law", &[]);
        let mut x = normal_matrix(&mut rng, INPUTS, self.population);
        for (i, mut row) in x.row_iter_mut().enumerate() {
            row *= (1.0 + i as f64).powf(-0.6);
        }
        let y = DMatrix::from_row_iterator(1, x.ncols(), x.row_sum().iter().copied());
        let noise = normal_matrix(&mut rng, 1, x.ncols()) * 0.3;
        (x, y + noise)
    }
}

impl Task for PowerLaw {
    fn about(&self) -> &'static About {
        &ERROR_ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn shape(&self) -> Shape {
        Shape {
            inputs: INPUTS,
            outputs: 1,
            samples: self.samples,
        }
    }
    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        use rand::seq::index::sample;
        let (x, y) = self.all();
        let chosen = sample(rng, self.population, self.samples).into_vec();
        Ok(Dataset {
            x: x.select_columns(&chosen),
            y: y.select_columns(&chosen),
            test: None,
            modes: crate::task::Modes {
                u: DMatrix::zeros(1, 0),
                s: DVector::zeros(0),
                v: DMatrix::zeros(INPUTS, 0),
            },
            groups: None,
            blocks: None,
        })
    }
    fn population_size(&self) -> Option<usize> {
        Some(self.population)
    }
    fn population(&self, most: usize) -> Option<(DMatrix<f64>, DMatrix<f64>)> {
        let (x, y) = self.all();
        let count = most.min(x.ncols());
        let first = |m: &DMatrix<f64>| m.columns(0, count).into_owned();
        Some((first(&x), first(&y)))
    }
}

fn experiment(population: usize, samples: usize, learner: Arc<dyn Learner>) -> Experiment {
    let closed = toml::Table::from_iter([("kind".to_string(), "closed-form".into())]);
    Experiment {
        seed: 5,
        task: Arc::new(PowerLaw {
            population,
            samples,
        }),
        learner: Some(learner),
        training: Some(component("training", TRAININGS, closed).unwrap()),
        draws: Draws {
            datasets: 100,
            replicas: 1,
            points: 1,
            spacing: Spacing::Linear,
            ..Draws::default()
        },
    }
}

const RIDGE: f64 = 0.5;

fn machine() -> Arc<dyn Learner> {
    let text = format!("ridge = {RIDGE}\nkernel = {{ kind = 'linear' }}");
    let kind = find(crate::learner::LEARNERS, "learner", "kernel-ridge").unwrap();
    (kind.parse)("learner", text.parse().unwrap()).unwrap()
}

fn keyed(of: &KernelModes, modes: usize) -> Arc<dyn Instrument> {
    let keys = format!("modes = {modes}").parse().unwrap();
    of.keyed("measure.observables[0]", keys).unwrap()
}

/// Learnability and error of data set `dataset`.
fn measured(e: &Experiment, instruments: &[&dyn Instrument], dataset: usize) -> Vec<Vec<f64>> {
    let index = DrawIndex {
        dataset,
        replica: 0,
    };
    let data = e.dataset(dataset).unwrap();
    let start = e.initial(&data, index).unwrap().unwrap();
    let mut rng = e.training_stream(index);
    let found = measure(
        e,
        &Context::default(),
        instruments,
        &data,
        start.into(),
        &mut rng,
        None,
    );
    found.unwrap().values
}

/// Ridge regression on the whole population: `c_k = k_k/(k_k + ridge)`, exactly, and `E_k` the rest of the target.
#[test]
fn regression_on_the_population_learns_the_exact_share() {
    let e = experiment(50, 50, machine());
    let found = measured(
        &e,
        &[&KernelModes::LEARNABILITY, &*keyed(&KernelModes::ERROR, 50)],
        0,
    );
    let (x, y) = e.task.population(50).unwrap();
    let (values, vectors) = eigh(&(x.transpose() * &x / INPUTS as f64)).unwrap();
    let target = (&y * vectors).map(|t| t * t);
    for k in 0..16 {
        let value = values[49 - k];
        let share = value / (value + RIDGE);
        assert!((found[0][k] - share).abs() < 1e-9, "{k}");
        let left = target[49 - k] * (1.0 - share).powi(2) / 50.0;
        assert!((found[1][k] - left).abs() < 1e-9, "{k}");
    }
    // All modes: the mean squared error on the points. Modes of eigenvalue zero learn nothing.
    let rest: f64 = (0..50)
        .map(|k| target[k] * (RIDGE / (values[k] + RIDGE)).powi(2) / 50.0)
        .sum();
    assert!((found[1].iter().sum::<f64>() / rest - 1.0).abs() < 1e-9);
}

/// Random subsets against the learning curve of the same population. Eigenvectors of Gaussian features are not quite in general position, so
/// the means are compared within 5 % of the learnability, which the theory file states for real inputs, and within the statistical error.
#[test]
fn subsets_follow_the_learning_curve() {
    let e = experiment(600, 60, machine());
    let instruments = [
        keyed(&KernelModes::LEARNABILITY, MODES),
        keyed(&KernelModes::ERROR, MODES),
    ];
    let wanted: Vec<Wanted> = instruments
        .iter()
        .map(|i| Wanted {
            observable: i.observable(),
            axes: i.axes(&e).unwrap(),
        })
        .collect();
    let entry = toml::Table::from_iter([("kind".to_string(), "learning-curve".into())]);
    let theory = component("theory", THEORIES, entry).unwrap();
    let plan = theory.plan(&e, &questions(&wanted)).unwrap();
    assert_eq!(
        (plan.promise().conditioning, plan.answers()),
        (Conditioning::None, &[0, 1][..])
    );
    let prediction = plan.solve(&Draw::default(), &Context::default()).unwrap();
    let dynamic: Vec<&dyn Instrument> = instruments.iter().map(|i| i.as_ref()).collect();
    let draws: Vec<_> = (0..100).map(|d| measured(&e, &dynamic, d)).collect();
    for (which, predicted) in prediction.answers.iter().enumerate() {
        for k in 0..MODES {
            let values: Vec<f64> = draws.iter().map(|d| d[which][k]).collect();
            let (mean, stderr) = mean_stderr(&values);
            let (stderr, theory) = (stderr.unwrap(), predicted.mean[k]);
            println!("{which} {k}: {mean:.5} +- {stderr:.5}, theory {theory:.5}");
            assert!((mean - theory).abs() < 0.05 * theory + 4.0 * stderr);
            // The signal: the largest modes are learned, the error of the others is not small.
            assert!(stderr < 0.15 * theory);
        }
    }
}

#[test]
fn a_network_needs_a_kernel_and_a_kernel_machine_has_one() {
    let e = experiment(50, 20, Arc::new(Mlp::default()));
    let declined = KernelModes::ERROR.axes(&e).unwrap_err().0;
    assert!(declined.contains("kernel = { ... }"), "{declined}");
    let keys = "kernel = { kind = 'gaussian', length = 2.0 }";
    let other = KernelModes::ERROR
        .keyed("o", keys.parse().unwrap())
        .unwrap();
    assert_eq!(other.axes(&e).unwrap()[0].values.len(), 16);
    assert!(other.axes(&experiment(50, 20, machine())).is_err());
    for wrong in [
        "modes = 0",
        "points = 20000",
        "kernel = { kind = 'gaussian', length = 0 }",
        "mode = 3",
    ] {
        assert!(
            KernelModes::ERROR
                .keyed("o", wrong.parse().unwrap())
                .is_err()
        );
    }
}

/// All draws ask for the modes of one population at once, whose kernel matrix is itself computed in parallel.
#[test]
fn draws_on_eight_threads_share_the_modes() {
    use rayon::prelude::*;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(8).build();
    let e = experiment(90, 20, machine());
    let modes = keyed(&KernelModes::ERROR, MODES);
    let one = |dataset: usize| measured(&e, &[&*modes], dataset);
    let parallel: Vec<_> = pool
        .unwrap()
        .install(|| (0..24).into_par_iter().map(one).collect());
    assert_eq!(parallel, (0..24).map(one).collect::<Vec<_>>());
}
