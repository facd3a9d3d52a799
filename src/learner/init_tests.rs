//! Initial laws: what they promise of the matrices, ranges, and tables.

use super::*;
use crate::numerics::linalg::svd;
use crate::numerics::random::stream;
use nalgebra::DVector;

fn modes(outputs: usize, inputs: usize, k: usize) -> Modes {
    let mut rng = stream(3, "modes", &[]);
    Modes {
        u: haar(&mut rng, outputs, k),
        s: DVector::from_fn(k, |i, _| 3.0 - i as f64),
        v: haar(&mut rng, inputs, k),
    }
}

fn draw(init: Init, widths: &[usize], seed: u64) -> Result<Vec<DMatrix<f64>>> {
    let m = modes(widths[widths.len() - 1], widths[0], 3);
    let mut rng = stream(seed, "init", &[]);
    let deviations = init
        .deviations(widths, Parametrization::Standard)
        .unwrap_or_default();
    init.draw("learner.init", widths, &deviations, &m, &mut rng)
}

fn parse(text: &str) -> Result<Init> {
    Init::parse("learner.init", toml::Value::Table(text.parse().unwrap()))
}

#[test]
fn balanced_is_balanced_in_every_layer() {
    for widths in [vec![6, 5, 4], vec![4, 9, 3, 7, 5], vec![8, 3]] {
        let w = draw(Init::Balanced { scale: 0.3 }, &widths, 1).unwrap();
        let rank = *widths.iter().min().unwrap();
        for layer in &w {
            let s = svd(layer).unwrap().1;
            assert!((0..s.len()).all(|i| (s[i] - if i < rank { 0.3 } else { 0.0 }).abs() < 1e-14));
        }
        for pair in w.windows(2) {
            let m = pair[1].transpose() * &pair[1] - &pair[0] * pair[0].transpose();
            assert!(m.amax() < 1e-12);
        }
    }
}

#[test]
fn lambda_balanced_has_its_balance_and_product() {
    // The last two have more hidden units than modes.
    for (widths, lambda) in [
        ([5, 3, 4], 1.5),
        ([5, 3, 4], -0.7),
        ([5, 3, 4], 0.0),
        ([5, 3, 4], 1e6),
        ([2, 4, 5], 2.0),
        ([5, 4, 2], -2.0),
    ] {
        let w = draw(Init::LambdaBalanced { scale: 0.2, lambda }, &widths, 2).unwrap();
        let m = w[1].transpose() * &w[1] - &w[0] * w[0].transpose();
        let target = DMatrix::identity(widths[1], widths[1]) * lambda;
        assert!((m - target).amax() < 1e-12 * lambda.abs().max(1.0));
        let s = svd(&(&w[1] * &w[0])).unwrap().1;
        let rank = *widths.iter().min().unwrap();
        assert!((0..rank).all(|i| (s[i] - 0.2).abs() < 1e-10), "{s}");
        assert!((rank..s.len()).all(|i| s[i].abs() < 1e-10));
    }
}

#[test]
fn impossible_balance_names_lambda() {
    let place = |init, widths: &[usize]| match draw(init, widths, 3) {
        Err(Error::Input { place, .. }) => place,
        other => panic!("{other:?}"),
    };
    let lambda = |lambda| Init::LambdaBalanced { scale: 0.1, lambda };
    assert_eq!(place(lambda(1.0), &[9, 5, 4]), "learner.init.lambda");
    assert_eq!(place(lambda(-1.0), &[4, 5, 9]), "learner.init.lambda");
    assert_eq!(place(lambda(1.0), &[4, 4, 4, 4]), "learner.init.kind");
    assert!(draw(lambda(0.0), &[4, 9, 4], 3).is_ok());
}

