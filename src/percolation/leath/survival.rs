//! How many clusters reach 2, 4, 8, ... sites, at every `p` near the one at which they were grown.

use crate::error::{Error, Result};
use crate::numerics::root::brent;
use std::f64::consts::LN_2;

/// Steps from the p of the growth to as far as the largest clusters can be reweighted.
const STEPS: i32 = 32;

/// Steps along a chord from the root of all clusters to that of all but one group; each leaves about one group's share of the distance.
const CHORDS: usize = 4;

/// Clusters by the sizes they reach.
///
/// A cluster that has reached `s` sites after `t` tests (of sites or bonds) had the probability `p^(s-1) (1-p)^(t-s+1)` to
/// do it in this way: the ratio of two such weights carries what was seen at one `p` over to another, without bias.
#[derive(Debug, Clone, PartialEq)]
pub struct Survival {
    occupation: f64,
    /// Elements tested when a cluster reached `2^(k+1)` sites: `tested[k][group]`.
    tested: Vec<Vec<Vec<u32>>>,
    /// Clusters of each group.
    clusters: Vec<u64>,
    level: usize,
}

impl Survival {
    pub(super) fn new(occupation: f64, doublings: u32, groups: usize) -> Survival {
        Survival {
            occupation,
            tested: vec![vec![Vec::new(); groups]; doublings as usize],
            clusters: vec![0; groups],
            level: 0,
        }
    }

    pub(super) fn reached(&mut self, group: usize, tested: u32) {
        self.tested[self.level][group].push(tested);
        self.level += 1;
    }

    pub(super) fn ended(&mut self, group: usize) {
        self.clusters[group] += 1;
        self.level = 0;
    }

    /// Number of doublings that were followed.
    pub fn doublings(&self) -> usize {
        self.tested.len()
    }

    /// `Q(s)` at `s = 2^doublings` and occupation `p`: probability that the cluster of an occupied site has `s` sites or more.
    ///
    /// Reweighted from the occupation of the growth; meaningful for `|p - p_0| << p_0 s^(-sigma)`. 1 for no doublings; not a number
    /// beyond the largest.
    pub fn at(&self, doublings: usize, p: f64) -> f64 {
        self.without(None, doublings, p)
    }

    fn without(&self, left_out: Option<usize>, doublings: usize, p: f64) -> f64 {
        if doublings == 0 {
            return 1.0;
        }
        let Some(tested) = self.tested.get(doublings - 1) else {
            return f64::NAN;
        };
        let p0 = self.occupation;
        let (occupied, empty) = ((p / p0).ln(), ((1.0 - p) / (1.0 - p0)).ln());
        let grown = (doublings as f64).exp2() - 1.0;
        let weight = |&t: &u32| (grown * occupied + (f64::from(t) - grown) * empty).exp();
        let (mut sum, mut clusters) = (0.0, 0);
        for (group, tested) in tested.iter().enumerate() {
            if Some(group) != left_out {
                sum += tested.iter().map(weight).sum::<f64>();
                clusters += self.clusters[group];
            }
        }
        sum / clusters as f64
    }

    /// Local exponent `ln(Q(s)/Q(r s))/ln r` at `r s = 2^doublings`, `r = 2^span`; at the threshold it tends to `tau - 2`.
    ///
    /// The bias of the order `1/clusters` is taken off by the jackknife over groups of clusters.
    ///
    /// # Errors
    /// `Input` where there is no such size; `Unconverged` when no cluster reached it.
    pub fn exponent(&self, doublings: usize, span: usize, p: f64) -> Result<f64> {
        self.check(doublings, span, 1)?;
        self.jackknife(|left_out| Ok(self.slope(left_out, doublings, span, p)))
    }

    /// The `p` at which the local exponents of two successive factors `r = 2^span` are the same: `Q(s/r)^2 = Q(s) Q(s/r^2)`, `s = 2^doublings`.
    ///
    /// At the threshold `Q` is a power of `s` but for corrections, below it falls faster and above it levels off; no exponent is
    /// put in. The estimate converges as `s^(-sigma - Omega)`, with `s^(-Omega)` the correction to the power law. The bias of the order
    /// `1/clusters` is taken off by the jackknife over groups of clusters.
    ///
    /// # Errors
    /// `Input` where there are no such sizes; `Unconverged` when no cluster reached them, or the root is not near the `p` of the growth.
    pub fn threshold(&self, doublings: usize, span: usize) -> Result<f64> {
        self.check(doublings, span, 2)?;
        let bend = |left_out: Option<usize>, p: f64| {
            self.slope(left_out, doublings, span, p)
                - self.slope(left_out, doublings - span, span, p)
        };
        // The change of sign next to the p of the growth: weights scatter the more, the further away.
        let widest = self.occupation * 3.0 * (-0.5 * doublings as f64).exp2();
        let step = widest / f64::from(STEPS);
        let at = |k: i32| self.occupation + step * f64::from(k);
        let inside = |k: i32| at(k) > 0.0 && at(k + 1) < 1.0;
        let falls = |k: i32| inside(k) && bend(None, at(k)) > 0.0 && bend(None, at(k + 1)) <= 0.0;
        let nearest = (0..STEPS).find_map(|k| [k, -k - 1].into_iter().find(|&k| falls(k)));
        let Some(low) = nearest else {
            return Err(Error::unconverged(
                "threshold of grown clusters",
                format!(
                    "no root within {widest:.2e} of p = {}, or too few clusters to see it",
                    self.occupation
                ),
                "grow more clusters, or start nearer to the threshold",
            ));
        };
        let root = brent(|p| bend(None, p), at(low), at(low + 1), 1e-14)?.x;
        let fall = (bend(None, at(low)) - bend(None, at(low + 1))) / step;
        // A group moves the root by little: chords follow it to the root of the others, where a new search could find another one.
        self.jackknife(|left_out| match left_out {
            None => Ok(root),
            Some(_) => Ok((0..CHORDS).fold(root, |p, _| p + bend(left_out, p) / fall)),
        })
    }

    fn slope(&self, left_out: Option<usize>, doublings: usize, span: usize, p: f64) -> f64 {
        let q = |k| self.without(left_out, k, p).ln();
        (q(doublings - span) - q(doublings)) / (span as f64 * LN_2)
    }

    fn check(&self, doublings: usize, span: usize, factors: usize) -> Result<()> {
        if span == 0 || factors * span > doublings || doublings > self.doublings() {
            return Err(Error::input(
                "span",
                format!(
                    "{factors} factors of 2^{span} do not fit between 1 and 2^{doublings} sites"
                ),
                "choose a smaller span, or more doublings",
            ));
        }
        let groups = &self.tested[doublings - 1];
        if groups.iter().filter(|g| !g.is_empty()).count() < 2 {
            return Err(Error::unconverged(
                "growth of clusters",
                format!("hardly any cluster reached 2^{doublings} sites"),
                "grow more clusters",
            ));
        }
        Ok(())
    }

    fn jackknife(&self, estimate: impl Fn(Option<usize>) -> Result<f64>) -> Result<f64> {
        let groups = self.clusters.len();
        let mut without = 0.0;
        for group in 0..groups {
            without += estimate(Some(group))?;
        }
        let g = groups as f64;
        Ok(g * estimate(None)? - (g - 1.0) * without / g)
    }
}
