//! One hidden layer of a deep linear network, as triangles over pairs of times, and the rows that one step adds to
//! them.

use crate::numerics::simd::{total, vectorised};

/// A lower triangle over pairs of times, with its diagonal, row after row without gaps: read from its first entry to
/// its last.
#[derive(Debug, Clone)]
pub(super) struct Triangle(Vec<f64>);

impl Triangle {
    pub fn new(size: usize) -> Self {
        Triangle(vec![0.0; size * (size + 1) / 2])
    }

    /// The entries `(t, 0 ..= t)`.
    #[inline(always)]
    pub fn row(&self, t: usize) -> &[f64] {
        let start = t * (t + 1) / 2;
        &self.0[start..start + t + 1]
    }

    pub fn set_row(&mut self, t: usize, row: &[f64]) {
        let start = t * (t + 1) / 2;
        self.0[start..start + row.len()].copy_from_slice(row);
    }
}

/// Responses and overlaps of one layer: `h^l`, driven, and `g^l` (the formulas stand at [`super::solve`]).
///
/// A step reads each of the eight triangles once, from end to end: it is the traffic to memory that costs time.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    /// `d(t,s)`, 0 on the diagonal.
    backward_rates: Triangle,
    /// `c(t,s)`, 0 on the diagonal.
    forward_rates: Triangle,
    /// `<r(t) r(s)>`
    backward_prior: Triangle,
    /// `<u_v(t) u_v(s)>`
    forward_prior: Triangle,
    /// `z(t,s)`, with `d g(t)/d u_a(s) = gamma_0 z(t,s) Delta_a(s)`: 0 on the diagonal.
    pub echo: Triangle,
    /// `a(t,s) = d v(t)/d r(s) / gamma_0`: 0 on the diagonal.
    pub response: Triangle,
    /// `G(t,s) = <g(t) g(s)>`
    pub gradient: Triangle,
    /// `eta(t,s) = <v(t) v(s)>`
    pub driven_kernel: Triangle,
    /// Rows `t` of what is not read again; all of them up to the time `t`.
    pub latest: Latest,
}

/// Rows of the last step.
#[derive(Debug, Clone)]
pub(super) struct Latest {
    /// `W(t,s) = d g(t)/d r(s)`, 1 on the diagonal.
    pub gain: Vec<f64>,
    /// `x(t,s) = d v(t)/d u_v(s)`, 1 on the diagonal.
    pub driven_gain: Vec<f64>,
    /// `Y(s,t) = <v(s) g(t)>/gamma_0` for `s < t`.
    pub overlap_column: Vec<f64>,
    /// `Y(t,s)`
    pub overlap_row: Vec<f64>,
    row: Vec<f64>,
    kernel: Vec<f64>,
}

impl Layer {
    pub fn new(size: usize) -> Self {
        let zeros = || Triangle::new(size);
        let row = || vec![0.0; size];
        let latest = Latest {
            gain: row(),
            driven_gain: row(),
            overlap_column: row(),
            overlap_row: row(),
            row: row(),
            kernel: row(),
        };
        Layer {
            backward_rates: zeros(),
            forward_rates: zeros(),
            backward_prior: zeros(),
            forward_prior: zeros(),
            echo: zeros(),
            response: zeros(),
            gradient: zeros(),
            driven_kernel: zeros(),
            latest,
        }
    }

    /// Row `t` of what belongs to `g(t) = r(t) + gamma_0 sum_{s<t} d(t,s) v(s)`.
    ///
    /// `prior` is `<r(t) r(s)>` for `s <= t`, `rates` is `d(t,s)` for `s < t`, `squared` is `gamma_0^2`.
    ///
    /// ```text
    /// W(t,.) = e_t + gamma_0^2 d(t,.) a     Y(.,t) = a <r r(t)> + eta d(t,.)     z(t,.) = W(t,.) d
    /// G(t,s) = W(t,.) <r r(s)> + gamma_0^2 d(s,.) Y(.,t)
    /// ```
    pub fn backward(&mut self, t: usize, prior: &[f64], rates: &[f64], squared: f64) {
        self.backward_rates.set_row(t, rates);
        self.backward_prior.set_row(t, prior);
        let latest = &mut self.latest;
        let gain = cleared(&mut latest.gain, t + 1);
        let overlap = cleared(&mut latest.overlap_column, t + 1);
        let (row, kernel) = (
            cleared(&mut latest.row, t + 1),
            cleared(&mut latest.kernel, t + 1),
        );
        left_and_right(&self.response, rates, prior, gain, &mut overlap[..t]);
        gain.iter_mut().for_each(|value| *value *= squared);
        gain[t] = 1.0;
        symmetric(&self.driven_kernel, rates, &mut overlap[..t]);
        left_and_right(&self.backward_rates, gain, overlap, row, kernel);
        kernel.iter_mut().for_each(|value| *value *= squared);
        symmetric(&self.backward_prior, gain, kernel);
        self.echo.set_row(t, &row[..t]);
        self.gradient.set_row(t, kernel);
    }

