//! Derivatives of every learner against finite differences along random directions in parameter space, over random shapes and choices.

use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use saddlepoint::learner::transformer::{Attention, Mask, Norm, Position, Predict};
use saddlepoint::learner::{
    Activation, Convolution, KernelRidge, Learner, Mlp, Network, Objective, Parameters,
    Parametrization, RandomFeatures, Readout, Transformer,
};
use saddlepoint::numerics::random::{Stream, normal_matrix, stream};
use saddlepoint::task::{Dataset, Modes, Shape};

/// Step of the differences: truncation and rounding are below 1e-9 of the terms they are taken from.
const STEP: f64 = 1e-5;
const TOLERANCE: f64 = 1e-6;
/// Of products with a direction, which are differences themselves, of relative step 6e-6: layer norms bend within the root of their epsilon
/// 1e-5, 3e-3, so that the error is of the order `(6e-6/3e-3)^2 = 4e-6`.
const OF_PRODUCT: f64 = 1e-5;

/// A learner on data of its own shape.
struct Case {
    learner: Box<dyn Learner>,
    outputs: usize,
    x: DMatrix<f64>,
    /// Blocks that a learner draws and holds fixed.
    fixed: usize,
}

/// Rounding, and differences across the kink of a rectifier, show in two step sizes that do not agree.
enum Difference {
    Converged(f64),
    Not,
}

fn difference(mut f: impl FnMut(f64) -> f64, size: f64) -> Difference {
    let mut at = |h: f64| (f(h) - f(-h)) / (2.0 * h);
    let (wide, narrow) = (at(STEP), at(0.5 * STEP));
    match (wide - narrow).abs() <= 0.3 * TOLERANCE * size {
        true => Difference::Converged((4.0 * narrow - wide) / 3.0),
        false => Difference::Not,
    }
}

fn shifted(p: &Parameters, v: &Parameters, step: f64) -> Parameters {
    let pairs = p.blocks.iter().zip(&v.blocks);
    Parameters {
        blocks: pairs.map(|(p, v)| p + v * step).collect(),
    }
}

fn dot(a: &Parameters, b: &Parameters) -> f64 {
    a.blocks.iter().zip(&b.blocks).map(|(a, b)| a.dot(b)).sum()
}

fn flat(p: &Parameters) -> DVector<f64> {
    DVector::from_iterator(p.len(), p.blocks.iter().flat_map(|b| b.iter().copied()))
}

impl Case {
    /// A start with every block perturbed, gains and biases too.
    fn parameters(&self, y: &DMatrix<f64>, rng: &mut Stream) -> Parameters {
        let data = Dataset {
            x: self.x.clone(),
            y: y.clone(),
            test: None,
            modes: Modes {
                u: DMatrix::zeros(y.nrows(), 0),
                s: DVector::zeros(0),
                v: DMatrix::zeros(self.x.nrows(), 0),
            },
            groups: None,
            blocks: None,
        };
        self.learner.check(data.shape()).unwrap();
        let mut p = self.learner.initialize(&data, rng).unwrap();
        for block in p.blocks.iter_mut().skip(self.fixed) {
            *block += normal_matrix(rng, block.nrows(), block.ncols()) * 0.3;
        }
        p
    }

