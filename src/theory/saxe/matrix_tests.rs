//! Tests of the two-layer matrix solution: reference numbers, integration, closed forms, symmetries.

use super::*;
use crate::numerics::chebyshev::Marcher;
use crate::numerics::flow::Tolerance;
use crate::numerics::linalg::qr;
use crate::numerics::random::{normal_matrix, stream};
use crate::theory::saxe::flow::WeightFlow;
use crate::theory::saxe::path::Closed;
use crate::theory::saxe::scalar::{self, Mode};

fn rotation(angle: f64) -> DMatrix<f64> {
    let (s, c) = angle.sin_cos();
    DMatrix::from_row_slice(2, 2, &[c, -s, s, c])
}

fn reference_w1() -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[0.3, 0.0, 0.0, 0.2]) * rotation(0.5)
}

fn target() -> DMatrix<f64> {
    DMatrix::from_row_slice(2, 2, &[2.0, 0.0, 0.0, 1.0])
}

/// Random lambda-balanced start of product scale `al`.
fn balanced_start(
    (ni, nh, no): (usize, usize, usize),
    lambda: f64,
    seed: u64,
) -> (DMatrix<f64>, DMatrix<f64>) {
    let mut rng = stream(seed, "test", &[]);
    // W1 from a random matrix, W2 = O (W1 W1^T + lambda)^{1/2} (or the mirror image for lambda < 0).
    let (first, last) = if lambda >= 0.0 { (ni, no) } else { (no, ni) };
    let free = 0.4 * normal_matrix(&mut rng, nh, first);
    let mut gram = outer_gram(&free);
    for i in 0..nh {
        gram[(i, i)] += lambda.abs();
    }
    let (values, vectors) = crate::numerics::linalg::eigh(&gram).unwrap();
    let root =
        &vectors * DMatrix::from_diagonal(&values.map(|v| v.max(0.0).sqrt())) * vectors.transpose();
    let (frame, _) = qr(&normal_matrix(&mut rng, last, nh));
    let made = frame * root;
    if lambda >= 0.0 {
        (free, made)
    } else {
        (made.transpose(), free.transpose())
    }
}

#[test]
fn reference_numbers() {
    let cases: [(DMatrix<f64>, f64, [f64; 4], f64); 5] = [
        (
            DMatrix::from_row_slice(2, 2, &[0.3, 0.0, 0.0, 0.2]),
            0.5,
            [0.47579871, -0.07033385, -0.00447136, 0.10032493],
            1.56878582,
        ),
        (
            DMatrix::from_row_slice(2, 2, &[0.3, 0.0, 0.0, 0.2]),
            1.0,
            [1.39258432, -0.07718529, -0.03587456, 0.23193174],
            0.48306360,
        ),
        (
            DMatrix::from_row_slice(2, 2, &[0.3, 0.0, 0.0, 0.2]),
            2.0,
            [1.98383254, -0.01368974, -0.01030746, 0.68809430],
            0.04892010,
        ),
        (
            DMatrix::from_row_slice(2, 2, &[1.09f64.sqrt(), 0.0, 0.0, 1.04f64.sqrt()]),
            0.5,
            [1.34931973, -0.07996719, 0.03737721, 0.56992227],
            0.30807174,
        ),
        (
            DMatrix::from_row_slice(2, 2, &[1.09f64.sqrt(), 0.0, 0.0, 1.04f64.sqrt()]),
            1.0,
            [1.88711764, -0.02345395, 0.00833134, 0.81968159],
            0.02293833,
        ),
    ];
    for (w2, t, product, loss) in cases {
        let mut path = Balanced::new(&target(), &reference_w1(), &w2).unwrap();
        path.advance(t).unwrap();
        let (a, b) = path.weights();
        let got = &b * &a;
        for (i, expected) in product.iter().enumerate() {
            assert!((got[(i / 2, i % 2)] - expected).abs() <= 6e-9, "t = {t}");
        }
        assert!((path.strengths_and_loss().1 - loss).abs() <= 6e-9);
        assert!((0.5 * (target() - got).norm_squared() - loss).abs() <= 6e-9);
    }
    let w2 = DMatrix::from_row_slice(2, 2, &[1.09f64.sqrt(), 0.0, 0.0, 1.04f64.sqrt()]);
    let mut path = Balanced::new(&target(), &reference_w1(), &w2).unwrap();
    path.advance(2.0).unwrap();
    assert!((path.lambda() - 1.0).abs() < 1e-14);
    assert!((path.strengths_and_loss().1 - 0.00024631).abs() <= 6e-9);
}

