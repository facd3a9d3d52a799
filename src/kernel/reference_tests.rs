//! The kernels against `tests/reference/duals.txt`: Gaussian integrals to 20 digits, for variances from 1e-3 to 1e7, at
//! all angles.

use super::angle::Angle;
use super::dual::ACCURACY;
use super::*;
use nalgebra::DMatrix;

const TABLE: &str = include_str!("../../tests/reference/duals.txt");

fn nonlinearity(name: &str) -> Activation {
    match name {
        "linear" => Activation::Linear,
        "erf" => Activation::Erf,
        "unscaled-erf" => Activation::UnscaledErf,
        "relu" => Activation::Relu,
        "gelu" => Activation::Gelu,
        "quadratic" => Activation::Quadratic,
        "tanh" => Activation::Tanh,
        "hermite" => Activation::Hermite(vec![0.3, 1.0, -0.4, 0.2, 0.1]),
        other => panic!("{other}"),
    }
}

/// Rows of one kind: the name of the nonlinearity, and six numbers.
fn rows(kind: &str) -> Vec<(&'static str, [f64; 6])> {
    let lines = TABLE.lines().map(|l| l.split(' ').collect::<Vec<_>>());
    lines
        .filter(|cells| cells[0] == kind)
        .map(|cells| {
            let number = |k: usize| cells[k + 2].parse().unwrap();
            (cells[1], std::array::from_fn(number))
        })
        .collect()
}

/// `x = |x| (1, 0)`, `y = s |y| (cos eta, sin eta)`, with `|x|^2/2` and `|y|^2/2` as given.
fn samples(xx: f64, yy: f64, sign: f64, eta: f64) -> DMatrix<f64> {
    let (x, y) = ((2.0 * xx).sqrt(), sign * (2.0 * yy).sqrt());
    DMatrix::from_column_slice(2, 2, &[x, 0.0, y * eta.cos(), y * eta.sin()])
}

#[test]
fn duals_are_those_of_the_table() {
    let table = rows("dual");
    assert_eq!(table.len(), 320);
    let mut worst = [0.0f64; 2];
    for (name, [a, b, sign, eta, value, slope]) in table {
        let phi = nonlinearity(name);
        let angle = Angle {
            cosine: sign * eta.cos(),
            sine2: eta.sin().powi(2),
        };
        let (f, df) = phi.at_angle(a, b, angle);
        let ((f_a, df_a), (f_b, df_b)) = (phi.moments(a), phi.moments(b));
        let gaps = [
            (f - value).abs() / (f_a * f_b).sqrt(),
            (df - slope).abs() / (df_a * df_b).sqrt(),
        ];
        for (worst, gap) in worst.iter_mut().zip(gaps) {
            *worst = worst.max(gap);
            assert!(gap < ACCURACY, "{name} {a:e} {b:e} {sign} {eta:e}: {gap:e}");
        }
        // Sums without cancellation keep their digits, however small they are.
        if ["erf", "unscaled-erf", "relu", "tanh", "linear"].contains(&name) && value != 0.0 {
            let gap = (f / value - 1.0).abs();
            assert!(gap < ACCURACY, "{name} {a:e} {b:e} {sign} {eta:e}: {gap:e}");
            if slope != 0.0 {
                let gap = (df / slope - 1.0).abs();
                assert!(
                    gap < ACCURACY,
                    "slope {name} {a:e} {b:e} {sign} {eta:e}: {gap:e}"
                );
            }
        }
        // From three rounded covariances: what their rounding allows. A rectifier's slope is linear in the angle.
        let c = sign * a.sqrt() * b.sqrt() * eta.cos();
        let dual = phi.dual(a, b, c).unwrap();
        assert!(
            (dual.value - value).abs() < 1e-11 * (f_a * f_b).sqrt(),
            "{name}"
        );
        assert!(
            (dual.slope - slope).abs() < 3e-8 * (df_a * df_b).sqrt(),
            "{name}"
        );
        if eta == 0.0 && sign > 0.0 && a == b {
            let same = phi.dual(a, a, a).unwrap();
            assert_eq!((same.value, same.slope), phi.moments(a));
        }
    }
    println!("largest errors of F and F': {worst:?}");
}

