//! A small linear network with its own descent, written out by hand, in the place of the program's learners.

use crate::error::Result;
use crate::kind::About;
use crate::learner::{
    Activation, Learner, MlpView, Network, Objective, Parameters, Precision, StartView,
};
use crate::numerics::linalg::qr;
use crate::numerics::random::{Stream, normal_matrix, stream};
use crate::task::{Dataset, Modes, Shape, Task};
use crate::theory::missing;
use crate::training::{Loss, OnSnapshot, Snapshot, Start, Training};
use nalgebra::{DMatrix, DVector};

static ABOUT: About = About {
    kind: "test",
    summary: "",
    text: "",
    revision: 1,
};
pub const S: [f64; 3] = [3.0, 1.5, 0.8];
pub const SHAPE: Shape = Shape {
    inputs: 5,
    outputs: 4,
    samples: 30,
};

/// Whitened (or stretched) inputs, planted modes in random bases that are the same for every draw.
#[derive(Debug)]
pub struct Teacher {
    pub noise: f64,
    pub stretch: f64,
}

impl Task for Teacher {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn shape(&self) -> Shape {
        SHAPE
    }
    fn modes(&self) -> Option<Modes> {
        let mut rng = stream(0, "bases", &[]);
        let (u, _) = qr(&normal_matrix(&mut rng, SHAPE.outputs, 3));
        let (v, _) = qr(&normal_matrix(&mut rng, SHAPE.inputs, 3));
        Some(Modes {
            u,
            s: DVector::from_row_slice(&S),
            v,
        })
    }
    fn test_samples(&self) -> usize {
        50
    }
    /// Without noise a linear network sees the same moments in every draw.
    fn is_random(&self) -> bool {
        self.noise > 0.0
    }
    fn draw(&self, rng: &mut Stream) -> Result<Dataset> {
        let modes = self.modes().ok_or_else(|| missing("modes"))?;
        let teacher = &modes.u * DMatrix::from_diagonal(&modes.s) * modes.v.transpose();
        let (q, _) = qr(&normal_matrix(rng, SHAPE.samples, SHAPE.inputs));
        let mut x = q.transpose() * (SHAPE.samples as f64).sqrt();
        x.row_mut(0).scale_mut(self.stretch);
        let y = &teacher * &x + self.noise * normal_matrix(rng, SHAPE.outputs, SHAPE.samples);
        let x_test = normal_matrix(rng, SHAPE.inputs, 50);
        let test = Some((x_test.clone(), &teacher * x_test));
        Ok(Dataset {
            x,
            y,
            test,
            modes,
            groups: None,
            blocks: None,
        })
    }
}

/// `f = c_L W_L ... c_1 W_1 x`, or with only the last layer trained (a model that is linear in its parameters).
#[derive(Debug)]
pub struct Linear {
    pub widths: Vec<usize>,
    pub multipliers: Vec<f64>,
    pub rate_scale: f64,
    pub start: StartView,
    pub linear: bool,
}

struct LinearNet {
    multiplier: f64,
}

impl LinearNet {
    fn chain(&self, w: &[DMatrix<f64>], size: usize) -> DMatrix<f64> {
        w.iter().fold(DMatrix::identity(size, size), |f, w| w * f)
    }
}

impl Network<f64> for LinearNet {
    fn forward(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        self.chain(&p.blocks, x.nrows()) * x * self.multiplier
    }
    fn gradient(
        &mut self,
        p: &Parameters,
        x: &DMatrix<f64>,
        y: &DMatrix<f64>,
        objective: Objective,
        grad: &mut Parameters,
    ) -> f64 {
        let weight = objective.weight();
        let error = self.forward(p, x) - y;
        let pull = self
            .jacobian(p, x)
            .tr_mul(&DVector::from_column_slice(error.as_slice()));
        let mut rest = pull.as_slice();
        for block in &mut grad.blocks {
            let (head, tail) = rest.split_at(block.len());
            block.copy_from_slice(head);
            *block *= weight;
            rest = tail;
        }
        0.5 * weight * error.norm_squared()
    }
    fn jacobian(&mut self, p: &Parameters, x: &DMatrix<f64>) -> DMatrix<f64> {
        let outputs = p.blocks[p.blocks.len() - 1].nrows();
        let mut j = DMatrix::zeros(outputs * x.ncols(), p.len());
        let mut column = 0;
        for (l, block) in p.blocks.iter().enumerate() {
            let below = self.chain(&p.blocks[..l], x.nrows()) * x;
            let above = self.chain(&p.blocks[l + 1..], block.nrows()) * self.multiplier;
            for c in 0..block.ncols() {
                for r in 0..block.nrows() {
                    for mu in 0..x.ncols() {
                        for i in 0..outputs {
                            j[(mu * outputs + i, column)] = above[(i, r)] * below[(c, mu)];
                        }
                    }
                    column += 1;
                }
            }
        }
        j
    }
}

