//! Gram matrices: tiles of inner products by matrix products, then all layers on the tile while it is in cache.

use super::choice::Kernel;
use super::dual::with_pair;
use super::hermite::{MAX_TERMS, Series};
use super::network::Network;
use super::pair::{Factors, Pair};
use crate::error::{Error, Result};
use crate::numerics::elementary::exp;
use crate::numerics::linalg::{Factor, Gemm};
use crate::numerics::simd::{PairMap, update, update_pair};
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Tile shape: the tiles of both kernels (256 KB together) stay in the second-level cache over all layers.
const ROWS: usize = 256;
const COLUMNS: usize = 64;

/// A kernel matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    /// `row samples x column samples`
    pub kernel: DMatrix<f64>,
    /// Truncation error of the dual activation, largest over layers (tanh; 0 for closed forms).
    pub bound: f64,
}

/// Both kernels of a network.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkGram {
    /// Prior covariance of the output, `row samples x column samples`.
    pub nngp: DMatrix<f64>,
    /// Neural tangent kernel, `row samples x column samples`.
    pub ntk: DMatrix<f64>,
    /// As in [`Gram`].
    pub bound: f64,
}

/// `K(x_i, x_j)` of all samples (columns of `x`: `inputs x samples`); symmetric to the bit, only one half is computed.
///
/// Cost `O(P^2 (d + depth))`; parallel over fixed panels, so that the bits do not depend on the number of threads. At most
/// `max_memory` bytes are allocated.
///
/// # Errors
/// `Resource`, before anything is allocated, with the largest `P` that fits; inputs that are not finite; kernels that overflow, with
/// the layer.
pub fn gram(kernel: &Kernel, x: &DMatrix<f64>, max_memory: u64) -> Result<Gram> {
    build(kernel, x, None, max_memory)
}

/// `K(x_i, y_j)`: rows are the samples of `x` (training), columns those of `y` (test). Costs and errors as [`gram`].
pub fn cross_gram(
    kernel: &Kernel,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    max_memory: u64,
) -> Result<Gram> {
    build(kernel, x, Some(y), max_memory)
}

/// `K(x_i, x_i)` of every sample.
pub fn diagonal(kernel: &Kernel, x: &DMatrix<f64>) -> Result<Vec<f64>> {
    kernel.check("kernel")?;
    finite(x, "inputs")?;
    let of = |norm: f64| match kernel {
        Kernel::Linear {} => Ok(norm),
        Kernel::Polynomial { degree, offset } => Ok((norm + offset).powi(*degree as i32)),
        Kernel::Gaussian { .. } | Kernel::Laplace { .. } => Ok(1.0),
        Kernel::Nngp(n) => n.diagonal(norm).map(|(k, _)| k[n.depth]),
        Kernel::Ntk(n) => n.diagonal(norm).map(|(_, theta)| theta[n.depth]),
    };
    norms(x).into_iter().map(of).collect()
}

/// NNGP and NTK Gram matrix of a network in one pass; as [`gram`].
pub fn network_gram(network: &Network, x: &DMatrix<f64>, max_memory: u64) -> Result<NetworkGram> {
    network.check("kernel")?;
    finite(x, "inputs")?;
    let p = x.ncols();
    refuse(p, None, 2, layers_of(network), max_memory)?;
    let side = Layered::new(network, x)?;
    let (mut k, mut theta) = (DMatrix::zeros(p, p), DMatrix::zeros(p, p));
    let panels = k.as_mut_slice().par_chunks_mut(p.max(1) * COLUMNS);
    let panels = panels.zip(theta.as_mut_slice().par_chunks_mut(p.max(1) * COLUMNS));
    panels.enumerate().for_each(|(index, (k, theta))| {
        let first = index * COLUMNS;
        fill_panel(p, first, first, k, Some(theta), |i, n, j, m, k, theta| {
            inner(x, x, i, n, j, m, k);
            side.recurse(network, &side, i, j, k, theta);
        });
    });
    for (j, (k_jj, theta_jj)) in side.ends.iter().enumerate() {
        (k[(j, j)], theta[(j, j)]) = (*k_jj, *theta_jj);
    }
    mirror(&mut k);
    mirror(&mut theta);
    Ok(NetworkGram {
        nngp: k,
        ntk: theta,
        bound: side.bound,
    })
}

