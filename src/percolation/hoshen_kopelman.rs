//! One occupation probability, row by row: square lattices too large to be kept.
//!
//! Source: Hoshen & Kopelman, PRB 14, 3438 (1976); here by runs of occupied sites, with the labels renewed in every row, so that memory
//! is `O(width)`.

use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use crate::numerics::simd::vectorised;
use rand::Rng;

/// Cluster statistics of one configuration of sites on a strip of the square lattice.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Strip {
    /// Number of sites, `width * height`.
    pub sites: u64,
    /// Number of occupied sites.
    pub occupied: u64,
    /// Number of clusters.
    pub clusters: u64,
    /// Size of the largest cluster.
    pub largest: u64,
    /// `sum_i s_i^2`.
    pub squares: u128,
    /// Clusters with `2^k <= s < 2^(k+1)`.
    pub histogram: Vec<u64>,
    /// Whether a cluster reaches from the first row to the last.
    pub spans: bool,
}

/// Occupies the sites of a strip with probability `p` (to 2^-32) and labels it. Rows are open at both ends of the height, and closed
/// to rings across the width with `periodic`.
///
/// Sizes are 64 bits wide: the height is not bounded by the memory. Cost: 7 or 8 random bits per site, about one step per run.
///
/// # Errors
/// `Input` for `p` outside `[0, 1]`, no rows, a width of less than 3 or beyond 2^31; `Interrupted`.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::strip;
/// let full = strip(1.0, 10, 4, true, &mut stream(1, "strip", &[]))?;
/// assert_eq!((full.occupied, full.clusters, full.largest, full.spans), (40, 1, 40, true));
/// # Ok::<(), saddlepoint::Error>(())
/// ```
pub fn strip(p: f64, width: usize, height: u64, periodic: bool, rng: &mut Stream) -> Result<Strip> {
    if !(0.0..=1.0).contains(&p) {
        return Err(Error::input(
            "p",
            format!("{p} is not between 0 and 1"),
            "use a probability",
        ));
    }
    if !(3..1 << 31).contains(&width) || height == 0 {
        return Err(Error::input(
            "width",
            format!("{width} x {height} sites"),
            "use a width from 3 to 2^31 - 1, and at least one row",
        ));
    }
    let below = (p * (1u64 << 32) as f64).round() as u64;
    let mut labeller = Labeller::new(width, height, periodic);
    let mut row = vec![0u64; width.div_ceil(64)];
    for _ in 0..height {
        interrupt::check()?;
        fill(&mut row, width, below, rng);
        labeller.row(&row);
    }
    Ok(labeller.finish())
}

/// Occupied sites of a row, one bit each.
fn fill(row: &mut [u64], width: usize, below: u64, rng: &mut Stream) {
    for (k, word) in row.iter_mut().enumerate() {
        let rest = width - 64 * k;
        let mask = if rest < 64 { (1 << rest) - 1 } else { u64::MAX };
        *word = occupied(below, rng) & mask;
    }
}

/// 64 sites, each occupied with probability `below / 2^32`.
///
/// Every site compares the bits of a random number with those of `below` from the highest one on; after 7 bits or so all sites differ.
fn occupied(below: u64, rng: &mut Stream) -> u64 {
    if below >> 32 != 0 {
        return u64::MAX;
    }
    let (mut bits, mut undecided, mut rest) = (0, u64::MAX, below << 32);
    while undecided != 0 && rest != 0 {
        let random = rng.next_u64();
        if rest >> 63 == 1 {
            bits |= undecided & !random;
            undecided &= random;
        } else {
            undecided &= !random;
        }
        rest <<= 1;
    }
    bits
}

/// A row, and its runs of neighbouring occupied sites from the left to the right.
#[derive(Debug, Default)]
struct Row {
    bits: Vec<u64>,
    starts: Vec<u32>,
    ends: Vec<u32>,
    labels: Vec<u32>,
}

impl Row {
    #[inline(always)]
    fn read(&mut self, bits: &[u64], width: u32) {
        self.bits.clear();
        self.bits.extend_from_slice(bits);
        self.starts.clear();
        self.ends.clear();
        let mut last = 0;
        for (k, &word) in bits.iter().enumerate() {
            let left = word << 1 | last;
            push_ones(word & !left, k, &mut self.starts);
            push_ones(left & !word, k, &mut self.ends);
            last = word >> 63;
        }
        if self.ends.len() < self.starts.len() {
            self.ends.push(width);
        }
    }
}

#[inline(always)]
fn push_ones(mut word: u64, k: usize, out: &mut Vec<u32>) {
    while word != 0 {
        out.push(64 * k as u32 + word.trailing_zeros());
        word &= word - 1;
    }
}

