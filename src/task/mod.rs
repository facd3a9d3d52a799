//! Tasks: what is learned (data model and target).

pub mod copy;
mod dataset;
pub mod file;
mod gaussian_inputs;
pub mod hermite_teacher;
mod hierarchy_picture;
pub mod linear_teacher;
pub mod loader;
mod occupation;
pub mod percolation_clusters;
pub mod percolation_growth;
pub mod percolation_hierarchy;
pub mod percolation_lattice;
pub mod percolation_tree;
mod picture;
pub mod power_law_features;
pub mod semantic_hierarchy;
mod shared;
mod split;
pub mod table;
pub mod text;
pub mod xor;

pub use copy::Copying;
pub use dataset::{Dataset, Groups, HeldOut, Latent, Modes, Moments};
pub use file::File;
pub use gaussian_inputs::GaussianInputs;
pub use hermite_teacher::HermiteTeacher;
pub use linear_teacher::LinearTeacher;
pub use percolation_clusters::PercolationClusters;
pub use percolation_growth::PercolationGrowth;
pub use percolation_hierarchy::PercolationHierarchy;
pub use percolation_lattice::PercolationLattice;
pub use percolation_tree::PercolationTree;
pub use picture::Picture;
pub use power_law_features::PowerLawFeatures;
pub use semantic_hierarchy::SemanticHierarchy;
pub use table::Table;
pub use text::Text;
pub use xor::Xor;

use crate::error::{Error, Result};
use crate::kernel::Kernel;
use crate::kind::{About, Kind};
use crate::numerics::random::{Stream, stream};
use crate::percolation::{Setting, Simulation};
use crate::rg::Spectrum;
use nalgebra::DMatrix;
use rand::Rng;
use std::fmt::Debug;

/// Numbers of inputs, outputs and training samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// Input dimension of a sample.
    pub inputs: usize,
    /// Output dimension of a sample.
    pub outputs: usize,
    /// Training samples `P` of a data set.
    pub samples: usize,
}

/// What is known of data that fall into many clusters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClusterView {
    /// Law of the sizes; `None` where only a draw knows them ([`Groups::sizes`]).
    pub law: Option<SizeLaw>,
    /// Targets of different clusters are independent, each of mean 0 and variance 1.
    pub independent_targets: bool,
}

/// Yule-Simon sizes of many clusters, and how many of their points are trained on.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize)]
pub struct SizeLaw {
    /// Exponent `tau` of `P(s) ~ s^-tau`.
    pub exponent: f64,
    /// Number `n` of all points.
    pub points: usize,
    /// Number `T` of points that are trained on.
    pub samples: usize,
}

/// A polynomial target of one direction of white Gaussian inputs, `y = sum_k a_k he_k(w . x) + noise` with the
/// orthonormal Hermite polynomials `he_k` and `x ~ N(0, 1)` in `inputs` dimensions.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct HermiteView {
    /// Number `d` of inputs.
    pub inputs: usize,
    /// The unit vector `w`; `None` where it is drawn anew with every data set, which carries it as the first column of
    /// `modes.v`.
    pub direction: Option<Vec<f64>>,
    /// `a_k`, from `k = 0`: the mean of the target is `a_0`, its mean square `sum_k a_k^2` without the noise.
    pub coefficients: Vec<f64>,
    /// Standard deviation of the noise of the training labels.
    pub noise: f64,
}

/// Memory that a task holds beside its draws.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolView {
    /// Tells one pool from another while both live.
    pub identity: usize,
    /// Its size.
    pub bytes: u64,
}

/// A data model with a target.
pub trait Task: Debug + Send + Sync {
    /// Name, sources and revision for lists and records.
    fn about(&self) -> &'static About;
    /// The task's table with every default filled in; part of the record hash.
    fn resolved(&self) -> serde_json::Value;
    /// Dimensions of every data set drawn from it; zeros for a simulation without samples.
    fn shape(&self) -> Shape {
        Shape {
            inputs: 0,
            outputs: 0,
            samples: 0,
        }
    }
    /// One quenched draw of the data. The same stream gives the same bits.
    fn draw(&self, _rng: &mut Stream) -> Result<Dataset> {
        Err(Error::input(
            "task.kind",
            format!("{} has no samples to learn from", self.about().kind),
            "remove [learner] and [training], or use percolation-hierarchy",
        ))
    }

