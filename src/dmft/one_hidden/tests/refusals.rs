//! What is refused, and how.

use super::*;

#[test]
fn wrong_input_is_refused_with_its_place() {
    let case = Case::two(Activation::Tanh, 1.0, 0.2, 3);
    type Change = fn(&mut Case);
    let changes: [(&str, Change); 9] = [
        ("targets", |c| c.targets.clear()),
        ("kernel", |c| c.kernel[(0, 1)] = 0.5),
        ("kernel", |c| {
            c.kernel = DMatrix::from_row_slice(2, 2, &[1.0, 1.2, 1.2, 1.0])
        }),
        ("richness", |c| c.richness = 0.0),
        ("rate", |c| c.rate = f64::NAN),
        ("weight_variances", |c| c.variances = vec![1.0]),
        ("optimiser.momentum", |c| c.optimiser.momentum = 1.0),
        ("optimiser.noise", |c| c.optimiser.noise = -1.0),
        ("optimiser.batches", |c| {
            c.optimiser.batches = Some(vec![vec![0], vec![2], vec![1]])
        }),
    ];
    for (place, change) in changes {
        let mut case = case.clone();
        change(&mut case);
        let message = case.attempt(&Setting::default()).err().unwrap().to_string();
        assert!(message.starts_with(&format!("{place}: ")), "{message}");
    }
    let refused = |rule: Rule| {
        let setting = Setting {
            rule: Some(rule),
            ..Setting::default()
        };
        case.attempt(&setting).err().unwrap().to_string()
    };
    for rule in [
        Rule::Covariance,
        Rule::GaussHermite { nodes: 8, fewer: 8 },
        Rule::Sobol {
            points: 1000,
            scrambles: 8,
        },
        Rule::MonteCarlo {
            points: 0,
            repeats: 8,
        },
        Rule::Density {
            spacing: 0.5,
            wider: 0.8,
        },
    ] {
        assert!(refused(rule).starts_with("rule: "));
    }
    let solution = case.hermite(8);
    assert!(solution.equal_time(&[4]).is_err() && solution.two_time(&[1, 1]).is_err());
    assert!(solution.densities(&[0], &[1.0]).is_err());
}

#[test]
fn divergence_and_missed_tolerance_are_no_numbers() {
    let mut case = Case::two(Activation::Relu, 1.0, 40.0, 50);
    let message = case.attempt(&Setting::default()).err().unwrap().to_string();
    assert!(
        message.contains("dmft did not converge") && message.contains("at step"),
        "{message}"
    );
    assert!(message.contains("2 P/lambda_max"), "{message}");
    case = Case::two(Activation::Tanh, 1.5, 0.5, 10);
    let rule = Some(Rule::GaussHermite { nodes: 8, fewer: 6 });
    let setting = Setting {
        rule,
        tolerance: Some(1e-9),
        ..Setting::default()
    };
    assert!(
        case.attempt(&setting)
            .err()
            .unwrap()
            .to_string()
            .contains("above 1.000e-9")
    );
    let small = Setting {
        max_memory: 1 << 16,
        ..Setting::default()
    };
    assert!(matches!(
        case.attempt(&small),
        Err(crate::Error::Resource { .. })
    ));
}
