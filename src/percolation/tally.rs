//! Sums over sweeps: what the observables of one draw are read from.

use super::graph::Graph;
use super::model::Model;
use super::onset::{Event, Onset};
use super::size_series::SizeSeries;
use super::sweep::{Follow, State};
use super::{Binomial, Boundary, Configurations, Crystal, Element, Look, Network, Probe, Sweeper};
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use rand::RngExt;
use std::sync::Arc;

/// A percolation model in words and numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// Name of the crystal, see [`Crystal::named`]; of no meaning beside a graph, like dimension, sides and boundary.
    pub lattice: String,
    /// Dimension of space.
    pub dimension: usize,
    /// Cells along every direction.
    pub sides: Vec<usize>,
    /// Sites or bonds.
    pub element: Element,
    /// Torus or open.
    pub boundary: Boundary,
    /// Independent sweeps that one draw averages over.
    pub sweeps: usize,
    /// A graph in place of the crystal: without directions, it has nothing to wrap around or to span.
    pub graph: Option<Arc<Graph>>,
}

/// What is read off the sweeps of one draw.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Need {
    /// Sizes at every number of occupied elements.
    pub sizes: bool,
    /// Wrapping or spanning.
    pub onset: bool,
    /// Numbers of clusters by size at every number of occupied elements.
    pub by_size: bool,
    /// Shapes and sizes in configurations at fixed occupation.
    pub probes: Vec<Probe>,
}

impl Need {
    /// One look at the configurations at one occupation (nothing: the published threshold).
    pub fn probe(p: Option<f64>, look: Look) -> Need {
        Need {
            probes: vec![Probe { p, look }],
            ..Need::default()
        }
    }

    /// Both.
    pub fn and(self, other: Need) -> Need {
        let mut probes = self.probes;
        for probe in other.probes {
            if !probes.contains(&probe) {
                probes.push(probe);
            }
        }
        Need {
            sizes: self.sizes | other.sizes,
            onset: self.onset | other.onset,
            by_size: self.by_size | other.by_size,
            probes,
        }
    }

    /// Whether sweeps are needed.
    pub(super) fn sweeps(&self) -> bool {
        self.sizes | self.onset
    }

    fn follow(&self) -> Follow {
        Follow {
            onset: self.onset,
            only_onset: !self.sizes,
        }
    }
}

impl Setting {
    pub(super) fn crystal(&self) -> Result<Crystal> {
        Crystal::named(&self.lattice, self.dimension)
    }

    /// Lattice and tables.
    ///
    /// # Errors
    /// As for [`Model::lattice`].
    pub fn model(&self) -> Result<Model> {
        if self.graph.is_some() {
            return Ok(Model::network(self.network()?, self.element));
        }
        Model::lattice(&self.crystal()?, &self.sides, self.boundary, self.element)
    }

    /// Sites and bonds as tables.
    ///
    /// # Errors
    /// As for [`Network::lattice`].
    pub fn network(&self) -> Result<Network> {
        match &self.graph {
            Some(graph) => Ok(Network::graph(graph)),
            None => Network::lattice(&self.crystal()?, &self.sides, self.boundary),
        }
    }

    /// Numbers of sites and of elements.
    ///
    /// # Errors
    /// As for [`Model::lattice`].
    pub fn counts(&self) -> Result<[u64; 2]> {
        if let Some(graph) = &self.graph {
            let sites = graph.vertices() as u64;
            return Ok(match self.element {
                Element::Site => [sites, sites],
                Element::Bond => [sites, graph.edges().len() as u64],
            });
        }
        let crystal = self.crystal()?;
        Network::bytes(&crystal, &self.sides, self.boundary)?;
        let cells: u64 = self.sides.iter().map(|&s| s as u64).product();
        let sites = cells * crystal.basis as u64;
        Ok(match self.element {
            Element::Site => [sites, sites],
            Element::Bond => [sites, cells * crystal.bonds.len() as u64],
        })
    }

    /// Peak memory of one draw, known before anything is allocated.
    ///
    /// # Errors
    /// As for [`Model::lattice`].
    pub fn bytes(&self, need: &Need) -> Result<u64> {
        let (probed, _) = Configurations::cost(self, &need.probes)?;
        let by_size = match need.by_size {
            true => SizeSeries::bytes(self)?,
            false => 0,
        };
        let [sites, elements] = self.counts()?;
        let follow = need.follow();
        let [tables, buffers] = match &self.graph {
            None => Model::bytes(
                &self.crystal()?,
                &self.sides,
                self.boundary,
                self.element,
                follow,
            )?,
            // The edges are copied and sorted while the tables are made.
            Some(graph) => [
                4 * sites + 32 * graph.edges().len() as u64,
                Sweeper::bytes(sites, elements, false, follow),
            ],
        };
        let sizes = if need.sizes { 32 * (elements + 1) } else { 0 };
        let swept = match need.sweeps() {
            true => tables + buffers + sizes + 56 * self.sweeps as u64,
            false => 0,
        };
        Ok(swept.max(probed) + by_size)
    }
}