#[test]
fn agrees_with_the_integrated_flow() {
    let tolerance = Tolerance {
        relative: 1e-13,
        absolute: 1e-14,
        ..Tolerance::default()
    };
    for (case, lambda) in [0.0, 1.5, -0.7].into_iter().enumerate() {
        for shape in [(5, 3, 4), (4, 3, 5), (6, 2, 2)] {
            if lambda > 0.0 && shape.1 > shape.2 {
                continue;
            }
            let s = normal_matrix(&mut stream(9, "test", &[case as u64]), shape.2, shape.0);
            let (w1, w2) = balanced_start(shape, lambda, case as u64);
            let mut closed = Balanced::new(&s, &w1, &w2).unwrap();
            assert!((closed.lambda() - lambda).abs() < 1e-13);
            let mut flow = WeightFlow::whitened(&s, vec![w1, w2], tolerance);
            for t in [0.2, 0.7, 1.5, 4.0] {
                closed.advance(t).unwrap();
                flow.advance(t).unwrap();
                let (a, b) = closed.weights();
                let w = flow.weights();
                let worst = [
                    &b * &a - &w[1] * &w[0],
                    DMatrix::from(b.tr_mul(&b))
                        - DMatrix::from(&a * a.transpose())
                        - DMatrix::from_diagonal_element(shape.1, shape.1, lambda),
                    a.tr_mul(&a) - w[0].tr_mul(&w[0]),
                    &b * b.transpose() - &w[1] * w[1].transpose(),
                ]
                .iter()
                .map(|m| m.amax())
                .fold(0.0, f64::max);
                assert!(worst < 2e-12, "lambda {lambda} {shape:?} t {t}: {worst:e}");
            }
        }
    }
}

#[test]
fn aligned_starts_follow_the_scalar_modes() {
    let mut rng = stream(4, "test", &[]);
    let (u, _) = qr(&normal_matrix(&mut rng, 4, 3));
    let (v, _) = qr(&normal_matrix(&mut rng, 6, 3));
    let (r, _) = qr(&normal_matrix(&mut rng, 3, 3));
    let s = [2.5, 1.2, 0.4];
    let s_matrix = &u * DMatrix::from_diagonal(&DVector::from_row_slice(&s)) * v.transpose();
    for lambda in [0.0f64, 0.8] {
        let a = [0.02f64, 0.1, 0.05];
        let b = a.map(|a| (a * a + lambda).sqrt());
        let diagonal = |x: &[f64]| DMatrix::from_diagonal(&DVector::from_row_slice(x));
        let w1 = &r * diagonal(&a) * v.transpose();
        let w2 = &u * diagonal(&b) * r.transpose();
        let mut path = Balanced::new(&s_matrix, &w1, &w2).unwrap();
        for t in [0.0, 0.5, 1.7, 6.0, 30.0] {
            path.advance(t).unwrap();
            let (strengths, loss) = path.strengths_and_loss();
            let mut expected_loss = 0.0;
            for i in 0..3 {
                let exact = Mode::new(s[i], a[i], b[i]).strength(t);
                assert!((strengths[i] - exact).abs() < 1e-12, "{lambda} {t} {i}");
                if lambda == 0.0 {
                    let scalar = scalar::balanced(s[i], a[i] * a[i], t);
                    assert!((strengths[i] - scalar).abs() < 1e-12);
                }
                expected_loss += 0.5 * (s[i] - exact).powi(2);
            }
            assert!((loss - expected_loss).abs() < 1e-13);
        }
    }
}

