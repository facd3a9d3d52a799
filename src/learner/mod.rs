//! Learners: what learns. A learner describes an architecture; a network is its compiled form for one data shape.

pub mod convolution;
pub mod init;
mod jacobian;
mod kernel_ridge;
pub mod loaded;
pub mod mlp;
mod nearest;
pub mod network;
pub mod objective;
pub mod parametrization;
mod penalty;
pub mod prior;
mod random_features;
mod readout;
mod single;
mod tokens;
pub mod transformer;
mod view;
pub mod weights;

pub use convolution::{Convolution, ConvolutionNetwork};
pub use init::{Deviation, Init};
pub use kernel_ridge::KernelRidge;
pub use loaded::Loaded;
pub use mlp::{Mlp, Readout};
pub use nearest::Nearest;
pub use network::MlpNetwork;
pub use objective::Objective;
pub use parametrization::Parametrization;
pub use penalty::Penalty;
pub use prior::{Chi, Prior, PriorView};
pub use random_features::RandomFeatures;
pub use transformer::{Attention, Mask, Norm, Position, Predict, Transformer, TransformerNetwork};
pub use view::{BiasView, FeaturesView, MlpPriorView, MlpView, NearestView, StartView};

pub use crate::kernel::Activation;
pub use crate::numerics::real::Real;

use crate::error::Result;
use crate::kernel::Kernel;
use crate::kind::{About, Kind};
use crate::numerics::linalg::Factor;
use crate::numerics::random::Stream;
use crate::task::{Dataset, Shape};
use nalgebra::DMatrix;
use std::fmt::Debug;

/// Floating-point type that a learner trains in.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Double precision, 53 bits.
    #[default]
    F64,
    /// Single precision, 24 bits: half the memory, and faster.
    F32,
}

impl Precision {
    /// Bytes of a number.
    pub fn bytes(self) -> u64 {
        match self {
            Precision::F64 => 8,
            Precision::F32 => 4,
        }
    }
}

/// Raw (optimised) parameters as a list of matrices; for an MLP `blocks[l]` is the raw weight of layer `l + 1`,
/// `width_{l+1} x width_l`; biases follow as single columns.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(bound = "")]
pub struct Parameters<T: Real = f64> {
    /// The matrices, in the order of [`Learner::shapes`].
    pub blocks: Vec<DMatrix<T>>,
}

impl<T: Real> Parameters<T> {
    /// All zero, with the given rows and columns of every block.
    pub fn zeros(shapes: &[(usize, usize)]) -> Self {
        Parameters {
            blocks: shapes.iter().map(|&(r, c)| DMatrix::zeros(r, c)).collect(),
        }
    }
    /// Number of scalars.
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|b| b.len()).sum()
    }
    /// True without a single scalar.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Every entry rounded to another scalar type.
    pub fn cast<S: Real>(&self) -> Parameters<S> {
        Parameters {
            blocks: self
                .blocks
                .iter()
                .map(|b| b.map(|v| S::of(v.f64())))
                .collect(),
        }
    }
    /// True when no entry is infinite or NaN.
    pub fn is_finite(&self) -> bool {
        self.blocks.iter().all(|b| b.iter().all(|v| v.is_finite()))
    }
}

