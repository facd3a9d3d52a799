//! Positions of points: a branching random walk along the tree of each cluster, streamed in chunks.

use super::{Cluster, Growth, Hierarchy, numbered, split};
use crate::error::{Error, Result};
use crate::numerics::random::Stream;
use crate::numerics::{normal, simd};
use nalgebra::DMatrix;
use rand::RngExt;

/// Where the steps of the walk come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Walk {
    /// Every latent has a unit direction `g`, uniform at the root of a cluster; its two children have `(g + h)/sqrt(2)` and
    /// `(g - h)/sqrt(2)` with `h` a uniform unit vector orthogonal to `g`. A point steps along the direction of its own leaf: near points
    /// of the history step alike.
    #[default]
    Branching,
    /// Independent Gaussian steps of mean square length 1: the plain random walk on a tree, without a trace of the latents.
    Independent,
}

/// A cluster in `d` dimensions: `X_p = X_parent + step g_p` along the edges of the tree from a root point, which a walk down the history
/// with fair coins chooses and which stands at `origin + step g`; all times `sqrt(d)`, so that coordinates are of order one.
///
/// Points are produced in an order in which little is in memory: the walk goes depth first down the history, always first into the block
/// that holds the point through which the block was entered. The points below a latent are connected in the tree, so that the other block
/// hangs on a point that stands by then. Only the pending blocks of one path have a direction and a position: `8 d` bytes per
/// level of the history, `O(d sqrt(s))`, and 4 bytes per point of the cluster at hand.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::hierarchy::{Embedding, Growth, Hierarchy, Walk};
/// let mut rng = stream(1, "example", &[]);
/// let hierarchy = Hierarchy::grow(100, Growth::OneCluster, &mut rng)?;
/// let embedding = Embedding::new(&hierarchy, Growth::OneCluster, 50, Walk::Branching)?;
/// let x = embedding.positions(&hierarchy, &mut rng);
/// let [u, v] = hierarchy.cluster(0).latents[0].edge.map(|p| x.column(hierarchy.cluster(0).points[p as usize] as usize));
/// let step = (u - v).norm() / 50f32.sqrt();
/// assert!((step - 100f32.powf(-0.25)).abs() < 1e-5);
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Embedding {
    /// Dimension `d`; below about 100, nearest neighbours in space are often no neighbours in the tree.
    pub dimension: usize,
    /// Where steps come from.
    pub walk: Walk,
    /// Length of a step before the factor `sqrt(d)`.
    pub step: f64,
    /// Origins of clusters are uniform in the unit ball, else 0.
    pub scattered: bool,
}

impl Embedding {
    /// The usual scales: for one cluster of `n` points, of dimension 4, `step = n^(-1/4)` and origin 0; for many clusters on
    /// a lattice of dimension 6, `step = n^(-1/6)` and origins in the unit ball. Error: `dimension < 2`.
    pub fn new(
        hierarchy: &Hierarchy,
        growth: Growth,
        dimension: usize,
        walk: Walk,
    ) -> Result<Self> {
        if dimension < 2 {
            return Err(Error::input(
                "embedding_dim",
                format!("{dimension} leaves no orthogonal direction"),
                "use 2 or more (100 or more, for neighbours that are neighbours in the tree)",
            ));
        }
        let scattered = growth != Growth::OneCluster;
        let lattice = if scattered { 6.0 } else { 4.0 };
        Ok(Embedding {
            dimension,
            walk,
            step: (hierarchy.len() as f64).powf(-1.0 / lattice),
            scattered,
        })
    }

    /// Produces every point once, cluster by cluster and then depth first, at most `chunk >= 1` at a time: the numbers of the points
    /// and their positions, one point after another. The same stream gives the same positions whatever the chunk.
    pub fn for_each_chunk(
        &self,
        hierarchy: &Hierarchy,
        chunk: usize,
        rng: &mut Stream,
        mut take: impl FnMut(&[u32], &[f32]) -> Result<()>,
    ) -> Result<()> {
        let [base] = split(rng);
        let chunk = chunk.max(1);
        let mut points = Vec::with_capacity(chunk);
        let mut positions = Vec::with_capacity(chunk * self.dimension);
        let mut walker = Walker::new(*self);
        for cluster in hierarchy.clusters() {
            let mut rng = numbered(&base, cluster.number.into());
            walker.walk(&cluster, &mut rng, |point, x| {
                points.push(point);
                positions.extend_from_slice(x);
                if points.len() == chunk {
                    take(&points, &positions)?;
                    points.clear();
                    positions.clear();
                }
                Ok(())
            })?;
        }
        match points.is_empty() {
            true => Ok(()),
            false => take(&points, &positions),
        }
    }

