//! Numbers of clusters by size, at every number of occupied elements.

use super::forest::{Forest, Joined};
use super::{Binomial, Element, Setting, permutation};
use crate::error::Result;
use crate::numerics::interrupt;
use crate::numerics::random::Stream;

/// Means over the sweeps of one draw: numbers of clusters of `2^k <= s < 2^(k+1)` sites, `k = 0, 1, ...`, at `n = 0 ... M`.
///
/// ```
/// use saddlepoint::numerics::random::stream;
/// use saddlepoint::percolation::{Boundary, Element, Setting, SizeSeries};
/// let setting = Setting { lattice: "hypercubic".into(), dimension: 2, sides: vec![4, 4], element: Element::Bond,
///     boundary: Boundary::Torus, sweeps: 1, graph: None };
/// let series = SizeSeries::of(&setting, &mut stream(1, "sizes", &[]))?;
/// assert_eq!(series.density(0, 0.0)?, 1.0); // isolated sites
/// assert_eq!(series.density(4, 1.0)?, 1.0 / (16.0 * 16.0)); // one cluster of 16 to 31 sites, 16 sizes, 16 sites
/// # Ok::<(), saddlepoint::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SizeSeries {
    sites: usize,
    elements: usize,
    /// Bins outermost.
    counts: Vec<f64>,
}

impl SizeSeries {
    /// Number of bins up to a cluster of all `sites`.
    pub fn bins(sites: u64) -> usize {
        64 - sites.leading_zeros() as usize
    }

    /// The size that stands for a bin: the geometric mean of its first and last. Of `s^-tau` it gives the mean over the bin to 0.3 %, tau near 2.
    pub fn size(bin: usize) -> f64 {
        let first = (1u64 << bin) as f64;
        (first * (2.0 * first - 1.0)).sqrt()
    }

    /// Peak memory, tables included.
    ///
    /// # Errors
    /// As for [`super::Network::lattice`].
    pub fn bytes(setting: &Setting) -> Result<u64> {
        let [sites, elements] = setting.counts()?;
        let bonds = Setting {
            element: Element::Bond,
            ..setting.clone()
        }
        .counts()?[1];
        let series = 8 * (elements + 1) * SizeSeries::bins(sites) as u64;
        Ok(series + 19 * bonds + 8 * sites + 4 * elements)
    }

    /// The sweeps of one draw.
    ///
    /// # Errors
    /// As for [`super::Network::lattice`]; `Interrupted` when the user asked to stop.
    pub fn of(setting: &Setting, rng: &mut Stream) -> Result<SizeSeries> {
        let network = setting.network()?;
        let sites = network.sites();
        let elements = match setting.element {
            Element::Site => sites,
            Element::Bond => network.bonds().len(),
        };
        let mut changes = Changes {
            forest: Forest::new(sites, false),
            stride: elements + 1,
            counts: vec![0.0; (elements + 1) * SizeSeries::bins(sites as u64)],
        };
        let mut order = Vec::new();
        for _ in 0..setting.sweeps {
            interrupt::check()?;
            changes.forest.reset(setting.element == Element::Bond);
            if setting.element == Element::Bond {
                changes.count(0, 1, sites as f64);
            }
            permutation(elements, rng, &mut order);
            for (k, &element) in order.iter().enumerate() {
                let (n, element) = (k + 1, element as usize);
                match setting.element {
                    Element::Bond => {
                        let [a, b] = network.bonds()[element];
                        changes.join(n, a as usize, b as usize);
                    }
                    Element::Site => {
                        changes.forest.insert(element);
                        changes.count(n, 1, 1.0);
                        for &other in network.neighbours(element) {
                            if changes.forest.is_present(other as usize) {
                                changes.join(n, element, other as usize);
                            }
                        }
                    }
                }
            }
        }
        let mut counts = changes.counts;
        let share = 1.0 / setting.sweeps as f64;
        for series in counts.chunks_mut(elements + 1) {
            let mut sum = 0.0;
            for count in series {
                sum += *count;
                *count = sum * share;
            }
        }
        Ok(SizeSeries {
            sites,
            elements,
            counts,
        })
    }

    /// `n_s` at occupation `p`: clusters of a bin per site and per size in the bin.
    ///
    /// # Errors
    /// `Input` for `p` outside `[0, 1]`.
    pub fn density(&self, bin: usize, p: f64) -> Result<f64> {
        let stride = self.elements + 1;
        let series = &self.counts[bin * stride..(bin + 1) * stride];
        let mean = Binomial::new(self.elements, p)?.mean(|n| series[n]);
        Ok(mean / (self.sites as f64 * (1u64 << bin) as f64))
    }
}

/// Changes of the numbers from one `n` to the next, over all sweeps.
struct Changes {
    forest: Forest,
    stride: usize,
    counts: Vec<f64>,
}

impl Changes {
    fn count(&mut self, n: usize, size: u32, by: f64) {
        self.counts[size.ilog2() as usize * self.stride + n] += by;
    }

    fn join(&mut self, n: usize, a: usize, b: usize) {
        if let Joined::Merged(a, b) = self.forest.join(a, b) {
            self.count(n, a, -1.0);
            self.count(n, b, -1.0);
            self.count(n, a + b, 1.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numerics::random::stream;
    use crate::numerics::statistics::mean_stderr;
    use crate::percolation::{Boundary, Crystal, Network, enumerate};

    /// All clusters of a lattice, and isolated sites, against exact canonical values; open lattices have fewer bonds at their faces.
    #[test]
    fn numbers_add_up_to_the_enumerated_ones() {
        let crystal = Crystal::named("hypercubic", 2).unwrap();
        for (boundary, element) in [
            (Boundary::Torus, Element::Site),
            (Boundary::Torus, Element::Bond),
            (Boundary::Open, Element::Site),
            (Boundary::Open, Element::Bond),
        ] {
            let setting = Setting {
                lattice: "hypercubic".into(),
                dimension: 2,
                sides: vec![3, 3],
                element,
                boundary,
                sweeps: 100,
                graph: None,
            };
            let network = Network::lattice(&crystal, &[3, 3], boundary).unwrap();
            let exact = enumerate(&network, element).unwrap();
            let draws: Vec<SizeSeries> = (0..40)
                .map(|k| SizeSeries::of(&setting, &mut stream(5, "sizes", &[k])).unwrap())
                .collect();
            let p = 0.4;
            let number = |series: &SizeSeries| -> f64 {
                let of = |bin: usize| (1 << bin) as f64 * series.density(bin, p).unwrap();
                9.0 * (0..SizeSeries::bins(9)).map(of).sum::<f64>()
            };
            let numbers: Vec<f64> = draws.iter().map(number).collect();
            let elements = exact.configurations.len() - 1;
            let expected = Binomial::new(elements, p)
                .unwrap()
                .mean(|n| exact.clusters[n] as f64 / exact.configurations[n] as f64);
            let (mean, stderr) = mean_stderr(&numbers);
            let z = (mean - expected) / stderr.unwrap();
            assert!(z.abs() < 4.0, "{boundary:?} {element:?}: {mean} {expected}");
            if boundary == Boundary::Torus {
                let isolated: Vec<f64> = draws.iter().map(|s| s.density(0, p).unwrap()).collect();
                let expected = match element {
                    Element::Site => p * (1.0 - p).powi(4),
                    Element::Bond => (1.0 - p).powi(4),
                };
                let (mean, stderr) = mean_stderr(&isolated);
                assert!(
                    ((mean - expected) / stderr.unwrap()).abs() < 4.0,
                    "{mean} {expected}"
                );
            }
        }
    }
}
