//! One hierarchical cluster in the plane of its two leading principal components, coloured by its latents.

use super::{PercolationHierarchy, Picture};
use crate::error::Result;
use crate::numerics::linalg::{eigh, outer_gram};
use crate::numerics::random::Stream;
use crate::percolation::hierarchy::{Cluster, Embedding, Hierarchy, labels};
use nalgebra::DMatrix;

/// Pixels of a side.
const SIDE: usize = 56;

/// Latents that the cluster is cut into, at most.
const PARTS: usize = 8;

/// Each has at least one point in this many.
const LEAST: usize = 64;

/// Two pictures of the largest cluster of a draw: the latents of a cut, and the level of every point.
pub(super) fn pictures(
    task: &PercolationHierarchy,
    graph: &mut Stream,
    space: &mut Stream,
) -> Result<Vec<Picture>> {
    let growth = task.growth();
    let hierarchy = Hierarchy::grow(task.points, growth, graph)?;
    let largest = hierarchy.clusters().max_by_key(Cluster::size);
    let Some(cluster) = largest.filter(|cluster| cluster.size() > 1) else {
        return Ok(Vec::new());
    };
    let walk = task.variant.walk();
    let embedding = Embedding::new(&hierarchy, growth, task.embedding_dim, walk)?;
    let all = embedding.positions(&hierarchy, space);
    let members: Vec<usize> = cluster.points.iter().map(|&p| p as usize).collect();
    let pixels = plane(all.select_columns(&members).cast())?;
    let part = labels::cut(&cluster, PARTS, cluster.size().div_ceil(LEAST));
    let depth = labels::depths(&hierarchy);
    let parts = part.iter().map(|&p| p.map_or(0.0, |p| (PARTS - p) as f64));
    let levels = members.iter().map(|&p| f64::from(depth[p]));
    let picture = |title: &str, label: &str, values: Vec<f64>| Picture {
        title: title.into(),
        label: label.into(),
        values,
        columns: SIDE,
    };
    let (parts, levels): (Vec<f64>, Vec<f64>) = (parts.collect(), levels.collect());
    Ok(vec![
        picture(
            "coarse latents",
            "latent, the largest 8, none 0",
            painted(&pixels, &parts, |values| values[values.len() / 2]),
        ),
        picture(
            "level",
            "latents above a point",
            painted(&pixels, &levels, |values| {
                (values.iter().sum::<f64>() / values.len() as f64).round()
            }),
        ),
    ])
}

/// The pixel of every column of `x`, in the plane of the two leading principal components.
fn plane(mut x: DMatrix<f64>) -> Result<Vec<usize>> {
    let mean = x.column_mean();
    x.column_iter_mut().for_each(|mut x| x -= &mean);
    let (values, vectors) = eigh(&outer_gram(&x))?;
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
    let seen = vectors.select_columns(&order[..2]).transpose() * x;
    let along = |row: usize| -> Vec<usize> {
        let row = seen.row(row);
        let (low, high) = (row.min(), row.max());
        let pixel = |v: &f64| ((v - low) / (high - low) * (SIDE - 1) as f64).round() as usize;
        row.iter().map(pixel).collect()
    };
    let pairs = along(0).into_iter().zip(along(1));
    Ok(pairs.map(|(x, y)| (SIDE - 1 - y) * SIDE + x).collect())
}

/// Every pixel in the colour that `of` makes of the values there, in ascending order.
fn painted(pixels: &[usize], values: &[f64], of: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut found = vec![Vec::new(); SIDE * SIDE];
    for (&pixel, &value) in pixels.iter().zip(values) {
        found[pixel].push(value);
    }
    let colour = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        match values.is_empty() {
            true => f64::NAN,
            false => of(values),
        }
    };
    found.iter_mut().map(colour).collect()
}
