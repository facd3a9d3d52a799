//! A Cholesky factor that grows with time, row by row.

use crate::numerics::simd::{total, vectorised};

/// What happens to a pivot that is no larger than a part of the mean diagonal entry: a direction that earlier rows
/// span.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pivot {
    /// It is raised to this part, which adds at most as much to one variance and changes no covariance.
    Raised(f64),
    /// Its direction is left out.
    Dropped(f64),
}

/// `K = L L^T` for a covariance `K` whose rows become known one after the other.
#[derive(Debug, Clone)]
pub(super) struct Factor {
    /// The lower triangle, row after row.
    entries: Vec<f64>,
    size: usize,
    trace: f64,
    rule: Pivot,
    /// Pivots that were raised or dropped.
    pub small: usize,
}

impl Factor {
    pub fn new(rule: Pivot) -> Self {
        Factor {
            entries: Vec::new(),
            size: 0,
            trace: 0.0,
            rule,
            small: 0,
        }
    }

    pub fn size(&self) -> usize {
        self.size
    }

    /// Row `i` up to its diagonal entry.
    pub fn row(&self, i: usize) -> &[f64] {
        let start = i * (i + 1) / 2;
        &self.entries[start..start + i + 1]
    }

    /// The row of `L` that belongs to a further row of `K`, without taking it up; whether its pivot is small.
    fn reduced(&self, covariances: impl Fn(usize) -> f64) -> (Vec<f64>, bool) {
        let size = self.size;
        let mut new = vec![0.0; size + 1];
        for j in 0..size {
            let row = self.row(j);
            if row[j] > 0.0 {
                new[j] = (covariances(j) - dot(&row[..j], &new[..j])) / row[j];
            }
        }
        let own = covariances(size);
        let pivot = own - dot(&new[..size], &new[..size]);
        let mean = (self.trace + own) / (size + 1) as f64;
        let (Pivot::Raised(part) | Pivot::Dropped(part)) = self.rule;
        let small = pivot <= part * mean;
        new[size] = match self.rule {
            _ if !small => pivot.sqrt(),
            Pivot::Raised(_) => (part * mean).sqrt(),
            Pivot::Dropped(_) => 0.0,
        };
        (new, small)
    }

    /// Adds a row of `K`, given by its columns up to the diagonal.
    pub fn push(&mut self, covariances: impl Fn(usize) -> f64) {
        let (row, small) = self.reduced(&covariances);
        self.trace += covariances(self.size);
        self.small += usize::from(small);
        self.entries.extend(row);
        self.size += 1;
    }

    /// The last `count` rows, each filled with zeros to the full length: what multiplies white noise.
    pub fn last_rows(&self, count: usize) -> Vec<f64> {
        let mut rows = vec![0.0; count * self.size];
        for (k, filled) in rows.chunks_exact_mut(self.size).enumerate() {
            let row = self.row(self.size - count + k);
            filled[..row.len()].copy_from_slice(row);
        }
        rows
    }

    /// `m <- m K^{-1}` over the leading rows, as many as `m` has entries, within the directions that were not dropped.
    pub fn divide(&self, m: &mut [f64]) {
        self.half_divide(m);
        self.finish(m);
    }

    /// `m <- m L^{-T}`
    fn half_divide(&self, m: &mut [f64]) {
        for k in 0..m.len() {
            let row = self.row(k);
            m[k] = if row[k] > 0.0 {
                (m[k] - dot(&row[..k], &m[..k])) / row[k]
            } else {
                0.0
            };
        }
    }

    /// `m <- m L^{-1}`
    fn finish(&self, m: &mut [f64]) {
        for k in (0..m.len()).rev() {
            let row = self.row(k);
            if row[k] > 0.0 {
                let value = m[k] / row[k];
                m[..k]
                    .iter_mut()
                    .zip(row)
                    .for_each(|(m, l)| *m -= value * l);
                m[k] = value;
            }
        }
    }

    /// As [`Factor::divide`], with one further variable for this division alone: its row of `K` and its entry of `m`.
    /// The answer is the entry of that variable.
    pub fn divide_with(
        &self,
        m: &mut [f64],
        covariances: impl Fn(usize) -> f64,
        entry: f64,
    ) -> f64 {
        debug_assert_eq!(m.len(), self.size);
        let (row, small) = self.reduced(covariances);
        self.half_divide(m);
        let last = row[self.size];
        let mut value = 0.0;
        if !small {
            value = (entry - dot(&row[..m.len()], m)) / (last * last);
            m.iter_mut().zip(&row).for_each(|(m, l)| *m -= value * l);
        }
        self.finish(m);
        value
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    vectorised(
        #[inline(always)]
        || total(a, b, |a, b| a * b),
    )
}