    /// The number of differences that converged.
    fn check(&self, seed: u64) -> usize {
        let mut rng = stream(seed, "gradients", &[]);
        let samples = self.x.ncols();
        let shape = Shape {
            inputs: self.x.nrows(),
            outputs: self.outputs,
            samples,
        };
        let y = normal_matrix(&mut rng, self.outputs, samples);
        let p = self.parameters(&y, &mut rng);
        let mut v = p.clone();
        for (k, block) in v.blocks.iter_mut().enumerate() {
            let free = if k < self.fixed { 0.0 } else { 1.0 };
            *block = normal_matrix(&mut rng, block.nrows(), block.ncols()) * free;
        }
        let classes = self.learner.classes(shape);
        let likely = y.map(|y| y * y);
        let mut network = self.learner.network(shape);
        let network = network.as_mut();
        let what = format!("{:?}, {shape:?}", self.learner);
        self.check_products(network, &p, &v, &what);
        let entropy = Objective::CrossEntropy {
            weight: 0.7,
            classes,
        };
        let mut converged = 0;
        for (objective, y) in [(Objective::square(0.4), &y), (entropy, &likely)] {
            let mut gradient = p.clone();
            let loss = network.gradient(&p, &self.x, y, objective, &mut gradient);
            let mut scratch = p.clone();
            let mut at = |h: f64| {
                let p = shifted(&p, &v, h);
                network.gradient(&p, &self.x, y, objective, &mut scratch)
            };
            assert_eq!(at(0.0), loss, "{what}");
            let size = dot(&gradient, &gradient).sqrt() * (1.0 + loss.abs());
            let slope = dot(&gradient, &v);
            if let Difference::Converged(found) = difference(at, size) {
                assert!(
                    (found - slope).abs() <= TOLERANCE * size,
                    "{what}: {found} {slope}"
                );
                converged += 1;
            }
        }
        converged
    }

    /// Jacobian, its product with a direction and its kernel are one and the same derivative.
    fn check_products(
        &self,
        network: &mut dyn Network<f64>,
        p: &Parameters,
        v: &Parameters,
        what: &str,
    ) {
        let jacobian = network.jacobian(p, &self.x);
        let exact = &jacobian * flat(v);
        let size = exact.amax().max(1e-3 * jacobian.amax());
        let product = network.directional(p, &self.x, v);
        assert_eq!(product.shape(), (self.outputs, self.x.ncols()));
        let rectifies = format!("{:?}", self.learner).contains("Relu");
        if !rectifies {
            let off = exact.iter().zip(product.iter()).map(|(a, b)| (a - b).abs());
            let worst = off.fold(0.0, f64::max);
            assert!(
                worst < OF_PRODUCT * size,
                "{what}: product off by {worst} of {size}"
            );
        }
        let kernel = network.tangent_kernel(p, &self.x);
        for ((mu, nu), k) in (0..kernel.len())
            .map(|k| (k % self.x.ncols(), k / self.x.ncols()))
            .zip(kernel.iter())
        {
            let sum: f64 = (0..self.outputs)
                .map(|i| {
                    let row = |mu: usize| jacobian.row(mu * self.outputs + i).into_owned();
                    row(mu).dot(&row(nu))
                })
                .sum();
            assert!(
                (sum - k).abs() < 1e-12 * kernel.amax(),
                "{what}: kernel {k} {sum}"
            );
        }
    }
}

fn tokens(rng: &mut Stream, vocabulary: usize, rows: usize, cols: usize) -> DMatrix<f64> {
    // |z| of a normal, cut into whole numbers: every token occurs.
    normal_matrix(rng, rows, cols)
        .map(|z| (z.abs() * vocabulary as f64).floor() % vocabulary as f64)
}

fn activation() -> impl Strategy<Value = Activation> {
    let mut all = Activation::ALL.to_vec();
    all.push(Activation::Hermite(vec![0.2, 0.7, -0.3, 0.4]));
    proptest::sample::select(all)
}