    /// Row `t` of what belongs to `v(t) = u_v(t) + gamma_0 sum_{s<t} c(t,s) g(s)`.
    ///
    /// `prior` is `<u_v(t) u_v(s)>` for `s <= t`, `rates` is `c(t,s)` for `s < t`, `squared` is `gamma_0^2`.
    ///
    /// ```text
    /// x(t,.) = e_t + gamma_0^2 c(t,.) z     Y(t,.) = z <u_v u_v(t)> + c(t,.) G     a(t,.) = x(t,.) c
    /// eta(t,s) = x(t,.) <u_v u_v(s)> + gamma_0^2 c(s,.) Y(t,.)
    /// ```
    pub fn forward(&mut self, t: usize, prior: &[f64], rates: &[f64], squared: f64) {
        self.forward_rates.set_row(t, rates);
        self.forward_prior.set_row(t, prior);
        let latest = &mut self.latest;
        let gain = cleared(&mut latest.driven_gain, t + 1);
        let overlap = cleared(&mut latest.overlap_row, t + 1);
        let (row, kernel) = (
            cleared(&mut latest.row, t + 1),
            cleared(&mut latest.kernel, t + 1),
        );
        // Row t of z and G stands already, c(t,t) = 0.
        row[..t].copy_from_slice(rates);
        left_and_right(&self.echo, row, prior, gain, overlap);
        gain.iter_mut().for_each(|value| *value *= squared);
        gain[t] = 1.0;
        symmetric(&self.gradient, row, overlap);
        row.fill(0.0);
        left_and_right(&self.forward_rates, gain, overlap, row, kernel);
        kernel.iter_mut().for_each(|value| *value *= squared);
        symmetric(&self.forward_prior, gain, kernel);
        self.response.set_row(t, &row[..t]);
        self.driven_kernel.set_row(t, kernel);
    }
}

fn cleared(row: &mut [f64], length: usize) -> &mut [f64] {
    row[..length].fill(0.0);
    &mut row[..length]
}

/// `sum <- sum + weights M` and `sums <- sums + M vector`, over as many rows of `M` as there are weights.
fn left_and_right(
    m: &Triangle,
    weights: &[f64],
    vector: &[f64],
    sum: &mut [f64],
    sums: &mut [f64],
) {
    vectorised(
        #[inline(always)]
        || {
            for (s, (&weight, out)) in weights.iter().zip(sums).enumerate() {
                let row = m.row(s);
                *out += dot(row, vector);
                add(sum, weight, row);
            }
        },
    );
}

/// `sums <- sums + M vector` for the symmetric matrix with this lower triangle.
fn symmetric(m: &Triangle, vector: &[f64], sums: &mut [f64]) {
    vectorised(
        #[inline(always)]
        || {
            for (s, &weight) in vector.iter().enumerate() {
                let row = m.row(s);
                let whole = dot(row, vector);
                add(&mut sums[..s], weight, row);
                sums[s] += whole;
            }
        },
    );
}

/// `a . b` over the shorter slice.
#[inline(always)]
fn dot(a: &[f64], b: &[f64]) -> f64 {
    total(a, b, |a, b| a * b)
}

/// `sum <- sum + factor row`, over the shorter slice.
#[inline(always)]
fn add(sum: &mut [f64], factor: f64, row: &[f64]) {
    for (sum, value) in sum.iter_mut().zip(row) {
        *sum += factor * value;
    }
}