    /// All positions, `dimension x points`.
    pub fn positions(&self, hierarchy: &Hierarchy, rng: &mut Stream) -> DMatrix<f32> {
        let mut all = DMatrix::zeros(self.dimension, hierarchy.len());
        let filled = self.for_each_chunk(hierarchy, 1, rng, |points, x| {
            all.column_mut(points[0] as usize).copy_from_slice(x);
            Ok(())
        });
        debug_assert!(filled.is_ok());
        all
    }
}

/// A block of the history that waits for its turn.
struct Pending {
    node: u32,
    /// Position in the cluster through which the tree enters the block.
    entry: u32,
    /// The next pending block that hangs on the same point.
    next: u32,
}

const NONE: u32 = u32::MAX;

/// The walk, with its workspace.
struct Walker {
    embedding: Embedding,
    stack: Vec<Pending>,
    /// Of every level of the stack: direction, then position of the point on which the block hangs.
    levels: Vec<f32>,
    /// Of every position in the cluster: the first pending block that hangs on it.
    waiting: Vec<u32>,
    noise: Vec<f64>,
}

impl Walker {
    fn new(embedding: Embedding) -> Self {
        Walker {
            embedding,
            stack: Vec::new(),
            levels: Vec::new(),
            waiting: Vec::new(),
            noise: Vec::new(),
        }
    }

    fn walk(
        &mut self,
        cluster: &Cluster,
        rng: &mut Stream,
        mut emit: impl FnMut(u32, &[f32]) -> Result<()>,
    ) -> Result<()> {
        let d = self.embedding.dimension;
        self.waiting.clear();
        self.waiting.resize(cluster.size(), NONE);
        self.begin(cluster, rng);
        while let Some(block) = self.stack.pop() {
            let level = 2 * d * self.stack.len();
            match cluster.latent(block.node) {
                Some(latent) => {
                    self.branch(level, rng);
                    let s = cluster.size() as u32;
                    let offset = (block.entry + s - latent.start) % s;
                    let near = usize::from(offset >= cluster.size_of(latent.children[0]));
                    self.order(level, near);
                    let bridge = latent.edge[near] as usize;
                    let far = Pending {
                        node: latent.children[1 - near],
                        entry: latent.edge[1 - near],
                        next: self.waiting[bridge],
                    };
                    self.waiting[bridge] = self.stack.len() as u32;
                    self.stack.push(far);
                    self.stack.push(Pending {
                        node: latent.children[near],
                        ..block
                    });
                }
                None => {
                    self.step(level, rng);
                    let x = level + d..level + 2 * d;
                    emit(cluster.points[block.node as usize], &self.levels[x.clone()])?;
                    let mut hanging = self.waiting[block.node as usize];
                    while hanging != NONE {
                        let slot = 2 * d * hanging as usize + d;
                        self.levels.copy_within(x.clone(), slot);
                        hanging = self.stack[hanging as usize].next;
                    }
                }
            }
        }
        Ok(())
    }

    /// The whole cluster as the one pending block: its origin, its direction, and its root point by fair coins.
    fn begin(&mut self, cluster: &Cluster, rng: &mut Stream) {
        let d = self.embedding.dimension;
        let mut entry = cluster.root();
        while let Some(latent) = cluster.latent(entry) {
            entry = latent.children[usize::from(rng.random::<bool>())];
        }
        self.levels.resize(self.levels.len().max(2 * d), 0.0);
        self.levels[d..2 * d].fill(0.0);
        if self.embedding.scattered {
            let norm = self.normals(d + 2, rng);
            for (x, noise) in self.levels[d..2 * d].iter_mut().zip(&self.noise) {
                *x = (noise / norm * (d as f64).sqrt()) as f32;
            }
        }
        if self.embedding.walk == Walk::Branching {
            let norm = self.normals(d, rng);
            for (g, noise) in self.levels[..d].iter_mut().zip(&self.noise) {
                *g = (noise / norm) as f32;
            }
        }
        self.stack.push(Pending {
            node: cluster.root(),
            entry,
            next: NONE,
        });
    }

