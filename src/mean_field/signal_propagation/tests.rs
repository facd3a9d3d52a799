//! Signal propagation against closed forms, numerical derivatives, and random networks of finite width.

use super::*;
use crate::numerics::random::{Stream, normal_matrix, stream};
use crate::numerics::statistics::mean_stderr;
use nalgebra::{DMatrix, DVector};
use std::f64::consts::{FRAC_2_PI, PI};

fn law(weight_variance: f64, bias_variance: f64) -> LayerLaw {
    LayerLaw {
        weight_variance,
        bias_variance,
    }
}

/// Smooth nonlinearities, with laws at which their variances settle.
fn settled() -> Vec<(Activation, LayerLaw)> {
    vec![
        (Activation::Tanh, law(1.3, 0.2)),
        (Activation::Tanh, law(3.0, 0.05)),
        (Activation::Erf, law(5.0, 0.1)),
        (Activation::UnscaledErf, law(0.6, 0.1)),
        (Activation::Gelu, law(1.5, 0.2)),
        (Activation::Relu, law(1.2, 0.3)),
        (Activation::Linear, law(0.7, 0.3)),
        (Activation::Quadratic, law(0.3, 0.1)),
        (
            Activation::Hermite(vec![0.1, 0.8, 0.2, -0.1]),
            law(0.6, 0.2),
        ),
    ]
}

/// The table of nnft.md, section 1: x = (1, 2, -1), y = (0.5, -1, 2), d = 3.
#[test]
fn covariances_are_those_of_the_table() {
    let hidden = [
        (Activation::UnscaledErf, 1.5, 0.1, 0, [-1.65, 3.1, 2.725]),
        (
            Activation::UnscaledErf,
            1.5,
            0.1,
            1,
            [-0.38272025, 1.09069280, 1.06112972],
        ),
        (
            Activation::UnscaledErf,
            1.5,
            0.1,
            3,
            [0.00252168, 0.74059339, 0.73786508],
        ),
        (Activation::Relu, 2.0, 0.1, 1, [0.41938386, 4.2, 3.7]),
        (Activation::Relu, 2.0, 0.1, 3, [2.27103045, 4.4, 3.9]),
        (
            Activation::Linear,
            1.2,
            0.05,
            3,
            [-2.15080000, 4.41560, 3.89720],
        ),
        (
            Activation::Quadratic,
            0.5,
            0.1,
            2,
            [2.31774351, 5.60083750, 3.59272788],
        ),
    ];
    for (phi, s_w2, s_b2, layers, [c, a, b]) in hidden {
        let first = [6.0, 5.25, -3.5].map(|v| s_w2 * v / 3.0 + s_b2);
        let found = propagate(&phi, &LayerLaw::repeated(s_w2, s_b2, layers), first).unwrap();
        let last = found[layers];
        let [of_a, of_b] = last.variances;
        let covariance = last.correlation.value * (of_a.value * of_b.value).sqrt();
        for (value, exact) in [(covariance, c), (of_a.value, a), (of_b.value, b)] {
            assert!(
                (value - exact).abs() < 6e-9,
                "{phi:?} {layers}: {value} {exact}"
            );
        }
        assert!(of_a.bound < 1e-10 && last.correlation.bound < 1e-10);
    }
}

#[test]
fn layers_may_differ_and_lengths_of_linear_networks_multiply() {
    let layers = [law(0.5, 0.0), law(3.0, 0.0), law(1.7, 0.0)];
    let found = propagate(&Activation::Linear, &layers, [2.0, 1.0, 0.3]).unwrap();
    let mut q = 2.0;
    for (l, layer) in found.iter().enumerate() {
        assert!((layer.variances[0].value - q).abs() <= layer.variances[0].bound);
        assert!((layer.correlation.value - 0.3 / 2f64.sqrt()).abs() < 1e-14);
        if let Some(onward) = layer.onward {
            assert!((onward.chi.value - layers[l].weight_variance).abs() <= onward.chi.bound);
            q *= layers[l].weight_variance;
        }
    }
    assert!(found[3].onward.is_none());
    // A bias alone in the last layer.
    let biased = propagate(&Activation::Linear, &[law(0.0, 0.7)], [2.0, 1.0, 0.3]).unwrap();
    assert_eq!(biased[1].variances[1].value, 0.7);
    assert!((biased[1].correlation.value - 1.0).abs() < 1e-15);
}

