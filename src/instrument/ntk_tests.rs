//! Tangent kernels by their laws: closed forms, layers against Jacobians, limits.

use super::super::testing::{Linear, experiment, linear};
use super::*;
use crate::learner::Learner;
use crate::numerics::random::stream;
use crate::task::LinearTeacher;

/// Kernel of a two-layer linear network, written out: entry (mu i, nu j) is
/// `C^2 (x^T W_1^T W_1 x' delta_ij + (W_2 W_2^T)_ij x^T x')`.
fn closed_form(p: &Parameters, x: &DMatrix<f64>, scale: f64) -> DMatrix<f64> {
    let (w1, w2) = (&p.blocks[0], &p.blocks[1]);
    let hidden = (w1 * x).transpose() * (w1 * x);
    let inputs = x.transpose() * x;
    let readout = w2 * w2.transpose();
    let one = DMatrix::identity(w2.nrows(), w2.nrows());
    (hidden.kronecker(&one) + inputs.kronecker(&readout)) * (scale * scale)
}

fn two(
    learner: &Linear,
    instrument: &dyn Instrument,
) -> (Dataset, Parameters, Parameters, Vec<f64>) {
    let task = LinearTeacher {
        samples: 40,
        ..LinearTeacher::new(vec![2.0, 1.0], 6, 4)
    };
    let experiment = experiment(task, learner.clone(), 1);
    let data = experiment.dataset(0).unwrap();
    let draw = |i| {
        learner
            .initialize(&data, &mut stream(3, "start", &[i]))
            .unwrap()
    };
    let (first, second) = (draw(0), draw(1));
    let mut recorder = instrument
        .recorder(&experiment, &data, &Context::default())
        .unwrap();
    recorder.record(0, 0.0, &first).unwrap();
    recorder.record(1, 0.05, &second).unwrap();
    let values = recorder.finish();
    (data, first, second, values)
}

#[test]
fn the_change_is_the_angle_between_the_kernels() {
    // 128 rows against 50 and 200 parameters: both sides of the Jacobian.
    for width in [5, 20] {
        let learner = linear(&[width], &[0.5, 3.0]);
        let (data, first, second, found) = two(&learner, &NtkChange::EXACT);
        let x = first_inputs(&data, 32);
        let (a, b) = (closed_form(&first, &x, 1.5), closed_form(&second, &x, 1.5));
        let expected = 1.0 - a.dot(&b) / (a.norm() * b.norm());
        assert!(found[0].abs() < 1e-14, "{}", found[0]);
        assert!((found[1] - expected).abs() < 1e-13 && expected > 0.01);
    }
}

#[test]
fn the_kernel_at_both_ends_is_the_output_average() {
    let learner = linear(&[5], &[0.5, 3.0]);
    let (data, first, second, found) = two(&learner, &Ntk::EXACT);
    let x = first_inputs(&data, 16);
    assert_eq!(found.len(), 2 * 16 * 16);
    for (p, kernel) in [first, second].iter().zip(found.chunks(256)) {
        let full = closed_form(p, &x, 1.5);
        for (mu, nu) in (0..16).flat_map(|mu| (0..16).map(move |nu| (mu, nu))) {
            let average = full.view((4 * mu, 4 * nu), (4, 4)).trace() / 4.0;
            assert!((kernel[16 * mu + nu] - average).abs() < 1e-13);
        }
    }
}

#[test]
fn sketched_overlaps_are_unbiased_and_the_change_starts_at_zero() {
    let learner = linear(&[5], &[0.5, 3.0]);
    let (data, first, second, _) = two(&learner, &NtkChange::EXACT);
    let x = first_inputs(&data, 32);
    let mut network = learner.network(data.shape());
    let exact = closed_form(&first, &x, 1.5).dot(&closed_form(&second, &x, 1.5));
    let mut products =
        |seed, p: &Parameters| Directions::new(seed, &first, 12).products(network.as_mut(), p, &x);
    let found: Vec<f64> = (0..200)
        .map(|seed| sketched_overlap(&products(seed, &first), &products(seed, &second)))
        .collect();
    let (mean, stderr) = crate::numerics::statistics::mean_stderr(&found);
    let stderr = stderr.unwrap();
    assert!((mean - exact).abs() < 3.5 * stderr && stderr < 0.05 * exact);

    let sketched = NtkChange {
        samples: 32,
        sketch: Some(2000),
    };
    let (.., exact) = two(&learner, &NtkChange::EXACT);
    let (.., found) = two(&learner, &sketched);
    assert!(found[0].abs() < 1e-12);
    // The overlaps have errors of the order 1/sqrt(m) that mostly cancel in the ratio.
    assert!(
        (found[1] - exact[1]).abs() < 0.05,
        "{} {}",
        found[1],
        exact[1]
    );
}

#[test]
fn what_does_not_fit_is_declined_with_the_largest_number_of_samples_that_does() {
    let largest = |declined: Declined| -> usize {
        let (_, after) = declined.0.split_once("samples = ").unwrap();
        after.split(' ').next().unwrap().parse().unwrap()
    };
    let task = LinearTeacher {
        samples: 500_000,
        ..LinearTeacher::new(vec![1.0], 6, 4)
    };
    let e = experiment(task, linear(&[200], &[1.0; 2]), 1);
    for sketch in [None, Some(64)] {
        let samples = 300_000;
        let fits = largest(Ntk { samples, sketch }.axes(&e).unwrap_err());
        let ntk = |samples| Ntk { samples, sketch };
        assert!(
            ntk(fits).axes(&e).is_ok() && ntk(fits + 1).axes(&e).is_err(),
            "{fits}"
        );
        let fits = largest(NtkChange { samples, sketch }.axes(&e).unwrap_err());
        let change = |samples| NtkChange { samples, sketch };
        assert!(change(fits + 1).axes(&e).is_err());
        if sketch.is_some() {
            assert!(change(fits).axes(&e).is_ok());
        }
    }
    let task = LinearTeacher::new(vec![1.0], 6, 400);
    let narrow = experiment(task, linear(&[11], &[1.0; 2]), 1);
    let declined = NtkChange::EXACT.axes(&narrow).unwrap_err().0;
    assert!(declined.contains("12800 x 4466") && declined.contains("samples = 10 fits"));
}

#[test]
fn keys_are_checked() {
    let keyed =
        |text: &str| NtkChange::EXACT.keyed("measure.observables[2]", text.parse().unwrap());
    let message = |text: &str| keyed(text).err().unwrap().to_string();
    assert!(message("sketch = 1").contains("measure.observables[2].sketch"));
    assert!(message("samples = 0").contains("measure.observables[2].samples"));
    assert!(message("sketches = 4").contains("did you mean \"sketch\""));
    assert_eq!(keyed("sketch = 4").unwrap().resolved()["samples"], 32);
}
