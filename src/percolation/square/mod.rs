//! The sweep of sites on the square torus, where it is worth its own code.
//!
//! Four things make it faster than the general sweep. Of the occupied neighbours of a new site only one per *run* is looked up: two
//! of them are connected already when the site between them on the ring of eight is occupied, so a table over the 256 rings says
//! which (1.1 look-ups per site on average in place of 2). Ghosts around the lattice are members of the clusters of the sites they
//! repeat, with the winding of the step across the edge: no step is special. Which rings are occupied depends on the order alone, not on
//! the clusters: it is worked out a chunk ahead of the clusters, and the memory asked for. And all that is usual is done without branches.

mod clusters;
mod layout;
mod rings;

use self::clusters::{Clusters, Node, Plain, Wound};
use self::layout::{Layout, place_of};
use self::rings::{Bits, Ring, rings};
use super::onset::Onset;
use super::permutation::permutation_of;
use super::sweep::{Follow, State, Watch};
use super::winding::{Packing, Span};
use crate::numerics::prefetch::{large_pages, prefetch};
use crate::numerics::random::Stream;
use std::hint::select_unpredictable;

/// Sites whose rings are looked at together.
const CHUNK: usize = 32;
/// Memory of the clusters above which it is asked for ahead.
const CACHE: usize = 1 << 19;
/// Memory of the clusters above which they are kept in strips of four rows.
const LARGE: u64 = 1 << 24;

/// Sweeps of sites on the torus of `width x height`.
#[derive(Debug)]
pub struct SquareSweeper {
    layout: Layout,
    order: Vec<u32>,
    memory: Memory,
    follow: Follow,
}

#[derive(Debug)]
enum Memory {
    Plain(Strips<Plain>),
    Wound(Strips<Wound>),
}

#[derive(Debug)]
enum Strips<N> {
    One(Sweep<N, 1>),
    Four(Sweep<N, 4>),
}

impl SquareSweeper {
    /// `width, height` from 3 to 65535, so many that they [fit](Self::fits) (checked by the caller).
    pub(super) fn new(width: usize, height: usize, follow: Follow) -> Self {
        let rows = match Self::bytes_of_clusters(width, height, follow) > LARGE {
            true => 4,
            false => 1,
        };
        Self::in_strips(width, height, follow, rows)
    }

    fn in_strips(width: usize, height: usize, follow: Follow, rows: u32) -> Self {
        let layout = Layout::new(width, height, rows);
        SquareSweeper {
            memory: match follow.onset {
                false => Memory::Plain(Strips::new(&layout)),
                true => Memory::Wound(Strips::new(&layout)),
            },
            layout,
            order: Vec::new(),
            follow,
        }
    }

    /// Whether all places can be counted.
    pub(super) fn fits(width: usize, height: usize) -> bool {
        width.max(height) < 1 << 16 && Layout::new(width, height, 4).places() < 1 << 31
    }

    fn bytes_of_clusters(width: usize, height: usize, follow: Follow) -> u64 {
        Layout::new(width, height, 1).places() * if follow.onset { 8 } else { 4 }
    }

    /// Bytes of the buffers.
    pub(super) fn bytes(width: usize, height: usize, follow: Follow) -> u64 {
        let places = Layout::new(width, height, 4).places();
        let sites = (width * height) as u64;
        Self::bytes_of_clusters(width, height, follow) + places / 8 + sites * 4 + sites / 8
    }

    /// One sweep in the order drawn from `rng`.
    pub fn run(&mut self, rng: &mut Stream, watch: &mut impl Watch) -> Onset {
        let layout = &self.layout;
        let sites = layout.width as usize * layout.height as usize;
        let mut order = std::mem::take(&mut self.order);
        permutation_of(sites, rng, &mut order, layout.entries());
        let onset = self.run_in_order(&order, watch);
        self.order = order;
        onset
    }

    /// One sweep in a given order of [entries](Layout::entry).
    fn run_in_order(&mut self, order: &[u32], watch: &mut impl Watch) -> Onset {
        let job = Job {
            layout: &self.layout,
            order,
            only_onset: self.follow.only_onset,
        };
        match &mut self.memory {
            Memory::Plain(Strips::One(sweep)) => sweep.run(&job, watch),
            Memory::Plain(Strips::Four(sweep)) => sweep.run(&job, watch),
            Memory::Wound(Strips::One(sweep)) => sweep.run(&job, watch),
            Memory::Wound(Strips::Four(sweep)) => sweep.run(&job, watch),
        }
    }
}

impl<N: Node> Strips<N> {
    fn new(layout: &Layout) -> Self {
        match layout.rows {
            1 => Strips::One(Sweep::new(layout)),
            _ => Strips::Four(Sweep::new(layout)),
        }
    }
}

struct Job<'a> {
    layout: &'a Layout,
    order: &'a [u32],
    only_onset: bool,
}

/// Buffers of the sweeps in strips of so many rows.
#[derive(Debug)]
struct Sweep<N, const ROWS: usize> {
    bits: Bits<ROWS>,
    rings: Box<[[Ring; 512]; ROWS]>,
    nodes: Vec<N>,
}

/// A site, and the neighbours to be looked up; the site itself beyond the last of them.
#[derive(Clone, Copy, Default)]
struct Look {
    site: u32,
    neighbours: [u32; 4],
}

