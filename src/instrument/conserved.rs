//! Conserved quantities of deep linear networks, and their drift.

use super::subject::{Series, Subject, counting_axis, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::context::Context;
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::Parameters;
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Frobenius norm of the imbalance of each pair of neighbouring layers; constant under gradient flow of a linear network.
pub static CONSERVED_QUANTITY: Observable = Observable {
    name: "conserved-quantity",
    label: "imbalance ‖Mₗ‖",
    unit: "1",
    convention: "|W_{l+1}^T W_{l+1} - W_l W_l^T|_F of the raw weights, l = 1, ..., L-1",
    ..Observable::PLAIN
};

/// Relative change of all imbalances since the start; 0 under gradient flow, of order the learning rate under descent.
pub static CONSERVED_DRIFT: Observable = Observable {
    name: "conserved-drift",
    label: "drift of the imbalance",
    unit: "1",
    convention: "sum_l |M_l(t) - M_l(0)|_F / sum_l |W_l(t)|_F^2, M_l = W_{l+1}^T W_{l+1} - W_l W_l^T of the raw weights; as good as \
                 0 below 0.01 of the squared weights",
    vanishing: Some(0.01),
    undefined: Some("weights that are all zero have no size to compare the drift with"),
    ..Observable::PLAIN
};

const QUANTITY_ABOUT: About = About {
    kind: "conserved-quantity",
    summary: "imbalance W_{l+1}^T W_{l+1} - W_l W_l^T of neighbouring layers",
    text: "\
|M_l(t)|_F on the axes layer (l = 1, ..., L-1), time, with M_l = W_{l+1}^T W_{l+1} - W_l W_l^T of the raw weights. Gradient flow
conserves M_l for any data and any start. The parametrisation does not change this: f = C W_L ... W_1 with C the product of the
multipliers, so that W_{l+1}^T dL/dW_{l+1} = dL/dW_l W_l^T holds with the same C on both sides, and all layers have one rate.
Source: Saxe, McClelland, Ganguli 2014 (arXiv:1312.6120).",
    revision: 1,
};

const DRIFT_ABOUT: About = About {
    kind: "conserved-drift",
    summary: "relative drift of the conserved quantities",
    text: "\
sum_l |M_l(t) - M_l(0)|_F / sum_l |W_l(t)|_F^2 on the axis time, M_l as in conserved-quantity. Zero under gradient flow;
gradient descent changes M_l by O(learning_rate^2) per step, hence by O(learning_rate) in a fixed time.",
    revision: 1,
};

/// Measures [`CONSERVED_QUANTITY`].
#[derive(Debug, Clone, Copy)]
pub struct ConservedQuantity;

/// Measures [`CONSERVED_DRIFT`].
#[derive(Debug, Clone, Copy)]
pub struct ConservedDrift;

/// `M_l = W_{l+1}^T W_{l+1} - W_l W_l^T` of all neighbouring layers.
fn imbalances(parameters: &Parameters) -> Vec<DMatrix<f64>> {
    let neighbours = parameters.blocks.windows(2);
    neighbours
        .map(|w| w[1].transpose() * &w[1] - &w[0] * w[0].transpose())
        .collect()
}

struct Quantities(Series);

impl Recorder for Quantities {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        self.0.push(imbalances(parameters).iter().map(|m| m.norm()))
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.0.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.0.finish()
    }
}

struct Drift {
    start: Option<Vec<DMatrix<f64>>>,
    series: Series,
}

impl Recorder for Drift {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let now = imbalances(parameters);
        let start = self.start.get_or_insert_with(|| now.clone());
        let moved: f64 = now.iter().zip(start).map(|(m, m0)| (m - &*m0).norm()).sum();
        let size: f64 = parameters.blocks.iter().map(|w| w.norm_squared()).sum();
        self.series.push([moved / size])
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

impl Instrument for ConservedQuantity {
    fn about(&self) -> &'static About {
        &QUANTITY_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &CONSERVED_QUANTITY
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let layers = Subject::of(experiment)?.linear(2)?.multipliers.len();
        Ok(vec![
            counting_axis("layer", layers - 1),
            time_axis(experiment),
        ])
    }

    fn recorder(
        &self,
        experiment: &Experiment,
        _dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        let axes = self.axes(experiment);
        let layers = axes.map_err(|d| refused("conserved-quantity", d))?[0]
            .values
            .len();
        Ok(Box::new(Quantities(Series::new(layers))))
    }
}

