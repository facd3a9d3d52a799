//! Configurations at fixed occupation: what one draw reads off them.

use super::geometry::{Gauge, Shape};
use super::thresholds::threshold;
use super::{Element, Setting, SizeSeries};
use crate::error::{Error, Result};
use crate::numerics::interrupt;
use crate::numerics::random::Stream;
use std::collections::BTreeMap;

/// What is wanted of the configurations at one occupation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Probe {
    /// Occupation probability; nothing: the published threshold.
    pub p: Option<f64>,
    /// What is looked at.
    pub look: Look,
}

/// What is looked at in a configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// A length or mass.
    Shape(Shape),
    /// Numbers of clusters by size.
    Sizes,
    /// Radii of gyration of the clusters that do not wrap, by size.
    Radii,
}

/// Clusters of `2^k <= s < 2^(k+1)` sites that do not wrap.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SizeClass {
    /// How many.
    pub clusters: u64,
    /// Sum of their sizes.
    pub sites: f64,
    /// Sum of their squared radii of gyration.
    pub squared_radii: f64,
}

/// What the configurations of one draw gave.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Configurations {
    /// Mean of each probed shape over the configurations that have it; not-a-number if none has.
    means: Vec<(Probe, f64)>,
    /// Numbers of clusters by size in all configurations together, at the occupations where sizes were asked for.
    sizes: Vec<(Option<f64>, BTreeMap<u32, u64>)>,
    /// Size classes `k = 0, 1, ...` of all configurations together, at the occupations where radii were asked for.
    radii: Vec<(Option<f64>, Vec<SizeClass>)>,
}

/// Elements per second that one shape takes, for estimates.
const RATE: f64 = 4e6;

impl Configurations {
    /// As many configurations as the setting has sweeps, at every occupation probed; those at different occupations are made of the
    /// same random numbers.
    ///
    /// # Errors
    /// As for [`super::Network::lattice`]; `Input` without a published threshold; `Interrupted` when the user asked to stop.
    pub fn of(setting: &Setting, probes: &[Probe], rng: &Stream) -> Result<Configurations> {
        let mut found = Configurations::default();
        if probes.is_empty() {
            return Ok(found);
        }
        let mut gauge = Gauge::new(setting.network()?, &setting.sides, setting.element)?;
        let mut occupations: Vec<Option<f64>> = Vec::new();
        for probe in probes {
            if !occupations.contains(&probe.p) {
                occupations.push(probe.p);
            }
        }
        let radii = probes.iter().any(|probe| probe.look == Look::Radii);
        let crystal = radii.then(|| setting.crystal()).transpose()?;
        for p in occupations {
            let occupied = occupation(setting, p)?;
            let here: Vec<Probe> = probes.iter().filter(|x| x.p == p).copied().collect();
            let mut sums = vec![(0.0, 0usize); here.len()];
            let mut sizes = BTreeMap::new();
            let mut classes = vec![SizeClass::default(); SizeSeries::bins(setting.counts()?[0])];
            let mut rng = rng.clone();
            for _ in 0..setting.sweeps {
                interrupt::check()?;
                gauge.occupy(occupied, &mut rng);
                for (probe, (sum, count)) in here.iter().zip(&mut sums) {
                    match probe.look {
                        Look::Shape(shape) => {
                            if let Some(value) = gauge.read(shape)? {
                                *sum += value;
                                *count += 1;
                            }
                        }
                        Look::Sizes => {
                            for (size, clusters) in gauge.sizes() {
                                *sizes.entry(size).or_insert(0) += clusters;
                            }
                        }
                        Look::Radii => {
                            for (size, squared) in crystal.iter().flat_map(|c| gauge.radii(c)) {
                                let class = &mut classes[size.ilog2() as usize];
                                class.clusters += 1;
                                class.sites += f64::from(size);
                                class.squared_radii += squared;
                            }
                        }
                    }
                }
            }
            for (probe, (sum, count)) in here.into_iter().zip(sums) {
                match probe.look {
                    Look::Shape(_) => found.means.push((probe, sum / count as f64)),
                    Look::Sizes => found.sizes.push((p, std::mem::take(&mut sizes))),
                    Look::Radii => found.radii.push((p, std::mem::take(&mut classes))),
                }
            }
        }
        Ok(found)
    }

    /// The mean of a shape.
    ///
    /// # Errors
    /// `Unconverged` when no configuration had it.
    pub fn mean(&self, shape: Shape, p: Option<f64>) -> Result<f64> {
        let probe = Probe {
            p,
            look: Look::Shape(shape),
        };
        match self.means.iter().find(|(x, _)| *x == probe) {
            None => Err(Error::bug("Configurations", "a shape that was not probed")),
            Some((_, mean)) if mean.is_nan() => Err(Error::unconverged(
                "mean over configurations",
                "none of them has the shape: no cluster joins the two faces, or all of them wrap",
                "raise task.sweeps, or choose p nearer to the threshold",
            )),
            Some((_, mean)) => Ok(*mean),
        }
    }

    /// Numbers of clusters by size.
    ///
    /// # Errors
    /// `Bug` if they were not asked for.
    pub fn sizes(&self, p: Option<f64>) -> Result<&BTreeMap<u32, u64>> {
        let found = self.sizes.iter().find(|(at, _)| *at == p);
        let bug = || Error::bug("Configurations", "sizes that were not asked for");
        found.map(|(_, sizes)| sizes).ok_or_else(bug)
    }

    /// Size classes of the clusters that do not wrap, with their radii.
    ///
    /// # Errors
    /// `Bug` if they were not asked for.
    pub fn radii(&self, p: Option<f64>) -> Result<&[SizeClass]> {
        let found = self.radii.iter().find(|(at, _)| *at == p);
        let bug = || Error::bug("Configurations", "radii that were not asked for");
        found.map(|(_, classes)| classes.as_slice()).ok_or_else(bug)
    }

    /// Bytes, tables included, and seconds on one core of a draw.
    ///
    /// # Errors
    /// As for [`super::Network::lattice`].
    pub fn cost(setting: &Setting, probes: &[Probe]) -> Result<(u64, f64)> {
        if probes.is_empty() {
            return Ok((0, 0.0));
        }
        let [sites, bonds] = Setting {
            element: Element::Bond,
            ..setting.clone()
        }
        .counts()?;
        let looked_at = probes.len() as f64 * setting.sweeps as f64 * (sites + bonds) as f64;
        Ok((Gauge::bytes(sites, bonds), looked_at / RATE))
    }
}

/// The probability, `None` standing for the published threshold.
pub(crate) fn occupation(setting: &Setting, p: Option<f64>) -> Result<f64> {
    match p {
        Some(p) => Ok(p),
        None => Ok(threshold(&setting.lattice, setting.dimension, setting.element)?.value),
    }
}
