//! Gradients and Jacobians against finite differences of an independent forward pass.

use super::*;
use crate::learner::Parametrization;
use crate::numerics::random::{Stream, normal_matrix, stream};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

const STEP: f64 = 2e-4;
/// Four evaluations with weights of sum 18, each good to a few units of rounding.
const ROUNDING: f64 = 18.0 * 4.0 * f64::EPSILON / (12.0 * STEP);

struct Case {
    phi: Activation,
    multipliers: Vec<f64>,
    /// Forward multipliers of the biases; empty without.
    biases: Vec<f64>,
    committee: bool,
    p: Parameters,
    x: DMatrix<f64>,
    y: DMatrix<f64>,
}

impl Case {
    fn draw(
        phi: Activation,
        scaling: Parametrization,
        widths: &[usize],
        samples: usize,
        rng: &mut Stream,
    ) -> Self {
        let blocks = widths
            .windows(2)
            .map(|n| normal_matrix(rng, n[1], n[0]))
            .collect();
        let mut multipliers = scaling.multipliers(widths, 0.7);
        if scaling == Parametrization::Standard {
            // Keeps the outputs of order one without unequal raw scales.
            multipliers.fill(0.5);
        }
        Case {
            phi,
            multipliers,
            biases: vec![],
            committee: false,
            p: Parameters { blocks },
            x: normal_matrix(rng, widths[0], samples),
            y: normal_matrix(rng, widths[widths.len() - 1], samples),
        }
    }

    fn with_biases(mut self, rng: &mut Stream) -> Self {
        self.biases = self.multipliers.iter().map(|c| 0.3 + c).collect();
        let heights: Vec<usize> = self.p.blocks.iter().map(|w| w.nrows()).collect();
        for n in heights {
            self.p.blocks.push(normal_matrix(rng, n, 1));
        }
        self
    }

    /// Takes the read-out out of the parameters.
    fn with_committee(mut self) -> Self {
        self.committee = true;
        self.p.blocks.remove(self.multipliers.len() - 1);
        self
    }

    /// `W_1, ..., W_L`
    fn weights(&self, p: &Parameters) -> Vec<DMatrix<f64>> {
        let layers = self.multipliers.len();
        let mut weights = p.blocks[..layers - usize::from(self.committee)].to_vec();
        if self.committee {
            let inputs = weights.last().map_or(self.x.nrows(), |w| w.nrows());
            weights.push(DMatrix::from_element(self.y.nrows(), inputs, 1.0));
        }
        weights
    }

    fn network(&self) -> MlpNetwork<f64> {
        let mut widths = vec![self.x.nrows()];
        widths.extend(self.weights(&self.p).iter().map(|w| w.nrows()));
        let network =
            MlpNetwork::new(widths, self.phi.clone(), &self.multipliers).with_biases(&self.biases);
        match self.committee {
            true => network.with_committee(),
            false => network,
        }
    }

    /// The definition, and the smallest preactivation of the hidden layers.
    fn forward(&self, p: &Parameters) -> (DMatrix<f64>, f64) {
        let mut a = self.x.clone();
        let mut smallest = f64::INFINITY;
        let weights = self.weights(p);
        let biases = &p.blocks[p.blocks.len() - self.biases.len()..];
        for (l, w) in weights.iter().enumerate() {
            a = w * a * self.multipliers[l];
            if let Some(d) = self.biases.get(l) {
                let bias = &biases[l] * *d;
                a.column_iter_mut().for_each(|mut z| z += bias.column(0));
            }
            if l + 1 < weights.len() {
                smallest = a.iter().fold(smallest, |m, h| m.min(h.abs()));
                a = a.map(|h| self.phi.value(h));
            }
        }
        (a, smallest)
    }

    /// Fourth-order central difference of `g(f(theta))` along one parameter; its rounding error is below `ROUNDING * |g|`.
    fn difference<R>(&self, block: usize, entry: usize, g: impl Fn(DMatrix<f64>) -> R) -> R
    where
        R: std::ops::Sub<Output = R> + std::ops::Mul<f64, Output = R>,
    {
        let step = STEP;
        let at = |k: f64| {
            let mut p = self.p.clone();
            p.blocks[block][entry] += k * step;
            g(self.forward(&p).0)
        };
        ((at(1.0) - at(-1.0)) * 8.0 - (at(2.0) - at(-2.0))) * (1.0 / (12.0 * step))
    }
}

