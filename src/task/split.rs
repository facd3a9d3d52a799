//! Training and test samples of one draw whose points are all known.

use super::{Dataset, Groups, Modes};
use crate::numerics::random::Stream;
use nalgebra::{DMatrix, DVector};
use rand::RngExt;

/// Training points, then test points: the beginning and the end of a random order of `points >= samples + test` points, so that
/// `samples` of them are the first of more and test points are never trained on.
pub(super) fn training_and_test(
    points: usize,
    samples: usize,
    test: usize,
    rng: &mut Stream,
) -> (Vec<u32>, Vec<u32>) {
    let mut order: Vec<u32> = (0..points as u32).collect();
    for last in (1..order.len()).rev() {
        order.swap(last, rng.random_range(0..=last));
    }
    let held_out = order.split_off(points - test);
    order.truncate(samples);
    (order, held_out)
}

/// The data set whose first `train` columns are trained on and whose others are held out; without input-output modes.
pub(super) fn parts(x: &DMatrix<f64>, y: &DMatrix<f64>, train: usize, groups: Groups) -> Dataset {
    let part = |m: &DMatrix<f64>, from: usize, count: usize| m.columns(from, count).into_owned();
    let test = x.ncols() - train;
    Dataset {
        modes: Modes {
            u: DMatrix::zeros(y.nrows(), 0),
            s: DVector::zeros(0),
            v: DMatrix::zeros(x.nrows(), 0),
        },
        x: part(x, 0, train),
        y: part(y, 0, train),
        test: (test > 0).then(|| (part(x, train, test), part(y, train, test))),
        groups: Some(groups),
        blocks: None,
    }
}