fn parametrization() -> impl Strategy<Value = Parametrization> {
    proptest::sample::select(vec![
        Parametrization::Standard,
        Parametrization::Ntk,
        Parametrization::MeanField,
    ])
}

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 60,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(1),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn mlp(
        widths in proptest::collection::vec(1usize..6, 0..4),
        (inputs, outputs, samples) in (1usize..5, 1usize..4, 1usize..6),
        activation in activation(),
        parametrization in parametrization(),
        bias in any::<bool>(),
        committee in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let readout = if committee && !widths.is_empty() { Readout::Committee } else { Readout::Trained };
        let mut rng = stream(seed, "inputs", &[]);
        let case = Case {
            learner: Box::new(Mlp { widths, activation, parametrization, bias, readout, ..Mlp::default() }),
            outputs: if readout == Readout::Committee { 1 } else { outputs },
            x: normal_matrix(&mut rng, inputs, samples),
            fixed: 0,
        };
        prop_assume!(case.check(seed) > 0);
    }

    #[test]
    fn convolution(
        (patch, depth, left) in (1usize..4, 1usize..4, 1usize..3),
        channels in proptest::collection::vec(1usize..4, 3),
        (outputs, samples, input_channels) in (1usize..4, 1usize..5, 1usize..3),
        activation in activation(),
        ntk in any::<bool>(),
        sharing in any::<bool>(),
        vocabulary in proptest::option::of(2usize..4),
        seed in any::<u64>(),
    ) {
        let positions = left * patch.pow(depth as u32);
        let mut rng = stream(seed, "inputs", &[]);
        let (x, input_channels) = match vocabulary {
            Some(vocabulary) => (tokens(&mut rng, vocabulary, positions, samples), 1),
            None => (normal_matrix(&mut rng, positions * input_channels, samples), input_channels),
        };
        let case = Case {
            learner: Box::new(Convolution {
                vocabulary,
                input_channels,
                sharing,
                activation,
                parametrization: if ntk { Parametrization::Ntk } else { Parametrization::Standard },
                ..Convolution::new(patch, channels[..depth].to_vec())
            }),
            outputs,
            x,
            fixed: 0,
        };
        prop_assume!(case.check(seed) > 0);
    }

    #[test]
    fn transformer(
        (vocabulary, context, layers, samples) in (2usize..5, 1usize..5, 1usize..4, 1usize..4),
        (heads, width, mlp_dimension) in (1usize..4, 2usize..4, 0usize..4),
        activation in activation(),
        (softmax, causal, every, tied) in any::<(bool, bool, bool, bool)>(),
        (positions, norm) in any::<(bool, bool)>(),
        seed in any::<u64>(),
    ) {
        let learner = Transformer {
            layers,
            heads,
            mlp_dimension: Some(mlp_dimension),
            position: if positions { Position::Learned } else { Position::None },
            norm: if norm { Norm::Pre } else { Norm::None },
            attention: if softmax { Attention::Softmax } else { Attention::Linear },
            mask: if causal { Mask::Causal } else { Mask::Full },
            predict: if every { Predict::Every } else { Predict::Last },
            tied,
            activation,
            ..Transformer::new(vocabulary, context, heads * width)
        };
        let mut rng = stream(seed, "inputs", &[]);
        let case = Case {
            learner: Box::new(learner),
            outputs: if every { vocabulary * context } else { vocabulary },
            x: tokens(&mut rng, vocabulary, context, samples),
            fixed: 0,
        };
        prop_assume!(case.check(seed) > 0);
    }

    /// The read-outs of random features and kernel machines; what they read is held fixed.
    #[test]
    fn linear_readouts(
        (inputs, outputs, samples, features) in (1usize..5, 1usize..4, 1usize..6, 1usize..8),
        activation in activation(),
        kernel in any::<bool>(),
        seed in any::<u64>(),
    ) {
        let learner: Box<dyn Learner> = if kernel {
            let text = "ridge = 0.1\nkernel = { kind = 'gaussian', length = 1.5 }";
            Box::new(KernelRidge::parse("learner", text.parse().unwrap()).unwrap())
        } else {
            Box::new(RandomFeatures { features, activation, weight: 1.5, bias: 0.2, ridge: 0.0 })
        };
        let mut rng = stream(seed, "inputs", &[]);
        let case = Case { learner, outputs, x: normal_matrix(&mut rng, inputs, samples), fixed: 1 };
        prop_assume!(case.check(seed) > 0);
    }
}