fn check_gradient(case: &Case, weight: f64) {
    let mut network = case.network();
    let (f, _) = case.forward(&case.p);
    assert!((network.forward(&case.p, &case.x) - &f).amax() < 1e-12 * f.amax().max(1.0));
    let loss = |f: DMatrix<f64>| 0.5 * weight * (&case.y - f).norm_squared();
    let mut gradient = case.p.clone();
    let value = network.gradient(
        &case.p,
        &case.x,
        &case.y,
        Objective::square(weight),
        &mut gradient,
    );
    assert!((value / loss(f) - 1.0).abs() < 1e-12);
    for (block, g) in gradient.blocks.iter().enumerate() {
        for entry in 0..g.len() {
            let difference = case.difference(block, entry, loss);
            assert!(
                (difference - g[entry]).abs() < 1e-6 * g.amax() + ROUNDING * value,
                "{:?}, block {block}, entry {entry}: {difference} {}",
                case.phi,
                g[entry]
            );
        }
    }
}

fn check_jacobian(case: &Case, weight: f64) {
    let mut network = case.network();
    let jacobian = network.jacobian(&case.p, &case.x);
    let mut gradient = case.p.clone();
    network.gradient(
        &case.p,
        &case.x,
        &case.y,
        Objective::square(weight),
        &mut gradient,
    );
    let (f, _) = case.forward(&case.p);
    let residual = (&f - &case.y) * weight;
    let residual = DMatrix::from_column_slice(residual.len(), 1, residual.as_slice());
    let product = jacobian.transpose() * residual;
    let flat: Vec<f64> = gradient
        .blocks
        .iter()
        .flat_map(|b| b.iter().copied())
        .collect();
    let scale = flat.iter().fold(0.0f64, |m, g| m.max(g.abs()));
    assert!(
        product
            .iter()
            .zip(&flat)
            .all(|(a, b)| (a - b).abs() < 1e-12 * scale)
    );
    let mut column = 0;
    for (block, p) in case.p.blocks.iter().enumerate() {
        for entry in 0..p.len() {
            let difference = case.difference(block, entry, |f| f);
            for (row, d) in difference.iter().enumerate() {
                let j = jacobian[(row, column)];
                assert!(
                    (d - j).abs() < 1e-6 * jacobian.amax() + ROUNDING * f.amax(),
                    "row {row}, column {column}: {d} {j}"
                );
            }
            column += 1;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, rng_seed: RngSeed::Fixed(1), ..ProptestConfig::default() })]
    #[test]
    fn derivatives_match_finite_differences(
        widths in proptest::collection::vec(1usize..5, 5),
        samples in 1usize..5,
        seed in any::<u64>(),
    ) {
        for depth in 1..=4 {
            for phi in Activation::ALL {
                for scaling in Parametrization::ALL {
                    // A difference across the kink of relu is not a derivative: draw again.
                    let case = (0..)
                        .map(|attempt| {
                            let mut rng = stream(seed, "derivatives", &[depth as u64, attempt]);
                            Case::draw(phi.clone(), scaling, &widths[..=depth], samples, &mut rng)
                        })
                        .find(|case| phi != Activation::Relu || case.forward(&case.p).1 > 1e-2)
                        .unwrap();
                    // A dead relu network has gradient zero, which has no relative error.
                    if case.network().jacobian(&case.p, &case.x).amax() > 1e-6 {
                        check_gradient(&case, 0.3);
                        check_jacobian(&case, 0.3);
                    }
                }
            }
        }
    }
}

