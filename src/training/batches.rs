//! What training runs on: samples as columns, whole or in mini-batches.

use crate::learner::Real;
use crate::numerics::random::Stream;
use crate::task::Dataset;
use crate::training::compress::compress;
use nalgebra::DMatrix;
use rand::seq::SliceRandom;
use std::borrow::Cow;

/// Samples as columns, the loss weight per sample, and a constant part of the loss.
pub(super) struct Data<'a, T: Real> {
    pub x: Cow<'a, DMatrix<T>>,
    pub y: Cow<'a, DMatrix<T>>,
    /// Weight per sample of the objective.
    pub weight: f64,
    /// Part of the loss that the columns do not show.
    pub constant: f64,
}

impl<'a> Data<'a, f64> {
    /// The training samples under a weight per sample; `compressed` to as many columns as inputs, which leaves squared losses of
    /// linear maps and their gradients as they are.
    pub fn of(dataset: &'a Dataset, weight: f64, compressed: bool) -> Self {
        if compressed && dataset.x.ncols() > dataset.x.nrows() {
            let c = compress(&dataset.x, &dataset.y);
            return Data {
                x: Cow::Owned(c.x),
                y: Cow::Owned(c.y),
                weight,
                constant: 0.5 * weight * c.offset,
            };
        }
        Data {
            x: Cow::Borrowed(&dataset.x),
            y: Cow::Borrowed(&dataset.y),
            weight,
            constant: 0.0,
        }
    }

    pub fn single(&self) -> Data<'static, f32> {
        Data {
            x: Cow::Owned(self.x.map(|v| v as f32)),
            y: Cow::Owned(self.y.map(|v| v as f32)),
            weight: self.weight,
            constant: self.constant,
        }
    }
}

/// The samples of `steps` batches of `size` samples: every epoch runs through a fresh permutation, and its last batch is what is left.
pub(super) fn sequence(
    samples: usize,
    size: usize,
    steps: usize,
    rng: &mut Stream,
) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..samples).collect();
    let mut used = samples;
    let mut batch = || {
        if used == samples {
            order.shuffle(rng);
            used = 0;
        }
        let from = used;
        used += size.min(samples - used);
        order[from..used].to_vec()
    };
    (0..steps).map(|_| batch()).collect()
}

/// The sequence of batches, gathered into memory that is allocated once.
pub(super) struct Batches<'a, T: Real> {
    data: &'a Data<'a, T>,
    size: Option<usize>,
    order: Vec<usize>,
    /// Samples of the epoch already used.
    used: usize,
    /// Whole batches, and the smaller one at the end of an epoch.
    whole: (DMatrix<T>, DMatrix<T>),
    tail: (DMatrix<T>, DMatrix<T>),
}

impl<'a, T: Real> Batches<'a, T> {
    pub fn new(data: &'a Data<'a, T>, size: Option<usize>) -> Self {
        let samples = data.x.ncols();
        let room = |n: usize| {
            (
                DMatrix::zeros(data.x.nrows(), n),
                DMatrix::zeros(data.y.nrows(), n),
            )
        };
        Batches {
            data,
            size,
            order: (0..size.map_or(0, |_| samples)).collect(),
            used: samples,
            whole: room(size.unwrap_or(0)),
            tail: room(size.map_or(0, |b| samples % b)),
        }
    }

    /// Where the sequence stands: the order of the epoch and the samples already used.
    pub fn position(&self) -> (&[usize], usize) {
        (&self.order, self.used)
    }

    /// Puts the sequence where another one stood.
    pub fn seek(&mut self, (order, used): (Vec<usize>, usize)) {
        (self.order, self.used) = (order, used);
    }

    /// True when the batch handed out last completed an epoch.
    pub fn epoch_ended(&self) -> bool {
        self.used == self.data.x.ncols()
    }

    /// Inputs, targets and weight per sample of the next batch. The full batch draws nothing from `rng`.
    pub fn next(&mut self, rng: &mut Stream) -> (&DMatrix<T>, &DMatrix<T>, f64) {
        let samples = self.data.x.ncols();
        let Some(size) = self.size else {
            return (&self.data.x, &self.data.y, self.data.weight);
        };
        if self.used == samples {
            self.order.shuffle(rng);
            self.used = 0;
        }
        let count = size.min(samples - self.used);
        let (x, y) = if count == size {
            &mut self.whole
        } else {
            &mut self.tail
        };
        for (column, &mu) in self.order[self.used..self.used + count].iter().enumerate() {
            x.column_mut(column).copy_from(&self.data.x.column(mu));
            y.column_mut(column).copy_from(&self.data.y.column(mu));
        }
        self.used += count;
        (x, y, self.data.weight * samples as f64 / count as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;

    #[test]
    fn every_epoch_uses_every_sample_once_with_unbiased_weights() {
        let data = Data {
            x: Cow::Owned(DMatrix::from_fn(1, 11, |_, j| j as f64)),
            y: Cow::Owned(DMatrix::zeros(1, 11)),
            weight: 1.0,
            constant: 0.0,
        };
        let mut batches = Batches::new(&data, Some(4));
        let mut rng = stream(1, "batches", &[]);
        let mut told = sequence(11, 4, 9, &mut stream(1, "batches", &[])).into_iter();
        for _ in 0..3 {
            let mut seen = Vec::new();
            for size in [4, 4, 3] {
                let (x, _, weight) = batches.next(&mut rng);
                let told = told.next().unwrap();
                assert!(x.iter().zip(&told).all(|(&x, &mu)| x == mu as f64));
                assert_eq!((x.ncols(), weight), (size, 11.0 / size as f64));
                seen.extend(x.iter().map(|&v| v as usize));
                assert_eq!(batches.epoch_ended(), size == 3);
            }
            seen.sort();
            assert_eq!(seen, (0..11).collect::<Vec<_>>());
        }
    }
}
