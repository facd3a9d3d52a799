//! The sweep of sites on the square torus, where it is worth its own code.
//!
//! Three things make it faster than the general sweep. Of the occupied neighbours of a new site only one per *run* is looked up: two
//! of them are connected already when the site between them on the ring of eight is occupied, so a table over the 256 rings says
//! which (1.1 look-ups per site on average in place of 2). Which rings are occupied depends on the order alone, not on the clusters: it
//! is worked out a chunk ahead of the clusters, and the memory asked for. And all that is usual is done without branches.

mod clusters;
mod grid;
mod rings;

use self::clusters::{Clusters, Node, Plain, Wound};
use self::grid::{Divider, Grid};
use self::rings::{Bits, Ring, rings};
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
mod tests;
