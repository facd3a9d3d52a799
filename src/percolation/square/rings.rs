//! Which sites are occupied, and which neighbours of a new one are worth looking up.

use super::layout::{Layout, place_of};

/// One bit per place; every row of the strips is a plane of its own.
#[derive(Debug)]
pub(super) struct Bits<const ROWS: usize> {
    words: Vec<u8>,
    /// Bytes of a plane.
    plane: usize,
    /// For every row of a strip, how many bytes the rows below, at and above it lie from the same column of the first plane.
    offsets: [[isize; 3]; ROWS],
}

impl<const ROWS: usize> Bits<ROWS> {
    pub(super) fn new(layout: &Layout) -> Self {
        let stride = layout.stride as isize / 8;
        let plane = layout.strips() as isize * stride;
        let rows = ROWS as isize;
        let offset = |row: isize| row.rem_euclid(rows) * plane + row.div_euclid(rows) * stride;
        Bits {
            words: vec![0; ROWS * plane as usize + 1],
            plane: plane as usize,
            offsets: std::array::from_fn(|k| [-1, 0, 1].map(|step| offset(k as isize + step))),
        }
    }

    pub(super) fn clear(&mut self) {
        self.words.fill(0);
    }

    /// The three by three bits around a site, row by row.
    #[inline(always)]
    pub(super) fn ring(&self, place: u32) -> usize {
        let left = place as usize / ROWS - 1;
        let offsets = &self.offsets[place as usize % ROWS];
        let row = |k: usize| {
            let at = (left / 8).wrapping_add_signed(offsets[k]);
            debug_assert!(at + 1 < self.words.len());
            // SAFETY: the place of a site has ghosts all around, so the bits of its neighbours lie within the planes, and one more byte
            // follows them.
            let bytes = unsafe {
                [
                    *self.words.get_unchecked(at),
                    *self.words.get_unchecked(at + 1),
                ]
            };
            u32::from(u16::from_le_bytes(bytes)) >> (left % 8) & 7
        };
        (row(0) | row(1) << 3 | row(2) << 6) as usize
    }

    #[inline(always)]
    fn put(&mut self, place: u32) {
        let (column, row) = (place as usize / ROWS, place as usize % ROWS);
        let at = row * self.plane + column / 8;
        debug_assert!(at < self.words.len());
        // SAFETY: a place of the layout lies within the planes.
        unsafe { *self.words.get_unchecked_mut(at) |= 1 << (column % 8) };
    }

    /// Occupies the site of an entry, with its ghosts.
    #[inline(always)]
    pub(super) fn set(&mut self, entry: u32, layout: &Layout) {
        let (place, edge) = place_of(entry);
        self.put(place);
        if edge {
            self.repeat(place, layout);
        }
    }

    #[inline(never)]
    fn repeat(&mut self, place: u32, layout: &Layout) {
        let [x, y] = layout.coordinates(place);
        let ghost = |c: u32, n: u32| match c {
            1 => n + 1,
            c if c == n => 0,
            c => c,
        };
        let (ghost_x, ghost_y) = (ghost(x, layout.width), ghost(y, layout.height));
        for (x, y) in [(ghost_x, y), (x, ghost_y), (ghost_x, ghost_y)] {
            self.put(layout.place(x, y));
        }
    }
}

/// Distances to the neighbours to be looked up; 0 beyond the last of them.
pub(super) type Ring = [i32; 4];

/// The table over all rings of the sites in row `k` of a strip. Bits 1, 3, 5, 7 of a ring are the neighbours below, left, right,
/// above; the others the diagonals.
pub(super) fn rings(layout: &Layout, k: u32) -> [Ring; 512] {
    const NEIGHBOURS: [usize; 4] = [5, 7, 3, 1];
    const BETWEEN: [usize; 4] = [8, 6, 0, 2];
    let steps = layout.steps(k);
    std::array::from_fn(|bits| {
        let on = |bit: usize| bits >> bit & 1 == 1;
        let mut run = [0, 1, 2, 3];
        for _ in 0..4 {
            for k in 0..4 {
                let next = (k + 1) % 4;
                if on(NEIGHBOURS[k]) && on(BETWEEN[k]) && on(NEIGHBOURS[next]) {
                    let first = run[k].min(run[next]);
                    (run[k], run[next]) = (first, first);
                }
            }
        }
        let (mut ring, mut count) = ([0; 4], 0);
        for first in 0..4 {
            // A neighbour in the same row if the run has one: it shares the cache line.
            let member = [0, 2, 1, 3]
                .into_iter()
                .find(|&k| on(NEIGHBOURS[k]) && run[k] == first);
            if let Some(k) = member {
                ring[count] = steps[k];
                count += 1;
            }
        }
        ring
    })
}