#[test]
fn responses_of_rectifiers_and_error_functions_are_closed_forms() {
    let onward = |phi: Activation, q: f64| {
        let variance = Bounded {
            value: q,
            bound: 0.0,
        };
        Onward::at(&phi, law(1.4, 0.1), variance).unwrap()
    };
    for q in [0.03, 1.0, 12.0] {
        let relu = onward(Activation::Relu, q);
        assert!((relu.chi.value - 0.7).abs() <= relu.chi.bound);
        assert!((relu.growth.value - 0.7).abs() <= relu.growth.bound);
        // E[(2/sqrt pi)^2 exp(-2 q z^2)] = (4/pi)/sqrt(1 + 4 q) for erf(z);
        // V = s_w^2 (2/pi) asin(2 q/(1 + 2 q)) + s_b^2, differentiated.
        let erf = onward(Activation::UnscaledErf, q);
        let chi = 1.4 * (4.0 / PI) / (1.0 + 4.0 * q).sqrt();
        let growth = 1.4 * FRAC_2_PI * 2.0 / ((1.0 + 2.0 * q) * (1.0 + 4.0 * q).sqrt());
        assert!((erf.chi.value - chi).abs() <= erf.chi.bound, "{q}");
        assert!((erf.growth.value - growth).abs() <= erf.growth.bound, "{q}");
    }
}

/// `chi_1 = dc'/dc` at `c = 1`, from the map itself at two small distances (Richardson), and `V'` likewise.
#[test]
fn responses_are_derivatives_of_the_maps() {
    for (phi, law) in settled() {
        let fixed = fixed_point(&phi, law, 0.9).unwrap();
        let q = fixed.variance.value;
        let map = |deficit: f64| {
            let pair = Covariance::apart([q, q], deficit).unwrap();
            let next = pair.through(&phi, law.weight_variance, law.bias_variance);
            next.unwrap().deficit() / deficit
        };
        let h = 1e-4;
        let (one, two, four) = (map(h), map(2.0 * h), map(4.0 * h));
        let chi = match phi {
            // 1 - c' = chi (1 - c) + const (1 - c)^(3/2): the angle has a kink at 0.
            Activation::Relu => (2f64.sqrt() * one - two) / (2f64.sqrt() - 1.0),
            _ => ((4.0 * (2.0 * one - two)) - (2.0 * two - four)) / 3.0,
        };
        let error = (chi - fixed.chi.value).abs();
        assert!(error < 1e-5, "{phi:?}: {chi} {:?}", fixed.chi);
        let variance = |q: f64| law.variance(&phi.second_moments(q).unwrap());
        let step = 1e-3 * q;
        let wide = (variance(q + 2.0 * step) - variance(q - 2.0 * step)) / (4.0 * step);
        let narrow = (variance(q + step) - variance(q - step)) / (2.0 * step);
        let growth = (4.0 * narrow - wide) / 3.0;
        assert!(
            (growth - fixed.growth.value).abs() < 1e-9,
            "{phi:?}: {growth}"
        );
    }
}

/// The fixed point, and the decay towards it: `q_l - q* ~ exp(-l/xi_q)`, `c_l - c* ~ exp(-l/xi_c)`, both measured off
/// the iterated maps.
#[test]
fn iterated_maps_decay_with_the_depth_scales() {
    for (phi, law) in settled() {
        let fixed = fixed_point(&phi, law, 0.9).unwrap();
        let layers = vec![law; 400];
        let found = propagate(&phi, &layers, [0.9, 0.8, 0.2]).unwrap();
        let last = found[400];
        let gap = (last.variances[0].value - fixed.variance.value).abs();
        assert!(
            gap <= fixed.variance.bound + last.variances[0].bound,
            "{phi:?} {gap:e} {fixed:?}"
        );
        let c = fixed.correlation.unwrap();
        let error = (last.correlation.value - c.value).abs();
        assert!(error < 1e-10, "{phi:?} {error:e} {c:?}");
        // Rates where the distance is small and far above rounding.
        let distances: [Box<dyn Fn(usize) -> f64>; 2] = [
            Box::new(|l| (found[l].variances[0].value - fixed.variance.value).abs()),
            Box::new(|l| match c.value {
                1.0 => found[l].separation.value,
                c => (found[l].correlation.value - c).abs(),
            }),
        ];
        let depths = [fixed.variance_depth, fixed.correlation_depth.unwrap()];
        for (distance, depth) in distances.iter().zip(depths) {
            let start = (0..400).find(|&l| distance(l) < 1e-6).unwrap();
            let rate = (distance(start) / distance(start + 3)).ln() / 3.0;
            let error = (rate * depth.value - 1.0).abs();
            // A rectifier's corrections are of order sqrt(1 - c).
            let allowed = if phi == Activation::Relu { 3e-3 } else { 1e-4 };
            assert!(error < allowed, "{phi:?} {rate} {depth:?} {error:e}");
        }
    }
}

