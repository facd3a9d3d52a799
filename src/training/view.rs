//! Views: what theories may ask of a training rule, as plain numbers.

use super::Loss;

/// View: descent along the gradient, `w <- w - r_t v_t` with `v_t = momentum v_{t-1} + (grad L + weight_decay w +
/// noise)`, or its limit of small steps, the flow `dw/dt = -rate_scale grad L`.
///
/// The step is `r_t = rate_scale learning_rate s_t`, with `rate_scale` of the learner and a schedule `s_t` that is 1
/// unless `constant_rate` is false. Time is `t = learning_rate * step`, of a flow too: there steps are its grid of
/// recorded times. Rules that rescale the gradient coordinate by coordinate (Adam) and samplers have no such view.
#[derive(Debug, Clone, PartialEq)]
pub struct DescentView {
    /// `learning_rate`, the time from one step to the next.
    pub learning_rate: f64,
    /// Number of steps; `learning_rate * steps` is the last time.
    pub steps: usize,
    /// The flow itself, without the error of a step.
    pub flow: bool,
    /// What is minimised.
    pub loss: Loss,
    /// False where a schedule changes the learning rate.
    pub constant_rate: bool,
    /// Share of the velocity that is kept, 0 without.
    pub momentum: f64,
    /// With momentum: the look-ahead form of Nesterov.
    pub nesterov: bool,
    /// Weight decay: one number for all parameter blocks, or one per block; zeros without.
    pub weight_decay: Vec<f64>,
    /// Whether the decay shrinks the weights, `w <- (1 - r_t d) w - r_t v_t`, and does not enter the velocity.
    pub decoupled: bool,
    /// Variance of the normal number in every weight's update `- r_t (...)` of a step; 0 without.
    pub noise: f64,
    /// Size of the mini-batches; `None` for the whole data set.
    pub batch: Option<usize>,
    /// Loss at which the parameters stay where they are.
    pub stop_at_loss: Option<f64>,
}

impl DescentView {
    /// Full-batch descent with a constant rate and nothing else.
    pub fn plain(learning_rate: f64, steps: usize, loss: Loss) -> Self {
        DescentView {
            learning_rate,
            steps,
            flow: false,
            loss,
            constant_rate: true,
            momentum: 0.0,
            nesterov: false,
            weight_decay: vec![0.0],
            decoupled: false,
            noise: 0.0,
            batch: None,
            stop_at_loss: None,
        }
    }

    /// Full-batch descent or flow on a squared loss, without schedule, momentum, decay, noise and early stop: what the
    /// exact theories describe.
    pub fn is_plain(&self) -> bool {
        let bare = self.momentum == 0.0
            && self.noise == 0.0
            && self.weight_decay.iter().all(|&d| d == 0.0);
        bare && self.constant_rate
            && self.batch.is_none()
            && self.stop_at_loss.is_none()
            && self.loss.is_square()
    }
}

#[cfg(test)]
mod tests {
    use crate::kind::component;
    use crate::learner::{Init, Learner, Mlp, Objective, Parameters};
    use crate::numerics::random::{normal_matrix, stream};
    use crate::task::{Dataset, Modes};
    use crate::training::{TRAININGS, Training};
    use nalgebra::{DMatrix, DVector};
    use std::sync::Arc;

    fn rule(text: &str) -> Arc<dyn Training> {
        component("training", TRAININGS, text.parse().unwrap()).unwrap()
    }

    fn data() -> Dataset {
        let mut rng = stream(2, "view", &[]);
        Dataset {
            x: normal_matrix(&mut rng, 3, 12),
            y: normal_matrix(&mut rng, 2, 12),
            test: None,
            modes: Modes {
                u: DMatrix::zeros(2, 0),
                s: DVector::zeros(0),
                v: DMatrix::zeros(3, 0),
            },
            groups: None,
            blocks: None,
        }
    }