fn build(
    kernel: &Kernel,
    x: &DMatrix<f64>,
    y: Option<&DMatrix<f64>>,
    max_memory: u64,
) -> Result<Gram> {
    kernel.check("kernel")?;
    finite(x, "inputs")?;
    if let Some(y) = y {
        finite(y, "inputs")?;
        if y.nrows() != x.nrows() {
            return Err(Error::input(
                "inputs",
                format!("{} inputs against {}", x.nrows(), y.nrows()),
                "give both sets the same number of inputs",
            ));
        }
    }
    if let (Kernel::Ntk(network), None) = (kernel, y) {
        let both = network_gram(network, x, max_memory)?;
        return Ok(Gram {
            kernel: both.ntk,
            bound: both.bound,
        });
    }
    let (columns, symmetric) = (y.unwrap_or(x), y.is_none());
    let network = match kernel {
        Kernel::Nngp(n) | Kernel::Ntk(n) => Some(n),
        _ => None,
    };
    let layers = network.map_or(0, layers_of);
    refuse(x.ncols(), y.map(DMatrix::ncols), 1, layers, max_memory)?;
    let sides = match network {
        Some(n) => Some((
            Layered::new(n, x)?,
            y.map(|y| Layered::new(n, y)).transpose()?,
        )),
        None => None,
    };
    let squares = (norms(x), norms(columns));
    let (rows, width) = (x.ncols(), columns.ncols());
    let tangent = matches!(kernel, Kernel::Ntk(_));
    let mut k = DMatrix::zeros(rows, width);
    let panels = k.as_mut_slice().par_chunks_mut(rows.max(1) * COLUMNS);
    panels.enumerate().for_each(|(index, panel)| {
        let first = index * COLUMNS;
        let start = if symmetric { first } else { 0 };
        fill_panel(rows, first, start, panel, None, |i, n, j, m, k, theta| {
            inner(x, columns, i, n, j, m, k);
            match (&sides, network) {
                (Some((row, column)), Some(network)) => {
                    let column = column.as_ref().unwrap_or(row);
                    row.recurse(network, column, i, j, k, theta);
                    if tangent {
                        k.copy_from_slice(&theta[..k.len()]);
                    }
                }
                _ => classical(kernel, x, columns, [&squares.0, &squares.1], i, j, n, k),
            }
        });
    });
    if symmetric {
        for (j, value) in diagonal(kernel, x)?.into_iter().enumerate() {
            k[(j, j)] = value;
        }
        mirror(&mut k);
    }
    if let Some(bad) = k.iter().position(|v| !v.is_finite()) {
        return Err(Error::input(
            "kernel",
            format!(
                "the kernel of samples {} and {} is not finite",
                bad % rows,
                bad / rows
            ),
            "scale the inputs or lower the degree",
        ));
    }
    let bound = sides.as_ref().map_or(0.0, |(x, y)| {
        x.bound.max(y.as_ref().map_or(0.0, |y| y.bound))
    });
    Ok(Gram { kernel: k, bound })
}

/// Runs `tile(first row, rows, first column, columns, K tile, Theta tile)` over the tiles of one panel of columns, from row `start`
/// down, and copies the results into the panel.
fn fill_panel(
    rows: usize,
    first: usize,
    start: usize,
    k: &mut [f64],
    mut theta: Option<&mut [f64]>,
    tile: impl Fn(usize, usize, usize, usize, &mut [f64], &mut [f64]),
) {
    let width = k.len() / rows.max(1);
    let mut tiles = [vec![0.0; ROWS * width], vec![0.0; ROWS * width]];
    for i in (start..rows).step_by(ROWS) {
        let n = ROWS.min(rows - i);
        let [a, b] = &mut tiles;
        let (a, b) = (&mut a[..n * width], &mut b[..n * width]);
        tile(i, n, first, width, a, b);
        for column in 0..width {
            let target = column * rows + i..column * rows + i + n;
            let source = column * n..(column + 1) * n;
            k[target.clone()].copy_from_slice(&a[source.clone()]);
            if let Some(theta) = &mut theta {
                theta[target].copy_from_slice(&b[source]);
            }
        }
    }
}

/// `x_i.y_j / d` for `n` rows from `i` and `m` columns from `j`.
fn inner(
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    i: usize,
    n: usize,
    j: usize,
    m: usize,
    tile: &mut [f64],
) {
    let d = x.nrows();
    let rows = Factor::new(&x.as_slice()[i * d..(i + n) * d], d, n);
    let columns = Factor::new(&y.as_slice()[j * d..(j + m) * d], d, m);
    f64::gemm(1.0 / d as f64, rows.t(), columns, tile);
}