#[test]
fn biases_and_committees_have_exact_derivatives_too() {
    for phi in [Activation::Tanh, Activation::Gelu, Activation::Quadratic] {
        for depth in 1..=3 {
            let mut rng = stream(8, "biases", &[depth as u64]);
            let widths = [3, 5, 4, 1];
            let widths = &widths[3 - depth..];
            let mut draw = || Case::draw(phi.clone(), Parametrization::Ntk, widths, 4, &mut rng);
            let (plain, committee) = (draw(), draw().with_committee());
            let mut cases = vec![plain.with_biases(&mut rng)];
            if depth > 1 {
                let both = Case::draw(phi.clone(), Parametrization::Ntk, widths, 4, &mut rng)
                    .with_biases(&mut rng)
                    .with_committee();
                cases.extend([committee, both]);
            }
            for case in cases {
                check_gradient(&case, 0.3);
                check_jacobian(&case, 0.3);
            }
        }
    }
}

#[test]
fn work_space_follows_the_batch() {
    // A gradient does not remember the batch before it, whatever its size.
    let mut rng = stream(6, "batch", &[]);
    let case = Case::draw(
        Activation::Gelu,
        Parametrization::Ntk,
        &[4, 7, 3],
        9,
        &mut rng,
    );
    let mut reused = case.network();
    for columns in [9, 2, 5, 9] {
        let (x, y) = (
            case.x.columns(0, columns).into_owned(),
            case.y.columns(0, columns).into_owned(),
        );
        let (mut a, mut b) = (case.p.clone(), case.p.clone());
        let first = reused.gradient(&case.p, &x, &y, Objective::square(1.0), &mut a);
        let second = case
            .network()
            .gradient(&case.p, &x, &y, Objective::square(1.0), &mut b);
        assert_eq!((first, a), (second, b));
    }
}

#[test]
fn single_precision_follows_double() {
    let mut rng = stream(7, "single", &[]);
    for phi in Activation::ALL {
        let case = Case::draw(
            phi.clone(),
            Parametrization::Ntk,
            &[6, 20, 15, 4],
            30,
            &mut rng,
        );
        let mut single = MlpNetwork::<f32>::new(vec![6, 20, 15, 4], phi.clone(), &case.multipliers);
        let (mut g, mut g32) = (case.p.clone(), case.p.cast::<f32>());
        let loss =
            case.network()
                .gradient(&case.p, &case.x, &case.y, Objective::square(1.0), &mut g);
        let (p32, x32, y32) = (
            case.p.cast(),
            case.x.map(|v| v as f32),
            case.y.map(|v| v as f32),
        );
        let loss32 = single.gradient(&p32, &x32, &y32, Objective::square(1.0), &mut g32);
        assert!((loss32 as f64 / loss - 1.0).abs() < 1e-5);
        for (a, b) in g.blocks.iter().zip(&g32.cast::<f64>().blocks) {
            assert!((a - b).norm() < 1e-5 * a.norm(), "{phi:?}");
        }
    }
}

#[test]
fn blocks_of_samples_add_up() {
    let mut rng = stream(6, "blocks", &[]);
    let scaling = Parametrization::Ntk;
    for (phi, outputs) in [
        (Activation::Relu, 1),
        (Activation::Tanh, 1),
        (Activation::Gelu, 2),
    ] {
        let case =
            Case::draw(phi, scaling, &[5, 35, 60, outputs], 300, &mut rng).with_biases(&mut rng);
        let mut network = case.network();
        assert!(network.block(300) < 300);
        let mut gradient = |x: &DMatrix<f64>, y: &DMatrix<f64>| {
            let mut g = case.p.clone();
            let loss = network.gradient(&case.p, x, y, Objective::square(0.5), &mut g);
            (loss, g)
        };
        let (loss, whole) = gradient(&case.x, &case.y);
        let mut sum = (
            0.0,
            Parameters::zeros(&whole.blocks.iter().map(|b| b.shape()).collect::<Vec<_>>()),
        );
        for mu in 0..300 {
            let column = |m: &DMatrix<f64>| m.columns(mu, 1).into_owned();
            let (loss, g) = gradient(&column(&case.x), &column(&case.y));
            sum.0 += loss;
            for (sum, g) in sum.1.blocks.iter_mut().zip(&g.blocks) {
                *sum += g;
            }
        }
        assert!((loss / sum.0 - 1.0).abs() < 1e-12);
        for (a, b) in whole.blocks.iter().zip(&sum.1.blocks) {
            assert!((a - b).amax() < 1e-12 * b.amax());
        }
    }
}