/// An architecture with its initial law.
pub trait Learner: Debug + Send + Sync {
    /// Name, sources and revision for lists and records.
    fn about(&self) -> &'static About;
    /// The learner's table with every default filled in; part of the record hash.
    fn resolved(&self) -> serde_json::Value;
    /// What several of it are called in legends and tables.
    fn plural(&self) -> &'static str {
        "networks"
    }
    /// Floating-point type in which the network is trained.
    fn precision(&self) -> Precision;
    /// Rows and columns of every parameter block for a data shape.
    fn shapes(&self, shape: Shape) -> Vec<(usize, usize)>;
    /// Names of the parameter blocks in a file of weights, in the order of [`Learner::shapes`].
    fn names(&self, shape: Shape) -> Vec<String> {
        let blocks = self.shapes(shape).len();
        (0..blocks).map(|block| format!("block.{block}")).collect()
    }
    /// One initial condition. `dataset` is there for data-aligned starts.
    fn initialize(&self, dataset: &Dataset, rng: &mut Stream) -> Result<Parameters>;
    /// Compiled double-precision network.
    fn network(&self, shape: Shape) -> Box<dyn Network<f64>>;
    /// Compiled single-precision network.
    fn network_f32(&self, shape: Shape) -> Box<dyn Network<f32>>;
    /// Checks that can be made before anything is drawn (impossible balance, width too small, ...).
    fn check(&self, shape: Shape) -> Result<()>;
    /// Factor between `training.learning_rate` and the step on the raw parameters.
    fn rate_scale(&self, shape: Shape) -> f64;
    /// Widths of the hidden layers whose features a network can show; empty where there are none.
    fn hidden(&self, _shape: Shape) -> Vec<usize> {
        Vec::new()
    }
    /// Number of logits per softmax of the cross-entropy; it divides the number of outputs.
    fn classes(&self, shape: Shape) -> usize {
        shape.outputs
    }
    /// View: the learner reads a sequence, and its outputs at a position see the inputs up to that position alone.
    fn is_causal(&self) -> bool {
        false
    }
    /// View: a kernel machine.
    fn kernel(&self) -> Option<KernelView> {
        None
    }
    /// View: the optimum in closed form, where there is a formula for it.
    fn solver(&self) -> Option<&dyn Solver> {
        None
    }
    /// Scalars of a network's work space for batches of up to `columns` samples: three per unit and sample (output, slope, error).
    fn work_space(&self, shape: Shape, columns: usize) -> usize {
        let units: usize = self.shapes(shape).iter().map(|(rows, _)| rows).sum();
        3 * columns * units
    }
    /// Scalars of the work space of [`Network::tangent_kernel`] on `samples` inputs: the Jacobian, twice, and the kernel.
    fn tangent_space(&self, shape: Shape, samples: usize) -> usize {
        let parameters: usize = self.shapes(shape).iter().map(|(r, c)| r * c).sum();
        let jacobian = parameters.saturating_mul(samples * (shape.outputs + 1));
        jacobian.saturating_add(samples * samples)
    }
    /// Scalars that a forward pass of `columns` samples holds, its result included: outputs and slopes of every unit.
    fn forward_space(&self, shape: Shape, columns: usize) -> usize {
        2 * self.work_space(shape, columns) / 3 + columns * shape.outputs
    }
    /// Floating-point operations of one gradient per sample: 6 per parameter (2 forward, 4 backward).
    fn operations(&self, shape: Shape) -> f64 {
        let parameters: usize = self.shapes(shape).iter().map(|(r, c)| r * c).sum();
        6.0 * parameters as f64
    }
    /// View: Gaussian prior of the parameters, where the learner states one.
    fn prior(&self, _shape: Shape) -> Option<PriorView> {
        None
    }
    /// View: a multilayer perceptron, with or without biases and with any read-out.
    fn mlp(&self, _shape: Shape) -> Option<MlpView> {
        None
    }
    /// View: a plain multilayer perceptron, without biases and with a trained read-out.
    fn plain_mlp(&self, shape: Shape) -> Option<MlpView> {
        self.mlp(shape).filter(MlpView::is_plain)
    }
    /// View: fixed random features with a ridge-regression read-out.
    fn random_features(&self) -> Option<FeaturesView> {
        None
    }
    /// View: whatever is learned, the outputs are an affine function of the inputs, `f(x) = F x + f(0)`.
    fn is_affine(&self, shape: Shape) -> bool {
        self.mlp(shape).is_some_and(|view| view.linear)
    }
    /// View: the mean of the nearest training samples.
    fn nearest(&self) -> Option<NearestView> {
        None
    }
}

/// View for theories: kernel ridge regression, `min sum (f - y)^2 + ridge |f|_H^2`.
#[derive(Debug, Clone, PartialEq)]
pub struct KernelView {
    /// The kernel of `H`.
    pub kernel: Kernel,
    /// `ridge`, the temperature of the Gaussian process.
    pub ridge: f64,
}

impl KernelView {
    /// An error of the kernel matrix, under the keys of the spec.
    pub fn in_spec(error: crate::error::Error) -> crate::error::Error {
        kernel_ridge::in_spec(error)
    }
}

/// The optimum of a learner on a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Solution {
    /// Where it is.
    pub parameters: Parameters,
    /// What the reader of the result must know: a matrix that is singular to rounding.
    pub warning: Option<String>,
}