impl Learner for Linear {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn precision(&self) -> Precision {
        Precision::F64
    }
    fn shapes(&self, _: Shape) -> Vec<(usize, usize)> {
        self.widths.windows(2).map(|w| (w[1], w[0])).collect()
    }
    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters> {
        let shapes = self.shapes(SHAPE);
        let blocks = match self.start {
            StartView::Aligned { first, last } => {
                let (r, _) = qr(&normal_matrix(rng, self.widths[1], 3));
                vec![
                    first * &r * dataset.modes.v.transpose(),
                    last * &dataset.modes.u * r.transpose(),
                ]
            }
            StartView::Gaussian { scale } => shapes
                .iter()
                .map(|&(r, c)| scale * normal_matrix(rng, r, c))
                .collect(),
            _ => return Err(missing("this start")),
        };
        Ok(Parameters { blocks })
    }
    fn network(&self, _: Shape) -> Box<dyn Network<f64>> {
        Box::new(LinearNet {
            multiplier: self.multipliers.iter().product(),
        })
    }
    fn network_f32(&self, _: Shape) -> Box<dyn Network<f32>> {
        unimplemented!()
    }
    fn check(&self, _: Shape) -> Result<()> {
        Ok(())
    }
    fn rate_scale(&self, _: Shape) -> f64 {
        self.rate_scale
    }
    fn mlp(&self, _: Shape) -> Option<MlpView> {
        let scale = match self.start {
            StartView::Gaussian { scale } => scale,
            _ => f64::NAN,
        };
        Some(MlpView {
            linear: self.linear,
            multipliers: self.multipliers.clone(),
            rate_scale: self.rate_scale,
            start: self.start,
            ..MlpView::standard(self.widths.clone(), Activation::Linear, scale)
        })
    }
}

#[derive(Debug)]
pub struct Descent {
    pub learning_rate: f64,
    pub steps: usize,
    pub loss: Loss,
}

impl Training for Descent {
    fn about(&self) -> &'static About {
        &ABOUT
    }
    fn resolved(&self) -> serde_json::Value {
        serde_json::Value::Null
    }
    fn loss(&self) -> Loss {
        self.loss
    }
    fn learning_rate(&self) -> f64 {
        self.learning_rate
    }
    fn steps(&self) -> usize {
        self.steps
    }
    fn is_plain_descent(&self) -> bool {
        true
    }
    fn train(
        &self,
        learner: &dyn Learner,
        start: Start,
        dataset: &Dataset,
        record: &[usize],
        _: &mut Stream,
        on_snapshot: &mut OnSnapshot,
    ) -> Result<Parameters> {
        let mut p = start.parameters;
        let mut network = learner.network(SHAPE);
        let mut grad = Parameters::zeros(&learner.shapes(SHAPE));
        let w = self.loss.weight(dataset.samples());
        let rate = self.learning_rate * learner.rate_scale(SHAPE);
        for step in 0..=self.steps {
            if record.contains(&step) {
                on_snapshot(Snapshot::new(step, &p))?;
            }
            network.gradient(&p, &dataset.x, &dataset.y, Objective::square(w), &mut grad);
            for (block, g) in p.blocks.iter_mut().zip(&grad.blocks) {
                *block -= rate * g;
            }
        }
        Ok(p)
    }
}
