//! Convolutions against their definition, against block-sparse perceptrons, and derivatives against finite differences.

use super::*;
use crate::learner::{MlpNetwork, Objective};
use crate::numerics::random::stream;
use nalgebra::{DMatrix, DVector};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const STEP: f64 = 2e-4;
/// Four evaluations with weights of sum 18, each good to a few units of rounding.
const ROUNDING: f64 = 18.0 * 4.0 * f64::EPSILON / (12.0 * STEP);

struct Case {
    spec: Convolution,
    shape: Shape,
    p: Parameters,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
}

impl Case {
    fn draw(spec: Convolution, inputs: usize, outputs: usize, samples: usize, seed: u64) -> Self {
        let shape = Shape {
            inputs,
            outputs,
            samples,
        };
        let mut rng = stream(seed, "convolution", &[]);
        let sizes = spec.shapes(shape);
        let scales = spec.fans(shape);
        let scale = |n: usize| match spec.parametrization {
            Parametrization::Ntk => 1.0,
            _ => 1.0 / (n as f64).sqrt(),
        };
        let blocks = sizes.iter().zip(&scales);
        let blocks = blocks
            .map(|(&(r, c), &n)| normal_matrix(&mut rng, r, c) * scale(n))
            .collect();
        let x = normal_matrix(&mut rng, inputs, samples);
        let x = match spec.vocabulary {
            Some(v) => x.map(|u| ((u * 7.3).abs() as usize % v) as f64),
            None => x,
        };
        let y = normal_matrix(&mut rng, outputs, samples);
        Case {
            spec,
            shape,
            p: Parameters { blocks },
            x,
            y,
        }
    }

    /// The definition, position by position, and the smallest preactivation.
    fn definition(&self, p: &Parameters) -> (DMatrix<f64>, f64) {
        let mut f = DMatrix::zeros(self.shape.outputs, self.x.ncols());
        let mut smallest = f64::INFINITY;
        let c = self
            .spec
            .parametrization
            .multipliers(&self.spec.fans(self.shape), 1.0);
        for (mu, x) in self.x.column_iter().enumerate() {
            let mut values: Vec<DVector<f64>> = match self.spec.vocabulary {
                Some(v) => x
                    .iter()
                    .map(|&z| DVector::from_fn(v, |k, _| f64::from(u8::from(k as f64 == z))))
                    .collect(),
                None => x
                    .as_slice()
                    .chunks(self.spec.input_channels)
                    .map(DVector::from_column_slice)
                    .collect(),
            };
            for (l, stage) in self.spec.stages(self.shape.inputs).iter().enumerate() {
                let patch = |j: usize| {
                    let parts = &values[j * self.spec.patch..(j + 1) * self.spec.patch];
                    DVector::from_iterator(
                        stage.inputs,
                        parts.iter().flat_map(|v| v.iter().copied()),
                    )
                };
                values = (0..stage.positions)
                    .map(|j| {
                        let filter = if self.spec.sharing { 0 } else { j };
                        let w = p.blocks[l].columns(filter * stage.inputs, stage.inputs);
                        let h = w * patch(j) * c[l];
                        smallest = h.iter().fold(smallest, |m, h| m.min(h.abs()));
                        h.map(|h| self.spec.activation.value(h))
                    })
                    .collect();
            }
            let flat: Vec<f64> = values.iter().flat_map(|v| v.iter().copied()).collect();
            let last = p.blocks.len() - 1;
            f.set_column(mu, &(&p.blocks[last] * DVector::from_vec(flat) * c[last]));
        }
        (f, smallest)
    }

    fn network(&self) -> ConvolutionNetwork<f64> {
        self.spec.compile(self.shape)
    }

    fn gradient(&self, objective: Objective) -> (f64, Parameters) {
        let mut g = self.p.clone();
        let loss = self
            .network()
            .gradient(&self.p, &self.x, &self.y, objective, &mut g);
        (loss, g)
    }