impl Instrument for ConservedDrift {
    fn about(&self) -> &'static About {
        &DRIFT_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &CONSERVED_DRIFT
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        Subject::of(experiment)?.linear(2)?;
        Ok(vec![time_axis(experiment)])
    }

    fn recorder(
        &self,
        _experiment: &Experiment,
        _dataset: &Dataset,
        _: &Context,
    ) -> Result<Box<dyn Recorder>> {
        Ok(Box::new(Drift {
            start: None,
            series: Series::new(1),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{
        measure,
        testing::{descent, experiment, linear, opaque, stack},
    };
    use super::*;
    use crate::learner::Learner;
    use crate::numerics::linalg::qr;
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::LinearTeacher;

    fn task() -> LinearTeacher {
        LinearTeacher {
            whitened: false,
            noise: 0.3,
            ..LinearTeacher::new(vec![2.0, 1.0], 6, 4)
        }
    }

    #[test]
    fn a_balanced_start_has_the_planted_imbalance() {
        let mut rng = stream(4, "test", &[]);
        let (u, _) = qr(&normal_matrix(&mut rng, 6, 4));
        let (r, _) = qr(&normal_matrix(&mut rng, 4, 4));
        // Singular values 0.3 in layer 1; 0.5 in layers 2 and 3: M_1 = 0.16 * 1, M_2 = 0.
        let p = stack(&[&r * u.transpose() * 0.3, &r * 0.5, r.transpose() * 0.5]);
        let experiment = experiment(task(), linear(&[4, 4], &[1.0; 3]), 1);
        let data = experiment.dataset(0).unwrap();
        let mut recorder = ConservedQuantity
            .recorder(&experiment, &data, &Context::default())
            .unwrap();
        recorder.record(0, 0.0, &p).unwrap();
        let found = recorder.finish();
        assert!(
            (found[0] - 0.16 * 2.0).abs() < 1e-14 && found[1] < 1e-14,
            "{found:?}"
        );
    }

    #[test]
    fn raw_imbalances_are_conserved_in_every_parametrisation() {
        // Along the gradient, d M_l = W_{l+1}^T G_{l+1} + h.c. - (G_l W_l^T + h.c.) vanishes.
        let learner = linear(&[5, 3], &[0.5, 2.0, 0.7]);
        let experiment = experiment(task(), learner.clone(), 1);
        let data = experiment.dataset(0).unwrap();
        let p = learner
            .initialize(&data, &mut stream(3, "start", &[]))
            .unwrap();
        let mut g = p.clone();
        let shape = experiment.task.shape();
        learner.network(shape).gradient(
            &p,
            &data.x,
            &data.y,
            crate::learner::Objective::square(0.005),
            &mut g,
        );
        for l in 0..2 {
            let above = p.blocks[l + 1].transpose() * &g.blocks[l + 1];
            let below = &g.blocks[l] * p.blocks[l].transpose();
            assert!(above.norm() > 1e-3);
            assert!((above - below).amax() < 1e-15);
        }
    }

    #[test]
    fn the_drift_starts_at_zero_and_has_its_definition() {
        let mut rng = stream(4, "test", &[]);
        let mut layer = |r, c| normal_matrix(&mut rng, r, c);
        let first = stack(&[layer(3, 6), layer(4, 3)]);
        let second = stack(&[layer(3, 6), layer(4, 3)]);
        let experiment = experiment(task(), linear(&[3], &[1.0; 2]), 1);
        let data = experiment.dataset(0).unwrap();
        let mut recorder = ConservedDrift
            .recorder(&experiment, &data, &Context::default())
            .unwrap();
        recorder.record(0, 0.0, &first).unwrap();
        recorder.record(1, 0.1, &second).unwrap();
        let found = recorder.finish();
        let m = |p: &Parameters| {
            p.blocks[1].transpose() * &p.blocks[1] - &p.blocks[0] * p.blocks[0].transpose()
        };
        let size = second.blocks[0].norm_squared() + second.blocks[1].norm_squared();
        assert_eq!(found[0], 0.0);
        assert!((found[1] - (m(&second) - m(&first)).norm() / size).abs() < 1e-15);
    }

    #[test]
    fn the_drift_in_a_fixed_time_is_first_order_in_the_learning_rate() {
        let drift = |steps: usize| {
            let e = descent(task(), linear(&[5], &[0.5, 2.0]), steps, 2.0 / steps as f64);
            let data = e.dataset(0).unwrap();
            let draw = e.draw_indices()[0];
            let start = e.initial(&data, draw).unwrap().unwrap();
            let mut rng = e.training_stream(draw);
            let found = measure(
                &e,
                &Context::default(),
                &[&ConservedDrift],
                &data,
                start.into(),
                &mut rng,
                None,
            )
            .unwrap();
            found.values[0][4]
        };
        let (coarse, middle, fine) = (drift(200), drift(400), drift(800));
        // a eta + b eta^2: the ratio is 2 up to a term that halves with eta.
        let (first, second) = (coarse / middle - 2.0, middle / fine - 2.0);
        assert!(second.abs() < 0.05, "{first} {second}");
        assert!((first / second - 2.0).abs() < 0.2, "{first} {second}");
    }

    #[test]
    fn shallow_and_nonlinear_learners_are_declined() {
        let shallow = experiment(task(), linear(&[], &[1.0]), 1);
        let hidden = experiment(task(), opaque(&[3], &[1.0; 2]), 1);
        for e in [shallow, hidden] {
            assert!(ConservedQuantity.axes(&e).is_err() && ConservedDrift.axes(&e).is_err());
        }
    }
}
