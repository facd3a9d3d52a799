//! Places of the sites of a square lattice in memory.

/// Side from which sites are kept in blocks of a page.
pub(super) const BLOCKED: usize = 2048;
/// `1` in the second component of a winding.
const UP: i32 = 1 << 16;

/// Division by a constant: `floor(i / d) = floor(i m / 2^64)`, `m = ceil(2^64 / d)`, for `i < 2^32`, `1 < d < 2^32`.
pub(super) struct Divider(u64);

impl Divider {
    pub(super) fn new(divisor: u32) -> Self {
        Divider(u64::MAX / u64::from(divisor) + 1)
    }

    pub(super) fn divide(&self, i: u32) -> u32 {
        ((u128::from(self.0) * u128::from(i)) >> 64) as u32
    }
}

/// Where a site is kept: `x[1 + column] + y[1 + row]`, with one more entry on either side that wraps around. The low half of the sum is
/// the place, the high half the winding of a step that led there.
#[derive(Debug)]
pub(super) struct Grid {
    pub width: usize,
    pub height: usize,
    x: Vec<u64>,
    y: Vec<u64>,
    /// Number of places, those that stay empty included.
    pub places: usize,
}

impl Grid {
    /// Rows one after the other, or blocks of 32 x 32 sites made of tiles of 4 x 4 (a page made of cache lines).
    pub(super) fn new(width: usize, height: usize) -> Self {
        let blocks = width.div_ceil(32);
        let is_blocked = width.max(height) >= BLOCKED;
        let column = |c: usize| match is_blocked {
            false => c,
            true => (c & 3) | (c >> 2 & 7) << 4 | (c >> 5) << 10,
        };
        let row = |r: usize| match is_blocked {
            false => r * width,
            true => (r & 3) << 2 | (r >> 2 & 7) << 7 | ((r >> 5) * blocks) << 10,
        };
        let table = |n: usize, place: &dyn Fn(usize) -> usize, unit: i32| -> Vec<u64> {
            let winding = |k: usize| match k {
                0 => -unit,
                k if k == n + 1 => unit,
                _ => 0,
            };
            (0..n + 2)
                .map(|k| place((k + n - 1) % n) as u64 | u64::from(winding(k) as u32) << 32)
                .collect()
        };
        Grid {
            width,
            height,
            x: table(width, &column, 1),
            y: table(height, &row, UP),
            places: match is_blocked {
                false => width * height,
                true => blocks * height.div_ceil(32) * 1024,
            },
        }
    }

    /// Column and row counted from the ghost at 0.
    #[inline(always)]
    pub(super) fn at(&self, x: u32, y: u32) -> u64 {
        debug_assert!((x as usize) < self.x.len() && (y as usize) < self.y.len());
        // SAFETY: columns are below the width and steps at most 2, so x < width + 2, the length of the table; rows likewise.
        unsafe {
            self.x
                .get_unchecked(x as usize)
                .wrapping_add(*self.y.get_unchecked(y as usize))
        }
    }
}
