//! Percolation without loops, solved exactly: Bethe lattice, Erdos-Renyi graph, Yule-Simon growth.

mod bethe;
mod erdos_renyi;
mod growth;
mod nearest_seen;
mod yule_simon;

pub use bethe::{Bethe, BetheCluster, CutOff};
pub use erdos_renyi::{ErdosRenyi, uniform_graph};
pub use growth::{Census, Growth};
pub use nearest_seen::NearestSeen;
pub use yule_simon::YuleSimon;

use crate::error::{Error, Result};

/// The law of the size of the cluster that a random site (an occupied one, in site percolation) belongs to.
pub trait ClusterLaw {
    /// `w(s) = s n_s / sum_s s n_s`: probability that the cluster is finite and has `s >= 1` sites.
    fn weight(&self, size: u64) -> f64;

    /// Probability that the cluster is infinite: `1 - sum_s w(s)`.
    fn infinite(&self) -> f64;

    /// Mean size of the cluster, given that it is finite: `S = sum_s s w(s) / sum_s w(s)`; infinite at the threshold.
    fn mean_size(&self) -> f64;

    /// `u(phi) = sum_s w(s) (1 - phi)^s`: the share of sites in clusters of which nothing is seen, when each site is seen
    /// independently with probability `phi` (an infinite cluster is always seen).
    ///
    /// # Errors
    /// Input error for `phi` outside [0, 1].
    fn undiscovered(&self, seen: f64) -> Result<f64>;
}

/// The check of `phi` that all laws share.
fn fraction(seen: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&seen) {
        return Ok(seen);
    }
    Err(Error::input(
        "phi",
        format!("{seen} is no fraction"),
        "give a seen fraction between 0 and 1",
    ))
}

/// Largest root of `d = map(d)` in [0, 1] for an increasing concave `map` with `map(1) <= 1`, by Newton's method from above
/// (monotone); `map` returns value and slope.
fn root_from_above(map: impl Fn(f64) -> (f64, f64)) -> f64 {
    let mut d = 1.0;
    for _ in 0..200 {
        let (value, slope) = map(d);
        let step = (d - value) / (1.0 - slope);
        if step <= 0.0 || slope >= 1.0 {
            break;
        }
        d -= step;
        if step <= f64::EPSILON * d {
            break;
        }
    }
    d.max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::percolation::Element;

    fn sum(terms: u64, f: impl Fn(u64) -> f64) -> f64 {
        (1..=terms).rev().map(f).sum()
    }

    /// Every law is normalised and has the moments and the discovery curve of its own weights.
    #[test]
    fn laws_agree_with_sums_over_their_weights() {
        let laws: [(&str, Box<dyn ClusterLaw>); 7] = [
            ("z=3", Box::new(Bethe::new(3, 0.3, Element::Bond).unwrap())),
            ("z=3+", Box::new(Bethe::new(3, 0.7, Element::Site).unwrap())),
            ("z=6", Box::new(Bethe::new(6, 0.15, Element::Site).unwrap())),
            (
                "z=6+",
                Box::new(Bethe::new(6, 0.27, Element::Bond).unwrap()),
            ),
            ("c<1", Box::new(ErdosRenyi::new(0.7).unwrap())),
            ("c>1", Box::new(ErdosRenyi::new(1.5).unwrap())),
            ("c>1", Box::new(ErdosRenyi::new(4.0).unwrap())),
        ];
        for (name, law) in &laws {
            let finite = sum(3000, |s| law.weight(s));
            assert!((finite + law.infinite() - 1.0).abs() < 1e-11, "{name}");
            let mean = sum(3000, |s| s as f64 * law.weight(s)) / finite;
            assert!((mean / law.mean_size() - 1.0).abs() < 1e-9, "{name}");
            for seen in [0.0_f64, 1e-3, 0.1, 0.6, 1.0] {
                let direct = sum(3000, |s| law.weight(s) * (1.0 - seen).powi(s as i32));
                let u = law.undiscovered(seen).unwrap();
                assert!((u - direct).abs() < 1e-11, "{name} {seen}: {u} {direct}");
            }
            assert!(law.undiscovered(-0.1).is_err() && law.undiscovered(f64::NAN).is_err());
        }
    }
}