    /// View: the input-output modes of the population, where the inputs are white and the modes are known in closed form.
    /// When the bases are drawn anew with every data set, they are given in the frame in which they are the first columns of
    /// the identity: then only `s` carries information.
    fn modes(&self) -> Option<Modes> {
        None
    }
    /// Number of modes (columns of [`Dataset::modes`]) of every draw; 0 when the task has none.
    fn mode_count(&self) -> usize {
        self.modes().map_or(0, |m| m.s.len())
    }
    /// View: number of samples that stand for the population from which data sets are drawn, see [`Task::population`].
    fn population_size(&self) -> Option<usize> {
        None
    }
    /// View: samples that stand for the population from which data sets are drawn, inputs and targets, `most` at most, without those
    /// held out for tests.
    fn population(&self, _most: usize) -> Option<(DMatrix<f64>, DMatrix<f64>)> {
        None
    }
    /// Samples kept in memory from which data sets are drawn, shared by all tasks made of the same content.
    fn pool(&self) -> Option<PoolView> {
        None
    }
    /// View: where inputs are tokens and targets the tokens that follow them, the entropy of the target at every position, in nats,
    /// given the tokens up to that position.
    fn next_token_entropy(&self) -> Option<Vec<f64>> {
        None
    }
    /// View: the target is a polynomial of one direction of white Gaussian inputs.
    fn hermite(&self) -> Option<HermiteView> {
        None
    }
    /// View: the spectrum of a kernel under the law of the inputs, with the squared coefficients of the target, which
    /// sum over outputs, and the variance of the label noise of a training sample, summed over outputs. The kernel must
    /// have features that are Gaussian, or so many that they are as good as that. A part of the target that no function
    /// of the kernel expresses is a level of eigenvalue 0: it is never learned, disturbs the training labels like
    /// noise, and stays in the error. Where the target is drawn anew with every data set, coefficients are means over
    /// these draws.
    fn spectrum(&self, _kernel: &Kernel) -> Option<Spectrum> {
        None
    }
    /// View: inputs that are Gaussian in the population, and a target whose affine part is known: the error of an
    /// affine predictor over the population is then a finite sum.
    fn gaussian_inputs(&self) -> Option<GaussianInputs> {
        None
    }
    /// Number of test samples of every draw.
    fn test_samples(&self) -> usize {
        0
    }
    /// True when every draw holds out test samples.
    fn has_test(&self) -> bool {
        self.test_samples() > 0
    }
    /// View: the held-out samples that the test sets of all data sets share; `None` where test samples are drawn anew
    /// from the population with every data set.
    fn held_out(&self) -> Option<HeldOut> {
        None
    }
    /// View: whether draws carry the groups of their samples ([`Dataset::groups`]).
    fn has_groups(&self) -> bool {
        false
    }
    /// View: clusters, where there are many.
    fn clusters(&self) -> Option<ClusterView> {
        None
    }
    /// View: dimension `D` of the set on which the inputs lie, where targets differ by as much as the inputs are apart.
    fn manifold_dimension(&self) -> Option<f64> {
        None
    }
    /// View: whether clusters are uniform random trees and targets walk along their edges, as far at each ([`Groups::edge`]).
    fn walks_on_trees(&self) -> bool {
        false
    }
    /// View: pictures of the draw that [`Task::draw`] makes of the same stream, where the task has any.
    fn pictures(&self, _rng: &mut Stream) -> Result<Vec<Picture>> {
        Ok(Vec::new())
    }
    /// View: what is simulated without a learner.
    fn simulation(&self) -> Option<Simulation<'_>> {
        None
    }
    /// View: the lattice to be swept, where that is what is simulated.
    fn percolation(&self) -> Option<&Setting> {
        match self.simulation()? {
            Simulation::Sweeps(setting) => Some(setting),
            _ => None,
        }
    }
    /// View: what was read from the user's files, as names and values for `check` and the report: the columns that were
    /// chosen.
    fn sources(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
    /// Working memory of a draw, beside the data set.
    fn draw_bytes(&self) -> u64 {
        0
    }
    /// The key that makes the training inputs white, `X X^T / P = 1`, as it is written in a spec; `None` where the
    /// task has none.
    fn whitening(&self) -> Option<&'static str> {
        None
    }
    /// True when two draws differ (else `measure.datasets > 1` would repeat one number).
    fn is_random(&self) -> bool {
        true
    }
    /// View: whether the second moments of inputs and targets are the same in all draws, up to rotations of both, so that
    /// a linear network sees no difference between them.
    fn has_fixed_moments(&self) -> bool {
        !self.is_random()
    }
}

/// All tasks that a spec can name.
pub const TASKS: &[Kind<dyn Task>] = &[
    linear_teacher::KIND,
    semantic_hierarchy::KIND,
    file::KIND,
    table::KIND,
    text::KIND,
    copy::KIND,
    hermite_teacher::KIND,
    power_law_features::KIND,
    xor::KIND,
    percolation_growth::KIND,
    percolation_hierarchy::KIND,
    percolation_clusters::KIND,
    percolation_lattice::KIND,
    percolation_tree::KIND,
];

/// Independent streams for the ingredients of one draw, keyed by numbers drawn from `rng`: each ingredient can grow (more
/// samples, more features) without moving the others.
pub(crate) fn substreams<const N: usize>(rng: &mut Stream) -> [Stream; N] {
    std::array::from_fn(|_| stream(rng.next_u64(), "ingredient", &[]))
}
