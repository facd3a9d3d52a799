//! What all kinds of relations have in common: pairs of values, the jackknife over the draws, and chance.

use super::{Null, Prepared, Relation};
use crate::compare::draws::Blocks;
use crate::error::{Error, Result};
use crate::numerics::random::stream;
use crate::numerics::statistics::jackknife;
use nalgebra::DMatrix;
use rand::RngExt;

/// Random rearrangements behind a p-value, which is therefore never below 1/2000.
pub const SHUFFLES: usize = 1999;

/// Values of one quantity at the points that are paired.
#[derive(Debug, Clone, PartialEq)]
pub struct Values {
    /// One row per block of draws, or a single one.
    pub blocks: Blocks,
    /// Independent repeats of a Monte Carlo theory.
    pub repeats: Option<DMatrix<f64>>,
}

impl Values {
    /// Values without repeats.
    pub fn exact(blocks: Blocks) -> Values {
        Values {
            blocks,
            repeats: None,
        }
    }
}

/// A relation with its error and what chance gives.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct Related {
    /// The relation of the means over the draws.
    pub value: f64,
    /// By the jackknife over the draws of the outermost level, and over the repeats of a Monte Carlo theory; `None`
    /// where nothing is drawn.
    pub stderr: Option<f64>,
    /// Number of blocks behind `stderr`; 1 without draws.
    pub n: usize,
    /// `datasets`, `replicas` or `repeats`: whose scatter `stderr` is.
    pub level: &'static str,
    /// What chance gives: mean of the null.
    pub chance: f64,
    /// Where 95 % of the null lie.
    pub chance_interval: [f64; 2],
    /// Share of the null that is at least as far from chance, the value itself counted; at least 1/2000.
    pub p: f64,
    /// Pairs behind the value.
    pub pairs: usize,
    /// Points left out because one of the two does not define them in every draw.
    pub excluded: usize,
    /// Conditions on the statement, in words.
    pub notes: Vec<String>,
}

/// The quantities of several cells behind one another; blocks of draws belong together across cells.
///
/// With different numbers of blocks the common prefix is used; the second value says how many were left out.
pub fn joined(cells: &[Values]) -> (Option<Values>, usize) {
    let rows = cells.iter().map(|v| v.blocks.n()).filter(|n| *n > 1);
    let (least, most) = (rows.clone().min().unwrap_or(1), rows.max().unwrap_or(1));
    let column = |m: &DMatrix<f64>, r: usize, k: usize| m[(if m.nrows() == 1 { 0 } else { r }, k)];
    let join = |parts: Vec<&DMatrix<f64>>, n: usize| {
        let columns = parts
            .iter()
            .flat_map(|m| (0..m.ncols()).map(move |k| (*m, k)));
        let columns: Vec<(&DMatrix<f64>, usize)> = columns.collect();
        DMatrix::from_fn(n, columns.len(), |r, i| {
            column(columns[i].0, r, columns[i].1)
        })
    };
    let Some(first) = cells.iter().max_by_key(|v| v.blocks.n()) else {
        return (None, 0);
    };
    let values = join(cells.iter().map(|v| &v.blocks.values).collect(), least);
    let repeats: Option<Vec<&DMatrix<f64>>> = cells.iter().map(|v| v.repeats.as_ref()).collect();
    let repeats = repeats.filter(|all| all.iter().all(|m| m.nrows() == all[0].nrows()));
    let joined = Values {
        blocks: Blocks {
            values,
            ..first.blocks.clone()
        },
        repeats: repeats.map(|all| {
            let n = all[0].nrows();
            join(all, n)
        }),
    };
    (Some(joined), most - least)
}