#[test]
fn chaos_has_a_second_correlation() {
    // erf(z), s_b = 0: q solves q = s_w^2 (2/pi) asin(2q/(1+2q)), and c = 0 is stable.
    let fixed = fixed_point(&Activation::UnscaledErf, law(4.0, 0.0), 1.0).unwrap();
    let q = fixed.variance.value;
    assert!((q - 4.0 * FRAC_2_PI * (2.0 * q / (1.0 + 2.0 * q)).asin()).abs() < 1e-12);
    assert!(fixed.chi.value > 1.0);
    assert_eq!(fixed.correlation.unwrap().value, 0.0);
    // F' = (4/pi)/(1 + 2q) for orthogonal samples.
    let slope = fixed.correlation_slope.unwrap();
    assert!((slope.value - 4.0 * (4.0 / PI) / (1.0 + 2.0 * q)).abs() < 1e-11);
    assert!((fixed.correlation_depth.unwrap().value + 1.0 / slope.value.ln()).abs() < 1e-10);
}

#[test]
fn rectifiers_are_told_on_and_off_criticality() {
    let at = |s_w2, s_b2, start| fixed_point(&Activation::Relu, law(s_w2, s_b2), start);
    // Critical: every variance is kept, gradients reach any depth, inputs become parallel as a power of the depth.
    let critical = at(2.0, 0.0, 1.7).unwrap();
    assert_eq!(
        (critical.variance.value, critical.variance.bound),
        (1.7, 0.0)
    );
    assert_eq!((critical.growth.value, critical.chi.value), (1.0, 1.0));
    assert!(
        critical.separation_depth.value.is_infinite()
            && critical.variance_depth.value.is_infinite()
    );
    assert_eq!(critical.correlation.unwrap().value, 1.0);
    // 1 - c_l ~ 9 pi^2/(2 l^2): the map 1 - c' = (1 - c) - (2 sqrt 2/(3 pi)) (1 - c)^(3/2).
    let layers = LayerLaw::repeated(2.0, 0.0, 4000);
    let found = propagate(&Activation::Relu, &layers, [1.0, 1.0, 0.0]).unwrap();
    let limit = |l: usize| found[l].separation.value * (l * l) as f64 / (4.5 * PI * PI);
    assert!((limit(4000) - 1.0).abs() < 0.01, "{}", limit(4000));
    // Signals die, or grow for ever.
    let dead = at(1.9, 0.0, 1.0).unwrap();
    assert_eq!((dead.variance.value, dead.correlation), (0.0, None));
    assert!((dead.chi.value - 0.95).abs() <= dead.chi.bound);
    for (s_w2, s_b2) in [(2.0, 0.1), (2.1, 0.0), (3.0, 0.5)] {
        let error = at(s_w2, s_b2, 1.0).unwrap_err();
        assert_eq!(error.exit_code(), 3, "{error}");
    }
}

