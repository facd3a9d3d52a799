//! The sweep of sites on the square torus, where it is worth its own code.
//!
//! Three things make it faster than the general sweep. Of the occupied neighbours of a new site only one per *run* is looked up: two
//! of them are connected already when the site between them on the ring of eight is occupied, so a table over the 256 rings says
//! which (1.1 look-ups per site on average in place of 2). Which rings are occupied depends on the order alone, not on the clusters: it
//! is worked out a chunk ahead of the clusters, and the memory asked for. And all that is usual is done without branches.

use super::onset::Onset;
use super::permutation::permutation_of;
use super::sweep::{Follow, State, Watch};
use super::winding::{Packing, Span};
use crate::numerics::prefetch::prefetch;
use crate::numerics::random::Stream;

/// Sites whose rings are looked at together.
const CHUNK: usize = 32;
/// Memory of the clusters above which it is asked for ahead.
const CACHE: usize = 1 << 19;
/// Side from which sites are kept in blocks of a page.
const BLOCKED: usize = 2048;
/// `1` in the second component of a winding.
const UP: i32 = 1 << 16;

/// Sweeps of sites on the torus of `width x height`.
#[derive(Debug)]
pub struct SquareSweeper {
    grid: Grid,
    occupied: Bits,
    rings: Box<[Ring; 512]>,
    order: Vec<u32>,
    plain: Vec<Plain>,
    wound: Vec<Wound>,
    follow: Follow,
}

impl SquareSweeper {
    /// `width, height` from 3 to 65535; no more than 2^31 - 1 sites (checked by the caller).
    pub(super) fn new(width: usize, height: usize, follow: Follow) -> Self {
        let grid = Grid::new(width, height);
        let (plain, wound) = match follow.onset {
            false => (grid.places, 0),
            true => (0, grid.places),
        };
        SquareSweeper {
            occupied: Bits::new(width, height),
            rings: rings(),
            order: Vec::new(),
            plain: vec![Plain(-1); plain],
            wound: vec![
                Wound {
                    link: -1,
                    winding: 0
                };
                wound
            ],
            grid,
            follow,
        }
    }

    /// Bytes of the buffers.
    pub(super) fn bytes(sites: u64, follow: Follow) -> u64 {
        sites * if follow.onset { 12 } else { 8 } + sites / 4
    }

    /// One sweep in the order drawn from `rng`.
    pub fn run(&mut self, rng: &mut Stream, watch: &mut impl Watch) -> Onset {
        let width = self.grid.width as u32;
        let sites = self.grid.width * self.grid.height;
        let mut order = std::mem::take(&mut self.order);
        let row = Divider::new(width);
        permutation_of(sites, rng, &mut order, |i| {
            let y = row.divide(i);
            (i - y * width) | y << 16
        });
        let onset = self.run_in_order(&order, watch);
        self.order = order;
        onset
    }

    /// One sweep in a given order of sites, each as `column + row * 2^16`.
    fn run_in_order(&mut self, order: &[u32], watch: &mut impl Watch) -> Onset {
        let Grid { width, height, .. } = self.grid;
        assert!(
            order
                .iter()
                .all(|o| (*o as usize & 0xffff) < width && (*o as usize >> 16) < height)
        );
        self.occupied.words.fill(0);
        let job = Job {
            grid: &self.grid,
            rings: &self.rings,
            order,
            only_onset: self.follow.only_onset,
        };
        match self.follow.onset {
            false => {
                self.plain.fill(Plain(-1));
                job.run(&mut self.occupied, &mut self.plain, watch)
            }
            true => {
                self.wound.fill(Wound {
                    link: -1,
                    winding: 0,
                });
                job.run(&mut self.occupied, &mut self.wound, watch)
            }
        }
    }
}

/// Division by a constant: `floor(i / d) = floor(i m / 2^64)`, `m = ceil(2^64 / d)`, for `i < 2^32`, `1 < d < 2^32`.
struct Divider(u64);

impl Divider {
    fn new(divisor: u32) -> Self {
        Divider(u64::MAX / u64::from(divisor) + 1)
    }