/// Calls `touch` once for every pair of runs of two rows that have a column in common.
#[inline(always)]
fn contacts(above: &[u64], below: &[u64], mut touch: impl FnMut(usize, usize)) {
    let (mut runs, mut last) = ([0, 0], [0, 0, 0]);
    for (&a, &b) in above.iter().zip(below) {
        let rows = [a, b, a & b];
        let [starts_a, starts_b, mut starts] =
            std::array::from_fn(|r| rows[r] & !(rows[r] << 1 | last[r]));
        while starts != 0 {
            // All bits up to that of the first contact.
            let upto = starts ^ (starts - 1);
            let run = |starts: u64| (starts & upto).count_ones() as usize;
            touch(runs[0] + run(starts_a) - 1, runs[1] + run(starts_b) - 1);
            starts &= starts - 1;
        }
        runs[0] += starts_a.count_ones() as usize;
        runs[1] += starts_b.count_ones() as usize;
        last = rows.map(|row| row >> 63);
    }
}

/// A cluster that reaches the current row.
#[derive(Debug, Clone, Copy)]
struct Cluster {
    size: u64,
    from_first: bool,
}

struct Labeller {
    width: u32,
    periodic: bool,
    /// The row above, with labels `0 .. clusters.len()`.
    above: Row,
    clusters: Vec<Cluster>,
    current: Row,
    /// Union-find over the clusters above and the current runs after them.
    parent: Vec<u32>,
    merged: Vec<Cluster>,
    renamed: Vec<u32>,
    found: Strip,
    first: bool,
}

const NONE: u32 = u32::MAX;

impl Labeller {
    fn new(width: usize, height: u64, periodic: bool) -> Self {
        Labeller {
            width: width as u32,
            periodic,
            above: Row::default(),
            clusters: Vec::new(),
            current: Row::default(),
            parent: Vec::new(),
            merged: Vec::new(),
            renamed: Vec::new(),
            found: Strip {
                sites: width as u64 * height,
                histogram: vec![0; 64],
                ..Strip::default()
            },
            first: true,
        }
    }

    fn row(&mut self, bits: &[u64]) {
        vectorised(
            #[inline(always)]
            || {
                self.read(bits);
                self.join_rows();
                self.rename();
            },
        );
        std::mem::swap(&mut self.above, &mut self.current);
        self.first = false;
    }

    /// Every current run a cluster of its own, after the clusters above.
    #[inline(always)]
    fn read(&mut self, bits: &[u64]) {
        self.current.read(bits, self.width);
        self.merged.clear();
        self.merged.extend_from_slice(&self.clusters);
        let runs = self.current.starts.iter().zip(&self.current.ends);
        self.merged.extend(runs.map(|(start, end)| Cluster {
            size: u64::from(end - start),
            from_first: self.first,
        }));
        self.parent.clear();
        self.parent.extend(0..self.merged.len() as u32);
    }

    #[inline(always)]
    fn join_rows(&mut self) {
        let before = self.clusters.len();
        let mut join = |a: usize, b: usize| join(&mut self.parent, &mut self.merged, a, b);
        contacts(&self.above.bits, &self.current.bits, |a, b| {
            join(self.above.labels[a] as usize, before + b);
        });
        let runs = &self.current;
        if self.periodic && runs.starts.first() == Some(&0) && runs.ends.last() == Some(&self.width)
        {
            join(before, before + runs.starts.len() - 1);
        }
    }

    /// Numbers the clusters of the current row anew, and lets go of those that end above it.
    #[inline(always)]
    fn rename(&mut self) {
        let before = self.clusters.len();
        self.renamed.clear();
        self.renamed.resize(self.merged.len(), NONE);
        let runs = self.current.starts.len();
        self.clusters.resize(
            runs,
            Cluster {
                size: 0,
                from_first: false,
            },
        );
        self.current.labels.resize(runs, 0);
        let mut count = 0;
        for (run, label) in self.current.labels.iter_mut().enumerate() {
            let root = root(&mut self.parent, before + run);
            let known = self.renamed[root];
            *label = if known == NONE { count } else { known };
            self.renamed[root] = *label;
            self.clusters[*label as usize] = self.merged[root];
            count += u32::from(known == NONE);
        }
        self.clusters.truncate(count as usize);
        for k in 0..before {
            if self.parent[k] == k as u32 && self.renamed[k] == NONE {
                let ended = self.merged[k];
                self.count(ended);
            }
        }
    }

    fn count(&mut self, cluster: Cluster) {
        let found = &mut self.found;
        found.occupied += cluster.size;
        found.clusters += 1;
        found.largest = found.largest.max(cluster.size);
        found.squares += u128::from(cluster.size).pow(2);
        found.histogram[cluster.size.ilog2() as usize] += 1;
    }

    fn finish(mut self) -> Strip {
        for cluster in std::mem::take(&mut self.clusters) {
            self.found.spans |= cluster.from_first;
            self.count(cluster);
        }
        let kept = self
            .found
            .histogram
            .iter()
            .rposition(|&c| c > 0)
            .map_or(0, |k| k + 1);
        self.found.histogram.truncate(kept);
        self.found
    }
}

#[inline(always)]
fn root(parent: &mut [u32], mut i: usize) -> usize {
    while parent[i] as usize != i {
        let above = parent[parent[i] as usize];
        parent[i] = above;
        i = above as usize;
    }
    i
}

