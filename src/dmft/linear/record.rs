//! What the answers need of a layer, as square matrices.

use super::layer::Layer;

/// A square matrix over pairs of times, row by row.
#[derive(Debug, Clone)]
pub(super) struct Square {
    /// Number of times.
    pub size: usize,
    /// Row `t` stands at `t * size`.
    pub entries: Vec<f64>,
}

impl Square {
    fn new(size: usize) -> Self {
        let entries = vec![0.0; size * size];
        Square { size, entries }
    }

    /// The entry `(t,s)`.
    pub fn at(&self, t: usize, s: usize) -> f64 {
        self.entries[t * self.size + s]
    }

    fn set_row(&mut self, t: usize, row: &[f64]) {
        let start = t * self.size;
        self.entries[start..start + row.len()].copy_from_slice(row);
    }

    fn set_column(&mut self, s: usize, column: &[f64]) {
        let rows = self.entries.chunks_exact_mut(self.size);
        for (row, &value) in rows.zip(column) {
            row[s] = value;
        }
    }
}

/// The matrices of a [`Layer`] that the fields of samples are made of.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub gain: Square,
    pub echo: Square,
    pub driven_gain: Square,
    pub overlap: Square,
    pub gradient: Square,
}

impl Record {
    pub fn new(size: usize) -> Self {
        let zeros = || Square::new(size);
        Record {
            gain: zeros(),
            echo: zeros(),
            driven_gain: zeros(),
            overlap: zeros(),
            gradient: zeros(),
        }
    }

    /// Takes over what the step `t` added to the layer; `forward` where it added the row of the drive too.
    pub fn extend(&mut self, t: usize, layer: &Layer, forward: bool) {
        let latest = &layer.latest;
        self.gain.set_row(t, &latest.gain[..=t]);
        self.echo.set_row(t, layer.echo.row(t));
        self.overlap.set_column(t, &latest.overlap_column[..t]);
        self.gradient.set_row(t, layer.gradient.row(t));
        self.gradient.set_column(t, layer.gradient.row(t));
        if forward {
            self.driven_gain.set_row(t, &latest.driven_gain[..=t]);
            self.overlap.set_row(t, &latest.overlap_row[..=t]);
        }
    }
}
