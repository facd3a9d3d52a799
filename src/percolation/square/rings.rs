//! Which sites are occupied, and which neighbours of a new one are worth looking up.

/// One bit per site, with a ghost site around that repeats the opposite edge.
#[derive(Debug)]
pub(super) struct Bits {
    stride: usize,
    width: u32,
    height: u32,
    pub words: Vec<u8>,
}

impl Bits {
    pub(super) fn new(width: usize, height: usize) -> Self {
        let stride = (width + 2).div_ceil(8) + 1;
        Bits {
            stride,
            width: width as u32,
            height: height as u32,
            words: vec![0; stride * (height + 2) + 2],
        }
    }

    /// The three by three bits around a site, row by row.
    #[inline(always)]
    pub(super) fn ring(&self, x: u32, y: u32) -> usize {
        let first = (x >> 3) as usize + y as usize * self.stride;
        let row = |k: usize| {
            let at = first + k * self.stride;
            debug_assert!(at + 1 < self.words.len());
            // SAFETY: x < width, so the two bytes lie within the stride; y + 2 < height + 2 rows.
            let bytes = unsafe {
                [
                    *self.words.get_unchecked(at),
                    *self.words.get_unchecked(at + 1),
                ]
            };
            usize::from(u16::from_le_bytes(bytes) >> (x & 7)) & 7
        };
        row(0) | row(1) << 3 | row(2) << 6
    }

    #[inline(always)]
    fn put(&mut self, x: u32, y: u32) {
        let at = (x >> 3) as usize + y as usize * self.stride;
        debug_assert!(at < self.words.len());
        // SAFETY: x < width + 2 and y < height + 2.
        unsafe { *self.words.get_unchecked_mut(at) |= 1 << (x & 7) };
    }

    #[inline(always)]
    pub(super) fn set(&mut self, x: u32, y: u32) {
        self.put(x + 1, y + 1);
        if x == 0 || y == 0 || x + 1 == self.width || y + 1 == self.height {
            let ghost = |c: u32, n: u32| match c {
                0 => n + 1,
                c if c + 1 == n => 0,
                c => c + 1,
            };
            let (gx, gy) = (ghost(x, self.width), ghost(y, self.height));
            self.put(gx, y + 1);
            self.put(x + 1, gy);
            self.put(gx, gy);
        }
    }
}

/// Which neighbours to look up: steps `(1 + dx, 1 + dy)`; those beyond `count` stay at the site.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ring {
    pub steps: [[u8; 2]; 4],
    pub count: u8,
}

/// The table over all rings. Bits 1, 3, 5, 7 of a ring are the neighbours below, left, right, above; the others the diagonals.
pub(super) fn rings() -> Box<[Ring; 512]> {
    const NEIGHBOURS: [usize; 4] = [5, 7, 3, 1];
    const BETWEEN: [usize; 4] = [8, 6, 0, 2];
    const STEPS: [[u8; 2]; 4] = [[2, 1], [1, 2], [0, 1], [1, 0]];
    let ring = |bits: usize| {
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
        let mut ring = Ring {
            steps: [[1, 1]; 4],
            count: 0,
        };
        for first in 0..4 {
            // A neighbour in the same row if the run has one: it shares the cache line.
            let member = [0, 2, 1, 3]
                .into_iter()
                .find(|&k| on(NEIGHBOURS[k]) && run[k] == first);
            if let Some(k) = member {
                ring.steps[ring.count as usize] = STEPS[k];
                ring.count += 1;
            }
        }
        ring
    };
    Box::new(std::array::from_fn(ring))
}
