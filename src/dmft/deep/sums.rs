//! Sums over the paths of a block.

use super::history::LANES;
use crate::numerics::linalg::{Factor, Gemm};

/// Sums over the paths of a block; columns in the order of the samples.
#[derive(Debug, Default, Clone)]
pub(super) struct Sums {
    /// `phi phi` or `g g` with `(s, nu)`, `s <= t`.
    pub kernel: Vec<f64>,
    /// Derivatives, or products with what they are taken by.
    pub response: Vec<f64>,
    /// `phi'' z` and `phi'^2`, one after the other.
    pub equal_time: Vec<f64>,
}

impl Sums {
    pub fn add(&mut self, other: &Sums) {
        let pairs = [
            (&mut self.kernel, &other.kernel),
            (&mut self.response, &other.response),
            (&mut self.equal_time, &other.equal_time),
        ];
        for (sum, part) in pairs {
            if sum.is_empty() {
                sum.clone_from(part);
            } else {
                sum.iter_mut()
                    .zip(part)
                    .for_each(|(sum, part)| *sum += part);
            }
        }
    }

    pub fn scale(&mut self, factor: f64) {
        let all = [&mut self.kernel, &mut self.response, &mut self.equal_time];
        all.into_iter().flatten().for_each(|value| *value *= factor);
    }
}

/// `white rows^T`: the Gaussian field of every sample.
pub(super) fn drawn(white: &[f64], paths: usize, rows: &[f64], all: usize) -> Vec<f64> {
    let mut field = vec![0.0; paths * all];
    if rows.is_empty() {
        return field;
    }
    let count = rows.len() / all;
    let white = Factor::new(&white[..count * paths], paths, count);
    f64::gemm(1.0, white, Factor::new(rows, count, all), &mut field);
    field
}

/// `out += richness fields rates^T`
pub(super) fn add_fields(
    richness: f64,
    fields: &[f64],
    paths: usize,
    rates: &[f64],
    all: usize,
    out: &mut [f64],
) {
    let count = rates.len() / all;
    if count > 0 {
        let fields = Factor::new(&fields[..count * paths], paths, count);
        f64::gemm_add(richness, fields, Factor::new(rates, count, all), out);
    }
}

/// `sum fields field`: for every sample of `field` the products with all columns of `fields`.
pub(super) fn products(fields: &[f64], field: &[f64], paths: usize) -> Vec<f64> {
    let (count, all) = (fields.len() / paths, field.len() / paths);
    let mut sums = vec![0.0; count * all];
    if count > 0 {
        let fields = Factor::new(fields, paths, count).t();
        f64::gemm(1.0, fields, Factor::new(field, paths, all), &mut sums);
    }
    sums
}

/// The numbers of eight paths, sample by sample.
pub(super) fn bundle(field: &[f64], b: usize, paths: usize) -> Vec<f32> {
    let samples = field.chunks_exact(paths);
    samples
        .flat_map(|row| row[b * LANES..(b + 1) * LANES].iter().map(|&v| v as f32))
        .collect()
}

pub(super) fn over_lanes(sums: &[f32]) -> Vec<f64> {
    let lanes = sums.as_chunks::<LANES>().0.iter();
    lanes
        .map(|lanes| lanes.iter().map(|&v| v as f64).sum())
        .collect()
}
