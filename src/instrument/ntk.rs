//! Empirical neural tangent kernel: at start and end of the training, and its change over time.

use super::subject::{Series, Subject, counting_axis, refused, time_axis};
use super::{Axis, Declined, Instrument, Observable, Recorder};
use crate::error::Result;
use crate::experiment::Experiment;
use crate::kind::About;
use crate::learner::{Network, Parameters};
use crate::task::Dataset;
use nalgebra::DMatrix;

/// Empirical neural tangent kernel before and after training on the first training inputs.
pub static NTK: Observable = Observable {
    name: "ntk",
    label: "neural tangent kernel",
    unit: "1",
    convention: "K(x, x') = (1/N_o) sum_i sum_k df_i(x)/dtheta_k df_i(x')/dtheta_k over the raw parameters, first min(P, 16) training inputs; \
                 endpoint 0 = start, 1 = end",
};

/// Rotation of the tangent kernel since the start, in `[0, 1]`: 0 in the lazy regime.
pub static NTK_CHANGE: Observable = Observable {
    name: "ntk-change",
    label: "change of the tangent kernel",
    unit: "1",
    convention: "1 - <K_0, K_t>_F / (|K_0|_F |K_t|_F) of the tangent kernel K = J J^T over the raw parameters, all outputs, first min(P, 32) \
                 training inputs",
};

const NTK_ABOUT: About = About {
    kind: "ntk",
    summary: "empirical tangent kernel at the start and the end, averaged over outputs",
    text: "\
K(x, x') = (1/N_o) sum_i grad f_i(x) . grad f_i(x') over the raw parameters, between the first min(P, 16) training inputs, on the
axes endpoint (0 = start, 1 = end), sample, sample.
Source: Jacot, Gabriel, Hongler 2018 (arXiv:1806.07572).",
    revision: 1,
};

const CHANGE_ABOUT: About = About {
    kind: "ntk-change",
    summary: "distance of the empirical tangent kernel from its start",
    text: "\
1 - <K_0, K_t>_F / (|K_0|_F |K_t|_F) on the axis time, with the tangent kernel K = J J^T (all pairs of outputs) of the first
min(P, 32) training inputs and J the Jacobian over the raw parameters. 0: lazy, the kernel did not turn; near 1: rich. Declines
where J would need more than 1 GiB, or its smaller side is above 4096.
Source: kernel distance of Fort et al. 2020 (arXiv:2010.15110).",
    revision: 1,
};

const NTK_SAMPLES: usize = 16;
const CHANGE_SAMPLES: usize = 32;
const MAX_JACOBIAN: usize = 1 << 27;
const MAX_SIDE: usize = 4096;

/// Measures [`NTK`].
#[derive(Debug, Clone, Copy)]
pub struct Ntk;

/// Measures [`NTK_CHANGE`].
#[derive(Debug, Clone, Copy)]
pub struct NtkChange;

/// Rows (samples times outputs) and columns (parameters) of the Jacobian, if it is of bearable size.
fn jacobian_shape(
    subject: &Subject,
    samples: usize,
) -> std::result::Result<(usize, usize), Declined> {
    let shapes = subject.learner.shapes(subject.shape);
    let columns: usize = shapes.iter().map(|(r, c)| r * c).sum();
    let rows = samples * subject.shape.outputs;
    match rows.checked_mul(columns) {
        Some(size) if size <= MAX_JACOBIAN => Ok((rows, columns)),
        _ => Err(Declined(format!(
            "the Jacobian would be {rows} x {columns}, more than 1 GiB"
        ))),
    }
}

/// The first `limit` training inputs.
pub(super) fn first_inputs(dataset: &Dataset, limit: usize) -> DMatrix<f64> {
    let count = dataset.samples().min(limit);
    dataset.x.columns(0, count).into_owned()
}

impl Instrument for Ntk {
    fn about(&self) -> &'static About {
        &NTK_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &NTK
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        subject.needs_start()?;
        let samples = subject.shape.samples.min(NTK_SAMPLES);
        jacobian_shape(&subject, samples)?;
        Ok(vec![
            Axis::new("endpoint", "1", vec![0.0, 1.0]),
            counting_axis("sample", samples),
            counting_axis("sample", samples),
        ])
    }

    fn recorder(&self, experiment: &Experiment, dataset: &Dataset) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused("ntk", d))?;
        Ok(Box::new(Endpoints {
            network: subject.learner.network(subject.shape),
            x: first_inputs(dataset, NTK_SAMPLES),
            outputs: subject.shape.outputs,
            last: subject.training.steps(),
            values: Vec::new(),
        }))
    }
}

struct Endpoints {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    outputs: usize,
    last: usize,
    values: Vec<f64>,
}