#[test]
fn symmetries() {
    let shape = (5, 3, 4);
    let s = normal_matrix(&mut stream(2, "test", &[]), 4, 5);
    let (w1, w2) = balanced_start(shape, 0.6, 3);
    let at = |s: &DMatrix<f64>, w1: &DMatrix<f64>, w2: &DMatrix<f64>| {
        let mut path = Balanced::new(s, w1, w2).unwrap();
        path.advance(1.1).unwrap();
        let (a, b) = path.weights();
        b * a
    };
    let base = at(&s, &w1, &w2);
    assert!((at(&s, &-&w1, &-&w2) - &base).amax() < 1e-13);
    let mut rng = stream(5, "test", &[]);
    let (p, _) = qr(&normal_matrix(&mut rng, 4, 4));
    let (q, _) = qr(&normal_matrix(&mut rng, 5, 5));
    let (h, _) = qr(&normal_matrix(&mut rng, 3, 3));
    let turned = at(
        &(&p * &s * q.transpose()),
        &(&h * &w1 * q.transpose()),
        &(&p * &w2 * h.transpose()),
    );
    assert!((turned - &p * &base * q.transpose()).amax() < 1e-13);
}

#[test]
fn values_do_not_depend_on_the_times_asked_for() {
    let (w1, w2) = balanced_start((5, 3, 4), 0.0, 8);
    let s = normal_matrix(&mut stream(8, "test", &[]), 4, 5);
    let mut direct = Balanced::new(&s, &w1, &w2).unwrap();
    let mut stepped = direct.clone();
    direct.advance(7.0).unwrap();
    for i in 1..=700 {
        stepped.advance(0.01 * i as f64).unwrap();
    }
    stepped.time = 0.0;
    assert_eq!(direct.now, stepped.now);
}

#[test]
fn starts_that_the_solution_does_not_cover_are_named() {
    let s = target();
    let message = |w1: &DMatrix<f64>, w2: &DMatrix<f64>| {
        Balanced::new(&s, w1, w2).err().map(|e| e.to_string())
    };
    let tilted = message(
        &reference_w1(),
        &DMatrix::from_row_slice(2, 2, &[0.3, 0.1, 0.0, 0.2]),
    );
    assert!(tilted.is_some_and(|m| m.contains("not balanced")));
    let shape = message(
        &reference_w1(),
        &DMatrix::from_row_slice(2, 3, &[0.3, 0.1, 0.0, 0.0, 0.2, 0.0]),
    );
    assert!(shape.is_some_and(|m| m.contains("hidden x inputs")));
    // lambda != 0 with a hidden layer wider than it may be cannot be built, not even nearly: the residual reports it.
    let wide = message(&DMatrix::zeros(3, 2), &DMatrix::identity(2, 3));
    assert!(wide.is_some_and(|m| m.contains("not balanced")));
    let (w1, w2) = (DMatrix::zeros(3, 2), DMatrix::identity(2, 3));
    let impossible = check_widths(0.5, 0.0, 2, 3, 2, &w1, &w2);
    assert!(impossible.is_err_and(|e| e.to_string().contains("hidden <= outputs")));
    let impossible = check_widths(-0.5, 0.0, 2, 3, 2, &w1, &w2);
    assert!(impossible.is_err_and(|e| e.to_string().contains("hidden <= inputs")));
}

/// Random task modes: all directions, or few of them.
fn modes(shape: (usize, usize, usize), count: usize) -> Modes {
    let mut rng = stream(6, "test", &[]);
    Modes {
        u: qr(&normal_matrix(&mut rng, shape.2, count)).0,
        s: DVector::from_fn(count, |i, _| 2.0 - 1.5 * i as f64 / count as f64),
        v: qr(&normal_matrix(&mut rng, shape.0, count)).0,
    }
}

fn matrix_of(modes: &Modes) -> DMatrix<f64> {
    &modes.u * DMatrix::from_diagonal(&modes.s) * modes.v.transpose()
}

