//! The cyclic additive coalescent: a uniform random tree on `s` points together with the binary history of its growth.

use crate::numerics::random::Stream;
use rand::RngExt;

/// One merging of two blocks, all in numbers of its own cluster of `s` points: positions are `0..s`; *nodes* are positions and, from
/// `s` on, latents in the order of their merging.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Latent {
    /// The two nodes that merged: the block chosen by size, then the block that follows it on the circle.
    pub children: [u32; 2],
    /// The edge of the tree that joins them: a position in the first, a position in the second.
    pub edge: [u32; 2],
    /// First position of the arc of points below the latent.
    pub start: u32,
    /// Number of points below it.
    pub size: u32,
}

/// A block of consecutive positions in a forest of disjoint sets; `start`, `size` and `node` are those of roots.
#[derive(Debug, Clone, Copy)]
struct Block {
    parent: u32,
    start: u32,
    size: u32,
    node: u32,
}

/// The process, with its workspace of 16 bytes per point for reuse.
///
/// `s` points stand on a circle; blocks are arcs, at first single points. `s - 1` times: a uniform position `u` chooses the block A that
/// holds it, B is the block that follows A, `v` is uniform in B; the edge `(u, v)` joins the tree, A and B merge. With points in random
/// cyclic order the tree is uniform among the `s^(s-2)` labelled trees, and the history is the additive coalescent: the last merging splits
/// `s` as `P(k, s - k) ~ C(s, k) k^(k-1) (s - k)^(s-k-1)`. Depth `O(sqrt(s))`; time `O(s alpha(s))`.
///
/// Source: J. Bertoin 2006 (Random Fragmentation and Coagulation Processes, ch. 5); A. Brill, T. Ingebretsen Carlson 2026 (arXiv:2606.20347).
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::hierarchy::coalescent::Coalescent;
/// let mut latents = Vec::new();
/// Coalescent::default().run(5, &mut stream(1, "example", &[]), &mut latents);
/// assert_eq!(latents.len(), 4);
/// assert_eq!(latents[3].size, 5);
/// ```
#[derive(Debug, Default)]
pub struct Coalescent {
    blocks: Vec<Block>,
}

impl Coalescent {
    /// Appends the `s - 1` latents of a cluster of `s <= 2^30` points.
    pub fn run(&mut self, s: u32, rng: &mut Stream, latents: &mut Vec<Latent>) {
        self.blocks.clear();
        self.blocks.extend((0..s).map(|position| Block {
            parent: position,
            start: position,
            size: 1,
            node: position,
        }));
        for merging in 1..s {
            let u = rng.random_range(0..s);
            let first = self.root(u);
            let a = self.blocks[first as usize];
            let second = self.root(on_circle(a.start + a.size, s));
            let b = self.blocks[second as usize];
            let v = on_circle(b.start + rng.random_range(0..b.size), s);
            latents.push(Latent {
                children: [a.node, b.node],
                edge: [u, v],
                start: a.start,
                size: a.size + b.size,
            });
            let (large, small) = match a.size >= b.size {
                true => (first, second),
                false => (second, first),
            };
            self.blocks[small as usize].parent = large;
            self.blocks[large as usize] = Block {
                parent: large,
                start: a.start,
                size: a.size + b.size,
                node: s + merging - 1,
            };
        }
    }

    /// Root of the block of a position; paths are halved on the way.
    fn root(&mut self, mut position: u32) -> u32 {
        loop {
            let parent = self.blocks[position as usize].parent;
            if parent == position {
                return position;
            }
            let above = self.blocks[parent as usize].parent;
            self.blocks[position as usize].parent = above;
            position = above;
        }
    }
}

/// Position below `2 s` on a circle of `s`.
fn on_circle(position: u32, s: u32) -> u32 {
    if position >= s {
        position - s
    } else {
        position
    }
}
