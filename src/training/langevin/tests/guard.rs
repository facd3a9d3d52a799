//! The stiffness guard and the curvature it looks at.

use super::*;

#[test]
fn a_hopeless_step_names_stiffness_and_the_step_to_use() {
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.5,
        burn_in: 10,
        steps: 10,
        every: 1,
    };
    let stiff = sample(
        plan,
        &[vec![0.0, 0.0]],
        1,
        || Ok(springs(&[1.0, 1e4])),
        squares,
    );
    let text = stiff.unwrap_err().to_string();
    assert!(
        text.contains("stiffness") && text.contains("training.step = 5.0e-5"),
        "{text}"
    );
    // Soft at the start, stiff where the law lives: every window is undone.
    struct Cliff;
    impl Potential for Cliff {
        fn dimension(&self) -> usize {
            1
        }
        fn gradient(&mut self, phi: &[f64], g: &mut [f64]) -> f64 {
            let x = phi[0] - 3.0;
            let k = if x > -1.0 { 1e5 } else { 1.0 };
            g[0] = k * x;
            0.5 * k * x * x
        }
    }
    let text = sample(
        Plan {
            burn_in: 600,
            ..plan
        },
        &[vec![-3.0]],
        1,
        || Ok(Cliff),
        squares,
    );
    assert!(text.unwrap_err().to_string().contains("stiffness"));
}

#[test]
fn a_late_violation_starts_the_measured_part_again() {
    // V = phi^2/2 + phi^4/4 q: the curvature 1 + 3 q phi^2 exceeds 0.5/step only on rare excursions.
    let soft = || {
        Ok(Springs {
            k: vec![1.0],
            quartic: 0.05,
        })
    };
    let plan = Plan {
        scheme: Scheme::Lm,
        step: 0.3,
        burn_in: 500,
        steps: 100_000,
        every: 50,
    };
    let chains = sample(plan, &vec![vec![0.0]; 4], 13, soft, squares).unwrap();
    let late = |c: &&Sampled| c.warnings.iter().any(|w| w.contains("starts again"));
    assert!(chains.iter().filter(late).count() > 0);
    for chain in &chains {
        assert_eq!(chain.trace.observables[0].len(), 2000);
        assert!(chain.stiffness <= 0.5 && (chain.step == 0.3 || chain.step <= 0.15));
    }
}

#[test]
fn curvature_is_the_top_of_the_hessian() {
    let (mlp, data, temperature, precision, _) = regression();
    let mut potential = NetworkPotential::of(&mlp, &data, temperature).unwrap();
    let exact = crate::numerics::linalg::eigh(&precision).unwrap().0.max();
    let found = curvature(&mut potential, &[0.3, -1.0, 0.4], 0.5).unwrap();
    assert!((found / exact - 1.0).abs() < 1e-6);
    let mut quartic = Springs {
        k: vec![1.0, 2.0],
        quartic: 4.0,
    };
    let found = curvature(&mut quartic, &[0.5, 1.5], 0.5).unwrap();
    assert!((found / (2.0 + 12.0 * 2.25) - 1.0).abs() < 1e-6);
    let broken = curvature(&mut quartic, &[f64::INFINITY, 0.0], 0.5).unwrap();
    assert_eq!(broken, f64::INFINITY);
}