#[test]
fn dying_exploding_and_unstable_variances_are_told() {
    // tanh at its critical point: q_l ~ 1/(2 l), the fixed point is 0.
    let critical = fixed_point(&Activation::Tanh, law(1.0, 0.0), 1.0).unwrap();
    assert_eq!(critical.variance.value, 0.0);
    assert!(critical.variance.bound < 1e-6, "{:?}", critical.variance);
    assert!(critical.separation_depth.value.is_infinite());
    let ordered = fixed_point(&Activation::Tanh, law(0.8, 0.0), 1.0).unwrap();
    assert!(ordered.variance.value == 0.0 && (ordered.chi.value - 0.8).abs() < 1e-10);
    // Just above it q* ~ (s_w^2 - 1)/2: V = s_w^2 (q - 2 q^2 + ...).
    let above = fixed_point(&Activation::Tanh, law(1.001, 0.0), 1.0).unwrap();
    assert!(
        (above.variance.value / 5e-4 - 1.0).abs() < 5e-3,
        "{above:?}"
    );
    assert!(above.chi.value > 1.0 && above.variance.bound < 1e-11);
    // z^2: q* = (1 - sqrt(1 - 12 s_w^2 s_b^2))/(6 s_w^2) from below the other root, no number from above it.
    let (s_w2, s_b2) = (0.5, 0.1);
    let root = |sign: f64| (1.0 + sign * f64::sqrt(1.0 - 12.0 * s_w2 * s_b2)) / (6.0 * s_w2);
    let quadratic = |start| fixed_point(&Activation::Quadratic, law(s_w2, s_b2), start);
    let below = quadratic(root(1.0) - 0.01).unwrap();
    assert!((below.variance.value - root(-1.0)).abs() <= below.variance.bound);
    assert!(quadratic(root(1.0) + 0.01).is_err());
    assert!(quadratic(root(1.0)).is_err());
    assert!(fixed_point(&Activation::Quadratic, law(0.5, 0.2), 0.1).is_err());
    // Numbers out of their ranges.
    assert!(fixed_point(&Activation::Tanh, law(1.0, 0.0), 0.0).is_err());
    assert!(fixed_point(&Activation::Tanh, law(-1.0, 0.0), 1.0).is_err());
    assert!(fixed_point(&Activation::Linear, law(1.0, 0.0), 1.0).is_err());
    assert!(propagate(&Activation::Tanh, &[law(1.0, f64::NAN)], [1.0, 1.0, 0.0]).is_err());
    assert!(propagate(&Activation::Tanh, &[], [1.0, 1.0, 2.0]).is_err());
}

#[test]
fn edges_of_chaos_have_chi_one() {
    let at_origin = |phi: Activation| edges_of_chaos(&phi, 0.0).unwrap()[0].weight_variance;
    for (phi, exact) in [
        (Activation::Tanh, 1.0),
        (Activation::Linear, 1.0),
        (Activation::Relu, 2.0),
        (Activation::Erf, 0.5 * PI),
        (Activation::UnscaledErf, 0.25 * PI),
    ] {
        let edge = at_origin(phi.clone());
        assert!((edge.value - exact).abs() <= edge.bound, "{phi:?} {edge:?}");
    }
    let mut before = 1.0;
    for s_b2 in [1e-4, 0.05, 0.3, 1.0] {
        let edges = edges_of_chaos(&Activation::Tanh, s_b2).unwrap();
        assert_eq!(edges.len(), 1);
        let s_w2 = edges[0].weight_variance;
        let fixed = fixed_point(&Activation::Tanh, law(s_w2.value, s_b2), 1.0).unwrap();
        let variance = edges[0].variance.unwrap();
        assert!((fixed.chi.value - 1.0).abs() < 1e-10, "{:?}", fixed.chi);
        assert!((fixed.variance.value - variance.value).abs() < 1e-10);
        // More bias, more order: the edge moves up.
        assert!(s_w2.value > before && s_w2.bound < 1e-9, "{s_w2:?}");
        before = s_w2.value;
        // Order below, chaos above.
        for (shift, chaotic) in [(-1e-3, false), (1e-3, true)] {
            let near = fixed_point(&Activation::Tanh, law(s_w2.value + shift, s_b2), 1.0);
            let near = near.unwrap();
            assert_eq!(near.chi.value > 1.0, chaotic);
            assert_eq!(near.correlation.unwrap().value < 1.0 - 1e-6, chaotic);
        }
    }
    // erf(z): 1 = s_w^2 (4/pi)/sqrt(1 + 4q), s_b^2 = q - s_w^2 (2/pi) asin(2q/(1+2q)).
    let q = 0.8f64;
    let s_w2 = 0.25 * PI * (1.0 + 4.0 * q).sqrt();
    let s_b2 = q - s_w2 * FRAC_2_PI * (2.0 * q / (1.0 + 2.0 * q)).asin();
    let edge = edges_of_chaos(&Activation::UnscaledErf, s_b2).unwrap()[0];
    assert!((edge.weight_variance.value - s_w2).abs() <= edge.weight_variance.bound + 1e-13);
    // z^2 has chi_1 = 1 at q = 4 s_b^2 alone, where the variance is unstable; rectifiers with biases grow.
    assert!(edges_of_chaos(&Activation::Quadratic, 0.1).is_err());
    assert!(edges_of_chaos(&Activation::Relu, 0.1).is_err());
    assert!(edges_of_chaos(&Activation::Tanh, -0.1).is_err());
}

