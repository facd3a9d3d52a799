//! A finite data set: inputs and targets as columns, with the views a theory may ask for.

use crate::task::Shape;
use nalgebra::{DMatrix, DVector};
use std::collections::BTreeSet;

/// Input-output modes `S = U diag(s) V^T` in which mode strengths are measured: `U: outputs x k`, `V: inputs x k`,
/// orthonormal columns, `s` descending.
#[derive(Debug, Clone, PartialEq)]
pub struct Modes {
    /// Output modes as columns, `outputs x k`.
    pub u: DMatrix<f64>,
    /// Singular values `s`, descending, `k` of them.
    pub s: DVector<f64>,
    /// Input modes as columns, `inputs x k`.
    pub v: DMatrix<f64>,
}

/// Second moments of a data set under a loss weight `w` per sample (`1/P` for the mean, `1` for the sum):
/// `xx = w X X^T`, `yx = w Y X^T`, `yy = w tr(Y Y^T)`.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// `inputs x inputs`
    pub xx: DMatrix<f64>,
    /// `outputs x inputs`
    pub yx: DMatrix<f64>,
    /// Squared norm of the targets times `w`.
    pub yy: f64,
}

impl Moments {
    /// `max |xx - 1|`: zero for whitened inputs.
    pub fn whitening_error(&self) -> f64 {
        let mut worst = 0.0f64;
        for i in 0..self.xx.nrows() {
            for j in 0..self.xx.ncols() {
                let target = if i == j { 1.0 } else { 0.0 };
                worst = worst.max((self.xx[(i, j)] - target).abs());
            }
        }
        worst
    }
}

/// One draw of a task: samples are columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    /// `inputs x samples`
    pub x: DMatrix<f64>,
    /// `outputs x samples`
    pub y: DMatrix<f64>,
    /// Held-out inputs and targets.
    pub test: Option<(DMatrix<f64>, DMatrix<f64>)>,
    /// The modes in which mode strengths are measured (the planted teacher, or the SVD of the data).
    pub modes: Modes,
    /// The groups into which the samples fall, where the task knows them.
    pub groups: Option<Groups>,
    /// Block of every test sample within the held-out samples that all data sets share, see [`HeldOut`]; `None` where
    /// test samples are drawn anew from the population.
    pub blocks: Option<Vec<u32>>,
}

/// Held-out samples from which the test sets of all data sets are taken: the rest of a file, the end of a text, a test
/// file.
///
/// They are one draw from the population. What is measured on them differs from its value on the population by an error
/// that does not fall with the number of data sets. They are divided into blocks of about equal size, at random; the
/// scatter between blocks tells the error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldOut {
    /// Number of held-out samples.
    pub samples: usize,
    /// Number of blocks, at most [`HeldOut::MOST_BLOCKS`].
    pub blocks: usize,
}

impl HeldOut {
    /// Blocks beyond which samples share one: an error from 64 blocks is itself known to 9 %.
    pub const MOST_BLOCKS: usize = 64;

    /// `samples` held-out ones, in blocks of one sample each where they are few.
    ///
    /// ```
    /// use saddlepoint::task::HeldOut;
    /// assert_eq!(HeldOut::of(40).blocks, 40);
    /// assert_eq!(HeldOut::of(1000).blocks, 64);
    /// ```
    pub fn of(samples: usize) -> Self {
        HeldOut {
            samples,
            blocks: samples.min(Self::MOST_BLOCKS),
        }
    }
}

/// A group (a cluster, say) of every sample, by its number in the draw.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Groups {
    /// Of the training samples.
    pub train: Vec<u32>,
    /// Of the test samples.
    pub test: Vec<u32>,
    /// Some of the sets within groups (latents) whose membership is known.
    pub latents: Vec<Latent>,
    /// Numbers of points of all groups of the draw, sampled or not; empty where unknown.
    pub sizes: Vec<u32>,
    /// Where groups are trees along whose edges the targets walk: the mean square difference of the targets of two neighbours.
    pub edge: Option<f64>,
}

/// A set of samples that is true structure of the data: its binary feature is 1 on them and 0 elsewhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Latent {
    /// Share of all points of the draw that are in the set.
    pub share: f64,
    /// Indices of the training samples in it.
    pub train: Vec<u32>,
    /// Indices of the test samples in it.
    pub test: Vec<u32>,
}

impl Latent {
    /// Largest octave that is told apart, and one more.
    pub const OCTAVES: usize = 7;

    /// Number `k` of the octave `2^-(k+1) < share <= 2^-k`.
    pub fn octave(share: f64) -> usize {
        (-share.log2()).floor() as usize
    }
}

impl Groups {
    /// Whether each test sample is in a group with a training sample.
    ///
    /// ```
    /// use saddlepoint::task::Groups;
    /// let groups = Groups { train: vec![0, 4, 4], test: vec![4, 1, 0], ..Groups::default() };
    /// assert_eq!(groups.seen(), [true, false, true]);
    /// ```
    pub fn seen(&self) -> Vec<bool> {
        let known: BTreeSet<u32> = self.train.iter().copied().collect();
        self.test
            .iter()
            .map(|group| known.contains(group))
            .collect()
    }
}

impl Dataset {
    /// Number of training samples `P`.
    pub fn samples(&self) -> usize {
        self.x.ncols()
    }

    /// Numbers of inputs, outputs and training samples.
    pub fn shape(&self) -> Shape {
        Shape {
            inputs: self.x.nrows(),
            outputs: self.y.nrows(),
            samples: self.samples(),
        }
    }

    /// Moments with weight `w` per sample.
    pub fn moments(&self, w: f64) -> Moments {
        Moments {
            xx: &self.x * self.x.transpose() * w,
            yx: &self.y * self.x.transpose() * w,
            yy: self.y.norm_squared() * w,
        }
    }

    /// Memory of inputs and targets, training and test.
    pub fn bytes(&self) -> u64 {
        let test = self.test.as_ref().map_or(0, |(x, y)| x.len() + y.len());
        8 * (self.x.len() + self.y.len() + test) as u64
    }
}