    /// Directions of the two children of the block at `level`: the first stays there, the second goes to the level
    /// above, with the position on which the block hangs. The direction of the block is brought back to length 1 first,
    /// so that the rounding of one level is not handed down to the next, which would let it grow with the depth.
    fn branch(&mut self, level: usize, rng: &mut Stream) {
        let d = self.embedding.dimension;
        let above = level + 2 * d;
        self.levels
            .resize(self.levels.len().max(above + 2 * d), 0.0);
        self.levels.copy_within(level + d..above, above + d);
        if self.embedding.walk == Walk::Independent {
            return;
        }
        let (below, above) = self.levels.split_at_mut(above);
        let (g, h) = (&mut below[level..level + d], &mut above[..d]);
        let length = simd::total(g, g, |g, _| g * g).sqrt();
        g.iter_mut().for_each(|g| *g /= length);
        loop {
            self.noise.resize(d, 0.0);
            normal::fill(rng, &mut self.noise);
            for (h, noise) in h.iter_mut().zip(&self.noise) {
                *h = *noise as f32;
            }
            if let Some(length) = orthogonal(g, h) {
                for (g, h) in g.iter_mut().zip(h) {
                    let other = *h / length;
                    (*g, *h) = (
                        (*g + other) * std::f32::consts::FRAC_1_SQRT_2,
                        (*g - other) * std::f32::consts::FRAC_1_SQRT_2,
                    );
                }
                return;
            }
        }
    }

    /// Puts the direction of child `near` above that of the other.
    fn order(&mut self, level: usize, near: usize) {
        let d = self.embedding.dimension;
        if near == 0 && self.embedding.walk == Walk::Branching {
            let (below, above) = self.levels.split_at_mut(level + 2 * d);
            below[level..level + d].swap_with_slice(&mut above[..d]);
        }
    }

    /// Moves the position at `level` by one step.
    fn step(&mut self, level: usize, rng: &mut Stream) {
        let d = self.embedding.dimension;
        let (g, x) = self.levels[level..level + 2 * d].split_at_mut(d);
        let mut length = self.embedding.step;
        match self.embedding.walk {
            Walk::Branching => length *= (d as f64).sqrt(),
            Walk::Independent => {
                self.noise.resize(d, 0.0);
                normal::fill(rng, &mut self.noise);
                for (g, noise) in g.iter_mut().zip(&self.noise) {
                    *g = *noise as f32;
                }
            }
        }
        for (x, g) in x.iter_mut().zip(g) {
            *x += length as f32 * *g;
        }
    }

    /// Fills the workspace with `count` normals and returns their length.
    fn normals(&mut self, count: usize, rng: &mut Stream) -> f64 {
        self.noise.resize(count, 0.0);
        normal::fill(rng, &mut self.noise);
        self.noise.iter().map(|x| x * x).sum::<f64>().sqrt()
    }
}

/// Takes the part along the unit vector `g` out of `h` and returns the length of the rest; `None` where nothing but
/// rounding is left.
///
/// The part is taken out again for as long as the rest is short against what it is the rest of: then rounding has left
/// a part along `g` of the size `1e-7 |h|` before that is no longer small against the rest. In two dimensions a
/// Gaussian `h` is often almost along `g`.
pub(super) fn orthogonal(g: &[f32], h: &mut [f32]) -> Option<f32> {
    let mut before = simd::total(h, h, |h, _| h * h);
    for _ in 0..4 {
        let along = simd::total(g, h, |g, h| g * h);
        h.iter_mut().zip(g).for_each(|(h, g)| *h -= along * g);
        let square = simd::total(h, h, |h, _| h * h);
        if square > 0.25 * before {
            return Some(square.sqrt());
        }
        before = square;
    }
    None
}