/// Mean over the units of `z z`, `z z'` and of the square of a tangent, in every layer of one random network.
fn measured(rng: &mut Stream, width: usize, laws: &[LayerLaw], inputs: &DMatrix<f64>) -> Vec<f64> {
    let dense = |rng: &mut Stream, rows: usize, cols: usize, law: &LayerLaw| {
        let scale = (law.weight_variance / cols as f64).sqrt();
        let bias = normal_matrix(rng, rows, 1) * law.bias_variance.sqrt();
        (
            normal_matrix(rng, rows, cols) * scale,
            DVector::from_column_slice(bias.as_slice()),
        )
    };
    let (w, b) = dense(rng, width, inputs.nrows(), &laws[0]);
    let (mut z, mut y) = (&w * inputs.column(0) + &b, &w * inputs.column(1) + &b);
    let mut tangent = &w * inputs.column(2);
    let n = width as f64;
    let mut found = vec![
        z.norm_squared() / n,
        z.dot(&y) / n,
        tangent.norm_squared() / n,
    ];
    for law in &laws[1..] {
        let (w, b) = dense(rng, width, width, law);
        let slope = z.map(|z| 1.0 - z.tanh().powi(2));
        tangent = &w * tangent.component_mul(&slope);
        (z, y) = (&w * z.map(f64::tanh) + &b, &w * y.map(f64::tanh) + &b);
        found.extend([
            z.norm_squared() / n,
            z.dot(&y) / n,
            tangent.norm_squared() / n,
        ]);
    }
    found
}

/// Random tanh networks with unequal layers against the theory, which they do not use: variances, covariances, and the
/// squares of a tangent at right angles to the input, which are the product of `chi_1(q_l)`. Means over networks of
/// widths `N = 100` and `200`, `2 m(2N) - m(N)` being free of the correction of order `1/N` (what is left, of order
/// `1/N^2 = 1e-4`, is below the error bars). Error bar: `sqrt(4 s_1^2 + s_2^2)`, `s` the standard errors of the two
/// means over 600 networks each, about 1 percent. Twelve numbers: the largest of twelve normal deviates is above 3.5
/// with a probability of 0.6 percent, and the seed is fixed.
#[test]
fn random_networks_of_finite_width_agree() {
    let laws = [law(1.5, 0.1), law(2.2, 0.3), law(0.9, 0.05), law(2.8, 0.2)];
    let inputs =
        DMatrix::from_column_slice(3, 3, &[1.0, 2.0, -1.0, 0.5, 1.2, 0.4, 1.0, -1.0, -1.0]);
    let mean = |width: usize| -> Vec<(f64, f64)> {
        let runs: Vec<Vec<f64>> = (0..600)
            .map(|k| {
                let mut rng = stream(11, "signal propagation", &[width as u64, k]);
                measured(&mut rng, width, &laws, &inputs)
            })
            .collect();
        (0..runs[0].len())
            .map(|i| {
                let values: Vec<f64> = runs.iter().map(|run| run[i]).collect();
                let (mean, error) = mean_stderr(&values);
                (mean, error.unwrap())
            })
            .collect()
    };
    let (narrow, wide) = (mean(100), mean(200));
    let dot = |i: usize, j: usize| inputs.column(i).dot(&inputs.column(j)) / 3.0;
    let first = [(0, 0), (1, 1), (0, 1)].map(|(i, j)| 1.5 * dot(i, j) + 0.1);
    let layers = propagate(&Activation::Tanh, &laws[1..], first).unwrap();
    let mut tangent = 1.5 * dot(2, 2);
    let mut worst = 0.0f64;
    for (l, layer) in layers.iter().enumerate() {
        let [a, b] = layer.variances.map(|v| v.value);
        let theory = [a, layer.correlation.value * (a * b).sqrt(), tangent];
        for (i, theory) in theory.into_iter().enumerate() {
            let ((m, s), (m2, s2)) = (narrow[3 * l + i], wide[3 * l + i]);
            let (value, error) = (2.0 * m2 - m, (4.0 * s2 * s2 + s * s).sqrt());
            let z = (value - theory) / error;
            worst = worst.max(z.abs());
            println!("layer {l}, {i}: {value:.4} +- {error:.4}, theory {theory:.4}, z = {z:.2}");
            assert!(error < 0.04 * theory.abs().max(0.2));
        }
        if let Some(onward) = layer.onward {
            tangent *= onward.chi.value;
        }
    }
    assert!(worst < 3.5, "largest deviate {worst}");
}