/// A learner whose optimum on a data set is a formula.
pub trait Solver {
    /// The optimum, given a start that holds whatever is drawn and kept (random features). A kernel matrix of more than
    /// `max_memory` bytes is refused.
    fn solve(&self, start: &Parameters, dataset: &Dataset, max_memory: u64) -> Result<Solution>;
    /// Scalars held at most on the way, the optimum included; without data set and start.
    fn work_space(&self, shape: Shape) -> usize;
}

/// A compiled network: owns its work space, holds no parameters.
pub trait Network<T: Real>: Send {
    /// Outputs (`outputs x columns of x`).
    fn forward(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T>;
    /// The objective of the outputs `f(x)` and its gradient with respect to the raw parameters, written to `grad`.
    fn gradient(
        &mut self,
        p: &Parameters<T>,
        x: &DMatrix<T>,
        y: &DMatrix<T>,
        objective: Objective,
        grad: &mut Parameters<T>,
    ) -> T;
    /// Jacobian `d f_i(x_mu) / d theta_k`: row `mu * outputs + i` (outputs fastest), column `k` running through the blocks in
    /// order, each column-major.
    fn jacobian(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T>;
    /// Product `J v` of the Jacobian with a direction `v` in parameter space, `outputs x columns of x`.
    ///
    /// Central difference of two forward passes, of step `h = eps^(1/3) rms(theta)/rms(v)`, `6e-6` of the parameters in double precision: relative error
    /// of the order `(h/l)^2` for networks that bend over a length `l` (`1e-10` for `l = 1`), and `h` where rectifiers change sides within the step.
    fn directional(&mut self, p: &Parameters<T>, x: &DMatrix<T>, v: &Parameters<T>) -> DMatrix<T> {
        let norm = |p: &Parameters<T>| p.blocks.iter().map(|b| b.norm_squared().f64()).sum::<f64>();
        let (position, direction) = (norm(p), norm(v));
        let size = if position > 0.0 {
            position
        } else {
            p.len() as f64
        };
        let step = match direction {
            0.0 => 1.0,
            _ => T::default_epsilon().f64().cbrt() * (size / direction).sqrt(),
        };
        let mut shifted = p.clone();
        let mut at = |step: T| {
            for ((to, p), v) in shifted.blocks.iter_mut().zip(&p.blocks).zip(&v.blocks) {
                to.zip_zip_apply(p, v, |to, p, v| *to = p + step * v);
            }
            self.forward(&shifted, x)
        };
        let step = T::of(step);
        (at(step) - at(-step)) / (step + step)
    }
    /// Tangent kernel of the raw parameters, summed over outputs: `sum_i J_i J_i^T` (`samples x samples`) with the Jacobian `J_i` of output `i`.
    /// From the whole Jacobian, unless the network knows a shorter way; see [`Learner::tangent_space`].
    fn tangent_kernel(&mut self, p: &Parameters<T>, x: &DMatrix<T>) -> DMatrix<T> {
        let samples = x.ncols();
        let jacobian = self.jacobian(p, x);
        let outputs = jacobian.nrows() / samples;
        let mut kernel = DMatrix::zeros(samples, samples);
        for i in 0..outputs {
            let row = |mu, k| jacobian[(mu * outputs + i, k)];
            let of_output = DMatrix::from_fn(samples, jacobian.ncols(), row);
            let factor = Factor::new(of_output.as_slice(), samples, jacobian.ncols());
            T::gemm_add(T::one(), factor, factor.t(), kernel.as_mut_slice());
        }
        kernel
    }
    /// Outputs of the hidden layers, `phi(h^l)`, one matrix `N_l x samples` per layer of [`Learner::hidden`].
    fn features(&mut self, _p: &Parameters<T>, _x: &DMatrix<T>) -> Vec<DMatrix<T>> {
        Vec::new()
    }
    /// Derivatives of output number `output` by the preactivations of the hidden layers, `df/dh^l`, in the shapes of
    /// [`Network::features`].
    fn sensitivities(
        &mut self,
        _p: &Parameters<T>,
        _x: &DMatrix<T>,
        _output: usize,
    ) -> Vec<DMatrix<T>> {
        Vec::new()
    }
}

/// All learners that a spec can name.
pub const LEARNERS: &[Kind<dyn Learner>] = &[
    mlp::KIND,
    kernel_ridge::KIND,
    random_features::KIND,
    nearest::KIND,
    transformer::KIND,
    convolution::KIND,
];
