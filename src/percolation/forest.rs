//! Union-find: clusters as trees whose members know their winding relative to the root.

use super::winding::Winding;
use crate::numerics::prefetch::prefetch;
use std::hint::select_unpredictable;

/// Not yet in any cluster.
pub const ABSENT: i32 = i32::MIN;

/// Disjoint sets over `0 .. n`, joined by size, paths halved.
///
/// `link[i] < 0`: a root of `-link[i]` members; `link[i] >= 0`: the parent; `i32::MIN`: not occupied. The winding `h(i)` is stored
/// relative to the parent: the image of `i` that hangs together with the root lies `h` periods away from `i`.
#[derive(Debug, Clone)]
pub struct Forest {
    link: Vec<i32>,
    winding: Vec<Winding>,
}

/// What a bond did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// Two clusters of these sizes became one.
    Merged(u32, u32),
    /// Both ends were in one cluster already, along a path that differs by this winding (0: a contractible loop).
    Closed(Winding),
}

impl Forest {
    /// `n` members, all absent; windings are kept only when asked for.
    pub fn new(n: usize, windings: bool) -> Self {
        Forest {
            link: vec![ABSENT; n],
            winding: vec![0; if windings { n } else { 0 }],
        }
    }

    /// Bytes of a forest of `n`.
    pub fn bytes(n: usize, windings: bool) -> u64 {
        n as u64 * if windings { 12 } else { 4 }
    }

    /// Empties it again: every member absent, or a cluster of its own.
    pub fn reset(&mut self, present: bool) {
        self.link.fill(if present { -1 } else { ABSENT });
        self.winding.fill(0);
    }

    /// Makes `i` a cluster of its own.
    pub fn insert(&mut self, i: usize) {
        self.link[i] = -1;
    }

    /// Whether `i` is in a cluster.
    pub fn is_present(&self, i: usize) -> bool {
        self.link[i] != ABSENT
    }

    /// Root of a present `i`; spoils the windings.
    pub fn root(&mut self, mut i: usize) -> usize {
        while self.link[i] >= 0 {
            let parent = self.link[i] as usize;
            if self.link[parent] < 0 {
                return parent;
            }
            self.link[i] = self.link[parent];
            i = self.link[i] as usize;
        }
        i
    }

    /// Root of a present `i` and the winding of `i` relative to it.
    pub fn rooted(&mut self, mut i: usize) -> (usize, Winding) {
        let mut h = 0;
        while self.link[i] >= 0 {
            let parent = self.link[i] as usize;
            if self.link[parent] < 0 {
                return (parent, h + self.winding[i]);
            }
            self.link[i] = self.link[parent];
            self.winding[i] += self.winding[parent];
            h += self.winding[i];
            i = self.link[i] as usize;
        }
        (i, h)
    }

    /// Members of the cluster with this root.
    pub fn size(&self, root: usize) -> u32 {
        self.link[root].unsigned_abs()
    }

    /// Joins `a` and `b` without regard to windings, which are spoilt.
    pub fn join(&mut self, a: usize, b: usize) -> Joined {
        let (a, b) = (self.root(a), self.root(b));
        match a == b {
            true => Joined::Closed(0),
            false => self.merge(a, b, 0),
        }
    }

    /// As [`Forest::root`], without a branch for up to two links.
    #[inline(always)]
    pub(super) fn find(&mut self, i: usize) -> usize {
        let first = self.link[i];
        let parent = select_unpredictable(first >= 0, first as usize, i);
        let second = self.link[parent];
        let root = select_unpredictable(second >= 0, second as usize, parent);
        if self.link[root] >= 0 {
            return self.root(i);
        }
        self.link[i] = select_unpredictable(first >= 0, root as i32, first);
        root
    }

    /// As [`Forest::join`] with a root `a`, without branches for what is usual: the root of both, and the sizes that were joined (the second is 0 if
    /// `b` was there already).
    #[inline(always)]
    pub(super) fn absorb(&mut self, a: usize, b: usize) -> (usize, [u32; 2]) {
        let b = self.find(b);
        let sizes = [self.size(a), select_unpredictable(a == b, 0, self.size(b))];
        let b_larger = sizes[1] > sizes[0];
        let root = select_unpredictable(b_larger, b, a);
        let child = select_unpredictable(b_larger, a, b);
        self.link[child] = root as i32;
        self.link[root] = -((sizes[0] + sizes[1]) as i32);
        (root, sizes)
    }

    /// Joins `a` and `b` by a bond of winding `step` from `a` to `b`.
    pub fn bond(&mut self, a: usize, b: usize, step: Winding) -> (usize, Joined) {
        let ((ra, ha), (rb, hb)) = (self.rooted(a), self.rooted(b));
        let shift = ha + step - hb;
        match ra == rb {
            true => (ra, Joined::Closed(shift)),
            false => {
                let joined = self.merge(ra, rb, shift);
                (if self.link[ra] < 0 { ra } else { rb }, joined)
            }
        }
    }

    /// Hangs the smaller root under the larger one; `shift` is the winding of `b` relative to `a`.
    fn merge(&mut self, a: usize, b: usize, shift: Winding) -> Joined {
        let (size_a, size_b) = (self.size(a), self.size(b));
        let (root, child, shift) = match size_b > size_a {
            true => (b, a, -shift),
            false => (a, b, shift),
        };
        self.link[root] += self.link[child];
        self.link[child] = root as i32;
        if !self.winding.is_empty() {
            self.winding[child] = shift;
        }
        Joined::Merged(size_a, size_b)
    }

    /// Asks for the memory of `i`.
    #[inline(always)]
    pub(super) fn prefetch(&self, i: usize) {
        prefetch(&self.link, i);
    }

    /// Sizes of all clusters, in the order of their roots.
    pub fn sizes(&self) -> impl Iterator<Item = u32> {
        let roots = self.link.iter().filter(|l| **l < 0 && **l != ABSENT);
        roots.map(|l| l.unsigned_abs())
    }
}