/// A relation of two quantities, point by point.
///
/// `value` is that of the means over the draws, and `stderr` its jackknife over the blocks of both quantities jointly:
/// a draw is left out of both at once. The null rearranges the pairs of means [`SHUFFLES`] times with the stream
/// `(seed, "relation")`; `p = (1 + #{null at least as extreme}) / (1 + SHUFFLES)` is exact where the pairs may be
/// exchanged. Neighbouring points of a smooth curve may not: there the p-value is too small.
///
/// # Errors
/// `Input` for fewer than three pairs, different numbers of points, or values for which the relation does not exist;
/// `Bug` for blocks that are not those of the same draws.
pub fn relate(relation: &dyn Relation, x: &Values, y: &Values, seed: u64) -> Result<Related> {
    let points = x.blocks.points();
    if points != y.blocks.points() {
        let count = y.blocks.points();
        return Err(Error::input(
            "relate",
            format!("x has {points} points and y has {count}"),
            "relate quantities on the same grid",
        ));
    }
    let (nx, ny) = (x.blocks.n(), y.blocks.n());
    if nx.min(ny) > 1 && (nx != ny || x.blocks.level != y.blocks.level) {
        return Err(Error::bug("relate", "the quantities have different draws"));
    }
    let kept: Vec<usize> = (0..points)
        .filter(|&k| x.blocks.defined(k) && y.blocks.defined(k))
        .collect();
    if kept.len() < 3 {
        return Err(Error::input(
            "relate",
            format!("{} pairs of values", kept.len()),
            "relate quantities with at least three points, or write over = \"cells\"",
        ));
    }
    let [a, b] = [x, y].map(|v| v.blocks.values.select_columns(&kept));
    let of = |x: &[f64], y: &[f64]| relation.prepare(x, y).map(|p| relation.value(&p));
    let mean = |m: &DMatrix<f64>| -> Vec<f64> { m.row_mean().iter().copied().collect() };
    let (mx, my) = (mean(&a), mean(&b));
    let exists = |cause: String| Error::input("relate", cause, "relate other quantities");
    let prepared = relation.prepare(&mx, &my).map_err(exists)?;
    let value = relation.value(&prepared);
    let by_rows = |a: &DMatrix<f64>, b: &DMatrix<f64>| {
        let n = a.nrows().max(b.nrows());
        let joint = DMatrix::from_fn(n, 2 * kept.len(), |r, i| {
            let (m, k) = match i < kept.len() {
                true => (a, i),
                false => (b, i - kept.len()),
            };
            m[(if m.nrows() == 1 { 0 } else { r }, k)]
        });
        let found = jackknife(&joint, |means| {
            let (x, y) = means.split_at(kept.len());
            vec![of(x, y).unwrap_or(f64::NAN)]
        });
        found.stderr.map(|s| s[0])
    };
    let (mut n, mut level) = (nx.max(ny), x.blocks.level.name());
    if nx == 1 {
        level = y.blocks.level.name();
    }
    let mut errors: Vec<f64> = by_rows(&a, &b).into_iter().collect();
    // Where rows are draws, the noise of a Monte Carlo theory is in their scatter.
    let noisy = |v: &Values| match v.blocks.n() {
        1 => v.repeats.as_ref().map(|r| r.select_columns(&kept)),
        _ => None,
    };
    let fixed = |v: &[f64]| DMatrix::from_row_slice(1, v.len(), v);
    let of_repeats: Vec<(DMatrix<f64>, DMatrix<f64>)> = match (noisy(x), noisy(y)) {
        (Some(x), Some(y)) if x.nrows() == y.nrows() => vec![(x, y)],
        (x, y) => {
            let x = x.map(|x| (x, fixed(&my)));
            x.into_iter().chain(y.map(|y| (fixed(&mx), y))).collect()
        }
    };
    for (x, y) in &of_repeats {
        errors.extend(by_rows(x, y));
        if n == 1 {
            (n, level) = (x.nrows().max(y.nrows()), "repeats");
        }
    }
    let mut notes = Vec::new();
    let variance: f64 = errors.iter().map(|e| e * e).sum();
    let stderr = (!errors.is_empty()).then(|| variance.sqrt());
    if stderr.is_some_and(|s| !s.is_finite()) {
        notes
            .push("no standard error: without one of the draws the relation does not exist".into());
    }
    if kept.len() < points {
        notes.push(format!(
            "{} of {points} points left out: not defined in every draw",
            points - kept.len()
        ));
    }
    let mut null = shuffled(relation, &prepared, seed);
    let observed = relation.extremity(value);
    // Rearrangements that give the same value up to rounding count.
    let near = 1e-9 * observed.abs().max(1e-3);
    let beyond = null
        .iter()
        .filter(|v| relation.extremity(**v) >= observed - near);
    let p = (1 + beyond.count()) as f64 / (1 + null.len()) as f64;
    let chance = null.iter().sum::<f64>() / null.len() as f64;
    null.sort_by(f64::total_cmp);
    let quantile = |q: f64| null[(q * (null.len() - 1) as f64).round() as usize];
    Ok(Related {
        value,
        stderr: stderr.filter(|s| s.is_finite()),
        n,
        level,
        chance,
        chance_interval: [quantile(0.025), quantile(0.975)],
        p,
        pairs: kept.len(),
        excluded: points - kept.len(),
        notes,
    })
}

/// The relation of [`SHUFFLES`] random rearrangements.
fn shuffled(relation: &dyn Relation, of: &Prepared, seed: u64) -> Vec<f64> {
    let mut rng = stream(seed, "relation", &[]);
    let mut moved = of.clone();
    let mut one = || {
        match relation.null() {
            Null::Permuted => {
                for k in (1..moved.y.len()).rev() {
                    moved.y.swap(k, rng.random_range(0..=k));
                }
            }
            Null::Swapped => {
                for (x, y) in moved.x.iter_mut().zip(&mut moved.y) {
                    if rng.random() {
                        std::mem::swap(x, y);
                    }
                }
            }
        }
        relation.value(&moved)
    };
    (0..SHUFFLES).map(|_| one()).collect()
}