impl Endpoints {
    fn kernel(&mut self, parameters: &Parameters) -> DMatrix<f64> {
        let jacobian = self.network.jacobian(parameters, &self.x);
        let sample = |mu: usize| jacobian.rows(mu * self.outputs, self.outputs);
        let count = self.x.ncols();
        DMatrix::from_fn(count, count, |mu, nu| {
            sample(mu).dot(&sample(nu)) / self.outputs as f64
        })
    }
}

impl Recorder for Endpoints {
    fn record(&mut self, step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        for endpoint in [0, self.last] {
            if step == endpoint {
                let kernel = self.kernel(parameters);
                self.values.extend(kernel.iter());
            }
        }
        Ok(())
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.values
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.values
    }
}

impl Instrument for NtkChange {
    fn about(&self) -> &'static About {
        &CHANGE_ABOUT
    }

    fn observable(&self) -> &'static Observable {
        &NTK_CHANGE
    }

    fn axes(&self, experiment: &Experiment) -> std::result::Result<Vec<Axis>, Declined> {
        let subject = Subject::of(experiment)?;
        subject.needs_start()?;
        let samples = subject.shape.samples.min(CHANGE_SAMPLES);
        let (rows, columns) = jacobian_shape(&subject, samples)?;
        match rows.min(columns) {
            side if side > MAX_SIDE => Err(Declined(format!(
                "the smaller side of the {rows} x {columns} Jacobian is above {MAX_SIDE}"
            ))),
            _ => Ok(vec![time_axis(experiment)]),
        }
    }

    fn recorder(&self, experiment: &Experiment, dataset: &Dataset) -> Result<Box<dyn Recorder>> {
        let subject = Subject::of(experiment).map_err(|d| refused("ntk-change", d))?;
        Ok(Box::new(Change {
            network: subject.learner.network(subject.shape),
            x: first_inputs(dataset, CHANGE_SAMPLES),
            start: None,
            series: Series::new(1),
        }))
    }
}

/// The start, on the smaller side of the Jacobian.
enum Start {
    /// `K_0 / |K_0|`: no more rows than parameters.
    Kernel(DMatrix<f64>),
    /// `J_0` and `|K_0|`: fewer parameters than rows.
    Jacobian(DMatrix<f64>, f64),
}

struct Change {
    network: Box<dyn Network<f64>>,
    x: DMatrix<f64>,
    start: Option<Start>,
    series: Series,
}

/// `K / |K|` of the kernel `K = J J^T`.
fn direction(jacobian: &DMatrix<f64>) -> DMatrix<f64> {
    let kernel = jacobian * jacobian.transpose();
    let size = kernel.norm();
    kernel / size
}

/// `|J J^T|_F = |J^T J|_F`.
fn kernel_norm(jacobian: &DMatrix<f64>) -> f64 {
    (jacobian.transpose() * jacobian).norm()
}

impl Recorder for Change {
    fn record(&mut self, _step: usize, _time: f64, parameters: &Parameters) -> Result<()> {
        let now = self.network.jacobian(parameters, &self.x);
        let start = self.start.get_or_insert_with(|| {
            if now.nrows() <= now.ncols() {
                Start::Kernel(direction(&now))
            } else {
                Start::Jacobian(now.clone(), kernel_norm(&now))
            }
        });
        let change = match start {
            // 1 - <a, b> = |a - b|^2 / 2 for unit vectors, without cancellation.
            Start::Kernel(before) => (direction(&now) - &*before).norm_squared() / 2.0,
            // <J_0 J_0^T, J J^T> = |J_0^T J|^2.
            Start::Jacobian(before, size) => {
                let overlap = (before.transpose() * &now).norm_squared();
                1.0 - overlap / (*size * kernel_norm(&now))
            }
        };
        self.series.push([change])
    }

    fn collected(&mut self) -> &mut Vec<f64> {
        &mut self.series.by_time
    }

    fn finish(self: Box<Self>) -> Vec<f64> {
        self.series.finish()
    }
}

#[cfg(test)]
mod tests {
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
        let mut recorder = instrument.recorder(&experiment, &data).unwrap();
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
            let (data, first, second, found) = two(&learner, &NtkChange);
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
        let (data, first, second, found) = two(&learner, &Ntk);
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
    fn a_jacobian_of_unbearable_size_is_declined() {
        let task = LinearTeacher::new(vec![1.0], 6, 400);
        let wide = experiment(task.clone(), linear(&[2000], &[1.0; 2]), 1);
        assert!(
            NtkChange
                .axes(&wide)
                .unwrap_err()
                .0
                .contains("12800 x 812000")
        );
        let narrow = experiment(task, linear(&[11], &[1.0; 2]), 1);
        assert!(
            NtkChange
                .axes(&narrow)
                .unwrap_err()
                .0
                .contains("12800 x 4466")
        );
    }
}