#[test]
fn aligned_start_is_diagonal_in_the_modes() {
    let widths = [6, 4, 3, 5];
    let m = modes(5, 6, 3);
    let w = draw(
        Init::Aligned {
            scale: 0.1,
            last: Some(0.7),
        },
        &widths,
        4,
    )
    .unwrap();
    let product = m.u.transpose() * &w[2] * &w[1] * &w[0] * &m.v;
    assert!((product - DMatrix::identity(3, 3) * 0.007).amax() < 1e-15);
    assert!((w[2].transpose() * &w[2] - &w[1] * w[1].transpose() * 49.0).amax() < 1e-12);
    let narrow = draw(
        Init::Aligned {
            scale: 0.1,
            last: None,
        },
        &[6, 4, 2, 5],
        4,
    );
    assert!(matches!(narrow, Err(Error::Input { place, .. }) if place == "learner.widths[1]"));
}

#[test]
fn gaussian_entries_have_the_stated_variance() {
    // Mean and variance of n entries: z-values with standard errors s/sqrt(n) and s^2 sqrt(2/n).
    for (init, deviation) in [(Init::gaussian(0.05), 0.05), (Init::default(), 1.0 / 10.0)] {
        let w = draw(init, &[100, 200], 5).unwrap();
        let n = w[0].len() as f64;
        let mean = w[0].sum() / n;
        let variance = w[0].norm_squared() / n;
        let s2 = deviation * deviation;
        assert!((mean / (s2 / n).sqrt()).abs() < 3.3);
        assert!(((variance - s2) / (s2 * (2.0 / n).sqrt())).abs() < 3.3);
    }
    let ntk = Init::default().deviations(&[9, 4, 2], Parametrization::Ntk);
    assert_eq!(ntk, Some(vec![1.0, 1.0]));
    let each = parse("kind = 'gaussian'\nscale = [0.5, 2]").unwrap();
    let deviations = each.deviations(&[9, 4, 2], Parametrization::Ntk);
    assert_eq!(deviations, Some(vec![0.5, 2.0]));
    assert!(each.check_matrices("learner.init", 2).is_ok());
    let wrong = each.check_matrices("learner.init", 3).unwrap_err();
    assert!(wrong.to_string().contains("2 numbers for 3"));
    let negative = parse("kind = 'gaussian'\nscale = [0.5, -2]").unwrap();
    assert!(
        negative
            .validate("learner.init", Parametrization::Ntk)
            .is_err()
    );
    let word = parse("kind = 'gaussian'\nscale = 'a'").unwrap_err();
    assert!(word.to_string().contains("a list of one number"), "{word}");
}

#[test]
fn tables_are_parsed_with_the_place_of_the_error() {
    assert_eq!(
        parse("kind = 'lambda-balanced'\nscale = 0.1\nlambda = -1").unwrap(),
        Init::LambdaBalanced {
            scale: 0.1,
            lambda: -1.0
        }
    );
    assert_eq!(parse("kind = 'gaussian'").unwrap(), Init::default());
    for (text, expected) in [
        ("kind = 'balanced'\nscale = 'a'", "learner.init.scale: "),
        (
            "kind = 'aligned'\nscale = 1\nlats = 2",
            "did you mean \"last\"?",
        ),
        ("kind = 'balancd'\nscale = 1", "did you mean \"balanced\"?"),
        ("scale = 1", "learner.init.kind: missing"),
        ("kind = 'balanced'", "the key \"scale\" is missing"),
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn ranges_are_checked() {
    let check = |init: Init, p| init.validate("learner.init", p);
    let gaussian = Init::gaussian;
    assert!(check(gaussian(0.0), Parametrization::Ntk).is_ok());
    assert!(check(gaussian(-1.0), Parametrization::Ntk).is_err());
    assert!(check(gaussian(f64::NAN), Parametrization::Standard).is_err());
    assert!(check(Init::Balanced { scale: 1.0 }, Parametrization::MeanField).is_err());
    let infinite = Init::LambdaBalanced {
        scale: 1.0,
        lambda: f64::INFINITY,
    };
    assert!(check(infinite, Parametrization::Standard).is_err());
}