impl<N: Node, const ROWS: usize> Sweep<N, ROWS> {
    fn new(layout: &Layout) -> Self {
        let places = layout.places() as usize;
        let mut nodes = Vec::with_capacity(places);
        large_pages(nodes.spare_capacity_mut());
        nodes.resize(places, N::new(-1, 0));
        Sweep {
            bits: Bits::new(layout),
            rings: Box::new(std::array::from_fn(|k| rings(layout, k as u32))),
            nodes,
        }
    }

    fn run(&mut self, job: &Job, watch: &mut impl Watch) -> Onset {
        self.bits.clear();
        self.nodes.fill(N::new(-1, 0));
        for (ghost, site, winding) in job.layout.ghosts() {
            self.nodes[ghost as usize] = N::new(site as i32, winding);
        }
        let mut state = State::default();
        let mut windings = Windings {
            onset: Onset::new(2, true),
            span: Span::default(),
            open: true,
        };
        let (order, bits) = (job.order, &mut self.bits);
        let mut clusters = Clusters(&mut self.nodes);
        let ahead = std::mem::size_of_val(&*clusters.0) > CACHE;
        let mut looks = [[Look::default(); CHUNK]; 2];
        watch.at(0, &state);
        look(job, 0, bits, &self.rings, &mut looks[0], &clusters, ahead);
        for chunk in 0..order.len().div_ceil(CHUNK) {
            let [a, b] = &mut looks;
            let (now, next) = if chunk % 2 == 0 { (a, b) } else { (b, a) };
            look(job, chunk + 1, bits, &self.rings, next, &clusters, ahead);
            if ahead {
                for look in now.iter() {
                    for &neighbour in &look.neighbours[..2] {
                        let link = clusters.get(neighbour).link();
                        prefetch(clusters.0, link.max(0) as usize);
                    }
                }
            }
            let first = chunk * CHUNK;
            let count = CHUNK.min(order.len() - first);
            for (k, look) in now[..count].iter().enumerate() {
                let n = first + k + 1;
                add(*look, n, &mut clusters, &mut state, &mut windings);
                watch.at(n, &state);
            }
            if job.only_onset && !windings.open {
                break;
            }
        }
        windings.onset
    }
}

/// Works out a chunk's rings and occupies its sites. Not inlined, for the sake of the registers.
#[inline(never)]
fn look<N, const ROWS: usize>(
    job: &Job,
    chunk: usize,
    bits: &mut Bits<ROWS>,
    rings: &[[Ring; 512]; ROWS],
    looks: &mut [Look; CHUNK],
    clusters: &Clusters<N>,
    ahead: bool,
) {
    let rest = job.order.get(chunk * CHUNK..).unwrap_or_default();
    for (look, &entry) in looks.iter_mut().zip(rest) {
        let (site, _) = place_of(entry);
        let ring = rings[site as usize % ROWS][bits.ring(site)];
        bits.set(entry, job.layout);
        *look = Look {
            site,
            neighbours: ring.map(|step| site.wrapping_add_signed(step)),
        };
        if ahead {
            for place in [site, look.neighbours[0], look.neighbours[1]] {
                prefetch(clusters.0, place as usize);
            }
        }
    }
}

#[inline(always)]
fn add<N: Node>(
    look: Look,
    n: usize,
    clusters: &mut Clusters<N>,
    state: &mut State,
    windings: &mut Windings,
) {
    let Look { site, neighbours } = look;
    let a = clusters.find(neighbours[0]);
    let b = clusters.find(neighbours[1]);
    // The first neighbour is the site itself when there is none.
    let alone = a.root == site;
    let mut link = select_unpredictable(alone, -1, a.link - 1);
    // Winding of the site relative to the root it hangs under.
    let mut here = a.winding;
    clusters.set(site, N::new(a.root as i32, here));
    // The second one, by selection in place of branches.
    let other = (b.root != a.root) & (b.root != site);
    let size = select_unpredictable(other, b.link, 0);
    // (1 + s_a + s_b)^2 - s_a^2 - s_b^2
    let mut squares = 2 * u64::from(link.unsigned_abs()) * u64::from(size.unsigned_abs() + 1) - 1;
    let mut joined = u32::from(!alone) + u32::from(other);
    let b_larger = size < link;
    let mut root = select_unpredictable(b_larger, b.root, a.root);
    let smaller = select_unpredictable(b_larger, a.root, b.root);
    let child = select_unpredictable(other, smaller, root);
    // Winding of b's root relative to a's.
    let shift = here.wrapping_sub(b.winding);
    if N::TRACKS {
        let closes = (b.root == a.root) & (neighbours[1] != site) & (shift != 0);
        if closes & windings.open {
            windings.closed(n, shift);
        }
        here = select_unpredictable(b_larger, here.wrapping_sub(shift), here);
    }
    let hung = select_unpredictable(b_larger, shift.wrapping_neg(), shift);
    clusters.set(child, N::new(root as i32, hung));
    link += size;
    // a's root is the one or the other.
    clusters.set(root, N::new(link, 0));
    if neighbours[2] != site {
        for &neighbour in neighbours[2..].iter().filter(|n| **n != site) {
            let c = clusters.find(neighbour);
            let shift = here.wrapping_sub(c.winding);
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