/// `|x|^2/d` of every sample.
fn norms(x: &DMatrix<f64>) -> Vec<f64> {
    let d = x.nrows() as f64;
    x.column_iter().map(|c| c.norm_squared() / d).collect()
}

/// Overwrites a tile of `x.y/d` by a classical kernel.
#[allow(clippy::too_many_arguments)]
fn classical(
    kernel: &Kernel,
    x: &DMatrix<f64>,
    y: &DMatrix<f64>,
    squares: [&[f64]; 2],
    i: usize,
    j: usize,
    n: usize,
    tile: &mut [f64],
) {
    let d = x.nrows() as f64;
    let distances = |column: usize, c: &mut [f64]| {
        let yy = squares[1][j + column];
        let rows = &squares[0][i..i + n];
        update(c, rows, rows, |c, xx, _| xx + yy - 2.0 * c);
        for (row, c) in c.iter_mut().enumerate() {
            // Close pairs, where the difference of squares cancels, are summed directly.
            if *c < 1e-4 * (rows[row] + yy) {
                let pairs = x.column(i + row).into_iter().zip(y.column(j + column));
                *c = pairs.map(|(x, y)| (x - y) * (x - y)).sum::<f64>() / d;
            }
        }
    };
    for (column, c) in tile.chunks_mut(n).enumerate() {
        let rows = &squares[0][i..i + n];
        match *kernel {
            Kernel::Polynomial { degree, offset } => {
                for c in c {
                    *c = (*c + offset).powi(degree as i32);
                }
            }
            Kernel::Gaussian { length } => {
                distances(column, c);
                let scale = -0.5 * d / (length * length);
                update(c, rows, rows, |c, _, _| exp(scale * c));
            }
            Kernel::Laplace { length } => {
                distances(column, c);
                let scale = -d.sqrt() / length;
                update(c, rows, rows, |c, _, _| exp(scale * c.sqrt()));
            }
            Kernel::Linear {} | Kernel::Nngp(_) | Kernel::Ntk(_) => {}
        }
    }
}

/// One layer of one side: the factors of its samples as two arrays, or their series.
#[derive(Default)]
struct Layer {
    factors: [Vec<f64>; 2],
    series: Vec<Series>,
}

/// What a network needs to know of every sample, layer by layer.
struct Layered {
    layers: Vec<Layer>,
    /// `K(x, x)` and `Theta(x, x)` after the last layer.
    ends: Vec<(f64, f64)>,
    bound: f64,
}

impl Layered {
    fn new(network: &Network, x: &DMatrix<f64>) -> Result<Self> {
        let phi = &network.nonlinearity;
        let mut layers: Vec<Layer> = (0..network.depth).map(|_| Layer::default()).collect();
        let mut ends = Vec::with_capacity(x.ncols());
        let mut variances = Vec::with_capacity(x.ncols());
        for norm in norms(x) {
            let (k, theta) = network.diagonal(norm)?;
            ends.push((k[network.depth], theta[network.depth]));
            variances.push(k);
        }
        let mut bound = 0.0f64;
        for (l, layer) in layers.iter_mut().enumerate() {
            let at_layer = variances.iter().map(|k| k[l]);
            with_pair!(phi, pair => {
                for q in at_layer {
                    let factors = pair.factors(q);
                    layer.factors[0].push(factors[0]);
                    layer.factors[1].push(factors[1]);
                }
            }, series => {
                let widest = Series::new(phi, at_layer.fold(0.0, f64::max), MAX_TERMS);
                let terms = widest.enough();
                layer.series = variances
                    .par_iter()
                    .map(|k| Series::new(phi, k[l], terms))
                    .collect();
                for series in &layer.series {
                    bound = bound.max(series.tail()[0]).max(series.tail()[1]);
                }
            });
        }
        Ok(Layered {
            layers,
            ends,
            bound,
        })
    }

