//! The perceptron's table, initial law, prior and views.

use super::*;
use crate::learner::prior::Variances;
use crate::learner::{Chi, Objective};
use crate::numerics::linalg::eigh;
use crate::numerics::random::stream;
use crate::task::Modes;
use nalgebra::{DMatrix, DVector};

fn parse(text: &str) -> Result<Mlp> {
    Mlp::parse("learner", text.parse().unwrap())
}

fn dataset(x: DMatrix<f64>, y: DMatrix<f64>) -> Dataset {
    let modes = Modes {
        u: DMatrix::zeros(y.nrows(), 0),
        s: DVector::zeros(0),
        v: DMatrix::zeros(x.nrows(), 0),
    };
    Dataset {
        x,
        y,
        test: None,
        modes,
        groups: None,
        blocks: None,
    }
}

#[test]
fn tables_resolve_with_every_default() {
    let mlp = parse("widths = [8]\n[init]\nkind = 'gaussian'\nscale = 0.01").unwrap();
    assert_eq!(
        mlp.resolved(),
        serde_json::json!({
            "widths": [8], "activation": "linear", "parametrization": "standard", "richness": 1.0,
            "init": {"kind": "gaussian", "scale": 0.01}, "precision": "f64", "kind": "mlp"
        })
    );
    assert_eq!(parse("widths = []").unwrap(), Mlp::default());
    let aligned = parse("widths = [8]\ninit = { kind = 'aligned', scale = 0.5 }").unwrap();
    assert_eq!(aligned.resolved()["init"]["last"], 0.5);
}