    fn divide(&self, i: u32) -> u32 {
        ((u128::from(self.0) * u128::from(i)) >> 64) as u32
    }
}

/// Where a site is kept: `x[1 + column] + y[1 + row]`, with one more entry on either side that wraps around. The low half of the sum is
/// the place, the high half the winding of a step that led there.
#[derive(Debug)]
struct Grid {
    width: usize,
    height: usize,
    x: Vec<u64>,
    y: Vec<u64>,
    places: usize,
}

impl Grid {
    /// Rows one after the other, or blocks of 32 x 32 sites made of tiles of 4 x 4 (a page made of cache lines).
    fn new(width: usize, height: usize) -> Self {
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
    fn at(&self, x: u32, y: u32) -> u64 {
        debug_assert!((x as usize) < self.x.len() && (y as usize) < self.y.len());
        // SAFETY: columns are below the width and steps at most 2, so x < width + 2, the length of the table; rows likewise.
        unsafe {
            self.x
                .get_unchecked(x as usize)
                .wrapping_add(*self.y.get_unchecked(y as usize))
        }
    }
}

/// One bit per site, with a ghost site around that repeats the opposite edge.
#[derive(Debug)]
struct Bits {
    stride: usize,
    width: u32,
    height: u32,
    words: Vec<u8>,
}

impl Bits {
    fn new(width: usize, height: usize) -> Self {
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
    fn ring(&self, x: u32, y: u32) -> usize {
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
    fn set(&mut self, x: u32, y: u32) {
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
struct Ring {
    steps: [[u8; 2]; 4],
    count: u8,
}

/// The table over all rings. Bits 1, 3, 5, 7 of a ring are the neighbours below, left, right, above; the others the diagonals.
fn rings() -> Box<[Ring; 512]> {
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

/// A member of the union-find: parent or minus the size, and the winding relative to the parent (0 at a root).
trait Node: Copy {
    const TRACKS: bool;
    fn new(link: i32, winding: i32) -> Self;
    fn link(self) -> i32;
    fn winding(self) -> i32;
}

#[derive(Debug, Clone, Copy)]
struct Plain(i32);

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

#[derive(Debug, Clone, Copy)]
struct Wound {
    link: i32,
    winding: i32,
}

impl Node for Wound {
    const TRACKS: bool = true;
    #[inline(always)]
    fn new(link: i32, winding: i32) -> Self {
        Wound { link, winding }
    }
    #[inline(always)]
    fn link(self) -> i32 {
        self.link
    }
    #[inline(always)]
    fn winding(self) -> i32 {
        self.winding
    }
}

/// All clusters. Every index is a place of the grid: it comes from its tables or from a link written with such an index.
struct Clusters<'a, N>(&'a mut [N]);

/// A root with minus its size, and the winding of the member it was found from.
#[derive(Clone, Copy)]
struct Found {
    root: u32,
    link: i32,
    winding: i32,
}

impl<N: Node> Clusters<'_, N> {
    #[inline(always)]
    fn get(&self, i: u32) -> N {
        debug_assert!((i as usize) < self.0.len());
        // SAFETY: see the type.
        unsafe { *self.0.get_unchecked(i as usize) }
    }

    #[inline(always)]
    fn set(&mut self, i: u32, node: N) {
        debug_assert!((i as usize) < self.0.len());
        // SAFETY: see the type.
        unsafe { *self.0.get_unchecked_mut(i as usize) = node };
    }

    /// Up to two links without a branch; the path is compressed.
    #[inline(always)]
    fn find(&mut self, i: u32) -> Found {
        let first = self.get(i);
        let is_child = first.link() >= 0;
        let parent = if is_child { first.link() as u32 } else { i };
        let second = self.get(parent);
        // At a root the winding is 0; the second look at the same root adds 0 too.
        let above = if second.link() >= 0 {
            second.link() as u32
        } else {
            parent
        };
        let winding = match is_child {
            true => first.winding().wrapping_add(second.winding()),
            false => 0,
        };
        let third = self.get(above);
        if third.link() >= 0 {
            return self.find_deep(i);
        }
        let link = if is_child { above as i32 } else { first.link() };
        self.set(i, N::new(link, winding));
        Found {
            root: above,
            link: third.link(),
            winding,
        }
    }

    #[inline(never)]
    fn find_deep(&mut self, start: u32) -> Found {
        let (mut root, mut total) = (start, 0i32);
        let mut node = self.get(root);
        while node.link() >= 0 {
            total = total.wrapping_add(node.winding());
            root = node.link() as u32;
            node = self.get(root);
        }
        let found = Found {
            root,
            link: node.link(),
            winding: total,
        };
        let (mut i, mut rest) = (start, total);
        while i != root {
            let node = self.get(i);
            self.set(i, N::new(root as i32, rest));
            rest = rest.wrapping_sub(node.winding());
            i = node.link() as u32;
        }
        found
    }
}

/// A site with the two neighbours to be looked up first, as sums of the grid's tables.
#[derive(Clone, Copy, Default)]
struct Look {
    site: u32,
    first: u64,
    second: u64,
    /// The ring, if it has more than two runs.
    more: u32,
}

struct Job<'a> {
    grid: &'a Grid,
    rings: &'a [Ring; 512],
    order: &'a [u32],
    only_onset: bool,
}

impl Job<'_> {
    fn run<N: Node>(&self, bits: &mut Bits, nodes: &mut [N], watch: &mut impl Watch) -> Onset {
        let mut state = State::default();
        let mut windings = Windings {
            onset: Onset::new(2, true),
            span: Span::default(),
            open: true,
        };
        let mut clusters = Clusters(nodes);
        let ahead = std::mem::size_of_val(&*clusters.0) > CACHE;
        let mut looks = [[Look::default(); CHUNK]; 2];
        watch.at(0, &state);
        self.look(0, bits, &mut looks[0], &clusters, ahead);
        for chunk in 0..self.order.len().div_ceil(CHUNK) {
            let [now, next] = match chunk % 2 {
                0 => {
                    let [a, b] = &mut looks;
                    [a, b]
                }
                _ => {
                    let [a, b] = &mut looks;
                    [b, a]
                }
            };
            self.look(chunk + 1, bits, next, &clusters, ahead);
            if ahead {
                for look in now.iter() {
                    for neighbour in [look.first, look.second] {
                        let link = clusters.get(neighbour as u32).link();
                        prefetch(clusters.0, link.max(0) as usize);
                    }
                }
            }
            let first = chunk * CHUNK;
            let count = CHUNK.min(self.order.len() - first);
            for (k, look) in now[..count].iter().enumerate() {
                let n = first + k + 1;
                self.add(*look, n, &mut clusters, &mut state, &mut windings);
                watch.at(n, &state);
            }
            if self.only_onset && !windings.open {
                break;
            }
        }
        windings.onset
    }

    /// Works out a chunk's rings and occupies its sites.
    #[inline(always)]
    fn look<N: Node>(
        &self,
        chunk: usize,
        bits: &mut Bits,
        looks: &mut [Look; CHUNK],
        clusters: &Clusters<N>,
        ahead: bool,
    ) {
        let rest = self.order.get(chunk * CHUNK..).unwrap_or_default();
        for (look, &at) in looks.iter_mut().zip(rest) {
            let (x, y) = (at & 0xffff, at >> 16);
            let pattern = bits.ring(x, y);
            let ring = &self.rings[pattern];
            bits.set(x, y);
            let to = |[dx, dy]: [u8; 2]| self.grid.at(x + u32::from(dx), y + u32::from(dy));
            *look = Look {
                site: self.grid.at(x + 1, y + 1) as u32,
                first: to(ring.steps[0]),
                second: to(ring.steps[1]),
                more: if ring.count > 2 { pattern as u32 } else { 0 },
            };
            if ahead {
                for place in [look.site, look.first as u32, look.second as u32] {
                    prefetch(clusters.0, place as usize);
                }
            }
        }
    }

    #[inline(always)]
    fn add<N: Node>(
        &self,
        look: Look,
        n: usize,
        clusters: &mut Clusters<N>,
        state: &mut State,
        windings: &mut Windings,
    ) {
        let site = look.site;
        let a = clusters.find(look.first as u32);
        let b = clusters.find(look.second as u32);
        let step = |neighbour: u64| (neighbour >> 32) as i32;
        // The first neighbour is the site itself when there is none.
        let alone = a.root == site;
        let mut link = if alone { -1 } else { a.link - 1 };
        // Winding of the site relative to the root it hangs under.
        let mut here = if N::TRACKS && !alone {
            a.winding.wrapping_sub(step(look.first))
        } else {
            0
        };
        clusters.set(site, N::new(a.root as i32, here));
        clusters.set(a.root, N::new(link, 0));
        let mut root = a.root;
        let mut squares = if alone {
            1
        } else {
            1 + 2 * u64::from(a.link.unsigned_abs())
        };
        let mut joined = u32::from(!alone);
        // The second one, by selection in place of branches.
        let other = (b.root != root) & (b.root != site);
        let size = if other { b.link } else { 0 };
        squares += 2 * u64::from(link.unsigned_abs()) * u64::from(size.unsigned_abs());
        joined += u32::from(other);
        let b_larger = size < link;
        let top = if b_larger { b.root } else { root };
        let child = match (other, b_larger) {
            (true, true) => root,
            (true, false) => b.root,
            (false, _) => top,
        };
        if N::TRACKS {
            // Winding of b's root relative to a's.
            let shift = here.wrapping_add(step(look.second)).wrapping_sub(b.winding);
            let closes = !other & (b.root == root) & (look.second as u32 != site);
            if closes && shift != 0 && windings.open {
                windings.closed(n, shift);
            }
            let hung = if b_larger {
                shift.wrapping_neg()
            } else {
                shift
            };
            clusters.set(child, N::new(top as i32, hung));
            here = if b_larger {
                here.wrapping_sub(shift)
            } else {
                here
            };
        } else {
            clusters.set(child, N::new(top as i32, 0));
        }
        link += size;
        clusters.set(top, N::new(link, 0));
        root = top;
        if look.more != 0 {
            let ring = &self.rings[look.more as usize];
            let at = self.order[n - 1];
            let (x, y) = (at & 0xffff, at >> 16);
            for [dx, dy] in &ring.steps[2..usize::from(ring.count)] {
                let neighbour = self.grid.at(x + u32::from(*dx), y + u32::from(*dy));
                let c = clusters.find(neighbour as u32);
                let shift = here.wrapping_add(step(neighbour)).wrapping_sub(c.winding);
                if c.root == root {
                    if N::TRACKS && shift != 0 && windings.open {
                        windings.closed(n, shift);
                    }
                    continue;
                }
                squares += 2 * u64::from(link.unsigned_abs()) * u64::from(c.link.unsigned_abs());
                joined += 1;
                let (top, child, hung) = match c.link < link {
                    true => (c.root, root, shift.wrapping_neg()),
                    false => (root, c.root, shift),
                };
                if top == c.root {
                    here = here.wrapping_sub(shift);
                }
                clusters.set(child, N::new(top as i32, hung));
                link += c.link;
                clusters.set(top, N::new(link, 0));
                root = top;
            }
        }
        state.squares += squares;
        state.clusters = state.clusters + 1 - joined;
        state.largest = state.largest.max(link.unsigned_abs());
    }
}

/// Windings of all clusters together: clusters that wrap and do not touch have parallel windings in two dimensions.
struct Windings {
    onset: Onset,
    span: Span,
    /// Whether something can still happen for the first time.
    open: bool,
}

impl Windings {
    #[cold]
    fn closed(&mut self, n: usize, winding: i32) {
        let low = winding << 16 >> 16;
        let packing = Packing::new(2);
        let mut vector = packing.unpack(0);
        vector[0] = i64::from(low);
        vector[1] = i64::from((winding - low) >> 16);
        self.span.add(vector);
        self.onset.winds(n, &vector);
        self.onset.rank(n, self.span.rank());
        self.open = !self.onset.is_complete();
    }
}

#[cfg(test)]
#[path = "square_tests.rs"]
mod tests;
