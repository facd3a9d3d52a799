//! Tests of Gram matrices: against the scalar recursion, positivity, threads, refusals, specs.

use super::*;
use crate::kernel::{Activation, Network, PerLayer};
use crate::numerics::linalg::eigh;
use crate::numerics::random::{normal_matrix, stream};

const ROOM: u64 = 1 << 30;

fn kernels() -> Vec<Kernel> {
    let mut out = vec![
        Kernel::Linear {},
        Kernel::Polynomial {
            degree: 3,
            offset: 0.5,
        },
        Kernel::Gaussian { length: 1.3 },
        Kernel::Laplace { length: 1.3 },
    ];
    for network in networks() {
        out.extend([Kernel::Nngp(network.clone()), Kernel::Ntk(network)]);
    }
    out
}

fn networks() -> Vec<Network> {
    let hermite = Activation::Hermite(vec![0.2, 1.0, 0.3]);
    [
        (Activation::Linear, 2),
        (Activation::Erf, 3),
        (Activation::UnscaledErf, 3),
        (Activation::Relu, 3),
        (Activation::Gelu, 2),
        (Activation::Quadratic, 2),
        (Activation::Tanh, 2),
        (hermite, 2),
    ]
    .map(|(phi, depth)| Network::new(phi, depth, 1.4, 0.1))
    .to_vec()
}

#[test]
fn entries_equal_the_scalar_recursion() {
    let x = normal_matrix(&mut stream(1, "gram", &[]), 5, 300);
    let square = |i: usize, j: usize| x.column(i).dot(&x.column(j)) / 5.0;
    for network in networks() {
        let both = network_gram(&network, &x, ROOM).unwrap();
        for (i, j) in [
            (0, 0),
            (0, 1),
            (299, 3),
            (3, 299),
            (70, 290),
            (128, 64),
            (7, 7),
        ] {
            let exact = network
                .at(square(i, i), square(j, j), square(i, j))
                .unwrap();
            let close = |a: f64, b: f64| (a - b).abs() < 2e-12 * (1.0 + b.abs());
            assert!(close(both.nngp[(i, j)], exact.nngp), "{network:?} {i} {j}");
            assert!(close(both.ntk[(i, j)], exact.ntk), "{network:?} {i} {j}");
        }
    }
}

#[test]
fn classical_kernels_are_their_formulas() {
    let mut x = normal_matrix(&mut stream(2, "gram", &[]), 4, 70);
    // Two nearly equal samples: the distance must keep its digits.
    let mut near = x.column(0).into_owned();
    near[2] += 1e-9;
    x.set_column(1, &near);
    let distance = |i: usize, j: usize| (x.column(i) - x.column(j)).norm();
    let dot = |i: usize, j: usize| x.column(i).dot(&x.column(j)) / 4.0;
    let get = |k: Kernel| gram(&k, &x, ROOM).unwrap().kernel;
    let linear = get(Kernel::Linear {});
    let cubic = get(Kernel::Polynomial {
        degree: 3,
        offset: 0.5,
    });
    let gaussian = get(Kernel::Gaussian { length: 1.3 });
    let laplace = get(Kernel::Laplace { length: 1.3 });
    for (i, j) in [(0, 1), (5, 69), (69, 5), (10, 10)] {
        assert!((linear[(i, j)] - dot(i, j)).abs() < 1e-13);
        assert!((cubic[(i, j)] - (dot(i, j) + 0.5).powi(3)).abs() < 1e-11);
        let d = distance(i, j);
        assert!((gaussian[(i, j)] - (-d * d / 3.38).exp()).abs() < 1e-13);
        assert!((laplace[(i, j)] - (-d / 1.3).exp()).abs() < 1e-13);
    }
    assert!((laplace[(0, 1)] - 1.0).abs() > 5e-10);
}

#[test]
fn gram_matrices_are_symmetric_and_positive() {
    let mut x = normal_matrix(&mut stream(3, "gram", &[]), 6, 90);
    x.column_mut(4).fill(0.0);
    for kernel in kernels() {
        let k = gram(&kernel, &x, ROOM).unwrap().kernel;
        assert_eq!(k, k.transpose(), "{kernel:?}");
        let (values, _) = eigh(&k).unwrap();
        assert!(values[0] > -1e-12 * k.trace(), "{kernel:?} {}", values[0]);
        let own = diagonal(&kernel, &x).unwrap();
        assert!((0..90).all(|i| own[i] == k[(i, i)]));
        let cross = cross_gram(&kernel, &x, &x.columns(10, 70).into_owned(), ROOM).unwrap();
        let same = k.columns(10, 70);
        for (i, (a, b)) in cross.kernel.iter().zip(same.iter()).enumerate() {
            assert!(
                (a - b).abs() < 1e-12 * (1.0 + b.abs()),
                "{kernel:?} {i} {a} {b}"
            );
        }
    }
}