    /// The numbers of the view, put into the formula of its documentation, give the steps of the training itself.
    #[test]
    fn replayed_steps_are_those_of_the_training() {
        let mlp = Mlp {
            widths: vec![4],
            init: Init::gaussian(0.5),
            ..Mlp::default()
        };
        let data = data();
        let shape = data.shape();
        let start = mlp.initialize(&data, &mut stream(2, "start", &[])).unwrap();
        for text in [
            "kind = 'gradient-descent'\nlearning_rate = 0.05\nsteps = 7",
            "kind = 'sgd'\nlearning_rate = 0.05\nsteps = 7\nloss = 'half-sum'",
            "kind = 'sgd'\nlearning_rate = 0.02\nsteps = 7\nmomentum = 0.8\nweight_decay = [0.1, 0.3]",
            "kind = 'sgd'\nlearning_rate = 0.02\nsteps = 7\nmomentum = 0.8\nnesterov = true",
        ] {
            let training = rule(text);
            let view = training.descent().unwrap();
            assert!(view.constant_rate && view.batch.is_none() && view.noise == 0.0);
            let (mut p, mut network) = (start.clone(), mlp.network(shape));
            let mut velocity = Parameters::zeros(&mlp.shapes(shape));
            let mut gradient = velocity.clone();
            let objective = Objective::square(view.loss.weight(data.samples()));
            for _ in 0..view.steps {
                network.gradient(&p, &data.x, &data.y, objective, &mut gradient);
                for (l, p) in p.blocks.iter_mut().enumerate() {
                    let decay = view.weight_decay[l.min(view.weight_decay.len() - 1)];
                    let pull = &gradient.blocks[l] + &*p * decay;
                    velocity.blocks[l] = &velocity.blocks[l] * view.momentum + &pull;
                    let step = match view.nesterov {
                        true => pull + &velocity.blocks[l] * view.momentum,
                        false => velocity.blocks[l].clone(),
                    };
                    *p -= step * (view.learning_rate * mlp.rate_scale(shape));
                }
            }
            let mut rng = stream(2, "training", &[]);
            let begin = start.clone().into();
            let end = training
                .train(&mlp, begin, &data, &[7], &mut rng, &mut |_| Ok(()))
                .unwrap();
            for (p, end) in p.blocks.iter().zip(&end.blocks) {
                assert!((p - end).norm() < 1e-13 * end.norm(), "{text}");
            }
        }
    }

    #[test]
    fn only_full_batches_without_additions_are_plain() {
        let common = "learning_rate = 0.1\nsteps = 10\n";
        let of = |kind: &str, keys: &str| rule(&format!("kind = '{kind}'\n{common}{keys}"));
        for (kind, keys, plain) in [
            ("gradient-descent", "", true),
            ("gradient-descent", "loss = 'half-sum'", true),
            ("gradient-descent", "loss = 'cross-entropy'", false),
            ("gradient-descent", "batch = 4", false),
            ("sgd", "", true),
            ("sgd", "batch = 4", false),
            ("sgd", "momentum = 0.5", false),
            ("sgd", "weight_decay = 0.1", false),
            ("sgd", "schedule = { kind = 'cosine' }", false),
            ("sgd", "schedule = { warmup = 4 }", false),
            ("sgd", "stop_at_loss = 0.1", false),
        ] {
            let training = of(kind, keys);
            let view = training.descent().unwrap();
            assert_eq!(view.is_plain(), plain, "{kind} {keys}");
            assert_eq!(training.is_plain_descent(), plain);
            assert!(!view.flow && !training.is_flow());
            assert_eq!((view.learning_rate, view.steps), (0.1, 10));
        }
        let flow = rule("kind = 'gradient-flow'\ntime = 5.0\nresolution = 50");
        let view = flow.descent().unwrap();
        assert!(view.flow && view.is_plain() && flow.is_flow() && flow.is_plain_descent());
        assert_eq!(view.learning_rate * view.steps as f64, 5.0);
        for text in [
            "kind = 'adam'\nlearning_rate = 0.1\nsteps = 10",
            "kind = 'closed-form'",
            "kind = 'none'",
            "kind = 'langevin'\nstep = 0.1\ntemperature = 0.1\nsteps = 100",
        ] {
            let training = rule(text);
            assert!(
                training.descent().is_none() && !training.is_plain_descent(),
                "{text}"
            );
        }
    }
}
