//! One occupation probability, row by row: square lattices too large to be kept.
//!
//! Source: Hoshen & Kopelman, PRB 14, 3438 (1976); here by runs of occupied sites, with the labels renewed in every row, so that memory
//! is `O(width)`.

use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
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
/// Sizes are 64 bits wide: the height is not bounded by the memory. Cost: one random number per site, about one step per run.
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
        let mut bits = 0;
        for pair in 0..32 {
            let r = rng.next_u64();
            let two = u64::from(r & 0xffff_ffff < below) | u64::from(r >> 32 < below) << 1;
            bits |= two << (2 * pair);
        }
        let rest = width - 64 * k;
        *word = if rest < 64 {
            bits & ((1 << rest) - 1)
        } else {
            bits
        };
    }
}

/// Neighbouring occupied sites of a row.
#[derive(Debug, Clone, Copy)]
struct Run {
    start: u32,
    end: u32,
    label: u32,
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
    /// Runs of the row above, labelled `0 .. clusters.len()`.
    above: Vec<Run>,
    clusters: Vec<Cluster>,
    current: Vec<Run>,
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
            above: Vec::new(),
            clusters: Vec::new(),
            current: Vec::new(),
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

    fn root(&mut self, mut i: u32) -> u32 {
        while self.parent[i as usize] != i {
            let above = self.parent[self.parent[i as usize] as usize];
            self.parent[i as usize] = above;
            i = above;
        }
        i
    }

    fn join(&mut self, a: u32, b: u32) {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return;
        }
        let (top, child) = if a < b { (a, b) } else { (b, a) };
        self.parent[child as usize] = top;
        let Cluster { size, from_first } = self.merged[child as usize];
        let cluster = &mut self.merged[top as usize];
        cluster.size += size;
        cluster.from_first |= from_first;
    }

    fn row(&mut self, bits: &[u64]) {
        runs(bits, self.width, &mut self.current);
        let before = self.clusters.len() as u32;
        self.merged.clear();
        self.merged.extend_from_slice(&self.clusters);
        for (k, run) in self.current.iter_mut().enumerate() {
            run.label = before + k as u32;
            self.merged.push(Cluster {
                size: u64::from(run.end - run.start),
                from_first: self.first,
            });
        }
        self.parent.clear();
        self.parent.extend(0..self.merged.len() as u32);
        let (mut k, mut j) = (0, 0);
        while k < self.above.len() && j < self.current.len() {
            let (a, c) = (self.above[k], self.current[j]);
            if a.start < c.end && c.start < a.end {
                self.join(a.label, c.label);
            }
            if a.end <= c.end {
                k += 1;
            } else {
                j += 1;
            }
        }
        if let (true, Some(a), Some(b)) = (self.periodic, self.current.first(), self.current.last())
            && a.start == 0
            && b.end == self.width
        {
            self.join(a.label, b.label);
        }
        self.rename(before);
        std::mem::swap(&mut self.above, &mut self.current);
        self.first = false;
    }

    /// Numbers the clusters of the current row anew, and lets go of those that end above it.
    fn rename(&mut self, before: u32) {
        self.renamed.clear();
        self.renamed.resize(self.merged.len(), NONE);
        self.clusters.clear();
        for k in 0..self.current.len() {
            let root = self.root(self.current[k].label) as usize;
            if self.renamed[root] == NONE {
                self.renamed[root] = self.clusters.len() as u32;
                self.clusters.push(self.merged[root]);
            }
            self.current[k].label = self.renamed[root];
            self.found.occupied += u64::from(self.current[k].end - self.current[k].start);
        }
        for k in 0..before as usize {
            if self.parent[k] == k as u32 && self.renamed[k] == NONE {
                let ended = self.merged[k];
                self.count(ended);
            }
        }
    }

    fn count(&mut self, cluster: Cluster) {
        let found = &mut self.found;
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

/// Runs of ones in a row of bits.
fn runs(bits: &[u64], width: u32, out: &mut Vec<Run>) {
    out.clear();
    let mut open: Option<u32> = None;
    for (k, &word) in bits.iter().enumerate() {
        let first = 64 * k as u32;
        // Bits at which the occupation changes, seen from the site before.
        let mut changes = word ^ (word << 1 | u64::from(open.is_some()));
        while changes != 0 {
            let at = first + changes.trailing_zeros();
            changes &= changes - 1;
            match open.take() {
                None => open = Some(at),
                Some(start) => out.push(Run {
                    start,
                    end: at,
                    label: 0,
                }),
            }
        }
    }
    if let Some(start) = open {
        out.push(Run {
            start,
            end: width,
            label: 0,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
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
                    edges.push([at, at + 1]);
                } else if periodic {
                    edges.push([(y * width) as u32, at]);
                }
                if y + 1 < height {
                    edges.push([at, at + width as u32]);
                }
            }
        }
        let network = Network::graph(width * height, edges).unwrap();
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