    fn check_gradient(&self, objective: Objective) {
        let f = self.definition(&self.p).0;
        let forward = self.network().forward(&self.p, &self.x);
        assert!((&forward - &f).amax() < 1e-12 * f.amax().max(1.0));
        let mut scratch = vec![];
        let mut loss = |p: &Parameters| {
            let f = self.definition(p).0;
            objective.residual(f.as_slice(), self.y.as_slice(), &mut scratch)
        };
        let (value, gradient) = self.gradient(objective);
        assert!((value - loss(&self.p)).abs() < 1e-12 * value.abs());
        let mut p = self.p.clone();
        for (block, g) in gradient.blocks.iter().enumerate() {
            for entry in 0..g.len() {
                let centre = p.blocks[block][entry];
                let mut at = |k: f64| {
                    p.blocks[block][entry] = centre + k * STEP;
                    loss(&p)
                };
                let difference =
                    ((at(1.0) - at(-1.0)) * 8.0 - (at(2.0) - at(-2.0))) / (12.0 * STEP);
                p.blocks[block][entry] = centre;
                assert!(
                    (difference - g[entry]).abs() < 1e-6 * g.amax() + ROUNDING * value,
                    "{:?}, block {block}, entry {entry}: {difference} {}",
                    self.spec,
                    g[entry]
                );
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn derivatives_match_finite_differences(
        patch in 1usize..4,
        channels in proptest::collection::vec(1usize..4, 0..3),
        left in 1usize..3,
        width in 1usize..4,
        samples in 1usize..4,
        seed in 0u64..1 << 40,
    ) {
        let positions = left * patch.pow(channels.len() as u32);
        for bits in 0..8usize {
            let on = |bit: usize| bits >> bit & 1 == 1;
            for activation in Activation::ALL {
                let base = Convolution {
                    activation: activation.clone(),
                    sharing: on(0),
                    parametrization: if on(1) { Parametrization::Ntk } else { Parametrization::Standard },
                    ..Convolution::new(patch, channels.clone())
                };
                let (spec, inputs) = match on(2) {
                    true => (Convolution { vocabulary: Some(width), ..base }, positions),
                    false => (Convolution { input_channels: width, ..base }, positions * width),
                };
                // A difference across the kink of relu is not a derivative: draw again.
                let case = (0..)
                    .map(|attempt| Case::draw(spec.clone(), inputs, 2, samples, seed + attempt))
                    .find(|case| activation != Activation::Relu || case.definition(&case.p).1 > 1e-2)
                    .unwrap();
                // A dead relu network has gradient zero, which has no relative error.
                if case.network().jacobian(&case.p, &case.x).amax() > 1e-6 {
                    case.check_gradient(Objective::square(0.3));
                    case.check_gradient(Objective::CrossEntropy { weight: 0.3, classes: 2 });
                }
            }
        }
    }
}

/// 3 channels at 12 positions, layers of 4 and 5 channels at 6 and 3 positions.
fn tree(sharing: bool) -> Case {
    let spec = Convolution {
        input_channels: 3,
        sharing,
        activation: Activation::Gelu,
        parametrization: Parametrization::Ntk,
        ..Convolution::new(2, vec![4, 5])
    };
    Case::draw(spec, 36, 2, 9, 3)
}

#[test]
fn without_sharing_it_is_a_perceptron_with_block_sparse_weights() {
    let case = tree(false);
    let stages = case.spec.stages(36);
    let fans = case.spec.fans(case.shape);
    let multipliers = case.spec.parametrization.multipliers(&fans, 1.0);
    let mut widths = vec![36];
    widths.extend(stages.iter().map(Stage::units));
    widths.push(2);
    let mut mlp = MlpNetwork::<f64>::new(widths.clone(), Activation::Gelu, &multipliers);
    let mut dense = case.p.clone();
    for (l, stage) in stages.iter().enumerate() {
        dense.blocks[l] = DMatrix::zeros(widths[l + 1], widths[l]);
        for j in 0..stage.positions {
            let (rows, cols) = (stage.features, stage.inputs);
            let filter = case.p.blocks[l].columns(j * cols, cols);
            dense.blocks[l]
                .view_mut((j * rows, j * cols), (rows, cols))
                .copy_from(&filter);
        }
    }
    let (loss, gradient) = case.gradient(Objective::square(0.4));
    let mut dense_gradient = dense.clone();
    let dense_loss = mlp.gradient(
        &dense,
        &case.x,
        &case.y,
        Objective::square(0.4),
        &mut dense_gradient,
    );
    assert!((loss / dense_loss - 1.0).abs() < 1e-13);
    for (l, stage) in stages.iter().enumerate() {
        for j in 0..stage.positions {
            let (rows, cols) = (stage.features, stage.inputs);
            let a = gradient.blocks[l].columns(j * cols, cols);
            let b = dense_gradient.blocks[l].view((j * rows, j * cols), (rows, cols));
            assert!((a - b).norm() < 1e-13 * gradient.blocks[l].norm());
        }
    }
    assert!((&gradient.blocks[2] - &dense_gradient.blocks[2]).norm() < 1e-13 * loss.max(1.0));
}

#[test]
fn with_sharing_the_gradient_is_the_sum_over_positions() {
    let shared = tree(true);
    let mut apart = tree(false);
    (apart.x, apart.y) = (shared.x.clone(), shared.y.clone());
    let stages = shared.spec.stages(36);
    for (l, stage) in stages.iter().enumerate() {
        let copies: Vec<f64> = (0..stage.positions)
            .flat_map(|_| shared.p.blocks[l].iter().copied())
            .collect();
        apart.p.blocks[l] =
            DMatrix::from_vec(stage.features, stage.inputs * stage.positions, copies);
    }
    apart.p.blocks[2] = shared.p.blocks[2].clone();
    let (loss, gradient) = shared.gradient(Objective::square(0.4));
    let (loss_apart, gradient_apart) = apart.gradient(Objective::square(0.4));
    assert!((loss / loss_apart - 1.0).abs() < 1e-13);
    for (l, stage) in stages.iter().enumerate() {
        let mut sum = DMatrix::zeros(stage.features, stage.inputs);
        for j in 0..stage.positions {
            sum += gradient_apart.blocks[l].columns(j * stage.inputs, stage.inputs);
        }
        assert!((&sum - &gradient.blocks[l]).norm() < 1e-13 * sum.norm());
    }
}

#[test]
fn tokens_are_one_hot_vectors() {
    let spec = Convolution {
        vocabulary: Some(5),
        activation: Activation::Tanh,
        ..Convolution::new(2, vec![3, 4])
    };
    let case = Case::draw(spec.clone(), 4, 3, 7, 5);
    let vectors = DMatrix::from_fn(20, 7, |k, mu| {
        f64::from(u8::from(case.x[(k / 5, mu)] == (k % 5) as f64))
    });
    let spec = Convolution {
        vocabulary: None,
        input_channels: 5,
        ..spec
    };
    let shape = Shape {
        inputs: 20,
        ..case.shape
    };
    let f = spec.compile::<f64>(shape).forward(&case.p, &vectors);
    assert_eq!(case.network().forward(&case.p, &case.x), f);
}

#[test]
fn the_jacobian_contracts_to_the_gradient_and_single_precision_follows() {
    for sharing in [true, false] {
        let case = tree(sharing);
        let objective = Objective::square(0.3);
        let jacobian = case.network().jacobian(&case.p, &case.x);
        let residual = (case.definition(&case.p).0 - &case.y) * 0.3;
        let product = jacobian.transpose() * DVector::from_column_slice(residual.as_slice());
        let (loss, gradient) = case.gradient(objective);
        let flat = gradient.blocks.iter().flat_map(|b| b.iter());
        let scale = product.amax();
        assert!(
            product
                .iter()
                .zip(flat)
                .all(|(a, b)| (a - b).abs() < 1e-12 * scale)
        );

        let (p, mut single) = (case.p.cast::<f32>(), case.p.cast::<f32>());
        let (x, y) = (case.x.map(|v| v as f32), case.y.map(|v| v as f32));
        let mut network = case.spec.compile::<f32>(case.shape);
        let loss32 = network.gradient(&p, &x, &y, objective, &mut single);
        assert!((loss32 as f64 / loss - 1.0).abs() < 1e-5);
        for (a, b) in gradient.blocks.iter().zip(&single.cast::<f64>().blocks) {
            assert!((a - b).norm() < 1e-5 * a.norm());
        }
    }
}

#[test]
fn work_space_follows_the_batch_and_its_estimate() {
    for sharing in [true, false] {
        let case = tree(sharing);
        let mut reused = case.network();
        for columns in [9, 2, 5, 9] {
            let x = case.x.columns(0, columns).into_owned();
            let y = case.y.columns(0, columns).into_owned();
            let (mut a, mut b) = (case.p.clone(), case.p.clone());
            let first = reused.gradient(&case.p, &x, &y, Objective::square(1.0), &mut a);
            let second = case
                .network()
                .gradient(&case.p, &x, &y, Objective::square(1.0), &mut b);
            assert_eq!((first, a), (second, b));
        }
        let held = reused.work_space() as f64;
        let estimate = case.spec.work_space(case.shape, 9) as f64;
        assert!((estimate / held - 1.0).abs() < 0.2, "{estimate} {held}");
    }
}

#[test]
fn tables_are_checked() {
    let parse = |keys: &str| {
        let table = format!("patch = 2\nchannels = [8, 8]\n{keys}");
        Convolution::parse("learner", table.parse().unwrap())
    };
    let fails = |keys: &str, words: &str| {
        let text = parse(keys).unwrap_err().to_string();
        assert!(text.contains(words), "{text}");
    };
    fails(
        "parametrization = 'mean-field'",
        "use \"standard\" or \"ntk\"",
    );
    fails(
        "init = { kind = 'balanced', scale = 1.0 }",
        "learner.init.kind: only \"gaussian\"",
    );
    fails("vocabulary = 0", "learner.vocabulary: zero");
    fails(
        "vocabulary = 3\ninput_channels = 2",
        "remove it: a token is one input",
    );
    fails("shared = true", "did you mean \"sharing\"");
    let spec = parse("input_channels = 3").unwrap();
    let check = |inputs| {
        let shape = Shape {
            inputs,
            outputs: 2,
            samples: 5,
        };
        spec.check(shape).map_err(|e| e.to_string())
    };
    assert!(check(12).is_ok());
    assert!(
        check(10)
            .unwrap_err()
            .contains("3 channels do not divide the 10 inputs")
    );
    let text = check(18).unwrap_err();
    assert!(
        text.contains("do not tile the 3 positions before layer 2"),
        "{text}"
    );
    assert!(text.contains("1 entries in learner.channels"), "{text}");
}

#[test]
fn the_start_has_its_law() {
    let spec = Convolution::new(4, vec![50, 60]);
    let x = normal_matrix(&mut stream(1, "x", &[]), 64, 3);
    let modes = crate::task::Modes {
        u: DMatrix::zeros(40, 0),
        s: DVector::zeros(0),
        v: DMatrix::zeros(64, 0),
    };
    let data = Dataset {
        x,
        y: DMatrix::zeros(40, 3),
        test: None,
        modes,
        groups: None,
        blocks: None,
    };
    let start = spec
        .initialize(&data, &mut stream(1, "start", &[]))
        .unwrap();
    for (block, fan_in) in start.blocks.iter().zip([4.0, 200.0, 240.0]) {
        let variance = fan_in * block.norm_squared() / block.len() as f64;
        assert!((variance - 1.0).abs() < 5.0 * (2.0 / block.len() as f64).sqrt());
    }
}