    /// From a tile of `x.y/d` to the kernels after the last layer; both are advanced, which costs a few percent when only one is wanted.
    fn recurse(
        &self,
        network: &Network,
        columns: &Layered,
        i: usize,
        j: usize,
        k: &mut [f64],
        theta: &mut [f64],
    ) {
        let (s_w2, s_b2) = network.variances(0);
        for k in k.iter_mut() {
            *k = s_w2 * *k + s_b2;
        }
        theta.copy_from_slice(k);
        let width = columns.ends.len().saturating_sub(j).min(COLUMNS);
        let n = k.len() / width.max(1);
        for (l, (mine, theirs)) in self.layers.iter().zip(&columns.layers).enumerate() {
            let (s_w2, s_b2) = network.variances(l + 1);
            for column in 0..width {
                let range = column * n..(column + 1) * n;
                let k = &mut k[range.clone()];
                let theta = &mut theta[range];
                with_pair!(network.nonlinearity, pair => {
                    let x = &mine.factors[0][i..i + n];
                    let y = &mine.factors[1][i..i + n];
                    let other = [theirs.factors[0][j + column], theirs.factors[1][j + column]];
                    update_pair(k, theta, x, y, &Step { pair, other, s_w2, s_b2 });
                }, series => {
                    let other = &theirs.series[j + column];
                    for (row, k) in k.iter_mut().enumerate() {
                        let (value, slope) = mine.series[i + row].value_and_slope(*k, other);
                        *k = s_w2 * value + s_b2;
                        theta[row] = *k + s_w2 * slope * theta[row];
                    }
                });
            }
        }
    }
}

/// One layer on one column of a tile: `(K, Theta)` of the layer to those of the next one.
struct Step<P> {
    pair: P,
    /// Factors of the sample of the column.
    other: Factors,
    s_w2: f64,
    s_b2: f64,
}

impl<P: Pair> PairMap<f64> for Step<P> {
    #[inline(always)]
    fn next(&self, c: f64, theta: f64, x: f64, y: f64) -> (f64, f64) {
        let (value, slope) = self.pair.value_and_slope(c, [x, y], self.other);
        let next = self.s_w2 * value + self.s_b2;
        (next, next + self.s_w2 * slope * theta)
    }
}

/// Copies the lower triangle to the upper one, in blocks that stay in cache.
fn mirror(k: &mut DMatrix<f64>) {
    const BLOCK: usize = 32;
    let p = k.nrows();
    let k = k.as_mut_slice();
    for first in (0..p).step_by(BLOCK) {
        for top in (0..=first).step_by(BLOCK) {
            for j in first..(first + BLOCK).min(p) {
                for i in top..(top + BLOCK).min(j) {
                    k[j * p + i] = k[i * p + j];
                }
            }
        }
    }
}

/// Bytes per sample and layer that the recursion keeps beside the matrices.
fn layers_of(network: &Network) -> u64 {
    let series = match &network.nonlinearity {
        super::Nonlinearity::Hermite(c) => 16 * c.len() as u64 + 80,
        super::Nonlinearity::Tanh => 16 * MAX_TERMS as u64 + 80,
        _ => 0,
    };
    (24 + series) * (network.depth as u64 + 1)
}

/// Bytes of a Gram matrix: `matrices` of `rows x columns`, `per_sample` bytes beside them, and tiles.
fn bytes(rows: u64, columns: u64, matrices: u64, per_sample: u64) -> u64 {
    let threads = rayon::current_num_threads() as u64;
    let entries = rows.saturating_mul(columns).saturating_mul(8 * matrices);
    entries
        .saturating_add((rows + columns).saturating_mul(per_sample + 64))
        .saturating_add(threads * (16 * ROWS * COLUMNS) as u64)
}

fn refuse(
    rows: usize,
    columns: Option<usize>,
    matrices: u64,
    per_sample: u64,
    limit: u64,
) -> Result<()> {
    let needed = |p: u64| bytes(p, columns.map_or(p, |c| c as u64), matrices, per_sample);
    let asked = rows as u64;
    if needed(asked) <= limit {
        return Ok(());
    }
    let (mut fits, mut too_many) = (0, asked);
    while too_many - fits > 1 {
        let middle = fits + (too_many - fits) / 2;
        if needed(middle) <= limit {
            fits = middle;
        } else {
            too_many = middle;
        }
    }
    Err(Error::Resource {
        what: match columns {
            None => format!("the Gram matrix of P = {rows} samples"),
            Some(c) => format!("the {rows} x {c} kernel matrix"),
        },
        needed: needed(asked),
        limit,
        remedy: match fits {
            0 => "raise the memory limit".into(),
            p => format!("use at most P = {p} samples, or raise the memory limit"),
        },
    })
}

fn finite(x: &DMatrix<f64>, place: &str) -> Result<()> {
    match x.iter().position(|v| !v.is_finite()) {
        _ if x.nrows() == 0 => Err(Error::input(
            place,
            "the samples have no inputs",
            "give at least one input",
        )),
        None => Ok(()),
        Some(k) => Err(Error::input(
            place,
            format!(
                "input {} of sample {} is not finite",
                k % x.nrows(),
                k / x.nrows()
            ),
            "remove or repair the sample",
        )),
    }
}

#[cfg(test)]
#[path = "gram_tests.rs"]
mod tests;
