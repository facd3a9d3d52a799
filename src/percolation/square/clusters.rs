//! Union-find without branches for the usual case.

use std::hint::select_unpredictable;

/// A member of the union-find: parent or minus the size, and the winding relative to the parent (0 at a root).
pub(super) trait Node: Copy {
    const TRACKS: bool;
    fn new(link: i32, winding: i32) -> Self;
    fn link(self) -> i32;
    fn winding(self) -> i32;
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Plain(i32);

impl Node for Plain {
    const TRACKS: bool = false;
    #[inline(always)]
    fn new(link: i32, _winding: i32) -> Self {
        Plain(link)
    }
    #[inline(always)]
    fn link(self) -> i32 {
        self.0
    }
    #[inline(always)]
    fn winding(self) -> i32 {
        0
    }
}

/// Link in the low half, winding in the high half: one load, one store.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wound(u64);

impl Node for Wound {
    const TRACKS: bool = true;
    #[inline(always)]
    fn new(link: i32, winding: i32) -> Self {
        Wound(u64::from(link as u32) | u64::from(winding as u32) << 32)
    }
    #[inline(always)]
    fn link(self) -> i32 {
        self.0 as i32
    }
    #[inline(always)]
    fn winding(self) -> i32 {
        (self.0 >> 32) as i32
    }
}

/// All clusters. Every index is a place of the layout: an entry of the order, a neighbour of one, or a link, which is such an index.
pub(super) struct Clusters<'a, N>(pub &'a mut [N]);

/// A root with minus its size, and the winding of the member it was found from.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub root: u32,
    pub link: i32,
    pub winding: i32,
}

impl<N: Node> Clusters<'_, N> {
    #[inline(always)]
    pub(super) fn get(&self, i: u32) -> N {
        debug_assert!((i as usize) < self.0.len());
        // SAFETY: see the type.
        unsafe { *self.0.get_unchecked(i as usize) }
    }

    #[inline(always)]
    pub(super) fn set(&mut self, i: u32, node: N) {
        debug_assert!((i as usize) < self.0.len());
        // SAFETY: see the type.
        unsafe { *self.0.get_unchecked_mut(i as usize) = node };
    }

    /// Up to two links without a branch; the path is compressed.
    #[inline(always)]
    pub(super) fn find(&mut self, i: u32) -> Found {
        let first = self.get(i);
        let is_child = first.link() >= 0;
        let parent = select_unpredictable(is_child, first.link() as u32, i);
        let second = self.get(parent);
        let root = select_unpredictable(second.link() >= 0, second.link() as u32, parent);
        // At a root the winding is 0; the second look at the same root adds 0 too.
        let further = select_unpredictable(is_child, second.winding(), 0);
        let winding = first.winding().wrapping_add(further);
        let link = self.get(root).link();
        if link >= 0 {
            let (root, winding) = self.find_deep(i);
            let link = self.get(root).link();
            return Found {
                root,
                link,
                winding,
            };
        }
        let above = select_unpredictable(is_child, root as i32, first.link());
        self.set(i, N::new(above, winding));
        Found {
            root,
            link,
            winding,
        }
    }

    #[inline(never)]
    fn find_deep(&mut self, start: u32) -> (u32, i32) {
        let (mut root, mut total) = (start, 0i32);
        let mut node = self.get(root);
        while node.link() >= 0 {
            total = total.wrapping_add(node.winding());
            root = node.link() as u32;
            node = self.get(root);
        }
        let (mut i, mut rest) = (start, total);
        while i != root {
            let node = self.get(i);
            self.set(i, N::new(root as i32, rest));
            rest = rest.wrapping_sub(node.winding());
            i = node.link() as u32;
        }
        (root, total)
    }
}
