//! Places of the sites of a square lattice in memory.

/// Bit of an entry of the order: the site lies at an edge.
const EDGE: u32 = 1 << 31;

/// Division by a constant: `floor(i / d) = floor(i m / 2^64)`, `m = ceil(2^64 / d)`, for `i < 2^32`, `1 < d < 2^32`.
#[derive(Debug)]
pub(super) struct Divider(u64);

impl Divider {
    pub(super) fn new(divisor: u32) -> Self {
        Divider(u64::MAX / u64::from(divisor) + 1)
    }

    pub(super) fn divide(&self, i: u32) -> u32 {
        ((u128::from(self.0) * u128::from(i)) >> 64) as u32
    }
}

/// Strips of 1 or 4 rows, kept column by column, with ghosts around the lattice that repeat the opposite edge: neighbours lie at fixed
/// distances, and in strips of 4 rows most of them share a cache line.
///
/// Columns and rows are counted from 1; 0 and `width + 1`, `height + 1` are the ghosts.
#[derive(Debug)]
pub(super) struct Layout {
    pub width: u32,
    pub height: u32,
    /// Columns with those of the ghosts, a multiple of 8.
    pub stride: u32,
    /// Rows of a strip.
    pub rows: u32,
    columns: Divider,
}

impl Layout {
    pub(super) fn new(width: usize, height: usize, rows: u32) -> Self {
        let stride = (width as u32 + 2).next_multiple_of(8);
        Layout {
            width: width as u32,
            height: height as u32,
            stride,
            rows,
            columns: Divider::new(stride),
        }
    }

    pub(super) fn strips(&self) -> u32 {
        (self.height + 2).div_ceil(self.rows)
    }

    /// Number of places.
    pub(super) fn places(&self) -> u64 {
        u64::from(self.strips()) * u64::from(self.stride * self.rows)
    }

    #[inline(always)]
    pub(super) fn place(&self, x: u32, y: u32) -> u32 {
        let shift = self.rows.trailing_zeros();
        ((y >> shift) * self.stride + x) << shift | y & (self.rows - 1)
    }

    /// Column and row of a place.
    pub(super) fn coordinates(&self, place: u32) -> [u32; 2] {
        let column = place >> self.rows.trailing_zeros();
        let strip = self.columns.divide(column);
        let row = place & (self.rows - 1);
        [column - strip * self.stride, strip * self.rows + row]
    }

    /// What stands for the sites in the order of a sweep, row by row.
    pub(super) fn entries(&self) -> Entries<'_> {
        Entries {
            layout: self,
            x: self.width,
            y: 0,
            place: 0,
            edge: 0,
        }
    }

    /// Distances to the neighbours at the right, above, at the left, below, of the site in row `k` of its strip.
    pub(super) fn steps(&self, k: u32) -> [i32; 4] {
        let (rows, stride) = (self.rows as i32, self.stride as i32);
        let next_strip = rows * stride - (rows - 1);
        let up = if k + 1 < self.rows { 1 } else { next_strip };
        let down = if k > 0 { -1 } else { -next_strip };
        [rows, up, -rows, down]
    }

    /// Every ghost beside an edge, the site that it repeats, and the winding of the site relative to the ghost, `(x, y)` as `x + y 2^16`.
    pub(super) fn ghosts(&self) -> impl Iterator<Item = (u32, u32, i32)> {
        let (w, h) = (self.width, self.height);
        let columns = (1..=w)
            .flat_map(move |x| [([x, 0], [x, h], 1 << 16), ([x, h + 1], [x, 1], -(1 << 16))]);
        let rows = (1..=h).flat_map(move |y| [([0, y], [w, y], 1), ([w + 1, y], [1, y], -1)]);
        columns.chain(rows).map(|(ghost, site, winding)| {
            (
                self.place(ghost[0], ghost[1]),
                self.place(site[0], site[1]),
                winding,
            )
        })
    }
}

/// Entries of the sites of a [`Layout`]: along a row places lie the rows of a strip apart, so that nothing is divided.
#[derive(Debug, Clone)]
pub(super) struct Entries<'a> {
    layout: &'a Layout,
    /// Column, row and place of the last one.
    x: u32,
    y: u32,
    place: u32,
    /// [`EDGE`] in the first and the last row.
    edge: u32,
}

impl Iterator for Entries<'_> {
    type Item = u32;

    #[inline(always)]
    fn next(&mut self) -> Option<u32> {
        let Layout { width, height, .. } = *self.layout;
        if self.x == width {
            if self.y == height {
                return None;
            }
            self.y += 1;
            self.x = 0;
            self.place = self.layout.place(0, self.y);
            self.edge = mark((self.y == 1) | (self.y == height));
        }
        self.x += 1;
        self.place += self.layout.rows;
        let ends = (self.x == 1) | (self.x == width);
        Some(self.place | self.edge | mark(ends))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let Layout { width, height, .. } = *self.layout;
        let rest = (height - self.y) as usize * width as usize + (width - self.x) as usize;
        (rest, Some(rest))
    }
}

#[inline(always)]
fn mark(edge: bool) -> u32 {
    if edge { EDGE } else { 0 }
}

/// Place of an entry, and whether it lies at an edge.
#[inline(always)]
pub(super) fn place_of(entry: u32) -> (u32, bool) {
    (entry & !EDGE, entry & EDGE != 0)
}