#[test]
fn sampled_values_agree_with_the_solution_and_with_the_flow() {
    let tolerance = Tolerance {
        relative: 1e-12,
        absolute: 1e-13,
        ..Tolerance::default()
    };
    let times: Vec<f64> = (0..=2400).map(|k| 0.005 * k as f64).collect();
    for lambda in [-1.0, 0.0, 0.5] {
        for (shape, count) in [
            ((6, 4, 5), 5),
            ((5, 3, 7), 2),
            ((7, 5, 6), 6),
            ((5, 30, 4), 4),
            ((5, 30, 4), 3),
        ] {
            let narrow = shape.1 > shape.0.min(shape.2);
            if narrow && lambda != 0.0 {
                continue;
            }
            let modes = modes(shape, count);
            // Noise turns the singular basis of S away from the modes in two of the cases.
            let noise = if count % 2 == 0 { 0.0 } else { 0.1 };
            let mut rng = stream(7, "test", &[]);
            let s = matrix_of(&modes) + noise * normal_matrix(&mut rng, shape.2, shape.0);
            let (w1, w2) = match narrow {
                // A start of smaller rank, turned in a wide hidden space.
                true => {
                    let (w1, w2) = balanced_start((5, 4, 4), 0.0, 3);
                    let (frame, _) = qr(&normal_matrix(&mut rng, shape.1, 4));
                    (&frame * w1, w2 * frame.transpose())
                }
                false => balanced_start(shape, lambda, 3),
            };
            let mut closed = Closed::new(&s, &modes, &w1, &w2).unwrap();
            let mut dense = Balanced::tracking(&s, Some(&modes), &w1, &w2).unwrap();
            let mut flow = WeightFlow::whitened(&s, vec![w1, w2], tolerance);
            let allowed = vec![1e-11; count + 1];
            let exact = |path: &mut Closed, times: &[f64]| {
                let values = path.strengths_and_losses(times)?;
                let list =
                    |(u, loss): (DVector<f64>, f64)| u.iter().copied().chain([loss]).collect();
                Ok(values.into_iter().map(list).collect())
            };
            let length = 2.0 / closed.dense.pace();
            let expected_form = if narrow && noise == 0.0 {
                "low-rank"
            } else {
                "dense"
            };
            assert_eq!(closed.form(), expected_form);
            let mut marcher = Marcher::new(closed.clone(), exact, &allowed, length);
            let sampled = marcher.sample(&times).unwrap();
            assert!(marcher.evaluations() < 1000, "{}", marcher.evaluations());
            for (k, (&t, values)) in times.iter().zip(&sampled).enumerate() {
                dense.advance(t).unwrap();
                let (u, loss) = dense.strengths_and_loss();
                let gap = |i: usize, exact: f64| (values[i] - exact).abs();
                let worst = (0..count)
                    .map(|i| gap(i, u[i]))
                    .fold(gap(count, loss), f64::max);
                assert!(worst < 1e-10, "{lambda} {shape:?} {t}: {worst:e}");
                if k % 120 == 0 {
                    flow.advance(t).unwrap();
                    let f = crate::theory::saxe::path::product(&flow.weights());
                    let u = crate::theory::readout::mode_strengths(&f, &modes);
                    let loss = 0.5 * (&s - f).norm_squared();
                    let worst = (0..count)
                        .map(|i| gap(i, u[i]))
                        .fold(gap(count, loss), f64::max);
                    assert!(worst < 1e-9, "flow {lambda} {shape:?} {t}: {worst:e}");
                }
            }
            let at = [times[3], times[77]];
            let again = closed.strengths_and_losses(&at).unwrap();
            assert!((again[1].1 - sampled[77][count]).abs() < 1e-10);
        }
    }
}

#[test]
fn visits_give_the_numbers_of_advances() {
    let (w1, w2) = balanced_start((5, 3, 4), 0.5, 8);
    let s = normal_matrix(&mut stream(8, "test", &[]), 4, 5);
    let mut visited = Balanced::new(&s, &w1, &w2).unwrap();
    let mut advanced = visited.clone();
    let times = [0.0, 0.1, 0.4, 3.0, 3.01, 9.0];
    let seen = visited
        .visit(&times, |now| Ok(now.strengths_and_loss()))
        .unwrap();
    for (t, seen) in times.iter().zip(seen) {
        advanced.advance(*t).unwrap();
        assert_eq!(seen, advanced.strengths_and_loss());
    }
    assert_eq!(visited.now, advanced.now);
    assert!(visited.visit(&[1.0], |_| Ok(())).is_err());
}