#[test]
fn wrong_tables_name_the_place() {
    for (text, expected) in [
        ("widths = [8, 0]", "learner.widths[1]: "),
        ("widths = [-8]", "learner.widths[0]: "),
        ("activation = 'tanh'", "the key \"widths\" is missing"),
        (
            "widths = [8]\nactivation = 'tahn'",
            "did you mean \"tanh\"?",
        ),
        ("widths = [8]\nrichnes = 1", "did you mean \"richness\"?"),
        ("widths = [8]\nrichness = 2.0", "learner.richness: "),
        (
            "widths = [8]\nrichness = 0.0\nparametrization = 'mean-field'",
            "learner.richness: ",
        ),
        (
            "widths = [8]\ninit = { kind = 'gaussian', scale = -1 }",
            "learner.init.scale: ",
        ),
        (
            "widths = [8]\ninit = { kind = 'gaussian', scale = nan }",
            "learner.init.scale: ",
        ),
        (
            "widths = [8]\nparametrization = 'ntk'\ninit = { kind = 'balanced', scale = 1 }",
            "learner.init.kind: ",
        ),
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn view_for_theories() {
    let shape = Shape {
        inputs: 4,
        outputs: 2,
        samples: 10,
    };
    let view = |mlp: Mlp| mlp.mlp(shape).unwrap();
    let deep = Mlp {
        widths: vec![16],
        ..Mlp::default()
    };
    // Deviations 1/2 and 1/4.
    let StartView::Gaussian { scale } = view(deep.clone()).start else {
        panic!()
    };
    assert!((scale - 0.125f64.sqrt()).abs() < 1e-15);
    let field = Mlp {
        parametrization: Parametrization::MeanField,
        richness: 2.0,
        ..deep.clone()
    };
    let v = view(field);
    assert_eq!((v.multipliers, v.rate_scale), (vec![0.5, 1.0 / 32.0], 64.0));
    assert_eq!((v.widths, v.linear), (vec![4, 16, 2], true));
    assert_eq!(v.start, StartView::Gaussian { scale: 1.0 });
    assert!(
        !view(Mlp {
            activation: Activation::Tanh,
            ..deep
        })
        .linear
    );
    let shallow = Mlp {
        activation: Activation::Tanh,
        init: Init::Aligned {
            scale: 0.1,
            last: Some(0.2),
        },
        ..Mlp::default()
    };
    assert_eq!(
        view(shallow.clone()).start,
        StartView::Aligned {
            first: 0.2,
            last: 0.2
        }
    );
    assert!(view(shallow).linear);
}

#[test]
fn mean_field_outputs_start_at_one_over_richness_root_width() {
    // One hidden linear layer, |x|^2 = D: f has variance 1/(g^2 N) exactly; its fourth moment gives the error of the estimate.
    let x = DMatrix::from_element(3, 1, 1.0);
    for (width, richness) in [(50, 0.5), (200, 2.0)] {
        let mlp = Mlp {
            widths: vec![width],
            parametrization: Parametrization::MeanField,
            richness,
            ..Mlp::default()
        };
        let data = dataset(x.clone(), DMatrix::zeros(1, 1));
        let shape = Shape {
            inputs: 3,
            outputs: 1,
            samples: 1,
        };
        let mut network = mlp.network(shape);
        let mut rng = stream(8, "mean-field", &[width as u64]);
        let squares: Vec<f64> = (0..2000)
            .map(|_| {
                let p = mlp.initialize(&data, &mut rng).unwrap();
                let f = network.forward(&p, &x)[0];
                f * f * richness * richness * width as f64
            })
            .collect();
        let n = squares.len() as f64;
        let mean = squares.iter().sum::<f64>() / n;
        let variance = squares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (n - 1.0);
        assert!(((mean - 1.0) / (variance / n).sqrt()).abs() < 3.3, "{mean}");
    }
}

#[test]
fn first_mean_field_step_follows_the_tangent_kernel() {
    // D = P = 2, K^x = [[1, 0.6], [0.6, 1]], y = (1, -0.5): f(1) - f(0) = (eta/P) K (y - f(0)) + O(eta^2), where
    // K = gamma_0^2 N J J^T, and K -> (L + 1) K^x for a linear network as N -> infinity.
    let x = DMatrix::from_row_slice(2, 2, &[1.0, 0.6, 0.0, 0.8]) * 2f64.sqrt();
    let y = DMatrix::from_row_slice(1, 2, &[1.0, -0.5]);
    let data = dataset(x.clone(), y.clone());
    let shape = Shape {
        inputs: 2,
        outputs: 1,
        samples: 2,
    };
    let eta = 1e-3;
    let step = |mlp: &Mlp, eta: f64| {
        let p = mlp
            .initialize(&data, &mut stream(9, "first step", &[]))
            .unwrap();
        let mut network = mlp.network(shape);
        let f = network.forward(&p, &x);
        let j = network.jacobian(&p, &x);
        let kernel = &j * j.transpose() * mlp.rate_scale(shape);
        let mut g = p.clone();
        network.gradient(&p, &x, &y, Objective::square(0.5), &mut g);
        let mut moved = p.clone();
        for (p, g) in moved.blocks.iter_mut().zip(&g.blocks) {
            *p -= g * (eta * mlp.rate_scale(shape));
        }
        let rise = (network.forward(&moved, &x) - &f) / eta;
        let law = (&y - &f) * &kernel * 0.5;
        ((rise - &law).norm() / law.norm(), kernel)
    };
    for activation in Activation::ALL {
        let mlp = Mlp {
            widths: vec![60, 60],
            activation: activation.clone(),
            parametrization: Parametrization::MeanField,
            richness: 1.5,
            ..Mlp::default()
        };
        let (coarse, fine) = (step(&mlp, eta).0, step(&mlp, 0.5 * eta).0);
        // A step across the kinks of relu has no second-order expansion.
        let second_order = activation == Activation::Relu || (coarse / fine - 2.0).abs() < 0.2;
        assert!(
            coarse < 0.1 && fine < coarse && second_order,
            "{activation:?}: {coarse} {fine}"
        );
    }
    let wide = Mlp {
        widths: vec![40_000],
        parametrization: Parametrization::MeanField,
        richness: 1.5,
        ..Mlp::default()
    };
    let (error, kernel) = step(&wide, eta);
    assert!(error < 1e-3);
    let limit = x.transpose() * &x; // (L + 1) X^T X / D with L = 1, D = 2
    assert!((kernel - &limit).amax() < 4.0 * 2.0 / 200.0);
    assert!(eigh(&limit).unwrap().0[0] > 0.0);
}

/// The sample variance of the `n` raw entries of a layer has a relative error `sqrt(2/n)`: z-test of every layer.
fn has_deviations(blocks: &[DMatrix<f64>], deviations: &[f64]) {
    assert_eq!(blocks.len(), deviations.len());
    for (block, deviation) in blocks.iter().zip(deviations) {
        let n = block.len() as f64;
        let variance = block.norm_squared() / n;
        let z = (variance / deviation.powi(2) - 1.0) / (2.0 / n).sqrt();
        assert!(z.abs() < 3.5, "{variance} {deviation} {z}");
    }
}

#[test]
fn deviations_of_the_view_are_those_of_sampled_weights() {
    let shape = shape(30, 20);
    let zeros = dataset(DMatrix::zeros(30, 2), DMatrix::zeros(20, 2));
    let unequal = Mlp {
        widths: vec![80, 50],
        bias: true,
        prior: Some(Prior {
            weight: Variances::Each(vec![3.0, 0.4]),
            bias: 0.2,
            readout: 2.0,
            chi: Chi::WIDTH,
        }),
        ..Mlp::default()
    };
    let default = Mlp {
        widths: vec![80, 50],
        ..Mlp::default()
    };
    let one = Mlp {
        init: Init::gaussian(0.3),
        ..default.clone()
    };
    let root = |v: f64| v.sqrt();
    let expected = [
        vec![root(3.0 / 30.0), root(0.4 / 80.0), root(2.0 / 50.0 / 50.0)],
        vec![root(1.0 / 30.0), root(1.0 / 80.0), root(1.0 / 50.0)],
        vec![0.3; 3],
    ];
    for (mlp, expected) in [&unequal, &default, &one].into_iter().zip(expected) {
        let view = mlp.mlp(shape).unwrap();
        let deviations = view.deviations.clone().unwrap();
        for (found, expected) in deviations.iter().zip(&expected) {
            assert!((found / expected - 1.0).abs() < 1e-14, "{found} {expected}");
        }
        let p = mlp
            .initialize(&zeros, &mut stream(8, "deviations", &[]))
            .unwrap();
        has_deviations(&p.blocks[..3], &deviations);
        if let Some(biases) = &view.biases {
            has_deviations(&p.blocks[3..], biases.deviations.as_ref().unwrap());
            assert_eq!(biases.multipliers, vec![1.0; 3]);
        }
    }
    // Unequal layers are no longer told as equal ones.
    assert_eq!(default.mlp(shape).unwrap().shared_deviation(), None);
    assert_eq!(one.mlp(shape).unwrap().shared_deviation(), Some(0.3));
    let prior = unequal.mlp(shape).unwrap().prior.unwrap();
    assert_eq!(prior.weight_variances, vec![3.0, 0.4]);
    assert_eq!(
        (prior.bias_variance, prior.readout_variance, prior.chi),
        (0.2, 2.0, 50.0)
    );
    assert_eq!(Learner::prior(&unequal, shape).unwrap().chi, 50.0);
    // Laws that are not Gaussian have no deviations.
    let balanced = Mlp {
        init: Init::Balanced { scale: 0.5 },
        ..default
    };
    assert_eq!(balanced.mlp(shape).unwrap().deviations, None);
}

#[test]
fn networks_with_biases_and_committees_have_a_view() {
    let committee = Mlp {
        widths: vec![6],
        activation: Activation::UnscaledErf,
        readout: Readout::Committee,
        bias: true,
        parametrization: Parametrization::Ntk,
        prior: Some(Prior {
            weight: Variances::One(2.0),
            bias: 0.09,
            ..Prior::default()
        }),
        ..Mlp::default()
    };
    let shape = shape(4, 1);
    let view = committee.mlp(shape).unwrap();
    assert_eq!((view.readout, view.is_plain()), (Readout::Committee, false));
    assert_eq!(view.activation, Activation::UnscaledErf);
    // c_1 = s_w/sqrt(4), c_L = 1/N; d_l = s_b; raw entries N(0, 1), and the read-out is no parameter.
    assert_eq!(view.multipliers, vec![2f64.sqrt() / 2.0, 1.0 / 6.0]);
    assert_eq!(view.deviations, Some(vec![1.0]));
    let biases = view.biases.unwrap();
    assert_eq!(biases.multipliers, vec![0.3; 2]);
    assert_eq!(biases.deviations, Some(vec![1.0; 2]));
    assert_eq!(
        (view.richness, view.parametrization),
        (None, Parametrization::Ntk)
    );
    assert!(committee.plain_mlp(shape).is_none());
    // Without a prior the biases start at 0.
    let biased = Mlp {
        bias: true,
        ..Mlp::default()
    };
    let biases = biased.mlp(shape).unwrap().biases.unwrap();
    assert_eq!(biases.deviations, Some(vec![0.0]));
    let rich = Mlp {
        widths: vec![9],
        parametrization: Parametrization::MeanField,
        richness: 2.0,
        ..Mlp::default()
    };
    assert_eq!(rich.mlp(shape).unwrap().richness, Some(2.0));
    assert_eq!(rich.plain_mlp(shape), rich.mlp(shape));
}

/// `f(x) = c_2 W_2 phi(c_1 W_1 x + d_1 b_1) + d_2 b_2` from the numbers of the view alone.
#[test]
fn the_view_is_the_network() {
    let mlp = Mlp::parse(
        "learner",
        "widths = [5]\nactivation = { hermite = [0.1, 0.9, 0.0, -0.2] }\nbias = true\nparametrization = 'ntk'\n\
         prior = { weight = 1.7, bias = 0.4, readout = 0.6, chi = 'width' }"
            .parse()
            .unwrap(),
    )
    .unwrap();
    let shape = shape(3, 2);
    let zeros = dataset(DMatrix::zeros(3, 2), DMatrix::zeros(2, 2));
    let p = mlp.initialize(&zeros, &mut stream(4, "view", &[])).unwrap();
    let x = normal_matrix(&mut stream(4, "inputs", &[]), 3, 4);
    let f = mlp.network(shape).forward(&p, &x);
    let view = mlp.mlp(shape).unwrap();
    let biases = view.biases.unwrap().multipliers;
    let [w, a, b, c] = &p.blocks[..] else {
        panic!()
    };
    for (x, f) in x.column_iter().zip(f.column_iter()) {
        let z = w * x * view.multipliers[0] + b * biases[0];
        let exact = a * z.map(|z| view.activation.value(z)) * view.multipliers[1] + c * biases[1];
        assert!((f - exact).norm() < 1e-14);
    }
    // The square of the read-out multiplier is s_a^2/(chi N) with chi = N = 5.
    assert!((view.multipliers[1].powi(2) * 25.0 / 0.6 - 1.0).abs() < 1e-14);
}

fn shape(inputs: usize, outputs: usize) -> Shape {
    Shape {
        inputs,
        outputs,
        samples: 2,
    }
}

#[test]
fn a_prior_is_the_initial_law_in_every_parametrisation() {
    // Effective weights c_l W_l have the stated variances: sample variance of n entries has relative error sqrt(2/n).
    let prior = Prior {
        weight: Variances::Each(vec![2.0, 0.5]),
        bias: 0.3,
        readout: 1.5,
        chi: 4.0.into(),
    };
    let shape = shape(60, 50);
    // Initial laws that do not look at the data need its shape alone.
    let zeros = dataset(DMatrix::zeros(60, 2), DMatrix::zeros(50, 2));
    for parametrization in Parametrization::ALL {
        // chi = 4 is the richness sqrt(4/70) of the mean-field parametrisation.
        let rich = parametrization == Parametrization::MeanField;
        let mlp = Mlp {
            widths: vec![80, 70],
            bias: true,
            parametrization,
            richness: if rich { (4.0f64 / 70.0).sqrt() } else { 1.0 },
            prior: Some(Prior {
                chi: if rich { Chi::default() } else { prior.chi },
                ..prior.clone()
            }),
            ..Mlp::default()
        };
        let p = mlp
            .initialize(&zeros, &mut stream(5, "prior", &[]))
            .unwrap();
        let law = mlp.law(&mlp.all_widths(shape));
        let multipliers = mlp.multipliers(&mlp.all_widths(shape));
        let expected = [2.0 / 60.0, 0.5 / 80.0, 1.5 / 4.0 / 70.0, 0.3, 0.3, 0.3];
        let view = Learner::prior(&mlp, shape).unwrap();
        assert!((view.chi - 4.0).abs() < 1e-12);
        let of_theory = mlp.mlp(shape).unwrap().prior.unwrap();
        assert!((of_theory.chi - 4.0).abs() < 1e-12);
        for (block, (p, expected)) in p.blocks.iter().zip(expected).enumerate() {
            let c = match block {
                0..3 => multipliers[block],
                _ => law.bias_multipliers[block - 3],
            };
            assert!((c * c * view.variances[block] / expected - 1.0).abs() < 1e-12);
            let variance = c * c * p.norm_squared() / p.len() as f64;
            let z = (variance / expected - 1.0) / (2.0 / p.len() as f64).sqrt();
            assert!(z.abs() < 3.5, "block {block}: {variance} {expected}");
        }
    }
}

#[test]
fn a_committee_is_the_mean_of_its_units() {
    let mlp = Mlp {
        widths: vec![3],
        activation: Activation::Tanh,
        readout: Readout::Committee,
        ..Mlp::default()
    };
    let shape = shape(2, 1);
    assert_eq!(mlp.shapes(shape), vec![(3, 2)]);
    let w = DMatrix::from_row_slice(3, 2, &[1.0, 0.5, -0.3, 2.0, 0.7, -1.1]);
    let p = Parameters { blocks: vec![w] };
    let x = DMatrix::from_column_slice(2, 1, &[0.4, -0.6]);
    let f = mlp.network(shape).forward(&p, &x)[(0, 0)];
    let mean = ((0.1f64).tanh() + (-1.32f64).tanh() + (0.94f64).tanh()) / 3.0;
    assert!((f - mean).abs() < 1e-15);
    assert!(mlp.plain_mlp(shape).is_none() && mlp.check(self::shape(2, 2)).is_err());
}

#[test]
fn wrong_priors_name_their_key() {
    for (text, place) in [
        ("prior = { weight = 0 }", "learner.prior.weight: "),
        (
            "prior = { weight = [1, 1] }",
            "learner.prior.weight: 2 variances for 1",
        ),
        (
            "prior = { bias = 0.1 }",
            "learner.prior.bias: the learner has no biases",
        ),
        ("prior = { readout = -1 }", "learner.prior.readout: "),
        ("prior = { chi = nan }", "learner.prior.chi: "),
        (
            "prior = { chi = 'depth' }",
            "chi is neither a number > 0 nor \"width\"",
        ),
        ("activation = { hermite = [] }", "learner.activation: "),
        (
            "bias = true\nparametrization = 'ntk'\nprior = { weight = 2 }",
            "learner.prior.bias: ",
        ),
        ("prior = { wieght = 1 }", "did you mean \"weight\"?"),
    ] {
        let message = Mlp::parse("learner", format!("widths = [4]\n{text}").parse().unwrap())
            .unwrap_err()
            .to_string();
        assert!(message.contains(place), "{message}");
    }
}