impl Setting {
    /// One configuration at `p`: the size of every site's cluster, 0 for empty sites.
    ///
    /// # Errors
    /// As for [`Model::lattice`]; `Input` for `p` outside `[0, 1]`.
    pub fn configuration(&self, p: f64, rng: &mut Stream) -> Result<Vec<u32>> {
        let network = self.network()?;
        let mut sweeper = Sweeper::new(&network, self.element, Follow::default());
        let occupied = Binomial::new(sweeper.elements(), p)?.draw(rng.random());
        let mut order = Vec::new();
        super::permutation(sweeper.elements(), rng, &mut order);
        order.truncate(occupied);
        sweeper.run_in_order(&order, &mut ())?;
        Ok((0..network.sites())
            .map(|site| sweeper.size_at(site))
            .collect())
    }
}

/// Means over the sweeps of one draw.
#[derive(Debug, Clone, PartialEq)]
pub struct Tally {
    /// Number `N` of sites.
    pub sites: usize,
    /// Number `M` of elements.
    pub elements: usize,
    /// What was occupied.
    pub element: Element,
    /// `<s_max>` at `n = 0 ... M`; empty if sizes were not asked for, like the next three.
    pub largest: Vec<f64>,
    /// `<sum_i s_i^2>`.
    pub squares: Vec<f64>,
    /// `<sum_i s_i^2 - s_max^2>`.
    pub finite: Vec<f64>,
    /// Mean number of clusters.
    pub clusters: Vec<f64>,
    /// One per sweep; empty if not asked for.
    pub onsets: Vec<Onset>,
    /// Numbers of clusters by size; nothing if not asked for.
    pub by_size: Option<SizeSeries>,
    /// Shapes and sizes at fixed occupation.
    pub configurations: Configurations,
}

impl Tally {
    /// Carries out the sweeps of one draw, one after the other in the order of the stream; configurations and numbers by size have streams of
    /// their own, so that no value depends on what else is asked for.
    ///
    /// # Errors
    /// As for [`Model::lattice`] and [`super::Sweeper::run`]; `Interrupted` when the user asked to stop.
    pub fn of(setting: &Setting, need: &Need, rng: &mut Stream) -> Result<Tally> {
        let beside = |stream: u64| {
            let mut beside = rng.clone();
            beside.set_stream(stream);
            beside
        };
        let configurations = Configurations::of(setting, &need.probes, &beside(1))?;
        let by_size = match need.by_size {
            true => Some(SizeSeries::of(setting, &mut beside(2))?),
            false => None,
        };
        let model = setting.model()?;
        let mut sweeper = model.sweeper(need.follow());
        let slots = if need.sizes { model.elements() + 1 } else { 0 };
        let mut tally = Tally {
            sites: model.sites(),
            elements: model.elements(),
            element: setting.element,
            largest: vec![0.0; slots],
            squares: vec![0.0; slots],
            finite: vec![0.0; slots],
            clusters: vec![0.0; slots],
            onsets: Vec::new(),
            by_size,
            configurations,
        };
        let sweeps = if need.sweeps() { setting.sweeps } else { 0 };
        for _ in 0..sweeps {
            interrupt::check()?;
            let onset = match need.sizes {
                true => {
                    let mut watch = |n: usize, s: &State| {
                        let largest = u64::from(s.largest);
                        tally.largest[n] += largest as f64;
                        tally.squares[n] += s.squares as f64;
                        tally.finite[n] += (s.squares - largest * largest) as f64;
                        tally.clusters[n] += f64::from(s.clusters);
                    };
                    sweeper.run(rng, &mut watch)?
                }
                false => sweeper.run(rng, &mut ())?,
            };
            if need.onset {
                tally.onsets.push(onset);
            }
        }
        let share = 1.0 / setting.sweeps as f64;
        for sums in [
            &mut tally.largest,
            &mut tally.squares,
            &mut tally.finite,
            &mut tally.clusters,
        ] {
            sums.iter_mut().for_each(|s| *s *= share);
        }
        Ok(tally)
    }

    /// Probability of an event at occupation `p`: the mean over sweeps of the binomial weight of the `n` at which it holds.
    ///
    /// # Errors
    /// `Input` for `p` outside `[0, 1]`.
    pub fn probability(&self, event: Event, p: f64) -> Result<f64> {
        let tails = Tails::new(self.elements, p)?;
        let sum: f64 = self.onsets.iter().map(|o| tails.of(o.holds(event))).sum();
        Ok(sum / self.onsets.len() as f64)
    }

