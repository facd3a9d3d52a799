//! Gram matrices: tiles of inner products by matrix products, then all layers on the tile while it is in cache.

use super::choice::Kernel;
use super::dual::ACCURACY;
use super::layered::{Layered, bytes_per_sample};
use super::network::Network;
use crate::error::{Error, Result};
use crate::numerics::elementary::exp;
use crate::numerics::linalg::{Factor, Gemm};
use crate::numerics::simd::update;
use nalgebra::DMatrix;
use rayon::prelude::*;

/// Tile shape: the tiles of both kernels (256 KB together) stay in the second-level cache over all layers.
const ROWS: usize = 256;
pub(super) const COLUMNS: usize = 64;

/// Bytes that one matrix may take where nobody states a limit: 4 GiB.
pub const MAX_MEMORY: u64 = 4 << 30;

/// A kernel matrix.
#[derive(Debug, Clone, PartialEq)]
pub struct Gram {
    /// `row samples x column samples`
    pub kernel: DMatrix<f64>,
    /// Bound of the error of an entry: [`ACCURACY`] of the largest value on the diagonal, for every layer of a network.
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

/// `K(x_i, y_j)` as [`cross_gram`], for who evaluates a network at columns `y` and has counted the room for its outputs.
pub(crate) fn columns(kernel: &Kernel, x: &DMatrix<f64>, y: &DMatrix<f64>) -> Result<DMatrix<f64>> {
    let layers = match kernel {
        Kernel::Nngp(n) | Kernel::Ntk(n) => bytes_per_sample(n),
        _ => 0,
    };
    let room = bytes(x.ncols() as u64, y.ncols() as u64, 1, layers);
    build(kernel, x, Some(y), room).map(|gram| gram.kernel)
}

/// A refusal for want of memory by the key that sets the number of samples.
pub(crate) fn with_key(error: Error, key: &str) -> Error {
    match error {
        Error::Resource {
            what,
            needed,
            limit,
            remedy,
        } => Error::Resource {
            what,
            needed,
            limit,
            remedy: format!("{remedy} (keys: {key}, --max-memory)"),
        },
        other => other,
    }
}

/// `K(x_i, x_i)` of every sample.
pub fn diagonal(kernel: &Kernel, x: &DMatrix<f64>) -> Result<Vec<f64>> {
    kernel.check("kernel")?;
    finite(x, "inputs")?;
    let of = |norm: f64| match kernel {
        Kernel::Linear {} => Ok(norm),
        Kernel::Polynomial { degree, offset } => match (norm + offset).powi(*degree as i32) {
            k if k.is_finite() => Ok(k),
            _ => Err(Error::input(
                "kernel.degree",
                format!("the kernel of a sample with |x|^2/d = {norm:e} overflows"),
                "lower the degree, or scale the inputs",
            )),
        },
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
    refuse(p, None, 2, bytes_per_sample(network), max_memory)?;
    let side = Layered::new(network, x)?;
    let (mut k, mut theta) = (DMatrix::zeros(p, p), DMatrix::zeros(p, p));
    let panels = k.as_mut_slice().par_chunks_mut(p.max(1) * COLUMNS);
    let panels = panels.zip(theta.as_mut_slice().par_chunks_mut(p.max(1) * COLUMNS));
    panels.enumerate().for_each(|(index, (k, theta))| {
        let first = index * COLUMNS;
        fill_panel(p, first, first, k, Some(theta), |i, n, j, m, k, theta| {
            inner(x, x, i, n, j, m, k);
            side.recurse(&side, i, j, k, theta);
        });
    });
    for j in 0..p {
        (k[(j, j)], theta[(j, j)]) = side.end(j);
    }
    mirror(&mut k);
    mirror(&mut theta);
    checked(&k)?;
    checked(&theta)?;
    Ok(NetworkGram {
        bound: network.bound(theta.diagonal().amax()),
        nngp: k,
        ntk: theta,
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
    let layers = network.map_or(0, bytes_per_sample);
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
            match &sides {
                Some((row, column)) => {
                    let column = column.as_ref().unwrap_or(row);
                    row.recurse(column, i, j, k, theta);
                    if tangent {
                        k.copy_from_slice(&theta[..k.len()]);
                    }
                }
                None => classical(kernel, x, columns, [&squares.0, &squares.1], i, j, n, k),
            }
        });
    });
    if symmetric {
        for (j, value) in diagonal(kernel, x)?.into_iter().enumerate() {
            k[(j, j)] = value;
        }
        mirror(&mut k);
    }
    let own = [x, columns].map(|of| diagonal(kernel, of));
    let scale = own.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let scale = scale
        .into_iter()
        .fold(0.0, |most: f64, k| most.max(k.abs()));
    checked(&k)?;
    let bound = network.map_or(ACCURACY * scale, |n| n.bound(scale));
    Ok(Gram { kernel: k, bound })
}

/// Refuses a kernel matrix with an entry that is not finite.
fn checked(k: &DMatrix<f64>) -> Result<()> {
    let Some(bad) = k.iter().position(|v| !v.is_finite()) else {
        return Ok(());
    };
    Err(Error::input(
        "kernel",
        format!(
            "the kernel of samples {} and {} is {}",
            bad % k.nrows(),
            bad / k.nrows(),
            k[bad]
        ),
        "scale the inputs, or choose another kernel",
    ))
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
pub(super) fn norms(x: &DMatrix<f64>) -> Vec<f64> {
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
                // The square of the length may underflow where that of the ratio does not.
                let scale = ((0.5 * d).sqrt() / length).min(f64::MAX);
                update(c, rows, rows, |c, _, _| {
                    exp(-(scale * c.sqrt()) * (scale * c.sqrt()))
                });
            }
            Kernel::Laplace { length } => {
                distances(column, c);
                let scale = (d.sqrt() / length).min(f64::MAX);
                update(c, rows, rows, |c, _, _| exp(-scale * c.sqrt()));
            }
            Kernel::Linear {} | Kernel::Nngp(_) | Kernel::Ntk(_) => {}
        }
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

/// Refuses inputs that are not finite, or whose squared norm is not.
fn finite(x: &DMatrix<f64>, place: &str) -> Result<()> {
    if x.nrows() == 0 {
        return Err(Error::input(
            place,
            "the samples have no inputs",
            "give at least one input",
        ));
    }
    let Some(sample) = norms(x).iter().position(|norm| !norm.is_finite()) else {
        return Ok(());
    };
    let column = x.column(sample);
    let largest = (0..x.nrows()).max_by(|&i, &j| column[i].abs().total_cmp(&column[j].abs()));
    let input = largest.unwrap_or(0);
    let (what, remedy) = match column[input].is_finite() {
        true => ("the square of its norm overflows", "scale the inputs"),
        false => ("it is not finite", "remove or repair the sample"),
    };
    Err(Error::input(
        place,
        format!(
            "input {input} of sample {sample} (from 0) is {:e}: {what}",
            column[input]
        ),
        remedy,
    ))
}

#[cfg(test)]
#[path = "gram_tests.rs"]
mod tests;