/// Two hidden layers with biases, from the samples themselves: as a pair of one matrix, and as rows and columns of
/// another one.
#[test]
fn kernels_of_networks_are_those_of_the_table() {
    let table = rows("network");
    assert_eq!(table.len(), 80);
    let mut worst = 0.0f64;
    for (name, [xx, yy, sign, eta, nngp, ntk]) in table {
        let network = Network::new(nonlinearity(name), 2, 1.5, 0.1);
        let x = samples(xx, yy, sign, eta);
        for (kernel, exact) in [
            (Kernel::Nngp(network.clone()), nngp),
            (Kernel::Ntk(network), ntk),
        ] {
            let whole = gram(&kernel, &x, 1 << 20).unwrap();
            let (first, second) = (x.columns(0, 1).into_owned(), x.columns(1, 1).into_owned());
            let cross = cross_gram(&kernel, &first, &second, 1 << 20).unwrap();
            let k = &whole.kernel;
            let scale = (k[(0, 0)] * k[(1, 1)]).sqrt();
            for found in [k[(1, 0)], k[(0, 1)], cross.kernel[0]] {
                let gap = (found - exact).abs() / scale;
                worst = worst.max(gap);
                assert!(
                    gap < 3.0 * ACCURACY,
                    "{name} {xx:e} {yy:e} {sign} {eta:e}: {found:e} {exact:e} {gap:e}"
                );
                assert!(
                    (found - exact).abs() <= whole.bound,
                    "{name}: {}",
                    whole.bound
                );
            }
        }
    }
    println!("largest error of a kernel: {worst:e}");
}

/// The vectorised formulas, which take the angle from the covariance, against those that are told it, across the angle
/// where one takes over from the other.
#[test]
fn both_ways_agree_where_they_meet() {
    for name in [
        "linear",
        "erf",
        "relu",
        "gelu",
        "quadratic",
        "tanh",
        "hermite",
    ] {
        let network = Network::new(nonlinearity(name), 2, 1.7, 0.2);
        for (xx, yy) in [(0.01, 0.3), (2.0, 2.0), (1e4, 3e5)] {
            for eta in [0.02, 0.031, 0.033, 0.05, 0.2, 1.0, 1.5] {
                for sign in [1.0, -1.0] {
                    let x = samples(xx, yy, sign, eta);
                    let own = [0, 1].map(|j| network.own(gram::norms(&x)[j]).unwrap());
                    let (a, b) = (x.column(0), x.column(1));
                    let gap =
                        Angle::between(a.as_slice(), b.as_slice(), [own[0].norm, own[1].norm]);
                    let (k, theta) = network.pair(&own[0], &own[1], gap);
                    for (kernel, exact) in [
                        (Kernel::Nngp(network.clone()), k),
                        (Kernel::Ntk(network.clone()), theta),
                    ] {
                        let found = gram(&kernel, &x, 1 << 20).unwrap().kernel;
                        let scale = (found[(0, 0)] * found[(1, 1)]).sqrt();
                        let gap = (found[(1, 0)] - exact).abs() / scale;
                        assert!(gap < 2e-12, "{name} {xx} {yy} {eta} {sign}: {gap:e}");
                    }
                }
            }
        }
    }
}

/// Samples that are equal, or multiples of one another by a power of two, have the values of the diagonal to the bit.
#[test]
fn equal_samples_have_equal_kernels() {
    let x = DMatrix::from_column_slice(2, 3, &[0.3, -1.7, 0.3, -1.7, 0.6, -3.4]);
    for name in [
        "linear",
        "erf",
        "relu",
        "gelu",
        "quadratic",
        "tanh",
        "hermite",
    ] {
        let network = Network::new(nonlinearity(name), 2, 1.3, 0.0);
        for kernel in [Kernel::Nngp(network.clone()), Kernel::Ntk(network)] {
            let k = gram(&kernel, &x, 1 << 20).unwrap().kernel;
            assert_eq!(k[(0, 1)], k[(0, 0)], "{name}");
            assert_eq!(k[(1, 1)], k[(0, 0)], "{name}");
            let cross = cross_gram(&kernel, &x, &x, 1 << 20).unwrap().kernel;
            assert_eq!(cross[(0, 1)], k[(0, 0)], "{name}");
        }
    }
}