    /// Derivative of [`Tally::probability`] with respect to `p`: by Russo's formula, for a monotone event, the mean number of pivotal elements,
    /// those whose state decides whether it holds.
    ///
    /// # Errors
    /// `Input` for `p` outside `[0, 1]`.
    pub fn slope(&self, event: Event, p: f64) -> Result<f64> {
        let binomial = Binomial::new(self.elements, p)?;
        let rise = |n: u32| binomial.rise(n as usize);
        let rises = self.onsets.iter().map(|o| {
            let [from, to] = o.holds(event);
            rise(from) - rise(to)
        });
        Ok(rises.sum::<f64>() / self.onsets.len() as f64)
    }

    /// The `p` at which the probability of a monotone event (not [`Event::Only`]) is `level`, by bisection, with the jackknife over the sweeps taking off
    /// the bias of the order `1/sweeps` that the curvature of the probability makes.
    ///
    /// # Errors
    /// `Unconverged` where no `p` has that probability: events that never happen in some sweeps, a level of 0 or 1.
    pub fn threshold(&self, event: Event, level: f64) -> Result<f64> {
        let starts: Vec<u32> = self.onsets.iter().map(|o| o.holds(event)[0]).collect();
        let whole = root(self.elements, &starts, level)?;
        // Blocks of sweeps: at most 20, all of one size.
        let blocks = starts.len().min(20);
        if blocks < 2 {
            return Ok(whole);
        }
        let size = starts.len() / blocks;
        let mut without = 0.0;
        let mut rest = Vec::with_capacity(starts.len() - size);
        for b in 0..blocks {
            rest.clear();
            rest.extend_from_slice(&starts[..b * size]);
            rest.extend_from_slice(&starts[(b + 1) * size..]);
            without += root(self.elements, &rest, level)?;
        }
        let g = starts.len() as f64 / size as f64;
        Ok(g * whole - (g - 1.0) * without / blocks as f64)
    }

    /// `<sum_i s_i>` at `p`: `N p` sites, or all `N` of them in bond percolation.
    pub fn members(&self, p: f64) -> f64 {
        self.element.members(self.sites, p)
    }

    /// A microcanonical mean averaged over the binomial law at `p`.
    ///
    /// # Errors
    /// `Input` for `p` outside `[0, 1]`.
    pub fn at(&self, series: &[f64], p: f64) -> Result<f64> {
        Ok(Binomial::new(self.elements, p)?.mean(|n| series[n]))
    }
}

/// Probabilities of intervals of `n`.
struct Tails {
    first: usize,
    /// `P(n >= first + k)`
    tails: Vec<f64>,
}

impl Tails {
    fn new(elements: usize, p: f64) -> Result<Self> {
        let binomial = Binomial::new(elements, p)?;
        Ok(Tails {
            first: binomial.support()[0],
            tails: binomial.tails(),
        })
    }

    fn from(&self, n: u32) -> f64 {
        match (n as usize).checked_sub(self.first) {
            None => 1.0,
            Some(k) => self.tails.get(k).copied().unwrap_or(0.0),
        }
    }

    fn of(&self, [from, to]: [u32; 2]) -> f64 {
        self.from(from) - self.from(to)
    }
}

/// Solves `mean_i P(n >= n_i | p) = level`.
fn root(elements: usize, starts: &[u32], level: f64) -> Result<f64> {
    let mut sorted = starts.to_vec();
    sorted.sort_unstable();
    let value = |p: f64| -> Result<f64> {
        let tails = Tails::new(elements, p)?;
        Ok(sorted.iter().map(|&n| tails.from(n)).sum::<f64>() / sorted.len() as f64 - level)
    };
    let (mut low, mut high) = (0.0, 1.0);
    if !(level > 0.0 && level < 1.0) || value(1.0)? <= 0.0 {
        return Err(Error::unconverged(
            "threshold",
            format!("the probability does not pass {level} between p = 0 and 1"),
            "choose another level, or more sweeps",
        ));
    }
    // A quantile of the onsets is next to it: the bracket shrinks to a few binomial widths.
    let quantile = sorted[((sorted.len() as f64 * level) as usize).min(sorted.len() - 1)];
    if quantile != Onset::NEVER {
        let guess = f64::from(quantile) / elements as f64;
        let width = 4.0 * (guess * (1.0 - guess) / elements as f64).sqrt() + 1e-6;
        let near = [(guess - width).max(0.0), (guess + width).min(1.0)];
        if value(near[0])? < 0.0 && value(near[1])? > 0.0 {
            [low, high] = near;
        }
    }
    let found = crate::numerics::root::brent(|p| value(p).unwrap_or(f64::NAN), low, high, 1e-13)?;
    Ok(found.x)
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
