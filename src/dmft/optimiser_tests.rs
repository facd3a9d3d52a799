//! Closed forms of what the weights remember, and the ranges of the numbers.

use super::*;

fn close(found: f64, expected: f64) {
    assert!(
        (found - expected).abs() < 1e-14 * expected.abs().max(1.0),
        "{found} is not {expected}"
    );
}

#[test]
fn plain_momentum_and_decay_have_their_closed_forms() {
    let plain = Optimiser::default().memory(6);
    let heavy = Optimiser {
        momentum: 0.8,
        ..Optimiser::default()
    }
    .memory(6);
    let decay = Optimiser {
        decay: 0.1,
        ..Optimiser::default()
    }
    .memory(6);
    for t in 0..=6 {
        close(plain.weight(t), 1.0);
        close(heavy.weight(t), 1.0);
        close(decay.weight(t), 0.9f64.powi(t as i32));
        for s in 0..=6 {
            let lag = t as i32 - s as i32;
            let past = |value: f64| if lag > 0 { value } else { 0.0 };
            close(plain.carry(t, s), past(1.0));
            close(heavy.carry(t, s), past((1.0 - 0.8f64.powi(lag)) / 0.2));
            close(decay.carry(t, s), past(0.9f64.powi(lag - 1)));
            assert_eq!(heavy.noise(t, s), 0.0);
        }
    }
}

#[test]
fn noise_accumulates_over_the_steps_that_both_times_have_seen() {
    let random_walk = Optimiser {
        noise: 0.3,
        ..Optimiser::default()
    }
    .memory(5);
    for (t, s) in [(0, 0), (1, 1), (2, 5), (5, 2), (4, 4), (3, 0)] {
        close(random_walk.noise(t, s), 0.3 * t.min(s) as f64);
        close(
            random_walk.covariance(2.0, t, s),
            2.0 + 0.3 * t.min(s) as f64,
        );
    }
    // Ornstein-Uhlenbeck process of decay: v_n sum_k a^{t-1-k} a^{s-1-k}.
    let decay = Optimiser {
        noise: 0.3,
        decay: 0.1,
        ..Optimiser::default()
    }
    .memory(5);
    let exact = |t: i32, s: i32| {
        let m = t.min(s);
        0.3 * 0.9f64.powi((t - s).abs()) * (1.0 - 0.81f64.powi(m)) / (1.0 - 0.81)
    };
    close(decay.noise(5, 3), exact(5, 3));
    close(decay.noise(2, 2), exact(2, 2));
    let mut row = [0.0; 6];
    decay.covariances(2.0, 4, &mut row);
    for (s, &value) in row.iter().enumerate() {
        close(value, 2.0 * 0.9f64.powi(4 + s as i32) + exact(4, s as i32));
    }
}

#[test]
fn the_places_of_decay_and_noise_differ_with_momentum_alone() {
    let all = |momentum: f64, decay_enters, noise_enters| {
        let rule = Optimiser {
            momentum,
            decay: 0.1,
            decay_enters,
            noise: 0.2,
            noise_enters,
            batches: None,
        };
        rule.memory(4)
    };
    // Three steps by hand with m = 1/2: v = u, m v - d theta, ...
    let velocity = all(0.5, Decay::Velocity, Noise::Velocity);
    let (mut theta, mut v) = (0.0, 0.0);
    for step in 0..4 {
        v = 0.5 * v + if step == 0 { 1.0 } else { 0.0 } - 0.1 * theta;
        theta += v;
        close(velocity.carry(step + 1, 0), theta);
    }
    let weights = all(0.5, Decay::Weights, Noise::Velocity);
    close(weights.carry(2, 0), 0.9 + 0.5);
    close(velocity.carry(2, 0), 1.0 + 0.4);
    close(velocity.weight(2), 0.9 - 0.05 - 0.09);
    close(weights.weight(2), 0.81);
    close(weights.noise(2, 2), 0.2 * (1.0 + 1.4 * 1.4));
    close(
        all(0.5, Decay::Weights, Noise::Weights).noise(2, 2),
        0.2 * (1.0 + 0.81),
    );
    // After the kick of the weights the velocity feels the decay.
    let kicked = all(0.5, Decay::Velocity, Noise::Weights);
    close(
        kicked.noise(3, 3),
        0.2 * (1.0 + 0.81 + (0.9 - 0.05 - 0.09f64).powi(2)),
    );
    for decay_enters in [Decay::Weights, Decay::Velocity] {
        for noise_enters in [Noise::Velocity, Noise::Weights] {
            let plain = all(0.0, decay_enters, noise_enters);
            close(plain.noise(3, 2), 0.2 * (0.9 + 0.9f64.powi(3)));
            close(plain.carry(3, 0), 0.81);
        }
    }
}

#[test]
fn a_batch_is_driven_by_its_share_and_averages_to_all_samples() {
    let batches = Some(vec![vec![0, 2], vec![1, 3], vec![2]]);
    let rule = Optimiser {
        batches,
        ..Optimiser::default()
    };
    let errors = [1.0, -2.0, 0.5, 4.0];
    assert_eq!(rule.driven(0, &errors), [2.0, 0.0, 1.0, 0.0]);
    assert_eq!(rule.driven(2, &errors), [0.0, 0.0, 2.0, 0.0]);
    let both: Vec<f64> = rule
        .driven(0, &errors)
        .iter()
        .zip(rule.driven(1, &errors))
        .map(|(a, b)| (a + b) / 2.0)
        .collect();
    assert_eq!(both, errors);
    assert_eq!(Optimiser::default().driven(0, &errors), errors);
}

#[test]
fn numbers_out_of_range_are_told_by_name() {
    let told = |rule: Optimiser, place: &str| {
        let error = rule.check(3, 2).unwrap_err().to_string();
        assert!(
            error.starts_with(place) && error.contains("remedy"),
            "{error}"
        );
    };
    let usual = Optimiser::default;
    told(
        Optimiser {
            momentum: 1.0,
            ..usual()
        },
        "momentum",
    );
    told(
        Optimiser {
            momentum: f64::NAN,
            ..usual()
        },
        "momentum",
    );
    told(
        Optimiser {
            decay: -0.1,
            ..usual()
        },
        "decay",
    );
    told(
        Optimiser {
            noise: f64::INFINITY,
            ..usual()
        },
        "noise",
    );
    for batches in [
        vec![vec![0]],
        vec![vec![0], vec![]],
        vec![vec![0], vec![3]],
        vec![vec![0], vec![1, 1]],
    ] {
        told(
            Optimiser {
                batches: Some(batches),
                ..usual()
            },
            "batches",
        );
    }
    let good = Optimiser {
        momentum: 0.9,
        decay: 0.1,
        noise: 1.0,
        batches: Some(vec![vec![0, 1], vec![2]]),
        ..usual()
    };
    assert!(good.check(3, 2).is_ok());
}