#[test]
fn bits_do_not_depend_on_threads() {
    let x = normal_matrix(&mut stream(4, "gram", &[]), 7, 140);
    for kernel in kernels() {
        let with = |threads: usize| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| gram(&kernel, &x, ROOM).unwrap().kernel)
        };
        assert_eq!(with(1), with(3), "{kernel:?}");
    }
}

#[test]
fn too_large_a_matrix_is_refused_with_the_size_that_fits() {
    let x = DMatrix::zeros(1, 4000);
    let limit = 60_000_000;
    let kernel = Kernel::Linear {};
    let Err(Error::Resource { needed, remedy, .. }) = gram(&kernel, &x, limit) else {
        panic!("not refused");
    };
    assert!(needed > 8 * 4000 * 4000 && needed < 9 * 4000 * 4000);
    let fits: usize = remedy
        .split_whitespace()
        .find_map(|w| w.parse().ok())
        .unwrap();
    assert!(gram(&kernel, &x.columns(0, fits).into_owned(), limit).is_ok());
    assert!(gram(&kernel, &x.columns(0, fits + 1).into_owned(), limit).is_err());
}

#[test]
fn wrong_inputs_are_named() {
    let mut x = DMatrix::from_element(2, 3, 1.0);
    x[(1, 2)] = f64::NAN;
    let error = gram(&Kernel::Linear {}, &x, ROOM).unwrap_err().to_string();
    assert!(error.contains("input 1 of sample 2"), "{error}");
    let y = DMatrix::from_element(3, 3, 1.0);
    for kernel in kernels() {
        x[(1, 2)] = 1e200;
        let error = gram(&kernel, &x, ROOM).unwrap_err().to_string();
        assert!(
            error.starts_with("inputs: input 1 of sample 2 (from 0) is 1e200: the square"),
            "{error}"
        );
        assert!(diagonal(&kernel, &x).is_err());
    }
    x[(1, 2)] = 1e150;
    for kernel in [&kernels()[1], &Kernel::Ntk(networks()[5].clone())] {
        let error = gram(kernel, &x, ROOM).unwrap_err().to_string();
        assert!(
            error.starts_with("kernel.de") && error.contains("overflows"),
            "{error}"
        );
        assert!(diagonal(kernel, &x).is_err());
    }
    x[(1, 2)] = 1.0;
    assert!(cross_gram(&Kernel::Linear {}, &x, &y, ROOM).is_err());
    assert!(gram(&Kernel::Gaussian { length: 0.0 }, &x, ROOM).is_err());
    let huge = Kernel::Nngp(Network::new(Activation::Quadratic, 60, 2.0, 0.1));
    assert!(
        gram(&huge, &y, ROOM)
            .unwrap_err()
            .to_string()
            .contains("overflows at layer")
    );
}

/// A length far below the distances: different samples have nothing in common, and equal ones everything.
#[test]
fn tiny_lengths_are_no_numbers_out_of_range() {
    let x = DMatrix::from_row_slice(1, 3, &[1.0, 2.0, 1.0]);
    for length in [1e-200, 1e-310] {
        for kernel in [Kernel::Gaussian { length }, Kernel::Laplace { length }] {
            let k = gram(&kernel, &x, ROOM).unwrap().kernel;
            assert!(k[(0, 1)] < 1e-300 && k[(0, 2)] == 1.0 && k[(1, 1)] == 1.0);
            assert_eq!(cross_gram(&kernel, &x, &x, ROOM).unwrap().kernel, k);
        }
    }
}

#[test]
fn specs_read_and_write_kernels() {
    let parse =
        |text: &str| crate::kind::parse_table::<Kernel>("theory.kernel", text.parse().unwrap());
    let ntk =
        parse("kind = 'ntk'\nnonlinearity = 'relu'\ndepth = 2\nweight_variance = [2.0, 2.0, 1.0]")
            .unwrap();
    let Kernel::Ntk(network) = &ntk else {
        panic!("{ntk:?}");
    };
    assert_eq!(network.weight_variance, PerLayer::Each(vec![2.0, 2.0, 1.0]));
    assert_eq!(network.bias_variance, PerLayer::Same(0.0));
    assert_eq!(parse("kind = 'linear'").unwrap(), Kernel::Linear {});
    assert!(parse("kind = 'linear'\nlength = 1.0").is_err());
    assert!(parse("kind = 'ntk'\nnonlinearity = 'relu'\nwidth = 2").is_err());
    assert!(parse("kind = 'nngp'\nnonlinearity = { hermite = [0.0, 1.0] }").is_ok());
    let text = toml::to_string(&ntk).unwrap();
    assert_eq!(parse(&text).unwrap(), ntk);
}