/// Hangs the younger root under the older one; without a branch on whether they differ.
#[inline(always)]
fn join(parent: &mut [u32], clusters: &mut [Cluster], a: usize, b: usize) {
    let (a, b) = (root(parent, a), root(parent, b));
    let (top, child) = (a.min(b), a.max(b));
    parent[child] = top as u32;
    let Cluster { size, from_first } = clusters[child];
    clusters[top].size += if top == child { 0 } else { size };
    clusters[top].from_first |= from_first;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::percolation::graph::Graph;
    use crate::percolation::{Boundary, Crystal, Element, Follow, Network, Sweeper};
    use proptest::prelude::*;

    /// Labels of the same bits by the sweeps of the open lattice, with the ring closed by hand.
    fn by_sweep(rows: &[Vec<bool>], periodic: bool) -> Strip {
        let (height, width) = (rows.len(), rows[0].len());
        let mut edges = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let at = (y * width + x) as u32;
                if x + 1 < width {
                    edges.push((at, at + 1));
                } else if periodic {
                    edges.push(((y * width) as u32, at));
                }
                if y + 1 < height {
                    edges.push((at, at + width as u32));
                }
            }
        }
        let network = Network::graph(&Graph::new(width * height, edges).unwrap());
        let order: Vec<u32> = (0..(width * height) as u32)
            .filter(|&i| rows[i as usize / width][i as usize % width])
            .collect();
        let mut sweeper = Sweeper::new(&network, Element::Site, Follow::default());
        sweeper.run_in_order(&order, &mut ()).unwrap();
        let sizes: Vec<u64> = sweeper.sizes().map(u64::from).collect();
        let mut histogram = vec![0; 64];
        sizes
            .iter()
            .for_each(|s| histogram[s.ilog2() as usize] += 1);
        let kept = histogram.iter().rposition(|&c| c > 0).map_or(0, |k| k + 1);
        histogram.truncate(kept);
        Strip {
            sites: (width * height) as u64,
            occupied: order.len() as u64,
            clusters: sizes.len() as u64,
            largest: sizes.iter().copied().max().unwrap_or(0),
            squares: sizes.iter().map(|s| u128::from(s * s)).sum(),
            histogram,
            spans: false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn strips_are_labelled_like_graphs(width in 3usize..140, height in 1usize..12, p in 0.0..1.0f64, periodic: bool, seed: u64) {
            let mut rng = stream(seed, "strip", &[]);
            let found = strip(p, width, height as u64, periodic, &mut rng).unwrap();
            let mut rng = stream(seed, "strip", &[]);
            let below = (p * (1u64 << 32) as f64).round() as u64;
            let mut row = vec![0u64; width.div_ceil(64)];
            let rows: Vec<Vec<bool>> = (0..height)
                .map(|_| {
                    fill(&mut row, width, below, &mut rng);
                    (0..width).map(|x| row[x / 64] >> (x % 64) & 1 == 1).collect()
                })
                .collect();
            let expected = by_sweep(&rows, periodic);
            prop_assert_eq!(Strip { spans: false, ..found }, expected);
        }
    }

    /// Spanning of the open lattice, and the density, against the sweeps at the same p.
    #[test]
    fn spanning_is_as_frequent_as_in_the_sweeps() {
        let (p, l, repeats) = (0.6, 24, 2000);
        let square = Crystal::named("hypercubic", 2).unwrap();
        let network = Network::lattice(&square, &[l, l], Boundary::Open).unwrap();
        let follow = Follow {
            onset: true,
            only_onset: true,
        };
        let mut sweeper = Sweeper::new(&network, Element::Site, follow);
        let mut rng = stream(8, "strip", &[]);
        let binomial = crate::percolation::Binomial::new(l * l, p).unwrap();
        let mut sum = 0.0;
        for _ in 0..repeats {
            let onset = sweeper.run(&mut rng, &mut ()).unwrap();
            sum += binomial.mean(|n| f64::from(u8::from(n as u32 >= onset.along(1))));
        }
        let spans: u32 = (0..repeats)
            .map(|_| u32::from(strip(p, l, l as u64, false, &mut rng).unwrap().spans))
            .sum();
        let (a, b) = (
            sum / f64::from(repeats),
            f64::from(spans) / f64::from(repeats),
        );
        // Two samples of at most 1/4 variance each.
        assert!(
            (a - b).abs() < 4.0 * (0.5 / f64::from(repeats)).sqrt(),
            "{a} {b}"
        );
    }

    #[test]
    fn wrong_strips_are_refused() {
        let mut rng = stream(1, "strip", &[]);
        assert!(strip(1.1, 10, 10, true, &mut rng).is_err());
        assert!(strip(0.5, 2, 10, true, &mut rng).is_err());
        assert!(strip(0.5, 10, 0, true, &mut rng).is_err());
        let empty = strip(0.0, 10, 10, true, &mut rng).unwrap();
        assert_eq!((empty.clusters, empty.largest, empty.spans), (0, 0, false));
    }
}
